/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include "commands.h"
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

const struct officer_command command_rotate = {
	.name = "rotate",
	.summary = "new keys in the place of older ones, while everybody goes on working",
	.text =
	    "token-key makes a fresh token key, seals everything in the token anew under it and throws the older one\n"
	    "away: what is put back from an older file does not open any more. It may be broken off at any time and\n"
	    "run again. PINs stay as they are.",
	.common = COMMON_TOKEN | COMMON_SO,
	.forms =
	    (const struct officer_form[]){
		{ "token-key", "", 0, 0, "a fresh token key; the SO logs in", run_token_key, fields },
		{ 0 },
	    },
	.examples = "strongroom rotate token-key --token vault",
};
