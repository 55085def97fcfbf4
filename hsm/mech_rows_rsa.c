/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* RSA. */
#define RSA(hash, scheme)                                                                                              \
	&(const struct rsa_arg)                                                                                        \
	{                                                                                                              \
		hash, RSA_SCHEME_##scheme                                                                              \
	}
#define NO_HASH CK_UNAVAILABLE_INFORMATION

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 1024, 8192), MECH_RSA_PAIR, param_none, rsa_generate_ops, NULL, "RFC 8017", NULL),
	ROW(CKM_RSA_X9_31_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 2048, 8192), MECH_RSA_PAIR, param_none, rsa_generate_ops, NULL, "ANSI X9.31; FIPS 186-4, B.3.6", NULL, .note = "The primes are those of FIPS 186-4, B.3.6, which meet ANSI X9.31"),
	ROW(CKM_RSA_PKCS, SIGN | RECOVER | CRYPT | CARRY, K_RSA, MECH_NO_UPDATE | MECH_V15, param_none, rsa_all_ops, RSA(NO_HASH, PKCS1), "RFC 8017, 7.2, 8.2", NULL, .note = "Any ciphertext below the modulus decrypts: a wrong padding gives pseudorandom bytes that depend on key and ciphertext (implicit rejection), and a pseudorandom key on unwrapping"),
	ROW(CKM_RSA_X_509, SIGN | RECOVER | CRYPT | CARRY, K_RSA, MECH_NO_UPDATE | MECH_TEXTBOOK, param_none, rsa_all_ops, RSA(NO_HASH, BARE), "RFC 8017, 5", NULL),
	ROW(CKM_RSA_X9_31, SIGN, K_RSA, MECH_NO_UPDATE, param_none, rsa_sign_ops, RSA(NO_HASH, X9_31), "ANSI X9.31", NULL),
	ROW(CKM_SHA1_RSA_X9_31, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA_1, X9_31), "ANSI X9.31", NULL),
	ROW(CKM_MD5_RSA_PKCS, CKF_VERIFY, K_RSA, MECH_WEAK_SIGN, param_none, rsa_sign_ops, RSA(CKM_MD5, PKCS1), "RFC 8017, 8.2", NULL, .needs = "digest:MD5"),
	ROW(CKM_SHA1_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA_1, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA224_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA224, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA256_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA256, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA384_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA384, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA512_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA512, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA3_224_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA3_224, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA3_256_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA3_256, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA3_384_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA3_384, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_SHA3_512_RSA_PKCS, SIGN, K_RSA, 0, param_none, rsa_sign_ops, RSA(CKM_SHA3_512, PKCS1), "RFC 8017, 8.2", NULL),
	ROW(CKM_RSA_PKCS_PSS, SIGN, K_RSA, MECH_NO_UPDATE, param_pss, rsa_sign_ops, RSA(NO_HASH, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA1_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA_1, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA224_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA224, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA256_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA256, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA384_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA384, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA512_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA512, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA3_224_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA3_224, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA3_256_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA3_256, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA3_384_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA3_384, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_SHA3_512_RSA_PKCS_PSS, SIGN, K_RSA, 0, param_pss, rsa_sign_ops, RSA(CKM_SHA3_512, PSS), "RFC 8017, 8.1", NULL),
	ROW(CKM_RSA_PKCS_OAEP, CRYPT | CARRY, K_RSA, MECH_NO_UPDATE | MECH_SEALED, param_oaep, rsa_oaep_ops, RSA(NO_HASH, OAEP), "RFC 8017, 7.1", NULL),
	ROW(CKM_RSA_AES_KEY_WRAP, CARRY, K_RSA, MECH_SEALED | MECH_ENVELOPE, param_rsa_aes_wrap, rsa_aes_wrap_ops, NULL, "PKCS#11 3.1, 6.1.22; RFC 5649", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_rsa = ROWS(rows);
