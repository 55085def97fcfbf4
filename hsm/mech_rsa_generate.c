/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "rsa.h"
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

/* Generation of RSA pairs. From 2048 bits on OpenSSL makes the primes as FIPS 186-4, B.3.6, and ANSI X9.31 want them.
 */

/* Exponents above 65536 and odd, as FIPS 186-4 wants them; at most 32 bytes. */
static CK_RV exponent_of(const CK_ATTRIBUTE *t, CK_ULONG n, BIGNUM **ret)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	const CK_ATTRIBUTE *asked = template_find(t, n, CKA_PUBLIC_EXPONENT);
	struct view v = asked == NULL ? VIEW(f4, sizeof(f4)) : VIEW(asked->pValue, asked->ulValueLen);
	BIGNUM *e;

	if (v.p == NULL || v.n == 0 || v.n > 32)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	e = BN_bin2bn(v.p, (int)v.n, NULL);
	if (e == NULL)
		return CKR_HOST_MEMORY;
	if (!BN_is_odd(e) || BN_num_bits(e) < 17) {
		BN_free(e);
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	*ret = e;
	return CKR_OK;
}

static CK_RV rsa_new(CK_ULONG bits, BIGNUM *e, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 && EVP_PKEY_generate(ctx, &pkey) == 1) {
		*ret = pkey;
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

/* pair_size: what the template of the public key asks for. */
static CK_RV pair_size(const struct mech_row *row, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *ret_bits)
{
	CK_ULONG bits = 0;

	if (template_find(t, n, CKA_MODULUS_BITS) == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!template_ulong(t, n, CKA_MODULUS_BITS, &bits))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (bits < row->key_min || bits > row->key_max || bits % 8 != 0)
		return CKR_KEY_SIZE_RANGE;
	*ret_bits = bits;
	return CKR_OK;
}

static CK_RV rsa_generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			  const CK_ATTRIBUTE *public_t, CK_ULONG public_n, const CK_ATTRIBUTE *private_t,
			  CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	struct object *pair[2] = { NULL, NULL };
	EVP_PKEY *pkey = NULL;
	BIGNUM *e = NULL;
	CK_ULONG bits = 0;
	CK_RV rv = pair_size(row, public_t, public_n, &bits);

	if (rv == CKR_OK)
		rv = exponent_of(public_t, public_n, &e);
	if (rv == CKR_OK && rsa_exponent_long(bits, (CK_ULONG)BN_num_bits(e)))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv == CKR_OK)
		rv = mech_pair_begin(s, row, CKK_RSA, public_t, public_n, private_t, private_n, pair);
	if (rv == CKR_OK)
		rv = rsa_new(bits, e, &pkey);
	if (rv == CKR_OK)
		rv = mech_pair_end(s, pair, pkey, ret_public, ret_private);
	mech_pair_done(pair);
	EVP_PKEY_free(pkey);
	BN_free(e);
	return rv;
}

const struct mech_ops rsa_generate_ops = {
	.generate_pair = rsa_generate,
};
