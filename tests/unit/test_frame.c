/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <check.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"
#include "frame.h"

/* A good frame of every type. */
static uint8_t filler[FORMAT_PACKET_MAX];
struct sample {
	uint8_t type;
	size_t count;
	size_t length[FRAME_FIELDS_MAX];
	size_t most[FRAME_FIELDS_MAX];
	size_t least[FRAME_FIELDS_MAX];
};
static const struct sample samples[] = {
	{ FRAME_HELLO, 3, { 1, 6, 16 }, { 1, 32, 16 }, { 1, 1, 8 } },
	{ FRAME_PROOF_K, 2, { 16, 16 }, { 16, 16 }, { 8, 8 } },
	{ FRAME_PROOF_T, 1, { 8 }, { 16 }, { 8 } },
	{ FRAME_TMK, 1, { 90 }, { FORMAT_TMK_MESSAGE_MAX }, { 1 } },
	{ FRAME_CONFIRM, 2, { 4, 16 }, { 4, 16 }, { 4, 0 } },
	{ FRAME_DONE, 0, { 0 }, { 0 }, { 0 } },
	{ FRAME_IDENTIFY, 0, { 0 }, { 0 }, { 0 } },
	{ FRAME_IDENTITY, 3, { 6, 0, 8 }, { 32, 32, 8 }, { 1, 0, 8 } },
	{ FRAME_WORKING_CERT, 1, { 800 }, { 1500 }, { 1 } },
	{ FRAME_WORKING_CERT_OK, 0, { 0 }, { 0 }, { 0 } },
	{ FRAME_MAKE_TK, 5, { 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1 } },
	{ FRAME_TK, 1, { 700 }, { FORMAT_PACKET_MAX }, { 1 } },
	{ FRAME_COLLECTED, 0, { 0 }, { 0 }, { 0 } },
	{ FRAME_ERROR, 1, { 2 }, { 2 }, { 2 } },
};

static struct frame frame_of(const struct sample *s, const size_t *lengths)
{
	struct frame fr = { .type = s->type };

	for (size_t i = 0; i < s->count; i++)
		fr.field[i] = VIEW(filler + i, lengths[i]);
	return fr;
}

static bool puts_and_parses(const struct sample *s, const size_t *lengths)
{
	BUF_AUTO b = { 0 };
	struct frame fr = frame_of(s, lengths), back;

	frame_put(&b, &fr);
	if (!buf_ok(&b))
		return false;
	ck_assert_uint_eq(be_get16(b.p) + 2u, b.len);
	ck_assert_int_eq(frame_parse(VIEW(b.p + 2, b.len - 2), &back, NULL), ERR_OK);
	ck_assert_uint_eq(back.type, s->type);
	for (size_t i = 0; i < s->count; i++)
		ck_assert(view_equal(back.field[i], fr.field[i]));
	return true;
}

START_TEST(every_type_round_trips_within_its_bounds)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		ck_assert(puts_and_parses(s, s->length));
		ck_assert(puts_and_parses(s, s->least));
		ck_assert(puts_and_parses(s, s->most));
		ck_assert_str_ne(frame_name(s->type), "?");
	}
	ck_assert_str_eq(frame_name(0x55), "?");
}
END_TEST

/* raw: a frame body put together without the table. */
static void raw(struct buf *b, const struct sample *s, const size_t *lengths)
{
	buf_put_u8(b, s->type);
	for (size_t i = 0; i < s->count; i++)
		buf_put_lv(b, VIEW(filler + i, lengths[i]));
}

START_TEST(fields_outside_their_bounds_are_neither_written_nor_read)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		for (size_t k = 0; k < s->count; k++) {
			for (int above = 0; above <= 1; above++) {
				size_t lengths[FRAME_FIELDS_MAX];
				BUF_AUTO b = { 0 };
				struct frame back;
				memcpy(lengths, s->length, sizeof(lengths));
				if (!above && s->least[k] == 0)
					continue;
				if (above && s->type == FRAME_WORKING_CERT)
					continue; /* bounded by the frame */
				lengths[k] = above ? s->most[k] + 1 : s->least[k] - 1;
				if (lengths[k] > sizeof(filler) - k)
					continue;
				ck_assert(!puts_and_parses(s, lengths));
				raw(&b, s, lengths);
				ck_assert_int_eq(frame_parse(buf_view(&b), &back, NULL), ERR_MALFORMED);
			}
		}
	}
}
END_TEST

START_TEST(truncations_and_trailing_bytes_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		BUF_AUTO b = { 0 };
		struct frame back;
		raw(&b, &samples[i], samples[i].length);
		for (size_t n = 0; n < b.len; n++)
			ck_assert_int_eq(frame_parse(VIEW(b.p, n), &back, NULL), ERR_MALFORMED);
		buf_put_u8(&b, 0);
		ck_assert_int_eq(frame_parse(buf_view(&b), &back, NULL), ERR_MALFORMED);
	}
}
END_TEST

/* R2.5: the terminal's check values; peers that know nothing of them send and take the code alone */
START_TEST(an_error_may_carry_check_values)
{
	static const uint8_t code[2] = { 0, 4 }, checks[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct frame fr = { .type = FRAME_ERROR, .field = { VIEW(code, 2) } }, back;
	BUF_AUTO bare = { 0 };
	BUF_AUTO full = { 0 };

	frame_put(&bare, &fr);
	ck_assert_uint_eq(bare.len, 7);
	ck_assert(!frame_parse(VIEW(bare.p + 2, bare.len - 2), &back, NULL));
	ck_assert_uint_eq(back.field[ERROR_CHECKS].n, 0);
	fr.field[ERROR_CHECKS] = VIEW(checks, 8);
	frame_put(&full, &fr);
	ck_assert(!frame_parse(VIEW(full.p + 2, full.len - 2), &back, NULL));
	ck_assert_uint_eq(frame_error_code(&back), 4);
	ck_assert(view_equal(back.field[ERROR_CHECKS], VIEW(checks, 8)));
	for (size_t n = bare.len - 2 + 1; n < full.len - 2; n++)
		ck_assert_int_eq(frame_parse(VIEW(full.p + 2, n), &back, NULL), ERR_MALFORMED);
	for (size_t n = 1; n <= 9; n += n == 7 ? 2 : 1) {
		BUF_AUTO wrong = { 0 };

		fr.field[ERROR_CHECKS] = VIEW(checks, n);
		frame_put(&wrong, &fr);
		ck_assert(!buf_ok(&wrong));
	}
}
END_TEST

START_TEST(unknown_types_and_long_frames_are_refused)
{
	static uint8_t body[FRAME_MAX + 1];
	struct frame back;

	for (unsigned type = 0; type < 256; type++) {
		bool known = strcmp(frame_name((uint8_t)type), "?") != 0;
		body[0] = (uint8_t)type;
		if (!known)
			ck_assert_int_eq(frame_parse(VIEW(body, 1), &back, NULL), ERR_MALFORMED);
	}
	body[0] = FRAME_TK;
	ck_assert_int_eq(frame_parse(VIEW(body, sizeof(body)), &back, NULL), ERR_TOO_LARGE);
}
END_TEST

START_TEST(evbuffer_gives_frames_only_when_complete)
{
	struct evbuffer *in = evbuffer_new();
	BUF_AUTO storage = { 0 };
	BUF_AUTO bytes = { 0 };
	struct frame fr;
	bool got = true;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct frame out = frame_of(&samples[i], samples[i].length);
		frame_put(&bytes, &out);
	}
	size_t seen = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		evbuffer_add(in, bytes.p + i, 1);
		ck_assert_int_eq(frame_take(in, &storage, &fr, &got, NULL), ERR_OK);
		if (got)
			ck_assert_uint_eq(fr.type, samples[seen++].type);
	}
	ck_assert_uint_eq(seen, ARRAY_LEN(samples));
	ck_assert_uint_eq(evbuffer_get_length(in), 0);
	evbuffer_add(in, "\xff\xff", 2);
	ck_assert_int_eq(frame_take(in, &storage, &fr, &got, NULL), ERR_TOO_LARGE);
	evbuffer_drain(in, 2);
	evbuffer_add(in, "\0\0", 2);
	ck_assert_int_eq(frame_take(in, &storage, &fr, &got, NULL), ERR_MALFORMED);
	evbuffer_free(in);
}
END_TEST

START_TEST(blocking_ends_are_bounded_in_time)
{
	int fd[2];
	BUF_AUTO storage = { 0 };
	struct frame fr, out = { .type = FRAME_DONE };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(frame_recv(fd[0], &storage, &fr, 50, NULL), ERR_TIMEOUT);
	ck_assert_int_eq(write(fd[1], "\0\1", 2), 2); /* and no more */
	ck_assert_int_eq(frame_recv(fd[0], &storage, &fr, 50, NULL), ERR_TIMEOUT);
	close(fd[0]);
	close(fd[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(frame_send(fd[1], &out, 1000, NULL), ERR_OK);
	ck_assert_int_eq(frame_expect(fd[0], FRAME_DONE, &storage, &fr, 1000, NULL), ERR_OK);
	ck_assert_int_eq(frame_send(fd[1], &out, 1000, NULL), ERR_OK);
	ck_assert_int_eq(frame_expect(fd[0], FRAME_TMK, &storage, &fr, 1000, NULL), ERR_UNEXPECTED);
	BUF_AUTO error = { 0 };
	struct fail f = { 0 };
	frame_put_error(&error, ERR_REFUSED);
	ck_assert_int_eq(write(fd[1], error.p, error.len), (ssize_t)error.len);
	ck_assert_int_eq(frame_expect(fd[0], FRAME_TMK, &storage, &fr, 1000, &f), ERR_PEER);
	ck_assert_ptr_nonnull(strstr(f.text, "refused"));
	close(fd[1]);
	ck_assert_int_eq(frame_recv(fd[0], &storage, &fr, 1000, NULL), ERR_PEER);
	/* A peer that does not read. */
	close(fd[0]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	struct frame big = { .type = FRAME_TK, .field = { VIEW(filler, FORMAT_PACKET_MAX) } };
	enum err e = ERR_OK;
	for (int i = 0; i < 100000 && e == ERR_OK; i++)
		e = frame_send(fd[1], &big, 50, NULL);
	ck_assert_int_eq(e, ERR_TIMEOUT);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(addresses_are_split_and_listened_on)
{
	char host[256], port[16], text[300];
	int listening = -1, fd = -1;

	ck_assert_int_eq(address_split("127.0.0.1:80", host, port, NULL), ERR_OK);
	ck_assert_str_eq(host, "127.0.0.1");
	ck_assert_int_eq(address_split("[::1]:443", host, port, NULL), ERR_OK);
	ck_assert_str_eq(host, "::1");
	ck_assert_str_eq(port, "443");
	static const char *const bad[] = { "", "host", "host:", ":80", "[::1", "[]:80", "a:12345678901234567" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(address_split(bad[i], host, port, NULL), ERR_CONFIG);
	ck_assert_int_eq(address_listen("127.0.0.1:0", &listening, text, NULL), ERR_OK);
	ck_assert_str_ne(text, "127.0.0.1:0");
	ck_assert_int_eq(frame_connect(text, 2000, &fd, NULL), ERR_OK);
	close(fd);
	int other = -1;
	ck_assert_int_eq(address_listen(text, &other, text, NULL), ERR_IO);
	close(listening);
	ck_assert_int_eq(frame_connect(text, 2000, &fd, NULL), ERR_PEER);
}
END_TEST

/* R1.13: a frame is refused by its length and type, before the rest of it is there. */
START_TEST(no_frame_is_longer_than_its_row)
{
	struct evbuffer *in = evbuffer_new();
	BUF_AUTO storage = { 0 };
	struct frame fr;

	for (size_t i = 0; i < frame_rows_count; i++) {
		const struct frame_row *row = &frame_rows[i];
		size_t most = frame_row_max(row);
		uint8_t head[3];
		bool got = true;

		ck_assert_int_eq(frame_head(most, row->type, NULL), ERR_OK);
		if (most == FRAME_MAX)
			continue;
		ck_assert_int_eq(frame_head(most + 1, row->type, NULL), ERR_TOO_LARGE);
		be_put16(head, (uint16_t)(most + 1));
		head[2] = row->type;
		evbuffer_add(in, head, 2);
		ck_assert_int_eq(frame_take(in, &storage, &fr, &got, NULL), ERR_OK);
		ck_assert(!got);
		evbuffer_add(in, head + 2, 1);
		ck_assert_int_eq(frame_take(in, &storage, &fr, &got, NULL), ERR_TOO_LARGE);
		evbuffer_drain(in, evbuffer_get_length(in));
	}
	ck_assert_int_eq(frame_head(1, 0x6e, NULL), ERR_MALFORMED);
	ck_assert_int_eq(frame_head(0, FRAME_DONE, NULL), ERR_MALFORMED);
	ck_assert_int_eq(frame_head(FRAME_MAX + 1, FRAME_DONE, NULL), ERR_TOO_LARGE);
	evbuffer_free(in);
}
END_TEST

int main(void)
{
	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = (uint8_t)(i * 7);
	Suite *s = suite_create("frame");
	TCase *t = tcase_create("frame");
	tcase_add_test(t, every_type_round_trips_within_its_bounds);
	tcase_add_test(t, fields_outside_their_bounds_are_neither_written_nor_read);
	tcase_add_test(t, truncations_and_trailing_bytes_are_refused);
	tcase_add_test(t, an_error_may_carry_check_values);
	tcase_add_test(t, unknown_types_and_long_frames_are_refused);
	tcase_add_test(t, evbuffer_gives_frames_only_when_complete);
	tcase_add_test(t, blocking_ends_are_bounded_in_time);
	tcase_add_test(t, addresses_are_split_and_listened_on);
	tcase_add_test(t, no_frame_is_longer_than_its_row);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
