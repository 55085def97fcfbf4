/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "err.h"

START_TEST(numbers_are_big_endian)
{
	BUF_AUTO b = { 0 };

	buf_put_u8(&b, 0x01);
	buf_put_u16(&b, 0x0203);
	buf_put_u32(&b, 0x04050607);
	buf_put_u64(&b, 0x08090a0b0c0d0e0f);
	ck_assert(buf_ok(&b));
	ck_assert_uint_eq(b.len, 15);
	for (uint8_t i = 0; i < 15; i++)
		ck_assert_uint_eq(b.p[i], i + 1);

	struct reader r = reader_of(buf_view(&b));
	ck_assert_uint_eq(reader_u8(&r), 0x01);
	ck_assert_uint_eq(reader_u16(&r), 0x0203);
	ck_assert_uint_eq(reader_u32(&r), 0x04050607);
	ck_assert_uint_eq(reader_u64(&r), 0x08090a0b0c0d0e0f);
	ck_assert(reader_done(&r));
}
END_TEST

START_TEST(reader_failure_sticks)
{
	static const uint8_t bytes[] = { 0, 2, 'a', 'b', 9 };
	struct reader r = reader_of(VIEW(bytes, sizeof(bytes)));

	struct view v = reader_lv(&r, 1, 2);
	ck_assert(view_equal(v, VIEW_STR("ab")));
	ck_assert(!reader_done(&r));
	ck_assert_uint_eq(reader_u32(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert(!reader_done(&r));
}
END_TEST

START_TEST(reader_refuses_lengths_outside_bounds)
{
	static const uint8_t bytes[] = { 0, 2, 'a', 'b' };
	struct reader r = reader_of(VIEW(bytes, sizeof(bytes)));

	ck_assert_uint_eq(reader_lv(&r, 3, 9).n, 0);
	ck_assert(r.failed);
	r = reader_of(VIEW(bytes, sizeof(bytes)));
	ck_assert_uint_eq(reader_lv(&r, 0, 1).n, 0);
	ck_assert(r.failed);
	r = reader_of(VIEW(bytes, 3));
	ck_assert_uint_eq(reader_lv(&r, 0, 9).n, 0);
	ck_assert(r.failed);
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 1 };
	r = reader_of(VIEW(huge, sizeof(huge)));
	ck_assert_uint_eq(reader_lv32(&r, SIZE_MAX).n, 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(buffer_failure_sticks)
{
	BUF_AUTO b = { 0 };
	uint8_t *big = calloc(1, 65536);

	ck_assert_ptr_nonnull(big);
	buf_put_lv(&b, VIEW(big, 65535));
	ck_assert(buf_ok(&b));
	buf_put_lv(&b, VIEW(big, 65536));
	ck_assert(!buf_ok(&b));
	size_t before = b.len;
	buf_put_u8(&b, 1);
	ck_assert_uint_eq(b.len, before);
	free(big);

	BUF_AUTO limit = { 0 };
	buf_put(&limit, "", BUF_MAX + 1);
	ck_assert(!buf_ok(&limit));
}
END_TEST

START_TEST(hex_goes_both_ways)
{
	BUF_AUTO b = { 0 };
	char hex[9];

	ck_assert(hex_decode("00fFaB10", 8, &b));
	hex_encode(buf_view(&b), hex);
	ck_assert_str_eq(hex, "00ffab10");
	ck_assert(!hex_decode("0", 1, &b));
	ck_assert(!hex_decode("00 1", 4, &b));
	ck_assert(!hex_decode("0g", 2, &b));
	ck_assert_uint_eq(b.len, 4);
}
END_TEST

/* RFC 4648 section 10 */
START_TEST(base64_matches_rfc_4648)
{
	static const char *const rows[][2] = { { "", "" },
					       { "f", "Zg==" },
					       { "fo", "Zm8=" },
					       { "foo", "Zm9v" },
					       { "foob", "Zm9vYg==" },
					       { "fooba", "Zm9vYmE=" },
					       { "foobar", "Zm9vYmFy" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		BUF_AUTO text = { 0 };
		BUF_AUTO back = { 0 };
		base64_encode(view_of_string(rows[i][0]), &text);
		ck_assert(view_equal(buf_view(&text), view_of_string(rows[i][1])));
		ck_assert(base64_decode(rows[i][1], strlen(rows[i][1]), &back));
		ck_assert(view_equal(buf_view(&back), view_of_string(rows[i][0])));
	}
}
END_TEST

START_TEST(base64_decode_is_strict)
{
	static const char *const bad[] = { "Zg=",      "Zg",   "Zh==",   "Zm9=",     "Z===", "====",
					   "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9v=Zg=", "-m9v", "=g==" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		BUF_AUTO out = { 0 };
		ck_assert_msg(!base64_decode(bad[i], strlen(bad[i]), &out), "%s", bad[i]);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

START_TEST(ct_equal_compares_all_bytes)
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };

	ck_assert(ct_equal(a, b, 16));
	for (int i = 0; i < 16; i++) {
		b[i] = 0x80;
		ck_assert(!ct_equal(a, b, 16));
		b[i] = 0;
	}
	ck_assert(ct_equal(a, b, 0));
}
END_TEST

START_TEST(fail_keeps_the_first_fault)
{
	struct fail f = { 0 };

	ck_assert_int_eq(fail_set(&f, ERR_TOKEN, 5, "first %d", 1), ERR_TOKEN);
	ck_assert_int_eq(fail_set(&f, ERR_IO, 6, "second"), ERR_IO);
	ck_assert_int_eq(f.code, ERR_TOKEN);
	ck_assert_uint_eq(f.rv, 5);
	ck_assert_str_eq(f.text, "first 1");
	ck_assert_int_eq(fail_set(NULL, ERR_IO, 0, "x"), ERR_IO);
	ck_assert_str_eq(err_name(ERR_REFUSED), "ERR_REFUSED");
	ck_assert_str_eq(err_text(ERR_REFUSED), "refused");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bytes");
	TCase *c = tcase_create("bytes");

	tcase_add_test(c, numbers_are_big_endian);
	tcase_add_test(c, reader_failure_sticks);
	tcase_add_test(c, reader_refuses_lengths_outside_bounds);
	tcase_add_test(c, buffer_failure_sticks);
	tcase_add_test(c, hex_goes_both_ways);
	tcase_add_test(c, base64_matches_rfc_4648);
	tcase_add_test(c, base64_decode_is_strict);
	tcase_add_test(c, ct_equal_compares_all_bytes);
	tcase_add_test(c, fail_keeps_the_first_fault);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
