/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_DSA_SIGN_H
#define HSM_MECH_DSA_SIGN_H

#include "mech.h"

/*
 * Signatures of two numbers by OpenSSL (dsa_sig.h), over a digest made here or a hash that the caller hands in: what
 * DSA (mech_dsa.c) and ECDSA (mech_ecdsa.c) have in common. They differ in dsa_sign_init's arguments; the other five
 * are mech_ops as they stand.
 *
 * struct dsa_sign_form: hash CK_UNAVAILABLE_INFORMATION: the caller hands in the hash, hash_min to hash_max bytes of it
 * (CKR_DATA_LEN_RANGE). half: bytes of each number, at most DSA_HALF_MAX.
 */
#define DSA_HALF_MAX 72
struct dsa_sign_form {
	CK_MECHANISM_TYPE hash;
	size_t half;
	size_t hash_min;
	size_t hash_max;
};
CK_RV dsa_sign_init(struct op *op, struct object *key, const struct dsa_sign_form *form) MUST_CHECK;
void dsa_sign_done(struct op *op);
CK_RV dsa_sign_update(struct op *op, struct view data);
CK_RV dsa_sign_final(struct op *op, uint8_t *out);
CK_RV dsa_sign(struct op *op, struct view data, uint8_t *out);
CK_RV dsa_verify(struct op *op, struct view data, struct view signature);

#endif
