/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_own.h"

#include "dual.h"
#include "key.h"
#include "mech.h"
#include "object.h"
#include "session.h"
#include "vendor.h"
#include "vendor_dual.h"

/* What strict asks of keys and mechanisms, rule by rule. */
#define STRENGTH_LEAST 112
#define TRY(call)                                                                                                      \
	do {                                                                                                           \
		CK_RV try_rv = (call);                                                                                 \
		if (try_rv != CKR_OK)                                                                                  \
			return try_rv;                                                                                 \
	} while (0)

/* Two usages that no key may have both, and who lifts that. */
static const struct rival {
	CK_FLAGS what;
	CK_FLAGS against;
	enum relax relax;
} rivals[] = {
	{ CKF_WRAP, CKF_DECRYPT, RELAX_WRAP_AND_DECRYPT },
	{ CKF_DECRYPT, CKF_WRAP, RELAX_WRAP_AND_DECRYPT },
	{ CKF_UNWRAP, CKF_ENCRYPT, RELAX_UNWRAP_AND_ENCRYPT },
	{ CKF_ENCRYPT, CKF_UNWRAP, RELAX_UNWRAP_AND_ENCRYPT },
};

static const struct {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE type;
} usages[] = {
	{ CKF_WRAP, CKA_WRAP },
	{ CKF_DECRYPT, CKA_DECRYPT },
	{ CKF_UNWRAP, CKA_UNWRAP },
	{ CKF_ENCRYPT, CKA_ENCRYPT },
};

static CK_FLAGS usages_of(const struct object *key)
{
	CK_FLAGS uses = 0;

	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		uses |= object_bool(key, usages[i].type) ? usages[i].use : 0;
	/* Key agreement yields the key under which CKM_ECDH_AES_KEY_WRAP wraps. */
	if (object_class(key) == CKO_PRIVATE_KEY && object_bool(key, CKA_DERIVE))
		uses |= CKF_DECRYPT;
	return uses;
}

static bool is_block_cipher(CK_KEY_TYPE type)
{
	return type == CKK_AES || type == CKK_DES || type == CKK_DES2 || type == CKK_DES3 || type == CKK_SR_SM4;
}

/* given_up: what the key will never be; a secret key by what it is, a half of a pair only as it was noted. */
static CK_FLAGS given_up(const struct object *key)
{
	CK_FLAGS given = object_ulong(key, CKA_SR_GIVEN_UP, 0);
	CK_FLAGS uses = usages_of(key);

	if (object_class(key) != CKO_SECRET_KEY)
		return given;
	for (size_t i = 0; i < ARRAY_LEN(rivals); i++)
		if ((uses & rivals[i].what) && !(uses & rivals[i].against))
			given |= rivals[i].against;
	/* MACs show encrypted blocks, byte by byte also when they verify; such a key gets no CKA_UNWRAP later. */
	if ((object_bool(key, CKA_SIGN) || object_bool(key, CKA_VERIFY)) && !(uses & CKF_UNWRAP) &&
	    is_block_cipher(object_key_type(key)))
		given |= CKF_UNWRAP;
	if ((object_bool(key, CKA_SIGN) || object_bool(key, CKA_DERIVE)) && is_block_cipher(object_key_type(key)))
		given |= CKF_DERIVE; /* see block_key */
	return given;
}

static CK_FLAGS rival_of(CK_FLAGS what)
{
	for (size_t i = 0; i < ARRAY_LEN(rivals); i++)
		if (rivals[i].what == what)
			return rivals[i].against;
	return 0;
}

/*
 * may_wrap: this secret key, or another object with its value, may wrap sensitive keys, also by mechanisms that fall to
 * whoever encrypts. A sensitive key that came in may be the copy of one that was made here.
 */
static bool may_wrap(const struct object *key)
{
	if (object_class(key) != CKO_SECRET_KEY)
		return false;
	return object_bool(key, CKA_LOCAL) ? !(given_up(key) & CKF_WRAP) : object_bool(key, CKA_SENSITIVE);
}

/* decide: key is used for what; from now on never for its rival. */
static CK_RV decide(struct session *s, struct object *key, CK_FLAGS what)
{
	bool wraps = what == CKF_WRAP || what == CKF_DECRYPT;
	bool relaxed = policy_allows(s, wraps ? RELAX_WRAP_AND_DECRYPT : RELAX_UNWRAP_AND_ENCRYPT);
	bool note = what == CKF_WRAP || what == CKF_UNWRAP || !(given_up(key) & rival_of(what)) ||
		    (what == CKF_ENCRYPT && may_wrap(key));

	if ((object_ulong(key, CKA_SR_GIVEN_UP, 0) & what) && !relaxed)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	/* Session keys of a token that allows both are not worth a write; nor is what anybody can do outside. */
	if (relaxed && !object_bool(key, CKA_TOKEN))
		return CKR_OK;
	if (what == CKF_ENCRYPT && object_class(key) == CKO_PUBLIC_KEY && !object_bool(key, CKA_LOCAL))
		note = false;
	return uses_decide(s, key, what, rival_of(what), note, relaxed);
}

/*
 * block_key: a key of key blocks makes no MACs and derives nothing, before, now and later: the keys that encrypt and
 * authenticate a key block are CMACs of it over known data.
 */
static CK_RV block_key(struct session *s, struct object *key)
{
	if (policy_allows(s, RELAX_WRAP_AND_DECRYPT))
		return CKR_OK;
	if (given_up(key) & CKF_DERIVE)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return uses_decide(s, key, CKF_DERIVE, 0, true, false);
}

/* macs: key makes a MAC or derives a key: never one of key blocks. */
static CK_RV macs(struct session *s, struct object *key)
{
	if (object_class(key) != CKO_SECRET_KEY || !is_block_cipher(object_key_type(key)))
		return CKR_OK;
	return uses_decide(s, key, CKF_SIGN, CKF_DERIVE, false, policy_allows(s, RELAX_WRAP_AND_DECRYPT));
}

/*
 * shows, hides: a sensitive secret key either encrypts and makes MACs, or derives; what it does first decides. A key
 * that was made here without CKA_DERIVE never gets it (policy_on_change), so that its encryptions need no note.
 */
static CK_RV shows(struct session *s, struct object *key)
{
	if (object_class(key) != CKO_SECRET_KEY || !object_bool(key, CKA_SENSITIVE) || !object_bool(key, CKA_DERIVE))
		return CKR_OK;
	return uses_decide(s, key, USE_SHOWS, USE_HIDES, true, policy_allows(s, RELAX_WEAK_DERIVE));
}

static CK_RV hides(struct session *s, struct object *key)
{
	if (object_class(key) != CKO_SECRET_KEY || !object_bool(key, CKA_SENSITIVE))
		return CKR_OK;
	return uses_decide(s, key, USE_HIDES, USE_SHOWS, true, policy_allows(s, RELAX_WEAK_DERIVE));
}

static CK_RV use_unwrap(struct session *s, const struct mech_row *row, struct object *key)
{
	if ((row->traits & MECH_SEALED) == 0 &&
	    !policy_allows(s, row->traits & MECH_V15 ? RELAX_V15_UNWRAP : RELAX_RAW_UNWRAP))
		return CKR_MECHANISM_INVALID;
	if (row->traits & MECH_KEY_BLOCK)
		TRY(block_key(s, key));
	if ((row->traits & MECH_ENVELOPE) == 0 && object_class(key) != CKO_SECRET_KEY)
		TRY(uses_decide(s, key, CKF_UNWRAP, USE_ENVELOPE, false, policy_allows(s, RELAX_WRAP_AND_DECRYPT)));
	return decide(s, key, CKF_UNWRAP);
}

static CK_RV use_sign(struct session *s, const struct mech_row *row, struct object *key)
{
	if ((row->traits & MECH_WEAK_SIGN) && !policy_allows(s, RELAX_MD5_SIGN))
		return CKR_MECHANISM_INVALID;
	TRY(macs(s, key));
	if ((row->traits & MECH_OWN_LABEL) == 0)
		TRY(shows(s, key));
	if (row->traits & MECH_BLOCK_SIGN)
		return decide(s, key, CKF_ENCRYPT);
	return row->traits & MECH_TEXTBOOK ? decide(s, key, CKF_DECRYPT) : CKR_OK;
}

/*
 * use_role: roles have their matrix; of those that both make MACs and protect key blocks, a key does what it did first:
 * the keys of a block are CMACs.
 */
static CK_RV use_role(struct session *s, const struct mech_row *row, CK_FLAGS use, struct object *key)
{
	if (!object_mechanism_allowed(key, CKM_SR_KEY_BLOCK) || !object_mechanism_allowed(key, CKM_AES_CMAC))
		return CKR_OK;
	if (row->traits & MECH_KEY_BLOCK)
		return uses_decide(s, key, CKF_UNWRAP, CKF_ENCRYPT, true, false);
	if (row->traits & MECH_BLOCK_SIGN)
		return uses_decide(s, key, CKF_ENCRYPT, CKF_UNWRAP, true, false);
	return CKR_OK;
}

CK_RV policy_use(struct session *s, const struct mech_row *row, CK_FLAGS use, struct object *key)
{
	uint64_t bits;
	CK_RV rv;

	if (key == NULL)
		return CKR_OK;
	if (object_role(key) != 0)
		return use_role(s, row, use, key);
	rv = policy_in_force(s->token, &bits);
	if (rv != CKR_OK)
		return rv;
	switch (use) {
	case CKF_ENCRYPT:
	case CKF_MESSAGE_ENCRYPT:
		TRY(shows(s, key));
		return decide(s, key, CKF_ENCRYPT);
	case CKF_DECRYPT:
	case CKF_MESSAGE_DECRYPT:
		TRY(shows(s, key)); /* by a keystream to decrypt is to encrypt */
		return decide(s, key, CKF_DECRYPT);
	case CKF_SIGN:
	case CKF_SIGN_RECOVER:
	case CKF_MESSAGE_SIGN:
		return use_sign(s, row, key);
	case CKF_VERIFY:
	case CKF_MESSAGE_VERIFY:
		if ((row->traits & MECH_OWN_LABEL) == 0)
			TRY(shows(s, key));
		/* Of a MAC of one byte verifying is signing after 256 attempts; the next byte likewise. */
		return row->traits & MECH_BLOCK_SIGN ? decide(s, key, CKF_ENCRYPT) : CKR_OK;
	case CKF_UNWRAP:
		return use_unwrap(s, row, key);
	case CKF_DERIVE:
		if ((row->traits & MECH_WEAK_DERIVE) && object_bool(key, CKA_SENSITIVE) &&
		    (bits & RELAX_BIT(RELAX_WEAK_DERIVE)) == 0)
			return CKR_KEY_FUNCTION_NOT_PERMITTED;
		/* What comes of it may be the key itself, and nobody is asked about keys that were born in a session.
		 */
		if ((row->traits & MECH_WEAK_DERIVE) && object_bool(key, CKA_TOKEN) &&
		    object_bool(key, CKA_SENSITIVE) && object_bool(key, CKA_EXTRACTABLE))
			TRY(dual_refuses(s, SR_ACTION_EXPORT));
		if (object_class(key) == CKO_PRIVATE_KEY)
			return decide(s, key, CKF_DECRYPT);
		TRY(hides(s, key));
		TRY(macs(s, key));
		/* Encrypted data, and derivation by CMAC. */
		return is_block_cipher(object_key_type(key)) ? decide(s, key, CKF_ENCRYPT) : CKR_OK;
	default:
		return CKR_OK;
	}
}

bool policy_watches(const struct mech_row *row, CK_FLAGS use, const struct object *key)
{
	const CK_FLAGS crypts = CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT;
	const CK_FLAGS macs = CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY;

	if (object_role(key) != 0 || object_class(key) != CKO_SECRET_KEY)
		return false;
	return (use & crypts) != 0 || ((use & macs) && is_block_cipher(object_key_type(key)));
}

unsigned policy_strength(const struct object *key)
{
	static const struct {
		CK_ULONG factoring, curve;
		unsigned strength;
	} table[] = {
		{ 15360, 512, 256 }, { 7680, 384, 192 }, { 3072, 252, 128 }, { 2048, 224, 112 }, { 1024, 160, 80 }
	};
	CK_KEY_TYPE type = object_key_type(key);
	CK_ULONG size = key_size(key);
	bool factoring = type == CKK_RSA || type == CKK_DSA || type == CKK_DH || type == CKK_X9_42_DH;

	if (object_class(key) == CKO_SECRET_KEY) {
		if (type == CKK_DES || type == CKK_DES2 || type == CKK_DES3)
			return type == CKK_DES ? 56 : type == CKK_DES2 ? 80 : 112;
		if (type == CKK_AES_XTS)
			size /= 2; /* its halves are two keys */
		return size >= 32 ? 256 : (unsigned)size * 8;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (size >= (factoring ? table[i].factoring : table[i].curve))
			return table[i].strength;
	return 0;
}

/* known: was the value of this wrapping key ever in anybody's hands? */
static bool known(const struct object *key)
{
	if (!object_bool(key, CKA_LOCAL))
		return true;
	if (object_class(key) != CKO_SECRET_KEY)
		return (object_ulong(key, CKA_SR_GIVEN_UP, 0) & CKF_WRAP) != 0;
	return !object_bool(key, CKA_ALWAYS_SENSITIVE) && !object_bool(key, CKA_NEVER_EXTRACTABLE);
}

/* wrap_strength: of the wrapping key, and of what it carries. */
static CK_RV wrap_strength(uint64_t bits, const struct object *wrapping, const struct object *key)
{
	unsigned strength = policy_strength(wrapping);
	bool transport = object_class(wrapping) != CKO_SECRET_KEY && object_class(key) == CKO_SECRET_KEY;
	enum relax relax = transport ? RELAX_TRANSPORT : RELAX_STRONGER_CARGO;

	if (strength < STRENGTH_LEAST && (bits & RELAX_BIT(RELAX_WEAK_WRAP)) == 0)
		return CKR_WRAPPING_KEY_SIZE_RANGE;
	if (strength < policy_strength(key) && (bits & RELAX_BIT(relax)) == 0)
		return CKR_WRAPPING_KEY_SIZE_RANGE;
	return CKR_OK;
}

/* shows_blocks: to wrap a value that was known is to encrypt it, by a bare cipher. */
static bool shows_blocks(const struct mech_row *row, const struct object *wrapping, const struct object *key)
{
	return object_class(wrapping) == CKO_SECRET_KEY && (row->traits & MECH_SEALED) == 0 &&
	       !object_bool(key, CKA_ALWAYS_SENSITIVE);
}

CK_RV policy_wrap(struct session *s, const struct mech_row *row, struct object *wrapping, struct object *key)
{
	uint64_t bits;
	bool same = false;
	CK_RV rv;

	if (object_role(wrapping) != 0)
		return CKR_OK;
	rv = policy_in_force(s->token, &bits);
	if (rv == CKR_OK && shows_blocks(row, wrapping, key)) {
		TRY(shows(s, wrapping));
		rv = decide(s, wrapping, CKF_ENCRYPT);
	}
	if (rv != CKR_OK || !object_bool(key, CKA_SENSITIVE))
		return rv;
	if ((row->traits & MECH_TEXTBOOK) && (bits & RELAX_BIT(RELAX_TEXTBOOK_WRAP)) == 0)
		return CKR_MECHANISM_INVALID;
	if (known(wrapping) && !object_bool(wrapping, CKA_TRUSTED) && (bits & RELAX_BIT(RELAX_UNTRUSTED_WRAP)) == 0)
		return CKR_KEY_NOT_WRAPPABLE;
	rv = wrap_strength(bits, wrapping, key);
	if (rv == CKR_OK && (bits & RELAX_BIT(RELAX_WRAP_ITSELF)) == 0)
		rv = uses_same(s, wrapping, key, &same);
	if (rv == CKR_OK && same)
		rv = CKR_KEY_NOT_WRAPPABLE;
	if (rv == CKR_OK && (row->traits & MECH_KEY_BLOCK))
		rv = block_key(s, wrapping);
	if (rv == CKR_OK)
		rv = decide(s, wrapping, CKF_WRAP);
	if (rv == CKR_OK && (row->traits & MECH_ENVELOPE))
		rv = uses_decide(s, wrapping, USE_ENVELOPE, 0, true, false);
	/* Encrypting the counter blocks, or what a key block's keys are derived from, opens what was wrapped: this key
	 * goes the way of those that unwrap. */
	if (rv == CKR_OK && (row->traits & MECH_KEYSTREAM))
		rv = decide(s, wrapping, CKF_UNWRAP);
	return rv;
}

CK_RV policy_wrap_iv(struct session *s, struct object *wrapping, const struct object *key)
{
	if (object_role(wrapping) != 0 || policy_allows(s, RELAX_CHOSEN_IV_WRAP))
		return CKR_OK;
	/* A value that was known, under an IV of before, shows the keystream of before. */
	return object_bool(key, CKA_SENSITIVE) ? CKR_MECHANISM_PARAM_INVALID : decide(s, wrapping, CKF_ENCRYPT);
}

CK_RV policy_pair_bits(struct session *s, const struct mech_row *row, CK_ULONG bits)
{
	if ((row->traits & MECH_RSA_PAIR) && bits < 2048 && !policy_allows(s, RELAX_SHORT_RSA))
		return CKR_KEY_SIZE_RANGE;
	return CKR_OK;
}

CK_RV policy_on_make(struct session *s, bool unwrapped, const struct object *o)
{
	CK_OBJECT_CLASS class = object_class(o);

	if (!unwrapped || object_role(o) != 0 || (class != CKO_SECRET_KEY && class != CKO_PRIVATE_KEY))
		return CKR_OK;
	/* The tags of three messages tell a key of Poly1305: to unwrap as one is to read. */
	if ((!object_bool(o, CKA_SENSITIVE) || object_key_type(o) == CKK_POLY1305) &&
	    !policy_allows(s, RELAX_UNWRAP_READABLE))
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

size_t policy_derived_least(struct session *s, const struct object *const bases[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bases[i] != NULL && object_class(bases[i]) != CKO_PUBLIC_KEY &&
		    object_bool(bases[i], CKA_SENSITIVE) && !policy_allows(s, RELAX_WEAK_DERIVE))
			return STRENGTH_LEAST / 8;
	return 0;
}

/* derives_bit: in the entry of a value: it derives keys of this role. */
static CK_FLAGS derives_bit(CK_ULONG role)
{
	static const CK_ULONG roles[] = { SR_ROLE_ROOT,   SR_ROLE_TMK,    SR_ROLE_DMK,
					  SR_ROLE_PINKEY, SR_ROLE_MACKEY, SR_ROLE_DWK };

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (roles[i] == role)
			return USE_DERIVES << i;
	return 0;
}

CK_RV policy_diversify(struct session *s, struct object *base, CK_KEY_TYPE type, struct view value, CK_ULONG role)
{
	CK_FLAGS what = derives_bit(role);

	if (what == 0)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return uses_decide_value(s, base, type, value, what, USE_DERIVES_ALL & ~what);
}

CK_RV policy_digest_key(struct session *s, const struct object *key)
{
	if (object_bool(key, CKA_SENSITIVE) && !policy_allows(s, RELAX_DERIVE_READABLE))
		return CKR_KEY_INDIGESTIBLE;
	return CKR_OK;
}

CK_RV policy_on_change(struct session *s, const struct object *old, struct object *new)
{
	CK_FLAGS before = usages_of(old), after = usages_of(new), given = given_up(old);

	if (!object_has(old, CKA_KEY_TYPE) || object_role(old) != 0)
		return CKR_OK;
	for (size_t i = 0; i < ARRAY_LEN(rivals); i++)
		if ((after & ~before & given & rivals[i].what) && !policy_allows(s, rivals[i].relax))
			return CKR_ATTRIBUTE_READ_ONLY;
	/* See shows: a key that derives is born to derive. */
	if (object_class(old) == CKO_SECRET_KEY && object_bool(old, CKA_SENSITIVE) && object_bool(new, CKA_DERIVE) &&
	    !object_bool(old, CKA_DERIVE) && !policy_allows(s, RELAX_WEAK_DERIVE))
		return CKR_ATTRIBUTE_READ_ONLY;
	given |= given_up(new);
	return given != 0 ? object_set_ulong(new, CKA_SR_GIVEN_UP, given) : CKR_OK;
}

CK_RV policy_on_pair(struct object *public, struct object *private)
{
	CK_FLAGS uses = usages_of(public) | usages_of(private), given = 0;
	CK_RV rv;

	for (size_t i = 0; i < ARRAY_LEN(rivals); i++)
		if ((uses & rivals[i].what) && !(uses & rivals[i].against))
			given |= rivals[i].against;
	/* Whoever reads the private half needs no token to open what the public half wrapped. */
	if (!object_bool(private, CKA_SENSITIVE) && object_bool(private, CKA_EXTRACTABLE))
		given |= CKF_WRAP;
	if (given == 0)
		return CKR_OK;
	rv = object_set_ulong(public, CKA_SR_GIVEN_UP, given);
	return rv == CKR_OK ? object_set_ulong(private, CKA_SR_GIVEN_UP, given) : rv;
}
