/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"
#include "working.h"

#define CERT_MAX (FRAME_MAX - 3)
#define BLOCK_MIN 8

/* Field numbers are the enums of frame.h; version 1 and version 2 share a row with the wider bounds. */
const struct frame_row frame_rows[] = {
	{ FRAME_HELLO,
	  "HELLO",
	  3,
	  { { "handshake version", 1, 1 },
	    { "POS serial number", 1, FORMAT_POS_SERIAL_MAX },
	    { "terminal nonce", BLOCK_MIN, FORMAT_NONCE } } },
	{ FRAME_PROOF_K,
	  "PROOF_K",
	  2,
	  { { "host nonce", BLOCK_MIN, FORMAT_NONCE }, { "tag", BLOCK_MIN, FORMAT_MAC_MAX } } },
	{ FRAME_PROOF_T, "PROOF_T", 1, { { "tag", BLOCK_MIN, FORMAT_MAC_MAX } } },
	{ FRAME_TMK, "TMK", 1, { { "TMK message", 1, FORMAT_TMK_MESSAGE_MAX } } },
	{ FRAME_CONFIRM, "CONFIRM", 2, { { "check value", 4, 4 }, { "tag", 0, FORMAT_MAC_MAX } } },
	{ FRAME_DONE, "DONE", 0, { { 0 } } },
	{ FRAME_SIGN_IN,
	  "SIGN_IN",
	  3,
	  { { "tag", BLOCK_MIN, FORMAT_MAC_MAX }, { "check value of TMK", 4, 4 }, { "forms", 1, 1 } } },
	{ FRAME_WORKING_KEYS, "WORKING_KEYS", 1, { { "working keys", 1, WK_MESSAGE_MAX } } },
	{ FRAME_WK_CONFIRM, "WK_CONFIRM", 2, { { "check values", 8, 8 }, { "tag", BLOCK_MIN, FORMAT_MAC_MAX } } },
	{ FRAME_IDENTIFY, "IDENTIFY", 0, { { 0 } } },
	{ FRAME_IDENTITY,
	  "IDENTITY",
	  3,
	  { { "POS serial number", 1, FORMAT_POS_SERIAL_MAX },
	    { "PIN-pad serial number", 0, FORMAT_PIN_PAD_MAX },
	    { "TK counter", 8, 8 } } },
	{ FRAME_WORKING_CERT, "WORKING_CERT", 1, { { "certificate", 1, CERT_MAX } } },
	{ FRAME_WORKING_CERT_OK, "WORKING_CERT_OK", 0, { { 0 } } },
	{ FRAME_MAKE_TK,
	  "MAKE_TK",
	  5,
	  { { "suite", 1, 1 },
	    { "handshake version", 1, 1 },
	    { "OAEP hash", 1, 1 },
	    { "key type", 1, 1 },
	    { "key length", 1, 1 } } },
	{ FRAME_TK, "TK", 1, { { "TK packet", 1, FORMAT_PACKET_MAX } } },
	{ FRAME_COLLECTED, "COLLECTED", 0, { { 0 } } },
	{ FRAME_ERROR, "ERROR", 2, { { "code", 2, 2 }, { "check values", 8, 8 } }, 1 },
};

const size_t frame_rows_count = ARRAY_LEN(frame_rows);

static const struct frame_row *frame_row(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(frame_rows); i++)
		if (frame_rows[i].type == type)
			return &frame_rows[i];
	return NULL;
}

size_t frame_row_max(const struct frame_row *row)
{
	size_t n = 1;

	for (size_t i = 0; i < row->count; i++)
		n += 2 + (size_t)row->field[i].max;
	return n < FRAME_MAX ? n : FRAME_MAX;
}

enum err frame_head(size_t length, uint8_t type, struct fail *f)
{
	const struct frame_row *row = frame_row(type);

	if (length == 0)
		return fail_set(f, ERR_MALFORMED, 0, "frame: empty");
	if (length > FRAME_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "frame: %zu bytes", length);
	if (!row)
		return fail_set(f, ERR_MALFORMED, 0, "frame: unknown type %02xh", type);
	if (length > frame_row_max(row))
		return fail_set(f, ERR_TOO_LARGE, 0, "frame %s: %zu bytes", row->name, length);
	return ERR_OK;
}

const char *frame_name(uint8_t type)
{
	const struct frame_row *row = frame_row(type);
	return row ? row->name : "?";
}

/* How many fields this frame has: absent ones at the end are left out. */
static size_t field_count(const struct frame_row *row, const struct frame *fr)
{
	size_t n = row->count;

	while (n > row->count - row->optional && !fr->field[n - 1].n)
		n--;
	return n;
}

void frame_put(struct buf *b, const struct frame *fr)
{
	const struct frame_row *row = frame_row(fr->type);
	size_t total = 1, count = row ? field_count(row, fr) : 0;

	if (!row) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (fr->field[i].n < row->field[i].min || fr->field[i].n > row->field[i].max)
			b->failed = true;
		total += 2 + fr->field[i].n;
	}
	if (total > FRAME_MAX)
		b->failed = true;
	if (b->failed)
		return;
	buf_put_u16(b, (uint16_t)total);
	buf_put_u8(b, fr->type);
	for (size_t i = 0; i < count; i++)
		buf_put_lv(b, fr->field[i]);
}

enum err frame_parse(struct view body, struct frame *ret, struct fail *f)
{
	struct reader r = reader_of(body);
	struct frame fr = { 0 };

	if (body.n == 0)
		return fail_set(f, ERR_MALFORMED, 0, "frame: empty");
	if (body.n > FRAME_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "frame: %zu bytes", body.n);
	fr.type = reader_u8(&r);
	const struct frame_row *row = frame_row(fr.type);
	if (!row)
		return fail_set(f, ERR_MALFORMED, 0, "frame: unknown type %02xh", fr.type);
	for (size_t i = 0; i < row->count; i++) {
		if (i >= row->count - row->optional && reader_done(&r))
			break;
		fr.field[i] = reader_lv(&r, row->field[i].min, row->field[i].max);
		if (r.failed)
			return fail_set(f, ERR_MALFORMED, 0, "frame %s: %s", row->name, row->field[i].name);
	}
	if (!reader_done(&r))
		return fail_set(f, ERR_MALFORMED, 0, "frame %s: bytes behind the last field", row->name);
	*ret = fr;
	return ERR_OK;
}

void frame_put_error(struct buf *b, enum err code)
{
	uint8_t bytes[2];
	struct frame fr = { .type = FRAME_ERROR };

	be_put16(bytes, (uint16_t)code);
	fr.field[ERROR_CODE] = VIEW(bytes, sizeof(bytes));
	frame_put(b, &fr);
}

unsigned frame_error_code(const struct frame *fr)
{
	return fr->type == FRAME_ERROR && fr->field[ERROR_CODE].n == 2 ? be_get16(fr->field[ERROR_CODE].p) : 0;
}
