/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"
#include "mech_ec.h"

/* Elliptic curves over prime fields, Edwards and Montgomery curves. */
#define GENERATE(type, extra)                                                                                          \
	&(const struct ec_generate_arg)                                                                                \
	{                                                                                                              \
		type, extra                                                                                            \
	}
#define ECDSA(hash)                                                                                                    \
	&(const struct ecdsa_arg)                                                                                      \
	{                                                                                                              \
		hash                                                                                                   \
	}
#define NO_HASH CK_UNAVAILABLE_INFORMATION

/* Curves are named, points are given uncompressed or compressed; points that go out are uncompressed. */
#define EC_FACTS (CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)
#define NAMED (CKF_EC_OID | CKF_EC_CURVENAME)
#define EC_PAIR (CKF_GENERATE_KEY_PAIR | EC_FACTS)
#define EC_SIGN (SIGN | EC_FACTS)

#define K_EC K(KEYS(CKK_EC), 224, 521)
#define K_EC_GEN K(NO_KEYS, 224, 521)
#define K_SM2 K(KEYS(CKK_SR_SM2), 256, 256)
#define K_MONTGOMERY K(KEYS(CKK_EC_MONTGOMERY), 255, 448)
#define BARE                                                                                                           \
	&(const struct ecdh_wrap_arg)                                                                                  \
	{                                                                                                              \
		false                                                                                                  \
	}
#define DER                                                                                                            \
	&(const struct ecdh_wrap_arg)                                                                                  \
	{                                                                                                              \
		true                                                                                                   \
	}
#define SM2 .needs = "keymgmt:SM2"
#define K_25519_448 K(NO_KEYS, 255, 448)

/* What docs/mechanisms.md says of them. */
#define NOTE_CURVES                                                                                                    \
	.note =                                                                                                        \
	    "Curves: P-224, P-256, P-384, P-521, secp256k1, brainpoolP224r1 to brainpoolP512r1 and their t1 twins, "   \
	    "named by object identifier or PrintableString; parameters written out are "                               \
	    "CKR_DOMAIN_PARAMS_INVALID. CKA_EC_POINT is a DER OCTET STRING, of Edwards and Montgomery keys too "       \
	    "(PKCS #11 3.0); it is also taken without, and compressed"
#define NOTE_HASH .note = "The hash may have any length but 0; its leftmost bits count, as many as the order has"
#define NOTE_EDDSA                                                                                                     \
	.note =                                                                                                        \
	    "Ed25519 takes no parameter; CK_EDDSA_PARAMS with a context make it Ed25519ctx, with phFlag Ed25519ph. "   \
	    "Ed448 and Ed448ph want CK_EDDSA_PARAMS. A context and phFlag are CKR_MECHANISM_PARAM_INVALID unless "     \
	    "the OpenSSL underneath gives the signatures of RFC 8032 with them: 3.2 does, 3.0 does not"
#define NOTE_ECDH                                                                                                      \
	.note =                                                                                                        \
	    "CKD_NULL and the functions of X9.63 and SP 800-56A with SHA-1, SHA-2 and SHA-3. The other public key "    \
	    "may stand bare or in a DER OCTET STRING, compressed or not; it must be a point of the curve. CKD_NULL "   \
	    "leaves out bytes at the front. No key below 112 bits from a sensitive one without the relaxation "        \
	    "weak-derive"
#define NOTE_BARE .note = "The transport key stands in front, bare: an uncompressed point, or as RFC 7748 writes it"
#define NOTE_DER .note = "The transport key stands in front, an uncompressed point in a DER OCTET STRING"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_EC_KEY_PAIR_GEN,              EC_PAIR, K_EC_GEN, 0, param_none, ec_generate_ops, GENERATE(CKK_EC, false), "FIPS 186-4, B.4.2", NULL, NOTE_CURVES),
	ROW(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, EC_PAIR, K_EC_GEN, 0, param_none, ec_generate_ops, GENERATE(CKK_EC, true),  "FIPS 186-4, B.4.1", NULL, NOTE_CURVES),
	ROW(CKM_EC_EDWARDS_KEY_PAIR_GEN,    CKF_GENERATE_KEY_PAIR | NAMED, K_25519_448, 0, param_none, ec_generate_ops, GENERATE(CKK_EC_EDWARDS, false),    "RFC 8032", NULL),
	ROW(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR | NAMED, K_25519_448, 0, param_none, ec_generate_ops, GENERATE(CKK_EC_MONTGOMERY, false), "RFC 7748", NULL),

	ROW(CKM_ECDSA,          EC_SIGN, K_EC, MECH_NO_UPDATE, param_none, ecdsa_ops, ECDSA(NO_HASH),    "FIPS 186-4, 6", "ecdsa.txt", NOTE_HASH),
	ROW(CKM_ECDSA_SHA1,     EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA_1),    "FIPS 186-4, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA224,   EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA224),   "FIPS 186-4, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA256,   EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA256),   "FIPS 186-4, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA384,   EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA384),   "FIPS 186-4, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA512,   EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA512),   "FIPS 186-4, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA3_224, EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA3_224), "FIPS 186-5, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA3_256, EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA3_256), "FIPS 186-5, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA3_384, EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA3_384), "FIPS 186-5, 6", "ecdsa.txt"),
	ROW(CKM_ECDSA_SHA3_512, EC_SIGN, K_EC, 0, param_none, ecdsa_ops, ECDSA(CKM_SHA3_512), "FIPS 186-5, 6", "ecdsa.txt"),
	ROW(CKM_EDDSA, SIGN | NAMED, K(KEYS(CKK_EC_EDWARDS), 255, 448), 0, param_eddsa, eddsa_ops, NULL, "RFC 8032", "eddsa.txt", NOTE_EDDSA),

	ROW(CKM_ECDH1_DERIVE, CKF_DERIVE | EC_FACTS, K(KEYS(CKK_EC, CKK_EC_MONTGOMERY), 224, 521), 0, param_ecdh, ecdh_ops, NULL, "NIST SP 800-56A, RFC 7748", "ecdh.txt", NOTE_ECDH),
	ROW(CKM_ECDH1_COFACTOR_DERIVE, CKF_DERIVE | EC_FACTS, K_EC, 0, param_ecdh, ecdh_ops, NULL, "NIST SP 800-56A", "ecdh.txt", NOTE_ECDH),
	ROW(CKM_ECDH_AES_KEY_WRAP,     CARRY | EC_FACTS, K(KEYS(CKK_EC, CKK_EC_MONTGOMERY), 224, 521), MECH_SEALED, param_ecdh_wrap, ecdh_wrap_ops, BARE, "PKCS #11 3.1, RFC 5649", "ecdh_wrap.txt", NOTE_BARE),
	ROW(CKM_ECDH_COF_AES_KEY_WRAP, CARRY | EC_FACTS, K_EC, MECH_SEALED, param_ecdh_wrap, ecdh_wrap_ops, DER, "PKCS #11 3.2, RFC 5649", "ecdh_wrap.txt", NOTE_DER),
	ROW(CKM_ECDH_X_AES_KEY_WRAP,   CARRY | NAMED, K_MONTGOMERY, MECH_SEALED, param_ecdh_wrap, ecdh_wrap_ops, BARE, "PKCS #11 3.2, RFC 5649", "ecdh_wrap.txt", NOTE_BARE),

	ROW(CKM_SR_SM2_KEY_PAIR_GEN, EC_PAIR, K(NO_KEYS, 256, 256), 0, param_none, ec_generate_ops, GENERATE(CKK_SR_SM2, false), "GB/T 32918.1", NULL, SM2),
	ROW(CKM_SR_SM2,         EC_SIGN, K_SM2, MECH_NO_UPDATE, param_none, sm2_sign_ops, NULL, "GB/T 32918.2", "sm2.txt", SM2),
	ROW(CKM_SR_SM2_SM3,     EC_SIGN, K_SM2, 0, param_sm2, sm2_sign_ops, NULL, "GB/T 32918.2", "sm2.txt", SM2),
	ROW(CKM_SR_SM2_ENCRYPT, CRYPT | CARRY | EC_FACTS, K_SM2, MECH_NO_UPDATE | MECH_SEALED, param_none, sm2_crypt_ops, NULL, "GB/T 32918.4", "sm2.txt", SM2),
};
/* clang-format on */

const struct mech_rows mech_rows_ec = ROWS(rows);
