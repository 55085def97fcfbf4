/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "directory.h"

struct verify {
	struct store_txn *t;
	const struct store_crypto *c;
	int (*each)(void *ctx, const struct store_finding *f);
	void *ctx;
	uint64_t nodes; /* of the directory: those that the walk from the roots reached */
	uint16_t generations[STORE_GENERATIONS];
	unsigned generation_count;
};

const char *store_finding_text(enum store_finding_kind kind)
{
	static const char *const texts[STORE_FINDING_KINDS] = {
		[STORE_BAD_RECORD] = "its record is not what was written",
		[STORE_OLD_RECORD] = "its record is an older one that was put back",
		[STORE_UNKNOWN_RECORD] = "a record that was put there: the directory does not know it",
		[STORE_LOST_RECORD] = "its record is gone",
		[STORE_BAD_ENTRY] = "an index entry is not what was written, or an older one that was put back",
		[STORE_LOST_ENTRY] = "an index entry is missing",
		[STORE_STRAY_ENTRY] = "an index entry that its record does not ask for",
		[STORE_BAD_DIRECTORY] = "the directory of objects is not what was written from this id on",
		[STORE_STRAY_NODE] = "a part of the index or the directory that belongs to nothing",
		[STORE_SEALED] = "not looked into: nobody is logged in",
	};

	return kind < STORE_FINDING_KINDS ? texts[kind] : "an unknown finding";
}

static int tell(struct verify *v, enum store_finding_kind kind, const uint8_t *id)
{
	struct store_finding f = { .kind = kind, .has_id = id != NULL };

	if (id)
		memcpy(f.id, id, STORE_ID_LEN);
	return v->each(v->ctx, &f);
}

/* What is damage is told, and the walk goes on; what is not ends it. */
static int judge(struct verify *v, int rc, enum store_finding_kind kind, const uint8_t *id)
{
	if (rc == STORE_ECORRUPT)
		return tell(v, kind, id);
	return rc;
}

static int verify_entries(struct verify *v, const uint8_t *id, const struct record *r)
{
	int rc = STORE_OK;

	for (unsigned i = 0; i < r->index_count && !rc; i++) {
		struct view there;
		rc = index_get(v->t, id, &r->index[i], &there);
		if (rc == STORE_ENOTFOUND)
			rc = tell(v, STORE_LOST_ENTRY, id);
		else if (!rc)
			rc = judge(v, index_check(v->t, v->c, id, r, &r->index[i]), STORE_BAD_ENTRY, id);
	}
	return rc;
}

/* A record that cannot be opened is one finding; what stands around it is compared all the same. */
static int verify_record(struct verify *v, const uint8_t *id)
{
	struct record r;
	uint64_t version = 0;

	int rc = record_get(v->t, id, &r);
	if (rc)
		return judge(v, rc, STORE_BAD_RECORD, id);
	rc = judge(v, record_open(v->t, v->c, id, &r), STORE_BAD_RECORD, id);
	if (rc == STORE_ESEALED)
		return tell(v, STORE_SEALED, id);
	if (rc || r.schema == STORE_SCHEMA_OLDEST)
		return rc;
	rc = directory_get(v->t, v->c, record_directory_tree(r.private, r.has_secret, r.generation), id, &version);
	if (rc == STORE_ENOTFOUND)
		rc = tell(v, STORE_UNKNOWN_RECORD, id);
	else if (!rc && version != r.version)
		rc = tell(v, STORE_OLD_RECORD, id);
	else if (rc == STORE_ECORRUPT)
		rc = STORE_OK; /* told by the walk over the directory */
	return rc ? rc : verify_entries(v, id, &r);
}

/* one: of each key and value of a database; the transaction is not written. */
static int walk(struct verify *v, enum store_db db, int (*one)(struct verify *v, struct view key))
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	int rc = store_error(mdb_cursor_open(v->t->txn, v->t->store->dbi[db], &cursor));
	if (rc)
		return rc;
	while (!(rc = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))) {
		rc = one(v, VIEW(key.mv_data, key.mv_size));
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == STORE_ENOTFOUND ? STORE_OK : rc;
}

static int on_record(struct verify *v, struct view key)
{
	return key.n == STORE_ID_LEN ? verify_record(v, key.p) : tell(v, STORE_STRAY_NODE, NULL);
}

static bool asks_for(const struct record *r, const struct index_key *k)
{
	for (unsigned i = 0; i < r->index_count; i++)
		if (r->index[i].index == k->index && memcmp(r->index[i].mac, k->mac, sizeof(k->mac)) == 0)
			return true;
	return false;
}

static bool ours(const struct verify *v, struct tree tree)
{
	for (unsigned i = 0; tree.domain == STORE_PRIVATE && i < v->generation_count; i++)
		if (v->generations[i] == tree.generation)
			return true;
	return tree.domain == STORE_PUBLIC && tree.generation == 0;
}

/* Entries that a record asks for were compared with it; here: those that none asks for. */
static int on_index(struct verify *v, struct view key)
{
	struct index_key k;
	struct record r;
	struct place at;
	const uint8_t *id;

	if (index_of_key(key, &k, &id)) {
		int rc = record_get(v->t, id, &r);
		if (rc == STORE_ENOTFOUND || (!rc && !asks_for(&r, &k)))
			return tell(v, STORE_STRAY_ENTRY, id);
		return rc == STORE_ECORRUPT ? STORE_OK : rc;
	}
	if (!place_of_key(key, &at))
		return tell(v, STORE_STRAY_NODE, NULL);
	if (ours(v, at.tree))
		v->nodes--;
	else if (v->generation_count > 0)
		return tell(v, STORE_STRAY_NODE, NULL);
	return STORE_OK;
}

static int verify_leaf(struct verify *v, const struct dir_node *leaf)
{
	int rc = STORE_OK;

	for (size_t i = 0; i < leaf->n && !rc; i += LEAF_ENTRY_LEN) {
		struct record r;
		const uint8_t *id = leaf->p + i;
		rc = record_get(v->t, id, &r);
		if (rc == STORE_ENOTFOUND)
			rc = tell(v, STORE_LOST_RECORD, id);
		else if (rc == STORE_ECORRUPT)
			rc = STORE_OK; /* told by the walk over the records */
	}
	return rc;
}

static int verify_node(struct verify *v, const struct place *at, const uint64_t *stamp);

static int verify_children(struct verify *v, const struct dir_node *node)
{
	int rc = STORE_OK;

	for (unsigned i = 0; i < NODE_FAN && !rc; i++) {
		uint64_t stamp = be_get64(node->p + 8 * (size_t)i);
		struct place at = { node->at.tree, node->at.level + 1,
				    node->at.prefix | (uint64_t)i << (64 - NODE_BITS * (node->at.level + 1)) };
		if (stamp)
			rc = verify_node(v, &at, &stamp);
	}
	return rc;
}

static int verify_node(struct verify *v, const struct place *at, const uint64_t *stamp)
{
	uint8_t first[STORE_ID_LEN] = { 0 };
	struct dir_node *node = NULL;

	be_put64(first, at->prefix);
	int rc = node_read(v->t, v->c, at, &node);
	if (rc == STORE_ENOTFOUND && !stamp)
		return STORE_OK; /* an empty tree */
	if (rc == STORE_ENOTFOUND)
		return tell(v, STORE_BAD_DIRECTORY, first);
	v->nodes++;
	if (rc)
		return judge(v, rc, STORE_BAD_DIRECTORY, first);
	if (stamp && node->stamp != *stamp)
		rc = tell(v, STORE_BAD_DIRECTORY, first);
	else
		rc = node->kind == NODE_INNER ? verify_children(v, node) : verify_leaf(v, node);
	node_free(node);
	return rc;
}

static int verify_directory(struct verify *v)
{
	struct place root = { .tree = { STORE_PUBLIC, 0 } };
	int rc = verify_node(v, &root, NULL);

	for (unsigned i = 0; i < v->generation_count && !rc; i++) {
		root.tree = (struct tree){ STORE_PRIVATE, v->generations[i] };
		rc = verify_node(v, &root, NULL);
	}
	return rc;
}

int store_verify(struct store_txn *t, const struct store_crypto *c,
		 int (*each)(void *ctx, const struct store_finding *f), void *ctx)
{
	struct verify v = { .t = t, .c = c, .each = each, .ctx = ctx };

	int rc = c->generations(c->ctx, STORE_PRIVATE, v.generations, &v.generation_count);
	if (rc == STORE_ESEALED)
		rc = STORE_OK;
	if (!rc)
		rc = walk(&v, DB_OBJECTS, on_record);
	if (rc || t->schema == STORE_SCHEMA_OLDEST)
		return rc;
	rc = verify_directory(&v);
	if (!rc)
		rc = walk(&v, DB_INDEX, on_index);
	/* Below a node that is not what was written nothing was reached. */
	if (!rc && v.nodes != 0)
		rc = tell(&v, STORE_STRAY_NODE, NULL);
	return rc;
}

static int rebuild_record(struct verify *v, struct view key)
{
	uint8_t id[STORE_ID_LEN];
	struct record r;

	if (key.n != STORE_ID_LEN)
		return tell(v, STORE_STRAY_NODE, NULL);
	memcpy(id, key.p, sizeof(id));
	int rc = record_get(v->t, id, &r);
	if (!rc)
		rc = record_open(v->t, v->c, id, &r);
	if (rc)
		return judge(v, rc, STORE_BAD_RECORD, id);
	for (unsigned i = 0; i < r.index_count && !rc; i++)
		rc = index_put(v->t, v->c, id, &r, &r.index[i]);
	return rc ? rc
		  : directory_put(v->t, v->c, record_directory_tree(r.private, r.has_secret, r.generation), id,
				  r.version);
}

int store_rebuild(struct store_txn *t, const struct store_crypto *c,
		  int (*each)(void *ctx, const struct store_finding *f), void *ctx)
{
	struct verify v = { .t = t, .c = c, .each = each, .ctx = ctx };

	if (!t->write || t->schema != STORE_SCHEMA)
		return STORE_EINVAL;
	int rc = c->generations(c->ctx, STORE_PRIVATE, v.generations, &v.generation_count);
	if (!rc)
		rc = index_drop(t);
	return rc ? rc : txn_fail(t, walk(&v, DB_OBJECTS, rebuild_record));
}
