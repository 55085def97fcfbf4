/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit_words.h"
#include "commands.h"
#include "now.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

#define WINDOW 256

const struct show_field audit_row_fields[] = {
	{ "record", "RECORD", "its number; the first of the token is 1" },
	{ "segment", NULL, "segment in which it stands; 0: of a token before schema 2" },
	{ "time", "TIME", "UTC; null: not to be read" },
	{ "user", "USER",
	  "`so`, `user`, the name of a custodian, or `-` for nobody; at a failed login whose PIN it was" },
	{ "event", "EVENT", "what happened (docs/audit.md); `segment`: one begins here; null: not to be read" },
	{ "number", NULL, "number of the event" },
	{ "label", "LABEL", "of the object, or what the event is about" },
	{ "object", "OBJECT", "CKA_UNIQUE_ID" },
	{ "result", "RESULT", "CKR_OK, or why it failed" },
	{ "count", "COUNT", "how often, of what is counted over a session; 0: the event itself" },
	{ "process", "PROCESS", "process id" },
	{ "program", "PROGRAM", "executable of that process" },
	{ "begun", NULL, "of a segment: why: init, again, restart, copy, migration", NULL, true },
	{ "was", NULL, "of a segment: what was wrong with the state file before, as `state`", NULL, true },
	{ "expected", NULL, "of a segment: the first record that was missing or changed then; 0: none", NULL, true },
	{ "bad", "BAD", "good, cut, changed, moved, unsigned" },
	{ 0 },
};

#define STATE_FIELDS                                                                                                   \
	{ "records", "records", "how many the trail has" }, { "segment", "segment", "the last one" },                  \
	    { "first_bad", "first bad", "the first record that is not what was written; null: all are" },              \
	    { "bad", "it is", "cut: not there; changed; moved: of another place; unsigned; null: none is bad" },       \
	    { "state", "audit.state",                                                                                  \
	      "fits; missing; unreadable; foreign: of another token or time; leads: records were cut off; changed: "   \
	      "the "                                                                                                   \
	      "last records were" },                                                                                   \
	{                                                                                                              \
		"proved", "proved", "contents: each record opened under its key; hashes: nobody was logged in"         \
	}

static const struct show_field list_fields[] = {
	OFFICER_TOKEN_FIELDS,
	STATE_FIELDS,
	{ "trail", "trail", "from the first to the last", audit_row_fields },
	{ 0 },
};
static const struct show_field state_fields[] = { OFFICER_TOKEN_FIELDS, STATE_FIELDS, { 0 } };
static const struct show_field head_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "record", "record", "the last one, which the head tells of" },
	{ "time", "time", "UTC" },
	{ "head", "head", "the token's signed word; keep it elsewhere, for `strongroom audit check`" },
	{ "statement_key", "statement key", "the key that signs, SubjectPublicKeyInfo in base64" },
	{ 0 },
};

/* put_state: what was found, and whether something is wrong. */
static void put_state(struct officer *o, json_t *all, const struct sr_audit_state *s)
{
	bool wrong = s->ulFirstBad != 0 || s->ulState != SR_AUDIT_STATE_FITS;

	json_object_set_new(all, "records", json_integer((json_int_t)s->ulLast));
	json_object_set_new(all, "segment", json_integer((json_int_t)s->ulSegment));
	json_object_set_new(all, "first_bad", s->ulFirstBad ? json_integer((json_int_t)s->ulFirstBad) : json_null());
	json_object_set_new(all, "bad", s->ulFirstBad ? json_string(audit_bad_word(s->ulBad)) : json_null());
	json_object_set_new(all, "state", json_string(audit_state_word(s->ulState)));
	json_object_set_new(all, "proved", json_string(s->flags & SR_AUDIT_SEALED ? "hashes" : "contents"));
	if (wrong)
		officer_found(o);
}

json_t *audit_row(const struct sr_audit_entry *e)
{
	json_t *row = json_object();
	bool segment = e->ulEvent == SR_AUDIT_SEGMENT, open = e->ulEvent != 0;
	char time[TIME_TEXT], result[32];

	json_object_set_new(row, "record", json_integer((json_int_t)e->ulSequence));
	json_object_set_new(row, "segment", json_integer((json_int_t)e->ulSegment));
	json_object_set_new(row, "time", open ? json_string(time_text_ms((int64_t)e->ulTime, time)) : json_null());
	json_object_set_new(row, "user", open && !segment ? show_string(audit_user(e)) : json_null());
	json_object_set_new(row, "event", open ? json_string((const char *)e->szEvent) : json_null());
	json_object_set_new(row, "number", json_integer((json_int_t)e->ulEvent));
	json_object_set_new(row, "label", show_string(view_of_string((const char *)e->szLabel)));
	json_object_set_new(row, "object", show_hex(VIEW(e->object, e->ulObjectLen)));
	json_object_set_new(row, "result", open && !segment ? json_string(ck_name(e->ulResult, result)) : json_null());
	json_object_set_new(row, "count", json_integer((json_int_t)e->ulCount));
	json_object_set_new(row, "process", json_integer((json_int_t)e->ulProcess));
	json_object_set_new(row, "program", show_string(view_of_string((const char *)e->szProgram)));
	if (segment) {
		json_object_set_new(row, "begun", json_string(audit_begun_word(e->ulBegun)));
		json_object_set_new(row, "was", json_string(audit_state_word(e->ulState)));
		json_object_set_new(row, "expected", json_integer((json_int_t)e->ulExpected));
		json_object_set_new(row, "label", json_sprintf("%lu, %s", e->ulSegment, audit_begun_word(e->ulBegun)));
	}
	json_object_set_new(row, "bad", json_string(audit_bad_word(e->ulBad)));
	return row;
}

/* struct open: the token and its functions. */
struct open {
	struct pk11 *p;
	struct pk11_session *s;
	const struct sr_function_list *sr;
};

static void close_token(struct open *t)
{
	pk11_return(t->s, CKR_OK);
	pk11_free(t->p);
	*t = (struct open){ NULL };
}

static enum err open_token(struct officer *o, enum pk11_who who, struct open *t, struct fail *f)
{
	enum err e = officer_open(o, who, &t->p, f);

	if (e == ERR_OK)
		e = pk11_sr(t->p, &t->sr, f);
	return e == ERR_OK ? pk11_borrow(t->p, &t->s, f) : e;
}

/* whole: every record is looked at. */
static enum err whole(struct officer *o, struct open *t, struct sr_audit_state *ret, struct fail *f)
{
	CK_ULONG n = 0;
	CK_RV rv = t->sr->SR_GetAudit(t->s->handle, 1, NULL, &n, ret);

	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_GetAudit", NULL);
}

/*
 * open_reader: logged in, as far as the trail lets anybody in: when its end is not in order, no login can be written
 * down, and what can be said without one is said.
 */
static enum err open_reader(struct officer *o, struct open *t, struct sr_audit_state *ret, struct fail *f)
{
	enum err e = open_token(o, PK11_NOBODY, t, f);

	if (e == ERR_OK)
		e = whole(o, t, ret, f);
	if (e != ERR_OK || ret->ulState != SR_AUDIT_STATE_FITS || officer_has(o, "no-login"))
		return e;
	close_token(t);
	e = open_token(o, officer_has(o, "so") ? PK11_SO : PK11_USER, t, f);
	return e == ERR_OK ? whole(o, t, ret, f) : e;
}

/* read_rows: count rows from `from` on, in windows. */
static enum err read_rows(struct officer *o, struct open *t, CK_ULONG from, CK_ULONG count, json_t *list,
			  struct fail *f)
{
	struct sr_audit_entry *rows = calloc(WINDOW, sizeof(*rows));
	struct sr_audit_state state = { 0 };
	CK_RV rv = CKR_OK;
	enum err e = rows ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "trail");

	while (e == ERR_OK && count > 0 && !(state.flags & SR_AUDIT_ENDED)) {
		CK_ULONG n = count < WINDOW ? count : WINDOW;

		rv = t->sr->SR_GetAudit(t->s->handle, from, rows, &n, &state);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_GetAudit", NULL);
		for (CK_ULONG i = 0; e == ERR_OK && i < n; i++)
			json_array_append_new(list, audit_row(&rows[i]));
		if (e == ERR_OK && n == 0)
			break;
		if (e == ERR_OK) {
			count -= n;
			from = rows[n - 1].ulSequence + 1;
			if (state.ulChecked + 1 > from)
				from = state.ulChecked + 1; /* behind a gap */
		}
	}
	free(rows);
	return e;
}

static enum err run_list(struct officer *o, char **words, struct fail *f)
{
	struct sr_audit_state state = { 0 };
	struct open t = { NULL };
	json_t *all, *list;
	unsigned long from = 0, last = 0;
	enum err e = officer_number(o, "from", 1, ULONG_MAX, 1, &from, f);

	if (e == ERR_OK)
		e = officer_number(o, "last", 1, ULONG_MAX, ULONG_MAX, &last, f);
	if (e == ERR_OK && officer_has(o, "from") && officer_has(o, "last"))
		e = fail_set(f, ERR_USAGE, 0, "--from and --last: one of them");
	if (e == ERR_OK)
		e = open_reader(o, &t, &state, f);
	if (e != ERR_OK) {
		close_token(&t);
		return e;
	}
	if (last < state.ulLast)
		from = state.ulLast - last + 1;
	all = officer_answer(t.p);
	put_state(o, all, &state);
	list = json_array();
	json_object_set_new(all, "trail", list);
	e = read_rows(o, &t, from, last, list, f);
	close_token(&t);
	if (e == ERR_OK)
		return officer_show(o, all, f);
	json_decref(all);
	return e;
}

static enum err run_verify(struct officer *o, char **words, struct fail *f)
{
	struct sr_audit_state state = { 0 };
	struct open t = { NULL };
	json_t *all = NULL;
	enum err e = open_reader(o, &t, &state, f);

	if (e == ERR_OK) {
		all = officer_answer(t.p);
		put_state(o, all, &state);
	}
	close_token(&t);
	return e == ERR_OK ? officer_show(o, all, f) : e;
}

/* statement_key: in base64. */
static enum err statement_key(struct officer *o, struct open *t, struct buf *ret, struct fail *f)
{
	CK_BYTE key[128];
	CK_ULONG n = sizeof(key);
	CK_RV rv = t->sr->SR_GetStatementKey(t->s->handle, key, &n);

	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "SR_GetStatementKey", NULL);
	base64_encode(VIEW(key, n), ret);
	return ERR_OK;
}

static enum err head(struct officer *o, struct open *t, json_t *all, struct fail *f)
{
	CK_BYTE head[SR_AUDIT_HEAD_LEN];
	CK_ULONG n = sizeof(head);
	char time[TIME_TEXT];
	BUF_AUTO text = { 0 };
	BUF_AUTO key = { 0 };
	enum err e = ERR_OK;
	CK_RV rv = t->sr->SR_AuditHead(t->s->handle, head, &n);

	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "SR_AuditHead", NULL);
	base64_encode(VIEW(head, n), &text);
	e = statement_key(o, t, &key, f);
	if (e == ERR_OK && (!buf_ok(&text) || !buf_ok(&key)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "head");
	if (e != ERR_OK)
		return e;
	json_object_set_new(all, "record", json_integer((json_int_t)be_get64(head + AUDIT_HEAD_SEQUENCE)));
	json_object_set_new(all, "time", json_string(time_text_ms((int64_t)be_get64(head + AUDIT_HEAD_TIME), time)));
	json_object_set_new(all, "head", json_stringn((const char *)text.p, text.len));
	json_object_set_new(all, "statement_key", json_stringn((const char *)key.p, key.len));
	return ERR_OK;
}

/* run_head: of a trail that is whole: a head says that nothing before it was touched until now. */
static enum err run_head(struct officer *o, char **words, struct fail *f)
{
	struct sr_audit_state state = { 0 };
	struct open t = { NULL };
	json_t *all = NULL;
	enum err e = open_reader(o, &t, &state, f);

	if (e == ERR_OK && (state.ulFirstBad || state.ulState != SR_AUDIT_STATE_FITS))
		e = fail_set(f, ERR_BAD_DATA, 0, "the trail is not whole: `strongroom audit verify` says where");
	if (e == ERR_OK) {
		all = officer_answer(t.p);
		e = head(o, &t, all, f);
	}
	close_token(&t);
	if (e == ERR_OK)
		return officer_show(o, all, f);
	json_decref(all);
	return e;
}

static enum err check(struct officer *o, struct open *t, struct view head, struct sr_audit_state *ret, struct fail *f)
{
	CK_RV rv = t->sr->SR_CheckAudit(t->s->handle, (CK_BYTE_PTR)(uintptr_t)head.p, head.n, ret);

	if (rv == CKR_SIGNATURE_INVALID)
		return fail_set(f, ERR_REFUSED, rv, "the head was not signed by this token");
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_CheckAudit", NULL);
}

static enum err run_check(struct officer *o, char **words, struct fail *f)
{
	struct sr_audit_state state = { 0 };
	struct open t = { NULL };
	json_t *all = NULL;
	BUF_AUTO head = { 0 };
	enum err e = audit_head_read(words[0], &head, f);

	if (e == ERR_OK)
		e = open_reader(o, &t, &state, f);
	if (e == ERR_OK)
		e = check(o, &t, buf_view(&head), &state, f);
	if (e == ERR_OK) {
		all = officer_answer(t.p);
		put_state(o, all, &state);
	}
	close_token(&t);
	return e == ERR_OK ? officer_show(o, all, f) : e;
}

static enum err run_restart(struct officer *o, char **words, struct fail *f)
{
	struct sr_audit_state state = { 0 };
	SECRET_AUTO pin = { 0 };
	struct open t = { NULL };
	json_t *all = NULL;
	enum err e = open_token(o, PK11_NOBODY, &t, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = officer_pin(o, PK11_SO, &pin, f);
	if (e == ERR_OK && pin.len == 0)
		e = fail_set(f, ERR_USAGE, 0, "the PIN comes from --so-pin-file or the terminal, not from the URI");
	if (e == ERR_OK) {
		rv = t.sr->SR_RestartAudit(t.s->handle, pin.p, pin.len);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_RestartAudit", "the security officer");
	}
	if (e == ERR_OK)
		e = whole(o, &t, &state, f);
	if (e == ERR_OK) {
		all = officer_answer(t.p);
		put_state(o, all, &state);
	}
	close_token(&t);
	return e == ERR_OK ? officer_show(o, all, f) : e;
}

static const struct officer_option options[] = {
	{ "so", NULL, "log in as the security officer (--so-pin-file), not as a user" },
	{ "no-login", NULL, "log nobody in: the chain of hashes and the end are checked, contents are not read" },
	{ "from", "RECORD", "list: the records from this one on" },
	{ "last", "COUNT", "list: so many, up to the last" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "list", "", 0, 0, "the records: when, who, what, on which object, with what result, by which process",
	  run_list, list_fields },
	{ "verify", "", 0, 0,
	  "every record is looked at; names the first that was cut, changed or moved (exit status 3)", run_verify,
	  state_fields },
	{ "head", "", 0, 0, "the token's signed word on its last record, to be kept elsewhere", run_head, head_fields },
	{ "check", "FILE", 1, 1,
	  "the trail against a head that was kept: sees as well when all of the token's files were put back to an "
	  "older "
	  "state",
	  run_check, state_fields },
	{ "restart", "", 0, 0,
	  "the SO begins a new segment, after the state file was lost or the trail was cut; the trail shows it",
	  run_restart, state_fields },
	{ 0 },
};

const struct officer_command command_audit = {
	.name = "audit",
	.summary = "the audit trail: what happened to the token, and whether anybody touched the trail",
	.text =
	    "The trail stands inside the token, sealed: reading it needs a login, of whichever user. Each record is "
	    "sealed under a key that is forgotten at once, so that who gets hold of the files can neither read nor "
	    "change what was there before. What cannot be written down does not happen: when the file "
	    "audit.state is missing or the end of the trail was cut off, nobody can log in until the security "
	    "officer has begun the trail anew (`audit restart`). Files that were put back as a whole to an older "
	    "state are seen only by a head that was kept elsewhere (`audit head`, `audit check`).",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom audit list --token HSM1 --last 20\nstrongroom audit verify --so --token HSM1\n"
		    "strongroom audit head --json --token HSM1 > head-of-today\n"
		    "strongroom audit check head-of-today --token HSM1",
};
