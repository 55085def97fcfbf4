/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_ROWS_H
#define SERVE_WIRE_ROWS_H

#include "wire.h"
#include "vendor_functions.h"

/*
 * The functions: name, number of arguments, kind of each. A kind K is two macros below: T_K, its type, and D_K(i), its
 * description as the i-th argument. Behind an IN, OUT, TEMPLATE ... comes the argument that says how long it is.
 * C_Initialize, C_Finalize, C_GetFunctionList, C_GetInterfaceList and C_GetInterface are the client's own.
 */
#define WIRE_CK_ROWS(X)                                                                                                \
	X(C_GetInfo, 1, INFO)                                                                                          \
	X(C_GetSlotList, 3, BOOL, OUT_NUMBERS, OUT_LEN)                                                                \
	X(C_GetSlotInfo, 2, NUMBER, SLOT_INFO)                                                                         \
	X(C_GetTokenInfo, 2, NUMBER, TOKEN_INFO)                                                                       \
	X(C_GetMechanismList, 3, NUMBER, OUT_NUMBERS, OUT_LEN)                                                         \
	X(C_GetMechanismInfo, 3, NUMBER, NUMBER, MECHANISM_INFO)                                                       \
	X(C_InitToken, 4, NUMBER, PIN, LEN, LABEL)                                                                     \
	X(C_InitPIN, 3, NUMBER, PIN, LEN)                                                                              \
	X(C_SetPIN, 5, NUMBER, PIN, LEN, PIN, LEN)                                                                     \
	X(C_OpenSession, 5, NUMBER, NUMBER, APPLICATION, NOTIFY, OUT_HANDLE)                                           \
	X(C_CloseSession, 1, NUMBER)                                                                                   \
	X(C_CloseAllSessions, 1, NUMBER)                                                                               \
	X(C_GetSessionInfo, 2, NUMBER, SESSION_INFO)                                                                   \
	X(C_GetOperationState, 3, NUMBER, OUT, OUT_LEN)                                                                \
	X(C_SetOperationState, 5, NUMBER, STATE, LEN, NUMBER, NUMBER)                                                  \
	X(C_Login, 4, NUMBER, NUMBER, PIN, LEN)                                                                        \
	X(C_Logout, 1, NUMBER)                                                                                         \
	X(C_CreateObject, 4, NUMBER, TEMPLATE, LEN, OUT_HANDLE)                                                        \
	X(C_CopyObject, 5, NUMBER, NUMBER, TEMPLATE, LEN, OUT_HANDLE)                                                  \
	X(C_DestroyObject, 2, NUMBER, NUMBER)                                                                          \
	X(C_GetObjectSize, 3, NUMBER, NUMBER, OUT_NUMBER)                                                              \
	X(C_GetAttributeValue, 4, NUMBER, NUMBER, VALUES, LEN)                                                         \
	X(C_SetAttributeValue, 4, NUMBER, NUMBER, TEMPLATE, LEN)                                                       \
	X(C_FindObjectsInit, 3, NUMBER, TEMPLATE, LEN)                                                                 \
	X(C_FindObjects, 4, NUMBER, FOUND, LEN, OUT_NUMBER)                                                            \
	X(C_FindObjectsFinal, 1, NUMBER)                                                                               \
	X(C_EncryptInit, 3, NUMBER, MECHANISM, NUMBER)                                                                 \
	X(C_Encrypt, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                                 \
	X(C_EncryptUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                           \
	X(C_EncryptFinal, 3, NUMBER, OUT, OUT_LEN)                                                                     \
	X(C_DecryptInit, 3, NUMBER, MECHANISM, NUMBER)                                                                 \
	X(C_Decrypt, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                                 \
	X(C_DecryptUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                           \
	X(C_DecryptFinal, 3, NUMBER, OUT, OUT_LEN)                                                                     \
	X(C_DigestInit, 2, NUMBER, MECHANISM)                                                                          \
	X(C_Digest, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                                  \
	X(C_DigestUpdate, 3, NUMBER, IN, LEN)                                                                          \
	X(C_DigestKey, 2, NUMBER, NUMBER)                                                                              \
	X(C_DigestFinal, 3, NUMBER, OUT, OUT_LEN)                                                                      \
	X(C_SignInit, 3, NUMBER, MECHANISM, NUMBER)                                                                    \
	X(C_Sign, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                                    \
	X(C_SignUpdate, 3, NUMBER, IN, LEN)                                                                            \
	X(C_SignFinal, 3, NUMBER, OUT, OUT_LEN)                                                                        \
	X(C_SignRecoverInit, 3, NUMBER, MECHANISM, NUMBER)                                                             \
	X(C_SignRecover, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                             \
	X(C_VerifyInit, 3, NUMBER, MECHANISM, NUMBER)                                                                  \
	X(C_Verify, 5, NUMBER, IN, LEN, SIGNATURE, LEN)                                                                \
	X(C_VerifyUpdate, 3, NUMBER, IN, LEN)                                                                          \
	X(C_VerifyFinal, 3, NUMBER, SIGNATURE, LEN)                                                                    \
	X(C_VerifyRecoverInit, 3, NUMBER, MECHANISM, NUMBER)                                                           \
	X(C_VerifyRecover, 5, NUMBER, SIGNATURE, LEN, OUT, OUT_LEN)                                                    \
	X(C_DigestEncryptUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                     \
	X(C_DecryptDigestUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                     \
	X(C_SignEncryptUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                       \
	X(C_DecryptVerifyUpdate, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                     \
	X(C_GenerateKey, 5, NUMBER, MECHANISM, TEMPLATE, LEN, OUT_HANDLE)                                              \
	X(C_GenerateKeyPair, 8, NUMBER, MECHANISM, TEMPLATE, LEN, TEMPLATE, LEN, OUT_HANDLE, OUT_HANDLE)               \
	X(C_WrapKey, 6, NUMBER, MECHANISM, NUMBER, NUMBER, OUT, OUT_LEN)                                               \
	X(C_UnwrapKey, 8, NUMBER, MECHANISM, NUMBER, WRAPPED, LEN, TEMPLATE, LEN, OUT_HANDLE)                          \
	X(C_DeriveKey, 6, NUMBER, MECHANISM, NUMBER, TEMPLATE, LEN, OUT_HANDLE)                                        \
	X(C_SeedRandom, 3, NUMBER, IN, LEN)                                                                            \
	X(C_GenerateRandom, 3, NUMBER, FILLED, LEN)                                                                    \
	X(C_GetFunctionStatus, 1, NUMBER)                                                                              \
	X(C_CancelFunction, 1, NUMBER)                                                                                 \
	X(C_WaitForSlotEvent, 3, NUMBER, OUT_NUMBER, RESERVED)                                                         \
	X(C_LoginUser, 6, NUMBER, NUMBER, PIN, LEN, IN, LEN)                                                           \
	X(C_SessionCancel, 2, NUMBER, NUMBER)                                                                          \
	X(C_MessageEncryptInit, 3, NUMBER, START_ENCRYPT, NUMBER)                                                      \
	X(C_EncryptMessage, 9, NUMBER, PARAM_ENCRYPT, LEN, IN, LEN, IN, LEN, OUT, OUT_LEN)                             \
	X(C_EncryptMessageBegin, 5, NUMBER, PARAM_ENCRYPT, LEN, IN, LEN)                                               \
	X(C_EncryptMessageNext, 8, NUMBER, PARAM_ENCRYPT, LEN, IN, LEN, OUT, OUT_LEN, NUMBER)                          \
	X(C_MessageEncryptFinal, 1, NUMBER)                                                                            \
	X(C_MessageDecryptInit, 3, NUMBER, START_DECRYPT, NUMBER)                                                      \
	X(C_DecryptMessage, 9, NUMBER, PARAM_DECRYPT, LEN, IN, LEN, IN, LEN, OUT, OUT_LEN)                             \
	X(C_DecryptMessageBegin, 5, NUMBER, PARAM_DECRYPT, LEN, IN, LEN)                                               \
	X(C_DecryptMessageNext, 8, NUMBER, PARAM_DECRYPT, LEN, IN, LEN, OUT, OUT_LEN, NUMBER)                          \
	X(C_MessageDecryptFinal, 1, NUMBER)                                                                            \
	X(C_MessageSignInit, 3, NUMBER, START_SIGN, NUMBER)                                                            \
	X(C_SignMessage, 7, NUMBER, PARAM_SIGN, LEN, IN, LEN, OUT, OUT_LEN)                                            \
	X(C_SignMessageBegin, 3, NUMBER, PARAM_SIGN, LEN)                                                              \
	X(C_SignMessageNext, 7, NUMBER, PARAM_SIGN, LEN, IN, LEN, OUT, OUT_LEN)                                        \
	X(C_MessageSignFinal, 1, NUMBER)                                                                               \
	X(C_MessageVerifyInit, 3, NUMBER, START_VERIFY, NUMBER)                                                        \
	X(C_VerifyMessage, 7, NUMBER, PARAM_VERIFY, LEN, IN, LEN, SIGNATURE, LEN)                                      \
	X(C_VerifyMessageBegin, 3, NUMBER, PARAM_VERIFY, LEN)                                                          \
	X(C_VerifyMessageNext, 7, NUMBER, PARAM_VERIFY, LEN, IN, LEN, SIGNATURE, LEN)                                  \
	X(C_MessageVerifyFinal, 1, NUMBER)                                                                             \
	X(C_EncapsulateKey, 8, NUMBER, MECHANISM, NUMBER, TEMPLATE, LEN, OUT, OUT_LEN, OUT_HANDLE)                     \
	X(C_DecapsulateKey, 8, NUMBER, MECHANISM, NUMBER, TEMPLATE, LEN, WRAPPED, LEN, OUT_HANDLE)                     \
	X(C_VerifySignatureInit, 5, NUMBER, MECHANISM, NUMBER, IN, LEN)                                                \
	X(C_VerifySignature, 3, NUMBER, IN, LEN)                                                                       \
	X(C_VerifySignatureUpdate, 3, NUMBER, IN, LEN)                                                                 \
	X(C_VerifySignatureFinal, 1, NUMBER)                                                                           \
	X(C_GetSessionValidationFlags, 3, NUMBER, NUMBER, OUT_NUMBER)                                                  \
	X(C_AsyncComplete, 3, NUMBER, NAME, ASYNC_DATA)                                                                \
	X(C_AsyncGetID, 3, NUMBER, NAME, OUT_NUMBER)                                                                   \
	X(C_AsyncJoin, 5, NUMBER, NAME, NUMBER, FILLED, LEN)                                                           \
	X(C_WrapKeyAuthenticated, 8, NUMBER, MESSAGE_MECHANISM, NUMBER, NUMBER, IN, LEN, OUT, OUT_LEN)                 \
	X(C_UnwrapKeyAuthenticated, 10, NUMBER, MESSAGE_MECHANISM, NUMBER, WRAPPED, LEN, TEMPLATE, LEN, IN, LEN,       \
	  OUT_HANDLE)

/* Those of vendor_functions.h. One that has no row here answers CKR_FUNCTION_NOT_SUPPORTED, and a test fails. */
#define WIRE_SR_ROWS(X)                                                                                                \
	X(SR_GetUsers, 3, NUMBER, SR_USERS, OUT_LEN)                                                                   \
	X(SR_RemoveUser, 4, NUMBER, NUMBER, IN, LEN)                                                                   \
	X(SR_CreateObjects, 4, NUMBER, SR_TEMPLATES, LEN, OUT_HANDLES)                                                 \
	X(SR_BackupInit, 5, NUMBER, PIN, LEN, NUMBER, NUMBER)                                                          \
	X(SR_BackupShare, 4, NUMBER, NUMBER, OUT_SECRET, OUT_LEN)                                                      \
	X(SR_BackupNext, 3, NUMBER, OUT, OUT_LEN)                                                                      \
	X(SR_BackupCancel, 1, NUMBER)                                                                                  \
	X(SR_GetBackup, 4, NUMBER, IN, LEN, SR_BACKUP)                                                                 \
	X(SR_RestoreInit, 3, NUMBER, IN, LEN)                                                                          \
	X(SR_RestorePassphrase, 3, NUMBER, PIN, LEN)                                                                   \
	X(SR_RestoreShare, 5, NUMBER, PIN, LEN, TOLD_NUMBER, TOLD_NUMBER)                                              \
	X(SR_RestoreNext, 3, NUMBER, IN, LEN)                                                                          \
	X(SR_RestoreLogin, 6, NUMBER, NUMBER, IN, LEN, PIN, LEN)                                                       \
	X(SR_RestoreFinal, 5, NUMBER, SR_VERIFY_STATE, SR_FINDINGS, TOLD_LEN, OUT_NUMBER)                              \
	X(SR_RestoreCancel, 1, NUMBER)                                                                                 \
	X(SR_Verify, 5, NUMBER, NUMBER, SR_VERIFY_STATE, SR_FINDINGS, TOLD_LEN)                                        \
	X(SR_GetAudit, 5, NUMBER, NUMBER, SR_AUDIT_ENTRIES, OUT_LEN, SR_AUDIT_STATE)                                   \
	X(SR_AuditHead, 3, NUMBER, OUT, OUT_LEN)                                                                       \
	X(SR_CheckAudit, 4, NUMBER, IN, LEN, SR_AUDIT_STATE)                                                           \
	X(SR_RestartAudit, 3, NUMBER, PIN, LEN)                                                                        \
	X(SR_SignStatement, 5, NUMBER, IN, LEN, OUT, OUT_LEN)                                                          \
	X(SR_GetStatementKey, 3, NUMBER, OUT, OUT_LEN)                                                                 \
	X(SR_GetTokenState, 2, NUMBER, SR_TOKEN_STATE)                                                                 \
	X(SR_RotateTokenKey, 5, NUMBER, NUMBER, OUT_NUMBER, OUT_NUMBER, OUT_NUMBER)                                    \
	X(SR_Approve, 4, NUMBER, NUMBER, IN, LEN)                                                                      \
	X(SR_Withdraw, 4, NUMBER, NUMBER, IN, LEN)                                                                     \
	X(SR_GetApprovals, 3, NUMBER, SR_APPROVALS, OUT_LEN)                                                           \
	X(SR_Enrol, 3, NUMBER, IN, LEN)                                                                                \
	X(SR_Unlock, 3, NUMBER, IN, LEN)                                                                               \
	X(SR_SetSOPIN, 3, NUMBER, PIN, LEN)                                                                            \
	X(SR_RetireKey, 2, NUMBER, NUMBER)

/* Their numbers: WIRE_C_Sign, WIRE_SR_GetUsers. */
enum wire_function_number {
#define WIRE_ENUM(name, ...) WIRE_##name,
	WIRE_CK_ROWS(WIRE_ENUM) WIRE_CK_COUNT,
	WIRE_SR_BEFORE = WIRE_SR - 1,
	WIRE_SR_ROWS(WIRE_ENUM) WIRE_SR_END
#undef WIRE_ENUM
};

/* WIRE_EACH(n)(M, kinds): M(i, kind) for each kind, with commas between. */
#define WIRE_EACH_1(M, a) M(0, a)
#define WIRE_EACH_2(M, a, b) M(0, a), M(1, b)
#define WIRE_EACH_3(M, a, b, c) M(0, a), M(1, b), M(2, c)
#define WIRE_EACH_4(M, a, b, c, d) WIRE_EACH_3(M, a, b, c), M(3, d)
#define WIRE_EACH_5(M, a, b, c, d, e) WIRE_EACH_4(M, a, b, c, d), M(4, e)
#define WIRE_EACH_6(M, a, b, c, d, e, f) WIRE_EACH_5(M, a, b, c, d, e), M(5, f)
#define WIRE_EACH_7(M, a, b, c, d, e, f, g) WIRE_EACH_6(M, a, b, c, d, e, f), M(6, g)
#define WIRE_EACH_8(M, a, b, c, d, e, f, g, h) WIRE_EACH_7(M, a, b, c, d, e, f, g), M(7, h)
#define WIRE_EACH_9(M, a, b, c, d, e, f, g, h, i) WIRE_EACH_8(M, a, b, c, d, e, f, g, h), M(8, i)
#define WIRE_EACH_10(M, a, b, c, d, e, f, g, h, i, j) WIRE_EACH_9(M, a, b, c, d, e, f, g, h, i), M(9, j)
#define WIRE_EACH_11(M, a, b, c, d, e, f, g, h, i, j, k) WIRE_EACH_10(M, a, b, c, d, e, f, g, h, i, j), M(10, k)
#define WIRE_EACH_12(M, a, b, c, d, e, f, g, h, i, j, k, l) WIRE_EACH_11(M, a, b, c, d, e, f, g, h, i, j, k), M(11, l)

/* Types of the kinds. */
#define T_NUMBER CK_ULONG
#define T_BOOL CK_BBOOL
#define T_LEN CK_ULONG
#define T_IN CK_BYTE_PTR
#define T_PIN CK_BYTE_PTR
#define T_SIGNATURE CK_BYTE_PTR
#define T_WRAPPED CK_BYTE_PTR
#define T_STATE CK_BYTE_PTR
#define T_LABEL CK_BYTE_PTR
#define T_NAME CK_BYTE_PTR
#define T_OUT CK_BYTE_PTR
#define T_FILLED CK_BYTE_PTR
#define T_OUT_LEN CK_ULONG_PTR
#define T_OUT_NUMBERS CK_ULONG_PTR
#define T_OUT_NUMBER CK_ULONG_PTR
#define T_OUT_HANDLE CK_ULONG_PTR
#define T_FOUND CK_ULONG_PTR
#define T_TEMPLATE CK_ATTRIBUTE_PTR
#define T_VALUES CK_ATTRIBUTE_PTR
#define T_MECHANISM CK_MECHANISM_PTR
#define T_MESSAGE_MECHANISM CK_MECHANISM_PTR
#define T_START_ENCRYPT CK_MECHANISM_PTR
#define T_START_DECRYPT CK_MECHANISM_PTR
#define T_START_SIGN CK_MECHANISM_PTR
#define T_START_VERIFY CK_MECHANISM_PTR
#define T_PARAM_ENCRYPT CK_VOID_PTR
#define T_PARAM_DECRYPT CK_VOID_PTR
#define T_PARAM_SIGN CK_VOID_PTR
#define T_PARAM_VERIFY CK_VOID_PTR
#define T_APPLICATION CK_VOID_PTR
#define T_NOTIFY CK_NOTIFY
#define T_RESERVED CK_VOID_PTR
#define T_INFO CK_INFO_PTR
#define T_SLOT_INFO CK_SLOT_INFO_PTR
#define T_TOKEN_INFO CK_TOKEN_INFO_PTR
#define T_MECHANISM_INFO CK_MECHANISM_INFO_PTR
#define T_SESSION_INFO CK_SESSION_INFO_PTR
#define T_ASYNC_DATA CK_ASYNC_DATA_PTR
#define T_OUT_HANDLES CK_ULONG_PTR
#define T_OUT_SECRET CK_BYTE_PTR
#define T_TOLD_NUMBER CK_ULONG_PTR
#define T_TOLD_LEN CK_ULONG_PTR
#define T_SR_AUDIT_ENTRIES struct sr_audit_entry *
#define T_SR_AUDIT_STATE struct sr_audit_state *
#define T_SR_TOKEN_STATE struct sr_token_state *
#define T_SR_APPROVALS struct sr_approval *
#define T_SR_BACKUP struct sr_backup *
#define T_SR_VERIFY_STATE struct sr_verify_state *
#define T_SR_FINDINGS struct sr_finding *
#define T_SR_USERS struct sr_user *
#define T_SR_TEMPLATES struct sr_template *

#endif
