/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
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
	size_t told; /* PIN pads of serial numbers that were there */
};

/* Why a line could not go in: it stands twice, or says another PIN pad than one before. */
static enum err why_not(struct load *l, const struct inventory_line *line, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(l->db, &s, f,
		     "SELECT serial_number, pin_pad, loaded, CASE WHEN serial_number = ? THEN 0 ELSE 1 END FROM"
		     " inventory WHERE production_order = ? AND (serial_number = ? OR (pin_pad = ? AND pin_pad <>"
		     " '')) ORDER BY 4 LIMIT 1",
		     "tttt", line->serial, l->order, line->serial, line->pin_pad);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_BUSY, 0, "another change of the inventory runs; try again");
	if (db_int(s, 3) != 0)
		return fail_set(f, ERR_BAD_DATA, 0, "PIN pad %s belongs to %s", line->pin_pad, db_text(s, 0));
	/* Of this run: it stands twice in the file. */
	if (db_int(s, 2) == l->now)
		return fail_set(f, ERR_BAD_DATA, 0, "serial number %s stands twice", line->serial);
	if (!line->pin_pad[0] || !strcmp(db_text(s, 1), line->pin_pad))
		return ERR_OK;
	return db_text(s, 1)[0] ? fail_set(f, ERR_BAD_DATA, 0, "serial number %s has PIN pad %s already, not %s",
					   line->serial, db_text(s, 1), line->pin_pad)
				: fail_set(f, ERR_BAD_DATA, 0, "PIN pad %s belongs to another one", line->pin_pad);
}

/* A PIN pad may be told later; one that was told stays. */
static enum err take(void *arg, const struct inventory_line *line, struct fail *f)
{
	struct load *l = arg;
	enum err e =
	    db_run(l->db, f,
		   "INSERT INTO inventory(production_order, serial_number, pin_pad, loaded) VALUES(?, ?, ?, ?) ON"
		   " CONFLICT DO NOTHING",
		   "ttti", l->order, line->serial, line->pin_pad, l->now);

	if (e || db_changes(l->db)) {
		l->fresh += !e;
		return e;
	}
	if (!line->pin_pad[0])
		return why_not(l, line, f);
	e = db_run(
	    l->db, f,
	    "UPDATE inventory SET pin_pad = ? WHERE production_order = ? AND serial_number = ? AND pin_pad = '' AND"
	    " loaded <> ? AND NOT EXISTS(SELECT 1 FROM inventory i WHERE i.production_order = ? AND i.pin_pad = ?)",
	    "tttitt", line->pin_pad, l->order, line->serial, l->now, l->order, line->pin_pad);
	if (!e && db_changes(l->db)) {
		l->told++;
		return ERR_OK;
	}
	return e ? e : why_not(l, line, f);
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
	char text[120];
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
	snprintf(text, sizeof(text), "%zu serial numbers, %zu of them new, %zu PIN pads added", count, l.fresh, l.told);
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
