/* SPDX-License-Identifier: BSD-2-Clause */
/* `retire`: an old generation of a key of a role makes nothing any more (docs/roles.md). */
#include "ck.h"

#include <string.h>

#include "commands.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "retired", "retired", "CKA_UNIQUE_ID of the key" },
	{ 0 },
};

static enum err run(struct officer *o, char **words, struct fail *f)
{
	CK_ATTRIBUTE t = { CKA_UNIQUE_ID, words[0], strlen(words[0]) };
	const struct sr_function_list *sr = NULL;
	struct pk11_session *s = NULL;
	CK_OBJECT_HANDLE key = 0;
	struct pk11 *p = NULL;
	json_t *all;
	enum err e = officer_open(o, PK11_SO, &p, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = pk11_sr(p, &sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = pk11_find_one(s, &t, 1, &key, f);
	if (e == ERR_OK) {
		rv = sr->SR_RetireKey(s->handle, key);
		if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
			e = fail_set(f, ERR_REFUSED, 0, "%.40s: its role has no generations (docs/roles.md)", words[0]);
		else if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_RetireKey", NULL);
	}
	if (e == ERR_OK) {
		all = officer_answer(p);
		json_object_set_new(all, "retired", json_string(words[0]));
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_form forms[] = {
	{ "", "UNIQUE-ID", 1, 1,
	  "the SO: this PK, MAK, SRK or KBPK opens what was made under it and makes nothing any more", run, fields },
	{ 0 },
};
const struct officer_command command_retire = {
	.name = "retire",
	.summary = "an old PK, MAK or SRK makes nothing any more",
	.text =
	    "Make the next generation first, with the same label, in every token that opens: by a ceremony, or `kmsd "
	    "srk-init`. Services take it by themselves within seconds. It cannot be taken back.",
	.common = COMMON_TOKEN | COMMON_SO,
	.forms = forms,
	.examples = "strongroom retire 5f0c...e1 --token HSM2",
};
