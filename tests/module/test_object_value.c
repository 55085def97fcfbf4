/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* What follows from the value of an object: check values, public key info, sizes; what searches find of it. */

static CK_MECHANISM key_wrap = { CKM_AES_KEY_WRAP, NULL, 0 };

/* Published values: FIPS 197 cipher of a zero block under a zero key (NIST AESAVS, 66e94b...); DES of a zero block
 * under 0123456789abcdef (d5d44f...); FIPS 180-4: SHA-1 of "abc" (a9993e...). */
static const struct known {
	CK_KEY_TYPE type;
	const char *value;
	CK_ULONG n;
	const char *check;
} known[] = {
	{ CKK_AES, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "\x66\xe9\x4b" },
	{ CKK_DES3, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
	  24, "\xd5\xd4\x4f" },
	{ CKK_GENERIC_SECRET, "abc", 3, "\xa9\x99\x3e" },
};

static CK_RV create_known(const struct known *k, const char *check, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_KEY_TYPE type = k->type;
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_secret),
			     SET(CKA_KEY_TYPE, type),
			     { CKA_VALUE, (void *)(uintptr_t)k->value, k->n },
			     SET(CKA_EXTRACTABLE, ok_yes),
			     { CKA_CHECK_VALUE, (void *)(uintptr_t)check, n } };

	return ok_create(t, check != NULL || n == 0 ? 5 : 4, ret);
}

static void has_check(CK_OBJECT_HANDLE h, const char *check)
{
	uint8_t room[8];
	struct view v = ok_bytes(h, CKA_CHECK_VALUE, room, sizeof(room));

	ck_assert_uint_eq(v.n, 3);
	ck_assert_mem_eq(v.p, check, 3);
}

START_TEST(check_value_of_created_keys)
{
	CK_OBJECT_HANDLE h = 0;
	uint8_t room[8];

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		ck_ok(create_known(&known[i], NULL, 1, &h));
		has_check(h, known[i].check);
		ck_ok(create_known(&known[i], known[i].check, 3, &h));
		has_check(h, known[i].check);
		h = 77;
		ck_rv(create_known(&known[i], "\1\2\3", 3, &h), CKR_ATTRIBUTE_VALUE_INVALID);
		ck_rv(create_known(&known[i], known[i].check, 2, &h), CKR_ATTRIBUTE_VALUE_INVALID);
		ck_assert_uint_eq(h, 77);
		ck_ok(create_known(&known[i], "", 0, &h)); /* asks for none */
		ck_assert_uint_eq(ok_bytes(h, CKA_CHECK_VALUE, room, sizeof(room)).n, 0);
	}
}
END_TEST

START_TEST(check_value_can_be_dropped_and_put_back_right)
{
	CK_OBJECT_HANDLE h = 0;
	uint8_t room[8];

	for (int token = 0; token < 2; token++) {
		ck_ok(create_known(&known[0], NULL, 1, &h));
		if (token)
			ck_ok(ck->C_CopyObject(ck_session, h, (CK_ATTRIBUTE[]){ SET(CKA_TOKEN, ok_yes) }, 1, &h));
		ck_rv(ok_set(h, CKA_CHECK_VALUE, "\1\2\3", 3), CKR_ATTRIBUTE_VALUE_INVALID);
		has_check(h, known[0].check);
		ck_ok(ok_set(h, CKA_CHECK_VALUE, NULL, 0));
		ck_assert_uint_eq(ok_bytes(h, CKA_CHECK_VALUE, room, sizeof(room)).n, 0);
		ck_rv(ok_set(h, CKA_CHECK_VALUE, "\1\2\3", 3), CKR_ATTRIBUTE_VALUE_INVALID);
		ck_ok(ok_set(h, CKA_CHECK_VALUE, known[0].check, 3));
		has_check(h, known[0].check);
	}
}
END_TEST

START_TEST(check_value_travels_with_the_key)
{
	CK_ATTRIBUTE w[] = { SET(CKA_WRAP, ok_yes), SET(CKA_UNWRAP, ok_yes) };
	CK_ATTRIBUTE wrong[] = { TEXT(CKA_CHECK_VALUE, "\1\2\3") }, leaves[] = { SET(CKA_EXTRACTABLE, ok_yes) };
	CK_ATTRIBUTE u[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), wrong[0] };
	CK_OBJECT_HANDLE wrapper = 0, key = 0, made = 0;
	uint8_t check[8], out[64];
	CK_ULONG n = sizeof(out);

	ck_ok(ok_aes_key(w, ARRAY_LEN(w), &wrapper));
	ck_rv(ok_aes_key(wrong, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_ok(ok_aes_key(leaves, 1, &key));
	ck_assert_uint_eq(ok_bytes(key, CKA_CHECK_VALUE, check, sizeof(check)).n, 3);
	ck_ok(ck->C_WrapKey(ck_session, &key_wrap, wrapper, key, out, &n));
	ck_rv(ck->C_UnwrapKey(ck_session, &key_wrap, wrapper, out, n, u, 3, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	u[2].pValue = check;
	ck_ok(ck->C_UnwrapKey(ck_session, &key_wrap, wrapper, out, n, u, 3, &made));
	ck_ok(ck->C_UnwrapKey(ck_session, &key_wrap, wrapper, out, n, u, 2, &made));
	has_check(made, (char *)check);
	ck_rv(ck->C_CopyObject(ck_session, key, wrong, 1, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_ok(ck->C_CopyObject(ck_session, key, NULL, 0, &made));
	has_check(made, (char *)check);
}
END_TEST

/* modulus_of: out of a SubjectPublicKeyInfo, by OpenSSL. */
static size_t modulus_of(struct view info, uint8_t out[512])
{
	const uint8_t *p = info.p;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)info.n);
	BIGNUM *n = NULL;
	size_t len;

	ck_assert(pkey != NULL && p == info.p + info.n);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	len = (size_t)BN_bn2bin(n, out);
	BN_free(n);
	EVP_PKEY_free(pkey);
	return len;
}

START_TEST(public_key_info_says_which_pair_it_is)
{
	CK_OBJECT_HANDLE public_key = 0, private_key = 0, copy = 0, other = 0, ignored = 0;
	uint8_t info[512], private_info[512], other_info[512], modulus[512], number[512];
	struct view a, b, c, n;

	ok_rsa_pair(NULL, 0, &public_key, &private_key);
	ok_rsa_pair(NULL, 0, &ignored, &other);
	a = ok_bytes(public_key, CKA_PUBLIC_KEY_INFO, info, sizeof(info));
	b = ok_bytes(private_key, CKA_PUBLIC_KEY_INFO, private_info, sizeof(private_info));
	c = ok_bytes(other, CKA_PUBLIC_KEY_INFO, other_info, sizeof(other_info));
	ck_assert(view_equal(a, b) && !view_equal(a, c));
	n = ok_bytes(public_key, CKA_MODULUS, modulus, sizeof(modulus));
	ck_assert(view_equal(VIEW(number, modulus_of(a, number)), n));
	ck_rv(ok_set(private_key, CKA_PUBLIC_KEY_INFO, c.p, c.n), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_ok(ok_set(private_key, CKA_PUBLIC_KEY_INFO, a.p, a.n));
	ck_ok(ok_set(private_key, CKA_PUBLIC_KEY_INFO, NULL, 0)); /* which does not take it away */
	ck_assert(view_equal(ok_bytes(private_key, CKA_PUBLIC_KEY_INFO, private_info, sizeof(private_info)), a));
	ck_rv(ck->C_CopyObject(ck_session, private_key, (CK_ATTRIBUTE[]){ BYTES(CKA_PUBLIC_KEY_INFO, c) }, 1, &copy),
	      CKR_ATTRIBUTE_VALUE_INVALID);
	ck_ok(ck->C_CopyObject(ck_session, private_key, NULL, 0, &copy));
	ck_assert(view_equal(ok_bytes(copy, CKA_PUBLIC_KEY_INFO, private_info, sizeof(private_info)), a));
	ck_assert_uint_eq(ck_find((CK_ATTRIBUTE[]){ BYTES(CKA_PUBLIC_KEY_INFO, a) }, 1, NULL), 3);
}
END_TEST

START_TEST(public_key_info_of_created_keys)
{
	CK_OBJECT_HANDLE public_key = 0, private_key = 0, made = 0;
	uint8_t info[512], modulus[512];
	static uint8_t e[] = { 1, 0, 1 };
	struct view a, n;

	ok_rsa_pair(NULL, 0, &public_key, &private_key);
	a = ok_bytes(public_key, CKA_PUBLIC_KEY_INFO, info, sizeof(info));
	n = ok_bytes(public_key, CKA_MODULUS, modulus, sizeof(modulus));
	for (int wrong = 0; wrong < 2; wrong++) {
		CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_public), SET(CKA_KEY_TYPE, ok_rsa), BYTES(CKA_MODULUS, n),
				     SET(CKA_PUBLIC_EXPONENT, e), BYTES(CKA_PUBLIC_KEY_INFO, a) };
		uint8_t got[512];

		info[a.n - 10] ^= (uint8_t)wrong;
		ck_rv(ok_create(t, 5, &made), wrong ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK);
		info[a.n - 10] ^= (uint8_t)wrong;
		ck_ok(ok_create(t, 4, &made));
		ck_assert(view_equal(ok_bytes(made, CKA_PUBLIC_KEY_INFO, got, sizeof(got)), a));
	}
}
END_TEST

START_TEST(public_key_info_of_unwrapped_keys)
{
	CK_ATTRIBUTE w[] = { SET(CKA_WRAP, ok_yes), SET(CKA_UNWRAP, ok_yes) },
		     leaves[] = { SET(CKA_EXTRACTABLE, ok_yes) };
	CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_HANDLE wrapper = 0, public_key = 0, private_key = 0, made = 0;
	uint8_t info[512], got[512], out[4096];
	struct view a;
	CK_ULONG n = sizeof(out);

	ck_ok(ok_aes_key(w, ARRAY_LEN(w), &wrapper));
	ok_rsa_pair(leaves, 1, &public_key, &private_key);
	a = ok_bytes(public_key, CKA_PUBLIC_KEY_INFO, info, sizeof(info));
	ck_ok(ck->C_WrapKey(ck_session, &kwp, wrapper, private_key, out, &n));
	for (int wrong = 0; wrong < 2; wrong++) {
		CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_private), SET(CKA_KEY_TYPE, ok_rsa), SET(CKA_SIGN, ok_yes),
				     BYTES(CKA_PUBLIC_KEY_INFO, a) };

		info[a.n - 10] ^= (uint8_t)wrong;
		ck_rv(ck->C_UnwrapKey(ck_session, &kwp, wrapper, out, n, t, 4, &made),
		      wrong ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK);
		info[a.n - 10] ^= (uint8_t)wrong;
		ck_ok(ck->C_UnwrapKey(ck_session, &kwp, wrapper, out, n, t, 3, &made));
		ck_assert(view_equal(ok_bytes(made, CKA_PUBLIC_KEY_INFO, got, sizeof(got)), a));
		ck_assert(!ck_get_bool(made, CKA_DECRYPT) && !ck_get_bool(made, CKA_ALWAYS_SENSITIVE));
	}
}
END_TEST

START_TEST(no_search_finds_the_value_of_a_key)
{
	static const CK_BBOOL flags[] = { CK_TRUE, CK_FALSE };
	CK_ATTRIBUTE by_value = TEXT(CKA_VALUE, "0123456789abcdef"), by_short = TEXT(CKA_VALUE, "0");
	CK_ATTRIBUTE by_none = { CKA_VALUE, NULL, 0 };
	uint8_t e[512];
	CK_OBJECT_HANDLE public_key = 0, private_key = 0, h = 0;
	CK_ATTRIBUTE by_exponent = { CKA_PRIVATE_EXPONENT, e, 0 };
	CK_ATTRIBUTE open[] = { SET(CKA_SENSITIVE, ok_no), SET(CKA_EXTRACTABLE, ok_yes) };

	for (int i = 0; i < 4; i++) {
		CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_secret),
				     SET(CKA_KEY_TYPE, ok_aes),
				     by_value,
				     { CKA_SENSITIVE, (void *)(uintptr_t)&flags[i & 1], 1 },
				     { CKA_EXTRACTABLE, (void *)(uintptr_t)&flags[i >> 1], 1 } };

		ck_ok(ok_create(t, ARRAY_LEN(t), &h));
	}
	ck_assert_uint_eq(ck_find(&by_value, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&by_short, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&by_none, 1, NULL), 0);
	ok_rsa_pair(open, 2, &public_key, &private_key);
	by_exponent.ulValueLen = ok_bytes(private_key, CKA_PRIVATE_EXPONENT, e, sizeof(e)).n;
	ck_assert_uint_eq(ck_find(&by_exponent, 1, NULL), 0);
}
END_TEST

START_TEST(searches_with_odd_templates)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_data), TEXT(CKA_APPLICATION, "odd"), { CKA_LABEL, NULL, 0 } };
	CK_ATTRIBUTE empty[] = { TEXT(CKA_APPLICATION, "odd"), { CKA_LABEL, NULL, 0 } };
	CK_ATTRIBUTE empty_id[] = { TEXT(CKA_APPLICATION, "odd"), TEXT(CKA_OBJECT_ID, "") };
	CK_ATTRIBUTE no_bool[] = { TEXT(CKA_APPLICATION, "odd"), { CKA_TOKEN, NULL, 0 } };
	CK_ATTRIBUTE wide_bool[] = { TEXT(CKA_APPLICATION, "odd"), SET(CKA_TOKEN, ok_aes) };
	CK_ATTRIBUTE twice[] = { TEXT(CKA_APPLICATION, "odd"), TEXT(CKA_APPLICATION, "odd") };
	CK_ATTRIBUTE contradiction[] = { TEXT(CKA_APPLICATION, "odd"), TEXT(CKA_APPLICATION, "even") };
	CK_ATTRIBUTE unknown[] = { TEXT(CKA_APPLICATION, "odd"), SET(0x4711, ok_yes) };
	CK_OBJECT_HANDLE h[2] = { 0, 0 };
	CK_ULONG n = 9;

	ck_ok(ok_create(t, ARRAY_LEN(t), &h[0]));
	ck_ok(ok_create(t, ARRAY_LEN(t), &h[1]));
	ck_assert_uint_eq(ck_find(empty, 2, NULL), 2);
	ck_assert_uint_eq(ck_find(empty_id, 2, NULL), 2);
	ck_assert_uint_eq(ck_find(no_bool, 2, NULL), 0);
	ck_assert_uint_eq(ck_find(wide_bool, 2, NULL), 0);
	ck_assert_uint_eq(ck_find(twice, 2, NULL), 2);
	ck_assert_uint_eq(ck_find(contradiction, 2, NULL), 0);
	ck_assert_uint_eq(ck_find(unknown, 2, NULL), 0);
	/* None wanted, then one by one; what was made since the search began is not in it. */
	ck_ok(ck->C_FindObjectsInit(ck_session, empty, 2));
	ck_ok(ck->C_FindObjects(ck_session, NULL, 0, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(ck->C_FindObjects(ck_session, h, 1, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(ok_create(t, ARRAY_LEN(t), &h[1]));
	ck_ok(ck->C_FindObjects(ck_session, h, 2, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(ck->C_FindObjects(ck_session, h, 2, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(ck->C_FindObjectsFinal(ck_session));
}
END_TEST

START_TEST(size_is_what_the_object_holds)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_data), TEXT(CKA_VALUE, "0123456789") };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG before = 0, after = 0;

	ck_ok(ok_create(t, ARRAY_LEN(t), &h));
	ck_ok(ck->C_GetObjectSize(ck_session, h, &before));
	ck_assert_uint_gt(before, 10);
	ck_ok(ok_set(h, CKA_VALUE, "01234567890123456789", 20));
	ck_ok(ck->C_GetObjectSize(ck_session, h, &after));
	ck_assert_uint_eq(after, before + 10);
	ck_rv(ck->C_GetObjectSize(ck_session, h, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_GetObjectSize(ck_session, 0, &after), CKR_OBJECT_HANDLE_INVALID);
	ck_ok(create_known(&known[0], NULL, 1, &h)); /* a sealed value counts, too */
	ck_ok(ck->C_GetObjectSize(ck_session, h, &before));
	ck_ok(create_known(&(struct known){ CKK_AES, known[1].value, 24, NULL }, NULL, 1, &h));
	ck_ok(ck->C_GetObjectSize(ck_session, h, &after));
	ck_assert_uint_eq(after, before + 8);
}
END_TEST

/* PKCS#11 5.7.5: all attributes are answered, whatever one of them is. */
START_TEST(good_and_bad_attributes_in_one_call)
{
	uint8_t value[32], small[1];
	CK_ULONG type = 0;
	CK_BBOOL b = 7;
	CK_ATTRIBUTE t[] = { SET(CKA_VALUE, value),     SET(CKA_KEY_TYPE, type), SET(CKA_SUBJECT, value),
			     SET(CKA_UNIQUE_ID, small), SET(CKA_ENCRYPT, b),     { CKA_LABEL, NULL, 77 } };
	CK_ATTRIBUTE t2[ARRAY_LEN(t)];
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ok_aes_key(NULL, 0, &h));
	memcpy(t2, t, sizeof(t));
	ck_rv(ck->C_GetAttributeValue(ck_session, h, t, ARRAY_LEN(t)), CKR_ATTRIBUTE_SENSITIVE);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		static const bool bad[] = { true, false, true, true, false, false };

		ck_assert_uint_eq(t[i].ulValueLen == CK_UNAVAILABLE_INFORMATION, bad[i]);
	}
	ck_assert_uint_eq(type, CKK_AES);
	ck_assert_uint_eq(b, CK_FALSE);
	ck_assert_uint_eq(t[5].ulValueLen, 0);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, t2 + 1, 2), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, t2 + 3, 2), CKR_BUFFER_TOO_SMALL);
	t2[0].pValue = NULL; /* nor is the length of a sensitive value told */
	ck_rv(ck->C_GetAttributeValue(ck_session, h, t2, 1), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_eq(t2[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
}
END_TEST

/* A copy of a key that nobody may change is no way to give it usages. */
START_TEST(copy_of_a_fixed_key_gets_no_more_usages)
{
	CK_ATTRIBUTE t[] = { SET(CKA_ENCRYPT, ok_yes), SET(CKA_MODIFIABLE, ok_no) };
	CK_ATTRIBUTE more[] = { SET(CKA_DECRYPT, ok_yes) }, less[] = { SET(CKA_ENCRYPT, ok_no) };
	CK_ATTRIBUTE thaw[] = { SET(CKA_MODIFIABLE, ok_yes) }, named[] = { TEXT(CKA_LABEL, "copy") };
	CK_OBJECT_HANDLE h = 0, copy = 0;

	ck_ok(ok_aes_key(t, 2, &h));
	ck_rv(ck->C_CopyObject(ck_session, h, more, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_CopyObject(ck_session, h, thaw, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	ck_ok(ck->C_CopyObject(ck_session, h, less, 1, &copy));
	ck_ok(ck->C_CopyObject(ck_session, h, named, 1, &copy));
	ck_rv(ok_set_bool(copy, CKA_DECRYPT, true), CKR_ACTION_PROHIBITED);
}
END_TEST

/* PKCS#11 4.10, 4.11: CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE say what was, through copies and changes. */
START_TEST(what_was_is_not_forgotten)
{
	static const CK_BBOOL flags[] = { CK_TRUE, CK_FALSE };

	for (int i = 0; i < 4; i++) {
		bool sensitive = flags[i & 1], extractable = flags[i >> 1];
		CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, (void *)(uintptr_t)&flags[i & 1], 1 },
				     { CKA_EXTRACTABLE, (void *)(uintptr_t)&flags[i >> 1], 1 } };
		CK_ATTRIBUTE tighter[] = { SET(CKA_SENSITIVE, ok_yes), SET(CKA_EXTRACTABLE, ok_no) };
		CK_OBJECT_HANDLE h = 0, copy = 0;

		ck_ok(ok_aes_key(t, 2, &h));
		ck_ok(ck->C_CopyObject(ck_session, h, tighter, 2, &copy));
		ck_ok(ok_set_bool(h, CKA_SENSITIVE, true));
		ck_ok(ok_set_bool(h, CKA_EXTRACTABLE, false));
		for (int k = 0; k < 2; k++) {
			ck_assert_int_eq(ck_get_bool(h, CKA_ALWAYS_SENSITIVE), sensitive);
			ck_assert_int_eq(ck_get_bool(h, CKA_NEVER_EXTRACTABLE), !extractable);
			ck_assert(ck_get_bool(h, CKA_LOCAL));
			ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_GEN_MECHANISM), CKM_AES_KEY_GEN);
			ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_EXTRACTABLE));
			h = copy;
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_value");
	TCase *c = tcase_create("object_value");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, ok_login, ok_clean);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, check_value_of_created_keys);
	tcase_add_test(c, check_value_can_be_dropped_and_put_back_right);
	tcase_add_test(c, check_value_travels_with_the_key);
	tcase_add_test(c, public_key_info_says_which_pair_it_is);
	tcase_add_test(c, public_key_info_of_created_keys);
	tcase_add_test(c, public_key_info_of_unwrapped_keys);
	tcase_add_test(c, no_search_finds_the_value_of_a_key);
	tcase_add_test(c, searches_with_odd_templates);
	tcase_add_test(c, size_is_what_the_object_holds);
	tcase_add_test(c, good_and_bad_attributes_in_one_call);
	tcase_add_test(c, copy_of_a_fixed_key_gets_no_more_usages);
	tcase_add_test(c, what_was_is_not_forgotten);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
