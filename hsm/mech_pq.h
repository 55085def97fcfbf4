/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_PQ_H
#define HSM_MECH_PQ_H

#include "mech_family.h"

/* The families of ML-KEM, ML-DSA and SLH-DSA, for mech_rows_pq.c. */

struct pq_generate_arg {
	CK_KEY_TYPE type;
};

/*
 * struct pq_sign_arg: the message itself is signed (PQ_PURE), its hash that the mechanism makes (PQ_HASHES, with hash a
 * CKM_HASH_*_DSA_<hash> of this row), or one that the caller hands in (PQ_HASHED, which one is in the parameter).
 */
struct pq_sign_arg {
	enum { PQ_PURE, PQ_HASHES, PQ_HASHED } kind;
	const char *md;
};

extern const struct mech_ops pq_generate_ops;
extern const struct mech_ops ml_kem_ops;
extern const struct mech_ops pq_sign_ops;

extern const struct mech_param param_pq_sign;   /* none, or CK_SIGN_ADDITIONAL_CONTEXT */
extern const struct mech_param param_pq_hashed; /* CK_HASH_SIGN_ADDITIONAL_CONTEXT */

#endif
