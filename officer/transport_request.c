/* SPDX-License-Identifier: BSD-2-Clause */
/* `transport request`: the key pair of the receiver, and where it is found again. */
#include "file.h"
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "pk11_sr.h"
#include "rsa_public.h"
#include "transport.h"
#include "vendor_functions.h"

const struct show_field transport_key_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "fingerprint", "fingerprint",
	  "SHA-256 of the public key (SubjectPublicKeyInfo), for both custodians of the source" },
	{ "bits", "bits", "of the modulus" },
	{ "role", "role", "`KTR`: the private key opens transported keys alone; null: a token of another maker" },
	{ "file", "file", "with the public key, PEM" },
	{ 0 },
};

static enum err generate(struct officer *o, struct transport_place *at, CK_ULONG bits, CK_OBJECT_HANDLE *ret,
			 struct fail *f)
{
	const char *label = officer_value(o, "label") ? officer_value(o, "label") : "transport";
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG role = SR_ROLE_KTR;
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &yes, 1 },
				  { CKA_MODULUS_BITS, &bits, sizeof(bits) },
				  { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) },
				  { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
				  { CKA_WRAP, &yes, 1 },
				  { CKA_ENCRYPT, &no, 1 },
				  { CKA_VERIFY, &no, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 },
				   { CKA_PRIVATE, &yes, 1 },
				   { CKA_SENSITIVE, &yes, 1 },
				   { CKA_EXTRACTABLE, &no, 1 },
				   { CKA_UNWRAP, &yes, 1 },
				   { CKA_DECRYPT, &no, 1 },
				   { CKA_SIGN, &no, 1 },
				   { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
				   { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_OBJECT_HANDLE private_key = 0;
	/* Of another maker: the same, but what its role says there. */
	CK_RV rv = at->s->f->C_GenerateKeyPair(at->s->handle, &m, public, ARRAY_LEN(public), private,
					       ARRAY_LEN(private) - (at->sr ? 0 : 1), ret, &private_key);

	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "C_GenerateKeyPair", NULL);
}

static enum err public_of(struct pk11_session *s, CK_OBJECT_HANDLE key, struct rsa_public *ret, struct fail *f)
{
	BUF_AUTO modulus = { 0 };
	BUF_AUTO exponent = { 0 };
	enum err e = pk11_attribute(s, key, CKA_MODULUS, &modulus, f);

	if (e == ERR_OK)
		e = pk11_attribute(s, key, CKA_PUBLIC_EXPONENT, &exponent, f);
	return e == ERR_OK ? rsa_public_of(buf_view(&modulus), buf_view(&exponent), ret, f) : e;
}

enum err transport_run_request(struct officer *o, char **words, struct fail *f)
{
	const char *out = officer_value(o, "out");
	struct transport_place at = { 0 };
	RSA_PUBLIC_AUTO key = { 0 };
	CK_OBJECT_HANDLE public = 0;
	BUF_AUTO pem = { 0 };
	unsigned long bits = 0;
	char fingerprint[65];
	enum err e = out ? officer_number(o, "bits", 2048, 4096, 3072, &bits, f)
			 : fail_set(f, ERR_USAGE, 0, "where does the public key go? --out FILE");

	if (e == ERR_OK)
		e = transport_place_open(o, NULL, &at, f);
	if (e == ERR_OK)
		e = generate(o, &at, bits, &public, f);
	if (e == ERR_OK)
		e = public_of(at.s, public, &key, f);
	if (e == ERR_OK)
		e = rsa_public_pem(&key, &pem, f);
	if (e == ERR_OK)
		e = fingerprint_hex(buf_view(&key.info), fingerprint, f);
	if (e == ERR_OK)
		e = file_create(out, 0644, buf_view(&pem), f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(at.p);

		json_object_set_new(all, "fingerprint", json_string(fingerprint));
		json_object_set_new(all, "bits", json_integer(key.bits));
		json_object_set_new(all, "role", at.sr ? json_string("KTR") : json_null());
		json_object_set_new(all, "file", json_string(out));
		e = officer_show(o, all, f);
	}
	transport_place_close(&at);
	return e;
}

enum err transport_receiver(struct pk11_session *s, struct view target, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_BBOOL yes = CK_TRUE;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	char wanted[2 * TRANSPORT_RSA_TARGET + 1], has[65];
	size_t n = 0;
	enum err e;
	bool there = false;

	hex_encode(target, wanted);
	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_KEY_TYPE, &type, sizeof(type));
	object_query_add(&q, CKA_UNWRAP, &yes, sizeof(yes));
	e = objects_found(s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && !there && i < n; i++) {
		RSA_PUBLIC_AUTO key = { 0 };
		struct fail none = { 0 };

		if (public_of(s, found[i], &key, &none) == ERR_OK &&
		    fingerprint_hex(buf_view(&key.info), has, &none) == ERR_OK)
			there = strcmp(has, wanted) == 0;
		if (there)
			*ret = found[i];
	}
	free(found);
	if (e == ERR_OK && !there)
		e = fail_set(f, ERR_KEY_MISSING, 0,
			     "the file is for another receiver: no key of this token has the fingerprint %.16s...",
			     wanted);
	return e;
}
