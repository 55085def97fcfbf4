/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fork.h"

static _Atomic(uint64_t *) fork_words;

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *page_new(void)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
		munmap(page, page_size());
		return NULL;
	}
	return page;
}

uint64_t *fork_page(void)
{
	uint64_t *have = atomic_load_explicit(&fork_words, memory_order_acquire);
	if (have)
		return have;

	uint64_t *page = page_new();
	if (!page || atomic_compare_exchange_strong(&fork_words, &have, page))
		return page;
	munmap(page, page_size());
	return have;
}

/*
 * The gate: calls hold it for reading, a fork for writing. It stands in a page of the same kind, so that a child finds
 * it open whatever handlers run before ours. Writers come first: calls without end would let no fork through.
 */
#define GATE_OPEN PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
static _Atomic(pthread_rwlock_t *) gate;
static _Thread_local bool gate_held;

static void before_fork(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FORK_WAIT_SECONDS;
	gate_held = pthread_rwlock_clockwrlock(gate, CLOCK_MONOTONIC, &until) == 0;
}

static void in_parent(void)
{
	if (gate_held)
		pthread_rwlock_unlock(gate);
	gate_held = false;
}

static void in_child(void)
{
	*gate = (pthread_rwlock_t)GATE_OPEN;
	gate_held = false;
}

static void guard(void)
{
	pthread_rwlock_t *fresh = page_new();

	if (!fresh)
		return;
	*fresh = (pthread_rwlock_t)GATE_OPEN;
	atomic_store(&gate, fresh);
	if (pthread_atfork(before_fork, in_parent, in_child) != 0)
		atomic_store(&gate, NULL);
}

bool fork_guard(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	return pthread_once(&once, guard) == 0 && atomic_load(&gate);
}

void fork_enter(void)
{
	pthread_rwlock_t *g = atomic_load_explicit(&gate, memory_order_acquire);

	gate_held = g && pthread_rwlock_rdlock(g) == 0;
}

void fork_leave(void)
{
	if (gate_held)
		pthread_rwlock_unlock(gate);
	gate_held = false;
}
