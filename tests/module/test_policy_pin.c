/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a new PIN must be, by the policy of the token. */
#include "attack_kit.h"

#include <string.h>

#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8
#define USER_PIN (CK_UTF8CHAR_PTR) "user1234", 8

static CK_BBOOL yes = CK_TRUE;

static CK_RV set_pin_min(CK_ULONG letters)
{
	CK_ATTRIBUTE t = { CKA_SR_PIN_MIN, &letters, sizeof(letters) };

	return ck->C_SetAttributeValue(mk_session, ak_policy_object(mk_session), &t, 1);
}

static CK_ULONG pin_min(void)
{
	CK_TOKEN_INFO info;
	CK_ULONG letters = 0;
	CK_ATTRIBUTE t = { CKA_SR_PIN_MIN, &letters, sizeof(letters) };

	OK(ck->C_GetAttributeValue(mk_session, ak_policy_object(mk_session), &t, 1));
	OK(ck->C_GetTokenInfo(mk_slot, &info));
	ck_assert_uint_eq(info.ulMinPinLen, letters);
	return letters;
}

#define LETTERS(text) (CK_UTF8CHAR_PTR)(uintptr_t)(text), strlen(text)

START_TEST(new_pins_are_as_long_as_the_so_says)
{
	CK_ATTRIBUTE small = { CKA_SR_PIN_MIN, &yes, 1 };

	OK(ck->C_Logout(mk_session));
	ck_assert_uint_eq(pin_min(), 8);
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	IS(ck->C_InitPIN(mk_session, LETTERS("1234567")), CKR_PIN_LEN_RANGE);
	IS(ck->C_InitPIN(mk_session, LETTERS("fred:1234567")), CKR_PIN_LEN_RANGE);
	IS(ck->C_SetPIN(mk_session, SO_PIN, LETTERS("1234567")), CKR_PIN_LEN_RANGE);
	IS(set_pin_min(3), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(set_pin_min(65), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(set_pin_min(256 + 4), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(ck->C_SetAttributeValue(mk_session, ak_policy_object(mk_session), &small, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(ak_policy_set("raw-unwrap"));
	OK(set_pin_min(4));
	ck_assert_uint_eq(pin_min(), 4);
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "raw-unwrap"); /* one choice leaves the others alone */
	IS(ck->C_InitPIN(mk_session, LETTERS("123")), CKR_PIN_LEN_RANGE);
	OK(ck->C_InitPIN(mk_session, LETTERS("1234")));
	OK(set_pin_min(64));
	OK(ak_policy_set("strict"));
	ck_assert_uint_eq(pin_min(), 64);
	IS(ck->C_InitPIN(mk_session, LETTERS("1234")), CKR_PIN_LEN_RANGE);
	OK(ck->C_Logout(mk_session));
	/* What is short already still opens, and whoever has it takes a longer one. */
	OK(ck->C_Login(mk_session, CKU_USER, LETTERS("1234")));
	IS(set_pin_min(4), CKR_ACTION_PROHIBITED);
	IS(ck->C_SetPIN(mk_session, LETTERS("1234"), USER_PIN), CKR_PIN_LEN_RANGE);
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(set_pin_min(0));
	ck_assert_uint_eq(pin_min(), 8);
	OK(ck->C_Logout(mk_session));
	OK(ck->C_SetPIN(mk_session, LETTERS("1234"), USER_PIN));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
}
END_TEST

/* Before a login nobody can check the record: it makes PINs longer, never shorter. */
START_TEST(unproved_record_makes_no_pin_shorter)
{
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(set_pin_min(4));
	OK(ck->C_Logout(mk_session));
	ck_assert_uint_eq(pin_min(), 8);
	IS(ck->C_SetPIN(mk_session, USER_PIN, LETTERS("1234")), CKR_PIN_LEN_RANGE);
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	ck_assert_uint_eq(pin_min(), 4);
	OK(ck->C_SetPIN(mk_session, USER_PIN, LETTERS("1234")));
	OK(ck->C_SetPIN(mk_session, LETTERS("1234"), USER_PIN));
}
END_TEST

START_TEST(short_so_pin_of_before_makes_no_new_token)
{
	CK_UTF8CHAR label[32];

	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(set_pin_min(4));
	OK(ck->C_SetPIN(mk_session, SO_PIN, LETTERS("so12")));
	OK(ck->C_CloseAllSessions(mk_slot));
	memset(label, ' ', sizeof(label));
	IS(ck->C_InitToken(mk_slot, LETTERS("so13"), label), CKR_PIN_INCORRECT);
	for (int i = 0; i < 12; i++) /* being right costs no retry */
		IS(ck->C_InitToken(mk_slot, LETTERS("so12"), label), CKR_PIN_LEN_RANGE);
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN)); /* and nothing is gone */
	OK(ck->C_Logout(mk_session));
	OK(ck->C_SetPIN(mk_session, USER_PIN, USER_PIN));
	OK(ck->C_Login(mk_session, CKU_SO, LETTERS("so12")));
	OK(ck->C_SetPIN(mk_session, LETTERS("so12"), SO_PIN));
	OK(ck->C_CloseAllSessions(mk_slot));
	OK(ck->C_InitToken(mk_slot, SO_PIN, label));
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	ck_assert_uint_eq(pin_min(), 8); /* the choice went with the token */
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	ck_assert_uint_eq(pin_min(), 8);
	OK(ck->C_InitPIN(mk_session, USER_PIN));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_pin");
	TCase *c = tcase_create("policy_pin");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, new_pins_are_as_long_as_the_so_says);
	tcase_add_test(c, unproved_record_makes_no_pin_shorter);
	tcase_add_test(c, short_so_pin_of_before_makes_no_new_token);
	suite_add_tcase(s, c);
	return mk_main(s);
}
