/* SPDX-License-Identifier: BSD-2-Clause */
/* SR_GetUsers and SR_RemoveUser: who may log in, and who may no more. */
#include "vendor_kit.h"

#include <string.h>
#include "audit.h"
#include "vendor_functions.h"

static const struct sr_function_list *sr;

static void begin(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	kit_begin();
	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	sr = found->pFunctionList;
}

static CK_RV removed(const char *name)
{
	return sr->SR_RemoveUser(ck_session, SR_USER_CUSTODIAN, CK_TEXT(name));
}

static CK_RV log_in(const char *pin)
{
	ck_logout();
	return ck->C_Login(ck_session, CKU_USER, CK_TEXT(pin));
}

START_TEST(users_come_in_order_with_the_tries_they_have_left)
{
	struct sr_user users[8];
	CK_ULONG n = 0;

	ck_logout();
	ck_rv(log_in("bob:wrong-one"), CKR_PIN_INCORRECT);
	ck_ok(sr->SR_GetUsers(ck_session, NULL, &n));
	ck_assert_uint_eq(n, 5);
	n = 4;
	ck_rv(sr->SR_GetUsers(ck_session, users, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 5);
	n = ARRAY_LEN(users);
	ck_ok(sr->SR_GetUsers(ck_session, users, &n));
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(users[0].ulKind, SR_USER_SO);
	ck_assert_uint_eq(users[1].ulKind, SR_USER_DEFAULT);
	ck_assert_str_eq((char *)users[2].szName, "alice");
	ck_assert_str_eq((char *)users[3].szName, "bob");
	ck_assert_uint_eq(users[3].ulRetriesLeft, users[3].ulRetriesMax - 1);
	ck_assert_uint_eq(users[2].ulRetriesLeft, users[2].ulRetriesMax);
	ck_rv(sr->SR_GetUsers(ck_session, users, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetUsers(ck_session + 1000, users, &n), CKR_SESSION_HANDLE_INVALID);
}
END_TEST

START_TEST(who_is_removed_does_not_log_in_and_his_components_are_gone)
{
	uint8_t value[32];
	CK_OBJECT_HANDLE h = 0;

	kit_pattern(value, sizeof(value), 1);
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-X#1/2", CKK_AES, VIEW(value, 32), &h));
	kit_login(KIT_BOB);
	value[0] ^= 1;
	ck_ok(kit_component("PK-X#2/2", CKK_AES, VIEW(value, 32), &h));
	ck_login(CKU_SO);
	ck_ok(removed("alice"));
	ck_rv(removed("alice"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(log_in(KIT_ALICE), CKR_PIN_INCORRECT);
	ck_ok(log_in(KIT_BOB));
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-X#1/2", NULL), 0);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-X#2/2", NULL), 1);
	/* One who comes back under the same name is another one. */
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:first-one-1")));
	ck_rv(log_in(KIT_ALICE), CKR_PIN_INCORRECT);
	ck_ok(log_in("alice:first-one-1"));
}
END_TEST

START_TEST(the_default_user_is_removed_without_a_name)
{
	ck_login(CKU_SO);
	ck_rv(sr->SR_RemoveUser(ck_session, SR_USER_DEFAULT, CK_TEXT("alice")), CKR_ARGUMENTS_BAD);
	ck_ok(sr->SR_RemoveUser(ck_session, SR_USER_DEFAULT, NULL, 0));
	ck_rv(sr->SR_RemoveUser(ck_session, SR_USER_DEFAULT, NULL, 0), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(log_in(CK_TEST_USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	ck_ok(log_in(KIT_BOB));
}
END_TEST

START_TEST(only_the_so_removes_and_in_a_session_that_may_write)
{
	CK_SESSION_HANDLE reader;

	ck_logout();
	ck_rv(removed("alice"), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_BOB);
	ck_rv(removed("alice"), CKR_USER_NOT_LOGGED_IN);
	ck_rv(removed("bob"), CKR_USER_NOT_LOGGED_IN);
	reader = ck_open(false);
	ck_rv(sr->SR_RemoveUser(reader, SR_USER_CUSTODIAN, CK_TEXT("alice")), CKR_SESSION_READ_ONLY);
	ck_ok(ck->C_CloseSession(reader));
	ck_login(CKU_SO);
	ck_rv(sr->SR_RemoveUser(ck_session, SR_USER_SO, NULL, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RemoveUser(ck_session, 77, NULL, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RemoveUser(ck_session, SR_USER_CUSTODIAN, NULL, 5), CKR_ARGUMENTS_BAD);
	ck_rv(removed(""), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(removed("Alice"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(removed("a-name-that-is-longer-than-names-of-custodians-are"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(sr->SR_RemoveUser(ck_session + 1000, SR_USER_DEFAULT, NULL, 0), CKR_SESSION_HANDLE_INVALID);
	ck_ok(log_in(KIT_ALICE));
}
END_TEST

START_TEST(the_state_of_a_token_counts_objects_that_nobody_sees)
{
	struct sr_token_state state = { 0 };
	CK_OBJECT_HANDLE h = 0;
	uint8_t value[32];

	kit_pattern(value, sizeof(value), 2);
	kit_login(KIT_ALICE);
	ck_ok(sr->SR_GetTokenState(ck_session, &state));
	ck_assert_uint_eq(state.ulObjects, 0);
	ck_ok(kit_component("PK-X#1/2", CKK_AES, VIEW(value, 32), &h));
	ck_logout();
	ck_ok(sr->SR_GetTokenState(ck_session, &state));
	ck_assert_uint_eq(state.ulObjects, 1);
	ck_assert_uint_eq(state.flags, 0);
	ck_assert_uint_eq(state.ulSchema, 2);
	ck_rv(sr->SR_GetTokenState(ck_session, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetTokenState(ck_session + 1000, &state), CKR_SESSION_HANDLE_INVALID);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("user");
	TCase *t = tcase_create("users");

	tcase_add_checked_fixture(t, begin, ck_test_end);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, users_come_in_order_with_the_tries_they_have_left);
	tcase_add_test(t, who_is_removed_does_not_log_in_and_his_components_are_gone);
	tcase_add_test(t, the_default_user_is_removed_without_a_name);
	tcase_add_test(t, only_the_so_removes_and_in_a_session_that_may_write);
	tcase_add_test(t, the_state_of_a_token_counts_objects_that_nobody_sees);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return ck_test_run(suite());
}
