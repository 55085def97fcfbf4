/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "import.h"
#include "notify.h"
#include "sequence.h"

static const char *text_or(const char *text)
{
	return text ? text : "";
}

/* A file's name is one for all; a delivery's number is one of its sender, so that no DC can take those of another. */
enum err import_seen(struct kms *k, const struct import_in *in, struct import_seen *ret, struct fail *f)
{
	bool file = !strcmp(in->kind, "file"), row = false;
	struct import_seen seen = { 0 };
	DB_STMT_AUTO *s = NULL;
	enum err e;

	e = db_query(
	    k->db, &s, f,
	    "SELECT id, name, digest, whole, moved, stored, chain, CASE WHEN owner = ? OR claimed_until < ? THEN 1"
	    " ELSE 0 END, CASE WHEN name = ? AND kind = ? THEN 0 ELSE 1 END FROM key_file"
	    " WHERE state <> 'refused' AND ((kind = ? AND name = ? AND (? = 'file' OR sender = ?)) OR"
	    " (kind = 'file' AND ? = 'file' AND digest = ?)) ORDER BY 9, id",
	    "titttttttt", k->owner, (int64_t)time(NULL), in->name, in->kind, in->kind, in->name, in->kind, in->sender,
	    in->kind, in->digest);
	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (row) {
		seen.id = db_int(s, 0);
		seen.name = db_int(s, 8) == 0;
		seen.digest = !strcmp(db_text(s, 2), in->digest);
		seen.whole = db_int(s, 3) != 0;
		seen.moved = !file || db_int(s, 4) != 0;
		seen.free = !seen.whole && db_int(s, 7) != 0;
		seen.stored = db_int(s, 5);
		snprintf(seen.chain, sizeof(seen.chain), "%s", db_text(s, 6));
	}
	*ret = seen;
	return ERR_OK;
}

enum err import_row(struct kms *k, const struct import_in *in, const char *state, bool whole, enum reason reason,
		    int64_t *ret_id, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	struct fail why = { 0 };
	enum err e;

	e = db_one(k->db, ret_id, &why,
		   "INSERT INTO key_file(kind, name, digest, sender, received, records, state, error, source, dc,"
		   " sequence, production_order, whole, stored, owner, claimed_until, done)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(nullif(?, 0) AS BIGINT), ?, ?, ?, ?, ?, ?)"
		   " ON CONFLICT DO NOTHING RETURNING id",
		   "ttttiitttt"
		   "itiitii",
		   in->kind, in->name, in->digest, in->sender, now, (int64_t)in->count, state,
		   reason ? reason_text(reason) : NULL, text_or(in->source), text_or(in->dc), (int64_t)in->sequence,
		   text_or(in->order), (int64_t)whole, whole ? (int64_t)in->count : (int64_t)0, whole ? "" : k->owner,
		   whole ? (int64_t)0 : now + IMPORT_CLAIM_S, reason ? now : (int64_t)0);
	if (e == ERR_NOT_FOUND)
		return fail_set(f, ERR_DUPLICATE, 0, "%s: somebody else was faster", in->name);
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

static enum err store_locked(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
			     struct fail *f)
{
	struct import_seen seen;
	int64_t id = 0;
	enum err e;

	e = import_seen(k, in, &seen, f);
	if (!e && seen.id && seen.digest) {
		*ret_id = seen.id;
		*ret_reason = REASON_NONE;
		return fail_set(f, ERR_DUPLICATE, 0, "delivery %s was received before", in->name);
	}
	if (!e && seen.id) {
		*ret_reason = REASON_DELIVERY_CHANGED;
		return fail_set(f, reason_err(*ret_reason), 0, "%s: %s", in->name, reason_text(*ret_reason));
	}
	if (!e)
		e = import_row(k, in, "importing", true, REASON_NONE, &id, f);
	for (size_t i = 0; !e && i < in->count; i++) {
		struct view r = in->records[i].n ? in->records[i] : VIEW("", 0);

		e = db_run(k->db, f, "INSERT INTO key_source(file, line, record) VALUES(?, ?, ?)", "iib", id,
			   (int64_t)i + 1, r);
	}
	if (!e)
		e = sequence_note(k, id, in, f);
	if (!e)
		e = db_commit(k->db, f);
	if (!e)
		*ret_id = id;
	/* Two connections of one DC with the same delivery: the second is asked to come again, and then it is known. */
	return e == ERR_DUPLICATE ? ERR_BUSY : e;
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

enum err import_refuse(struct kms *k, const struct import_in *in, enum reason reason, const char *detail,
		       int64_t *ret_id, struct fail *f)
{
	struct audit_entry entry = { .peer = in->sender, .event = "key file", .object = in->name };
	char text[400];
	int64_t id = 0;
	enum err e;

	snprintf(text, sizeof(text), "%s: %s%s%s", reason_word(reason), reason_text(reason), *detail ? "; " : "",
		 detail);
	entry.code = reason_err(reason);
	entry.text = text;
	e = db_begin(k->db, f);
	if (!e)
		e = import_row(k, in, "refused", true, reason, &id, f);
	if (!e)
		e = notify_file(k, id, f);
	if (!e)
		e = audit_append(k->db, &entry, f);
	e = db_settle(k->db, e, f);
	if (!e)
		*ret_id = id;
	return e;
}
