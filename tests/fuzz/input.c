/* SPDX-License-Identifier: BSD-2-Clause */
#include "input.h"
#include <string.h>

void input_end(struct input *in)
{
	for (size_t i = 0; i < in->used; i++)
		free(in->blocks[i]);
	in->used = 0;
}

uint8_t input_u8(struct input *in)
{
	if (in->left.n == 0)
		return 0;
	in->left.n--;
	return *in->left.p++;
}

uint16_t input_u16(struct input *in)
{
	uint16_t high = input_u8(in);

	return (uint16_t)(high << 8 | input_u8(in));
}

uint64_t input_u64(struct input *in)
{
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | input_u8(in);
	return v;
}

size_t input_below(struct input *in, size_t n)
{
	return n < 2 ? 0 : (n <= 256 ? input_u8(in) : input_u16(in)) % n;
}

void *input_room(struct input *in, size_t n)
{
	void *p = n == 0 || in->used == INPUT_BLOCKS ? NULL : calloc(1, n);

	if (p != NULL)
		in->blocks[in->used++] = p;
	return p;
}

struct view input_bytes(struct input *in, size_t max)
{
	size_t n = input_below(in, max + 1);
	uint8_t *p;

	if (n > in->left.n)
		n = in->left.n;
	p = input_room(in, n);
	if (p == NULL)
		return VIEW(NULL, 0);
	memcpy(p, in->left.p, n);
	in->left.p += n;
	in->left.n -= n;
	return VIEW(p, n);
}

CK_ULONG input_ulong(struct input *in)
{
	static const CK_ULONG borders[] = { 0,         1,         8,    12,   16,   24,    32,        64,
					    96,        127,       128,  160,  256,  2048,  4096,      65535,
					    65536,     1UL << 20, ~0UL, ~1UL, ~7UL, ~15UL, 1UL << 31, (1UL << 31) - 1,
					    1UL << 32, 1UL << 63 };
	uint8_t kind = input_u8(in);

	if (kind < 128)
		return borders[kind % ARRAY_LEN(borders)];
	return kind < 250 ? input_u8(in) : input_u64(in);
}
