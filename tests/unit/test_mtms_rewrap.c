/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtms_kit.h"
#include "tables.h"

static void failed_at_second_look(const char *words)
{
	ck_assert_int_eq(rewrap_step(&rewrapper), WORKER_IDLE);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM sn_key WHERE state = 'failed'", NULL), 3);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM sn_key WHERE record IS NOT NULL", NULL), 0);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM outbox", NULL), 0);
	ck_assert_ptr_nonnull(
	    strstr((const char *)room_text(&room, "SELECT reason FROM sn_key LIMIT 1", NULL).p, words));
	ck_assert_int_gt(room_number(m.db, "SELECT count(*) FROM audit WHERE code = 4 OR code = 13", NULL), 0);
	ck_assert_int_eq(rewrap_step(&rewrapper), WORKER_IDLE);
	ck_assert_int_eq(outbox_step(&m), WORKER_IDLE);
}

/* No HSM 1 is there at all: whatever comes that far would end the test. */
START_TEST(signature_is_verified_again_before_a_rewrap) /* R1.6 */
{
	BUF_AUTO content = { 0 };
	BUF_AUTO cms = { 0 };
	struct pki_cert c = card_cert();
	struct fail f = { 0 };

	receive("order-1", "b-1", three, 3);
	put_content("order-1", "b-1", three, 3, &content);
	switch (_i) {
	case 0: /* one byte of the signature */
		sign(&root, c, buf_view(&content), &cms);
		cms.p[cms.len - 1] ^= 1;
		break;
	case 1: /* another root's card */
		sign(&other, c, buf_view(&content), &cms);
		break;
	case 2: /* a card that had expired before the batch was received */
		c.from = -7000;
		c.until = -60;
		sign(&root, c, buf_view(&content), &cms);
		break;
	default: /* another batch, well signed */
		content.len = 0;
		put_content("order-1", "b-2", three, 3, &content);
		sign(&root, c, buf_view(&content), &cms);
	}
	must(db_run(m.db, &f, "UPDATE batch SET cms = ?", "b", buf_view(&cms)), &f);
	failed_at_second_look(((const char *[]){ "signature", "certificate", "expired", "not the one that was" })[_i]);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM batch WHERE state = 'failed'", NULL), 1);
}
END_TEST

START_TEST(rows_that_differ_from_what_was_signed_are_not_rewrapped) /* R1.6 */
{
	static const char *const faults[] = {
		"UPDATE sn_key SET serial = serial || '0'",
		"UPDATE sn_key SET position = position + 100",
		"UPDATE sn_key SET packet = (SELECT packet FROM sn_key s WHERE s.position = (sn_key.position + 1) % 3)",
		"UPDATE sn_key SET packet = substr(packet, 2)",
	};
	struct fail f = { 0 };

	receive("order-1", "b-1", three, 3);
	must(db_run(m.db, &f, faults[_i], ""), &f);
	failed_at_second_look("differs from what the operator signed");
}
END_TEST

/* A card may expire between receipt and re-wrap: what counts is the time of receipt. */
START_TEST(second_look_is_at_the_time_of_receipt) /* R1.6 */
{
	static const struct sample bad[] = { { .serial = "POS-1", .certificate = "9", .reason = "x" } };
	BUF_AUTO content = { 0 };
	BUF_AUTO cms = { 0 };
	struct pki_cert c = card_cert();
	struct fail f = { 0 };

	receive("order-1", "b-1", bad, 1);
	put_content("order-1", "b-1", bad, 1, &content);
	c.from = -7000;
	c.until = -60;
	sign(&root, c, buf_view(&content), &cms);
	must(db_run(m.db, &f, "UPDATE batch SET cms = ?, received = received - 600", "b", buf_view(&cms)), &f);
	ck_assert_int_eq(rewrap_step(&rewrapper), WORKER_IDLE);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM batch WHERE state = 'done'", NULL), 1);
}
END_TEST

START_TEST(failed_terminal_is_retried_unless_a_newer_tk_is_there) /* R1.7 */
{
	static const struct sample rows[] = { { .serial = "POS-1" }, { .serial = "POS-2" } };
	static const struct sample newer[] = { { .serial = "POS-2", .counter = 2 } };
	BUF_AUTO text = { 0 };
	struct fail f = { 0 };

	receive("order-1", "b-1", rows, 2);
	receive("order-1", "b-2", newer, 1);
	must(db_run(m.db, &f, "UPDATE sn_key SET state = 'failed', reason = 'x' WHERE counter = 1", ""), &f);
	must(db_run(m.db, &f, "UPDATE batch SET state = 'done'", ""), &f);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "terminals retry POS-2", &text),
			 ERR_NOT_FOUND);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM batch WHERE state = 'done'", NULL), 2);
	command("terminals retry POS-1");
	ck_assert_int_eq(room_number(m.db,
				     "SELECT count(*) FROM sn_key WHERE serial = ? AND state = 'waiting' AND"
				     " reason IS NULL",
				     "POS-1"),
			 1);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM batch WHERE state = 'received'", NULL), 1);
}
END_TEST

/* What waited in the first version goes on: it had no inventories, no numbers of deliveries, no claims. */
START_TEST(tables_of_the_first_version_are_taken_over) /* R1.6, R2.1 */
{
	static const char *const old[] = {
		"INSERT INTO pr_key (key_index, label, created) VALUES (1, 'PR', 1)",
		"INSERT INTO production_order (order_id, customer, created, state) VALUES ('o-1', 'ACME', 1, 'open'),"
		" ('o-2', 'ACME', 1, 'open')",
		"INSERT INTO batch (batch_id, order_id, content_sha256, cms, signer, signer_serial, sender, received, "
		"state)"
		" VALUES ('b-1', 'o-1', 'x', x'00', 's', '1', 'line', 2, 'received'),"
		" ('b-2', 'o-2', 'y', x'00', 's', '1', 'line', 2, 'done')",
		"INSERT INTO sn_key (serial, pin_pad, counter, cert_serial, batch, position, collected, packet, state)"
		" VALUES ('T-1', 'P-1', 1, x'01', 1, 0, 2, x'00', 'waiting')",
		"INSERT INTO sn_key (serial, pin_pad, counter, cert_serial, batch, position, collected, packet, state,"
		" record, rewrapped) VALUES ('T-2', 'P-2', 1, x'01', 2, 0, 2, x'00', 'rewrapped', x'02', 3),"
		" ('T-3', 'P-3', 1, x'01', 2, 1, 2, x'00', 'rewrapped', x'03', 3)",
		"INSERT INTO outbox (sn_key, record_sha256, queued, state, settled) VALUES (2, 'd2', 3, 'delivered', "
		"4),"
		" (3, 'd3', 3, 'waiting', NULL)",
	};
	struct fail f = { 0 };
	struct db *db = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s.first", inventory(""));
	must(db_open(path, mtms_tables, 1, &db, &f), &f);
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		must(db_run(db, &f, old[i], ""), &f);
	db_free(db);
	must(db_open(path, mtms_tables, mtms_tables_count, &db, &f), &f);
	ck_assert_int_eq(room_number(db, "SELECT count(*) FROM sn_key WHERE order_id = ?", "o-1"), 1);
	ck_assert_int_eq(room_number(db, "SELECT count(*) FROM sn_key WHERE order_id = ?", "o-2"), 2);
	ck_assert_int_eq(room_number(db,
				     "SELECT count(*) FROM outbox WHERE order_id = 'o-2' AND delivery IS NULL AND"
				     " ((sn_key = 2 AND state = 'delivered' AND settled = 4) OR"
				     " (sn_key = 3 AND state = 'waiting'))",
				     NULL),
			 2);
	ck_assert_int_eq(room_number(db, "SELECT count(*) FROM production_order WHERE state = 'open'", NULL), 2);
	db_free(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mtms rewrap");
	TCase *t = tcase_create("mtms rewrap");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, signature_is_verified_again_before_a_rewrap, 0, 4);
	tcase_add_loop_test(t, rows_that_differ_from_what_was_signed_are_not_rewrapped, 0, 4);
	tcase_add_test(t, second_look_is_at_the_time_of_receipt);
	tcase_add_test(t, failed_terminal_is_retried_unless_a_newer_tk_is_there);
	tcase_add_test(t, tables_of_the_first_version_are_taken_over);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
