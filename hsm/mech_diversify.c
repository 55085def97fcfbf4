/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_vendor.h"
#include <openssl/evp.h>
#include <string.h>
#include "crypto.h"
#include "mech_family.h"
#include "policy.h"
#include "role.h"
#include "session.h"

/* CKM_SR_DIVERSIFY (vendor.h): keys of cards, terminals and sessions from a key above them. */

#define PAN_MAX 19
#define FACTOR_MAX 16

/* digits_ok: n decimal digits, ASCII. */
static bool digits_ok(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
	}
	return true;
}

static CK_RV param_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_diversify_params *p = m->pParameter;
	bool good = p->pFactors != NULL && p->parity <= CK_TRUE;

	if (good && p->method == SR_DIVERSIFY_FACTOR)
		good = p->levels >= 1 && p->levels <= SR_DIVERSIFY_LEVELS &&
		       (p->ulFactorsLen == 8 * p->levels || p->ulFactorsLen == 16 * p->levels);
	else if (good)
		good = p->method >= SR_DIVERSIFY_EMV_A && p->method <= SR_DIVERSIFY_EMV_C && p->levels == 1 &&
		       p->ulFactorsLen >= 3 && p->ulFactorsLen <= PAN_MAX + 2 &&
		       digits_ok(p->pFactors, p->ulFactorsLen);
	return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_diversify = { .text = "struct sr_diversify_params",
					    .size = sizeof(struct sr_diversify_params),
					    .check = param_check };

/* bcd: digits into `bytes` bytes, right-justified, zeroes in front; of more digits the rightmost. */
static void bcd(const uint8_t *text, size_t n, uint8_t *out, size_t bytes)
{
	memset(out, 0, bytes);
	for (size_t i = 0; i < n && i < 2 * bytes; i++) {
		uint8_t d = (uint8_t)(text[n - 1 - i] - '0');

		out[bytes - 1 - i / 2] |= (uint8_t)(i % 2 ? d << 4 : d);
	}
}

/* option_b: 16 digits out of SHA-1 of PAN and sequence number: the decimal ones first, then the letters, A as 0. */
static CK_RV option_b(const struct sr_diversify_params *p, uint8_t ret[8])
{
	uint8_t packed[(PAN_MAX + 3) / 2], digest[20], digits[16];
	size_t bytes = (p->ulFactorsLen + 1) / 2, n = 0;

	bcd(p->pFactors, p->ulFactorsLen, packed, bytes);
	if (EVP_Digest(packed, bytes, digest, NULL, module_crypto()->md[CRYPTO_SHA1], NULL) != 1)
		return CKR_GENERAL_ERROR;
	for (unsigned letters = 0; letters < 2; letters++) {
		for (size_t i = 0; i < 40 && n < sizeof(digits); i++) {
			uint8_t d = i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4;

			if ((d > 9) == (letters != 0))
				digits[n++] = (uint8_t)('0' + d % 10);
		}
	}
	bcd(digits, n, ret, 8);
	return CKR_OK;
}

/*
 * blocks_of: what is encrypted for a level: two blocks of the cipher. 8 or 16 bytes of factor for TDES, 16 for AES.
 * CKR_MECHANISM_PARAM_INVALID: not for this key.
 */
static CK_RV blocks_of(const struct sr_diversify_params *p, CK_ULONG level, bool aes, uint8_t ret[2 * FACTOR_MAX])
{
	size_t n = p->ulFactorsLen / p->levels, block = aes ? 16 : 8;
	CK_RV rv = CKR_OK;

	if (p->method == SR_DIVERSIFY_FACTOR) {
		if (n < block)
			return CKR_MECHANISM_PARAM_INVALID;
		memcpy(ret, p->pFactors + level * n, n);
	} else {
		n = block;
		if (aes != (p->method == SR_DIVERSIFY_EMV_C))
			return CKR_MECHANISM_PARAM_INVALID;
		if (p->method == SR_DIVERSIFY_EMV_B && p->ulFactorsLen > 16 + 2) /* shorter PANs: as option A */
			rv = option_b(p, ret);
		else
			bcd(p->pFactors, p->ulFactorsLen, ret, block);
	}
	for (size_t i = 0; i < block && n == block; i++)
		ret[block + i] = (uint8_t)~ret[i];
	if (rv == CKR_OK && memcmp(ret, ret + block, block) == 0)
		rv = CKR_MECHANISM_PARAM_INVALID; /* equal halves: single DES */
	return rv;
}

/* diversify: all levels, to a key of this role (0: none). *ret becomes the key. */
static CK_RV diversify(struct session *s, const struct sr_diversify_params *p, struct object *base, CK_ULONG role,
		       struct secret *ret)
{
	CK_KEY_TYPE type = object_key_type(base);
	bool aes = type == CKK_AES;
	struct view key = object_secret(base, CKA_VALUE);
	size_t len = aes ? key.n : 16;
	uint8_t blocks[2 * FACTOR_MAX];
	SECRET_AUTO now = { 0 };
	SECRET_AUTO next = { 0 };
	CK_RV rv = CKR_OK;

	if (!secret_init(&now, sizeof(blocks)) || !secret_init(&next, sizeof(blocks)))
		return CKR_HOST_MEMORY;
	for (CK_ULONG level = 0; level < p->levels && rv == CKR_OK; level++) {
		rv = blocks_of(p, level, aes, blocks);
		if (rv == CKR_OK && role != 0)
			rv = policy_diversify(s, base, type, key, level + 1 < p->levels ? object_role(base) : role);
		if (rv == CKR_OK)
			rv = crypto_ecb(module_crypto(), type, key, true, VIEW(blocks, aes ? 32 : 16), next.p);
		if (rv == CKR_OK && !secret_set(&now, next.p, len))
			rv = CKR_HOST_MEMORY;
		key = secret_view(&now);
		type = aes ? CKK_AES : CKK_DES2;
	}
	if (rv == CKR_OK && !aes && des_key_weak(now.p, len))
		rv = CKR_FUNCTION_FAILED;
	if (rv == CKR_OK && !aes && p->parity)
		des_set_parity(now.p, len);
	if (rv == CKR_OK)
		secret_move(ret, &now);
	return rv;
}

/* role_wanted: the role that the template asks for; the base must be one that derives it. */
static CK_RV role_wanted(const struct object *base, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *ret)
{
	CK_ULONG role = 0;

	if (template_find(t, n, CKA_SR_ROLE) != NULL && !template_ulong(t, n, CKA_SR_ROLE, &role))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (object_role(base) == 0) {
		*ret = 0;
		return role == 0 ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
	}
	if (role == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!role_derives_role(object_role(base), CKM_SR_DIVERSIFY, role))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	*ret = role;
	return CKR_OK;
}

static CK_RV derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	bool aes = object_key_type(base) == CKK_AES;
	CK_ULONG len = aes ? object_secret(base, CKA_VALUE).n : 16, asked = len;
	struct object_make make = { .origin = OBJECT_DERIVED,
				    .class = CKO_SECRET_KEY,
				    .key_type = aes ? CKK_AES : CKK_DES2,
				    .mechanism = row->type,
				    .bases = { base } };
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	CK_RV rv = role_wanted(base, t, n, &make.role);

	if (rv != CKR_OK)
		return rv;
	make.weaker = make.role != 0; /* the role says what may leave */
	if (template_find(t, n, CKA_VALUE_LEN) != NULL &&
	    (!template_ulong(t, n, CKA_VALUE_LEN, &asked) || asked != len))
		return CKR_TEMPLATE_INCONSISTENT;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK && make.role != 0 && !role_key_ok(role_find(make.role), make.key_type, len))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = object_set_parent(o, base);
	if (rv == CKR_OK)
		rv = diversify(s, m->pParameter, base, make.role, &value);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	object_unref(o);
	return rv;
}

const struct mech_ops mech_diversify_ops = { .derive = derive };
