/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork.h"
#include "secret.h"

static const uint8_t pattern[16] = "sixteen letters";

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

/* The process's memory behind the sanitizer's back, as a debugger would read it. */
static void peek(const void *at, void *to, size_t n)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, to, n, (off_t)(uintptr_t)at), (ssize_t)n);
	close(fd);
}

START_TEST(fresh_secret_is_zero_and_empty)
{
	for (size_t room = 0; room <= SECRET_ROOM_MAX; room = room ? room * 3 : 1) {
		SECRET_AUTO s = { 0 };
		ck_assert(secret_init(&s, room));
		ck_assert_uint_eq(s.len, 0);
		ck_assert_uint_eq(s.room, room);
		ck_assert(all_zero(s.p, room));
		ck_assert_uint_eq((uintptr_t)s.p % 16, 0);
		if (room)
			memset(s.p, 0xa5, room);
	}
	struct secret big;
	ck_assert(!secret_init(&big, SECRET_ROOM_MAX + 1));
	ck_assert_ptr_null(big.p);
}
END_TEST

START_TEST(room_is_fixed)
{
	SECRET_AUTO s = { 0 };

	ck_assert(secret_init(&s, 20));
	ck_assert(secret_set(&s, pattern, 16));
	ck_assert(!secret_append(&s, pattern, 5));
	ck_assert_uint_eq(s.len, 16);
	ck_assert(secret_append(&s, pattern, 4));
	ck_assert(!secret_append(&s, pattern, 1));
	ck_assert(!secret_set(&s, pattern, 21));
	ck_assert_uint_eq(s.len, 20);
	ck_assert(secret_set(&s, pattern, 3));
	ck_assert(all_zero(s.p + 3, 17));
}
END_TEST

START_TEST(done_leaves_no_byte_behind)
{
	static const size_t rooms[] = { 16, 33, 4096, 16384 };

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		struct secret s;
		uint8_t after[16];
		ck_assert(secret_init(&s, rooms[i]));
		/* Beyond the free list's link, at the end of the room. */
		const uint8_t *at = s.p + rooms[i] - sizeof(after);
		memset(s.p, 0x77, rooms[i]);
		s.len = rooms[i];
		secret_done(&s);
		ck_assert_ptr_null(s.p);
		peek(at, after, sizeof(after));
		for (size_t k = 0; k < sizeof(after); k++)
			ck_assert_uint_ne(after[k], 0x77);
	}
}
END_TEST

START_TEST(move_leaves_the_source_empty)
{
	SECRET_AUTO a = { 0 };
	SECRET_AUTO b = { 0 };
	SECRET_AUTO c = { 0 };

	ck_assert(secret_init(&a, 16) && secret_set(&a, pattern, 16));
	ck_assert(secret_init(&c, 40) && secret_set(&c, pattern, 16));
	secret_move(&b, &a);
	ck_assert_ptr_null(a.p);
	ck_assert(secret_equal(&b, &c));
	c.p[15] ^= 1;
	ck_assert(!secret_equal(&b, &c));
	secret_wipe(&b);
	ck_assert_uint_eq(b.len, 0);
	ck_assert(all_zero(b.p, 16));
}
END_TEST

START_TEST(freed_blocks_are_used_again)
{
	struct secret s;

	ck_assert(secret_init(&s, 100));
	uint8_t *first = s.p;
	for (int i = 0; i < 5000; i++) {
		secret_done(&s);
		ck_assert(secret_init(&s, 100));
		ck_assert_ptr_eq(s.p, first);
	}
	secret_done(&s);
}
END_TEST

/* The VmFlags of the mapping that holds p. */
static void vm_flags(const void *p, char ret_flags[256])
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;

	ck_assert_ptr_nonnull(f);
	ret_flags[0] = 0;
	while (fgets(line, sizeof(line), f)) {
		uint64_t from, to;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret_flags, 256, "%.255s", line + 8);
	}
	fclose(f);
}

/* R6: keys are neither dumped nor inherited. */
START_TEST(pages_are_not_dumped_and_wiped_on_fork)
{
	static const size_t rooms[] = { 16, SECRET_ROOM_MAX };

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		SECRET_AUTO s = { 0 };
		char flags[256];
		ck_assert(secret_init(&s, rooms[i]));
		vm_flags(s.p, flags);
		ck_assert_msg(strstr(flags, " dd") != NULL, "%s", flags);
		ck_assert_msg(strstr(flags, " wf") != NULL, "%s", flags);
	}
}
END_TEST

static int child_status(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(forked_child_sees_zeros_and_starts_afresh)
{
	SECRET_AUTO s = { 0 };
	SECRET_AUTO freed = { 0 };
	uint64_t *words = fork_page();

	ck_assert_ptr_nonnull(words);
	words[FORK_MODULE] = 42;
	ck_assert(secret_init(&s, 64) && secret_set(&s, pattern, 16));
	ck_assert(secret_init(&freed, 64));
	secret_done(&freed);

	pid_t pid = fork();
	if (pid == 0) {
		struct secret mine, other;
		bool ok = all_zero(s.p, s.room) && fork_page() == words && words[FORK_MODULE] == 0;
		ok = ok && secret_init(&mine, 64) && secret_set(&mine, pattern, 16) && mine.p != s.p;
		/* What the parent allocated is given back without harm, and never handed out. */
		secret_done(&s);
		ok = ok && secret_init(&other, 64) && other.p != mine.p && memcmp(mine.p, pattern, 16) == 0;
		secret_done(&mine);
		secret_done(&other);
		_exit(ok ? 0 : 1);
	}
	ck_assert_int_eq(child_status(pid), 0);
	ck_assert_int_eq(memcmp(s.p, pattern, 16), 0);
	ck_assert_uint_eq(words[FORK_MODULE], 42);
}
END_TEST

static atomic_bool stop_threads;

static void *churn(void *arg)
{
	uint8_t mark = *(uint8_t *)arg;

	while (!stop_threads) {
		struct secret s[8];
		for (size_t i = 0; i < ARRAY_LEN(s); i++) {
			if (!secret_init(&s[i], 16 + 300 * i))
				abort();
			if (!all_zero(s[i].p, s[i].room))
				abort();
			memset(s[i].p, mark, s[i].room);
		}
		for (size_t i = 0; i < ARRAY_LEN(s); i++) {
			for (size_t k = 0; k < s[i].room; k++) {
				if (s[i].p[k] != mark)
					abort();
			}
			secret_done(&s[i]);
		}
	}
	return NULL;
}

/* Threads hold the arena's lock at the moment of the fork again and again: a child must never wait for it. */
START_TEST(fork_while_threads_allocate_does_not_hang)
{
	pthread_t threads[3];
	uint8_t marks[3] = { 1, 2, 3 };

	stop_threads = false;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct secret s;
			alarm(5);
			_exit(secret_init(&s, 100) && all_zero(s.p, 100) ? 0 : 1);
		}
		ck_assert_int_eq(child_status(pid), 0);
	}
	stop_threads = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secret");
	TCase *c = tcase_create("secret");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, fresh_secret_is_zero_and_empty);
	tcase_add_test(c, room_is_fixed);
	tcase_add_test(c, done_leaves_no_byte_behind);
	tcase_add_test(c, move_leaves_the_source_empty);
	tcase_add_test(c, freed_blocks_are_used_again);
	tcase_add_test(c, pages_are_not_dumped_and_wiped_on_fork);
	tcase_add_test(c, forked_child_sees_zeros_and_starts_afresh);
	tcase_add_test(c, fork_while_threads_allocate_does_not_hang);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
