/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_KEYS_H
#define HSM_AUDIT_KEYS_H

#include "bytes.h"
#include "ck.h"
#include "secret.h"
#include "store.h"

/*
 * The two key pairs that a token has for its trail and its word: X25519, to which the keys of the audit segments are
 * sealed, and Ed25519, which signs segments, anchors and statements. The public halves stand in the clear, the private
 * ones under the user key (docs/store.md). They stay through C_InitToken, so that the trail before stays readable.
 */
struct crypto;

#define AUDIT_KEY_LEN 32
#define AUDIT_SIGNATURE_LEN 64

struct audit_keys {
	uint8_t audit_public[AUDIT_KEY_LEN];
	uint8_t statement_public[AUDIT_KEY_LEN];
	struct secret audit_private; /* len 0: not open */
	struct secret statement_private;
};
#define AUDIT_KEYS_AUTO __attribute__((cleanup(audit_keys_done))) struct audit_keys

/* audit_keys_new: two fresh pairs. audit_keys_done wipes. */
CK_RV audit_keys_new(const struct crypto *c, struct audit_keys *ret) MUST_CHECK;
void audit_keys_done(struct audit_keys *k);
/* audit_keys_put: both records, private halves sealed under this user key. */
CK_RV audit_keys_put(const struct crypto *c, struct store_txn *txn, const struct audit_keys *k,
		     const struct secret *user_key) MUST_CHECK;
/*
 * audit_keys_get: the public halves, and with a user key (NULL: none) the private ones. CKR_KEY_HANDLE_INVALID: the
 * token has none (it was made by an older version). CKR_DEVICE_ERROR: spoilt, or not under this user key.
 */
CK_RV audit_keys_get(const struct crypto *c, struct store_txn *txn, const struct secret *user_key,
		     struct audit_keys *ret) MUST_CHECK;

/*
 * audit_expand, audit_derive: 32 bytes by HKDF-SHA256 (RFC 5869): the second half of it, from a key that is random; all
 * of it, without salt. *ret (may hold an older key) is made here.
 */
CK_RV audit_expand(const struct crypto *c, struct view key, struct view info, struct secret *ret) MUST_CHECK;
CK_RV audit_derive(const struct crypto *c, struct view key, struct view info, struct secret *ret) MUST_CHECK;
/* audit_sign, audit_signed: Ed25519 over a domain word with its zero byte, the serial number, and data. */
CK_RV audit_sign(const struct crypto *c, const struct secret *private, const char *domain, const char *serial,
		 struct view data, uint8_t ret[AUDIT_SIGNATURE_LEN]) MUST_CHECK;
bool audit_signed(const struct crypto *c, const uint8_t public[AUDIT_KEY_LEN], const char *domain, const char *serial,
		  struct view data, struct view signature) MUST_CHECK;
/* audit_seal_to, audit_open_from: a key of 32 bytes for the holder of the X25519 pair; ret: ephemeral, nonce, c, tag.
 */
#define AUDIT_SEALED_LEN (AUDIT_KEY_LEN + 60)
CK_RV audit_seal_to(const struct crypto *c, const uint8_t public[AUDIT_KEY_LEN], struct view aad,
		    const struct secret *key, struct buf *out) MUST_CHECK;
CK_RV audit_open_from(const struct crypto *c, const struct audit_keys *k, struct view aad, struct view sealed,
		      struct secret *ret) MUST_CHECK;

#endif
