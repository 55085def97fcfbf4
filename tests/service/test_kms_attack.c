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

/* What others than an honest terminal try at the KMS's terminal server; docs/threat-model.md, The handshake. */

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

static const char downloads_sql[] = "SELECT count(*) FROM download WHERE serial_number = ?";

/* the handshake's first attack: the KMS's own answer comes back */
START_TEST(a_reflected_tag_is_refused)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	uint8_t tag[16];
	struct frame got;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_connect(r, &c);
	got = rig_hello(r, &c, &t);
	memcpy(tag, got.field[PROOF_K_TAG].p, 16);
	rig_proof_send(&c, VIEW(tag, 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_audited(r, t.serial, "proof");
	rig_terminal_done(&t);
}
END_TEST

/* version 1: the challenge of one session as Rnd1 of another, whose answer is the wanted one */
START_TEST(a_challenge_reflected_through_a_second_session_is_refused)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V1, FORMAT_HANDSHAKE_V2 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct rig_client a, b;
		uint8_t random[16] = { 7 }, challenge[16], answer[16];
		struct frame got;

		rig_known(r, &t, FORMAT_SUITE_AES, versions[v]);
		rig_connect(r, &a);
		rig_hello_send(&a, versions[v], t.serial, VIEW(random, 16));
		got = rig_recv(&a);
		ck_assert_int_eq(got.type, FRAME_PROOF_K);
		memcpy(challenge, got.field[PROOF_K_RANDOM].p, 16);
		rig_connect(r, &b);
		rig_hello_send(&b, versions[v], t.serial, VIEW(challenge, 16));
		/* the answer would be the proof: what we drew ourselves is answered to nobody */
		rig_refused(&b, ERR_REFUSED);
		rig_close(&b);
		rig_audited(r, t.serial, "replay");
		memset(answer, 0x5a, sizeof(answer));
		rig_proof_send(&a, VIEW(answer, 16));
		rig_refused(&a, ERR_REFUSED);
		rig_close(&a);
		rig_audited(r, t.serial, "proof");
		ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 0);
		rig_terminal_done(&t);
	}
}
END_TEST

/* what a genuine terminal once sent, again */
START_TEST(a_replayed_handshake_is_refused)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct rig_client c;
		uint8_t tag[OPS_TAG_MAX], random[16];
		struct frame got;
		size_t n;

		rig_known(r, &t, FORMAT_SUITE_AES, versions[v]);
		rig_greet(r, &c, &t);
		memcpy(random, c.terminal_random, 16);
		n = rig_proof(r, &c, tag);
		rig_proof_send(&c, VIEW(tag, n));
		got = rig_recv(&c);
		ck_assert_int_eq(got.type, FRAME_TMK);
		rig_close(&c);
		rig_connect(r, &c);
		rig_hello_send(&c, versions[v], t.serial, VIEW(random, 16));
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
		rig_audited(r, t.serial, "replay");
		/* the proof alone, in a handshake of its own */
		random[0] ^= 1;
		rig_connect(r, &c);
		rig_hello_send(&c, versions[v], t.serial, VIEW(random, 16));
		got = rig_recv(&c);
		ck_assert_int_eq(got.type, FRAME_PROOF_K);
		rig_proof_send(&c, VIEW(tag, n));
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
		rig_audited(r, t.serial, "proof");
		rig_terminal_done(&t);
	}
}
END_TEST

/* parallel sessions: what the terminal proves in one must not serve in the other */
START_TEST(a_proof_of_one_session_does_not_serve_in_another)
{
	struct rig_terminal t = { 0 };
	struct rig_client a, b;
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;
	size_t n;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_greet(r, &a, &t);
	n = rig_proof(r, &a, tag);
	got = rig_stranger(r, &b, "127.0.0.4", t.serial);
	ck_assert_int_eq(got.type, FRAME_PROOF_K);
	rig_proof_send(&b, VIEW(tag, n));
	rig_refused(&b, ERR_REFUSED);
	/* where it belongs it serves, once */
	rig_proof_send(&a, VIEW(tag, n));
	got = rig_recv(&a);
	ck_assert_int_eq(got.type, FRAME_TMK);
	rig_proof_send(&a, VIEW(tag, n));
	rig_refused(&a, ERR_UNEXPECTED);
	rig_close(&a);
	rig_close(&b);
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_newer_handshake_ends_the_older_one_and_succeeds_itself)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	struct rig_client a, b;
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;
	size_t n;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_known(r, &u, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_greet(r, &a, &t);
	rig_greet(r, &b, &u);
	rig_download(r, &t);
	n = rig_proof(r, &a, tag);
	rig_proof_send(&a, VIEW(tag, n));
	rig_refused(&a, ERR_REFUSED);
	rig_audited(r, t.serial, "superseded");
	/* another serial number's handshake is not touched */
	n = rig_proof(r, &b, tag);
	rig_proof_send(&b, VIEW(tag, n));
	got = rig_recv(&b);
	ck_assert_int_eq(got.type, FRAME_TMK);
	rig_close(&a);
	rig_close(&b);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

/* R1.9. The newest that proved itself gets the TMK, the others learn that they are over: nobody is told busy. */
START_TEST(handshakes_of_one_terminal_that_prove_at_once_do_not_stand_in_each_others_way)
{
	struct rig_terminal t = { 0 };
	struct rig_client c[8];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int round = 0; round < 6; round++) {
		size_t n[ARRAY_LEN(c)];
		uint8_t tag[ARRAY_LEN(c)][OPS_TAG_MAX];

		for (size_t i = 0; i < ARRAY_LEN(c); i++) {
			rig_greet(r, &c[i], &t);
			n[i] = rig_proof(r, &c[i], tag[i]);
		}
		for (size_t i = ARRAY_LEN(c); i--;)
			rig_proof_send(&c[i], VIEW(tag[i], n[i]));
		for (size_t i = 0; i < ARRAY_LEN(c); i++) {
			struct frame got = rig_recv(&c[i]);

			if (i == ARRAY_LEN(c) - 1 || got.type != FRAME_ERROR)
				ck_assert_int_eq(got.type, FRAME_TMK);
			else
				ck_assert_uint_eq(frame_error_code(&got), ERR_REFUSED);
			rig_close(&c[i]);
		}
	}
	rig_terminal_done(&t);
}
END_TEST

/* the version stands in the record: no fall-back, either way; and no v1 oracle for a v2 key */
START_TEST(another_version_than_the_records_is_refused)
{
	struct rig_terminal two = { 0 }, one = { 0 };
	struct rig_client c;
	uint8_t random[16] = { 3 };

	rig_known(r, &two, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_known(r, &one, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V1);
	for (int i = 0; i < 2; i++) {
		uint8_t tag[16] = { 1 };

		random[0] = (uint8_t)i;
		rig_connect(r, &c);
		rig_hello_send(&c, i ? FORMAT_HANDSHAKE_V2 : FORMAT_HANDSHAKE_V1, i ? one.serial : two.serial,
			       VIEW(random, 16));
		/* an answer that is nobody's, so that nothing is learnt of the version */
		ck_assert_int_eq(rig_recv(&c).type, FRAME_PROOF_K);
		rig_proof_send(&c, VIEW(tag, 16));
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
		rig_audited(r, i ? one.serial : two.serial, "version");
	}
	rig_connect(r, &c);
	rig_hello_send(&c, 3, one.serial, VIEW(random, 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_download(r, &two);
	rig_download(r, &one);
	rig_terminal_done(&two);
	rig_terminal_done(&one);
}
END_TEST

/* One block under AUK, as a version 1 KMS answers it to anybody. */
static void oracle(const struct rig_terminal *t, const uint8_t in[16], uint8_t out[16])
{
	struct rig_client c;
	struct frame got;

	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V1, t->serial, VIEW(in, 16));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_PROOF_K);
	memcpy(out, got.field[PROOF_K_TAG].p, 16);
	rig_close(&c);
}

/* AES-CMAC (SP 800-38B) with nothing but the oracle. */
static void cmac_by_oracle(const struct rig_terminal *t, struct view data, uint8_t out[16])
{
	/* asked once: the KMS answers a nonce once */
	static uint8_t zero_answer[16];
	static bool asked;
	uint8_t zero[16] = { 0 }, k[16], x[16] = { 0 };
	size_t blocks = data.n ? (data.n + 15) / 16 : 1, last = data.n - (blocks - 1) * 16;

	if (!asked)
		oracle(t, zero, zero_answer);
	asked = true;
	memcpy(k, zero_answer, 16);
	for (int times = last == 16 ? 1 : 2; times; times--) {
		uint8_t carry = k[0] >> 7;

		for (int i = 0; i < 15; i++)
			k[i] = (uint8_t)(k[i] << 1 | k[i + 1] >> 7);
		k[15] = (uint8_t)(k[15] << 1 ^ (carry ? 0x87 : 0));
	}
	for (size_t b = 0; b < blocks; b++) {
		for (size_t i = 0; i < (b + 1 < blocks ? 16 : last); i++)
			x[i] ^= data.p[16 * b + i];
		if (b + 1 == blocks) {
			if (last < 16)
				x[last] ^= 0x80;
			for (int i = 0; i < 16; i++)
				x[i] ^= k[i];
		}
		oracle(t, x, x);
	}
	memcpy(out, x, 16);
}

/*
 * The answers of version 1 are an oracle for CMAC under the same key. What is assembled from them is a true CMAC, and
 * serves nowhere: the KMS does not speak version 2 for that key, and the terminal's token takes no version 2 message
 * under it.
 */
START_TEST(a_cmac_assembled_from_version_1_answers_serves_nowhere)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	uint8_t nonce[16] = { 9 }, host[16] = { 8 }, tag[16];
	struct transcript proof = { .direction = TRANSCRIPT_TERMINAL_PROVES,
				    .handshake = FORMAT_HANDSHAKE_V2,
				    .terminal_random = VIEW(nonce, 16),
				    .host_random = VIEW(host, 16) };
	struct ops_shake shake = { VIEW(nonce, 16), VIEW(host, 16) };
	BUF_AUTO data = { 0 };
	struct ops_tk as_two = { 0 };
	enum err e;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V1);
	proof.pos_serial = view_of_string(t.serial);
	transcript_put(&data, &proof);
	ck_assert(buf_ok(&data));
	cmac_by_oracle(&t, buf_view(&data), tag);
	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, t.serial, VIEW(nonce, 16));
	ck_assert_int_eq(rig_recv(&c).type, FRAME_PROOF_K);
	rig_proof_send(&c, VIEW(tag, 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_audited(r, t.serial, "version");
	/* a version 2 tag of the host's direction, offered to the terminal's token under the version 1 key */
	proof.direction = TRANSCRIPT_HOST_PROVES;
	buf_done(&data);
	transcript_put(&data, &proof);
	cmac_by_oracle(&t, buf_view(&data), tag);
	e = ops_tk_find(r->pos_ops, VIEW(t.id, 8), FORMAT_HANDSHAKE_V2, view_of_string(t.serial), &as_two, NULL);
	if (!e)
		e = ops_check(r->pos_ops, &as_two, &shake, TRANSCRIPT_HOST_PROVES, NULL, VIEW(tag, 16), NULL);
	ck_assert_int_ne(e, ERR_OK);
	ops_tk_close(&as_two);
	rig_terminal_done(&t);
}
END_TEST

/* R1.13: a fake KMS cannot plant a TMK: all of it is decided in the terminal's token */
START_TEST(a_rolled_back_or_random_ctmk_is_refused_by_the_token)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	uint8_t tag[OPS_TAG_MAX], random[200];
	BUF_AUTO old = { 0 };
	BUF_AUTO fresh = { 0 };
	struct check_value loaded;
	struct frame got;
	size_t n;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_greet(r, &c, &t);
	n = rig_proof(r, &c, tag);
	rig_proof_send(&c, VIEW(tag, n));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_TMK);
	buf_put_view(&old, got.field[TMK_MESSAGE]);
	rig_close(&c);
	/* the older message in a newer handshake */
	rig_greet(r, &c, &t);
	n = rig_proof(r, &c, tag);
	rig_proof_send(&c, VIEW(tag, n));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_TMK);
	buf_put_view(&fresh, got.field[TMK_MESSAGE]);
	ck_assert_int_eq(rig_load(r, &c, buf_view(&old), &loaded), ERR_BAD_DATA);
	/* random bytes in place of Ctmk, attributes, MAC: every byte of the message counts */
	for (size_t i = 0; i < fresh.len; i++) {
		memcpy(random, fresh.p, fresh.len);
		random[i] ^= 0x40;
		ck_assert_int_ne(rig_load(r, &c, VIEW(random, fresh.len), &loaded), ERR_OK);
	}
	ck_assert(!ops_random(r->pos_ops, random, fresh.len, NULL));
	ck_assert_int_ne(rig_load(r, &c, VIEW(random, fresh.len), &loaded), ERR_OK);
	/* the genuine one goes in */
	ck_assert_int_eq(rig_load(r, &c, buf_view(&fresh), &loaded), ERR_OK);
	rig_confirm(r, &c, &loaded);
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_DONE);
	rig_close(&c);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_terminal_refuses_a_fake_kms)
{
	struct rig_terminal t = { 0 };
	struct rig_client c;
	struct frame got;
	uint8_t tag[16];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_connect(r, &c);
	got = rig_hello(r, &c, &t);
	for (int i = 0; i < 16; i++) {
		struct frame forged = got;

		memcpy(tag, got.field[PROOF_K_TAG].p, 16);
		tag[i] ^= 0x10;
		forged.field[PROOF_K_TAG] = VIEW(tag, 16);
		ck_assert_int_eq(rig_check_host(r, &c, &forged), ERR_REFUSED);
	}
	rig_close(&c);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_false_confirmation_is_refused_and_leaves_no_download)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct check_value loaded = { 0 };
		struct rig_client c;
		uint8_t tag[OPS_TAG_MAX];
		struct frame got;
		size_t n;

		rig_known(r, &t, FORMAT_SUITE_AES, versions[v]);
		rig_greet(r, &c, &t);
		n = rig_proof(r, &c, tag);
		rig_proof_send(&c, VIEW(tag, n));
		got = rig_recv(&c);
		ck_assert_int_eq(got.type, FRAME_TMK);
		ck_assert_int_eq(rig_load(r, &c, got.field[TMK_MESSAGE], &loaded), ERR_OK);
		loaded.value[0] ^= 1;
		rig_confirm(r, &c, &loaded);
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
		rig_audited(r, t.serial, "confirm-value");
		if (versions[v] == FORMAT_HANDSHAKE_V2) {
			struct frame bare = { .type = FRAME_CONFIRM };
			BUF_AUTO check = { 0 };

			rig_greet(r, &c, &t);
			n = rig_proof(r, &c, tag);
			rig_proof_send(&c, VIEW(tag, n));
			got = rig_recv(&c);
			ck_assert_int_eq(got.type, FRAME_TMK);
			ck_assert_int_eq(rig_load(r, &c, got.field[TMK_MESSAGE], &loaded), ERR_OK);
			check_value_put(&check, &loaded);
			bare.field[CONFIRM_CHECK] = buf_view(&check);
			rig_send(&c, &bare);
			rig_refused(&c, ERR_REFUSED);
			rig_close(&c);
			rig_audited(r, t.serial, "confirm");
		}
		ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 0);
		rig_terminal_done(&t);
	}
}
END_TEST

/* R1.10: a true confirmation, of the session before. */
START_TEST(a_confirmation_of_an_earlier_session_is_refused)
{
	struct rig_terminal t = { 0 };
	uint8_t tag[OPS_TAG_MAX], old[OPS_TAG_MAX];
	size_t n, old_n = 0;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int k = 0; k < 2; k++) {
		struct check_value loaded = { 0 };
		struct rig_client c;
		struct frame got;

		rig_greet(r, &c, &t);
		n = rig_proof(r, &c, tag);
		rig_proof_send(&c, VIEW(tag, n));
		got = rig_recv(&c);
		ck_assert_int_eq(got.type, FRAME_TMK);
		ck_assert_int_eq(rig_load(r, &c, got.field[TMK_MESSAGE], &loaded), ERR_OK);
		if (k == 0) {
			old_n = rig_confirm_tag(r, &c, &loaded, old);
		} else {
			rig_confirm_send(&c, &loaded, VIEW(old, old_n));
			rig_refused(&c, ERR_REFUSED);
			rig_audited(r, t.serial, "confirm");
		}
		rig_close(&c);
	}
	ck_assert_int_eq(rig_number(r, downloads_sql, t.serial), 0);
	rig_download(r, &t);
	rig_terminal_done(&t);
}
END_TEST

/* R2.7 */
START_TEST(a_tampered_formal_record_ends_the_download)
{
	struct rig_terminal t = { 0 }, u = { 0 };
	struct rig_client c;
	uint8_t random[16] = { 5 };
	char sql[400];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_known(r, &u, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_download(r, &t);
	/* another terminal's genuine record in this row */
	snprintf(sql, sizeof(sql),
		 "CREATE TABLE kept AS SELECT record FROM key_formal WHERE serial_number = '%s';"
		 "UPDATE key_formal SET record = (SELECT record FROM key_formal WHERE serial_number = '%s')"
		 " WHERE serial_number = '%s'",
		 t.serial, u.serial, t.serial);
	rig_db_write(r, sql);
	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, t.serial, VIEW(random, 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_audited(r, t.serial, "formal-row");
	/* one byte of the ciphertext of AUK */
	snprintf(sql, sizeof(sql),
		 "UPDATE key_formal SET record = (SELECT CAST(substr(record, 1, length(record) - 40) ||"
		 " CASE WHEN substr(record, length(record) - 39, 1) = x'01' THEN x'02' ELSE x'01' END ||"
		 " substr(record, length(record) - 38) AS BLOB) FROM kept) WHERE serial_number = '%s'",
		 t.serial);
	rig_db_write(r, sql);
	random[0]++;
	rig_connect(r, &c);
	rig_hello_send(&c, FORMAT_HANDSHAKE_V2, t.serial, VIEW(random, 16));
	rig_refused(&c, ERR_REFUSED);
	rig_close(&c);
	rig_audited(r, t.serial, "formal-record");
	snprintf(sql, sizeof(sql),
		 "UPDATE key_formal SET record = (SELECT record FROM kept) WHERE serial_number = '%s'; DROP TABLE kept",
		 t.serial);
	rig_db_write(r, sql);
	rig_download(r, &t);
	rig_terminal_done(&t);
	rig_terminal_done(&u);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_attack");
	TCase *c = tcase_create("kms_attack");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_reflected_tag_is_refused);
	tcase_add_test(c, a_challenge_reflected_through_a_second_session_is_refused);
	tcase_add_test(c, a_replayed_handshake_is_refused);
	tcase_add_test(c, a_proof_of_one_session_does_not_serve_in_another);
	tcase_add_test(c, a_newer_handshake_ends_the_older_one_and_succeeds_itself);
	tcase_add_test(c, handshakes_of_one_terminal_that_prove_at_once_do_not_stand_in_each_others_way);
	tcase_add_test(c, another_version_than_the_records_is_refused);
	tcase_add_test(c, a_cmac_assembled_from_version_1_answers_serves_nowhere);
	tcase_add_test(c, a_rolled_back_or_random_ctmk_is_refused_by_the_token);
	tcase_add_test(c, a_terminal_refuses_a_fake_kms);
	tcase_add_test(c, a_false_confirmation_is_refused_and_leaves_no_download);
	tcase_add_test(c, a_confirmation_of_an_earlier_session_is_refused);
	tcase_add_test(c, a_tampered_formal_record_ends_the_download);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
