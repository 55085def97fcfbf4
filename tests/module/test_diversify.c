/* SPDX-License-Identifier: BSD-2-Clause */
/* Key diversification: published keys, levels, what a base may derive (R3.1 R3.3 R5.6). */
#include "pay_kit.h"

#include <stdlib.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t value[32];

static CK_RV derive(CK_OBJECT_HANDLE base, struct sr_diversify_params *p, CK_ATTRIBUTE *t, CK_ULONG n,
		    CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { CKM_SR_DIVERSIFY, p, sizeof(*p) };

	return ck->C_DeriveKey(ck_session, &m, base, t, n, ret);
}

static CK_ULONG number(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	ck_assert_ptr_nonnull(at);
	return strtoul(at + strlen(name), NULL, 10);
}

START_TEST(published_keys_come_out)
{
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	FILE *f = kit_vectors("diversify.txt");
	unsigned count = 0;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		BUF_AUTO key = { 0 };
		BUF_AUTO factor = { 0 };
		BUF_AUTO want = { 0 };
		const char *text = strstr(line, " text=");
		struct sr_diversify_params p = { .method = number(line, "method="),
						 .levels = number(line, "levels="),
						 .parity = (CK_BBOOL)number(line, "parity=") };
		uint8_t out[32];
		CK_ATTRIBUTE v = { CKA_VALUE, out, sizeof(out) };
		CK_OBJECT_HANDLE base, h = 0;

		ck_assert(kit_word(line, "key", &key) && kit_word(line, "out", &want));
		if (text)
			buf_put(&factor, text + 6, strspn(text + 6, "0123456789"));
		else
			ck_assert(kit_word(line, "factor", &factor));
		p.pFactors = factor.p;
		p.ulFactorsLen = factor.len;
		base = pay_key(strstr(line, "type=AES") ? CKK_AES : CKK_DES2, VIEW(key.p, key.len), CKF_DERIVE);
		ck_assert_msg(derive(base, &p, t, 2, &h) == CKR_OK, "%s", line);
		ck_ok(ck->C_GetAttributeValue(ck_session, h, &v, 1));
		ck_assert_msg(view_equal(VIEW(out, v.ulValueLen), VIEW(want.p, want.len)), "%s", line);
		ck_ok(ck->C_DestroyObject(ck_session, base));
		ck_ok(ck->C_DestroyObject(ck_session, h));
		count++;
	}
	fclose(f);
	ck_assert_uint_ge(count, 15);
}
END_TEST

/* Levels at once are levels one after the other. */
START_TEST(levels_are_steps)
{
	static uint8_t factors[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
				       8, 7, 6, 5, 4, 3, 2, 1, 0, 9,  9,  9,  9,  9,  9,  8 };
	static const struct {
		const char *header;
		size_t len, factor;
		CK_ULONG levels;
	} cases[] = { { "B3TX00E", 16, 8, 4 },
		      { "B3TX00E", 24, 8, 3 },
		      { "B3TX00E", 16, 16, 2 },
		      { "B3AX00E", 32, 16, 2 },
		      { "B3AX00E", 16, 16, 2 } };
	CK_ULONG role = SR_ROLE_ROOT, last = SR_ROLE_TMK;
	CK_ATTRIBUTE t = { CKA_SR_ROLE, &role, sizeof(role) }, end = { CKA_SR_ROLE, &last, sizeof(last) };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sr_diversify_params all = { .method = SR_DIVERSIFY_FACTOR,
						   .levels = cases[i].levels,
						   .pFactors = factors,
						   .ulFactorsLen = cases[i].levels * cases[i].factor,
						   .parity = CK_TRUE };
		CK_OBJECT_HANDLE base = pay_import(&pay_aes, cases[i].header, VIEW(value, cases[i].len)), h = 0,
				 step = base;

		ck_ok(derive(base, &all, &end, 1, &h));
		ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_TMK);
		for (CK_ULONG l = 0; l < cases[i].levels; l++) {
			struct sr_diversify_params one = all;

			one.levels = 1;
			one.ulFactorsLen = cases[i].factor;
			one.pFactors = factors + l * cases[i].factor;
			ck_ok(derive(step, &one, l + 1 == cases[i].levels ? &end : &t, 1, &step));
		}
		ck_assert(pay_same(h, step));
	}
}
END_TEST

/* Every role of base and result: only what the table says. */
START_TEST(base_derives_only_the_roles_of_the_table)
{
	uint8_t fresh[32];
	static uint8_t factor[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct sr_diversify_params p = { SR_DIVERSIFY_FACTOR, 1, factor, 16, CK_TRUE };
	CK_OBJECT_HANDLE root = pay_import(&pay_aes, "B3AX00E", VIEW(value, 32));
	CK_OBJECT_HANDLE dmk = pay_import(&pay_aes, "20AN00E", VIEW(value, 32));
	CK_OBJECT_HANDLE others[] = { pay_aes.key, pay_import(&pay_aes, "K0AB00E", VIEW(value, 32)),
				      pay_import(&pay_aes, "P0AB00E", VIEW(value, 32)),
				      pay_import(&pay_aes, "M6AC00E", VIEW(value, 32)),
				      pay_import(&pay_aes, "21AN00E", VIEW(value, 32)) };

	for (CK_ULONG role = 0; role < 20; role++) {
		CK_ATTRIBUTE t = { CKA_SR_ROLE, &role, sizeof(role) };
		CK_OBJECT_HANDLE h = 0;
		CK_RV rv;

		/* A base derives keys of one role: another one for each. */
		memcpy(fresh, value, 32);
		fresh[31] = (uint8_t)(0x80 + role);
		root = pay_import(&pay_aes, "B3AX00E", VIEW(fresh, 32));
		dmk = pay_import(&pay_aes, "20AN00E", VIEW(fresh, 32));
		rv = derive(root, &p, &t, 1, &h);

		ck_assert_int_eq(rv == CKR_OK, role == SR_ROLE_ROOT || role == SR_ROLE_TMK || role == SR_ROLE_DMK ||
						   role == SR_ROLE_PINKEY || role == SR_ROLE_MACKEY);
		if (rv == CKR_OK) {
			ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), role);
			ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_LOCAL) &&
				  !ck_get_bool(h, CKA_COPYABLE) && !ck_get_bool(h, CKA_NEVER_EXTRACTABLE));
			ck_assert_int_eq(ck_get_bool(h, CKA_EXTRACTABLE), role != SR_ROLE_ROOT);
		}
		rv = derive(dmk, &p, &t, 1, &h);
		ck_assert_int_eq(rv == CKR_OK, role == SR_ROLE_DMK || role == SR_ROLE_DWK);
		for (size_t i = 0; i < ARRAY_LEN(others); i++)
			ck_assert_uint_ne(derive(others[i], &p, &t, 1, &h), CKR_OK);
	}
	{
		CK_OBJECT_HANDLE h = 0;
		CK_ULONG role = SR_ROLE_TMK, len = 16;
		CK_KEY_TYPE type = CKK_DES2;
		CK_ATTRIBUTE more[] = { { CKA_SR_ROLE, &role, sizeof(role) }, { CKA_ENCRYPT, &yes, 1 } };
		CK_ATTRIBUTE other[] = { more[0], { CKA_KEY_TYPE, &type, sizeof(type) } };
		CK_ATTRIBUTE length[] = { more[0], { CKA_VALUE_LEN, &len, sizeof(len) } };

		ck_rv(derive(root, &p, NULL, 0, &h), CKR_TEMPLATE_INCOMPLETE);
		ck_rv(derive(root, &p, more, 2, &h), CKR_TEMPLATE_INCONSISTENT);
		ck_rv(derive(root, &p, other, 2, &h), CKR_TEMPLATE_INCONSISTENT);
		ck_rv(derive(root, &p, length, 2, &h), CKR_TEMPLATE_INCONSISTENT);
	}
}
END_TEST

/*
 * Two roles at one place of the tree would have one value: a key that makes MACs would encrypt PIN blocks, or tell the
 * keys below.
 */
START_TEST(base_derives_keys_of_one_role)
{
	static uint8_t factors[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 2, 3, 4 };
	struct sr_diversify_params one = { SR_DIVERSIFY_FACTOR, 1, factors, 16, CK_TRUE };
	struct sr_diversify_params two = { SR_DIVERSIFY_FACTOR, 2, factors, 32, CK_TRUE };
	struct sr_diversify_params below = { SR_DIVERSIFY_FACTOR, 1, factors + 16, 16, CK_TRUE };
	CK_ULONG pin = SR_ROLE_PINKEY, mac = SR_ROLE_MACKEY, dmk = SR_ROLE_DMK, dwk = SR_ROLE_DWK;
	CK_ATTRIBUTE t_pin = { CKA_SR_ROLE, &pin, sizeof(pin) }, t_mac = { CKA_SR_ROLE, &mac, sizeof(mac) };
	CK_ATTRIBUTE t_dmk = { CKA_SR_ROLE, &dmk, sizeof(dmk) }, t_dwk = { CKA_SR_ROLE, &dwk, sizeof(dwk) };
	CK_OBJECT_HANDLE base, again, h = 0, middle = 0;
	uint8_t fresh[32];

	memcpy(fresh, value, 32);
	fresh[30] = 0x55;
	base = pay_import(&pay_aes, "B3AX00E", VIEW(fresh, 32));
	again = pay_import(&pay_aes, "B3AX00E", VIEW(fresh, 32));
	ck_ok(derive(base, &one, &t_pin, 1, &h));
	ck_rv(derive(base, &one, &t_mac, 1, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_rv(derive(again, &one, &t_mac, 1, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(derive(again, &one, &t_pin, 1, &h));
	fresh[30] = 0x56;
	base = pay_import(&pay_aes, "20AN00E", VIEW(fresh, 32));
	ck_ok(derive(base, &two, &t_dwk, 1, &h));
	ck_rv(derive(base, &one, &t_dwk, 1, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(derive(base, &one, &t_dmk, 1, &middle));
	ck_rv(derive(middle, &below, &t_dmk, 1, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(derive(middle, &below, &t_dwk, 1, &h));
}
END_TEST

/* What comes out of a sensitive key is sensitive; an ordinary key gives no role. */
START_TEST(ordinary_key_hands_its_protection_down)
{
	static uint8_t factor[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct sr_diversify_params p = { SR_DIVERSIFY_FACTOR, 1, factor, 16, CK_TRUE };
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32, role = SR_ROLE_TMK;
	CK_ATTRIBUTE t[] = { { CKA_DERIVE, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_ATTRIBUTE open[] = { { CKA_SENSITIVE, &no, 1 } }, out[] = { { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ATTRIBUTE with_role[] = { { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_OBJECT_HANDLE base = 0, h = 0;

	ck_ok(ck->C_GenerateKey(ck_session, &gen, t, 2, &base));
	ck_ok(derive(base, &p, NULL, 0, &h));
	ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_EXTRACTABLE) &&
		  ck_get_bool(h, CKA_ALWAYS_SENSITIVE) && ck_get_bool(h, CKA_NEVER_EXTRACTABLE));
	ck_rv(derive(base, &p, open, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(derive(base, &p, out, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(derive(base, &p, with_role, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	base = pay_key(CKK_AES, VIEW(value, 32), CKF_SIGN);
	ck_rv(derive(base, &p, NULL, 0, &h), CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

START_TEST(absurd_parameters_are_refused)
{
	static uint8_t factor[80] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static uint8_t pan[] = "1234567890123456789012", equal[16] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const struct {
		struct sr_diversify_params p;
		bool aes;
	} cases[] = {
		{ { 0, 1, factor, 8, 1 }, false },
		{ { 5, 1, factor, 8, 1 }, false },
		{ { ~0UL, 1, factor, 8, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 0, factor, 0, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 5, factor, 40, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, ~0UL, factor, 40, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1UL << 61, factor, 0, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, factor, 7, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, factor, 24, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, factor, ~0UL, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, NULL, 8, 1 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, factor, 8, 2 }, false },
		{ { SR_DIVERSIFY_FACTOR, 1, factor, 8, 1 }, true },
		{ { SR_DIVERSIFY_FACTOR, 1, equal, 16, 1 }, false },
		{ { SR_DIVERSIFY_EMV_A, 2, pan, 18, 1 }, false },
		{ { SR_DIVERSIFY_EMV_A, 1, pan, 2, 1 }, false },
		{ { SR_DIVERSIFY_EMV_A, 1, pan, 22, 1 }, false },
		{ { SR_DIVERSIFY_EMV_A, 1, factor, 18, 1 }, false },
		{ { SR_DIVERSIFY_EMV_A, 1, pan, 18, 1 }, true },
		{ { SR_DIVERSIFY_EMV_B, 1, pan, 21, 1 }, true },
		{ { SR_DIVERSIFY_EMV_C, 1, pan, 18, 1 }, false },
	};
	CK_OBJECT_HANDLE keys[] = { pay_key(CKK_DES2, VIEW(value, 16), CKF_DERIVE),
				    pay_key(CKK_AES, VIEW(value, 16), CKF_DERIVE) };
	CK_OBJECT_HANDLE h = 4711;

	memset(equal + 8, 0, 8);
	equal[8] = 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sr_diversify_params p = cases[i].p;

		ck_assert_msg(derive(keys[cases[i].aes], &p, NULL, 0, &h) == CKR_MECHANISM_PARAM_INVALID, "case %zu",
			      i);
	}
	ck_assert_uint_eq(h, 4711);
	{
		CK_MECHANISM m = { CKM_SR_DIVERSIFY, NULL, 0 };

		ck_rv(ck->C_DeriveKey(ck_session, &m, keys[0], NULL, 0, &h), CKR_MECHANISM_PARAM_INVALID);
		m = (CK_MECHANISM){ CKM_SR_DIVERSIFY, factor, sizeof(struct sr_diversify_params) - 1 };
		ck_rv(ck->C_DeriveKey(ck_session, &m, keys[0], NULL, 0, &h), CKR_MECHANISM_PARAM_INVALID);
	}
}
END_TEST

/* The derived master key of a card makes working keys for it: root key, card key, PINKEY under it (R3.1 R3.3). */
START_TEST(card_key_carries_working_keys)
{
	static uint8_t card[] = "62284801234567890100";
	struct sr_diversify_params p = { SR_DIVERSIFY_EMV_B, 1, card, 20, CK_TRUE };
	CK_ULONG role = SR_ROLE_TMK;
	CK_ATTRIBUTE t = { CKA_SR_ROLE, &role, sizeof(role) };
	CK_OBJECT_HANDLE root = pay_import(&pay_aes, "B3TX00E", VIEW(value + 8, 16)), tmk = 0, again = 0, pin = 0;
	CK_MECHANISM ecb = { CKM_DES3_ECB, NULL, 0 };
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	ck_ok(derive(root, &p, &t, 1, &tmk));
	ck_ok(derive(root, &p, &t, 1, &again));
	ck_assert(pay_same(tmk, again));
	ck_ok(kit_role_key(SR_ROLE_PINKEY, CKK_DES2, 16, &pin));
	ck_ok(ck->C_WrapKey(ck_session, &ecb, tmk, pin, out, &len));
	ck_assert_uint_eq(len, 16);
	len = sizeof(out);
	ck_assert_uint_ne(ck->C_WrapKey(ck_session, &ecb, tmk, root, out, &len), CKR_OK);
	/* And back it comes by no bare block mode. */
	ck_assert_uint_ne(ck->C_UnwrapKey(ck_session, &ecb, tmk, out, 16, &t, 1, &pin), CKR_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("diversify");
	TCase *c = tcase_create("diversify");

	kit_pattern(value, sizeof(value), 5);
	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, pay_begin, pay_end);
	tcase_add_test(c, published_keys_come_out);
	tcase_add_test(c, levels_are_steps);
	tcase_add_test(c, base_derives_only_the_roles_of_the_table);
	tcase_add_test(c, base_derives_keys_of_one_role);
	tcase_add_test(c, ordinary_key_hands_its_protection_down);
	tcase_add_test(c, absurd_parameters_are_refused);
	tcase_add_test(c, card_key_carries_working_keys);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
