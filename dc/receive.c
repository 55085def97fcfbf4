/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "dc.h"
#include "formats.h"
#include "keyfile.h"
#include "records.h"

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

static enum err store(struct msg_call *call, struct view delivery, struct tk_record *r, const char *sha256,
		      struct fail *f)
{
	struct dc *dc = call->service;
	BUF_AUTO record = { 0 };
	int64_t now = time(NULL);

	r->has_imported = true;
	r->imported = (uint64_t)now;
	tk_record_put(&record, r);
	if (!buf_ok(&record))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	return db_run(
	    dc->db, f,
	    "INSERT INTO tk_record (record_sha256, customer, serial, pin_pad, cert_serial, counter, collected, mtms,"
	    " mtms_delivery, imported, record, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
	    "tvvvbiitvib", sha256, r->customer, r->pos_serial, r->pin_pad, r->cert_serial, (int64_t)r->counter,
	    (int64_t)r->collected, call->peer->name, delivery, now, buf_view(&record));
}

static enum err receive_one(struct msg_call *call, const struct records_in *in, struct view bytes, enum receipt *ret,
			    const char **ret_reason, struct fail *f)
{
	struct dc *dc = call->service;
	struct tk_record r;
	char sha256[65];
	int64_t known = 0;
	enum err e;

	*ret_reason = form_error(bytes, &r);
	*ret = RECEIPT_BAD;
	if (*ret_reason)
		return ERR_OK;
	if (!sha256_hex(bytes, sha256))
		return fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	e = db_one(dc->db, &known, f, "SELECT count(*) FROM tk_record WHERE record_sha256 = ?", "t", sha256);
	*ret = known ? RECEIPT_KNOWN : RECEIPT_NEW;
	if (!e && !known)
		e = store(call, in->delivery, &r, sha256, f);
	return e;
}

enum err records_receive(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct records_in *in = in_struct;
	const struct record_item *items = in->records.items;
	struct dc *dc = call->service;
	struct record_refusal *refused = arena_alloc(call->arena, in->records.count * sizeof(*refused));
	struct records_out out = { .refused = { refused, 0 } };
	enum err e;

	snprintf(call->object, sizeof(call->object), "%s", (const char *)in->delivery.p);
	if (!keyfile_name_ok((const char *)in->delivery.p, 64))
		return fail_set(f, ERR_MALFORMED, 0, "name of the delivery");
	if (!refused)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	e = db_begin(dc->db, f);
	for (size_t i = 0; i < in->records.count && !e; i++) {
		const char *reason;
		enum receipt receipt;

		e = receive_one(call, in, items[i].record, &receipt, &reason, f);
		if (e || receipt == RECEIPT_NEW || receipt == RECEIPT_KNOWN) {
			out.accepted += !e && receipt == RECEIPT_NEW;
			out.known += !e && receipt == RECEIPT_KNOWN;
			continue;
		}
		refused[out.refused.count].index = i;
		refused[out.refused.count++].reason = view_of_string(reason);
	}
	if (!e)
		e = db_commit(dc->db, f);
	if (e)
		return e;
	snprintf(call->note, sizeof(call->note), "accepted %llu, known %llu, refused %zu%s%s",
		 (unsigned long long)out.accepted, (unsigned long long)out.known, out.refused.count,
		 out.refused.count ? ", first: " : "", out.refused.count ? (const char *)refused[0].reason.p : "");
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
