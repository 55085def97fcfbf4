/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_KEY_H
#define HSM_TOKEN_KEY_H

#include "seal.h"
#include "token_host.h"

/*
 * Token keys by generation (docs/store.md). PINs open the user key; the meta record `token key` holds the token keys
 * that live, sealed under it. Generation numbers only grow; the first of the list writes, the others open what is not
 * sealed anew yet. edition: one more with each version of the record.
 */
struct token;

struct token_keys {
	uint64_t edition;
	unsigned n;
	uint16_t number[STORE_GENERATIONS];
	struct secret key[STORE_GENERATIONS];
};
/* token_keys_done: wipes; also at the end of a block. */
void token_keys_done(struct token_keys *k);
#define TOKEN_KEYS_AUTO __attribute__((cleanup(token_keys_done))) struct token_keys

/*
 * token_keys_add: a fresh key as the writing one, of the next number. CKR_FUNCTION_FAILED: no room for another.
 * token_keys_retire: all but the writing one go.
 */
CK_RV token_keys_add(const struct crypto *c, struct token_keys *k) MUST_CHECK;
void token_keys_retire(struct token_keys *k);
/* token_keys_put: as the next edition. token_keys_get: CKR_DEVICE_ERROR: no such record, or not this user key's. */
CK_RV token_keys_put(const struct token_place *place, struct store_txn *txn, const struct secret *user_key,
		     struct token_keys *k) MUST_CHECK;
CK_RV token_keys_get(const struct token_place *place, struct store_txn *txn, const struct secret *user_key,
		     struct token_keys *ret) MUST_CHECK;
/* token_keys_live: the seal works with these; keep as in seal_live. */
CK_RV token_keys_live(struct seal *s, const struct token_keys *k, bool keep) MUST_CHECK;
/* token_keys_tag: which record it is: its edition and the tag of its seal. */
CK_RV token_keys_tag(struct store_txn *txn, uint64_t *ret_edition, uint8_t ret_tag[16]) MUST_CHECK;
/* token_keys_host: is place->host_key the one that the record was sealed with? Needs no PIN. CKR_DEVICE_ERROR. */
/* token_keys_rebind: its outer seal; see token_rebind. */
CK_RV token_keys_rebind(const struct token_place *from, const struct token_place *to, struct store_txn *txn) MUST_CHECK;
CK_RV token_keys_host(const struct token_place *place, struct store_txn *txn) MUST_CHECK;

/*
 * struct token_ring: which record the keys in memory are of. Its lock comes after token->lock and before the seal's.
 */
struct token_ring {
	pthread_mutex_t lock;
	uint8_t generation[STORE_ID_LEN]; /* of the token record */
	bool bound;
	uint64_t edition;
	uint8_t tag[16]; /* of the record */
};

/*
 * token_ring_init: the seal of t asks for generations that it does not know.
 * token_ring_open: after the user key was opened: the seal of t works. Under t->lock.
 * token_ring_sync: the keys as this transaction sees them; nothing without a login. In a write transaction: exactly
 * these. In a read transaction, which may be older than what this process knows: newer ones only. Under t->lock.
 * token_ring_reset: after a write transaction with new keys failed: what is committed.
 * token_begin_read: a read transaction and the keys that it needs. Under t->lock.
 */
void token_ring_init(struct token *t);
CK_RV token_ring_open(struct token *t, const struct secret *user_key) MUST_CHECK;
CK_RV token_ring_sync(struct token *t, struct store_txn *txn, bool write) MUST_CHECK;
void token_ring_reset(struct token *t);
CK_RV token_begin_read(struct token *t, struct store_txn **ret) MUST_CHECK;

#endif
