/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include "object_change.h"
#include "object_find.h"

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR ret)
{
	CALL_SESSION(handle, 0, object_create(call_s, t, n, ret));
}

CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE from, CK_ATTRIBUTE_PTR t, CK_ULONG n,
		   CK_OBJECT_HANDLE_PTR ret)
{
	CALL_SESSION(handle, 0, object_copy(call_s, from, t, n, ret));
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	CALL_SESSION(handle, 0, object_destroy(call_s, object));
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG_PTR ret)
{
	CALL_SESSION(handle, 0, object_size(call_s, object, ret));
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CALL_SESSION(handle, 0, object_get_values(call_s, object, t, n));
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CALL_SESSION(handle, 0, object_set_values(call_s, object, t, n));
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CALL_SESSION(handle, 0, find_start(call_s, t, n));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE_PTR out, CK_ULONG room, CK_ULONG_PTR count)
{
	CALL_SESSION(handle, 0, find_next(call_s, out, room, count));
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	CALL_SESSION(handle, 0, find_end(call_s));
}
