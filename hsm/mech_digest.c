/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"

static CK_RV digest_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct digest_arg *a = op->row->arg;
	const EVP_MD *md = module_crypto()->md[a->md];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	op->state = ctx;
	op->out_len = (size_t)EVP_MD_get_size(md);
	return EVP_DigestInit_ex2(ctx, md, NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static void digest_done(struct op *op)
{
	EVP_MD_CTX_free(op->state);
}

static CK_RV digest_update(struct op *op, struct view data)
{
	return EVP_DigestUpdate(op->state, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV digest_final(struct op *op, uint8_t *out)
{
	return EVP_DigestFinal_ex(op->state, out, NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

CK_RV mech_digest_value(struct object *key, struct view *ret)
{
	if (object_class(key) != CKO_SECRET_KEY || object_role(key) != 0 || !object_bool(key, CKA_EXTRACTABLE))
		return CKR_KEY_INDIGESTIBLE;
	*ret = object_secret(key, CKA_VALUE);
	return CKR_OK;
}

static CK_RV digest_key(struct op *op, struct object *key)
{
	struct view value;
	CK_RV rv = mech_digest_value(key, &value);

	return rv == CKR_OK ? digest_update(op, value) : rv;
}

const struct mech_ops digest_ops = {
	.init = digest_init,
	.done = digest_done,
	.update = digest_update,
	.final = digest_final,
	.digest_key = digest_key,
};
