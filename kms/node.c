/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "node.h"
#include "open.h"
#include "token_keys.h"
#include "worker.h"

#define BEAT_MS 10000
#define MORE_MS 200 /* until the next rows are forgotten */
/* Claims, handshakes and lock-outs end by the clock: nodes must agree about it. */
#define CLOCK_WARN_S 5
#define CLOCK_MAX_S 20

/* The generations of one key in our token, the newest first; none: the HSM tells no check value. */
struct node_key {
	const char *kind;
	const char *name; /* for texts */
	struct pk11_key *key;
	char check[PK11_GENERATIONS][CHECK_HEX];
	size_t count;
};

struct node_keys {
	struct node_key key[TOKEN_KEYS];
	size_t count;
};

static void keys_of(const struct kms *k, struct node_keys *ret)
{
	struct token_key all[TOKEN_KEYS];

	token_keys(k, all);
	for (size_t i = 0; i < TOKEN_KEYS; i++)
		if (all[i].key)
			ret->key[ret->count++] =
			    (struct node_key){ .kind = all[i].kind, .name = all[i].name, .key = all[i].key };
}

/* What an HSM cannot say is not compared; that is said. */
static void checks_read(struct kms *k, struct node_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct node_key *key = &keys->key[i];
		struct check_value values[PK11_GENERATIONS];
		struct fail f = { 0 };

		if (ops_key_checks(k->ops, key->key, values, &key->count, &f)) {
			log_line(LOG_LEVEL_WARN, "node", "%s: no check value to compare with other nodes: %s",
				 key->name, f.text);
			key->count = 0;
		}
		for (size_t g = 0; g < key->count; g++)
			check_hex(&values[g], key->check[g]);
	}
}

/* One after the other: whoever is here first has the row of all nodes until its transaction ends. */
static enum err row_put(struct kms *k, const struct node_keys *keys, struct fail *f)
{
	static const char node_sql[] =
	    "INSERT INTO node(name, instance, started, seen) VALUES(?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET"
	    " instance = excluded.instance, started = excluded.started, seen = excluded.seen, stopped = 0";
	int64_t now = (int64_t)time(NULL);
	enum err e = db_run(k->db, f, node_sql, "ttii", "", "", now, now);

	if (!e)
		e = db_run(k->db, f, node_sql, "ttii", k->node, k->instance, now, now);
	if (!e)
		e = db_run(k->db, f, "DELETE FROM node_key WHERE node = ?", "t", k->node);
	for (size_t i = 0; !e && i < keys->count; i++)
		for (size_t g = 0; !e && g < keys->key[i].count; g++)
			e = db_run(k->db, f,
				   "INSERT INTO node_key(node, kind, generation, check_value) VALUES(?, ?, ?, ?)",
				   "ttit", k->node, keys->key[i].kind, (int64_t)g, keys->key[i].check[g]);
	return e;
}

static bool among(const struct node_key *key, const char *check)
{
	for (size_t g = 0; g < key->count; g++)
		if (!strcmp(key->check[g], check))
			return true;
	return false;
}

/* The other node's newest of one kind: is it among ours, or ours among its? */
static enum err compare_one(struct kms *k, const struct node_key *key, const char *node, const char *newest,
			    struct fail *f)
{
	int64_t known = 0;
	enum err e;

	if (!key->count || among(key, newest))
		return ERR_OK;
	e = db_one(k->db, &known, f, "SELECT count(*) FROM node_key WHERE node = ? AND kind = ? AND check_value = ?",
		   "ttt", node, key->kind, key->check[0]);
	if (e || known)
		return e;
	return fail_set(f, ERR_CONFIG, 0,
			"%s: check value %s here, %s at node %.32s: not the same key; give this token the key of the"
			" others, or `kmsd node remove %.32s` if that node is gone",
			key->name, key->check[0], newest, node, node);
}

static enum err compare(struct kms *k, const struct node_keys *keys, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(k->db, &s, f,
			      "SELECT node, kind, check_value FROM node_key WHERE node <> ? AND generation = 0"
			      " ORDER BY node, kind",
			      "t", k->node);

	while (!e && !(e = db_next(s, &row, f)) && row)
		for (size_t i = 0; !e && i < keys->count; i++)
			if (!strcmp(keys->key[i].kind, db_text(s, 1)))
				e = compare_one(k, &keys->key[i], db_text(s, 0), db_text(s, 2), f);
	return e;
}

/* The running node whose last sign of life is the furthest ahead of our clock; 0: none is. */
static enum err clock_ahead(struct kms *k, char ret_node[33], int64_t *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(k->db, &s, f,
			      "SELECT name, seen FROM node WHERE name <> ? AND name <> '' AND stopped = 0"
			      " ORDER BY seen DESC LIMIT 1",
			      "t", k->node);

	*ret = 0;
	if (!e)
		e = db_next(s, &row, f);
	if (e || !row || db_int(s, 1) <= (int64_t)time(NULL))
		return e;
	*ret = db_int(s, 1) - (int64_t)time(NULL);
	snprintf(ret_node, 33, "%s", db_text(s, 0));
	return ERR_OK;
}

static enum err clock_compare(struct kms *k, struct fail *f)
{
	char node[33];
	int64_t ahead = 0;
	enum err e = clock_ahead(k, node, &ahead, f);

	if (e || ahead <= CLOCK_MAX_S)
		return e;
	return fail_set(f, ERR_CONFIG, 0,
			"the clock of node %s is %lld s ahead of ours: set them right (NTP), or `kmsd node remove %s`"
			" if that node is gone",
			node, (long long)ahead, node);
}

static enum err enter(struct kms *k, const struct node_keys *keys, struct fail *f)
{
	enum err e = db_begin(k->db, f);

	if (!e)
		e = row_put(k, keys, f);
	if (!e)
		e = compare(k, keys, f);
	if (!e)
		e = clock_compare(k, f);
	return db_settle(k->db, e, f);
}

struct node {
	struct kms k; /* this thread's */
	struct worker worker;
	bool clock_told; /* that another node's clock is ahead */
};

/* Said once, until it is over. */
static enum err clock_watch(struct node *n, struct fail *f)
{
	char node[33];
	int64_t ahead = 0;
	enum err e = clock_ahead(&n->k, node, &ahead, f);

	if (!e && ahead > CLOCK_WARN_S && !n->clock_told)
		log_line(LOG_LEVEL_ERROR, "node", "the clock of node %s is %lld s ahead of ours: set them right (NTP)",
			 node, (long long)ahead);
	if (!e)
		n->clock_told = ahead > CLOCK_WARN_S;
	return e;
}

static enum worker_next beat(void *arg)
{
	struct node *n = arg;
	struct kms *k = &n->k;
	struct fail f = { 0 };
	bool more = false;
	enum err e = db_run(k->db, &f, "UPDATE node SET seen = ?, stopped = 0 WHERE name = ? AND instance = ?", "itt",
			    (int64_t)time(NULL), k->node, k->instance);

	if (!e && db_changes(k->db) != 1)
		log_line(LOG_LEVEL_ERROR, "node",
			 "another kmsd on this database calls itself %s, too: give each its own [node] name", k->node);
	if (!e)
		e = clock_watch(n, &f);
	if (!e)
		e = limit_prune(k, &more, &f);
	if (e)
		log_line(LOG_LEVEL_WARN, "node", "%s", f.text);
	return more ? WORKER_RETRY : WORKER_IDLE;
}

enum err node_start(struct kms *k, struct fail *f)
{
	struct node_keys keys = { 0 };
	uint8_t random[16];
	enum err e = ops_random(k->ops, random, sizeof(random), f);

	if (e)
		return e;
	hex_encode(VIEW(random, sizeof(random)), k->instance);
	keys_of(k, &keys);
	checks_read(k, &keys);
	return enter(k, &keys, f);
}

enum err node_beat(struct kms *k, const struct conf *c, struct fail *f)
{
	struct node *n = calloc(1, sizeof(*n));
	enum err e = n ? kms_copy(k, c, &n->k, f) : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a thread");

	if (!e)
		e = worker_start(&n->worker, beat, n, BEAT_MS, MORE_MS, f);
	if (e) {
		if (n)
			kms_copy_done(&n->k);
		free(n);
		return e;
	}
	k->beat = n;
	return ERR_OK;
}

void node_stop(struct kms *k)
{
	struct node *n = k->beat;
	struct fail f = { 0 };

	if (!n)
		return;
	k->beat = NULL;
	worker_stop(&n->worker);
	if (db_run(n->k.db, &f, "UPDATE node SET stopped = ? WHERE name = ? AND instance = ?", "itt",
		   (int64_t)time(NULL), k->node, k->instance))
		log_line(LOG_LEVEL_WARN, "node", "%s", f.text);
	kms_copy_done(&n->k);
	free(n);
}

enum err node_remove(struct db *d, const char *name, struct fail *f)
{
	enum err e = db_begin(d, f);

	if (!e)
		e = db_run(d, f, "DELETE FROM node_key WHERE node = ?", "t", name);
	if (!e)
		e = db_run(d, f, "DELETE FROM node WHERE name = ? AND name <> ''", "t", name);
	if (!e && db_changes(d) != 1)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no node %.40s: `kmsd nodes` lists them", name);
	return audit_settle(d, e, "node-remove", name, NULL, f);
}
