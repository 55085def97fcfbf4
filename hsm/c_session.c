/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include "op_call.h"
#include "login.h"
#include "op_state.h"
#include "session_table.h"

static CK_RV open_session(CK_SLOT_ID id, CK_FLAGS flags, CK_SESSION_HANDLE *ret)
{
	struct token *t;
	CK_RV rv;

	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	if (flags & CKF_ASYNC_SESSION)
		return CKR_SESSION_ASYNC_NOT_SUPPORTED;
	if (flags & ~(CK_FLAGS)(CKF_SERIAL_SESSION | CKF_RW_SESSION))
		return CKR_ARGUMENTS_BAD;
	rv = token_find(id, &t);
	if (rv == CKR_OK)
		rv = token_present(t);
	return rv == CKR_OK ? session_open(t, (flags & CKF_RW_SESSION) != 0, ret) : rv;
}

CK_RV C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret)
{
	CALL_MODULE(id, open_session(id, flags, ret));
}

static CK_RV close_session(struct session *s)
{
	session_close(s);
	return CKR_OK;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, close_session(call_s));
}

static CK_RV close_all(CK_SLOT_ID id)
{
	struct token *t;
	CK_RV rv = token_find(id, &t);

	if (rv == CKR_OK)
		sessions_close_all(module_get()->sessions, t);
	return rv;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID id)
{
	CALL_MODULE(id, close_all(id));
}

static CK_RV get_info(struct session *s, CK_SESSION_INFO *info)
{
	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	info->slotID = s->token->slot;
	info->state = session_state(s);
	info->flags = CKF_SERIAL_SESSION | (s->rw ? CKF_RW_SESSION : 0);
	info->ulDeviceError = 0;
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR info)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, get_info(call_s, info));
}

static CK_RV get_state(struct session *s, uint8_t *out, CK_ULONG *len)
{
	return len == NULL ? CKR_ARGUMENTS_BAD : op_state_save(s, out, len);
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(handle, 0, get_state(call_s, out, out_len));
}

static CK_RV set_state(struct session *s, struct view state, CK_OBJECT_HANDLE crypt_key, CK_OBJECT_HANDLE sign_key)
{
	if (state.p == NULL || !bytes_ok(state.p, state.n))
		return CKR_ARGUMENTS_BAD;
	return op_state_restore(s, state, crypt_key, sign_key);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR state, CK_ULONG state_len, CK_OBJECT_HANDLE crypt_key,
			  CK_OBJECT_HANDLE sign_key)
{
	CALL_SESSION(handle, 0, set_state(call_s, VIEW(state, state_len), crypt_key, sign_key));
}

/* No validation (FIPS 140 and the like) is in force: there are no flags to be kept. */
static CK_RV validation_flags(CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS *ret)
{
	if (ret == NULL || type != CKS_LAST_VALIDATION_OK)
		return CKR_ARGUMENTS_BAD;
	*ret = 0;
	return CKR_OK;
}

CK_RV C_GetSessionValidationFlags(CK_SESSION_HANDLE handle, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS_PTR flags)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, validation_flags(type, flags));
}

static CK_RV login(struct session *s, CK_USER_TYPE type, struct view name, struct view pin)
{
	if (pin.p == NULL || (name.p == NULL && name.n > 0))
		return CKR_ARGUMENTS_BAD; /* there is no other way to authenticate than a PIN given here */
	return login_pin(s, type, name, pin);
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, login(call_s, type, VIEW(NULL, 0), VIEW(pin, pin_len)));
}

CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len,
		  CK_UTF8CHAR_PTR name, CK_ULONG name_len)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, login(call_s, type, VIEW(name, name_len), VIEW(pin, pin_len)));
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, login_logout(call_s));
}
