/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "temp.h"

static char dir[128];
static char written[8192];

static void setup(void)
{
	temp_dir(dir);
}

static void teardown(void)
{
	temp_remove(dir);
}

static int open_log(void)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/log", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static const char *read_log(int fd)
{
	ssize_t n = pread(fd, written, sizeof(written) - 1, 0);

	ck_assert_int_ge(n, 0);
	written[n] = 0;
	return written;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

START_TEST(line_has_time_level_program_topic)
{
	int fd = open_log();

	log_open("kmsd", fd, LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_WARN, "import", "record %d of %s", 7, "A1");
	ck_assert_msg(matches(read_log(fd), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z warn kmsd import: "
					    "record 7 of A1\n$"),
		      "%s", written);
	close(fd);
}
END_TEST

START_TEST(level_and_closed_log_are_silent)
{
	int fd = open_log();

	log_open("kmsd", fd, LOG_LEVEL_WARN);
	log_line(LOG_LEVEL_INFO, "a", "not wanted");
	log_open("kmsd", -1, LOG_LEVEL_DEBUG);
	log_line(LOG_LEVEL_ERROR, "a", "nowhere");
	ck_assert_str_eq(read_log(fd), "");
	close(fd);
}
END_TEST

/* A peer's text cannot make a second line or hide one. */
START_TEST(control_characters_are_escaped)
{
	int fd = open_log();

	log_open("kmsd", fd, LOG_LEVEL_INFO);
	errno = 77;
	log_line(LOG_LEVEL_INFO, "a", "x\ny\033[2J\\z\x7f \xc2\x9b \xe2\x80\xae");
	ck_assert_int_eq(errno, 77);
	ck_assert_msg(strstr(read_log(fd), "a: x\\x0ay\\x1b[2J\\x5cz\\x7f \\xc2\\x9b \\xe2\\x80\\xae\n") != NULL, "%s",
		      written);
	close(fd);
}
END_TEST

START_TEST(long_text_is_one_line)
{
	char text[5000];
	int fd = open_log();

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_open("kmsd", fd, LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_INFO, "a", "%s", text);
	read_log(fd);
	ck_assert_ptr_eq(strchr(written, '\n'), written + strlen(written) - 1);
	ck_assert_uint_le(strlen(written), 2048);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *c = tcase_create("log");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, line_has_time_level_program_topic);
	tcase_add_test(c, level_and_closed_log_are_silent);
	tcase_add_test(c, control_characters_are_escaped);
	tcase_add_test(c, long_text_is_one_line);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
