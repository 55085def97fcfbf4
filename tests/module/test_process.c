/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Several processes on one token: tries of a PIN, what each sees of the others, starts and deaths in bad moments. */

#define CROWD 100
#define TRIES 10
#define CHILD_SECONDS 200
#define NEW_PIN "other4321"

static CK_OBJECT_CLASS data_class = CKO_DATA;
static CK_BBOOL yes = CK_TRUE;

/* own_session: in a child: a session on the token that the fixture made. */
static CK_RV own_session(CK_SESSION_HANDLE *ret)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_RV rv;

	alarm(CHILD_SECONDS);
	rv = ck->C_Initialize(NULL);
	if (rv == CKR_OK)
		rv = ck->C_GetSlotList(CK_TRUE, slots, &n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			return ck->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret);
	}
	return rv == CKR_OK ? CKR_TOKEN_NOT_PRESENT : rv;
}

/* child: runs work in a process of its own. */
static pid_t child(int (*work)(void))
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(work());
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "a child ended with status %x", (unsigned)status);
	return WEXITSTATUS(status);
}

static CK_FLAGS flags(void)
{
	CK_TOKEN_INFO info;

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	return info.flags;
}

enum { GUESS_WRONG = 1, GUESS_LOCKED = 2, GUESS_ELSE = 3 };

static int guess(CK_USER_TYPE type)
{
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = own_session(&s);

	if (rv == CKR_OK)
		rv = ck->C_Login(s, type, CK_TEXT("00000000"));
	ck->C_Finalize(NULL);
	return rv == CKR_PIN_INCORRECT ? GUESS_WRONG : rv == CKR_PIN_LOCKED ? GUESS_LOCKED : GUESS_ELSE;
}

static int guess_user(void)
{
	return guess(CKU_USER);
}

static int guess_so(void)
{
	return guess(CKU_SO);
}

static void crowd_guesses(int (*work)(void))
{
	int answers[GUESS_ELSE + 1] = { 0 };
	pid_t pids[CROWD];

	for (size_t i = 0; i < CROWD; i++)
		pids[i] = child(work);
	for (size_t i = 0; i < CROWD; i++)
		answers[status_of(pids[i])]++;
	ck_assert_int_eq(answers[GUESS_WRONG], TRIES);
	ck_assert_int_eq(answers[GUESS_LOCKED], CROWD - TRIES);
}

/* R6.4: the counter is on disk before a PIN is tried, so that a crowd gets no more tries than one. */
START_TEST(hundred_processes_share_ten_tries_and_the_so_unlocks)
{
	crowd_guesses(guess_user);
	ck_assert(flags() & CKF_USER_PIN_LOCKED);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_PIN_LOCKED);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
	ck_assert(!(flags() & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY)));
	ck_login(CKU_USER);
	ck_logout();
}
END_TEST

/* The last test of its token. */
START_TEST(hundred_processes_share_ten_tries_at_the_so)
{
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof(label));
	for (int i = 1; i < TRIES; i++) {
		ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT("00000000")), CKR_PIN_INCORRECT);
		ck_assert(flags() & CKF_SO_PIN_COUNT_LOW);
		ck_assert_int_eq((flags() & CKF_SO_PIN_FINAL_TRY) != 0, i == TRIES - 1);
	}
	ck_login(CKU_SO);
	ck_logout();
	ck_assert(!(flags() & (CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY)));
	crowd_guesses(guess_so);
	ck_assert(flags() & CKF_SO_PIN_LOCKED);
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_PIN_LOCKED);
	ck_login(CKU_USER);
	ck_logout();
}
END_TEST

static int logs_in_for_ever(void)
{
	CK_SESSION_HANDLE s = 0;

	if (own_session(&s) != CKR_OK)
		return 1;
	while (ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) == CKR_OK && ck->C_Logout(s) == CKR_OK)
		;
	return 2;
}

START_TEST(killed_at_any_moment_of_a_login_the_token_lives)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &yes, 1 } };
	CK_OBJECT_HANDLE o = 0;

	ck_login(CKU_USER);
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &o));
	ck_logout();
	for (unsigned i = 0; i < 25; i++) {
		int status = -1;
		pid_t pid = child(logs_in_for_ever);

		usleep(100000 + 37000 * (i * 7 % 25));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		/* The try that was under way is gone; a right PIN gives all back. */
		ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)));
		ck_assert(!(flags() & CKF_USER_PIN_COUNT_LOW));
		ck_assert_uint_eq(ck_find(t, 1, &o), 1);
		ck_logout();
	}
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(t, 1, &o), 1);
	ck_ok(ck->C_DestroyObject(ck_session, o));
	ck_logout();
}
END_TEST

static int changes_things(void)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) }, { CKA_TOKEN, &yes, 1 } };
	CK_SESSION_HANDLE s = 0;
	CK_OBJECT_HANDLE o = 0;
	CK_SLOT_ID slots[64];
	CK_ULONG n = ARRAY_LEN(slots);

	if (own_session(&s) != CKR_OK || ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 1;
	if (ck->C_CreateObject(s, t, ARRAY_LEN(t), &o) != CKR_OK)
		return 2;
	if (ck->C_SetPIN(s, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT(NEW_PIN)) != CKR_OK)
		return 3;
	if (ck->C_GetSlotList(CK_FALSE, slots, &n) != CKR_OK || n == 0)
		return 4;
	ck_test_init_token(slots[n - 1], "another");
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 5;
}

START_TEST(changes_of_another_process_are_seen_at_the_next_call)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) } };
	CK_OBJECT_HANDLE o = 0;
	CK_ULONG before = 0, after = 0;

	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &before));
	ck_assert_uint_eq(ck_find(t, 1, NULL), 0);
	ck_assert_int_eq(status_of(child(changes_things)), 0);
	ck_assert_uint_eq(ck_find(t, 1, &o), 1);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_PIN_INCORRECT);
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(NEW_PIN)));
	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &after));
	ck_assert_uint_eq(after, before + 1);
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(NEW_PIN), CK_TEXT(CK_TEST_USER_PIN)));
	ck_ok(ck->C_DestroyObject(ck_session, o));
	ck_logout();
}
END_TEST

static int starts_on_nothing(void)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s = 0;

	alarm(CHILD_SECONDS);
	memset(label, ' ', sizeof(label));
	if (ck->C_Initialize(NULL) != CKR_OK)
		return 1;
	if (ck->C_GetSlotList(CK_FALSE, slots, &n) != CKR_OK || n == 0)
		return 2;
	/* The free slot stands last. */
	if (ck->C_InitToken(slots[n - 1], CK_TEXT(CK_TEST_SO_PIN), label) != CKR_OK)
		return 3;
	if (ck->C_OpenSession(slots[n - 1], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
		return 4;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 5;
}

START_TEST(processes_that_start_at_once_on_an_empty_place_all_start)
{
	char place[160];
	pid_t pids[12];
	CK_ULONG n = 0;

	ck_ok(ck->C_Finalize(NULL));
	snprintf(place, sizeof(place), "%s/nothing/yet", ck_test_dir);
	setenv("STRONGROOM_TOKEN_DIR", place, 1);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = child(starts_on_nothing);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		ck_assert_int_eq(status_of(pids[i]), 0);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &n));
	ck_assert_uint_eq(n, 1 + ARRAY_LEN(pids)); /* and the free slot */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *c = tcase_create("process");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 280);
	tcase_add_test(c, hundred_processes_share_ten_tries_and_the_so_unlocks);
	tcase_add_test(c, killed_at_any_moment_of_a_login_the_token_lives);
	tcase_add_test(c, changes_of_another_process_are_seen_at_the_next_call);
	tcase_add_test(c, hundred_processes_share_ten_tries_at_the_so);
	tcase_add_test(c, processes_that_start_at_once_on_an_empty_place_all_start);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
