/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "pk11_policy.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "strict", "strict", "true: the token allows what strict has, and no more" },
	{ "allowed", "allows", "relaxations that the token allows (docs/policy.md)" },
	{ "in_force", "in force",
	  "what the configuration of this process leaves of them; without a login what strict has" },
	{ "known", "known", "every relaxation that the module knows" },
	{ "dual", "dual control", "what two custodians must approve (docs/dual-control.md)" },
	{ "pin_min", "new PINs", "letters that a new PIN has at least" },
	{ 0 },
};

/* words_json: a string for each word. */
static json_t *words_json(const struct buf *words)
{
	struct view text = buf_view(words);
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

static enum err show(struct officer *o, struct pk11 *p, struct pk11_session *s, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	enum err e = pk11_policy_get(s, &policy, f);
	json_t *all;

	if (e != ERR_OK)
		return e;
	all = officer_answer(p);
	json_object_set_new(all, "strict", json_boolean(pk11_policy_is_strict(&policy)));
	json_object_set_new(all, "allowed", words_json(&policy.allowed));
	json_object_set_new(all, "in_force", words_json(&policy.in_force));
	json_object_set_new(all, "known", words_json(&policy.known));
	json_object_set_new(all, "dual", words_json(&policy.dual));
	json_object_set_new(all, "pin_min", json_integer((json_int_t)policy.pin_min));
	return officer_show(o, all, f);
}

/* change: allow adds words, forbid takes them away; the order is the module's. */
static enum err change(struct pk11_session *s, bool allow, char **words, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	BUF_AUTO made = { 0 };
	enum err e = pk11_policy_get(s, &policy, f);

	for (char **w = words; e == ERR_OK && *w; w++)
		if (!pk11_policy_has(buf_view(&policy.known), *w))
			e = fail_set(f, ERR_USAGE, 0, "%.64s: no such relaxation; `show` names them", *w);
	if (e != ERR_OK)
		return e;
	pk11_policy_choose(buf_view(&policy.known), buf_view(&policy.allowed), allow, words, &made);
	if (!buf_ok(&made))
		return fail_set(f, ERR_NO_MEMORY, 0, "policy");
	return pk11_policy_set(s, buf_view(&made), f);
}

/* with: opens the token as who, lets work change it, shows what holds now. */
typedef enum err (*work_fn)(struct pk11_session *s, char **words, struct fail *f);
static enum err with(struct officer *o, enum pk11_who who, work_fn work, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e = officer_open(o, who, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK && work)
		e = work(s, words, f);
	if (e == ERR_OK)
		e = show(o, p, s, f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static enum err allow(struct pk11_session *s, char **words, struct fail *f)
{
	return change(s, true, words, f);
}

static enum err forbid(struct pk11_session *s, char **words, struct fail *f)
{
	return change(s, false, words, f);
}

static enum err set_strict(struct pk11_session *s, char **words, struct fail *f)
{
	return pk11_policy_set(s, VIEW_STR("strict"), f);
}

static enum err pin_min(struct pk11_session *s, char **words, struct fail *f)
{
	char *end = NULL;
	unsigned long letters = strtoul(words[0], &end, 10);

	if (words[0][0] < '0' || words[0][0] > '9' || *end != '\0')
		return fail_set(f, ERR_USAGE, 0, "pin-min %.64s: a number of letters, 4 to 64; 0: the default",
				words[0]);
	return pk11_policy_pin_min(s, letters, f);
}

static enum err run_show(struct officer *o, char **words, struct fail *f)
{
	return with(o, PK11_NOBODY, NULL, words, f);
}

static enum err run_set(struct officer *o, char **words, struct fail *f)
{
	if (strcmp(words[0], "strict"))
		return fail_set(f, ERR_USAGE, 0,
				"set %.64s: only `set strict` is there; allow and forbid change the rest", words[0]);
	return with(o, PK11_SO, set_strict, words, f);
}

static enum err run_allow(struct officer *o, char **words, struct fail *f)
{
	return with(o, PK11_SO, allow, words, f);
}

static enum err run_forbid(struct officer *o, char **words, struct fail *f)
{
	return with(o, PK11_SO, forbid, words, f);
}

static enum err run_pin_min(struct officer *o, char **words, struct fail *f)
{
	return with(o, PK11_SO, pin_min, words, f);
}

static const struct officer_form forms[] = {
	{ "show", "", 0, 0, "what the token allows; needs no login", run_show, fields },
	{ "set", "strict", 1, 1, "allows what strict has, and no more", run_set, fields },
	{ "allow", "NAME...", 1, -1, "allows these relaxations as well", run_allow, fields },
	{ "forbid", "NAME...", 1, -1, "allows these relaxations no more", run_forbid, fields },
	{ "pin-min", "LETTERS", 1, 1, "asks for so many letters of a new PIN, 4 to 64; 0: the default", run_pin_min,
	  fields },
	{ 0 },
};

const struct officer_command command_policy = {
	.name = "policy",
	.summary = "what a token allows beyond strict",
	.text = "A new token is strict: it refuses what the published attacks on key management need. The security "
		"officer allows "
		"single relaxations, each by its name; docs/policy.md says what each one opens. Changes hold at once, "
		"in all "
		"processes.",
	.common = COMMON_TOKEN | COMMON_SO,
	.forms = forms,
	.examples =
	    "strongroom policy --token HSM1\nstrongroom policy allow raw-unwrap --token HSM1 --so-pin-file so.pin",
};
