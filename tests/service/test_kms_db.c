/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kms_rig.h"
#include "pg_server.h"

static struct rig *r;
static char tokens[200];

static void setup(void)
{
	r = rig_new();
	snprintf(tokens, sizeof(tokens), "%s", getenv("STRONGROOM_TOKEN_DIR") ? getenv("STRONGROOM_TOKEN_DIR") : "");
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

static int run(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A command of kmsd; answers the exit status, its output in out, which was emptied. */
static int run(struct buf *out, const char *format, ...)
{
	char words[1500];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	buf_done(out);
	return rig_command(r, words, out);
}

static bool says(const struct buf *out, const char *text)
{
	return strstr((const char *)out->p, text) != NULL;
}

#define RUN(status, ...)                                                                                               \
	do {                                                                                                           \
		int status_ = run(&out, __VA_ARGS__);                                                                  \
		ck_assert_msg(status_ == (status), "%d: %s", status_, (char *)out.p);                                  \
	} while (0)

/* Three terminals: one that loaded its TMK, one that did not, and one whose record was bad. */
static void some_work(struct rig_terminal *t)
{
	struct rig_terminal bad = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO answer = { 0 };
	char delivery[40], serial[33];
	static unsigned n;

	rig_known(r, t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_download(r, t);
	rig_known(r, &bad, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	snprintf(serial, sizeof(serial), "%s", bad.serial);
	rig_tk(r, &bad, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &bad, "ACME", true, &record);
	struct view views[] = { buf_view(&record) };
	snprintf(delivery, sizeof(delivery), "bad-%d-%u", (int)getpid(), n++);
	rig_deliver(r, delivery, views, 1, &answer);
	rig_wait(r, 0, "SELECT count(*) FROM key_file WHERE state = 'importing'", NULL);
	rig_terminal_done(&bad);
}

/* R2.4 R2.5 R2.7 */
START_TEST(a_database_that_was_only_used_is_good)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO out = { 0 };
	json_t *json;

	some_work(&t);
	RUN(0, "db check");
	ck_assert(says(&out, "good: 0 found"));
	RUN(0, "db check --all --json");
	ck_assert(says(&out, "{\n"));
	json = json_loads(strstr((const char *)out.p, "{\n"), JSON_DISABLE_EOF_CHECK, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert(json_is_true(json_object_get(json, "good")));
	ck_assert_int_eq(json_integer_value(json_object_get(json, "rows")),
			 rig_number(r, "SELECT (SELECT count(*) FROM key_formal) + (SELECT count(*) FROM tmk)", NULL));
	ck_assert_uint_ge(json_array_size(json_object_get(json_object_get(json, "keys"), "SRK")), 1);
	ck_assert_uint_ge(json_array_size(json_object_get(json_object_get(json, "keys"), "PK-2")), 1);
	json_decref(json);
	RUN(1, "db check --some");
	RUN(1, "db");
	RUN(1, "db repair");
	rig_terminal_done(&t);
}
END_TEST

/* What is done to the tables, by whom ever; the rule that sees it; what makes it good again. %s: a serial number. */
static const struct damage {
	const char *rule, *harm, *mend;
} damages[] = {
	{ "file-records", "UPDATE key_file SET records = records + 1 WHERE id = (SELECT min(id) FROM key_file)",
	  "UPDATE key_file SET records = records - 1 WHERE id = (SELECT min(id) FROM key_file)" },
	{ "file-importing", "UPDATE key_file SET state = 'importing' WHERE id = (SELECT min(id) FROM key_file)",
	  "UPDATE key_file SET state = 'done' WHERE id = (SELECT min(id) FROM key_file)" },
	{ "file-done",
	  "UPDATE key_source SET flag = 'not imported', imported = NULL WHERE serial_number = '%s' AND flag = "
	  "'imported'",
	  "UPDATE key_source SET flag = 'imported', imported = 1 WHERE serial_number = '%s' AND flag = 'not "
	  "imported'" },
	{ "formal-source",
	  "UPDATE key_source SET flag = 'not imported', imported = NULL WHERE serial_number = '%s' AND flag = "
	  "'imported'",
	  "UPDATE key_source SET flag = 'imported', imported = 1 WHERE serial_number = '%s' AND flag = 'not "
	  "imported'" },
	{ "file-notification", "UPDATE notification SET file = NULL WHERE file = (SELECT min(id) FROM key_file)",
	  "UPDATE notification SET file = (SELECT min(id) FROM key_file) WHERE file IS NULL" },
	{ "source-flag", "UPDATE key_source SET error = NULL WHERE flag = 'import error'",
	  "UPDATE key_source SET error = 'x' WHERE flag = 'import error'" },
	{ "source-formal", "UPDATE key_formal SET tk_counter = tk_counter - 1 WHERE serial_number = '%s'",
	  "UPDATE key_formal SET tk_counter = tk_counter + 1 WHERE serial_number = '%s'" },
	{ "formal-source", "UPDATE key_source SET record = x'00' || record WHERE serial_number = '%s'",
	  "UPDATE key_source SET record = (SELECT record FROM key_formal f WHERE f.source = key_source.id) WHERE"
	  " serial_number = '%s' AND flag = 'imported'" },
	{ "formal-history", "UPDATE key_formal SET tk_counter = tk_counter - 1 WHERE serial_number = '%s'",
	  "UPDATE key_formal SET tk_counter = tk_counter + 1 WHERE serial_number = '%s'" },
	{ "fingerprint-key",
	  "INSERT INTO key_fingerprint(kind, serial_number, number, fpk, fingerprint, made) VALUES('TMK', 'NOBODY', 1, "
	  "'', '', 1)",
	  "DELETE FROM key_fingerprint WHERE serial_number = 'NOBODY'" },
	{ "sequence-file",
	  "INSERT INTO delivery_sequence(dc, sequence, file, at) VALUES('x', 99, (SELECT min(id) FROM key_file), 1)",
	  "DELETE FROM delivery_sequence WHERE dc = 'x'" },
	{ "node-token", "UPDATE node_key SET check_value = '000000' WHERE kind = 'SRK' AND generation = 0",
	  "UPDATE node_key SET check_value = (SELECT check_value FROM kept_node_key) WHERE kind = 'SRK' AND generation "
	  "= 0" },
	{ "tmk-terminal", "UPDATE tmk SET serial_number = 'NOBODY' WHERE serial_number = '%s'",
	  "UPDATE tmk SET serial_number = '%s' WHERE serial_number = 'NOBODY'" },
	{ "tmk-generations", "UPDATE tmk SET generation = 2 WHERE serial_number = '%s'",
	  "UPDATE tmk SET generation = 1 WHERE serial_number = '%s'" },
	{ "download-tmk", "UPDATE download SET check_value = '000000' WHERE serial_number = '%s'",
	  "UPDATE download SET check_value = (SELECT check_value FROM tmk t WHERE t.serial_number ="
	  " download.serial_number) WHERE serial_number = '%s'" },
	{ "download-counter", "UPDATE download SET tk_counter = tk_counter + 9 WHERE serial_number = '%s'",
	  "UPDATE download SET tk_counter = tk_counter - 9 WHERE serial_number = '%s'" },
	/* by the token */
	{ "formal-check", "UPDATE key_formal SET tek_check_value = '000000' WHERE serial_number = '%s'",
	  "UPDATE key_formal SET tek_check_value = (SELECT tek_check_value FROM kept_formal) WHERE serial_number = "
	  "'%s'" },
	{ "formal-record",
	  "UPDATE key_formal SET record = (SELECT record FROM key_formal WHERE serial_number <> '%s' LIMIT 1) WHERE"
	  " serial_number = '%s'",
	  "UPDATE key_formal SET record = (SELECT record FROM kept_formal) WHERE serial_number = '%s'" },
	{ "tmk-check", "UPDATE tmk SET check_value = '000000' WHERE serial_number = '%s'",
	  "UPDATE tmk SET check_value = (SELECT check_value FROM kept_tmk) WHERE serial_number = '%s'" },
	{ "tmk-ciphertext", "UPDATE tmk SET ciphertext = x'00' WHERE serial_number = '%s'",
	  "UPDATE tmk SET ciphertext = (SELECT ciphertext FROM kept_tmk) WHERE serial_number = '%s'" },
};

static void db_write(const char *format, const char *serial)
{
	char sql[700];

	snprintf(sql, sizeof(sql), format, serial, serial);
	rig_db_write(r, sql);
}

/* R1.8 R1.11 R1.12 R2.4 R2.5 R2.6 R2.7 R2.8 */
START_TEST(each_rule_sees_what_breaks_it)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO out = { 0 };
	char line[100];

	some_work(&t);
	db_write("CREATE TABLE kept_formal AS SELECT * FROM key_formal WHERE serial_number = '%s'", t.serial);
	db_write("CREATE TABLE kept_tmk AS SELECT * FROM tmk WHERE serial_number = '%s'", t.serial);
	rig_db_write(
	    r, "CREATE TABLE kept_node_key AS SELECT check_value FROM node_key WHERE kind = 'SRK' AND generation = 0");
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage *d = &damages[i];

		db_write(d->harm, t.serial);
		RUN(3, "db check");
		snprintf(line, sizeof(line), "%s\t", d->rule);
		ck_assert_msg(says(&out, line), "%s: %s", d->rule, (char *)out.p);
		ck_assert(says(&out, "not good"));
		db_write(d->mend, t.serial);
	}
	RUN(0, "db check --all");
	rig_db_write(r, "DROP TABLE kept_formal; DROP TABLE kept_tmk; DROP TABLE kept_node_key");
	rig_terminal_done(&t);
}
END_TEST

/* A further database for a restore: on each engine. */
static void other_database(bool postgres, const char *name, char ret[1000])
{
	char database[64];

	if (!postgres) {
		snprintf(ret, 1000, "%s/%s.db", r->dir, name);
		return;
	}
	pg_server_create(database);
	pg_server_url(database, false, ret);
}

static struct check_value download_from(const char *database, const struct rig_terminal *t)
{
	struct check_value loaded;
	char was[1000];

	rig_stop(r, SIGTERM);
	db_free(r->db);
	r->db = NULL;
	snprintf(was, sizeof(was), "%s", r->database);
	snprintf(r->database, sizeof(r->database), "%s", database);
	rig_conf(r, "");
	rig_start(r);
	loaded = rig_download(r, t);
	rig_stop(r, SIGTERM);
	db_free(r->db);
	r->db = NULL;
	snprintf(r->database, sizeof(r->database), "%s", was);
	rig_conf(r, "");
	rig_start(r);
	return loaded;
}

/* R1.12 R2.7: a backup made beside the running kmsd goes into a new database of either engine. */
START_TEST(a_backup_comes_back_and_serves)
{
	struct rig_terminal t = { 0 };
	struct check_value before, after;
	char database[1000];
	BUF_AUTO out = { 0 };

	some_work(&t);
	before = rig_download(r, &t);
	RUN(0, "db backup %s/kms.backup-%d", r->dir, _i);
	RUN(1, "db backup %s/kms.backup-%d", r->dir, _i); /* never over a file */
	RUN(0, "db check --backup %s/kms.backup-%d", r->dir, _i);
	RUN(1, "db restore %s/kms.backup-%d", r->dir, _i); /* never over rows */
	ck_assert(says(&out, "goes into a new one"));
	other_database(_i != 0, "restored", database);
	RUN(0, "--db '%s' db restore %s/kms.backup-%d", database, r->dir, _i);
	ck_assert(says(&out, "backup and token go together"));
	RUN(0, "--db '%s' db check --all", database);
	after = download_from(database, &t);
	ck_assert_mem_eq(before.value, after.value, sizeof(before.value));
	rig_terminal_done(&t);
}
END_TEST

static void officer(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void officer(const char *format, ...)
{
	char words[600], command[2600];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	snprintf(command, sizeof(command),
		 "%s %s --so-pin-file %s/so --passphrase-file %s/phrase --module %s >%s/officer 2>&1"
		 " || { cat %s/officer; exit 1; }",
		 getenv("STRONGROOM"), words, r->dir, r->dir, getenv("STRONGROOM_MODULE"), r->dir, r->dir);
	ck_assert_msg(system(command) == 0, "%s", command);
}

/* R1.12: database backups and token backups, each of two moments. */
START_TEST(a_token_backup_that_does_not_go_with_it_is_refused)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO out = { 0 };
	char first[300], second[300], database[1000];

	rig_write(r, "so", "87654321\n", 9);
	rig_write(r, "phrase", "a phrase for the test\n", 22);
	snprintf(first, sizeof(first), "%s/first.backup", r->dir);
	snprintf(second, sizeof(second), "%s/second.backup", r->dir);
	some_work(&t);
	officer("backup --token HSM2 --out %s/hsm2.early", r->dir);
	RUN(0, "db backup %s", first);
	/* a storage key of the next generation, and a TMK under it */
	RUN(0, "srk-init SRK 53");
	RUN(0, "srk-rewrap");
	RUN(0, "db backup %s", second);
	officer("backup --token HSM2 --out %s/hsm2.late", r->dir);
	RUN(0, "db check --backup %s", first);
	RUN(0, "db check --backup %s", second);

	/* the machine is lost; the token of before comes back */
	snprintf(database, sizeof(database), "%s/early-tokens", r->dir);
	setenv("STRONGROOM_TOKEN_DIR", database, 1);
	officer("restore --in %s/hsm2.early", r->dir);
	other_database(r->database_name[0] != 0, "second", database);
	RUN(3, "--db '%s' db restore %s", database, second);
	ck_assert(says(&out, "token-key\tSRK\tthe newest generation of the backup"));
	ck_assert(says(&out, "nothing was restored"));
	RUN(3, "db check --backup %s", second); /* rows are under a storage key that the token has not */
	ck_assert(says(&out, "tmk-ciphertext"));
	RUN(0, "--db '%s' db restore %s", database, first); /* nothing half-done stayed; what goes together goes */
	RUN(0, "--db '%s' db check --all", database);

	/* the later one has both generations: it goes with either */
	snprintf(database, sizeof(database), "%s/late-tokens", r->dir);
	setenv("STRONGROOM_TOKEN_DIR", database, 1);
	officer("restore --in %s/hsm2.late", r->dir);
	other_database(r->database_name[0] != 0, "third", database);
	RUN(0, "--db '%s' db restore %s", database, second);
	RUN(0, "--db '%s' db check --all --backup %s", database, first);
	other_database(r->database_name[0] != 0, "fourth", database);
	RUN(0, "--db '%s' db restore --unchecked %s", database, second);
	RUN(0, "--db '%s' audit", database);
	ck_assert(says(&out, "the token was not compared"));
	setenv("STRONGROOM_TOKEN_DIR", tokens, 1);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_database_of_another_version_is_told)
{
	BUF_AUTO out = { 0 };
	char database[1000];
	struct db *d = NULL;
	static const char *const later[] = { "CREATE TABLE a (x @INT);", "CREATE TABLE b (x @INT);" };

	other_database(r->database_name[0] != 0, "later", database);
	ck_assert_int_eq(db_open(database, later, 1, &d, NULL), ERR_OK);
	db_free(d);
	RUN(3, "--db '%s' db check", database);
	ck_assert(says(&out, "schema\t\tthe database has schema 1, this program"));
	RUN(1, "--db '%s/nowhere/kms.db' db check", r->dir);
	RUN(1, "--db 'postgresql://kms:topsecret@127.0.0.1/kms' db check");
	ck_assert(says(&out, "passfile=FILE") && !says(&out, "topsecret"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_db");
	TCase *c = tcase_create("kms_db");
	SRunner *sr;
	int failed;

	tcase_set_timeout(c, 240);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_database_that_was_only_used_is_good);
	tcase_add_test(c, each_rule_sees_what_breaks_it);
	tcase_add_loop_test(c, a_backup_comes_back_and_serves, 0, getenv("RIG_POSTGRES") ? 2 : 1);
	tcase_add_test(c, a_token_backup_that_does_not_go_with_it_is_refused);
	tcase_add_test(c, a_database_of_another_version_is_told);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_NOFORK);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
