/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_H
#define HSM_OBJECT_H

#include "bytes.h"
#include "ck.h"
#include "audit.h"
#include "secret.h"

/*
 * Objects: keys, certificates, data. A struct object is counted (object_ref, object_unref) and never changes once it is
 * committed: C_SetAttributeValue puts a new one in its place, and who still holds the old one may go on using it. Any
 * thread may read a committed object that it holds.
 *
 * Attribute values are kept in the form that is stored: CK_BBOOL 1 byte (0 or 1), CK_ULONG 8 bytes big-endian, lists of
 * mechanisms 8 bytes each, everything else as given. Sensitive values are in struct secret.
 */
struct session;
struct token;
struct object;

enum object_origin {
	OBJECT_CREATED,   /* C_CreateObject */
	OBJECT_GENERATED, /* C_GenerateKey, C_GenerateKeyPair: CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_* follow */
	OBJECT_UNWRAPPED, /* C_UnwrapKey: not local; sensitive values come from the mechanism */
	OBJECT_DERIVED,   /* C_DeriveKey, C_EncapsulateKey, C_DecapsulateKey: the same; see object_make.bases */
	OBJECT_COPIED,    /* C_CopyObject */
};

#define OBJECT_ANY CK_UNAVAILABLE_INFORMATION

/*
 * struct object_make: what the caller knows about a new object besides the template.
 *
 * bases   OBJECT_DERIVED: the keys that the new one is made from; NULL: none. A derived secret or private key is
 *         sensitive when one of them is, and not extractable when one of them is not: a template that says otherwise is
 *         CKR_TEMPLATE_INCONSISTENT, silence gets what the bases demand. CKA_ALWAYS_SENSITIVE: all bases are, and the
 *         key is sensitive; CKA_NEVER_EXTRACTABLE: all bases are, and the key is not extractable (PKCS#11 3.1, the
 *         sections on key derivation). Without bases both are false. Other things made with a derived key (public
 *         keys, data) take no part in this.
 * weaker  OBJECT_DERIVED: the template may ask for less protection than the bases have (a relaxation of the policy)
 */
#define OBJECT_BASES 2
struct object_make {
	enum object_origin origin;
	CK_OBJECT_CLASS class;       /* OBJECT_ANY: from the template; else the template may repeat it, not change it */
	CK_KEY_TYPE key_type;        /* the same */
	CK_MECHANISM_TYPE mechanism; /* OBJECT_GENERATED: CKA_KEY_GEN_MECHANISM */
	CK_ULONG role;               /* SR_ROLE_*; 0: an ordinary key, or what role_on_make finds */
	CK_ULONG side;               /* SR_SIDE_* of a working key: that of its wrapper; 0: the host's */
	const struct object *bases[OBJECT_BASES];
	bool weaker;
};

/*
 * object_new_from: checks a template against the attribute table and makes an uncommitted object with all defaults.
 * Calls role_on_make (role.h) before defaults are filled in. For generated and unwrapped keys the value is set by the
 * mechanism afterwards with object_set_*.
 *
 * Errors: CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY,
 * CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_SESSION_READ_ONLY (token object in a R/O session),
 * CKR_USER_NOT_LOGGED_IN (private object), what role_on_make answers.
 */
CK_RV object_new_from(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		      struct object **ret) MUST_CHECK;
/*
 * What every template must be before anybody looks into it. template_readable: a pointer where there is a count, values
 * where there are lengths (CKR_ARGUMENTS_BAD), none longer than any attribute is (CKR_ATTRIBUTE_VALUE_INVALID).
 * template_form: and none twice (CKR_TEMPLATE_INCONSISTENT); for all but searches.
 */
#define ATTR_LEN_MAX 65535
CK_RV template_readable(const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV template_form(const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
/* template_ulong: a CK_ULONG of a raw template (CKA_VALUE_LEN, CKA_MODULUS_BITS); false: absent or of a wrong length.
 */
bool template_ulong(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG *ret) MUST_CHECK;
/* template_find: the attribute, or NULL. */
const CK_ATTRIBUTE *template_find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type);

/* Setters, for an uncommitted object; they replace. Errors: CKR_HOST_MEMORY. object_set_secret copies into a secret. */
CK_RV object_set_bool(struct object *o, CK_ATTRIBUTE_TYPE type, bool value) MUST_CHECK;
CK_RV object_set_ulong(struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG value) MUST_CHECK;
CK_RV object_set_bytes(struct object *o, CK_ATTRIBUTE_TYPE type, struct view value) MUST_CHECK;
CK_RV object_set_mechanisms(struct object *o, CK_ATTRIBUTE_TYPE type, const CK_MECHANISM_TYPE *m, size_t n) MUST_CHECK;
/*
 * object_set_parent: of a new key: under which key it came in, or of which it came (CKA_SR_PARENT). A parent that lives
 * in a session is none whom anybody finds later: the token keys stand for it that it names itself. Of several parents,
 * a call each; NULL: none.
 */
CK_RV object_set_parent(struct object *o, const struct object *parent) MUST_CHECK;
CK_RV object_set_secret(struct object *o, CK_ATTRIBUTE_TYPE type, struct view value) MUST_CHECK;

/*
 * Getters. An attribute that is absent is false, 0 (object_ulong: fallback), an empty view. object_secret answers
 * sensitive values too, for use inside the module only; the view lives as long as the object is held.
 */
bool object_has(const struct object *o, CK_ATTRIBUTE_TYPE type);
bool object_bool(const struct object *o, CK_ATTRIBUTE_TYPE type);
CK_ULONG object_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG fallback);
struct view object_bytes(const struct object *o, CK_ATTRIBUTE_TYPE type);
struct view object_secret(const struct object *o, CK_ATTRIBUTE_TYPE type);
/* object_mechanism_allowed: CKA_ALLOWED_MECHANISMS is absent or names it. */
bool object_mechanism_allowed(const struct object *o, CK_MECHANISM_TYPE type);
static inline CK_OBJECT_CLASS object_class(const struct object *o)
{
	return object_ulong(o, CKA_CLASS, OBJECT_ANY);
}
static inline CK_KEY_TYPE object_key_type(const struct object *o)
{
	return object_ulong(o, CKA_KEY_TYPE, OBJECT_ANY);
}
static inline CK_ULONG object_role(const struct object *o)
{
	return object_ulong(o, CKA_SR_ROLE, 0);
}
/* object_id: the 16 bytes that name the object in store and audit (CKA_UNIQUE_ID is their hex). */
struct view object_id(const struct object *o);

/* object_ref: one holder more; answers o. */
struct object *object_ref(struct object *o);
void object_unref(struct object *o); /* takes NULL; the last one wipes */

/*
 * object_get: the object of a handle, if the session may see it, with its sensitive values; the caller unrefs it.
 * CKR_OBJECT_HANDLE_INVALID (also when destroyed by another process); CKR_USER_NOT_LOGGED_IN when the key of its
 * sensitive values is not there, and for private objects in an SO session. object_get_key: the same with another code
 * for a bad handle.
 */
CK_RV object_get(struct session *s, CK_OBJECT_HANDLE handle, struct object **ret) MUST_CHECK;
CK_RV object_get_key(struct session *s, CK_OBJECT_HANDLE handle, CK_RV bad_handle, struct object **ret) MUST_CHECK;

/*
 * object_cache: what a family keeps beside a key (a parsed EVP_PKEY): made at most once per object, freed with it, by
 * the last unref. make gets the object; NULL from make: CKR_GENERAL_ERROR. Any thread.
 */
CK_RV object_cache(struct object *o, void *(*make)(const struct object *o), void (*drop)(void *p),
		   void **ret) MUST_CHECK;

/*
 * object_commit: stores (token objects, one transaction with its audit entry) or registers (session objects) a new
 * object and answers its handle. Sets CKA_UNIQUE_ID and, when absent, CKA_CHECK_VALUE and CKA_VALUE_LEN. The caller
 * keeps its reference and unrefs it.
 */
CK_RV object_commit(struct session *s, struct object *o, CK_OBJECT_HANDLE *ret) MUST_CHECK;

/*
 * struct object_change: several objects in one step: all or nothing, in one store transaction.
 *
 * create   new objects, token or session objects
 * destroy  held committed objects; one that is gone in the meantime: CKR_OBJECT_HANDLE_INVALID and nothing happens
 * check    NULL, or called when the store's write lock is held, before anything is written: what it finds with
 *          object_find is true until the change is done. Not CKR_OK: nothing happens.
 * also     NULL, or what else belongs into the transaction, behind check; of a change that stores
 * event    AUDIT_NONE: created or destroyed per token key; else one entry with the label given
 */
struct store_txn;
struct object_change {
	struct object *const *create;
	size_t creates;
	struct object *const *destroy;
	size_t destroys;
	CK_RV (*check)(struct session *s, void *ctx);
	CK_RV (*also)(struct session *s, struct store_txn *txn, void *ctx);
	void *ctx;
	enum audit_number event;
	struct view label;
};
CK_RV object_commit_change(struct session *s, const struct object_change *c, CK_OBJECT_HANDLE *ret_handles) MUST_CHECK;
/* object_set_check: role_on_make hands over a check that object_commit runs as object_change.check, ctx the object. */
void object_set_check(struct object *o, CK_RV (*check)(struct session *s, void *object), enum audit_number event);

/*
 * object_find: handles of the objects that the session sees and that match the whole template, in no order.
 * object_find_each hands out held objects without sensitive values (object_get for those); each answering not CKR_OK
 * ends the walk and is answered.
 */
struct handles {
	CK_OBJECT_HANDLE *p;
	size_t len;
	size_t room;
};
void handles_done(struct handles *h);
CK_RV object_find(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, struct handles *ret) MUST_CHECK;

/*
 * What role.c provides (declared in role.h) and objects call:
 *
 * role_on_make    (struct session *, const struct object_make *, const CK_ATTRIBUTE *t, CK_ULONG n, struct object *):
 *                 the object holds the template's attributes (already checked for form), not yet the defaults. Forces
 *                 attributes of a role, recognises components by label, refuses CKA_SR_* that may not be asked for.
 * role_on_set     (struct session *, const struct object *current, const CK_ATTRIBUTE *t, CK_ULONG n): may they change?
 * role_on_copy    (struct session *, const struct object *source, const CK_ATTRIBUTE *t, CK_ULONG n)
 * role_on_destroy (struct session *, const struct object *)
 * All answer CKR_OK or the refusal. In an SO session private keys are visible without their values: components to be
 * destroyed, the others to be trusted (CKA_TRUSTED) and nothing else; other private objects are not visible.
 */

#endif
