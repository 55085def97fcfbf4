/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_CHECK_VALUE by C_Sign and by C_Digest (R6.2, R6.4). */
#include "vendor_kit.h"

#include <string.h>

static CK_BBOOL yes = CK_TRUE;

START_TEST(check_values_are_the_published_ones) /* R6.2 */
{
	char line[512];
	unsigned done = 0;
	FILE *f = kit_vectors("kcv.txt");

	kit_login(KIT_USER);
	while (fgets(line, sizeof(line), f)) {
		BUF_AUTO key = { 0 };
		CK_OBJECT_CLASS class = CKO_SECRET_KEY;
		CK_KEY_TYPE type = strncmp(line, "kcv=AES", 7) == 0 ? CKK_AES : CKK_DES2;
		CK_OBJECT_HANDLE h = 0;

		if (strncmp(line, "kcv=", 4) != 0)
			continue;
		ck_assert(kit_word(line, "key", &key));
		if (key.len == 8)
			type = CKK_DES;
		{
			CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
					     { CKA_KEY_TYPE, &type, sizeof(type) },
					     { CKA_VALUE, key.p, key.len },
					     { CKA_SIGN, &yes, 1 } };

			ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
		}
		kit_check_equals(h, line, "value");
		ck_ok(ck->C_DestroyObject(ck_session, h));
		done++;
	}
	fclose(f);
	ck_assert_uint_ge(done, 3);
}
END_TEST

START_TEST(check_value_takes_no_data_and_keeps_to_its_length)
{
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	CK_OBJECT_HANDLE h;
	CK_ULONG len = 0;
	uint8_t out[8];
	uint8_t data = 7;

	kit_login(KIT_USER);
	h = kit_plain_key(CKK_AES, 32);
	ck_ok(ck->C_SignInit(ck_session, &m, h));
	ck_ok(ck->C_Sign(ck_session, &data, 0, NULL, &len));
	ck_assert_uint_eq(len, 3);
	len = 2;
	ck_assert_uint_eq(ck->C_Sign(ck_session, &data, 0, out, &len), CKR_BUFFER_TOO_SMALL);
	len = sizeof(out);
	ck_ok(ck->C_Sign(ck_session, &data, 0, out, &len));
	ck_assert_uint_eq(len, 3);
	ck_ok(ck->C_SignInit(ck_session, &m, h));
	ck_assert_uint_eq(ck->C_Sign(ck_session, &data, 1, out, &len), CKR_DATA_LEN_RANGE);
	ck_ok(ck->C_DestroyObject(ck_session, h));
}
END_TEST

static CK_RV digest_label(const char *text, uint8_t out[3])
{
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	CK_ULONG len = 3;
	CK_RV rv = ck->C_DigestInit(ck_session, &m);

	if (rv == CKR_OK)
		rv = ck->C_Digest(ck_session, (CK_BYTE_PTR)(uintptr_t)text, strlen(text), out, &len);
	return rv;
}

START_TEST(digest_of_a_label_answers_the_check_value_of_one_key) /* R6.4 */
{
	const struct kit_wish wish = { "MAK-D", CKK_AES, 32 };
	CK_OBJECT_HANDLE h = 0, twin;
	CK_BYTE label[] = "MAK-D";
	CK_ATTRIBUTE rename[] = { { CKA_LABEL, label, 5 } };
	uint8_t want[3], got[3];

	kit_combined(&wish, 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK-D", &h), 1);
	ck_ok(kit_check_value(h, want));
	ck_ok(digest_label("MAK-D", got));
	ck_assert_mem_eq(got, want, 3);
	memset(got, 0, 3);
	ck_ok(digest_label("MAK-D\n", got));
	ck_assert_mem_eq(got, want, 3);
	ck_assert_uint_ne(digest_label("MAK-D\n\n", got), CKR_OK);
	ck_assert_uint_ne(digest_label("MAK-", got), CKR_OK);
	ck_assert_uint_ne(digest_label("", got), CKR_OK);
	twin = kit_plain_key(CKK_AES, 32);
	ck_ok(ck->C_SetAttributeValue(ck_session, twin, rename, 1));
	ck_assert_uint_ne(digest_label("MAK-D", got), CKR_OK); /* two keys of that name */
	ck_ok(ck->C_DestroyObject(ck_session, twin));
	{
		CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
		CK_ULONG length = 32;
		CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
				     { CKA_LABEL, (void *)(uintptr_t) "no-sign", 7 } };

		ck_ok(ck->C_GenerateKey(ck_session, &gen, t, 2, &twin)); /* without CKA_SIGN: gated like C_Sign */
		ck_assert_uint_eq(digest_label("no-sign", got), CKR_KEY_FUNCTION_NOT_PERMITTED);
		ck_assert_uint_eq(kit_check_value(twin, got), CKR_KEY_FUNCTION_NOT_PERMITTED);
		ck_ok(ck->C_DestroyObject(ck_session, twin));
	}
	kit_login(NULL);
	ck_assert_uint_eq(digest_label("MAK-D", got), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK-D", &h), 1);
	ck_ok(ck->C_DestroyObject(ck_session, h));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_value");
	TCase *c = tcase_create("check_value");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, kit_begin, ck_test_end);
	tcase_add_test(c, check_values_are_the_published_ones);
	tcase_add_test(c, check_value_takes_no_data_and_keeps_to_its_length);
	tcase_add_test(c, digest_of_a_label_answers_the_check_value_of_one_key);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
