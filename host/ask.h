/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_ASK_H
#define HOST_ASK_H

#include "err.h"
#include "secret.h"

/*
 * Questions on the terminal (/dev/tty, whatever standard input is). The echo is off while a secret is typed, and on
 * again on every way out: a signal (interrupt, hang-up, termination, stop) first restores the terminal, then does what
 * it does. Errors: ERR_CONFIG: no terminal; ERR_IO: nothing was typed, or more than room.
 */
#define ASK_MAX 1024

/* ask_hidden: a line with the echo off. ask_twice: the same line twice; asks again, three times, when they differ. */
enum err ask_hidden(const char *prompt, struct secret *ret, struct fail *f) MUST_CHECK;
enum err ask_twice(const char *prompt, struct secret *ret, struct fail *f) MUST_CHECK;
/* ask_line: a line that may be seen; ret: appended, without the newline. */
enum err ask_line(const char *prompt, struct buf *ret, struct fail *f) MUST_CHECK;
/* ask_yes: true for y or yes. */
enum err ask_yes(const char *prompt, bool *ret, struct fail *f) MUST_CHECK;
/* ask_tell: a line on the terminal, for what belongs to a dialogue and not into the answer. No terminal: stderr. */
void ask_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * ask_file: the first line of a file with a secret: mode 0600 or less, ours or root's, as pin_read; or a pipe; `-`: the
 * next line of standard input, so that several secrets may come one after the other.
 */
enum err ask_file(const char *path, struct secret *ret, struct fail *f) MUST_CHECK;

#endif
