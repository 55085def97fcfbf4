/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include <string.h>

/* IVs that the token makes: see struct iv_maker. */

#define RANDOM_BITS_MIN 64
#define ALONE_BITS_MIN 96 /* the RBG-based construction of NIST SP 800-38D, 8.2.2 */

/* fixed_mask: which bits of byte i are the caller's. */
static uint8_t fixed_mask(size_t fixed_bits, size_t i)
{
	if (fixed_bits >= 8 * (i + 1))
		return 0xff;
	return fixed_bits <= 8 * i ? 0 : (uint8_t)(0xff << (8 - (fixed_bits - 8 * i)));
}

/* put: what is not fixed comes from base, with a counter xored into its end. */
static void put(const struct aead_param *p, const uint8_t *base, uint64_t count)
{
	for (size_t i = 0; i < p->iv_len; i++) {
		uint8_t mask = fixed_mask(p->fixed_bits, i);
		size_t shift = 8 * (p->iv_len - 1 - i);
		uint8_t step = shift < 64 ? (uint8_t)(count >> shift) : 0;

		p->iv[i] = (uint8_t)((p->iv[i] & mask) | ((base[i] ^ step) & ~mask));
	}
}

static CK_RV start(struct iv_maker *v, const struct aead_param *p)
{
	v->generator = p->generator;
	v->len = p->iv_len;
	v->fixed_bits = p->fixed_bits;
	v->count = 0;
	memset(v->base, 0, sizeof(v->base));
	if (p->generator == CKG_GENERATE_COUNTER_XOR)
		memcpy(v->base, p->iv, p->iv_len);
	if (p->generator == CKG_GENERATE)
		return crypto_random(module_crypto(), v->base, p->iv_len);
	return CKR_OK;
}

/* used_up: is there no IV number v->count any more? */
static bool used_up(const struct iv_maker *v, size_t bits)
{
	if (v->generator == CKG_GENERATE_RANDOM)
		return v->count >= (uint64_t)1 << (bits < 96 ? (bits - 32) / 2 : 32);
	return v->count == UINT64_MAX || (bits < 64 && v->count >= (uint64_t)1 << bits);
}

CK_RV iv_make(struct iv_maker *v, const struct aead_param *p)
{
	size_t bits = 8 * p->iv_len - p->fixed_bits;
	bool meets =
	    p->generator == CKG_GENERATE_COUNTER || p->generator == CKG_GENERATE_COUNTER_XOR || bits < RANDOM_BITS_MIN;
	uint8_t random[AEAD_IV_MAX];
	CK_RV rv = CKR_OK;

	if (p->generator == CKG_NO_GENERATE) {
		if (v->made && (v->generator == CKG_GENERATE_COUNTER || v->generator == CKG_GENERATE_COUNTER_XOR ||
				8 * v->len - v->fixed_bits < RANDOM_BITS_MIN))
			return CKR_MECHANISM_PARAM_INVALID;
		v->given = true;
		return CKR_OK;
	}
	if (p->generator > CKG_GENERATE_COUNTER_XOR || p->fixed_bits >= 8 * p->iv_len || (v->given && meets))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->generator == CKG_GENERATE_RANDOM && bits < RANDOM_BITS_MIN)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!v->made)
		rv = start(v, p);
	else if (v->generator != p->generator || v->len != p->iv_len || v->fixed_bits != p->fixed_bits)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	v->made = true;
	if (used_up(v, bits))
		return CKR_DATA_LEN_RANGE;
	if (p->generator == CKG_GENERATE_RANDOM) {
		rv = crypto_random(module_crypto(), random, p->iv_len);
		if (rv == CKR_OK)
			put(p, random, 0);
	} else {
		put(p, v->base, v->count);
	}
	v->count++;
	return rv;
}

CK_RV iv_make_alone(const struct aead_param *p)
{
	uint8_t random[AEAD_IV_MAX];
	CK_RV rv;

	if (p->generator == CKG_NO_GENERATE)
		return CKR_OK;
	if (p->generator != CKG_GENERATE && p->generator != CKG_GENERATE_RANDOM)
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->fixed_bits > 8 * p->iv_len || 8 * p->iv_len - p->fixed_bits < ALONE_BITS_MIN)
		return CKR_MECHANISM_PARAM_INVALID;
	rv = crypto_random(module_crypto(), random, p->iv_len);
	if (rv == CKR_OK)
		put(p, random, 0);
	return rv;
}
