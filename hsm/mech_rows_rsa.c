/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* RSA. */
#define RSA(hash, pss)                                                                                                 \
	&(const struct rsa_arg)                                                                                        \
	{                                                                                                              \
		hash, pss                                                                                              \
	}
#define NO_HASH CK_UNAVAILABLE_INFORMATION

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 2048, 4096), 0, param_none, rsa_generate_ops, NULL, "RFC 8017", NULL),
	ROW(CKM_RSA_PKCS,              SIGN | RECOVER, K_RSA, MECH_NO_UPDATE, param_none, rsa_sign_ops, RSA(NO_HASH, false),    "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA1_RSA_PKCS,         SIGN, K_RSA, 0,              param_none, rsa_sign_ops, RSA(CKM_SHA_1, false),  "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA224_RSA_PKCS,       SIGN, K_RSA, 0,              param_none, rsa_sign_ops, RSA(CKM_SHA224, false), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA256_RSA_PKCS,       SIGN, K_RSA, 0,              param_none, rsa_sign_ops, RSA(CKM_SHA256, false), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA384_RSA_PKCS,       SIGN, K_RSA, 0,              param_none, rsa_sign_ops, RSA(CKM_SHA384, false), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA512_RSA_PKCS,       SIGN, K_RSA, 0,              param_none, rsa_sign_ops, RSA(CKM_SHA512, false), "RFC 8017, 8.2", NULL),
	ROW(CKM_RSA_PKCS_PSS,          SIGN, K_RSA, MECH_NO_UPDATE, param_pss,  rsa_sign_ops, RSA(NO_HASH, true),     "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA1_RSA_PKCS_PSS,     SIGN, K_RSA, 0,              param_pss,  rsa_sign_ops, RSA(CKM_SHA_1, true),   "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA224_RSA_PKCS_PSS,   SIGN, K_RSA, 0,              param_pss,  rsa_sign_ops, RSA(CKM_SHA224, true),  "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA256_RSA_PKCS_PSS,   SIGN, K_RSA, 0,              param_pss,  rsa_sign_ops, RSA(CKM_SHA256, true),  "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA384_RSA_PKCS_PSS,   SIGN, K_RSA, 0,              param_pss,  rsa_sign_ops, RSA(CKM_SHA384, true),  "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA512_RSA_PKCS_PSS,   SIGN, K_RSA, 0,              param_pss,  rsa_sign_ops, RSA(CKM_SHA512, true),  "RFC 8017, 8.1", NULL),
	ROW(CKM_RSA_PKCS_OAEP, CRYPT | CARRY, K_RSA, MECH_NO_UPDATE, param_oaep, rsa_oaep_ops, NULL, "RFC 8017, 7.1", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_rsa = ROWS(rows);
