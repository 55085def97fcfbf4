/* SPDX-License-Identifier: BSD-2-Clause */
#include "server.h"
#include "wire_rows.h"

/* A function of the rows with its arguments, each of the type that it has in the module's list. */
#define WORD(i, kind) (T_##kind)(uintptr_t) words[i]
#define CASE(list, name, n, ...)                                                                                       \
	case WIRE_##name:                                                                                              \
		return (list)->name(WIRE_EACH_##n(WORD, __VA_ARGS__));
#define CASE_CK(name, n, ...) CASE(f->ck, name, n, __VA_ARGS__)
#define CASE_SR(name, n, ...) CASE(f->sr, name, n, __VA_ARGS__)

static CK_RV call_ck(const struct server_functions *f, unsigned number, const CK_ULONG *words)
{
	switch (number) {
		WIRE_CK_ROWS(CASE_CK)
	default:
		return CKR_FUNCTION_NOT_SUPPORTED;
	}
}

static CK_RV call_sr(const struct server_functions *f, unsigned number, const CK_ULONG *words)
{
	switch (number) {
		WIRE_SR_ROWS(CASE_SR)
	default:
		return CKR_FUNCTION_NOT_SUPPORTED;
	}
}

CK_RV server_dispatch(const struct server_functions *f, unsigned number, const CK_ULONG *words)
{
	if (number < WIRE_SR)
		return call_ck(f, number, words);
	return f->sr != NULL ? call_sr(f, number, words) : CKR_FUNCTION_NOT_SUPPORTED;
}
