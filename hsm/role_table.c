/* SPDX-License-Identifier: BSD-2-Clause */
#include "role.h"

/*
 * The tables of roles: what a role is, what it may do, whom it carries, whom it derives. docs/roles.md is made from
 * them.
 */
#define DES_KEYS                                                                                                       \
	{                                                                                                              \
		CKK_DES, 8, 8                                                                                          \
	}
#define TDES_KEYS                                                                                                      \
	{ CKK_DES2, 16, 16 },                                                                                          \
	{                                                                                                              \
		CKK_DES3, 24, 24                                                                                       \
	}
#define AES_KEYS                                                                                                       \
	{                                                                                                              \
		CKK_AES, 16, 32                                                                                        \
	}
#define AES_256                                                                                                        \
	{                                                                                                              \
		CKK_AES, 32, 32                                                                                        \
	}
#define BORN_CEREMONY (ROLE_BORN_COMBINED | ROLE_BORN_TRANSPORTED)
#define BORN_SHARED (BORN_CEREMONY | ROLE_BORN_UNWRAPPED | ROLE_BORN_DERIVED)
#define BORN_WORKING (ROLE_BORN_GENERATED | ROLE_BORN_UNWRAPPED)

/* clang-format off */
static const struct role_row roles[] = {
	/* role, name, class, births, keys, extractable, stays, sides, not beside, generations */
	{ SR_ROLE_COMPONENT, "COMPONENT", CKO_SECRET_KEY, ROLE_BORN_COMPONENT, { TDES_KEYS, AES_256 }, false, false, false, 0, false },
	{ SR_ROLE_PK, "PK", CKO_SECRET_KEY, BORN_CEREMONY, { TDES_KEYS, AES_256 }, false, false, false, 0, true },
	{ SR_ROLE_MAK, "MAK", CKO_SECRET_KEY, BORN_CEREMONY, { TDES_KEYS, AES_256 }, false, false, false, 0, true },
	{ SR_ROLE_PR, "PR", CKO_PRIVATE_KEY, ROLE_BORN_GENERATED, { { CKK_RSA, 2048, 4096 } }, false, false, false, SR_ROLE_SRK, false },
	{ SR_ROLE_TEK, "TEK", CKO_SECRET_KEY, ROLE_BORN_TK, { TDES_KEYS, AES_KEYS }, false, false, false, 0, false },
	{ SR_ROLE_AUK, "AUK", CKO_SECRET_KEY, ROLE_BORN_TK, { TDES_KEYS, AES_KEYS }, false, false, false, 0, false },
	{ SR_ROLE_TMK, "TMK", CKO_SECRET_KEY, BORN_WORKING | ROLE_BORN_LOADED | ROLE_BORN_DERIVED, { TDES_KEYS, AES_KEYS }, true, false, true, 0, false },
	{ SR_ROLE_SRK, "SRK", CKO_SECRET_KEY, ROLE_BORN_GENERATED | ROLE_BORN_TRANSPORTED, { AES_256 }, false, true, false, 0, true },
	{ SR_ROLE_PINKEY, "PINKEY", CKO_SECRET_KEY, BORN_WORKING | ROLE_BORN_DERIVED, { TDES_KEYS, AES_KEYS }, true, false, true, 0, false },
	{ SR_ROLE_MACKEY, "MACKEY", CKO_SECRET_KEY, BORN_WORKING | ROLE_BORN_DERIVED, { DES_KEYS, TDES_KEYS, AES_KEYS }, true, false, true, 0, false },
	{ SR_ROLE_DMK, "DMK", CKO_SECRET_KEY, BORN_SHARED, { TDES_KEYS, AES_KEYS }, true, false, false, 0, false },
	{ SR_ROLE_DWK, "DWK", CKO_SECRET_KEY, BORN_WORKING | ROLE_BORN_DERIVED, { DES_KEYS, TDES_KEYS, AES_KEYS }, true, false, false, 0, false },
	{ SR_ROLE_ROOT, "ROOT", CKO_SECRET_KEY, BORN_SHARED | ROLE_BORN_GENERATED, { TDES_KEYS, AES_KEYS }, false, false, false, 0, false },
	{ SR_ROLE_KBPK, "KBPK", CKO_SECRET_KEY, BORN_CEREMONY, { TDES_KEYS, AES_256 }, false, false, false, 0, true },
	{ SR_ROLE_FPK, "FPK", CKO_SECRET_KEY, BORN_CEREMONY | ROLE_BORN_GENERATED, { AES_256 }, false, false, false, 0, false },
	{ SR_ROLE_KTK, "KTK", CKO_SECRET_KEY, ROLE_BORN_COMBINED, { AES_256 }, false, false, false, 0, true },
	{ SR_ROLE_KTR, "KTR", CKO_PRIVATE_KEY, ROLE_BORN_GENERATED, { { CKK_RSA, 2048, 4096 } }, false, false, false, 0, false },
};

#define CHECK(role) { role, CKM_SR_CHECK_VALUE, CKF_SIGN, 0, 0 }
#define BOTH (CKF_SIGN | CKF_VERIFY)
#define MACS(role) \
	{ role, CKM_SR_X9_9_MAC, BOTH, 0, 0 }, { role, CKM_SR_X9_9_MAC_GENERAL, BOTH, 0, 0 }, \
	{ role, CKM_SR_X9_19_MAC, BOTH, 0, 0 }, { role, CKM_SR_X9_19_MAC_GENERAL, BOTH, 0, 0 }, \
	{ role, CKM_DES3_X919_MAC, BOTH, 0, 0 }, { role, CKM_DES3_X919_MAC_GENERAL, BOTH, 0, 0 }, \
	{ role, CKM_SR_ISO9797_ALG1_MAC, BOTH, 0, 0 }, { role, CKM_SR_ISO9797_ALG3_MAC, BOTH, 0, 0 }, \
	{ role, CKM_DES3_CMAC, BOTH, 0, 0 }, { role, CKM_DES3_CMAC_GENERAL, BOTH, 0, 0 }, \
	{ role, CKM_AES_CMAC, BOTH, 0, 0 }, { role, CKM_AES_CMAC_GENERAL, BOTH, 0, 0 }
#define CARRY (CKF_WRAP | CKF_UNWRAP)
/* A key that services share travels between tokens (vendor.h, CKM_SR_TRANSPORT_RSA). */
#define TRAVELS(role) { role, CKM_SR_TRANSPORT_RSA, 0, 0, 0 }, { role, CKM_SR_TRANSPORT_AES, 0, 0, 0 }

static const struct role_use role_uses[] = {
	CHECK(SR_ROLE_COMPONENT),
	CHECK(SR_ROLE_PK),
	{ SR_ROLE_PK, CKM_SR_TK_REWRAP, CKF_WRAP, 0, 0 },
	{ SR_ROLE_PK, CKM_SR_TK_OPEN, CKF_UNWRAP, 0, 0 },
	TRAVELS(SR_ROLE_PK),
	CHECK(SR_ROLE_MAK),
	{ SR_ROLE_MAK, CKM_SR_TK_REWRAP, 0, 0, 0 },
	{ SR_ROLE_MAK, CKM_SR_TK_OPEN, 0, 0, 0 },
	TRAVELS(SR_ROLE_MAK),
	{ SR_ROLE_PR, CKM_SR_TK_REWRAP, CKF_UNWRAP, 0, 0 },
	CHECK(SR_ROLE_TEK),
	{ SR_ROLE_TEK, CKM_SR_TMK_EXPORT, CKF_WRAP, SR_SIDE_HOST, 0 },
	{ SR_ROLE_TEK, CKM_SR_TMK_LOAD, CKF_UNWRAP, SR_SIDE_TERMINAL, 0 },
	{ SR_ROLE_TEK, CKM_SR_KEY_FINGERPRINT, 0, 0, 0 },
	CHECK(SR_ROLE_AUK),
	{ SR_ROLE_AUK, CKM_AES_ECB, CKF_ENCRYPT, 0, SR_HANDSHAKE_V1 },
	{ SR_ROLE_AUK, CKM_DES3_ECB, CKF_ENCRYPT, 0, SR_HANDSHAKE_V1 },
	{ SR_ROLE_AUK, CKM_SR_HANDSHAKE_MAC, BOTH, 0, SR_HANDSHAKE_V2 },
	{ SR_ROLE_AUK, CKM_SR_TMK_EXPORT, 0, SR_SIDE_HOST, 0 },
	{ SR_ROLE_AUK, CKM_SR_TMK_LOAD, 0, SR_SIDE_TERMINAL, 0 },
	{ SR_ROLE_AUK, CKM_SR_KEY_FINGERPRINT, 0, 0, 0 },
	CHECK(SR_ROLE_TMK),
	{ SR_ROLE_TMK, CKM_SR_TMK_EXPORT, 0, 0, 0 },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP, 0, 0, 0 },
	{ SR_ROLE_TMK, CKM_SR_KEY_BLOCK, CKF_WRAP, SR_SIDE_HOST, 0 },
	{ SR_ROLE_TMK, CKM_SR_KEY_BLOCK, CKF_UNWRAP, SR_SIDE_TERMINAL, 0 },
	{ SR_ROLE_TMK, CKM_DES3_ECB, CKF_WRAP, SR_SIDE_HOST, 0 },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP, CKF_WRAP, SR_SIDE_HOST, 0 },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP, CKF_UNWRAP, SR_SIDE_TERMINAL, 0 },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP_KWP, CKF_WRAP, SR_SIDE_HOST, 0 },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP_KWP, CKF_UNWRAP, SR_SIDE_TERMINAL, 0 },
	{ SR_ROLE_TMK, CKM_SR_KEY_FINGERPRINT, 0, 0, 0 },
	CHECK(SR_ROLE_SRK),
	{ SR_ROLE_SRK, CKM_AES_KEY_WRAP, CARRY, 0, 0 },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, CARRY, 0, 0 },
	TRAVELS(SR_ROLE_SRK),
	CHECK(SR_ROLE_PINKEY),
	{ SR_ROLE_PINKEY, CKM_SR_PIN_TRANSLATE, CKF_ENCRYPT | CKF_DECRYPT, SR_SIDE_HOST, 0 },
	{ SR_ROLE_PINKEY, CKM_SR_KEY_BLOCK, 0, 0, 0 },
	{ SR_ROLE_PINKEY, CKM_DES3_ECB, 0, 0, 0 },
	{ SR_ROLE_PINKEY, CKM_AES_KEY_WRAP_KWP, 0, 0, 0 },
	CHECK(SR_ROLE_MACKEY),
	MACS(SR_ROLE_MACKEY),
	{ SR_ROLE_MACKEY, CKM_SR_KEY_BLOCK, 0, 0, 0 },
	{ SR_ROLE_MACKEY, CKM_DES3_ECB, 0, 0, 0 },
	{ SR_ROLE_MACKEY, CKM_AES_KEY_WRAP, 0, 0, 0 },
	CHECK(SR_ROLE_DMK),
	{ SR_ROLE_DMK, CKM_SR_KEY_BLOCK, CARRY, 0, 0 },
	{ SR_ROLE_DMK, CKM_DES3_ECB, CKF_WRAP, 0, 0 },
	{ SR_ROLE_DMK, CKM_SR_DIVERSIFY, CKF_DERIVE, 0, 0 },
	TRAVELS(SR_ROLE_DMK),
	CHECK(SR_ROLE_DWK),
	MACS(SR_ROLE_DWK),
	{ SR_ROLE_DWK, CKM_SR_KEY_BLOCK, CARRY, 0, 0 },
	{ SR_ROLE_DWK, CKM_DES3_ECB, CKF_WRAP, 0, 0 },
	CHECK(SR_ROLE_ROOT),
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, CKF_DERIVE, 0, 0 },
	{ SR_ROLE_ROOT, CKM_SR_KEY_BLOCK, 0, 0, 0 },
	TRAVELS(SR_ROLE_ROOT),
	CHECK(SR_ROLE_KBPK),
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, CARRY, 0, 0 },
	TRAVELS(SR_ROLE_KBPK),
	CHECK(SR_ROLE_FPK),
	{ SR_ROLE_FPK, CKM_SR_KEY_FINGERPRINT, CKF_SIGN, 0, 0 },
	TRAVELS(SR_ROLE_FPK),
	CHECK(SR_ROLE_KTK),
	{ SR_ROLE_KTK, CKM_SR_TRANSPORT_AES, CARRY, 0, 0 },
	{ SR_ROLE_KTR, CKM_SR_TRANSPORT_RSA, CKF_UNWRAP, 0, 0 },
};

#define CARRIES_SHARED(wrapper, mechanism) \
	{ wrapper, mechanism, SR_ROLE_PK }, { wrapper, mechanism, SR_ROLE_MAK }, { wrapper, mechanism, SR_ROLE_SRK }, \
	{ wrapper, mechanism, SR_ROLE_DMK }, { wrapper, mechanism, SR_ROLE_ROOT }, { wrapper, mechanism, SR_ROLE_KBPK }, \
	{ wrapper, mechanism, SR_ROLE_FPK }

/* The vendor mechanisms that need no wrapping row are not here. */
static const struct role_carry role_carries[] = {
	{ SR_ROLE_PK, CKM_SR_TK_REWRAP, SR_ROLE_PR },
	{ SR_ROLE_TEK, CKM_SR_TMK_EXPORT, SR_ROLE_TMK },
	{ SR_ROLE_TEK, CKM_SR_TMK_LOAD, SR_ROLE_TMK },
	{ SR_ROLE_SRK, CKM_AES_KEY_WRAP, SR_ROLE_TMK },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, SR_ROLE_TMK },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, SR_ROLE_PINKEY },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, SR_ROLE_MACKEY },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, SR_ROLE_DMK },
	{ SR_ROLE_SRK, CKM_SR_KEY_BLOCK, SR_ROLE_DWK },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_TMK },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_PINKEY },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_MACKEY },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_DMK },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_DWK },
	{ SR_ROLE_KBPK, CKM_SR_KEY_BLOCK, SR_ROLE_ROOT },
	{ SR_ROLE_TMK, CKM_SR_KEY_BLOCK, SR_ROLE_PINKEY },
	{ SR_ROLE_TMK, CKM_SR_KEY_BLOCK, SR_ROLE_MACKEY },
	{ SR_ROLE_TMK, CKM_DES3_ECB, SR_ROLE_PINKEY },
	{ SR_ROLE_TMK, CKM_DES3_ECB, SR_ROLE_MACKEY },
	/* Where one side has no key blocks. One role each: the mechanism says what the key is, whoever unwraps it. */
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP, SR_ROLE_MACKEY },
	{ SR_ROLE_TMK, CKM_AES_KEY_WRAP_KWP, SR_ROLE_PINKEY },
	{ SR_ROLE_DMK, CKM_SR_KEY_BLOCK, SR_ROLE_DWK },
	{ SR_ROLE_DMK, CKM_DES3_ECB, SR_ROLE_DWK },
	{ SR_ROLE_DWK, CKM_SR_KEY_BLOCK, SR_ROLE_MACKEY },
	{ SR_ROLE_DWK, CKM_DES3_ECB, SR_ROLE_MACKEY },
	/* Out under the public half of a KTR: any public RSA key that two custodians have approved. */
	CARRIES_SHARED(SR_ROLE_KTR, CKM_SR_TRANSPORT_RSA),
	CARRIES_SHARED(SR_ROLE_KTK, CKM_SR_TRANSPORT_AES),
};

static const struct role_derive role_derives[] = {
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, SR_ROLE_ROOT },
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, SR_ROLE_TMK },
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, SR_ROLE_DMK },
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, SR_ROLE_PINKEY },
	{ SR_ROLE_ROOT, CKM_SR_DIVERSIFY, SR_ROLE_MACKEY },
	{ SR_ROLE_DMK, CKM_SR_DIVERSIFY, SR_ROLE_DMK },
	{ SR_ROLE_DMK, CKM_SR_DIVERSIFY, SR_ROLE_DWK },
};

/* Mechanisms that an ordinary key has no part in. */
static const CK_MECHANISM_TYPE role_only[] = {
	CKM_SR_TK_REWRAP, CKM_SR_TK_OPEN, CKM_SR_TMK_EXPORT, CKM_SR_TMK_LOAD, CKM_SR_HANDSHAKE_MAC, CKM_SR_PIN_TRANSLATE,
	CKM_SR_KEY_FINGERPRINT,
	CKM_SR_TRANSPORT_AES,
};
/* clang-format on */

const struct role_row *role_at(size_t i)
{
	return i < ARRAY_LEN(roles) ? &roles[i] : NULL;
}

const struct role_use *role_use_at(size_t i)
{
	return i < ARRAY_LEN(role_uses) ? &role_uses[i] : NULL;
}

const struct role_carry *role_carry_at(size_t i)
{
	return i < ARRAY_LEN(role_carries) ? &role_carries[i] : NULL;
}

const struct role_derive *role_derive_at(size_t i)
{
	return i < ARRAY_LEN(role_derives) ? &role_derives[i] : NULL;
}

const struct role_row *role_find(CK_ULONG role)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (roles[i].role == role)
			return &roles[i];
	}
	return NULL;
}

const struct role_row *role_named(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (view_equal(name, view_of_string(roles[i].name)))
			return &roles[i];
	}
	return NULL;
}

bool role_key_ok(const struct role_row *row, CK_KEY_TYPE type, CK_ULONG length)
{
	for (size_t i = 0; i < ROLE_LENGTHS && row->keys[i].max != 0; i++) {
		if (row->keys[i].type == type && length >= row->keys[i].min && length <= row->keys[i].max)
			return type != CKK_AES || length % 8 == 0;
	}
	return false;
}

bool role_use_applies(const struct role_use *u, CK_ULONG role, CK_ULONG side, CK_ULONG handshake)
{
	return u->role == role && (u->side == 0 || side == 0 || u->side == side) &&
	       (u->handshake == 0 || handshake == 0 || u->handshake == handshake);
}

bool role_only_mechanism(CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < ARRAY_LEN(role_only); i++) {
		if (role_only[i] == mechanism)
			return true;
	}
	return false;
}

bool role_carries_cargo(CK_ULONG wrapper, CK_MECHANISM_TYPE mechanism, CK_ULONG cargo)
{
	for (size_t i = 0; i < ARRAY_LEN(role_carries); i++) {
		if (role_carries[i].wrapper == wrapper && role_carries[i].mechanism == mechanism &&
		    role_carries[i].cargo == cargo)
			return true;
	}
	return false;
}

CK_ULONG role_only_cargo(CK_ULONG wrapper, CK_MECHANISM_TYPE mechanism)
{
	CK_ULONG role = 0;

	for (size_t i = 0; i < ARRAY_LEN(role_carries); i++) {
		if (role_carries[i].wrapper != wrapper || role_carries[i].mechanism != mechanism)
			continue;
		if (role != 0)
			return 0;
		role = role_carries[i].cargo;
	}
	return role;
}

bool role_derives_role(CK_ULONG base, CK_MECHANISM_TYPE mechanism, CK_ULONG result)
{
	for (size_t i = 0; i < ARRAY_LEN(role_derives); i++) {
		if (role_derives[i].base == base && role_derives[i].mechanism == mechanism &&
		    role_derives[i].result == result)
			return true;
	}
	return false;
}
