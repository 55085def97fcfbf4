/* SPDX-License-Identifier: BSD-2-Clause */
#include "role.h"

#include <string.h>
#include "component.h"
#include "formats.h"
#include "session.h"

_Static_assert(SR_ROLE_TEK == FORMAT_ROLE_TEK && SR_ROLE_AUK == FORMAT_ROLE_AUK && SR_ROLE_TMK == FORMAT_ROLE_TMK &&
		   SR_ROLE_PINKEY == FORMAT_ROLE_PINKEY && SR_ROLE_MACKEY == FORMAT_ROLE_MACKEY,
	       "vendor.h and formats.h number roles alike");

/* The boolean usages, with the flag that a role's rows give. No flag: never. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	CK_FLAGS flag;
	bool secret_key, private_key;
} usages[] = {
	{ CKA_ENCRYPT, CKF_ENCRYPT, true, false }, { CKA_DECRYPT, CKF_DECRYPT, true, true },
	{ CKA_SIGN, CKF_SIGN, true, true },        { CKA_VERIFY, CKF_VERIFY, true, false },
	{ CKA_WRAP, CKF_WRAP, true, false },       { CKA_UNWRAP, CKF_UNWRAP, true, true },
	{ CKA_DERIVE, CKF_DERIVE, true, true },    { CKA_SIGN_RECOVER, CKF_SIGN_RECOVER, false, true },
};

static bool is_vendor_attribute(CK_ATTRIBUTE_TYPE type)
{
	return (type & SR_ATTRIBUTE(0)) == SR_ATTRIBUTE(0);
}

/* wanted: what the table gives; restrictive: the value that is always allowed to be asked for. */
static CK_RV force_bool(struct object *o, CK_ATTRIBUTE_TYPE type, bool wanted, bool restrictive, bool table_wins)
{
	bool asked;

	if (!object_has(o, type) || table_wins)
		return object_set_bool(o, type, wanted);
	asked = object_bool(o, type);
	if (asked != wanted && asked != restrictive)
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

/* force_uses: CKA_<usage> and CKA_ALLOWED_MECHANISMS from the rows. */
static CK_RV force_uses(struct object *o, const struct role_row *row, bool table_wins)
{
	CK_ULONG side = object_ulong(o, CKA_SR_SIDE, 0);
	CK_ULONG handshake = object_ulong(o, CKA_SR_HANDSHAKE, 0);
	CK_MECHANISM_TYPE allowed[ROLE_USES_MAX];
	const struct role_use *u;
	CK_FLAGS flags = 0;
	size_t n = 0;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; (u = role_use_at(i)) != NULL; i++) {
		if (!role_use_applies(u, row->role, side, handshake))
			continue;
		flags |= u->use;
		if (n == ROLE_USES_MAX)
			return CKR_GENERAL_ERROR;
		if (n == 0 || allowed[n - 1] != u->mechanism)
			allowed[n++] = u->mechanism;
	}
	for (size_t i = 0; i < ARRAY_LEN(usages) && rv == CKR_OK; i++) {
		if (row->class == CKO_SECRET_KEY ? usages[i].secret_key : usages[i].private_key)
			rv = force_bool(o, usages[i].type, (flags & usages[i].flag) != 0, false, table_wins);
	}
	return rv == CKR_OK ? object_set_mechanisms(o, CKA_ALLOWED_MECHANISMS, allowed, n) : rv;
}

/* ceremony: components and combined keys. They never leave, and the table wins over the booleans of stock tools. */
static CK_RV force_attributes(struct object *o, const struct role_row *row, bool extractable, bool ceremony)
{
	const struct {
		CK_ATTRIBUTE_TYPE type;
		bool wanted, restrictive;
	} forced[] = {
		{ CKA_PRIVATE, true, true },
		{ CKA_SENSITIVE, true, true },
		{ CKA_EXTRACTABLE, extractable, false },
		{ CKA_COPYABLE, false, false },
		{ CKA_MODIFIABLE, false, false },
		{ CKA_DESTROYABLE, !(row->stays && object_bool(o, CKA_TOKEN)), false },
	};
	CK_RV rv;

	/* The one boolean that is refused even where the table wins: somebody wants the key to leave. */
	if (!extractable && object_bool(o, CKA_EXTRACTABLE))
		return CKR_TEMPLATE_INCONSISTENT;
	if (!ceremony && object_has(o, CKA_ALLOWED_MECHANISMS))
		return CKR_TEMPLATE_INCONSISTENT;
	for (size_t i = 0; i < ARRAY_LEN(forced); i++) {
		rv = force_bool(o, forced[i].type, forced[i].wanted, forced[i].restrictive, ceremony);
		if (rv != CKR_OK)
			return rv;
	}
	rv = force_uses(o, row, ceremony);
	return rv == CKR_OK ? object_set_ulong(o, CKA_SR_ROLE, row->role) : rv;
}

CK_RV role_set_tk(struct object *o, const struct role_tk *tk)
{
	CK_RV rv = object_set_bytes(o, CKA_SR_SERIAL_NUMBER, tk->serial);

	if (rv == CKR_OK)
		rv = object_set_ulong(o, CKA_SR_COUNTER, tk->counter);
	if (rv == CKR_OK)
		rv = object_set_ulong(o, CKA_SR_HANDSHAKE, tk->handshake);
	if (rv == CKR_OK)
		rv = object_set_ulong(o, CKA_SR_SIDE, tk->side);
	return rv == CKR_OK ? force_uses(o, role_find(object_role(o)), true) : rv;
}

/* The CKA_SR_* of a template: none, but CKA_SR_ROLE where a role may be asked for or repeats what the mechanism gives.
 */
static CK_RV role_of_template(const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n, const struct object *o,
			      CK_ULONG *ret_role)
{
	const struct role_row *row;
	CK_ULONG role = make->role;
	CK_ULONG asked;

	for (CK_ULONG i = 0; i < n; i++) {
		if (!is_vendor_attribute(t[i].type))
			continue;
		if (t[i].type != CKA_SR_ROLE)
			return CKR_ATTRIBUTE_READ_ONLY;
		if (!template_ulong(t, n, CKA_SR_ROLE, &asked) || !role_find(asked))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		row = role_find(asked);
		if (make->role == 0 && make->origin == OBJECT_GENERATED && (row->births & ROLE_BORN_GENERATED) &&
		    row->class == object_class(o))
			role = asked;
		if (asked != role)
			return make->role ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_READ_ONLY;
	}
	*ret_role = role;
	return CKR_OK;
}

/* A generated key says its length in the template; other births check the value they have. */
static bool generated_length_ok(const struct role_row *row, const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_KEY_TYPE type = object_key_type(o);
	CK_ULONG length = 0;

	if (row->class == CKO_PRIVATE_KEY)
		return type == row->keys[0].type; /* bits: the public template and the mechanism's row */
	if (type == CKK_DES)
		length = 8;
	else if (type == CKK_DES2)
		length = 16;
	else if (type == CKK_DES3)
		length = 24;
	else if (!template_ulong(t, n, CKA_VALUE_LEN, &length))
		return false;
	return role_key_ok(row, type, length);
}

/* When it is made, and again under the store's write lock: no key of the role is there that this one must not meet. */
static CK_RV none_there(struct session *s, void *object)
{
	const struct role_row *row = role_find(object_role(object));
	CK_ULONG role = row->not_beside;
	CK_OBJECT_CLASS class = role_find(role)->class;
	CK_BBOOL token = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &token, sizeof(token) },
			     { CKA_SR_ROLE, &role, sizeof(role) } };
	struct handles found = { 0 };
	CK_RV rv = object_find(s, t, ARRAY_LEN(t), &found);

	if (rv == CKR_OK && found.len != 0)
		rv = CKR_ACTION_PROHIBITED;
	handles_done(&found);
	return rv;
}

CK_ULONG role_generation(const struct object *o, CK_ULONG role)
{
	const struct role_row *row = role_find(role);

	if (row == NULL || !row->generations || !object_bool(o, CKA_TOKEN) || object_role(o) != role)
		return 0;
	/* Those that older versions made say nothing: they are the first. */
	return object_ulong(o, CKA_SR_GENERATION, 1);
}

/* next_generation: one more than the highest of the token's keys of this role and label. */
static CK_RV next_generation(struct session *s, const struct object *o, CK_ULONG role, CK_ULONG *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	struct view label = object_bytes(o, CKA_LABEL);
	CK_BBOOL token = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &token, sizeof(token) },
			     { CKA_SR_ROLE, &role, sizeof(role) },
			     { CKA_LABEL, (void *)(uintptr_t)label.p, label.n } };
	struct handles found = { 0 };
	CK_ULONG last = 0;
	CK_RV rv = object_find(s, t, label.n > 0 ? 4 : 3, &found);

	for (size_t i = 0; rv == CKR_OK && i < found.len; i++) {
		struct object *old = NULL;
		CK_ULONG generation;

		rv = object_get(s, found.p[i], &old);
		if (rv != CKR_OK)
			break;
		generation = role_generation(old, role);
		if (view_equal(object_bytes(old, CKA_LABEL), label) && generation > last)
			last = generation;
		object_unref(old);
	}
	handles_done(&found);
	*ret = last + 1;
	return rv;
}

/* number: of a token key whose role has generations. */
static CK_RV number(struct session *s, struct object *o, const struct role_row *row)
{
	CK_ULONG generation = 1;
	CK_RV rv;

	if (!row->generations || !object_bool(o, CKA_TOKEN))
		return CKR_OK;
	rv = next_generation(s, o, row->role, &generation);
	return rv == CKR_OK ? object_set_ulong(o, CKA_SR_GENERATION, generation) : rv;
}

CK_RV role_on_make(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		   struct object *o)
{
	CK_ULONG side = make->mechanism == CKM_SR_TMK_LOAD ? SR_SIDE_TERMINAL : make->side ? make->side : SR_SIDE_HOST;
	bool ceremony = make->mechanism == CKM_SR_COMPONENT_COMBINE || make->mechanism == CKM_SR_TRANSPORT_RSA ||
			make->mechanism == CKM_SR_TRANSPORT_AES;
	struct component_label label;
	const struct role_row *row;
	CK_ULONG role = 0;
	CK_RV rv = role_of_template(make, t, n, o, &role);

	if (rv != CKR_OK)
		return rv;
	switch (component_label_parse(object_bytes(o, CKA_LABEL), &label)) {
	case COMPONENT_NO:
		break;
	case COMPONENT_BAD:
		return CKR_ATTRIBUTE_VALUE_INVALID;
	case COMPONENT_YES:
		if (make->origin != OBJECT_CREATED || object_class(o) != CKO_SECRET_KEY || role != 0)
			return CKR_TEMPLATE_INCONSISTENT;
		rv = component_on_make(s, &label, o);
		return rv == CKR_OK ? force_attributes(o, role_find(SR_ROLE_COMPONENT), false, true) : rv;
	}
	if (role == 0)
		return CKR_OK;
	row = role_find(role);
	if (!row || row->class != object_class(o))
		return CKR_TEMPLATE_INCONSISTENT;
	if (make->role == 0 && !generated_length_ok(row, o, t, n))
		return CKR_TEMPLATE_INCONSISTENT;
	if (row->sides)
		rv = object_set_ulong(o, CKA_SR_SIDE, side);
	if (rv == CKR_OK)
		rv = force_attributes(o, row, row->extractable && side == SR_SIDE_HOST && !ceremony, ceremony);
	if (rv == CKR_OK)
		rv = number(s, o, row);
	if (rv == CKR_OK && row->not_beside != 0) {
		rv = none_there(s, o);
		object_set_check(o, none_there, AUDIT_NONE);
	}
	return rv;
}

/* Nobody may write what the module notes down, nor make a component of what is none. */
static CK_RV refuse_vendor(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct component_label label;

	for (CK_ULONG i = 0; i < n; i++) {
		if (is_vendor_attribute(t[i].type))
			return CKR_ATTRIBUTE_READ_ONLY;
		if (t[i].type == CKA_LABEL && t[i].pValue &&
		    component_label_parse(VIEW(t[i].pValue, t[i].ulValueLen), &label) != COMPONENT_NO)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	return CKR_OK;
}

/* What the header of a key block did not give, no later change gives. */
static bool widens(const struct object *current, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		for (size_t k = 0; k < ARRAY_LEN(usages); k++) {
			if (t[i].type == usages[k].type && t[i].ulValueLen == 1 && *(const CK_BBOOL *)t[i].pValue &&
			    !object_bool(current, t[i].type))
				return true;
		}
		if (t[i].type == CKA_ALLOWED_MECHANISMS)
			return true;
	}
	return false;
}

CK_RV role_on_set(struct session *s, const struct object *current, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_RV rv = refuse_vendor(t, n);

	if (rv != CKR_OK)
		return rv;
	if (object_role(current) || (object_has(current, CKA_SR_KEY_BLOCK_HEADER) && widens(current, t, n)))
		return CKR_ACTION_PROHIBITED;
	return CKR_OK;
}

CK_RV role_on_copy(struct session *s, const struct object *source, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	return role_on_set(s, source, t, n);
}

CK_RV role_on_destroy(struct session *s, const struct object *o)
{
	struct token_user user;

	if (object_role(o) != SR_ROLE_COMPONENT)
		return CKR_OK;
	session_user(s, &user);
	if (user.kind == USER_SO)
		return CKR_OK;
	if (user.kind == USER_CUSTODIAN &&
	    view_equal(VIEW(user.id, sizeof(user.id)), object_bytes(o, CKA_SR_CUSTODIAN_ID)))
		return CKR_OK;
	return CKR_ACTION_PROHIBITED;
}

/* makes: does this use put something under the key, or in its name? Its check value does neither. */
static bool makes(CK_MECHANISM_TYPE mechanism, CK_FLAGS use)
{
	return mechanism == CKM_SR_TK_REWRAP || (use & (CKF_WRAP | CKF_ENCRYPT | CKF_DERIVE)) ||
	       ((use & CKF_SIGN) && mechanism != CKM_SR_CHECK_VALUE);
}

CK_RV role_permits(const struct object *key, CK_MECHANISM_TYPE mechanism, CK_FLAGS use)
{
	const struct role_use *u;
	CK_ULONG role;

	if (!key)
		return CKR_OK;
	role = object_role(key);
	if (role == 0)
		return role_only_mechanism(mechanism) ? CKR_KEY_FUNCTION_NOT_PERMITTED : CKR_OK;
	if (object_bool(key, CKA_SR_RETIRED) && makes(mechanism, use))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	for (size_t i = 0; (u = role_use_at(i)) != NULL; i++) {
		if (u->mechanism == mechanism && (u->use & use) == use &&
		    role_use_applies(u, role, object_ulong(key, CKA_SR_SIDE, 0),
				     object_ulong(key, CKA_SR_HANDSHAKE, 0)))
			return CKR_OK;
	}
	return CKR_KEY_FUNCTION_NOT_PERMITTED;
}

/*
 * A key that came in a key block with exportability E leaves in key blocks only; one with a role also under what the
 * matrix names, but for bare blocks.
 */
static bool trusted_form(const struct object *key, CK_MECHANISM_TYPE mechanism)
{
	struct view facts = object_bytes(key, CKA_SR_KEY_BLOCK_HEADER);

	if (facts.n != SR_KEY_BLOCK_HEADER_FACTS || facts.p[facts.n - 1] != 'E')
		return true;
	return object_role(key) == 0 ? mechanism == CKM_SR_KEY_BLOCK : mechanism != CKM_DES3_ECB;
}

CK_RV role_permits_cargo(const struct object *wrapping, CK_MECHANISM_TYPE mechanism, const struct object *key)
{
	if (!trusted_form(key, mechanism))
		return CKR_KEY_NOT_WRAPPABLE;
	if (object_role(wrapping) == 0 && object_role(key) == 0)
		return CKR_OK;
	return role_carries_cargo(object_role(wrapping), mechanism, object_role(key)) ? CKR_OK : CKR_KEY_NOT_WRAPPABLE;
}

CK_RV role_of_cargo(const struct object *unwrapping, CK_MECHANISM_TYPE mechanism, CK_ULONG *ret_role)
{
	CK_ULONG role = 0;

	if (object_role(unwrapping) != 0) {
		role = role_only_cargo(object_role(unwrapping), mechanism);
		if (role == 0)
			return CKR_KEY_FUNCTION_NOT_PERMITTED;
	}
	*ret_role = role;
	return CKR_OK;
}

size_t role_data_max(const struct object *key)
{
	if (object_role(key) != SR_ROLE_AUK)
		return 0;
	return object_key_type(key) == CKK_AES ? 16 : 8;
}

CK_RV role_require(const struct object *key, CK_ULONG role, CK_MECHANISM_TYPE mechanism)
{
	return object_role(key) == role ? role_permits(key, mechanism, 0) : CKR_KEY_FUNCTION_NOT_PERMITTED;
}
