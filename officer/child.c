/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

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

#include "own.h"

/*
 * What comes through the pipe: lines, "P" and a phase, at last "R" and a JSON object on one line.
 */
static int to_parent = -1;

static void send_line(char kind, const char *text)
{
	BUF_AUTO line = { 0 };
	size_t at = 0;

	buf_printf(&line, "%c%s\n", kind, text);
	while (buf_ok(&line) && at < line.len) {
		ssize_t n = write(to_parent, line.p + at, line.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

void child_phase(const char *phase)
{
	if (to_parent >= 0)
		send_line('P', phase);
}

static void work_here(struct officer *o, child_work work, void *arg)
{
	struct fail f = { 0 };
	json_t *answer = NULL;
	enum err e = work(o, arg, &answer, &f);
	json_t *all = json_pack("{s:i, s:i, s:I, s:o, s:o, s:o}", "err", (int)e, "code", (int)f.code, "rv",
				(json_int_t)f.rv, "text", show_string(view_of_string(f.text)), "who",
				show_string(view_of_string(o->who)), "answer", answer ? answer : json_null());
	char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;

	if (text)
		send_line('R', text);
	free(text);
	json_decref(all);
}

/* struct inbox: what has come through the pipe. */
struct inbox {
	struct buf line;
	struct child_end *end;
	json_t *result;
};

static void take_line(struct inbox *in)
{
	const char *text;

	buf_put_u8(&in->line, 0);
	text = buf_ok(&in->line) ? (const char *)in->line.p : "";
	if (text[0] == 'P')
		snprintf(in->end->phase, sizeof(in->end->phase), "%s", text + 1);
	else if (text[0] == 'R' && !in->result)
		in->result = json_loads(text + 1, 0, NULL);
	in->line.len = 0;
}

static void take_bytes(struct inbox *in, const char *p, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			take_line(in);
		else
			buf_put_u8(&in->line, (uint8_t)p[i]);
	}
}

static long now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* listen: until the child closes its end, or the time is up. */
static void listen_to(int fd, unsigned seconds, struct inbox *in)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	long until = now_seconds() + (long)seconds;
	char some[4096];

	for (;;) {
		long left = until - now_seconds();
		int ready =
		    seconds && left <= 0 ? 0 : poll(&p, 1, seconds ? (int)(left < 3600 ? left : 3600) * 1000 : -1);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0 && seconds && now_seconds() >= until) {
			in->end->late = true;
			return;
		}
		if (ready == 0)
			continue;
		n = read(fd, some, sizeof(some));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		take_bytes(in, some, n);
	}
}

static enum err take_result(struct officer *o, const json_t *result, json_t **ret, struct fail *f)
{
	json_t *answer = json_object_get(result, "answer");
	enum err e = (enum err)json_integer_value(json_object_get(result, "err"));
	const char *text = json_string_value(json_object_get(result, "text"));
	const char *who = json_string_value(json_object_get(result, "who"));

	snprintf(o->who, sizeof(o->who), "%s", who ? who : "");
	if (!json_is_null(answer))
		*ret = json_incref(answer);
	if (e == ERR_OK)
		return e;
	return fail_set(f, e, (unsigned long)json_integer_value(json_object_get(result, "rv")), "%s", text ? text : "");
}

enum err child_run(struct officer *o, child_work work, void *arg, unsigned seconds, json_t **ret, struct child_end *end,
		   struct fail *f)
{
	struct inbox in = { .end = end };
	int ends[2], status = 0;
	enum err e = ERR_OK;
	pid_t pid;

	*end = (struct child_end){ 0 };
	*ret = NULL;
	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail_set(f, ERR_IO, 0, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		to_parent = ends[1];
		work_here(o, work, arg);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return fail_set(f, ERR_IO, 0, "fork: %s", strerror(errno));
	}
	listen_to(ends[0], seconds, &in);
	if (end->late)
		kill(pid, SIGKILL);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (in.result)
		e = take_result(o, in.result, ret, f);
	else if (!end->late)
		end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGABRT;
	json_decref(in.result);
	buf_done(&in.line);
	return e;
}
