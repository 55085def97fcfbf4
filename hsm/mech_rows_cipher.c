/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Block ciphers. */
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

/* clang-format off */
static const struct mech_row rows[] = {
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
};
/* clang-format on */

const struct mech_rows mech_rows_cipher = ROWS(rows);
