/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "seal.h"

#define NONCE_LEN 12
#define TAG_LEN 16

void test_seal_init(struct test_seal *s, uint8_t seed)
{
	*s = (struct test_seal){ .generations = { 1 }, .generation_count = 1 };
	for (int i = 0; i < 3; i++)
		memset(s->key[i], seed + i, sizeof(s->key[i]));
}

/* The key of a generation: that of the domain, and the generation mixed in; of schema 1 and the first one the same. */
static void key_of(const struct test_seal *s, enum store_domain domain, uint16_t generation, uint8_t ret[32])
{
	memcpy(ret, s->key[domain], 32);
	ret[31] ^= generation > 1 ? (uint8_t)generation : 0;
}

static bool has_generation(const struct test_seal *s, enum store_domain domain, uint16_t generation)
{
	for (unsigned i = 0; domain != STORE_PUBLIC && i < s->generation_count; i++)
		if (s->generations[i] == generation)
			return true;
	return domain == STORE_PUBLIC && generation == 0;
}

static int generations(void *ctx, enum store_domain domain, uint16_t ret[STORE_GENERATIONS], unsigned *ret_n)
{
	const struct test_seal *s = ctx;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	memcpy(ret, s->generations, sizeof(s->generations));
	*ret_n = s->generation_count;
	if (domain == STORE_PUBLIC) {
		ret[0] = 0;
		*ret_n = 1;
	}
	return STORE_OK;
}

static int seal(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view plain,
		struct buf *out)
{
	struct test_seal *s = ctx;
	uint8_t nonce[NONCE_LEN], tag[TAG_LEN], text[1 << 16], key[32];
	int n = 0, rc = STORE_EIO;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (!has_generation(s, domain, generation))
		return STORE_EINVAL;
	if (plain.n > sizeof(text))
		return STORE_EINVAL;
	key_of(s, domain, generation, key);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (c && RAND_bytes(nonce, sizeof(nonce)) == 1 &&
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
	    EVP_EncryptUpdate(c, text, &n, plain.p, (int)plain.n) == 1 && EVP_EncryptFinal_ex(c, text, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1) {
		buf_put(out, nonce, sizeof(nonce));
		buf_put(out, text, plain.n);
		buf_put(out, tag, sizeof(tag));
		rc = STORE_OK;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

static int unseal(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		  struct secret *ret_plain)
{
	struct test_seal *s = ctx;
	SECRET_AUTO plain = { 0 };
	uint8_t key[32];
	int n = 0, rc = STORE_ECORRUPT;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (!has_generation(s, domain, generation) && (domain == STORE_PUBLIC || generation != 0))
		return STORE_ECORRUPT;
	if (sealed.n < NONCE_LEN + TAG_LEN)
		return STORE_ECORRUPT;
	size_t len = sealed.n - NONCE_LEN - TAG_LEN;
	if (!secret_init(&plain, len + 1))
		return STORE_ENOMEM;
	key_of(s, domain, generation, key);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed.p) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
	    EVP_DecryptUpdate(c, plain.p, &n, sealed.p + NONCE_LEN, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, (void *)(sealed.p + NONCE_LEN + len)) == 1 &&
	    EVP_DecryptFinal_ex(c, plain.p + len, &n) == 1) {
		plain.len = len;
		secret_move(ret_plain, &plain);
		rc = STORE_OK;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

static int mac(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret_mac[16])
{
	struct test_seal *s = ctx;
	uint8_t out[EVP_MAX_MD_SIZE], key[32];
	unsigned n = 0;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (!has_generation(s, domain, generation))
		return STORE_ECORRUPT;
	key_of(s, domain, generation, key);
	if (!HMAC(EVP_sha256(), key, sizeof(key), data.p, data.n, out, &n))
		return STORE_EIO;
	memcpy(ret_mac, out, 16);
	return STORE_OK;
}

struct store_crypto test_seal_crypto(struct test_seal *s)
{
	return (struct store_crypto){ .ctx = s, .seal = seal, .open = unseal, .mac = mac, .generations = generations };
}
