/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_CK_H
#define HSM_CK_H

/*
 * PKCS#11 as the module speaks it: p11-kit's header (2.40) and the 3.0 names that it lacks. The C_ functions are the
 * only symbols that the module exports.
 */
#pragma GCC visibility push(default)
#include <p11-kit/pkcs11.h>
#pragma GCC visibility pop

#include <stddef.h>
#include "vendor.h"

#ifndef CK_MAC_GENERAL_PARAMS
#define CK_MAC_GENERAL_PARAMS CK_ULONG
#endif

#ifndef CKF_ERROR_STATE
#define CKF_ERROR_STATE 0x01000000UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_UNSPECIFIED
#define CK_CERTIFICATE_CATEGORY_UNSPECIFIED 0UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_TOKEN_USER
#define CK_CERTIFICATE_CATEGORY_TOKEN_USER 1UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_AUTHORITY
#define CK_CERTIFICATE_CATEGORY_AUTHORITY 2UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_OTHER_ENTITY
#define CK_CERTIFICATE_CATEGORY_OTHER_ENTITY 3UL
#endif
#ifndef CK_SECURITY_DOMAIN_UNSPECIFIED
#define CK_SECURITY_DOMAIN_UNSPECIFIED 0UL
#endif
#ifndef CKO_PROFILE
#define CKO_PROFILE 0x00000009UL
#endif
#ifndef CKP_INVALID_ID
#define CKP_INVALID_ID 0x00000000UL
#endif
#ifndef CKP_BASELINE_PROVIDER
#define CKP_BASELINE_PROVIDER 0x00000001UL
#endif
#ifndef CKP_EXTENDED_PROVIDER
#define CKP_EXTENDED_PROVIDER 0x00000002UL
#endif
#ifndef CKP_AUTHENTICATION_TOKEN
#define CKP_AUTHENTICATION_TOKEN 0x00000003UL
#endif
#ifndef CKP_PUBLIC_CERTIFICATES_TOKEN
#define CKP_PUBLIC_CERTIFICATES_TOKEN 0x00000004UL
#endif
#ifndef CKK_AES_XTS
#define CKK_AES_XTS 0x00000035UL
#endif
#ifndef CKK_SHA3_224_HMAC
#define CKK_SHA3_224_HMAC 0x00000036UL
#endif
#ifndef CKK_SHA3_256_HMAC
#define CKK_SHA3_256_HMAC 0x00000037UL
#endif
#ifndef CKK_SHA3_384_HMAC
#define CKK_SHA3_384_HMAC 0x00000038UL
#endif
#ifndef CKK_SHA3_512_HMAC
#define CKK_SHA3_512_HMAC 0x00000039UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x00000041UL
#endif
#ifndef CKK_HKDF
#define CKK_HKDF 0x00000042UL
#endif
#ifndef CKK_SHA512_224_HMAC
#define CKK_SHA512_224_HMAC 0x00000043UL
#endif
#ifndef CKK_SHA512_256_HMAC
#define CKK_SHA512_256_HMAC 0x00000044UL
#endif
#ifndef CKK_SHA512_T_HMAC
#define CKK_SHA512_T_HMAC 0x00000045UL
#endif
#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 0x00000004UL
#endif
#ifndef CKA_PROFILE_ID
#define CKA_PROFILE_ID 0x00000601UL
#endif
#ifndef CKM_DSA_SHA3_224
#define CKM_DSA_SHA3_224 0x00000018UL
#endif
#ifndef CKM_DSA_SHA3_256
#define CKM_DSA_SHA3_256 0x00000019UL
#endif
#ifndef CKM_DSA_SHA3_384
#define CKM_DSA_SHA3_384 0x0000001aUL
#endif
#ifndef CKM_DSA_SHA3_512
#define CKM_DSA_SHA3_512 0x0000001bUL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS
#define CKM_SHA3_256_RSA_PKCS 0x00000060UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS
#define CKM_SHA3_384_RSA_PKCS 0x00000061UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS
#define CKM_SHA3_512_RSA_PKCS 0x00000062UL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS_PSS
#define CKM_SHA3_256_RSA_PKCS_PSS 0x00000063UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS_PSS
#define CKM_SHA3_384_RSA_PKCS_PSS 0x00000064UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS_PSS
#define CKM_SHA3_512_RSA_PKCS_PSS 0x00000065UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS
#define CKM_SHA3_224_RSA_PKCS 0x00000066UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS_PSS
#define CKM_SHA3_224_RSA_PKCS_PSS 0x00000067UL
#endif
#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x000002b0UL
#endif
#ifndef CKM_SHA3_256_HMAC
#define CKM_SHA3_256_HMAC 0x000002b1UL
#endif
#ifndef CKM_SHA3_256_HMAC_GENERAL
#define CKM_SHA3_256_HMAC_GENERAL 0x000002b2UL
#endif
#ifndef CKM_SHA3_256_KEY_GEN
#define CKM_SHA3_256_KEY_GEN 0x000002b3UL
#endif
#ifndef CKM_SHA3_224
#define CKM_SHA3_224 0x000002b5UL
#endif
#ifndef CKM_SHA3_224_HMAC
#define CKM_SHA3_224_HMAC 0x000002b6UL
#endif
#ifndef CKM_SHA3_224_HMAC_GENERAL
#define CKM_SHA3_224_HMAC_GENERAL 0x000002b7UL
#endif
#ifndef CKM_SHA3_224_KEY_GEN
#define CKM_SHA3_224_KEY_GEN 0x000002b8UL
#endif
#ifndef CKM_SHA3_384
#define CKM_SHA3_384 0x000002c0UL
#endif
#ifndef CKM_SHA3_384_HMAC
#define CKM_SHA3_384_HMAC 0x000002c1UL
#endif
#ifndef CKM_SHA3_384_HMAC_GENERAL
#define CKM_SHA3_384_HMAC_GENERAL 0x000002c2UL
#endif
#ifndef CKM_SHA3_384_KEY_GEN
#define CKM_SHA3_384_KEY_GEN 0x000002c3UL
#endif
#ifndef CKM_SHA3_512
#define CKM_SHA3_512 0x000002d0UL
#endif
#ifndef CKM_SHA3_512_HMAC
#define CKM_SHA3_512_HMAC 0x000002d1UL
#endif
#ifndef CKM_SHA3_512_HMAC_GENERAL
#define CKM_SHA3_512_HMAC_GENERAL 0x000002d2UL
#endif
#ifndef CKM_SHA3_512_KEY_GEN
#define CKM_SHA3_512_KEY_GEN 0x000002d3UL
#endif
#ifndef CKM_SHA3_256_KEY_DERIVATION
#define CKM_SHA3_256_KEY_DERIVATION 0x00000397UL
#endif
#ifndef CKM_SHA3_224_KEY_DERIVATION
#define CKM_SHA3_224_KEY_DERIVATION 0x00000398UL
#endif
#ifndef CKM_SHA3_384_KEY_DERIVATION
#define CKM_SHA3_384_KEY_DERIVATION 0x00000399UL
#endif
#ifndef CKM_SHA3_512_KEY_DERIVATION
#define CKM_SHA3_512_KEY_DERIVATION 0x0000039aUL
#endif
#ifndef CKM_SHAKE_128_KEY_DERIVATION
#define CKM_SHAKE_128_KEY_DERIVATION 0x0000039bUL
#endif
#ifndef CKM_SHAKE_256_KEY_DERIVATION
#define CKM_SHAKE_256_KEY_DERIVATION 0x0000039cUL
#endif
#ifndef CKM_SHA3_256_KEY_DERIVE
#define CKM_SHA3_256_KEY_DERIVE CKM_SHA3_256_KEY_DERIVATION
#endif
#ifndef CKM_SHA3_224_KEY_DERIVE
#define CKM_SHA3_224_KEY_DERIVE CKM_SHA3_224_KEY_DERIVATION
#endif
#ifndef CKM_SHA3_384_KEY_DERIVE
#define CKM_SHA3_384_KEY_DERIVE CKM_SHA3_384_KEY_DERIVATION
#endif
#ifndef CKM_SHA3_512_KEY_DERIVE
#define CKM_SHA3_512_KEY_DERIVE CKM_SHA3_512_KEY_DERIVATION
#endif
#ifndef CKM_SHAKE_128_KEY_DERIVE
#define CKM_SHAKE_128_KEY_DERIVE CKM_SHAKE_128_KEY_DERIVATION
#endif
#ifndef CKM_SHAKE_256_KEY_DERIVE
#define CKM_SHAKE_256_KEY_DERIVE CKM_SHAKE_256_KEY_DERIVATION
#endif
#ifndef CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS
#define CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS 0x0000140bUL
#endif
#ifndef CKM_AES_XTS
#define CKM_AES_XTS 0x00001071UL
#endif
#ifndef CKM_AES_XTS_KEY_GEN
#define CKM_AES_XTS_KEY_GEN 0x00001072UL
#endif
#ifndef CKM_DSA_PROBABILISTIC_PARAMETER_GEN
#define CKM_DSA_PROBABILISTIC_PARAMETER_GEN 0x00002003UL
#endif
#ifndef CKM_DSA_FIPS_G_GEN
#define CKM_DSA_FIPS_G_GEN 0x00002005UL
#endif
#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x0000210BUL
#endif
#ifndef CKM_SHA_1_KEY_GEN
#define CKM_SHA_1_KEY_GEN 0x00004003UL
#endif
#ifndef CKM_SHA224_KEY_GEN
#define CKM_SHA224_KEY_GEN 0x00004004UL
#endif
#ifndef CKM_SHA256_KEY_GEN
#define CKM_SHA256_KEY_GEN 0x00004005UL
#endif
#ifndef CKM_SHA384_KEY_GEN
#define CKM_SHA384_KEY_GEN 0x00004006UL
#endif
#ifndef CKM_SHA512_KEY_GEN
#define CKM_SHA512_KEY_GEN 0x00004007UL
#endif
#ifndef CKM_SHA512_224_KEY_GEN
#define CKM_SHA512_224_KEY_GEN 0x00004008UL
#endif
#ifndef CKM_SHA512_256_KEY_GEN
#define CKM_SHA512_256_KEY_GEN 0x00004009UL
#endif
#ifndef CKM_SHA512_T_KEY_GEN
#define CKM_SHA512_T_KEY_GEN 0x0000400aUL
#endif
#ifndef CKM_NULL
#define CKM_NULL 0x0000400bUL
#endif
#ifndef CKM_HKDF_DERIVE
#define CKM_HKDF_DERIVE 0x0000402aUL
#endif
#ifndef CKM_HKDF_DATA
#define CKM_HKDF_DATA 0x0000402bUL
#endif
#ifndef CKM_HKDF_KEY_GEN
#define CKM_HKDF_KEY_GEN 0x0000402cUL
#endif
#ifndef CKM_ECDSA_SHA3_224
#define CKM_ECDSA_SHA3_224 0x00001047UL
#endif
#ifndef CKM_ECDSA_SHA3_256
#define CKM_ECDSA_SHA3_256 0x00001048UL
#endif
#ifndef CKM_ECDSA_SHA3_384
#define CKM_ECDSA_SHA3_384 0x00001049UL
#endif
#ifndef CKM_ECDSA_SHA3_512
#define CKM_ECDSA_SHA3_512 0x0000104aUL
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x00001056UL
#endif
#ifndef CKF_MESSAGE_ENCRYPT
#define CKF_MESSAGE_ENCRYPT 0x00000002UL
#endif
#ifndef CKF_MESSAGE_DECRYPT
#define CKF_MESSAGE_DECRYPT 0x00000004UL
#endif
#ifndef CKF_MESSAGE_SIGN
#define CKF_MESSAGE_SIGN 0x00000008UL
#endif
#ifndef CKF_MESSAGE_VERIFY
#define CKF_MESSAGE_VERIFY 0x00000010UL
#endif
#ifndef CKF_MULTI_MESSAGE
#define CKF_MULTI_MESSAGE 0x00000020UL
#endif
#ifndef CKF_FIND_OBJECTS
#define CKF_FIND_OBJECTS 0x00000040UL
#endif
#ifndef CKF_EC_OID
#define CKF_EC_OID 0x00800000UL
#endif
#ifndef CKF_EC_CURVENAME
#define CKF_EC_CURVENAME 0x04000000UL
#endif
#ifndef CKR_AEAD_DECRYPT_FAILED
#define CKR_AEAD_DECRYPT_FAILED 0x00000042UL
#endif
#ifndef CKR_TOKEN_RESOURCE_EXCEEDED
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x00000201UL
#endif
#ifndef CKR_OPERATION_CANCEL_FAILED
#define CKR_OPERATION_CANCEL_FAILED 0x00000202UL
#endif
#ifndef CKF_END_OF_MESSAGE
#define CKF_END_OF_MESSAGE 0x00000001UL
#endif
#ifndef CKF_INTERFACE_FORK_SAFE
#define CKF_INTERFACE_FORK_SAFE 0x00000001UL
#endif
#ifndef CKG_MGF1_SHA3_224
#define CKG_MGF1_SHA3_224 0x00000006UL
#endif
#ifndef CKG_MGF1_SHA3_256
#define CKG_MGF1_SHA3_256 0x00000007UL
#endif
#ifndef CKG_MGF1_SHA3_384
#define CKG_MGF1_SHA3_384 0x00000008UL
#endif
#ifndef CKG_MGF1_SHA3_512
#define CKG_MGF1_SHA3_512 0x00000009UL
#endif
#ifndef CKG_NO_GENERATE
#define CKG_NO_GENERATE 0x00000000UL
#endif
#ifndef CKG_GENERATE
#define CKG_GENERATE 0x00000001UL
#endif
#ifndef CKG_GENERATE_COUNTER
#define CKG_GENERATE_COUNTER 0x00000002UL
#endif
#ifndef CKG_GENERATE_RANDOM
#define CKG_GENERATE_RANDOM 0x00000003UL
#endif

/* The functions of the lists, in order: 1 to 68 of 2.40 by name; 69 to 92 of 3.0 by name and arguments. */
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

/* CK_INTERFACE of 3.0: a name, a list that begins with CK_VERSION, flags. */
struct ck_interface {
	char *pInterfaceName;
	CK_VOID_PTR pFunctionList;
	CK_FLAGS flags;
};
#define CK_INTERFACE struct ck_interface
#define CK_INTERFACE_PTR struct ck_interface *
#define CK_INTERFACE_PTR_PTR struct ck_interface **

#define CK_DECLARE_3_0(name, arguments) __attribute__((visibility("default"))) CK_RV name arguments;
CK_FUNCTIONS_3_0(CK_DECLARE_3_0)
#undef CK_DECLARE_3_0

struct ck_function_list_3_0 {
	CK_VERSION version;
#define CK_MEMBER(name) CK_##name name;
	CK_FUNCTIONS_2_40(CK_MEMBER)
#undef CK_MEMBER
#define CK_MEMBER(name, arguments) CK_RV(*name) arguments;
	CK_FUNCTIONS_3_0(CK_MEMBER)
#undef CK_MEMBER
};

#endif
