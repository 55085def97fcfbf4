/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ffc.h"
#include "dsa_sig.h"
#include "ffc.h"
#include "key.h"
#include "mech_family.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* DSA signatures: r and s, each as long as the subprime (PKCS#11 3.1, 6.2.1). */

#define HALF_MAX 64
#define DER_MAX (2 * HALF_MAX + 16)
#define HASH_MIN 20

/* struct dsa: digest NULL: the caller hands in the hash. */
struct dsa {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest;
	size_t half;
};

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct ffc_arg *a = op->row->arg;
	const struct crypto *c = module_crypto();
	struct dsa *r = calloc(1, sizeof(*r));
	CK_RV rv;

	if (r == NULL)
		return CKR_HOST_MEMORY;
	op->state = r;
	r->half = (key_bit_length(object_bytes(key, CKA_SUBPRIME)) + 7) / 8;
	if (r->half == 0 || r->half > HALF_MAX)
		return CKR_KEY_SIZE_RANGE;
	op->out_len = 2 * r->half;
	rv = key_pkey(key, &r->pkey);
	if (rv != CKR_OK)
		return rv;
	r->ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, r->pkey, NULL);
	if (r->ctx == NULL)
		return CKR_HOST_MEMORY;
	if ((op->use == CKF_VERIFY ? EVP_PKEY_verify_init(r->ctx) : EVP_PKEY_sign_init(r->ctx)) != 1)
		return CKR_GENERAL_ERROR;
	if (a->hash == CK_UNAVAILABLE_INFORMATION)
		return CKR_OK;
	r->digest = EVP_MD_CTX_new();
	if (r->digest == NULL)
		return CKR_HOST_MEMORY;
	return EVP_DigestInit_ex2(r->digest, crypto_md_of(c, a->hash), NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static void done(struct op *op)
{
	struct dsa *r = op->state;

	if (r == NULL)
		return;
	EVP_MD_CTX_free(r->digest);
	EVP_PKEY_CTX_free(r->ctx);
	EVP_PKEY_free(r->pkey);
	free(r);
}

static CK_RV update(struct op *op, struct view data)
{
	struct dsa *r = op->state;

	return EVP_DigestUpdate(r->digest, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

/* hash_of: the finished digest, or the hash that the caller made. */
static CK_RV hash_of(struct dsa *r, struct view data, uint8_t digest[EVP_MAX_MD_SIZE], struct view *ret)
{
	unsigned n = 0;

	if (r->digest == NULL) {
		*ret = data;
		return data.n >= HASH_MIN && data.n <= EVP_MAX_MD_SIZE ? CKR_OK : CKR_DATA_LEN_RANGE;
	}
	if ((data.p != NULL && EVP_DigestUpdate(r->digest, data.p, data.n) != 1) ||
	    EVP_DigestFinal_ex(r->digest, digest, &n) != 1)
		return CKR_GENERAL_ERROR;
	*ret = VIEW(digest, n);
	return CKR_OK;
}

static CK_RV sign(struct op *op, struct view data, uint8_t *out)
{
	struct dsa *r = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE], der[DER_MAX];
	size_t n = sizeof(der);
	struct view hash;
	CK_RV rv = hash_of(r, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if (EVP_PKEY_sign(r->ctx, der, &n, hash.p, hash.n) != 1 || !dsa_sig_raw(VIEW(der, n), r->half, out))
		return CKR_FUNCTION_FAILED;
	return CKR_OK;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	return sign(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct dsa *r = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE];
	BUF_AUTO der = { 0 };
	struct view hash;
	CK_RV rv = hash_of(r, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if (!dsa_sig_der(signature, &der))
		return CKR_HOST_MEMORY;
	return EVP_PKEY_verify(r->ctx, der.p, der.len, hash.p, hash.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct mech_ops dsa_ops = {
	.init = init,
	.done = done,
	.update = update,
	.final = final,
	.sign = sign,
	.verify = verify,
};
