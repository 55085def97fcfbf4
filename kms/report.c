/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "now.h"
#include "tables.h"

#define VALUE_MAX 64
#define PARAMETERS_MAX 8

static const struct report_row *report_at(size_t i)
{
	const struct {
		const struct report_row *rows;
		size_t count;
	} lists[] = { { report_rows, report_rows_count },
		      { report_downloads, report_downloads_count },
		      { report_sums, report_sums_count } };

	for (size_t n = 0; n < ARRAY_LEN(lists); n++) {
		if (i < lists[n].count)
			return &lists[n].rows[i];
		i -= lists[n].count;
	}
	return NULL;
}

static const struct report_row *report_find(const char *name)
{
	const struct report_row *r;

	for (size_t i = 0; (r = report_at(i)); i++)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

bool report_known(const char *name)
{
	return report_find(name) != NULL;
}

void report_help(struct buf *b)
{
	const struct report_row *r;

	for (size_t i = 0; (r = report_at(i)); i++) {
		buf_printf(b, "  %-18s %s\n", r->name, r->help);
		for (size_t n = 0; n < REPORT_FILTERS && r->filters[n].option; n++)
			buf_printf(b, "%s%s", n ? " " : "                     ", r->filters[n].option);
		if (r->filters[0].option)
			buf_printf(b, "\n");
	}
}

/* One call: what it asks for. */
struct ask {
	const struct report_row *row;
	enum table_form form;
	uint64_t limit;
	char now[24];
	size_t count;
	struct {
		const struct report_filter *filter;
		char value[VALUE_MAX];
	} given[REPORT_FILTERS];
};

static bool number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *ret <= most;
}

static bool time_value(const char *text, char ret[VALUE_MAX])
{
	int64_t at;

	if (!time_read_or(text, &at))
		return false;
	snprintf(ret, VALUE_MAX, "%lld", (long long)at);
	return true;
}

/* A flag as it stands in the table, or its short name. */
static bool flag_text(const char *text, char ret[VALUE_MAX])
{
	static const char *const flags[][2] = { { "waiting", FLAG_WAITING },
						{ "imported", FLAG_IMPORTED },
						{ "error", FLAG_ERROR } };

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (!strcmp(text, flags[i][0]) || !strcmp(text, flags[i][1])) {
			snprintf(ret, VALUE_MAX, "%s", flags[i][1]);
			return true;
		}
	return false;
}

static enum err value_take(const char *option, const char *text, char ret[VALUE_MAX], struct fail *f)
{
	const char *want = NULL;
	uint64_t v;

	if (!strcmp(option, "--since") && !time_value(text, ret))
		want = "seconds, YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS or days as 7d";
	else if (!strcmp(option, "--flag") && !flag_text(text, ret))
		want = "waiting, imported or error";
	else if (!strcmp(option, "--older") && !number(text, 100000, &v))
		want = "a number of days";
	else if (!strcmp(option, "--file") && !number(text, INT64_MAX, &v))
		want = "a number of `files`";
	else if (strlen(text) >= VALUE_MAX)
		want = "less than 64 letters";
	if (want)
		return fail_set(f, ERR_USAGE, 0, "%s: %s", option, want);
	if (strcmp(option, "--since") != 0 && strcmp(option, "--flag") != 0)
		snprintf(ret, VALUE_MAX, "%s", text);
	return ERR_OK;
}

static enum err filter_take(struct ask *a, const char *option, const char *value, struct fail *f)
{
	const struct report_row *r = a->row;

	for (size_t i = 0; i < REPORT_FILTERS && r->filters[i].option; i++) {
		if (strcmp(r->filters[i].option, option) != 0)
			continue;
		for (size_t n = 0; n < a->count; n++)
			if (a->given[n].filter == &r->filters[i])
				return fail_set(f, ERR_USAGE, 0, "%s stands twice", option);
		if (!value)
			return fail_set(f, ERR_USAGE, 0, "%s: its value is missing", option);
		a->given[a->count].filter = &r->filters[i];
		return value_take(option, value, a->given[a->count++].value, f);
	}
	return fail_set(f, ERR_USAGE, 0, "%s has no option %.40s (--help lists them)", r->name, option);
}

static enum err ask_take(struct ask *a, int argc, char **argv, struct fail *f)
{
	enum err e = ERR_OK;

	for (int i = 0; i < argc && !e; i++) {
		if (!strcmp(argv[i], "--json")) {
			a->form = TABLE_JSON;
		} else if (!strcmp(argv[i], "--csv")) {
			a->form = TABLE_CSV;
		} else if (!strcmp(argv[i], "--limit")) {
			if (i + 1 >= argc || !number(argv[++i], UINT32_MAX, &a->limit) || !a->limit)
				e = fail_set(f, ERR_USAGE, 0, "--limit: a number of rows");
		} else {
			e = filter_take(a, argv[i], i + 1 < argc ? argv[i + 1] : NULL, f);
			i++;
		}
	}
	return e;
}

/* The SQL with filters and place in it; parameters in their order. {where} and {after} may stand several times. */
struct query {
	struct buf sql;
	char types[PARAMETERS_MAX + 1];
	const char *p[PARAMETERS_MAX];
	size_t count;
};

static void parameter(struct query *q, const char *value)
{
	if (q->count == PARAMETERS_MAX) {
		q->sql.failed = true;
		return;
	}
	q->types[q->count] = 't';
	q->p[q->count++] = value;
}

static void sql_put(const struct ask *a, const char *p, const char *after, struct query *q)
{
	while (*p) {
		size_t n = strcspn(p, "{");

		buf_put(&q->sql, p, n);
		p += n;
		if (!strncmp(p, "{where}", 7)) {
			for (size_t i = 0; i < a->count; i++) {
				sql_put(a, a->given[i].filter->sql, after, q);
				parameter(q, a->given[i].value);
			}
			p += 7;
		} else if (!strncmp(p, "{now}", 5)) {
			buf_printf(&q->sql, "%s", a->now);
			p += 5;
		} else if (!strncmp(p, "{after}", 7)) {
			buf_printf(&q->sql, a->row->paging == REPORT_NUMBER_KEY ? "CAST(? AS BIGINT)" : "?");
			parameter(q, after);
			p += 7;
		} else if (*p) {
			buf_put_u8(&q->sql, (uint8_t)*p++);
		}
	}
}

static enum err query_make(const struct ask *a, const char *after, struct query *q, struct fail *f)
{
	sql_put(a, a->row->sql, after, q);
	buf_put_u8(&q->sql, 0);
	return buf_ok(&q->sql) ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "question %s", a->row->name);
}

/* One row of numbers. */
static enum err single(const struct ask *a, struct table *t, struct db_stmt *s)
{
	const struct table_column *c = a->row->columns;

	for (int i = 0; c[i].name; i++)
		if (a->form == TABLE_JSON)
			printf("%s\"%s\": %lld", i ? ", " : "{", c[i].name, (long long)db_int(s, i));
		else
			printf("%-18s %lld\n", c[i].name, (long long)db_int(s, i));
	if (a->form == TABLE_JSON)
		printf("}\n");
	t->rows++;
	return ERR_OK;
}

/* A page; *ret_rows 0: there are no more. after: the key of its last row. */
static enum err page(struct db *d, const struct ask *a, struct table *t, char after[VALUE_MAX], uint64_t *ret_rows,
		     struct fail *f)
{
	struct query q = { 0 };
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e = query_make(a, after, &q, f);

	*ret_rows = 0;
	if (!e)
		e = db_query(d, &s, f, (const char *)q.sql.p, q.types, q.p[0], q.p[1], q.p[2], q.p[3], q.p[4], q.p[5],
			     q.p[6], q.p[7]);
	while (!e && (!a->limit || t->rows < a->limit)) {
		e = db_next(s, &row, f);
		if (e || !row)
			break;
		e = a->row->single && a->form != TABLE_CSV ? single(a, t, s) : table_line(t, s, f);
		++*ret_rows;
		if (!e && a->row->paging)
			snprintf(after, VALUE_MAX, "%s", db_text(s, a->row->key));
	}
	db_end(s);
	s = NULL;
	buf_done(&q.sql);
	return e;
}

static enum err print(struct db *d, const char *question, int argc, char **argv, struct fail *f)
{
	struct ask a = { .row = report_find(question) };
	struct table t = { 0 };
	char after[VALUE_MAX] = "";
	uint64_t rows = 0;
	enum err e;

	if (!a.row)
		return fail_set(f, ERR_USAGE, 0, "unknown question %s", question);
	e = ask_take(&a, argc, argv, f);
	if (e)
		return e;
	if (a.row->paging == REPORT_NUMBER_KEY)
		snprintf(after, sizeof(after), "-1");
	snprintf(a.now, sizeof(a.now), "%lld", (long long)time(NULL));
	if (!a.row->single || a.form == TABLE_CSV)
		table_begin(&t, a.row->name, a.row->columns, a.form);
	do
		e = page(d, &a, &t, after, &rows, f);
	while (!e && rows && a.row->paging && (!a.limit || t.rows < a.limit));
	if (!e && a.row->single && a.form != TABLE_CSV)
		return ferror(stdout) || fflush(stdout) ? fail_set(f, ERR_IO, 0, "cannot write") : ERR_OK;
	return e ? e : table_end(&t, f);
}

enum err report_ask(const struct conf *c, const char *question, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	int n = 0;
	enum err e = db_open_read(conf_get(c, "", "database"), &d, f);

	while (arguments[n])
		n++;
	return e ? e : print(d, question, n, arguments, f);
}
