/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dc_kit.h"

START_TEST(import_time_is_added_behind_the_mac_and_nothing_else_changes) /* R2.1 */
{
	struct tk_record sent = record_of("ACME", "POS-1", 9), kept;
	struct view bytes = bytes_of(&sent), stored;
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	time_t from = time(NULL);

	receive("d-1", bytes);
	stored = room_text(&room, "SELECT record FROM tk_record", NULL);
	/* The last field was empty: two bytes of length. Now it is 8 bytes long. */
	ck_assert_uint_eq(stored.n, bytes.n + 8);
	ck_assert(view_equal(VIEW(stored.p, bytes.n - 2), VIEW(bytes.p, bytes.n - 2)));
	ck_assert_uint_eq(be_get16(stored.p + bytes.n - 2), 8);
	ck_assert_uint_ge(be_get64(stored.p + bytes.n), (uint64_t)from);
	ck_assert_uint_le(be_get64(stored.p + bytes.n), (uint64_t)time(NULL));
	ck_assert(tk_record_parse(stored, &kept) && kept.has_imported);
	tk_record_mac_input(&before, &sent);
	tk_record_mac_input(&after, &kept);
	ck_assert(buf_ok(&before) && view_equal(buf_view(&before), buf_view(&after)));
	ck_assert(view_equal(kept.mac, sent.mac));
	ck_assert_int_eq(number("SELECT count(*) FROM tk_record WHERE customer = 'ACME' AND serial = 'POS-1' AND"
				" pin_pad = 'PP-1' AND counter = 9 AND collected = 1700000000 AND mtms = 'mtms1' AND"
				" mtms_delivery = 'd-1' AND waiting = 1 AND cert_serial = cast('4711' AS BLOB)"),
			 1);
}
END_TEST

/* Every record and where it went: receipts come and go beside them. */
static void dump_records(struct buf *ret)
{
	DB_STMT_AUTO *q = NULL;
	struct fail f = { 0 };
	bool row = false;

	must(db_query(
		 dc.db, &q, &f,
		 "SELECT r.id, r.record_sha256, r.record, r.waiting, coalesce(delivery, 0) FROM tk_record r LEFT JOIN"
		 " delivery_item i ON i.record = r.id ORDER BY 1, 5",
		 ""),
	     &f);
	for (must(db_next(q, &row, &f), &f); row; must(db_next(q, &row, &f), &f)) {
		buf_printf(ret, "%lld %s %lld %lld ", (long long)db_int(q, 0), db_text(q, 1), (long long)db_int(q, 3),
			   (long long)db_int(q, 4));
		buf_put_view(ret, db_blob(q, 2));
	}
	ck_assert(buf_ok(ret));
}

START_TEST(record_is_kept_once_by_its_digest) /* R2.1 */
{
	struct view two[] = { record("ACME", "POS-1", 1), record("ACME", "POS-1", 1) };
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct records_out out;

	ck_assert_int_eq(post("d-1", two, 2, &out), ERR_OK);
	ck_assert(out.accepted == 1 && out.known == 1 && out.refused.count == 0);
	run_route(0);
	dump_records(&before);
	/* The same message again, another message, another MTMS, after a restart. */
	ck_assert_int_eq(post("d-1", two, 2, &out), ERR_OK);
	ck_assert(out.accepted == 0 && out.known == 2);
	room.peer = (struct identity_peer){ ROLE_MTMS, "mtms2" };
	ck_assert_int_eq(post("d-2", two, 1, &out), ERR_OK);
	ck_assert(out.accepted == 0 && out.known == 1);
	close_dc();
	reopen("");
	ck_assert_int_eq(post("d-3", two, 1, &out), ERR_OK);
	ck_assert(out.accepted == 0 && out.known == 1);
	dump_records(&after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
	/* One that differs in its counter alone is another. */
	receive("d-4", record("ACME", "POS-1", 2));
}
END_TEST

START_TEST(records_of_bad_form_are_refused_one_by_one) /* R2.1 */
{
	static const char *const reasons[] = { "not well formed", "not well formed", "import time already",
					       "out of range", "out of range" };
	struct tk_record imported = record_of("ACME", "POS-2", 1), far = record_of("ACME", "POS-3", 1),
			 late = record_of("ACME", "POS-4", 1);
	struct view good = record("ACME", "POS-1", 1), longer, v[7];
	const struct record_refusal *r;
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct records_out out;

	imported.has_imported = true;
	imported.imported = 1700000001;
	far.counter = (uint64_t)INT64_MAX + 1;
	late.collected = UINT64_MAX;
	longer = arena_text(&room.arena, "%*s", (int)good.n + 1, "");
	memcpy((uint8_t *)(uintptr_t)longer.p, good.p, good.n);
	v[0] = good;
	v[1] = VIEW(good.p, good.n - 1);
	v[2] = longer;
	v[3] = bytes_of(&imported);
	v[4] = bytes_of(&far);
	v[5] = bytes_of(&late);
	v[6] = record("ACME", "POS-5", 1);
	ck_assert_int_eq(post("d-1", v + 1, 5, &out), ERR_OK);
	ck_assert(out.accepted == 0 && out.refused.count == 5);
	ck_assert_int_eq(number("SELECT count(*) FROM tk_record"), 0);
	ck_assert_int_eq(post("d-2", v, 7, &out), ERR_OK);
	ck_assert(out.accepted == 2 && out.known == 0 && out.refused.count == 5);
	r = out.refused.items;
	for (size_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(r[i].index, i + 1);
		ck_assert_ptr_nonnull(strstr((const char *)r[i].reason.p, reasons[i]));
	}
	ck_assert_ptr_nonnull(strstr(room.why, "refused 5"));
	dump_records(&before);
	ck_assert_int_eq(post("d-3", v + 1, 5, &out), ERR_OK);
	dump_records(&after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}
END_TEST

static void refuses(const char *body, enum err code)
{
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct records_out out;

	room_dump(dc.db, &before);
	ck_assert_int_eq(room_post_text(&room, RECORDS_PATH, view_of_string(body), &out), code);
	room_dump(dc.db, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}

START_TEST(malformed_messages_and_other_roles_change_nothing) /* R2.3 */
{
	receive_many("d-1", 1, 2);
	refuses("", ERR_MALFORMED);
	refuses("{\"delivery\":\"d\",\"order\":\"o\",\"sequence\":2}", ERR_MALFORMED);
	refuses("{\"delivery\":\"d\",\"order\":\"o\",\"sequence\":2,\"records\":[]}", ERR_MALFORMED);
	refuses("{\"delivery\":\"d\",\"order\":\"o\",\"sequence\":2,\"records\":[\"AA=\"]}", ERR_MALFORMED);
	refuses("{\"delivery\":\"../d\",\"order\":\"o\",\"sequence\":2,\"records\":[\"AA==\"]}", ERR_MALFORMED);
	refuses("{\"delivery\":\".d\",\"order\":\"o\",\"sequence\":2,\"records\":[\"AA==\"]}", ERR_MALFORMED);
	refuses("{\"delivery\":\"d\",\"order\":\"o\",\"sequence\":2,\"records\":[\"AA==\"],\"more\":1}", ERR_MALFORMED);
	for (enum role r = ROLE_NONE; r < ROLE_COUNT; r++) {
		room.peer.role = r;
		if (r != ROLE_MTMS)
			refuses("{\"delivery\":\"d\",\"order\":\"o\",\"sequence\":2,\"records\":[\"AA==\"]}",
				ERR_REFUSED);
	}
}
END_TEST

static void printed(const char *line, struct buf *ret)
{
	ret->len = 0;
	ck_assert_msg(!room_command(&room, admin_rows, admin_rows_count, line, ret), "%s: %s", line, room.why);
	buf_put_u8(ret, 0);
	ck_assert(buf_ok(ret));
}

START_TEST(records_are_found_by_serial_number_and_delivered_again) /* R2.1 */
{
	BUF_AUTO text = { 0 };
	char names[16][160];

	receive("d-1", record("ACME", "POS-1", 1));
	receive("d-2", record("ACME", "POS-1", 2));
	receive("d-3", record("ACME", "POS-11", 1));
	receive("d-4", record("NEW", "POS-1", 3));
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "redeliver POS-1", &text), ERR_NOT_FOUND);
	run_route(0);
	printed("find POS-1", &text);
	ck_assert_ptr_nonnull(strstr((const char *)text.p, "1\tPOS-1\t1\tACME\tORDER-1\tmtms1\td-1\t"));
	ck_assert_ptr_nonnull(strstr((const char *)text.p, "2\tPOS-1\t2\tACME\tORDER-1\tmtms1\td-2\t"));
	ck_assert_ptr_nonnull(strstr((const char *)text.p, "\tnew\tdelivered\t"));
	ck_assert_ptr_nonnull(strstr((const char *)text.p, "\tNEW\tORDER-1\tmtms1\t"));
	ck_assert_ptr_nonnull(strstr((const char *)text.p, "\twaiting\t\n"));
	ck_assert_ptr_null(strstr((const char *)text.p, "POS-11"));
	printed("find POS-2", &text);
	ck_assert_ptr_null(strstr((const char *)text.p, "POS"));
	/* The newest that has left, once more, under a new name. */
	printed("redeliver POS-1", &text);
	ck_assert_int_eq(
	    number("SELECT record FROM delivery_item i JOIN delivery d ON d.number = i.delivery WHERE d.kind ="
		   " 'again' AND d.state = 'waiting'"),
	    2);
	run_route(0);
	ck_assert_int_eq(spool_names(names), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery_item WHERE record = 2"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery_item WHERE record = 1"), 1);
}
END_TEST

/* A message of this number; answers the code. */
static enum err numbered(uint64_t sequence, const char *name, const char *of, struct view one, struct records_out *ret)
{
	struct record_item item = { one };
	struct records_in in = { view_of_string(name), view_of_string(of), sequence, { &item, 1 } };

	*ret = (struct records_out){ 0 };
	return room_post(&room, RECORDS_PATH, &in, ret);
}

START_TEST(deliveries_are_taken_by_number_exactly_once) /* R2.1, R2.9 */
{
	struct view a = record("ACME", "POS-1", 1), b = record("ACME", "POS-2", 1), bad = VIEW(a.p, a.n - 1);
	struct records_out out;

	ck_assert_int_eq(numbered(2, "d-2", "O", a, &out), ERR_UNEXPECTED);
	ck_assert_ptr_nonnull(strstr(room.why, "1 is the next"));
	ck_assert_int_eq(numbered(1, "d-1", "O", a, &out), ERR_OK);
	ck_assert(out.accepted == 1 && !out.repeated);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(numbered(1, "d-1", "O", a, &out), ERR_OK);
		ck_assert(out.accepted == 1 && out.known == 0 && out.repeated);
		/* Another content, name or order under the number. */
		ck_assert_int_eq(numbered(1, "d-1", "O", b, &out), ERR_REFUSED);
		ck_assert_int_eq(numbered(1, "d-x", "O", a, &out), ERR_REFUSED);
		ck_assert_int_eq(numbered(1, "d-1", "P", a, &out), ERR_REFUSED);
		ck_assert_int_eq(numbered(3, "d-3", "O", b, &out), ERR_UNEXPECTED);
		close_dc();
		reopen("");
	}
	/* What was refused is part of the answer that comes again. */
	ck_assert_int_eq(numbered(2, "d-2", "O", bad, &out), ERR_OK);
	ck_assert(out.refused.count == 1 && !out.repeated);
	ck_assert_int_eq(numbered(2, "d-2", "O", bad, &out), ERR_OK);
	ck_assert(out.refused.count == 1 && out.accepted == 0 && out.repeated);
	ck_assert(
	    view_equal(((struct record_refusal *)out.refused.items)->reason, VIEW_STR("record is not well formed")));
	ck_assert_int_eq(number("SELECT count(*) FROM tk_record"), 1);
	ck_assert_int_eq(number("SELECT last FROM mtms WHERE name = 'mtms1'"), 2);
	/* Each MTMS has numbers of its own. */
	room.peer = (struct identity_peer){ ROLE_MTMS, "mtms2" };
	ck_assert_int_eq(numbered(3, "d-3", "O", b, &out), ERR_UNEXPECTED);
	ck_assert_int_eq(numbered(1, "d-1", "O", b, &out), ERR_OK);
	ck_assert_uint_eq(out.accepted, 1);
}
END_TEST

START_TEST(mtms_with_a_new_database_begins_anew_by_command) /* R2.1 */
{
	struct view a = record("ACME", "POS-1", 1), b = record("ACME", "POS-2", 1);
	struct records_out out;
	BUF_AUTO text = { 0 };

	ck_assert_int_eq(numbered(1, "d-1", "O", a, &out), ERR_OK);
	ck_assert_int_eq(numbered(1, "e-1", "O", b, &out), ERR_REFUSED);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "mtms restart mtms9", &text), ERR_NOT_FOUND);
	printed("mtms restart mtms1", &text);
	ck_assert_int_eq(numbered(1, "e-1", "O", b, &out), ERR_OK);
	ck_assert(out.accepted == 1 && !out.repeated);
	ck_assert_int_eq(numbered(2, "e-2", "O", a, &out), ERR_OK);
	ck_assert(out.known == 1);
	ck_assert_int_eq(number("SELECT count(*) FROM audit WHERE event = 'mtms restart' AND object = 'mtms1'"), 1);
}
END_TEST

static void count_of(const char *line, const char *what, int expected)
{
	BUF_AUTO text = { 0 };
	const char *at;
	int n = 0;

	printed(line, &text);
	for (at = (const char *)text.p; (at = strstr(at, what)); at++)
		n++;
	ck_assert_msg(n == expected, "%s: %d times %s\n%s", line, n, what, (const char *)text.p);
}

START_TEST(records_are_found_by_all_that_is_known_of_them) /* R2.1 */
{
	BUF_AUTO text = { 0 };

	order = "A";
	receive("d-1", record("ACME", "POS-1", 1));
	receive("d-2", record("FAR", "POS-1", 2));
	order = "B";
	receive("d-3", record("ACME", "POS-2", 1));
	order = "ORDER-1";
	run_route(0);
	count_of("find", "POS-", 3);
	count_of("find POS-1", "POS-", 2);
	count_of("find POS-1 --kms ACME", "POS-", 1);
	count_of("find --order A", "POS-", 2);
	count_of("find --order A --kms FAR", "POS-", 1);
	count_of("find --mtms mtms1", "POS-", 3);
	count_of("find --mtms mtms2", "POS-", 0);
	count_of("find --state waiting", "POS-", 1);
	count_of("find --state delivered --csv", "POS-", 2);
	count_of("find --from 2020-01-01 --to 2999-01-01T00:00:00", "POS-", 3);
	count_of("find --to 2020-01-01", "POS-", 0);
	count_of("find --from 32503680000", "POS-", 0);
	count_of("find POS-2 --json", "\"serial\":\"POS-2\"", 1);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "find POS-1 POS-2", &text), ERR_USAGE);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "find --from yesterday", &text), ERR_USAGE);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "find --json --csv", &text), ERR_USAGE);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "find --what", &text), ERR_USAGE);
}
END_TEST

START_TEST(redelivery_never_mixes_customers_or_orders) /* R2.1, R2.9 */
{
	BUF_AUTO text = { 0 };

	order = "A";
	receive("d-1", record("ACME", "POS-1", 1));
	receive("d-2", record("ACME", "POS-2", 1));
	receive("d-3", record("FAR", "POS-3", 1));
	order = "B";
	receive("d-4", record("ACME", "POS-1", 2));
	order = "ORDER-1";
	run_route(0);
	/* FAR has composed its delivery, the KMS is away. */
	ck_assert_int_eq(route_step(&dc.routes[1]), WORKER_AGAIN);
	printed("redeliver order A", &text);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE kind = 'again' AND order_id = 'A'"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery d JOIN delivery_item i ON i.delivery = d.number JOIN"
				" tk_record r ON r.id = i.record WHERE r.customer <> d.customer OR r.order_id <>"
				" d.order_id"),
			 0);
	printed("redeliver order A --kms ACME", &text);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE kind = 'again' AND customer = 'ACME'"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE kind = 'again' AND customer = 'FAR'"), 1);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "redeliver order A --kms NEW", &text),
			 ERR_NOT_FOUND);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "redeliver order Z", &text), ERR_NOT_FOUND);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "redeliver POS-1 --kms FAR", &text),
			 ERR_NOT_FOUND);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "redeliver delivery none", &text),
			 ERR_NOT_FOUND);
	run_route(0);
	ck_assert_int_eq(number("SELECT max(sequence) - count(*) FROM delivery WHERE customer = 'ACME'"), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM audit WHERE event LIKE 'redeliver%'"), 2);
}
END_TEST

START_TEST(wrong_ways_are_configuration_errors)
{
	static const char *const wrong[] = {
		"[kms A]\nmode = pigeon\n",
		"[kms A]\nmode = file\n",
		"[kms A]\nmode = message\n",
		"[kms A/B]\nmode = file\nspool = /tmp\n",
		"[kms A]\nmode = file\nspool = /tmp\nbatch = 0\n",
		"[kms A]\nmode = file\nspool = /tmp\nbatch = 20001\n",
		"[kms A]\nmode = message\nurl = https://127.0.0.1:1\nbatch = 1001\n",
		"[kms A]\nmode = message\nurl = https://127.0.0.1:1\nspool = /tmp\n",
		"[kms A]\nmode = file\nurl = https://127.0.0.1:1\nspool = /tmp\n",
		"[kms A]\nmode = notice\nspool = /tmp\n",
		"[kms A]\nmode = file\nspool = /tmp\nretry_max_s = 0\n",
		"[kms A]\nmode = file\nspool = ftp://127.0.0.1/\n",
		"[kms A]\nmode = file\nspool = sftp://127.0.0.1/x/\nuser = u\n",
		"[kms A]\nmode = file\nspool = http://127.0.0.1/\n",
		"[kms A]\nmode = file\nspool = /tmp\nbatch = -1\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct fail f = { 0 };

		close_dc();
		ck_assert_msg(open_dc(wrong[i], &f) == ERR_CONFIG, "%s", wrong[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dc room");
	TCase *t = tcase_create("dc room");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, import_time_is_added_behind_the_mac_and_nothing_else_changes);
	tcase_add_test(t, record_is_kept_once_by_its_digest);
	tcase_add_test(t, records_of_bad_form_are_refused_one_by_one);
	tcase_add_test(t, malformed_messages_and_other_roles_change_nothing);
	tcase_add_test(t, records_are_found_by_serial_number_and_delivered_again);
	tcase_add_test(t, deliveries_are_taken_by_number_exactly_once);
	tcase_add_test(t, mtms_with_a_new_database_begins_anew_by_command);
	tcase_add_test(t, records_are_found_by_all_that_is_known_of_them);
	tcase_add_test(t, redelivery_never_mixes_customers_or_orders);
	tcase_add_test(t, wrong_ways_are_configuration_errors);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
