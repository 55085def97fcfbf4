/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_MIGRATE_H
#define HSM_TOKEN_MIGRATE_H

#include "token_own.h"

/*
 * token_migrate: a token of schema 1 becomes one of schema 2, in one write transaction: what PINs open (its old token
 * key) is the user key from now on, and everything is sealed anew under a fresh token key. Users, PINs, ids, policy and
 * key usages stay what they are; there is no way back. A token that somebody else migrated meanwhile is left alone.
 *
 * record: the token record as it was when the PIN was judged; who: whose PIN it was.
 * Errors: CKR_DEVICE_REMOVED (initialised anew meanwhile), CKR_DEVICE_ERROR (an object that is not what was written;
 * call_note names it), store errors; the old token is whole then.
 */
CK_RV token_migrate(struct token *t, const struct token_record *record, const struct token_user *who,
		    const struct secret *user_key) MUST_CHECK;

#endif
