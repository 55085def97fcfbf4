/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "directory.h"

#define DIRTY_SLOTS 64

/* Where the id stands in a leaf, or would stand. */
static size_t leaf_find(const struct dir_node *leaf, const uint8_t *id, bool *ret_there)
{
	size_t low = 0, high = leaf->n / LEAF_ENTRY_LEN;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(leaf->p + middle * LEAF_ENTRY_LEN, id, STORE_ID_LEN);
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
	return &d->slots[place_hash(at) & (d->size - 1)];
}

static struct dir_node *dirty_get(const struct directory_changes *d, const struct place *at)
{
	struct dir_node *node = d->size ? *dirty_slot(d, at) : NULL;

	while (node && !place_same(&node->at, at))
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
		rc = node_root_stamp(t, at, &stamp);
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
	while (!rc && node->kind == NODE_INNER) {
		unsigned child = place_child(id, at.level);
		at = place_below(&at, id);
		rc = step(t, c, &at, node, child, &node);
	}
	if (!rc) {
		size_t i = leaf_find(node, id, &there);
		if (there)
			*ret_version = be_get64(node->p + i * LEAF_ENTRY_LEN + STORE_ID_LEN);
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
		node = node_new(at, NODE_LEAF, VIEW(NULL, 0), (size_t)LEAF_SPLIT * LEAF_ENTRY_LEN);
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
	size_t at = leaf_find(leaf, id, &there) * LEAF_ENTRY_LEN;

	if (!there) {
		if (leaf->n + LEAF_ENTRY_LEN > leaf->room) {
			size_t room = leaf->room * 2 + LEAF_ENTRY_LEN;
			uint8_t *more = realloc(leaf->p, room);
			if (!more)
				return STORE_ENOMEM;
			leaf->p = more;
			leaf->room = room;
		}
		memmove(leaf->p + at + LEAF_ENTRY_LEN, leaf->p + at, leaf->n - at);
		leaf->n += LEAF_ENTRY_LEN;
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
	leaf->kind = NODE_INNER;
	leaf->n = INNER_LEN;
	leaf->room = INNER_LEN;
	for (size_t i = 0; i < n && !rc; i += LEAF_ENTRY_LEN) {
		struct place at = place_below(&leaf->at, entries + i);
		struct dir_node *child = dirty_get(d, &at);
		if (!child) {
			child = node_new(&at, NODE_LEAF, VIEW(NULL, 0), (size_t)LEAF_SPLIT * LEAF_ENTRY_LEN);
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
	while (!rc && node->kind == NODE_INNER) {
		unsigned child = place_child(id, at.level);
		at = place_below(&at, id);
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
	while (!rc && leaf->n > (size_t)LEAF_SPLIT * LEAF_ENTRY_LEN && leaf->kind == NODE_LEAF &&
	       leaf->at.level < NODE_LEVELS) {
		struct place at = place_below(&leaf->at, id);
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
	size_t at = leaf_find(leaf, id, &there) * LEAF_ENTRY_LEN;
	if (!there)
		return txn_fail(t, place_fault(t, &leaf->at));
	memmove(leaf->p + at, leaf->p + at + LEAF_ENTRY_LEN, leaf->n - at - LEAF_ENTRY_LEN);
	leaf->n -= LEAF_ENTRY_LEN;
	return STORE_OK;
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
			rc = node_write(t, d->crypto, node, d->stamp);
			if (rc || level == 0)
				continue;
			be_put64(bits, node->at.prefix);
			struct place up = { node->at.tree, level - 1, place_prefix(bits, level - 1) };
			struct dir_node *parent = dirty_get(d, &up);
			be_put64(parent->p + 8 * (size_t)place_child(bits, level - 1), node_empty(node) ? 0 : d->stamp);
		}
	}
	return rc;
}

int directory_flush(struct store_txn *t)
{
	int rc = STORE_OK;

	for (unsigned level = NODE_LEVELS + 1; level-- > 0 && t->changes.count > 0 && !rc;)
		rc = flush_level(t, level);
	directory_drop(t);
	return txn_fail(t, rc);
}
