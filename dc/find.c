/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dc.h"
#include "now.h"

/* Records by what is known of them: each given option is a condition, so that the indexes serve (R2.1). */
struct condition {
	const char *option;
	const char *sql;
	bool time;
};

static const struct condition conditions[] = {
	{ "", "r.serial = ?", false },
	{ "--order", "r.order_id = ?", false },
	{ "--mtms", "r.mtms = ?", false },
	{ "--kms", "r.customer = ?", false },
	{ "--delivery", "d.name = ?", false },
	{ "--state", "coalesce(d.state, 'waiting') = ?", false },
	{ "--from", "r.imported >= CAST(? AS BIGINT)", true },
	{ "--to", "r.imported <= CAST(? AS BIGINT)", true },
};

static enum err ask(struct dc *dc, const char *values[], enum table_form form, struct fail *f)
{
	struct table_row row = { .name = "records",
				 .columns = { { "id", 'i' },
					      { "serial", 't' },
					      { "counter", 'i' },
					      { "kms", 't' },
					      { "order", 't' },
					      { "mtms", 't' },
					      { "mtms_delivery", 't' },
					      { "imported", 'T' },
					      { "delivery", 't' },
					      { "sequence", 'i' },
					      { "kind", 't' },
					      { "state", 't' },
					      { "settled", 'T' } } };
	char *parameters[ARRAY_LEN(conditions)];
	BUF_AUTO sql = { 0 };

	buf_printf(&sql,
		   "SELECT r.id, r.serial, r.counter, r.customer, r.order_id, r.mtms, r.mtms_delivery, r.imported,"
		   " d.name, d.sequence, d.kind, coalesce(d.state, 'waiting'), d.settled FROM tk_record r LEFT JOIN"
		   " delivery_item i ON i.record = r.id LEFT JOIN delivery d ON d.number = i.delivery");
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		if (!values[i])
			continue;
		buf_printf(&sql, " %s %s", row.parameters ? "AND" : "WHERE", conditions[i].sql);
		parameters[row.parameters++] = (char *)(uintptr_t)values[i];
	}
	buf_printf(&sql, " ORDER BY r.id, d.sequence");
	buf_put_u8(&sql, 0);
	if (!buf_ok(&sql))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	row.sql = (const char *)sql.p;
	return table_print(dc->db, &row, parameters, form, f);
}

enum err find_run(void *service, char **arguments, struct fail *f)
{
	const char *values[ARRAY_LEN(conditions)] = { NULL }, *json = NULL, *csv = NULL;
	struct command_option options[ARRAY_LEN(conditions) + 1] = { { "--json", false, &json },
								     { "--csv", false, &csv } };
	char times[ARRAY_LEN(conditions)][24];
	enum table_form form = TABLE_TEXT;
	int64_t at = 0;
	bool serial = arguments[0] && strncmp(arguments[0], "--", 2) != 0;
	enum err e;

	for (size_t i = 1; i < ARRAY_LEN(conditions); i++)
		options[i + 1] = (struct command_option){ conditions[i].option, true, &values[i] };
	e = command_options(arguments + serial, 0, options, ARRAY_LEN(options), f);
	if (serial)
		values[0] = arguments[0];
	if (!e)
		e = table_form_of(json, csv, &form, f);
	for (size_t i = 0; i < ARRAY_LEN(conditions) && !e; i++) {
		if (!conditions[i].time || !values[i])
			continue;
		if (!time_read_or(values[i], &at))
			e = fail_set(f, ERR_USAGE, 0,
				     "%s: seconds, 2026-11-20, 2026-11-20T15:04:05 (UTC) or days ago, 7d",
				     conditions[i].option);
		snprintf(times[i], sizeof(times[i]), "%lld", (long long)at);
		values[i] = times[i];
	}
	return e ? e : ask(service, values, form, f);
}
