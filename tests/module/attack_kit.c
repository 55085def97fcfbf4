/* SPDX-License-Identifier: BSD-2-Clause */
#include "attack_kit.h"

#include <stdio.h>
#include <string.h>

#include "crypto.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Templates of keys: usages from CKF_*. */
struct form {
	CK_ATTRIBUTE t[24];
	CK_ULONG n;
};

static void put(struct form *f, CK_ATTRIBUTE_TYPE type, const void *p, CK_ULONG n)
{
	ck_assert_uint_lt(f->n, ARRAY_LEN(f->t));
	f->t[f->n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)p, n };
}

static void put_uses(struct form *f, CK_FLAGS uses)
{
	ck_assert_uint_le(f->n + 7, ARRAY_LEN(f->t));
	f->n = mk_uses(f->t, f->n, uses);
}

void ak_holds(ak_sequence attack, const char *relaxation, CK_RV refusal)
{
	char text[128];
	CK_RV rv;

	mk_policy("strict");
	rv = attack();
	ck_assert_msg(rv == refusal, "under strict: 0x%lx, not 0x%lx", rv, refusal);
	if (relaxation != NULL) {
		snprintf(text, sizeof(text), "%s transport-stronger-cargo", relaxation);
		mk_policy(text);
		rv = attack();
		ck_assert_msg(rv == CKR_OK, "under %s: 0x%lx", relaxation, rv);
	}
}

static CK_OBJECT_HANDLE generate(CK_KEY_TYPE type, CK_ULONG length, CK_FLAGS uses, CK_BBOOL *sensitive)
{
	CK_MECHANISM m = { type == CKK_AES    ? CKM_AES_KEY_GEN
			   : type == CKK_DES  ? CKM_DES_KEY_GEN
			   : type == CKK_DES3 ? CKM_DES3_KEY_GEN
					      : CKM_GENERIC_SECRET_KEY_GEN,
			   NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	struct form f = { .n = 0 };

	if (type == CKK_AES || type == CKK_GENERIC_SECRET)
		put(&f, CKA_VALUE_LEN, &length, sizeof(length));
	put(&f, CKA_SENSITIVE, sensitive, 1);
	put(&f, CKA_EXTRACTABLE, &yes, 1);
	put_uses(&f, uses);
	OK(ck->C_GenerateKey(mk_session, &m, f.t, f.n, &h));
	return h;
}

CK_OBJECT_HANDLE ak_key(CK_KEY_TYPE type, CK_ULONG length, CK_FLAGS uses)
{
	return generate(type, length, uses, &yes);
}

CK_OBJECT_HANDLE ak_readable(CK_KEY_TYPE type, CK_ULONG length, CK_FLAGS uses)
{
	return generate(type, length, uses, &no);
}

CK_OBJECT_HANDLE ak_known(CK_KEY_TYPE type, struct view value, CK_FLAGS uses)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE h = 0;
	struct form f = { .n = 0 };

	put(&f, CKA_CLASS, &class, sizeof(class));
	put(&f, CKA_KEY_TYPE, &type, sizeof(type));
	put(&f, CKA_SENSITIVE, &no, 1);
	put(&f, CKA_EXTRACTABLE, &yes, 1);
	put(&f, CKA_VALUE, value.p, value.n);
	put_uses(&f, uses);
	OK(ck->C_CreateObject(mk_session, f.t, f.n, &h));
	return h;
}

CK_OBJECT_HANDLE ak_target(void)
{
	return ak_key(CKK_AES, 16, CKF_SIGN);
}

void ak_stolen(CK_OBJECT_HANDLE target, struct view value)
{
	static const uint8_t text[] = "whose key is it";
	CK_OBJECT_HANDLE mine = ak_known(CKK_AES, value, CKF_SIGN);
	uint8_t theirs[16], ours[16];
	CK_ULONG n = 16, m = 16;

	OK(ak_sign(CKM_AES_CMAC, target, VIEW(text, sizeof(text)), theirs, &n));
	OK(ak_sign(CKM_AES_CMAC, mine, VIEW(text, sizeof(text)), ours, &m));
	ck_assert_mem_eq(theirs, ours, 16);
}

void ak_pair(CK_FLAGS uses, bool readable, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	struct form public = { .n = 0 }, private = { .n = 0 };

	put(&public, CKA_MODULUS_BITS, &bits, sizeof(bits));
	put_uses(&public, uses & (CKF_WRAP | CKF_ENCRYPT));
	put(&private, CKA_SENSITIVE, readable ? &no : &yes, 1);
	put(&private, CKA_EXTRACTABLE, &yes, 1);
	put_uses(&private, uses & (CKF_DECRYPT | CKF_UNWRAP | CKF_SIGN));
	OK(ck->C_GenerateKeyPair(mk_session, &m, public.t, public.n, private.t, private.n, ret_public, ret_private));
}

/* mechanism: with the parameter that the sequences use. */
static CK_MECHANISM mechanism(CK_MECHANISM_TYPE type)
{
	static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	static uint8_t zeroes[16];
	static CK_ULONG whole = 16;

	switch (type) {
	case CKM_AES_CBC:
	case CKM_AES_CBC_PAD:
		return (CK_MECHANISM){ type, zeroes, 16 };
	case CKM_DES_CBC:
	case CKM_DES3_CBC:
		return (CK_MECHANISM){ type, zeroes, 8 };
	case CKM_RSA_PKCS_OAEP:
		return (CK_MECHANISM){ type, &oaep, sizeof(oaep) };
	case CKM_AES_MAC_GENERAL:
		return (CK_MECHANISM){ type, &whole, sizeof(whole) };
	default:
		return (CK_MECHANISM){ type, NULL, 0 };
	}
}

CK_RV ak_wrap(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, uint8_t *out, CK_ULONG *len)
{
	CK_MECHANISM m = mechanism(type);

	*len = AK_ROOM;
	return ck->C_WrapKey(mk_session, &m, wrapping, key, out, len);
}

static CK_RV crypt(CK_FLAGS use, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct view in, uint8_t *out,
		   CK_ULONG *len)
{
	CK_MECHANISM m = mechanism(type);

	*len = AK_ROOM;
	TRY(mk_init(use, &m, key));
	return mk_single(use, in, out, len);
}

CK_RV ak_decrypt(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len)
{
	return crypt(CKF_DECRYPT, type, key, in, out, len);
}

CK_RV ak_encrypt(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len)
{
	return crypt(CKF_ENCRYPT, type, key, in, out, len);
}

CK_RV ak_sign(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len)
{
	return crypt(CKF_SIGN, type, key, in, out, len);
}

CK_RV ak_unwrap(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE unwrapping, struct view wrapped, CK_KEY_TYPE key_type,
		CK_FLAGS uses, bool sensitive, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = mechanism(type);
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	struct form f = { .n = 0 };

	put(&f, CKA_CLASS, &class, sizeof(class));
	put(&f, CKA_KEY_TYPE, &key_type, sizeof(key_type));
	put(&f, CKA_SENSITIVE, sensitive ? &yes : &no, 1);
	put(&f, CKA_EXTRACTABLE, &yes, 1);
	put_uses(&f, uses);
	return ck->C_UnwrapKey(mk_session, &m, unwrapping, (uint8_t *)(uintptr_t)wrapped.p, wrapped.n, f.t, f.n, ret);
}

CK_RV ak_set(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool value)
{
	CK_ATTRIBUTE t = { type, value ? &yes : &no, 1 };

	return ck->C_SetAttributeValue(mk_session, key, &t, 1);
}

CK_RV ak_copy(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool value, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t = { type, value ? &yes : &no, 1 };

	return ck->C_CopyObject(mk_session, key, &t, 1, ret);
}

bool ak_has(CK_MECHANISM_TYPE m, CK_FLAGS use)
{
	const struct mech_row *row = mech_find(m);

	return row != NULL && (row->flags & use) != 0;
}

void ak_outside_unwrap(struct view kek, struct view wrapped, uint8_t *out)
{
	struct crypto *c = NULL;

	OK(crypto_new(&c));
	OK(crypto_key_unwrap(c, kek, wrapped, out));
	crypto_free(c);
}

CK_OBJECT_HANDLE ak_policy_object(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE h[2] = { 0 };
	CK_ULONG count = 0;

	OK(ck->C_FindObjectsInit(s, &t, 1));
	OK(ck->C_FindObjects(s, h, 2, &count));
	OK(ck->C_FindObjectsFinal(s));
	ck_assert_uint_eq(count, 1);
	return h[0];
}

const char *ak_policy_text(CK_ATTRIBUTE_TYPE type)
{
	static char room[2048];
	CK_ATTRIBUTE t = { type, room, sizeof(room) - 1 };

	OK(ck->C_GetAttributeValue(mk_session, ak_policy_object(mk_session), &t, 1));
	room[t.ulValueLen] = '\0';
	return room;
}

CK_RV ak_policy_set(const char *value)
{
	CK_ATTRIBUTE t = { CKA_SR_POLICY, (void *)(uintptr_t)value, strlen(value) };

	return ck->C_SetAttributeValue(mk_session, ak_policy_object(mk_session), &t, 1);
}
