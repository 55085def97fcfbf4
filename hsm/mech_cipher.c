/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * Block ciphers: ECB, CBC, CBC with PKCS#7 padding, CTR, OFB, CFB. OpenSSL does whole blocks without padding; what is
 * held back and the padding are done here, so that a call that does not fit changes nothing.
 */
#define BLOCK_MAX 16

struct cipher {
	EVP_CIPHER_CTX *ctx;
	const struct cipher_arg *a;
	bool encrypt;
	uint8_t held[BLOCK_MAX]; /* input that has no full block yet; decrypting with padding: up to a whole block */
	size_t n;
	uint64_t left; /* CTR: bytes until the counter runs over */
};

static CK_RV ctr_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_AES_CTR_PARAMS *p = m->pParameter;

	return p->counter_bits >= 1 && p->counter_bits <= 128 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_iv8 = { .text = "8 bytes", .size = 8, .flat = true };
const struct mech_param param_iv16 = { .text = "16 bytes", .size = 16, .flat = true };
const struct mech_param param_aes_ctr = {
	.text = "CK_AES_CTR_PARAMS",
	.size = sizeof(CK_AES_CTR_PARAMS),
	.flat = true,
	.check = ctr_check,
};

/* ctr_left: blocks until the counter's bits are used up, as bytes; UINT64_MAX: more than can be asked for. */
static uint64_t ctr_left(const CK_AES_CTR_PARAMS *p)
{
	unsigned __int128 value = ((unsigned __int128)be_get64(p->cb) << 64) | be_get64(p->cb + 8);
	unsigned __int128 rest = ~value;

	if (p->counter_bits < 128)
		rest &= ((unsigned __int128)1 << p->counter_bits) - 1;
	if (rest >> 59 != 0)
		return UINT64_MAX;
	return ((uint64_t)rest + 1) * BLOCK_MAX;
}

static CK_RV cipher_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct cipher_arg *a = op->row->arg;
	const struct crypto *crypto = module_crypto();
	struct view value = object_secret(key, CKA_VALUE);
	SECRET_AUTO des = { 0 };
	const EVP_CIPHER *type =
	    a->algorithm == ALGORITHM_AES ? crypto_aes(crypto, a->cipher, value.n) : crypto->cipher[a->cipher];
	const uint8_t *k = value.p, *iv = NULL;
	struct cipher *c;

	if (a->algorithm == ALGORITHM_DES) {
		if (!secret_init(&des, 24))
			return CKR_HOST_MEMORY;
		if (!crypto_des_key(value.p, value.n, des.p))
			return CKR_KEY_SIZE_RANGE;
		k = des.p;
	}
	if (type == NULL)
		return CKR_KEY_SIZE_RANGE;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return CKR_HOST_MEMORY;
	op->state = c;
	c->a = a;
	c->encrypt = op->use == CKF_ENCRYPT;
	c->left = UINT64_MAX;
	if (a->mode == CIPHER_CTR) {
		const CK_AES_CTR_PARAMS *p = m->pParameter;

		c->left = ctr_left(p);
		iv = p->cb;
	} else if (a->mode != CIPHER_ECB) {
		iv = m->pParameter;
	}
	c->ctx = EVP_CIPHER_CTX_new();
	if (c->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CipherInit_ex2(c->ctx, type, k, iv, c->encrypt, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(c->ctx, 0) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static void cipher_done(struct op *op)
{
	struct cipher *c = op->state;

	if (c == NULL)
		return;
	EVP_CIPHER_CTX_free(c->ctx);
	memory_wipe(c, sizeof(*c));
	free(c);
}

/* ready: how many of total bytes can be processed now; the rest is held. */
static size_t ready(const struct cipher *c, size_t total)
{
	size_t block = c->a->block;

	if (block == 1)
		return total;
	if (c->a->mode == CIPHER_CBC_PAD && !c->encrypt)
		return total == 0 ? 0 : (total - 1) / block * block;
	return total / block * block;
}

static size_t cipher_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct cipher *c = op->state;
	bool pad = c->a->mode == CIPHER_CBC_PAD;

	if (part == MECH_UPDATE)
		return ready(c, c->n + in_len);
	if (pad && c->encrypt)
		return (c->n + in_len) / c->a->block * c->a->block + c->a->block;
	return c->n + in_len;
}

static CK_RV cipher_update(struct cipher *c, struct view in, uint8_t *out, size_t *ret_len)
{
	size_t go = ready(c, c->n + in.n), done = 0;
	CK_RV rv;

	if (go == 0) {
		if (in.n > 0)
			memcpy(c->held + c->n, in.p, in.n);
		c->n += in.n;
		*ret_len = 0;
		return CKR_OK;
	}
	if (c->n > 0) {
		size_t take = c->a->block - c->n;

		memcpy(c->held + c->n, in.p, take);
		rv = crypto_update(c->ctx, c->held, c->a->block, out);
		if (rv != CKR_OK)
			return rv;
		in.p += take;
		in.n -= take;
		done = c->a->block;
	}
	rv = crypto_update(c->ctx, in.p, go - done, out + done);
	if (rv != CKR_OK)
		return rv;
	c->n = in.n - (go - done);
	if (c->n > 0)
		memcpy(c->held, in.p + (go - done), c->n);
	*ret_len = go;
	return CKR_OK;
}

size_t mech_padding_len(const uint8_t *block, size_t n)
{
	unsigned pad = block[n - 1], bad = pad == 0 || pad > n;

	for (size_t i = 0; i < n; i++)
		bad |= (n - i <= pad) & (block[i] != pad);
	return bad ? 0 : pad;
}

/*
 * peek: decrypts the last block of a padded message without touching the operation; prev is the ciphertext block
 * before it, NULL when the context itself stands there. ret_len: bytes of plaintext in it.
 */
static CK_RV peek(const struct cipher *c, const uint8_t *prev, const uint8_t *last, uint8_t *ret, size_t *ret_len)
{
	EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();
	CK_RV rv = CKR_GENERAL_ERROR;
	size_t pad;

	if (copy == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CIPHER_CTX_copy(copy, c->ctx) == 1 &&
	    (prev == NULL || EVP_CipherInit_ex2(copy, NULL, NULL, prev, -1, NULL) == 1))
		rv = crypto_update(copy, last, c->a->block, ret);
	EVP_CIPHER_CTX_free(copy);
	if (rv != CKR_OK)
		return rv;
	pad = mech_padding_len(ret, c->a->block);
	if (pad == 0)
		return CKR_ENCRYPTED_DATA_INVALID;
	*ret_len = c->a->block - pad;
	return CKR_OK;
}

/* decrypt_padded: in is the rest of the message; c->n held bytes stand before it. */
static CK_RV decrypt_padded(struct cipher *c, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	size_t block = c->a->block, total = c->n + in.n, tail = 0, done = 0;
	uint8_t last[BLOCK_MAX];
	CK_RV rv;

	if (total == 0 || total % block != 0)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	/* Single part: nothing is held. Final: exactly one block is held and nothing comes. */
	if (in.n == 0)
		rv = peek(c, NULL, c->held, last, &tail);
	else
		rv = peek(c, in.n > block ? in.p + in.n - 2 * block : NULL, in.p + in.n - block, last, &tail);
	if (rv != CKR_OK)
		goto out;
	if (room < total - block + tail) {
		*ret_len = total - block + tail;
		rv = CKR_BUFFER_TOO_SMALL;
		goto out;
	}
	if (in.n > block) {
		done = in.n - block;
		rv = crypto_update(c->ctx, in.p, done, out);
	}
	if (rv == CKR_OK && tail > 0)
		memcpy(out + done, last, tail);
	if (rv == CKR_OK)
		*ret_len = done + tail;
out:
	memory_wipe(last, sizeof(last));
	return rv;
}

static CK_RV encrypt_padded(struct cipher *c, struct view in, uint8_t *out, size_t *ret_len)
{
	size_t block = c->a->block, done = 0;
	uint8_t pad;
	CK_RV rv = cipher_update(c, in, out, &done);

	if (rv != CKR_OK)
		return rv;
	pad = (uint8_t)(block - c->n);
	memset(c->held + c->n, pad, pad);
	rv = crypto_update(c->ctx, c->held, block, out + done);
	if (rv == CKR_OK)
		*ret_len = done + block;
	return rv;
}

static CK_RV cipher_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room,
			  size_t *ret_len)
{
	struct cipher *c = op->state;
	size_t need = cipher_bound(op, part, in.n);

	if (in.n > c->left)
		return c->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (part != MECH_UPDATE && c->a->mode == CIPHER_CBC_PAD && !c->encrypt)
		return decrypt_padded(c, in, out, room, ret_len);
	if (part != MECH_UPDATE && c->a->mode != CIPHER_CBC_PAD && ready(c, c->n + in.n) != c->n + in.n)
		return c->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (room < need) {
		*ret_len = need;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (c->left != UINT64_MAX)
		c->left -= in.n;
	if (part != MECH_UPDATE && c->a->mode == CIPHER_CBC_PAD)
		return encrypt_padded(c, in, out, ret_len);
	return cipher_update(c, in, out, ret_len);
}

const struct mech_ops cipher_ops = {
	.init = cipher_init,
	.done = cipher_done,
	.bound = cipher_bound,
	.crypt = cipher_crypt,
	.wrap = cipher_wrap,
	.unwrap = cipher_unwrap,
};
