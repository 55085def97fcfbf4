/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

static CK_OBJECT_HANDLE key, unused, aes, short_public, short_private, public, private;

static CK_MECHANISM general_bad = { CKM_SHA256_HMAC_GENERAL, spec_bytes, 1 };
static CK_MECHANISM pss_bad = { CKM_RSA_PKCS_PSS, spec_bytes, 1 }, x509 = { CKM_RSA_X_509, NULL, 0 };

#define INITS(function, mechanism, good, no_use, bad_type, bad_size, bad_param, ...)                                   \
	do {                                                                                                           \
		SPEC(KEY_HANDLE_INVALID, function, spec_session, &(mechanism), 4711, ##__VA_ARGS__);                   \
		SPEC(KEY_FUNCTION_NOT_PERMITTED, function, spec_session, &(mechanism), no_use, ##__VA_ARGS__);         \
		SPEC(KEY_TYPE_INCONSISTENT, function, spec_session, &(mechanism), bad_type, ##__VA_ARGS__);            \
		SPEC(KEY_SIZE_RANGE, function, spec_session, &spec_rsa_pkcs, bad_size, ##__VA_ARGS__);                 \
		SPEC(MECHANISM_INVALID, function, spec_session, &spec_unknown, good, ##__VA_ARGS__);                   \
		SPEC(MECHANISM_PARAM_INVALID, function, spec_session, &(bad_param), good, ##__VA_ARGS__);              \
		DONE(spec->function(spec_session, &(mechanism), good, ##__VA_ARGS__));                                 \
		SPEC(OPERATION_ACTIVE, function, spec_session, &(mechanism), good, ##__VA_ARGS__);                     \
		DONE(spec->C_SessionCancel(spec_session, ~0UL));                                                       \
	} while (0)

/* only_sign: a generated pair that may not recover. */
static void plain_pair(CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE p[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_VERIFY, &spec_yes, 1 } };
	CK_ATTRIBUTE q[] = { { CKA_SIGN, &spec_yes, 1 } };

	DONE(spec->C_GenerateKeyPair(spec_session, &m, p, 2, q, 1, ret_public, ret_private));
}

START_TEST(beginnings)
{
	CK_OBJECT_HANDLE seen = spec_public_secret(CKK_GENERIC_SECRET, CKF_SIGN | CKF_VERIFY), plain_public,
			 plain_private;

	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_SignInit, spec_session, &spec_hmac, seen);
	SPEC(USER_NOT_LOGGED_IN, C_VerifyInit, spec_session, &spec_hmac, seen);
	SPEC(USER_NOT_LOGGED_IN, C_VerifySignatureInit, spec_session, &spec_hmac, seen, spec_bytes, 32);
	SPEC(USER_NOT_LOGGED_IN, C_SignRecoverInit, spec_session, &spec_rsa_pkcs, seen);
	SPEC(USER_NOT_LOGGED_IN, C_VerifyRecoverInit, spec_session, &spec_rsa_pkcs, seen);
	spec_login(CKU_USER);
	key = spec_generic(32, CKF_SIGN | CKF_VERIFY);
	unused = spec_generic(32, SPEC_NO_USE);
	aes = spec_aes(CKF_ENCRYPT);
	spec_rsa(512, &short_public, &short_private);
	spec_rsa(2048, &public, &private);
	plain_pair(&plain_public, &plain_private);
	SPEC(ARGUMENTS_BAD, C_SignInit, spec_session, NULL, key);
	SPEC(ARGUMENTS_BAD, C_VerifyInit, spec_session, NULL, key);
	SPEC(ARGUMENTS_BAD, C_SignRecoverInit, spec_session, NULL, key);
	SPEC(ARGUMENTS_BAD, C_VerifyRecoverInit, spec_session, NULL, key);
	SPEC(ARGUMENTS_BAD, C_VerifySignatureInit, spec_session, &spec_hmac, key, NULL, 32);
	INITS(C_SignInit, spec_hmac, key, unused, aes, short_private, general_bad);
	INITS(C_VerifyInit, spec_hmac, key, unused, aes, short_public, general_bad);
	INITS(C_VerifySignatureInit, spec_hmac, key, unused, aes, short_public, general_bad, spec_bytes, 32);
	/* Mechanisms that recover have no parameter: one that is given is one too many. */
	INITS(C_SignRecoverInit, spec_rsa_pkcs, private, plain_private, aes, short_private,
	      ((CK_MECHANISM){ CKM_RSA_PKCS, spec_bytes, 4 }));
	INITS(C_VerifyRecoverInit, spec_rsa_pkcs, public, plain_public, aes, short_public,
	      ((CK_MECHANISM){ CKM_RSA_PKCS, spec_bytes, 4 }));
	SPEC(MECHANISM_PARAM_INVALID, C_SignInit, spec_session, &pss_bad, private);
}
END_TEST

#define SIGN(m, k) DONE(spec->C_SignInit(spec_session, &(m), k))
#define RECOVER(m, k) DONE(spec->C_SignRecoverInit(spec_session, &(m), k))
static uint8_t ff[256], tag[256];

START_TEST(signing)
{
	CK_ULONG n;

	memset(ff, 0xff, sizeof(ff));
	SPEC(OPERATION_NOT_INITIALIZED, C_Sign, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_SignUpdate, spec_session, spec_bytes, 16);
	SPEC(OPERATION_NOT_INITIALIZED, C_SignFinal, spec_session, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_SignRecover, spec_session, spec_bytes, 16, ROOM);
	SIGN(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_Sign, spec_session, NULL, 16, ROOM);
	SIGN(spec_hmac, key);
	SPEC(BUFFER_TOO_SMALL, C_Sign, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_SignUpdate, spec_session, spec_bytes, 16);
	SIGN(spec_rsa_pkcs, private);
	SPEC(DATA_LEN_RANGE, C_Sign, spec_session, spec_bytes, 246, ROOM);
	SIGN(x509, private);
	SPEC(DATA_INVALID, C_Sign, spec_session, ff, 256, ROOM);
	SIGN(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_SignUpdate, spec_session, NULL, 16);
	SIGN(spec_hmac, key);
	DONE(spec->C_SignUpdate(spec_session, spec_bytes, 16));
	SPEC(OPERATION_ACTIVE, C_Sign, spec_session, spec_bytes, 16, ROOM);
	SIGN(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_SignFinal, spec_session, spec_out, NULL);
	SIGN(spec_hmac, key);
	SPEC(BUFFER_TOO_SMALL, C_SignFinal, spec_session, ROOM_OF(1));
	DONE(spec->C_SignFinal(spec_session, ROOM));
	SIGN(spec_hmac, key);
	DONE(spec->C_Sign(spec_session, spec_bytes, 16, NULL, &n));
	SPEC(OPERATION_ACTIVE, C_SignFinal, spec_session, ROOM);
	RECOVER(spec_rsa_pkcs, private);
	SPEC(ARGUMENTS_BAD, C_SignRecover, spec_session, NULL, 16, ROOM);
	RECOVER(spec_rsa_pkcs, private);
	SPEC(BUFFER_TOO_SMALL, C_SignRecover, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(DATA_LEN_RANGE, C_SignRecover, spec_session, spec_bytes, 246, ROOM);
	RECOVER(x509, private);
	SPEC(DATA_INVALID, C_SignRecover, spec_session, ff, 256, ROOM);
}
END_TEST

#define VERIFY(m, k) DONE(spec->C_VerifyInit(spec_session, &(m), k))
#define VERIFY_SIGNATURE(m, k, n) DONE(spec->C_VerifySignatureInit(spec_session, &(m), k, tag, n))
#define VERIFY_RECOVER(m, k) DONE(spec->C_VerifyRecoverInit(spec_session, &(m), k))

START_TEST(verifying)
{
	SPEC(OPERATION_NOT_INITIALIZED, C_Verify, spec_session, spec_bytes, 16, tag, 32);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyUpdate, spec_session, spec_bytes, 16);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyFinal, spec_session, tag, 32);
	VERIFY(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_Verify, spec_session, NULL, 16, tag, 32);
	VERIFY(spec_hmac, key);
	SPEC(SIGNATURE_INVALID, C_Verify, spec_session, spec_bytes, 16, tag, 32);
	VERIFY(spec_hmac, key);
	SPEC(SIGNATURE_LEN_RANGE, C_Verify, spec_session, spec_bytes, 16, tag, 31);
	VERIFY(spec_rsa_pkcs, public);
	SPEC(DATA_LEN_RANGE, C_Verify, spec_session, spec_bytes, 246, tag, 256);
	VERIFY(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_VerifyUpdate, spec_session, NULL, 16);
	VERIFY(spec_hmac, key);
	DONE(spec->C_VerifyUpdate(spec_session, spec_bytes, 16));
	SPEC(OPERATION_ACTIVE, C_Verify, spec_session, spec_bytes, 16, tag, 32);
	VERIFY(spec_hmac, key);
	SPEC(ARGUMENTS_BAD, C_VerifyFinal, spec_session, NULL, 32);
	VERIFY(spec_hmac, key);
	SPEC(SIGNATURE_INVALID, C_VerifyFinal, spec_session, tag, 32);
	VERIFY(spec_hmac, key);
	SPEC(SIGNATURE_LEN_RANGE, C_VerifyFinal, spec_session, tag, 31);
}
END_TEST

START_TEST(verifying_otherwise)
{
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifySignature, spec_session, spec_bytes, 16);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifySignatureUpdate, spec_session, spec_bytes, 16);
	SPEC(OPERATION_NOT_INITIALIZED, C_VerifySignatureFinal, spec_session);
	VERIFY_SIGNATURE(spec_hmac, key, 32);
	SPEC(ARGUMENTS_BAD, C_VerifySignature, spec_session, NULL, 16);
	VERIFY_SIGNATURE(spec_hmac, key, 32);
	SPEC(SIGNATURE_INVALID, C_VerifySignature, spec_session, spec_bytes, 16);
	VERIFY_SIGNATURE(spec_hmac, key, 31);
	SPEC(SIGNATURE_LEN_RANGE, C_VerifySignature, spec_session, spec_bytes, 16);
	VERIFY_SIGNATURE(spec_rsa_pkcs, public, 256);
	SPEC(DATA_LEN_RANGE, C_VerifySignature, spec_session, spec_bytes, 246);
	VERIFY_SIGNATURE(spec_hmac, key, 32);
	SPEC(ARGUMENTS_BAD, C_VerifySignatureUpdate, spec_session, NULL, 16);
	VERIFY_SIGNATURE(spec_hmac, key, 32);
	DONE(spec->C_VerifySignatureUpdate(spec_session, spec_bytes, 16));
	SPEC(OPERATION_ACTIVE, C_VerifySignature, spec_session, spec_bytes, 16);
	VERIFY_SIGNATURE(spec_hmac, key, 32);
	SPEC(SIGNATURE_INVALID, C_VerifySignatureFinal, spec_session);
	VERIFY_SIGNATURE(spec_hmac, key, 31);
	SPEC(SIGNATURE_LEN_RANGE, C_VerifySignatureFinal, spec_session);

	SPEC(OPERATION_NOT_INITIALIZED, C_VerifyRecover, spec_session, tag, 256, ROOM);
	VERIFY_RECOVER(spec_rsa_pkcs, public);
	SPEC(ARGUMENTS_BAD, C_VerifyRecover, spec_session, NULL, 256, ROOM);
	VERIFY_RECOVER(spec_rsa_pkcs, public);
	SPEC(SIGNATURE_LEN_RANGE, C_VerifyRecover, spec_session, tag, 255, ROOM);
	VERIFY_RECOVER(spec_rsa_pkcs, public);
	SPEC(SIGNATURE_INVALID, C_VerifyRecover, spec_session, tag, 256, ROOM);
	RECOVER(spec_rsa_pkcs, private);
	DONE(spec->C_SignRecover(spec_session, spec_bytes, 16, ROOM));
	memcpy(tag, spec_out, 256);
	VERIFY_RECOVER(spec_rsa_pkcs, public);
	SPEC(BUFFER_TOO_SMALL, C_VerifyRecover, spec_session, tag, 256, ROOM_OF(1));
	DONE(spec->C_VerifyRecover(spec_session, tag, 256, ROOM));
}
END_TEST

/* What must be held until the end is held up to hold_max, 4096 bytes here. */
START_TEST(held_data)
{
	static uint8_t curve[] = { 6, 3, 0x2b, 0x65, 0x70 }, big[5008];
	CK_MECHANISM m = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 }, eddsa = { CKM_EDDSA, NULL, 0 };
	CK_ATTRIBUTE p[] = { { CKA_EC_PARAMS, curve, sizeof(curve) }, { CKA_VERIFY, &spec_yes, 1 } };
	CK_ATTRIBUTE q[] = { { CKA_SIGN, &spec_yes, 1 } };
	CK_OBJECT_HANDLE ed_public, ed_private, cipher = spec_aes(CKF_ENCRYPT | CKF_DECRYPT);
	static uint8_t out[5008];
	CK_ULONG n = sizeof(out);

	DONE(spec->C_GenerateKeyPair(spec_session, &m, p, 2, q, 1, &ed_public, &ed_private));
	SIGN(eddsa, ed_private);
	SPEC(DATA_LEN_RANGE, C_SignUpdate, spec_session, big, sizeof(big));
	VERIFY(eddsa, ed_public);
	SPEC(DATA_LEN_RANGE, C_VerifyUpdate, spec_session, big, sizeof(big));
	DONE(spec->C_VerifySignatureInit(spec_session, &eddsa, ed_public, tag, 64));
	SPEC(DATA_LEN_RANGE, C_VerifySignatureUpdate, spec_session, big, sizeof(big));
	VERIFY(eddsa, ed_public);
	DONE(spec->C_DecryptInit(spec_session, &spec_ecb, cipher));
	SPEC(DATA_LEN_RANGE, C_DecryptVerifyUpdate, spec_session, big, sizeof(big), out, &n);
	DONE(spec->C_MessageSignInit(spec_session, &eddsa, ed_private));
	DONE(spec->C_SignMessageBegin(spec_session, NULL, 0));
	SPEC(DATA_LEN_RANGE, C_SignMessageNext, spec_session, NULL, 0, big, sizeof(big), ROOM);
	DONE(spec->C_MessageSignFinal(spec_session));
	DONE(spec->C_MessageVerifyInit(spec_session, &eddsa, ed_public));
	DONE(spec->C_VerifyMessageBegin(spec_session, NULL, 0));
	SPEC(DATA_LEN_RANGE, C_VerifyMessageNext, spec_session, NULL, 0, big, sizeof(big), tag, 64);
	DONE(spec->C_MessageVerifyFinal(spec_session));
}
END_TEST

/* A key that wants its user for each use: none of the calls that sign goes on without. */
START_TEST(use_without_a_login_of_its_own)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE p[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_ENCRYPT, &spec_yes, 1 } };
	CK_ATTRIBUTE q[] = { { CKA_SIGN, &spec_yes, 1 },
			     { CKA_DECRYPT, &spec_yes, 1 },
			     { CKA_SIGN_RECOVER, &spec_yes, 1 },
			     { CKA_ALWAYS_AUTHENTICATE, &spec_yes, 1 },
			     { CKA_PRIVATE, &spec_yes, 1 } };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP,
			      &(CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 },
			      sizeof(CK_RSA_PKCS_OAEP_PARAMS) };
	CK_OBJECT_HANDLE asks, half;

	DONE(spec->C_GenerateKeyPair(spec_session, &m, p, 2, q, 5, &half, &asks));
	SIGN(spec_rsa_sha256, asks);
	SPEC(USER_NOT_LOGGED_IN, C_Sign, spec_session, spec_bytes, 16, ROOM);
	SIGN(spec_rsa_sha256, asks);
	SPEC(USER_NOT_LOGGED_IN, C_SignUpdate, spec_session, spec_bytes, 16);
	SIGN(spec_rsa_sha256, asks);
	SPEC(USER_NOT_LOGGED_IN, C_SignFinal, spec_session, ROOM);
	RECOVER(spec_rsa_pkcs, asks);
	SPEC(USER_NOT_LOGGED_IN, C_SignRecover, spec_session, spec_bytes, 16, ROOM);
	DONE(spec->C_DecryptInit(spec_session, &oaep, asks));
	SPEC(USER_NOT_LOGGED_IN, C_Decrypt, spec_session, tag, 256, ROOM);
	SIGN(spec_rsa_sha256, asks);
	DONE(spec->C_EncryptInit(spec_session, &spec_ecb, aes));
	SPEC(USER_NOT_LOGGED_IN, C_SignEncryptUpdate, spec_session, spec_bytes, 16, ROOM);
	SIGN(spec_rsa_sha256, asks);
	DONE(spec->C_Login(spec_session, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)));
	DONE(spec->C_Sign(spec_session, spec_bytes, 16, ROOM));
}
END_TEST

void spec_sign(TCase *c)
{
	tcase_add_test(c, beginnings);
	tcase_add_test(c, signing);
	tcase_add_test(c, verifying);
	tcase_add_test(c, verifying_otherwise);
	tcase_add_test(c, held_data);
	tcase_add_test(c, use_without_a_login_of_its_own);
}
