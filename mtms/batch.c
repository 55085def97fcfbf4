/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "device.h"
#include "formats.h"
#include "keyfile.h"
#include "mtms.h"
#include "permission.h"
#include "sha256.h"

#define BATCH_FORMAT "strongroom tk batch"

static const struct msg_field terminal_field[] = {
	{ "serial", MSG_TEXT, 1, FORMAT_POS_SERIAL_MAX, offsetof(struct batch_terminal, serial), false, NULL },
	{ "collected", MSG_NUMBER, 1, INT64_MAX, offsetof(struct batch_terminal, collected), false, NULL },
	{ "packet", MSG_BASE64, 1, FORMAT_PACKET_MAX, offsetof(struct batch_terminal, packet), false, NULL },
};
static const struct msg_fields terminal_fields = MSG_FIELDS(terminal_field, struct batch_terminal);

static const struct msg_field content_field[] = {
	{ "format", MSG_TEXT, 1, 64, offsetof(struct batch_content, format), false, NULL },
	{ "version", MSG_NUMBER, 1, 1, offsetof(struct batch_content, version), false, NULL },
	{ "order", MSG_TEXT, 1, 64, offsetof(struct batch_content, order), false, NULL },
	{ "batch", MSG_TEXT, 1, 64, offsetof(struct batch_content, batch), false, NULL },
	{ "terminals", MSG_LIST, 1, BATCH_TERMINALS_MAX, offsetof(struct batch_content, terminals), false,
	  &terminal_fields },
};
static const struct msg_fields content_fields = MSG_FIELDS(content_field, struct batch_content);

enum err batch_open(X509_STORE *roots, time_t at, struct view cms, struct arena *a, struct batch_content *ret,
		    struct cms_signer *ret_signer, char ret_sha256[65], struct fail *f)
{
	BUF_AUTO content = { 0 };
	struct batch_content c;
	enum err e = cms_verify(roots, ROLE_OPERATOR, at, cms, &content, ret_signer, f);

	if (!e && !sha256_hex(buf_view(&content), ret_sha256))
		e = fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	if (!e)
		e = msg_decode(&content_fields, buf_view(&content), a, &c, f);
	if (!e && !view_equal(c.format, VIEW_STR(BATCH_FORMAT)))
		e = fail_set(f, ERR_MALFORMED, 0, "the signed content is no batch");
	if (!e)
		*ret = c;
	return e;
}

static enum err store_terminal(struct db *db, const struct device_place *place, const struct batch_terminal *t,
			       const struct verdict *v, struct fail *f)
{
	const struct tk_packet *p = &v->packet;
	int64_t id = 0;
	enum err e = db_one(
	    db, &id, f,
	    "INSERT INTO sn_key (order_id, serial, pin_pad, counter, cert_serial, batch, position, collected, packet,"
	    " state, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
	    "vvvibiiibtt", place->order, t->serial, p->pin_pad.p ? p->pin_pad : VIEW_STR(""),
	    (int64_t)(p->counter > INT64_MAX ? 0 : p->counter), p->cert_serial, place->batch, (int64_t)place->position,
	    (int64_t)t->collected, t->packet, v->reason ? "refused" : "waiting", v->reason);

	return e ? e : device_received(db, place, t->serial, id, v, f);
}

/*
 * The order is still open, and stays so until the end of this transaction. One batch at a time, of all orders: what
 * counters and PIN pads are known is asked across them.
 */
static enum err hold_order(struct db *db, struct view order, struct fail *f)
{
	int64_t open = 0;
	enum err e = db_run(db, f, "UPDATE production_order SET state = 'open' WHERE state = 'open'", "");

	if (!e)
		e = db_one(db, &open, f, "SELECT count(*) FROM production_order WHERE order_id = ? AND state = 'open'",
			   "v", order);
	if (!e && !open)
		e = fail_set(f, ERR_REFUSED, 0, "the production order is closed");
	return e;
}

/* The answer comes from the tables, so that a repeated batch gets the same. */
static enum err answer(struct msg_call *call, struct view batch, struct batch_out *out, struct fail *f)
{
	struct db *db = call->db;
	struct batch_refusal *list;
	DB_STMT_AUTO *s = NULL;
	int64_t total = 0, refused = 0;
	bool row = false;
	enum err e = db_one(db, &total, f,
			    "SELECT count(*) FROM sn_key JOIN batch ON number = batch WHERE batch_id = ?", "v", batch);

	if (!e)
		e = db_one(db, &refused, f,
			   "SELECT count(*) FROM sn_key JOIN batch ON number = batch WHERE batch_id = ? AND "
			   "sn_key.state = 'refused'",
			   "v", batch);
	if (e)
		return e;
	list = arena_alloc(call->arena, (size_t)refused * sizeof(*list) + 1);
	if (!list)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	out->batch = batch;
	out->refused.items = list;
	out->accepted = (uint64_t)(total - refused);
	e = db_query(db, &s, f,
		     "SELECT serial, reason FROM sn_key JOIN batch ON number = batch WHERE batch_id = ? AND"
		     " sn_key.state = 'refused' ORDER BY position",
		     "v", batch);
	while (!e && !(e = db_next(s, &row, f)) && row && out->refused.count < (size_t)refused) {
		list[out->refused.count].serial = arena_copy(call->arena, view_of_string(db_text(s, 0)));
		list[out->refused.count++].reason = arena_copy(call->arena, view_of_string(db_text(s, 1)));
	}
	return e;
}

/* ERR_NOT_FOUND: not received yet; ERR_OK: the same batch; ERR_REFUSED: another one of that name. */
static enum err find_batch(struct db *db, struct view batch, const char *sha256, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f, "SELECT content_sha256 FROM batch WHERE batch_id = ?", "v", batch);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return ERR_NOT_FOUND;
	if (strcmp(db_text(s, 0), sha256))
		return fail_set(f, ERR_REFUSED, 0, "a batch of that name with other content was received before");
	return ERR_OK;
}

static enum err store_batch(struct msg_call *call, const struct customer *customer, const struct batch_in *in,
			    const struct batch_content *content, const struct cms_signer *signer, const char *sha256,
			    struct fail *f)
{
	struct db *db = call->db;
	const struct batch_terminal *terminals = content->terminals.items;
	struct device_place place = { .customer = customer, .order = in->order };
	struct verdict v;
	enum err e;

	e = db_one(db, &place.batch, f,
		   "INSERT INTO batch (batch_id, order_id, content_sha256, cms, signer, signer_serial, sender,"
		   " received, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'received') RETURNING number",
		   "vvtbttti", in->batch, in->order, sha256, in->cms, signer->name, signer->serial, call->peer->name,
		   (int64_t)time(NULL));
	for (place.position = 0; place.position < content->terminals.count && !e; place.position++) {
		e = device_check(db, &place, &terminals[place.position], &v, f);
		if (!e)
			e = store_terminal(db, &place, &terminals[place.position], &v, f);
	}
	return e;
}

/* The same batch may have come twice at once: then one of them stores it. */
static enum err take_batch(struct msg_call *call, const struct customer *customer, const struct batch_in *in,
			   const struct batch_content *content, const struct cms_signer *signer, const char *sha256,
			   bool *ret_repeated, struct fail *f)
{
	enum err e = db_begin(call->db, f);

	if (!e)
		e = hold_order(call->db, in->order, f);
	if (!e)
		e = find_batch(call->db, in->batch, sha256, f);
	*ret_repeated = !e;
	if (e == ERR_NOT_FOUND) {
		e = store_batch(call, customer, in, content, signer, sha256, f);
		if (!e)
			e = db_commit(call->db, f);
	}
	db_rollback(call->db);
	return e;
}

enum err batch_receive(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct batch_in *in = in_struct;
	struct mtms *m = call->service;
	const struct customer *customer = NULL;
	struct batch_out out = { 0 };
	struct batch_content content;
	struct cms_signer signer;
	char sha256[65];
	enum err e;

	snprintf(call->object, sizeof(call->object), "%s", (const char *)in->batch.p);
	if (!keyfile_name_ok((const char *)in->batch.p, 64) || !keyfile_name_ok((const char *)in->order.p, 64))
		return fail_set(f, ERR_MALFORMED, 0, "name of order or batch");
	e = batch_open(m->identity->roots, 0, in->cms, call->arena, &content, &signer, sha256, f);
	if (!e && (!view_equal(content.order, in->order) || !view_equal(content.batch, in->batch)))
		e = fail_set(f, ERR_REFUSED, 0, "order or batch is not that of the signed content");
	if (e)
		return e;
	e = find_batch(call->db, in->batch, sha256, f);
	out.repeated = !e;
	if (e == ERR_NOT_FOUND) {
		e = mtms_order(m, call->db, in->order, &customer, f);
		if (!e)
			e = permission_check(call->db, call->peer->name, &signer, (const char *)in->order.p,
					     customer->id, f);
		if (!e)
			e = take_batch(call, customer, in, &content, &signer, sha256, &out.repeated, f);
	}
	if (!e)
		e = answer(call, in->batch, &out, f);
	if (e)
		return e;
	snprintf(call->note, sizeof(call->note), "order %s, operator %s (%s), accepted %llu, refused %zu%s",
		 (const char *)in->order.p, signer.name, signer.serial, (unsigned long long)out.accepted,
		 out.refused.count, out.repeated ? ", repeated" : "");
	*(struct batch_out *)out_struct = out;
	mtms_wake_rewrap(m);
	return ERR_OK;
}
