/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "audit.h"
#include "order.h"
#include "permission.h"
#include "report.h"

static enum err order_list(void *service, char **arguments, struct fail *f)
{
	return table_ask(((struct mtms *)service)->db, table_find(mtms_reports, mtms_reports_count, "orders"),
			 arguments, f);
}

static enum err order_show(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	int64_t there = 0;
	enum err e =
	    db_one(m->db, &there, f, "SELECT count(*) FROM production_order WHERE order_id = ?", "t", arguments[0]);

	if (!e && !there)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no order %.64s", arguments[0]);
	return e ? e : table_ask(m->db, table_find(mtms_reports, mtms_reports_count, "devices"), arguments, f);
}

/* For a fault of HSM 1 that was mended; a terminal that has given a newer TK needs no older one. */
static enum err terminals_retry(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	enum err e = db_begin(m->db, f);

	if (!e)
		e = db_run(
		    m->db, f,
		    "UPDATE batch SET state = 'received' WHERE number IN (SELECT batch FROM sn_key WHERE serial = ? AND"
		    " state = 'failed')",
		    "t", arguments[0]);
	if (!e)
		e = db_run(
		    m->db, f,
		    "UPDATE sn_key SET state = 'waiting', reason = NULL, claimed_by = NULL, claimed_worker = NULL,"
		    " claimed_until = NULL WHERE serial = ? AND state = 'failed' AND superseded_by IS NULL",
		    "t", arguments[0]);
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no failed terminal %s without a newer TK", arguments[0]);
	if (!e)
		e = db_run(
		    m->db, f,
		    "UPDATE device SET state = 'collected', reason = NULL, changed = ? WHERE sn_key IN (SELECT id FROM"
		    " sn_key WHERE serial = ? AND state = 'waiting')",
		    "it", (int64_t)time(NULL), arguments[0]);
	return audit_settle(m->db, e, "terminals retry", arguments[0], "", f);
}

/* For a DC that lost deliveries (its database came from a backup): it answers what it has with "known". */
static enum err deliveries_again(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	char *end = NULL;
	long long from = strtoll(arguments[0], &end, 10);
	char text[64];
	enum err e;

	if (from < 1 || *end)
		return fail_set(f, ERR_USAGE, 0, "a sequence number, from 1");
	e = db_begin(m->db, f);
	if (!e)
		e = db_run(m->db, f,
			   "UPDATE delivery SET state = 'waiting', settled = NULL WHERE sequence >= ? AND state = "
			   "'delivered'",
			   "i", (int64_t)from);
	snprintf(text, sizeof(text), "%lld deliveries", (long long)db_changes(m->db));
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no delivery from %lld on was delivered", from);
	return audit_settle(m->db, e, "deliveries again", arguments[0], text, f);
}

const struct command_row admin_rows[] = {
	{ "key-init", ~1,
	  "key-init REQUEST [--lost-or-leaked REASON]\n                           make Pr in HSM 1, write the request "
	  "for HsmWCRT; again only for that reason",
	  key_init, "R1.1" },
	{ "cert-import", 1, "cert-import CERTIFICATE  store HsmWCRT", cert_import, "R1.1" },
	{ "order add", ~2,
	  "order add ORDER CUSTOMER --inventory FILE\n                           open a production order of these "
	  "serial numbers",
	  order_add, "R1.5" },
	{ "order list", ~0, "order list               the report orders", order_list, "R1.5" },
	{ "order show", ~1, "order show ORDER         the report devices", order_show, "R1.5" },
	{ "order amend", ~1,
	  "order amend ORDER [--add FILE] [--remove FILE]\n                           change the inventory of an open "
	  "order",
	  order_amend, "R1.5" },
	{ "order close", ~1,
	  "order close ORDER [--incomplete]\n                           take no more batches of it; refused while "
	  "devices are missing",
	  order_close, "R1.5" },
	{ "order reopen", 1, "order reopen ORDER       take batches of it again", order_reopen, "R1.5" },
	{ "grant", 3,
	  "grant OPTERM OPERATOR order:ORDER|customer:ID\n                           let them collect; OPERATOR: a "
	  "name or serial:HEX; either may be '*'",
	  permission_grant, "R2.3" },
	{ "revoke", 3, "revoke OPTERM OPERATOR order:ORDER|customer:ID", permission_revoke, "R2.3" },
	{ "terminals retry", 1, "terminals retry SERIAL   re-wrap a failed terminal once more", terminals_retry,
	  "R1.7" },
	{ "deliveries again", 1, "deliveries again NUMBER  send all deliveries from that sequence number once more",
	  deliveries_again, "R2.1" },
};
const size_t admin_rows_count = ARRAY_LEN(admin_rows);

void admin_help(struct buf *ret)
{
	for (size_t i = 0; i < admin_rows_count; i++)
		buf_printf(ret, "  %s\n", admin_rows[i].usage);
	table_usage(mtms_reports, mtms_reports_count, ret);
	buf_printf(ret, "  reports take --json or --csv\n");
	buf_put_u8(ret, 0);
}

/* A subcommand of two words goes before a report of the first. */
static bool is_command(int argc, char **argv)
{
	char words[64];

	snprintf(words, sizeof(words), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < admin_rows_count; i++)
		if (!strcmp(admin_rows[i].words, words))
			return true;
	return false;
}

enum err admin_run(struct mtms *m, int argc, char **argv, struct fail *f)
{
	const struct table_row *report =
	    is_command(argc, argv) ? NULL : table_find(mtms_reports, mtms_reports_count, argv[0]);
	const struct command_row *row = NULL;
	char **arguments = NULL;
	enum err e;

	if (report)
		return table_ask(m->db, report, argv + 1, f);
	e = command_find(admin_rows, admin_rows_count, argc, argv, &row, &arguments, f);
	return e ? e : row->run(m, arguments, f);
}
