/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "formats.h"
#include "spool.h"
#include "temp.h"

/* The operation terminal's spool by itself: what is found again after a kill, and after damage (R1.5). */
static char dir[128];

static void set_up(void)
{
	temp_dir(dir);
}

static void tear_down(void)
{
	temp_remove(dir);
}

static void packet(const char *serial, uint64_t counter, struct buf *ret)
{
	static const uint8_t sealed[256] = { 7 }, mac[16] = { 8 }, cert[] = { 0x51 };
	struct tk_packet p = {
		.suite = FORMAT_SUITE_AES,
		.version = FORMAT_VERSION,
		.handshake = FORMAT_HANDSHAKE_V2,
		.oaep_hash = FORMAT_HASH_SHA256,
		.pos_serial = view_of_string(serial),
		.cert_serial = VIEW(cert, sizeof(cert)),
		.counter = counter,
		.tek = { .role = FORMAT_ROLE_TEK, .type = FORMAT_KEY_AES, .length = 32 },
		.auk = { .role = FORMAT_ROLE_AUK, .type = FORMAT_KEY_AES, .length = 32 },
		.ctek = VIEW(sealed, sizeof(sealed)),
		.cauk = VIEW(sealed, sizeof(sealed)),
		.mac = VIEW(mac, sizeof(mac)),
	};
	tk_packet_put(ret, &p);
	ck_assert(buf_ok(ret));
}

static struct spool *opened(const char *order)
{
	struct spool *s = NULL;
	struct fail f = { 0 };
	ck_assert_msg(spool_open(dir, order, &s, &f) == ERR_OK, "%s", f.text);
	return s;
}

static void put(struct spool *s, const char *serial, uint64_t counter)
{
	struct fail f = { 0 };
	BUF_AUTO b = { 0 };
	packet(serial, counter, &b);
	ck_assert_msg(spool_put(s, view_of_string(serial), counter, 1800000000, buf_view(&b), &f) == ERR_OK, "%s",
		      f.text);
}

static uint64_t found(struct spool *s, const char *serial, bool *ret_open)
{
	uint64_t counter = 0;
	return spool_find(s, view_of_string(serial), &counter, ret_open) ? counter : 0;
}

static bool next(struct spool *s, struct spool_batch *b)
{
	enum err e = ERR_OK;
	struct fail f = { 0 };
	bool there = spool_next_batch(s, b, &e, &f);
	ck_assert_msg(e == ERR_OK, "%s", f.text);
	return there;
}

START_TEST(packets_are_found_again_after_reopening) /* R1.5 */
{
	bool open = false;
	struct spool *s = opened("R");
	put(s, "SN-1", 1);
	put(s, "SN/../2", 5);
	put(s, "SN-1", 2); /* made again before the batch was closed */
	ck_assert_uint_eq(spool_open_count(s), 2);
	spool_free(s);
	s = opened("R");
	ck_assert_uint_eq(spool_open_count(s), 2);
	ck_assert_uint_eq(found(s, "SN-1", &open), 2);
	ck_assert(open);
	ck_assert_uint_eq(found(s, "SN/../2", &open), 5);
	ck_assert_uint_eq(found(s, "SN-3", &open), 0);
	spool_free(s);
}
END_TEST

START_TEST(closed_batch_keeps_name_and_content_until_acknowledged) /* R1.5 */
{
	struct spool_batch b, again;
	struct fail f = { 0 };
	bool open = true;
	struct spool *s = opened("B");
	put(s, "SN-1", 1);
	put(s, "SN-2", 1);
	ck_assert(!next(s, &b));
	ck_assert_int_eq(spool_close_batch(s, &f), ERR_OK);
	ck_assert(next(s, &b));
	ck_assert_uint_eq(b.terminals, 2);
	ck_assert_uint_eq(b.cms.len, 0);
	put(s, "SN-3", 1); /* comes after: not in this batch */
	spool_free(s);
	s = opened("B");
	ck_assert_uint_eq(spool_open_count(s), 3);
	ck_assert(next(s, &again));
	ck_assert_str_eq(again.id, b.id);
	ck_assert(view_equal(buf_view(&again.content), buf_view(&b.content)));
	buf_put(&again.cms, "signed", 6);
	ck_assert_int_eq(spool_keep_cms(s, &again, &f), ERR_OK);
	spool_batch_done(&b);
	ck_assert(next(s, &b));
	ck_assert(view_equal(buf_view(&b.cms), VIEW_STR("signed")));
	ck_assert_int_eq(spool_acknowledge(s, &b, VIEW_STR("{}"), &f), ERR_OK);
	ck_assert_uint_eq(spool_open_count(s), 1);
	ck_assert_uint_eq(found(s, "SN-2", &open), 1);
	ck_assert(!open);
	spool_batch_done(&b);
	spool_batch_done(&again);
	ck_assert(!next(s, &b));
	spool_free(s);
}
END_TEST

static void count_open(void *arg, struct view serial, uint64_t counter)
{
	size_t *n = arg;
	ck_assert(serial.n == 4 && counter > 0);
	++*n;
}

START_TEST(full_batch_is_closed_before_the_next_serial_number) /* R1.5 */
{
	struct spool_batch b = { 0 };
	struct fail f = { 0 };
	size_t open = 0, batches = 0, terminals = 0;
	struct spool *s = opened("F");
	spool_batch_max(s, 2);
	put(s, "SN-1", 1);
	put(s, "SN-2", 1);
	put(s, "SN-2", 2); /* the same serial number needs no room */
	put(s, "SN-3", 1);
	spool_free(s);
	s = opened("F"); /* as after a kill */
	spool_batch_max(s, 2);
	put(s, "SN-4", 1);
	put(s, "SN-5", 1);
	spool_each(s, count_open, &open);
	ck_assert_uint_eq(open, 5);
	ck_assert_int_eq(spool_close_batch(s, &f), ERR_OK);
	size_t sizes[3] = { 0 };
	while (next(s, &b)) {
		ck_assert_uint_lt(batches, 3);
		sizes[batches++] = b.terminals;
		terminals += b.terminals;
		ck_assert_int_eq(spool_acknowledge(s, &b, VIEW_STR("{}"), &f), ERR_OK);
		spool_batch_done(&b);
	}
	ck_assert_uint_eq(batches, 3);
	ck_assert_uint_eq(terminals, 5);
	for (size_t i = 0; i < 3; i++) /* names of batches are random: any order */
		ck_assert(sizes[i] == 1 || sizes[i] == 2);
	open = 0;
	spool_each(s, count_open, &open);
	ck_assert_uint_eq(open, 0);
	spool_free(s);
}
END_TEST

START_TEST(closing_nothing_makes_no_batch)
{
	struct spool_batch b;
	struct fail f = { 0 };
	struct spool *s = opened("N");
	ck_assert_int_eq(spool_close_batch(s, &f), ERR_OK);
	ck_assert(!next(s, &b));
	spool_free(s);
}
END_TEST

START_TEST(second_process_is_refused)
{
	struct spool *s = opened("L"), *other = NULL;
	struct fail f = { 0 };
	ck_assert_int_eq(spool_open(dir, "L", &other, &f), ERR_BUSY);
	ck_assert_ptr_null(other);
	spool_free(s);
	spool_free(opened("L"));
}
END_TEST

static const char *const bad_orders[] = {
	"",    ".",   "..",       ".hidden",
	"a/b", "a b", "\xc3\xa9", "a23456789012345678901234567890123456789012345678901234567890123456789"
};

START_TEST(order_that_is_no_name_is_refused)
{
	struct spool *s = NULL;
	struct fail f = { 0 };
	ck_assert_int_eq(spool_open(dir, bad_orders[_i], &s, &f), ERR_CONFIG);
}
END_TEST

/* Files that are not what was written: named, and nothing goes on as if they were not there. */
static const char *const damage[] = {
	"",
	"{",
	"{\"serial\": \"SN-1\", \"collected\": 1, \"packet\": \"AAAA\"}",
	"{\"serial\": \"SN-1\", \"collected\": 1}",
	"[]",
};

START_TEST(damaged_packet_file_is_named) /* R1.5 */
{
	struct spool *s = opened("D");
	struct fail f = { 0 };
	char path[300];
	put(s, "SN-1", 1);
	spool_free(s);
	s = NULL;
	snprintf(path, sizeof(path), "%s/D/packets/534e2d31.json", dir);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(file_replace(path, 0600, view_of_string(damage[_i]), &f), ERR_OK);
	ck_assert_int_eq(spool_open(dir, "D", &s, &f), ERR_BAD_DATA);
	ck_assert_ptr_nonnull(strstr(f.text, "534e2d31.json"));
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(packet_of_another_serial_number_is_damage) /* R1.5 */
{
	struct spool *s = opened("X");
	struct fail f = { 0 };
	BUF_AUTO text = { 0 };
	char path[300], *p;
	put(s, "SN-1", 1);
	spool_free(s);
	s = NULL;
	snprintf(path, sizeof(path), "%s/X/packets/534e2d31.json", dir);
	ck_assert_int_eq(file_read(path, 65536, &text, &f), ERR_OK);
	buf_put_u8(&text, 0);
	p = strstr((char *)text.p, "SN-1");
	ck_assert_ptr_nonnull(p);
	p[3] = '2';
	ck_assert_int_eq(file_replace(path, 0600, VIEW(text.p, text.len - 1), &f), ERR_OK);
	ck_assert_int_eq(spool_open(dir, "X", &s, &f), ERR_BAD_DATA);
}
END_TEST

START_TEST(unfinished_file_of_a_kill_is_passed_over) /* R1.5 */
{
	struct spool *s = opened("K");
	char path[300];
	FILE *f;
	put(s, "SN-1", 1);
	spool_free(s);
	snprintf(path, sizeof(path), "%s/K/packets/534e2d32.json.new", dir);
	f = fopen(path, "w");
	ck_assert(f != NULL && fputs("{\"serial\"", f) >= 0 && fclose(f) == 0);
	s = opened("K");
	ck_assert_uint_eq(spool_open_count(s), 1);
	spool_free(s);
}
END_TEST

START_TEST(folder_is_private)
{
	struct stat st;
	char path[300];
	spool_free(opened("P"));
	snprintf(path, sizeof(path), "%s/P", dir);
	ck_assert(stat(path, &st) == 0 && (st.st_mode & 077) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spool");
	TCase *c = tcase_create("spool");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, packets_are_found_again_after_reopening);
	tcase_add_test(c, closed_batch_keeps_name_and_content_until_acknowledged);
	tcase_add_test(c, closing_nothing_makes_no_batch);
	tcase_add_test(c, second_process_is_refused);
	tcase_add_loop_test(c, order_that_is_no_name_is_refused, 0, ARRAY_LEN(bad_orders));
	tcase_add_loop_test(c, damaged_packet_file_is_named, 0, ARRAY_LEN(damage));
	tcase_add_test(c, packet_of_another_serial_number_is_damage);
	tcase_add_test(c, unfinished_file_of_a_kill_is_passed_over);
	tcase_add_test(c, full_batch_is_closed_before_the_next_serial_number);
	tcase_add_test(c, folder_is_private);
	suite_add_tcase(suite, c);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
