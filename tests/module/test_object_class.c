/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <openssl/bn.h>
#include <string.h>

/* Certificates, trust, domain parameters, and what every token shows: profiles and mechanisms. */

static CK_ULONG x509 = CKC_X_509, attributes = CKC_X_509_ATTR_CERT, wtls = CKC_WTLS;

#define MAKES(rv, ...)                                                                                                 \
	do {                                                                                                           \
		CK_ATTRIBUTE makes_t[] = { __VA_ARGS__ };                                                              \
		made = 0;                                                                                              \
		ck_rv(ok_create(makes_t, ARRAY_LEN(makes_t), &made), rv);                                              \
	} while (0)

#define CERTIFICATE(type) SET(CKA_CLASS, ok_certificate), SET(CKA_CERTIFICATE_TYPE, type)

START_TEST(certificate_of_a_public_key)
{
	CK_ULONG four = 4, authority = CK_CERTIFICATE_CATEGORY_AUTHORITY;
	CK_OBJECT_HANDLE made;
	uint8_t room[8];

	MAKES(CKR_OK, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"),
	      SET(CKA_CERTIFICATE_CATEGORY, authority), TEXT(CKA_START_DATE, "20260101"), TEXT(CKA_ID, "1"));
	ck_assert_uint_eq(ck_get_ulong(made, CKA_CERTIFICATE_CATEGORY), authority);
	ck_assert_uint_eq(ck_get_ulong(made, CKA_NAME_HASH_ALGORITHM), CKM_SHA_1);
	ck_assert_uint_eq(ck_get_ulong(made, CKA_JAVA_MIDP_SECURITY_DOMAIN), CK_SECURITY_DOMAIN_UNSPECIFIED);
	/* FIPS 180-4: SHA-1 of "abc" begins a9993e. */
	ck_assert_mem_eq(ok_bytes(made, CKA_CHECK_VALUE, room, sizeof(room)).p, "\xa9\x99\x3e", 3);
	ck_assert(!ck_get_bool(made, CKA_PRIVATE) && !ck_get_bool(made, CKA_TRUSTED));
	ck_ok(ok_set(made, CKA_ID, "2", 1));
	ck_ok(ok_set(made, CKA_ISSUER, "i", 1));
	ck_ok(ok_set(made, CKA_SERIAL_NUMBER, "n", 1));
	ck_ok(ok_set(made, CKA_LABEL, "l", 1));
	ck_rv(ok_set(made, CKA_SUBJECT, "t", 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_VALUE, "d", 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_START_DATE, "20260102", 8), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_CERTIFICATE_CATEGORY, &authority, sizeof(authority)), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_OWNER, "o", 1), CKR_ATTRIBUTE_TYPE_INVALID);
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"),
	      SET(CKA_CERTIFICATE_CATEGORY, four));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"),
	      SET(CKA_JAVA_MIDP_SECURITY_DOMAIN, four));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"),
	      TEXT(CKA_CHECK_VALUE, "\xa9\x99\x3f"));
	MAKES(CKR_OK, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"),
	      TEXT(CKA_CHECK_VALUE, "\xa9\x99\x3e"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(x509), TEXT(CKA_VALUE, "abc"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_certificate), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"));
	MAKES(CKR_ATTRIBUTE_TYPE_INVALID, CERTIFICATE(x509), TEXT(CKA_OWNER, "s"), TEXT(CKA_VALUE, "abc"));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, CERTIFICATE(wtls), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc"));
}
END_TEST

/* PKCS#11 4.6.3: the certificate, or its place and the hashes of the keys. */
START_TEST(certificate_that_is_elsewhere)
{
	CK_OBJECT_HANDLE made;
	uint8_t room[8];

	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, ""));
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, ""),
	      TEXT(CKA_URL, "http://127.0.0.1/c"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, ""),
	      TEXT(CKA_URL, "http://127.0.0.1/c"), TEXT(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "01234567890123456789"));
	MAKES(CKR_OK, CERTIFICATE(x509), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, ""),
	      TEXT(CKA_URL, "http://127.0.0.1/c"), TEXT(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "01234567890123456789"),
	      TEXT(CKA_HASH_OF_ISSUER_PUBLIC_KEY, "01234567890123456789"));
	ck_assert_uint_eq(ok_bytes(made, CKA_CHECK_VALUE, room, sizeof(room)).n, 0);
}
END_TEST

START_TEST(certificate_of_attributes)
{
	CK_ATTRIBUTE by_owner = TEXT(CKA_OWNER, "o");
	CK_OBJECT_HANDLE made;
	uint8_t room[8];

	MAKES(CKR_OK, CERTIFICATE(attributes), TEXT(CKA_OWNER, "o"), TEXT(CKA_VALUE, "abc"), TEXT(CKA_AC_ISSUER, "i"),
	      TEXT(CKA_SERIAL_NUMBER, "1"));
	ck_assert_mem_eq(ok_bytes(made, CKA_CHECK_VALUE, room, sizeof(room)).p, "\xa9\x99\x3e", 3);
	ck_assert_uint_eq(ok_bytes(made, CKA_ATTR_TYPES, room, sizeof(room)).n, 0);
	ck_assert_uint_eq(ck_find(&by_owner, 1, NULL), 1);
	ck_ok(ok_set(made, CKA_AC_ISSUER, "j", 1));
	ck_ok(ok_set(made, CKA_SERIAL_NUMBER, "2", 1));
	ck_ok(ok_set(made, CKA_ATTR_TYPES, "t", 1));
	ck_rv(ok_set(made, CKA_OWNER, "p", 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_SUBJECT, "p", 1), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_rv(ok_set(made, CKA_CERTIFICATE_TYPE, &x509, sizeof(x509)), CKR_ATTRIBUTE_READ_ONLY);
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(attributes), TEXT(CKA_VALUE, "abc"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, CERTIFICATE(attributes), TEXT(CKA_OWNER, "o"));
	MAKES(CKR_ATTRIBUTE_TYPE_INVALID, CERTIFICATE(attributes), TEXT(CKA_OWNER, "o"), TEXT(CKA_VALUE, "abc"),
	      TEXT(CKA_URL, "u"));
}
END_TEST

START_TEST(trust_in_a_certificate)
{
	CK_ULONG anchor = CKT_TRUST_ANCHOR, not = CKT_NOT_TRUSTED, none = 5;
	CK_OBJECT_HANDLE made;

	MAKES(CKR_OK, SET(CKA_CLASS, ok_trust), TEXT(CKA_ISSUER, "i"), TEXT(CKA_SERIAL_NUMBER, "1"),
	      TEXT(CKA_HASH_OF_CERTIFICATE, "01234567890123456789"), SET(CKA_TRUST_SERVER_AUTH, anchor));
	ck_assert_uint_eq(ck_get_ulong(made, CKA_TRUST_SERVER_AUTH), CKT_TRUST_ANCHOR);
	ck_assert_uint_eq(ck_get_ulong(made, CKA_TRUST_OCSP_SIGNING), CKT_TRUST_UNKNOWN);
	MAKES(CKR_OK, SET(CKA_CLASS, ok_trust), TEXT(CKA_ISSUER, "i"), TEXT(CKA_SERIAL_NUMBER, "1"),
	      SET(CKA_TRUST_IPSEC_IKE, not ));
	ck_ok(ok_set(made, CKA_TRUST_CLIENT_AUTH, &not, sizeof(not )));
	ck_rv(ok_set(made, CKA_TRUST_CLIENT_AUTH, &anchor, sizeof(anchor)), CKR_TEMPLATE_INCOMPLETE);
	ck_rv(ok_set(made, CKA_TRUST_CLIENT_AUTH, &none, sizeof(none)), CKR_ATTRIBUTE_VALUE_INVALID);
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_trust), TEXT(CKA_ISSUER, "i"), TEXT(CKA_SERIAL_NUMBER, "1"),
	      SET(CKA_TRUST_SERVER_AUTH, anchor));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, SET(CKA_CLASS, ok_trust), TEXT(CKA_ISSUER, "i"),
	      TEXT(CKA_SERIAL_NUMBER, "1"), SET(CKA_TRUST_SERVER_AUTH, none));
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_trust), TEXT(CKA_ISSUER, "i"));
}
END_TEST

/* RFC 3526, group 14: g is 2. */
static void prime_of(uint8_t p[256])
{
	BIGNUM *n = BN_get_rfc3526_prime_2048(NULL);

	ck_assert(n != NULL && BN_bn2binpad(n, p, 256) == 256);
	BN_free(n);
}

START_TEST(domain_parameters_of_dh)
{
	CK_KEY_TYPE dh = CKK_DH, dsa = CKK_DSA, x942 = CKK_X9_42_DH;
	CK_ULONG bits = 2048;
	CK_OBJECT_HANDLE made;
	uint8_t p[256];

	prime_of(p);
	MAKES(CKR_OK, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), SET(CKA_PRIME, p), TEXT(CKA_BASE, "\2"));
	ck_assert_uint_eq(ck_get_ulong(made, CKA_PRIME_BITS), 2048);
	ck_assert(!ck_get_bool(made, CKA_LOCAL) && !ck_get_bool(made, CKA_PRIVATE));
	ck_rv(ok_set(made, CKA_PRIME, p, sizeof(p)), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ok_set(made, CKA_SUBPRIME, p, sizeof(p)), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_rv(ok_set(made, CKA_SIGN, &ok_yes, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_ok(ok_set(made, CKA_LABEL, "group", 5));
	MAKES(CKR_TEMPLATE_INCONSISTENT, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), SET(CKA_PRIME, p),
	      TEXT(CKA_BASE, "\2"), SET(CKA_PRIME_BITS, bits));
	MAKES(CKR_ATTRIBUTE_READ_ONLY, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), SET(CKA_PRIME, p),
	      TEXT(CKA_BASE, "\2"), SET(CKA_LOCAL, ok_yes));
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), SET(CKA_PRIME, p));
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dsa), SET(CKA_PRIME, p),
	      TEXT(CKA_BASE, "\2"));
	MAKES(CKR_TEMPLATE_INCOMPLETE, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, x942), SET(CKA_PRIME, p),
	      TEXT(CKA_BASE, "\2"));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), TEXT(CKA_PRIME, ""),
	      TEXT(CKA_BASE, "\2"));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, dh), TEXT(CKA_PRIME, "\2"),
	      SET(CKA_BASE, p));
	MAKES(CKR_ATTRIBUTE_VALUE_INVALID, SET(CKA_CLASS, ok_domain), SET(CKA_KEY_TYPE, ok_aes), SET(CKA_PRIME, p),
	      TEXT(CKA_BASE, "\2"));
}
END_TEST

/* built_in: an object of the module's own: shown to everybody, changed by nobody. */
static void built_in(CK_OBJECT_HANDLE h)
{
	CK_OBJECT_HANDLE copy = 0;
	uint8_t room[64];
	CK_ULONG size = 0;

	ck_assert(ck_get_bool(h, CKA_TOKEN) && !ck_get_bool(h, CKA_PRIVATE) && !ck_get_bool(h, CKA_MODIFIABLE));
	ck_assert_uint_eq(ok_bytes(h, CKA_UNIQUE_ID, room, sizeof(room)).n, 32);
	ck_assert_uint_eq(ok_bytes(h, CKA_LABEL, room, sizeof(room)).n, 0);
	ck_rv(ok_set(h, CKA_LABEL, "x", 1), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_DestroyObject(ck_session, h), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_CopyObject(ck_session, h, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_GetObjectSize(ck_session, h, &size));
	ck_assert_uint_gt(size, 0);
	ck_rv(ck->C_EncryptInit(ck_session, &(CK_MECHANISM){ CKM_AES_ECB, NULL, 0 }, h), CKR_KEY_HANDLE_INVALID);
}

START_TEST(profiles_are_found_by_their_class)
{
	static const CK_ULONG ids[] = { CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER, CKP_AUTHENTICATION_TOKEN };
	CK_OBJECT_CLASS profile = CKO_PROFILE;
	CK_ATTRIBUTE by_class[] = { SET(CKA_CLASS, profile), SET(CKA_TOKEN, ok_yes) };
	CK_ATTRIBUTE in_session[] = { SET(CKA_CLASS, profile), SET(CKA_TOKEN, ok_no) };
	CK_ULONG id = CKP_COMPLETE_PROVIDER;
	CK_ATTRIBUTE by_id[] = { SET(CKA_PROFILE_ID, id) };
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, profile), SET(CKA_PROFILE_ID, id) };
	CK_OBJECT_HANDLE h = 0;

	for (int round = 0; round < 3; round++) {
		ck_assert_uint_eq(ck_find(by_class, 2, NULL), ARRAY_LEN(ids));
		for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
			id = ids[i];
			ck_assert_uint_eq(ck_find(by_id, 1, &h), 1);
			ck_assert_uint_eq(ck_get_ulong(h, CKA_PROFILE_ID), id);
			ck_assert_uint_eq(ck_get_ulong(h, CKA_CLASS), CKO_PROFILE);
			built_in(h);
		}
		ck_assert_uint_eq(ck_find(in_session, 2, NULL), 0);
		ck_assert_uint_eq(ck_find(NULL, 0, NULL), 0);
		id = CKP_COMPLETE_PROVIDER;
		ck_assert_uint_eq(ck_find(by_id, 1, NULL), 0);
		ck_rv(ok_create(t, ARRAY_LEN(t), &h), CKR_ATTRIBUTE_VALUE_INVALID);
		if (round == 0)
			ck_logout(); /* they are public */
		else if (round == 1)
			ok_restart();
	}
}
END_TEST

START_TEST(every_mechanism_is_an_object)
{
	CK_OBJECT_CLASS mechanism = CKO_MECHANISM;
	CK_MECHANISM_TYPE type = CKM_AES_KEY_GEN;
	CK_ATTRIBUTE by_class = SET(CKA_CLASS, mechanism);
	CK_ATTRIBUTE one[] = { SET(CKA_CLASS, mechanism), SET(CKA_MECHANISM_TYPE, type) };
	CK_MECHANISM_TYPE list[1024];
	CK_ULONG n = ARRAY_LEN(list);
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_GetMechanismList(ck_slot, list, &n));
	ck_assert_uint_eq(ck_find(&by_class, 1, NULL), n);
	for (CK_ULONG i = 0; i < n; i++) {
		type = list[i];
		ck_assert_uint_eq(ck_find(one, 2, &h), 1);
		ck_assert_uint_eq(ck_get_ulong(h, CKA_MECHANISM_TYPE), type);
	}
	built_in(h);
	ck_assert_uint_eq(ck_find(&one[1], 1, NULL), 0); /* only by class */
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), 0);
	ck_rv(ok_create(one, 2, &h), CKR_ATTRIBUTE_VALUE_INVALID);
}
END_TEST

START_TEST(other_classes_cannot_be_made)
{
	static CK_OBJECT_CLASS classes[] = { CKO_HW_FEATURE, CKO_OTP_KEY, CKO_VALIDATION, CKO_VENDOR_DEFINED, ~0UL };
	CK_OBJECT_HANDLE h = 0;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		CK_ATTRIBUTE t = SET(CKA_CLASS, classes[i]);

		ck_rv(ok_create(&t, 1, &h), CKR_ATTRIBUTE_VALUE_INVALID);
		ck_assert_uint_eq(ck_find(&t, 1, NULL), 0);
	}
}
END_TEST

/* A new token in the same place shows them again, under new handles. */
START_TEST(built_in_objects_of_a_new_token)
{
	CK_OBJECT_CLASS profile = CKO_PROFILE;
	CK_ATTRIBUTE by_class = SET(CKA_CLASS, profile);
	CK_OBJECT_HANDLE before = 0, after = 0;
	CK_ULONG n = sizeof(CK_ULONG), id;

	ck_assert_uint_eq(ck_find(&by_class, 1, &before), 3);
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	ck_test_init_token(ck_slot, "new");
	ck_session = ck_open(true);
	ck_assert_uint_eq(ck_find(&by_class, 1, &after), 3);
	ck_rv(ok_get(before, CKA_PROFILE_ID, &id, &n), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_class");
	TCase *c = tcase_create("object_class");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, ok_login, ok_clean);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, certificate_of_a_public_key);
	tcase_add_test(c, certificate_that_is_elsewhere);
	tcase_add_test(c, certificate_of_attributes);
	tcase_add_test(c, trust_in_a_certificate);
	tcase_add_test(c, domain_parameters_of_dh);
	tcase_add_test(c, profiles_are_found_by_their_class);
	tcase_add_test(c, every_mechanism_is_an_object);
	tcase_add_test(c, other_classes_cannot_be_made);
	suite_add_tcase(s, c);
	c = tcase_create("new_token");
	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, built_in_objects_of_a_new_token);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
