/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"
#include "tables.h"

/* Questions whose answers are put together: orders, ages, numbers of deliveries, counts. */
#define OF_ORDER(flag)                                                                                                 \
	" FROM key_source s JOIN key_file k ON k.id = s.file WHERE k.production_order = o.production_order AND"        \
	" s.flag = '" flag "'"

const struct report_row report_sums[] = {
	{ .name = "reconcile",
	  .help = "per production order: what the inventory expects and what became of it",
	  .sql = "SELECT o.production_order, (SELECT count(*) FROM inventory i WHERE i.production_order ="
		 " o.production_order), (SELECT count(DISTINCT s.serial_number)" OF_ORDER(
		     FLAG_IMPORTED) "),"
				    " (SELECT count(*)" OF_ORDER(FLAG_ERROR) "), (SELECT count(*)" OF_ORDER(
					FLAG_WAITING) "),"
						      " (SELECT count(*) FROM inventory i WHERE i.production_order = "
						      "o.production_order AND NOT EXISTS("
						      "SELECT 1 FROM key_formal f WHERE f.serial_number = "
						      "i.serial_number)),"
						      " (SELECT count(DISTINCT s.serial_number)" OF_ORDER(
							  FLAG_IMPORTED) " AND NOT EXISTS(SELECT 1 FROM"
									 " inventory i WHERE i.production_order = "
									 "o.production_order AND i.serial_number = "
									 "s.serial_number)),"
									 " (SELECT count(*) FROM inventory i WHERE "
									 "i.production_order = o.production_order AND "
									 "EXISTS("
									 "SELECT 1 FROM download d WHERE "
									 "d.serial_number = i.serial_number)),"
									 " (SELECT count(*) FROM inventory i JOIN "
									 "key_formal f ON f.serial_number = "
									 "i.serial_number WHERE i.production_order = "
									 "o.production_order AND i.pin_pad <> '' AND "
									 "f.pin_pad <> i.pin_pad) FROM "
									 "(SELECT production_order FROM"
									 " inventory UNION SELECT production_order "
									 "FROM key_file WHERE production_order <> '' "
									 "AND state <>"
									 " 'refused') o WHERE o.production_order > "
									 "{after}{where} ORDER BY o.production_order "
									 "LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .filters = { BY_ORDER("o.production_order") },
	  .columns = { { "order", 't' },
		       { "expected", 'i' },
		       { "imported", 'i' },
		       { "failed_records", 'i' },
		       { "waiting_records", 'i' },
		       { "missing", 'i' },
		       { "surplus", 'i' },
		       { "loaded", 'i' },
		       { "other_pin_pad", 'i' } },
	  .requirement = "R2.1, R2.9" },
	{ .name = "reconcile-detail",
	  .help = "the same serial number by serial number",
	  .sql =
	      "SELECT x.production_order, x.serial_number, CASE"
	      " WHEN x.pin_pad <> '' AND f.pin_pad <> x.pin_pad THEN 'other PIN pad'"
	      " WHEN x.expected = 1 AND f.serial_number IS NOT NULL THEN 'imported'"
	      " WHEN x.expected = 0 AND f.serial_number IS NOT NULL THEN 'surplus'"
	      " WHEN x.expected = 1 AND EXISTS(SELECT 1 FROM key_source s JOIN key_file k ON k.id = s.file WHERE"
	      " s.serial_number = x.serial_number AND s.flag = '" FLAG_ERROR "' AND k.production_order ="
	      " x.production_order) THEN 'failed' WHEN x.expected = 1 THEN 'missing' ELSE 'failed' END,"
	      " coalesce(f.tk_counter, 0), coalesce((SELECT max(d.confirmed) FROM download d WHERE d.serial_number ="
	      " x.serial_number), 0), coalesce((SELECT min(s.error) FROM key_source s JOIN key_file k ON k.id = s.file"
	      " WHERE s.serial_number = x.serial_number AND s.flag = '" FLAG_ERROR "' AND k.production_order ="
	      " x.production_order), ''), x.pin_pad, coalesce(f.pin_pad, '') FROM (SELECT y.production_order,"
	      " y.serial_number, max(y.expected) AS expected, max(y.pin_pad) AS pin_pad"
	      " FROM (SELECT production_order, serial_number, 1 AS expected, pin_pad FROM inventory WHERE 1 = 1{where}"
	      " UNION ALL SELECT k.production_order, s.serial_number, 0, '' FROM key_source s JOIN key_file k ON k.id ="
	      " s.file WHERE k.production_order <> '' AND s.serial_number IS NOT NULL{where}) y"
	      " GROUP BY y.production_order, y.serial_number) x LEFT JOIN key_formal f ON f.serial_number ="
	      " x.serial_number ORDER BY x.production_order, x.serial_number",
	  .filters = { BY_ORDER("production_order"), BY_SERIAL("serial_number") },
	  .columns = { { "order", 't' },
		       { "serial_number", 't' },
		       { "state", 't' },
		       { "tk_counter", 'i' },
		       { "loaded", 'T' },
		       { "error", 't' },
		       { "pin_pad_expected", 't' },
		       { "pin_pad", 't' } },
	  .requirement = "R2.1, R2.9" },
	{ .name = "ages",
	  .help = "how old the keys in use are: TK, TMK, and the HSM's own (by check value, since first seen)",
	  .sql =
	      "SELECT a.kind, a.name, a.number, a.made, (CAST({now} AS BIGINT) - a.made) / 86400 FROM (SELECT 'TK' AS "
	      "kind,"
	      " f.serial_number AS name, f.tk_counter AS number, coalesce(nullif(h.collected, 0), f.imported) AS made"
	      " FROM key_formal f LEFT JOIN key_history h ON h.serial_number = f.serial_number AND h.tk_counter ="
	      " f.tk_counter AND h.source = f.source UNION ALL SELECT 'TMK', t.serial_number, t.generation, t.made FROM"
	      " tmk t WHERE t.generation = (SELECT max(generation) FROM tmk WHERE serial_number = t.serial_number)"
	      " UNION ALL SELECT name, check_value, 0, first_seen FROM token_key) a WHERE 1 = 1{where}"
	      " ORDER BY a.made, a.kind, a.name",
	  .filters = { { "--older", " AND a.made < CAST({now} AS BIGINT) - 86400 * CAST(? AS BIGINT)" },
		       BY_TEXT("--kind", "a.kind"),
		       BY_SERIAL("a.name") },
	  .columns = { { "kind", 't' }, { "name", 't' }, { "number", 'i' }, { "made", 'T' }, { "days", 'i' } },
	  .requirement = "R1.12" },
	{ .name = "sequences",
	  .help = "numbers of deliveries: per DC the highest, how many came, how many are missing",
	  .sql = "SELECT s.dc, CAST(max(s.sequence) AS BIGINT), count(*), CAST(max(s.sequence) - count(*) AS BIGINT), "
		 "max(s.at)"
		 " FROM delivery_sequence s WHERE s.dc > {after}{where} GROUP BY s.dc ORDER BY s.dc LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .filters = { BY_TEXT("--dc", "s.dc") },
	  .columns = { { "dc", 't' }, { "highest", 'i' }, { "received", 'i' }, { "missing", 'i' }, { "last", 'T' } },
	  .requirement = "R2.9" },
	{ .name = "gaps",
	  .help = "numbers of deliveries that have not come, per DC, and who announced them",
	  .sql = "SELECT g.dc, g.first, g.last, coalesce((SELECT min(n.delivery) FROM delivery_notice n WHERE n.dc = "
		 "g.dc AND"
		 " n.sequence >= g.first AND n.sequence <= g.last), '') FROM (SELECT s.dc, coalesce((SELECT"
		 " max(p.sequence) FROM delivery_sequence p WHERE p.dc = s.dc AND p.sequence < s.sequence), 0) + 1 AS "
		 "first,"
		 " s.sequence - 1 AS last FROM delivery_sequence s WHERE s.sequence > 1 AND NOT EXISTS(SELECT 1 FROM"
		 " delivery_sequence q WHERE q.dc = s.dc AND q.sequence = s.sequence - 1)) g WHERE 1 = 1{where}"
		 " ORDER BY g.dc, g.first",
	  .filters = { BY_TEXT("--dc", "g.dc") },
	  .columns = { { "dc", 't' }, { "first", 'i' }, { "last", 'i' }, { "announced", 't' } },
	  .requirement = "R2.9" },
	{ .name = "notices",
	  .help = "deliveries that a DC announced, and whether they came",
	  .sql =
	      "SELECT n.dc, n.delivery, n.sequence, n.records, n.at, coalesce((SELECT max(k.id) FROM key_file k WHERE"
	      " k.kind = 'file' AND k.name = n.delivery AND k.state <> 'refused'), 0), n.dc || '/' || n.delivery FROM"
	      " delivery_notice n WHERE n.dc || '/' || n.delivery > {after}{where} ORDER BY 7 LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .key = 6,
	  .filters = { BY_TEXT("--dc", "n.dc"), BY_SINCE("n.at") },
	  .columns = { { "dc", 't' },
		       { "delivery", 't' },
		       { "sequence", 'i' },
		       { "records", 'i' },
		       { "at", 'T' },
		       { "file", 'i' } },
	  .requirement = "R2.2" },
	{ .name = "status",
	  .help = "counts per table",
	  .sql =
	      "SELECT (SELECT count(*) FROM key_file WHERE state = 'done'),"
	      " (SELECT count(*) FROM key_file WHERE state = 'importing'),"
	      " (SELECT count(*) FROM key_file WHERE state = 'refused'),"
	      " (SELECT count(*) FROM key_source),"
	      " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_WAITING "'),"
	      " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_IMPORTED "'),"
	      " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_ERROR "'),"
	      " (SELECT count(*) FROM key_formal), (SELECT count(*) FROM tmk), (SELECT count(*) FROM download),"
	      " (SELECT count(*) FROM notification), (SELECT count(*) FROM audit),"
	      " (SELECT count(*) FROM key_file WHERE state = 'importing' AND whole = 0),"
	      " (SELECT coalesce(CAST(sum(m) AS BIGINT), 0) FROM (SELECT max(sequence) - count(*) AS m FROM"
	      " delivery_sequence GROUP BY dc) g),"
	      " (SELECT count(*) FROM (SELECT 1 FROM key_fingerprint GROUP BY fingerprint, fpk HAVING count(*) > 1) d)",
	  .single = true,
	  .columns = { { "files_done", 'i' },
		       { "files_importing", 'i' },
		       { "files_refused", 'i' },
		       { "key_source", 'i' },
		       { "not_imported", 'i' },
		       { "imported", 'i' },
		       { "import_errors", 'i' },
		       { "key_formal", 'i' },
		       { "tmk", 'i' },
		       { "download", 'i' },
		       { "notification", 'i' },
		       { "audit", 'i' },
		       { "files_receiving", 'i' },
		       { "deliveries_missing", 'i' },
		       { "duplicate_keys", 'i' } },
	  .requirement = "R2.8" },
};
const size_t report_sums_count = ARRAY_LEN(report_sums);
