/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "op_run.h"

/* C_Sign*, C_Verify*. */

static CK_RV verify(struct session *s, enum mech_part part, struct view data, struct view signature)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, OP_VERIFY, part, &op);

	if (rv == CKR_OK && (!bytes_ok(data.p, data.n) || signature.p == NULL))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK) {
		if (part == MECH_SINGLE && data.p == NULL)
			data = VIEW_STR("");
		rv = op_verify(op, data, signature);
	}
	return op_end(s, OP_VERIFY, false, rv);
}

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_SIGN, mechanism, key));
}

CK_RV C_Sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, op_output(call_s, OP_SIGN, MECH_SINGLE, VIEW(data, data_len), out, out_len));
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len)
{
	CALL_SESSION(session, 0, op_input(call_s, OP_SIGN, VIEW(part, part_len)));
}

CK_RV C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, op_output(call_s, OP_SIGN, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_VERIFY, mechanism, key));
}

CK_RV C_Verify(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR signature,
	       CK_ULONG signature_len)
{
	CALL_SESSION(session, 0, verify(call_s, MECH_SINGLE, VIEW(data, data_len), VIEW(signature, signature_len)));
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len)
{
	CALL_SESSION(session, 0, op_input(call_s, OP_VERIFY, VIEW(part, part_len)));
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR signature, CK_ULONG signature_len)
{
	CALL_SESSION(session, 0, verify(call_s, MECH_FINAL, VIEW(NULL, 0), VIEW(signature, signature_len)));
}
