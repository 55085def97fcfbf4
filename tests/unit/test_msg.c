/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "temp.h"

struct line {
	struct view name;
	uint64_t count;
};
struct body {
	struct view text;
	struct view bytes;
	uint64_t number;
	bool flag;
	struct msg_list lines;
	struct msg_list bare;
	struct view extra;
};
struct bare {
	struct view v;
};

static const struct msg_field line_field[] = {
	{ .name = "name", .type = MSG_TEXT, .min = 1, .max = 8, .offset = offsetof(struct line, name) },
	{ .name = "count", .type = MSG_NUMBER, .max = 9, .offset = offsetof(struct line, count) },
};
static const struct msg_fields line_fields = MSG_FIELDS(line_field, struct line);
static const struct msg_field bare_field[] = {
	{ .name = "", .type = MSG_BASE64, .min = 1, .max = 4, .offset = offsetof(struct bare, v) },
};
static const struct msg_fields bare_fields = MSG_FIELDS(bare_field, struct bare);
static const struct msg_field body_field[] = {
	{ .name = "text", .type = MSG_TEXT, .min = 1, .max = 10, .offset = offsetof(struct body, text) },
	{ .name = "bytes", .type = MSG_BASE64, .max = 6, .offset = offsetof(struct body, bytes) },
	{ .name = "number", .type = MSG_NUMBER, .min = 5, .max = 100, .offset = offsetof(struct body, number) },
	{ .name = "flag", .type = MSG_BOOL, .offset = offsetof(struct body, flag) },
	{ .name = "lines", .type = MSG_LIST, .max = 2, .offset = offsetof(struct body, lines), .item = &line_fields },
	{ .name = "bare", .type = MSG_LIST, .max = 3, .offset = offsetof(struct body, bare), .item = &bare_fields },
	{ .name = "extra", .type = MSG_TEXT, .max = 4, .offset = offsetof(struct body, extra), .optional = true },
};
static const struct msg_fields body_fields = MSG_FIELDS(body_field, struct body);

#define GOOD                                                                                                           \
	"{\"text\":\"h\303\251\",\"bytes\":\"AAEC\",\"number\":7,\"flag\":true,\"lines\":[{\"name\":\"n\",\"count\":"  \
	"3}],"                                                                                                         \
	"\"bare\":[\"Zm9v\",\"YmE=\"]}"

START_TEST(good_body_fills_the_struct_and_comes_back)
{
	ARENA_AUTO a = { 0 };
	BUF_AUTO out = { 0 };
	struct body b;
	struct fail f = { 0 };

	ck_assert_msg(msg_decode(&body_fields, VIEW_STR(GOOD), &a, &b, &f) == ERR_OK, "%s", f.text);
	ck_assert(view_equal(b.text, VIEW_STR("h\303\251")));
	ck_assert_uint_eq(b.text.p[b.text.n], 0);
	ck_assert(view_equal(b.bytes, VIEW_STR("\0\1\2")));
	ck_assert_uint_eq(b.number, 7);
	ck_assert(b.flag);
	ck_assert_uint_eq(b.lines.count, 1);
	ck_assert_uint_eq(((struct line *)b.lines.items)[0].count, 3);
	ck_assert_uint_eq(b.bare.count, 2);
	ck_assert(view_equal(((struct bare *)b.bare.items)[1].v, VIEW_STR("ba")));
	ck_assert_ptr_null(b.extra.p);
	ck_assert_int_eq(msg_encode(&body_fields, &b, &out, NULL), ERR_OK);
	ck_assert(view_equal(buf_view(&out), VIEW_STR(GOOD)));
}
END_TEST

START_TEST(bad_bodies_are_malformed)
{
	static const char *const bad[] = {
		"", "{", "[]", "null", GOOD GOOD, "{\"text\":\"\"}", "{\"text\":1}",
	};
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"number\":7", "\"number\":4" },
		{ "\"number\":7", "\"number\":101" },
		{ "\"number\":7", "\"number\":-7" },
		{ "\"number\":7", "\"number\":7.0" },
		{ "\"number\":7", "\"number\":\"7\"" },
		{ "\"number\":7", "\"number\":99999999999999999999" },
		{ "\"number\":7", "\"number\":7,\"number\":7" },
		{ "\"number\":7", "\"number\":7,\"unknown\":1" },
		{ "\"number\":7,", "" },
		{ "\"flag\":true", "\"flag\":1" },
		{ "\"flag\":true", "\"flag\":null" },
		{ "\"AAEC\"", "\"AAE\"" },
		{ "\"AAEC\"", "\"AA EC\"" },
		{ "\"AAEC\"", "\"AAECAwQFBg==\"" },
		{ "h\303\251", "h\\u0000" },
		{ "h\303\251", "h\303" },
		{ "h\303\251", "12345678901" },
		{ "\"name\":\"n\"", "\"name\":\"\"" },
		{ "\"name\":\"n\"", "\"nome\":\"n\"" },
		{ "{\"name\":\"n\",\"count\":3}", "3" },
		{ "\"Zm9v\"", "{\"\":\"Zm9v\"}" },
		{ "\"Zm9v\"", "\"Zm9vYmFy\"" },
		{ "\"Zm9v\"", "\"\"" },
		{ "\"Zm9v\"", "\"Zm9v\",\"Zm9v\",\"Zm9v\"" },
		{ "\"bare\":[", "\"extra\":\"12345\",\"bare\":[" },
	};
	ARENA_AUTO a = { 0 };
	struct body b;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(msg_decode(&body_fields, view_of_string(bad[i]), &a, &b, NULL), ERR_MALFORMED);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		char text[1024];
		const char *at = strstr(GOOD, changes[i].from);
		struct fail f = { 0 };
		ck_assert_ptr_nonnull(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, changes[i].to,
			 at + strlen(changes[i].from));
		ck_assert_msg(msg_decode(&body_fields, view_of_string(text), &a, &b, &f) == ERR_MALFORMED, "%s", text);
		ck_assert_str_ne(f.text, "");
	}
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++)
		ck_assert_int_eq(msg_decode(&body_fields, VIEW(GOOD, n), &a, &b, NULL), ERR_MALFORMED);
}
END_TEST

START_TEST(answers_outside_their_bounds_are_not_sent)
{
	BUF_AUTO out = { 0 };
	struct body b = { .text = VIEW_STR("x"), .number = 4 };

	ck_assert_int_eq(msg_encode(&body_fields, &b, &out, NULL), ERR_INTERNAL);
	b.number = 5;
	b.text = VIEW_STR("\xff");
	ck_assert_int_eq(msg_encode(&body_fields, &b, &out, NULL), ERR_INTERNAL);
	b.text = VIEW_STR("x");
	ck_assert_uint_eq(out.len, 0);
	ck_assert_int_eq(msg_encode(&body_fields, &b, &out, NULL), ERR_OK);
}
END_TEST

/* A service with one message: counts what reached its handler. */
struct shop {
	struct db *db;
	unsigned runs;
	enum err answer;
	unsigned state;
	bool leave_open;
};

static enum err buy(struct msg_call *call, const void *in, void *out, struct fail *f)
{
	struct shop *shop = call->service;
	const struct line *order = in;
	struct line *answer = out;

	shop->runs++;
	snprintf(call->object, sizeof(call->object), "%s", (const char *)order->name.p);
	snprintf(call->note, sizeof(call->note), "sold");
	if (shop->leave_open) {
		enum err e = db_begin(shop->db, f);
		if (e == ERR_OK)
			e = db_run(shop->db, f, "INSERT INTO sale (name) VALUES (?)", "v", order->name);
		if (e != ERR_OK)
			return e;
	}
	if (shop->answer != ERR_OK)
		return fail_set(f, shop->answer, 0x30, "the secret reason");
	answer->name = arena_text(call->arena, "%s!", (const char *)order->name.p);
	answer->count = order->count;
	return ERR_OK;
}

static unsigned shop_state(void *service)
{
	return ((struct shop *)service)->state;
}

static const struct msg_row rows[] = {
	{ .name = "buy",
	  .path = "/v1/buy",
	  .roles = ROLE_BIT(ROLE_DC),
	  .states = 2,
	  .body_max = 100,
	  .in = &line_fields,
	  .out = &line_fields,
	  .handler = buy,
	  .requirement = "R2.3" },
};

static char dir[128];
static struct shop shop;
static struct msg_service service = {
	.rows = rows, .count = ARRAY_LEN(rows), .own = { .service = &shop }, .state = shop_state
};

static void setup(void)
{
	static const char *const steps[] = { AUDIT_SCHEMA, "CREATE TABLE sale (name TEXT);" };
	char path[200];

	temp_dir(dir);
	snprintf(path, sizeof(path), "%s/shop.db", dir);
	ck_assert_int_eq(db_open(path, steps, 2, &shop.db, NULL), ERR_OK);
	service.own.db = shop.db;
	shop.state = 2;
}

static void teardown(void)
{
	db_free(shop.db);
	temp_remove(dir);
}

/* send: status; *ret_text the answer. */
static int send_as(enum role role, const char *path, const char *body, char ret_text[300])
{
	struct identity_peer peer = { .role = role, .name = "peer 1" };
	struct http_request rq = {
		.path = path, .body = view_of_string(body), .peer = &peer, .address = "127.0.0.1:1"
	};
	struct http_reply reply = { .status = 200 };

	msg_http(&service, NULL, &rq, &reply);
	ck_assert(buf_ok(&reply.body));
	snprintf(ret_text, 300, "%.*s", (int)reply.body.len, (char *)reply.body.p);
	buf_done(&reply.body);
	return reply.status;
}

static int64_t audit_count(const char *where)
{
	char sql[300];
	int64_t n = -1;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE %s", where);
	ck_assert_int_eq(db_one(shop.db, &n, NULL, sql, ""), ERR_OK);
	return n;
}

#define ORDER "{\"name\":\"pen\",\"count\":2}"

START_TEST(good_message_runs_and_is_audited)
{
	char text[300];

	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", ORDER, text), 200);
	ck_assert_str_eq(text, "{\"name\":\"pen!\",\"count\":2}");
	ck_assert_uint_eq(shop.runs, 1);
	ck_assert_int_eq(audit_count("peer = 'dc:peer 1' AND event = 'buy' AND object = 'pen' AND code = 0 AND "
				     "text = 'sold'"),
			 1);
}
END_TEST

/* R2.3 */
START_TEST(wrong_role_state_size_or_path_never_reach_the_handler)
{
	char text[300], large[300];

	ck_assert_int_eq(send_as(ROLE_MTMS, "/v1/buy", ORDER, text), 403);
	ck_assert_str_eq(text, "{\"error\":4,\"text\":\"refused\"}");
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/sell", ORDER, text), 404);
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", "{}", text), 400);
	ck_assert_str_eq(text, "{\"error\":1,\"text\":\"malformed message\"}");
	snprintf(large, sizeof(large), "%-200s", ORDER);
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", large, text), 413);
	shop.state = 1;
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", ORDER, text), 409);
	ck_assert_uint_eq(shop.runs, 0);
	ck_assert_int_eq(audit_count("code <> 0"), 5);
	ck_assert_uint_eq(msg_peers(&service), ROLE_BIT(ROLE_DC));
	ck_assert_uint_eq(msg_body_max(&service), 100);
}
END_TEST

/* What no message came of is told and audited all the same. */
START_TEST(broken_requests_are_audited_and_never_reach_the_handler)
{
	const struct identity_peer peer = { .role = ROLE_DC, .name = "peer 1" };
	static const struct {
		const char *path, *event;
		enum err broken;
		int status;
	} cases[] = {
		{ "/v1/buy", "buy", ERR_TOO_LARGE, 413 },
		{ "/v1/buy", "buy", ERR_MALFORMED, 400 },
		{ "", "connection", ERR_TIMEOUT, 408 },
		{ "", "connection", ERR_REFUSED, 403 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_request rq = { .path = cases[i].path,
					   .peer = &peer,
					   .body = view_of_string(ORDER),
					   .address = "127.0.0.1:1",
					   .broken = cases[i].broken,
					   .why = "why" };
		struct http_reply reply = { .status = 200 };
		char where[200];

		msg_http(&service, NULL, &rq, &reply);
		ck_assert_int_eq(reply.status, cases[i].status);
		buf_done(&reply.body);
		snprintf(where, sizeof(where), "code = %d AND event = '%s' AND text = 'why'", cases[i].broken,
			 cases[i].event);
		ck_assert_int_eq(audit_count(where), 1);
	}
	ck_assert_uint_eq(shop.runs, 0);
}
END_TEST

START_TEST(peer_sees_one_code_per_kind_and_never_the_reason)
{
	static const struct {
		enum err inside, outside;
		int status;
	} kinds[] = {
		{ ERR_BAD_DATA, ERR_REFUSED, 403 }, { ERR_REFUSED, ERR_REFUSED, 403 },
		{ ERR_TOKEN, ERR_INTERNAL, 500 },   { ERR_KEY_MISSING, ERR_INTERNAL, 500 },
		{ ERR_IO, ERR_INTERNAL, 500 },      { ERR_DUPLICATE, ERR_DUPLICATE, 409 },
		{ ERR_BUSY, ERR_BUSY, 503 },        { ERR_NOT_FOUND, ERR_NOT_FOUND, 404 },
	};
	char text[300], expected[300], where[200];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		shop.answer = kinds[i].inside;
		ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", ORDER, text), kinds[i].status);
		snprintf(expected, sizeof(expected), "{\"error\":%d,\"text\":\"%s\"}", kinds[i].outside,
			 err_text(kinds[i].outside));
		ck_assert_str_eq(text, expected);
		snprintf(where, sizeof(where), "code = %d AND text LIKE '%%secret reason%%'", kinds[i].inside);
		ck_assert_int_eq(audit_count(where), 1);
	}
}
END_TEST

START_TEST(transaction_left_open_is_rolled_back_but_audited)
{
	char text[300];
	int64_t n = -1;

	shop.leave_open = true;
	shop.answer = ERR_REFUSED;
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", ORDER, text), 403);
	ck_assert_int_eq(db_one(shop.db, &n, NULL, "SELECT count(*) FROM sale", ""), ERR_OK);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(audit_count("code = 4"), 1);
}
END_TEST

START_TEST(success_without_audit_is_an_error)
{
	char text[300];

	ck_assert_int_eq(db_run(shop.db, NULL, "DROP TABLE audit", ""), ERR_OK);
	ck_assert_int_eq(send_as(ROLE_DC, "/v1/buy", ORDER, text), 500);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("msg");
	TCase *t = tcase_create("fields"), *d = tcase_create("driver");

	tcase_add_test(t, good_body_fills_the_struct_and_comes_back);
	tcase_add_test(t, bad_bodies_are_malformed);
	tcase_add_test(t, answers_outside_their_bounds_are_not_sent);
	tcase_add_checked_fixture(d, setup, teardown);
	tcase_add_test(d, good_message_runs_and_is_audited);
	tcase_add_test(d, wrong_role_state_size_or_path_never_reach_the_handler);
	tcase_add_test(d, broken_requests_are_audited_and_never_reach_the_handler);
	tcase_add_test(d, peer_sees_one_code_per_kind_and_never_the_reason);
	tcase_add_test(d, transaction_left_open_is_rolled_back_but_audited);
	tcase_add_test(d, success_without_audit_is_an_error);
	suite_add_tcase(s, t);
	suite_add_tcase(s, d);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
