/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <string.h>

#include "sr_functions.h"

static CK_FUNCTION_LIST list_2_40 = { .version = { 2, 40 },
#define MEMBER(name) .name = name,
				      CK_FUNCTIONS_2_40(MEMBER) };

#define LATER(name, arguments) .name = name,
/* 3.0 and 3.1 have the same functions. A list carries the version whose length it has: clients walk as far as that. */
static struct ck_function_list_3_0 list_3_0 = { .version = { 3, 0 },
						CK_FUNCTIONS_2_40(MEMBER) CK_FUNCTIONS_3_0(LATER) };
static struct ck_function_list_3_0 list_3_1 = { .version = { 3, 1 },
						CK_FUNCTIONS_2_40(MEMBER) CK_FUNCTIONS_3_0(LATER) };
static struct ck_function_list_3_2 list_3_2 = { .version = { 3, 2 },
						CK_FUNCTIONS_2_40(MEMBER) CK_FUNCTIONS_3_0(LATER)
						    CK_FUNCTIONS_3_2(LATER) };

static struct sr_function_list list_sr = { .version = { 1, 0 }, SR_FUNCTIONS(LATER) };

static char pkcs11_name[] = "PKCS 11";
static char sr_name[] = SR_INTERFACE_NAME;

/* The first one is the default. */
static CK_INTERFACE interfaces[] = {
	{ pkcs11_name, &list_3_2, CKF_INTERFACE_FORK_SAFE }, { pkcs11_name, &list_3_1, CKF_INTERFACE_FORK_SAFE },
	{ pkcs11_name, &list_3_0, CKF_INTERFACE_FORK_SAFE }, { pkcs11_name, &list_2_40, CKF_INTERFACE_FORK_SAFE },
	{ sr_name, &list_sr, CKF_INTERFACE_FORK_SAFE },
};
#define INTERFACES (sizeof(interfaces) / sizeof(interfaces[0]))

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret)
{
	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	*ret = &list_2_40;
	return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	if (list == NULL) {
		*count = INTERFACES;
		return CKR_OK;
	}
	if (*count < INTERFACES) {
		*count = INTERFACES;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(list, interfaces, sizeof(interfaces));
	*count = INTERFACES;
	return CKR_OK;
}

static int matches(const CK_INTERFACE *i, const CK_UTF8CHAR *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *has = i->pFunctionList;

	if (name != NULL && strcmp((const char *)name, i->pInterfaceName) != 0)
		return 0;
	if (version != NULL && (version->major != has->major || version->minor != has->minor))
		return 0;
	return (flags & i->flags) == flags;
}

CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR ret, CK_FLAGS flags)
{
	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < INTERFACES; i++) {
		if (matches(&interfaces[i], name, version, flags)) {
			*ret = &interfaces[i];
			return CKR_OK;
		}
	}
	return CKR_FUNCTION_FAILED;
}
