/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

static atomic_int steps;
static atomic_int answer;
static atomic_bool signals_blocked;
static struct worker *stepping;

static enum worker_next step(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	atomic_store(&signals_blocked, sigismember(&mask, SIGTERM) == 1);
	atomic_fetch_add((atomic_int *)arg, 1);
	return (enum worker_next)atomic_load(&answer);
}

static enum worker_next long_step(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	while (!worker_stopping(stepping))
		usleep(1000);
	return WORKER_AGAIN;
}

static void start(struct worker *w, worker_step s, enum worker_next next, unsigned idle_ms, unsigned retry_max_ms)
{
	struct fail f = { 0 };

	atomic_store(&steps, 0);
	atomic_store(&answer, (int)next);
	stepping = w;
	ck_assert_int_eq(worker_start(w, s, &steps, idle_ms, retry_max_ms, &f), ERR_OK);
}

static bool reaches(int count)
{
	for (int i = 0; i < 5000 && atomic_load(&steps) < count; i++)
		usleep(1000);
	return atomic_load(&steps) >= count;
}

START_TEST(again_steps_at_once)
{
	struct worker w;

	start(&w, step, WORKER_AGAIN, 60000, 60000);
	ck_assert(reaches(100));
	worker_stop(&w);
}
END_TEST

START_TEST(idle_waits_for_a_wake)
{
	struct worker w;

	start(&w, step, WORKER_IDLE, 60000, 60000);
	ck_assert(reaches(1));
	usleep(100000);
	ck_assert_int_eq(atomic_load(&steps), 1);
	worker_wake(&w);
	ck_assert(reaches(2));
	worker_stop(&w);
}
END_TEST

START_TEST(idle_looks_again_by_itself)
{
	struct worker w;

	start(&w, step, WORKER_IDLE, 20, 60000);
	ck_assert(reaches(5));
	worker_stop(&w);
}
END_TEST

START_TEST(retry_pauses_longer_and_longer_and_no_wake_shortens_it)
{
	struct worker w;

	start(&w, step, WORKER_RETRY, 10, 60000);
	for (int i = 0; i < 50; i++) { /* 200 + 400 ms, then 800 */
		worker_wake(&w);
		usleep(10000);
	}
	ck_assert_int_ge(atomic_load(&steps), 2);
	ck_assert_int_le(atomic_load(&steps), 3);
	worker_stop(&w);
}
END_TEST

START_TEST(stop_ends_a_long_pause_at_once)
{
	struct timespec a, b;
	struct worker w;

	start(&w, step, WORKER_IDLE, 60000, 60000);
	ck_assert(reaches(1));
	clock_gettime(CLOCK_MONOTONIC, &a);
	worker_stop(&w);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ck_assert_int_lt(b.tv_sec - a.tv_sec, 5);
}
END_TEST

START_TEST(stop_waits_for_the_step_in_hand)
{
	struct worker w;

	start(&w, long_step, WORKER_AGAIN, 0, 0);
	ck_assert(reaches(1));
	worker_stop(&w);
	ck_assert_int_eq(atomic_load(&steps), 1);
}
END_TEST

START_TEST(stop_of_a_stopped_worker_does_nothing)
{
	struct worker w = { 0 };

	worker_wake(&w);
	worker_stop(&w);
	worker_stop(&w);
}
END_TEST

START_TEST(signals_belong_to_the_loop)
{
	struct worker w;
	sigset_t mask;

	start(&w, step, WORKER_IDLE, 60000, 60000);
	ck_assert(reaches(1));
	ck_assert(atomic_load(&signals_blocked));
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
	worker_stop(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker");
	TCase *c = tcase_create("worker");

	tcase_add_test(c, again_steps_at_once);
	tcase_add_test(c, idle_waits_for_a_wake);
	tcase_add_test(c, idle_looks_again_by_itself);
	tcase_add_test(c, retry_pauses_longer_and_longer_and_no_wake_shortens_it);
	tcase_add_test(c, stop_ends_a_long_pause_at_once);
	tcase_add_test(c, stop_waits_for_the_step_in_hand);
	tcase_add_test(c, stop_of_a_stopped_worker_does_nothing);
	tcase_add_test(c, signals_belong_to_the_loop);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
