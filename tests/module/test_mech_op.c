/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <string.h>

/* Active operations: who may start, what ends them, what keeps them (PKCS#11 2.40, 5.2 and chapter 11; R6.5). */

static const CK_FLAGS kinds[] = { CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT };
static uint8_t text[64] = "Now is the time for all good men to come to the aid of the army";
static uint8_t iv[16];

static CK_MECHANISM mechanism_of(CK_FLAGS use)
{
	switch (use) {
	case CKF_DIGEST:
		return (CK_MECHANISM){ CKM_SHA256, NULL, 0 };
	case CKF_SIGN:
	case CKF_VERIFY:
		return (CK_MECHANISM){ CKM_AES_CMAC, NULL, 0 };
	default:
		return (CK_MECHANISM){ CKM_AES_CBC_PAD, iv, sizeof(iv) };
	}
}

static CK_OBJECT_HANDLE aes(void)
{
	return mk_secret(CKK_AES, VIEW(text, 16), MK_ALL_USES);
}

static CK_RV any_single(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len)
{
	if (use == CKF_VERIFY)
		return ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)in.p, in.n, out, len != NULL ? *len : 16);
	return mk_single(use, in, out, len);
}

START_TEST(nothing_works_without_init)
{
	uint8_t out[128];
	CK_ULONG len = sizeof(out);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		IS(any_single(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
		IS(mk_update(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
		len = sizeof(out);
		if (kinds[i] == CKF_VERIFY)
			IS(ck->C_VerifyFinal(mk_session, out, 16), CKR_OPERATION_NOT_INITIALIZED);
		else
			IS(mk_final(kinds[i], out, &len), CKR_OPERATION_NOT_INITIALIZED);
		IS(mk_init(kinds[i], NULL, 0), CKR_ARGUMENTS_BAD);
	}
	IS(ck->C_DigestKey(mk_session, 1), CKR_OPERATION_NOT_INITIALIZED);
}
END_TEST

START_TEST(second_init_is_refused_and_keeps_the_first)
{
	CK_OBJECT_HANDLE key = aes();
	uint8_t out[128];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = mechanism_of(kinds[i]);
		CK_ULONG len = sizeof(out);

		OK(mk_init(kinds[i], &m, key));
		IS(mk_init(kinds[i], &m, key), CKR_OPERATION_ACTIVE);
		OK(mk_update(kinds[i], VIEW(text, 16), out, &len));
		mk_cancel(kinds[i]);
		IS(mk_update(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(operations_of_different_kinds_live_side_by_side)
{
	CK_OBJECT_HANDLE key = aes();
	uint8_t out[128];
	CK_ULONG len;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = mechanism_of(kinds[i]);

		OK(mk_init(kinds[i], &m, key));
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		len = sizeof(out);
		OK(mk_update(kinds[i], VIEW(text, 16), out, &len));
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		mk_cancel(kinds[i]);
	mk_destroy(key);
}
END_TEST

START_TEST(single_part_after_update_is_refused_and_ends)
{
	CK_OBJECT_HANDLE key = aes();
	uint8_t out[128];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = mechanism_of(kinds[i]);
		CK_ULONG len = sizeof(out);

		OK(mk_init(kinds[i], &m, key));
		OK(mk_update(kinds[i], VIEW(text, 16), out, &len));
		len = 16;
		IS(any_single(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_ACTIVE);
		IS(any_single(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(bad_arguments_end_the_operation)
{
	CK_OBJECT_HANDLE key = aes();
	uint8_t out[128];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = mechanism_of(kinds[i]);
		CK_ULONG len = 16;

		OK(mk_init(kinds[i], &m, key));
		IS(any_single(kinds[i], VIEW(NULL, 16), out, &len), CKR_ARGUMENTS_BAD);
		IS(any_single(kinds[i], VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
		OK(mk_init(kinds[i], &m, key));
		if (kinds[i] == CKF_VERIFY)
			IS(ck->C_Verify(mk_session, text, 16, NULL, 16), CKR_ARGUMENTS_BAD);
		else
			IS(mk_single(kinds[i], VIEW(text, 16), out, NULL), CKR_ARGUMENTS_BAD);
		OK(mk_init(kinds[i], &m, key));
		IS(mk_update(kinds[i], VIEW(NULL, 1), out, &len), CKR_ARGUMENTS_BAD);
		len = 16;
		IS(mk_update(kinds[i], VIEW(text, 1), out, &len), CKR_OPERATION_NOT_INITIALIZED);
		OK(mk_init(kinds[i], &m, key));
		if (kinds[i] == CKF_VERIFY)
			IS(ck->C_VerifyFinal(mk_session, NULL, 16), CKR_ARGUMENTS_BAD);
		else
			IS(mk_final(kinds[i], out, NULL), CKR_ARGUMENTS_BAD);
		IS(mk_init(kinds[i], NULL, 0), CKR_ARGUMENTS_BAD);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(bad_session_changes_nothing)
{
	CK_OBJECT_HANDLE key = aes();
	CK_SESSION_HANDLE good = mk_session;
	uint8_t out[128];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = mechanism_of(kinds[i]);
		CK_ULONG len = 16;

		OK(mk_init(kinds[i], &m, key));
		mk_session = good + 1000;
		IS(mk_init(kinds[i], &m, key), CKR_SESSION_HANDLE_INVALID);
		IS(any_single(kinds[i], VIEW(text, 16), out, &len), CKR_SESSION_HANDLE_INVALID);
		mk_session = good;
		len = sizeof(out);
		OK(mk_update(kinds[i], VIEW(text, 16), out, &len));
		mk_cancel(kinds[i]);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(session_cancel_ends_what_is_named)
{
	CK_RV(*cancel)
	(CK_SESSION_HANDLE, CK_FLAGS) = (CK_RV(*)(CK_SESSION_HANDLE, CK_FLAGS))(uintptr_t)mk_symbol("C_SessionCancel");
	CK_MECHANISM m = mechanism_of(CKF_SIGN), d = mechanism_of(CKF_DIGEST);
	CK_OBJECT_HANDLE key = aes();
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	ck_assert(cancel != NULL);
	OK(mk_init(CKF_SIGN, &m, key));
	OK(mk_init(CKF_DIGEST, &d, 0));
	OK(cancel(mk_session, CKF_SIGN | CKF_ENCRYPT));
	IS(mk_single(CKF_SIGN, VIEW(text, 5), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(mk_single(CKF_DIGEST, VIEW(text, 5), out, &len));
	IS(cancel(mk_session + 1000, CKF_SIGN), CKR_SESSION_HANDLE_INVALID);
	mk_destroy(key);
}
END_TEST

START_TEST(sign_short_buffer_keeps_operation)
{
	CK_OBJECT_HANDLE key = aes();
	uint8_t a[16], b[16];
	CK_ULONG len;

	for (unsigned multi = 0; multi < 2; multi++) {
		CK_MECHANISM m = mechanism_of(CKF_SIGN);

		OK(mk_init(CKF_SIGN, &m, key));
		len = sizeof(a);
		OK(mk_single(CKF_SIGN, VIEW(text, 40), a, &len));
		OK(mk_init(CKF_SIGN, &m, key));
		if (multi)
			OK(mk_update(CKF_SIGN, VIEW(text, 40), b, &len));
		for (CK_ULONG room = 0; room < 16; room++) {
			len = room;
			IS(multi ? mk_final(CKF_SIGN, b, &len) : mk_single(CKF_SIGN, VIEW(text, 40), b, &len),
			   CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(len, 16);
		}
		OK(multi ? mk_final(CKF_SIGN, b, &len) : mk_single(CKF_SIGN, VIEW(text, 40), b, &len));
		ck_assert(memcmp(a, b, 16) == 0);
	}
	mk_destroy(key);
}
END_TEST

/* A padded plaintext fits a buffer of its own length, though the length query answers an upper bound. */
START_TEST(decrypt_needs_no_more_than_the_plaintext)
{
	CK_OBJECT_HANDLE key = aes();
	CK_MECHANISM m = mechanism_of(CKF_ENCRYPT);
	uint8_t sealed[96], plain[96];

	for (CK_ULONG n = 0; n <= sizeof(text); n++) {
		CK_ULONG sealed_len = sizeof(sealed), len;

		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, n), sealed, &sealed_len));
		OK(mk_init(CKF_DECRYPT, &m, key));
		for (len = 0; len < n;) {
			CK_ULONG room = len++;

			IS(mk_single(CKF_DECRYPT, VIEW(sealed, sealed_len), plain, &room), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(room, n);
		}
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, sealed_len), plain, &len));
		ck_assert(len == n && memcmp(plain, text, n) == 0);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(update_short_buffer_keeps_operation)
{
	CK_OBJECT_HANDLE key = aes();
	CK_MECHANISM m = mechanism_of(CKF_ENCRYPT);
	uint8_t whole[96], parts[96];
	CK_ULONG whole_len = sizeof(whole), len, got = 0;

	OK(mk_init(CKF_ENCRYPT, &m, key));
	OK(mk_single(CKF_ENCRYPT, VIEW(text, 60), whole, &whole_len));
	OK(mk_init(CKF_ENCRYPT, &m, key));
	for (size_t at = 0; at < 60; at += 20) {
		CK_ULONG need = 0;

		OK(mk_update(CKF_ENCRYPT, VIEW(text + at, 20), NULL, &need));
		if (need > 0) {
			len = need - 1;
			IS(mk_update(CKF_ENCRYPT, VIEW(text + at, 20), parts + got, &len), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(len, need);
		}
		len = need;
		OK(mk_update(CKF_ENCRYPT, VIEW(text + at, 20), parts + got, &len));
		got += len;
	}
	len = sizeof(parts) - got;
	OK(mk_final(CKF_ENCRYPT, parts + got, &len));
	ck_assert(got + len == whole_len && memcmp(parts, whole, whole_len) == 0);
	mk_destroy(key);
}
END_TEST

START_TEST(wrong_lengths_of_blocks_are_refused)
{
	CK_OBJECT_HANDLE key = aes();
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, pad = mechanism_of(CKF_DECRYPT);
	uint8_t out[96];
	CK_ULONG len = sizeof(out);

	OK(mk_init(CKF_ENCRYPT, &ecb, key));
	IS(mk_single(CKF_ENCRYPT, VIEW(text, 17), out, &len), CKR_DATA_LEN_RANGE);
	OK(mk_init(CKF_DECRYPT, &ecb, key));
	len = sizeof(out);
	IS(mk_single(CKF_DECRYPT, VIEW(text, 15), out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	for (size_t n = 0; n < 33; n++) {
		if (n == 16 || n == 32)
			continue;
		len = sizeof(out);
		OK(mk_init(CKF_DECRYPT, &pad, key));
		IS(mk_single(CKF_DECRYPT, VIEW(text, n), out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	}
	len = sizeof(out);
	OK(mk_init(CKF_ENCRYPT, &ecb, key));
	OK(mk_update(CKF_ENCRYPT, VIEW(text, 17), out, &len));
	ck_assert_uint_eq(len, 16);
	IS(mk_final(CKF_ENCRYPT, out, &len), CKR_DATA_LEN_RANGE);
	mk_destroy(key);
}
END_TEST

/* All 256 values of the last byte, all wrong paddings: one code. */
START_TEST(wrong_padding_is_one_error)
{
	CK_OBJECT_HANDLE key = aes();
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 }, pad = mechanism_of(CKF_DECRYPT);
	uint8_t block[32], sealed[32], out[32];
	unsigned good = 0;

	for (unsigned last = 0; last < 256; last++) {
		CK_ULONG len = 32;
		CK_RV rv;

		memset(block, 0x41, sizeof(block));
		block[31] = (uint8_t)last;
		OK(mk_init(CKF_ENCRYPT, &cbc, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(block, 32), sealed, &len));
		OK(mk_init(CKF_DECRYPT, &pad, key));
		len = 32;
		rv = mk_single(CKF_DECRYPT, VIEW(sealed, 32), out, &len);
		good += rv == CKR_OK;
		ck_assert(rv == (last == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID));
	}
	ck_assert_uint_eq(good, 1);
	mk_destroy(key);
}
END_TEST

START_TEST(counter_does_not_run_over)
{
	CK_OBJECT_HANDLE key = aes();
	CK_AES_CTR_PARAMS p = { .counter_bits = 8 };
	CK_MECHANISM m = { CKM_AES_CTR, &p, sizeof(p) };
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	p.cb[15] = 0xfe; /* two blocks left */
	OK(mk_init(CKF_ENCRYPT, &m, key));
	IS(mk_single(CKF_ENCRYPT, VIEW(text, 33), out, &len), CKR_DATA_LEN_RANGE);
	OK(mk_init(CKF_ENCRYPT, &m, key));
	len = sizeof(out);
	OK(mk_update(CKF_ENCRYPT, VIEW(text, 20), out, &len));
	len = sizeof(out);
	OK(mk_update(CKF_ENCRYPT, VIEW(text, 12), out, &len));
	len = sizeof(out);
	IS(mk_update(CKF_ENCRYPT, VIEW(text, 1), out, &len), CKR_DATA_LEN_RANGE);
	IS(mk_update(CKF_ENCRYPT, VIEW(text, 1), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(key);
}
END_TEST

START_TEST(mac_of_another_key_or_text_is_refused)
{
	CK_OBJECT_HANDLE a = aes(), b = mk_secret(CKK_AES, VIEW(text + 1, 16), MK_ALL_USES);
	CK_MECHANISM m = mechanism_of(CKF_SIGN);
	uint8_t tag[16];
	CK_ULONG len = sizeof(tag);

	OK(mk_init(CKF_SIGN, &m, a));
	OK(mk_single(CKF_SIGN, VIEW(text, 40), tag, &len));
	OK(mk_init(CKF_VERIFY, &m, a));
	OK(ck->C_Verify(mk_session, text, 40, tag, 16));
	OK(mk_init(CKF_VERIFY, &m, b));
	IS(ck->C_Verify(mk_session, text, 40, tag, 16), CKR_SIGNATURE_INVALID);
	OK(mk_init(CKF_VERIFY, &m, a));
	IS(ck->C_Verify(mk_session, text, 41, tag, 16), CKR_SIGNATURE_INVALID);
	IS(ck->C_Verify(mk_session, text, 40, tag, 16), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(a);
	mk_destroy(b);
}
END_TEST

START_TEST(digest_key_takes_only_what_may_leave)
{
	CK_OBJECT_HANDLE key = aes(), kept = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_EXTRACTABLE, &no, 1 },
			     { CKA_VALUE, text, 16 } };
	CK_MECHANISM m = mechanism_of(CKF_DIGEST);
	uint8_t a[32], b[32];
	CK_ULONG len = 32;

	OK(mk_init(CKF_DIGEST, &m, 0));
	OK(mk_single(CKF_DIGEST, VIEW(text, 16), a, &len));
	OK(mk_init(CKF_DIGEST, &m, 0));
	OK(ck->C_DigestKey(mk_session, key));
	OK(mk_final(CKF_DIGEST, b, &len));
	ck_assert(memcmp(a, b, 32) == 0);
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &kept));
	OK(mk_init(CKF_DIGEST, &m, 0));
	IS(ck->C_DigestKey(mk_session, kept), CKR_KEY_INDIGESTIBLE);
	OK(mk_init(CKF_DIGEST, &m, 0));
	IS(ck->C_DigestKey(mk_session, 987654), CKR_KEY_HANDLE_INVALID);
	mk_destroy(key);
	mk_destroy(kept);
}
END_TEST

/* The key is used up at init: destroying it, or closing the session, ends nothing badly. */
START_TEST(key_destroyed_in_the_middle)
{
	CK_SESSION_HANDLE first = mk_session;
	CK_OBJECT_HANDLE key;
	CK_MECHANISM m = mechanism_of(CKF_SIGN);
	uint8_t tag[16];
	CK_ULONG len = sizeof(tag);

	key = aes();
	OK(mk_init(CKF_SIGN, &m, key));
	mk_destroy(key);
	OK(mk_single(CKF_SIGN, VIEW(text, 40), tag, &len));
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION, NULL, NULL, &mk_session));
	key = aes();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		m = mechanism_of(kinds[i]);
		OK(mk_init(kinds[i], &m, key));
	}
	OK(ck->C_CloseSession(mk_session));
	mk_session = first;
}
END_TEST

START_TEST(logout_ends_operations_with_private_keys)
{
	CK_OBJECT_HANDLE key = aes();
	CK_MECHANISM m = mechanism_of(CKF_SIGN);
	uint8_t tag[16];
	CK_ULONG len = sizeof(tag);

	OK(mk_init(CKF_SIGN, &m, key));
	OK(ck->C_Logout(mk_session));
	IS(mk_single(CKF_SIGN, VIEW(text, 40), tag, &len), CKR_OPERATION_NOT_INITIALIZED);
	IS(mk_init(CKF_SIGN, &m, key), CKR_KEY_HANDLE_INVALID);
	OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
}
END_TEST

START_TEST(random_is_random)
{
	uint8_t a[4096] = { 0 }, b[64] = { 0 };
	unsigned seen[256] = { 0 };

	OK(ck->C_GenerateRandom(mk_session, a, sizeof(a)));
	OK(ck->C_SeedRandom(mk_session, text, sizeof(text)));
	OK(ck->C_GenerateRandom(mk_session, b, sizeof(b)));
	ck_assert(memcmp(a, b, sizeof(b)) != 0);
	for (size_t i = 0; i < sizeof(a); i++)
		seen[a[i]]++;
	for (size_t i = 0; i < 256; i++)
		ck_assert_uint_lt(seen[i], 64);
	OK(ck->C_GenerateRandom(mk_session, a, 0));
	IS(ck->C_GenerateRandom(mk_session, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(ck->C_SeedRandom(mk_session, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(ck->C_GenerateRandom(mk_session + 1000, a, 1), CKR_SESSION_HANDLE_INVALID);
	IS(ck->C_SeedRandom(mk_session + 1000, a, 1), CKR_SESSION_HANDLE_INVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("operations");
	TCase *c = tcase_create("operations");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, nothing_works_without_init);
	tcase_add_test(c, second_init_is_refused_and_keeps_the_first);
	tcase_add_test(c, operations_of_different_kinds_live_side_by_side);
	tcase_add_test(c, single_part_after_update_is_refused_and_ends);
	tcase_add_test(c, bad_arguments_end_the_operation);
	tcase_add_test(c, bad_session_changes_nothing);
	tcase_add_test(c, session_cancel_ends_what_is_named);
	tcase_add_test(c, sign_short_buffer_keeps_operation);
	tcase_add_test(c, decrypt_needs_no_more_than_the_plaintext);
	tcase_add_test(c, update_short_buffer_keeps_operation);
	tcase_add_test(c, wrong_lengths_of_blocks_are_refused);
	tcase_add_test(c, wrong_padding_is_one_error);
	tcase_add_test(c, counter_does_not_run_over);
	tcase_add_test(c, mac_of_another_key_or_text_is_refused);
	tcase_add_test(c, digest_key_takes_only_what_may_leave);
	tcase_add_test(c, key_destroyed_in_the_middle);
	tcase_add_test(c, random_is_random);
	tcase_add_test(c, logout_ends_operations_with_private_keys);
	suite_add_tcase(s, c);
	return mk_main(s);
}
