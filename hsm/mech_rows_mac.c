/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* MACs over whole messages: HMAC, CMAC, CBC-MAC, XCBC. */
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
#define FIXED(kind, len)                                                                                               \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		kind, 0, len, len, len, false                                                                          \
	}
#define GENERAL(kind, len)                                                                                             \
	&(const struct mac_arg)                                                                                        \
	{                                                                                                              \
		kind, 0, 0, 1, len, true                                                                               \
	}
#define K_HMAC(type) K(KEYS(CKK_GENERIC_SECRET, type), 1, MAX_GENERIC)
#define K_XCBC K(KEYS(CKK_AES), 16, 16)
#define NOTE_T "CKM_SHA512_T_HMAC_GENERAL is not there: its one parameter cannot say t and a length"
#define NOTE_MD5 "MD5 is broken: to verify what is old, nothing else"
#define NOTE_ZEROES "pads with zeroes; an empty message is one block of them"
#define NOTE_XCBC "RFC 3566 knows 128-bit keys alone"

/* clang-format off */
static const struct mech_row rows[] = {
	/* HMAC */
	ROW(CKM_SHA_1_HMAC,                SIGN, K_HMAC(CKK_SHA_1_HMAC),    0, param_none,        mac_ops, HMAC(CRYPTO_SHA1, 20), "RFC 2104", "hmac.txt"),
	ROW(CKM_SHA_1_HMAC_GENERAL,        SIGN, K_HMAC(CKK_SHA_1_HMAC),    0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA1, 20), "RFC 2104", "hmac.txt"),
	ROW(CKM_SHA224_HMAC,               SIGN, K_HMAC(CKK_SHA224_HMAC),   0, param_none,        mac_ops, HMAC(CRYPTO_SHA224, 28), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA224_HMAC_GENERAL,       SIGN, K_HMAC(CKK_SHA224_HMAC),   0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA224, 28), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA256_HMAC,               SIGN, K_HMAC(CKK_SHA256_HMAC),   0, param_none,        mac_ops, HMAC(CRYPTO_SHA256, 32), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA256_HMAC_GENERAL,       SIGN, K_HMAC(CKK_SHA256_HMAC),   0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA256, 32), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA384_HMAC,               SIGN, K_HMAC(CKK_SHA384_HMAC),   0, param_none,        mac_ops, HMAC(CRYPTO_SHA384, 48), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA384_HMAC_GENERAL,       SIGN, K_HMAC(CKK_SHA384_HMAC),   0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA384, 48), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA512_HMAC,               SIGN, K_HMAC(CKK_SHA512_HMAC),   0, param_none,        mac_ops, HMAC(CRYPTO_SHA512, 64), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA512_HMAC_GENERAL,       SIGN, K_HMAC(CKK_SHA512_HMAC),   0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA512, 64), "RFC 4231", "hmac.txt"),
	ROW(CKM_SHA512_224_HMAC,           SIGN, K_HMAC(CKK_SHA512_224_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA512_224, 28), "RFC 2104, FIPS 180-4", "hmac.txt"),
	ROW(CKM_SHA512_224_HMAC_GENERAL,   SIGN, K_HMAC(CKK_SHA512_224_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA512_224, 28), "RFC 2104, FIPS 180-4", "hmac.txt"),
	ROW(CKM_SHA512_256_HMAC,           SIGN, K_HMAC(CKK_SHA512_256_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA512_256, 32), "RFC 2104, FIPS 180-4", "hmac.txt"),
	ROW(CKM_SHA512_256_HMAC_GENERAL,   SIGN, K_HMAC(CKK_SHA512_256_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA512_256, 32), "RFC 2104, FIPS 180-4", "hmac.txt"),
	ROW(CKM_SHA512_T_HMAC,             SIGN, K_HMAC(CKK_SHA512_T_HMAC), 0, param_sha512t, sha512t_ops, NULL, "RFC 2104, FIPS 180-4", "sha512t_hmac.txt", .note = NOTE_T),
	ROW(CKM_SHA3_224_HMAC,             SIGN, K_HMAC(CKK_SHA3_224_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA3_224, 28), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_224_HMAC_GENERAL,     SIGN, K_HMAC(CKK_SHA3_224_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA3_224, 28), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_256_HMAC,             SIGN, K_HMAC(CKK_SHA3_256_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA3_256, 32), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_256_HMAC_GENERAL,     SIGN, K_HMAC(CKK_SHA3_256_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA3_256, 32), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_384_HMAC,             SIGN, K_HMAC(CKK_SHA3_384_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA3_384, 48), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_384_HMAC_GENERAL,     SIGN, K_HMAC(CKK_SHA3_384_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA3_384, 48), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_512_HMAC,             SIGN, K_HMAC(CKK_SHA3_512_HMAC), 0, param_none,        mac_ops, HMAC(CRYPTO_SHA3_512, 64), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_SHA3_512_HMAC_GENERAL,     SIGN, K_HMAC(CKK_SHA3_512_HMAC), 0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SHA3_512, 64), "RFC 2104, FIPS 202", "hmac_sha3.txt"),
	ROW(CKM_MD5_HMAC,                  SIGN, K_HMAC(CKK_MD5_HMAC), MECH_WEAK_SIGN, param_none,        mac_ops, HMAC(CRYPTO_MD5, 16), "RFC 2104", "hmac.txt", .needs = "digest:MD5", .note = NOTE_MD5),
	ROW(CKM_MD5_HMAC_GENERAL,          SIGN, K_HMAC(CKK_MD5_HMAC), MECH_WEAK_SIGN, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_MD5, 16), "RFC 2104", "hmac.txt", .needs = "digest:MD5", .note = NOTE_MD5),
	ROW(CKM_SR_SM3_HMAC,               SIGN, K_HMAC(CKK_SR_SM3_HMAC),   0, param_none,        mac_ops, HMAC(CRYPTO_SM3, 32), "RFC 2104, GB/T 32905", "sm3_hmac.txt", .needs = "digest:SM3"),
	ROW(CKM_SR_SM3_HMAC_GENERAL,       SIGN, K_HMAC(CKK_SR_SM3_HMAC),   0, param_mac_general, mac_ops, HMAC_GENERAL(CRYPTO_SM3, 32), "RFC 2104, GB/T 32905", "sm3_hmac.txt", .needs = "digest:SM3"),

	/* CMAC */
	ROW(CKM_AES_CMAC,             SIGN, K_AES,  MECH_BLOCK_SIGN, param_none,        mac_ops, FIXED(MAC_CMAC, 16),   "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_AES_CMAC_GENERAL,     SIGN, K_AES,  MECH_BLOCK_SIGN, param_mac_general, mac_ops, GENERAL(MAC_CMAC, 16), "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_DES3_CMAC,            SIGN, K_DES3, MECH_BLOCK_SIGN, param_none,        mac_ops, FIXED(MAC_CMAC, 8),   "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_DES3_CMAC_GENERAL,    SIGN, K_DES3, MECH_BLOCK_SIGN, param_mac_general, mac_ops, GENERAL(MAC_CMAC, 8), "NIST SP 800-38B", "cmac.txt"),
	ROW(CKM_SR_SM4_CMAC,          SIGN, K_SM4,  0, param_none,        mac_ops, FIXED(MAC_CMAC, 16),   "GB/T 15852.1, GB/T 32907", "sm4_cmac.txt", .needs = "cipher:SM4-CBC"),
	ROW(CKM_SR_SM4_CMAC_GENERAL,  SIGN, K_SM4,  0, param_mac_general, mac_ops, GENERAL(MAC_CMAC, 16), "GB/T 15852.1, GB/T 32907", "sm4_cmac.txt", .needs = "cipher:SM4-CBC"),

	/* CBC-MAC, XCBC */
	ROW(CKM_DES_MAC,           SIGN, K_DES, MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, FIXED(MAC_CBC, 4),   "FIPS 113", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_DES_MAC_GENERAL,   SIGN, K_DES, MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, GENERAL(MAC_CBC, 8), "FIPS 113", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_DES3_MAC,          SIGN, K_DES3, MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, FIXED(MAC_CBC, 4),   "ISO/IEC 9797-1 algorithm 1, padding 1", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_DES3_MAC_GENERAL,  SIGN, K_DES3, MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, GENERAL(MAC_CBC, 8), "ISO/IEC 9797-1 algorithm 1, padding 1", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_AES_MAC,           SIGN, K_AES, MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, FIXED(MAC_CBC, 8),   "FIPS 113", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_AES_MAC_GENERAL,   SIGN, K_AES, MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, GENERAL(MAC_CBC, 16), "FIPS 113", "cbc_mac.txt", .note = NOTE_ZEROES),
	ROW(CKM_AES_XCBC_MAC,    SIGN, K_XCBC, 0, param_none, cbc_mac_ops, FIXED(MAC_XCBC, 16), "RFC 3566", "xcbc.txt", .note = NOTE_XCBC),
	ROW(CKM_AES_XCBC_MAC_96, SIGN, K_XCBC, 0, param_none, cbc_mac_ops, FIXED(MAC_XCBC, 12), "RFC 3566", "xcbc.txt", .note = NOTE_XCBC),
};
/* clang-format on */

const struct mech_rows mech_rows_mac = ROWS(rows);
