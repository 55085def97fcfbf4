/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad input, chapter 4: processes: fork at any moment, exit without C_Finalize, a killed writer, loading again. R6.5 */
#include "bad_kit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60

static CK_BBOOL yes = CK_TRUE;
static CK_OBJECT_CLASS data_class = CKO_DATA;
static CK_SLOT_ID ck_other_slot; /* a second token, for logins that disturb nobody */

static CK_SESSION_HANDLE open_here(bool rw)
{
	CK_SESSION_HANDLE h = 0;

	return ck->C_OpenSession(ck_slot, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), NULL, NULL, &h) == CKR_OK ? h
														    : 0;
}

/* open_own: in another process: a session on the token that ck_slot is here. */
static CK_RV open_own(CK_SESSION_HANDLE *ret)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_RV rv = ck->C_GetSlotList(CK_TRUE, slots, &n);

	if (rv == CKR_OK && n != 3)
		return CKR_GENERAL_ERROR;
	for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++) {
		rv = ck->C_GetTokenInfo(slots[i], &info);
		if (rv == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			return ck->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret);
	}
	return CKR_GENERAL_ERROR;
}

static CK_RV make_data(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) }, { CKA_TOKEN, &yes, 1 } };

	return ck->C_CreateObject(h, t, ARRAY_LEN(t), ret);
}

/* Runs in a child, which the alarm ends when it hangs; answers whether it went well. */
static bool child_ok(int (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	/* No Check in the child and in threads: its own lock does not survive a fork. */
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(CHILD_SECONDS);
		_exit(run());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "child: status %x\n", (unsigned)status);
		return false;
	}
	return true;
}

/* Everything the parent had is gone for the child, whatever function it calls. */
static int parent_things_are_gone(void)
{
	CK_RV e = CKR_CRYPTOKI_NOT_INITIALIZED;
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE o = 0;
	CK_BYTE b[64];
	CK_ULONG n = sizeof(b);

	if (ck->C_Finalize(NULL) != e || ck->C_GetSlotList(CK_TRUE, NULL, &n) != e)
		return 1;
	if (ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != e || ck->C_Logout(ck_session) != e)
		return 2;
	if (ck->C_DigestInit(ck_session, &sha) != e || ck->C_SignFinal(ck_session, b, &n) != e ||
	    ck->C_FindObjectsInit(ck_session, NULL, 0) != e || make_data(ck_session, &o) != e ||
	    ck->C_GenerateRandom(ck_session, b, 8) != e || ck->C_CloseSession(ck_session) != e)
		return 3;
	return 0;
}

/* The child as a user of its own. */
static int begin_anew(void)
{
	CK_SESSION_HANDLE h = 0;
	CK_OBJECT_HANDLE o = 0;
	CK_BYTE b[32];
	int rc = parent_things_are_gone();

	if (rc != 0)
		return rc;
	if (ck->C_Initialize(NULL) != CKR_OK)
		return 10;
	if (ck->C_Initialize(NULL) != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return 11;
	if (ck->C_GetSessionInfo(ck_session, &(CK_SESSION_INFO){ 0 }) != CKR_SESSION_HANDLE_INVALID)
		return 12;
	if (open_own(&h) != CKR_OK)
		return 14;
	if (ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 15;
	if (make_data(h, &o) != CKR_OK || ck->C_DestroyObject(h, o) != CKR_OK ||
	    ck->C_GenerateRandom(h, b, sizeof(b)) != CKR_OK)
		return 16;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 17;
}

static atomic_bool stop;
static atomic_uint turns;

static void *logs_in_and_out(void *arg)
{
	CK_SESSION_HANDLE h = 0;

	if (ck->C_OpenSession(ck_other_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK)
		return arg;
	while (!atomic_load(&stop)) {
		if (ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK || ck->C_Logout(h) != CKR_OK)
			return arg;
		atomic_fetch_add(&turns, 1);
	}
	return ck->C_CloseSession(h) == CKR_OK ? NULL : arg;
}

static void *writes(void *arg)
{
	CK_SESSION_HANDLE h = open_here(true);
	CK_OBJECT_HANDLE o = 0;

	while (!atomic_load(&stop)) {
		if (make_data(h, &o) != CKR_OK || ck->C_DestroyObject(h, o) != CKR_OK)
			return arg;
		atomic_fetch_add(&turns, 1);
	}
	return ck->C_CloseSession(h) == CKR_OK ? NULL : arg;
}

static void *computes(void *arg)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG length = 32, n;
	CK_BYTE tag[16];
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, { CKA_SIGN, &yes, 1 } };

	while (!atomic_load(&stop)) {
		CK_SESSION_HANDLE h = open_here(false);
		CK_OBJECT_HANDLE k = 0;

		n = sizeof(tag);
		if (ck->C_GenerateKey(h, &m, t, 2, &k) != CKR_OK || ck->C_SignInit(h, &cmac, k) != CKR_OK ||
		    ck->C_Sign(h, tag, sizeof(tag), tag, &n) != CKR_OK || ck->C_CloseSession(h) != CKR_OK)
			return arg;
		atomic_fetch_add(&turns, 1);
	}
	return NULL;
}

/* Locks that other threads hold at the moment of the fork are nothing to the child, one of a derivation included. */
START_TEST(child_begins_anew_whatever_other_threads_were_doing)
{
	void *(*const work[])(void *) = { logs_in_and_out, writes, computes };
	pthread_t threads[ARRAY_LEN(work)];
	unsigned good = 0;

	ck_login(CKU_USER);
	atomic_store(&stop, false);
	for (size_t i = 0; i < ARRAY_LEN(work); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work[i], &stop), 0);
	for (int i = 0; i < 12; i++) {
		usleep(20000 + 7000 * (useconds_t)i);
		good += child_ok(begin_anew);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < ARRAY_LEN(work); i++) {
		void *answer = NULL;

		pthread_join(threads[i], &answer);
		ck_assert_msg(answer == NULL, "thread %zu stopped", i);
	}
	ck_assert_uint_eq(good, 12);
	ck_assert_uint_gt(atomic_load(&turns), 10);
	ck_logout();
}
END_TEST

static int grandchild(void)
{
	if (parent_things_are_gone() != 0)
		return 1;
	return child_ok(begin_anew) ? begin_anew() : 2;
}

START_TEST(child_of_a_child_begins_anew)
{
	ck_assert(child_ok(grandchild));
}
END_TEST

static int leaves_without_a_word(void)
{
	exit(0);
}

static int leaves_logged_in(void)
{
	CK_SESSION_HANDLE h = 0;
	CK_OBJECT_HANDLE o = 0;

	if (ck->C_Initialize(NULL) != CKR_OK || open_own(&h) != CKR_OK ||
	    ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK || make_data(h, &o) != CKR_OK)
		return 1;
	exit(0); /* no C_Finalize */
}

START_TEST(exit_without_finalize_hurts_nobody)
{
	CK_OBJECT_HANDLE o = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) } };

	ck_login(CKU_USER);
	ck_assert(child_ok(leaves_without_a_word));
	ck_assert(child_ok(leaves_logged_in));
	ck_assert_uint_eq(ck_find(t, 1, &o), 1); /* what the child had made is there */
	ck_ok(ck->C_DestroyObject(ck_session, o));
	ck_logout();
}
END_TEST

/* A writer killed in the middle leaves whole objects and no lock. */
START_TEST(killed_writer_leaves_no_lock)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) } };
	CK_OBJECT_HANDLE o = 0;

	ck_login(CKU_USER);
	for (int i = 0; i < 5; i++) {
		int status;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			CK_SESSION_HANDLE h = 0;

			alarm(CHILD_SECONDS);
			if (ck->C_Initialize(NULL) != CKR_OK || open_own(&h) != CKR_OK)
				_exit(1);
			while (make_data(h, &o) == CKR_OK)
				;
			_exit(2);
		}
		for (int wait = 0; ck_find(t, 1, NULL) < (CK_ULONG)(i + 1) * 3; wait++) {
			ck_assert_int_lt(wait, 20000);
			usleep(1000);
		}
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		ck_ok(make_data(ck_session, &o));
		ck_ok(ck->C_DestroyObject(ck_session, o));
	}
	while (ck_find(t, 1, &o) > 0)
		ck_ok(ck->C_DestroyObject(ck_session, o));
	ck_logout();
}
END_TEST

/* Last test: the library goes and comes back, with what it has on disk and nothing else. */
START_TEST(library_is_loaded_again)
{
	const char *path = getenv("STRONGROOM_MODULE");
	CK_SESSION_HANDLE h;

	for (int i = 0; i < 5; i++) {
		CK_RV (*get_list)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
		void *library;

		ck_ok(ck->C_Finalize(NULL));
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		ck_assert_ptr_nonnull(library);
		*(void **)&get_list = dlsym(library, "C_GetFunctionList");
		ck_ok(get_list(&ck));
		BAD(CKR_CRYPTOKI_NOT_INITIALIZED, C_GetSessionInfo, ck_session, &(CK_SESSION_INFO){ 0 });
		ck_ok(ck->C_Initialize(NULL));
		ck_ok(open_own(&h));
		ck_ok(ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)));
		ck_assert_int_eq(dlclose(library), 0);
	}
}
END_TEST

static void begin(void)
{
	CK_SESSION_HANDLE h;
	CK_ULONG n;
	CK_SLOT_ID first;

	ck_test_begin();
	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &n));
	first = ck_slot;
	ck_other_slot = 1;
	ck_test_init_token(ck_other_slot, "other");
	ck_slot = ck_other_slot;
	h = ck_open(true);
	ck_ok(ck->C_Login(h, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)));
	ck_ok(ck->C_InitPIN(h, CK_TEXT(CK_TEST_USER_PIN)));
	ck_ok(ck->C_CloseSession(h));
	ck_slot = first;
}

int main(void)
{
	Suite *s = suite_create("bad input: processes");
	TCase *c = tcase_create("processes");

	tcase_set_timeout(c, 200);
	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_test(c, child_begins_anew_whatever_other_threads_were_doing);
	tcase_add_test(c, child_of_a_child_begins_anew);
	tcase_add_test(c, exit_without_finalize_hurts_nobody);
	tcase_add_test(c, killed_writer_leaves_no_lock);
	tcase_add_test(c, library_is_loaded_again);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
