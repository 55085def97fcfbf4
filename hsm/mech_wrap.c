/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "role.h"
#include "key.h"
#include "op_call.h"
#include "session.h"
#include <stdlib.h>
#include <string.h>

/* Wrapping with symmetric keys, and the forms in which keys are wrapped. */

CK_RV mech_output_put(struct view v, uint8_t *out, CK_ULONG *len)
{
	CK_RV rv = CKR_OK;

	if (!length_go(out, len, v.n, &rv))
		return rv;
	memcpy(out, v.p, v.n);
	*len = v.n;
	return CKR_OK;
}

CK_RV mech_wrapped_form(struct object *key, struct secret *ret)
{
	SECRET_AUTO form = { 0 };
	struct view value;

	if (object_class(key) == CKO_PRIVATE_KEY)
		return key_pkcs8(key, ret);
	if (object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	value = object_secret(key, CKA_VALUE);
	if (value.n == 0)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!secret_init(&form, value.n) || !secret_set(&form, value.p, value.n))
		return CKR_HOST_MEMORY;
	secret_move(ret, &form);
	return CKR_OK;
}

/* value_len: how many of the bytes are the key; 0: these bytes are no such key. */
static size_t value_len(CK_KEY_TYPE type, struct view form, bool zero_filled, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	const struct key_kind *k = key_kind(type);
	CK_ULONG asked = 0;
	size_t len = form.n;
	uint8_t rest = 0;

	if (k->min == k->max)
		len = k->min;
	else if (template_ulong(t, n, CKA_VALUE_LEN, &asked))
		len = asked;
	if (len > form.n || (!zero_filled && len != form.n) || form.n - len >= 16)
		return 0;
	for (size_t i = len; i < form.n; i++)
		rest |= form.p[i];
	return rest == 0 && key_value_ok(type, VIEW(form.p, len)) ? len : 0;
}

static CK_RV fill_secret(struct object *o, struct view form, bool zero_filled, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_KEY_TYPE type = object_key_type(o);
	size_t len = value_len(type, form, zero_filled, t, n);

	if (len == 0)
		return CKR_WRAPPED_KEY_INVALID;
	if (object_role(o) != 0 && !role_key_ok(role_find(object_role(o)), type, len))
		return CKR_WRAPPED_KEY_INVALID;
	return object_set_secret(o, CKA_VALUE, VIEW(form.p, len));
}

static CK_RV fill_private(struct object *o, struct view form)
{
	EVP_PKEY *pkey = NULL;
	CK_RV rv = key_of_pkcs8(object_key_type(o), form, &pkey);

	if (rv == CKR_OK)
		rv = key_set_private(o, pkey);
	if (rv == CKR_OK && key_kind(object_key_type(o))->check(o) != CKR_OK)
		rv = CKR_WRAPPED_KEY_INVALID;
	EVP_PKEY_free(pkey);
	return rv;
}

CK_RV mech_unwrap_begin(struct session *s, const struct mech_row *row, const struct object *unwrapping,
			const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret)
{
	struct object_make make = {
		.origin = OBJECT_UNWRAPPED, .class = OBJECT_ANY, .key_type = OBJECT_ANY, .mechanism = row->type
	};
	struct object *o = NULL;
	CK_RV rv = role_of_cargo(unwrapping, row->type, &make.role);

	if (rv != CKR_OK)
		return rv;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv != CKR_OK)
		return rv;
	if (object_class(o) != CKO_SECRET_KEY && object_class(o) != CKO_PRIVATE_KEY)
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = object_set_parent(o, unwrapping);
	if (rv != CKR_OK) {
		object_unref(o);
		return rv;
	}
	*ret = o;
	return CKR_OK;
}

CK_RV mech_unwrap_end(struct session *s, struct object *o, struct view form, bool zero_filled, const CK_ATTRIBUTE *t,
		      CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_RV rv;

	if (object_class(o) == CKO_SECRET_KEY)
		rv = fill_secret(o, form, zero_filled, t, n);
	else
		rv = zero_filled ? CKR_TEMPLATE_INCONSISTENT : fill_private(o, form);
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	if (rv == CKR_OK)
		session_count(s, AUDIT_KEY_UNWRAPPED, o);
	return rv;
}

/* transform: one message through a block cipher row, as C_Encrypt or C_Decrypt would. ret has room. */
static CK_RV transform(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, CK_FLAGS use,
		       struct object *key, struct view in, struct secret *ret)
{
	struct op op = { .row = row, .use = use };
	size_t len = 0;
	CK_RV rv = row->ops->init(&op, s, m, key);

	if (rv == CKR_OK)
		rv = row->ops->crypt(&op, MECH_SINGLE, in, ret->p, ret->room, &len);
	if (rv == CKR_OK)
		ret->len = len;
	row->ops->done(&op);
	return rv;
}

CK_RV cipher_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		  struct object *key, uint8_t *out, CK_ULONG *len)
{
	const struct cipher_arg *a = row->arg;
	SECRET_AUTO form = { 0 };
	SECRET_AUTO padded = { 0 };
	SECRET_AUTO wrapped = { 0 };
	size_t n;
	CK_RV rv;

	if (a->mode != CIPHER_CBC_PAD && object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	rv = mech_wrapped_form(key, &form);
	if (rv != CKR_OK)
		return rv;
	n = a->mode == CIPHER_CBC_PAD ? form.len : (form.len + a->block - 1) / a->block * a->block;
	if (!secret_init(&padded, n) || !secret_set(&padded, form.p, form.len) || !secret_init(&wrapped, n + 16))
		return CKR_HOST_MEMORY;
	rv = transform(s, row, m, CKF_ENCRYPT, wrapping, VIEW(padded.p, n), &wrapped);
	if (rv != CKR_OK)
		return rv == CKR_DATA_LEN_RANGE ? CKR_KEY_SIZE_RANGE : rv;
	return mech_output_put(secret_view(&wrapped), out, len);
}

CK_RV cipher_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		    struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct cipher_arg *a = row->arg;
	bool fills = a->mode == CIPHER_ECB || a->mode == CIPHER_CBC;
	SECRET_AUTO form = { 0 };
	struct object *o = NULL;
	CK_RV rv;

	if (wrapped.n == 0 || wrapped.n % a->block != 0 || wrapped.n > SECRET_ROOM_MAX)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	if (!secret_init(&form, wrapped.n))
		return CKR_HOST_MEMORY;
	rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK && a->mode != CIPHER_CBC_PAD && object_class(o) != CKO_SECRET_KEY)
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = transform(s, row, m, CKF_DECRYPT, unwrapping, wrapped, &form);
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), fills, t, n, ret);
	object_unref(o);
	if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}
