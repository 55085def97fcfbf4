/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TOKENS_DIRECTORY_H
#define TOKENS_DIRECTORY_H

#include <string.h>

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
#define NODE_KEY_LEN (1 + 1 + 2 + 1 + 8)
#define NODE_HEAD_LEN (1 + 8)
#define NODE_MAC_LEN 16
#define NODE_BITS 4
#define NODE_FAN (1u << NODE_BITS)
#define NODE_LEVELS (64 / NODE_BITS)
#define LEAF_SPLIT 32 /* entries that a leaf holds before it becomes an inner node */
#define LEAF_ENTRY_LEN (STORE_ID_LEN + 8)
#define INNER_LEN (NODE_FAN * 8)
#define NODE_LEAF 0
#define NODE_INNER 1

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
	uint8_t *p; /* leaf: id and version of each, by id; inner: stamps of the children, 0: none */
	size_t n;   /* bytes of it */
	size_t room;
	struct dir_node *next; /* dirty: in its slot */
};

/*
 * place_prefix: the bits of an id that lead to its node of a level. place_child: which child of a node of this level
 * leads to the id, and place_below where that stands. place_of_key: false: not the key of a node.
 */
uint64_t place_prefix(const uint8_t *id, unsigned level);
unsigned place_child(const uint8_t *id, unsigned level);
struct place place_below(const struct place *at, const uint8_t *id);
bool place_same(const struct place *a, const struct place *b);
size_t place_hash(const struct place *at);
void place_key(const struct place *at, uint8_t ret_key[NODE_KEY_LEN]);
bool place_of_key(struct view key, struct place *ret);
/* place_fault: notes that the directory is damaged there; answers STORE_ECORRUPT. */
int place_fault(struct store_txn *t, const struct place *at);

/* node_new: with this content and at least this much room; NULL: no memory. node_free takes NULL. */
struct dir_node *node_new(const struct place *at, uint8_t kind, struct view content, size_t room);
void node_free(struct dir_node *node);
bool node_empty(const struct dir_node *node);
/*
 * node_read: as it stands in the database, proved to be of its place; the caller frees it. STORE_ENOTFOUND.
 * node_write: with this stamp; one without content is removed. node_root_stamp: of the root, not proved.
 */
int node_read(struct store_txn *t, const struct store_crypto *c, const struct place *at,
	      struct dir_node **ret) MUST_CHECK;
int node_write(struct store_txn *t, const struct store_crypto *c, const struct dir_node *node,
	       uint64_t stamp) MUST_CHECK;
int node_root_stamp(struct store_txn *t, const struct place *root, uint64_t *ret) MUST_CHECK;
/*
 * node_get: a proved node with this stamp, from the cache or the database. It lives as long as the mutex of the cache
 * is held, which the caller holds already, and no other one is asked for.
 */
int node_get(struct store_txn *t, const struct store_crypto *c, const struct place *at, uint64_t stamp,
	     const struct dir_node **ret) MUST_CHECK;

#endif
