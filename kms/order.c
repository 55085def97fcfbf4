/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "inventory.h"
#include "keyfile.h"
#include "open.h"
#include "order.h"

#define ORDER_MAX 64

struct load {
	struct db *db;
	const char *order;
	int64_t now;
	size_t fresh;
};

static enum err take(void *arg, const struct inventory_line *line, struct fail *f)
{
	struct load *l = arg;
	enum err e =
	    db_run(l->db, f,
		   "INSERT INTO inventory(production_order, serial_number, loaded) VALUES(?, ?, ?) ON CONFLICT DO"
		   " NOTHING",
		   "tti", l->order, line->serial, l->now);
	bool here = !e && db_changes(l->db) == 0;
	int64_t loaded = 0;

	l->fresh += !e && !here;
	if (here)
		e = db_one(l->db, &loaded, f,
			   "SELECT loaded FROM inventory WHERE production_order = ? AND serial_number = ?", "tt",
			   l->order, line->serial);
	/* Of this run: it stands twice in the file. */
	if (!e && here && loaded == l->now)
		return fail_set(f, ERR_BAD_DATA, 0, "serial number %s stands twice", line->serial);
	return e;
}

static enum err order_begin(void *service, const char *order, struct db **ret, struct fail *f)
{
	if (!keyfile_name_ok(order, ORDER_MAX))
		return fail_set(f, ERR_USAGE, 0, "a production order is 1 to %d of [A-Za-z0-9._-]", ORDER_MAX);
	return kms_open_change(service, ret, f);
}

enum err order_load(void *service, char **arguments, struct fail *f)
{
	struct load l = { .order = arguments[0], .now = (int64_t)time(NULL) };
	size_t count = 0;
	char text[80];
	enum err e = order_begin(service, arguments[0], &l.db, f);

	/* Nobody has loaded in the future; every run has a time of its own. */
	if (!e)
		e = db_one(
		    l.db, &l.now, f,
		    "SELECT CAST(coalesce(max(loaded), 0) AS BIGINT) + 1 FROM inventory WHERE production_order = ?",
		    "t", l.order);
	if (!e && l.now < (int64_t)time(NULL))
		l.now = (int64_t)time(NULL);
	if (!e)
		e = inventory_read(arguments[1], take, &l, &count, f);
	snprintf(text, sizeof(text), "%zu serial numbers, %zu of them new", count, l.fresh);
	e = audit_settle(l.db, e, "inventory load", arguments[0], text, f);
	if (!e)
		printf("%s\n", text);
	db_free(l.db);
	return e;
}

enum err order_drop(void *service, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	enum err e = order_begin(service, arguments[0], &d, f);

	if (!e)
		e = db_run(d, f, "DELETE FROM inventory WHERE production_order = ?", "t", arguments[0]);
	if (!e && !db_changes(d))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no inventory of order %.64s", arguments[0]);
	return audit_settle(d, e, "inventory drop", arguments[0], NULL, f);
}
