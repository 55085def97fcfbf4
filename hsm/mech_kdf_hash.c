/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "mech_derive.h"
#include "mech_family.h"
#include "key.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

/* Keys that are digests of others, or encrypted data; public keys out of private ones; HMAC for all derivations. */

const EVP_MD *kdf_hash_md(CK_MECHANISM_TYPE type)
{
	static const struct {
		CK_MECHANISM_TYPE hmac, hash;
	} hmacs[] = {
		{ CKM_SHA_1_HMAC, CKM_SHA_1 },           { CKM_SHA224_HMAC, CKM_SHA224 },
		{ CKM_SHA256_HMAC, CKM_SHA256 },         { CKM_SHA384_HMAC, CKM_SHA384 },
		{ CKM_SHA512_HMAC, CKM_SHA512 },         { CKM_SHA512_224_HMAC, CKM_SHA512_224 },
		{ CKM_SHA512_256_HMAC, CKM_SHA512_256 }, { CKM_SHA3_224_HMAC, CKM_SHA3_224 },
		{ CKM_SHA3_256_HMAC, CKM_SHA3_256 },     { CKM_SHA3_384_HMAC, CKM_SHA3_384 },
		{ CKM_SHA3_512_HMAC, CKM_SHA3_512 },
	};

	for (size_t i = 0; i < ARRAY_LEN(hmacs); i++) {
		if (hmacs[i].hmac == type)
			type = hmacs[i].hash;
	}
	return crypto_md_of(module_crypto(), type);
}

CK_RV kdf_hmac(const EVP_MD *md, struct view key, const struct view *parts, size_t count, uint8_t *out)
{
	static const uint8_t none[1] = { 0 };
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
								 (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(module_crypto()->hmac);
	bool ok = ctx != NULL && EVP_MAC_init(ctx, key.n > 0 ? key.p : none, key.n, params) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = parts[i].n == 0 || EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_MAC_final(ctx, out, NULL, (size_t)EVP_MD_get_size(md)) == 1;
	EVP_MAC_CTX_free(ctx);
	return ok ? CKR_OK : CKR_GENERAL_ERROR;
}

/* digest_of: n bytes; 0: the digest's own length. */
static CK_RV digest_of(const struct kdf_hash_arg *a, struct view in, size_t n, struct secret *ret)
{
	EVP_MD *xof = a->xof == NULL ? NULL : EVP_MD_fetch(module_crypto()->lib, a->xof, NULL);
	const EVP_MD *md = a->xof == NULL ? crypto_md_of(module_crypto(), a->hash) : xof;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CK_RV rv = CKR_GENERAL_ERROR;

	if (md == NULL || ctx == NULL || !secret_init(ret, n > EVP_MAX_MD_SIZE ? n : EVP_MAX_MD_SIZE))
		goto out;
	if (EVP_DigestInit_ex2(ctx, md, NULL) != 1 || EVP_DigestUpdate(ctx, in.p, in.n) != 1)
		goto out;
	if (a->xof != NULL ? EVP_DigestFinalXOF(ctx, ret->p, n) != 1 : EVP_DigestFinal_ex(ctx, ret->p, NULL) != 1)
		goto out;
	ret->len = a->xof != NULL ? n : (size_t)EVP_MD_get_size(md);
	rv = CKR_OK;
out:
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(xof);
	return rv;
}

static CK_RV hash_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			 const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_hash_arg *a = row->arg;
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv == CKR_OK && a->xof != NULL && d.len == 0)
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv == CKR_OK)
		rv = digest_of(a, object_secret(base, CKA_VALUE), d.len, &value);
	return rv == CKR_OK ? mech_derive_end(&d, secret_view(&value), DERIVE_LEADING, ret) : rv;
}

const struct mech_ops kdf_hash_ops = {
	.derive = hash_derive,
};

/* Encrypted data as a key. */

static CK_RV blocks_check(const struct mech_row *row, struct view data)
{
	const struct kdf_encrypt_arg *a = row->arg;

	return data.n > 0 && data.n % a->block == 0 && kdf_data_ok(data.p, data.n) ? CKR_OK
										   : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV encrypt_string_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_KEY_DERIVATION_STRING_DATA *p = m->pParameter;

	return blocks_check(row, VIEW(p->string_data, p->string_data_len));
}

static CK_RV aes_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_AES_CBC_ENCRYPT_DATA_PARAMS *p = m->pParameter;

	return blocks_check(row, VIEW(p->data_params, p->length));
}

static CK_RV des_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_DES_CBC_ENCRYPT_DATA_PARAMS *p = m->pParameter;

	return blocks_check(row, VIEW(p->data_params, p->length));
}

const struct mech_param param_encrypt_string = {
	.text = "CK_KEY_DERIVATION_STRING_DATA, whole blocks",
	.size = sizeof(CK_KEY_DERIVATION_STRING_DATA),
	.check = encrypt_string_check,
};
const struct mech_param param_aes_encrypt = {
	.text = "CK_AES_CBC_ENCRYPT_DATA_PARAMS",
	.size = sizeof(CK_AES_CBC_ENCRYPT_DATA_PARAMS),
	.check = aes_check,
};
const struct mech_param param_des_encrypt = {
	.text = "CK_DES_CBC_ENCRYPT_DATA_PARAMS",
	.size = sizeof(CK_DES_CBC_ENCRYPT_DATA_PARAMS),
	.check = des_check,
};

static CK_RV encrypt_data(const struct mech_row *row, const CK_MECHANISM *m, const struct object *base,
			  struct secret *ret)
{
	const struct kdf_encrypt_arg *a = row->arg;
	const CK_KEY_DERIVATION_STRING_DATA *ecb = m->pParameter;
	const CK_AES_CBC_ENCRYPT_DATA_PARAMS *aes = m->pParameter;
	const CK_DES_CBC_ENCRYPT_DATA_PARAMS *des = m->pParameter;
	struct view key = object_secret(base, CKA_VALUE), data;
	const uint8_t *iv = NULL;
	CK_RV rv;

	if (!a->cbc) {
		data = VIEW(ecb->string_data, ecb->string_data_len);
	} else if (a->block == 16) {
		data = VIEW(aes->data_params, aes->length);
		iv = aes->iv;
	} else {
		data = VIEW(des->data_params, des->length);
		iv = des->iv;
	}
	if (!secret_init(ret, data.n))
		return CKR_HOST_MEMORY;
	rv = iv == NULL ? crypto_ecb(module_crypto(), object_key_type(base), key, true, data, ret->p)
			: crypto_cbc(module_crypto(), object_key_type(base), key, true, iv, data, ret->p);
	ret->len = data.n;
	return rv;
}

static CK_RV encrypt_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv == CKR_OK)
		rv = encrypt_data(row, m, base, &value);
	return rv == CKR_OK ? mech_derive_end(&d, secret_view(&value), DERIVE_LEADING, ret) : rv;
}

const struct mech_ops kdf_encrypt_ops = {
	.derive = encrypt_derive,
};

/* The public key of a private one. */
static CK_RV public_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			   const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object_make make = { .origin = OBJECT_DERIVED,
				    .class = CKO_PUBLIC_KEY,
				    .key_type = object_key_type(base),
				    .mechanism = row->type,
				    .bases = { base } };
	struct object *o = NULL;
	EVP_PKEY *pkey = NULL;
	CK_RV rv;

	if (object_class(base) != CKO_PRIVATE_KEY)
		return CKR_KEY_TYPE_INCONSISTENT;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK)
		rv = key_pkey(base, &pkey);
	if (rv == CKR_OK)
		rv = key_set_public(o, pkey);
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	EVP_PKEY_free(pkey);
	object_unref(o);
	return rv;
}

const struct mech_ops kdf_public_ops = {
	.derive = public_derive,
};
