/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* MACs over whole messages: HMAC, CMAC, CBC-MAC. */
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

/* clang-format off */
static const struct mech_row rows[] = {
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
};
/* clang-format on */

const struct mech_rows mech_rows_mac = ROWS(rows);
