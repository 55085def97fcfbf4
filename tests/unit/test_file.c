/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "now.h"
#include "temp.h"

static char dir[128], path[192];
static struct fail f;

static void setup(void)
{
	f = (struct fail){ 0 };
	temp_dir(dir);
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void teardown(void)
{
	temp_remove(dir);
}

/* How many files the folder has: nothing half-done stays. */
static int files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void holds(const char *text)
{
	BUF_AUTO all = { 0 };

	ck_assert_int_eq(file_read(path, strlen(text), &all, &f), ERR_OK);
	ck_assert(view_equal(buf_view(&all), view_of_string(text)));
}

START_TEST(a_file_is_made_once_and_replaced_whole)
{
	struct stat st;

	umask(077);
	ck_assert_int_eq(file_absent(path, &f), ERR_OK);
	ck_assert_int_eq(file_create(path, 0644, VIEW_STR("one"), &f), ERR_OK);
	holds("one");
	ck_assert(!stat(path, &st) && (st.st_mode & 07777) == 0644);
	ck_assert_int_eq(file_absent(path, &f), ERR_USAGE);
	ck_assert_int_eq(file_create(path, 0600, VIEW_STR("two"), &f), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(f.text, path));
	holds("one");
	ck_assert_int_eq(file_replace(path, 0600, VIEW_STR(""), &f), ERR_OK);
	holds("");
	ck_assert(!stat(path, &st) && (st.st_mode & 07777) == 0600);
	ck_assert_int_eq(files(), 1);
}
END_TEST

START_TEST(a_file_that_cannot_have_its_name_leaves_nothing)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(file_replace(path, 0600, VIEW_STR("one"), &f), ERR_IO);
	ck_assert_int_eq(file_create(path, 0600, VIEW_STR("one"), &f), ERR_USAGE);
	ck_assert_int_eq(files(), 1);
	strcat(path, "/none/file");
	ck_assert_int_eq(file_create(path, 0600, VIEW_STR("one"), &f), ERR_NOT_FOUND);
}
END_TEST

START_TEST(no_more_is_read_than_was_allowed)
{
	BUF_AUTO all = { 0 };
	SECRET_AUTO secret = { 0 };

	ck_assert_int_eq(file_read(path, 8, &all, &f), ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(f.text, path));
	ck_assert_int_eq(file_replace(path, 0600, VIEW_STR("123456789"), &f), ERR_OK);
	f = (struct fail){ 0 };
	ck_assert_int_eq(file_read(path, 8, &all, &f), ERR_TOO_LARGE);
	ck_assert_ptr_nonnull(strstr(f.text, path));
	ck_assert_int_eq(file_read(dir, 8, &all, &f), ERR_IO);
	ck_assert_int_eq(file_secret_line("key ", path, 8, &secret, &f), ERR_CONFIG);
	ck_assert_int_eq(secret.len, 0);
	ck_assert_int_eq(file_secret_line("key ", path, 9, &secret, &f), ERR_OK);
	ck_assert_int_eq(secret.len, 9);
}
END_TEST

START_TEST(a_secret_is_the_first_line_of_a_file_that_is_ours_alone)
{
	static const unsigned bad[] = { 0640, 0604, 0666, 0610 };
	SECRET_AUTO secret = { 0 };
	int fd = -1;

	ck_assert_int_eq(file_secret_line("key ", path, 64, &secret, &f), ERR_CONFIG);
	ck_assert_int_eq(file_replace(path, 0600, VIEW_STR("first\nsecond\n"), &f), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(chmod(path, bad[i]), 0);
		f = (struct fail){ 0 };
		ck_assert_int_eq(file_secret_line("key ", path, 64, &secret, &f), ERR_CONFIG);
		ck_assert_ptr_nonnull(strstr(f.text, "0600"));
	}
	ck_assert_int_eq(file_secret_line("key ", dir, 64, &secret, &f), ERR_CONFIG);
	ck_assert_int_eq(chmod(path, 0400), 0);
	ck_assert_int_eq(file_secret_line("key ", path, 64, &secret, &f), ERR_OK);
	ck_assert(view_equal(secret_view(&secret), VIEW_STR("first")));
	secret_done(&secret);
	ck_assert_int_eq(file_replace(path, 0600, VIEW_STR("\nsecond\n"), &f), ERR_OK);
	ck_assert_int_eq(file_secret_line("key ", path, 64, &secret, &f), ERR_CONFIG);
	/* A pipe only where one is asked for: /dev/null is neither. */
	ck_assert_int_eq(file_secret_open("", "/dev/null", true, &fd, &f), ERR_CONFIG);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(times_are_read_as_people_write_them)
{
	static const struct {
		const char *text;
		int64_t at;
	} good[] = { { "1970-01-02", 86400 },
		     { "2026-11-20", 1795132800 },
		     { "2026-11-20T15:04:05", 1795187045 },
		     { "2026-11-20T15:04:05Z", 1795187045 } };
	static const char *const bad[] = { "",
					   "yesterday",
					   "2026",
					   "2026-11",
					   "2026-11-20Z",
					   "2026-11-20T15:04",
					   "2026-11-20 ",
					   "2026-11-20T15:04:05ZZ",
					   "2026-13-01",
					   "7d" };
	char text[TIME_TEXT];
	int64_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_assert_msg(time_read(good[i].text, &at) && at == good[i].at, "%s: %lld", good[i].text,
			      (long long)at);
		ck_assert(time_read_or(good[i].text, &at) && at == good[i].at);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!time_read(bad[i], &at), "%s", bad[i]);
	ck_assert(time_read_or("2026", &at) && at == 2026);
	ck_assert(time_read_or("7d", &at) && llabs((long long)at - ((long long)time(NULL) - 7 * 86400)) < 60);
	ck_assert(!time_read_or("d", &at) && !time_read_or("-1", &at) && !time_read_or("7days", &at) &&
		  !time_read_or("99999999999999999999", &at) && !time_read_or("100001d", &at));
	ck_assert_str_eq(time_text(1795187045, text), "2026-11-20T15:04:05Z");
	ck_assert_str_eq(time_text_ms(1795187045007, text), "2026-11-20T15:04:05.007Z");
	ck_assert_str_eq(time_text(INT64_MAX, text), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *c = tcase_create("file");
	SRunner *runner = srunner_create(suite);
	int bad;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_file_is_made_once_and_replaced_whole);
	tcase_add_test(c, a_file_that_cannot_have_its_name_leaves_nothing);
	tcase_add_test(c, no_more_is_read_than_was_allowed);
	tcase_add_test(c, a_secret_is_the_first_line_of_a_file_that_is_ours_alone);
	tcase_add_test(c, times_are_read_as_people_write_them);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad != 0;
}
