/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <string.h>

/* MACs of ISO/IEC 9797-1 beyond their vectors (test_mech_vectors): parameters, empty messages, relations (R5.4). */

static const uint8_t bytes[32] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba,
				   0x98, 0x76, 0x54, 0x32, 0x10, 0x10, 0x29, 0x38, 0x47, 0x56, 0x61,
				   0x70, 0x8f, 1,    2,    3,    4,    5,    6,    7,    8 };
#define SIGN (CKF_SIGN | CKF_VERIFY)

static CK_RV mac(CK_MECHANISM_TYPE type, CK_ULONG padding, CK_ULONG len, CK_OBJECT_HANDLE key, struct view data,
		 uint8_t *out)
{
	struct sr_iso9797_params p = { padding, len };
	CK_MECHANISM m = { type, &p, sizeof(p) };
	CK_RV rv = mk_init(CKF_SIGN, &m, key);

	return rv == CKR_OK ? mk_single(CKF_SIGN, data, out, &len) : rv;
}

START_TEST(parameters_out_of_range_are_refused)
{
	static const CK_ULONG bad[][2] = { { 0, 8 }, { 4, 8 }, { ~0UL, 8 }, { 1, 3 },    { 1, 0 },
					   { 2, 9 }, { 3, 9 }, { 1, 16 },   { 1, ~0UL }, { ~0UL, ~0UL } };
	CK_OBJECT_HANDLE des = mk_secret(CKK_DES2, VIEW(bytes, 16), SIGN),
			 aes = mk_secret(CKK_AES, VIEW(bytes, 32), SIGN);
	uint8_t out[16];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		IS(mac(CKM_SR_ISO9797_ALG1_MAC, bad[i][0], bad[i][1], des, VIEW(bytes, 8), out),
		   CKR_MECHANISM_PARAM_INVALID);
		IS(mac(CKM_SR_ISO9797_ALG3_MAC, bad[i][0], bad[i][1], des, VIEW(bytes, 8), out),
		   CKR_MECHANISM_PARAM_INVALID);
	}
	IS(mac(CKM_SR_ISO9797_ALG1_MAC, 1, 17, aes, VIEW(bytes, 8), out), CKR_MECHANISM_PARAM_INVALID);
	OK(mac(CKM_SR_ISO9797_ALG1_MAC, 1, 16, aes, VIEW(bytes, 8), out));
	IS(mac(CKM_SR_ISO9797_ALG3_MAC, 1, 8, aes, VIEW(bytes, 8), out), CKR_KEY_TYPE_INCONSISTENT);
	mk_destroy(des);
	mk_destroy(aes);
}
END_TEST

/* The standard pads an empty message to one block: of zeroes, of 80 and zeroes, and two of them in method 3. */
START_TEST(empty_message_is_padded_to_a_block)
{
	static const uint8_t zeroes[32], one[16] = { 0x80 };
	CK_OBJECT_HANDLE keys[] = { mk_secret(CKK_DES2, VIEW(bytes, 16), SIGN),
				    mk_secret(CKK_AES, VIEW(bytes, 32), SIGN) };
	static const size_t block[] = { 8, 16 };

	for (size_t i = 0; i < 2; i++) {
		uint8_t a[16], b[16];
		CK_MECHANISM_TYPE type = CKM_SR_ISO9797_ALG1_MAC;

		OK(mac(type, 1, 8, keys[i], VIEW(NULL, 0), a));
		OK(mac(type, 1, 8, keys[i], VIEW(zeroes, block[i]), b));
		ck_assert_mem_eq(a, b, 8);
		OK(mac(type, 2, 8, keys[i], VIEW(NULL, 0), a));
		OK(mac(type, 1, 8, keys[i], VIEW(one, block[i]), b));
		ck_assert_mem_eq(a, b, 8);
		OK(mac(type, 3, 8, keys[i], VIEW(NULL, 0), a));
		OK(mac(type, 1, 8, keys[i], VIEW(zeroes, 2 * block[i]), b));
		ck_assert_mem_eq(a, b, 8);
		mk_destroy(keys[i]);
	}
}
END_TEST

/* Method 2 and 3 are method 1 over a message that says so itself. */
START_TEST(paddings_are_what_the_standard_says_for_every_length)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_DES3, VIEW(bytes, 24), SIGN);
	static const CK_MECHANISM_TYPE types[] = { CKM_SR_ISO9797_ALG1_MAC, CKM_SR_ISO9797_ALG3_MAC };

	for (size_t t = 0; t < 2; t++) {
		for (size_t n = 1; n <= 24; n++) {
			uint8_t by_hand[48] = { 0 }, a[8], b[8];

			memcpy(by_hand, bytes, n);
			by_hand[n] = 0x80;
			OK(mac(types[t], 2, 8, key, VIEW(bytes, n), a));
			OK(mac(types[t], 1, 8, key, VIEW(by_hand, n / 8 * 8 + 8), b));
			ck_assert_mem_eq(a, b, 8);
			memset(by_hand, 0, sizeof(by_hand));
			by_hand[7] = (uint8_t)(8 * n);
			memcpy(by_hand + 8, bytes, n);
			OK(mac(types[t], 3, 8, key, VIEW(bytes, n), a));
			OK(mac(types[t], 1, 8, key, VIEW(by_hand, 8 + n), b));
			ck_assert_mem_eq(a, b, 8);
		}
	}
	mk_destroy(key);
}
END_TEST

/* Algorithm 3 with padding 1 is X9.19, under all its numbers. */
START_TEST(algorithm_3_is_x9_19_under_every_number)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_DES2, VIEW(bytes, 16), SIGN);
	CK_ULONG eight = 8;
	CK_MECHANISM m[] = { { CKM_SR_X9_19_MAC_GENERAL, &eight, sizeof(eight) },
			     { CKM_DES3_X919_MAC_GENERAL, &eight, sizeof(eight) } };
	uint8_t want[8], out[8];
	CK_ULONG len;

	ck_assert_uint_eq(CKM_DES3_X919_MAC, 0x80000134UL);
	ck_assert_uint_eq(CKM_DES3_X919_MAC_GENERAL, 0x80000135UL);
	OK(mac(CKM_SR_ISO9797_ALG3_MAC, 1, 8, key, VIEW(bytes, 29), want));
	for (size_t i = 0; i < 2; i++) {
		OK(mk_init(CKF_SIGN, &m[i], key));
		len = 8;
		OK(mk_single(CKF_SIGN, VIEW(bytes, 29), out, &len));
		ck_assert_mem_eq(out, want, 8);
	}
	mk_destroy(key);
}
END_TEST

/* Padding 3 holds the message: above the limit the operation ends. */
START_TEST(message_too_long_to_hold_ends_the_operation)
{
	static uint8_t part[1 << 20];
	struct sr_iso9797_params p = { SR_ISO9797_PADDING_3, 8 };
	CK_MECHANISM m = { CKM_SR_ISO9797_ALG3_MAC, &p, sizeof(p) };
	CK_OBJECT_HANDLE key = mk_secret(CKK_DES2, VIEW(bytes, 16), SIGN);
	CK_RV rv = CKR_OK;
	uint8_t out[8];
	CK_ULONG len = 8;

	OK(mk_init(CKF_SIGN, &m, key));
	for (size_t i = 0; i < 4096 && rv == CKR_OK; i++)
		rv = mk_update(CKF_SIGN, VIEW(part, sizeof(part)), NULL, &len);
	IS(rv, CKR_DATA_LEN_RANGE);
	len = 8;
	IS(mk_final(CKF_SIGN, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(key);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iso9797");
	TCase *c = tcase_create("iso9797");

	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_add_test(c, parameters_out_of_range_are_refused);
	tcase_add_test(c, empty_message_is_padded_to_a_block);
	tcase_add_test(c, paddings_are_what_the_standard_says_for_every_length);
	tcase_add_test(c, algorithm_3_is_x9_19_under_every_number);
	tcase_add_test(c, message_too_long_to_hold_ends_the_operation);
	suite_add_tcase(s, c);
	return mk_main(s);
}
