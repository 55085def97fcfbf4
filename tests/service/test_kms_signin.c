/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signin_kit.h"

/* Working keys: what a sign-in leaves on both sides, whatever goes wrong in it (R1.12, R1.13). */

#define r signin_rig
static struct rig_node other;

#define CURRENT "SELECT coalesce(max(generation), 0) FROM working_key WHERE confirmed > 0 AND retired = 0"
#define LIMITS "[limits]\npair_per_minute = 1000\nlock_s = 600\nlock_max_s = 600\n[terminals]\nexpiry_ms = 20000\n"
/* Longer than a program goes on with a key that it has found (host/pk11.h). */
#define NOTICE_S 3

static void setup(void)
{
	r = rig_new();
	rig_conf(r, LIMITS "[node]\nname = one\n");
	rig_node_make(r, &other, "two", LIMITS);
	rig_start(r);
	ck_assert(rig_node_start(&other));
}

static void teardown(void)
{
	rig_node_stop(&other, SIGTERM);
	rig_free(r);
}

/* ---- what is left of it ---- */

static int64_t rows(const struct pos *p, const char *where)
{
	char sql[300];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM working_key WHERE %s AND serial_number = ?", where);
	return rig_number(r, sql, p->t.serial);
}

static int64_t current(const struct pos *p)
{
	return rig_number(r, CURRENT " AND serial_number = ?", p->t.serial);
}

/* Both keys of the current generation are those that the terminal loaded last. */
static void both_have_the_same(const struct pos *p)
{
	static const char *const kinds[] = { "PINKEY", "MACKEY" };
	char hex[16], sql[300], text[512];

	ck_assert_int_eq(current(p), (int64_t)p->keys.generation);
	for (size_t i = 0; i < WK_KINDS; i++) {
		snprintf(sql, sizeof(sql),
			 "SELECT check_value FROM working_key WHERE confirmed > 0 AND retired = 0 AND kind = '%s'"
			 " AND serial_number = ?",
			 kinds[i]);
		rig_text(r, text, sql, p->t.serial);
		hex_encode(VIEW(p->keys.check[i].value, FORMAT_CHECK), hex);
		ck_assert_str_eq(text, hex);
	}
}

/* The last refusal of this serial number, as the operator sees it. */
static void told(const struct pos *p, const char *step, const char *word)
{
	char sql[300], text[512];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) > 0 FROM download_error WHERE step = '%s' AND reason = '%s'"
		 " AND serial_number = ?",
		 step, word);
	rig_wait(r, 1, sql, p->t.serial);
	rig_text(r, text, "SELECT event FROM audit WHERE code <> 0 AND object = ? ORDER BY id DESC", p->t.serial);
	ck_assert_str_eq(text, "sign-in");
}

static void database_is_whole(void)
{
	BUF_AUTO out = { 0 };

	ck_assert_msg(rig_command(r, "db check --all", &out) == 0, "%s", (char *)out.p);
}

static void __attribute__((format(printf, 1, 0))) command(const char *format, const struct pos *p)
{
	char text[128];
	BUF_AUTO out = { 0 };

	snprintf(text, sizeof(text), format, p->t.serial);
	ck_assert_msg(!rig_command(r, text, &out), "%s", (char *)out.p);
}

/* ---- tests ---- */

static const struct {
	uint8_t suite, handshake;
} kinds[] = { { FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2 },
	      { FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V1 },
	      { FORMAT_SUITE_TDES, FORMAT_HANDSHAKE_V2 },
	      { FORMAT_SUITE_TDES, FORMAT_HANDSHAKE_V1 } };

/* R1.12: replaced at every sign-in, on both sides the same, at whatever node */
START_TEST(each_sign_in_replaces_the_working_keys_of_before)
{
	struct check_value before[WK_KINDS];
	char text[512], one[64];
	BUF_AUTO out = { 0 };
	struct pos p;

	pos_known(&p, kinds[_i].suite, kinds[_i].handshake);
	ck_assert_int_eq(current(&p), 0);
	pos_sign_in(&p);
	both_have_the_same(&p);
	memcpy(before, p.keys.check, sizeof(before));
	memcpy(one, r->terminals, sizeof(one));
	if (kinds[_i].suite == FORMAT_SUITE_AES) /* what the other one has keys for */
		rig_node_use(&other);
	pos_sign_in(&p);
	memcpy(r->terminals, one, sizeof(one));
	ck_assert_uint_eq(p.keys.generation, 2);
	both_have_the_same(&p);
	ck_assert_mem_ne(before, p.keys.check, sizeof(before));
	ck_assert_int_eq(rows(&p, "confirmed > 0 AND retired > 0 AND generation = 1"), 2);
	snprintf(text, sizeof(text), "working-keys --serial %s --state current --csv", p.t.serial);
	ck_assert_int_eq(rig_command(r, text, &out), 0);
	snprintf(text, sizeof(text), "%s,2,PINKEY,current,1,", p.t.serial);
	ck_assert_msg(strstr((char *)out.p, text) != NULL, "%s", (char *)out.p);
	rig_text(r, text, "SELECT text FROM audit WHERE event = 'sign-in' AND code = 0 AND object = ? ORDER BY id DESC",
		 p.t.serial);
	ck_assert_msg(strstr(text, "working keys generation 2 confirmed: PINKEY ") == text, "%s", text);
	database_is_whole();
	rig_terminal_done(&p.t);
}
END_TEST

/* R1.12, R2.5: no keys for who has not its TMK; the operator has both check values */
START_TEST(another_tmk_or_none_gets_no_working_keys)
{
	char text[512], here[16], there[16];
	struct rig_client c;
	struct check_value wrong;
	struct pos p = { 0 };

	rig_known(r, &p.t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	p.check = (struct check_value){ FORMAT_CHECK_CMAC, { 1, 2, 3 } };
	rig_greet(r, &c, &p.t);
	pos_ask_with(&c, &p.check, 2, 0);
	pos_refused(&c, ERR_REFUSED);
	told(&p, "SIGN_IN", "no-tmk");
	pos_load_tmk(&p);
	wrong = p.check;
	wrong.value[1] ^= 4;
	rig_greet(r, &c, &p.t);
	pos_ask_with(&c, &wrong, pos_forms(&p), 0);
	pos_refused(&c, ERR_REFUSED);
	told(&p, "SIGN_IN", "other-tmk");
	hex_encode(VIEW(p.check.value, FORMAT_CHECK), here);
	hex_encode(VIEW(wrong.value, FORMAT_CHECK), there);
	rig_text(r, text,
		 "SELECT tmk_kms || ' ' || tmk_terminal FROM download_error WHERE serial_number = ? ORDER BY id DESC",
		 p.t.serial);
	ck_assert_msg(!strncmp(text, here, 6) && !strcmp(text + 7, there), "%s is not %s %s", text, here, there);
	ck_assert_int_eq(rows(&p, "1 = 1"), 0);
	/* nothing of it is a failure that locks anybody out */
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM throttle WHERE failures > 0 AND serial_number = ?", p.t.serial), 0);
	pos_sign_in(&p);
	both_have_the_same(&p);
	rig_terminal_done(&p.t);
}
END_TEST

/* R1.13: limited and locked out as downloads are; R1.10: a proof is for what it was made for */
START_TEST(wrong_proofs_get_no_keys_and_lock_out)
{
	struct frame bad = { .type = FRAME_SIGN_IN };
	uint8_t tag[OPS_TAG_MAX], forms = 0;
	struct rig_client c;
	struct pos p;
	BUF_AUTO check = { 0 };

	pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	check_value_put(&check, &p.check);
	for (int i = 0; i < 5; i++) {
		rig_greet(r, &c, &p.t);
		if (i == 0) { /* the proof of a download */
			forms = pos_forms(&p);
			bad.field[SIGN_IN_TAG] = VIEW(tag, rig_proof(r, &c, tag));
			bad.field[SIGN_IN_CHECK] = buf_view(&check);
			bad.field[SIGN_IN_FORMS] = VIEW(&forms, 1);
			rig_send(&c, &bad);
		} else {
			pos_ask_with(&c, &p.check, pos_forms(&p), 1);
		}
		pos_refused(&c, ERR_REFUSED);
	}
	told(&p, "SIGN_IN", "proof");
	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, p.t.serial, VIEW("0123456789abcdef", 16));
	pos_refused(&c, ERR_REFUSED);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM throttle WHERE locked_until > 0 AND serial_number = ?", p.t.serial), 1);
	ck_assert_int_eq(rows(&p, "1 = 1"), 0);
	command("lockout lift %s 127.0.0.1", &p);
	/* forms that nobody has, a check value that is none: malformed */
	rig_greet(r, &c, &p.t);
	bad.field[SIGN_IN_TAG] = VIEW("0123456789abcdef", 16);
	bad.field[SIGN_IN_CHECK] = buf_view(&check);
	bad.field[SIGN_IN_FORMS] = VIEW("\4", 1);
	rig_send(&c, &bad);
	pos_refused(&c, ERR_MALFORMED);
	rig_terminal_done(&p.t);
}
END_TEST

/* A confirmation that is altered, of another sign-in, or twice changes nothing of what counts. */
START_TEST(confirmations_count_once_and_for_their_own_sign_in)
{
	struct ops_wk_loaded first;
	struct rig_client c;
	struct pos p;

	pos_known(&p, kinds[_i].suite, kinds[_i].handshake);
	pos_sign_in(&p);
	first = p.keys;
	/* its MAC */
	pos_ask(&c, &p);
	pos_confirm(&c, &p, 0, 1);
	pos_refused(&c, ERR_REFUSED);
	told(&p, "WK_CONFIRM", "confirm");
	/* other check values */
	pos_ask(&c, &p);
	pos_confirm(&c, &p, 1, 0);
	pos_refused(&c, ERR_REFUSED);
	told(&p, "WK_CONFIRM", "confirm-value");
	/* that of the first sign-in once more */
	pos_ask(&c, &p);
	p.keys = first;
	pos_confirm(&c, &p, 0, 0);
	pos_refused(&c, ERR_REFUSED);
	both_have_the_same(&p);
	/* twice on its own connection: the second finds it closed */
	pos_ask(&c, &p);
	pos_confirm(&c, &p, 0, 0);
	ck_assert_int_eq(rig_recv(&c).type, FRAME_DONE);
	ck_assert_int_eq(rig_recv(&c).type, 0);
	rig_close(&c);
	both_have_the_same(&p);
	ck_assert_uint_eq(p.keys.generation, 5);
	database_is_whole();
	rig_terminal_done(&p.t);
}
END_TEST

START_TEST(frames_out_of_order_end_a_sign_in)
{
	static const struct {
		uint8_t type;
		bool asked;
	} rows[] = { { FRAME_WK_CONFIRM, false }, { FRAME_WORKING_KEYS, false }, { FRAME_SIGN_IN, true },
		     { FRAME_PROOF_T, true },     { FRAME_CONFIRM, true },       { FRAME_WORKING_KEYS, true } };
	struct pos p;

	pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	pos_sign_in(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame bad = { .type = rows[i].type };
		struct rig_client c;
		struct pos late = p;

		if (rows[i].asked)
			pos_ask(&c, &late);
		else
			rig_greet(r, &c, &p.t);
		bad.field[0] = rows[i].type == FRAME_WK_CONFIRM ? VIEW("\2abc\2abc", 8) : VIEW("0123456789abcdef", 16);
		if (rows[i].type == FRAME_CONFIRM)
			bad.field[0] = VIEW("\2abc", 4);
		bad.field[1] = rows[i].type == FRAME_SIGN_IN ? VIEW("\2abc", 4) : VIEW("0123456789abcdef", 16);
		bad.field[2] = VIEW("\1", 1);
		rig_send(&c, &bad);
		pos_refused(&c, ERR_UNEXPECTED);
		both_have_the_same(&p);
	}
	rig_terminal_done(&p.t);
}
END_TEST

/* What the contract of kms/signin.h says for each place where it may break off. */
START_TEST(what_breaks_off_leaves_the_keys_of_before)
{
	struct rig_client c;
	struct pos p;
	int64_t before;

	pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	pos_sign_in(&p);
	before = current(&p);
	/* the confirmation never comes */
	pos_ask(&c, &p);
	rig_close(&c);
	ck_assert_int_eq(current(&p), before);
	ck_assert_int_eq(rows(&p, "confirmed = 0 AND retired = 0"), 2);
	/* the KMS is killed before it comes */
	pos_ask(&c, &p);
	rig_stop(r, SIGKILL);
	rig_close(&c);
	ck_assert_int_eq(current(&p), before);
	/* and while it is on its way: it counts, or it does not */
	rig_start(r);
	pos_ask(&c, &p);
	pos_confirm(&c, &p, 0, 0);
	rig_stop(r, SIGKILL);
	rig_close(&c);
	ck_assert(current(&p) == before || current(&p) == (int64_t)p.keys.generation);
	rig_start(r);
	database_is_whole();
	/* the terminal signs in again: that is what counts, and nothing waits any more */
	pos_sign_in(&p);
	both_have_the_same(&p);
	ck_assert_int_eq(rows(&p, "retired = 0"), 2);
	database_is_whole();
	rig_terminal_done(&p.t);
}
END_TEST

/* Two sign-ins of one terminal at once at two nodes: the later HELLO wins, the other one is told. */
START_TEST(of_two_sign_ins_at_once_the_later_one_counts)
{
	for (int round = 0; round < 4; round++) {
		struct rig_client c[2];
		struct pos p, late;
		char one[64];

		pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
		late = p;
		memcpy(one, r->terminals, sizeof(one));
		pos_ask(&c[0], &p);
		if (round & 1)
			rig_node_use(&other);
		pos_ask(&c[1], &late);
		memcpy(r->terminals, one, sizeof(one));
		if (round & 2) {
			pos_confirm(&c[1], &late, 0, 0);
			pos_done(&c[1]);
		}
		pos_confirm(&c[0], &p, 0, 0);
		pos_refused(&c[0], ERR_REFUSED);
		if (!(round & 2)) {
			ck_assert_int_eq(current(&p), 0);
			pos_confirm(&c[1], &late, 0, 0);
			pos_done(&c[1]);
		}
		both_have_the_same(&late);
		told(&p, "WK_CONFIRM", "superseded");
		rig_terminal_done(&p.t);
	}
	database_is_whole();
}
END_TEST

/* R1.12: working keys die with their TMK */
START_TEST(working_keys_go_with_the_tmk_that_they_came_under)
{
	struct rig_client c;
	struct pos p, held;

	pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	pos_sign_in(&p);
	/* the same TMK once more: the terminal's secure module begins anew */
	pos_load_tmk(&p);
	ck_assert_int_eq(current(&p), 0);
	pos_sign_in(&p);
	command("tmk-renew %s", &p);
	/* until the new one is there the older one and its keys count */
	pos_sign_in(&p);
	both_have_the_same(&p);
	held = p;
	pos_ask(&c, &held);
	pos_load_tmk(&p);
	ck_assert_int_eq(current(&p), 0);
	pos_confirm(&c, &held, 0, 0);
	pos_refused(&c, ERR_REFUSED);
	ck_assert_int_eq(current(&p), 0);
	pos_sign_in(&p);
	both_have_the_same(&p);
	ck_assert_int_eq(
	    rig_number(r, "SELECT max(tmk_generation) FROM working_key WHERE retired = 0 AND serial_number = ?",
		       p.t.serial),
	    2);
	/* the older TMK gets none */
	rig_greet(r, &c, &p.t);
	pos_ask_with(&c, &held.check, pos_forms(&p), 0);
	pos_refused(&c, ERR_REFUSED);
	told(&p, "SIGN_IN", "other-tmk");
	database_is_whole();
	rig_terminal_done(&p.t);
}
END_TEST

/* The storage key rotates: working keys of all times go with it; what is damaged is named. */
START_TEST(working_keys_go_under_the_next_storage_key)
{
	static const char under[] = "SELECT count(DISTINCT storage_key) FROM working_key";
	char before[512], after[512], text[400];
	BUF_AUTO out = { 0 };
	struct pos p;
	int64_t all;

	pos_known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	pos_sign_in(&p);
	pos_sign_in(&p);
	rig_text(r, before, "SELECT storage_key FROM working_key WHERE serial_number = ?", p.t.serial);
	ck_assert_msg(!rig_command(r, "srk-init SRK 53", &out), "%s", (char *)out.p);
	sleep(NOTICE_S);
	pos_sign_in(&p);
	ck_assert_int_eq(rig_number(r, under, NULL), 2);
	buf_done(&out);
	ck_assert_msg(!rig_command(r, "srk-rewrap", &out), "%s", (char *)out.p);
	ck_assert_msg(strstr((char *)out.p, "holds every TMK and every working key") != NULL, "%s", (char *)out.p);
	rig_text(r, after, "SELECT storage_key FROM working_key WHERE serial_number = ?", p.t.serial);
	ck_assert_str_ne(before, after);
	ck_assert_int_eq(rig_number(r, under, NULL), 1);
	all = rig_number(r, "SELECT count(*) FROM working_key", NULL);
	both_have_the_same(&p);
	database_is_whole();
	/* one that no key opens, and one whose row says something else */
	snprintf(text, sizeof(text),
		 "UPDATE working_key SET check_value = '000000' WHERE generation = 1 AND kind = 'MACKEY' AND "
		 "serial_number = '%s';"
		 "UPDATE working_key SET ciphertext = (SELECT ciphertext FROM tmk LIMIT 1)"
		 " WHERE generation = 2 AND kind = 'PINKEY' AND serial_number = '%s'",
		 p.t.serial, p.t.serial);
	rig_db_write(r, text);
	buf_done(&out);
	ck_assert_int_eq(rig_command(r, "db check --all --json", &out), 3);
	ck_assert_msg(strstr((char *)out.p, "working-ciphertext") && strstr((char *)out.p, "working-check"), "%s",
		      (char *)out.p);
	buf_done(&out);
	ck_assert_int_ne(rig_command(r, "srk-rewrap", &out), 0);
	snprintf(text, sizeof(text), "failed\t%s\t1 MACKEY\tits check value is ", p.t.serial);
	ck_assert_msg(strstr((char *)out.p, text) != NULL, "%s", (char *)out.p);
	snprintf(text, sizeof(text), "failed\t%s\t2 PINKEY\tworking key of the database: form", p.t.serial);
	ck_assert_msg(strstr((char *)out.p, text) != NULL, "%s", (char *)out.p);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM working_key", NULL), all);
	/* the terminal is served all the same */
	pos_sign_in(&p);
	both_have_the_same(&p);
	rig_terminal_done(&p.t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_signin");
	TCase *c = tcase_create("kms_signin");
	SRunner *runner = srunner_create(s);
	int all = rig_suite_1() ? (int)ARRAY_LEN(kinds) : 2, failed;

	tcase_set_timeout(c, 240);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, each_sign_in_replaces_the_working_keys_of_before, 0, all);
	tcase_add_test(c, another_tmk_or_none_gets_no_working_keys);
	tcase_add_test(c, wrong_proofs_get_no_keys_and_lock_out);
	tcase_add_loop_test(c, confirmations_count_once_and_for_their_own_sign_in, 0, 2);
	tcase_add_test(c, frames_out_of_order_end_a_sign_in);
	tcase_add_test(c, what_breaks_off_leaves_the_keys_of_before);
	tcase_add_test(c, of_two_sign_ins_at_once_the_later_one_counts);
	tcase_add_test(c, working_keys_go_with_the_tmk_that_they_came_under);
	if (rig_suite_1())
		tcase_add_test(c, working_keys_go_under_the_next_storage_key);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
