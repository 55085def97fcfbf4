/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keyfile_stream.h"
#include "sha256.h"

static const struct keyfile_head head = { "ACME", "dc1", "dc1-ACME-1" };

static void make(const struct keyfile_head *h, const struct view *records, size_t count, struct buf *out)
{
	struct fail f = { 0 };

	ck_assert_msg(keyfile_write(h, records, count, out, &f) == ERR_OK, "%s", f.text);
}

static void two_records(const struct keyfile_head *h, struct buf *out)
{
	struct view records[2] = { VIEW_STR("first"), VIEW_STR("second record") };

	make(h, records, 2, out);
}

/* The stream must say of every text what keyfile_read says, and give the same. */
static enum err stream_it(struct view text, const struct keyfile *k)
{
	struct keyfile_stream *s = NULL;
	struct keyfile_sums sums = { 0 };
	struct view record;
	struct fail f = { 0 };
	bool more = true;
	size_t n = 0;
	char hex[65];
	int fd = memfd_create("keyfile", MFD_CLOEXEC);
	enum err e;

	ck_assert(fd >= 0 && (!text.n || write(fd, text.p, text.n) == (ssize_t)text.n));
	e = keyfile_open(fd, 1 << 20, &s, &f);
	while (!e && more) {
		e = keyfile_next(s, &record, &more, &f);
		if (!e && more && k) {
			ck_assert_uint_lt(n, k->count);
			ck_assert(view_equal(record, k->records[n++]));
		}
	}
	if (!e)
		e = keyfile_end(s, &sums, &f);
	if (!e) {
		ck_assert(sha256_hex(text, hex));
		ck_assert_str_eq(sums.sha256, hex);
		ck_assert_uint_eq(sums.size, text.n);
		ck_assert_ptr_nonnull(k);
		ck_assert_str_eq(sums.records_sha256, k->records_sha256);
		ck_assert_uint_eq(keyfile_count(s), k->count);
		ck_assert_mem_eq(keyfile_head(s), &k->head, sizeof(k->head));
	}
	keyfile_close(s);
	close(fd);
	return e;
}

static enum err read_it(struct view text, struct keyfile *ret)
{
	struct fail f = { 0 };
	enum err e = keyfile_read(text, ret, &f);

	ck_assert_int_eq(stream_it(text, e ? NULL : ret), e);
	return e;
}

START_TEST(written_file_reads_back) /* R2.2 */
{
	BUF_AUTO text = { 0 };
	struct keyfile k = { 0 };

	two_records(&head, &text);
	ck_assert_int_eq(read_it(buf_view(&text), &k), ERR_OK);
	ck_assert_str_eq(k.head.kms, "ACME");
	ck_assert_str_eq(k.head.dc, "dc1");
	ck_assert_str_eq(k.head.name, "dc1-ACME-1");
	ck_assert_uint_eq(k.count, 2);
	ck_assert(view_equal(k.records[0], VIEW_STR("first")));
	ck_assert(view_equal(k.records[1], VIEW_STR("second record")));
	keyfile_done(&k);
}
END_TEST

START_TEST(same_records_under_another_name_have_the_same_digest) /* R2.2 */
{
	struct keyfile_head other = { "ACME", "dc2", "another" };
	BUF_AUTO a = { 0 };
	BUF_AUTO b = { 0 };
	BUF_AUTO c = { 0 };
	struct view record = VIEW_STR("first");
	struct keyfile ka = { 0 }, kb = { 0 }, kc = { 0 };

	two_records(&head, &a);
	two_records(&other, &b);
	make(&head, &record, 1, &c);
	ck_assert_int_eq(read_it(buf_view(&a), &ka), ERR_OK);
	ck_assert_int_eq(read_it(buf_view(&b), &kb), ERR_OK);
	ck_assert_int_eq(read_it(buf_view(&c), &kc), ERR_OK);
	ck_assert_str_eq(ka.records_sha256, kb.records_sha256);
	ck_assert_str_ne(ka.records_sha256, kc.records_sha256);
	keyfile_done(&ka);
	keyfile_done(&kb);
	keyfile_done(&kc);
}
END_TEST

START_TEST(every_altered_byte_is_seen) /* R2.2 */
{
	BUF_AUTO text = { 0 };
	struct keyfile k = { 0 };

	two_records(&head, &text);
	for (size_t i = 0; i < text.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			text.p[i] ^= (uint8_t)(1U << bit);
			ck_assert_msg(read_it(buf_view(&text), &k) == ERR_BAD_DATA, "byte %zu bit %u", i, bit);
			text.p[i] ^= (uint8_t)(1U << bit);
		}
	}
	ck_assert_ptr_null(k.records);
}
END_TEST

START_TEST(every_truncation_and_anything_behind_is_seen) /* R2.2 */
{
	BUF_AUTO text = { 0 };
	struct keyfile k = { 0 };

	two_records(&head, &text);
	for (size_t n = 0; n < text.len; n++)
		ck_assert_msg(read_it(VIEW(text.p, n), &k) == ERR_BAD_DATA, "%zu bytes", n);
	buf_put_u8(&text, '\n');
	ck_assert_int_eq(read_it(buf_view(&text), &k), ERR_BAD_DATA);
	ck_assert_int_eq(read_it(VIEW(NULL, 0), &k), ERR_BAD_DATA);
}
END_TEST

/* A file whose digest is right, so that only the head or the lines can be at fault. */
static enum err with_digest(const char *before, struct keyfile *ret)
{
	BUF_AUTO text = { 0 };
	char hex[65];

	ck_assert(sha256_hex(view_of_string(before), hex));
	buf_printf(&text, "%s{\"sha256\":\"%s\"}\n", before, hex);
	ck_assert(buf_ok(&text));
	return read_it(buf_view(&text), ret);
}

#define HEAD(kms, name, count)                                                                                         \
	"{\"format\":\"strongroom key file\",\"version\":1,\"kms\":\"" kms "\",\"dc\":\"d\",\"name\":\"" name          \
	"\",\"count\":" count "}\n"

START_TEST(line_that_is_not_base64_is_one_bad_record_and_not_a_bad_file) /* R2.6 */
{
	struct keyfile k = { 0 };

	ck_assert_int_eq(with_digest(HEAD("A", "n", "3") "AAAA\n***\nAAAB\n", &k), ERR_OK);
	ck_assert_uint_eq(k.count, 3);
	ck_assert(view_equal(k.records[0], VIEW_STR("\0\0\0")));
	ck_assert_uint_eq(k.records[1].n, 0);
	ck_assert(view_equal(k.records[2], VIEW_STR("\0\0\1")));
	keyfile_done(&k);
}
END_TEST

START_TEST(wrong_heads_and_counts_are_refused)
{
	static const char *const bad[] = {
		HEAD("A", "n", "2") "AAAA\n",
		HEAD("A", "n", "1") "AAAA\nAAAA\n",
		HEAD("A", "n", "0"),
		HEAD("A", "n", "-1") "AAAA\n",
		HEAD("A", "n", "100001") "AAAA\n",
		HEAD("A", "n", "99999999999999999999") "AAAA\n",
		HEAD("", "n", "1") "AAAA\n",
		HEAD("A B", "n", "1") "AAAA\n",
		HEAD("A", "", "1") "AAAA\n",
		HEAD("A", "../n", "1") "AAAA\n",
		HEAD("A", ".n", "1") "AAAA\n",
		"{\"format\":\"x\",\"version\":1,\"kms\":\"A\",\"dc\":\"d\",\"name\":\"n\",\"count\":1}\nAAAA\n",
		("{\"format\":\"strongroom key "
		 "file\",\"version\":2,\"kms\":\"A\",\"dc\":\"d\",\"name\":\"n\",\"count\":1}\nAAAA\n"),
		"{\"format\":\"strongroom key file\",\"version\":1,\"kms\":\"A\",\"dc\":\"d\",\"name\":\"n\"}\nAAAA\n",
		"[]\nAAAA\n",
		"\nAAAA\n",
	};
	struct keyfile k = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(with_digest(bad[i], &k) == ERR_BAD_DATA, "%s", bad[i]);
	ck_assert_int_eq(with_digest(HEAD("A", "n", "1") "AAAA\n", &k), ERR_OK);
	keyfile_done(&k);
}
END_TEST

/* Lines of every length around the chunks in which a file is read, and longer than any record. */
START_TEST(stream_reads_across_its_chunks_and_over_long_lines) /* R2.4 */
{
	static const size_t lengths[] = {
		0, 1, 300, 512, KEYFILE_RECORD_MAX, KEYFILE_RECORD_MAX + 1, 3072, 3073, 200000
	};
	enum { N = 900 };
	static uint8_t bytes[200000];
	struct keyfile_stream *s = NULL;
	struct keyfile_sums sums;
	struct view records[N], got;
	BUF_AUTO text = { 0 };
	struct fail f = { 0 };
	bool more = true;
	int fd = memfd_create("keyfile", MFD_CLOEXEC);

	memset(bytes, 0x5a, sizeof(bytes));
	for (size_t i = 0; i < N; i++)
		records[i] = VIEW(bytes, i % 100 ? 100 + i : lengths[i / 100]);
	make(&head, records, N, &text);
	ck_assert(fd >= 0 && write(fd, text.p, text.len) == (ssize_t)text.len);
	ck_assert_int_eq(keyfile_open(fd, text.len, &s, &f), ERR_OK);
	for (size_t i = 0; i < N; i++) {
		ck_assert_int_eq(keyfile_next(s, &got, &more, &f), ERR_OK);
		ck_assert(more);
		ck_assert(view_equal(got, records[i].n <= KEYFILE_RECORD_MAX ? records[i] : VIEW("", 0)));
	}
	ck_assert_int_eq(keyfile_next(s, &got, &more, &f), ERR_OK);
	ck_assert(!more);
	ck_assert_int_eq(keyfile_end(s, &sums, &f), ERR_OK);
	ck_assert_uint_eq(sums.size, text.len);
	keyfile_close(s);
	/* one byte more than allowed */
	f = (struct fail){ 0 };
	s = NULL;
	more = true;
	enum err e = keyfile_open(fd, text.len - 1, &s, &f);
	while (!e && more)
		e = keyfile_next(s, &got, &more, &f);
	if (!e)
		e = keyfile_end(s, &sums, &f);
	ck_assert_int_eq(e, ERR_TOO_LARGE);
	keyfile_close(s);
	close(fd);
}
END_TEST

START_TEST(head_out_of_bounds_is_not_written)
{
	struct keyfile_head bad_name = { "A", "d", "a/b" }, bad_kms = { "", "d", "n" };
	struct view record = VIEW_STR("x");
	BUF_AUTO out = { 0 };
	struct fail f = { 0 };

	ck_assert_int_eq(keyfile_write(&bad_name, &record, 1, &out, &f), ERR_USAGE);
	ck_assert_int_eq(keyfile_write(&bad_kms, &record, 1, &out, &f), ERR_USAGE);
	ck_assert_int_eq(keyfile_write(&head, &record, 0, &out, &f), ERR_USAGE);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keyfile");
	TCase *c = tcase_create("keyfile");

	tcase_add_test(c, written_file_reads_back);
	tcase_add_test(c, same_records_under_another_name_have_the_same_digest);
	tcase_add_test(c, every_altered_byte_is_seen);
	tcase_add_test(c, every_truncation_and_anything_behind_is_seen);
	tcase_add_test(c, line_that_is_not_base64_is_one_bad_record_and_not_a_bad_file);
	tcase_add_test(c, wrong_heads_and_counts_are_refused);
	tcase_add_test(c, stream_reads_across_its_chunks_and_over_long_lines);
	tcase_add_test(c, head_out_of_bounds_is_not_written);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
