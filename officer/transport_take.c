/* SPDX-License-Identifier: BSD-2-Clause */
/* `transport accept` and `import` into a token of strongroom. */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "pk11_sr.h"
#include "rsa_public.h"
#include "transport.h"
#include "vendor_functions.h"

const struct show_field transport_in_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "unique_id", "unique id", "CKA_UNIQUE_ID of the key here; null: the token of another maker gives none" },
	{ "check_value", "check value", "of the key here: the one of the file" },
	{ "foreign", "other maker's token", "true: an ordinary key there: roles and approvals are not kept" },
	{ "received", "received", "the file", transport_fields },
	{ 0 },
};

/* check_confirmed: the custodian knows the check value of the key. */
static enum err check_confirmed(struct officer *o, const struct transport_file *x, const char *name, struct fail *f)
{
	const char *expect = officer_value(o, "expect");
	char check[8], prompt[256], label[61];
	size_t n = x->t.label.n < sizeof(label) ? x->t.label.n : sizeof(label) - 1;
	bool yes = false;
	enum err e = ERR_OK;

	/* Whoever named the key must not be able to write over what this asks. */
	for (size_t i = 0; i < n; i++)
		label[i] = (char)(x->t.label.p[i] < ' ' || x->t.label.p[i] > '~' ? '?' : x->t.label.p[i]);
	label[n] = 0;
	snprintf(check, sizeof(check), "%02X%02X%02X", x->t.check.value[0], x->t.check.value[1], x->t.check.value[2]);
	snprintf(prompt, sizeof(prompt),
		 "%.40s: %s from token %.16s, check value %s. Is it the one that the source shows? [y/N] ", name, label,
		 (const char *)x->t.serial.p, check);
	if (!expect)
		e = ask_yes(prompt, &yes, f);
	else
		yes = strcasecmp(expect, check) == 0;
	return e == ERR_OK && !yes ? fail_set(f, ERR_REFUSED, 0, "the key in the file has the check value %s", check)
				   : e;
}

/* subject_of: `BLOCK from SOURCE`. */
static enum err subject_of(const struct transport_file *x, struct view key, char ret[160], struct fail *f)
{
	char block[65], source[65];
	enum err e = fingerprint_hex(buf_view(&x->block), block, f);

	if (e == ERR_OK)
		e = fingerprint_hex(key, source, f);
	if (e == ERR_OK)
		snprintf(ret, 160, "%s from %s", block, source);
	return e;
}

static enum err accept_by(struct officer *o, const char *name, const struct transport_file *x, struct view key,
			  json_t **ret, struct fail *f)
{
	const char *who = name ? name : officer_value(o, "user");
	struct transport_place at = { 0 };
	char subject[160];
	enum err e = subject_of(x, key, subject, f);

	if (e == ERR_OK)
		e = transport_place_open(o, name, &at, f);
	if (e == ERR_OK)
		e = check_confirmed(o, x, who, f);
	if (e == ERR_OK)
		e = transport_approve(o, &at, SR_ACTION_TRANSPORT_IN, subject, f);
	if (e == ERR_OK && ret) {
		*ret = officer_answer(at.p);
		json_object_set_new(*ret, "custodian", json_string(who));
		json_object_set_new(*ret, "action", json_string("transport-in"));
		json_object_set_new(*ret, "subject", json_string(subject));
	}
	transport_place_close(&at);
	return e;
}

enum err transport_run_accept(struct officer *o, char **words, struct fail *f)
{
	TRANSPORT_FILE_AUTO x = { 0 };
	BUF_AUTO key = { 0 };
	json_t *all = NULL;
	enum err e = officer_has(o, "user") ? transport_read(words[0], &x, f)
					    : fail_set(f, ERR_USAGE, 0, "which custodian approves? --user NAME");

	if (e == ERR_OK)
		e = transport_source(o, &x, &key, f);
	if (e == ERR_OK)
		e = accept_by(o, NULL, &x, buf_view(&key), &all, f);
	return e == ERR_OK ? officer_show(o, all, f) : e;
}

static enum err ktk_of(struct officer *o, struct pk11_session *s, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	const char *under = officer_value(o, "under");

	return under ? object_of_label(s, under, ret, f)
		     : fail_set(f, ERR_USAGE, 0, "the file is under a transport key: --under KTK-...");
}

static enum err refused(struct officer *o, CK_RV rv, const char *subject, struct fail *f)
{
	if (rv == CKR_SR_NOT_APPROVED)
		return fail_set(f, ERR_REFUSED, rv,
				"two custodians must accept this file first (strongroom transport accept): %.160s",
				subject);
	if (rv == CKR_ACTION_PROHIBITED)
		return fail_set(
		    f, ERR_REFUSED, rv,
		    "refused: the key is there already, or another one of its label and generation; or it is a storage "
		    "root and this token holds a Pr");
	if (rv == CKR_WRAPPED_KEY_INVALID)
		return fail_set(f, ERR_REFUSED, rv,
				"the block is not for this token, not from that source, or not whole");
	return officer_fail(o, f, rv, "C_UnwrapKey", NULL);
}

static enum err unwrap(struct officer *o, struct transport_place *at, const struct transport_file *x, struct view key,
		       json_t *all, struct fail *f)
{
	struct sr_transport_params p = { .pSource = (CK_BYTE_PTR)(uintptr_t)key.p, .ulSourceLen = key.n };
	bool ktk = x->t.method == TRANSPORT_UNDER_KTK;
	CK_MECHANISM m = { ktk ? CKM_SR_TRANSPORT_AES : CKM_SR_TRANSPORT_RSA, &p, sizeof(p) };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE receiver = 0, made = 0;
	char subject[160], check[CHECK_VALUE_HEX];
	BUF_AUTO unique = { 0 };
	const char *method;
	enum err e = subject_of(x, key, subject, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = ktk ? ktk_of(o, at->s, &receiver, f) : transport_receiver(at->s, x->t.target, &receiver, f);
	if (e != ERR_OK)
		return e;
	rv = at->s->f->C_UnwrapKey(at->s->handle, &m, receiver, x->block.p, x->block.len, t, 1, &made);
	if (rv != CKR_OK)
		return refused(o, rv, subject, f);
	e = object_check_value(at->s, made, check, &method, f);
	object_text(at->s, made, CKA_UNIQUE_ID, &unique);
	json_object_set_new(all, "unique_id", show_string(buf_view(&unique)));
	json_object_set_new(all, "check_value", e == ERR_OK ? json_string(check) : json_null());
	json_object_set_new(all, "foreign", json_false());
	return e;
}

/* last_custodian: of those that the command names, NULL: none; he does it. */
static const char *last_custodian(const struct officer *o)
{
	const char *name, *last = NULL;

	for (size_t i = 0; (name = officer_value_at(o, "custodian", i)); i++)
		last = name;
	return last;
}

/* is_foreign: the token has none of our functions. */
static enum err is_foreign(struct officer *o, bool *ret, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct fail none = { 0 };
	struct pk11 *p = NULL;
	enum err e = officer_open_as(o, PK11_NOBODY, NULL, NULL, &p, f);

	if (e == ERR_OK)
		*ret = pk11_sr(p, &sr, &none) != ERR_OK;
	pk11_free(p);
	return e;
}

enum err transport_run_import(struct officer *o, char **words, struct fail *f)
{
	struct transport_place at = { 0 };
	TRANSPORT_FILE_AUTO x = { 0 };
	BUF_AUTO key = { 0 };
	const char *name;
	bool foreign = false;
	enum err e = transport_read(words[0], &x, f);

	if (e == ERR_OK)
		e = transport_source(o, &x, &key, f);
	if (e == ERR_OK)
		e = is_foreign(o, &foreign, f);
	if (e != ERR_OK || foreign)
		return e == ERR_OK ? transport_into_foreign(o, &x, f) : e;
	for (size_t i = 0; e == ERR_OK && (name = officer_value_at(o, "custodian", i)); i++)
		e = accept_by(o, name, &x, buf_view(&key), NULL, f);
	if (e == ERR_OK)
		e = transport_place_open(o, officer_has(o, "user") ? NULL : last_custodian(o), &at, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(at.p);

		e = unwrap(o, &at, &x, buf_view(&key), all, f);
		json_object_set_new(all, "received", transport_json(&x));
		if (e == ERR_OK)
			e = officer_show(o, all, f);
		else
			json_decref(all);
	}
	transport_place_close(&at);
	return e;
}
