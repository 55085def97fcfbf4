/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

/* RSA through the module against OpenSSL with the public key alone: both ways round, so that neither checks itself. */

static uint8_t text[300] = "the attack is at dawn";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* outside: the public key of an object as OpenSSL has it. */
static EVP_PKEY *outside(CK_OBJECT_HANDLE public)
{
	uint8_t n[512], e[8];
	CK_ATTRIBUTE t[] = { { CKA_MODULUS, n, sizeof(n) }, { CKA_PUBLIC_EXPONENT, e, sizeof(e) } };
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	BIGNUM *bn, *be;

	OK(ck->C_GetAttributeValue(mk_session, public, t, 2));
	bn = BN_bin2bn(n, (int)t[0].ulValueLen, NULL);
	be = BN_bin2bn(e, (int)t[1].ulValueLen, NULL);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be);
	params = OSSL_PARAM_BLD_to_param(b);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(bn);
	BN_free(be);
	return pkey;
}

static const struct scheme {
	CK_MECHANISM_TYPE type;
	const char *md;
	CK_RSA_PKCS_PSS_PARAMS pss; /* s_len 0 with hash_alg 0: PKCS#1 v1.5 */
} schemes[] = {
	{ CKM_SHA1_RSA_PKCS, "SHA1", { 0, 0, 0 } },
	{ CKM_SHA224_RSA_PKCS, "SHA224", { 0, 0, 0 } },
	{ CKM_SHA256_RSA_PKCS, "SHA256", { 0, 0, 0 } },
	{ CKM_SHA384_RSA_PKCS, "SHA384", { 0, 0, 0 } },
	{ CKM_SHA512_RSA_PKCS, "SHA512", { 0, 0, 0 } },
	{ CKM_SHA1_RSA_PKCS_PSS, "SHA1", { CKM_SHA_1, CKG_MGF1_SHA1, 20 } },
	{ CKM_SHA224_RSA_PKCS_PSS, "SHA224", { CKM_SHA224, CKG_MGF1_SHA224, 28 } },
	{ CKM_SHA256_RSA_PKCS_PSS, "SHA256", { CKM_SHA256, CKG_MGF1_SHA256, 32 } },
	{ CKM_SHA256_RSA_PKCS_PSS, "SHA256", { CKM_SHA256, CKG_MGF1_SHA256, 0 } },
	{ CKM_SHA384_RSA_PKCS_PSS, "SHA384", { CKM_SHA384, CKG_MGF1_SHA384, 48 } },
	{ CKM_SHA512_RSA_PKCS_PSS, "SHA512", { CKM_SHA512, CKG_MGF1_SHA512, 64 } },
};

static CK_MECHANISM mechanism_of(const struct scheme *s, CK_MECHANISM_TYPE type)
{
	return s->pss.hash_alg == 0 ? (CK_MECHANISM){ type, NULL, 0 }
				    : (CK_MECHANISM){ type, (void *)(uintptr_t)&s->pss, sizeof(s->pss) };
}

static int verify_outside(EVP_PKEY *pkey, const struct scheme *s, struct view data, struct view signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int ok;

	ck_assert_int_eq(EVP_DigestVerifyInit_ex(ctx, &pctx, s->md, NULL, NULL, pkey, NULL), 1);
	if (s->pss.hash_alg != 0) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, (int)s->pss.s_len);
	}
	ok = EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, uint8_t *data, CK_ULONG n, uint8_t *signature, CK_ULONG len)
{
	OK(ck->C_VerifyInit(mk_session, m, key));
	return ck->C_Verify(mk_session, data, n, signature, len);
}

START_TEST(signatures_hold_outside) /* R6.5 */
{
	CK_OBJECT_HANDLE public, private;
	uint8_t a[512], b[512];
	CK_ULONG len = 0;
	EVP_PKEY *pkey;

	mk_pair(&public, &private);
	pkey = outside(public);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const struct scheme *s = &schemes[i];
		CK_MECHANISM m = mechanism_of(s, s->type);

		OK(mk_init(CKF_SIGN, &m, private));
		OK(mk_single(CKF_SIGN, VIEW(text, sizeof(text)), NULL, &len));
		ck_assert_uint_eq(len, 256);
		len = 255;
		IS(mk_single(CKF_SIGN, VIEW(text, sizeof(text)), a, &len), CKR_BUFFER_TOO_SMALL);
		OK(mk_single(CKF_SIGN, VIEW(text, sizeof(text)), a, &len));
		ck_assert_int_eq(verify_outside(pkey, s, VIEW(text, sizeof(text)), VIEW(a, len)), 1);
		OK(verify(&m, public, text, sizeof(text), a, len));
		OK(mk_init(CKF_SIGN, &m, private));
		for (size_t at = 0; at < sizeof(text); at += 100)
			OK(mk_update(CKF_SIGN, VIEW(text + at, 100), NULL, &len));
		len = sizeof(b);
		OK(mk_final(CKF_SIGN, b, &len));
		OK(verify(&m, public, text, sizeof(text), b, len));
		ck_assert(s->pss.s_len > 0 || memcmp(a, b, len) == 0);
		for (size_t at = 0; at < len; at += 31) {
			b[at] ^= 4;
			IS(verify(&m, public, text, sizeof(text), b, len), CKR_SIGNATURE_INVALID);
			b[at] ^= 4;
		}
		IS(verify(&m, public, text, sizeof(text) - 1, b, len), CKR_SIGNATURE_INVALID);
		IS(verify(&m, public, text, sizeof(text), b, len - 1), CKR_SIGNATURE_LEN_RANGE);
		IS(verify(&m, public, text, sizeof(text), b, len + 1), CKR_SIGNATURE_LEN_RANGE);
	}
	EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(hash_made_by_the_caller)
{
	static const uint8_t sha256_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	const struct scheme v15 = { CKM_RSA_PKCS, "SHA256", { 0, 0, 0 } };
	const struct scheme pss = { CKM_RSA_PKCS_PSS, "SHA256", { CKM_SHA256, CKG_MGF1_SHA256, 32 } };
	CK_MECHANISM m15 = mechanism_of(&v15, v15.type), mpss = mechanism_of(&pss, pss.type);
	CK_OBJECT_HANDLE public, private;
	uint8_t info[sizeof(sha256_info) + 32], out[256];
	CK_ULONG len = sizeof(out);
	EVP_PKEY *pkey;

	mk_pair(&public, &private);
	pkey = outside(public);
	memcpy(info, sha256_info, sizeof(sha256_info));
	EVP_Digest(text, sizeof(text), info + sizeof(sha256_info), NULL, EVP_sha256(), NULL);
	OK(mk_init(CKF_SIGN, &m15, private));
	OK(mk_single(CKF_SIGN, VIEW(info, sizeof(info)), out, &len));
	ck_assert_int_eq(verify_outside(pkey, &v15, VIEW(text, sizeof(text)), VIEW(out, len)), 1);
	OK(verify(&m15, public, info, sizeof(info), out, len));
	OK(mk_init(CKF_SIGN, &m15, private));
	IS(mk_single(CKF_SIGN, VIEW(text, 246), out, &len), CKR_DATA_LEN_RANGE);
	OK(mk_init(CKF_SIGN, &m15, private));
	IS(mk_update(CKF_SIGN, VIEW(text, 1), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	len = sizeof(out);
	IS(mk_single(CKF_SIGN, VIEW(text, 1), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(mk_init(CKF_SIGN, &mpss, private));
	OK(mk_single(CKF_SIGN, VIEW(info + sizeof(sha256_info), 32), out, &len));
	ck_assert_int_eq(verify_outside(pkey, &pss, VIEW(text, sizeof(text)), VIEW(out, len)), 1);
	OK(mk_init(CKF_SIGN, &mpss, private));
	IS(mk_single(CKF_SIGN, VIEW(text, 31), out, &len), CKR_DATA_LEN_RANGE);
	EVP_PKEY_free(pkey);
}
END_TEST

static const struct {
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	const EVP_MD *(*md)(void);
} oaeps[] = {
	{ CKM_SHA_1, CKG_MGF1_SHA1, EVP_sha1 },      { CKM_SHA224, CKG_MGF1_SHA224, EVP_sha224 },
	{ CKM_SHA256, CKG_MGF1_SHA256, EVP_sha256 }, { CKM_SHA384, CKG_MGF1_SHA384, EVP_sha384 },
	{ CKM_SHA512, CKG_MGF1_SHA512, EVP_sha512 },
};

static void encrypt_outside(EVP_PKEY *pkey, const EVP_MD *md, struct view label, struct view in, uint8_t *out,
			    size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md), 1);
	if (label.n > 0)
		ck_assert_int_eq(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup(label.p, label.n), (int)label.n),
				 1);
	ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, n, in.p, in.n), 1);
	EVP_PKEY_CTX_free(ctx);
}

START_TEST(oaep_with_every_hash_and_label) /* R1.4 */
{
	CK_OBJECT_HANDLE public, private;
	uint8_t sealed[256], plain[256];
	EVP_PKEY *pkey;

	mk_pair(&public, &private);
	pkey = outside(public);
	for (size_t i = 0; i < 2 * ARRAY_LEN(oaeps); i++) {
		size_t k = i / 2, label = i % 2 == 0 ? 0 : 13, n = sizeof(sealed);
		CK_RSA_PKCS_OAEP_PARAMS p = { oaeps[k].hash, oaeps[k].mgf, CKZ_DATA_SPECIFIED, text, label }, other = p;
		CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
		CK_MECHANISM wrong = { CKM_RSA_PKCS_OAEP, &other, sizeof(other) };
		CK_ULONG len = 0, most;

		encrypt_outside(pkey, oaeps[k].md(), VIEW(text, label), VIEW(text, 16), sealed, &n);
		OK(mk_init(CKF_DECRYPT, &m, private));
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, n), NULL, &len));
		most = len;
		len = 15;
		IS(mk_single(CKF_DECRYPT, VIEW(sealed, n), plain, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(len, 16);
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, n), plain, &len));
		ck_assert(len == 16 && memcmp(plain, text, 16) == 0);
		/* the longest message, and one byte more */
		len = sizeof(sealed) - 1;
		OK(mk_init(CKF_ENCRYPT, &m, public));
		IS(mk_single(CKF_ENCRYPT, VIEW(text, most), sealed, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(len, sizeof(sealed));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, most), sealed, &len));
		OK(mk_init(CKF_DECRYPT, &m, private));
		len = most;
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, 256), plain, &len));
		ck_assert(len == most && memcmp(plain, text, most) == 0);
		OK(mk_init(CKF_ENCRYPT, &m, public));
		len = sizeof(sealed);
		IS(mk_single(CKF_ENCRYPT, VIEW(text, most + 1), plain, &len), CKR_DATA_LEN_RANGE);
		/* another label, a changed byte, another length: one error each */
		other.source_data_len = label + 1;
		OK(mk_init(CKF_DECRYPT, &wrong, private));
		len = sizeof(plain);
		IS(mk_single(CKF_DECRYPT, VIEW(sealed, 256), plain, &len), CKR_ENCRYPTED_DATA_INVALID);
		sealed[100] ^= 1;
		OK(mk_init(CKF_DECRYPT, &m, private));
		IS(mk_single(CKF_DECRYPT, VIEW(sealed, 256), plain, &len), CKR_ENCRYPTED_DATA_INVALID);
		OK(mk_init(CKF_DECRYPT, &m, private));
		IS(mk_single(CKF_DECRYPT, VIEW(sealed, 255), plain, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
		OK(mk_init(CKF_DECRYPT, &m, private));
		IS(mk_update(CKF_DECRYPT, VIEW(sealed, 255), plain, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
	EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(oaep_carries_secret_keys)
{
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
	CK_OBJECT_HANDLE public, private, key, back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_DES3;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	uint8_t wrapped[256], a[64], b[64];
	CK_ULONG len = 0;

	mk_pair(&public, &private);
	key = mk_secret(CKK_DES3, VIEW(text, 24), 0);
	OK(ck->C_WrapKey(mk_session, &m, public, key, NULL, &len));
	ck_assert_uint_eq(len, 256);
	OK(ck->C_WrapKey(mk_session, &m, public, key, wrapped, &len));
	OK(ck->C_UnwrapKey(mk_session, &m, private, wrapped, len, t, ARRAY_LEN(t), &back));
	ck_assert(view_equal(mk_value(key, a, sizeof(a)), mk_value(back, b, sizeof(b))));
	IS(ck->C_UnwrapKey(mk_session, &m, private, wrapped, 255, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_LEN_RANGE);
	type = CKK_AES; /* 24 bytes are an AES key as well, 24 bytes are no DES2 key */
	OK(ck->C_UnwrapKey(mk_session, &m, private, wrapped, len, t, ARRAY_LEN(t), &back));
	type = CKK_DES2;
	IS(ck->C_UnwrapKey(mk_session, &m, private, wrapped, len, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_INVALID);
	wrapped[7] ^= 1;
	type = CKK_DES3;
	IS(ck->C_UnwrapKey(mk_session, &m, private, wrapped, len, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_INVALID);
	IS(ck->C_WrapKey(mk_session, &m, public, private, NULL, &len), CKR_KEY_NOT_WRAPPABLE);
	mk_destroy(key);
	key = mk_secret(CKK_GENERIC_SECRET, VIEW(text, 191), 0); /* 190 would fit */
	IS(ck->C_WrapKey(mk_session, &m, public, key, wrapped, &len), CKR_KEY_SIZE_RANGE);
	mk_destroy(key);
}
END_TEST

/* An RSA private key leaves as PKCS#8 under AES and comes back as the same key. */
START_TEST(private_key_travels_as_pkcs8)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKM_AES_CBC_PAD };
	CK_OBJECT_HANDLE public, private, kek = mk_secret(CKK_AES, VIEW(text, 32), CKF_WRAP | CKF_UNWRAP), back = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SIGN, &yes, 1 } };
	uint8_t wrapped[2048], iv[16] = { 9 }, a[256], b[256];
	CK_MECHANISM sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_ULONG len, signature_len;

	mk_pair(&public, &private);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CK_MECHANISM m = { types[i], i == 2 ? iv : NULL, i == 2 ? 16 : 0 };

		len = sizeof(wrapped);
		OK(ck->C_WrapKey(mk_session, &m, kek, private, wrapped, &len));
		ck_assert_uint_gt(len, 1150);
		OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, ARRAY_LEN(t), &back));
		for (unsigned n = 0; n < 2; n++) {
			signature_len = 256;
			OK(mk_init(CKF_SIGN, &sign, n == 0 ? private : back));
			OK(mk_single(CKF_SIGN, VIEW(text, 100), n == 0 ? a : b, &signature_len));
		}
		ck_assert(memcmp(a, b, 256) == 0);
		wrapped[len / 2] ^= 1;
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_INVALID);
		mk_destroy(back);
	}
	mk_destroy(kek);
}
END_TEST

START_TEST(pair_has_its_attributes)
{
	static const CK_ULONG sizes[] = { 2048, 3072 };
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	uint8_t e[] = { 1, 0, 1 }, n[512];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CK_ULONG bits = sizes[i], mechanism = 0;
		CK_BBOOL local = CK_FALSE, always = CK_FALSE;
		CK_ATTRIBUTE public_t[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_PUBLIC_EXPONENT, e, 3 } };
		CK_ATTRIBUTE private_t[] = { { CKA_SENSITIVE, &yes, 1 } };
		CK_ATTRIBUTE got[] = { { CKA_LOCAL, &local, 1 },
				       { CKA_KEY_GEN_MECHANISM, &mechanism, sizeof(mechanism) },
				       { CKA_MODULUS, n, sizeof(n) } };
		CK_ATTRIBUTE secret = { CKA_PRIVATE_EXPONENT, n, sizeof(n) };
		CK_ATTRIBUTE was = { CKA_ALWAYS_SENSITIVE, &always, 1 };
		CK_OBJECT_HANDLE public = 0, private = 0;

		OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, 2, private_t, 1, &public, &private));
		for (unsigned k = 0; k < 2; k++) {
			got[2].ulValueLen = sizeof(n);
			OK(ck->C_GetAttributeValue(mk_session, k == 0 ? public : private, got, 3));
			ck_assert(local == CK_TRUE && mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN);
			ck_assert_uint_eq(got[2].ulValueLen, bits / 8);
			ck_assert(n[0] & 0x80);
		}
		IS(ck->C_GetAttributeValue(mk_session, private, &secret, 1), CKR_ATTRIBUTE_SENSITIVE);
		OK(ck->C_GetAttributeValue(mk_session, private, &was, 1));
		ck_assert(always == CK_TRUE);
		OK(ck->C_DestroyObject(mk_session, public));
		OK(ck->C_DestroyObject(mk_session, private));
	}
}
END_TEST

START_TEST(pair_of_a_bad_template_is_refused)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG good = 2048, sizes[] = { 0, 512, 1016, 2049, 8200, 16384 };
	uint8_t three[] = { 3 }, even[] = { 1, 0, 2 }, empty[1] = { 0 };
	CK_ATTRIBUTE exponents[] = { { CKA_PUBLIC_EXPONENT, three, 1 },
				     { CKA_PUBLIC_EXPONENT, even, 3 },
				     { CKA_PUBLIC_EXPONENT, empty, 0 } };
	CK_OBJECT_HANDLE public = 4711, private = 4711;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CK_ATTRIBUTE t[] = { { CKA_MODULUS_BITS, &sizes[i], sizeof(CK_ULONG) } };

		IS(ck->C_GenerateKeyPair(mk_session, &m, t, 1, NULL, 0, &public, &private), CKR_KEY_SIZE_RANGE);
	}
	for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
		CK_ATTRIBUTE t[] = { { CKA_MODULUS_BITS, &good, sizeof(good) }, exponents[i] };

		IS(ck->C_GenerateKeyPair(mk_session, &m, t, 2, NULL, 0, &public, &private),
		   CKR_ATTRIBUTE_VALUE_INVALID);
	}
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 0, NULL, 0, &public, &private), CKR_TEMPLATE_INCOMPLETE);
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 1, NULL, 0, &public, &private), CKR_ARGUMENTS_BAD);
	IS(ck->C_GenerateKeyPair(mk_session, NULL, NULL, 0, NULL, 0, &public, &private), CKR_ARGUMENTS_BAD);
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 0, NULL, 0, NULL, &private), CKR_ARGUMENTS_BAD);
	ck_assert(public == 4711 && private == 4711);
}
END_TEST

/* Numbers that are no RSA key do not "encrypt"; an imported public key does what the generated one does. */
START_TEST(created_public_key)
{
	uint8_t n[256], bad[256], e[3] = { 1, 0, 1 }, one = 1, out[256];
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_ENCRYPT, &yes, 1 },
			     { CKA_MODULUS, n, sizeof(n) },
			     { CKA_PUBLIC_EXPONENT, e, sizeof(e) } };
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
	CK_OBJECT_HANDLE public, private, key = 0;
	CK_ULONG len = sizeof(out);

	mk_pair(&public, &private);
	OK(ck->C_GetAttributeValue(mk_session, public, &t[3], 1));
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	OK(mk_init(CKF_ENCRYPT, &m, key));
	OK(mk_single(CKF_ENCRYPT, VIEW(text, 16), out, &len));
	OK(mk_init(CKF_DECRYPT, &m, private));
	OK(mk_single(CKF_DECRYPT, VIEW(out, 256), out, &len));
	ck_assert(len == 16 && memcmp(out, text, 16) == 0);
	OK(ck->C_DestroyObject(mk_session, key));
	for (unsigned i = 0; i < 2; i++) {
		CK_RV rv;

		memcpy(bad, n, sizeof(bad));
		bad[255] &= i == 0 ? 0xfe : 0xff;
		t[3].pValue = bad;
		t[4] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, i == 1 ? &one : e, i == 1 ? 1 : 3 };
		rv = ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key);
		if (rv != CKR_OK)
			continue; /* refused even earlier */
		rv = mk_init(CKF_ENCRYPT, &m, key);
		ck_assert(rv == CKR_GENERAL_ERROR || rv == CKR_KEY_SIZE_RANGE);
		OK(ck->C_DestroyObject(mk_session, key));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("RSA");
	TCase *c = tcase_create("rsa");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, signatures_hold_outside);
	tcase_add_test(c, hash_made_by_the_caller);
	tcase_add_test(c, oaep_with_every_hash_and_label);
	tcase_add_test(c, oaep_carries_secret_keys);
	tcase_add_test(c, private_key_travels_as_pkcs8);
	tcase_add_test(c, pair_has_its_attributes);
	tcase_add_test(c, pair_of_a_bad_template_is_refused);
	tcase_add_test(c, created_public_key);
	suite_add_tcase(s, c);
	return mk_main(s);
}
