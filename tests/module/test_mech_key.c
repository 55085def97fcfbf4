/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "crypto.h"
#include <string.h>

/* Secret keys: generation, wrapping with every mechanism that wraps, what must not leave. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t bytes[80] = "0123456789abcdefFEDCBA9876543210 and thirty-two bytes more than";
static uint8_t iv[16] = { 0x11, 0x22, 0x33 };

static CK_RV generate(CK_MECHANISM_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	return ck->C_GenerateKey(mk_session, &m, t, len == 0 ? 2 : 3, ret);
}

START_TEST(generated_keys_have_their_length_and_parity)
{
	static const struct {
		CK_MECHANISM_TYPE mechanism;
		CK_KEY_TYPE type;
		CK_ULONG asked, len;
	} rows[] = {
		{ CKM_AES_KEY_GEN, CKK_AES, 16, 16 },
		{ CKM_AES_KEY_GEN, CKK_AES, 24, 24 },
		{ CKM_AES_KEY_GEN, CKK_AES, 32, 32 },
		{ CKM_DES_KEY_GEN, CKK_DES, 0, 8 },
		{ CKM_DES2_KEY_GEN, CKK_DES2, 0, 16 },
		{ CKM_DES3_KEY_GEN, CKK_DES3, 0, 24 },
		{ CKM_DES3_KEY_GEN, CKK_DES3, 24, 24 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 8, 8 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 512, 512 },
	};
	uint8_t a[512], b[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_KEY_TYPE type = 0;
		CK_ULONG mechanism = 0;
		CK_BBOOL local = CK_FALSE;
		CK_ATTRIBUTE got[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
				       { CKA_KEY_GEN_MECHANISM, &mechanism, sizeof(mechanism) },
				       { CKA_LOCAL, &local, 1 } };
		CK_OBJECT_HANDLE one = 0, two = 0;
		struct view v;

		OK(generate(rows[i].mechanism, rows[i].asked, &one));
		OK(generate(rows[i].mechanism, rows[i].asked, &two));
		v = mk_value(one, a, sizeof(a));
		ck_assert_uint_eq(v.n, rows[i].len);
		ck_assert(!view_equal(v, mk_value(two, b, sizeof(b))));
		OK(ck->C_GetAttributeValue(mk_session, one, got, 3));
		ck_assert(type == rows[i].type && mechanism == rows[i].mechanism && local == CK_TRUE);
		if (type == CKK_DES || type == CKK_DES2 || type == CKK_DES3)
			ck_assert(des_parity_ok(v.p, v.n) && !des_key_weak(v.p, v.n));
		mk_destroy(one);
		mk_destroy(two);
	}
}
END_TEST

START_TEST(generation_of_a_bad_length_is_refused)
{
	CK_OBJECT_HANDLE key = 4711;
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	uint8_t one = 16;
	CK_ATTRIBUTE t = { CKA_VALUE_LEN, &one, 1 };

	IS(generate(CKM_AES_KEY_GEN, 15, &key), CKR_KEY_SIZE_RANGE);
	IS(generate(CKM_AES_KEY_GEN, 20, &key), CKR_KEY_SIZE_RANGE);
	IS(generate(CKM_AES_KEY_GEN, 33, &key), CKR_KEY_SIZE_RANGE);
	IS(generate(CKM_AES_KEY_GEN, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	IS(generate(CKM_GENERIC_SECRET_KEY_GEN, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	IS(generate(CKM_GENERIC_SECRET_KEY_GEN, 7, &key), CKR_KEY_SIZE_RANGE);
	IS(generate(CKM_GENERIC_SECRET_KEY_GEN, ~0UL, &key), CKR_KEY_SIZE_RANGE);
	IS(generate(CKM_DES2_KEY_GEN, 24, &key), CKR_TEMPLATE_INCONSISTENT);
	IS(ck->C_GenerateKey(mk_session, &m, &t, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(ck->C_GenerateKey(mk_session, &m, NULL, 1, &key), CKR_ARGUMENTS_BAD);
	IS(ck->C_GenerateKey(mk_session, NULL, NULL, 0, &key), CKR_ARGUMENTS_BAD);
	IS(ck->C_GenerateKey(mk_session, &m, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(key, 4711);
}
END_TEST

static const struct carrier {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE kek;
	size_t kek_len, iv, block;
	bool exact; /* the wrapped form tells the length; else zeroes fill the last block */
} carriers[] = {
	{ CKM_AES_KEY_WRAP, CKK_AES, 32, 0, 8, true },
	{ CKM_AES_KEY_WRAP_KWP, CKK_AES, 16, 0, 1, true },
	{ CKM_AES_KEY_WRAP_PAD, CKK_AES, 24, 0, 1, true },
	{ CKM_AES_ECB, CKK_AES, 16, 0, 16, false },
	{ CKM_AES_CBC, CKK_AES, 32, 16, 16, false },
	{ CKM_AES_CBC_PAD, CKK_AES, 32, 16, 1, true },
	{ CKM_DES3_ECB, CKK_DES2, 16, 0, 8, false },
	{ CKM_DES3_CBC, CKK_DES3, 24, 8, 8, false },
	{ CKM_DES3_CBC_PAD, CKK_DES3, 24, 8, 1, true },
	{ CKM_DES_ECB, CKK_DES, 8, 0, 8, false },
	{ CKM_DES_CBC, CKK_DES, 8, 8, 8, false },
	{ CKM_DES_CBC_PAD, CKK_DES, 8, 8, 1, true },
	{ CKM_AES_CTS, CKK_AES, 24, 16, 1, true },
	{ CKM_AES_XTS, CKK_AES_XTS, 64, 16, 1, true },
	{ CKM_AES_KEY_WRAP_PKCS7, CKK_AES, 32, 0, 1, true },
	{ CKM_SR_SM4_ECB, CKK_SR_SM4, 16, 0, 16, false },
	{ CKM_SR_SM4_CBC, CKK_SR_SM4, 16, 16, 16, false },
	{ CKM_SR_SM4_CBC_PAD, CKK_SR_SM4, 16, 16, 1, true },
};

static const struct {
	CK_KEY_TYPE type;
	size_t len;
} cargos[] = {
	{ CKK_AES, 16 },
	{ CKK_AES, 24 },
	{ CKK_AES, 32 },
	{ CKK_DES2, 16 },
	{ CKK_DES3, 24 },
	{ CKK_GENERIC_SECRET, 16 },
	{ CKK_GENERIC_SECRET, 21 },
	{ CKK_GENERIC_SECRET, 64 },
};

START_TEST(wrapped_keys_come_back) /* R1.7, R1.11: the standard way */
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;

	for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
		const struct carrier *c = &carriers[i];
		CK_MECHANISM m = { c->type, c->iv > 0 ? iv : NULL, c->iv };
		CK_OBJECT_HANDLE kek;

		if (mech_find(c->type) == NULL)
			continue;
		kek = mk_secret(c->kek, VIEW(bytes, c->kek_len), CKF_WRAP | CKF_UNWRAP);
		for (size_t k = 0; k < ARRAY_LEN(cargos); k++) {
			CK_OBJECT_HANDLE key = mk_secret(cargos[k].type, VIEW(bytes + 8 - k % 3, cargos[k].len), 0),
					 back = 0;
			CK_KEY_TYPE type = cargos[k].type;
			CK_ULONG len = 0, want = cargos[k].len;
			CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
					     { CKA_KEY_TYPE, &type, sizeof(type) },
					     { CKA_SENSITIVE, &no, 1 },
					     { CKA_EXTRACTABLE, &yes, 1 },
					     { CKA_VALUE_LEN, &want, sizeof(want) } };
			bool length_known = c->exact || type == CKK_DES2 || type == CKK_DES3 || want % c->block == 0;
			uint8_t wrapped[128], a[64], b[64];

			if (c->type == CKM_AES_KEY_WRAP && want % 8 != 0) {
				IS(ck->C_WrapKey(mk_session, &m, kek, key, NULL, &len), CKR_KEY_SIZE_RANGE);
				mk_destroy(key);
				continue;
			}
			OK(ck->C_WrapKey(mk_session, &m, kek, key, NULL, &len));
			OK(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len));
			OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, length_known ? 4 : 5, &back));
			ck_assert(view_equal(mk_value(key, a, sizeof(a)), mk_value(back, b, sizeof(b))));
			mk_destroy(back);
			mk_destroy(key);
		}
		mk_destroy(kek);
	}
}
END_TEST

START_TEST(unwrapped_key_is_not_local_and_never_was_sensitive)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_WRAP | CKF_UNWRAP), key, back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_BBOOL local = CK_TRUE, always = CK_TRUE, never = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_ATTRIBUTE got[] = { { CKA_LOCAL, &local, 1 },
			       { CKA_ALWAYS_SENSITIVE, &always, 1 },
			       { CKA_NEVER_EXTRACTABLE, &never, 1 } };
	uint8_t wrapped[64];
	CK_ULONG len = sizeof(wrapped);

	key = mk_secret(CKK_AES, VIEW(bytes + 9, 16), 0);
	OK(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len));
	OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, 2, &back));
	OK(ck->C_GetAttributeValue(mk_session, back, got, 3));
	ck_assert(!local && !always && !never);
}
END_TEST

START_TEST(keys_that_may_not_leave_stay)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_WRAP | CKF_UNWRAP), key = 0, public, private;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, bytes + 5, 16 },
			     { CKA_EXTRACTABLE, &no, 1 },
			     { CKA_WRAP_WITH_TRUSTED, &no, 1 } };
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	uint8_t wrapped[64];
	CK_ULONG len = sizeof(wrapped);

	mk_pair(&public, &private);
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	IS(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len), CKR_KEY_UNEXTRACTABLE);
	t[3].pValue = &yes;
	t[4].pValue = &yes;
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	IS(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	IS(ck->C_WrapKey(mk_session, &m, kek, public, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	m.mechanism = CKM_AES_ECB;
	IS(ck->C_WrapKey(mk_session, &m, kek, private, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	ck_assert_uint_eq(len, sizeof(wrapped));
}
END_TEST

START_TEST(bad_arguments_of_wrap_and_unwrap)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_WRAP | CKF_UNWRAP), key, back = 4711;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	uint8_t wrapped[64];
	CK_ULONG len = sizeof(wrapped);

	key = mk_secret(CKK_AES, VIEW(bytes + 9, 16), 0);
	IS(ck->C_WrapKey(mk_session, NULL, kek, key, wrapped, &len), CKR_ARGUMENTS_BAD);
	IS(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, NULL), CKR_ARGUMENTS_BAD);
	IS(ck->C_WrapKey(mk_session, &m, 987654, key, wrapped, &len), CKR_WRAPPING_KEY_HANDLE_INVALID);
	IS(ck->C_WrapKey(mk_session, &m, kek, 987654, wrapped, &len), CKR_KEY_HANDLE_INVALID);
	OK(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len));
	IS(ck->C_UnwrapKey(mk_session, NULL, kek, wrapped, len, t, 2, &back), CKR_ARGUMENTS_BAD);
	IS(ck->C_UnwrapKey(mk_session, &m, kek, NULL, len, t, 2, &back), CKR_ARGUMENTS_BAD);
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, NULL, 2, &back), CKR_ARGUMENTS_BAD);
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, 2, NULL), CKR_ARGUMENTS_BAD);
	IS(ck->C_UnwrapKey(mk_session, &m, 987654, wrapped, len, t, 2, &back), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, 0, &back), CKR_TEMPLATE_INCOMPLETE);
	for (CK_ULONG n = 0; n < len; n++) {
		CK_RV rv = ck->C_UnwrapKey(mk_session, &m, kek, wrapped, n, t, 2, &back);

		ck_assert(rv == CKR_WRAPPED_KEY_LEN_RANGE || rv == CKR_WRAPPED_KEY_INVALID);
	}
	m = (CK_MECHANISM){ CKM_AES_CBC_PAD, iv, 16 };
	for (CK_ULONG n = 0; n < 32; n += 8)
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, n, t, 2, &back),
		   n == 16 ? CKR_WRAPPED_KEY_INVALID : CKR_WRAPPED_KEY_LEN_RANGE);
	class = CKO_PUBLIC_KEY;
	ck_assert(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 16, t, 2, &back) != CKR_OK);
	class = CKO_DATA;
	ck_assert(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 16, t, 1, &back) != CKR_OK);
	ck_assert_uint_eq(back, 4711);
	IS(ck->C_DeriveKey(mk_session, &m, kek, t, 2, &back), CKR_MECHANISM_INVALID);
	IS(ck->C_DeriveKey(mk_session, NULL, kek, t, 2, &back), CKR_ARGUMENTS_BAD);
}
END_TEST

/* Zeroes that fill a block are no part of the key, anything else there makes it no key; DES keys need their parity. */
START_TEST(unwrap_checks_what_came_out)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_WRAP | CKF_UNWRAP | CKF_ENCRYPT), back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_DES3;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_MECHANISM m = { CKM_AES_CBC, iv, 16 };
	uint8_t plain[48] = { 0 }, wrapped[48];
	CK_ULONG len;

	memcpy(plain, bytes + 8, 24);
	des_set_parity(plain, 24);
	for (unsigned n = 0; n < 4; n++) {
		CK_ULONG size = n == 3 ? 48 : 32;

		plain[24] = n == 1;
		plain[0] ^= n == 2;
		len = sizeof(wrapped);
		OK(mk_init(CKF_ENCRYPT, &m, kek));
		OK(mk_single(CKF_ENCRYPT, VIEW(plain, size), wrapped, &len));
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, 2, &back),
		   n == 0 ? CKR_OK : CKR_WRAPPED_KEY_INVALID);
		plain[0] ^= n == 2;
	}
}
END_TEST

/* A template that cannot be is told before the ciphertext is looked at: no oracle of the padding. */
START_TEST(bad_template_tells_nothing_about_the_ciphertext)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_UNWRAP), back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv, 16 };
	uint8_t wrapped[32] = { 0 };

	for (unsigned n = 0; n < 256; n++) {
		wrapped[15] = (uint8_t)n;
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 32, t, 1, &back), CKR_TEMPLATE_INCOMPLETE);
	}
	mk_destroy(kek);
}
END_TEST

/* PKCS#11 2.40, 4.10.2: ECB of a zero block, SHA-1 of a generic secret; XTS: of a zero block under a zero tweak. */
START_TEST(check_value_attribute)
{
	static const uint8_t aes[16] = { 0 }, des2[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
							   0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
	static const uint8_t sm4[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
					 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
	static const uint8_t xts[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
					 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
	static const struct {
		CK_KEY_TYPE type;
		struct view value;
		uint8_t want[3];
	} rows[] = {
		{ CKK_AES, { aes, 16 }, { 0x66, 0xe9, 0x4b } },
		{ CKK_DES2, { des2, 16 }, { 0x08, 0xd7, 0xb4 } },
		{ CKK_DES, { des2, 8 }, { 0xd5, 0xd4, 0x4f } },
		{ CKK_GENERIC_SECRET, { (const uint8_t *)"abc", 3 }, { 0xa9, 0x99, 0x3e } },
		{ CKK_SHA256_HMAC, { (const uint8_t *)"abc", 3 }, { 0xa9, 0x99, 0x3e } },
		{ CKK_MD5_HMAC, { (const uint8_t *)"abc", 3 }, { 0xa9, 0x99, 0x3e } },
		{ CKK_SR_SM4, { sm4, 16 }, { 0x26, 0x77, 0xf4 } },
		{ CKK_AES_XTS, { xts, 32 }, { 0xf0, 0x71, 0xa2 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_OBJECT_HANDLE key = mk_secret(rows[i].type, rows[i].value, 0);
		uint8_t got[3];
		CK_ATTRIBUTE t = { CKA_CHECK_VALUE, got, 3 };

		OK(ck->C_GetAttributeValue(mk_session, key, &t, 1));
		ck_assert(t.ulValueLen == 3 && memcmp(got, rows[i].want, 3) == 0);
		mk_destroy(key);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *c = tcase_create("keys");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, generated_keys_have_their_length_and_parity);
	tcase_add_test(c, generation_of_a_bad_length_is_refused);
	tcase_add_test(c, wrapped_keys_come_back);
	tcase_add_test(c, unwrapped_key_is_not_local_and_never_was_sensitive);
	tcase_add_test(c, keys_that_may_not_leave_stay);
	tcase_add_test(c, bad_arguments_of_wrap_and_unwrap);
	tcase_add_test(c, unwrap_checks_what_came_out);
	tcase_add_test(c, bad_template_tells_nothing_about_the_ciphertext);
	tcase_add_test(c, check_value_attribute);
	suite_add_tcase(s, c);
	return mk_main(s);
}
