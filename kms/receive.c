/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "notify.h"
#include "receive.h"
#include "sequence.h"
#include "sha256.h"

#define BATCH 256        /* rows in a transaction */
#define PAUSE_NS 1000000 /* between two: other writers get their turn */

static bool stopped(const struct receive *r)
{
	return r->stop && r->stop(r->arg);
}

enum err receive_verify(const struct receive *r, struct receive_file *ret, struct fail *f)
{
	struct keyfile_stream *s = NULL;
	struct receive_file file = { 0 };
	struct view record;
	bool more = true;
	enum err e;

	e = keyfile_open(r->fd, r->size_max, &s, f);
	while (!e && more)
		e = stopped(r) ? fail_set(f, ERR_BUSY, 0, "stopping") : keyfile_next(s, &record, &more, f);
	if (!e)
		e = keyfile_end(s, &file.sums, f);
	if (!e) {
		file.head = *keyfile_head(s);
		file.count = keyfile_count(s);
		*ret = file;
	}
	keyfile_close(s);
	return e;
}

/* The cursor of a reception: how many lines are stored, and a digest that chains them. */
struct cursor {
	int64_t id;
	size_t stored;
	char chain[65];
};

/* chain = SHA-256(chain | length | record) */
static enum err chain_on(char chain[65], struct view record, struct fail *f)
{
	BUF_AUTO b = { 0 };

	buf_put(&b, chain, strlen(chain));
	buf_put_lv(&b, record);
	if (!buf_ok(&b) || !sha256_hex(buf_view(&b), chain))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a record");
	return ERR_OK;
}

static enum err take_over(struct kms *k, struct cursor *c, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	enum err e;

	e = db_run(
	    k->db, f,
	    "UPDATE key_file SET owner = ?, claimed_until = ? WHERE id = ? AND whole = 0 AND state = 'importing' AND"
	    " stored = ? AND (owner = ? OR claimed_until < ?)",
	    "tiiiti", k->owner, now + IMPORT_CLAIM_S, c->id, (int64_t)c->stored, k->owner, now);
	if (!e && db_changes(k->db) != 1)
		e = fail_set(f, ERR_BUSY, 0, "another node receives it");
	return e;
}

/* Another content under this name: what came of the first, never whole, is refused, its rows go by and by. */
static enum err give_up(struct kms *k, int64_t id, struct fail *f)
{
	struct audit_entry entry = { .peer = "", .event = "key file", .code = reason_err(REASON_FILE_REPLACED) };
	char number[24];
	enum err e;

	snprintf(number, sizeof(number), "%lld", (long long)id);
	entry.object = number;
	entry.text = reason_text(REASON_FILE_REPLACED);
	e = db_run(k->db, f,
		   "UPDATE key_file SET state = 'refused', error = ?, done = ? WHERE id = ? AND whole = 0 AND"
		   " state = 'importing' AND (owner = ? OR claimed_until < ?)",
		   "tiiti", reason_text(REASON_FILE_REPLACED), (int64_t)time(NULL), id, k->owner, (int64_t)time(NULL));
	if (!e && db_changes(k->db) != 1)
		return fail_set(f, ERR_BUSY, 0, "another node receives it");
	if (!e)
		e = notify_file(k, id, f);
	return e ? e : audit_append(k->db, &entry, f);
}

/* The row of this file: a new one, or the one of a reception that goes on. */
static enum err begin_locked(struct kms *k, const struct import_in *in, struct cursor *ret, bool *ret_whole,
			     enum reason *ret_reason, struct fail *f)
{
	struct import_seen seen;
	enum err e = import_seen(k, in, &seen, f);

	if (!e && seen.id && seen.name && !seen.digest && seen.free) {
		e = give_up(k, seen.id, f);
		if (!e)
			e = import_seen(k, in, &seen, f);
	}
	if (e)
		return e;
	*ret = (struct cursor){ .id = seen.id };
	if (!seen.id)
		return import_row(k, in, "importing", false, REASON_NONE, &ret->id, f);
	if (!seen.name || !seen.digest || (seen.whole && seen.moved)) {
		*ret_reason = seen.name ? REASON_FILE_NAME : REASON_FILE_CONTENT;
		return ERR_OK;
	}
	*ret_whole = seen.whole;
	if (seen.whole)
		return ERR_OK;
	ret->stored = (size_t)seen.stored;
	snprintf(ret->chain, sizeof(ret->chain), "%s", seen.chain);
	return take_over(k, ret, f);
}

static enum err begin(struct kms *k, const struct import_in *in, struct cursor *ret, bool *ret_whole,
		      enum reason *ret_reason, struct fail *f)
{
	enum err e = db_begin(k->db, f);

	if (!e)
		e = begin_locked(k, in, ret, ret_whole, ret_reason, f);
	e = db_settle(k->db, e, f);
	return e == ERR_DUPLICATE ? ERR_BUSY : e;
}

/* What is behind the cursor goes on: the lines of an earlier life must be the ones that it stored. */
static enum err skip(struct keyfile_stream *s, const struct cursor *c, bool *ret_same, struct fail *f)
{
	char chain[65] = "";
	struct view record;
	bool more = true;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < c->stored && more; i++) {
		e = keyfile_next(s, &record, &more, f);
		if (!e && more)
			e = chain_on(chain, record, f);
	}
	*ret_same = more && !strcmp(chain, c->chain);
	return e;
}

static enum err batch(const struct receive *r, struct keyfile_stream *s, struct cursor *c, bool *ret_more,
		      struct fail *f)
{
	struct cursor next = *c;
	struct kms *k = r->k;
	struct view record;
	bool more = true;
	enum err e = db_begin(k->db, f);

	for (size_t i = 0; !e && i < BATCH; i++) {
		e = keyfile_next(s, &record, &more, f);
		if (e || !more)
			break;
		next.stored++;
		e = chain_on(next.chain, record, f);
		if (!e)
			e = db_run(k->db, f, "INSERT INTO key_source(file, line, record) VALUES(?, ?, ?)", "iib", c->id,
				   (int64_t)next.stored, record);
	}
	if (!e)
		e = db_run(k->db, f,
			   "UPDATE key_file SET stored = ?, chain = ?, claimed_until = ? WHERE id = ? AND owner = ? AND"
			   " stored = ? AND whole = 0 AND state = 'importing'",
			   "itiiti", (int64_t)next.stored, next.chain, (int64_t)time(NULL) + IMPORT_CLAIM_S, c->id,
			   k->owner, (int64_t)c->stored);
	if (!e && db_changes(k->db) != 1)
		e = fail_set(f, ERR_BUSY, 0, "another node receives it");
	e = db_settle(k->db, e, f);
	if (e)
		return e == ERR_DUPLICATE ? ERR_BUSY : e;
	*c = next;
	*ret_more = more;
	return ERR_OK;
}

static enum err finish(struct kms *k, const struct cursor *c, const struct import_in *in, const char *note,
		       struct fail *f)
{
	struct audit_entry entry = { .peer = in->sender, .event = "key file", .object = in->name };
	char text[300];
	enum err e = db_begin(k->db, f);

	snprintf(text, sizeof(text), "received from %s, %zu records%s%s", in->source, c->stored, *note ? "; " : "",
		 note);
	entry.text = text;
	if (!e)
		e = db_run(k->db, f,
			   "UPDATE key_file SET whole = 1, owner = '', claimed_until = 0 WHERE id = ? AND owner = ? AND"
			   " whole = 0 AND stored = records AND state = 'importing'",
			   "it", c->id, k->owner);
	if (!e && db_changes(k->db) != 1)
		e = fail_set(f, ERR_BUSY, 0, "another node receives it");
	if (!e)
		e = sequence_note(k, c->id, in, f);
	if (!e)
		e = audit_append(k->db, &entry, f);
	return db_settle(k->db, e, f);
}

static enum err changed(struct kms *k, const struct cursor *c, struct fail *f)
{
	enum err e = db_begin(k->db, f);

	if (!e)
		e = give_up(k, c->id, f);
	return db_settle(k->db, e, f);
}

/* *ret_same false: the file is not the one that was verified any more. */
static enum err copy(const struct receive *r, const struct receive_file *file, struct cursor *c, bool *ret_same,
		     struct fail *f)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	struct keyfile_stream *s = NULL;
	struct keyfile_sums sums;
	struct fail why = { 0 };
	bool more = true;
	enum err e;

	*ret_same = true;
	e = keyfile_open(r->fd, r->size_max, &s, &why);
	if (!e)
		e = skip(s, c, ret_same, &why);
	while (!e && *ret_same && more) {
		if (stopped(r))
			e = fail_set(&why, ERR_BUSY, 0, "stopping");
		else
			e = batch(r, s, c, &more, &why);
		if (!e && r->progress)
			r->progress(r->arg, c->stored, file->count);
		nanosleep(&pause, NULL);
	}
	if (!e && *ret_same)
		e = keyfile_end(s, &sums, &why);
	if (!e && *ret_same)
		*ret_same = c->stored == file->count && !strcmp(sums.sha256, file->sums.sha256);
	keyfile_close(s);
	if (e == ERR_BAD_DATA || e == ERR_TOO_LARGE) {
		*ret_same = false;
		return ERR_OK;
	}
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

enum err receive_store(const struct receive *r, const struct import_in *in, const struct receive_file *file,
		       const char *note, int64_t *ret_id, enum reason *ret_reason, struct fail *f)
{
	enum reason reason = REASON_NONE;
	struct cursor c = { 0 };
	bool whole = false, same = true;
	enum err e;

	e = begin(r->k, in, &c, &whole, &reason, f);
	if (!e && !reason && !whole) {
		e = copy(r, file, &c, &same, f);
		if (!e && same)
			e = finish(r->k, &c, in, note, f);
		else if (!e)
			e = changed(r->k, &c, f);
		if (!same)
			reason = REASON_FILE_FORM;
	}
	if (e)
		return e;
	*ret_reason = reason;
	*ret_id = c.id;
	return ERR_OK;
}

enum err receive_put_aside(struct kms *k, int64_t id, struct fail *f)
{
	return db_run(k->db, f, "UPDATE key_file SET moved = 1 WHERE id = ?", "i", id);
}

enum err receive_sweep(struct kms *k, bool *ret_more, struct fail *f)
{
	enum err e =
	    db_run(k->db, f,
		   "DELETE FROM key_source WHERE id IN (SELECT s.id FROM key_file k JOIN key_source s ON s.file ="
		   " k.id WHERE k.state = 'refused' AND k.whole = 0 ORDER BY s.id LIMIT 1000)",
		   "");

	*ret_more = !e && db_changes(k->db) > 0;
	return e;
}
