/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg_server.h"

#define ARGS_MAX 20

struct pg_server pg_server;
static pid_t pid, owner;
static int to = -1, from = -1;

static void die(const char *what, const char *text)
{
	fprintf(stderr, "PostgreSQL of the test: %s: %s\n", what, text);
	abort();
}

static json_t *answer(const char *to_what)
{
	static char line[65536];
	size_t n = 0;
	json_t *json;

	while (n < sizeof(line) - 1 && read(from, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
	json = json_loads(line, 0, NULL);
	if (!json)
		die(to_what, line);
	return json;
}

void pg_server_start(const char *const settings[])
{
	const char *argv[ARGS_MAX] = { "python3", "-B", getenv("POSTGRES_SERVER"), "--proxy" };
	int in[2], out[2], n = 4;
	json_t *ready;

	if (!argv[2])
		die("start", "POSTGRES_SERVER is not set");
	for (; settings && *settings && n < ARGS_MAX - 1; settings++)
		argv[n++] = *settings;
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die("start", "no pipe or process");
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to = in[1];
	from = out[0];
	owner = getpid();
	ready = answer("start");
	pg_server.port = (int)json_integer_value(json_object_get(ready, "port"));
	pg_server.proxy = (int)json_integer_value(json_object_get(ready, "proxy"));
	snprintf(pg_server.passfile, sizeof(pg_server.passfile), "%s",
		 json_string_value(json_object_get(ready, "passfile")));
	snprintf(pg_server.folder, sizeof(pg_server.folder), "%s", json_string_value(json_object_get(ready, "folder")));
	json_decref(ready);
}

void pg_server_stop(void)
{
	if (to < 0 || owner != getpid())
		return;
	close(to);
	waitpid(pid, NULL, 0);
	close(from);
	to = from = -1;
}

static json_t *ask(const char *format, va_list *args)
{
	char line[4096];
	int n = vsnprintf(line, sizeof(line) - 1, format, *args);
	json_t *json;

	if (n < 0 || n >= (int)sizeof(line) - 1)
		die("command", "too long");
	line[n] = '\n';
	if (write(to, line, (size_t)n + 1) != n + 1)
		die("command", "it ended");
	line[n] = 0;
	json = answer(line);
	if (json_object_get(json, "error"))
		die(line, json_string_value(json_object_get(json, "error")));
	return json;
}

json_t *pg_server_ask(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	json_t *json = ask(format, &args);
	va_end(args);
	return json;
}

void pg_server_do(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	json_decref(ask(format, &args));
	va_end(args);
}

void pg_server_create(char ret_name[64])
{
	static unsigned count;

	snprintf(ret_name, 64, "t%u", count++);
	pg_server_do("fresh %s", ret_name);
}

void pg_server_url(const char *name, bool proxy, char ret[1000])
{
	snprintf(ret, 1000,
		 "postgresql://strongroom@127.0.0.1:%d/%s?sslmode=verify-full&sslrootcert=%s/ca.pem&passfile=%s",
		 proxy ? pg_server.proxy : pg_server.port, name, pg_server.folder, pg_server.passfile);
}
