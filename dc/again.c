/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "delivery.h"

/*
 * Re-delivery (R2.1): new deliveries of records that left before, behind what waits already. A record that waits leaves
 * anyway. Each delivery is of one customer and one order, as every other (R2.9).
 */
#define RECORDS "SELECT r.customer, r.order_id, r.id, length(r.record) FROM tk_record r "
#define FOR_KMS " CAST(? AS TEXT) IN ('', r.customer)"
#define IN_ORDER " ORDER BY r.customer, r.order_id, r.id"

struct again {
	struct dc *dc;
	struct parcel parcel;
	char customer[33];
	int64_t ids[BATCH_FILE_MAX];
	size_t deliveries;
	size_t records;
};

/* What was gathered becomes a delivery. */
static enum err close_parcel(struct again *g, struct fail *f)
{
	int64_t number = 0;
	enum err e;

	if (!g->parcel.count)
		return ERR_OK;
	e = delivery_new(g->dc->db, g->dc->name, g->customer, g->parcel.order, g->parcel.count, "again", &number, f);
	for (size_t i = 0; i < g->parcel.count && !e; i++)
		e = db_run(g->dc->db, f, "INSERT INTO delivery_item (delivery, position, record) VALUES (?, ?, ?)",
			   "iii", number, (int64_t)i, g->ids[i]);
	g->deliveries++;
	g->records += g->parcel.count;
	g->parcel = (struct parcel){ 0 };
	return e;
}

static enum err add(struct again *g, const char *customer, const char *order, int64_t id, size_t bytes, struct fail *f)
{
	unsigned batch = batch_of(g->dc->conf, customer);
	enum err e = ERR_OK;

	batch = batch > BATCH_FILE_MAX ? BATCH_FILE_MAX : batch ? batch : 1;
	if (!strcmp(customer, g->customer) && parcel_takes(&g->parcel, order, id, bytes, batch)) {
		g->ids[g->parcel.count - 1] = id;
		return ERR_OK;
	}
	e = close_parcel(g, f);
	snprintf(g->customer, sizeof(g->customer), "%s", customer);
	if (!e && parcel_takes(&g->parcel, order, id, bytes, batch))
		g->ids[g->parcel.count - 1] = id;
	return e;
}

static enum err gather(struct again *g, const char *sql, const char *what, const char *kms, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(g->dc->db, &s, f, sql, "tt", what, kms ? kms : "");

	while (!e && !(e = db_next(s, &row, f)) && row)
		e = add(g, db_text(s, 0), db_text(s, 1), db_int(s, 2), (size_t)db_int(s, 3), f);
	return e;
}

static enum err run(struct dc *dc, const char *event, const char *sql, const char *what, const char *kms,
		    struct fail *f)
{
	struct again *g = calloc(1, sizeof(*g));
	char text[128] = "";
	enum err e = g ? dc_name(dc, f) : fail_set(f, ERR_NO_MEMORY, 0, "no memory");

	if (!e)
		e = db_begin(dc->db, f);
	if (!e) {
		g->dc = dc;
		e = gather(g, sql, what, kms, f);
	}
	if (!e)
		e = close_parcel(g, f);
	if (!e && !g->records)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.128s: no record%s%s that was sent before", what,
			     kms ? " for " : "", kms ? kms : "");
	if (!e)
		snprintf(text, sizeof(text), "%zu records in %zu deliveries", g->records, g->deliveries);
	e = audit_settle(dc->db, e, event, what, text, f);
	if (!e)
		printf("%s\n", text);
	free(g);
	return e;
}

static enum err with_kms(char **arguments, const char **ret_kms, struct fail *f)
{
	const struct command_option options[] = { { "--kms", true, ret_kms } };

	return command_options(arguments, 1, options, ARRAY_LEN(options), f);
}

/*
 * The DC cannot tell a true record from a forged one of that serial number, so the newest of every MTMS and customer
 * leaves: the KMS knows the MAC, and whether it wants it.
 */
enum err again_serial(void *service, char **arguments, struct fail *f)
{
	const char *kms = NULL;
	enum err e = with_kms(arguments, &kms, f);

	return e ? e
		 : run(service, "redeliver",
		       RECORDS
		       "JOIN (SELECT max(id) AS id FROM tk_record WHERE serial = ? AND waiting = 0 GROUP BY mtms,"
		       " customer) newest ON newest.id = r.id WHERE" FOR_KMS IN_ORDER,
		       arguments[0], kms, f);
}

enum err again_order(void *service, char **arguments, struct fail *f)
{
	const char *kms = NULL;
	enum err e = with_kms(arguments, &kms, f);

	return e ? e
		 : run(service, "redeliver order",
		       RECORDS "WHERE r.order_id = ? AND r.waiting = 0 AND" FOR_KMS IN_ORDER, arguments[0], kms, f);
}

enum err again_delivery(void *service, char **arguments, struct fail *f)
{
	return run(service, "redeliver delivery",
		   RECORDS
		   "JOIN delivery_item i ON i.record = r.id JOIN delivery d ON d.number = i.delivery WHERE d.name"
		   " = ? AND" FOR_KMS IN_ORDER,
		   arguments[0], NULL, f);
}
