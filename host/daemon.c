/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon.h"
#include "log.h"
#include "now.h"

#define BACKLOG 256
#define SETTLE_MS 10 /* between two looks */

enum { OPT_CONFIG = 256, OPT_HELP_CONFIG, OPT_VERSION, OPT_LOG_LEVEL, OPT_PID_FILE, OPT_DB };

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "help", no_argument, NULL, 'h' },
	{ "help-config", no_argument, NULL, OPT_HELP_CONFIG },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "db", required_argument, NULL, OPT_DB },
	{ 0 },
};

enum err secure_process(struct fail *f)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fail_set(f, ERR_INTERNAL, 0, "core dumps cannot be turned off: %s", strerror(errno));
	return ERR_OK;
}

static void help(const struct daemon_spec *spec)
{
	printf("usage: %s [--config FILE] [--log-level error|warn|info|debug] [--pid-file FILE] [--db FILE|URL]\n"
	       "       [command]\n"
	       "       %s --help | --help-config | --version\n%s",
	       spec->name, spec->name, spec->usage ? spec->usage : "");
}

static void help_config(const struct daemon_spec *spec)
{
	const char *section = "";

	for (size_t i = 0; i < spec->key_count; i++) {
		const struct conf_key *k = &spec->keys[i];
		if (strcmp(k->section, section))
			printf("\n[%s]\n", k->section);
		section = k->section;
		if (k->fallback == CONF_REQUIRED)
			printf("%s = ...  # required; %s\n", k->name, k->help);
		else if (k->fallback)
			printf("%s = %s  # %s\n", k->name, k->fallback, k->help);
		else
			printf("# %s =  # %s\n", k->name, k->help);
	}
}

static bool log_level_of(const char *name, enum log_level *ret)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(names[i], name)) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* read_options: 0: go on; otherwise 1 + the exit status. Stops at the first word that is no option. */
static int read_options(struct daemon *d, int argc, char **argv, enum log_level *level)
{
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			d->config_path = optarg;
			break;
		case OPT_PID_FILE:
			d->pid_file = optarg;
			break;
		case OPT_DB:
			d->database = optarg;
			break;
		case OPT_LOG_LEVEL:
			if (!log_level_of(optarg, level)) {
				fprintf(stderr, "%s: no log level %s\n", d->spec->name, optarg);
				return 1 + 2;
			}
			break;
		case 'h':
			help(d->spec);
			return 1 + 0;
		case OPT_HELP_CONFIG:
			help_config(d->spec);
			return 1 + 0;
		case OPT_VERSION:
			printf("%s %s\n", d->spec->name, STRONGROOM_VERSION);
			return 1 + 0;
		default:
			fprintf(stderr, "try %s --help\n", d->spec->name);
			return 1 + 2;
		}
	}
	d->argc = argc - optind;
	d->argv = argv + optind;
	return 0;
}

void daemon_init(struct daemon *d, const struct daemon_spec *spec, int argc, char **argv, int *ret_exit)
{
	enum log_level level = LOG_LEVEL_INFO;
	char error[256];
	struct fail f = { 0 };

	*d = (struct daemon){ .spec = spec };
	int rc = read_options(d, argc, argv, &level);
	if (rc) {
		*ret_exit = rc - 1;
		return;
	}
	log_open(spec->name, STDERR_FILENO, level);
	if (secure_process(&f) != ERR_OK) {
		*ret_exit = daemon_fail(d, "start", &f);
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	const struct conf_over over = { "", "database", d->database };
	if (!conf_load_over(d->config_path, spec->keys, spec->key_count, &over, &d->conf, error)) {
		fail_set(&f, ERR_CONFIG, 0, "%.250s", error);
		*ret_exit = daemon_fail(d, "configuration", &f);
		return;
	}
	d->base = event_base_new();
	if (!d->base) {
		fail_set(&f, ERR_NO_MEMORY, 0, "event loop");
		*ret_exit = daemon_fail(d, "start", &f);
		return;
	}
	*ret_exit = -1;
}

/* A call that never comes back, of an HSM say, does not keep the process: whatever it had in hand was not acknowledged.
 */
static void on_overdue(int signal_number)
{
	static const char text[] = "stop: what is in hand does not come back; ending without it\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

static void on_stop(evutil_socket_t signal_number, short what, void *arg)
{
	struct daemon *d = arg;

	log_line(LOG_LEVEL_INFO, "daemon", "stopping on signal %d", (int)signal_number);
	if (d->stop_s) {
		signal(SIGALRM, on_overdue);
		alarm(d->stop_s);
	}
	event_base_loopexit(d->base, NULL);
}

static enum err write_pid(const char *path, struct fail *f)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	fprintf(file, "%ld\n", (long)getpid());
	if (fclose(file))
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	return ERR_OK;
}

int daemon_run(struct daemon *d, const char *addresses)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct fail f = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		d->stop[i] = evsignal_new(d->base, signals[i], on_stop, d);
		if (!d->stop[i] || event_add(d->stop[i], NULL)) {
			fail_set(&f, ERR_INTERNAL, 0, "signals");
			return daemon_fail(d, "start", &f);
		}
	}
	if (d->pid_file && write_pid(d->pid_file, &f) != ERR_OK)
		return daemon_fail(d, "pid file", &f);
	printf("ready %s %s\n", d->spec->name, addresses);
	fflush(stdout);
	log_line(LOG_LEVEL_INFO, "daemon", "ready %s", addresses);
	int rc = event_base_dispatch(d->base);
	if (d->pid_file)
		unlink(d->pid_file);
	return rc == 0 ? 0 : 1;
}

void daemon_settle(struct daemon *d, bool (*pending)(void *arg), void *arg, unsigned ms)
{
	const struct timeval some = { 0, SETTLE_MS * 1000 };
	int64_t end = steady_ms() + ms;

	while (pending(arg) && steady_ms() < end) {
		event_base_loopexit(d->base, &some);
		if (event_base_dispatch(d->base))
			return;
	}
}

void daemon_done(struct daemon *d)
{
	alarm(0);
	for (size_t i = 0; i < ARRAY_LEN(d->stop); i++)
		if (d->stop[i])
			event_free(d->stop[i]);
	if (d->base)
		event_base_free(d->base);
	conf_free(d->conf);
	*d = (struct daemon){ 0 };
}

/* The log goes to stderr as well: one line is enough. */
int daemon_fail(const struct daemon *d, const char *what, const struct fail *f)
{
	log_line(LOG_LEVEL_ERROR, "daemon", "%s: %s (%s)", what, f->text, err_name(f->code));
	return 1;
}

int daemon_main(const struct daemon_program *p, int argc, char **argv)
{
	struct daemon_spec spec = { .name = p->name, .keys = p->keys, .key_count = *p->key_count };
	BUF_AUTO usage = { 0 };
	struct fail f = { 0 };
	struct daemon d;
	int status = -1;

	p->usage(&usage);
	spec.usage = buf_ok(&usage) ? (const char *)usage.p : NULL;
	daemon_init(&d, &spec, argc, argv, &status);
	if (status >= 0)
		return status;
	if (!d.argc)
		status = p->serve(&d);
	else
		status = p->command(&d, &f) ? daemon_fail(&d, d.argv[0], &f) : d.status;
	daemon_done(&d);
	return status;
}

enum err address_split(const char *address, char host[256], char port[16], struct fail *f)
{
	const char *colon = strrchr(address, ':');
	const char *from = address;
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!colon || !colon[1] || strlen(colon + 1) > 15)
		return fail_set(f, ERR_CONFIG, 0, "%.100s: not host:port", address);
	if (address[0] == '[') {
		if (n < 2 || address[n - 1] != ']')
			return fail_set(f, ERR_CONFIG, 0, "%.100s: not [host]:port", address);
		from++;
		n -= 2;
	}
	if (n == 0 || n > 255)
		return fail_set(f, ERR_CONFIG, 0, "%.100s: not host:port", address);
	memcpy(host, from, n);
	host[n] = 0;
	strcpy(port, colon + 1);
	return ERR_OK;
}

static enum err address_text(int fd, char ret_text[300], struct fail *f)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[256], port[16];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return fail_set(f, ERR_IO, 0, "getsockname: %s", strerror(errno));
	snprintf(ret_text, 300, ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return ERR_OK;
}

enum err address_listen(const char *address, int *ret_fd, char ret_text[300], struct fail *f)
{
	char host[256], port[16];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	int one = 1, fd = -1;
	enum err e = address_split(address, host, port, f);

	if (e != ERR_OK)
		return e;
	int rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return fail_set(f, ERR_CONFIG, 0, "%s: %s", address, gai_strerror(rc));
	fd = socket(list->ai_family, list->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, list->ai_protocol);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, list->ai_addr, list->ai_addrlen) || listen(fd, BACKLOG)) {
		e = fail_set(f, ERR_IO, 0, "%s: %s", address, strerror(errno));
		goto out;
	}
	e = address_text(fd, ret_text, f);
	if (e != ERR_OK)
		goto out;
	*ret_fd = fd;
	fd = -1;
out:
	if (fd >= 0)
		close(fd);
	freeaddrinfo(list);
	return e;
}
