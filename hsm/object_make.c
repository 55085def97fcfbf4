/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_own.h"

#include <string.h>

#include "crypto.h"
#include "key.h"
#include "object_attr.h"
#include "policy.h"
#include "role.h"

#define VALUE_MAX 8192 /* bytes of a sensitive value: private keys of ML-DSA have 4896 */

const CK_ATTRIBUTE *template_find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type)
			return &t[i];
	return NULL;
}

bool template_ulong(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG *ret)
{
	const CK_ATTRIBUTE *a = template_find(t, n, type);

	if (a == NULL || a->pValue == NULL || a->ulValueLen != sizeof(*ret))
		return false;
	memcpy(ret, a->pValue, sizeof(*ret));
	return true;
}

CK_RV template_readable(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	if (t == NULL && n > 0)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < n; i++) {
		if (t[i].pValue == NULL && t[i].ulValueLen != 0)
			return CKR_ARGUMENTS_BAD;
		if (t[i].ulValueLen > ATTR_LEN_MAX)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	return CKR_OK;
}

CK_RV template_form(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_RV rv = template_readable(t, n);

	for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++)
		if (template_find(t, i, t[i].type) != NULL)
			rv = CKR_TEMPLATE_INCONSISTENT;
	return rv;
}

/* fact: CKA_CLASS or CKA_KEY_TYPE, from the caller, the template, or both alike. */
static CK_RV fact(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG known, CK_ULONG *ret)
{
	CK_ULONG given;

	if (template_find(t, n, type) == NULL) {
		if (known == OBJECT_ANY)
			return CKR_TEMPLATE_INCOMPLETE;
		*ret = known;
		return CKR_OK;
	}
	if (!template_ulong(t, n, type, &given))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (known != OBJECT_ANY && given != known)
		return CKR_TEMPLATE_INCONSISTENT;
	*ret = given;
	return CKR_OK;
}

static bool type_ok(CK_OBJECT_CLASS class, CK_ULONG type)
{
	switch (class) {
	case CKO_CERTIFICATE:
		return type == CKC_X_509 || type == CKC_X_509_ATTR_CERT;
	case CKO_DOMAIN_PARAMETERS:
		return type == CKK_DSA || type == CKK_DH || type == CKK_X9_42_DH;
	default:
		return key_class_ok(class, type);
	}
}

/* is_kind: what kind() takes from the template. */
static bool is_kind(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_CLASS || type == CKA_KEY_TYPE || type == CKA_CERTIFICATE_TYPE;
}

/* kind: class and type of the new object, put into it. */
static CK_RV kind(const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n, struct object *o)
{
	CK_ATTRIBUTE_TYPE which = CKA_KEY_TYPE;
	CK_ULONG known = make->key_type;
	CK_OBJECT_CLASS class;
	CK_ULONG type;
	CK_RV rv = fact(t, n, CKA_CLASS, make->class, &class);

	if (rv == CKR_OK && (class_bit(class) & CLASS_STORAGE) == 0)
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv == CKR_OK)
		rv = object_set_ulong(o, CKA_CLASS, class);
	if (rv != CKR_OK || (class_bit(class) & (CLASS_DATA | CLASS_TRUST)) != 0)
		return rv;
	if (class == CKO_CERTIFICATE) {
		which = CKA_CERTIFICATE_TYPE;
		known = OBJECT_ANY;
	}
	rv = fact(t, n, which, known, &type);
	if (rv == CKR_OK && !type_ok(class, type))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	return rv == CKR_OK ? object_set_ulong(o, which, type) : rv;
}

static unsigned rule_of(enum object_origin origin)
{
	switch (origin) {
	case OBJECT_GENERATED:
		return ATTR_GENERATE;
	case OBJECT_UNWRAPPED:
	case OBJECT_DERIVED:
		return ATTR_UNWRAP;
	case OBJECT_CREATED:
	case OBJECT_COPIED:
	default:
		return ATTR_CREATE;
	}
}

/* take_one: an attribute of the template goes into the object in stored form. */
static CK_RV take_one(const struct object_make *make, const CK_ATTRIBUTE *a, struct object *o)
{
	const struct attr_row *row = attr_row_of(o, a->type);
	BUF_AUTO value = { 0 };
	CK_RV rv;

	if (row == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if ((row->rules & rule_of(make->origin)) == 0)
		return (row->rules & ATTR_GIVEN) == 0 ? CKR_ATTRIBUTE_READ_ONLY : CKR_TEMPLATE_INCONSISTENT;
	if (row->rules & ATTR_SENSITIVE) {
		if (a->ulValueLen == 0 || a->ulValueLen > VALUE_MAX)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		return object_set_secret(o, a->type, VIEW(a->pValue, a->ulValueLen));
	}
	rv = attr_import(row, a, &value);
	return rv == CKR_OK ? object_set_bytes(o, a->type, buf_view(&value)) : rv;
}

static CK_RV fill_one(const struct attr_row *row, struct object *o)
{
	BUF_AUTO value = { 0 };

	if (!attr_default(row, &value))
		return CKR_OK;
	return buf_ok(&value) ? object_set_bytes(o, row->type, buf_view(&value)) : CKR_HOST_MEMORY;
}

CK_RV object_fill(struct object *o)
{
	CK_RV rv = CKR_OK;

	for (const struct attr_row *row = NULL; rv == CKR_OK && (row = attr_row_next(o, row)) != NULL;)
		if (!object_has(o, row->type))
			rv = fill_one(row, o);
	return rv;
}

/* complete: what C_CreateObject must give is there. */
static bool complete(const struct object *o)
{
	for (const struct attr_row *row = NULL; (row = attr_row_next(o, row)) != NULL;)
		if ((row->rules & ATTR_NEEDED) && !object_has(o, row->type))
			return false;
	return true;
}

/* all_bases: there are bases, and this boolean attribute is true for each of them. */
static bool all_bases(const struct object_make *make, CK_ATTRIBUTE_TYPE type)
{
	bool any = false;

	for (size_t i = 0; i < OBJECT_BASES; i++) {
		if (make->bases[i] == NULL)
			continue;
		if (!object_bool(make->bases[i], type))
			return false;
		any = true;
	}
	return any;
}

/* protects: base is a key that has a value to protect. */
static bool protects(const struct object *base)
{
	return base != NULL && object_class(base) != CKO_PUBLIC_KEY;
}

/* inherit: a derived key is protected like its bases. Before the defaults. */
static CK_RV inherit(struct session *s, const struct object_make *make, struct object *o)
{
	bool sensitive = false, bound = false;
	CK_RV rv = CKR_OK;

	if (make->origin != OBJECT_DERIVED || (class_bit(object_class(o)) & (CLASS_SECRET | CLASS_PRIVATE)) == 0)
		return CKR_OK;
	for (size_t i = 0; i < OBJECT_BASES; i++) {
		if (!protects(make->bases[i]))
			continue;
		sensitive = sensitive || object_bool(make->bases[i], CKA_SENSITIVE);
		bound = bound || !object_bool(make->bases[i], CKA_EXTRACTABLE);
	}
	/* Poly1305 shows its key. */
	if (sensitive && object_key_type(o) == CKK_POLY1305 && !policy_allows(s, RELAX_DERIVE_READABLE))
		return CKR_TEMPLATE_INCONSISTENT;
	if (!make->weaker && !policy_allows(s, RELAX_DERIVE_READABLE) &&
	    ((sensitive && object_has(o, CKA_SENSITIVE) && !object_bool(o, CKA_SENSITIVE)) ||
	     (bound && object_bool(o, CKA_EXTRACTABLE))))
		return CKR_TEMPLATE_INCONSISTENT;
	if (sensitive && !object_has(o, CKA_SENSITIVE))
		rv = object_set_bool(o, CKA_SENSITIVE, true);
	if (rv == CKR_OK && bound && !object_has(o, CKA_EXTRACTABLE))
		rv = object_set_bool(o, CKA_EXTRACTABLE, false);
	return rv;
}

/* history: what PKCS#11 lets no template say. */
static CK_RV history(const struct object_make *make, struct object *o)
{
	bool generated = make->origin == OBJECT_GENERATED;
	bool derived = make->origin == OBJECT_DERIVED;
	bool always, never;
	unsigned bit = class_bit(object_class(o));
	CK_RV rv = CKR_OK;

	if ((bit & (CLASS_KEYS | CLASS_DOMAIN)) == 0)
		return rv;
	rv = object_set_bool(o, CKA_LOCAL, generated);
	if (bit == CLASS_DOMAIN)
		return rv;
	if (rv == CKR_OK)
		rv = object_set_ulong(o, CKA_KEY_GEN_MECHANISM,
				      generated ? make->mechanism : CK_UNAVAILABLE_INFORMATION);
	if (rv != CKR_OK || bit == CLASS_PUBLIC)
		return rv;
	always = generated || (derived && all_bases(make, CKA_ALWAYS_SENSITIVE));
	never = generated || (derived && all_bases(make, CKA_NEVER_EXTRACTABLE));
	rv = object_set_bool(o, CKA_ALWAYS_SENSITIVE, always && object_bool(o, CKA_SENSITIVE));
	if (rv == CKR_OK)
		rv = object_set_bool(o, CKA_NEVER_EXTRACTABLE, never && !object_bool(o, CKA_EXTRACTABLE));
	return rv;
}

static CK_RV check_secret_value(const struct object *o)
{
	const struct key_kind *k = key_kind(object_key_type(o));
	struct view v = object_secret(o, CKA_VALUE);

	if (object_ulong(o, CKA_VALUE_LEN, v.n) != v.n)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	/* Components are no keys yet: combining sets the parity. */
	if (object_role(o) == SR_ROLE_COMPONENT && k->des)
		return v.n == k->min ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	return key_value_ok(k->type, v) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* check_certificate: the certificate, or where to get it and the hashes that tell which it is. */
static CK_RV check_certificate(const struct object *o)
{
	if (object_ulong(o, CKA_CERTIFICATE_CATEGORY, 0) > CK_CERTIFICATE_CATEGORY_OTHER_ENTITY ||
	    object_ulong(o, CKA_JAVA_MIDP_SECURITY_DOMAIN, 0) > CK_SECURITY_DOMAIN_THIRD_PARTY)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (object_bytes(o, CKA_URL).n == 0)
		return object_bytes(o, CKA_VALUE).n > 0 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	if (object_bytes(o, CKA_HASH_OF_SUBJECT_PUBLIC_KEY).n == 0 ||
	    object_bytes(o, CKA_HASH_OF_ISSUER_PUBLIC_KEY).n == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	return CKR_OK;
}

static CK_RV check_domain(const struct object *o)
{
	const struct key_kind *k = key_kind(object_key_type(o));
	struct view prime = object_bytes(o, CKA_PRIME), base = object_bytes(o, CKA_BASE);

	if (key_bit_length(prime) == 0 || key_bit_length(base) == 0 || key_bit_length(base) > key_bit_length(prime))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return k != NULL && k->check != NULL ? k->check(o) : CKR_OK;
}

/* check_created: values that C_CreateObject brought. */
static CK_RV check_created(struct object *o)
{
	const struct key_kind *k;
	CK_RV rv;

	switch (object_class(o)) {
	case CKO_SECRET_KEY:
		return check_secret_value(o);
	case CKO_CERTIFICATE:
		return check_certificate(o);
	case CKO_DOMAIN_PARAMETERS:
		return check_domain(o);
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
		k = key_kind(object_key_type(o));
		rv = k->check(o);
		return rv == CKR_OK && k->complete != NULL ? k->complete(o) : rv;
	default:
		return CKR_OK;
	}
}

/* check_session: may this session own such an object? */
static CK_RV check_session(struct session *s, const struct object *o)
{
	struct token_user user;

	if (object_bool(o, CKA_TOKEN) && !s->rw)
		return CKR_SESSION_READ_ONLY;
	if (object_bool(o, CKA_PRIVATE) && !session_sees_private(s))
		return CKR_USER_NOT_LOGGED_IN;
	session_user(s, &user);
	if (object_bool(o, CKA_TRUSTED) && user.kind != USER_SO)
		return CKR_ATTRIBUTE_READ_ONLY;
	/* Mechanisms name keys with a role in their parameters, where nobody could log in for them. */
	if (object_bool(o, CKA_ALWAYS_AUTHENTICATE) && (!object_bool(o, CKA_PRIVATE) || object_role(o) != 0))
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

CK_RV object_new_from(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		      struct object **ret)
{
	struct object *o = NULL;
	CK_RV rv = template_form(t, n);

	if (rv != CKR_OK)
		return rv;
	o = object_alloc();
	if (o == NULL)
		return CKR_HOST_MEMORY;
	rv = kind(make, t, n, o);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		if (!is_kind(t[i].type))
			rv = take_one(make, &t[i], o);
		else if (attr_row_of(o, t[i].type) == NULL)
			rv = CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv == CKR_OK)
		rv = role_on_make(s, make, t, n, o);
	if (rv == CKR_OK)
		rv = inherit(s, make, o);
	if (rv == CKR_OK && make->origin == OBJECT_CREATED && !complete(o))
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv == CKR_OK)
		rv = object_fill(o);
	if (rv == CKR_OK)
		rv = history(make, o);
	if (rv == CKR_OK)
		rv = policy_on_make(s, make->origin == OBJECT_UNWRAPPED, o);
	if (rv == CKR_OK && make->origin == OBJECT_CREATED)
		rv = check_created(o);
	if (rv == CKR_OK)
		rv = check_session(s, o);
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}
