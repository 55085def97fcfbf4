/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A database that the first version of kmsd made (it knew SQLite alone), taken over by this one: what terminals hold
 * goes on, and nothing that was seen before is taken again. R1.12, R2.2, R2.4
 */
#include <check.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "kms_rig.h"
#include "tables.h"

#define FIRST_STEPS 2 /* audit, and the tables of the first version */

static struct rig *r;

static int copy_table(sqlite3 *d, const char *table)
{
	BUF_AUTO columns = { 0 };
	BUF_AUTO sql = { 0 };
	sqlite3_stmt *s = NULL;
	char *text = sqlite3_mprintf("SELECT name FROM pragma_table_info('%q')", table);
	int rc = sqlite3_prepare_v2(d, text, -1, &s, NULL);

	sqlite3_free(text);
	while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		buf_printf(&columns, "%s%s", columns.len ? ", " : "", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	buf_put_u8(&columns, 0);
	buf_printf(&sql, "INSERT INTO main.%s(%s) SELECT %s FROM live.%s", table, (char *)columns.p, (char *)columns.p,
		   table);
	buf_put_u8(&sql, 0);
	return buf_ok(&sql) ? sqlite3_exec(d, (char *)sql.p, NULL, NULL, NULL) : SQLITE_NOMEM;
}

/* The rig's database as the first version would have it: its tables, its columns, the rows that are there. */
static void first_version(const char *path)
{
	static const char *const tables[] = { "audit", "key_file", "key_source",  "key_formal",
					      "tmk",   "download", "notification" };
	struct db *old = NULL;
	sqlite3 *d = NULL;
	char attach[1100];

	ck_assert_int_eq(db_open(path, kms_schema, FIRST_STEPS, &old, NULL), ERR_OK);
	db_free(old);
	ck_assert_int_eq(sqlite3_open(path, &d), SQLITE_OK);
	snprintf(attach, sizeof(attach), "ATTACH '%s' AS live", r->database);
	ck_assert_int_eq(sqlite3_exec(d, attach, NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		ck_assert_msg(copy_table(d, tables[i]) == SQLITE_OK, "%s: %s", tables[i], sqlite3_errmsg(d));
	ck_assert_int_eq(sqlite3_close(d), SQLITE_OK);
}

static void use(const char *path)
{
	db_free(r->db);
	r->db = NULL;
	snprintf(r->database, sizeof(r->database), "%s", path);
	rig_conf(r, "");
	rig_start(r);
}

static void command(const char *words, int status, const char *says)
{
	BUF_AUTO out = { 0 };

	ck_assert_msg(rig_command(r, words, &out) == status, "%s: %s", words, (char *)out.p);
	ck_assert_msg(strstr((char *)out.p, says), "%s: %s", words, (char *)out.p);
}

START_TEST(a_database_of_the_first_version_goes_on) /* R1.12, R2.2, R2.4 */
{
	struct rig_terminal loaded = { 0 }, waiting = { 0 };
	struct check_value before, after;
	BUF_AUTO record = { 0 };
	BUF_AUTO answer = { 0 };
	char path[300];

	rig_known(r, &waiting, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_tk(r, &loaded, "OLD-1", FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &loaded, "ACME", false, &record);
	struct view one = buf_view(&record);
	rig_keyfile(r, "old.keys", "old", "ACME", &one, 1);
	rig_wait(r, 1, "SELECT count(*) FROM key_formal WHERE serial_number = ?", "OLD-1");
	rig_wait(r, 0, "SELECT count(*) FROM key_file WHERE state = 'importing'", NULL);
	before = rig_download(r, &loaded);
	rig_stop(r, SIGTERM);
	snprintf(path, sizeof(path), "%s/first.db", r->dir);
	first_version(path);
	use(path);
	command("db check --all", 0, "good: 0 found");
	command("history --serial OLD-1", 0, "OLD-1");
	command("tmks --serial OLD-1 --json", 0, "\"confirmed\":1");
	after = rig_download(r, &loaded);
	ck_assert_mem_eq(before.value, after.value, sizeof(before.value));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", "OLD-1"), 1);
	rig_download(r, &waiting);
	/* seen before: the file, and the record under any other name */
	rig_keyfile(r, "old.keys", "old", "ACME", &one, 1);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = ?", "old");
	ck_assert_int_eq(rig_deliver(r, "again", &one, 1, &answer), 200);
	rig_wait(r, 1, "SELECT count(*) FROM key_source WHERE outcome = 'known' AND serial_number = ?", "OLD-1");
	/* and a new TK of the same terminal is */
	rig_tk(r, &loaded, "OLD-1", FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &loaded, "ACME", false, &record);
	rig_import(r, &record);
	after = rig_download(r, &loaded);
	ck_assert_mem_eq(before.value, after.value, sizeof(before.value));
	rig_terminal_done(&loaded);
	rig_terminal_done(&waiting);
}
END_TEST

static void setup(void)
{
	r = rig_new();
	rig_conf(r, "");
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

int main(void)
{
	Suite *s = suite_create("kms_upgrade");
	TCase *c = tcase_create("kms_upgrade");
	SRunner *sr;
	int failed;

	tcase_set_timeout(c, 240);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_database_of_the_first_version_goes_on);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_NOFORK);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
