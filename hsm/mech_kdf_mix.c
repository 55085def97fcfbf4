/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "key.h"
#include "mech_derive.h"
#include "mech_family.h"
#include <string.h>

/* Keys that are put together from others and from data, and parts of keys. */

static CK_RV handle_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	return CKR_OK;
}

const struct mech_param param_key_handle = {
	.text = "CK_OBJECT_HANDLE",
	.size = sizeof(CK_OBJECT_HANDLE),
	.check = handle_check,
};

static CK_RV string_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_KEY_DERIVATION_STRING_DATA *p = m->pParameter;

	return p->string_data_len > 0 && kdf_data_ok(p->string_data, p->string_data_len) ? CKR_OK
											 : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_derivation_string = {
	.text = "CK_KEY_DERIVATION_STRING_DATA",
	.size = sizeof(CK_KEY_DERIVATION_STRING_DATA),
	.check = string_check,
};

/* other_part: what is mixed with the base: the data of the parameter, or another key, which the gate asks as well. */
static CK_RV other_part(struct session *s, const CK_MECHANISM *m, bool key, struct object **ret_key,
			struct view *ret_bytes)
{
	const CK_KEY_DERIVATION_STRING_DATA *p = m->pParameter;
	const struct mech_row *row = NULL;
	CK_OBJECT_HANDLE handle;
	struct object *o = NULL;
	CK_RV rv;

	if (!key) {
		*ret_bytes = VIEW(p->string_data, p->string_data_len);
		return CKR_OK;
	}
	memcpy(&handle, m->pParameter, sizeof(handle));
	rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_DERIVE, o, &row);
	if (rv != CKR_OK) {
		object_unref(o);
		return rv;
	}
	*ret_key = o;
	*ret_bytes = object_secret(o, CKA_VALUE);
	return CKR_OK;
}

static CK_RV mix(int how, struct view base, struct view other, struct secret *ret)
{
	size_t n = base.n < other.n ? base.n : other.n;
	bool ok = how == KDF_XOR ? secret_init(ret, n)
				 : secret_init(ret, base.n + other.n) &&
				       secret_append(ret, how == KDF_DATA_BASE ? other.p : base.p,
						     how == KDF_DATA_BASE ? other.n : base.n) &&
				       secret_append(ret, how == KDF_DATA_BASE ? base.p : other.p,
						     how == KDF_DATA_BASE ? base.n : other.n);

	if (!ok)
		return CKR_HOST_MEMORY;
	if (how != KDF_XOR)
		return CKR_OK;
	for (size_t i = 0; i < n; i++)
		ret->p[i] = base.p[i] ^ other.p[i];
	ret->len = n;
	return CKR_OK;
}

static CK_RV mix_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_mix_arg *a = row->arg;
	struct view bytes = { 0 };
	struct object *other = NULL;
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = other_part(s, m, a->how == KDF_BASE_KEY, &other, &bytes);

	if (rv == CKR_OK)
		rv = mech_derive_begin(s, row, base, other, t, n, &d);
	if (rv == CKR_OK)
		rv = mix(a->how, object_secret(base, CKA_VALUE), bytes, &value);
	if (rv == CKR_OK)
		rv = mech_derive_end(&d, secret_view(&value), DERIVE_LEADING, ret);
	object_unref(other);
	return rv;
}

const struct mech_ops kdf_mix_ops = {
	.derive = mix_derive,
};

const struct mech_param param_extract = {
	.text = "CK_EXTRACT_PARAMS",
	.size = sizeof(CK_EXTRACT_PARAMS),
};

/* extract_derive: the bits from the given one on, again from the first after the last; no more than there are. */
static CK_RV extract_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct view from = object_secret(base, CKA_VALUE);
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_EXTRACT_PARAMS first;
	size_t bits = from.n * 8;
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv != CKR_OK)
		return rv;
	memcpy(&first, m->pParameter, sizeof(first));
	if (first >= bits)
		return CKR_MECHANISM_PARAM_INVALID;
	if (d.len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (d.len > from.n)
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&value, d.len))
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < d.len * 8; i++) {
		size_t at = (first + i) % bits;

		value.p[i / 8] = (uint8_t)(value.p[i / 8] | ((from.p[at / 8] >> (7 - at % 8) & 1) << (7 - i % 8)));
	}
	value.len = d.len;
	return mech_derive_end(&d, secret_view(&value), DERIVE_EXACT, ret);
}

const struct mech_ops kdf_extract_ops = {
	.derive = extract_derive,
};
