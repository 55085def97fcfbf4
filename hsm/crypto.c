/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto.h"
#include "secret.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static const char *const cipher_names[CRYPTO_CIPHERS] = {
	[CRYPTO_AES_128_ECB] = "AES-128-ECB",
	[CRYPTO_AES_192_ECB] = "AES-192-ECB",
	[CRYPTO_AES_256_ECB] = "AES-256-ECB",
	[CRYPTO_AES_128_CBC] = "AES-128-CBC",
	[CRYPTO_AES_192_CBC] = "AES-192-CBC",
	[CRYPTO_AES_256_CBC] = "AES-256-CBC",
	[CRYPTO_AES_128_CTR] = "AES-128-CTR",
	[CRYPTO_AES_192_CTR] = "AES-192-CTR",
	[CRYPTO_AES_256_CTR] = "AES-256-CTR",
	[CRYPTO_AES_128_GCM] = "AES-128-GCM",
	[CRYPTO_AES_192_GCM] = "AES-192-GCM",
	[CRYPTO_AES_256_GCM] = "AES-256-GCM",
	[CRYPTO_AES_128_WRAP] = "AES-128-WRAP",
	[CRYPTO_AES_192_WRAP] = "AES-192-WRAP",
	[CRYPTO_AES_256_WRAP] = "AES-256-WRAP",
	[CRYPTO_AES_128_WRAP_PAD] = "AES-128-WRAP-PAD",
	[CRYPTO_AES_192_WRAP_PAD] = "AES-192-WRAP-PAD",
	[CRYPTO_AES_256_WRAP_PAD] = "AES-256-WRAP-PAD",
	[CRYPTO_DES3_ECB] = "DES-EDE3",
	[CRYPTO_DES3_CBC] = "DES-EDE3-CBC",
};

static const struct {
	const char *name;
	CK_MECHANISM_TYPE type;
} mds[CRYPTO_MDS] = {
	[CRYPTO_SHA1] = { "SHA1", CKM_SHA_1 },
	[CRYPTO_SHA224] = { "SHA224", CKM_SHA224 },
	[CRYPTO_SHA256] = { "SHA256", CKM_SHA256 },
	[CRYPTO_SHA384] = { "SHA384", CKM_SHA384 },
	[CRYPTO_SHA512] = { "SHA512", CKM_SHA512 },
	[CRYPTO_SHA512_224] = { "SHA512-224", CKM_SHA512_224 },
	[CRYPTO_SHA512_256] = { "SHA512-256", CKM_SHA512_256 },
};

CK_RV crypto_new(struct crypto **ret)
{
	struct crypto *c = calloc(1, sizeof(*c));
	CK_RV rv = CKR_GENERAL_ERROR;

	if (c == NULL)
		return CKR_HOST_MEMORY;
	/* The first call decides for good: no configuration file, nothing at exit. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
		goto out;
	c->lib = OSSL_LIB_CTX_new();
	if (c->lib == NULL) {
		rv = CKR_HOST_MEMORY;
		goto out;
	}
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++) {
		c->cipher[i] = EVP_CIPHER_fetch(c->lib, cipher_names[i], NULL);
		if (c->cipher[i] == NULL)
			goto out;
	}
	for (size_t i = 0; i < CRYPTO_MDS; i++) {
		c->md[i] = EVP_MD_fetch(c->lib, mds[i].name, NULL);
		if (c->md[i] == NULL)
			goto out;
	}
	c->hmac = EVP_MAC_fetch(c->lib, "HMAC", NULL);
	c->cmac = EVP_MAC_fetch(c->lib, "CMAC", NULL);
	if (c->hmac == NULL || c->cmac == NULL)
		goto out;
	*ret = c;
	return CKR_OK;
out:
	crypto_free(c);
	return rv;
}

void crypto_free(struct crypto *c)
{
	if (c == NULL)
		return;
	EVP_MAC_free(c->cmac);
	EVP_MAC_free(c->hmac);
	for (size_t i = 0; i < CRYPTO_MDS; i++)
		EVP_MD_free(c->md[i]);
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++)
		EVP_CIPHER_free(c->cipher[i]);
	OSSL_LIB_CTX_free(c->lib);
	free(c);
}

void crypto_errors_mark(void)
{
	ERR_set_mark();
}

void crypto_errors_drop(void)
{
	ERR_pop_to_mark();
}

CK_RV crypto_random(const struct crypto *c, uint8_t *ret, size_t n)
{
	return RAND_priv_bytes_ex(c->lib, ret, n, 0) == 1 ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV crypto_seed(const struct crypto *c, struct view v)
{
	EVP_RAND_CTX *rand = RAND_get0_private(c->lib);

	return rand != NULL && EVP_RAND_reseed(rand, 0, NULL, 0, v.p, v.n) == 1 ? CKR_OK : CKR_DEVICE_ERROR;
}

const EVP_CIPHER *crypto_aes(const struct crypto *c, enum crypto_cipher mode128, size_t key_len)
{
	switch (key_len) {
	case 16:
		return c->cipher[mode128];
	case 24:
		return c->cipher[mode128 + 1];
	case 32:
		return c->cipher[mode128 + 2];
	default:
		return NULL;
	}
}

CK_RV crypto_update(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	int len;

	while (n > 0) {
		size_t part = n < CRYPTO_UPDATE_MAX ? n : CRYPTO_UPDATE_MAX;

		if (EVP_CipherUpdate(ctx, out, &len, in, (int)part) != 1 || (size_t)len != part)
			return CKR_GENERAL_ERROR;
		in += part;
		out += part;
		n -= part;
	}
	return CKR_OK;
}

bool crypto_des_key(const uint8_t *key, size_t n, uint8_t ret[24])
{
	if (n != 8 && n != 16 && n != 24)
		return false;
	memcpy(ret, key, 8);
	memcpy(ret + 8, n > 8 ? key + 8 : key, 8);
	memcpy(ret + 16, n > 16 ? key + 16 : key, 8);
	return true;
}

const EVP_MD *crypto_md_of(const struct crypto *c, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < CRYPTO_MDS; i++) {
		if (mds[i].type == type)
			return c->md[i];
	}
	return NULL;
}

/* key_len_ok: the value lengths that a cipher key type has. */
static bool key_len_ok(CK_KEY_TYPE type, size_t n)
{
	switch (type) {
	case CKK_AES:
		return n == 16 || n == 24 || n == 32;
	case CKK_DES:
		return n == 8;
	case CKK_DES2:
		return n == 16;
	case CKK_DES3:
		return n == 24;
	default:
		return false;
	}
}

static CK_RV block_crypt(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool cbc, bool encrypt,
			 const uint8_t *iv, struct view in, uint8_t *out)
{
	SECRET_AUTO des = { 0 };
	EVP_CIPHER_CTX *ctx = NULL;
	const EVP_CIPHER *cipher;
	const uint8_t *k = key.p;
	CK_RV rv = CKR_GENERAL_ERROR;
	int len = 0;

	if (!key_len_ok(type, key.n))
		return CKR_KEY_SIZE_RANGE;
	if (type == CKK_AES) {
		cipher = crypto_aes(c, cbc ? CRYPTO_AES_128_CBC : CRYPTO_AES_128_ECB, key.n);
	} else {
		cipher = c->cipher[cbc ? CRYPTO_DES3_CBC : CRYPTO_DES3_ECB];
		if (!secret_init(&des, 24) || !crypto_des_key(key.p, key.n, des.p))
			return CKR_HOST_MEMORY;
		k = des.p;
	}
	if (in.n > INT32_MAX || in.n % (size_t)EVP_CIPHER_get_block_size(cipher) != 0)
		return CKR_DATA_LEN_RANGE;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CipherInit_ex2(ctx, cipher, k, iv, encrypt, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_CipherUpdate(ctx, out, &len, in.p, (int)in.n) == 1 && (size_t)len == in.n)
		rv = CKR_OK;
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

CK_RV crypto_ecb(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool encrypt, struct view in, uint8_t *out)
{
	return block_crypt(c, type, key, false, encrypt, NULL, in, out);
}

CK_RV crypto_cbc(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool encrypt, const uint8_t *iv,
		 struct view in, uint8_t *out)
{
	return block_crypt(c, type, key, true, encrypt, iv, in, out);
}

static const char *cmac_cipher(CK_KEY_TYPE type, size_t key_len)
{
	if (!key_len_ok(type, key_len))
		return NULL;
	if (type != CKK_AES)
		return cipher_names[CRYPTO_DES3_CBC];
	return cipher_names[CRYPTO_AES_128_CBC + (key_len - 16) / 8];
}

CK_RV crypto_cmac_start(const struct crypto *c, CK_KEY_TYPE type, struct view key, EVP_MAC_CTX **ret)
{
	SECRET_AUTO des = { 0 };
	const char *cipher = cmac_cipher(type, key.n);
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;
	struct view k = key;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	if (type != CKK_AES) {
		if (!secret_init(&des, 24) || !crypto_des_key(key.p, key.n, des.p))
			return CKR_HOST_MEMORY;
		k = VIEW(des.p, 24);
	}
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)cipher, 0);
	params[1] = OSSL_PARAM_construct_end();
	ctx = EVP_MAC_CTX_new(c->cmac);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_MAC_init(ctx, k.p, k.n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return CKR_GENERAL_ERROR;
	}
	*ret = ctx;
	return CKR_OK;
}

CK_RV crypto_cmac(const struct crypto *c, CK_KEY_TYPE type, struct view key, const struct view *parts, size_t count,
		  uint8_t ret_mac[16], size_t *ret_len)
{
	EVP_MAC_CTX *ctx = NULL;
	size_t len = 0;
	CK_RV rv = crypto_cmac_start(c, type, key, &ctx);

	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < count && rv == CKR_OK; i++) {
		if (parts[i].n > 0 && EVP_MAC_update(ctx, parts[i].p, parts[i].n) != 1)
			rv = CKR_GENERAL_ERROR;
	}
	if (rv == CKR_OK && EVP_MAC_final(ctx, ret_mac, &len, 16) != 1)
		rv = CKR_GENERAL_ERROR;
	EVP_MAC_CTX_free(ctx);
	if (rv == CKR_OK)
		*ret_len = len;
	return rv;
}

CK_RV crypto_aes_wrap(const struct crypto *c, struct view key, const uint8_t *iv, bool pad, bool wrap, struct view in,
		      uint8_t *out, size_t *ret_len)
{
	const EVP_CIPHER *cipher = crypto_aes(c, pad ? CRYPTO_AES_128_WRAP_PAD : CRYPTO_AES_128_WRAP, key.n);
	EVP_CIPHER_CTX *ctx;
	CK_RV rv = wrap ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_INVALID;
	int len = 0;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	if (in.n > (1 << 20) || (!pad && (in.n % 8 != 0 || in.n < (wrap ? 16u : 24u))) || in.n == 0)
		return wrap ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_LEN_RANGE;
	if (!wrap && (in.n % 8 != 0 || in.n < 16))
		return CKR_WRAPPED_KEY_LEN_RANGE;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(ctx, cipher, key.p, iv, wrap, NULL) == 1 &&
	    EVP_CipherUpdate(ctx, out, &len, in.p, (int)in.n) == 1 && len > 0) {
		*ret_len = (size_t)len;
		rv = CKR_OK;
	}
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

CK_RV crypto_key_wrap(const struct crypto *c, struct view key, struct view in, uint8_t *out)
{
	size_t len;

	return crypto_aes_wrap(c, key, NULL, false, true, in, out, &len);
}

CK_RV crypto_key_unwrap(const struct crypto *c, struct view key, struct view in, uint8_t *out)
{
	size_t len;
	CK_RV rv = crypto_aes_wrap(c, key, NULL, false, false, in, out, &len);

	return rv == CKR_WRAPPED_KEY_LEN_RANGE ? CKR_WRAPPED_KEY_INVALID : rv;
}
