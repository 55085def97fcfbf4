/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "audit.h"
#include "formats.h"
#include "inventory.h"
#include "keyfile.h"
#include "order.h"

/* A file of serial numbers on its way into an order, or out of it. base: the highest position before. */
struct change {
	struct db *db;
	const char *order;
	int64_t base;
	int64_t now;
};

/* Why a device could not be added: what of the three unique facts stands in the way. */
static enum err why_not(struct change *c, const struct inventory_line *line, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(
	    c->db, &s, f,
	    "SELECT order_id, serial, position, CASE WHEN order_id = ? AND serial = ? THEN 1"
	    " WHEN serial = ? THEN 2 ELSE 3 END AS reason FROM device WHERE (order_id = ? AND serial = ?)"
	    " OR (open = 1 AND serial = ?) OR (open = 1 AND pin_pad = ? AND pin_pad <> '')"
	    " ORDER BY reason LIMIT 1",
	    "ttttttt", c->order, line->serial, line->serial, c->order, line->serial, line->serial, line->pin_pad);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_BUSY, 0, "another change of the inventories runs; try again");
	if (db_int(s, 3) == 1 && db_int(s, 2) > c->base)
		return fail_set(f, ERR_BAD_DATA, 0, "serial number %s stands in line %" PRId64 " already", line->serial,
				db_int(s, 2) - c->base);
	if (db_int(s, 3) == 1)
		return fail_set(f, ERR_BAD_DATA, 0, "serial number %s stands in order %s already", line->serial,
				c->order);
	if (db_int(s, 3) == 2)
		return fail_set(f, ERR_BAD_DATA, 0, "serial number %s stands in the open order %s", line->serial,
				db_text(s, 0));
	return fail_set(f, ERR_BAD_DATA, 0, "PIN pad %s belongs to %s of the open order %s", line->pin_pad,
			db_text(s, 1), db_text(s, 0));
}

static enum err add_device(void *arg, const struct inventory_line *line, struct fail *f)
{
	struct change *c = arg;
	enum err e = db_run(c->db, f,
			    "INSERT INTO device (order_id, serial, pin_pad, position, state, changed, open)"
			    " VALUES (?, ?, ?, ?, 'expected', ?, 1) ON CONFLICT DO NOTHING",
			    "tttii", c->order, line->serial, line->pin_pad, c->base + (int64_t)line->number, c->now);

	if (!e && !db_changes(c->db))
		e = why_not(c, line, f);
	return e;
}

/* What was collected stays: only a device of which nothing has come may go. */
static enum err remove_device(void *arg, const struct inventory_line *line, struct fail *f)
{
	struct change *c = arg;
	int64_t there = 0;
	enum err e = db_run(c->db, f, "DELETE FROM device WHERE order_id = ? AND serial = ? AND state = 'expected'",
			    "tt", c->order, line->serial);

	if (e || db_changes(c->db))
		return e;
	e = db_one(c->db, &there, f, "SELECT count(*) FROM device WHERE order_id = ? AND serial = ?", "tt", c->order,
		   line->serial);
	if (e)
		return e;
	return fail_set(f, ERR_BAD_DATA, 0,
			there ? "serial number %s is not 'expected' any more" : "no device %s is in it", line->serial);
}

static enum err start_change(struct mtms *m, const char *order, struct change *ret, struct fail *f)
{
	*ret = (struct change){ .db = m->db, .order = order, .now = time(NULL) };
	return db_one(m->db, &ret->base, f, "SELECT coalesce(max(position), 0) FROM device WHERE order_id = ?", "t",
		      order);
}

static bool customer_configured(const struct mtms *m, const char *id)
{
	for (size_t i = 0; conf_member(m->conf, "customer *", i); i++)
		if (!strcmp(conf_member(m->conf, "customer *", i), id))
			return true;
	return false;
}

enum err order_add(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	const char *inventory = NULL;
	const struct command_option options[] = { { "--inventory", true, &inventory } };
	struct change c;
	size_t count = 0;
	char text[128];
	enum err e = command_options(arguments, 2, options, ARRAY_LEN(options), f);

	if (e)
		return e;
	if (!inventory)
		return fail_set(f, ERR_USAGE, 0, "--inventory FILE is missing: the serial numbers that are expected");
	if (!keyfile_name_ok(arguments[0], 64) || !format_customer_ok(view_of_string(arguments[1])))
		return fail_set(f, ERR_USAGE, 0, "not an order or customer id");
	if (!customer_configured(m, arguments[1]))
		return fail_set(f, ERR_NOT_FOUND, 0, "customer %s is not configured", arguments[1]);
	e = db_begin(m->db, f);
	if (!e)
		e = db_run(m->db, f,
			   "INSERT INTO production_order (order_id, customer, created, state) VALUES (?, ?, ?, 'open')"
			   " ON CONFLICT DO NOTHING",
			   "tti", arguments[0], arguments[1], (int64_t)time(NULL));
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_DUPLICATE, 0, "order %s is there already", arguments[0]);
	if (!e)
		e = start_change(m, arguments[0], &c, f);
	if (!e)
		e = inventory_read(inventory, add_device, &c, &count, f);
	snprintf(text, sizeof(text), "customer %s, %zu devices", arguments[1], count);
	e = audit_settle(m->db, e, "order add", arguments[0], text, f);
	if (!e)
		printf("order %s: %zu devices expected\n", arguments[0], count);
	return e;
}

/* Takes the row of the order for this transaction. */
static enum err hold_order(struct mtms *m, const char *order, const char *state, struct fail *f)
{
	int64_t there = 0;
	enum err e = db_run(m->db, f, "UPDATE production_order SET state = state WHERE order_id = ? AND state = ?",
			    "tt", order, state);

	if (e || db_changes(m->db))
		return e;
	e = db_one(m->db, &there, f, "SELECT count(*) FROM production_order WHERE order_id = ?", "t", order);
	if (e)
		return e;
	return there ? fail_set(f, ERR_REFUSED, 0, "order %.64s is not %s", order, state)
		     : fail_set(f, ERR_NOT_FOUND, 0, "no order %.64s", order);
}

enum err order_amend(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	const char *add = NULL, *remove = NULL;
	const struct command_option options[] = { { "--add", true, &add }, { "--remove", true, &remove } };
	struct change c;
	size_t added = 0, removed = 0;
	char text[128];
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (e)
		return e;
	if (!add && !remove)
		return fail_set(f, ERR_USAGE, 0, "--add FILE or --remove FILE is missing");
	e = db_begin(m->db, f);
	if (!e)
		e = hold_order(m, arguments[0], "open", f);
	if (!e)
		e = start_change(m, arguments[0], &c, f);
	if (!e && remove)
		e = inventory_read(remove, remove_device, &c, &removed, f);
	if (!e && add)
		e = inventory_read(add, add_device, &c, &added, f);
	snprintf(text, sizeof(text), "%zu devices added, %zu removed", added, removed);
	e = audit_settle(m->db, e, "order amend", arguments[0], text, f);
	if (!e)
		printf("order %s: %s\n", arguments[0], text);
	return e;
}

enum err order_close(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	const char *incomplete = NULL;
	const struct command_option options[] = { { "--incomplete", false, &incomplete } };
	int64_t all = 0, missing = 0;
	char text[128];
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (!e)
		e = db_begin(m->db, f);
	if (!e)
		e = hold_order(m, arguments[0], "open", f);
	if (!e)
		e = db_one(m->db, &all, f, "SELECT count(*) FROM device WHERE order_id = ?", "t", arguments[0]);
	if (!e)
		e = db_one(m->db, &missing, f, "SELECT count(*) FROM device WHERE order_id = ? AND " DEVICE_MISSING,
			   "t", arguments[0]);
	if (!e && missing && !incomplete)
		e = fail_set(f, ERR_REFUSED, 0,
			     "%lld of %lld devices of order %.64s are missing (`mtmsd missing ORDER` names them);"
			     " --incomplete closes it all the same",
			     (long long)missing, (long long)all, arguments[0]);
	if (!e)
		e = db_run(m->db, f, "UPDATE production_order SET state = 'closed' WHERE order_id = ?", "t",
			   arguments[0]);
	if (!e)
		e = db_run(m->db, f, "UPDATE device SET open = 0 WHERE order_id = ?", "t", arguments[0]);
	snprintf(text, sizeof(text), "%s: %lld of %lld devices are missing", missing ? "incomplete" : "complete",
		 (long long)missing, (long long)all);
	e = audit_settle(m->db, e, "order close", arguments[0], text, f);
	if (!e)
		printf("order %s is closed, %s\n", arguments[0], text);
	return e;
}

/* Devices that went into another open order meanwhile cannot come back into this one; all are named. */
static enum err check_reopen(struct mtms *m, const char *order, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	size_t count = 0;
	enum err e = db_query(m->db, &s, f,
			      "SELECT d.serial, o.serial, o.order_id FROM device d JOIN device o ON o.open = 1 AND"
			      " o.order_id <> d.order_id AND (o.serial = d.serial OR (o.pin_pad = d.pin_pad AND"
			      " o.pin_pad <> '')) WHERE d.order_id = ? ORDER BY d.position",
			      "t", order);

	while (!e && !(e = db_next(s, &row, f)) && row) {
		fprintf(stderr, "%s stands as %s in the open order %s\n", db_text(s, 0), db_text(s, 1), db_text(s, 2));
		count++;
	}
	if (!e && count)
		e = fail_set(f, ERR_REFUSED, 0, "%zu devices of order %.64s stand in other open orders", count, order);
	return e;
}

enum err order_reopen(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	enum err e = db_begin(m->db, f);

	if (!e)
		e = hold_order(m, arguments[0], "closed", f);
	if (!e)
		e = check_reopen(m, arguments[0], f);
	if (!e)
		e = db_run(m->db, f, "UPDATE production_order SET state = 'open' WHERE order_id = ?", "t",
			   arguments[0]);
	if (!e)
		e = db_run(m->db, f, "UPDATE device SET open = 1 WHERE order_id = ?", "t", arguments[0]);
	return audit_settle(m->db, e, "order reopen", arguments[0], "", f);
}
