/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Key wrapping under symmetric keys; data too, in a single part. */
#define WRAP(form)                                                                                                     \
	&(const struct key_wrap_arg)                                                                                   \
	{                                                                                                              \
		form                                                                                                   \
	}
#define NOTE_KW "wraps what has a multiple of 8 bytes, at least 16; private keys as PKCS #8"
#define NOTE_KWP "private keys as PKCS #8"
#define NOTE_PAD "deprecated by PKCS #11 because tokens differ; here as CKM_AES_KEY_WRAP_KWP"
#define NOTE_PKCS7 "8 bytes at least; private keys as PKCS #8"

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_KEY_WRAP,       CRYPT | CARRY, K_AES, MECH_NO_UPDATE | MECH_SEALED, param_key_wrap_iv,  key_wrap_ops, WRAP(KEY_WRAP_KW),    "RFC 3394", "key_wrap.txt", .note = NOTE_KW),
	ROW(CKM_AES_KEY_WRAP_PAD,   CRYPT | CARRY, K_AES, MECH_NO_UPDATE | MECH_SEALED, param_none,         key_wrap_ops, WRAP(KEY_WRAP_KWP),   "RFC 5649", "key_wrap.txt", .note = NOTE_PAD),
	ROW(CKM_AES_KEY_WRAP_KWP,   CRYPT | CARRY, K_AES, MECH_NO_UPDATE | MECH_SEALED, param_key_wrap_iv4, key_wrap_ops, WRAP(KEY_WRAP_KWP),   "RFC 5649", "key_wrap.txt", .note = NOTE_KWP),
	ROW(CKM_AES_KEY_WRAP_PKCS7, CRYPT | CARRY, K_AES, MECH_NO_UPDATE | MECH_SEALED, param_key_wrap_iv,  key_wrap_ops, WRAP(KEY_WRAP_PKCS7), "RFC 3394, PKCS #7 padding", "key_wrap.txt", .note = NOTE_PKCS7),
};
/* clang-format on */

const struct mech_rows mech_rows_wrap = ROWS(rows);
