/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <string.h>

/* CKA_TRUSTED and CKA_WRAP_WITH_TRUSTED, and what the SO may do with keys of the user. */

static CK_MECHANISM key_wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
static CK_ATTRIBUTE by_label = TEXT(CKA_LABEL, "wrapper"), by_cargo = TEXT(CKA_LABEL, "cargo");

/* make: a private wrapping key of the token and a key that leaves under trusted ones alone. */
static void make(CK_OBJECT_HANDLE *ret_wrapper, CK_OBJECT_HANDLE *ret_cargo)
{
	CK_ATTRIBUTE t[] = { SET(CKA_WRAP, ok_yes), SET(CKA_TOKEN, ok_yes), TEXT(CKA_LABEL, "wrapper"),
			     SET(CKA_COPYABLE, ok_yes) };
	CK_ATTRIBUTE c[] = { SET(CKA_EXTRACTABLE, ok_yes), SET(CKA_WRAP_WITH_TRUSTED, ok_yes), SET(CKA_TOKEN, ok_yes),
			     SET(CKA_ENCRYPT, ok_yes), TEXT(CKA_LABEL, "cargo") };

	ck_login(CKU_USER);
	ck_ok(ok_aes_key(t, ARRAY_LEN(t), ret_wrapper));
	ck_ok(ok_aes_key(c, ARRAY_LEN(c), ret_cargo));
}

static CK_RV wrap(CK_OBJECT_HANDLE under, CK_OBJECT_HANDLE key)
{
	uint8_t out[64];
	CK_ULONG n = sizeof(out);

	return ck->C_WrapKey(ck_session, &key_wrap, under, key, out, &n);
}

START_TEST(only_trusted_keys_carry_what_asks_for_them)
{
	CK_OBJECT_HANDLE wrapper, cargo, copy = 0;

	make(&wrapper, &cargo);
	ck_rv(wrap(wrapper, cargo), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(ok_set_bool(wrapper, CKA_TRUSTED, true), CKR_ATTRIBUTE_READ_ONLY);
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&by_label, 1, &wrapper), 1);
	ck_ok(ok_set_bool(wrapper, CKA_TRUSTED, true));
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&by_label, 1, &wrapper), 1);
	ck_assert_uint_eq(ck_find(&by_cargo, 1, &cargo), 1);
	ck_assert(ck_get_bool(wrapper, CKA_TRUSTED));
	ck_ok(wrap(wrapper, cargo));
	/* The user does not change it, and his copy of it is not trusted. */
	ck_rv(ok_set_bool(wrapper, CKA_ENCRYPT, true), CKR_ACTION_PROHIBITED);
	ck_rv(ok_set(wrapper, CKA_LABEL, "x", 1), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_CopyObject(ck_session, wrapper, NULL, 0, &copy));
	ck_assert(!ck_get_bool(copy, CKA_TRUSTED));
	ck_rv(wrap(copy, cargo), CKR_KEY_NOT_WRAPPABLE);
	ck_ok(ck->C_DestroyObject(ck_session, copy));
	/* And it can be taken back. */
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&by_label, 1, &wrapper), 1);
	ck_ok(ok_set_bool(wrapper, CKA_TRUSTED, false));
	ok_restart();
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&by_label, 1, &wrapper), 1);
	ck_assert_uint_eq(ck_find(&by_cargo, 1, &cargo), 1);
	ck_rv(wrap(wrapper, cargo), CKR_KEY_NOT_WRAPPABLE);
}
END_TEST

START_TEST(the_so_sees_what_a_key_is_and_not_its_value)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_secret),           SET(CKA_KEY_TYPE, ok_aes),
			     TEXT(CKA_VALUE, "0123456789abcdef"), SET(CKA_SENSITIVE, ok_no),
			     SET(CKA_EXTRACTABLE, ok_yes),        SET(CKA_TOKEN, ok_yes),
			     TEXT(CKA_LABEL, "open to its user") };
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "open to its user");
	CK_ATTRIBUTE by_value = TEXT(CKA_VALUE, "0123456789abcdef");
	CK_OBJECT_HANDLE h = 0;
	uint8_t room[32];
	CK_ULONG n = sizeof(room), size = 0;

	ck_login(CKU_USER);
	ck_ok(ok_create(t, ARRAY_LEN(t), &h));
	ck_ok(ok_get(h, CKA_VALUE, room, &n));
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&label, 1, &h), 1);
	ck_assert_uint_eq(ck_find(&by_value, 1, NULL), 0);
	ck_assert(!ck_get_bool(h, CKA_SENSITIVE) && ck_get_bool(h, CKA_EXTRACTABLE) && ck_get_bool(h, CKA_PRIVATE));
	ck_assert_uint_eq(ck_get_ulong(h, CKA_VALUE_LEN), 16);
	ck_assert_uint_eq(ok_bytes(h, CKA_UNIQUE_ID, room, sizeof(room)).n, 32);
	n = sizeof(room);
	ck_rv(ok_get(h, CKA_VALUE, room, &n), CKR_USER_NOT_LOGGED_IN);
	ck_assert_uint_eq(n, CK_UNAVAILABLE_INFORMATION);
	ck_ok(ck->C_GetObjectSize(ck_session, h, &size));
}
END_TEST

START_TEST(the_so_uses_no_key_of_the_user)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, oaep = { 0 };
	CK_OBJECT_HANDLE wrapper, cargo, copy = 0;
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_ULONG bits = 2048, n = 512;
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public_t[] = { SET(CKA_MODULUS_BITS, bits), SET(CKA_WRAP, ok_yes) };
	CK_OBJECT_HANDLE public_key = 0, private_key = 0;
	CK_ATTRIBUTE unwrapped[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), SET(CKA_PRIVATE, ok_no) };
	CK_ATTRIBUTE two[] = { SET(CKA_TRUSTED, ok_yes), SET(CKA_ENCRYPT, ok_yes) };
	uint8_t out[512];

	make(&wrapper, &cargo);
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&by_label, 1, &wrapper), 1);
	ck_assert_uint_eq(ck_find(&by_cargo, 1, &cargo), 1);
	ck_rv(ck->C_EncryptInit(ck_session, &ecb, cargo), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_DigestInit(ck_session, &(CK_MECHANISM){ CKM_SHA256, NULL, 0 }), CKR_OK);
	ck_rv(ck->C_DigestKey(ck_session, cargo), CKR_USER_NOT_LOGGED_IN);
	ck_rv(wrap(wrapper, cargo), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_UnwrapKey(ck_session, &key_wrap, wrapper, out, 40, unwrapped, 3, &copy), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_DeriveKey(ck_session, &ecb, wrapper, unwrapped, 3, &copy), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_CopyObject(ck_session, wrapper, NULL, 0, &copy), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_DestroyObject(ck_session, wrapper), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ok_set(wrapper, CKA_LABEL, "x", 1), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_SetAttributeValue(ck_session, wrapper, two, 2), CKR_USER_NOT_LOGGED_IN);
	ck_assert(!ck_get_bool(wrapper, CKA_TRUSTED));
	/* Nor does he wrap one under a public key of his own. */
	ck_ok(ck->C_GenerateKeyPair(ck_session, &gen, public_t, 2, (CK_ATTRIBUTE[]){ SET(CKA_PRIVATE, ok_no) }, 1,
				    &public_key, &private_key));
	oaep = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
	ck_rv(ck->C_WrapKey(ck_session, &oaep, public_key, cargo, out, &n), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

START_TEST(the_so_sees_private_keys_alone)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_data), SET(CKA_PRIVATE, ok_yes), SET(CKA_TOKEN, ok_yes),
			     TEXT(CKA_LABEL, "diary") };
	CK_ATTRIBUTE diary = TEXT(CKA_LABEL, "diary");
	CK_OBJECT_HANDLE h = 0;

	ck_login(CKU_USER);
	ck_ok(ok_create(t, ARRAY_LEN(t), &h));
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&diary, 1, NULL), 0);
	ck_rv(ck->C_DestroyObject(ck_session, h), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(ok_create(t, ARRAY_LEN(t), &h), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

START_TEST(trusted_certificates_stay_as_they_are)
{
	CK_ULONG x509 = CKC_X_509;
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, ok_certificate), SET(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_SUBJECT, "s"),
			     TEXT(CKA_VALUE, "v"),           SET(CKA_TRUSTED, ok_yes),        SET(CKA_TOKEN, ok_yes) };
	CK_ATTRIBUTE find = SET(CKA_TRUSTED, ok_yes);
	CK_OBJECT_HANDLE h = 0;

	ck_login(CKU_USER);
	ck_rv(ok_create(t, ARRAY_LEN(t), &h), CKR_ATTRIBUTE_READ_ONLY);
	ck_login(CKU_SO);
	ck_ok(ok_create(t, ARRAY_LEN(t), &h));
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&find, 1, &h), 1);
	ck_rv(ok_set(h, CKA_ID, "1", 1), CKR_ACTION_PROHIBITED);
	ck_rv(ok_set_bool(h, CKA_TRUSTED, false), CKR_ACTION_PROHIBITED);
}
END_TEST

/* A key that nobody may change is not trusted afterwards either. */
START_TEST(trust_is_a_change)
{
	CK_ATTRIBUTE t[] = { SET(CKA_WRAP, ok_yes), SET(CKA_TOKEN, ok_yes), TEXT(CKA_LABEL, "wrapper"),
			     SET(CKA_MODIFIABLE, ok_no) };
	CK_OBJECT_HANDLE h = 0;

	ck_login(CKU_USER);
	ck_ok(ok_aes_key(t, ARRAY_LEN(t), &h));
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&by_label, 1, &h), 1);
	ck_rv(ok_set_bool(h, CKA_TRUSTED, true), CKR_ACTION_PROHIBITED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_so");
	TCase *c = tcase_create("object_so");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, NULL, ok_clean);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, only_trusted_keys_carry_what_asks_for_them);
	tcase_add_test(c, the_so_sees_what_a_key_is_and_not_its_value);
	tcase_add_test(c, the_so_uses_no_key_of_the_user);
	tcase_add_test(c, the_so_sees_private_keys_alone);
	tcase_add_test(c, trusted_certificates_stay_as_they_are);
	tcase_add_test(c, trust_is_a_change);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
