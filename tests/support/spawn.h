/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SPAWN_H
#define TESTS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Programs as processes of their own: standard output and standard error are kept, waiting is bounded, and a process
 * dies with the test (PR_SET_PDEATHSIG). Any failure of the machinery aborts.
 */
struct spawn {
	pid_t pid;
	int out;
	int err;
	char stdout_text[65536];
	size_t stdout_len;
	char stderr_text[16384];
	size_t stderr_len;
};

#define SPAWN_TIMEOUT_S 60

/* spawn_start: argv ends with NULL; argv[0] is a path or a name in PATH. */
void spawn_start(struct spawn *s, const char *const argv[]);
/* spawn_line: waits for text on standard output; false: it ended or SPAWN_TIMEOUT_S passed. */
bool spawn_line(struct spawn *s, const char *text);
/* spawn_wait: exit status, 128 + signal, or -1 after timeout_s (killed then). Reads all output. */
int spawn_wait_for(struct spawn *s, int timeout_s);
int spawn_wait(struct spawn *s);
/* spawn_kill: sends the signal and waits. */
int spawn_kill(struct spawn *s, int signal);
/* spawn_run: start and wait. */
int spawn_run(struct spawn *s, const char *const argv[]);
/* spawn_value: the word behind name in standard output ("terminals=" -> "127.0.0.1:4711"); false: absent. */
bool spawn_value(const struct spawn *s, const char *name, char *ret, size_t room);

#endif
