/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "audit.h"
#include "formats.h"
#include "keyfile.h"

static enum err order_add(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	char section[64];
	bool known = false;

	if (!keyfile_name_ok(arguments[0], 64) || !format_customer_ok(view_of_string(arguments[1])))
		return fail_set(f, ERR_USAGE, 0, "not an order or customer id");
	snprintf(section, sizeof(section), "%s", arguments[1]);
	for (size_t i = 0; conf_member(m->conf, "customer *", i); i++)
		known |= !strcmp(conf_member(m->conf, "customer *", i), arguments[1]);
	if (!known)
		return fail_set(f, ERR_NOT_FOUND, 0, "customer %s is not configured", section);
	return db_run(m->db, f,
		      "INSERT INTO production_order (order_id, customer, created, state) VALUES (?, ?, ?, 'open')",
		      "tti", arguments[0], arguments[1], (int64_t)time(NULL));
}

static enum err order_close(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	enum err e =
	    db_run(m->db, f, "UPDATE production_order SET state = 'closed' WHERE order_id = ?", "t", arguments[0]);

	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no order %s", arguments[0]);
	return e;
}

static enum err order_list(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	return command_print(m->db, "SELECT order_id, customer, state FROM production_order ORDER BY created, order_id",
			     NULL, 3, f);
}

static enum err status(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	return command_print(m->db,
			     "SELECT 'sn_key ' || state, count(*) FROM sn_key GROUP BY state UNION ALL "
			     "SELECT 'batch ' || state, count(*) FROM batch GROUP BY state UNION ALL "
			     "SELECT 'outbox ' || state, count(*) FROM outbox GROUP BY state UNION ALL "
			     "SELECT 'working_certificate', count(*) FROM working_certificate",
			     NULL, 2, f);
}

static enum err terminals(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	return command_print(
	    m->db,
	    "SELECT serial, counter, batch_id, customer, sn_key.state, coalesce(outbox.state, ''),"
	    " coalesce(sn_key.reason, outbox.reason, '') FROM sn_key JOIN batch ON batch.number = sn_key.batch"
	    " JOIN production_order USING (order_id) LEFT JOIN outbox ON outbox.sn_key = sn_key.id ORDER BY sn_key.id",
	    NULL, 7, f);
}

/* For a fault of HSM 1 that was mended; a terminal that has given a newer TK needs no older one. */
static enum err terminals_retry(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	struct audit_entry entry = { "operator", "terminals retry", arguments[0], ERR_OK, "" };
	enum err e = db_begin(m->db, f);

	if (!e)
		e = db_run(
		    m->db, f,
		    "UPDATE batch SET state = 'received' WHERE number IN (SELECT batch FROM sn_key WHERE serial = ? AND"
		    " state = 'failed')",
		    "t", arguments[0]);
	if (!e)
		e = db_run(m->db, f,
			   "UPDATE sn_key SET state = 'waiting', reason = NULL WHERE serial = ? AND state = 'failed' "
			   "AND counter >"
			   " (SELECT coalesce(max(counter), 0) FROM sn_key WHERE serial = ? AND state IN ('waiting', "
			   "'rewrapped'))",
			   "tt", arguments[0], arguments[0]);
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no failed terminal %s without a newer TK", arguments[0]);
	if (!e)
		e = audit_append(m->db, &entry, f);
	if (!e)
		e = db_commit(m->db, f);
	if (e)
		db_rollback(m->db);
	return e;
}

static enum err audit(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	return command_print(m->db, "SELECT at, peer, event, object, code, text FROM audit ORDER BY id", NULL, 6, f);
}

const struct command_row admin_rows[] = {
	{ "key-init", 1, "key-init REQUEST         make Pr in HSM 1, write the request for HsmWCRT", key_init, "R1.1" },
	{ "key-again", 1, "key-again REQUEST        the same again, when Pr was lost or leaked", key_again, "R1.1" },
	{ "cert-import", 1, "cert-import CERTIFICATE  store HsmWCRT", cert_import, "R1.1" },
	{ "order add", 2, "order add ORDER CUSTOMER open a production order", order_add, "R1.5" },
	{ "order close", 1, "order close ORDER        take no more batches of it", order_close, "R1.5" },
	{ "order list", 0, "order list", order_list, "R1.5" },
	{ "status", 0, "status                   counts by state", status, "R1.6" },
	{ "terminals retry", 1, "terminals retry SERIAL   re-wrap a failed terminal once more", terminals_retry,
	  "R1.7" },
	{ "terminals", 0, "terminals                serial number, counter, batch, customer, states, reason", terminals,
	  "R1.6" },
	{ "audit", 0, "audit                    the audit table", audit, "R2.3" },
};
const size_t admin_rows_count = ARRAY_LEN(admin_rows);
