/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kms.h"
#include "open.h"

#define PRUNE_ROWS 500

enum err limits_read(const struct conf *c, struct limits *ret, struct fail *f)
{
	static const struct {
		const char *name;
		unsigned long min;
		unsigned long max;
		size_t at;
	} rows[] = {
		{ "pair_per_minute", 1, 100000, offsetof(struct limits, pair_per_minute) },
		{ "address_per_minute", 1, 1000000, offsetof(struct limits, address_per_minute) },
		{ "pair_failures", 1, 1000, offsetof(struct limits, pair_failures) },
		{ "address_failures", 1, 100000, offsetof(struct limits, address_failures) },
		{ "lock_s", 1, 86400, offsetof(struct limits, lock_s) },
		{ "lock_max_s", 1, 604800, offsetof(struct limits, lock_max_s) },
		{ "forget_s", 1, 2592000, offsetof(struct limits, forget_s) },
		{ "unproven", 1, 100000, offsetof(struct limits, unproven) },
		{ "address_unproven", 1, 100000, offsetof(struct limits, address_unproven) },
		{ "nonce_s", 1, 2592000, offsetof(struct limits, nonce_s) },
		{ "alarm_failures", 1, 1000000, offsetof(struct limits, alarm_failures) },
		{ "alarm_window_s", 1, 86400, offsetof(struct limits, alarm_window_s) },
		{ "error_days", 1, 36500, offsetof(struct limits, error_days) },
		{ "told", 1, 1000000, offsetof(struct limits, told) },
	};
	struct limits all = { 0 };
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < ARRAY_LEN(rows); i++)
		e = conf_number(c, "limits", rows[i].name, rows[i].min, rows[i].max,
				(unsigned long *)(void *)((char *)&all + rows[i].at), f);
	if (!e && all.lock_max_s < all.lock_s)
		e = fail_set(f, ERR_CONFIG, 0, "[limits] lock_max_s: not below lock_s");
	if (!e && all.nonce_s < all.alarm_window_s)
		e = fail_set(f, ERR_CONFIG, 0, "[limits] nonce_s: not below alarm_window_s");
	if (!e)
		*ret = all;
	return e;
}

/* Nodes' clocks differ a little: one that is behind does not begin the minute anew that another has begun. */
#define SAME_MINUTE "throttle.minute >= excluded.minute AND throttle.minute <= excluded.minute + 1"

/* One HELLO more of this row of throttle. */
static enum err count(struct kms *k, struct view serial, const char *address, unsigned long most, int64_t now,
		      enum reason *ret_reason, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	e = db_query(k->db, &s, f,
		     "INSERT INTO throttle(serial_number, address, minute, hellos) VALUES(?, ?, ?, 1)"
		     " ON CONFLICT(serial_number, address) DO UPDATE SET"
		     " hellos = CASE WHEN " SAME_MINUTE " THEN throttle.hellos + 1 ELSE 1 END,"
		     " minute = CASE WHEN " SAME_MINUTE " THEN throttle.minute ELSE excluded.minute END"
		     " RETURNING hellos, locked_until",
		     "vti", serial, address, now / 60);
	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (db_int(s, 1) > now)
		*ret_reason = REASON_LOCKED;
	else if (db_int(s, 0) > (int64_t)most)
		*ret_reason = REASON_RATE;
	return ERR_OK;
}

static enum err unproven(struct kms *k, const struct limit_who *who, int64_t now, enum reason *ret_reason,
			 struct fail *f)
{
	int64_t all = 0, of_address = 0;
	enum err e;

	e = db_one(k->db, &all, f, "SELECT count(*) FROM handshake WHERE state = 'open' AND expires >= ?", "i", now);
	if (!e)
		e = db_one(k->db, &of_address, f,
			   "SELECT count(*) FROM handshake WHERE state = 'open' AND expires >= ? AND address = ?", "it",
			   now, who->address);
	if (!e && (all >= (int64_t)k->limits.unproven || of_address >= (int64_t)k->limits.address_unproven))
		*ret_reason = REASON_UNPROVEN;
	return e;
}

enum err limit_hello(struct kms *k, const struct limit_who *who, enum reason *ret_reason, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	enum reason reason = REASON_NONE;
	enum err e;

	e = count(k, VIEW_STR(""), who->address, k->limits.address_per_minute, now, &reason, f);
	if (!e && !reason)
		e = count(k, who->serial, who->address, k->limits.pair_per_minute, now, &reason, f);
	if (!e && !reason)
		e = unproven(k, who, now, &reason, f);
	if (!e)
		*ret_reason = reason;
	return e;
}

/* The lock of the n-th failure: none below the first that locks, then doubled each time. */
static int64_t lock_seconds(const struct limits *l, int64_t failures, unsigned long first)
{
	int64_t over = failures - (int64_t)first;
	int64_t most = (int64_t)l->lock_max_s;

	if (over < 0)
		return 0;
	if (over > 30 || ((int64_t)l->lock_s << over) > most)
		return most;
	return (int64_t)l->lock_s << over;
}

static enum err fault(struct kms *k, struct view serial, const char *address, unsigned long first, int64_t now,
		      int64_t *ret_seconds, struct fail *f)
{
	int64_t failures = 0, seconds;
	enum err e;

	e = db_one(k->db, &failures, f,
		   "INSERT INTO throttle(serial_number, address, minute, hellos, failures, failed)"
		   " VALUES(?, ?, ?, 0, 1, ?) ON CONFLICT(serial_number, address) DO UPDATE SET"
		   " failures = CASE WHEN throttle.failed < ? THEN 1 ELSE throttle.failures + 1 END,"
		   " failed = excluded.failed RETURNING failures",
		   "vtiii", serial, address, now / 60, now, now - (int64_t)k->limits.forget_s);
	seconds = lock_seconds(&k->limits, failures, first);
	if (!e && seconds)
		e = db_run(k->db, f,
			   "UPDATE throttle SET locked_until = ? WHERE serial_number = ? AND address = ?"
			   " AND locked_until < ?",
			   "ivti", now + seconds, serial, address, now + seconds);
	if (!e)
		*ret_seconds = seconds;
	return e;
}

enum err limit_failed(struct kms *k, const struct limit_who *who, char *ret_text, size_t room, struct fail *f)
{
	int64_t now = (int64_t)time(NULL), pair = 0, address = 0;
	enum err e;

	e = fault(k, VIEW_STR(""), who->address, k->limits.address_failures, now, &address, f);
	if (!e)
		e = fault(k, who->serial, who->address, k->limits.pair_failures, now, &pair, f);
	if (e)
		return e;
	ret_text[0] = 0;
	if (address)
		snprintf(ret_text, room, "address %s is locked for %lld s", who->address, (long long)address);
	else if (pair)
		snprintf(ret_text, room, "this serial number is locked at %s for %lld s", who->address,
			 (long long)pair);
	return ERR_OK;
}

enum err limit_proven(struct kms *k, const struct limit_who *who, struct fail *f)
{
	return db_run(k->db, f,
		      "UPDATE throttle SET failures = 0, locked_until = 0"
		      " WHERE serial_number = ? AND address = ? AND (failures > 0 OR locked_until > 0)",
		      "vt", who->serial, who->address);
}

enum err limit_prune(struct kms *k, bool *ret_more, struct fail *f)
{
	bool more = false;
	int64_t now = (int64_t)time(NULL), kept = (int64_t)k->limits.nonce_s, live = 60 + k->expiry_ms / 1000;
	enum err e;

	if (kept < live)
		kept = live;
	e = db_run(k->db, f, "UPDATE throttle SET locked_until = 0 WHERE locked_until > 0 AND locked_until <= ?", "i",
		   now);
	if (!e)
		e = db_run(k->db, f,
			   "DELETE FROM throttle WHERE (serial_number, address) IN (SELECT serial_number, address FROM"
			   " throttle WHERE minute < ? AND locked_until = 0 AND (failures = 0 OR failed < ?) LIMIT ?)",
			   "iii", now / 60 - 1, now - (int64_t)k->limits.forget_s, (int64_t)PRUNE_ROWS);
	more = !e && db_changes(k->db) >= PRUNE_ROWS;
	/* what a node left behind that was killed */
	if (!e)
		e = db_run(k->db, f,
			   "UPDATE handshake SET state = 'ended', reason = 'expired', ended = ?"
			   " WHERE state = 'open' AND expires < ?",
			   "ii", now, now - 60);
	if (!e)
		e = db_run(k->db, f,
			   "DELETE FROM handshake WHERE id IN (SELECT id FROM handshake WHERE started < ?"
			   " AND state <> 'open' ORDER BY started LIMIT ?)",
			   "ii", now - kept, (int64_t)PRUNE_ROWS);
	more |= !e && db_changes(k->db) >= PRUNE_ROWS;
	if (!e)
		e = db_run(k->db, f,
			   "DELETE FROM download_error WHERE id IN (SELECT id FROM download_error WHERE at < ?"
			   " ORDER BY at LIMIT ?)",
			   "ii", now - (int64_t)k->limits.error_days * 86400, (int64_t)PRUNE_ROWS);
	*ret_more = !e && (more || db_changes(k->db) >= PRUNE_ROWS);
	return e;
}

enum err limit_lift(struct db *d, const char *serial, const char *address, struct fail *f)
{
	bool all = !strcmp(serial, "-") && !strcmp(address, "-");
	enum err e;

	if (all)
		return db_run(d, f, "UPDATE throttle SET failures = 0, locked_until = 0", "");
	e = db_run(d, f, "UPDATE throttle SET failures = 0, locked_until = 0 WHERE serial_number = ? AND address = ?",
		   "tt", strcmp(serial, "-") ? serial : "", address);
	if (!e && !db_changes(d))
		e = fail_set(f, ERR_NOT_FOUND, 0, "no lock-out of %.40s at %.80s: `kmsd lockouts` lists them", serial,
			     address);
	return e;
}
