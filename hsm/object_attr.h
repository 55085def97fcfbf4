/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_ATTR_H
#define HSM_OBJECT_ATTR_H

#include "object.h"

/*
 * Attribute policy, one row per attribute and set of classes: form, default, where it may be given, who may change it
 * and which way. The rows are object_attr.c's; nothing else in the module decides about single attributes.
 */
enum attr_form { FORM_BOOL, FORM_ULONG, FORM_BYTES, FORM_DATE, FORM_MECHANISMS };

/* Classes, as a set. */
enum {
	CLASS_DATA = 1u << 0,
	CLASS_CERTIFICATE = 1u << 1,
	CLASS_PUBLIC = 1u << 2,
	CLASS_PRIVATE = 1u << 3,
	CLASS_SECRET = 1u << 4,
	CLASS_KEYS = CLASS_PUBLIC | CLASS_PRIVATE | CLASS_SECRET,
	CLASS_ALL = CLASS_DATA | CLASS_CERTIFICATE | CLASS_KEYS,
};

enum {
	ATTR_CREATE = 1u << 0,   /* may be given to C_CreateObject */
	ATTR_GENERATE = 1u << 1, /* may be given to C_GenerateKey, C_GenerateKeyPair */
	ATTR_UNWRAP = 1u << 2,   /* may be given to C_UnwrapKey */
	ATTR_GIVEN = ATTR_CREATE | ATTR_GENERATE | ATTR_UNWRAP,
	ATTR_NEEDED = 1u << 3,      /* C_CreateObject must give it */
	ATTR_SENSITIVE = 1u << 4,   /* value of a key: sealed apart, shown only when not sensitive and extractable */
	ATTR_SET = 1u << 5,         /* C_SetAttributeValue, C_CopyObject may change it */
	ATTR_COPY = 1u << 6,        /* C_CopyObject may change it */
	ATTR_TO_TRUE = 1u << 7,     /* a change only from false to true */
	ATTR_TO_FALSE = 1u << 8,    /* a change only from true to false */
	ATTR_SO = 1u << 9,          /* CK_TRUE only by the SO */
	ATTR_ABSENT = 1u << 10,     /* may be missing: asking for it then is CKR_ATTRIBUTE_TYPE_INVALID */
	ATTR_FALSE_ONLY = 1u << 11, /* CK_TRUE is not supported: CKR_ATTRIBUTE_VALUE_INVALID */
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
	CK_KEY_TYPE key_type; /* only keys of this type; OBJECT_ANY: all */
	unsigned rules;
	enum attr_default fallback;
};

unsigned class_bit(CK_OBJECT_CLASS class); /* 0: a class that cannot be stored */
/* attr_row: the row for an attribute of an object of this class and key type; NULL: there is no such attribute. */
const struct attr_row *attr_row(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class, CK_KEY_TYPE key_type);
size_t attr_row_count(void);
const struct attr_row *attr_row_at(size_t i);

/*
 * attr_import: the value of a raw template attribute in stored form. CKR_ATTRIBUTE_VALUE_INVALID for a wrong length or
 * value; CKR_ARGUMENTS_BAD for a NULL pointer with a length. out takes no secrets: those are taken as they are.
 */
CK_RV attr_import(const struct attr_row *row, const CK_ATTRIBUTE *a, struct buf *out) MUST_CHECK;
/* attr_export_len, attr_export: from stored form to what C_GetAttributeValue gives. */
size_t attr_export_len(const struct attr_row *row, struct view value);
void attr_export(const struct attr_row *row, struct view value, void *ret);

#endif
