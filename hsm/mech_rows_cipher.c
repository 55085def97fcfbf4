/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Block ciphers. AEAD ends the list. */
#define AES(mode, cipher, block)                                                                                       \
	&(const struct cipher_arg)                                                                                     \
	{                                                                                                              \
		mode, ALGORITHM_AES, cipher, block                                                                     \
	}
#define DES(mode, cipher, block)                                                                                       \
	&(const struct cipher_arg)                                                                                     \
	{                                                                                                              \
		mode, ALGORITHM_DES, cipher, block                                                                     \
	}
#define SM4(mode, cipher, block)                                                                                       \
	&(const struct cipher_arg)                                                                                     \
	{                                                                                                              \
		mode, ALGORITHM_SM4, cipher, block                                                                     \
	}
#define K_XTS K(KEYS(CKK_AES_XTS), 32, 64)
#define K_ANY_DES K(KEYS(CKK_DES, CKK_DES2, CKK_DES3), 8, 24)
#define NOTE_FILL "wraps secret keys alone, filled with zeroes to a block"
#define NOTE_PAD "wraps secret keys, and private keys as PKCS #8"
#define NOTE_CTR "refuses data beyond the range of the counter bits"
#define NOTE_DES_STREAM "single, double and triple length keys under one number, as PKCS #11 says"
#define NOTE_CFB1 "whole bytes"
#define NOTE_AES_STREAM "wraps no keys, though PKCS #11 lets it: two keys under one IV would tell each other"
#define NOTE_CTS                                                                                                       \
	"the CS1 form of NIST SP 800-38A's addendum; 16 bytes at least; parts are kept up to `hold_max`; wraps "       \
	"secret "                                                                                                      \
	"keys of 16 bytes and more in their own length"
#define NOTE_XTS                                                                                                       \
	"the parameter is the tweak of one data unit, 16 bytes to 16 MiB; parts are kept up to `hold_max`; the "       \
	"halves of "                                                                                                   \
	"the key must differ; wraps secret keys of 16 bytes and more in their own length"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_ECB,         CRYPT | CARRY, K_AES,    0, param_none,    cipher_ops, AES(CIPHER_ECB, CRYPTO_AES_128_ECB, 16),       "NIST SP 800-38A", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_AES_CBC,         CRYPT | CARRY, K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_CBC, CRYPTO_AES_128_CBC, 16),       "NIST SP 800-38A", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_AES_CBC_PAD,     CRYPT | CARRY, K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_CBC_PAD, CRYPTO_AES_128_CBC, 16),   "NIST SP 800-38A, PKCS #7 padding", "cipher.txt", .note = NOTE_PAD),
	ROW(CKM_AES_CTR,         CRYPT,         K_AES,    0, param_aes_ctr, cipher_ops, AES(CIPHER_CTR, CRYPTO_AES_128_CTR, 1),        "NIST SP 800-38A", "cipher.txt", .note = NOTE_CTR),
	ROW(CKM_AES_OFB,         CRYPT,         K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_STREAM, CRYPTO_AES_128_OFB, 1),     "NIST SP 800-38A", "cipher_stream.txt", .note = NOTE_AES_STREAM),
	ROW(CKM_AES_CFB8,        CRYPT,         K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_STREAM, CRYPTO_AES_128_CFB8, 1),    "NIST SP 800-38A", "cipher_stream.txt", .note = NOTE_AES_STREAM),
	ROW(CKM_AES_CFB128,      CRYPT,         K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_STREAM, CRYPTO_AES_128_CFB128, 1),  "NIST SP 800-38A", "cipher_stream.txt", .note = NOTE_AES_STREAM),
	ROW(CKM_AES_CFB1,        CRYPT,         K_AES,    0, param_iv16,    cipher_ops, AES(CIPHER_STREAM, CRYPTO_AES_128_CFB1, 1),    "NIST SP 800-38A", "cipher_stream.txt", .note = NOTE_AES_STREAM "; " NOTE_CFB1),
	ROW(CKM_AES_CTS,         CRYPT | CARRY, K_AES,    0, param_iv16,    whole_ops,  AES(CIPHER_CTS, CRYPTO_AES_128_CTS, 1),        "NIST SP 800-38A addendum", "cipher_whole.txt", .note = NOTE_CTS),
	ROW(CKM_AES_XTS,         CRYPT | CARRY, K_XTS,    0, param_iv16,    whole_ops,  AES(CIPHER_XTS, CRYPTO_AES_128_XTS, 1),        "IEEE 1619, NIST SP 800-38E", "cipher_whole.txt", .note = NOTE_XTS),
	ROW(CKM_DES_ECB,         CRYPT | CARRY, K_DES,    0, param_none,    cipher_ops, DES(CIPHER_ECB, CRYPTO_DES3_ECB, 8),           "FIPS 81", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_DES_CBC,         CRYPT | CARRY, K_DES,    0, param_iv8,     cipher_ops, DES(CIPHER_CBC, CRYPTO_DES3_CBC, 8),           "FIPS 81", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_DES_CBC_PAD,     CRYPT | CARRY, K_DES,    0, param_iv8,     cipher_ops, DES(CIPHER_CBC_PAD, CRYPTO_DES3_CBC, 8),       "FIPS 81, PKCS #7 padding", "cipher.txt", .note = NOTE_PAD),
	ROW(CKM_DES_OFB64,       CRYPT,         K_ANY_DES, 0, param_iv8,     cipher_ops, DES(CIPHER_STREAM, CRYPTO_DES3_OFB64, 1),      "FIPS 81", "cipher_stream.txt", .note = NOTE_DES_STREAM),
	ROW(CKM_DES_CFB8,        CRYPT,         K_ANY_DES, 0, param_iv8,     cipher_ops, DES(CIPHER_STREAM, CRYPTO_DES3_CFB8, 1),       "FIPS 81", "cipher_stream.txt", .note = NOTE_DES_STREAM),
	ROW(CKM_DES_CFB64,       CRYPT,         K_ANY_DES, 0, param_iv8,     cipher_ops, DES(CIPHER_STREAM, CRYPTO_DES3_CFB64, 1),      "FIPS 81", "cipher_stream.txt", .note = NOTE_DES_STREAM),
	ROW(CKM_DES3_ECB,        CRYPT | CARRY, K_DES3,   0, param_none,    cipher_ops, DES(CIPHER_ECB, CRYPTO_DES3_ECB, 8),           "NIST SP 800-67", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_DES3_CBC,        CRYPT | CARRY, K_DES3,   0, param_iv8,     cipher_ops, DES(CIPHER_CBC, CRYPTO_DES3_CBC, 8),           "NIST SP 800-67", "cipher.txt", .note = NOTE_FILL),
	ROW(CKM_DES3_CBC_PAD,    CRYPT | CARRY, K_DES3,   0, param_iv8,     cipher_ops, DES(CIPHER_CBC_PAD, CRYPTO_DES3_CBC, 8),       "NIST SP 800-67, PKCS #7 padding", "cipher.txt", .note = NOTE_PAD),
	ROW(CKM_SR_SM4_ECB,      CRYPT | CARRY, K_SM4,    0, param_none,    cipher_ops, SM4(CIPHER_ECB, CRYPTO_SM4_ECB, 16),           "GB/T 32907", "sm4.txt", .needs = "cipher:SM4-ECB", .note = NOTE_FILL),
	ROW(CKM_SR_SM4_CBC,      CRYPT | CARRY, K_SM4,    0, param_iv16,    cipher_ops, SM4(CIPHER_CBC, CRYPTO_SM4_CBC, 16),           "GB/T 32907", "sm4.txt", .needs = "cipher:SM4-CBC", .note = NOTE_FILL),
	ROW(CKM_SR_SM4_CBC_PAD,  CRYPT | CARRY, K_SM4,    0, param_iv16,    cipher_ops, SM4(CIPHER_CBC_PAD, CRYPTO_SM4_CBC, 16),       "GB/T 32907, PKCS #7 padding", "sm4.txt", .needs = "cipher:SM4-CBC", .note = NOTE_PAD),
	ROW(CKM_SR_SM4_CTR,      CRYPT,         K_SM4,    0, param_aes_ctr, cipher_ops, SM4(CIPHER_CTR, CRYPTO_SM4_CTR, 1),            "GB/T 32907", "sm4.txt", .needs = "cipher:SM4-CTR", .note = NOTE_CTR),
};
/* clang-format on */

const struct mech_rows mech_rows_cipher = ROWS(rows);
