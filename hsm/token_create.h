/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_CREATE_H
#define HSM_TOKEN_CREATE_H

#include "token_own.h"

/*
 * token_create: C_InitToken, on the free slot or again on a token (all its objects and users go; audit stays).
 *
 * label: padded with blanks. pin: the SO's; on a token that is there, the one that it has.
 * Errors: CKR_PIN_LEN_RANGE, CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_SESSION_EXISTS, store errors; nothing is left then.
 */
CK_RV token_create(struct token *t, struct view pin, const uint8_t label[32]) MUST_CHECK;

/*
 * token_write_keys: the records that the keys of a token stand in, new: a token that is made, initialised again, or
 * migrated. seal works with them: what else belongs to a new token and is sealed comes in here.
 */
CK_RV token_write_keys(const struct token_place *place, struct seal *seal, struct store_txn *txn,
		       struct token_record *record, const struct secret *user_key, struct token_keys *keys) MUST_CHECK;

#endif
