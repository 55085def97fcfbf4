/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "dsa_sig.h"
#include "ec.h"
#include "key.h"
#include <openssl/ec.h>
#include <stdlib.h>

/* ECDSA over a message, or over a hash of any length that the caller made: its leftmost bits count. */

#define HASH_MAX 65536 /* bytes that a caller may call a hash */

struct ecdsa {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest; /* NULL: the caller hands in the hash */
};

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct crypto *c = module_crypto();
	const struct ecdsa_arg *a = op->row->arg;
	const struct ec_curve *curve = ec_curve_of(key);
	struct ecdsa *e = calloc(1, sizeof(*e));
	CK_RV rv;

	if (e == NULL)
		return CKR_HOST_MEMORY;
	op->state = e;
	rv = key_pkey(key, &e->pkey);
	if (rv != CKR_OK)
		return rv;
	op->out_len = 2 * curve->number;
	e->ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, e->pkey, NULL);
	if (e->ctx == NULL)
		return CKR_HOST_MEMORY;
	if ((op->use == CKF_SIGN ? EVP_PKEY_sign_init(e->ctx) : EVP_PKEY_verify_init(e->ctx)) != 1)
		return CKR_GENERAL_ERROR;
	if (a->hash == CK_UNAVAILABLE_INFORMATION)
		return CKR_OK;
	e->digest = EVP_MD_CTX_new();
	if (e->digest == NULL)
		return CKR_HOST_MEMORY;
	return EVP_DigestInit_ex2(e->digest, crypto_md_of(c, a->hash), NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static void done(struct op *op)
{
	struct ecdsa *e = op->state;

	if (e == NULL)
		return;
	EVP_MD_CTX_free(e->digest);
	EVP_PKEY_CTX_free(e->ctx);
	EVP_PKEY_free(e->pkey);
	free(e);
}

static CK_RV update(struct op *op, struct view data)
{
	struct ecdsa *e = op->state;

	return EVP_DigestUpdate(e->digest, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

/* hash_of: what is signed: the finished digest, or the data itself. A hash of no bytes is refused: anybody can sign it.
 */
static CK_RV hash_of(struct op *op, struct view data, uint8_t digest[EVP_MAX_MD_SIZE], struct view *ret)
{
	struct ecdsa *e = op->state;
	unsigned n = 0;

	if (e->digest == NULL) {
		*ret = data;
		return data.n > 0 && data.n <= HASH_MAX ? CKR_OK : CKR_DATA_LEN_RANGE;
	}
	if (data.p != NULL && EVP_DigestUpdate(e->digest, data.p, data.n) != 1)
		return CKR_GENERAL_ERROR;
	if (EVP_DigestFinal_ex(e->digest, digest, &n) != 1)
		return CKR_GENERAL_ERROR;
	*ret = VIEW(digest, n);
	return CKR_OK;
}

static CK_RV sign(struct op *op, struct view data, uint8_t *out)
{
	struct ecdsa *e = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE], der[2 * EC_NUMBER_MAX + 16];
	size_t n = sizeof(der);
	struct view hash;
	CK_RV rv = hash_of(op, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if ((size_t)EVP_PKEY_get_size(e->pkey) > sizeof(der) || EVP_PKEY_sign(e->ctx, der, &n, hash.p, hash.n) != 1 ||
	    !dsa_sig_raw(VIEW(der, n), op->out_len / 2, out))
		return CKR_FUNCTION_FAILED;
	return CKR_OK;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	return sign(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct ecdsa *e = op->state;
	uint8_t digest[EVP_MAX_MD_SIZE];
	BUF_AUTO der = { 0 };
	struct view hash;
	CK_RV rv = hash_of(op, data, digest, &hash);

	if (rv != CKR_OK)
		return rv;
	if (!dsa_sig_der(signature, &der))
		return CKR_HOST_MEMORY;
	return EVP_PKEY_verify(e->ctx, der.p, der.len, hash.p, hash.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct mech_ops ecdsa_ops = {
	.init = init,
	.done = done,
	.update = update,
	.final = final,
	.sign = sign,
	.verify = verify,
};
