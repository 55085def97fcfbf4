/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keyfile.h"
#include "spool.h"

static enum err write_synced(int dir, const char *part, struct view v, struct fail *f)
{
	enum err e = ERR_OK;
	int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", part, strerror(errno));
	while (v.n && !e) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			e = fail_set(f, ERR_IO, 0, "%s: %s", part, strerror(errno));
		if (n > 0)
			v = VIEW(v.p + n, v.n - (size_t)n);
	}
	if (!e && fsync(fd))
		e = fail_set(f, ERR_IO, 0, "%s: %s", part, strerror(errno));
	if (close(fd) && !e)
		e = fail_set(f, ERR_IO, 0, "%s: %s", part, strerror(errno));
	return e;
}

enum err spool_put(const char *folder, const char *name, struct view content, struct fail *f)
{
	char part[KEYFILE_NAME_MAX + 16], final[KEYFILE_NAME_MAX + 16];
	enum err e = ERR_OK;
	int dir;

	snprintf(part, sizeof(part), ".%.*s.part", KEYFILE_NAME_MAX, name);
	snprintf(final, sizeof(final), "%.*s%s", KEYFILE_NAME_MAX, name, KEYFILE_SUFFIX);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", folder, strerror(errno));
	if (faccessat(dir, final, F_OK, AT_SYMLINK_NOFOLLOW)) {
		e = write_synced(dir, part, content, f);
		if (!e && renameat(dir, part, dir, final))
			e = fail_set(f, ERR_IO, 0, "%s/%s: %s", folder, final, strerror(errno));
	}
	if (!e && fsync(dir))
		e = fail_set(f, ERR_IO, 0, "%s: %s", folder, strerror(errno));
	close(dir);
	return e;
}
