/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

#define EVERY(function, ...) spec_check(#function, __LINE__, spec->function(__VA_ARGS__), code)

static CK_OBJECT_HANDLE o, p;
static CK_ULONG n;

static void users(CK_SESSION_HANDLE h, const char *code)
{
	CK_SESSION_INFO info;
	CK_FLAGS flags;

	EVERY(C_CloseSession, h);
	EVERY(C_GetSessionInfo, h, &info);
	EVERY(C_Login, h, CKU_USER, PIN(USER_PIN));
	EVERY(C_LoginUser, h, CKU_USER, PIN(USER_PIN), NULL, 0);
	EVERY(C_Logout, h);
	EVERY(C_SetPIN, h, PIN(USER_PIN), PIN("another1"));
	EVERY(C_GetSessionValidationFlags, h, CKS_LAST_VALIDATION_OK, &flags);
	EVERY(C_GetFunctionStatus, h);
	EVERY(C_CancelFunction, h);
	EVERY(C_AsyncComplete, h, (CK_UTF8CHAR_PTR) "C_Sign", NULL);
	EVERY(C_AsyncGetID, h, (CK_UTF8CHAR_PTR) "C_Sign", &n);
	EVERY(C_AsyncJoin, h, (CK_UTF8CHAR_PTR) "C_Sign", 1, spec_out, 16);
}

static void objects(CK_SESSION_HANDLE h, const char *code)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };

	EVERY(C_InitPIN, h, PIN("another1"));
	EVERY(C_SessionCancel, h, CKF_SIGN);
	EVERY(C_GetOperationState, h, ROOM);
	EVERY(C_SetOperationState, h, spec_bytes, 16, 0, 0);
	EVERY(C_CreateObject, h, t, 1, &o);
	EVERY(C_CopyObject, h, 1, NULL, 0, &o);
	EVERY(C_DestroyObject, h, 1);
	EVERY(C_GetObjectSize, h, 1, &n);
	EVERY(C_GetAttributeValue, h, 1, t, 1);
	EVERY(C_SetAttributeValue, h, 1, t, 1);
	EVERY(C_FindObjectsInit, h, NULL, 0);
	EVERY(C_FindObjects, h, &o, 1, &n);
	EVERY(C_FindObjectsFinal, h);
	EVERY(C_GenerateKey, h, &spec_ecb, NULL, 0, &o);
	EVERY(C_GenerateKeyPair, h, &spec_ecb, NULL, 0, NULL, 0, &o, &p);
	EVERY(C_WrapKey, h, &spec_ecb, 1, 1, ROOM);
	EVERY(C_UnwrapKey, h, &spec_ecb, 1, spec_bytes, 16, NULL, 0, &o);
	EVERY(C_DeriveKey, h, &spec_ecb, 1, NULL, 0, &o);
	EVERY(C_WrapKeyAuthenticated, h, &spec_ecb, 1, 1, NULL, 0, ROOM);
	EVERY(C_UnwrapKeyAuthenticated, h, &spec_ecb, 1, spec_bytes, 16, NULL, 0, NULL, 0, &o);
	EVERY(C_EncapsulateKey, h, &spec_ecb, 1, NULL, 0, ROOM, &o);
	EVERY(C_DecapsulateKey, h, &spec_ecb, 1, NULL, 0, spec_bytes, 16, &o);
	EVERY(C_SeedRandom, h, spec_bytes, 16);
	EVERY(C_GenerateRandom, h, spec_out, 16);
}

static void operations(CK_SESSION_HANDLE h, const char *code)
{
	EVERY(C_EncryptInit, h, &spec_ecb, 1);
	EVERY(C_Encrypt, h, spec_bytes, 16, ROOM);
	EVERY(C_EncryptUpdate, h, spec_bytes, 16, ROOM);
	EVERY(C_EncryptFinal, h, ROOM);
	EVERY(C_DecryptInit, h, &spec_ecb, 1);
	EVERY(C_Decrypt, h, spec_bytes, 16, ROOM);
	EVERY(C_DecryptUpdate, h, spec_bytes, 16, ROOM);
	EVERY(C_DecryptFinal, h, ROOM);
	EVERY(C_DigestInit, h, &spec_sha256);
	EVERY(C_Digest, h, spec_bytes, 16, ROOM);
	EVERY(C_DigestUpdate, h, spec_bytes, 16);
	EVERY(C_DigestKey, h, 1);
	EVERY(C_DigestFinal, h, ROOM);
	EVERY(C_SignInit, h, &spec_hmac, 1);
	EVERY(C_Sign, h, spec_bytes, 16, ROOM);
	EVERY(C_SignUpdate, h, spec_bytes, 16);
	EVERY(C_SignFinal, h, ROOM);
	EVERY(C_SignRecoverInit, h, &spec_rsa_pkcs, 1);
	EVERY(C_SignRecover, h, spec_bytes, 16, ROOM);
	EVERY(C_VerifyInit, h, &spec_hmac, 1);
	EVERY(C_Verify, h, spec_bytes, 16, spec_bytes, 32);
	EVERY(C_VerifyUpdate, h, spec_bytes, 16);
	EVERY(C_VerifyFinal, h, spec_bytes, 32);
	EVERY(C_VerifyRecoverInit, h, &spec_rsa_pkcs, 1);
	EVERY(C_VerifyRecover, h, spec_bytes, 16, ROOM);
	EVERY(C_VerifySignatureInit, h, &spec_hmac, 1, spec_bytes, 32);
	EVERY(C_VerifySignature, h, spec_bytes, 16);
	EVERY(C_VerifySignatureUpdate, h, spec_bytes, 16);
	EVERY(C_VerifySignatureFinal, h);
	EVERY(C_DigestEncryptUpdate, h, spec_bytes, 16, ROOM);
	EVERY(C_DecryptDigestUpdate, h, spec_bytes, 16, ROOM);
	EVERY(C_SignEncryptUpdate, h, spec_bytes, 16, ROOM);
	EVERY(C_DecryptVerifyUpdate, h, spec_bytes, 16, ROOM);
}

static void messages(CK_SESSION_HANDLE h, const char *code)
{
	EVERY(C_MessageEncryptInit, h, &spec_ecb, 1);
	EVERY(C_EncryptMessage, h, NULL, 0, NULL, 0, spec_bytes, 16, ROOM);
	EVERY(C_EncryptMessageBegin, h, NULL, 0, NULL, 0);
	EVERY(C_EncryptMessageNext, h, NULL, 0, spec_bytes, 16, ROOM, 0);
	EVERY(C_MessageEncryptFinal, h);
	EVERY(C_MessageDecryptInit, h, &spec_ecb, 1);
	EVERY(C_DecryptMessage, h, NULL, 0, NULL, 0, spec_bytes, 16, ROOM);
	EVERY(C_DecryptMessageBegin, h, NULL, 0, NULL, 0);
	EVERY(C_DecryptMessageNext, h, NULL, 0, spec_bytes, 16, ROOM, 0);
	EVERY(C_MessageDecryptFinal, h);
	EVERY(C_MessageSignInit, h, &spec_ecb, 1);
	EVERY(C_SignMessage, h, NULL, 0, spec_bytes, 16, ROOM);
	EVERY(C_SignMessageBegin, h, NULL, 0);
	EVERY(C_SignMessageNext, h, NULL, 0, spec_bytes, 16, ROOM);
	EVERY(C_MessageSignFinal, h);
	EVERY(C_MessageVerifyInit, h, &spec_ecb, 1);
	EVERY(C_VerifyMessage, h, NULL, 0, spec_bytes, 16, spec_bytes, 32);
	EVERY(C_VerifyMessageBegin, h, NULL, 0);
	EVERY(C_VerifyMessageNext, h, NULL, 0, spec_bytes, 16, spec_bytes, 32);
	EVERY(C_MessageVerifyFinal, h);
}

static void without_session(const char *code)
{
	CK_UTF8CHAR label[32] = { 0 };
	CK_MECHANISM_INFO mechanism;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	CK_INFO info;

	EVERY(C_Finalize, NULL);
	EVERY(C_GetInfo, &info);
	EVERY(C_GetSlotList, CK_TRUE, NULL, &n);
	EVERY(C_GetSlotInfo, 0, &slot);
	EVERY(C_GetTokenInfo, 0, &token);
	EVERY(C_GetMechanismList, 0, NULL, &n);
	EVERY(C_GetMechanismInfo, 0, CKM_AES_ECB, &mechanism);
	EVERY(C_InitToken, 0, PIN(SO_PIN), label);
	EVERY(C_OpenSession, 0, CKF_SERIAL_SESSION, NULL, NULL, &o);
	EVERY(C_CloseAllSessions, 0);
	EVERY(C_WaitForSlotEvent, CKF_DONT_BLOCK, &o, NULL);
}

void spec_every(CK_SESSION_HANDLE h, const char *code, bool expired)
{
	o = p = n = 77;
	if (strcmp(code, "CRYPTOKI_NOT_INITIALIZED") == 0)
		without_session(code);
	if (!expired)
		users(h, code);
	objects(h, code);
	operations(h, code);
	messages(h, code);
	ck_assert(o == 77 && p == 77 && n == 77 && spec_len == sizeof(spec_out));
}
