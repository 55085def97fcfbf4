/* SPDX-License-Identifier: BSD-2-Clause */
#include "key.h"
#include "crypto.h"
#include "ec.h"
#include "ffc.h"
#include "module.h"
#include "pq.h"
#include "rsa.h"
#include <openssl/decoder.h>
#include <openssl/encoder.h>

#define GENERIC_MAX 512

/* SECRET: a secret key of these lengths. */
#define SECRET(t, lo, hi, by, odd)                                                                                     \
	{                                                                                                              \
		.type = CKK_##t, .name = #t, .min = lo, .max = hi, .step = by, .des = odd                              \
	}

#define CURVE(t, label, of_openssl)                                                                                    \
	{                                                                                                              \
		.type = CKK_##t, .name = label, .pair = true, .algorithm = of_openssl, .bits = ec_bits,                \
		.check = ec_check, .pkey = ec_pkey_of, .set_public = ec_set_public, .set_private = ec_set_private      \
	}

/* PRIME_FIELD: pairs over a prime field. */
#define PRIME_FIELD(t, openssl)                                                                                        \
	{                                                                                                              \
		.type = CKK_##t, .name = #t, .pair = true, .algorithm = openssl, .bits = ffc_bits, .check = ffc_check, \
		.complete = ffc_complete, .pkey = ffc_pkey_of, .set_public = ffc_set_public,                           \
		.set_private = ffc_set_private                                                                         \
	}
/* LATTICE_OR_HASH: ML-KEM, ML-DSA, SLH-DSA. */
#define LATTICE_OR_HASH(t)                                                                                             \
	{                                                                                                              \
		.type = CKK_##t, .name = #t, .pair = true, .bits = pq_bits, .check = pq_check,                         \
		.complete = pq_complete, .pkey = pq_pkey_of, .set_public = pq_set_public,                              \
		.set_private = pq_set_private                                                                          \
	}

/* clang-format off */
static const struct key_kind kinds[] = {
	SECRET(GENERIC_SECRET, 1, GENERIC_MAX, 0, false),
	SECRET(AES, 16, 32, 8, false),
	SECRET(DES, 8, 8, 0, true),
	SECRET(DES2, 16, 16, 0, true),
	SECRET(DES3, 24, 24, 0, true),
	SECRET(CHACHA20, 32, 32, 0, false),
	SECRET(POLY1305, 32, 32, 0, false),
	{ .type = CKK_AES_XTS, .name = "AES_XTS", .min = 32, .max = 64, .step = 32, .halves = true },
	SECRET(HKDF, 1, GENERIC_MAX, 0, false),
	SECRET(MD5_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA_1_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA224_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA256_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA384_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA512_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA512_224_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA512_256_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA512_T_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA3_224_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA3_256_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA3_384_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SHA3_512_HMAC, 1, GENERIC_MAX, 0, false),
	SECRET(SR_SM4, 16, 16, 0, false),
	SECRET(SR_SM3_HMAC, 1, GENERIC_MAX, 0, false),
	{ .type = CKK_RSA, .name = "RSA", .pair = true, .algorithm = "RSA", .bits = rsa_bits, .check = rsa_check,
	  .complete = rsa_complete, .pkey = rsa_pkey_of, .set_public = rsa_set_public, .set_private = rsa_set_private },
	CURVE(EC,            "EC",            "EC"),
	CURVE(EC_EDWARDS,    "EC_EDWARDS",    NULL),
	CURVE(EC_MONTGOMERY, "EC_MONTGOMERY", NULL),
	CURVE(SR_SM2,        "SR_SM2",        "SM2"),
	PRIME_FIELD(DH, "DH"),
	PRIME_FIELD(X9_42_DH, "X9.42 DH"),
	PRIME_FIELD(DSA, "DSA"),
	LATTICE_OR_HASH(ML_KEM),
	LATTICE_OR_HASH(ML_DSA),
	LATTICE_OR_HASH(SLH_DSA),
};
/* clang-format on */

const struct key_kind *key_kind(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}

const struct key_kind *key_kind_at(size_t i)
{
	return i < ARRAY_LEN(kinds) ? &kinds[i] : NULL;
}

bool key_class_ok(CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	const struct key_kind *k = key_kind(type);

	if (k == NULL)
		return false;
	return k->pair ? class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY : class == CKO_SECRET_KEY;
}

bool key_value_ok(CK_KEY_TYPE type, struct view value)
{
	const struct key_kind *k = key_kind(type);

	if (k == NULL || k->pair || value.n < k->min || value.n > k->max)
		return false;
	if (k->step != 0 && (value.n - k->min) % k->step != 0)
		return false;
	if (k->halves && ct_equal(value.p, value.p + value.n / 2, value.n / 2))
		return false;
	return !k->des || des_parity_ok(value.p, value.n);
}

CK_ULONG key_bit_length(struct view v)
{
	while (v.n > 0 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	return v.n == 0 ? 0 : v.n * 8 - (CK_ULONG)(__builtin_clz(v.p[0]) - 24);
}

CK_ULONG key_size(const struct object *key)
{
	const struct key_kind *k = key_kind(object_key_type(key));

	if (k == NULL)
		return 0;
	return k->pair ? k->bits(key) : object_secret(key, CKA_VALUE).n;
}

static void *make_pkey(const struct object *o)
{
	const struct key_kind *k = key_kind(object_key_type(o));

	return k == NULL || !k->pair ? NULL : k->pkey(o);
}

static void drop_pkey(void *p)
{
	EVP_PKEY_free(p);
}

CK_RV key_pkey(struct object *key, EVP_PKEY **ret)
{
	void *p = NULL;
	CK_RV rv = object_cache(key, make_pkey, drop_pkey, &p);

	if (rv != CKR_OK)
		return rv;
	if (EVP_PKEY_up_ref(p) != 1)
		return CKR_GENERAL_ERROR;
	*ret = p;
	return CKR_OK;
}

CK_RV key_set_public(struct object *o, const EVP_PKEY *pkey)
{
	return key_kind(object_key_type(o))->set_public(o, pkey);
}

CK_RV key_set_private(struct object *o, const EVP_PKEY *pkey)
{
	return key_kind(object_key_type(o))->set_private(o, pkey);
}

CK_RV key_public_info(struct object *key, struct buf *out)
{
	OSSL_ENCODER_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	unsigned char *p = NULL;
	size_t n = 0;

	if (key_pkey(key, &pkey) != CKR_OK)
		return CKR_OK;
	ctx = OSSL_ENCODER_CTX_new_for_pkey(pkey, EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo", NULL);
	if (ctx != NULL && OSSL_ENCODER_to_data(ctx, &p, &n) == 1)
		buf_put(out, p, n);
	OPENSSL_free(p);
	OSSL_ENCODER_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV key_pkcs8(struct object *key, struct secret *ret)
{
	SECRET_AUTO der = { 0 };
	OSSL_ENCODER_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	unsigned char *p = NULL;
	size_t n = 0;
	CK_RV rv = key_pkey(key, &pkey);

	if (rv != CKR_OK)
		return rv;
	rv = CKR_KEY_NOT_WRAPPABLE;
	ctx = OSSL_ENCODER_CTX_new_for_pkey(pkey, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", NULL);
	if (ctx == NULL || OSSL_ENCODER_to_data(ctx, &p, &n) != 1)
		goto out;
	rv = CKR_HOST_MEMORY;
	if (!secret_init(&der, n) || !secret_set(&der, p, n))
		goto out;
	secret_move(ret, &der);
	rv = CKR_OK;
out:
	OPENSSL_clear_free(p, n);
	OSSL_ENCODER_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return rv;
}

CK_RV key_of_pkcs8(CK_KEY_TYPE type, struct view der, EVP_PKEY **ret)
{
	const struct key_kind *k = key_kind(type);
	EVP_PKEY *pkey = NULL;
	const unsigned char *p = der.p;
	size_t left = der.n;
	OSSL_DECODER_CTX *ctx;
	EVP_PKEY_CTX *check = NULL;
	CK_RV rv = CKR_WRAPPED_KEY_INVALID;

	if (k == NULL || !k->pair)
		return CKR_WRAPPED_KEY_INVALID;
	ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, "DER", "PrivateKeyInfo", k->algorithm, EVP_PKEY_KEYPAIR,
					    module_crypto()->lib, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (OSSL_DECODER_from_data(ctx, &p, &left) != 1 || left != 0 || pkey == NULL)
		goto out;
	check = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (check == NULL || EVP_PKEY_pairwise_check(check) != 1)
		goto out;
	*ret = pkey;
	pkey = NULL;
	rv = CKR_OK;
out:
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_free(pkey);
	OSSL_DECODER_CTX_free(ctx);
	return rv;
}
