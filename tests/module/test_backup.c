/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup_kit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Backup and restore through the module. What is damaged, cut and mistyped: test_backup_bad.c. */

static CK_ULONG labelled(const char *label)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	return ck_find(&t, 1, NULL);
}

static CK_ULONG tries(CK_ULONG kind)
{
	struct sr_user users[8];
	CK_ULONG n = ARRAY_LEN(users);

	ck_ok(sr->SR_GetUsers(ck_session, users, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (users[i].ulKind == kind)
			return users[i].ulRetriesLeft;
	return 99;
}

/* What kit_fill made is there, and works. */
static void is_whole(void)
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	CK_ATTRIBUTE label = { CKA_LABEL, (char[]){ "kept key" }, 8 };
	CK_BYTE in[16] = { 0 }, out[16];
	CK_ULONG n = sizeof(out);
	CK_OBJECT_HANDLE h = 0;

	ck_logout();
	ck_assert_uint_eq(labelled("kept public"), 1);
	ck_assert_uint_eq(labelled("kept private"), 0);
	ck_login(CKU_USER);
	ck_assert_uint_eq(labelled("kept private"), 1);
	ck_assert_uint_eq(ck_find(&label, 1, &h), 1);
	ck_ok(ck->C_EncryptInit(ck_session, &m, h));
	ck_ok(ck->C_Encrypt(ck_session, in, sizeof(in), out, &n));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:22222222")));
	ck_logout();
}

START_TEST(backup_needs_the_so_and_one_way_to_seal)
{
	CK_BYTE part[8];
	CK_ULONG n = sizeof(part);

	ck_rv(sr->SR_BackupInit(0, CK_TEXT(KIT_PASSPHRASE), 0, 0), CKR_SESSION_HANDLE_INVALID);
	ck_rv(sr->SR_BackupInit(ck_session, CK_TEXT(KIT_PASSPHRASE), 0, 0), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_rv(sr->SR_BackupInit(ck_session, CK_TEXT(KIT_PASSPHRASE), 0, 0), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_SO);
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 0, 0, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 8, 0, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, CK_TEXT(KIT_PASSPHRASE), 2, 3), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, CK_TEXT(KIT_PASSPHRASE), 2, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 0, 1, 3), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 0, 4, 3), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 0, 2, 17), CKR_ARGUMENTS_BAD);
	ck_ok(sr->SR_BackupInit(ck_session, CK_TEXT("long enough!"), 0, 0));
	ck_ok(sr->SR_BackupCancel(ck_session));
	ck_rv(sr->SR_BackupInit(ck_session, CK_TEXT("too short!!"), 0, 0), CKR_PIN_LEN_RANGE);
	ck_rv(sr->SR_BackupNext(ck_session, part, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_BackupCancel(ck_session), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_BackupShare(ck_session, 1, part, &n), CKR_OPERATION_NOT_INITIALIZED);

	ck_ok(sr->SR_BackupInit(ck_session, NULL, 0, 2, 3));
	ck_rv(sr->SR_BackupInit(ck_session, NULL, 0, 2, 3), CKR_OPERATION_ACTIVE);
	ck_rv(sr->SR_BackupShare(ck_session, 0, part, &n), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupShare(ck_session, 4, part, &n), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupShare(ck_session, 1, part, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_BackupShare(ck_session, 1, part, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, SR_BACKUP_SHARE_TEXT);
	ck_rv(sr->SR_BackupNext(ck_session, part, NULL), CKR_ARGUMENTS_BAD);
	n = sizeof(part);
	ck_rv(sr->SR_BackupNext(ck_session, part, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_gt(n, sizeof(part));
	ck_logout();
	ck_rv(sr->SR_BackupNext(ck_session, part, &n), CKR_OPERATION_NOT_INITIALIZED);
}
END_TEST

START_TEST(restored_token_is_the_one_that_was_saved)
{
	const char *passphrase = _i == 0 ? NULL : KIT_PASSPHRASE;
	struct kit_backup b;
	CK_TOKEN_INFO was, is;
	struct sr_token_state token;
	CK_ULONG left;

	ck_ok(sr->SR_GetTokenState(ck_session, &token));
	ck_assert_uint_eq(token.flags, 0);

	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong wrong")), CKR_PIN_INCORRECT);
	left = tries(SR_USER_DEFAULT);
	ck_ok(ck->C_GetTokenInfo(ck_slot, &was));
	kit_backup(passphrase, &b);
	ck_assert_uint_eq(b.info.ulKind, passphrase ? SR_BACKUP_PASSPHRASE : SR_BACKUP_SHARES);
	ck_assert_mem_eq(b.info.szSerial, was.serialNumber, 16);
	ck_assert_str_eq((const char *)b.info.szLabel, "test");
	ck_assert_uint_le((CK_ULONG)time(NULL) - b.info.ulTime, 60);

	kit_go(passphrase ? "by passphrase" : "by shares");
	kit_restore(&b, passphrase);
	ck_assert_uint_eq(kit_entries(), 1);
	ck_ok(ck->C_GetTokenInfo(ck_slot, &is));
	ck_assert_mem_eq(is.serialNumber, was.serialNumber, 16);
	ck_assert_mem_eq(is.label, was.label, 32);
	ck_assert_uint_eq(tries(SR_USER_DEFAULT), left);
	ck_ok(sr->SR_GetTokenState(ck_session, &token));
	ck_assert_uint_eq(token.flags, SR_TOKEN_COPY);
	is_whole();

	/* There it is now: not again. */
	ck_rv(sr->SR_RestoreInit(ck_slot, b.file.p, b.file.len), CKR_SLOT_ID_INVALID);
	kit_go(passphrase ? "by passphrase" : "by shares");
	ck_rv(sr->SR_RestoreInit(ck_slot, b.file.p, b.file.len), CKR_ACTION_PROHIBITED);
	ck_assert_uint_eq(kit_entries(), 1);
	kit_backup_done(&b);
}
END_TEST

/* Two of the custodians do as well as the SO; one does not, nor a user, nor one who has his first PIN still. */
START_TEST(restoring_asks_for_the_so_or_two_custodians)
{
	struct sr_verify_state state;
	struct kit_backup b;

	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("bob:11111111")));
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("carol:11111111")));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("bob:11111111")));
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT("bob:11111111"), CK_TEXT("bob:33333333")));
	ck_logout();
	kit_backup(NULL, &b);
	kit_go("custodians");
	ck_ok(kit_feed(&b, NULL, b.file.len));
	ck_rv(kit_final(&state), CKR_USER_NOT_LOGGED_IN);
	ck_rv(sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, CK_TEXT("wrong wrong")), CKR_PIN_INCORRECT);
	ck_rv(sr->SR_RestoreLogin(ck_slot, 77, NULL, 0, CK_TEXT("wrong wrong")), CKR_USER_TYPE_INVALID);
	ck_rv(kit_final(&state), CKR_USER_NOT_LOGGED_IN);
	ck_ok(sr->SR_RestoreLogin(ck_slot, CKU_USER, NULL, 0, CK_TEXT(CK_TEST_USER_PIN)));
	ck_rv(kit_final(&state), CKR_USER_NOT_LOGGED_IN);
	ck_rv(sr->SR_RestoreLogin(ck_slot, CKU_USER, NULL, 0, CK_TEXT("carol:11111111")), CKR_PIN_EXPIRED);
	ck_rv(kit_final(&state), CKR_USER_NOT_LOGGED_IN);
	ck_ok(sr->SR_RestoreLogin(ck_slot, CKU_USER, NULL, 0, CK_TEXT("alice:22222222")));
	ck_ok(sr->SR_RestoreLogin(ck_slot, CKU_USER, NULL, 0, CK_TEXT("alice:22222222")));
	ck_rv(kit_final(&state), CKR_USER_NOT_LOGGED_IN);
	ck_ok(sr->SR_RestoreLogin(ck_slot, CKU_USER, CK_TEXT("bob"), CK_TEXT("33333333")));
	ck_ok(kit_final(&state));
	ck_session = ck_open(true);
	/* The wrong PIN was counted before there was a token. */
	ck_assert_uint_eq(tries(SR_USER_SO), 9);
	is_whole();
	kit_backup_done(&b);
}
END_TEST

static CK_RV create_numbered(CK_SESSION_HANDLE h, unsigned writer, unsigned number)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	char label[32];
	CK_OBJECT_HANDLE o = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &yes, 1 },
			     { CKA_LABEL, label, (CK_ULONG)snprintf(label, sizeof(label), "w%u-%u", writer, number) } };

	return ck->C_CreateObject(h, t, ARRAY_LEN(t), &o);
}

/* In a child process: creates objects until it is killed; the last acknowledged one stands in *done. */
static int write_on(unsigned writer, volatile unsigned *done)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_SESSION_HANDLE h = 0;
	CK_TOKEN_INFO info;

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 1;
	for (CK_ULONG i = 0; i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED))
			if (ck->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK)
				return 2;
	if (ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 3;
	for (unsigned i = 1;; i++) {
		if (create_numbered(h, writer, i) != CKR_OK)
			return 4;
		*done = i;
	}
}

enum { WRITERS = 4 };

START_TEST(backup_while_processes_write_is_a_state_that_was)
{
	volatile unsigned *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned before[WRITERS], after[WRITERS];
	struct kit_backup b;
	pid_t pids[WRITERS];
	CK_ULONG total = 0;
	int status;

	ck_assert(done != MAP_FAILED);
	for (unsigned w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		ck_assert_int_ge(pids[w], 0);
		if (pids[w] == 0)
			_exit(write_on(w, &done[w]));
	}
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; done[w] < 5 && i < 6000; i++)
			usleep(10000);
	for (unsigned w = 0; w < WRITERS; w++)
		before[w] = done[w];
	kit_backup(NULL, &b);
	for (unsigned w = 0; w < WRITERS; w++) {
		after[w] = done[w];
		ck_assert_uint_ge(before[w], 5);
		ck_assert_int_eq(waitpid(pids[w], &status, WNOHANG), 0);
		kill(pids[w], SIGKILL);
		waitpid(pids[w], &status, 0);
	}
	kit_go("while");
	kit_restore(&b, NULL);
	ck_login(CKU_USER);
	for (unsigned w = 0; w < WRITERS; w++) {
		unsigned n = 0;
		char label[32];

		/* All that were acknowledged before, and then one after the other, without a gap. */
		for (;; n++) {
			snprintf(label, sizeof(label), "w%u-%u", w, n + 1);
			if (labelled(label) == 0)
				break;
		}
		ck_assert_uint_ge(n, before[w]);
		ck_assert_uint_le(n, after[w] + 1);
		total += n;
	}
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), total + 3);
	is_whole();
	kit_backup_done(&b);
	munmap((void *)(uintptr_t)done, 4096);
}
END_TEST

static void begin(void)
{
	ck_test_begin();
	kit_sr();
	kit_fill();
}

int main(void)
{
	Suite *s = suite_create("backup");
	TCase *c = tcase_create("backup");

	tcase_set_timeout(c, 200);
	tcase_add_checked_fixture(c, begin, ck_test_end);
	tcase_add_test(c, backup_needs_the_so_and_one_way_to_seal);
	tcase_add_loop_test(c, restored_token_is_the_one_that_was_saved, 0, 2);
	tcase_add_test(c, restoring_asks_for_the_so_or_two_custodians);
	tcase_add_test(c, backup_while_processes_write_is_a_state_that_was);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
