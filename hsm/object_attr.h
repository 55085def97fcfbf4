/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_ATTR_H
#define HSM_OBJECT_ATTR_H

#include "object.h"

/*
 * Attribute policy, one row per attribute and set of classes: form, default, where it may be given, who may change it
 * and which way. The rows are object_attr.c's; nothing else in the module decides about single attributes.
 */
enum attr_form { FORM_BOOL, FORM_ULONG, FORM_BYTES, FORM_DATE, FORM_MECHANISMS, FORM_TEMPLATE };

/* Classes, as a set. */
enum {
	CLASS_DATA = 1u << 0,
	CLASS_CERTIFICATE = 1u << 1,
	CLASS_PUBLIC = 1u << 2,
	CLASS_PRIVATE = 1u << 3,
	CLASS_SECRET = 1u << 4,
	CLASS_DOMAIN = 1u << 5,
	CLASS_TRUST = 1u << 6,
	CLASS_PROFILE = 1u << 7,
	CLASS_MECHANISM = 1u << 8,
	CLASS_KEYS = CLASS_PUBLIC | CLASS_PRIVATE | CLASS_SECRET,
	CLASS_STORAGE = CLASS_DATA | CLASS_CERTIFICATE | CLASS_KEYS | CLASS_DOMAIN | CLASS_TRUST,
	CLASS_BUILT_IN = CLASS_PROFILE | CLASS_MECHANISM, /* made by the module, changed by nobody */
	CLASS_ALL = CLASS_STORAGE | CLASS_BUILT_IN,
};

enum {
	ATTR_CREATE = 1u << 0,   /* may be given to C_CreateObject */
	ATTR_GENERATE = 1u << 1, /* may be given to C_GenerateKey, C_GenerateKeyPair */
	ATTR_UNWRAP = 1u << 2,   /* may be given to C_UnwrapKey, C_DeriveKey, C_EncapsulateKey, C_DecapsulateKey */
	ATTR_GIVEN = ATTR_CREATE | ATTR_GENERATE | ATTR_UNWRAP,
	ATTR_NEEDED = 1u << 3,    /* C_CreateObject must give it */
	ATTR_SENSITIVE = 1u << 4, /* value of a key: sealed apart, shown only when not sensitive and extractable */
	ATTR_SET = 1u << 5,       /* C_SetAttributeValue, C_CopyObject may change it */
	ATTR_COPY = 1u << 6,      /* C_CopyObject may change it */
	ATTR_TO_TRUE = 1u << 7,   /* a change only from false to true */
	ATTR_TO_FALSE = 1u << 8,  /* a change only from true to false */
	ATTR_SO = 1u << 9,        /* CK_TRUE only by the SO */
	ATTR_ABSENT = 1u << 10,   /* may be missing: asking for it then is CKR_ATTRIBUTE_TYPE_INVALID */
	ATTR_USE = 1u << 11,      /* a usage; no copy of an object that is not modifiable gets more of them */
};

enum attr_default {
	DEFAULT_NONE,
	DEFAULT_FALSE,
	DEFAULT_TRUE,
	DEFAULT_EMPTY,
	DEFAULT_ZERO,
	DEFAULT_SHA_1,
	DEFAULT_UNAVAILABLE,
};

struct attr_row {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	enum attr_form form;
	unsigned classes;
	CK_ULONG key_type; /* only keys, parameters (CKA_KEY_TYPE), certificates (CKA_CERTIFICATE_TYPE) of this type;
			      OBJECT_ANY: all */
	unsigned rules;
	enum attr_default fallback;
};

unsigned class_bit(CK_OBJECT_CLASS class); /* 0: a class that the module does not know */
/* attr_row: the row for an attribute of an object of this class and type; NULL: there is no such attribute. */
const struct attr_row *attr_row(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class, CK_ULONG key_type);
/* attr_row_of: the same for an object that has its class and type. attr_row_next: its rows, from NULL to NULL. */
const struct attr_row *attr_row_of(const struct object *o, CK_ATTRIBUTE_TYPE type);
const struct attr_row *attr_row_next(const struct object *o, const struct attr_row *row);
size_t attr_row_count(void);
const struct attr_row *attr_row_at(size_t i);

/*
 * attr_import: the value of a raw template attribute in stored form. CKR_ATTRIBUTE_VALUE_INVALID for a wrong length or
 * value; CKR_ARGUMENTS_BAD for a NULL pointer with a length. out takes no secrets: those are taken as they are.
 * Templates within templates: what template_form answers, CKR_ATTRIBUTE_TYPE_INVALID for attributes that no key has,
 * CKR_ATTRIBUTE_VALUE_INVALID for values of keys and for templates one level deeper.
 */
CK_RV attr_import(const struct attr_row *row, const CK_ATTRIBUTE *a, struct buf *out) MUST_CHECK;
/*
 * attr_export_len, attr_export: from stored form to what C_GetAttributeValue gives. Of a template the array is given,
 * and the values where its elements have pointers: CKR_BUFFER_TOO_SMALL when one of them is short.
 */
size_t attr_export_len(const struct attr_row *row, struct view value);
CK_RV attr_export(const struct attr_row *row, struct view value, void *ret) MUST_CHECK;
/* attr_default: the stored form of what an object has that was not given the attribute; false: nothing. */
bool attr_default(const struct attr_row *row, struct buf *out) MUST_CHECK;
/* attr_same: are these two values in stored form the same? The order of a template's attributes does not matter. */
bool attr_same(const struct attr_row *row, struct view a, struct view b);

/*
 * Stored form of a template: number of attributes (2 bytes), then each: type (4), length (4), value in stored form.
 * nested_first, nested_next walk it; nested_row: how an attribute stands in a template; NULL: not at all.
 */
struct nested {
	struct reader r;
	const struct attr_row *row;
	struct view value;
};
bool nested_first(struct nested *n, struct view template);
bool nested_next(struct nested *n);

/*
 * template_merge: the caller's template and what a key's template attribute (CKA_UNWRAP_TEMPLATE and so on) adds to
 * it. CKR_TEMPLATE_INCONSISTENT when they contradict each other. template_merged_done frees what t points into.
 * template_admits: does key match CKA_WRAP_TEMPLATE of wrapping, by the rules of searching?
 */
struct template_merged {
	const CK_ATTRIBUTE *t;
	CK_ULONG n;
	void *room;
};
CK_RV template_merge(const struct object *key, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n,
		     struct template_merged *ret) MUST_CHECK;
void template_merged_done(struct template_merged *m);
bool template_admits(const struct object *wrapping, const struct object *key);

#endif
