/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "delivery.h"

/* Of RECORDS_BODY_MAX, besides the other fields; of a key file (64 MiB), which alone takes so large a batch. */
#define PARCEL_BYTES ((size_t)900 * 1024)
#define PARCEL_FILE_BYTES ((size_t)48 << 20)

bool parcel_takes(struct parcel *p, const char *order, int64_t id, size_t record_bytes, size_t batch)
{
	size_t bytes = (record_bytes + 2) / 3 * 4 + 3;
	size_t most = batch > BATCH_MESSAGE_MAX ? PARCEL_FILE_BYTES : PARCEL_BYTES;

	if (p->count && (strcmp(p->order, order) || p->count == batch || p->bytes + bytes > most))
		return false;
	snprintf(p->order, sizeof(p->order), "%s", order);
	p->last = id;
	p->bytes += bytes;
	p->count++;
	return true;
}

/* Unique for ever: the number of the customer's delivery, the time for a database that had to be made anew. */
static void delivery_name(const char *dc, const char *customer, int64_t sequence, char ret[KEYFILE_NAME_MAX + 1])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	snprintf(ret, KEYFILE_NAME_MAX + 1, "%s-%s-%04d%02d%02dT%02d%02d%02dZ-%06lld", dc, customer, tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)sequence);
}

/* The row of the route is what two writers of one customer wait for: a command beside the daemon. */
static enum err next_sequence(struct db *db, const char *customer, int64_t *ret, struct fail *f)
{
	enum err e = db_run(db, f,
			    "INSERT INTO route (customer, mode, place, state, attempts, error, since, next_try, "
			    "sequence) VALUES (?, '', '', 'open', 0, '', 0, 0, 0) ON CONFLICT (customer) DO NOTHING",
			    "t", customer);

	return e ? e
		 : db_one(db, ret, f, "UPDATE route SET sequence = sequence + 1 WHERE customer = ? RETURNING sequence",
			  "t", customer);
}

enum err delivery_new(struct db *db, const char *dc, const char *customer, const char *order, size_t count,
		      const char *kind, int64_t *ret_number, struct fail *f)
{
	char name[KEYFILE_NAME_MAX + 1];
	int64_t sequence = 0;
	enum err e = next_sequence(db, customer, &sequence, f);

	if (e)
		return e;
	delivery_name(dc, customer, sequence, name);
	return db_one(db, ret_number, f,
		      "INSERT INTO delivery (customer, sequence, name, order_id, count, kind, state, created)"
		      " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?) RETURNING number",
		      "tittiti", customer, sequence, name, order, (int64_t)count, kind, (int64_t)time(NULL));
}

/* The oldest records that wait and may go together. */
static enum err gather(struct db *db, const char *customer, size_t batch, struct parcel *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f,
			      "SELECT id, order_id, length(record) FROM tk_record WHERE customer = ? AND waiting = 1"
			      " ORDER BY id LIMIT ?",
			      "ti", customer, (int64_t)batch);

	while (!e && !(e = db_next(s, &row, f)) && row &&
	       parcel_takes(ret, db_text(s, 1), db_int(s, 0), (size_t)db_int(s, 2), batch))
		;
	return e;
}

static enum err fill(struct db *db, const char *customer, const struct parcel *p, int64_t number, struct fail *f)
{
	enum err e = db_run(db, f,
			    "INSERT INTO delivery_item (delivery, position, record) SELECT CAST(? AS BIGINT),"
			    " row_number() OVER (ORDER BY id) - 1, id FROM tk_record WHERE customer = ? AND waiting = 1"
			    " AND id <= ?",
			    "iti", number, customer, p->last);

	if (!e && db_changes(db) == (int64_t)p->count)
		e = db_run(db, f,
			   "UPDATE tk_record SET waiting = 0 WHERE id IN (SELECT record FROM delivery_item WHERE"
			   " delivery = ?) AND waiting = 1",
			   "i", number);
	if (!e && db_changes(db) != (int64_t)p->count)
		e = fail_set(f, ERR_BUSY, 0, "what waits for %s changed meanwhile", customer);
	return e;
}

enum err delivery_compose(struct db *db, const char *dc, const char *customer, size_t batch, bool *ret_made,
			  struct fail *f)
{
	struct parcel p = { 0 };
	int64_t number = 0, waiting = 0;
	enum err e =
	    db_one(db, &waiting, f,
		   "SELECT count(*) FROM (SELECT 1 FROM tk_record WHERE customer = ? AND waiting = 1 LIMIT 1) w", "t",
		   customer);

	*ret_made = false;
	if (e || !waiting)
		return e;
	e = db_begin(db, f);
	if (!e)
		e = gather(db, customer, batch, &p, f);
	if (!e && p.count)
		e = delivery_new(db, dc, customer, p.order, p.count, "new", &number, f);
	if (!e && p.count)
		e = fill(db, customer, &p, number, f);
	e = db_settle(db, e, f);
	*ret_made = !e && p.count;
	return e;
}

enum err delivery_oldest(struct db *db, const char *customer, struct delivery *ret, bool *ret_found, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e = db_query(db, &s, f,
			      "SELECT number, sequence, name, order_id, count, state FROM delivery WHERE customer = ?"
			      " AND state IN ('waiting', 'placed') ORDER BY sequence LIMIT 1",
			      "t", customer);

	*ret_found = false;
	if (!e)
		e = db_next(s, ret_found, f);
	if (!e && *ret_found) {
		ret->number = db_int(s, 0);
		ret->sequence = db_int(s, 1);
		snprintf(ret->name, sizeof(ret->name), "%s", db_text(s, 2));
		snprintf(ret->order, sizeof(ret->order), "%s", db_text(s, 3));
		ret->count = (size_t)db_int(s, 4);
		ret->placed = !strcmp(db_text(s, 5), "placed");
	}
	return e;
}

enum err delivery_load(struct db *db, struct delivery *d, struct arena *a, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	size_t n = 0;
	bool row = false;
	enum err e;

	d->items = arena_alloc(a, d->count * sizeof(*d->items));
	if (!d->items)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	e = db_query(db, &s, f,
		     "SELECT r.record FROM delivery_item i JOIN tk_record r ON r.id = i.record WHERE i.delivery = ?"
		     " ORDER BY i.position",
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
