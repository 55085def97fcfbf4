/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_ROOM_H
#define SERVE_WIRE_ROOM_H

#include "bytes.h"

/*
 * struct wire_room: a growing buffer for a frame, which may hold PINs and plaintext: pages of its own, left out of core
 * dumps (MADV_DONTDUMP), gone in a forked child (MADV_WIPEONFORK), moved and never copied when it grows. The first
 * failure (no memory, more than WIRE_FRAME_MAX) sticks.
 *
 * wire_room_reset  wipes what was used, len 0; a large room is given back
 * wire_room_take   n bytes more at the end, to be filled by the caller; NULL: failed
 */
struct wire_room {
	uint8_t *p;
	size_t len;
	size_t room;
	size_t high; /* most that len ever was since the last reset */
	bool failed;
};
void wire_room_reset(struct wire_room *r);
void wire_room_done(struct wire_room *r);
uint8_t *wire_room_take(struct wire_room *r, size_t n);
void wire_put(struct wire_room *r, const void *p, size_t n);
void wire_put_u8(struct wire_room *r, uint8_t v);
void wire_put_u16(struct wire_room *r, uint16_t v);
void wire_put_u32(struct wire_room *r, uint32_t v);
void wire_put_u64(struct wire_room *r, uint64_t v);

/*
 * struct wire_arena: what one call needs of memory: blocks of exactly the size asked for, zeroed, all wiped and freed
 * at its end. At most WIRE_ARENA_MAX bytes.
 *
 * wire_arena_take  never NULL for 0 bytes; NULL: too much, or no memory
 * wire_arena_size  of a block that wire_arena_take gave
 */
struct wire_block;
struct wire_arena {
	struct wire_block *first;
	size_t used;
};
void *wire_arena_take(struct wire_arena *a, size_t n);
size_t wire_arena_size(const void *p);
void wire_arena_done(struct wire_arena *a);

#endif
