/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store_inner.h"

/* Layout and meaning: docs/store.md, Index. */
#define PREFIX_LEN 17
#define KEY_LEN (PREFIX_LEN + STORE_ID_LEN)
#define ENTRY_LEN 17
#define ENTRY_PRIVATE 1

static enum store_domain domain_of(bool private)
{
	return private ? STORE_PRIVATE : STORE_PUBLIC;
}

static void put_key(const struct index_key *k, const uint8_t *id, uint8_t ret_key[KEY_LEN])
{
	ret_key[0] = k->index;
	memcpy(ret_key + 1, k->mac, sizeof(k->mac));
	if (id)
		memcpy(ret_key + PREFIX_LEN, id, STORE_ID_LEN);
}

int index_hash(struct store_txn *t, const struct store_crypto *c, bool private, uint8_t index, struct view value,
	       uint8_t ret_mac[16])
{
	BUF_AUTO data = { 0 };

	buf_put_view(&data, VIEW_STR("SR index key"));
	buf_put(&data, t->store->serial, STORE_SERIAL_LEN);
	buf_put_u8(&data, index);
	buf_put_view(&data, value);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	return c->mac(c->ctx, domain_of(private), buf_view(&data), ret_mac);
}

static int entry_mac(struct store_txn *t, const struct store_crypto *c, const struct index_entry *e,
		     const struct index_key *k, uint8_t ret_mac[16])
{
	BUF_AUTO data = { 0 };

	buf_put_view(&data, VIEW_STR("SR index entry"));
	buf_put(&data, t->store->serial, STORE_SERIAL_LEN);
	buf_put_u8(&data, k->index);
	buf_put(&data, k->mac, sizeof(k->mac));
	buf_put(&data, e->id, STORE_ID_LEN);
	buf_put_u8(&data, e->private ? ENTRY_PRIVATE : 0);
	buf_put_u64(&data, e->version);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	return c->mac(c->ctx, domain_of(e->private), buf_view(&data), ret_mac);
}

int index_put(struct store_txn *t, const struct store_crypto *c, const struct index_entry *e, const struct index_key *k)
{
	uint8_t key[KEY_LEN], value[ENTRY_LEN];

	put_key(k, e->id, key);
	value[0] = e->private ? ENTRY_PRIVATE : 0;
	int rc = entry_mac(t, c, e, k, value + 1);
	return rc ? rc : txn_put(t, DB_INDEX, VIEW(key, sizeof(key)), VIEW(value, sizeof(value)), 0);
}

static int entry_check(struct store_txn *t, const struct store_crypto *c, const struct index_entry *e,
		       const struct index_key *k, struct view value)
{
	uint8_t mac[16];

	if (value.n != ENTRY_LEN || value.p[0] != (e->private ? ENTRY_PRIVATE : 0))
		return STORE_ECORRUPT;
	int rc = entry_mac(t, c, e, k, mac);
	if (rc)
		return rc;
	return ct_equal(mac, value.p + 1, sizeof(mac)) ? STORE_OK : STORE_ECORRUPT;
}

int index_check(struct store_txn *t, const struct store_crypto *c, const struct index_entry *e,
		const struct index_key *k)
{
	uint8_t key[KEY_LEN];
	struct view value;

	put_key(k, e->id, key);
	int rc = txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), &value);
	if (rc == STORE_ENOTFOUND)
		return STORE_ECORRUPT;
	return rc ? rc : entry_check(t, c, e, k, value);
}

int index_del(struct store_txn *t, const uint8_t id[STORE_ID_LEN], const struct index_key *k)
{
	uint8_t key[KEY_LEN];

	put_key(k, id, key);
	int rc = txn_del(t, DB_INDEX, VIEW(key, sizeof(key)));
	return rc == STORE_ENOTFOUND ? STORE_ECORRUPT : rc;
}

/* One hit: its record must be there, of this domain, and the entry must be that of the record's version. */
static int find_hit(struct store_txn *t, const struct store_crypto *c, const struct index_key *k, bool private,
		    const uint8_t *id, struct view value)
{
	struct record r;

	int rc = record_get(t, id, &r);
	if (rc)
		return rc == STORE_ENOTFOUND ? STORE_ECORRUPT : rc;
	if (r.private != private)
		return STORE_ECORRUPT;
	struct index_entry e = { .id = id, .private = private, .version = r.version };
	return entry_check(t, c, &e, k, value);
}

static int find_domain(struct store_txn *t, const struct store_crypto *c, bool private, struct index_key *k,
		       int (*each)(void *ctx, const uint8_t *id, bool private), void *ctx)
{
	uint8_t prefix[KEY_LEN] = { 0 };
	MDB_cursor *cursor = NULL;
	MDB_val key = { PREFIX_LEN, prefix }, value;

	put_key(k, NULL, prefix);
	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_INDEX], &cursor));
	if (rc)
		return rc;
	MDB_cursor_op op = MDB_SET_RANGE;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, op)))) {
		const uint8_t *at = key.mv_data;
		if (key.mv_size < PREFIX_LEN || memcmp(at, prefix, PREFIX_LEN) != 0)
			break;
		if (key.mv_size != KEY_LEN) {
			rc = STORE_ECORRUPT;
			break;
		}
		rc = find_hit(t, c, k, private, at + PREFIX_LEN, VIEW(value.mv_data, value.mv_size));
		if (!rc)
			rc = each(ctx, at + PREFIX_LEN, private);
		if (rc)
			break;
		op = MDB_NEXT;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}

int store_object_find(struct store_txn *t, const struct store_crypto *c, enum store_index index, struct view value,
		      int (*each)(void *ctx, const uint8_t *id, bool private), void *ctx)
{
	static const bool domains[] = { false, true };

	if (index >= STORE_INDEXES || value.n == 0)
		return STORE_EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		struct index_key k = { .index = (uint8_t)index };
		int rc = index_hash(t, c, domains[i], k.index, value, k.mac);
		if (rc == STORE_ESEALED)
			continue;
		if (!rc)
			rc = find_domain(t, c, domains[i], &k, each, ctx);
		if (rc)
			return rc;
	}
	return STORE_OK;
}
