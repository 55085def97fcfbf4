/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "store_inner.h"

/* Layout and meaning: docs/store.md, Index. */
#define HASH_LEN 16
#define PREFIX_LEN (1 + HASH_LEN)
#define KEY_LEN (PREFIX_LEN + STORE_ID_LEN)
#define ENTRY_LEN (1 + 2 + 8 + 8 + HASH_LEN + 16)
#define ENTRY_PRIVATE 1
#define ENTRY_SECRET 2

static const uint8_t kind_parts[KIND_PARTS] = { 5, 5, 6 };

/* struct entry: an index entry taken apart. */
struct entry {
	const uint8_t *id;
	const uint8_t *hash;
	uint8_t index;
	bool private;
	bool has_secret;
	uint16_t generation;
	uint64_t class;
	uint64_t version;
	uint8_t kind[HASH_LEN]; /* zeroes: none */
	const uint8_t *mac;
};

struct tree record_index_tree(const struct record *r)
{
	return r->private ? (struct tree){ STORE_PRIVATE, r->generation } : (struct tree){ STORE_PUBLIC, 0 };
}

static void put_key(uint8_t index, const uint8_t *hash, const uint8_t *id, uint8_t ret_key[KEY_LEN])
{
	ret_key[0] = index;
	memcpy(ret_key + 1, hash, HASH_LEN);
	if (id)
		memcpy(ret_key + PREFIX_LEN, id, STORE_ID_LEN);
}

static int hash_one(struct store_txn *t, const struct store_crypto *c, struct tree tree, uint8_t index,
		    struct view value, uint8_t ret[HASH_LEN])
{
	BUF_AUTO data = { 0 };

	buf_put_view(&data, VIEW_STR("SR index key"));
	buf_put(&data, t->store->serial, STORE_SERIAL_LEN);
	buf_put_u8(&data, index);
	buf_put_view(&data, value);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	return c->mac(c->ctx, tree.domain, tree.generation, buf_view(&data), ret);
}

/* A part of the hash for the class, one for class and type, one for all three: what is common has a common prefix. */
static int hash_kind(struct store_txn *t, const struct store_crypto *c, struct tree tree, struct view value,
		     uint8_t ret_mac[HASH_LEN], size_t *ret_n)
{
	uint8_t out[HASH_LEN] = { 0 }, part[HASH_LEN];
	size_t n = 0;

	for (size_t i = 0; i < KIND_PARTS && value.n >= 8 * (i + 1); i++) {
		int rc = hash_one(t, c, tree, STORE_BY_KIND, VIEW(value.p, 8 * (i + 1)), part);
		if (rc)
			return rc;
		memcpy(out + n, part, kind_parts[i]);
		n += kind_parts[i];
	}
	memcpy(ret_mac, out, sizeof(out));
	*ret_n = n;
	return STORE_OK;
}

int index_hash(struct store_txn *t, const struct store_crypto *c, struct tree tree, enum store_index index,
	       struct view value, uint8_t ret_mac[HASH_LEN], size_t *ret_n)
{
	if (index == STORE_BY_KIND)
		return hash_kind(t, c, tree, value, ret_mac, ret_n);
	*ret_n = HASH_LEN;
	return hash_one(t, c, tree, (uint8_t)index, value, ret_mac);
}

static int entry_mac(struct store_txn *t, const struct store_crypto *c, const struct entry *e, uint8_t ret_mac[16])
{
	static const char word[14] = "SR index entry";
	uint8_t data[sizeof(word) + STORE_SERIAL_LEN + KEY_LEN + ENTRY_LEN - 16];
	uint8_t *at = data;

	memcpy(at, word, sizeof(word));
	at += sizeof(word);
	memcpy(at, t->store->serial, STORE_SERIAL_LEN);
	at += STORE_SERIAL_LEN;
	put_key(e->index, e->hash, e->id, at);
	at += KEY_LEN;
	*at++ = (e->private ? ENTRY_PRIVATE : 0) | (e->has_secret ? ENTRY_SECRET : 0);
	be_put16(at, e->generation);
	be_put64(at + 2, e->class);
	be_put64(at + 10, e->version);
	memcpy(at + 18, e->kind, HASH_LEN);
	struct tree tree = e->private ? (struct tree){ STORE_PRIVATE, e->generation } : (struct tree){ 0 };
	return c->mac(c->ctx, tree.domain, tree.generation, VIEW(data, sizeof(data)), ret_mac);
}

/* The entry that a record asks for under one of its keys. */
static struct entry entry_of(const uint8_t *id, const struct record *r, const struct index_key *k)
{
	struct entry e = { .id = id,
			   .hash = k->mac,
			   .index = k->index,
			   .private = r->private,
			   .has_secret = r->has_secret,
			   .generation = r->generation,
			   .class = r->class,
			   .version = r->version };

	for (unsigned i = 0; i < r->index_count; i++)
		if (r->index[i].index == STORE_BY_KIND)
			memcpy(e.kind, r->index[i].mac, HASH_LEN);
	return e;
}

static void put_value(const struct entry *e, const uint8_t mac[16], uint8_t ret_value[ENTRY_LEN])
{
	ret_value[0] = (e->private ? ENTRY_PRIVATE : 0) | (e->has_secret ? ENTRY_SECRET : 0);
	be_put16(ret_value + 1, e->generation);
	be_put64(ret_value + 3, e->class);
	be_put64(ret_value + 11, e->version);
	memcpy(ret_value + 19, e->kind, HASH_LEN);
	memcpy(ret_value + 19 + HASH_LEN, mac, 16);
}

static int entry_fault(struct store_txn *t, const uint8_t *id)
{
	return object_fault(t, id, "an index entry is not what was written, or an older one that was put back");
}

/* Taken apart, not yet proved. */
static int entry_parse(struct store_txn *t, struct view key, struct view value, struct entry *ret)
{
	if (key.n != KEY_LEN)
		return store_fault(STORE_ECORRUPT, t->store->path, "an index entry that nobody has written");
	if (value.n != ENTRY_LEN || (value.p[0] & ~(ENTRY_PRIVATE | ENTRY_SECRET)))
		return entry_fault(t, key.p + PREFIX_LEN);
	*ret = (struct entry){ .id = key.p + PREFIX_LEN,
			       .hash = key.p + 1,
			       .index = key.p[0],
			       .private = value.p[0] & ENTRY_PRIVATE,
			       .has_secret = value.p[0] & ENTRY_SECRET,
			       .generation = be_get16(value.p + 1),
			       .class = be_get64(value.p + 3),
			       .version = be_get64(value.p + 11),
			       .mac = value.p + 19 + HASH_LEN };
	memcpy(ret->kind, value.p + 19, HASH_LEN);
	return STORE_OK;
}

bool index_of_key(struct view key, struct index_key *ret, const uint8_t **ret_id)
{
	if (key.n != KEY_LEN || key.p[0] >= STORE_INDEXES)
		return false;
	ret->index = key.p[0];
	memcpy(ret->mac, key.p + 1, HASH_LEN);
	*ret_id = key.p + PREFIX_LEN;
	return true;
}

int index_put(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
	      const struct index_key *k)
{
	struct entry e = entry_of(id, r, k);
	uint8_t key[KEY_LEN], value[ENTRY_LEN], mac[16];

	int rc = entry_mac(t, c, &e, mac);
	if (rc)
		return rc;
	put_key(k->index, k->mac, id, key);
	put_value(&e, mac, value);
	return txn_put(t, DB_INDEX, VIEW(key, sizeof(key)), VIEW(value, sizeof(value)), 0);
}

int index_get(struct store_txn *t, const uint8_t *id, const struct index_key *k, struct view *ret)
{
	uint8_t key[KEY_LEN];

	put_key(k->index, k->mac, id, key);
	return txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), ret);
}

int index_check(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
		const struct index_key *k)
{
	struct entry e = entry_of(id, r, k);
	uint8_t value[ENTRY_LEN], mac[16];
	struct view there;

	int rc = index_get(t, id, k, &there);
	if (!rc)
		rc = entry_mac(t, c, &e, mac);
	if (rc)
		return rc == STORE_ENOTFOUND ? object_fault(t, id, "an index entry is missing") : rc;
	put_value(&e, mac, value);
	return there.n == ENTRY_LEN && ct_equal(there.p, value, ENTRY_LEN) ? STORE_OK : entry_fault(t, id);
}

int index_del(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
	      const struct index_key *k)
{
	uint8_t key[KEY_LEN];

	int rc = index_check(t, c, id, r, k);
	if (rc)
		return rc;
	put_key(k->index, k->mac, id, key);
	return txn_del(t, DB_INDEX, VIEW(key, sizeof(key)));
}

/* What a find asks for under the keys of one tree. */
struct wanted {
	uint8_t hash[HASH_LEN];
	size_t n;
};

struct find {
	struct store_txn *t;
	const struct store_crypto *c;
	const struct store_match *m;
	size_t count;
	size_t first; /* the match that is walked over */
	struct tree tree;
	bool all_trees; /* nothing is asked for: whatever tree's key is there */
	struct wanted wanted[STORE_INDEXES];
	int (*each)(void *ctx, const struct store_hit *hit);
	void *ctx;
};

/* The version that the object has: as the directory says, or, without its key, as the record itself says. */
static int entry_current(struct find *f, const struct entry *e, uint64_t *ret)
{
	struct record r;

	int rc = directory_get(f->t, f->c, record_directory_tree(e->private, e->has_secret, e->generation), e->id, ret);
	if (rc != STORE_ESEALED || e->private)
		return rc;
	rc = record_get(f->t, e->id, &r);
	if (!rc)
		*ret = r.version;
	return rc;
}

/* The entry's MAC, and that it is of the version that the object has now. */
static int entry_prove(struct find *f, const struct entry *e)
{
	uint8_t mac[16];
	uint64_t version = 0;

	int rc = entry_mac(f->t, f->c, e, mac);
	if (rc)
		return rc == STORE_ECORRUPT ? entry_fault(f->t, e->id) : rc;
	if (!ct_equal(mac, e->mac, sizeof(mac)))
		return entry_fault(f->t, e->id);
	rc = entry_current(f, e, &version);
	return rc == STORE_ENOTFOUND || (!rc && version != e->version) ? entry_fault(f->t, e->id) : rc;
}

/* The other matches. Of the kind every entry tells; the others have entries of their own. */
static int matches_rest(struct find *f, const struct entry *e, bool *ret)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct wanted *w = &f->wanted[i];
		struct entry other;
		uint8_t key[KEY_LEN];
		struct view value;
		if (i == f->first)
			continue;
		*ret = false;
		if (f->m[i].index == STORE_BY_KIND) {
			if (memcmp(e->kind, w->hash, w->n) != 0)
				return STORE_OK;
			continue;
		}
		put_key((uint8_t)f->m[i].index, w->hash, e->id, key);
		int rc = txn_get(f->t, DB_INDEX, VIEW(key, sizeof(key)), &value);
		if (rc == STORE_ENOTFOUND)
			return STORE_OK;
		if (!rc)
			rc = entry_parse(f->t, VIEW(key, sizeof(key)), value, &other);
		if (!rc && other.version != e->version)
			rc = entry_fault(f->t, e->id);
		if (!rc)
			rc = entry_prove(f, &other);
		if (rc)
			return rc;
	}
	*ret = true;
	return STORE_OK;
}

static int find_hit(struct find *f, struct view key, struct view value)
{
	struct entry e;
	bool matches = true;

	int rc = entry_parse(f->t, key, value, &e);
	if (rc)
		return rc;
	if (!f->all_trees &&
	    (e.private != (f->tree.domain == STORE_PRIVATE) || (e.private && e.generation != f->tree.generation)))
		return entry_fault(f->t, e.id); /* its hash is of this tree's key */
	rc = entry_prove(f, &e);
	if (rc == STORE_ESEALED && f->all_trees)
		return STORE_OK;
	if (!rc)
		rc = matches_rest(f, &e, &matches);
	if (rc || !matches)
		return rc;
	struct store_hit hit = { .id = e.id, .class = e.class, .version = e.version, .private = e.private };
	return f->each(f->ctx, &hit);
}

static int find_walk(struct find *f, struct view prefix)
{
	MDB_cursor *cursor = NULL;
	MDB_val key = { prefix.n, (void *)(uintptr_t)prefix.p }, value;
	MDB_cursor_op op = MDB_SET_RANGE;

	int rc = store_error(mdb_cursor_open(f->t->txn, f->t->store->dbi[DB_INDEX], &cursor));
	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, op)))) {
		if (key.mv_size < prefix.n || memcmp(key.mv_data, prefix.p, prefix.n) != 0)
			break;
		rc = find_hit(f, VIEW(key.mv_data, key.mv_size), VIEW(value.mv_data, value.mv_size));
		if (rc)
			break;
		op = MDB_NEXT;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}

static int find_tree(struct find *f)
{
	uint8_t prefix[KEY_LEN];

	for (size_t i = 0; i < f->count; i++) {
		struct wanted *w = &f->wanted[i];
		int rc = index_hash(f->t, f->c, f->tree, f->m[i].index, f->m[i].value, w->hash, &w->n);
		if (rc)
			return rc;
	}
	put_key((uint8_t)f->m[f->first].index, f->wanted[f->first].hash, NULL, prefix);
	return find_walk(f, VIEW(prefix, 1 + f->wanted[f->first].n));
}

struct scan {
	int (*each)(void *ctx, const struct store_hit *hit);
	void *ctx;
};

static int scan_one(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	struct scan *s = ctx;
	struct store_hit hit = { .id = id, .private = private, .old = true };

	(void)generation;
	return s->each(s->ctx, &hit);
}

/* The one that is walked over: the one that the fewest objects share. */
static int find_first(struct find *f)
{
	static const enum store_index order[] = { STORE_BY_ISSUER_SERIAL, STORE_BY_ID, STORE_BY_LABEL, STORE_BY_SUBJECT,
						  STORE_BY_KIND };

	for (size_t i = 0; i < f->count; i++) {
		const struct store_match *m = &f->m[i];
		if (m->index >= STORE_INDEXES || m->value.n == 0 ||
		    (m->index == STORE_BY_KIND && (m->value.n % 8 != 0 || m->value.n > STORE_KIND_LEN)))
			return STORE_EINVAL;
	}
	for (size_t o = 0; o < ARRAY_LEN(order); o++) {
		for (f->first = 0; f->first < f->count; f->first++)
			if (f->m[f->first].index == order[o])
				return STORE_OK;
	}
	return STORE_EINVAL;
}

int store_find(struct store_txn *t, const struct store_crypto *c, const struct store_match *m, size_t n,
	       int (*each)(void *ctx, const struct store_hit *hit), void *ctx)
{
	static const enum store_domain domains[] = { STORE_PUBLIC, STORE_PRIVATE };
	static const uint8_t all[] = { STORE_BY_KIND };
	struct find f = { .t = t, .c = c, .m = m, .count = n, .all_trees = n == 0, .each = each, .ctx = ctx };
	struct scan s = { each, ctx };

	if (n > STORE_INDEXES)
		return STORE_EINVAL;
	if (t->schema != STORE_SCHEMA)
		return store_object_each(t, NULL, scan_one, &s);
	if (n == 0)
		return find_walk(&f, VIEW(all, sizeof(all)));
	int rc = find_first(&f);
	for (size_t i = 0; i < ARRAY_LEN(domains) && !rc; i++) {
		uint16_t generations[STORE_GENERATIONS];
		unsigned count = 0;
		f.tree.domain = domains[i];
		rc = c->generations(c->ctx, domains[i], generations, &count);
		for (unsigned g = 0; g < count && !rc; g++) {
			f.tree.generation = generations[g];
			rc = find_tree(&f);
		}
		if (rc == STORE_ESEALED)
			rc = STORE_OK;
	}
	return rc;
}
