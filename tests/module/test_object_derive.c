/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* What derived keys get from the keys that they come from, and what pairs other than RSA say of themselves. */

static uint8_t point[80]; /* the other side's public key: DER of an octet string of 65 bytes */
static CK_ECDH1_DERIVE_PARAMS ecdh = { CKD_NULL, 0, NULL, 65, point + 2 };
static CK_MECHANISM ecdh_m = { CKM_ECDH1_DERIVE, &ecdh, sizeof(ecdh) };
static CK_ULONG len = 32;

static void pair(const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	static uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public_t[] = { SET(CKA_EC_PARAMS, p256) };
	CK_ATTRIBUTE t[16] = { SET(CKA_DERIVE, ok_yes) };

	if (n > 0)
		memcpy(t + 1, more, n * sizeof(*more));
	ck_ok(ck->C_GenerateKeyPair(ck_session, &m, public_t, 1, t, n + 1, ret_public, ret_private));
}

static void begin(void)
{
	CK_OBJECT_HANDLE public_key = 0, private_key = 0;

	ok_login();
	pair(NULL, 0, &public_key, &private_key);
	ck_assert_uint_eq(ok_bytes(public_key, CKA_EC_POINT, point, sizeof(point)).n, 67);
}

static CK_RV derive(CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[16] = { SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), SET(CKA_VALUE_LEN, len) };

	if (n > 0)
		memcpy(t + 3, more, n * sizeof(*more));
	return ck->C_DeriveKey(ck_session, &ecdh_m, base, t, n + 3, ret);
}

/* PKCS#11 3.1, 6.3.20 and its like, and stricter: derived keys are protected like their bases. */
START_TEST(derived_keys_are_protected_like_their_bases)
{
	CK_ATTRIBUTE shown[] = { SET(CKA_SENSITIVE, ok_no) }, leaves[] = { SET(CKA_EXTRACTABLE, ok_yes) };
	CK_ATTRIBUTE tight[] = { SET(CKA_SENSITIVE, ok_yes), SET(CKA_EXTRACTABLE, ok_no) };

	for (int i = 0; i < 4; i++) {
		CK_BBOOL sensitive = (CK_BBOOL)(i & 1), extractable = (CK_BBOOL)(i >> 1);
		CK_ATTRIBUTE t[] = { SET(CKA_SENSITIVE, sensitive), SET(CKA_EXTRACTABLE, extractable) };
		CK_OBJECT_HANDLE public_key = 0, base = 0, h = 0;

		pair(t, 2, &public_key, &base);
		ck_rv(derive(base, shown, 1, &h), sensitive ? CKR_TEMPLATE_INCONSISTENT : CKR_OK);
		ck_rv(derive(base, leaves, 1, &h), extractable ? CKR_OK : CKR_TEMPLATE_INCONSISTENT);
		ck_ok(derive(base, NULL, 0, &h));
		ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_EXTRACTABLE));
		ck_ok(derive(base, tight, 2, &h));
		ck_assert_int_eq(ck_get_bool(h, CKA_ALWAYS_SENSITIVE), sensitive);
		ck_assert_int_eq(ck_get_bool(h, CKA_NEVER_EXTRACTABLE), !extractable);
		ck_assert(!ck_get_bool(h, CKA_LOCAL));
		ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
		/* Sensitive later is not sensitive always. */
		ck_ok(ok_set_bool(base, CKA_SENSITIVE, true));
		ck_ok(ok_set_bool(base, CKA_EXTRACTABLE, false));
		ck_ok(derive(base, NULL, 0, &h));
		ck_assert_int_eq(ck_get_bool(h, CKA_ALWAYS_SENSITIVE), sensitive);
		ck_assert_int_eq(ck_get_bool(h, CKA_NEVER_EXTRACTABLE), !extractable);
	}
}
END_TEST

START_TEST(derive_template_is_added_to_what_is_asked_for)
{
	CK_ATTRIBUTE adds[] = { SET(CKA_EXTRACTABLE, ok_no), SET(CKA_ENCRYPT, ok_yes), TEXT(CKA_LABEL, "derived") };
	CK_ATTRIBUTE with[] = { SET(CKA_DERIVE_TEMPLATE, adds), SET(CKA_SENSITIVE, ok_no),
				SET(CKA_EXTRACTABLE, ok_yes) };
	CK_ATTRIBUTE open[] = { SET(CKA_EXTRACTABLE, ok_yes) }, same[] = { SET(CKA_ENCRYPT, ok_yes) };
	CK_ATTRIBUTE other[] = { TEXT(CKA_LABEL, "mine") };
	CK_OBJECT_HANDLE public_key = 0, base = 0, h = 77;
	uint8_t room[16];

	pair(with, ARRAY_LEN(with), &public_key, &base);
	ck_rv(derive(base, open, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_rv(derive(base, other, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	ck_assert_uint_eq(h, 77);
	ck_ok(derive(base, same, 1, &h));
	ck_assert(ck_get_bool(h, CKA_ENCRYPT) && !ck_get_bool(h, CKA_EXTRACTABLE));
	ck_assert(view_equal(ok_bytes(h, CKA_LABEL, room, sizeof(room)), VIEW_STR("derived")));
}
END_TEST

START_TEST(check_value_of_derived_keys)
{
	CK_ATTRIBUTE open[] = { SET(CKA_SENSITIVE, ok_no), SET(CKA_EXTRACTABLE, ok_yes) };
	CK_ATTRIBUTE wrong[] = { TEXT(CKA_CHECK_VALUE, "\1\2\3") };
	CK_OBJECT_HANDLE public_key = 0, base = 0, h = 0, same = 0;
	uint8_t value[32], a[8], b[8];
	struct view v;

	pair(open, 2, &public_key, &base);
	ck_rv(derive(base, wrong, 1, &h), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_ok(derive(base, open, 2, &h));
	v = ok_bytes(h, CKA_VALUE, value, sizeof(value));
	ck_assert_uint_eq(v.n, 32);
	ck_ok(ok_create((CK_ATTRIBUTE[]){ SET(CKA_CLASS, ok_secret), SET(CKA_KEY_TYPE, ok_aes), BYTES(CKA_VALUE, v) },
			3, &same));
	ck_assert(
	    view_equal(ok_bytes(h, CKA_CHECK_VALUE, a, sizeof(a)), ok_bytes(same, CKA_CHECK_VALUE, b, sizeof(b))));
}
END_TEST

START_TEST(key_that_asks_for_logins_derives_nothing)
{
	CK_ATTRIBUTE asks[] = { SET(CKA_ALWAYS_AUTHENTICATE, ok_yes) };
	CK_OBJECT_HANDLE public_key = 0, base = 0, h = 0;

	pair(asks, 1, &public_key, &base);
	ck_rv(derive(base, NULL, 0, &h), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

START_TEST(public_key_info_of_other_pairs)
{
	CK_OBJECT_HANDLE public_key = 0, private_key = 0;
	uint8_t a[256], b[256], other[256], room[80];
	struct view info, before, p;
	const uint8_t *at;
	EVP_PKEY *pkey;
	size_t n;
	uint8_t *encoded = NULL;

	pair(NULL, 0, &public_key, &private_key);
	before = ok_bytes(private_key, CKA_PUBLIC_KEY_INFO, other, sizeof(other));
	pair(NULL, 0, &public_key, &private_key);
	info = ok_bytes(public_key, CKA_PUBLIC_KEY_INFO, a, sizeof(a));
	ck_assert(view_equal(info, ok_bytes(private_key, CKA_PUBLIC_KEY_INFO, b, sizeof(b))));
	ck_rv(ok_set(private_key, CKA_PUBLIC_KEY_INFO, before.p, before.n), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_rv(ok_set(public_key, CKA_PUBLIC_KEY_INFO, before.p, before.n), CKR_ATTRIBUTE_VALUE_INVALID);
	at = info.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)info.n);
	ck_assert(pkey != NULL && EVP_PKEY_is_a(pkey, "EC"));
	n = EVP_PKEY_get1_encoded_public_key(pkey, &encoded);
	p = ok_bytes(public_key, CKA_EC_POINT, room, sizeof(room));
	ck_assert(view_equal(VIEW(encoded, n), VIEW(p.p + 2, p.n - 2)));
	OPENSSL_free(encoded);
	EVP_PKEY_free(pkey);
}
END_TEST

/* Every kind of pair says which it is, and both halves the same. */
START_TEST(both_halves_of_every_pair_say_the_same)
{
	static uint8_t prime[256], two[] = { 2 };
	static uint8_t ed25519[] = { 6, 3, 0x2b, 0x65, 0x70 }, x25519[] = { 6, 3, 0x2b, 0x65, 0x6e };
	static uint8_t p384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
	const struct {
		CK_MECHANISM_TYPE m;
		CK_ATTRIBUTE t[2];
		CK_ULONG n;
		const char *name;
	} pairs[] = {
		{ CKM_EC_KEY_PAIR_GEN, { SET(CKA_EC_PARAMS, p384) }, 1, "EC" },
		{ CKM_EC_EDWARDS_KEY_PAIR_GEN, { SET(CKA_EC_PARAMS, ed25519) }, 1, "ED25519" },
		{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, { SET(CKA_EC_PARAMS, x25519) }, 1, "X25519" },
		{ CKM_DH_PKCS_KEY_PAIR_GEN, { SET(CKA_PRIME, prime), SET(CKA_BASE, two) }, 2, "DH" },
	};
	BIGNUM *n = BN_get_rfc3526_prime_2048(NULL);

	ck_assert(n != NULL && BN_bn2binpad(n, prime, sizeof(prime)) == sizeof(prime));
	BN_free(n);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		CK_MECHANISM m = { pairs[i].m, NULL, 0 };
		CK_OBJECT_HANDLE half[2] = { 0, 0 }, copy = 0;
		uint8_t a[1024], b[1024];
		struct view info;
		const uint8_t *at;
		EVP_PKEY *pkey;

		ck_ok(ck->C_GenerateKeyPair(ck_session, &m, (CK_ATTRIBUTE *)(uintptr_t)pairs[i].t, pairs[i].n, NULL, 0,
					    &half[0], &half[1]));
		info = ok_bytes(half[0], CKA_PUBLIC_KEY_INFO, a, sizeof(a));
		at = info.p;
		pkey = d2i_PUBKEY(NULL, &at, (long)info.n);
		ck_assert_msg(pkey != NULL && EVP_PKEY_is_a(pkey, pairs[i].name), "%s", pairs[i].name);
		EVP_PKEY_free(pkey);
		ck_assert_msg(view_equal(info, ok_bytes(half[1], CKA_PUBLIC_KEY_INFO, b, sizeof(b))), "%s",
			      pairs[i].name);
		ck_ok(ck->C_CopyObject(ck_session, half[1], NULL, 0, &copy));
		ck_assert(view_equal(info, ok_bytes(copy, CKA_PUBLIC_KEY_INFO, b, sizeof(b))));
		b[info.n - 1] ^= 1;
		ck_rv(ok_set(half[1], CKA_PUBLIC_KEY_INFO, b, info.n), CKR_ATTRIBUTE_VALUE_INVALID);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_derive");
	TCase *c = tcase_create("object_derive");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, begin, ok_clean);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, derived_keys_are_protected_like_their_bases);
	tcase_add_test(c, derive_template_is_added_to_what_is_asked_for);
	tcase_add_test(c, check_value_of_derived_keys);
	tcase_add_test(c, key_that_asks_for_logins_derives_nothing);
	tcase_add_test(c, public_key_info_of_other_pairs);
	tcase_add_test(c, both_halves_of_every_pair_say_the_same);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
