/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "objects.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "generation", "generation", "of the token key that writes now" },
	{ "sealed", "sealed anew", "records of objects and of key usages, by this run" },
	{ "resumed", "resumed", "true: the rotation had been begun before and was ended" },
	{ 0 },
};

#define BATCH 256 /* records for which the token's write lock is held at once */

static enum err rotate(struct pk11 *p, struct pk11_session *s, json_t *answer, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	CK_ULONG generation = 0, done = 0, left = 0, sealed = 0;
	enum err e = pk11_sr(p, &sr, f);
	bool resumed;
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	rv = sr->SR_RotateTokenKey(s->handle, 0, &generation, &done, &left);
	resumed = left > 0;
	do {
		if (rv == CKR_OK)
			rv = sr->SR_RotateTokenKey(s->handle, BATCH, &generation, &done, &left);
		sealed += done;
	} while (rv == CKR_OK && left > 0);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "SR_RotateTokenKey");
	json_object_set_new(answer, "generation", json_integer((json_int_t)generation));
	json_object_set_new(answer, "sealed", json_integer((json_int_t)sealed));
	json_object_set_new(answer, "resumed", json_boolean(resumed));
	return ERR_OK;
}

static enum err run_token_key(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	json_t *answer = NULL;
	enum err e = officer_open(o, PK11_SO, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK) {
		answer = officer_answer(p);
		e = rotate(p, s, answer, f);
	}
	if (e == ERR_OK)
		e = officer_show(o, answer, f);
	else
		json_decref(answer);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct show_field generation_fields[] = {
	{ "unique_id", "UNIQUE ID", "CKA_UNIQUE_ID" },
	{ "generation", "GENERATION", "from 1" },
	{ "retired", "RETIRED", "true: it was before" },
	{ "check_value", "CHECK VALUE", "CKA_CHECK_VALUE; null: it has none" },
	{ 0 },
};
static const struct show_field role_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "key", "key", "label of the key" },
	{ "generations", "generations", "before, the oldest first", generation_fields },
	{ "newest", "newest", "CKA_UNIQUE_ID of the one that makes from now on" },
	{ "retired", "retired", "CKA_UNIQUE_ID of those that this run retired" },
	{ 0 },
};

static json_int_t generation_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, "generation"));
}

/* insert: in the order of the generations. */
static void insert(json_t *list, json_t *row)
{
	size_t i = 0;

	while (i < json_array_size(list) && generation_of(json_array_get(list, i)) < generation_of(row))
		i++;
	json_array_insert_new(list, i, row);
}

/* generations: of the key of this label. */
static enum err generations(struct pk11_session *s, const char *label, json_t *list, struct fail *f)
{
	static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static const CK_BBOOL yes = CK_TRUE;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_TOKEN, &yes, sizeof(yes));
	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_LABEL, label, strlen(label));
	e = objects_found(s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		char check[CHECK_VALUE_HEX];
		CK_BBOOL retired = CK_FALSE;
		CK_ATTRIBUTE t = { CKA_SR_RETIRED, &retired, sizeof(retired) };
		struct fail none = { 0 };
		BUF_AUTO id = { 0 };
		const char *method;
		CK_ULONG generation = 1;

		if (!object_number(s, found[i], CKA_SR_GENERATION, &generation))
			e = fail_set(f, ERR_REFUSED, 0, "%.40s: its role has no generations (docs/roles.md)", label);
		if (s->f->C_GetAttributeValue(s->handle, found[i], &t, 1) != CKR_OK)
			retired = CK_FALSE;
		object_text(s, found[i], CKA_UNIQUE_ID, &id);
		insert(list,
		       json_pack("{s:o, s:I, s:b, s:o}", "unique_id", show_string(buf_view(&id)), "generation",
				 (json_int_t)generation, "retired", retired == CK_TRUE, "check_value",
				 object_check_value(s, found[i], check, &method, &none) == ERR_OK ? json_string(check)
												  : json_null()));
	}
	free(found);
	return e;
}

/* old: is the i-th generation to be retired? All but the newest that makes anything. */
static bool old(const json_t *list, size_t i)
{
	return i + 1 < json_array_size(list) && !json_is_true(json_object_get(json_array_get(list, i), "retired"));
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "-";
}

/* sure: there is something to retire, and whoever asked for it has seen the check values. */
static enum err sure(const struct officer *o, const char *label, const json_t *list, struct fail *f)
{
	size_t n = json_array_size(list), todo = 0;
	bool yes = false;
	enum err e;

	for (size_t i = 0; i < n; i++)
		todo += old(list, i);
	if (todo == 0 || json_is_true(json_object_get(json_array_get(list, n - 1), "retired")))
		return fail_set(f, ERR_KEY_MISSING, 0,
				"%.40s: the next generation is not there: `strongroom ceremony combine %.40s --next` "
				"makes it (SRK: "
				"`kmsd srk-init`)",
				label, label);
	if (officer_has(o, "yes"))
		return ERR_OK;
	for (size_t i = 0; i < n; i++)
		ask_tell("%s generation %lld, check value %s, %s", label,
			 (long long)generation_of(json_array_get(list, i)),
			 text_of(json_array_get(list, i), "check_value"),
			 old(list, i) ? "will be retired"
			 : i + 1 == n ? "makes from now on"
				      : "is retired");
	e = ask_yes("Retire what is older, for good? [y/N] ", &yes, f);
	return e != ERR_OK || yes ? e : fail_set(f, ERR_REFUSED, 0, "nothing was retired");
}

static enum err retire_old(struct officer *o, struct pk11 *p, struct pk11_session *s, const json_t *list, json_t *done,
			   struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	enum err e = pk11_sr(p, &sr, f);

	for (size_t i = 0; e == ERR_OK && i < json_array_size(list); i++) {
		json_t *id = json_object_get(json_array_get(list, i), "unique_id");
		CK_ATTRIBUTE t = { CKA_UNIQUE_ID, (void *)(uintptr_t)json_string_value(id), json_string_length(id) };
		CK_OBJECT_HANDLE key = 0;
		CK_RV rv;

		if (!old(list, i))
			continue;
		e = pk11_find_one(s, &t, 1, &key, f);
		if (e != ERR_OK)
			break;
		rv = sr->SR_RetireKey(s->handle, key);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_RetireKey", NULL);
		else
			json_array_append(done, id);
	}
	return e;
}

static enum err run_role(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	json_t *answer = NULL, *list = json_array(), *done = json_array();
	enum err e = officer_open(o, PK11_SO, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = generations(s, words[0], list, f);
	if (e == ERR_OK)
		e = sure(o, words[0], list, f);
	if (e == ERR_OK)
		e = retire_old(o, p, s, list, done, f);
	if (e == ERR_OK) {
		answer = officer_answer(p);
		json_object_set_new(answer, "key", json_string(words[0]));
		json_object_set(answer, "generations", list);
		json_object_set(answer, "newest",
				json_object_get(json_array_get(list, json_array_size(list) - 1), "unique_id"));
		json_object_set(answer, "retired", done);
		e = officer_show(o, answer, f);
	}
	json_decref(list);
	json_decref(done);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "yes", NULL, "role: do not ask" },
	{ 0 },
};

const struct officer_command command_rotate = {
	.name = "rotate",
	.summary = "new keys in the place of older ones, while everybody goes on working",
	.text =
	    "token-key makes a fresh token key, seals everything in the token anew under it and throws the older one\n"
	    "away: what is put back from an older file does not open any more. It may be broken off at any time and\n"
	    "run again. PINs stay as they are. role ends the making with older generations of a key, as `retire` does "
	    "with\n"
	    "one: they still open what was made under them.",
	.common = COMMON_TOKEN | COMMON_SO,
	.options = options,
	.forms =
	    (const struct officer_form[]){
		{ "token-key", "", 0, 0, "a fresh token key; the SO logs in", run_token_key, fields },
		{ "role", "LABEL", 1, 1,
		  "the newest PK, MAK, SRK or KBPK of this label is there: those before it are retired, after a "
		  "question; "
		  "the SO logs in",
		  run_role, role_fields },
		{ 0 },
	    },
	.examples = "strongroom rotate token-key --token vault\nstrongroom rotate role PK-ACME --token HSM2",
};
