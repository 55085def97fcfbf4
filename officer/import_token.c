/* SPDX-License-Identifier: BSD-2-Clause */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An attribute of another token may be this long. */
#define VALUE_MAX ((CK_ULONG)256 << 10)
#define TRANSPORT_BITS 3072

struct from_token {
	struct pk11_session *from;
	struct pk11_session *to;
	CK_OBJECT_HANDLE *objects;
	size_t count;
	size_t room;
	size_t at;
	/* The transport key: made when the first key asks for it. */
	bool tried;
	char why[IMPORT_REASON_MAX]; /* there is none */
	CK_OBJECT_HANDLE wrapping;   /* in the other token */
	CK_OBJECT_HANDLE unwrapping; /* in ours */
};

static const struct {
	CK_MECHANISM_TYPE type;
	const char *name;
} wraps[] = {
	{ CKM_AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP" },
	{ CKM_AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD" },
	{ CKM_AES_KEY_WRAP, "CKM_AES_KEY_WRAP" },
};

static enum err list_objects(struct from_token *t, struct fail *f)
{
	CK_FUNCTION_LIST *c = t->from->f;
	CK_RV rv = c->C_FindObjectsInit(t->from->handle, NULL, 0);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_FindObjectsInit");
	for (CK_ULONG n = 1; rv == CKR_OK && n > 0;) {
		if (t->room - t->count < 256) {
			size_t room = t->room ? 2 * t->room : 1024;
			CK_OBJECT_HANDLE *more = realloc(t->objects, room * sizeof(*more));
			if (!more) {
				rv = CKR_HOST_MEMORY;
				break;
			}
			t->objects = more;
			t->room = room;
		}
		rv = c->C_FindObjects(t->from->handle, t->objects + t->count, 256, &n);
		if (rv == CKR_OK)
			t->count += n;
	}
	CK_RV end = c->C_FindObjectsFinal(t->from->handle);
	if (rv == CKR_OK)
		rv = end;
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_FindObjects");
}

/* read_value: one attribute of an object, straight into locked memory. CKR_OK: *ret is filled. */
static CK_RV read_value(struct from_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct secret *ret)
{
	CK_ATTRIBUTE a = { type, NULL, 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = t->from->f->C_GetAttributeValue(t->from->handle, object, &a, 1);

	if (rv == CKR_OK && a.ulValueLen > VALUE_MAX)
		rv = CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (!secret_init(&value, a.ulValueLen > 0 ? a.ulValueLen : 1))
		return CKR_HOST_MEMORY;
	a.pValue = value.p;
	rv = t->from->f->C_GetAttributeValue(t->from->handle, object, &a, 1);
	if (rv == CKR_OK && a.ulValueLen > value.room)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return rv;
	value.len = a.ulValueLen;
	secret_move(ret, &value);
	return CKR_OK;
}

static bool absent(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_VALUE_INVALID;
}

/* read_row: an attribute that the other token may have; *ret_sealed: it has it and does not show it. */
static enum err read_row(struct from_token *t, CK_OBJECT_HANDLE object, const struct import_row *row,
			 struct import_object *o, bool *ret_sealed, struct fail *f)
{
	SECRET_AUTO value = { 0 };
	CK_RV rv = read_value(t, object, row->type, &value);

	if (rv == CKR_ATTRIBUTE_SENSITIVE)
		*ret_sealed = true;
	if (absent(rv))
		return ERR_OK;
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	return import_object_add(o, row->type, secret_view(&value), f);
}

static enum err read_object(struct from_token *t, CK_OBJECT_HANDLE object, struct import_object *o, bool *ret_sealed,
			    struct fail *f)
{
	SECRET_AUTO class = { 0 };
	CK_RV rv = read_value(t, object, CKA_CLASS, &class);
	CK_OBJECT_CLASS number;
	enum err e = ERR_OK;

	if (rv != CKR_OK || class.len != sizeof(number))
		return pk11_fail(f, rv != CKR_OK ? rv : CKR_GENERAL_ERROR, "C_GetAttributeValue of CKA_CLASS");
	memcpy(&number, class.p, sizeof(number));
	if (!import_class_known(number))
		e = import_object_add(o, CKA_CLASS, secret_view(&class), f);
	for (size_t i = 0; e == ERR_OK && import_row_at(i); i++)
		if (import_row_has(import_row_at(i), number))
			e = read_row(t, object, import_row_at(i), o, ret_sealed, f);
	return e == ERR_OK ? import_object_name(o, f) : e;
}

/* make_pair: an RSA pair in our token, for one key: the AES key that wraps the others. */
static CK_RV make_pair(struct from_token *t, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_BYTE exponent[] = { 1, 0, 1 };
	CK_ULONG bits = TRANSPORT_BITS;
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &no, 1 },
				  { CKA_WRAP, &yes, 1 },
				  { CKA_MODULUS_BITS, &bits, sizeof(bits) },
				  { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
	CK_ATTRIBUTE private[] = {
		{ CKA_TOKEN, &no, 1 }, { CKA_UNWRAP, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 }
	};

	return t->to->f->C_GenerateKeyPair(t->to->handle, &m, public, ARRAY_LEN(public), private, ARRAY_LEN(private),
					   ret_public, ret_private);
}

/* give_public: our public key in the other token. */
static CK_RV give_public(struct from_token *t, CK_OBJECT_HANDLE public, CK_OBJECT_HANDLE *ret)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	static CK_KEY_TYPE type = CKK_RSA;
	CK_BYTE modulus[TRANSPORT_BITS / 8], exponent[8];
	CK_ATTRIBUTE numbers[] = { { CKA_MODULUS, modulus, sizeof(modulus) },
				   { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
	CK_RV rv = t->to->f->C_GetAttributeValue(t->to->handle, public, numbers, ARRAY_LEN(numbers));
	CK_ATTRIBUTE theirs[] = { { CKA_CLASS, &class, sizeof(class) },
				  { CKA_KEY_TYPE, &type, sizeof(type) },
				  { CKA_TOKEN, &no, 1 },
				  { CKA_PRIVATE, &no, 1 },
				  { CKA_WRAP, &yes, 1 },
				  { CKA_ENCRYPT, &yes, 1 },
				  numbers[0],
				  numbers[1] };

	return rv == CKR_OK ? t->from->f->C_CreateObject(t->from->handle, theirs, ARRAY_LEN(theirs), ret) : rv;
}

static CK_RV make_wrapping(struct from_token *t)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG length = 32;
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE a[] = { { CKA_TOKEN, &no, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_SENSITIVE, &yes, 1 },
			     { CKA_VALUE_LEN, &length, sizeof(length) } };

	return t->from->f->C_GenerateKey(t->from->handle, &m, a, ARRAY_LEN(a), &t->wrapping);
}

/* carry_wrapping: the AES key under the RSA pair into our token, with a hash that both sides know. */
static CK_RV carry_wrapping(struct from_token *t, CK_OBJECT_HANDLE public, CK_OBJECT_HANDLE private)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static CK_KEY_TYPE type = CKK_AES;
	static const struct {
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} hashes[] = { { CKM_SHA256, CKG_MGF1_SHA256 }, { CKM_SHA_1, CKG_MGF1_SHA1 } };
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &no, 1 },
			     { CKA_UNWRAP, &yes, 1 },
			     { CKA_SENSITIVE, &yes, 1 },
			     { CKA_EXTRACTABLE, &no, 1 } };
	CK_RV rv = CKR_MECHANISM_INVALID;

	for (size_t i = 0; rv != CKR_OK && i < ARRAY_LEN(hashes); i++) {
		CK_RSA_PKCS_OAEP_PARAMS oaep = { hashes[i].hash, hashes[i].mgf, CKZ_DATA_SPECIFIED, NULL, 0 };
		CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
		CK_BYTE wrapped[TRANSPORT_BITS / 8];
		CK_ULONG n = sizeof(wrapped);

		rv = t->from->f->C_WrapKey(t->from->handle, &m, public, t->wrapping, wrapped, &n);
		if (rv == CKR_OK)
			rv = t->to->f->C_UnwrapKey(t->to->handle, &m, private, wrapped, n, a, ARRAY_LEN(a),
						   &t->unwrapping);
	}
	return rv;
}

static void make_transport(struct from_token *t)
{
	CK_OBJECT_HANDLE public = 0, private = 0, theirs = 0;
	const char *step = "our token makes no RSA pair for the transport";
	char room[32];
	CK_RV rv = make_pair(t, &public, &private);

	t->tried = true;
	if (rv == CKR_OK) {
		step = "its token takes no public key for the transport";
		rv = give_public(t, public, &theirs);
	}
	if (rv == CKR_OK) {
		step = "its token makes no key for the transport";
		rv = make_wrapping(t);
	}
	if (rv == CKR_OK) {
		step = "its token does not wrap a key under ours by RSA-OAEP";
		rv = carry_wrapping(t, theirs, private);
	}
	if (rv != CKR_OK)
		snprintf(t->why, sizeof(t->why), "%s (%s)", step, ck_name(rv, room));
}

/* wrap_key: the value of a key that is not shown, under the transport key. What does not go is noted in stays. */
static enum err wrap_key(struct from_token *t, CK_OBJECT_HANDLE object, struct import_object *o, struct fail *f)
{
	CK_RV rv = CKR_MECHANISM_INVALID;
	char room[32];

	if (!import_object_true(o, CKA_EXTRACTABLE)) {
		snprintf(o->stays, sizeof(o->stays), "CKA_EXTRACTABLE is false: it never leaves its token");
		return ERR_OK;
	}
	if (!t->tried)
		make_transport(t);
	if (t->why[0]) {
		snprintf(o->stays, sizeof(o->stays), "%s", t->why);
		return ERR_OK;
	}
	for (size_t i = 0; rv != CKR_OK && i < ARRAY_LEN(wraps); i++) {
		CK_MECHANISM m = { wraps[i].type, NULL, 0 };
		CK_BYTE wrapped[16384];
		CK_ULONG n = sizeof(wrapped);
		rv = t->from->f->C_WrapKey(t->from->handle, &m, t->wrapping, object, wrapped, &n);
		if (rv == CKR_OK) {
			buf_put(&o->wrapped, wrapped, n);
			o->mechanism = wraps[i].type;
			o->unwrapping = t->unwrapping;
		}
	}
	if (rv != CKR_OK)
		snprintf(o->stays, sizeof(o->stays), "its token does not wrap it (%s)", ck_name(rv, room));
	return buf_ok(&o->wrapped) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "wrapped key");
}

static enum err next(void *ctx, struct import_object *ret, bool *ret_end, struct fail *f)
{
	struct from_token *t = ctx;
	bool sealed = false;
	enum err e;

	if (t->at == t->count) {
		*ret_end = true;
		return ERR_OK;
	}
	CK_OBJECT_HANDLE object = t->objects[t->at++];
	e = read_object(t, object, ret, &sealed, f);
	if (e == ERR_OK && !import_class_known(ret->class))
		snprintf(ret->stays, sizeof(ret->stays), "objects of this class are the token's own");
	else if (e == ERR_OK && sealed)
		e = wrap_key(t, object, ret, f);
	return e;
}

static void done(void *ctx)
{
	struct from_token *t = ctx;

	if (!t)
		return;
	free(t->objects);
	free(t);
}

enum err import_from_token(struct pk11_session *from, struct pk11_session *to, struct import_source *ret,
			   struct fail *f)
{
	struct from_token *t = calloc(1, sizeof(*t));
	enum err e = t ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "import");

	if (e == ERR_OK) {
		t->from = from;
		t->to = to;
		e = list_objects(t, f);
	}
	if (e != ERR_OK) {
		done(t);
		return e;
	}
	*ret = (struct import_source){ .ctx = t, .next = next, .done = done };
	return ERR_OK;
}
