/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "fingerprint.h"
#include "notify.h"

#define BATCH 64
#define LINES_MAX 1000

static enum err put(struct kms *k, const char *kind, struct view serial, int64_t number,
		    const uint8_t value[OPS_FINGERPRINT_LEN], struct fail *f)
{
	char hex[2 * OPS_FINGERPRINT_LEN + 1];

	hex_encode(VIEW(value, OPS_FINGERPRINT_LEN), hex);
	return db_run(k->db, f,
		      "INSERT INTO key_fingerprint(kind, serial_number, number, fpk, fingerprint, made)"
		      " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(kind, serial_number, number) DO UPDATE SET"
		      " fpk = excluded.fpk, fingerprint = excluded.fingerprint, made = excluded.made",
		      "tvitti", kind, serial, number, k->fpk_check, hex, (int64_t)time(NULL));
}

enum err fingerprint_tk(struct kms *k, struct view serial, int64_t counter, const uint8_t tek[OPS_FINGERPRINT_LEN],
			const uint8_t auk[OPS_FINGERPRINT_LEN], struct fail *f)
{
	enum err e = put(k, "TEK", serial, counter, tek, f);

	return e ? e : put(k, "AUK", serial, counter, auk, f);
}

/* A line for each key of the file that stands somewhere else too; first: the serial number of the first one. */
static enum err duplicates(struct kms *k, int64_t file, struct buf *lines, struct buf *zh,
			   char first[FORMAT_POS_SERIAL_MAX + 1], size_t *ret_count, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	size_t count = 0;
	bool row = true;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT a.kind, a.serial_number, a.number, b.kind, b.serial_number, b.number FROM key_source r"
		     " JOIN key_fingerprint a ON a.serial_number = r.serial_number AND a.number = r.tk_counter"
		     " AND a.kind <> 'TMK' JOIN key_fingerprint b ON b.fingerprint = a.fingerprint AND b.fpk = a.fpk"
		     " WHERE r.file = ? AND r.flag = '" FLAG_IMPORTED "' AND NOT (a.kind = b.kind AND"
		     " a.serial_number = b.serial_number AND a.number = b.number) ORDER BY 2, 3, 1, 5, 6, 4 LIMIT ?",
		     "ii", file, (int64_t)LINES_MAX);
	while (!e && !(e = db_next(s, &row, f)) && row) {
		if (!count++)
			snprintf(first, FORMAT_POS_SERIAL_MAX + 1, "%s", db_text(s, 1));
		buf_printf(lines, "%s%s of %s, number %lld, is also %s of %s, number %lld", count > 1 ? "\n" : "",
			   db_text(s, 0), db_text(s, 1), (long long)db_int(s, 2), db_text(s, 3), db_text(s, 4),
			   (long long)db_int(s, 5));
		buf_printf(zh, "%s%s 的 %s(编号 %lld)与 %s 的 %s(编号 %lld)相同", count > 1 ? "\n" : "", db_text(s, 1),
			   db_text(s, 0), (long long)db_int(s, 2), db_text(s, 4), db_text(s, 3),
			   (long long)db_int(s, 5));
	}
	buf_put_u8(lines, 0);
	buf_put_u8(zh, 0);
	if (!e && (!buf_ok(lines) || !buf_ok(zh)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for duplicates");
	if (!e)
		*ret_count = count;
	return e;
}

enum err fingerprint_report(struct kms *k, int64_t file, struct fail *f)
{
	char serial[FORMAT_POS_SERIAL_MAX + 1], number[24], name[200] = "";
	struct audit_entry entry = { .peer = "", .event = "duplicate keys", .object = name, .code = ERR_DUPLICATE };
	const char *lines;
	DB_STMT_AUTO *s = NULL;
	BUF_AUTO text = { 0 };
	BUF_AUTO zh = { 0 };
	size_t count = 0;
	bool row = false;
	enum err e = duplicates(k, file, &text, &zh, serial, &count, f);

	if (e || !count)
		return e;
	lines = (const char *)text.p;
	e = db_query(k->db, &s, f, "SELECT name FROM key_file WHERE id = ?", "i", file);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && row)
		snprintf(name, sizeof(name), "%s", db_text(s, 0));
	db_end(s);
	s = NULL;
	snprintf(number, sizeof(number), "%zu", count);
	entry.text = lines;
	const struct template_value values[] = {
		{ "file", name, NULL },
		{ "serial", serial, NULL },
		{ "count", number, NULL },
		{ "detail", lines, (const char *)zh.p },
	};
	if (!e)
		e = audit_append(k->db, &entry, f);
	return e ? e : notify_event(k, TEMPLATE_DUPLICATE_KEY, file, values, ARRAY_LEN(values), f);
}

/* Random keys are never equal, unless the HSM's generator is broken. */
static enum err tmk_twice(struct kms *k, struct view serial, int64_t generation, struct fail *f)
{
	char name[FORMAT_POS_SERIAL_MAX + 1];
	static const char text[] = "a TMK that was just made is there already: kmsd duplicates names the terminals";
	struct audit_entry entry = { .event = "duplicate keys", .object = name, .code = ERR_DUPLICATE, .text = text };
	static const char zh[] = "刚生成的 TMK 已经存在:kmsd duplicates 列出相关终端";
	const struct template_value values[] = { { "serial", name, NULL },
						 { "count", "1", NULL },
						 { "detail", text, zh } };
	int64_t twice = 0;
	enum err e;

	snprintf(name, sizeof(name), "%.*s", (int)serial.n, (const char *)serial.p);
	e = db_one(k->db, &twice, f,
		   "SELECT count(*) FROM key_fingerprint a JOIN key_fingerprint b ON b.fingerprint = a.fingerprint AND"
		   " b.fpk = a.fpk WHERE a.kind = 'TMK' AND a.serial_number = ? AND a.number = ?",
		   "vi", serial, generation);
	if (e || twice < 2)
		return e;
	e = audit_append(k->db, &entry, f);
	return e ? e : notify_event(k, TEMPLATE_DUPLICATE_KEY, 0, values, ARRAY_LEN(values), f);
}

bool fingerprint_of_tmk(struct kms *k, struct view blob, uint8_t ret[OPS_FINGERPRINT_LEN])
{
	return k->fpk && !ops_tmk_fingerprint(k->ops, k->srk, blob, k->fpk, ret, NULL);
}

enum err fingerprint_tmk(struct kms *k, struct view serial, int64_t generation,
			 const uint8_t value[OPS_FINGERPRINT_LEN], struct fail *f)
{
	enum err e = put(k, "TMK", serial, generation, value, f);

	return e ? e : tmk_twice(k, serial, generation, f);
}

/* ---- what is missing ---- */

struct work {
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	int64_t number;
	struct buf bytes;
	uint8_t one[OPS_FINGERPRINT_LEN];
	uint8_t two[OPS_FINGERPRINT_LEN];
	bool made;
};

struct pass {
	struct kms *k;
	bool tmk;
	char serial[FORMAT_POS_SERIAL_MAX + 1]; /* behind this one */
	int64_t number;
	size_t count;
	size_t done, failed;
	struct work work[BATCH];
};

static const char tk_sql[] =
    "SELECT h.serial_number, h.tk_counter, h.record FROM key_history h WHERE (h.serial_number > ? OR"
    " (h.serial_number = ? AND h.tk_counter > ?)) AND NOT EXISTS(SELECT 1 FROM key_fingerprint p WHERE"
    " p.kind = 'AUK' AND p.serial_number = h.serial_number AND p.number = h.tk_counter AND p.fpk = ?)"
    " ORDER BY h.serial_number, h.tk_counter LIMIT 64";
static const char tmk_sql[] =
    "SELECT t.serial_number, t.generation, t.ciphertext FROM tmk t WHERE (t.serial_number > ? OR"
    " (t.serial_number = ? AND t.generation > ?)) AND NOT EXISTS(SELECT 1 FROM key_fingerprint p WHERE"
    " p.kind = 'TMK' AND p.serial_number = t.serial_number AND p.number = t.generation AND p.fpk = ?)"
    " ORDER BY t.serial_number, t.generation LIMIT 64";

static enum err work_read(struct pass *p, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e;

	e = db_query(p->k->db, &s, f, p->tmk ? tmk_sql : tk_sql, "ttit", p->serial, p->serial, p->number,
		     p->k->fpk_check);
	for (p->count = 0; !e && p->count < BATCH; p->count++) {
		struct work *w = &p->work[p->count];

		e = db_next(s, &row, f);
		if (e || !row)
			break;
		snprintf(w->serial, sizeof(w->serial), "%s", db_text(s, 0));
		w->number = db_int(s, 1);
		w->bytes.len = 0;
		buf_put_view(&w->bytes, db_blob(s, 2));
		if (!buf_ok(&w->bytes))
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for fingerprints");
	}
	return e;
}

static enum err work_ask(struct pass *p, struct work *w, struct fail *f)
{
	struct tk_record record;
	struct ops_tk tk = { 0 };
	enum err e;

	if (p->tmk)
		return ops_tmk_fingerprint(p->k->ops, p->k->srk, buf_view(&w->bytes), p->k->fpk, w->one, f);
	if (!tk_record_parse(buf_view(&w->bytes), &record) || !p->k->keys[record.suite].pk)
		return fail_set(f, ERR_BAD_DATA, 0, "record: form or suite");
	e = ops_tk_open_import(p->k->ops, &p->k->keys[record.suite], buf_view(&w->bytes), &tk, f);
	if (!e)
		e = ops_tk_fingerprints(p->k->ops, &tk, p->k->fpk, w->one, w->two, f);
	ops_tk_close(&tk);
	return e;
}

static enum err batch_ask(struct pass *p, struct fail *f)
{
	for (size_t i = 0; i < p->count; i++) {
		struct work *w = &p->work[i];
		struct fail why = { 0 };
		enum err e = work_ask(p, w, &why);

		w->made = !e;
		if (e && e != ERR_BAD_DATA)
			return fail_set(f, e, why.rv, "%s", why.text);
		if (e) {
			printf("failed\t%s\t", p->tmk ? "TMK" : "TK");
			command_text(w->serial);
			printf("\t%lld\t%s\n", (long long)w->number, why.text);
			p->failed++;
		}
	}
	return ERR_OK;
}

static enum err batch_write(struct pass *p, struct fail *f)
{
	enum err e = db_begin(p->k->db, f);

	for (size_t i = 0; !e && i < p->count; i++) {
		struct work *w = &p->work[i];
		struct view serial = view_of_string(w->serial);

		if (!w->made)
			continue;
		e = p->tmk ? put(p->k, "TMK", serial, w->number, w->one, f)
			   : fingerprint_tk(p->k, serial, w->number, w->one, w->two, f);
		p->done++;
	}
	return db_settle(p->k->db, e, f);
}

static enum err pass_run(struct kms *k, bool tmk, size_t *ret_done, size_t *ret_failed, struct fail *f)
{
	struct pass p = { .k = k, .tmk = tmk, .number = -1 };
	enum err e;

	do {
		e = work_read(&p, f);
		if (!e && p.count) {
			const struct work *last = &p.work[p.count - 1];

			memcpy(p.serial, last->serial, sizeof(p.serial));
			p.number = last->number;
			e = batch_ask(&p, f);
		}
		if (!e && p.count)
			e = batch_write(&p, f);
	} while (!e && p.count == BATCH);
	for (size_t i = 0; i < BATCH; i++)
		buf_done(&p.work[i].bytes);
	*ret_done += p.done;
	*ret_failed += p.failed;
	return e;
}

enum err fingerprint_all(struct kms *k, struct fail *f)
{
	size_t tk = 0, tmk = 0, failed = 0;
	enum err e;

	if (!k->fpk)
		return fail_set(f, ERR_CONFIG, 0, "[token] fpk: no fingerprint key");
	e = pass_run(k, false, &tk, &failed, f);
	if (!e)
		e = pass_run(k, true, &tmk, &failed, f);
	if (e)
		return e;
	printf("%zu TKs and %zu TMKs fingerprinted by %s, %zu failed\n", tk, tmk, k->fpk_check, failed);
	return failed ? fail_set(f, ERR_BAD_DATA, 0, "%zu keys cannot be opened", failed) : ERR_OK;
}
