/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rsa.h"
#include "mech_family.h"
#include "key.h"
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* RSA signatures: PKCS#1 v1.5, PSS, X9.31, bare; over data or over what the caller made; with recovery. */

CK_MECHANISM_TYPE rsa_mgf_hash(CK_RSA_PKCS_MGF_TYPE mgf)
{
	static const struct {
		CK_RSA_PKCS_MGF_TYPE mgf;
		CK_MECHANISM_TYPE hash;
	} functions[] = {
		{ CKG_MGF1_SHA1, CKM_SHA_1 },        { CKG_MGF1_SHA224, CKM_SHA224 },
		{ CKG_MGF1_SHA256, CKM_SHA256 },     { CKG_MGF1_SHA384, CKM_SHA384 },
		{ CKG_MGF1_SHA512, CKM_SHA512 },     { CKG_MGF1_SHA3_224, CKM_SHA3_224 },
		{ CKG_MGF1_SHA3_256, CKM_SHA3_256 }, { CKG_MGF1_SHA3_384, CKM_SHA3_384 },
		{ CKG_MGF1_SHA3_512, CKM_SHA3_512 },
	};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (functions[i].mgf == mgf)
			return functions[i].hash;
	}
	return CK_UNAVAILABLE_INFORMATION;
}

static bool hash_ok(CK_MECHANISM_TYPE hash)
{
	return crypto_md_of(module_crypto(), hash) != NULL;
}

static CK_RV pss_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	const struct rsa_arg *a = row->arg;

	if (!hash_ok(rsa_mgf_hash(p->mgf)) || !hash_ok(p->hash_alg))
		return CKR_MECHANISM_PARAM_INVALID;
	if (a->hash != CK_UNAVAILABLE_INFORMATION && a->hash != p->hash_alg)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_pss = {
	.text = "CK_RSA_PKCS_PSS_PARAMS",
	.size = sizeof(CK_RSA_PKCS_PSS_PARAMS),
	.flat = true,
	.check = pss_check,
};

/* LABEL_MAX: what OpenSSL takes as an int, and far more than anybody has. */
#define LABEL_MAX 65536

CK_RV rsa_oaep_check(const CK_RSA_PKCS_OAEP_PARAMS *p)
{
	if (!hash_ok(p->hash_alg) || !hash_ok(rsa_mgf_hash(p->mgf)))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->source != CKZ_DATA_SPECIFIED && !(p->source == 0 && p->source_data_len == 0))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->source_data_len > LABEL_MAX || (p->source_data == NULL && p->source_data_len > 0))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

struct rsa_oaep rsa_oaep_of(const CK_RSA_PKCS_OAEP_PARAMS *p)
{
	return (struct rsa_oaep){
		.hash = p->hash_alg,
		.mgf = rsa_mgf_hash(p->mgf),
		.label = VIEW(p->source_data, p->source_data_len),
	};
}

static CK_RV oaep_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	return rsa_oaep_check(m->pParameter);
}

const struct mech_param param_oaep = {
	.text = "CK_RSA_PKCS_OAEP_PARAMS",
	.size = sizeof(CK_RSA_PKCS_OAEP_PARAMS),
	.check = oaep_check,
};

/* struct rsa_sign: digest NULL: the caller hands in what goes under the padding; ctx NULL: the
 * padding is not OpenSSL's. */
struct rsa_sign {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest;
	size_t hash_len; /* PSS over a hash: its length */
	size_t most;     /* bytes that the padding leaves */
};

static int start(EVP_PKEY_CTX *ctx, CK_FLAGS use)
{
	if (use == CKF_VERIFY_RECOVER)
		return EVP_PKEY_verify_recover_init(ctx);
	return use == CKF_VERIFY ? EVP_PKEY_verify_init(ctx) : EVP_PKEY_sign_init(ctx);
}

static CK_RV set_pss(EVP_PKEY_CTX *ctx, const CK_MECHANISM *m, const EVP_MD *md, EVP_PKEY *pkey)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	const EVP_MD *mgf = crypto_md_of(module_crypto(), rsa_mgf_hash(p->mgf));
	size_t n = ((size_t)EVP_PKEY_get_bits(pkey) + 6) / 8; /* emLen of RFC 8017, 9.1 */

	if (p->s_len > n || p->s_len + (size_t)EVP_MD_get_size(md) + 2 > n)
		return CKR_MECHANISM_PARAM_INVALID;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)p->s_len) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static CK_RV set_padding(struct op *op, const CK_MECHANISM *m, const EVP_MD *md)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_sign *r = op->state;

	r->most = op->out_len - (a->scheme == RSA_SCHEME_X9_31 ? 2 : a->scheme == RSA_SCHEME_PKCS1 ? 11 : 0);
	if (a->scheme == RSA_SCHEME_BARE || a->scheme == RSA_SCHEME_X9_31)
		return CKR_OK;
	r->ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, r->pkey, NULL);
	if (r->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (start(r->ctx, op->use) != 1)
		return CKR_GENERAL_ERROR;
	if (a->scheme == RSA_SCHEME_PSS)
		return set_pss(r->ctx, m, md, r->pkey);
	if (EVP_PKEY_CTX_set_rsa_padding(r->ctx, RSA_PKCS1_PADDING) != 1 ||
	    (md != NULL && EVP_PKEY_CTX_set_signature_md(r->ctx, md) != 1))
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

CK_RV rsa_sign_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct rsa_arg *a = op->row->arg;
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	bool hashes = a->hash != CK_UNAVAILABLE_INFORMATION, pss = a->scheme == RSA_SCHEME_PSS;
	const struct crypto *c = module_crypto();
	const EVP_MD *md =
	    a->hash == CKM_MD5 ? c->md[CRYPTO_MD5] : crypto_md_of(c, hashes || !pss ? a->hash : p->hash_alg);
	struct rsa_sign *r = calloc(1, sizeof(*r));
	CK_RV rv;

	if (r == NULL)
		return CKR_HOST_MEMORY;
	op->state = r;
	if (hashes && md == NULL)
		return CKR_MECHANISM_INVALID;
	rv = key_pkey(key, &r->pkey);
	if (rv != CKR_OK)
		return rv;
	op->out_len = (size_t)EVP_PKEY_get_size(r->pkey);
	r->hash_len = pss && !hashes ? (size_t)EVP_MD_get_size(md) : 0;
	rv = set_padding(op, m, md);
	if (rv != CKR_OK || !hashes)
		return rv;
	r->digest = EVP_MD_CTX_new();
	if (r->digest == NULL)
		return CKR_HOST_MEMORY;
	return EVP_DigestInit_ex2(r->digest, md, NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

void rsa_sign_done(struct op *op)
{
	struct rsa_sign *r = op->state;

	if (r == NULL)
		return;
	EVP_MD_CTX_free(r->digest);
	EVP_PKEY_CTX_free(r->ctx);
	EVP_PKEY_free(r->pkey);
	free(r);
}

static CK_RV sign_update(struct op *op, struct view data)
{
	struct rsa_sign *r = op->state;

	return EVP_DigestUpdate(r->digest, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

/* TRAILER_SHA1: the identifier of SHA-1 that follows it in X9.31. */
#define TRAILER_SHA1 0x33
#define DIGEST_ROOM (EVP_MAX_MD_SIZE + 1)

/* to_sign: what goes under the padding: the finished digest, or the data itself. */
static CK_RV to_sign(struct op *op, struct view data, uint8_t digest[DIGEST_ROOM], struct view *ret)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_sign *r = op->state;
	unsigned n = 0;

	if (r->digest != NULL) {
		if (data.p != NULL && EVP_DigestUpdate(r->digest, data.p, data.n) != 1)
			return CKR_GENERAL_ERROR;
		if (EVP_DigestFinal_ex(r->digest, digest, &n) != 1)
			return CKR_GENERAL_ERROR;
		if (a->scheme == RSA_SCHEME_X9_31)
			digest[n++] = TRAILER_SHA1;
		*ret = VIEW(digest, n);
		return CKR_OK;
	}
	if (r->hash_len != 0 ? data.n != r->hash_len : data.n > r->most)
		return CKR_DATA_LEN_RANGE;
	*ret = data;
	return CKR_OK;
}

CK_RV rsa_sign_single(struct op *op, struct view data, uint8_t *out)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_sign *r = op->state;
	uint8_t digest[DIGEST_ROOM];
	size_t len = op->out_len;
	struct view v;
	CK_RV rv = to_sign(op, data, digest, &v);

	if (rv != CKR_OK)
		return rv;
	if (a->scheme == RSA_SCHEME_X9_31)
		return rsa_x931_sign(r->pkey, v, out);
	if (r->ctx == NULL)
		return rsa_raw(r->pkey, RSA_PRIVATE, v, out);
	return EVP_PKEY_sign(r->ctx, out, &len, v.p, v.n) == 1 && len == op->out_len ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV sign_final(struct op *op, uint8_t *out)
{
	return rsa_sign_single(op, VIEW(NULL, 0), out);
}

/* verify_bare: the signature as a number gives the data, zeroes in front. */
static CK_RV verify_bare(struct rsa_sign *r, struct view data, struct view signature)
{
	uint8_t em[RSA_NUMBER_MAX], rest = 0;
	CK_RV rv = rsa_raw(r->pkey, RSA_PUBLIC, signature, em);

	if (rv != CKR_OK)
		return rv == CKR_DATA_INVALID ? CKR_SIGNATURE_INVALID : rv;
	for (size_t i = 0; i < signature.n - data.n; i++)
		rest |= em[i];
	return rest == 0 && ct_equal(em + (signature.n - data.n), data.p, data.n) ? CKR_OK : CKR_SIGNATURE_INVALID;
}

CK_RV rsa_sign_verify(struct op *op, struct view data, struct view signature)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_sign *r = op->state;
	uint8_t digest[DIGEST_ROOM];
	struct view v;
	CK_RV rv = to_sign(op, data, digest, &v);

	if (rv != CKR_OK)
		return rv;
	if (a->scheme == RSA_SCHEME_X9_31)
		return rsa_x931_verify(r->pkey, v, signature);
	if (r->ctx == NULL)
		return verify_bare(r, v, signature);
	return EVP_PKEY_verify(r->ctx, signature.p, signature.n, v.p, v.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

CK_RV rsa_sign_recover(struct op *op, struct view signature, uint8_t *out, size_t room, size_t *ret_len)
{
	struct rsa_sign *r = op->state;
	uint8_t em[RSA_NUMBER_MAX];
	size_t len = sizeof(em);

	if (signature.n != op->out_len)
		return CKR_SIGNATURE_LEN_RANGE;
	if (r->ctx == NULL) {
		len = signature.n;
		if (rsa_raw(r->pkey, RSA_PUBLIC, signature, em) != CKR_OK)
			return CKR_SIGNATURE_INVALID;
	} else if (EVP_PKEY_verify_recover(r->ctx, em, &len, signature.p, signature.n) != 1) {
		return CKR_SIGNATURE_INVALID;
	}
	*ret_len = len;
	if (room < len)
		return CKR_BUFFER_TOO_SMALL;
	if (len > 0)
		memcpy(out, em, len);
	return CKR_OK;
}

const struct mech_ops rsa_sign_ops = {
	.init = rsa_sign_init,
	.done = rsa_sign_done,
	.update = sign_update,
	.final = sign_final,
	.sign = rsa_sign_single,
	.verify = rsa_sign_verify,
};
