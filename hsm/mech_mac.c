/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

/* HMAC and CMAC: OpenSSL makes the whole tag, the row says how much of it is given out. */

size_t mech_mac_len(const struct mac_arg *a, const CK_MECHANISM *m)
{
	CK_ULONG len;

	if (!a->general)
		return a->len;
	memcpy(&len, m->pParameter, sizeof(len));
	return len;
}

static CK_RV general_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct mac_arg *a = row->arg;
	size_t len = mech_mac_len(a, m);

	return len >= a->min && len <= a->max ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_mac_general = {
	.text = "CK_MAC_GENERAL_PARAMS",
	.size = sizeof(CK_ULONG),
	.flat = true,
	.check = general_check,
};

static CK_RV hmac_start(const struct crypto *c, enum crypto_md md, struct view key, EVP_MAC_CTX **ret)
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(c->hmac);
	OSSL_PARAM params[2];

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)EVP_MD_get0_name(c->md[md]), 0);
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_MAC_init(ctx, key.p, key.n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return CKR_GENERAL_ERROR;
	}
	*ret = ctx;
	return CKR_OK;
}

static CK_RV mac_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct mac_arg *a = op->row->arg;
	struct view value = object_secret(key, CKA_VALUE);
	EVP_MAC_CTX *ctx = NULL;
	CK_RV rv;

	if (a->kind == MAC_HMAC)
		rv = hmac_start(module_crypto(), a->md, value, &ctx);
	else
		rv = crypto_cmac_start(module_crypto(), object_key_type(key), value, &ctx);
	if (rv != CKR_OK)
		return rv;
	op->state = ctx;
	op->out_len = mech_mac_len(a, m);
	return CKR_OK;
}

static void mac_done(struct op *op)
{
	EVP_MAC_CTX_free(op->state);
}

static CK_RV mac_update(struct op *op, struct view data)
{
	return data.n == 0 || EVP_MAC_update(op->state, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

CK_RV mech_mac_final(struct op *op, uint8_t *out)
{
	uint8_t tag[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (EVP_MAC_final(op->state, tag, &len, sizeof(tag)) != 1 || len < op->out_len)
		return CKR_GENERAL_ERROR;
	memcpy(out, tag, op->out_len);
	memory_wipe(tag, sizeof(tag));
	return CKR_OK;
}

const struct mech_ops mac_ops = {
	.init = mac_init,
	.done = mac_done,
	.update = mac_update,
	.final = mech_mac_final,
};
