/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "device.h"
#include "formats.h"
#include "keyfile.h"
#include "mtms.h"
#include "sha256.h"

#define CHUNK 32
#define CLAIM_S 120 /* a claim of a process that is gone ends by itself after this */

/* One waiting terminal on its way through HSM 1. */
struct job {
	int64_t id;
	size_t position;
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	uint8_t packet[FORMAT_PACKET_MAX];
	size_t packet_len;
	struct buf record;
	struct fail fail; /* code ERR_OK: record is there */
};

struct work {
	struct rewrapper *worker;
	struct mtms *m;
	struct db *db;
	int64_t batch;
	char batch_id[65];
	char sha256[65];
	int64_t received;
	struct buf cms;
	const struct customer *customer;
	struct batch_content content;
	struct job jobs[CHUNK];
	size_t count;
};

/* The oldest received batch above this number. */
static enum err next_batch(struct work *w, int64_t after, bool *ret_found, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(w->db, &s, f,
		     "SELECT number, batch_id, content_sha256, cms, customer, received FROM batch JOIN production_order"
		     " USING (order_id) WHERE batch.state = 'received' AND number > ? ORDER BY number LIMIT 1",
		     "i", after);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	*ret_found = row;
	if (!row)
		return ERR_OK;
	w->batch = db_int(s, 0);
	snprintf(w->batch_id, sizeof(w->batch_id), "%s", db_text(s, 1));
	snprintf(w->sha256, sizeof(w->sha256), "%s", db_text(s, 2));
	w->received = db_int(s, 5);
	buf_put_view(&w->cms, db_blob(s, 3));
	if (!buf_ok(&w->cms))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	w->customer = mtms_customer(w->m, db_text(s, 4));
	return w->customer ? ERR_OK : fail_set(f, ERR_CONFIG, 0, "customer %s is not configured", db_text(s, 4));
}

#define CLAIMABLE                                                                                                      \
	"batch = ? AND state = 'waiting' AND superseded_by IS NULL AND (claimed_until IS NULL OR claimed_until < ?)"

/* Takes the next terminals of the batch for this worker; none: the others have them, or all is done. */
static enum err claim(struct work *w, struct fail *f)
{
	int64_t now = time(NULL), left = 0;
	enum err e;

	do {
		e = db_run(w->db, f,
			   "UPDATE sn_key SET claimed_by = ?, claimed_worker = ?, claimed_until = ? WHERE " CLAIMABLE
			   " AND id IN (SELECT id FROM sn_key WHERE " CLAIMABLE " ORDER BY position LIMIT ?)",
			   "tiiiiiii", w->m->name, w->worker->number, now + CLAIM_S, w->batch, now, w->batch, now,
			   (int64_t)CHUNK);
		if (e || db_changes(w->db))
			return e;
		/* Another machine's worker was faster with these very rows; there may be more. */
		e = db_one(w->db, &left, f, "SELECT count(*) FROM sn_key WHERE " CLAIMABLE, "ii", w->batch, now);
	} while (!e && left);
	return e;
}

/* What this worker had claimed and did not finish. */
static enum err release(struct work *w, struct fail *f)
{
	return db_run(w->db, f,
		      "UPDATE sn_key SET claimed_by = NULL, claimed_worker = NULL, claimed_until = NULL"
		      " WHERE batch = ? AND state = 'waiting' AND claimed_by = ? AND claimed_worker = ?",
		      "iti", w->batch, w->m->name, w->worker->number);
}

static enum err load_jobs(struct work *w, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	w->count = 0;
	e = claim(w, f);
	if (!e)
		e = db_query(
		    w->db, &s, f,
		    "SELECT id, position, serial, packet FROM sn_key WHERE batch = ? AND state = 'waiting' AND"
		    " superseded_by IS NULL AND claimed_by = ? AND claimed_worker = ? ORDER BY position LIMIT ?",
		    "itii", w->batch, w->m->name, w->worker->number, (int64_t)CHUNK);
	while (!e && !(e = db_next(s, &row, f)) && row) {
		struct job *j = &w->jobs[w->count++];
		struct view packet = db_blob(s, 3);

		memset(j, 0, sizeof(*j));
		j->id = db_int(s, 0);
		j->position = (size_t)db_int(s, 1);
		snprintf(j->serial, sizeof(j->serial), "%s", db_text(s, 2));
		if (packet.n <= sizeof(j->packet)) {
			memcpy(j->packet, packet.p, packet.n);
			j->packet_len = packet.n;
		}
	}
	return e;
}

/* Answers of HSM 1 that are about the request and stay the same at the next try; all others are about HSM 1. */
static bool hopeless(const struct fail *f)
{
	static const CK_RV answers[] = {
		CKR_ARGUMENTS_BAD,         CKR_MECHANISM_INVALID,      CKR_MECHANISM_PARAM_INVALID,
		CKR_WRAPPED_KEY_INVALID,   CKR_WRAPPED_KEY_LEN_RANGE,  CKR_DATA_INVALID,
		CKR_DATA_LEN_RANGE,        CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
		CKR_TEMPLATE_INCONSISTENT, CKR_KEY_SIZE_RANGE
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (f->code == ERR_TOKEN && f->rv == answers[i])
			return true;
	return f->code == ERR_BAD_DATA;
}

/*
 * Re-wraps one terminal. What goes into HSM 1 is what the operator signed; the row must still agree with it. Answers an
 * error only when the fault is ours (token, key, memory) and the same call may succeed later.
 */
static enum err run_job(struct work *w, struct job *j, struct fail *f)
{
	const struct batch_terminal *list = w->content.terminals.items;
	const struct batch_terminal *t = j->position < w->content.terminals.count ? &list[j->position] : NULL;
	struct ops_rewrap_in in = { .pk = w->customer->pk, .mak = w->customer->mak };
	struct tk_packet packet;
	enum err e;

	if (!t || !view_equal(t->packet, VIEW(j->packet, j->packet_len)) ||
	    !view_equal(t->serial, view_of_string(j->serial)) || !tk_packet_parse(t->packet, &packet)) {
		fail_set(&j->fail, ERR_BAD_DATA, 0, "sn_key differs from what the operator signed");
		return ERR_OK;
	}
	in.packet = t->packet;
	in.collected = t->collected;
	in.customer = view_of_string(w->customer->id);
	e = pr_of_certificate(w->worker, packet.cert_serial, &in.pr, f);
	if (e)
		return e;
	e = ops_rewrap(w->m->ops, &in, &j->record, &j->fail);
	if (!e && !buf_ok(&j->record))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (e && !hopeless(&j->fail)) {
		*f = j->fail;
		return e;
	}
	return ERR_OK;
}

/* Only what is still ours and still waits: a claim that ran out, or a newer TK, makes this result nobody's. */
#define MINE " WHERE id = ? AND state = 'waiting' AND superseded_by IS NULL AND claimed_by = ? AND claimed_worker = ?"

static enum err store_job(struct work *w, struct job *j, struct fail *f)
{
	struct audit_entry entry = { NULL, "re-wrap", j->serial, j->fail.code, j->fail.text };
	const char *why = j->fail.code ? j->fail.text : NULL;
	int64_t now = time(NULL);
	char sha256[65];
	enum err e;

	if (!why && !sha256_hex(buf_view(&j->record), sha256))
		return fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	if (why)
		e = db_run(w->db, f, "UPDATE sn_key SET state = 'failed', reason = ?, rewrapped = ?" MINE, "tiiti", why,
			   now, j->id, w->m->name, w->worker->number);
	else
		e = db_run(w->db, f, "UPDATE sn_key SET state = 'rewrapped', record = ?, rewrapped = ?" MINE, "biiti",
			   buf_view(&j->record), now, j->id, w->m->name, w->worker->number);
	if (e || !db_changes(w->db))
		return e;
	if (!why)
		e = db_run(
		    w->db, f,
		    "INSERT INTO outbox (sn_key, order_id, record_sha256, queued, state) VALUES (?, (SELECT order_id"
		    " FROM sn_key WHERE id = ?), ?, ?, 'waiting')",
		    "iiti", j->id, j->id, sha256, now);
	if (!e)
		e = device_moved(w->db, j->id, why ? "refused" : "re-wrapped", why, f);
	return e || !why ? e : audit_append(w->db, &entry, f);
}

/* The terminals that HSM 1 answered for are stored; at the first fault of our own the rest waits for the next try. */
static enum err run_chunk(struct work *w, struct fail *f)
{
	struct fail mine = { 0 };
	size_t done = 0;
	enum err e = ERR_OK, own = ERR_OK;

	while (done < w->count && !(own = run_job(w, &w->jobs[done], &mine)))
		done++;
	e = db_begin(w->db, f);
	for (size_t i = 0; i < done && !e; i++)
		e = store_job(w, &w->jobs[i], f);
	if (!e)
		e = release(w, f);
	e = db_settle(w->db, e, f);
	for (size_t i = 0; i < w->count; i++)
		buf_done(&w->jobs[i].record);
	if (!e && own)
		*f = mine;
	return e ? e : own;
}

/* The whole batch, when no terminal of it waits any more; or why, when it must not be re-wrapped. */
static enum err settle_batch(struct work *w, const struct fail *why, struct fail *f)
{
	struct audit_entry entry = { NULL, "batch re-wrapped", w->batch_id, ERR_OK, "" };
	enum err e = db_begin(w->db, f);

	if (!e && why) {
		entry = (struct audit_entry){ NULL, "batch before re-wrap", w->batch_id, why->code, why->text };
		e = db_run(
		    w->db, f,
		    "UPDATE device SET state = 'refused', reason = ?, changed = ? WHERE sn_key IN (SELECT id FROM"
		    " sn_key WHERE batch = ? AND state = 'waiting')",
		    "tii", why->text, (int64_t)time(NULL), w->batch);
		if (!e)
			e = db_run(
			    w->db, f,
			    "UPDATE sn_key SET state = 'failed', reason = ? WHERE batch = ? AND state = 'waiting'",
			    "ti", why->text, w->batch);
	}
	if (!e)
		e = db_run(
		    w->db, f,
		    "UPDATE batch SET state = ? WHERE number = ? AND state = 'received' AND NOT EXISTS (SELECT 1 FROM"
		    " sn_key WHERE batch = ? AND state = 'waiting' AND superseded_by IS NULL)",
		    "tii", why ? "failed" : "done", w->batch, w->batch);
	if (!e && db_changes(w->db))
		e = audit_append(w->db, &entry, f);
	return db_settle(w->db, e, f);
}

/* The signature once more, before anything of the batch is re-wrapped (R1.6): as it stood when it was received. */
static enum err check_batch(struct work *w, struct arena *a, struct fail *f)
{
	struct cms_signer signer;
	char sha256[65];
	enum err e = batch_open(w->m->identity->roots, (time_t)w->received, buf_view(&w->cms), a, &w->content, &signer,
				sha256, f);

	if (!e && strcmp(sha256, w->sha256))
		e = fail_set(f, ERR_REFUSED, 0, "the batch is not the one that was received");
	return e;
}

static enum err run_batch(struct work *w, struct fail *f)
{
	ARENA_AUTO arena = { 0 };
	struct fail why = { 0 };
	enum err e = check_batch(w, &arena, &why);

	if (e == ERR_REFUSED || e == ERR_MALFORMED)
		return settle_batch(w, &why, f);
	if (e)
		*f = why;
	while (!e && !worker_stopping(&w->worker->worker)) {
		e = load_jobs(w, f);
		if (!e && !w->count)
			return settle_batch(w, NULL, f);
		if (!e)
			e = run_chunk(w, f);
		if (!e)
			worker_wake(&w->m->outbox);
	}
	return e;
}

/* One batch; *ret_batch 0: there is none above after, or the database could not say. */
static enum err rewrap_one(struct rewrapper *r, int64_t after, int64_t *ret_batch, struct fail *f)
{
	struct work *w = calloc(1, sizeof(*w));
	bool found = false;
	enum err e;

	*ret_batch = 0;
	if (!w)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	w->worker = r;
	w->m = r->m;
	w->db = r->db;
	e = next_batch(w, after, &found, f);
	if (!e && found)
		e = run_batch(w, f);
	if (e)
		mtms_trouble(r->db, &r->m->rewrap_trouble, "re-wrap waits", w->batch_id, f);
	*ret_batch = w->batch;
	buf_done(&w->cms);
	free(w);
	return e;
}

static bool nothing_waits(struct rewrapper *r)
{
	int64_t waiting = 1;
	struct fail f = { 0 };

	return !db_one(r->db, &waiting, &f,
		       "SELECT count(*) FROM sn_key WHERE state = 'waiting' AND superseded_by IS NULL", "") &&
	       !waiting;
}

enum worker_next rewrap_step(void *arg)
{
	struct rewrapper *r = arg;
	int64_t batch = 0;
	bool waits = false;

	/* A batch that cannot go on now does not hold up those behind it: they may be another customer's. */
	do {
		struct fail f = { 0 };

		waits |= rewrap_one(r, batch, &batch, &f) != ERR_OK;
	} while (batch && !worker_stopping(&r->worker));
	if (waits)
		return WORKER_RETRY;
	if (nothing_waits(r))
		mtms_well(&r->m->rewrap_trouble);
	return WORKER_IDLE;
}
