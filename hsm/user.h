/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_USER_H
#define HSM_USER_H

#include "token_own.h"

/*
 * Users of a token: records (docs/store.md), PIN checks, retry counters. A PIN opens one thing, the user's wrapped copy
 * of the user key (token_key.h), through scrypt; no PIN and no hash of one is stored. In a token that is bound to a
 * host the wrapped copy stands under the host's seal, too, so that without it there is nothing to try a PIN on.
 */
enum { USER_MUST_CHANGE = 1u << 0 }; /* flags of a record */

#define USER_WRAPPED_LEN (SEAL_KEY_LEN + SEAL_OVERHEAD)
#define USER_WRAPPED_MAX (USER_WRAPPED_LEN + HOST_OVERHEAD)

/* Costs of scrypt: N = 2^log2_n. */
#define LOG2_N_MIN 16
#define LOG2_N_MAX 22
#define SCRYPT_R 8
#define SCRYPT_P 1

struct user_record {
	struct token_user user; /* kind, id, name, must_change (from flags) */
	uint8_t salt[16];
	uint8_t log2_n;
	uint32_t flags;
	uint8_t retries_max;
	uint8_t retries_left;              /* not under the seal */
	uint8_t wrapped[USER_WRAPPED_MAX]; /* as stored */
	size_t wrapped_len;
};

/* user_name_ok: [a-z][a-z0-9_-]{0,31}. */
bool user_name_ok(struct view name) MUST_CHECK;
/* user_split: a PIN `name:pin` at its first colon; false: no colon, or what stands before it is not a name. */
bool user_split(struct view pin, struct view *ret_name, struct view *ret_pin) MUST_CHECK;

/* user_find: the record of this kind and name ("" but for custodians); CKR_USER_PIN_NOT_INITIALIZED when there is none.
 */
CK_RV user_find(const struct crypto *c, struct store_txn *txn, enum user_kind kind, const char *name,
		struct user_record *ret) MUST_CHECK;
CK_RV user_exists(const struct crypto *c, struct store_txn *txn, enum user_kind kind, const char *name,
		  bool *ret) MUST_CHECK;
/* user_any: is there anybody who logs in with CKU_USER? */
CK_RV user_any(const struct crypto *c, struct store_txn *txn, bool *ret) MUST_CHECK;
/* user_each: all users, in no order; stops at the first answer that is not CKR_OK. CKR_DEVICE_ERROR: a spoilt record.
 */
CK_RV user_each(const struct crypto *c, struct store_txn *txn, CK_RV (*each)(void *ctx, const struct user_record *r),
		void *ctx) MUST_CHECK;
/* user_verify: tells of every record whether it is what was written, as far as that shows without a PIN. */
CK_RV user_verify(const struct crypto *c, struct store_txn *txn,
		  void (*each)(void *ctx, const uint8_t id[STORE_ID_LEN], bool whole), void *ctx) MUST_CHECK;
CK_RV user_store(const struct crypto *c, struct store_txn *txn, const struct user_record *r) MUST_CHECK;

/* user_covered: what the seal of the wrapped key covers; false: no memory. */
bool user_covered(const struct token_place *place, const struct user_record *r, struct buf *out) MUST_CHECK;

/*
 * user_make_at: a new record that wraps the user key under the PIN; takes at least 100 ms, so never inside a
 * transaction. id NULL: a new internal id. place: of the token that it will belong to.
 * user_make: for the token as it is; bound ones need their host secret. CKR_DEVICE_REMOVED: it is another token by now.
 */
CK_RV user_make_at(const struct token_place *place, enum user_kind kind, struct view name, const uint8_t *id,
		   struct view pin, const struct secret *user_key, uint32_t flags, struct user_record *ret) MUST_CHECK;
CK_RV user_make(struct token *t, enum user_kind kind, struct view name, const uint8_t *id, struct view pin,
		const struct secret *user_key, uint32_t flags, struct user_record *ret) MUST_CHECK;

/*
 * user_check: the PIN of a user. Takes a retry and commits that before it derives, gives it back after success.
 * An unknown custodian costs one derivation and answers like a wrong PIN. A bound token without its host secret is
 * found out first, and costs no retry. A token of schema 1 is migrated when the PIN is right (token_migrate.h).
 *
 * on_success  called in the transaction that gives the retries back (may be NULL): the record may be replaced in it
 * Errors:     CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED (default user), store errors.
 */
struct user_check {
	enum user_kind kind;
	struct view name;
	struct view pin;
	enum audit_number event; /* on success */
	bool anew;               /* on_success begins an audit segment: the one before may be broken */
	CK_RV (*on_success)(void *ctx, struct store_txn *txn, struct user_record *r, const struct secret *user_key);
	CK_RV(*before_success)
	(void *ctx, const struct user_record *r, const struct secret *user_key); /* no txn held */
	void *ctx;
};
/*
 * user_refused: a try that was refused before any PIN was looked at (too long, of another user): it goes into the trail
 * like the others. Answers result, or why it could not be written.
 */
CK_RV user_refused(struct token *t, enum user_kind kind, CK_RV result) MUST_CHECK;
CK_RV user_check(struct token *t, const struct user_check *check, struct user_record *ret_user,
		 struct secret *ret_user_key) MUST_CHECK;

#endif
