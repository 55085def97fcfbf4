/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_ULONG slots_now(CK_SLOT_ID slots[8], bool rescan)
{
	CK_ULONG n = 0;

	if (rescan)
		ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &n));
	n = 8;
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	return n;
}

static CK_SLOT_ID slot_of_serial(const CK_TOKEN_INFO *info)
{
	char head[9] = { 0 };

	memcpy(head, info->serialNumber, 8);
	return strtoul(head, NULL, 16) & 0x7fffffff;
}

static void start(void)
{
	ck_test_load();
	ck_ok(ck->C_Initialize(NULL));
}

/* R6.1: nothing configured and nothing there: one slot to be initialised, silently. */
START_TEST(empty_directory_gives_one_free_slot)
{
	CK_SLOT_ID slots[8];
	CK_SLOT_INFO info;
	CK_TOKEN_INFO token;

	ck_assert_uint_eq(slots_now(slots, true), 1);
	ck_assert_uint_eq(slots[0], 0);
	ck_ok(ck->C_GetSlotInfo(0, &info));
	ck_assert(info.flags & CKF_TOKEN_PRESENT);
	ck_ok(ck->C_GetTokenInfo(0, &token));
	ck_assert(!(token.flags & CKF_TOKEN_INITIALIZED));
	ck_assert(token.flags & CKF_LOGIN_REQUIRED);
	ck_assert(token.flags & CKF_DUAL_CRYPTO_OPERATIONS);
	ck_assert(!(token.flags & CKF_RESTORE_KEY_NOT_NEEDED));
	ck_rv(ck->C_GetSlotInfo(0, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_GetSlotInfo(1, &info), CKR_SLOT_ID_INVALID);
	ck_rv(ck->C_GetTokenInfo(0, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_GetTokenInfo(1, &token), CKR_SLOT_ID_INVALID);
	ck_rv(ck->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
}
END_TEST

/* R6.5 */
START_TEST(init_token_refuses_bad_arguments)
{
	CK_UTF8CHAR label[32];
	CK_SLOT_ID slots[8];

	memset(label, ' ', sizeof(label));
	ck_rv(ck->C_InitToken(0, NULL, 8, label), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_InitToken(0, CK_TEXT(CK_TEST_SO_PIN), NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_InitToken(5, CK_TEXT(CK_TEST_SO_PIN), label), CKR_SLOT_ID_INVALID);
	ck_rv(ck->C_InitToken(0, CK_TEXT("1234567"), label), CKR_PIN_LEN_RANGE);
	ck_assert_uint_eq(slots_now(slots, true), 1);
}
END_TEST

/* R6.1: the slot keeps its id in this process; a new free one comes; next time the serial number names it. */
START_TEST(slot_ids_do_not_change_while_initialised)
{
	CK_SLOT_ID slots[8];
	CK_TOKEN_INFO first, second;

	ck_test_init_token(0, "first");
	ck_ok(ck->C_GetTokenInfo(0, &first));
	ck_assert(first.flags & CKF_TOKEN_INITIALIZED);
	ck_assert_mem_eq(first.label, "first                           ", 32);
	ck_assert_uint_eq(slots_now(slots, true), 2);
	ck_assert_uint_eq(slots[0], 0);
	ck_assert_uint_eq(slots[1], 1);
	ck_test_init_token(1, "second");
	ck_ok(ck->C_GetTokenInfo(1, &second));
	ck_assert_mem_ne(first.serialNumber, second.serialNumber, 16);
	ck_ok(ck->C_Finalize(NULL));
	ck_ok(ck->C_Initialize(NULL));
	ck_assert_uint_eq(slots_now(slots, false), 3);
	for (int i = 0; i < 2; i++) {
		CK_TOKEN_INFO info;

		ck_ok(ck->C_GetTokenInfo(slots[i], &info));
		ck_assert_uint_eq(slots[i], slot_of_serial(&info));
	}
	ck_assert_uint_eq(slots[2], 0);
}
END_TEST

/* R6.5 */
START_TEST(short_slot_list_says_how_much_it_needs)
{
	CK_SLOT_ID slots[8] = { 4711, 4711 };
	CK_ULONG n = 1;

	ck_rv(ck->C_GetSlotList(CK_FALSE, slots, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(slots[1], 4711);
}
END_TEST

static int make_token(void)
{
	CK_UTF8CHAR label[32];

	memset(label, 'x', sizeof(label));
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_InitToken(0, CK_TEXT(CK_TEST_SO_PIN), label) != CKR_OK)
		return 1;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 2;
}

/* R6.1: seen when the list is asked for anew, not before. */
START_TEST(token_of_another_process_appears_with_the_next_list)
{
	CK_SLOT_ID slots[8];
	int status = -1;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(make_token());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_uint_eq(slots_now(slots, false), 3);
	ck_assert_uint_eq(slots_now(slots, true), 4);
	ck_assert_uint_eq(slots[3], 0);
}
END_TEST

/* R6.1: a second C_InitToken needs the SO PIN, takes everything but the audit trail, and ends logins elsewhere. */
START_TEST(token_initialised_again_is_empty)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 } };
	CK_UTF8CHAR label[32];
	CK_SLOT_ID slots[8];
	CK_TOKEN_INFO before, after;
	CK_OBJECT_HANDLE o;

	memset(label, 'y', sizeof(label));
	slots_now(slots, false);
	ck_slot = slots[0];
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &o));
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), 1);
	ck_rv(ck->C_InitToken(ck_slot, CK_TEXT(CK_TEST_SO_PIN), label), CKR_SESSION_EXISTS);
	ck_ok(ck->C_CloseSession(ck_session));
	ck_ok(ck->C_GetTokenInfo(ck_slot, &before));
	ck_rv(ck->C_InitToken(ck_slot, CK_TEXT("wrong-pin"), label), CKR_PIN_INCORRECT);
	ck_ok(ck->C_InitToken(ck_slot, CK_TEXT(CK_TEST_SO_PIN), label));
	ck_ok(ck->C_GetTokenInfo(ck_slot, &after));
	ck_assert_mem_eq(before.serialNumber, after.serialNumber, 16);
	ck_assert_mem_eq(after.label, label, 32);
	ck_assert(!(after.flags & CKF_USER_PIN_INITIALIZED));
	ck_session = ck_open(true);
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), 0);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
	ck_login(CKU_SO);
	ck_logout();
	ck_ok(ck->C_CloseSession(ck_session));
}
END_TEST

/* R6.1: only the owner may enter. */
START_TEST(token_directory_is_private)
{
	struct stat st;

	ck_assert_int_eq(stat(ck_test_dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slot");
	TCase *c = tcase_create("slot");

	tcase_add_unchecked_fixture(c, start, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, empty_directory_gives_one_free_slot);
	tcase_add_test(c, init_token_refuses_bad_arguments);
	tcase_add_test(c, slot_ids_do_not_change_while_initialised);
	tcase_add_test(c, short_slot_list_says_how_much_it_needs);
	tcase_add_test(c, token_of_another_process_appears_with_the_next_list);
	tcase_add_test(c, token_initialised_again_is_empty);
	tcase_add_test(c, token_directory_is_private);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
