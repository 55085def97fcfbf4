/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "notify.h"

#define FAILURES_MAX 1000 /* told in detail; the rest stands in key_source */

static const char counts_sql[] =
    "SELECT name, kind, sender, error, records,"
    " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_WAITING "'),"
    " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_IMPORTED "'),"
    " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_ERROR "')"
    " FROM key_file WHERE id = ?";

static enum err counts_row(struct kms *k, int64_t file, struct db_stmt **ret, struct fail *f)
{
	bool row = false;
	enum err e;

	e = db_query(k->db, ret, f, counts_sql, "i", file);
	if (!e)
		e = db_next(*ret, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no key file %lld", (long long)file);
	return e;
}

static void counts_text(struct db_stmt *s, struct buf *b)
{
	buf_printf(b, "%s %s has %lld records, %lld left to process, imported %lld, failed %lld",
		   db_text(s, 1)[0] == 'f' ? "file" : "delivery", db_text(s, 0), (long long)db_int(s, 4),
		   (long long)db_int(s, 5), (long long)db_int(s, 6), (long long)db_int(s, 7));
	if (!db_null(s, 3))
		buf_printf(b, "; refused: %s", db_text(s, 3));
}

static enum err failures_text(struct kms *k, int64_t file, struct buf *b, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e;

	e = db_query(
	    k->db, &s, f,
	    "SELECT line, coalesce(serial_number, '?'), error FROM key_source WHERE file = ? AND flag = '" FLAG_ERROR
	    "' ORDER BY line LIMIT ?",
	    "ii", file, (int64_t)FAILURES_MAX);
	while (!e) {
		e = db_next(s, &row, f);
		if (e || !row)
			break;
		buf_printf(b, "\nrecord %lld, serial number %s: %s", (long long)db_int(s, 0), db_text(s, 1),
			   db_text(s, 2));
	}
	return e;
}

enum err notify_file(struct kms *k, int64_t file, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	BUF_AUTO body = { 0 };
	BUF_AUTO title = { 0 };
	enum err e;

	e = counts_row(k, file, &s, f);
	if (e)
		return e;
	counts_text(s, &body);
	e = failures_text(k, file, &body, f);
	if (e)
		return e;
	buf_printf(&title, "%s %s", k->mail_title, db_text(s, 0));
	if (!buf_ok(&body) || !buf_ok(&title))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
	return db_run(
	    k->db, f, "INSERT INTO notification(file, sender, recipient, title, body, made) VALUES(?, ?, ?, ?, ?, ?)",
	    "ittvvi", file, k->mail_sender, k->mail_recipient, buf_view(&title), buf_view(&body), (int64_t)time(NULL));
}

enum err notify_audit(struct kms *k, int64_t file, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	BUF_AUTO text = { 0 };
	struct audit_entry entry = { .event = "import" };
	enum err e;

	e = counts_row(k, file, &s, f);
	if (e)
		return e;
	counts_text(s, &text);
	buf_put_u8(&text, 0);
	if (!buf_ok(&text))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for an audit entry");
	entry.peer = db_text(s, 2);
	entry.object = db_text(s, 0);
	entry.code = db_int(s, 7) ? ERR_BAD_DATA : ERR_OK;
	entry.text = (const char *)text.p;
	return audit_append(k->db, &entry, f);
}
