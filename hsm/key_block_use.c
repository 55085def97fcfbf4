/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_block_use.h"
#include "role.h"
#include <string.h>

#define MECHANISMS(...)                                                                                                \
	(const CK_MECHANISM_TYPE[]){ __VA_ARGS__ },                                                                    \
	    sizeof((CK_MECHANISM_TYPE[]){ __VA_ARGS__ }) / sizeof(CK_MECHANISM_TYPE)
#define CHECK_ONLY MECHANISMS(CKM_SR_CHECK_VALUE)

/* clang-format off */
static const struct key_block_use rows[] = {
	/* usage, algorithms, kind, role, ordinary, mechanisms */
	{ "P0", "TA", USE_CIPHER, SR_ROLE_PINKEY, false, NULL, 0 },
	{ "D0", "DTA", USE_CIPHER, 0, true, NULL, 0 },
	{ "M0", "T", USE_MAC, SR_ROLE_MACKEY, true, MECHANISMS(CKM_SR_CHECK_VALUE, CKM_SR_ISO9797_ALG1_MAC, CKM_DES3_MAC, CKM_DES3_MAC_GENERAL) },
	{ "M1", "DTA", USE_MAC, SR_ROLE_MACKEY, true, MECHANISMS(CKM_SR_CHECK_VALUE, CKM_SR_ISO9797_ALG1_MAC, CKM_SR_X9_9_MAC, CKM_SR_X9_9_MAC_GENERAL, CKM_DES_MAC, CKM_DES_MAC_GENERAL, CKM_DES3_MAC, CKM_DES3_MAC_GENERAL, CKM_AES_MAC, CKM_AES_MAC_GENERAL) },
	{ "M3", "T", USE_MAC, SR_ROLE_MACKEY, true, MECHANISMS(CKM_SR_CHECK_VALUE, CKM_SR_ISO9797_ALG3_MAC, CKM_SR_X9_19_MAC, CKM_SR_X9_19_MAC_GENERAL, CKM_DES3_X919_MAC, CKM_DES3_X919_MAC_GENERAL) },
	{ "M6", "TA", USE_MAC, SR_ROLE_MACKEY, true, MECHANISMS(CKM_SR_CHECK_VALUE, CKM_DES3_CMAC, CKM_DES3_CMAC_GENERAL, CKM_AES_CMAC, CKM_AES_CMAC_GENERAL) },
	{ "M7", "H", USE_MAC, 0, true, NULL, 0 },
	{ "K0", "TA", USE_CARRY, SR_ROLE_TMK, true, NULL, 0 },
	{ "K1", "TA", USE_CARRY, SR_ROLE_TMK, true, MECHANISMS(CKM_SR_KEY_BLOCK) },
	{ "B3", "TA", USE_DERIVE, SR_ROLE_ROOT, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E0", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E1", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E2", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E3", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E4", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E5", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	{ "E6", "TA", USE_DERIVE, 0, true, MECHANISMS(CKM_SR_DIVERSIFY) },
	/* Kept and passed on; no mechanism here uses them yet. */
	{ "B0", "TA", USE_DERIVE, 0, true, CHECK_ONLY },
	{ "B1", "TA", USE_DERIVE, 0, true, CHECK_ONLY },
	{ "C0", "TA", USE_MAC, 0, true, CHECK_ONLY },
	{ "V0", "TA", USE_MAC, 0, true, CHECK_ONLY },
	{ "V1", "TA", USE_MAC, 0, true, CHECK_ONLY },
	{ "V2", "TA", USE_MAC, 0, true, CHECK_ONLY },
	/* Proprietary usages, as X9.143 leaves them to everybody: two digits. */
	{ SR_KEY_BLOCK_USAGE_DMK, "TA", USE_CARRY, SR_ROLE_DMK, false, NULL, 0 },
	{ SR_KEY_BLOCK_USAGE_DWK, "DTA", USE_CARRY, SR_ROLE_DWK, false, NULL, 0 },
};

/* Mode of use: what it gives to a key of each kind. */
static const struct {
	char mode;
	CK_FLAGS flags[4]; /* by kind */
} modes[] = {
	{ 'B', { CKF_ENCRYPT | CKF_DECRYPT, 0, CKF_WRAP | CKF_UNWRAP, 0 } },
	{ 'E', { CKF_ENCRYPT, 0, CKF_WRAP, 0 } },
	{ 'D', { CKF_DECRYPT, 0, CKF_UNWRAP, 0 } },
	{ 'C', { 0, CKF_SIGN | CKF_VERIFY, 0, 0 } },
	{ 'G', { 0, CKF_SIGN, 0, 0 } },
	{ 'V', { 0, CKF_VERIFY, 0, 0 } },
	{ 'X', { 0, 0, 0, CKF_DERIVE } },
	{ 'N', { CKF_ENCRYPT | CKF_DECRYPT, CKF_SIGN | CKF_VERIFY, CKF_WRAP | CKF_UNWRAP, CKF_DERIVE } },
};

static const struct {
	CK_ATTRIBUTE_TYPE type;
	CK_FLAGS flag;
} usages[] = {
	{ CKA_ENCRYPT, CKF_ENCRYPT }, { CKA_DECRYPT, CKF_DECRYPT }, { CKA_SIGN, CKF_SIGN }, { CKA_VERIFY, CKF_VERIFY },
	{ CKA_WRAP, CKF_WRAP }, { CKA_UNWRAP, CKF_UNWRAP }, { CKA_DERIVE, CKF_DERIVE },
};
/* X9.143, optional block HM. */
static const struct {
	const char *hash;
	CK_KEY_TYPE type;
} hmacs[] = {
	{ "10", CKK_SHA_1_HMAC },    { "20", CKK_SHA224_HMAC },     { "21", CKK_SHA256_HMAC },     { "22", CKK_SHA384_HMAC },
	{ "23", CKK_SHA512_HMAC },   { "24", CKK_SHA512_224_HMAC }, { "25", CKK_SHA512_256_HMAC }, { "30", CKK_SHA3_224_HMAC },
	{ "31", CKK_SHA3_256_HMAC }, { "32", CKK_SHA3_384_HMAC },   { "33", CKK_SHA3_512_HMAC },
};
/* clang-format on */

const struct key_block_use *key_block_use_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

void key_block_modes(const struct key_block_use *row, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (modes[i].flags[row->kind] != 0)
			buf_put_u8(out, (uint8_t)modes[i].mode);
	}
}

const struct key_block_use *key_block_use_of(const struct key_block_header *h, CK_FLAGS *ret_flags)
{
	const struct key_block_use *row = NULL;
	CK_FLAGS flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (memcmp(rows[i].usage, h->usage, 2) == 0)
			row = &rows[i];
	}
	if (row == NULL || strchr(row->algorithms, h->algorithm) == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (modes[i].mode == h->mode)
			flags = modes[i].flags[row->kind];
	}
	if (flags == 0)
		return NULL;
	*ret_flags = flags;
	return row;
}

CK_KEY_TYPE key_block_hmac_type(struct view options)
{
	struct view hash;

	if (!key_block_option_find(options, "HM", &hash))
		return OBJECT_ANY;
	for (size_t i = 0; i < ARRAY_LEN(hmacs); i++) {
		if (view_equal(hash, view_of_string(hmacs[i].hash)))
			return hmacs[i].type;
	}
	return OBJECT_ANY;
}

CK_KEY_TYPE key_block_type(char algorithm, size_t len, struct view options)
{
	switch (algorithm) {
	case 'A':
		return len == 16 || len == 24 || len == 32 ? CKK_AES : OBJECT_ANY;
	case 'T':
		return len == 16 ? CKK_DES2 : len == 24 ? CKK_DES3 : OBJECT_ANY;
	case 'D':
		return len == 8 ? CKK_DES : OBJECT_ANY;
	case 'H':
		return len > 0 ? key_block_hmac_type(options) : OBJECT_ANY;
	default:
		return OBJECT_ANY;
	}
}

char key_block_algorithm(CK_KEY_TYPE type)
{
	switch (type) {
	case CKK_AES:
		return 'A';
	case CKK_DES2:
	case CKK_DES3:
		return 'T';
	case CKK_DES:
		return 'D';
	case CKK_GENERIC_SECRET:
		return 'H';
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_LEN(hmacs); i++) {
		if (hmacs[i].type == type)
			return 'H';
	}
	return '\0';
}

/* template_bool: what the template says of it; false: it does not. */
static bool template_bool(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, bool *ret)
{
	const CK_ATTRIBUTE *a = template_find(t, n, type);

	if (a == NULL || a->pValue == NULL || a->ulValueLen != 1)
		return false;
	*ret = *(const CK_BBOOL *)a->pValue != CK_FALSE;
	return true;
}

/* give: a boolean that the header gives or does not; the template may only ask for less. */
static CK_RV give(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, bool given)
{
	bool asked = given;

	if (template_bool(t, n, type, &asked) && asked && !given)
		return CKR_TEMPLATE_INCONSISTENT;
	return object_set_bool(o, type, asked && given);
}

/* give_usages: an ordinary key gets what the mode gives; a key with a role has its usages, the mode may only narrow. */
static CK_RV give_usages(struct object *o, const struct key_block_use *row, CK_FLAGS flags, const CK_ATTRIBUTE *t,
			 CK_ULONG n)
{
	CK_FLAGS kind = modes[ARRAY_LEN(modes) - 1].flags[row->kind];
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < ARRAY_LEN(usages) && rv == CKR_OK; i++) {
		bool given = (flags & usages[i].flag) != 0;

		if (object_role(o) == 0)
			rv = give(o, t, n, usages[i].type, given);
		else if ((kind & usages[i].flag) != 0)
			rv = give(o, t, n, usages[i].type, given && object_bool(o, usages[i].type));
	}
	return rv;
}

static bool lists(const struct key_block_use *row, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < row->mechanism_count; i++) {
		if (row->mechanisms[i] == type)
			return true;
	}
	return false;
}

/* give_mechanisms: of an ordinary key; a template's own list may only be shorter. */
static CK_RV give_mechanisms(struct object *o, const struct key_block_use *row, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	const CK_ATTRIBUTE *a = template_find(t, n, CKA_ALLOWED_MECHANISMS);
	CK_MECHANISM_TYPE type;

	if (row->mechanisms == NULL || object_role(o) != 0)
		return CKR_OK;
	if (a == NULL)
		return object_set_mechanisms(o, CKA_ALLOWED_MECHANISMS, row->mechanisms, row->mechanism_count);
	for (CK_ULONG i = 0; i + sizeof(type) <= a->ulValueLen; i += sizeof(type)) {
		memcpy(&type, (const uint8_t *)a->pValue + i, sizeof(type));
		if (!lists(row, type))
			return CKR_TEMPLATE_INCONSISTENT;
	}
	return CKR_OK;
}

/* The facts of a header that stay with the key: usage, algorithm, mode, key version, exportability. */
static CK_RV remember(struct object *o, const struct key_block_header *h)
{
	uint8_t facts[SR_KEY_BLOCK_HEADER_FACTS];

	memcpy(facts, h->usage, 2);
	facts[2] = (uint8_t)h->algorithm;
	facts[3] = (uint8_t)h->mode;
	memcpy(facts + 4, h->key_version, 2);
	facts[6] = (uint8_t)h->exportability;
	return object_set_bytes(o, CKA_SR_KEY_BLOCK_HEADER, VIEW(facts, sizeof(facts)));
}

CK_RV key_block_use_make(struct session *s, const struct object *wrapper, const struct key_block_header *h,
			 CK_KEY_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret)
{
	struct object_make make = {
		.origin = OBJECT_UNWRAPPED, .class = CKO_SECRET_KEY, .key_type = type, .mechanism = CKM_SR_KEY_BLOCK
	};
	CK_FLAGS flags = 0;
	const struct key_block_use *row = key_block_use_of(h, &flags);
	struct object *o = NULL;
	CK_RV rv;

	if (row == NULL)
		return CKR_WRAPPED_KEY_INVALID;
	if (object_role(wrapper) != 0) {
		if (row->role == 0 || !role_carries_cargo(object_role(wrapper), CKM_SR_KEY_BLOCK, row->role))
			return CKR_KEY_FUNCTION_NOT_PERMITTED;
		make.role = row->role;
		make.side = object_ulong(wrapper, CKA_SR_SIDE, 0);
	} else if (!row->ordinary) {
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	}
	rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK)
		rv = give_usages(o, row, flags, t, n);
	if (rv == CKR_OK)
		rv = give_mechanisms(o, row, t, n);
	if (rv == CKR_OK)
		rv = give(o, t, n, CKA_EXTRACTABLE, h->exportability != 'N' && object_bool(o, CKA_EXTRACTABLE));
	if (rv == CKR_OK && !object_bool(o, CKA_SENSITIVE))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = remember(o, h);
	if (rv == CKR_OK)
		rv = object_set_parent(o, wrapper);
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

/* within: nothing that the key's own header did not say already. */
static bool within(struct view facts, const struct key_block_header *h, CK_FLAGS flags)
{
	struct key_block_header own = *h;
	CK_FLAGS own_flags = 0;

	if (facts.n != SR_KEY_BLOCK_HEADER_FACTS || memcmp(facts.p, h->usage, 2) != 0)
		return false;
	own.mode = (char)facts.p[3];
	return key_block_use_of(&own, &own_flags) != NULL && (flags & ~own_flags) == 0 &&
	       !(facts.p[6] == 'E' && h->exportability == 'S');
}

CK_RV key_block_use_check(const struct object *key, const struct key_block_header *h)
{
	bool has_header = object_has(key, CKA_SR_KEY_BLOCK_HEADER);
	CK_FLAGS flags = 0;
	const struct key_block_use *row = key_block_use_of(h, &flags);

	if (row == NULL || (object_role(key) != 0 ? row->role != object_role(key) : !row->ordinary))
		return CKR_KEY_NOT_WRAPPABLE;
	if (has_header && !within(object_bytes(key, CKA_SR_KEY_BLOCK_HEADER), h, flags))
		return CKR_KEY_NOT_WRAPPABLE;
	/* What a TMK wraps at the host, it unwraps in the terminal. */
	for (size_t i = 0; i < ARRAY_LEN(usages) && object_role(key) != SR_ROLE_TMK; i++) {
		if ((flags & usages[i].flag) != 0 && !object_bool(key, usages[i].type))
			return CKR_KEY_NOT_WRAPPABLE;
	}
	if (object_role(key) != 0 || has_header || !object_has(key, CKA_ALLOWED_MECHANISMS))
		return CKR_OK;
	for (size_t i = 0; i < row->mechanism_count; i++) {
		if (!object_mechanism_allowed(key, row->mechanisms[i]))
			return CKR_KEY_NOT_WRAPPABLE;
	}
	return row->mechanisms != NULL ? CKR_OK : CKR_KEY_NOT_WRAPPABLE;
}
