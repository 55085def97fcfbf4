/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "log.h"
#include "mtms.h"
#include "records.h"

#define OUTBOX_RECORDS 100

/* One delivery on its way: what it holds was fixed before it was sent for the first time. */
struct parcel {
	int64_t sequence;
	char name[65];
	char order[65];
	struct record_item items[OUTBOX_RECORDS];
	int64_t ids[OUTBOX_RECORDS]; /* sn_key */
	size_t count;
};

/* The delivery that waits; sequence 0: none does. */
static enum err next_delivery(struct db *db, struct parcel *p, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f,
			      "SELECT sequence, name, order_id FROM delivery WHERE state = 'waiting' ORDER BY sequence"
			      " LIMIT 1",
			      "");

	if (!e)
		e = db_next(s, &row, f);
	if (e || !row)
		return e;
	p->sequence = db_int(s, 0);
	snprintf(p->name, sizeof(p->name), "%s", db_text(s, 1));
	snprintf(p->order, sizeof(p->order), "%s", db_text(s, 2));
	return ERR_OK;
}

/*
 * The order whose records go next: the oldest record before which no terminal of its order waits for the re-wrap, so
 * that the order of collection is the order of delivery. *ret_found false: nothing can go.
 */
static enum err next_order(struct db *db, char ret_order[65], bool *ret_found, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e = db_query(
	    db, &s, f,
	    "SELECT o.order_id FROM (SELECT order_id, min(sn_key) AS first FROM outbox WHERE state = 'waiting' AND"
	    " delivery IS NULL GROUP BY order_id) o WHERE NOT EXISTS (SELECT 1 FROM sn_key w WHERE w.order_id = "
	    "o.order_id"
	    " AND w.state = 'waiting' AND w.superseded_by IS NULL AND w.id < o.first) ORDER BY o.first LIMIT 1",
	    "");

	if (!e)
		e = db_next(s, ret_found, f);
	if (!e && *ret_found)
		snprintf(ret_order, 65, "%s", db_text(s, 0));
	return e;
}

static enum err fill(struct db *db, const char *order, int64_t sequence, int64_t *ret_count, struct fail *f)
{
	enum err e =
	    db_run(db, f,
		   "UPDATE outbox SET delivery = ? WHERE state = 'waiting' AND delivery IS NULL AND sn_key IN (SELECT "
		   "sn_key FROM"
		   " outbox WHERE state = 'waiting' AND delivery IS NULL AND order_id = ? AND sn_key < (SELECT"
		   " coalesce(min(id), 9223372036854775807) FROM sn_key WHERE order_id = ? AND state = 'waiting' AND"
		   " superseded_by IS NULL) ORDER BY sn_key LIMIT ?)",
		   "itti", sequence, order, order, (int64_t)OUTBOX_RECORDS);

	*ret_count = e ? 0 : db_changes(db);
	return e;
}

/* A new delivery with the next sequence number, if any record can go. */
static enum err make_delivery(struct mtms *m, struct fail *f)
{
	struct db *db = m->outbox_db;
	int64_t sequence = 0, count = 0;
	char order[65], name[65];
	bool found = false;
	enum err e = next_order(db, order, &found, f);

	if (e || !found)
		return e;
	e = db_begin(db, f);
	if (!e)
		e = db_one(db, &sequence, f, "SELECT coalesce(max(sequence), 0) + 1 FROM delivery", "");
	snprintf(name, sizeof(name), "%s-%lld", m->name, (long long)sequence);
	if (!e)
		e = db_run(db, f,
			   "INSERT INTO delivery (sequence, name, order_id, records, made, state, tries)"
			   " VALUES (?, ?, ?, 0, ?, 'waiting', 0)",
			   "itti", sequence, name, order, (int64_t)time(NULL));
	if (!e)
		e = fill(db, order, sequence, &count, f);
	if (!e && !count)
		goto out; /* a newer TK took the last one's place meanwhile */
	if (!e)
		e = db_run(db, f, "UPDATE delivery SET records = ? WHERE sequence = ?", "ii", count, sequence);
	if (!e)
		e = db_commit(db, f);
out:
	db_rollback(db);
	return e;
}

static enum err load(struct db *db, struct parcel *p, struct arena *a, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(db, &s, f,
		     "SELECT o.sn_key, k.record FROM outbox o JOIN sn_key k ON k.id = o.sn_key WHERE o.delivery = ?"
		     " ORDER BY o.sn_key",
		     "i", p->sequence);

	while (!e && !(e = db_next(s, &row, f)) && row && p->count < OUTBOX_RECORDS) {
		p->ids[p->count] = db_int(s, 0);
		p->items[p->count].record = arena_copy(a, db_blob(s, 1));
		if (!p->items[p->count++].record.p)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	return e;
}

static enum err post(struct mtms *m, struct parcel *p, struct arena *a, struct records_out *ret, struct fail *f)
{
	struct records_in in = { .delivery = view_of_string(p->name),
				 .order = view_of_string(p->order),
				 .sequence = (uint64_t)p->sequence,
				 .records = { p->items, p->count } };
	struct msg_post_in call = { m->dc,        conf_get(m->conf, "dc", "url"),
				    RECORDS_PATH, &records_in_fields,
				    &in,          &records_out_fields };
	enum err e = msg_post(&call, a, ret, f);

	if (!e && ret->accepted + ret->known + ret->refused.count != p->count)
		e = fail_set(f, ERR_PEER, 0, "the DC's answer accounts for another number of records");
	return e;
}

static enum err settle_record(struct db *db, int64_t id, const char *refused, int64_t now, struct fail *f)
{
	enum err e = db_run(db, f, "UPDATE outbox SET state = ?, reason = ?, settled = ? WHERE sn_key = ?", "ttii",
			    refused ? "refused" : "delivered", refused, now, id);

	return e ? e : device_moved(db, id, refused ? "refused" : "delivered", refused, f);
}

static enum err settle(struct db *db, const struct parcel *p, const struct records_out *out, struct fail *f)
{
	const struct record_refusal *refused = out->refused.items;
	const char *reason[OUTBOX_RECORDS] = { NULL };
	int64_t now = time(NULL);
	enum err e = db_begin(db, f);

	for (size_t i = 0; i < out->refused.count && !e; i++) {
		struct audit_entry entry = { "dc", "record refused", p->name, ERR_REFUSED,
					     (const char *)refused[i].reason.p };

		if (refused[i].index >= p->count)
			e = fail_set(f, ERR_PEER, 0, "the DC refuses a record that was not sent");
		else
			reason[refused[i].index] = (const char *)refused[i].reason.p;
		if (!e)
			e = audit_append(db, &entry, f);
	}
	for (size_t i = 0; i < p->count && !e; i++)
		e = settle_record(db, p->ids[i], reason[i], now, f);
	if (!e)
		e = db_run(
		    db, f,
		    "UPDATE delivery SET state = 'delivered', tries = tries + 1, tried = ?, error = NULL, accepted = ?,"
		    " known = ?, refused = ?, settled = ? WHERE sequence = ? AND state = 'waiting'",
		    "iiiiii", now, (int64_t)out->accepted, (int64_t)out->known, (int64_t)out->refused.count, now,
		    p->sequence);
	return db_settle(db, e, f);
}

/* What the operator sees at a delivery that does not get through. */
static void note_failure(struct db *db, const struct parcel *p, const struct fail *why)
{
	struct fail f = { 0 };

	if (p->sequence &&
	    db_run(db, &f, "UPDATE delivery SET tries = tries + 1, tried = ?, error = ? WHERE sequence = ?", "iti",
		   (int64_t)time(NULL), why->text, p->sequence))
		log_line(LOG_LEVEL_WARN, "outbox", "%s", f.text);
}

enum worker_next outbox_step(void *arg)
{
	struct mtms *m = arg;
	ARENA_AUTO arena = { 0 };
	struct parcel p = { 0 };
	struct records_out out = { 0 };
	struct fail f = { 0 };
	enum err e = next_delivery(m->outbox_db, &p, &f);

	if (!e && !p.sequence) {
		e = make_delivery(m, &f);
		if (!e)
			e = next_delivery(m->outbox_db, &p, &f);
		if (!e && !p.sequence)
			return WORKER_IDLE;
	}
	if (!e)
		e = load(m->outbox_db, &p, &arena, &f);
	if (!e)
		e = post(m, &p, &arena, &out, &f);
	if (!e)
		e = settle(m->outbox_db, &p, &out, &f);
	if (e == ERR_BUSY && worker_stopping(&m->outbox))
		return WORKER_RETRY;
	if (e) {
		note_failure(m->outbox_db, &p, &f);
		mtms_trouble(m->outbox_db, &m->outbox_trouble, "outbox", p.name, &f);
		return WORKER_RETRY;
	}
	mtms_well(&m->outbox_trouble);
	return WORKER_AGAIN;
}
