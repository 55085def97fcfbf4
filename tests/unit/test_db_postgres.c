/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <time.h>

#include "db_kit.h"

/* What PostgreSQL adds: what is demanded of URL and server, and connections that are lost at the worst moment. */

static char name[64];

static void through_proxy(void)
{
	kit.engine = POSTGRES;
	pg_server_create(name);
	pg_server_url(name, true, kit.where);
}

static int64_t rows(const char *value)
{
	char url[1000];
	struct db *d = NULL;
	int64_t n = -1;

	pg_server_url(name, false, url);
	ck_assert_int_eq(db_open_read(url, &d, NULL), ERR_OK);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing WHERE name = ?", "t", value), ERR_OK);
	db_free(d);
	return n;
}

static enum err put(struct db *d, const char *value, struct fail *f)
{
	enum err e = db_begin(d, f);

	if (!e)
		e = db_run(d, f, "INSERT INTO thing (name) VALUES (?)", "t", value);
	if (!e)
		e = db_run(d, f, "UPDATE thing SET number = 1 WHERE name = ?", "t", value);
	if (!e)
		e = db_commit(d, f);
	db_rollback(d);
	return e;
}

/* libpq sends a record for each of BEGIN, insert, update (prepared before), operation id, COMMIT. */
enum { RECORDS = 5 };

static int64_t cuts(void)
{
	json_t *json = pg_server_ask("disarm");
	int64_t n = json_integer_value(json_object_get(json, "cuts"));

	json_decref(json);
	return n;
}

START_TEST(a_commit_lost_on_its_way_to_the_server_changed_nothing)
{
	struct fail f = { 0 };

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	pg_server_do("arm %d before", RECORDS);
	ck_assert_int_eq(put(d, "lost", &f), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(f.text, "nothing was changed"));
	ck_assert_int_eq(cuts(), 1);
	ck_assert_int_eq(rows("lost"), 0);
	f = (struct fail){ 0 };
	ck_assert_msg(put(d, "lost", &f) == ERR_OK, "%s", f.text); /* the caller tries again, on the same handle */
	ck_assert_int_eq(rows("lost"), 1);
	db_free(d);
}
END_TEST

START_TEST(a_commit_whose_answer_is_lost_is_found_done)
{
	struct fail f = { 0 };

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	pg_server_do("arm %d after", RECORDS);
	ck_assert_msg(put(d, "kept", &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(cuts(), 1);
	ck_assert_int_eq(rows("kept"), 1);
	ck_assert_int_eq(put(d, "next", &f), ERR_OK);
	db_free(d);
}
END_TEST

/* The server does not know that nobody is there any more: its transaction is open, with the row locked. */
START_TEST(a_commit_lost_in_silence_is_settled_against_the_open_transaction)
{
	struct fail f = { 0 };
	time_t begin;

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	pg_server_do("arm %d silent", RECORDS);
	begin = time(NULL);
	ck_assert_int_eq(put(d, "lost", &f), ERR_BUSY);
	ck_assert_int_lt(time(NULL) - begin, 25); /* not by a time-out of the server's */
	ck_assert_int_eq(rows("lost"), 0);
	f = (struct fail){ 0 };
	ck_assert_msg(put(d, "lost", &f) == ERR_OK, "%s", f.text);
	db_free(d);
}
END_TEST

/* Wherever it is cut, and once more while the first cut is settled: ERR_OK if and only if the row is there. */
START_TEST(every_cut_leaves_the_answer_and_the_table_in_agreement)
{
	static const char *const modes[] = { "before", "after" };
	struct fail f = { 0 };
	unsigned done = 0, lost = 0;

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	for (int at = 1; at <= RECORDS; at++)
		for (int second = 0; second < 28; second += at < RECORDS ? 14 : 3)
			for (size_t m = 0; m < 2 * ARRAY_LEN(modes); m++) {
				char value[32], again[32] = "";
				enum err e;

				snprintf(value, sizeof(value), "v%d-%d-%zu", at, second, m);
				if (second)
					snprintf(again, sizeof(again), " %d %s", second, modes[m / 2]);
				pg_server_do("arm %d %s%s", at, modes[m % 2], again);
				f = (struct fail){ 0 };
				e = put(d, value, &f);
				cuts();
				ck_assert_msg(e == ERR_OK || e == ERR_BUSY, "%s: %s", value, f.text);
				ck_assert_msg(rows(value) == (e == ERR_OK), "%s: %s, but %lld rows", value, err_name(e),
					      (long long)rows(value));
				done += e == ERR_OK;
				lost += e != ERR_OK;
				/* The handle is good again after a while. */
				for (int i = 0; i < 100 && put(d, "first", NULL) == ERR_BUSY; i++)
					usleep(20000);
			}
	ck_assert_uint_gt(done, 2);
	ck_assert_uint_gt(lost, 10);
	db_free(d);
}
END_TEST

START_TEST(a_change_outside_of_a_transaction_is_settled_too)
{
	static const char sql[] = "INSERT INTO thing (name) VALUES (?)";

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(db_run(d, NULL, sql, "t", "first"), ERR_OK);
	pg_server_do("arm 4 after"); /* BEGIN, insert, operation id, COMMIT */
	ck_assert_int_eq(db_run(d, NULL, sql, "t", "kept"), ERR_OK);
	ck_assert_int_eq(cuts(), 1);
	ck_assert_int_eq(rows("kept"), 1);
	ck_assert_int_eq(db_run(d, NULL, sql, "t", "again"), ERR_OK);
	pg_server_do("arm 4 before");
	ck_assert_int_eq(db_run(d, NULL, sql, "t", "lost"), ERR_BUSY);
	ck_assert_int_eq(cuts(), 1);
	ck_assert_int_eq(rows("lost"), 0);
	db_free(d);
}
END_TEST

START_TEST(a_connection_lost_in_a_transaction_fails_it_until_its_end)
{
	struct fail f = { 0 };
	int64_t n;

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	pg_server_do("cut");
	ck_assert_int_eq(db_run(d, &f, "INSERT INTO thing (name) VALUES ('y')", ""), ERR_BUSY);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing", ""), ERR_BUSY);
	f = (struct fail){ 0 };
	ck_assert_int_eq(db_commit(d, &f), ERR_BUSY);
	db_rollback(d);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing"), 0);
	ck_assert_int_eq(put(d, "z", &f), ERR_OK);
	db_free(d);
}
END_TEST

START_TEST(a_server_that_was_started_again_is_found_again)
{
	struct fail f = { 0 };

	through_proxy();
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	pg_server_do("halt");
	ck_assert_int_eq(put(d, "down", &f), ERR_BUSY);
	ck_assert_int_eq(put(d, "down", NULL), ERR_BUSY);
	pg_server_do("again");
	for (int i = 0; i < 300 && put(d, "second", NULL); i++)
		usleep(50000);
	ck_assert_int_eq(rows("first") + rows("second"), 2);
	pg_server_do("kill"); /* as kill -9 of the server: immediate shutdown, then recovery */
	pg_server_do("again");
	for (int i = 0; i < 300 && put(d, "third", NULL); i++)
		usleep(50000);
	ck_assert_int_eq(rows("first") + rows("second") + rows("third"), 3);
	ck_assert_int_eq(rows("down"), 0);
	db_free(d);
}
END_TEST

/* A transaction in a thread of its own. */
struct putter {
	pthread_t thread;
	struct db *d;
	const char *value;
	enum err e;
	struct fail f;
	time_t took;
};

static void *put_thread(void *arg)
{
	struct putter *p = arg;
	time_t begin = time(NULL);

	p->e = put(p->d, p->value, &p->f);
	p->took = time(NULL) - begin;
	return NULL;
}

/* Its COMMIT is on its way when this returns; the proxy has done with it what it was armed for. */
static void put_start(struct putter *p, int64_t cuts_then)
{
	int64_t n = -1;

	ck_assert_int_eq(pthread_create(&p->thread, NULL, put_thread, p), 0);
	for (int i = 0; i < 2000 && n != cuts_then; i++) {
		json_t *json = pg_server_ask("cuts");

		n = json_integer_value(json_object_get(json, "cuts"));
		json_decref(json);
		usleep(10000);
	}
	ck_assert_int_eq(n, cuts_then);
}

static void put_end(struct putter *p)
{
	ck_assert_int_eq(pthread_join(p->thread, NULL), 0);
	ck_assert_int_ge(p->took, 20);
	ck_assert_int_le(p->took, 60);
}

/* R1.12: nothing is closed, but no answer comes: neither to a COMMIT that never arrived nor to one that was done. */
START_TEST(a_commit_that_nobody_answers_is_settled)
{
	struct putter lost = { .value = "lost" }, kept = { .value = "kept" };
	struct fail f = { 0 };

	through_proxy();
	lost.d = open_db();
	kept.d = open_db();
	ck_assert_int_eq(put(lost.d, "first", &f), ERR_OK);
	ck_assert_int_eq(put(kept.d, "second", &f), ERR_OK);
	pg_server_do("arm %d deaf %d mute", RECORDS, RECORDS);
	put_start(&lost, 1);
	put_start(&kept, 2);
	for (int i = 0; i < 500 && rows("kept") == 0; i++)
		usleep(10000);
	ck_assert_int_eq(rows("kept"), 1);
	ck_assert_int_eq(rows("lost"), 0);
	put_end(&lost);
	put_end(&kept);
	ck_assert_int_eq(lost.e, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(lost.f.text, "nothing was changed"));
	ck_assert_msg(kept.e == ERR_OK, "%s", kept.f.text);
	ck_assert_int_eq(rows("lost"), 0);
	ck_assert_msg(put(lost.d, "lost", &f) == ERR_OK, "%s", f.text);
	ck_assert_msg(put(kept.d, "next", &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(count(kept.d, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND"
				       " datname = current_database()"),
			 0);
	db_free(lost.d);
	db_free(kept.d);
}
END_TEST

/* R1.12: a machine that froze answers nothing and closes nothing; nobody waits for it for ever. */
START_TEST(a_server_that_is_frozen_is_given_up)
{
	struct timespec begin, end;
	struct putter commit = { .value = "commit" };
	struct fail f = { 0 };
	enum err e;

	through_proxy();
	strcat(kit.where, "&connect_timeout=2");
	commit.d = open_db();
	pg_server_url(name, false, kit.where);
	strcat(kit.where, "&connect_timeout=2");
	struct db *d = open_db();
	ck_assert_int_eq(put(d, "first", &f), ERR_OK);
	ck_assert_int_eq(put(commit.d, "second", &f), ERR_OK);
	/* one is in its COMMIT when the server freezes, the other one begins */
	pg_server_do("arm %d freeze", RECORDS);
	put_start(&commit, 1);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	e = put(d, "frozen", &f);
	clock_gettime(CLOCK_MONOTONIC, &end);
	pg_server_do("thaw");
	ck_assert_int_eq(e, ERR_BUSY);
	ck_assert_int_le(end.tv_sec - begin.tv_sec, 50);
	e = ERR_BUSY;
	for (int i = 0; e == ERR_BUSY && i < 300; i++) {
		usleep(100000);
		f = (struct fail){ 0 };
		e = put(d, "thawed", &f);
	}
	ck_assert_msg(e == ERR_OK, "%s", f.text);
	ck_assert_int_eq(rows("frozen"), 0);
	ck_assert_int_eq(rows("thawed"), 1);
	put_end(&commit);
	ck_assert_msg(commit.e == ERR_OK || commit.e == ERR_BUSY, "%s", commit.f.text);
	ck_assert_int_eq(rows("commit"), commit.e == ERR_OK); /* whichever it was */
	db_free(commit.d);
	db_free(d);
}
END_TEST

/* Two who lock the same rows the other way round: one gets on, the other tries again. */
START_TEST(a_deadlock_is_busy_for_one_and_nothing_for_the_other)
{
	through_proxy();
	struct db *d = open_db();
	int first[2], second[2];
	char byte = 'x';
	int status;

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('a'), ('b')", ""), ERR_OK);
	ck_assert(pipe(first) == 0 && pipe(second) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct db *mine = open_db();
		enum err e = db_begin(mine, NULL);

		if (!e)
			e = db_run(mine, NULL, "UPDATE thing SET number = 2 WHERE name = 'b'", "");
		if (e || write(first[1], &byte, 1) != 1 || read(second[0], &byte, 1) != 1)
			_exit(9);
		e = db_run(mine, NULL, "UPDATE thing SET number = 2 WHERE name = 'a'", "");
		_exit(e == ERR_OK ? (int)db_commit(mine, NULL) : (int)e);
	}
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "UPDATE thing SET number = 1 WHERE name = 'a'", ""), ERR_OK);
	ck_assert(read(first[0], &byte, 1) == 1 && write(second[1], &byte, 1) == 1);
	enum err e = db_run(d, NULL, "UPDATE thing SET number = 1 WHERE name = 'b'", "");
	if (!e)
		e = db_commit(d, NULL);
	db_rollback(d);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert((e == ERR_OK && WEXITSTATUS(status) == ERR_BUSY) || (e == ERR_BUSY && WEXITSTATUS(status) == ERR_OK));
	ck_assert_int_eq(count(d, "SELECT count(DISTINCT number) FROM thing"), 1);
	db_free(d);
}
END_TEST

START_TEST(an_error_in_a_transaction_loses_it_whole)
{
	through_proxy();
	struct db *d = open_db();

	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_DUPLICATE);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('y')", ""), ERR_IO);
	ck_assert_int_ne(db_commit(d, NULL), ERR_OK);
	db_rollback(d);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing"), 0);
	db_free(d);
}
END_TEST

/* Every answered commit is in the table with its id, and ids that are old go. */
START_TEST(operation_ids_are_kept_for_a_day)
{
	through_proxy();
	struct db *d = open_db();
	struct fail f = { 0 };

	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO operation (id, at, done) VALUES (?, 1000, 1)", "b", VIEW_STR("old")), ERR_OK);
	db_free(d);
	d = open_db(); /* the first commit of a connection looks for old ones */
	ck_assert_int_eq(put(d, "x", &f), ERR_OK);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM operation WHERE at = 1000"), 0);
	ck_assert_int_ge(count(d, "SELECT count(*) FROM operation WHERE done = 1"), 2);
	db_free(d);
}
END_TEST

static void refused(const char *url, enum err code, const char *text)
{
	struct db *d = NULL;
	struct fail f = { 0 };

	ck_assert_msg(db_open(url, steps, 2, &d, &f) == code, "%s: %d %s", url, f.code, f.text);
	ck_assert_msg(strstr(f.text, text), "%s: %s", url, f.text);
	ck_assert_msg(!strstr(f.text, "topsecret"), "%s", f.text);
	f = (struct fail){ 0 };
	ck_assert_int_eq(db_open_read(url, &d, &f), code);
	ck_assert_ptr_null(d);
}

START_TEST(a_url_that_asks_for_less_is_refused)
{
	char url[1000];
	const int port = pg_server.port;
	const char *const dir = pg_server.folder;

	through_proxy();
	static const char *const modes[] = { "disable", "allow", "prefer", "require", "verify-ca" };
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		snprintf(url, sizeof(url), "postgresql://strongroom@127.0.0.1:%d/%s?sslmode=%s&passfile=%s", port, name,
			 modes[i], pg_server.passfile);
		refused(url, ERR_CONFIG, "verify-full");
	}
	snprintf(url, sizeof(url), "postgresql://strongroom@127.0.0.1:%d/%s?passfile=%s", port, name,
		 pg_server.passfile);
	refused(url, ERR_CONFIG, "sslrootcert=FILE");
	/* The socket first, the network second: it is asked of both. */
	snprintf(url, sizeof(url), "postgresql:///%s?host=%s,127.0.0.1&sslmode=disable", name, dir);
	refused(url, ERR_CONFIG, "verify-full");
	snprintf(url, sizeof(url), "postgresql://strongroom:topsecret@127.0.0.1:%d/%s?sslmode=verify-full", port, name);
	refused(url, ERR_CONFIG, "passfile=FILE");
	refused("postgresql://strongroom@127.0.0.1/x?password=topsecret", ERR_CONFIG, "passfile=FILE");
	refused("postgresql://strongroom:topsecret@127.0.0.1:99999999999/x?%zz", ERR_CONFIG, "not a URL");
	refused("postgresql:///kms?service=x", ERR_CONFIG, "service");
	refused("postgresql:///kms", ERR_CONFIG, "names no host");
	snprintf(url, sizeof(url), "postgresql://a@127.0.0.1/x?sslrootcert=%s/ca.pem&passfile=/nowhere", dir);
	refused(url, ERR_CONFIG, "/nowhere is not there");
	snprintf(url, sizeof(url), "postgresql://a@127.0.0.1/x?sslrootcert=%s/ca.pem&passfile=%s/ca.pem", dir, dir);
	refused(url, ERR_CONFIG, "0600");
}
END_TEST

START_TEST(a_server_that_cannot_be_verified_is_refused)
{
	char url[1000];
	const int port = pg_server.port;

	through_proxy();
	snprintf(url, sizeof(url), "postgresql://strongroom@127.0.0.1:%d/%s?sslrootcert=%s/other.pem&passfile=%s", port,
		 name, pg_server.folder, pg_server.passfile);
	refused(url, ERR_CONFIG, "certificate");
	/* The right CA, another name: hostaddr says where, host says who. */
	snprintf(url, sizeof(url),
		 "postgresql://strongroom@db.example:%d/%s?hostaddr=127.0.0.1&sslrootcert=%s/ca.pem&passfile=%s", port,
		 name, pg_server.folder, pg_server.passfile);
	refused(url, ERR_CONFIG, "certificate");
	snprintf(url, sizeof(url), "postgresql://nobody-known@127.0.0.1:%d/%s?sslrootcert=%s/ca.pem", port, name,
		 pg_server.folder);
	refused(url, ERR_CONFIG, "assword");
	snprintf(url, sizeof(url), "postgresql://strongroom@127.0.0.1:%d/none?sslrootcert=%s/ca.pem&passfile=%s", port,
		 pg_server.folder, pg_server.passfile);
	refused(url, ERR_CONFIG, "does not exist");
	snprintf(url, sizeof(url), "postgresql://strongroom@127.0.0.1:1/%s?sslrootcert=%s/ca.pem&passfile=%s", name,
		 pg_server.folder, pg_server.passfile);
	refused(url, ERR_BUSY, "refused");
}
END_TEST

START_TEST(a_unix_socket_needs_no_certificate)
{
	struct db *d = NULL;
	struct fail f = { 0 };
	char url[1000];

	through_proxy();
	snprintf(url, sizeof(url), "postgresql://strongroom@/%s?host=%s&port=%d&passfile=%s", name, pg_server.folder,
		 pg_server.port, pg_server.passfile);
	ck_assert_msg(db_open(url, steps, 2, &d, &f) == ERR_OK, "%s", f.text);
	db_free(d);
}
END_TEST

START_TEST(a_server_that_forgets_commits_is_refused)
{
	char url[1200];

	through_proxy();
	/* A session's own setting, as a URL or a role can make it. */
	snprintf(url, sizeof(url), "%s&options=-c%%20%s", kit.where, "synchronous_commit%3Doff");
	refused(url, ERR_CONFIG, "synchronous_commit is off");
	pg_server_do("sql postgres ALTER DATABASE %s SET synchronous_commit = off", name);
	refused(kit.where, ERR_CONFIG, "synchronous_commit is off");
	pg_server_do("sql postgres ALTER DATABASE %s RESET synchronous_commit", name);
	static const char *const settings[] = { "fsync", "full_page_writes" };
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		pg_server_do("sql postgres ALTER SYSTEM SET %s = off", settings[i]);
		pg_server_do("sql postgres SELECT pg_reload_conf()");
		for (int n = 0; n < 200; n++) {
			json_t *json = pg_server_ask("sql postgres SHOW %s", settings[i]);
			bool off = !strncmp(json_string_value(json_object_get(json, "out")), "off", 3);

			json_decref(json);
			if (off)
				break;
			usleep(20000);
		}
		refused(kit.where, ERR_CONFIG, settings[i]);
		pg_server_do("sql postgres ALTER SYSTEM RESET %s", settings[i]);
		pg_server_do("sql postgres SELECT pg_reload_conf()");
	}
	for (int n = 0; n < 200; n++) {
		struct db *d = NULL;
		enum err e = db_open(kit.where, steps, 2, &d, NULL);

		db_free(d);
		if (!e)
			return;
		usleep(20000);
	}
	ck_abort_msg("the server stayed refused");
}
END_TEST

START_TEST(a_database_of_another_encoding_is_refused)
{
	char url[1000];

	through_proxy();
	pg_server_do("sql postgres DROP DATABASE IF EXISTS latin");
	pg_server_do("sql postgres CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
	pg_server_url("latin", false, url);
	refused(url, ERR_CONFIG, "UTF8");
}
END_TEST

/* A table of the same name before ours in the search path is not taken. */
START_TEST(the_search_path_is_fixed)
{
	through_proxy();
	pg_server_do("sql %s CREATE SCHEMA strongroom", name);
	pg_server_do("sql %s CREATE TABLE strongroom.thing (x int)", name);
	struct db *d = open_db();

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x')", ""), ERR_OK);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM public.thing"), 1);
	db_free(d);
}
END_TEST

START_TEST(a_column_of_another_type_is_told)
{
	through_proxy();
	struct db *d = open_db();
	struct fail f = { 0 };
	int64_t n;

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name, number) VALUES ('x', 1)", ""), ERR_OK);
	ck_assert_int_eq(db_one(d, &n, &f, "SELECT sum(number) FROM thing", ""), ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(f.text, "CAST"));
	db_free(d);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { a_commit_lost_on_its_way_to_the_server_changed_nothing,
				       a_commit_whose_answer_is_lost_is_found_done,
				       a_commit_lost_in_silence_is_settled_against_the_open_transaction,
				       every_cut_leaves_the_answer_and_the_table_in_agreement,
				       a_change_outside_of_a_transaction_is_settled_too,
				       a_connection_lost_in_a_transaction_fails_it_until_its_end,
				       a_server_that_was_started_again_is_found_again,
				       a_commit_that_nobody_answers_is_settled,
				       a_server_that_is_frozen_is_given_up,
				       a_deadlock_is_busy_for_one_and_nothing_for_the_other,
				       an_error_in_a_transaction_loses_it_whole,
				       operation_ids_are_kept_for_a_day,
				       a_url_that_asks_for_less_is_refused,
				       a_server_that_cannot_be_verified_is_refused,
				       a_unix_socket_needs_no_certificate,
				       a_server_that_forgets_commits_is_refused,
				       a_database_of_another_encoding_is_refused,
				       the_search_path_is_fixed,
				       a_column_of_another_type_is_told };
	Suite *s = suite_create("db_postgres");
	TCase *t = kit_case("db_postgres");

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return kit_run(s);
}
