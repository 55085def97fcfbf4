/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "hold.h"
#include <stdlib.h>
#include <string.h>

/*
 * Modes that OpenSSL does in one piece only: CBC with ciphertext stealing (it refuses a second update) and XTS (it
 * takes one and begins the data unit anew). Parts are held until the last; a single part goes straight through.
 */
#define BLOCK 16
#define XTS_MAX ((size_t)BLOCK << 20) /* IEEE 1619: blocks in a data unit */

struct whole {
	EVP_CIPHER_CTX *ctx;
	bool encrypt;
	size_t most;
	struct hold held;
};

static const EVP_CIPHER *whole_cipher(const struct cipher_arg *a, size_t key_len)
{
	const struct crypto *crypto = module_crypto();

	if (a->mode == CIPHER_CTS)
		return crypto_aes(crypto, a->cipher, key_len);
	return key_len == 32   ? crypto->cipher[CRYPTO_AES_128_XTS]
	       : key_len == 64 ? crypto->cipher[CRYPTO_AES_256_XTS]
			       : NULL;
}

static CK_RV whole_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct cipher_arg *a = op->row->arg;
	struct view value = object_secret(key, CKA_VALUE);
	const EVP_CIPHER *cipher = whole_cipher(a, value.n);
	struct whole *w;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return CKR_HOST_MEMORY;
	op->state = w;
	w->encrypt = op->use == CKF_ENCRYPT;
	w->most = a->mode == CIPHER_XTS ? XTS_MAX : CRYPTO_UPDATE_MAX;
	w->ctx = EVP_CIPHER_CTX_new();
	if (w->ctx == NULL)
		return CKR_HOST_MEMORY;
	return EVP_CipherInit_ex2(w->ctx, cipher, value.p, m->pParameter, w->encrypt, NULL) == 1 ? CKR_OK
												 : CKR_GENERAL_ERROR;
}

static void whole_done(struct op *op)
{
	struct whole *w = op->state;

	if (w == NULL)
		return;
	EVP_CIPHER_CTX_free(w->ctx);
	hold_done(&w->held);
	free(w);
}

static size_t whole_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct whole *w = op->state;

	return part == MECH_UPDATE ? 0 : w->held.len + in_len;
}

static CK_RV whole_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	struct whole *w = op->state;
	size_t total = w->held.len + in.n;
	CK_RV length = w->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE, rv;
	int len = 0;

	if (total > w->most)
		return length;
	if (part == MECH_UPDATE) {
		rv = hold_put(&w->held, in);
		if (rv == CKR_OK)
			*ret_len = 0;
		return rv == CKR_DATA_LEN_RANGE ? length : rv;
	}
	if (total < BLOCK)
		return length;
	if (room < total) {
		*ret_len = total;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (part == MECH_FINAL)
		in = hold_view(&w->held);
	if (EVP_CipherUpdate(w->ctx, out, &len, in.p, (int)in.n) != 1 || (size_t)len != in.n)
		return CKR_GENERAL_ERROR;
	*ret_len = in.n;
	return CKR_OK;
}

const struct mech_ops whole_ops = {
	.init = whole_init,
	.done = whole_done,
	.bound = whole_bound,
	.crypt = whole_crypt,
	.wrap = cipher_wrap,
	.unwrap = cipher_unwrap,
};
