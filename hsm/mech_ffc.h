/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_FFC_H
#define HSM_MECH_FFC_H

#include "mech.h"

/* What the rows over prime fields and their families tell each other (mech_dh.c, mech_dsa.c, mech_ffc_generate.c). */

/* struct ffc_arg: hash CK_UNAVAILABLE_INFORMATION: the caller hands in the hash. */
struct ffc_arg {
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE hash;
};

extern const struct mech_ops ffc_domain_ops; /* C_GenerateKey: domain parameters */
extern const struct mech_ops ffc_pair_ops;
extern const struct mech_ops dh_ops;
extern const struct mech_ops dsa_ops;
extern const struct mech_param param_dh_public; /* the other side's public value */
extern const struct mech_param param_x9_42;     /* CK_X9_42_DH1_DERIVE_PARAMS */
extern const struct mech_param param_dsa_seed;  /* CK_DSA_PARAMETER_GEN_PARAM */

#endif
