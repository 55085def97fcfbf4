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

static int parse_keys(struct reader *r, struct record *out)
{
	uint8_t last = 0;

	out->index_count = reader_u8(r);
	if (r->failed || out->index_count > STORE_INDEXES)
		return STORE_ECORRUPT;
	for (unsigned i = 0; i < out->index_count; i++) {
		out->index[i].index = reader_u8(r);
		struct view mac = reader_bytes(r, sizeof(out->index[i].mac));
		if (r->failed || out->index[i].index >= STORE_INDEXES || (i > 0 && out->index[i].index <= last))
			return STORE_ECORRUPT;
		last = out->index[i].index;
		memcpy(out->index[i].mac, mac.p, mac.n);
	}
	return STORE_OK;
}

static int record_parse(struct view value, struct record *ret)
{
	struct reader r = reader_of(value);
	struct record out = { .schema = reader_u16(&r) };

	uint8_t flags = reader_u8(&r);
	out.version = reader_u64(&r);
	if (r.failed || out.schema == 0 || out.schema > STORE_SCHEMA)
		return STORE_ECORRUPT;
	if ((flags & ~(RECORD_PRIVATE | RECORD_SECRET)) || out.version == 0)
		return STORE_ECORRUPT;
	out.private = flags & RECORD_PRIVATE;
	out.has_secret = flags & RECORD_SECRET;
	if (out.schema > 1) {
		out.generation = reader_u16(&r);
		out.class = reader_u64(&r);
		if (r.failed || (out.generation != 0) != (out.private || out.has_secret))
			return STORE_ECORRUPT;
	}
	int rc = parse_keys(&r, &out);
	if (rc)
		return rc;
	if (out.schema == 1)
		out.index_count = 0; /* indexed otherwise, and not looked at any more */
	out.head = VIEW(value.p, value.n - r.left);
	out.body = reader_lv32(&r, SEALED_MAX);
	out.secret = reader_lv32(&r, SEALED_MAX);
	if (!reader_done(&r) || out.body.n == 0 || out.has_secret != (out.secret.n > 0))
		return STORE_ECORRUPT;
	*ret = out;
	return STORE_OK;
}

int object_fault(struct store_txn *t, const uint8_t id[STORE_ID_LEN], const char *what)
{
	char hex[2 * STORE_ID_LEN + 1];

	hex_encode(VIEW(id, STORE_ID_LEN), hex);
	return store_fault(STORE_ECORRUPT, t->store->path, "object %s: %s", hex, what);
}

int record_get(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct record *ret)
{
	struct view value;

	int rc = txn_get(t, DB_OBJECTS, VIEW(id, STORE_ID_LEN), &value);
	if (!rc)
		rc = record_parse(value, ret);
	/* One of the old schema among new ones was put there by somebody else. */
	if (!rc && ret->schema != t->schema && !t->writer->upgraded)
		rc = STORE_ECORRUPT;
	return rc == STORE_ECORRUPT ? object_fault(t, id, "its record is not what was written") : rc;
}

struct tree record_directory_tree(bool private, bool has_secret, uint16_t generation)
{
	return private || has_secret ? (struct tree){ STORE_PRIVATE, generation } : (struct tree){ STORE_PUBLIC, 0 };
}

static struct tree tree_of(const struct record *r)
{
	return record_directory_tree(r->private, r->has_secret, r->generation);
}

/* The record is the one that the directory says. A public object with a secret part is looked up when the key is there.
 */
int record_current(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		   const struct record *r)
{
	uint64_t version = 0;

	if (r->schema == STORE_SCHEMA_OLDEST)
		return STORE_OK;
	int rc = directory_get(t, c, tree_of(r), id, &version);
	if (rc == STORE_ESEALED && !r->private)
		return STORE_OK;
	if (rc == STORE_ENOTFOUND)
		return object_fault(t, id, "a record that was put there: the directory does not know it");
	if (!rc && version != r->version)
		return object_fault(t, id, "its record is an older one that was put back");
	return rc;
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

/* The domain and generation that one part of a record is sealed under. */
static struct tree part_tree(const struct record *r, bool secret)
{
	if (secret)
		return (struct tree){ STORE_SECRET, r->generation };
	return r->private ? (struct tree){ STORE_PRIVATE, r->generation } : (struct tree){ STORE_PUBLIC, 0 };
}

static int open_part(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
		     bool secret, struct secret *ret)
{
	struct tree tree = part_tree(r, secret);
	BUF_AUTO aad = { 0 };

	put_aad(&aad, t, secret, id, r->head);
	if (!buf_ok(&aad))
		return STORE_ENOMEM;
	int rc = c->open(c->ctx, tree.domain, tree.generation, buf_view(&aad), secret ? r->secret : r->body, ret);
	return rc == STORE_ECORRUPT ? object_fault(t, id, "its record is not what was written") : rc;
}

int record_open(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		const struct record *r)
{
	SECRET_AUTO body = { 0 };
	SECRET_AUTO secret = { 0 };

	int rc = open_part(t, c, id, r, false, &body);
	if (!rc && r->has_secret)
		rc = open_part(t, c, id, r, true, &secret);
	return rc;
}

/* What is replaced or deleted is what was written: the body opens, and the index entries are those of this version. */
static int remove_old(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r)
{
	SECRET_AUTO body = { 0 };

	int rc = record_current(t, c, id, r);
	if (!rc)
		rc = open_part(t, c, id, r, false, &body);
	for (unsigned i = 0; i < r->index_count && !rc; i++)
		rc = index_check(t, c, id, r, &r->index[i]);
	for (unsigned i = 0; i < r->index_count && !rc; i++)
		rc = txn_fail(t, index_del(t, c, id, r, &r->index[i]));
	if (!rc && r->schema != STORE_SCHEMA_OLDEST)
		rc = directory_del(t, c, tree_of(r), id);
	return rc;
}

/* The keys of the index values, in the order of the indexes. */
static int make_keys(struct store_txn *t, const struct store_crypto *c, const struct store_object *o,
		     struct record *ret)
{
	size_t n;

	for (unsigned i = 0; i < STORE_INDEXES; i++) {
		struct index_key *k = &ret->index[ret->index_count];
		if (o->index[i].n == 0)
			continue;
		if (i == STORE_BY_KIND && o->index[i].n != STORE_KIND_LEN)
			return STORE_EINVAL;
		k->index = (uint8_t)i;
		int rc = index_hash(t, c, record_index_tree(ret), i, o->index[i], k->mac, &n);
		if (rc)
			return rc;
		ret->index_count++;
	}
	return STORE_OK;
}

/* Everything of the new record but its sealed parts; head must outlive ret. */
static int make_record(struct store_txn *t, const struct store_crypto *c, const struct store_object *o,
		       uint64_t version, struct buf *head, struct record *ret)
{
	struct record r = {
		.schema = STORE_SCHEMA, .private = o->private, .has_secret = o->secret.n > 0, .version = version
	};
	uint16_t generations[STORE_GENERATIONS];
	unsigned n = 0;
	int rc = STORE_OK;

	if (r.private || r.has_secret)
		rc = c->generations(c->ctx, STORE_PRIVATE, generations, &n);
	if (n > 0)
		r.generation = generations[0];
	if (o->index[STORE_BY_KIND].n >= 8)
		r.class = be_get64(o->index[STORE_BY_KIND].p);
	if (!rc)
		rc = make_keys(t, c, o, &r);
	if (rc)
		return rc;
	buf_put_u16(head, STORE_SCHEMA);
	buf_put_u8(head, (r.private ? RECORD_PRIVATE : 0) | (r.has_secret ? RECORD_SECRET : 0));
	buf_put_u64(head, version);
	buf_put_u16(head, r.generation);
	buf_put_u64(head, r.class);
	buf_put_u8(head, (uint8_t)r.index_count);
	for (unsigned i = 0; i < r.index_count; i++) {
		buf_put_u8(head, r.index[i].index);
		buf_put(head, r.index[i].mac, sizeof(r.index[i].mac));
	}
	r.head = buf_view(head);
	*ret = r;
	return buf_ok(head) ? STORE_OK : STORE_ENOMEM;
}

static int seal_part(struct store_txn *t, const struct store_crypto *c, const struct store_object *o,
		     const struct record *r, bool secret, struct buf *out)
{
	struct tree tree = part_tree(r, secret);
	BUF_AUTO aad = { 0 };
	BUF_AUTO sealed = { 0 };

	if (!secret || o->secret.n) {
		put_aad(&aad, t, secret, o->id, r->head);
		if (!buf_ok(&aad))
			return STORE_ENOMEM;
		int rc = c->seal(c->ctx, tree.domain, tree.generation, buf_view(&aad), secret ? o->secret : o->body,
				 &sealed);
		if (rc)
			return rc;
		if (!buf_ok(&sealed))
			return STORE_ENOMEM;
	}
	buf_put_lv32(out, buf_view(&sealed));
	return buf_ok(out) ? STORE_OK : STORE_ENOMEM;
}

/* may_write: a write transaction in a store of this schema. */
static int may_write(const struct store_txn *t)
{
	if (!t->write)
		return STORE_EINVAL;
	return t->schema == STORE_SCHEMA ? STORE_OK : STORE_EACCESS;
}

int store_object_put(struct store_txn *t, const struct store_crypto *c, const struct store_object *o)
{
	struct record old, new;
	BUF_AUTO head = { 0 };
	BUF_AUTO value = { 0 };

	if (o->body.n > STORE_BODY_MAX || o->secret.n > STORE_BODY_MAX)
		return STORE_EINVAL;
	int rc = may_write(t);
	if (rc)
		return rc;
	rc = record_get(t, o->id, &old);
	bool replace = rc == STORE_OK;
	if (rc && rc != STORE_ENOTFOUND)
		return rc;

	rc = make_record(t, c, o, replace ? old.version + 1 : 1, &head, &new);
	buf_put_view(&value, buf_view(&head));
	if (!rc)
		rc = seal_part(t, c, o, &new, false, &value);
	if (!rc)
		rc = seal_part(t, c, o, &new, true, &value);
	if (!rc && replace)
		rc = remove_old(t, c, o->id, &old);
	if (rc)
		return rc;

	rc = txn_put(t, DB_OBJECTS, VIEW(o->id, STORE_ID_LEN), buf_view(&value), 0);
	for (unsigned i = 0; i < new.index_count && !rc; i++)
		rc = index_put(t, c, o->id, &new, &new.index[i]);
	if (!rc)
		rc = directory_put(t, c, tree_of(&new), o->id, new.version);
	return rc ? txn_fail(t, rc) : STORE_OK;
}

/*
 * gone: there is no record; nor may there have been one that nobody of ours took away. STORE_ENOTFOUND, and that only
 * as far as keys are there.
 */
static int gone(struct store_txn *t, const struct store_crypto *c, const uint8_t *id)
{
	uint16_t generations[STORE_GENERATIONS];
	unsigned n = 0;
	uint64_t version;
	int rc = t->schema == STORE_SCHEMA ? c->generations(c->ctx, STORE_PRIVATE, generations, &n) : STORE_ENOTFOUND;

	for (unsigned i = 0; i < n && !rc; i++) {
		struct tree tree = { STORE_PRIVATE, generations[i] };

		rc = directory_get(t, c, tree, id, &version);
		if (!rc)
			return object_fault(t, id, "its record was taken away: the directory still knows it");
		rc = rc == STORE_ENOTFOUND ? STORE_OK : rc;
	}
	return !rc || rc == STORE_ESEALED ? STORE_ENOTFOUND : rc;
}

int store_object_get(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		     bool with_secret, struct store_loaded *ret)
{
	struct store_loaded out = { 0 };
	struct record r;

	int rc = record_get(t, id, &r);
	if (rc)
		return rc == STORE_ENOTFOUND ? gone(t, c, id) : rc;
	out.version = r.version;
	out.private = r.private;
	out.has_secret = r.has_secret;
	out.schema = r.schema;
	out.generation = r.generation;
	rc = record_current(t, c, id, &r);
	if (!rc)
		rc = open_part(t, c, id, &r, false, &out.body);
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

int store_object_count(struct store_txn *t, uint64_t *ret)
{
	MDB_stat stat;
	int rc = mdb_stat(t->txn, t->store->dbi[DB_OBJECTS], &stat);

	if (rc)
		return store_error(rc);
	*ret = stat.ms_entries;
	return STORE_OK;
}

int store_object_del(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN])
{
	struct record r;

	int rc = may_write(t);
	if (!rc)
		rc = record_get(t, id, &r);
	if (!rc)
		rc = remove_old(t, c, id, &r);
	return rc ? rc : txn_del(t, DB_OBJECTS, VIEW(id, STORE_ID_LEN));
}

int store_object_each(struct store_txn *t, const uint8_t *after,
		      int (*each)(void *ctx, const uint8_t *id, bool private, uint16_t generation), void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_val key = { STORE_ID_LEN, (void *)(uintptr_t)after }, value;
	MDB_cursor_op op = after ? MDB_SET_RANGE : MDB_FIRST;

	int rc = store_error(mdb_cursor_open(t->txn, t->store->dbi[DB_OBJECTS], &cursor));
	if (rc)
		return rc;
	for (; !(rc = store_error(mdb_cursor_get(cursor, &key, &value, op))); op = MDB_NEXT) {
		struct record r;
		if (after && key.mv_size == STORE_ID_LEN && memcmp(key.mv_data, after, STORE_ID_LEN) == 0)
			continue;
		rc =
		    key.mv_size == STORE_ID_LEN ? record_parse(VIEW(value.mv_data, value.mv_size), &r) : STORE_ECORRUPT;
		if (!rc)
			rc = each(ctx, key.mv_data, r.private, r.generation);
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}
