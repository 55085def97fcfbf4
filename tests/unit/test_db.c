/* SPDX-License-Identifier: BSD-2-Clause */
#include "db_kit.h"

START_TEST(rollback_leaves_nothing_and_commit_stays)
{
	use(_i);
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

	use(_i);
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

	use(_i);
	ck_assert_int_eq(db_open(kit.where, steps, 1, &d, NULL), ERR_OK);
	ck_assert_int_eq(db_version(d, &n, NULL), ERR_OK);
	ck_assert_int_eq(n, 1);
	db_free(d);
	d = open_db();
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM audit", ""), ERR_OK);
	db_free(d);
	ck_assert_int_eq(db_open(kit.where, steps, 1, &d, NULL), ERR_CONFIG);
	static const char *const broken[] = { "CREATE TABLE a (x @INT);",
					      "CREATE TABLE b (x @INT); CREATE TABLE a (x @INT);" };
	other_database("broken");
	ck_assert_int_eq(db_open(kit.where, broken, 2, &d, NULL), ERR_IO);
	ck_assert_int_eq(db_open(kit.where, broken, 1, &d, NULL), ERR_OK); /* the bad step left nothing */
	ck_assert_int_eq(count(d, "SELECT count(*) FROM a"), 0);
	ck_assert_int_ne(db_one(d, &n, NULL, "SELECT count(*) FROM b", ""), ERR_OK);
	db_free(d);
}
END_TEST

START_TEST(audit_rows_are_append_only)
{
	use(_i);
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
	ck_assert_int_eq(db_open_read(kit.where, &reader, NULL), ERR_OK);
	ck_assert_int_eq(db_one(reader, &n, NULL, "SELECT count(*) FROM audit", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_ne(audit_append(reader, &entry, NULL), ERR_OK);
	db_free(reader);
}
END_TEST

START_TEST(a_transaction_does_not_nest_and_a_commit_needs_one)
{
	use(_i);
	struct db *d = open_db();

	ck_assert_int_ne(db_commit(d, NULL), ERR_OK);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_ne(db_begin(d, NULL), ERR_OK);
	db_rollback(d);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	ck_assert_int_eq(db_commit(d, NULL), ERR_OK);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing"), 1);
	db_free(d);
}
END_TEST

START_TEST(a_reader_sees_only_what_was_committed)
{
	use(_i);
	struct db *d = open_db(), *reader = NULL;

	ck_assert_int_eq(db_open_read(kit.where, &reader, NULL), ERR_OK);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	ck_assert_int_eq(count(reader, "SELECT count(*) FROM thing"), 0);
	ck_assert_int_eq(db_commit(d, NULL), ERR_OK);
	ck_assert_int_eq(count(reader, "SELECT count(*) FROM thing"), 1);
	ck_assert_int_ne(db_run(reader, NULL, "DELETE FROM thing", ""), ERR_OK);
	ck_assert_int_eq(count(reader, "SELECT count(*) FROM thing"), 1);
	db_free(reader);
	db_free(d);
}
END_TEST

/* What stands for a state change everywhere: of all who try, one has it. */
START_TEST(of_many_processes_one_gets_each_row)
{
	enum { PROCESSES = 4, ROWS = 40 };
	pid_t pids[PROCESSES];
	int64_t sum;

	use(_i);
	struct db *d = open_db();
	for (int i = 0; i < ROWS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name, number) VALUES (?, 0)", "t", name), ERR_OK);
	}
	db_free(d);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		struct db *mine = open_db();
		struct audit_entry entry = { .event = "taken" };

		for (int row = 0; row < ROWS; row++) {
			if (db_begin(mine, NULL) ||
			    db_run(mine, NULL, "UPDATE thing SET number = number + 1 WHERE id = ? AND number = 0", "i",
				   (int64_t)row + 1) ||
			    (db_changes(mine) && audit_append(mine, &entry, NULL)) || db_commit(mine, NULL))
				_exit(1);
		}
		db_free(mine);
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	d = open_db();
	sum = count(d, "SELECT CAST(sum(number) AS BIGINT) FROM thing");
	ck_assert_int_eq(sum, ROWS);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM audit"), ROWS);
	db_free(d);
}
END_TEST

START_TEST(processes_that_start_at_once_migrate_once)
{
	enum { PROCESSES = 16 };
	pid_t pids[PROCESSES];
	int gate[2];
	char byte;

	use(_i);
	ck_assert_int_eq(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		struct db *mine = NULL;
		struct fail f = { 0 };

		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(2);
		if (db_open(kit.where, steps, ARRAY_LEN(steps), &mine, &f)) {
			fprintf(stderr, "%s\n", f.text);
			_exit(1);
		}
		db_free(mine);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	struct db *d = open_db();
	int64_t version = 0;
	ck_assert_int_eq(db_version(d, &version, NULL), ERR_OK);
	ck_assert_int_eq(version, (int64_t)ARRAY_LEN(steps));
	db_free(d);
}
END_TEST

/* A file of the first schema of a service, made before the words existed, is as it was. */
START_TEST(a_file_of_the_old_form_is_opened)
{
	static const char *const old[] = {
		"CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, bytes BLOB, number INTEGER);"
	};
	struct db *d = NULL;

	use(SQLITE);
	ck_assert_int_eq(db_open(kit.where, old, 1, &d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('kept')", ""), ERR_OK);
	db_free(d);
	d = open_db();
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing WHERE name = 'kept'"), 1);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM audit"), 0);
	db_free(d);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { rollback_leaves_nothing_and_commit_stays,
				       killed_writer_loses_nothing_committed,
				       schema_steps_run_once_and_newer_files_are_refused,
				       audit_rows_are_append_only,
				       a_transaction_does_not_nest_and_a_commit_needs_one,
				       a_reader_sees_only_what_was_committed,
				       of_many_processes_one_gets_each_row,
				       processes_that_start_at_once_migrate_once };
	Suite *s = suite_create("db");
	TCase *t = kit_case("db");

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_loop_test(t, tests[i], 0, ENGINES);
	tcase_add_test(t, a_file_of_the_old_form_is_opened);
	suite_add_tcase(s, t);
	return kit_run(s);
}
