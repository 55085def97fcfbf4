/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store_inner.h"

#define SLACK_STEP ((uint64_t)1 << 20)
#define SLACK_PAGES_PER_PUT 16
#define READER_CHECK_EVERY 256
#define FULL_BYTES ((uint64_t)1 << 20)
#define SEQUENCE_UNCOMMITTED ((uint64_t)1 << 63)

/* The write transactions that this thread has open, one a store; each reaches the one before by outer. */
static _Thread_local struct store_txn *writing;

static struct store_txn *own_write(const struct store *s)
{
	struct store_txn *t = writing;

	while (t && t->store != s)
		t = t->outer;
	return t;
}

static void writing_add(struct store_txn *t)
{
	t->outer = writing;
	writing = t;
}

static void writing_remove(struct store_txn *t)
{
	struct store_txn **at = &writing;

	while (*at && *at != t)
		at = &(*at)->outer;
	if (*at)
		*at = t->outer;
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
		int rc = mdb_txn_renew(txn);
		if (rc == 0) {
			*ret = txn;
			return 0;
		}
		mdb_txn_abort(txn);
		if (rc == MDB_PANIC)
			return rc;
	}
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret);
	if (rc == MDB_READERS_FULL && mdb_reader_check(s->env, &dead) == 0 && dead > 0)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret);
	return rc;
}

static int begin_pinned(struct store *s, struct store_txn *parent, bool write, MDB_txn **ret)
{
	int rc = store_file_check(s);

	if (rc)
		return rc;
	if (parent)
		rc = mdb_txn_begin(s->env, parent->txn, 0, ret);
	else if (write)
		rc = mdb_txn_begin(s->env, NULL, 0, ret);
	else
		rc = begin_read(s, ret);
	if (rc == MDB_PANIC)
		atomic_store(&s->broken, true);
	return rc ? store_fault_errno(rc, s->path, write ? "no write transaction" : "no read transaction") : STORE_OK;
}

int txn_open(struct store *s, struct store_txn *parent, bool write, MDB_txn **ret)
{
	int rc = STORE_EPANIC;

	/* A second time after an environment that failed was opened again. */
	for (int i = 0; i < 2 && rc == STORE_EPANIC; i++) {
		rc = !parent && atomic_load(&s->broken) ? store_reopen(s) : STORE_OK;
		if (rc)
			break;
		store_pin(s);
		rc = s->env ? begin_pinned(s, parent, write, ret) : STORE_EPANIC;
		if (rc)
			store_unpin(s);
		if (parent)
			break;
	}
	return rc;
}

int store_begin(struct store *s, bool write, struct store_txn **ret)
{
	struct store_txn *own;
	int dead;

	if (atomic_load(&s->abandoned))
		return STORE_EPANIC;
	own = own_write(s);
	if (own && write)
		return STORE_EINVAL;
	struct store_txn *t = calloc(1, sizeof(*t));
	if (!t)
		return STORE_ENOMEM;
	t->store = s;
	t->write = write;
	t->writer = own ? own : t;
	int rc = STORE_OK;
	if (own) {
		t->within = true;
		t->txn = own->txn;
	} else if (write) {
		rc = group_begin(&s->group, t);
	} else {
		rc = txn_open(s, NULL, false, &t->txn);
	}
	if (rc) {
		free(t);
		return rc;
	}
	if (write) {
		writing_add(t);
		/* Slots of killed readers would keep old pages from being used again. */
		if (atomic_fetch_add(&s->writes, 1) % READER_CHECK_EVERY == READER_CHECK_EVERY - 1)
			(void)!mdb_reader_check(s->env, &dead);
	}
	rc = store_schema_read(t);
	if (rc) {
		store_abort(t);
		return rc;
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
	store_unpin(s);
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
		return EIO;
	if (fstat(fd, &st) != 0)
		return errno;
	uint64_t need = ((uint64_t)info.me_last_pgno + 1) * s->page_size + (SLACK_STEP >> 2) +
			(uint64_t)t->puts * SLACK_PAGES_PER_PUT * s->page_size + 2 * (uint64_t)t->bytes;
	if ((uint64_t)st.st_size >= need)
		return 0;
	need = (need + SLACK_STEP - 1) / SLACK_STEP * SLACK_STEP;
	return ftruncate(fd, (off_t)need) == 0 ? 0 : errno;
}

/* LMDB says EIO when a full disk took only the first part of what it wrote. */
static int what_failed(struct store *s, int rc)
{
	struct statvfs vfs;

	if (rc == EIO && statvfs(s->path, &vfs) == 0 && (uint64_t)vfs.f_bavail * vfs.f_frsize < FULL_BYTES)
		return ENOSPC;
	return rc;
}

int txn_commit(struct store_txn *t)
{
	struct store *s = t->store;
	int rc = t->puts ? grow_file(t) : 0;

	if (rc)
		mdb_txn_abort(t->txn);
	else
		rc = mdb_txn_commit(t->txn);
	store_unpin(s);
	if (!rc)
		return STORE_OK;
	rc = what_failed(s, rc);
	return store_fault_errno(rc, s->path, "nothing was written to " STORE_DATA_FILE);
}

int store_commit(struct store_txn *t)
{
	/* Before others have their turn in the group: they build upon it. */
	if (t->write && !t->failed)
		t->failed = directory_flush(t);
	if (!t->write || t->failed) {
		int failed = t->failed;
		store_abort(t);
		return failed;
	}
	writing_remove(t);
	int rc = group_commit(&t->store->group, t);
	state_drop(&t->audit);
	free(t);
	return rc;
}

void store_abort(struct store_txn *t)
{
	if (!t)
		return;
	if (t->write) {
		writing_remove(t);
		directory_drop(t);
		group_abort(&t->store->group, t);
	} else if (!t->within) {
		end_read(t->store, t->txn);
	}
	state_drop(&t->audit);
	free(t);
}

uint64_t store_sequence(struct store *s)
{
	const struct store_txn *own;
	uint64_t sequence = 0;
	MDB_envinfo info;

	if (atomic_load(&s->abandoned))
		return 0;
	own = own_write(s);
	if (own)
		return own->sequence | SEQUENCE_UNCOMMITTED;
	store_pin(s);
	if (s->env && store_file_check(s) == STORE_OK && mdb_env_info(s->env, &info) == 0)
		sequence = info.me_last_txnid;
	store_unpin(s);
	return sequence;
}

bool store_sequence_lasts(uint64_t sequence)
{
	return !(sequence & SEQUENCE_UNCOMMITTED);
}
