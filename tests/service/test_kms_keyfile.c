/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms_rig.h"

/* Import of key files from the spool folder; kmsd is a process, the tokens are real. */

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

static const char waiting_sql[] = "SELECT count(*) FROM key_source WHERE flag = 'not imported'";
static const char done_sql[] = "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?";
static const char formal_sql[] = "SELECT count(*) FROM key_formal WHERE serial_number = ?";

static bool there(const char *folder, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/spool/%s/%s", r->dir, folder, name);
	return access(path, F_OK) == 0;
}

/* The text of the last refusal of a file of this name. */
static void refusal(const char *name, char ret[512])
{
	char manifest[200];

	rig_wait(r, 1, "SELECT count(*) > 0 FROM key_file WHERE state = 'refused' AND name = ?", name);
	rig_text(r, ret, "SELECT error FROM key_file WHERE state = 'refused' AND name = ? ORDER BY id DESC", name);
	/* and it is out of the way */
	snprintf(manifest, sizeof(manifest), "%s.manifest", name);
	for (int i = 0; i < 2000 && there(".", manifest); i++)
		usleep(10000);
	ck_assert(!there(".", manifest));
}

/* R2.2 */
START_TEST(a_key_file_is_imported_once_whatever_it_is_called)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO other = { 0 };
	struct view v;
	int64_t sources;
	char text[512];

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	rig_keyfile(r, "k1.keys", "k1", "ACME", &v, 1);
	rig_wait(r, 1, done_sql, "k1");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	rig_wait(r, 1, "SELECT moved FROM key_file WHERE name = 'k1'", NULL);
	ck_assert(there("done", "k1.keys"));
	sources = rig_number(r, "SELECT count(*) FROM key_source", NULL);
	/* the same file again */
	rig_keyfile(r, "k1.keys", "k1", "ACME", &v, 1);
	refusal("k1", text);
	ck_assert_str_eq(text, "a file of this name was imported before");
	/* the same bytes under another name */
	rig_keyfile(r, "k2.keys", "k1", "ACME", &v, 1);
	refusal("k2", text);
	ck_assert_str_eq(text, "this content was imported before under another name");
	/* the same records under another name inside as well */
	rig_keyfile(r, "k3.keys", "k3", "ACME", &v, 1);
	refusal("k3", text);
	ck_assert_str_eq(text, "this content was imported before under another name");
	/* other records under a name that was used */
	rig_fresh(r, &u, &other);
	v = buf_view(&other);
	rig_keyfile(r, "k1.keys", "k1", "ACME", &v, 1);
	rig_wait(r, 2, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = ?", "k1");
	refusal("k1", text);
	ck_assert_str_eq(text, "a file of this name was imported before");
	ck_assert_int_eq(rig_number(r, formal_sql, u.serial), 0);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_source", NULL), sources);
	/* every refusal is notified and audited */
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file"
				    " WHERE k.name IN ('k1','k2','k3')",
				    NULL),
			 5);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM audit WHERE event = 'key file' AND code <> 0 AND object LIKE 'k_'",
		       NULL),
	    4);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

/* R2.2 */
START_TEST(a_broken_or_foreign_key_file_is_refused_whole)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	char path[400], text[512], *bytes;
	struct stat st;
	struct view v;
	FILE *f;

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	rig_keyfile(r, "f1.keys", "f1", "OTHER", &v, 1);
	refusal("f1", text);
	ck_assert_str_eq(text, "key file for another KMS");
	rig_keyfile(r, "f2.keys", "elsewhere", "ACME", &v, 1);
	refusal("f2", text);
	ck_assert_str_eq(text, "file name is not the name inside the key file");
	rig_offer(r, "f3", VIEW_STR("garbage"));
	refusal("f3", text);
	ck_assert_str_eq(text, "not a whole key file: form, count or digest is wrong");
	rig_offer(r, "f4", VIEW("", 0));
	refusal("f4", text);
	/* cut at several places */
	rig_keyfile(r, "hidden", "f5", "ACME", &v, 1);
	snprintf(path, sizeof(path), "%s/spool/hidden", r->dir);
	ck_assert_int_eq(stat(path, &st), 0);
	bytes = malloc((size_t)st.st_size);
	f = fopen(path, "re");
	ck_assert(bytes && f && fread(bytes, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
	fclose(f);
	for (int i = 1; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cut%d", i);
		rig_offer(r, name, VIEW(bytes, st.st_size * i / 4));
		refusal(name, text);
		ck_assert_str_eq(text, "not a whole key file: form, count or digest is wrong");
	}
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 0);
	/* one that came broken may come again, whole, under its name */
	bytes[st.st_size / 2] ^= 1;
	rig_offer(r, "f5", VIEW(bytes, st.st_size));
	refusal("f5", text);
	bytes[st.st_size / 2] ^= 1;
	rig_offer(r, "f5", VIEW(bytes, st.st_size));
	rig_wait(r, 1, done_sql, "f5");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	free(bytes);
	rig_terminal_done(&t);
}
END_TEST

/* R2.6 */
START_TEST(a_key_file_with_bad_lines_gives_its_good_records)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	BUF_AUTO a = { 0 };
	BUF_AUTO b = { 0 };
	struct view list[4];

	rig_fresh(r, &t, &a);
	rig_fresh(r, &u, &b);
	list[0] = buf_view(&a);
	list[1] = VIEW_STR("nonsense");
	list[2] = VIEW(a.p, a.len / 2);
	list[3] = buf_view(&b);
	rig_keyfile(r, "lines.keys", "lines", "ACME", list, 4);
	rig_wait(r, 1, done_sql, "lines");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial) + rig_number(r, formal_sql, u.serial), 2);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

START_TEST(links_and_folders_in_the_spool_are_not_followed)
{
	char command[900], text[512];

	struct manifest m = rig_manifest_of(r, "link", VIEW_STR("x"), 1);

	snprintf(command, sizeof(command), "cd %s/spool && ln -s ../kmsd.conf link.keys && mkdir folder.keys", r->dir);
	ck_assert_int_eq(system(command), 0);
	rig_manifest_write(r, "link", &m, ROLE_DC);
	snprintf(m.name, sizeof(m.name), "folder");
	rig_manifest_write(r, "folder", &m, ROLE_DC);
	refusal("link", text);
	refusal("folder", text);
	ck_assert_int_eq(rig_number(r, waiting_sql, NULL), 0);
}
END_TEST

/* between the commit and the move of a file */
START_TEST(a_file_that_was_stored_but_not_moved_is_not_refused_after_a_crash)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	char command[900];
	struct view v;

	rig_fresh(r, &t, &record);
	v = buf_view(&record);
	rig_keyfile(r, "crash.keys", "crash", "ACME", &v, 1);
	rig_wait(r, 1, done_sql, "crash");
	rig_wait(r, 1, "SELECT moved FROM key_file WHERE name = 'crash'", NULL);
	rig_stop(r, SIGKILL);
	/* as it stands when the process dies right after the commit */
	rig_db_write(r, "UPDATE key_file SET moved = 0 WHERE name = 'crash'");
	snprintf(command, sizeof(command), "cd %s/spool && mv done/crash.keys done/crash.manifest .", r->dir);
	ck_assert_int_eq(system(command), 0);
	rig_start(r);
	rig_wait(r, 1, "SELECT moved FROM key_file WHERE name = 'crash'", NULL);
	ck_assert(there("done", "crash.keys"));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name = 'crash'", NULL), 1);
	/* and as it stands when it dies right after the move */
	rig_stop(r, SIGKILL);
	rig_db_write(r, "UPDATE key_file SET moved = 0 WHERE name = 'crash'");
	rig_start(r);
	rig_wait(r, 1, "SELECT moved FROM key_file WHERE name = 'crash'", NULL);
	rig_terminal_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_keyfile");
	TCase *c = tcase_create("kms_keyfile");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_key_file_is_imported_once_whatever_it_is_called);
	tcase_add_test(c, a_broken_or_foreign_key_file_is_refused_whole);
	tcase_add_test(c, a_key_file_with_bad_lines_gives_its_good_records);
	tcase_add_test(c, links_and_folders_in_the_spool_are_not_followed);
	tcase_add_test(c, a_file_that_was_stored_but_not_moved_is_not_refused_after_a_crash);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
