/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "keyfile.h"
#include "order.h"
#include "permission.h"

enum err mtms_order(struct mtms *m, struct db *db, struct view order, const struct customer **ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f, "SELECT customer, state FROM production_order WHERE order_id = ?", "v", order);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_REFUSED, 0, "unknown production order");
	if (strcmp(db_text(s, 1), "open"))
		return fail_set(f, ERR_REFUSED, 0, "the production order is closed");
	*ret = mtms_customer(m, db_text(s, 0));
	return *ret ? ERR_OK : fail_set(f, ERR_REFUSED, 0, "the order's customer %s is not configured", db_text(s, 0));
}

static enum err load_devices(struct db *db, const struct order_in *in, struct arena *a, struct order_out *out,
			     struct fail *f)
{
	struct order_device *list = arena_alloc(a, ORDER_DEVICES_MAX * sizeof(*list));
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	if (!list)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	out->devices.items = list;
	e = db_query(db, &s, f,
		     "SELECT d.serial, d.pin_pad, d.state, (SELECT coalesce(max(k.counter), 0) FROM sn_key k WHERE"
		     " k.serial = d.serial AND k.state IN ('waiting', 'rewrapped')), d.position FROM device d WHERE"
		     " d.order_id = ? AND d.position > ? ORDER BY d.position LIMIT ?",
		     "vii", in->order, (int64_t)in->after, (int64_t)ORDER_DEVICES_MAX + 1);
	while (!e && !(e = db_next(s, &row, f)) && row) {
		struct order_device *d = &list[out->devices.count];

		out->more = out->devices.count == ORDER_DEVICES_MAX;
		if (out->more)
			break;
		out->devices.count++;
		d->serial = arena_copy(a, view_of_string(db_text(s, 0)));
		if (db_text(s, 1)[0])
			d->pin_pad = arena_copy(a, view_of_string(db_text(s, 1)));
		d->state = arena_copy(a, view_of_string(db_text(s, 2)));
		d->counter = (uint64_t)db_int(s, 3);
		out->last = (uint64_t)db_int(s, 4);
		if (!d->serial.p || !d->state.p)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	return e;
}

/* The card's certificate as it will stand in the batches: of our CA, an operator's, valid now. */
static enum err check_operator(struct mtms *m, struct view der, struct cms_signer *ret, struct fail *f)
{
	BUF_AUTO serial = { 0 };
	X509 *cert = NULL;
	enum err e = identity_cert_parse(der, &cert, f);

	if (!e)
		e = identity_check(m->identity->roots, NULL, cert, ROLE_OPERATOR, 0, f);
	if (!e)
		e = identity_cert_serial(cert, &serial, f);
	if (!e && serial.len > 20)
		e = fail_set(f, ERR_REFUSED, 0, "the certificate's serial number is too long");
	if (!e) {
		identity_cert_name(cert, ret->name, sizeof(ret->name));
		hex_encode(buf_view(&serial), ret->serial);
	}
	X509_free(cert);
	return e;
}

enum err order_ask(struct msg_call *call, const void *in_struct, void *out_struct, struct fail *f)
{
	const struct order_in *in = in_struct;
	struct mtms *m = call->service;
	const struct customer *customer = NULL;
	struct order_out out = { .order = in->order };
	struct cms_signer who;
	int64_t total = 0;
	enum err e;

	snprintf(call->object, sizeof(call->object), "%s", (const char *)in->order.p);
	if (!keyfile_name_ok((const char *)in->order.p, 64))
		return fail_set(f, ERR_MALFORMED, 0, "name of the order");
	e = check_operator(m, in->operator_cert, &who, f);
	if (!e)
		e = mtms_order(m, call->db, in->order, &customer, f);
	if (!e)
		e = permission_check(call->db, call->peer->name, &who, (const char *)in->order.p, customer->id, f);
	if (!e)
		e = db_one(call->db, &total, f, "SELECT count(*) FROM device WHERE order_id = ?", "v", in->order);
	if (!e)
		e = load_devices(call->db, in, call->arena, &out, f);
	if (e)
		return e;
	out.customer = view_of_string(customer->id);
	out.suite = customer->suite;
	out.total = (uint64_t)total;
	snprintf(call->note, sizeof(call->note), "operator %.100s (%s), %zu devices behind %llu", who.name, who.serial,
		 out.devices.count, (unsigned long long)in->after);
	*(struct order_out *)out_struct = out;
	return ERR_OK;
}
