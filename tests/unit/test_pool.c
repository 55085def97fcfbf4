/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "log.h"
#include "now.h"
#include "pool.h"
#include "temp.h"
#include "waiting.h"

#define JOBS 40

struct job {
	struct pool_job job;
	int number;
	int context;    /* that it ran with */
	int done;       /* times */
	pthread_t told; /* in which thread done was called */
	struct job *owes;
};

static struct event_base *base;
static struct pool *pool;
static int contexts[8], made, dropped;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool held;
static int inside, most;

static enum err make(void *arg, void **ret_context, struct fail *f)
{
	if (made == *(int *)arg)
		return fail_set(f, ERR_CONFIG, 0, "no more contexts");
	contexts[made] = made + 1;
	*ret_context = &contexts[made++];
	return ERR_OK;
}

static void drop(void *context)
{
	dropped++;
}

static void pool_of(unsigned threads, unsigned queue, unsigned slow_ms)
{
	static int limit = 8;
	const struct pool_options o = { .base = base,
					.name = "test",
					.threads = threads,
					.queue = queue,
					.slow_ms = slow_ms,
					.make = make,
					.drop = drop,
					.arg = &limit };
	struct fail f = { 0 };

	ck_assert_msg(!pool_new(&o, &pool, &f), "%s", f.text);
}

static void setup(void)
{
	base = event_base_new();
	made = dropped = inside = most = 0;
	held = false;
}

static void teardown(void)
{
	pool_free(pool);
	ck_assert_int_eq(dropped, made);
	pool = NULL;
	event_base_free(base);
}

/* Waits inside while held. */
static void run(struct pool_job *job, void *context)
{
	struct job *j = (struct job *)job;

	pthread_mutex_lock(&mutex);
	inside++;
	most = inside > most ? inside : most;
	pthread_cond_broadcast(&moved);
	waiting_for("HSM", "tk_open");
	while (held)
		pthread_cond_wait(&moved, &mutex);
	waiting_over();
	inside--;
	j->context = *(int *)context;
	pthread_mutex_unlock(&mutex);
}

static void done(struct pool_job *job)
{
	struct job *j = (struct job *)job;

	j->done++;
	j->told = pthread_self();
	if (j->owes)
		pool_owe(pool, &j->owes->job);
}

static struct job job_of(int number)
{
	return (struct job){ .job = { .run = run, .done = done, .name = "job", .who = "somebody" }, .number = number };
}

static void hold(bool on)
{
	pthread_mutex_lock(&mutex);
	held = on;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&mutex);
}

static void inside_wait(int n)
{
	pthread_mutex_lock(&mutex);
	while (inside < n)
		pthread_cond_wait(&moved, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void loop_until(const int *n, int want)
{
	int64_t end = steady_ms() + 20000;

	while (*n < want && steady_ms() < end) {
		event_base_loopexit(base, &(struct timeval){ 0, 5000 });
		event_base_dispatch(base);
	}
	ck_assert_int_eq(*n, want);
}

START_TEST(jobs_run_in_threads_with_a_context_each_and_are_told_in_the_loop)
{
	struct job j[JOBS];

	pool_of(3, JOBS, 0);
	ck_assert_int_eq(made, 3);
	hold(true);
	for (int i = 0; i < JOBS; i++) {
		j[i] = job_of(i);
		ck_assert(!pool_put(pool, &j[i].job));
	}
	inside_wait(3);
	hold(false);
	for (int i = 0; i < JOBS; i++) {
		loop_until(&j[i].done, 1);
		ck_assert(j[i].context >= 1 && j[i].context <= 3);
		ck_assert(pthread_equal(j[i].told, pthread_self()));
		ck_assert(!j[i].job.dropped);
	}
	ck_assert_int_eq(most, 3);
}
END_TEST

START_TEST(a_full_queue_refuses_at_once_and_takes_again)
{
	struct job j[5] = { job_of(0), job_of(1), job_of(2), job_of(3), job_of(4) };

	pool_of(1, 2, 0);
	hold(true);
	for (int i = 0; i < 3; i++)
		ck_assert(!pool_put(pool, &j[i].job));
	inside_wait(1);
	ck_assert(!pool_room(pool));
	ck_assert_int_eq(pool_put(pool, &j[3].job), ERR_BUSY);
	/* what is owed has room */
	pool_owe(pool, &j[4].job);
	hold(false);
	loop_until(&j[4].done, 1);
	ck_assert_int_eq(j[3].done, 0);
	ck_assert(!pool_put(pool, &j[3].job));
	loop_until(&j[3].done, 1);
}
END_TEST

/* Lets go what is held when the pool has begun to stop. */
static void *let_go(void *arg)
{
	while (pool_room(pool))
		usleep(1000);
	hold(false);
	return NULL;
}

START_TEST(a_stop_finishes_what_is_in_hand_and_owed_and_drops_the_rest)
{
	struct job j[3] = { job_of(0), job_of(1), job_of(2) }, owed = job_of(3), late = job_of(4);
	pthread_t thread;

	pool_of(1, 10, 0);
	j[0].owes = &owed;
	hold(true);
	for (int i = 0; i < 3; i++)
		ck_assert(!pool_put(pool, &j[i].job));
	inside_wait(1);
	ck_assert_int_eq(pthread_create(&thread, NULL, let_go, NULL), 0);
	pool_stop(pool);
	pthread_join(thread, NULL);
	ck_assert(j[0].done == 1 && j[1].done == 1 && j[2].done == 1 && owed.done == 1);
	ck_assert(!j[0].job.dropped && !owed.job.dropped && owed.context == 1);
	ck_assert(j[1].job.dropped && j[2].job.dropped && !j[1].context && !j[2].context);
	ck_assert_int_eq(pool_put(pool, &late.job), ERR_BUSY);
	pool_owe(pool, &late.job);
	ck_assert(late.done == 1 && late.job.dropped);
}
END_TEST

START_TEST(a_pool_without_all_of_its_contexts_is_none)
{
	int limit = 2;
	const struct pool_options o = {
		.base = base, .name = "test", .threads = 3, .make = make, .drop = drop, .arg = &limit
	};
	struct fail f = { 0 };

	ck_assert_int_eq(pool_new(&o, &pool, &f), ERR_CONFIG);
	ck_assert_str_eq(f.text, "no more contexts");
	ck_assert_ptr_null(pool);
	ck_assert_int_eq(dropped, 2);
}
END_TEST

static unsigned lines_with(const char *path, const char *text)
{
	char line[2100];
	unsigned n = 0;
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	fclose(file);
	return n;
}

START_TEST(a_slow_job_is_told_once_with_what_it_waits_for_and_once_when_it_is_back)
{
	struct job slow = job_of(0), quick = job_of(1);
	char path[] = "/tmp/strongroom-pool-XXXXXX";
	int fd = mkstemp(path);
	int64_t end = steady_ms() + 20000;

	ck_assert_int_ge(fd, 0);
	log_open("test", fd, LOG_LEVEL_INFO);
	pool_of(1, 2, 60);
	ck_assert(!pool_put(pool, &quick.job));
	loop_until(&quick.done, 1);
	hold(true);
	ck_assert(!pool_put(pool, &slow.job));
	while (!lines_with(path, "job of somebody takes more than 60 ms: waits for the HSM: tk_open") &&
	       steady_ms() < end) {
		event_base_loopexit(base, &(struct timeval){ 0, 5000 });
		event_base_dispatch(base);
	}
	event_base_loopexit(base, &(struct timeval){ 0, 300000 });
	event_base_dispatch(base);
	hold(false);
	loop_until(&slow.done, 1);
	ck_assert_uint_eq(lines_with(path, "takes more than"), 1);
	ck_assert_uint_eq(lines_with(path, "job of somebody came back after"), 1);
	log_open("test", -1, LOG_LEVEL_INFO);
	close(fd);
	unlink(path);
}
END_TEST

/* ---- two writers of a SQLite file in one process ---- */

#define WRITERS 6
#define WRITES 60

static char dir[128];
static atomic_int failures;

static void *writer(void *arg)
{
	static const char *const steps[] = { "CREATE TABLE t (id @ID, n @INT NOT NULL);"
					     "INSERT INTO t (n) VALUES (0);" };
	struct fail f = { 0 };
	struct db *d = NULL;
	char path[200];
	enum err e;

	snprintf(path, sizeof(path), "%s/db", dir);
	e = db_open(path, steps, 1, &d, &f);
	for (int i = 0; !e && i < WRITES; i++) {
		int64_t n = 0;

		if (i % 3) {
			e = db_run(d, &f, "UPDATE t SET n = n + 1 WHERE id = 1", "");
			continue;
		}
		e = db_begin(d, &f);
		if (!e)
			e = db_one(d, &n, &f, "SELECT n FROM t WHERE id = 1", "");
		if (!e)
			e = db_run(d, &f, "UPDATE t SET n = ? WHERE id = 1", "i", n + 1);
		if (!e)
			e = db_commit(d, &f);
		db_rollback(d);
	}
	if (e) {
		fprintf(stderr, "writer: %s\n", f.text);
		failures++;
	}
	db_free(d);
	return NULL;
}

START_TEST(writers_of_one_file_take_turns_and_none_fails)
{
	pthread_t thread[WRITERS];
	struct db *d = NULL;
	char path[200];
	int64_t n = 0;

	temp_dir(dir);
	failures = 0;
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, writer, NULL), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(failures, 0);
	snprintf(path, sizeof(path), "%s/db", dir);
	ck_assert(!db_open_read(path, &d, NULL));
	ck_assert(!db_one(d, &n, NULL, "SELECT n FROM t WHERE id = 1", ""));
	ck_assert_int_eq(n, WRITERS * WRITES);
	db_free(d);
	temp_remove(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool"), *w = tcase_create("writers");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, jobs_run_in_threads_with_a_context_each_and_are_told_in_the_loop);
	tcase_add_test(t, a_full_queue_refuses_at_once_and_takes_again);
	tcase_add_test(t, a_stop_finishes_what_is_in_hand_and_owed_and_drops_the_rest);
	tcase_add_test(t, a_pool_without_all_of_its_contexts_is_none);
	tcase_add_test(t, a_slow_job_is_told_once_with_what_it_waits_for_and_once_when_it_is_back);
	tcase_set_timeout(w, 60);
	tcase_add_test(w, writers_of_one_file_take_turns_and_none_fails);
	suite_add_tcase(s, t);
	suite_add_tcase(s, w);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
