/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit.h"
#include "temp.h"

static char dir[128], path[200];
static const char *const steps[] = {
	"CREATE TABLE thing (id @ID, name @TEXT NOT NULL UNIQUE, bytes @BLOB);",
	AUDIT_SCHEMA,
};

static void setup(void)
{
	temp_dir(dir);
	snprintf(path, sizeof(path), "%s/test.db", dir);
}

static void teardown(void)
{
	temp_remove(dir);
}

static struct db *open_db(void)
{
	struct db *d = NULL;
	struct fail f = { 0 };

	ck_assert_msg(db_open(path, steps, ARRAY_LEN(steps), &d, &f) == ERR_OK, "%s", f.text);
	return d;
}

START_TEST(values_come_back_as_they_went_in)
{
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	int64_t n = 0;
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO thing (name, bytes) VALUES (?, ?)", "tb", "one", VIEW_STR("a\0b")), ERR_OK);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT max(id) FROM thing", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (id, name, bytes) VALUES (?, ?, ?)", "ivn", (int64_t)-7,
				VIEW_STR("two")),
			 ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT id, name, bytes FROM thing ORDER BY name", ""), ERR_OK);
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert_str_eq(db_text(s, 1), "one");
	ck_assert(view_equal(db_blob(s, 2), VIEW_STR("a\0b")));
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert_int_eq(db_int(s, 0), -7);
	ck_assert(db_null(s, 2));
	ck_assert_str_eq(db_text(s, 2), "");
	ck_assert(db_next(s, &row, NULL) == ERR_OK && !row);
	db_end(s);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing WHERE name = ?", "t", "one"), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT id FROM thing WHERE name = ?", "t", "none"), ERR_NOT_FOUND);
	db_free(d);
}
END_TEST

START_TEST(same_statement_may_run_twice_at_once)
{
	struct db *d = open_db();
	struct db_stmt *a = NULL, *b = NULL;
	bool row = false;
	const char *sql = "SELECT name FROM thing ORDER BY id";

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x'), ('y')", ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &a, NULL, sql, ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &b, NULL, sql, ""), ERR_OK);
	ck_assert_ptr_ne(a, b);
	ck_assert(db_next(a, &row, NULL) == ERR_OK && row && db_next(b, &row, NULL) == ERR_OK && row);
	ck_assert(db_next(b, &row, NULL) == ERR_OK && row);
	ck_assert_str_eq(db_text(a, 0), "x");
	ck_assert_str_eq(db_text(b, 0), "y");
	db_end(a);
	db_end(b);
	db_free(d);
}
END_TEST

START_TEST(repeated_unique_value_is_a_duplicate)
{
	struct db *d = open_db();
	struct fail f = { 0 };

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", "t", "x"), ERR_OK);
	ck_assert_int_eq(db_run(d, &f, "INSERT INTO thing (name) VALUES (?)", "t", "x"), ERR_DUPLICATE);
	ck_assert_int_eq(f.code, ERR_DUPLICATE);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", "n"), ERR_IO);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", ""), ERR_INTERNAL);
	ck_assert_int_eq(db_run(d, NULL, "no such statement", ""), ERR_IO);
	db_free(d);
}
END_TEST

START_TEST(rollback_leaves_nothing_and_commit_stays)
{
	struct db *d = open_db();
	int64_t n = -1;

	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	db_rollback(d);
	db_rollback(d);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing", ""), ERR_OK);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	ck_assert_int_eq(db_commit(d, NULL), ERR_OK);
	db_free(d);
	d = open_db();
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	db_free(d);
}
END_TEST

/* A commit that returned survives kill -9. */
START_TEST(killed_writer_loses_nothing_committed)
{
	int pipe_fd[2];
	char byte;

	db_free(open_db());
	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct db *d = open_db();
		if (db_run(d, NULL, "INSERT INTO thing (name) VALUES ('kept')", "") != ERR_OK ||
		    db_begin(d, NULL) != ERR_OK ||
		    db_run(d, NULL, "INSERT INTO thing (name) VALUES ('open')", "") != ERR_OK)
			_exit(1);
		if (write(pipe_fd[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipe_fd[1]);
	ck_assert_int_eq(read(pipe_fd[0], &byte, 1), 1);
	close(pipe_fd[0]);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	waitpid(pid, NULL, 0);
	struct db *d = open_db();
	int64_t n = 0;
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing WHERE name = 'kept'", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	db_free(d);
}
END_TEST

START_TEST(schema_steps_run_once_and_newer_files_are_refused)
{
	struct db *d = NULL;
	int64_t n = 0;

	ck_assert_int_eq(db_open(path, steps, 1, &d, NULL), ERR_OK);
	ck_assert_int_eq(db_version(d, &n, NULL), ERR_OK);
	ck_assert_int_eq(n, 1);
	db_free(d);
	d = open_db();
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM audit", ""), ERR_OK);
	db_free(d);
	ck_assert_int_eq(db_open(path, steps, 1, &d, NULL), ERR_CONFIG);
	static const char *const broken[] = { "CREATE TABLE a (x);", "CREATE TABLE b (x); CREATE TABLE a (x);" };
	snprintf(path, sizeof(path), "%s/broken.db", dir);
	ck_assert_int_eq(db_open(path, broken, 2, &d, NULL), ERR_IO);
	ck_assert_int_eq(db_open(path, broken, 1, &d, NULL), ERR_OK); /* the bad step left nothing */
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM sqlite_master", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	db_free(d);
}
END_TEST

START_TEST(audit_rows_are_append_only)
{
	struct db *d = open_db();
	struct audit_entry entry = { .peer = "dc:dc1", .event = "records", .object = "D1", .code = ERR_REFUSED };
	int64_t n = 0;

	ck_assert_int_eq(audit_append(d, &entry, NULL), ERR_OK);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT code FROM audit WHERE object = 'D1' AND text = ''", ""), ERR_OK);
	ck_assert_int_eq(n, ERR_REFUSED);
	ck_assert_int_ne(db_run(d, NULL, "UPDATE audit SET code = 0", ""), ERR_OK);
	ck_assert_int_ne(db_run(d, NULL, "DELETE FROM audit", ""), ERR_OK);
	db_free(d);
	struct db *reader = NULL;
	ck_assert_int_eq(db_open_read(path, &reader, NULL), ERR_OK);
	ck_assert_int_eq(db_one(reader, &n, NULL, "SELECT count(*) FROM audit", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_ne(audit_append(reader, &entry, NULL), ERR_OK);
	db_free(reader);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("db");
	TCase *t = tcase_create("db");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, values_come_back_as_they_went_in);
	tcase_add_test(t, same_statement_may_run_twice_at_once);
	tcase_add_test(t, repeated_unique_value_is_a_duplicate);
	tcase_add_test(t, rollback_leaves_nothing_and_commit_stays);
	tcase_add_test(t, killed_writer_loses_nothing_committed);
	tcase_add_test(t, schema_steps_run_once_and_newer_files_are_refused);
	tcase_add_test(t, audit_rows_are_append_only);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
