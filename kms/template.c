/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mail.h"
#include "template_rows.h"

#define SUBJECT_TEMPLATE_MAX 300
#define BODY_TEMPLATE_MAX 65536
#define BODY_MAX ((size_t)1 << 20) /* of an expanded text */

static const char *const languages[TEMPLATE_LANGUAGES] = { "en", "zh" };

void template_done(struct template *t)
{
	buf_done(&t->subject);
	buf_done(&t->body);
}

const char *template_event_name(enum template_event e)
{
	return template_rows[e].name;
}

const char *template_kind(enum template_event e)
{
	return template_rows[e].kind;
}

bool template_event_of(const char *name, enum template_event *ret)
{
	for (size_t i = 0; i < TEMPLATE_EVENTS; i++)
		if (!strcmp(template_rows[i].name, name)) {
			*ret = (enum template_event)i;
			return true;
		}
	return false;
}

const char *template_language_name(enum template_language l)
{
	return languages[l];
}

bool template_language_of(const char *name, enum template_language *ret)
{
	for (size_t i = 0; i < TEMPLATE_LANGUAGES; i++)
		if (!strcmp(languages[i], name)) {
			*ret = (enum template_language)i;
			return true;
		}
	return false;
}

static const struct placeholder_row *placeholder_of(struct view name)
{
	for (size_t i = 0; i < placeholder_rows_count; i++)
		if (view_equal(view_of_string(placeholder_rows[i].name), name))
			return &placeholder_rows[i];
	return NULL;
}

/* One piece of a template. */
struct piece {
	struct view text;                  /* as it stands; empty: a placeholder */
	const struct placeholder_row *row; /* NULL: none of this name */
	struct view name;
};

/* next_piece: false: a brace without its other half. An empty piece: the end. */
static bool next_piece(const char **at, struct piece *ret)
{
	const char *p = *at, *end;

	*ret = (struct piece){ 0 };
	if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
		ret->text = VIEW(p, 1);
		*at = p + 2;
		return true;
	}
	if (*p == '}')
		return false;
	if (*p != '{') {
		ret->text = VIEW(p, strcspn(p, "{}"));
		*at = p + ret->text.n;
		return true;
	}
	end = p + 1 + strcspn(p + 1, "{}");
	if (*end != '}')
		return false;
	ret->name = VIEW(p + 1, (size_t)(end - p - 1));
	ret->row = placeholder_of(ret->name);
	*at = end + 1;
	return true;
}

/* event: whose placeholders may stand in it; TEMPLATE_EVENTS: any. */
static bool may_stand(enum template_event event, const struct placeholder_row *row)
{
	if (event == TEMPLATE_EVENTS)
		return true;
	for (size_t i = 0; i < PLACEHOLDERS_MAX && template_rows[event].placeholders[i]; i++)
		if (!strcmp(template_rows[event].placeholders[i], row->name))
			return true;
	return false;
}

static enum err check(const char *text, enum template_event event, bool line, struct fail *f)
{
	const char *what = line ? "subject" : "body";
	struct view v = view_of_string(text);
	struct piece piece;

	if (line ? !mail_line_ok(v) : !mail_lines_ok(v))
		return fail_set(f, ERR_USAGE, 0, "%s: not UTF-8, or with control characters in it", what);
	if (v.n > (line ? SUBJECT_TEMPLATE_MAX : BODY_TEMPLATE_MAX))
		return fail_set(f, ERR_USAGE, 0, "%s: longer than %d bytes", what,
				line ? SUBJECT_TEMPLATE_MAX : BODY_TEMPLATE_MAX);
	while (*text) {
		if (!next_piece(&text, &piece))
			return fail_set(f, ERR_USAGE, 0,
					"%s: a brace without its other half (a brace itself: {{ or }})", what);
		if (piece.text.n)
			continue;
		if (!piece.row || !may_stand(event, piece.row))
			return fail_set(f, ERR_USAGE, 0, "%s: no placeholder {%.*s} here (kmsd template list)", what,
					(int)(piece.name.n > 40 ? 40 : piece.name.n), (const char *)piece.name.p);
		if (line && piece.row->lines)
			return fail_set(f, ERR_USAGE, 0, "subject: {%s} has several lines", piece.row->name);
	}
	return ERR_OK;
}

enum err template_check_title(const char *title, struct fail *f)
{
	return check(title, TEMPLATE_EVENTS, true, f);
}

/* A placeholder of several lines keeps its line ends. */
static void put_value(const struct placeholder_row *row, const char *value, struct buf *b)
{
	while (row->lines && strchr(value, '\n')) {
		size_t n = strcspn(value, "\n");

		mail_clean(VIEW(value, n), b);
		buf_put_u8(b, '\n');
		value += n + 1;
	}
	mail_clean(view_of_string(value), b);
}

/* Cut between characters. */
static void cut(struct buf *b, size_t most)
{
	size_t n = 0, next;

	if (b->len <= most)
		return;
	while ((next = mail_char(VIEW(b->p + n, b->len - n))) != 0 && n + next <= most - 3)
		n += next;
	b->len = n;
	buf_put(b, "...", 3);
}

enum err template_expand(const char *template, enum template_language language, const struct template_value *values,
			 size_t count, bool line, struct buf *ret, struct fail *f)
{
	BUF_AUTO b = { 0 };
	struct piece piece;

	while (*template) {
		if (!next_piece(&template, &piece))
			return fail_set(f, ERR_MALFORMED, 0, "a template with a brace without its other half");
		buf_put_view(&b, piece.text);
		for (size_t i = 0; piece.row && i < count; i++)
			if (values[i].value && !strcmp(values[i].name, piece.row->name))
				put_value(piece.row,
					  language == TEMPLATE_ZH && values[i].zh ? values[i].zh : values[i].value, &b);
	}
	if (b.len > BODY_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "a notification of more than %zu bytes", BODY_MAX);
	if (line)
		cut(&b, MAIL_SUBJECT_MAX);
	buf_put_view(ret, buf_view(&b));
	return buf_ok(&b) && buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
}

static enum err load_changed(struct db *d, enum template_event event, enum template_language language,
			     struct template *t, bool *ret_found, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e = db_query(d, &s, f, "SELECT subject, body FROM mail_template WHERE event = ? AND language = ?",
			      "tt", template_rows[event].name, languages[language]);

	if (!e)
		e = db_next(s, ret_found, f);
	if (e || !*ret_found)
		return e;
	buf_printf(&t->subject, "%s", db_text(s, 0));
	buf_printf(&t->body, "%s", db_text(s, 1));
	return ERR_OK;
}

enum err template_load(struct db *d, enum template_event event, enum template_language language, struct template *ret,
		       bool *ret_changed, struct fail *f)
{
	bool found = false;
	enum err e = load_changed(d, event, language, ret, &found, f);

	if (e)
		return e;
	if (!found) {
		buf_printf(&ret->subject, "%s", template_rows[event].subject[language]);
		buf_printf(&ret->body, "%s", template_rows[event].body[language]);
	}
	buf_put_u8(&ret->subject, 0);
	buf_put_u8(&ret->body, 0);
	if (ret_changed)
		*ret_changed = found;
	return buf_ok(&ret->subject) && buf_ok(&ret->body) ? ERR_OK
							   : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a template");
}

enum err template_store(struct db *d, enum template_event event, enum template_language language, const char *subject,
			const char *body, struct fail *f)
{
	struct template now = { 0 };
	enum err e = template_load(d, event, language, &now, NULL, f);

	if (!e && subject)
		e = check(subject, event, true, f);
	if (!e && body)
		e = check(body, event, false, f);
	if (!e)
		e = db_run(
		    d, f,
		    "INSERT INTO mail_template(event, language, subject, body) VALUES(?, ?, ?, ?)"
		    " ON CONFLICT (event, language) DO UPDATE SET subject = excluded.subject, body = excluded.body",
		    "tttt", template_rows[event].name, languages[language],
		    subject ? subject : (const char *)now.subject.p, body ? body : (const char *)now.body.p);
	template_done(&now);
	return e;
}

enum err template_reset(struct db *d, enum template_event event, enum template_language language, struct fail *f)
{
	return db_run(d, f, "DELETE FROM mail_template WHERE event = ? AND language = ?", "tt",
		      template_rows[event].name, languages[language]);
}

void template_placeholders(enum template_event event, struct buf *ret)
{
	for (size_t i = 0; i < PLACEHOLDERS_MAX && template_rows[event].placeholders[i]; i++)
		buf_printf(ret, "%s{%s}", i ? " " : "", template_rows[event].placeholders[i]);
}

void template_doc(struct buf *ret)
{
	buf_printf(ret, "# Texts of notifications\n\nGenerated from the rows in kms/template_rows.c by `kms-doc`.\n\n"
			"| event | goes to recipients of | when | placeholders |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < TEMPLATE_EVENTS; i++) {
		const struct template_row *r = &template_rows[i];

		buf_printf(ret, "| `%s` | %s%s%s | %s | ", r->name, *r->kind ? "`" : "",
			   *r->kind ? r->kind : "whom it is sent", *r->kind ? "`, `all`" : "", r->when);
		template_placeholders((enum template_event)i, ret);
		buf_printf(ret, " |\n");
	}
	buf_printf(ret, "\n| placeholder | what stands for it |\n| --- | --- |\n");
	for (size_t i = 0; i < placeholder_rows_count; i++)
		buf_printf(ret, "| `{%s}` | %s%s |\n", placeholder_rows[i].name, placeholder_rows[i].help,
			   placeholder_rows[i].lines ? "; several lines, not for subjects" : "");
	for (size_t i = 0; i < TEMPLATE_EVENTS; i++)
		for (size_t l = 0; l < TEMPLATE_LANGUAGES; l++)
			buf_printf(ret, "\n## %s, %s\n```\n%s\n\n%s```\n", template_rows[i].name, languages[l],
				   template_rows[i].subject[l], template_rows[i].body[l]);
}
