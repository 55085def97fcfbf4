/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "log.h"
#include "now.h"

static char log_program[32] = "strongroom";
static atomic_int log_fd = -1;
static atomic_int log_most = LOG_LEVEL_INFO;

void log_open(const char *program, int fd, enum log_level most)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	log_most = (int)most;
	log_fd = fd;
}

/* What is not printable ASCII becomes \xNN, so that one event stays one line on every terminal. */
static size_t log_escape(char *to, size_t room, const char *from)
{
	size_t n = 0;

	for (; *from && n + 5 < room; from++) {
		uint8_t c = (uint8_t)*from;
		if (c >= 0x20 && c < 0x7f && c != '\\')
			to[n++] = (char)c;
		else
			n += (size_t)snprintf(to + n, room - n, "\\x%02x", c);
	}
	to[n] = 0;
	return n;
}

void log_line(enum log_level level, const char *topic, const char *format, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	int saved = errno;
	int fd = log_fd;
	char text[1024], line[2048];
	char now[TIME_TEXT];
	va_list ap;

	if (fd < 0 || (int)level > log_most || (size_t)level >= ARRAY_LEN(names))
		return;
	va_start(ap, format);
	int made = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (made < 0)
		return;

	size_t n = (size_t)snprintf(line, sizeof(line), "%s %s %s %.64s: ", time_text_ms(now_ms(), now), names[level],
				    log_program, topic);
	n += log_escape(line + n, sizeof(line) - 1 - n, text);
	line[n++] = '\n';
	/* One write keeps lines whole; a log that cannot be written has nowhere to complain. */
	(void)!write(fd, line, n);
	errno = saved;
}
