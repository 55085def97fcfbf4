/* SPDX-License-Identifier: BSD-2-Clause */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

void spawn_start(struct spawn *s, const char *const argv[])
{
	int out[2], err[2];
	memset(s, 0, sizeof(*s));
	must(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe2");
	s->pid = fork();
	must(s->pid >= 0, "fork");
	if (s->pid == 0) {
		int null = open("/dev/null", O_RDONLY);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)(void *)argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	s->out = out[0];
	s->err = err[0];
}

/* What does not fit is dropped; the end of the room keeps its zero. */
static bool take(int *fd, char *text, size_t *len, size_t room)
{
	char more[4096];
	ssize_t n = read(*fd, more, sizeof(more));
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	size_t fits = (size_t)n < room - 1 - *len ? (size_t)n : room - 1 - *len;
	memcpy(text + *len, more, fits);
	*len += fits;
	return true;
}

static bool pump(struct spawn *s, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = s->out, .events = POLLIN }, { .fd = s->err, .events = POLLIN } };
	if (s->out < 0 && s->err < 0)
		return false;
	if (poll(p, 2, timeout_ms) > 0) {
		if (p[0].revents != 0)
			take(&s->out, s->stdout_text, &s->stdout_len, sizeof(s->stdout_text));
		if (p[1].revents != 0)
			take(&s->err, s->stderr_text, &s->stderr_len, sizeof(s->stderr_text));
	}
	return true;
}

bool spawn_line(struct spawn *s, const char *text)
{
	time_t end = time(NULL) + SPAWN_TIMEOUT_S;
	while (strstr(s->stdout_text, text) == NULL) {
		if (time(NULL) > end || s->out < 0 || !pump(s, 200))
			return strstr(s->stdout_text, text) != NULL;
	}
	return true;
}

int spawn_wait_for(struct spawn *s, int timeout_s)
{
	time_t end = time(NULL) + timeout_s;
	int status = 0;
	bool late = false;
	while (pump(s, 200))
		if (time(NULL) > end && !late) {
			late = true;
			kill(s->pid, SIGKILL);
		}
	must(waitpid(s->pid, &status, 0) == s->pid, "waitpid");
	s->pid = 0;
	if (late)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int spawn_wait(struct spawn *s)
{
	return spawn_wait_for(s, SPAWN_TIMEOUT_S);
}

int spawn_kill(struct spawn *s, int signal)
{
	kill(s->pid, signal);
	return spawn_wait(s);
}

int spawn_run(struct spawn *s, const char *const argv[])
{
	spawn_start(s, argv);
	return spawn_wait(s);
}

bool spawn_value(const struct spawn *s, const char *name, char *ret, size_t room)
{
	const char *p = strstr(s->stdout_text, name);
	if (p == NULL)
		return false;
	p += strlen(name);
	size_t n = strcspn(p, " \n");
	if (n >= room)
		return false;
	memcpy(ret, p, n);
	ret[n] = 0;
	return true;
}
