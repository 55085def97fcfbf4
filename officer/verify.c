/* SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "commands.h"
#include "pk11_sr.h"

#define TIMEOUT_DEFAULT 3600UL

const struct show_field verify_finding_fields[] = {
	{ "kind", "KIND",
	  "`page`: the pages of the file; `object`: an object's record; `index`, `directory`: what objects are found "
	  "by; `user`, "
	  "`policy`, `usage`, `record`, `audit`: those records; `crash`: the reading process was ended by what it "
	  "read; "
	  "`late`: it did not come to an end" },
	{ "id", "ID", "unique id of the object (CKA_UNIQUE_ID), or id of the user; empty: of neither" },
	{ "text", "WHAT IS WRONG", "in words" },
	{ 0 },
};

static const struct show_field fields[] = {
	{ "token", "token", "label of the token", .maybe = true },
	{ "serial", "serial", "its serial number", .maybe = true },
	{ "named", "named", "as the options name it, when it could not be opened", .maybe = true },
	{ "whole", "whole", "true: everything is as it was written" },
	{ "private_seen", "private objects seen", "false: nobody logged in, so that only their outside was checked",
	  .maybe = true },
	{ "repaired", "repaired", "true: indexes and directory were written anew from the records", .maybe = true },
	VERIFY_STATE_FIELDS,
	{ 0 },
};

static const char *kind_name(CK_ULONG kind)
{
	static const char *const names[] = {
		[SR_FINDING_PAGE] = "page", [SR_FINDING_OBJECT] = "object",       [SR_FINDING_INDEX] = "index",
		[SR_FINDING_USER] = "user", [SR_FINDING_DIRECTORY] = "directory", [SR_FINDING_POLICY] = "policy",
		[SR_FINDING_USE] = "usage", [SR_FINDING_META] = "record",         [SR_FINDING_AUDIT] = "audit",
	};

	return kind < ARRAY_LEN(names) && names[kind] ? names[kind] : "record";
}

json_t *verify_finding(const struct sr_finding *finding)
{
	static const CK_BYTE none[16];
	struct view id = VIEW(finding->id, memcmp(finding->id, none, sizeof(none)) != 0 ? sizeof(finding->id) : 0);

	return json_pack("{s:s, s:o, s:o}", "kind", kind_name(finding->ulKind), "id", show_hex(id), "text",
			 show_string(view_of_string((const char *)finding->szText)));
}

void verify_state(json_t *answer, const struct sr_verify_state *state)
{
	json_object_set_new(answer, "pages", json_integer((json_int_t)state->ulPages));
	json_object_set_new(answer, "objects", json_integer((json_int_t)state->ulObjects));
	json_object_set_new(answer, "users", json_integer((json_int_t)state->ulUsers));
	json_object_set_new(answer, "records", json_integer((json_int_t)state->ulRecords));
	json_object_set_new(answer, "findings_in_all", json_integer((json_int_t)state->ulFindings));
}

static json_t *findings_json(const struct sr_finding *findings, CK_ULONG n)
{
	json_t *list = json_array();

	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(list, verify_finding(&findings[i]));
	return list;
}

/* What the child has to do. */
struct job {
	enum pk11_who who;
	CK_FLAGS flags;
};

static enum err verify_open(struct officer *o, const struct job *job, struct pk11 *p, json_t **ret, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct sr_verify_state state = { 0 };
	struct sr_finding *findings = calloc(VERIFY_FINDINGS_MAX, sizeof(*findings));
	struct pk11_session *s = NULL;
	CK_ULONG n = VERIFY_FINDINGS_MAX;
	CK_RV rv = CKR_OK;
	enum err e = findings ? pk11_sr(p, &sr, f) : fail_set(f, ERR_NO_MEMORY, 0, "findings");

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK) {
		child_phase("reading the token's records");
		rv = sr->SR_Verify(s->handle, job->flags, &state, findings, &n);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_Verify", NULL);
	}
	if (e == ERR_OK) {
		*ret = officer_answer(p);
		json_object_set_new(*ret, "whole", json_boolean(state.ulFindings == 0));
		json_object_set_new(*ret, "private_seen", json_boolean(!(state.flags & SR_VERIFY_PRIVATE_UNSEEN)));
		if (job->flags & SR_VERIFY_REPAIR)
			json_object_set_new(*ret, "repaired", json_boolean(state.flags & SR_VERIFY_REPAIRED));
		verify_state(*ret, &state);
		json_object_set_new(*ret, "findings", findings_json(findings, n));
	}
	pk11_return(s, rv);
	free(findings);
	return e;
}

static enum err verify_there(struct officer *o, void *arg, json_t **ret, struct fail *f)
{
	const struct job *job = arg;
	struct pk11 *p = NULL;
	enum err e;

	child_phase("opening the token");
	e = officer_open(o, job->who, &p, f);
	if (e == ERR_OK)
		e = verify_open(o, job, p, ret, f);
	pk11_free(p);
	return e;
}

static const char *named(const struct officer *o)
{
	const char *name = officer_value(o, "uri");

	name = name ? name : officer_value(o, "token");
	return name ? name : "the only token";
}

/* ended: the answer of a child that came to no end of its own. */
static json_t *ended(const struct officer *o, const struct child_end *end)
{
	BUF_AUTO text = { 0 };
	json_t *one;

	if (end->late)
		buf_printf(&text, "the reading process did not come to an end while %s: a damaged page can do that",
			   end->phase);
	else
		buf_printf(&text, "the reading process was ended by signal %d (%s) while %s: a damaged page does that",
			   end->signal, strsignal(end->signal), end->phase);
	one = json_pack("{s:s, s:s, s:o}", "kind", end->late ? "late" : "crash", "id", "", "text",
			show_string(buf_view(&text)));
	return json_pack("{s:o, s:b, s:[o]}", "named", show_string(view_of_string(named(o))), "whole", 0, "findings",
			 one);
}

static enum err run(struct officer *o, struct job *job, unsigned long seconds, json_t **ret, struct fail *f)
{
	struct child_end end;
	enum err e = child_run(o, verify_there, job, (unsigned)seconds, ret, &end, f);

	if (e == ERR_OK && !*ret)
		*ret = ended(o, &end);
	return e;
}

static enum err run_verify(struct officer *o, char **words, struct fail *f)
{
	struct job job = { .who = PK11_USER };
	unsigned long seconds = 0;
	json_t *answer = NULL;
	enum err e = officer_number(o, "timeout", 1, 1000000, TIMEOUT_DEFAULT, &seconds, f);

	if (officer_has(o, "no-login") && (officer_has(o, "repair") || officer_has(o, "pin-file") ||
					   officer_has(o, "so-pin-file") || officer_has(o, "user")))
		return fail_set(f, ERR_USAGE, 0,
				"--no-login: not with a PIN, and not with --repair, which is the SO's");
	if (officer_has(o, "no-login"))
		job.who = PK11_NOBODY;
	else if (officer_has(o, "repair") || officer_has(o, "so-pin-file"))
		job.who = PK11_SO;
	if (officer_has(o, "repair"))
		job.flags = SR_VERIFY_REPAIR;
	if (e == ERR_OK)
		e = run(o, &job, seconds, &answer, f);
	if (e != ERR_OK)
		return e;
	if (!json_is_true(json_object_get(answer, "whole")))
		officer_found(o);
	return officer_show(o, answer, f);
}

enum err verify_before(struct officer *o, struct fail *f)
{
	struct job job = { .who = PK11_NOBODY };
	json_t *answer = NULL;
	const json_t *first;
	enum err e = run(o, &job, TIMEOUT_DEFAULT, &answer, f);

	if (e == ERR_OK && !json_is_true(json_object_get(answer, "whole"))) {
		first = json_array_get(json_object_get(answer, "findings"), 0);
		e = fail_set(f, ERR_TOKEN, 0, "the token is damaged (%.120s); `strongroom verify` says all of it",
			     json_string_value(json_object_get(first, "text")));
	}
	json_decref(answer);
	return e;
}

static const struct officer_option options[] = {
	{ "no-login", NULL, "only what is seen without a PIN: private objects are then checked from outside alone" },
	{ "repair", NULL,
	  "as the security officer: writes indexes and directory anew from the records of the objects, then verifies" },
	{ "timeout", "SECONDS", "gives up a reading that has not come to an end by then; 3600 without it" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "", 0, 0, "reads all of a token and proves it; exit status 3 when something is wrong", run_verify,
	  fields },
	{ 0 },
};

const struct officer_command command_verify = {
	.name = "verify",
	.summary = "reads all of a token and says what is not as it was written",
	.text =
	    "Reads every page, record and index of a token and checks what each is authenticated by. The reading is "
	    "done by a "
	    "child process: should damaged pages crash it, that is a finding. With a login (the default; the security "
	    "officer's when --so-pin-file is given) private objects are opened as well. Others may go on working with "
	    "the token.\n"
	    "Restoring a backup does the same before the copy becomes a token.",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom verify --token HSM1 --pin-file service.pin --json\n"
		    "strongroom verify --token HSM1 --repair --so-pin-file so.pin",
};
