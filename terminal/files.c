/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err io_fail(struct fail *f, const char *what, const char *path)
{
	int saved = errno;
	return fail_set(f, saved == ENOENT ? ERR_NOT_FOUND : ERR_IO, 0, "%s %s: %s", what, path, strerror(saved));
}

enum err file_path(const char *dir, const char *name, char *ret, size_t room, struct fail *f)
{
	int n = snprintf(ret, room, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= room)
		return fail_set(f, ERR_CONFIG, 0, "path too long under %.100s", dir);
	return ERR_OK;
}

enum err file_read(const char *path, size_t max, struct buf *ret, struct fail *f)
{
	enum err e = ERR_OK;
	uint8_t chunk[4096];
	size_t total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return io_fail(f, "reading", path);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			e = io_fail(f, "reading", path);
			break;
		}
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > max) {
			e = fail_set(f, ERR_TOO_LARGE, 0, "%s: larger than %zu bytes", path, max);
			break;
		}
		buf_put(ret, chunk, (size_t)n);
	}
	close(fd);
	if (e == ERR_OK && !buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	return e;
}

enum err file_sync_folder(const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_fail(f, "opening", path);
	int r = fsync(fd);
	close(fd);
	return r == 0 ? ERR_OK : io_fail(f, "syncing", path);
}

static bool write_all(int fd, struct view v)
{
	while (v.n > 0) {
		ssize_t n = write(fd, v.p, v.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		v = VIEW(v.p + n, v.n - (size_t)n);
	}
	return true;
}

enum err file_write(const char *path, unsigned mode, struct view content, struct fail *f)
{
	char other[PATH_MAX], folder[PATH_MAX];
	int n = snprintf(other, sizeof(other), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(other))
		return fail_set(f, ERR_CONFIG, 0, "path too long");
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		slash[slash == folder ? 1 : 0] = 0;
	int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return io_fail(f, "writing", other);
	bool good = write_all(fd, content) && fsync(fd) == 0;
	if (close(fd) != 0 || !good || rename(other, path) != 0) {
		enum err e = io_fail(f, "writing", path);
		unlink(other);
		return e;
	}
	return file_sync_folder(folder, f);
}

enum err file_folder(const char *path, struct fail *f)
{
	struct stat st;
	if (mkdir(path, 0700) == 0)
		return ERR_OK;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR_OK;
	return io_fail(f, "making folder", path);
}
