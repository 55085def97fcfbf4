/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kms_rig.h"

/* Three kmsd on one database import together, and one of them dies: nothing is lost, nothing is done twice. */

static struct rig *r;
static struct rig_node node[2];

static void setup(void)
{
	r = rig_new();
	rig_conf(r, "[node]\nname = door\n");
	rig_node_make(r, &node[0], "one", "");
	rig_node_make(r, &node[1], "two", "");
	rig_start(r);
	for (int i = 0; i < 2; i++)
		ck_assert(rig_node_start(&node[i]));
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++)
		rig_node_stop(&node[i], SIGTERM);
	rig_free(r);
}

static int64_t of_file(const char *what, const char *name)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file WHERE %s AND k.name = ?", what);
	return rig_number(r, sql, name);
}

/* R2.4, R2.5, R2.8 */
START_TEST(rows_are_taken_by_one_node_each_also_when_one_is_killed)
{
	enum { GOOD = 30, ALL = 900 };
	static struct rig_terminal t[GOOD];
	static struct buf good[GOOD];
	static struct view list[ALL];
	static const char done[] = "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?";

	for (int i = 0; i < GOOD; i++) {
		char serial[33];

		snprintf(serial, sizeof(serial), "SH%05d", i);
		rig_tk(r, &t[i], serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
		rig_record(r, &t[i], "ACME", false, &good[i]);
	}
	for (int i = 0; i < ALL; i++)
		list[i] = i % (ALL / GOOD) == 3 ? buf_view(&good[i / (ALL / GOOD)]) : VIEW_STR("no record");
	rig_keyfile(r, "shared.keys", "shared", "ACME", list, ALL);
	for (int i = 0; i < 3000 && of_file("s.flag <> 'not imported'", "shared") < ALL / 4; i++)
		usleep(5000);
	rig_node_stop(&node[0], SIGKILL); /* with rows in hand, or without */
	ck_assert(rig_node_start(&node[0]));
	for (int i = 0; i < 12000 && !rig_number(r, done, "shared"); i++)
		usleep(10000);
	ck_assert_int_eq(rig_number(r, done, "shared"), 1);
	ck_assert_int_eq(of_file("s.outcome = 'new'", "shared"), GOOD);
	ck_assert_int_eq(of_file("s.flag = 'import error'", "shared"), ALL - GOOD);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name = ?",
		       "shared"),
	    1);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM audit WHERE event = 'import' AND object = ?", "shared"),
			 1);
	for (int i = 0; i < GOOD; i++) {
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_history WHERE serial_number = ?", t[i].serial),
				 1);
		rig_terminal_done(&t[i]);
		buf_done(&good[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_share");
	TCase *c = tcase_create("kms_share");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 200);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, rows_are_taken_by_one_node_each_also_when_one_is_killed);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
