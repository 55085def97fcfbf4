/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_CK_H
#define HSM_CK_H

/*
 * PKCS#11 as the module speaks it: p11-kit's header (2.40) and the names up to 3.2 that it lacks. The C_ functions are
 * the only symbols that the module exports.
 */
#pragma GCC visibility push(default)
/* Parameters whose members have other names in other versions of p11-kit: ck_structs.h says how they are called here.
 */
#define ck_aes_cbc_encrypt_data_params p11_kit_aes_cbc_encrypt_data_params
#define ck_aes_ctr_params p11_kit_aes_ctr_params
#define ck_chacha20_params p11_kit_chacha20_params
#define ck_des_cbc_encrypt_data_params p11_kit_des_cbc_encrypt_data_params
#define ck_ecdh1_derive_params p11_kit_ecdh1_derive_params
#define ck_gcm_message_params p11_kit_gcm_message_params
#define ck_gcm_params p11_kit_gcm_params
#define ck_key_derivation_string_data p11_kit_key_derivation_string_data
#define ck_rsa_pkcs_oaep_params p11_kit_rsa_pkcs_oaep_params
#define ck_rsa_pkcs_pss_params p11_kit_rsa_pkcs_pss_params
#define ck_salsa20_chacha20_poly1305_msg_params p11_kit_salsa20_chacha20_poly1305_msg_params
#define ck_salsa20_chacha20_poly1305_params p11_kit_salsa20_chacha20_poly1305_params
#include <p11-kit/pkcs11.h>
#undef ck_aes_cbc_encrypt_data_params
#undef ck_aes_ctr_params
#undef ck_chacha20_params
#undef ck_des_cbc_encrypt_data_params
#undef ck_ecdh1_derive_params
#undef ck_gcm_message_params
#undef ck_gcm_params
#undef ck_key_derivation_string_data
#undef ck_rsa_pkcs_oaep_params
#undef ck_rsa_pkcs_pss_params
#undef ck_salsa20_chacha20_poly1305_msg_params
#undef ck_salsa20_chacha20_poly1305_params
#pragma GCC visibility pop

#include <stddef.h>
#include "vendor.h"

#ifndef CK_MAC_GENERAL_PARAMS
#define CK_MAC_GENERAL_PARAMS CK_ULONG
#endif

#include "ck_names.h"
#include "ck_mechanisms.h"
#include "ck_structs.h"

#define CK_FLAGS_PTR CK_FLAGS *
#define CK_SESSION_VALIDATION_FLAGS_TYPE CK_ULONG

/* The functions of the lists, in order: 1 to 68 of 2.40 by name; 69 to 92 of 3.0 and 3.1, 93 to 104 of 3.2 by name and
 * arguments. */
#define CK_FUNCTIONS_2_40(X)                                                                                           \
	X(C_Initialize)                                                                                                \
	X(C_Finalize)                                                                                                  \
	X(C_GetInfo)                                                                                                   \
	X(C_GetFunctionList)                                                                                           \
	X(C_GetSlotList)                                                                                               \
	X(C_GetSlotInfo)                                                                                               \
	X(C_GetTokenInfo)                                                                                              \
	X(C_GetMechanismList)                                                                                          \
	X(C_GetMechanismInfo)                                                                                          \
	X(C_InitToken)                                                                                                 \
	X(C_InitPIN)                                                                                                   \
	X(C_SetPIN)                                                                                                    \
	X(C_OpenSession)                                                                                               \
	X(C_CloseSession)                                                                                              \
	X(C_CloseAllSessions)                                                                                          \
	X(C_GetSessionInfo)                                                                                            \
	X(C_GetOperationState)                                                                                         \
	X(C_SetOperationState)                                                                                         \
	X(C_Login)                                                                                                     \
	X(C_Logout)                                                                                                    \
	X(C_CreateObject)                                                                                              \
	X(C_CopyObject)                                                                                                \
	X(C_DestroyObject)                                                                                             \
	X(C_GetObjectSize)                                                                                             \
	X(C_GetAttributeValue)                                                                                         \
	X(C_SetAttributeValue)                                                                                         \
	X(C_FindObjectsInit)                                                                                           \
	X(C_FindObjects)                                                                                               \
	X(C_FindObjectsFinal)                                                                                          \
	X(C_EncryptInit)                                                                                               \
	X(C_Encrypt)                                                                                                   \
	X(C_EncryptUpdate)                                                                                             \
	X(C_EncryptFinal)                                                                                              \
	X(C_DecryptInit)                                                                                               \
	X(C_Decrypt)                                                                                                   \
	X(C_DecryptUpdate)                                                                                             \
	X(C_DecryptFinal)                                                                                              \
	X(C_DigestInit)                                                                                                \
	X(C_Digest)                                                                                                    \
	X(C_DigestUpdate)                                                                                              \
	X(C_DigestKey)                                                                                                 \
	X(C_DigestFinal)                                                                                               \
	X(C_SignInit)                                                                                                  \
	X(C_Sign)                                                                                                      \
	X(C_SignUpdate)                                                                                                \
	X(C_SignFinal)                                                                                                 \
	X(C_SignRecoverInit)                                                                                           \
	X(C_SignRecover)                                                                                               \
	X(C_VerifyInit)                                                                                                \
	X(C_Verify)                                                                                                    \
	X(C_VerifyUpdate)                                                                                              \
	X(C_VerifyFinal)                                                                                               \
	X(C_VerifyRecoverInit)                                                                                         \
	X(C_VerifyRecover)                                                                                             \
	X(C_DigestEncryptUpdate)                                                                                       \
	X(C_DecryptDigestUpdate)                                                                                       \
	X(C_SignEncryptUpdate)                                                                                         \
	X(C_DecryptVerifyUpdate)                                                                                       \
	X(C_GenerateKey)                                                                                               \
	X(C_GenerateKeyPair)                                                                                           \
	X(C_WrapKey)                                                                                                   \
	X(C_UnwrapKey)                                                                                                 \
	X(C_DeriveKey)                                                                                                 \
	X(C_SeedRandom)                                                                                                \
	X(C_GenerateRandom)                                                                                            \
	X(C_GetFunctionStatus)                                                                                         \
	X(C_CancelFunction)                                                                                            \
	X(C_WaitForSlotEvent)

#define CK_FUNCTIONS_3_0(X)                                                                                            \
	X(C_GetInterfaceList, (CK_INTERFACE_PTR pInterfacesList, CK_ULONG_PTR pulCount))                               \
	X(C_GetInterface,                                                                                              \
	  (CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION_PTR pVersion, CK_INTERFACE_PTR_PTR ppInterface, CK_FLAGS flags)) \
	X(C_LoginUser, (CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen,    \
			CK_UTF8CHAR_PTR pUsername, CK_ULONG ulUsernameLen))                                            \
	X(C_SessionCancel, (CK_SESSION_HANDLE hSession, CK_FLAGS flags))                                               \
	X(C_MessageEncryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey))      \
	X(C_EncryptMessage, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,              \
			     CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pPlaintext,        \
			     CK_ULONG ulPlaintextLen, CK_BYTE_PTR pCiphertext, CK_ULONG_PTR pulCiphertextLen))         \
	X(C_EncryptMessageBegin, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,         \
				  CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen))                          \
	X(C_EncryptMessageNext, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,          \
				 CK_BYTE_PTR pPlaintextPart, CK_ULONG ulPlaintextPartLen, CK_BYTE_PTR pCiphertextPart, \
				 CK_ULONG_PTR pulCiphertextPartLen, CK_FLAGS flags))                                   \
	X(C_MessageEncryptFinal, (CK_SESSION_HANDLE hSession))                                                         \
	X(C_MessageDecryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey))      \
	X(C_DecryptMessage, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,              \
			     CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pCiphertext,       \
			     CK_ULONG ulCiphertextLen, CK_BYTE_PTR pPlaintext, CK_ULONG_PTR pulPlaintextLen))          \
	X(C_DecryptMessageBegin, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,         \
				  CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen))                          \
	X(C_DecryptMessageNext, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,          \
				 CK_BYTE_PTR pCiphertextPart, CK_ULONG ulCiphertextPartLen,                            \
				 CK_BYTE_PTR pPlaintextPart, CK_ULONG_PTR pulPlaintextPartLen, CK_FLAGS flags))        \
	X(C_MessageDecryptFinal, (CK_SESSION_HANDLE hSession))                                                         \
	X(C_MessageSignInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey))         \
	X(C_SignMessage,                                                                                               \
	  (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData,             \
	   CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen))                                  \
	X(C_SignMessageBegin, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen))           \
	X(C_SignMessageNext,                                                                                           \
	  (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData,             \
	   CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen))                                  \
	X(C_MessageSignFinal, (CK_SESSION_HANDLE hSession))                                                            \
	X(C_MessageVerifyInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey))       \
	X(C_VerifyMessage, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,               \
			    CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen))   \
	X(C_VerifyMessageBegin, (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen))         \
	X(C_VerifyMessageNext,                                                                                         \
	  (CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData,             \
	   CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen))                                       \
	X(C_MessageVerifyFinal, (CK_SESSION_HANDLE hSession))

#define CK_FUNCTIONS_3_2(X)                                                                                            \
	X(C_EncapsulateKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hPublicKey,     \
			     CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount, CK_BYTE_PTR pCiphertext,           \
			     CK_ULONG_PTR pulCiphertextLen, CK_OBJECT_HANDLE_PTR phKey))                               \
	X(C_DecapsulateKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hPrivateKey,    \
			     CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount, CK_BYTE_PTR pCiphertext,           \
			     CK_ULONG ulCiphertextLen, CK_OBJECT_HANDLE_PTR phKey))                                    \
	X(C_VerifySignatureInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey,      \
				  CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen))                                    \
	X(C_VerifySignature, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen))                      \
	X(C_VerifySignatureUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen))                \
	X(C_VerifySignatureFinal, (CK_SESSION_HANDLE hSession))                                                        \
	X(C_GetSessionValidationFlags,                                                                                 \
	  (CK_SESSION_HANDLE hSession, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS_PTR pFlags))                    \
	X(C_AsyncComplete, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pFunctionName, CK_ASYNC_DATA_PTR pResult))     \
	X(C_AsyncGetID, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pFunctionName, CK_ULONG_PTR pulID))               \
	X(C_AsyncJoin, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pFunctionName, CK_ULONG ulID, CK_BYTE_PTR pData,   \
			CK_ULONG ulData))                                                                              \
	X(C_WrapKeyAuthenticated,                                                                                      \
	  (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hWrappingKey,                     \
	   CK_OBJECT_HANDLE hKey, CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pWrappedKey,  \
	   CK_ULONG_PTR pulWrappedKeyLen))                                                                             \
	X(C_UnwrapKeyAuthenticated,                                                                                    \
	  (CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hUnwrappingKey,                   \
	   CK_BYTE_PTR pWrappedKey, CK_ULONG ulWrappedKeyLen, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,   \
	   CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_OBJECT_HANDLE_PTR phKey))

/* CK_INTERFACE of 3.0: a name, a list that begins with CK_VERSION, flags. */
#if CRYPTOKI_VERSION_MAJOR < 3
struct ck_interface {
	char *pInterfaceName;
	CK_VOID_PTR pFunctionList;
	CK_FLAGS flags;
};
#define CK_INTERFACE struct ck_interface
#define CK_INTERFACE_PTR struct ck_interface *
#define CK_INTERFACE_PTR_PTR struct ck_interface **
#endif

#define CK_DECLARE(name, arguments) __attribute__((visibility("default"))) CK_RV name arguments;
CK_FUNCTIONS_3_0(CK_DECLARE)
CK_FUNCTIONS_3_2(CK_DECLARE)
#undef CK_DECLARE

struct ck_function_list_3_0 {
	CK_VERSION version;
#define CK_MEMBER(name) CK_##name name;
	CK_FUNCTIONS_2_40(CK_MEMBER)
#undef CK_MEMBER
#define CK_MEMBER(name, arguments) CK_RV(*name) arguments;
	CK_FUNCTIONS_3_0(CK_MEMBER)
#undef CK_MEMBER
};

struct ck_function_list_3_2 {
	CK_VERSION version;
#define CK_MEMBER(name) CK_##name name;
	CK_FUNCTIONS_2_40(CK_MEMBER)
#undef CK_MEMBER
#define CK_MEMBER(name, arguments) CK_RV(*name) arguments;
	CK_FUNCTIONS_3_0(CK_MEMBER)
	CK_FUNCTIONS_3_2(CK_MEMBER)
#undef CK_MEMBER
};

#endif
