/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_RV some_mutex(void **p)
{
	return CKR_OK;
}

static CK_RV some_lock(void *p)
{
	return CKR_OK;
}

/* R6.1: every place of both lists holds a function; the versions say how long they are. */
START_TEST(function_lists_have_no_holes)
{
	void *const *at = (void *const *)(const void *)&ck3->C_Initialize;

	ck_assert_uint_eq(ck->version.major, 2);
	ck_assert_uint_eq(ck->version.minor, 40);
	ck_assert_uint_eq(ck3->version.major, 3);
	ck_assert_uint_eq(ck3->version.minor, 0);
	for (size_t i = 0; i < 92; i++)
		ck_assert_ptr_nonnull(at[i]);
	at = (void *const *)(const void *)&ck->C_Initialize;
	for (size_t i = 0; i < 68; i++)
		ck_assert_ptr_nonnull(at[i]);
	ck_assert_ptr_eq(*(void **)&ck->C_WaitForSlotEvent, *(void **)&ck3->C_WaitForSlotEvent);
}
END_TEST

/* R6.1 */
START_TEST(interfaces_are_found_by_name_and_version)
{
	static const struct {
		CK_VERSION version;
		size_t functions;
	} lists[] = { { { 2, 40 }, 68 }, { { 3, 0 }, 92 }, { { 3, 1 }, 92 }, { { 3, 2 }, 104 } };
	CK_INTERFACE list[6];
	CK_INTERFACE *one = NULL;
	CK_ULONG n = 0;
	CK_VERSION v330 = { 3, 3 };
	CK_UTF8CHAR name[] = "PKCS 11", other[] = "Vendor";

	ck_rv(ck3->C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	ck_ok(ck3->C_GetInterfaceList(NULL, &n));
	ck_assert_uint_eq(n, ARRAY_LEN(lists) + 1);
	n = 1;
	ck_rv(ck3->C_GetInterfaceList(list, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, ARRAY_LEN(lists) + 1);
	n = ARRAY_LEN(list);
	ck_ok(ck3->C_GetInterfaceList(list, &n));
	ck_assert_uint_eq(n, ARRAY_LEN(lists) + 1);
	ck_ok(ck3->C_GetInterface(NULL, NULL, &one, 0));
	ck_assert_uint_eq(((CK_VERSION *)one->pFunctionList)->major, 3);
	ck_assert_uint_eq(((CK_VERSION *)one->pFunctionList)->minor, 2);
	ck_assert_str_eq(one->pInterfaceName, "PKCS 11");
	/* A list says the version whose length it has: clients walk as far as that. */
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		CK_VERSION version = lists[i].version;
		void *const *at;

		ck_ok(ck3->C_GetInterface(name, &version, &one, CKF_INTERFACE_FORK_SAFE));
		ck_assert_mem_eq(one->pFunctionList, &version, sizeof(version));
		at = (void *const *)((const uint8_t *)one->pFunctionList + offsetof(CK_FUNCTION_LIST, C_Initialize));
		for (size_t k = 0; k < lists[i].functions; k++)
			ck_assert_ptr_nonnull(at[k]);
	}
	ck_rv(ck3->C_GetInterface(name, &v330, &one, 0), CKR_FUNCTION_FAILED);
	ck_rv(ck3->C_GetInterface(other, NULL, &one, 0), CKR_FUNCTION_FAILED);
	ck_rv(ck3->C_GetInterface(name, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}
END_TEST

/* R6.5 */
START_TEST(initialize_keeps_the_rules_of_its_arguments)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_ULONG n;

	ck_rv(ck->C_GetSlotList(CK_FALSE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	args.pReserved = &args;
	ck_rv(ck->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	args.pReserved = NULL;
	args.CreateMutex = some_mutex;
	ck_rv(ck->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	args.DestroyMutex = args.LockMutex = args.UnlockMutex = some_lock;
	ck_ok(ck->C_Initialize(&args));
	ck_rv(ck->C_Initialize(&args), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	ck_rv(ck->C_Finalize(&args), CKR_ARGUMENTS_BAD);
	ck_ok(ck->C_Finalize(NULL));
	args.flags = 0;
	ck_rv(ck->C_Initialize(&args), CKR_CANT_LOCK);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

/* R6.5: before C_Initialize no function does anything. */
START_TEST(functions_refuse_before_initialize)
{
	CK_INFO info;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_SESSION_HANDLE h = 1;
	CK_ULONG n = 0;
	CK_OBJECT_HANDLE o;
	CK_BYTE b[8];
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };

	ck_rv(ck->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GetSlotInfo(0, &slot), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GetTokenInfo(0, &token), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GetMechanismList(0, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_InitToken(0, b, 8, b), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &h), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_CloseSession(1), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_Login(1, CKU_USER, b, 8), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_FindObjectsInit(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_CreateObject(1, NULL, 0, &o), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_DigestInit(1, &m), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_SignInit(1, &m, 1), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_EncryptInit(1, &m, 1), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GenerateKey(1, &m, NULL, 0, &o), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GenerateRandom(1, b, 8), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck->C_GetFunctionStatus(1), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_rv(ck3->C_LoginUser(1, CKU_USER, b, 8, b, 8), CKR_CRYPTOKI_NOT_INITIALIZED);
}
END_TEST

/* R6.5 */
START_TEST(functions_not_offered_say_so)
{
	CK_ULONG n = 0;
	CK_SLOT_ID slot = 77;

	ck_ok(ck->C_Initialize(NULL));
	ck_rv(ck->C_GetFunctionStatus(1), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_CancelFunction(1), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_SignRecoverInit(1, NULL, 1), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_DigestEncryptUpdate(1, NULL, 0, NULL, &n), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	ck_rv(ck->C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(slot, 77);
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

/* R6.5 */
START_TEST(info_names_the_library)
{
	CK_INFO info;

	ck_ok(ck->C_Initialize(NULL));
	ck_rv(ck->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	ck_ok(ck->C_GetInfo(&info));
	ck_assert_uint_eq(info.cryptokiVersion.major, 3);
	ck_assert_mem_eq(info.manufacturerID, "strongroom                      ", 32);
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

/* In a child: what the parent had is not there, and the child can begin anew. */
static int child_begins_anew(CK_OBJECT_HANDLE key, CK_SESSION_HANDLE parent_session)
{
	CK_SESSION_HANDLE h;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots), size;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_OBJECT_HANDLE found;

	if (ck->C_GetObjectSize(parent_session, key, &size) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK || n != 2)
		return 2;
	if (ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK)
		return 3;
	if (ck->C_FindObjectsInit(h, t, 1) != CKR_OK || ck->C_FindObjects(h, &found, 1, &n) != CKR_OK || n != 0 ||
	    ck->C_FindObjectsFinal(h) != CKR_OK)
		return 4; /* nobody is logged in here */
	if (ck->C_Login(h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 5;
	if (ck->C_FindObjectsInit(h, t, 1) != CKR_OK || ck->C_FindObjects(h, &found, 1, &n) != CKR_OK || n != 1 ||
	    ck->C_FindObjectsFinal(h) != CKR_OK)
		return 6;
	if (ck->C_DestroyObject(h, found) != CKR_OK || ck->C_Finalize(NULL) != CKR_OK)
		return 7;
	return 0;
}

/* R6.5: keys do not survive fork; the parent goes on, and sees what the child did. */
START_TEST(forked_child_begins_anew)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32, size;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE key;
	int status = -1;
	pid_t pid;

	ck_ok(ck->C_Initialize(NULL));
	ck_slot = 0;
	ck_test_init_token(ck_slot, "fork");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_login(CKU_USER);
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &key));
	ck_ok(ck->C_GetObjectSize(ck_session, key, &size));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(child_begins_anew(key, ck_session));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: status %x", (unsigned)status);
	ck_rv(ck->C_GetObjectSize(ck_session, key, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &key));
	ck_ok(ck->C_GetObjectSize(ck_session, key, &size));
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

static void *work(void *arg)
{
	const CK_ULONG *thread = arg;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	char label[32];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, label, 0 },
			     { CKA_PRIVATE, &no, 1 },
			     { CKA_TOKEN, &yes, 1 } };
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE o, found[4];
	CK_ULONG n;

	for (int i = 0; i < 10; i++) {
		t[1].ulValueLen = (CK_ULONG)snprintf(label, sizeof(label), "thread %lu turn %d", *thread, i);
		if (ck->C_OpenSession(ck_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK ||
		    ck->C_CreateObject(h, t, ARRAY_LEN(t), &o) != CKR_OK || ck->C_FindObjectsInit(h, t, 2) != CKR_OK ||
		    ck->C_FindObjects(h, found, 4, &n) != CKR_OK || n != 1 || found[0] != o ||
		    ck->C_FindObjectsFinal(h) != CKR_OK || ck->C_DestroyObject(h, o) != CKR_OK ||
		    ck->C_CloseSession(h) != CKR_OK)
			return arg;
	}
	return NULL;
}

static int turn[2][2];

static void *outlive(void *arg)
{
	uint8_t bytes[32];
	char c;

	if (ck->C_GenerateRandom(ck_session, bytes, sizeof(bytes)) != CKR_OK || write(turn[0][1], "x", 1) != 1 ||
	    read(turn[1][0], &c, 1) != 1)
		return arg;
	return NULL;
}

/* A thread that has called the module ends when it likes. */
START_TEST(thread_outlives_the_module)
{
	pthread_t thread;
	void *failed = NULL;
	char c;

	ck_assert(pipe(turn[0]) == 0 && pipe(turn[1]) == 0);
	for (int i = 0; i < 3; i++) {
		ck_ok(ck->C_Initialize(NULL));
		ck_slot = 0;
		ck_test_init_token(ck_slot, "outlive");
		ck_session = ck_open(true);
		ck_assert_int_eq(pthread_create(&thread, NULL, outlive, turn), 0);
		ck_assert_int_eq(read(turn[0][0], &c, 1), 1);
		ck_ok(ck->C_Finalize(NULL));
		ck_assert_int_eq(write(turn[1][1], "x", 1), 1);
		ck_assert_int_eq(pthread_join(thread, &failed), 0);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

/* R6.5 */
START_TEST(threads_work_on_one_token)
{
	pthread_t threads[6];
	CK_ULONG numbers[ARRAY_LEN(threads)];
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *answer;

		pthread_join(threads[i], &answer);
		ck_assert_msg(answer == NULL, "thread %zu", i);
	}
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

/* In a child: ten objects made, every second one destroyed. */
static int share(int number)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	char label[32];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, label, 0 },
			     { CKA_PRIVATE, &no, 1 },
			     { CKA_TOKEN, &yes, 1 } };
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_SESSION_HANDLE h;
	CK_OBJECT_HANDLE o;

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK ||
	    ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK)
		return 1;
	for (int i = 0; i < 10; i++) {
		t[1].ulValueLen = (CK_ULONG)snprintf(label, sizeof(label), "process %d turn %d", number, i);
		if (ck->C_CreateObject(h, t, ARRAY_LEN(t), &o) != CKR_OK)
			return 2;
		if (i % 2 != 0 && ck->C_DestroyObject(h, o) != CKR_OK)
			return 3;
	}
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

/* R6.1 */
START_TEST(processes_work_on_one_token)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	pid_t pids[4];

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	ck_assert_uint_eq(ck_find(t, 1, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			_exit(share((int)i));
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %zu: %x", i, (unsigned)status);
	}
	ck_assert_uint_eq(ck_find(t, 1, NULL), 20);
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("init");
	TCase *c = tcase_create("init");

	tcase_add_unchecked_fixture(c, ck_test_load, ck_test_unload);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, function_lists_have_no_holes);
	tcase_add_test(c, interfaces_are_found_by_name_and_version);
	tcase_add_test(c, initialize_keeps_the_rules_of_its_arguments);
	tcase_add_test(c, functions_refuse_before_initialize);
	tcase_add_test(c, functions_not_offered_say_so);
	tcase_add_test(c, info_names_the_library);
	tcase_add_test(c, forked_child_begins_anew);
	tcase_add_test(c, thread_outlives_the_module);
	tcase_add_test(c, threads_work_on_one_token);
	tcase_add_test(c, processes_work_on_one_token);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
