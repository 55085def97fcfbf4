/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include "db.h"

/*
 * Answers to an operator's questions: the rows of a query on stdout as a table (a line of column names, then a line per
 * row, tab between columns; what is not printable ASCII, and the backslash, as \\xNN), as JSON (one object, {"name":
 * [rows]}) or as CSV (RFC 4180, lines end in CR LF; the same letters as in the table). A text of a CSV that a
 * spreadsheet would take for a formula (it begins with = + - @) has an apostrophe before it.
 */
enum table_form { TABLE_TEXT, TABLE_JSON, TABLE_CSV };

struct table_column {
	const char *name;
	char type; /* t text, i number, T time (seconds; 0 is no time) */
};

/* One question. parameters: how many texts the SQL takes, at most 8. columns end with an empty one. */
struct table_row {
	const char *name;
	unsigned parameters;
	const char *usage; /* a line for --help */
	const char *sql;
	struct table_column columns[16];
	const char *requirement;
};

/* table_print: a row's answer; parameters: as many as it takes. Memory does not grow with the number of rows. */
enum err table_print(struct db *db, const struct table_row *row, char *const *parameters, enum table_form form,
		     struct fail *f) MUST_CHECK;

/* table_find: the row of this name, NULL: none. table_usage: appends a line per row, for --help; no final zero. */
const struct table_row *table_find(const struct table_row *rows, size_t count, const char *name) MUST_CHECK;
void table_usage(const struct table_row *rows, size_t count, struct buf *ret);
/* table_form_of: what --json and --csv ask for, NULL where not given. ERR_USAGE: both. */
enum err table_form_of(const char *json, const char *csv, enum table_form *ret, struct fail *f) MUST_CHECK;
/* table_ask: table_print by a command line: the row's parameters, --json or --csv. ERR_USAGE: anything else. */
enum err table_ask(struct db *db, const struct table_row *row, char **arguments, struct fail *f) MUST_CHECK;

/*
 * The same for a caller that has several queries to one answer: table_begin, a table_line for each row, table_end, also
 * without any. columns end with an empty one and outlive the table. table_end: ERR_IO: stdout did not take all of it.
 */
struct table {
	const char *name;
	const struct table_column *columns;
	enum table_form form;
	uint64_t rows; /* so far */
};
void table_begin(struct table *t, const char *name, const struct table_column *columns, enum table_form form);
enum err table_line(struct table *t, struct db_stmt *s, struct fail *f) MUST_CHECK;
enum err table_end(struct table *t, struct fail *f) MUST_CHECK;

#endif
