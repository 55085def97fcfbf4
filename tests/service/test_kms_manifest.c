/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "keyfile.h"
#include "kms_rig.h"

/* Manifests of key files, numbers of deliveries, announcements; kmsd is a process, the tokens are real. */

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

static const char formal_sql[] = "SELECT count(*) FROM key_formal WHERE serial_number = ?";
static const char done_sql[] = "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?";

/* The text of a good key file of one fresh record. */
static void text_of(const char *dc, const char *name, struct rig_terminal *t, struct buf *text)
{
	struct keyfile_head head = { "ACME", "", "" };
	BUF_AUTO record = { 0 };
	struct view v;
	struct fail f = { 0 };

	rig_fresh(r, t, &record);
	v = buf_view(&record);
	snprintf(head.dc, sizeof(head.dc), "%s", dc);
	snprintf(head.name, sizeof(head.name), "%s", name);
	ck_assert_msg(!keyfile_write(&head, &v, 1, text, &f), "%s", f.text);
}

static void good_text(const char *name, struct rig_terminal *t, struct buf *text)
{
	text_of("dc1", name, t, text);
}

static void keys_put(const char *name, struct view text)
{
	char path[200];

	snprintf(path, sizeof(path), "spool/%s.keys", name);
	rig_write(r, path, text.p, text.n);
}

/* Files in failed/ that begin so. */
static size_t failed_count(const char *name, const char *suffix)
{
	char pattern[400];
	glob_t g = { 0 };
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s/spool/failed/%s%s.*", r->dir, name, suffix);
	glob(pattern, 0, NULL, &g);
	n = g.gl_pathc;
	globfree(&g);
	return n;
}

/* Refused for this reason: row, notification, audit, and both files in failed/. */
static void refused_for(const char *name, const char *word)
{
	char text[512];

	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = ?", name);
	rig_text(r, text,
		 "SELECT text FROM audit WHERE event = 'key file' AND code <> 0 AND object = ? ORDER BY id DESC", name);
	ck_assert_msg(!strncmp(text, word, strlen(word)) && text[strlen(word)] == ':', "%s: %s, not %s", name, text,
		      word);
	ck_assert_int_eq(
	    rig_number(r,
		       "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name = ?"
		       " AND n.event = 'import-bad'",
		       name),
	    1);
	for (int i = 0; i < 2000 && !failed_count(name, ".manifest"); i++)
		usleep(10000);
	ck_assert_uint_eq(failed_count(name, ".manifest"), 1);
	ck_assert_uint_eq(failed_count(name, ".keys"), 1);
}

enum fault { SIGNER, GARBAGE, TRUNCATED, OTHER_KMS, OTHER_DC, OTHER_NAME, COUNT, SIZE, DIGEST, FAULTS };
static const char *const words[FAULTS] = { "manifest-signer", "manifest-form", "manifest-form",
					   "file-other-kms",  "manifest-file", "manifest-file",
					   "manifest-file",   "manifest-file", "manifest-file" };

/* R2.2, R2.3, R2.9 */
START_TEST(every_fault_of_a_manifest_has_its_reason)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO text = { 0 };
	struct manifest m;
	char name[32], path[300];

	snprintf(name, sizeof(name), "fault%d", _i);
	text_of(_i == OTHER_DC ? "dc2" : "dc1", name, &t, &text);
	m = rig_manifest_of(r, name, buf_view(&text), 1);
	if (_i == OTHER_KMS)
		snprintf(m.kms, sizeof(m.kms), "OTHER");
	if (_i == OTHER_NAME)
		snprintf(m.name, sizeof(m.name), "elsewhere");
	m.count += _i == COUNT;
	m.size += _i == SIZE;
	if (_i == DIGEST)
		m.sha256[0] = m.sha256[0] == '0' ? '1' : '0';
	keys_put(name, buf_view(&text));
	if (_i == GARBAGE) {
		snprintf(path, sizeof(path), "spool/%s.manifest", name);
		rig_write(r, path, "garbage", 7);
	} else if (_i == TRUNCATED) {
		snprintf(path, sizeof(path), "spool/%s.manifest", name);
		rig_write(r, path, "0\x82\x01\x00", 4);
	} else {
		rig_manifest_write(r, name, &m, _i == SIGNER ? ROLE_MTMS : ROLE_DC);
	}
	refused_for(name, words[_i]);
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 0);
	rig_terminal_done(&t);
}
END_TEST

/* R2.2 */
START_TEST(a_file_without_its_manifest_is_not_there_yet)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO text = { 0 };
	struct manifest m;

	good_text("alone", &t, &text);
	keys_put("alone", buf_view(&text));
	usleep(500000); /* twenty looks */
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name = ?", "alone"), 0);
	m = rig_manifest_of(r, "alone", buf_view(&text), 1);
	rig_manifest_write(r, "alone", &m, ROLE_DC);
	rig_wait(r, 1, done_sql, "alone");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_manifest_whose_key_file_does_not_come_is_refused)
{
	struct utimbuf old = { time(NULL) - 86400, time(NULL) - 86400 };
	struct manifest m = rig_manifest_of(r, "orphan", VIEW_STR("x"), 1);
	time_t before = time(NULL);
	char path[300], text[512];

	rig_manifest_write(r, "orphan", &m, ROLE_DC);
	/* its date does not count, but when it came */
	snprintf(path, sizeof(path), "%s/spool/orphan.manifest", r->dir);
	ck_assert_int_eq(utime(path, &old), 0);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = ?", "orphan");
	rig_text(r, text, "SELECT error FROM key_file WHERE name = ?", "orphan");
	ck_assert_str_eq(text, "there is a manifest, but not its key file");
	ck_assert_int_ge(rig_number(r, "SELECT received FROM key_file WHERE name = 'orphan'", NULL), before + 1);
}
END_TEST

/* Other times than those of the other tests. */
static void restart(int settle_s, const char *more)
{
	rig_stop(r, SIGTERM);
	r->settle_s = settle_s;
	rig_conf(r, more);
	rig_start(r);
}

static void append(const char *file, struct view bytes)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/spool/%s", r->dir, file);
	f = fopen(path, "ae");
	ck_assert(f && fwrite(bytes.p, 1, bytes.n, f) == bytes.n && !fclose(f));
}

/* A manifest as it will stand in the spool. */
static void signed_text(const char *name, const struct manifest *m, struct buf *ret)
{
	char path[300], file[64];
	FILE *f;
	int c;

	snprintf(file, sizeof(file), ".hidden-%s", name);
	rig_manifest_write(r, file, m, ROLE_DC);
	snprintf(path, sizeof(path), "%s/spool/%s.manifest", r->dir, file);
	f = fopen(path, "re");
	ck_assert(f);
	while ((c = getc(f)) != EOF)
		buf_put_u8(ret, (uint8_t)c);
	fclose(f);
	ck_assert(buf_ok(ret));
}

static struct view half(struct view v, bool second)
{
	return second ? VIEW(v.p + v.n / 2, v.n - v.n / 2) : VIEW(v.p, v.n / 2);
}

static const char rows_sql[] = "SELECT count(*) FROM key_file WHERE name = ?";
static const char told_sql[] = "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name = ?";

/* R2.2, R2.8: two that write under the final names, at the same time, in any order */
START_TEST(files_that_are_being_written_are_judged_once)
{
	static const char *const names[] = { "slow0", "slow1" };
	struct rig_terminal t[2] = { 0 };
	struct buf keys[2] = { 0 }, manifest[2] = { 0 };
	char file[64];

	restart(6, "");
	for (int i = 0; i < 2; i++) {
		struct manifest m;

		good_text(names[i], &t[i], &keys[i]);
		m = rig_manifest_of(r, names[i], buf_view(&keys[i]), 1);
		m.sequence += (uint64_t)i;
		signed_text(names[i], &m, &manifest[i]);
	}
	for (int step = 0; step < 4; step++)
		for (int i = 0; i < 2; i++) {
			/* one begins with its key file, the other one with its manifest; halves of each in turn */
			bool is_keys = (step + i) % 2 == 0;

			snprintf(file, sizeof(file), "%s%s", names[i], is_keys ? ".keys" : ".manifest");
			append(file, half(buf_view(is_keys ? &keys[i] : &manifest[i]), step >= 2));
			usleep(200000); /* several looks */
			if (step < 3)
				ck_assert_int_eq(rig_number(r, rows_sql, names[i]), 0);
		}
	for (int i = 0; i < 2; i++) {
		rig_wait(r, 1, done_sql, names[i]);
		ck_assert_int_eq(rig_number(r, formal_sql, t[i].serial), 1);
		ck_assert_int_eq(rig_number(r, rows_sql, names[i]), 1);
		ck_assert_int_eq(rig_number(r, told_sql, names[i]), 1);
		rig_terminal_done(&t[i]);
		buf_done(&keys[i]);
		buf_done(&manifest[i]);
	}
}
END_TEST

START_TEST(a_file_that_is_never_finished_is_told_once)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO text = { 0 };
	struct manifest m;

	good_text("cut", &t, &text);
	m = rig_manifest_of(r, "cut", buf_view(&text), 1);
	keys_put("cut", half(buf_view(&text), false));
	rig_manifest_write(r, "cut", &m, ROLE_DC);
	refused_for("cut", "file-form");
	usleep(1500000);
	ck_assert_int_eq(rig_number(r, rows_sql, "cut"), 1);
	ck_assert_int_eq(rig_number(r, told_sql, "cut"), 1);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_key_file_whose_manifest_does_not_come_is_told_once)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO text = { 0 };
	struct manifest m;
	char word[512];

	restart(1, "orphan_s = 2\n");
	good_text("widow", &t, &text);
	m = rig_manifest_of(r, "widow", buf_view(&text), 1);
	keys_put("widow", buf_view(&text));
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'refused' AND name = ?", "widow");
	rig_text(r, word, "SELECT text FROM audit WHERE event = 'key file' AND object = ?", "widow");
	ck_assert_str_eq(word, "file-alone: there is a key file, but its manifest did not come");
	for (int i = 0; i < 2000 && !failed_count("widow", ".keys"); i++)
		usleep(10000);
	ck_assert_uint_eq(failed_count("widow", ".keys"), 1);
	usleep(1500000);
	ck_assert_int_eq(rig_number(r, rows_sql, "widow"), 1);
	ck_assert_int_eq(rig_number(r, told_sql, "widow"), 1);
	/* whoever comes later with both is welcome */
	keys_put("widow", buf_view(&text));
	rig_manifest_write(r, "widow", &m, ROLE_DC);
	rig_wait(r, 1, done_sql, "widow");
	ck_assert_int_eq(rig_number(r, formal_sql, t.serial), 1);
	rig_terminal_done(&t);
}
END_TEST

static void deliver(const char *name, uint64_t sequence, struct rig_terminal *t)
{
	BUF_AUTO text = { 0 };
	struct manifest m;

	good_text(name, t, &text);
	m = rig_manifest_of(r, name, buf_view(&text), 1);
	m.sequence = sequence;
	keys_put(name, buf_view(&text));
	rig_manifest_write(r, name, &m, ROLE_DC);
	rig_wait(r, 1, done_sql, name);
	ck_assert_int_eq(rig_number(r, formal_sql, t->serial), 1);
}

static int64_t gaps_told(const char *name)
{
	return rig_number(r,
			  "SELECT count(*) FROM notification n JOIN key_file k ON k.id = n.file WHERE k.name = ? AND"
			  " n.event = 'sequence-gap'",
			  name);
}

/* A gap is told, and refuses nothing; R2.9 */
START_TEST(missing_and_repeated_numbers_are_told_and_the_keys_are_taken)
{
	uint64_t next = 1 + (uint64_t)rig_number(r, "SELECT coalesce(max(sequence), 0) FROM delivery_sequence", NULL);
	struct rig_terminal t[4];
	BUF_AUTO gaps = { 0 };
	char want[80];

	memset(t, 0, sizeof(t));
	deliver("in-order", next, &t[0]);
	ck_assert_int_eq(gaps_told("in-order"), 0);
	deliver("ahead", next + 3, &t[1]);
	ck_assert_int_eq(gaps_told("ahead"), 1);
	ck_assert_int_eq(rig_command(r, "gaps", &gaps), 0);
	snprintf(want, sizeof(want), "dc1\t%llu\t%llu\t", (unsigned long long)next + 1, (unsigned long long)next + 2);
	ck_assert_msg(strstr((char *)gaps.p, want), "%s", (char *)gaps.p);
	deliver("again-number", next + 3, &t[2]);
	ck_assert_int_eq(gaps_told("again-number"), 1);
	/* one that was missing comes later */
	deliver("late", next + 1, &t[3]);
	ck_assert_int_eq(gaps_told("late"), 0);
	buf_done(&gaps);
	ck_assert_int_eq(rig_command(r, "gaps --dc dc1", &gaps), 0);
	snprintf(want, sizeof(want), "dc1\t%llu\t%llu\t", (unsigned long long)next + 2, (unsigned long long)next + 2);
	ck_assert_msg(strstr((char *)gaps.p, want), "%s", (char *)gaps.p);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM audit WHERE event = 'sequence' AND object = 'ahead'", NULL), 1);
	for (int i = 0; i < 4; i++)
		rig_terminal_done(&t[i]);
}
END_TEST

static int announce(const char *delivery, const struct manifest *m, struct buf *answer)
{
	BUF_AUTO body = { 0 };

	buf_done(answer);
	buf_printf(
	    &body,
	    "{\"dc\":\"%s\",\"delivery\":\"%s\",\"sequence\":%llu,\"count\":%llu,\"size\":%llu,\"sha256\":\"%s\"}",
	    m->dc, delivery, (unsigned long long)m->sequence, (unsigned long long)m->count, (unsigned long long)m->size,
	    m->sha256);
	return rig_post_to(r, ROLE_DC, "/v1/deliveries", (const char *)body.p, body.len, answer);
}

/* R2.2: notified by message, fetched as a file */
START_TEST(an_announced_file_is_the_one_that_was_announced)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	BUF_AUTO text = { 0 };
	BUF_AUTO other = { 0 };
	BUF_AUTO answer = { 0 };
	struct manifest m, n;

	good_text("notice1", &t, &text);
	m = rig_manifest_of(r, "notice1", buf_view(&text), 1);
	ck_assert_int_eq(announce("notice1", &m, &answer), 200);
	ck_assert_ptr_nonnull(strstr((char *)answer.p, "\"known\":false"));
	keys_put("notice1", buf_view(&text));
	rig_manifest_write(r, "notice1", &m, ROLE_DC);
	rig_wait(r, 1, done_sql, "notice1");
	ck_assert_int_eq(announce("notice1", &m, &answer), 200);
	ck_assert_ptr_nonnull(strstr((char *)answer.p, "\"known\":true"));
	/* the same name, announced as something else */
	n = m;
	n.size++;
	ck_assert_int_ne(announce("notice1", &n, &answer), 200);
	ck_assert_ptr_nonnull(strstr((char *)answer.p, "\"error\":4"));
	/* announced, but another file comes */
	good_text("notice2", &u, &other);
	n = rig_manifest_of(r, "notice2", buf_view(&other), 1);
	n.sequence += 7;
	ck_assert_int_eq(announce("notice2", &n, &answer), 200);
	n.sequence -= 7;
	keys_put("notice2", buf_view(&other));
	rig_manifest_write(r, "notice2", &n, ROLE_DC);
	refused_for("notice2", "notice");
	ck_assert_int_eq(rig_number(r, formal_sql, u.serial), 0);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

/* Bad input of the announcement; R2.3 */
START_TEST(malformed_announcements_and_other_roles_change_nothing)
{
#define D "\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
	static const char good[] = "{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9," D "}";
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":0,\"count\":1,\"size\":9," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":0,\"size\":9," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":0," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"../x\",\"sequence\":1,\"count\":1,\"size\":9," D "}",
		"{\"dc\":\"dc 1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9,\"sha256\":\"00\"}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9,\"more\":1," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"sequence\":1,\"count\":1,\"size\":9," D "}",
		"{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":\"1\",\"count\":1,\"size\":9," D "}",
		("{\"dc\":\"dc1\",\"delivery\":\"x\",\"sequence\":1,\"count\":1,\"size\":9,\"sha256\":"
		 "\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"}"),
	};
	int64_t rows = rig_number(r, "SELECT count(*) FROM delivery_notice", NULL);
	BUF_AUTO answer = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_done(&answer);
		int status = rig_post_to(r, ROLE_DC, "/v1/deliveries", bad[i], strlen(bad[i]), &answer);
		ck_assert_msg(status >= 400 && status < 500 && strstr((char *)answer.p, "\"error\":1"), "%s: %d %s",
			      bad[i], status, (char *)answer.p);
	}
	buf_done(&answer);
	ck_assert_int_ne(rig_post_to(r, ROLE_MTMS, "/v1/deliveries", good, strlen(good), &answer), 200);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM delivery_notice", NULL), rows);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_manifest");
	TCase *c = tcase_create("kms_manifest");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, every_fault_of_a_manifest_has_its_reason, 0, FAULTS);
	tcase_add_test(c, a_file_without_its_manifest_is_not_there_yet);
	tcase_add_test(c, a_manifest_whose_key_file_does_not_come_is_refused);
	tcase_add_test(c, files_that_are_being_written_are_judged_once);
	tcase_add_test(c, a_file_that_is_never_finished_is_told_once);
	tcase_add_test(c, a_key_file_whose_manifest_does_not_come_is_told_once);
	tcase_add_test(c, missing_and_repeated_numbers_are_told_and_the_keys_are_taken);
	tcase_add_test(c, an_announced_file_is_the_one_that_was_announced);
	tcase_add_test(c, malformed_announcements_and_other_roles_change_nothing);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
