/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SEAL_H
#define HSM_SEAL_H

#include <pthread.h>
#include <openssl/evp.h>
#include "bytes.h"
#include "ck.h"
#include "secret.h"
#include "store.h"

/*
 * The token's keys and what the store calls with them (struct store_crypto). AES-256-GCM with a random nonce of 12
 * bytes; bytes: nonce, ciphertext, tag of 16. All keys come by HKDF-SHA256 (docs/store.md) from one of three:
 *
 * public key  stands in the token record: guards against accidents only
 * user key    what PINs open; stays as long as the token
 * token key   of a generation (token_key.h): everything that is sealed for good. Several live while they are rotated;
 *             the first of them writes
 */
struct crypto;

#define SEAL_KEY_LEN 32
#define SEAL_OVERHEAD 28

enum seal_key {
	SEAL_PUBLIC,
	SEAL_PUBLIC_INDEX,
	SEAL_USER, /* the user key itself, and what comes from it: the same in all generations */
	SEAL_USES, /* names of key usages */
	SEAL_FIXED,
	SEAL_PRIVATE = SEAL_FIXED, /* from here on: one in each generation */
	SEAL_SECRET,
	SEAL_PRIVATE_INDEX,
	SEAL_POLICY,
	SEAL_USES_PROOF,
	SEAL_KEYS
};

/* SEAL_ANY: whichever living generation opens it. 0: schema 1, whose token key is the user key now. */
#define SEAL_ANY UINT16_MAX

struct seal_generation {
	uint16_t number;
	struct secret keys[SEAL_KEYS - SEAL_FIXED];
	EVP_MAC_CTX *mac; /* keeps the key schedule of SEAL_PRIVATE_INDEX: a find takes a handful of them */
};

struct seal {
	const struct crypto *crypto;
	pthread_mutex_t lock;
	struct secret fixed[SEAL_FIXED]; /* len 0: not there */
	EVP_MAC_CTX *mac;                /* of SEAL_PUBLIC_INDEX */
	struct seal_generation generation[STORE_GENERATIONS];
	unsigned generations;
	/* Asked, without the lock, when a generation is wanted that is not there: it may have come since. NULL: nobody.
	 */
	void (*look)(void *ctx);
	void *look_ctx;
	struct store_crypto store;
};

/* seal_init: no keys yet; the struct must not move afterwards. */
void seal_init(struct seal *s, const struct crypto *c);
void seal_done(struct seal *s);
/* seal_public: takes the public key of the token record. */
CK_RV seal_public(struct seal *s, const uint8_t key[SEAL_KEY_LEN]) MUST_CHECK;
/* seal_open_user: takes the user key; no generation works yet. seal_close wipes it and all generations. */
CK_RV seal_open_user(struct seal *s, const struct secret *user_key) MUST_CHECK;
void seal_close(struct seal *s);
/* seal_user_key: the user key, to be wrapped for another user; *ret is made here. CKR_USER_NOT_LOGGED_IN. */
CK_RV seal_user_key(struct seal *s, struct secret *ret) MUST_CHECK;
/*
 * seal_live: exactly these generations work from now on, the first one writes; keys of the others are wiped. Those that
 * were there already are kept and their key in the list is not looked at. All or nothing.
 * keep: those that work already and are not in the list work on behind it, as far as there is room.
 */
struct seal_living {
	uint16_t number;
	const struct secret *key;
};
CK_RV seal_live(struct seal *s, const struct seal_living *living, unsigned n, bool keep) MUST_CHECK;
/* seal_current: the number of the writing generation; 0: none. */
uint16_t seal_current(struct seal *s);
/*
 * seal_state_key: the key of saved operations (op_state.h): from the user key when somebody is logged in, so that they
 * outlive a rotation, else from the public key. CKR_USER_NOT_LOGGED_IN.
 */
CK_RV seal_state_key(struct seal *s, bool logged_in, struct secret *ret) MUST_CHECK;

/*
 * seal_under, open_under: under one of the keys; the generation asked for, 0 for those that have none. SEAL_ANY: seals
 * under the writing one, opens under whichever does.
 * seal_proof, seal_proves: an authenticator (SEAL_OVERHEAD bytes) over data that stand in the clear: made with the
 * writing generation, good when made with any that lives. seal_hash: keyed hash.
 * Errors: STORE_ESEALED: the key is not there; STORE_ECORRUPT: not made with it, or its generation is gone.
 */
int seal_under(struct seal *s, enum seal_key key, uint16_t generation, struct view aad, struct view plain,
	       struct buf *out) MUST_CHECK;
int open_under(struct seal *s, enum seal_key key, uint16_t generation, struct view aad, struct view sealed,
	       struct secret *ret) MUST_CHECK;
int seal_proof(struct seal *s, enum seal_key key, struct view data, struct buf *out) MUST_CHECK;
int seal_proves(struct seal *s, enum seal_key key, struct view data, struct view proof) MUST_CHECK;
int seal_hash(struct seal *s, enum seal_key key, struct view data, uint8_t ret[16]) MUST_CHECK;

/* seal_bytes, open_bytes: the primitive, under a given key. open_bytes: CKR_ENCRYPTED_DATA_INVALID when the tag is
 * wrong. */
CK_RV seal_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view plain,
		 struct buf *out) MUST_CHECK;
CK_RV open_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view sealed,
		 struct secret *ret) MUST_CHECK;
/* seal_kdf: HKDF-SHA256, 32 bytes; salt may be empty. seal_mac: HMAC-SHA256, its first 16 bytes. */
CK_RV seal_kdf(const struct crypto *c, struct view key, struct view salt, const char *info,
	       struct secret *ret) MUST_CHECK;
CK_RV seal_mac(const struct crypto *c, struct view key, struct view data, uint8_t ret[16]) MUST_CHECK;

#endif
