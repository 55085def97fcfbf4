/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "import.h"
#include "keyfile.h"
#include "messages.h"
#include "records.h"

#define NAME_DC_MAX 64

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
	struct import_in store = { .kind = "message", .sender = call->peer->name };
	enum reason reason = REASON_NONE;
	struct fail why = { 0 };
	char digest[65];
	int64_t id = 0;
	enum err e;

	if (!keyfile_name_ok((const char *)in->dc.p, NAME_DC_MAX) ||
	    !keyfile_name_ok((const char *)in->delivery.p, KEYFILE_NAME_MAX))
		return fail_set(f, ERR_MALFORMED, 0, "name of DC or delivery");
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
	e = import_store(k, &store, &id, &reason, &why);
	if (e && !(e == ERR_DUPLICATE && reason == REASON_NONE))
		return fail_set(f, e, why.rv, "%s", why.text);
	out->delivery = in->delivery;
	out->received = in->records.count;
	out->repeated = e != ERR_OK;
	snprintf(call->note, sizeof(call->note), "%zu records%s", in->records.count, e ? ", received before" : "");
	if (!e)
		import_kick(k);
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
};
const size_t kms_messages_count = ARRAY_LEN(kms_messages);
