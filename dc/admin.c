/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "dc.h"

/* The pause ends, what was refused is tried once more. */
static enum err route_resume(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;
	enum err e = db_begin(dc->db, f);

	if (!e)
		e = db_run(dc->db, f,
			   "UPDATE route SET state = 'open', attempts = 0, error = '', next_try = 0, since = ? WHERE"
			   " customer = ?",
			   "it", (int64_t)time(NULL), arguments[0]);
	if (!e && !db_changes(dc->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no route to %.64s", arguments[0]);
	return audit_settle(dc->db, e, "route resume", arguments[0], "", f);
}

/* The delivery that a parked route stands at: its number stays unused, its records can be sent again. */
static enum err refused_delivery(struct dc *dc, const char *customer, char ret_name[129], struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(dc->db, &s, f,
		     "UPDATE delivery SET state = 'skipped', settled = ? WHERE state IN ('waiting', 'placed') AND"
		     " number = (SELECT d.number FROM delivery d JOIN route r ON r.customer = d.customer WHERE"
		     " r.customer = ? AND r.state = 'parked' AND d.state IN ('waiting', 'placed') ORDER BY"
		     " d.sequence LIMIT 1) RETURNING name",
		     "it", (int64_t)time(NULL), customer);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "the route to %.64s is not parked at a delivery", customer);
	if (!e)
		snprintf(ret_name, 129, "%s", db_text(s, 0));
	while (!e && row)
		e = db_next(s, &row, f);
	return e;
}

static enum err route_skip(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;
	char name[129] = "";
	enum err e = db_begin(dc->db, f);

	if (!e)
		e = refused_delivery(dc, arguments[0], name, f);
	if (!e)
		e = db_run(dc->db, f,
			   "UPDATE route SET state = 'open', attempts = 0, error = '', next_try = 0, since = ? WHERE"
			   " customer = ?",
			   "it", (int64_t)time(NULL), arguments[0]);
	e = audit_settle(dc->db, e, "route skip", name, arguments[0], f);
	if (!e)
		printf("skipped %s\n", name);
	return e;
}

/* For an MTMS whose database was made anew: its deliveries begin with number 1 again. */
static enum err mtms_restart(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;
	enum err e = db_begin(dc->db, f);

	if (!e)
		e = db_run(dc->db, f, "UPDATE mtms SET epoch = epoch + 1, last = 0 WHERE name = ?", "t", arguments[0]);
	if (!e && !db_changes(dc->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no MTMS %.64s has sent anything", arguments[0]);
	return audit_settle(dc->db, e, "mtms restart", arguments[0], "", f);
}

const struct command_row admin_rows[] = {
	{ "find", ~0,
	  "find [SERIAL] [--order O] [--mtms M] [--kms C] [--delivery D] [--state S] [--from T] [--to T]\n"
	  "                             records and where they went; T: seconds, 2026-11-20 or 2026-11-20T15:04:05 UTC",
	  find_run, "R2.1" },
	{ "redeliver order", ~1,
	  "redeliver order ORDER [--kms C]\n                             send its records once more", again_order,
	  "R2.1" },
	{ "redeliver delivery", 1,
	  "redeliver delivery NAME    send the records of that delivery once more, as a new one", again_delivery,
	  "R2.1" },
	{ "redeliver", ~1, "redeliver SERIAL [--kms C] send the newest records of that terminal once more",
	  again_serial, "R2.1" },
	{ "route resume", 1, "route resume KMS           try at once, also what the KMS refused", route_resume,
	  "R2.2" },
	{ "route skip", 1, "route skip KMS             go on behind the delivery that the KMS refuses", route_skip,
	  "R2.2" },
	{ "mtms restart", 1, "mtms restart MTMS          its deliveries begin with number 1 again: its database is new",
	  mtms_restart, "R2.1" },
};
const size_t admin_rows_count = ARRAY_LEN(admin_rows);

void admin_help(struct buf *ret)
{
	for (size_t i = 0; i < admin_rows_count; i++)
		buf_printf(ret, "  %s\n", admin_rows[i].usage);
	table_usage(dc_reports, dc_reports_count, ret);
	buf_printf(ret, "  find and the questions take --json or --csv\n");
	buf_put_u8(ret, 0);
}

enum err admin_run(struct dc *dc, int argc, char **argv, struct fail *f)
{
	const struct table_row *report = table_find(dc_reports, dc_reports_count, argv[0]);
	const struct command_row *row = NULL;
	char **arguments = NULL;
	enum err e;

	if (report)
		return table_ask(dc->db, report, argv + 1, f);
	e = command_find(admin_rows, admin_rows_count, argc, argv, &row, &arguments, f);
	return e ? e : row->run(dc, arguments, f);
}
