/* SPDX-License-Identifier: BSD-2-Clause */
/* Key components: entry by custodians, combination (R1.3, R6.4). */
#include "vendor_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE;

static struct view pattern(size_t n, unsigned seed)
{
	static uint8_t store[4][32];
	static unsigned turn;
	uint8_t *p = store[turn++ % 4];

	kit_pattern(p, n, seed);
	return VIEW(p, n);
}

/* Every test starts and ends without components: the SO destroys them, which is his right. */
static void clear_components(void)
{
	CK_ULONG role = SR_ROLE_COMPONENT;
	CK_ATTRIBUTE t[] = { { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_OBJECT_HANDLE found[32];
	CK_ULONG n = 0;

	ck_login(CKU_SO);
	ck_ok(ck->C_FindObjectsInit(ck_session, t, 1));
	ck_ok(ck->C_FindObjects(ck_session, found, ARRAY_LEN(found), &n));
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	for (CK_ULONG i = 0; i < n; i++)
		ck_ok(ck->C_DestroyObject(ck_session, found[i]));
	kit_login(NULL);
}

START_TEST(component_is_recognised_and_can_do_nothing) /* R1.3 */
{
	struct view value = pattern(16, 1);
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE bytes[32];
	CK_ATTRIBUTE get = { CKA_VALUE, bytes, sizeof(bytes) };
	CK_ATTRIBUTE who = { CKA_SR_CUSTODIAN, bytes, sizeof(bytes) };
	CK_ATTRIBUTE place = { CKA_SR_COMPONENT, bytes, sizeof(bytes) };
	CK_MECHANISM ecb = { CKM_DES3_ECB, NULL, 0 };
	CK_MECHANISM cmac = { CKM_DES3_CMAC, NULL, 0 };
	CK_OBJECT_HANDLE copy = 0;

	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-A#1/2", CKK_DES3, value, &h)); /* CKK_DES3 of 16 bytes: here only */
	ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_TYPE), CKK_DES2);
	ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_COMPONENT);
	ck_assert(ck_get_bool(h, CKA_PRIVATE) && ck_get_bool(h, CKA_SENSITIVE) && ck_get_bool(h, CKA_TOKEN));
	ck_assert(!ck_get_bool(h, CKA_EXTRACTABLE) && !ck_get_bool(h, CKA_COPYABLE) && !ck_get_bool(h, CKA_MODIFIABLE));
	ck_assert(!ck_get_bool(h, CKA_ENCRYPT) && !ck_get_bool(h, CKA_DECRYPT) && !ck_get_bool(h, CKA_WRAP) &&
		  !ck_get_bool(h, CKA_UNWRAP) && !ck_get_bool(h, CKA_DERIVE) && !ck_get_bool(h, CKA_VERIFY));
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &who, 1));
	ck_assert_mem_eq(bytes, "alice", 5);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &place, 1));
	ck_assert_mem_eq(bytes, "\1\2", 2);
	ck_assert_uint_eq(ck->C_GetAttributeValue(ck_session, h, &get, 1), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_ne(ck->C_EncryptInit(ck_session, &ecb, h), CKR_OK);
	ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &ecb, h), CKR_OK);
	ck_assert_uint_ne(ck->C_SignInit(ck_session, &cmac, h), CKR_OK);
	ck_assert_uint_ne(ck->C_CopyObject(ck_session, h, NULL, 0, &copy), CKR_OK);
	clear_components();
}
END_TEST

static const struct {
	const char *label;
	CK_KEY_TYPE type;
	size_t length;
	const char *why;
} bad_entries[] = {
	{ "PK#0/2", CKK_DES2, 16, "k below 1" },
	{ "PK#3/2", CKK_DES2, 16, "k above n" },
	{ "PK#1/1", CKK_DES2, 16, "n below 2" },
	{ "PK#1/10", CKK_DES2, 16, "n above 9" },
	{ "PK#12", CKK_DES2, 16, "no slash" },
	{ "PK#1/2 ", CKK_DES2, 16, "something behind" },
	{ "PK-#1/2", CKK_DES2, 16, "empty suffix" },
	{ "KEK#1/2", CKK_DES2, 16, "no role that is combined" },
	{ "TMK#1/2", CKK_DES2, 16, "a role that is not combined" },
	{ "PK-a b#1/2", CKK_DES2, 16, "space in the suffix" },
	{ "PK-1234567890123456789012345#1/2", CKK_DES2, 16, "suffix of 25" },
	{ "PK#1/2", CKK_GENERIC_SECRET, 16, "generic secret" },
	{ "PK#1/2", CKK_DES, 8, "single DES" },
	{ "PK#1/2", CKK_DES2, 24, "DES2 of 24" },
	{ "PK#1/2", CKK_AES, 16, "AES-128" },
	{ "PK#1/2", CKK_AES, 24, "AES-192" },
};

START_TEST(component_with_a_wrong_label_type_or_length_is_refused) /* R1.3 */
{
	CK_ULONG before;

	kit_login(KIT_ALICE);
	before = kit_count();
	for (size_t i = 0; i < ARRAY_LEN(bad_entries); i++)
		ck_assert_msg(kit_component(bad_entries[i].label, bad_entries[i].type,
					    pattern(bad_entries[i].length, 5), NULL) != CKR_OK,
			      "%s was accepted", bad_entries[i].why);
	ck_assert_uint_eq(kit_count(), before);
}
END_TEST

START_TEST(label_of_a_component_is_refused_for_every_other_object) /* R1.3 */
{
	CK_OBJECT_CLASS data = CKO_DATA;
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	char label[] = "MAK#2/3";
	CK_ATTRIBUTE of_data[] = { { CKA_CLASS, &data, sizeof(data) },
				   { CKA_LABEL, label, 7 },
				   { CKA_VALUE, label, 7 } };
	CK_ATTRIBUTE of_key[] = { { CKA_LABEL, label, 7 }, { CKA_VALUE_LEN, &length, sizeof(length) } };
	CK_ATTRIBUTE of_session[] = { { CKA_CLASS, &secret, sizeof(secret) },
				      { CKA_KEY_TYPE, &aes, sizeof(aes) },
				      { CKA_VALUE, (void *)(uintptr_t)pattern(32, 9).p, 32 },
				      { CKA_LABEL, label, 7 } };
	CK_ATTRIBUTE rename[] = { { CKA_LABEL, label, 7 } };
	CK_OBJECT_HANDLE h = 0, plain;

	kit_login(KIT_ALICE);
	ck_assert_uint_ne(ck->C_CreateObject(ck_session, of_data, 3, &h), CKR_OK);
	ck_assert_uint_ne(ck->C_GenerateKey(ck_session, &gen, of_key, 2, &h), CKR_OK);
	ck_assert_uint_ne(ck->C_CreateObject(ck_session, of_session, 4, &h), CKR_OK); /* not a token object */
	plain = kit_plain_key(CKK_AES, 32);
	ck_assert_uint_ne(ck->C_SetAttributeValue(ck_session, plain, rename, 1), CKR_OK);
	ck_assert_uint_ne(ck->C_CopyObject(ck_session, plain, rename, 1, &h), CKR_OK);
	ck_ok(ck->C_DestroyObject(ck_session, plain));
}
END_TEST

START_TEST(component_asked_to_be_extractable_is_refused)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &aes, sizeof(aes) },
			     { CKA_VALUE, (void *)(uintptr_t)pattern(32, 9).p, 32 },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_LABEL, (void *)(uintptr_t) "PK#1/2", 6 },
			     { CKA_EXTRACTABLE, &yes, 1 } };

	kit_login(KIT_ALICE);
	ck_assert_uint_eq(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h), CKR_TEMPLATE_INCONSISTENT);
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t) - 1, &h));
	clear_components();
}
END_TEST

START_TEST(component_is_entered_by_custodians_only) /* R1.3 */
{
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL), CKR_ACTION_PROHIBITED);
	ck_login(CKU_SO);
	ck_assert_uint_ne(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL), CKR_OK);
	kit_login(NULL);
	ck_assert_uint_ne(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL), CKR_OK);
}
END_TEST

START_TEST(component_is_refused_when_its_place_is_taken_or_n_differs) /* R1.3 */
{
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL));
	ck_assert_uint_eq(kit_component("PK#1/2", CKK_DES2, pattern(16, 6), NULL), CKR_ACTION_PROHIBITED);
	ck_assert_uint_eq(kit_component("PK#2/3", CKK_DES2, pattern(16, 6), NULL), CKR_ACTION_PROHIBITED);
	ck_ok(kit_component("PK-X#1/3", CKK_DES2, pattern(16, 6), NULL)); /* another name */
	clear_components();
}
END_TEST

START_TEST(component_of_zeroes_is_refused)
{
	static const uint8_t zero[32];
	uint8_t parity[16];

	memset(parity, 1, sizeof(parity));
	kit_login(KIT_ALICE);
	ck_assert_uint_eq(kit_component("PK#1/2", CKK_AES, VIEW(zero, 32), NULL), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_assert_uint_eq(kit_component("PK#1/2", CKK_DES2, VIEW(parity, 16), NULL), CKR_ATTRIBUTE_VALUE_INVALID);
}
END_TEST

START_TEST(component_is_destroyed_by_its_custodian_or_the_so_only) /* R1.3 */
{
	CK_OBJECT_HANDLE h = 0;

	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL));
	kit_login(KIT_BOB);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK#1/2", &h), 1);
	ck_assert_uint_eq(ck->C_DestroyObject(ck_session, h), CKR_ACTION_PROHIBITED);
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK#1/2", &h), 1);
	ck_assert_uint_eq(ck->C_DestroyObject(ck_session, h), CKR_ACTION_PROHIBITED);
	kit_login(KIT_ALICE);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK#1/2", &h), 1);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_ok(kit_component("PK#1/2", CKK_DES2, pattern(16, 5), NULL));
	clear_components();
}
END_TEST

START_TEST(combination_gives_the_published_key) /* R1.3 R6.2 */
{
	char line[512];
	unsigned done = 0;
	FILE *f = kit_vectors("combine.txt");

	while (fgets(line, sizeof(line), f)) {
		BUF_AUTO a = { 0 };
		BUF_AUTO b = { 0 };
		CK_OBJECT_HANDLE h = 0;

		if (strncmp(line, "combine ", 8) != 0)
			continue;
		ck_assert(kit_word(line, "a", &a) && kit_word(line, "b", &b));
		kit_login(KIT_ALICE);
		ck_ok(kit_component("PK-V#1/2", CKK_DES3, buf_view(&a), &h));
		kit_check_equals(h, line, "kcv_a");
		kit_login(KIT_BOB);
		ck_ok(kit_component("PK-V#2/2", CKK_DES3, buf_view(&b), &h));
		kit_check_equals(h, line, "kcv_b");
		ck_ok(kit_combine("PK-V", CKK_DES3, 16, &h)); /* pkcs11-tool --key-type DES3:16 */
		kit_check_equals(h, line, "kcv");
		ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_TYPE), CKK_DES2);
		ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_PK);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-V#1/2", NULL), 0);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-V#2/2", NULL), 0);
		ck_ok(ck->C_DestroyObject(ck_session, h));
		done++;
	}
	fclose(f);
	ck_assert_uint_gt(done, 0);
}
END_TEST

/* ---- what combining refuses ---- */

static void two(struct view a, struct view b, CK_KEY_TYPE type, CK_RV want)
{
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-N#1/2", type, a, NULL));
	kit_login(KIT_BOB);
	ck_ok(kit_component("PK-N#2/2", type, b, NULL));
	ck_assert_uint_eq(kit_combine("PK-N", type, a.n, NULL), want);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-N", NULL), 0);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-N#1/2", NULL), 1); /* nothing consumed */
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-N#2/2", NULL), 1);
	clear_components();
}

START_TEST(combination_of_equal_components_is_refused)
{
	uint8_t a[16], b[16];

	kit_pattern(a, 16, 3);
	memcpy(b, a, 16);
	two(VIEW(a, 16), VIEW(b, 16), CKK_DES2, CKR_ACTION_PROHIBITED);
	b[3] ^= 1; /* a parity bit does not make it another key */
	two(VIEW(a, 16), VIEW(b, 16), CKK_DES2, CKR_ACTION_PROHIBITED);
	/* Of three: the third officer would know the key, which is not weak at all. */
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-N#1/3", CKK_AES, pattern(32, 3), NULL));
	kit_login(KIT_BOB);
	ck_ok(kit_component("PK-N#2/3", CKK_AES, pattern(32, 3), NULL));
	kit_login(KIT_CAROL);
	ck_ok(kit_component("PK-N#3/3", CKK_AES, pattern(32, 4), NULL));
	ck_assert_uint_eq(kit_combine("PK-N", CKK_AES, 32, NULL), CKR_ACTION_PROHIBITED);
	clear_components();
}
END_TEST

static const struct {
	const char *key; /* what a XOR b shall be */
	const char *why;
} weak[] = {
	{ "0101010101010101"
	  "0123456789ABCDEF",
	  "weak left half" },
	{ "0123456789ABCDEF"
	  "E0E0E0E0F1F1F1F1",
	  "weak right half" },
	{ "01FE01FE01FE01FE"
	  "0123456789ABCDEF",
	  "semi-weak left half" },
	{ "0123456789ABCDEF"
	  "1FFE1FFE0EFE0EFE",
	  "semi-weak right half" },
	{ "0000000000000000"
	  "0123456789ABCDEF",
	  "zero half" },
	{ "0123456789ABCDEF"
	  "0123456789ABCDEF",
	  "equal halves" },
	{ "0123456789ABCDEF"
	  "0022446688AACCEE",
	  "halves equal but for parity" },
	{ "0123456789ABCDEF"
	  "FEDCBA9876543210"
	  "FEDCBA9876543210",
	  "equal second and third" },
	{ "0123456789ABCDEF"
	  "FEDCBA9876543210"
	  "0123456789ABCDEF",
	  "equal first and third" },
};

START_TEST(combination_with_a_weak_result_is_refused)
{
	struct buf keys[ARRAY_LEN(weak)] = { { 0 } };
	char name[16], label[16];
	uint8_t a[24];

	kit_pattern(a, sizeof(a), 77);
	kit_login(KIT_ALICE);
	for (size_t i = 0; i < ARRAY_LEN(weak); i++) {
		ck_assert(hex_decode(weak[i].key, strlen(weak[i].key), &keys[i]));
		snprintf(label, sizeof(label), "PK-W%zu#1/2", i);
		ck_ok(kit_component(label, keys[i].len == 16 ? CKK_DES2 : CKK_DES3, VIEW(a, keys[i].len), NULL));
	}
	kit_login(KIT_BOB);
	for (size_t i = 0; i < ARRAY_LEN(weak); i++) {
		CK_KEY_TYPE type = keys[i].len == 16 ? CKK_DES2 : CKK_DES3;

		for (size_t j = 0; j < keys[i].len; j++)
			keys[i].p[j] ^= a[j];
		snprintf(name, sizeof(name), "PK-W%zu", i);
		snprintf(label, sizeof(label), "PK-W%zu#2/2", i);
		ck_ok(kit_component(label, type, buf_view(&keys[i]), NULL));
		ck_assert_msg(kit_combine(name, type, keys[i].len, NULL) == CKR_ACTION_PROHIBITED, "%s", weak[i].why);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, name, NULL), 0);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, label, NULL), 1); /* nothing consumed */
		buf_done(&keys[i]);
	}
	clear_components();
}
END_TEST

START_TEST(combination_by_one_custodian_is_refused) /* R1.3 */
{
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-N#1/2", CKK_AES, pattern(32, 1), NULL));
	ck_ok(kit_component("PK-N#2/2", CKK_AES, pattern(32, 2), NULL));
	ck_assert_uint_eq(kit_combine("PK-N", CKK_AES, 32, NULL), CKR_ACTION_PROHIBITED);
	clear_components();
}
END_TEST

START_TEST(combination_without_all_components_is_refused)
{
	kit_login(KIT_ALICE);
	ck_assert_uint_ne(kit_combine("PK-N", CKK_AES, 32, NULL), CKR_OK);
	ck_ok(kit_component("PK-N#1/3", CKK_AES, pattern(32, 1), NULL));
	kit_login(KIT_BOB);
	ck_ok(kit_component("PK-N#2/3", CKK_AES, pattern(32, 2), NULL));
	ck_assert_uint_ne(kit_combine("PK-N", CKK_AES, 32, NULL), CKR_OK);
	kit_login(KIT_CAROL);
	ck_ok(kit_component("PK-N#3/3", CKK_AES, pattern(32, 3), NULL));
	ck_ok(kit_combine("PK-N", CKK_AES, 32, NULL));
	clear_components();
	kit_login(KIT_USER);
	{
		CK_OBJECT_HANDLE h = 0;

		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-N", &h), 1);
		ck_ok(ck->C_DestroyObject(ck_session, h));
	}
}
END_TEST

START_TEST(combination_of_unlike_components_or_to_another_type_is_refused)
{
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-N#1/2", CKK_DES2, pattern(16, 1), NULL));
	kit_login(KIT_BOB);
	ck_ok(kit_component("PK-N#2/2", CKK_DES3, pattern(24, 2), NULL));
	ck_assert_uint_ne(kit_combine("PK-N", CKK_DES3, 16, NULL), CKR_OK);
	ck_assert_uint_ne(kit_combine("PK-N", CKK_DES3, 24, NULL), CKR_OK);
	clear_components();
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-N#1/2", CKK_DES2, pattern(16, 1), NULL));
	kit_login(KIT_BOB);
	ck_ok(kit_component("PK-N#2/2", CKK_DES2, pattern(16, 2), NULL));
	ck_assert_uint_ne(kit_combine("PK-N", CKK_AES, 32, NULL), CKR_OK);
	ck_assert_uint_ne(kit_combine("PK-N", CKK_DES3, 24, NULL), CKR_OK);
	ck_assert_uint_ne(kit_combine("PK-N", CKK_GENERIC_SECRET, 16, NULL), CKR_OK);
	ck_assert_uint_ne(kit_combine("TMK-N", CKK_DES2, 16, NULL), CKR_OK);
	ck_assert_uint_ne(kit_combine("PK-N#1/2", CKK_DES2, 16, NULL), CKR_OK);
	clear_components();
}
END_TEST

/* two_parts: components 1 and 2 of this name, of different values. */
static void two_parts(const char *name, unsigned seed)
{
	char label[32];

	kit_login(KIT_ALICE);
	snprintf(label, sizeof(label), "%s#1/2", name);
	ck_ok(kit_component(label, CKK_AES, pattern(32, seed), NULL));
	kit_login(KIT_BOB);
	snprintf(label, sizeof(label), "%s#2/2", name);
	ck_ok(kit_component(label, CKK_AES, pattern(32, seed + 1), NULL));
}

/* A role without generations, an ordinary key, the same value again: the name is taken. */
START_TEST(combination_under_a_name_that_is_taken_is_refused)
{
	static const char *const taken[] = { "DMK-T", "PK-T" };
	CK_OBJECT_HANDLE h = 0;

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		two_parts(taken[i], 31);
		ck_ok(kit_combine(taken[i], CKK_AES, 32, NULL));
		two_parts(taken[i], i == 0 ? 41 : 31);
		ck_assert_uint_eq(kit_combine(taken[i], CKK_AES, 32, NULL), CKR_ACTION_PROHIBITED);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, taken[i], &h), 1);
		ck_ok(ck->C_DestroyObject(ck_session, h));
		ck_ok(kit_combine(taken[i], CKK_AES, 32, &h));
		ck_ok(ck->C_DestroyObject(ck_session, h));
	}
}
END_TEST

START_TEST(next_ceremony_of_a_name_makes_the_next_generation)
{
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	CK_OBJECT_HANDLE second = 0, key = 0;
	uint8_t by_label[3], right[3];
	CK_ULONG n = sizeof(by_label), generation = 1;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t) "MAK-G", 5 },
			     { CKA_SR_GENERATION, &generation, sizeof(generation) } };

	two_parts("MAK-G", 51);
	ck_ok(kit_combine("MAK-G", CKK_AES, 32, NULL));
	ck_assert_uint_eq(ck_find(t, 2, NULL), 1);
	two_parts("MAK-G", 61);
	ck_ok(kit_combine("MAK-G", CKK_AES, 32, NULL));
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK-G", NULL), 2);
	generation = 2;
	ck_assert_uint_eq(ck_find(t, 2, &second), 1);
	/* The label means the newest. */
	ck_ok(ck->C_DigestInit(ck_session, &m));
	ck_ok(ck->C_Digest(ck_session, (CK_BYTE_PTR) "MAK-G", 5, by_label, &n));
	ck_ok(kit_check_value(second, right));
	ck_assert_mem_eq(by_label, right, 3);
	/* The value of the first one is taken still. */
	two_parts("MAK-G", 51);
	ck_assert_uint_eq(kit_combine("MAK-G", CKK_AES, 32, NULL), CKR_ACTION_PROHIBITED);
	clear_components();
	kit_login(KIT_USER);
	for (generation = 1; generation <= 2; generation++) {
		ck_assert_uint_eq(ck_find(t, 2, &key), 1);
		ck_ok(ck->C_DestroyObject(ck_session, key));
	}
}
END_TEST

START_TEST(custodian_created_anew_loses_waiting_components) /* R1.3: against a lone SO */
{
	CK_OBJECT_HANDLE h = 0;

	kit_login(KIT_CAROL);
	ck_ok(kit_component("PK-C#1/2", CKK_AES, pattern(32, 1), &h));
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, (CK_UTF8CHAR_PTR)(uintptr_t) "carol:44444444", 14));
	kit_login(KIT_BOB);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-C#1/2", NULL), 0);
	/* A given PIN opens nothing before it is changed: not even entering a component. */
	kit_login("carol:44444444");
	ck_assert_uint_eq(kit_component("PK-C#1/2", CKK_AES, pattern(32, 1), &h), CKR_PIN_EXPIRED);
	ck_ok(ck->C_SetPIN(ck_session, (CK_UTF8CHAR_PTR)(uintptr_t) "carol:44444444", 14,
			   (CK_UTF8CHAR_PTR)(uintptr_t)KIT_CAROL, strlen(KIT_CAROL)));
	kit_login(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("component");
	TCase *c = tcase_create("component");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, kit_begin, ck_test_end);
	tcase_add_test(c, component_is_recognised_and_can_do_nothing);
	tcase_add_test(c, component_with_a_wrong_label_type_or_length_is_refused);
	tcase_add_test(c, label_of_a_component_is_refused_for_every_other_object);
	tcase_add_test(c, component_asked_to_be_extractable_is_refused);
	tcase_add_test(c, component_is_entered_by_custodians_only);
	tcase_add_test(c, component_is_refused_when_its_place_is_taken_or_n_differs);
	tcase_add_test(c, component_of_zeroes_is_refused);
	tcase_add_test(c, component_is_destroyed_by_its_custodian_or_the_so_only);
	tcase_add_test(c, combination_gives_the_published_key);
	tcase_add_test(c, combination_of_equal_components_is_refused);
	tcase_add_test(c, combination_with_a_weak_result_is_refused);
	tcase_add_test(c, combination_by_one_custodian_is_refused);
	tcase_add_test(c, combination_without_all_components_is_refused);
	tcase_add_test(c, combination_of_unlike_components_or_to_another_type_is_refused);
	tcase_add_test(c, combination_under_a_name_that_is_taken_is_refused);
	tcase_add_test(c, next_ceremony_of_a_name_makes_the_next_generation);
	tcase_add_test(c, custodian_created_anew_loses_waiting_components);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
