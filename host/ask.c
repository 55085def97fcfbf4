/* SPDX-License-Identifier: BSD-2-Clause */
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "file.h"
#include "pk11.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };
static volatile sig_atomic_t caught;

static void note(int number)
{
	caught = number;
}

/* struct tty: the terminal while a question stands on it. Signals are blocked, and let through only while we wait. */
struct tty {
	int fd;
	bool hidden;
	bool shows; /* the echo could not be turned off: nothing may be typed */
	struct termios shown;
	struct sigaction before[ARRAY_LEN(signals)];
	sigset_t mask;
};

static enum err tty_open(struct tty *t, bool hidden, struct fail *f)
{
	struct sigaction action = { .sa_handler = note };
	sigset_t all;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "there is no terminal to ask on; give a file (see --help)");
	*t = (struct tty){ .fd = fd, .hidden = hidden };
	if (tcgetattr(fd, &t->shown) != 0) {
		close(fd);
		return fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno));
	}
	caught = 0;
	sigemptyset(&all);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(&all, signals[i]);
	sigprocmask(SIG_BLOCK, &all, &t->mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaction(signals[i], NULL, &t->before[i]);
		if (t->before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	if (hidden) {
		struct termios quiet = t->shown;

		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		t->shows = tcsetattr(fd, TCSAFLUSH, &quiet) != 0;
	}
	return ERR_OK;
}

/* tty_close: the terminal as it was; then the signal that came meanwhile, if one did, is let do its work. */
static void tty_close(struct tty *t)
{
	int number = caught;

	if (t->hidden) {
		tcsetattr(t->fd, TCSAFLUSH, &t->shown);
		dprintf(t->fd, "\n");
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &t->before[i], NULL);
	close(t->fd);
	if (number)
		raise(number); /* pending until the mask goes */
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
}

/* tty_byte: the next one; 0: a signal came or the terminal went away. */
static uint8_t tty_byte(struct tty *t)
{
	struct pollfd wait = { .fd = t->fd, .events = POLLIN };
	uint8_t c = 0;

	while (!caught) {
		int n = ppoll(&wait, 1, NULL, &t->mask);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || read(t->fd, &c, 1) != 1)
			return 0;
		return c;
	}
	return 0;
}

/* tty_line: prompt, then a line into line. *ret_again: it was stopped and goes on. */
static enum err tty_line(const char *prompt, bool hidden, struct secret *line, bool *ret_again, struct fail *f)
{
	struct tty t;
	enum err e = tty_open(&t, hidden, f);
	uint8_t c = 1;

	if (e != ERR_OK)
		return e;
	secret_wipe(line);
	if (t.shows)
		e = fail_set(f, ERR_IO, 0, "terminal: its echo cannot be turned off");
	else if (write(t.fd, prompt, strlen(prompt)) < 0)
		e = fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno));
	while (e == ERR_OK && (c = tty_byte(&t)) != 0 && c != '\n')
		if (!secret_append(line, &c, 1))
			e = fail_set(f, ERR_IO, 0, "a line of more than %d letters was typed", ASK_MAX);
	*ret_again = caught == SIGTSTP || caught == SIGTTIN || caught == SIGTTOU;
	if (e == ERR_OK && c == 0 && !*ret_again)
		e = fail_set(f, ERR_IO, 0, "nothing was typed");
	tty_close(&t);
	return e;
}

static enum err ask(const char *prompt, bool hidden, struct secret *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	bool again = false;
	enum err e = secret_init(&line, ASK_MAX) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "terminal");

	do {
		if (e == ERR_OK)
			e = tty_line(prompt, hidden, &line, &again, f);
	} while (e == ERR_OK && again);
	if (e == ERR_OK)
		secret_move(ret, &line);
	return e;
}

enum err ask_hidden(const char *prompt, struct secret *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	enum err e = ask(prompt, true, &line, f);

	if (e == ERR_OK && line.len == 0)
		e = fail_set(f, ERR_IO, 0, "nothing was typed");
	if (e == ERR_OK)
		secret_move(ret, &line);
	return e;
}

enum err ask_twice(const char *prompt, struct secret *ret, struct fail *f)
{
	for (int i = 0; i < 3; i++) {
		SECRET_AUTO first = { 0 };
		SECRET_AUTO second = { 0 };
		enum err e = ask_hidden(prompt, &first, f);

		if (e == ERR_OK)
			e = ask("once more: ", true, &second, f);
		if (e != ERR_OK)
			return e;
		if (secret_equal(&first, &second)) {
			secret_move(ret, &first);
			return ERR_OK;
		}
		ask_tell("The two differ.");
	}
	return fail_set(f, ERR_USAGE, 0, "what was typed twice differed three times");
}

enum err ask_line(const char *prompt, struct buf *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	enum err e = ask(prompt, false, &line, f);

	if (e == ERR_OK)
		buf_put_view(ret, secret_view(&line));
	return e != ERR_OK || buf_ok(ret) ? e : fail_set(f, ERR_NO_MEMORY, 0, "terminal");
}

enum err ask_yes(const char *prompt, bool *ret, struct fail *f)
{
	BUF_AUTO line = { 0 };
	enum err e = ask_line(prompt, &line, f);
	struct view v = buf_view(&line);

	if (e == ERR_OK)
		*ret = view_equal(v, VIEW_STR("y")) || view_equal(v, VIEW_STR("yes"));
	return e;
}

void ask_tell(const char *format, ...)
{
	int fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	va_list arguments;

	va_start(arguments, format);
	vdprintf(fd >= 0 ? fd : STDERR_FILENO, format, arguments);
	va_end(arguments);
	dprintf(fd >= 0 ? fd : STDERR_FILENO, "\n");
	if (fd >= 0)
		close(fd);
}

/* read_line: byte by byte, as the next line belongs to somebody else. The newline is dropped. */
static enum err read_line(int fd, const char *path, struct secret *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	uint8_t c = 0;

	if (!secret_init(&line, ASK_MAX))
		return fail_set(f, ERR_NO_MEMORY, 0, "%.128s", path);
	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(f, ERR_IO, 0, "%.128s: %s", path, strerror(errno));
		if (n == 0 || c == '\n')
			break;
		if (!secret_append(&line, &c, 1))
			return fail_set(f, ERR_CONFIG, 0, "%.128s: a line of more than %d letters", path, ASK_MAX);
	}
	if (line.len == 0)
		return fail_set(f, ERR_CONFIG, 0, "%.128s: an empty line where a secret should stand", path);
	secret_move(ret, &line);
	return ERR_OK;
}

enum err ask_file(const char *path, struct secret *ret, struct fail *f)
{
	enum err e;
	int fd = -1;

	if (!strcmp(path, "-"))
		return read_line(STDIN_FILENO, "standard input", ret, f);
	e = file_secret_open("", path, true, &fd, f);
	if (e)
		return e;
	e = read_line(fd, path, ret, f);
	close(fd);
	return e;
}
