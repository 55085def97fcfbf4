/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "store_kit.h"

/* Group commit: the write transactions of threads share the waiting for the disk, and nothing else. */
static struct store_kit k;

static void setup(void)
{
	kit_init(&k, 0);
}

static void teardown(void)
{
	disk_disarm();
	kit_done(&k);
}

static void number_id(unsigned n, uint8_t ret[STORE_ID_LEN])
{
	memset(ret, 0, STORE_ID_LEN);
	be_put32(ret, n);
}

static int put(struct store_txn *t, unsigned n, const char *body)
{
	struct store_object o = { .private = true, .body = view_of_string(body), .secret = VIEW_STR("secret") };

	number_id(n, o.id);
	o.index[STORE_BY_LABEL] = VIEW_STR("L");
	return store_object_put(t, &k.crypto, &o);
}

static int put_one(unsigned n, const char *body)
{
	struct store_txn *t = NULL;
	int rc = store_begin(k.store, true, &t);

	if (rc)
		return rc;
	rc = put(t, n, body);
	if (rc) {
		store_abort(t);
		return rc;
	}
	return store_commit(t);
}

static bool is(unsigned n, const char *body)
{
	struct store_loaded l = { 0 };
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];

	number_id(n, id);
	if (store_begin(k.store, false, &t) != STORE_OK)
		return false;
	int rc = store_object_get(t, &k.crypto, id, true, &l);
	bool answer =
	    body ? rc == STORE_OK && view_equal(secret_view(&l.body), view_of_string(body)) : rc == STORE_ENOTFOUND;
	store_loaded_done(&l);
	store_abort(t);
	return answer;
}

#define THREADS_MAX 64
#define EACH 40

struct worker {
	pthread_t thread;
	unsigned number;
	unsigned bad;
};

static pthread_barrier_t start;

static void *creates(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < EACH; i++)
		w->bad += put_one(w->number * EACH + i, "body") != STORE_OK;
	return NULL;
}

static void run(unsigned threads, void *(*work)(void *), struct worker *w)
{
	pthread_barrier_init(&start, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct worker){ .number = i };
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&start);
}

/* One object, one wait; of 64 threads many share one. Counted, not timed. */
START_TEST(threads_share_the_waiting_for_the_disk)
{
	static const struct {
		unsigned threads, most_percent;
	} rows[] = { { 1, 100 }, { 8, 60 }, { 64, 15 } };
	struct worker w[THREADS_MAX];

	unsigned threads = rows[_i].threads, objects = threads * EACH;
	disk_arm(k.dir, (struct disk_plan){ 0 });
	run(threads, creates, w);
	unsigned syncs = disk_syncs();
	disk_disarm();
	for (unsigned i = 0; i < threads; i++)
		ck_assert_uint_eq(w[i].bad, 0);
	ck_assert_int_eq(kit_find(&k, "L", NULL), (int)objects);
	if (threads == 1)
		ck_assert_uint_eq(syncs, objects);
	ck_assert_msg(syncs * 100 <= objects * rows[_i].most_percent, "%u objects, %u waits for the disk", objects,
		      syncs);
	printf("%u threads: %u objects, %u waits for the disk\n", threads, objects, syncs);
}
END_TEST

static atomic_uint kept;

/* Every third one is dropped, every fifth one fails half way: nobody else's goes with it. */
static void *mixes(void *arg)
{
	struct worker *w = arg;
	struct store_txn *t = NULL;
	char body[32];

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < EACH; i++) {
		unsigned n = w->number * EACH + i;
		snprintf(body, sizeof(body), "body %u", n);
		if (store_begin(k.store, true, &t) != STORE_OK || put(t, n, body) != STORE_OK) {
			w->bad++;
			continue;
		}
		if (n % 3 == 0) {
			store_abort(t);
		} else if (n % 5 == 0) {
			char name[80];
			memset(name, 'x', sizeof(name));
			name[79] = 0;
			/* An argument out of its range spoils nothing; the caller gives up all the same. */
			w->bad += store_meta_put(t, name, VIEW_STR("v")) != STORE_EINVAL;
			store_abort(t);
		} else {
			w->bad += store_commit(t) != STORE_OK;
			atomic_fetch_add(&kept, 1);
		}
	}
	return NULL;
}

START_TEST(who_aborts_takes_nobody_along)
{
	struct worker w[16];
	char body[32];

	atomic_store(&kept, 0);
	run(ARRAY_LEN(w), mixes, w);
	for (unsigned i = 0; i < ARRAY_LEN(w); i++)
		ck_assert_uint_eq(w[i].bad, 0);
	for (unsigned n = 0; n < ARRAY_LEN(w) * EACH; n++) {
		snprintf(body, sizeof(body), "body %u", n);
		ck_assert_msg(is(n, n % 3 == 0 || n % 5 == 0 ? NULL : body), "object %u", n);
	}
	ck_assert_int_eq(kit_find(&k, "L", NULL), (int)atomic_load(&kept));
}
END_TEST

static atomic_uint ahead;

static void *comes_second(void *arg)
{
	struct worker *w = arg;

	atomic_fetch_add(&ahead, 1);
	w->bad = (unsigned)-put_one(100 + w->number, "second");
	return NULL;
}

/* The leader of a group of four, whose commit fails: all four hear it, and none of the four objects is there. */
START_TEST(a_failed_commit_is_the_answer_of_all)
{
	struct worker w[3];
	struct store_txn *t = NULL;

	ck_assert_int_eq(put_one(1, "before"), STORE_OK);
	for (unsigned round = 0; round < 2; round++) {
		atomic_store(&ahead, 0);
		ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
		ck_assert_int_eq(put(t, 50, "first"), STORE_OK);
		for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
			w[i] = (struct worker){ .number = i };
			ck_assert_int_eq(pthread_create(&w[i].thread, NULL, comes_second, &w[i]), 0);
		}
		while (atomic_load(&ahead) < ARRAY_LEN(w))
			usleep(1000);
		usleep(50000); /* they wait for their turn now */
		disk_arm(k.dir, (struct disk_plan){ .nth = round == 0, .lasting = true, .error = 28 /* ENOSPC */ });
		int rc = store_commit(t);
		unsigned syncs = disk_syncs();
		disk_disarm();
		ck_assert_int_eq(rc, round == 0 ? STORE_EFULL : STORE_OK);
		for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
			pthread_join(w[i].thread, NULL);
			ck_assert_int_eq(-(int)w[i].bad, rc);
			ck_assert(is(100 + i, round == 0 ? NULL : "second"));
		}
		ck_assert(is(50, round == 0 ? NULL : "first"));
		ck_assert(is(1, "before"));
		ck_assert_uint_eq(syncs, round);
	}
}
END_TEST

static void *reads_own(void *arg)
{
	struct worker *w = arg;
	struct store_txn *t = NULL, *r = NULL, *second = NULL;
	struct store_loaded l = { 0 };
	uint8_t id[STORE_ID_LEN];

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < EACH; i++) {
		uint64_t before = store_sequence(k.store);
		number_id(7, id);
		if (store_begin(k.store, true, &t) != STORE_OK) {
			w->bad++;
			continue;
		}
		/* What the member before wrote, committed or not, is what is read in the write transaction. */
		uint64_t version = 0, seen = 0;
		w->bad += store_object_version(t, id, &version) != STORE_OK;
		w->bad += store_begin(k.store, false, &r) != STORE_OK;
		w->bad += store_object_version(r, id, &seen) != STORE_OK || seen != version;
		store_abort(r);
		w->bad += store_begin(k.store, true, &second) != STORE_EINVAL;
		w->bad += put(t, 7, "changed") != STORE_OK;
		w->bad += store_begin(k.store, false, &r) != STORE_OK;
		w->bad += store_object_get(r, &k.crypto, id, false, &l) != STORE_OK || l.version != version + 1;
		store_loaded_done(&l);
		store_abort(r);
		w->bad += store_sequence_lasts(store_sequence(k.store)) || !store_sequence_lasts(before);
		w->bad += store_commit(t) != STORE_OK;
	}
	return NULL;
}

START_TEST(a_read_within_a_write_sees_it)
{
	struct worker w[8];
	uint64_t version = 0;
	uint8_t id[STORE_ID_LEN];
	struct store_txn *t = NULL;

	ck_assert_int_eq(put_one(7, "body"), STORE_OK);
	run(ARRAY_LEN(w), reads_own, w);
	for (unsigned i = 0; i < ARRAY_LEN(w); i++)
		ck_assert_uint_eq(w[i].bad, 0);
	number_id(7, id);
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_eq(store_object_version(t, id, &version), STORE_OK);
	store_abort(t);
	/* One version for each change: none was lost to another member of its group. */
	ck_assert_uint_eq(version, 1 + ARRAY_LEN(w) * EACH);
}
END_TEST

static void *changes_all(void *arg)
{
	struct worker *w = arg;
	char body[3000];
	uint32_t state = w->number * 2654435761u + 12345;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < 4 * EACH; i++) {
		struct store_txn *t = NULL;
		state = state * 1664525u + 1013904223u;
		unsigned n = (state >> 8) % 200, size = (state >> 16) % (sizeof(body) - 1);
		uint8_t id[STORE_ID_LEN];
		memset(body, 'a' + (int)(n % 26), size + 1);
		body[size + 1] = 0;
		number_id(n, id);
		if (store_begin(k.store, true, &t) != STORE_OK) {
			w->bad++;
			continue;
		}
		int rc = state % 7 < 3 ? store_object_del(t, &k.crypto, id) : put(t, n, body);
		if (rc && rc != STORE_ENOTFOUND)
			w->bad++;
		if (state % 11 == 0)
			store_abort(t);
		else
			w->bad += store_commit(t) != STORE_OK;
	}
	return NULL;
}

/* Nested transactions that split, merge, free and take pages, dropped or not: the file is sound afterwards. */
START_TEST(changes_of_many_sizes_leave_a_sound_file)
{
	struct worker w[12];
	struct store_loaded l;
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];
	int there = 0;

	run(ARRAY_LEN(w), changes_all, w);
	for (unsigned i = 0; i < ARRAY_LEN(w); i++)
		ck_assert_uint_eq(w[i].bad, 0);
	store_close(k.store);
	k.store = NULL;
	ck_assert_int_eq(store_open(k.dir, KIT_SERIAL, &k.options, &k.store), STORE_OK);
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	for (unsigned n = 0; n < 200; n++) {
		number_id(n, id);
		l = (struct store_loaded){ 0 };
		int rc = store_object_get(t, &k.crypto, id, true, &l);
		ck_assert_msg(rc == STORE_OK || rc == STORE_ENOTFOUND, "object %u: %d", n, rc);
		if (rc == STORE_OK) {
			there++;
			for (size_t i = 0; i < l.body.len; i++)
				ck_assert_int_eq(l.body.p[i], 'a' + (int)(n % 26));
		}
		store_loaded_done(&l);
	}
	store_abort(t);
	ck_assert_int_gt(there, 20);
	ck_assert_int_eq(kit_find(&k, "L", NULL), there);
	ck_assert_int_eq(kit_count(&k), there);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_group");
	TCase *c = tcase_create("store_group");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, threads_share_the_waiting_for_the_disk, 0, 3);
	tcase_add_test(c, who_aborts_takes_nobody_along);
	tcase_add_test(c, a_failed_commit_is_the_answer_of_all);
	tcase_add_test(c, a_read_within_a_write_sees_it);
	tcase_add_test(c, changes_of_many_sizes_leave_a_sound_file);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
