/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dbcheck.h"
#include "working_key.h"

#define NEWEST 1000 /* rows of which the token is asked when not all are */
#define PAGE 200

/* A rule: its query answers, for every row that breaks it, one text that names the row. */
static const struct rule {
	const char *name;
	const char *text;
	const char *sql;
	const char *requirement;
} rules[] = {
	{ "source-file", "its key file is not there",
	  "SELECT 'key_source ' || s.id FROM key_source s LEFT JOIN key_file k ON k.id = s.file WHERE k.id IS NULL",
	  "R2.4" },
	{ "file-records", "a finished file has another number of records than it said",
	  "SELECT 'key_file ' || k.id FROM key_file k WHERE k.state = 'done' AND k.records <>"
	  " (SELECT count(*) FROM key_source s WHERE s.file = k.id)",
	  "R2.4" },
	{ "file-importing", "all its records are judged, but it is still importing",
	  "SELECT 'key_file ' || k.id FROM key_file k WHERE k.state = 'importing' AND k.whole = 1 AND"
	  " (SELECT count(*) FROM key_source s WHERE s.file = k.id AND s.flag <> '" FLAG_WAITING "') >= k.records",
	  "R2.4" },
	{ "file-done", "it is done, but records of it wait",
	  "SELECT 'key_file ' || k.id FROM key_file k WHERE k.state = 'done' AND EXISTS(SELECT 1 FROM key_source s"
	  " WHERE s.file = k.id AND s.flag = '" FLAG_WAITING "')",
	  "R2.4" },
	{ "file-notification", "it is over, but nobody was notified",
	  "SELECT 'key_file ' || k.id FROM key_file k WHERE k.state <> 'importing' AND NOT EXISTS"
	  "(SELECT 1 FROM notification n WHERE n.file = k.id)",
	  "R2.8" },
	{ "notification-file", "its key file is not there",
	  "SELECT 'notification ' || n.id FROM notification n LEFT JOIN key_file k ON k.id = n.file"
	  " WHERE n.file IS NOT NULL AND k.id IS NULL",
	  "R2.8" },
	{ "source-flag", "flag, error text and time do not go together",
	  "SELECT 'key_source ' || id FROM key_source WHERE (flag = '" FLAG_IMPORTED
	  "' AND (imported IS NULL OR serial_number IS NULL OR tk_counter IS NULL))"
	  " OR (flag <> '" FLAG_IMPORTED "' AND imported IS NOT NULL) OR (flag = '" FLAG_ERROR
	  "' AND coalesce(error, '') = '')",
	  "R2.5, R2.6" },
	{ "source-formal", "it was imported, but the formal table has no record so new",
	  "SELECT 'key_source ' || s.id FROM key_source s LEFT JOIN key_formal f ON f.serial_number = s.serial_number"
	  " WHERE s.flag = '" FLAG_IMPORTED "' AND (f.serial_number IS NULL OR f.tk_counter < s.tk_counter)",
	  "R2.5" },
	{ "formal-source", "its source is not there, was not imported, or is another record",
	  "SELECT 'key_formal ' || f.serial_number FROM key_formal f LEFT JOIN key_source s ON s.id = f.source"
	  " WHERE s.id IS NULL OR s.flag <> '" FLAG_IMPORTED
	  "' OR s.serial_number <> f.serial_number OR s.tk_counter <> f.tk_counter OR s.record <> f.record",
	  "R2.5, R2.6" },
	{ "formal-history", "the history has no such record, or a newer one",
	  "SELECT 'key_formal ' || f.serial_number FROM key_formal f WHERE NOT EXISTS(SELECT 1 FROM key_history h WHERE"
	  " h.serial_number = f.serial_number AND h.tk_counter = f.tk_counter AND h.source = f.source AND"
	  " h.record = f.record) OR EXISTS(SELECT 1 FROM key_history h WHERE h.serial_number = f.serial_number AND"
	  " h.tk_counter > f.tk_counter)",
	  "R2.5" },
	{ "history-source", "its source is not there",
	  "SELECT 'key_history ' || h.serial_number || ' ' || h.tk_counter FROM key_history h LEFT JOIN key_source s ON"
	  " s.id = h.source WHERE s.id IS NULL",
	  "R2.5" },
	{ "fingerprint-key", "a fingerprint of a key that is not in the tables",
	  "SELECT 'key_fingerprint ' || p.kind || ' ' || p.serial_number || ' ' || p.number FROM key_fingerprint p "
	  "WHERE"
	  " (p.kind = 'TMK' AND NOT EXISTS(SELECT 1 FROM tmk t WHERE t.serial_number = p.serial_number AND"
	  " t.generation = p.number)) OR (p.kind <> 'TMK' AND NOT EXISTS(SELECT 1 FROM key_history h WHERE"
	  " h.serial_number = p.serial_number AND h.tk_counter = p.number))",
	  "R2.5" },
	{ "sequence-file", "a delivery's number is that of another key file, or of none",
	  "SELECT 'delivery_sequence ' || q.dc || ' ' || q.sequence FROM delivery_sequence q LEFT JOIN key_file k ON"
	  " k.id = q.file WHERE k.id IS NULL OR coalesce(k.sequence, -1) <> q.sequence",
	  "R2.2" },
	{ "node-key", "keys of a node that is not there",
	  "SELECT DISTINCT 'node_key ' || y.node FROM node_key y LEFT JOIN node n ON n.name = y.node WHERE n.name IS "
	  "NULL",
	  "R1.3" },
	{ "tmk-terminal", "a TMK of a terminal that is not known",
	  "SELECT 'tmk ' || t.serial_number || ' ' || t.generation FROM tmk t LEFT JOIN key_formal f ON"
	  " f.serial_number = t.serial_number WHERE f.serial_number IS NULL",
	  "R1.12" },
	{ "tmk-generations", "generations are missing",
	  "SELECT 'tmk ' || serial_number FROM tmk GROUP BY serial_number HAVING max(generation) <> count(*)"
	  " OR min(generation) <> 1",
	  "R1.12" },
	{ "working-tmk", "working keys under a TMK that is not in the table, or of another type or length than that",
	  "SELECT 'working_key ' || w.serial_number || ' ' || w.generation || ' ' || w.kind FROM working_key w"
	  " LEFT JOIN tmk t ON t.serial_number = w.serial_number AND t.generation = w.tmk_generation"
	  " WHERE t.serial_number IS NULL OR t.type <> w.type OR t.length <> w.length",
	  "R1.12" },
	{ "working-pair", "a generation of working keys is not a PINKEY and a MACKEY of one fate",
	  "SELECT 'working_key ' || serial_number || ' ' || generation FROM working_key"
	  " GROUP BY serial_number, generation HAVING count(*) <> 2 OR min(confirmed) <> max(confirmed)"
	  " OR min(retired) <> max(retired) OR min(tmk_generation) <> max(tmk_generation)",
	  "R1.12" },
	{ "working-generations", "generations of working keys are missing",
	  "SELECT 'working_key ' || serial_number FROM working_key GROUP BY serial_number"
	  " HAVING max(generation) <> count(DISTINCT generation) OR min(generation) <> 1",
	  "R1.12" },
	{ "working-current", "working keys count, but a later generation or TMK was confirmed",
	  "SELECT 'working_key ' || w.serial_number || ' ' || w.generation || ' ' || w.kind FROM working_key w"
	  " WHERE w.retired = 0 AND (EXISTS(SELECT 1 FROM working_key l WHERE l.serial_number = w.serial_number AND"
	  " l.generation > w.generation AND l.confirmed > 0) OR EXISTS(SELECT 1 FROM tmk t WHERE"
	  " t.serial_number = w.serial_number AND t.generation > w.tmk_generation AND t.confirmed > 0))",
	  "R1.12" },
	{ "download-tmk", "the terminal confirmed a TMK that is not in the table, or has another check value there",
	  "SELECT 'download ' || d.id FROM download d LEFT JOIN tmk t ON t.serial_number = d.serial_number AND"
	  " t.generation = d.generation WHERE t.serial_number IS NULL OR t.check_value <> d.check_value OR"
	  " t.method <> d.method",
	  "R1.11" },
	{ "download-counter", "confirmed under a TK that is newer than the formal one",
	  "SELECT 'download ' || d.id FROM download d JOIN key_formal f ON f.serial_number = d.serial_number"
	  " WHERE d.tk_counter > f.tk_counter",
	  "R2.5" },
};

void finding_add(struct findings *n, const char *check, const char *object, const char *format, ...)
{
	char text[400];
	va_list args;
	size_t same = 0, i;
	json_t *one;

	n->count++;
	json_array_foreach(n->list, i, one) same += !strcmp(json_string_value(json_object_get(one, "check")), check);
	if (same >= FINDINGS_EACH)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(n->list, json_pack("{s:s, s:s, s:s}", "check", check, "object", object, "text", text));
}

static enum err rule_check(struct db *d, const struct rule *r, struct findings *n, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(d, &s, f, r->sql, "");

	n->checks++;
	while (!e && !(e = db_next(s, &row, f)) && row)
		finding_add(n, r->name, db_text(s, 0), "%s", r->text);
	return e;
}

static void engine_found(void *arg, const char *text)
{
	finding_add(arg, "engine", "", "%s", text);
}

enum err dbcheck_tables(struct db *d, struct findings *n, struct fail *f)
{
	enum err e = db_examine(d, engine_found, n, f);

	n->checks++;
	for (size_t i = 0; !e && i < ARRAY_LEN(rules); i++)
		e = rule_check(d, &rules[i], n, f);
	return e;
}

/* Of a row alone, or of the HSM as a whole? */
static bool of_row(enum err e)
{
	return e == ERR_BAD_DATA || e == ERR_REFUSED || e == ERR_KEY_MISSING;
}

static enum err formal_ask(struct kms *k, struct db_stmt *s, struct findings *n, struct fail *f)
{
	struct check_value tek, auk;
	struct tk_record record;
	struct ops_tk tk = { 0 };
	struct fail why = { 0 };
	const char *serial = db_text(s, 0);
	char tek_hex[CHECK_HEX], auk_hex[CHECK_HEX];
	enum err e;

	if (!tk_record_parse(db_blob(s, 1), &record) || !view_equal(record.pos_serial, view_of_string(serial)) ||
	    !view_equal(record.customer, view_of_string(k->customer)) || !k->keys[record.suite].pk) {
		finding_add(n, "formal-record", serial, "not a record of this terminal, of %s, in a suite with keys",
			    k->customer);
		return ERR_OK;
	}
	e = ops_tk_open(k->ops, &k->keys[record.suite], db_blob(s, 1), &tk, &why);
	if (!e)
		e = ops_tk_check_values(k->ops, &tk, &tek, &auk, &why);
	ops_tk_close(&tk);
	if (of_row(e)) {
		finding_add(n, "formal-record", serial, "PK and MAK of the token do not open it: %s", why.text);
		return ERR_OK;
	}
	if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	check_hex(&tek, tek_hex);
	check_hex(&auk, auk_hex);
	if (strcmp(tek_hex, db_text(s, 2)) != 0 || strcmp(auk_hex, db_text(s, 3)) != 0)
		finding_add(n, "formal-check", serial, "check values %s and %s in the row, %s and %s in the HSM",
			    db_text(s, 2), db_text(s, 3), tek_hex, auk_hex);
	return ERR_OK;
}

static enum err tmk_ask(struct kms *k, struct db_stmt *s, struct findings *n, struct fail *f)
{
	struct check_value check = { 0 };
	struct fail why = { 0 };
	char object[80], hex[CHECK_HEX];
	enum err e = ops_tmk_check(k->ops, k->srk, db_blob(s, 1), &check, &why);

	snprintf(object, sizeof(object), "%.40s %lld", db_text(s, 0), (long long)db_int(s, 4));
	if (of_row(e)) {
		finding_add(n, "tmk-ciphertext", object, "the storage key of the token does not open it: %s", why.text);
		return ERR_OK;
	}
	if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	check_hex(&check, hex);
	if (strcmp(hex, db_text(s, 2)) != 0 || check.method != db_int(s, 3))
		finding_add(n, "tmk-check", object, "check value %s in the row, %s in the HSM", db_text(s, 2), hex);
	return ERR_OK;
}

/* The number of a working key among those of its terminal: two a generation. */
#define WORKING_NUMBER "generation * 2 + CASE kind WHEN 'MACKEY' THEN 1 ELSE 0 END"

static enum err working_ask(struct kms *k, struct db_stmt *s, struct findings *n, struct fail *f)
{
	enum wk_kind kind = db_int(s, 4) % 2 ? WK_MACKEY : WK_PINKEY;
	struct check_value check = { 0 };
	struct fail why = { 0 };
	char object[80], hex[CHECK_HEX];
	enum err e = ops_wk_check(k->ops, k->srk, kind, db_blob(s, 1), &check, &why);

	snprintf(object, sizeof(object), "%.40s %lld %s", db_text(s, 0), (long long)db_int(s, 4) / 2,
		 working_kind(kind));
	if (of_row(e)) {
		finding_add(n, "working-ciphertext", object, "the storage key of the token does not open it: %s",
			    why.text);
		return ERR_OK;
	}
	if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	check_hex(&check, hex);
	if (strcmp(hex, db_text(s, 2)) != 0 || check.method != db_int(s, 3))
		finding_add(n, "working-check", object, "check value %s in the row, %s in the HSM", db_text(s, 2), hex);
	return ERR_OK;
}

/* The tables page by page; a second key have TMKs and working keys. */
static const struct asked {
	const char *newest;
	const char *page; /* after a serial number and a generation */
	enum err (*ask)(struct kms *k, struct db_stmt *s, struct findings *n, struct fail *f);
} askeds[] = {
	{ "SELECT serial_number, record, tek_check_value, auk_check_value, 0 FROM key_formal"
	  " ORDER BY imported DESC, serial_number LIMIT ?",
	  "SELECT serial_number, record, tek_check_value, auk_check_value, 0 FROM key_formal"
	  " WHERE serial_number > ? OR (serial_number = ? AND 0 > CAST(? AS BIGINT)) ORDER BY serial_number LIMIT ?",
	  formal_ask },
	{ "SELECT serial_number, ciphertext, check_value, method, generation FROM tmk"
	  " ORDER BY made DESC, serial_number, generation LIMIT ?",
	  "SELECT serial_number, ciphertext, check_value, method, generation FROM tmk"
	  " WHERE serial_number > ? OR (serial_number = ? AND generation > ?) ORDER BY serial_number, generation LIMIT "
	  "?",
	  tmk_ask },
	{ "SELECT serial_number, ciphertext, check_value, method, " WORKING_NUMBER " FROM working_key"
	  " ORDER BY made DESC, serial_number, generation, kind LIMIT ?",
	  "SELECT serial_number, ciphertext, check_value, method, " WORKING_NUMBER " FROM working_key"
	  " WHERE serial_number > ? OR (serial_number = ? AND " WORKING_NUMBER
	  " > ?) ORDER BY serial_number, " WORKING_NUMBER " LIMIT ?",
	  working_ask },
};

static enum err page_ask(struct kms *k, const struct asked *a, bool all, char serial[64], int64_t *generation,
			 int64_t *ret_rows, struct findings *n, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = all ? db_query(k->db, &s, f, a->page, "ttii", serial, serial, *generation, (int64_t)PAGE)
			 : db_query(k->db, &s, f, a->newest, "i", (int64_t)NEWEST);

	*ret_rows = 0;
	while (!e && !(e = db_next(s, &row, f)) && row) {
		e = a->ask(k, s, n, f);
		++*ret_rows;
		if (!all)
			continue;
		snprintf(serial, 64, "%s", db_text(s, 0));
		*generation = db_int(s, 4);
	}
	n->rows += *ret_rows;
	return e;
}

enum err dbcheck_token(struct kms *k, bool all, struct findings *n, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < ARRAY_LEN(askeds); i++) {
		char serial[64] = "";
		int64_t generation = 0, rows = 0;

		n->checks += 2;
		do
			e = page_ask(k, &askeds[i], all, serial, &generation, &rows, n, f);
		while (!e && all && rows == PAGE);
	}
	return e;
}
