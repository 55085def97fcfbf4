/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "formats.h"
#include "keyfile.h"
#include "mtms.h"

#define CHUNK 32

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

static enum err load_jobs(struct work *w, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(w->db, &s, f,
			      "SELECT id, position, serial, packet FROM sn_key WHERE batch = ? AND state = 'waiting'"
			      " ORDER BY position LIMIT ?",
			      "ii", w->batch, (int64_t)CHUNK);

	w->count = 0;
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
	e = pr_of_certificate(w->m, w->db, packet.cert_serial, &in.pr, f);
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

static enum err store_job(struct work *w, struct job *j, struct fail *f)
{
	struct audit_entry entry = { NULL, "re-wrap", j->serial, j->fail.code, j->fail.text };
	int64_t now = time(NULL);
	char sha256[65];
	enum err e;

	if (j->fail.code) {
		e = db_run(w->db, f, "UPDATE sn_key SET state = 'failed', reason = ?, rewrapped = ? WHERE id = ?",
			   "tii", j->fail.text, now, j->id);
		return e ? e : audit_append(w->db, &entry, f);
	}
	if (!sha256_hex(buf_view(&j->record), sha256))
		return fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	e = db_run(w->db, f, "UPDATE sn_key SET state = 'rewrapped', record = ?, rewrapped = ? WHERE id = ?", "bii",
		   buf_view(&j->record), now, j->id);
	if (!e)
		e = db_run(w->db, f,
			   "INSERT INTO outbox (sn_key, record_sha256, queued, state) VALUES (?, ?, ?, 'waiting')",
			   "iti", j->id, sha256, now);
	return e;
}

static enum err run_chunk(struct work *w, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < w->count && !e; i++)
		e = run_job(w, &w->jobs[i], f);
	if (!e)
		e = db_begin(w->db, f);
	for (size_t i = 0; i < w->count && !e; i++)
		e = store_job(w, &w->jobs[i], f);
	if (!e)
		e = db_commit(w->db, f);
	if (e)
		db_rollback(w->db);
	for (size_t i = 0; i < w->count; i++)
		buf_done(&w->jobs[i].record);
	return e;
}

static enum err settle_batch(struct work *w, const struct fail *why, struct fail *f)
{
	struct audit_entry entry = { NULL, "batch re-wrapped", w->batch_id, ERR_OK, "" };
	enum err e = db_begin(w->db, f);

	if (!e && why) {
		entry = (struct audit_entry){ NULL, "batch before re-wrap", w->batch_id, why->code, why->text };
		e = db_run(w->db, f,
			   "UPDATE sn_key SET state = 'failed', reason = ? WHERE batch = ? AND state = 'waiting'", "ti",
			   why->text, w->batch);
	}
	if (!e)
		e = db_run(w->db, f, "UPDATE batch SET state = ? WHERE number = ?", "ti", why ? "failed" : "done",
			   w->batch);
	if (!e)
		e = audit_append(w->db, &entry, f);
	if (!e)
		e = db_commit(w->db, f);
	if (e)
		db_rollback(w->db);
	return e;
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
	while (!e && !worker_stopping(&w->m->rewrap)) {
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
static enum err rewrap_one(struct mtms *m, int64_t after, bool first, int64_t *ret_batch, struct fail *f)
{
	struct work *w = calloc(1, sizeof(*w));
	bool found = false;
	enum err e;

	*ret_batch = 0;
	if (!w)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	w->m = m;
	w->db = m->rewrap_db;
	e = next_batch(w, after, &found, f);
	if (!e && found)
		e = run_batch(w, f);
	if (e && first)
		mtms_trouble(m->rewrap_db, m->rewrap_trouble, "re-wrap waits", w->batch_id, f);
	*ret_batch = w->batch;
	buf_done(&w->cms);
	free(w);
	return e;
}

enum worker_next rewrap_step(void *arg)
{
	struct mtms *m = arg;
	int64_t batch = 0;
	bool waits = false, done = false;

	/* A batch that cannot go on now does not hold up those behind it: they may be another customer's. */
	do {
		struct fail f = { 0 };
		enum err e = rewrap_one(m, batch, !waits, &batch, &f);

		waits |= e != ERR_OK;
		done |= !e && batch;
	} while (batch && !worker_stopping(&m->rewrap));
	if (waits)
		return WORKER_RETRY;
	mtms_trouble(m->rewrap_db, m->rewrap_trouble, "re-wrap waits", "", NULL);
	return done ? WORKER_AGAIN : WORKER_IDLE;
}
