/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_sr.h"

/* Vendor functions that have no row (yet): those that have one in client_functions.c go before. */
#define REST(name, arguments)                                                                                          \
	__attribute__((weak)) CK_RV name arguments                                                                     \
	{                                                                                                              \
		return CKR_FUNCTION_NOT_SUPPORTED;                                                                     \
	}
SR_FUNCTIONS(REST)
