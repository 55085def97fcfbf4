/* SPDX-License-Identifier: BSD-2-Clause */
#include "dc.h"

static enum err status(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;

	return command_print(dc->db,
			     "SELECT 'tk_record', count(*) FROM tk_record UNION ALL "
			     "SELECT 'tk_record waiting ' || customer, count(*) FROM tk_record WHERE waiting = 1"
			     " GROUP BY customer UNION ALL "
			     "SELECT 'kms_delivery ' || customer || ' ' || state, count(*) FROM kms_delivery"
			     " GROUP BY customer, state",
			     NULL, 2, f);
}

static enum err find(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;

	return command_print(
	    dc->db,
	    "SELECT tk_record.id, serial, counter, tk_record.customer, mtms, imported, coalesce(name, ''),"
	    " coalesce(state, 'waiting') FROM tk_record LEFT JOIN delivery_record ON delivery_record.record ="
	    " tk_record.id LEFT JOIN kms_delivery ON kms_delivery.number = delivery WHERE serial = ?"
	    " ORDER BY tk_record.id, kms_delivery.number",
	    arguments[0], 8, f);
}

/*
 * Only what has left once: a record that waits leaves anyway. The DC cannot tell a true record from a forged one of
 * that serial number, so the newest of every MTMS and customer leaves: the KMS knows the MAC, and whether it wants it.
 */
static enum err redeliver(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;
	struct audit_entry entry = { "operator", "redeliver", arguments[0], ERR_OK, "" };
	enum err e = db_begin(dc->db, f);

	if (!e)
		e = db_run(dc->db, f,
			   "UPDATE tk_record SET waiting = 1 WHERE waiting = 0 AND id IN (SELECT max(id) FROM"
			   " tk_record WHERE serial = ? GROUP BY mtms, customer)",
			   "t", arguments[0]);
	if (!e && !db_changes(dc->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no record of %s that was sent before", arguments[0]);
	if (!e)
		e = audit_append(dc->db, &entry, f);
	if (!e)
		e = db_commit(dc->db, f);
	if (e)
		db_rollback(dc->db);
	return e;
}

static enum err deliveries(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;

	return command_print(dc->db,
			     "SELECT number, name, customer, count, state, coalesce(error, '') FROM kms_delivery"
			     " ORDER BY number",
			     NULL, 6, f);
}

static enum err audit(void *service, char **arguments, struct fail *f)
{
	struct dc *dc = service;

	return command_print(dc->db, "SELECT at, peer, event, object, code, text FROM audit ORDER BY id", NULL, 6, f);
}

const struct command_row admin_rows[] = {
	{ "status", 0, "status            counts by state and KMS", status, "R2.1" },
	{ "find", 1, "find SERIAL       records of a POS serial number and where they went", find, "R2.1" },
	{ "redeliver", 1, "redeliver SERIAL  send the newest records of that terminal once more", redeliver, "R2.1" },
	{ "deliveries", 0, "deliveries        what left or waits, by KMS", deliveries, "R2.2" },
	{ "audit", 0, "audit             the audit table", audit, "R2.3" },
};
const size_t admin_rows_count = ARRAY_LEN(admin_rows);
