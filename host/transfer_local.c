/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer_own.h"

static enum err folder(struct transfer *t, int *ret, struct fail *f)
{
	*ret = open(t->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? fail_set(f, ERR_IO, 0, "%.128s: %s", t->place, strerror(errno)) : ERR_OK;
}

static enum err fault(struct transfer *t, const char *name, struct fail *f)
{
	bool forbidden = errno == EACCES || errno == EPERM || errno == EROFS;

	return errno == ENOENT
		   ? fail_set(f, ERR_NOT_FOUND, 0, "%.80s%s: no such file", t->place, name)
		   : fail_set(f, forbidden ? ERR_REFUSED : ERR_IO, 0, "%.80s%s: %s", t->place, name, strerror(errno));
}

static enum err local_size(struct transfer *t, const char *name, uint64_t *ret, struct fail *f)
{
	struct stat st;
	int dir;
	enum err e = folder(t, &dir, f);

	if (e)
		return e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		e = fault(t, name, f);
	else if (!S_ISREG(st.st_mode))
		e = fail_set(f, ERR_DUPLICATE, 0, "%.80s%s is no file", t->place, name);
	else
		*ret = (uint64_t)st.st_size;
	close(dir);
	return e;
}

/* No symbolic link, nothing that blocks. */
static enum err local_open(struct transfer *t, const char *name, int flags, int *ret, struct fail *f)
{
	int dir;
	enum err e = folder(t, &dir, f);

	if (e)
		return e;
	*ret = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (*ret < 0)
		e = fault(t, name, f);
	close(dir);
	return e;
}

static enum err local_read(struct transfer *t, const char *name, uint64_t offset, transfer_sink sink, void *arg,
			   struct fail *f)
{
	uint8_t chunk[16384];
	ssize_t n = 0;
	int fd;
	enum err e = local_open(t, name, O_RDONLY, &fd, f);

	if (e)
		return e;
	while ((n = pread(fd, chunk, sizeof(chunk), (off_t)offset)) > 0) {
		if (!sink(arg, VIEW(chunk, n)))
			break;
		offset += (uint64_t)n;
	}
	if (n < 0)
		e = fault(t, name, f);
	close(fd);
	return e;
}

static enum err local_write(struct transfer *t, const char *name, uint64_t offset, struct view whole, struct fail *f)
{
	struct view v = VIEW(whole.p + offset, whole.n - offset);
	int fd;
	enum err e = local_open(t, name, O_WRONLY | O_CREAT, &fd, f);

	if (e)
		return e;
	if (ftruncate(fd, (off_t)offset))
		e = fault(t, name, f);
	while (v.n && !e) {
		ssize_t n = pwrite(fd, v.p, v.n, (off_t)(whole.n - v.n));

		if (n < 0 && errno != EINTR)
			e = fault(t, name, f);
		if (n > 0)
			v = VIEW(v.p + n, v.n - (size_t)n);
	}
	if (!e && fsync(fd))
		e = fault(t, name, f);
	if (close(fd) && !e)
		e = fault(t, name, f);
	return e;
}

/* Never over a file that appeared meanwhile, where the file system can say so. */
static enum err local_rename(struct transfer *t, const char *from, const char *to, struct fail *f)
{
	int dir, rc;
	enum err e = folder(t, &dir, f);

	if (e)
		return e;
	rc = renameat2(dir, from, dir, to, RENAME_NOREPLACE);
	if (rc && (errno == EINVAL || errno == ENOSYS))
		rc = renameat(dir, from, dir, to);
	if (rc && errno == EEXIST)
		e = fail_set(f, ERR_DUPLICATE, 0, "%.80s%s: another file stands there under this name", t->place, to);
	else if (rc || fsync(dir))
		e = fault(t, to, f);
	close(dir);
	return e;
}

static enum err local_remove(struct transfer *t, const char *name, struct fail *f)
{
	int dir;
	enum err e = folder(t, &dir, f);

	if (e)
		return e;
	if (unlinkat(dir, name, 0) || fsync(dir))
		e = fault(t, name, f);
	close(dir);
	return e;
}

static enum err local_list(struct transfer *t, struct buf *ret, struct fail *f)
{
	DIR *dir = opendir(t->place);
	struct dirent *d;

	if (!dir)
		return fail_set(f, ERR_IO, 0, "%.128s: %s", t->place, strerror(errno));
	while ((errno = 0, d = readdir(dir)))
		buf_put(ret, d->d_name, strlen(d->d_name) + 1);
	enum err e = errno ? fail_set(f, ERR_IO, 0, "%.128s: %s", t->place, strerror(errno)) : ERR_OK;
	closedir(dir);
	return e;
}

const struct transfer_way transfer_local = {
	local_size, local_read, local_write, local_rename, local_remove, local_list
};
