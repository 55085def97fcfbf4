/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <string.h>

/* Templates that keys carry: CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE. */

static CK_MECHANISM key_wrap = { CKM_AES_KEY_WRAP, NULL, 0 };

/* wrapper: a key that wraps and unwraps under a template of this kind. */
static CK_OBJECT_HANDLE wrapper(CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *nested, CK_ULONG n)
{
	CK_ATTRIBUTE t[] = { SET(CKA_WRAP, ok_yes), SET(CKA_UNWRAP, ok_yes), { type, nested, n * sizeof(*nested) } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ok_aes_key(t, ARRAY_LEN(t), &h));
	return h;
}

static CK_OBJECT_HANDLE cargo(const char *label)
{
	CK_ATTRIBUTE t[] = { SET(CKA_EXTRACTABLE, ok_yes), { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ok_aes_key(t, ARRAY_LEN(t), &h));
	return h;
}

static CK_RV wrap(CK_OBJECT_HANDLE under, CK_OBJECT_HANDLE key, uint8_t out[64], CK_ULONG *n)
{
	*n = 64;
	return ck->C_WrapKey(ck_session, &key_wrap, under, key, out, n);
}

START_TEST(wrap_template_says_what_may_leave)
{
	CK_ATTRIBUTE only[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), TEXT(CKA_LABEL, "goes"),
				SET(CKA_EXTRACTABLE, ok_yes) };
	CK_ATTRIBUTE value[] = { SET(CKA_MODULUS_BITS, ok_aes) };
	CK_OBJECT_HANDLE h = wrapper(CKA_WRAP_TEMPLATE, only, ARRAY_LEN(only));
	CK_OBJECT_HANDLE free = wrapper(CKA_WRAP_TEMPLATE, NULL, 0);
	CK_OBJECT_HANDLE no_secret = wrapper(CKA_WRAP_TEMPLATE, value, 1);
	CK_OBJECT_HANDLE goes = cargo("goes"), stays = cargo("stays");
	CK_ATTRIBUTE generic[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_generic), TEXT(CKA_LABEL, "goes"),
				   TEXT(CKA_VALUE, "0123456789abcdef"), SET(CKA_EXTRACTABLE, ok_yes) };
	CK_OBJECT_HANDLE other = 0;
	uint8_t out[64];
	CK_ULONG n;

	ck_ok(ok_create(generic, ARRAY_LEN(generic), &other));
	ck_ok(wrap(h, goes, out, &n));
	ck_assert_uint_eq(n, 40);
	ck_rv(wrap(h, stays, out, &n), CKR_KEY_HANDLE_INVALID);
	ck_rv(wrap(h, other, out, &n), CKR_KEY_HANDLE_INVALID);
	ck_ok(wrap(free, stays, out, &n));
	ck_rv(wrap(no_secret, goes, out, &n), CKR_KEY_HANDLE_INVALID); /* no secret key has such an attribute */
	/* What it says counts when it wraps: a key that gets the label may go. */
	ck_ok(ok_set(stays, CKA_LABEL, "goes", 4));
	ck_ok(wrap(h, stays, out, &n));
}
END_TEST

static CK_RV unwrap(CK_OBJECT_HANDLE under, struct view in, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	return ck->C_UnwrapKey(ck_session, &key_wrap, under, (CK_BYTE *)(uintptr_t)in.p, in.n, t, n, ret);
}

START_TEST(unwrap_template_is_added_to_what_is_asked_for)
{
	CK_ATTRIBUTE adds[] = { SET(CKA_CLASS, ok_secret),       SET(CKA_KEY_TYPE, ok_aes), SET(CKA_EXTRACTABLE, ok_no),
				SET(CKA_SENSITIVE, ok_yes),      SET(CKA_ENCRYPT, ok_yes),  TEXT(CKA_LABEL, "came in"),
				TEXT(CKA_START_DATE, "20260101") };
	CK_ATTRIBUTE same[] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), TEXT(CKA_LABEL, "came in") };
	CK_ATTRIBUTE open[] = { SET(CKA_EXTRACTABLE, ok_yes) }, named[] = { TEXT(CKA_LABEL, "mine") };
	CK_ATTRIBUTE typed[] = { SET(CKA_KEY_TYPE, ok_generic) }, odd[] = { SET(CKA_SENSITIVE, ok_aes) };
	CK_ATTRIBUTE id[] = { TEXT(CKA_ID, "7") };
	CK_OBJECT_HANDLE h = wrapper(CKA_UNWRAP_TEMPLATE, adds, ARRAY_LEN(adds)), made = 99;
	uint8_t out[64], room[16];
	CK_ULONG n;

	ck_ok(wrap(h, cargo("x"), out, &n));
	ck_rv(unwrap(h, VIEW(out, n), open, 1, &made), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(unwrap(h, VIEW(out, n), named, 1, &made), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(unwrap(h, VIEW(out, n), typed, 1, &made), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(unwrap(h, VIEW(out, n), odd, 1, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_assert_uint_eq(made, 99);
	ck_ok(unwrap(h, VIEW(out, n), same, ARRAY_LEN(same), &made));
	ck_ok(unwrap(h, VIEW(out, n), id, 1, &made));
	ck_ok(unwrap(h, VIEW(out, n), NULL, 0, &made));
	ck_assert_uint_eq(ck_get_ulong(made, CKA_KEY_TYPE), CKK_AES);
	ck_assert_uint_eq(ck_get_ulong(made, CKA_VALUE_LEN), 32);
	ck_assert(!ck_get_bool(made, CKA_EXTRACTABLE) && ck_get_bool(made, CKA_SENSITIVE));
	ck_assert(ck_get_bool(made, CKA_ENCRYPT) && !ck_get_bool(made, CKA_DECRYPT));
	ck_assert(view_equal(ok_bytes(made, CKA_LABEL, room, sizeof(room)), VIEW_STR("came in")));
	ck_assert(view_equal(ok_bytes(made, CKA_START_DATE, room, sizeof(room)), VIEW_STR("20260101")));
	/* Never: not from here, and not always. */
	ck_assert(!ck_get_bool(made, CKA_ALWAYS_SENSITIVE) && !ck_get_bool(made, CKA_NEVER_EXTRACTABLE));
	ck_assert(!ck_get_bool(made, CKA_LOCAL));
}
END_TEST

/* PKCS#11 5.7.5: the array first, then lengths, then values. */
START_TEST(template_is_read_in_three_steps)
{
	CK_MECHANISM_TYPE mechanisms[] = { CKM_AES_CBC, CKM_AES_GCM };
	CK_ATTRIBUTE adds[] = { SET(CKA_KEY_TYPE, ok_aes),
				TEXT(CKA_LABEL, "seven b"),
				SET(CKA_SIGN, ok_yes),
				{ CKA_ID, NULL, 0 },
				SET(CKA_ALLOWED_MECHANISMS, mechanisms) };
	CK_OBJECT_HANDLE h = wrapper(CKA_UNWRAP_TEMPLATE, adds, ARRAY_LEN(adds));
	CK_ATTRIBUTE got[6];
	CK_ULONG n = 0, type = 0;
	CK_MECHANISM_TYPE list[2];
	CK_BBOOL sign = 7;
	char label[7];

	ck_ok(ok_get(h, CKA_UNWRAP_TEMPLATE, NULL, &n));
	ck_assert_uint_eq(n, sizeof(adds));
	n = sizeof(adds) - 1;
	memset(got, 0, sizeof(got));
	ck_rv(ok_get(h, CKA_UNWRAP_TEMPLATE, got, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, CK_UNAVAILABLE_INFORMATION);
	n = sizeof(got);
	ck_ok(ok_get(h, CKA_UNWRAP_TEMPLATE, got, &n));
	ck_assert_uint_eq(n, sizeof(adds));
	for (size_t i = 0; i < ARRAY_LEN(adds); i++) {
		ck_assert_uint_eq(got[i].type, adds[i].type);
		ck_assert_uint_eq(got[i].ulValueLen, adds[i].ulValueLen);
	}
	got[0].pValue = &type;
	got[1].pValue = label;
	got[1].ulValueLen = 6;
	got[2].pValue = &sign;
	got[4].pValue = list;
	n = sizeof(got);
	ck_rv(ok_get(h, CKA_UNWRAP_TEMPLATE, got, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(got[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_eq(type, CKK_AES);
	got[1].ulValueLen = sizeof(label);
	n = sizeof(got);
	ck_ok(ok_get(h, CKA_UNWRAP_TEMPLATE, got, &n));
	ck_assert_mem_eq(label, "seven b", 7);
	ck_assert_uint_eq(sign, CK_TRUE);
	ck_assert_uint_eq(got[3].ulValueLen, 0);
	ck_assert_mem_eq(list, mechanisms, sizeof(list));
	n = 0;
	ck_rv(ok_get(h, CKA_WRAP_TEMPLATE, NULL, &n), CKR_ATTRIBUTE_TYPE_INVALID); /* it has none */
}
END_TEST

START_TEST(what_is_no_template_is_refused)
{
	CK_ATTRIBUTE value[] = { TEXT(CKA_VALUE, "0123456789abcdef") }, unknown[] = { SET(0x4711, ok_yes) };
	CK_ATTRIBUTE deeper[] = { { CKA_WRAP_TEMPLATE, NULL, 0 } }, prime[] = { TEXT(CKA_PRIVATE_EXPONENT, "5") };
	CK_ATTRIBUTE twice[] = { SET(CKA_SIGN, ok_yes), SET(CKA_SIGN, ok_yes) }, nowhere[] = { { CKA_ID, NULL, 3 } };
	CK_ATTRIBUTE long_one[] = { { CKA_ID, value, ~0UL } }, odd[] = { SET(CKA_SIGN, ok_aes) };
	CK_ATTRIBUTE many[65];
	const struct {
		CK_ATTRIBUTE *nested;
		CK_ULONG n;
		CK_RV rv;
	} wrong[] = {
		{ value, sizeof(value), CKR_ATTRIBUTE_VALUE_INVALID },
		{ prime, sizeof(prime), CKR_ATTRIBUTE_VALUE_INVALID },
		{ deeper, sizeof(deeper), CKR_ATTRIBUTE_VALUE_INVALID },
		{ unknown, sizeof(unknown), CKR_ATTRIBUTE_TYPE_INVALID },
		{ twice, sizeof(twice), CKR_TEMPLATE_INCONSISTENT },
		{ nowhere, sizeof(nowhere), CKR_ARGUMENTS_BAD },
		{ long_one, sizeof(long_one), CKR_ATTRIBUTE_VALUE_INVALID },
		{ odd, sizeof(odd), CKR_ATTRIBUTE_VALUE_INVALID },
		{ twice, sizeof(twice) - 1, CKR_ATTRIBUTE_VALUE_INVALID },
		{ many, sizeof(many), CKR_ATTRIBUTE_VALUE_INVALID },
		{ NULL, sizeof(value), CKR_ARGUMENTS_BAD },
	};
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE };
	CK_OBJECT_HANDLE h = 0;

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (CK_ATTRIBUTE)SET(i, ok_yes);
	for (size_t k = 0; k < ARRAY_LEN(types); k++) {
		for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
			CK_ATTRIBUTE t = { types[k], wrong[i].nested, wrong[i].n };
			CK_RV rv = ok_aes_key(&t, 1, &h);

			ck_assert_msg(rv == wrong[i].rv, "case %zu: 0x%lx", i, rv);
			ck_assert_uint_eq(h, 0);
		}
	}
	h = wrapper(CKA_WRAP_TEMPLATE, NULL, 0);
	ck_rv(ok_set(h, CKA_WRAP_TEMPLATE, twice, sizeof(CK_ATTRIBUTE)), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(h, CKA_UNWRAP_TEMPLATE, twice, sizeof(CK_ATTRIBUTE)), CKR_ATTRIBUTE_READ_ONLY);
}
END_TEST

START_TEST(template_is_found_whatever_its_order)
{
	CK_ATTRIBUTE adds[] = { SET(CKA_KEY_TYPE, ok_aes), TEXT(CKA_LABEL, "x") };
	CK_ATTRIBUTE turned[] = { TEXT(CKA_LABEL, "x"), SET(CKA_KEY_TYPE, ok_aes) };
	CK_ATTRIBUTE other[] = { TEXT(CKA_LABEL, "y"), SET(CKA_KEY_TYPE, ok_aes) };
	CK_ATTRIBUTE empty = { CKA_WRAP_TEMPLATE, NULL, 0 };
	CK_ATTRIBUTE by_same = SET(CKA_WRAP_TEMPLATE, adds), by_turned = SET(CKA_WRAP_TEMPLATE, turned);
	CK_ATTRIBUTE by_other = SET(CKA_WRAP_TEMPLATE, other);
	CK_ATTRIBUTE by_part = { CKA_WRAP_TEMPLATE, adds, sizeof(adds[0]) };
	CK_ATTRIBUTE by_nonsense = { CKA_WRAP_TEMPLATE, adds, sizeof(adds) - 1 };
	CK_OBJECT_HANDLE h = wrapper(CKA_WRAP_TEMPLATE, adds, ARRAY_LEN(adds)), found = 0;

	ck_assert_uint_eq(ck_find(&by_same, 1, &found), 1);
	ck_assert_uint_eq(found, h);
	ck_assert_uint_eq(ck_find(&by_turned, 1, NULL), 1);
	ck_assert_uint_eq(ck_find(&by_other, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&by_part, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&by_nonsense, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&empty, 1, NULL), 0);
	wrapper(CKA_WRAP_TEMPLATE, NULL, 0);
	ck_assert_uint_eq(ck_find(&empty, 1, NULL), 1);
}
END_TEST

START_TEST(template_outlives_the_process)
{
	CK_ATTRIBUTE only[] = { TEXT(CKA_LABEL, "goes") };
	CK_ATTRIBUTE t[] = { SET(CKA_WRAP, ok_yes), SET(CKA_TOKEN, ok_yes), SET(CKA_WRAP_TEMPLATE, only),
			     TEXT(CKA_LABEL, "wrapper") };
	CK_ATTRIBUTE by_label = TEXT(CKA_LABEL, "wrapper");
	CK_OBJECT_HANDLE h = 0, copy = 0;
	uint8_t out[64];
	CK_ULONG n;

	ck_ok(ok_aes_key(t, ARRAY_LEN(t), &h));
	ok_restart();
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&by_label, 1, &h), 1);
	ck_ok(wrap(h, cargo("goes"), out, &n));
	ck_rv(wrap(h, cargo("stays"), out, &n), CKR_KEY_HANDLE_INVALID);
	ck_ok(ck->C_CopyObject(ck_session, h, NULL, 0, &copy));
	ck_rv(wrap(copy, cargo("stays"), out, &n), CKR_KEY_HANDLE_INVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_template");
	TCase *c = tcase_create("object_template");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, ok_login, ok_clean);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, wrap_template_says_what_may_leave);
	tcase_add_test(c, unwrap_template_is_added_to_what_is_asked_for);
	tcase_add_test(c, template_is_read_in_three_steps);
	tcase_add_test(c, what_is_no_template_is_refused);
	tcase_add_test(c, template_is_found_whatever_its_order);
	tcase_add_test(c, template_outlives_the_process);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
