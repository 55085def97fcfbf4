/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_REBIND_H
#define HSM_TOKEN_REBIND_H

#include "token_host.h"

/*
 * token_rebind: the outer seals of all that PINs open, and of the token keys, from one place to another that differs in
 * its host_key. Needs no PIN. The token record is the caller's. What was there before stays in free pages of the file:
 * the caller copies it.
 */
CK_RV token_rebind(const struct token_place *from, const struct token_place *to, struct store_txn *txn) MUST_CHECK;

#endif
