/* SPDX-License-Identifier: BSD-2-Clause */
#include "ec_kit.h"
#include <stdlib.h>
#include <string.h>

/* Key agreement on elliptic curves, wrapping on top of it, SM2: published vectors, both ways, and what is refused. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

static uint8_t *bytes(struct view v)
{
	return (uint8_t *)(uintptr_t)v.p;
}

/* derive: a generic secret of len bytes (0: no CKA_VALUE_LEN). */
static CK_RV derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &secret_class, sizeof(secret_class) },
			     { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	return ck->C_DeriveKey(mk_session, m, base, t, len == 0 ? 4 : 5, ret);
}

static void derives(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ULONG len, struct view want, unsigned line)
{
	CK_OBJECT_HANDLE key = 0;
	uint8_t room[512];
	CK_RV rv = derive(m, base, len, &key);

	ck_assert_msg(rv == CKR_OK, "line %u: %lx", line, rv);
	ck_assert_msg(view_equal(mk_value(key, room, sizeof(room)), want), "line %u", line);
	mk_destroy(key);
}

/* The public key bare and in its OCTET STRING; of CKD_NULL the last bytes, when fewer are asked for. */
static void derive_vector(const struct ec_vector *v)
{
	CK_OBJECT_HANDLE base = ek_private(v->curve, V(v->key), CKF_DERIVE), key = 0;
	uint8_t der[EC_POINT_MAX + 3] = { 0x04 };
	size_t header = v->pub.n < 0x80 ? 2 : 3;
	CK_ECDH1_DERIVE_PARAMS p = { v->kdf, v->data.n, v->data.n > 0 ? bytes(V(v->data)) : NULL, v->pub.n,
				     bytes(V(v->pub)) };
	CK_MECHANISM m = { v->row->type, &p, sizeof(p) };

	derives(&m, base, v->kdf == CKD_NULL ? 0 : v->out.n, V(v->out), v->line);
	der[1] = 0x81;
	der[header - 1] = (uint8_t)v->pub.n;
	memcpy(der + header, v->pub.p, v->pub.n);
	p.public_data = der;
	p.public_data_len = header + v->pub.n;
	derives(&m, base, v->out.n, V(v->out), v->line);
	if (v->kdf == CKD_NULL) {
		derives(&m, base, 16, VIEW(v->out.p + v->out.n - 16, 16), v->line);
		IS(derive(&m, base, v->out.n + 1, &key), CKR_KEY_SIZE_RANGE);
	} else {
		derives(&m, base, 9, VIEW(v->out.p, 9), v->line);
		IS(derive(&m, base, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	}
	mk_destroy(base);
}

START_TEST(shared_secrets_are_the_published_ones) /* R6.5 */
{
	ck_assert_uint_ge(ek_vectors("ecdh.txt", derive_vector), 80);
}
END_TEST

START_TEST(two_parties_agree_on_every_curve)
{
	for (size_t i = 0; ec_curve_at(i) != NULL; i++) {
		const struct ec_curve *c = ec_curve_at(i);
		CK_OBJECT_HANDLE public[2], private[2], key[2];
		CK_ECDH1_DERIVE_PARAMS p = { CKD_SHA256_KDF, 0, NULL, 0, NULL };
		CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof(p) };
		uint8_t point[2][EC_POINT_MAX + 3], value[2][32];

		if (c->type != CKK_EC && c->type != CKK_EC_MONTGOMERY)
			continue;
		for (size_t k = 0; k < 2; k++)
			ek_pair(c, CKF_DERIVE, &public[k], &private[k]);
		for (size_t k = 0; k < 2; k++) {
			struct view v = ek_bytes(public[1 - k], CKA_EC_POINT, point[k], sizeof(point[k]));

			p.public_data = point[k];
			p.public_data_len = v.n;
			OK(derive(&m, private[k], 32, &key[k]));
			ck_assert_uint_eq(mk_value(key[k], value[k], 32).n, 32);
			mk_destroy(key[k]);
		}
		ck_assert(memcmp(value[0], value[1], 32) == 0);
		for (size_t k = 0; k < 2; k++) {
			mk_destroy(public[k]);
			mk_destroy(private[k]);
		}
	}
}
END_TEST

/* Points that would give a secret away, and parameters out of their range. */
START_TEST(bad_peers_and_parameters_are_refused)
{
	static uint8_t point[200], info[8], zero[56],
	    order8[32] = { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
			   0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
			   0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 };
	CK_OBJECT_HANDLE public, private, other_public, other_private, x, x_public, key = 4711;
	CK_ECDH1_DERIVE_PARAMS good = { CKD_NULL, 0, NULL, 67, point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &good, sizeof(good) };
	const CK_ECDH1_DERIVE_PARAMS bad[] = {
		{ CKD_NULL, 0, NULL, 0, NULL },
		{ CKD_NULL, 0, NULL, 67, NULL },
		{ CKD_NULL, 0, NULL, 0, point },
		{ CKD_NULL, 0, NULL, 66, point },
		{ CKD_NULL, 0, NULL, 64, point + 2 },
		{ CKD_NULL, 0, NULL, ~0UL, point },
		{ CKD_NULL, 8, info, 67, point },
		{ CKD_SHA256_KDF, 8, NULL, 67, point },
		{ CKD_SHA256_KDF, ~0UL, info, 67, point },
		{ 0, 0, NULL, 67, point },
		{ CKD_SHA1_KDF_ASN1, 0, NULL, 67, point },
		{ 99, 0, NULL, 67, point },
		{ ~0UL, 0, NULL, 67, point },
	};

	ek_pair(ec_curve_named("prime256v1"), CKF_DERIVE, &public, &private);
	ek_pair(ec_curve_named("brainpoolP256r1"), CKF_DERIVE, &other_public, &other_private);
	ek_pair(ec_curve_named("X25519"), CKF_DERIVE, &x_public, &x);
	ck_assert_uint_eq(ek_bytes(public, CKA_EC_POINT, point, sizeof(point)).n, 67);
	OK(derive(&m, private, 0, &key));
	mk_destroy(key);
	key = 4711;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CK_ECDH1_DERIVE_PARAMS p = bad[i];
		CK_MECHANISM b = { CKM_ECDH1_DERIVE, &p, sizeof(p) };

		ck_assert_msg(derive(&b, private, 32, &key) == CKR_MECHANISM_PARAM_INVALID, "case %zu", i);
	}
	point[66] ^= 1; /* off the curve */
	IS(derive(&m, private, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	(void)ek_bytes(other_public, CKA_EC_POINT, point, sizeof(point)); /* on another curve */
	IS(derive(&m, private, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	good = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, 1, zero }; /* infinity */
	IS(derive(&m, private, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	good = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, 32, zero }; /* points of small order */
	IS(derive(&m, x, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	good.public_data = order8;
	IS(derive(&m, x, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	good.public_data_len = 31;
	IS(derive(&m, x, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	m.mechanism = CKM_ECDH1_COFACTOR_DERIVE;
	IS(derive(&m, x, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
	ck_assert_uint_eq(key, 4711);
	mk_destroy(public);
	mk_destroy(private);
	mk_destroy(other_public);
	mk_destroy(other_private);
	mk_destroy(x);
	mk_destroy(x_public);
}
END_TEST

/* A key of a few bytes is found by search, then the next ones: from a sensitive base 112 bits at least. */
START_TEST(keys_that_search_would_find_are_refused)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	const struct ec_curve *c = ec_curve_named("prime256v1");
	CK_ATTRIBUTE public_t = { CKA_EC_PARAMS, (void *)(uintptr_t)c->oid.p, c->oid.n };
	CK_ATTRIBUTE private_t[] = { { CKA_SENSITIVE, &yes, 1 }, { CKA_DERIVE, &yes, 1 } };
	CK_ULONG len = 13;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &secret_class, sizeof(secret_class) },
			     { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE public, private, key = 0;
	uint8_t point[EC_POINT_MAX + 3];

	mk_policy("strict");
	OK(ck->C_GenerateKeyPair(mk_session, &m, &public_t, 1, private_t, 2, &public, &private));
	for (CK_ULONG kdf = CKD_NULL; kdf <= CKD_SHA1_KDF; kdf++) {
		CK_ECDH1_DERIVE_PARAMS p = { kdf, 0, NULL, 0, point };

		p.public_data_len = ek_bytes(public, CKA_EC_POINT, point, sizeof(point)).n;
		m = (CK_MECHANISM){ CKM_ECDH1_DERIVE, &p, sizeof(p) };
		len = 13;
		IS(ck->C_DeriveKey(mk_session, &m, private, t, 3, &key), CKR_KEY_SIZE_RANGE);
		len = 14;
		OK(ck->C_DeriveKey(mk_session, &m, private, t, 3, &key));
		mk_destroy(key);
	}
	mk_compatible();
}
END_TEST

/* wrap_both_ways: a secret key leaves under public and comes back under private; every byte of the result counts. */
static void wrap_both_ways(CK_MECHANISM *m, CK_OBJECT_HANDLE public, CK_OBJECT_HANDLE private, size_t overhead)
{
	static const uint8_t value[24] = "a key of 24 bytes is it";
	CK_OBJECT_HANDLE key = mk_secret(CKK_GENERIC_SECRET, VIEW(value, 24), 0), back = 4711;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &secret_class, sizeof(secret_class) },
			     { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	uint8_t wrapped[512], room[64];
	CK_ULONG n = 0;

	OK(ck->C_WrapKey(mk_session, m, public, key, NULL, &n));
	ck_assert_uint_eq(n, overhead + 24);
	n--;
	IS(ck->C_WrapKey(mk_session, m, public, key, wrapped, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, overhead + 24);
	OK(ck->C_WrapKey(mk_session, m, public, key, wrapped, &n));
	for (size_t i = 0; i < n; i += 5) {
		CK_RV rv;

		wrapped[i] ^= 4;
		rv = ck->C_UnwrapKey(mk_session, m, private, wrapped, n, t, ARRAY_LEN(t), &back);
		ck_assert_msg(rv == CKR_WRAPPED_KEY_INVALID, "byte %zu: %lx", i, rv);
		wrapped[i] ^= 4;
	}
	IS(ck->C_UnwrapKey(mk_session, m, private, wrapped, 30, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_LEN_RANGE);
	IS(ck->C_UnwrapKey(mk_session, m, private, wrapped, 0, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_LEN_RANGE);
	ck_assert_uint_eq(back, 4711);
	OK(ck->C_UnwrapKey(mk_session, m, private, wrapped, n, t, ARRAY_LEN(t), &back));
	ck_assert(view_equal(mk_value(back, room, sizeof(room)), VIEW(value, 24)));
	mk_destroy(back);
	mk_destroy(key);
}

static void unwrap_vector(const struct ec_vector *v)
{
	CK_OBJECT_HANDLE private = ek_private(v->curve, V(v->key), CKF_UNWRAP), key = 0;
	CK_OBJECT_HANDLE public = ek_public(v->curve, V(v->pub), CKF_WRAP);
	CK_ECDH_AES_KEY_WRAP_PARAMS p = { v->len, v->kdf, v->aad.n, v->aad.n > 0 ? bytes(V(v->aad)) : NULL };
	CK_MECHANISM m = { v->row->type, &p, sizeof(p) };
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &secret_class, sizeof(secret_class) },
			     { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	uint8_t room[512];
	CK_RV rv = ck->C_UnwrapKey(mk_session, &m, private, bytes(V(v->out)), v->out.n, t, ARRAY_LEN(t), &key);

	ck_assert_msg(rv == CKR_OK, "line %u: %lx", v->line, rv);
	ck_assert(view_equal(mk_value(key, room, sizeof(room)), V(v->data)));
	mk_destroy(key);
	wrap_both_ways(&m, public, private, v->out.n - (v->data.n + 7) / 8 * 8);
	mk_destroy(public);
	mk_destroy(private);
}

START_TEST(wrapped_keys_come_back)
{
	ck_assert_uint_ge(ek_vectors("ecdh_wrap.txt", unwrap_vector), 9);
}
END_TEST

START_TEST(private_keys_leave_under_an_agreed_key)
{
	CK_ECDH_AES_KEY_WRAP_PARAMS p = { 256, CKD_SHA384_KDF, 0, NULL };
	CK_MECHANISM m = { CKM_ECDH_AES_KEY_WRAP, &p, sizeof(p) };
	const struct ec_curve *c = ec_curve_named("secp384r1");
	CK_OBJECT_HANDLE public, private, cargo, cargo_public, back = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_EC_EDWARDS;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	uint8_t wrapped[512];
	CK_ULONG n = sizeof(wrapped);

	ek_pair(c, CKF_WRAP | CKF_UNWRAP, &public, &private);
	ek_pair(ec_curve_named("ED25519"), 0, &cargo_public, &cargo);
	OK(ck->C_WrapKey(mk_session, &m, public, cargo, wrapped, &n));
	OK(ck->C_UnwrapKey(mk_session, &m, private, wrapped, n, t, 2, &back));
	mk_destroy(back);
	p.ulAESKeyBits = 200;
	IS(ck->C_WrapKey(mk_session, &m, public, cargo, wrapped, &n), CKR_MECHANISM_PARAM_INVALID);
	p = (CK_ECDH_AES_KEY_WRAP_PARAMS){ 256, 77, 0, NULL };
	IS(ck->C_WrapKey(mk_session, &m, public, cargo, wrapped, &n), CKR_MECHANISM_PARAM_INVALID);
	p = (CK_ECDH_AES_KEY_WRAP_PARAMS){ 256, CKD_SHA256_KDF, 5, NULL };
	IS(ck->C_WrapKey(mk_session, &m, public, cargo, wrapped, &n), CKR_MECHANISM_PARAM_INVALID);
	p = (CK_ECDH_AES_KEY_WRAP_PARAMS){ 256, CKD_SHA256_KDF, ~0UL, wrapped };
	IS(ck->C_UnwrapKey(mk_session, &m, private, wrapped, n, t, 2, &back), CKR_MECHANISM_PARAM_INVALID);
	mk_destroy(public);
	mk_destroy(private);
	mk_destroy(cargo);
	mk_destroy(cargo_public);
}
END_TEST

/* SM2. */

static void sm2_sign(const struct ec_vector *v, CK_MECHANISM *m)
{
	bool parts = !(v->row->traits & MECH_NO_UPDATE);
	CK_OBJECT_HANDLE public = ek_public(v->curve, V(v->pub), CKF_VERIFY);
	CK_OBJECT_HANDLE private = ek_private(v->curve, V(v->key), CKF_SIGN);
	uint8_t out[64], bad[65];
	CK_ULONG len = 0;

	OK(ck->C_VerifyInit(mk_session, m, public));
	OK(ck->C_Verify(mk_session, bytes(V(v->data)), v->data.n, bytes(V(v->out)), v->out.n));
	for (size_t i = 0; i < 64; i += 3) {
		memcpy(bad, v->out.p, 64);
		bad[i] ^= 1;
		OK(ck->C_VerifyInit(mk_session, m, public));
		IS(ck->C_Verify(mk_session, bytes(V(v->data)), v->data.n, bad, 64), CKR_SIGNATURE_INVALID);
	}
	for (size_t n = 63; n < 66; n += 2) {
		OK(ck->C_VerifyInit(mk_session, m, public));
		IS(ck->C_Verify(mk_session, bytes(V(v->data)), v->data.n, bad, n), CKR_SIGNATURE_LEN_RANGE);
	}
	OK(ck->C_SignInit(mk_session, m, private));
	OK(ck->C_Sign(mk_session, bytes(V(v->data)), v->data.n, NULL, &len));
	ck_assert_uint_eq(len, 64);
	OK(ck->C_Sign(mk_session, bytes(V(v->data)), v->data.n, out, &len));
	OK(ck->C_VerifyInit(mk_session, m, public));
	for (size_t i = 0; parts && i < v->data.n; i++)
		OK(ck->C_VerifyUpdate(mk_session, bytes(V(v->data)) + i, 1));
	OK(parts ? ck->C_VerifyFinal(mk_session, out, len)
		 : ck->C_Verify(mk_session, bytes(V(v->data)), v->data.n, out, len));
	if (!parts) {
		OK(ck->C_SignInit(mk_session, m, private));
		IS(ck->C_Sign(mk_session, bytes(V(v->data)), 31, out, &len), CKR_DATA_LEN_RANGE);
	}
	mk_destroy(public);
	mk_destroy(private);
}

static void sm2_crypt(const struct ec_vector *v, CK_MECHANISM *m)
{
	CK_OBJECT_HANDLE public = ek_public(v->curve, V(v->pub), CKF_ENCRYPT | CKF_WRAP);
	CK_OBJECT_HANDLE private = ek_private(v->curve, V(v->key), CKF_DECRYPT | CKF_UNWRAP);
	uint8_t sealed[512], out[512];
	CK_ULONG n = 0;

	OK(mk_init(CKF_DECRYPT, m, private));
	OK(mk_single(CKF_DECRYPT, V(v->out), NULL, &n));
	ck_assert_uint_eq(n, v->data.n);
	n--;
	IS(mk_single(CKF_DECRYPT, V(v->out), out, &n), CKR_BUFFER_TOO_SMALL);
	OK(mk_single(CKF_DECRYPT, V(v->out), out, &n));
	ck_assert(view_equal(VIEW(out, n), V(v->data)));
	for (size_t i = 0; i < v->out.n; i++) {
		memcpy(sealed, v->out.p, v->out.n);
		sealed[i] ^= 0x20;
		n = sizeof(out);
		OK(mk_init(CKF_DECRYPT, m, private));
		IS(mk_single(CKF_DECRYPT, VIEW(sealed, v->out.n), out, &n), CKR_ENCRYPTED_DATA_INVALID);
	}
	OK(mk_init(CKF_DECRYPT, m, private));
	IS(mk_single(CKF_DECRYPT, VIEW(v->out.p, 97), out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	OK(mk_init(CKF_ENCRYPT, m, public));
	n = sizeof(sealed);
	IS(mk_single(CKF_ENCRYPT, VIEW(v->data.p, 0), sealed, &n), CKR_DATA_LEN_RANGE);
	OK(mk_init(CKF_ENCRYPT, m, public));
	n = sizeof(sealed);
	OK(mk_single(CKF_ENCRYPT, V(v->data), sealed, &n));
	ck_assert(n == v->out.n && sealed[0] == 4);
	OK(mk_init(CKF_DECRYPT, m, private));
	OK(mk_single(CKF_DECRYPT, VIEW(sealed, n), out, &n));
	ck_assert(view_equal(VIEW(out, n), V(v->data)));
	mk_destroy(public);
	public = ek_public(v->curve, V(v->pub), CKF_WRAP);
	mk_destroy(private);
	private = ek_private(v->curve, V(v->key), CKF_UNWRAP);
	wrap_both_ways(m, public, private, 97);
	mk_destroy(public);
	mk_destroy(private);
}

static void sm2_vector(const struct ec_vector *v)
{
	struct sr_sm2_params p = { bytes(V(v->aad)), v->aad.n };
	CK_MECHANISM m = { v->row->type, NULL, 0 };

	if (v->aad.n > 0)
		m = (CK_MECHANISM){ v->row->type, &p, sizeof(p) };
	if (v->row->flags & CKF_SIGN)
		sm2_sign(v, &m);
	else
		sm2_crypt(v, &m);
}

START_TEST(sm2_is_that_of_the_standard) /* R6.5 */
{
	ck_assert_uint_ge(ek_vectors("sm2.txt", sm2_vector), 9);
}
END_TEST

/* The identifier is in the signature; an SM2 key signs no ECDSA and the other way round. */
START_TEST(sm2_identifier_counts)
{
	static uint8_t id[8192] = "ALICE123@YAHOO.COM", text[] = "message", out[64];
	const struct {
		struct sr_sm2_params p;
		CK_RV rv;
	} cases[] = { { { id, 18 }, CKR_OK },
		      { { id, 8190 }, CKR_OK },
		      { { NULL, 0 }, CKR_OK },
		      { { id, 8191 }, CKR_MECHANISM_PARAM_INVALID },
		      { { id, ~0UL }, CKR_MECHANISM_PARAM_INVALID },
		      { { NULL, 3 }, CKR_MECHANISM_PARAM_INVALID } };
	CK_MECHANISM plain = { CKM_SR_SM2_SM3, NULL, 0 }, ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE public, private, p256_public, p256;

	ek_pair(ec_curve_named("SM2"), CKF_SIGN | CKF_VERIFY, &public, &private);
	ek_pair(ec_curve_named("prime256v1"), CKF_SIGN | CKF_VERIFY, &p256_public, &p256);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sr_sm2_params p = cases[i].p;
		CK_MECHANISM m = { CKM_SR_SM2_SM3, &p, sizeof(p) };
		CK_ULONG len = sizeof(out);

		IS(ck->C_SignInit(mk_session, &m, private), cases[i].rv);
		if (cases[i].rv != CKR_OK)
			continue;
		OK(ck->C_Sign(mk_session, text, 7, out, &len));
		OK(ck->C_VerifyInit(mk_session, &m, public));
		OK(ck->C_Verify(mk_session, text, 7, out, len));
		OK(ck->C_VerifyInit(mk_session, &plain, public));
		IS(ck->C_Verify(mk_session, text, 7, out, len), CKR_SIGNATURE_INVALID);
	}
	IS(ck->C_SignInit(mk_session, &ecdsa, private), CKR_KEY_TYPE_INCONSISTENT);
	IS(ck->C_SignInit(mk_session, &plain, p256), CKR_KEY_TYPE_INCONSISTENT);
	mk_destroy(public);
	mk_destroy(private);
	mk_destroy(p256_public);
	mk_destroy(p256);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key agreement");
	TCase *c = tcase_create("ecdh");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 240);
	tcase_add_test(c, shared_secrets_are_the_published_ones);
	tcase_add_test(c, two_parties_agree_on_every_curve);
	tcase_add_test(c, bad_peers_and_parameters_are_refused);
	tcase_add_test(c, keys_that_search_would_find_are_refused);
	tcase_add_test(c, wrapped_keys_come_back);
	tcase_add_test(c, private_keys_leave_under_an_agreed_key);
	tcase_add_test(c, sm2_is_that_of_the_standard);
	tcase_add_test(c, sm2_identifier_counts);
	suite_add_tcase(s, c);
	return mk_main(s);
}
