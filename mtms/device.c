/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "device.h"

#define CLOCK_SLACK 86400 /* seconds that an operation terminal's clock may be ahead */

static enum err count(struct db *db, int64_t *ret, struct fail *f, const char *sql, struct view a, struct view b)
{
	return db_one(db, ret, f, sql, "vv", a, b);
}

/* What can be told of the packet alone. */
static const char *check_form(const struct device_place *place, const struct batch_terminal *t,
			      const struct tk_packet *p)
{
	if (!view_equal(p->pos_serial, t->serial))
		return "serial number is not that of the packet";
	if (p->suite != place->customer->suite)
		return "suite is not that of the customer";
	if (p->counter > INT64_MAX)
		return "counter is out of range";
	if (t->collected > (uint64_t)time(NULL) + CLOCK_SLACK)
		return "collection time is in the future";
	return NULL;
}

/* Is it one of this order, once? */
static enum err check_inventory(struct db *db, const struct device_place *place, const struct tk_packet *p,
				const char **ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	int64_t before = 0;
	bool row = false;
	enum err e = db_query(db, &s, f, "SELECT pin_pad FROM device WHERE order_id = ? AND serial = ?", "vv",
			      place->order, p->pos_serial);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row) {
		*ret = "unknown: not in the order's inventory";
		return ERR_OK;
	}
	if (db_text(s, 0)[0] && !view_equal(view_of_string(db_text(s, 0)), p->pin_pad)) {
		*ret = "PIN pad is not the one of the inventory";
		return ERR_OK;
	}
	e = db_one(db, &before, f, "SELECT count(*) FROM sn_key WHERE batch = ? AND serial = ? AND position < ?", "ivi",
		   place->batch, p->pos_serial, (int64_t)place->position);
	if (!e && before)
		*ret = "duplicate: the serial number stands in this batch already";
	return e;
}

static enum err check_pin_pad(struct db *db, const struct tk_packet *p, const char **ret, struct fail *f)
{
	int64_t others = 0;
	enum err e;

	if (!p->pin_pad.n)
		return ERR_OK;
	e = count(
	    db, &others, f,
	    "SELECT count(*) FROM sn_key WHERE pin_pad = ? AND serial <> ? AND state IN ('waiting', 'rewrapped') AND"
	    " superseded_by IS NULL",
	    p->pin_pad, p->pos_serial);
	if (!e && !others)
		e = count(db, &others, f, "SELECT count(*) FROM device WHERE open = 1 AND pin_pad = ? AND serial <> ?",
			  p->pin_pad, p->pos_serial);
	if (!e && others)
		*ret = "duplicate: the PIN pad belongs to another device";
	return e;
}

static enum err check_counter(struct db *db, const struct tk_packet *p, const char **ret, struct fail *f)
{
	int64_t last = 0;
	enum err e = db_one(db, &last, f,
			    "SELECT coalesce(max(counter), 0) FROM sn_key WHERE serial = ? AND state IN ('waiting', "
			    "'rewrapped')",
			    "v", p->pos_serial);

	if (!e && (uint64_t)last == p->counter)
		*ret = "duplicate: a packet of this counter is stored";
	else if (!e && (uint64_t)last > p->counter)
		*ret = "counter is not above the stored one";
	return e;
}

enum err device_check(struct db *db, const struct device_place *place, const struct batch_terminal *t,
		      struct verdict *ret, struct fail *f)
{
	struct verdict v = { .reason = "packet is not well formed" };
	int64_t known = 0;
	enum err e = ERR_OK;

	if (tk_packet_parse(t->packet, &v.packet))
		v.reason = check_form(place, t, &v.packet);
	else
		v.packet = (struct tk_packet){ 0 };
	if (!v.reason)
		e = check_inventory(db, place, &v.packet, &v.reason, f);
	if (!e && !v.reason) {
		e = db_one(db, &known, f, "SELECT count(*) FROM working_certificate WHERE serial = ?", "b",
			   v.packet.cert_serial);
		if (!e && !known)
			v.reason = "made for a working certificate that is not ours";
	}
	if (!e && !v.reason)
		e = check_counter(db, &v.packet, &v.reason, f);
	if (!e && !v.reason)
		e = check_pin_pad(db, &v.packet, &v.reason, f);
	if (!e)
		*ret = v;
	return e;
}

/* The older TKs of the terminal: kept, marked, delivered no more if no delivery has them yet (R1.4). */
static enum err supersede(struct db *db, const struct device_place *place, struct view serial, int64_t by,
			  struct fail *f)
{
	int64_t now = time(NULL);
	enum err e =
	    db_run(db, f,
		   "UPDATE sn_key SET superseded_by = ? WHERE serial = ? AND id < ? AND superseded_by IS NULL AND"
		   " state <> 'refused'",
		   "ivi", by, serial, by);

	if (e || !db_changes(db))
		return e;
	e = db_run(
	    db, f,
	    "UPDATE outbox SET state = 'superseded', settled = ? WHERE state = 'waiting' AND delivery IS NULL AND"
	    " sn_key IN (SELECT id FROM sn_key WHERE superseded_by = ?)",
	    "ii", now, by);
	if (!e)
		e = db_run(
		    db, f,
		    "UPDATE device SET state = 'refused', reason = 'superseded: a newer TK came with another order',"
		    " changed = ? WHERE serial = ? AND order_id <> ? AND state IN ('collected', 're-wrapped')",
		    "ivv", now, serial, place->order);
	return e;
}

enum err device_received(struct db *db, const struct device_place *place, struct view serial, int64_t sn_key,
			 const struct verdict *v, struct fail *f)
{
	int64_t now = time(NULL);
	enum err e;

	/* A refusal is seen at a device of which nothing better is known. */
	if (v->reason)
		return db_run(
		    db, f,
		    "UPDATE device SET state = 'refused', reason = ?, changed = ? WHERE order_id = ? AND serial = ?"
		    " AND state IN ('expected', 'refused')",
		    "tivv", v->reason, now, place->order, serial);
	e = supersede(db, place, serial, sn_key, f);
	if (!e)
		e = db_run(
		    db, f,
		    "UPDATE device SET state = 'collected', reason = NULL, sn_key = ?, changed = ? WHERE order_id = ?"
		    " AND serial = ?",
		    "iivv", sn_key, now, place->order, serial);
	return e;
}

enum err device_moved(struct db *db, int64_t sn_key, const char *state, const char *reason, struct fail *f)
{
	return db_run(db, f, "UPDATE device SET state = ?, reason = ?, changed = ? WHERE sn_key = ?", "ttii", state,
		      reason, (int64_t)time(NULL), sn_key);
}
