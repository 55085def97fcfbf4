/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OP_STATE_H
#define HSM_OP_STATE_H

#include "mech.h"
#include "session.h"

/*
 * Saved operations (C_GetOperationState). OpenSSL gives no state out, so an operation that can be saved keeps what it
 * was told: mechanism, parameter, name of the key and up to OP_RECORD_MAX bytes of input, in memory for secrets. To
 * restore it is to begin it again, through the gate, and to give it the same input.
 *
 * Can be saved: digest, sign, verify (either way), encrypt and decrypt, as long as the parameter holds no pointers
 * (struct mech_param.flat: so no AEAD, whose nonces must not be used twice), the input is not longer than that, no key
 * was digested, and the key neither wants its user to authenticate for each use nor limits the data.
 */
#define OP_RECORD_MAX ((size_t)64 << 10)

/* op_record_new: op->record of a new operation; stays NULL when it cannot be saved. op_record_free takes NULL. */
void op_record_new(struct op *op, const CK_MECHANISM *m, const struct object *key);
void op_record_free(struct op_record *r);
/* op_record_input: one more part was taken in. op_record_drop: the operation cannot be saved from now on. */
void op_record_input(struct op *op, struct view data);
void op_record_drop(struct op *op);

/*
 * op_state_save: C_GetOperationState, by the length rule. The state is sealed under a key of the token
 * (docs/store.md) and bound to token, session state and user. CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE.
 * op_state_restore: C_SetOperationState: ends what is active and puts the saved operations in its place, or changes
 * nothing. CKR_SAVED_STATE_INVALID, CKR_KEY_NEEDED, CKR_KEY_NOT_NEEDED, CKR_KEY_CHANGED, CKR_KEY_HANDLE_INVALID, what
 * the gate answers.
 */
CK_RV op_state_save(struct session *s, uint8_t *out, CK_ULONG *len) MUST_CHECK;
CK_RV op_state_restore(struct session *s, struct view state, CK_OBJECT_HANDLE crypt_key,
		       CK_OBJECT_HANDLE sign_key) MUST_CHECK;

#endif
