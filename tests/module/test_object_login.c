/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <string.h>

/* CKA_ALWAYS_AUTHENTICATE: a login for every use of a key. */

static CK_OBJECT_HANDLE public_key, private_key;
static CK_MECHANISM sign_m = { CKM_SHA256_RSA_PKCS, NULL, 0 };

static CK_RV again(const char *pin)
{
	return ck->C_Login(ck_session, CKU_CONTEXT_SPECIFIC, CK_TEXT(pin));
}

static CK_RV sign(uint8_t out[256])
{
	CK_ULONG n = 256;

	return ck->C_Sign(ck_session, (CK_BYTE *)(uintptr_t) "abc", 3, out, &n);
}

static void begin(void)
{
	CK_ATTRIBUTE t[] = { SET(CKA_ALWAYS_AUTHENTICATE, ok_yes), SET(CKA_TOKEN, ok_yes), SET(CKA_UNWRAP, ok_yes),
			     SET(CKA_DERIVE, ok_yes) };

	ok_login();
	ok_rsa_pair(t, 2, &public_key, &private_key);
}

START_TEST(every_use_asks_for_its_own_login)
{
	uint8_t a[256], b[256];

	ck_assert(ck_get_bool(private_key, CKA_ALWAYS_AUTHENTICATE));
	ck_rv(again(CK_TEST_USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(sign(a), CKR_USER_NOT_LOGGED_IN);
	ck_rv(sign(a), CKR_OPERATION_NOT_INITIALIZED); /* that was the end of it */
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_ok(again(CK_TEST_USER_PIN));
	ck_rv(again(CK_TEST_USER_PIN), CKR_OPERATION_NOT_INITIALIZED); /* nobody waits for one */
	ck_ok(sign(a));
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(sign(b), CKR_USER_NOT_LOGGED_IN);
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_ok(again(CK_TEST_USER_PIN));
	ck_ok(sign(b));
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

START_TEST(a_login_lasts_to_the_end_of_many_parts)
{
	uint8_t out[256];
	CK_ULONG n = sizeof(out);

	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(ck->C_SignUpdate(ck_session, out, 1), CKR_USER_NOT_LOGGED_IN);
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_ok(again(CK_TEST_USER_PIN));
	ck_ok(ck->C_SignUpdate(ck_session, out, 1));
	ck_ok(ck->C_SignUpdate(ck_session, out, 1));
	ck_ok(ck->C_SignFinal(ck_session, NULL, &n));
	ck_ok(ck->C_SignFinal(ck_session, out, &n));
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(ck->C_SignUpdate(ck_session, out, 1), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

START_TEST(a_wrong_pin_lets_nothing_through)
{
	uint8_t out[256];
	CK_SESSION_INFO info;

	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(again("other4321"), CKR_PIN_INCORRECT);
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
	ck_assert_uint_eq(info.state, CKS_RW_USER_FUNCTIONS); /* still logged in */
	ck_rv(again("alice:" CK_TEST_USER_PIN), CKR_PIN_INCORRECT);
	ck_rv(again(CK_TEST_SO_PIN), CKR_PIN_INCORRECT);
	ck_rv(ck->C_Login(ck_session, CKU_CONTEXT_SPECIFIC, NULL, 3), CKR_ARGUMENTS_BAD);
	ck_ok(again(CK_TEST_USER_PIN));
	ck_ok(sign(out));
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_rv(again("other4321"), CKR_PIN_INCORRECT);
	ck_rv(sign(out), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

START_TEST(the_login_is_for_the_operation_begun_last)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
	uint8_t sealed[256], out[256];
	CK_ULONG n = sizeof(sealed);

	ck_ok(ck->C_EncryptInit(ck_session, &m, public_key));
	ck_rv(again(CK_TEST_USER_PIN), CKR_OPERATION_NOT_INITIALIZED); /* public keys ask for none */
	ck_ok(ck->C_Encrypt(ck_session, (CK_BYTE *)(uintptr_t) "abc", 3, sealed, &n));
	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	ck_ok(ck->C_DecryptInit(ck_session, &m, private_key));
	ck_ok(ck->C_DigestInit(ck_session, &sha));
	ck_ok(again(CK_TEST_USER_PIN));
	n = sizeof(out);
	ck_ok(ck->C_Decrypt(ck_session, sealed, sizeof(sealed), out, &n));
	ck_assert_uint_eq(n, 3);
	ck_ok(again(CK_TEST_USER_PIN)); /* now for the signature */
	ck_ok(sign(out));
	ck_ok(ck->C_DigestFinal(ck_session, out, &(CK_ULONG){ 32 }));
}
END_TEST

START_TEST(it_cannot_be_changed_and_needs_a_private_object)
{
	CK_ATTRIBUTE open[] = { SET(CKA_ALWAYS_AUTHENTICATE, ok_yes), SET(CKA_PRIVATE, ok_no) };
	CK_ATTRIBUTE secret[] = { SET(CKA_ALWAYS_AUTHENTICATE, ok_yes) };
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_t[] = { SET(CKA_MODULUS_BITS, bits) };
	CK_OBJECT_HANDLE h = 0, p = 0;
	uint8_t out[256];

	ck_rv(ok_set_bool(private_key, CKA_ALWAYS_AUTHENTICATE, false), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_CopyObject(ck_session, private_key, (CK_ATTRIBUTE[]){ SET(CKA_ALWAYS_AUTHENTICATE, ok_no) }, 1, &h),
	      CKR_ATTRIBUTE_READ_ONLY);
	ck_ok(ck->C_CopyObject(ck_session, private_key, NULL, 0, &h));
	ck_ok(ck->C_SignInit(ck_session, &sign_m, h));
	ck_rv(sign(out), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_GenerateKeyPair(ck_session, &m, public_t, 1, open, 2, &p, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(ok_aes_key(secret, 1, &h), CKR_ATTRIBUTE_TYPE_INVALID);
}
END_TEST

/* There is no moment for a login between the beginning and the end of these. */
START_TEST(calls_that_begin_and_end_at_once_are_refused)
{
	CK_ATTRIBUTE t[] = { SET(CKA_ALWAYS_AUTHENTICATE, ok_yes) };
	CK_MECHANISM oaep_m = { CKM_RSA_PKCS_OAEP,
				&(CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 },
				sizeof(CK_RSA_PKCS_OAEP_PARAMS) };
	CK_MECHANISM gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_t[] = { SET(CKA_MODULUS_BITS, bits), SET(CKA_WRAP, ok_yes) };
	CK_ATTRIBUTE private_t[] = { t[0], SET(CKA_UNWRAP, ok_yes) };
	CK_ATTRIBUTE key_t[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes) };
	CK_ATTRIBUTE leaves[] = { SET(CKA_EXTRACTABLE, ok_yes) };
	CK_OBJECT_HANDLE wraps = 0, unwraps = 0, key = 0;
	uint8_t out[256];
	CK_ULONG n = sizeof(out);

	ck_ok(ck->C_GenerateKeyPair(ck_session, &gen, public_t, 2, private_t, 2, &wraps, &unwraps));
	ck_ok(ok_aes_key(leaves, 1, &key));
	ck_ok(ck->C_WrapKey(ck_session, &oaep_m, wraps, key, out, &n));
	ck_rv(ck->C_UnwrapKey(ck_session, &oaep_m, unwraps, out, n, key_t, 2, &key), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

/* Last test, for the PIN stays locked: the same retry counter as C_Login's; what is locked is logged out. */
START_TEST(wrong_pins_lock_and_log_out)
{
	CK_TOKEN_INFO info;
	CK_SESSION_INFO session;
	CK_RV rv = CKR_PIN_INCORRECT;
	unsigned tries = 0;

	ck_ok(ck->C_SignInit(ck_session, &sign_m, private_key));
	while (rv == CKR_PIN_INCORRECT && tries++ < 20)
		rv = again("00000000");
	ck_assert_uint_eq(rv, CKR_PIN_LOCKED);
	ck_assert_uint_eq(tries, 11);
	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	ck_assert(info.flags & CKF_USER_PIN_LOCKED);
	ck_ok(ck->C_GetSessionInfo(ck_session, &session));
	ck_assert_uint_eq(session.state, CKS_RW_PUBLIC_SESSION);
	ck_rv(sign((uint8_t[256]){ 0 }), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(again(CK_TEST_USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_login");
	TCase *c = tcase_create("object_login");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_unchecked_fixture(c, begin, NULL);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, every_use_asks_for_its_own_login);
	tcase_add_test(c, a_login_lasts_to_the_end_of_many_parts);
	tcase_add_test(c, a_wrong_pin_lets_nothing_through);
	tcase_add_test(c, the_login_is_for_the_operation_begun_last);
	tcase_add_test(c, it_cannot_be_changed_and_needs_a_private_object);
	tcase_add_test(c, calls_that_begin_and_end_at_once_are_refused);
	tcase_add_test(c, wrong_pins_lock_and_log_out);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
