/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"
#include "tables.h"

/* The questions. What a number or a time is worth without a value: 0. */
#define COUNT_OF(what, value) "(SELECT count(*) FROM key_source s WHERE s.file = k.id AND s." what " = '" value "')"
#define COUNT_WAITING COUNT_OF("flag", FLAG_WAITING)
#define COUNT_IMPORTED COUNT_OF("flag", FLAG_IMPORTED)
#define COUNT_FAILED COUNT_OF("flag", FLAG_ERROR)
#define COUNT_KNOWN COUNT_OF("outcome", OUTCOME_KNOWN)
#define COUNT_REPAIRED COUNT_OF("outcome", OUTCOME_REPAIRED)
/* What an import is doing, in a word. */
#define FILE_STATE "CASE WHEN k.state = 'importing' AND k.whole = 0 THEN 'receiving' ELSE k.state END"
#define FILE_FILTERS                                                                                                   \
	BY_FILE("k.id"), BY_SINCE("k.received"), BY_ORDER("k.production_order"), BY_TEXT("--source", "k.source"),      \
	{                                                                                                              \
		"--state", " AND " FILE_STATE " = ?"                                                                   \
	}
/* A TK as its record says it; f: key_formal, or key_history, which has the same columns. */
#define TK_SQL "f.serial_number, f.tk_counter, f.suite, f.handshake, f.tek_check_value, f.auk_check_value"
#define TK_COLUMNS                                                                                                     \
	{ "serial_number", 't' }, { "tk_counter", 'i' }, { "suite", 'i' }, { "handshake", 'i' },                       \
	    { "tek_check_value", 't' },                                                                                \
	{                                                                                                              \
		"auk_check_value", 't'                                                                                 \
	}
const struct report_row report_rows[] = {
	{ .name = "files",
	  .help = "key files and deliveries with their state",
	  .sql =
	      "SELECT k.id, k.kind, k.name, k.sender, k.records, " COUNT_IMPORTED ", " COUNT_FAILED ", " FILE_STATE
	      ", coalesce(k.error, ''), k.source, k.dc, coalesce(k.sequence, 0), k.production_order, k.received, k.done"
	      " FROM key_file k WHERE k.id > {after}{where} ORDER BY k.id LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { FILE_FILTERS },
	  .columns = { { "id", 'i' },
		       { "kind", 't' },
		       { "name", 't' },
		       { "sender", 't' },
		       { "records", 'i' },
		       { "imported", 'i' },
		       { "failed", 'i' },
		       { "state", 't' },
		       { "error", 't' },
		       { "source", 't' },
		       { "dc", 't' },
		       { "sequence", 'i' },
		       { "order", 't' },
		       { "received", 'T' },
		       { "done", 'T' } },
	  .requirement = "R2.2" },
	{ .name = "imports",
	  .help = "how far each import is, and what came of it",
	  .sql = "SELECT k.id, k.name, k.source, k.sender, coalesce(k.sequence, 0), k.production_order, k.records,"
		 " k.stored, " COUNT_WAITING ", " COUNT_IMPORTED ", " COUNT_FAILED ", " COUNT_KNOWN ", " COUNT_REPAIRED
		 ", CASE WHEN k.state = 'refused' OR k.records = 0 THEN 0 ELSE 100 * (k.stored - " COUNT_WAITING
		 ") / k.records END, k.received, k.done, CASE WHEN k.done = 0 THEN 0 ELSE k.done - k.received "
		 "END, " FILE_STATE
		 ", coalesce(k.error, (SELECT s.error FROM key_source s WHERE s.file = k.id AND s.flag = '" FLAG_ERROR
		 "' ORDER BY s.line LIMIT 1), '') FROM key_file k WHERE k.id > {after}{where}"
		 " ORDER BY k.id LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { FILE_FILTERS },
	  .columns = { { "id", 'i' },
		       { "name", 't' },
		       { "source", 't' },
		       { "sender", 't' },
		       { "sequence", 'i' },
		       { "order", 't' },
		       { "records", 'i' },
		       { "stored", 'i' },
		       { "waiting", 'i' },
		       { "imported", 'i' },
		       { "failed", 'i' },
		       { "known", 'i' },
		       { "repaired", 'i' },
		       { "percent", 'i' },
		       { "received", 'T' },
		       { "done", 'T' },
		       { "seconds", 'i' },
		       { "state", 't' },
		       { "first_error", 't' } },
	  .requirement = "R2.8" },
	{ .name = "sources",
	  .help = "records as they came, with flag and error",
	  .sql =
	      "SELECT s.id, k.name, s.line, coalesce(s.serial_number, ''), coalesce(s.tk_counter, 0), s.flag,"
	      " coalesce(s.error, ''), s.outcome, coalesce(s.imported, 0), k.id, k.production_order FROM key_source s"
	      " JOIN key_file k ON k.id = s.file WHERE s.id > {after}{where} ORDER BY s.id LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_SERIAL("s.serial_number"), BY_FILE("s.file"), BY_TEXT("--flag", "s.flag"),
		       BY_SINCE("k.received"), BY_ORDER("k.production_order"), BY_TEXT("--outcome", "s.outcome") },
	  .columns = { { "id", 'i' },
		       { "file", 't' },
		       { "line", 'i' },
		       { "serial_number", 't' },
		       { "tk_counter", 'i' },
		       { "flag", 't' },
		       { "error", 't' },
		       { "outcome", 't' },
		       { "imported", 'T' },
		       { "file_id", 'i' },
		       { "order", 't' } },
	  .requirement = "R2.4, R2.5, R2.6" },
	{ .name = "terminals",
	  .help = "formal records with check values, current TMK and last download",
	  .sql =
	      "SELECT " TK_SQL ", coalesce(t.generation, 0), coalesce(t.check_value, ''), coalesce(t.method, 0),"
	      " coalesce(d.generation, 0), coalesce(d.check_value, ''), coalesce(d.confirmed, 0), f.pin_pad, f.imported"
	      " FROM key_formal f LEFT JOIN tmk t ON t.serial_number = f.serial_number AND t.generation ="
	      "  (SELECT max(generation) FROM tmk WHERE serial_number = f.serial_number)"
	      " LEFT JOIN download d ON d.id = (SELECT max(id) FROM download WHERE serial_number = f.serial_number)"
	      " WHERE f.serial_number > {after}{where} ORDER BY f.serial_number LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .filters = { BY_SERIAL("f.serial_number"),
		       BY_TEXT("--pin-pad", "f.pin_pad"),
		       BY_SINCE("f.imported"),
		       { "--order", " AND EXISTS(SELECT 1 FROM key_source s JOIN key_file k ON k.id = s.file WHERE"
				    " s.id = f.source AND k.production_order = ?)" } },
	  .columns = { TK_COLUMNS,
		       { "tmk_generation", 'i' },
		       { "tmk_check_value", 't' },
		       { "tmk_check_method", 'i' },
		       { "loaded_generation", 'i' },
		       { "loaded_check_value", 't' },
		       { "confirmed", 'T' },
		       { "pin_pad", 't' },
		       { "imported", 'T' } },
	  .requirement = "R2.5, R1.8" },
	{ .name = "history",
	  .help = "formal records of all times, superseded ones too",
	  .sql = "SELECT " TK_SQL ", f.pin_pad, f.collected, f.imported, f.source, CASE WHEN c.source = f.source THEN 1"
		 " ELSE 0 END FROM key_history f LEFT JOIN key_formal c ON c.serial_number = f.serial_number"
		 " WHERE f.source > {after}{where} ORDER BY f.source LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .key = 9,
	  .filters = { BY_SERIAL("f.serial_number"), BY_SINCE("f.imported") },
	  .columns = { TK_COLUMNS,
		       { "pin_pad", 't' },
		       { "collected", 'T' },
		       { "imported", 'T' },
		       { "source", 'i' },
		       { "current", 'i' } },
	  .requirement = "R2.5" },
	{ .name = "duplicates",
	  .help = "keys that are there twice, by keyed fingerprints: TEK, AUK and TMK of all terminals",
	  .sql = "SELECT p.fingerprint, p.kind, p.serial_number, p.number, d.keys, d.terminals, p.made FROM "
		 "key_fingerprint p"
		 " JOIN (SELECT fingerprint, fpk, count(*) AS keys, count(DISTINCT serial_number) AS terminals FROM"
		 " key_fingerprint WHERE fingerprint > {after}{where} GROUP BY fingerprint, fpk HAVING count(*) > 1"
		 " ORDER BY fingerprint LIMIT " REPORT_PAGE ") d ON d.fingerprint = p.fingerprint AND d.fpk = p.fpk"
		 " ORDER BY p.fingerprint, p.serial_number, p.kind, p.number",
	  .paging = REPORT_TEXT_KEY,
	  .filters = { { "--serial", " AND fingerprint IN (SELECT o.fingerprint FROM key_fingerprint o WHERE"
				     " o.serial_number = ?)" } },
	  .columns = { { "fingerprint", 't' },
		       { "kind", 't' },
		       { "serial_number", 't' },
		       { "number", 'i' },
		       { "keys", 'i' },
		       { "terminals", 'i' },
		       { "made", 'T' } },
	  .requirement = "R2.5" },
	{ .name = "fingerprints",
	  .help = "keys with their fingerprints and the check value of the FPK that made them",
	  .sql =
	      "SELECT p.serial_number, p.kind, p.number, p.fingerprint, p.fpk, p.made, p.serial_number || '/' || "
	      "p.kind ||"
	      " '/' || CAST(p.number AS TEXT) FROM key_fingerprint p WHERE p.serial_number || '/' || p.kind || '/' ||"
	      " CAST(p.number AS TEXT) > {after}{where} ORDER BY 7 LIMIT " REPORT_PAGE,
	  .paging = REPORT_TEXT_KEY,
	  .key = 6,
	  .filters = { BY_SERIAL("p.serial_number"), BY_TEXT("--fingerprint", "p.fingerprint") },
	  .columns = { { "serial_number", 't' },
		       { "kind", 't' },
		       { "number", 'i' },
		       { "fingerprint", 't' },
		       { "fpk", 't' },
		       { "made", 'T' } },
	  .requirement = "R2.5" },
	{ .name = "notifications",
	  .help = "notifications with their state, a row per recipient",
	  .sql =
	      "SELECT id, event, state, sender, recipient, title, body, message_id, made, sent, coalesce(sent_at, 0),"
	      " attempts, next_attempt, last_error FROM notification WHERE id > {after}{where} ORDER BY id"
	      " LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_FILE("file"), BY_SINCE("made"), BY_TEXT("--event", "event"), BY_TEXT("--state", "state") },
	  .columns = { { "id", 'i' },
		       { "event", 't' },
		       { "state", 't' },
		       { "sender", 't' },
		       { "recipient", 't' },
		       { "title", 't' },
		       { "body", 't' },
		       { "message_id", 't' },
		       { "made", 'T' },
		       { "sent", 'i' },
		       { "sent_at", 'T' },
		       { "attempts", 'i' },
		       { "next_attempt_ms", 'i' },
		       { "last_error", 't' } },
	  .requirement = "R2.8" },
	{ .name = "senders",
	  .help = "mail accounts that notifications are sent from",
	  .sql =
	      "SELECT name, description, mailbox, server, tls, ca, account, title, enabled FROM sender ORDER BY name",
	  .columns = { { "name", 't' },
		       { "description", 't' },
		       { "mailbox", 't' },
		       { "server", 't' },
		       { "tls", 't' },
		       { "ca", 't' },
		       { "user", 't' },
		       { "title", 't' },
		       { "enabled", 'i' } },
	  .requirement = "R2.8" },
	{ .name = "recipients",
	  .help = "who gets which notifications",
	  .sql = "SELECT r.name, r.description, r.mailbox, r.type, r.language, s.name, r.enabled, r.not_before,"
		 " (SELECT count(*) FROM notification n WHERE n.recipient_id = r.id AND n.state = 'waiting')"
		 " FROM recipient r JOIN sender s ON s.id = r.sender ORDER BY r.name",
	  .columns = { { "name", 't' },
		       { "description", 't' },
		       { "mailbox", 't' },
		       { "type", 't' },
		       { "language", 't' },
		       { "sender", 't' },
		       { "enabled", 'i' },
		       { "not_before_ms", 'i' },
		       { "waiting", 'i' } },
	  .requirement = "R2.8" },
	{ .name = "audit",
	  .help = "what happened",
	  .sql = "SELECT id, at, peer, event, object, code, text FROM audit WHERE id > {after}{where} ORDER BY id"
		 " LIMIT " REPORT_PAGE,
	  .paging = REPORT_NUMBER_KEY,
	  .filters = { BY_SERIAL("object"), BY_TEXT("--event", "event"), BY_SINCE("at") },
	  .columns = { { "id", 'i' },
		       { "at", 'T' },
		       { "peer", 't' },
		       { "event", 't' },
		       { "object", 't' },
		       { "code", 'i' },
		       { "text", 't' } },
	  .requirement = "R2.8" },
};
const size_t report_rows_count = ARRAY_LEN(report_rows);
