/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "user", "user", "whose lock is open now: `so`, `user` or a custodian" },
	{ 0 },
};

static enum err show(struct officer *o, const struct pk11 *p, const char *name, struct fail *f)
{
	json_t *all = officer_answer(p);

	json_object_set_new(all, "user", json_string(name));
	return officer_show(o, all, f);
}

/* new_so_pin: a custodian gives the SO a PIN, with the approvals of two. */
static enum err new_so_pin(struct officer *o, struct pk11_session *s, const struct sr_function_list *sr, struct fail *f)
{
	const char *file = officer_value(o, "new-pin-file");
	SECRET_AUTO pin = { 0 };
	enum err e = file ? ask_file(file, &pin, f) : ask_twice("New SO PIN: ", &pin, f);
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	rv = sr->SR_SetSOPIN(s->handle, pin.p, pin.len);
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_SetSOPIN", NULL);
}

static enum err tries(struct officer *o, struct pk11_session *s, const struct sr_function_list *sr, const char *name,
		      struct fail *f)
{
	bool user = !strcmp(name, "user");
	CK_RV rv = sr->SR_Unlock(s->handle, user ? NULL : (CK_UTF8CHAR_PTR)(uintptr_t)name, user ? 0 : strlen(name));

	if (rv == CKR_ARGUMENTS_BAD)
		return fail_set(f, ERR_NOT_FOUND, 0, "%.40s: no such user", name);
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_Unlock", NULL);
}

static enum err run(struct officer *o, char **words, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	bool so = !strcmp(words[0], "so");
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e;

	if (so && !officer_has(o, "user"))
		return fail_set(f, ERR_USAGE, 0, "unlock so: by a custodian, --user NAME");
	e = officer_open(o, officer_has(o, "user") ? PK11_USER : PK11_SO, &p, f);
	if (e == ERR_OK)
		e = pk11_sr(p, &sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = so ? new_so_pin(o, s, sr, f) : tries(o, s, sr, words[0], f);
	if (e == ERR_OK)
		e = show(o, p, words[0], f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "new-pin-file", "FILE",
	  "unlock so: the new PIN stands in the first line of this file; else it is asked for" },
	{ 0 },
};
static const struct officer_form forms[] = {
	{ "", "NAME", 1, 1,
	  "the default user (`user`) or a custodian can try his PIN again; `so`: the SO gets a new PIN", run, fields },
	{ 0 },
};
const struct officer_command command_unlock = {
	.name = "unlock",
	.summary = "opens the lock of who gave too many wrong PINs",
	.text = "By the security officer. Where he is locked out himself, and for custodians of the council under dual "
		"control, by "
		"a custodian (--user) after two have approved it: `strongroom approve unlock NAME`, `strongroom "
		"approve so-pin`.",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom unlock acme-officer --token HSM1\nstrongroom unlock so --user bob --token HSM1",
};
