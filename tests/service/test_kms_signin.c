/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kms_rig.h"

/* Working keys: what a sign-in leaves on both sides, whatever goes wrong in it (R1.12, R1.13). */

static struct rig *r;
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

/* ---- an honest terminal, step by step ---- */

/* What a terminal has: its TK, its TMK, the keys of its last sign-in. */
struct pos {
	struct rig_terminal t;
	uint8_t tmk[8], wk[8];    /* ids */
	struct check_value check; /* of the TMK */
	struct ops_wk_loaded keys;
};

static struct ops_shake shake_of(const struct rig_client *c)
{
	return (struct ops_shake){ VIEW(c->terminal_random, c->nonce_len), VIEW(c->host_random, c->nonce_len) };
}

static void new_id(uint8_t id[8])
{
	static uint64_t number = 1000000;

	be_put64(id, ++number);
}

static void load_tmk(struct pos *p)
{
	struct rig_client c;
	struct ops_shake shake;
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;

	rig_greet(r, &c, &p->t);
	rig_proof_send(&c, VIEW(tag, rig_proof(r, &c, tag)));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_TMK);
	shake = shake_of(&c);
	new_id(p->tmk);
	ck_assert(!ops_tmk_load(r->pos_ops, &c.tk, &shake, got.field[TMK_MESSAGE], VIEW(p->tmk, 8), &p->check, NULL));
	rig_confirm(r, &c, &p->check);
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_DONE);
	rig_close(&c);
}

static void known(struct pos *p, uint8_t suite, uint8_t handshake)
{
	*p = (struct pos){ 0 };
	rig_known(r, &p->t, suite, handshake);
	load_tmk(p);
}

static uint8_t forms_of(const struct pos *p)
{
	return ops_wk_forms(r->pos_ops, p->check.method == FORMAT_CHECK_CMAC ? FORMAT_KEY_AES : FORMAT_KEY_TDES);
}

/* SIGN_IN as an honest terminal sends it, or with one byte of its tag another one. */
static void ask_with(struct rig_client *c, const struct check_value *tmk, uint8_t forms, uint8_t spoil)
{
	struct ops_shake shake = shake_of(c);
	struct frame ask = { .type = FRAME_SIGN_IN };
	uint8_t tag[OPS_TAG_MAX];
	BUF_AUTO check = { 0 };
	size_t n = 0;

	ck_assert(!ops_sign_in_prove(r->pos_ops, &c->tk, &shake, tmk, forms, tag, &n, NULL));
	tag[0] ^= spoil;
	check_value_put(&check, tmk);
	ask.field[SIGN_IN_TAG] = VIEW(tag, n);
	ask.field[SIGN_IN_CHECK] = buf_view(&check);
	ask.field[SIGN_IN_FORMS] = VIEW(&forms, 1);
	rig_send(c, &ask);
}

/* Greets and asks; the keys are loaded under an id of their own. */
static void ask(struct rig_client *c, struct pos *p)
{
	struct ops_wk_load_in in = { .tk = &c->tk, .tmk_id = VIEW(p->tmk, 8) };
	struct ops_shake shake;
	struct fail f = { 0 };
	struct frame got;

	rig_greet(r, c, &p->t);
	ask_with(c, &p->check, forms_of(p), 0);
	got = rig_recv(c);
	ck_assert_msg(got.type == FRAME_WORKING_KEYS, "%s", frame_name(got.type));
	shake = shake_of(c);
	new_id(p->wk);
	in.shake = &shake;
	in.message = got.field[WORKING_KEYS_MESSAGE];
	in.id = VIEW(p->wk, 8);
	ck_assert_msg(!ops_wk_load(r->pos_ops, &in, &p->keys, &f), "%s", f.text);
}

static void confirm(struct rig_client *c, const struct pos *p, uint8_t spoil_check, uint8_t spoil_tag)
{
	struct frame out = { .type = FRAME_WK_CONFIRM };
	uint8_t tag[OPS_TAG_MAX];
	BUF_AUTO checks = { 0 };

	for (size_t i = 0; i < WK_KINDS; i++)
		check_value_put(&checks, &p->keys.check[i]);
	checks.p[checks.len - 1] ^= spoil_check;
	memcpy(tag, p->keys.confirm, p->keys.confirm_len);
	tag[0] ^= spoil_tag;
	out.field[WK_CONFIRM_CHECKS] = buf_view(&checks);
	out.field[WK_CONFIRM_TAG] = VIEW(tag, p->keys.confirm_len);
	rig_send(c, &out);
}

static void done(struct rig_client *c)
{
	struct frame got = rig_recv(c);

	ck_assert_msg(got.type == FRAME_DONE, "%s %u", frame_name(got.type),
		      got.type == FRAME_ERROR ? frame_error_code(&got) : 0);
	rig_close(c);
}

static void sign_in(struct pos *p)
{
	struct rig_client c;

	ask(&c, p);
	confirm(&c, p, 0, 0);
	done(&c);
}

/* ---- what is left of it ---- */

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

	known(&p, kinds[_i].suite, kinds[_i].handshake);
	ck_assert_int_eq(current(&p), 0);
	sign_in(&p);
	both_have_the_same(&p);
	memcpy(before, p.keys.check, sizeof(before));
	memcpy(one, r->terminals, sizeof(one));
	if (kinds[_i].suite == FORMAT_SUITE_AES) /* what the other one has keys for */
		rig_node_use(&other);
	sign_in(&p);
	memcpy(r->terminals, one, sizeof(one));
	ck_assert_uint_eq(p.keys.generation, 2);
	both_have_the_same(&p);
	ck_assert_mem_ne(before, p.keys.check, sizeof(before));
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM working_key WHERE confirmed > 0 AND retired > 0"
				    " AND generation = 1 AND serial_number = ?",
				    p.t.serial),
			 2);
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
	ask_with(&c, &p.check, 2, 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	told(&p, "SIGN_IN", "no-tmk");
	load_tmk(&p);
	wrong = p.check;
	wrong.value[1] ^= 4;
	rig_greet(r, &c, &p.t);
	ask_with(&c, &wrong, forms_of(&p), 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	told(&p, "SIGN_IN", "other-tmk");
	hex_encode(VIEW(p.check.value, FORMAT_CHECK), here);
	hex_encode(VIEW(wrong.value, FORMAT_CHECK), there);
	rig_text(r, text,
		 "SELECT tmk_kms || ' ' || tmk_terminal FROM download_error WHERE serial_number = ? ORDER BY id DESC",
		 p.t.serial);
	ck_assert_msg(!strncmp(text, here, 6) && !strcmp(text + 7, there), "%s is not %s %s", text, here, there);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM working_key WHERE serial_number = ?", p.t.serial), 0);
	/* nothing of it is a failure that locks anybody out */
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM throttle WHERE failures > 0 AND serial_number = ?", p.t.serial), 0);
	sign_in(&p);
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
	BUF_AUTO out = { 0 };
	char text[128];

	known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	check_value_put(&check, &p.check);
	for (int i = 0; i < 5; i++) {
		rig_greet(r, &c, &p.t);
		if (i == 0) { /* the proof of a download */
			forms = forms_of(&p);
			bad.field[SIGN_IN_TAG] = VIEW(tag, rig_proof(r, &c, tag));
			bad.field[SIGN_IN_CHECK] = buf_view(&check);
			bad.field[SIGN_IN_FORMS] = VIEW(&forms, 1);
			rig_send(&c, &bad);
		} else {
			ask_with(&c, &p.check, forms_of(&p), 1);
		}
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
	}
	told(&p, "SIGN_IN", "proof");
	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, p.t.serial, VIEW("0123456789abcdef", 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM throttle WHERE locked_until > 0 AND serial_number = ?", p.t.serial), 1);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM working_key WHERE serial_number = ?", p.t.serial), 0);
	snprintf(text, sizeof(text), "lockout lift %s 127.0.0.1", p.t.serial);
	ck_assert_msg(!rig_command(r, text, &out), "%s", (char *)out.p);
	/* forms that nobody has, a check value that is none: malformed */
	rig_greet(r, &c, &p.t);
	bad.field[SIGN_IN_TAG] = VIEW("0123456789abcdef", 16);
	bad.field[SIGN_IN_CHECK] = buf_view(&check);
	bad.field[SIGN_IN_FORMS] = VIEW("\4", 1);
	rig_send(&c, &bad);
	rig_refused(&c, ERR_MALFORMED);
	rig_close(&c);
	rig_terminal_done(&p.t);
}
END_TEST

/* A confirmation that is altered, of another sign-in, or twice changes nothing of what counts. */
START_TEST(confirmations_count_once_and_for_their_own_sign_in)
{
	struct ops_wk_loaded first;
	struct rig_client c;
	struct pos p;

	known(&p, kinds[_i].suite, kinds[_i].handshake);
	sign_in(&p);
	first = p.keys;
	/* its MAC */
	ask(&c, &p);
	confirm(&c, &p, 0, 1);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	told(&p, "WK_CONFIRM", "confirm");
	/* other check values */
	ask(&c, &p);
	confirm(&c, &p, 1, 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	told(&p, "WK_CONFIRM", "confirm-value");
	/* that of the first sign-in once more */
	ask(&c, &p);
	p.keys = first;
	confirm(&c, &p, 0, 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	both_have_the_same(&p);
	/* twice on its own connection: the second finds it closed */
	ask(&c, &p);
	confirm(&c, &p, 0, 0);
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

	known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	sign_in(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame bad = { .type = rows[i].type };
		struct rig_client c;
		struct pos late = p;

		if (rows[i].asked)
			ask(&c, &late);
		else
			rig_greet(r, &c, &p.t);
		bad.field[0] = rows[i].type == FRAME_WK_CONFIRM ? VIEW("\2abc\2abc", 8) : VIEW("0123456789abcdef", 16);
		if (rows[i].type == FRAME_CONFIRM)
			bad.field[0] = VIEW("\2abc", 4);
		bad.field[1] = rows[i].type == FRAME_SIGN_IN ? VIEW("\2abc", 4) : VIEW("0123456789abcdef", 16);
		bad.field[2] = VIEW("\1", 1);
		rig_send(&c, &bad);
		rig_refused(&c, ERR_UNEXPECTED);
		rig_close(&c);
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

	known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	sign_in(&p);
	before = current(&p);
	/* the confirmation never comes */
	ask(&c, &p);
	rig_close(&c);
	ck_assert_int_eq(current(&p), before);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM working_key WHERE confirmed = 0 AND retired = 0"
				    " AND serial_number = ?",
				    p.t.serial),
			 2);
	/* the KMS is killed before it comes */
	ask(&c, &p);
	rig_stop(r, SIGKILL);
	rig_close(&c);
	ck_assert_int_eq(current(&p), before);
	/* and while it is on its way: it counts, or it does not */
	rig_start(r);
	ask(&c, &p);
	confirm(&c, &p, 0, 0);
	rig_stop(r, SIGKILL);
	rig_close(&c);
	ck_assert(current(&p) == before || current(&p) == (int64_t)p.keys.generation);
	rig_start(r);
	database_is_whole();
	/* the terminal signs in again: that is what counts, and nothing waits any more */
	sign_in(&p);
	both_have_the_same(&p);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM working_key WHERE retired = 0 AND serial_number = ?", p.t.serial), 2);
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

		known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
		late = p;
		memcpy(one, r->terminals, sizeof(one));
		ask(&c[0], &p);
		if (round & 1)
			rig_node_use(&other);
		ask(&c[1], &late);
		memcpy(r->terminals, one, sizeof(one));
		if (round & 2) {
			confirm(&c[1], &late, 0, 0);
			done(&c[1]);
		}
		confirm(&c[0], &p, 0, 0);
		rig_refused(&c[0], ERR_REFUSED);
		rig_close(&c[0]);
		if (!(round & 2)) {
			ck_assert_int_eq(current(&p), 0);
			confirm(&c[1], &late, 0, 0);
			done(&c[1]);
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
	BUF_AUTO out = { 0 };
	char text[128];

	known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	sign_in(&p);
	/* the same TMK once more: the terminal's secure module begins anew */
	load_tmk(&p);
	ck_assert_int_eq(current(&p), 0);
	sign_in(&p);
	snprintf(text, sizeof(text), "tmk-renew %s", p.t.serial);
	ck_assert_msg(!rig_command(r, text, &out), "%s", (char *)out.p);
	/* until the new one is there the older one and its keys count */
	sign_in(&p);
	both_have_the_same(&p);
	held = p;
	ask(&c, &held);
	load_tmk(&p);
	ck_assert_int_eq(current(&p), 0);
	confirm(&c, &held, 0, 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	ck_assert_int_eq(current(&p), 0);
	sign_in(&p);
	both_have_the_same(&p);
	ck_assert_int_eq(
	    rig_number(r, "SELECT max(tmk_generation) FROM working_key WHERE retired = 0 AND serial_number = ?",
		       p.t.serial),
	    2);
	/* the older TMK gets none */
	rig_greet(r, &c, &p.t);
	ask_with(&c, &held.check, forms_of(&p), 0);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
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

	known(&p, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	sign_in(&p);
	sign_in(&p);
	rig_text(r, before, "SELECT storage_key FROM working_key WHERE serial_number = ?", p.t.serial);
	ck_assert_msg(!rig_command(r, "srk-init SRK 53", &out), "%s", (char *)out.p);
	sleep(NOTICE_S);
	sign_in(&p);
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
	sign_in(&p);
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
