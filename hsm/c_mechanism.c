/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "mech.h"
#include "message.h"
#include "module.h"
#include "object_find.h"
#include "policy.h"
#include "session.h"
#include "token.h"

/* C_GetMechanismList, C_GetMechanismInfo, C_SessionCancel. */

static CK_RV list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *out, CK_ULONG *count)
{
	struct token *token = NULL;
	CK_RV rv;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = token_find(slot, &token);
	if (rv != CKR_OK)
		return rv;
	if (!length_go(out, count, mech_count(), &rv))
		return rv;
	for (size_t i = 0; i < mech_count(); i++)
		out[i] = mech_at(i)->type;
	*count = mech_count();
	return CKR_OK;
}

static CK_RV info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *ret)
{
	const struct mech_row *row = mech_find(type);
	struct token *token = NULL;
	CK_MECHANISM_INFO made;
	CK_RV rv;

	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = token_find(slot, &token);
	if (rv != CKR_OK)
		return rv;
	if (row == NULL)
		return CKR_MECHANISM_INVALID;
	made = (CK_MECHANISM_INFO){ .ulMinKeySize = row->key_min, .ulMaxKeySize = row->key_max, .flags = row->flags };
	rv = policy_shown(token, row, &made);
	if (rv == CKR_OK)
		*ret = made;
	return rv;
}

/* cancel: what is not active, and flags of no operation, make no difference (PKCS#11 3.1, 5.6.5). */
static CK_RV cancel(struct session *s, CK_FLAGS flags)
{
	for (size_t i = 0; i < OP_KINDS; i++) {
		if (flags & op_use((enum op_kind)i))
			(void)op_end(s, (enum op_kind)i, false, CKR_OK);
	}
	for (size_t i = 0; i < MESSAGE_KINDS; i++) {
		if (flags & message_use((enum message_kind)i)) {
			message_free(s->messages[i]);
			s->messages[i] = NULL;
		}
	}
	if ((flags & CKF_FIND_OBJECTS) && s->find != NULL)
		return find_end(s);
	return CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR out, CK_ULONG_PTR count)
{
	CALL_MODULE(slot, list(slot, out, count));
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR ret)
{
	CALL_MODULE(slot, info(slot, type, ret));
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
	CALL_SESSION(session, 0, cancel(call_s, flags));
}
