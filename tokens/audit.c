/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_inner.h"

int store_audit_last(struct store_txn *t, uint64_t *ret_sequence, struct view *ret_entry)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_AUDIT], &cursor));
	if (rc)
		return rc;
	rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_LAST));
	mdb_cursor_close(cursor);
	if (!rc && key.mv_size != 8)
		rc = STORE_ECORRUPT;
	if (rc)
		return rc;
	*ret_sequence = be_get64(key.mv_data);
	*ret_entry = VIEW(value.mv_data, value.mv_size);
	return STORE_OK;
}

int store_audit_append(struct store_txn *t, struct view entry, uint64_t *ret_sequence)
{
	uint64_t last = 0;
	uint8_t key[8];
	struct view unused;

	if (!t->write || entry.n > STORE_AUDIT_MAX)
		return STORE_EINVAL;
	int rc = store_audit_last(t, &last, &unused);
	if (rc && rc != STORE_ENOTFOUND)
		return rc;
	be_put64(key, last + 1);
	rc = txn_put(t, DB_AUDIT, VIEW(key, sizeof(key)), entry, MDB_APPEND);
	if (!rc)
		*ret_sequence = last + 1;
	return rc;
}

int store_audit_get(struct store_txn *t, uint64_t sequence, struct view *ret_entry)
{
	uint8_t key[8];

	be_put64(key, sequence);
	return txn_get(t, DB_AUDIT, VIEW(key, sizeof(key)), ret_entry);
}

int store_audit_next(struct store_txn *t, uint64_t from, uint64_t *ret_sequence, struct view *ret_entry)
{
	MDB_cursor *cursor = NULL;
	uint8_t at[8];
	MDB_val key = { sizeof(at), at }, value;

	be_put64(at, from);
	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_AUDIT], &cursor));
	if (rc)
		return rc;
	rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	mdb_cursor_close(cursor);
	if (!rc && key.mv_size != 8)
		rc = STORE_ECORRUPT;
	if (rc)
		return rc;
	*ret_sequence = be_get64(key.mv_data);
	*ret_entry = VIEW(value.mv_data, value.mv_size);
	return STORE_OK;
}

const char *store_serial(const struct store_txn *t)
{
	return t->store->serial;
}
