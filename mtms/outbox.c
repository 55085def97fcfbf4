/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "formats.h"
#include "log.h"
#include "mtms.h"

#define OUTBOX_RECORDS 100

struct record_item {
	struct view record;
};
struct records_in {
	struct view delivery;
	struct msg_list records; /* struct record_item */
};
struct refusal {
	uint64_t index;
	struct view reason;
};
struct records_out {
	uint64_t accepted;
	uint64_t known;
	struct msg_list refused; /* struct refusal */
};

static const struct msg_field record_field[] = {
	{ "record", MSG_BASE64, 1, FORMAT_RECORD_MAX, offsetof(struct record_item, record), false, NULL },
};
static const struct msg_fields record_fields = MSG_FIELDS(record_field, struct record_item);
static const struct msg_field in_field[] = {
	{ "delivery", MSG_TEXT, 1, 64, offsetof(struct records_in, delivery), false, NULL },
	{ "records", MSG_LIST, 1, 1000, offsetof(struct records_in, records), false, &record_fields },
};
static const struct msg_fields in_fields = MSG_FIELDS(in_field, struct records_in);
static const struct msg_field refusal_field[] = {
	{ "index", MSG_NUMBER, 0, 999, offsetof(struct refusal, index), false, NULL },
	{ "reason", MSG_TEXT, 1, 128, offsetof(struct refusal, reason), false, NULL },
};
static const struct msg_fields refusal_fields = MSG_FIELDS(refusal_field, struct refusal);
static const struct msg_field out_field[] = {
	{ "accepted", MSG_NUMBER, 0, 1000, offsetof(struct records_out, accepted), false, NULL },
	{ "known", MSG_NUMBER, 0, 1000, offsetof(struct records_out, known), false, NULL },
	{ "refused", MSG_LIST, 0, 1000, offsetof(struct records_out, refused), false, &refusal_fields },
};
static const struct msg_fields out_fields = MSG_FIELDS(out_field, struct records_out);

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
	struct msg_post_in call = {
		m->dc, conf_get(m->conf, "dc", "url"), "/v1/records", &in_fields, &in, &out_fields
	};
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
	const struct refusal *refused = out->refused.items;
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
	enum err e = load(m->outbox_db, &p, &arena, &f);

	if (!e && !p.count)
		return WORKER_IDLE;
	if (!e)
		e = post(m, &p, &arena, &out, &f);
	if (!e)
		e = settle(m->outbox_db, &p, &out, &f);
	if (e)
		log_line(LOG_LEVEL_WARN, "outbox", "%zu records wait: %s %s", p.count, err_name(e), f.text);
	return e ? WORKER_RETRY : WORKER_AGAIN;
}
