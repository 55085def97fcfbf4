/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_vendor.h"
#include "hold.h"
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * MACs of ISO/IEC 9797-1:2011. Algorithm 1: CBC-MAC with any block cipher, the last block's output. Algorithm 3: all
 * blocks but the last are chained with the first DES key, the last one with the whole key (K, K' of the standard as
 * K1, K2, K1; K1, K2, K3 of a triple-length key). The padded data is at least one block, so an empty message is
 * padded with padding methods 1 and 3 as well. Padding 3 puts the length in front: the data is held until the end.
 */
#define BLOCK_MAX 16

struct iso9797 {
	EVP_CIPHER_CTX *chain; /* CBC, zero IV */
	EVP_CIPHER_CTX *last;  /* ECB */
	size_t block;
	CK_ULONG padding;
	uint8_t h[BLOCK_MAX];    /* the last output of chain */
	uint8_t tail[BLOCK_MAX]; /* bytes of the message not yet chained: 1 to a block as soon as there is one */
	size_t n;
	struct hold hold; /* padding 3: the message */
};

static CK_RV param_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_iso9797_params *p = m->pParameter;

	if (p->padding < SR_ISO9797_PADDING_1 || p->padding > SR_ISO9797_PADDING_3 || p->macLen < 4 ||
	    p->macLen > BLOCK_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_iso9797 = {
	.text = "struct sr_iso9797_params", .size = sizeof(struct sr_iso9797_params), .flat = true, .check = param_check
};

static EVP_CIPHER_CTX *cipher_start(const EVP_CIPHER *cipher, const uint8_t *key)
{
	static const uint8_t zero_iv[BLOCK_MAX];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL && EVP_EncryptInit_ex2(ctx, cipher, key, zero_iv, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static EVP_CIPHER_CTX *des_start(enum crypto_cipher cipher, struct view key)
{
	SECRET_AUTO k = { 0 };

	if (!secret_init(&k, 24) || !crypto_des_key(key.p, key.n, k.p))
		return NULL;
	return cipher_start(module_crypto()->cipher[cipher], k.p);
}

static CK_RV iso9797_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct sr_iso9797_params *p = m->pParameter;
	const struct mac_arg *a = op->row->arg;
	const struct crypto *c = module_crypto();
	struct view value = object_secret(key, CKA_VALUE);
	bool aes = object_key_type(key) == CKK_AES;
	struct iso9797 *mac;

	if (p->macLen > (aes ? 16 : 8))
		return CKR_MECHANISM_PARAM_INVALID;
	mac = calloc(1, sizeof(*mac));
	if (mac == NULL)
		return CKR_HOST_MEMORY;
	op->state = mac;
	op->out_len = p->macLen;
	mac->padding = p->padding;
	mac->block = aes ? 16 : 8;
	if (aes) {
		mac->chain = cipher_start(crypto_aes(c, CRYPTO_AES_128_CBC, value.n), value.p);
		mac->last = cipher_start(crypto_aes(c, CRYPTO_AES_128_ECB, value.n), value.p);
	} else {
		mac->chain = des_start(CRYPTO_DES3_CBC, VIEW(value.p, a->kind == MAC_RETAIL ? 8 : value.n));
		mac->last = des_start(CRYPTO_DES3_ECB, value);
	}
	return mac->chain != NULL && mac->last != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static void iso9797_done(struct op *op)
{
	struct iso9797 *mac = op->state;

	if (mac == NULL)
		return;
	EVP_CIPHER_CTX_free(mac->chain);
	EVP_CIPHER_CTX_free(mac->last);
	hold_done(&mac->hold);
	memory_wipe(mac, sizeof(*mac));
	free(mac);
}

/* chain: whole blocks; h becomes the last block's output. */
static CK_RV chain(struct iso9797 *mac, const uint8_t *p, size_t n)
{
	uint8_t out[1024];
	CK_RV rv = CKR_OK;
	int len;

	while (n > 0 && rv == CKR_OK) {
		size_t part = n < sizeof(out) ? n : sizeof(out);

		if (EVP_EncryptUpdate(mac->chain, out, &len, p, (int)part) != 1 || (size_t)len != part)
			rv = CKR_GENERAL_ERROR;
		else
			memcpy(mac->h, out + part - mac->block, mac->block);
		p += part;
		n -= part;
	}
	memory_wipe(out, sizeof(out));
	return rv;
}

/* absorb: the last block of what came so far stays in tail. */
static CK_RV absorb(struct iso9797 *mac, struct view data)
{
	size_t take = mac->block - mac->n, blocks;
	CK_RV rv;

	if (data.n <= take) {
		if (data.n > 0)
			memcpy(mac->tail + mac->n, data.p, data.n);
		mac->n += data.n;
		return CKR_OK;
	}
	memcpy(mac->tail + mac->n, data.p, take);
	rv = chain(mac, mac->tail, mac->block);
	data.p += take;
	data.n -= take;
	blocks = (data.n - 1) / mac->block * mac->block;
	if (rv == CKR_OK)
		rv = chain(mac, data.p, blocks);
	mac->n = data.n - blocks;
	memcpy(mac->tail, data.p + blocks, mac->n);
	return rv;
}

static CK_RV iso9797_update(struct op *op, struct view data)
{
	struct iso9797 *mac = op->state;

	return mac->padding == SR_ISO9797_PADDING_3 ? hold_put(&mac->hold, data) : absorb(mac, data);
}

/* pad: afterwards tail is the last block, whole. */
static CK_RV pad(struct iso9797 *mac)
{
	static const uint8_t one = 0x80;
	static const uint8_t zeroes[BLOCK_MAX];
	uint8_t length[BLOCK_MAX] = { 0 };
	struct view held = hold_view(&mac->hold);
	CK_RV rv = CKR_OK;

	if (mac->padding == SR_ISO9797_PADDING_2)
		rv = absorb(mac, VIEW(&one, 1));
	if (mac->padding == SR_ISO9797_PADDING_3) {
		be_put64(length + mac->block - 8, (uint64_t)held.n * 8);
		rv = absorb(mac, VIEW(length, mac->block));
		if (rv == CKR_OK)
			rv = held.n > 0 ? absorb(mac, held) : absorb(mac, VIEW(zeroes, mac->block));
	}
	if (rv == CKR_OK)
		memset(mac->tail + mac->n, 0, mac->block - mac->n);
	return rv;
}

static CK_RV iso9797_final(struct op *op, uint8_t *out)
{
	struct iso9797 *mac = op->state;
	uint8_t block[BLOCK_MAX];
	CK_RV rv = pad(mac);
	int len;

	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < mac->block; i++)
		block[i] = mac->tail[i] ^ mac->h[i];
	if (EVP_EncryptUpdate(mac->last, block, &len, block, (int)mac->block) != 1 || (size_t)len != mac->block)
		rv = CKR_GENERAL_ERROR;
	else
		memcpy(out, block, op->out_len);
	memory_wipe(block, sizeof(block));
	return rv;
}

const struct mech_ops mech_iso9797_ops = {
	.init = iso9797_init,
	.done = iso9797_done,
	.update = iso9797_update,
	.final = iso9797_final,
};
