/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "folder.h"

enum err folder_open(int at, const char *name, bool make, int *ret, struct fail *f)
{
	int fd;

	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "cannot make the folder %.150s: %s", name, strerror(errno));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "cannot open the folder %.150s: %s", name, strerror(errno));
	*ret = fd;
	return ERR_OK;
}

static void full_name(char ret[NAME_MAX + 64], const char *name, const char *suffix)
{
	snprintf(ret, NAME_MAX + 64, "%.*s%s", NAME_MAX, name, suffix);
}

enum err folder_open_file(int folder, const char *name, const char *suffix, int *ret, struct fail *f)
{
	char file[NAME_MAX + 64];
	struct stat st;
	int fd;

	full_name(file, name, suffix);
	fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fail_set(f, ERR_NOT_FOUND, 0, "%.150s is not there", file);
	if (fd < 0 && (errno == ELOOP || errno == EACCES))
		return fail_set(f, ERR_BAD_DATA, 0, errno == ELOOP ? "not a regular file" : "not readable");
	if (fd < 0 || fstat(fd, &st) < 0) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return fail_set(f, ERR_IO, 0, "%.150s: %s", file, strerror(saved));
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return fail_set(f, ERR_BAD_DATA, 0, "not a regular file");
	}
	*ret = fd;
	return ERR_OK;
}

enum err folder_read(int folder, const char *name, const char *suffix, size_t max, struct buf *ret, time_t *ret_since,
		     struct fail *f)
{
	struct stat st = { 0 };
	int fd;
	enum err e = folder_open_file(folder, name, suffix, &fd, f);

	if (e) {
		char file[NAME_MAX + 64];

		full_name(file, name, suffix);
		if (!fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW))
			*ret_since = st.st_ctime;
		return e;
	}
	if (!fstat(fd, &st))
		*ret_since = st.st_ctime;
	e = file_read_fd(fd, name, max, ret, f);
	close(fd);
	return e;
}

bool folder_has(int folder, const char *name, const char *suffix)
{
	char file[NAME_MAX + 64];

	full_name(file, name, suffix);
	return faccessat(folder, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err folder_move(int folder, const char *name, const char *suffix, int to, int64_t number, struct fail *f)
{
	char from[NAME_MAX + 64], target[NAME_MAX + 64];

	full_name(from, name, suffix);
	if (number)
		snprintf(target, sizeof(target), "%.200s%s.%lld", name, suffix, (long long)number);
	else
		memcpy(target, from, sizeof(target));
	if (renameat(folder, from, to, target) < 0 || fsync(to) < 0 || fsync(folder) < 0)
		return fail_set(f, ERR_IO, 0, "cannot move %.150s: %s", from, strerror(errno));
	return ERR_OK;
}
