/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handshake.h"
#include "import.h"
#include "kms_rig.h"
#include "open.h"

/* The KMS's end of a handshake without sockets or process: what is left in HSM 2 after every way out. */

static struct rig *r;
static struct kms kms;
static struct conf *conf;

static void setup(void)
{
	struct fail f = { 0 };
	char path[200], error[256];

	r = rig_new();
	snprintf(path, sizeof(path), "%s/kmsd.conf", r->dir);
	ck_assert_msg(conf_load(path, kms_keys, kms_keys_count, &conf, error), "%s", error);
	ck_assert_msg(!kms_open(conf, &kms, &f), "%s", f.text);
}

static void teardown(void)
{
	kms_done(&kms);
	conf_free(conf);
	rig_free(r);
}

static void import_one(struct view record)
{
	static unsigned number;
	char name[32];
	struct import_in in = { "message", name, "test", name, &record, 1 };
	struct fail f = { 0 };
	enum reason reason;
	bool more = true;
	int64_t id;

	snprintf(name, sizeof(name), "n%u", ++number);
	ck_assert_msg(!import_store(&kms, &in, &id, &reason, &f), "%s", f.text);
	while (more)
		ck_assert_msg(!import_slice(&kms, 5, &more, &f), "%s", f.text);
}

static void known(struct rig_terminal *t, const char *serial, uint8_t handshake)
{
	BUF_AUTO record = { 0 };
	int64_t n = 0;

	rig_tk(r, t, serial, FORMAT_SUITE_AES, handshake);
	rig_record(r, t, "ACME", false, &record);
	import_one(buf_view(&record));
	ck_assert(!db_one(kms.db, &n, NULL, "SELECT count(*) FROM key_formal WHERE serial_number = ?", "t", serial));
	ck_assert_int_eq(n, 1);
}

/* Secret keys in HSM 2 that are no token objects. */
static size_t session_keys(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &no, sizeof(no) } };
	struct pk11_session *s;
	CK_OBJECT_HANDLE found[8];
	size_t count = 0;

	ck_assert(!pk11_borrow(kms.token, &s, NULL));
	ck_assert(!pk11_find(s, template, 2, found, ARRAY_LEN(found), &count, NULL));
	pk11_return(s, CKR_OK);
	return count;
}

static enum reason step(struct handshake *h, const struct frame *in, struct buf *storage, struct frame *ret)
{
	struct fail f = { 0 };
	BUF_AUTO out = { 0 };
	enum reason reason = handshake_frame(h, in, &out, &f);

	buf_done(storage);
	buf_put_view(storage, VIEW(out.p + 2, out.len > 2 ? out.len - 2 : 0));
	if (reason == REASON_DB || reason == REASON_HSM)
		fprintf(stderr, "%s: %s\n", reason_word(reason), f.text);
	if (!reason)
		ck_assert(!frame_parse(buf_view(storage), ret, NULL));
	return reason;
}

/* Runs a handshake until it waits for this state; the client's half lies in c. */
static struct frame until(struct handshake *h, enum handshake_state state, struct rig_client *c,
			  const struct rig_terminal *t, struct buf *storage)
{
	struct frame hello = { .type = FRAME_HELLO }, proof = { .type = FRAME_PROOF_T }, got = { 0 };
	uint8_t tag[OPS_TAG_MAX];

	*c = (struct rig_client){ .fd = -1 };
	handshake_init(h, &kms, "test", "test");
	if (state == HANDSHAKE_HELLO)
		return got;
	ck_assert(!ops_tk_find(r->pos_ops, VIEW(t->id, 8), t->handshake, view_of_string(t->serial), &c->tk, NULL));
	c->nonce_len = ops_nonce_len(&c->tk);
	ck_assert(!ops_random(r->pos_ops, c->terminal_random, c->nonce_len, NULL));
	hello.field[HELLO_HANDSHAKE] = VIEW(&t->handshake, 1);
	hello.field[HELLO_SERIAL] = view_of_string(t->serial);
	hello.field[HELLO_RANDOM] = VIEW(c->terminal_random, c->nonce_len);
	ck_assert_int_eq(step(h, &hello, storage, &got), REASON_NONE);
	memcpy(c->host_random, got.field[PROOF_K_RANDOM].p, c->nonce_len);
	ck_assert_int_eq(rig_check_host(r, c, &got), ERR_OK);
	if (state == HANDSHAKE_PROOF)
		return got;
	proof.field[PROOF_T_TAG] = VIEW(tag, rig_proof(r, c, tag));
	ck_assert_int_eq(step(h, &proof, storage, &got), REASON_NONE);
	ck_assert_int_eq(got.type, FRAME_TMK);
	return got;
}

/* "TEK/AUK session objects destroyed on every way out" */
START_TEST(no_key_stays_in_the_hsm_after_any_way_out)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };
	static const struct {
		enum handshake_state state;
		uint8_t frame;
		enum reason reason;
	} rows[] = {
		{ HANDSHAKE_HELLO, FRAME_CONFIRM, REASON_ORDER },   { HANDSHAKE_PROOF, FRAME_PROOF_T, REASON_PROOF },
		{ HANDSHAKE_PROOF, FRAME_CONFIRM, REASON_ORDER },   { HANDSHAKE_PROOF, FRAME_ERROR, REASON_PEER },
		{ HANDSHAKE_PROOF, FRAME_HELLO, REASON_ORDER },     { HANDSHAKE_CONFIRM, FRAME_CONFIRM, REASON_NONE },
		{ HANDSHAKE_CONFIRM, FRAME_PROOF_T, REASON_ORDER }, { HANDSHAKE_CONFIRM, FRAME_ERROR, REASON_PEER },
	};

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		char serial[33];

		snprintf(serial, sizeof(serial), "HS%zu", v);
		known(&t, serial, versions[v]);
		ck_assert_uint_eq(session_keys(), 0);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			static const uint8_t code[2] = { 0, 4 }, check[4] = { 2, 0, 0, 0 }, wrong[16] = { 0 };
			struct frame in = { .type = rows[i].frame }, got;
			BUF_AUTO storage = { 0 };
			struct handshake h;
			struct rig_client c;
			enum reason reason;

			until(&h, rows[i].state, &c, &t, &storage);
			ck_assert_uint_eq(session_keys(), rows[i].state == HANDSHAKE_HELLO ? 0 : 2);
			if (in.type == FRAME_ERROR)
				in.field[ERROR_CODE] = VIEW(code, 2);
			else
				in.field[0] = VIEW(wrong, 16);
			if (in.type == FRAME_CONFIRM)
				in.field[CONFIRM_CHECK] = VIEW(check, 4);
			if (in.type == FRAME_CONFIRM && versions[v] == FORMAT_HANDSHAKE_V2)
				in.field[CONFIRM_TAG] = VIEW(wrong, 16);
			reason = step(&h, &in, &storage, &got);
			if (rows[i].reason)
				ck_assert_int_eq(reason, rows[i].reason);
			ck_assert_int_ne(reason, REASON_NONE);
			ck_assert(!handshake_refuse(&h, reason, "", NULL));
			ck_assert_uint_eq(session_keys(), 0);
			ops_tk_close(&c.tk);
		}
		rig_terminal_done(&t);
	}
}
END_TEST

START_TEST(no_key_and_no_nonce_stay_after_a_download)
{
	struct rig_terminal t = { 0 };
	static const uint8_t zero[FORMAT_NONCE];
	struct frame confirm = { .type = FRAME_CONFIRM }, got;
	struct check_value loaded;
	BUF_AUTO storage = { 0 };
	BUF_AUTO check = { 0 };
	uint8_t tag[OPS_TAG_MAX];
	struct ops_shake shake;
	struct handshake h;
	struct rig_client c;
	size_t n = 0;

	known(&t, "HSDONE", FORMAT_HANDSHAKE_V2);
	got = until(&h, HANDSHAKE_CONFIRM, &c, &t, &storage);
	ck_assert(!rig_load(r, &c, got.field[TMK_MESSAGE], &loaded));
	shake = (struct ops_shake){ VIEW(c.terminal_random, 16), VIEW(c.host_random, 16) };
	ck_assert(!ops_prove(r->pos_ops, &c.tk, &shake, TRANSCRIPT_CONFIRM, &loaded, tag, &n, NULL));
	check_value_put(&check, &loaded);
	confirm.field[CONFIRM_CHECK] = buf_view(&check);
	confirm.field[CONFIRM_TAG] = VIEW(tag, n);
	ck_assert_int_eq(step(&h, &confirm, &storage, &got), REASON_NONE);
	ck_assert_int_eq(got.type, FRAME_DONE);
	ck_assert_int_eq(h.state, HANDSHAKE_DONE);
	ck_assert_uint_eq(session_keys(), 0);
	ck_assert_mem_eq(h.host_random, zero, sizeof(zero));
	/* over is over: the same frame again */
	ck_assert_int_eq(step(&h, &confirm, &storage, &got), REASON_ORDER);
	ops_tk_close(&c.tk);
	rig_terminal_done(&t);
}
END_TEST

/* R2.5: import leaves no key behind either */
START_TEST(no_key_stays_in_the_hsm_after_an_import)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };

	rig_tk(r, &t, "HSIMP", FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &record);
	record.p[record.len - 20] ^= 1;
	import_one(buf_view(&record));
	ck_assert_uint_eq(session_keys(), 0);
	record.p[record.len - 20] ^= 1;
	import_one(buf_view(&record));
	ck_assert_uint_eq(session_keys(), 0);
	rig_terminal_done(&t);
}
END_TEST

/* R2.4: no verdict without the HSM; what was stored waits for it */
START_TEST(rows_wait_while_the_hsm_cannot_work)
{
	static const char waiting[] = "SELECT count(*) FROM key_source WHERE flag = 'not imported'";
	static const char formal[] = "SELECT count(*) FROM key_formal WHERE serial_number = 'HSWAIT'";
	struct pk11_key *good = kms.keys[FORMAT_SUITE_AES].pk, *missing = NULL;
	struct rig_terminal t = { 0 };
	BUF_AUTO record = { 0 };
	struct view list[2];
	struct import_in in = { "message", "wait", "test", "wait", list, 2 };
	struct fail f = { 0 };
	enum reason reason;
	bool more = true;
	int64_t id, n = 0;

	rig_tk(r, &t, "HSWAIT", FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &record);
	list[0] = VIEW_STR("garbage");
	list[1] = buf_view(&record);
	ck_assert(!pk11_key_new(kms.token, "pkcs11:object=NOSUCH;type=secret-key", &missing, NULL));
	kms.keys[FORMAT_SUITE_AES].pk = missing;
	ck_assert(!import_store(&kms, &in, &id, &reason, NULL));
	ck_assert_int_eq(import_slice(&kms, 5, &more, &f), ERR_KEY_MISSING);
	/* the bad row before it is settled, the good one waits, unharmed */
	ck_assert(!db_one(kms.db, &n, NULL, waiting, ""));
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(import_slice(&kms, 5, &more, NULL), ERR_KEY_MISSING);
	kms.keys[FORMAT_SUITE_AES].pk = good;
	while (more)
		ck_assert(!import_slice(&kms, 5, &more, NULL));
	ck_assert(!db_one(kms.db, &n, NULL, formal, ""));
	ck_assert_int_eq(n, 1);
	ck_assert(!db_one(kms.db, &n, NULL, "SELECT count(*) FROM notification WHERE file = ?", "i", id));
	ck_assert_int_eq(n, 1);
	pk11_key_free(missing);
	rig_terminal_done(&t);
}
END_TEST

/* Frames of every type in every state, with random fields: refused or answered, never a crash, never a key left. */
START_TEST(random_frames_in_random_order_do_no_harm)
{
	static const uint8_t types[] = {
		FRAME_HELLO, FRAME_PROOF_T, FRAME_CONFIRM, FRAME_TMK, FRAME_DONE, FRAME_ERROR
	};
	struct rig_terminal t = { 0 };
	uint8_t noise[64];

	known(&t, "HSFUZZ", FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 300; i++) {
		struct handshake h;
		enum reason reason = REASON_NONE;

		handshake_init(&h, &kms, "test", "test");
		for (int j = 0; j < 4 && !reason; j++) {
			struct frame in = { 0 }, got;
			BUF_AUTO storage = { 0 };

			ck_assert(!ops_random(r->pos_ops, noise, sizeof(noise), NULL));
			in.type = j ? types[noise[0] % ARRAY_LEN(types)] : FRAME_HELLO;
			in.field[0] = in.type == FRAME_HELLO     ? VIEW(noise[1] & 1 ? &t.handshake : noise + 1, 1)
				      : in.type == FRAME_CONFIRM ? VIEW(noise + 8, 4)
				      : in.type == FRAME_ERROR   ? VIEW(noise + 8, 2)
								 : VIEW(noise + 8, 8 + noise[2] % 9);
			if (in.type == FRAME_HELLO) {
				in.field[HELLO_SERIAL] =
				    noise[3] & 3 ? view_of_string(t.serial) : VIEW(noise + 24, 1 + noise[4] % 32);
				in.field[HELLO_RANDOM] = VIEW(noise + 8, noise[5] & 3 ? 16 : 8 + noise[5] % 9);
			}
			if (in.type == FRAME_CONFIRM)
				in.field[CONFIRM_TAG] = VIEW(noise + 12, noise[6] % 17);
			reason = step(&h, &in, &storage, &got);
		}
		ck_assert_int_ne(h.state, HANDSHAKE_DONE);
		if (reason)
			ck_assert(!handshake_refuse(&h, reason, "", NULL));
		handshake_done(&h);
		ck_assert_uint_eq(session_keys(), 0);
	}
	rig_terminal_done(&t);
}
END_TEST

/* R1.13: an unknown serial number takes the work of a known one: a TK is opened in the HSM, and gone at the end */
START_TEST(an_unknown_serial_number_takes_the_same_work)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct frame in = { .type = FRAME_HELLO }, got = { 0 };
		BUF_AUTO storage = { 0 };
		uint8_t random[16], tag[16] = { 0 };
		struct handshake h;
		char serial[33];

		snprintf(serial, sizeof(serial), "HSWORK%zu", v);
		known(&t, serial, versions[v]);
		for (int i = 0; i < 2; i++) {
			handshake_init(&h, &kms, "test", "test");
			ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
			in.type = FRAME_HELLO;
			in.field[HELLO_HANDSHAKE] = VIEW(&t.handshake, 1);
			in.field[HELLO_SERIAL] = view_of_string(i ? "HSNOBODY" : serial);
			in.field[HELLO_RANDOM] = VIEW(random, 16);
			ck_assert_int_eq(step(&h, &in, &storage, &got), REASON_NONE);
			ck_assert_int_eq(got.type, FRAME_PROOF_K);
			ck_assert_uint_eq(got.field[PROOF_K_TAG].n, 16);
			ck_assert_uint_eq(session_keys(), 2);
			ck_assert_int_eq(h.stand_in, i ? REASON_UNKNOWN : REASON_NONE);
			in = (struct frame){ .type = FRAME_PROOF_T, .field = { VIEW(tag, 16) } };
			ck_assert_int_eq(step(&h, &in, &storage, &got), i ? REASON_UNKNOWN : REASON_PROOF);
			ck_assert(!handshake_refuse(&h, i ? REASON_UNKNOWN : REASON_PROOF, "", NULL));
			ck_assert_uint_eq(session_keys(), 0);
		}
		rig_terminal_done(&t);
	}
}
END_TEST

/* What is over is forgotten: nonces after their time, rows of a node that was killed, failures, lock-outs. */
START_TEST(rows_that_are_over_are_pruned)
{
	static const char count_sql[] = "SELECT count(*) FROM handshake WHERE serial_number = 'HSPRUNE'";
	struct rig_terminal t = { 0 };
	BUF_AUTO storage = { 0 };
	struct handshake h;
	struct rig_client c;
	bool more = true;
	int64_t n = 0;

	known(&t, "HSPRUNE", FORMAT_HANDSHAKE_V2);
	until(&h, HANDSHAKE_PROOF, &c, &t, &storage);
	ops_tk_close(&c.tk);
	handshake_done(&h);
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(!more);
	ck_assert(!db_one(kms.db, &n, NULL, count_sql, ""));
	ck_assert_int_eq(n, 1);
	/* open still, but long expired: ended first, then forgotten when its nonce is */
	ck_assert(!db_run(kms.db, NULL, "UPDATE handshake SET expires = 1000", ""));
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(!db_one(kms.db, &n, NULL, "SELECT count(*) FROM handshake WHERE state = 'open'", ""));
	ck_assert_int_eq(n, 0);
	ck_assert(!db_one(kms.db, &n, NULL, count_sql, ""));
	ck_assert_int_eq(n, 1);
	ck_assert(!db_run(kms.db, NULL, "UPDATE handshake SET started = 1000", ""));
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(!db_one(kms.db, &n, NULL, count_sql, ""));
	ck_assert_int_eq(n, 0);
	ck_assert(!db_run(kms.db, NULL,
			  "UPDATE throttle SET minute = 1, failures = 3, failed = 1000, locked_until = 1000", ""));
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(!db_one(kms.db, &n, NULL, "SELECT count(*) FROM throttle", ""));
	ck_assert_int_eq(n, 0);
	rig_terminal_done(&t);
}
END_TEST

/* Why downloads failed is kept for error_days and goes in slices; what is younger stays. */
START_TEST(old_rows_of_download_error_are_pruned_in_slices)
{
	static const char insert_sql[] = "INSERT INTO download_error(at, node, serial_number, peer, step, reason, "
					 "tk_counter, tek_formal, auk_formal,"
					 " tek_hsm, auk_hsm, tek_terminal, auk_terminal, detail)"
					 " VALUES(?, 'n', 'HSOLD', '', '', '', 0, '', '', '', '', '', '', '')";
	static const char count_sql[] = "SELECT count(*) FROM download_error WHERE serial_number = 'HSOLD'";
	const int64_t now = (int64_t)time(NULL), day = 86400;
	bool more = false;
	int64_t n = 0;

	ck_assert_uint_eq(kms.limits.error_days, 90);
	ck_assert(!db_begin(kms.db, NULL));
	for (int i = 0; i < 700; i++)
		ck_assert(!db_run(kms.db, NULL, insert_sql, "i", now - 90 * day - 60 - i));
	ck_assert(!db_run(kms.db, NULL, insert_sql, "i", now - 90 * day + 3600));
	ck_assert(!db_run(kms.db, NULL, insert_sql, "i", now));
	ck_assert(!db_commit(kms.db, NULL));
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(more);
	ck_assert(!db_one(kms.db, &n, NULL, count_sql, ""));
	ck_assert_int_eq(n, 202);
	ck_assert(!limit_prune(&kms, &more, NULL));
	ck_assert(!more);
	ck_assert(!db_one(kms.db, &n, NULL, count_sql, ""));
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(every_reason_has_a_word_a_text_and_a_public_code)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		ck_assert(strlen(reason_word((enum reason)i)) > 0);
		ck_assert(strlen(reason_text((enum reason)i)) > 0);
		ck_assert(i == REASON_NONE || reason_err((enum reason)i) != ERR_OK);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(reason_word((enum reason)i), reason_word((enum reason)j));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_handshake");
	TCase *c = tcase_create("kms_handshake");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, no_key_stays_in_the_hsm_after_any_way_out);
	tcase_add_test(c, no_key_and_no_nonce_stay_after_a_download);
	tcase_add_test(c, no_key_stays_in_the_hsm_after_an_import);
	tcase_add_test(c, rows_wait_while_the_hsm_cannot_work);
	tcase_add_test(c, random_frames_in_random_order_do_no_harm);
	tcase_add_test(c, an_unknown_serial_number_takes_the_same_work);
	tcase_add_test(c, rows_that_are_over_are_pruned);
	tcase_add_test(c, old_rows_of_download_error_are_pruned_in_slices);
	tcase_add_test(c, every_reason_has_a_word_a_text_and_a_public_code);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
