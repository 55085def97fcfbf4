/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SHOWN 160 /* as much of a path as fits a text */

static enum err io_fail(struct fail *f, const char *path)
{
	int saved = errno;

	return fail_set(f, saved == ENOENT ? ERR_NOT_FOUND : ERR_IO, 0, "%.*s: %s", NAME_SHOWN, path, strerror(saved));
}

static enum err too_large(struct fail *f, const char *name, size_t max)
{
	return fail_set(f, ERR_TOO_LARGE, 0, "%.*s: more than %zu bytes", NAME_SHOWN, name, max);
}

/* read(2) that goes on after a signal. */
static ssize_t some(int fd, void *room, size_t n)
{
	ssize_t got;

	do
		got = read(fd, room, n);
	while (got < 0 && errno == EINTR);
	return got;
}

enum err file_read_fd(int fd, const char *name, size_t max, struct buf *ret, struct fail *f)
{
	uint8_t chunk[16384];
	size_t left = max;
	ssize_t n;

	while ((n = some(fd, chunk, sizeof(chunk))) > 0) {
		if ((size_t)n > left)
			return too_large(f, name, max);
		left -= (size_t)n;
		buf_put(ret, chunk, (size_t)n);
	}
	if (n < 0)
		return io_fail(f, name);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "%.*s: no memory", NAME_SHOWN, name);
}

enum err file_read(const char *path, size_t max, struct buf *ret, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	if (fd < 0)
		return io_fail(f, path);
	e = file_read_fd(fd, path, max, ret, f);
	close(fd);
	return e;
}

/* ---- secrets ---- */

enum err file_secret_open(const char *what, const char *path, bool pipe, int *ret_fd, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		enum err e = fail_set(f, ERR_CONFIG, 0, "%s%.*s: %s", what, NAME_SHOWN, path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return e;
	}
	if ((pipe && S_ISFIFO(st.st_mode)) ||
	    (S_ISREG(st.st_mode) && !(st.st_mode & 077) && (st.st_uid == geteuid() || st.st_uid == 0))) {
		*ret_fd = fd;
		return ERR_OK;
	}
	close(fd);
	return fail_set(f, ERR_CONFIG, 0, "%s%.*s: must be a file%s of ours with mode 0600 (chmod 600)", what,
			NAME_SHOWN, path, pipe ? ", or a pipe," : "");
}

enum err file_secret_read(int fd, const char *name, size_t max, struct secret *ret, struct fail *f)
{
	SECRET_AUTO all = { 0 };
	ssize_t n = 1;

	/* A byte more tells what is too large. */
	if (!secret_init(&all, max + 1))
		return fail_set(f, ERR_NO_MEMORY, 0, "%.*s: no memory", NAME_SHOWN, name);
	while (all.len < all.room && (n = some(fd, all.p + all.len, all.room - all.len)) > 0)
		all.len += (size_t)n;
	if (n < 0)
		return io_fail(f, name);
	if (all.len > max)
		return too_large(f, name, max);
	secret_move(ret, &all);
	return ERR_OK;
}

enum err file_secret_line(const char *what, const char *path, size_t max, struct secret *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	const uint8_t *end;
	int fd = -1;
	enum err e = file_secret_open(what, path, false, &fd, f);

	if (e)
		return e;
	e = file_secret_read(fd, path, max, &line, f);
	close(fd);
	if (e == ERR_NO_MEMORY)
		return e;
	end = e ? NULL : memchr(line.p, '\n', line.len);
	if (end) {
		line.len = (size_t)(end - line.p);
		memory_wipe(line.p + line.len, line.room - line.len);
	}
	if (e || !line.len)
		return fail_set(f, ERR_CONFIG, 0, "%s%.*s: %s", what, NAME_SHOWN, path,
				e == ERR_IO ? "cannot be read" : "empty or too long");
	secret_move(ret, &line);
	return ERR_OK;
}

/* ---- writing ---- */

enum err file_write_fd(int fd, const char *name, struct view content, struct fail *f)
{
	while (content.n) {
		ssize_t n = write(fd, content.p, content.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_fail(f, name);
		content = VIEW(content.p + n, content.n - (size_t)n);
	}
	return ERR_OK;
}

enum err file_sync_folder(const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = fd < 0 || fsync(fd) ? io_fail(f, path) : ERR_OK;

	if (fd >= 0)
		close(fd);
	return e;
}

/* Never over a name that is there. Not every file system knows both ways. */
static int name_new(const char *part, const char *path)
{
	if (!renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(part, path))
		return -1;
	unlink(part);
	return 0;
}

enum err file_place(int fd, const char *part, const char *path, bool over, struct fail *f)
{
	char copy[PATH_MAX];

	if (fsync(fd))
		return io_fail(f, part);
	if (over ? rename(part, path) : name_new(part, path))
		return !over && errno == EEXIST ? fail_set(f, ERR_USAGE, 0, "%.*s is there already", NAME_SHOWN, path)
						: io_fail(f, path);
	snprintf(copy, sizeof(copy), "%s", path);
	return file_sync_folder(dirname(copy), f);
}

static enum err write_file(const char *path, unsigned mode, struct view content, bool over, struct fail *f)
{
	char part[PATH_MAX];
	enum err e;
	int fd;

	if (snprintf(part, sizeof(part), "%s.XXXXXX", path) >= (int)sizeof(part))
		return fail_set(f, ERR_CONFIG, 0, "%.*s: name too long", NAME_SHOWN, path);
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return io_fail(f, path);
	e = file_write_fd(fd, path, content, f);
	if (!e && fchmod(fd, (mode_t)mode))
		e = io_fail(f, path);
	if (!e)
		e = file_place(fd, part, path, over, f);
	if (close(fd) && !e)
		e = io_fail(f, path);
	if (e)
		unlink(part);
	return e;
}

enum err file_create(const char *path, unsigned mode, struct view content, struct fail *f)
{
	enum err e = file_absent(path, f);

	return e ? e : write_file(path, mode, content, false, f);
}

enum err file_replace(const char *path, unsigned mode, struct view content, struct fail *f)
{
	return write_file(path, mode, content, true, f);
}

/* ---- names ---- */

enum err file_absent(const char *path, struct fail *f)
{
	struct stat st;

	return lstat(path, &st) ? ERR_OK : fail_set(f, ERR_USAGE, 0, "%.*s is there already", NAME_SHOWN, path);
}

enum err file_folder(const char *path, struct fail *f)
{
	struct stat st;

	if (!mkdir(path, 0700) || (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode)))
		return ERR_OK;
	return io_fail(f, path);
}

enum err file_path(const char *dir, const char *name, char *ret, size_t room, struct fail *f)
{
	int n = snprintf(ret, room, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= room)
		return fail_set(f, ERR_CONFIG, 0, "path too long under %.100s", dir);
	return ERR_OK;
}
