/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store_inner.h"

/* name_of: a key of the database as a string. */
static bool name_of(const MDB_val *key, char ret[STORE_NAME_MAX + 1])
{
	if (key->mv_size == 0 || key->mv_size > STORE_NAME_MAX)
		return false;
	memcpy(ret, key->mv_data, key->mv_size);
	ret[key->mv_size] = '\0';
	return true;
}

int store_meta_each(struct store_txn *t, const char *prefix, const char *after,
		    int (*each)(void *ctx, const char *name, struct view value), void *ctx)
{
	const char *from = after ? after : prefix;
	char name[STORE_NAME_MAX + 1];
	MDB_cursor *cursor = NULL;
	MDB_val key = { strlen(from), (void *)(uintptr_t)from }, value;
	MDB_cursor_op op = MDB_SET_RANGE;
	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_META], &cursor));

	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, op)))) {
		op = MDB_NEXT;
		if (!name_of(&key, name)) {
			rc = STORE_ECORRUPT;
			break;
		}
		if (strncmp(name, prefix, strlen(prefix)) != 0)
			break;
		if ((after && strcmp(name, after) <= 0) || !strcmp(name, "store"))
			continue;
		rc = each(ctx, name, VIEW(value.mv_data, value.mv_size));
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}
