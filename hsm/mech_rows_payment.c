/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "mech_rows.h"
#include "mech_vendor.h"

/* Mechanisms of payment systems. */
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
	/* Terminal MACs (R5.4) */
	ROW(CKM_SR_X9_9_MAC,          SIGN, K_DES, MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, CBC_MAC(MAC_CBC),            "ANSI X9.9", "x9_mac.txt"),
	ROW(CKM_SR_X9_9_MAC_GENERAL,  SIGN, K_DES, MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_CBC, 4), "ANSI X9.9", "x9_mac.txt"),
	ROW(CKM_SR_X9_19_MAC,         SIGN, K(KEYS(CKK_DES2), 16, 16), MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, CBC_MAC(MAC_RETAIL),            "ANSI X9.19", "x9_mac.txt"),
	ROW(CKM_SR_X9_19_MAC_GENERAL, SIGN, K(KEYS(CKK_DES2), 16, 16), MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_RETAIL, 4), "ANSI X9.19", "x9_mac.txt"),
	ROW(CKM_DES3_X919_MAC,         SIGN, K_DES3, MECH_BLOCK_SIGN, param_none,        cbc_mac_ops, CBC_MAC(MAC_RETAIL),            "ANSI X9.19, ProtectToolkit", "x9_mac.txt"),
	ROW(CKM_DES3_X919_MAC_GENERAL, SIGN, K_DES3, MECH_BLOCK_SIGN, param_mac_general, cbc_mac_ops, CBC_MAC_GENERAL(MAC_RETAIL, 4), "ANSI X9.19, ProtectToolkit", "x9_mac.txt"),
	ROW(CKM_SR_ISO9797_ALG1_MAC, SIGN, K(KEYS(CKK_DES, CKK_DES2, CKK_DES3, CKK_AES), 8, 32), MECH_BLOCK_SIGN, param_iso9797, mech_iso9797_ops, CBC_MAC(MAC_CBC), "ISO/IEC 9797-1:2011", "iso9797.txt"),
	ROW(CKM_SR_ISO9797_ALG3_MAC, SIGN, K_DES3, MECH_BLOCK_SIGN, param_iso9797, mech_iso9797_ops, CBC_MAC(MAC_RETAIL), "ISO/IEC 9797-1:2011", "iso9797.txt"),
	/* Key blocks, diversification, PIN blocks */
	ROW(CKM_SR_KEY_BLOCK,     CARRY,       K_PAY, MECH_SEALED | MECH_KEYSTREAM | MECH_KEY_BLOCK,    param_key_block,     mech_key_block_ops,     NULL, "ASC X9 TR-31:2018, ANSI X9.143:2022", "key_block.txt"),
	ROW(CKM_SR_DIVERSIFY,     CKF_DERIVE,  K_PAY, 0,              param_diversify,     mech_diversify_ops,     NULL, "R3.1, EMV 4.3 book 2 A1.4", "diversify.txt"),
	ROW(CKM_SR_PIN_TRANSLATE, CKF_DECRYPT, K_PAY, MECH_NO_UPDATE, param_pin_translate, mech_pin_translate_ops, NULL, "ISO 9564-1:2017, PCI PIN 3.1", "pin_block.txt"),

	/* Key components, TK, TMK (vendor.h). The check value stands last: pkcs11-tool takes the first digest for its default. */
	ROW(CKM_SR_COMPONENT_COMBINE, CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_none,  mech_component_ops,   NULL, "R1.3", NULL),
	ROW(CKM_SR_TK_GENERATE,  CKF_GENERATE, K(NO_KEYS, 16, 32), 0, param_tk_generate, mech_tk_generate_ops, NULL, "R1.4", NULL),
	ROW(CKM_SR_TK_REWRAP,    CKF_WRAP,   K_PAY, MECH_OWN_CARGO, param_tk_rewrap, mech_tk_rewrap_ops,  NULL, "R1.7", NULL),
	ROW(CKM_SR_TK_OPEN,      CKF_UNWRAP, K_PAY, MECH_SEALED,              param_tk_open,   mech_tk_open_ops,    NULL, "R1.9", NULL),
	ROW(CKM_SR_TMK_EXPORT,   CKF_WRAP,   K_PAY, MECH_OWN_CARGO, param_tmk,       mech_tmk_export_ops, NULL, "R1.11", NULL),
	ROW(CKM_SR_TMK_LOAD,     CKF_UNWRAP, K_PAY, MECH_SEALED,              param_tmk,       mech_tmk_load_ops,   NULL, "R1.11", NULL),
	ROW(CKM_SR_TRANSPORT_RSA, CARRY, K(KEYS(CKK_RSA), 2048, 4096), MECH_OWN_CARGO | MECH_OWN_APPROVAL | MECH_SEALED, param_transport, mech_transport_ops, NULL, "R1.3, RFC 8017 7.1", NULL),
	ROW(CKM_SR_TRANSPORT_AES, CARRY, K(KEYS(CKK_AES), 32, 32), MECH_OWN_CARGO | MECH_OWN_APPROVAL | MECH_SEALED, param_transport, mech_transport_ops, NULL, "R1.3, RFC 3394", NULL),
	ROW(CKM_SR_HANDSHAKE_MAC, SIGN,      K_PAY, 0,              param_none,      mech_handshake_ops,  NULL, "R1.10", NULL),
	ROW(CKM_SR_KEY_FINGERPRINT, CKF_SIGN, K(KEYS(CKK_AES), 32, 32), 0, param_key_handle, mech_fingerprint_ops, NULL, "R2.5, RFC 3394, FIPS 180-4", "fingerprint.txt"),
	ROW(CKM_SR_CHECK_VALUE, CKF_SIGN | CKF_DIGEST, K(KEYS(CKK_DES, CKK_DES2, CKK_DES3, CKK_AES), 8, 32), 0, param_none,
	    mech_check_value_ops, NULL, "ANSI X9.24-1:2017 annex A", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_payment = ROWS(rows);
