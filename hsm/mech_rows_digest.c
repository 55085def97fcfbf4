/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Digests. The first one is what pkcs11-tool takes for its default. */
#define DIGEST(md)                                                                                                     \
	&(const struct digest_arg)                                                                                     \
	{                                                                                                              \
		md                                                                                                     \
	}

#define NOTE_T "every t from 1 to 511 but 384; bits behind t are zero"
#define NOTE_MD5 "MD5 is broken: to verify what is old, nothing else"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_SHA_1,       CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA1),       "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA224,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA224),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA256,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA256),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA384,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA384),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_224,  CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_224), "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_256,  CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_256), "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_T,    CKF_DIGEST, K_NONE, 0, param_sha512t, sha512t_ops, NULL, "FIPS 180-4", "sha512t.txt", .note = NOTE_T),
	ROW(CKM_SHA3_224,    CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA3_224),   "FIPS 202", "sha3.txt"),
	ROW(CKM_SHA3_256,    CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA3_256),   "FIPS 202", "sha3.txt"),
	ROW(CKM_SHA3_384,    CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA3_384),   "FIPS 202", "sha3.txt"),
	ROW(CKM_SHA3_512,    CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA3_512),   "FIPS 202", "sha3.txt"),
	ROW(CKM_MD5,         CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_MD5),        "RFC 1321", "md5.txt", .needs = "digest:MD5", .note = NOTE_MD5),
	ROW(CKM_SR_SM3,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SM3),        "GB/T 32905", "sm3.txt", .needs = "digest:SM3"),
};
/* clang-format on */

const struct mech_rows mech_rows_digest = ROWS(rows);
