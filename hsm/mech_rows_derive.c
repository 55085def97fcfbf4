/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "mech_rows.h"

/* Derivation from secret keys; public keys from private ones. */
#define MIX(how)                                                                                                       \
	&(const struct kdf_mix_arg)                                                                                    \
	{                                                                                                              \
		how                                                                                                    \
	}
#define HASH(hash, xof)                                                                                                \
	&(const struct kdf_hash_arg)                                                                                   \
	{                                                                                                              \
		hash, xof                                                                                              \
	}
#define ENCRYPT(cbc, block)                                                                                            \
	&(const struct kdf_encrypt_arg)                                                                                \
	{                                                                                                              \
		cbc, block                                                                                             \
	}
#define HKDF(data)                                                                                                     \
	&(const struct kdf_hkdf_arg)                                                                                   \
	{                                                                                                              \
		data                                                                                                   \
	}
#define SP108(mode)                                                                                                    \
	&(const struct kdf_108_arg)                                                                                    \
	{                                                                                                              \
		mode                                                                                                   \
	}
#define TLS(...)                                                                                                       \
	&(const struct kdf_tls_arg)                                                                                    \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}

#define GENERATE(type)                                                                                                 \
	&(const struct generate_arg)                                                                                   \
	{                                                                                                              \
		type, 0                                                                                                \
	}

/* K_ANY: the secret keys that have a value of free use. */
#define K_ANY                                                                                                          \
	K(KEYS(CKK_GENERIC_SECRET, CKK_AES, CKK_DES, CKK_DES2, CKK_DES3, CKK_HKDF, CKK_SHA_1_HMAC, CKK_SHA224_HMAC,    \
	       CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC, CKK_SHA3_224_HMAC, CKK_SHA3_256_HMAC,                \
	       CKK_SHA3_384_HMAC, CKK_SHA3_512_HMAC),                                                                  \
	  1, MAX_GENERIC)

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_CONCATENATE_BASE_AND_KEY, CKF_DERIVE, K_ANY, MECH_WEAK_DERIVE, param_key_handle, kdf_mix_ops, MIX(KDF_BASE_KEY), "PKCS#11 3.1, 6.43", NULL),
	ROW(CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE, K_ANY, MECH_WEAK_DERIVE, param_derivation_string, kdf_mix_ops, MIX(KDF_BASE_DATA), "PKCS#11 3.1, 6.43", NULL),
	ROW(CKM_CONCATENATE_DATA_AND_BASE, CKF_DERIVE, K_ANY, MECH_WEAK_DERIVE, param_derivation_string, kdf_mix_ops, MIX(KDF_DATA_BASE), "PKCS#11 3.1, 6.43", NULL),
	ROW(CKM_XOR_BASE_AND_DATA, CKF_DERIVE, K_ANY, MECH_WEAK_DERIVE, param_derivation_string, kdf_mix_ops, MIX(KDF_XOR), "PKCS#11 3.1, 6.43", NULL),
	ROW(CKM_EXTRACT_KEY_FROM_KEY, CKF_DERIVE, K_ANY, MECH_WEAK_DERIVE, param_extract, kdf_extract_ops, NULL, "PKCS#11 3.1, 6.43", NULL),
	ROW(CKM_SHA1_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA_1, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA224_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA224, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA256_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA256, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA384_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA384, NULL), "FIPS 202", NULL),
	ROW(CKM_SHA512_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA512, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA512_224_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA512_224, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA512_256_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA512_256, NULL), "FIPS 180-4", NULL),
	ROW(CKM_SHA3_224_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA3_224, NULL), "FIPS 202", NULL),
	ROW(CKM_SHA3_256_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA3_256, NULL), "FIPS 202", NULL),
	ROW(CKM_SHA3_384_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA3_384, NULL), "FIPS 202", NULL),
	ROW(CKM_SHA3_512_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CKM_SHA3_512, NULL), "FIPS 202", NULL),
	ROW(CKM_SHAKE_128_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CK_UNAVAILABLE_INFORMATION, "SHAKE128"), "FIPS 202", NULL, .needs = "digest:SHAKE128"),
	ROW(CKM_SHAKE_256_KEY_DERIVATION, CKF_DERIVE, K_ANY, 0, param_none, kdf_hash_ops, HASH(CK_UNAVAILABLE_INFORMATION, "SHAKE256"), "FIPS 202", NULL, .needs = "digest:SHAKE256"),
	ROW(CKM_DES_ECB_ENCRYPT_DATA, CKF_DERIVE, K_DES, 0, param_encrypt_string, kdf_encrypt_ops, ENCRYPT(false, 8), "NIST SP 800-38A", NULL),
	ROW(CKM_DES_CBC_ENCRYPT_DATA, CKF_DERIVE, K_DES, 0, param_des_encrypt, kdf_encrypt_ops, ENCRYPT(true, 8), "NIST SP 800-38A", NULL),
	ROW(CKM_DES3_ECB_ENCRYPT_DATA, CKF_DERIVE, K_DES3, 0, param_encrypt_string, kdf_encrypt_ops, ENCRYPT(false, 8), "NIST SP 800-38A", NULL),
	ROW(CKM_DES3_CBC_ENCRYPT_DATA, CKF_DERIVE, K_DES3, 0, param_des_encrypt, kdf_encrypt_ops, ENCRYPT(true, 8), "NIST SP 800-38A", NULL),
	ROW(CKM_AES_ECB_ENCRYPT_DATA, CKF_DERIVE, K_AES, 0, param_encrypt_string, kdf_encrypt_ops, ENCRYPT(false, 16), "NIST SP 800-38A", NULL),
	ROW(CKM_AES_CBC_ENCRYPT_DATA, CKF_DERIVE, K_AES, 0, param_aes_encrypt, kdf_encrypt_ops, ENCRYPT(true, 16), "NIST SP 800-38A", NULL),
	ROW(CKM_PUB_KEY_FROM_PRIV_KEY, CKF_DERIVE, K(KEYS(CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_RSA, CKK_DSA, CKK_DH, CKK_X9_42_DH), 0, 8192), 0, param_none, kdf_public_ops, NULL, "PKCS#11 3.1, 6.44", NULL),
	ROW(CKM_HKDF_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 1, MAX_GENERIC), 0, param_none, generate_ops, GENERATE(CKK_HKDF), "RFC 5869", NULL),
	ROW(CKM_HKDF_DERIVE, CKF_DERIVE, K(KEYS(CKK_HKDF, CKK_GENERIC_SECRET), 1, MAX_GENERIC), 0, param_hkdf, kdf_hkdf_ops, HKDF(false), "RFC 5869", NULL),
	ROW(CKM_HKDF_DATA, CKF_DERIVE, K(KEYS(CKK_HKDF, CKK_GENERIC_SECRET), 1, MAX_GENERIC), MECH_WEAK_DERIVE, param_hkdf, kdf_hkdf_ops, HKDF(true), "RFC 5869", NULL, .note = "What it shows may be the value of a key that CKM_HKDF_DERIVE made: not from sensitive keys under strict"),
	ROW(CKM_SP800_108_COUNTER_KDF, CKF_DERIVE, K_ANY, 0, param_108, kdf_108_ops, SP108(KDF_COUNTER), "NIST SP 800-108", NULL, .note = "Additional keys lie behind the first one without gaps; the length field counts the keys, or whole outputs of the function"),
	ROW(CKM_SP800_108_FEEDBACK_KDF, CKF_DERIVE, K_ANY, 0, param_108_feedback, kdf_108_ops, SP108(KDF_FEEDBACK), "NIST SP 800-108", NULL),
	ROW(CKM_SP800_108_DOUBLE_PIPELINE_KDF, CKF_DERIVE, K_ANY, 0, param_108, kdf_108_ops, SP108(KDF_PIPELINE), "NIST SP 800-108", NULL),
	ROW(CKM_PKCS5_PBKD2, CKF_GENERATE, K(NO_KEYS, 1, MAX_GENERIC), 0, param_pbkdf2, kdf_pbkdf2_ops, NULL, "RFC 8018, 5.2", NULL, .note = "the older structure points to the length of the password; as the caller knows the password, CKA_LOCAL is CK_FALSE, and unless the template says otherwise CKA_SENSITIVE is CK_FALSE and CKA_EXTRACTABLE CK_TRUE"),
	ROW(CKM_TLS_PRE_MASTER_KEY_GEN, CKF_GENERATE, K(NO_KEYS, 48, 48), 0, param_version, kdf_premaster_ops, NULL, "RFC 5246, 7.4.7.1", NULL),
	ROW(CKM_TLS12_MASTER_KEY_DERIVE, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 48, 48), 0, param_tls_master, kdf_master_ops, TLS(.dh = false), "RFC 5246, 8.1", NULL),
	ROW(CKM_TLS12_MASTER_KEY_DERIVE_DH, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 1, MAX_GENERIC), 0, param_tls_master, kdf_master_ops, TLS(.dh = true), "RFC 5246, 8.1", NULL),
	ROW(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 48, 48), 0, param_tls_extended, kdf_master_ops, TLS(.extended = true), "RFC 7627, 4", NULL),
	ROW(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 1, MAX_GENERIC), 0, param_tls_extended, kdf_master_ops, TLS(.dh = true, .extended = true), "RFC 7627, 4", NULL),
	ROW(CKM_TLS12_KEY_AND_MAC_DERIVE, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 48, 48), MECH_NO_HANDLE | MECH_WEAK_DERIVE, param_tls_key_block, kdf_key_block_ops, TLS(.safe = false), "RFC 5246, 6.3", NULL, .note = "The IVs are bytes of the key block: not from sensitive keys under strict, where CKM_TLS12_KEY_SAFE_DERIVE serves"),
	ROW(CKM_TLS12_KEY_SAFE_DERIVE, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 48, 48), MECH_NO_HANDLE, param_tls_key_block, kdf_key_block_ops, TLS(.safe = true), "RFC 5246, 6.3", NULL),
	ROW(CKM_TLS12_KDF, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 1, MAX_GENERIC), 0, param_tls_kdf, kdf_tls_ops, NULL, "RFC 5246, 5; RFC 5705", NULL),
	ROW(CKM_TLS_KDF, CKF_DERIVE, K(KEYS(CKK_GENERIC_SECRET), 1, MAX_GENERIC), 0, param_tls_kdf, kdf_tls_ops, NULL, "RFC 5246, 5; RFC 5705", NULL),
	ROW(CKM_TLS12_MAC, SIGN, K(KEYS(CKK_GENERIC_SECRET), 48, 48), MECH_OWN_LABEL, param_tls_mac, kdf_tls_mac_ops, NULL, "RFC 5246, 7.4.9", NULL),
	ROW(CKM_TLS_MAC, SIGN, K(KEYS(CKK_GENERIC_SECRET), 48, 48), MECH_OWN_LABEL, param_tls_mac, kdf_tls_mac_ops, NULL, "RFC 5246, 7.4.9", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_derive = ROWS(rows);
