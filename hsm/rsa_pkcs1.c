/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsa.h"
#include "crypto.h"
#include "module.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

/* The bare RSA operation and PKCS#1 v1.5 encryption; decryption answers wrong paddings with a plaintext of its own. */

#define PADDING_MIN 8 /* nonzero bytes, RFC 8017, 7.2.1 */
#define REJECT_KEY 32 /* SHA-256 */

CK_RV rsa_raw(EVP_PKEY *pkey, enum rsa_half half, struct view in, uint8_t *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len = n;
	SECRET_AUTO padded = { 0 };
	EVP_PKEY_CTX *ctx;
	int ok;

	if (in.n > n)
		return CKR_DATA_LEN_RANGE;
	if (!secret_init(&padded, n))
		return CKR_HOST_MEMORY;
	if (in.n > 0)
		memcpy(padded.p + (n - in.n), in.p, in.n);
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (half == RSA_PUBLIC)
		ok = EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		     EVP_PKEY_encrypt(ctx, out, &len, padded.p, n) == 1;
	else
		ok = EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		     EVP_PKEY_decrypt(ctx, out, &len, padded.p, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok && len == n ? CKR_OK : CKR_DATA_INVALID;
}

CK_RV rsa_pkcs1_encrypt(EVP_PKEY *pkey, struct view in, uint8_t *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len = n;
	EVP_PKEY_CTX *ctx;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (in.n + PADDING_MIN + 3 > n)
		return CKR_DATA_LEN_RANGE;
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_encrypt(ctx, out, &len, in.p, in.n) == 1 && len == n)
		rv = CKR_OK;
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

CK_RV rsa_reject_key(const struct object *key, struct secret *ret)
{
	size_t n = (rsa_bits(key) + 7) / 8;
	struct view d = object_secret(key, CKA_PRIVATE_EXPONENT);
	SECRET_AUTO padded = { 0 };
	SECRET_AUTO hash = { 0 };

	while (d.n > n && d.p[0] == 0)
		d = VIEW(d.p + 1, d.n - 1);
	if (d.n == 0 || d.n > n)
		return CKR_GENERAL_ERROR;
	if (!secret_init(&padded, n) || !secret_init(&hash, REJECT_KEY))
		return CKR_HOST_MEMORY;
	memcpy(padded.p + (n - d.n), d.p, d.n);
	if (EVP_Digest(padded.p, n, hash.p, NULL, module_crypto()->md[CRYPTO_SHA256], NULL) != 1)
		return CKR_GENERAL_ERROR;
	hash.len = REJECT_KEY;
	secret_move(ret, &hash);
	return CKR_OK;
}

/* hmac_start: HMAC-SHA-256 under a key of 32 bytes. */
static EVP_MAC_CTX *hmac_start(const uint8_t *key)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(module_crypto()->hmac);

	if (ctx != NULL && EVP_MAC_init(ctx, key, REJECT_KEY, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

/* prf: n bytes, block by block: HMAC of the block's number, the label and the length in bits. */
static bool prf(const uint8_t *key, const char *label, uint8_t *out, size_t n)
{
	EVP_MAC_CTX *keyed = hmac_start(key);
	uint8_t block[REJECT_KEY], number[2], bits[2];
	bool ok = keyed != NULL;

	be_put16(bits, (uint16_t)(n * 8));
	for (size_t at = 0; ok && at < n; at += sizeof(block)) {
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(keyed);
		size_t len = n - at < sizeof(block) ? n - at : sizeof(block);

		be_put16(number, (uint16_t)(at / sizeof(block)));
		ok = ctx != NULL && EVP_MAC_update(ctx, number, 2) == 1 &&
		     EVP_MAC_update(ctx, (const uint8_t *)label, strlen(label)) == 1 &&
		     EVP_MAC_update(ctx, bits, 2) == 1 && EVP_MAC_final(ctx, block, NULL, sizeof(block)) == 1;
		if (ok)
			memcpy(out + at, block, len);
		EVP_MAC_CTX_free(ctx);
	}
	EVP_MAC_CTX_free(keyed);
	memory_wipe(block, sizeof(block));
	return ok;
}

/* Masks of all ones or none. The barrier keeps a compiler from making branches of them. */
static inline size_t barrier(size_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline size_t mask_below(size_t a, size_t b)
{
	return barrier((size_t)0 - ((a ^ ((a ^ b) | ((a - b) ^ b))) >> (sizeof(size_t) * 8 - 1)));
}

static inline size_t mask_zero(size_t a)
{
	return mask_below(a, 1);
}

static inline size_t pick(size_t mask, size_t yes, size_t no)
{
	return (mask & yes) | (~mask & no);
}

/* synthetic_length: the last of the candidates that is below most; none: 0. */
static size_t synthetic_length(const uint8_t *lengths, size_t most)
{
	size_t mask = most, len = 0;

	for (unsigned shift = 1; shift < 16; shift *= 2)
		mask |= mask >> shift;
	for (size_t i = 0; i < RSA_LENGTHS; i += 2) {
		size_t candidate = ((size_t)lengths[i] << 8 | lengths[i + 1]) & mask;

		len = pick(mask_below(candidate, most), candidate, len);
	}
	return len;
}

/* to_front: the last len of n bytes move to the front; the same steps for every len. */
static void to_front(uint8_t *p, size_t n, size_t len)
{
	size_t by = n - len;

	for (size_t shift = 1; shift <= n; shift *= 2) {
		size_t moves = ~mask_zero(by & shift);

		for (size_t i = 0; i + shift < n; i++)
			p[i] = (uint8_t)pick(moves, p[i + shift], p[i]);
	}
}

size_t rsa_pkcs1_take(uint8_t *em, const uint8_t *synthetic, const uint8_t *lengths, size_t n, size_t want)
{
	size_t len = synthetic_length(lengths, n - 2 - PADDING_MIN), found = 0, at = 0, true_len, good;

	for (size_t i = 2; i < n; i++) {
		size_t zero = mask_zero(em[i]);

		at = pick(~found & zero, i, at);
		found |= zero;
	}
	true_len = n - 1 - at;
	good = mask_zero(em[0]) & mask_zero(em[1] ^ 2U) & found & ~mask_below(at, 2 + PADDING_MIN);
	if (want != SIZE_MAX) {
		good &= mask_zero(true_len ^ want);
		len = want;
	}
	good = barrier(good);
	for (size_t i = 0; i < n; i++)
		em[i] = (uint8_t)pick(good, em[i], synthetic[i]);
	len = pick(good, true_len, len);
	to_front(em, n, len);
	return len;
}

CK_RV rsa_pkcs1_decrypt(EVP_PKEY *pkey, const struct secret *reject, struct view in, const struct rsa_want *want,
			struct secret *ret)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len;
	SECRET_AUTO em = { 0 };
	SECRET_AUTO made = { 0 }; /* the key of the PRF, lengths, the synthetic message */
	EVP_MAC_CTX *ctx;
	uint8_t *key, *lengths, *synthetic;
	CK_RV rv;

	if (in.n != n)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (n < PADDING_MIN + 3 || (want != NULL && want->len > n - PADDING_MIN - 3))
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&em, n) || !secret_init(&made, REJECT_KEY + RSA_LENGTHS + n))
		return CKR_HOST_MEMORY;
	rv = rsa_raw(pkey, RSA_PRIVATE, in, em.p);
	if (rv != CKR_OK)
		return rv == CKR_DATA_INVALID ? CKR_ENCRYPTED_DATA_INVALID : rv;
	key = made.p;
	lengths = key + REJECT_KEY;
	synthetic = lengths + RSA_LENGTHS;
	ctx = hmac_start(reject->p);
	if (ctx == NULL || EVP_MAC_update(ctx, in.p, in.n) != 1 || EVP_MAC_final(ctx, key, NULL, REJECT_KEY) != 1 ||
	    !prf(key, "message", synthetic, n) || !prf(key, "length", lengths, RSA_LENGTHS))
		rv = CKR_GENERAL_ERROR;
	EVP_MAC_CTX_free(ctx);
	if (rv != CKR_OK)
		return rv;
	if (want != NULL && want->parity)
		des_set_parity(synthetic + (n - want->len), want->len);
	len = rsa_pkcs1_take(em.p, synthetic, lengths, n, want != NULL ? want->len : SIZE_MAX);
	em.len = len;
	secret_move(ret, &em);
	return CKR_OK;
}
