/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "mech_aead.h"
#include <stdlib.h>
#include <string.h>

/*
 * ChaCha20: with a counter of 32 bits and a nonce of 96 (RFC 8439), of 64 and 64 (the original), of 32 or 64 and a
 * nonce of 192 (XChaCha20, draft-irtf-cfrg-xchacha-03). The counter is little-endian, as it stands in the cipher's
 * state. OpenSSL's IV is these last 16 bytes of the state; its counter runs over into the nonce, which is refused here.
 */
#define BLOCK 64
#define IV 16

struct chacha {
	EVP_CIPHER_CTX *ctx;
	bool encrypt;
	uint64_t left; /* bytes until the counter runs over; UINT64_MAX: more than can be asked for */
};

static CK_RV chacha_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_CHACHA20_PARAMS *p = m->pParameter;
	bool ok;

	if (p->pBlockCounter == NULL || p->pNonce == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	ok = (p->blockCounterBits == 32 && (p->ulNonceBits == 96 || p->ulNonceBits == 192)) ||
	     (p->blockCounterBits == 64 && (p->ulNonceBits == 64 || p->ulNonceBits == 192));
	return ok ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_chacha20 = {
	.text = "CK_CHACHA20_PARAMS",
	.size = sizeof(CK_CHACHA20_PARAMS),
	.check = chacha_check,
};

static uint64_t le_get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n > 0)
		v = v << 8 | p[--n];
	return v;
}

/* state_iv: counter and nonce as OpenSSL wants them; *ret_left: what the counter still counts. */
static void state_iv(const CK_CHACHA20_PARAMS *p, uint8_t ret[IV], uint64_t *ret_left)
{
	size_t counter = p->blockCounterBits / 8, nonce = p->ulNonceBits / 8;
	uint64_t blocks = le_get(p->pBlockCounter, counter), rest;

	memset(ret, 0, IV);
	memcpy(ret, p->pBlockCounter, counter);
	if (nonce == 24)
		memcpy(ret + 8, p->pNonce + 16, 8);
	else
		memcpy(ret + counter, p->pNonce, nonce);
	rest = (counter == 4 ? UINT32_MAX : UINT64_MAX) - blocks;
	*ret_left = rest >= UINT64_MAX / BLOCK - 1 ? UINT64_MAX : (rest + 1) * BLOCK;
}

CK_RV chacha_subkey(struct view key, const uint8_t nonce[16], struct secret *ret)
{
	static const uint8_t zeros[BLOCK];
	static const uint8_t constants[] = "expand 32-byte k";
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	SECRET_AUTO block = { 0 };
	SECRET_AUTO out = { 0 };
	CK_RV rv = CKR_GENERAL_ERROR;

	if (ctx == NULL || !secret_init(&block, BLOCK) || !secret_init(&out, 32)) {
		EVP_CIPHER_CTX_free(ctx);
		return CKR_HOST_MEMORY;
	}
	if (EVP_CipherInit_ex2(ctx, module_crypto()->cipher[CRYPTO_CHACHA20], key.p, nonce, 1, NULL) == 1)
		rv = crypto_update(ctx, zeros, BLOCK, block.p);
	EVP_CIPHER_CTX_free(ctx);
	if (rv != CKR_OK)
		return rv;
	/* The block is rounds + state; the subkey is words 0 to 3 and 12 to 15 of the rounds, and there we know the
	 * state. */
	for (size_t i = 0; i < 4; i++) {
		uint64_t low = le_get(block.p + 4 * i, 4) - le_get(constants + 4 * i, 4);
		uint64_t high = le_get(block.p + 48 + 4 * i, 4) - le_get(nonce + 4 * i, 4);

		for (size_t k = 0; k < 4; k++) {
			out.p[4 * i + k] = (uint8_t)(low >> (8 * k));
			out.p[16 + 4 * i + k] = (uint8_t)(high >> (8 * k));
		}
	}
	out.len = 32;
	secret_move(ret, &out);
	return CKR_OK;
}

static CK_RV chacha_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const CK_CHACHA20_PARAMS *p = m->pParameter;
	struct view value = object_secret(key, CKA_VALUE);
	SECRET_AUTO subkey = { 0 };
	struct chacha *c;
	uint8_t iv[IV];
	CK_RV rv;

	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return CKR_HOST_MEMORY;
	op->state = c;
	c->encrypt = op->use == CKF_ENCRYPT;
	state_iv(p, iv, &c->left);
	if (p->ulNonceBits == 192) {
		rv = chacha_subkey(value, p->pNonce, &subkey);
		if (rv != CKR_OK)
			return rv;
		value = secret_view(&subkey);
	}
	c->ctx = EVP_CIPHER_CTX_new();
	if (c->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CipherInit_ex2(c->ctx, module_crypto()->cipher[CRYPTO_CHACHA20], value.p, iv, c->encrypt, NULL) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static void chacha_done(struct op *op)
{
	struct chacha *c = op->state;

	if (c != NULL)
		EVP_CIPHER_CTX_free(c->ctx);
	free(c);
}

static size_t chacha_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	return in_len;
}

static CK_RV chacha_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room,
			  size_t *ret_len)
{
	struct chacha *c = op->state;
	CK_RV rv;

	if (in.n > c->left)
		return c->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (room < in.n) {
		*ret_len = in.n;
		return CKR_BUFFER_TOO_SMALL;
	}
	rv = crypto_update(c->ctx, in.p, in.n, out);
	if (rv != CKR_OK)
		return rv;
	if (c->left != UINT64_MAX)
		c->left -= in.n;
	*ret_len = in.n;
	return CKR_OK;
}

const struct mech_ops chacha_ops = {
	.init = chacha_init,
	.done = chacha_done,
	.bound = chacha_bound,
	.crypt = chacha_crypt,
};
