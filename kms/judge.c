/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fingerprint.h"
#include "judge.h"

void judge_done(struct judge_row *r)
{
	buf_done(&r->bytes);
	buf_done(&r->formal_bytes);
	memset(r, 0, sizeof(*r));
}

/* The HSM's verdict. An error that only this record makes is a bad record; one that every call makes stops the import.
 */
static enum err ask_hsm(struct kms *k, struct judge_row *r, struct fail *f)
{
	struct ops_tk tk = { 0 };
	struct fail why = { 0 };
	uint8_t probe[1];
	enum err e;

	e = (k->fpk ? ops_tk_open_import : ops_tk_open)(k->ops, &k->keys[r->record.suite], buf_view(&r->bytes), &tk,
							&why);
	if (!e)
		e = ops_tk_check_values(k->ops, &tk, &r->tek, &r->auk, &why);
	if (!e && k->fpk) {
		e = ops_tk_fingerprints(k->ops, &tk, k->fpk, r->tek_fingerprint, r->auk_fingerprint, &why);
		r->fingerprints = !e;
	}
	ops_tk_close(&tk);
	r->reason = REASON_NONE;
	if (e == ERR_BAD_DATA || e == ERR_REFUSED)
		r->reason = REASON_RECORD;
	else if (e == ERR_TOKEN && !ops_random(k->ops, probe, sizeof(probe), NULL))
		r->reason = REASON_HSM;
	else if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	return ERR_OK;
}

/* What the MAC covers, and the MAC: a record that the DC delivers again may have another DC import time. */
static bool same_record(const struct tk_record *a, const struct tk_record *b)
{
	BUF_AUTO x = { 0 };
	BUF_AUTO y = { 0 };

	tk_record_mac_input(&x, a);
	tk_record_mac_input(&y, b);
	return buf_ok(&x) && buf_ok(&y) && view_equal(buf_view(&x), buf_view(&y)) && view_equal(a->mac, b->mac);
}

/* The formal row against its own record, and that against the HSM, as a download would (R2.7). */
static enum err formal_judge(struct kms *k, struct judge_row *r, struct db_stmt *s, struct fail *f)
{
	struct tk_record record;
	struct fail why = { 0 };
	enum err e;

	r->formal = JUDGE_FORMAL_ALTERED;
	if (!tk_record_parse(buf_view(&r->formal_bytes), &record) || !record.has_imported ||
	    !view_equal(record.pos_serial, r->record.pos_serial) || (int64_t)record.counter != r->formal_counter ||
	    record.suite != db_int(s, 2) || record.handshake != db_int(s, 3) ||
	    !view_equal(record.customer, view_of_string(k->customer)) || !k->keys[record.suite].pk)
		return ERR_OK;
	e = ops_record_verify(k->ops, &k->keys[record.suite], buf_view(&r->formal_bytes), &why);
	if (e == ERR_BAD_DATA || e == ERR_REFUSED)
		return ERR_OK;
	if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	r->formal = JUDGE_FORMAL_GOOD;
	r->same = same_record(&record, &r->record);
	return ERR_OK;
}

static enum err formal_look(struct kms *k, struct judge_row *r, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e;

	r->formal = JUDGE_FORMAL_OLDER;
	e = db_query(k->db, &s, f,
		     "SELECT tk_counter, record, suite, handshake FROM key_formal WHERE serial_number = ?", "v",
		     r->record.pos_serial);
	if (!e)
		e = db_next(s, &r->formal_there, f);
	if (e || !r->formal_there)
		return e;
	r->formal_counter = db_int(s, 0);
	buf_put_view(&r->formal_bytes, db_blob(s, 1));
	if (!buf_ok(&r->formal_bytes))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a record");
	return r->formal_counter < (int64_t)r->record.counter ? ERR_OK : formal_judge(k, r, s, f);
}

/* The highest counter of all times; -1: none. */
static enum err floor_of(struct kms *k, const struct judge_row *r, int64_t *ret, struct fail *f)
{
	return db_one(k->db, ret, f,
		      "SELECT CAST(coalesce(max(tk_counter), -1) AS BIGINT) FROM key_history WHERE serial_number = ?",
		      "v", r->record.pos_serial);
}

enum err judge_row(struct kms *k, struct judge_row *r, struct fail *f)
{
	int64_t least = -1;
	enum err e;

	r->reason = REASON_FORM;
	if (!tk_record_parse(buf_view(&r->bytes), &r->record)) {
		memset(&r->record, 0, sizeof(r->record));
		return ERR_OK;
	}
	if (!r->record.has_imported || r->record.counter > COUNTER_MAX)
		return ERR_OK;
	r->reason = REASON_OTHER_KMS;
	if (!view_equal(r->record.customer, view_of_string(k->customer)))
		return ERR_OK;
	r->reason = REASON_SUITE;
	if (!k->keys[r->record.suite].pk)
		return ERR_OK;
	e = ask_hsm(k, r, f);
	if (e || r->reason)
		return e;
	e = formal_look(k, r, f);
	if (!e)
		e = floor_of(k, r, &least, f);
	if (e)
		return e;
	if ((int64_t)r->record.counter < least || (r->formal == JUDGE_FORMAL_GOOD && !r->same))
		r->reason = REASON_COUNTER;
	return ERR_OK;
}

/* ---- what is written ---- */

#define FORMAL_COLUMNS                                                                                                 \
	"serial_number, pin_pad, tk_counter, suite, handshake, record, tek_method, tek_check_value, auk_method,"       \
	" auk_check_value, source, imported"
#define FORMAL_EXCLUDED                                                                                                \
	"pin_pad = excluded.pin_pad, tk_counter = excluded.tk_counter, suite = excluded.suite,"                        \
	" handshake = excluded.handshake, record = excluded.record, tek_method = excluded.tek_method,"                 \
	" tek_check_value = excluded.tek_check_value, auk_method = excluded.auk_method,"                               \
	" auk_check_value = excluded.auk_check_value, source = excluded.source, imported = excluded.imported"

#define FORMAL_VALUES " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

/* Above what is there; in the place of exactly what was found altered; and what stays for ever. */
static const char newer_sql[] =
    "INSERT INTO key_formal(" FORMAL_COLUMNS ")" FORMAL_VALUES
    ") ON CONFLICT(serial_number) DO UPDATE SET " FORMAL_EXCLUDED " WHERE key_formal.tk_counter < excluded.tk_counter";
static const char repair_sql[] = "INSERT INTO key_formal(" FORMAL_COLUMNS ")" FORMAL_VALUES
				 ") ON CONFLICT(serial_number) DO UPDATE SET " FORMAL_EXCLUDED
				 " WHERE key_formal.record = ? AND key_formal.tk_counter = ?";
static const char history_sql[] =
    "INSERT INTO key_history(" FORMAL_COLUMNS ", collected)" FORMAL_VALUES ", ?) ON CONFLICT DO NOTHING";

/* types: of sql's parameters, the twelve of FORMAL_VALUES first; bytes and number: what follows them. */
static enum err formal_put(struct kms *k, const struct judge_row *r, const char *sql, const char *types,
			   struct view bytes, int64_t number, struct fail *f)
{
	char tek[CHECK_HEX], auk[CHECK_HEX];
	struct view pin_pad = r->record.pin_pad.n ? r->record.pin_pad : VIEW("", 0);
	int64_t counter = (int64_t)r->record.counter, suite = r->record.suite, handshake = r->record.handshake;
	int64_t tek_method = r->tek.method, auk_method = r->auk.method, now = (int64_t)time(NULL);

	check_hex(&r->tek, tek);
	check_hex(&r->auk, auk);
	if (bytes.p)
		return db_run(k->db, f, sql, types, r->record.pos_serial, pin_pad, counter, suite, handshake,
			      buf_view(&r->bytes), tek_method, tek, auk_method, auk, r->id, now, bytes, number);
	return db_run(k->db, f, sql, types, r->record.pos_serial, pin_pad, counter, suite, handshake,
		      buf_view(&r->bytes), tek_method, tek, auk_method, auk, r->id, now, number);
}

/* *ret_outcome NULL: somebody was faster. */
static enum err formal_settle(struct kms *k, const struct judge_row *r, const char **ret_outcome, struct fail *f)
{
	int64_t counter = (int64_t)r->record.counter, least;
	enum err e = floor_of(k, r, &least, f);

	*ret_outcome = NULL;
	if (e || least > counter)
		return e;
	if (r->formal == JUDGE_FORMAL_ALTERED)
		e = formal_put(k, r, repair_sql, "vviiibititiibi",
			       r->formal_bytes.len ? buf_view(&r->formal_bytes) : VIEW("", 0), r->formal_counter, f);
	else
		e = formal_put(k, r, newer_sql, "vviiibititii", VIEW(NULL, 0), 0, f);
	if (e || db_changes(k->db) != 1)
		return e;
	e = formal_put(k, r, history_sql, "vviiibititiii", VIEW(NULL, 0), (int64_t)r->record.collected, f);
	if (!e && r->fingerprints)
		e = fingerprint_tk(k, r->record.pos_serial, counter, r->tek_fingerprint, r->auk_fingerprint, f);
	if (!e)
		*ret_outcome = r->formal == JUDGE_FORMAL_ALTERED || least == counter ? OUTCOME_REPAIRED
			       : least < 0                                           ? OUTCOME_NEW
										     : OUTCOME_NEWER;
	return e;
}

static enum err repair_audit(struct kms *k, const struct judge_row *r, struct fail *f)
{
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	struct audit_entry entry = { .peer = "", .event = "repair", .object = serial };

	snprintf(serial, sizeof(serial), "%.*s", (int)r->record.pos_serial.n, (const char *)r->record.pos_serial.p);
	entry.text = r->formal_there ? "the formal record was altered; the genuine one stands again"
				     : "the formal record was gone; the genuine one stands again";
	return audit_append(k->db, &entry, f);
}

static enum err flag_put(struct kms *k, const struct judge_row *r, const char *outcome, struct fail *f)
{
	struct view serial = r->record.pos_serial;
	int64_t counter = (int64_t)(r->record.counter > COUNTER_MAX ? COUNTER_MAX : r->record.counter);

	if (!serial.n)
		return db_run(k->db, f,
			      "UPDATE key_source SET flag = '" FLAG_ERROR "', error = ?, owner = '' WHERE id = ?", "ti",
			      reason_text(r->reason), r->id);
	if (r->reason)
		return db_run(k->db, f,
			      "UPDATE key_source SET flag = '" FLAG_ERROR
			      "', error = ?, serial_number = ?, tk_counter = ?, owner = '' WHERE id = ?",
			      "tvii", reason_text(r->reason), serial, counter, r->id);
	return db_run(k->db, f,
		      "UPDATE key_source SET flag = '" FLAG_IMPORTED
		      "', outcome = ?, serial_number = ?, tk_counter = ?, imported = ?, owner = '' WHERE id = ?",
		      "tviii", outcome, serial, counter, (int64_t)time(NULL), r->id);
}

enum err judge_settle(struct kms *k, const struct judge_row *r, bool *ret_settled, struct fail *f)
{
	const char *outcome = OUTCOME_KNOWN;
	enum err e;

	*ret_settled = false;
	/* Still ours: and nobody takes it until this transaction is over. */
	e = db_run(k->db, f,
		   "UPDATE key_source SET claimed_until = 0 WHERE id = ? AND owner = ? AND flag = '" FLAG_WAITING "'",
		   "it", r->id, k->owner);
	if (e || db_changes(k->db) != 1)
		return e;
	if (!r->reason && r->formal != JUDGE_FORMAL_GOOD) {
		e = formal_settle(k, r, &outcome, f);
		if (!e && !outcome)
			return db_run(k->db, f, "UPDATE key_source SET owner = '' WHERE id = ?", "i", r->id);
	}
	if (!e && !r->reason && !strcmp(outcome, OUTCOME_REPAIRED))
		e = repair_audit(k, r, f);
	if (!e)
		e = flag_put(k, r, outcome, f);
	*ret_settled = !e;
	return e;
}
