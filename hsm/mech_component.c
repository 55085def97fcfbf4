/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_COMPONENT_COMBINE: n components become one key (R1.3, R6.4). */
#include <string.h>
#include "component.h"
#include "crypto.h"
#include "mech.h"
#include "mech_vendor.h"
#include "payment.h"
#include "session.h"

#define COMPONENTS_MAX 9

/* The components of one NAME, held. */
struct parts {
	struct object *o[COMPONENTS_MAX];
	size_t count;
	unsigned n; /* as every label says */
};

static void parts_done(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		object_unref(p->o[i]);
}

static CK_RV parts_add(struct parts *p, const struct component_label *label, struct object *o)
{
	if (p->count == COMPONENTS_MAX || (p->n && p->n != label->n))
		return CKR_TEMPLATE_INCONSISTENT;
	p->n = label->n;
	p->o[p->count++] = object_ref(o);
	return CKR_OK;
}

static CK_RV parts_find(struct session *s, struct view name, struct parts *p)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ULONG role = SR_ROLE_COMPONENT;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_SR_ROLE, &role, sizeof(role) } };
	struct component_label label;
	struct handles found = { 0 };
	CK_RV rv = object_find(s, t, ARRAY_LEN(t), &found);

	for (size_t i = 0; i < found.len && rv == CKR_OK; i++) {
		struct object *o = NULL;

		rv = object_get(s, found.p[i], &o);
		if (rv == CKR_OK && component_label_parse(object_bytes(o, CKA_LABEL), &label) == COMPONENT_YES &&
		    view_equal(label.name, name))
			rv = parts_add(p, &label, o);
		object_unref(o);
	}
	handles_done(&found);
	if (rv == CKR_OK && (p->count == 0 || p->count != p->n))
		rv = CKR_TEMPLATE_INCOMPLETE; /* not all components are there */
	return rv;
}

/* The same key material, DES parity bits aside. */
static bool same_value(CK_KEY_TYPE type, struct view a, struct view b)
{
	uint8_t mask = type == CKK_AES ? 0xff : 0xfe;
	uint8_t difference = 0;

	for (size_t i = 0; i < a.n; i++)
		difference |= (uint8_t)((a.p[i] ^ b.p[i]) & mask);
	return difference == 0;
}

/* Type, length, distinct places, distinct custodians, distinct values. */
static CK_RV parts_check(const struct parts *p, CK_KEY_TYPE type, CK_ULONG length)
{
	for (size_t i = 0; i < p->count; i++) {
		struct view value = object_secret(p->o[i], CKA_VALUE);

		if (object_key_type(p->o[i]) != type || value.n != length)
			return CKR_TEMPLATE_INCONSISTENT;
		for (size_t j = 0; j < i; j++) {
			if (view_equal(object_bytes(p->o[i], CKA_SR_COMPONENT),
				       object_bytes(p->o[j], CKA_SR_COMPONENT)))
				return CKR_TEMPLATE_INCONSISTENT;
			if (view_equal(object_bytes(p->o[i], CKA_SR_CUSTODIAN_ID),
				       object_bytes(p->o[j], CKA_SR_CUSTODIAN_ID)) ||
			    view_equal(object_bytes(p->o[i], CKA_SR_CUSTODIAN),
				       object_bytes(p->o[j], CKA_SR_CUSTODIAN)))
				return CKR_ACTION_PROHIBITED;
			if (same_value(type, value, object_secret(p->o[j], CKA_VALUE)))
				return CKR_ACTION_PROHIBITED;
		}
	}
	return CKR_OK;
}

static CK_RV parts_xor(const struct parts *p, CK_KEY_TYPE type, CK_ULONG length, struct secret *ret)
{
	uint8_t any = 0;

	if (!secret_init(ret, length))
		return CKR_HOST_MEMORY;
	ret->len = length;
	for (size_t i = 0; i < p->count; i++) {
		struct view value = object_secret(p->o[i], CKA_VALUE);

		for (size_t j = 0; j < length; j++)
			ret->p[j] ^= value.p[j];
	}
	for (size_t j = 0; j < length; j++)
		any |= ret->p[j];
	if (type != CKK_AES) {
		des_set_parity(ret->p, length);
		if (des_key_weak(ret->p, length) ||
		    (length == 24 && same_value(type, VIEW(ret->p, 8), VIEW(ret->p + 16, 8))))
			return CKR_ACTION_PROHIBITED;
	}
	return any ? CKR_OK : CKR_ACTION_PROHIBITED;
}

/* Type and length that the template asks for; a stock tool says DES3 and 16 for DES2. */
static CK_RV asked_type(const CK_ATTRIBUTE *t, CK_ULONG n, CK_KEY_TYPE *ret_type, CK_ULONG *ret_length)
{
	CK_KEY_TYPE type;
	CK_ULONG length;

	if (!template_ulong(t, n, CKA_KEY_TYPE, &type))
		return CKR_TEMPLATE_INCOMPLETE;
	if (!template_ulong(t, n, CKA_VALUE_LEN, &length))
		length = type == CKK_DES2 ? 16 : type == CKK_DES3 ? 24 : 32;
	if (type == CKK_DES3 && length == 16)
		type = CKK_DES2;
	*ret_type = type;
	*ret_length = length;
	return CKR_OK;
}

/* struct naming: the new key, under the name that its ceremony is for. */
struct naming {
	struct component_label name;
	struct object *key;
};

/* next_to: may the new key stand beside this one of the same name: as the next generation, another key than it? */
static bool next_to(const struct naming *c, const struct object *old)
{
	struct view value = object_secret(c->key, CKA_VALUE), there = object_secret(old, CKA_VALUE);

	return role_generation(old, c->name.row->role) > 0 &&
	       !(object_key_type(old) == object_key_type(c->key) && there.n == value.n &&
		 same_value(object_key_type(old), there, value));
}

/* What has this name already is an older generation of the key: true until the change is done. */
static CK_RV name_free(struct session *s, void *ctx)
{
	const struct naming *c = ctx;
	struct view name = c->name.name;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, (void *)(uintptr_t)name.p, name.n } };
	struct handles found = { 0 };
	CK_RV rv = object_find(s, t, ARRAY_LEN(t), &found);

	for (size_t i = 0; rv == CKR_OK && i < found.len; i++) {
		struct object *old = NULL;

		rv = object_get(s, found.p[i], &old);
		if (rv == CKR_OK && !next_to(c, old))
			rv = CKR_ACTION_PROHIBITED;
		object_unref(old);
	}
	handles_done(&found);
	return rv;
}

/* make_key: the object, from the template without what asked_type has settled. */
static CK_RV make_key(struct session *s, const struct role_row *role, CK_KEY_TYPE type, const CK_ATTRIBUTE *t,
		      CK_ULONG n, struct object **ret)
{
	struct object_make make = { .origin = OBJECT_GENERATED,
				    .class = CKO_SECRET_KEY,
				    .key_type = type,
				    .mechanism = CKM_SR_COMPONENT_COMBINE,
				    .role = role->role };
	static const CK_ATTRIBUTE_TYPE settled[] = { CKA_KEY_TYPE, CKA_VALUE_LEN };
	CK_ATTRIBUTE rest[PAYMENT_TEMPLATE_MAX];
	CK_ULONG kept = 0;
	CK_RV rv = payment_template(t, n, settled, ARRAY_LEN(settled), rest, &kept);

	if (rv != CKR_OK)
		return rv;
	return object_new_from(s, &make, rest, kept, ret);
}

static CK_RV combine(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t,
		     CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const CK_ATTRIBUTE *label = template_find(t, n, CKA_LABEL);
	struct naming naming = { 0 };
	struct component_label name;
	struct parts parts = { 0 };
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	CK_KEY_TYPE type;
	CK_ULONG length;
	CK_RV rv;

	if (!label)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!component_name_parse(VIEW(label->pValue, label->pValue ? label->ulValueLen : 0), &name))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	rv = asked_type(t, n, &type, &length);
	if (rv != CKR_OK)
		return rv;
	if (!role_key_ok(name.row, type, length))
		return CKR_TEMPLATE_INCONSISTENT;
	rv = make_key(s, name.row, type, t, n, &o);
	if (rv == CKR_OK && !object_bool(o, CKA_TOKEN))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = parts_find(s, name.name, &parts);
	if (rv == CKR_OK)
		rv = parts_check(&parts, type, length);
	if (rv == CKR_OK)
		rv = parts_xor(&parts, type, length, &value);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	naming = (struct naming){ name, o };
	if (rv == CKR_OK) {
		const struct object_change change = { .create = &o,
						      .creates = 1,
						      .destroy = parts.o,
						      .destroys = parts.count,
						      .check = name_free,
						      .ctx = &naming,
						      .event = AUDIT_COMBINED,
						      .label = name.name };

		rv = object_commit_change(s, &change, ret);
	}
	object_unref(o);
	parts_done(&parts);
	return rv;
}

const struct mech_ops mech_component_ops = { .generate = combine };
