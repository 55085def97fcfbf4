/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_dsa_sign.h"
#include "dsa_sig.h"
#include "key.h"
#include "mech_family.h"
#include <openssl/evp.h>
#include <stdlib.h>

#define DER_MAX (2 * DSA_HALF_MAX + 16)

struct signing {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest; /* NULL: the caller hands in the hash */
	struct dsa_sign_form form;
};

CK_RV dsa_sign_init(struct op *op, struct object *key, const struct dsa_sign_form *form)
{
	const struct crypto *c = module_crypto();
	struct signing *g = calloc(1, sizeof(*g));
	CK_RV rv;

	if (g == NULL)
		return CKR_HOST_MEMORY;
	op->state = g;
	g->form = *form;
	op->out_len = 2 * form->half;
	rv = key_pkey(key, &g->pkey);
	if (rv != CKR_OK)
		return rv;
	g->ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, g->pkey, NULL);
	if (g->ctx == NULL)
		return CKR_HOST_MEMORY;
	if ((op->use == CKF_SIGN ? EVP_PKEY_sign_init(g->ctx) : EVP_PKEY_verify_init(g->ctx)) != 1)
		return CKR_GENERAL_ERROR;
	if (form->hash == CK_UNAVAILABLE_INFORMATION)
		return CKR_OK;
	g->digest = EVP_MD_CTX_new();
	if (g->digest == NULL)
		return CKR_HOST_MEMORY;
	return EVP_DigestInit_ex2(g->digest, crypto_md_of(c, form->hash), NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

void dsa_sign_done(struct op *op)
{
	struct signing *g = op->state;

	if (g == NULL)
		return;
	EVP_MD_CTX_free(g->digest);
	EVP_PKEY_CTX_free(g->ctx);
	EVP_PKEY_free(g->pkey);
	free(g);
}

CK_RV dsa_sign_update(struct op *op, struct view data)
{
	struct signing *g = op->state;

	return EVP_DigestUpdate(g->digest, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

/* hash_of: what is signed: the finished digest, or the hash that the caller made. */
static CK_RV hash_of(struct signing *g, struct view data, uint8_t digest[EVP_MAX_MD_SIZE], struct view *ret)
{
	unsigned n = 0;

	if (g->digest == NULL) {
		*ret = data;
		return data.n >= g->form.hash_min && data.n <= g->form.hash_max ? CKR_OK : CKR_DATA_LEN_RANGE;
	}
	if (data.p != NULL && EVP_DigestUpdate(g->digest, data.p, data.n) != 1)
		return CKR_GENERAL_ERROR;
	if (EVP_DigestFinal_ex(g->digest, digest, &n) != 1)
		return CKR_GENERAL_ERROR;
	*ret = VIEW(digest, n);
	return CKR_OK;
}

CK_RV dsa_sign(struct op *op, struct view data, uint8_t *out)
{
	struct signing *g = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE], der[DER_MAX];
	size_t n = sizeof(der);
	struct view hash;
	CK_RV rv = hash_of(g, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if ((size_t)EVP_PKEY_get_size(g->pkey) > sizeof(der) || EVP_PKEY_sign(g->ctx, der, &n, hash.p, hash.n) != 1 ||
	    !dsa_sig_raw(VIEW(der, n), g->form.half, out))
		return CKR_FUNCTION_FAILED;
	return CKR_OK;
}

CK_RV dsa_sign_final(struct op *op, uint8_t *out)
{
	return dsa_sign(op, VIEW(NULL, 0), out);
}

CK_RV dsa_verify(struct op *op, struct view data, struct view signature)
{
	struct signing *g = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE];
	BUF_AUTO der = { 0 };
	struct view hash;
	CK_RV rv = hash_of(g, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if (!dsa_sig_der(signature, &der))
		return CKR_HOST_MEMORY;
	return EVP_PKEY_verify(g->ctx, der.p, der.len, hash.p, hash.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}
