/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kms_rig.h"

/* Lock-outs, caps, the alarm, what operators are told of failed downloads (R1.13, R2.5), and the life of TMKs (R1.12).
 */

static struct rig *r;

#define LOCK_S 2

static void setup(void)
{
	char more[500];

	r = rig_new();
	snprintf(more, sizeof(more),
		 "[limits]\npair_failures = 3\naddress_failures = 9\nlock_s = %d\nlock_max_s = %d\nunproven = 12\n"
		 "address_unproven = 6\nalarm_failures = 4\nalarm_window_s = 600\n"
		 "[terminals]\nexpiry_ms = 20000\n[tmk]\nrenew_after_downloads = 3\nrenew_after_days = 100\n",
		 LOCK_S, 4 * LOCK_S);
	rig_conf(r, more);
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

static struct frame hello(struct rig_client *c, const char *source, const char *serial)
{
	uint8_t random[16];

	ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
	rig_connect_from(r, c, source);
	rig_hello_send(c, FORMAT_HANDSHAKE_V2, serial, VIEW(random, 16));
	return rig_recv(c);
}

/* One wrong proof; false: refused at HELLO already. */
static bool wrong(const char *source, const char *serial)
{
	struct rig_client c;
	uint8_t tag[16] = { 0x77 };
	bool answered = hello(&c, source, serial).type == FRAME_PROOF_K;

	if (answered)
		rig_proof_send(&c, VIEW(tag, 16));
	if (answered)
		rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	return answered;
}

static int64_t locked(const char *serial, const char *address)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT locked_until FROM throttle WHERE address = '%s' AND serial_number = ?",
		 address);
	return rig_number(r, sql, serial);
}

static void tells(const char *command, int status, const char *text)
{
	BUF_AUTO out = { 0 };

	ck_assert_msg(rig_command(r, command, &out) == status, "%s: %s", command, (char *)out.p);
	ck_assert_msg(strstr((char *)out.p, text) != NULL, "%s: %s", command, (char *)out.p);
}

/* The alarm is for other tests; here it must not stand. */
static void alarms_close(void)
{
	BUF_AUTO out = { 0 };
	char command[40];

	while (rig_number(r, "SELECT count(*) FROM alarm WHERE closed = 0", NULL)) {
		snprintf(command, sizeof(command), "alarm close %lld",
			 (long long)rig_number(r, "SELECT min(id) FROM alarm WHERE closed = 0", NULL));
		ck_assert_int_eq(rig_command(r, command, &out), 0);
	}
}

START_TEST(a_lock_out_grows_is_bounded_and_ends)
{
	struct rig_terminal t = { 0 };
	int64_t first, second, now;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 3; i++)
		ck_assert(wrong("127.0.0.10", t.serial));
	now = (int64_t)time(NULL);
	first = locked(t.serial, "127.0.0.10");
	ck_assert_int_le(first, now + LOCK_S);
	/* nobody else's: not the same terminal elsewhere, not another one here */
	rig_download(r, &t);
	while ((int64_t)time(NULL) < first)
		usleep(20000);
	ck_assert(wrong("127.0.0.10", t.serial));
	second = locked(t.serial, "127.0.0.10");
	now = (int64_t)time(NULL);
	ck_assert(second > now && second <= now + 2 * LOCK_S);
	ck_assert_int_ge(second - now, 2 * LOCK_S - 1);
	ck_assert(!wrong("127.0.0.10", t.serial));
	rig_terminal_done(&t);
	alarms_close();
}
END_TEST

START_TEST(a_proof_that_holds_clears_its_pair)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 4; i++) {
		ck_assert(wrong("127.0.0.11", t.serial));
		ck_assert(wrong("127.0.0.11", t.serial));
		rig_connect_from(r, &c, "127.0.0.11");
		rig_download_on(r, &c, &t);
		ck_assert_int_eq(rig_number(r,
					    "SELECT failures FROM throttle WHERE address = '127.0.0.11'"
					    " AND serial_number = ?",
					    t.serial),
				 0);
	}
	rig_terminal_done(&t);
	alarms_close();
}
END_TEST

/* Wrong proofs for many serial numbers from one address lock that address, and no other. */
START_TEST(an_address_that_tries_many_serial_numbers_is_locked)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	char serial[16];
	BUF_AUTO out = { 0 };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 9; i++) {
		snprintf(serial, sizeof(serial), "GUESS%d", i);
		ck_assert(wrong("127.0.0.12", serial));
	}
	ck_assert_int_eq(hello(&c, "127.0.0.12", t.serial).type, FRAME_ERROR);
	rig_close(&c);
	rig_download(r, &t);
	ck_assert_int_eq(rig_command(r, "lockouts", &out), 0);
	ck_assert_ptr_nonnull(strstr((char *)out.p, "127.0.0.12"));
	/* lifted by command: the address alone */
	ck_assert_int_eq(rig_command(r, "lockout lift - 127.0.0.12", &out), 0);
	ck_assert_int_ne(rig_command(r, "lockout lift - 127.0.0.99", &out), 0);
	rig_connect_from(r, &c, "127.0.0.12");
	rig_download_on(r, &c, &t);
	ck_assert_int_eq(rig_command(r, "lockout lift - -", &out), 0);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM throttle WHERE locked_until > 0", NULL), 0);
	rig_terminal_done(&t);
	alarms_close();
}
END_TEST

/* Handshakes that prove nothing: so many of an address, so many in all; then busy, until they are over. */
START_TEST(handshakes_without_a_proof_are_capped)
{
	struct rig_terminal t = { 0 };
	struct rig_client c[18], more;
	struct frame got;
	int n = 0;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (; n < 6; n++)
		ck_assert_int_eq(hello(&c[n], "127.0.0.13", t.serial).type, FRAME_PROOF_K);
	got = hello(&more, "127.0.0.13", t.serial);
	ck_assert_int_eq(got.type, FRAME_ERROR);
	ck_assert_uint_eq(frame_error_code(&got), ERR_BUSY);
	rig_close(&more);
	/* the others are not stopped by it */
	rig_download(r, &t);
	/* that proof ended those; these are nobody's */
	for (; n < 18; n++)
		ck_assert_int_eq(hello(&c[n], n < 12 ? "127.0.0.14" : "127.0.0.16", "NOBODY").type, FRAME_PROOF_K);
	got = hello(&more, "127.0.0.15", t.serial);
	ck_assert_uint_eq(frame_error_code(&got), ERR_BUSY);
	rig_close(&more);
	while (n > 0)
		rig_close(&c[--n]);
	rig_wait(r, 0, "SELECT count(*) FROM handshake WHERE state = 'open'", NULL);
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

/* Opened once, told, closed by command; what was before does not open it again. */
START_TEST(failed_proofs_over_all_terminals_open_one_alarm)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO out = { 0 };
	char serial[16], text[512];
	int64_t before = rig_number(r, "SELECT count(*) FROM alarm", NULL);

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	tells("sender add acme --mailbox kms@acme.example --server 127.0.0.1:1 --tls tls", 0, "");
	tells("recipient add night --mailbox night@acme.example --sender acme --type alarm", 0, "");
	/* counted from the next second on: what other tests left is over */
	sleep(1);
	for (int i = 0; i < 6; i++) {
		char source[16];

		snprintf(serial, sizeof(serial), "ALARM%d", i);
		snprintf(source, sizeof(source), "127.0.1.%d", i + 1);
		ck_assert(wrong(source, serial));
		if (i == 2)
			ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM alarm", NULL), before);
	}
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM alarm WHERE closed = 0", NULL), 1);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM audit WHERE event = 'alarm'", NULL), before + 1);
	snprintf(text, sizeof(text), "grep -q 'error kmsd alarm: ' %s/kmsd.log", r->dir);
	ck_assert_int_eq(system(text), 0);
	/* R2.8: and a mail is on its way to whom it concerns */
	ck_assert_int_eq(
	    rig_number(
		r,
		"SELECT count(*) FROM notification WHERE event = 'alarm' AND recipient LIKE '%night@acme.example%'"
		" AND body LIKE '%handshakes failed their proof%'",
		NULL),
	    before + 1);
	/* it says where most of it came from */
	ck_assert_int_eq(
	    rig_number(r,
		       "SELECT count(*) FROM notification WHERE event = 'alarm' AND body LIKE '%address 127.0.1.%'"
		       " AND body LIKE '%serial number ALARM%' AND body NOT LIKE '%{%'",
		       NULL),
	    before + 1);
	/* terminals go on */
	rig_download(r, &t);
	ck_assert_int_eq(rig_command(r, "alarms --json", &out), 0);
	ck_assert_ptr_nonnull(strstr((char *)out.p, "\"closed\":0"));
	ck_assert_int_ne(rig_command(r, "alarm close 4711", &out), 0);
	ck_assert_int_ne(rig_command(r, "alarm close x", &out), 0);
	alarms_close();
	sleep(1);
	ck_assert(wrong("127.0.1.20", "ALARM9"));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM alarm WHERE closed = 0", NULL), 0);
	rig_terminal_done(&t);
}
END_TEST

/* R2.5: both sides' check values; told once a terminal reports them, and whether it is the same TK */
START_TEST(a_failed_download_tells_the_operator_both_sides)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	struct check_value tek, auk;
	uint8_t code[2] = { 0, 4 };
	char formal[16], sql[400], hsm[512], told[512];
	BUF_AUTO same = { 0 };
	BUF_AUTO report = { 0 };
	static const uint8_t other[8] = { 2, 0xaa, 0xbb, 0xcc, 2, 0xdd, 0xee, 0xff };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_text(r, hsm, "SELECT tek_check_value || '/' || auk_check_value FROM key_formal WHERE serial_number = ?",
		 t.serial);
	snprintf(formal, sizeof(formal), "%.15s", hsm);
	for (int i = 0; i < 3; i++) {
		struct frame error = { .type = FRAME_ERROR, .field = { VIEW(code, 2) } };

		rig_greet(r, &c, &t);
		if (i == 0) { /* the terminal's own */
			ck_assert(!ops_tk_check_values(r->pos_ops, &c.tk, &tek, &auk, NULL));
			check_value_put(&same, &tek);
			check_value_put(&same, &auk);
			error.field[ERROR_CHECKS] = buf_view(&same);
		} else if (i == 1) {
			error.field[ERROR_CHECKS] = VIEW(other, 8);
		}
		rig_send(&c, &error);
		ck_assert_int_eq(rig_recv(&c).type, 0);
		rig_close(&c);
	}
	rig_wait(r, 3, "SELECT count(*) FROM download_error WHERE serial_number = ?", t.serial);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM download_error WHERE serial_number = ? AND reason = 'peer' AND step = 'PROOF_T'"
		 " AND tek_formal || '/' || auk_formal = '%s' AND tek_hsm || '/' || auk_hsm = '%s'",
		 formal, formal);
	ck_assert_int_eq(rig_number(r, sql, t.serial), 3);
	rig_text(r, told,
		 "SELECT tek_terminal || '/' || auk_terminal FROM download_error WHERE serial_number = ? ORDER BY id"
		 " LIMIT 1",
		 t.serial);
	if (tek.method == 2) /* by the same method on both sides */
		ck_assert_str_eq(told, formal);
	ck_assert_int_eq(rig_command(r, "download-errors --json", &report), 0);
	if (tek.method == 2)
		ck_assert_ptr_nonnull(strstr((char *)report.p, "\"verdict\":\"same TK\""));
	ck_assert_ptr_nonnull(strstr((char *)report.p, "\"verdict\":\"the terminal says another TK\""));
	ck_assert_ptr_nonnull(strstr((char *)report.p, "aabbcc/ddeeff"));
	/* a wrong proof: the HSM's values stand there, the terminal's do not */
	wrong("127.0.0.16", t.serial);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM download_error WHERE serial_number = ? AND reason = 'proof'"
				    " AND tek_hsm = tek_formal AND tek_terminal = ''",
				    t.serial),
			 1);
	rig_terminal_done(&t);
	alarms_close();
}
END_TEST

/* ---- TMKs ---- */

static void give_record(struct rig_terminal *t, const char *serial)
{
	BUF_AUTO record = { 0 };

	rig_tk(r, t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, t, "ACME", false, &record);
	rig_import(r, &record);
}

/* made, sent, confirmed: when, and in this order */
START_TEST(tmks_are_made_in_advance_and_their_state_is_known)
{
	static const char count_sql[] = "SELECT count(*) FROM tmk WHERE serial_number = ?";
	struct rig_terminal t[5] = { { { 0 } } };
	struct check_value loaded;
	struct rig_client c;
	struct frame got;
	uint8_t tag[OPS_TAG_MAX];
	char hex[2 * FORMAT_CHECK + 1], text[512], serial[16];
	size_t n;

	tells("tmk-make --all", 0, "TMKs made, 0 failed");
	for (int i = 0; i < 5; i++) {
		snprintf(serial, sizeof(serial), "POOL%d", i);
		give_record(&t[i], serial);
	}
	tells("tmk-make POOL3 POOL3 POOL1", 0, "2 TMKs made, 0 failed");
	tells("tmk-make NOSUCH POOL1", 1, "failed\tNOSUCH\tno formal record");
	tells("tmk-make --count 2", 0, "2 TMKs made, 0 failed");
	ck_assert_int_eq(rig_number(r, count_sql, "POOL0"), 1);
	ck_assert_int_eq(rig_number(r, count_sql, "POOL2"), 1);
	ck_assert_int_eq(rig_number(r, count_sql, "POOL4"), 0);
	tells("tmk-make --all", 0, "1 TMKs made, 0 failed");
	tells("tmk-make --all", 0, "0 TMKs made, 0 failed");
	tells("tmk-make --count 0", 1, "tmk-make");
	tells("tmk-make", 1, "tmk-make");
	rig_text(r, text, "SELECT check_value FROM tmk WHERE serial_number = ? AND sent = 0 AND confirmed = 0",
		 "POOL1");
	/* given out, and nothing heard of it */
	rig_greet(r, &c, &t[1]);
	n = rig_proof(r, &c, tag);
	rig_proof_send(&c, VIEW(tag, n));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_TMK);
	rig_close(&c);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ? AND sent > 0 AND confirmed = 0", "POOL1"),
	    1);
	loaded = rig_download(r, &t[1]);
	hex_encode(VIEW(loaded.value, FORMAT_CHECK), hex);
	ck_assert_str_eq(hex, text);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ? AND confirmed > 0 AND downloads = 1",
		       "POOL1"),
	    1);
	tells("tmks --json", 0, "\"confirmed\"");
	for (int i = 0; i < 5; i++)
		rig_terminal_done(&t[i]);
}
END_TEST

/* A renewed TMK counts when the terminal confirmed it; until then it is the same one, and the older one stays. */
START_TEST(renewal_takes_effect_with_the_confirmation)
{
	struct rig_terminal t = { 0 };
	struct check_value old, loaded[2];
	struct rig_client c;
	struct frame got;
	uint8_t tag[OPS_TAG_MAX];
	size_t n;

	give_record(&t, "RENEW1");
	old = rig_download(r, &t);
	tells("tmk-renew RENEW1", 0, "1 TMKs are to be renewed");
	tells("tmk-renew RENEW1 NOSUCH", 1, "no TMK for serial number NOSUCH");
	for (int i = 0; i < 2; i++) {
		rig_greet(r, &c, &t);
		n = rig_proof(r, &c, tag);
		rig_proof_send(&c, VIEW(tag, n));
		got = rig_recv(&c);
		ck_assert_int_eq(got.type, FRAME_TMK);
		ck_assert_int_eq(rig_load(r, &c, got.field[TMK_MESSAGE], &loaded[i]), ERR_OK);
		rig_close(&c);
		ck_assert_int_eq(rig_number(r,
					    "SELECT max(generation) FROM tmk WHERE serial_number = ? AND confirmed > 0",
					    t.serial),
				 1);
	}
	ck_assert_mem_eq(loaded[0].value, loaded[1].value, FORMAT_CHECK);
	ck_assert(memcmp(loaded[0].value, old.value, FORMAT_CHECK) != 0);
	loaded[0] = rig_download(r, &t);
	ck_assert_mem_eq(loaded[0].value, loaded[1].value, FORMAT_CHECK);
	ck_assert_int_eq(
	    rig_number(r, "SELECT max(generation) FROM tmk WHERE serial_number = ? AND confirmed > 0", t.serial), 2);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t.serial), 2);
	rig_terminal_done(&t);
}
END_TEST

static int64_t generations(const char *serial)
{
	return rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", serial);
}

START_TEST(a_tmk_is_renewed_by_policy_and_by_age)
{
	struct rig_terminal t = { 0 };

	give_record(&t, "RENEW2");
	for (int i = 0; i < 3; i++)
		rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 1);
	/* renew_after_downloads = 3 */
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 2);
	/* renew_after_days = 100 */
	rig_db_write(r, "UPDATE tmk SET confirmed = confirmed - 8640001 WHERE serial_number = 'RENEW2'");
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 3);
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 3);
	/* by command: those made, those under a storage key, those whose TK is from before a day */
	tells("tmk-renew --made-before 2001-02-03", 0, "0 TMKs are to be renewed");
	tells("tmk-renew --srk-before 2001-02-03", 0, "0 TMKs are to be renewed");
	tells("tmk-renew --tk-before 2001-02-03", 0, "0 TMKs are to be renewed");
	rig_db_write(r, "UPDATE tmk SET made = 1000 WHERE serial_number = 'RENEW2'");
	tells("tmk-renew --made-before 2001-02-03", 0, "1 TMKs are to be renewed");
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 4);
	rig_db_write(r, "UPDATE tmk SET wrapped = 1000 WHERE serial_number = 'RENEW2'");
	tells("tmk-renew --srk-before 2001-02-03", 0, "1 TMKs are to be renewed");
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 5);
	tells("tmk-renew --tk-before 2101-01-01", 0, "TMKs are to be renewed");
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE renew = 1 AND serial_number = ?", t.serial), 3);
	rig_download(r, &t);
	ck_assert_int_eq(generations(t.serial), 6);
	tells("tmk-renew --all", 0, "TMKs are to be renewed");
	tells("tmk-renew --all", 0, "0 TMKs are to be renewed");
	tells("tmk-renew --made-before yesterday", 1, "YYYY-MM-DD");
	tells("tmk-renew --made-before", 1, "YYYY-MM-DD");
	tells("tmk-renew --sometimes", 1, "YYYY-MM-DD");
	rig_terminal_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_limits");
	TCase *c = tcase_create("kms_limits");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, failed_proofs_over_all_terminals_open_one_alarm);
	tcase_add_test(c, a_lock_out_grows_is_bounded_and_ends);
	tcase_add_test(c, a_proof_that_holds_clears_its_pair);
	tcase_add_test(c, an_address_that_tries_many_serial_numbers_is_locked);
	tcase_add_test(c, handshakes_without_a_proof_are_capped);
	tcase_add_test(c, a_failed_download_tells_the_operator_both_sides);
	tcase_add_test(c, tmks_are_made_in_advance_and_their_state_is_known);
	tcase_add_test(c, renewal_takes_effect_with_the_confirmation);
	tcase_add_test(c, a_tmk_is_renewed_by_policy_and_by_age);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
