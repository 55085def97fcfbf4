/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

static CK_OBJECT_CLASS class_data = CKO_DATA, class_secret = CKO_SECRET_KEY;
static CK_OBJECT_CLASS class_public = CKO_PUBLIC_KEY;
static CK_KEY_TYPE type_aes = CKK_AES, type_ec = CKK_EC;
static uint8_t no_curve[] = { 6, 3, 0x2a, 3, 4 };

/* Templates that are wrong in one way each. */
#define T(...) (CK_ATTRIBUTE[]){ __VA_ARGS__ }, sizeof((CK_ATTRIBUTE[]){ __VA_ARGS__ }) / sizeof(CK_ATTRIBUTE)
#define CLASS_DATA                                                                                                     \
	{                                                                                                              \
		CKA_CLASS, &class_data, sizeof(class_data)                                                             \
	}
#define CLASS_SECRET                                                                                                   \
	{                                                                                                              \
		CKA_CLASS, &class_secret, sizeof(class_secret)                                                         \
	}
#define TYPE_AES                                                                                                       \
	{                                                                                                              \
		CKA_KEY_TYPE, &type_aes, sizeof(type_aes)                                                              \
	}
#define UNKNOWN                                                                                                        \
	{                                                                                                              \
		0x7ffffff0UL, spec_bytes, 4                                                                            \
	}
#define BAD_BOOL                                                                                                       \
	{                                                                                                              \
		CKA_TOKEN, spec_bytes, 4                                                                               \
	}
#define OBJECT_ID                                                                                                      \
	{                                                                                                              \
		CKA_UNIQUE_ID, spec_bytes, 4                                                                           \
	}
#define YES(type)                                                                                                      \
	{                                                                                                              \
		type, &spec_yes, 1                                                                                     \
	}
#define NO(type)                                                                                                       \
	{                                                                                                              \
		type, &spec_no, 1                                                                                      \
	}

START_TEST(creation)
{
	CK_SESSION_HANDLE read_only = spec_open(0);
	CK_OBJECT_HANDLE o;

	SPEC(ARGUMENTS_BAD, C_CreateObject, spec_session, T(CLASS_DATA), NULL);
	SPEC(ATTRIBUTE_READ_ONLY, C_CreateObject, spec_session, T(CLASS_DATA, OBJECT_ID), &o);
	SPEC(ATTRIBUTE_TYPE_INVALID, C_CreateObject, spec_session, T(CLASS_DATA, UNKNOWN), &o);
	SPEC(ATTRIBUTE_VALUE_INVALID, C_CreateObject, spec_session, T(CLASS_DATA, BAD_BOOL), &o);
	SPEC(TEMPLATE_INCOMPLETE, C_CreateObject, spec_session, T(CLASS_SECRET, TYPE_AES), &o);
	SPEC(TEMPLATE_INCONSISTENT, C_CreateObject, spec_session, T(CLASS_DATA, CLASS_SECRET), &o);
	SPEC(SESSION_READ_ONLY, C_CreateObject, read_only, T(CLASS_DATA, YES(CKA_TOKEN)), &o);
	DONE(spec->C_CloseSession(read_only));
	SPEC(CURVE_NOT_SUPPORTED, C_CreateObject, spec_session,
	     T({ CKA_CLASS, &class_public, sizeof(class_public) }, { CKA_KEY_TYPE, &type_ec, sizeof(type_ec) },
	       { CKA_EC_PARAMS, no_curve, sizeof(no_curve) }, { CKA_EC_POINT, spec_bytes, 67 }),
	     &o);
	SPEC(DOMAIN_PARAMS_INVALID, C_CreateObject, spec_session,
	     T({ CKA_CLASS, &class_public, sizeof(class_public) }, { CKA_KEY_TYPE, &type_ec, sizeof(type_ec) },
	       { CKA_EC_PARAMS, spec_bytes, 7 }, { CKA_EC_POINT, spec_bytes, 67 }),
	     &o);
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_CreateObject, spec_session, T(CLASS_DATA, YES(CKA_PRIVATE)), &o);
	spec_login(CKU_USER);
}
END_TEST

START_TEST(copies)
{
	CK_OBJECT_HANDLE data = spec_data(true, false), still, key, o;
	CK_SESSION_HANDLE read_only = spec_open(0);

	DONE(spec->C_CreateObject(spec_session, T(CLASS_DATA, NO(CKA_COPYABLE)), &still));
	key = spec_aes(SPEC_NO_USE);
	SPEC(ACTION_PROHIBITED, C_CopyObject, spec_session, still, NULL, 0, &o);
	SPEC(ARGUMENTS_BAD, C_CopyObject, spec_session, data, NULL, 0, NULL);
	SPEC(OBJECT_HANDLE_INVALID, C_CopyObject, spec_session, 4711, NULL, 0, &o);
	SPEC(ATTRIBUTE_READ_ONLY, C_CopyObject, spec_session, data, T(OBJECT_ID), &o);
	SPEC(ATTRIBUTE_TYPE_INVALID, C_CopyObject, spec_session, data, T(UNKNOWN), &o);
	SPEC(ATTRIBUTE_VALUE_INVALID, C_CopyObject, spec_session, data, T(BAD_BOOL), &o);
	SPEC(TEMPLATE_INCONSISTENT, C_CopyObject, spec_session, key, T(YES(CKA_TOKEN), NO(CKA_TOKEN)), &o);
	SPEC(SESSION_READ_ONLY, C_CopyObject, read_only, data, NULL, 0, &o);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_CopyObject, spec_session, data, T(YES(CKA_PRIVATE)), &o);
	spec_login(CKU_USER);
}
END_TEST

START_TEST(destruction_and_size)
{
	CK_OBJECT_HANDLE data = spec_data(true, false), still;
	CK_SESSION_HANDLE read_only = spec_open(0);
	CK_ULONG size = 0;

	DONE(spec->C_CreateObject(spec_session, T(CLASS_DATA, NO(CKA_DESTROYABLE)), &still));
	SPEC(ACTION_PROHIBITED, C_DestroyObject, spec_session, still);
	SPEC(OBJECT_HANDLE_INVALID, C_DestroyObject, spec_session, 4711);
	SPEC(SESSION_READ_ONLY, C_DestroyObject, read_only, data);
	SPEC(ARGUMENTS_BAD, C_GetObjectSize, spec_session, data, NULL);
	SPEC(OBJECT_HANDLE_INVALID, C_GetObjectSize, spec_session, 4711, &size);
	DONE(spec->C_GetObjectSize(spec_session, data, &size));
	ck_assert_uint_gt(size, 20);
	DONE(spec->C_CloseSession(read_only));
	DONE(spec->C_DestroyObject(spec_session, data));
	SPEC(OBJECT_HANDLE_INVALID, C_DestroyObject, spec_session, data);
}
END_TEST

START_TEST(attributes)
{
	CK_OBJECT_HANDLE data = spec_data(true, false), still, key = spec_aes(SPEC_NO_USE);
	CK_SESSION_HANDLE read_only = spec_open(0);
	uint8_t room[64];
	CK_ATTRIBUTE sensitive = { CKA_VALUE, room, sizeof(room) }, none = { CKA_MODULUS, room, sizeof(room) },
		     little = { CKA_VALUE, room, 1 };

	DONE(spec->C_CreateObject(spec_session, T(CLASS_DATA, NO(CKA_MODIFIABLE)), &still));
	SPEC(ARGUMENTS_BAD, C_GetAttributeValue, spec_session, data, NULL, 1);
	SPEC(OBJECT_HANDLE_INVALID, C_GetAttributeValue, spec_session, 4711, &little, 1);
	SPEC(BUFFER_TOO_SMALL, C_GetAttributeValue, spec_session, data, &little, 1);
	SPEC(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue, spec_session, data, &none, 1);
	DONE(spec->C_SetAttributeValue(spec_session, key, T(YES(CKA_SENSITIVE))));
	SPEC(ATTRIBUTE_SENSITIVE, C_GetAttributeValue, spec_session, key, &sensitive, 1);

	SPEC(ACTION_PROHIBITED, C_SetAttributeValue, spec_session, still, T({ CKA_LABEL, spec_bytes, 4 }));
	SPEC(ARGUMENTS_BAD, C_SetAttributeValue, spec_session, data, NULL, 1);
	SPEC(OBJECT_HANDLE_INVALID, C_SetAttributeValue, spec_session, 4711, T({ CKA_LABEL, spec_bytes, 4 }));
	SPEC(ATTRIBUTE_READ_ONLY, C_SetAttributeValue, spec_session, data, T(OBJECT_ID));
	SPEC(ATTRIBUTE_TYPE_INVALID, C_SetAttributeValue, spec_session, data, T(UNKNOWN));
	SPEC(ATTRIBUTE_VALUE_INVALID, C_SetAttributeValue, spec_session, key, T({ CKA_ENCRYPT, spec_bytes, 4 }));
	SPEC(TEMPLATE_INCONSISTENT, C_SetAttributeValue, spec_session, data,
	     T({ CKA_LABEL, spec_bytes, 4 }, { CKA_LABEL, spec_bytes, 5 }));
	SPEC(SESSION_READ_ONLY, C_SetAttributeValue, read_only, data, T({ CKA_LABEL, spec_bytes, 4 }));
	DONE(spec->C_CloseSession(read_only));
	key = spec_public_secret(CKK_AES, CKF_ENCRYPT);
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_SetAttributeValue, spec_session, key, T({ CKA_LABEL, spec_bytes, 4 }));
	spec_login(CKU_USER);
}
END_TEST

START_TEST(searches)
{
	CK_OBJECT_HANDLE o;
	CK_ULONG n;

	SPEC(OPERATION_NOT_INITIALIZED, C_FindObjects, spec_session, &o, 1, &n);
	SPEC(OPERATION_NOT_INITIALIZED, C_FindObjectsFinal, spec_session);
	SPEC(ARGUMENTS_BAD, C_FindObjectsInit, spec_session, NULL, 1);
	SPEC(ATTRIBUTE_VALUE_INVALID, C_FindObjectsInit, spec_session, T({ CKA_LABEL, spec_bytes, 70000 }));
	DONE(spec->C_FindObjectsInit(spec_session, NULL, 0));
	SPEC(OPERATION_ACTIVE, C_FindObjectsInit, spec_session, NULL, 0);
	DONE(spec->C_FindObjects(spec_session, &o, 1, &n));
	SPEC(ARGUMENTS_BAD, C_FindObjects, spec_session, NULL, 1, &n);
	(void)spec->C_FindObjectsFinal(spec_session);
	DONE(spec->C_FindObjectsInit(spec_session, T(UNKNOWN)));
	DONE(spec->C_FindObjectsFinal(spec_session));
}
END_TEST

void spec_objects(TCase *c)
{
	tcase_add_test(c, creation);
	tcase_add_test(c, copies);
	tcase_add_test(c, destruction_and_size);
	tcase_add_test(c, attributes);
	tcase_add_test(c, searches);
}
