/* SPDX-License-Identifier: BSD-2-Clause */
/* What the owner of a session may try, and does not get: user, custodian, SO. */
#include "tk_kit.h"

#include <stdio.h>
#include <string.h>

#define HUGE_LENGTH (~0UL)

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_OBJECT_HANDLE enter(const char *pin, const char *label, unsigned seed)
{
	CK_OBJECT_HANDLE h = 0;
	uint8_t value[32];

	kit_pattern(value, sizeof(value), seed);
	kit_login(pin);
	ck_ok(kit_component(label, CKK_AES, VIEW(value, sizeof(value)), &h));
	return h;
}

/* R1.3: the SO sees components to destroy them and keys to trust them; he uses none. */
START_TEST(so_uses_no_private_key)
{
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	CK_ATTRIBUTE trusted = { CKA_TRUSTED, &yes, 1 };
	CK_OBJECT_HANDLE h = 0;
	uint8_t value[3];

	enter(KIT_ALICE, "PK-SO#1/2", 1);
	ck_login(CKU_SO);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-SO#1/2", &h), 1);
	ck_rv(kit_check_value(h, value), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_DigestInit(ck_session, &m), CKR_USER_NOT_LOGGED_IN);
	ck_rv(kit_combine("PK-SO", CKK_AES, 32, &h), CKR_USER_NOT_LOGGED_IN);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-SO#1/2", NULL), 0);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK", &h), 1);
	ck_rv(kit_check_value(h, value), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_SetAttributeValue(ck_session, h, &trusted, 1), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_DestroyObject(ck_session, h), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_USER);
}
END_TEST

/* R1.3: a component that asks to stay for ever does not get it: its custodian and the SO can destroy it. */
START_TEST(component_cannot_be_made_to_stay)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE value[32] = { 1, 2, 3 };
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &aes, sizeof(aes) },
		{ CKA_TOKEN, &yes, 1 },
		{ CKA_VALUE, value, sizeof(value) },
		{ CKA_LABEL, (void *)(uintptr_t) "PK-STAY#1/2", 11 },
		{ CKA_DESTROYABLE, &no, 1 },
	};

	kit_login(KIT_ALICE);
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
	ck_assert(ck_get_bool(h, CKA_DESTROYABLE));
	ck_login(CKU_SO);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-STAY#1/2", &h), 1);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	kit_login(KIT_USER);
}
END_TEST

/* R6.4: a name is what it is, no byte of it is passed over. */
START_TEST(user_name_with_a_zero_byte_is_nobody)
{
	static const char *const names[] = { "alice\0x", "\0", "Alice", "alice ", "" };
	static const CK_ULONG lengths[] = { 7, 1, 5, 6, 0 };

	kit_login(NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_rv(ck3->C_LoginUser(ck_session, CKU_USER, CK_TEXT("aaaaaaaa"), (CK_UTF8CHAR_PTR)(uintptr_t)names[i],
				       lengths[i]),
		      CKR_PIN_INCORRECT);
	kit_login(KIT_ALICE); /* and alice has lost no try by it */
	kit_login(KIT_USER);
}
END_TEST

/* R1.13: no attribute tells a secret value, not even whether a guess is right. */
START_TEST(search_answers_no_guess_of_a_value)
{
	uint8_t value[32];
	CK_ATTRIBUTE t[] = { { CKA_VALUE, value, 32 } };
	CK_ATTRIBUTE exponent[] = { { CKA_PRIVATE_EXPONENT, value, 1 } };
	CK_OBJECT_HANDLE h = enter(KIT_ALICE, "MAK-GUESS#1/2", 7);

	kit_pattern(value, sizeof(value), 7); /* it is this one */
	ck_assert_uint_eq(ck_find(t, 1, NULL), 0);
	kit_wish_value(&tk_wishes[2], value);
	ck_assert_uint_eq(ck_find(t, 1, NULL), 0);
	t[0].ulValueLen = 0;
	ck_assert_uint_eq(ck_find(t, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(exponent, 1, NULL), 0);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	kit_login(KIT_USER);
}
END_TEST

static void refind(void)
{
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i].name, &tk_pk[i]), 1);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i + 3].name, &tk_mak[i]), 1);
	}
	kit_pair(2048, true, &tk_pu, &tk_pr);
}

/* Lengths inside the vendor's parameters are believed to nobody. */
START_TEST(vendor_parameters_with_absurd_lengths_are_refused)
{
	CK_BYTE some[1600] = { 0 }, out[SR_RECORD_MAX];
	CK_OBJECT_HANDLE tek = 77, auk = 77;
	CK_ULONG n = sizeof(out), packet_len = sizeof(some), before;
	struct sr_tk_rewrap_params rewrap, good;
	struct sr_tk_generate_params g, make;
	struct sr_tmk_params tmk;
	struct tk_way w;
	CK_MECHANISM m = { CKM_SR_TK_REWRAP, &rewrap, sizeof(rewrap) };

	refind();
	tk_whole_way(&tk_shapes[7], &w);
	before = kit_count();
	good = (struct sr_tk_rewrap_params){ .hMak = tk_mak[2],
					     .pPacket = w.tk.packet,
					     .ulPacketLen = w.tk.packet_len,
					     .pCustomer = (CK_BYTE_PTR)(uintptr_t) "ACME",
					     .ulCustomerLen = 4 };
	rewrap = good;
	rewrap.ulPacketLen = HUGE_LENGTH;
	ck_rv(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &n), CKR_WRAPPED_KEY_INVALID);
	rewrap = good;
	rewrap.ulCustomerLen = HUGE_LENGTH;
	ck_rv(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &n), CKR_MECHANISM_PARAM_INVALID);
	rewrap = good;
	rewrap.pTekIv = some;
	rewrap.ulTekIvLen = HUGE_LENGTH;
	ck_rv(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &n), CKR_MECHANISM_PARAM_INVALID);
	ck_rv(kit_open(tk_pk[2], tk_mak[2], VIEW(some, HUGE_LENGTH), &tek, &auk), CKR_WRAPPED_KEY_INVALID);
	ck_rv(kit_load(w.tk.tek, w.tk.auk, VIEW(some, HUGE_LENGTH), true, &tek), CKR_WRAPPED_KEY_INVALID);
	for (int i = 0; i < 3; i++) {
		CK_MECHANISM load = { CKM_SR_TMK_LOAD, &tmk, sizeof(tmk) };
		CK_MECHANISM export = { CKM_SR_TMK_EXPORT, &tmk, sizeof(tmk) };
		CK_OBJECT_HANDLE key = 0;

		ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 16, &key));
		tmk = (struct sr_tmk_params){ .hAuk = w.tk.auk,
					      .pTerminalRandom = some,
					      .ulTerminalRandomLen = i == 0 ? HUGE_LENGTH : 16,
					      .pHostRandom = some,
					      .ulHostRandomLen = i == 1 ? HUGE_LENGTH : 16,
					      .pIv = i == 2 ? some : NULL,
					      .ulIvLen = i == 2 ? HUGE_LENGTH : 0 };
		ck_rv(ck->C_UnwrapKey(ck_session, &load, w.tk.tek, some, 100, NULL, 0, &tek),
		      CKR_MECHANISM_PARAM_INVALID);
		tmk.hAuk = w.auk;
		ck_rv(ck->C_WrapKey(ck_session, &export, w.tek, key, out, &n), CKR_MECHANISM_PARAM_INVALID);
		ck_ok(ck->C_DestroyObject(ck_session, key));
	}
	make = kit_tk_params(&w.tk, tk_pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);
	make.phAuk = &auk;
	make.pPacket = some;
	make.pulPacketLen = &packet_len;
	for (int i = 0; i < 5; i++) {
		CK_MECHANISM generate = { CKM_SR_TK_GENERATE, &g, sizeof(g) };

		g = make;
		*(i == 0   ? &g.ulSerialLen
		  : i == 1 ? &g.ulPinPadLen
		  : i == 2 ? &g.ulCertSerialLen
		  : i == 3 ? &g.keyLen
			   : &g.suite) = HUGE_LENGTH;
		ck_rv(ck->C_GenerateKey(ck_session, &generate, NULL, 0, &tek), CKR_MECHANISM_PARAM_INVALID);
	}
	ck_assert(tek == 77 && auk == 77 && n == sizeof(out) && packet_len == sizeof(some));
	ck_assert_uint_eq(kit_count(), before);
	tk_drop(&w);
}
END_TEST

/* R1.10, R1.11: the halves of two pairs are no pair, whichever terminal, counter, version or side they are of. */
START_TEST(tek_of_one_pair_takes_no_auk_of_another)
{
	CK_OBJECT_HANDLE tmk = 0, loaded = 77;
	uint8_t out[SR_TMK_MESSAGE_MAX], good[SR_TMK_MESSAGE_MAX];
	CK_ULONG n = sizeof(out), good_len = sizeof(good);
	struct tk_way a, b;

	refind();
	tk_whole_way(&tk_shapes[7], &a);
	tk_whole_way(&tk_shapes[7], &b); /* same terminal, next counter */
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(a.tek, a.auk, tmk, true, good, &good_len));
	ck_rv(kit_export(a.tek, b.auk, tmk, true, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_export(a.tek, a.tk.auk, tmk, true, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_export(a.tek, a.tek, tmk, true, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_export(a.tek, tk_mak[2], tmk, true, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_load(a.tk.tek, b.tk.auk, VIEW(good, good_len), true, &loaded), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_load(a.tk.tek, a.auk, VIEW(good, good_len), true, &loaded), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(kit_load(b.tk.tek, b.tk.auk, VIEW(good, good_len), true, &loaded), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(loaded, 77);
	ck_ok(kit_load(a.tk.tek, a.tk.auk, VIEW(good, good_len), true, &loaded));
	tk_same_key(tmk, loaded);
	n = sizeof(out);
	ck_rv(kit_export(a.tek, a.auk, loaded, true, out, &n), CKR_KEY_UNEXTRACTABLE); /* a loaded TMK stays */
	ck_ok(ck->C_DestroyObject(ck_session, loaded));
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&a);
	tk_drop(&b);
}
END_TEST

/* CKA_TRUSTED is the SO's word about one object; a user who copies the object, and adds usages, has not got his word.
 */
START_TEST(copy_of_a_trusted_key_is_not_trusted)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_BYTE value[32] = { 5, 6, 7 };
	CK_OBJECT_HANDLE h = 0, copy = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &aes, sizeof(aes) },
		{ CKA_VALUE, value, sizeof(value) },
		{ CKA_PRIVATE, &no, 1 },
		{ CKA_WRAP, &yes, 1 },
		{ CKA_TRUSTED, &yes, 1 },
		{ CKA_TOKEN, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t) "trusted", 7 },
	};
	CK_ATTRIBUTE more[] = { { CKA_SIGN, &yes, 1 } };

	ck_login(CKU_SO);
	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
	ck_ok(ck->C_CopyObject(ck_session, h, NULL, 0, &copy));
	ck_assert(ck_get_bool(copy, CKA_TRUSTED)); /* his own copy */
	ck_ok(ck->C_DestroyObject(ck_session, copy));
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "trusted", &h), 1);
	ck_assert(ck_get_bool(h, CKA_TRUSTED));
	ck_ok(ck->C_CopyObject(ck_session, h, more, 1, &copy));
	ck_assert(!ck_get_bool(copy, CKA_TRUSTED));
	ck_rv(ck->C_SetAttributeValue(ck_session, h, more, 1), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_DestroyObject(ck_session, copy));
	ck_ok(ck->C_DestroyObject(ck_session, h));
}
END_TEST

/*
 * Last test, for the rule stays. R1.12, R1.13: at the KMS nobody makes a Pr of his own. With one he could re-wrap a
 * packet whose TEK and AUK he knows into a good record, open it, and take every TMK out under that TEK.
 */
START_TEST(no_pr_is_born_beside_a_storage_key)
{
	CK_MECHANISM pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG bits = 2048, length = 32, pr = SR_ROLE_PR, srk = SR_ROLE_SRK, before;
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE private[] = { { CKA_SR_ROLE, &pr, sizeof(pr) }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE key[] = { { CKA_SR_ROLE, &srk, sizeof(srk) },
			       { CKA_VALUE_LEN, &length, sizeof(length) },
			       { CKA_TOKEN, &yes, 1 },
			       { CKA_DESTROYABLE, &yes, 1 } };
	CK_OBJECT_HANDLE h = 77, k = 77, storage = 0;

	kit_login(KIT_USER);
	ck_rv(ck->C_GenerateKey(ck_session, &aes, key, 4, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_ok(ck->C_GenerateKey(ck_session, &aes, key, 3, &storage));
	before = kit_count();
	for (CK_ULONG n = 1; n <= 2; n++)
		ck_rv(ck->C_GenerateKeyPair(ck_session, &pair, public, 1, private, n, &h, &k), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_DestroyObject(ck_session, storage), CKR_ACTION_PROHIBITED);
	ck_assert(h == 77 && k == 77);
	ck_assert_uint_eq(kit_count(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("attack");
	TCase *c = tcase_create("attack");

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_test(c, so_uses_no_private_key);
	tcase_add_test(c, component_cannot_be_made_to_stay);
	tcase_add_test(c, user_name_with_a_zero_byte_is_nobody);
	tcase_add_test(c, search_answers_no_guess_of_a_value);
	tcase_add_test(c, vendor_parameters_with_absurd_lengths_are_refused);
	tcase_add_test(c, tek_of_one_pair_takes_no_auk_of_another);
	tcase_add_test(c, copy_of_a_trusted_key_is_not_trusted);
	tcase_add_test(c, no_pr_is_born_beside_a_storage_key);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
