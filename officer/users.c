/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "officer.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const char *const kinds[] = {
	[SR_USER_SO] = "so", [SR_USER_DEFAULT] = "user", [SR_USER_CUSTODIAN] = "custodian"
};

static void print_user(const struct sr_user *u)
{
	printf("%-9s %-32s %lu of %lu tries left%s\n", kinds[u->ulKind], (const char *)u->szName, u->ulRetriesLeft,
	       u->ulRetriesMax, u->flags & SR_USER_PIN_TO_BE_CHANGED ? ", PIN to be changed" : "");
}

static json_t *user_json(const struct sr_user *u)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:b}", "kind", kinds[u->ulKind], "name", (const char *)u->szName,
			 "tries_left", (json_int_t)u->ulRetriesLeft, "tries", (json_int_t)u->ulRetriesMax,
			 "pin_to_be_changed", (int)(u->flags & SR_USER_PIN_TO_BE_CHANGED));
}

static enum err print_users(const struct officer *o, const struct sr_user *users, CK_ULONG n, struct fail *f)
{
	json_t *all = json_array();
	char *text;

	for (CK_ULONG i = 0; i < n; i++) {
		if (o->json)
			json_array_append_new(all, user_json(&users[i]));
		else
			print_user(&users[i]);
	}
	text = o->json ? json_dumps(all, JSON_INDENT(2)) : NULL;
	json_decref(all);
	if (o->json && !text)
		return fail_set(f, ERR_NO_MEMORY, 0, "JSON");
	if (text)
		puts(text);
	free(text);
	return ERR_OK;
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

enum err officer_users(const struct officer *o, char **words, struct fail *f)
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
		e = print_users(o, users, n, f);
	free(users);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}
