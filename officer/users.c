/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdlib.h>

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

static enum err run_list(struct officer *o, char **words, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct pk11_session *s = NULL;
	struct sr_user *users = NULL;
	struct pk11 *p = NULL;
	CK_ULONG n = 0;
	enum err e = officer_open(o, PK11_NOBODY, &p, f);

	if (e == ERR_OK)
		e = pk11_sr(p, &sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = get_users(sr, s, &users, &n, f);
	if (e == ERR_OK)
		e = show(o, p, users, n, f);
	free(users);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_form forms[] = {
	{ "list", "", 0, 0, "who may log in, and how many tries each has left; needs no login", run_list, fields },
	{ 0 },
};

const struct officer_command command_users = {
	.name = "users",
	.summary = "who may log in: security officer, default user, custodians",
	.text = "",
	.common = COMMON_TOKEN | COMMON_SO,
	.forms = forms,
};
