/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_ROWS_H
#define HSM_MECH_ROWS_H

#include "mech_family.h"

/*
 * How rows of the mechanism table are written; only mech_table.c and mech_rows_*.c include it.
 *
 * ROW: type, flags, keys (types, smallest and largest: bytes; pairs: bits), traits, parameter rule, operations,
 * argument of the family, source, vector file in tests/vectors (NULL: a test of its own); then, where OpenSSL may lack
 * it, .needs = "cipher:NAME" and the like, and where there is more to say, .note (mech.h).
 */
#define ROW(m, f, k, tr, pa, op, ar, src, vec, ...)                                                                    \
	{                                                                                                              \
		.type = m, .name = #m, .flags = (f) | MESSAGE_SIGN(m, f, tr), k, .traits = tr, .param = &pa,           \
		.ops = &op, .arg = ar, .source = src, .vectors = vec, ##__VA_ARGS__                                    \
	}
/*
 * MESSAGE_SIGN: whatever signs and verifies does so by messages, too, in parts when it has updates. Not the vendor's
 * own mechanisms, which say what one call does, nor keys that are for one message.
 */
#define MESSAGE_SIGN(m, f, tr)                                                                                         \
	(((m)&CKM_VENDOR_DEFINED) || ((tr)&MECH_ONE_MESSAGE) || !((f) & (CKF_SIGN | CKF_VERIFY))                       \
	     ? 0                                                                                                       \
	     : ((f)&CKF_SIGN ? CKF_MESSAGE_SIGN : 0) | ((f)&CKF_VERIFY ? CKF_MESSAGE_VERIFY : 0) |                     \
		   ((tr)&MECH_NO_UPDATE ? 0 : CKF_MULTI_MESSAGE))
#define K(types, min, max) .keys = types, .key_min = min, .key_max = max
#define NO_KEYS                                                                                                        \
	{                                                                                                              \
		NULL, 0                                                                                                \
	}
#define MAX_GENERIC 512

#define SIGN (CKF_SIGN | CKF_VERIFY)
#define RECOVER (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)
#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define CARRY (CKF_WRAP | CKF_UNWRAP)
#define MESSAGE (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)

#define K_AES K(KEYS(CKK_AES), 16, 32)
#define K_DES K(KEYS(CKK_DES), 8, 8)
#define K_DES3 K(KEYS(CKK_DES2, CKK_DES3), 16, 24)
#define K_SM4 K(KEYS(CKK_SR_SM4), 16, 16)
#define K_RSA K(KEYS(CKK_RSA), 1024, 8192)
#define K_TK K(KEYS(CKK_DES2, CKK_DES3, CKK_AES), 16, 32)
#define K_PAY K(KEYS(CKK_DES2, CKK_DES3, CKK_AES), 16, 32)
#define K_NONE K(NO_KEYS, 0, 0)

struct mech_rows {
	const struct mech_row *rows;
	size_t count;
};
#define ROWS(array)                                                                                                    \
	{                                                                                                              \
		array, ARRAY_LEN(array)                                                                                \
	}

extern const struct mech_rows mech_rows_digest;   /* digests */
extern const struct mech_rows mech_rows_mac;      /* HMAC, CMAC, CBC-MAC */
extern const struct mech_rows mech_rows_cipher;   /* block and stream ciphers */
extern const struct mech_rows mech_rows_aead;     /* authenticated encryption, and the MACs beside it */
extern const struct mech_rows mech_rows_wrap;     /* key wrapping under symmetric keys */
extern const struct mech_rows mech_rows_rsa;      /* RSA */
extern const struct mech_rows mech_rows_ec;       /* elliptic curves */
extern const struct mech_rows mech_rows_ffc;      /* DH, X9.42 DH, DSA */
extern const struct mech_rows mech_rows_pq;       /* ML-KEM, ML-DSA, SLH-DSA */
extern const struct mech_rows mech_rows_derive;   /* derivation */
extern const struct mech_rows mech_rows_generate; /* generation of secret keys */
extern const struct mech_rows
    mech_rows_payment; /* what terminals and acquirers use, and vendor.h; the last of the table */

#endif
