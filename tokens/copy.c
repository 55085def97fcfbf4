/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_inner.h"

/* A file without a name, on the file system of the token. */
static int scratch(const struct store *s, int *ret)
{
	char path[STORE_PATH_MAX];
	int fd = open(s->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
		int rc = store_path(s->path, ".copy-XXXXXX", NULL, path);

		if (rc)
			return rc;
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		return store_fault_errno(errno, s->path, "no room for a copy");
	*ret = fd;
	return STORE_OK;
}

static int empty(int fd)
{
	return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 ? 0 : errno;
}

static int copy_into(struct store *s, int fd)
{
	store_pin(s);
	int rc = s->env ? STORE_OK : STORE_EPANIC;
	if (!rc)
		rc = store_file_check(s);
	if (rc) {
		store_unpin(s);
		return rc;
	}
	rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	/* LMDB does not compact what has lost pages, to crashes of older versions for one: those come along, then. */
	if (rc == MDB_INCOMPATIBLE) {
		rc = empty(fd);
		if (!rc)
			rc = mdb_env_copyfd2(s->env, fd, 0);
	}
	store_unpin(s);
	return rc ? store_fault_errno(rc, s->path, "cannot be copied") : STORE_OK;
}

int store_copy(struct store *s, int *ret_fd, uint64_t *ret_size)
{
	struct stat st;
	int fd = -1;
	int rc = scratch(s, &fd);

	if (rc)
		return rc;
	rc = copy_into(s, fd);
	if (!rc && fstat(fd, &st) != 0)
		rc = store_error(errno);
	if (rc) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return STORE_OK;
}
