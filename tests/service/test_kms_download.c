/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kms_rig.h"

/* Downloads from the KMS over TCP, by an honest terminal and by everybody else. */

static struct rig *r;

/* Short enough for the tests that wait for it, long enough for sanitizers on a loaded machine. */
#define EXPIRY_MS 4000
#define CONNECTIONS 8

static void setup(void)
{
	char more[100];

	r = rig_new();
	snprintf(more, sizeof(more), "[terminals]\nconnections = %d\nexpiry_ms = %d\n", CONNECTIONS, EXPIRY_MS);
	rig_conf(r, more);
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

static const char downloads_sql[] = "SELECT count(*) FROM download WHERE serial_number = ?";

static void loaded_is_stored(const struct rig_terminal *t, const struct check_value *loaded)
{
	char hex[2 * FORMAT_CHECK + 1], text[512];

	hex_encode(VIEW(loaded->value, FORMAT_CHECK), hex);
	rig_text(r, text, "SELECT check_value FROM tmk WHERE serial_number = ? ORDER BY generation DESC", t->serial);
	ck_assert_str_eq(text, hex);
	rig_text(r, text, "SELECT check_value FROM download WHERE serial_number = ? ORDER BY id DESC", t->serial);
	ck_assert_str_eq(text, hex);
}

/* R1.9, R1.10, R1.11, R1.12 */
START_TEST(a_terminal_gets_its_tmk_with_either_version_and_suite)
{
	static const uint8_t suites[] = { FORMAT_SUITE_AES, FORMAT_SUITE_TDES };
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t s = 0; s < (rig_suite_1() ? 2 : 1); s++)
		for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
			struct rig_terminal t = { 0 };
			struct check_value first, second;

			rig_known(r, &t, suites[s], versions[v]);
			first = rig_download(r, &t);
			loaded_is_stored(&t, &first);
			/* the same TMK again, until it is renewed */
			second = rig_download(r, &t);
			ck_assert_mem_eq(first.value, second.value, FORMAT_CHECK);
			ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 2);
			ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t.serial),
					 1);
			rig_terminal_done(&t);
		}
}
END_TEST

START_TEST(a_renewed_tmk_is_another_one)
{
	struct rig_terminal t = { 0 };
	struct check_value first, second;
	char command[64];
	BUF_AUTO out = { 0 };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	first = rig_download(r, &t);
	snprintf(command, sizeof(command), "tmk-renew %s", t.serial);
	ck_assert_int_eq(rig_command(r, command, &out), 0);
	second = rig_download(r, &t);
	ck_assert(memcmp(first.value, second.value, FORMAT_CHECK) != 0);
	loaded_is_stored(&t, &second);
	ck_assert_int_eq(rig_number(r, "SELECT max(generation) FROM tmk WHERE serial_number = ?", t.serial), 2);
	ck_assert_int_ne(rig_command(r, "tmk-renew NOBODY", &out), 0);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_handshake_expires)
{
	struct rig_terminal t = { 0 };
	struct rig_client c, silent;
	struct timespec from, to;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_connect(r, &silent);
	rig_greet(r, &c, &t);
	clock_gettime(CLOCK_MONOTONIC, &from);
	rig_refused(&c, ERR_TIMEOUT);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ck_assert_int_le(to.tv_sec - from.tv_sec, EXPIRY_MS / 1000 + 3);
	rig_refused(&silent, ERR_TIMEOUT);
	rig_close(&c);
	rig_close(&silent);
	rig_audited(r, t.serial, "expired");
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

/* Bytes as they are, then the end of our side. */
static void raw(const void *bytes, size_t n, enum err code)
{
	struct rig_client c;

	rig_connect(r, &c);
	ck_assert_int_eq(send(c.fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	rig_refused(&c, code);
	rig_close(&c);
}

START_TEST(malformed_frames_get_one_code_and_the_server_lives)
{
	static const uint8_t nothing[] = { 0, 0 };
	static const uint8_t unknown[] = { 0, 1, 0x77 };
	static const uint8_t bare_hello[] = { 0, 1, 0x01 };
	static const uint8_t short_field[] = { 0, 4, 0x01, 0, 5, 2 };
	static const uint8_t behind[] = { 0, 2, 0x06, 0 };
	static const uint8_t large[] = { 0x10, 0x01, 0x01 };
	static const uint8_t largest[] = { 0xff, 0xff, 0x01 };
	struct rig_terminal t = { 0 };

	raw(nothing, sizeof(nothing), ERR_MALFORMED);
	raw(unknown, sizeof(unknown), ERR_MALFORMED);
	raw(bare_hello, sizeof(bare_hello), ERR_MALFORMED);
	raw(short_field, sizeof(short_field), ERR_MALFORMED);
	raw(behind, sizeof(behind), ERR_TOO_LARGE); /* DONE has no field: no byte has room there */
	raw(large, sizeof(large), ERR_TOO_LARGE);
	raw(largest, sizeof(largest), ERR_TOO_LARGE);
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_frame_out_of_order_is_refused)
{
	static const uint8_t types[] = { FRAME_PROOF_T, FRAME_CONFIRM, FRAME_DONE, FRAME_IDENTIFY };
	struct rig_terminal t = { 0 };
	struct rig_client c;
	uint8_t tag[16] = { 1 };
	static const uint8_t check[4] = { 2, 1, 2, 3 };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct frame out = { .type = types[i] };

		if (types[i] == FRAME_PROOF_T)
			out.field[PROOF_T_TAG] = VIEW(tag, 16);
		if (types[i] == FRAME_CONFIRM) {
			out.field[CONFIRM_CHECK] = VIEW(check, 4);
			out.field[CONFIRM_TAG] = VIEW(tag, 16);
		}
		rig_connect(r, &c);
		rig_send(&c, &out);
		rig_refused(&c, ERR_UNEXPECTED);
		rig_close(&c);
	}
	/* a second HELLO in one connection */
	rig_greet(r, &c, &t);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, t.serial, VIEW(tag, 16));
	rig_refused(&c, ERR_UNEXPECTED);
	rig_close(&c);
	rig_audited(r, t.serial, "order");
	/* a confirmation before the proof */
	rig_greet(r, &c, &t);
	rig_send(&c, &(struct frame){ .type = FRAME_CONFIRM, .field = { VIEW(check, 4), VIEW(tag, 16) } });
	rig_refused(&c, ERR_UNEXPECTED);
	rig_close(&c);
	ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 0);
	rig_terminal_done(&t);
}
END_TEST

/* frames byte by byte, and several at once */
START_TEST(frames_may_come_in_pieces)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	BUF_AUTO hello = { 0 };
	uint8_t version = FORMAT_HANDSHAKE_V2, random[16] = { 4 };
	struct frame out = { .type = FRAME_HELLO }, got;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	out.field[HELLO_HANDSHAKE] = VIEW(&version, 1);
	out.field[HELLO_SERIAL] = view_of_string(t.serial);
	out.field[HELLO_RANDOM] = VIEW(random, 16);
	frame_put(&hello, &out);
	rig_connect(r, &c);
	for (size_t i = 0; i < hello.len; i++) {
		ck_assert_int_eq(send(c.fd, hello.p + i, 1, MSG_NOSIGNAL), 1);
		usleep(2000);
	}
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_PROOF_K);
	rig_close(&c);
	/* HELLO and a wrong proof in one piece */
	out = (struct frame){ .type = FRAME_PROOF_T, .field = { VIEW(random, 16) } };
	frame_put(&hello, &out);
	hello.p[20]++; /* in the nonce of this HELLO: a nonce serves once */
	rig_connect(r, &c);
	ck_assert_int_eq(send(c.fd, hello.p, hello.len, MSG_NOSIGNAL), (ssize_t)hello.len);
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_PROOF_K);
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_terminal_that_sends_no_more_still_gets_the_last_frame)
{
	for (int i = 0; i < 20; i++) {
		struct rig_client c;
		char serial[16];

		snprintf(serial, sizeof(serial), "NOBODY%d", i);
		rig_connect(r, &c);
		rig_hello_send(&c, 3, serial, VIEW("0123456789abcdef", 16));
		ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
	}
}
END_TEST

START_TEST(more_connections_than_allowed_are_told_busy)
{
	struct rig_client c[CONNECTIONS], more;
	int64_t full;

	for (int i = 0; i < CONNECTIONS; i++)
		rig_connect(r, &c[i]);
	full = rig_number(r, "SELECT count(*) FROM audit WHERE text LIKE 'full at HELLO%'", NULL);
	for (int i = 0; i < 100; i++) {
		rig_connect(r, &more);
		rig_refused(&more, ERR_BUSY);
		rig_close(&more);
	}
	/* a flood is told, and does not become a flood of commits; peers do not wait for them */
	rig_wait(r, 1, "SELECT count(*) > 0 FROM audit WHERE text LIKE 'full at HELLO%'", NULL);
	full = rig_number(r, "SELECT count(*) FROM audit WHERE text LIKE 'full at HELLO%'", NULL) - full;
	ck_assert(full >= 1 && full <= 20);
	for (int i = 0; i < CONNECTIONS; i++)
		rig_close(&c[i]);
	usleep(300000);
	rig_connect(r, &more);
	rig_hello_send(&more, 3, "NOBODY", VIEW("0123456789abcdef", 16));
	rig_refused(&more, ERR_REFUSED);
	rig_close(&more);
}
END_TEST

START_TEST(a_terminal_that_hangs_up_or_complains_is_audited)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	uint8_t code[2] = { 0, 4 };
	char text[512];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_greet(r, &c, &t);
	rig_close(&c);
	rig_audited(r, t.serial, "peer");
	rig_greet(r, &c, &t);
	rig_send(&c, &(struct frame){ .type = FRAME_ERROR, .field = { VIEW(code, 2) } });
	ck_assert_int_eq(rig_recv(&c).type, 0);
	rig_close(&c);
	rig_wait(r, 2, "SELECT count(*) FROM audit WHERE event = 'download' AND object = ?", t.serial);
	rig_text(r, text, "SELECT text FROM audit WHERE object = ? ORDER BY id DESC", t.serial);
	/* R2.5: the check values of the TK are there to locate the fault */
	ck_assert_ptr_nonnull(strstr(text, "code 4"));
	ck_assert_ptr_nonnull(strstr(text, "TEK "));
	ck_assert_ptr_nonnull(strstr(text, "AUK "));
	rig_terminal_done(&t);
}
END_TEST

/* R1.12, and what was confirmed stays confirmed */
START_TEST(kill_9_loses_no_tmk_and_no_download)
{
	struct rig_terminal t = { 0 };
	struct check_value before, after;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = rig_download(r, &t);
	rig_stop(r, SIGKILL);
	ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 1);
	rig_start(r);
	after = rig_download(r, &t);
	ck_assert_mem_eq(before.value, after.value, FORMAT_CHECK);
	rig_terminal_done(&t);
}
END_TEST

/* a second TK of the same terminal: R2.5, R1.12 */
START_TEST(a_new_tk_gets_the_same_tmk)
{
	struct rig_terminal t = { 0 };
	struct check_value before, after;
	BUF_AUTO record = { 0 };
	char serial[33];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = rig_download(r, &t);
	snprintf(serial, sizeof(serial), "%s", t.serial);
	rig_tk(r, &t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &record);
	rig_import(r, &record);
	after = rig_download(r, &t);
	ck_assert_mem_eq(before.value, after.value, FORMAT_CHECK);
	if (!rig_suite_1())
		goto out;
	/* a TEK that cannot carry the TMK: told so, until the TMK is renewed */
	rig_tk(r, &t, serial, FORMAT_SUITE_TDES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &record);
	rig_import(r, &record);
	{
		struct rig_client c;
		uint8_t tag[OPS_TAG_MAX];
		BUF_AUTO out = { 0 };
		char command[64];
		size_t n;

		rig_greet(r, &c, &t);
		n = rig_proof(r, &c, tag);
		rig_proof_send(&c, VIEW(tag, n));
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
		rig_audited(r, serial, "tmk-type");
		snprintf(command, sizeof(command), "tmk-renew %s", serial);
		ck_assert_int_eq(rig_command(r, command, &out), 0);
	}
	rig_download(r, &t);
out:
	rig_terminal_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_download");
	TCase *c = tcase_create("kms_download");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_terminal_gets_its_tmk_with_either_version_and_suite);
	tcase_add_test(c, a_renewed_tmk_is_another_one);
	tcase_add_test(c, a_handshake_expires);
	tcase_add_test(c, malformed_frames_get_one_code_and_the_server_lives);
	tcase_add_test(c, a_frame_out_of_order_is_refused);
	tcase_add_test(c, frames_may_come_in_pieces);
	tcase_add_test(c, a_terminal_that_sends_no_more_still_gets_the_last_frame);
	tcase_add_test(c, more_connections_than_allowed_are_told_busy);
	tcase_add_test(c, a_terminal_that_hangs_up_or_complains_is_audited);
	tcase_add_test(c, kill_9_loses_no_tmk_and_no_download);
	tcase_add_test(c, a_new_tk_gets_the_same_tmk);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
