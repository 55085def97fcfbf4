/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "report.h"
#include "tables.h"

#define COLUMNS_MAX 14

struct column {
	const char *name;
	char type; /* t text, i number */
};

static const struct report {
	const char *name;
	const char *help;
	const char *sql;
	struct column columns[COLUMNS_MAX + 1];
} reports[] = {
	{ "files",
	  "key files and deliveries with their state",
	  "SELECT id, kind, name, sender, records,"
	  " (SELECT count(*) FROM key_source s WHERE s.file = k.id AND flag = '" FLAG_IMPORTED "'),"
	  " (SELECT count(*) FROM key_source s WHERE s.file = k.id AND flag = '" FLAG_ERROR "'),"
	  " state, coalesce(error, '') FROM key_file k ORDER BY id",
	  { { "id", 'i' },
	    { "kind", 't' },
	    { "name", 't' },
	    { "sender", 't' },
	    { "records", 'i' },
	    { "imported", 'i' },
	    { "failed", 'i' },
	    { "state", 't' },
	    { "error", 't' } } },
	{ "sources",
	  "records as they came, with flag and error",
	  "SELECT s.id, k.name, line, coalesce(serial_number, ''), coalesce(tk_counter, 0), flag, coalesce(s.error, '')"
	  " FROM key_source s JOIN key_file k ON k.id = s.file ORDER BY s.id",
	  { { "id", 'i' },
	    { "file", 't' },
	    { "line", 'i' },
	    { "serial_number", 't' },
	    { "tk_counter", 'i' },
	    { "flag", 't' },
	    { "error", 't' } } },
	{ "terminals",
	  "formal records with check values, current TMK and last download",
	  "SELECT f.serial_number, f.tk_counter, f.suite, f.handshake, tek_check_value, auk_check_value,"
	  " coalesce(t.generation, 0), coalesce(t.check_value, ''), coalesce(t.method, 0), coalesce(d.generation, 0),"
	  " coalesce(d.check_value, ''), coalesce(d.confirmed, 0) FROM key_formal f"
	  " LEFT JOIN tmk t ON t.serial_number = f.serial_number AND t.generation ="
	  "  (SELECT max(generation) FROM tmk WHERE serial_number = f.serial_number)"
	  " LEFT JOIN download d ON d.id = (SELECT max(id) FROM download WHERE serial_number = f.serial_number)"
	  " ORDER BY f.serial_number",
	  { { "serial_number", 't' },
	    { "tk_counter", 'i' },
	    { "suite", 'i' },
	    { "handshake", 'i' },
	    { "tek_check_value", 't' },
	    { "auk_check_value", 't' },
	    { "tmk_generation", 'i' },
	    { "tmk_check_value", 't' },
	    { "tmk_check_method", 'i' },
	    { "loaded_generation", 'i' },
	    { "loaded_check_value", 't' },
	    { "confirmed", 'i' } } },
	{ "downloads",
	  "TMKs that terminals confirmed",
	  "SELECT id, serial_number, tk_counter, handshake, generation, method, check_value, peer, confirmed"
	  " FROM download ORDER BY id",
	  { { "id", 'i' },
	    { "serial_number", 't' },
	    { "tk_counter", 'i' },
	    { "handshake", 'i' },
	    { "generation", 'i' },
	    { "method", 'i' },
	    { "check_value", 't' },
	    { "peer", 't' },
	    { "confirmed", 'i' } } },
	{ "tmks",
	  "every TMK with its state: made, sent, confirmed (when; 0: not yet)",
	  "SELECT serial_number, generation, check_value, method, made, wrapped, sent, confirmed, downloads, renew"
	  " FROM tmk ORDER BY serial_number, generation",
	  { { "serial_number", 't' },
	    { "generation", 'i' },
	    { "check_value", 't' },
	    { "check_method", 'i' },
	    { "made", 'i' },
	    { "wrapped", 'i' },
	    { "sent", 'i' },
	    { "confirmed", 'i' },
	    { "downloads", 'i' },
	    { "renew", 'i' } } },
	{ "download-errors",
	  "downloads that failed: step, reason, check values of the TK here and as the terminal says",
	  "SELECT id, at, node, serial_number, peer, step, reason,"
	  " CASE WHEN tek_formal = '' THEN '' ELSE tek_formal || '/' || auk_formal END,"
	  " CASE WHEN tek_hsm = '' THEN '' ELSE tek_hsm || '/' || auk_hsm END,"
	  " CASE WHEN tek_terminal = '' THEN '' ELSE tek_terminal || '/' || auk_terminal END,"
	  " CASE WHEN tek_hsm <> '' AND (tek_hsm <> tek_formal OR auk_hsm <> auk_formal) THEN 'formal row altered'"
	  "  WHEN tek_terminal = '' OR tek_formal = '' THEN ''"
	  "  WHEN tek_terminal = tek_formal AND auk_terminal = auk_formal THEN 'same TK'"
	  "  ELSE 'the terminal says another TK' END, detail FROM download_error ORDER BY id",
	  { { "id", 'i' },
	    { "at", 'i' },
	    { "node", 't' },
	    { "serial_number", 't' },
	    { "peer", 't' },
	    { "step", 't' },
	    { "reason", 't' },
	    { "tk_formal", 't' },
	    { "tk_hsm", 't' },
	    { "tk_terminal", 't' },
	    { "verdict", 't' },
	    { "detail", 't' } } },
	{ "alarms",
	  "alarms over all terminals; closed 0: open",
	  "SELECT id, kind, node, opened, closed, text FROM alarm ORDER BY id",
	  { { "id", 'i' }, { "kind", 't' }, { "node", 't' }, { "opened", 'i' }, { "closed", 'i' }, { "text", 't' } } },
	{ "lockouts",
	  "failed proofs and lock-outs; no serial number: of the address alone; locked_until 0: not locked",
	  "SELECT serial_number, address, failures, failed, locked_until FROM throttle WHERE failures > 0"
	  " ORDER BY locked_until DESC, serial_number, address",
	  { { "serial_number", 't' },
	    { "address", 't' },
	    { "failures", 'i' },
	    { "failed", 'i' },
	    { "locked_until", 'i' } } },
	{ "nodes",
	  "the kmsd that share this database, with the check values of their newest keys",
	  "SELECT name, started, seen, stopped,"
	  " coalesce((SELECT check_value FROM node_key WHERE node = name AND kind = 'PK-1' AND generation = 0), ''),"
	  " coalesce((SELECT check_value FROM node_key WHERE node = name AND kind = 'MAK-1' AND generation = 0), ''),"
	  " coalesce((SELECT check_value FROM node_key WHERE node = name AND kind = 'PK-2' AND generation = 0), ''),"
	  " coalesce((SELECT check_value FROM node_key WHERE node = name AND kind = 'MAK-2' AND generation = 0), ''),"
	  " coalesce((SELECT check_value FROM node_key WHERE node = name AND kind = 'SRK' AND generation = 0), '')"
	  " FROM node WHERE name <> '' ORDER BY name",
	  { { "name", 't' },
	    { "started", 'i' },
	    { "seen", 'i' },
	    { "stopped", 'i' },
	    { "pk_1", 't' },
	    { "mak_1", 't' },
	    { "pk_2", 't' },
	    { "mak_2", 't' },
	    { "srk", 't' } } },
	{ "notifications",
	  "notifications with their state, a row per recipient",
	  "SELECT id, event, state, sender, recipient, title, body, message_id, made, sent, coalesce(sent_at, 0), "
	  "attempts,"
	  " next_attempt, last_error FROM notification ORDER BY id",
	  { { "id", 'i' },
	    { "event", 't' },
	    { "state", 't' },
	    { "sender", 't' },
	    { "recipient", 't' },
	    { "title", 't' },
	    { "body", 't' },
	    { "message_id", 't' },
	    { "made", 'i' },
	    { "sent", 'i' },
	    { "sent_at", 'i' },
	    { "attempts", 'i' },
	    { "next_attempt_ms", 'i' },
	    { "last_error", 't' } } },
	{ "senders",
	  "mail accounts that notifications are sent from",
	  "SELECT name, description, mailbox, server, tls, ca, account, title, enabled FROM sender ORDER BY name",
	  { { "name", 't' },
	    { "description", 't' },
	    { "mailbox", 't' },
	    { "server", 't' },
	    { "tls", 't' },
	    { "ca", 't' },
	    { "user", 't' },
	    { "title", 't' },
	    { "enabled", 'i' } } },
	{ "recipients",
	  "who gets which notifications",
	  "SELECT r.name, r.description, r.mailbox, r.type, r.language, s.name, r.enabled, r.not_before,"
	  " (SELECT count(*) FROM notification n WHERE n.recipient_id = r.id AND n.state = 'waiting')"
	  " FROM recipient r JOIN sender s ON s.id = r.sender ORDER BY r.name",
	  { { "name", 't' },
	    { "description", 't' },
	    { "mailbox", 't' },
	    { "type", 't' },
	    { "language", 't' },
	    { "sender", 't' },
	    { "enabled", 'i' },
	    { "not_before_ms", 'i' },
	    { "waiting", 'i' } } },
	{ "audit",
	  "what happened",
	  "SELECT id, at, peer, event, object, code, text FROM audit ORDER BY id",
	  { { "id", 'i' },
	    { "at", 'i' },
	    { "peer", 't' },
	    { "event", 't' },
	    { "object", 't' },
	    { "code", 'i' },
	    { "text", 't' } } },
	{ "status",
	  "counts per table",
	  "SELECT (SELECT count(*) FROM key_file WHERE state = 'done'),"
	  " (SELECT count(*) FROM key_file WHERE state = 'importing'),"
	  " (SELECT count(*) FROM key_file WHERE state = 'refused'),"
	  " (SELECT count(*) FROM key_source),"
	  " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_WAITING "'),"
	  " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_IMPORTED "'),"
	  " (SELECT count(*) FROM key_source WHERE flag = '" FLAG_ERROR "'),"
	  " (SELECT count(*) FROM key_formal), (SELECT count(*) FROM tmk), (SELECT count(*) FROM download),"
	  " (SELECT count(*) FROM notification), (SELECT count(*) FROM audit)",
	  { { "files_done", 'i' },
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
	    { "audit", 'i' } } },
};

static const struct report *report_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(reports); i++)
		if (!strcmp(reports[i].name, name))
			return &reports[i];
	return NULL;
}

bool report_known(const char *name)
{
	return report_find(name) != NULL;
}

void report_help(struct buf *b)
{
	for (size_t i = 0; i < ARRAY_LEN(reports); i++)
		buf_printf(b, "  %-14s %s\n", reports[i].name, reports[i].help);
}

/* A text that is no UTF-8 (a file's name) is written as command_text does. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	BUF_AUTO b = { 0 };

	if (json)
		return json;
	for (; *text; text++)
		buf_printf(&b, *text >= ' ' && *text <= '~' && *text != '\\' ? "%c" : "\\x%02x", (unsigned char)*text);
	return buf_ok(&b) ? json_stringn((const char *)b.p, b.len) : NULL;
}

static json_t *row_json(const struct report *r, struct db_stmt *s)
{
	json_t *o = json_object();

	for (int i = 0; r->columns[i].name; i++)
		json_object_set_new(o, r->columns[i].name,
				    r->columns[i].type == 'i' ? json_integer(db_int(s, i)) : text_json(db_text(s, i)));
	return o;
}

/* Tab-separated. */
static void row_text(const struct report *r, struct db_stmt *s)
{
	for (int i = 0; r->columns[i].name; i++) {
		if (i)
			putchar('\t');
		if (r->columns[i].type == 'i') {
			printf("%lld", (long long)db_int(s, i));
			continue;
		}
		command_text(db_text(s, i));
	}
	putchar('\n');
}

static void status_text(const struct report *r, struct db_stmt *s)
{
	for (int i = 0; r->columns[i].name; i++)
		printf("%-16s %lld\n", r->columns[i].name, (long long)db_int(s, i));
}

static enum err rows_print(const struct report *r, struct db_stmt *s, bool json, struct fail *f)
{
	bool row = true, status = !strcmp(r->name, "status");
	json_t *all = json ? json_array() : NULL, *top = NULL;
	enum err e = ERR_OK;

	for (int i = 0; !json && !status && r->columns[i].name; i++)
		printf("%s%s", i ? "\t" : "", r->columns[i].name);
	if (!json && !status)
		putchar('\n');
	while (!e) {
		e = db_next(s, &row, f);
		if (e || !row)
			break;
		if (json)
			json_array_append_new(all, row_json(r, s));
		else if (status)
			status_text(r, s);
		else
			row_text(r, s);
	}
	if (!e && json) {
		top = status ? json_incref(json_array_get(all, 0)) : json_pack("{s:O}", r->name, all);
		if (!top || json_dumpf(top, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) < 0)
			e = fail_set(f, ERR_NO_MEMORY, 0, "cannot write JSON");
		putchar('\n');
	}
	json_decref(top);
	json_decref(all);
	return e;
}

enum err report_print(struct db *d, const char *name, bool json, struct fail *f)
{
	const struct report *r = report_find(name);
	DB_STMT_AUTO *s = NULL;
	enum err e;

	if (!r)
		return fail_set(f, ERR_USAGE, 0, "unknown question %s", name);
	e = db_query(d, &s, f, r->sql, "");
	if (!e)
		e = rows_print(r, s, json, f);
	if (!e && fflush(stdout) != 0)
		e = fail_set(f, ERR_IO, 0, "cannot write");
	return e;
}
