/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "role.h"
#include "key.h"

/* Key generation: secret keys. */

static bool is_des(CK_KEY_TYPE type)
{
	return type == CKK_DES || type == CKK_DES2 || type == CKK_DES3;
}

/* random_key: DES keys have odd parity, no weak or semi-weak half and no equal neighbouring halves; XTS keys differing
 * halves. */
static CK_RV random_key(CK_KEY_TYPE type, struct secret *ret, size_t n)
{
	SECRET_AUTO key = { 0 };
	CK_RV rv;

	if (!secret_init(&key, n))
		return CKR_HOST_MEMORY;
	do {
		rv = crypto_random(module_crypto(), key.p, n);
		if (rv != CKR_OK)
			return rv;
		if (is_des(type))
			des_set_parity(key.p, n);
	} while ((is_des(type) && des_key_weak(key.p, n)) || !key_value_ok(type, VIEW(key.p, n)));
	key.len = n;
	secret_move(ret, &key);
	return CKR_OK;
}

static CK_RV key_len(const struct mech_row *row, const CK_ATTRIBUTE *t, CK_ULONG n, size_t *ret)
{
	const struct generate_arg *a = row->arg;
	const CK_ATTRIBUTE *asked = template_find(t, n, CKA_VALUE_LEN);
	const struct key_kind *k = key_kind(a->type);
	CK_ULONG len = a->len;

	if (asked == NULL && a->len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (asked != NULL && !template_ulong(t, n, CKA_VALUE_LEN, &len))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (a->len != 0 && len != a->len)
		return CKR_TEMPLATE_INCONSISTENT;
	if (len < row->key_min || len > row->key_max || (k->step != 0 && (len - k->min) % k->step != 0))
		return CKR_KEY_SIZE_RANGE;
	*ret = len;
	return CKR_OK;
}

static CK_RV generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t,
		      CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct generate_arg *a = row->arg;
	struct object_make make = {
		.origin = OBJECT_GENERATED, .class = CKO_SECRET_KEY, .key_type = a->type, .mechanism = row->type
	};
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	size_t len = 0;
	CK_RV rv = key_len(row, t, n, &len);

	if (rv != CKR_OK)
		return rv;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv != CKR_OK)
		return rv;
	if (object_role(o) != 0 && !role_key_ok(role_find(object_role(o)), a->type, len)) {
		rv = CKR_TEMPLATE_INCONSISTENT;
		goto out;
	}
	rv = random_key(a->type, &value, len);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
out:
	object_unref(o);
	return rv;
}

const struct mech_ops generate_ops = {
	.generate = generate,
};
