/* SPDX-License-Identifier: BSD-2-Clause */
#include "check_value.h"
#include "crypto.h"
#include <string.h>

static const uint8_t zeros[16];

static CK_RV sha1_prefix(const struct crypto *c, struct view v, uint8_t ret[CHECK_VALUE_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(v.p, v.n, digest, NULL, c->md[CRYPTO_SHA1], NULL) != 1)
		return CKR_GENERAL_ERROR;
	memcpy(ret, digest, CHECK_VALUE_LEN);
	return CKR_OK;
}

static CK_RV ecb_prefix(const struct crypto *c, CK_KEY_TYPE type, struct view key, uint8_t ret[CHECK_VALUE_LEN])
{
	uint8_t block[16];
	CK_RV rv = crypto_ecb(c, type, key, true, VIEW(zeros, crypto_block(type)), block);

	if (rv == CKR_OK)
		memcpy(ret, block, CHECK_VALUE_LEN);
	return rv;
}

/* xts_prefix: XTS of a zero block under a zero tweak: the other half of the key counts, too. */
static CK_RV xts_prefix(const struct crypto *c, struct view key, uint8_t ret[CHECK_VALUE_LEN])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t block[16];
	CK_RV rv = CKR_GENERAL_ERROR;
	int len = 0;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_EncryptInit_ex2(ctx, c->cipher[key.n == 32 ? CRYPTO_AES_128_XTS : CRYPTO_AES_256_XTS], key.p, zeros,
				NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, block, &len, zeros, sizeof(block)) == 1 && len == sizeof(block)) {
		memcpy(ret, block, CHECK_VALUE_LEN);
		rv = CKR_OK;
	}
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

CK_RV check_value_pkcs11(const struct crypto *c, CK_KEY_TYPE type, struct view key, uint8_t ret[CHECK_VALUE_LEN])
{
	switch (type) {
	case CKK_AES:
	case CKK_DES:
	case CKK_DES2:
	case CKK_DES3:
	case CKK_SR_SM4:
		return ecb_prefix(c, type, key, ret);
	case CKK_AES_XTS:
		return xts_prefix(c, key, ret);
	default:
		return sha1_prefix(c, key, ret);
	}
}

CK_RV check_value_payment(const struct crypto *c, CK_KEY_TYPE type, struct view key, uint8_t *ret_method,
			  uint8_t ret[CHECK_VALUE_LEN])
{
	uint8_t mac[16];
	size_t len;
	CK_RV rv;

	switch (type) {
	case CKK_DES:
	case CKK_DES2:
	case CKK_DES3:
		rv = ecb_prefix(c, type, key, ret);
		if (rv == CKR_OK)
			*ret_method = 1;
		return rv;
	case CKK_AES:
		rv = crypto_cmac(c, type, key, &VIEW(zeros, 16), 1, mac, &len);
		if (rv == CKR_OK) {
			memcpy(ret, mac, CHECK_VALUE_LEN);
			*ret_method = 2;
		}
		return rv;
	default:
		return CKR_KEY_TYPE_INCONSISTENT;
	}
}

CK_RV check_value_certificate(const struct crypto *c, struct view der, uint8_t ret[CHECK_VALUE_LEN])
{
	return sha1_prefix(c, der, ret);
}
