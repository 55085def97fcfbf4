/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store_inner.h"

#define MAP_SIZE_DEFAULT ((size_t)64 << 30)
#define MAP_SIZE_LEAST ((size_t)1 << 30)
#define READERS_DEFAULT 4096
#define READER_BYTES 64       /* LMDB's slot of a reader */
#define READER_HEAD_BYTES 128 /* what stands before the slots */
#define REOPEN_WAIT_MS 1000
#define PAUSE_NS 200000

const char *const store_db_names[STORE_DBS] = { "meta", "users", "objects", "index", "audit" };

/*
 * The blocks of the lock file, before LMDB maps it: it makes the file sparse and writes into the map, which on a full
 * disk is SIGBUS. A file that has a size keeps it: other processes have mapped that much.
 */
static int reserve_locks(const char *path, unsigned readers)
{
	char file[STORE_PATH_MAX];
	struct stat st;
	int rc = store_path(path, STORE_LOCK_FILE, NULL, file);

	if (rc)
		return EINVAL;
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0)
		rc = errno;
	off_t size = !rc && st.st_size > 0 ? st.st_size : (off_t)readers * READER_BYTES + READER_HEAD_BYTES;
	if (!rc && fallocate(fd, 0, 0, size) != 0)
		rc = errno;
	/* Nothing is locked yet: no environment of this file is open in this process. */
	close(fd);
	return rc == EOPNOTSUPP || rc == ENOSYS ? 0 : rc;
}

static int env_open(const char *path, size_t map_size, unsigned readers, MDB_env **ret)
{
	MDB_env *env = NULL;
	int dead = 0;

	int rc = mdb_env_create(&env);
	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(env, map_size);
	if (!rc)
		rc = mdb_env_set_maxreaders(env, readers);
	if (!rc)
		rc = mdb_env_set_maxdbs(env, STORE_DBS);
	if (!rc)
		rc = mdb_env_open(env, path, MDB_NOTLS, 0600);
	if (!rc)
		rc = mdb_reader_check(env, &dead);
	if (rc)
		mdb_env_close(env);
	else
		*ret = env;
	return rc;
}

int store_env_open(const char *path, const struct store_options *o, MDB_env **ret)
{
	size_t map_size = o && o->map_size ? o->map_size : MAP_SIZE_DEFAULT;
	unsigned readers = o && o->readers ? o->readers : READERS_DEFAULT;

	int rc = reserve_locks(path, readers);
	if (rc)
		return store_fault_errno(rc, path, "the lock file " STORE_LOCK_FILE " cannot be made or written");
	rc = env_open(path, map_size, readers, ret);
	/* Thousands of tokens in one process, a limit on its address space, valgrind (EINVAL): reserve less. */
	while ((rc == ENOMEM || rc == EINVAL) && map_size > MAP_SIZE_LEAST) {
		map_size /= 16;
		rc = env_open(path, map_size, readers, ret);
	}
	return rc ? store_fault_errno(rc, path, "the token's database cannot be opened") : STORE_OK;
}

/* Databases and the store's own record. */
static int open_databases(struct store *s)
{
	MDB_txn *txn = NULL;
	MDB_val key = { 5, (void *)"store" }, value;
	unsigned schema = 0;

	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return store_fault_errno(rc, s->path, "the token's database cannot be read");
	for (int i = 0; i < STORE_DBS && !rc; i++)
		rc = mdb_dbi_open(txn, store_db_names[i], 0, &s->dbi[i]);
	if (!rc)
		rc = mdb_get(txn, s->dbi[DB_META], &key, &value);
	rc = rc == MDB_NOTFOUND ? STORE_EFOREIGN : store_error(rc);
	if (!rc)
		rc = store_record_check(VIEW(value.mv_data, value.mv_size), s->serial, &schema);
	if (rc) {
		mdb_txn_abort(txn);
		return store_fault(rc, s->path, "not a token of this directory and of a version known here");
	}
	atomic_store(&s->schema, schema);
	return store_error(mdb_txn_commit(txn));
}

/* The descriptors that LMDB holds on the data and the lock file; it tells us only one of them. */
static void note_descriptors(struct store *s)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	s->fd_count = 0;
	while (d && (e = readdir(d)) && s->fd_count < STORE_FDS_MAX) {
		struct stat st;
		int fd = atoi(e->d_name);
		if (e->d_name[0] == '.' || fstat(fd, &st) != 0 || st.st_dev != s->device)
			continue;
		if (st.st_ino != s->inode && st.st_ino != s->lock_inode)
			continue;
		/* LMDB 0.9.24 sets this for the lock file only. */
		(void)!fcntl(fd, F_SETFD, FD_CLOEXEC);
		s->fds[s->fd_count++] = fd;
	}
	if (d)
		closedir(d);
}

static int note_environment(struct store *s)
{
	char file[STORE_PATH_MAX];
	MDB_stat stat_of;
	struct stat st;

	int rc = store_path(s->path, STORE_LOCK_FILE, NULL, file);
	if (rc)
		return rc;
	if (lstat(file, &st) != 0)
		return store_fault_errno(errno, file, "the lock file is gone");
	s->lock_inode = st.st_ino;
	rc = mdb_env_stat(s->env, &stat_of);
	if (rc)
		return store_error(rc);
	s->page_size = stat_of.ms_psize;
	note_descriptors(s);
	return STORE_OK;
}

int store_attach(struct store *s)
{
	int rc = store_check_pages(s->path);

	if (!rc)
		rc = store_env_open(s->path, &s->options, &s->env);
	if (rc)
		return rc;
	rc = open_databases(s);
	if (!rc)
		rc = note_environment(s);
	if (rc)
		store_detach(s);
	return rc;
}

void store_detach(struct store *s)
{
	for (unsigned i = 0; i < s->idle_count; i++)
		mdb_txn_abort(s->idle[i]);
	s->idle_count = 0;
	if (s->env)
		mdb_env_close(s->env);
	s->env = NULL;
	s->fd_count = 0;
}

void store_pin(struct store *s)
{
	for (;;) {
		atomic_fetch_add(&s->pins, 1);
		if (!atomic_load(&s->closing))
			return;
		atomic_fetch_sub(&s->pins, 1);
		/* Until whoever reopens is done. */
		pthread_mutex_lock(&s->reopen);
		pthread_mutex_unlock(&s->reopen);
	}
}

void store_unpin(struct store *s)
{
	atomic_fetch_sub(&s->pins, 1);
}

/* The file that is open must be the one that has the name: another one put in its place is not ours to map. */
static int same_file(struct store *s)
{
	struct stat data;
	int rc = store_check_token(s->path, &data);

	if (!rc && (data.st_dev != s->device || data.st_ino != s->inode))
		rc = store_fault(STORE_EFOREIGN, s->path, STORE_DATA_FILE " was replaced while it was in use");
	return rc;
}

/* Waits for those who are inside, so that nobody's map goes; those who come wait outside. Under s->reopen. */
static int reopen(struct store *s)
{
	int waited = 0;

	atomic_store(&s->closing, true);
	for (; atomic_load(&s->pins) > 0 && waited < REOPEN_WAIT_MS * 1000000LL / PAUSE_NS; waited++)
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	int rc = atomic_load(&s->pins) > 0
		     ? store_fault(STORE_EPANIC, s->path, "the database failed and is still in use: try again")
		     : STORE_OK;
	if (!rc) {
		store_detach(s);
		rc = same_file(s);
	}
	if (!rc)
		rc = store_attach(s);
	if (!rc)
		atomic_store(&s->broken, false);
	atomic_store(&s->closing, false);
	return rc;
}

int store_reopen(struct store *s)
{
	pthread_mutex_lock(&s->reopen);
	int rc = atomic_load(&s->broken) ? reopen(s) : STORE_OK;
	pthread_mutex_unlock(&s->reopen);
	return rc;
}

int store_file_check(struct store *s)
{
	mdb_filehandle_t fd;
	MDB_envinfo info;
	struct stat st;

	if (mdb_env_get_fd(s->env, &fd) != 0)
		return STORE_EIO;
	if (fstat(fd, &st) != 0)
		return store_fault_errno(errno, s->path, "the data file cannot be looked at");
	if (st.st_nlink == 0)
		return store_fault(STORE_EFOREIGN, s->path,
				   STORE_DATA_FILE " was removed or replaced while it was in use");
	/* The meta pages stand in the map themselves: first that they are there. */
	uint64_t pages = s->page_size ? (uint64_t)st.st_size / s->page_size : 0;
	if (pages < 2 || mdb_env_info(s->env, &info) != 0 || pages <= info.me_last_pgno)
		return store_fault(STORE_ECORRUPT, s->path, STORE_DATA_FILE " was truncated while it was in use");
	return STORE_OK;
}
