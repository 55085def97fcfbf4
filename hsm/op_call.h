/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OP_CALL_H
#define HSM_OP_CALL_H

#include "bytes.h"
#include "mech.h"
#include "session.h"

/*
 * What the C_ functions with an operation begin and end with: the active operation of a session, and the length rule.
 *
 * The length rule (PKCS#11 2.40, 5.2): a NULL output asks for the length (CKR_OK), a short one answers it
 * (CKR_BUFFER_TOO_SMALL); both keep the operation. Everything else ends it.
 */

/* length_go: may a call with this output go on, when need bytes come out? False: *len = need, *ret is its answer. */
bool length_go(const void *out, CK_ULONG *len, size_t need, CK_RV *ret) MUST_CHECK;
/*
 * op_current: the active operation of a kind, for this part. CKR_OPERATION_NOT_INITIALIZED, also for an update of a
 * mechanism that works in a single part only; CKR_USER_NOT_LOGGED_IN: its key asks for a login of its own
 * (CKA_ALWAYS_AUTHENTICATE); CKR_OPERATION_ACTIVE when single-part and multi-part calls are mixed,
 * either way; what the policy answers when the key's value was used meanwhile for something that excludes
 * this (policy_watches of policy.h). The caller ends the operation with op_end on these, too.
 * op_use: the CKF_* of a kind of operation.
 */
CK_FLAGS op_use(enum op_kind kind);
CK_RV op_current(struct session *s, enum op_kind kind, enum mech_part part, struct op **ret) MUST_CHECK;
/* op_end: frees the operation unless rv is CKR_BUFFER_TOO_SMALL, or CKR_OK with keep. Answers rv. */
CK_RV op_end(struct session *s, enum op_kind kind, bool keep, CK_RV rv);
/*
 * The calls that are alike for several kinds, from op_current to op_end.
 * op_input   one more part, nothing comes out: C_SignUpdate, C_VerifyUpdate, C_VerifySignatureUpdate, C_DigestUpdate
 * op_output  op->out_len bytes come out, by the length rule: C_Sign, C_SignRecover, C_Digest; with MECH_FINAL, and no
 *            data, C_SignFinal, C_DigestFinal
 */
CK_RV op_input(struct session *s, enum op_kind kind, struct view data) MUST_CHECK;
CK_RV op_output(struct session *s, enum op_kind kind, enum mech_part part, struct view data, uint8_t *out,
		CK_ULONG *len) MUST_CHECK;
/* op_start: C_*Init: a NULL mechanism cancels (3.0); CKR_OPERATION_ACTIVE. key 0 with OP_DIGEST. */
CK_RV op_start(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key) MUST_CHECK;

/* bytes_ok: pointer and length of an input agree, and nothing in memory is longer than PTRDIFF_MAX. */
static inline bool bytes_ok(const void *p, CK_ULONG n)
{
	return n <= PTRDIFF_MAX && (p != NULL || n == 0);
}

#endif
