/* SPDX-License-Identifier: BSD-2-Clause */
#include "trail.h"

#include <check.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct open_trail {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

static void begin_in(const char *path, const char *database, struct open_trail *o)
{
	ck_assert_int_eq(mdb_env_create(&o->env), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(o->env, (size_t)1 << 30), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(o->env, 16), 0);
	ck_assert_int_eq(mdb_env_open(o->env, path, 0, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(o->env, NULL, 0, &o->txn), 0);
	ck_assert_int_eq(mdb_dbi_open(o->txn, database, 0, &o->dbi), 0);
}

static void begin(const char *path, struct open_trail *o)
{
	begin_in(path, "audit", o);
}

static void end(struct open_trail *o)
{
	ck_assert_int_eq(mdb_txn_commit(o->txn), 0);
	mdb_env_close(o->env);
}

void trail_get(const char *path, uint64_t sequence, struct buf *ret)
{
	uint8_t at[8];
	MDB_val key = { sizeof(at), at }, value;
	struct open_trail o;

	be_put64(at, sequence);
	begin(path, &o);
	ck_assert_int_eq(mdb_get(o.txn, o.dbi, &key, &value), 0);
	buf_put(ret, value.mv_data, value.mv_size);
	ck_assert(buf_ok(ret));
	end(&o);
}

void trail_put(const char *path, uint64_t sequence, struct view record)
{
	uint8_t at[8];
	MDB_val key = { sizeof(at), at }, value = { record.n, (void *)(uintptr_t)record.p };
	struct open_trail o;

	be_put64(at, sequence);
	begin(path, &o);
	ck_assert_int_eq(mdb_put(o.txn, o.dbi, &key, &value, 0), 0);
	end(&o);
}

void trail_del(const char *path, uint64_t sequence)
{
	uint8_t at[8];
	MDB_val key = { sizeof(at), at };
	struct open_trail o;

	be_put64(at, sequence);
	begin(path, &o);
	ck_assert_int_eq(mdb_del(o.txn, o.dbi, &key, NULL), 0);
	end(&o);
}

static void del_in(const char *path, const char *database, struct view at)
{
	MDB_val key = { at.n, (void *)(uintptr_t)at.p };
	struct open_trail o;

	begin_in(path, database, &o);
	ck_assert_int_eq(mdb_del(o.txn, o.dbi, &key, NULL), 0);
	end(&o);
}

void meta_del(const char *path, const char *name)
{
	del_in(path, "meta", VIEW(name, strlen(name)));
}

void object_del(const char *path, const void *id)
{
	del_in(path, "objects", VIEW(id, 16));
}

uint64_t trail_last(const char *path)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	struct open_trail o;
	uint64_t last;

	begin(path, &o);
	ck_assert_int_eq(mdb_cursor_open(o.txn, o.dbi, &cursor), 0);
	ck_assert_int_eq(mdb_cursor_get(cursor, &key, &value, MDB_LAST), 0);
	last = be_get64(key.mv_data);
	mdb_cursor_close(cursor);
	end(&o);
	return last;
}

static int file_open(const char *path, const char *name, int flags)
{
	char file[512];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, flags | O_CLOEXEC, 0600);
	ck_assert_msg(fd >= 0, "%s", file);
	return fd;
}

void file_get(const char *path, const char *name, struct buf *ret)
{
	int fd = file_open(path, name, O_RDONLY);
	uint8_t part[65536];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_put(ret, part, (size_t)n);
	ck_assert_int_eq(n, 0);
	ck_assert(buf_ok(ret));
	close(fd);
}

void file_put(const char *path, const char *name, struct view bytes)
{
	int fd = file_open(path, name, O_WRONLY | O_CREAT | O_TRUNC);

	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		ck_assert_int_gt(n, 0);
		bytes = VIEW(bytes.p + n, bytes.n - (size_t)n);
	}
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	close(fd);
}
