/* SPDX-License-Identifier: BSD-2-Clause */
#include "hold.h"
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * AES-GCM. Encryption streams. Decryption keeps the ciphertext until the end and gives out no byte of plaintext before
 * the tag was verified; so a multi-part decryption is bounded by the setting hold_max.
 */
#define IV_MAX 128 /* OpenSSL's limit */

struct gcm {
	EVP_CIPHER_CTX *ctx;
	bool encrypt;
	size_t tag_len;
	struct hold held; /* decrypting: ciphertext and tag so far */
};

static CK_RV gcm_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	static const CK_ULONG tags[] = { 128, 120, 112, 104, 96, 64, 32 };
	const CK_GCM_PARAMS *p = m->pParameter;

	if (p->iv_ptr == NULL || p->iv_len < 1 || p->iv_len > IV_MAX || (p->aad_ptr == NULL && p->aad_len > 0) ||
	    p->aad_len > CRYPTO_UPDATE_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (p->tag_bits == tags[i])
			return CKR_OK;
	}
	return CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_gcm = { .text = "CK_GCM_PARAMS", .size = sizeof(CK_GCM_PARAMS), .check = gcm_check };

static CK_RV gcm_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const CK_GCM_PARAMS *p = m->pParameter;
	struct view value = object_secret(key, CKA_VALUE);
	const EVP_CIPHER *cipher = crypto_aes(module_crypto(), CRYPTO_AES_128_GCM, value.n);
	struct gcm *g;
	int len;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return CKR_HOST_MEMORY;
	op->state = g;
	g->encrypt = op->use == CKF_ENCRYPT;
	g->tag_len = p->tag_bits / 8;
	g->ctx = EVP_CIPHER_CTX_new();
	if (g->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CipherInit_ex2(g->ctx, cipher, NULL, NULL, g->encrypt, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)p->iv_len, NULL) != 1 ||
	    EVP_CipherInit_ex2(g->ctx, NULL, value.p, p->iv_ptr, -1, NULL) != 1)
		return CKR_GENERAL_ERROR;
	if (p->aad_len > 0 && EVP_CipherUpdate(g->ctx, NULL, &len, p->aad_ptr, (int)p->aad_len) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static void gcm_done(struct op *op)
{
	struct gcm *g = op->state;

	if (g == NULL)
		return;
	EVP_CIPHER_CTX_free(g->ctx);
	hold_done(&g->held);
	free(g);
}

static size_t gcm_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct gcm *g = op->state;
	size_t total = g->held.len + in_len;

	if (g->encrypt)
		return part == MECH_UPDATE ? in_len : in_len + g->tag_len;
	if (part == MECH_UPDATE)
		return 0;
	return total > g->tag_len ? total - g->tag_len : 0;
}

static CK_RV gcm_encrypt(struct gcm *g, enum mech_part part, struct view in, uint8_t *out, size_t *ret_len)
{
	uint8_t none[16];
	int len;
	CK_RV rv = crypto_update(g->ctx, in.p, in.n, out);

	if (rv != CKR_OK)
		return rv;
	if (part == MECH_UPDATE) {
		*ret_len = in.n;
		return CKR_OK;
	}
	if (EVP_CipherFinal_ex(g->ctx, none, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, (int)g->tag_len, out + in.n) != 1)
		return CKR_GENERAL_ERROR;
	*ret_len = in.n + g->tag_len;
	return CKR_OK;
}

/* gcm_open: all is ciphertext and tag; the plaintext is wiped again when the tag is wrong. */
static CK_RV gcm_open(struct gcm *g, struct view all, uint8_t *out, size_t *ret_len)
{
	size_t n = all.n - g->tag_len;
	uint8_t tag[16], none[16];
	int len;
	CK_RV rv;

	memcpy(tag, all.p + n, g->tag_len);
	rv = crypto_update(g->ctx, all.p, n, out);
	if (rv == CKR_OK && EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, (int)g->tag_len, tag) != 1)
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK && EVP_CipherFinal_ex(g->ctx, none, &len) != 1)
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv != CKR_OK) {
		if (n > 0)
			memory_wipe(out, n);
		return rv;
	}
	*ret_len = n;
	return CKR_OK;
}

static CK_RV gcm_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	struct gcm *g = op->state;
	size_t need = gcm_bound(op, part, in.n);

	if (!g->encrypt && part != MECH_UPDATE && g->held.len + in.n < g->tag_len)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (room < need) {
		*ret_len = need;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (g->encrypt)
		return gcm_encrypt(g, part, in, out, ret_len);
	if (part == MECH_SINGLE)
		return gcm_open(g, in, out, ret_len);
	if (part == MECH_FINAL)
		return gcm_open(g, hold_view(&g->held), out, ret_len);
	*ret_len = 0;
	return hold_put(&g->held, in);
}

const struct mech_ops gcm_ops = {
	.init = gcm_init,
	.done = gcm_done,
	.bound = gcm_bound,
	.crypt = gcm_crypt,
};
