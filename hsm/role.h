/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_ROLE_H
#define HSM_ROLE_H

#include "bytes.h"
#include "ck.h"
#include "object.h"

/*
 * Roles: what a payment key is for (CKA_SR_ROLE), and nothing besides. The tables in role_table.c say for each role its
 * class, types and lengths, how such a key may come into being, its usages, and which mechanisms may touch it; the
 * matrix says which role may carry which other role under which mechanism. An ordinary key has no role and no part in
 * the matrix.
 *
 * A key with a role gets its attributes from the table alone: private, sensitive, not copyable, not modifiable, its
 * usages, CKA_ALLOWED_MECHANISMS. A template may ask for less; asking for more is CKR_TEMPLATE_INCONSISTENT,
 * but for components and combined keys, where the table wins in silence (stock tools cannot leave the booleans out)
 * and only CKA_EXTRACTABLE true is refused.
 */

/* How a key of a role may come into being. */
enum role_birth {
	ROLE_BORN_COMPONENT = 1u << 0,   /* C_CreateObject with the label NAME#k/n, by a custodian */
	ROLE_BORN_COMBINED = 1u << 1,    /* CKM_SR_COMPONENT_COMBINE */
	ROLE_BORN_GENERATED = 1u << 2,   /* C_GenerateKey, C_GenerateKeyPair with CKA_SR_ROLE in the template */
	ROLE_BORN_TK = 1u << 3,          /* CKM_SR_TK_GENERATE, CKM_SR_TK_OPEN */
	ROLE_BORN_UNWRAPPED = 1u << 4,   /* C_UnwrapKey under a wrapper that the matrix names */
	ROLE_BORN_LOADED = 1u << 5,      /* CKM_SR_TMK_LOAD */
	ROLE_BORN_DERIVED = 1u << 6,     /* C_DeriveKey from a base that the table names, CKA_SR_ROLE in the template */
	ROLE_BORN_TRANSPORTED = 1u << 7, /* CKM_SR_TRANSPORT_RSA, CKM_SR_TRANSPORT_AES */
};

#define ROLE_LENGTHS 4

struct role_row {
	CK_ULONG role; /* SR_ROLE_* */
	const char *name;
	CK_OBJECT_CLASS class;
	unsigned births; /* enum role_birth */
	struct {
		CK_KEY_TYPE type;
		CK_ULONG min, max; /* bytes; RSA: bits */
	} keys[ROLE_LENGTHS];
	bool extractable; /* may leave under what the matrix names; loaded into a terminal, or combined: never */
	bool stays;       /* a token object goes with the token (C_InitToken), or when it is retired */
	/*
	 * The key has a side from birth (CKA_SR_SIDE): the terminal's when CKM_SR_TMK_LOAD made it or a key of the
	 * terminal's side carried it, else the host's. Anybody can make a TK of his own, load a TMK of his own under
	 * it, and working keys of his own under that: those keys stay in that corner. They never leave, and no PIN of
	 * the host's is translated to one of them.
	 */
	bool sides;
	/*
	 * None is born in a token that holds a token object of this role (0: no such rule). Pr beside SRK: whoever owns
	 * a session at the KMS could re-wrap a packet whose keys he knows, open the record and have every TMK under his
	 * TEK.
	 */
	CK_ULONG not_beside;
	/*
	 * It lives long and is replaced by a next one beside it: token objects of one role and label have generations
	 * (CKA_SR_GENERATION), and the SO retires an old one for good (CKA_SR_RETIRED): it opens what was made under it
	 * and makes nothing any more.
	 */
	bool generations;
};

/*
 * struct role_use: who may do what. use 0: the key is named in the parameter or is the cargo of that mechanism, nothing
 * more. side and handshake 0: any. CKA_<usage> and CKA_ALLOWED_MECHANISMS of a role are the sum of its rows.
 * struct role_carry: who carries whom, for C_WrapKey and C_UnwrapKey alike. struct role_derive: what may be derived.
 */
#define ROLE_USES_MAX 32 /* rows of one role */
struct role_use {
	CK_ULONG role;
	CK_MECHANISM_TYPE mechanism;
	CK_FLAGS use;
	CK_ULONG side;      /* SR_SIDE_* */
	CK_ULONG handshake; /* SR_HANDSHAKE_* */
};
struct role_carry {
	CK_ULONG wrapper;
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG cargo;
};
struct role_derive {
	CK_ULONG base;
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG result;
};
/*
 * The rows of the tables (role_table.c); NULL behind the last.
 *
 * role_use_applies     to a key of this role, unless the row names a side or version that the key is known not to have
 * role_only_mechanism  an ordinary key has no part in it
 * role_carries_cargo   is there such a row?
 * role_only_cargo      the cargo of wrapper and mechanism where there is one row; else 0
 * role_derives_role    is there such a row?
 */
const struct role_row *role_at(size_t i);
const struct role_use *role_use_at(size_t i);
const struct role_carry *role_carry_at(size_t i);
const struct role_derive *role_derive_at(size_t i);
bool role_use_applies(const struct role_use *u, CK_ULONG role, CK_ULONG side, CK_ULONG handshake) MUST_CHECK;
bool role_only_mechanism(CK_MECHANISM_TYPE mechanism) MUST_CHECK;
bool role_carries_cargo(CK_ULONG wrapper, CK_MECHANISM_TYPE mechanism, CK_ULONG cargo) MUST_CHECK;
CK_ULONG role_only_cargo(CK_ULONG wrapper, CK_MECHANISM_TYPE mechanism);
bool role_derives_role(CK_ULONG base, CK_MECHANISM_TYPE mechanism, CK_ULONG result) MUST_CHECK;

/* role_find: NULL for 0 and unknown roles. role_named: by name, for labels. */
const struct role_row *role_find(CK_ULONG role);
const struct role_row *role_named(struct view name);
/* role_generation: of a token key of this role, which has generations; 0: another object. */
CK_ULONG role_generation(const struct object *o, CK_ULONG role);
/* role_key_ok: may a key of this role have this type and length (bytes)? */
bool role_key_ok(const struct role_row *row, CK_KEY_TYPE type, CK_ULONG length) MUST_CHECK;

/*
 * What objects call (object.h). role_on_make: see there; with make->role set by a mechanism the table's attributes are
 * forced; without, CKA_SR_ROLE in the template is taken where the table has ROLE_BORN_GENERATED, labels NAME#k/n are
 * components, and every other CKA_SR_* is CKR_ATTRIBUTE_READ_ONLY.
 *
 * role_on_set, role_on_copy: CKR_ATTRIBUTE_READ_ONLY for CKA_SR_* and labels of components; CKR_ACTION_PROHIBITED for
 * keys with a role. role_on_destroy: a component only by its custodian or the SO (CKR_ACTION_PROHIBITED).
 */
CK_RV role_on_make(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		   struct object *o) MUST_CHECK;
CK_RV role_on_set(struct session *s, const struct object *current, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV role_on_copy(struct session *s, const struct object *source, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV role_on_destroy(struct session *s, const struct object *o) MUST_CHECK;

/*
 * What the gate calls. key NULL (generation, digest): CKR_OK.
 *
 * role_permits        may a key be used by this mechanism with this function (a CKF_* of MECH_USES)? Ordinary keys: any
 *                     but the mechanisms that demand a role. Others: CKR_KEY_FUNCTION_NOT_PERMITTED.
 * role_permits_cargo  C_WrapKey: may wrapping carry key? CKR_KEY_NOT_WRAPPABLE. Ordinary keys under ordinary keys: yes.
 * role_of_cargo       C_UnwrapKey: the role that a key unwrapped under unwrapping by this mechanism gets (0: none); to
 *                     be put into object_make.role. CKR_KEY_FUNCTION_NOT_PERMITTED when the matrix has not one row.
 * role_data_max       most bytes one encryption operation may carry, 0: no bound (AUK of handshake version 1: a block)
 */
CK_RV role_permits(const struct object *key, CK_MECHANISM_TYPE mechanism, CK_FLAGS use) MUST_CHECK;
CK_RV role_permits_cargo(const struct object *wrapping, CK_MECHANISM_TYPE mechanism,
			 const struct object *key) MUST_CHECK;
CK_RV role_of_cargo(const struct object *unwrapping, CK_MECHANISM_TYPE mechanism, CK_ULONG *ret_role) MUST_CHECK;
size_t role_data_max(const struct object *key);

/*
 * role_require: key has this role and the mechanism may use it as its parameter or cargo; for keys that a parameter
 * names. CKR_KEY_FUNCTION_NOT_PERMITTED.
 */
CK_RV role_require(const struct object *key, CK_ULONG role, CK_MECHANISM_TYPE mechanism) MUST_CHECK;

/* struct role_tk: what TEK and AUK of one TK have in common; role_set_tk notes it and narrows the usages accordingly.
 */
struct role_tk {
	struct view serial; /* POS serial number */
	CK_ULONG counter;
	CK_ULONG handshake; /* SR_HANDSHAKE_* */
	CK_ULONG side;      /* SR_SIDE_* */
};
CK_RV role_set_tk(struct object *o, const struct role_tk *tk) MUST_CHECK;

#endif
