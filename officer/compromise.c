/* SPDX-License-Identifier: BSD-2-Clause */
/* `compromise`: what a key touched that somebody may know (docs/dual-control.md, When a key may be known). */
#include "ck.h"

#include "compromise.h"

#include <stdlib.h>
#include <string.h>

#include "audit_words.h"
#include "commands.h"
#include "vendor_functions.h"

/* struct report: while it is made. gone: --unique-id of a key that is not in the token. */
struct report {
	struct officer *o;
	struct pk11 *p;
	struct pk11_session *s;
	struct family fam;
	const char *gone;
	json_t *all;
	json_t *ids, *labels; /* of the suspects, for the trail */
	json_t *keys;
};

/* choose_one: the key is suspect; the public half of a pair as well: what came in under that is the pair's. */
static void choose_one(struct report *r, struct kin *k)
{
	BUF_AUTO id = { 0 };
	BUF_AUTO other = { 0 };

	k->level = 0;
	if (k->class != CKO_PRIVATE_KEY)
		return;
	object_text(r->s, k->object, CKA_ID, &id);
	for (size_t i = 0; id.len > 0 && i < r->fam.n; i++) {
		struct kin *half = &r->fam.all[i];

		if (half->class != CKO_PUBLIC_KEY)
			continue;
		other.len = 0;
		object_text(r->s, half->object, CKA_ID, &other);
		if (view_equal(buf_view(&id), buf_view(&other)))
			half->level = 0;
	}
}

/* choose: the keys that the options name. */
static enum err choose(struct report *r, struct fail *f)
{
	const char *unique = officer_value(r->o, "unique-id");
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0, chosen = 0;
	enum err e = object_query_of(r->o, &q, f);

	if (e == ERR_OK && unique)
		object_query_add(&q, CKA_UNIQUE_ID, unique, strlen(unique));
	if (e == ERR_OK)
		e = objects_found(r->s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		for (size_t j = 0; j < r->fam.n; j++)
			if (r->fam.all[j].object == found[i]) {
				choose_one(r, &r->fam.all[j]);
				chosen++;
			}
	free(found);
	if (e != ERR_OK || chosen > 0)
		return e;
	if (!unique || strlen(unique) != KIN_ID)
		return fail_set(f, ERR_KEY_MISSING, 0,
				"no key of the token is meant; `strongroom list objects` shows them");
	r->gone = unique; /* it may have been destroyed: what came of it and what the trail says stays */
	return ERR_OK;
}

/* put_keys: every key into the list where it belongs. */
static enum err put_keys(struct report *r, json_t *came, json_t *orphans, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->fam.n; i++) {
		const struct kin *k = &r->fam.all[i];
		bool orphan = k->level == KIN_NOT && family_orphan(&r->fam, k);
		json_t *row = NULL;

		if (k->level == KIN_NOT && !orphan)
			continue;
		e = key_row(r->s, k, &row, f);
		if (e != ERR_OK)
			break;
		if (k->level == 0) {
			json_array_append_new(r->ids, json_string(k->id));
			json_array_append(r->labels, json_object_get(row, "label"));
		}
		json_array_append_new(k->level == 0 ? r->keys : orphan ? orphans : came, row);
	}
	return e;
}

/* same_name: of the same role and label as a suspect, and none itself. */
static bool same_name(const struct report *r, const json_t *row)
{
	bool same = false;

	for (size_t i = 0; i < json_array_size(r->keys); i++) {
		const json_t *key = json_array_get(r->keys, i);

		if (json_equal(json_object_get(key, "unique_id"), json_object_get(row, "unique_id")))
			return false;
		if (json_is_string(json_object_get(key, "role")) &&
		    json_equal(json_object_get(key, "role"), json_object_get(row, "role")) &&
		    json_equal(json_object_get(key, "label"), json_object_get(row, "label")))
			same = true;
	}
	return same;
}

static enum err put_generations(struct report *r, json_t *list, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->fam.n; i++) {
		CK_ULONG role = 0;
		json_t *row = NULL;

		if (!object_number(r->s, r->fam.all[i].object, CKA_SR_ROLE, &role))
			continue;
		e = key_row(r->s, &r->fam.all[i], &row, f);
		if (e == ERR_OK && same_name(r, row))
			json_array_append(list, row);
		json_decref(row);
	}
	return e;
}

static enum err put_advice(struct report *r, struct fail *f)
{
	const char *token = json_string_value(json_object_get(r->all, "token"));
	json_t *steps = json_array();

	for (size_t i = 0; i < json_array_size(r->keys); i++) {
		json_t *key = json_array_get(r->keys, i);

		if (strcmp(json_string_value(json_object_get(key, "class")), "public-key") != 0)
			advice_steps(steps, key, token);
	}
	json_object_set_new(r->all, "advice", steps);
	json_object_set_new(r->all, "cannot_say", advice_unsaid(r->keys));
	return steps ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "report");
}

static enum err about_keys(struct report *r, bool *ret_whole, struct fail *f)
{
	json_t *came = json_array(), *orphans = json_array(), *generations = json_array();
	enum err e = choose(r, f);

	json_object_set_new(r->all, "about", json_string("keys"));
	json_object_set(r->all, "keys", r->keys);
	json_object_set_new(r->all, "gone", json_array());
	json_object_set_new(r->all, "generations", generations);
	json_object_set_new(r->all, "came_of_it", came);
	json_object_set_new(r->all, "orphans", orphans);
	if (e == ERR_OK) {
		family_spread(&r->fam, r->gone);
		e = put_keys(r, came, orphans, f);
	}
	json_object_set_new(r->all, "descendants", json_integer((json_int_t)json_array_size(came)));
	if (e == ERR_OK && r->gone) {
		json_array_append_new(json_object_get(r->all, "gone"), json_string(r->gone));
		json_array_append_new(r->ids, json_string(r->gone));
	}
	if (e == ERR_OK)
		e = put_generations(r, generations, f);
	if (e == ERR_OK)
		e = trail_about(r->o, r->p, r->s, r->ids, r->labels, r->all, ret_whole, f);
	return e == ERR_OK ? put_advice(r, f) : e;
}

/* about_token_key: every object that has a secret part. */
static enum err about_token_key(struct report *r, bool *ret_whole, struct fail *f)
{
	const char *token = json_string_value(json_object_get(r->all, "token"));
	json_t *advice = json_array();
	enum err e = ERR_OK;

	json_object_set_new(r->all, "about", json_string("token-key"));
	json_object_set(r->all, "objects", r->keys);
	for (size_t i = 0; e == ERR_OK && i < r->fam.n; i++) {
		json_t *row = NULL;

		if (r->fam.all[i].class == CKO_PUBLIC_KEY)
			continue;
		e = key_row(r->s, &r->fam.all[i], &row, f);
		if (row)
			json_array_append_new(r->keys, row);
	}
	if (e == ERR_OK)
		e = trail_about(r->o, r->p, r->s, NULL, NULL, r->all, ret_whole, f);
	advice_steps(advice, NULL, token);
	json_object_set_new(r->all, "advice", advice);
	json_object_set_new(r->all, "cannot_say", advice_unsaid(NULL));
	return e;
}

static enum err run(struct officer *o, char **words, struct fail *f)
{
	bool chosen =
	    officer_has(o, "role") || officer_has(o, "label") || officer_has(o, "id") || officer_has(o, "unique-id");
	struct report r = { .o = o };
	bool whole = true;
	enum err e;

	if (chosen == officer_has(o, "token-key"))
		return fail_set(f, ERR_USAGE, 0,
				"which key may be known? --role, --label, --id, --unique-id, or --token-key alone");
	e = officer_open(o, PK11_USER, &r.p, f);
	if (e == ERR_OK)
		e = pk11_borrow(r.p, &r.s, f);
	if (e == ERR_OK)
		e = family_read(r.s, &r.fam, f);
	r.keys = json_array();
	r.ids = json_array();
	r.labels = json_array();
	if (e == ERR_OK) {
		r.all = officer_answer(r.p);
		e = chosen ? about_keys(&r, &whole, f) : about_token_key(&r, &whole, f);
	}
	if (e == ERR_OK && !whole)
		officer_found(o);
	if (e == ERR_OK)
		e = officer_show(o, json_incref(r.all), f);
	json_decref(r.all);
	json_decref(r.keys);
	json_decref(r.ids);
	json_decref(r.labels);
	family_done(&r.fam);
	pk11_return(r.s, CKR_OK);
	pk11_free(r.p);
	return e;
}

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "about", "about", "keys, or token-key" },
	{ "keys", "keys that may be known", "those that the options choose, and the public halves of pairs",
	  key_row_fields, .maybe = true },
	{ "gone", "not in the token any more", "CKA_UNIQUE_ID that was asked for, when no such key is there",
	  .maybe = true },
	{ "descendants", "keys that came of it", "how many stand in `came_of_it`", .maybe = true },
	{ "generations", "other generations", "other keys of the same role and label", key_row_fields, .maybe = true },
	{ "came_of_it", "came of it",
	  "every token key that came in under it, was derived from it or is a copy of it, in any number of steps",
	  key_row_fields, .maybe = true },
	{ "orphans", "orphans",
	  "token keys that name a key that is not there any more: whether that one had come of it, nobody knows",
	  key_row_fields, .maybe = true },
	{ "objects", "sealed under the token key", "--token-key: the keys of the token that have a secret part",
	  key_row_fields, .maybe = true },
	{ "uses", "uses", "what was done, in sums", use_fields },
	{ "trail", "trail",
	  "the records that name the key: in their object, in their words (approvals of an export), as its component; "
	  "--token-key: backups, restores, migrations, rotations, segments",
	  audit_row_fields },
	{ "records", "records", "how many the trail has" },
	{ "first_bad", "first bad", "the first record that is not what was written; null: all are" },
	{ "state", "audit.state", "as of `audit verify`" },
	{ "cannot_say", "what this cannot say", "where else to look", word_fields },
	{ "advice", "what to do", "for each key, in order", step_fields },
	{ 0 },
};

static const struct officer_option options[] = {
	OBJECT_OPTIONS,
	{ "unique-id", "UNIQUE-ID", "the key with this CKA_UNIQUE_ID, though it may be destroyed" },
	{ "token-key", NULL, "not a key of the token, but the one under which the token seals everything" },
	{ 0 },
};
static const struct officer_form forms[] = {
	{ "", "", 0, 0, "what a key touched; changes nothing. Exit status 3: the trail is not in order", run, fields },
	{ 0 },
};
const struct officer_command command_compromise = {
	.name = "compromise",
	.summary = "a key may be known: what it touched, and what to do",
	.text =
	    "Lists the key, what came of it in the token, its other generations, and what the audit trail says of it, "
	    "then what none of these can say, and the steps to take (docs/dual-control.md). The user who logs in sees "
	    "all keys but the components of custodians that wait.",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples = "strongroom compromise --role PK --label PK-ACME --token HSM2\n"
		    "strongroom compromise --unique-id 5f0c...e1 --token HSM2 --json\n"
		    "strongroom compromise --token-key --token HSM2",
};
