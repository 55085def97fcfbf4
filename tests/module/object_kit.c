/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <string.h>

CK_BBOOL ok_yes = CK_TRUE, ok_no = CK_FALSE;
CK_OBJECT_CLASS ok_data = CKO_DATA, ok_secret = CKO_SECRET_KEY, ok_public = CKO_PUBLIC_KEY,
		ok_private = CKO_PRIVATE_KEY, ok_certificate = CKO_CERTIFICATE, ok_domain = CKO_DOMAIN_PARAMETERS,
		ok_trust = CKO_TRUST;
CK_KEY_TYPE ok_aes = CKK_AES, ok_generic = CKK_GENERIC_SECRET, ok_rsa = CKK_RSA;

#define TEMPLATE_MAX 32

CK_RV ok_create(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	return ck->C_CreateObject(ck_session, t, n, ret);
}

CK_RV ok_set(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG n)
{
	CK_ATTRIBUTE a = { type, (void *)(uintptr_t)value, n };

	return ck->C_SetAttributeValue(ck_session, o, &a, 1);
}

CK_RV ok_get(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG *n)
{
	CK_ATTRIBUTE a = { type, value, *n };
	CK_RV rv = ck->C_GetAttributeValue(ck_session, o, &a, 1);

	*n = a.ulValueLen;
	return rv;
}

CK_RV ok_set_bool(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, bool value)
{
	return ok_set(o, type, value ? &ok_yes : &ok_no, 1);
}

struct view ok_bytes(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t n)
{
	CK_ULONG len = n;

	ck_ok(ok_get(o, type, room, &len));
	return VIEW(room, len);
}

CK_RV ok_aes_key(const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[TEMPLATE_MAX] = { SET(CKA_VALUE_LEN, len) };

	ck_assert_uint_lt(n, TEMPLATE_MAX);
	if (n > 0)
		memcpy(t + 1, more, n * sizeof(*more));
	return ck->C_GenerateKey(ck_session, &m, t, n + 1, ret);
}

void ok_rsa_pair(const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_t[] = { SET(CKA_MODULUS_BITS, bits), SET(CKA_VERIFY, ok_yes), SET(CKA_ENCRYPT, ok_yes) };
	CK_ATTRIBUTE t[TEMPLATE_MAX] = { SET(CKA_SIGN, ok_yes), SET(CKA_DECRYPT, ok_yes) };

	ck_assert_uint_lt(n + 2, TEMPLATE_MAX);
	if (n > 0)
		memcpy(t + 2, more, n * sizeof(*more));
	ck_ok(ck->C_GenerateKeyPair(ck_session, &m, public_t, ARRAY_LEN(public_t), t, n + 2, ret_public, ret_private));
}

void ok_restart(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_Finalize(NULL));
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
}

void ok_login(void)
{
	ck_login(CKU_USER);
}

void ok_clean(void)
{
	CK_ATTRIBUTE goes = SET(CKA_DESTROYABLE, ok_yes);
	CK_OBJECT_HANDLE h;

	ck_login(CKU_USER);
	while (ck_find(&goes, 1, &h) > 0)
		ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_logout();
}
