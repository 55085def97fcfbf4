/* SPDX-License-Identifier: BSD-2-Clause */
#include "served.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t server;

static void fail(const char *what)
{
	fprintf(stderr, "served: %s\n", what);
	abort();
}

void served_start(const char *directory)
{
	const char *command = getenv("STRONGROOM_SERVE"), *module = getenv("STRONGROOM_SERVE_MODULE");
	char path[256], line[256];
	int out[2];
	FILE *f;

	if (command == NULL)
		return;
	snprintf(path, sizeof(path), "%s/serve.sock", directory);
	if (module == NULL || pipe2(out, O_CLOEXEC) != 0)
		fail("no STRONGROOM_SERVE_MODULE, or no pipe");
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(out[1], STDOUT_FILENO);
		execl(command, command, "serve", "--socket", path, "--module", module, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	if (server < 0 || f == NULL || fgets(line, sizeof(line), f) == NULL || strncmp(line, "ready serve ", 12) != 0)
		fail("the server does not start");
	fclose(f);
	setenv("STRONGROOM_SOCKET", path, 1);
}

void served_stop(void)
{
	int status = 0;

	if (server == 0)
		return;
	if (kill(server, SIGTERM) != 0 || waitpid(server, &status, 0) != server || status != 0)
		fail("the server did not end as it should");
	server = 0;
}

unsigned served_workers(int *ret_pid)
{
	char path[64];
	unsigned n = 0;
	int pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)server, (int)server);
	f = fopen(path, "r");
	if (f == NULL)
		fail("no list of the server's processes");
	while (fscanf(f, "%d", &pid) == 1) {
		n++;
		if (ret_pid != NULL)
			*ret_pid = pid;
	}
	fclose(f);
	return n;
}
