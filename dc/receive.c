/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dc.h"
#include "formats.h"
#include "keyfile.h"
#include "records.h"
#include "sha256.h"

enum receipt { RECEIPT_NEW, RECEIPT_KNOWN, RECEIPT_BAD };

/* The DC looks at the form only; what a record is worth the KMS learns from its MAC. */
static const char *form_error(struct view bytes, struct tk_record *ret)
{
	if (!tk_record_parse(bytes, ret))
		return "record is not well formed";
	if (ret->has_imported)
		return "record has a DC import time already";
	if (ret->counter > INT64_MAX || ret->collected > INT64_MAX)
		return "number is out of range";
	return NULL;
}

static enum err store(struct msg_call *call, const struct records_in *in, struct tk_record *r, const char *sha256,
		      struct fail *f)
{
	BUF_AUTO record = { 0 };
	int64_t now = time(NULL);

	r->has_imported = true;
	r->imported = (uint64_t)now;
	tk_record_put(&record, r);
	if (!buf_ok(&record))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	return db_run(
	    call->db, f,
	    "INSERT INTO tk_record (record_sha256, customer, serial, pin_pad, cert_serial, counter, collected, mtms,"
	    " mtms_delivery, order_id, imported, record, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
	    " ON CONFLICT (record_sha256) DO NOTHING",
	    "tvvvbiitvvib", sha256, r->customer, r->pos_serial, r->pin_pad, r->cert_serial, (int64_t)r->counter,
	    (int64_t)r->collected, call->peer->name, in->delivery, in->order, now, buf_view(&record));
}

static enum err receive_one(struct msg_call *call, const struct records_in *in, struct view bytes, enum receipt *ret,
			    const char **ret_reason, struct fail *f)
{
	struct tk_record r;
	char sha256[65];
	enum err e;

	*ret_reason = form_error(bytes, &r);
	*ret = RECEIPT_BAD;
	if (*ret_reason)
		return ERR_OK;
	if (!sha256_hex(bytes, sha256))
		return fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	e = store(call, in, &r, sha256, f);
	*ret = !e && db_changes(call->db) ? RECEIPT_NEW : RECEIPT_KNOWN;
	return e;
}

/* Where an MTMS stands. Its row is ours until the transaction ends: one delivery of an MTMS at a time. */
struct source {
	int64_t epoch;
	int64_t last; /* sequence */
};

static enum err source_of(struct msg_call *call, const char *mtms, struct source *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_run(call->db, f,
		   "INSERT INTO mtms (name, epoch, last, seen) VALUES (?, 1, 0, 0) ON CONFLICT (name) DO UPDATE SET"
		   " seen = mtms.seen",
		   "t", mtms);

	if (!e)
		e = db_query(call->db, &s, f, "SELECT epoch, last FROM mtms WHERE name = ?", "t", mtms);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && row)
		*ret = (struct source){ db_int(s, 0), db_int(s, 1) };
	return e ? e : row ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "MTMS %s has no row", mtms);
}

/* Tells the same delivery from another one of the same number. */
static bool digest_of(const struct records_in *in, char ret[65])
{
	const struct record_item *items = in->records.items;
	BUF_AUTO all = { 0 };

	buf_put_lv(&all, in->delivery);
	buf_put_lv(&all, in->order);
	for (size_t i = 0; i < in->records.count; i++)
		buf_put_lv(&all, items[i].record);
	return buf_ok(&all) && sha256_hex(buf_view(&all), ret);
}

/* What was refused when the delivery was taken. */
static enum err old_refusals(struct msg_call *call, const struct source *from, uint64_t sequence,
			     struct records_out *out, struct fail *f)
{
	struct record_refusal *refused = out->refused.items;
	size_t room = out->refused.count;
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(call->db, &s, f,
		     "SELECT position, reason FROM receipt_refusal WHERE mtms = ? AND epoch = ? AND sequence = ?"
		     " ORDER BY position",
		     "tii", call->peer->name, from->epoch, (int64_t)sequence);

	for (out->refused.count = 0; !e && !(e = db_next(s, &row, f)) && row && out->refused.count < room;) {
		struct record_refusal *r = &refused[out->refused.count++];

		r->index = (uint64_t)db_int(s, 0);
		r->reason = arena_copy(call->arena, view_of_string(db_text(s, 1)));
		if (!r->reason.p)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	return e;
}

/* A number that was taken before: the same answer, if it is the same delivery. */
static enum err repeated(struct msg_call *call, const struct records_in *in, const struct source *from,
			 const char digest[65], struct records_out *out, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(call->db, &s, f,
		     "SELECT digest, accepted, known FROM receipt WHERE mtms = ? AND epoch = ? AND sequence = ?", "tii",
		     call->peer->name, from->epoch, (int64_t)in->sequence);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && (!row || strcmp(db_text(s, 0), digest)))
		e = fail_set(f, ERR_REFUSED, 0, "delivery %llu of this MTMS came before with another content",
			     (unsigned long long)in->sequence);
	if (e)
		return e;
	out->accepted = (uint64_t)db_int(s, 1);
	out->known = (uint64_t)db_int(s, 2);
	out->repeated = true;
	return old_refusals(call, from, in->sequence, out, f);
}

/* In the transaction of the records: the number is taken with them or not at all. */
static enum err keep_receipt(struct msg_call *call, const struct records_in *in, const struct source *from,
			     const char digest[65], const struct records_out *out, struct fail *f)
{
	const struct record_refusal *refused = out->refused.items;
	int64_t now = time(NULL);
	enum err e =
	    db_run(call->db, f,
		   "INSERT INTO receipt (mtms, epoch, sequence, name, order_id, digest, accepted, known, refused,"
		   " received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		   "tiivvtiiii", call->peer->name, from->epoch, (int64_t)in->sequence, in->delivery, in->order, digest,
		   (int64_t)out->accepted, (int64_t)out->known, (int64_t)out->refused.count, now);

	for (size_t i = 0; i < out->refused.count && !e; i++)
		e = db_run(
		    call->db, f,
		    "INSERT INTO receipt_refusal (mtms, epoch, sequence, position, reason) VALUES (?, ?, ?, ?, ?)",
		    "tiiiv", call->peer->name, from->epoch, (int64_t)in->sequence, (int64_t)refused[i].index,
		    refused[i].reason);
	if (!e)
		e = db_run(call->db, f, "UPDATE mtms SET last = ?, seen = ? WHERE name = ? AND epoch = ? AND last = ?",
			   "iitii", (int64_t)in->sequence, now, call->peer->name, from->epoch, from->last);
	if (!e && db_changes(call->db) != 1)
		e = fail_set(f, ERR_BUSY, 0, "another delivery of this MTMS is being taken");
	return e;
}

static enum err take(struct msg_call *call, const struct records_in *in, struct records_out *out, struct fail *f)
{
	const struct record_item *items = in->records.items;
	struct record_refusal *refused = out->refused.items;
	enum err e = ERR_OK;

	out->refused.count = 0;
	for (size_t i = 0; i < in->records.count && !e; i++) {
		const char *reason;
		enum receipt receipt;

		e = receive_one(call, in, items[i].record, &receipt, &reason, f);
		if (e || receipt == RECEIPT_NEW || receipt == RECEIPT_KNOWN) {
			out->accepted += !e && receipt == RECEIPT_NEW;
			out->known += !e && receipt == RECEIPT_KNOWN;
			continue;
		}
		refused[out->refused.count].index = i;
		refused[out->refused.count++].reason = view_of_string(reason);
	}
	return e;
}

/* The next number is taken, an older one answered, one further ahead waits for those between. */
static enum err receive(struct msg_call *call, const struct records_in *in, const char digest[65],
			struct records_out *out, struct fail *f)
{
	struct source from = { 0 };
	enum err e = db_begin(call->db, f);

	if (!e)
		e = source_of(call, call->peer->name, &from, f);
	if (!e && in->sequence <= (uint64_t)from.last)
		return repeated(call, in, &from, digest, out, f);
	if (!e && in->sequence != (uint64_t)from.last + 1)
		e = fail_set(f, ERR_UNEXPECTED, 0, "delivery %llu of this MTMS: %lld is the next one",
			     (unsigned long long)in->sequence, (long long)from.last + 1);
	if (!e)
		e = take(call, in, out, f);
	if (!e)
		e = keep_receipt(call, in, &from, digest, out, f);
	return e ? e : db_commit(call->db, f);
}

static enum err records_receive(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct records_in *in = in_struct;
	struct dc *dc = call->service;
	struct record_refusal *refused = arena_alloc(call->arena, in->records.count * sizeof(*refused));
	struct records_out out = { .refused = { refused, in->records.count } };
	char digest[65];
	enum err e;

	snprintf(call->object, sizeof(call->object), "%s", (const char *)in->delivery.p);
	if (!keyfile_name_ok((const char *)in->delivery.p, 64) || !keyfile_name_ok((const char *)in->order.p, 64))
		return fail_set(f, ERR_MALFORMED, 0, "name of the delivery or of the order");
	if (!refused || !digest_of(in, digest))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	e = receive(call, in, digest, &out, f);
	db_rollback(call->db);
	if (e)
		return e;
	snprintf(call->note, sizeof(call->note), "%saccepted %llu, known %llu, refused %zu%s%s",
		 out.repeated ? "received before: " : "", (unsigned long long)out.accepted,
		 (unsigned long long)out.known, out.refused.count, out.refused.count ? ", first: " : "",
		 out.refused.count ? (const char *)refused[0].reason.p : "");
	*(struct records_out *)out_struct = out;
	for (size_t i = 0; i < dc->route_count; i++)
		worker_wake(&dc->routes[i].worker);
	return ERR_OK;
}

const struct msg_row dc_rows[] = {
	{ "records", RECORDS_PATH, ROLE_BIT(ROLE_MTMS), 0, RECORDS_BODY_MAX, &records_in_fields, &records_out_fields,
	  records_receive, "R2.1" },
};
const size_t dc_rows_count = ARRAY_LEN(dc_rows);
