/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault_kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/*
 * kill -9 at random moments: four processes of two threads each create, change and destroy token objects; each is
 * killed at a moment of its own. What was acknowledged is there and whole; what was under way is as it was before or as
 * it should become; nothing else is there; the token serves on.
 */
#define WRITERS 4
#define THREADS 2
#define NAMES 6
#define ROUNDS 200
#define LONGEST_US 40000

/* One object, in memory that survives the process. */
struct record {
	atomic_uint acked; /* version; 0: not there */
	atomic_uint tried; /* the version that a call under way will leave */
	unsigned last;     /* the highest version that was ever tried */
};

struct writer {
	struct record records[THREADS][NAMES];
	atomic_uint ready;
	atomic_uint calls;
	atomic_int failed; /* a call that was refused without reason: 0x10000 + line */
	atomic_ulong rv;
	bool private;
	unsigned number;
	unsigned seed;
};

static struct writer *writers;

static struct fault_object object_of(const struct writer *w, unsigned thread, unsigned n)
{
	struct fault_object o = { .private = w->private };

	snprintf(o.name, sizeof(o.name), "%s %u %u %u", w->private ? "key" : "data", w->number, thread, n);
	return o;
}

struct task {
	struct writer *w;
	unsigned thread;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
};

/* One call; the intent stands before it and the acknowledgement after it. */
static bool step(struct task *k, unsigned *seed)
{
	struct writer *w = k->w;
	unsigned n = (unsigned)rand_r(seed) % NAMES, is = 0;
	struct record *r = &w->records[k->thread][n];
	struct fault_object o = object_of(w, k->thread, n);
	CK_RV rv = fault_version(k->session, &o, &is);

	if (rv == CKR_OK && is != atomic_load(&r->acked))
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK && is == 0) {
		atomic_store(&r->tried, ++r->last);
		rv = fault_create(k->session, &o, r->last);
	} else if (rv == CKR_OK && !w->private && rand_r(seed) % 2 == 0) {
		atomic_store(&r->tried, ++r->last);
		rv = fault_change(k->session, &o, r->last);
	} else if (rv == CKR_OK) {
		atomic_store(&r->tried, 0);
		rv = fault_destroy(k->session, &o);
	}
	if (rv == CKR_OK) {
		atomic_store(&r->acked, atomic_load(&r->tried));
		atomic_fetch_add(&w->calls, 1);
	} else {
		atomic_store(&w->rv, rv);
		atomic_store(&w->failed, 1);
	}
	return rv == CKR_OK;
}

static void *steps(void *arg)
{
	struct task *k = arg;
	unsigned seed = k->w->seed * 31 + k->thread;

	while (step(k, &seed))
		;
	return NULL;
}

static int writes(void *ctx)
{
	struct writer *w = ctx;
	struct task tasks[THREADS];
	CK_SESSION_INFO info;
	pthread_t thread;
	CK_RV rv;

	for (unsigned i = 0; i < THREADS; i++)
		tasks[i] = (struct task){ .w = w, .thread = i };
	rv = fault_session(w->private, &tasks[0].session);
	if (rv == CKR_OK)
		rv = ck->C_GetSessionInfo(tasks[0].session, &info);
	for (unsigned i = 1; rv == CKR_OK && i < THREADS; i++)
		rv = ck->C_OpenSession(info.slotID, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &tasks[i].session);
	if (rv != CKR_OK) {
		atomic_store(&w->rv, rv);
		atomic_store(&w->failed, 2);
		return 1;
	}
	atomic_store(&w->ready, 1);
	for (unsigned i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, steps, &tasks[i]) != 0)
			return 2;
	steps(&tasks[0]);
	return 3;
}

static void wait_us(unsigned us)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)us * 1000 }, NULL);
}

struct sums {
	unsigned acked, under_way, became, early;
};

/* Every object of a writer against what it noted; what was under way is settled by what is there. */
static void check(struct writer *w, unsigned round, struct sums *sums, CK_ULONG *ret_there)
{
	ck_assert_msg(atomic_load(&w->failed) == 0, "round %u: writer %u: step %d answered 0x%lx", round, w->number,
		      atomic_load(&w->failed), atomic_load(&w->rv));
	for (unsigned t = 0; t < THREADS; t++) {
		for (unsigned n = 0; n < NAMES; n++) {
			struct record *r = &w->records[t][n];
			struct fault_object o = object_of(w, t, n);
			unsigned acked = atomic_load(&r->acked), tried = atomic_load(&r->tried), is = 0;

			ck_ok(fault_version(ck_session, &o, &is));
			ck_assert_msg(is == acked || is == tried,
				      "round %u: %s: version %u is there, %u was acknowledged, %u tried", round, o.name,
				      is, acked, tried);
			sums->under_way += acked != tried;
			sums->became += acked != tried && is == tried;
			*ret_there += is != 0;
			atomic_store(&r->acked, is);
			atomic_store(&r->tried, is);
		}
	}
	sums->acked += atomic_exchange(&w->calls, 0);
	sums->early += atomic_exchange(&w->ready, 0) == 0;
}

/*
 * A process killed between its meta page and LMDB's word of it leaves a commit that the next writer brings to light:
 * here the test itself.
 */
static void settle(void)
{
	struct fault_object o = { .name = "settles" };

	ck_ok(fault_create(ck_session, &o, 1));
	ck_ok(fault_destroy(ck_session, &o));
}

static void round_of(unsigned round, unsigned *seed, struct sums *sums)
{
	unsigned moments[WRITERS], now = 0;
	pid_t pids[WRITERS];
	CK_ULONG data = 0, keys = 0, there = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].seed = round * WRITERS + i;
		pids[i] = fault_child(writes, &writers[i]);
	}
	/* Most rounds are counted from when somebody writes; some kill whoever is still starting. */
	for (unsigned i = 0; round % 8 != 0 && i < 4000 && atomic_load(&writers[round % WRITERS].ready) == 0; i++)
		wait_us(500);
	for (unsigned i = 0; i < WRITERS; i++)
		moments[i] = (unsigned)rand_r(seed) % LONGEST_US;
	for (unsigned left = WRITERS; left > 0; left--) {
		unsigned next = WRITERS;

		for (unsigned i = 0; i < WRITERS; i++)
			if (pids[i] != 0 && (next == WRITERS || moments[i] < moments[next]))
				next = i;
		wait_us(moments[next] - now);
		now = moments[next];
		ck_assert_int_eq(kill(pids[next], SIGKILL), 0);
		ck_assert_msg(fault_status(pids[next]) == -SIGKILL || atomic_load(&writers[next].failed) != 0,
			      "writer %u ended by itself", next);
		pids[next] = 0;
	}
	settle();
	for (unsigned i = 0; i < WRITERS; i++)
		check(&writers[i], round, sums, &there);
	ck_ok(fault_count(ck_session, CKO_DATA, &data));
	ck_ok(fault_count(ck_session, CKO_SECRET_KEY, &keys));
	ck_assert_msg(data + keys == there, "round %u: %lu objects are there, %lu are known", round, data + keys,
		      there);
}

START_TEST(acknowledged_objects_survive_kill_9)
{
	unsigned rounds = fault_rounds(ROUNDS), seed = (unsigned)time(NULL);
	struct sums sums = { 0 };

	printf("seed %u\n", seed);
	ck_login(CKU_USER);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		writers[i].private = i == WRITERS - 1;
	}
	for (unsigned round = 0; round < rounds; round++) {
		round_of(round, &seed, &sums);
		if (round % 10 == 0)
			fault_whole();
	}
	fault_whole();
	printf("%u rounds: %u calls acknowledged, %u under way when killed, of which %u are there; %u killed early\n",
	       rounds, sums.acked, sums.under_way, sums.became, sums.early);
	/* It was a test: there was something to lose. */
	ck_assert_uint_gt(sums.acked, rounds * 4);
	ck_assert_uint_gt(sums.under_way, rounds / 10);
	ck_logout();
}
END_TEST

static void begin(void)
{
	ck_test_begin();
	ck_policy(NULL);
	writers = mmap(NULL, sizeof(*writers) * WRITERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(writers != MAP_FAILED);
}

int main(void)
{
	Suite *s = suite_create("faults: kill");
	TCase *c = tcase_create("kill");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_test(c, acknowledged_objects_survive_kill_9);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
