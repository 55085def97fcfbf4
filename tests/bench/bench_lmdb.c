/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"

/* The floor of the store: LMDB with the same puts, durable as it is by default, and a random get. */
#define PUTS_MAX 64
#define KEY_MAX 64
#define DBS_MAX 16
#define MAP_SIZE ((size_t)16 << 30)
#define RECORD_LEN 256

struct puts {
	size_t n;
	struct {
		char db[32];
		uint8_t key[KEY_MAX];
		size_t key_len, value_len;
		bool fresh; /* a new key for each object; else the same one again */
	} put[PUTS_MAX];
};

static void must(int e, const char *what)
{
	if (e != 0)
		bench_fail("LMDB: %s: %s", what, mdb_strerror(e));
}

static MDB_env *env_open(const char *path, unsigned flags)
{
	MDB_env *env;

	must(mdb_env_create(&env), "create");
	must(mdb_env_set_mapsize(env, MAP_SIZE), "map size");
	must(mdb_env_set_maxdbs(env, DBS_MAX), "databases");
	must(mdb_env_open(env, path, flags | MDB_NOTLS, 0600), path);
	return env;
}

/* copy_file: LMDB must not have one file open twice in a process. */
static void copy_file(const char *from, const char *to)
{
	static uint8_t block[1 << 16];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	if (in == NULL || out == NULL)
		bench_fail("%s cannot be copied", from);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		if (fwrite(block, 1, n, out) != n)
			bench_fail("%s cannot be written", to);
	fclose(in);
	if (fclose(out) != 0)
		bench_fail("%s cannot be written", to);
}

/* compare: every entry of a database of after that before does not have so. */
static void compare(struct puts *p, MDB_txn *before, MDB_txn *after, const char *db)
{
	MDB_cursor *c;
	MDB_dbi old, new;
	MDB_val k, v, was;

	must(mdb_dbi_open(after, db, 0, &new), db);
	must(mdb_dbi_open(before, db, 0, &old), db);
	must(mdb_cursor_open(after, new, &c), db);
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
		bool known = mdb_get(before, old, &k, &was) == 0;

		if (known && was.mv_size == v.mv_size && memcmp(was.mv_data, v.mv_data, v.mv_size) == 0)
			continue;
		if (p->n == PUTS_MAX || k.mv_size > KEY_MAX || strlen(db) >= sizeof(p->put[0].db))
			bench_fail("an object changes more than the bench can follow");
		strcpy(p->put[p->n].db, db);
		memcpy(p->put[p->n].key, k.mv_data, k.mv_size);
		p->put[p->n].key_len = k.mv_size;
		p->put[p->n].value_len = v.mv_size;
		p->put[p->n++].fresh = !known;
	}
	mdb_cursor_close(c);
}

struct puts *puts_learn(const char *token_dir, bool (*make)(void *ctx), void *ctx)
{
	static const char *const dbs[] = { "meta", "users", "objects", "index", "audit" };
	char data[512], old[512], new[512];
	struct puts *p = calloc(1, sizeof(*p));
	MDB_txn *before, *after;
	MDB_env *a, *b;

	snprintf(data, sizeof(data), "%s/data.mdb", token_dir);
	snprintf(old, sizeof(old), "%s/before.mdb", token_dir);
	snprintf(new, sizeof(new), "%s/after.mdb", token_dir);
	copy_file(data, old);
	if (p == NULL || !make(ctx))
		bench_fail("an object cannot be made");
	copy_file(data, new);
	a = env_open(old, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR);
	b = env_open(new, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR);
	must(mdb_txn_begin(a, NULL, MDB_RDONLY, &before), "read");
	must(mdb_txn_begin(b, NULL, MDB_RDONLY, &after), "read");
	for (size_t i = 0; i < sizeof(dbs) / sizeof(dbs[0]); i++)
		compare(p, before, after, dbs[i]);
	mdb_txn_abort(before);
	mdb_txn_abort(after);
	mdb_env_close(a);
	mdb_env_close(b);
	unlink(old);
	unlink(new);
	return p;
}

size_t puts_count(const struct puts *p)
{
	return p->n;
}

void puts_free(struct puts *p)
{
	free(p);
}

struct floor {
	const struct puts *puts;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[PUTS_MAX];
	size_t objects, at;
	uint64_t seed, sequence;
	size_t records;
};

static uint64_t next(struct floor *f)
{
	f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
	return f->seed ^ f->seed >> 29;
}

static bool put_one(struct floor *f, size_t i)
{
	static const uint8_t value[1 << 16];
	uint8_t key[KEY_MAX];
	MDB_val k = { f->puts->put[i].key_len, key }, v = { f->puts->put[i].value_len, (void *)(uintptr_t)value };

	memcpy(key, f->puts->put[i].key, k.mv_size);
	/* The audit trail counts up, everything else has random names. */
	if (f->puts->put[i].fresh && strcmp(f->puts->put[i].db, "audit") == 0)
		be_put64(key, ++f->sequence);
	else if (f->puts->put[i].fresh)
		for (size_t n = 0; n < k.mv_size; n++)
			key[n] = (uint8_t)(next(f) >> 56);
	return v.mv_size <= sizeof(value) && mdb_put(f->txn, f->dbi[i], &k, &v, 0) == 0;
}

static bool run_puts(void *state)
{
	struct floor *f = state;

	if (f->at == 0 && mdb_txn_begin(f->env, NULL, 0, &f->txn) != 0)
		return false;
	for (size_t i = 0; i < f->puts->n; i++)
		if (!put_one(f, i))
			return false;
	if (++f->at < f->objects)
		return true;
	f->at = 0;
	return mdb_txn_commit(f->txn) == 0;
}

static void drop(void *state)
{
	struct floor *f = state;

	mdb_txn_abort(f->txn);
	mdb_env_close(f->env);
	free(f);
}

static void end_puts(void *state)
{
	struct floor *f = state;

	if (f->at > 0)
		must(mdb_txn_commit(f->txn), "commit");
	f->at = 0;
	f->txn = NULL;
}

void puts_work(const struct puts *p, const char *dir, size_t objects, struct work *w)
{
	struct floor *f = calloc(1, sizeof(*f));
	MDB_txn *txn;

	if (f == NULL || (mkdir(dir, 0700) != 0 && access(dir, W_OK) != 0))
		bench_fail("%s cannot be made", dir);
	*w = (struct work){ .state = f, .run = run_puts, .clear = end_puts, .drop = drop };
	f->puts = p;
	f->objects = objects;
	f->seed = objects;
	f->env = env_open(dir, 0);
	must(mdb_txn_begin(f->env, NULL, 0, &txn), "begin");
	for (size_t i = 0; i < p->n; i++)
		must(mdb_dbi_open(txn, p->put[i].db, MDB_CREATE, &f->dbi[i]), "database");
	must(mdb_txn_commit(txn), "commit");
}

/* record_key: of the nth record: no order in them. */
static void record_key(uint64_t n, uint8_t ret[16])
{
	uint64_t x = n + 1;

	for (size_t i = 0; i < 2; i++) {
		x += 0x9e3779b97f4a7c15u;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		x ^= x >> 31;
		be_put64(ret + 8 * i, x);
	}
}

static bool run_get(void *state)
{
	struct floor *f = state;
	uint8_t key[16];
	MDB_val k = { sizeof(key), key }, v;
	bool ok;

	record_key((next(f) >> 16) % f->records, key);
	if (mdb_txn_renew(f->txn) != 0)
		return false;
	ok = mdb_get(f->txn, f->dbi[0], &k, &v) == 0 && *(const volatile uint8_t *)v.mv_data == 0;
	mdb_txn_reset(f->txn);
	return ok;
}

static void fill(const char *dir, size_t records)
{
	static uint8_t value[RECORD_LEN];
	MDB_env *env = env_open(dir, MDB_NOSYNC);
	MDB_txn *txn;
	MDB_dbi dbi;

	must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	must(mdb_dbi_open(txn, "objects", MDB_CREATE, &dbi), "database");
	for (size_t i = 0; i < records; i++) {
		uint8_t key[16];
		MDB_val k = { sizeof(key), key }, v = { sizeof(value), value };

		record_key(i, key);
		must(mdb_put(txn, dbi, &k, &v, 0), "put");
	}
	must(mdb_txn_commit(txn), "commit");
	mdb_env_close(env);
}

/* touch: every page of the map is there before a get is timed. */
static void touch(struct floor *f)
{
	uint8_t key[16];
	MDB_val k, v;

	must(mdb_txn_renew(f->txn), "read");
	for (size_t i = 0; i < f->records; i++) {
		record_key(i, key);
		k = (MDB_val){ sizeof(key), key };
		must(mdb_get(f->txn, f->dbi[0], &k, &v), "get");
		if (*(const volatile uint8_t *)v.mv_data != 0)
			bench_fail("LMDB: another record");
	}
	mdb_txn_reset(f->txn);
}

void lmdb_gets(const char *dir, size_t records, struct work *w)
{
	struct floor *f = calloc(1, sizeof(*f));
	char path[512];

	snprintf(path, sizeof(path), "%s/lmdb-%zu", dir, records);
	if (mkdir(path, 0700) == 0)
		fill(path, records);
	if (f == NULL)
		bench_fail("no memory");
	*w = (struct work){ .state = f, .run = run_get, .drop = drop };
	f->records = records;
	f->env = env_open(path, 0);
	must(mdb_txn_begin(f->env, NULL, MDB_RDONLY, &f->txn), "read");
	must(mdb_dbi_open(f->txn, "objects", 0, &f->dbi[0]), "database");
	must(mdb_txn_commit(f->txn), "read");
	must(mdb_txn_begin(f->env, NULL, MDB_RDONLY, &f->txn), "read");
	mdb_txn_reset(f->txn);
	touch(f);
}
