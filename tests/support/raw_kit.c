/* SPDX-License-Identifier: BSD-2-Clause */
#include "raw_kit.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ck_test.h"

static MDB_env *raw_env(const char *serial)
{
	MDB_env *env = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", ck_test_dir, serial);
	ck_assert_int_eq(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 16);
	mdb_env_set_mapsize(env, (size_t)1 << 30);
	ck_assert_int_eq(mdb_env_open(env, path, 0, 0600), 0);
	return env;
}

struct raws raw_read(const char *serial, const char *name)
{
	struct raws r = { 0 };
	MDB_env *env = raw_env(serial);
	MDB_cursor *cursor;
	MDB_val k, v;
	MDB_txn *txn;
	MDB_dbi dbi;

	ck_assert(!mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) && !mdb_dbi_open(txn, name, 0, &dbi));
	ck_assert(!mdb_cursor_open(txn, dbi, &cursor));
	while (!mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		r.p = realloc(r.p, (r.n + 1) * sizeof(*r.p));
		r.p[r.n] = (struct raw){ malloc(k.mv_size), malloc(v.mv_size), k.mv_size, v.mv_size };
		memcpy(r.p[r.n].key, k.mv_data, k.mv_size);
		memcpy(r.p[r.n++].value, v.mv_data, v.mv_size);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return r;
}

void raw_put(const char *serial, const char *name, const struct raws *r, bool only)
{
	MDB_env *env = raw_env(serial);
	MDB_txn *txn;
	MDB_dbi dbi;

	ck_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, name, 0, &dbi));
	ck_assert(!only || !mdb_drop(txn, dbi, 0));
	for (size_t i = 0; i < r->n; i++) {
		MDB_val k = { r->p[i].key_len, r->p[i].key }, v = { r->p[i].len, r->p[i].value };

		ck_assert_int_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	}
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

void raw_done(struct raws *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->p[i].key);
		free(r->p[i].value);
	}
	free(r->p);
}

const struct raw *raw_of(const struct raws *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->p[i].key_len == strlen(name) && memcmp(r->p[i].key, name, r->p[i].key_len) == 0)
			return &r->p[i];
	ck_abort_msg("%s", name);
}
