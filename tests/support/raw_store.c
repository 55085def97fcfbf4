/* SPDX-License-Identifier: BSD-2-Clause */
#include "raw_store.h"

#include <check.h>
#include <dirent.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_SIZE ((size_t)1 << 30)
#define SERIAL_LEN 16

struct raw_store {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

static MDB_val val(struct view v)
{
	return (MDB_val){ v.n, (void *)(uintptr_t)v.p };
}

static void token_path(const char *dir, char *ret, size_t n)
{
	DIR *d;
	struct dirent *e;

	snprintf(ret, n, "%s/data.mdb", dir);
	if (access(ret, F_OK) == 0) {
		snprintf(ret, n, "%s", dir);
		return;
	}
	d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		if (strlen(e->d_name) == SERIAL_LEN && e->d_name[0] != '.')
			snprintf(ret, n, "%s/%s", dir, e->d_name);
	closedir(d);
}

struct raw_store *raw_begin(const char *dir, const char *database)
{
	struct raw_store *r = calloc(1, sizeof(*r));
	char path[4096];

	ck_assert_ptr_nonnull(r);
	token_path(dir, path, sizeof(path));
	ck_assert_int_eq(mdb_env_create(&r->env), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(r->env, 8), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(r->env, MAP_SIZE), 0);
	ck_assert_int_eq(mdb_env_open(r->env, path, MDB_NOTLS | MDB_NOSYNC, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(r->env, NULL, 0, &r->txn), 0);
	ck_assert_int_eq(mdb_dbi_open(r->txn, database, 0, &r->dbi), 0);
	return r;
}

void raw_end(struct raw_store *r)
{
	ck_assert_int_eq(mdb_txn_commit(r->txn), 0);
	mdb_env_close(r->env);
	free(r);
}

struct view raw_get(struct raw_store *r, struct view key)
{
	MDB_val k = val(key), v;

	ck_assert_int_eq(mdb_get(r->txn, r->dbi, &k, &v), 0);
	return VIEW(v.mv_data, v.mv_size);
}

void raw_put(struct raw_store *r, struct view key, struct view value)
{
	MDB_val k = val(key), v = val(value);

	ck_assert_int_eq(mdb_put(r->txn, r->dbi, &k, &v, 0), 0);
}

void raw_del(struct raw_store *r, struct view key)
{
	MDB_val k = val(key);

	ck_assert_int_eq(mdb_del(r->txn, r->dbi, &k, NULL), 0);
}

void raw_each(struct raw_store *r, bool (*each)(void *ctx, struct view key, struct view value), void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;

	ck_assert_int_eq(mdb_cursor_open(r->txn, r->dbi, &cursor), 0);
	while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0)
		if (!each(ctx, VIEW(k.mv_data, k.mv_size), VIEW(v.mv_data, v.mv_size)))
			break;
	mdb_cursor_close(cursor);
}
