/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * A PKCS#11 module that is another one, HANG_MODULE of the environment, until the file HANG_FILE is there: calls that
 * reach the HSM do not come back then before the file is gone. For tests of what goes on while an HSM hangs.
 */
static CK_FUNCTION_LIST *real;
static void *library;

static void hang(void)
{
	const char *file = getenv("HANG_FILE");

	while (file && access(file, F_OK) == 0)
		usleep(5000);
}

static CK_RV hang_random(CK_SESSION_HANDLE s, CK_BYTE_PTR p, CK_ULONG n)
{
	hang();
	return real->C_GenerateRandom(s, p, n);
}

static CK_RV hang_session(CK_SESSION_HANDLE s, CK_SESSION_INFO_PTR info)
{
	hang();
	return real->C_GetSessionInfo(s, info);
}

static CK_RV hang_unwrap(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR p, CK_ULONG n,
			 CK_ATTRIBUTE_PTR a, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret)
{
	hang();
	return real->C_UnwrapKey(s, m, key, p, n, a, count, ret);
}

static CK_RV hang_sign(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
	hang();
	return real->C_SignInit(s, m, key);
}

static CK_RV hang_verify(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
	hang();
	return real->C_VerifyInit(s, m, key);
}

static CK_RV hang_destroy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object)
{
	hang();
	return real->C_DestroyObject(s, object);
}

static void *real_symbol(const char *name)
{
	if (!library)
		library = dlopen(getenv("HANG_MODULE"), RTLD_NOW | RTLD_LOCAL);
	return library ? dlsym(library, name) : NULL;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret)
{
	static CK_FUNCTION_LIST ours;
	CK_C_GetFunctionList get;
	CK_RV rv;

	*(void **)&get = real_symbol("C_GetFunctionList");
	rv = get ? get(&real) : CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return rv;
	ours = *real;
	ours.C_GetFunctionList = C_GetFunctionList;
	ours.C_GenerateRandom = hang_random;
	ours.C_GetSessionInfo = hang_session;
	ours.C_UnwrapKey = hang_unwrap;
	ours.C_SignInit = hang_sign;
	ours.C_VerifyInit = hang_verify;
	ours.C_DestroyObject = hang_destroy;
	*ret = &ours;
	return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version,
							    CK_INTERFACE_PTR_PTR ret, CK_FLAGS flags)
{
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);

	*(void **)&get = real_symbol("C_GetInterface");
	return get ? get(name, version, ret, flags) : CKR_FUNCTION_NOT_SUPPORTED;
}
