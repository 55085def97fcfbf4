/* SPDX-License-Identifier: BSD-2-Clause */
#include "pq.h"
#include "crypto.h"
#include "module.h"
#include "secret.h"
#include <openssl/params.h>

#define PUBLIC_MAX 2592
#define SEED "seed" /* of OpenSSL's keys, 3.5 */

/* clang-format off */
static const struct pq_set sets[] = {
	{ CKK_ML_KEM,  CKP_ML_KEM_512,         "ML-KEM-512",         800,  1632, 64 },
	{ CKK_ML_KEM,  CKP_ML_KEM_768,         "ML-KEM-768",         1184, 2400, 64 },
	{ CKK_ML_KEM,  CKP_ML_KEM_1024,        "ML-KEM-1024",        1568, 3168, 64 },
	{ CKK_ML_DSA,  CKP_ML_DSA_44,          "ML-DSA-44",          1312, 2560, 32 },
	{ CKK_ML_DSA,  CKP_ML_DSA_65,          "ML-DSA-65",          1952, 4032, 32 },
	{ CKK_ML_DSA,  CKP_ML_DSA_87,          "ML-DSA-87",          2592, 4896, 32 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_128S,  "SLH-DSA-SHA2-128s",  32, 64,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_128S, "SLH-DSA-SHAKE-128s", 32, 64,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_128F,  "SLH-DSA-SHA2-128f",  32, 64,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_128F, "SLH-DSA-SHAKE-128f", 32, 64,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_192S,  "SLH-DSA-SHA2-192s",  48, 96,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_192S, "SLH-DSA-SHAKE-192s", 48, 96,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_192F,  "SLH-DSA-SHA2-192f",  48, 96,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f", 48, 96,  0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_256S,  "SLH-DSA-SHA2-256s",  64, 128, 0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_256S, "SLH-DSA-SHAKE-256s", 64, 128, 0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHA2_256F,  "SLH-DSA-SHA2-256f",  64, 128, 0 },
	{ CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f", 64, 128, 0 },
};
/* clang-format on */

const struct pq_set *pq_set_find(CK_KEY_TYPE type, CK_ULONG set)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (sets[i].type == type && sets[i].set == set)
			return &sets[i];
	}
	return NULL;
}

const struct pq_set *pq_set_at(size_t i)
{
	return i < ARRAY_LEN(sets) ? &sets[i] : NULL;
}

static const struct pq_set *set_of(const struct object *o)
{
	return pq_set_find(object_key_type(o), object_ulong(o, CKA_PARAMETER_SET, 0));
}

CK_ULONG pq_bits(const struct object *key)
{
	const struct pq_set *s = set_of(key);

	return s == NULL ? 0 : s->public * 8;
}

static EVP_PKEY *from_seed(const struct pq_set *s, struct view seed)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string(SEED, (void *)(uintptr_t)seed.p, seed.n),
				OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, s->openssl, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

EVP_PKEY *pq_pkey_of(const struct object *o)
{
	const struct pq_set *s = set_of(o);
	OSSL_LIB_CTX *lib = module_crypto()->lib;
	struct view v;

	if (s == NULL)
		return NULL;
	if (object_class(o) == CKO_PUBLIC_KEY) {
		v = object_bytes(o, CKA_VALUE);
		return v.n == s->public ? EVP_PKEY_new_raw_public_key_ex(lib, s->openssl, NULL, v.p, v.n) : NULL;
	}
	v = object_secret(o, CKA_SEED);
	if (v.n > 0)
		return v.n == s->seed ? from_seed(s, v) : NULL;
	v = object_secret(o, CKA_VALUE);
	return v.n == s->private ? EVP_PKEY_new_raw_private_key_ex(lib, s->openssl, NULL, v.p, v.n) : NULL;
}

CK_RV pq_check(const struct object *o)
{
	EVP_PKEY_CTX *check = NULL;
	EVP_PKEY *pkey;
	bool ok;

	if (object_class(o) == CKO_PRIVATE_KEY && object_secret(o, CKA_VALUE).n == 0 &&
	    object_secret(o, CKA_SEED).n == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	pkey = pq_pkey_of(o);
	ok = pkey != NULL;
	if (ok && object_class(o) == CKO_PRIVATE_KEY) {
		check = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
		ok = check != NULL && EVP_PKEY_pairwise_check(check) == 1;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_free(pkey);
	return ok ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* private_value: CKA_VALUE of a private key. */
static bool private_value(const struct pq_set *s, const EVP_PKEY *pkey, struct secret *ret)
{
	size_t n = s->private;

	if (!secret_init(ret, s->private) || EVP_PKEY_get_raw_private_key(pkey, ret->p, &n) != 1 || n != s->private)
		return false;
	ret->len = n;
	return true;
}

CK_RV pq_complete(struct object *o)
{
	const struct pq_set *s = set_of(o);
	struct view given = object_secret(o, CKA_VALUE);
	SECRET_AUTO value = { 0 };
	EVP_PKEY *pkey;
	bool ok;

	if (object_class(o) != CKO_PRIVATE_KEY || object_secret(o, CKA_SEED).n == 0)
		return CKR_OK;
	pkey = pq_pkey_of(o);
	ok = pkey != NULL && private_value(s, pkey, &value);
	EVP_PKEY_free(pkey);
	if (!ok)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (given.n == 0)
		return object_set_secret(o, CKA_VALUE, secret_view(&value));
	return given.n == value.len && ct_equal(given.p, value.p, value.len) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* set_params: CKR_WRAPPED_KEY_INVALID: the key is of another kind than the object. */
static CK_RV set_params(struct object *o, const EVP_PKEY *pkey, const struct pq_set **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		const struct pq_set *s = &sets[i];

		if (s->type != object_key_type(o) || !EVP_PKEY_is_a(pkey, s->openssl))
			continue;
		if (object_ulong(o, CKA_PARAMETER_SET, s->set) != s->set)
			return CKR_WRAPPED_KEY_INVALID;
		*ret = s;
		return object_set_ulong(o, CKA_PARAMETER_SET, s->set);
	}
	return CKR_WRAPPED_KEY_INVALID;
}

CK_RV pq_set_public(struct object *o, const EVP_PKEY *pkey)
{
	const struct pq_set *s = NULL;
	uint8_t value[PUBLIC_MAX];
	size_t n = sizeof(value);
	CK_RV rv = set_params(o, pkey, &s);

	if (rv == CKR_OK && (EVP_PKEY_get_raw_public_key(pkey, value, &n) != 1 || n != s->public))
		rv = CKR_GENERAL_ERROR;
	return rv == CKR_OK ? object_set_bytes(o, CKA_VALUE, VIEW(value, n)) : rv;
}

CK_RV pq_set_private(struct object *o, const EVP_PKEY *pkey)
{
	const struct pq_set *s = NULL;
	SECRET_AUTO value = { 0 };
	SECRET_AUTO seed = { 0 };
	size_t n = 0;
	CK_RV rv = set_params(o, pkey, &s);

	if (rv != CKR_OK)
		return rv;
	if (!private_value(s, pkey, &value))
		return CKR_GENERAL_ERROR;
	rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	if (rv != CKR_OK || s->seed == 0)
		return rv;
	if (!secret_init(&seed, s->seed))
		return CKR_HOST_MEMORY;
	/* A key that was unwrapped without its seed has none. */
	if (EVP_PKEY_get_octet_string_param(pkey, SEED, seed.p, seed.room, &n) != 1 || n != s->seed)
		return CKR_OK;
	return object_set_secret(o, CKA_SEED, VIEW(seed.p, n));
}
