/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "officer.h"

#define PIN_MAX 256

/* read_line: up to the newline, which is dropped. */
static enum err read_line(int fd, struct secret *pin, struct fail *f)
{
	while (pin->len < pin->room) {
		ssize_t n = read(fd, pin->p + pin->len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_set(f, ERR_IO, 0, "no PIN was given");
		if (pin->p[pin->len] == '\n')
			return pin->len > 0 ? ERR_OK : fail_set(f, ERR_IO, 0, "no PIN was given");
		pin->len++;
	}
	return fail_set(f, ERR_USAGE, 0, "a PIN of so many letters is nobody's");
}

/* ask: on the terminal, with the echo off. */
static enum err ask(const char *prompt, struct secret *ret, struct fail *f)
{
	SECRET_AUTO pin = { 0 };
	struct termios shown, hidden;
	enum err e;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "no terminal to ask for the PIN: give pin-source in the URI");
	e = secret_init(&pin, PIN_MAX) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "PIN");
	if (e == ERR_OK && tcgetattr(fd, &shown) != 0)
		e = fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno));
	if (e == ERR_OK) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		if (write(fd, prompt, strlen(prompt)) < 0 || tcsetattr(fd, TCSAFLUSH, &hidden) != 0)
			e = fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno));
		else
			e = read_line(fd, &pin, f);
		tcsetattr(fd, TCSAFLUSH, &shown);
		if (write(fd, "\n", 1) < 0 && e == ERR_OK)
			e = fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno));
	}
	close(fd);
	if (e == ERR_OK)
		secret_move(ret, &pin);
	return e;
}

enum err officer_open(const struct officer *o, enum pk11_who who, struct pk11 **ret, struct fail *f)
{
	struct pk11_options options = { .who = who };
	SECRET_AUTO pin = { 0 };
	enum err e = ERR_OK;

	if (!o->uri)
		return fail_set(f, ERR_USAGE, 0, "which token? --uri pkcs11:token=...");
	if (who != PK11_NOBODY && !strstr(o->uri, "pin-source=") && !strstr(o->uri, "pin-value=")) {
		e = ask(who == PK11_SO ? "SO PIN: " : "PIN: ", &pin, f);
		options.pin = &pin;
	}
	return e == ERR_OK ? pk11_open(o->uri, &options, ret, f) : e;
}
