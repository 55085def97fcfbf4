/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_OBJECT_KIT_H
#define TESTS_OBJECT_KIT_H

#include "ck_test.h"

/* Templates and calls that the tests of objects share; all on ck_session. */
#define SET(t, v)                                                                                                      \
	{                                                                                                              \
		(t), &(v), sizeof(v)                                                                                   \
	}
#define TEXT(t, s)                                                                                                     \
	{                                                                                                              \
		(t), (void *)(uintptr_t)(s), sizeof(s) - 1                                                             \
	}
#define BYTES(t, v)                                                                                                    \
	{                                                                                                              \
		(t), (void *)(uintptr_t)(v).p, (v).n                                                                   \
	}

extern CK_BBOOL ok_yes, ok_no;
extern CK_OBJECT_CLASS ok_data, ok_secret, ok_public, ok_private, ok_certificate, ok_domain, ok_trust;
extern CK_KEY_TYPE ok_aes, ok_generic, ok_rsa;

/* ok_create, ok_set, ok_get: C_CreateObject, C_SetAttributeValue of one attribute, C_GetAttributeValue of one. */
CK_RV ok_create(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_RV ok_set(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG n);
CK_RV ok_get(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG *n);
CK_RV ok_set_bool(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, bool value);
/* ok_bytes: the value of an attribute, into room. */
struct view ok_bytes(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t n);
/* ok_aes_key: C_GenerateKey, 32 bytes, with more attributes. */
CK_RV ok_aes_key(const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret);
/* ok_rsa_pair: C_GenerateKeyPair, 2048 bits; the private key signs and decrypts, with more attributes. */
void ok_rsa_pair(const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/* ok_restart: C_Finalize, C_Initialize; ck_session is a new R/W session, nobody logged in. */
void ok_restart(void);
/* ok_login, ok_clean: fixtures: the user is logged in; every object that can be destroyed is. */
void ok_login(void);
void ok_clean(void);

#endif
