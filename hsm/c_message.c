/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "message.h"
#include "module.h"
#include "op_run.h"
#include "secret.h"
#include <stdlib.h>
#include <string.h>

/* C_MessageEncryptInit .. C_MessageDecryptFinal. */

/* go: part of a message into out, which has room; the input may stand anywhere in it. */
static CK_RV go(struct message *m, void *param, CK_ULONG param_len, enum mech_part part, struct view in, uint8_t *out,
		CK_ULONG *len, size_t need)
{
	uint8_t *copy = NULL;
	CK_RV rv;

	if (bytes_overlap(in, VIEW(out, need)) && (part != MECH_SINGLE || in.p != out)) {
		copy = malloc(in.n);
		if (copy == NULL)
			return CKR_HOST_MEMORY;
		memcpy(copy, in.p, in.n);
		in.p = copy;
	}
	rv = m->row->ops->message->next(m, param, param_len, part, in, out);
	if (rv == CKR_OK)
		*len = need;
	if (copy != NULL)
		memory_wipe(copy, in.n);
	free(copy);
	return rv;
}

static CK_RV one(struct session *s, enum message_kind kind, void *param, CK_ULONG param_len, struct view aad,
		 struct view in, uint8_t *out, CK_ULONG *len)
{
	struct message *m = NULL;
	size_t need;
	CK_RV rv = message_current(s, kind, false, &m);

	if (rv != CKR_OK)
		return rv;
	if (len == NULL || !bytes_ok(aad.p, aad.n) || !bytes_ok(in.p, in.n))
		return CKR_ARGUMENTS_BAD;
	rv = m->row->ops->message->check(m->row, param, param_len);
	if (rv != CKR_OK)
		return rv;
	need = m->row->ops->message->bound(m, MECH_SINGLE, in.n);
	if (!length_go(out, len, need, &rv))
		return rv;
	rv = m->row->ops->message->begin(m, param, param_len, aad);
	if (rv == CKR_OK)
		rv = go(m, param, param_len, MECH_SINGLE, in, out, len, need);
	return message_drop(m, rv);
}

static CK_RV begin(struct session *s, enum message_kind kind, void *param, CK_ULONG param_len, struct view aad)
{
	struct message *m = NULL;
	CK_RV rv = message_current(s, kind, false, &m);

	if (rv != CKR_OK)
		return rv;
	if (!bytes_ok(aad.p, aad.n))
		return CKR_ARGUMENTS_BAD;
	rv = m->row->ops->message->begin(m, param, param_len, aad);
	if (rv != CKR_OK)
		return message_drop(m, rv);
	m->begun = true;
	return CKR_OK;
}

static CK_RV next(struct session *s, enum message_kind kind, void *param, CK_ULONG param_len, struct view in,
		  uint8_t *out, CK_ULONG *len, CK_FLAGS flags)
{
	enum mech_part part = flags & CKF_END_OF_MESSAGE ? MECH_FINAL : MECH_UPDATE;
	struct message *m = NULL;
	size_t need;
	CK_RV rv = message_current(s, kind, true, &m);

	if (rv != CKR_OK)
		return rv;
	if (len == NULL || !bytes_ok(in.p, in.n) || !bytes_ok(param, param_len) ||
	    (flags & ~(CK_FLAGS)CKF_END_OF_MESSAGE) != 0)
		return message_drop(m, CKR_ARGUMENTS_BAD);
	need = m->row->ops->message->bound(m, part, in.n);
	if (!length_go(out, len, need, &rv))
		return rv;
	rv = go(m, param, param_len, part, in, out, len, need);
	if (rv != CKR_OK || part == MECH_FINAL)
		return message_drop(m, rv);
	return CKR_OK;
}

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, message_start(call_s, MESSAGE_ENCRYPT, mechanism, key));
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad,
		       CK_ULONG aad_len, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(
	    session, 0,
	    one(call_s, MESSAGE_ENCRYPT, param, param_len, VIEW(aad, aad_len), VIEW(in, in_len), out, out_len));
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad,
			    CK_ULONG aad_len)
{
	CALL_SESSION(session, 0, begin(call_s, MESSAGE_ENCRYPT, param, param_len, VIEW(aad, aad_len)));
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR in,
			   CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len, CK_FLAGS flags)
{
	CALL_SESSION(session, 0,
		     next(call_s, MESSAGE_ENCRYPT, param, param_len, VIEW(in, in_len), out, out_len, flags));
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, message_finish(call_s, MESSAGE_ENCRYPT));
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, message_start(call_s, MESSAGE_DECRYPT, mechanism, key));
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad,
		       CK_ULONG aad_len, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(
	    session, 0,
	    one(call_s, MESSAGE_DECRYPT, param, param_len, VIEW(aad, aad_len), VIEW(in, in_len), out, out_len));
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR aad,
			    CK_ULONG aad_len)
{
	CALL_SESSION(session, 0, begin(call_s, MESSAGE_DECRYPT, param, param_len, VIEW(aad, aad_len)));
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR param, CK_ULONG param_len, CK_BYTE_PTR in,
			   CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len, CK_FLAGS flags)
{
	CALL_SESSION(session, 0,
		     next(call_s, MESSAGE_DECRYPT, param, param_len, VIEW(in, in_len), out, out_len, flags));
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, message_finish(call_s, MESSAGE_DECRYPT));
}
