/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include "login.h"
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
	struct token_user user;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	session_user(s, &user);
	info->slotID = s->token->slot;
	info->flags = CKF_SERIAL_SESSION | (s->rw ? CKF_RW_SESSION : 0);
	info->ulDeviceError = 0;
	if (user.kind == USER_SO)
		info->state = CKS_RW_SO_FUNCTIONS;
	else if (user.kind == USER_NONE)
		info->state = s->rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	else
		info->state = s->rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR info)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, get_info(call_s, info));
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
