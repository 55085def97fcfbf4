/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dc_kit.h"
#include "keyfile.h"
#include "manifest.h"
#include "sha256.h"
#include "tables.h"

static void read_spool(const char *name, struct buf *ret)
{
	char path[400], block[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", spool, name);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s", path);
	while ((n = fread(block, 1, sizeof(block), file)) > 0)
		buf_put(ret, block, n);
	fclose(file);
}

static void write_spool(const char *name, const char *text)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", spool, name);
	file = fopen(path, "w");
	ck_assert(file && fputs(text, file) >= 0 && !fclose(file));
}

START_TEST(record_of_an_unknown_customer_waits_until_there_is_a_way) /* R2.2 */
{
	char names[16][160], section[300];

	receive("d-1", record("NEW", "POS-1", 1));
	run_route(0);
	ck_assert_int_eq(route_step(&dc.routes[1]), WORKER_IDLE);
	ck_assert_int_eq(spool_names(names), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM tk_record WHERE waiting = 1"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery"), 0);
	close_dc();
	snprintf(section, sizeof(section), "[kms NEW]\nmode = file\nspool = %s\n", spool);
	reopen(section);
	run_route(2);
	ck_assert_int_eq(spool_names(names), 1);
	ck_assert_ptr_nonnull(strstr(names[0], "-NEW-"));
	ck_assert_int_eq(number("SELECT count(*) FROM tk_record WHERE waiting = 1"), 0);
}
END_TEST

/* What happened in the spool folder, a line each. */
static void events(int watch, struct buf *ret)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} kinds[] = {
		{ IN_CREATE, "create" }, { IN_CLOSE_WRITE, "written" }, { IN_MOVED_FROM, "from" }, { IN_MOVED_TO, "to" }
	};
	_Alignas(struct inotify_event) char block[8192];
	ssize_t n = read(watch, block, sizeof(block));

	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(void *)(block + at);

		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			if (e->mask & kinds[k].bit)
				buf_printf(ret, "%s %s\n", kinds[k].name, e->name);
		at += (ssize_t)sizeof(*e) + e->len;
	}
}

START_TEST(key_file_appears_whole_by_a_rename) /* R2.2 */
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	BUF_AUTO seen = { 0 };
	BUF_AUTO expected = { 0 };
	char name[200];

	ck_assert_int_ge(watch, 0);
	ck_assert_int_ge(inotify_add_watch(watch, spool, IN_CREATE | IN_CLOSE_WRITE | IN_MOVE), 0);
	receive_many("d-1", 1, 2);
	run_route(0);
	events(watch, &seen);
	close(watch);
	snprintf(name, sizeof(name), "%s", (const char *)room_text(&room, "SELECT name FROM delivery", NULL).p);
	for (int i = 0; i < 2; i++) {
		const char *end = i ? "manifest" : "keys"; /* the manifest last */

		buf_printf(&expected, "create .%s.%s.part\nwritten .%s.%s.part\n", name, end, name, end);
		buf_printf(&expected, "from .%s.%s.part\nto %s.%s\n", name, end, name, end);
	}
	ck_assert_msg(view_equal(buf_view(&seen), buf_view(&expected)), "%.*s", (int)seen.len, (const char *)seen.p);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE state = 'delivered'"), 1);
}
END_TEST

START_TEST(deliveries_keep_the_order_and_have_names_of_their_own) /* R2.2 */
{
	char names[16][160], expected[16];
	size_t total = 0;

	receive_many("d-1", 0, 7);
	run_route(0);
	receive("d-3", record("FAR", "POS-99", 1));
	receive_many("d-2", 7, 4);
	run_route(0);
	int count = spool_names(names);
	ck_assert_int_eq(count, 5); /* 3, 3, 1, then 3, 1 */
	for (int i = 0; i < count; i++) {
		BUF_AUTO text = { 0 };
		struct keyfile k = { 0 };
		struct fail f = { 0 };
		struct tk_record r;

		ck_assert(!i || strcmp(names[i - 1], names[i]) < 0);
		read_spool(names[i], &text);
		must(keyfile_read(buf_view(&text), &k, &f), &f);
		ck_assert_str_eq(k.head.kms, "ACME");
		ck_assert_str_eq(k.head.dc, "dc1");
		ck_assert(!strncmp(names[i], k.head.name, strlen(k.head.name)) &&
			  !strcmp(names[i] + strlen(k.head.name), KEYFILE_SUFFIX));
		ck_assert_uint_le(k.count, BATCH);
		for (size_t n = 0; n < k.count; n++, total++) {
			snprintf(expected, sizeof(expected), "POS-%02zu", total);
			ck_assert(tk_record_parse(k.records[n], &r) && r.has_imported);
			ck_assert(view_equal(r.pos_serial, view_of_string(expected)));
			ck_assert(view_equal(r.customer, VIEW_STR("ACME")));
		}
		keyfile_done(&k);
	}
	ck_assert_uint_eq(total, 11);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE customer = 'FAR'"), 0);
}
END_TEST

START_TEST(delivery_that_fails_waits_under_its_name_and_holds_back_what_follows) /* R2.2 */
{
	char away[200], names[16][160];
	struct view name;

	snprintf(away, sizeof(away), "%s/away", dir);
	receive_many("d-1", 0, 2);
	ck_assert_int_eq(rename(spool, away), 0);
	ck_assert_int_eq(route_step(&dc.routes[0]), WORKER_AGAIN); /* composed */
	name = room_text(&room, "SELECT name FROM delivery", NULL);
	receive_many("d-2", 2, 2);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(route_step(&dc.routes[0]), WORKER_IDLE);
		ck_assert_int_eq(number("SELECT attempts FROM route WHERE customer = 'ACME'"), i + 1);
		ck_assert_int_eq(route_step(&dc.routes[0]), WORKER_IDLE); /* the pause lasts */
		ck_assert_int_eq(number("SELECT attempts FROM route WHERE customer = 'ACME'"), i + 1);
		retry_now();
	}
	ck_assert_int_eq(number("SELECT count(*) FROM delivery"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM route WHERE customer = 'ACME' AND state = 'open' AND error LIKE"
				" '%spool%'"),
			 1);
	/* The operator is told once, not at every try. */
	ck_assert_int_eq(number("SELECT count(*) FROM audit WHERE event = 'delivery' AND code <> 0"), 1);
	close_dc();
	reopen("");
	ck_assert_int_eq(route_step(&dc.routes[0]), WORKER_IDLE);
	ck_assert_int_eq(rename(away, spool), 0);
	retry_now();
	run_route(0);
	ck_assert_int_eq(spool_names(names), 2);
	ck_assert(!strncmp(names[0], (const char *)name.p, name.n));
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE state = 'delivered'"), 2);
}
END_TEST

START_TEST(unreachable_kms_leaves_its_records_waiting) /* R2.2 */
{
	receive("d-1", record("FAR", "POS-1", 1));
	ck_assert_int_eq(route_step(&dc.routes[1]), WORKER_AGAIN);
	ck_assert_int_eq(route_step(&dc.routes[1]), WORKER_IDLE);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE state = 'waiting'"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM route WHERE customer = 'FAR' AND error <> '' AND attempts = 1"),
			 1);
	receive_many("d-2", 1, 1);
	run_route(0);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE customer = 'ACME' AND state = 'delivered'"), 1);
}
END_TEST

START_TEST(delivery_of_an_interrupted_run_is_not_written_twice) /* R2.2 */
{
	char names[16][160], path[400], part[200];
	struct stat first, again;
	struct fail f = { 0 };

	receive_many("d-1", 0, 2);
	run_route(0);
	ck_assert_int_eq(spool_names(names), 1);
	snprintf(path, sizeof(path), "%s/%s", spool, names[0]);
	ck_assert_int_eq(stat(path, &first), 0);
	/* Killed between the rename and the commit. */
	must(db_run(dc.db, &f, "UPDATE delivery SET state = 'waiting'", ""), &f);
	close_dc();
	reopen("");
	run_route(0);
	ck_assert(!stat(path, &again) && first.st_ino == again.st_ino && spool_names(names) == 1);
	/* Killed before the rename: the half file is written anew. */
	snprintf(part, sizeof(part), ".%.150s.part", names[0]);
	ck_assert_int_eq(unlink(path), 0);
	write_spool(part, "half");
	must(db_run(dc.db, &f, "UPDATE delivery SET state = 'waiting'", ""), &f);
	run_route(0);
	ck_assert_int_eq(spool_names(names), 1);
	ck_assert(!stat(path, &again) && again.st_size == first.st_size);
	/* Another file of that name is never overwritten. */
	write_spool(names[0], "something else");
	must(db_run(dc.db, &f, "UPDATE delivery SET state = 'waiting'", ""), &f);
	ck_assert_int_eq(route_step(&dc.routes[0]), WORKER_IDLE);
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE state = 'waiting'"), 1);
	BUF_AUTO text = { 0 };
	read_spool(names[0], &text);
	ck_assert(view_equal(buf_view(&text), VIEW_STR("something else")));
}
END_TEST

/* The manifest beside a key file, verified as a KMS does. */
static struct manifest manifest_beside(const char *keys)
{
	struct cms_signer signer;
	struct manifest m = { 0 };
	struct fail f = { 0 };
	BUF_AUTO der = { 0 };
	char name[200];

	snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(keys) - strlen(KEYFILE_SUFFIX)), keys, MANIFEST_SUFFIX);
	read_spool(name, &der);
	must(manifest_read(dc.identity->roots, 0, buf_view(&der), &m, &signer, &f), &f);
	ck_assert_str_eq(signer.name, "dc1");
	return m;
}

START_TEST(manifest_says_what_the_key_file_is) /* R2.2, R2.9 */
{
	char names[16][160], sha256[65];

	receive_many("d-1", 1, 7); /* batches of 3 */
	run_route(0);
	ck_assert_int_eq(spool_names(names), 3);
	for (int i = 0; i < 3; i++) {
		struct manifest m = manifest_beside(names[i]);
		BUF_AUTO text = { 0 };

		read_spool(names[i], &text);
		ck_assert(sha256_hex(buf_view(&text), sha256));
		ck_assert_str_eq(m.sha256, sha256);
		ck_assert_uint_eq(m.size, text.len);
		ck_assert_uint_eq(m.count, i < 2 ? 3 : 1);
		ck_assert_uint_eq(m.sequence, (uint64_t)i + 1);
		ck_assert_str_eq(m.kms, "ACME");
		ck_assert_str_eq(m.dc, "dc1");
		ck_assert_str_eq(m.order, "ORDER-1");
		ck_assert_int_eq(strncmp(names[i], m.name, strlen(m.name)), 0);
	}
}
END_TEST

START_TEST(orders_are_not_mixed_and_keep_their_turn) /* R2.9 */
{
	static const char *const orders[] = { "A", "B", "B", "A" };
	char names[16][160], serial[16];

	for (int i = 0; i < 4; i++) {
		order = orders[i];
		snprintf(serial, sizeof(serial), "POS-%d", i);
		receive("d", record("ACME", serial, 1));
	}
	order = "ORDER-1";
	run_route(0);
	ck_assert_int_eq(spool_names(names), 3);
	ck_assert_str_eq(manifest_beside(names[0]).order, "A");
	ck_assert_str_eq(manifest_beside(names[1]).order, "B");
	ck_assert_uint_eq(manifest_beside(names[1]).count, 2);
	ck_assert_str_eq(manifest_beside(names[2]).order, "A");
}
END_TEST

START_TEST(repeated_write_has_the_same_manifest) /* R2.2 */
{
	char names[16][160];
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct fail f = { 0 };
	char name[200], path[400];

	receive_many("d-1", 1, 2);
	run_route(0);
	ck_assert_int_eq(spool_names(names), 1);
	snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(names[0]) - strlen(KEYFILE_SUFFIX)), names[0],
		 MANIFEST_SUFFIX);
	read_spool(name, &before);
	must(db_run(dc.db, &f, "UPDATE delivery SET state = 'waiting'", ""), &f);
	run_route(0);
	read_spool(name, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
	ck_assert_int_eq(number("SELECT count(*) FROM delivery WHERE state = 'delivered'"), 1);
	/* One that no KMS would take any more is signed anew. */
	must(db_run(dc.db, &f, "UPDATE delivery SET state = 'waiting', manifest = ?", "b", VIEW_STR("outdated")), &f);
	snprintf(path, sizeof(path), "%s/%s", spool, name);
	ck_assert_int_eq(unlink(path), 0);
	run_route(0);
	ck_assert_uint_eq(manifest_beside(names[0]).sequence, 1);
}
END_TEST

START_TEST(tables_of_the_first_version_are_taken_over) /* R2.1 */
{
	static const char *const old[] = {
		"INSERT INTO kms_delivery (name, customer, created, count, state, delivered) VALUES"
		" ('n1', 'ACME', 5, 1, 'delivered', 6), ('n2', 'BOLT', 5, 1, 'waiting', NULL), ('n3', 'ACME', 7, 1,"
		" 'waiting', NULL)",
		"INSERT INTO tk_record (record_sha256, customer, serial, pin_pad, cert_serial, counter, collected, "
		"mtms,"
		" mtms_delivery, imported, record, waiting) VALUES ('x', 'ACME', 'POS-1', 'P', x'01', 1, 2, 'm', 'd', "
		"3,"
		" x'00', 0)",
		"INSERT INTO delivery_record (delivery, position, record) VALUES (1, 0, 1), (3, 0, 1)",
	};
	struct fail f = { 0 };
	struct db *db = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/old.db", dir);
	must(db_open(path, dc_tables, 1, &db, &f), &f);
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		must(db_run(db, &f, old[i], ""), &f);
	db_free(db);
	must(db_open(path, dc_tables, dc_tables_count, &db, &f), &f);
	ck_assert_int_eq(
	    room_number(db,
			"SELECT count(*) FROM delivery d JOIN delivery_item i ON i.delivery = d.number WHERE"
			" (d.name = 'n1' AND d.sequence = 1 AND d.state = 'delivered' AND d.settled = 6) OR"
			" (d.name = 'n3' AND d.sequence = 2 AND d.state = 'waiting')",
			NULL),
	    2);
	ck_assert_int_eq(room_number(db, "SELECT sequence FROM route WHERE customer = ?", "ACME"), 2);
	ck_assert_int_eq(room_number(db, "SELECT count(*) FROM tk_record WHERE order_id = ?", "none"), 1);
	db_free(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dc route");
	TCase *t = tcase_create("dc route");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, record_of_an_unknown_customer_waits_until_there_is_a_way);
	tcase_add_test(t, key_file_appears_whole_by_a_rename);
	tcase_add_test(t, deliveries_keep_the_order_and_have_names_of_their_own);
	tcase_add_test(t, delivery_that_fails_waits_under_its_name_and_holds_back_what_follows);
	tcase_add_test(t, unreachable_kms_leaves_its_records_waiting);
	tcase_add_test(t, delivery_of_an_interrupted_run_is_not_written_twice);
	tcase_add_test(t, manifest_says_what_the_key_file_is);
	tcase_add_test(t, orders_are_not_mixed_and_keep_their_turn);
	tcase_add_test(t, repeated_write_has_the_same_manifest);
	tcase_add_test(t, tables_of_the_first_version_are_taken_over);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
