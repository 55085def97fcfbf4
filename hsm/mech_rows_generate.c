/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Generation of secret keys. */
#define GENERATE(type, len)                                                                                            \
	&(const struct generate_arg)                                                                                   \
	{                                                                                                              \
		type, len                                                                                              \
	}
#define HMAC_KEY(m, type, ...)                                                                                         \
	ROW(m, CKF_GENERATE, K(NO_KEYS, 14, MAX_GENERIC), 0, param_none, generate_ops, GENERATE(type, 0), "PKCS #11",  \
	    NULL, .note = NOTE_HMAC, ##__VA_ARGS__)
#define NOTE_DES "odd parity, no weak or semi-weak half"
#define NOTE_HMAC "112 bits at least (NIST SP 800-107)"
#define NOTE_XTS "halves that differ"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_none, generate_ops, GENERATE(CKK_AES, 0),   "FIPS 197", NULL),
	ROW(CKM_AES_XTS_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 32, 64), 0, param_none, generate_ops, GENERATE(CKK_AES_XTS, 0), "IEEE 1619", NULL, .note = NOTE_XTS),
	ROW(CKM_DES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 8, 8),  0, param_none, generate_ops, GENERATE(CKK_DES, 8),   "FIPS 46-3", NULL, .note = NOTE_DES),
	ROW(CKM_DES2_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 16, 16), 0, param_none, generate_ops, GENERATE(CKK_DES2, 16), "NIST SP 800-67", NULL, .note = NOTE_DES),
	ROW(CKM_DES3_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 24, 24), 0, param_none, generate_ops, GENERATE(CKK_DES3, 24), "NIST SP 800-67", NULL, .note = NOTE_DES),
	ROW(CKM_CHACHA20_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 32, 32), 0, param_none, generate_ops, GENERATE(CKK_CHACHA20, 32), "RFC 8439", NULL),
	ROW(CKM_POLY1305_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 32, 32), 0, param_none, generate_ops, GENERATE(CKK_POLY1305, 32), "RFC 8439", NULL),
	ROW(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 8, MAX_GENERIC), 0, param_none, generate_ops,
	    GENERATE(CKK_GENERIC_SECRET, 0), "PKCS #11", NULL),
	HMAC_KEY(CKM_SHA_1_KEY_GEN,       CKK_SHA_1_HMAC),
	HMAC_KEY(CKM_SHA224_KEY_GEN,      CKK_SHA224_HMAC),
	HMAC_KEY(CKM_SHA256_KEY_GEN,      CKK_SHA256_HMAC),
	HMAC_KEY(CKM_SHA384_KEY_GEN,      CKK_SHA384_HMAC),
	HMAC_KEY(CKM_SHA512_KEY_GEN,      CKK_SHA512_HMAC),
	HMAC_KEY(CKM_SHA512_224_KEY_GEN,  CKK_SHA512_224_HMAC),
	HMAC_KEY(CKM_SHA512_256_KEY_GEN,  CKK_SHA512_256_HMAC),
	HMAC_KEY(CKM_SHA512_T_KEY_GEN,   CKK_SHA512_T_HMAC),
	HMAC_KEY(CKM_SHA3_224_KEY_GEN,    CKK_SHA3_224_HMAC),
	HMAC_KEY(CKM_SHA3_256_KEY_GEN,    CKK_SHA3_256_HMAC),
	HMAC_KEY(CKM_SHA3_384_KEY_GEN,    CKK_SHA3_384_HMAC),
	HMAC_KEY(CKM_SHA3_512_KEY_GEN,    CKK_SHA3_512_HMAC),
	HMAC_KEY(CKM_SR_SM3_KEY_GEN,      CKK_SR_SM3_HMAC, .needs = "digest:SM3"),
	ROW(CKM_SR_SM4_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 16, 16), 0, param_none, generate_ops, GENERATE(CKK_SR_SM4, 16), "GB/T 32907", NULL, .needs = "cipher:SM4-ECB"),
};
/* clang-format on */

const struct mech_rows mech_rows_generate = ROWS(rows);
