/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin_block.h"
#include <string.h>
#include "secret.h"

#define FORMAT_4 4

size_t pin_block_len(unsigned long format)
{
	switch (format) {
	case 0:
	case 1:
	case 3:
		return 8;
	case FORMAT_4:
		return 16;
	default:
		return 0;
	}
}

bool pin_block_binds_pan(unsigned long format)
{
	return format != 1;
}

bool pin_block_pair(unsigned long from, unsigned long to)
{
	if (pin_block_len(from) == 0 || pin_block_len(to) == 0)
		return false;
	return to != 1 || from == 1;
}

bool pin_block_pan_ok(struct view pan)
{
	if (pan.n < PIN_PAN_MIN || pan.n > PIN_PAN_MAX)
		return false;
	for (size_t i = 0; i < pan.n; i++) {
		if (pan.p[i] < '0' || pan.p[i] > '9')
			return false;
	}
	return true;
}

static uint8_t nibble_get(const uint8_t *block, size_t i)
{
	return i % 2 ? block[i / 2] & 15 : block[i / 2] >> 4;
}

static void nibble_xor(uint8_t *block, size_t i, uint8_t v)
{
	block[i / 2] ^= (uint8_t)(i % 2 ? v : v << 4);
}

/* mask: formats 0 and 3: 0000 and the 12 rightmost digits of the PAN without its check digit. */
static void mask(uint8_t *block, struct view pan)
{
	for (size_t i = 0; i < 12 && i + 1 < pan.n; i++)
		nibble_xor(block, 15 - i, (uint8_t)(pan.p[pan.n - 2 - i] - '0'));
}

void pin_block_pan_field(struct view pan, uint8_t ret[PIN_BLOCK_MAX])
{
	memset(ret, 0, PIN_BLOCK_MAX);
	nibble_xor(ret, 0, (uint8_t)(pan.n - PIN_PAN_MIN));
	for (size_t i = 0; i < pan.n; i++)
		nibble_xor(ret, 1 + i, (uint8_t)(pan.p[i] - '0'));
}

/* above: 1 when a > b, without a branch; both below 128. */
static unsigned above(unsigned a, unsigned b)
{
	return (b - a) >> 31 & 1;
}

/* fill_bad: what may stand behind the PIN. */
static unsigned fill_bad(unsigned long format, uint8_t v)
{
	switch (format) {
	case 0:
		return v != 15;
	case 3:
		return above(10, v);
	case FORMAT_4:
		return v != 10;
	default: /* 1: anything */
		return 0;
	}
}

bool pin_block_read(unsigned long format, const uint8_t *block, struct view pan, struct pin *ret)
{
	bool masked = format == 0 || format == 3;
	uint8_t clear[8];
	unsigned bad, len;

	memcpy(clear, block, sizeof(clear));
	if (masked)
		mask(clear, pan);
	len = nibble_get(clear, 1);
	bad = nibble_get(clear, 0) != format;
	bad |= above(PIN_MIN, len) | above(len, PIN_MAX);
	for (unsigned i = 0; i < 14; i++) {
		uint8_t v = nibble_get(clear, 2 + i);
		unsigned is_digit = above(len, i);
		/* Digits that were ever masked nobody may ask about (vendor.h), in whatever format they are now. */
		unsigned digit_bad = above(v, 9) & (unsigned)(format == 1 || i < 2);

		bad |= (is_digit & digit_bad) | ((is_digit ^ 1) & fill_bad(format, v));
		if (i < PIN_MAX)
			ret->digits[i] = v;
	}
	ret->len = (uint8_t)len;
	memory_wipe(clear, sizeof(clear));
	return bad == 0;
}

/* fill_of: the i-th fill digit. */
static uint8_t fill_of(unsigned long format, const uint8_t *random, size_t i)
{
	switch (format) {
	case 0:
		return 15;
	case 1:
		return random[i] & 15;
	case 3:
		return (uint8_t)(10 + random[i] % 6);
	default:
		return 10;
	}
}

void pin_block_write(unsigned long format, const struct pin *pin, struct view pan, const uint8_t random[PIN_BLOCK_MAX],
		     uint8_t *ret_block)
{
	uint8_t block[PIN_BLOCK_MAX] = { 0 };

	nibble_xor(block, 0, (uint8_t)format);
	nibble_xor(block, 1, pin->len);
	for (unsigned i = 0; i < 14; i++)
		nibble_xor(block, 2 + i, i < pin->len ? pin->digits[i] : fill_of(format, random, i));
	if (format == 0 || format == 3)
		mask(block, pan);
	if (format == FORMAT_4)
		memcpy(block + 8, random + 8, 8);
	memcpy(ret_block, block, pin_block_len(format));
	memory_wipe(block, sizeof(block));
}
