/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

/* Questions about terminals' downloads, their limits, and the nodes that serve them. */
#define NODE_KEY(kind)                                                                                                 \
	"coalesce((SELECT check_value FROM node_key WHERE node = n.name AND kind = '" kind "' AND generation = 0), "   \
	"'')"

#define WORKING_STATE "CASE WHEN w.retired > 0 THEN 'retired' WHEN w.confirmed > 0 THEN 'current' ELSE 'waiting' END"
#define WORKING_KEY "w.serial_number || '/' || CAST(w.generation + 1000000000 AS TEXT) || '/' || w.kind"

const struct report_row report_downloads[] = {
	{ .name = "downloads",
	  .help = "TMKs that terminals confirmed",
	  .sql = "SELECT id, serial_number, tk_counter, handshake, generation, method, check_value, peer, confirmed"
		 " FROM download WHERE id > {after}{where} ORDER BY id LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_SERIAL("serial_number"), BY_SINCE("confirmed") },
	  .columns = { { "id", 'i' },
		       { "serial_number", 't' },
		       { "tk_counter", 'i' },
		       { "handshake", 'i' },
		       { "generation", 'i' },
		       { "method", 'i' },
		       { "check_value", 't' },
		       { "peer", 't' },
		       { "confirmed", 'T' } },
	  .requirement = "R1.11" },
	{ .name = "tmks",
	  .help = "every TMK with its state: made, sent, confirmed (when; 0: not yet)",
	  .sql =
	      "SELECT serial_number, generation, check_value, method, made, wrapped, sent, confirmed, downloads, renew,"
	      " serial_number || '/' || CAST(generation + 1000000000 AS TEXT) FROM tmk WHERE serial_number || '/' ||"
	      " CAST(generation + 1000000000 AS TEXT) > {after}{where} ORDER BY 11 LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .key = 10,
	  .filters = { BY_SERIAL("serial_number"), BY_SINCE("made") },
	  .columns = { { "serial_number", 't' },
		       { "generation", 'i' },
		       { "check_value", 't' },
		       { "check_method", 'i' },
		       { "made", 'T' },
		       { "wrapped", 'T' },
		       { "sent", 'T' },
		       { "confirmed", 'T' },
		       { "downloads", 'i' },
		       { "renew", 'i' } },
	  .requirement = "R1.12" },
	{ .name = "working-keys",
	  .help =
	      "every working key with its state: waiting, current, retired; when made, confirmed, retired (0: not yet)",
	  .sql = "SELECT w.serial_number, w.generation, w.kind, " WORKING_STATE
		 ", w.tmk_generation, w.check_value, w.method,"
		 " w.type, w.length, w.storage_key, w.wrapped, w.made, w.confirmed, w.retired, " WORKING_KEY
		 " FROM working_key w WHERE " WORKING_KEY " > {after}{where} ORDER BY 15 LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .key = 14,
	  .filters = { { "--serial", " AND w.serial_number = ?" },
		       { "--state", " AND " WORKING_STATE " = ?" },
		       { "--kind", " AND w.kind = ?" },
		       { "--since", " AND w.made >= CAST(? AS BIGINT)" } },
	  .columns = { { "serial_number", 't' },
		       { "generation", 'i' },
		       { "kind", 't' },
		       { "state", 't' },
		       { "tmk_generation", 'i' },
		       { "check_value", 't' },
		       { "check_method", 'i' },
		       { "type", 'i' },
		       { "length", 'i' },
		       { "storage_key", 't' },
		       { "wrapped", 'T' },
		       { "made", 'T' },
		       { "confirmed", 'T' },
		       { "retired", 'T' } },
	  .requirement = "R1.12" },
	{ .name = "download-errors",
	  .help = "downloads and sign-ins that failed: step, reason, check values of the TK, and of a sign-in of the "
		  "TMK, here and\n"
		  "                     as the terminal says",
	  .sql =
	      "SELECT id, at, node, serial_number, peer, step, reason,"
	      " CASE WHEN tek_formal = '' THEN '' ELSE tek_formal || '/' || auk_formal END,"
	      " CASE WHEN tek_hsm = '' THEN '' ELSE tek_hsm || '/' || auk_hsm END,"
	      " CASE WHEN tek_terminal = '' THEN '' ELSE tek_terminal || '/' || auk_terminal END,"
	      " CASE WHEN tek_hsm <> '' AND (tek_hsm <> tek_formal OR auk_hsm <> auk_formal) THEN 'formal row altered'"
	      "  WHEN tek_terminal = '' OR tek_formal = '' THEN ''"
	      "  WHEN tek_terminal = tek_formal AND auk_terminal = auk_formal THEN 'same TK'"
	      "  ELSE 'the terminal says another TK' END, tmk_kms, tmk_terminal, detail FROM download_error WHERE id > "
	      "{after}{where}"
	      " ORDER BY id LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_SERIAL("serial_number"), BY_SINCE("at") },
	  .columns = { { "id", 'i' },
		       { "at", 'T' },
		       { "node", 't' },
		       { "serial_number", 't' },
		       { "peer", 't' },
		       { "step", 't' },
		       { "reason", 't' },
		       { "tk_formal", 't' },
		       { "tk_hsm", 't' },
		       { "tk_terminal", 't' },
		       { "verdict", 't' },
		       { "tmk_kms", 't' },
		       { "tmk_terminal", 't' },
		       { "detail", 't' } },
	  .requirement = "R2.5, R2.7" },
	{ .name = "alarms",
	  .help = "alarms over all terminals; closed 0: open",
	  .sql = "SELECT id, kind, node, opened, closed, text FROM alarm WHERE id > {after}{where} ORDER BY id"
		 " LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_SINCE("opened") },
	  .columns = { { "id", 'i' },
		       { "kind", 't' },
		       { "node", 't' },
		       { "opened", 'T' },
		       { "closed", 'T' },
		       { "text", 't' } },
	  .requirement = "R1.13" },
	{ .name = "lockouts",
	  .help = "failed proofs and lock-outs; no serial number: of the address alone; locked_until 0: not locked",
	  .sql = "SELECT serial_number, address, failures, failed, locked_until FROM throttle WHERE failures > 0{where}"
		 " ORDER BY locked_until DESC, serial_number, address",
	  .filters = { BY_SERIAL("serial_number") },
	  .columns = { { "serial_number", 't' },
		       { "address", 't' },
		       { "failures", 'i' },
		       { "failed", 'i' },
		       { "locked_until", 'i' } },
	  .requirement = "R1.13" },
	{ .name = "nodes",
	  .help = "the kmsd that share this database, with the check values of their newest keys",
	  .sql = "SELECT n.name, n.started, n.seen, n.stopped, " NODE_KEY("PK-1") ", " NODE_KEY("MAK-1") ", " NODE_KEY(
	      "PK-2") ", " NODE_KEY("MAK-2") ", " NODE_KEY("SRK") ", " NODE_KEY("FPK") " FROM node n WHERE n.name <> "
										       "'' ORDER BY n.name",
	  .columns = { { "name", 't' },
		       { "started", 'T' },
		       { "seen", 'T' },
		       { "stopped", 'T' },
		       { "pk_1", 't' },
		       { "mak_1", 't' },
		       { "pk_2", 't' },
		       { "mak_2", 't' },
		       { "srk", 't' },
		       { "fpk", 't' } },
	  .requirement = "R1.3" },
};
const size_t report_downloads_count = ARRAY_LEN(report_downloads);
