/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "key.h"
#include "rsa.h"
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* RSA signatures (PKCS#1 v1.5, PSS; over data or over a hash that the caller made) and OAEP. */

static CK_MECHANISM_TYPE hash_of_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
	switch (mgf) {
	case CKG_MGF1_SHA1:
		return CKM_SHA_1;
	case CKG_MGF1_SHA224:
		return CKM_SHA224;
	case CKG_MGF1_SHA256:
		return CKM_SHA256;
	case CKG_MGF1_SHA384:
		return CKM_SHA384;
	case CKG_MGF1_SHA512:
		return CKM_SHA512;
	default:
		return CK_UNAVAILABLE_INFORMATION;
	}
}

static CK_RV pss_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	const struct rsa_arg *a = row->arg;

	if (hash_of_mgf(p->mgf) == CK_UNAVAILABLE_INFORMATION || crypto_md_of(module_crypto(), p->hash_alg) == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (a->hash != CK_UNAVAILABLE_INFORMATION && a->hash != p->hash_alg)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

/* LABEL_MAX: what OpenSSL takes as an int, and far more than anybody has. */
#define LABEL_MAX 65536

static CK_RV oaep_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_RSA_PKCS_OAEP_PARAMS *p = m->pParameter;

	if (crypto_md_of(module_crypto(), p->hash_alg) == NULL || hash_of_mgf(p->mgf) == CK_UNAVAILABLE_INFORMATION)
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->source != CKZ_DATA_SPECIFIED && !(p->source == 0 && p->source_data_len == 0))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->source_data_len > LABEL_MAX || (p->source_data == NULL && p->source_data_len > 0))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_pss = {
	.text = "CK_RSA_PKCS_PSS_PARAMS",
	.size = sizeof(CK_RSA_PKCS_PSS_PARAMS),
	.flat = true,
	.check = pss_check,
};
const struct mech_param param_oaep = {
	.text = "CK_RSA_PKCS_OAEP_PARAMS",
	.size = sizeof(CK_RSA_PKCS_OAEP_PARAMS),
	.check = oaep_check,
};

/* Signatures. */

struct rsa_sign {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest; /* NULL: the caller hands in the hash */
	size_t hash_len;    /* PSS over a hash: its length */
};

static CK_RV set_padding(EVP_PKEY_CTX *ctx, const struct rsa_arg *a, const CK_MECHANISM *m, const EVP_MD *md, size_t n)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	const EVP_MD *mgf;

	if (!a->pss)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
			       (md == NULL || EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
			   ? CKR_OK
			   : CKR_GENERAL_ERROR;
	mgf = crypto_md_of(module_crypto(), hash_of_mgf(p->mgf));
	if (p->s_len > n || p->s_len + (size_t)EVP_MD_get_size(md) + 2 > n)
		return CKR_MECHANISM_PARAM_INVALID;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)p->s_len) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static int pkey_start(EVP_PKEY_CTX *ctx, CK_FLAGS use)
{
	if (use & (CKF_SIGN | CKF_SIGN_RECOVER))
		return EVP_PKEY_sign_init(ctx);
	return use == CKF_VERIFY ? EVP_PKEY_verify_init(ctx) : EVP_PKEY_verify_recover_init(ctx);
}

static CK_RV sign_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct crypto *c = module_crypto();
	const struct rsa_arg *a = op->row->arg;
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	bool hashes = a->hash != CK_UNAVAILABLE_INFORMATION;
	const EVP_MD *md = hashes ? crypto_md_of(c, a->hash) : a->pss ? crypto_md_of(c, p->hash_alg) : NULL;
	struct rsa_sign *r = calloc(1, sizeof(*r));
	CK_RV rv;

	if (r == NULL)
		return CKR_HOST_MEMORY;
	op->state = r;
	rv = key_pkey(key, &r->pkey);
	if (rv != CKR_OK)
		return rv;
	op->out_len = (size_t)EVP_PKEY_get_size(r->pkey);
	r->hash_len = a->pss && !hashes ? (size_t)EVP_MD_get_size(md) : 0;
	r->ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, r->pkey, NULL);
	if (r->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (pkey_start(r->ctx, op->use) != 1)
		return CKR_GENERAL_ERROR;
	rv = set_padding(r->ctx, a, m, md, op->out_len);
	if (rv != CKR_OK || !hashes)
		return rv;
	r->digest = EVP_MD_CTX_new();
	if (r->digest == NULL)
		return CKR_HOST_MEMORY;
	return EVP_DigestInit_ex2(r->digest, md, NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static void sign_done(struct op *op)
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

/* to_sign: what goes under the padding: the finished digest, or the data itself. */
static CK_RV to_sign(struct op *op, struct view data, uint8_t digest[EVP_MAX_MD_SIZE], struct view *ret)
{
	struct rsa_sign *r = op->state;
	unsigned n = 0;

	if (r->digest != NULL) {
		if (data.p != NULL && EVP_DigestUpdate(r->digest, data.p, data.n) != 1)
			return CKR_GENERAL_ERROR;
		if (EVP_DigestFinal_ex(r->digest, digest, &n) != 1)
			return CKR_GENERAL_ERROR;
		*ret = VIEW(digest, n);
		return CKR_OK;
	}
	if (r->hash_len != 0 ? data.n != r->hash_len : data.n + 11 > op->out_len)
		return CKR_DATA_LEN_RANGE;
	*ret = data;
	return CKR_OK;
}

static CK_RV sign_single(struct op *op, struct view data, uint8_t *out)
{
	struct rsa_sign *r = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len = op->out_len;
	struct view v;
	CK_RV rv = to_sign(op, data, digest, &v);

	if (rv != CKR_OK)
		return rv;
	return EVP_PKEY_sign(r->ctx, out, &len, v.p, v.n) == 1 && len == op->out_len ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV sign_final(struct op *op, uint8_t *out)
{
	return sign_single(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct rsa_sign *r = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct view v;
	CK_RV rv = to_sign(op, data, digest, &v);

	if (rv != CKR_OK)
		return rv;
	return EVP_PKEY_verify(r->ctx, signature.p, signature.n, v.p, v.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV recover(struct op *op, struct view signature, uint8_t *out, size_t room, size_t *ret_len)
{
	struct rsa_sign *r = op->state;
	size_t len = room;

	if (room < op->out_len) {
		*ret_len = op->out_len;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (EVP_PKEY_verify_recover(r->ctx, out, &len, signature.p, signature.n) != 1)
		return CKR_SIGNATURE_INVALID;
	*ret_len = len;
	return CKR_OK;
}

const struct mech_ops rsa_sign_ops = {
	.init = sign_init,
	.done = sign_done,
	.update = sign_update,
	.final = sign_final,
	.sign = sign_single,
	.verify = verify,
	.recover = recover,
};

/* OAEP: single part only. */

struct oaep {
	EVP_PKEY *pkey;
	struct rsa_oaep p;
	size_t hash_len;
	struct buf label;
};

static struct rsa_oaep oaep_of(const CK_MECHANISM *m)
{
	const CK_RSA_PKCS_OAEP_PARAMS *p = m->pParameter;

	return (struct rsa_oaep){
		.hash = p->hash_alg,
		.mgf = hash_of_mgf(p->mgf),
		.label = VIEW(p->source_data, p->source_data_len),
	};
}

static CK_RV oaep_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct oaep *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return CKR_HOST_MEMORY;
	op->state = o;
	o->p = oaep_of(m);
	o->hash_len = (size_t)EVP_MD_get_size(crypto_md_of(module_crypto(), o->p.hash));
	buf_put_view(&o->label, o->p.label);
	if (!buf_ok(&o->label))
		return CKR_HOST_MEMORY;
	o->p.label = buf_view(&o->label);
	return key_pkey(key, &o->pkey);
}

static void oaep_done(struct op *op)
{
	struct oaep *o = op->state;

	if (o == NULL)
		return;
	EVP_PKEY_free(o->pkey);
	buf_done(&o->label);
	free(o);
}

static size_t oaep_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct oaep *o = op->state;
	size_t n = (size_t)EVP_PKEY_get_size(o->pkey);

	return op->use == CKF_ENCRYPT ? n : n - 2 * o->hash_len - 2;
}

static CK_RV oaep_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	struct oaep *o = op->state;
	size_t n = (size_t)EVP_PKEY_get_size(o->pkey);
	SECRET_AUTO plain = { 0 };
	CK_RV rv;

	if (op->use == CKF_ENCRYPT) {
		if (room < n) {
			*ret_len = n;
			return CKR_BUFFER_TOO_SMALL;
		}
		rv = rsa_oaep_encrypt(o->pkey, &o->p, in, out);
		if (rv == CKR_OK)
			*ret_len = n;
		return rv;
	}
	if (in.n != n)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	rv = rsa_oaep_decrypt(o->pkey, &o->p, in, &plain);
	if (rv != CKR_OK)
		return rv;
	*ret_len = plain.len;
	if (room < plain.len)
		return CKR_BUFFER_TOO_SMALL;
	if (plain.len > 0)
		memcpy(out, plain.p, plain.len);
	return CKR_OK;
}

static CK_RV oaep_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		       struct object *key, uint8_t *out, CK_ULONG *len)
{
	struct rsa_oaep p = oaep_of(m);
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	uint8_t *wrapped = NULL;
	size_t n;
	CK_RV rv;

	if (object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	rv = key_pkey(wrapping, &pkey);
	if (rv != CKR_OK)
		return rv;
	n = (size_t)EVP_PKEY_get_size(pkey);
	if (out == NULL || *len < n) {
		rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
		*len = n;
		goto out;
	}
	wrapped = malloc(n);
	rv = wrapped == NULL ? CKR_HOST_MEMORY : mech_wrapped_form(key, &form);
	if (rv == CKR_OK)
		rv = rsa_oaep_encrypt(pkey, &p, secret_view(&form), wrapped);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(wrapped, n), out, len);
	if (rv == CKR_DATA_LEN_RANGE)
		rv = CKR_KEY_SIZE_RANGE;
out:
	free(wrapped);
	EVP_PKEY_free(pkey);
	return rv;
}

static CK_RV oaep_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			 struct object *unwrapping, struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n,
			 CK_OBJECT_HANDLE *ret)
{
	struct rsa_oaep p = oaep_of(m);
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	struct object *o = NULL;
	CK_RV rv = key_pkey(unwrapping, &pkey);

	if (rv == CKR_OK && wrapped.n != (size_t)EVP_PKEY_get_size(pkey))
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (rv == CKR_OK)
		rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = rsa_oaep_decrypt(pkey, &p, wrapped, &form);
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	object_unref(o);
	EVP_PKEY_free(pkey);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

const struct mech_ops rsa_oaep_ops = {
	.init = oaep_init,
	.done = oaep_done,
	.bound = oaep_bound,
	.crypt = oaep_crypt,
	.wrap = oaep_wrap,
	.unwrap = oaep_unwrap,
};
