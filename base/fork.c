/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fork.h"

#define PAUSE_NS 50000

/* A thread that has been in a call. Never freed: the next new thread takes over what a thread that ended has left. */
struct caller {
	atomic_bool taken;
	atomic_bool inside;
	struct caller *next;
};

static _Atomic(uint64_t *) fork_words;
static _Atomic(struct caller *) callers;
static _Thread_local struct caller *self;
static _Thread_local bool inside; /* this thread's call has a caller to leave */
static pthread_key_t ended;
static atomic_bool guarded;

uint64_t *fork_page(void)
{
	uint64_t *have = atomic_load_explicit(&fork_words, memory_order_acquire);
	if (have)
		return have;

	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, size, MADV_WIPEONFORK) != 0) {
		munmap(page, size);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&fork_words, &have, page))
		return page;
	munmap(page, size);
	return have;
}

/* In the page: a child finds nobody waiting, whatever handlers run before ours. */
static _Atomic(uint64_t) *pending(void)
{
	return (_Atomic(uint64_t) *)&atomic_load_explicit(&fork_words, memory_order_acquire)[FORK_PENDING];
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

static void before_fork(void)
{
	struct timespec now, until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FORK_WAIT_SECONDS;
	atomic_fetch_add(pending(), 1);
	for (struct caller *c = atomic_load(&callers); c; c = c->next) {
		while (c != self && atomic_load(&c->inside)) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec >= until.tv_sec)
				return;
			pause_a_little();
		}
	}
}

static void in_parent(void)
{
	atomic_fetch_sub(pending(), 1);
}

/* The other threads are not here. */
static void in_child(void)
{
	for (struct caller *c = atomic_load(&callers); c; c = c->next) {
		if (c != self) {
			atomic_store(&c->inside, false);
			atomic_store(&c->taken, false);
		}
	}
}

static void thread_ended(void *caller)
{
	struct caller *c = caller;

	atomic_store(&c->taken, false);
}

static void guard(void)
{
	if (fork_page() && pthread_key_create(&ended, thread_ended) == 0 &&
	    pthread_atfork(before_fork, in_parent, in_child) == 0)
		atomic_store(&guarded, true);
}

bool fork_guard(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	return pthread_once(&once, guard) == 0 && atomic_load(&guarded);
}

/* The caller of this thread, at its first call; NULL without memory: then a fork does not wait for it. */
static struct caller *caller_take(void)
{
	struct caller *c;

	for (c = atomic_load(&callers); c; c = c->next) {
		bool free_one = false;
		if (atomic_compare_exchange_strong(&c->taken, &free_one, true))
			break;
	}
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		atomic_store(&c->taken, true);
		c->next = atomic_load(&callers);
		while (!atomic_compare_exchange_weak(&callers, &c->next, c))
			;
	}
	if (pthread_setspecific(ended, c) != 0) {
		atomic_store(&c->taken, false);
		return NULL;
	}
	self = c;
	return c;
}

void fork_enter(void)
{
	struct caller *c = self;

	if (!c && atomic_load_explicit(&guarded, memory_order_acquire))
		c = caller_take();
	inside = c != NULL;
	while (c) {
		atomic_store(&c->inside, true);
		if (atomic_load(pending()) == 0)
			return;
		atomic_store(&c->inside, false);
		pause_a_little();
	}
}

void fork_leave(void)
{
	if (inside)
		atomic_store_explicit(&self->inside, false, memory_order_release);
	inside = false;
}
