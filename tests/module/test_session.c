/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <string.h>

static CK_RV open_with(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret)
{
	return ck->C_OpenSession(slot, flags, NULL, NULL, ret);
}

static CK_STATE state_of(CK_SESSION_HANDLE h)
{
	CK_SESSION_INFO info;

	ck_ok(ck->C_GetSessionInfo(h, &info));
	ck_assert_uint_eq(info.slotID, ck_slot);
	return info.state;
}

/* R6.5 */
START_TEST(open_session_refuses_bad_arguments)
{
	CK_SESSION_HANDLE h = 4711;

	ck_rv(open_with(ck_slot, CKF_SERIAL_SESSION, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(open_with(ck_slot, CKF_RW_SESSION, &h), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	ck_rv(open_with(ck_slot, CKF_SERIAL_SESSION | 0x100, &h), CKR_ARGUMENTS_BAD);
	ck_rv(open_with(99999, CKF_SERIAL_SESSION, &h), CKR_SLOT_ID_INVALID);
	ck_assert_uint_eq(h, 4711);
}
END_TEST

/* R6.5 */
START_TEST(free_slot_takes_no_session)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_SESSION_HANDLE h;
	CK_TOKEN_INFO info;
	CK_ULONG before;

	ck_ok(ck->C_GetSlotList(CK_TRUE, NULL, &before));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_assert_uint_eq(n, before);
	ck_ok(ck->C_GetTokenInfo(slots[n - 1], &info));
	ck_assert(!(info.flags & CKF_TOKEN_INITIALIZED));
	ck_rv(open_with(slots[n - 1], CKF_SERIAL_SESSION, &h), CKR_TOKEN_NOT_RECOGNIZED);
}
END_TEST

/* R6.5 */
START_TEST(session_state_follows_the_login)
{
	CK_SESSION_HANDLE ro = ck_open(false);

	ck_assert_uint_eq(state_of(ro), CKS_RO_PUBLIC_SESSION);
	ck_assert_uint_eq(state_of(ck_session), CKS_RW_PUBLIC_SESSION);
	ck_login(CKU_USER);
	ck_assert_uint_eq(state_of(ro), CKS_RO_USER_FUNCTIONS);
	ck_assert_uint_eq(state_of(ck_session), CKS_RW_USER_FUNCTIONS);
	ck_logout();
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_SESSION_READ_ONLY_EXISTS);
	ck_ok(ck->C_CloseSession(ro));
	ck_login(CKU_SO);
	ck_assert_uint_eq(state_of(ck_session), CKS_RW_SO_FUNCTIONS);
	ck_rv(open_with(ck_slot, CKF_SERIAL_SESSION, &ro), CKR_SESSION_READ_WRITE_SO_EXISTS);
	ck_logout();
}
END_TEST

/* R6.5 */
START_TEST(closed_session_is_no_session)
{
	CK_SESSION_HANDLE h = ck_open(true);
	CK_SESSION_INFO info;
	CK_BYTE b[4];

	ck_ok(ck->C_CloseSession(h));
	ck_rv(ck->C_CloseSession(h), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_GetSessionInfo(h, &info), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_GenerateRandom(h, b, sizeof(b)), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_GetSessionInfo(0, &info), CKR_SESSION_HANDLE_INVALID);
	ck_rv(ck->C_GetSessionInfo(ck_session, NULL), CKR_ARGUMENTS_BAD);
}
END_TEST

/* R6.5 */
START_TEST(last_session_logs_out)
{
	ck_login(CKU_USER);
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	ck_session = ck_open(true);
	ck_assert_uint_eq(state_of(ck_session), CKS_RW_PUBLIC_SESSION);
	ck_rv(ck->C_CloseAllSessions(99999), CKR_SLOT_ID_INVALID);
}
END_TEST

/* R6.5 */
START_TEST(session_objects_go_with_their_session)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_PRIVATE, &no, 1 },
			     { CKA_LABEL, (void *)(uintptr_t) "gone", 4 } };
	CK_SESSION_HANDLE h = ck_open(false);
	CK_OBJECT_HANDLE o;
	CK_ULONG size;

	ck_ok(ck->C_CreateObject(h, t, ARRAY_LEN(t), &o));
	ck_assert_uint_eq(ck_find(t, ARRAY_LEN(t), NULL), 1);
	ck_ok(ck->C_GetObjectSize(ck_session, o, &size));
	ck_ok(ck->C_CloseSession(h));
	ck_assert_uint_eq(ck_find(t, ARRAY_LEN(t), NULL), 0);
	ck_rv(ck->C_GetObjectSize(ck_session, o, &size), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

/* R6.5 */
START_TEST(logout_ends_private_objects_and_operations)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG length = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_ENCRYPT, &yes, 1 },
			     { CKA_LABEL, (void *)(uintptr_t) "mine", 4 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_SESSION_HANDLE other = ck_open(true);
	CK_BYTE block[16] = { 0 };
	CK_ULONG n = sizeof(block), size;
	CK_OBJECT_HANDLE key;

	ck_rv(ck->C_GenerateKey(ck_session, &generate, t, ARRAY_LEN(t), &key), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_ok(ck->C_GenerateKey(ck_session, &generate, t, ARRAY_LEN(t), &key));
	ck_ok(ck->C_EncryptInit(other, &ecb, key));
	ck_logout();
	ck_rv(ck->C_Encrypt(other, block, sizeof(block), block, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(ck->C_GetObjectSize(ck_session, key, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_login(CKU_USER);
	ck_rv(ck->C_GetObjectSize(ck_session, key, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_logout();
	ck_ok(ck->C_CloseSession(other));
}
END_TEST

/* R6.5: every function that takes a session refuses one that is not there, before it looks at anything else. */
START_TEST(every_function_refuses_a_bad_session)
{
	const CK_SESSION_HANDLE bad = 0x4711;
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
	CK_BYTE b[8] = { 0 };
	CK_ULONG n = sizeof(b);
	CK_OBJECT_HANDLE o, o2;
	CK_SESSION_INFO info;
	const CK_RV answers[] = {
		ck->C_InitPIN(bad, b, n),
		ck->C_SetPIN(bad, b, n, b, n),
		ck->C_CloseSession(bad),
		ck->C_GetSessionInfo(bad, &info),
		ck->C_Login(bad, CKU_USER, b, n),
		ck->C_Logout(bad),
		ck->C_CreateObject(bad, NULL, 0, &o),
		ck->C_CopyObject(bad, 1, NULL, 0, &o),
		ck->C_DestroyObject(bad, 1),
		ck->C_GetObjectSize(bad, 1, &n),
		ck->C_GetAttributeValue(bad, 1, NULL, 0),
		ck->C_SetAttributeValue(bad, 1, NULL, 0),
		ck->C_FindObjectsInit(bad, NULL, 0),
		ck->C_FindObjects(bad, &o, 1, &n),
		ck->C_FindObjectsFinal(bad),
		ck->C_EncryptInit(bad, &m, 1),
		ck->C_Encrypt(bad, b, 8, b, &n),
		ck->C_EncryptUpdate(bad, b, 8, b, &n),
		ck->C_EncryptFinal(bad, b, &n),
		ck->C_DecryptInit(bad, &m, 1),
		ck->C_Decrypt(bad, b, 8, b, &n),
		ck->C_DecryptUpdate(bad, b, 8, b, &n),
		ck->C_DecryptFinal(bad, b, &n),
		ck->C_DigestInit(bad, &m),
		ck->C_Digest(bad, b, 8, b, &n),
		ck->C_DigestUpdate(bad, b, 8),
		ck->C_DigestKey(bad, 1),
		ck->C_DigestFinal(bad, b, &n),
		ck->C_SignInit(bad, &m, 1),
		ck->C_Sign(bad, b, 8, b, &n),
		ck->C_SignUpdate(bad, b, 8),
		ck->C_SignFinal(bad, b, &n),
		ck->C_VerifyInit(bad, &m, 1),
		ck->C_Verify(bad, b, 8, b, 8),
		ck->C_VerifyUpdate(bad, b, 8),
		ck->C_VerifyFinal(bad, b, 8),
		ck->C_GenerateKey(bad, &m, NULL, 0, &o),
		ck->C_GenerateKeyPair(bad, &m, NULL, 0, NULL, 0, &o, &o2),
		ck->C_WrapKey(bad, &m, 1, 1, b, &n),
		ck->C_UnwrapKey(bad, &m, 1, b, 8, NULL, 0, &o),
		ck->C_DeriveKey(bad, &m, 1, NULL, 0, &o),
		ck->C_SeedRandom(bad, b, 8),
		ck->C_GenerateRandom(bad, b, 8),
		ck3->C_LoginUser(bad, CKU_USER, b, 8, b, 8),
		ck3->C_SessionCancel(bad, CKF_SIGN),
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		ck_assert_msg(answers[i] == CKR_SESSION_HANDLE_INVALID, "%zu: 0x%lx", i, answers[i]);
	ck_assert_uint_eq(n, 8);
}
END_TEST

/* R6.5: nothing is pending in a new session. */
START_TEST(operations_that_were_not_begun_do_not_go_on)
{
	CK_BYTE b[8] = { 0 };
	CK_ULONG n = sizeof(b);
	const CK_SESSION_HANDLE h = ck_session;
	const CK_RV answers[] = {
		ck->C_Encrypt(h, b, 8, b, &n),   ck->C_EncryptUpdate(h, b, 8, b, &n), ck->C_EncryptFinal(h, b, &n),
		ck->C_Decrypt(h, b, 8, b, &n),   ck->C_DecryptUpdate(h, b, 8, b, &n), ck->C_DecryptFinal(h, b, &n),
		ck->C_Digest(h, b, 8, b, &n),    ck->C_DigestUpdate(h, b, 8),         ck->C_DigestFinal(h, b, &n),
		ck->C_Sign(h, b, 8, b, &n),      ck->C_SignUpdate(h, b, 8),           ck->C_SignFinal(h, b, &n),
		ck->C_Verify(h, b, 8, b, 8),     ck->C_VerifyUpdate(h, b, 8),         ck->C_VerifyFinal(h, b, 8),
		ck->C_FindObjects(h, &n, 1, &n), ck->C_FindObjectsFinal(h),
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		ck_assert_msg(answers[i] == CKR_OPERATION_NOT_INITIALIZED, "%zu: 0x%lx", i, answers[i]);
	ck_assert_uint_eq(n, 8);
}
END_TEST

/* R6.5: a key handle that names nothing, or no key. */
START_TEST(operations_refuse_what_is_no_key)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &no, 1 } };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 },
		     wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_BYTE b[32] = { 0 };
	CK_ULONG n = sizeof(b);
	CK_OBJECT_HANDLE data, key, bad[2];

	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &data));
	bad[0] = 0x4711;
	bad[1] = data;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_rv(ck->C_EncryptInit(ck_session, &ecb, bad[i]), CKR_KEY_HANDLE_INVALID);
		ck_rv(ck->C_DecryptInit(ck_session, &ecb, bad[i]), CKR_KEY_HANDLE_INVALID);
		ck_rv(ck->C_SignInit(ck_session, &cmac, bad[i]), CKR_KEY_HANDLE_INVALID);
		ck_rv(ck->C_VerifyInit(ck_session, &cmac, bad[i]), CKR_KEY_HANDLE_INVALID);
		ck_rv(ck->C_WrapKey(ck_session, &wrap, bad[i], bad[i], b, &n), CKR_WRAPPING_KEY_HANDLE_INVALID);
		ck_rv(ck->C_UnwrapKey(ck_session, &wrap, bad[i], b, 24, NULL, 0, &key),
		      CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	}
	ck_rv(ck->C_EncryptInit(ck_session, NULL, data), CKR_ARGUMENTS_BAD);
	ck_ok(ck->C_DestroyObject(ck_session, data));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session");
	TCase *c = tcase_create("session");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, open_session_refuses_bad_arguments);
	tcase_add_test(c, free_slot_takes_no_session);
	tcase_add_test(c, session_state_follows_the_login);
	tcase_add_test(c, closed_session_is_no_session);
	tcase_add_test(c, last_session_logs_out);
	tcase_add_test(c, session_objects_go_with_their_session);
	tcase_add_test(c, logout_ends_private_objects_and_operations);
	tcase_add_test(c, every_function_refuses_a_bad_session);
	tcase_add_test(c, operations_that_were_not_begun_do_not_go_on);
	tcase_add_test(c, operations_refuse_what_is_no_key);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
