/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"

/* Key wrapping under symmetric keys. */
#define WRAP(pad)                                                                                                      \
	&(const struct key_wrap_arg)                                                                                   \
	{                                                                                                              \
		pad                                                                                                    \
	}

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_AES_KEY_WRAP,     CARRY, K_AES, 0, param_key_wrap_iv, key_wrap_ops, WRAP(false), "RFC 3394", "key_wrap.txt"),
	ROW(CKM_AES_KEY_WRAP_PAD, CARRY, K_AES, 0, param_none,        key_wrap_ops, WRAP(true),  "RFC 5649", "key_wrap.txt"),
	ROW(CKM_AES_KEY_WRAP_KWP, CARRY, K_AES, 0, param_none,        key_wrap_ops, WRAP(true),  "RFC 5649", "key_wrap.txt"),
};
/* clang-format on */

const struct mech_rows mech_rows_wrap = ROWS(rows);
