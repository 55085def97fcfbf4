/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include "bytes.h"
#include "ck.h"
#include <stdlib.h>

/*
 * The fuzzer's bytes as a source of decisions: past their end every answer is 0. What a call gets to see is allocated
 * to the byte, so that the address sanitizer notices one read or write too far; input_end frees it all.
 */
#define INPUT_BLOCKS 512

struct input {
	struct view left;
	void *blocks[INPUT_BLOCKS];
	size_t used;
};

/* input_end: frees what input_room and input_bytes gave out. */
void input_end(struct input *in);
uint8_t input_u8(struct input *in);
uint16_t input_u16(struct input *in);
uint64_t input_u64(struct input *in);
/* input_below: 0 to n - 1. */
size_t input_below(struct input *in, size_t n);
/* input_room: n bytes of zeroes of its own; NULL for 0. */
void *input_room(struct input *in, size_t n);
/* input_bytes: up to max bytes of the input, in a room of their own. */
struct view input_bytes(struct input *in, size_t max);
/* input_ulong: small numbers, borders and now and then anything. */
CK_ULONG input_ulong(struct input *in);

#endif
