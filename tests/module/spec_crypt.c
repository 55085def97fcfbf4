/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

static CK_OBJECT_HANDLE key, unused, secret, short_public, short_private, public, private;

/* What every *Init with a key refuses, by the key and the mechanism. */
#define INITS(function, mechanism, good, bad_size, ...)                                                                \
	do {                                                                                                           \
		SPEC(ARGUMENTS_BAD, function, spec_session, NULL, good, ##__VA_ARGS__);                                \
		SPEC(KEY_HANDLE_INVALID, function, spec_session, &(mechanism), 4711, ##__VA_ARGS__);                   \
		SPEC(KEY_FUNCTION_NOT_PERMITTED, function, spec_session, &(mechanism), unused, ##__VA_ARGS__);         \
		SPEC(KEY_TYPE_INCONSISTENT, function, spec_session, &(mechanism), secret, ##__VA_ARGS__);              \
		SPEC(KEY_SIZE_RANGE, function, spec_session, &spec_rsa_pkcs, bad_size, ##__VA_ARGS__);                 \
		SPEC(MECHANISM_INVALID, function, spec_session, &spec_unknown, good, ##__VA_ARGS__);                   \
		SPEC(MECHANISM_PARAM_INVALID, function, spec_session, &spec_bad_param, good, ##__VA_ARGS__);           \
		DONE(spec->function(spec_session, &(mechanism), good, ##__VA_ARGS__));                                 \
		SPEC(OPERATION_ACTIVE, function, spec_session, &(mechanism), good, ##__VA_ARGS__);                     \
		DONE(spec->C_SessionCancel(spec_session, ~0UL));                                                       \
	} while (0)

/* A token key that everybody sees, and nobody may use without logging in. */
static void without_login(CK_OBJECT_HANDLE seen, CK_MECHANISM *m)
{
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_EncryptInit, spec_session, m, seen);
	SPEC(USER_NOT_LOGGED_IN, C_DecryptInit, spec_session, m, seen);
	spec_login(CKU_USER);
}

static void keys(void)
{
	key = spec_aes(CKF_ENCRYPT | CKF_DECRYPT);
	unused = spec_aes(SPEC_NO_USE);
	secret = spec_generic(32, CKF_SIGN | CKF_VERIFY);
	spec_rsa(512, &short_public, &short_private);
	spec_rsa(2048, &public, &private);
}

START_TEST(beginnings)
{
	without_login(spec_public_secret(CKK_AES, CKF_ENCRYPT | CKF_DECRYPT), &spec_ecb);
	keys();
	INITS(C_EncryptInit, spec_cbc_pad, key, short_public);
	INITS(C_DecryptInit, spec_cbc_pad, key, short_private);
	SPEC(ARGUMENTS_BAD, C_DigestInit, spec_session, NULL);
	SPEC(MECHANISM_INVALID, C_DigestInit, spec_session, &spec_unknown);
	SPEC(MECHANISM_PARAM_INVALID, C_DigestInit, spec_session, &(CK_MECHANISM){ CKM_SHA256, spec_bytes, 4 });
	DONE(spec->C_DigestInit(spec_session, &spec_sha256));
	SPEC(OPERATION_ACTIVE, C_DigestInit, spec_session, &spec_sha256);
	DONE(spec->C_DigestInit(spec_session, NULL));
}
END_TEST

#define ENCRYPT(m, k) DONE(spec->C_EncryptInit(spec_session, &(m), k))
#define DECRYPT(m, k) DONE(spec->C_DecryptInit(spec_session, &(m), k))
#define DIGEST() DONE(spec->C_DigestInit(spec_session, &spec_sha256))

START_TEST(encryption)
{
	CK_MECHANISM x509 = { CKM_RSA_X_509, NULL, 0 };
	uint8_t ff[256];
	CK_ULONG n = 16;

	memset(ff, 0xff, sizeof(ff));
	SPEC(OPERATION_NOT_INITIALIZED, C_Encrypt, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_EncryptUpdate, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_EncryptFinal, spec_session, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_Encrypt, spec_session, NULL, 16, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(BUFFER_TOO_SMALL, C_Encrypt, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_EncryptUpdate, spec_session, spec_bytes, 16, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(DATA_LEN_RANGE, C_Encrypt, spec_session, spec_bytes, 15, ROOM);
	ENCRYPT(x509, public);
	SPEC(DATA_INVALID, C_Encrypt, spec_session, ff, 256, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_EncryptUpdate, spec_session, NULL, 16, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(BUFFER_TOO_SMALL, C_EncryptUpdate, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_Encrypt, spec_session, spec_bytes, 16, ROOM);
	ENCRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_EncryptFinal, spec_session, spec_out, NULL);
	ENCRYPT(spec_ecb, key);
	DONE(spec->C_EncryptUpdate(spec_session, spec_bytes, 15, spec_out, &n));
	SPEC(DATA_LEN_RANGE, C_EncryptFinal, spec_session, ROOM);
	ENCRYPT(spec_cbc_pad, key);
	SPEC(BUFFER_TOO_SMALL, C_EncryptFinal, spec_session, ROOM_OF(1));
	DONE(spec->C_EncryptFinal(spec_session, ROOM));
	ENCRYPT(spec_ecb, key);
	DONE(spec->C_Encrypt(spec_session, spec_bytes, 16, NULL, &n));
	SPEC(OPERATION_ACTIVE, C_EncryptFinal, spec_session, ROOM);
}
END_TEST

START_TEST(decryption)
{
	CK_ULONG n = 16;

	SPEC(OPERATION_NOT_INITIALIZED, C_Decrypt, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_DecryptUpdate, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_DecryptFinal, spec_session, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_Decrypt, spec_session, NULL, 16, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(BUFFER_TOO_SMALL, C_Decrypt, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_DecryptUpdate, spec_session, spec_bytes, 16, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_Decrypt, spec_session, spec_bytes, 15, ROOM);
	DECRYPT(spec_cbc_pad, key);
	SPEC(ENCRYPTED_DATA_INVALID, C_Decrypt, spec_session, spec_bytes, 16, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_DecryptUpdate, spec_session, NULL, 16, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(BUFFER_TOO_SMALL, C_DecryptUpdate, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_Decrypt, spec_session, spec_bytes, 16, ROOM);
	DECRYPT(spec_ecb, key);
	SPEC(ARGUMENTS_BAD, C_DecryptFinal, spec_session, spec_out, NULL);
	DECRYPT(spec_ecb, key);
	DONE(spec->C_DecryptUpdate(spec_session, spec_bytes, 15, spec_out, &n));
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptFinal, spec_session, ROOM);
	DECRYPT(spec_cbc_pad, key);
	DONE(spec->C_DecryptUpdate(spec_session, spec_bytes, 16, ROOM));
	SPEC(ENCRYPTED_DATA_INVALID, C_DecryptFinal, spec_session, ROOM);
	ENCRYPT(spec_cbc_pad, key);
	n = sizeof(spec_out);
	DONE(spec->C_Encrypt(spec_session, spec_bytes, 5, spec_out, &n));
	DECRYPT(spec_cbc_pad, key);
	DONE(spec->C_DecryptUpdate(spec_session, spec_out, n, ROOM));
	SPEC(BUFFER_TOO_SMALL, C_DecryptFinal, spec_session, ROOM_OF(1));
	DONE(spec->C_DecryptFinal(spec_session, ROOM));
	DECRYPT(spec_ecb, key);
	DONE(spec->C_Decrypt(spec_session, spec_bytes, 16, NULL, &n));
	SPEC(OPERATION_ACTIVE, C_DecryptFinal, spec_session, ROOM);
}
END_TEST

START_TEST(digests)
{
	CK_ULONG n;

	SPEC(OPERATION_NOT_INITIALIZED, C_Digest, spec_session, spec_bytes, 16, ROOM);
	SPEC(OPERATION_NOT_INITIALIZED, C_DigestUpdate, spec_session, spec_bytes, 16);
	SPEC(OPERATION_NOT_INITIALIZED, C_DigestKey, spec_session, key);
	SPEC(OPERATION_NOT_INITIALIZED, C_DigestFinal, spec_session, ROOM);
	DIGEST();
	SPEC(ARGUMENTS_BAD, C_Digest, spec_session, NULL, 16, ROOM);
	DIGEST();
	SPEC(BUFFER_TOO_SMALL, C_Digest, spec_session, spec_bytes, 16, ROOM_OF(1));
	SPEC(OPERATION_ACTIVE, C_DigestUpdate, spec_session, spec_bytes, 16);
	DIGEST();
	SPEC(ARGUMENTS_BAD, C_DigestUpdate, spec_session, NULL, 16);
	DIGEST();
	DONE(spec->C_DigestUpdate(spec_session, spec_bytes, 16));
	SPEC(OPERATION_ACTIVE, C_Digest, spec_session, spec_bytes, 16, ROOM);
	DIGEST();
	SPEC(KEY_HANDLE_INVALID, C_DigestKey, spec_session, 4711);
	DIGEST();
	SPEC(KEY_INDIGESTIBLE, C_DigestKey, spec_session, private);
	DIGEST();
	DONE(spec->C_Digest(spec_session, spec_bytes, 16, NULL, &n));
	SPEC(OPERATION_ACTIVE, C_DigestKey, spec_session, key);
	DIGEST();
	SPEC(ARGUMENTS_BAD, C_DigestFinal, spec_session, spec_out, NULL);
	DIGEST();
	SPEC(BUFFER_TOO_SMALL, C_DigestFinal, spec_session, ROOM_OF(1));
	DONE(spec->C_DigestFinal(spec_session, ROOM));
	DIGEST();
	DONE(spec->C_Digest(spec_session, spec_bytes, 16, NULL, &n));
	SPEC(OPERATION_ACTIVE, C_DigestFinal, spec_session, ROOM);
}
END_TEST

/* both: the two operations of a dual function. */
#define BOTH(first, second)                                                                                            \
	do {                                                                                                           \
		first;                                                                                                 \
		second;                                                                                                \
	} while (0)

/* Of a dual function: single_call makes one of its operations a single-part one. */
#define DUAL(function, begin, single_call)                                                                             \
	do {                                                                                                           \
		SPEC(OPERATION_NOT_INITIALIZED, function, spec_session, spec_bytes, 16, ROOM);                         \
		begin;                                                                                                 \
		SPEC(ARGUMENTS_BAD, function, spec_session, NULL, 16, ROOM);                                           \
		begin;                                                                                                 \
		SPEC(BUFFER_TOO_SMALL, function, spec_session, spec_bytes, 16, ROOM_OF(1));                            \
		DONE(spec->function(spec_session, spec_bytes, 16, ROOM));                                              \
		DONE(spec->C_SessionCancel(spec_session, ~0UL));                                                       \
		begin;                                                                                                 \
		DONE(single_call);                                                                                     \
		SPEC(OPERATION_ACTIVE, function, spec_session, spec_bytes, 16, ROOM);                                  \
	} while (0)

START_TEST(two_at_once)
{
	CK_AES_CTR_PARAMS ctr = { 8, { [15] = 0xff } };
	CK_MECHANISM counted = { CKM_AES_CTR, &ctr, sizeof(ctr) };
	CK_ULONG n;

	DUAL(C_DigestEncryptUpdate, BOTH(DIGEST(), ENCRYPT(spec_ecb, key)),
	     spec->C_Digest(spec_session, spec_bytes, 16, NULL, &n));
	DUAL(C_DecryptDigestUpdate, BOTH(DIGEST(), DECRYPT(spec_ecb, key)),
	     spec->C_Digest(spec_session, spec_bytes, 16, NULL, &n));
	DUAL(C_SignEncryptUpdate,
	     BOTH(DONE(spec->C_SignInit(spec_session, &spec_hmac, secret)), ENCRYPT(spec_ecb, key)),
	     spec->C_Sign(spec_session, spec_bytes, 16, NULL, &n));
	DUAL(C_DecryptVerifyUpdate,
	     BOTH(DONE(spec->C_VerifyInit(spec_session, &spec_hmac, secret)), DECRYPT(spec_ecb, key)),
	     spec->C_Decrypt(spec_session, spec_bytes, 16, NULL, &n));
	/* A counter of 8 bits that stands at its last value is good for one block. */
	BOTH(DIGEST(), ENCRYPT(counted, key));
	SPEC(DATA_LEN_RANGE, C_DigestEncryptUpdate, spec_session, spec_bytes, 17, ROOM);
	BOTH(DIGEST(), DECRYPT(counted, key));
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptDigestUpdate, spec_session, spec_bytes, 17, ROOM);
	BOTH(DONE(spec->C_SignInit(spec_session, &spec_hmac, secret)), ENCRYPT(counted, key));
	SPEC(DATA_LEN_RANGE, C_SignEncryptUpdate, spec_session, spec_bytes, 17, ROOM);
	BOTH(DONE(spec->C_VerifyInit(spec_session, &spec_hmac, secret)), DECRYPT(counted, key));
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptVerifyUpdate, spec_session, spec_bytes, 17, ROOM);
	ENCRYPT(counted, key);
	SPEC(DATA_LEN_RANGE, C_EncryptUpdate, spec_session, spec_bytes, 17, ROOM);
	DECRYPT(counted, key);
	SPEC(ENCRYPTED_DATA_LEN_RANGE, C_DecryptUpdate, spec_session, spec_bytes, 17, ROOM);
}
END_TEST

void spec_crypt(TCase *c)
{
	tcase_add_test(c, beginnings);
	tcase_add_test(c, encryption);
	tcase_add_test(c, decryption);
	tcase_add_test(c, digests);
	tcase_add_test(c, two_at_once);
}
