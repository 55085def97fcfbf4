/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

static CK_OBJECT_HANDLE key, unused, other, mac, mac_unused, public, private, short_public, short_private;
static CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 }, general_bad = { CKM_SHA256_HMAC_GENERAL, spec_bytes, 1 };
static uint8_t nonce[12], tag[16];

static CK_GCM_MESSAGE_PARAMS param_of(void)
{
	return (CK_GCM_MESSAGE_PARAMS){ nonce, sizeof(nonce), 0, CKG_NO_GENERATE, tag, 128 };
}

static void keys(void)
{
	key = spec_aes(CKF_ENCRYPT | CKF_DECRYPT);
	unused = spec_aes(SPEC_NO_USE);
	other = spec_generic(32, CKF_SIGN | CKF_VERIFY);
	mac = other;
	mac_unused = spec_generic(32, SPEC_NO_USE);
	spec_rsa(2048, &public, &private);
	spec_rsa(512, &short_public, &short_private);
}

#define INITS(function, mechanism, good, no_use, bad_type)                                                             \
	do {                                                                                                           \
		SPEC(ARGUMENTS_BAD, function, spec_session, NULL, good);                                               \
		SPEC(KEY_HANDLE_INVALID, function, spec_session, &(mechanism), 4711);                                  \
		SPEC(KEY_FUNCTION_NOT_PERMITTED, function, spec_session, &(mechanism), no_use);                        \
		SPEC(KEY_TYPE_INCONSISTENT, function, spec_session, &(mechanism), bad_type);                           \
		SPEC(MECHANISM_INVALID, function, spec_session, &spec_unknown, good);                                  \
		DONE(spec->function(spec_session, &(mechanism), good));                                                \
		SPEC(OPERATION_ACTIVE, function, spec_session, &(mechanism), good);                                    \
		DONE(spec->C_SessionCancel(spec_session, ~0UL));                                                       \
	} while (0)

START_TEST(beginnings)
{
	CK_OBJECT_HANDLE seen = spec_public_secret(CKK_AES, CKF_ENCRYPT | CKF_DECRYPT);
	CK_OBJECT_HANDLE seen_mac = spec_public_secret(CKK_GENERIC_SECRET, CKF_SIGN | CKF_VERIFY);
	CK_MECHANISM bad = { CKM_AES_GCM, spec_bytes, 3 };

	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_MessageEncryptInit, spec_session, &gcm, seen);
	SPEC(USER_NOT_LOGGED_IN, C_MessageDecryptInit, spec_session, &gcm, seen);
	SPEC(USER_NOT_LOGGED_IN, C_MessageSignInit, spec_session, &spec_hmac, seen_mac);
	SPEC(USER_NOT_LOGGED_IN, C_MessageVerifyInit, spec_session, &spec_hmac, seen_mac);
	spec_login(CKU_USER);
	keys();
	INITS(C_MessageEncryptInit, gcm, key, unused, other);
	INITS(C_MessageDecryptInit, gcm, key, unused, other);
	INITS(C_MessageSignInit, spec_hmac, mac, mac_unused, key);
	INITS(C_MessageVerifyInit, spec_hmac, mac, mac_unused, key);
	SPEC(KEY_SIZE_RANGE, C_MessageSignInit, spec_session, &spec_rsa_pkcs, short_private);
	SPEC(KEY_SIZE_RANGE, C_MessageVerifyInit, spec_session, &spec_rsa_pkcs, short_public);
	SPEC(MECHANISM_PARAM_INVALID, C_MessageSignInit, spec_session, &general_bad, mac);
	SPEC(MECHANISM_PARAM_INVALID, C_MessageVerifyInit, spec_session, &general_bad, mac);
	SPEC(MECHANISM_PARAM_INVALID, C_MessageEncryptInit, spec_session, &bad, key);
	SPEC(MECHANISM_PARAM_INVALID, C_MessageDecryptInit, spec_session, &bad, key);
}
END_TEST

START_TEST(encryption)
{
	CK_GCM_MESSAGE_PARAMS p = param_of(), q = param_of();
	CK_SESSION_HANDLE s = spec_session;

	q.ulTagBits = 7;
	SPEC(OPERATION_NOT_INITIALIZED, C_EncryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_EncryptMessageBegin, s, &p, sizeof(p), NULL, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_EncryptMessageNext, s, &p, sizeof(p), spec_bytes, 16, ROOM, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_MessageEncryptFinal, s);
	DONE(spec->C_MessageEncryptInit(s, &gcm, key));
	SPEC(ARGUMENTS_BAD, C_EncryptMessage, s, &p, sizeof(p), NULL, 0, NULL, 16, ROOM);
	SPEC(MECHANISM_PARAM_INVALID, C_EncryptMessage, s, &q, sizeof(q), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(BUFFER_TOO_SMALL, C_EncryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM_OF(1));
	DONE(spec->C_EncryptMessage(s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM));
	SPEC(ARGUMENTS_BAD, C_EncryptMessageBegin, s, &p, sizeof(p), NULL, 5);
	SPEC(MECHANISM_PARAM_INVALID, C_EncryptMessageBegin, s, &q, sizeof(q), NULL, 0);
	DONE(spec->C_EncryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(OPERATION_ACTIVE, C_EncryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_ACTIVE, C_EncryptMessageBegin, s, &p, sizeof(p), NULL, 0);
	SPEC(OPERATION_ACTIVE, C_MessageEncryptFinal, s);
	SPEC(BUFFER_TOO_SMALL, C_EncryptMessageNext, s, &p, sizeof(p), spec_bytes, 16, ROOM_OF(1), 0);
	SPEC(ARGUMENTS_BAD, C_EncryptMessageNext, s, &p, sizeof(p), NULL, 16, ROOM, 0);
	DONE(spec->C_EncryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(MECHANISM_PARAM_INVALID, C_EncryptMessageNext, s, &p, 3, spec_bytes, 16, ROOM, CKF_END_OF_MESSAGE);
	DONE(spec->C_MessageEncryptFinal(s));
}
END_TEST

START_TEST(decryption)
{
	CK_GCM_MESSAGE_PARAMS p = param_of(), q = param_of();
	CK_SESSION_HANDLE s = spec_session;

	q.ulTagBits = 7;
	SPEC(OPERATION_NOT_INITIALIZED, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_DecryptMessageBegin, s, &p, sizeof(p), NULL, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_DecryptMessageNext, s, &p, sizeof(p), spec_bytes, 16, ROOM, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_MessageDecryptFinal, s);
	DONE(spec->C_MessageDecryptInit(s, &gcm, key));
	SPEC(ARGUMENTS_BAD, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, NULL, 16, ROOM);
	SPEC(MECHANISM_PARAM_INVALID, C_DecryptMessage, s, &q, sizeof(q), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(BUFFER_TOO_SMALL, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM_OF(1));
	tag[0] ^= 1;
	SPEC(AEAD_DECRYPT_FAILED, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(ARGUMENTS_BAD, C_DecryptMessageBegin, s, &p, sizeof(p), NULL, 5);
	SPEC(MECHANISM_PARAM_INVALID, C_DecryptMessageBegin, s, &q, sizeof(q), NULL, 0);
	DONE(spec->C_DecryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(OPERATION_ACTIVE, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_ACTIVE, C_DecryptMessageBegin, s, &p, sizeof(p), NULL, 0);
	SPEC(OPERATION_ACTIVE, C_MessageDecryptFinal, s);
	SPEC(BUFFER_TOO_SMALL, C_DecryptMessageNext, s, &p, sizeof(p), spec_bytes, 16, ROOM_OF(1), CKF_END_OF_MESSAGE);
	SPEC(AEAD_DECRYPT_FAILED, C_DecryptMessageNext, s, &p, sizeof(p), spec_bytes, 16, ROOM, CKF_END_OF_MESSAGE);
	DONE(spec->C_DecryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(ARGUMENTS_BAD, C_DecryptMessageNext, s, &p, sizeof(p), NULL, 16, ROOM, 0);
	DONE(spec->C_DecryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(MECHANISM_PARAM_INVALID, C_DecryptMessageNext, s, &p, 3, spec_bytes, 16, ROOM, CKF_END_OF_MESSAGE);
	DONE(spec->C_MessageDecryptFinal(s));
}
END_TEST

/* CCM is told how long the message will be. */
START_TEST(lengths)
{
	CK_CCM_MESSAGE_PARAMS p = { 16, nonce, sizeof(nonce), 0, CKG_NO_GENERATE, tag, 16 };
	CK_MECHANISM ccm = { CKM_AES_CCM, NULL, 0 };
	CK_SESSION_HANDLE s = spec_session;

	DONE(spec->C_MessageEncryptInit(s, &ccm, key));
	SPEC(DATA_LEN_RANGE, C_EncryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 17, ROOM);
	DONE(spec->C_EncryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(DATA_LEN_RANGE, C_EncryptMessageNext, s, &p, sizeof(p), spec_bytes, 17, ROOM, 0);
	DONE(spec->C_MessageEncryptFinal(s));
	DONE(spec->C_MessageDecryptInit(s, &ccm, key));
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptMessage, s, &p, sizeof(p), NULL, 0, spec_bytes, 17, ROOM);
	DONE(spec->C_DecryptMessageBegin(s, &p, sizeof(p), NULL, 0));
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptMessageNext, s, &p, sizeof(p), spec_bytes, 17, ROOM, 0);
	DONE(spec->C_MessageDecryptFinal(s));
}
END_TEST

START_TEST(signing)
{
	CK_MECHANISM x509 = { CKM_RSA_X_509, NULL, 0 }, general = { CKM_SHA256_HMAC_GENERAL, &(CK_ULONG){ 8 }, 8 };
	CK_SESSION_HANDLE s = spec_session;
	uint8_t ff[256];

	memset(ff, 0xff, sizeof(ff));
	SPEC(OPERATION_NOT_INITIALIZED, C_SignMessage, s, NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_SignMessageBegin, s, NULL, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_SignMessageNext, s, NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_MessageSignFinal, s);
	DONE(spec->C_MessageSignInit(s, &general, mac));
	SPEC(ARGUMENTS_BAD, C_SignMessage, s, NULL, 0, NULL, 16, ROOM);
	SPEC(MECHANISM_PARAM_INVALID, C_SignMessage, s, spec_bytes, 3, spec_bytes, 16, ROOM);
	SPEC(BUFFER_TOO_SMALL, C_SignMessage, s, NULL, 0, spec_bytes, 16, ROOM_OF(1));
	SPEC(MECHANISM_PARAM_INVALID, C_SignMessageBegin, s, spec_bytes, 3);
	SPEC(ARGUMENTS_BAD, C_SignMessageBegin, s, NULL, 3);
	DONE(spec->C_SignMessageBegin(s, NULL, 0));
	SPEC(OPERATION_ACTIVE, C_SignMessage, s, NULL, 0, spec_bytes, 16, ROOM);
	SPEC(OPERATION_ACTIVE, C_SignMessageBegin, s, NULL, 0);
	SPEC(OPERATION_ACTIVE, C_MessageSignFinal, s);
	SPEC(BUFFER_TOO_SMALL, C_SignMessageNext, s, NULL, 0, spec_bytes, 16, ROOM_OF(1));
	SPEC(ARGUMENTS_BAD, C_SignMessageNext, s, NULL, 0, NULL, 16, ROOM);
	DONE(spec->C_MessageSignFinal(s));
	DONE(spec->C_MessageSignInit(s, &spec_rsa_pkcs, private));
	SPEC(DATA_LEN_RANGE, C_SignMessage, s, NULL, 0, spec_bytes, 246, ROOM);
	DONE(spec->C_MessageSignInit(s, NULL, 0));
	DONE(spec->C_MessageSignInit(s, &x509, private));
	SPEC(DATA_INVALID, C_SignMessage, s, NULL, 0, ff, 256, ROOM);
	DONE(spec->C_MessageSignFinal(s));
}
END_TEST

START_TEST(verifying)
{
	CK_MECHANISM general = { CKM_SHA256_HMAC_GENERAL, &(CK_ULONG){ 8 }, 8 };
	CK_SESSION_HANDLE s = spec_session;

	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyMessage, s, NULL, 0, spec_bytes, 16, tag, 8);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyMessageBegin, s, NULL, 0);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyMessageNext, s, NULL, 0, spec_bytes, 16, tag, 8);
	SPEC(OPERATION_NOT_INITIALIZED, C_MessageVerifyFinal, s);
	DONE(spec->C_MessageVerifyInit(s, &general, mac));
	SPEC(ARGUMENTS_BAD, C_VerifyMessage, s, NULL, 0, NULL, 16, tag, 8);
	SPEC(MECHANISM_PARAM_INVALID, C_VerifyMessage, s, spec_bytes, 3, spec_bytes, 16, tag, 8);
	SPEC(SIGNATURE_INVALID, C_VerifyMessage, s, NULL, 0, spec_bytes, 16, tag, 8);
	SPEC(SIGNATURE_LEN_RANGE, C_VerifyMessage, s, NULL, 0, spec_bytes, 16, tag, 9);
	SPEC(MECHANISM_PARAM_INVALID, C_VerifyMessageBegin, s, spec_bytes, 3);
	SPEC(ARGUMENTS_BAD, C_VerifyMessageBegin, s, NULL, 3);
	DONE(spec->C_VerifyMessageBegin(s, NULL, 0));
	SPEC(OPERATION_ACTIVE, C_VerifyMessage, s, NULL, 0, spec_bytes, 16, tag, 8);
	SPEC(OPERATION_ACTIVE, C_VerifyMessageBegin, s, NULL, 0);
	SPEC(OPERATION_ACTIVE, C_MessageVerifyFinal, s);
	SPEC(SIGNATURE_INVALID, C_VerifyMessageNext, s, NULL, 0, spec_bytes, 16, tag, 8);
	DONE(spec->C_VerifyMessageBegin(s, NULL, 0));
	SPEC(SIGNATURE_LEN_RANGE, C_VerifyMessageNext, s, NULL, 0, spec_bytes, 16, tag, 9);
	DONE(spec->C_VerifyMessageBegin(s, NULL, 0));
	SPEC(ARGUMENTS_BAD, C_VerifyMessageNext, s, NULL, 0, NULL, 16, tag, 8);
	DONE(spec->C_MessageVerifyFinal(s));
	DONE(spec->C_MessageVerifyInit(s, &spec_rsa_pkcs, public));
	SPEC(DATA_LEN_RANGE, C_VerifyMessage, s, NULL, 0, spec_bytes, 246, spec_out, 256);
	DONE(spec->C_MessageVerifyFinal(s));
}
END_TEST

void spec_messages(TCase *c)
{
	tcase_add_test(c, beginnings);
	tcase_add_test(c, encryption);
	tcase_add_test(c, decryption);
	tcase_add_test(c, lengths);
	tcase_add_test(c, signing);
	tcase_add_test(c, verifying);
}
