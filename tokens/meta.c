/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store_inner.h"

int txn_fail(struct store_txn *t, int rc)
{
	if (t->write && rc && !t->failed)
		t->failed = rc;
	return rc;
}

int txn_get(struct store_txn *t, enum store_db db, struct view key, struct view *ret)
{
	MDB_val k = { key.n, (void *)key.p }, v;

	int rc = store_error(mdb_get(t->txn, t->store->dbi[db], &k, &v));
	if (!rc)
		*ret = VIEW(v.mv_data, v.mv_size);
	return rc;
}

int txn_put(struct store_txn *t, enum store_db db, struct view key, struct view value, unsigned flags)
{
	MDB_val k = { key.n, (void *)key.p }, v = { value.n, (void *)value.p };

	if (!t->write)
		return STORE_EINVAL;
	t->puts++;
	t->bytes += key.n + value.n;
	return txn_fail(t, store_error(mdb_put(t->txn, t->store->dbi[db], &k, &v, flags)));
}

int txn_del(struct store_txn *t, enum store_db db, struct view key)
{
	MDB_val k = { key.n, (void *)key.p };

	if (!t->write)
		return STORE_EINVAL;
	t->puts++;
	int rc = store_error(mdb_del(t->txn, t->store->dbi[db], &k, NULL));
	return rc == STORE_ENOTFOUND ? rc : txn_fail(t, rc);
}

/* "store" is the store's own record. */
static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= STORE_NAME_MAX && strcmp(name, "store") != 0;
}

int store_meta_get(struct store_txn *t, const char *name, struct view *ret)
{
	if (!name_ok(name))
		return STORE_EINVAL;
	return txn_get(t, DB_META, view_of_string(name), ret);
}

int store_meta_put(struct store_txn *t, const char *name, struct view value)
{
	if (!name_ok(name) || value.n > STORE_META_MAX)
		return STORE_EINVAL;
	return txn_put(t, DB_META, view_of_string(name), value, 0);
}

int store_user_get(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct view *ret)
{
	return txn_get(t, DB_USERS, VIEW(id, STORE_ID_LEN), ret);
}

int store_user_put(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct view value)
{
	if (value.n > STORE_USER_MAX)
		return STORE_EINVAL;
	return txn_put(t, DB_USERS, VIEW(id, STORE_ID_LEN), value, 0);
}

int store_user_del(struct store_txn *t, const uint8_t id[STORE_ID_LEN])
{
	return txn_del(t, DB_USERS, VIEW(id, STORE_ID_LEN));
}

int store_user_each(struct store_txn *t, int (*each)(void *ctx, const uint8_t *id, struct view value), void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_USERS], &cursor));
	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))) {
		if (key.mv_size != STORE_ID_LEN)
			rc = STORE_ECORRUPT;
		else
			rc = each(ctx, key.mv_data, VIEW(value.mv_data, value.mv_size));
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}

static int put_own_record(struct store_txn *t)
{
	BUF_AUTO record = { 0 };

	store_record_put(&record, t->store->serial);
	if (!buf_ok(&record))
		return STORE_ENOMEM;
	int rc = txn_put(t, DB_META, VIEW_STR("store"), buf_view(&record), 0);
	if (!rc)
		t->schema = STORE_SCHEMA;
	return rc;
}

static int drop(struct store_txn *t, enum store_db db)
{
	if (db == DB_INDEX)
		directory_drop(t);
	t->puts++;
	return txn_fail(t, store_error(mdb_drop(t->txn, t->store->dbi[db], 0)));
}

/* wipe_dotted: meta records that belong to what goes: names with a dot, key usages for one. */
static int wipe_dotted(struct store_txn *t)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_META], &cursor));
	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))) {
		if (!memchr(key.mv_data, '.', key.mv_size))
			continue;
		rc = store_error(mdb_cursor_del(cursor, 0));
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : txn_fail(t, rc);
}

int store_wipe(struct store_txn *t)
{
	static const enum store_db wiped[] = { DB_USERS, DB_OBJECTS, DB_INDEX };
	int rc = t->write ? STORE_OK : STORE_EINVAL;

	for (size_t i = 0; i < ARRAY_LEN(wiped) && !rc; i++)
		rc = drop(t, wiped[i]);
	if (!rc)
		rc = wipe_dotted(t);
	/* What nothing is left of is of the newest schema. */
	if (!rc && t->schema != STORE_SCHEMA)
		rc = put_own_record(t);
	return rc;
}

unsigned store_schema(struct store_txn *t)
{
	return t->schema;
}

int store_schema_read(struct store_txn *t)
{
	struct view record;

	t->schema = atomic_load(&t->store->schema);
	if (t->schema == STORE_SCHEMA)
		return STORE_OK;
	int rc = txn_get(t, DB_META, VIEW_STR("store"), &record);
	if (!rc)
		rc = store_record_check(record, t->store->serial, &t->schema);
	/* Committed, so that it is what every later transaction finds. */
	if (!rc && !t->write && !t->within)
		atomic_store(&t->store->schema, t->schema);
	return rc == STORE_ENOTFOUND ? STORE_ECORRUPT : rc;
}

int index_drop(struct store_txn *t)
{
	return drop(t, DB_INDEX);
}

int store_upgrade(struct store_txn *t)
{
	if (!t->write || t->schema == STORE_SCHEMA)
		return STORE_EINVAL;
	int rc = drop(t, DB_INDEX);
	if (!rc)
		rc = put_own_record(t);
	if (!rc)
		t->upgraded = true;
	return rc;
}
