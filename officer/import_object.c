/* SPDX-License-Identifier: BSD-2-Clause */
#include "import.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	DATA = 1u << 0,
	CERT = 1u << 1,
	PUB = 1u << 2,
	PRIV = 1u << 3,
	SECRET = 1u << 4,
	DOMAIN = 1u << 5,
	KEYS = PUB | PRIV | SECRET,
	ALL = DATA | CERT | KEYS | DOMAIN,
};

static const struct {
	CK_OBJECT_CLASS class;
	unsigned bit;
	const char *name;
} classes[] = {
	{ CKO_DATA, DATA, "data" },
	{ CKO_CERTIFICATE, CERT, "certificate" },
	{ CKO_PUBLIC_KEY, PUB, "public key" },
	{ CKO_PRIVATE_KEY, PRIV, "private key" },
	{ CKO_SECRET_KEY, SECRET, "secret key" },
	{ CKO_DOMAIN_PARAMETERS, DOMAIN, "domain parameters" },
};

/*
 * What stays behind on purpose: what a token says of itself (CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_UNIQUE_ID ...), what
 * follows from the value (CKA_MODULUS_BITS, CKA_VALUE_LEN), and CKA_TRUSTED, which the SO of each token says anew.
 */
static const struct import_row rows[] = {
	{ CKA_CLASS, IMPORT_NUMBER, IMPORT_ABOUT, ALL },
	{ CKA_KEY_TYPE, IMPORT_NUMBER, IMPORT_ABOUT, KEYS | DOMAIN },
	{ CKA_CERTIFICATE_TYPE, IMPORT_NUMBER, IMPORT_ABOUT, CERT },
	{ CKA_LABEL, IMPORT_BYTES, IMPORT_ABOUT, ALL },
	{ CKA_ID, IMPORT_BYTES, IMPORT_ABOUT, KEYS | CERT },
	{ CKA_PRIVATE, IMPORT_BOOL, IMPORT_ABOUT, ALL },
	{ CKA_MODIFIABLE, IMPORT_BOOL, IMPORT_ABOUT, ALL },
	{ CKA_COPYABLE, IMPORT_BOOL, IMPORT_ABOUT, ALL },
	{ CKA_DESTROYABLE, IMPORT_BOOL, IMPORT_ABOUT, ALL },
	{ CKA_APPLICATION, IMPORT_BYTES, IMPORT_ABOUT, DATA },
	{ CKA_OBJECT_ID, IMPORT_BYTES, IMPORT_ABOUT, DATA },
	{ CKA_CERTIFICATE_CATEGORY, IMPORT_NUMBER, IMPORT_ABOUT, CERT },
	{ CKA_START_DATE, IMPORT_BYTES, IMPORT_ABOUT, KEYS | CERT },
	{ CKA_END_DATE, IMPORT_BYTES, IMPORT_ABOUT, KEYS | CERT },
	{ CKA_SUBJECT, IMPORT_BYTES, IMPORT_ABOUT, PUB | PRIV | CERT },
	{ CKA_ISSUER, IMPORT_BYTES, IMPORT_ABOUT, CERT },
	{ CKA_SERIAL_NUMBER, IMPORT_BYTES, IMPORT_ABOUT, CERT },
	{ CKA_OWNER, IMPORT_BYTES, IMPORT_ABOUT, CERT },
	{ CKA_AC_ISSUER, IMPORT_BYTES, IMPORT_ABOUT, CERT },
	{ CKA_ATTR_TYPES, IMPORT_BYTES, IMPORT_ABOUT, CERT },
	{ CKA_ENCRYPT, IMPORT_BOOL, IMPORT_ABOUT, PUB | SECRET },
	{ CKA_DECRYPT, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_SIGN, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_VERIFY, IMPORT_BOOL, IMPORT_ABOUT, PUB | SECRET },
	{ CKA_SIGN_RECOVER, IMPORT_BOOL, IMPORT_ABOUT, PRIV },
	{ CKA_VERIFY_RECOVER, IMPORT_BOOL, IMPORT_ABOUT, PUB },
	{ CKA_WRAP, IMPORT_BOOL, IMPORT_ABOUT, PUB | SECRET },
	{ CKA_UNWRAP, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_DERIVE, IMPORT_BOOL, IMPORT_ABOUT, KEYS },
	{ CKA_SENSITIVE, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_EXTRACTABLE, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_WRAP_WITH_TRUSTED, IMPORT_BOOL, IMPORT_ABOUT, PRIV | SECRET },
	{ CKA_ALWAYS_AUTHENTICATE, IMPORT_BOOL, IMPORT_ABOUT, PRIV },
	{ CKA_ALLOWED_MECHANISMS, IMPORT_BYTES, IMPORT_ABOUT, KEYS },
	{ CKA_MODULUS, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV },
	{ CKA_PUBLIC_EXPONENT, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV },
	{ CKA_EC_PARAMS, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV },
	{ CKA_EC_POINT, IMPORT_BYTES, IMPORT_PUBLIC, PUB },
	{ CKA_PRIME, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV | DOMAIN },
	{ CKA_SUBPRIME, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV | DOMAIN },
	{ CKA_BASE, IMPORT_BYTES, IMPORT_PUBLIC, PUB | PRIV | DOMAIN },
	{ CKA_VALUE, IMPORT_BYTES, IMPORT_PUBLIC, DATA | CERT | PUB },
	{ CKA_VALUE, IMPORT_BYTES, IMPORT_SECRET, PRIV | SECRET },
	{ CKA_PRIVATE_EXPONENT, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_PRIME_1, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_PRIME_2, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_EXPONENT_1, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_EXPONENT_2, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_COEFFICIENT, IMPORT_BYTES, IMPORT_SECRET, PRIV },
	{ CKA_CHECK_VALUE, IMPORT_BYTES, IMPORT_ABOUT, SECRET },
};

static unsigned class_bit(CK_OBJECT_CLASS class)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			return classes[i].bit;
	return 0;
}

bool import_class_known(CK_OBJECT_CLASS class)
{
	return class_bit(class) != 0;
}

const struct import_row *import_row_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

bool import_row_has(const struct import_row *row, CK_OBJECT_CLASS class)
{
	return (row->classes & class_bit(class)) != 0;
}

const struct import_row *import_row_of(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type && import_row_has(&rows[i], class))
			return &rows[i];
	return NULL;
}

void import_object_done(struct import_object *o)
{
	for (size_t i = 0; i < o->count; i++)
		secret_done(&o->attrs[i].value);
	buf_done(&o->wrapped);
	*o = (struct import_object){ 0 };
}

enum err import_object_add(struct import_object *o, CK_ATTRIBUTE_TYPE type, struct view value, struct fail *f)
{
	struct import_attr *a = &o->attrs[o->count];

	if (o->count == IMPORT_ATTRS_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "an object with more than %d attributes", IMPORT_ATTRS_MAX);
	if (value.n > SECRET_ROOM_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "attribute 0x%lx has %zu bytes: too many", type, value.n);
	if (!secret_init(&a->value, value.n > 0 ? value.n : 1) || !secret_set(&a->value, value.p, value.n)) {
		secret_done(&a->value);
		return fail_set(f, ERR_NO_MEMORY, 0, "attribute of %zu bytes", value.n);
	}
	a->type = type;
	o->count++;
	return ERR_OK;
}

const struct import_attr *import_object_find(const struct import_object *o, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attrs[i].type == type)
			return &o->attrs[i];
	return NULL;
}

bool import_object_true(const struct import_object *o, CK_ATTRIBUTE_TYPE type)
{
	const struct import_attr *a = import_object_find(o, type);

	return a && a->value.len == 1 && a->value.p[0] != CK_FALSE;
}

static bool number(const struct import_object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG *ret)
{
	const struct import_attr *a = import_object_find(o, type);

	if (!a || a->value.len != sizeof(*ret))
		return false;
	memcpy(ret, a->value.p, sizeof(*ret));
	return true;
}

/* put_text: what can be printed of a label. */
static void put_text(struct buf *b, const struct import_attr *a)
{
	for (size_t i = 0; a && i < a->value.len && i < 48; i++)
		buf_printf(b, "%c", isprint(a->value.p[i]) ? a->value.p[i] : '?');
}

static const char *type_name(CK_KEY_TYPE type)
{
	static const struct {
		CK_KEY_TYPE type;
		const char *name;
	} names[] = { { CKK_RSA, "RSA" },
		      { CKK_DSA, "DSA" },
		      { CKK_DH, "DH" },
		      { CKK_EC, "EC" },
		      { CKK_EC_EDWARDS, "Edwards" },
		      { CKK_EC_MONTGOMERY, "Montgomery" },
		      { CKK_AES, "AES" },
		      { CKK_DES, "DES" },
		      { CKK_DES2, "two-key TDES" },
		      { CKK_DES3, "TDES" },
		      { CKK_GENERIC_SECRET, "generic" } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}

static const char *class_name(CK_OBJECT_CLASS class)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			return classes[i].name;
	return NULL;
}

enum err import_object_name(struct import_object *o, struct fail *f)
{
	const struct import_attr *id = import_object_find(o, CKA_ID);
	BUF_AUTO text = { 0 };

	o->type = CK_UNAVAILABLE_INFORMATION;
	if (!number(o, CKA_CLASS, &o->class))
		return fail_set(f, ERR_MALFORMED, 0, "an object without a class");
	if (number(o, CKA_KEY_TYPE, &o->type) && type_name(o->type))
		buf_printf(&text, "%s ", type_name(o->type));
	else if (o->type != CK_UNAVAILABLE_INFORMATION)
		buf_printf(&text, "(type 0x%lx) ", o->type);
	if (class_name(o->class))
		buf_printf(&text, "%s", class_name(o->class));
	else
		buf_printf(&text, "object of class 0x%lx", o->class);
	if (import_object_find(o, CKA_LABEL)) {
		buf_printf(&text, " '");
		put_text(&text, import_object_find(o, CKA_LABEL));
		buf_printf(&text, "'");
	}
	for (size_t i = 0; id && i < id->value.len && i < 32; i++)
		buf_printf(&text, "%s%02x", i == 0 ? " id " : "", id->value.p[i]);
	buf_put_u8(&text, 0);
	if (!buf_ok(&text))
		return fail_set(f, ERR_NO_MEMORY, 0, "name");
	snprintf(o->name, sizeof(o->name), "%s", (const char *)text.p);
	return ERR_OK;
}
