/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

/*
 * Functions about calls that go on in the background, of which there are none: every call ends before it returns. The
 * two old ones have an answer of their own (PKCS#11 3.1, 5.20); the asynchronous ones of 3.2 find no session that was
 * opened for them.
 */
static CK_RV not_supported(bool arguments_ok)
{
	return arguments_ok ? CKR_FUNCTION_NOT_SUPPORTED : CKR_ARGUMENTS_BAD;
}

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV C_AsyncComplete(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ASYNC_DATA_PTR result)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, not_supported(function != NULL));
}

CK_RV C_AsyncGetID(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ULONG_PTR id)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, not_supported(function != NULL && id != NULL));
}

CK_RV C_AsyncJoin(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ULONG id, CK_BYTE_PTR data, CK_ULONG data_len)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, not_supported(function != NULL && (data != NULL || data_len == 0)));
}
