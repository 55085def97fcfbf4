/* SPDX-License-Identifier: BSD-2-Clause */
/* `transport approve` and `export`: the source. */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ask.h"
#include "pk11_sr.h"
#include "rsa_public.h"
#include "transport.h"
#include "vendor_functions.h"

const struct show_field transport_approved_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "custodian", "custodian", "who has approved" },
	{ "action", "action", "`transport-out` or `transport-in`" },
	{ "subject", "subject", "what exactly; for one hour and one time" },
	{ 0 },
};
const struct show_field transport_out_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "file", "file", "the transport file" },
	{ "sent", "sent", "what stands in it", transport_fields },
	{ 0 },
};

/* struct parcel: key and target of a transport, found in the source. */
struct parcel {
	CK_OBJECT_HANDLE key, ktk;
	struct rsa_public to;
	char fingerprint[65];
	struct buf subject;
};

static void parcel_done(struct parcel *x)
{
	rsa_public_done(&x->to);
	buf_done(&x->subject);
}
#define PARCEL_AUTO __attribute__((cleanup(parcel_done))) struct parcel

static enum err key_of(struct officer *o, struct pk11_session *s, const char *label, CK_OBJECT_HANDLE *ret,
		       struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	OBJECT_QUERY_AUTO q = { 0 };
	unsigned long number = 0;
	CK_ULONG generation;
	enum err e = officer_number(o, "generation", 1, 1000000, 0, &number, f);

	if (e != ERR_OK || !officer_value(o, "generation"))
		return e == ERR_OK ? object_of_label(s, label, ret, f) : e;
	generation = number;
	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_LABEL, label, strlen(label));
	object_query_add(&q, CKA_SR_GENERATION, &generation, sizeof(generation));
	return pk11_find_one(s, q.t, q.n, ret, f);
}

/* parcel_of: from the words and options; the subject of the approvals as the token writes it. */
static enum err parcel_of(struct officer *o, struct pk11_session *s, const char *label, struct parcel *ret,
			  struct fail *f)
{
	const char *to = officer_value(o, "to"), *under = officer_value(o, "under");
	BUF_AUTO target = { 0 };
	enum err e = !to == !under
			 ? fail_set(f, ERR_USAGE, 0, "to which token? --to FILE with its public key, or --under KTK")
			 : key_of(o, s, label, &ret->key, f);

	if (e == ERR_OK && under) {
		e = object_of_label(s, under, &ret->ktk, f);
		if (e == ERR_OK)
			object_text(s, ret->ktk, CKA_UNIQUE_ID, &target);
	} else if (e == ERR_OK) {
		e = rsa_public_read(to, &ret->to, f);
		if (e == ERR_OK)
			e = fingerprint_hex(buf_view(&ret->to.info), ret->fingerprint, f);
		if (e == ERR_OK)
			buf_put_view(&target, view_of_string(ret->fingerprint));
	}
	if (e != ERR_OK)
		return e;
	object_text(s, ret->key, CKA_UNIQUE_ID, &ret->subject);
	buf_put_view(&ret->subject, VIEW_STR(" to "));
	buf_put_view(&ret->subject, buf_view(&target));
	buf_put_u8(&ret->subject, 0);
	return buf_ok(&ret->subject) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "subject");
}

/* target_confirmed: the custodian knows the target: RSA: by its fingerprint; KTK: by its check value. */
static enum err target_confirmed(struct officer *o, struct pk11_session *s, const struct parcel *x, const char *name,
				 struct fail *f)
{
	const char *expect = officer_value(o, "expect"), *method;
	char check[CHECK_VALUE_HEX], what[100], prompt[160];
	bool yes = false;
	enum err e;

	if (!x->ktk) {
		snprintf(what, sizeof(what), "%.40s: fingerprint of the receiver's key", name);
		return transport_confirm(officer_value(o, "fingerprint"), what, x->fingerprint, f);
	}
	e = object_check_value(s, x->ktk, check, &method, f);
	snprintf(prompt, sizeof(prompt), "%.40s: check value of the transport key %s. Is it the other token's? [y/N] ",
		 name, check);
	if (e == ERR_OK && !expect)
		e = ask_yes(prompt, &yes, f);
	else if (e == ERR_OK)
		yes = strcasecmp(expect, check) == 0;
	return e == ERR_OK && !yes ? fail_set(f, ERR_REFUSED, 0, "the transport key here has the check value %s", check)
				   : e;
}

/* approve_by: the custodian logs in, confirms and approves. name NULL: the one of --user. */
static enum err approve_by(struct officer *o, const char *name, const char *label, json_t **ret, struct fail *f)
{
	const char *who = name ? name : officer_value(o, "user");
	struct transport_place at = { 0 };
	PARCEL_AUTO x = { 0 };
	enum err e = transport_place_open(o, name, &at, f);

	if (e == ERR_OK)
		e = parcel_of(o, at.s, label, &x, f);
	if (e == ERR_OK)
		e = target_confirmed(o, at.s, &x, who, f);
	if (e == ERR_OK)
		e = transport_approve(o, &at, SR_ACTION_TRANSPORT_OUT, (const char *)x.subject.p, f);
	if (e == ERR_OK && ret) {
		*ret = officer_answer(at.p);
		json_object_set_new(*ret, "custodian", json_string(who));
		json_object_set_new(*ret, "action", json_string("transport-out"));
		json_object_set_new(*ret, "subject", json_string((const char *)x.subject.p));
	}
	transport_place_close(&at);
	return e;
}

enum err transport_run_approve(struct officer *o, char **words, struct fail *f)
{
	json_t *all = NULL;
	enum err e =
	    officer_has(o, "user") ? ERR_OK : fail_set(f, ERR_USAGE, 0, "which custodian approves? --user NAME");

	if (e == ERR_OK)
		e = approve_by(o, NULL, words[0], &all, f);
	return e == ERR_OK ? officer_show(o, all, f) : e;
}

static enum err target_object(struct officer *o, struct pk11_session *s, const struct parcel *x, CK_OBJECT_HANDLE *ret,
			      struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &no, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_MODULUS, x->to.modulus.p, x->to.modulus.len },
			     { CKA_PUBLIC_EXPONENT, x->to.exponent.p, x->to.exponent.len } };
	CK_RV rv;

	if (x->ktk) {
		*ret = x->ktk;
		return ERR_OK;
	}
	rv = s->f->C_CreateObject(s->handle, t, ARRAY_LEN(t), ret);
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "C_CreateObject", NULL);
}

static enum err hash_of(struct officer *o, const struct parcel *x, CK_MECHANISM_TYPE *ret, struct fail *f)
{
	static const struct {
		const char *name;
		CK_MECHANISM_TYPE hash;
	} hashes[] = {
		{ "sha1", CKM_SHA_1 }, { "sha256", CKM_SHA256 }, { "sha384", CKM_SHA384 }, { "sha512", CKM_SHA512 }
	};
	const char *name = officer_value(o, "hash") ? officer_value(o, "hash") : "sha256";

	*ret = 0;
	for (size_t i = 0; !x->ktk && i < ARRAY_LEN(hashes); i++)
		if (!strcmp(hashes[i].name, name))
			*ret = hashes[i].hash;
	if (x->ktk && officer_value(o, "hash"))
		return fail_set(f, ERR_USAGE, 0, "--hash is for --to");
	return x->ktk || *ret ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--hash: sha1, sha256, sha384 or sha512");
}

/* refused: what the token's answer means here. */
static enum err refused(struct officer *o, CK_RV rv, const struct parcel *x, struct fail *f)
{
	if (rv == CKR_KEY_NOT_WRAPPABLE)
		return fail_set(f, ERR_REFUSED, rv,
				"keys of this role do not travel (docs/roles.md, Who carries whom)");
	if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
		return fail_set(f, ERR_REFUSED, rv,
				"a retired key does not travel, and a retired transport key carries none");
	if (rv == CKR_SR_NOT_APPROVED)
		return fail_set(
		    f, ERR_REFUSED, rv,
		    "two custodians must approve this key for this target first (strongroom transport approve): %.160s",
		    (const char *)x->subject.p);
	return officer_fail(o, f, rv, "C_WrapKey", NULL);
}

static enum err wrap(struct officer *o, struct transport_place *at, const struct parcel *x, struct transport_file *ret,
		     struct fail *f)
{
	struct sr_transport_params p = { 0 };
	CK_MECHANISM m = { x->ktk ? CKM_SR_TRANSPORT_AES : CKM_SR_TRANSPORT_RSA, &p, sizeof(p) };
	uint8_t block[SR_TRANSPORT_MAX], key[64];
	CK_ULONG n = sizeof(block), key_len = sizeof(key);
	CK_OBJECT_HANDLE target = 0;
	enum err e = hash_of(o, x, &p.hash, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = target_object(o, at->s, x, &target, f);
	if (e != ERR_OK)
		return e;
	rv = at->sr->SR_GetStatementKey(at->s->handle, key, &key_len);
	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "SR_GetStatementKey", NULL);
	rv = at->s->f->C_WrapKey(at->s->handle, &m, target, x->key, block, &n);
	return rv == CKR_OK ? transport_of(VIEW(block, n), VIEW(key, key_len), ret, f) : refused(o, rv, x, f);
}

enum err transport_run_export(struct officer *o, char **words, struct fail *f)
{
	const char *out = officer_value(o, "out"), *name;
	struct transport_place at = { 0 };
	TRANSPORT_FILE_AUTO file = { 0 };
	PARCEL_AUTO x = { 0 };
	enum err e = out ? ERR_OK : fail_set(f, ERR_USAGE, 0, "where does the transport file go? --out FILE");

	if (e == ERR_OK && access(out, F_OK) == 0)
		e = fail_set(f, ERR_IO, 0, "--out: %.128s: is there already", out);
	for (size_t i = 0; e == ERR_OK && (name = officer_value_at(o, "custodian", i)); i++)
		e = approve_by(o, name, words[0], NULL, f);
	if (e == ERR_OK)
		e = transport_place_open(o, NULL, &at, f);
	if (e == ERR_OK && !at.sr)
		e = fail_set(
		    f, ERR_CONFIG, 0,
		    "keys leave tokens of strongroom alone; combine the components in one (docs/other-hsms.md)");
	if (e == ERR_OK)
		e = parcel_of(o, at.s, words[0], &x, f);
	if (e == ERR_OK)
		e = wrap(o, &at, &x, &file, f);
	if (e == ERR_OK)
		e = transport_write(out, &file, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(at.p);

		json_object_set_new(all, "file", json_string(out));
		json_object_set_new(all, "sent", transport_json(&file));
		e = officer_show(o, all, f);
	}
	transport_place_close(&at);
	return e;
}
