/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509.h>

#include "mtms_kit.h"

/* What is refused of a batch comes in the order of the terminals, each with its reason; the rest is accepted. */
static void check_refused(const struct batch_out *out, const struct sample *s, size_t count)
{
	const struct batch_refusal *r = out->refused.items;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!s[i].reason)
			continue;
		ck_assert_uint_lt(n, out->refused.count);
		ck_assert(view_equal(r[n].serial, view_of_string(s[i].serial)));
		ck_assert_msg(view_equal(r[n].reason, view_of_string(s[i].reason)), "%s: %.*s", s[i].serial,
			      (int)r[n].reason.n, (const char *)r[n].reason.p);
		n++;
	}
	ck_assert_uint_eq(n, out->refused.count);
}

/* Refused with this error, these words in the audit table, and no other table changed. */
static void refuses_cms(const char *order, const char *batch, struct view cms, enum err code, const char *words)
{
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct batch_out out;

	room_dump(m.db, &before);
	ck_assert_int_eq(post_cms(order, batch, cms, &out), code);
	ck_assert_msg(strstr(room.why, words) != NULL, "%s, not: %s", room.why, words);
	room_dump(m.db, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}

static void refuses_content(const char *order, const char *batch, struct view content, enum err code, const char *words)
{
	BUF_AUTO cms = { 0 };

	sign(&root, card_cert(), content, &cms);
	refuses_cms(order, batch, buf_view(&cms), code, words);
}

START_TEST(batch_is_stored_with_serial_numbers_and_packets_linked) /* R1.5, R1.6 */
{
	struct batch_out out = receive("order-1", "b-1", three, 3);
	BUF_AUTO packet = { 0 };

	ck_assert_uint_eq(out.accepted, 3);
	ck_assert(!out.repeated);
	ck_assert_int_eq(room_number(m.db,
				     "SELECT count(*) FROM batch WHERE batch_id = ? AND order_id = 'order-1' AND"
				     " signer = 'Operator 7' AND sender = 'line 3' AND state = 'received'",
				     "b-1"),
			 1);
	ck_assert_int_eq(room_number(m.db,
				     "SELECT count(*) FROM sn_key WHERE state = 'waiting' AND pin_pad = 'PP-' || serial"
				     " AND cert_serial = cast('4711' AS BLOB) AND reason IS NULL",
				     NULL),
			 3);
	put_packet(&three[1], &packet);
	ck_assert(
	    view_equal(room_text(&room, "SELECT packet FROM sn_key WHERE serial = ?", "POS-2"), buf_view(&packet)));
	ck_assert_int_eq(room_number(m.db, "SELECT counter FROM sn_key WHERE serial = ?", "POS-2"), 7);
	ck_assert_int_eq(room_number(m.db, "SELECT position FROM sn_key WHERE serial = ?", "POS-3"), 2);
	ck_assert_ptr_nonnull(strstr(room.why, "Operator 7"));
}
END_TEST

START_TEST(terminals_are_refused_one_by_one_with_the_reason) /* R1.6 */
{
	static const struct sample rows[] = {
		{ .serial = "POS-1" },
		{ .serial = "POS-2", .broken = true, .reason = "packet is not well formed" },
		{ .serial = "POS-3", .in_packet = "POS-33", .reason = "serial number is not that of the packet" },
		{ .serial = "POS-4" },
		{ .serial = "POS-5", .suite = 1, .reason = "suite is not that of the customer" },
		{ .serial = "POS-6", .counter = UINT64_MAX, .reason = "counter is out of range" },
		{ .serial = "POS-7", .counter = (uint64_t)INT64_MAX + 1, .reason = "counter is out of range" },
		{ .serial = "POS-8", .ahead = 100000, .reason = "collection time is in the future" },
		{ .serial = "POS-9", .ahead = 80000 },
		{ .serial = "POS-10",
		  .certificate = "4712",
		  .reason = "made for a working certificate that is not ours" },
		{ .serial = "POS-1",
		  .counter = 2,
		  .reason = "duplicate: the serial number stands in this batch already" },
		{ .serial = "POS-20", .reason = "unknown: not in the order's inventory" },
		{ .serial = "POS-21", .reason = "unknown: not in the order's inventory" },
		{ .serial = "POS-12",
		  .pin_pad = "PP-POS-1",
		  .reason = "duplicate: the PIN pad belongs to another device" },
		{ .serial = "POS-11", .counter = INT64_MAX },
	};
	struct batch_out out = receive("order-1", "b-1", rows, ARRAY_LEN(rows));

	ck_assert_uint_eq(out.accepted, 4);
	check_refused(&out, rows, ARRAY_LEN(rows));
	ck_assert_int_eq(room_number(m.db, "SELECT count(*) FROM sn_key WHERE state = 'refused'", NULL), 11);
	ck_assert_int_eq(
	    room_number(m.db, "SELECT count(*) FROM sn_key WHERE (reason IS NULL) <> (state = 'waiting')", NULL), 0);
}
END_TEST

START_TEST(suite_is_the_customers) /* R1.7 */
{
	static const struct sample rows[] = {
		{ .serial = "OLD-1", .suite = 1 },
		{ .serial = "OLD-2", .suite = 2, .reason = "suite is not that of the customer" },
	};
	struct batch_out out = receive("order-old", "b-1", rows, 2);

	ck_assert_uint_eq(out.accepted, 1);
	check_refused(&out, rows, 2);
}
END_TEST

START_TEST(counter_only_rises) /* R1.6 */
{
	static const char lower[] = "counter is not above the stored one";
	static const char equal[] = "duplicate: a packet of this counter is stored";
	static const struct sample steps[] = {
		{ .serial = "POS-1", .counter = 5 },
		{ .serial = "POS-1", .counter = 5, .reason = equal },
		{ .serial = "POS-1", .counter = 4, .reason = lower },
		{ .serial = "POS-1", .counter = 6 },
		/* What was refused does not count. */
		{ .serial = "POS-1",
		  .counter = 90,
		  .certificate = "9",
		  .reason = "made for a working certificate that is not ours" },
		{ .serial = "POS-1", .counter = 80, .suite = 1, .reason = "suite is not that of the customer" },
		{ .serial = "POS-1", .counter = 7 },
		{ .serial = "POS-1", .counter = 7, .reason = equal },
		{ .serial = "POS-2", .counter = 1 },
	};
	struct fail f = { 0 };
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		snprintf(name, sizeof(name), "b-%zu", i);
		struct batch_out out = receive("order-1", name, &steps[i], 1);
		check_refused(&out, &steps[i], 1);
	}
	/* Nor does what HSM 1 did not take; what it took does. */
	must(db_run(m.db, &f, "UPDATE sn_key SET state = 'failed', reason = 'x' WHERE serial = 'POS-1' AND counter = 7",
		    ""),
	     &f);
	must(db_run(m.db, &f, "UPDATE sn_key SET state = 'rewrapped' WHERE serial = 'POS-1' AND counter = 6", ""), &f);
	static const struct sample last[] = { { .serial = "POS-1", .counter = 6, .reason = equal },
					      { .serial = "POS-1", .counter = 7 } };
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "last-%zu", i);
		struct batch_out out = receive("order-1", name, &last[i], 1);
		check_refused(&out, &last[i], 1);
	}
}
END_TEST

static void same_answer(const struct batch_out *a, const struct batch_out *b)
{
	const struct batch_refusal *x = a->refused.items, *y = b->refused.items;

	ck_assert_uint_eq(a->accepted, b->accepted);
	ck_assert_uint_eq(a->refused.count, b->refused.count);
	for (size_t i = 0; i < a->refused.count; i++)
		ck_assert(view_equal(x[i].serial, y[i].serial) && view_equal(x[i].reason, y[i].reason));
}

START_TEST(repeated_batch_gets_the_same_answer_and_changes_nothing) /* R1.6 */
{
	static const struct sample rows[] = { { .serial = "POS-1" },
					      { .serial = "POS-2", .broken = true },
					      { .serial = "POS-1" },
					      { .serial = "POS-3" } };
	BUF_AUTO content = { 0 };
	BUF_AUTO cms = { 0 };
	BUF_AUTO before = { 0 };
	struct batch_out first, again;

	put_content("order-1", "b-1", rows, 4, &content);
	sign(&root, card_cert(), buf_view(&content), &cms);
	ck_assert_int_eq(post_cms("order-1", "b-1", buf_view(&cms), &first), ERR_OK);
	ck_assert(!first.repeated && first.accepted == 2);
	room_dump(m.db, &before);
	for (int i = 0; i < 3; i++) {
		BUF_AUTO after = { 0 };

		/* As it stood; with a new signature over the same content; when the order takes no more. */
		if (i == 2)
			command("order close order-1 --incomplete");
		if (i == 2)
			before.len = 0;
		if (i == 2)
			room_dump(m.db, &before);
		ck_assert_int_eq(i == 1 ? post_content("order-1", "b-1", buf_view(&content), &again)
					: post_cms("order-1", "b-1", buf_view(&cms), &again),
				 ERR_OK);
		ck_assert(again.repeated);
		same_answer(&first, &again);
		room_dump(m.db, &after);
		ck_assert(view_equal(buf_view(&before), buf_view(&after)));
	}
}
END_TEST

START_TEST(other_content_under_a_known_name_is_refused) /* R1.6 */
{
	BUF_AUTO content = { 0 };

	receive("order-1", "b-1", three, 3);
	put_content("order-1", "b-1", three, 2, &content);
	refuses_content("order-1", "b-1", buf_view(&content), ERR_REFUSED, "with other content");
	content.len = 0;
	put_content("order-old", "b-1", three, 3, &content);
	refuses_content("order-old", "b-1", buf_view(&content), ERR_REFUSED, "with other content");
}
END_TEST

START_TEST(signature_must_be_that_of_a_valid_operator_card) /* R1.5, R1.6 */
{
	BUF_AUTO content = { 0 };
	BUF_AUTO cms = { 0 };
	struct pki_cert c;
	char usages[200];

	put_content("order-1", "b-1", three, 3, &content);
	for (enum role r = ROLE_HSM; r < ROLE_COUNT; r++) {
		if (r == ROLE_OPERATOR)
			continue;
		c = card_cert();
		c.usages = usages;
		snprintf(usages, sizeof(usages), "clientAuth,%s", role_oid(r));
		cms.len = 0;
		sign(&root, c, buf_view(&content), &cms);
		refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "not operator");
	}
	c = card_cert();
	c.from = -7000;
	c.until = -60;
	cms.len = 0;
	sign(&root, c, buf_view(&content), &cms);
	refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "expired");
	cms.len = 0;
	sign(&other, card_cert(), buf_view(&content), &cms);
	refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "certificate");
	cms.len = 0;
	sign(&root, card_cert(), buf_view(&content), &cms);
	cms.p[cms.len - 1] ^= 1;
	refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "signature");
	cms.p[cms.len - 1] ^= 1;
	uint8_t *at = memmem(cms.p, cms.len, "POS-2", 5);
	ck_assert_ptr_nonnull(at);
	at[4] = '9';
	refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "signature");
	at[4] = '2';
	refuses_cms("order-1", "b-1", VIEW(cms.p, cms.len - 1), ERR_MALFORMED, "CMS");
	refuses_cms("order-1", "b-1", buf_view(&content), ERR_MALFORMED, "CMS");
	struct batch_out out;
	ck_assert_int_eq(post_cms("order-1", "b-1", buf_view(&cms), &out), ERR_OK);
}
END_TEST

START_TEST(order_must_be_open_known_and_that_of_the_signed_content) /* R1.5 */
{
	BUF_AUTO content = { 0 };
	struct fail f = { 0 };

	put_content("order-1", "b-1", three, 3, &content);
	refuses_content("order-old", "b-1", buf_view(&content), ERR_REFUSED, "not that of the signed content");
	refuses_content("order-1", "b-2", buf_view(&content), ERR_REFUSED, "not that of the signed content");
	refuses_content("../order-1", "b-1", buf_view(&content), ERR_MALFORMED, "name of order or batch");
	refuses_content("order-1", ".b", buf_view(&content), ERR_MALFORMED, "name of order or batch");
	content.len = 0;
	put_content("order-9", "b-1", three, 3, &content);
	refuses_content("order-9", "b-1", buf_view(&content), ERR_REFUSED, "unknown production order");
	content.len = 0;
	put_content("order-2", "b-1", three, 3, &content);
	command("order close order-2 --incomplete");
	refuses_content("order-2", "b-1", buf_view(&content), ERR_REFUSED, "closed");
	must(db_run(m.db, &f,
		    "INSERT INTO production_order (order_id, customer, created, state) VALUES ('order-3',"
		    " 'GONE', 1, 'open')",
		    ""),
	     &f);
	content.len = 0;
	put_content("order-3", "b-1", three, 3, &content);
	refuses_content("order-3", "b-1", buf_view(&content), ERR_REFUSED, "GONE is not configured");
}
END_TEST

static void refuses_signed_text(const char *text, const char *words)
{
	refuses_content("order-1", "b-1", view_of_string(text), ERR_MALFORMED, words);
}

START_TEST(signed_content_of_another_form_is_refused) /* R1.6 */
{
#define HEAD(format, version)                                                                                          \
	"{\"format\":\"" format "\",\"version\":" version ",\"order\":\"order-1\",\"batch\":\"b-1\","
#define ONE "{\"serial\":\"POS-1\",\"collected\":1,\"packet\":\"AA==\"}"
	refuses_signed_text("x", "");
	refuses_signed_text("{}", "format");
	refuses_signed_text(HEAD("strongroom tk match", "1") "\"terminals\":[" ONE "]}", "no batch");
	refuses_signed_text(HEAD("strongroom tk batch", "2") "\"terminals\":[" ONE "]}", "version");
	refuses_signed_text(HEAD("strongroom tk batch", "1") "\"terminals\":[]}", "terminals");
	refuses_signed_text(HEAD("strongroom tk batch", "1") "\"terminals\":[" ONE "],\"more\":1}", "unknown field");
	refuses_signed_text(HEAD("strongroom tk batch", "1") "\"terminals\":[" ONE "]} ,", "");
	refuses_signed_text(HEAD("strongroom tk batch", "1") "\"terminals\":[" ONE ",{\"serial\":\"P\"}]}",
			    "collected");
	BUF_AUTO text = { 0 };
	buf_printf(&text, HEAD("strongroom tk batch", "1") "\"terminals\":[" ONE);
	for (int i = 0; i < BATCH_TERMINALS_MAX; i++)
		buf_printf(&text, "," ONE);
	buf_printf(&text, "]}");
	refuses_content("order-1", "b-1", buf_view(&text), ERR_MALFORMED, "terminals");
}
END_TEST

START_TEST(only_operation_terminals_may_send_and_only_whole_messages) /* R2.3 */
{
	BUF_AUTO content = { 0 };
	BUF_AUTO cms = { 0 };
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct batch_out out;

	put_content("order-1", "b-1", three, 3, &content);
	sign(&root, card_cert(), buf_view(&content), &cms);
	for (enum role r = ROLE_NONE; r < ROLE_COUNT; r++) {
		room.peer.role = r;
		if (r != ROLE_OPTERM)
			refuses_cms("order-1", "b-1", buf_view(&cms), ERR_REFUSED, "may not send this");
	}
	room.peer.role = ROLE_OPTERM;
	room_dump(m.db, &before);
	ck_assert_int_eq(room_post_text(&room, BATCHES, VIEW_STR("{\"order\":\"order-1\",\"batch\":\"b-1\"}"), &out),
			 ERR_MALFORMED);
	ck_assert_int_eq(room_post_text(&room, BATCHES, VIEW_STR("{\"order\":\"order-1\","), &out), ERR_MALFORMED);
	room_dump(m.db, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}
END_TEST

struct certificate_answer {
	struct view certificate;
	struct view oaep;
};

START_TEST(newest_working_certificate_is_handed_out) /* R1.2 */
{
	struct certificate_answer answer = { { NULL, 0 }, { NULL, 0 } };
	struct fail f = { 0 };

	ck_assert_int_eq(room_post(&room, WORKING_CERTIFICATE, NULL, &answer), ERR_OK);
	ck_assert(view_equal(answer.certificate, VIEW_STR("a certificate")));
	ck_assert(view_equal(answer.oaep, VIEW_STR("sha256")));
	working_certificate("4712", 2, "a newer one");
	ck_assert_int_eq(room_post(&room, WORKING_CERTIFICATE, NULL, &answer), ERR_OK);
	ck_assert(view_equal(answer.certificate, VIEW_STR("a newer one")));
	/* Terminals that had the older one may still send what they made for it. */
	static const struct sample rows[] = { { .serial = "POS-1" }, { .serial = "POS-2", .certificate = "4712" } };
	ck_assert_uint_eq(receive("order-1", "b-1", rows, 2).accepted, 2);
	must(db_run(m.db, &f, "DELETE FROM working_certificate", ""), &f);
	ck_assert_int_eq(room_post(&room, WORKING_CERTIFICATE, NULL, &answer), ERR_NOT_FOUND);
}
END_TEST

/* cert-import of a certificate over key, as issuer makes it. */
static enum err import(const struct pki *issuer, EVP_PKEY *key, const struct pki_cert *c)
{
	BUF_AUTO text = { 0 };
	char path[300], line[320];
	X509 *cert = pki_issue(issuer, key, c);

	snprintf(path, sizeof(path), "%s/HsmWCRT.pem", issuer->dir);
	pki_write(cert, path);
	X509_free(cert);
	identity_free(m.identity); /* the command loads it anew */
	m.identity = NULL;
	snprintf(line, sizeof(line), "cert-import %s", path);
	return room_command(&room, admin_rows, admin_rows_count, line, &text);
}

static void refuses_import(const struct pki *issuer, EVP_PKEY *key, const struct pki_cert *c, const char *words)
{
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };

	room_dump(m.db, &before);
	ck_assert_int_ne(import(issuer, key, c), ERR_OK);
	ck_assert_msg(strstr(room.why, words) != NULL, "%s, not: %s", room.why, words);
	room_dump(m.db, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}

START_TEST(working_certificate_is_of_this_ca_over_a_key_of_ours) /* R1.1 */
{
	const struct pki_cert good = { .name = "HsmWCRT",
				       .usages = "critical," IDENTITY_ARC ".1",
				       .key_usage = "critical,keyEncipherment" };
	struct pki_cert c = good;
	EVP_PKEY *pu = EVP_RSA_gen(2048), *foreign = EVP_RSA_gen(2048);
	struct certificate_answer answer = { { NULL, 0 }, { NULL, 0 } };
	unsigned char *spki = NULL;
	int n = i2d_PUBKEY(pu, &spki);
	struct fail f = { 0 };

	must(db_run(m.db, &f, "INSERT INTO pr_key (key_index, label, spki, created) VALUES (7, 'Pr-7', ?, 1)", "b",
		    VIEW(spki, n)),
	     &f);
	OPENSSL_free(spki);
	refuses_import(&root, foreign, &good, "not over a key of this MTMS");
	refuses_import(&other, pu, &good, "certificate");
	c.usages = "critical," IDENTITY_ARC ".4";
	refuses_import(&root, pu, &c, "not hsm");
	c = good;
	c.from = -7000;
	c.until = -60;
	refuses_import(&root, pu, &c, "expired");
	ck_assert_msg(!import(&root, pu, &good), "%s", room.why);
	ck_assert_int_eq(
	    room_number(m.db, "SELECT key_index FROM working_certificate ORDER BY number DESC LIMIT 1", NULL), 7);
	/* From now on operation terminals get it: the very bytes. */
	ck_assert_int_eq(room_post(&room, WORKING_CERTIFICATE, NULL, &answer), ERR_OK);
	const unsigned char *p = answer.certificate.p;
	X509 *cert = d2i_X509(NULL, &p, (long)answer.certificate.n);
	ck_assert_ptr_nonnull(cert);
	ck_assert(p == answer.certificate.p + answer.certificate.n && EVP_PKEY_eq(X509_get0_pubkey(cert), pu) == 1);
	X509_free(cert);
	EVP_PKEY_free(pu);
	EVP_PKEY_free(foreign);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mtms room");
	TCase *t = tcase_create("mtms room");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, batch_is_stored_with_serial_numbers_and_packets_linked);
	tcase_add_test(t, terminals_are_refused_one_by_one_with_the_reason);
	tcase_add_test(t, suite_is_the_customers);
	tcase_add_test(t, counter_only_rises);
	tcase_add_test(t, repeated_batch_gets_the_same_answer_and_changes_nothing);
	tcase_add_test(t, other_content_under_a_known_name_is_refused);
	tcase_add_test(t, signature_must_be_that_of_a_valid_operator_card);
	tcase_add_test(t, order_must_be_open_known_and_that_of_the_signed_content);
	tcase_add_test(t, signed_content_of_another_form_is_refused);
	tcase_add_test(t, only_operation_terminals_may_send_and_only_whole_messages);
	tcase_add_test(t, newest_working_certificate_is_handed_out);
	tcase_add_test(t, working_certificate_is_of_this_ca_over_a_key_of_ours);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
