/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_call.h"
#include "module.h"
#include "object.h"
#include "object_attr.h"

/* C_EncapsulateKey, C_DecapsulateKey. */

static CK_RV encapsulate(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE public, const CK_ATTRIBUTE *t,
			 CK_ULONG n, uint8_t *out, CK_ULONG *len, CK_OBJECT_HANDLE *ret)
{
	struct template_merged merged = { 0 };
	const struct mech_row *row = NULL;
	struct object *key = NULL;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv;

	/* A call that asks for the length makes no key. */
	if (m == NULL || len == NULL || (out != NULL && ret == NULL))
		return CKR_ARGUMENTS_BAD;
	rv = template_form(t, n);
	if (rv == CKR_OK)
		rv = object_get_key(s, public, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_ENCAPSULATE, key, &row);
	if (rv == CKR_OK)
		rv = template_merge(key, CKA_ENCAPSULATE_TEMPLATE, t, n, &merged);
	if (rv == CKR_OK)
		rv = row->ops->encapsulate(s, row, m, key, merged.t, merged.n, out, len, &handle);
	if (rv == CKR_OK && out != NULL)
		*ret = handle;
	template_merged_done(&merged);
	object_unref(key);
	return rv;
}

static CK_RV decapsulate(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE private, const CK_ATTRIBUTE *t,
			 CK_ULONG n, struct view ciphertext, CK_OBJECT_HANDLE *ret)
{
	struct template_merged merged = { 0 };
	const struct mech_row *row = NULL;
	struct object *key = NULL;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv;

	if (m == NULL || ret == NULL || ciphertext.p == NULL || !bytes_ok(ciphertext.p, ciphertext.n))
		return CKR_ARGUMENTS_BAD;
	rv = template_form(t, n);
	if (rv == CKR_OK)
		rv = object_get_key(s, private, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_DECAPSULATE, key, &row);
	if (rv == CKR_OK)
		rv = template_merge(key, CKA_DECAPSULATE_TEMPLATE, t, n, &merged);
	if (rv == CKR_OK)
		rv = row->ops->decapsulate(s, row, m, key, ciphertext, merged.t, merged.n, &handle);
	if (rv == CKR_OK)
		*ret = handle;
	template_merged_done(&merged);
	object_unref(key);
	return rv;
}

CK_RV C_EncapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE public,
		       CK_ATTRIBUTE_PTR t, CK_ULONG count, CK_BYTE_PTR out, CK_ULONG_PTR out_len,
		       CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0, encapsulate(call_s, mechanism, public, t, count, out, out_len, key));
}

CK_RV C_DecapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE private,
		       CK_ATTRIBUTE_PTR t, CK_ULONG count, CK_BYTE_PTR ciphertext, CK_ULONG ciphertext_len,
		       CK_OBJECT_HANDLE_PTR key)
{
	CALL_SESSION(session, 0,
		     decapsulate(call_s, mechanism, private, t, count, VIEW(ciphertext, ciphertext_len), key));
}
