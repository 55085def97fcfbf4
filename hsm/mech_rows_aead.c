/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"
#include "mech_aead.h"

/* Authenticated encryption, and the ciphers and MACs that it is made of. */
#define AEAD(kind)                                                                                                     \
	&(const struct aead_arg)                                                                                       \
	{                                                                                                              \
		kind                                                                                                   \
	}
#define SEALED (MECH_SEALED | MECH_CHOSEN_IV | MECH_KEYSTREAM)
#define K_CHACHA K(KEYS(CKK_CHACHA20), 32, 32)
#define K_POLY K(KEYS(CKK_POLY1305), 32, 32)

#define NOTE_AEAD "gives out no plaintext before the tag was verified; a decryption in parts is kept up to `hold_max`"
#define NOTE_IV                                                                                                        \
	"CK_GCM_PARAMS also without ulIvBits; C_WrapKey and C_WrapKeyAuthenticated make IVs with at least 96 random "  \
	"bits (CKG_GENERATE, CKG_GENERATE_RANDOM)"
#define NOTE_SM4 "with OpenSSL 3.1 and later; as CKM_AES_GCM"
#define NOTE_NONCE "nonces of 96 and 192 bits; ulNonceLen counts bits, and 12 and 24 are taken as bytes"
#define NOTE_COUNTER                                                                                                   \
	"counters of 32 bits with nonces of 96 and 192, of 64 bits with nonces of 64 and 192, little-endian; refuses " \
	"data beyond the range of the counter"
#define NOTE_GMAC "the data is the associated data; the parameter has none. By messages, each brings its own parameter"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_GCM,           CRYPT | MESSAGE | CARRY, K_AES,    SEALED, param_gcm,         aead_wrap_ops, AEAD(AEAD_GCM),    "NIST SP 800-38D", "gcm.txt", .note = NOTE_AEAD "; " NOTE_IV),
	ROW(CKM_AES_CCM,           CRYPT | MESSAGE | CARRY, K_AES,    SEALED, param_ccm,         aead_wrap_ops, AEAD(AEAD_CCM),    "NIST SP 800-38C", "ccm.txt", .note = NOTE_AEAD ", and so is an encryption; " NOTE_IV),
	ROW(CKM_AES_GMAC,          SIGN,                    K_AES,    MECH_BLOCK_SIGN, param_gmac,        gmac_ops,      NULL,              "NIST SP 800-38D", "gmac.txt", .note = NOTE_GMAC),
	ROW(CKM_CHACHA20,          CRYPT,                   K_CHACHA, 0, param_chacha20,    chacha_ops,    NULL,              "RFC 8439, draft-irtf-cfrg-xchacha-03", "chacha.txt", .note = NOTE_COUNTER),
	ROW(CKM_POLY1305,          SIGN,                    K_POLY,   MECH_ONE_MESSAGE, param_none, poly1305_ops, NULL,       "RFC 8439", "poly1305.txt"),
	ROW(CKM_CHACHA20_POLY1305, CRYPT | MESSAGE,         K_CHACHA, 0, param_chacha_poly, aead_ops,      AEAD(AEAD_CHACHA), "RFC 8439, draft-irtf-cfrg-xchacha-03", "chacha_poly1305.txt", .note = NOTE_AEAD "; " NOTE_NONCE),
	ROW(CKM_SR_SM4_GCM,        CRYPT | MESSAGE | CARRY, K_SM4,    SEALED, param_gcm,         aead_wrap_ops, AEAD(AEAD_GCM),    "RFC 8998", "sm4_gcm.txt", .needs = "cipher:SM4-GCM", .note = NOTE_SM4),
};
/* clang-format on */

const struct mech_rows mech_rows_aead = ROWS(rows);
