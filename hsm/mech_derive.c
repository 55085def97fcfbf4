/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_derive.h"
#include "crypto.h"
#include "key.h"
#include "policy.h"
#include "secret.h"

/* length_of: what the template says of the length; 0: nothing. */
static CK_RV length_of(CK_KEY_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n, size_t *ret)
{
	const struct key_kind *k = key_kind(type);
	CK_ULONG asked = 0;

	if (template_find(t, n, CKA_VALUE_LEN) == NULL) {
		*ret = k->min == k->max ? k->min : 0;
		return CKR_OK;
	}
	if (!template_ulong(t, n, CKA_VALUE_LEN, &asked))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (k->min == k->max && asked != k->min)
		return CKR_TEMPLATE_INCONSISTENT;
	if (asked < k->min || asked > k->max || (k->step != 0 && (asked - k->min) % k->step != 0))
		return CKR_KEY_SIZE_RANGE;
	*ret = asked;
	return CKR_OK;
}

CK_RV mech_derive_begin(struct session *s, const struct mech_row *row, const struct object *base,
			const struct object *other, const CK_ATTRIBUTE *t, CK_ULONG n, struct derive *ret)
{
	struct object_make make = { .origin = OBJECT_DERIVED,
				    .class = CKO_SECRET_KEY,
				    .key_type = OBJECT_ANY,
				    .mechanism = row->type,
				    .bases = { base, other } };
	struct derive d = { .s = s, .least = policy_derived_least(s, make.bases, OBJECT_BASES) };
	CK_RV rv;

	if (template_find(t, n, CKA_KEY_TYPE) == NULL)
		make.key_type = CKK_GENERIC_SECRET;
	rv = object_new_from(s, &make, t, n, &d.o);
	if (rv == CKR_OK)
		rv = length_of(object_key_type(d.o), t, n, &d.len);
	if (rv == CKR_OK && d.len > 0 && d.len < d.least)
		rv = CKR_KEY_SIZE_RANGE;
	if (rv == CKR_OK)
		rv = object_set_parent(d.o, base);
	if (rv == CKR_OK)
		rv = object_set_parent(d.o, other);
	if (rv == CKR_OK)
		*ret = d;
	else
		object_unref(d.o);
	return rv;
}

CK_RV mech_derive_fill(struct derive *d, struct view bytes, enum derive_cut cut)
{
	CK_KEY_TYPE type = object_key_type(d->o);
	size_t len = d->len != 0 ? d->len : bytes.n;
	SECRET_AUTO value = { 0 };

	if (len > bytes.n || len < d->least || (cut == DERIVE_EXACT && len != bytes.n))
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&value, len > 0 ? len : 1) ||
	    !secret_set(&value, cut == DERIVE_TRAILING ? bytes.p + (bytes.n - len) : bytes.p, len))
		return CKR_HOST_MEMORY;
	if (key_kind(type)->des)
		des_set_parity(value.p, len);
	if (!key_value_ok(type, secret_view(&value)))
		return d->len != 0 ? CKR_KEY_SIZE_RANGE : CKR_TEMPLATE_INCOMPLETE;
	return object_set_secret(d->o, CKA_VALUE, secret_view(&value));
}

CK_RV mech_derive_end(struct derive *d, struct view bytes, enum derive_cut cut, CK_OBJECT_HANDLE *ret)
{
	CK_RV rv = mech_derive_fill(d, bytes, cut);

	return rv == CKR_OK ? object_commit(d->s, d->o, ret) : rv;
}

void mech_derive_done(struct derive *d)
{
	object_unref(d->o);
	d->o = NULL;
}
