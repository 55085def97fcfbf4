/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_IMPORT_H
#define OFFICER_IMPORT_H

#include "ck.h"

#include "pk11.h"

/*
 * What the pieces of `strongroom import` hand to each other: objects that come from elsewhere, one after the other.
 *
 * A source (import_token.c: another PKCS#11 token; import_softhsm.c: the object files of SoftHSMv2) fills a struct
 * import_object; import_put.c makes it in our token. Values of keys stand in struct secret from the first to the last.
 */
#define IMPORT_ATTRS_MAX 64
#define IMPORT_NAME_MAX 192
#define IMPORT_REASON_MAX 200

struct import_attr {
	CK_ATTRIBUTE_TYPE type;
	struct secret value; /* as PKCS#11 has it: CK_BBOOL, CK_ULONG in memory order, bytes */
};

struct import_object {
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type; /* of keys; else CK_UNAVAILABLE_INFORMATION */
	struct import_attr attrs[IMPORT_ATTRS_MAX];
	size_t count;
	/* The value of a key that its token does not show: wrapped under the transport key; empty: it is among attrs.
	 */
	struct buf wrapped;
	CK_MECHANISM_TYPE mechanism;
	CK_OBJECT_HANDLE unwrapping;   /* in our token */
	char stays[IMPORT_REASON_MAX]; /* why it cannot come; empty: it can */
	char name[IMPORT_NAME_MAX];    /* for people: class, type, label, id */
};
#define IMPORT_OBJECT_AUTO __attribute__((cleanup(import_object_done))) struct import_object
/* import_object_done: wipes and frees what it holds and makes it empty. */
void import_object_done(struct import_object *o);
/* import_object_add: one more attribute, copied. ERR_TOO_LARGE: more than IMPORT_ATTRS_MAX, or a value above 1 MiB. */
enum err import_object_add(struct import_object *o, CK_ATTRIBUTE_TYPE type, struct view value,
			   struct fail *f) MUST_CHECK;
/* import_object_find: NULL: it has none. */
const struct import_attr *import_object_find(const struct import_object *o, CK_ATTRIBUTE_TYPE type);
/* import_object_true: is this boolean there and true? */
bool import_object_true(const struct import_object *o, CK_ATTRIBUTE_TYPE type);
/* import_object_name: class, type and name from the attributes, once they are there. */
enum err import_object_name(struct import_object *o, struct fail *f) MUST_CHECK;

/* The attributes that an import carries over. */
enum import_kind { IMPORT_BOOL, IMPORT_NUMBER, IMPORT_BYTES };
/* IMPORT_PUBLIC and IMPORT_SECRET: of a key's value, which come with it when it comes wrapped. */
enum import_part { IMPORT_ABOUT, IMPORT_PUBLIC, IMPORT_SECRET };
struct import_row {
	CK_ATTRIBUTE_TYPE type;
	enum import_kind kind;
	enum import_part part;
	unsigned classes;
};
/* import_row_at: rows of the table; NULL behind the last. import_row_of: the row of an attribute of this class. */
const struct import_row *import_row_at(size_t i);
const struct import_row *import_row_of(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE type);
bool import_row_has(const struct import_row *row, CK_OBJECT_CLASS class);
/* import_class_known: data, certificates, keys and domain parameters come over; all else is the token's own. */
bool import_class_known(CK_OBJECT_CLASS class);

/*
 * struct import_source: next fills *ret, which is empty; *ret_end: there is none any more. done frees the source.
 */
struct import_source {
	void *ctx;
	enum err (*next)(void *ctx, struct import_object *ret, bool *ret_end, struct fail *f);
	void (*done)(void *ctx);
};

/*
 * import_from_token: all objects of another token. Values of keys that it shows come as they are; those that are
 * sensitive and extractable come wrapped: our token makes an RSA pair, the other one an AES key, which leaves under
 * that pair and wraps the keys. What may not leave stays. to: our session, for the life of the source.
 */
enum err import_from_token(struct pk11_session *from, struct pk11_session *to, struct import_source *ret,
			   struct fail *f) MUST_CHECK;
/*
 * import_from_softhsm: the object files under dir, of the token with this label (NULL: the only one). pin: its user's.
 * ERR_CONFIG: no such directory or token, or several; a wrong PIN.
 */
enum err import_from_softhsm(const char *dir, const char *label, const struct secret *pin, struct import_source *ret,
			     struct fail *f) MUST_CHECK;

/*
 * import_put: makes the object in our token. without: usages (CKA_*, zero at the end) that are not taken over.
 * ERR_DUPLICATE: an object of this class, label and id is there already. Other errors name what was refused.
 */
enum err import_put(struct pk11_session *to, const struct import_object *o, const CK_ATTRIBUTE_TYPE *without,
		    struct fail *f) MUST_CHECK;
/* import_there: is an object of this class, type, label and id in our token? */
enum err import_there(struct pk11_session *to, const struct import_object *o, bool *ret, struct fail *f) MUST_CHECK;
/* import_template: the template of o for C_CreateObject or C_UnwrapKey; room for IMPORT_ATTRS_MAX + 2; views into o. */
CK_ULONG import_template(const struct import_object *o, const CK_ATTRIBUTE_TYPE *without, CK_ATTRIBUTE *ret);

#endif
