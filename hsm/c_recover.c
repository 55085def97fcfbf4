/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "op_call.h"
#include "module.h"
#include "secret.h"

/* C_SignRecover*, C_VerifyRecover*: signatures that hold the data. Single part only. */

/* recover: a wrong signature is said before a short buffer (PKCS#11 3.1, 5.15.6), so the data is recovered first. */
static CK_RV recover(struct op *op, struct view signature, uint8_t *out, CK_ULONG *len, bool *ret_asked)
{
	SECRET_AUTO data = { 0 };
	CK_RV rv;

	if (signature.n != op->out_len)
		return CKR_SIGNATURE_LEN_RANGE;
	if (!secret_init(&data, op->out_len))
		return CKR_HOST_MEMORY;
	rv = op->row->ops->recover(op, signature, data.p, data.room, &data.len);
	if (rv != CKR_OK)
		return rv == CKR_BUFFER_TOO_SMALL ? CKR_GENERAL_ERROR : rv;
	*ret_asked = out == NULL;
	if (!length_go(out, len, data.len, &rv))
		return rv;
	memcpy(out, data.p, data.len);
	*len = data.len;
	return CKR_OK;
}

static CK_RV verify(struct session *s, struct view signature, uint8_t *out, CK_ULONG *len)
{
	struct op *op = NULL;
	bool asked = false;
	CK_RV rv = op_current(s, OP_VERIFY_RECOVER, MECH_SINGLE, &op);

	if (rv == CKR_OK && (len == NULL || signature.p == NULL))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = recover(op, signature, out, len, &asked);
	return op_end(s, OP_VERIFY_RECOVER, asked, rv);
}

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_SIGN_RECOVER, mechanism, key));
}

CK_RV C_SignRecover(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR out,
		    CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, op_output(call_s, OP_SIGN_RECOVER, MECH_SINGLE, VIEW(data, data_len), out, out_len));
}

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_VERIFY_RECOVER, mechanism, key));
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE session, CK_BYTE_PTR signature, CK_ULONG signature_len, CK_BYTE_PTR out,
		      CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, verify(call_s, VIEW(signature, signature_len), out, out_len));
}
