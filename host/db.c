/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "db_own.h"
#include "waiting.h"

static bool is_url(const char *where)
{
	return !strncmp(where, "postgresql://", 13) || !strncmp(where, "postgres://", 11);
}

/* One word after the @ of a step; *p is moved behind it. */
static bool word_expand(const struct db_engine *engine, const char **p, struct buf *ret)
{
	const struct {
		const char *word, *text;
	} words[] = { { "ID", engine->id },
		      { "INT", engine->integer },
		      { "BLOB", engine->blob },
		      { "TEXT", engine->text },
		      { "APPEND_ONLY", NULL } };
	size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	char table[64];

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].word) != n || strncmp(words[i].word, *p, n) != 0)
			continue;
		*p += n;
		if (words[i].text) {
			buf_put_view(ret, view_of_string(words[i].text));
			return true;
		}
		n = strcspn(*p + 1, ")");
		if (**p != '(' || n >= sizeof(table) || (*p)[n + 1] != ')')
			return false;
		memcpy(table, *p + 1, n);
		table[n] = 0;
		engine->append_only(ret, table);
		*p += n + 2;
		return true;
	}
	return false;
}

enum err db_script_expand(const struct db_engine *engine, const char *step, struct buf *ret, struct fail *f)
{
	while (*step) {
		if (*step != '@') {
			buf_put_u8(ret, (uint8_t)*step++);
			continue;
		}
		step++;
		if (!word_expand(engine, &step, ret))
			return fail_set(f, ERR_INTERNAL, 0, "database: unknown word in a step: @%.40s", step);
	}
	buf_put_u8(ret, 0);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "database");
}

static enum err step_run(struct db *d, const char *step, struct fail *f)
{
	BUF_AUTO script = { 0 };
	enum err e = db_script_expand(d->engine, step, &script, f);

	return e ? e : d->engine->script(d, (const char *)script.p, f);
}

static enum err db_migrate(struct db *d, const char *const *steps, size_t count, struct fail *f)
{
	for (;;) {
		int64_t version;
		enum err e = db_begin(d, f);

		if (e == ERR_OK)
			e = d->engine->version_get(d, &version, f);
		if (e == ERR_OK && version > (int64_t)count)
			e = fail_set(f, ERR_CONFIG, 0,
				     "database: made by a newer version of this program (schema %lld, known are %zu)",
				     (long long)version, count);
		if (e == ERR_OK && version < (int64_t)count) {
			e = step_run(d, steps[version], f);
			if (e == ERR_OK)
				e = d->engine->version_set(d, version + 1, f);
			if (e == ERR_OK)
				e = db_commit(d, f);
			if (e == ERR_OK)
				continue;
		}
		db_rollback(d);
		return e;
	}
}

static enum err open_any(const char *where, bool read, struct db **ret, struct fail *f)
{
	const struct db_engine *engine = is_url(where) ? &db_postgres : &db_sqlite;
	struct db *d = NULL;
	enum err e = engine->open(where, read, &d, f);

	if (e != ERR_OK)
		return e;
	d->engine = engine;
	*ret = d;
	return ERR_OK;
}

enum err db_open(const char *where, const char *const *steps, size_t count, struct db **ret, struct fail *f)
{
	struct db *d = NULL;
	enum err e = open_any(where, false, &d, f);

	if (e == ERR_OK)
		e = db_migrate(d, steps, count, f);
	if (e != ERR_OK) {
		db_free(d);
		return e;
	}
	*ret = d;
	return ERR_OK;
}

enum err db_open_read(const char *where, struct db **ret, struct fail *f)
{
	return open_any(where, true, ret, f);
}

enum err db_version(struct db *d, int64_t *ret, struct fail *f)
{
	return d->engine->version_look(d, ret, f);
}

static void stmt_drop(struct db_stmt *s)
{
	free(s->sql);
	free(s->types);
	s->db->engine->stmt_free(s);
}

void db_statements_drop(struct db *d)
{
	while (d->statements) {
		struct db_stmt *s = d->statements;

		d->statements = s->next;
		stmt_drop(s);
	}
}

void db_free(struct db *d)
{
	if (!d)
		return;
	db_statements_drop(d);
	d->engine->close(d);
}

void db_free_cleanup(struct db **d)
{
	db_free(*d);
}

static enum err stmt_get(struct db *d, const char *sql, const char *types, struct db_stmt **ret, struct fail *f)
{
	struct db_stmt *s = NULL;
	enum err e;

	for (s = d->statements; s; s = s->next) {
		if (!s->busy && !strcmp(s->sql, sql) && !strcmp(s->types, types)) {
			s->busy = true;
			*ret = s;
			return ERR_OK;
		}
	}
	e = d->engine->stmt_new(d, sql, types, &s, f);
	if (e != ERR_OK)
		return e;
	s->db = d;
	s->sql = strdup(sql);
	s->types = strdup(types);
	if (!s->sql || !s->types) {
		stmt_drop(s);
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	}
	s->busy = true;
	s->next = d->statements;
	d->statements = s;
	*ret = s;
	return ERR_OK;
}

/* RFC 3629, and no zero byte: what both engines keep as it is. */
static bool text_ok(struct view v)
{
	for (size_t i = 0; i < v.n;) {
		uint8_t c = v.p[i];
		unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		uint32_t code = more == 0 ? c : more == 1 ? c & 0x1f : more == 2 ? c & 0x0f : c & 0x07;

		if (!c || (c >= 0x80 && c < 0xc2) || c > 0xf4 || v.n - i <= more)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if ((v.p[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (v.p[i + k] & 0x3f);
		}
		if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
		    (code >= 0xd800 && code <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

static bool param_take(char type, va_list *args, struct db_param *ret)
{
	const char *text;

	*ret = (struct db_param){ .type = type };
	switch (type) {
	case 't':
		text = va_arg(*args, const char *);
		ret->type = text ? 'v' : 'n';
		ret->bytes = text ? VIEW(text, strlen(text)) : VIEW("", 0);
		return true;
	case 'v':
	case 'b':
		ret->bytes = va_arg(*args, struct view);
		if (!ret->bytes.n)
			ret->bytes = VIEW("", 0);
		return true;
	case 'i':
		ret->number = va_arg(*args, int64_t);
		return true;
	default:
		return type == 'n';
	}
}

static enum err stmt_ready(struct db *d, const char *sql, const char *types, const struct db_param *params,
			   struct db_stmt **ret, struct fail *f)
{
	size_t count = strlen(types);
	struct db_stmt *s = NULL;
	enum err e;

	for (size_t i = 0; i < count; i++)
		if (params[i].type == 'v' && !text_ok(params[i].bytes))
			return fail_set(f, ERR_MALFORMED, 0, "database: parameter %zu is not UTF-8 text: %.80s", i + 1,
					sql);
	waiting_for("database", sql);
	e = stmt_get(d, sql, types, &s, f);
	waiting_over();
	if (e == ERR_OK)
		e = d->engine->bind(s, params, count, f);
	if (e != ERR_OK) {
		db_end(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

static enum err stmt_bound(struct db *d, const char *sql, const char *types, va_list *args, struct db_stmt **ret,
			   struct fail *f)
{
	struct db_param params[DB_PARAMS_MAX];
	size_t count = strlen(types);

	if (count > DB_PARAMS_MAX)
		return fail_set(f, ERR_INTERNAL, 0, "database: parameters of: %.80s", sql);
	for (size_t i = 0; i < count; i++)
		if (!param_take(types[i], args, &params[i]))
			return fail_set(f, ERR_INTERNAL, 0, "database: parameter %zu of: %.80s", i + 1, sql);
	return stmt_ready(d, sql, types, params, ret, f);
}

enum err db_run_params(struct db *d, const char *sql, const char *types, const struct db_param *params, struct fail *f)
{
	struct db_stmt *s = NULL;
	bool row;
	enum err e = stmt_ready(d, sql, types, params, &s, f);

	if (e == ERR_OK)
		e = db_next(s, &row, f);
	db_end(s);
	return e;
}

enum err db_run(struct db *d, struct fail *f, const char *sql, const char *types, ...)
{
	struct db_stmt *s = NULL;
	bool row;
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, &s, f);
	va_end(args);
	if (e == ERR_OK)
		e = db_next(s, &row, f);
	db_end(s);
	return e;
}

enum err db_query(struct db *d, struct db_stmt **ret, struct fail *f, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, ret, f);
	va_end(args);
	return e;
}

enum err db_next(struct db_stmt *s, bool *ret_row, struct fail *f)
{
	enum err e;

	waiting_for("database", s->sql);
	e = s->db->engine->step(s, ret_row, f);
	waiting_over();
	return e;
}

void db_end(struct db_stmt *s)
{
	if (!s)
		return;
	s->db->engine->reset(s);
	s->busy = false;
}

void db_end_cleanup(struct db_stmt **s)
{
	db_end(*s);
}

int64_t db_int(struct db_stmt *s, int column)
{
	return s->db->engine->column_int(s, column);
}

const char *db_text(struct db_stmt *s, int column)
{
	return s->db->engine->column_text(s, column);
}

struct view db_blob(struct db_stmt *s, int column)
{
	return s->db->engine->column_blob(s, column);
}

bool db_null(struct db_stmt *s, int column)
{
	return s->db->engine->column_null(s, column);
}

enum err db_one(struct db *d, int64_t *ret, struct fail *f, const char *sql, const char *types, ...)
{
	struct db_stmt *s = NULL;
	bool row = false;
	int64_t value = 0;
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, &s, f);
	va_end(args);
	if (e == ERR_OK)
		e = db_next(s, &row, f);
	if (e == ERR_OK && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "database: no row: %.80s", sql);
	if (e == ERR_OK)
		value = db_int(s, 0);
	db_end(s);
	if (e == ERR_OK)
		*ret = value;
	return e;
}

int64_t db_changes(const struct db *d)
{
	return d->engine->changes(d);
}

enum err db_begin(struct db *d, struct fail *f)
{
	enum err e;

	waiting_for("database", "BEGIN");
	e = d->engine->begin(d, f);
	waiting_over();
	return e;
}

enum err db_commit(struct db *d, struct fail *f)
{
	enum err e;

	waiting_for("database", "COMMIT");
	e = d->engine->commit(d, f);
	waiting_over();
	return e;
}

void db_rollback(struct db *d)
{
	waiting_for("database", "ROLLBACK");
	d->engine->rollback(d);
	waiting_over();
}

enum err db_settle(struct db *d, enum err e, struct fail *f)
{
	if (!e)
		e = db_commit(d, f);
	if (e && d)
		db_rollback(d);
	return e;
}

enum err db_snapshot(struct db *d, struct fail *f)
{
	return d->engine->snapshot(d, f);
}

enum err db_examine(struct db *d, void (*found)(void *arg, const char *text), void *arg, struct fail *f)
{
	bool row = false;
	enum err e = ERR_OK;

	for (const char *const *sql = d->engine->questions; e == ERR_OK && *sql; sql++) {
		DB_STMT_AUTO *s = NULL;

		e = db_query(d, &s, f, *sql, "");
		while (e == ERR_OK && (e = db_next(s, &row, f)) == ERR_OK && row)
			found(arg, db_text(s, 0));
	}
	return e;
}
