/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms_rig.h"

/* Import of records into the KMS, by message; kmsd is a process, the tokens are real. */

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

static const char flag_sql[] = "SELECT s.flag || ': ' || coalesce(s.error, '') FROM key_source s JOIN key_file k"
			       " ON k.id = s.file WHERE k.name = ? ORDER BY s.id DESC";
static const char waiting_sql[] = "SELECT count(*) FROM key_source WHERE flag = 'not imported'";
static const char done_sql[] = "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?";
static const char formal_sql[] = "SELECT count(*) FROM key_formal WHERE serial_number = ?";

/* Delivers one record by message and gives the flag and error of its source row. */
static void verdict(const char *delivery, struct view record, char ret[512])
{
	BUF_AUTO answer = { 0 };
	char name[80];

	ck_assert_int_eq(rig_deliver(r, delivery, &record, 1, &answer), 200);
	snprintf(name, sizeof(name), "dc1/%s", delivery);
	rig_wait(r, 1, done_sql, name);
	rig_text(r, ret, flag_sql, name);
}

/* R2.4, R2.5, R1.8 */
START_TEST(a_good_record_by_message_reaches_the_formal_table_with_check_values)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	struct check_value tek, auk;
	struct ops_tk tk = { 0 };
	char text[512], hex[2 * FORMAT_CHECK + 1];

	rig_fresh(r, &t, &record);
	verdict("first", buf_view(&record), text);
	ck_assert_str_eq(text, "imported: ");
	ck_assert_int_eq(rig_number(r, "SELECT tk_counter FROM key_formal WHERE serial_number = ?", t.serial),
			 (int64_t)r->counter);
	/* the values that the terminal's own token gives for its keys */
	ck_assert(!ops_tk_find(r->pos_ops, VIEW(t.id, sizeof(t.id)), t.handshake, view_of_string(t.serial), &tk, NULL));
	ck_assert(!ops_tk_check_values(r->pos_ops, &tk, &tek, &auk, NULL));
	ops_tk_close(&tk);
	hex_encode(VIEW(tek.value, FORMAT_CHECK), hex);
	rig_text(r, text, "SELECT tek_check_value FROM key_formal WHERE serial_number = ?", t.serial);
	ck_assert_str_eq(text, hex);
	hex_encode(VIEW(auk.value, FORMAT_CHECK), hex);
	rig_text(r, text, "SELECT auk_check_value FROM key_formal WHERE serial_number = ?", t.serial);
	ck_assert_str_eq(text, hex);
	ck_assert_int_eq(rig_number(r, "SELECT tek_method FROM key_formal WHERE serial_number = ?", t.serial),
			 FORMAT_CHECK_CMAC);
	rig_terminal_done(&t);
}
END_TEST

/* Suite 1 */
START_TEST(a_record_of_suite_1_is_imported_with_its_own_keys)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	char text[512];

	if (!rig_suite_1())
		return;
	rig_tk(r, &t, "TDES1", FORMAT_SUITE_TDES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &record);
	verdict("suite1", buf_view(&record), text);
	ck_assert_str_eq(text, "imported: ");
	ck_assert_int_eq(rig_number(r, "SELECT tek_method FROM key_formal WHERE serial_number = ?", t.serial),
			 FORMAT_CHECK_ECB);
	rig_terminal_done(&t);
}
END_TEST

/* R2.2: the fields under the MAC, one bit each; R2.6 */
START_TEST(an_altered_byte_anywhere_under_the_mac_is_an_import_error)
{
	struct rig_terminal t = { 0 };
	struct view list[FORMAT_RECORD_MAX];
	uint8_t *copies;
	BUF_AUTO record = { 0 };
	BUF_AUTO answer = { 0 };
	struct tk_record parsed;
	size_t count, errors;

	rig_fresh(r, &t, &record);
	ck_assert(tk_record_parse(buf_view(&record), &parsed));
	count = (size_t)(parsed.mac.p - record.p) + parsed.mac.n; /* all up to and with the MAC */
	copies = malloc(count * record.len);
	ck_assert(copies);
	for (size_t i = 0; i < count; i++) {
		memcpy(copies + i * record.len, record.p, record.len);
		copies[i * record.len + i] ^= 0x01;
		list[i] = VIEW(copies + i * record.len, record.len);
	}
	ck_assert_int_eq(rig_deliver(r, "altered", list, count, &answer), 200);
	rig_wait(r, 1, done_sql, "dc1/altered");
	errors = (size_t)rig_number(r,
				    "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file"
				    " WHERE k.name = 'dc1/altered' AND s.flag = 'import error' AND s.error <> ''",
				    NULL);
	ck_assert_uint_eq(errors, count);
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 0);
	/* nothing of it stayed: the genuine one still goes in */
	rig_import(r, &record);
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	free(copies);
	rig_terminal_done(&t);
}
END_TEST

/* R1.8, R1.13, R2.9: the record of one terminal under the name of another */
START_TEST(a_swapped_serial_number_is_refused)
{
	struct rig_terminal a = { 0 }, b = { 0 };
	BUF_AUTO record_a = { 0 };
	BUF_AUTO record_b = { 0 };
	BUF_AUTO swapped = { 0 };
	struct tk_record ra, rb;
	char text[512];

	rig_fresh(r, &a, &record_a);
	rig_fresh(r, &b, &record_b);
	ck_assert(tk_record_parse(buf_view(&record_a), &ra) && tk_record_parse(buf_view(&record_b), &rb));
	ra.pos_serial = rb.pos_serial;
	tk_record_put(&swapped, &ra);
	ck_assert(buf_ok(&swapped));
	verdict("swapped", buf_view(&swapped), text);
	ck_assert_str_eq(text, "import error: the HSM refused the record: its MAC is wrong");
	ck_assert_int_eq(rig_number(r, formal_sql, b.serial), 0);
	rig_terminal_done(&a);
	rig_terminal_done(&b);
}
END_TEST

/* R2.9: TK cannot reach the wrong KMS */
START_TEST(a_record_for_another_kms_is_refused_under_any_keys)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	struct tk_record renamed;
	BUF_AUTO forged = { 0 };
	char text[512];

	rig_fresh(r, &t, &record);
	rig_record(r, &t, "OTHER", true, &record);
	verdict("other-kms", buf_view(&record), text);
	ck_assert_str_eq(text, "import error: record for another KMS");
	rig_record(r, &t, "OTHER", false, &record);
	verdict("other-kms-our-keys", buf_view(&record), text);
	ck_assert_str_eq(text, "import error: record for another KMS");
	/* the customer rewritten to ours: the MAC covers it */
	ck_assert(tk_record_parse(buf_view(&record), &renamed));
	renamed.customer = VIEW_STR("ACME");
	tk_record_put(&forged, &renamed);
	verdict("other-kms-renamed", buf_view(&forged), text);
	ck_assert_str_eq(text, "import error: the HSM refused the record: its MAC is wrong");
	/* our name, their keys */
	rig_record(r, &t, "ACME", true, &record);
	verdict("their-keys", buf_view(&record), text);
	ck_assert_str_eq(text, "import error: the HSM refused the record: its MAC is wrong");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 0);
	rig_terminal_done(&t);
}
END_TEST

/* a TK that was generated twice: R2.5 */
START_TEST(an_older_or_equal_counter_is_refused_and_a_newer_one_replaces)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO older = { 0 };
	BUF_AUTO newer = { 0 };
	int64_t counter;
	char text[512], serial[33];

	rig_fresh(r, &t, &older);
	snprintf(serial, sizeof(serial), "%s", t.serial);
	rig_tk(r, &t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	counter = (int64_t)r->counter;
	rig_record(r, &t, "ACME", false, &newer);
	rig_import(r, &newer);
	verdict("older", buf_view(&older), text);
	ck_assert_str_eq(text, "import error: TK counter not above the stored one");
	/* the one that stands there already is no error */
	verdict("equal", buf_view(&newer), text);
	ck_assert_str_eq(text, "imported: ");
	rig_text(r, text, "SELECT outcome FROM key_source WHERE serial_number = ? ORDER BY id DESC", serial);
	ck_assert_str_eq(text, "known");
	ck_assert_int_eq(rig_number(r, "SELECT tk_counter FROM key_formal WHERE serial_number = ?", serial), counter);
	rig_tk(r, &t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V1);
	rig_record(r, &t, "ACME", false, &newer);
	rig_import(r, &newer);
	ck_assert_int_eq(rig_number(r, "SELECT tk_counter FROM key_formal WHERE serial_number = ?", serial),
			 (int64_t)r->counter);
	ck_assert_int_eq(rig_number(r, "SELECT handshake FROM key_formal WHERE serial_number = ?", serial), 1);
	rig_terminal_done(&t);
}
END_TEST

/* R2.6: garbage, cut, with bytes behind, without DC import time; the good one in their midst goes in */
START_TEST(bad_records_never_stop_the_good_ones)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO longer = { 0 };
	BUF_AUTO undated = { 0 };
	BUF_AUTO answer = { 0 };
	struct tk_record parsed;
	struct view list[6];
	char body[512];

	rig_fresh(r, &t, &record);
	ck_assert(tk_record_parse(buf_view(&record), &parsed));
	parsed.has_imported = false;
	tk_record_put(&undated, &parsed);
	buf_put_view(&longer, buf_view(&record));
	buf_put_u8(&longer, 0);
	list[0] = VIEW_STR("garbage");
	list[1] = VIEW(record.p, record.len - 1);
	list[2] = buf_view(&longer);
	list[3] = buf_view(&undated);
	list[4] = buf_view(&record);
	list[5] = VIEW_STR("\x09\x01");
	ck_assert_int_eq(rig_deliver(r, "mixed", list, 6, &answer), 200);
	rig_wait(r, 1, done_sql, "dc1/mixed");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file WHERE k.name ="
				    " 'dc1/mixed' AND flag = 'import error' AND s.error = 'record malformed'",
				    NULL),
			 5);
	/* R2.8: one notification for the delivery, with counts and failures */
	ck_assert_int_eq(
	    rig_number(r,
		       "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name ="
		       " 'dc1/mixed' AND n.sent = 0",
		       NULL),
	    1);
	rig_text(r, body, "SELECT body FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name = 'dc1/mixed'",
		 NULL);
	ck_assert_ptr_nonnull(
	    strstr(body, "delivery dc1/mixed has 6 records, 0 left to process, imported 1, failed 5"));
	ck_assert_ptr_nonnull(strstr(body, "record 6, serial number ?: record malformed"));
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_delivery_that_comes_again_is_answered_and_changes_nothing)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO other = { 0 };
	BUF_AUTO first = { 0 };
	BUF_AUTO second = { 0 };
	BUF_AUTO third = { 0 };
	struct view v;
	int64_t rows;

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	ck_assert_int_eq(rig_deliver(r, "again", &v, 1, &first), 200);
	ck_assert_ptr_nonnull(strstr((char *)first.p, "\"repeated\":false"));
	rig_wait(r, 1, done_sql, "dc1/again");
	rows = rig_number(r, "SELECT count(*) FROM key_source", NULL);
	ck_assert_int_eq(rig_deliver(r, "again", &v, 1, &second), 200);
	ck_assert_ptr_nonnull(strstr((char *)second.p, "\"repeated\":true"));
	ck_assert_ptr_nonnull(strstr((char *)second.p, "\"received\":1"));
	/* the same number with another content */
	rig_fresh(r, &u, &other);
	v = buf_view(&other);
	ck_assert_int_ge(rig_deliver(r, "again", &v, 1, &third), 400);
	ck_assert_ptr_nonnull(strstr((char *)third.p, "\"error\":4"));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_source", NULL), rows);
	ck_assert_int_eq(rig_number(r, formal_sql, u.serial), 0);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

/* Bad input of the message itself; R2.3 */
START_TEST(malformed_messages_and_foreign_roles_are_refused_and_change_nothing)
{
	static const struct {
		const char *body;
		const char *code;
	} rows[] = {
		{ "", "\"error\":1" },
		{ "[]", "\"error\":1" },
		{ "{\"dc\":\"dc1\"}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"delivery\":\"x\",\"records\":[]}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"delivery\":\"x\",\"records\":[\"AA\"]}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"delivery\":\"x\",\"records\":[17]}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"delivery\":\"../x\",\"records\":[\"AAAA\"]}", "\"error\":1" },
		{ "{\"dc\":\"dc 1\",\"delivery\":\"x\",\"records\":[\"AAAA\"]}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"dc\":\"dc1\",\"delivery\":\"x\",\"records\":[\"AAAA\"]}", "\"error\":1" },
		{ "{\"dc\":\"dc1\",\"delivery\":\"x\",\"records\":[\"AAAA\"],\"more\":1}", "\"error\":1" },
	};
	static const char good[] = "{\"dc\":\"dc1\",\"delivery\":\"role\",\"records\":[\"AAAA\"]}";
	int64_t files = rig_number(r, "SELECT count(*) FROM key_file", NULL);
	BUF_AUTO answer = { 0 };
	char *large;
	int status;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_done(&answer);
		status = rig_post(r, ROLE_DC, rows[i].body, strlen(rows[i].body), &answer);
		ck_assert_msg(status >= 400 && status < 500, "%s: %d", rows[i].body, status);
		ck_assert_msg(strstr((char *)answer.p, rows[i].code), "%s: %s", rows[i].body, (char *)answer.p);
	}
	buf_done(&answer);
	status = rig_post(r, ROLE_MTMS, good, strlen(good), &answer);
	ck_assert_msg(status != 200, "a message of the MTMS was taken");
	large = malloc((size_t)2 << 20);
	ck_assert(large);
	memset(large, ' ', (size_t)2 << 20);
	status = rig_post(r, ROLE_DC, large, (size_t)2 << 20, &answer);
	ck_assert_msg(status != 200, "a message of 2 MiB was taken");
	free(large);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file", NULL), files);
	ck_assert_int_gt(rig_number(r, "SELECT count(*) FROM audit WHERE event = 'records' AND code <> 0", NULL), 0);
}
END_TEST

/* "a killed process loses nothing it had acknowledged" */
START_TEST(kill_9_after_the_answer_loses_no_record)
{
	enum { N = 40 };
	struct rig_terminal t[N];
	struct buf records[N];
	struct view list[N];
	BUF_AUTO answer = { 0 };

	memset(t, 0, sizeof(t));
	memset(records, 0, sizeof(records));
	for (int i = 0; i < N; i++) {
		rig_fresh(r, &t[i], &records[i]);
		list[i] = buf_view(&records[i]);
	}
	ck_assert_int_eq(rig_deliver(r, "killed", list, N, &answer), 200);
	rig_stop(r, SIGKILL);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file"
				    " WHERE k.name = 'dc1/killed'",
				    NULL),
			 N);
	/* as it stands right after the answer, however far the import got */
	rig_db_write(r, "DELETE FROM key_formal WHERE source IN (SELECT s.id FROM key_source s JOIN key_file k"
			" ON k.id = s.file WHERE k.name = 'dc1/killed');"
			"DELETE FROM notification WHERE file = (SELECT id FROM key_file WHERE name = 'dc1/killed');"
			"UPDATE key_source SET flag = 'not imported', imported = NULL WHERE file ="
			" (SELECT id FROM key_file WHERE name = 'dc1/killed');"
			"UPDATE key_file SET state = 'importing' WHERE name = 'dc1/killed'");
	rig_start(r);
	rig_wait(r, 1, done_sql, "dc1/killed");
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(rig_number(r, formal_sql, t[i].serial), 1);
		rig_terminal_done(&t[i]);
		buf_done(&records[i]);
	}
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file"
				    " WHERE k.name = 'dc1/killed'",
				    NULL),
			 1);
	ck_assert_int_eq(rig_number(r, waiting_sql, NULL), 0);
}
END_TEST

START_TEST(questions_are_answered_beside_the_running_daemon)
{
	static const char *const names[] = { "status",    "files",         "sources", "terminals",
					     "downloads", "notifications", "audit" };
	char text[40];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		BUF_AUTO plain = { 0 };
		BUF_AUTO json = { 0 };

		ck_assert_int_eq(rig_command(r, names[i], &plain), 0);
		snprintf(text, sizeof(text), "%s --json", names[i]);
		ck_assert_int_eq(rig_command(r, text, &json), 0);
		ck_assert_int_eq(json.p[0], '{');
	}
	BUF_AUTO wrong = { 0 };
	ck_assert_int_ne(rig_command(r, "nonsense", &wrong), 0);
}
END_TEST

START_TEST(kmsd_stops_when_asked_and_starts_again)
{
	rig_stop(r, SIGTERM);
	rig_start(r);
	ck_assert_int_eq(rig_number(r, waiting_sql, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_import");
	TCase *c = tcase_create("kms_import");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_good_record_by_message_reaches_the_formal_table_with_check_values);
	tcase_add_test(c, a_record_of_suite_1_is_imported_with_its_own_keys);
	tcase_add_test(c, an_altered_byte_anywhere_under_the_mac_is_an_import_error);
	tcase_add_test(c, a_swapped_serial_number_is_refused);
	tcase_add_test(c, a_record_for_another_kms_is_refused_under_any_keys);
	tcase_add_test(c, an_older_or_equal_counter_is_refused_and_a_newer_one_replaces);
	tcase_add_test(c, bad_records_never_stop_the_good_ones);
	tcase_add_test(c, a_delivery_that_comes_again_is_answered_and_changes_nothing);
	tcase_add_test(c, malformed_messages_and_foreign_roles_are_refused_and_change_nothing);
	tcase_add_test(c, kill_9_after_the_answer_loses_no_record);
	tcase_add_test(c, questions_are_answered_beside_the_running_daemon);
	tcase_add_test(c, kmsd_stops_when_asked_and_starts_again);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
