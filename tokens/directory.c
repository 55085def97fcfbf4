/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store_inner.h"

/*
 * The directory: which objects there are, each in which version. Layout and meaning: docs/store.md, Directory.
 *
 * A tree for each key that objects stand under. A node is known by its place: the level, and as many bits of the object
 * ids as lead there. It carries a stamp, drawn by the transaction that wrote it, and a MAC; its parent holds its stamp,
 * so that no older node fits. What a transaction changes stays in memory until it is committed, so that a node is
 * written once, however many objects of it changed.
 */
#define NODE_WORD 0xD0
#define KEY_LEN (1 + 1 + 2 + 1 + 8)
#define HEAD_LEN (1 + 8)
#define MAC_LEN 16
#define BITS 4
#define FAN (1u << BITS)
#define LEVELS (64 / BITS)
#define SPLIT 32 /* entries that a leaf holds before it becomes an inner node */
#define ENTRY_LEN (STORE_ID_LEN + 8)
#define INNER_LEN (FAN * 8)
#define CACHE_SLOTS ((size_t)1 << 18)
#define CACHE_BYTES ((size_t)128 << 20)
#define DIRTY_SLOTS 64
#define LEAF 0
#define INNER 1

/* struct place: where in which tree a node stands. */
struct place {
	struct tree tree;
	unsigned level;
	uint64_t prefix; /* of the ids, the bits that do not count zero */
};

struct dir_node {
	struct place at;
	uint8_t kind;
	uint64_t stamp;
	uint8_t
	    *p; /* leaf: id and version of each, in the order of the ids; inner: the stamps of the children, 0: none */
	size_t n; /* bytes of it */
	size_t room;
	struct dir_node *next; /* dirty: in its slot */
};

static uint64_t prefix_of(const uint8_t *id, unsigned level)
{
	return level == 0 ? 0 : be_get64(id) >> (64 - BITS * level) << (64 - BITS * level);
}

static unsigned child_of(const uint8_t *id, unsigned level)
{
	return (unsigned)(be_get64(id) >> (64 - BITS * (level + 1))) & (FAN - 1);
}

static struct place child_place(const struct place *at, const uint8_t *id)
{
	return (struct place){ at->tree, at->level + 1, prefix_of(id, at->level + 1) };
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->prefix == b->prefix && a->level == b->level && a->tree.generation == b->tree.generation &&
	       a->tree.domain == b->tree.domain;
}

static size_t hash_of(const struct place *at)
{
	uint64_t h = at->prefix + at->level * 0x9e3779b97f4a7c15u + at->tree.generation * 0xc2b2ae3d27d4eb4fu +
		     (uint64_t)at->tree.domain;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return (size_t)(h ^ (h >> 32));
}

static void put_key(const struct place *at, uint8_t ret_key[KEY_LEN])
{
	ret_key[0] = NODE_WORD;
	ret_key[1] = (uint8_t)at->tree.domain;
	be_put16(ret_key + 2, at->tree.generation);
	ret_key[4] = (uint8_t)at->level;
	be_put64(ret_key + 5, at->prefix);
}

static void node_free(struct dir_node *node)
{
	if (!node)
		return;
	free(node->p);
	free(node);
}

static struct dir_node *node_new(const struct place *at, uint8_t kind, struct view content, size_t room)
{
	struct dir_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->at = *at;
	node->kind = kind;
	node->room = room > content.n ? room : content.n;
	node->p = malloc(node->room ? node->room : 1);
	if (!node->p) {
		free(node);
		return NULL;
	}
	if (content.n > 0)
		memcpy(node->p, content.p, content.n);
	node->n = content.n;
	return node;
}

/* value: kind, stamp and content. */
static int node_mac(struct store_txn *t, const struct store_crypto *c, const struct place *at, struct view value,
		    uint8_t ret_mac[MAC_LEN])
{
	BUF_AUTO data = { 0 };
	uint8_t key[KEY_LEN];

	put_key(at, key);
	buf_put_view(&data, VIEW_STR("SR directory"));
	buf_put(&data, t->store->serial, STORE_SERIAL_LEN);
	buf_put(&data, key, sizeof(key));
	buf_put_view(&data, value);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	return c->mac(c->ctx, at->tree.domain, at->tree.generation, buf_view(&data), ret_mac);
}

static int place_fault(struct store_txn *t, const struct place *at)
{
	return store_fault(
	    STORE_ECORRUPT, t->store->path,
	    "the directory of objects is not what was written, for ids from %016llx on: verify the token",
	    (unsigned long long)at->prefix);
}

static bool content_ok(uint8_t kind, size_t n)
{
	if (kind == INNER)
		return n == INNER_LEN;
	return kind == LEAF && n > 0 && n % ENTRY_LEN == 0;
}

/* The node as it stands in the database, proved to be of its place; ret_there NULL: only that. */
static int node_read(struct store_txn *t, const struct store_crypto *c, const struct place *at, struct dir_node **ret)
{
	uint8_t key[KEY_LEN], mac[MAC_LEN];
	struct view value;

	put_key(at, key);
	int rc = txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), &value);
	if (rc)
		return rc;
	if (value.n < HEAD_LEN + MAC_LEN || !content_ok(value.p[0], value.n - HEAD_LEN - MAC_LEN))
		return place_fault(t, at);
	struct view signed_part = VIEW(value.p, value.n - MAC_LEN);
	rc = node_mac(t, c, at, signed_part, mac);
	if (rc)
		return rc;
	if (!ct_equal(mac, value.p + signed_part.n, MAC_LEN))
		return place_fault(t, at);
	struct dir_node *node = node_new(at, value.p[0], VIEW(value.p + HEAD_LEN, signed_part.n - HEAD_LEN), 0);
	if (!node)
		return STORE_ENOMEM;
	node->stamp = be_get64(value.p + 1);
	*ret = node;
	return STORE_OK;
}

/*
 * Nodes that were proved, by place and stamp: a copy, so that what happens to the file afterwards does not reach it. A
 * stamp is never drawn twice: a node of a transaction that was dropped is found by nobody.
 */
void directory_init(struct directory_cache *cache)
{
	pthread_mutex_init(&cache->mutex, NULL);
}

static void cache_empty(struct directory_cache *cache)
{
	for (size_t i = 0; cache->slots && i < CACHE_SLOTS; i++) {
		node_free(cache->slots[i]);
		cache->slots[i] = NULL;
	}
	cache->bytes = 0;
}

void directory_done(struct directory_cache *cache)
{
	cache_empty(cache);
	free(cache->slots);
	pthread_mutex_destroy(&cache->mutex);
}

/* Takes the node over; false: there is no memory for it, and it is gone. Under the mutex. */
static bool cache_put(struct directory_cache *cache, struct dir_node *node)
{
	if (!cache->slots)
		cache->slots = calloc(CACHE_SLOTS, sizeof(struct dir_node *));
	if (!cache->slots) {
		node_free(node);
		return false;
	}
	if (cache->bytes > CACHE_BYTES)
		cache_empty(cache);
	struct dir_node **slot = &cache->slots[hash_of(&node->at) & (CACHE_SLOTS - 1)];
	if (*slot)
		cache->bytes -= sizeof(*node) + (*slot)->room;
	node_free(*slot);
	*slot = node;
	cache->bytes += sizeof(*node) + node->room;
	return true;
}

/* The stamp of a root, which no other node holds: as it stands, proved when the node is read. */
static int root_stamp(struct store_txn *t, const struct place *root, uint64_t *ret)
{
	uint8_t key[KEY_LEN];
	struct view value;

	put_key(root, key);
	int rc = txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), &value);
	if (!rc && value.n < HEAD_LEN)
		rc = place_fault(t, root);
	if (!rc)
		*ret = be_get64(value.p + 1);
	return rc;
}

/* A proved node with this stamp. It lives as long as the mutex of the cache is held and no other one is asked for. */
static int node_get(struct store_txn *t, const struct store_crypto *c, const struct place *at, uint64_t stamp,
		    const struct dir_node **ret)
{
	struct directory_cache *cache = &t->store->directory;
	struct dir_node *node = cache->slots ? cache->slots[hash_of(at) & (CACHE_SLOTS - 1)] : NULL;

	if (node && node->stamp == stamp && same_place(&node->at, at)) {
		*ret = node;
		return STORE_OK;
	}
	int rc = node_read(t, c, at, &node);
	if (rc)
		return rc == STORE_ENOTFOUND ? place_fault(t, at) : rc;
	if (node->stamp != stamp) {
		node_free(node);
		return place_fault(t, at);
	}
	if (!cache_put(cache, node))
		return STORE_ENOMEM;
	*ret = node;
	return STORE_OK;
}

/* Where the id stands in a leaf, or would stand. */
static size_t leaf_find(const struct dir_node *leaf, const uint8_t *id, bool *ret_there)
{
	size_t low = 0, high = leaf->n / ENTRY_LEN;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(leaf->p + middle * ENTRY_LEN, id, STORE_ID_LEN);
		if (order == 0) {
			*ret_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_there = false;
	return low;
}

/* What a transaction has changed and not yet written. */
static struct dir_node **dirty_slot(const struct directory_changes *d, const struct place *at)
{
	return &d->slots[hash_of(at) & (d->size - 1)];
}

static struct dir_node *dirty_get(const struct directory_changes *d, const struct place *at)
{
	struct dir_node *node = d->size ? *dirty_slot(d, at) : NULL;

	while (node && !same_place(&node->at, at))
		node = node->next;
	return node;
}

static bool dirty_grow(struct directory_changes *d)
{
	struct directory_changes more = { .size = d->size ? d->size * 2 : DIRTY_SLOTS };

	if (d->count < d->size)
		return true;
	more.slots = calloc(more.size, sizeof(struct dir_node *));
	if (!more.slots)
		return false;
	for (size_t i = 0; i < d->size; i++) {
		for (struct dir_node *node = d->slots[i], *next; node; node = next) {
			next = node->next;
			struct dir_node **slot = dirty_slot(&more, &node->at);
			node->next = *slot;
			*slot = node;
		}
	}
	free(d->slots);
	d->slots = more.slots;
	d->size = more.size;
	return true;
}

/* Takes the node over. */
static int dirty_add(struct directory_changes *d, struct dir_node *node)
{
	if (!node || !dirty_grow(d)) {
		node_free(node);
		return STORE_ENOMEM;
	}
	struct dir_node **slot = dirty_slot(d, &node->at);
	node->next = *slot;
	*slot = node;
	d->count++;
	return STORE_OK;
}

void directory_drop(struct store_txn *t)
{
	struct directory_changes *d = &t->changes;

	for (size_t i = 0; i < d->size; i++) {
		for (struct dir_node *node = d->slots[i], *next; node; node = next) {
			next = node->next;
			node_free(node);
		}
	}
	free(d->slots);
	*d = (struct directory_changes){ 0 };
}

/* One step of a walk: the node of a place; STORE_ENOTFOUND: there is none. Under the mutex of the cache. */
static int step(struct store_txn *t, const struct store_crypto *c, const struct place *at,
		const struct dir_node *parent, unsigned child, const struct dir_node **ret)
{
	uint64_t stamp = 0;
	const struct dir_node *changed = dirty_get(&t->writer->changes, at);
	int rc = STORE_OK;

	if (changed) {
		*ret = changed;
		return STORE_OK;
	}
	if (parent)
		stamp = be_get64(parent->p + 8 * (size_t)child);
	else
		rc = root_stamp(t, at, &stamp);
	if (rc)
		return rc;
	return stamp || !parent ? node_get(t, c, at, stamp, ret) : STORE_ENOTFOUND;
}

int directory_get(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id,
		  uint64_t *ret_version)
{
	struct directory_cache *cache = &t->store->directory;
	struct place at = { .tree = tree };
	const struct dir_node *node = NULL;
	bool there = false;

	pthread_mutex_lock(&cache->mutex);
	int rc = step(t, c, &at, NULL, 0, &node);
	while (!rc && node->kind == INNER) {
		unsigned child = child_of(id, at.level);
		at = child_place(&at, id);
		rc = step(t, c, &at, node, child, &node);
	}
	if (!rc) {
		size_t i = leaf_find(node, id, &there);
		if (there)
			*ret_version = be_get64(node->p + i * ENTRY_LEN + STORE_ID_LEN);
		else
			rc = STORE_ENOTFOUND;
	}
	pthread_mutex_unlock(&cache->mutex);
	return rc;
}

/* The node of a place among the changes, copied there if need be; a leaf without entries when there is none yet. */
static int touch(struct store_txn *t, const struct store_crypto *c, const struct place *at,
		 const struct dir_node *parent, unsigned child, struct dir_node **ret)
{
	struct directory_cache *cache = &t->store->directory;
	const struct dir_node *have = NULL;
	struct dir_node *node = dirty_get(&t->changes, at);

	if (node) {
		*ret = node;
		return STORE_OK;
	}
	pthread_mutex_lock(&cache->mutex);
	int rc = step(t, c, at, parent, child, &have);
	if (!rc)
		node = node_new(at, have->kind, VIEW(have->p, have->n), 0);
	pthread_mutex_unlock(&cache->mutex);
	if (rc == STORE_ENOTFOUND)
		node = node_new(at, LEAF, VIEW(NULL, 0), (size_t)SPLIT * ENTRY_LEN);
	else if (rc)
		return rc;
	rc = dirty_add(&t->changes, node);
	if (!rc)
		*ret = node;
	return rc;
}

static int leaf_put(struct dir_node *leaf, const uint8_t *id, uint64_t version)
{
	bool there;
	size_t at = leaf_find(leaf, id, &there) * ENTRY_LEN;

	if (!there) {
		if (leaf->n + ENTRY_LEN > leaf->room) {
			size_t room = leaf->room * 2 + ENTRY_LEN;
			uint8_t *more = realloc(leaf->p, room);
			if (!more)
				return STORE_ENOMEM;
			leaf->p = more;
			leaf->room = room;
		}
		memmove(leaf->p + at + ENTRY_LEN, leaf->p + at, leaf->n - at);
		leaf->n += ENTRY_LEN;
		memcpy(leaf->p + at, id, STORE_ID_LEN);
	}
	be_put64(leaf->p + at + STORE_ID_LEN, version);
	return STORE_OK;
}

/* A leaf with too many entries becomes an inner node over leaves, which get their stamps when they are written. */
static int split(struct directory_changes *d, struct dir_node *leaf)
{
	uint8_t *entries = leaf->p;
	size_t n = leaf->n;
	int rc = STORE_OK;

	leaf->p = calloc(1, INNER_LEN);
	if (!leaf->p) {
		leaf->p = entries;
		return STORE_ENOMEM;
	}
	leaf->kind = INNER;
	leaf->n = INNER_LEN;
	leaf->room = INNER_LEN;
	for (size_t i = 0; i < n && !rc; i += ENTRY_LEN) {
		struct place at = child_place(&leaf->at, entries + i);
		struct dir_node *child = dirty_get(d, &at);
		if (!child) {
			child = node_new(&at, LEAF, VIEW(NULL, 0), (size_t)SPLIT * ENTRY_LEN);
			rc = dirty_add(d, child);
		}
		if (!rc)
			rc = leaf_put(child, entries + i, be_get64(entries + i + STORE_ID_LEN));
	}
	free(entries);
	return rc;
}

/* The leaf for an id, with the way to it, among the changes. */
static int touch_leaf(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id,
		      struct dir_node **ret)
{
	struct place at = { .tree = tree };
	struct dir_node *node = NULL;

	if (!t->changes.stamp && getrandom(&t->changes.stamp, sizeof(t->changes.stamp), 0) != sizeof(t->changes.stamp))
		return STORE_EIO;
	t->changes.stamp |= 1; /* never zero */
	t->changes.crypto = c;
	int rc = touch(t, c, &at, NULL, 0, &node);
	while (!rc && node->kind == INNER) {
		unsigned child = child_of(id, at.level);
		at = child_place(&at, id);
		rc = touch(t, c, &at, node, child, &node);
	}
	if (!rc)
		*ret = node;
	return rc;
}

int directory_put(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id,
		  uint64_t version)
{
	struct dir_node *leaf = NULL;
	int rc = touch_leaf(t, c, tree, id, &leaf);

	if (!rc)
		rc = leaf_put(leaf, id, version);
	while (!rc && leaf->n > (size_t)SPLIT * ENTRY_LEN && leaf->kind == LEAF && leaf->at.level < LEVELS) {
		struct place at = child_place(&leaf->at, id);
		rc = split(&t->changes, leaf);
		if (!rc)
			leaf = dirty_get(&t->changes, &at);
	}
	return txn_fail(t, rc);
}

int directory_del(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id)
{
	struct dir_node *leaf = NULL;
	bool there = false;
	int rc = touch_leaf(t, c, tree, id, &leaf);

	if (rc)
		return txn_fail(t, rc);
	size_t at = leaf_find(leaf, id, &there) * ENTRY_LEN;
	if (!there)
		return txn_fail(t, place_fault(t, &leaf->at));
	memmove(leaf->p + at, leaf->p + at + ENTRY_LEN, leaf->n - at - ENTRY_LEN);
	leaf->n -= ENTRY_LEN;
	return STORE_OK;
}

static bool is_empty(const struct dir_node *node)
{
	if (node->kind == LEAF)
		return node->n == 0;
	for (size_t i = 0; i < node->n; i++)
		if (node->p[i])
			return false;
	return true;
}

static int node_write(struct store_txn *t, const struct dir_node *node)
{
	BUF_AUTO value = { 0 };
	uint8_t key[KEY_LEN], mac[MAC_LEN];

	put_key(&node->at, key);
	if (is_empty(node)) {
		int rc = txn_del(t, DB_INDEX, VIEW(key, sizeof(key)));
		return rc == STORE_ENOTFOUND ? STORE_OK : rc;
	}
	buf_put_u8(&value, node->kind);
	buf_put_u64(&value, t->changes.stamp);
	buf_put(&value, node->p, node->n);
	if (!buf_ok(&value))
		return STORE_ENOMEM;
	int rc = node_mac(t, t->changes.crypto, &node->at, buf_view(&value), mac);
	buf_put(&value, mac, sizeof(mac));
	if (!rc && !buf_ok(&value))
		rc = STORE_ENOMEM;
	return rc ? rc : txn_put(t, DB_INDEX, VIEW(key, sizeof(key)), buf_view(&value), 0);
}

/* One level: written, and noted in the parents, which are among the changes as well. */
static int flush_level(struct store_txn *t, unsigned level)
{
	struct directory_changes *d = &t->changes;
	uint8_t bits[STORE_ID_LEN] = { 0 };
	int rc = STORE_OK;

	for (size_t i = 0; i < d->size && !rc; i++) {
		for (struct dir_node *node = d->slots[i]; node && !rc; node = node->next) {
			if (node->at.level != level)
				continue;
			rc = node_write(t, node);
			if (rc || level == 0)
				continue;
			be_put64(bits, node->at.prefix);
			struct place up = { node->at.tree, level - 1, prefix_of(bits, level - 1) };
			struct dir_node *parent = dirty_get(d, &up);
			be_put64(parent->p + 8 * (size_t)child_of(bits, level - 1), is_empty(node) ? 0 : d->stamp);
		}
	}
	return rc;
}

int directory_flush(struct store_txn *t)
{
	int rc = STORE_OK;

	for (unsigned level = LEVELS + 1; level-- > 0 && t->changes.count > 0 && !rc;)
		rc = flush_level(t, level);
	directory_drop(t);
	return txn_fail(t, rc);
}
