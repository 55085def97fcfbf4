/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsa.h"
#include "crypto.h"
#include "key.h"
#include "module.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

/* The numbers of a key: attribute and OpenSSL's name, public ones first. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
} numbers[] = {
	{ CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N },
	{ CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E },
	{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D },
	{ CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1 },
	{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2 },
	{ CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1 },
	{ CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2 },
	{ CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
};
#define PUBLIC_NUMBERS 2

CK_ULONG rsa_bits(const struct object *key)
{
	return key_bit_length(object_bytes(key, CKA_MODULUS));
}

static struct view number(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	struct view v = object_bytes(o, type);

	while (v.n > 0 && v.p[0] == 0)
		v = VIEW(v.p + 1, v.n - 1);
	return v;
}

/* Numbers that no RSA key has, and with which OpenSSL would "encrypt" all the same. */
static bool modulus_bad(const struct object *o)
{
	struct view n = number(o, CKA_MODULUS);

	return n.n == 0 || n.n > RSA_NUMBER_MAX || (n.p[n.n - 1] & 1) == 0;
}

bool rsa_exponent_long(CK_ULONG modulus_bits, CK_ULONG exponent_bits)
{
	return modulus_bits > OPENSSL_RSA_SMALL_MODULUS_BITS && exponent_bits > OPENSSL_RSA_MAX_PUBEXP_BITS;
}

static bool exponent_bad(const struct object *o)
{
	struct view n = number(o, CKA_MODULUS), e = number(o, CKA_PUBLIC_EXPONENT);

	return rsa_exponent_long(key_bit_length(n), key_bit_length(e)) || e.n == 0 || (e.p[e.n - 1] & 1) == 0 ||
	       (e.n == 1 && e.p[0] < 3) || e.n > n.n || (e.n == n.n && memcmp(e.p, n.p, n.n) >= 0);
}

/* A private key may come without the public exponent: rsa_complete finds it. */
CK_RV rsa_check(const struct object *o)
{
	if (modulus_bad(o))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (object_class(o) == CKO_PRIVATE_KEY && !object_has(o, CKA_PUBLIC_EXPONENT))
		return CKR_OK;
	return exponent_bad(o) ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
}

/* The object's numbers, in the byte order that OSSL_PARAM wants, stand in one secret while OpenSSL reads them.
 */
EVP_PKEY *rsa_pkey_of(const struct object *o)
{
	bool private = object_class(o) == CKO_PRIVATE_KEY;
	size_t count = private ? ARRAY_LEN(numbers) : PUBLIC_NUMBERS, used = 0, n = 0;
	OSSL_PARAM params[ARRAY_LEN(numbers) + 1];
	SECRET_AUTO bytes = { 0 };
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;

	if (modulus_bad(o) || exponent_bad(o) || !secret_init(&bytes, ARRAY_LEN(numbers) * RSA_NUMBER_MAX))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct view v = object_secret(o, numbers[i].type);
		uint8_t *p = bytes.p + used;

		if (v.n > RSA_NUMBER_MAX)
			return NULL;
		if (v.n == 0)
			continue;
		for (size_t k = 0; k < v.n; k++)
			p[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v.n - 1 - k : k] = v.p[k];
		params[n++] = OSSL_PARAM_construct_BN(numbers[i].name, p, v.n);
		used += v.n;
	}
	params[n] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, "RSA", NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static CK_RV set_number(struct object *o, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *pkey, const char *name, bool secret)
{
	SECRET_AUTO bytes = { 0 };
	BIGNUM *bn = NULL;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1)
		return CKR_GENERAL_ERROR;
	if (!secret_init(&bytes, RSA_NUMBER_MAX)) {
		rv = CKR_HOST_MEMORY;
		goto out;
	}
	if (BN_num_bytes(bn) < 1 || BN_num_bytes(bn) > RSA_NUMBER_MAX)
		goto out;
	bytes.len = (size_t)BN_bn2bin(bn, bytes.p);
	rv = secret ? object_set_secret(o, type, secret_view(&bytes)) : object_set_bytes(o, type, secret_view(&bytes));
out:
	BN_clear_free(bn);
	return rv;
}

CK_RV rsa_set_public(struct object *o, const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < PUBLIC_NUMBERS; i++) {
		CK_RV rv = set_number(o, numbers[i].type, pkey, numbers[i].name, false);

		if (rv != CKR_OK)
			return rv;
	}
	return CKR_OK;
}

CK_RV rsa_set_private(struct object *o, const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		CK_RV rv = set_number(o, numbers[i].type, pkey, numbers[i].name, i >= PUBLIC_NUMBERS);

		if (rv != CKR_OK)
			return rv;
	}
	return CKR_OK;
}

static CK_RV oaep_start(EVP_PKEY *pkey, const struct rsa_oaep *p, bool encrypt, EVP_PKEY_CTX **ret)
{
	const struct crypto *c = module_crypto();
	const EVP_MD *md = crypto_md_of(c, p->hash), *mgf = crypto_md_of(c, p->mgf);
	EVP_PKEY_CTX *ctx;
	void *label = NULL;

	if (md == NULL || mgf == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, pkey, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if ((encrypt ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) != 1)
		goto fail;
	if (p->label.n > 0) {
		label = OPENSSL_memdup(p->label.p, p->label.n);
		if (label == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)p->label.n) != 1) {
			OPENSSL_free(label);
			goto fail;
		}
	}
	*ret = ctx;
	return CKR_OK;
fail:
	EVP_PKEY_CTX_free(ctx);
	return CKR_GENERAL_ERROR;
}

CK_RV rsa_oaep_encrypt(EVP_PKEY *pkey, const struct rsa_oaep *p, struct view in, uint8_t *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len = n;
	const EVP_MD *md = crypto_md_of(module_crypto(), p->hash);
	EVP_PKEY_CTX *ctx = NULL;
	CK_RV rv;

	if (md == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (in.n + 2 * (size_t)EVP_MD_get_size(md) + 2 > n)
		return CKR_DATA_LEN_RANGE;
	rv = oaep_start(pkey, p, true, &ctx);
	if (rv != CKR_OK)
		return rv;
	rv = EVP_PKEY_encrypt(ctx, out, &len, in.p, in.n) == 1 && len == n ? CKR_OK : CKR_GENERAL_ERROR;
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

CK_RV rsa_oaep_decrypt(EVP_PKEY *pkey, const struct rsa_oaep *p, struct view in, struct secret *ret)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len = n;
	SECRET_AUTO plain = { 0 };
	EVP_PKEY_CTX *ctx = NULL;
	CK_RV rv;

	if (in.n != n)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (!secret_init(&plain, n))
		return CKR_HOST_MEMORY;
	rv = oaep_start(pkey, p, false, &ctx);
	if (rv != CKR_OK)
		return rv;
	if (EVP_PKEY_decrypt(ctx, plain.p, &len, in.p, in.n) == 1 && len <= n) {
		plain.len = len;
		secret_move(ret, &plain);
	} else {
		rv = CKR_ENCRYPTED_DATA_INVALID;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}
