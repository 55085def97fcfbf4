/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "room_kit.h"

void room_done(struct room *r)
{
	arena_done(&r->arena);
}

static const struct msg_row *row_of(const struct room *r, const char *path)
{
	for (size_t i = 0; i < r->service.count; i++)
		if (!strcmp(r->service.rows[i].path, path))
			return &r->service.rows[i];
	ck_abort_msg("no row of path %s", path);
}

enum err room_post_text(struct room *r, const char *path, struct view body, void *ret_out)
{
	const struct http_request request = { .path = path, .body = body, .peer = &r->peer, .address = "127.0.0.1:1" };
	const struct msg_row *row = row_of(r, path);
	struct http_reply reply = { .status = 200 };
	int64_t before = room_number(r->service.own.db, "SELECT count(*) FROM audit", NULL);
	char expected[200];
	struct fail f = { 0 };
	enum err e;

	msg_http(&r->service, NULL, &request, &reply);
	ck_assert(buf_ok(&reply.body));
	ck_assert_int_eq(room_number(r->service.own.db, "SELECT count(*) FROM audit", NULL), before + 1);
	e = (enum err)room_number(r->service.own.db, "SELECT code FROM audit ORDER BY id DESC LIMIT 1", NULL);
	snprintf(r->why, sizeof(r->why), "%s",
		 (const char *)room_text(r, "SELECT text FROM audit ORDER BY id DESC LIMIT 1", NULL).p);
	if (e) {
		int n = snprintf(expected, sizeof(expected), "{\"error\":%d,\"text\":\"%s\"}", (int)msg_public(e),
				 err_text(msg_public(e)));

		ck_assert_int_ne(reply.status, 200);
		ck_assert(view_equal(buf_view(&reply.body), VIEW(expected, n)));
	} else {
		ck_assert_int_eq(reply.status, 200);
		ck_assert_msg(!msg_decode(row->out, buf_view(&reply.body), &r->arena, ret_out, &f), "%s", f.text);
	}
	buf_done(&reply.body);
	return e;
}

enum err room_post(struct room *r, const char *path, const void *in, void *ret_out)
{
	BUF_AUTO body = { 0 };
	struct fail f = { 0 };

	ck_assert_msg(!msg_encode(row_of(r, path)->in, in, &body, &f), "%s", f.text);
	return room_post_text(r, path, buf_view(&body), ret_out);
}

/* Standard output goes into an unnamed file while the command runs. */
enum err room_command(struct room *r, const struct command_row *rows, size_t count, const char *line,
		      struct buf *ret_out)
{
	char words[512], *argv[16] = { NULL };
	const struct command_row *row = NULL;
	char **arguments = NULL;
	FILE *out = tmpfile();
	struct fail f = { 0 };
	int argc = 0, saved;
	char block[4096];
	size_t n;
	enum err e;

	snprintf(words, sizeof(words), "%s", line);
	for (char *rest = words, *word; argc < 15 && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	ck_assert_msg(!command_find(rows, count, argc, argv, &row, &arguments, &f), "%s: %s", line, f.text);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	ck_assert(out && saved >= 0 && dup2(fileno(out), STDOUT_FILENO) >= 0);
	e = row->run(r->service.own.service, arguments, &f);
	fflush(stdout);
	ck_assert(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	db_rollback(r->service.own.db);
	rewind(out);
	while ((n = fread(block, 1, sizeof(block), out)) > 0)
		buf_put(ret_out, block, n);
	fclose(out);
	snprintf(r->why, sizeof(r->why), "%s", f.text);
	ck_assert_int_eq(e, f.code);
	return e;
}

/* One row of values for each row of the answer; sql yields one text column. */
static void dump_rows(struct db *db, const char *sql, struct buf *ret)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	struct fail f = { 0 };
	enum err e = db_query(db, &s, &f, sql, "");

	while (!e && !(e = db_next(s, &row, &f)) && row)
		buf_printf(ret, "%s\n", db_text(s, 0));
	ck_assert_msg(!e, "%s: %s", sql, f.text);
}

void room_dump(struct db *db, struct buf *ret)
{
	/* For each table the query that answers its rows, all columns quoted. */
	static const char tables[] =
	    "SELECT 'SELECT ''' || m.name || ' '' || ' || group_concat('quote(' || p.name || ')', '||'',''||')"
	    " || ' FROM ' || m.name || ' ORDER BY 1' FROM sqlite_master m JOIN pragma_table_info(m.name) p"
	    " WHERE m.type = 'table' AND m.name <> 'audit' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name";
	BUF_AUTO queries = { 0 };

	dump_rows(db, tables, &queries);
	ck_assert_uint_gt(queries.len, 0);
	buf_put_u8(&queries, 0);
	ck_assert(buf_ok(&queries));
	for (char *rest = (char *)queries.p, *sql; (sql = strsep(&rest, "\n")) && *sql;)
		dump_rows(db, sql, ret);
	ck_assert(buf_ok(ret));
}

int64_t room_number(struct db *db, const char *sql, const char *text)
{
	struct fail f = { 0 };
	int64_t n = 0;

	ck_assert_msg(!(text ? db_one(db, &n, &f, sql, "t", text) : db_one(db, &n, &f, sql, "")), "%s: %s", sql,
		      f.text);
	return n;
}

struct view room_text(struct room *r, const char *sql, const char *text)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	struct fail f = { 0 };
	struct view v;

	ck_assert_msg(!(text ? db_query(r->service.own.db, &s, &f, sql, "t", text)
			     : db_query(r->service.own.db, &s, &f, sql, "")),
		      "%s: %s", sql, f.text);
	ck_assert(!db_next(s, &row, &f) && row);
	v = arena_copy(&r->arena, db_blob(s, 0));
	ck_assert_ptr_nonnull(v.p);
	return v;
}
