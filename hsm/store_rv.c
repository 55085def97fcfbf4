/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_rv.h"

#include "store.h"

CK_RV store_rv(int e)
{
	switch (e) {
	case STORE_OK:
		return CKR_OK;
	case STORE_ENOTFOUND:
		return CKR_OBJECT_HANDLE_INVALID;
	case STORE_ENOMEM:
		return CKR_HOST_MEMORY;
	case STORE_EFULL:
		return CKR_DEVICE_MEMORY;
	case STORE_EACCESS:
		return CKR_TOKEN_WRITE_PROTECTED;
	case STORE_EFOREIGN:
		return CKR_TOKEN_NOT_RECOGNIZED;
	case STORE_ESEALED:
		return CKR_USER_NOT_LOGGED_IN;
	case STORE_EBUSY:
		return CKR_FUNCTION_FAILED;
	case STORE_EEXIST:
	case STORE_ECORRUPT:
	case STORE_EIO:
	case STORE_EPANIC:
	default:
		return CKR_DEVICE_ERROR;
	}
}
