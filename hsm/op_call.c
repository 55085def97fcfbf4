/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "object.h"
#include "op_run.h"
#include "policy.h"
#include "session.h"
#include "store.h"
#include "token.h"

bool length_go(const void *out, CK_ULONG *len, size_t need, CK_RV *ret)
{
	if (out != NULL && *len >= need)
		return true;
	*len = need;
	*ret = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	return false;
}

static const CK_FLAGS uses[OP_KINDS] = {
	[OP_DIGEST] = CKF_DIGEST,
	[OP_SIGN] = CKF_SIGN,
	[OP_SIGN_RECOVER] = CKF_SIGN_RECOVER,
	[OP_VERIFY] = CKF_VERIFY,
	[OP_VERIFY_RECOVER] = CKF_VERIFY_RECOVER,
	[OP_VERIFY_SIGNATURE] = CKF_VERIFY,
	[OP_ENCRYPT] = CKF_ENCRYPT,
	[OP_DECRYPT] = CKF_DECRYPT,
};

CK_FLAGS op_use(enum op_kind kind)
{
	return uses[kind];
}

/* still_allowed: another object with this key's value may have been used since for what excludes this operation. */
static CK_RV still_allowed(struct session *s, struct op *op)
{
	uint64_t sequence;

	if (op->watched == NULL)
		return CKR_OK;
	sequence = store_sequence(token_store(s->token));
	if (sequence == op->watched_at)
		return CKR_OK;
	op->watched_at = sequence;
	return policy_use(s, op->row, op->use, op->watched);
}

CK_RV op_current(struct session *s, enum op_kind kind, enum mech_part part, struct op **ret)
{
	struct op *op = s->ops[kind];
	enum op_phase phase = part == MECH_SINGLE ? OP_SINGLE : OP_MULTI;
	CK_RV rv;

	if (op == NULL || (phase == OP_MULTI && (op->row->traits & MECH_NO_UPDATE)))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->needs_login)
		return CKR_USER_NOT_LOGGED_IN;
	if (op->phase != OP_FRESH && op->phase != phase)
		return CKR_OPERATION_ACTIVE;
	op->phase = phase;
	rv = still_allowed(s, op);
	if (rv == CKR_OK)
		*ret = op;
	return rv;
}

CK_RV op_end(struct session *s, enum op_kind kind, bool keep, CK_RV rv)
{
	if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && keep))
		return rv;
	op_free(s->ops[kind]);
	s->ops[kind] = NULL;
	return rv;
}

CK_RV op_input(struct session *s, enum op_kind kind, struct view data)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, kind, MECH_UPDATE, &op);

	if (rv == CKR_OK && !bytes_ok(data.p, data.n))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = op_update(op, data);
	return op_end(s, kind, true, rv);
}

CK_RV op_output(struct session *s, enum op_kind kind, enum mech_part part, struct view data, uint8_t *out,
		CK_ULONG *len)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, kind, part, &op);

	if (rv == CKR_OK && (len == NULL || !bytes_ok(data.p, data.n)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return op_end(s, kind, false, rv);
	if (!length_go(out, len, op->out_len, &rv))
		return rv;
	rv = part == MECH_FINAL ? op->row->ops->final(op, out) : op_sign(op, data, out);
	if (rv == CKR_OK)
		*len = op->out_len;
	return op_end(s, kind, false, rv);
}

CK_RV op_start(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE handle)
{
	CK_FLAGS use = op_use(kind);
	struct object *key = NULL;
	CK_RV rv = CKR_OK;

	if (m == NULL) {
		if (s->ops[kind] == NULL)
			return CKR_ARGUMENTS_BAD;
		return op_end(s, kind, false, CKR_OK);
	}
	if (s->ops[kind] != NULL)
		return CKR_OPERATION_ACTIVE;
	if (use != CKF_DIGEST)
		rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = op_new(s, m, use, key, &s->ops[kind]);
	object_unref(key);
	return rv;
}
