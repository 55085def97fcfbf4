/* SPDX-License-Identifier: BSD-2-Clause */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "import.h"
#include "log.h"
#include "notify.h"

#define SLICE 16 /* rows per turn of the event loop */
#define RETRY_S 1

/* A file's name is one for all; a delivery's number is one of its sender, so that no DC can take those of another. */
static enum err seen_before(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
			    struct fail *f)
{
	bool file = !strcmp(in->kind, "file"), row;
	DB_STMT_AUTO *s = NULL;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT id, digest = ?, name = ? AND kind = ? FROM key_file WHERE state <> 'refused' AND "
		     "((kind = ? AND name = ? AND (? = 'file' OR sender = ?)) OR"
		     " (kind = 'file' AND ? = 'file' AND digest = ?)) ORDER BY 3 DESC",
		     "ttttttttt", in->digest, in->name, in->kind, in->kind, in->name, in->kind, in->sender, in->kind,
		     in->digest);
	if (!e)
		e = db_next(s, &row, f);
	if (e || !row)
		return e;
	if (!file && db_int(s, 1)) {
		*ret_id = db_int(s, 0);
		*ret_reason = REASON_NONE;
		return fail_set(f, ERR_DUPLICATE, 0, "delivery %s was received before", in->name);
	}
	if (!file)
		*ret_reason = REASON_DELIVERY_CHANGED;
	else
		*ret_reason = db_int(s, 2) ? REASON_FILE_NAME : REASON_FILE_CONTENT;
	return fail_set(f, reason_err(*ret_reason), 0, "%s: %s", in->name, reason_text(*ret_reason));
}

static enum err file_put(struct kms *k, const struct import_in *in, const char *state, enum reason reason,
			 int64_t *ret_id, struct fail *f)
{
	return db_one(k->db, ret_id, f,
		      "INSERT INTO key_file(kind, name, digest, sender, received, records, state, error)"
		      " VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
		      "ttttiitt", in->kind, in->name, in->digest, in->sender, (int64_t)time(NULL), (int64_t)in->count,
		      state, reason ? reason_text(reason) : NULL);
}

static enum err store_locked(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
			     struct fail *f)
{
	int64_t id;
	enum err e;

	e = seen_before(k, in, ret_id, ret_reason, f);
	if (!e)
		e = file_put(k, in, "importing", REASON_NONE, &id, f);
	if (e)
		return e;
	for (size_t i = 0; !e && i < in->count; i++) {
		struct view r = in->records[i].n ? in->records[i] : VIEW("", 0);

		e = db_run(k->db, f, "INSERT INTO key_source(file, line, record) VALUES(?, ?, ?)", "iib", id,
			   (int64_t)i + 1, r);
	}
	if (!e)
		e = db_commit(k->db, f);
	if (!e)
		*ret_id = id;
	return e;
}

enum err import_store(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
		      struct fail *f)
{
	enum reason reason = REASON_DB;
	enum err e;

	e = db_begin(k->db, f);
	if (!e)
		e = store_locked(k, in, ret_id, &reason, f);
	db_rollback(k->db);
	if (e)
		*ret_reason = reason;
	return e;
}

enum err import_seen(struct kms *k, const struct import_in *in, enum reason *ret, struct fail *f)
{
	struct fail why = { 0 };
	enum reason reason = REASON_DB;
	int64_t id;
	enum err e;

	e = seen_before(k, in, &id, &reason, &why);
	if (e && reason == REASON_DB)
		return fail_set(f, e, why.rv, "%s", why.text);
	*ret = e ? reason : REASON_NONE;
	return ERR_OK;
}

enum err import_refuse(struct kms *k, const struct import_in *in, enum reason reason, const char *detail,
		       struct fail *f)
{
	struct audit_entry entry = { .peer = in->sender, .event = "key file", .object = in->name };
	char text[400];
	int64_t id;
	enum err e;

	snprintf(text, sizeof(text), "%s: %s%s%s", reason_word(reason), reason_text(reason), *detail ? "; " : "",
		 detail);
	entry.code = reason_err(reason);
	entry.text = text;
	e = db_begin(k->db, f);
	if (!e)
		e = file_put(k, in, "refused", reason, &id, f);
	if (!e)
		e = notify_file(k, id, f);
	if (!e)
		e = audit_append(k->db, &entry, f);
	if (!e)
		e = db_commit(k->db, f);
	db_rollback(k->db);
	return e;
}

/* One row of key_source on its way. */
struct row {
	int64_t id;
	int64_t file;
	struct buf bytes;
	struct tk_record record; /* views into bytes; pos_serial empty while the form is unknown */
	struct check_value tek;
	struct check_value auk;
	bool no_hsm; /* the HSM could not say; nothing of this row was written */
};

static enum err next_row(struct kms *k, struct row *r, bool *ret_row, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e;

	e = db_query(
	    k->db, &s, f,
	    "SELECT id, file, record FROM key_source WHERE flag = '" FLAG_WAITING "' ORDER BY file, line LIMIT 1", "");
	if (!e)
		e = db_next(s, ret_row, f);
	if (e || !*ret_row)
		return e;
	r->id = db_int(s, 0);
	r->file = db_int(s, 1);
	buf_put_view(&r->bytes, db_blob(s, 2));
	return buf_ok(&r->bytes) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a record");
}

static enum err counter_ok(struct kms *k, const struct tk_record *record, bool *ret, struct fail *f)
{
	int64_t stored;
	enum err e;

	e = db_one(k->db, &stored, f, "SELECT coalesce(max(tk_counter), -1) FROM key_formal WHERE serial_number = ?",
		   "v", record->pos_serial);
	if (!e)
		*ret = (int64_t)record->counter > stored;
	return e;
}

/* The HSM's verdict. An error that only this record makes is a bad record; one that every call makes stops the import.
 */
static enum err ask_hsm(struct kms *k, struct row *r, enum reason *ret, struct fail *f)
{
	struct ops_tk tk = { 0 };
	struct fail why = { 0 };
	uint8_t probe[1];
	enum err e;

	e = ops_tk_open(k->ops, &k->keys[r->record.suite], buf_view(&r->bytes), &tk, &why);
	if (!e)
		e = ops_tk_check_values(k->ops, &tk, &r->tek, &r->auk, &why);
	ops_tk_close(&tk);
	*ret = REASON_NONE;
	if (e == ERR_BAD_DATA || e == ERR_REFUSED) {
		*ret = REASON_RECORD;
		return ERR_OK;
	}
	if (e == ERR_TOKEN && !ops_random(k->ops, probe, sizeof(probe), NULL)) {
		*ret = REASON_HSM;
		return ERR_OK;
	}
	r->no_hsm = e != ERR_OK;
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

static enum err judge(struct kms *k, struct row *r, enum reason *ret, struct fail *f)
{
	bool newer = false;
	enum err e;

	*ret = REASON_FORM;
	if (!tk_record_parse(buf_view(&r->bytes), &r->record)) {
		memset(&r->record, 0, sizeof(r->record));
		return ERR_OK;
	}
	if (!r->record.has_imported || r->record.counter > COUNTER_MAX)
		return ERR_OK;
	*ret = REASON_OTHER_KMS;
	if (!view_equal(r->record.customer, view_of_string(k->customer)))
		return ERR_OK;
	*ret = REASON_SUITE;
	if (!k->keys[r->record.suite].pk)
		return ERR_OK;
	*ret = REASON_COUNTER;
	e = counter_ok(k, &r->record, &newer, f);
	if (e || !newer)
		return e;
	return ask_hsm(k, r, ret, f);
}

static enum err formal_put(struct kms *k, const struct row *r, struct fail *f)
{
	char tek[CHECK_HEX], auk[CHECK_HEX];

	check_hex(&r->tek, tek);
	check_hex(&r->auk, auk);
	return db_run(k->db, f,
		      "INSERT INTO key_formal(serial_number, pin_pad, tk_counter, suite, handshake, record,"
		      " tek_method, tek_check_value, auk_method, auk_check_value, source, imported)"
		      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(serial_number) DO UPDATE SET"
		      " pin_pad = excluded.pin_pad, tk_counter = excluded.tk_counter, suite = excluded.suite,"
		      " handshake = excluded.handshake, record = excluded.record, tek_method = excluded.tek_method,"
		      " tek_check_value = excluded.tek_check_value, auk_method = excluded.auk_method,"
		      " auk_check_value = excluded.auk_check_value, source = excluded.source,"
		      " imported = excluded.imported",
		      "vviiibititii", r->record.pos_serial, r->record.pin_pad.n ? r->record.pin_pad : VIEW("", 0),
		      (int64_t)r->record.counter, (int64_t)r->record.suite, (int64_t)r->record.handshake,
		      buf_view(&r->bytes), (int64_t)r->tek.method, tek, (int64_t)r->auk.method, auk, r->id,
		      (int64_t)time(NULL));
}

static enum err flag_put(struct kms *k, const struct row *r, enum reason reason, struct fail *f)
{
	struct view serial = r->record.pos_serial;
	int64_t counter = (int64_t)(r->record.counter > COUNTER_MAX ? COUNTER_MAX : r->record.counter);

	if (!serial.n)
		return db_run(k->db, f, "UPDATE key_source SET flag = '" FLAG_ERROR "', error = ? WHERE id = ?", "ti",
			      reason_text(reason), r->id);
	if (reason)
		return db_run(k->db, f,
			      "UPDATE key_source SET flag = '" FLAG_ERROR
			      "', error = ?, serial_number = ?, tk_counter = ? WHERE id = ?",
			      "tvii", reason_text(reason), serial, counter, r->id);
	return db_run(k->db, f,
		      "UPDATE key_source SET flag = '" FLAG_IMPORTED
		      "', serial_number = ?, tk_counter = ?, imported = ? WHERE id = ?",
		      "viii", serial, counter, (int64_t)time(NULL), r->id);
}

/* The last row of a file: its state, its notification, its audit entry. */
static enum err file_end(struct kms *k, int64_t file, struct fail *f)
{
	int64_t left;
	enum err e;

	e = db_one(k->db, &left, f,
		   "SELECT EXISTS(SELECT 1 FROM key_source WHERE file = ? AND flag = '" FLAG_WAITING "')", "i", file);
	if (e || left)
		return e;
	e = db_run(k->db, f, "UPDATE key_file SET state = 'done' WHERE id = ?", "i", file);
	if (!e)
		e = notify_file(k, file, f);
	if (!e)
		e = notify_audit(k, file, f);
	return e;
}

static enum err import_row(struct kms *k, bool *ret_row, bool *ret_no_hsm, struct fail *f)
{
	struct row r = { 0 };
	enum reason reason;
	enum err e;

	e = next_row(k, &r, ret_row, f);
	if (e || !*ret_row)
		goto out;
	e = judge(k, &r, &reason, f);
	if (!e && !reason)
		e = formal_put(k, &r, f);
	if (!e)
		e = flag_put(k, &r, reason, f);
	if (!e)
		e = file_end(k, r.file, f);
	*ret_no_hsm = r.no_hsm;
out:
	buf_done(&r.bytes);
	return e;
}

enum err import_slice(struct kms *k, unsigned most, bool *ret_more, struct fail *f)
{
	struct fail why = { 0 };
	bool row = true, no_hsm = false;
	enum err e, stopped = ERR_OK;

	e = db_begin(k->db, &why);
	for (unsigned done = 0; !e && row && done < most; done++)
		e = import_row(k, &row, &no_hsm, &why);
	if (e && no_hsm) {
		stopped = e;
		e = ERR_OK;
	}
	if (!e)
		e = db_commit(k->db, &why);
	db_rollback(k->db);
	if (e || stopped)
		return fail_set(f, e ? e : stopped, why.rv, "%s", why.text);
	*ret_more = row;
	return ERR_OK;
}

static void import_turn(evutil_socket_t fd, short what, void *arg)
{
	struct kms *k = arg;
	struct timeval soon = { 0, 0 }, later = { RETRY_S, 0 };
	struct fail f = { 0 };
	bool more = false;

	if (import_slice(k, SLICE, &more, &f)) {
		if (!k->import_stuck)
			log_line(LOG_LEVEL_ERROR, "import", "import waits: %s", f.text);
		k->import_stuck = true;
		event_add(k->import_event, &later);
		return;
	}
	if (k->import_stuck)
		log_line(LOG_LEVEL_INFO, "import", "import goes on");
	k->import_stuck = false;
	if (more)
		event_add(k->import_event, &soon);
}

enum err import_start(struct kms *k, struct fail *f)
{
	k->import_event = evtimer_new(k->base, import_turn, k);
	if (!k->import_event)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for the import event");
	import_kick(k);
	return ERR_OK;
}

void import_kick(struct kms *k)
{
	struct timeval soon = { 0, 0 };

	event_add(k->import_event, &soon);
}

void import_stop(struct kms *k)
{
	if (k->import_event)
		event_free(k->import_event);
	k->import_event = NULL;
}
