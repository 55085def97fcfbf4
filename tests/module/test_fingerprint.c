/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_KEY_FINGERPRINT: published values, equal keys, and who may be named and who may not (R2.5). */
#include "pay_kit.h"

#include <string.h>

static CK_OBJECT_HANDLE fpk;

/* The FPK of the vectors, by two custodians; its value is 00 01 02 .. 1f. */
static void begin(void)
{
	uint8_t part[32];

	pay_begin();
	kit_pattern(part, sizeof(part), 5);
	kit_login(KIT_ALICE);
	ck_ok(kit_component("FPK#1/2", CKK_AES, VIEW(part, sizeof(part)), NULL));
	for (size_t i = 0; i < sizeof(part); i++)
		part[i] ^= (uint8_t)i;
	kit_login(KIT_BOB);
	ck_ok(kit_component("FPK#2/2", CKK_AES, VIEW(part, sizeof(part)), NULL));
	ck_ok(kit_combine("FPK", CKK_AES, 32, &fpk));
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "FPK", &fpk), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, pay_aes.label, &pay_aes.key), 1);
}

static CK_RV fingerprint(CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE of, uint8_t *ret, CK_ULONG *len)
{
	CK_MECHANISM m = { CKM_SR_KEY_FINGERPRINT, &of, sizeof(of) };
	CK_RV rv = ck->C_SignInit(ck_session, &m, by);
	uint8_t none = 0;

	return rv == CKR_OK ? ck->C_Sign(ck_session, &none, 0, ret, len) : rv;
}

/* tmk: a TMK of known value. */
static CK_OBJECT_HANDLE tmk(bool aes, struct view value)
{
	return pay_import(&pay_aes, aes ? "K0AB00E" : "K0TE00E", value);
}

START_TEST(fingerprints_are_the_published_ones) /* R2.5 */
{
	FILE *f = kit_vectors("fingerprint.txt");
	unsigned done = 0;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		BUF_AUTO key = { 0 };
		BUF_AUTO out = { 0 };
		CK_OBJECT_HANDLE h;
		uint8_t got[17];
		CK_ULONG len = 16;

		if (strncmp(line, "mech=", 5) != 0)
			continue;
		ck_assert(kit_word(line, "key", &key) && kit_word(line, "out", &out));
		memset(got, 0xa5, sizeof(got));
		h = tmk(strstr(line, "type=AES") != NULL, VIEW(key.p, key.len));
		ck_ok(fingerprint(fpk, h, got, &len));
		ck_assert_uint_eq(len, 16);
		ck_assert_mem_eq(got, out.p, 16);
		ck_assert_uint_eq(got[16], 0xa5);
		done++;
	}
	fclose(f);
	ck_assert_uint_eq(done, 5);
}
END_TEST

START_TEST(equal_keys_have_equal_fingerprints_under_one_fpk_alone) /* R2.5 */
{
	uint8_t value[32], a[16], b[16], c[16], d[16];
	CK_ULONG len = 16;
	CK_OBJECT_HANDLE other = 0, one;

	kit_pattern(value, sizeof(value), 9);
	one = tmk(true, VIEW(value, 32));
	ck_ok(fingerprint(fpk, one, a, &len));
	ck_ok(fingerprint(fpk, tmk(true, VIEW(value, 32)), b, &len));
	value[31] ^= 1;
	ck_ok(fingerprint(fpk, tmk(true, VIEW(value, 32)), c, &len));
	ck_ok(kit_role_key(SR_ROLE_FPK, CKK_AES, 32, &other));
	ck_ok(fingerprint(other, one, d, &len));
	ck_assert_mem_eq(a, b, 16);
	ck_assert_mem_ne(a, c, 16);
	ck_assert_mem_ne(a, d, 16);
}
END_TEST

START_TEST(nothing_but_fpk_makes_them_and_of_nothing_but_tek_auk_and_tmk)
{
	CK_OBJECT_HANDLE plain = kit_plain_key(CKK_AES, 32), pinkey = 0, key, never = 0x7fffff00;
	uint8_t value[32], out[16];
	CK_ULONG len = 16;

	kit_pattern(value, sizeof(value), 9);
	key = tmk(true, VIEW(value, 32));
	ck_ok(kit_role_key(SR_ROLE_PINKEY, CKK_AES, 32, &pinkey));
	ck_assert_uint_eq(fingerprint(plain, key, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(pay_aes.key, key, out, &len), CKR_MECHANISM_INVALID);
	ck_assert_uint_eq(fingerprint(key, key, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(fpk, plain, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(fpk, pinkey, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(fpk, pay_aes.key, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(fpk, fpk, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(fingerprint(fpk, never, out, &len), CKR_KEY_HANDLE_INVALID);
	ck_assert_uint_eq(fingerprint(fpk, 0, out, &len), CKR_KEY_HANDLE_INVALID);
}
END_TEST

START_TEST(operation_takes_one_handle_no_data_and_keeps_to_its_length)
{
	static const CK_ULONG lengths[] = { 0, 1, sizeof(CK_OBJECT_HANDLE) - 1, sizeof(CK_OBJECT_HANDLE) + 1 };
	CK_OBJECT_HANDLE room[2] = { 0 };
	CK_MECHANISM m = { CKM_SR_KEY_FINGERPRINT, room, sizeof(room[0]) };
	uint8_t value[32], out[32], one[16];
	CK_ULONG len = 0;

	kit_pattern(value, sizeof(value), 9);
	room[0] = tmk(true, VIEW(value, 32));
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		m.ulParameterLen = lengths[i];
		ck_assert_uint_eq(ck->C_SignInit(ck_session, &m, fpk), CKR_MECHANISM_PARAM_INVALID);
	}
	m.ulParameterLen = sizeof(room[0]);
	ck_ok(ck->C_SignInit(ck_session, &m, fpk));
	ck_ok(ck->C_Sign(ck_session, value, 0, NULL, &len));
	ck_assert_uint_eq(len, 16);
	len = 15;
	ck_assert_uint_eq(ck->C_Sign(ck_session, value, 0, out, &len), CKR_BUFFER_TOO_SMALL);
	len = sizeof(one);
	ck_ok(ck->C_Sign(ck_session, value, 0, one, &len));
	ck_assert_uint_eq(ck->C_Sign(ck_session, value, 0, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(ck->C_SignInit(ck_session, &m, fpk));
	len = sizeof(out);
	ck_assert_uint_eq(ck->C_Sign(ck_session, value, 1, out, &len), CKR_DATA_LEN_RANGE);
	/* in parts, without any */
	ck_ok(ck->C_SignInit(ck_session, &m, fpk));
	len = sizeof(out);
	ck_ok(ck->C_SignFinal(ck_session, out, &len));
	ck_assert_uint_eq(len, 16);
	ck_assert_mem_eq(out, one, 16);
	ck_assert_uint_ne(ck->C_VerifyInit(ck_session, &m, fpk), CKR_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fingerprint");
	TCase *c = tcase_create("fingerprint");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, begin, pay_end);
	tcase_add_test(c, fingerprints_are_the_published_ones);
	tcase_add_test(c, equal_keys_have_equal_fingerprints_under_one_fpk_alone);
	tcase_add_test(c, nothing_but_fpk_makes_them_and_of_nothing_but_tek_auk_and_tmk);
	tcase_add_test(c, operation_takes_one_handle_no_data_and_keeps_to_its_length);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
