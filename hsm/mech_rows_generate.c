/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Generation of secret keys. */
#define GENERATE(type, len)                                                                                            \
	&(const struct generate_arg)                                                                                   \
	{                                                                                                              \
		type, len                                                                                              \
	}

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_none, generate_ops, GENERATE(CKK_AES, 0),   "FIPS 197", NULL),
	ROW(CKM_DES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 8, 8),  0, param_none, generate_ops, GENERATE(CKK_DES, 8),   "FIPS 46-3", NULL),
	ROW(CKM_DES2_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 16, 16), 0, param_none, generate_ops, GENERATE(CKK_DES2, 16), "NIST SP 800-67", NULL),
	ROW(CKM_DES3_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 24, 24), 0, param_none, generate_ops, GENERATE(CKK_DES3, 24), "NIST SP 800-67", NULL),
	ROW(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 8, MAX_GENERIC), 0, param_none, generate_ops,
	    GENERATE(CKK_GENERIC_SECRET, 0), "PKCS #11", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_generate = ROWS(rows);
