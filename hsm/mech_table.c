/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "mech_vendor.h"

/*
 * Every mechanism, one row each: the only place where facts about a mechanism stand. docs/mechanisms.md,
 * C_GetMechanismList and C_GetMechanismInfo come from here, in this order.
 *
 * ROW: type, flags, keys (types, smallest and largest in bytes; RSA: bits), traits, parameter rule, operations,
 * argument of the family, source, vector file in tests/vectors (NULL: a test of its own).
 */
#define ROW(m, f, k, tr, pa, op, ar, src, vec)                                                                         \
	{                                                                                                              \
		.type = m, .name = #m, .flags = f, k, .traits = tr, .param = &pa, .ops = &op, .arg = ar,               \
		.source = src, .vectors = vec                                                                          \
	}
#define K(types, min, max) .keys = types, .key_min = min, .key_max = max
#define NO_KEYS                                                                                                        \
	{                                                                                                              \
		NULL, 0                                                                                                \
	}
#define MAX_GENERIC 512

#define DIGEST(md)                                                                                                     \
	&(const struct digest_arg)                                                                                     \
	{                                                                                                              \
		md                                                                                                     \
	}
#define HMAC(md, len)                                                                                                  \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		MAC_HMAC, md, len, len, len, false                                                                     \
	}
#define HMAC_GENERAL(md, len)                                                                                          \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		MAC_HMAC, md, 0, 1, len, true                                                                          \
	}
#define CMAC(len)                                                                                                      \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		MAC_CMAC, 0, len, len, len, false                                                                      \
	}
#define CMAC_GENERAL(len)                                                                                              \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		MAC_CMAC, 0, 0, 1, len, true                                                                           \
	}
#define CBC_MAC(kind)                                                                                                  \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		kind, 0, 4, 4, 4, false                                                                                \
	}
#define CBC_MAC_GENERAL(kind, min)                                                                                     \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		kind, 0, 0, min, 8, true                                                                               \
	}
#define AES(mode, cipher)                                                                                              \
	&(const struct cipher_arg)                                                                                     \
	{                                                                                                              \
		mode, true, cipher, 16                                                                                 \
	}
#define DES(mode, cipher)                                                                                              \
	&(const struct cipher_arg)                                                                                     \
	{                                                                                                              \
		mode, false, cipher, 8                                                                                 \
	}
#define WRAP(pad)                                                                                                      \
	&(const struct key_wrap_arg)                                                                                   \
	{                                                                                                              \
		pad                                                                                                    \
	}
#define RSA(hash, pss)                                                                                                 \
	&(const struct rsa_arg)                                                                                        \
	{                                                                                                              \
		hash, pss                                                                                              \
	}
#define GENERATE(type, len)                                                                                            \
	&(const struct generate_arg)                                                                                   \
	{                                                                                                              \
		type, len                                                                                              \
	}
#define NO_HASH CK_UNAVAILABLE_INFORMATION

#define SIGN (CKF_SIGN | CKF_VERIFY)
#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define CARRY (CKF_WRAP | CKF_UNWRAP)

#define K_AES K(KEYS(CKK_AES), 16, 32)
#define K_DES K(KEYS(CKK_DES), 8, 8)
#define K_DES3 K(KEYS(CKK_DES2, CKK_DES3), 16, 24)
#define K_HMAC K(KEYS(CKK_GENERIC_SECRET), 1, MAX_GENERIC)
#define K_RSA K(KEYS(CKK_RSA), 2048, 4096)
#define K_TK K(KEYS(CKK_DES2, CKK_DES3, CKK_AES), 16, 32)
#define K_PAY K(KEYS(CKK_DES2, CKK_DES3, CKK_AES), 16, 32)
#define K_NONE K(NO_KEYS, 0, 0)

/* clang-format off */
static const struct mech_row rows[] = {
	/* Digests */
	ROW(CKM_SHA_1,      CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA1),       "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA224,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA224),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA256,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA256),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA384,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA384),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512,     CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512),     "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_224, CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_224), "FIPS 180-4", "sha.txt"),
	ROW(CKM_SHA512_256, CKF_DIGEST, K_NONE, 0, param_none, digest_ops, DIGEST(CRYPTO_SHA512_256), "FIPS 180-4", "sha.txt"),

	/* HMAC */
	ROW(CKM_SHA_1_HMAC,          SIGN, K_HMAC, 0, param_none,        mac_ops, HMAC(CRYPTO_SHA1, 20),           "RFC 2104", "hmac.txt"),
	ROW(CKM_SHA_1_HMAC_GENERAL,  SIGN, K_HMAC, 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA1, 20),   "RFC 2104", "hmac.txt"),
	ROW(CKM_SHA224_HMAC,         SIGN, K_HMAC, 0, param_none,        mac_ops, HMAC(CRYPTO_SHA224, 28),         "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA224_HMAC_GENERAL, SIGN, K_HMAC, 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA224, 28), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA256_HMAC,         SIGN, K_HMAC, 0, param_none,        mac_ops, HMAC(CRYPTO_SHA256, 32),         "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA256_HMAC_GENERAL, SIGN, K_HMAC, 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA256, 32), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA384_HMAC,         SIGN, K_HMAC, 0, param_none,        mac_ops, HMAC(CRYPTO_SHA384, 48),         "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA384_HMAC_GENERAL, SIGN, K_HMAC, 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA384, 48), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA512_HMAC,         SIGN, K_HMAC, 0, param_none,        mac_ops, HMAC(CRYPTO_SHA512, 64),         "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA512_HMAC_GENERAL, SIGN, K_HMAC, 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA512, 64), "RFC 4231", "hmac.txt"),

	/* CMAC and DES CBC-MAC */
	ROW(CKM_AES_CMAC,          SIGN, K_AES,  0, param_none,        mac_ops,     CMAC(16),                      "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_AES_CMAC_GENERAL,  SIGN, K_AES,  0, param_mac_general, mac_ops,     CMAC_GENERAL(16),              "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_DES3_CMAC,         SIGN, K_DES3, 0, param_none,        mac_ops,     CMAC(8),                       "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_DES3_CMAC_GENERAL, SIGN, K_DES3, 0, param_mac_general, mac_ops,     CMAC_GENERAL(8),               "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_DES3_MAC,          SIGN, K_DES3, 0, param_none,        cbc_mac_ops, CBC_MAC(MAC_CBC),              "ISO/IEC 9797-1 algorithm 1, padding 1", "cbc_mac.txt"),
	ROW(CKM_DES3_MAC_GENERAL,  SIGN, K_DES3, 0, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_CBC, 1),   "ISO/IEC 9797-1 algorithm 1, padding 1", "cbc_mac.txt"),

	/* Block ciphers */
	ROW(CKM_AES_ECB,      CRYPT | CARRY, K_AES,  0, param_none,    cipher_ops, AES(CIPHER_ECB, CRYPTO_AES_128_ECB),     "NIST SP 800-38A", "cipher.txt"),
	ROW(CKM_AES_CBC,      CRYPT | CARRY, K_AES,  0, param_iv16,    cipher_ops, AES(CIPHER_CBC, CRYPTO_AES_128_CBC),     "NIST SP 800-38A", "cipher.txt"),
	ROW(CKM_AES_CBC_PAD,  CRYPT | CARRY, K_AES,  0, param_iv16,    cipher_ops, AES(CIPHER_CBC_PAD, CRYPTO_AES_128_CBC), "NIST SP 800-38A, PKCS #7 padding", "cipher.txt"),
	ROW(CKM_AES_CTR,      CRYPT,         K_AES,  0, param_aes_ctr, cipher_ops, AES(CIPHER_CTR, CRYPTO_AES_128_CTR),     "NIST SP 800-38A", "cipher.txt"),
	ROW(CKM_AES_GCM,      CRYPT,         K_AES,  0, param_gcm,     gcm_ops,    NULL,                                    "NIST SP 800-38D", "gcm.txt"),
	ROW(CKM_DES_ECB,      CRYPT,         K_DES,  0, param_none,    cipher_ops, DES(CIPHER_ECB, CRYPTO_DES3_ECB),        "FIPS 81", "cipher.txt"),
	ROW(CKM_DES_CBC,      CRYPT,         K_DES,  0, param_iv8,     cipher_ops, DES(CIPHER_CBC, CRYPTO_DES3_CBC),        "FIPS 81", "cipher.txt"),
	ROW(CKM_DES_CBC_PAD,  CRYPT,         K_DES,  0, param_iv8,     cipher_ops, DES(CIPHER_CBC_PAD, CRYPTO_DES3_CBC),    "FIPS 81, PKCS #7 padding", "cipher.txt"),
	ROW(CKM_DES3_ECB,     CRYPT | CARRY, K_DES3, 0, param_none,    cipher_ops, DES(CIPHER_ECB, CRYPTO_DES3_ECB),        "NIST SP 800-67", "cipher.txt"),
	ROW(CKM_DES3_CBC,     CRYPT | CARRY, K_DES3, 0, param_iv8,     cipher_ops, DES(CIPHER_CBC, CRYPTO_DES3_CBC),        "NIST SP 800-67", "cipher.txt"),
	ROW(CKM_DES3_CBC_PAD, CRYPT | CARRY, K_DES3, 0, param_iv8,     cipher_ops, DES(CIPHER_CBC_PAD, CRYPTO_DES3_CBC),    "NIST SP 800-67, PKCS #7 padding", "cipher.txt"),

	/* Key wrapping */
	ROW(CKM_AES_KEY_WRAP,     CARRY, K_AES, 0, param_key_wrap_iv, key_wrap_ops, WRAP(false), "RFC 3394", "key_wrap.txt"),
	ROW(CKM_AES_KEY_WRAP_PAD, CARRY, K_AES, 0, param_none,        key_wrap_ops, WRAP(true),  "RFC 5649", "key_wrap.txt"),
	ROW(CKM_AES_KEY_WRAP_KWP, CARRY, K_AES, 0, param_none,        key_wrap_ops, WRAP(true),  "RFC 5649", "key_wrap.txt"),

	/* RSA */
	ROW(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 2048, 4096), 0, param_none, rsa_generate_ops, NULL, "RFC 8017", NULL),
	ROW(CKM_RSA_PKCS,              SIGN, K_RSA, MECH_NO_UPDATE, param_none, rsa_sign_ops, RSA(NO_HASH, false),    "RFC 8017, 8.2", NULL),
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

	/* Key generation */
	ROW(CKM_AES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_none, generate_ops, GENERATE(CKK_AES, 0),   "FIPS 197", NULL),
	ROW(CKM_DES_KEY_GEN,  CKF_GENERATE, K(NO_KEYS, 8, 8),  0, param_none, generate_ops, GENERATE(CKK_DES, 8),   "FIPS 46-3", NULL),
	ROW(CKM_DES2_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 16, 16), 0, param_none, generate_ops, GENERATE(CKK_DES2, 16), "NIST SP 800-67", NULL),
	ROW(CKM_DES3_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 24, 24), 0, param_none, generate_ops, GENERATE(CKK_DES3, 24), "NIST SP 800-67", NULL),
	ROW(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 8, MAX_GENERIC), 0, param_none, generate_ops,
	    GENERATE(CKK_GENERIC_SECRET, 0), "PKCS #11", NULL),

	/* Terminal MACs (R5.4) */
	ROW(CKM_SR_X9_9_MAC,          SIGN, K_DES, 0, param_none,        cbc_mac_ops, CBC_MAC(MAC_CBC),            "ANSI X9.9", "x9_mac.txt"),
	ROW(CKM_SR_X9_9_MAC_GENERAL,  SIGN, K_DES, 0, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_CBC, 4), "ANSI X9.9", "x9_mac.txt"),
	ROW(CKM_SR_X9_19_MAC,         SIGN, K(KEYS(CKK_DES2), 16, 16), 0, param_none,        cbc_mac_ops, CBC_MAC(MAC_RETAIL),            "ANSI X9.19", "x9_mac.txt"),
	ROW(CKM_SR_X9_19_MAC_GENERAL, SIGN, K(KEYS(CKK_DES2), 16, 16), 0, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_RETAIL, 4), "ANSI X9.19", "x9_mac.txt"),

	/* Key components, TK, TMK (vendor.h). The check value stands last: pkcs11-tool takes the first digest for its default. */
	ROW(CKM_SR_COMPONENT_COMBINE, CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_none,  mech_component_ops,   NULL, "R1.3", NULL),
	ROW(CKM_SR_TK_GENERATE,  CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_tk_generate, mech_tk_generate_ops, NULL, "R1.4", NULL),
	ROW(CKM_SR_TK_REWRAP,    CKF_WRAP,   K_PAY, MECH_OWN_CARGO, param_tk_rewrap, mech_tk_rewrap_ops,  NULL, "R1.7", NULL),
	ROW(CKM_SR_TK_OPEN,      CKF_UNWRAP, K_PAY, 0,              param_tk_open,   mech_tk_open_ops,    NULL, "R1.9", NULL),
	ROW(CKM_SR_TMK_EXPORT,   CKF_WRAP,   K_PAY, MECH_OWN_CARGO, param_tmk,       mech_tmk_export_ops, NULL, "R1.11", NULL),
	ROW(CKM_SR_TMK_LOAD,     CKF_UNWRAP, K_PAY, 0,              param_tmk,       mech_tmk_load_ops,   NULL, "R1.11", NULL),
	ROW(CKM_SR_HANDSHAKE_MAC, SIGN,      K_PAY, 0,              param_none,      mech_handshake_ops,  NULL, "R1.10", NULL),
	ROW(CKM_SR_CHECK_VALUE, CKF_SIGN | CKF_DIGEST, K(KEYS(CKK_DES, CKK_DES2, CKK_DES3, CKK_AES), 8, 32), 0, param_none,
	    mech_check_value_ops, NULL, "ANSI X9.24-1:2017 annex A", NULL),
};
/* clang-format on */

size_t mech_count(void)
{
	return ARRAY_LEN(rows);
}

const struct mech_row *mech_at(size_t i)
{
	return &rows[i];
}

const struct mech_row *mech_find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}
