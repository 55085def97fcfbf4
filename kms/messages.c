/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "import.h"
#include "keyfile.h"
#include "messages.h"
#include "pickup.h"
#include "records.h"
#include "sha256.h"
#include "spool.h"

#define NAME_DC_MAX 64

/* Whose numbers they are: the DC is the one of the sender's certificate (R2.3). */
static enum err dc_check(const struct msg_call *call, struct view dc, struct fail *f)
{
	if (!keyfile_name_ok((const char *)dc.p, NAME_DC_MAX))
		return fail_set(f, ERR_MALFORMED, 0, "name of the DC");
	if (strcmp((const char *)dc.p, call->peer->name) != 0)
		return fail_set(f, ERR_REFUSED, 0, "the message names DC %s, but the sender's certificate %.64s",
				(const char *)dc.p, call->peer->name);
	return ERR_OK;
}

/* SHA-256 over LV of every record: tells a repeated delivery from another one of the same number. */
static bool digest_of(const struct view *records, size_t count, char ret[65])
{
	BUF_AUTO all = { 0 };

	for (size_t i = 0; i < count; i++)
		buf_put_lv(&all, records[i]);
	return buf_ok(&all) && sha256_hex(buf_view(&all), ret);
}

static enum err on_records(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct delivery_in *in = in_struct;
	const struct record_item *items = in->records.items;
	struct delivery_out *out = out_struct;
	struct kms *k = call->service;
	struct view *records = arena_alloc(call->arena, in->records.count * sizeof(*records));
	struct view name = arena_text(call->arena, "%s/%s", (const char *)in->dc.p, (const char *)in->delivery.p);
	struct import_in store = { .kind = "message", .source = "message", .sender = call->peer->name };
	enum reason reason = REASON_NONE;
	struct fail why = { 0 };
	char digest[65];
	int64_t id = 0;
	enum err e = dc_check(call, in->dc, f);

	if (e)
		return e;
	if (!keyfile_name_ok((const char *)in->delivery.p, KEYFILE_NAME_MAX) ||
	    (in->order.n && !keyfile_name_ok((const char *)in->order.p, NAME_DC_MAX)))
		return fail_set(f, ERR_MALFORMED, 0, "name of delivery or order");
	if (!records || !name.p)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a delivery");
	for (size_t i = 0; i < in->records.count; i++)
		records[i] = items[i].record;
	if (!digest_of(records, in->records.count, digest))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a delivery");
	snprintf(call->object, sizeof(call->object), "%s", (const char *)name.p);
	store.name = (const char *)name.p;
	store.digest = digest;
	store.records = records;
	store.count = in->records.count;
	store.dc = (const char *)in->dc.p;
	store.order = in->order.n ? (const char *)in->order.p : NULL;
	store.sequence = in->sequence;
	e = import_store(k, &store, &id, &reason, &why);
	if (e && !(e == ERR_DUPLICATE && reason == REASON_NONE))
		return fail_set(f, e, why.rv, "%s", why.text);
	out->delivery = in->delivery;
	out->received = in->records.count;
	out->repeated = e != ERR_OK;
	snprintf(call->note, sizeof(call->note), "%zu records%s", in->records.count, e ? ", received before" : "");
	if (!e)
		import_wake(k);
	return ERR_OK;
}

static enum err notice_put(struct kms *k, const struct notice_in *in, int64_t *ret_known, struct fail *f)
{
	enum err e;

	e = db_one(
	    k->db, ret_known, f,
	    "SELECT count(*) FROM key_file WHERE kind = 'file' AND state <> 'refused' AND whole = 1 AND name = ?", "t",
	    (const char *)in->delivery.p);
	if (!e)
		e = db_run(k->db, f,
			   "INSERT INTO delivery_notice(dc, delivery, sequence, records, size, digest, at)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			   "ttiiiti", (const char *)in->dc.p, (const char *)in->delivery.p, (int64_t)in->sequence,
			   (int64_t)in->count, (int64_t)in->size, (const char *)in->sha256.p, (int64_t)time(NULL));
	if (!e && !db_changes(k->db)) {
		int64_t same = 0;

		e = db_one(k->db, &same, f,
			   "SELECT count(*) FROM delivery_notice WHERE dc = ? AND delivery = ? AND sequence = ? AND "
			   "records = ?"
			   " AND size = ? AND digest = ?",
			   "ttiiit", (const char *)in->dc.p, (const char *)in->delivery.p, (int64_t)in->sequence,
			   (int64_t)in->count, (int64_t)in->size, (const char *)in->sha256.p);
		if (!e && !same)
			e = fail_set(f, ERR_REFUSED, 0, "this delivery was announced before, as another one");
	}
	return e;
}

/* The DC says that a file lies ready (R2.2): all that fetch files look now. */
static enum err on_deliveries(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct notice_in *in = in_struct;
	struct notice_out *out = out_struct;
	const char *hex = (const char *)in->sha256.p;
	struct kms *k = call->service;
	int64_t known = 0;
	enum err e = dc_check(call, in->dc, f);

	if (e)
		return e;
	if (!keyfile_name_ok((const char *)in->delivery.p, KEYFILE_NAME_MAX))
		return fail_set(f, ERR_MALFORMED, 0, "name of the delivery");
	if (strspn(hex, "0123456789abcdef") != 64)
		return fail_set(f, ERR_MALFORMED, 0, "sha256 is 64 lower-case hex letters");
	snprintf(call->object, sizeof(call->object), "%s", (const char *)in->delivery.p);
	e = notice_put(k, in, &known, f);
	if (e)
		return e;
	out->delivery = in->delivery;
	out->known = known != 0;
	snprintf(call->note, sizeof(call->note), "%llu records%s", (unsigned long long)in->count,
		 known                    ? ", known"
		 : k->spool || k->pickups ? ""
					  : "; nothing here fetches files");
	if (!known) {
		pickups_wake(k->pickups);
		spool_wake(k->spool);
	}
	return ERR_OK;
}

const struct msg_row kms_messages[] = {
	{ .name = "records",
	  .path = RECORDS_PATH,
	  .roles = ROLE_BIT(ROLE_DC),
	  .body_max = RECORDS_BODY_MAX,
	  .in = &delivery_in_fields,
	  .out = &delivery_out_fields,
	  .handler = on_records,
	  .requirement = "R2.2, R2.4" },
	{ .name = "deliveries",
	  .path = DELIVERIES_PATH,
	  .roles = ROLE_BIT(ROLE_DC),
	  .body_max = DELIVERIES_BODY_MAX,
	  .in = &notice_in_fields,
	  .out = &notice_out_fields,
	  .handler = on_deliveries,
	  .requirement = "R2.2",
	  .header_max = 4096,
	  .time_s = 20 },
};
const size_t kms_messages_count = ARRAY_LEN(kms_messages);
