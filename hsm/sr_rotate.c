/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include "module.h"
#include "session.h"
#include "token_rotate.h"

static CK_RV rotate(struct session *s, CK_ULONG batch, CK_ULONG *generation, CK_ULONG *done, CK_ULONG *left)
{
	struct token_rotation r = { 0 };
	CK_RV rv = generation != NULL && done != NULL && left != NULL ? token_rotate(s, batch, &r) : CKR_ARGUMENTS_BAD;

	if (rv != CKR_OK)
		return rv;
	*generation = r.generation;
	*done = r.done;
	*left = r.left;
	return CKR_OK;
}

CK_RV SR_RotateTokenKey(CK_SESSION_HANDLE session, CK_ULONG batch, CK_ULONG_PTR generation, CK_ULONG_PTR done,
			CK_ULONG_PTR left)
{
	CALL_SESSION(session, 0, rotate(call_s, batch, generation, done, left));
}
