/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include "module.h"
#include "session.h"
#include "token_own.h"
#include "verify.h"

static CK_RV verify(struct session *s, CK_FLAGS flags, struct sr_verify_state *state, struct sr_finding *findings,
		    CK_ULONG *count)
{
	struct verify v = { .findings = findings };
	CK_RV rv;

	if (state == NULL || count == NULL || (flags & ~SR_VERIFY_REPAIR) != 0)
		return CKR_ARGUMENTS_BAD;
	v.room = findings != NULL ? *count : 0;
	if (flags & SR_VERIFY_REPAIR) {
		rv = verify_repair(s, &v);
		if (rv != CKR_OK)
			return rv;
	}
	rv = verify_token(s->token, &v);
	if (rv != CKR_OK)
		return rv;
	*count = v.count;
	*state = v.state;
	return CKR_OK;
}

CK_RV SR_Verify(CK_SESSION_HANDLE session, CK_FLAGS flags, struct sr_verify_state *state, struct sr_finding *findings,
		CK_ULONG_PTR count)
{
	CALL_SESSION(session, 0, verify(call_s, flags, state, findings, count));
}
