/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP as it comes to a service (R2.3): heads through the reader that limits are taken from, and bodies through the
 * decoder of every row of the service's table; and the answers of a service as they come to who asked it. What a
 * decoder takes must be written and read again to the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_head.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct msg_row MSG_ROWS[];
extern const size_t MSG_COUNT;

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void read_body(const struct msg_fields *fields, struct view body)
{
	ARENA_AUTO arena = { 0 };
	BUF_AUTO first = { 0 };
	BUF_AUTO second = { 0 };
	struct fail f = { 0 };
	void *in;

	if (!fields)
		return;
	in = arena_alloc(&arena, fields->size);
	if (!in || msg_decode(fields, body, &arena, in, &f) != ERR_OK)
		return;
	if (msg_encode(fields, in, &first, &f) != ERR_OK)
		fail("what was read cannot be written");
	if (msg_decode(fields, buf_view(&first), &arena, in, &f) != ERR_OK ||
	    msg_encode(fields, in, &second, &f) != ERR_OK)
		fail("what was written cannot be read");
	if (!view_equal(buf_view(&first), buf_view(&second)))
		fail("it changes on its way");
}

/* The same head in one piece and byte by byte. */
static void read_head(struct view v)
{
	struct http_head whole = { 0 }, bytes = { 0 };
	size_t n = http_head_feed(&whole, v), at = 0;

	while (at < v.n && !bytes.whole)
		at += http_head_feed(&bytes, VIEW(v.p + at, 1));
	if (n != at || whole.whole != bytes.whole || whole.length != bytes.length || whole.chunked != bytes.chunked ||
	    whole.post != bytes.post || strcmp(whole.path, bytes.path))
		fail("a head depends on how it comes in");
	if (n > v.n)
		fail("a head took more than there was");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t which = data[0] % (2 * MSG_COUNT + 1);
	struct view v = VIEW(data + 1, size - 1);

	if (which == 2 * MSG_COUNT)
		read_head(v);
	else
		read_body(which < MSG_COUNT ? MSG_ROWS[which].in : MSG_ROWS[which - MSG_COUNT].out, v);
	return 0;
}
