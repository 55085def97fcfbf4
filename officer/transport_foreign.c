/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transported key into a token of another maker, by C_UnwrapKey and nothing else (R6.3): an ordinary key with the
 * usages that the standard way of the services needs (docs/operations.md). Both officers are there: the PIN of the
 * token is in two parts, one each, and each confirms the check value. That the token cannot enforce.
 */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "transport.h"

/* What a key of a role does there: everywhere it signs, for its check value (AES) or encrypts (TDES). */
static const struct {
	CK_ULONG role;
	CK_FLAGS mtms, kms;
} uses[] = {
	{ SR_ROLE_PK, CKF_WRAP, CKF_UNWRAP },
	{ SR_ROLE_MAK, CKF_SIGN, CKF_VERIFY },
	{ SR_ROLE_SRK, 0, CKF_WRAP | CKF_UNWRAP },
	{ SR_ROLE_FPK, 0, CKF_WRAP },
};

static enum err uses_of(struct officer *o, const struct transport *t, CK_FLAGS *ret, struct fail *f)
{
	const char *service = officer_value(o, "for");

	if (service && strcmp(service, "mtms") != 0 && strcmp(service, "kms") != 0)
		return fail_set(f, ERR_USAGE, 0, "--for: mtms or kms");
	*ret = 0;
	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (uses[i].role == t->role)
			*ret = !service ? uses[i].mtms | uses[i].kms : *service == 'm' ? uses[i].mtms : uses[i].kms;
	return *ret ? ERR_OK
		    : fail_set(f, ERR_REFUSED, 0,
			       "a key of this role has no use there by standard mechanisms alone: PK and MAK (mtms, "
			       "kms), SRK and "
			       "FPK (kms)");
}

/* join_pin: the two parts, one after the other. */
static enum err join_pin(struct officer *o, struct secret *ret, struct fail *f)
{
	static const char *const prompts[] = { "First officer: first part of the PIN: ",
					       "Second officer: second part of the PIN: " };
	SECRET_AUTO whole = { 0 };
	enum err e = ERR_OK;

	if (officer_value(o, "pin-file"))
		return fail_set(f, ERR_USAGE, 0,
				"both officers bring a part of the PIN: --pin-part FILE twice, or on the terminal");
	if (!secret_init(&whole, 2 * ASK_MAX))
		return fail_set(f, ERR_NO_MEMORY, 0, "PIN");
	for (size_t i = 0; e == ERR_OK && i < 2; i++) {
		const char *file = officer_value_at(o, "pin-part", i);
		SECRET_AUTO part = { 0 };

		e = file ? ask_file(file, &part, f) : ask_hidden(prompts[i], &part, f);
		if (e == ERR_OK && (part.len == 0 || !secret_append(&whole, part.p, part.len)))
			e = fail_set(f, ERR_USAGE, 0, "a part of the PIN is empty or too long");
	}
	if (e == ERR_OK)
		secret_move(ret, &whole);
	return e;
}

/* confirmed: each of the two; for scripts --expect. */
static enum err confirmed(struct officer *o, const char *check, struct fail *f)
{
	static const char *const who[] = { "First officer", "Second officer" };
	const char *expect = officer_value(o, "expect");
	char prompt[120];
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && !expect && i < 2; i++) {
		bool yes = false;

		snprintf(prompt, sizeof(prompt), "%s: check value %s. Is it the one that the source shows? [y/N] ",
			 who[i], check);
		e = ask_yes(prompt, &yes, f);
		if (e == ERR_OK && !yes)
			e = fail_set(f, ERR_REFUSED, 0, "not confirmed");
	}
	if (expect && strcasecmp(expect, check) != 0)
		e = fail_set(f, ERR_REFUSED, 0, "the key in the file has the check value %s", check);
	return e;
}

/* struct opening: a wrapped key, how it opens, and what it becomes. */
struct opening {
	CK_OBJECT_HANDLE under;
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_MECHANISM m;
	CK_KEY_TYPE type;
};

static enum err opening_of(struct officer *o, struct pk11_session *s, const struct transport *t, struct opening *ret,
			   struct fail *f)
{
	static const struct {
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} hashes[] = { [FORMAT_HASH_SHA1] = { CKM_SHA_1, CKG_MGF1_SHA1 },
		       [FORMAT_HASH_SHA256] = { CKM_SHA256, CKG_MGF1_SHA256 },
		       [FORMAT_HASH_SHA384] = { CKM_SHA384, CKG_MGF1_SHA384 },
		       [FORMAT_HASH_SHA512] = { CKM_SHA512, CKG_MGF1_SHA512 } };
	const char *under = officer_value(o, "under");

	ret->type = t->type == FORMAT_KEY_AES ? CKK_AES : t->length == 16 ? CKK_DES2 : CKK_DES3;
	if (t->method == TRANSPORT_UNDER_KTK) {
		ret->m = (CK_MECHANISM){ CKM_AES_KEY_WRAP, NULL, 0 };
		return under ? object_of_label(s, under, &ret->under, f)
			     : fail_set(f, ERR_USAGE, 0, "the file is under a transport key: --under LABEL");
	}
	ret->oaep =
	    (CK_RSA_PKCS_OAEP_PARAMS){ hashes[t->method].hash, hashes[t->method].mgf, CKZ_DATA_SPECIFIED, NULL, 0 };
	ret->m = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &ret->oaep, sizeof(ret->oaep) };
	return transport_receiver(s, t->target, &ret->under, f);
}

/* open_as: C_UnwrapKey with exactly these usages. */
static CK_RV open_as(struct pk11_session *s, struct opening *x, const struct transport *t, bool stored, CK_FLAGS may,
		     CK_OBJECT_HANDLE *ret)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_FLAGS use;
	} usages[] = { { CKA_ENCRYPT, CKF_ENCRYPT }, { CKA_DECRYPT, CKF_DECRYPT }, { CKA_SIGN, CKF_SIGN },
		       { CKA_VERIFY, CKF_VERIFY },   { CKA_WRAP, CKF_WRAP },       { CKA_UNWRAP, CKF_UNWRAP },
		       { CKA_DERIVE, CKF_DERIVE } };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, token = stored;
	CK_ATTRIBUTE a[8 + ARRAY_LEN(usages)] = { { CKA_CLASS, &class, sizeof(class) },
						  { CKA_KEY_TYPE, &x->type, sizeof(x->type) },
						  { CKA_TOKEN, &token, 1 },
						  { CKA_PRIVATE, &yes, 1 },
						  { CKA_SENSITIVE, &yes, 1 },
						  { CKA_EXTRACTABLE, &no, 1 },
						  { CKA_LABEL, (void *)(uintptr_t)t->label.p, t->label.n } };
	CK_ULONG n = 7;

	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		a[n++] = (CK_ATTRIBUTE){ usages[i].type, may & usages[i].use ? &yes : &no, 1 };
	return s->f->C_UnwrapKey(s->handle, &x->m, x->under, (CK_BYTE_PTR)(uintptr_t)t->wrapped.p, t->wrapped.n, a, n,
				 ret);
}

/* measured: the check value of X9.24, made by the token itself of a session key that does nothing else. */
static enum err measured(struct officer *o, struct pk11_session *s, struct opening *x, const struct transport *t,
			 char ret[8], struct fail *f)
{
	bool aes = x->type == CKK_AES;
	CK_MECHANISM m = { aes ? CKM_AES_CMAC : CKM_DES3_ECB, NULL, 0 };
	uint8_t zero[16] = { 0 }, out[32];
	CK_ULONG n = sizeof(out);
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = open_as(s, x, t, false, aes ? CKF_SIGN : CKF_ENCRYPT, &key);

	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "C_UnwrapKey", NULL);
	rv = aes ? s->f->C_SignInit(s->handle, &m, key) : s->f->C_EncryptInit(s->handle, &m, key);
	if (rv == CKR_OK)
		rv = aes ? s->f->C_Sign(s->handle, zero, 16, out, &n) : s->f->C_Encrypt(s->handle, zero, 8, out, &n);
	s->f->C_DestroyObject(s->handle, key);
	if (rv != CKR_OK || n < 3)
		return officer_fail(o, f, rv, aes ? "C_Sign" : "C_Encrypt", NULL);
	snprintf(ret, 8, "%02X%02X%02X", out[0], out[1], out[2]);
	return ERR_OK;
}

static enum err name_free(struct pk11_session *s, const struct transport *t, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_LABEL, t->label.p, t->label.n);
	e = objects_found(s, &q, &found, &n, f);
	free(found);
	return e == ERR_OK && n > 0 ? fail_set(f, ERR_REFUSED, 0,
					       "refused: a key of this label is there; such a token knows no "
					       "generations: destroy or rename it first")
				    : e;
}

enum err transport_into_foreign(struct officer *o, const struct transport_file *x, struct fail *f)
{
	char check[8], expected[8];
	const uint8_t *v = x->t.check.value;
	struct pk11_session *s = NULL;
	struct opening opening = { 0 };
	struct pk11 *p = NULL;
	SECRET_AUTO pin = { 0 };
	CK_OBJECT_HANDLE key = 0;
	CK_FLAGS may = 0;
	json_t *all;
	enum err e = uses_of(o, &x->t, &may, f);

	snprintf(expected, sizeof(expected), "%02X%02X%02X", v[0], v[1], v[2]);
	if (e == ERR_OK)
		e = join_pin(o, &pin, f);
	if (e == ERR_OK)
		e = officer_open_as(o, PK11_USER, &pin, "the user", &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = name_free(s, &x->t, f);
	if (e == ERR_OK)
		e = opening_of(o, s, &x->t, &opening, f);
	if (e == ERR_OK)
		e = measured(o, s, &opening, &x->t, check, f);
	if (e == ERR_OK && strcmp(check, expected) != 0)
		e = fail_set(f, ERR_REFUSED, 0, "the key that came out has the check value %s, the file says %s", check,
			     expected);
	if (e == ERR_OK)
		e = confirmed(o, check, f);
	if (e == ERR_OK) {
		CK_FLAGS shows = opening.type == CKK_AES ? CKF_SIGN : CKF_ENCRYPT;
		CK_RV rv = open_as(s, &opening, &x->t, true, may | shows, &key);

		e = rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "C_UnwrapKey", NULL);
	}
	if (e == ERR_OK) {
		all = officer_answer(p);
		json_object_set_new(all, "unique_id", json_null());
		json_object_set_new(all, "check_value", json_string(check));
		json_object_set_new(all, "foreign", json_true());
		json_object_set_new(all, "received", transport_json(x));
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}
