/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "mtms_kit.h"
#include "permission.h"

/* Production orders with their inventories, and who may collect for them. */

static enum err order_command(const char *format, const char *lines)
{
	BUF_AUTO text = { 0 };
	char line[400];

	snprintf(line, sizeof(line), format, lines ? inventory(lines) : "");
	return room_command(&room, admin_rows, admin_rows_count, line, &text);
}

START_TEST(orders_are_added_once_for_customers_that_are_there) /* R1.5 */
{
	BUF_AUTO list = { 0 };

	ck_assert_int_eq(order_command("order add order-1 OLD --inventory %s", "N-1\n"), ERR_DUPLICATE);
	ck_assert_int_eq(order_command("order add o GONE --inventory %s", "N-1\n"), ERR_NOT_FOUND);
	ck_assert_int_eq(order_command("order add o/o ACME --inventory %s", "N-1\n"), ERR_USAGE);
	ck_assert_int_eq(order_command("order add o ACME", NULL), ERR_USAGE);
	ck_assert_int_eq(order_command("order add o ACME --inventory", NULL), ERR_USAGE);
	ck_assert_int_eq(order_command("order add o ACME --inventory /nowhere", NULL), ERR_IO);
	ck_assert_int_eq(order_command("order close o", NULL), ERR_NOT_FOUND);
	ck_assert_int_eq(order_command("order close order-old", NULL), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(room.why, "2 of 2 devices"));
	command("order close order-old --incomplete");
	ck_assert_int_eq(order_command("order close order-old --incomplete", NULL), ERR_REFUSED);
	ck_assert_int_eq(room_command(&room, admin_rows, admin_rows_count, "order list", &list), ERR_OK);
	buf_put_u8(&list, 0);
	ck_assert_ptr_nonnull(strstr((char *)list.p, "order-1\tACME\topen\t"));
	ck_assert_ptr_nonnull(strstr((char *)list.p, "order-old\tOLD\tclosed\t"));
}
END_TEST

START_TEST(inventory_is_taken_whole_or_not_at_all) /* R1.5 */
{
	static const char *const wrong[] = {
		"",
		"# nothing\n\n",
		"N-1\nN-2\nN-1\n",      /* twice in the file */
		"N-1\nPOS-3\n",         /* in another open order */
		"N-1,PP-1\nN-2,PP-1\n", /* one PIN pad, two devices */
		"N-1\nN-2,PP,more\n",   /* three columns */
		"N-1\n0123456789012345678901234567890123\n",
		"N-1\nN-2,0123456789012345678901234567890123\n",
		"N-1\n,PP-1\n",
		"N-1\nN\xff\n",
	};
	BUF_AUTO before = { 0 };

	room_dump(m.db, &before);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		BUF_AUTO after = { 0 };

		ck_assert_int_eq(order_command("order add new ACME --inventory %s", wrong[i]), ERR_BAD_DATA);
		ck_assert_int_eq(order_command("order amend order-1 --add %s", wrong[i]), ERR_BAD_DATA);
		room_dump(m.db, &after);
		ck_assert_msg(view_equal(buf_view(&before), buf_view(&after)), "%s", wrong[i]);
	}
	ck_assert_int_eq(order_command("order add new ACME --inventory %s",
				       "serial,pin_pad\r\n# two\r\nN-1,PP-1\r\n N-2 , PP-2 \r\n\r\nN-3"),
			 ERR_OK);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM device WHERE order_id = ?", "new"), 3);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM device WHERE serial = 'N-2' AND pin_pad = ?", "PP-2"),
			 1);
}
END_TEST

START_TEST(orders_are_amended_closed_and_opened_again) /* R1.5 */
{
	static const struct sample one[] = { { .serial = "POS-1" } };

	receive("order-1", "b-1", one, 1);
	ck_assert_int_eq(order_command("order amend order-1 --remove %s", "POS-2\nPOS-1\n"), ERR_BAD_DATA);
	ck_assert_int_eq(order_command("order amend order-1 --remove %s", "POS-2\nPOS-21\n"), ERR_BAD_DATA);
	ck_assert_int_eq(order_command("order amend order-1", NULL), ERR_USAGE);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM device WHERE order_id = ?", "order-1"), 19);
	ck_assert_int_eq(order_command("order amend order-1 --remove %s", "POS-2\n"), ERR_OK);
	ck_assert_int_eq(order_command("order amend order-1 --add %s", "N-1,PP-N\n"), ERR_OK);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM device WHERE order_id = ?", "order-1"), 19);
	command("order close order-1 --incomplete");
	ck_assert_int_eq(room_number(m.db,
				     "SELECT count(*) FROM audit WHERE event = 'order close' AND object = ? AND text ="
				     " 'incomplete: 18 of 19 devices are missing'",
				     "order-1"),
			 1);
	ck_assert_int_eq(order_command("order amend order-1 --add %s", "N-2\n"), ERR_REFUSED);
	/* What stands in no open order may go into another; then the first cannot come back. */
	ck_assert_int_eq(order_command("order add again ACME --inventory %s", "POS-3\n"), ERR_OK);
	ck_assert_int_eq(order_command("order reopen order-1", NULL), ERR_REFUSED);
	command("order close again --incomplete");
	command("order reopen order-1");
	ck_assert_int_eq(order_command("order reopen order-1", NULL), ERR_REFUSED);
	ck_assert_int_eq(order_command("order reopen none", NULL), ERR_NOT_FOUND);
}
END_TEST

static enum err permit(enum err (*what)(void *, char **, struct fail *), const char *opterm, const char *operator_name,
		       const char *object)
{
	char a[200], b[200], c[200], *arguments[] = { a, b, c, NULL };
	struct fail f = { 0 };

	snprintf(a, sizeof(a), "%s", opterm);
	snprintf(b, sizeof(b), "%s", operator_name);
	snprintf(c, sizeof(c), "%s", object);
	return what(&m, arguments, &f);
}

START_TEST(only_who_was_granted_it_may_collect) /* R2.3 */
{
	static const struct {
		const char *opterm, *operator_name, *object;
		bool good;
	} rows[] = {
		{ "line 3", "Operator 7", "order:order-1", true },  { "line 3", "Operator 7", "customer:ACME", true },
		{ "*", "Operator 7", "order:order-1", true },       { "line 3", "*", "order:order-1", true },
		{ "line 4", "Operator 7", "order:order-1", false }, { "line 3", "Operator 8", "order:order-1", false },
		{ "line 3", "Operator 7", "order:order-2", false }, { "line 3", "Operator 7", "customer:OLD", false },
		{ "line 3", "serial:ab", "customer:ACME", false },
	};
	BUF_AUTO content = { 0 };
	char name[16];

	ck_assert_int_eq(permit(permission_revoke, "line 3", "Operator 7", "customer:ACME"), ERR_OK);
	ck_assert_int_eq(permit(permission_revoke, "line 3", "Operator 7", "customer:ACME"), ERR_NOT_FOUND);
	ck_assert_int_eq(permit(permission_revoke, "line 3", "Operator 7", "customer:OLD"), ERR_OK);
	put_content("order-1", "none", three, 1, &content);
	struct batch_out none;

	ck_assert_int_eq(post_content("order-1", "none", buf_view(&content), &none), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(room.why, "no permission to collect for order"));
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM batch", NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct batch_out out;

		snprintf(name, sizeof(name), "b-%zu", i);
		content.len = 0;
		put_content("order-1", name, three, 1, &content);
		ck_assert_int_eq(permit(permission_grant, rows[i].opterm, rows[i].operator_name, rows[i].object),
				 ERR_OK);
		ck_assert_int_eq(permit(permission_grant, rows[i].opterm, rows[i].operator_name, rows[i].object),
				 ERR_DUPLICATE);
		ck_assert_int_eq(post_content("order-1", name, buf_view(&content), &out),
				 rows[i].good ? ERR_OK : ERR_REFUSED);
		ck_assert_int_eq(permit(permission_revoke, rows[i].opterm, rows[i].operator_name, rows[i].object),
				 ERR_OK);
	}
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM audit WHERE event IN ('grant', 'revoke')", NULL), 22);
	/* One certificate alone. */
	BUF_AUTO cms = { 0 };
	struct batch_out out;
	char serial[80];

	content.len = 0;
	put_content("order-2", "s", &(struct sample){ .serial = "POS-21" }, 1, &content);
	sign(&root, card_cert(), buf_view(&content), &cms);
	ck_assert_int_eq(post_cms("order-2", "s", buf_view(&cms), &out), ERR_REFUSED);
	const char *at = strstr(room.why, "serial:");
	ck_assert_ptr_nonnull(at);
	snprintf(serial, sizeof(serial), "%.*s", (int)strcspn(at, ")"), at);
	ck_assert_int_eq(permit(permission_grant, "line 3", serial, "order:order-2"), ERR_OK);
	ck_assert_int_eq(post_cms("order-2", "s", buf_view(&cms), &out), ERR_OK);
}
END_TEST

START_TEST(grants_of_nothing_are_not_kept) /* R2.3 */
{
	static const char *const wrong[][3] = {
		{ "*", "*", "order:order-1" },
		{ "", "Operator 7", "order:order-1" },
		{ "line 3", "", "order:order-1" },
		{ "line 3", "serial:", "order:order-1" },
		{ "line 3", "serial:abc", "order:order-1" },
		{ "line 3", "serial:AB", "order:order-1" },
		{ "line 3", "Operator 7", "order-1" },
		{ "line 3", "Operator 7", "order:" },
		{ "line 3", "Operator 7", "everything:x" },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_int_eq(permit(permission_grant, wrong[i][0], wrong[i][1], wrong[i][2]), ERR_USAGE);
	ck_assert_int_eq(permit(permission_grant, "line 3", "Operator 7", "order:none"), ERR_NOT_FOUND);
	ck_assert_int_eq(permit(permission_grant, "line 3", "Operator 7", "customer:NONE"), ERR_NOT_FOUND);
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM permission", NULL), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mtms orders");
	TCase *t = tcase_create("mtms orders");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, orders_are_added_once_for_customers_that_are_there);
	tcase_add_test(t, inventory_is_taken_whole_or_not_at_all);
	tcase_add_test(t, orders_are_amended_closed_and_opened_again);
	tcase_add_test(t, only_who_was_granted_it_may_collect);
	tcase_add_test(t, grants_of_nothing_are_not_kept);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
