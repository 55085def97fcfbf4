/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "delivery.h"
#include "log.h"
#include "now.h"

#define RETRY_FIRST_MS 200

/* How the route does, as the database has it: a command may have changed it. */
struct condition {
	bool parked;
	int64_t attempts; /* in vain, one after the other */
	int64_t next_try; /* ms */
	char error[256];
};

static enum err look(struct route *r, struct condition *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(r->db, &s, f, "SELECT state, attempts, next_try, error FROM route WHERE customer = ?",
			      "t", r->customer);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && row) {
		ret->parked = !strcmp(db_text(s, 0), "parked");
		ret->attempts = db_int(s, 1);
		ret->next_try = db_int(s, 2);
		snprintf(ret->error, sizeof(ret->error), "%s", db_text(s, 3));
	}
	return e;
}

static int64_t pause_of(const struct route *r, int64_t attempts)
{
	int64_t ms = RETRY_FIRST_MS;

	while (attempts-- > 0 && ms < r->retry_max_ms)
		ms *= 2;
	return ms < r->retry_max_ms ? ms : r->retry_max_ms;
}

static enum err delivered(struct route *r, const struct delivery *d, const struct condition *before, struct fail *f)
{
	struct audit_entry done = { r->customer, "delivery", d->name, ERR_OK, "" };
	struct audit_entry back = { r->customer, "route recovered", d->name, ERR_OK, before->error };
	int64_t now = time(NULL);
	enum err e = db_begin(r->db, f);

	if (!e)
		e = db_run(
		    r->db, f,
		    "UPDATE delivery SET state = 'delivered', settled = ? WHERE number = ? AND state IN ('waiting',"
		    " 'placed')",
		    "ii", now, d->number);
	if (!e && db_changes(r->db))
		e = audit_append(r->db, &done, f);
	if (!e)
		e = db_run(r->db, f,
			   "UPDATE route SET attempts = 0, error = '', next_try = 0, since = ? WHERE customer = ?",
			   "it", now, r->customer);
	if (!e && before->attempts)
		e = audit_append(r->db, &back, f);
	return db_settle(r->db, e, f);
}

/* Why it waits; audited when it changes, not at every try. for_good: the route waits for the operator. */
static enum err failed(struct route *r, const struct delivery *d, const struct condition *before, bool for_good,
		       const struct fail *why, struct fail *f)
{
	struct audit_entry entry = { r->customer, "delivery", d->name, why->code, why->text };
	struct audit_entry parked = {
		r->customer, "route parked", d->name, why->code,
		"the KMS refuses it for good: route resume tries once more, route skip goes on behind it"
	};
	bool changed = strcmp(before->error, why->text) != 0;
	enum err e = db_begin(r->db, f);

	if (!e)
		e = db_run(
		    r->db, f,
		    "UPDATE route SET attempts = attempts + 1, error = ?, next_try = ?, state = ?, since = CASE WHEN"
		    " attempts = 0 THEN CAST(? AS BIGINT) ELSE since END WHERE customer = ?",
		    "titit", why->text, now_ms() + pause_of(r, before->attempts), for_good ? "parked" : "open",
		    (int64_t)time(NULL), r->customer);
	if (!e && changed)
		e = audit_append(r->db, &entry, f);
	if (!e && for_good)
		e = audit_append(r->db, &parked, f);
	return db_settle(r->db, e, f);
}

static enum err deliver(struct route *r, struct delivery *d, const struct condition *before, struct fail *f)
{
	ARENA_AUTO arena = { 0 };
	struct fail second = { 0 };
	bool for_good = false;
	enum err e = delivery_send(r, d, &arena, &for_good, f);

	if (e == ERR_BUSY && worker_stopping(&r->worker))
		return e;
	if (!e)
		return delivered(r, d, before, f);
	if (failed(r, d, before, for_good, f, &second))
		log_line(LOG_LEVEL_ERROR, "delivery", "%s: %s", d->name, second.text);
	return e;
}

/* Not yet: the pause lasts, in the database, so that `route resume` ends it and `routes` shows it. */
static bool waits(const struct route *r, const struct condition *c)
{
	int64_t left = c->next_try - now_ms();

	return c->parked || (left > 0 && left <= r->retry_max_ms);
}

enum worker_next route_step(void *arg)
{
	struct route *r = arg;
	struct condition condition = { 0 };
	struct delivery d = { 0 };
	struct fail f = { 0 };
	bool found = false;
	enum err e = look(r, &condition, &f);

	if (!e && waits(r, &condition))
		return WORKER_IDLE;
	if (!e)
		e = delivery_oldest(r->db, r->customer, &d, &found, &f);
	if (!e && found)
		e = deliver(r, &d, &condition, &f);
	else if (!e)
		e = delivery_compose(r->db, r->dc->name, r->customer, r->batch, &found, &f);
	if (e)
		log_line(LOG_LEVEL_WARN, "delivery", "%s %s: %s %s", r->customer, d.name, err_name(e), f.text);
	return e ? (d.number ? WORKER_IDLE : WORKER_RETRY) : found ? WORKER_AGAIN : WORKER_IDLE;
}
