/* SPDX-License-Identifier: BSD-2-Clause */
/* Dual control: what counts as two custodians, and every way around it that was thought of. */
#include "dual_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trail.h"

#define STRICT "transport-stronger-cargo "
#define WANTED STRICT "dual=export,policy,trust pin-min=default"

START_TEST(beginning_it_needs_two_custodians_with_pins_of_their_own)
{
	static const char *const given[] = { "alice:11111111", "bob:22222222", "carol:33333333" };

	ck_login(CKU_SO);
	for (int i = 0; i < 2; i++)
		ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(given[i])));
	ck_rv(dk_dual("policy"), CKR_SR_NOT_APPROVED);
	ck_assert_str_eq(dk_text(CKA_SR_DUAL), "");
	ck_ok(dk_policy("raw-unwrap")); /* and nothing is asked of anybody */
	ck_rv(dk_dual("policy and more"), CKR_ATTRIBUTE_VALUE_INVALID);
	dk_own_pin("alice:11111111", KIT_ALICE);
	dk_own_pin("bob:22222222", KIT_BOB);
	ck_login(CKU_SO);
	ck_ok(dk_dual("trust policy export"));
	ck_assert_str_eq(dk_text(CKA_SR_DUAL), "export policy trust");
	ck_assert_str_eq(dk_text(CKA_SR_DUAL_NAMES), "export policy restore trust");
	ck_assert_str_eq(dk_text(CKA_SR_POLICY), "raw-unwrap");
	ck_assert(dk_council("alice") && dk_council("bob") && dk_council("carol"));
	ck_logout();
	ck_assert_str_eq(dk_text(CKA_SR_DUAL), "export policy trust"); /* everybody sees it */
}
END_TEST

START_TEST(policy_changes_when_two_custodians_have_approved_exactly_that)
{
	dk_begin_dual("policy");
	ck_login(CKU_SO);
	ck_rv(dk_policy("raw-unwrap"), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "raw-unwrap dual=policy pin-min=default");
	ck_login(CKU_SO);
	ck_rv(dk_policy("raw-unwrap"), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_BOB, SR_ACTION_POLICY, "dual=policy  pin-min=default raw-unwrap"); /* the module orders words */
	ck_login(CKU_SO);
	ck_rv(dk_policy("raw-unwrap v15-unwrap"), CKR_SR_NOT_APPROVED);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	ck_rv(dk_pin_min(4), CKR_SR_NOT_APPROVED);
	ck_assert_uint_eq(dk_waiting(), 2);
	ck_ok(dk_policy("raw-unwrap"));
	ck_assert_str_eq(dk_text(CKA_SR_POLICY), "raw-unwrap");
	/* Once: not even the same again. */
	ck_assert_uint_eq(dk_waiting(), 0);
	ck_rv(dk_policy("raw-unwrap"), CKR_SR_NOT_APPROVED);
}
END_TEST

START_TEST(one_custodian_is_one_however_often)
{
	CK_SESSION_HANDLE second;

	dk_begin_dual("policy");
	kit_login(KIT_ALICE);
	second = ck_open(true);
	for (int i = 0; i < 3; i++) {
		ck_ok(dk_try_approve(SR_ACTION_POLICY, WANTED));
		ck_ok(dk_sr()->SR_Approve(second, SR_ACTION_POLICY, CK_TEXT(WANTED)));
	}
	ck_assert_uint_eq(dk_waiting(), 1);
	ck_ok(ck->C_CloseSession(second));
	ck_login(CKU_SO);
	ck_rv(dk_dual("export policy trust"), CKR_SR_NOT_APPROVED);
}
END_TEST

START_TEST(only_custodians_approve)
{
	CK_SESSION_HANDLE reads;

	dk_begin_dual("policy");
	ck_logout();
	ck_rv(dk_try_approve(SR_ACTION_POLICY, WANTED), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_rv(dk_try_approve(SR_ACTION_POLICY, WANTED), CKR_ACTION_PROHIBITED);
	ck_login(CKU_SO);
	ck_rv(dk_try_approve(SR_ACTION_POLICY, WANTED), CKR_ACTION_PROHIBITED);
	kit_login(KIT_ALICE);
	reads = ck_open(false);
	ck_rv(dk_sr()->SR_Approve(reads, SR_ACTION_POLICY, CK_TEXT(WANTED)), CKR_SESSION_READ_ONLY);
	ck_ok(ck->C_CloseSession(reads));
	ck_rv(dk_try_approve(SR_ACTION_POLICY, "no-such-name"), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(SR_ACTION_POLICY, "pin-min=3"), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(SR_ACTION_TRUST, "a key"), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(SR_ACTION_EXPORT, "0123456789abcdef0123456789abcdef"), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(SR_ACTION_UNLOCK, "nobody"), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(SR_ACTION_CUSTODIAN, ""), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(3, ""), CKR_ARGUMENTS_BAD);
	ck_rv(dk_try_approve(0, ""), CKR_ARGUMENTS_BAD);
	ck_rv(dk_sr()->SR_Approve(ck_session, SR_ACTION_POLICY, NULL, 7), CKR_ARGUMENTS_BAD);
	ck_rv(dk_sr()->SR_GetApprovals(ck_session, NULL, NULL), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(dk_waiting(), 0);
	/* He takes back what is his. */
	ck_ok(dk_try_approve(SR_ACTION_POLICY, WANTED));
	kit_login(KIT_BOB);
	ck_rv(dk_sr()->SR_Withdraw(ck_session, SR_ACTION_POLICY, CK_TEXT(WANTED)), CKR_OBJECT_HANDLE_INVALID);
	ck_assert_uint_eq(dk_waiting(), 1);
	kit_login(KIT_ALICE);
	ck_ok(dk_sr()->SR_Withdraw(ck_session, SR_ACTION_POLICY, CK_TEXT(WANTED)));
	ck_assert_uint_eq(dk_waiting(), 0);
}
END_TEST

static void approve_policy(void)
{
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	dk_approve(KIT_BOB, SR_ACTION_POLICY, "dual=policy pin-min=default");
	ck_login(CKU_SO);
}

START_TEST(an_approval_lives_an_hour_by_a_clock_that_nobody_sets)
{
	dk_begin_dual("policy");
	approve_policy();
	dk_advance(59 * 60, 59 * 60);
	ck_assert_uint_eq(dk_waiting(), 2);
	dk_advance(61, 61);
	ck_assert_uint_eq(dk_waiting(), 0);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	/* Clock set back by two hours, an hour passes. */
	approve_policy();
	dk_advance(-7200, 0);
	ck_assert_uint_eq(dk_waiting(), 2);
	dk_advance(3600, 3600);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	/* Set forward, it ends sooner; and back again. */
	approve_policy();
	dk_advance(3600, 0);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	/* A machine that has started anew, whatever the time is said to be. */
	dk_advance(0, -100000);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	dk_advance(0, 100000);
	/* One that lives and one that does not are not two. */
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	dk_advance(3000, 3000);
	dk_approve(KIT_BOB, SR_ACTION_POLICY, "dual=policy pin-min=default");
	dk_advance(700, 700);
	ck_login(CKU_SO);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	ck_assert_uint_eq(dk_waiting(), 1);
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	ck_login(CKU_SO);
	ck_ok(dk_policy(""));
}
END_TEST

START_TEST(ending_it_needs_two_custodians_as_well)
{
	dk_begin_dual("trust"); /* the policy itself is the SO's */
	ck_login(CKU_SO);
	ck_ok(dk_policy("raw-unwrap"));
	ck_rv(dk_dual(""), CKR_SR_NOT_APPROVED);
	ck_rv(dk_dual("export"), CKR_SR_NOT_APPROVED);
	ck_ok(dk_dual("trust export"));
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "raw-unwrap dual=none pin-min=default");
	dk_approve(KIT_CAROL, SR_ACTION_POLICY, "raw-unwrap dual=none pin-min=default");
	ck_login(CKU_SO);
	ck_rv(dk_dual("export"), CKR_SR_NOT_APPROVED);
	ck_ok(dk_dual(""));
	ck_assert_str_eq(dk_text(CKA_SR_DUAL), "");
	ck_assert(!dk_council("alice"));
}
END_TEST

/* The SO makes puppets: a custodian whom he gives a PIN has no say until two others let him in. */
START_TEST(custodian_whom_the_so_makes_anew_has_no_say)
{
	dk_begin_dual("policy");
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	dk_approve(KIT_BOB, SR_ACTION_POLICY, "dual=policy pin-min=default");
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:11111111"))); /* what she approved is not hers any more */
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("mallory:11111111")));
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	dk_own_pin("alice:11111111", KIT_ALICE);
	dk_own_pin("mallory:11111111", "mallory:mmmmmmmm");
	ck_login(CKU_SO);
	ck_rv(dk_policy(""), CKR_SR_NOT_APPROVED);
	ck_assert(!dk_council("alice") && dk_council("bob") && !dk_council("mallory"));
	kit_login("mallory:mmmmmmmm");
	ck_rv(dk_try_approve(SR_ACTION_POLICY, "dual=policy pin-min=default"), CKR_ACTION_PROHIBITED);
	ck_rv(dk_try_approve(SR_ACTION_CUSTODIAN, "alice"), CKR_ACTION_PROHIBITED);
	kit_login(KIT_ALICE);
	ck_rv(dk_try_approve(SR_ACTION_POLICY, "dual=policy pin-min=default"), CKR_ACTION_PROHIBITED);
	/* Bob and Carol let Alice in. */
	dk_approve(KIT_BOB, SR_ACTION_CUSTODIAN, "alice");
	ck_login(CKU_SO);
	ck_rv(dk_sr()->SR_Enrol(ck_session, CK_TEXT("alice")), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_CAROL, SR_ACTION_CUSTODIAN, "alice");
	ck_rv(dk_sr()->SR_Enrol(ck_session, CK_TEXT("alice")), CKR_ACTION_PROHIBITED); /* Carol is logged in */
	ck_login(CKU_SO);
	ck_rv(dk_sr()->SR_Enrol(ck_session, CK_TEXT("mallory")), CKR_SR_NOT_APPROVED);
	ck_ok(dk_sr()->SR_Enrol(ck_session, CK_TEXT("alice")));
	ck_assert(dk_council("alice"));
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	ck_login(CKU_SO);
	ck_ok(dk_policy(""));
	/* What was approved of her who was there then is not for the one whom the SO puts in her place. */
	dk_approve(KIT_BOB, SR_ACTION_CUSTODIAN, "mallory");
	dk_approve(KIT_CAROL, SR_ACTION_CUSTODIAN, "mallory");
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("mallory:22222222")));
	dk_own_pin("mallory:22222222", "mallory:mmmmmmmm");
	ck_login(CKU_SO);
	ck_rv(dk_sr()->SR_Enrol(ck_session, CK_TEXT("mallory")), CKR_SR_NOT_APPROVED);
}
END_TEST

/* The first PIN is known to the SO. */
START_TEST(custodian_with_the_so_s_pin_joins_no_council)
{
	dk_begin_dual("policy");
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("dave:11111111")));
	dk_approve(KIT_BOB, SR_ACTION_CUSTODIAN, "dave");
	dk_approve(KIT_ALICE, SR_ACTION_CUSTODIAN, "dave");
	ck_login(CKU_SO);
	ck_rv(dk_sr()->SR_Enrol(ck_session, CK_TEXT("dave")), CKR_PIN_EXPIRED);
	kit_login("dave:11111111");
	ck_rv(dk_try_approve(SR_ACTION_POLICY, WANTED), CKR_PIN_EXPIRED);
	dk_own_pin("dave:11111111", "dave:dddddddd");
	ck_login(CKU_SO);
	ck_ok(dk_sr()->SR_Enrol(ck_session, CK_TEXT("dave")));
	ck_assert(dk_council("dave"));
}
END_TEST

START_TEST(a_new_token_in_the_old_place_knows_no_approvals)
{
	CK_UTF8CHAR label[32];

	dk_begin_dual("policy");
	approve_policy();
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	memset(label, ' ', sizeof(label));
	ck_ok(ck->C_InitToken(ck_slot, CK_TEXT(CK_TEST_SO_PIN), label));
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_assert_uint_eq(dk_waiting(), 0);
	ck_assert_str_eq(dk_text(CKA_SR_DUAL), "");
	ck_ok(dk_policy("raw-unwrap"));
}
END_TEST

START_TEST(nobody_sees_the_record_among_the_objects)
{
	CK_OBJECT_CLASS class = CKO_VENDOR_DEFINED | 0x53520002UL;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_VALUE, (void *)(uintptr_t) "x", 1 } };
	static const char *const pins[] = { KIT_USER, KIT_ALICE, NULL };
	CK_OBJECT_HANDLE h = 0;

	dk_begin_dual("policy");
	approve_policy();
	ck_assert_uint_eq(ck_find(t, 1, &h), 0);
	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		kit_login(pins[i]);
		ck_assert_uint_eq(ck_find(t, 1, &h), 0);
		ck_assert_uint_eq(ck_find(NULL, 0, &h), 0);
	}
	ck_login(CKU_USER);
	ck_assert_uint_ne(ck->C_CreateObject(ck_session, t, 2, &h), CKR_OK);
}
END_TEST

/* Somebody who can write the file takes what is in the way out of it. */
START_TEST(records_that_were_taken_away_leave_no_token_without_dual_control)
{
	char path[256];
	CK_TOKEN_INFO info, now;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	dk_begin_dual("policy");
	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	snprintf(path, sizeof(path), "%s/%.16s", ck_test_dir, (char *)info.serialNumber);
	ck_ok(ck->C_Finalize(NULL));
	object_del(path, "strongroom dual");
	meta_del(path, "policy");
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		ck_ok(ck->C_GetTokenInfo(slots[i], &now));
		if (memcmp(now.serialNumber, info.serialNumber, sizeof(now.serialNumber)) == 0)
			ck_slot = slots[i];
	}
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_rv(dk_policy("raw-unwrap"), CKR_DEVICE_ERROR);
	ck_rv(dk_dual(""), CKR_DEVICE_ERROR);
	ck_rv(dk_sr()->SR_BackupInit(ck_session, CK_TEXT("a passphrase of backups"), 0, 0), CKR_DEVICE_ERROR);
	kit_login(KIT_ALICE);
	ck_rv(dk_try_approve(SR_ACTION_POLICY, WANTED), CKR_DEVICE_ERROR);
}
END_TEST

static CK_RV derive_itself(CK_OBJECT_HANDLE base, CK_OBJECT_HANDLE *ret)
{
	static CK_BYTE zeros[32];
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_KEY_DERIVATION_STRING_DATA data = { zeros, sizeof(zeros) };
	CK_MECHANISM m = { CKM_XOR_BASE_AND_DATA, &data, sizeof(data) };
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },   { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },         { CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
	};

	return ck->C_DeriveKey(ck_session, &m, base, t, ARRAY_LEN(t), ret);
}

START_TEST(key_derives_no_copy_of_itself_that_could_leave)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },       { CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) }, { CKA_DERIVE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
	};
	CK_MECHANISM m = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE key = 0, copy = 0;

	ck_login(CKU_SO);
	ck_ok(dk_policy("weak-derive"));
	ck_login(CKU_USER);
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &key));
	ck_ok(derive_itself(key, &copy));
	ck_ok(ck->C_DestroyObject(ck_session, copy));
	dk_begin_dual("export");
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(t, 4, &key), 1);
	ck_rv(derive_itself(key, &copy), CKR_SR_NOT_APPROVED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dual");
	TCase *c = tcase_create("dual");

	tcase_add_checked_fixture(c, kit_begin, ck_test_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, beginning_it_needs_two_custodians_with_pins_of_their_own);
	tcase_add_test(c, policy_changes_when_two_custodians_have_approved_exactly_that);
	tcase_add_test(c, one_custodian_is_one_however_often);
	tcase_add_test(c, only_custodians_approve);
	tcase_add_test(c, an_approval_lives_an_hour_by_a_clock_that_nobody_sets);
	tcase_add_test(c, ending_it_needs_two_custodians_as_well);
	tcase_add_test(c, custodian_whom_the_so_makes_anew_has_no_say);
	tcase_add_test(c, custodian_with_the_so_s_pin_joins_no_council);
	tcase_add_test(c, a_new_token_in_the_old_place_knows_no_approvals);
	tcase_add_test(c, nobody_sees_the_record_among_the_objects);
	tcase_add_test(c, records_that_were_taken_away_leave_no_token_without_dual_control);
	tcase_add_test(c, key_derives_no_copy_of_itself_that_could_leave);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
