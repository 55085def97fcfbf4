/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"
#include "fault_kit.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Crowds of threads and processes on one token; forks, crashes and clocks in bad moments. */
#define CROWD 64
#define EACH 12

static CK_BBOOL yes = CK_TRUE;

struct worker {
	pthread_t thread;
	unsigned number;
	int bad; /* the step that went wrong */
	CK_RV rv;
	unsigned done;
};

static pthread_barrier_t start;
static atomic_bool stop;

static void run(unsigned threads, void *(*work)(void *), struct worker *w)
{
	pthread_barrier_init(&start, NULL, threads);
	atomic_store(&stop, false);
	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct worker){ .number = i };
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
}

static void join(unsigned threads, struct worker *w)
{
	for (unsigned i = 0; i < threads; i++)
		pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&start);
	for (unsigned i = 0; i < threads; i++)
		ck_assert_msg(w[i].bad == 0, "thread %u: step %d: 0x%lx", i, w[i].bad, w[i].rv);
}

#define STEP(number, call)                                                                                             \
	do {                                                                                                           \
		w->rv = (call);                                                                                        \
		if (w->rv != CKR_OK) {                                                                                 \
			w->bad = number;                                                                               \
			return NULL;                                                                                   \
		}                                                                                                      \
	} while (0)

static CK_RV own(CK_SESSION_HANDLE *ret)
{
	return ck->C_OpenSession(ck_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret);
}

static void *creates(void *arg)
{
	struct worker *w = arg;
	CK_SESSION_HANDLE s = 0;

	STEP(1, own(&s));
	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < EACH; i++) {
		struct fault_object o = { .name = "" };

		snprintf(o.name, sizeof(o.name), "crowd %u %u", w->number, i);
		STEP(2, fault_create(s, &o, 1));
		w->done++;
	}
	STEP(3, ck->C_CloseSession(s));
	return NULL;
}

static void *lives(void *arg)
{
	struct worker *w = arg;
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG length = 32, n;
	CK_BYTE tag[16];
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_TOKEN, &yes, 1 } };

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < EACH / 2; i++) {
		CK_SESSION_HANDLE s = 0;
		CK_OBJECT_HANDLE key = 0;
		unsigned is = 0;
		struct fault_object o = { .name = "" };

		snprintf(o.name, sizeof(o.name), "crowd %u %u", w->number, i);
		STEP(1, own(&s));
		STEP(2, fault_version(s, &o, &is));
		if (is != 1) {
			w->bad = 3;
			return NULL;
		}
		STEP(4, fault_change(s, &o, 2));
		STEP(5, fault_version(s, &o, &is));
		if (is != 2) {
			w->bad = 6;
			return NULL;
		}
		n = sizeof(tag);
		STEP(7, ck->C_GenerateKey(s, &gen, t, ARRAY_LEN(t), &key));
		STEP(8, ck->C_SignInit(s, &cmac, key));
		STEP(9, ck->C_Sign(s, tag, sizeof(tag), tag, &n));
		STEP(10, ck->C_DestroyObject(s, key));
		STEP(11, fault_destroy(s, &o));
		STEP(12, ck->C_CloseSession(s));
		w->done++;
	}
	return NULL;
}

/* R6.3: each with a session of its own; durable creation takes far fewer waits for the disk than there are objects. */
START_TEST(sixty_four_threads_with_own_sessions)
{
	struct worker w[CROWD];
	CK_ULONG count = 0;

	ck_login(CKU_USER);
	disk_arm(fault_dir, (struct disk_plan){ 0 });
	run(CROWD, creates, w);
	join(CROWD, w);
	unsigned syncs = disk_syncs();
	disk_disarm();
	ck_ok(fault_count(ck_session, CKO_DATA, &count));
	ck_assert_uint_eq(count, CROWD * EACH);
	printf("%u threads: %u objects, %u waits for the disk\n", CROWD, CROWD * EACH, syncs);
	ck_assert_uint_lt(syncs * 3, CROWD * EACH);
	run(CROWD, lives, w);
	join(CROWD, w);
	ck_ok(fault_count(ck_session, CKO_DATA, &count));
	ck_assert_uint_eq(count, CROWD * (EACH - EACH / 2));
	ck_ok(fault_count(ck_session, CKO_SECRET_KEY, &count));
	ck_assert_uint_eq(count, 0);
	fault_whole();
	ck_logout();
}
END_TEST

/* Objects by name until told to stop, then the last one's number stands in done. */
static void *writes_on(void *arg)
{
	struct worker *w = arg;
	CK_SESSION_HANDLE s = 0;

	STEP(1, own(&s));
	pthread_barrier_wait(&start);
	while (!atomic_load(&stop)) {
		struct fault_object o = { .name = "" };

		snprintf(o.name, sizeof(o.name), "fork %u %u", w->number, w->done);
		STEP(2, fault_create(s, &o, 1));
		w->done++;
	}
	STEP(3, ck->C_CloseSession(s));
	return NULL;
}

struct forked {
	unsigned round;
	int how;
};

static int in_child(void *ctx)
{
	const struct forked *f = ctx;
	struct fault_object o = { .name = "" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;

	if (f->how == 0)
		return 0;
	if (f->how == 1)
		return raise(SIGKILL);
	snprintf(o.name, sizeof(o.name), "child %u", f->round);
	if (fault_session(false, &s) != CKR_OK || fault_create(s, &o, 1) != CKR_OK)
		return 1;
	return fault_version(s, &o, &is) == CKR_OK && is == 1 ? 0 : 2;
}

/* Forks while eight threads write: the children leave, die or write themselves; nobody loses anything. */
START_TEST(forks_during_writes_lose_nothing)
{
	enum { WRITERS = 8 };
	unsigned forks = fault_rounds(40);
	struct worker w[WRITERS];
	CK_ULONG before = 0, after = 0, expected = 0;
	unsigned is = 0;

	ck_login(CKU_USER);
	ck_ok(fault_count(ck_session, CKO_DATA, &before));
	run(WRITERS, writes_on, w);
	for (unsigned i = 0; i < forks; i++) {
		struct forked f = { i, (int)(i % 3) };

		nanosleep(&(struct timespec){ .tv_nsec = 3000000L * (i % 5) }, NULL);
		int status = fault_status(fault_child(in_child, &f));
		ck_assert_int_eq(status, f.how == 1 ? -SIGKILL : 0);
		expected += f.how == 2;
	}
	atomic_store(&stop, true);
	join(WRITERS, w);
	for (unsigned i = 0; i < WRITERS; i++) {
		expected += w[i].done;
		ck_assert_uint_gt(w[i].done, 2);
		for (unsigned n = 0; n < w[i].done; n += 7) {
			struct fault_object o = { .name = "" };

			snprintf(o.name, sizeof(o.name), "fork %u %u", i, n);
			ck_ok(fault_version(ck_session, &o, &is));
			ck_assert_uint_eq(is, 1);
		}
	}
	ck_ok(fault_count(ck_session, CKO_DATA, &after));
	ck_assert_uint_eq(after, before + expected);
	fault_whole();
	ck_logout();
}
END_TEST

/* Whether a reader of the process has a picture of the database in use: the table, read in a process of its own. */
struct table {
	char text[16384];
};

static int keep_text(const char *text, void *ctx)
{
	struct table *t = ctx;

	strncat(t->text, text, sizeof(t->text) - strlen(t->text) - 1);
	return 0;
}

/* Bits: 1: some picture in use, 2: more than a few slots are taken by processes. */
static int looks_at_readers(void *ctx)
{
	struct table t = { "" };
	MDB_env *env = NULL;
	int answer = 0, pid, slots = 0;
	char txn[32];
	unsigned long thread;

	if (mdb_env_create(&env) != 0 || mdb_env_set_mapsize(env, (size_t)1 << 30) != 0 ||
	    mdb_env_open(env, fault_dir, MDB_NOTLS | MDB_RDONLY, 0600) != 0 || mdb_reader_list(env, keep_text, &t) < 0)
		return 100;
	for (char *line = strtok(t.text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%d %lx %31s", &pid, &thread, txn) != 3)
			continue;
		slots++;
		if (strcmp(txn, "-") != 0)
			answer |= 1;
	}
	if (slots > *(int *)ctx)
		answer |= 2;
	return answer;
}

static int readers(int most)
{
	return fault_status(fault_child(looks_at_readers, &most));
}

static off_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat(fault_file, &st), 0);
	return (off_t)st.st_blocks * 512;
}

/* Searches and operations that are begun and not ended keep no picture of the database: the file does not grow. */
START_TEST(no_read_transaction_outlives_its_call)
{
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG length = 32, n = 0;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_TOKEN, &yes, 1 } };
	struct fault_object o = { .name = "changed" };
	CK_SESSION_HANDLE finds = ck_open(false), signs = ck_open(true);
	CK_OBJECT_HANDLE key = 0, found[2];
	unsigned is = 0;

	ck_login(CKU_USER);
	ck_ok(fault_create(ck_session, &o, 1));
	ck_ok(ck->C_GenerateKey(signs, &gen, t, ARRAY_LEN(t), &key));
	ck_ok(ck->C_SignInit(signs, &cmac, key));
	ck_ok(ck->C_SignUpdate(signs, (CK_BYTE *)"text", 4));
	ck_ok(ck->C_FindObjectsInit(finds, NULL, 0));
	ck_ok(ck->C_FindObjects(finds, found, ARRAY_LEN(found), &n));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(readers(1000), 0);
	for (unsigned i = 2; i < 20; i++)
		ck_ok(fault_change(ck_session, &o, i));
	off_t before = file_size();
	for (unsigned i = 20; i < 300; i++) {
		ck_ok(fault_change(ck_session, &o, i));
		ck_ok(ck->C_FindObjects(finds, found, 1, &n));
	}
	/* A picture of 280 commits ago would have kept some pages of each: a megabyte at least. */
	ck_assert_int_le(file_size() - before, 512 << 10);
	ck_assert_int_eq(readers(1000), 0);
	ck_ok(fault_version(ck_session, &o, &is));
	ck_assert_uint_eq(is, 299);
	ck_ok(ck->C_DestroyObject(signs, key));
	ck_ok(ck->C_CloseSession(finds));
	ck_ok(ck->C_CloseSession(signs));
	ck_ok(fault_destroy(ck_session, &o));
	ck_logout();
}
END_TEST

static int reads_for_ever(void *ctx)
{
	struct fault_object o = { .name = "stale" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;

	if (fault_session(false, &s) != CKR_OK)
		return 1;
	while (fault_version(s, &o, &is) == CKR_OK && is > 0)
		;
	return 2;
}

/* Readers killed in the middle: whoever opens next sweeps their slots, and old pages are used again. */
START_TEST(slots_of_killed_readers_are_swept)
{
	enum { READERS = 6 };
	struct fault_object o = { .name = "stale" };
	pid_t pids[READERS];
	unsigned version = 1;

	ck_ok(fault_create(ck_session, &o, version));
	for (unsigned round = 0; round < fault_rounds(12); round++) {
		for (unsigned i = 0; i < READERS; i++)
			pids[i] = fault_child(reads_for_ever, NULL);
		nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL);
		for (unsigned i = 0; i < READERS; i++)
			ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
		for (unsigned i = 0; i < READERS; i++)
			ck_assert_int_eq(fault_status(pids[i]), -SIGKILL);
	}
	/* A process that starts, once. */
	ck_assert_uint_eq(fault_seen(&o, true), version);
	ck_assert_int_eq(readers(32 + 4), 0);
	for (unsigned i = 0; i < 20; i++)
		ck_ok(fault_change(ck_session, &o, ++version));
	off_t before = file_size();
	for (unsigned i = 0; i < 280; i++)
		ck_ok(fault_change(ck_session, &o, ++version));
	ck_assert_int_le(file_size() - before, 512 << 10);
	ck_ok(fault_destroy(ck_session, &o));
}
END_TEST

/* The wall clock jumps: what is done is done all the same, and the trail stays whole. */
START_TEST(the_clock_may_jump)
{
	static const long shifts[] = {
		0, 10L * 365 * 86400, -10L * 365 * 86400, 40L * 365 * 86400, -70L * 365 * 86400, 1, -1
	};
	struct fault_object o = { .name = "clock", .private = true };
	unsigned is = 0;
	CK_TOKEN_INFO info;

	for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
		clock_shift(shifts[i]);
		ck_login(CKU_USER);
		ck_ok(fault_create(ck_session, &o, 1));
		clock_shift(-shifts[i]);
		ck_ok(fault_version(ck_session, &o, &is));
		ck_assert_uint_eq(is, 1);
		ck_ok(fault_destroy(ck_session, &o));
		ck_logout();
		ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-pin")), CKR_PIN_INCORRECT);
		ck_login(CKU_USER);
		ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
		ck_assert(!(info.flags & CKF_USER_PIN_COUNT_LOW));
		fault_whole();
		ck_logout();
	}
	clock_shift(0);
}
END_TEST

static int first_steps(void *ctx)
{
	struct fault_object o = { .name = "" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;
	char go;

	snprintf(o.name, sizeof(o.name), "fresh %d", (int)getpid());
	/* The pipe's end is the word to go. */
	if (read(*(int *)ctx, &go, 1) != 0)
		return 1;
	if (fault_session(false, &s) != CKR_OK)
		return 2;
	if (fault_create(s, &o, 1) != CKR_OK || fault_version(s, &o, &is) != CKR_OK || is != 1)
		return 3;
	return fault_destroy(s, &o) == CKR_OK && ck->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

/* Two processes begin at once on a token that nobody has opened yet: no lock file, no environment. */
START_TEST(two_processes_start_at_once_on_a_fresh_token)
{
	char lock[300];

	snprintf(lock, sizeof(lock), "%s/lock.mdb", fault_dir);
	ck_ok(ck->C_Finalize(NULL));
	for (unsigned round = 0; round < fault_rounds(30); round++) {
		pid_t pids[2];
		int go[2];

		ck_assert(unlink(lock) == 0 || round == 0);
		ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			ck_assert_int_ge(pids[i], 0);
			if (pids[i] == 0) {
				close(go[1]);
				_exit(first_steps(&go[0]));
			}
		}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(fault_status(pids[i]), 0);
	}
	ck_ok(fault_session(false, &ck_session));
	alarm(0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("faults: thread");
	TCase *c = tcase_create("thread");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, fault_begin, ck_test_end);
	tcase_add_test(c, sixty_four_threads_with_own_sessions);
	tcase_add_test(c, forks_during_writes_lose_nothing);
	tcase_add_test(c, no_read_transaction_outlives_its_call);
	tcase_add_test(c, slots_of_killed_readers_are_swept);
	tcase_add_test(c, the_clock_may_jump);
	tcase_add_test(c, two_processes_start_at_once_on_a_fresh_token);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
