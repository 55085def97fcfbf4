/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad input, chapter 1: module, slots, sessions, users. */
#include "bad_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_LENGTH (~0UL)

static CK_RV a_mutex(void **p)
{
	return CKR_OK;
}

static CK_RV a_lock(void *p)
{
	return CKR_OK;
}

/* Every function of both lists but those that work without C_Initialize. R6.5 */
static void all_refuse(void)
{
	static const char *const open[] = { "C_Initialize", "C_GetFunctionList", "C_GetInterfaceList",
					    "C_GetInterface" };
	CK_UTF8CHAR label[32] = { 0 };
	CK_INFO info;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO mechanism;
	CK_SLOT_ID id = 77;
	CK_ULONG n = 77;
	CK_RV e = CKR_CRYPTOKI_NOT_INITIALIZED;

	bad_cover();
	BAD(e, C_Finalize, NULL);
	BAD(e, C_Finalize, &n);
	BAD(e, C_GetInfo, &info);
	BAD(e, C_GetSlotList, CK_FALSE, NULL, &n);
	BAD(e, C_GetSlotInfo, 0, &slot);
	BAD(e, C_GetTokenInfo, 0, &token);
	BAD(e, C_WaitForSlotEvent, CKF_DONT_BLOCK, &id, NULL);
	BAD(e, C_GetMechanismList, 0, NULL, &n);
	BAD(e, C_GetMechanismInfo, 0, CKM_SHA256, &mechanism);
	BAD(e, C_InitToken, 0, CK_TEXT("12345678"), label);
	BAD(e, C_OpenSession, 0, CKF_SERIAL_SESSION, NULL, NULL, &n);
	BAD(e, C_CloseAllSessions, 0);
	bad_session_functions(1, e, BAD_ALL);
	bad_session_functions(0, e, BAD_ALL);
	bad_covered(open, ARRAY_LEN(open));
	ck_assert_uint_eq(n, 77);
	ck_assert_uint_eq(id, 77);
}

START_TEST(every_function_refuses_before_initialize_and_after_finalize)
{
	all_refuse();
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_Finalize(NULL));
	all_refuse();
}
END_TEST

/* R6.5: four mutex functions or none; only what the module cannot do is CKR_CANT_LOCK. */
START_TEST(initialize_keeps_the_rules_of_mutexes_and_flags)
{
	static const CK_FLAGS both = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS;

	for (unsigned set = 0; set < 16; set++) {
		for (unsigned flags = 0; flags < 4; flags++) {
			CK_C_INITIALIZE_ARGS args = {
				.CreateMutex = set & 1 ? a_mutex : NULL,
				.DestroyMutex = set & 2 ? a_lock : NULL,
				.LockMutex = set & 4 ? a_lock : NULL,
				.UnlockMutex = set & 8 ? a_lock : NULL,
				.flags = (flags & 1 ? CKF_OS_LOCKING_OK : 0) |
					 (flags & 2 ? CKF_LIBRARY_CANT_CREATE_OS_THREADS : 0),
			};

			if (set != 0 && set != 15) {
				BAD(CKR_ARGUMENTS_BAD, C_Initialize, &args);
			} else if (set == 15 && !(flags & 1)) {
				BAD(CKR_CANT_LOCK, C_Initialize, &args);
			} else {
				BAD(CKR_OK, C_Initialize, &args);
				BAD(CKR_CRYPTOKI_ALREADY_INITIALIZED, C_Initialize, &args);
				BAD(CKR_CRYPTOKI_ALREADY_INITIALIZED, C_Initialize, NULL);
				BAD(CKR_ARGUMENTS_BAD, C_Finalize, &args);
				BAD(CKR_OK, C_Finalize, NULL);
			}
			args = (CK_C_INITIALIZE_ARGS){ .flags = both, .pReserved = &args };
			BAD(CKR_ARGUMENTS_BAD, C_Initialize, &args);
			BAD(CKR_CRYPTOKI_NOT_INITIALIZED, C_Finalize, NULL);
		}
	}
}
END_TEST

/* R6.5 */
START_TEST(slots_that_are_none_are_refused)
{
	static const CK_SLOT_ID ids[] = { 2, 3, 0x7fffffff, 0x80000000, ~0UL };
	CK_UTF8CHAR label[32] = { 0 };
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO mechanism;
	CK_ULONG n = 77;
	CK_RV e = CKR_SLOT_ID_INVALID;

	bad_watch();
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		BAD(e, C_GetSlotInfo, ids[i], &slot);
		BAD(e, C_GetTokenInfo, ids[i], &token);
		BAD(e, C_GetMechanismList, ids[i], NULL, &n);
		BAD(e, C_GetMechanismInfo, ids[i], CKM_SHA256, &mechanism);
		BAD(e, C_InitToken, ids[i], CK_TEXT("12345678"), label);
		BAD(e, C_OpenSession, ids[i], CKF_SERIAL_SESSION, NULL, NULL, &n);
		BAD(e, C_CloseAllSessions, ids[i]);
	}
	ck_assert_uint_eq(n, 77);
	bad_unwatch();
}
END_TEST

/* R6.5 */
START_TEST(general_functions_refuse_null_and_short)
{
	CK_MECHANISM_TYPE types[256] = { 1, 2 };
	CK_SLOT_ID slots[8] = { 77, 77 }, slot = 77;
	CK_ULONG n, all = 0;
	CK_RV e = CKR_ARGUMENTS_BAD;

	bad_watch();
	BAD(e, C_GetInfo, NULL);
	BAD(e, C_GetFunctionList, NULL);
	BAD(e, C_GetInterfaceList, NULL, NULL);
	BAD(e, C_GetInterface, NULL, NULL, NULL, 0);
	BAD(e, C_GetSlotList, CK_FALSE, NULL, NULL);
	BAD(e, C_GetSlotList, CK_TRUE, slots, NULL);
	BAD(e, C_GetSlotInfo, ck_slot, NULL);
	BAD(e, C_GetTokenInfo, ck_slot, NULL);
	BAD(e, C_GetMechanismList, ck_slot, NULL, NULL);
	BAD(e, C_GetMechanismList, ck_slot, types, NULL);
	BAD(e, C_GetMechanismInfo, ck_slot, CKM_SHA256, NULL);
	BAD(CKR_MECHANISM_INVALID, C_GetMechanismInfo, ck_slot, 0x12345678, &(CK_MECHANISM_INFO){ 0 });
	BAD(e, C_WaitForSlotEvent, CKF_DONT_BLOCK, NULL, NULL);
	BAD(e, C_WaitForSlotEvent, CKF_DONT_BLOCK, &slot, &slot);
	BAD(CKR_NO_EVENT, C_WaitForSlotEvent, CKF_DONT_BLOCK, &slot, NULL);
	ck_assert_uint_eq(slot, 77);
	ck_ok(ck->C_GetSlotList(CK_FALSE, NULL, &all));
	ck_assert_uint_eq(all, 2);
	n = 1;
	BAD(CKR_BUFFER_TOO_SMALL, C_GetSlotList, CK_FALSE, slots, &n);
	ck_assert_uint_eq(n, 2);
	n = 0;
	BAD(CKR_BUFFER_TOO_SMALL, C_GetSlotList, CK_FALSE, slots, &n);
	ck_assert_uint_eq(n, 2);
	ck_ok(ck->C_GetMechanismList(ck_slot, NULL, &all));
	n = all - 1;
	BAD(CKR_BUFFER_TOO_SMALL, C_GetMechanismList, ck_slot, types, &n);
	ck_assert_uint_eq(n, all);
	ck_assert(types[0] == 1 && types[1] == 2);
	bad_unwatch();
}
END_TEST

/* R6.5 */
START_TEST(init_token_refuses_null_and_open_sessions)
{
	CK_UTF8CHAR label[32];
	char many[4096];

	memset(label, ' ', sizeof(label));
	memset(many, '1', sizeof(many));
	bad_watch();
	BAD(CKR_ARGUMENTS_BAD, C_InitToken, ck_slot, NULL, 8, label);
	BAD(CKR_ARGUMENTS_BAD, C_InitToken, ck_slot, NULL, 0, label);
	BAD(CKR_ARGUMENTS_BAD, C_InitToken, ck_slot, CK_TEXT(CK_TEST_SO_PIN), NULL);
	BAD(CKR_SESSION_EXISTS, C_InitToken, ck_slot, CK_TEXT(CK_TEST_SO_PIN), label);
	BAD(CKR_SESSION_EXISTS, C_InitToken, ck_slot, CK_TEXT("wrong"), label);
	bad_unwatch();
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	BAD(CKR_PIN_INCORRECT, C_InitToken, ck_slot, CK_TEXT("wrongwrong"), label);
	BAD(CKR_PIN_INCORRECT, C_InitToken, ck_slot, (CK_UTF8CHAR_PTR)many, sizeof(many), label);
	BAD(CKR_PIN_INCORRECT, C_InitToken, ck_slot, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH, label);
	BAD(CKR_PIN_LEN_RANGE, C_InitToken, 1, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH, label);
	BAD(CKR_PIN_LEN_RANGE, C_InitToken, 1, (CK_UTF8CHAR_PTR)many, 1, label);
	ck_session = ck_open(true);
	ck_login(CKU_USER); /* still there */
	ck_logout();
}
END_TEST

/* R6.5 */
START_TEST(open_session_refuses_flags_and_null)
{
	CK_SESSION_HANDLE h = 77;

	bad_watch();
	BAD(CKR_ARGUMENTS_BAD, C_GetSessionInfo, ck_session, NULL);
	BAD(CKR_ARGUMENTS_BAD, C_OpenSession, ck_slot, CKF_SERIAL_SESSION, NULL, NULL, NULL);
	BAD(CKR_SESSION_PARALLEL_NOT_SUPPORTED, C_OpenSession, ck_slot, 0, NULL, NULL, &h);
	BAD(CKR_SESSION_PARALLEL_NOT_SUPPORTED, C_OpenSession, ck_slot, CKF_RW_SESSION, NULL, NULL, &h);
	BAD(CKR_ARGUMENTS_BAD, C_OpenSession, ck_slot, CKF_SERIAL_SESSION | 0x100, NULL, NULL, &h);
	BAD(CKR_TOKEN_NOT_RECOGNIZED, C_OpenSession, 1, CKF_SERIAL_SESSION, NULL, NULL, &h);
	ck_assert_uint_eq(h, 77);
	bad_unwatch();
}
END_TEST

/* R6.5: never was, was once, closed by another session, closed with all others. */
START_TEST(session_handles_that_are_none_are_refused)
{
	CK_SESSION_HANDLE gone = ck_open(true), other = ck_open(false);
	CK_SESSION_HANDLE bad[] = { 0, 77777, ~0UL, gone };

	ck_ok(ck->C_CloseSession(gone));
	bad_watch();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad_session_functions(bad[i], CKR_SESSION_HANDLE_INVALID, BAD_ALL);
	bad_unwatch();
	gone = ck_session;
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	ck_session = ck_open(true);
	bad_watch();
	bad_session_functions(other, CKR_SESSION_HANDLE_INVALID, BAD_ALL);
	bad_session_functions(gone, CKR_SESSION_HANDLE_INVALID, BAD_ALL);
	bad_unwatch();
}
END_TEST

/* A PIN that nobody can have is wrong, however long it is said to be, and nothing reads so far. R6.5 */
START_TEST(login_refuses_bad_arguments)
{
	char many[4096];
	CK_SESSION_HANDLE ro;

	memset(many, '1', sizeof(many));
	ck_logout();
	bad_watch();
	BAD(CKR_ARGUMENTS_BAD, C_Login, ck_session, CKU_USER, NULL, 0);
	BAD(CKR_ARGUMENTS_BAD, C_Login, ck_session, CKU_USER, NULL, 6);
	BAD(CKR_ARGUMENTS_BAD, C_LoginUser, ck_session, CKU_USER, NULL, 6, NULL, 0);
	BAD(CKR_ARGUMENTS_BAD, C_LoginUser, ck_session, CKU_USER, CK_TEXT("1234"), NULL, 3);
	BAD(CKR_USER_TYPE_INVALID, C_Login, ck_session, 3, CK_TEXT(CK_TEST_USER_PIN));
	BAD(CKR_USER_TYPE_INVALID, C_Login, ck_session, ~0UL, CK_TEXT(CK_TEST_USER_PIN));
	BAD(CKR_USER_TYPE_INVALID, C_LoginUser, ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN), CK_TEXT("so"));
	BAD(CKR_OPERATION_NOT_INITIALIZED, C_Login, ck_session, CKU_CONTEXT_SPECIFIC, CK_TEXT(CK_TEST_USER_PIN));
	BAD(CKR_USER_NOT_LOGGED_IN, C_Logout, ck_session);
	ro = ck_open(false);
	bad_watch();
	BAD(CKR_SESSION_READ_ONLY_EXISTS, C_Login, ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN));
	BAD(CKR_SESSION_READ_ONLY_EXISTS, C_Login, ro, CKU_SO, CK_TEXT(CK_TEST_SO_PIN));
	BAD(CKR_SESSION_READ_ONLY, C_SetPIN, ro, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("another1"));
	bad_unwatch();
	ck_ok(ck->C_CloseSession(ro));
	BAD(CKR_PIN_INCORRECT, C_Login, ck_session, CKU_USER, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH);
	BAD(CKR_PIN_INCORRECT, C_Login, ck_session, CKU_SO, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH);
	BAD(CKR_PIN_INCORRECT, C_Login, ck_session, CKU_USER, (CK_UTF8CHAR_PTR)many, sizeof(many));
	BAD(CKR_PIN_INCORRECT, C_Login, ck_session, CKU_USER, (CK_UTF8CHAR_PTR)many, 0);
	BAD(CKR_PIN_INCORRECT, C_LoginUser, ck_session, CKU_USER, (CK_UTF8CHAR_PTR)many, 8, (CK_UTF8CHAR_PTR)many,
	    HUGE_LENGTH);
	BAD(CKR_PIN_INCORRECT, C_LoginUser, ck_session, CKU_USER, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH, CK_TEXT("al"));
	ck_login(CKU_USER);
	bad_watch();
	BAD(CKR_USER_ALREADY_LOGGED_IN, C_Login, ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
	BAD(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, C_Login, ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN));
	bad_unwatch();
	ck_logout();
}
END_TEST

/* R6.5 */
START_TEST(pins_of_bad_form_are_refused)
{
	char many[4096];
	CK_SESSION_HANDLE ro;

	memset(many, '1', sizeof(many));
	ck_login(CKU_USER);
	bad_watch();
	BAD(CKR_USER_NOT_LOGGED_IN, C_InitPIN, ck_session, CK_TEXT("another1"));
	BAD(CKR_ARGUMENTS_BAD, C_SetPIN, ck_session, NULL, 6, CK_TEXT("another1"));
	BAD(CKR_ARGUMENTS_BAD, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), NULL, 6);
	BAD(CKR_PIN_LEN_RANGE, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("123"));
	BAD(CKR_PIN_LEN_RANGE, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT(""));
	BAD(CKR_PIN_LEN_RANGE, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), (CK_UTF8CHAR_PTR)many, sizeof(many));
	BAD(CKR_PIN_LEN_RANGE, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), (CK_UTF8CHAR_PTR)many, HUGE_LENGTH);
	BAD(CKR_PIN_INVALID, C_SetPIN, ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("a:bcdefg"));
	bad_unwatch();
	BAD(CKR_PIN_INCORRECT, C_SetPIN, ck_session, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH, CK_TEXT("another1"));
	BAD(CKR_PIN_INCORRECT, C_SetPIN, ck_session, CK_TEXT("wrongwrong"), CK_TEXT("another1"));
	ck_login(CKU_SO);
	bad_watch();
	BAD(CKR_ARGUMENTS_BAD, C_InitPIN, ck_session, NULL, 0);
	BAD(CKR_ARGUMENTS_BAD, C_InitPIN, ck_session, NULL, 6);
	BAD(CKR_PIN_LEN_RANGE, C_InitPIN, ck_session, CK_TEXT("123"));
	BAD(CKR_PIN_LEN_RANGE, C_InitPIN, ck_session, CK_TEXT("carol:123"));
	BAD(CKR_PIN_LEN_RANGE, C_InitPIN, ck_session, (CK_UTF8CHAR_PTR)many, sizeof(many));
	BAD(CKR_PIN_LEN_RANGE, C_InitPIN, ck_session, (CK_UTF8CHAR_PTR)many, HUGE_LENGTH);
	BAD(CKR_PIN_INVALID, C_InitPIN, ck_session, CK_TEXT("Carol:user1234"));
	BAD(CKR_PIN_INVALID, C_InitPIN, ck_session, CK_TEXT(":user1234"));
	BAD(CKR_SESSION_READ_WRITE_SO_EXISTS, C_OpenSession, ck_slot, CKF_SERIAL_SESSION, NULL, NULL, &ro);
	bad_unwatch();
	ck_login(CKU_USER);
	ck_logout();
}
END_TEST

/* R6.4: who must change the PIN can do nothing else. */
START_TEST(user_with_an_expired_pin_can_do_nothing_else)
{
	CK_SESSION_HANDLE other = ck_open(true);

	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("dave:user1234")));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("dave:user1234")));
	bad_session_functions(ck_session, CKR_PIN_EXPIRED, BAD_EXPIRED);
	bad_session_functions(other, CKR_PIN_EXPIRED, BAD_EXPIRED);
	ck_ok(ck->C_CloseSession(other));
	ck_logout();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bad input: module, slots, sessions, users");
	TCase *bare = tcase_create("bare");
	TCase *token = tcase_create("token");
	int status;

	tcase_set_timeout(bare, 60);
	tcase_set_timeout(token, 60);
	tcase_add_unchecked_fixture(bare, ck_test_load, ck_test_unload);
	tcase_add_test(bare, every_function_refuses_before_initialize_and_after_finalize);
	tcase_add_test(bare, initialize_keeps_the_rules_of_mutexes_and_flags);
	tcase_add_unchecked_fixture(token, ck_test_begin, ck_test_end);
	tcase_add_test(token, general_functions_refuse_null_and_short);
	tcase_add_test(token, slots_that_are_none_are_refused);
	tcase_add_test(token, open_session_refuses_flags_and_null);
	tcase_add_test(token, session_handles_that_are_none_are_refused);
	tcase_add_test(token, login_refuses_bad_arguments);
	tcase_add_test(token, pins_of_bad_form_are_refused);
	tcase_add_test(token, user_with_an_expired_pin_can_do_nothing_else);
	tcase_add_test(token, init_token_refuses_null_and_open_sessions);
	suite_add_tcase(s, bare);
	suite_add_tcase(s, token);
	status = ck_test_run(s);
	printf("%u calls refused\n", bad_calls);
	return status;
}
