/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <string.h>

/* Derivation: calls with several keys, bad parameters, keys as parameters, generation for it. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Additional keys of one call lie behind each other; a bad template among them makes none. */
START_TEST(several_keys_of_one_call)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, label[] = "label";
	CK_SP800_108_COUNTER_FORMAT format = { CK_FALSE, 8 };
	CK_SP800_108_DKM_LENGTH_FORMAT length = { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 16 };
	CK_PRF_DATA_PARAM fields[] = {
		{ CK_SP800_108_ITERATION_VARIABLE, &format, sizeof(format) },
		{ CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)label, 5 },
		{ CK_SP800_108_DKM_LENGTH, &length, sizeof(length) },
	};
	CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
	CK_ULONG n16 = 16, n48 = 48, n17 = 17;
	CK_ATTRIBUTE first[] = { { CKA_KEY_TYPE, &aes, sizeof(aes) },
				 { CKA_SENSITIVE, &no, 1 },
				 { CKA_EXTRACTABLE, &yes, 1 },
				 { CKA_VALUE_LEN, &n16, sizeof(n16) } };
	CK_ATTRIBUTE second[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) },
				  { CKA_SENSITIVE, &no, 1 },
				  { CKA_EXTRACTABLE, &yes, 1 },
				  { CKA_VALUE_LEN, &n48, sizeof(n48) } };
	CK_OBJECT_HANDLE more = 77, key = 77, whole = 0, base = mk_base(CKK_GENERIC_SECRET, VIEW(secret, 32), &no);
	CK_DERIVED_KEY additional = { second, 4, &more };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 3, fields, 1, &additional };
	CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) };
	uint8_t room[3][64];

	OK(ck->C_DeriveKey(mk_session, &m, base, first, 4, &key));
	ck_assert_uint_eq(mk_value(key, room[0], 64).n, 16);
	ck_assert_uint_eq(mk_value(more, room[0] + 16, 48).n, 48);
	p.ulAdditionalDerivedKeys = 0;
	n48 = 64;
	OK(ck->C_DeriveKey(mk_session, &m, base, second, 4, &whole));
	mk_value(whole, room[1], 64);
	ck_assert(memcmp(room[0], room[1], 64) == 0);
	p.ulAdditionalDerivedKeys = 1;
	n48 = 48;
	more = key = 77;
	second[0].pValue = &aes;
	second[3].pValue = &n17;
	IS(ck->C_DeriveKey(mk_session, &m, base, first, 4, &key), CKR_KEY_SIZE_RANGE);
	ck_assert(more == 77 && key == 77);
	mk_destroy(base);
}
END_TEST

/* A key among the fields gives what its bytes give, and protects what comes out of it. */
START_TEST(key_among_the_fields_counts_as_a_base)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, part[20] = { 7, 7 };
	CK_SP800_108_COUNTER_FORMAT format = { CK_TRUE, 16 };
	CK_OBJECT_HANDLE base = mk_base(CKK_GENERIC_SECRET, VIEW(secret, 32), &no);
	CK_OBJECT_HANDLE open = mk_base(CKK_GENERIC_SECRET, VIEW(part, 20), &no), x = 0, y = 0;
	CK_OBJECT_HANDLE shut = mk_base(CKK_GENERIC_SECRET, VIEW(part, 20), &yes);
	CK_PRF_DATA_PARAM fields[] = { { CK_SP800_108_ITERATION_VARIABLE, &format, sizeof(format) },
				       { CK_SP800_108_KEY_HANDLE, &open, sizeof(open) } };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA3_256_HMAC, 2, fields, 0, NULL };
	CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) };
	uint8_t room[2][64];

	OK(mk_derive(&m, base, CKK_GENERIC_SECRET, 50, &x));
	fields[1] = (CK_PRF_DATA_PARAM){ CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)part, 20 };
	OK(mk_derive(&m, base, CKK_GENERIC_SECRET, 50, &y));
	ck_assert(view_equal(mk_value(x, room[0], 64), mk_value(y, room[1], 64)));
	fields[1] = (CK_PRF_DATA_PARAM){ CK_SP800_108_KEY_HANDLE, &shut, sizeof(shut) };
	IS(mk_derive(&m, base, CKK_GENERIC_SECRET, 50, &y), CKR_TEMPLATE_INCONSISTENT);
	OK(ck->C_DeriveKey(mk_session, &m, base, NULL, 0, &y));
	mk_destroy(base);
	mk_destroy(open);
	mk_destroy(shut);
}
END_TEST

START_TEST(bad_fields_are_refused)
{
	static const uint8_t secret[32] = { 1, 2, 3 };
	CK_SP800_108_COUNTER_FORMAT good = { CK_FALSE, 8 }, wide = { CK_FALSE, 40 }, odd = { CK_FALSE, 12 };
	CK_SP800_108_DKM_LENGTH_FORMAT length = { 9, CK_FALSE, 16 };
	CK_OBJECT_HANDLE none = 987654, base = mk_base(CKK_GENERIC_SECRET, VIEW(secret, 32), &no), key = 77;
	CK_PRF_DATA_PARAM bad[][2] = {
		{ { CK_SP800_108_BYTE_ARRAY, &none, 4 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, NULL, 0 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &wide, sizeof(wide) }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &odd, sizeof(odd) }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, 3 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { CK_SP800_108_BYTE_ARRAY, NULL, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { CK_SP800_108_BYTE_ARRAY, &none, ~0UL } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { 99, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_DKM_LENGTH, &length, sizeof(length) } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_OPTIONAL_COUNTER, &good, 16 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_KEY_HANDLE, &none, sizeof(none) } },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 2, bad[i], 0, NULL };
		CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) };

		IS(mk_derive(&m, base, CKK_AES, 16, &key),
		   i == ARRAY_LEN(bad) - 1 ? CKR_KEY_HANDLE_INVALID : CKR_MECHANISM_PARAM_INVALID);
		p.ulNumberOfDataParams = ~0UL;
		IS(mk_derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_SHA256_HMAC, 2, NULL, 0, NULL };
		IS(mk_derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_SHA256_HMAC, 1, bad[6], 1, NULL };
		IS(mk_derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_MD5, 1, bad[6], 0, NULL };
		IS(mk_derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_AES_CMAC, 1, bad[6], 0, NULL };
		IS(mk_derive(&m, base, CKK_AES, 16, &key), CKR_KEY_TYPE_INCONSISTENT);
	}
	/* a counter of 8 bits counts to 255 blocks of 32 bytes */
	ck_assert_uint_eq(key, 77);
	mk_destroy(base);
}
END_TEST

START_TEST(bad_parameters_are_refused)
{
	static const uint8_t secret[48] = { 1, 2, 3 };
	uint8_t byte = 0;
	CK_OBJECT_HANDLE base = mk_base(CKK_GENERIC_SECRET, VIEW(secret, 48), &no), key = 77;
	CK_SSL3_RANDOM_DATA good = { &byte, 1, &byte, 1 }, null = { NULL, 1, &byte, 1 },
			    huge = { &byte, ~0UL, &byte, 1 };
	CK_HKDF_PARAMS hkdf[] = {
		{ CK_FALSE, CK_FALSE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_MD5, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, 0, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, 7, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, NULL, 1, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, &byte, ~0UL },
		{ 2, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
	};
	CK_HKDF_PARAMS no_salt = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_KEY, NULL, 0, 987654, NULL, 0 };
	CK_TLS12_MASTER_KEY_DERIVE_PARAMS master[] = { { good, NULL, CKM_MD5 },
						       { null, NULL, CKM_SHA256 },
						       { huge, NULL, CKM_SHA256 } };
	CK_SSL3_KEY_MAT_OUT out = { 0 };
	CK_TLS12_KEY_MAT_PARAMS block[] = {
		{ 0, 128, 0, CK_FALSE, good, NULL, CKM_SHA256 },    { 0, 128, 64, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, 0, CK_TRUE, good, &out, CKM_SHA256 },     { 0, ~0UL, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ ~0UL, 128, 0, CK_FALSE, good, &out, CKM_SHA256 }, { 4, 128, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, ~0UL, CK_FALSE, good, &out, CKM_SHA256 }, { 0, 0, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, 0, CK_FALSE, null, &out, CKM_SHA256 },
	};
	CK_TLS_KDF_PARAMS tls[] = { { CKM_SHA256, NULL, 1, good, NULL, 0 },     { CKM_SHA256, &byte, 0, good, NULL, 0 },
				    { CKM_SHA256, &byte, ~0UL, good, NULL, 0 }, { CKM_SHA256, &byte, 1, huge, NULL, 0 },
				    { CKM_SHA256, &byte, 1, good, NULL, 1 },    { CKM_MD5, &byte, 1, good, NULL, 0 } };
	CK_TLS_MAC_PARAMS mac[] = { { CKM_SHA256, 11, 1 },
				    { CKM_SHA256, ~0UL, 1 },
				    { CKM_SHA256, 12, 0 },
				    { CKM_SHA256, 12, 3 },
				    { CKM_MD5, 12, 1 } };
	CK_ULONG huge_length = 4097;
	CK_PKCS5_PBKD2_PARAMS2 pbkdf2[] = {
		{ 0, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, NULL, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 0, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, ~0UL, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, 2, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, NULL, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 4097 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 65536 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, ~0UL },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, ~7UL },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte,
		  (CK_ULONG)(uintptr_t)&huge_length },
	};
	CK_EXTRACT_PARAMS first = 48 * 8;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ULONG len = 16;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) }, { CKA_VALUE_LEN, &len, sizeof(len) } };

#define EACH(array, mechanism)                                                                                         \
	for (size_t i = 0; i < ARRAY_LEN(array); i++)                                                                  \
	IS(mk_derive(&(CK_MECHANISM){ mechanism, &array[i], sizeof(array[i]) }, base, CKK_GENERIC_SECRET, 48, &key),   \
	   CKR_MECHANISM_PARAM_INVALID)

	EACH(hkdf, CKM_HKDF_DERIVE);
	EACH(hkdf, CKM_HKDF_DATA);
	EACH(master, CKM_TLS12_MASTER_KEY_DERIVE);
	EACH(block, CKM_TLS12_KEY_AND_MAC_DERIVE);
	EACH(tls, CKM_TLS_KDF);
	IS(mk_derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &no_salt, sizeof(no_salt) }, base, CKK_GENERIC_SECRET, 16, &key),
	   CKR_KEY_HANDLE_INVALID);
	IS(mk_derive(&(CK_MECHANISM){ CKM_EXTRACT_KEY_FROM_KEY, &first, sizeof(first) }, base, CKK_GENERIC_SECRET, 4,
		     &key),
	   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(mac); i++)
		IS(mk_init(CKF_SIGN, &(CK_MECHANISM){ CKM_TLS_MAC, &mac[i], sizeof(mac[i]) }, base),
		   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(pbkdf2); i++)
		IS(ck->C_GenerateKey(mk_session, &(CK_MECHANISM){ CKM_PKCS5_PBKD2, &pbkdf2[i], sizeof(pbkdf2[i]) }, t,
				     2, &key),
		   CKR_MECHANISM_PARAM_INVALID);
	ck_assert_uint_eq(key, 77);
	mk_destroy(base);
}
END_TEST

/* NSS hands in the structure of 2.20, which points to the password's length. RFC 7914, 11. */
START_TEST(both_structures_of_pbkdf2_give_the_key_and_it_is_shown)
{
	static const uint8_t expected[] = { 0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91,
					    0xc2, 0x25, 0x44, 0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde,
					    0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc };
	CK_ULONG password_len = 6, len = sizeof(expected);
	char salt[] = "salt";
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) }, { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_PKCS5_PBKD2_PARAMS2 p = { CKZ_SALT_SPECIFIED,         salt, 4, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0,
				     (CK_UTF8CHAR_PTR) "passwd", 6 };
	CK_MECHANISM m = { CKM_PKCS5_PBKD2, &p, sizeof(p) };
	uint8_t room[32];

	for (size_t i = 0; i < 2; i++) {
		CK_OBJECT_HANDLE key = 0;

		OK(ck->C_GenerateKey(mk_session, &m, t, ARRAY_LEN(t), &key));
		ck_assert_mem_eq(mk_value(key, room, sizeof(room)).p, expected, sizeof(expected));
		mk_destroy(key);
		p.ulPasswordLen = (CK_ULONG)(uintptr_t)&password_len;
	}
}
END_TEST

/* A salt that is a key gives what the same bytes as data give. */
START_TEST(salt_may_be_a_key)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, salt[16] = { 9, 8, 7 };
	CK_OBJECT_HANDLE base = mk_base(CKK_HKDF, VIEW(secret, 32), &no);
	CK_OBJECT_HANDLE salt_key = mk_base(CKK_GENERIC_SECRET, VIEW(salt, 16), &no), x = 0, y = 0;
	CK_HKDF_PARAMS data = { CK_TRUE, CK_TRUE, CKM_SHA3_256, CKF_HKDF_SALT_DATA, (void *)(uintptr_t)salt, 16, 0,
				NULL,    0 };
	CK_HKDF_PARAMS key = { CK_TRUE, CK_TRUE, CKM_SHA3_256, CKF_HKDF_SALT_KEY, NULL, 0, salt_key, NULL, 0 };
	uint8_t room[2][64];

	OK(mk_derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &data, sizeof(data) }, base, CKK_GENERIC_SECRET, 40, &x));
	OK(mk_derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &key, sizeof(key) }, base, CKK_GENERIC_SECRET, 40, &y));
	ck_assert(view_equal(mk_value(x, room[0], 64), mk_value(y, room[1], 64)));
	mk_destroy(base);
	mk_destroy(salt_key);
}
END_TEST

START_TEST(generated_hkdf_key_derives)
{
	CK_MECHANISM m = { CKM_HKDF_KEY_GEN, NULL, 0 };
	CK_HKDF_PARAMS p = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 };
	CK_ULONG len = 32;
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof(len) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_DERIVE, &yes, 1 } };
	CK_ATTRIBUTE got = { CKA_KEY_TYPE, &type, sizeof(type) };
	CK_OBJECT_HANDLE base = 0, key = 0;

	OK(ck->C_GenerateKey(mk_session, &m, t, 4, &base));
	OK(ck->C_GetAttributeValue(mk_session, base, &got, 1));
	ck_assert_uint_eq(type, CKK_HKDF);
	OK(mk_derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &p, sizeof(p) }, base, CKK_AES, 32, &key));
	IS(mk_derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &p, sizeof(p) }, base, CKK_AES, 17, &key), CKR_KEY_SIZE_RANGE);
	mk_destroy(base);
}
END_TEST

START_TEST(premaster_secret_has_its_version)
{
	CK_VERSION version = { 3, 3 };
	CK_MECHANISM m = { CKM_TLS_PRE_MASTER_KEY_GEN, &version, sizeof(version) };
	CK_ULONG len = 47;
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE key = 0;
	uint8_t room[2][64];

	OK(ck->C_GenerateKey(mk_session, &m, t, 2, &key));
	ck_assert_uint_eq(mk_value(key, room[0], 64).n, 48);
	ck_assert(room[0][0] == 3 && room[0][1] == 3);
	OK(ck->C_GenerateKey(mk_session, &m, t, 2, &key));
	mk_value(key, room[1], 64);
	ck_assert(memcmp(room[0] + 2, room[1] + 2, 46) != 0);
	IS(ck->C_GenerateKey(mk_session, &m, t, 3, &key), CKR_TEMPLATE_INCONSISTENT);
}
END_TEST

/* The public half of a pair, out of the private half. */
START_TEST(public_key_comes_out_of_the_private_one)
{
	static const struct {
		const char *row;
		CK_ATTRIBUTE_TYPE value;
	} rows[] = { { "CKM_DSA_SHA256", CKA_VALUE }, { "CKM_ECDSA_SHA256", CKA_EC_POINT } };
	CK_MECHANISM m = { CKM_PUB_KEY_FROM_PRIV_KEY, NULL, 0 };
	uint8_t room[2][1024];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mech_row *row = mk_row(rows[i].row);
		CK_OBJECT_HANDLE public = mk_key_for(row, CKF_VERIFY), private = mk_key_for(row, CKF_SIGN), made = 0;
		CK_ATTRIBUTE a0 = { rows[i].value, room[0], 1024 }, a1 = { rows[i].value, room[1], 1024 };
		CK_ATTRIBUTE t[] = { { CKA_VERIFY, &yes, 1 } };

		OK(ck->C_DeriveKey(mk_session, &m, private, t, 1, &made));
		OK(ck->C_GetAttributeValue(mk_session, public, &a0, 1));
		OK(ck->C_GetAttributeValue(mk_session, made, &a1, 1));
		ck_assert(view_equal(VIEW(room[0], a0.ulValueLen), VIEW(room[1], a1.ulValueLen)));
		OK(ck->C_DestroyObject(mk_session, made));
		IS(ck->C_DeriveKey(mk_session, &m, public, t, 1, &made), CKR_KEY_TYPE_INCONSISTENT);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("derivation calls");
	TCase *c = tcase_create("calls");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, several_keys_of_one_call);
	tcase_add_test(c, key_among_the_fields_counts_as_a_base);
	tcase_add_test(c, bad_fields_are_refused);
	tcase_add_test(c, bad_parameters_are_refused);
	tcase_add_test(c, salt_may_be_a_key);
	tcase_add_test(c, both_structures_of_pbkdf2_give_the_key_and_it_is_shown);
	tcase_add_test(c, generated_hkdf_key_derives);
	tcase_add_test(c, premaster_secret_has_its_version);
	tcase_add_test(c, public_key_comes_out_of_the_private_one);
	suite_add_tcase(s, c);
	return mk_main(s);
}
