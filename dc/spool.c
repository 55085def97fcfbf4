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
	int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

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

/* What stands there already: the same bytes, no symbolic link. */
static enum err same_content(int dir, const char *name, struct view v, struct fail *f)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t chunk[16384];
	bool same = fd >= 0;
	ssize_t n;

	while (same && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		same = n > 0 && (size_t)n <= v.n && !memcmp(chunk, v.p, (size_t)n);
		if (same)
			v = VIEW(v.p + n, v.n - (size_t)n);
	}
	if (fd >= 0)
		close(fd);
	return same && !v.n ? ERR_OK : fail_set(f, ERR_IO, 0, "%s: another file stands there under this name", name);
}

/* Never over a file that appeared meanwhile, where the file system can say so. */
static int rename_new(int dir, const char *from, const char *to)
{
	int rc = renameat2(dir, from, dir, to, RENAME_NOREPLACE);

	return rc && (errno == EINVAL || errno == ENOSYS) ? renameat(dir, from, dir, to) : rc;
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
	if (!faccessat(dir, final, F_OK, AT_SYMLINK_NOFOLLOW)) {
		e = same_content(dir, final, content, f);
	} else {
		e = write_synced(dir, part, content, f);
		if (!e && rename_new(dir, part, final))
			e = fail_set(f, ERR_IO, 0, "%s/%s: %s", folder, final, strerror(errno));
	}
	if (!e && fsync(dir))
		e = fail_set(f, ERR_IO, 0, "%s: %s", folder, strerror(errno));
	close(dir);
	return e;
}
