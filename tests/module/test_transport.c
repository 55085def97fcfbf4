/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that services share go from token to token, and nothing else goes that way (R1.3, R6.3): PK, MAK, SRK, KBPK,
 * ROOT and DMK, with two custodians who approve key and target, and two who approve what comes in.
 */
#include "transport_kit.h"

#include <stdlib.h>
#include <string.h>

/* R1.3: PK leaves under the key of another token and comes back as what it was. */
START_TEST(key_goes_out_and_comes_in_with_the_approval_of_two)
{
	CK_OBJECT_HANDLE pk, back = 0;
	struct transport t;
	uint8_t before[3], after[3];

	tk_setup();
	pk = tk_key("PK-ACME");
	ck_ok(kit_check_value(pk, before));
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, pk), CKR_SR_NOT_APPROVED);
	tk_approve_out("PK-ACME", tk_pub, true, true);
	pk = tk_key("PK-ACME");
	/* Asking for the length uses nothing up. */
	ck_ok(tk_length(tk_pub, pk));
	ck_ok(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, pk));
	t = tk_parsed();
	ck_assert_uint_eq(t.role, SR_ROLE_PK);
	ck_assert_uint_eq(t.generation, 1);
	ck_assert(view_equal(t.label, VIEW_STR("PK-ACME")));
	ck_assert_mem_eq(t.check.value, before, 3);
	/* Once. */
	ck_rv(tk_again(tk_pub, pk), CKR_SR_NOT_APPROVED);
	ck_ok(ck->C_DestroyObject(ck_session, pk));
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_SR_NOT_APPROVED);
	tk_approve_in(true, false);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_SR_NOT_APPROVED);
	tk_approve_in(false, true);
	/* Bob, one of the two, does it himself. */
	ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back));
	ck_assert_uint_eq(ck_get_ulong(back, CKA_SR_ROLE), SR_ROLE_PK);
	ck_assert_uint_eq(ck_get_ulong(back, CKA_SR_GENERATION), 1);
	ck_assert(ck_get_bool(back, CKA_TOKEN) && ck_get_bool(back, CKA_SENSITIVE) && ck_get_bool(back, CKA_PRIVATE));
	ck_assert(!ck_get_bool(back, CKA_EXTRACTABLE) && !ck_get_bool(back, CKA_LOCAL));
	ck_ok(kit_check_value(back, after));
	ck_assert_mem_eq(before, after, 3);
	/* A block comes in once: the key is there. */
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_ACTION_PROHIBITED);
}
END_TEST

/* R6.3: what is wrapped opens with the standard mechanism of any other token. */
START_TEST(wrapped_key_opens_by_standard_oaep)
{
	static const CK_MECHANISM_TYPE hashes[] = { CKM_SHA_1, CKM_SHA256, CKM_SHA384, CKM_SHA512 };
	static const CK_RSA_PKCS_MGF_TYPE mgf[] = { CKG_MGF1_SHA1, CKG_MGF1_SHA256, CKG_MGF1_SHA384, CKG_MGF1_SHA512 };
	CK_RSA_PKCS_OAEP_PARAMS p = { hashes[_i], mgf[_i], CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_SENSITIVE, &yes, 1 } };
	CK_OBJECT_HANDLE pk, pub, private, back = 0;
	struct transport block;
	uint8_t check[3];

	tk_setup();
	tk_token_pair(2048, 0, &pub, &private);
	tk_approve_out("PK-ACME", pub, true, true);
	pk = tk_key("PK-ACME");
	private = tk_ordinary_private();
	ck_ok(tk_out(CKM_SR_TRANSPORT_RSA, hashes[_i], pub, pk));
	block = tk_parsed();
	ck_ok(ck->C_UnwrapKey(ck_session, &m, private, (CK_BYTE_PTR)(uintptr_t)block.wrapped.p, block.wrapped.n, t, 4,
			      &back));
	ck_ok(kit_check_value(back, check));
	ck_assert_mem_eq(check, block.check.value, 3);
}
END_TEST

/* R1.3: every role that services share, and no other. */
START_TEST(roles_that_travel_and_roles_that_do_not)
{
	static const struct kit_wish wishes[] = { { "MAK-ACME", CKK_AES, 32 },
						  { "DMK-ACME", CKK_AES, 32 },
						  { "ROOT-ACME", CKK_AES, 32 },
						  { "KBPK-ACME", CKK_DES2, 16 } };
	static const CK_ULONG stays[] = { SR_ROLE_TMK, SR_ROLE_PINKEY, SR_ROLE_MACKEY, SR_ROLE_DWK };
	CK_OBJECT_HANDLE h = 0, back = 0, pub = 0, private = 0;

	tk_setup();
	kit_combined(wishes, ARRAY_LEN(wishes));
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		tk_approve_out(wishes[i].name, tk_pub, true, true);
		ck_ok(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, h = tk_key(wishes[i].name)));
		ck_ok(ck->C_DestroyObject(ck_session, h));
		tk_approve_in(true, true);
		ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back));
		ck_assert(!ck_get_bool(back, CKA_EXTRACTABLE));
	}
	kit_login(KIT_USER);
	for (size_t i = 0; i < ARRAY_LEN(stays); i++) {
		h = tk_generated(stays[i], "stays");
		tk_approve_out("stays", tk_pub, true, true);
		ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, h = tk_key("stays")), CKR_KEY_NOT_WRAPPABLE);
		ck_ok(ck->C_DestroyObject(ck_session, h));
	}
	/* Session keys, ordinary keys, private keys. */
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, kit_plain_key(CKK_AES, 32)), CKR_KEY_NOT_WRAPPABLE);
	ck_ok(kit_role_key(SR_ROLE_SRK, CKK_AES, 32, &h));
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, h), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, tk_priv()), CKR_KEY_NOT_WRAPPABLE);
	kit_pair(2048, true, &pub, &private);
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, private), CKR_KEY_NOT_WRAPPABLE);
}
END_TEST

/* R1.3: half a key does not travel, nor does the key that carries the others. */
START_TEST(component_and_transport_key_do_not_travel)
{
	static const struct kit_wish wishes[] = { { "KTK-1", CKK_AES, 32 } };
	uint8_t half[32];
	CK_OBJECT_HANDLE h = 0;

	tk_setup();
	kit_combined(wishes, 1);
	kit_pattern(half, sizeof(half), 99);
	kit_login(KIT_ALICE);
	ck_ok(kit_component("PK-NEW#1/2", CKK_AES, VIEW(half, sizeof(half)), &h));
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, h), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(tk_out(CKM_SR_TRANSPORT_AES, 0, tk_key("KTK-1"), h), CKR_KEY_NOT_WRAPPABLE);
	tk_approve_out("KTK-1", tk_pub, true, true);
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, tk_key("KTK-1")), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(tk_out(CKM_SR_TRANSPORT_AES, 0, tk_key("KTK-1"), tk_key("KTK-1")), CKR_KEY_NOT_WRAPPABLE);
}
END_TEST

/* R1.3: the other way, under a key that was combined in both tokens. */
START_TEST(key_goes_under_a_combined_transport_key)
{
	static const struct kit_wish wishes[] = { { "KTK-1", CKK_AES, 32 } };
	CK_OBJECT_HANDLE pk, back = 0;
	struct transport t;

	tk_setup();
	kit_combined(wishes, 1);
	kit_login(KIT_USER);
	ck_rv(tk_out(CKM_SR_TRANSPORT_AES, 0, tk_key("KTK-1"), tk_key("PK-ACME")), CKR_SR_NOT_APPROVED);
	tk_approve_out_ktk("PK-ACME", "KTK-1");
	pk = tk_key("PK-ACME");
	ck_rv(tk_out(CKM_SR_TRANSPORT_AES, CKM_SHA256, tk_key("KTK-1"), pk), CKR_MECHANISM_PARAM_INVALID);
	ck_rv(tk_out(CKM_SR_TRANSPORT_AES, 0, kit_plain_key(CKK_AES, 32), pk), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(tk_out(CKM_SR_TRANSPORT_AES, 0, tk_key("KTK-1"), pk));
	t = tk_parsed();
	ck_assert_uint_eq(t.wrapped.n, 40);
	ck_assert_uint_eq(t.target.n, 16);
	ck_ok(ck->C_DestroyObject(ck_session, pk));
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
	ck_ok(tk_in(CKM_SR_TRANSPORT_AES, tk_key("KTK-1"), &back));
	ck_assert_uint_eq(ck_get_ulong(back, CKA_SR_ROLE), SR_ROLE_PK);
}
END_TEST

/* R1.12: the KMS's storage root comes to a second node, and never beside a Pr. */
START_TEST(storage_root_travels_but_not_to_a_token_with_pr)
{
	CK_OBJECT_HANDLE pub = 0, private = 0, back = 0;
	CK_ATTRIBUTE t = { 0 };
	CK_BBOOL yes = CK_TRUE;

	tk_setup();
	tk_generated(SR_ROLE_SRK, "SRK");
	tk_approve_out("SRK", tk_pub, true, true);
	ck_ok(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, tk_key("SRK")));
	/* The same token with another SRK of that label and generation, then, retired and destroyed, without. */
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_ACTION_PROHIBITED);
	tk_retire("SRK");
	tk_destroy("SRK");
	t = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, 1 };
	tk_pair_of(2048, SR_ROLE_PR, &t, &pub, &private);
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_ACTION_PROHIBITED);
	kit_login(KIT_USER);
	ck_ok(ck->C_DestroyObject(ck_session, tk_by_role(CKO_PRIVATE_KEY, SR_ROLE_PR)));
	/* The refusal used no approval up. */
	ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back));
	ck_assert_uint_eq(ck_get_ulong(back, CKA_SR_ROLE), SR_ROLE_SRK);
	ck_assert(!ck_get_bool(back, CKA_DESTROYABLE));
}
END_TEST

/* R1.3: a generation keeps its number, and another value beside it is another generation. */
START_TEST(generations_keep_their_numbers)
{
	static const struct kit_wish next[] = { { "PK-ACME", CKK_AES, 32 } };
	uint8_t first[SR_TRANSPORT_MAX];
	CK_ULONG first_len;
	CK_OBJECT_HANDLE h = 0, back = 0;

	tk_setup();
	tk_approve_out("PK-ACME", tk_pub, true, true);
	ck_ok(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, tk_pub, h = tk_key("PK-ACME")));
	memcpy(first, tk_block, tk_len);
	first_len = tk_len;
	ck_ok(ck->C_DestroyObject(ck_session, h));
	/* Another key of that name takes number 1: the block's number is not free. */
	tk_fresh(&next[0], 41);
	memcpy(tk_block, first, first_len);
	tk_len = first_len;
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_ACTION_PROHIBITED);
	/* And of generation 2, when that one is gone, the block of number 1 stands beside. */
	tk_fresh(&next[0], 42);
	kit_login(KIT_USER);
	tk_generation("PK-ACME", 1, &h);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back));
	ck_assert_uint_eq(ck_get_ulong(back, CKA_SR_GENERATION), 1);
}
END_TEST

static Suite *transport_suite(void)
{
	Suite *s = suite_create("transport");
	TCase *both = tcase_create("mechanisms"), *c = tcase_create("ways");

	/* Each way once: suite `served` runs these alone. */
	tcase_set_timeout(both, 120);
	tcase_add_checked_fixture(both, kit_begin, ck_test_end);
	tcase_add_test(both, key_goes_out_and_comes_in_with_the_approval_of_two);
	tcase_add_test(both, key_goes_under_a_combined_transport_key);
	suite_add_tcase(s, both);
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, kit_begin, ck_test_end);
	tcase_add_loop_test(c, wrapped_key_opens_by_standard_oaep, 0, 4);
	tcase_add_test(c, roles_that_travel_and_roles_that_do_not);
	tcase_add_test(c, component_and_transport_key_do_not_travel);
	tcase_add_test(c, storage_root_travels_but_not_to_a_token_with_pr);
	tcase_add_test(c, generations_keep_their_numbers);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return ck_test_run(transport_suite());
}
