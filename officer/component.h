/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_COMPONENT_H
#define OFFICER_COMPONENT_H

#include "objects.h"

/* Components of a key: entry, and what waits in the token. For components.c and ceremony*.c. Include ck.h first. */

/* struct key_kind: type and length of a key that is combined: "AES-256" is CKK_AES, 32 bytes. */
struct key_kind {
	const char *name;
	CK_KEY_TYPE type;
	CK_ULONG len;
};
/* key_kind_named: NULL: none. key_kind_of: by type and length; the names of all are KEY_KINDS. */
#define KEY_KINDS "AES-256, TDES-128 or TDES-192"
const struct key_kind *key_kind_named(const char *name);

/* component_hex: hexadecimal digits, in groups with blanks or dashes between. What is wrong is said without the digits.
 */
enum err component_hex(const struct secret *text, CK_ULONG len, struct secret *ret, struct fail *f) MUST_CHECK;
/* component_name_fits: a name of a key that components may have: `PK`, `MAK-ACME` ... */
enum err component_name_fits(const char *name, struct fail *f) MUST_CHECK;

/*
 * component_create: C_CreateObject, as the custodian who is logged in; check: its check value. who: for messages.
 * component_destroy: C_DestroyObject.
 */
enum err component_create(struct officer *o, struct pk11_session *s, const char *label, const struct key_kind *kind,
			  const struct secret *value, const char *who, CK_OBJECT_HANDLE *ret,
			  char check[CHECK_VALUE_HEX], struct fail *f) MUST_CHECK;
enum err component_destroy(struct officer *o, struct pk11_session *s, CK_OBJECT_HANDLE component,
			   struct fail *f) MUST_CHECK;

/* component_rows: those that wait, of the key `name` or (NULL) of all, as a list of objects of component_fields. */
extern const struct show_field component_fields[];
enum err component_rows(struct pk11_session *s, const char *name, json_t **ret, struct fail *f) MUST_CHECK;

/*
 * component_enter: asks for the digits (or takes them from file), enters them, shows the check value and asks whether
 * it is the one on the envelope; when it is not, the component is destroyed again. expect: the check value that it must
 * have, NULL: ask, or with a file: take it as it is. twice: the digits are typed twice.
 */
struct component_entry {
	const char *label; /* NAME#k/n */
	const struct key_kind *kind;
	const char *who; /* the custodian, for messages */
	const char *file;
	const char *expect;
	bool twice;
};
enum err component_enter(struct officer *o, struct pk11_session *s, const struct component_entry *entry,
			 char check[CHECK_VALUE_HEX], struct fail *f) MUST_CHECK;

#endif
