/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Digests. */
#define DIGEST(md)                                                                                                     \
	&(const struct digest_arg)                                                                                     \
	{                                                                                                              \
		md                                                                                                     \
	}

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_SHA_1,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA1),       "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA224,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA224),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA256,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA256),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA384,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA384),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_224, CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_224), "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_256, CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_256), "FIPS 180-4", "sha.txt"),
};
/* clang-format on */

const struct mech_rows mech_rows_digest = ROWS(rows);
