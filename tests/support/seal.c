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
	*s = (struct test_seal){ 0 };
	for (int i = 0; i < 3; i++)
		memset(s->key[i], seed + i, sizeof(s->key[i]));
}

static int seal(void *ctx, enum store_domain domain, struct view aad, struct view plain, struct buf *out)
{
	struct test_seal *s = ctx;
	uint8_t nonce[NONCE_LEN], tag[TAG_LEN], text[1 << 16];
	int n = 0, rc = STORE_EIO;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (plain.n > sizeof(text))
		return STORE_EINVAL;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (c && RAND_bytes(nonce, sizeof(nonce)) == 1 &&
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key[domain], nonce) == 1 &&
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

static int unseal(void *ctx, enum store_domain domain, struct view aad, struct view sealed, struct secret *ret_plain)
{
	struct test_seal *s = ctx;
	SECRET_AUTO plain = { 0 };
	int n = 0, rc = STORE_ECORRUPT;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (sealed.n < NONCE_LEN + TAG_LEN)
		return STORE_ECORRUPT;
	size_t len = sealed.n - NONCE_LEN - TAG_LEN;
	if (!secret_init(&plain, len + 1))
		return STORE_ENOMEM;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	if (c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key[domain], sealed.p) == 1 &&
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

static int mac(void *ctx, enum store_domain domain, struct view data, uint8_t ret_mac[16])
{
	struct test_seal *s = ctx;
	uint8_t out[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (s->locked && domain != STORE_PUBLIC)
		return STORE_ESEALED;
	if (!HMAC(EVP_sha256(), s->key[domain], sizeof(s->key[domain]), data.p, data.n, out, &n))
		return STORE_EIO;
	memcpy(ret_mac, out, 16);
	return STORE_OK;
}

struct store_crypto test_seal_crypto(struct test_seal *s)
{
	return (struct store_crypto){ .ctx = s, .seal = seal, .open = unseal, .mac = mac };
}
