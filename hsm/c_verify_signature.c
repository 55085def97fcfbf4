/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "op_run.h"

/* C_VerifySignature*: the signature comes first, the data later. For every mechanism that verifies. */

#define SIGNATURE_MAX 65536 /* more than any mechanism's */

static CK_RV start(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view signature)
{
	struct op *op;
	CK_RV rv;

	if (m != NULL && (signature.p == NULL || !bytes_ok(signature.p, signature.n)))
		return CKR_ARGUMENTS_BAD;
	rv = op_start(s, OP_VERIFY_SIGNATURE, m, key);
	if (rv != CKR_OK || m == NULL)
		return rv;
	/* One that is too long is refused at the end, whatever its bytes are. */
	if (signature.n > SIGNATURE_MAX)
		signature.n = SIGNATURE_MAX;
	op = s->ops[OP_VERIFY_SIGNATURE];
	buf_put_view(&op->signature, signature);
	if (!buf_ok(&op->signature))
		return op_end(s, OP_VERIFY_SIGNATURE, false, CKR_HOST_MEMORY);
	return CKR_OK;
}

static CK_RV verify(struct session *s, enum mech_part part, struct view data)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, OP_VERIFY_SIGNATURE, part, &op);

	if (rv == CKR_OK && !bytes_ok(data.p, data.n))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK) {
		if (part == MECH_SINGLE && data.p == NULL)
			data = VIEW_STR("");
		rv = op_verify(op, data, buf_view(&op->signature));
	}
	return op_end(s, OP_VERIFY_SIGNATURE, false, rv);
}

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key,
			    CK_BYTE_PTR signature, CK_ULONG signature_len)
{
	CALL_SESSION(session, 0, start(call_s, mechanism, key, VIEW(signature, signature_len)));
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len)
{
	CALL_SESSION(session, 0, verify(call_s, MECH_SINGLE, VIEW(data, data_len)));
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len)
{
	CALL_SESSION(session, 0, op_input(call_s, OP_VERIFY_SIGNATURE, VIEW(part, part_len)));
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, verify(call_s, MECH_FINAL, VIEW(NULL, 0)));
}
