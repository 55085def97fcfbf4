/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_room.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "secret.h"
#include "wire.h"

#define ROOM_LEAST ((size_t)64 << 10)
#define ROOM_KEPT ((size_t)1 << 20)

void wire_room_done(struct wire_room *r)
{
	if (r->p != NULL) {
		memory_wipe(r->p, r->high);
		munmap(r->p, r->room);
	}
	*r = (struct wire_room){ 0 };
}

void wire_room_reset(struct wire_room *r)
{
	if (r->room > ROOM_KEPT) {
		wire_room_done(r);
		return;
	}
	if (r->p != NULL)
		memory_wipe(r->p, r->high);
	r->len = r->high = 0;
	r->failed = false;
}

static bool grow(struct wire_room *r, size_t need)
{
	size_t room = r->room > 0 ? r->room : ROOM_LEAST;
	void *p;

	while (room < need)
		room *= 2;
	if (r->p != NULL) {
		p = mremap(r->p, r->room, room, MREMAP_MAYMOVE);
	} else {
		p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (p == MAP_FAILED)
		return false;
	/* Best effort: without them the bytes are as safe as the program's other memory. */
	(void)madvise(p, room, MADV_DONTDUMP);
	(void)madvise(p, room, MADV_WIPEONFORK);
	r->p = p;
	r->room = room;
	return true;
}

uint8_t *wire_room_take(struct wire_room *r, size_t n)
{
	uint8_t *at;

	/* Four bytes of length stand before the frame. */
	if (r->failed || n > WIRE_FRAME_MAX + 4 - r->len ||
	    ((r->p == NULL || r->room - r->len < n) && !grow(r, r->len + n))) {
		r->failed = true;
		return NULL;
	}
	at = r->p + r->len;
	r->len += n;
	if (r->len > r->high)
		r->high = r->len;
	return at;
}

void wire_put(struct wire_room *r, const void *p, size_t n)
{
	uint8_t *at = wire_room_take(r, n);

	if (at != NULL && n > 0)
		memcpy(at, p, n);
}

void wire_put_u8(struct wire_room *r, uint8_t v)
{
	wire_put(r, &v, 1);
}

void wire_put_u16(struct wire_room *r, uint16_t v)
{
	uint8_t *at = wire_room_take(r, 2);

	if (at != NULL)
		be_put16(at, v);
}

void wire_put_u32(struct wire_room *r, uint32_t v)
{
	uint8_t *at = wire_room_take(r, 4);

	if (at != NULL)
		be_put32(at, v);
}

void wire_put_u64(struct wire_room *r, uint64_t v)
{
	uint8_t *at = wire_room_take(r, 8);

	if (at != NULL)
		be_put64(at, v);
}

struct wire_block {
	struct wire_block *next;
	size_t n;
	alignas(16) uint8_t bytes[];
};

void *wire_arena_take(struct wire_arena *a, size_t n)
{
	struct wire_block *b;

	/* The head counts, so that many small blocks are no way around the bound. */
	if (n > WIRE_ARENA_MAX || a->used + sizeof(*b) > WIRE_ARENA_MAX - n)
		return NULL;
	b = calloc(1, sizeof(*b) + n);
	if (b == NULL)
		return NULL;
	b->next = a->first;
	b->n = n;
	a->first = b;
	a->used += sizeof(*b) + n;
	return b->bytes;
}

size_t wire_arena_size(const void *p)
{
	return ((const struct wire_block *)((const uint8_t *)p - offsetof(struct wire_block, bytes)))->n;
}

void wire_arena_done(struct wire_arena *a)
{
	while (a->first != NULL) {
		struct wire_block *b = a->first;

		a->first = b->next;
		memory_wipe(b->bytes, b->n);
		free(b);
	}
	a->used = 0;
}
