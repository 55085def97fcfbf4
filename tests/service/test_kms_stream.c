/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kms_rig.h"
#include "keyfile.h"
#include "sha256.h"

/* Reception of key files line by line: bounded memory, interrupted anywhere; kmsd is a process, the tokens are real. */

static struct rig *r;

static void setup(void)
{
	r = rig_new();
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

/* A key file of this many bad records of the size of good ones, offered with its manifest. */
static void offer_many(const char *name, size_t count)
{
	BUF_AUTO text = { 0 };
	char hex[65], path[400], line[600];
	struct manifest m;
	FILE *out;

	buf_printf(&text,
		   "{\"format\":\"strongroom key file\",\"version\":1,\"kms\":\"ACME\",\"dc\":\"dc1\",\"name\":\"%s\","
		   "\"count\":%zu}\n",
		   name, count);
	memset(line, 'A', 400);
	for (size_t i = 0; i < count; i++) {
		snprintf(line + 392, sizeof(line) - 392, "%08zu\n", i);
		buf_put(&text, line, 401);
	}
	ck_assert(buf_ok(&text) && sha256_hex(buf_view(&text), hex));
	buf_printf(&text, "{\"sha256\":\"%s\"}\n", hex);
	ck_assert(buf_ok(&text));
	snprintf(path, sizeof(path), "%s/spool/%s.keys", r->dir, name);
	out = fopen(path, "we");
	ck_assert(out && fwrite(text.p, 1, text.len, out) == text.len && !fclose(out));
	m = rig_manifest_of(r, name, buf_view(&text), count);
	rig_manifest_write(r, name, &m, ROLE_DC);
}

/* Peak of resident memory so far, kB. */
static long peak_kb(void)
{
	char path[64], line[200];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)r->kmsd);
	f = fopen(path, "re");
	ck_assert(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kb = strtol(line + 6, NULL, 10);
	fclose(f);
	ck_assert_int_gt(kb, 0);
	return kb;
}

static void wait_whole(const char *name, int64_t count)
{
	for (int i = 0; i < 12000; i++) {
		if (rig_number(r, "SELECT count(*) FROM key_file WHERE whole = 1 AND state <> 'refused' AND name = ?",
			       name))
			break;
		usleep(10000);
	}
	ck_assert_int_eq(rig_number(r, "SELECT stored FROM key_file WHERE whole = 1 AND name = ?", name), count);
}

#define LARGE 100000

/* R2.4 */
START_TEST(memory_does_not_grow_with_the_file)
{
	long small, large;

	offer_many("small", 1000);
	wait_whole("small", 1000);
	small = peak_kb();
	offer_many("large", LARGE);
	wait_whole("large", LARGE);
	large = peak_kb();
	/* The file has 40 MB; what a sanitizer keeps of freed memory is its own. */
#if defined(__SANITIZE_ADDRESS__)
	ck_assert_msg(large - small < 600000, "%ld kB, then %ld kB", small, large);
#else
	ck_assert_msg(large - small < 16000, "%ld kB, then %ld kB", small, large);
#endif
	/* a bad record never stops the file: they are worked off, one by one */
	rig_wait(r, 1, "SELECT count(*) > 2000 FROM key_source WHERE flag = 'import error'", NULL);
	rig_stop(r, SIGKILL);
	rig_db_write(r, "DELETE FROM key_source WHERE flag = 'not imported'");
	rig_start(r);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?", "large");
}
END_TEST

/* Whatever the moment: nothing lost, nothing doubled; R2.2, R2.4 */
START_TEST(kill_9_at_any_moment_loses_nothing_and_doubles_nothing)
{
	enum { GOOD = 12, ALL = 3000 };
	struct rig_terminal t[GOOD];
	struct buf good[GOOD];
	static struct view list[ALL];
	static const char done[] = "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'killed'";
	static const char bad[] = "no record at all";
	unsigned kills = 0;

	memset(t, 0, sizeof(t));
	memset(good, 0, sizeof(good));
	for (int i = 0; i < GOOD; i++)
		rig_fresh(r, &t[i], &good[i]);
	for (int i = 0; i < ALL; i++)
		list[i] = i % (ALL / GOOD) == 7 ? buf_view(&good[i / (ALL / GOOD)]) : VIEW_STR(bad);
	srand((unsigned)time(NULL));
	rig_keyfile(r, "killed.keys", "killed", "ACME", list, ALL);
	while (!rig_number(r, done, NULL) && kills < 12) {
		usleep((useconds_t)(20000 + rand() % 400000));
		rig_stop(r, SIGKILL);
		kills++;
		rig_start(r);
	}
	for (int i = 0; i < 6000 && !rig_number(r, done, NULL); i++)
		usleep(10000);
	ck_assert_int_eq(rig_number(r, done, NULL), 1);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name = 'killed'", NULL), 1);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_source WHERE file = (SELECT id FROM key_file WHERE name ="
				    " 'killed')",
				    NULL),
			 ALL);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(DISTINCT line) FROM key_source WHERE file = (SELECT id FROM key_file"
				    " WHERE name = 'killed')",
				    NULL),
			 ALL);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_source WHERE outcome = 'new' AND file = (SELECT id FROM"
				    " key_file WHERE name = 'killed')",
				    NULL),
			 GOOD);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_source WHERE flag = 'import error' AND file = (SELECT id"
				    " FROM key_file WHERE name = 'killed')",
				    NULL),
			 ALL - GOOD);
	ck_assert_int_eq(
	    rig_number(r,
		       "SELECT count(*) FROM notification WHERE file = (SELECT id FROM key_file WHERE name ="
		       " 'killed')",
		       NULL),
	    1);
	for (int i = 0; i < GOOD; i++) {
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_history WHERE serial_number = ?", t[i].serial),
				 1);
		rig_terminal_done(&t[i]);
		buf_done(&good[i]);
	}
}
END_TEST

/* The reception of an earlier life, its file changed since: R2.2 */
START_TEST(a_file_that_changed_between_two_lives_is_not_mixed)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	struct view v;

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	rig_stop(r, SIGKILL);
	/* as a killed reception leaves it: one line stored, of another content under that name */
	rig_db_write(
	    r,
	    "INSERT INTO key_file(kind, name, digest, sender, received, records, state, source, whole, stored, chain)"
	    " VALUES('file', 'mixed', 'another', 'dc1', 1, 3, 'importing', 'spool', 0, 1, 'abc');"
	    "INSERT INTO key_source(file, line, record) SELECT id, 1, x'00' FROM key_file WHERE name = 'mixed'");
	rig_keyfile(r, "mixed.keys", "mixed", "ACME", &v, 1);
	rig_start(r);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'mixed'", NULL);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = 'mixed'", NULL), 1);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_formal WHERE serial_number = ?", t.serial), 1);
	/* what was begun is swept away */
	rig_wait(r, 0,
		 "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file WHERE k.state = 'refused' AND"
		 " k.name = 'mixed'",
		 NULL);
	rig_terminal_done(&t);
}
END_TEST

/* Its own earlier life stored something else than the file holds now under the same digest: the chain tells. */
START_TEST(rows_of_an_earlier_life_that_are_not_of_the_file_are_seen)
{
	enum { N = 3 };
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO body = { 0 };
	struct view list[N] = { VIEW_STR("a"), VIEW_STR("b"), VIEW_STR("c") };
	char sql[700], digest[65];

	rig_fresh(r, &t, &record);
	for (int i = 0; i < N; i++) {
		base64_encode(list[i], &body);
		buf_put_u8(&body, '\n');
	}
	ck_assert(sha256_hex(buf_view(&body), digest));
	rig_stop(r, SIGKILL);
	snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO key_file(kind, name, digest, sender, received, records, state, source, whole, stored, chain)"
	    " VALUES('file', 'chain', '%s', 'dc1', 1, 3, 'importing', 'spool', 0, 1, 'abc');"
	    "INSERT INTO key_source(file, line, record) SELECT id, 1, x'00' FROM key_file WHERE name = 'chain'",
	    digest);
	rig_db_write(r, sql);
	rig_keyfile(r, "chain.keys", "chain", "ACME", list, N);
	rig_start(r);
	rig_wait(r, 1, "SELECT count(*) > 0 FROM key_file WHERE state = 'refused' AND name = 'chain'", NULL);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'chain'", NULL),
			 0);
	rig_terminal_done(&t);
}
END_TEST

/* Somebody holds the database; R2.4 */
START_TEST(a_busy_database_is_waited_for)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	struct view v;
	sqlite3 *d = NULL;
	char path[200];

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	snprintf(path, sizeof(path), "%s/kms.db", r->dir);
	ck_assert_int_eq(sqlite3_open_v2(path, &d, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(d, 10000);
	ck_assert_int_eq(sqlite3_exec(d, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	rig_keyfile(r, "busy.keys", "busy", "ACME", &v, 1);
	usleep(1500000);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name = 'busy'", NULL), 0);
	ck_assert_int_eq(sqlite3_exec(d, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(d);
	rig_wait(r, 1, "SELECT count(*) FROM key_formal WHERE serial_number = ?", t.serial);
	rig_terminal_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_stream");
	TCase *c = tcase_create("kms_stream");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 240);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, kill_9_at_any_moment_loses_nothing_and_doubles_nothing);
	tcase_add_test(c, a_file_that_changed_between_two_lives_is_not_mixed);
	tcase_add_test(c, rows_of_an_earlier_life_that_are_not_of_the_file_are_seen);
	if (!getenv("RIG_POSTGRES")) /* a lock on the whole database is SQLite's */
		tcase_add_test(c, a_busy_database_is_waited_for);
	tcase_add_test(c, memory_does_not_grow_with_the_file);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
