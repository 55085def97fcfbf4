/* SPDX-License-Identifier: BSD-2-Clause */
/* Working keys: between host and terminal, and in the database of the KMS (R1.12 R3.3 R3.4). */
#include "role_kit.h"

#include <string.h>

static CK_RV block(CK_OBJECT_HANDLE wrapper, CK_OBJECT_HANDLE cargo, const char *usage, CK_BYTE mode, CK_BYTE *out,
		   CK_ULONG *len)
{
	struct sr_key_block_params p = { .usage = { (CK_BYTE)usage[0], (CK_BYTE)usage[1] },
					 .mode = mode,
					 .keyVersion = { '0', '0' },
					 .exportability = 'E' };
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };

	return ck->C_WrapKey(ck_session, &m, wrapper, cargo, out, len);
}

/*
 * Working keys go from the host's TMK to the terminal's and stay there. Whoever has a session can make a TK under a Pu
 * of his own, and so load a TMK and a PINKEY that he knows: no PIN of the host may become readable by that.
 */
START_TEST(working_key_of_a_terminal_stays_in_its_corner) /* R3.3 R3.4 */
{
	static char pan[] = "4012345678909012";
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, NULL, 0 };
	CK_BYTE out[SR_KEY_BLOCK_MAX], pin_block[16] = { 0 };
	CK_ULONG len = sizeof(out);
	CK_OBJECT_HANDLE pin = 0, mac = 0, none = 0;
	struct sr_pin_translate_params p = { 0, 4, 4, (CK_BYTE_PTR)pan, 16 };
	CK_MECHANISM translate = { CKM_SR_PIN_TRANSLATE, &p, sizeof(p) };
	uint8_t a[3], b[3];

	ck_ok(block(key[TMK], key[PINKEY], "P0", 'B', out, &len));
	ck_rv(ck->C_UnwrapKey(ck_session, &m, key[TMK], out, len, NULL, 0, &none), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(ck->C_UnwrapKey(ck_session, &m, key[TMK_LOADED], out, len, NULL, 0, &pin));
	ck_ok(kit_check_value(pin, a));
	ck_ok(kit_check_value(key[PINKEY], b));
	ck_assert_mem_eq(a, b, 3);
	ck_assert_uint_eq(ck_get_ulong(key[PINKEY], CKA_SR_SIDE), SR_SIDE_HOST);
	ck_assert_uint_eq(ck_get_ulong(pin, CKA_SR_SIDE), SR_SIDE_TERMINAL);
	ck_assert(!ck_get_bool(pin, CKA_EXTRACTABLE) && !ck_get_bool(pin, CKA_DECRYPT) &&
		  !ck_get_bool(pin, CKA_ENCRYPT));
	p.hOutKey = pin;
	ck_rv(ck->C_DecryptInit(ck_session, &translate, key[PINKEY]), CKR_KEY_FUNCTION_NOT_PERMITTED);
	p.hOutKey = key[PINKEY];
	ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &translate, pin), CKR_OK);
	ck_ok(ck->C_DecryptInit(ck_session, &translate, key[PINKEY]));
	(void)ck->C_Decrypt(ck_session, pin_block, 16, out, &len);
	len = sizeof(out);
	ck_rv(block(key[SRK], pin, "P0", 'B', out, &len), CKR_KEY_UNEXTRACTABLE);
	ck_rv(block(key[KBPK], pin, "P0", 'B', out, &len), CKR_KEY_UNEXTRACTABLE);
	ck_assert_uint_ne(block(key[TMK_LOADED], key[PINKEY], "P0", 'B', out, &len), CKR_OK);
	/* A MACKEY works on both sides. */
	len = sizeof(out);
	ck_ok(block(key[TMK], key[MACKEY], "M6", 'C', out, &len));
	ck_ok(ck->C_UnwrapKey(ck_session, &m, key[TMK_LOADED], out, len, NULL, 0, &mac));
	ck_assert(ck_get_bool(mac, CKA_SIGN) && ck_get_bool(mac, CKA_VERIFY) && !ck_get_bool(mac, CKA_EXTRACTABLE));
}
END_TEST

/* The storage root key keeps working keys and master keys as key blocks, which say what they are (R1.12). */
START_TEST(srk_keeps_working_keys_in_their_roles)
{
	static const struct {
		int key;
		const char *usage;
		CK_BYTE mode;
		bool stored;
	} cases[] = { { TMK, "K0", 'B', true },         { PINKEY, "P0", 'B', true },
		      { MACKEY, "M6", 'C', true },      { DWK, SR_KEY_BLOCK_USAGE_DWK, 'N', true },
		      { ROOT, "B3", 'X', false },       { KBPK, "K1", 'B', false },
		      { TMK_LOADED, "K0", 'B', false }, { TEK_HOST, "K0", 'B', false } };
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, NULL, 0 };
	CK_BYTE out[SR_KEY_BLOCK_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_ULONG len = sizeof(out);
		CK_OBJECT_HANDLE h = 0;
		uint8_t a[3], b[3];
		CK_RV rv = block(key[SRK], key[cases[i].key], cases[i].usage, cases[i].mode, out, &len);

		ck_assert_msg((rv == CKR_OK) == cases[i].stored, "%s: %lx", names[cases[i].key].name, rv);
		if (rv != CKR_OK)
			continue;
		ck_ok(ck->C_UnwrapKey(ck_session, &m, key[SRK], out, len, NULL, 0, &h));
		ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), names[cases[i].key].role);
		ck_ok(kit_check_value(h, a));
		ck_ok(kit_check_value(key[cases[i].key], b));
		ck_assert_mem_eq(a, b, 3);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("working key");
	TCase *c = tcase_create("working key");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, role_begin, ck_test_end);
	tcase_add_test(c, working_key_of_a_terminal_stays_in_its_corner);
	tcase_add_test(c, srk_keeps_working_keys_in_their_roles);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
