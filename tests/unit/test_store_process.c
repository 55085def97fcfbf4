/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork.h"
#include "store_kit.h"
#include "temp.h"

static struct store_kit k;

static void setup(void)
{
	kit_init(&k, 0);
}

static void teardown(void)
{
	kit_done(&k);
}

static int child_result(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", status);
	return WEXITSTATUS(status);
}

/* Adds one to the number in the meta record "count", as a process of its own. */
static int add_one(struct store *s)
{
	struct store_txn *t = NULL;
	struct view v;
	uint8_t bytes[8] = { 0 };

	int rc = store_begin(s, true, &t);
	if (rc)
		return rc;
	rc = store_meta_get(t, "count", &v);
	if (rc == STORE_OK && v.n == 8)
		memcpy(bytes, v.p, 8);
	be_put64(bytes, be_get64(bytes) + 1);
	rc = store_meta_put(t, "count", VIEW(bytes, 8));
	if (rc) {
		store_abort(t);
		return rc;
	}
	return store_commit(t);
}

static uint64_t count_of(struct store *s)
{
	struct store_txn *t = NULL;
	struct view v;
	uint64_t n = 0;

	ck_assert_int_eq(store_begin(s, false, &t), STORE_OK);
	if (store_meta_get(t, "count", &v) == STORE_OK)
		n = be_get64(v.p);
	store_abort(t);
	return n;
}

/* R6.3: several processes on one token at once. */
START_TEST(processes_write_one_token)
{
	enum { PROCESSES = 4, ROUNDS = 25 };
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			int bad = 0;
			alarm(60);
			/* The parent's store is abandoned by the first open. */
			if (store_open(k.dir, KIT_SERIAL, &k.options, &k.store) != STORE_OK)
				_exit(100);
			for (int n = 0; n < ROUNDS; n++) {
				bad += add_one(k.store) != STORE_OK;
				bad += kit_put(&k, (uint8_t)(16 * i + n % 16), true, "body", "secret", "L") != STORE_OK;
				bad += kit_find(&k, "L", NULL) < 1;
			}
			store_close(k.store);
			_exit(bad);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		ck_assert_int_eq(child_result(pids[i]), 0);
	ck_assert_uint_eq(count_of(k.store), PROCESSES * ROUNDS);
	ck_assert_int_eq(kit_count(&k), PROCESSES * 16);
	ck_assert_int_eq(kit_find(&k, "L", NULL), PROCESSES * 16);
}
END_TEST

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	char path[64], target[512];
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%.20s", e->d_name);
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		if (!strstr(target, ".mdb"))
			continue;
		n++;
		/* None of them survives an exec. */
		ck_assert_int_eq(fcntl(atoi(e->d_name), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	if (d)
		closedir(d);
	return n;
}

static int mapped_files(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[1024];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, ".mdb") != NULL;
	if (f)
		fclose(f);
	return n;
}

/* R6.4: what a forked child drops is gone from the child and whole in the parent. */
START_TEST(abandoned_child_leaves_the_parent_whole)
{
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];
	uint64_t version = 0;

	memset(id, 1, sizeof(id));
	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_ge(open_files(), 2);
	ck_assert_int_ge(mapped_files(), 2);

	pid_t pid = fork();
	if (pid == 0) {
		store_abandon(k.store);
		store_abandon(k.store);
		if (open_files() != 0 || mapped_files() != 0)
			_exit(1);
		if (store_begin(k.store, false, &t) != STORE_EPANIC || store_sequence(k.store) != 0)
			_exit(5);
		store_close(k.store);
		if (store_open(k.dir, KIT_SERIAL, &k.options, &k.store) != STORE_OK)
			_exit(2);
		/* A late abandon of the old store would not hurt the new one. */
		if (kit_get(&k, 1, "body", "secret") != STORE_OK)
			_exit(3);
		for (int i = 0; i < 20; i++) {
			if (kit_put(&k, 1, true, "body 2", NULL, "PK") != STORE_OK)
				_exit(4);
		}
		store_close(k.store);
		_exit(open_files() != 0);
	}
	ck_assert_int_eq(child_result(pid), 0);

	/* The parent's reader slot survived: its picture is still the old one. */
	ck_assert_int_eq(store_object_version(t, id, &version), STORE_OK);
	ck_assert_uint_eq(version, 1);
	struct store_loaded l = { 0 };
	ck_assert_int_eq(store_object_get(t, &k.crypto, id, true, &l), STORE_OK);
	ck_assert(view_equal(secret_view(&l.body), VIEW_STR("body")));
	store_loaded_done(&l);
	store_abort(t);
	ck_assert_int_eq(kit_get(&k, 1, "body 2", NULL), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 1, true, "body 3", NULL, "PK"), STORE_OK);
}
END_TEST

/* A writer that is killed in the middle of a transaction neither blocks the others nor changes anything. */
START_TEST(killed_writer_changes_nothing)
{
	for (int i = 0; i < 5; i++) {
		int ready[2];
		char c;
		ck_assert_int_eq(pipe(ready), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct store_txn *t = NULL;
			struct store_object o = { .private = true, .body = VIEW_STR("half") };
			memset(o.id, 9, sizeof(o.id));
			if (store_open(k.dir, KIT_SERIAL, &k.options, &k.store) != STORE_OK)
				_exit(1);
			if (store_begin(k.store, true, &t) != STORE_OK ||
			    store_object_put(t, &k.crypto, &o) != STORE_OK)
				_exit(2);
			(void)!write(ready[1], "x", 1);
			pause();
		}
		ck_assert_int_eq(read(ready[0], &c, 1), 1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(ready[0]);
		close(ready[1]);
		ck_assert_int_eq(kit_get(&k, 9, "half", NULL), STORE_ENOTFOUND);
		ck_assert_int_eq(kit_put(&k, (uint8_t)i, true, "body", NULL, "L"), STORE_OK);
	}
	ck_assert_int_eq(kit_count(&k), 5);
}
END_TEST

/* Slots of killed readers are given free: 64 of them are there, 200 processes die with one. */
START_TEST(killed_readers_give_their_slots_back)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct store_txn *t = NULL;
			if (store_open(k.dir, KIT_SERIAL, &k.options, &k.store) != STORE_OK)
				_exit(1);
			_exit(store_begin(k.store, false, &t) == STORE_OK ? 0 : 2);
		}
		ck_assert_int_eq(child_result(pid), 0);
	}
	ck_assert_int_eq(kit_put(&k, 1, true, "body", NULL, "L"), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body", NULL), STORE_OK);
}
END_TEST

START_TEST(of_two_creators_one_wins)
{
	enum { PROCESSES = 4 };

	for (int round = 0; round < 5; round++) {
		pid_t pids[PROCESSES];
		char serial[STORE_SERIAL_LEN + 1];
		int won = 0, lost = 0;
		snprintf(serial, sizeof(serial), "race%012d", round);
		for (int i = 0; i < PROCESSES; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(-store_create(k.dir, serial, VIEW(&i, sizeof(i)), &k.options));
		}
		for (int i = 0; i < PROCESSES; i++) {
			int rc = -child_result(pids[i]);
			won += rc == STORE_OK;
			lost += rc == STORE_EEXIST;
		}
		ck_assert_int_eq(won, 1);
		ck_assert_int_eq(lost, PROCESSES - 1);
		struct store *s = NULL;
		ck_assert_int_eq(store_open(k.dir, serial, &k.options, &s), STORE_OK);
		store_close(s);
	}
	DIR *d = opendir(k.dir);
	struct dirent *e;
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		ck_assert_msg(strncmp(e->d_name, ".new", 4) != 0, "%s", e->d_name);
	closedir(d);
}
END_TEST

static void *thread_main(void *arg)
{
	int bad = 0, base = *(int *)arg;
	struct store *again = NULL;

	for (int i = 0; i < 20; i++) {
		bad += store_open(k.dir, KIT_SERIAL, &k.options, &again) != STORE_OK || again != k.store;
		bad += kit_put(&k, (uint8_t)(base + i % 8), true, "body", "secret", "T") != STORE_OK;
		for (int n = 0; n < 5; n++)
			bad += kit_get(&k, (uint8_t)(base + i % 8), "body", "secret") != STORE_OK;
		bad += kit_find(&k, "T", NULL) < 1;
		bad += add_one(k.store) != STORE_OK;
		store_close(again);
	}
	return bad ? (void *)1 : NULL;
}

/* R6.3 */
START_TEST(threads_share_one_store)
{
	pthread_t threads[4];
	int bases[4] = { 0, 8, 16, 24 };

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_main, &bases[i]), 0);
	for (int i = 0; i < 4; i++) {
		void *bad = NULL;
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	ck_assert_uint_eq(count_of(k.store), 80);
	ck_assert_int_eq(kit_count(&k), 32);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
/* A limit on the address space makes the map smaller, not the token useless. */
START_TEST(small_address_space_opens)
{
	struct rlimit limit = { (rlim_t)8 << 30, (rlim_t)8 << 30 };
	int rc = STORE_OK;

	k.options.map_size = 0;
	store_close(k.store);
	k.store = NULL;
	pid_t pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &limit) != 0)
			_exit(100);
		rc = store_open(k.dir, KIT_SERIAL, &k.options, &k.store);
		_exit(rc || kit_put(&k, 1, true, "body", NULL, "L"));
	}
	ck_assert_int_eq(child_result(pid), 0);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("store_process");
	TCase *c = tcase_create("store_process");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, processes_write_one_token);
	tcase_add_test(c, abandoned_child_leaves_the_parent_whole);
	tcase_add_test(c, killed_writer_changes_nothing);
	tcase_add_test(c, killed_readers_give_their_slots_back);
	tcase_add_test(c, of_two_creators_one_wins);
	tcase_add_test(c, threads_share_one_store);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(c, small_address_space_opens);
#endif
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
