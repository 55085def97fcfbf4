/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store_inner.h"

/* Layout and meaning: docs/store.md, Objects. */
#define RECORD_PRIVATE 1
#define RECORD_SECRET 2
#define SEALED_MAX (STORE_BODY_MAX + 4096)

void store_loaded_done(struct store_loaded *l)
{
	if (!l)
		return;
	secret_done(&l->body);
	secret_done(&l->secret);
}

static int record_parse(struct view value, struct record *ret)
{
	struct reader r = reader_of(value);
	struct record out = { 0 };

	uint16_t schema = reader_u16(&r);
	uint8_t flags = reader_u8(&r);
	out.version = reader_u64(&r);
	out.index_count = reader_u8(&r);
	if (r.failed || schema == 0)
		return STORE_ECORRUPT;
	if (schema > STORE_SCHEMA)
		return STORE_EFOREIGN;
	if ((flags & ~(RECORD_PRIVATE | RECORD_SECRET)) || out.version == 0 || out.index_count > STORE_INDEXES)
		return STORE_ECORRUPT;
	out.private = flags & RECORD_PRIVATE;
	out.has_secret = flags & RECORD_SECRET;
	for (unsigned i = 0; i < out.index_count; i++) {
		out.index[i].index = reader_u8(&r);
		struct view mac = reader_bytes(&r, sizeof(out.index[i].mac));
		if (r.failed || out.index[i].index >= STORE_INDEXES)
			return STORE_ECORRUPT;
		memcpy(out.index[i].mac, mac.p, mac.n);
	}
	out.head = VIEW(value.p, value.n - r.left);
	out.body = reader_lv32(&r, SEALED_MAX);
	out.secret = reader_lv32(&r, SEALED_MAX);
	if (!reader_done(&r) || out.body.n == 0 || out.has_secret != (out.secret.n > 0))
		return STORE_ECORRUPT;
	*ret = out;
	return STORE_OK;
}

int record_get(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct record *ret)
{
	struct view value;

	int rc = txn_get(t, DB_OBJECTS, VIEW(id, STORE_ID_LEN), &value);
	return rc ? rc : record_parse(value, ret);
}

/* Additional data of a seal: what the part is, whose, and the record's head. */
static void put_aad(struct buf *out, struct store_txn *t, bool secret, const uint8_t *id, struct view head)
{
	buf_put_view(out, secret ? VIEW_STR("SR object secret") : VIEW_STR("SR object body"));
	buf_put_u8(out, 0);
	buf_put(out, t->store->serial, STORE_SERIAL_LEN);
	buf_put(out, id, STORE_ID_LEN);
	buf_put_view(out, head);
}

static int open_part(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
		     bool secret, struct secret *ret)
{
	BUF_AUTO aad = { 0 };
	enum store_domain domain = secret ? STORE_SECRET : r->private ? STORE_PRIVATE : STORE_PUBLIC;

	put_aad(&aad, t, secret, id, r->head);
	if (!buf_ok(&aad))
		return STORE_ENOMEM;
	return c->open(c->ctx, domain, buf_view(&aad), secret ? r->secret : r->body, ret);
}

/* The body opens and the index entries are those of this version: what is replaced or deleted is what was written. */
static int verify(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
		  struct secret *ret_body)
{
	struct index_entry e = { .id = id, .private = r->private, .version = r->version };

	int rc = open_part(t, c, id, r, false, ret_body);
	for (unsigned i = 0; i < r->index_count && !rc; i++)
		rc = index_check(t, c, &e, &r->index[i]);
	return rc;
}

static int remove_index(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r)
{
	SECRET_AUTO body = { 0 };

	int rc = verify(t, c, id, r, &body);
	for (unsigned i = 0; i < r->index_count && !rc; i++) {
		rc = index_del(t, id, &r->index[i]);
		if (rc)
			txn_fail(t, rc);
	}
	return rc;
}

static int make_head(struct store_txn *t, const struct store_crypto *c, const struct store_object *o, uint64_t version,
		     struct index_key keys[STORE_INDEXES], unsigned *ret_count, struct buf *head)
{
	unsigned count = 0;

	for (unsigned i = 0; i < STORE_INDEXES; i++) {
		if (o->index[i].n == 0)
			continue;
		keys[count].index = (uint8_t)i;
		int rc = index_hash(t, c, o->private, (uint8_t)i, o->index[i], keys[count].mac);
		if (rc)
			return rc;
		count++;
	}
	buf_put_u16(head, STORE_SCHEMA);
	buf_put_u8(head, (o->private ? RECORD_PRIVATE : 0) | (o->secret.n ? RECORD_SECRET : 0));
	buf_put_u64(head, version);
	buf_put_u8(head, (uint8_t)count);
	for (unsigned i = 0; i < count; i++) {
		buf_put_u8(head, keys[i].index);
		buf_put(head, keys[i].mac, sizeof(keys[i].mac));
	}
	*ret_count = count;
	return buf_ok(head) ? STORE_OK : STORE_ENOMEM;
}

static int seal_part(struct store_txn *t, const struct store_crypto *c, const struct store_object *o, bool secret,
		     struct view head, struct buf *out)
{
	BUF_AUTO aad = { 0 };
	BUF_AUTO sealed = { 0 };
	enum store_domain domain = secret ? STORE_SECRET : o->private ? STORE_PRIVATE : STORE_PUBLIC;

	if (!secret || o->secret.n) {
		put_aad(&aad, t, secret, o->id, head);
		if (!buf_ok(&aad))
			return STORE_ENOMEM;
		int rc = c->seal(c->ctx, domain, buf_view(&aad), secret ? o->secret : o->body, &sealed);
		if (rc)
			return rc;
		if (!buf_ok(&sealed))
			return STORE_ENOMEM;
	}
	buf_put_lv32(out, buf_view(&sealed));
	return buf_ok(out) ? STORE_OK : STORE_ENOMEM;
}

int store_object_put(struct store_txn *t, const struct store_crypto *c, const struct store_object *o)
{
	struct index_key keys[STORE_INDEXES];
	unsigned count = 0;
	struct record old;
	uint64_t version = 1;
	BUF_AUTO head = { 0 };
	BUF_AUTO value = { 0 };

	if (!t->write || o->body.n > STORE_BODY_MAX || o->secret.n > STORE_BODY_MAX)
		return STORE_EINVAL;
	int rc = record_get(t, o->id, &old);
	bool replace = rc == STORE_OK;
	if (rc && rc != STORE_ENOTFOUND)
		return rc;
	if (replace)
		version = old.version + 1;

	rc = make_head(t, c, o, version, keys, &count, &head);
	buf_put_view(&value, buf_view(&head));
	if (!rc)
		rc = seal_part(t, c, o, false, buf_view(&head), &value);
	if (!rc)
		rc = seal_part(t, c, o, true, buf_view(&head), &value);
	if (!rc && replace)
		rc = remove_index(t, c, o->id, &old);
	if (rc)
		return rc;

	struct index_entry e = { .id = o->id, .private = o->private, .version = version };
	rc = txn_put(t, DB_OBJECTS, VIEW(o->id, STORE_ID_LEN), buf_view(&value), 0);
	for (unsigned i = 0; i < count && !rc; i++)
		rc = index_put(t, c, &e, &keys[i]);
	return rc ? txn_fail(t, rc) : STORE_OK;
}

int store_object_get(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		     bool with_secret, struct store_loaded *ret)
{
	struct store_loaded out = { 0 };
	struct record r;

	int rc = record_get(t, id, &r);
	if (rc)
		return rc;
	out.version = r.version;
	out.private = r.private;
	out.has_secret = r.has_secret;
	rc = verify(t, c, id, &r, &out.body);
	if (!rc && with_secret && r.has_secret)
		rc = open_part(t, c, id, &r, true, &out.secret);
	if (rc) {
		store_loaded_done(&out);
		return rc;
	}
	*ret = out;
	return STORE_OK;
}

int store_object_version(struct store_txn *t, const uint8_t id[STORE_ID_LEN], uint64_t *ret)
{
	struct record r;

	int rc = record_get(t, id, &r);
	if (!rc)
		*ret = r.version;
	return rc;
}

int store_object_del(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN])
{
	struct record r;

	if (!t->write)
		return STORE_EINVAL;
	int rc = record_get(t, id, &r);
	if (!rc)
		rc = remove_index(t, c, id, &r);
	return rc ? rc : txn_del(t, DB_OBJECTS, VIEW(id, STORE_ID_LEN));
}

int store_object_each(struct store_txn *t, int (*each)(void *ctx, const uint8_t *id, bool private), void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_OBJECTS], &cursor));
	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))) {
		struct record r;
		rc =
		    key.mv_size == STORE_ID_LEN ? record_parse(VIEW(value.mv_data, value.mv_size), &r) : STORE_ECORRUPT;
		if (!rc)
			rc = each(ctx, key.mv_data, r.private);
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}
