/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_OBJECTS_H
#define OFFICER_OBJECTS_H

#include "officer.h"

/* The objects of a token as list, kcv, components and ceremony see them. Include ck.h first. */

/* Options that choose objects, for option rows of a command. */
#define OBJECT_OPTIONS                                                                                                 \
	{ "class", "CLASS",                                                                                            \
	  "only this class: data, certificate, public-key, private-key, secret-key, or a number 0x..." },              \
	    { "type", "TYPE", "only keys of this type: AES, DES2, DES3, RSA, EC, ..., or a number 0x..." },            \
	    { "role", "ROLE", "only keys of this role: PK, MAK, TMK, COMPONENT, ... (docs/roles.md)" },                \
	    { "label", "LABEL", "only objects with this label" },                                                      \
	{                                                                                                              \
		"id", "HEX", "only objects with this CKA_ID"                                                           \
	}

/* struct object_query: a template made of such options, with what it points to. */
struct object_query {
	CK_ATTRIBUTE t[8];
	CK_ULONG n;
	CK_ULONG class, type, role;
	CK_BBOOL token;
	struct buf id;
};
#define OBJECT_QUERY_AUTO __attribute__((cleanup(object_query_done))) struct object_query
void object_query_done(struct object_query *q);
/* object_query_of: token objects, as the options say; ERR_USAGE names the wrong one. *ret must stay where it is. */
enum err object_query_of(const struct officer *o, struct object_query *ret, struct fail *f) MUST_CHECK;
/* object_query_add: one more attribute; value must outlive the query. */
void object_query_add(struct object_query *q, CK_ATTRIBUTE_TYPE type, const void *value, size_t n);

/* objects_found: handles of all that match; *ret to be freed. */
enum err objects_found(struct pk11_session *s, struct object_query *q, CK_OBJECT_HANDLE **ret, size_t *ret_n,
		       struct fail *f) MUST_CHECK;
/*
 * object_of_label: the one secret key of this label, or the newest of its generations; ERR_KEY_MISSING: none or several
 * others, says which label.
 */
enum err object_of_label(struct pk11_session *s, const char *label, CK_OBJECT_HANDLE *ret, struct fail *f) MUST_CHECK;

#define CHECK_VALUE_HEX 7
/*
 * object_check_value: six hexadecimal digits in upper case: CKM_SR_CHECK_VALUE (DES: zero block in ECB, AES: CMAC of a
 * zero block), for other secret keys CKA_CHECK_VALUE. method: "ecb", "cmac" or "attribute". ERR_NOT_FOUND: it has none.
 */
enum err object_check_value(struct pk11_session *s, CK_OBJECT_HANDLE object, char ret[CHECK_VALUE_HEX],
			    const char **ret_method, struct fail *f) MUST_CHECK;

/* object_json: one object by the rows of object_fields; NULL: gone meanwhile. */
extern const struct show_field object_fields[];
enum err object_json(struct pk11_session *s, CK_OBJECT_HANDLE object, json_t **ret, struct fail *f) MUST_CHECK;

/* object_text: an attribute as text appended; nothing when it is not there. object_number: false: not there. */
void object_text(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret);
bool object_number(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *ret);

#endif
