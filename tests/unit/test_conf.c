/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "temp.h"

static const struct conf_key keys[] = {
	{ "", "token_dir", "/var/lib/tokens", "where tokens live" },
	{ "", "log", NULL, "log file" },
	{ "http", "port", CONF_REQUIRED, "port" },
	{ "http", "uri", NULL, "a long one" },
	{ "customer *", "pk", CONF_REQUIRED, "key of a customer" },
	{ "customer *", "suite", "2", "suite of a customer" },
};

static char dir[128], file[192];

static void setup(void)
{
	temp_dir(dir);
	snprintf(file, sizeof(file), "%s/test.conf", dir);
}

static void teardown(void)
{
	temp_remove(dir);
}

static struct conf *load_ok(const char *text, size_t n)
{
	struct conf *c = NULL;
	char error[256] = "";
	FILE *f = fopen(file, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_msg(conf_load(file, keys, ARRAY_LEN(keys), &c, error), "%s", error);
	return c;
}

static void load_fails(const char *text, size_t n, const char *expected)
{
	struct conf *c = NULL;
	char error[256] = "";
	FILE *f = fopen(file, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert(!conf_load(file, keys, ARRAY_LEN(keys), &c, error));
	ck_assert_ptr_null(c);
	ck_assert_msg(strstr(error, expected) != NULL, "\"%s\" is not in \"%s\"", expected, error);
}
#define LOAD_OK(text) load_ok(text, sizeof(text) - 1)
#define LOAD_FAILS(text, expected) load_fails(text, sizeof(text) - 1, expected)

START_TEST(values_and_fallbacks)
{
	struct conf *c = LOAD_OK("# comment\nlog = a b ; c\n\n[http]\nport=80\r\n");

	ck_assert_str_eq(conf_get(c, "", "token_dir"), "/var/lib/tokens");
	ck_assert_str_eq(conf_get(c, "", "log"), "a b");
	ck_assert_str_eq(conf_get(c, "http", "port"), "80");
	ck_assert_ptr_null(conf_get(c, "http", "uri"));
	conf_free(c);
}
END_TEST

START_TEST(long_value_is_whole)
{
	char text[2048] = "[http]\nport = 1\nuri = ";
	char uri[1500];

	for (size_t i = 0; i < sizeof(uri) - 1; i++)
		uri[i] = i % 7 == 3 ? ' ' : i % 11 == 5 ? ';' : (char)('a' + i % 26);
	/* A blank before ';' would begin a comment. */
	for (size_t i = 1; i < sizeof(uri) - 1; i++) {
		if (uri[i] == ';' && uri[i - 1] == ' ')
			uri[i] = 'x';
	}
	uri[sizeof(uri) - 1] = 0;
	strcat(text, uri);
	strcat(text, "\n");
	struct conf *c = load_ok(text, strlen(text));
	ck_assert_str_eq(conf_get(c, "http", "uri"), uri);
	ck_assert_str_eq(conf_get(c, "http", "port"), "1");
	conf_free(c);
}
END_TEST

/* Wherever it is cut: a piece that began with such a letter would be a comment. */
START_TEST(long_value_with_number_signs_is_whole)
{
	for (size_t lead = 1; lead < 8; lead++) {
		char text[1024] = "[http]\nport = 1\nuri = ", uri[600] = { 0 };

		memset(uri, 'a', lead);
		for (size_t i = lead; i < sizeof(uri) - 1; i++)
			uri[i] = "a###a##;"[i % 8];
		strcat(text, uri);
		struct conf *c = load_ok(text, strlen(text));
		ck_assert_str_eq(conf_get(c, "http", "uri"), uri);
		conf_free(c);
	}
}
END_TEST

START_TEST(long_comment_is_a_comment)
{
	char text[1024] = "[http]\nport = 1\n# ";

	memset(text + strlen(text), 'y', 500);
	strcat(text, "\nuri = 5\n");
	struct conf *c = load_ok(text, strlen(text));
	ck_assert_str_eq(conf_get(c, "http", "uri"), "5");
	conf_free(c);
}
END_TEST

START_TEST(lines_of_other_systems_are_lines)
{
	struct conf *c = LOAD_OK("[http] # c\r\nport =\t1\r\n# comment\r\n\r\nuri = 5\r");

	ck_assert_str_eq(conf_get(c, "http", "port"), "1");
	ck_assert_str_eq(conf_get(c, "http", "uri"), "5");
	conf_free(c);
}
END_TEST

START_TEST(long_comment_behind_a_value_is_no_part_of_it)
{
	char text[1024] = "[http]\nport = 1 ; ";

	memset(text + strlen(text), 'y', 500);
	strcat(text, "\nuri = 5;6 ; 7\n");
	struct conf *c = load_ok(text, strlen(text));
	ck_assert_str_eq(conf_get(c, "http", "port"), "1");
	ck_assert_str_eq(conf_get(c, "http", "uri"), "5;6");
	conf_free(c);
}
END_TEST

START_TEST(errors_name_file_line_and_key)
{
	LOAD_FAILS("[http]\nport = 1\nprot = 2\n", "test.conf:3: unknown key prot");
	LOAD_FAILS("port = 1\n", "test.conf:1: unknown key port");
	LOAD_FAILS("[http]\nport = 1\nport = 1\n", "test.conf:3: repeated key port");
	LOAD_FAILS("[http]\n\nport\n", "test.conf:3: malformed line");
	LOAD_FAILS("[http\nport = 1\n", "test.conf:1: malformed line");
	LOAD_FAILS("[http] port = 1\n", "test.conf:1: malformed line");
	LOAD_FAILS("[http]\nport = 1\n two\n", "test.conf:3: line begins with a blank");
	LOAD_FAILS("[http]\nport = 1\0 2\n", "test.conf:2: zero byte");
	LOAD_FAILS("[http]\nport = 1\rlog = 2\n", "test.conf:2: control character");
	LOAD_FAILS("[http]\nport = 1\x1b[2J\n", "test.conf:2: control character");
	LOAD_FAILS("[http]\nport = 1 # \x7f\n", "test.conf:2: control character");
	char text[400] = "[http]\nport = 1\n[customer ";
	memset(text + strlen(text), 'x', 300);
	strcat(text, "]\npk = 1\n");
	load_fails(text, strlen(text), "test.conf:3: line too long");
	LOAD_FAILS("log = x\n", "key http.port is missing");
}
END_TEST

START_TEST(a_value_of_the_command_line_stands_above_the_file)
{
	static const struct conf_over port = { "http", "port", "99" }, none = { "http", "port", NULL },
				      unknown = { "", "database", "x" };
	struct conf *c = NULL;
	char error[256] = "";

	conf_free(load_ok("[http]\nport = 1\n", 16));
	ck_assert_msg(conf_load_over(file, keys, ARRAY_LEN(keys), &port, &c, error), "%s", error);
	ck_assert_str_eq(conf_get(c, "http", "port"), "99");
	conf_free(c);
	ck_assert(conf_load_over(file, keys, ARRAY_LEN(keys), &none, &c, error));
	ck_assert_str_eq(conf_get(c, "http", "port"), "1");
	conf_free(c);
	/* also where the file has none */
	ck_assert_msg(conf_load_over(NULL, keys, ARRAY_LEN(keys), &port, &c, error), "%s", error);
	ck_assert_str_eq(conf_get(c, "http", "port"), "99");
	conf_free(c);
	ck_assert(!conf_load_over(file, keys, ARRAY_LEN(keys), &unknown, &c, error));
	ck_assert_str_eq(error, "this program has no key database");
}
END_TEST

START_TEST(missing_file_is_an_error)
{
	struct conf *c = NULL;
	char error[256] = "";

	ck_assert(!conf_load(file, keys, ARRAY_LEN(keys), &c, error));
	ck_assert_msg(strstr(error, "test.conf: No such file") != NULL, "%s", error);
}
END_TEST

START_TEST(no_file_gives_fallbacks)
{
	struct conf *c = NULL;
	char error[256] = "";

	ck_assert(conf_load(NULL, keys, 2, &c, error));
	ck_assert_str_eq(conf_get(c, "", "token_dir"), "/var/lib/tokens");
	conf_free(c);
}
END_TEST

START_TEST(families_have_members_of_their_own)
{
	struct conf *c = LOAD_OK("[http]\nport = 1\n[customer ACME]\npk = a\n[customer BANK]\npk = b\nsuite = 1\n");

	ck_assert_str_eq(conf_member(c, "customer *", 0), "ACME");
	ck_assert_str_eq(conf_member(c, "customer *", 1), "BANK");
	ck_assert_ptr_null(conf_member(c, "customer *", 2));
	ck_assert_str_eq(conf_get(c, "customer ACME", "pk"), "a");
	ck_assert_str_eq(conf_get(c, "customer ACME", "suite"), "2");
	ck_assert_str_eq(conf_get(c, "customer BANK", "suite"), "1");
	ck_assert_ptr_null(conf_get(c, "customer NONE", "pk"));
	conf_free(c);
}
END_TEST

START_TEST(errors_in_a_family_name_its_member)
{
	LOAD_FAILS("[http]\nport = 1\n[customer ACME]\nsuite = 1\n", "customer ACME.pk is missing");
	LOAD_FAILS("[http]\nport = 1\n[customer ACME]\npk = a\npk = b\n", "repeated key pk");
	LOAD_FAILS("[http]\nport = 1\n[customer ACME]\nother = a\n", "unknown key other");
	LOAD_FAILS("[http]\nport = 1\n[customer]\npk = a\n", "unknown key pk");
	LOAD_FAILS("[http]\nport = 1\n[customer ]\npk = a\n", "unknown key pk");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf");
	TCase *c = tcase_create("conf");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, values_and_fallbacks);
	tcase_add_test(c, long_value_is_whole);
	tcase_add_test(c, long_comment_is_a_comment);
	tcase_add_test(c, errors_name_file_line_and_key);
	tcase_add_test(c, long_value_with_number_signs_is_whole);
	tcase_add_test(c, long_comment_behind_a_value_is_no_part_of_it);
	tcase_add_test(c, lines_of_other_systems_are_lines);
	tcase_add_test(c, missing_file_is_an_error);
	tcase_add_test(c, a_value_of_the_command_line_stands_above_the_file);
	tcase_add_test(c, no_file_gives_fallbacks);
	tcase_add_test(c, families_have_members_of_their_own);
	tcase_add_test(c, errors_in_a_family_name_its_member);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
