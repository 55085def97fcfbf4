/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_block.h"
#include <string.h>

#define OPTION_HEAD 4       /* id, length */
#define OPTION_HEAD_LONG 10 /* id, "00", "02", four digits of length */

static const char digits[] = "0123456789ABCDEF";

size_t key_block_cipher_block(char version)
{
	return version == 'D' ? 16 : version >= 'A' && version <= 'C' ? 8 : 0;
}

size_t key_block_mac_len(char version)
{
	switch (version) {
	case 'A':
	case 'C':
		return 4;
	case 'B':
		return 8;
	case 'D':
		return 16;
	default:
		return 0;
	}
}

/* hex_digit: its value, or 16. */
static unsigned hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10u : 16;
}

static bool hex_ok(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (hex_digit(v.p[i]) > 15)
			return false;
	}
	return true;
}

static bool printable(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return false;
	}
	return true;
}

static bool letter_or_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* read_number: n digits of a base. */
static size_t read_number(struct reader *r, size_t n, unsigned base)
{
	struct view v = reader_bytes(r, n);
	size_t number = 0;

	for (size_t i = 0; i < v.n; i++) {
		unsigned d = hex_digit(v.p[i]);

		if (d >= base)
			r->failed = true;
		number = number * base + d;
	}
	return number;
}

/* The field letters of fixed sets; key version: any letters and digits, 'c' for a component. */
static bool fields_ok(const struct key_block_header *h)
{
	const char *version = h->key_version;

	return letter_or_digit((uint8_t)h->usage[0]) && letter_or_digit((uint8_t)h->usage[1]) &&
	       letter_or_digit((uint8_t)h->algorithm) && letter_or_digit((uint8_t)h->mode) &&
	       (letter_or_digit((uint8_t)version[0]) || version[0] == 'c') && letter_or_digit((uint8_t)version[1]) &&
	       (h->exportability == 'E' || h->exportability == 'N' || h->exportability == 'S') && h->context >= '0' &&
	       h->context <= '2';
}

bool key_block_option_next(struct reader *r, struct key_block_option *ret)
{
	struct reader at = *r;
	struct view id, data;
	size_t head = OPTION_HEAD, len, digits_of_len;

	if (r->failed || r->left == 0)
		return false;
	id = reader_bytes(&at, 2);
	len = read_number(&at, 2, 16);
	if (len == 0 && !at.failed) {
		digits_of_len = read_number(&at, 2, 16);
		if (digits_of_len == 0 || digits_of_len > 2) /* of bytes: a longer length fits no key block */
			at.failed = true;
		else
			len = read_number(&at, 2 * digits_of_len, 16);
		head = OPTION_HEAD + 2 + 2 * digits_of_len;
	}
	if (len < head)
		at.failed = true;
	data = reader_bytes(&at, at.failed ? 0 : len - head);
	if (at.failed || !letter_or_digit(id.p[0]) || !letter_or_digit(id.p[1]) || !printable(data)) {
		r->failed = true;
		return false;
	}
	*r = at;
	memcpy(ret->id, id.p, 2);
	ret->data = data;
	return true;
}

bool key_block_option_find(struct view options, const char *id, struct view *ret)
{
	struct reader r = reader_of(options);
	struct key_block_option o;

	while (key_block_option_next(&r, &o)) {
		if (memcmp(o.id, id, 2) == 0) {
			*ret = o.data;
			return true;
		}
	}
	return false;
}

bool key_block_options_ok(struct view options, unsigned *ret_count)
{
	struct reader r = reader_of(options);
	struct key_block_option o;
	unsigned count = 0;

	while (key_block_option_next(&r, &o)) {
		if (memcmp(o.id, "PB", 2) == 0 || ++count > KEY_BLOCK_OPTIONALS)
			return false;
	}
	if (!reader_done(&r))
		return false;
	*ret_count = count;
	return true;
}

/* options_read: `count` optional blocks off r. PB only fills up, so it is the last. */
static void options_read(struct reader *r, unsigned count)
{
	struct key_block_option o;

	for (unsigned i = 0; i < count && !r->failed; i++) {
		if (!key_block_option_next(r, &o) || (memcmp(o.id, "PB", 2) == 0 && i + 1 != count))
			r->failed = true;
	}
}

static void header_read(struct reader *r, struct key_block_header *h, size_t *ret_len, unsigned *ret_count)
{
	struct view v = reader_bytes(r, 1);

	h->version = v.n == 1 ? (char)v.p[0] : '\0';
	*ret_len = read_number(r, 4, 10);
	v = reader_bytes(r, 7);
	if (v.n == 7) {
		memcpy(h->usage, v.p, 2);
		h->algorithm = (char)v.p[2];
		h->mode = (char)v.p[3];
		memcpy(h->key_version, v.p + 4, 2);
		h->exportability = (char)v.p[6];
	}
	*ret_count = (unsigned)read_number(r, 2, 10);
	v = reader_bytes(r, 2);
	if (v.n != 2 || v.p[1] != '0')
		r->failed = true;
	else
		h->context = (char)v.p[0];
}

bool key_block_parse(struct view v, struct key_block *ret)
{
	struct reader r = reader_of(v);
	struct key_block b = { 0 };
	size_t length, block, mac;

	header_read(&r, &b.h, &length, &b.optionals);
	block = key_block_cipher_block(b.h.version);
	mac = 2 * key_block_mac_len(b.h.version);
	if (r.failed || block == 0 || length != v.n || !fields_ok(&b.h))
		return false;
	b.optional.p = r.p;
	options_read(&r, b.optionals);
	if (r.failed)
		return false;
	b.covered = VIEW(v.p, (size_t)(r.p - v.p));
	b.optional.n = b.covered.n - KEY_BLOCK_HEADER;
	if (b.optional.n % block != 0 || r.left < mac + 2 * block || (r.left - mac) % (2 * block) != 0)
		return false;
	b.data = reader_bytes(&r, r.left - mac);
	b.mac = reader_bytes(&r, mac);
	if (!reader_done(&r) || !hex_ok(b.data) || !hex_ok(b.mac))
		return false;
	*ret = b;
	return true;
}

void key_block_option_put(struct buf *b, const char *id, struct view data)
{
	size_t len = OPTION_HEAD + data.n;

	buf_put(b, id, 2);
	if (len <= 255)
		buf_printf(b, "%02zX", len);
	else if (OPTION_HEAD_LONG + data.n <= 0xffff)
		buf_printf(b, "0002%04zX", OPTION_HEAD_LONG + data.n);
	else
		b->failed = true;
	buf_put_view(b, data);
}

/* padding_of: the length of the PB that fills up n bytes of optional blocks, 0: none is needed. */
static size_t padding_of(size_t n, size_t block)
{
	size_t missing = (block - n % block) % block;

	if (missing == 0)
		return 0;
	return missing < OPTION_HEAD ? missing + block : missing;
}

size_t key_block_data_len(const struct key_block_header *h, size_t key_len, bool hides)
{
	size_t block = key_block_cipher_block(h->version), n = key_len;

	if (hides) {
		if (h->algorithm == 'T' || h->algorithm == 'D')
			n = 24;
		else if (h->algorithm == 'A')
			n = 32;
		else
			n = (key_len + 63) / 64 * 64;
	}
	return (2 + n + block - 1) / block * block;
}

size_t key_block_length(char version, size_t options_len, unsigned count, size_t data_len)
{
	size_t block = key_block_cipher_block(version);
	size_t pad, length;

	if (block == 0 || options_len > KEY_BLOCK_MAX || data_len > KEY_BLOCK_MAX)
		return 0;
	pad = padding_of(options_len, block);
	length = KEY_BLOCK_HEADER + options_len + pad + 2 * data_len + 2 * key_block_mac_len(version);
	return length <= KEY_BLOCK_MAX && count + (pad != 0) <= KEY_BLOCK_OPTIONALS ? length : 0;
}

void key_block_put_header(struct buf *b, const struct key_block_header *h, struct view options, unsigned count,
			  size_t data_len, const uint8_t filler[KEY_BLOCK_FILLER])
{
	size_t length = key_block_length(h->version, options.n, count, data_len);
	size_t pad = length == 0 ? 0 : padding_of(options.n, key_block_cipher_block(h->version));

	if (length == 0) {
		b->failed = true;
		return;
	}
	buf_printf(b, "%c%04zu%.2s%c%c%.2s%c%02u%c0", h->version, length, h->usage, h->algorithm, h->mode,
		   h->key_version, h->exportability, count + (pad != 0), h->context);
	buf_put_view(b, options);
	if (pad == 0)
		return;
	buf_printf(b, "PB%02zX", pad);
	for (size_t i = 0; i < pad - OPTION_HEAD; i++)
		buf_put_u8(b, (uint8_t)digits[filler[i] & 15]);
}

void key_block_put_hex(struct buf *b, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		buf_put_u8(b, (uint8_t)digits[v.p[i] >> 4]);
		buf_put_u8(b, (uint8_t)digits[v.p[i] & 15]);
	}
}

void key_block_get_hex(struct view v, uint8_t *out)
{
	for (size_t i = 0; i + 1 < v.n; i += 2)
		out[i / 2] = (uint8_t)(hex_digit(v.p[i]) << 4 | hex_digit(v.p[i + 1]));
}
