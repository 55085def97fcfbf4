/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include "policy.h"

/* Key wrapping by AES-GCM and AES-CCM: C_WrapKey gives ciphertext and tag, C_WrapKeyAuthenticated gives them apart. */

/* Shorter tags, which the caller chooses, are found by trying, and with them keys that differ in bits of choice. */
#define TAG_LEAST 12

static enum aead_kind kind_of(const struct mech_row *row)
{
	return ((const struct aead_arg *)row->arg)->kind;
}

CK_RV aead_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		struct object *key, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO form = { 0 };
	struct aead a = { 0 };
	struct aead_param p = { 0 };
	CK_ULONG room = *len;
	CK_RV rv = aead_read_wrap(kind_of(row), m->pParameter, m->ulParameterLen, &p);

	if (rv == CKR_OK)
		rv = mech_wrapped_form(key, &form);
	if (rv != CKR_OK)
		return rv;
	*len = form.len + p.tag_len;
	if (out == NULL)
		return CKR_OK;
	if (room < *len)
		return CKR_BUFFER_TOO_SMALL;
	p.data_len = form.len;
	rv = iv_make_alone(&p);
	if (rv == CKR_OK)
		rv = aead_begin(kind_of(row), wrapping, &p, true, &a);
	if (rv == CKR_OK)
		rv = aead_seal(&a, secret_view(&form), out);
	if (rv == CKR_OK)
		rv = aead_tag(&a, out + form.len);
	aead_done(&a);
	return rv;
}

CK_RV aead_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		  struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	SECRET_AUTO form = { 0 };
	struct aead a = { 0 };
	struct aead_param p = { 0 };
	struct object *o = NULL;
	CK_RV rv = aead_read_wrap(kind_of(row), m->pParameter, m->ulParameterLen, &p);

	if (rv == CKR_OK && p.tag_len < TAG_LEAST && !policy_allows(s, RELAX_RAW_UNWRAP))
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (wrapped.n <= p.tag_len || wrapped.n > SECRET_ROOM_MAX / 2)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	p.data_len = wrapped.n - p.tag_len;
	if (!secret_init(&form, p.data_len))
		return CKR_HOST_MEMORY;
	rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = aead_begin(kind_of(row), unwrapping, &p, false, &a);
	if (rv == CKR_OK)
		rv = aead_open(&a, VIEW(wrapped.p, p.data_len), wrapped.p + p.data_len, form.p);
	aead_done(&a);
	if (rv == CKR_OK) {
		form.len = p.data_len;
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	}
	object_unref(o);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

CK_RV aead_authenticated(const struct mech_row *row, const CK_MECHANISM *m, struct view aad,
			 struct mech_authenticated *ret)
{
	struct aead_param p = { 0 };
	struct mech_authenticated a = { 0 };
	CK_RV rv = aead_read_message(kind_of(row), m->pParameter, m->ulParameterLen, aad, &p);

	if (rv != CKR_OK)
		return rv;
	a.tag = p.tag;
	a.tag_len = p.tag_len;
	if (kind_of(row) == AEAD_GCM) {
		a.param.gcm = (CK_GCM_WRAP_PARAMS){ .pIv = p.iv,
						    .ulIvLen = p.iv_len,
						    .ulIvFixedBits = p.fixed_bits,
						    .ivGenerator = p.generator,
						    .pAAD = (CK_BYTE_PTR)(uintptr_t)aad.p,
						    .ulAADLen = aad.n,
						    .ulTagBits = 8 * p.tag_len };
		a.len = sizeof(a.param.gcm);
	} else {
		a.param.ccm = (CK_CCM_WRAP_PARAMS){ .pNonce = p.iv,
						    .ulNonceLen = p.iv_len,
						    .ulNonceFixedBits = p.fixed_bits,
						    .nonceGenerator = p.generator,
						    .pAAD = (CK_BYTE_PTR)(uintptr_t)aad.p,
						    .ulAADLen = aad.n,
						    .ulMACLen = p.tag_len };
		a.len = sizeof(a.param.ccm);
	}
	*ret = a;
	return CKR_OK;
}
