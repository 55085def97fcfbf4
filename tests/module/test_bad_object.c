/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad input, chapter 2: objects and templates. */
#include "bad_kit.h"

#include <stdio.h>
#include <string.h>

#define HUGE_COUNT (~0UL)

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE, two = 2;
static CK_BYTE bytes[65540];
static CK_ULONG length = 16, number = 5;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE aes = CKK_AES;
static CK_OBJECT_HANDLE token_key, session_key, data;
static CK_MECHANISM generate_aes = { CKM_AES_KEY_GEN, NULL, 0 };

static CK_OBJECT_HANDLE key_of(bool token)
{
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_VALUE_LEN, &length, sizeof(length) },
		{ CKA_TOKEN, token ? &yes : &no, 1 },
	};

	ck_ok(ck->C_GenerateKey(ck_session, &generate_aes, t, ARRAY_LEN(t), &h));
	return h;
}

static void begin(void)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 } };

	ck_test_begin();
	ck_login(CKU_USER);
	memset(bytes, '1', sizeof(bytes));
	token_key = key_of(true);
	session_key = key_of(false);
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &data));
	bad_watch();
}

static void end(void)
{
	bad_unwatch();
	ck_test_end();
}

/* One bad attribute behind a good template, to every function that takes one. CKR_OK: not asked here. */
struct row {
	CK_ATTRIBUTE a;
	CK_RV create, generate, set, copy, find;
};

static void ask(const struct row *row)
{
	CK_ATTRIBUTE create[] = {
		{ CKA_CLASS, &secret_key, sizeof(secret_key) },
		{ CKA_KEY_TYPE, &aes, sizeof(aes) },
		{ CKA_VALUE, bytes, 16 },
		row->a,
	};
	CK_ATTRIBUTE generate[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, row->a };
	CK_ATTRIBUTE one[] = { row->a };
	CK_OBJECT_HANDLE h = 77;

	if (row->create != CKR_OK)
		BAD(row->create, C_CreateObject, ck_session, create, ARRAY_LEN(create), &h);
	if (row->generate != CKR_OK)
		BAD(row->generate, C_GenerateKey, ck_session, &generate_aes, generate, ARRAY_LEN(generate), &h);
	if (row->set != CKR_OK) {
		BAD(row->set, C_SetAttributeValue, ck_session, token_key, one, 1);
		BAD(row->set, C_SetAttributeValue, ck_session, session_key, one, 1);
	}
	if (row->copy != CKR_OK)
		BAD(row->copy, C_CopyObject, ck_session, token_key, one, 1, &h);
	if (row->find != CKR_OK) {
		BAD(row->find, C_FindObjectsInit, ck_session, one, 1);
		BAD(CKR_OPERATION_NOT_INITIALIZED, C_FindObjectsFinal, ck_session);
	}
	ck_assert_uint_eq(h, 77);
}

#define EVERYWHERE(code) code, code, code, code, code
#define NOT_IN_FIND(code) code, code, code, code, CKR_OK

/* R6.5 */
START_TEST(attribute_without_value_or_with_an_absurd_length_is_refused)
{
	const struct row rows[] = {
		{ { CKA_LABEL, NULL, 4 }, EVERYWHERE(CKR_ARGUMENTS_BAD) },
		{ { CKA_LABEL, NULL, HUGE_COUNT }, EVERYWHERE(CKR_ARGUMENTS_BAD) },
		{ { CKA_ENCRYPT, NULL, 1 }, EVERYWHERE(CKR_ARGUMENTS_BAD) },
		{ { CKA_VALUE, NULL, 16 }, EVERYWHERE(CKR_ARGUMENTS_BAD) },
		{ { CKA_LABEL, bytes, 65536 }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_LABEL, bytes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_ID, bytes, HUGE_COUNT - 7 }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_START_DATE, bytes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_ALLOWED_MECHANISMS, bytes, HUGE_COUNT - 7 }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_WRAP_TEMPLATE, bytes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_UNWRAP_TEMPLATE, bytes, 65536 }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_DERIVE_TEMPLATE, NULL, 24 }, EVERYWHERE(CKR_ARGUMENTS_BAD) },
		{ { CKA_ENCRYPT, &yes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_VALUE, bytes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_VALUE_LEN, &length, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_CLASS, &secret_key, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { 0x12345678, bytes, HUGE_COUNT }, EVERYWHERE(CKR_ATTRIBUTE_VALUE_INVALID) },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask(&rows[i]);
}
END_TEST

/* R6.5 */
START_TEST(attribute_of_a_wrong_size_or_value_is_refused)
{
	const struct row rows[] = {
		{ { CKA_ENCRYPT, NULL, 0 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_ENCRYPT, &yes, 0 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_ENCRYPT, &number, sizeof(number) }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_ENCRYPT, &two, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_SENSITIVE, &number, sizeof(number) }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_EXTRACTABLE, &two, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_START_DATE, bytes, 4 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_END_DATE, (void *)(uintptr_t) "2026AB01", 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_VALUE_INVALID) },
		{ { CKA_VALUE_LEN, &length, 4 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, 0, 0, 0 },
		{ { CKA_VALUE_LEN, &number, 8 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, 0, 0, 0 },
		{ { CKA_CHECK_VALUE, bytes, 3 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, 0, 0, 0 },
		{ { CKA_CHECK_VALUE, bytes, 2 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, 0, 0, 0 },
		{ { CKA_CLASS, &secret_key, 4 }, 0, CKR_ATTRIBUTE_VALUE_INVALID, 0, 0, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_CLASS, &number, 8 }, 0, CKR_TEMPLATE_INCONSISTENT, 0, 0, 0 },
		{ { CKA_KEY_TYPE, &aes, 4 }, 0, CKR_ATTRIBUTE_VALUE_INVALID, 0, 0, 0 },
		{ { CKA_KEY_TYPE, &number, 8 }, 0, CKR_TEMPLATE_INCONSISTENT, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask(&rows[i]);
}
END_TEST

/* R6.5 */
START_TEST(attribute_that_may_not_be_given_is_refused)
{
	const struct row rows[] = {
		{ { 0x12345678, &yes, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_TYPE_INVALID) },
		{ { CKA_MODULUS, bytes, 256 }, NOT_IN_FIND(CKR_ATTRIBUTE_TYPE_INVALID) },
		{ { CKA_APPLICATION, bytes, 4 }, NOT_IN_FIND(CKR_ATTRIBUTE_TYPE_INVALID) },
		{ { CKA_LOCAL, &yes, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_ALWAYS_SENSITIVE, &yes, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_NEVER_EXTRACTABLE, &yes, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_KEY_GEN_MECHANISM, &number, 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_UNIQUE_ID, bytes, 32 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_TRUSTED, &yes, 1 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_CUSTODIAN, bytes, 5 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_CUSTODIAN_ID, bytes, 16 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_COMPONENT, bytes, 2 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_SERIAL_NUMBER, bytes, 5 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_COUNTER, &number, 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_HANDSHAKE, &number, 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_SIDE, &number, 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_SR_ROLE, &number, 8 }, NOT_IN_FIND(CKR_ATTRIBUTE_READ_ONLY) },
		{ { CKA_CLASS, &secret_key, 8 },
		  CKR_TEMPLATE_INCONSISTENT,
		  0,
		  CKR_ATTRIBUTE_READ_ONLY,
		  CKR_ATTRIBUTE_READ_ONLY,
		  0 },
		{ { CKA_KEY_TYPE, &aes, 8 },
		  CKR_TEMPLATE_INCONSISTENT,
		  0,
		  CKR_ATTRIBUTE_READ_ONLY,
		  CKR_ATTRIBUTE_READ_ONLY,
		  0 },
		{ { CKA_VALUE, bytes, 16 },
		  CKR_TEMPLATE_INCONSISTENT,
		  CKR_TEMPLATE_INCONSISTENT,
		  CKR_ATTRIBUTE_READ_ONLY,
		  CKR_ATTRIBUTE_READ_ONLY,
		  0 },
		{ { CKA_VALUE_LEN, &length, 8 },
		  0,
		  CKR_TEMPLATE_INCONSISTENT,
		  CKR_ATTRIBUTE_READ_ONLY,
		  CKR_ATTRIBUTE_READ_ONLY,
		  0 },
		{ { CKA_TOKEN, &yes, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, 0, 0 },
		{ { CKA_PRIVATE, &yes, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, 0, 0 },
		{ { CKA_PRIVATE, &no, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY, 0 },
		{ { CKA_MODIFIABLE, &no, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, 0, 0 },
		{ { CKA_SENSITIVE, &no, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY, 0 },
		{ { CKA_EXTRACTABLE, &yes, 1 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY, 0 },
		{ { CKA_ALLOWED_MECHANISMS, &number, 8 }, 0, 0, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask(&rows[i]);
}
END_TEST

/* Twice the same attribute, and be it with the same value: nobody shall ask which one counts. R6.5 */
START_TEST(attribute_given_twice_is_refused)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE label[] = { { CKA_LABEL, bytes, 1 }, { CKA_LABEL, bytes, 2 } };
	CK_ATTRIBUTE create[] = { { CKA_CLASS, &class, sizeof(class) },
				  { CKA_LABEL, bytes, 1 },
				  { CKA_CLASS, &secret_key, sizeof(secret_key) } };
	CK_ATTRIBUTE generate[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
				    { CKA_SENSITIVE, &yes, 1 },
				    { CKA_SENSITIVE, &no, 1 } };
	CK_OBJECT_HANDLE h = 77;

	BAD(CKR_TEMPLATE_INCONSISTENT, C_CreateObject, ck_session, create, ARRAY_LEN(create), &h);
	BAD(CKR_TEMPLATE_INCONSISTENT, C_GenerateKey, ck_session, &generate_aes, generate, ARRAY_LEN(generate), &h);
	BAD(CKR_TEMPLATE_INCONSISTENT, C_SetAttributeValue, ck_session, token_key, label, 2);
	BAD(CKR_TEMPLATE_INCONSISTENT, C_CopyObject, ck_session, token_key, label, 2, &h);
	ck_assert_uint_eq(h, 77);
}
END_TEST

/* R6.5 */
START_TEST(templates_that_are_not_there_are_refused)
{
	static const CK_ULONG counts[] = { 1, 2, 0x7fffffff, HUGE_COUNT / 24, HUGE_COUNT };
	CK_MECHANISM pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_ATTRIBUTE one[] = { { CKA_LABEL, bytes, 1 } };
	CK_OBJECT_HANDLE h = 77, k = 77;
	CK_RV e = CKR_ARGUMENTS_BAD;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		CK_ULONG n = counts[i];

		BAD(e, C_CreateObject, ck_session, NULL, n, &h);
		BAD(e, C_CopyObject, ck_session, token_key, NULL, n, &h);
		BAD(e, C_GetAttributeValue, ck_session, token_key, NULL, n);
		BAD(e, C_SetAttributeValue, ck_session, token_key, NULL, n);
		BAD(e, C_FindObjectsInit, ck_session, NULL, n);
		BAD(e, C_GenerateKey, ck_session, &generate_aes, NULL, n, &h);
		BAD(e, C_GenerateKeyPair, ck_session, &pair, NULL, n, one, 1, &h, &k);
		BAD(e, C_GenerateKeyPair, ck_session, &pair, one, 1, NULL, n, &h, &k);
		BAD(e, C_UnwrapKey, ck_session, &wrap, token_key, bytes, 24, NULL, n, &h);
		BAD(e, C_DeriveKey, ck_session, &wrap, token_key, NULL, n, &h);
	}
	BAD(e, C_CreateObject, ck_session, one, 1, NULL);
	BAD(e, C_CopyObject, ck_session, token_key, NULL, 0, NULL);
	BAD(e, C_GenerateKey, ck_session, &generate_aes, one, 1, NULL);
	BAD(e, C_GenerateKey, ck_session, NULL, one, 1, &h);
	BAD(e, C_GenerateKeyPair, ck_session, &pair, one, 1, one, 1, NULL, &k);
	BAD(e, C_GenerateKeyPair, ck_session, &pair, one, 1, one, 1, &h, NULL);
	BAD(e, C_GenerateKeyPair, ck_session, NULL, one, 1, one, 1, &h, &k);
	BAD(e, C_UnwrapKey, ck_session, &wrap, token_key, bytes, 24, one, 1, NULL);
	BAD(e, C_UnwrapKey, ck_session, &wrap, token_key, NULL, 24, one, 1, &h);
	BAD(e, C_UnwrapKey, ck_session, NULL, token_key, bytes, 24, one, 1, &h);
	BAD(e, C_DeriveKey, ck_session, &wrap, token_key, one, 1, NULL);
	BAD(e, C_DeriveKey, ck_session, NULL, token_key, one, 1, &h);
	BAD(e, C_GetObjectSize, ck_session, token_key, NULL);
	BAD(CKR_TEMPLATE_INCOMPLETE, C_CreateObject, ck_session, NULL, 0, &h);
	BAD(CKR_TEMPLATE_INCOMPLETE, C_GenerateKey, ck_session, &generate_aes, NULL, 0, &h);
	BAD(CKR_TEMPLATE_INCOMPLETE, C_GenerateKeyPair, ck_session, &pair, NULL, 0, NULL, 0, &h, &k);
	ck_assert(h == 77 && k == 77);
}
END_TEST

/* Handles that never were, are gone, belong to another login; and a handle is never given twice. R6.5 */
static void bad_handle(CK_OBJECT_HANDLE h)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, mac = { CKM_AES_CMAC, NULL, 0 };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 }, sha = { CKM_SHA256, NULL, 0 };
	CK_ATTRIBUTE one[] = { { CKA_LABEL, bytes, 1 } };
	CK_OBJECT_HANDLE made = 77;
	CK_ULONG n = 64;

	BAD(CKR_OBJECT_HANDLE_INVALID, C_CopyObject, ck_session, h, NULL, 0, &made);
	BAD(CKR_OBJECT_HANDLE_INVALID, C_DestroyObject, ck_session, h);
	BAD(CKR_OBJECT_HANDLE_INVALID, C_GetObjectSize, ck_session, h, &n);
	BAD(CKR_OBJECT_HANDLE_INVALID, C_GetAttributeValue, ck_session, h, one, 1);
	BAD(CKR_OBJECT_HANDLE_INVALID, C_SetAttributeValue, ck_session, h, one, 1);
	BAD(CKR_KEY_HANDLE_INVALID, C_EncryptInit, ck_session, &ecb, h);
	BAD(CKR_KEY_HANDLE_INVALID, C_DecryptInit, ck_session, &ecb, h);
	BAD(CKR_KEY_HANDLE_INVALID, C_SignInit, ck_session, &mac, h);
	BAD(CKR_KEY_HANDLE_INVALID, C_VerifyInit, ck_session, &mac, h);
	ck_ok(ck->C_DigestInit(ck_session, &sha));
	BAD(CKR_KEY_HANDLE_INVALID, C_DigestKey, ck_session, h);
	BAD(CKR_OPERATION_NOT_INITIALIZED, C_DigestKey, ck_session, h);
	BAD(CKR_WRAPPING_KEY_HANDLE_INVALID, C_WrapKey, ck_session, &wrap, h, token_key, bytes, &n);
	BAD(CKR_KEY_HANDLE_INVALID, C_WrapKey, ck_session, &wrap, token_key, h, bytes, &n);
	BAD(CKR_UNWRAPPING_KEY_HANDLE_INVALID, C_UnwrapKey, ck_session, &wrap, h, bytes, 24, one, 1, &made);
	BAD(CKR_KEY_HANDLE_INVALID, C_DeriveKey, ck_session, &wrap, h, one, 1, &made);
	ck_assert_uint_eq(made, 77);
	ck_assert_uint_eq(n, 64);
}

START_TEST(object_handles_that_are_none_are_refused)
{
	CK_OBJECT_HANDLE gone = key_of(false), gone_token = key_of(true), other;
	CK_SESSION_HANDLE s = ck_open(true);

	bad_unwatch();
	ck_ok(ck->C_DestroyObject(ck_session, gone));
	ck_ok(ck->C_DestroyObject(s, gone_token));
	ck_ok(
	    ck->C_GenerateKey(s, &generate_aes, &(CK_ATTRIBUTE){ CKA_VALUE_LEN, &length, sizeof(length) }, 1, &other));
	ck_ok(ck->C_CloseSession(s)); /* and its session objects */
	for (int i = 0; i < 100; i++) {
		CK_OBJECT_HANDLE h = key_of(false);

		ck_assert(h != gone && h != gone_token && h != other);
		ck_ok(ck->C_DestroyObject(ck_session, h));
	}
	bad_watch();
	bad_handle(0);
	bad_handle(~0UL);
	bad_handle(0x7fffffff);
	bad_handle(gone);
	bad_handle(gone_token);
	bad_handle(other);
}
END_TEST

/* An object that is no key is no key handle; as an object it is there. R6.5 */
START_TEST(object_that_is_no_key_is_refused_as_a_key)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE h = 77;
	CK_ULONG n = 64;

	BAD(CKR_KEY_HANDLE_INVALID, C_EncryptInit, ck_session, &ecb, data);
	BAD(CKR_KEY_HANDLE_INVALID, C_DecryptInit, ck_session, &ecb, data);
	BAD(CKR_KEY_HANDLE_INVALID, C_SignInit, ck_session, &ecb, data);
	BAD(CKR_KEY_HANDLE_INVALID, C_VerifyInit, ck_session, &ecb, data);
	BAD(CKR_WRAPPING_KEY_HANDLE_INVALID, C_WrapKey, ck_session, &wrap, data, token_key, bytes, &n);
	BAD(CKR_KEY_HANDLE_INVALID, C_WrapKey, ck_session, &wrap, token_key, data, bytes, &n);
	BAD(CKR_UNWRAPPING_KEY_HANDLE_INVALID, C_UnwrapKey, ck_session, &wrap, data, bytes, 24, NULL, 0, &h);
	BAD(CKR_KEY_HANDLE_INVALID, C_DeriveKey, ck_session, &wrap, data, NULL, 0, &h);
	ck_ok(ck->C_DigestInit(ck_session, &sha));
	BAD(CKR_KEY_HANDLE_INVALID, C_DigestKey, ck_session, data);
}
END_TEST

/* R6.5 */
START_TEST(sessions_that_may_not_make_an_object_are_refused)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE token[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &yes, 1 } };
	CK_ATTRIBUTE generate[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE label[] = { { CKA_LABEL, bytes, 1 } };
	CK_SESSION_HANDLE ro = ck_open(false);
	CK_OBJECT_HANDLE h = 77;

	bad_watch();
	BAD(CKR_SESSION_READ_ONLY, C_CreateObject, ro, token, 2, &h);
	BAD(CKR_SESSION_READ_ONLY, C_GenerateKey, ro, &generate_aes, generate, 2, &h);
	BAD(CKR_SESSION_READ_ONLY, C_CopyObject, ro, token_key, NULL, 0, &h);
	BAD(CKR_SESSION_READ_ONLY, C_CopyObject, ro, session_key, &token[1], 1, &h);
	BAD(CKR_SESSION_READ_ONLY, C_SetAttributeValue, ro, token_key, label, 1);
	BAD(CKR_SESSION_READ_ONLY, C_DestroyObject, ro, token_key);
	bad_unwatch();
	ck_ok(ck->C_CloseSession(ro));
	for (int so = 0; so < 2; so++) {
		if (so)
			ck_login(CKU_SO);
		else
			ck_logout();
		bad_watch();
		BAD(CKR_USER_NOT_LOGGED_IN, C_CreateObject, ck_session, private, 2, &h);
		BAD(CKR_USER_NOT_LOGGED_IN, C_GenerateKey, ck_session, &generate_aes, generate, 1, &h);
		BAD(CKR_USER_NOT_LOGGED_IN, C_CopyObject, ck_session, data, &private[1], 1, &h);
		BAD(CKR_OBJECT_HANDLE_INVALID, C_DestroyObject, ck_session, token_key);
		BAD(CKR_OBJECT_HANDLE_INVALID, C_CopyObject, ck_session, token_key, NULL, 0, &h);
		BAD(CKR_OBJECT_HANDLE_INVALID, C_DestroyObject, ck_session, session_key);
		bad_unwatch();
	}
	ck_assert_uint_eq(h, 77);
	ck_login(CKU_USER);
	session_key = key_of(false);
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), 3); /* its old handle died with the login */
	ck_find(&(CK_ATTRIBUTE){ CKA_KEY_TYPE, &aes, sizeof(aes) }, 1, &token_key);
	bad_watch();
}
END_TEST

/* R6.5 */
START_TEST(search_in_a_wrong_state_is_refused)
{
	CK_OBJECT_HANDLE h = 77;
	CK_ULONG n = 77;

	BAD(CKR_OPERATION_NOT_INITIALIZED, C_FindObjects, ck_session, &h, 1, &n);
	BAD(CKR_OPERATION_NOT_INITIALIZED, C_FindObjectsFinal, ck_session);
	ck_ok(ck->C_FindObjectsInit(ck_session, NULL, 0));
	BAD(CKR_OPERATION_ACTIVE, C_FindObjectsInit, ck_session, NULL, 0);
	BAD(CKR_ARGUMENTS_BAD, C_FindObjects, ck_session, NULL, 1, &n);
	BAD(CKR_ARGUMENTS_BAD, C_FindObjects, ck_session, NULL, HUGE_COUNT, &n);
	BAD(CKR_ARGUMENTS_BAD, C_FindObjects, ck_session, &h, 1, NULL);
	ck_assert(h == 77 && n == 77);
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	BAD(CKR_OPERATION_NOT_INITIALIZED, C_FindObjects, ck_session, &h, 1, &n);
}
END_TEST

/* C_CopyObject needs no template. R6.5 */
START_TEST(copy_without_a_template_is_a_copy)
{
	CK_OBJECT_HANDLE h = 77;

	bad_unwatch();
	ck_ok(ck->C_CopyObject(ck_session, token_key, NULL, 0, &h));
	ck_assert(ck_get_bool(h, CKA_TOKEN) && ck_get_bool(h, CKA_SENSITIVE) && ck_get_bool(h, CKA_ALWAYS_SENSITIVE));
	ck_ok(ck->C_DestroyObject(ck_session, h));
	bad_watch();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bad input: objects");
	TCase *c = tcase_create("objects");
	int status;

	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, begin, end);
	tcase_add_test(c, attribute_without_value_or_with_an_absurd_length_is_refused);
	tcase_add_test(c, attribute_of_a_wrong_size_or_value_is_refused);
	tcase_add_test(c, attribute_that_may_not_be_given_is_refused);
	tcase_add_test(c, attribute_given_twice_is_refused);
	tcase_add_test(c, templates_that_are_not_there_are_refused);
	tcase_add_test(c, object_handles_that_are_none_are_refused);
	tcase_add_test(c, object_that_is_no_key_is_refused_as_a_key);
	tcase_add_test(c, sessions_that_may_not_make_an_object_are_refused);
	tcase_add_test(c, search_in_a_wrong_state_is_refused);
	tcase_add_test(c, copy_without_a_template_is_a_copy);
	suite_add_tcase(s, c);
	status = ck_test_run(s);
	printf("%u calls refused\n", bad_calls);
	return status;
}
