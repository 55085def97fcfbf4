/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * DES CBC-MACs with padding method 1 of ISO/IEC 9797-1 (zeroes; an empty message is one block of zeroes): algorithm 1
 * (CKM_DES3_MAC, ANSI X9.9) and algorithm 3 (ANSI X9.19): all blocks but the last are chained with the first key, the
 * last one with the whole key, which is the first key again in algorithm 1.
 */
#define BLOCK 8

struct cbc_mac {
	EVP_CIPHER_CTX *chain; /* CBC, zero IV */
	EVP_CIPHER_CTX *last;  /* ECB */
	uint8_t h[BLOCK];      /* the last output of chain */
	uint8_t held[BLOCK];   /* bytes of the message not yet chained: 1 to 8 as soon as there is one */
	size_t n;
};

static EVP_CIPHER_CTX *des_start(const EVP_CIPHER *cipher, const uint8_t *key, size_t n)
{
	static const uint8_t zero_iv[BLOCK];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	SECRET_AUTO k = { 0 };

	if (ctx == NULL)
		return NULL;
	if (!secret_init(&k, 24) || !crypto_des_key(key, n, k.p) ||
	    EVP_EncryptInit_ex2(ctx, cipher, k.p, zero_iv, NULL) != 1 || EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static CK_RV cbc_mac_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct mac_arg *a = op->row->arg;
	const struct crypto *c = module_crypto();
	struct view value = object_secret(key, CKA_VALUE);
	struct cbc_mac *mac = calloc(1, sizeof(*mac));

	if (mac == NULL)
		return CKR_HOST_MEMORY;
	op->state = mac;
	op->out_len = mech_mac_len(a, m);
	mac->chain = des_start(c->cipher[CRYPTO_DES3_CBC], value.p, a->kind == MAC_RETAIL ? BLOCK : value.n);
	mac->last = des_start(c->cipher[CRYPTO_DES3_ECB], value.p, value.n);
	return mac->chain != NULL && mac->last != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static void cbc_mac_done(struct op *op)
{
	struct cbc_mac *mac = op->state;

	if (mac == NULL)
		return;
	EVP_CIPHER_CTX_free(mac->chain);
	EVP_CIPHER_CTX_free(mac->last);
	memory_wipe(mac, sizeof(*mac));
	free(mac);
}

/* chain: whole blocks; h becomes the last block's output. */
static CK_RV chain(struct cbc_mac *mac, const uint8_t *p, size_t n)
{
	uint8_t out[1024];
	int len;

	while (n > 0) {
		size_t part = n < sizeof(out) ? n : sizeof(out);

		if (EVP_EncryptUpdate(mac->chain, out, &len, p, (int)part) != 1 || (size_t)len != part)
			return CKR_GENERAL_ERROR;
		memcpy(mac->h, out + part - BLOCK, BLOCK);
		p += part;
		n -= part;
	}
	return CKR_OK;
}

static CK_RV cbc_mac_update(struct op *op, struct view data)
{
	struct cbc_mac *mac = op->state;
	size_t take = BLOCK - mac->n, blocks;
	CK_RV rv;

	if (data.n <= take) {
		if (data.n > 0)
			memcpy(mac->held + mac->n, data.p, data.n);
		mac->n += data.n;
		return CKR_OK;
	}
	memcpy(mac->held + mac->n, data.p, take);
	rv = chain(mac, mac->held, BLOCK);
	if (rv != CKR_OK)
		return rv;
	data.p += take;
	data.n -= take;
	blocks = (data.n - 1) / BLOCK * BLOCK;
	rv = chain(mac, data.p, blocks);
	mac->n = data.n - blocks;
	memcpy(mac->held, data.p + blocks, mac->n);
	return rv;
}

static CK_RV cbc_mac_final(struct op *op, uint8_t *out)
{
	struct cbc_mac *mac = op->state;
	uint8_t block[BLOCK];
	int len;

	memset(mac->held + mac->n, 0, BLOCK - mac->n);
	for (size_t i = 0; i < BLOCK; i++)
		block[i] = mac->held[i] ^ mac->h[i];
	if (EVP_EncryptUpdate(mac->last, block, &len, block, BLOCK) != 1 || len != BLOCK)
		return CKR_GENERAL_ERROR;
	memcpy(out, block, op->out_len);
	memory_wipe(block, sizeof(block));
	return CKR_OK;
}

const struct mech_ops cbc_mac_ops = {
	.init = cbc_mac_init,
	.done = cbc_mac_done,
	.update = cbc_mac_update,
	.final = cbc_mac_final,
};
