/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_pq.h"
#include "key.h"
#include "mech_derive.h"
#include "pq.h"
#include "secret.h"
#include <stdlib.h>

/* Pairs of ML-KEM, ML-DSA and SLH-DSA; keys that ML-KEM carries. */

#define KEM_SECRET 32

static CK_RV generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
		      const CK_ATTRIBUTE *public_t, CK_ULONG public_n, const CK_ATTRIBUTE *private_t,
		      CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	const struct pq_generate_arg *a = row->arg;
	struct object *pair[2] = { NULL, NULL };
	const struct pq_set *set;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	CK_ULONG asked = 0;
	CK_RV rv;

	if (template_find(public_t, public_n, CKA_PARAMETER_SET) == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!template_ulong(public_t, public_n, CKA_PARAMETER_SET, &asked))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	set = pq_set_find(a->type, asked);
	if (set == NULL)
		return CKR_PARAMETER_SET_NOT_SUPPORTED;
	rv = mech_pair_begin(s, row, a->type, public_t, public_n, private_t, private_n, pair);
	if (rv == CKR_OK) {
		ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, set->openssl, NULL);
		if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_generate(ctx, &pkey) != 1)
			rv = CKR_GENERAL_ERROR;
	}
	if (rv == CKR_OK)
		rv = mech_pair_end(s, pair, pkey, ret_public, ret_private);
	mech_pair_done(pair);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

const struct mech_ops pq_generate_ops = {
	.generate_pair = generate,
};

/* The secret of ML-KEM has 32 bytes and is the key, whole: it is never cut. */

static CK_RV encapsulate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *public,
			 const CK_ATTRIBUTE *t, CK_ULONG n, uint8_t *out, CK_ULONG *len, CK_OBJECT_HANDLE *ret)
{
	size_t ciphertext = 0, secret = 0;
	SECRET_AUTO key = { 0 };
	DERIVE_AUTO d = { 0 };
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	uint8_t *made = NULL;
	CK_RV rv = key_pkey(public, &pkey);

	if (rv != CKR_OK)
		return rv;
	rv = CKR_FUNCTION_FAILED;
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL || EVP_PKEY_encapsulate_init(ctx, NULL) != 1 ||
	    EVP_PKEY_encapsulate(ctx, NULL, &ciphertext, NULL, &secret) != 1 || secret != KEM_SECRET)
		goto out;
	if (out == NULL || *len < ciphertext) {
		*len = ciphertext;
		rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
		goto out;
	}
	rv = mech_derive_begin(s, row, public, NULL, t, n, &d);
	if (rv != CKR_OK)
		goto out;
	made = malloc(ciphertext);
	rv = CKR_HOST_MEMORY;
	if (made == NULL || !secret_init(&key, secret))
		goto out;
	rv = CKR_FUNCTION_FAILED;
	if (EVP_PKEY_encapsulate(ctx, made, &ciphertext, key.p, &secret) != 1)
		goto out;
	key.len = secret;
	rv = mech_derive_end(&d, secret_view(&key), DERIVE_EXACT, ret);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(made, ciphertext), out, len);
out:
	free(made);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return rv;
}

static CK_RV decapsulate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *private,
			 struct view ciphertext, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	size_t secret = 0, length = 0;
	SECRET_AUTO key = { 0 };
	DERIVE_AUTO d = { 0 };
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	CK_RV rv = key_pkey(private, &pkey);

	if (rv != CKR_OK)
		return rv;
	rv = CKR_FUNCTION_FAILED;
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL || EVP_PKEY_encapsulate_init(ctx, NULL) != 1 ||
	    EVP_PKEY_encapsulate(ctx, NULL, &length, NULL, &secret) != 1 || secret != KEM_SECRET)
		goto out;
	rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (ciphertext.n != length)
		goto out;
	rv = mech_derive_begin(s, row, private, NULL, t, n, &d);
	if (rv != CKR_OK)
		goto out;
	rv = CKR_HOST_MEMORY;
	if (!secret_init(&key, secret))
		goto out;
	rv = CKR_FUNCTION_FAILED;
	if (EVP_PKEY_decapsulate_init(ctx, NULL) != 1 ||
	    EVP_PKEY_decapsulate(ctx, key.p, &secret, ciphertext.p, ciphertext.n) != 1)
		goto out;
	key.len = secret;
	rv = mech_derive_end(&d, secret_view(&key), DERIVE_EXACT, ret);
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return rv;
}

const struct mech_ops ml_kem_ops = {
	.encapsulate = encapsulate,
	.decapsulate = decapsulate,
};
