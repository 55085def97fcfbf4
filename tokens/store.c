/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fork.h"
#include "store_inner.h"

#define MAP_SIZE_DEFAULT ((size_t)64 << 30)
#define MAP_SIZE_LEAST ((size_t)1 << 30)
#define READERS_DEFAULT 4096
#define SLACK_STEP ((uint64_t)1 << 20)
#define READER_CHECK_EVERY 256

const char *const store_db_names[STORE_DBS] = { "meta", "users", "objects", "index", "audit" };

/*
 * The open environments of this process. A forked child finds its word of the fork page wiped and makes a registry of
 * its own; the parent's is kept reachable, because LMDB's environment cannot be freed in a child.
 */
struct registry {
	pthread_mutex_t mutex;
	struct store *head;
	struct registry *older;
};

static _Atomic(struct registry *) registry_last;

static struct registry *registry_get(void)
{
	uint64_t *words = fork_page();
	uint64_t have = 0;

	if (!words)
		return NULL;
	have = __atomic_load_n(&words[FORK_STORES], __ATOMIC_ACQUIRE);
	if (have)
		return (struct registry *)(uintptr_t)have;

	struct registry *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return NULL;
	pthread_mutex_init(&fresh->mutex, NULL);
	fresh->older = atomic_load(&registry_last);
	for (struct store *s = fresh->older ? fresh->older->head : NULL; s; s = s->next)
		store_abandon(s);
	if (!__atomic_compare_exchange_n(&words[FORK_STORES], &have, (uint64_t)(uintptr_t)fresh, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		pthread_mutex_destroy(&fresh->mutex);
		free(fresh);
		return (struct registry *)(uintptr_t)have;
	}
	atomic_store(&registry_last, fresh);
	return fresh;
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

	int rc = env_open(path, map_size, readers, ret);
	/* Thousands of tokens in one process, a limit on its address space, valgrind (EINVAL): reserve less. */
	while ((rc == ENOMEM || rc == EINVAL) && map_size > MAP_SIZE_LEAST) {
		map_size /= 16;
		rc = env_open(path, map_size, readers, ret);
	}
	return store_error(rc);
}

/* Databases and the store's own record. */
static int open_databases(struct store *s)
{
	MDB_txn *txn = NULL;
	MDB_val key = { 5, (void *)"store" }, value;

	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return store_error(rc);
	for (int i = 0; i < STORE_DBS && !rc; i++)
		rc = mdb_dbi_open(txn, store_db_names[i], 0, &s->dbi[i]);
	if (!rc)
		rc = mdb_get(txn, s->dbi[DB_META], &key, &value);
	rc = rc == MDB_NOTFOUND ? STORE_EFOREIGN : store_error(rc);
	if (!rc)
		rc = store_record_check(VIEW(value.mv_data, value.mv_size), s->serial);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return store_error(mdb_txn_commit(txn));
}

/* The descriptors that LMDB holds on the data and the lock file; it tells us only one of them. */
static void note_descriptors(struct store *s)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

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
		return store_error(errno);
	s->lock_inode = st.st_ino;
	rc = mdb_env_stat(s->env, &stat_of);
	if (rc)
		return store_error(rc);
	s->page_size = stat_of.ms_psize;
	note_descriptors(s);
	return STORE_OK;
}

static void store_free(struct store *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->idle_count; i++)
		mdb_txn_abort(s->idle[i]);
	if (s->env)
		mdb_env_close(s->env);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static int open_new(const char *path, const char *serial, const struct stat *data, const struct store_options *o,
		    struct store **ret)
{
	int rc = store_check_pages(path);
	if (rc)
		return rc;
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return STORE_ENOMEM;
	pthread_mutex_init(&s->mutex, NULL);
	s->refs = 1;
	s->device = data->st_dev;
	s->inode = data->st_ino;
	memcpy(s->serial, serial, STORE_SERIAL_LEN);
	snprintf(s->path, sizeof(s->path), "%s", path);
	rc = store_env_open(path, o, &s->env);
	if (!rc)
		rc = open_databases(s);
	if (!rc)
		rc = note_environment(s);
	if (rc) {
		store_free(s);
		return rc == STORE_ENOTFOUND ? STORE_EIO : rc;
	}
	*ret = s;
	return STORE_OK;
}

int store_open(const char *dir, const char *serial, const struct store_options *o, struct store **ret)
{
	struct registry *r = registry_get();
	char path[STORE_PATH_MAX];
	struct stat data;
	struct store *s;

	if (!r)
		return STORE_EIO;
	if (!dir || !store_serial_ok(serial))
		return STORE_EINVAL;
	int rc = store_check_dir(dir);
	if (!rc)
		rc = store_path(dir, serial, NULL, path);
	if (rc)
		return rc;

	pthread_mutex_lock(&r->mutex);
	rc = store_check_token(path, &data);
	if (rc)
		goto out;
	for (s = r->head; s; s = s->next) {
		if (s->device == data.st_dev && s->inode == data.st_ino)
			break;
	}
	if (s) {
		s->refs++;
	} else {
		rc = open_new(path, serial, &data, o, &s);
		if (rc)
			goto out;
		s->next = r->head;
		r->head = s;
	}
	*ret = s;
out:
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

void store_close(struct store *s)
{
	struct registry *r = s ? registry_get() : NULL;

	if (!r || atomic_load(&s->abandoned))
		return;
	pthread_mutex_lock(&r->mutex);
	bool last = --s->refs == 0;
	for (struct store **at = &r->head; last && *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	/* Closed under the mutex: an open of the same file must not overlap, LMDB's file locks belong to the process.
	 */
	if (last)
		store_free(s);
	pthread_mutex_unlock(&r->mutex);
}

/* Unmaps whatever is mapped of the data and the lock file: LMDB does not tell where its maps are. */
static void unmap_files(const struct store *s)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[STORE_PATH_MAX + 128];

	while (maps && fgets(line, sizeof(line), maps)) {
		uint64_t from, to, inode;
		int name = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %" SCNu64 " %n", &from, &to, &inode, &name) < 3 ||
		    !name)
			continue;
		bool ours = (inode == s->inode && strstr(line + name, "/" STORE_DATA_FILE)) ||
			    (inode == s->lock_inode && strstr(line + name, "/" STORE_LOCK_FILE));
		if (ours)
			munmap((void *)(uintptr_t)from, to - from);
	}
	if (maps)
		fclose(maps);
}

void store_abandon(struct store *s)
{
	if (!s || atomic_exchange(&s->abandoned, true))
		return;
	unmap_files(s);
	for (unsigned i = 0; i < s->fd_count; i++) {
		struct stat st;
		if (fstat(s->fds[i], &st) == 0 && st.st_dev == s->device &&
		    (st.st_ino == s->inode || st.st_ino == s->lock_inode))
			close(s->fds[i]);
	}
}

/* A read transaction: a reset one when there is one. */
static int begin_read(struct store *s, MDB_txn **ret)
{
	MDB_txn *txn = NULL;
	int dead = 0;

	pthread_mutex_lock(&s->mutex);
	if (s->idle_count)
		txn = s->idle[--s->idle_count];
	pthread_mutex_unlock(&s->mutex);
	if (txn) {
		if (mdb_txn_renew(txn) == 0) {
			*ret = txn;
			return 0;
		}
		mdb_txn_abort(txn);
	}
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret);
	if (rc == MDB_READERS_FULL && mdb_reader_check(s->env, &dead) == 0 && dead > 0)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret);
	return rc;
}

int store_begin(struct store *s, bool write, struct store_txn **ret)
{
	int dead;

	if (atomic_load(&s->abandoned))
		return STORE_EPANIC;
	struct store_txn *t = calloc(1, sizeof(*t));
	if (!t)
		return STORE_ENOMEM;
	t->store = s;
	t->write = write;
	/* Slots of killed readers would keep old pages from being used again. */
	if (write && atomic_fetch_add(&s->writes, 1) % READER_CHECK_EVERY == READER_CHECK_EVERY - 1)
		(void)!mdb_reader_check(s->env, &dead);
	int rc = write ? mdb_txn_begin(s->env, NULL, 0, &t->txn) : begin_read(s, &t->txn);
	if (rc) {
		free(t);
		return store_error(rc);
	}
	*ret = t;
	return STORE_OK;
}

static void end_read(struct store *s, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	pthread_mutex_lock(&s->mutex);
	if (s->idle_count < STORE_IDLE_MAX) {
		s->idle[s->idle_count++] = txn;
		txn = NULL;
	}
	pthread_mutex_unlock(&s->mutex);
	if (txn)
		mdb_txn_abort(txn);
}

/*
 * Keeps the file at least as long as its meta pages will say: LMDB does not write pages that a transaction took and
 * gave back, so that a sound file could be shorter, and store_check_pages could not tell it from a truncated one. Only
 * the holder of the write lock comes here, so nobody else changes the size.
 */
static int grow_file(struct store_txn *t)
{
	struct store *s = t->store;
	mdb_filehandle_t fd;
	MDB_envinfo info;
	struct stat st;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_get_fd(s->env, &fd) != 0)
		return STORE_EIO;
	if (fstat(fd, &st) != 0)
		return store_error(errno);
	uint64_t need = ((uint64_t)info.me_last_pgno + 1) * s->page_size + (SLACK_STEP >> 2) +
			(uint64_t)t->puts * 16 * s->page_size + 2 * (uint64_t)t->bytes;
	if ((uint64_t)st.st_size >= need)
		return STORE_OK;
	need = (need + SLACK_STEP - 1) / SLACK_STEP * SLACK_STEP;
	return ftruncate(fd, (off_t)need) == 0 ? STORE_OK : store_error(errno);
}

int store_commit(struct store_txn *t)
{
	if (!t->write) {
		store_abort(t);
		return STORE_OK;
	}
	int rc = t->failed;
	if (!rc && t->puts)
		rc = grow_file(t);
	if (rc) {
		store_abort(t);
		return rc;
	}
	rc = store_error(mdb_txn_commit(t->txn));
	free(t);
	return rc;
}

void store_abort(struct store_txn *t)
{
	if (!t)
		return;
	if (t->write)
		mdb_txn_abort(t->txn);
	else
		end_read(t->store, t->txn);
	free(t);
}

uint64_t store_sequence(struct store *s)
{
	MDB_envinfo info;

	if (atomic_load(&s->abandoned))
		return 0;
	return mdb_env_info(s->env, &info) == 0 ? info.me_last_txnid : 0;
}
