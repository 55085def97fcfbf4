/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_table.h"

#include <string.h>

/* clang-format off */
const struct spec_never spec_nevers[] = {
	{ "HOST_MEMORY", "*", "", "needs a machine without memory" },
	{ "GENERAL_ERROR", "*", "C_Initialize", "said when something inside is broken that no caller can break" },
	{ "FUNCTION_FAILED", "*", "C_GetInterface", "said when the token's lock is held for longer than anybody waits" },
	{ "DEVICE_ERROR", "*", "", "said when the token's file is damaged or cannot be read" },
	{ "DEVICE_MEMORY", "*", "", "said when the token's file is full" },
	{ "DEVICE_REMOVED TOKEN_NOT_PRESENT", "*", "", "every slot holds a token, if only one to be initialised, and it does not go while the module is initialised" },
	{ "TOKEN_NOT_RECOGNIZED", "*", "C_OpenSession", "the token to be initialised in the free slot answers, too" },
	{ "TOKEN_WRITE_PROTECTED", "*", "", "said when the token's file may not be written by this user" },
	{ "SESSION_CLOSED", "*", "", "a session that is gone is SESSION_HANDLE_INVALID, also when another thread just closed it" },
	{ "SESSION_COUNT TOKEN_RESOURCE_EXCEEDED", "*", "", "there is no such limit" },
	{ "PENDING", "*", "", "every call ends before it returns" },
	{ "FUNCTION_CANCELED", "*", "", "the application is not asked anything while a call runs" },
	{ "FUNCTION_REJECTED", "*", "", "nobody is asked for consent" },
	{ "OPERATION_CANCEL_FAILED", "*", "", "every operation can be cancelled" },
	{ "NEED_TO_CREATE_THREADS", "*", "", "the module makes no threads" },
	{ "USER_TOO_MANY_TYPES", "*", "", "one user at a time: USER_ANOTHER_ALREADY_LOGGED_IN" },
	{ "INFORMATION_SENSITIVE", "*", "", "sizes are no secret" },
	{ "RANDOM_NO_RNG RANDOM_SEED_NOT_SUPPORTED", "*", "", "there is a generator, and it takes seeds" },
	{ "PARAMETER_SET_NOT_SUPPORTED", "*", "", "of mechanisms that libcrypto 3.0 does not have" },
	{ "OPERATION_ACTIVE", "C_InitPIN C_SetPIN C_CloseSession C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_LoginUser C_Logout C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjects C_FindObjectsFinal C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated C_EncapsulateKey C_DecapsulateKey C_SeedRandom C_GenerateRandom C_SessionCancel C_GetSessionValidationFlags C_AsyncComplete C_AsyncGetID C_AsyncJoin C_SignRecover C_VerifyRecover C_EncryptMessageNext C_DecryptMessageNext C_SignMessageNext C_VerifyMessageNext", "", "listed for asynchronous sessions, of which there are none" },
	{ "OPERATION_ACTIVE", "C_VerifyUpdate C_VerifyFinal C_VerifySignatureUpdate C_VerifySignatureFinal", "", "a single-part verification ends with its first call, so no second kind can follow" },
	{ "SESSION_READ_ONLY", "C_InitPIN", "", "the SO's sessions are read-write" },
	{ "ATTRIBUTE_TYPE_INVALID", "C_FindObjectsInit", "", "a template that no object can have finds none" },
	{ "ENCRYPTED_DATA_INVALID", "C_DecryptUpdate C_DecryptDigestUpdate C_DecryptVerifyUpdate", "", "what is wrong with a ciphertext is found at its end" },
	{ "USER_NOT_LOGGED_IN", "C_DecryptUpdate C_DecryptFinal", "", "a key that asks for a login at each use decrypts in a single part" },
	{ "USER_NOT_LOGGED_IN", "C_DigestInit C_SeedRandom C_GenerateRandom", "", "for everybody" },
	{ "KEY_SIZE_RANGE", "C_DigestKey", "", "keys of any length" },
	{ "DATA_LEN_RANGE", "C_SignFinal C_VerifyFinal C_VerifySignatureFinal", "", "no mechanism that works in parts wants whole blocks" },
	{ "DATA_INVALID DATA_LEN_RANGE", "C_VerifyRecover", "", "the data comes out of the signature: SIGNATURE_INVALID" },
	{ "CURVE_NOT_SUPPORTED", "C_GenerateKey", "", "makes no keys on curves" },
	{ "CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID", "C_UnwrapKey C_UnwrapKeyAuthenticated", "", "a wrapped key on another curve is WRAPPED_KEY_INVALID" },
	{ "CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID", "C_DeriveKey C_EncapsulateKey C_DecapsulateKey", "", "the curve is that of the key, which was looked at when it was made" },
	{ "BUFFER_TOO_SMALL", "C_UnwrapKey C_UnwrapKeyAuthenticated C_GetInterface C_AsyncJoin", "", "writes nothing of a length" },
	{ "STATE_UNSAVEABLE SAVED_STATE_INVALID", "C_AsyncGetID C_AsyncJoin", "", "there are no asynchronous sessions" },
	{ "DATA_INVALID", "C_Verify C_VerifySignature C_VerifyMessage", "", "no signature is right for such data: SIGNATURE_INVALID" },
	{ "ARGUMENTS_BAD", "C_VerifySignatureFinal C_MessageEncryptFinal C_MessageDecryptFinal C_MessageSignFinal C_MessageVerifyFinal", "", "there are no arguments but the session" },
	{ "ATTRIBUTE_READ_ONLY ATTRIBUTE_TYPE_INVALID ATTRIBUTE_VALUE_INVALID KEY_SIZE_RANGE KEY_TYPE_INCONSISTENT MECHANISM_PARAM_INVALID SESSION_READ_ONLY TEMPLATE_INCOMPLETE USER_NOT_LOGGED_IN ENCRYPTED_DATA_INVALID ENCRYPTED_DATA_LEN_RANGE", "C_EncapsulateKey C_DecapsulateKey", "", "libcrypto 3.0 has no mechanism that encapsulates; what is looked at before the mechanism is provoked" },
	{ "KEY_SIZE_RANGE", "C_MessageEncryptInit C_MessageDecryptInit", "", "every key of the type has a length that the mechanisms take" },
	{ "KEY_SIZE_RANGE WRAPPING_KEY_SIZE_RANGE UNWRAPPING_KEY_SIZE_RANGE", "C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated", "", "every AES key has a length that the mechanisms take, and they carry keys of any length" },
	{ "DATA_INVALID", "C_EncryptMessage", "", "any bytes can be encrypted" },
	{ "ENCRYPTED_DATA_INVALID", "C_DecryptMessage C_DecryptMessageNext", "", "the tag tells: AEAD_DECRYPT_FAILED" },
	{ "USER_NOT_LOGGED_IN", "C_EncryptMessageBegin C_MessageEncryptFinal C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal C_SignMessage C_SignMessageBegin C_SignMessageNext C_MessageSignFinal C_VerifyMessageBegin", "", "said when the process begins; it ends with a logout" },
	{ "MECHANISM_PARAM_INVALID", "C_SignMessageNext C_VerifyMessageNext", "", "the parameter of the beginning holds" },
	{ "DATA_LEN_RANGE", "C_MessageVerifyFinal", "", "takes no data" },
};
/* clang-format on */
const char *const spec_also = "PIN_EXPIRED";
const size_t spec_never_count = sizeof(spec_nevers) / sizeof(spec_nevers[0]);

bool spec_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p++)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

const struct spec_never *spec_never_of(const char *function, const char *code)
{
	for (size_t i = 0; i < spec_never_count; i++) {
		const struct spec_never *n = &spec_nevers[i];

		if (!spec_word(n->codes, code) || spec_word(n->but, function))
			continue;
		if (strcmp(n->functions, "*") == 0 || spec_word(n->functions, function))
			return n;
	}
	return NULL;
}
