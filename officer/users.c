/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const char *const kinds[] = {
	[SR_USER_SO] = "so", [SR_USER_DEFAULT] = "user", [SR_USER_CUSTODIAN] = "custodian"
};

static const struct show_field user_fields[] = {
	{ "kind", "KIND", "`so`, `user` (the default user, with whom services log in) or `custodian`" },
	{ "name", "NAME", "of a custodian; empty for the others" },
	{ "tries_left", "TRIES LEFT", "wrong PINs until the PIN is locked; 0: it is locked" },
	{ "tries", "OF", "wrong PINs in a row that lock it" },
	{ "pin_to_be_changed", "PIN TO BE CHANGED",
	  "true: the security officer gave the PIN; nothing else is possible first" },
	{ 0 },
};
static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "users", "users", "who may log in", user_fields },
	{ 0 },
};

static json_t *user_json(const struct sr_user *u)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:b}", "kind", kinds[u->ulKind], "name", (const char *)u->szName,
			 "tries_left", (json_int_t)u->ulRetriesLeft, "tries", (json_int_t)u->ulRetriesMax,
			 "pin_to_be_changed", (int)(u->flags & SR_USER_PIN_TO_BE_CHANGED));
}

static enum err show(struct officer *o, const struct pk11 *p, const struct sr_user *users, CK_ULONG n, struct fail *f)
{
	json_t *all = officer_answer(p);
	json_t *list = json_array();

	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(list, user_json(&users[i]));
	json_object_set_new(all, "users", list);
	return officer_show(o, all, f);
}

/* get_users: with room for those who come in between. */
static enum err get_users(const struct sr_function_list *sr, struct pk11_session *s, struct sr_user **ret,
			  CK_ULONG *ret_n, struct fail *f)
{
	CK_ULONG n = 0;
	CK_RV rv = sr->SR_GetUsers(s->handle, NULL, &n);

	n += 8;
	*ret = rv == CKR_OK ? calloc(n, sizeof(**ret)) : NULL;
	if (*ret)
		rv = sr->SR_GetUsers(s->handle, *ret, &n);
	*ret_n = n;
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "SR_GetUsers");
	return *ret ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "users");
}

/* show_users: those that there are now. */
static enum err show_users(struct officer *o, struct pk11 *p, struct pk11_session *s, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct sr_user *users = NULL;
	CK_ULONG n = 0;
	enum err e = pk11_sr(p, &sr, f);

	if (e == ERR_OK)
		e = get_users(sr, s, &users, &n, f);
	if (e == ERR_OK)
		e = show(o, p, users, n, f);
	free(users);
	return e;
}

/* struct work: what a form does between the login and the list of users that it ends with. */
struct work {
	const char *name;    /* of a custodian; NULL: the default user */
	struct secret first; /* the PIN that the SO gives */
	bool there;          /* must be there before; else must not */
	bool removes;
};

static enum err is_there(struct pk11 *p, struct pk11_session *s, const struct work *w, bool *ret, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct sr_user *users = NULL;
	CK_ULONG n = 0;
	enum err e = pk11_sr(p, &sr, f);

	if (e == ERR_OK)
		e = get_users(sr, s, &users, &n, f);
	*ret = false;
	for (CK_ULONG i = 0; e == ERR_OK && i < n; i++)
		if (w->name ? users[i].ulKind == SR_USER_CUSTODIAN && !strcmp((char *)users[i].szName, w->name)
			    : users[i].ulKind == SR_USER_DEFAULT)
			*ret = true;
	free(users);
	return e;
}

static enum err name_fits(const char *name, struct fail *f)
{
	size_t n = strlen(name);

	if (!strcmp(name, "user") || !strcmp(name, "so"))
		return fail_set(f, ERR_USAGE, 0, "%s: no custodian may be called so", name);
	if (n > 32 || name[0] < 'a' || name[0] > 'z' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return fail_set(f, ERR_USAGE, 0,
				"%.64s: a custodian's name has 1 to 32 of a-z 0-9 _ - and begins with a letter", name);
	return ERR_OK;
}

/* first_pin: the PIN that the SO gives, as C_InitPIN wants it: custodians as `name:pin`. */
static enum err first_pin(const struct officer *o, struct work *w, struct fail *f)
{
	const char *file = officer_value(o, "new-pin-file");
	SECRET_AUTO pin = { 0 };
	char prompt[80];
	enum err e;

	snprintf(prompt, sizeof(prompt), w->name ? "First PIN of %.40s: " : "New PIN of the default user: ", w->name);
	e = file ? ask_file(file, &pin, f) : ask_twice(prompt, &pin, f);
	if (e == ERR_OK && memchr(pin.p, ':', pin.len))
		e = fail_set(f, ERR_USAGE, 0, "new PIN: no colon may stand in it");
	if (e != ERR_OK)
		return e;
	if (!secret_init(&w->first, pin.len + 34) || (w->name && !secret_append(&w->first, w->name, strlen(w->name))) ||
	    (w->name && !secret_append(&w->first, ":", 1)) || !secret_append(&w->first, pin.p, pin.len))
		return fail_set(f, ERR_NO_MEMORY, 0, "PIN");
	return ERR_OK;
}

static enum err change(struct officer *o, struct pk11 *p, struct pk11_session *s, struct work *w, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	const char *call = w->removes ? "SR_RemoveUser" : "C_InitPIN";
	bool there = false;
	enum err e = is_there(p, s, w, &there, f);
	CK_RV rv;

	if (e == ERR_OK && there != w->there)
		e = fail_set(f, there ? ERR_DUPLICATE : ERR_NOT_FOUND, 0, "%.40s: %s",
			     w->name ? w->name : "default user",
			     there ? "is there already; `reset` gives a new PIN" : "there is no such user");
	if (e == ERR_OK && !w->removes)
		e = first_pin(o, w, f);
	if (e == ERR_OK)
		e = pk11_sr(p, &sr, f);
	if (e != ERR_OK)
		return e;
	if (!w->removes)
		rv = s->f->C_InitPIN(s->handle, w->first.p, w->first.len);
	else
		rv = sr->SR_RemoveUser(s->handle, w->name ? SR_USER_CUSTODIAN : SR_USER_DEFAULT,
				       (CK_UTF8CHAR_PTR)(uintptr_t)w->name, w->name ? strlen(w->name) : 0);
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, call, w->name ? w->name : "the default user");
}

/* as_so: the SO logs in, changes one user, sees who is there now. */
static enum err as_so(struct officer *o, char **words, bool there, bool removes, struct fail *f)
{
	struct work w = { .name = words[0], .there = there, .removes = removes };
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e = w.name ? name_fits(w.name, f) : ERR_OK;

	if (e == ERR_OK)
		e = officer_open(o, PK11_SO, &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = change(o, p, s, &w, f);
	if (e == ERR_OK)
		e = show_users(o, p, s, f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	secret_done(&w.first);
	return e;
}

static enum err run_add(struct officer *o, char **words, struct fail *f)
{
	return as_so(o, words, false, false, f);
}

static enum err run_reset(struct officer *o, char **words, struct fail *f)
{
	return as_so(o, words, true, false, f);
}

static enum err run_remove(struct officer *o, char **words, struct fail *f)
{
	static char *nobody[] = { NULL };

	if (!strcmp(words[0], "user"))
		words = nobody;
	return as_so(o, words, true, true, f);
}

/*
 * run_pin: a user changes his own PIN. C_SetPIN takes the old one and counts it against the retries; no login comes
 * before, as one with a first PIN could do nothing else anyway.
 */
static enum err run_pin(struct officer *o, char **words, struct fail *f)
{
	enum pk11_who who = officer_has(o, "so") ? PK11_SO : PK11_USER;
	const char *file = officer_value(o, "new-pin-file");
	SECRET_AUTO old = { 0 };
	SECRET_AUTO new = { 0 };
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e = ERR_OK;
	CK_RV rv;

	if (who == PK11_SO && officer_has(o, "user"))
		return fail_set(f, ERR_USAGE, 0, "--so and --user: one of them");
	e = officer_open(o, PK11_NOBODY, &p, f);
	if (e == ERR_OK)
		e = officer_pin(o, who, &old, f);
	if (e == ERR_OK && old.len == 0)
		e = fail_set(f, ERR_USAGE, 0, "the old PIN comes from --%s or the terminal, not from the URI",
			     who == PK11_SO ? "so-pin-file" : "pin-file");
	if (e == ERR_OK)
		e = file ? ask_file(file, &new, f) : ask_twice("New PIN: ", &new, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK) {
		/* C_SetPIN changes the PIN of who is logged in, and else the user's: the SO logs in first. */
		rv = who == PK11_SO ? s->f->C_Login(s->handle, CKU_SO, old.p, old.len) : CKR_OK;
		if (rv == CKR_OK)
			rv = s->f->C_SetPIN(s->handle, old.p, old.len, new.p, new.len);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "C_SetPIN", NULL);
	}
	if (e == ERR_OK)
		e = show_users(o, p, s, f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static enum err run_list(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e = officer_open(o, PK11_NOBODY, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = show_users(o, p, s, f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "new-pin-file", "FILE",
	  "add, reset, pin: the new PIN stands in the first line of this file (mode 0600) or pipe; `-`: in the next "
	  "line of "
	  "standard input, behind the old one. Without it the new PIN is asked for, twice" },
	{ "so", NULL, "pin: of the security officer (old PIN: --so-pin-file)" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "list", "", 0, 0, "who may log in, and how many tries each has left; needs no login", run_list, fields },
	{ "add", "[NAME]", 0, 1, "the SO makes the custodian NAME, or without a name the default user", run_add,
	  fields },
	{ "reset", "[NAME]", 0, 1,
	  "the SO gives a custodian or the default user a new PIN, which opens his lock too; components of a custodian "
	  "that wait "
	  "are gone",
	  run_reset, fields },
	{ "remove", "NAME", 1, 1,
	  "the SO removes a custodian, with the components of his that wait; `remove user` removes the default user",
	  run_remove, fields },
	{ "pin", "", 0, 0,
	  "a user changes his own PIN: the default user, with --user NAME a custodian, with --so the SO", run_pin,
	  fields },
	{ 0 },
};

const struct officer_command command_users = {
	.name = "users",
	.summary = "who may log in: security officer, default user, custodians",
	.text = "The security officer (SO) looks after users and policy and sees no key's value; the default user is "
		"who services log in as; "
		"custodians enter components, each one of his own, and no custodian is called `user` or `so`. A "
		"custodian takes a PIN of "
		"his own (`strongroom users pin --user NAME`) before he can do anything else.",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom users --token HSM1\nstrongroom users add acme-officer --token HSM1\n"
		    "strongroom users pin --user acme-officer --token HSM1",
};
