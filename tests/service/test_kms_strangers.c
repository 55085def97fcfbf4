/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms_rig.h"

/* Somebody who knows serial numbers and no key, at another address: he learns nothing, stops nothing, slows nothing
 * down. */

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

/* R1.13: one that proves nothing gets nothing, and is locked out where he is; the terminal is not */
START_TEST(a_fake_terminal_gets_no_tmk_and_does_no_harm)
{
	struct rig_terminal t = { 0 };
	uint8_t tag[16];
	int proofs = 0;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 30; i++) {
		struct rig_client c;
		struct frame got = rig_stranger(r, &c, "127.0.0.2", t.serial);

		if (got.type == FRAME_PROOF_K) {
			ck_assert(!ops_random(r->pos_ops, tag, sizeof(tag), NULL));
			rig_proof_send(&c, VIEW(tag, 16));
			rig_refused(&c, ERR_REFUSED);
			proofs++;
		} else {
			ck_assert_int_eq(got.type, FRAME_ERROR);
			ck_assert_uint_eq(frame_error_code(&got), ERR_REFUSED);
		}
		rig_close(&c);
		if (i == 10)
			rig_download(r, &t);
	}
	ck_assert_int_eq(proofs, 5);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM throttle WHERE serial_number = ? AND address = '127.0.0.2'"
				    " AND locked_until > 0",
				    t.serial),
			 1);
	ck_assert_int_ge(
	    rig_number(r, "SELECT count(*) FROM audit WHERE object = ? AND text LIKE 'proof %is locked%'", t.serial),
	    1);
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

/* One handshake of somebody who proves nothing: the types and lengths of all that he sees, as text. */
static void seen(const char *serial, uint8_t version, size_t nonce_len, char ret[200])
{
	uint8_t random[16], tag[16];
	struct rig_client c;
	struct frame got;
	size_t n = 0;

	rig_connect_from(r, &c, "127.0.0.3");
	ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
	ck_assert(!ops_random(r->pos_ops, tag, sizeof(tag), NULL));
	rig_hello_send(&c, version, serial, VIEW(random, nonce_len));
	got = rig_recv(&c);
	n += (size_t)snprintf(ret + n, 200 - n, "%s %zu %zu", frame_name(got.type), got.field[0].n, got.field[1].n);
	if (got.type == FRAME_PROOF_K) {
		rig_proof_send(&c, VIEW(tag, got.field[PROOF_K_TAG].n));
		got = rig_recv(&c);
		n += (size_t)snprintf(ret + n, 200 - n, ", %s %zu", frame_name(got.type), got.field[0].n);
	}
	if (got.type == FRAME_ERROR)
		n += (size_t)snprintf(ret + n, 200 - n, " code %u", frame_error_code(&got));
	rig_close(&c);
}

/* R1.13: nobody learns which serial numbers there are, nor which handshake version they have */
START_TEST(an_unknown_serial_number_looks_like_any_other)
{
	struct rig_terminal two = { 0 }, one = { 0 };
	char known[200], unknown[200], other[200];

	rig_known(r, &two, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_known(r, &one, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V1);
	seen(two.serial, FORMAT_HANDSHAKE_V2, 16, known);
	seen("NOBODY", FORMAT_HANDSHAKE_V2, 16, unknown);
	seen(one.serial, FORMAT_HANDSHAKE_V2, 16, other);
	ck_assert_str_eq(known, "PROOF_K 16 16, ERROR 2 code 4");
	ck_assert_str_eq(unknown, known);
	ck_assert_str_eq(other, known);
	rig_audited(r, "NOBODY", "unknown");
	rig_audited(r, one.serial, "version");
	seen(one.serial, FORMAT_HANDSHAKE_V1, 16, known);
	seen("NOBODY", FORMAT_HANDSHAKE_V1, 16, unknown);
	seen(two.serial, FORMAT_HANDSHAKE_V1, 16, other);
	ck_assert_str_eq(unknown, known);
	ck_assert_str_eq(other, known);
	seen(one.serial, FORMAT_HANDSHAKE_V1, 8, known);
	seen("NOBODY", FORMAT_HANDSHAKE_V1, 8, unknown);
	ck_assert_str_eq(unknown, known);
	/* and is locked out like any other */
	for (int i = 0; i < 5; i++) {
		seen(two.serial, FORMAT_HANDSHAKE_V2, 16, known);
		seen("NOBODY", FORMAT_HANDSHAKE_V2, 16, unknown);
		ck_assert(i < 4 || !strcmp(unknown, known));
	}
	ck_assert_str_eq(known, "ERROR 2 0 code 4");
	rig_terminal_done(&two);
	rig_terminal_done(&one);
}
END_TEST

/* R1.13: whoever knows a serial number ends nothing with it; only a proof does */
START_TEST(a_strangers_hellos_end_no_handshake)
{
	struct rig_terminal t = { 0 };
	struct rig_client a, b[20];
	struct check_value loaded;
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;
	size_t n;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_greet(r, &a, &t);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(rig_stranger(r, &b[i], "127.0.0.5", t.serial).type, FRAME_PROOF_K);
	n = rig_proof(r, &a, tag);
	rig_proof_send(&a, VIEW(tag, n));
	got = rig_recv(&a);
	ck_assert_int_eq(got.type, FRAME_TMK);
	ck_assert_int_eq(rig_load(r, &a, got.field[TMK_MESSAGE], &loaded), ERR_OK);
	for (int i = 0; i < 20; i++) {
		rig_proof_send(&b[i], VIEW(tag, n));
		rig_refused(&b[i], ERR_REFUSED);
		rig_close(&b[i]);
	}
	rig_confirm(r, &a, &loaded);
	got = rig_recv(&a);
	ck_assert_int_eq(got.type, FRAME_DONE);
	rig_close(&a);
	rig_terminal_done(&t);
}
END_TEST

/* R1.13: a flood at one serial number from another address; the terminal downloads meanwhile, whenever it likes */
START_TEST(a_flood_from_another_address_does_not_stop_the_terminal)
{
	struct rig_terminal t = { 0 };
	int limited = 0;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 150; i++) {
		struct rig_client c;
		struct frame got = rig_stranger(r, &c, "127.0.0.6", t.serial);

		limited += got.type == FRAME_ERROR && frame_error_code(&got) == ERR_REFUSED;
		rig_close(&c);
		if (i % 25 == 0)
			rig_download(r, &t);
	}
	/* 60 in a minute, in at most two minutes that the loop touches */
	ck_assert_int_ge(limited, 30);
	rig_download(r, &t);
	ck_assert_int_ge(rig_number(r, "SELECT count(*) FROM audit WHERE text LIKE 'rate at HELLO%'", NULL), 1);
	rig_terminal_done(&t);
}
END_TEST

static int64_t written(void)
{
	return rig_number(r, "SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM download_error)", NULL);
}

#define TOLD 20
#define FLOOD 60

/*
 * R1.13: serial numbers out of the air, each at once given up or proved wrongly: a few are written one by one, the
 * others as a number; the alarm and the lock-outs count all; and what a terminal of ours does is written as ever.
 */
START_TEST(a_flood_of_strangers_does_not_fill_the_disk)
{
	struct rig_terminal t = { 0 };
	uint8_t tag[16] = { 1 };
	int64_t before, failed;

	rig_stop(r, SIGTERM);
	rig_conf(r, "[limits]\ntold = 20\naddress_failures = 1000\n");
	rig_start(r);
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = written();
	failed = rig_number(r, "SELECT count(*) FROM handshake WHERE failed = 1", NULL);
	for (int i = 0; i < FLOOD; i++) {
		struct rig_client c;
		char serial[24], from[24];

		snprintf(serial, sizeof(serial), "AIR-%d", i);
		snprintf(from, sizeof(from), "127.0.9.%d", i + 1);
		ck_assert_int_eq(rig_stranger(r, &c, from, serial).type, FRAME_PROOF_K);
		if (i & 1) {
			rig_proof_send(&c, VIEW(tag, 16));
			rig_refused(&c, ERR_REFUSED);
		}
		rig_close(&c);
	}
	rig_wait(r, FLOOD, "SELECT count(*) FROM handshake WHERE serial_number LIKE 'AIR-%' AND state = 'ended'", NULL);
	ck_assert_int_le(written() - before, 2 * (TOLD + 10));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM handshake WHERE failed = 1", NULL) - failed, FLOOD / 2);
	before = written();
	rig_download(r, &t);
	ck_assert_int_eq(written() - before, 1);
	rig_terminal_done(&t);
}
END_TEST

/* R1.13: what a flood left behind is forgotten faster than a flood can bring it. */
START_TEST(rows_of_a_flood_are_forgotten_soon)
{
	rig_stop(r, SIGTERM);
	rig_db_write(r,
		     "INSERT INTO handshake(serial_number, nonce, host_nonce, node, address, peer, state, started,"
		     " expires) SELECT 'OLD', CAST('N' || x AS BLOB), CAST('H' || x AS BLOB), 'n', 'a', 'p', 'ended',"
		     " 1000, 1000 FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 6000)"
		     " SELECT x FROM c) AS old");
	rig_start(r);
	rig_wait(r, 0, "SELECT count(*) FROM handshake WHERE serial_number = 'OLD'", NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_strangers");
	TCase *c = tcase_create("kms_strangers");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_fake_terminal_gets_no_tmk_and_does_no_harm);
	tcase_add_test(c, an_unknown_serial_number_looks_like_any_other);
	tcase_add_test(c, a_strangers_hellos_end_no_handshake);
	tcase_add_test(c, a_flood_from_another_address_does_not_stop_the_terminal);
	tcase_add_test(c, rows_of_a_flood_are_forgotten_soon);
	tcase_add_test(c, a_flood_of_strangers_does_not_fill_the_disk);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
