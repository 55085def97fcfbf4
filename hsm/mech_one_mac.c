/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

/* The MACs beside authenticated encryption: AES-GMAC (NIST SP 800-38D) and Poly1305 (RFC 8439). */

static CK_RV gmac_param(const CK_MECHANISM *m, struct aead_param *ret)
{
	struct aead_param p;
	CK_RV rv = aead_read_plain(AEAD_GCM, m->pParameter, m->ulParameterLen, &p);

	/* The data of C_Sign is the associated data, and there is no other. */
	if (rv != CKR_OK || p.aad.n > 0)
		return CKR_MECHANISM_PARAM_INVALID;
	*ret = p;
	return CKR_OK;
}

static CK_RV gmac_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	struct aead_param p;

	return gmac_param(m, &p);
}

const struct mech_param param_gmac = {
	.text = "CK_GCM_PARAMS without associated data",
	.size = PARAM_ANY_SIZE,
	.check = gmac_check,
};

static CK_RV gmac_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	static const char *const names[] = { "AES-128-GCM", "AES-192-GCM", "AES-256-GCM" };
	struct view value = object_secret(key, CKA_VALUE);
	struct aead_param p = { 0 };
	OSSL_PARAM params[3];
	EVP_MAC_CTX *ctx;
	CK_RV rv = gmac_param(m, &p);

	if (rv != CKR_OK)
		return rv;
	if (value.n != 16 && value.n != 24 && value.n != 32)
		return CKR_KEY_SIZE_RANGE;
	ctx = EVP_MAC_CTX_new(module_crypto()->gmac);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	op->state = ctx;
	op->out_len = p.tag_len;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)names[value.n / 8 - 2], 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, p.iv, p.iv_len);
	params[2] = OSSL_PARAM_construct_end();
	return EVP_MAC_init(ctx, value.p, value.n, params) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV poly_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct view value = object_secret(key, CKA_VALUE);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(module_crypto()->poly1305);

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	op->state = ctx;
	op->out_len = AEAD_TAG_MAX;
	return EVP_MAC_init(ctx, value.p, value.n, NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static void done(struct op *op)
{
	EVP_MAC_CTX_free(op->state);
}

static CK_RV update(struct op *op, struct view data)
{
	while (data.n > 0) {
		size_t part = data.n < CRYPTO_UPDATE_MAX ? data.n : CRYPTO_UPDATE_MAX;

		if (EVP_MAC_update(op->state, data.p, part) != 1)
			return CKR_GENERAL_ERROR;
		data = VIEW(data.p + part, data.n - part);
	}
	return CKR_OK;
}

const struct mech_ops gmac_ops = { .init = gmac_init, .done = done, .update = update, .final = mech_mac_final };
const struct mech_ops poly1305_ops = { .init = poly_init, .done = done, .update = update, .final = mech_mac_final };
