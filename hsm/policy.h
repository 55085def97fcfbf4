/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_POLICY_H
#define HSM_POLICY_H

#include "bytes.h"
#include "ck.h"
#include "secret.h"

/*
 * Key management policy. A token is `strict` unless its SO relaxed it: each relaxation has a row in policy.c (name,
 * what strict refuses, what it lets pass, the attack that it opens, who published that), docs/policy.md comes from the
 * rows. The relaxations of a token stand in its meta record "policy", authenticated with a key under the token key
 * (docs/store.md); strongroom.conf and the environment only take away (settings.h). Keys with a role (role.h) have the
 * role matrix instead, which is stronger.
 */
struct mech_row;
struct object;
struct session;
struct store_txn;
struct token;

/* Bit numbers of relaxations; in the token's record, for good. */
enum relax {
	RELAX_WRAP_AND_DECRYPT = 0,
	RELAX_UNWRAP_AND_ENCRYPT = 1,
	RELAX_RAW_UNWRAP = 2,
	RELAX_V15_UNWRAP = 3,
	RELAX_CHOSEN_IV_WRAP = 4,
	RELAX_UNTRUSTED_WRAP = 5,
	RELAX_WEAK_WRAP = 6,
	RELAX_STRONGER_CARGO = 7,
	RELAX_TRANSPORT = 8,
	RELAX_UNWRAP_READABLE = 9,
	RELAX_DERIVE_READABLE = 10,
	RELAX_WEAK_DERIVE = 11,
	RELAX_TEXTBOOK_WRAP = 12,
	RELAX_WRAP_ITSELF = 13,
	RELAX_SHORT_RSA = 14,
	RELAX_MD5_SIGN = 15,
	RELAX_COUNT
};
#define RELAX_BIT(relax) (1ULL << (relax))

struct policy_row {
	enum relax relax;
	const char *name;
	const char *strict; /* what strict refuses */
	const char *allows;
	const char *attack;
	const char *source; /* where the attack, or the rule, is published */
	bool in_strict;     /* strict grants it; the SO and the configuration may take it away */
};
/* policy_at: the rows in the order of their bits; NULL behind the last. */
const struct policy_row *policy_at(size_t i);
/* policy_strict: the bits that the profile strict grants; policy_all: those of all rows. */
uint64_t policy_strict(void);
uint64_t policy_all(void);
/*
 * policy_parse: `strict`, or names separated by blanks (none: no relaxation at all); false: a word that is neither.
 * policy_text: the names of bits.
 */
bool policy_parse(struct view text, uint64_t *ret) MUST_CHECK;
void policy_text(uint64_t bits, struct buf *out);

/* struct policy: what the SO chose for the token. */
struct policy {
	uint64_t relaxed; /* RELAX_BIT of each relaxation */
	uint32_t dual;    /* DUAL_* of dual.h: what two custodians must approve */
	uint8_t pin_min;  /* least length of a new PIN, letters; 0: the default */
};
#define POLICY_PIN_LEAST 4
#define POLICY_PIN_MOST 64
#define POLICY_PIN_DEFAULT 8
#define POLICY_PIN_BOUND 6 /* the default of a token that is bound to its host */

/*
 * The policy of a token, cached until the store or the login changes.
 *
 * policy_get      what the token's record says, without the settings. Before a login the record cannot be verified: it
 *                 is shown as it stands. CKR_DEVICE_ERROR: after a login, a record that was not made by this token.
 * policy_bits     its relaxations alone
 * policy_pin_min  least length of a new PIN. Before a login no shorter than the default.
 * policy_describe the whole choice as one line: names of relaxations, `dual=export,policy` or `dual=none`, `pin-min=10`
 *                 or `pin-min=default`; policy_described: the other way round, false: not of this form
 * policy_set      the SO's new choice, in one transaction with its audit entry. CKR_USER_NOT_LOGGED_IN,
 *                 CKR_ACTION_PROHIBITED (not the SO), CKR_SESSION_READ_ONLY, CKR_SR_NOT_APPROVED: two custodians must
 *                 have approved what the policy would be, where it asks for that, and where it asks for less than
 * before. policy_in_force what holds in this process: the bits that the settings leave. Without a login strict holds,
 * whatever the record says: nobody can tell whether it is the token's. policy_allows   is this relaxed here? A record
 * that is not the token's: no. policy_shown    for C_GetMechanismInfo: flags and smallest key of a row under what the
 * record and the settings say
 */
CK_RV policy_get(struct token *t, struct policy *ret) MUST_CHECK;
CK_RV policy_bits(struct token *t, uint64_t *ret) MUST_CHECK;
size_t policy_pin_min(struct token *t);
void policy_describe(const struct policy *p, struct buf *out);
bool policy_described(struct view text, struct policy *ret) MUST_CHECK;
/* struct policy_change: the fields of `to` that are said to be given. */
struct policy_change {
	struct policy to;
	bool relaxed, dual, pin_min;
};
CK_RV policy_set(struct session *s, const struct policy_change *change) MUST_CHECK;
CK_RV policy_in_force(struct token *t, uint64_t *ret) MUST_CHECK;
bool policy_allows(struct session *s, enum relax relax) MUST_CHECK;
CK_RV policy_shown(struct token *t, const struct mech_row *row, CK_MECHANISM_INFO *info) MUST_CHECK;

/*
 * The rules; all pass keys with a role.
 *
 * policy_use       gate: may key be used by this row with this function (a CKF_* of MECH_USES)? Notes down durably what
 *                  the key decides by it. CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_UNEXTRACTABLE.
 * policy_wrap      gate: may key leave under wrapping? CKR_KEY_NOT_WRAPPABLE for most; CKR_WRAPPING_KEY_SIZE_RANGE,
 *                  CKR_KEY_FUNCTION_NOT_PERMITTED (wrapping key that decrypts; by a keystream also: that encrypts).
 * policy_wrap_iv   gate: may key leave under wrapping with an IV that the caller gives? CKR_MECHANISM_PARAM_INVALID.
 * policy_pair_bits gate: may a pair be generated by this row in this size (bits; 0: unknown)? CKR_KEY_SIZE_RANGE.
 * policy_on_make   a new unwrapped key must be sensitive, and no key that shows itself. CKR_TEMPLATE_INCONSISTENT.
 * policy_derived_least  bytes that a key from these bases (some may be NULL) has at least: shorter ones are found by
 *                  search, and with them the longer ones that begin alike
 * policy_diversify  base, or a value of this type that was derived from it on the way, derives a key of role: of no
 *                  other role from now on; with one factor both would have one value, and a key that makes MACs would
 *                  open PIN blocks, and tell what keys derive. CKR_KEY_FUNCTION_NOT_PERMITTED.
 * policy_digest_key  may C_DigestKey take this key? CKR_KEY_INDIGESTIBLE: hashes are what derivation makes keys of.
 * policy_on_change an object that becomes another by C_SetAttributeValue or C_CopyObject: usages that were given up
 *                  stay away (CKR_ATTRIBUTE_READ_ONLY); notes in new what it gave up
 * policy_on_pair   the halves of a new pair, uncommitted: what they will never be
 */
CK_RV policy_use(struct session *s, const struct mech_row *row, CK_FLAGS use, struct object *key) MUST_CHECK;
/* policy_watches: may what others do with the value of the key end this use, so that it must be asked for again? */
bool policy_watches(const struct mech_row *row, CK_FLAGS use, const struct object *key) MUST_CHECK;
CK_RV policy_wrap(struct session *s, const struct mech_row *row, struct object *wrapping,
		  struct object *key) MUST_CHECK;
CK_RV policy_wrap_iv(struct session *s, struct object *wrapping, const struct object *key) MUST_CHECK;
CK_RV policy_pair_bits(struct session *s, const struct mech_row *row, CK_ULONG bits) MUST_CHECK;
size_t policy_derived_least(struct session *s, const struct object *const bases[], size_t n);
CK_RV policy_diversify(struct session *s, struct object *base, CK_KEY_TYPE type, struct view value,
		       CK_ULONG role) MUST_CHECK;
CK_RV policy_digest_key(struct session *s, const struct object *key) MUST_CHECK;
CK_RV policy_on_make(struct session *s, bool unwrapped, const struct object *o) MUST_CHECK;
CK_RV policy_on_change(struct session *s, const struct object *old, struct object *new) MUST_CHECK;
CK_RV policy_on_pair(struct object *public, struct object *private) MUST_CHECK;
/*
 * policy_strength: security strength in bits (NIST SP 800-57 part 1, table 2) of a key of any kind; 0: unknown. Two-key
 * TDES has 80, above DES.
 */
unsigned policy_strength(const struct object *key);

/*
 * The policy object (vendor.h, CKO_SR_POLICY): one per token, found only by its class, the same handle in every
 * session.
 */
#define POLICY_HANDLE 0x53520001UL
/* policy_object_asked: does the template ask for it, and does it match? */
bool policy_object_asked(const CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV policy_object_get(struct session *s, CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV policy_object_set(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;

#endif
