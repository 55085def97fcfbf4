/* SPDX-License-Identifier: BSD-2-Clause */
/* `approve`, `approvals` and `dual`: what two custodians approve (docs/dual-control.md). */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "pk11_policy.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const struct {
	const char *name;
	CK_ULONG action;
} actions[] = {
	{ "export", SR_ACTION_EXPORT },
	{ "policy", SR_ACTION_POLICY },
	{ "trust", SR_ACTION_TRUST },
	{ "backup", SR_ACTION_BACKUP },
	{ "so-pin", SR_ACTION_SO_PIN },
	{ "unlock", SR_ACTION_UNLOCK },
	{ "custodian", SR_ACTION_CUSTODIAN },
	{ "transport-out", SR_ACTION_TRANSPORT_OUT },
	{ "transport-in", SR_ACTION_TRANSPORT_IN },
};

static const struct show_field approval_fields[] = {
	{ "action", "ACTION", "`export`, `policy`, `trust`, `backup`, `so-pin`, `unlock` or `custodian`" },
	{ "custodian", "CUSTODIAN", "who approved it" },
	{ "minutes_left", "MINUTES LEFT", "until it counts no more" },
	{ "counts", "COUNTS", "false: the custodian is not who he was then any more, or not of the council" },
	{ "subject", "SUBJECT", "what exactly" },
	{ 0 },
};
static const struct show_field approvals_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "approvals", "approvals", "those that wait for what they allow", approval_fields },
	{ 0 },
};
static const struct show_field dual_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "asks", "asks for", "what two custodians must approve; nothing: there is no dual control" },
	{ "council", "council", "custodians whose approvals count; only for who is logged in" },
	{ 0 },
};

/* struct place: an open token, its functions and a session. */
struct place {
	struct pk11 *p;
	struct pk11_session *s;
	const struct sr_function_list *sr;
};

static enum err place_open(struct officer *o, enum pk11_who who, struct place *ret, struct fail *f)
{
	enum err e = officer_open(o, who, &ret->p, f);

	if (e == ERR_OK)
		e = pk11_sr(ret->p, &ret->sr, f);
	return e == ERR_OK ? pk11_borrow(ret->p, &ret->s, f) : e;
}

static void place_close(struct place *at)
{
	pk11_return(at->s, CKR_OK);
	pk11_free(at->p);
}

/* who: a custodian with --user, else the SO. */
static enum pk11_who who(const struct officer *o)
{
	return officer_has(o, "user") ? PK11_USER : PK11_SO;
}

static json_t *approval_json(const struct sr_approval *a)
{
	const char *name = "?";

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (actions[i].action == a->ulAction)
			name = actions[i].name;
	return json_pack("{s:s, s:s, s:I, s:b, s:s}", "action", name, "custodian", (const char *)a->szCustodian,
			 "minutes_left", (json_int_t)(a->ulSecondsLeft + 59) / 60, "counts",
			 (int)(a->flags & SR_APPROVAL_COUNTS), "subject", (const char *)a->szSubject);
}

static enum err show_approvals(struct officer *o, const struct place *at, struct fail *f)
{
	CK_ULONG n = 64;
	struct sr_approval *list = calloc(n, sizeof(*list));
	json_t *all, *array;
	CK_RV rv;

	if (!list)
		return fail_set(f, ERR_NO_MEMORY, 0, "approvals");
	rv = at->sr->SR_GetApprovals(at->s->handle, list, &n);
	if (rv != CKR_OK) {
		free(list);
		return officer_fail(o, f, rv, "SR_GetApprovals", NULL);
	}
	all = officer_answer(at->p);
	array = json_array();
	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(array, approval_json(&list[i]));
	json_object_set_new(all, "approvals", array);
	free(list);
	return officer_show(o, all, f);
}

/* joined: the words behind the action with a blank between. */
static void joined(char **words, struct buf *out)
{
	for (char **w = words; *w; w++)
		buf_printf(out, "%s%s", w == words ? "" : " ", *w);
}

static enum err run_approve(struct officer *o, char **words, struct fail *f)
{
	struct place at = { 0 };
	BUF_AUTO subject = { 0 };
	CK_ULONG action = 0;
	enum err e;
	CK_RV rv;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (!strcmp(words[0], actions[i].name))
			action = actions[i].action;
	if (!action)
		return fail_set(f, ERR_USAGE, 0, "%.40s: export, policy, trust, backup, so-pin, unlock or custodian",
				words[0]);
	if (!officer_has(o, "user"))
		return fail_set(f, ERR_USAGE, 0, "which custodian approves? --user NAME");
	joined(words + 1, &subject);
	e = buf_ok(&subject) ? place_open(o, PK11_USER, &at, f) : fail_set(f, ERR_NO_MEMORY, 0, "subject");
	if (e == ERR_OK) {
		rv = officer_has(o, "withdraw") ? at.sr->SR_Withdraw(at.s->handle, action, subject.p, subject.len)
						: at.sr->SR_Approve(at.s->handle, action, subject.p, subject.len);
		if (rv == CKR_ARGUMENTS_BAD)
			e = fail_set(f, ERR_USAGE, 0, "%.40s: `%.160s` is no subject of it (docs/dual-control.md)",
				     words[0], subject.len ? (const char *)subject.p : "");
		else if (rv == CKR_OBJECT_HANDLE_INVALID)
			e = fail_set(f, ERR_NOT_FOUND, 0, "there is no such approval of this custodian");
		else if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_Approve", NULL);
	}
	if (e == ERR_OK)
		e = show_approvals(o, &at, f);
	place_close(&at);
	return e;
}

static enum err run_approvals(struct officer *o, char **words, struct fail *f)
{
	struct place at = { 0 };
	enum err e = place_open(o, who(o), &at, f);

	if (e == ERR_OK)
		e = show_approvals(o, &at, f);
	place_close(&at);
	return e;
}

static json_t *words_json(struct view text)
{
	json_t *array = json_array();

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		json_array_append_new(array, show_string(VIEW(text.p, n)));
		n += end != NULL;
		text = VIEW(text.p + n, text.n - n);
	}
	return array;
}

static enum err show_dual(struct officer *o, const struct place *at, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	struct sr_user users[128];
	CK_ULONG n = ARRAY_LEN(users);
	json_t *all, *council;
	CK_RV rv = at->sr->SR_GetUsers(at->s->handle, users, &n);
	enum err e = rv == CKR_OK ? pk11_policy_get(at->s, &policy, f) : officer_fail(o, f, rv, "SR_GetUsers", NULL);

	if (e != ERR_OK)
		return e;
	all = officer_answer(at->p);
	council = json_array();
	for (CK_ULONG i = 0; i < n; i++)
		if (users[i].flags & SR_USER_COUNCIL)
			json_array_append_new(council, json_string((const char *)users[i].szName));
	json_object_set_new(all, "asks", words_json(buf_view(&policy.dual)));
	json_object_set_new(all, "council", council);
	return officer_show(o, all, f);
}

static enum err run_show(struct officer *o, char **words, struct fail *f)
{
	struct place at = { 0 };
	enum err e = place_open(o, who(o), &at, f);

	if (e == ERR_OK)
		e = show_dual(o, &at, f);
	place_close(&at);
	return e;
}

/* choose: on adds words to what is asked for; off takes them away, or all. */
static enum err choose(struct officer *o, bool on, char **words, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	struct place at = { 0 };
	BUF_AUTO made = { 0 };
	struct view rest = { 0 };
	enum err e = place_open(o, PK11_SO, &at, f);

	if (e == ERR_OK)
		e = pk11_policy_get(at.s, &policy, f);
	if (e == ERR_OK)
		rest = buf_view(&policy.dual_names);
	for (char **w = words; e == ERR_OK && *w; w++)
		if (!pk11_policy_has(rest, *w))
			e = fail_set(f, ERR_USAGE, 0, "%.40s: export, policy, restore or trust", *w);
	/* Without words all of it is taken away. */
	if (e == ERR_OK)
		pk11_policy_choose(rest, on || *words ? buf_view(&policy.dual) : VIEW(NULL, 0), on, words, &made);
	if (e == ERR_OK)
		e = buf_ok(&made) ? pk11_policy_dual(at.s, buf_view(&made), f)
				  : fail_set(f, ERR_NO_MEMORY, 0, "policy");
	if (e == ERR_OK)
		e = show_dual(o, &at, f);
	place_close(&at);
	return e;
}

static enum err run_on(struct officer *o, char **words, struct fail *f)
{
	return choose(o, true, words, f);
}

static enum err run_off(struct officer *o, char **words, struct fail *f)
{
	return choose(o, false, words, f);
}

static enum err run_enrol(struct officer *o, char **words, struct fail *f)
{
	struct place at = { 0 };
	enum err e = place_open(o, PK11_SO, &at, f);
	CK_RV rv;

	if (e == ERR_OK) {
		rv = at.sr->SR_Enrol(at.s->handle, (CK_UTF8CHAR_PTR)words[0], strlen(words[0]));
		if (rv == CKR_ARGUMENTS_BAD)
			e = fail_set(f, ERR_NOT_FOUND, 0, "%.40s: no such custodian", words[0]);
		else if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_Enrol", words[0]);
	}
	if (e == ERR_OK)
		e = show_dual(o, &at, f);
	place_close(&at);
	return e;
}

static const struct officer_option approve_options[] = {
	{ "withdraw", NULL, "takes the approval back" },
	{ 0 },
};
static const struct officer_form approve_forms[] = {
	{ "", "ACTION [SUBJECT...]", 1, -1, "a custodian (--user) approves exactly this, for one hour and one time",
	  run_approve, approvals_fields },
	{ 0 },
};
const struct officer_command command_approve = {
	.name = "approve",
	.summary = "a custodian approves what needs two of them",
	.text =
	    "ACTION and SUBJECT: `export KEY under WRAPPING-KEY` and `trust KEY` by CKA_UNIQUE_ID; `policy` and the "
	    "whole policy as it shall be (`raw-unwrap dual=policy pin-min=default`); `custodian NAME`; `unlock "
	    "[NAME]`; "
	    "`so-pin`; `backup`.",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = approve_options,
	.forms = approve_forms,
	.examples = "strongroom approve policy raw-unwrap dual=policy pin-min=default --user alice --token HSM1\n"
		    "strongroom approve so-pin --user bob --token HSM1",
};

static const struct officer_form approvals_forms[] = {
	{ "", "", 0, 0, "approvals that wait; as the SO, or with --user as a custodian", run_approvals,
	  approvals_fields },
	{ 0 },
};
const struct officer_command command_approvals = {
	.name = "approvals",
	.summary = "what custodians have approved and has not happened yet",
	.text = "",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.forms = approvals_forms,
};

static const struct officer_form dual_forms[] = {
	{ "show", "", 0, 0, "what needs two custodians, and whose approvals count", run_show, dual_fields },
	{ "on", "NAME...", 1, -1, "the SO: these need two custodians from now on", run_on, dual_fields },
	{ "off", "[NAME...]", 0, -1, "the SO: these, or all, need them no more; two custodians have approved that",
	  run_off, dual_fields },
	{ "enrol", "NAME", 1, 1, "the SO: a custodian joins the council; two of it have approved him", run_enrol,
	  dual_fields },
	{ 0 },
};
const struct officer_command command_dual = {
	.name = "dual",
	.summary = "dual control: what needs two custodians",
	.text = "Export of token keys and backups (`export`), the policy (`policy`), restoring (`restore`) and trust "
		"in keys "
		"(`trust`). The custodians who are there when it begins are the council; later ones join it with the "
		"approval of two (docs/dual-control.md).",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.forms = dual_forms,
	.examples = "strongroom dual on export policy --token HSM1 --so-pin-file so.pin",
};
