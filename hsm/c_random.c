/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto.h"
#include "op_call.h"
#include "module.h"

/* C_SeedRandom, C_GenerateRandom. */

#define SEED_MAX ((size_t)1 << 20)

static CK_RV seed(struct view v)
{
	if (!bytes_ok(v.p, v.n) || v.n > SEED_MAX)
		return CKR_ARGUMENTS_BAD;
	if (v.n == 0)
		return CKR_OK;
	return crypto_seed(module_crypto(), v);
}

static CK_RV generate(uint8_t *out, CK_ULONG n)
{
	if (!bytes_ok(out, n))
		return CKR_ARGUMENTS_BAD;
	return n == 0 ? CKR_OK : crypto_random(module_crypto(), out, n);
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len)
{
	CALL_SESSION(session, 0, seed(VIEW(data, data_len)));
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG out_len)
{
	CALL_SESSION(session, 0, generate(out, out_len));
}
