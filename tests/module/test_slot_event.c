/* SPDX-License-Identifier: BSD-2-Clause */
/* C_WaitForSlotEvent. */
#include "ck_test.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* in_other_process: initialises a slot there: the free one, or the one of a serial number. */
static int init_there(const char *label, const CK_UTF8CHAR *serial)
{
	CK_UTF8CHAR text[32];
	CK_SLOT_ID slots[16];
	CK_ULONG n = ARRAY_LEN(slots);

	memset(text, ' ', sizeof(text));
	memcpy(text, label, strlen(label));
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 1;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		if (ck->C_GetTokenInfo(slots[i], &info) != CKR_OK)
			return 2;
		if (serial == NULL ? !(info.flags & CKF_TOKEN_INITIALIZED)
				   : memcmp(info.serialNumber, serial, sizeof(info.serialNumber)) == 0)
			return ck->C_InitToken(slots[i], CK_TEXT(CK_TEST_SO_PIN), text) == CKR_OK ? 0 : 3;
	}
	return 4;
}

static pid_t begin_other(const char *label, const CK_UTF8CHAR *serial, unsigned delay_ms)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		usleep(delay_ms * 1000);
		_exit(init_there(label, serial));
	}
	return pid;
}

static void end_other(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

static void start(void)
{
	ck_test_load();
	ck_ok(ck->C_Initialize(NULL));
}

static void none_waits(void)
{
	CK_SLOT_ID slot = 77;

	ck_rv(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	ck_assert_uint_eq(slot, 77);
}

START_TEST(what_this_process_does_is_no_event)
{
	CK_SLOT_ID slot = 77;

	none_waits();
	ck_test_init_token(0, "mine");
	none_waits();
	ck_test_init_token(0, "mine again");
	none_waits();
	ck_rv(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
}
END_TEST

START_TEST(token_of_another_process_is_told_once)
{
	CK_SLOT_ID slot = 77;
	CK_TOKEN_INFO info;

	end_other(begin_other("theirs", NULL, 0));
	ck_ok(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	ck_ok(ck->C_GetTokenInfo(slot, &info));
	ck_assert_mem_eq(info.label, "theirs ", 7);
	none_waits();
	/* Also when the list was asked for in between. */
	end_other(begin_other("second", NULL, 0));
	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){ 0 }));
	ck_ok(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	ck_ok(ck->C_GetTokenInfo(slot, &info));
	ck_assert_mem_eq(info.label, "second ", 7);
	none_waits();
}
END_TEST

START_TEST(token_initialised_again_elsewhere_is_told)
{
	CK_SLOT_ID slot = 77;
	CK_TOKEN_INFO info;

	ck_ok(ck->C_GetTokenInfo(0, &info));
	end_other(begin_other("renewed", info.serialNumber, 0));
	ck_ok(ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	ck_assert_uint_eq(slot, 0);
	ck_ok(ck->C_GetTokenInfo(0, &info));
	ck_assert_mem_eq(info.label, "renewed ", 8);
	none_waits();
}
END_TEST

/* struct waiter: a thread in a blocking call. */
struct waiter {
	pthread_t thread;
	CK_RV rv;
	CK_SLOT_ID slot;
	double ended;
};

static void *wait_there(void *p)
{
	struct waiter *w = p;

	w->rv = ck->C_WaitForSlotEvent(0, &w->slot, NULL);
	w->ended = now();
	return NULL;
}

static void begin_waiting(struct waiter *w)
{
	*w = (struct waiter){ .rv = 77, .slot = 77 };
	ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_there, w), 0);
}

START_TEST(blocked_call_ends_when_a_token_comes)
{
	CK_TOKEN_INFO info;
	struct waiter w;
	pid_t pid = begin_other("awaited", NULL, 300);

	begin_waiting(&w);
	end_other(pid);
	pthread_join(w.thread, NULL);
	ck_ok(w.rv);
	ck_ok(ck->C_GetTokenInfo(w.slot, &info));
	ck_assert_mem_eq(info.label, "awaited ", 8);
	none_waits();
	ck_ok(ck->C_GetTokenInfo(0, &info));
	pid = begin_other("anew", info.serialNumber, 300);
	begin_waiting(&w);
	end_other(pid);
	pthread_join(w.thread, NULL);
	ck_ok(w.rv);
	ck_assert_uint_eq(w.slot, 0);
}
END_TEST

START_TEST(finalize_wakes_all_that_wait)
{
	struct waiter w[4];
	double began;

	for (size_t i = 0; i < ARRAY_LEN(w); i++)
		begin_waiting(&w[i]);
	usleep(200000);
	began = now();
	ck_ok(ck->C_Finalize(NULL));
	ck_ok(ck->C_Initialize(NULL)); /* at once: the waiting calls belong to the module before */
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		pthread_join(w[i].thread, NULL);
		ck_rv(w[i].rv, CKR_CRYPTOKI_NOT_INITIALIZED);
		ck_assert_uint_eq(w[i].slot, 77);
		ck_assert(w[i].ended - began < 5);
	}
	none_waits();
}
END_TEST

START_TEST(forks_do_not_wait_for_a_blocked_call)
{
	struct waiter w;
	int status = -1;
	double began;
	pid_t pid;

	begin_waiting(&w);
	usleep(200000);
	began = now();
	pid = fork();
	if (pid == 0) {
		CK_SLOT_ID slot;

		if (ck->C_WaitForSlotEvent(0, &slot, NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
			_exit(1);
		if (ck->C_Initialize(NULL) != CKR_OK)
			_exit(2);
		if (ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL) != CKR_NO_EVENT)
			_exit(3);
		_exit(ck->C_Finalize(NULL) == CKR_OK ? 0 : 4);
	}
	ck_assert(now() - began < 5);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	ck_assert_uint_eq(w.rv, 77);
	ck_ok(ck->C_Finalize(NULL));
	pthread_join(w.thread, NULL);
	ck_rv(w.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_ok(ck->C_Initialize(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slot events");
	TCase *c = tcase_create("slot events");

	tcase_add_unchecked_fixture(c, start, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, what_this_process_does_is_no_event);
	tcase_add_test(c, token_of_another_process_is_told_once);
	tcase_add_test(c, token_initialised_again_elsewhere_is_told);
	tcase_add_test(c, blocked_call_ends_when_a_token_comes);
	tcase_add_test(c, finalize_wakes_all_that_wait);
	tcase_add_test(c, forks_do_not_wait_for_a_blocked_call);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
