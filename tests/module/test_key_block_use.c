/* SPDX-License-Identifier: BSD-2-Clause */
/* Key blocks (TR-31, X9.143): published blocks, both ways, every wrong byte, what a header makes of a key (R3.3 R6.2).
 */
#include "pay_kit.h"

#include <string.h>

static const uint8_t value[32] = { 0x3f, 0x41, 0x9e, 0x1c, 0xb7, 0x07, 0x94, 0x42, 0xaa, 0x37, 0x47,
				   0x4c, 0x2e, 0xfb, 0xf8, 0xb8, 0x10, 0x29, 0x38, 0x47, 0x56, 0x61,
				   0x70, 0x8f, 1,    2,    3,    4,    5,    6,    7,    8 };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

#define AES_KBPK VIEW(pay_aes.value, 32)

/* What a header gives: role under a KBPK, usages and mechanisms under an ordinary key. E D S V W U X. */
static const struct {
	const char *header;
	CK_KEY_TYPE type;
	size_t len;
	CK_ULONG role;        /* under a KBPK; 0: refused */
	const char *ordinary; /* usages under an ordinary key; NULL: refused */
} meanings[] = {
	{ "P0AB00E", CKK_AES, 16, SR_ROLE_PINKEY, NULL },
	{ "P0TN00E", CKK_DES2, 16, SR_ROLE_PINKEY, NULL },
	{ "D0AB00E", CKK_AES, 32, 0, "ED-----" },
	{ "D0AE00E", CKK_AES, 24, 0, "E------" },
	{ "D0TD00N", CKK_DES3, 24, 0, "-D-----" },
	{ "D0DN00S", CKK_DES, 8, 0, "ED-----" },
	{ "M1DC00E", CKK_DES, 8, SR_ROLE_MACKEY, "--SV---" },
	{ "M3TG00E", CKK_DES2, 16, SR_ROLE_MACKEY, "--S----" },
	{ "M6AV00E", CKK_AES, 16, SR_ROLE_MACKEY, "---V---" },
	{ "M0TN00E", CKK_DES2, 16, SR_ROLE_MACKEY, "--SV---" },
	{ "M7HC00E", CKK_SHA256_HMAC, 32, 0, "--SV---" },
	{ "K0AB00E", CKK_AES, 32, SR_ROLE_TMK, "----WU-" },
	{ "K0TE00E", CKK_DES2, 16, SR_ROLE_TMK, "----W--" },
	{ "K1AD00E", CKK_AES, 32, SR_ROLE_TMK, "-----U-" },
	{ "B3TX00E", CKK_DES2, 16, SR_ROLE_ROOT, "------X" },
	{ "B0TX12S", CKK_DES2, 16, 0, "------X" },
	{ "E0AN00N", CKK_AES, 16, 0, "------X" },
	{ "C0TC00E", CKK_DES2, 16, 0, "--SV---" },
	{ "V2TV00E", CKK_DES2, 16, 0, "---V---" },
	{ "20TN00E", CKK_DES2, 16, SR_ROLE_DMK, NULL },
	{ "21DN00E", CKK_DES, 8, SR_ROLE_DWK, NULL },
};

START_TEST(header_says_what_the_key_may_do)
{
	static const CK_ATTRIBUTE_TYPE usages[] = { CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
						    CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE };
	CK_OBJECT_HANDLE ordinary = pay_key(CKK_AES, AES_KBPK, CKF_UNWRAP);
	uint8_t text[SR_KEY_BLOCK_MAX];

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		CK_OBJECT_HANDLE h = 0;
		uint8_t key[32];
		size_t n;
		CK_RV rv;

		memcpy(key, value, meanings[i].len);
		n = pay_block(CKK_AES, AES_KBPK, meanings[i].header, "HM0621", VIEW(key, meanings[i].len), text);
		rv = pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h);
		ck_assert_msg(rv == (meanings[i].role ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED), "%s: %lx",
			      meanings[i].header, rv);
		if (rv == CKR_OK) {
			ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), meanings[i].role);
			ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_TYPE), meanings[i].type);
			ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_COPYABLE));
			ck_ok(ck->C_DestroyObject(ck_session, h));
		}
		rv = pay_unwrap(ordinary, VIEW(text, n), NULL, 0, &h);
		ck_assert_msg(rv == (meanings[i].ordinary ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED), "%s: %lx",
			      meanings[i].header, rv);
		if (rv != CKR_OK)
			continue;
		for (size_t u = 0; u < ARRAY_LEN(usages); u++)
			ck_assert_msg(ck_get_bool(h, usages[u]) == (meanings[i].ordinary[u] != '-'), "%s, usage %zu",
				      meanings[i].header, u);
		ck_assert_uint_eq(ck_get_ulong(h, CKA_VALUE_LEN), meanings[i].len);
		ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_TYPE), meanings[i].type);
		ck_ok(ck->C_DestroyObject(ck_session, h));
	}
	ck_ok(ck->C_DestroyObject(ck_session, ordinary));
}
END_TEST

START_TEST(template_asks_for_less_never_for_more)
{
	CK_OBJECT_HANDLE ordinary = pay_key(CKK_AES, AES_KBPK, CKF_UNWRAP), h = 0;
	CK_MECHANISM_TYPE cmac[] = { CKM_AES_CMAC }, ecb[] = { CKM_AES_CMAC, CKM_AES_ECB };
	CK_ULONG role = SR_ROLE_MACKEY, len = 16, other_len = 32;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES, des = CKK_DES2;
	uint8_t facts[SR_KEY_BLOCK_HEADER_FACTS];
	CK_ATTRIBUTE header = { CKA_SR_KEY_BLOCK_HEADER, facts, sizeof(facts) };
	CK_OBJECT_HANDLE copy = 0;
	struct {
		CK_ATTRIBUTE a;
		bool good, good_with_role;
	} cases[] = {
		{ { CKA_SIGN, &no, 1 }, true, true },
		{ { CKA_VERIFY, &yes, 1 }, true, true },
		{ { CKA_ENCRYPT, &no, 1 }, true, true },
		{ { CKA_ENCRYPT, &yes, 1 }, false, false },
		{ { CKA_WRAP, &yes, 1 }, false, false },
		{ { CKA_DERIVE, &yes, 1 }, false, false },
		{ { CKA_SENSITIVE, &no, 1 }, false, false },
		{ { CKA_EXTRACTABLE, &yes, 1 }, true, true },
		{ { CKA_EXTRACTABLE, &no, 1 }, true, true },
		{ { CKA_ALLOWED_MECHANISMS, cmac, sizeof(cmac) }, true, false },
		{ { CKA_ALLOWED_MECHANISMS, ecb, sizeof(ecb) }, false, false },
		{ { CKA_SR_ROLE, &role, sizeof(role) }, false, true },
		{ { CKA_CLASS, &class, sizeof(class) }, true, true },
		{ { CKA_KEY_TYPE, &aes, sizeof(aes) }, true, true },
		{ { CKA_KEY_TYPE, &des, sizeof(des) }, false, false },
		{ { CKA_VALUE_LEN, &len, sizeof(len) }, true, true },
		{ { CKA_VALUE_LEN, &other_len, sizeof(other_len) }, false, false },
	};
	uint8_t text[SR_KEY_BLOCK_MAX];
	size_t n = pay_block(CKK_AES, AES_KBPK, "M6AC00E", "", VIEW(value, 16), text);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_RV rv = pay_unwrap(ordinary, VIEW(text, n), &cases[i].a, 1, &h);

		ck_assert_msg((rv == CKR_OK) == cases[i].good, "case %zu: %lx", i, rv);
		if (rv == CKR_OK && cases[i].a.ulValueLen == 1)
			ck_assert_int_eq(ck_get_bool(h, cases[i].a.type), *(CK_BBOOL *)cases[i].a.pValue);
		rv = pay_unwrap(pay_aes.key, VIEW(text, n), &cases[i].a, 1, &h);
		ck_assert_msg((rv == CKR_OK) == cases[i].good_with_role, "case %zu with a role: %lx", i, rv);
	}
	/* And no later change gives what the header did not. */
	ck_ok(pay_unwrap(ordinary, VIEW(text, n), NULL, 0, &h));
	for (size_t i = 3; i < 6; i++)
		ck_rv(ck->C_SetAttributeValue(ck_session, h, &cases[i].a, 1), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_SetAttributeValue(ck_session, h, &cases[0].a, 1));
	for (size_t i = 3; i < 6; i++)
		ck_assert_uint_ne(ck->C_CopyObject(ck_session, h, &cases[i].a, 1, &copy), CKR_OK);
	ck_ok(ck->C_CopyObject(ck_session, h, NULL, 0, &copy));
	ck_ok(ck->C_GetAttributeValue(ck_session, copy, &header, 1));
	ck_assert(header.ulValueLen == sizeof(facts) && memcmp(facts, "M6AC00E", sizeof(facts)) == 0);
	ck_rv(ck->C_SetAttributeValue(ck_session, copy, &cases[3].a, 1), CKR_ACTION_PROHIBITED);
	ck_assert_uint_ne(ck->C_SetAttributeValue(ck_session, copy, &header, 1), CKR_OK);
	ck_ok(ck->C_DestroyObject(ck_session, ordinary));
}
END_TEST

START_TEST(exportability_is_kept)
{
	CK_OBJECT_HANDLE ordinary = pay_key(CKK_AES, AES_KBPK, CKF_UNWRAP), h = 0, kek = kit_plain_key(CKK_AES, 32);
	CK_ATTRIBUTE extractable = { CKA_EXTRACTABLE, &yes, 1 };
	CK_MECHANISM raw = { CKM_AES_KEY_WRAP, NULL, 0 };
	uint8_t text[SR_KEY_BLOCK_MAX], out[SR_KEY_BLOCK_MAX];
	CK_ULONG len;
	size_t n;

	for (const char *e = "NES"; *e; e++) {
		char header[8] = "M6AC00?";

		header[6] = *e;
		n = pay_block(CKK_AES, AES_KBPK, header, "", VIEW(value, 16), text);
		if (*e == 'N') {
			ck_rv(pay_unwrap(ordinary, VIEW(text, n), &extractable, 1, &h), CKR_TEMPLATE_INCONSISTENT);
			ck_rv(pay_unwrap(pay_aes.key, VIEW(text, n), &extractable, 1, &h), CKR_TEMPLATE_INCONSISTENT);
			ck_ok(pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h));
			len = sizeof(out);
			ck_rv(pay_wrap(pay_aes.key, h, "M6AC00N", 0, out, &len), CKR_KEY_UNEXTRACTABLE);
			continue;
		}
		ck_ok(pay_unwrap(ordinary, VIEW(text, n), &extractable, 1, &h));
		len = sizeof(out);
		if (*e == 'E')
			ck_rv(ck->C_WrapKey(ck_session, &raw, kek, h, out, &len), CKR_KEY_NOT_WRAPPABLE);
		/* With a role: it may leave as E and as N, as S only when it came so. */
		ck_ok(pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h));
		len = sizeof(out);
		ck_ok(pay_wrap(pay_aes.key, h, "M6AC00N", 0, out, &len));
		len = sizeof(out);
		ck_ok(pay_wrap(pay_aes.key, h, "M6AC00E", 0, out, &len));
		len = sizeof(out);
		ck_rv(pay_wrap(pay_aes.key, h, "M6AC00S", 0, out, &len), *e == 'S' ? CKR_OK : CKR_KEY_NOT_WRAPPABLE);
	}
}
END_TEST

START_TEST(key_leaves_for_no_more_than_it_may_do)
{
	static const struct {
		const char *came, *leaves;
		bool good;
	} cases[] = {
		{ "M6AC00E", "M6AC00E", true },  { "M6AC00E", "M6AG01E", true },  { "M6AC00E", "M6AV00N", true },
		{ "M6AC00E", "M6AN00E", true },  { "M6AC00E", "M1AC00E", false }, { "M6AC00E", "D0AB00E", false },
		{ "M6AV00E", "M6AC00E", false }, { "M6AV00E", "M6AV00E", true },  { "M6AG00E", "M6AV00E", false },
		{ "P0AE00E", "P0AB00E", false }, { "P0AE00E", "P0AE00E", true },  { "P0AB00E", "P0AD00E", true },
		{ "P0AB00E", "M6AC00E", false }, { "K0AB00E", "K0AB00E", true },  { "K0AE00E", "K0AB00E", false },
		{ "K0AB00E", "K1AB00E", false }, { "K0AB00E", "20AN00E", false }, { "20AN00E", "20AN00E", true },
		{ "20AN00E", "K0AB00E", false },
	};
	uint8_t text[SR_KEY_BLOCK_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_OBJECT_HANDLE h = pay_import(&pay_aes, cases[i].came, VIEW(value, 32));
		CK_ULONG len = sizeof(text);
		CK_RV rv = pay_wrap(pay_aes.key, h, cases[i].leaves, 0, text, &len);

		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_KEY_NOT_WRAPPABLE), "%s as %s: %lx", cases[i].came,
			      cases[i].leaves, rv);
	}
}
END_TEST

/* An ordinary key says by its usages which header it may have. */
START_TEST(ordinary_key_leaves_as_its_usages_say)
{
	static const struct {
		CK_FLAGS uses;
		const char *header;
		bool good;
	} cases[] = {
		{ CKF_SIGN | CKF_VERIFY, "M6AC00E", true },
		{ CKF_SIGN, "M6AC00E", false },
		{ CKF_SIGN, "M6AG00E", true },
		{ CKF_ENCRYPT, "D0AE00E", true },
		{ CKF_ENCRYPT, "D0AB00E", false },
		{ CKF_ENCRYPT | CKF_DECRYPT, "D0AB00E", true },
		{ CKF_ENCRYPT | CKF_DECRYPT, "M6AC00E", false },
		{ CKF_ENCRYPT | CKF_DECRYPT, "P0AB00E", false },
		{ CKF_DERIVE, "E0AX00E", true },
		{ CKF_SIGN | CKF_VERIFY, "20AN00E", false },
	};
	CK_OBJECT_HANDLE kbpk = pay_key(CKK_AES, AES_KBPK, CKF_WRAP);
	uint8_t text[SR_KEY_BLOCK_MAX], back[64];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_OBJECT_HANDLE h = pay_key(CKK_AES, VIEW(value, 16), cases[i].uses);
		CK_ULONG len = sizeof(text);
		CK_RV rv = pay_wrap(kbpk, h, cases[i].header, 0, text, &len);

		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_KEY_NOT_WRAPPABLE), "case %zu: %lx", i, rv);
		if (rv == CKR_OK) {
			ck_assert(pay_open(CKK_AES, AES_KBPK, VIEW(text, len), back, &n));
			ck_assert(view_equal(VIEW(back, n), VIEW(value, 16)));
		}
	}
}
END_TEST

/* Working keys travel under a TMK of the host; what a TMK may not carry, it does not. */
START_TEST(tmk_carries_working_keys_and_nothing_else)
{
	CK_OBJECT_HANDLE tmk = pay_import(&pay_aes, "K0AB00E", VIEW(value, 32)), pin = 0, mac = 0, dwk = 0;
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_ULONG len;

	ck_assert_uint_eq(ck_get_ulong(tmk, CKA_SR_SIDE), SR_SIDE_HOST);
	ck_ok(kit_role_key(SR_ROLE_PINKEY, CKK_AES, 32, &pin));
	ck_ok(kit_role_key(SR_ROLE_MACKEY, CKK_DES2, 16, &mac));
	ck_ok(kit_role_key(SR_ROLE_DWK, CKK_AES, 16, &dwk));
	len = sizeof(text);
	ck_ok(pay_wrap(tmk, pin, "P0AB00E", 0, text, &len));
	len = sizeof(text);
	ck_ok(pay_wrap(tmk, mac, "M3TC00E", 0, text, &len));
	len = sizeof(text);
	ck_rv(pay_wrap(tmk, dwk, "21AN00E", 0, text, &len), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(pay_wrap(tmk, tmk, "K0AB00E", 0, text, &len), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(pay_wrap(tmk, mac, "P0TB00E", 0, text, &len), CKR_KEY_NOT_WRAPPABLE);
	ck_rv(pay_unwrap(tmk, VIEW(text, 144), NULL, 0, &pin), CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* The keys of a block are CMACs of its protection key: a DWK, which may do both, does what it did first. */
START_TEST(work_key_makes_macs_or_protects_blocks)
{
	static const uint8_t constants[8] = { 1, 0, 0, 0, 0, 4, 1, 0 };
	CK_MECHANISM mac = { CKM_AES_CMAC, NULL, 0 };
	uint8_t bytes[32], text[SR_KEY_BLOCK_MAX], out[16];
	CK_ULONG n = sizeof(text), len = sizeof(out);
	CK_OBJECT_HANDLE dwk, cargo;

	kit_pattern(bytes, sizeof(bytes), 91);
	cargo = pay_import(&pay_aes, "M6AC00S", VIEW(bytes, 16));
	dwk = pay_import(&pay_aes, "21AN00S", VIEW(bytes, 32));
	ck_ok(pay_wrap(dwk, cargo, "M6AC00S", 0, text, &n));
	ck_rv(ck->C_SignInit(ck_session, &mac, dwk), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(ck->C_VerifyInit(ck_session, &mac, dwk), CKR_KEY_FUNCTION_NOT_PERMITTED);
	kit_pattern(bytes, sizeof(bytes), 92);
	dwk = pay_import(&pay_aes, "21AN00S", VIEW(bytes, 32));
	ck_ok(ck->C_SignInit(ck_session, &mac, dwk));
	ck_ok(ck->C_Sign(ck_session, (CK_BYTE_PTR)(uintptr_t)constants, 8, out, &len));
	n = sizeof(text);
	ck_rv(pay_wrap(dwk, cargo, "M6AC00S", 0, text, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key block use");
	TCase *c = tcase_create("key block use");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, pay_begin, pay_end);
	tcase_add_test(c, work_key_makes_macs_or_protects_blocks);
	tcase_add_test(c, header_says_what_the_key_may_do);
	tcase_add_test(c, template_asks_for_less_never_for_more);
	tcase_add_test(c, exportability_is_kept);
	tcase_add_test(c, key_leaves_for_no_more_than_it_may_do);
	tcase_add_test(c, ordinary_key_leaves_as_its_usages_say);
	tcase_add_test(c, tmk_carries_working_keys_and_nothing_else);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
