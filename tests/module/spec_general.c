/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

#include <stdio.h>
#include <stdlib.h>

/* In the list tokens come first and the free slot last. */
static CK_SLOT_ID slot_at(bool last)
{
	CK_SLOT_ID list[8];
	CK_ULONG n = ARRAY_LEN(list);

	DONE(spec->C_GetSlotList(CK_TRUE, list, &n));
	return list[last ? n - 1 : 0];
}

START_TEST(library)
{
	CK_C_INITIALIZE_ARGS args = { 0 };
	CK_FUNCTION_LIST *list;
	CK_INFO info;
	char path[256];
	FILE *f;

	SPEC(CRYPTOKI_ALREADY_INITIALIZED, C_Initialize, NULL);
	SPEC(ARGUMENTS_BAD, C_GetInfo, NULL);
	SPEC(ARGUMENTS_BAD, C_GetFunctionList, NULL);
	DONE(spec->C_GetFunctionList(&list));
	SPEC(ARGUMENTS_BAD, C_Finalize, &args);
	DONE(spec->C_GetInfo(&info));
	ck_assert(info.cryptokiVersion.major == 3 && info.cryptokiVersion.minor == 2);
	DONE(spec->C_Finalize(NULL));
	SPEC(CRYPTOKI_NOT_INITIALIZED, C_Finalize, NULL);
	args.pReserved = &args;
	SPEC(ARGUMENTS_BAD, C_Initialize, &args);
	args.pReserved = NULL;
	args.CreateMutex = (CK_CREATEMUTEX)(uintptr_t)1;
	SPEC(ARGUMENTS_BAD, C_Initialize, &args);
	args.DestroyMutex = (CK_DESTROYMUTEX)(uintptr_t)1;
	args.LockMutex = (CK_LOCKMUTEX)(uintptr_t)1;
	args.UnlockMutex = (CK_UNLOCKMUTEX)(uintptr_t)1;
	SPEC(CANT_LOCK, C_Initialize, &args);
	/* Settings that are wrong. */
	snprintf(path, sizeof(path), "%s/wrong.conf", getenv("STRONGROOM_TOKEN_DIR"));
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("no such setting\n", f);
	fclose(f);
	setenv("STRONGROOM_CONF", path, 1);
	setenv("STRONGROOM_CLIENT_CONF", path, 1);
	SPEC(GENERAL_ERROR, C_Initialize, NULL);
	unsetenv("STRONGROOM_CONF");
	unsetenv("STRONGROOM_CLIENT_CONF");
	remove(path);
	DONE(spec->C_Initialize(NULL));
	spec_slot = slot_at(false);
	spec_session = spec_open(CKF_RW_SESSION);
	spec_login(CKU_USER);
}
END_TEST

START_TEST(interfaces)
{
	CK_VERSION version = { 2, 11 };
	CK_INTERFACE list[8], *one;
	CK_ULONG n = 3;

	SPEC(ARGUMENTS_BAD, C_GetInterfaceList, list, NULL);
	SPEC(BUFFER_TOO_SMALL, C_GetInterfaceList, list, &n);
	ck_assert_uint_eq(n, 5);
	DONE(spec->C_GetInterfaceList(list, &n));
	SPEC(ARGUMENTS_BAD, C_GetInterface, NULL, NULL, NULL, 0);
	SPEC(FUNCTION_FAILED, C_GetInterface, (CK_UTF8CHAR_PTR) "PKCS 12", NULL, &one, 0);
	SPEC(FUNCTION_FAILED, C_GetInterface, NULL, &version, &one, 0);
	DONE(spec->C_GetInterface(NULL, NULL, &one, 0));
}
END_TEST

START_TEST(slots)
{
	CK_SLOT_ID list[8], none = 4711;
	CK_ULONG n = 0;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_MECHANISM_TYPE types[512];
	CK_MECHANISM_INFO info;
	CK_SESSION_HANDLE h;

	SPEC(ARGUMENTS_BAD, C_GetSlotList, CK_TRUE, list, NULL);
	SPEC(BUFFER_TOO_SMALL, C_GetSlotList, CK_TRUE, list, &n);
	SPEC(ARGUMENTS_BAD, C_GetSlotInfo, spec_slot, NULL);
	SPEC(SLOT_ID_INVALID, C_GetSlotInfo, none, &slot);
	SPEC(ARGUMENTS_BAD, C_GetTokenInfo, spec_slot, NULL);
	SPEC(SLOT_ID_INVALID, C_GetTokenInfo, none, &token);
	SPEC(ARGUMENTS_BAD, C_GetMechanismList, spec_slot, types, NULL);
	SPEC(SLOT_ID_INVALID, C_GetMechanismList, none, types, &n);
	n = 1;
	SPEC(BUFFER_TOO_SMALL, C_GetMechanismList, spec_slot, types, &n);
	SPEC(ARGUMENTS_BAD, C_GetMechanismInfo, spec_slot, CKM_AES_ECB, NULL);
	SPEC(SLOT_ID_INVALID, C_GetMechanismInfo, none, CKM_AES_ECB, &info);
	SPEC(MECHANISM_INVALID, C_GetMechanismInfo, spec_slot, spec_unknown.mechanism, &info);
	SPEC(ARGUMENTS_BAD, C_WaitForSlotEvent, CKF_DONT_BLOCK, NULL, NULL);
	SPEC(NO_EVENT, C_WaitForSlotEvent, CKF_DONT_BLOCK, list, NULL);
	SPEC(SLOT_ID_INVALID, C_CloseAllSessions, none);
	SPEC(ARGUMENTS_BAD, C_OpenSession, spec_slot, CKF_SERIAL_SESSION, NULL, NULL, NULL);
	SPEC(SLOT_ID_INVALID, C_OpenSession, none, CKF_SERIAL_SESSION, NULL, NULL, &h);
	SPEC(SESSION_PARALLEL_NOT_SUPPORTED, C_OpenSession, spec_slot, CKF_RW_SESSION, NULL, NULL, &h);
	SPEC(SESSION_ASYNC_NOT_SUPPORTED, C_OpenSession, spec_slot, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL,
	     &h);
	SPEC(TOKEN_NOT_RECOGNIZED, C_OpenSession, slot_at(true), CKF_SERIAL_SESSION, NULL, NULL, &h);
}
END_TEST

/* A token of its own, whose PINs may be spoilt. */
START_TEST(tokens)
{
	CK_SLOT_ID slot = slot_at(true), kept = spec_slot;
	CK_SESSION_HANDLE kept_session = spec_session;
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof(label));
	SPEC(ARGUMENTS_BAD, C_InitToken, slot, PIN(SO_PIN), NULL);
	SPEC(SLOT_ID_INVALID, C_InitToken, 4711, PIN(SO_PIN), label);
	SPEC(PIN_LEN_RANGE, C_InitToken, slot, PIN("123"), label);
	SPEC(SESSION_EXISTS, C_InitToken, spec_slot, PIN(SO_PIN), label);
	DONE(spec->C_InitToken(slot, PIN(SO_PIN), label));
	spec_slot = slot;
	spec_session = spec_open(CKF_RW_SESSION);
	spec_login(CKU_SO);
	DONE(spec->C_InitPIN(spec_session, PIN(USER_PIN)));
	spec_logout();
	/* Ten wrong PINs of the user, the last three of them by the other two ways. */
	SPEC(PIN_INCORRECT, C_LoginUser, spec_session, CKU_USER, PIN("wrong"), NULL, 0);
	SPEC(PIN_INCORRECT, C_SetPIN, spec_session, PIN("wrong"), PIN("another1"));
	while (spec->C_Login(spec_session, CKU_USER, PIN("wrong")) == CKR_PIN_INCORRECT)
		;
	SPEC(PIN_LOCKED, C_Login, spec_session, CKU_USER, PIN(USER_PIN));
	SPEC(PIN_LOCKED, C_LoginUser, spec_session, CKU_USER, PIN(USER_PIN), NULL, 0);
	SPEC(PIN_LOCKED, C_SetPIN, spec_session, PIN(USER_PIN), PIN("another1"));
	DONE(spec->C_CloseSession(spec_session));
	SPEC(PIN_INCORRECT, C_InitToken, slot, PIN("wrong"), label);
	while (spec->C_InitToken(slot, PIN("wrong"), label) == CKR_PIN_INCORRECT)
		;
	SPEC(PIN_LOCKED, C_InitToken, slot, PIN(SO_PIN), label);
	spec_slot = kept;
	spec_session = kept_session;
}
END_TEST

START_TEST(random_numbers)
{
	SPEC(ARGUMENTS_BAD, C_SeedRandom, spec_session, NULL, 5);
	SPEC(ARGUMENTS_BAD, C_GenerateRandom, spec_session, NULL, 5);
	spec_logout();
	/* Random numbers are for everybody. */
	DONE(spec->C_GenerateRandom(spec_session, spec_out, 5));
	DONE(spec->C_SeedRandom(spec_session, spec_bytes, 5));
	spec_login(CKU_USER);
}
END_TEST

void spec_general(TCase *c)
{
	tcase_add_test(c, library);
	tcase_add_test(c, interfaces);
	tcase_add_test(c, slots);
	tcase_add_test(c, tokens);
	tcase_add_test(c, random_numbers);
}
