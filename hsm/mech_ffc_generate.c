/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ffc.h"
#include "ffc.h"
#include "key.h"
#include "mech_family.h"
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/dsa.h>
#include <openssl/params.h>
#include <string.h>

/*
 * Domain parameters and pairs of DH, X9.42 DH and DSA. DH groups of a size that RFC 7919 or RFC 3526 has are those, as
 * NIST SP 800-56A wants it; other sizes get a new safe prime.
 */

static const struct {
	CK_ULONG bits;
	const char *name;
} groups[] = {
	{ 1536, "modp_1536" }, { 2048, "ffdhe2048" }, { 3072, "ffdhe3072" },
	{ 4096, "ffdhe4096" }, { 6144, "ffdhe6144" }, { 8192, "ffdhe8192" },
};

static const char *group_of(CK_ULONG bits)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (groups[i].bits == bits)
			return groups[i].name;
	}
	return NULL;
}

/* seed_hash: of the parameter; NULL: OpenSSL's choice by the size of q. */
static const EVP_MD *seed_hash(const CK_MECHANISM *m)
{
	const CK_DSA_PARAMETER_GEN_PARAM *p = m->pParameter;

	return m->ulParameterLen == 0 ? NULL : crypto_md_of(module_crypto(), p->hash);
}

static CK_RV seed_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_DSA_PARAMETER_GEN_PARAM *p = m->pParameter;

	return seed_hash(m) == NULL || (p->pSeed == NULL && p->ulSeedLen != 0) || p->ulSeedLen > 512
		   ? CKR_MECHANISM_PARAM_INVALID
		   : CKR_OK;
}

const struct mech_param param_dsa_seed = {
	.text = "CK_DSA_PARAMETER_GEN_PARAM, or none",
	.size = sizeof(CK_DSA_PARAMETER_GEN_PARAM),
	.optional = true,
	.check = seed_check,
};

/* The sizes of FIPS 186-4, 4.2, and of FIPS 186-2. */
static bool sizes_ok(CK_KEY_TYPE type, CK_ULONG p, CK_ULONG q)
{
	if (p == 1024)
		return q == 160;
	if (p == 2048)
		return q == 224 || q == 256;
	return p == 3072 && q == 256;
}

/* sizes: CKA_PRIME_BITS and CKA_SUBPRIME_BITS of the template. */
static CK_RV sizes(const struct mech_row *row, CK_KEY_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *ret_p,
		   CK_ULONG *ret_q)
{
	CK_ULONG p = 0, q = 0;

	if (template_find(t, n, CKA_PRIME_BITS) == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!template_ulong(t, n, CKA_PRIME_BITS, &p) ||
	    (template_find(t, n, CKA_SUBPRIME_BITS) != NULL && !template_ulong(t, n, CKA_SUBPRIME_BITS, &q)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (p < row->key_min || p > row->key_max || p % 8 != 0)
		return CKR_KEY_SIZE_RANGE;
	if (q == 0)
		q = p == 1024 ? 160 : 256;
	if (type == CKK_DH ? group_of(p) == NULL && p > FFC_UNKNOWN_MAX : !sizes_ok(type, p, q))
		return CKR_KEY_SIZE_RANGE;
	*ret_p = p;
	*ret_q = q;
	return CKR_OK;
}

static bool set_dh(EVP_PKEY_CTX *ctx, CK_ULONG p)
{
	const char *name = group_of(p);

	if (name != NULL)
		return EVP_PKEY_CTX_set_group_name(ctx, name) == 1;
	return EVP_PKEY_CTX_set_dh_paramgen_type(ctx, DH_PARAMGEN_TYPE_GENERATOR) == 1 &&
	       EVP_PKEY_CTX_set_dh_paramgen_prime_len(ctx, (int)p) == 1 &&
	       EVP_PKEY_CTX_set_dh_paramgen_generator(ctx, 2) == 1;
}

static bool set_subgroup(EVP_PKEY_CTX *ctx, CK_KEY_TYPE type, const CK_MECHANISM *m, size_t p, size_t q)
{
	const EVP_MD *md = seed_hash(m);
	char kind[] = "fips186_4";
	OSSL_PARAM params[5], *at = params;

	*at++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_FFC_TYPE, kind, 0);
	*at++ = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_PBITS, &p);
	*at++ = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_QBITS, &q);
	if (md != NULL)
		*at++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_FFC_DIGEST,
							 (char *)(uintptr_t)EVP_MD_get0_name(md), 0);
	*at = OSSL_PARAM_construct_end();
	return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

static CK_RV domain_new(CK_KEY_TYPE type, const CK_MECHANISM *m, CK_ULONG p, CK_ULONG q, EVP_PKEY **ret)
{
	const char *name = type == CKK_DH ? "DH" : type == CKK_DSA ? "DSA" : "DHX";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, name, NULL);
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_FUNCTION_FAILED;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_paramgen_init(ctx) == 1 && (type == CKK_DH ? set_dh(ctx, p) : set_subgroup(ctx, type, m, p, q)) &&
	    EVP_PKEY_generate(ctx, &pkey) == 1) {
		*ret = pkey;
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

/* seed_out: the seed goes back to a caller who has room for it. */
static CK_RV seed_out(const CK_MECHANISM *m, EVP_PKEY *pkey)
{
	CK_DSA_PARAMETER_GEN_PARAM *p = m->pParameter;
	uint8_t seed[EVP_MAX_MD_SIZE];
	size_t n = 0;

	if (m->ulParameterLen == 0 || p->pSeed == NULL)
		return CKR_OK;
	if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_FFC_SEED, seed, sizeof(seed), &n) != 1)
		return CKR_FUNCTION_FAILED;
	if (p->ulSeedLen < n)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(p->pSeed, seed, n);
	p->ulSeedLen = n;
	return CKR_OK;
}

static CK_RV generate_domain(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			     const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct ffc_arg *a = row->arg;
	struct object_make make = {
		.origin = OBJECT_GENERATED, .class = CKO_DOMAIN_PARAMETERS, .key_type = a->type, .mechanism = row->type
	};
	CK_ULONG p = 0, q = 0;
	struct object *o = NULL;
	EVP_PKEY *pkey = NULL;
	CK_RV rv = sizes(row, a->type, t, n, &p, &q);

	if (rv == CKR_OK)
		rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK)
		rv = domain_new(a->type, m, p, q, &pkey);
	if (rv == CKR_OK)
		rv = ffc_set_domain(o, pkey);
	if (rv == CKR_OK)
		rv = seed_out(m, pkey);
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	object_unref(o);
	EVP_PKEY_free(pkey);
	return rv;
}

const struct mech_ops ffc_domain_ops = {
	.generate = generate_domain,
};

static struct view given(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *a = template_find(t, n, type);

	return a == NULL ? VIEW(NULL, 0) : VIEW(a->pValue, a->ulValueLen);
}

/* domain_given: the domain parameters of the public key's template. */
static CK_RV domain_given(const struct mech_row *row, const CK_ATTRIBUTE *t, CK_ULONG n, EVP_PKEY **ret)
{
	const struct ffc_arg *a = row->arg;
	struct view p = given(t, n, CKA_PRIME), q = given(t, n, CKA_SUBPRIME), g = given(t, n, CKA_BASE);
	CK_ULONG bits = key_bit_length(p);
	EVP_PKEY *pkey;
	CK_RV rv;

	if (p.n == 0 || g.n == 0 || (a->type != CKK_DH && q.n == 0))
		return CKR_TEMPLATE_INCOMPLETE;
	if (a->type == CKK_DH && q.n != 0)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (bits < row->key_min || bits > row->key_max)
		return CKR_KEY_SIZE_RANGE;
	rv = ffc_domain_check(a->type, p, q, g);
	if (rv != CKR_OK)
		return rv;
	pkey = ffc_domain_pkey(a->type, p, q, g);
	if (pkey == NULL)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	*ret = pkey;
	return CKR_OK;
}

/* private_bits: CKA_VALUE_BITS of a DH key's template; 0: OpenSSL's choice. At least what 112 bits of strength need. */
#define VALUE_BITS_MIN 224
static CK_RV private_bits(CK_KEY_TYPE type, CK_ULONG prime_bits, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *ret)
{
	CK_ULONG bits = 0;

	if (template_find(t, n, CKA_VALUE_BITS) != NULL) {
		if (type != CKK_DH)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		if (!template_ulong(t, n, CKA_VALUE_BITS, &bits) || bits < VALUE_BITS_MIN || bits >= prime_bits)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	*ret = bits;
	return CKR_OK;
}

static CK_RV pair_new(EVP_PKEY *domain, CK_ULONG bits, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, domain, NULL);
	int private_len = (int)bits;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &private_len),
				OSSL_PARAM_construct_end() };
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_FUNCTION_FAILED;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_keygen_init(ctx) == 1 && (bits == 0 || EVP_PKEY_CTX_set_params(ctx, params) == 1) &&
	    EVP_PKEY_generate(ctx, &pkey) == 1) {
		*ret = pkey;
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

static CK_RV generate_pair(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			   const CK_ATTRIBUTE *public_t, CK_ULONG public_n, const CK_ATTRIBUTE *private_t,
			   CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	const struct ffc_arg *a = row->arg;
	struct object *pair[2] = { NULL, NULL };
	EVP_PKEY *domain = NULL, *pkey = NULL;
	CK_ULONG bits = 0;
	CK_RV rv = domain_given(row, public_t, public_n, &domain);

	if (rv == CKR_OK)
		rv = private_bits(a->type, (CK_ULONG)EVP_PKEY_get_bits(domain), private_t, private_n, &bits);
	if (rv == CKR_OK)
		rv = mech_pair_begin(s, row, a->type, public_t, public_n, private_t, private_n, pair);
	if (rv == CKR_OK)
		rv = pair_new(domain, bits, &pkey);
	if (rv == CKR_OK)
		rv = mech_pair_end(s, pair, pkey, ret_public, ret_private);
	mech_pair_done(pair);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(domain);
	return rv;
}

const struct mech_ops ffc_pair_ops = {
	.generate_pair = generate_pair,
};
