/* SPDX-License-Identifier: BSD-2-Clause */
#include "bad_kit.h"

#include <string.h>

unsigned bad_calls;

static const char *const functions[] = {
#define BAD_NAME(name, ...) #name,
	CK_FUNCTIONS_2_40(BAD_NAME) CK_FUNCTIONS_3_0(BAD_NAME)
#undef BAD_NAME
};
static bool called[ARRAY_LEN(functions)];

struct seen {
	CK_ULONG objects, sessions, rw_sessions, flags, state;
};
static bool watching;
static struct seen before;

static struct seen look(void)
{
	CK_SESSION_HANDLE h = ck_open(true);
	CK_SESSION_INFO session;
	CK_TOKEN_INFO token;
	CK_OBJECT_HANDLE some[64];
	CK_ULONG n = 0;
	struct seen s = { 0 };

	ck_ok(ck->C_GetSessionInfo(h, &session));
	ck_ok(ck->C_FindObjectsInit(h, NULL, 0));
	do {
		ck_ok(ck->C_FindObjects(h, some, ARRAY_LEN(some), &n));
		s.objects += n;
	} while (n > 0);
	ck_ok(ck->C_CloseSession(h));
	ck_ok(ck->C_GetTokenInfo(ck_slot, &token));
	s.sessions = token.ulSessionCount;
	s.rw_sessions = token.ulRwSessionCount;
	s.flags = token.flags;
	s.state = session.state;
	return s;
}

void bad_watch(void)
{
	before = look();
	watching = true;
}

void bad_unwatch(void)
{
	watching = false;
}

void bad_check(const char *name, int line, CK_RV rv, CK_RV code)
{
	bad_calls++;
	ck_assert_msg(rv == code, "%s in line %d answers 0x%lx, not 0x%lx", name, line, rv, code);
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		called[i] = called[i] || strcmp(functions[i], name) == 0;
	if (watching) {
		struct seen now = look();

		ck_assert_msg(memcmp(&now, &before, sizeof(now)) == 0,
			      "%s in line %d changed something: objects %lu, %lu; sessions %lu, %lu; flags %lx, %lx",
			      name, line, before.objects, now.objects, before.sessions, now.sessions, before.flags,
			      now.flags);
	}
}

void bad_cover(void)
{
	memset(called, 0, sizeof(called));
}

void bad_covered(const char *const *but, size_t count)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		bool named = false;

		for (size_t k = 0; k < count; k++)
			named = named || strcmp(but[k], functions[i]) == 0;
		ck_assert_msg(called[i] || named, "%s was not called", functions[i]);
	}
}

static void messages(CK_SESSION_HANDLE h, CK_RV code)
{
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
	CK_BYTE in[16] = { 0 }, out[64];
	CK_ULONG n = sizeof(out);

	BAD(code, C_MessageEncryptInit, h, &m, 1);
	BAD(code, C_EncryptMessage, h, NULL, 0, NULL, 0, in, sizeof(in), out, &n);
	BAD(code, C_EncryptMessageBegin, h, NULL, 0, NULL, 0);
	BAD(code, C_EncryptMessageNext, h, NULL, 0, in, sizeof(in), out, &n, 0);
	BAD(code, C_MessageEncryptFinal, h);
	BAD(code, C_MessageDecryptInit, h, &m, 1);
	BAD(code, C_DecryptMessage, h, NULL, 0, NULL, 0, in, sizeof(in), out, &n);
	BAD(code, C_DecryptMessageBegin, h, NULL, 0, NULL, 0);
	BAD(code, C_DecryptMessageNext, h, NULL, 0, in, sizeof(in), out, &n, 0);
	BAD(code, C_MessageDecryptFinal, h);
	BAD(code, C_MessageSignInit, h, &m, 1);
	BAD(code, C_SignMessage, h, NULL, 0, in, sizeof(in), out, &n);
	BAD(code, C_SignMessageBegin, h, NULL, 0);
	BAD(code, C_SignMessageNext, h, NULL, 0, in, sizeof(in), out, &n);
	BAD(code, C_MessageSignFinal, h);
	BAD(code, C_MessageVerifyInit, h, &m, 1);
	BAD(code, C_VerifyMessage, h, NULL, 0, in, sizeof(in), out, n);
	BAD(code, C_VerifyMessageBegin, h, NULL, 0);
	BAD(code, C_VerifyMessageNext, h, NULL, 0, in, sizeof(in), out, n);
	BAD(code, C_MessageVerifyFinal, h);
}

static void operations(CK_SESSION_HANDLE h, CK_RV code)
{
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
	CK_BYTE in[16] = { 0 }, out[64];
	CK_ULONG n = sizeof(out);

	BAD(code, C_EncryptInit, h, &m, 1);
	BAD(code, C_Encrypt, h, in, sizeof(in), out, &n);
	BAD(code, C_EncryptUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_EncryptFinal, h, out, &n);
	BAD(code, C_DecryptInit, h, &m, 1);
	BAD(code, C_Decrypt, h, in, sizeof(in), out, &n);
	BAD(code, C_DecryptUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_DecryptFinal, h, out, &n);
	BAD(code, C_DigestInit, h, &m);
	BAD(code, C_Digest, h, in, sizeof(in), out, &n);
	BAD(code, C_DigestUpdate, h, in, sizeof(in));
	BAD(code, C_DigestKey, h, 1);
	BAD(code, C_DigestFinal, h, out, &n);
	BAD(code, C_SignInit, h, &m, 1);
	BAD(code, C_Sign, h, in, sizeof(in), out, &n);
	BAD(code, C_SignUpdate, h, in, sizeof(in));
	BAD(code, C_SignFinal, h, out, &n);
	BAD(code, C_VerifyInit, h, &m, 1);
	BAD(code, C_Verify, h, in, sizeof(in), out, sizeof(out));
	BAD(code, C_VerifyUpdate, h, in, sizeof(in));
	BAD(code, C_VerifyFinal, h, out, sizeof(out));
	BAD(code, C_SignRecoverInit, h, &m, 1);
	BAD(code, C_SignRecover, h, in, sizeof(in), out, &n);
	BAD(code, C_VerifyRecoverInit, h, &m, 1);
	BAD(code, C_VerifyRecover, h, in, sizeof(in), out, &n);
	BAD(code, C_DigestEncryptUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_DecryptDigestUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_SignEncryptUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_DecryptVerifyUpdate, h, in, sizeof(in), out, &n);
	BAD(code, C_GetOperationState, h, out, &n);
	BAD(code, C_SetOperationState, h, in, sizeof(in), 0, 0);
	ck_assert_uint_eq(n, sizeof(out));
}

void bad_session_functions(CK_SESSION_HANDLE h, CK_RV code, enum bad_which which)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE o = 77, p = 77;
	CK_SESSION_INFO info;
	CK_BYTE in[16] = { 0 };
	CK_ULONG n = 77;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };

	if (which != BAD_EXPIRED) {
		BAD(code, C_CloseSession, h);
		BAD(code, C_GetSessionInfo, h, &info);
		BAD(code, C_Login, h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
		BAD(code, C_LoginUser, h, CKU_USER, CK_TEXT(CK_TEST_USER_PIN), NULL, 0);
		BAD(code, C_Logout, h);
		BAD(code, C_SetPIN, h, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("another1"));
		BAD(code, C_GetFunctionStatus, h);
		BAD(code, C_CancelFunction, h);
	}
	BAD(code, C_InitPIN, h, CK_TEXT("another1"));
	BAD(code, C_SessionCancel, h, CKF_SIGN);
	BAD(code, C_CreateObject, h, t, 1, &o);
	BAD(code, C_CopyObject, h, 1, NULL, 0, &o);
	BAD(code, C_DestroyObject, h, 1);
	BAD(code, C_GetObjectSize, h, 1, &n);
	BAD(code, C_GetAttributeValue, h, 1, t, 1);
	BAD(code, C_SetAttributeValue, h, 1, t, 1);
	BAD(code, C_FindObjectsInit, h, NULL, 0);
	BAD(code, C_FindObjects, h, &o, 1, &n);
	BAD(code, C_FindObjectsFinal, h);
	operations(h, code);
	messages(h, code);
	BAD(code, C_GenerateKey, h, &m, NULL, 0, &o);
	BAD(code, C_GenerateKeyPair, h, &m, NULL, 0, NULL, 0, &o, &p);
	BAD(code, C_WrapKey, h, &m, 1, 1, in, &n);
	BAD(code, C_UnwrapKey, h, &m, 1, in, sizeof(in), NULL, 0, &o);
	BAD(code, C_DeriveKey, h, &m, 1, NULL, 0, &o);
	BAD(code, C_SeedRandom, h, in, sizeof(in));
	BAD(code, C_GenerateRandom, h, in, sizeof(in));
	ck_assert_uint_eq(o, 77);
	ck_assert_uint_eq(p, 77);
	ck_assert_uint_eq(n, 77);
}
