/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "store_inner.h"

/* One directory, its name durable. What is there, or may not be made, is left to who opens it. */
static int make_dir(char *path)
{
	char *slash = strrchr(path, '/');

	if (mkdir(path, 0700) != 0) {
		if (errno == EEXIST || errno == EACCES || errno == EROFS)
			return STORE_OK;
		return store_fault_errno(errno, path, "cannot be made");
	}
	if (slash)
		*slash = 0;
	const char *parent = !slash ? "." : slash == path ? "/" : path;
	/* One may be allowed to write into a directory, and not to read it. */
	int rc = access(parent, R_OK) == 0 ? store_sync(parent) : STORE_OK;
	if (slash)
		*slash = '/';
	return rc;
}

int store_make_dirs(const char *dir)
{
	char path[STORE_PATH_MAX];
	size_t n = strlen(dir);

	if (n == 0 || n >= sizeof(path))
		return STORE_EINVAL;
	memcpy(path, dir, n + 1);
	for (char *at = path + 1;; at++) {
		char c = *at;
		if (c && c != '/')
			continue;
		*at = 0;
		int rc = make_dir(path);
		if (rc || !c)
			return rc;
		*at = c;
	}
}

int store_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return store_fault_errno(errno, path, "cannot be opened");
	int rc = fsync(fd) == 0 ? STORE_OK : store_fault_errno(errno, path, "cannot be made durable");
	close(fd);
	return rc;
}

static int fill(MDB_env *env, const char *serial, struct view meta)
{
	MDB_txn *txn = NULL;
	MDB_dbi dbi[STORE_DBS];
	BUF_AUTO record = { 0 };

	int rc = mdb_txn_begin(env, NULL, 0, &txn);
	for (int i = 0; i < STORE_DBS && !rc; i++)
		rc = mdb_dbi_open(txn, store_db_names[i], MDB_CREATE, &dbi[i]);
	store_record_put(&record, serial);
	if (!rc && !buf_ok(&record))
		rc = ENOMEM;
	if (!rc) {
		MDB_val key = { 5, (void *)"store" }, value = { record.len, record.p };
		rc = mdb_put(txn, dbi[DB_META], &key, &value, 0);
	}
	if (!rc) {
		MDB_val key = { 5, (void *)"token" }, value = { meta.n, (void *)meta.p };
		rc = mdb_put(txn, dbi[DB_META], &key, &value, 0);
	}
	if (!rc) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (txn)
		mdb_txn_abort(txn);
	return rc;
}

/* The whole token under its temporary name, synced. */
static int build(const char *path, const char *serial, struct view meta, const struct store_options *o)
{
	char file[STORE_PATH_MAX];
	MDB_env *env = NULL;

	int rc = store_env_open(path, o, &env);
	if (rc)
		return rc;
	rc = fill(env, serial, meta);
	if (rc)
		rc = store_fault_errno(rc, path, "a new token cannot be written");
	mdb_env_close(env);
	if (!rc)
		rc = store_path(path, STORE_LOCK_FILE, NULL, file);
	if (!rc && unlink(file) != 0 && errno != ENOENT)
		rc = store_error(errno);
	if (!rc)
		rc = store_path(path, STORE_DATA_FILE, NULL, file);
	if (!rc)
		rc = store_sync(file);
	return rc ? rc : store_sync(path);
}

static void remove_built(const char *path)
{
	char file[STORE_PATH_MAX];

	if (store_path(path, STORE_DATA_FILE, NULL, file) == STORE_OK)
		unlink(file);
	if (store_path(path, STORE_LOCK_FILE, NULL, file) == STORE_OK)
		unlink(file);
	rmdir(path);
}

static int temporary_name(const char *dir, const char *serial, char ret_path[STORE_PATH_MAX])
{
	char name[64];
	uint32_t salt;

	if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return STORE_EIO;
	snprintf(name, sizeof(name), ".new-%s-%08x", serial, salt);
	return store_path(dir, name, NULL, ret_path);
}

int store_rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return STORE_OK;
	/* A file system without RENAME_NOREPLACE: a directory that is not empty is not replaced either. */
	if ((errno == EINVAL || errno == ENOSYS) && rename(from, to) == 0)
		return STORE_OK;
	return store_error(errno);
}

int store_create(const char *dir, const char *serial, struct view meta, const struct store_options *o)
{
	char path[STORE_PATH_MAX], temporary[STORE_PATH_MAX];
	struct stat st;

	if (!dir || !store_serial_ok(serial) || meta.n == 0 || meta.n > STORE_META_MAX)
		return STORE_EINVAL;
	int rc = store_make_dirs(dir);
	if (!rc)
		rc = store_check_dir(dir);
	if (!rc)
		rc = store_path(dir, serial, NULL, path);
	if (!rc && lstat(path, &st) == 0)
		rc = STORE_EEXIST;
	if (!rc)
		rc = temporary_name(dir, serial, temporary);
	if (rc)
		return rc;
	if (mkdir(temporary, 0700) != 0)
		return store_fault_errno(errno, temporary, "a new token cannot be made");

	rc = build(temporary, serial, meta, o);
	if (!rc)
		rc = store_rename_new(temporary, path);
	if (rc) {
		remove_built(temporary);
		return rc;
	}
	return store_sync(dir);
}

static int only_serials(const struct dirent *e)
{
	return store_serial_ok(e->d_name);
}

/* By bytes, whatever the locale of the program that loaded us. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int store_list(const char *dir, void (*each)(void *ctx, const char *serial), void *ctx)
{
	struct dirent **entries = NULL;

	if (!dir)
		return STORE_EINVAL;
	int n = scandir(dir, &entries, only_serials, by_bytes);
	if (n < 0)
		return store_error(errno);
	for (int i = 0; i < n; i++) {
		char file[STORE_PATH_MAX];
		struct stat st;
		if (store_path(dir, entries[i]->d_name, STORE_DATA_FILE, file) == STORE_OK && lstat(file, &st) == 0 &&
		    S_ISREG(st.st_mode))
			each(ctx, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return STORE_OK;
}
