/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of terminals (R1.10, R1.13): parsed alone, and taken from a stream that comes in pieces of any size. What is
 * taken must be written back to the same bytes, and nothing may depend on the pieces. And TMKs as rows keep them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "frame.h"
#include "ops_own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void parse(struct view v)
{
	struct frame fr;
	BUF_AUTO again = { 0 };

	if (frame_parse(v, &fr, NULL) != ERR_OK)
		return;
	frame_put(&again, &fr);
	if (!buf_ok(&again) || again.len != v.n + 2 || memcmp(again.p + 2, v.p, v.n) || be_get16(again.p) != v.n)
		fail("what was read is not what is written");
	if (frame_head(v.n, v.p[0], NULL) != ERR_OK)
		fail("a good frame is too long for its row");
}

/* stream: the frames of a stream, types and fields appended to ret; the error that ended it. */
static enum err stream(struct view v, size_t piece, struct buf *ret)
{
	struct evbuffer *in = evbuffer_new();
	BUF_AUTO storage = { 0 };
	enum err e = ERR_OK;

	for (size_t at = 0; !e && at < v.n; at += piece) {
		bool got = true;

		evbuffer_add(in, v.p + at, piece < v.n - at ? piece : v.n - at);
		while (!e && got) {
			struct frame fr = { 0 };
			got = false;
			e = frame_take(in, &storage, &fr, &got, NULL);
			if (!e && got)
				frame_put(ret, &fr);
		}
	}
	evbuffer_free(in);
	return e;
}

/* What a row of the KMS's database keeps of a TMK (R1.12). */
static void read_blob(struct view v)
{
	struct tmk_blob blob;
	BUF_AUTO again = { 0 };

	if (!tmk_blob_parse(v, &blob))
		return;
	tmk_blob_put(&again, &blob);
	if (!buf_ok(&again) || !view_equal(v, buf_view(&again)))
		fail("a blob that was read is not what is written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO whole = { 0 };
	BUF_AUTO parts = { 0 };

	if (size < 2)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	parse(v);
	read_blob(v);
	enum err e = stream(v, v.n, &whole);
	if (stream(v, 1 + data[0] % 32, &parts) != e || !view_equal(buf_view(&whole), buf_view(&parts)))
		fail("a stream depends on its pieces");
	return 0;
}
