/* SPDX-License-Identifier: BSD-2-Clause */
#include "call.h"
#include "key.h"
#include "object_attr.h"
#include "param.h"
#include <stdio.h>
#include <string.h>

#define HANDLES_MAX 64
#define TEMPLATE_MAX 10
#define OUT_MAX 640
#define IN_MAX 200
#define MAKE_PAIR 7 /* of call_general */

/* Handles: the first `fixed` are always there, the others are what the run made. */
static CK_OBJECT_HANDLE handles[HANDLES_MAX];
static CK_KEY_TYPE types[HANDLES_MAX];
static CK_SESSION_HANDLE keeper;
static size_t fixed, count;
static CK_MECHANISM_TYPE message_mechanism;

/* What goes on where an Init has succeeded: calls first to last of a family. */
enum family { GENERAL, CRYPT, SIGN, MESSAGE, DESTROY };
static const struct follow {
	enum family family;
	unsigned first, last;
} follows[] = {
	{ CRYPT, 1, 3 },   { CRYPT, 5, 7 },   { SIGN, 1, 4 },      { SIGN, 6, 8 },
	{ SIGN, 10, 12 },  { SIGN, 14, 14 },  { SIGN, 16, 16 },    { SIGN, 18, 20 },
	{ MESSAGE, 1, 4 }, { MESSAGE, 6, 9 }, { MESSAGE, 11, 14 }, { MESSAGE, 16, 19 },
};
enum { NOTHING = ARRAY_LEN(follows) };
static size_t active = NOTHING;

/* begun: remembers what the Init before call number `first` of a family has begun. */
static void begun(CK_RV rv, enum family family, unsigned init)
{
	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(follows); i++) {
		if (follows[i].family == family && follows[i].first == init + 1)
			active = i;
	}
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void keep(CK_RV rv, CK_OBJECT_HANDLE handle)
{
	CK_KEY_TYPE type = OBJECT_ANY;
	CK_ATTRIBUTE t = { CKA_KEY_TYPE, &type, sizeof(type) };

	if (rv != CKR_OK || count == HANDLES_MAX)
		return;
	(void)C_GetAttributeValue(keeper, handle, &t, 1);
	types[count] = type;
	handles[count++] = handle;
}

static CK_OBJECT_HANDLE handle(struct input *in)
{
	return input_u8(in) < 6 ? input_ulong(in) : handles[input_below(in, count)];
}

/* key_for: mostly a key of a type that the mechanism takes. */
static CK_OBJECT_HANDLE key_for(struct input *in, const CK_MECHANISM *m)
{
	const struct mech_row *row = mech_find(m->mechanism);
	size_t at = input_below(in, count);

	for (size_t i = 0; row != NULL && row->keys.count > 0 && i < count; i++) {
		size_t k = (at + i) % count;

		for (size_t n = 0; n < row->keys.count; n++) {
			if (row->keys.types[n] == types[k])
				return handles[k];
		}
	}
	return handle(in);
}

/* Pairs of RSA and of finite fields, and their parameters, take seconds. */
static bool slow(const struct mech_row *row)
{
	bool pair = (row->flags & (CKF_GENERATE_KEY_PAIR | CKF_GENERATE)) != 0;

	return pair && (strstr(row->name, "RSA") || strstr(row->name, "_DH_") || strstr(row->name, "DSA_") ||
			strstr(row->name, "PARAMETER_GEN"));
}

static CK_MECHANISM mechanism(struct input *in)
{
	return param_make(in, handle, slow);
}

static CK_ULONG number_of(struct input *in, CK_ATTRIBUTE_TYPE type)
{
	static const CK_ULONG lengths[] = { 0, 1, 8, 16, 24, 32, 64, 256 };
	const struct key_kind *kind;
	size_t n = 0;

	switch (type) {
	case CKA_CLASS:
		return input_below(in, 10);
	case CKA_KEY_TYPE:
		while (key_kind_at(n) != NULL)
			n++;
		kind = key_kind_at(input_below(in, n));
		return kind->type;
	case CKA_VALUE_LEN:
		return lengths[input_below(in, ARRAY_LEN(lengths))];
	default:
		return input_ulong(in);
	}
}

/* Attributes whose values are templates: what stands there are pointers, so nothing is made up. */
static bool is_template(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < attr_row_count(); i++)
		if (attr_row_at(i)->type == type && attr_row_at(i)->form == FORM_TEMPLATE)
			return true;
	return false;
}

static CK_ATTRIBUTE attribute(struct input *in, bool nested);

static CK_ATTRIBUTE nested_template(struct input *in, CK_ATTRIBUTE_TYPE type, bool nested)
{
	size_t n = nested ? 0 : input_below(in, 4);
	CK_ATTRIBUTE *t = input_room(in, n * sizeof(*t));

	for (size_t i = 0; t != NULL && i < n; i++)
		t[i] = attribute(in, true);
	n = t == NULL ? 0 : n * sizeof(*t);
	return (CK_ATTRIBUTE){ type, t, n > 0 && input_u8(in) < 8 ? n - 1 : n };
}

/* One attribute: mostly of the form that its row has. */
static CK_ATTRIBUTE attribute(struct input *in, bool nested)
{
	const struct attr_row *row = attr_row_at(input_below(in, attr_row_count()));
	CK_ATTRIBUTE a = { row->type, NULL, 0 };
	uint8_t kind = input_u8(in);
	struct view v;

	if (kind < 4)
		a.type = input_ulong(in);
	if (kind < 8) {
		a.ulValueLen = kind < 6 ? 0 : input_ulong(in);
	} else if (is_template(a.type)) {
		a = nested_template(in, a.type, nested);
	} else if (kind < 12 || row->form > FORM_ULONG) {
		v = input_bytes(in, 64);
		a.pValue = (void *)(uintptr_t)v.p;
		a.ulValueLen = v.n;
	} else if (row->form == FORM_BOOL) {
		a.pValue = input_u8(in) & 1 ? &yes : &no;
		a.ulValueLen = 1;
	} else {
		CK_ULONG *p = input_room(in, sizeof(*p));

		if (p != NULL)
			*p = number_of(in, row->type);
		a.pValue = p;
		a.ulValueLen = p == NULL ? 0 : sizeof(*p);
	}
	return a;
}

static CK_ATTRIBUTE *template(struct input *in, CK_ULONG *ret_n)
{
	size_t n = input_below(in, TEMPLATE_MAX);
	CK_ATTRIBUTE *t = input_room(in, n * sizeof(*t));

	for (size_t i = 0; t != NULL && i < n; i++)
		t[i] = attribute(in, false);
	*ret_n = t == NULL ? 0 : n;
	return t;
}

/* struct args: what calls take, made once per call. */
struct args {
	CK_SESSION_HANDLE s;
	CK_MECHANISM m;
	struct view data, more;
	uint8_t *out;
	CK_ULONG len;
	CK_OBJECT_HANDLE a, b;
	CK_ATTRIBUTE *t, *t2;
	CK_ULONG n, n2;
	void *message;
	CK_ULONG message_len;
	CK_MECHANISM message_m; /* m with the parameter of a message */
	CK_ULONG number;
};

static uint8_t *p_of(struct view v)
{
	return (uint8_t *)(uintptr_t)v.p;
}

/* gone: an operation must be over after an error: Final says so. */
static void gone(CK_RV rv, CK_RV (*final)(CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG_PTR len), CK_SESSION_HANDLE s,
		 const char *name)
{
	uint8_t out[OUT_MAX];
	CK_ULONG len = sizeof(out);

	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		return;
	if (final(s, out, &len) != CKR_OPERATION_NOT_INITIALIZED) {
		fprintf(stderr, "%s answers 0x%lx and leaves the operation active\n", name, rv);
		abort();
	}
}

static CK_RV verify_final(CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	return C_VerifyFinal(s, out, *len);
}

/* shown: no value of a sensitive or unextractable key may have been shown. */
static void shown(const struct args *a, CK_RV rv)
{
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
	CK_ATTRIBUTE ask[] = { { CKA_SENSITIVE, &sensitive, 1 }, { CKA_EXTRACTABLE, &extractable, 1 } };
	CK_OBJECT_CLASS class = 0;
	CK_KEY_TYPE type = OBJECT_ANY;
	CK_ATTRIBUTE what[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };

	if (rv != CKR_OK || C_GetAttributeValue(a->s, a->a, ask, 2) != CKR_OK || (!sensitive && extractable))
		return;
	(void)C_GetAttributeValue(a->s, a->a, what, 2);
	for (CK_ULONG i = 0; i < a->n; i++) {
		const struct attr_row *row = attr_row(a->t[i].type, class, type);

		if (row != NULL && (row->rules & ATTR_SENSITIVE)) {
			fprintf(stderr, "%s of a sensitive key was shown\n", row->name);
			abort();
		}
	}
}

static void query(struct args *a, struct input *in)
{
	for (CK_ULONG i = 0; i < a->n; i++) {
		a->t[i].ulValueLen = input_below(in, 80);
		a->t[i].pValue = input_u8(in) < 32 ? NULL : input_room(in, a->t[i].ulValueLen);
	}
	shown(a, C_GetAttributeValue(a->s, a->a, a->t, a->n));
}

static void find(struct args *a)
{
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0;

	if (C_FindObjectsInit(a->s, a->t, a->n) == CKR_OK) {
		(void)C_FindObjects(a->s, found, a->number % 9, &n);
		(void)C_FindObjectsFinal(a->s);
	}
}

static void make_pair(struct args *a)
{
	CK_RV rv = C_GenerateKeyPair(a->s, &a->m, a->t, a->n, a->t2, a->n2, &a->a, &a->b);

	keep(rv, a->a);
	keep(rv, a->b);
}

/* Every call by number: one line each. O: the output of a call of one operation, and what must be over then. */
#define OUT a->out, &a->len
#define DATA p_of(a->data), a->data.n
#define MORE p_of(a->more), a->more.n
#define PARAM a->message, a->message_len
#define ENDS(call, final) gone(call, final, a->s, #call)
#define MAKES(call) keep(call, a->a)
#define QUIET(call) ((void)(call))
#define BEGINS(call, family) begun(call, family, which)
/* clang-format off */
static void call_general(struct args *a, struct input *in, unsigned which)
{
	switch (which) {
	case 0: MAKES(C_CreateObject(a->s, a->t, a->n, &a->a)); break;
	case 1: MAKES(C_CopyObject(a->s, a->b, a->t, a->n, &a->a)); break;
	case 2: if (a->a != 0) QUIET(C_GetObjectSize(a->s, a->a, &a->len)); break;
	case 3: query(a, in); break;
	case 4: QUIET(C_SetAttributeValue(a->s, a->a, a->t, a->n)); break;
	case 5: find(a); break;
	case 6: MAKES(C_GenerateKey(a->s, &a->m, a->t, a->n, &a->a)); break;
	case MAKE_PAIR: make_pair(a); break;
	case 8: QUIET(C_WrapKey(a->s, &a->m, a->a, a->b, OUT)); break;
	case 9: MAKES(C_UnwrapKey(a->s, &a->m, a->b, DATA, a->t, a->n, &a->a)); break;
	case 10: MAKES(C_DeriveKey(a->s, &a->m, a->b, a->t, a->n, &a->a)); break;
	case 11: QUIET(C_WrapKeyAuthenticated(a->s, &a->message_m, a->a, a->b, MORE, OUT)); break;
	case 12: MAKES(C_UnwrapKeyAuthenticated(a->s, &a->message_m, a->b, DATA, a->t, a->n, MORE, &a->a)); break;
	case 13: MAKES(C_EncapsulateKey(a->s, &a->m, a->b, a->t, a->n, OUT, &a->a)); break;
	case 14: MAKES(C_DecapsulateKey(a->s, &a->m, a->b, a->t, a->n, DATA, &a->a)); break;
	case 15: QUIET(C_GetOperationState(a->s, OUT)); break;
	case 16: QUIET(C_SetOperationState(a->s, DATA, a->a, a->b)); break;
	case 17: QUIET(C_SessionCancel(a->s, a->number)); break;
	case 18: QUIET(C_GenerateRandom(a->s, a->out, a->len)); break;
	default: QUIET(C_SeedRandom(a->s, DATA)); break;
	}
}

static void call_crypt(struct args *a, unsigned which)
{
	switch (which) {
	case 0: BEGINS(C_EncryptInit(a->s, &a->m, a->a), CRYPT); break;
	case 1: ENDS(C_Encrypt(a->s, DATA, OUT), C_EncryptFinal); break;
	case 2: ENDS(C_EncryptUpdate(a->s, DATA, OUT), C_EncryptFinal); break;
	case 3: ENDS(C_EncryptFinal(a->s, OUT), C_EncryptFinal); break;
	case 4: BEGINS(C_DecryptInit(a->s, &a->m, a->a), CRYPT); break;
	case 5: ENDS(C_Decrypt(a->s, DATA, OUT), C_DecryptFinal); break;
	case 6: ENDS(C_DecryptUpdate(a->s, DATA, OUT), C_DecryptFinal); break;
	case 7: ENDS(C_DecryptFinal(a->s, OUT), C_DecryptFinal); break;
	case 8: QUIET(C_DigestEncryptUpdate(a->s, DATA, OUT)); break;
	case 9: QUIET(C_DecryptDigestUpdate(a->s, DATA, OUT)); break;
	case 10: QUIET(C_SignEncryptUpdate(a->s, DATA, OUT)); break;
	default: QUIET(C_DecryptVerifyUpdate(a->s, DATA, OUT)); break;
	}
}

static void call_sign(struct args *a, unsigned which)
{
	switch (which) {
	case 0: BEGINS(C_DigestInit(a->s, &a->m), SIGN); break;
	case 1: ENDS(C_Digest(a->s, DATA, OUT), C_DigestFinal); break;
	case 2: ENDS(C_DigestUpdate(a->s, DATA), C_DigestFinal); break;
	case 3: ENDS(C_DigestKey(a->s, a->a), C_DigestFinal); break;
	case 4: ENDS(C_DigestFinal(a->s, OUT), C_DigestFinal); break;
	case 5: BEGINS(C_SignInit(a->s, &a->m, a->a), SIGN); break;
	case 6: ENDS(C_Sign(a->s, DATA, OUT), C_SignFinal); break;
	case 7: ENDS(C_SignUpdate(a->s, DATA), C_SignFinal); break;
	case 8: ENDS(C_SignFinal(a->s, OUT), C_SignFinal); break;
	case 9: BEGINS(C_VerifyInit(a->s, &a->m, a->a), SIGN); break;
	case 10: ENDS(C_Verify(a->s, DATA, MORE), verify_final); break;
	case 11: ENDS(C_VerifyUpdate(a->s, DATA), verify_final); break;
	case 12: ENDS(C_VerifyFinal(a->s, MORE), verify_final); break;
	case 13: BEGINS(C_SignRecoverInit(a->s, &a->m, a->a), SIGN); break;
	case 14: QUIET(C_SignRecover(a->s, DATA, OUT)); break;
	case 15: BEGINS(C_VerifyRecoverInit(a->s, &a->m, a->a), SIGN); break;
	case 16: QUIET(C_VerifyRecover(a->s, DATA, OUT)); break;
	case 17: BEGINS(C_VerifySignatureInit(a->s, &a->m, a->a, MORE), SIGN); break;
	case 18: QUIET(C_VerifySignature(a->s, DATA)); break;
	case 19: QUIET(C_VerifySignatureUpdate(a->s, DATA)); break;
	default: QUIET(C_VerifySignatureFinal(a->s)); break;
	}
}

static void call_message(struct args *a, unsigned which)
{
	CK_FLAGS flags = a->number & 1 ? CKF_END_OF_MESSAGE : a->number & 2 ? a->number : 0;

	switch (which) {
	case 0: message_mechanism = a->m.mechanism; BEGINS(C_MessageEncryptInit(a->s, &a->m, a->a), MESSAGE); break;
	case 1: QUIET(C_EncryptMessage(a->s, PARAM, MORE, DATA, OUT)); break;
	case 2: QUIET(C_EncryptMessageBegin(a->s, PARAM, MORE)); break;
	case 3: QUIET(C_EncryptMessageNext(a->s, PARAM, DATA, OUT, flags)); break;
	case 4: QUIET(C_MessageEncryptFinal(a->s)); break;
	case 5: message_mechanism = a->m.mechanism; BEGINS(C_MessageDecryptInit(a->s, &a->m, a->a), MESSAGE); break;
	case 6: QUIET(C_DecryptMessage(a->s, PARAM, MORE, DATA, OUT)); break;
	case 7: QUIET(C_DecryptMessageBegin(a->s, PARAM, MORE)); break;
	case 8: QUIET(C_DecryptMessageNext(a->s, PARAM, DATA, OUT, flags)); break;
	case 9: QUIET(C_MessageDecryptFinal(a->s)); break;
	case 10: BEGINS(C_MessageSignInit(a->s, &a->m, a->a), MESSAGE); break;
	case 11: QUIET(C_SignMessage(a->s, NULL, 0, DATA, OUT)); break;
	case 12: QUIET(C_SignMessageBegin(a->s, NULL, 0)); break;
	case 13: QUIET(C_SignMessageNext(a->s, NULL, 0, DATA, a->out, flags != 0 ? &a->len : NULL)); break;
	case 14: QUIET(C_MessageSignFinal(a->s)); break;
	case 15: BEGINS(C_MessageVerifyInit(a->s, &a->m, a->a), MESSAGE); break;
	case 16: QUIET(C_VerifyMessage(a->s, NULL, 0, DATA, MORE)); break;
	case 17: QUIET(C_VerifyMessageBegin(a->s, NULL, 0)); break;
	case 18: QUIET(C_VerifyMessageNext(a->s, NULL, 0, DATA, MORE)); break;
	default: QUIET(C_MessageVerifyFinal(a->s)); break;
	}
}
/* clang-format on */

static void destroy(CK_SESSION_HANDLE s, struct input *in)
{
	size_t i;

	if (count == fixed)
		return;
	i = fixed + input_below(in, count - fixed);
	if (C_DestroyObject(s, handles[i]) == CKR_OK) {
		handles[i] = handles[--count];
		types[i] = types[count];
	}
}

/* choose: a family and the number of a call in it; mostly what goes on with an operation that was begun. */
static enum family choose(struct input *in, unsigned *ret_which)
{
	uint8_t family = input_u8(in), which = input_u8(in);

	if (active != NOTHING && family < 150) {
		const struct follow *f = &follows[active];

		*ret_which = f->first + which % (f->last - f->first + 1);
		return f->family;
	}
	*ret_which = which % (family < 120 ? 20 : family < 160 ? 12 : family < 200 ? 21 : 20);
	return family < 120 ? GENERAL : family < 160 ? CRYPT : family < 200 ? SIGN : family < 250 ? MESSAGE : DESTROY;
}

void call_one(struct input *in, CK_SESSION_HANDLE s)
{
	struct args a = { .s = s };
	unsigned which = 0;
	enum family family = choose(in, &which);
	uint8_t room = input_u8(in);
	bool follows_on = active != NOTHING && family == follows[active].family && which >= follows[active].first &&
			  which <= follows[active].last;

	a.len = room < 160 ? OUT_MAX : room - 160;
	a.out = room == 255 ? NULL : input_room(in, a.len);
	if (!follows_on) {
		a.m = mechanism(in);
		a.a = input_u8(in) < 220 ? key_for(in, &a.m) : handle(in);
	}
	if (family == GENERAL) {
		a.b = input_u8(in) < 128 ? key_for(in, &a.m) : handle(in);
		a.t = template(in, &a.n);
		if (which == MAKE_PAIR)
			a.t2 = template(in, &a.n2);
		a.number = input_ulong(in);
	}
	a.data = input_bytes(in, IN_MAX);
	if (family != CRYPT)
		a.more = input_bytes(in, 80);
	if (family == MESSAGE) {
		a.number = input_u8(in);
		a.message = param_message(in, mech_find(message_mechanism), &a.message_len);
	}
	if (family == GENERAL)
		call_general(&a, in, which);
	else if (family == CRYPT)
		call_crypt(&a, which);
	else if (family == SIGN)
		call_sign(&a, which);
	else if (family == MESSAGE)
		call_message(&a, which);
	else
		destroy(s, in);
}

void call_clean(CK_SESSION_HANDLE s)
{
	active = NOTHING;
	while (count > fixed)
		(void)C_DestroyObject(s, handles[--count]);
}

/* a secret key of the shortest length that its kind has, with every usage that a policy lets it have */
static void add_secret(CK_SESSION_HANDLE s, const struct key_kind *kind, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = kind->type;
	uint8_t value[64];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, value, kind->max > 64 ? 64 : kind->max },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_MODIFIABLE, &no, 1 },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_VERIFY, &yes, 1 },
			     { CKA_DERIVE, &yes, 1 },
			     { use, &yes, 1 },
			     { other, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i < 32 ? 0x01 + 0x0e * (i % 9) : 0x10 + i);
	for (size_t i = 0; kind->des && i < sizeof(value); i++)
		value[i] = (uint8_t)(value[i] & 0xfe) | !(__builtin_popcount(value[i] & 0xfe) & 1);
	keep(C_CreateObject(s, t, ARRAY_LEN(t), &key), key);
}

void call_relax(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	uint8_t names[2048];
	CK_ATTRIBUTE have = { CKA_SR_POLICY_NAMES, names, sizeof(names) };
	CK_OBJECT_HANDLE policy = 0;
	CK_ULONG n = 0;

	if (C_FindObjectsInit(s, &t, 1) != CKR_OK || C_FindObjects(s, &policy, 1, &n) != CKR_OK || n != 1 ||
	    C_FindObjectsFinal(s) != CKR_OK || C_GetAttributeValue(s, policy, &have, 1) != CKR_OK)
		abort();
	have.type = CKA_SR_POLICY;
	if (C_SetAttributeValue(s, policy, &have, 1) != CKR_OK)
		abort();
}

void call_keys(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_t[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) },
				    { CKA_VERIFY, &yes, 1 },
				    { CKA_ENCRYPT, &yes, 1 } };
	CK_ATTRIBUTE private_t[] = { { CKA_SIGN, &yes, 1 }, { CKA_DECRYPT, &yes, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE public = 0, private = 0;
	CK_RV rv;

	keeper = s;
	for (size_t i = 0; key_kind_at(i) != NULL; i++) {
		if (key_kind_at(i)->pair)
			continue;
		add_secret(s, key_kind_at(i), CKA_ENCRYPT, CKA_DECRYPT);
		add_secret(s, key_kind_at(i), CKA_WRAP, CKA_UNWRAP);
	}
	rv =
	    C_GenerateKeyPair(s, &m, public_t, ARRAY_LEN(public_t), private_t, ARRAY_LEN(private_t), &public, &private);
	keep(rv, public);
	keep(rv, private);
	fixed = count;
}
