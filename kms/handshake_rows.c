/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "alarm.h"
#include "handshake_rows.h"
#include "log.h"

enum reason db_reason(enum err e)
{
	return e == ERR_BUSY ? REASON_DB_BUSY : REASON_DB;
}

static struct limit_who who_of(const struct handshake *h)
{
	return (struct limit_who){ VIEW(h->serial, h->serial_len), h->host };
}

static enum err insert(struct handshake *h, struct view nonce, struct fail *f)
{
	struct view serial = VIEW(h->serial, h->serial_len);
	int64_t now = (int64_t)time(NULL), ours = 0;
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	e = db_one(h->kms->db, &ours, f, "SELECT count(*) FROM handshake WHERE serial_number = ? AND host_nonce = ?",
		   "vb", serial, nonce);
	if (e || ours)
		return e;
	e = db_query(h->kms->db, &s, f,
		     "INSERT INTO handshake(serial_number, nonce, host_nonce, node, address, peer, started, expires)"
		     " VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(serial_number, nonce) DO NOTHING RETURNING id",
		     "vbbtttii", serial, nonce, VIEW(h->host_random, nonce.n), h->kms->node, h->host, h->peer, now,
		     now + 1 + h->kms->expiry_ms / 1000);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && row)
		h->row = db_int(s, 0);
	return e;
}

enum reason rows_open(struct handshake *h, struct view nonce, struct fail *f)
{
	struct limit_who who = who_of(h);
	struct db *d = h->kms->db;
	enum reason reason = REASON_NONE;
	enum err e;

	/* before the transaction: nobody waits for the HSM in one */
	e = ops_random(h->kms->ops, h->host_random, nonce.n, f);
	if (e)
		return e == ERR_BUSY ? REASON_BUSY : REASON_HSM;
	e = db_begin(d, f);
	if (!e)
		e = limit_hello(h->kms, &who, &reason, f);
	if (!e && !reason)
		e = insert(h, nonce, f);
	if (!e && !reason)
		e = db_commit(d, f);
	db_rollback(d);
	if (e) {
		h->row = 0;
		return db_reason(e);
	}
	return reason ? reason : h->row ? REASON_NONE : REASON_REPLAY;
}

enum reason rows_prove(struct handshake *h, struct fail *f)
{
	struct db *d = h->kms->db;
	struct limit_who who = who_of(h);
	enum err e;

	/* Proofs of one serial number that come at once go one after the other: each takes the oldest row first. */
	e = db_run(
	    d, f,
	    "UPDATE handshake SET state = state WHERE id = (SELECT min(id) FROM handshake WHERE serial_number = ?"
	    " AND id < ? AND state <> 'ended' AND state IN('open', 'proven'))",
	    "vi", who.serial, h->row);
	if (e)
		return db_reason(e);
	e = db_run(d, f,
		   "UPDATE handshake SET state = 'proven' WHERE id = ? AND state = 'open' AND NOT EXISTS"
		   " (SELECT 1 FROM handshake n WHERE n.serial_number = ? AND n.id > ?"
		   " AND n.state <> 'ended' AND n.state IN('proven', 'confirmed'))",
		   "ivi", h->row, who.serial, h->row);
	if (!e && db_changes(d) != 1)
		return REASON_SUPERSEDED;
	if (!e)
		e = db_run(d, f,
			   "UPDATE handshake SET state = 'superseded', ended = ? WHERE serial_number = ? AND id < ?"
			   " AND state <> 'ended' AND state IN('open', 'proven')",
			   "ivi", (int64_t)time(NULL), who.serial, h->row);
	if (!e)
		e = limit_proven(h->kms, &who, f);
	return e ? db_reason(e) : REASON_NONE;
}

enum reason rows_confirm(struct handshake *h, struct fail *f)
{
	struct db *d = h->kms->db;
	enum err e =
	    db_run(d, f, "UPDATE handshake SET state = 'confirmed', ended = ? WHERE id = ? AND state = 'proven'", "ii",
		   (int64_t)time(NULL), h->row);

	if (!e && db_changes(d) != 1)
		return REASON_SUPERSEDED;
	return e ? db_reason(e) : REASON_NONE;
}

static enum err error_row(struct handshake *h, const struct rows_end *end, struct fail *f)
{
	return db_run(h->kms->db, f,
		      "INSERT INTO download_error(at, node, serial_number, peer, step, reason, tk_counter, tek_formal,"
		      " auk_formal, tek_hsm, auk_hsm, tek_terminal, auk_terminal, tmk_kms,"
		      " tmk_terminal, detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		      "itvtttittttttttt", (int64_t)time(NULL), h->kms->node, VIEW(h->serial, h->serial_len), h->peer,
		      handshake_step(h), reason_word(end->reason), h->counter, h->tek_check, h->auk_check, end->tek_hsm,
		      end->auk_hsm, h->tek_told, h->auk_told, h->tmk_kms, h->tmk_told, end->detail);
}

static void audit_text(struct handshake *h, const struct rows_end *end, const char *locked, char *ret, size_t room)
{
	const struct {
		const char *who;
		const char *tek;
		const char *auk;
	} checks[] = { { "", h->tek_check, h->auk_check },
		       { " as the HSM opened it", end->tek_hsm, end->auk_hsm },
		       { " as the terminal says", h->tek_told, h->auk_told } };
	size_t n = (size_t)snprintf(ret, room, "%s at %s: %s", reason_word(end->reason), handshake_step(h),
				    reason_text(end->reason));

	for (size_t i = 0; i < ARRAY_LEN(checks) && n < room; i++)
		if (checks[i].tek[0])
			n += (size_t)snprintf(ret + n, room - n, "; TEK %s, AUK %s%s", checks[i].tek, checks[i].auk,
					      checks[i].who);
	if (h->tmk_told[0] && n < room)
		n += (size_t)snprintf(ret + n, room - n, "; TMK %s here, %s as the terminal says",
				      h->tmk_kms[0] ? h->tmk_kms : "none", h->tmk_told);
	if (locked[0] && n < room)
		n += (size_t)snprintf(ret + n, room - n, "; %s", locked);
	if (end->detail[0] && n < room)
		snprintf(ret + n, room - n, "; %s", end->detail);
}

enum err rows_end(struct handshake *h, const struct rows_end *end, struct fail *f)
{
	struct audit_entry entry = { .peer = h->peer,
				     .event = h->sign_in ? "sign-in" : "download",
				     .object = h->serial,
				     .code = reason_err(end->reason) };
	char text[700], locked[160] = "", alarm[400] = "";
	struct limit_who who = who_of(h);
	struct db *d = h->kms->db;
	bool opened = false;
	enum err e;

	e = db_begin(d, f);
	if (!e && h->row)
		e = db_run(d, f,
			   "UPDATE handshake SET state = 'ended', reason = ?, failed = ?, ended = ?"
			   " WHERE id = ? AND state IN('open', 'proven')",
			   "tiii", reason_word(end->reason), (int64_t)end->failure, (int64_t)time(NULL), h->row);
	if (!e && end->failure)
		e = limit_failed(h->kms, &who, locked, sizeof(locked), f);
	if (!e && end->failure)
		e = alarm_check(h->kms, &opened, alarm, sizeof(alarm), f);
	if (!e && h->serial_len && !end->quiet && !h->hushed)
		e = error_row(h, end, f);
	audit_text(h, end, locked, text, sizeof(text));
	entry.text = text;
	if (!e && !h->hushed)
		e = audit_append(d, &entry, f);
	e = db_settle(d, e, f);
	if (!e && opened)
		log_line(LOG_LEVEL_ERROR, "alarm", "%s", alarm);
	return e;
}
