/* SPDX-License-Identifier: BSD-2-Clause */
/* SR_RotateTokenKey: a fresh token key, while everybody goes on. */
#include "vendor_kit.h"
#include "vendor_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "raw_kit.h"

static const struct sr_function_list *sr;
static char serial[17];

static CK_OBJECT_CLASS data_class = CKO_DATA;
static CK_BBOOL yes = CK_TRUE;

static void find_functions(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	sr = found->pFunctionList;
}

static void begin(void)
{
	CK_TOKEN_INFO info;

	kit_begin();
	find_functions();
	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	memcpy(serial, info.serialNumber, 16);
}

static void end(void)
{
	ck->C_Finalize(NULL);
	ck_test_unload();
}

/* open_token: in a fresh module: the token of the fixture, ck_session. */
static void open_token(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.serialNumber, serial, 16) == 0)
			ck_slot = slots[i];
	ck_session = ck_open(true);
}

static void reopen(void)
{
	ck_ok(ck->C_Finalize(NULL));
	open_token();
}

static CK_RV new_data(const char *label, const char *value, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data_class, sizeof(data_class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &yes, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_VALUE, (void *)(uintptr_t)value, strlen(value) } };

	return ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), ret);
}

static bool has_value(CK_OBJECT_HANDLE h, const char *value)
{
	char got[64] = { 0 };
	CK_ATTRIBUTE a = { CKA_VALUE, got, sizeof(got) - 1 };

	return ck->C_GetAttributeValue(ck_session, h, &a, 1) == CKR_OK && strcmp(got, value) == 0;
}

#define SOME 12

/* make_some: data objects, a combined PK and a key that decided. */
static void make_some(void)
{
	struct kit_wish pk = { "PK", CKK_AES, 32 };
	CK_OBJECT_HANDLE h;

	kit_combined(&pk, 1);
	kit_login(KIT_USER);
	for (unsigned i = 0; i < SOME; i++) {
		char label[16], value[16];

		snprintf(label, sizeof(label), "data %u", i);
		snprintf(value, sizeof(value), "value %u", i);
		ck_ok(new_data(label, value, &h));
	}
	ck_logout();
}

static void some_are_there(void)
{
	CK_OBJECT_HANDLE h = 0;
	uint8_t check[3];

	kit_login(KIT_USER);
	for (unsigned i = 0; i < SOME; i++) {
		char label[16], value[16];

		snprintf(label, sizeof(label), "data %u", i);
		snprintf(value, sizeof(value), "value %u", i);
		ck_assert_msg(kit_find(CKO_DATA, label, &h) == 1, "%s", label);
		ck_assert(has_value(h, value));
	}
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK", &h), 1);
	ck_ok(kit_check_value(h, check));
	ck_logout();
}

/* rotate: to the end, as the SO; answers the generation. */
static CK_ULONG rotate(CK_ULONG batch)
{
	CK_ULONG generation = 0, done = 0, left = 1, before = SIZE_MAX;

	ck_login(CKU_SO);
	while (left > 0) {
		ck_ok(sr->SR_RotateTokenKey(ck_session, batch, &generation, &done, &left));
		ck_assert_uint_le(done, batch);
		ck_assert_uint_le(left, before);
		before = left;
	}
	ck_logout();
	return generation;
}

START_TEST(only_the_so_rotates_and_asking_changes_nothing)
{
	CK_ULONG generation = 9, done = 9, left = 9;
	CK_SESSION_HANDLE bad = ck_session + 1000;

	ck_rv(sr->SR_RotateTokenKey(ck_session, 0, &generation, &done, &left), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_USER);
	ck_rv(sr->SR_RotateTokenKey(ck_session, 1, &generation, &done, &left), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_ALICE);
	ck_rv(sr->SR_RotateTokenKey(ck_session, 1, &generation, &done, &left), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_SO);
	ck_rv(sr->SR_RotateTokenKey(bad, 1, &generation, &done, &left), CKR_SESSION_HANDLE_INVALID);
	ck_rv(sr->SR_RotateTokenKey(ck_session, 1, NULL, &done, &left), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RotateTokenKey(ck_session, 1, &generation, NULL, &left), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RotateTokenKey(ck_session, 1, &generation, &done, NULL), CKR_ARGUMENTS_BAD);
	ck_assert(generation == 9 && done == 9 && left == 9);
	for (int i = 0; i < 2; i++) {
		ck_ok(sr->SR_RotateTokenKey(ck_session, 0, &generation, &done, &left));
		ck_assert(generation == 1 && done == 0 && left == 0);
	}
}
END_TEST

START_TEST(everything_opens_during_a_rotation_and_after_it)
{
	CK_ULONG generation = 0, done = 0, left = 0;
	uint8_t state[512], digest[32], right[32];
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
	CK_ULONG state_len = sizeof(state), n = 32;

	make_some();
	ck_policy("short-rsa");
	kit_login(KIT_USER);
	ck_ok(ck->C_DigestInit(ck_session, &sha));
	ck_ok(ck->C_Digest(ck_session, (CK_BYTE_PTR) "abcdef", 6, right, &n));
	ck_ok(ck->C_DigestInit(ck_session, &sha));
	ck_ok(ck->C_DigestUpdate(ck_session, (CK_BYTE_PTR) "abc", 3));
	ck_ok(ck->C_GetOperationState(ck_session, state, &state_len));
	ck_login(CKU_SO);
	ck_ok(sr->SR_RotateTokenKey(ck_session, 5, &generation, &done, &left));
	ck_assert(generation == 2 && done == 5 && left >= SOME + 1 - 5);
	reopen();
	some_are_there();
	ck_login(CKU_SO);
	ck_ok(sr->SR_RotateTokenKey(ck_session, 0, &generation, &done, &left));
	ck_assert(generation == 2 && done == 0 && left >= SOME + 1 - 5);
	ck_assert_uint_eq(rotate(5), 2);
	some_are_there();
	reopen();
	some_are_there();
	ck_assert_uint_eq(rotate(1000), 3);
	some_are_there();
	/* What was saved before goes on, and the policy is still proved. */
	kit_login(KIT_USER);
	ck_ok(ck->C_SetOperationState(ck_session, state, state_len, 0, 0));
	ck_ok(ck->C_DigestUpdate(ck_session, (CK_BYTE_PTR) "def", 3));
	ck_ok(ck->C_DigestFinal(ck_session, digest, &n));
	ck_assert_mem_eq(digest, right, 32);
	{
		CK_OBJECT_CLASS class = CKO_SR_POLICY;
		CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
		char text[256] = { 0 };
		CK_ATTRIBUTE a = { CKA_SR_POLICY_IN_FORCE, text, sizeof(text) - 1 };
		CK_OBJECT_HANDLE h = 0;

		ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
		ck_ok(ck->C_GetAttributeValue(ck_session, h, &a, 1));
		ck_assert_str_eq(text, "short-rsa");
	}
	kit_login(KIT_ALICE);
	kit_login(KIT_BOB);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("dora:first-pin")));
	kit_login("dora:first-pin");
}
END_TEST

/* decided: may a key of this value, which may do everything, still wrap? */
static CK_RV wraps(unsigned seed)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	uint8_t value[32], out[64];
	CK_OBJECT_HANDLE key, cargo;
	CK_ULONG n = sizeof(out);
	CK_RV rv;

	kit_pattern(value, sizeof(value), seed);
	key = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
	cargo = kit_plain_key(CKK_AES, 16);
	rv = ck->C_WrapKey(ck_session, &m, key, cargo, out, &n);
	ck_ok(ck->C_DestroyObject(ck_session, key));
	ck_ok(ck->C_DestroyObject(ck_session, cargo));
	return rv;
}

START_TEST(what_keys_decided_outlives_a_rotation)
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };

	ck_policy("untrusted-wrap");
	kit_login(KIT_USER);
	for (unsigned seed = 1; seed <= 7; seed++) {
		uint8_t value[32], block[16] = { 0 };
		CK_OBJECT_HANDLE h;
		CK_ULONG n = 16;

		kit_pattern(value, sizeof(value), seed);
		h = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
		ck_ok(ck->C_SetAttributeValue(ck_session, h, &(CK_ATTRIBUTE){ CKA_SENSITIVE, &yes, 1 }, 1));
		ck_ok(ck->C_DecryptInit(ck_session, &m, h));
		ck_ok(ck->C_Decrypt(ck_session, block, 16, block, &n));
		ck_ok(ck->C_DestroyObject(ck_session, h));
		ck_rv(wraps(seed), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
	ck_assert_uint_eq(rotate(2), 2);
	reopen();
	kit_login(KIT_USER);
	for (unsigned seed = 1; seed <= 7; seed++)
		ck_rv(wraps(seed), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(wraps(99));
}
END_TEST

/* works: another process, which has logged in before: makes, finds, reads, uses until it is told to end. */
static int works(int ready, int stop)
{
	CK_OBJECT_HANDLE pk = 0, h = 0;
	unsigned made = 0;
	char c = 'r';

	alarm(200);
	open_token();
	kit_login(KIT_USER);
	if (kit_find(CKO_SECRET_KEY, "PK", &pk) != 1 || write(ready, &c, 1) != 1)
		return 1;
	while (read(stop, &c, 1) != 1) {
		char label[32];
		uint8_t check[3];

		snprintf(label, sizeof(label), "made %u", made++);
		if (new_data(label, label, &h) != CKR_OK)
			return 2;
		for (unsigned i = made; i > 0 && i + 3 > made; i--) {
			snprintf(label, sizeof(label), "made %u", i - 1);
			if (kit_find(CKO_DATA, label, &h) != 1 || !has_value(h, label))
				return 3;
		}
		snprintf(label, sizeof(label), "data %u", made % SOME);
		if (kit_find(CKO_DATA, label, &h) != 1 || kit_check_value(pk, check) != CKR_OK)
			return 4;
	}
	return made > 3 && kit_find(CKO_DATA, "made 0", &h) == 1 ? 0 : 5;
}

START_TEST(another_process_works_on_all_the_while)
{
	int ready[2], stop[2], status = -1;
	pid_t pid;
	char c;

	make_some();
	ck_assert(pipe(ready) == 0 && pipe2(stop, O_NONBLOCK) == 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(works(ready[1], stop[0]));
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	for (CK_ULONG generation = 2; generation <= 5; generation++)
		ck_assert_uint_eq(rotate(generation), generation);
	ck_assert_int_eq(write(stop[1], "x", 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	some_are_there();
	for (int i = 0; i < 2; i++)
		close(ready[i]), close(stop[i]);
}
END_TEST

START_TEST(killed_at_any_write_it_goes_on_where_it_was)
{
	CK_ULONG generation, done, left;
	CK_ULONG last = 1;
	bool killed = true;

	make_some();
	for (unsigned nth = 1; killed; nth++) {
		int status = -1;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			open_token();
			ck_login(CKU_SO);
			disk_arm(ck_test_dir, (struct disk_plan){ .nth = nth, .mode = DISK_KILL });
			do
				ck_ok(sr->SR_RotateTokenKey(ck_session, 4, &generation, &done, &left));
			while (left > 0);
			disk_disarm();
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		killed = WIFSIGNALED(status);
		some_are_there(); /* whatever was reached */
		generation = rotate(4);
		ck_assert(generation == last || generation == last + 1 || generation == last + 2);
		last = generation;
		some_are_there();
	}
	ck_assert_uint_gt(last, 3);
}
END_TEST

START_TEST(a_disk_that_fails_at_any_write_stops_it_and_nothing_else)
{
	CK_ULONG generation, done, left;

	make_some();
	for (unsigned nth = 1;; nth++) {
		unsigned hits;
		CK_RV rv = CKR_OK;

		ck_login(CKU_SO);
		disk_arm(ck_test_dir, (struct disk_plan){ .nth = nth, .lasting = true, .error = ENOSPC });
		left = 1;
		while (rv == CKR_OK && left > 0)
			rv = sr->SR_RotateTokenKey(ck_session, 4, &generation, &done, &left);
		hits = disk_hits();
		disk_disarm();
		if (hits == 0)
			break;
		rotate(4);
		some_are_there();
	}
}
END_TEST

/* nothing_old_opens: whatever was put back, no object shows a value. */
static void nothing_old_opens(void)
{
	CK_ATTRIBUTE t = { CKA_CLASS, &data_class, sizeof(data_class) };
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n = 0;
	CK_RV rv;

	open_token();
	kit_login(KIT_USER);
	rv = ck->C_FindObjectsInit(ck_session, &t, 1);
	if (rv == CKR_OK)
		rv = ck->C_FindObjects(ck_session, found, ARRAY_LEN(found), &n);
	ck_assert_msg(rv == CKR_OK || rv == CKR_DEVICE_ERROR, "0x%lx", rv);
	for (CK_ULONG i = 0; i < n; i++)
		for (unsigned k = 0; k < SOME; k++) {
			char value[16];

			snprintf(value, sizeof(value), "value %u", k);
			ck_assert(!has_value(found[i], value));
		}
	ck_ok(ck->C_Finalize(NULL));
}

START_TEST(what_is_put_back_from_before_opens_no_more)
{
	struct raws objects, index, after_objects, after_index;

	make_some();
	ck_ok(ck->C_Finalize(NULL));
	objects = raw_read(serial, "objects");
	index = raw_read(serial, "index");
	open_token();
	rotate(100);
	ck_ok(ck->C_Finalize(NULL));
	after_objects = raw_read(serial, "objects");
	after_index = raw_read(serial, "index");
	/* The records alone; with all of their index and directory; and right again. */
	raw_put(serial, "objects", &objects, true);
	nothing_old_opens();
	raw_put(serial, "index", &index, true);
	nothing_old_opens();
	raw_put(serial, "objects", &after_objects, true);
	raw_put(serial, "index", &after_index, true);
	open_token();
	some_are_there();
	raw_done(&objects);
	raw_done(&index);
	raw_done(&after_objects);
	raw_done(&after_index);
}
END_TEST

START_TEST(no_live_record_holds_anything_of_the_key_that_is_gone)
{
	static const char *const names[] = { "objects", "index", "meta", "users" };
	struct raws before[ARRAY_LEN(names)], after[ARRAY_LEN(names)];
	const struct raw *keys;

	make_some();
	ck_policy("short-rsa");
	ck_ok(ck->C_Finalize(NULL));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		before[i] = raw_read(serial, names[i]);
	open_token();
	rotate(100);
	ck_ok(ck->C_Finalize(NULL));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		after[i] = raw_read(serial, names[i]);
	/* docs/store.md: the head of a record: schema 2, flags 1, version 8, generation 2. */
	for (size_t i = 0; i < after[0].n; i++) {
		const uint8_t *r = after[0].p[i].value;
		bool sealed = (r[2] & 3) != 0;

		ck_assert_uint_eq(r[11] << 8 | r[12], sealed ? 2 : 0);
	}
	/* None of the private entries and nodes of before: the public ones alone are still there. */
	for (size_t i = 0; i < before[1].n; i++)
		for (size_t k = 0; k < after[1].n; k++)
			if (before[1].p[i].len == after[1].p[k].len && before[1].p[i].len > 16)
				ck_assert(memcmp(before[1].p[i].value, after[1].p[k].value, after[1].p[k].len) != 0);
	/* Version 1, edition 3, salt, one generation: 2. Its seal is another one. */
	keys = raw_of(&after[2], "token key");
	ck_assert_uint_eq(keys->value[0], 1);
	ck_assert_uint_eq(keys->value[8], 3);
	ck_assert_uint_eq(keys->value[25], 1);
	ck_assert_uint_eq(keys->value[27], 2);
	ck_assert_uint_eq(keys->len, 1 + 8 + 16 + 1 + 2 + 32 + 28);
	ck_assert(memcmp(raw_of(&before[2], "policy")->value, raw_of(&after[2], "policy")->value,
			 raw_of(&after[2], "policy")->len) != 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		raw_done(&before[i]);
		raw_done(&after[i]);
	}
	open_token();
	some_are_there();
}
END_TEST

START_TEST(a_policy_record_from_before_is_the_tokens_no_more)
{
	struct raws meta, only = { 0 };
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	char text[256];
	CK_ATTRIBUTE a = { CKA_SR_POLICY_IN_FORCE, text, sizeof(text) };
	CK_OBJECT_HANDLE h = 0;

	ck_policy("short-rsa");
	ck_ok(ck->C_Finalize(NULL));
	meta = raw_read(serial, "meta");
	only.p = malloc(sizeof(*only.p));
	only.p[only.n++] = *raw_of(&meta, "policy");
	open_token();
	rotate(100);
	ck_ok(ck->C_Finalize(NULL));
	raw_put(serial, "meta", &only, false);
	open_token();
	kit_login(KIT_USER);
	ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, &a, 1), CKR_DEVICE_ERROR);
	/* And a rotation does not make it good. */
	ck_login(CKU_SO);
	{
		CK_ULONG generation, done, left;

		ck_rv(sr->SR_RotateTokenKey(ck_session, 10, &generation, &done, &left), CKR_DEVICE_ERROR);
	}
	ck_policy("strict");
	ck_assert_uint_eq(rotate(10), 3);
	free(only.p);
	raw_done(&meta);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rotate");
	TCase *c = tcase_create("rotate");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 280);
	tcase_add_test(c, only_the_so_rotates_and_asking_changes_nothing);
	tcase_add_test(c, everything_opens_during_a_rotation_and_after_it);
	tcase_add_test(c, what_keys_decided_outlives_a_rotation);
	tcase_add_test(c, another_process_works_on_all_the_while);
	tcase_add_test(c, what_is_put_back_from_before_opens_no_more);
	tcase_add_test(c, no_live_record_holds_anything_of_the_key_that_is_gone);
	tcase_add_test(c, a_policy_record_from_before_is_the_tokens_no_more);
	tcase_add_test(c, killed_at_any_write_it_goes_on_where_it_was);
	tcase_add_test(c, a_disk_that_fails_at_any_write_stops_it_and_nothing_else);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
