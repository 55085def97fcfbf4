/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ffc.h"
#include "ffc.h"
#include "key.h"
#include "mech_derive.h"
#include "mech_family.h"
#include <openssl/dh.h>
#include <string.h>

/* Diffie-Hellman over prime fields: PKCS #3, and the one-pass form of ANSI X9.42. */

#define OTHER_INFO_MAX 65536

static CK_RV public_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	return m->ulParameterLen == 0 || m->ulParameterLen > FFC_NUMBER_MAX + 1 ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

const struct mech_param param_dh_public = {
	.text = "public value of the other side",
	.size = PARAM_ANY_SIZE,
	.check = public_check,
};

static CK_RV x9_42_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_X9_42_DH1_DERIVE_PARAMS *p = m->pParameter;
	bool info = p->ulOtherInfoLen > 0;

	if (p->kdf != CKD_NULL && p->kdf != CKD_SHA1_KDF_CONCATENATE)
		return CKR_MECHANISM_PARAM_INVALID;
	if (info && (p->kdf == CKD_NULL || p->pOtherInfo == NULL || p->ulOtherInfoLen > OTHER_INFO_MAX))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->pPublicData == NULL || p->ulPublicDataLen == 0 || p->ulPublicDataLen > FFC_NUMBER_MAX + 1)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_x9_42 = {
	.text = "CK_X9_42_DH1_DERIVE_PARAMS",
	.size = sizeof(CK_X9_42_DH1_DERIVE_PARAMS),
	.check = x9_42_check,
};

/* agree: the shared secret, as long as the prime. */
static CK_RV agree(struct object *key, struct view public, struct secret *ret)
{
	SECRET_AUTO z = { 0 };
	EVP_PKEY *pkey = NULL, *peer = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	size_t n;
	CK_RV rv = ffc_peer(key, public, &peer);

	if (rv == CKR_OK)
		rv = key_pkey(key, &pkey);
	if (rv != CKR_OK)
		goto out;
	rv = CKR_HOST_MEMORY;
	n = (size_t)EVP_PKEY_get_size(pkey);
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL || !secret_init(&z, n))
		goto out;
	rv = CKR_MECHANISM_PARAM_INVALID;
	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1 || EVP_PKEY_derive(ctx, z.p, &n) != 1 || n > z.room)
		goto out;
	z.len = n;
	secret_move(ret, &z);
	rv = CKR_OK;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(peer);
	return rv;
}

/* concatenation: the key derivation function of ANSI X9.42 by concatenation, over SHA-1. */
static CK_RV concatenation(struct view z, struct view info, size_t n, struct secret *ret)
{
	const EVP_MD *md = module_crypto()->md[CRYPTO_SHA1];
	size_t step = (size_t)EVP_MD_get_size(md), blocks = (n + step - 1) / step;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	SECRET_AUTO out = { 0 };
	bool ok = ctx != NULL && secret_init(&out, blocks * step);
	uint8_t counter[4];

	for (size_t i = 0; ok && i < blocks; i++) {
		be_put32(counter, (uint32_t)i + 1);
		ok = EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, z.p, z.n) == 1 &&
		     EVP_DigestUpdate(ctx, counter, sizeof(counter)) == 1 &&
		     EVP_DigestUpdate(ctx, info.p, info.n) == 1 && EVP_DigestFinal_ex(ctx, out.p + i * step, NULL) == 1;
	}
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return CKR_HOST_MEMORY;
	out.len = n;
	secret_move(ret, &out);
	return CKR_OK;
}

static CK_RV derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct ffc_arg *a = row->arg;
	const CK_X9_42_DH1_DERIVE_PARAMS *p = a->type == CKK_X9_42_DH ? m->pParameter : NULL;
	struct view public =
	    p != NULL ? VIEW(p->pPublicData, p->ulPublicDataLen) : VIEW(m->pParameter, m->ulParameterLen);
	bool kdf = p != NULL && p->kdf != CKD_NULL;
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO z = { 0 };
	SECRET_AUTO keys = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv == CKR_OK && kdf && d.len == 0)
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv == CKR_OK)
		rv = agree(base, public, &z);
	if (rv != CKR_OK)
		return rv;
	if (!kdf)
		return mech_derive_end(&d, secret_view(&z), DERIVE_TRAILING, ret);
	rv = concatenation(secret_view(&z), VIEW(p->pOtherInfo, p->ulOtherInfoLen), d.len, &keys);
	return rv == CKR_OK ? mech_derive_end(&d, secret_view(&keys), DERIVE_EXACT, ret) : rv;
}

const struct mech_ops dh_ops = {
	.derive = derive,
};
