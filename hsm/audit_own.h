/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_OWN_H
#define HSM_AUDIT_OWN_H

#include "audit_chain.h"
#include "token_own.h"

/* Meta record: the signed head of the trail when a backup was begun (audit_mark). */
#define AUDIT_MARK "backup"

/*
 * audit_end: where the trail ends by its records: segment, next, link; no k. Nothing is proved.
 * audit_position: where the next entry goes, with its k, in a write transaction. A state that lags is brought up to
 *     date, in the file as well, after every record that it had not seen was proved. *ret_fault other than AUDIT_WHOLE:
 *     nothing may be written; *ret_expected: the first record that is not there (AUDIT_STATE_LEADS: the one that the
 *     state would have given next), or that is not what it was.
 */
CK_RV audit_end(const struct crypto *c, struct store_txn *txn, struct audit_state *ret) MUST_CHECK;
CK_RV audit_position(const struct crypto *c, struct store_txn *txn, struct audit_state *ret,
		     enum audit_fault *ret_fault, uint64_t *ret_expected) MUST_CHECK;
/*
 * audit_fit: the state in ret (given) against the trail: goes forward to its end, as far as the records prove to be
 * what they were. *ret_at: the first that does not.
 */
CK_RV audit_fit(const struct crypto *c, struct store_txn *txn, const struct audit_state *end, struct audit_state *s,
		enum audit_fault *ret_fault, uint64_t *ret_at) MUST_CHECK;

/* audit_refuse: CKR_OK for AUDIT_WHOLE, else CKR_DEVICE_ERROR with a note for the log. */
CK_RV audit_refuse(enum audit_fault fault, uint64_t at) MUST_CHECK;
/* audit_ready: an entry could be written in this transaction; CKR_DEVICE_ERROR: not, see audit_position. */
CK_RV audit_ready(const struct crypto *c, struct store_txn *txn) MUST_CHECK;
/* audit_usable: the same outside of a transaction, cheaply, for what is only counted now. */
CK_RV audit_usable(struct token *t) MUST_CHECK;
/*
 * audit_begin: a new segment, whatever is wrong with the one before; its head says so. source: of a copy, the signed
 * head of what it was copied from. keys: with statement_private, the head is signed.
 */
CK_RV audit_begin(const struct crypto *c, struct store_txn *txn, enum audit_reason reason,
		  const struct audit_keys *keys, struct view source) MUST_CHECK;
/*
 * audit_renew: C_InitToken: the token's key pairs go over to the new user key, or are made (old NULL or not theirs),
 * and a segment begins. audit_adopt: a token of schema 1 gets its pairs and its first segment; no more than once.
 */
CK_RV audit_renew(const struct crypto *c, struct store_txn *txn, enum audit_reason reason, const struct secret *old,
		  const struct secret *user_key) MUST_CHECK;
CK_RV audit_adopt(const struct crypto *c, struct store_txn *txn, const struct secret *user_key) MUST_CHECK;
/*
 * audit_mark: in the transaction that notes a backup, after its entry: the copy will carry the signed head of its
 * source with it. audit_copy: the first segment of a copy, which names that head; no more than once.
 */
CK_RV audit_mark(struct token *t, struct store_txn *txn) MUST_CHECK;
CK_RV audit_copy(const struct crypto *c, struct store_txn *txn, const struct secret *user_key) MUST_CHECK;

/*
 * audit_old: was the token made before there were audit keys, and is not migrated yet? Then anybody could have written
 * its trail. CKR_DEVICE_ERROR: it has no audit keys though it must: somebody took them away.
 */
CK_RV audit_old(const struct crypto *c, struct store_txn *txn, bool *ret) MUST_CHECK;
/*
 * audit_keys_of: the token's pairs for who is logged in. CKR_USER_NOT_LOGGED_IN: nobody is, the public halves are in
 * *ret all the same. CKR_KEY_HANDLE_INVALID, CKR_DEVICE_ERROR: audit_keys_get.
 */
CK_RV audit_keys_of(struct token *t, struct store_txn *txn, struct audit_keys *ret) MUST_CHECK;

/* struct audit_fields: what an entry says. */
struct audit_fields {
	uint64_t time; /* ms */
	uint32_t process;
	struct view program;
	uint8_t kind;
	struct view user;
	uint16_t number;
	uint64_t result;
	struct view object;
	struct view label;
	uint64_t count;
};
/* audit_fields_get: of the text of an entry, or (old) of one of schema 1 behind its hash; false: not one. */
bool audit_fields_get(struct view text, bool old, struct audit_fields *ret) MUST_CHECK;

#endif
