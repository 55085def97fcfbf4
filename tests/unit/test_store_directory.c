/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_kit.h"
#include "temp.h"

/*
 * The directory of objects and its versions: what it holds against with the file in somebody else's hands, what it
 * costs when there are many objects, and what store_verify and store_rebuild make of damage.
 */
#define NODE_WORD 0xD0

static struct store_kit k;

static void setup(void)
{
	kit_init(&k, 0);
}

static void teardown(void)
{
	kit_done(&k);
}

static void number_id(uint32_t n, uint8_t ret[STORE_ID_LEN])
{
	/* Spread over the tree as random ids are. */
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	be_put64(ret, x ^ x >> 32);
	be_put64(ret + 8, n);
}

/* Objects from..to-1 in one transaction, private but for every third, with a label of their own. */
static void put_many(uint32_t from, uint32_t to)
{
	static const uint8_t kind[STORE_KIND_LEN] = { [7] = 4, [15] = 0x1f };
	struct store_txn *t = NULL;
	char label[32];

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	for (uint32_t i = from; i < to; i++) {
		struct store_object o = { .private = i % 3 != 0, .body = VIEW_STR("a body of some length") };
		number_id(i, o.id);
		snprintf(label, sizeof(label), "label %u", i);
		o.index[STORE_BY_KIND] = VIEW(kind, sizeof(kind));
		o.index[STORE_BY_LABEL] = view_of_string(label);
		ck_assert_int_eq(store_object_put(t, &k.crypto, &o), STORE_OK);
	}
	ck_assert_int_eq(store_commit(t), STORE_OK);
}

static int get_number(uint32_t n)
{
	struct store_loaded l = { 0 };
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];

	number_id(n, id);
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	int rc = store_object_get(t, &k.crypto, id, true, &l);
	store_abort(t);
	store_loaded_done(&l);
	return rc;
}

static void reopen(void)
{
	ck_assert_int_eq(store_open(k.dir, KIT_SERIAL, &k.options, &k.store), STORE_OK);
}

struct findings {
	unsigned count[STORE_FINDING_KINDS];
	unsigned all;
};

static int note_finding(void *ctx, const struct store_finding *f)
{
	struct findings *all = ctx;

	ck_assert_uint_gt(strlen(store_finding_text(f->kind)), 10);
	all->count[f->kind]++;
	all->all++;
	return 0;
}

static struct findings verify(void)
{
	struct findings f = { 0 };
	struct store_txn *t = NULL;

	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_eq(store_verify(t, &k.crypto, note_finding, &f), STORE_OK);
	store_abort(t);
	return f;
}

static struct findings rebuild(void)
{
	struct findings f = { 0 };
	struct store_txn *t = NULL;

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_rebuild(t, &k.crypto, note_finding, &f), STORE_OK);
	ck_assert_int_eq(store_commit(t), STORE_OK);
	return f;
}

/* The file in somebody else's hands: all of one database, to be put back later. The store is closed meanwhile. */
struct pairs {
	struct {
		uint8_t *key, *value;
		size_t key_n, value_n;
	} * p;
	size_t n;
};

struct raw {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

static struct raw raw_begin(const char *db)
{
	struct raw r = { 0 };
	char path[256];

	store_close(k.store);
	k.store = NULL;
	snprintf(path, sizeof(path), "%s/" KIT_SERIAL, k.dir);
	ck_assert_int_eq(mdb_env_create(&r.env), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(r.env, 8), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(r.env, (size_t)1 << 30), 0);
	ck_assert_int_eq(mdb_env_open(r.env, path, MDB_NOTLS | MDB_NOSYNC, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(r.env, NULL, 0, &r.txn), 0);
	ck_assert_int_eq(mdb_dbi_open(r.txn, db, 0, &r.dbi), 0);
	return r;
}

static void raw_end(struct raw *r)
{
	ck_assert_int_eq(mdb_txn_commit(r->txn), 0);
	mdb_env_close(r->env);
	reopen();
}

static uint8_t *copy_of(const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, p, n);
	return copy;
}

static struct pairs take(const char *db)
{
	struct raw r = raw_begin(db);
	struct pairs all = { 0 };
	MDB_cursor *cursor = NULL;
	MDB_val key, value;

	ck_assert_int_eq(mdb_cursor_open(r.txn, r.dbi, &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		all.p = realloc(all.p, (all.n + 1) * sizeof(*all.p));
		ck_assert_ptr_nonnull(all.p);
		all.p[all.n].key = copy_of(key.mv_data, key.mv_size);
		all.p[all.n].value = copy_of(value.mv_data, value.mv_size);
		all.p[all.n].key_n = key.mv_size;
		all.p[all.n++].value_n = value.mv_size;
	}
	mdb_cursor_close(cursor);
	raw_end(&r);
	return all;
}

static void pairs_done(struct pairs *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->p[i].key);
		free(all->p[i].value);
	}
	free(all->p);
	*all = (struct pairs){ 0 };
}

static void put_raw(const char *db, const uint8_t *key, size_t key_n, const uint8_t *value, size_t value_n)
{
	struct raw r = raw_begin(db);
	MDB_val mk = { key_n, (void *)(uintptr_t)key }, mv = { value_n, (void *)(uintptr_t)value };

	ck_assert_int_eq(mdb_put(r.txn, r.dbi, &mk, &mv, 0), 0);
	raw_end(&r);
}

static void del_raw(const char *db, const uint8_t *key, size_t key_n)
{
	struct raw r = raw_begin(db);
	MDB_val mk = { key_n, (void *)(uintptr_t)key };

	ck_assert_int_eq(mdb_del(r.txn, r.dbi, &mk, NULL), 0);
	raw_end(&r);
}

enum part { PART_ENTRY, PART_LEAF, PART_INNER };

static bool is_part(const struct pairs *all, size_t i, enum part part)
{
	bool node = all->p[i].key_n == 13 && all->p[i].key[0] == NODE_WORD;

	if (part == PART_ENTRY)
		return all->p[i].key_n == 33;
	return node && all->p[i].value[0] == (part == PART_INNER);
}

/* Those of old that all of these parts are made of; key ends with id for entries. */
static void put_back(const struct pairs *old, enum part part)
{
	struct raw r = raw_begin("index");

	for (size_t i = 0; i < old->n; i++) {
		MDB_val mk = { old->p[i].key_n, old->p[i].key }, mv = { old->p[i].value_n, old->p[i].value };
		if (is_part(old, i, part))
			ck_assert_int_eq(mdb_put(r.txn, r.dbi, &mk, &mv, 0), 0);
	}
	raw_end(&r);
}

START_TEST(many_objects_come_and_go)
{
	enum { ALL = 3000 };
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];

	for (uint32_t i = 0; i < ALL; i += 250)
		put_many(i, i + 250);
	ck_assert_uint_eq(verify().all, 0);
	/* Every second one goes, some in a transaction that is dropped first. */
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
		for (uint32_t i = 0; i < ALL; i += 2) {
			number_id(i, id);
			ck_assert_int_eq(store_object_del(t, &k.crypto, id), STORE_OK);
			ck_assert_int_eq(store_object_del(t, &k.crypto, id), STORE_ENOTFOUND);
		}
		if (round == 0)
			store_abort(t);
		else
			ck_assert_int_eq(store_commit(t), STORE_OK);
		for (uint32_t i = 0; i < ALL; i += 97)
			ck_assert_int_eq(get_number(i), round == 1 && i % 2 == 0 ? STORE_ENOTFOUND : STORE_OK);
	}
	store_close(k.store);
	reopen();
	for (uint32_t i = 0; i < ALL; i++)
		ck_assert_int_eq(get_number(i), i % 2 == 0 ? STORE_ENOTFOUND : STORE_OK);
	ck_assert_uint_eq(verify().all, 0);
	/* And the last ones: nothing is left of index and directory. */
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	for (uint32_t i = 1; i < ALL; i += 2) {
		number_id(i, id);
		ck_assert_int_eq(store_object_del(t, &k.crypto, id), STORE_OK);
	}
	ck_assert_int_eq(store_commit(t), STORE_OK);
	ck_assert_uint_eq(verify().all, 0);
	struct pairs rest = take("index");
	ck_assert_uint_eq(rest.n, 0);
	pairs_done(&rest);
}
END_TEST

/* What the transaction itself has written, it finds; objects whose ids begin alike have their places too. */
START_TEST(a_transaction_sees_its_own_changes)
{
	struct store_txn *t = NULL;
	struct store_loaded l = { 0 };

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	for (unsigned i = 0; i < 200; i++) {
		struct store_object o = { .private = true, .body = VIEW_STR("body") };
		memset(o.id, 0xA5, sizeof(o.id));
		o.id[15] = (uint8_t)i;
		for (unsigned version = 1; version <= 2; version++) {
			ck_assert_int_eq(store_object_put(t, &k.crypto, &o), STORE_OK);
			ck_assert_int_eq(store_object_get(t, &k.crypto, o.id, true, &l), STORE_OK);
			ck_assert_uint_eq(l.version, version);
			store_loaded_done(&l);
		}
	}
	ck_assert_int_eq(store_commit(t), STORE_OK);
	ck_assert_int_eq(kit_count(&k), 200);
	ck_assert_uint_eq(verify().all, 0);
}
END_TEST

/* An older state of one object, put back bit by bit: the record, its index entries, its leaf, the nodes above. */
START_TEST(older_object_put_back_is_refused)
{
	put_many(0, 2000);
	ck_assert_int_eq(kit_put(&k, 7, true, "old", "secret", "OLD"), STORE_OK);
	struct pairs records = take("objects"), index = take("index");
	ck_assert_int_eq(kit_put(&k, 7, true, "new", "secret", "NEW"), STORE_OK);
	/* Something else, elsewhere in the tree, so that the whole of it is not the older state of the token. */
	put_many(2000, 2016);

	for (size_t i = 0; i < records.n; i++)
		if (records.p[i].key[0] == 7 && records.p[i].key[1] == 7)
			put_raw("objects", records.p[i].key, 16, records.p[i].value, records.p[i].value_n);
	ck_assert_int_eq(kit_get(&k, 7, "old", "secret"), STORE_ECORRUPT);
	struct findings f = verify();
	ck_assert_uint_eq(f.count[STORE_OLD_RECORD], 1);

	put_back(&index, PART_ENTRY);
	ck_assert_int_eq(kit_get(&k, 7, "old", "secret"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_find(&k, "OLD", NULL), STORE_ECORRUPT);
	put_back(&index, PART_LEAF);
	ck_assert_int_eq(kit_get(&k, 7, "old", "secret"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_find(&k, "OLD", NULL), STORE_ECORRUPT);
	f = verify();
	ck_assert_uint_ge(f.count[STORE_BAD_DIRECTORY], 1);
	/* With the nodes above: what was written since is lost, and that is seen. */
	put_back(&index, PART_INNER);
	f = verify();
	ck_assert_uint_eq(f.count[STORE_UNKNOWN_RECORD] + f.count[STORE_OLD_RECORD], 16);
	pairs_done(&records);
	pairs_done(&index);
}
END_TEST

START_TEST(deleted_object_put_back_is_refused)
{
	put_many(0, 100);
	ck_assert_int_eq(kit_put(&k, 7, true, "gone", "secret", "GONE"), STORE_OK);
	struct pairs records = take("objects"), index = take("index");
	ck_assert_int_eq(kit_del(&k, 7), STORE_OK);
	for (size_t i = 0; i < records.n; i++)
		if (records.p[i].key[0] == 7 && records.p[i].key[1] == 7)
			put_raw("objects", records.p[i].key, 16, records.p[i].value, records.p[i].value_n);
	ck_assert_int_eq(kit_get(&k, 7, "gone", "secret"), STORE_ECORRUPT);
	ck_assert_uint_eq(verify().count[STORE_UNKNOWN_RECORD], 1);
	put_back(&index, PART_ENTRY);
	ck_assert_int_eq(kit_find(&k, "GONE", NULL), STORE_ECORRUPT);
	ck_assert_int_eq(kit_get(&k, 7, "gone", "secret"), STORE_ECORRUPT);
	pairs_done(&records);
	pairs_done(&index);
}
END_TEST

/* Bytes of the nodes: objects open as they are, or not at all; store_verify finds each flip. */
START_TEST(no_byte_of_the_directory_can_be_changed)
{
	put_many(0, 120);
	struct pairs index = take("index");
	unsigned refused = 0, tried = 0;

	for (size_t i = 0; i < index.n; i++) {
		if (is_part(&index, i, PART_ENTRY) || (is_part(&index, i, PART_LEAF) && i % 8 != 0))
			continue;
		for (size_t at = 0; at < index.p[i].value_n; at += at < 40 || at + 20 > index.p[i].value_n ? 1 : 23) {
			uint8_t *bad = copy_of(index.p[i].value, index.p[i].value_n);
			bool some = false;
			bad[at] ^= 0x04;
			put_raw("index", index.p[i].key, index.p[i].key_n, bad, index.p[i].value_n);
			for (uint32_t n = 0; n < 120; n++) {
				int rc = get_number(n);
				ck_assert_msg(rc == STORE_OK || rc == STORE_ECORRUPT, "byte %zu: %d", at, rc);
				some = some || rc != STORE_OK;
			}
			ck_assert_msg(some, "node %zu byte %zu", i, at);
			if (tried++ % 16 == 0)
				ck_assert_uint_gt(verify().all, 0);
			refused += some;
			put_raw("index", index.p[i].key, index.p[i].key_n, index.p[i].value, index.p[i].value_n);
			free(bad);
		}
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_eq(verify().all, 0);
	pairs_done(&index);
}
END_TEST

/* Damage of each kind is found and named, and store_rebuild mends what the records say. */
START_TEST(verify_names_each_damage_and_rebuild_mends)
{
	put_many(0, 300);
	for (int round = 0; round < 2; round++) {
		struct pairs index = take("index"), records = take("objects");
		size_t entry = 0, leaf = 0;
		while (!is_part(&index, entry, PART_ENTRY))
			entry++;
		while (!is_part(&index, leaf, PART_LEAF))
			leaf++;
		/* A missing entry, one that nobody asks for, a lost leaf, a key that is nothing of ours. */
		del_raw("index", index.p[entry].key, 33);
		struct findings f = verify();
		ck_assert_uint_eq(f.count[STORE_LOST_ENTRY], 1);
		ck_assert_uint_eq(f.all, 1);
		index.p[entry].key[1] ^= 1;
		put_raw("index", index.p[entry].key, 33, index.p[entry].value, index.p[entry].value_n);
		f = verify();
		ck_assert_uint_eq(f.count[STORE_STRAY_ENTRY], 1);
		ck_assert_uint_eq(f.all, 2);
		del_raw("index", index.p[leaf].key, 13);
		f = verify();
		ck_assert_uint_eq(f.count[STORE_BAD_DIRECTORY], 1);
		put_raw("index", (const uint8_t *)"stray", 5, (const uint8_t *)"x", 1);
		f = verify();
		ck_assert_uint_eq(f.count[STORE_STRAY_NODE], 1);
		ck_assert_uint_eq(rebuild().all, 0);
		ck_assert_uint_eq(verify().all, 0);
		for (uint32_t i = 0; i < 300; i++)
			ck_assert_int_eq(get_number(i), STORE_OK);
		ck_assert_int_eq(kit_find(&k, "label 17", NULL), 1);

		/* A record that is damaged, and one that is gone. */
		records.p[5].value[records.p[5].value_n - 1] ^= 1;
		put_raw("objects", records.p[5].key, 16, records.p[5].value, records.p[5].value_n);
		del_raw("objects", records.p[6].key, 16);
		f = verify();
		ck_assert_uint_eq(f.count[STORE_BAD_RECORD], 1);
		ck_assert_uint_eq(f.count[STORE_LOST_RECORD], 1);
		ck_assert_uint_eq(f.count[STORE_STRAY_ENTRY], 2);
		f = rebuild();
		ck_assert_uint_eq(f.count[STORE_BAD_RECORD], 1);
		ck_assert_uint_eq(f.all, 1);
		f = verify();
		ck_assert_uint_eq(f.count[STORE_LOST_RECORD] + f.count[STORE_STRAY_ENTRY], 0);
		records.p[5].value[records.p[5].value_n - 1] ^= 1;
		put_raw("objects", records.p[5].key, 16, records.p[5].value, records.p[5].value_n);
		put_raw("objects", records.p[6].key, 16, records.p[6].value, records.p[6].value_n);
		ck_assert_uint_eq(rebuild().all, 0);
		ck_assert_uint_eq(verify().all, 0);
		pairs_done(&index);
		pairs_done(&records);
	}
	/* Without the keys the private ones are named as not looked into, and nothing is built anew. */
	struct store_txn *t = NULL;
	k.seal.locked = true;
	ck_assert_uint_eq(verify().count[STORE_SEALED], 200);
	ck_assert_uint_eq(verify().all, 200);
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_rebuild(t, &k.crypto, note_finding, &(struct findings){ 0 }), STORE_ESEALED);
	store_abort(t);
	k.seal.locked = false;
}
END_TEST

/* Objects of two generations are found side by side, and move from tree to tree as they are written. */
START_TEST(generations_of_the_token_key_live_side_by_side)
{
	put_many(0, 60);
	k.seal.generations[0] = 2;
	k.seal.generations[1] = 1;
	k.seal.generation_count = 2;
	put_many(60, 120);
	for (uint32_t i = 0; i < 120; i++)
		ck_assert_int_eq(get_number(i), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "label 1", NULL), 1);
	ck_assert_int_eq(kit_find(&k, "label 61", NULL), 1);
	ck_assert_uint_eq(verify().all, 0);
	put_many(0, 60); /* replaces */
	ck_assert_uint_eq(verify().all, 0);
	/* Nothing stands under the old one any more. */
	k.seal.generation_count = 1;
	for (uint32_t i = 0; i < 120; i++)
		ck_assert_int_eq(get_number(i), STORE_OK);
	ck_assert_uint_eq(verify().all, 0);
	ck_assert_int_eq(kit_find(&k, "label 1", NULL), 1);
}
END_TEST

/* Calls of the seals, as a measure of work that is the same on every machine. */
static struct store_crypto plain;
static unsigned macs, opens;

static int count_open(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		      struct secret *ret)
{
	opens++;
	return plain.open(ctx, domain, generation, aad, sealed, ret);
}

static int count_mac(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret[16])
{
	macs++;
	return plain.mac(ctx, domain, generation, data, ret);
}

/* How much of the data file this process has in memory. */
static size_t resident(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool data = false;
	size_t kib = 0, all = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && strchr(line, ':') && strchr(line, '/'))
			data = strstr(line, "data.mdb") != NULL;
		else if (data && sscanf(line, "Rss: %zu", &kib) == 1)
			all += kib;
	}
	if (f)
		fclose(f);
	return all << 10;
}

/*
 * With 100, 10,000 and 100,000 objects: opening the token, finding one object by its label and opening that one reads
 * about the same, decrypts one record, and computes a handful of MACs; so does the next.
 */
START_TEST(one_of_many_costs_what_one_of_few_does)
{
	static const uint32_t sizes[] = { 100, 10000, 100000 };
	unsigned first[3], next[3];
	uint32_t have = 0;
	char label[32];

	plain = k.crypto;
	k.crypto.open = count_open;
	k.crypto.mac = count_mac;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		while (have < sizes[i]) {
			uint32_t to = have + 5000 < sizes[i] ? have + 5000 : sizes[i];
			put_many(have, to);
			have = to;
		}
		store_close(k.store);
		reopen();
		for (int round = 0; round < 2; round++) {
			macs = opens = 0;
			snprintf(label, sizeof(label), "label %u", sizes[i] / 2 + (unsigned)round);
			ck_assert_int_eq(kit_find(&k, label, NULL), 1);
			ck_assert_uint_eq(opens, 0);
			ck_assert_int_eq(get_number(sizes[i] / 2 + (unsigned)round), STORE_OK);
			ck_assert_uint_eq(opens, 1);
			*(round ? &next[i] : &first[i]) = macs;
		}
		ck_assert_uint_lt(resident(), (size_t)12 << 20);
	}
	struct stat st;
	ck_assert_int_eq(stat(k.data_file, &st), 0);
	ck_assert_int_gt(st.st_size, 40 << 20);
	/* The first find reads the way down, a node more for each sixteenfold; the second finds most of it read. */
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ck_assert_uint_le(first[i], 4 + 6);
		ck_assert_uint_le(next[i], 4 + 4);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_directory");
	TCase *c = tcase_create("store_directory");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, many_objects_come_and_go);
	tcase_add_test(c, a_transaction_sees_its_own_changes);
	tcase_add_test(c, older_object_put_back_is_refused);
	tcase_add_test(c, deleted_object_put_back_is_refused);
	tcase_add_test(c, no_byte_of_the_directory_can_be_changed);
	tcase_add_test(c, verify_names_each_damage_and_rebuild_mends);
	tcase_add_test(c, generations_of_the_token_key_live_side_by_side);
	tcase_add_test(c, one_of_many_costs_what_one_of_few_does);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
