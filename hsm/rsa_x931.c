/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsa.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <string.h>

/* Signatures of ANSI X9.31: OpenSSL 3.0 has them for its own hashes only. */

/* pad: 6B BB .. BB BA data CC, a nibble of header short when there is no room for padding. data: at most n - 2 bytes.
 */
static void pad(struct view data, uint8_t *em, size_t n)
{
	size_t fill = n - 2 - data.n;

	em[0] = 0x6a;
	if (fill > 0) {
		em[0] = 0x6b;
		memset(em + 1, 0xbb, fill);
		em[fill] = 0xba;
	}
	memcpy(em + 1 + fill, data.p, data.n);
	em[n - 1] = 0xcc;
}

/* other: n - v, into ret. */
static bool other(EVP_PKEY *pkey, const uint8_t *v, size_t n, uint8_t *ret)
{
	BIGNUM *modulus = NULL, *b = BN_secure_new();
	bool ok = b != NULL && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
		  BN_bin2bn(v, (int)n, b) != NULL && BN_sub(b, modulus, b) == 1 && !BN_is_negative(b) &&
		  BN_bn2binpad(b, ret, (int)n) == (int)n;

	BN_free(modulus);
	BN_clear_free(b);
	return ok;
}

CK_RV rsa_x931_sign(EVP_PKEY *pkey, struct view data, uint8_t *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	uint8_t em[RSA_NUMBER_MAX], negative[RSA_NUMBER_MAX];
	CK_RV rv;

	if (n > sizeof(em) || data.n + 2 > n)
		return CKR_DATA_LEN_RANGE;
	pad(data, em, n);
	rv = rsa_raw(pkey, RSA_PRIVATE, VIEW(em, n), out);
	if (rv != CKR_OK)
		return rv;
	if (!other(pkey, out, n, negative))
		return CKR_FUNCTION_FAILED;
	if (memcmp(negative, out, n) < 0)
		memcpy(out, negative, n);
	return CKR_OK;
}

CK_RV rsa_x931_verify(EVP_PKEY *pkey, struct view data, struct view signature)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	uint8_t em[RSA_NUMBER_MAX], v[RSA_NUMBER_MAX];

	if (n > sizeof(em) || data.n + 2 > n || signature.n != n)
		return CKR_SIGNATURE_INVALID;
	pad(data, em, n);
	if (rsa_raw(pkey, RSA_PUBLIC, signature, v) != CKR_OK)
		return CKR_SIGNATURE_INVALID;
	if ((v[n - 1] & 0x0f) != 0x0c && !other(pkey, v, n, v))
		return CKR_SIGNATURE_INVALID;
	return ct_equal(em, v, n) ? CKR_OK : CKR_SIGNATURE_INVALID;
}
