/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_REPORT_H
#define KMS_REPORT_H

#include "conf.h"
#include "table.h"

/*
 * What operators ask of the database: one row per question (name, help, SQL, columns, filters), printed as a table, as
 * JSON or as CSV (host/table.h). Read only; works beside the running daemon: the rows of a long answer are read a page
 * at a time, so that memory does not grow with it and nobody waits for it.
 *
 * In the SQL {where} stands for the filters of the command line, " AND ..." each. A question with a key is read by
 * pages: {after} stands for the key of the last row so far, text or (number) a number, and it ends in "LIMIT
 * REPORT_PAGE". {now} stands for the time of the question, in seconds. key: the column of the query that it is, from 0;
 * it may stand behind those that are printed. A value of a filter is a text; where the column is a number the SQL casts
 * it.
 */
#define REPORT_PAGE "500"
#define REPORT_FILTERS 6
enum report_key { REPORT_WHOLE, REPORT_TEXT_KEY, REPORT_NUMBER_KEY };
struct report_filter {
	const char *option; /* "--serial"; its value is the next word */
	const char *sql;    /* " AND serial_number = ?" */
};
/* Filters that several questions have: by a column. */
#define BY_TEXT(option, column)                                                                                        \
	{                                                                                                              \
		option, " AND " column " = ?"                                                                          \
	}
#define BY_SERIAL(column) BY_TEXT("--serial", column)
#define BY_ORDER(column) BY_TEXT("--order", column)
#define BY_FILE(column)                                                                                                \
	{                                                                                                              \
		"--file", " AND " column " = CAST(? AS BIGINT)"                                                        \
	}
#define BY_SINCE(column)                                                                                               \
	{                                                                                                              \
		"--since", " AND " column " >= CAST(? AS BIGINT)"                                                      \
	}
struct report_row {
	const char *name;
	const char *help;
	const char *sql;
	bool single; /* one row of counts: a line each, or one JSON object */
	enum report_key paging;
	int key;
	struct report_filter filters[REPORT_FILTERS];
	struct table_column columns[20]; /* end with an empty one */
	const char *requirement;
};
extern const struct report_row report_rows[], report_downloads[], report_sums[];
extern const size_t report_rows_count, report_downloads_count, report_sums_count;

/* report_known: is there a question of this name? */
bool report_known(const char *name) MUST_CHECK;
/*
 * report_ask: asks the configured database a question by name. arguments: --json, --csv, --limit N, and the question's
 * filters; a NULL behind them. Times: seconds, YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS (UTC), or Nd: N days ago. To stdout.
 * ERR_USAGE names the option.
 */
enum err report_ask(const struct conf *c, const char *question, char **arguments, struct fail *f) MUST_CHECK;
/* report_help: appends a line per question, with its filters. */
void report_help(struct buf *b);

#endif
