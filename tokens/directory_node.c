/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "directory.h"

#define CACHE_SLOTS ((size_t)1 << 18)
#define CACHE_BYTES ((size_t)128 << 20)

uint64_t place_prefix(const uint8_t *id, unsigned level)
{
	return level == 0 ? 0 : be_get64(id) >> (64 - NODE_BITS * level) << (64 - NODE_BITS * level);
}

unsigned place_child(const uint8_t *id, unsigned level)
{
	return (unsigned)(be_get64(id) >> (64 - NODE_BITS * (level + 1))) & (NODE_FAN - 1);
}

struct place place_below(const struct place *at, const uint8_t *id)
{
	return (struct place){ at->tree, at->level + 1, place_prefix(id, at->level + 1) };
}

bool place_same(const struct place *a, const struct place *b)
{
	return a->prefix == b->prefix && a->level == b->level && a->tree.generation == b->tree.generation &&
	       a->tree.domain == b->tree.domain;
}

size_t place_hash(const struct place *at)
{
	uint64_t h = at->prefix + at->level * 0x9e3779b97f4a7c15u + at->tree.generation * 0xc2b2ae3d27d4eb4fu +
		     (uint64_t)at->tree.domain;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return (size_t)(h ^ (h >> 32));
}

void place_key(const struct place *at, uint8_t ret_key[NODE_KEY_LEN])
{
	ret_key[0] = NODE_WORD;
	ret_key[1] = (uint8_t)at->tree.domain;
	be_put16(ret_key + 2, at->tree.generation);
	ret_key[4] = (uint8_t)at->level;
	be_put64(ret_key + 5, at->prefix);
}

void node_free(struct dir_node *node)
{
	if (!node)
		return;
	free(node->p);
	free(node);
}

struct dir_node *node_new(const struct place *at, uint8_t kind, struct view content, size_t room)
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
		    uint8_t ret_mac[NODE_MAC_LEN])
{
	BUF_AUTO data = { 0 };
	uint8_t key[NODE_KEY_LEN];

	place_key(at, key);
	buf_put_view(&data, VIEW_STR("SR directory"));
	buf_put(&data, t->store->serial, STORE_SERIAL_LEN);
	buf_put(&data, key, sizeof(key));
	buf_put_view(&data, value);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	return c->mac(c->ctx, at->tree.domain, at->tree.generation, buf_view(&data), ret_mac);
}

int place_fault(struct store_txn *t, const struct place *at)
{
	return store_fault(
	    STORE_ECORRUPT, t->store->path,
	    "the directory of objects is not what was written, for ids from %016llx on: verify the token",
	    (unsigned long long)at->prefix);
}

static bool content_ok(uint8_t kind, size_t n)
{
	if (kind == NODE_INNER)
		return n == INNER_LEN;
	return kind == NODE_LEAF && n > 0 && n % LEAF_ENTRY_LEN == 0;
}

/* The node as it stands in the database. */
int node_read(struct store_txn *t, const struct store_crypto *c, const struct place *at, struct dir_node **ret)
{
	uint8_t key[NODE_KEY_LEN], mac[NODE_MAC_LEN];
	struct view value;

	place_key(at, key);
	int rc = txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), &value);
	if (rc)
		return rc;
	if (value.n < NODE_HEAD_LEN + NODE_MAC_LEN || !content_ok(value.p[0], value.n - NODE_HEAD_LEN - NODE_MAC_LEN))
		return place_fault(t, at);
	struct view signed_part = VIEW(value.p, value.n - NODE_MAC_LEN);
	rc = node_mac(t, c, at, signed_part, mac);
	if (rc)
		return rc;
	if (!ct_equal(mac, value.p + signed_part.n, NODE_MAC_LEN))
		return place_fault(t, at);
	struct dir_node *node =
	    node_new(at, value.p[0], VIEW(value.p + NODE_HEAD_LEN, signed_part.n - NODE_HEAD_LEN), 0);
	if (!node)
		return STORE_ENOMEM;
	node->stamp = be_get64(value.p + 1);
	*ret = node;
	return STORE_OK;
}

bool place_of_key(struct view key, struct place *ret)
{
	if (key.n != NODE_KEY_LEN || key.p[0] != NODE_WORD || key.p[1] > STORE_PRIVATE || key.p[4] > NODE_LEVELS)
		return false;
	*ret = (struct place){ { key.p[1], be_get16(key.p + 2) }, key.p[4], be_get64(key.p + 5) };
	return true;
}

bool node_empty(const struct dir_node *node)
{
	if (node->kind == NODE_LEAF)
		return node->n == 0;
	for (size_t i = 0; i < node->n; i++)
		if (node->p[i])
			return false;
	return true;
}

int node_write(struct store_txn *t, const struct store_crypto *c, const struct dir_node *node, uint64_t stamp)
{
	BUF_AUTO value = { 0 };
	uint8_t key[NODE_KEY_LEN], mac[NODE_MAC_LEN];

	place_key(&node->at, key);
	if (node_empty(node)) {
		int rc = txn_del(t, DB_INDEX, VIEW(key, sizeof(key)));
		return rc == STORE_ENOTFOUND ? STORE_OK : rc;
	}
	buf_put_u8(&value, node->kind);
	buf_put_u64(&value, stamp);
	buf_put(&value, node->p, node->n);
	if (!buf_ok(&value))
		return STORE_ENOMEM;
	int rc = node_mac(t, c, &node->at, buf_view(&value), mac);
	buf_put(&value, mac, sizeof(mac));
	if (!rc && !buf_ok(&value))
		rc = STORE_ENOMEM;
	return rc ? rc : txn_put(t, DB_INDEX, VIEW(key, sizeof(key)), buf_view(&value), 0);
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
	struct dir_node **slot = &cache->slots[place_hash(&node->at) & (CACHE_SLOTS - 1)];
	if (*slot)
		cache->bytes -= sizeof(*node) + (*slot)->room;
	node_free(*slot);
	*slot = node;
	cache->bytes += sizeof(*node) + node->room;
	return true;
}

/* The stamp of a root, which no other node holds: as it stands, proved when the node is read. */
int node_root_stamp(struct store_txn *t, const struct place *root, uint64_t *ret)
{
	uint8_t key[NODE_KEY_LEN];
	struct view value;

	place_key(root, key);
	int rc = txn_get(t, DB_INDEX, VIEW(key, sizeof(key)), &value);
	if (!rc && value.n < NODE_HEAD_LEN)
		rc = place_fault(t, root);
	if (!rc)
		*ret = be_get64(value.p + 1);
	return rc;
}

/* A proved node with this stamp. It lives as long as the mutex of the cache is held and no other one is asked for. */
int node_get(struct store_txn *t, const struct store_crypto *c, const struct place *at, uint64_t stamp,
	     const struct dir_node **ret)
{
	struct directory_cache *cache = &t->store->directory;
	struct dir_node *node = cache->slots ? cache->slots[place_hash(at) & (CACHE_SLOTS - 1)] : NULL;

	if (node && node->stamp == stamp && place_same(&node->at, at)) {
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
