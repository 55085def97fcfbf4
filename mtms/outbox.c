/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "mtms.h"
#include "records.h"

#define OUTBOX_RECORDS 100

struct parcel {
	struct record_item items[OUTBOX_RECORDS];
	int64_t numbers[OUTBOX_RECORDS];
	size_t count;
};

static enum err load(struct db *db, struct parcel *p, struct arena *a, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f,
			      "SELECT number, record FROM outbox JOIN sn_key ON sn_key.id = outbox.sn_key WHERE"
			      " outbox.state = 'waiting' ORDER BY number LIMIT ?",
			      "i", (int64_t)OUTBOX_RECORDS);

	while (!e && !(e = db_next(s, &row, f)) && row && p->count < OUTBOX_RECORDS) {
		p->numbers[p->count] = db_int(s, 0);
		p->items[p->count].record = arena_copy(a, db_blob(s, 1));
		if (!p->items[p->count++].record.p)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	return e;
}

static enum err post(struct mtms *m, struct parcel *p, struct arena *a, struct records_out *ret, struct fail *f)
{
	struct records_in in = { .records = { p->items, p->count } };
	struct msg_post_in call = { m->dc,        conf_get(m->conf, "dc", "url"),
				    RECORDS_PATH, &records_in_fields,
				    &in,          &records_out_fields };
	enum err e;

	in.delivery =
	    arena_text(a, "%s-%lld-%lld", m->name, (long long)p->numbers[0], (long long)p->numbers[p->count - 1]);
	if (!in.delivery.p)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	e = msg_post(&call, a, ret, f);
	if (!e && ret->accepted + ret->known + ret->refused.count != p->count)
		e = fail_set(f, ERR_PEER, 0, "the DC's answer accounts for another number of records");
	return e;
}

static enum err settle(struct db *db, const struct parcel *p, const struct records_out *out, struct fail *f)
{
	const struct record_refusal *refused = out->refused.items;
	int64_t now = time(NULL);
	enum err e = db_begin(db, f);

	for (size_t i = 0; i < p->count && !e; i++)
		e = db_run(db, f, "UPDATE outbox SET state = 'delivered', settled = ? WHERE number = ?", "ii", now,
			   p->numbers[i]);
	for (size_t i = 0; i < out->refused.count && !e; i++) {
		struct audit_entry entry = { "dc", "record refused", "", ERR_REFUSED,
					     (const char *)refused[i].reason.p };

		if (refused[i].index >= p->count)
			e = fail_set(f, ERR_PEER, 0, "the DC refuses a record that was not sent");
		if (!e)
			e = db_run(db, f, "UPDATE outbox SET state = 'refused', reason = ? WHERE number = ?", "vi",
				   refused[i].reason, p->numbers[refused[i].index]);
		if (!e)
			e = audit_append(db, &entry, f);
	}
	if (!e)
		e = db_commit(db, f);
	if (e)
		db_rollback(db);
	return e;
}

enum worker_next outbox_step(void *arg)
{
	struct mtms *m = arg;
	ARENA_AUTO arena = { 0 };
	struct parcel p = { 0 };
	struct records_out out = { 0 };
	struct fail f = { 0 };
	char object[32];
	enum err e = load(m->outbox_db, &p, &arena, &f);

	if (!e && !p.count)
		return WORKER_IDLE;
	if (!e)
		e = post(m, &p, &arena, &out, &f);
	if (!e)
		e = settle(m->outbox_db, &p, &out, &f);
	snprintf(object, sizeof(object), "%zu records", p.count);
	mtms_trouble(m->outbox_db, m->outbox_trouble, "outbox", object, e ? &f : NULL);
	return e ? WORKER_RETRY : WORKER_AGAIN;
}
