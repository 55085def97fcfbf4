/* SPDX-License-Identifier: BSD-2-Clause */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "temp.h"

static char dir[128];
static FILE *nowhere, *out, *err;

static void leave(void)
{
	temp_remove(dir);
	fclose(nowhere);
}

void place_make(void)
{
	temp_dir(dir);
	nowhere = fopen("/dev/null", "we");
	out = stdout;
	err = stderr;
	if (!nowhere || atexit(leave) != 0)
		abort();
}

const char *place_dir(void)
{
	return dir;
}

const char *place_path(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

const char *place_file(const char *name, struct view v)
{
	const char *path = place_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || (v.n && write(fd, v.p, v.n) != (ssize_t)v.n) || close(fd) != 0)
		place_fail(strerror(errno));
	return path;
}

bool place_read(const char *path, struct buf *ret)
{
	uint8_t room[4096];
	FILE *file = fopen(path, "re");
	size_t n;

	while (file && (n = fread(room, 1, sizeof(room), file)) > 0)
		buf_put(ret, room, n);
	if (file)
		fclose(file);
	return file && buf_ok(ret);
}

void place_hush(void)
{
	stdout = nowhere;
	stderr = nowhere;
}

void place_speak(void)
{
	stdout = out;
	stderr = err;
}

void place_fail(const char *what)
{
	place_speak();
	fprintf(stderr, "%s\n", what);
	abort();
}

struct view place_part(struct view *left)
{
	size_t n = left->n ? left->p[0] : 0;
	struct view v;

	if (!left->n)
		return VIEW("", 0);
	n = n < left->n - 1 ? n : left->n - 1;
	v = VIEW(left->p + 1, n);
	*left = VIEW(left->p + 1 + n, left->n - 1 - n);
	return v;
}

char *place_text(struct view *left)
{
	struct view v = place_part(left);
	char *text = strndup((const char *)v.p, v.n);

	if (!text)
		abort();
	return text;
}
