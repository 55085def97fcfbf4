/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_RSA_H
#define HSM_MECH_RSA_H

#include "mech.h"
#include "rsa.h"

/* What the RSA families share (mech_rsa*.c). */

/* rsa_mgf_hash: the hash of a CKG_MGF1_*; CK_UNAVAILABLE_INFORMATION: no such function. */
CK_MECHANISM_TYPE rsa_mgf_hash(CK_RSA_PKCS_MGF_TYPE mgf);
/* rsa_oaep_check: the rule of CK_RSA_PKCS_OAEP_PARAMS; rsa_oaep_of: the same as OpenSSL wants it, label by reference.
 */
CK_RV rsa_oaep_check(const CK_RSA_PKCS_OAEP_PARAMS *p) MUST_CHECK;
struct rsa_oaep rsa_oaep_of(const CK_RSA_PKCS_OAEP_PARAMS *p);

/* Signatures, for rows that do more than sign: op->use is a signing one. */
CK_RV rsa_sign_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key) MUST_CHECK;
void rsa_sign_done(struct op *op);
CK_RV rsa_sign_single(struct op *op, struct view data, uint8_t *out) MUST_CHECK;
CK_RV rsa_sign_verify(struct op *op, struct view data, struct view signature) MUST_CHECK;
CK_RV rsa_sign_recover(struct op *op, struct view signature, uint8_t *out, size_t room, size_t *ret_len) MUST_CHECK;

/* Wrapping under any of the paddings. */
CK_RV rsa_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
	       struct object *key, uint8_t *out, CK_ULONG *len) MUST_CHECK;
CK_RV rsa_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		 struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret) MUST_CHECK;

#endif
