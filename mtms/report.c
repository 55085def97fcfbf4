/* SPDX-License-Identifier: BSD-2-Clause */
#include "order.h"
#include "report.h"

/* Devices of one order, by a condition. */
#define DEVICES(condition)                                                                                             \
	"SELECT d.serial, d.pin_pad, d.state, k.counter, b.batch_id, b.signer, b.sender, k.collected, k.rewrapped,"    \
	" o.delivery, o.settled, coalesce(d.reason, '') FROM device d LEFT JOIN sn_key k ON k.id = d.sn_key"           \
	" LEFT JOIN batch b ON b.number = k.batch LEFT JOIN outbox o ON o.sn_key = d.sn_key AND o.state = 'delivered'" \
	" WHERE d.order_id = ? " condition " ORDER BY d.position"
#define DEVICE_COLUMNS                                                                                                 \
	{                                                                                                              \
		{ "serial", 't' }, { "pin_pad", 't' }, { "state", 't' }, { "counter", 'i' }, { "batch", 't' },         \
		    { "operator", 't' }, { "opterm", 't' }, { "collected", 'T' }, { "rewrapped", 'T' },                \
		    { "delivery", 'i' }, { "delivered", 'T' },                                                         \
		{                                                                                                      \
			"reason", 't'                                                                                  \
		}                                                                                                      \
	}

const struct table_row mtms_reports[] = {
	{ "orders",
	  0,
	  "orders                   production orders and how far they are",
	  "SELECT p.order_id, p.customer, p.state, p.created, count(d.serial),"
	  " CAST(coalesce(sum(CASE WHEN d.state = 'expected' THEN 1 ELSE 0 END), 0) AS BIGINT),"
	  " CAST(coalesce(sum(CASE WHEN d.state = 'collected' THEN 1 ELSE 0 END), 0) AS BIGINT),"
	  " CAST(coalesce(sum(CASE WHEN d.state = 're-wrapped' THEN 1 ELSE 0 END), 0) AS BIGINT),"
	  " CAST(coalesce(sum(CASE WHEN d.state = 'delivered' THEN 1 ELSE 0 END), 0) AS BIGINT),"
	  " CAST(coalesce(sum(CASE WHEN d.state = 'refused' THEN 1 ELSE 0 END), 0) AS BIGINT)"
	  " FROM production_order p LEFT JOIN device d ON d.order_id = p.order_id"
	  " GROUP BY p.order_id, p.customer, p.state, p.created ORDER BY p.created, p.order_id",
	  { { "order", 't' },
	    { "customer", 't' },
	    { "state", 't' },
	    { "created", 'T' },
	    { "devices", 'i' },
	    { "expected", 'i' },
	    { "collected", 'i' },
	    { "re-wrapped", 'i' },
	    { "delivered", 'i' },
	    { "refused", 'i' } },
	  "R2.9" },
	{ "devices", 1, "devices ORDER            its inventory, and what became of each device", DEVICES(""),
	  DEVICE_COLUMNS, "R1.5" },
	{ "missing", 1, "missing ORDER            devices that it still waits for, with the last refusal",
	  DEVICES("AND d." DEVICE_MISSING), DEVICE_COLUMNS, "R1.5" },
	{ "rejected",
	  1,
	  "rejected ORDER           what came and was not taken: unknown, duplicate, bad ones, with the reason",
	  "SELECT k.serial, k.pin_pad, k.counter, b.batch_id, b.signer, b.sender, k.collected, b.received,"
	  " CASE WHEN k.state = 'refused' THEN 'on receipt' WHEN k.state = 'failed' THEN 're-wrap' ELSE 'DC' END,"
	  " coalesce(k.reason, o.reason, '') FROM sn_key k JOIN batch b ON b.number = k.batch"
	  " LEFT JOIN outbox o ON o.sn_key = k.id WHERE k.order_id = ? AND (k.state IN ('refused', 'failed')"
	  " OR o.state = 'refused') ORDER BY k.id",
	  { { "serial", 't' },
	    { "pin_pad", 't' },
	    { "counter", 'i' },
	    { "batch", 't' },
	    { "operator", 't' },
	    { "opterm", 't' },
	    { "collected", 'T' },
	    { "received", 'T' },
	    { "where", 't' },
	    { "reason", 't' } },
	  "R1.6" },
	{ "history",
	  1,
	  "history SERIAL           every TK that a device has given, and what became of it",
	  "SELECT k.order_id, p.customer, k.counter, k.pin_pad, b.batch_id, b.signer, b.sender, k.collected,"
	  " b.received, k.state, k.rewrapped, coalesce(o.state, ''), o.delivery, o.settled,"
	  " CASE WHEN k.superseded_by IS NULL THEN coalesce(k.reason, o.reason, '') ELSE 'superseded by counter ' ||"
	  " (SELECT n.counter FROM sn_key n WHERE n.id = k.superseded_by) END"
	  " FROM sn_key k JOIN batch b ON b.number = k.batch JOIN production_order p ON p.order_id = k.order_id"
	  " LEFT JOIN outbox o ON o.sn_key = k.id WHERE k.serial = ? ORDER BY k.id",
	  { { "order", 't' },
	    { "customer", 't' },
	    { "counter", 'i' },
	    { "pin_pad", 't' },
	    { "batch", 't' },
	    { "operator", 't' },
	    { "opterm", 't' },
	    { "collected", 'T' },
	    { "received", 'T' },
	    { "state", 't' },
	    { "rewrapped", 'T' },
	    { "outbox", 't' },
	    { "delivery", 'i' },
	    { "settled", 'T' },
	    { "note", 't' } },
	  "R1.6" },
	{ "terminals",
	  0,
	  "terminals                every packet: counter, batch, customer, states, reason",
	  "SELECT k.serial, k.counter, b.batch_id, p.customer, k.state, coalesce(o.state, ''),"
	  " CASE WHEN k.superseded_by IS NULL THEN coalesce(k.reason, o.reason, '') ELSE 'superseded' END"
	  " FROM sn_key k JOIN batch b ON b.number = k.batch JOIN production_order p ON p.order_id = b.order_id"
	  " LEFT JOIN outbox o ON o.sn_key = k.id ORDER BY k.id",
	  { { "serial", 't' },
	    { "counter", 'i' },
	    { "batch", 't' },
	    { "customer", 't' },
	    { "state", 't' },
	    { "outbox", 't' },
	    { "reason", 't' } },
	  "R1.6" },
	{ "grants",
	  0,
	  "grants                   who may collect what, revoked ones as well",
	  "SELECT opterm, operator, scope || ':' || object, granted, revoked FROM permission ORDER BY id",
	  { { "opterm", 't' }, { "operator", 't' }, { "what", 't' }, { "granted", 'T' }, { "revoked", 'T' } },
	  "R2.3" },
	{ "deliveries",
	  0,
	  "deliveries               to the DC, by sequence number, with the last error",
	  "SELECT sequence, name, order_id, records, state, made, tries, tried, settled, accepted, known, refused,"
	  " coalesce(error, '') FROM delivery ORDER BY sequence",
	  { { "sequence", 'i' },
	    { "name", 't' },
	    { "order", 't' },
	    { "records", 'i' },
	    { "state", 't' },
	    { "made", 'T' },
	    { "tries", 'i' },
	    { "tried", 'T' },
	    { "settled", 'T' },
	    { "accepted", 'i' },
	    { "known", 'i' },
	    { "refused", 'i' },
	    { "error", 't' } },
	  "R2.1" },
	{ "key-status",
	  0,
	  "key-status               every Pr by index number, its HsmWCRT, and which is handed out",
	  "SELECT p.key_index, p.label, CASE WHEN p.spki IS NULL THEN 'not made' ELSE 'made' END, p.created,"
	  " coalesce(w.number, 0), w.imported, CASE WHEN w.number = (SELECT max(number) FROM working_certificate) THEN"
	  " 'current' WHEN w.number IS NULL THEN '' ELSE 'older' END FROM pr_key p LEFT JOIN working_certificate w"
	  " ON w.key_index = p.key_index ORDER BY p.key_index, w.number",
	  { { "index", 'i' },
	    { "label", 't' },
	    { "pr", 't' },
	    { "created", 'T' },
	    { "certificate", 'i' },
	    { "imported", 'T' },
	    { "handed_out", 't' } },
	  "R1.1" },
	{ "status",
	  0,
	  "status                   counts by state",
	  "SELECT what, state, n FROM (SELECT 1 AS o, 'order' AS what, state, count(*) AS n FROM production_order "
	  "GROUP BY"
	  " state UNION ALL SELECT 2, 'device', state, count(*) FROM device GROUP BY state UNION ALL"
	  " SELECT 3, 'batch', state, count(*) FROM batch GROUP BY state UNION ALL"
	  " SELECT 4, 'sn_key', CASE WHEN superseded_by IS NULL THEN state ELSE 'superseded' END, count(*) FROM sn_key"
	  " GROUP BY CASE WHEN superseded_by IS NULL THEN state ELSE 'superseded' END UNION ALL"
	  " SELECT 5, 'outbox', state, count(*) FROM outbox GROUP BY state UNION ALL"
	  " SELECT 6, 'delivery', state, count(*) FROM delivery GROUP BY state UNION ALL"
	  " SELECT 7, 'working_certificate', 'stored', count(*) FROM working_certificate) s ORDER BY o, state",
	  { { "what", 't' }, { "state", 't' }, { "count", 'i' } },
	  "R1.6" },
	{ "audit",
	  0,
	  "audit                    the audit table",
	  "SELECT at, peer, event, object, code, text FROM audit ORDER BY id",
	  { { "at", 'T' }, { "peer", 't' }, { "event", 't' }, { "object", 't' }, { "code", 'i' }, { "text", 't' } },
	  "R2.3" },
};
const size_t mtms_reports_count = ARRAY_LEN(mtms_reports);
