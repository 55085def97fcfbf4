/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dc.h"
#include "keyfile.h"
#include "log.h"
#include "records.h"
#include "spool.h"

struct delivery {
	int64_t number;
	char name[KEYFILE_NAME_MAX + 1];
	struct record_item *items;
	size_t count;
};

static enum err oldest(struct route *r, struct delivery *ret, bool *ret_found, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e = db_query(r->db, &s, f,
			      "SELECT number, name, count FROM kms_delivery WHERE customer = ? AND state = 'waiting'"
			      " ORDER BY number LIMIT 1",
			      "t", r->customer);

	*ret_found = false;
	if (!e)
		e = db_next(s, ret_found, f);
	if (!e && *ret_found) {
		ret->number = db_int(s, 0);
		snprintf(ret->name, sizeof(ret->name), "%s", db_text(s, 1));
		ret->count = (size_t)db_int(s, 2);
	}
	return e;
}

/* Unique for ever: the number within this database, the time for a database that had to be made anew. */
static void delivery_name(const struct route *r, int64_t number, char ret[KEYFILE_NAME_MAX + 1])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	snprintf(ret, KEYFILE_NAME_MAX + 1, "%s-%s-%04d%02d%02dT%02d%02d%02dZ-%06lld", r->dc->name, r->customer,
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)number);
}

/* Puts count of what waits for this KMS into a new delivery, oldest first. */
static enum err compose_in(struct route *r, int64_t count, struct fail *f)
{
	char name[KEYFILE_NAME_MAX + 1];
	int64_t number = 0;
	uint8_t random[16];
	enum err e = ERR_OK;

	/* The name needs the number: until then it is a random one. */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail_set(f, ERR_INTERNAL, 0, "no random bytes");
	hex_encode(VIEW(random, sizeof(random)), name);
	e = db_one(r->db, &number, f,
		   "INSERT INTO kms_delivery (name, customer, created, count, state) VALUES (?, ?, ?, ?, 'waiting')"
		   " RETURNING number",
		   "ttii", name, r->customer, (int64_t)time(NULL), count);
	delivery_name(r, number, name);
	if (!e)
		e = db_run(r->db, f, "UPDATE kms_delivery SET name = ? WHERE number = ?", "ti", name, number);
	if (!e)
		e = db_run(
		    r->db, f,
		    "INSERT INTO delivery_record (delivery, position, record) SELECT ?, row_number() OVER (ORDER BY "
		    "id) -"
		    " 1, id FROM (SELECT id FROM tk_record WHERE customer = ? AND waiting = 1 ORDER BY id LIMIT ?)",
		    "iti", number, r->customer, count);
	if (!e)
		e = db_run(r->db, f,
			   "UPDATE tk_record SET waiting = 0 WHERE id IN (SELECT record FROM delivery_record WHERE "
			   "delivery = ?)",
			   "i", number);
	return e;
}

/* Only this worker takes what waits: the count can but grow before the transaction begins. */
static enum err compose(struct route *r, bool *ret_made, struct fail *f)
{
	int64_t count = 0;
	enum err e = db_one(r->db, &count, f,
			    "SELECT count(*) FROM (SELECT 1 FROM tk_record WHERE customer = ? AND waiting = 1 LIMIT ?)",
			    "ti", r->customer, (int64_t)r->batch);

	*ret_made = false;
	if (e || !count)
		return e;
	e = db_begin(r->db, f);
	if (!e)
		e = compose_in(r, count, f);
	if (!e)
		e = db_commit(r->db, f);
	if (e)
		db_rollback(r->db);
	*ret_made = !e;
	return e;
}

static enum err load(struct route *r, struct delivery *d, struct arena *a, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	size_t n = 0;
	bool row = false;
	enum err e;

	d->items = arena_alloc(a, d->count * sizeof(*d->items));
	if (!d->items)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	e = db_query(
	    r->db, &s, f,
	    "SELECT tk_record.record FROM delivery_record JOIN tk_record ON tk_record.id = delivery_record.record"
	    " WHERE delivery = ? ORDER BY position",
	    "i", d->number);
	while (!e && !(e = db_next(s, &row, f)) && row && n < d->count) {
		d->items[n].record = arena_copy(a, db_blob(s, 0));
		if (!d->items[n++].record.p)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	if (!e && (row || n != d->count))
		e = fail_set(f, ERR_INTERNAL, 0, "delivery %s has another number of records", d->name);
	return e;
}

static enum err send_message(struct route *r, const struct delivery *d, struct arena *a, struct fail *f)
{
	struct delivery_in in = { .dc = view_of_string(r->dc->name),
				  .delivery = view_of_string(d->name),
				  .records = { d->items, d->count } };
	struct msg_post_in call = { r->kms, r->url, RECORDS_PATH, &delivery_in_fields, &in, &delivery_out_fields };
	struct delivery_out out = { 0 };
	enum err e = msg_post(&call, a, &out, f);

	if (!e && (!view_equal(out.delivery, in.delivery) || out.received != d->count))
		e = fail_set(f, ERR_PEER, 0, "the KMS's answer is about another delivery");
	return e;
}

static enum err send_file(struct route *r, const struct delivery *d, struct arena *a, struct fail *f)
{
	struct keyfile_head head = { 0 };
	struct view *records = arena_alloc(a, d->count * sizeof(*records));
	BUF_AUTO text = { 0 };
	enum err e;

	if (!records)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	for (size_t i = 0; i < d->count; i++)
		records[i] = d->items[i].record;
	snprintf(head.kms, sizeof(head.kms), "%s", r->customer);
	snprintf(head.dc, sizeof(head.dc), "%s", r->dc->name);
	snprintf(head.name, sizeof(head.name), "%s", d->name);
	e = keyfile_write(&head, records, d->count, &text, f);
	return e ? e : spool_put(r->spool, d->name, buf_view(&text), f);
}

/* Settles a delivery, or notes why it waits; the reason is audited when it changes, not at every try. */
static enum err settle(struct route *r, const struct delivery *d, const struct fail *why, struct fail *f)
{
	struct audit_entry entry = { r->customer, "delivery", d->name, why ? why->code : ERR_OK, why ? why->text : "" };
	int64_t changed;
	enum err e = db_begin(r->db, f);

	if (!e && why)
		e = db_run(r->db, f, "UPDATE kms_delivery SET error = ? WHERE number = ? AND error IS DISTINCT FROM ?",
			   "tit", why->text, d->number, why->text);
	else if (!e)
		e = db_run(r->db, f,
			   "UPDATE kms_delivery SET state = 'delivered', delivered = ?, error = NULL WHERE number = ?",
			   "ii", (int64_t)time(NULL), d->number);
	changed = e ? 0 : db_changes(r->db);
	if (!e && changed)
		e = audit_append(r->db, &entry, f);
	if (!e)
		e = db_commit(r->db, f);
	if (e)
		db_rollback(r->db);
	return e;
}

static enum err deliver(struct route *r, struct delivery *d, struct fail *f)
{
	ARENA_AUTO arena = { 0 };
	struct fail why = { 0 }, second = { 0 };
	enum err e = load(r, d, &arena, f);

	if (e)
		return e;
	e = r->spool ? send_file(r, d, &arena, &why) : send_message(r, d, &arena, &why);
	if (!e)
		return settle(r, d, NULL, f);
	*f = why;
	if (settle(r, d, &why, &second))
		log_line(LOG_LEVEL_ERROR, "delivery", "%s: %s", d->name, second.text);
	return e;
}

enum worker_next route_step(void *arg)
{
	struct route *r = arg;
	struct delivery d = { 0 };
	struct fail f = { 0 };
	bool found = false;
	enum err e = oldest(r, &d, &found, &f);

	if (!e && found)
		e = deliver(r, &d, &f);
	else if (!e)
		e = compose(r, &found, &f);
	if (e)
		log_line(LOG_LEVEL_WARN, "delivery", "%s %s: %s %s", r->customer, d.name, err_name(e), f.text);
	return e ? WORKER_RETRY : found ? WORKER_AGAIN : WORKER_IDLE;
}
