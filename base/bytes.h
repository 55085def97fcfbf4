/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes that belong to somebody else. */
struct view {
	const uint8_t *p;
	size_t n;
};

#define VIEW(pointer, length) ((struct view){ .p = (const uint8_t *)(pointer), .n = (length) })
#define VIEW_STR(literal) ((struct view){ .p = (const uint8_t *)(literal), .n = sizeof(literal) - 1 })

/* view_of_string: without the zero byte; NULL gives an empty view. */
struct view view_of_string(const char *s);
bool view_equal(struct view a, struct view b);
/* ct_equal: constant time in n; for MACs, PIN checks, possession proofs. */
bool ct_equal(const uint8_t *a, const uint8_t *b, size_t n) MUST_CHECK;

/*
 * struct buf: a growing byte buffer for public bytes. The first failure (no memory, more than BUF_MAX) sticks: later
 * puts do nothing and buf_ok answers false, so that a writer checks once, at the end. Never for secrets.
 */
struct buf {
	uint8_t *p;
	size_t len;
	size_t room;
	bool failed;
};

#define BUF_MAX ((size_t)64 << 20)
#define BUF_AUTO __attribute__((cleanup(buf_done))) struct buf

/* buf_done: frees and empties; takes NULL. The rest appends to b or tells of it. */
void buf_done(struct buf *b);
bool buf_ok(const struct buf *b) MUST_CHECK;
struct view buf_view(const struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_view(struct buf *b, struct view v);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* buf_put_lv: 2-byte length, then the bytes; longer than 65535 fails the buffer. */
void buf_put_lv(struct buf *b, struct view v);
/* buf_put_lv32: 4-byte length, then the bytes. */
void buf_put_lv32(struct buf *b, struct view v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* struct reader: walks a view; the first failure sticks, later reads answer zeros and empty views. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool failed;
};

/* reader_of: at the first byte of v, which must outlive it; the views that it answers point into v. */
struct reader reader_of(struct view v);
/* reader_done: all was read and nothing failed. */
bool reader_done(const struct reader *r) MUST_CHECK;
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct view reader_bytes(struct reader *r, size_t n);
/* reader_lv: 2-byte length and bytes; a length outside min..max fails the reader. */
struct view reader_lv(struct reader *r, size_t min, size_t max);
struct view reader_lv32(struct reader *r, size_t max);

/* be_*: big-endian numbers at p, of any alignment. */
uint64_t be_get64(const uint8_t *p);
uint32_t be_get32(const uint8_t *p);
uint16_t be_get16(const uint8_t *p);
void be_put64(uint8_t *p, uint64_t v);
void be_put32(uint8_t *p, uint32_t v);
void be_put16(uint8_t *p, uint16_t v);

/* hex: lower case out, either case in. ret_hex needs 2 * v.n + 1 bytes. hex_decode: odd length or other letters: false.
 */
void hex_encode(struct view v, char *ret_hex);
bool hex_decode(const char *hex, size_t hex_len, struct buf *out) MUST_CHECK;
/* base64 of RFC 4648 with padding, no line breaks; decode is strict. */
void base64_encode(struct view v, struct buf *out);
bool base64_decode(const char *text, size_t text_len, struct buf *out) MUST_CHECK;

#endif
