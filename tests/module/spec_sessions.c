/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

START_TEST(handles)
{
	spec_every(4711, "SESSION_HANDLE_INVALID", false);
	SPEC(ARGUMENTS_BAD, C_GetSessionInfo, spec_session, NULL);
	SPEC(ARGUMENTS_BAD, C_GetSessionValidationFlags, spec_session, CKS_LAST_VALIDATION_OK, NULL);
	SPEC(ARGUMENTS_BAD, C_GetSessionValidationFlags, spec_session, 7, spec_room(0));
	DONE(spec->C_SessionCancel(spec_session, ~0UL));
}
END_TEST

START_TEST(background)
{
	CK_ULONG id;

	SPEC(FUNCTION_NOT_PARALLEL, C_GetFunctionStatus, spec_session);
	SPEC(FUNCTION_NOT_PARALLEL, C_CancelFunction, spec_session);
	SPEC(ARGUMENTS_BAD, C_AsyncComplete, spec_session, NULL, NULL);
	SPEC(ARGUMENTS_BAD, C_AsyncGetID, spec_session, NULL, &id);
	SPEC(ARGUMENTS_BAD, C_AsyncJoin, spec_session, NULL, 1, spec_out, 16);
	SPEC(FUNCTION_NOT_SUPPORTED, C_AsyncComplete, spec_session, (CK_UTF8CHAR_PTR) "C_Sign", NULL);
	SPEC(FUNCTION_NOT_SUPPORTED, C_AsyncGetID, spec_session, (CK_UTF8CHAR_PTR) "C_Sign", &id);
	SPEC(FUNCTION_NOT_SUPPORTED, C_AsyncJoin, spec_session, (CK_UTF8CHAR_PTR) "C_Sign", 1, spec_out, 16);
}
END_TEST

START_TEST(logins)
{
	CK_SESSION_HANDLE read_only, h;

	SPEC(ARGUMENTS_BAD, C_Login, spec_session, CKU_USER, NULL, 4);
	SPEC(ARGUMENTS_BAD, C_LoginUser, spec_session, CKU_USER, NULL, 4, NULL, 0);
	SPEC(USER_ALREADY_LOGGED_IN, C_Login, spec_session, CKU_USER, PIN(USER_PIN));
	SPEC(USER_ALREADY_LOGGED_IN, C_LoginUser, spec_session, CKU_USER, PIN(USER_PIN), NULL, 0);
	SPEC(USER_ANOTHER_ALREADY_LOGGED_IN, C_Login, spec_session, CKU_SO, PIN(SO_PIN));
	SPEC(USER_ANOTHER_ALREADY_LOGGED_IN, C_LoginUser, spec_session, CKU_SO, PIN(SO_PIN), NULL, 0);
	SPEC(USER_TYPE_INVALID, C_Login, spec_session, 7, PIN(USER_PIN));
	SPEC(USER_TYPE_INVALID, C_LoginUser, spec_session, 7, PIN(USER_PIN), NULL, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_Login, spec_session, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN));
	SPEC(OPERATION_NOT_INITIALIZED, C_LoginUser, spec_session, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN), NULL, 0);
	SPEC(USER_NOT_LOGGED_IN, C_InitPIN, spec_session, PIN("another1"));
	DONE(spec->C_Logout(spec_session));
	SPEC(USER_NOT_LOGGED_IN, C_Logout, spec_session);
	SPEC(PIN_INCORRECT, C_Login, spec_session, CKU_USER, PIN("wrong"));
	SPEC(PIN_INCORRECT, C_LoginUser, spec_session, CKU_USER, PIN("wrong"), PIN("nobody"));
	read_only = spec_open(0);
	SPEC(SESSION_READ_ONLY, C_SetPIN, read_only, PIN(USER_PIN), PIN("another1"));
	SPEC(SESSION_READ_ONLY_EXISTS, C_Login, spec_session, CKU_SO, PIN(SO_PIN));
	SPEC(SESSION_READ_ONLY_EXISTS, C_LoginUser, spec_session, CKU_SO, PIN(SO_PIN), NULL, 0);
	DONE(spec->C_CloseSession(read_only));
	spec_login(CKU_SO);
	SPEC(SESSION_READ_WRITE_SO_EXISTS, C_OpenSession, spec_slot, CKF_SERIAL_SESSION, NULL, NULL, &h);
	spec_login(CKU_USER);
}
END_TEST

START_TEST(pins)
{
	SPEC(ARGUMENTS_BAD, C_SetPIN, spec_session, NULL, 4, PIN("another1"));
	SPEC(PIN_INCORRECT, C_SetPIN, spec_session, PIN("wrong"), PIN("another1"));
	SPEC(PIN_LEN_RANGE, C_SetPIN, spec_session, PIN(USER_PIN), PIN("123"));
	SPEC(PIN_INVALID, C_SetPIN, spec_session, PIN(USER_PIN), PIN("no:colon"));
	spec_login(CKU_SO);
	SPEC(ARGUMENTS_BAD, C_InitPIN, spec_session, NULL, 4);
	SPEC(PIN_LEN_RANGE, C_InitPIN, spec_session, PIN("123"));
	SPEC(PIN_INVALID, C_InitPIN, spec_session, PIN(":nobody"));
	DONE(spec->C_InitPIN(spec_session, PIN("carol:given123")));
	/* A PIN that the SO gave must be changed before anything else. */
	spec_logout();
	DONE(spec->C_LoginUser(spec_session, CKU_USER, PIN("given123"), PIN("carol")));
	spec_every(spec_session, "PIN_EXPIRED", true);
	spec_login(CKU_USER);
}
END_TEST

START_TEST(operation_states)
{
	CK_OBJECT_HANDLE key = spec_generic(32, CKF_SIGN), other = spec_generic(32, CKF_SIGN);
	CK_OBJECT_HANDLE aes = spec_aes(CKF_ENCRYPT);
	CK_GCM_PARAMS gcm = { spec_bytes, 12, 96, NULL, 0, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &gcm, sizeof(gcm) };
	uint8_t state[512];
	CK_ULONG n = sizeof(state);

	SPEC(ARGUMENTS_BAD, C_GetOperationState, spec_session, state, NULL);
	SPEC(OPERATION_NOT_INITIALIZED, C_GetOperationState, spec_session, state, &n);
	DONE(spec->C_EncryptInit(spec_session, &m, aes));
	SPEC(STATE_UNSAVEABLE, C_GetOperationState, spec_session, state, &n);
	DONE(spec->C_SessionCancel(spec_session, CKF_ENCRYPT));
	DONE(spec->C_SignInit(spec_session, &spec_hmac, key));
	SPEC(BUFFER_TOO_SMALL, C_GetOperationState, spec_session, state, &(CK_ULONG){ 1 });
	DONE(spec->C_GetOperationState(spec_session, state, &n));
	SPEC(ARGUMENTS_BAD, C_SetOperationState, spec_session, NULL, n, 0, key);
	SPEC(KEY_NEEDED, C_SetOperationState, spec_session, state, n, 0, 0);
	SPEC(KEY_NOT_NEEDED, C_SetOperationState, spec_session, state, n, aes, key);
	SPEC(KEY_CHANGED, C_SetOperationState, spec_session, state, n, 0, other);
	SPEC(KEY_HANDLE_INVALID, C_SetOperationState, spec_session, state, n, 0, 4711);
	SPEC(SAVED_STATE_INVALID, C_SetOperationState, spec_session, state, n - 1, 0, key);
	DONE(spec->C_SetOperationState(spec_session, state, n, 0, key));
	DONE(spec->C_SessionCancel(spec_session, CKF_SIGN));
}
END_TEST

void spec_sessions(TCase *c)
{
	tcase_add_test(c, handles);
	tcase_add_test(c, background);
	tcase_add_test(c, logins);
	tcase_add_test(c, pins);
	tcase_add_test(c, operation_states);
}
