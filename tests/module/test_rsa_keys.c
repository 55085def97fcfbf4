/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include "rsa.h"
#include <string.h>

/* RSA keys of any numbers, paddings that are wrong, recovery, and keys that RSA carries. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t text[300] = "the attack is at dawn";

/* The numbers of one generated key, so that tests can leave some out and change others. */
static struct numbers {
	uint8_t p[8][256];
	CK_ATTRIBUTE t[8];
	CK_OBJECT_HANDLE public, private;
} full;

static const CK_ATTRIBUTE_TYPE types[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
					   CKA_PRIME_2, CKA_EXPONENT_1,      CKA_EXPONENT_2,       CKA_COEFFICIENT };

static void generate(void)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 1024;
	CK_ATTRIBUTE public_t[8] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE private_t[8] = { { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_FLAGS uses = CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER |
			CKF_WRAP | CKF_UNWRAP;

	if (full.private != 0)
		return;
	OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, pair_usages(public_t, 1, CKO_PUBLIC_KEY, uses), private_t,
				 pair_usages(private_t, 2, CKO_PRIVATE_KEY, uses), &full.public, &full.private));
	for (size_t i = 0; i < 8; i++)
		full.t[i] = (CK_ATTRIBUTE){ types[i], full.p[i], sizeof(full.p[i]) };
	OK(ck->C_GetAttributeValue(mk_session, full.private, full.t, 8));
}

/* create: a private key of the numbers whose bits are set. */
static CK_RV create(unsigned which, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE t[24] = { { CKA_CLASS, &class, sizeof(class) },
			       { CKA_KEY_TYPE, &type, sizeof(type) },
			       { CKA_SENSITIVE, &no, 1 },
			       { CKA_EXTRACTABLE, &yes, 1 },
			       { CKA_SIGN, &yes, 1 } };
	CK_ULONG n = 5;

	for (unsigned i = 0; i < 8; i++)
		if (which & (1u << i))
			t[n++] = full.t[i];
	return ck->C_CreateObject(mk_session, t, n, ret);
}

enum { N = 1, E = 2, D = 4, P = 8, Q = 16, DP = 32, DQ = 64, QI = 128 };

START_TEST(key_of_some_numbers_has_them_all)
{
	static const unsigned sets[] = {
		N | D,         N | E | D,         N | E | D | P,          N | E | D | Q,
		N | D | P | Q, N | E | D | P | Q, N | E | D | P | Q | DP, N | E | D | DP | DQ | QI | P | Q,
	};
	CK_MECHANISM sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	uint8_t want[256], out[256], got[8][256];
	CK_ULONG len = sizeof(want);

	generate();
	OK(mk_init(CKF_SIGN, &sign, full.private));
	OK(mk_single(CKF_SIGN, VIEW(text, 99), want, &len));
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		CK_OBJECT_HANDLE key = 0;
		CK_ATTRIBUTE t[8];
		bool swapped;

		OK(create(sets[i], &key));
		len = sizeof(out);
		OK(mk_init(CKF_SIGN, &sign, key));
		OK(mk_single(CKF_SIGN, VIEW(text, 99), out, &len));
		ck_assert(memcmp(out, want, len) == 0);
		for (size_t k = 0; k < 8; k++)
			t[k] = (CK_ATTRIBUTE){ types[k], got[k], sizeof(got[k]) };
		OK(ck->C_GetAttributeValue(mk_session, key, t, 8));
		swapped = memcmp(got[3], full.p[3], 64) != 0;
		for (size_t k = 0; k < 5; k++) {
			size_t other = swapped && k >= 3 ? 7 - k : k;

			ck_assert_uint_eq(t[k].ulValueLen, full.t[other].ulValueLen);
			ck_assert(memcmp(got[k], full.p[other], t[k].ulValueLen) == 0);
		}
		mk_destroy(key);
	}
}
END_TEST

START_TEST(numbers_that_do_not_belong_together_are_refused)
{
	CK_OBJECT_HANDLE key = 77;
	CK_ATTRIBUTE good;
	uint8_t even[256], one = 1, zero = 0;

	generate();
	for (unsigned i = 0; i < 8; i++) {
		for (size_t at = 0; at<full.t[i].ulValueLen; at += full.t[i].ulValueLen> 60 ? 43 : 1) {
			full.p[i][at] ^= 0x10;
			IS(create(0xff, &key), CKR_ATTRIBUTE_VALUE_INVALID);
			if (i < 5)
				IS(create(N | E | D | (1u << i), &key), CKR_ATTRIBUTE_VALUE_INVALID);
			full.p[i][at] ^= 0x10;
		}
		good = full.t[i];
		full.t[i] = (CK_ATTRIBUTE){ types[i], &one, 1 };
		IS(create(0xff, &key), CKR_ATTRIBUTE_VALUE_INVALID);
		full.t[i] = (CK_ATTRIBUTE){ types[i], &zero, 1 };
		IS(create(0xff, &key), CKR_ATTRIBUTE_VALUE_INVALID);
		memset(even, 0xfe, sizeof(even));
		full.t[i] = (CK_ATTRIBUTE){ types[i], even, sizeof(even) };
		IS(create(0xff, &key), CKR_ATTRIBUTE_VALUE_INVALID);
		full.t[i] = good;
	}
	IS(create(N | E, &key), CKR_TEMPLATE_INCOMPLETE);
	IS(create(E | D, &key), CKR_TEMPLATE_INCOMPLETE);
	ck_assert_uint_eq(key, 77);
}
END_TEST

START_TEST(key_with_zeroes_in_front_is_the_same_key)
{
	uint8_t padded[8][260] = { { 0 } };
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE good[8];

	generate();
	memcpy(good, full.t, sizeof(good));
	for (size_t i = 0; i < 8; i++) {
		memcpy(padded[i] + 2, full.p[i], full.t[i].ulValueLen);
		full.t[i] = (CK_ATTRIBUTE){ types[i], padded[i], full.t[i].ulValueLen + 2 };
	}
	OK(create(0xff, &key));
	mk_destroy(key);
	memcpy(full.t, good, sizeof(good));
}
END_TEST

/* Any ciphertext below the modulus decrypts: the same one to the same bytes, others to others, of all lengths. */
START_TEST(wrong_paddings_give_a_plaintext)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	uint8_t sealed[128], a[128], b[128], last[128];
	CK_ULONG la, lb, last_len = 0, quarters[4] = { 0 };
	unsigned same = 0;

	generate();
	for (unsigned i = 0; i < 400; i++) {
		memset(sealed, (int)i, sizeof(sealed));
		sealed[0] = (uint8_t)(i % 0x60);
		sealed[1] = (uint8_t)(i >> 4);
		sealed[5] = (uint8_t)(i * 7);
		la = lb = sizeof(a);
		OK(mk_init(CKF_DECRYPT, &m, full.private));
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, 128), a, &la));
		OK(mk_init(CKF_DECRYPT, &m, full.private));
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, 128), b, &lb));
		ck_assert(la == lb && la <= 117 && memcmp(a, b, la) == 0);
		same += i > 0 && la == last_len && la > 3 && memcmp(a, last, la) == 0;
		quarters[la / 30]++;
		memcpy(last, a, la);
		last_len = la;
	}
	ck_assert_uint_eq(same, 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_gt(quarters[i], 60); /* 100 each on the average */
	memset(sealed, 0xff, sizeof(sealed));       /* above the modulus: anybody can see that */
	la = sizeof(a);
	OK(mk_init(CKF_DECRYPT, &m, full.private));
	IS(mk_single(CKF_DECRYPT, VIEW(sealed, 128), a, &la), CKR_ENCRYPTED_DATA_INVALID);
	OK(mk_init(CKF_DECRYPT, &m, full.private));
	IS(mk_single(CKF_DECRYPT, VIEW(sealed, 127), a, &la), CKR_ENCRYPTED_DATA_LEN_RANGE);
	OK(mk_init(CKF_ENCRYPT, &m, full.public));
	IS(mk_single(CKF_ENCRYPT, VIEW(text, 118), a, &la), CKR_DATA_LEN_RANGE);
}
END_TEST

/* v1.5 unwraps whatever it is given into a key of the length that was asked for: no oracle there either. */
START_TEST(wrong_paddings_give_a_key)
{
	static const struct {
		CK_KEY_TYPE type;
		CK_ULONG len, want;
	} keys[] = { { CKK_AES, 16, 16 },
		     { CKK_AES, 32, 32 },
		     { CKK_DES3, 0, 24 },
		     { CKK_DES2, 0, 16 },
		     { CKK_GENERIC_SECRET, 7, 7 } };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	uint8_t sealed[128], a[64], b[64];

	generate();
	for (unsigned i = 0; i < 20; i++) {
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			CK_KEY_TYPE type = keys[k].type;
			CK_ULONG len = keys[k].len;
			CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
					     { CKA_KEY_TYPE, &type, sizeof(type) },
					     { CKA_SENSITIVE, &no, 1 },
					     { CKA_EXTRACTABLE, &yes, 1 },
					     { CKA_VALUE_LEN, &len, sizeof(len) } };
			CK_OBJECT_HANDLE key[2] = { 0, 0 };

			memset(sealed, (int)(i + 1), sizeof(sealed));
			for (size_t twice = 0; twice < 2; twice++)
				OK(ck->C_UnwrapKey(mk_session, &m, full.private, sealed, 128, t, len == 0 ? 4 : 5,
						   &key[twice]));
			ck_assert_uint_eq(mk_value(key[0], a, sizeof(a)).n, keys[k].want);
			ck_assert(view_equal(mk_value(key[0], a, sizeof(a)), mk_value(key[1], b, sizeof(b))));
			mk_destroy(key[0]);
			mk_destroy(key[1]);
		}
	}
}
END_TEST

START_TEST(v15_and_bare_carry_secret_keys)
{
	static const CK_MECHANISM_TYPE carriers[] = { CKM_RSA_PKCS, CKM_RSA_X_509 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG want = 32;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &want, sizeof(want) } };
	uint8_t wrapped[128], a[64], b[64];

	generate();
	for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
		CK_MECHANISM m = { carriers[i], NULL, 0 };
		CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 32), 0), back = 0;
		CK_OBJECT_HANDLE big = mk_secret(CKK_GENERIC_SECRET, VIEW(text, 129), 0);
		CK_ULONG len = 0;

		OK(ck->C_WrapKey(mk_session, &m, full.public, key, NULL, &len));
		ck_assert_uint_eq(len, 128);
		len = 127;
		IS(ck->C_WrapKey(mk_session, &m, full.public, key, wrapped, &len), CKR_BUFFER_TOO_SMALL);
		OK(ck->C_WrapKey(mk_session, &m, full.public, key, wrapped, &len));
		OK(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 5, &back));
		ck_assert(view_equal(mk_value(key, a, sizeof(a)), mk_value(back, b, sizeof(b))));
		mk_destroy(back);
		if (carriers[i] == CKM_RSA_X_509) {
			IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back),
			   CKR_TEMPLATE_INCOMPLETE);
			want = 16;
			IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 5, &back),
			   CKR_WRAPPED_KEY_INVALID);
			want = 32;
		} else {
			OK(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back));
		}
		IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, 127, t, 5, &back), CKR_WRAPPED_KEY_LEN_RANGE);
		len = sizeof(wrapped);
		IS(ck->C_WrapKey(mk_session, &m, full.public, big, wrapped, &len), CKR_KEY_SIZE_RANGE);
		IS(ck->C_WrapKey(mk_session, &m, full.public, full.private, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
		mk_destroy(key);
		mk_destroy(big);
	}
}
END_TEST

START_TEST(bare_operation_takes_numbers_below_the_modulus)
{
	CK_MECHANISM m = { CKM_RSA_X_509, NULL, 0 };
	uint8_t big[128], out[128], back[128];
	CK_ULONG len = sizeof(out);

	generate();
	memset(big, 0xff, sizeof(big));
	OK(mk_init(CKF_ENCRYPT, &m, full.public));
	IS(mk_single(CKF_ENCRYPT, VIEW(big, 128), out, &len), CKR_DATA_INVALID);
	OK(mk_init(CKF_DECRYPT, &m, full.private));
	IS(mk_single(CKF_DECRYPT, VIEW(big, 128), out, &len), CKR_ENCRYPTED_DATA_INVALID);
	OK(mk_init(CKF_SIGN, &m, full.private));
	IS(mk_single(CKF_SIGN, VIEW(big, 128), out, &len), CKR_DATA_INVALID);
	OK(mk_init(CKF_SIGN, &m, full.private));
	IS(mk_single(CKF_SIGN, VIEW(text, 129), out, &len), CKR_DATA_LEN_RANGE);
	OK(ck->C_VerifyInit(mk_session, &m, full.public));
	IS(ck->C_Verify(mk_session, text, 20, big, 128), CKR_SIGNATURE_INVALID);
	len = sizeof(out);
	OK(mk_init(CKF_ENCRYPT, &m, full.public));
	OK(mk_single(CKF_ENCRYPT, VIEW(text, 20), out, &len));
	OK(mk_init(CKF_DECRYPT, &m, full.private));
	OK(mk_single(CKF_DECRYPT, VIEW(out, 128), back, &len));
	ck_assert(len == 128 && memcmp(back + 108, text, 20) == 0 && back[0] == 0 && back[107] == 0);
}
END_TEST

START_TEST(data_comes_back_out_of_signatures)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_ULONG n, back;
	} rows[] = { { CKM_RSA_PKCS, 51, 51 },
		     { CKM_RSA_PKCS, 117, 117 },
		     { CKM_RSA_PKCS, 1, 1 },
		     { CKM_RSA_X_509, 100, 128 } };
	uint8_t signature[128], back[128];

	generate();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_MECHANISM m = { rows[i].type, NULL, 0 };
		CK_ULONG len = 0;

		OK(ck->C_SignRecoverInit(mk_session, &m, full.private));
		OK(ck->C_SignRecover(mk_session, text, rows[i].n, NULL, &len));
		ck_assert_uint_eq(len, 128);
		OK(ck->C_SignRecover(mk_session, text, rows[i].n, signature, &len));
		OK(ck->C_VerifyInit(mk_session, &m, full.public));
		OK(ck->C_Verify(mk_session, text, rows[i].n, signature, len));
		OK(ck->C_VerifyRecoverInit(mk_session, &m, full.public));
		len = rows[i].back - 1;
		IS(ck->C_VerifyRecover(mk_session, signature, 128, back, &len), CKR_BUFFER_TOO_SMALL);
		len = sizeof(back);
		OK(ck->C_VerifyRecover(mk_session, signature, 128, back, &len));
		ck_assert_uint_eq(len, rows[i].back);
		ck_assert(memcmp(back + (len - rows[i].n), text, rows[i].n) == 0);
		OK(ck->C_VerifyRecoverInit(mk_session, &m, full.public));
		IS(ck->C_VerifyRecover(mk_session, signature, 127, back, &len), CKR_SIGNATURE_LEN_RANGE);
		signature[3] ^= 1;
		OK(ck->C_VerifyRecoverInit(mk_session, &m, full.public));
		if (rows[i].type == CKM_RSA_PKCS)
			IS(ck->C_VerifyRecover(mk_session, signature, 128, back, &len), CKR_SIGNATURE_INVALID);
		else
			OK(ck->C_VerifyRecover(mk_session, signature, 128, back, &len));
	}
}
END_TEST

/* CKM_RSA_AES_KEY_WRAP is OAEP, then RFC 5649: composed here of the two, and as one. */
START_TEST(aes_key_in_between_carries_any_key)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS p = { 256, &oaep };
	CK_MECHANISM m = { CKM_RSA_AES_KEY_WRAP, &p, sizeof(p) }, o = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_HANDLE secret, aes, back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	uint8_t wrapped[2048], key[64], a[256], b[256];
	CK_ULONG len = 0, key_len = sizeof(key);

	generate();
	secret = mk_secret(CKK_GENERIC_SECRET, VIEW(text, 43), 0);
	OK(ck->C_WrapKey(mk_session, &m, full.public, secret, NULL, &len));
	ck_assert_uint_eq(len, 128 + 56);
	len--;
	IS(ck->C_WrapKey(mk_session, &m, full.public, secret, wrapped, &len), CKR_BUFFER_TOO_SMALL);
	OK(ck->C_WrapKey(mk_session, &m, full.public, secret, wrapped, &len));
	OK(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back));
	ck_assert(view_equal(mk_value(back, a, sizeof(a)), VIEW(text, 43)));
	OK(mk_init(CKF_DECRYPT, &o, full.private));
	OK(mk_single(CKF_DECRYPT, VIEW(wrapped, 128), key, &key_len));
	ck_assert_uint_eq(key_len, 32);
	aes = mk_secret(CKK_AES, VIEW(key, 32), CKF_UNWRAP);
	OK(ck->C_UnwrapKey(mk_session, &kwp, aes, wrapped + 128, len - 128, t, 4, &back));
	ck_assert(view_equal(mk_value(back, a, sizeof(a)), VIEW(text, 43)));
	for (CK_ULONG i = 0; i < len; i += 11) {
		wrapped[i] ^= 1;
		IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back), CKR_WRAPPED_KEY_INVALID);
		wrapped[i] ^= 1;
	}
	p.ulAESKeyBits = 128; /* the AES key inside has another length */
	IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back), CKR_WRAPPED_KEY_INVALID);
	for (CK_ULONG n = 0; n < 128 + 16; n += 13)
		IS(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, n, t, 4, &back), CKR_WRAPPED_KEY_LEN_RANGE);
	/* a private key, of its own pair even */
	len = sizeof(wrapped);
	OK(ck->C_WrapKey(mk_session, &m, full.public, full.private, wrapped, &len));
	class = CKO_PRIVATE_KEY;
	type = CKK_RSA;
	OK(ck->C_UnwrapKey(mk_session, &m, full.private, wrapped, len, t, 4, &back));
	t[0] = (CK_ATTRIBUTE){ CKA_PRIVATE_EXPONENT, a, sizeof(a) };
	t[1] = (CK_ATTRIBUTE){ CKA_COEFFICIENT, b, sizeof(b) };
	OK(ck->C_GetAttributeValue(mk_session, back, t, 2));
	ck_assert(view_equal(VIEW(a, t[0].ulValueLen), VIEW(full.p[2], full.t[2].ulValueLen)));
	ck_assert(view_equal(VIEW(b, t[1].ulValueLen), VIEW(full.p[7], full.t[7].ulValueLen)));
}
END_TEST

START_TEST(parameters_of_aes_key_wrap_are_checked)
{
	uint8_t label[4] = { 0 };
	CK_RSA_PKCS_OAEP_PARAMS bad_hash = { CKM_MD5, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_PKCS_OAEP_PARAMS bad_mgf = { CKM_SHA_1, 99, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_PKCS_OAEP_PARAMS bad_label = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, ~0UL };
	CK_RSA_PKCS_OAEP_PARAMS good = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS bad[] = {
		{ 256, NULL },  { 0, &good },       { 64, &good },     { ~0UL, &good },
		{ 257, &good }, { 256, &bad_hash }, { 256, &bad_mgf }, { 256, &bad_label }
	};
	CK_OBJECT_HANDLE key;
	uint8_t out[512];
	CK_ULONG len = sizeof(out);

	generate();
	key = mk_secret(CKK_AES, VIEW(text, 16), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CK_MECHANISM m = { CKM_RSA_AES_KEY_WRAP, &bad[i], sizeof(bad[i]) };

		IS(ck->C_WrapKey(mk_session, &m, full.public, key, out, &len), CKR_MECHANISM_PARAM_INVALID);
	}
	mk_destroy(key);
}
END_TEST

/* Hashes that a short modulus has no room for. */
START_TEST(hash_too_long_for_the_key_is_refused)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA512, CKG_MGF1_SHA512, 63 };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA512, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM p = { CKM_SHA512_RSA_PKCS_PSS, &pss, sizeof(pss) }, o = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	CK_OBJECT_HANDLE key;
	uint8_t out[256];
	CK_ULONG len = sizeof(out);

	generate();
	IS(mk_init(CKF_SIGN, &p, full.private), CKR_MECHANISM_PARAM_INVALID);
	pss.s_len = 62;
	OK(mk_init(CKF_SIGN, &p, full.private));
	OK(mk_single(CKF_SIGN, VIEW(text, 9), out, &len));
	IS(mk_init(CKF_ENCRYPT, &o, full.public), CKR_MECHANISM_PARAM_INVALID);
	IS(mk_init(CKF_DECRYPT, &o, full.private), CKR_MECHANISM_PARAM_INVALID);
	key = mk_secret(CKK_AES, VIEW(text, 16), 0);
	IS(ck->C_WrapKey(mk_session, &o, full.public, key, out, &len), CKR_KEY_SIZE_RANGE);
	mk_destroy(key);
}
END_TEST

START_TEST(pairs_of_every_size_and_exponent)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_ULONG bits;
		uint8_t e[32];
		CK_ULONG n;
		CK_RV rv;
	} rows[] = {
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1024, { 1, 0, 1 }, 3, CKR_OK },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1032, { 0, 1, 0, 1 }, 4, CKR_OK },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, { 1, 0, 0, 0, 0, 0, 0, 15 }, 8, CKR_OK },
		{ CKM_RSA_X9_31_KEY_PAIR_GEN, 2048, { 1, 0, 1 }, 3, CKR_OK },
		{ CKM_RSA_X9_31_KEY_PAIR_GEN, 1024, { 1, 0, 1 }, 3, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1016, { 1, 0, 1 }, 3, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 8200, { 1, 0, 1 }, 3, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1024, { 17 }, 1, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 4096, { 1, 0, 0, 0, 0, 0, 0, 0, 1 }, 9, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1024, { 1, 0, 0 }, 3, CKR_ATTRIBUTE_VALUE_INVALID },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_MECHANISM m = { rows[i].type, NULL, 0 };
		CK_ULONG bits = rows[i].bits, got = 0;
		CK_ATTRIBUTE t[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) },
				     { CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)rows[i].e, rows[i].n } };
		CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &got, sizeof(got) };
		CK_OBJECT_HANDLE public = 0, private = 0;

		IS(ck->C_GenerateKeyPair(mk_session, &m, t, 2, NULL, 0, &public, &private), rows[i].rv);
		if (rows[i].rv != CKR_OK)
			continue;
		OK(ck->C_GetAttributeValue(mk_session, public, &size, 1));
		ck_assert_uint_eq(got, bits);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("RSA keys");
	TCase *c = tcase_create("keys");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, key_of_some_numbers_has_them_all);
	tcase_add_test(c, numbers_that_do_not_belong_together_are_refused);
	tcase_add_test(c, key_with_zeroes_in_front_is_the_same_key);
	tcase_add_test(c, wrong_paddings_give_a_plaintext);
	tcase_add_test(c, wrong_paddings_give_a_key);
	tcase_add_test(c, v15_and_bare_carry_secret_keys);
	tcase_add_test(c, bare_operation_takes_numbers_below_the_modulus);
	tcase_add_test(c, data_comes_back_out_of_signatures);
	tcase_add_test(c, aes_key_in_between_carries_any_key);
	tcase_add_test(c, parameters_of_aes_key_wrap_are_checked);
	tcase_add_test(c, hash_too_long_for_the_key_is_refused);
	tcase_add_test(c, pairs_of_every_size_and_exponent);
	suite_add_tcase(s, c);
	return mk_main(s);
}
