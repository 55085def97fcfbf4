/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include "module.h"
#include "session.h"
#include "store_rv.h"
#include "token_own.h"

static CK_RV token_state(struct token *t, struct sr_token_state *ret)
{
	struct token_record record;
	struct store_txn *txn = NULL;
	uint64_t objects = 0;
	CK_RV rv;

	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = store_rv(store_begin(token_store(t), false, &txn));
	if (rv != CKR_OK)
		return rv;
	rv = token_record_load(t->crypto, txn, &record);
	if (rv == CKR_OK)
		rv = store_rv(store_object_count(txn, &objects));
	if (rv == CKR_OK)
		*ret = (struct sr_token_state){ .flags = (record.flags & TOKEN_HOST_BOUND ? SR_TOKEN_HOST_BOUND : 0) |
							 (record.flags & TOKEN_COPY ? SR_TOKEN_COPY : 0),
						.ulObjects = objects,
						.ulSchema = store_schema(txn) };
	store_abort(txn);
	return rv;
}

CK_RV SR_GetTokenState(CK_SESSION_HANDLE session, struct sr_token_state *state)
{
	CALL_SESSION(session, 0, token_state(call_s->token, state));
}
