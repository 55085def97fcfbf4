/* SPDX-License-Identifier: BSD-2-Clause */
/* `destroy`: one object of the token, by the name that no other one has. */
#include "ck.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "objects.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "destroyed", "destroyed", "the object that is gone", object_fields },
	{ 0 },
};

/* sure: asked, unless --yes. */
static enum err sure(const struct officer *o, const json_t *object, struct fail *f)
{
	char question[256];
	bool yes = false;
	enum err e;

	if (officer_has(o, "yes"))
		return ERR_OK;
	snprintf(question, sizeof(question), "Destroy %.40s `%.100s`, for good? [y/N] ",
		 json_string_value(json_object_get(object, "class")),
		 json_string_value(json_object_get(object, "label")));
	e = ask_yes(question, &yes, f);
	return e != ERR_OK || yes ? e : fail_set(f, ERR_REFUSED, 0, "not destroyed");
}

static enum err destroy(struct officer *o, struct pk11_session *s, const char *id, json_t **ret, struct fail *f)
{
	CK_ATTRIBUTE t = { CKA_UNIQUE_ID, (void *)(uintptr_t)id, strlen(id) };
	CK_OBJECT_HANDLE object = 0;
	json_t *row = NULL;
	enum err e = pk11_find_one(s, &t, 1, &object, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = object_json(s, object, &row, f);
	if (e == ERR_OK && !row)
		e = fail_set(f, ERR_KEY_MISSING, 0, "%.40s: destroyed meanwhile", id);
	if (e == ERR_OK)
		e = sure(o, row, f);
	if (e == ERR_OK) {
		rv = s->f->C_DestroyObject(s->handle, object);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "C_DestroyObject", NULL);
	}
	if (e == ERR_OK)
		*ret = row;
	else
		json_decref(row);
	return e;
}

static enum err run(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	json_t *row = NULL, *all;
	enum err e = officer_open(o, PK11_USER, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = destroy(o, s, words[0], &row, f);
	if (e == ERR_OK) {
		all = officer_answer(p);
		json_object_set_new(all, "destroyed", row);
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "yes", NULL, "do not ask" },
	{ 0 },
};
static const struct officer_form forms[] = {
	{ "", "UNIQUE-ID", 1, 1, "the object with this CKA_UNIQUE_ID, after a question", run, fields },
	{ 0 },
};
const struct officer_command command_destroy = {
	.name = "destroy",
	.summary = "one object of the token, by its CKA_UNIQUE_ID",
	.text =
	    "For keys of which several have one label, as generations have: other tools take one of them. It cannot be "
	    "taken back; what lies under a key that is gone opens no more. Components: `components destroy`.",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples = "strongroom destroy 5f0c...e1 --token HSM2",
};
