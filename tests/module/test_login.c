/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_RV login(const char *pin)
{
	return ck->C_Login(ck_session, CKU_USER, CK_TEXT(pin));
}

static CK_RV login_named(const char *name, const char *pin)
{
	return ck3->C_LoginUser(ck_session, CKU_USER, CK_TEXT(pin), CK_TEXT(name));
}

static CK_RV init_pin(const char *pin)
{
	CK_RV rv;

	ck_login(CKU_SO);
	rv = ck->C_InitPIN(ck_session, CK_TEXT(pin));
	ck_logout();
	return rv;
}

static CK_RV set_pin(const char *old, const char *new)
{
	return ck->C_SetPIN(ck_session, CK_TEXT(old), CK_TEXT(new));
}

static CK_FLAGS flags(void)
{
	CK_TOKEN_INFO info;

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	return info.flags;
}

/* R6.4 */
START_TEST(login_names_its_errors)
{
	ck_rv(ck->C_Login(ck_session, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_Login(ck_session, 7, CK_TEXT("user1234")), CKR_USER_TYPE_INVALID);
	ck_rv(ck->C_Login(ck_session, CKU_CONTEXT_SPECIFIC, CK_TEXT("user1234")), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(ck->C_Logout(ck_session), CKR_USER_NOT_LOGGED_IN);
	ck_ok(login(CK_TEST_USER_PIN));
	ck_rv(login(CK_TEST_USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	ck_login(CKU_SO);
	ck_rv(login(CK_TEST_USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	ck_logout();
}
END_TEST

/* R6.4 */
START_TEST(wrong_pin_costs_a_try_and_a_right_one_gives_it_back)
{
	ck_rv(login("00000000"), CKR_PIN_INCORRECT);
	ck_assert(flags() & CKF_USER_PIN_COUNT_LOW);
	ck_assert(!(flags() & CKF_USER_PIN_FINAL_TRY));
	ck_ok(login(CK_TEST_USER_PIN));
	ck_assert(!(flags() & CKF_USER_PIN_COUNT_LOW));
	ck_logout();
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT("wrong-so")), CKR_PIN_INCORRECT);
	ck_assert(flags() & CKF_SO_PIN_COUNT_LOW);
	ck_login(CKU_SO);
	ck_assert(!(flags() & CKF_SO_PIN_COUNT_LOW));
	ck_logout();
}
END_TEST

/* R6.4: the flags tell how many tries are left; C_SetPIN is no way around the counter. */
START_TEST(last_try_is_announced_and_the_next_locks)
{
	for (int i = 1; i < 10; i++) {
		ck_rv(i % 2 ? login("00000000") : set_pin("00000000", "another1"), CKR_PIN_INCORRECT);
		ck_assert(flags() & CKF_USER_PIN_COUNT_LOW);
		ck_assert_int_eq((flags() & CKF_USER_PIN_FINAL_TRY) != 0, i == 9);
		ck_assert(!(flags() & CKF_USER_PIN_LOCKED));
	}
	ck_rv(set_pin("00000000", "another1"), CKR_PIN_INCORRECT);
	ck_assert(flags() & CKF_USER_PIN_LOCKED);
	ck_rv(login(CK_TEST_USER_PIN), CKR_PIN_LOCKED);
	ck_rv(set_pin(CK_TEST_USER_PIN, "another1"), CKR_PIN_LOCKED);
	ck_ok(init_pin(CK_TEST_USER_PIN));
	ck_assert(!(flags() & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW)));
	ck_ok(login(CK_TEST_USER_PIN));
	ck_logout();
}
END_TEST

/* R6.4 */
START_TEST(pin_is_changed_by_its_owner)
{
	CK_SESSION_HANDLE ro = ck_open(false);

	ck_rv(ck->C_SetPIN(ro, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("other4321")), CKR_SESSION_READ_ONLY);
	ck_ok(ck->C_CloseSession(ro));
	ck_rv(set_pin("00000000", "other4321"), CKR_PIN_INCORRECT);
	ck_rv(set_pin(CK_TEST_USER_PIN, "6543217"), CKR_PIN_LEN_RANGE);
	ck_rv(ck->C_SetPIN(ck_session, NULL, 0, CK_TEXT("other4321")), CKR_ARGUMENTS_BAD);
	ck_ok(set_pin(CK_TEST_USER_PIN, "other4321"));
	ck_rv(login(CK_TEST_USER_PIN), CKR_PIN_INCORRECT);
	ck_ok(login("other4321"));
	ck_ok(set_pin("other4321", CK_TEST_USER_PIN));
	ck_login(CKU_SO);
	ck_ok(set_pin(CK_TEST_SO_PIN, "so:with:colons"));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_SO, CK_TEXT("so:with:colons")));
	ck_ok(set_pin("so:with:colons", CK_TEST_SO_PIN));
	ck_logout();
}
END_TEST

/* R6.4: a default user's PIN has no colon, else it could not be told from a custodian's. */
START_TEST(colon_in_a_default_pin_is_refused)
{
	ck_rv(set_pin(CK_TEST_USER_PIN, "ab:cdef"), CKR_PIN_INVALID);
	ck_rv(set_pin(CK_TEST_USER_PIN, ":cdefgh"), CKR_PIN_INVALID);
	ck_rv(init_pin("Ab:cdef"), CKR_PIN_INVALID);
	ck_rv(init_pin(":cdefgh"), CKR_PIN_INVALID);
	ck_ok(login(CK_TEST_USER_PIN));
	ck_logout();
}
END_TEST

/* R6.4: only the SO sets PINs of others. */
START_TEST(init_pin_is_the_so_s)
{
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("abcdefgh")), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("eve:abcdefgh")), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_SO);
	ck_rv(ck->C_InitPIN(ck_session, NULL, 6), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("abcdefg")), CKR_PIN_LEN_RANGE);
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("eve:abcdefg")), CKR_PIN_LEN_RANGE);
	ck_logout();
}
END_TEST

/* R6.4: a custodian's first PIN is good for one thing: being changed. */
START_TEST(custodian_changes_the_pin_before_anything_else)
{
	CK_SESSION_INFO info;
	CK_ULONG n;

	ck_ok(init_pin("alice:11111111"));
	ck_ok(login("alice:11111111"));
	ck_assert(flags() & CKF_USER_PIN_TO_BE_CHANGED);
	ck_rv(ck->C_FindObjectsInit(ck_session, NULL, 0), CKR_PIN_EXPIRED);
	ck_rv(ck->C_GenerateRandom(ck_session, (CK_BYTE_PTR)&n, 8), CKR_PIN_EXPIRED);
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
	ck_assert_uint_eq(info.state, CKS_RW_USER_FUNCTIONS);
	ck_rv(set_pin("alice:11111111", "alice:11111111"), CKR_PIN_INVALID);
	ck_rv(set_pin("alice:11111111", "bob:aaaaaaaa"), CKR_PIN_INVALID);
	ck_rv(set_pin("bob:11111111", "bob:aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_ok(set_pin("alice:11111111", "alice:aaaaaaaa"));
	ck_assert(!(flags() & CKF_USER_PIN_TO_BE_CHANGED));
	ck_ok(ck->C_FindObjectsInit(ck_session, NULL, 0));
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	ck_logout();
	ck_rv(login("alice:11111111"), CKR_PIN_INCORRECT);
	ck_ok(login("alice:aaaaaaaa"));
	ck_logout();
	ck_ok(login_named("alice", "aaaaaaaa"));
	ck_ok(set_pin("aaaaaaaa", "alice:a:b:c:d:e"));
	ck_logout();
	ck_ok(login("alice:a:b:c:d:e"));
	ck_logout();
	ck_ok(login_named("alice", "a:b:c:d:e"));
	ck_logout();
	ck_ok(set_pin("alice:a:b:c:d:e", "aaaaaaaa"));
	ck_ok(login("alice:aaaaaaaa"));
	ck_logout();
}
END_TEST

/* R6.4: who is not there answers like who is there with another PIN. */
START_TEST(unknown_custodian_answers_like_a_wrong_pin)
{
	ck_rv(login("nobody:aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_rv(login("No Name:aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_rv(login(":aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_rv(login_named("nobody", "aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_rv(login_named("a-name-that-is-much-longer-than-any-name-may-be", "aaaaaaaa"), CKR_PIN_INCORRECT);
	ck_rv(ck3->C_LoginUser(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN), CK_TEXT("alice")), CKR_USER_TYPE_INVALID);
	ck_assert(!(flags() & CKF_USER_PIN_COUNT_LOW));
}
END_TEST

/* R6.4: a custodian set anew by the SO is a new one. */
START_TEST(custodian_set_anew_starts_again)
{
	ck_ok(init_pin("carol:11111111"));
	ck_ok(login("carol:11111111"));
	ck_ok(set_pin("carol:11111111", "cccccccc"));
	ck_logout();
	ck_ok(init_pin("carol:22222222"));
	ck_rv(login("carol:cccccccc"), CKR_PIN_INCORRECT);
	ck_ok(login("carol:22222222"));
	ck_rv(ck->C_FindObjectsInit(ck_session, NULL, 0), CKR_PIN_EXPIRED);
	ck_logout();
}
END_TEST

/* R6.4: a token may have custodians and nobody else. */
START_TEST(default_user_is_optional)
{
	CK_ULONG n = 0;
	CK_SLOT_ID slots[8], old = ck_slot;
	CK_SESSION_HANDLE old_session = ck_session;

	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &n));
	n = ARRAY_LEN(slots);
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[n - 1];
	ck_test_init_token(ck_slot, "custodians");
	ck_session = ck_open(true);
	ck_assert(!(flags() & CKF_USER_PIN_INITIALIZED));
	ck_rv(login("user1234"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_ok(init_pin("dave:11111111"));
	ck_assert(flags() & CKF_USER_PIN_INITIALIZED);
	ck_rv(login("user1234"), CKR_USER_PIN_NOT_INITIALIZED);
	ck_ok(login("dave:11111111"));
	ck_logout();
	ck_ok(ck->C_CloseSession(ck_session));
	ck_slot = old;
	ck_session = old_session;
}
END_TEST

/* In a child process: as many wrong PINs as asked for. */
static int guess(int times)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE h;

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 100;
	for (CK_ULONG i = 0; i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			n = i;
	if (ck->C_OpenSession(slots[n], CKF_SERIAL_SESSION, NULL, NULL, &h) != CKR_OK)
		return 101;
	n = 0;
	for (int i = 0; i < times; i++)
		n += ck->C_Login(h, CKU_USER, CK_TEXT("mallory:00000000")) == CKR_PIN_INCORRECT;
	ck->C_Finalize(NULL);
	return (int)n;
}

/* R6.4: ten tries in all, however many processes guess at once; the counter is on disk before a PIN is tried. */
START_TEST(processes_that_guess_share_the_tries)
{
	pid_t pids[3];
	int total = 0;

	ck_ok(init_pin("mallory:11111111"));
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			_exit(guess(5));
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		ck_assert_int_lt(WEXITSTATUS(status), 100);
		total += WEXITSTATUS(status);
	}
	ck_assert_int_eq(total, 10);
	ck_rv(login("mallory:11111111"), CKR_PIN_LOCKED);
	ck_ok(login(CK_TEST_USER_PIN));
	ck_logout();
	ck_ok(init_pin("mallory:11111111"));
	ck_ok(login("mallory:11111111"));
	ck_logout();
}
END_TEST

static int set_anew(const char *pin)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE h;

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 1;
	for (CK_ULONG i = 0; i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			n = i;
	if (ck->C_OpenSession(slots[n], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK ||
	    ck->C_Login(h, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)) != CKR_OK || ck->C_InitPIN(h, CK_TEXT(pin)) != CKR_OK)
		return 2;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 3;
}

/* R6.4: what the SO does in another process ends the login of the custodian that was. */
START_TEST(login_ends_when_the_user_is_set_anew_elsewhere)
{
	CK_SESSION_INFO info;
	int status = -1;
	pid_t pid;

	ck_ok(init_pin("erin:11111111"));
	ck_ok(login("erin:11111111"));
	ck_ok(set_pin("erin:11111111", "eeeeeeee"));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(set_anew("erin:22222222"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
	ck_assert_uint_eq(info.state, CKS_RW_PUBLIC_SESSION);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login");
	TCase *c = tcase_create("login");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 240);
	tcase_add_test(c, login_names_its_errors);
	tcase_add_test(c, wrong_pin_costs_a_try_and_a_right_one_gives_it_back);
	tcase_add_test(c, last_try_is_announced_and_the_next_locks);
	tcase_add_test(c, pin_is_changed_by_its_owner);
	tcase_add_test(c, colon_in_a_default_pin_is_refused);
	tcase_add_test(c, init_pin_is_the_so_s);
	tcase_add_test(c, custodian_changes_the_pin_before_anything_else);
	tcase_add_test(c, unknown_custodian_answers_like_a_wrong_pin);
	tcase_add_test(c, custodian_set_anew_starts_again);
	tcase_add_test(c, default_user_is_optional);
	tcase_add_test(c, processes_that_guess_share_the_tries);
	tcase_add_test(c, login_ends_when_the_user_is_set_anew_elsewhere);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
