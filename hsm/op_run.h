/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OP_RUN_H
#define HSM_OP_RUN_H

#include "mech.h"

/*
 * What the C_ functions do with an active operation; none of them ends it.
 *
 * op_update     one more part of what is digested, signed or verified
 * op_sign       a signature of data in one piece: op->out_len bytes
 * op_crypt      one part of what is encrypted or decrypted: out may be in or overlap it. *len: room before; what was
 *               written, or is needed with CKR_BUFFER_TOO_SMALL, after; untouched by other errors.
 * op_crypt_ask  what a call without output answers: how much op_crypt may write. Both check what the key's role still
 *               allows: CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE.
 * op_verify     data.p NULL: the data came in parts. CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID.
 */
CK_RV op_update(struct op *op, struct view data) MUST_CHECK;
CK_RV op_sign(struct op *op, struct view data, uint8_t *out) MUST_CHECK;
CK_RV op_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, CK_ULONG *len) MUST_CHECK;
CK_RV op_crypt_ask(struct op *op, enum mech_part part, struct view in, CK_ULONG *len) MUST_CHECK;
CK_RV op_verify(struct op *op, struct view data, struct view signature) MUST_CHECK;
/* bytes_overlap: do they share an address? */
bool bytes_overlap(struct view a, struct view b) MUST_CHECK;

#endif
