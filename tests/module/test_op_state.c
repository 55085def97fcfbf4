/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GetOperationState and C_SetOperationState. */
#include "mech_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_MAX 70000

static uint8_t text[96];
static const uint8_t key_bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static uint8_t state[STATE_MAX];
static CK_ULONG state_len;
static CK_MECHANISM sha = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };

static void start(void)
{
	mk_begin();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13 + 5);
}

static CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE h = 0;

	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &h));
	return h;
}

static void save(void)
{
	CK_ULONG need = 0;

	OK(ck->C_GetOperationState(mk_session, NULL, &need));
	state_len = need - 1;
	IS(ck->C_GetOperationState(mk_session, state, &state_len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(state_len, need);
	OK(ck->C_GetOperationState(mk_session, state, &state_len));
	ck_assert_uint_eq(state_len, need);
}

/* What the specification shows: save, go on, come back, go on otherwise. */
START_TEST(digest_goes_on_from_where_it_was_saved)
{
	CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
	uint8_t want[32], got[32];
	CK_ULONG len = 32;

	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_Digest(mk_session, text, 60, want, &len));
	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_DigestUpdate(mk_session, text, 33));
	save();
	OK(ck->C_DigestUpdate(mk_session, text, 5));
	OK(ck->C_SetOperationState(mk_session, state, state_len, 0, 0));
	OK(ck->C_DigestUpdate(mk_session, text + 33, 27));
	OK(ck->C_DigestFinal(mk_session, got, &len));
	ck_assert_mem_eq(got, want, 32);
	/* In another session, more than once. */
	for (int i = 0; i < 2; i++) {
		OK(ck->C_SetOperationState(other, state, state_len, 0, 0));
		OK(ck->C_DigestUpdate(other, text + 33, 27));
		OK(ck->C_DigestFinal(other, got, &len));
		ck_assert_mem_eq(got, want, 32);
	}
	OK(ck->C_CloseSession(other));
}
END_TEST

/* finish: the rest of the message into out; the same whether the operation was restored or not. */
static CK_ULONG finish(CK_FLAGS use, uint8_t out[1024])
{
	CK_ULONG len = 1024, more;

	OK(mk_update(use, VIEW(text + 48, 48), out, &len));
	if (use != CKF_ENCRYPT && use != CKF_DECRYPT)
		len = 0;
	more = 1024 - len;
	OK(mk_final(use, out + len, &more));
	return len + more;
}

/* Every row, in every use: it can be saved and then gives the same result, or says that it cannot. */
START_TEST(every_mechanism_is_saved_or_says_that_it_cannot)
{
	static const CK_FLAGS kinds[] = { CKF_DIGEST, CKF_SIGN, CKF_ENCRYPT };
	unsigned saved = 0, unsaveable = 0;

	for (size_t i = 0; i < mech_count() * ARRAY_LEN(kinds); i++) {
		const struct mech_row *row = mech_at(i / ARRAY_LEN(kinds));
		CK_FLAGS use = kinds[i % ARRAY_LEN(kinds)];
		uint8_t out[1024], want[1024];
		CK_ULONG len = sizeof(out), n, need = 0;
		CK_OBJECT_HANDLE key = 0;
		union mk_param param;
		CK_MECHANISM m;
		bool random = strstr(row->name, "PSS") != NULL || strstr(row->name, "DSA") != NULL ||
			      strstr(row->name, "SM2") != NULL;
		CK_RV rv;

		if (!(row->flags & use) || (row->type & CKM_VENDOR_DEFINED) || (row->traits & MECH_NO_UPDATE))
			continue;
		m = mk_good(row, &param);
		if (use != CKF_DIGEST)
			key = mk_key_for(row, use);
		if (mk_init(use, &m, key) != CKR_OK)
			continue; /* a parameter that this test does not know */
		if (mk_update(use, VIEW(text, 48), out, &len) != CKR_OK)
			continue;
		rv = ck->C_GetOperationState(mk_session, NULL, &need);
		if (rv == CKR_STATE_UNSAVEABLE) {
			ck_assert_msg(!row->param->flat && m.ulParameterLen > 0, "%s", row->name);
			unsaveable++;
			mk_cancel(use);
			continue;
		}
		ck_assert_msg(rv == CKR_OK, "%s: %lx", row->name, rv);
		save();
		n = finish(use, want);
		OK(ck->C_SetOperationState(mk_session, state, state_len, use == CKF_ENCRYPT ? key : 0,
					   use == CKF_SIGN ? key : 0));
		len = finish(use, out);
		ck_assert_msg(len == n && (random || memcmp(out, want, n) == 0), "%s", row->name);
		saved++;
		if (key != 0)
			mk_destroy(key);
	}
	printf("%u saved, %u not\n", saved, unsaveable);
	ck_assert_uint_gt(saved, 20);
	ck_assert_uint_gt(unsaveable, 0);
}
END_TEST

START_TEST(two_operations_are_saved_together)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	CK_OBJECT_HANDLE mac = mk_secret(CKK_GENERIC_SECRET, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t iv[16] = { 5 }, a[128], b[128], tag_a[32], tag_b[32];
	CK_MECHANISM cbc = { CKM_AES_CBC_PAD, iv, 16 };
	CK_ULONG len = sizeof(a), more, n;

	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	OK(ck->C_SignInit(mk_session, &hmac, mac));
	OK(ck->C_SignEncryptUpdate(mk_session, text, 37, a, &len));
	memcpy(b, a, len);
	n = len;
	save();
	for (int i = 0; i < 2; i++) {
		uint8_t *out = i == 0 ? a : b, *tag = i == 0 ? tag_a : tag_b;

		if (i == 1)
			OK(ck->C_SetOperationState(mk_session, state, state_len, key, mac));
		len = sizeof(a) - n;
		OK(ck->C_SignEncryptUpdate(mk_session, text + 37, 30, out + n, &len));
		more = sizeof(a) - n - len;
		OK(ck->C_EncryptFinal(mk_session, out + n + len, &more));
		len = sizeof(tag_a);
		OK(ck->C_SignFinal(mk_session, tag, &len));
	}
	ck_assert_mem_eq(a, b, 80);
	ck_assert_mem_eq(tag_a, tag_b, 32);

	IS(ck->C_SetOperationState(mk_session, state, state_len, key, 0), CKR_KEY_NEEDED);
	IS(ck->C_SetOperationState(mk_session, state, state_len, 0, mac), CKR_KEY_NEEDED);
	IS(ck->C_SetOperationState(mk_session, state, state_len, mac, key), CKR_KEY_CHANGED);
	IS(ck->C_SetOperationState(mk_session, state, state_len, 4711, mac), CKR_KEY_HANDLE_INVALID);
	OK(ck->C_DigestInit(mk_session, &sha));
	save();
	IS(ck->C_SetOperationState(mk_session, state, state_len, key, 0), CKR_KEY_NOT_NEEDED);
	IS(ck->C_SetOperationState(mk_session, state, state_len, 0, mac), CKR_KEY_NOT_NEEDED);
	/* What was refused changed nothing. */
	len = sizeof(a);
	OK(ck->C_DigestFinal(mk_session, a, &len));
	mk_destroy(key);
	mk_destroy(mac);
}
END_TEST

START_TEST(altered_state_is_invalid)
{
	CK_OBJECT_HANDLE o;
	CK_ULONG n, len = sizeof(state);
	uint8_t out[32];

	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_DigestUpdate(mk_session, text, 33));
	save();
	for (size_t i = 0; i < state_len; i++) {
		state[i] ^= 0x40;
		IS(ck->C_SetOperationState(mk_session, state, state_len, 0, 0), CKR_SAVED_STATE_INVALID);
		state[i] ^= 0x40;
	}
	for (CK_ULONG cut = 0; cut < state_len; cut++)
		IS(ck->C_SetOperationState(mk_session, state, cut, 0, 0), CKR_SAVED_STATE_INVALID);
	IS(ck->C_SetOperationState(mk_session, state, state_len + 1, 0, 0), CKR_SAVED_STATE_INVALID);
	IS(ck->C_SetOperationState(mk_session, state, (CK_ULONG)1 << 40, 0, 0), CKR_SAVED_STATE_INVALID);
	IS(ck->C_SetOperationState(mk_session, state, ~0UL, 0, 0), CKR_ARGUMENTS_BAD);
	IS(ck->C_SetOperationState(mk_session, NULL, state_len, 0, 0), CKR_ARGUMENTS_BAD);
	IS(ck->C_GetOperationState(mk_session, state, NULL), CKR_ARGUMENTS_BAD);
	OK(ck->C_DigestFinal(mk_session, out, &(CK_ULONG){ 32 }));
	/* Searches are no operations to be saved, but end when a state is restored. */
	OK(ck->C_FindObjectsInit(mk_session, NULL, 0));
	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_SetOperationState(mk_session, state, state_len, 0, 0));
	IS(ck->C_FindObjects(mk_session, &o, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_DigestFinal(mk_session, out, &(CK_ULONG){ 32 }));
}
END_TEST

START_TEST(state_belongs_to_user_and_session_state)
{
	CK_SESSION_HANDLE read_only = open_session(0);

	OK(ck->C_DigestInit(mk_session, &sha));
	save();
	IS(ck->C_SetOperationState(read_only, state, state_len, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(ck->C_Logout(mk_session));
	IS(ck->C_SetOperationState(mk_session, state, state_len, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(ck->C_CloseSession(read_only));
	OK(ck->C_Login(mk_session, CKU_SO, (CK_UTF8CHAR_PTR) "12345678", 8));
	IS(ck->C_SetOperationState(mk_session, state, state_len, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(ck->C_Logout(mk_session));
	OK(ck->C_DigestInit(mk_session, &sha)); /* nobody logged in */
	save();
	OK(ck->C_SetOperationState(mk_session, state, state_len, 0, 0));
	OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
	IS(ck->C_SetOperationState(mk_session, state, state_len, 0, 0), CKR_SAVED_STATE_INVALID);
	mk_cancel(CKF_DIGEST);
}
END_TEST

START_TEST(what_cannot_be_saved_says_so)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	CK_OBJECT_HANDLE other = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	CK_GCM_PARAMS gcm = { text, 12, 96, NULL, 0, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &gcm, sizeof(gcm) }, ecb = { CKM_AES_ECB, NULL, 0 };
	CK_ULONG len = STATE_MAX;
	uint8_t *big = calloc(1, 65536);

	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_EncryptInit(mk_session, &m, key));
	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_STATE_UNSAVEABLE);
	/* Nor beside one that could be saved. */
	OK(ck->C_DigestInit(mk_session, &sha));
	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_STATE_UNSAVEABLE);
	mk_cancel(CKF_ENCRYPT);
	OK(ck->C_GetOperationState(mk_session, state, &len));
	/* A digested key never leaves with a state. */
	OK(ck->C_DigestKey(mk_session, key));
	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_STATE_UNSAVEABLE);
	mk_cancel(CKF_DIGEST);
	/* 64 KiB of input are kept. */
	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_DigestUpdate(mk_session, big, 65535));
	OK(ck->C_DigestUpdate(mk_session, big, 1));
	save();
	OK(ck->C_DigestUpdate(mk_session, big, 1));
	IS(ck->C_GetOperationState(mk_session, state, &state_len), CKR_STATE_UNSAVEABLE);
	mk_cancel(CKF_DIGEST);
	/* C_SetOperationState takes one key for both. */
	OK(ck->C_EncryptInit(mk_session, &ecb, key));
	OK(ck->C_DecryptInit(mk_session, &ecb, other));
	IS(ck->C_GetOperationState(mk_session, state, &len), CKR_STATE_UNSAVEABLE);
	mk_cancel(CKF_DECRYPT);
	OK(ck->C_DecryptInit(mk_session, &ecb, key));
	len = STATE_MAX;
	OK(ck->C_GetOperationState(mk_session, state, &len));
	mk_cancel(CKF_ENCRYPT);
	mk_cancel(CKF_DECRYPT);
	OK(ck->C_SetOperationState(mk_session, state, len, key, 0));
	mk_cancel(CKF_ENCRYPT);
	mk_cancel(CKF_DECRYPT);
	free(big);
	mk_destroy(key);
	mk_destroy(other);
}
END_TEST

/* in_child: a MAC begun by the parent is ended here, under the same token key. */
static int in_child(struct view label, const uint8_t want[32])
{
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label.p, label.n } };
	CK_SESSION_HANDLE s;
	CK_SLOT_ID slots[4];
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG n = 4;
	uint8_t tag[32];

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK ||
	    ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
		return 1;
	if (ck->C_SetOperationState(s, state, state_len, 0, 0) != CKR_SAVED_STATE_INVALID)
		return 2;
	if (ck->C_Login(s, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8) != CKR_OK ||
	    ck->C_FindObjectsInit(s, t, 1) != CKR_OK || ck->C_FindObjects(s, &key, 1, &n) != CKR_OK || n != 1 ||
	    ck->C_FindObjectsFinal(s) != CKR_OK)
		return 3;
	if (ck->C_SetOperationState(s, state, state_len, 0, 0) != CKR_KEY_NEEDED ||
	    ck->C_SetOperationState(s, state, state_len, 0, key) != CKR_OK)
		return 4;
	n = sizeof(tag);
	if (ck->C_SignUpdate(s, text + 33, 27) != CKR_OK || ck->C_SignFinal(s, tag, &n) != CKR_OK ||
	    memcmp(tag, want, 32) != 0)
		return 5;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

START_TEST(the_same_user_may_go_on_in_another_process)
{
	CK_MECHANISM generate = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG length = 32, len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_LABEL, (void *)(uintptr_t) "state", 5 } };
	CK_OBJECT_HANDLE key;
	uint8_t want[32];
	int status = -1;
	pid_t pid;

	OK(ck->C_GenerateKey(mk_session, &generate, t, ARRAY_LEN(t), &key));
	OK(ck->C_SignInit(mk_session, &hmac, key));
	OK(ck->C_SignUpdate(mk_session, text, 33));
	save();
	OK(ck->C_SignUpdate(mk_session, text + 33, 27));
	OK(ck->C_SignFinal(mk_session, want, &len));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(in_child(VIEW("state", 5), want));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("operation state");
	TCase *c = tcase_create("operation state");

	tcase_set_timeout(c, 100);
	tcase_add_unchecked_fixture(c, start, mk_end);
	tcase_add_test(c, digest_goes_on_from_where_it_was_saved);
	tcase_add_test(c, every_mechanism_is_saved_or_says_that_it_cannot);
	tcase_add_test(c, two_operations_are_saved_together);
	tcase_add_test(c, altered_state_is_invalid);
	tcase_add_test(c, state_belongs_to_user_and_session_state);
	tcase_add_test(c, what_cannot_be_saved_says_so);
	tcase_add_test(c, the_same_user_may_go_on_in_another_process);
	suite_add_tcase(s, c);
	return mk_main(s);
}
