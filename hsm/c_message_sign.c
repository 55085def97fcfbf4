/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "message.h"
#include "module.h"
#include "op_run.h"

/* C_MessageSignInit .. C_MessageVerifyFinal: each message is an operation of its own on the kept key. */

/* fresh: the operation of one message, with its own parameter or that of the Init. */
static CK_RV fresh(struct session *s, struct message *m, void *param, CK_ULONG param_len, struct op **ret)
{
	CK_MECHANISM mechanism = m->mechanism;
	CK_RV rv = CKR_OK;

	if (!bytes_ok(param, param_len))
		return CKR_ARGUMENTS_BAD;
	if (param_len != 0) {
		mechanism = (CK_MECHANISM){ m->row->type, param, param_len };
		rv = mech_param_ok(m->row, &mechanism, mech_plain_use(m->use));
	} else if (m->bring) {
		rv = CKR_MECHANISM_PARAM_INVALID;
	}
	return rv == CKR_OK ? op_make(s, m->row, &mechanism, mech_plain_use(m->use), m->key, ret) : rv;
}

static CK_RV begin(struct session *s, enum message_kind kind, void *param, CK_ULONG param_len)
{
	struct message *m = NULL;
	CK_RV rv = message_current(s, kind, false, &m);

	if (rv != CKR_OK)
		return rv;
	if (m->row->traits & MECH_NO_UPDATE)
		return CKR_OPERATION_NOT_INITIALIZED;
	rv = fresh(s, m, param, param_len, &m->op);
	m->begun = rv == CKR_OK;
	return rv;
}

static CK_RV sign(struct session *s, void *param, CK_ULONG param_len, struct view data, uint8_t *out, CK_ULONG *len)
{
	struct message *m = NULL;
	struct op *op = NULL;
	CK_RV rv = message_current(s, MESSAGE_SIGN, false, &m);

	if (rv != CKR_OK)
		return rv;
	if (len == NULL || !bytes_ok(data.p, data.n))
		return CKR_ARGUMENTS_BAD;
	rv = fresh(s, m, param, param_len, &op);
	if (rv != CKR_OK)
		return rv;
	if (length_go(out, len, op->out_len, &rv)) {
		rv = op_sign(op, data, out);
		if (rv == CKR_OK)
			*len = op->out_len;
	}
	op_free(op);
	return rv;
}

/* sign_next: len NULL: more data follow. */
static CK_RV sign_next(struct session *s, struct view data, uint8_t *out, CK_ULONG *len)
{
	struct message *m = NULL;
	CK_RV rv = message_current(s, MESSAGE_SIGN, true, &m);

	if (rv != CKR_OK)
		return rv;
	if (!bytes_ok(data.p, data.n))
		return message_drop(m, CKR_ARGUMENTS_BAD);
	if (len == NULL) {
		rv = m->row->ops->update(m->op, data);
		return rv == CKR_OK ? rv : message_drop(m, rv);
	}
	if (!length_go(out, len, m->op->out_len, &rv))
		return rv;
	rv = m->row->ops->update(m->op, data);
	if (rv == CKR_OK)
		rv = m->row->ops->final(m->op, out);
	if (rv == CKR_OK)
		*len = m->op->out_len;
	return message_drop(m, rv);
}

static CK_RV verify(struct session *s, void *param, CK_ULONG param_len, struct view data, struct view signature)
{
	struct message *m = NULL;
	struct op *op = NULL;
	CK_RV rv = message_current(s, MESSAGE_VERIFY, false, &m);

	if (rv != CKR_OK)
		return rv;
	if (!bytes_ok(data.p, data.n) || signature.p == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = fresh(s, m, param, param_len, &op);
	if (rv == CKR_OK)
		rv = op_verify(op, data.p == NULL ? VIEW_STR("") : data, signature);
	op_free(op);
	return rv;
}

/* verify_next: signature.p NULL: more data follow. */
static CK_RV verify_next(struct session *s, struct view data, struct view signature)
{
	struct message *m = NULL;
	CK_RV rv = message_current(s, MESSAGE_VERIFY, true, &m);

	if (rv != CKR_OK)
		return rv;
	if (!bytes_ok(data.p, data.n))
		return message_drop(m, CKR_ARGUMENTS_BAD);
	rv = m->row->ops->update(m->op, data);
	if (rv == CKR_OK && signature.p == NULL)
		return CKR_OK;
	if (rv == CKR_OK)
		rv = op_verify(m->op, VIEW(NULL, 0), signature);
	return message_drop(m, rv);
}

CK_RV C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, message_start(call_s, MESSAGE_SIGN, mechanism, key));
}

CK_RV C_SignMessage(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR data,
		    CK_ULONG data_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, sign(call_s, param, param_len, VIEW(data, data_len), out, out_len));
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len)
{
	CALL_SESSION(session, 0, begin(call_s, MESSAGE_SIGN, param, param_len));
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR data,
			CK_ULONG data_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, sign_next(call_s, VIEW(data, data_len), out, out_len));
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, message_finish(call_s, MESSAGE_SIGN));
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, message_start(call_s, MESSAGE_VERIFY, mechanism, key));
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR data,
		      CK_ULONG data_len, CK_BYTE_PTR signature, CK_ULONG signature_len)
{
	CALL_SESSION(session, 0,
		     verify(call_s, param, param_len, VIEW(data, data_len), VIEW(signature, signature_len)));
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len)
{
	CALL_SESSION(session, 0, begin(call_s, MESSAGE_VERIFY, param, param_len));
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR data,
			  CK_ULONG data_len, CK_BYTE_PTR signature, CK_ULONG signature_len)
{
	CALL_SESSION(session, 0, verify_next(call_s, VIEW(data, data_len), VIEW(signature, signature_len)));
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, message_finish(call_s, MESSAGE_VERIFY));
}
