/* SPDX-License-Identifier: BSD-2-Clause */
#include "seal.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto.h"

#define NONCE_LEN 12
#define TAG_LEN 16

CK_RV seal_kdf(const struct crypto *c, struct view key, struct view salt, const char *info, struct secret *ret)
{
	SECRET_AUTO out = { 0 };
	EVP_KDF *kdf = EVP_KDF_fetch(c->lib, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	CK_RV rv = CKR_HOST_MEMORY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.p, key.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n),
		OSSL_PARAM_construct_end(),
	};

	if (salt.n == 0)
		params[3] = OSSL_PARAM_construct_end();
	if (ctx == NULL || !secret_init(&out, SEAL_KEY_LEN))
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (EVP_KDF_derive(ctx, out.p, SEAL_KEY_LEN, params) != 1)
		goto out;
	out.len = SEAL_KEY_LEN;
	secret_done(ret);
	secret_move(ret, &out);
	rv = CKR_OK;
out:
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rv;
}

CK_RV seal_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view plain,
		 struct buf *out)
{
	uint8_t nonce[NONCE_LEN];
	uint8_t tag[TAG_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *sealed = plain.n > 0 ? OPENSSL_malloc(plain.n) : NULL;
	CK_RV rv = CKR_HOST_MEMORY;
	int n = 0;

	if (ctx == NULL || (plain.n > 0 && sealed == NULL))
		goto out;
	rv = crypto_random(c, nonce, sizeof(nonce));
	if (rv != CKR_OK)
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (EVP_EncryptInit_ex2(ctx, c->cipher[CRYPTO_AES_256_GCM], key, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) != 1 ||
	    (plain.n > 0 && EVP_EncryptUpdate(ctx, sealed, &n, plain.p, (int)plain.n) != 1) ||
	    EVP_EncryptFinal_ex(ctx, tag, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) != 1)
		goto out;
	buf_put(out, nonce, sizeof(nonce));
	buf_put(out, sealed, plain.n);
	buf_put(out, tag, sizeof(tag));
	rv = buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
out:
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_free(sealed);
	return rv;
}

CK_RV open_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view sealed,
		 struct secret *ret)
{
	SECRET_AUTO out = { 0 };
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t tag[TAG_LEN], last[16];
	CK_RV rv = CKR_HOST_MEMORY;
	size_t body;
	int n = 0;

	if (sealed.n < SEAL_OVERHEAD)
		return CKR_ENCRYPTED_DATA_INVALID;
	body = sealed.n - SEAL_OVERHEAD;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL || !secret_init(&out, body > 0 ? body : 1))
		goto out;
	rv = CKR_ENCRYPTED_DATA_INVALID;
	memcpy(tag, sealed.p + sealed.n - TAG_LEN, TAG_LEN);
	if (EVP_DecryptInit_ex2(ctx, c->cipher[CRYPTO_AES_256_GCM], key, sealed.p, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) != 1 ||
	    (body > 0 && EVP_DecryptUpdate(ctx, out.p, &n, sealed.p + NONCE_LEN, (int)body) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_DecryptFinal_ex(ctx, last, &n) != 1)
		goto out;
	out.len = body;
	secret_move(ret, &out);
	rv = CKR_OK;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

CK_RV seal_mac(const struct crypto *c, struct view key, struct view data, uint8_t ret[16])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(c->hmac);
	uint8_t full[32];
	size_t n = 0;
	CK_RV rv = CKR_HOST_MEMORY;

	if (mac != NULL && EVP_MAC_init(mac, key.p, key.n, params) == 1 && EVP_MAC_update(mac, data.p, data.n) == 1 &&
	    EVP_MAC_final(mac, full, &n, sizeof(full)) == 1) {
		memcpy(ret, full, 16);
		rv = CKR_OK;
	}
	EVP_MAC_CTX_free(mac);
	return rv;
}
