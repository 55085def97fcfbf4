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
 * bytes; bytes: nonce, ciphertext, tag of 16. The keys of STORE_PRIVATE, STORE_SECRET and the private index come from
 * the token key by HKDF-SHA256; those of STORE_PUBLIC from the public key of the token record (docs/store.md).
 */
struct crypto;

#define SEAL_KEY_LEN 32
#define SEAL_OVERHEAD 28

enum seal_key {
	SEAL_PUBLIC,
	SEAL_PUBLIC_INDEX,
	SEAL_PRIVATE, /* from here on: under the token key */
	SEAL_SECRET,
	SEAL_PRIVATE_INDEX,
	SEAL_POLICY,
	SEAL_USES,
	SEAL_TOKEN,
	SEAL_KEYS
};

struct seal {
	const struct crypto *crypto;
	pthread_mutex_t lock;
	struct secret keys[SEAL_KEYS];  /* len 0: not there */
	EVP_MAC_CTX *mac[STORE_SECRET]; /* index and directory: public, private; NULL: key not there */
	struct store_crypto store;
};

/* seal_init: no keys yet; the struct must not move afterwards. */
void seal_init(struct seal *s, const struct crypto *c);
void seal_done(struct seal *s);
/* seal_public: takes the public key of the token record. */
CK_RV seal_public(struct seal *s, const uint8_t key[SEAL_KEY_LEN]) MUST_CHECK;
/* seal_open_token: takes the token key: the private domains work from now on. seal_close_token wipes them. */
CK_RV seal_open_token(struct seal *s, const struct secret *token_key) MUST_CHECK;
void seal_close_token(struct seal *s);
/* seal_token_key: the token key itself, to be wrapped for another user; *ret is made here. CKR_USER_NOT_LOGGED_IN. */
CK_RV seal_token_key(struct seal *s, struct secret *ret) MUST_CHECK;
/*
 * seal_state_key: the key of saved operations (op_state.h): from the token key of who is logged in, or, for public
 * sessions, from the public key. CKR_USER_NOT_LOGGED_IN.
 */
CK_RV seal_state_key(struct seal *s, bool logged_in, struct secret *ret) MUST_CHECK;

/*
 * seal_proof, seal_proves: an authenticator (SEAL_OVERHEAD bytes) over data that stand in the clear, under one of the
 * keys; STORE_ESEALED of seal_proves: the key is not there; STORE_ECORRUPT: not made with it. seal_hash: keyed hash.
 */
int seal_proof(struct seal *s, enum seal_key key, struct view data, struct buf *out) MUST_CHECK;
int seal_proves(struct seal *s, enum seal_key key, struct view data, struct view proof) MUST_CHECK;
int seal_hash(struct seal *s, enum seal_key key, struct view data, uint8_t ret[16]) MUST_CHECK;

/* seal_bytes, open_bytes: the primitive, under a given key. open_bytes: CKR_ENCRYPTED_DATA_INVALID when the tag is
 * wrong. */
CK_RV seal_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view plain,
		 struct buf *out) MUST_CHECK;
CK_RV open_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view sealed,
		 struct secret *ret) MUST_CHECK;

#endif
