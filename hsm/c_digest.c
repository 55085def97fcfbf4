/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "object.h"
#include "op_run.h"
#include "op_state.h"
#include "policy.h"

/* C_Digest*. */

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

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_DIGEST, mechanism, 0));
}

CK_RV C_Digest(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, op_output(call_s, OP_DIGEST, MECH_SINGLE, VIEW(data, data_len), out, out_len));
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len)
{
	CALL_SESSION(session, 0, op_input(call_s, OP_DIGEST, VIEW(part, part_len)));
}

CK_RV C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, digest_key(call_s, key));
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, op_output(call_s, OP_DIGEST, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}
