/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto.h"
#include "secret.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <stdatomic.h>
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
	[CRYPTO_AES_128_CCM] = "AES-128-CCM",
	[CRYPTO_AES_192_CCM] = "AES-192-CCM",
	[CRYPTO_AES_256_CCM] = "AES-256-CCM",
	[CRYPTO_CHACHA20] = "ChaCha20",
	[CRYPTO_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	[CRYPTO_AES_128_WRAP] = "AES-128-WRAP",
	[CRYPTO_AES_192_WRAP] = "AES-192-WRAP",
	[CRYPTO_AES_256_WRAP] = "AES-256-WRAP",
	[CRYPTO_AES_128_WRAP_PAD] = "AES-128-WRAP-PAD",
	[CRYPTO_AES_192_WRAP_PAD] = "AES-192-WRAP-PAD",
	[CRYPTO_AES_256_WRAP_PAD] = "AES-256-WRAP-PAD",
	[CRYPTO_AES_128_OFB] = "AES-128-OFB",
	[CRYPTO_AES_192_OFB] = "AES-192-OFB",
	[CRYPTO_AES_256_OFB] = "AES-256-OFB",
	[CRYPTO_AES_128_CFB1] = "AES-128-CFB1",
	[CRYPTO_AES_192_CFB1] = "AES-192-CFB1",
	[CRYPTO_AES_256_CFB1] = "AES-256-CFB1",
	[CRYPTO_AES_128_CFB8] = "AES-128-CFB8",
	[CRYPTO_AES_192_CFB8] = "AES-192-CFB8",
	[CRYPTO_AES_256_CFB8] = "AES-256-CFB8",
	[CRYPTO_AES_128_CFB128] = "AES-128-CFB",
	[CRYPTO_AES_192_CFB128] = "AES-192-CFB",
	[CRYPTO_AES_256_CFB128] = "AES-256-CFB",
	[CRYPTO_AES_128_CTS] = "AES-128-CBC-CTS",
	[CRYPTO_AES_192_CTS] = "AES-192-CBC-CTS",
	[CRYPTO_AES_256_CTS] = "AES-256-CBC-CTS",
	[CRYPTO_AES_128_XTS] = "AES-128-XTS",
	[CRYPTO_AES_256_XTS] = "AES-256-XTS",
	[CRYPTO_DES3_ECB] = "DES-EDE3",
	[CRYPTO_DES3_CBC] = "DES-EDE3-CBC",
	[CRYPTO_DES3_OFB64] = "DES-EDE3-OFB",
	[CRYPTO_DES3_CFB8] = "DES-EDE3-CFB8",
	[CRYPTO_DES3_CFB64] = "DES-EDE3-CFB",
	[CRYPTO_SM4_ECB] = "SM4-ECB",
	[CRYPTO_SM4_CBC] = "SM4-CBC",
	[CRYPTO_SM4_CTR] = "SM4-CTR",
	[CRYPTO_SM4_GCM] = "SM4-GCM",
};

/* optional: what an OpenSSL may be built without. */
static bool optional(const char *name)
{
	return strncmp(name, "SM", 2) == 0 || strcmp(name, "MD5") == 0;
}

static const struct {
	const char *name;
	CK_MECHANISM_TYPE type;
} mds[CRYPTO_MDS] = {
	[CRYPTO_MD5] = { "MD5", CKM_MD5 },
	[CRYPTO_SHA1] = { "SHA1", CKM_SHA_1 },
	[CRYPTO_SHA224] = { "SHA224", CKM_SHA224 },
	[CRYPTO_SHA256] = { "SHA256", CKM_SHA256 },
	[CRYPTO_SHA384] = { "SHA384", CKM_SHA384 },
	[CRYPTO_SHA512] = { "SHA512", CKM_SHA512 },
	[CRYPTO_SHA512_224] = { "SHA512-224", CKM_SHA512_224 },
	[CRYPTO_SHA512_256] = { "SHA512-256", CKM_SHA512_256 },
	[CRYPTO_SHA3_224] = { "SHA3-224", CKM_SHA3_224 },
	[CRYPTO_SHA3_256] = { "SHA3-256", CKM_SHA3_256 },
	[CRYPTO_SHA3_384] = { "SHA3-384", CKM_SHA3_384 },
	[CRYPTO_SHA3_512] = { "SHA3-512", CKM_SHA3_512 },
	[CRYPTO_SM3] = { "SM3", CKM_SR_SM3 },
};

/*
 * The library context of OpenSSL outlives the module: it has a state for each thread that used it, which OpenSSL looks
 * for in the context when the thread ends, be that after C_Finalize. The next C_Initialize takes it again.
 */
static _Atomic(OSSL_LIB_CTX *) kept;

CK_RV crypto_new(struct crypto **ret)
{
	struct crypto *c = calloc(1, sizeof(*c));
	CK_RV rv = CKR_GENERAL_ERROR;

	if (c == NULL)
		return CKR_HOST_MEMORY;
	/* The first call decides for good: no configuration file, nothing at exit. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
		goto out;
	c->lib = atomic_exchange(&kept, NULL);
	if (c->lib == NULL)
		c->lib = OSSL_LIB_CTX_new();
	if (c->lib == NULL) {
		rv = CKR_HOST_MEMORY;
		goto out;
	}
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++) {
		c->cipher[i] = EVP_CIPHER_fetch(c->lib, cipher_names[i], NULL);
		if (c->cipher[i] == NULL && !optional(cipher_names[i]))
			goto out;
	}
	for (size_t i = 0; i < CRYPTO_MDS; i++) {
		c->md[i] = EVP_MD_fetch(c->lib, mds[i].name, NULL);
		if (c->md[i] == NULL && !optional(mds[i].name))
			goto out;
	}
	c->hmac = EVP_MAC_fetch(c->lib, "HMAC", NULL);
	c->cmac = EVP_MAC_fetch(c->lib, "CMAC", NULL);
	c->gmac = EVP_MAC_fetch(c->lib, "GMAC", NULL);
	c->poly1305 = EVP_MAC_fetch(c->lib, "POLY1305", NULL);
	if (c->hmac == NULL || c->cmac == NULL || c->gmac == NULL || c->poly1305 == NULL)
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
	EVP_MAC_free(c->poly1305);
	EVP_MAC_free(c->gmac);
	EVP_MAC_free(c->cmac);
	EVP_MAC_free(c->hmac);
	for (size_t i = 0; i < CRYPTO_MDS; i++)
		EVP_MD_free(c->md[i]);
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++)
		EVP_CIPHER_free(c->cipher[i]);
	OSSL_LIB_CTX_free(atomic_exchange(&kept, c->lib));
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
	for (size_t i = CRYPTO_SHA1; i <= CRYPTO_SHA3_512; i++) {
		if (mds[i].type == type)
			return c->md[i];
	}
	return NULL;
}

/* The ciphers behind the cipher key types; AES: the 128-bit member. */
static const struct block_type {
	CK_KEY_TYPE type;
	size_t block, min, max;
	enum crypto_cipher ecb, cbc;
	bool des;
} block_types[] = {
	{ CKK_AES, 16, 16, 32, CRYPTO_AES_128_ECB, CRYPTO_AES_128_CBC, false },
	{ CKK_DES, 8, 8, 8, CRYPTO_DES3_ECB, CRYPTO_DES3_CBC, true },
	{ CKK_DES2, 8, 16, 16, CRYPTO_DES3_ECB, CRYPTO_DES3_CBC, true },
	{ CKK_DES3, 8, 24, 24, CRYPTO_DES3_ECB, CRYPTO_DES3_CBC, true },
	{ CKK_SR_SM4, 16, 16, 16, CRYPTO_SM4_ECB, CRYPTO_SM4_CBC, false },
};

static const struct block_type *block_type(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(block_types); i++) {
		if (block_types[i].type == type)
			return &block_types[i];
	}
	return NULL;
}

size_t crypto_block(CK_KEY_TYPE type)
{
	const struct block_type *t = block_type(type);

	return t == NULL ? 0 : t->block;
}

/* block_cipher: NULL for a length that the type does not have, and for what this OpenSSL has not. */
static const EVP_CIPHER *block_cipher(const struct crypto *c, CK_KEY_TYPE type, size_t key_len, bool cbc)
{
	const struct block_type *t = block_type(type);
	enum crypto_cipher first;

	if (t == NULL || key_len < t->min || key_len > t->max)
		return NULL;
	first = cbc ? t->cbc : t->ecb;
	return type == CKK_AES ? crypto_aes(c, first, key_len) : c->cipher[first];
}

static CK_RV block_crypt(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool cbc, bool encrypt,
			 const uint8_t *iv, struct view in, uint8_t *out)
{
	SECRET_AUTO des = { 0 };
	EVP_CIPHER_CTX *ctx = NULL;
	const EVP_CIPHER *cipher = block_cipher(c, type, key.n, cbc);
	const uint8_t *k = key.p;
	CK_RV rv = CKR_GENERAL_ERROR;
	int len = 0;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	if (block_type(type)->des) {
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

CK_RV crypto_cmac_start(const struct crypto *c, CK_KEY_TYPE type, struct view key, EVP_MAC_CTX **ret)
{
	SECRET_AUTO des = { 0 };
	const EVP_CIPHER *cipher = block_cipher(c, type, key.n, true);
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;
	struct view k = key;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	if (block_type(type)->des) {
		if (!secret_init(&des, 24) || !crypto_des_key(key.p, key.n, des.p))
			return CKR_HOST_MEMORY;
		k = VIEW(des.p, 24);
	}
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)EVP_CIPHER_get0_name(cipher), 0);
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

CK_RV crypto_wrap_start(const struct crypto *c, struct view key, const uint8_t *iv, bool pad, bool wrap,
			EVP_CIPHER_CTX **ret)
{
	const EVP_CIPHER *cipher = crypto_aes(c, pad ? CRYPTO_AES_128_WRAP_PAD : CRYPTO_AES_128_WRAP, key.n);
	EVP_CIPHER_CTX *ctx;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(ctx, cipher, key.p, iv, wrap, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return CKR_GENERAL_ERROR;
	}
	*ret = ctx;
	return CKR_OK;
}

CK_RV crypto_wrap_run(EVP_CIPHER_CTX *ctx, bool pad, bool wrap, struct view in, uint8_t *out, size_t *ret_len)
{
	int len = 0;

	if (in.n > (1 << 20) || (!pad && (in.n % 8 != 0 || in.n < (wrap ? 16u : 24u))) || in.n == 0)
		return wrap ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_LEN_RANGE;
	if (!wrap && (in.n % 8 != 0 || in.n < 16))
		return CKR_WRAPPED_KEY_LEN_RANGE;
	if (EVP_CipherUpdate(ctx, out, &len, in.p, (int)in.n) != 1 || len <= 0)
		return wrap ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_INVALID;
	*ret_len = (size_t)len;
	return CKR_OK;
}

CK_RV crypto_aes_wrap(const struct crypto *c, struct view key, const uint8_t *iv, bool pad, bool wrap, struct view in,
		      uint8_t *out, size_t *ret_len)
{
	EVP_CIPHER_CTX *ctx = NULL;
	CK_RV rv = crypto_wrap_start(c, key, iv, pad, wrap, &ctx);

	if (rv == CKR_OK)
		rv = crypto_wrap_run(ctx, pad, wrap, in, out, ret_len);
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
