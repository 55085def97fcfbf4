/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "table.h"

#define PARAMETERS_MAX 8

/* As command_text prints it; quoted as RFC 4180 asks, and no formula for a spreadsheet. */
static void csv_text(const char *text)
{
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (quoted)
		putchar('"');
	if (*text && strchr("=+-@", *text))
		putchar('\'');
	for (; *text; text++) {
		const char letter[2] = { *text, 0 };

		if (*text == '"')
			putchar('"');
		command_text(letter);
	}
	if (quoted)
		putchar('"');
}

void table_begin(struct table *t, const char *name, const struct table_column *columns, enum table_form form)
{
	*t = (struct table){ .name = name, .columns = columns, .form = form };
	if (form == TABLE_JSON)
		printf("{\"%s\": [", name);
	for (size_t i = 0; form != TABLE_JSON && columns[i].name; i++)
		printf("%s%s", i == 0 ? "" : form == TABLE_CSV ? "," : "\t", columns[i].name);
	if (form != TABLE_JSON)
		fputs(form == TABLE_CSV ? "\r\n" : "\n", stdout);
}

/* A text that is no UTF-8 stands in JSON as command_text writes it. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	BUF_AUTO b = { 0 };

	if (json)
		return json;
	for (; *text; text++)
		buf_printf(&b, *text >= ' ' && *text <= '~' && *text != '\\' ? "%c" : "\\x%02x", (unsigned char)*text);
	return buf_ok(&b) ? json_stringn((const char *)b.p, b.len) : NULL;
}

static enum err json_line(const struct table *row, struct db_stmt *s, struct fail *f)
{
	json_t *o = json_object();
	bool ok = o != NULL;

	for (int i = 0; ok && row->columns[i].name; i++) {
		json_t *value = db_null(s, i)                 ? json_null()
				: row->columns[i].type == 't' ? text_json(db_text(s, i))
							      : json_integer(db_int(s, i));

		ok = json_object_set_new(o, row->columns[i].name, value) == 0;
	}
	fputs(row->rows == 0 ? "\n " : ",\n ", stdout);
	ok = ok && json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0;
	json_decref(o);
	return ok ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "cannot write JSON");
}

static void text_line(const struct table *row, struct db_stmt *s)
{
	enum table_form form = row->form;

	for (int i = 0; row->columns[i].name; i++) {
		if (i)
			putchar(form == TABLE_CSV ? ',' : '\t');
		if (row->columns[i].type != 't' && !db_null(s, i))
			printf("%lld", (long long)db_int(s, i));
		else if (form == TABLE_CSV)
			csv_text(db_text(s, i));
		else
			command_text(db_text(s, i));
	}
	fputs(form == TABLE_CSV ? "\r\n" : "\n", stdout);
}

enum err table_line(struct table *t, struct db_stmt *s, struct fail *f)
{
	enum err e = ERR_OK;

	if (t->form == TABLE_JSON)
		e = json_line(t, s, f);
	else
		text_line(t, s);
	t->rows++;
	return e;
}

enum err table_end(struct table *t, struct fail *f)
{
	if (t->form == TABLE_JSON)
		fputs(t->rows == 0 ? "]}\n" : "\n]}\n", stdout);
	if (ferror(stdout) || fflush(stdout))
		return fail_set(f, ERR_IO, 0, "cannot write");
	return ERR_OK;
}

enum err table_print(struct db *db, const struct table_row *row, char *const *parameters, enum table_form form,
		     struct fail *f)
{
	static const char texts[PARAMETERS_MAX + 1] = "tttttttt";
	const char *p[PARAMETERS_MAX] = { NULL };
	DB_STMT_AUTO *s = NULL;
	struct table t;
	bool there = false;
	enum err e;

	for (unsigned i = 0; i < row->parameters && i < PARAMETERS_MAX; i++)
		p[i] = parameters[i];
	e = row->parameters > PARAMETERS_MAX ? fail_set(f, ERR_INTERNAL, 0, "%s: too many parameters", row->name)
					     : db_query(db, &s, f, row->sql, texts + PARAMETERS_MAX - row->parameters,
							p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
	if (e)
		return e;
	table_begin(&t, row->name, row->columns, form);
	while (!e && !(e = db_next(s, &there, f)) && there)
		e = table_line(&t, s, f);
	return e ? e : table_end(&t, f);
}

const struct table_row *table_find(const struct table_row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

void table_usage(const struct table_row *rows, size_t count, struct buf *ret)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(ret, "  %s\n", rows[i].usage);
}

enum err table_form_of(const char *json, const char *csv, enum table_form *ret, struct fail *f)
{
	if (json && csv)
		return fail_set(f, ERR_USAGE, 0, "--json or --csv, not both");
	*ret = json ? TABLE_JSON : csv ? TABLE_CSV : TABLE_TEXT;
	return ERR_OK;
}

enum err table_ask(struct db *db, const struct table_row *row, char **arguments, struct fail *f)
{
	const char *json = NULL, *csv = NULL;
	const struct command_option options[] = { { "--json", false, &json }, { "--csv", false, &csv } };
	enum table_form form = TABLE_TEXT;
	enum err e = command_options(arguments, row->parameters, options, ARRAY_LEN(options), f);

	if (!e)
		e = table_form_of(json, csv, &form, f);
	return e ? e : table_print(db, row, arguments, form, f);
}
