/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"
#include "client_sr.h"
#include "wire_rows.h"

/* The functions of the rows: each hands its arguments on as words. */
#define ARGUMENT(i, kind) T_##kind a##i
#define WORD(i, kind) (CK_ULONG)(uintptr_t) a##i
#define STUB(name, n, ...)                                                                                             \
	CK_RV name(WIRE_EACH_##n(ARGUMENT, __VA_ARGS__))                                                               \
	{                                                                                                              \
		return client_call(WIRE_##name, (const CK_ULONG[]){ WIRE_EACH_##n(WORD, __VA_ARGS__) });               \
	}

WIRE_CK_ROWS(STUB)
WIRE_SR_ROWS(STUB)
