/* SPDX-License-Identifier: BSD-2-Clause */
#include "ffc.h"
#include "ffc_own.h"
#include "crypto.h"
#include "key.h"
#include "module.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

/* Numbers of attributes into OpenSSL's keys and back. */

static const char *algorithm(CK_KEY_TYPE type)
{
	return type == CKK_DH ? "DH" : type == CKK_X9_42_DH ? "DHX" : "DSA";
}

CK_ULONG ffc_bits(const struct object *key)
{
	return key_bit_length(object_bytes(key, CKA_PRIME));
}

BIGNUM *ffc_number(struct view v, bool secret)
{
	BIGNUM *b = secret ? BN_secure_new() : BN_new();

	while (v.n > 0 && v.p[0] == 0)
		v = VIEW(v.p + 1, v.n - 1);
	if (b == NULL || v.n == 0 || v.n > FFC_NUMBER_MAX || BN_bin2bn(v.p, (int)v.n, b) == NULL) {
		BN_free(b);
		return NULL;
	}
	if (secret)
		BN_set_flags(b, BN_FLG_CONSTTIME);
	return b;
}

/* push: a number into the builder, when it is there. */
static bool push(OSSL_PARAM_BLD *b, const char *name, const BIGNUM *n)
{
	return n == NULL || OSSL_PARAM_BLD_push_BN(b, name, n) == 1;
}

/* build: OpenSSL's key or parameters. y, x NULL: none. */
static EVP_PKEY *build(CK_KEY_TYPE type, const struct ffc_domain *d, const BIGNUM *y, const BIGNUM *x)
{
	int what = x != NULL ? EVP_PKEY_KEYPAIR : y != NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, algorithm(type), NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || b == NULL || !push(b, OSSL_PKEY_PARAM_FFC_P, d->p) ||
	    !push(b, OSSL_PKEY_PARAM_FFC_Q, type == CKK_DH ? NULL : d->q) || !push(b, OSSL_PKEY_PARAM_FFC_G, d->g) ||
	    !push(b, OSSL_PKEY_PARAM_PUB_KEY, y) || !push(b, OSSL_PKEY_PARAM_PRIV_KEY, x))
		goto out;
	params = OSSL_PARAM_BLD_to_param(b);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, what, params) != 1)
		pkey = NULL;
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

bool ffc_domain_of(struct view p, struct view q, struct view g, struct ffc_domain *ret)
{
	*ret = (struct ffc_domain){
		.p = ffc_number(p, false),
		.q = q.n > 0 ? ffc_number(q, false) : NULL,
		.g = ffc_number(g, false),
		.ctx = BN_CTX_secure_new(),
	};
	return ret->p != NULL && ret->g != NULL && ret->ctx != NULL && (q.n == 0 || ret->q != NULL);
}

void ffc_domain_done(struct ffc_domain *d)
{
	BN_free(d->p);
	BN_free(d->q);
	BN_free(d->g);
	BN_CTX_free(d->ctx);
}

EVP_PKEY *ffc_domain_pkey(CK_KEY_TYPE type, struct view p, struct view q, struct view g)
{
	struct ffc_domain d;
	EVP_PKEY *pkey = ffc_domain_of(p, q, g, &d) ? build(type, &d, NULL, NULL) : NULL;

	ffc_domain_done(&d);
	return pkey;
}

EVP_PKEY *ffc_peer_pkey(const struct object *key, struct view value)
{
	BIGNUM *y = ffc_number(value, false);
	struct ffc_domain d;
	EVP_PKEY *pkey = NULL;

	if (ffc_domain_of(object_bytes(key, CKA_PRIME), object_bytes(key, CKA_SUBPRIME), object_bytes(key, CKA_BASE),
			  &d) &&
	    y != NULL)
		pkey = build(object_key_type(key), &d, y, NULL);
	ffc_domain_done(&d);
	BN_free(y);
	return pkey;
}

/* Private keys get the public value that belongs to them: OpenSSL wants both for a key that can be checked. */
EVP_PKEY *ffc_pkey_of(const struct object *o)
{
	bool private = object_class(o) == CKO_PRIVATE_KEY;
	BIGNUM *value = ffc_number(object_secret(o, CKA_VALUE), private), *y = NULL;
	struct ffc_domain d;
	EVP_PKEY *pkey = NULL;

	if (!ffc_domain_of(object_bytes(o, CKA_PRIME), object_bytes(o, CKA_SUBPRIME), object_bytes(o, CKA_BASE), &d) ||
	    value == NULL || !BN_is_odd(d.p))
		goto out;
	if (!private) {
		pkey = build(object_key_type(o), &d, value, NULL);
		goto out;
	}
	y = BN_new();
	if (y != NULL && BN_mod_exp(y, d.g, value, d.p, d.ctx) == 1)
		pkey = build(object_key_type(o), &d, y, value);
out:
	ffc_domain_done(&d);
	BN_clear_free(value);
	BN_free(y);
	return pkey;
}

static CK_RV set_number(struct object *o, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *pkey, const char *name, bool secret)
{
	SECRET_AUTO bytes = { 0 };
	BIGNUM *b = NULL;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (EVP_PKEY_get_bn_param(pkey, name, &b) != 1)
		return CKR_GENERAL_ERROR;
	if (BN_num_bytes(b) < 1 || BN_num_bytes(b) > FFC_NUMBER_MAX)
		goto out;
	rv = CKR_HOST_MEMORY;
	if (!secret_init(&bytes, FFC_NUMBER_MAX))
		goto out;
	bytes.len = (size_t)BN_bn2bin(b, bytes.p);
	rv = secret ? object_set_secret(o, type, secret_view(&bytes)) : object_set_bytes(o, type, secret_view(&bytes));
out:
	BN_clear_free(b);
	return rv;
}

CK_RV ffc_set_domain(struct object *o, const EVP_PKEY *pkey)
{
	CK_RV rv = set_number(o, CKA_PRIME, pkey, OSSL_PKEY_PARAM_FFC_P, false);

	if (rv == CKR_OK && object_key_type(o) != CKK_DH)
		rv = set_number(o, CKA_SUBPRIME, pkey, OSSL_PKEY_PARAM_FFC_Q, false);
	return rv == CKR_OK ? set_number(o, CKA_BASE, pkey, OSSL_PKEY_PARAM_FFC_G, false) : rv;
}

CK_RV ffc_set_public(struct object *o, const EVP_PKEY *pkey)
{
	CK_RV rv = ffc_set_domain(o, pkey);

	return rv == CKR_OK ? set_number(o, CKA_VALUE, pkey, OSSL_PKEY_PARAM_PUB_KEY, false) : rv;
}

CK_RV ffc_set_private(struct object *o, const EVP_PKEY *pkey)
{
	CK_RV rv = ffc_set_domain(o, pkey);

	if (rv == CKR_OK)
		rv = set_number(o, CKA_VALUE, pkey, OSSL_PKEY_PARAM_PRIV_KEY, true);
	return rv == CKR_OK ? ffc_complete(o) : rv;
}

CK_RV ffc_complete(struct object *o)
{
	if (object_class(o) != CKO_PRIVATE_KEY || object_key_type(o) != CKK_DH)
		return CKR_OK;
	return object_set_ulong(o, CKA_VALUE_BITS, key_bit_length(object_secret(o, CKA_VALUE)));
}
