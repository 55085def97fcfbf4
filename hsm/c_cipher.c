/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "op_run.h"

/* C_Encrypt*, C_Decrypt*. */

static CK_RV crypt(struct session *s, enum op_kind kind, enum mech_part part, struct view in, uint8_t *out,
		   CK_ULONG *len)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, kind, part, &op);

	if (rv == CKR_OK && (len == NULL || !bytes_ok(in.p, in.n)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return op_end(s, kind, false, rv);
	/* The bound is what a length query answers; whether a given buffer is enough, the mechanism knows better. */
	if (out == NULL)
		return op_end(s, kind, true, op_crypt_ask(op, part, in, len));
	return op_end(s, kind, part == MECH_UPDATE, op_crypt(op, part, in, out, len));
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_ENCRYPT, mechanism, key));
}

CK_RV C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_SINGLE, VIEW(in, in_len), out, out_len));
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_UPDATE, VIEW(in, in_len), out, out_len));
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_DECRYPT, mechanism, key));
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_SINGLE, VIEW(in, in_len), out, out_len));
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_UPDATE, VIEW(in, in_len), out, out_len));
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}
