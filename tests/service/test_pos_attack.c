/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pos_visit.h"

START_TEST(tag_of_whom_has_no_auk_is_refused) /* R1.10, R1.13 */
{
	struct visit v;
	uint8_t random[16];
	visit_open(&v, (size_t)_i);
	ck_assert_int_eq(RAND_bytes(random, sizeof(random)), 1);
	send_proof(&v, VIEW(random, v.k->block));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

START_TEST(terminals_own_nonce_sent_back_is_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, (size_t)_i);
	memcpy(v.host_random, v.terminal_random, v.nonce_len);
	host_tag(&v, &tag);
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

START_TEST(proofs_of_an_earlier_session_are_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag host, terminal;
	uint8_t host_random[16];
	/* The relay of a true session, given up after PROOF_T. */
	visit_open(&v, A2);
	host_tag(&v, &host);
	send_proof(&v, VIEW(host.bytes, host.len));
	expect_proof(&v, &terminal);
	memcpy(host_random, v.host_random, sizeof(host_random));
	ck_assert_int_eq(visit_close(&v), 1);
	visit_open(&v, A2);
	memcpy(v.host_random, host_random, sizeof(host_random));
	send_proof(&v, _i == 0 ? VIEW(host.bytes, host.len) : VIEW(terminal.bytes, terminal.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

/* What a holder of other answers under the same AUK might try: every one is a true MAC or block, of something else. */
enum { AS_TERMINAL, AS_CONFIRM, OTHER_SERIAL, OTHER_VERSION, NONCES_SWAPPED, BLOCK_ANSWER, WRONG_PROOFS };

START_TEST(true_tag_of_something_else_is_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, A2);
	struct transcript t = transcript_of(&v, TRANSCRIPT_HOST_PROVES);
	if (_i == AS_TERMINAL)
		t.direction = TRANSCRIPT_TERMINAL_PROVES;
	if (_i == AS_CONFIRM) {
		t.direction = TRANSCRIPT_CONFIRM;
		t.check.method = FORMAT_CHECK_CMAC;
	}
	if (_i == OTHER_SERIAL)
		t.pos_serial = VIEW_STR("DL-A3");
	if (_i == NONCES_SWAPPED) {
		t.terminal_random = VIEW(v.host_random, 16);
		t.host_random = VIEW(v.terminal_random, 16);
	}
	if (_i == OTHER_VERSION) {
		/* The codec does not write it: byte 7 of the transcript is the version. */
		BUF_AUTO b = { 0 };
		transcript_put(&b, &t);
		ck_assert_uint_eq(b.p[7], FORMAT_HANDSHAKE_V2);
		b.p[7] = FORMAT_HANDSHAKE_V1;
		soft_cmac(v.k, buf_view(&b), &tag);
	} else if (_i == BLOCK_ANSWER) {
		soft_ecb(v.k, VIEW(v.terminal_random, 16), &tag); /* the answer of version 1: no fall-back */
	} else {
		soft_transcript(v.k, &t, &tag);
	}
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

/* TMK messages that must not be loaded, after a true handshake. */
enum wrong_tmk {
	RANDOM_MAC,
	CTMK_ALTERED,
	CHECK_ALTERED,
	LENGTH_ALTERED,
	MAC_CUT,
	MAC_MISSING,
	FALL_BACK,
	SIGNED_FOR_OTHER_SERIAL,
	SIGNED_AS_PROOF,
	SIGNED_WITH_OLD_NONCES,
	SIGNED_RANDOM_CTMK,
	SIGNED_WRONG_CHECK,
	SIGNED_WRONG_ROLE,
	WRONG_TMK_COUNT
};

static void spoil(const struct visit *v, struct tmk *k, enum wrong_tmk w)
{
	uint8_t old[16] = { 1 };
	switch (w) {
	case RANDOM_MAC:
		ck_assert_int_eq(RAND_bytes(k->mac.bytes, (int)k->mac.len), 1);
		break;
	case CTMK_ALTERED:
		k->ctmk[3] ^= 0x10;
		break;
	case CHECK_ALTERED:
		k->m.check.value[1] ^= 1;
		break;
	case LENGTH_ALTERED: /* another TMK that is wrapped all right, the MAC of the first one */
		new_key(k->m.attrs.type, k->key, 16);
		k->m.attrs.length = 16;
		struct buf b = { 0 };
		soft_wrap(v->k, k->key, 16, k->iv, &b);
		memcpy(k->ctmk, b.p, b.len);
		k->m.ctmk = VIEW(k->ctmk, b.len);
		soft_check(k->m.attrs.type, k->key, 16, &k->m.check);
		buf_done(&b);
		break;
	case SIGNED_FOR_OTHER_SERIAL:
		k->t.pos_serial = VIEW_STR("DL-XX");
		tmk_sign(v, k);
		break;
	case SIGNED_AS_PROOF:
		k->t.direction = TRANSCRIPT_HOST_PROVES;
		tmk_sign(v, k);
		break;
	case SIGNED_WITH_OLD_NONCES: /* a rolled-back TMK */
		k->t.host_random = VIEW(old, sizeof(old));
		tmk_sign(v, k);
		break;
	case SIGNED_RANDOM_CTMK:
		ck_assert_int_eq(RAND_bytes(k->ctmk, (int)k->m.ctmk.n), 1);
		tmk_sign(v, k);
		break;
	case SIGNED_WRONG_CHECK:
		k->m.check.value[0] ^= 0x80;
		tmk_sign(v, k);
		break;
	default:
		break;
	}
}

/* The codec does not write another role than TMK: role byte of message and transcript altered, the MAC made anew. */
static void spoil_role(const struct visit *v, struct buf *b, const struct tmk *k)
{
	struct soft_tag mac;
	BUF_AUTO t = { 0 };
	size_t attrs = 4 + 1 + 3 + 2 + strlen(v->k->serial) + 2 * (2 + FORMAT_NONCE);
	transcript_put(&t, &k->t);
	ck_assert(buf_ok(&t) && t.p[attrs + 2] == FORMAT_ROLE_TMK && b->p[4] == FORMAT_ROLE_TMK);
	t.p[attrs + 2] = b->p[4] = FORMAT_ROLE_TEK;
	soft_cmac(v->k, buf_view(&t), &mac);
	memcpy(b->p + b->len - mac.len, mac.bytes, mac.len);
}

/* Forms that the codec would not write: bytes of a good message, altered. */
static void spoil_bytes(const struct visit *v, struct buf *b, const struct tmk *k, enum wrong_tmk w)
{
	if (w == SIGNED_WRONG_ROLE)
		spoil_role(v, b, k);
	if (w == MAC_CUT)
		b->len -= 1;
	if (w == MAC_MISSING || w == FALL_BACK) {
		b->len -= k->mac.len;
		be_put16(b->p + b->len - 2, 0);
	}
	if (w == FALL_BACK)
		b->p[1] = FORMAT_HANDSHAKE_V1;
}

START_TEST(tmk_message_that_does_not_hold_is_not_loaded) /* R1.11, R1.13 */
{
	struct visit v;
	struct tmk k;
	BUF_AUTO b = { 0 };
	char before[1024], after[1024];
	size_t t = _i < WRONG_TMK_COUNT ? A2 : T2;
	struct frame out = { .type = FRAME_TMK };
	enum wrong_tmk w = (enum wrong_tmk)(_i % WRONG_TMK_COUNT);
	status_of(t, before);
	visit_open(&v, t);
	authenticate(&v);
	tmk_make(&v, &k);
	spoil(&v, &k, w);
	tmk_message_put(&b, &k.m);
	ck_assert(buf_ok(&b));
	spoil_bytes(&v, &b, &k, w);
	out.field[TMK_MESSAGE] = buf_view(&b);
	kit_send(v.fd, &out);
	expect_refusal(&v, ERR_REFUSED);
	status_of(t, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(tmk_message_of_an_earlier_session_is_not_loaded) /* R1.11 */
{
	struct visit v;
	struct tmk old;
	char before[1024], after[1024];
	visit_open(&v, A2);
	authenticate(&v);
	tmk_make(&v, &old);
	send_tmk(&v, &old);
	expect_confirm(&v, &old);
	kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	ck_assert_int_eq(visit_close(&v), 0);
	download(A2, NULL);
	status_of(A2, before);
	visit_open(&v, A2);
	authenticate(&v);
	send_tmk(&v, &old);
	expect_refusal(&v, ERR_REFUSED);
	status_of(A2, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(version_1_compares_check_values) /* R1.10, R1.11 */
{
	struct visit v;
	struct tmk k;
	char before[1024], after[1024];
	size_t t = _i == 0 ? A1 : T1;
	status_of(t, before);
	visit_open(&v, t);
	authenticate(&v);
	tmk_make(&v, &k);
	k.m.check.value[2] ^= 1;
	send_tmk(&v, &k);
	expect_refusal(&v, ERR_REFUSED);
	status_of(t, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(version_1_terminal_takes_no_version_2_message) /* R1.10 */
{
	struct visit v;
	struct tmk k;
	uint8_t random[16];
	visit_open(&v, A1);
	authenticate(&v);
	tmk_make(&v, &k);
	k.m.handshake = FORMAT_HANDSHAKE_V2;
	ck_assert_int_eq(RAND_bytes(random, sizeof(random)), 1);
	k.m.mac = VIEW(random, sizeof(random));
	send_tmk(&v, &k);
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pos attack");
	TCase *c = tcase_create("attack");
	pos_choose();
	bool tdes = terminal_count == TERMINALS;
	tcase_add_unchecked_fixture(c, pos_set_up, pos_tear_down);
	tcase_add_loop_test(c, tag_of_whom_has_no_auk_is_refused, 0, (int)terminal_count);
	tcase_add_loop_test(c, terminals_own_nonce_sent_back_is_refused, 0, (int)terminal_count);
	tcase_add_loop_test(c, proofs_of_an_earlier_session_are_refused, 0, 2);
	tcase_add_loop_test(c, true_tag_of_something_else_is_refused, 0, WRONG_PROOFS);
	tcase_add_loop_test(c, tmk_message_that_does_not_hold_is_not_loaded, 0,
			    tdes ? 2 * WRONG_TMK_COUNT : WRONG_TMK_COUNT);
	tcase_add_test(c, tmk_message_of_an_earlier_session_is_not_loaded);
	tcase_add_loop_test(c, version_1_compares_check_values, 0, tdes ? 2 : 1);
	tcase_add_test(c, version_1_terminal_takes_no_version_2_message);
	suite_add_tcase(suite, c);
	return pos_run(suite);
}
