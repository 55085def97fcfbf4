/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "dual.h"
#include "mech.h"
#include "module.h"
#include "object.h"
#include "object_attr.h"
#include "object_change.h"
#include "policy.h"
#include "secret.h"
#include "session.h"
#include "store_rv.h"
#include "vendor_functions.h"
#include <stdlib.h>
#include <string.h>

/* C_GenerateKey, C_GenerateKeyPair, C_WrapKey, C_UnwrapKey, C_DeriveKey. */

static CK_RV generate(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *t, CK_ULONG n,
		      CK_OBJECT_HANDLE *ret)
{
	const struct mech_row *row = NULL;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv;

	if (m == NULL || ret == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = template_form(t, n);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_GENERATE, NULL, &row);
	if (rv == CKR_OK)
		rv = row->ops->generate(s, row, m, t, n, &handle);
	if (rv == CKR_OK)
		*ret = handle;
	return rv;
}

static CK_RV generate_pair(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *public_t, CK_ULONG public_n,
			   const CK_ATTRIBUTE *private_t, CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public,
			   CK_OBJECT_HANDLE *ret_private)
{
	const struct mech_row *row = NULL;
	CK_OBJECT_HANDLE public_handle = 0, private_handle = 0;
	CK_ULONG bits;
	CK_RV rv;

	if (m == NULL || ret_public == NULL || ret_private == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = template_form(public_t, public_n);
	if (rv == CKR_OK)
		rv = template_form(private_t, private_n);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_GENERATE_KEY_PAIR, NULL, &row);
	if (rv == CKR_OK && template_ulong(public_t, public_n, CKA_MODULUS_BITS, &bits))
		rv = policy_pair_bits(s, row, bits);
	if (rv == CKR_OK)
		rv = row->ops->generate_pair(s, row, m, public_t, public_n, private_t, private_n, &public_handle,
					     &private_handle);
	if (rv == CKR_OK) {
		*ret_public = public_handle;
		*ret_private = private_handle;
	}
	return rv;
}

/*
 * export_approved: a key of the token leaves. The wrapped form stays here until the approvals are used up, durably.
 */
static CK_RV export_approved(struct session *s, const struct object *wrapping, const struct object *key)
{
	BUF_AUTO subject = { 0 };
	struct store_txn *txn = NULL;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	dual_subject_export(wrapping, key, &subject);
	rv = buf_ok(&subject) ? dual_spend(s, txn, SR_ACTION_EXPORT, buf_view(&subject)) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* wrap_out: what the row's mechanism writes, but only into the caller's hands when two custodians approved it. */
static CK_RV wrap_out(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		      struct object *key, uint8_t *out, CK_ULONG *len)
{
	CK_ULONG n = *len;
	uint8_t *room;
	bool asks = false;
	CK_RV rv = CKR_OK;

	/* A Pr that packets are rewrapped with does not leave. */
	if (object_bool(key, CKA_TOKEN) && object_role(key) != SR_ROLE_PR && (row->traits & MECH_OWN_APPROVAL) == 0)
		rv = dual_asks(s, SR_ACTION_EXPORT, &asks);
	if (rv != CKR_OK)
		return rv;
	if (!asks || out == NULL)
		return row->ops->wrap(s, row, m, wrapping, key, out, len);
	/* As long as it is: not what a caller says. */
	rv = row->ops->wrap(s, row, m, wrapping, key, NULL, &n);
	if (rv != CKR_OK)
		return rv;
	if (*len < n) {
		*len = n;
		return CKR_BUFFER_TOO_SMALL;
	}
	room = malloc(n > 0 ? n : 1);
	if (room == NULL)
		return CKR_HOST_MEMORY;
	rv = row->ops->wrap(s, row, m, wrapping, key, room, &n);
	if (rv == CKR_OK)
		rv = export_approved(s, wrapping, key);
	if (rv == CKR_OK) {
		memcpy(out, room, n);
		*len = n;
	}
	memory_wipe(room, n);
	free(room);
	return rv;
}

static CK_RV wrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping_handle,
		  CK_OBJECT_HANDLE key_handle, uint8_t *out, CK_ULONG *len)
{
	struct object *wrapping = NULL, *key = NULL;
	const struct mech_row *row = NULL;
	CK_RV rv;

	if (m == NULL || len == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = object_get_key(s, wrapping_handle, CKR_WRAPPING_KEY_HANDLE_INVALID, &wrapping);
	if (rv == CKR_OK)
		rv = object_get_key(s, key_handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_WRAP, wrapping, &row);
	if (rv == CKR_OK && (row->traits & MECH_CHOSEN_IV) && !mech_iv_made(row, m))
		rv = policy_wrap_iv(s, wrapping, key);
	if (rv == CKR_OK)
		rv = mech_gate_cargo(s, row, wrapping, key);
	if (rv == CKR_OK && out != NULL)
		rv = session_may_count(s);
	if (rv == CKR_OK)
		rv = wrap_out(s, row, m, wrapping, key, out, len);
	if (rv == CKR_OK && out != NULL && !(row->traits & MECH_OWN_CARGO))
		session_count(s, AUDIT_KEY_WRAPPED, object_bool(key, CKA_TOKEN) ? key : wrapping);
	object_unref(key);
	object_unref(wrapping);
	return rv;
}

static CK_RV unwrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping_handle, struct view wrapped,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct template_merged merged = { 0 };
	struct object *unwrapping = NULL;
	const struct mech_row *row = NULL;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv;

	if (m == NULL || ret == NULL || wrapped.p == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = template_form(t, n);
	if (rv == CKR_OK)
		rv = object_get_key(s, unwrapping_handle, CKR_UNWRAPPING_KEY_HANDLE_INVALID, &unwrapping);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_UNWRAP, unwrapping, &row);
	if (rv == CKR_OK)
		rv = template_merge(unwrapping, CKA_UNWRAP_TEMPLATE, t, n, &merged);
	if (rv == CKR_OK)
		rv = session_may_count(s);
	if (rv == CKR_OK)
		rv = row->ops->unwrap(s, row, m, unwrapping, wrapped, merged.t, merged.n, &handle);
	if (rv == CKR_OK)
		*ret = handle;
	template_merged_done(&merged);
	object_unref(unwrapping);
	return rv;
}

/* authenticated: the parameter of a message as that of a wrapping, with the associated data in it. */
static CK_RV authenticated(const CK_MECHANISM *m, CK_FLAGS use, struct view aad, struct mech_authenticated *ret,
			   CK_MECHANISM *ret_inner)
{
	const struct mech_row *row = mech_find(m->mechanism);
	CK_RV rv;

	if (row == NULL || !(row->flags & use) || row->ops->authenticated == NULL)
		return CKR_MECHANISM_INVALID;
	rv = row->ops->authenticated(row, m, aad, ret);
	if (rv == CKR_OK)
		*ret_inner = (CK_MECHANISM){ m->mechanism, &ret->param, ret->len };
	return rv;
}

static CK_RV wrap_authenticated(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping,
				CK_OBJECT_HANDLE key, struct view aad, uint8_t *out, CK_ULONG *len)
{
	struct mech_authenticated a;
	CK_MECHANISM inner;
	CK_ULONG both = 0;
	uint8_t *room = NULL;
	CK_RV rv;

	if (m == NULL || len == NULL || !bytes_ok(aad.p, aad.n))
		return CKR_ARGUMENTS_BAD;
	rv = authenticated(m, CKF_WRAP, aad, &a, &inner);
	if (rv == CKR_OK)
		rv = wrap(s, &inner, wrapping, key, NULL, &both);
	if (rv != CKR_OK)
		return rv;
	if (!length_go(out, len, both - a.tag_len, &rv))
		return rv;
	room = malloc(both);
	if (room == NULL)
		return CKR_HOST_MEMORY;
	rv = wrap(s, &inner, wrapping, key, room, &both);
	if (rv == CKR_OK) {
		*len = both - a.tag_len;
		memcpy(out, room, *len);
		memcpy(a.tag, room + *len, a.tag_len);
	}
	free(room);
	return rv;
}

static CK_RV unwrap_authenticated(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping,
				  struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, struct view aad,
				  CK_OBJECT_HANDLE *ret)
{
	struct mech_authenticated a;
	CK_MECHANISM inner;
	uint8_t *both;
	CK_RV rv;

	if (m == NULL || ret == NULL || wrapped.p == NULL || !bytes_ok(aad.p, aad.n))
		return CKR_ARGUMENTS_BAD;
	rv = authenticated(m, CKF_UNWRAP, aad, &a, &inner);
	if (rv != CKR_OK)
		return rv;
	if (wrapped.n == 0 || wrapped.n > SECRET_ROOM_MAX)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	both = malloc(wrapped.n + a.tag_len);
	if (both == NULL)
		return CKR_HOST_MEMORY;
	memcpy(both, wrapped.p, wrapped.n);
	memcpy(both + wrapped.n, a.tag, a.tag_len);
	rv = unwrap(s, &inner, unwrapping, VIEW(both, wrapped.n + a.tag_len), t, n, ret);
	free(both);
	return rv;
}

static CK_RV derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *t, CK_ULONG n,
		    CK_OBJECT_HANDLE *ret)
{
	const struct mech_row *row = m == NULL ? NULL : mech_find(m->mechanism);
	struct template_merged merged = { 0 };
	struct object *key = NULL;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv;

	/* Some mechanisms hand their keys out through the parameter. */
	if (m == NULL || (ret == NULL && (row == NULL || !(row->traits & MECH_NO_HANDLE))))
		return CKR_ARGUMENTS_BAD;
	rv = template_form(t, n);
	if (rv == CKR_OK)
		rv = object_get_key(s, base, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_DERIVE, key, &row);
	if (rv == CKR_OK)
		rv = template_merge(key, CKA_DERIVE_TEMPLATE, t, n, &merged);
	if (rv == CKR_OK)
		rv = row->ops->derive(s, row, m, key, merged.t, merged.n, &handle);
	if (rv == CKR_OK && ret != NULL)
		*ret = handle;
	template_merged_done(&merged);
	object_unref(key);
	return rv;
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR t, CK_ULONG count,
		    CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0, generate(call_s, mechanism, t, count, key));
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_t,
			CK_ULONG public_count, CK_ATTRIBUTE_PTR private_t, CK_ULONG private_count,
			CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key)
{
	CALL_SESSION(session, 0,
		     generate_pair(call_s, mechanism, public_t, public_count, private_t, private_count, public_key,
				   private_key));
}

CK_RV C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, wrap(call_s, mechanism, wrapping, key, out, out_len));
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE unwrapping,
		  CK_BYTE_PTR wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE_PTR t, CK_ULONG count,
		  CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0, unwrap(call_s, mechanism, unwrapping, VIEW(wrapped, wrapped_len), t, count, key));
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR t,
		  CK_ULONG count, CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0, derive(call_s, mechanism, base, t, count, key));
}

CK_RV C_WrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping,
			     CK_OBJECT_HANDLE key, CK_BYTE_PTR aad, CK_ULONG aad_len, CK_BYTE_PTR out,
			     CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0,
		     wrap_authenticated(call_s, mechanism, wrapping, key, VIEW(aad, aad_len), out, out_len));
}

CK_RV C_UnwrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE unwrapping,
			       CK_BYTE_PTR wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE_PTR t, CK_ULONG count,
			       CK_BYTE_PTR aad, CK_ULONG aad_len, CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0,
		     unwrap_authenticated(call_s, mechanism, unwrapping, VIEW(wrapped, wrapped_len), t, count,
					  VIEW(aad, aad_len), key));
}
