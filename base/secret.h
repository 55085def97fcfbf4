/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "bytes.h"

/*
 * struct secret: the only home of key bytes, PINs, components and pads.
 *
 * The bytes stand in an arena of pages that are locked (as far as RLIMIT_MEMLOCK allows), left out of core dumps
 * (MADV_DONTDUMP) and wiped in a forked child (MADV_WIPEONFORK). Room is fixed at secret_init; there is no copy and no
 * grow. SECRET_AUTO wipes and frees on every way out. All-zero is a valid empty secret; secret_done takes it.
 */
struct secret {
	uint8_t *p;
	size_t len;
	size_t room;
};

#define SECRET_ROOM_MAX ((size_t)1 << 20)
#define SECRET_AUTO __attribute__((cleanup(secret_done))) struct secret

/* secret_init: room bytes, zeroed, len 0. False: no memory or room above SECRET_ROOM_MAX; *s is then empty. */
bool secret_init(struct secret *s, size_t room) MUST_CHECK;
/* secret_set: replaces the content; false if n is above room (content unchanged). */
bool secret_set(struct secret *s, const void *p, size_t n) MUST_CHECK;
/* secret_append: false if it would pass room (content unchanged). */
bool secret_append(struct secret *s, const void *p, size_t n) MUST_CHECK;
/* secret_move: *to (must be empty) takes over the bytes, *from becomes empty. */
void secret_move(struct secret *to, struct secret *from);
/* secret_wipe: zeroes all room, len 0, keeps the room. */
void secret_wipe(struct secret *s);
void secret_done(struct secret *s);
struct view secret_view(const struct secret *s);
/* secret_equal: constant time for equal lengths. */
bool secret_equal(const struct secret *a, const struct secret *b) MUST_CHECK;
/* memory_wipe: zeroes and is not optimised away; for stack copies that a C_ caller's struct forces on us. */
void memory_wipe(void *p, size_t n);

#endif
