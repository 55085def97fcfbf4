/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * MACs by chaining blocks (composed: OpenSSL has none of them). All blocks but the last are chained under one key; what
 * happens to the last one makes the difference:
 *
 * MAC_CBC     ISO/IEC 9797-1 algorithm 1, padding 1 (CKM_DES_MAC, CKM_DES3_MAC, CKM_AES_MAC, ANSI X9.9): zeroes fill
 * the last block; an empty message is one block of zeroes MAC_RETAIL  algorithm 3 (ANSI X9.19): so too; chained with
 * the first half of the key, the last block with all of it MAC_XCBC    RFC 3566: the last block is masked with K2 when
 * it is whole, else filled with 80 00 .. and masked with K3
 */
#define BLOCK_MAX 16

struct cbc_mac {
	EVP_CIPHER_CTX *chain; /* CBC, zero IV */
	EVP_CIPHER_CTX *last;  /* ECB; NULL: the chain goes on */
	size_t block;
	struct secret mask;      /* XCBC: K2, K3; else empty */
	uint8_t held[BLOCK_MAX]; /* bytes of the message not yet chained: 1 to a block as soon as there is one */
	size_t n;
	uint8_t h[BLOCK_MAX]; /* the last output of chain */
};

static const uint8_t zero_iv[BLOCK_MAX];

static EVP_CIPHER_CTX *cipher_start(const EVP_CIPHER *cipher, const uint8_t *key)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL &&
	    (EVP_EncryptInit_ex2(ctx, cipher, key, zero_iv, NULL) != 1 || EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static EVP_CIPHER_CTX *des_start(enum crypto_cipher cipher, const uint8_t *key, size_t n)
{
	SECRET_AUTO k = { 0 };

	if (!secret_init(&k, 24) || !crypto_des_key(key, n, k.p))
		return NULL;
	return cipher_start(module_crypto()->cipher[cipher], k.p);
}

/* xcbc_start: the three keys are encryptions of constants under the key (RFC 3566, 4). */
static CK_RV xcbc_start(struct cbc_mac *mac, struct view key)
{
	const struct crypto *c = module_crypto();
	SECRET_AUTO keys = { 0 };
	CK_RV rv;

	if (!secret_init(&keys, 3 * BLOCK_MAX))
		return CKR_HOST_MEMORY;
	for (int i = 0; i < 3; i++)
		memset(keys.p + i * BLOCK_MAX, i + 1, BLOCK_MAX);
	rv = crypto_ecb(c, CKK_AES, key, true, VIEW(keys.p, 3 * BLOCK_MAX), keys.p);
	if (rv != CKR_OK)
		return rv;
	if (!secret_init(&mac->mask, 2 * BLOCK_MAX) || !secret_set(&mac->mask, keys.p + BLOCK_MAX, 2 * BLOCK_MAX))
		return CKR_HOST_MEMORY;
	mac->chain = cipher_start(c->cipher[CRYPTO_AES_128_CBC], keys.p);
	return mac->chain != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV cbc_mac_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct mac_arg *a = op->row->arg;
	struct view value = object_secret(key, CKA_VALUE);
	CK_KEY_TYPE type = object_key_type(key);
	struct cbc_mac *mac = calloc(1, sizeof(*mac));

	if (mac == NULL)
		return CKR_HOST_MEMORY;
	op->state = mac;
	op->out_len = mech_mac_len(a, m);
	mac->block = crypto_block(type);
	if (a->kind == MAC_XCBC)
		return xcbc_start(mac, value);
	if (type == CKK_AES) {
		mac->chain = cipher_start(crypto_aes(module_crypto(), CRYPTO_AES_128_CBC, value.n), value.p);
	} else if (a->kind == MAC_RETAIL) {
		mac->chain = des_start(CRYPTO_DES3_CBC, value.p, 8);
		mac->last = des_start(CRYPTO_DES3_ECB, value.p, value.n);
		return mac->chain != NULL && mac->last != NULL ? CKR_OK : CKR_HOST_MEMORY;
	} else {
		mac->chain = des_start(CRYPTO_DES3_CBC, value.p, value.n);
	}
	return mac->chain != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static void cbc_mac_done(struct op *op)
{
	struct cbc_mac *mac = op->state;

	if (mac == NULL)
		return;
	EVP_CIPHER_CTX_free(mac->chain);
	EVP_CIPHER_CTX_free(mac->last);
	secret_done(&mac->mask);
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
		memcpy(mac->h, out + part - mac->block, mac->block);
		p += part;
		n -= part;
	}
	return CKR_OK;
}

static CK_RV cbc_mac_update(struct op *op, struct view data)
{
	struct cbc_mac *mac = op->state;
	size_t take = mac->block - mac->n, blocks;
	CK_RV rv;

	if (data.n <= take) {
		if (data.n > 0)
			memcpy(mac->held + mac->n, data.p, data.n);
		mac->n += data.n;
		return CKR_OK;
	}
	memcpy(mac->held + mac->n, data.p, take);
	rv = chain(mac, mac->held, mac->block);
	if (rv != CKR_OK)
		return rv;
	data.p += take;
	data.n -= take;
	blocks = (data.n - 1) / mac->block * mac->block;
	rv = chain(mac, data.p, blocks);
	mac->n = data.n - blocks;
	memcpy(mac->held, data.p + blocks, mac->n);
	return rv;
}

static CK_RV cbc_mac_final(struct op *op, uint8_t *out)
{
	struct cbc_mac *mac = op->state;
	bool whole = mac->n == mac->block;
	uint8_t block[BLOCK_MAX];
	int len = 0;
	CK_RV rv;

	memset(mac->held + mac->n, 0, mac->block - mac->n);
	if (mac->mask.len > 0) {
		if (!whole)
			mac->held[mac->n] = 0x80;
		for (size_t i = 0; i < BLOCK_MAX; i++)
			mac->held[i] ^= mac->mask.p[(whole ? 0 : BLOCK_MAX) + i];
	}
	if (mac->last == NULL) {
		rv = chain(mac, mac->held, mac->block);
		if (rv == CKR_OK)
			memcpy(out, mac->h, op->out_len);
		return rv;
	}
	for (size_t i = 0; i < mac->block; i++)
		block[i] = mac->held[i] ^ mac->h[i];
	if (EVP_EncryptUpdate(mac->last, block, &len, block, (int)mac->block) != 1 || (size_t)len != mac->block)
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
