/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_POLICY_OWN_H
#define HSM_POLICY_OWN_H

#include "policy.h"
#include "seal.h"

/*
 * USE_ENVELOPE: beside the four CKF_*: has wrapped a fresh key, and the cargo under that one; whoever unwraps the fresh
 * key alone opens the cargo.
 */
#define USE_ENVELOPE CKF_ENCAPSULATE
/*
 * USE_HIDES: has derived a key from a sensitive value; USE_SHOWS: has encrypted or made MACs. What a base derives is
 * made by encryption or MAC, so that whoever may have both made of one value sees what it derives.
 */
#define USE_HIDES CKF_GENERATE
#define USE_SHOWS CKF_DIGEST
/* USE_DERIVES: the first of six bits in a row: the one role of keys that a value derives. In the store, for good. */
#define USE_DERIVES 0x100000UL
#define USE_DERIVES_ALL 0x3f00000UL

/*
 * What keys were used for, by their value, not by object: every object with the same value, and both halves of a pair,
 * share one entry in the token (docs/store.md, Key usages). Inside of policy_*.c.
 *
 * uses_decide  what: one of CKF_WRAP, CKF_DECRYPT, CKF_UNWRAP, CKF_ENCRYPT, CKF_DERIVE (wraps in key blocks),
 *              USE_ENVELOPE, USE_HIDES, USE_SHOWS. CKR_KEY_FUNCTION_NOT_PERMITTED when the
 *              value has been used for against, and relaxed is false. note: durably, before it answers; a value that is
 *              noted already costs one comparison while nobody writes to the token. Nobody logged in: nothing can be
 *              looked up, and CKR_USER_NOT_LOGGED_IN comes for CKF_WRAP and CKF_UNWRAP with a note, and for keys whose
 *              value is not for everybody to read, but for the public half of a pair.
 * uses_decide_value  the same of a secret value that is no object; audited: the key that it comes from
 * uses_same    have two keys one value?
 */
CK_RV uses_decide(struct session *s, struct object *key, CK_FLAGS what, CK_FLAGS against, bool note,
		  bool relaxed) MUST_CHECK;
CK_RV uses_decide_value(struct session *s, struct object *audited, CK_KEY_TYPE type, struct view value, CK_FLAGS what,
			CK_FLAGS against) MUST_CHECK;
/*
 * policy_reprove, uses_reprove: what another living generation than the writing one of the seal proves is proved anew
 * by that one. uses_reprove: at most so many entries; ret_done of them were made, ret_left are to be made. Entries of
 * an earlier life of the token are proved by none and stay as they are. Errors: CKR_DEVICE_ERROR: the policy record is
 * not the token's: the SO sets it anew first.
 */
CK_RV policy_reprove(struct token *t, struct seal *seal, struct store_txn *txn) MUST_CHECK;
CK_RV uses_reprove(struct token *t, struct seal *seal, struct store_txn *txn, size_t most, size_t *ret_done,
		   size_t *ret_left) MUST_CHECK;
CK_RV uses_same(struct session *s, struct object *a, struct object *b, bool *ret) MUST_CHECK;

/* uses_prove: an entry of the store by its name, as far as somebody is logged in. CKR_DEVICE_ERROR: not what was
 * written. */
CK_RV uses_prove(struct token *t, struct store_txn *txn, const char *name) MUST_CHECK;

#endif
