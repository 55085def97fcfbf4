/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "object.h"
#include "op_run.h"
#include "op_state.h"
#include "policy.h"

/* C_Digest*. */

static CK_RV digest(struct session *s, struct view data, uint8_t *out, CK_ULONG *len)
{
	struct op *op = NULL;
	enum length_answer answer;
	CK_RV rv = op_current(s, OP_DIGEST, MECH_SINGLE, &op);

	if (rv == CKR_OK && (len == NULL || !bytes_ok(data.p, data.n)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return op_end(s, OP_DIGEST, false, rv);
	answer = length_of(out, len, op->out_len);
	if (answer != LENGTH_GO)
		return answer == LENGTH_ASKED ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	rv = op->row->ops->update(op, data);
	if (rv == CKR_OK)
		rv = op->row->ops->final(op, out);
	if (rv == CKR_OK)
		*len = op->out_len;
	return op_end(s, OP_DIGEST, false, rv);
}

static CK_RV digest_update(struct session *s, struct view data)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, OP_DIGEST, MECH_UPDATE, &op);

	if (rv == CKR_OK && !bytes_ok(data.p, data.n))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = op_update(op, data);
	return op_end(s, OP_DIGEST, true, rv);
}

static CK_RV digest_key(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct object *key = NULL;
	struct op *op = NULL;
	CK_RV rv = op_current(s, OP_DIGEST, MECH_UPDATE, &op);

	if (rv == CKR_OK)
		rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK && op->row->ops->digest_key == NULL)
		rv = CKR_KEY_INDIGESTIBLE;
	if (rv == CKR_OK)
		rv = policy_digest_key(s, key);
	if (rv == CKR_OK) {
		op_record_drop(op); /* a saved state holds no key */
		rv = op->row->ops->digest_key(op, key);
	}
	object_unref(key);
	return op_end(s, OP_DIGEST, true, rv);
}

static CK_RV digest_final(struct session *s, uint8_t *out, CK_ULONG *len)
{
	struct op *op = NULL;
	enum length_answer answer;
	CK_RV rv = op_current(s, OP_DIGEST, MECH_FINAL, &op);

	if (rv == CKR_OK && len == NULL)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return op_end(s, OP_DIGEST, false, rv);
	answer = length_of(out, len, op->out_len);
	if (answer != LENGTH_GO)
		return answer == LENGTH_ASKED ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	rv = op->row->ops->final(op, out);
	if (rv == CKR_OK)
		*len = op->out_len;
	return op_end(s, OP_DIGEST, false, rv);
}

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_DIGEST, mechanism, 0));
}

CK_RV C_Digest(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, digest(call_s, VIEW(data, data_len), out, out_len));
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len)
{
	CALL_SESSION(session, 0, digest_update(call_s, VIEW(part, part_len)));
}

CK_RV C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, digest_key(call_s, key));
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, digest_final(call_s, out, out_len));
}
