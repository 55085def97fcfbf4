/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

struct view view_of_string(const char *s)
{
	return VIEW(s, s ? strlen(s) : 0);
}

bool view_equal(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool ct_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	volatile uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

void buf_done(struct buf *b)
{
	if (!b)
		return;
	free(b->p);
	*b = (struct buf){ 0 };
}

bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

struct view buf_view(const struct buf *b)
{
	return VIEW(b->p, b->len);
}

/* Room for n more bytes, or the buffer fails. */
static bool buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return false;
	if (n > BUF_MAX || b->len > BUF_MAX - n) {
		b->failed = true;
		return false;
	}
	if (b->len + n <= b->room)
		return true;

	size_t room = b->room ? b->room : 64;
	while (room < b->len + n)
		room *= 2;
	uint8_t *p = realloc(b->p, room);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->room = room;
	return true;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void buf_put_view(struct buf *b, struct view v)
{
	buf_put(b, v.p, v.n);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t p[2];

	be_put16(p, v);
	buf_put(b, p, sizeof(p));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	be_put32(p, v);
	buf_put(b, p, sizeof(p));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	be_put64(p, v);
	buf_put(b, p, sizeof(p));
}

void buf_put_lv(struct buf *b, struct view v)
{
	if (v.n > UINT16_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u16(b, (uint16_t)v.n);
	buf_put_view(b, v);
}

void buf_put_lv32(struct buf *b, struct view v)
{
	if (v.n > BUF_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)v.n);
	buf_put_view(b, v);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	buf_put(b, text, (size_t)n);
	free(text);
}

struct reader reader_of(struct view v)
{
	return (struct reader){ .p = v.p, .left = v.n };
}

bool reader_done(const struct reader *r)
{
	return !r->failed && r->left == 0;
}

struct view reader_bytes(struct reader *r, size_t n)
{
	if (r->failed || n > r->left) {
		r->failed = true;
		return VIEW(NULL, 0);
	}
	struct view v = VIEW(r->p, n);
	if (n > 0)
		r->p += n;
	r->left -= n;
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	struct view v = reader_bytes(r, 1);

	return v.n ? v.p[0] : 0;
}

uint16_t reader_u16(struct reader *r)
{
	struct view v = reader_bytes(r, 2);

	return v.n ? be_get16(v.p) : 0;
}

uint32_t reader_u32(struct reader *r)
{
	struct view v = reader_bytes(r, 4);

	return v.n ? be_get32(v.p) : 0;
}

uint64_t reader_u64(struct reader *r)
{
	struct view v = reader_bytes(r, 8);

	return v.n ? be_get64(v.p) : 0;
}

struct view reader_lv(struct reader *r, size_t min, size_t max)
{
	size_t n = reader_u16(r);

	if (n < min || n > max)
		r->failed = true;
	return reader_bytes(r, n);
}

struct view reader_lv32(struct reader *r, size_t max)
{
	size_t n = reader_u32(r);

	if (n > max)
		r->failed = true;
	return reader_bytes(r, n);
}

uint64_t be_get64(const uint8_t *p)
{
	return (uint64_t)be_get32(p) << 32 | be_get32(p + 4);
}

uint32_t be_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint16_t be_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

void be_put64(uint8_t *p, uint64_t v)
{
	be_put32(p, (uint32_t)(v >> 32));
	be_put32(p + 4, (uint32_t)v);
}

void be_put32(uint8_t *p, uint32_t v)
{
	be_put16(p, (uint16_t)(v >> 16));
	be_put16(p + 2, (uint16_t)v);
}

void be_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void hex_encode(struct view v, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < v.n; i++) {
		ret_hex[2 * i] = digits[v.p[i] >> 4];
		ret_hex[2 * i + 1] = digits[v.p[i] & 15];
	}
	ret_hex[2 * v.n] = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *hex, size_t hex_len, struct buf *out)
{
	size_t before = out->len;

	if (hex_len % 2)
		return false;
	for (size_t i = 0; i < hex_len; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
		if (high < 0 || low < 0) {
			out->len = before;
			return false;
		}
		buf_put_u8(out, (uint8_t)(high << 4 | low));
	}
	return buf_ok(out);
}

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct view v, struct buf *out)
{
	for (size_t i = 0; i < v.n; i += 3) {
		size_t n = v.n - i < 3 ? v.n - i : 3;
		uint32_t w = (uint32_t)v.p[i] << 16;
		if (n > 1)
			w |= (uint32_t)v.p[i + 1] << 8;
		if (n > 2)
			w |= v.p[i + 2];

		char quad[4] = { base64_letters[w >> 18], base64_letters[w >> 12 & 63], '=', '=' };
		if (n > 1)
			quad[2] = base64_letters[w >> 6 & 63];
		if (n > 2)
			quad[3] = base64_letters[w & 63];
		buf_put(out, quad, 4);
	}
}

static int base64_digit(char c)
{
	const char *at = c ? strchr(base64_letters, c) : NULL;

	return at ? (int)(at - base64_letters) : -1;
}

/* One group of four letters; false for a foreign letter or bits that no encoder sets. */
static bool base64_quad(const char *quad, bool last, struct buf *out)
{
	int pad = last && quad[3] == '=' ? (quad[2] == '=' ? 2 : 1) : 0;
	uint32_t w = 0;

	for (int i = 0; i < 4; i++) {
		int digit = i < 4 - pad ? base64_digit(quad[i]) : 0;
		if (digit < 0)
			return false;
		w = w << 6 | (uint32_t)digit;
	}
	if ((pad == 2 && (w & 0xffff)) || (pad == 1 && (w & 0xff)))
		return false;
	uint8_t bytes[3] = { (uint8_t)(w >> 16), (uint8_t)(w >> 8), (uint8_t)w };
	buf_put(out, bytes, 3 - (size_t)pad);
	return buf_ok(out);
}

bool base64_decode(const char *text, size_t text_len, struct buf *out)
{
	size_t before = out->len;

	if (text_len % 4)
		return false;
	for (size_t i = 0; i < text_len; i += 4) {
		if (!base64_quad(text + i, i + 4 == text_len, out)) {
			out->len = before;
			return false;
		}
	}
	return true;
}
