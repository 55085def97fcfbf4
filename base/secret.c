/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "secret.h"

#if defined(__SANITIZE_ADDRESS__)
#define SECRET_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SECRET_ASAN 1
#endif
#endif
#ifdef SECRET_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/*
 * Regions begin at a multiple of REGION_SIZE, so that a block's region is found by masking its address. Small blocks
 * are cut from regions of REGION_SIZE bytes and come back to a free list of their class; a larger block has a region of
 * its own and begins in its first REGION_SIZE bytes.
 */
#define REGION_SIZE ((size_t)64 << 10)
#define REGION_LIVE 0x73726c6976650001ULL
#define CLASS_MIN_BITS 5
#define CLASSES 10 /* 32 bytes to 16 KiB */
#define CLASS_SIZE(class) ((size_t)1 << (CLASS_MIN_BITS + (class)))

/* Head of a region. A forked child finds it wiped: what the parent allocated is then not ours to hand out again. */
struct region {
	uint64_t live;
	size_t size;
	size_t used;
	uint8_t pad[40];
};

struct free_block {
	struct free_block *next;
};

/*
 * The whole state of the allocator, in a page that is wiped on fork: all-zero is the initial state (an all-zero mutex
 * is an unlocked one), so a child begins with an empty arena even if another thread held the mutex.
 */
struct arena {
	pthread_mutex_t mutex;
	struct region *current;
	struct free_block *free[CLASSES];
};

static _Atomic(struct arena *) arena_page;

/* Pages that are wiped on fork and not dumped; NULL when the kernel cannot. Locked as far as the limit goes. */
static void *pages_new(size_t size, size_t alignment)
{
	size_t span = size + alignment;
	uint8_t *raw = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;

	size_t skip = (alignment - (uintptr_t)raw % alignment) % alignment;
	uint8_t *p = raw + skip;
	if (skip)
		munmap(raw, skip);
	if (span - skip > size)
		munmap(p + size, span - skip - size);
	if (madvise(p, size, MADV_WIPEONFORK) != 0 || madvise(p, size, MADV_DONTDUMP) != 0) {
		munmap(p, size);
		return NULL;
	}
	(void)!mlock(p, size);
	UNPOISON(p, size);
	return p;
}

static size_t page_round(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

static struct arena *arena_get(void)
{
	struct arena *have = atomic_load_explicit(&arena_page, memory_order_acquire);
	if (have)
		return have;

	size_t size = page_round(sizeof(struct arena));
	struct arena *fresh = pages_new(size, (size_t)sysconf(_SC_PAGESIZE));
	if (!fresh)
		return NULL;
	if (atomic_compare_exchange_strong(&arena_page, &have, fresh))
		return fresh;
	munmap(fresh, size);
	return have;
}

static struct region *region_new(size_t size)
{
	struct region *r = pages_new(size, REGION_SIZE);

	if (r)
		*r = (struct region){ .live = REGION_LIVE, .size = size, .used = sizeof(struct region) };
	return r;
}

static struct region *region_of(const void *p)
{
	return (struct region *)((uintptr_t)p & ~(uintptr_t)(REGION_SIZE - 1));
}

static int class_of(size_t room)
{
	int class = 0;

	while (class < CLASSES && CLASS_SIZE(class) < room)
		class ++;
	return class;
}

static uint8_t *block_new_small(struct arena *a, int class)
{
	uint8_t *p = NULL;
	size_t size = CLASS_SIZE(class);

	pthread_mutex_lock(&a->mutex);
	if (a->free[class]) {
		struct free_block *block = a->free[class];
		a->free[class] = block->next;
		p = (uint8_t *)block;
		goto out;
	}
	if (!a->current || a->current->size - a->current->used < size) {
		struct region *r = region_new(REGION_SIZE);
		if (!r)
			goto out;
		a->current = r;
	}
	p = (uint8_t *)a->current + a->current->used;
	a->current->used += size;
out:
	pthread_mutex_unlock(&a->mutex);
	return p;
}

static uint8_t *block_new(size_t room)
{
	struct arena *a = arena_get();
	int class = class_of(room);
	uint8_t *p = NULL;

	if (!a)
		return NULL;
	if (class < CLASSES) {
		p = block_new_small(a, class);
		if (p) {
			UNPOISON(p, CLASS_SIZE(class));
			memset(p, 0, sizeof(struct free_block));
			POISON(p + room, CLASS_SIZE(class) - room);
		}
	} else {
		struct region *r = region_new(page_round(sizeof(struct region) + room));
		p = r ? (uint8_t *)(r + 1) : NULL;
	}
	return p;
}

static void block_free(uint8_t *p, size_t room)
{
	struct region *r = region_of(p);
	struct arena *a = arena_get();
	int class = class_of(room);

	if (r->live != REGION_LIVE || !a)
		return;
	if (class == CLASSES) {
		explicit_bzero(p, room);
		munmap(r, r->size);
		return;
	}
	UNPOISON(p, CLASS_SIZE(class));
	explicit_bzero(p, CLASS_SIZE(class));
	POISON(p + sizeof(struct free_block), CLASS_SIZE(class) - sizeof(struct free_block));
	pthread_mutex_lock(&a->mutex);
	((struct free_block *)p)->next = a->free[class];
	a->free[class] = (struct free_block *)p;
	pthread_mutex_unlock(&a->mutex);
}

bool secret_init(struct secret *s, size_t room)
{
	*s = (struct secret){ 0 };
	if (room > SECRET_ROOM_MAX)
		return false;
	s->p = block_new(room);
	if (!s->p)
		return false;
	s->room = room;
	return true;
}

bool secret_set(struct secret *s, const void *p, size_t n)
{
	if (n > s->room)
		return false;
	if (n > 0)
		memmove(s->p, p, n);
	if (s->len > n)
		explicit_bzero(s->p + n, s->len - n);
	s->len = n;
	return true;
}

bool secret_append(struct secret *s, const void *p, size_t n)
{
	if (n > s->room - s->len)
		return false;
	if (n > 0)
		memcpy(s->p + s->len, p, n);
	s->len += n;
	return true;
}

void secret_move(struct secret *to, struct secret *from)
{
	*to = *from;
	*from = (struct secret){ 0 };
}

void secret_wipe(struct secret *s)
{
	if (s->p)
		explicit_bzero(s->p, s->room);
	s->len = 0;
}

void secret_done(struct secret *s)
{
	if (!s)
		return;
	if (s->p)
		block_free(s->p, s->room);
	*s = (struct secret){ 0 };
}

struct view secret_view(const struct secret *s)
{
	return VIEW(s->p, s->len);
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && ct_equal(a->p, b->p, a->len);
}

void memory_wipe(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
}
