/* SPDX-License-Identifier: BSD-2-Clause */
#include "ec_kit.h"
#include "mech_ec.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Keys on elliptic curves and their signatures, by published vectors and against OpenSSL with the public key alone. */

static uint8_t text[] = "the attack is at dawn";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static uint8_t *bytes(struct view v)
{
	static uint8_t none;

	return v.n == 0 ? &none : (uint8_t *)(uintptr_t)v.p;
}

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view signature)
{
	CK_RV rv = ck->C_VerifyInit(mk_session, m, key);

	return rv == CKR_OK ? ck->C_Verify(mk_session, bytes(data), data.n, bytes(signature), signature.n) : rv;
}

static CK_RV verify_parts(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, size_t piece, struct view signature)
{
	OK(ck->C_VerifyInit(mk_session, m, key));
	for (size_t at = 0; at < data.n; at += piece) {
		size_t n = data.n - at < piece ? data.n - at : piece;

		OK(ck->C_VerifyUpdate(mk_session, bytes(data) + at, n));
	}
	return ck->C_VerifyFinal(mk_session, bytes(signature), signature.n);
}

static struct view sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, size_t piece, uint8_t *out,
			size_t room)
{
	CK_ULONG len = 0;

	OK(ck->C_SignInit(mk_session, m, key));
	if (piece == 0) {
		OK(ck->C_Sign(mk_session, bytes(data), data.n, NULL, &len));
		ck_assert_uint_le(len, room);
		len--;
		IS(ck->C_Sign(mk_session, bytes(data), data.n, out, &len), CKR_BUFFER_TOO_SMALL);
		OK(ck->C_Sign(mk_session, bytes(data), data.n, out, &len));
		IS(ck->C_Sign(mk_session, bytes(data), data.n, out, &len), CKR_OPERATION_NOT_INITIALIZED);
		return VIEW(out, len);
	}
	for (size_t at = 0; at < data.n; at += piece) {
		size_t n = data.n - at < piece ? data.n - at : piece;

		OK(ck->C_SignUpdate(mk_session, bytes(data) + at, n));
	}
	OK(ck->C_SignFinal(mk_session, NULL, &len));
	len--;
	IS(ck->C_SignFinal(mk_session, out, &len), CKR_BUFFER_TOO_SMALL);
	OK(ck->C_SignFinal(mk_session, out, &len));
	IS(ck->C_SignFinal(mk_session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	return VIEW(out, len);
}

/* wrong_signatures: a bit off anywhere is invalid, another length is CKR_SIGNATURE_LEN_RANGE. */
static void wrong_signatures(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view signature)
{
	uint8_t bad[256] = { 0 };

	for (size_t i = 0; i < signature.n; i += 7) {
		memcpy(bad, signature.p, signature.n);
		bad[i] ^= 0x10;
		IS(verify(m, key, data, VIEW(bad, signature.n)), CKR_SIGNATURE_INVALID);
	}
	memset(bad, 0, sizeof(bad));
	IS(verify(m, key, data, VIEW(bad, signature.n)), CKR_SIGNATURE_INVALID);
	memset(bad, 0xff, sizeof(bad));
	IS(verify(m, key, data, VIEW(bad, signature.n)), CKR_SIGNATURE_INVALID);
	memcpy(bad, signature.p, signature.n);
	for (size_t n = 0; n < sizeof(bad); n += n == signature.n - 2 ? 1 : n == signature.n - 1 ? 2 : 1) {
		if (n + 3 < signature.n && n % 16 != 0)
			continue;
		if (n != signature.n)
			IS(verify(m, key, data, VIEW(bad, n)), CKR_SIGNATURE_LEN_RANGE);
	}
}

/* signature_vector: random signatures (ECDSA, SM2) are made and verified; EdDSA's are the published ones. */
static void signature_vector(const struct ec_vector *v)
{
	CK_EDDSA_PARAMS eddsa = { v->ph == 1, v->aad.n, (uint8_t *)(uintptr_t)v->aad.p };
	struct sr_sm2_params sm2 = { (uint8_t *)(uintptr_t)v->aad.p, v->aad.n };
	bool parts = !(v->row->traits & MECH_NO_UPDATE);
	CK_MECHANISM m = { v->row->type, NULL, 0 };
	CK_OBJECT_HANDLE public = ek_public(v->curve, V(v->pub), CKF_VERIFY), private;
	uint8_t out[256];
	struct view got;
	CK_RV rv;

	if (v->row->param == &param_eddsa && v->ph >= 0)
		m = (CK_MECHANISM){ v->row->type, &eddsa, sizeof(eddsa) };
	if (v->row->param == &param_sm2 && v->aad.n > 0)
		m = (CK_MECHANISM){ v->row->type, &sm2, sizeof(sm2) };
	rv = verify(&m, public, V(v->data), V(v->out));
	/* A context or a prehash, where this OpenSSL cannot do it. */
	if (rv == CKR_MECHANISM_PARAM_INVALID && (v->aad.n > 0 || v->ph == 1)) {
		mk_destroy(public);
		return;
	}
	ck_assert_msg(rv == CKR_OK, "%s, line %u: %lx", v->row->name, v->line, rv);
	for (size_t piece = 1; parts && piece < 70; piece += 31)
		OK(verify_parts(&m, public, V(v->data), piece, V(v->out)));
	wrong_signatures(&m, public, V(v->data), V(v->out));
	if (v->key.n > 0) {
		private = ek_private(v->curve, V(v->key), CKF_SIGN);
		for (size_t piece = 0; piece < (parts ? 70 : 1); piece += 23) {
			got = sign(&m, private, V(v->data), piece, out, sizeof(out));
			ck_assert_uint_eq(got.n, v->out.n);
			OK(verify(&m, public, V(v->data), got));
			ck_assert_msg((v->row->type == CKM_EDDSA) == view_equal(got, V(v->out)), "line %u", v->line);
		}
		mk_destroy(private);
	}
	mk_destroy(public);
}

START_TEST(signatures_are_the_published_ones) /* R6.5 */
{
	ck_assert_uint_ge(ek_vectors("ecdsa.txt", signature_vector), 55);
	ck_assert_uint_ge(ek_vectors("eddsa.txt", signature_vector), 22);
}
END_TEST

static const struct {
	CK_MECHANISM_TYPE type;
	const char *md;
} hashes[] = { { CKM_ECDSA_SHA1, "SHA1" },         { CKM_ECDSA_SHA224, "SHA224" },
	       { CKM_ECDSA_SHA256, "SHA256" },     { CKM_ECDSA_SHA384, "SHA384" },
	       { CKM_ECDSA_SHA512, "SHA512" },     { CKM_ECDSA_SHA3_224, "SHA3-224" },
	       { CKM_ECDSA_SHA3_256, "SHA3-256" }, { CKM_ECDSA_SHA3_384, "SHA3-384" },
	       { CKM_ECDSA_SHA3_512, "SHA3-512" }, { CKM_EDDSA, NULL },
	       { CKM_SR_SM2_SM3, "SM3" } };

static bool fits(CK_MECHANISM_TYPE type, const struct ec_curve *c)
{
	return type == CKM_EDDSA ? c->type == CKK_EC_EDWARDS
				 : c->type == (type == CKM_SR_SM2_SM3 ? CKK_SR_SM2 : CKK_EC);
}

/* der_of: r || s as OpenSSL wants it, by other code than the module's. */
static size_t der_of(struct view raw, uint8_t *out)
{
	size_t half = raw.n / 2, at = half > 60 ? 3 : 2;

	for (size_t i = 0; i < 2; i++) {
		struct view v = VIEW(raw.p + i * half, half);

		while (v.n > 1 && v.p[0] == 0)
			v = VIEW(v.p + 1, v.n - 1);
		out[at++] = 0x02;
		out[at++] = (uint8_t)(v.n + (v.p[0] >> 7));
		if (v.p[0] >> 7)
			out[at++] = 0;
		memcpy(out + at, v.p, v.n);
		at += v.n;
	}
	out[0] = 0x30;
	if (half <= 60) {
		out[1] = (uint8_t)(at - 2);
		return at;
	}
	if (at - 3 >= 0x80) {
		out[1] = 0x81;
		out[2] = (uint8_t)(at - 3);
		return at;
	}
	memmove(out + 2, out + 3, at - 3);
	out[1] = (uint8_t)(at - 3);
	return at - 1;
}

static int verify_outside(EVP_PKEY *pkey, const char *md, struct view data, struct view signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p = NULL;
	uint8_t der[256];
	int ok;

	ck_assert_int_eq(EVP_DigestVerifyInit_ex(ctx, &p, md, NULL, NULL, pkey, NULL), 1);
	if (md != NULL && strcmp(md, "SM3") == 0)
		ck_assert_int_eq(EVP_PKEY_CTX_set1_id(p, "1234567812345678", 16), 1);
	if (md != NULL)
		signature = VIEW(der, der_of(signature, der));
	ok = EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n);
	EVP_MD_CTX_free(ctx);
	return ok;
}

START_TEST(every_curve_signs_so_that_openssl_verifies)
{
	CK_EDDSA_PARAMS plain = { CK_FALSE, 0, NULL };

	for (size_t i = 0; ec_curve_at(i) != NULL; i++) {
		const struct ec_curve *c = ec_curve_at(i);
		CK_OBJECT_HANDLE public, private;
		EVP_PKEY *pkey;

		if (c->type == CKK_EC_MONTGOMERY)
			continue;
		ek_pair(c, CKF_SIGN | CKF_VERIFY, &public, &private);
		pkey = ek_outside(public);
		for (size_t h = 0; h < ARRAY_LEN(hashes); h++) {
			CK_MECHANISM m = { hashes[h].type, NULL, 0 };
			uint8_t out[256];
			struct view s;

			if (!fits(m.mechanism, c))
				continue;
			if (strcmp(c->openssl, "ED448") == 0)
				m = (CK_MECHANISM){ CKM_EDDSA, &plain, sizeof(plain) };
			for (unsigned n = 0; n < 3; n++) {
				s = sign(&m, private, VIEW(text, sizeof(text)), n, out, sizeof(out));
				ck_assert_msg(verify_outside(pkey, hashes[h].md, VIEW(text, sizeof(text)), s) == 1,
					      "%s %s", c->openssl, hashes[h].md);
				OK(verify(&m, public, VIEW(text, sizeof(text)), s));
			}
			s = sign(&m, private, VIEW(NULL, 0), 0, out, sizeof(out));
			OK(verify(&m, public, VIEW(NULL, 0), s));
		}
		EVP_PKEY_free(pkey);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

START_TEST(hash_of_no_bytes_is_refused)
{
	CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
	CK_OBJECT_HANDLE public, private;
	uint8_t out[64] = { 1 };
	CK_ULONG len = sizeof(out);

	ek_pair(ec_curve_named("prime256v1"), CKF_SIGN | CKF_VERIFY, &public, &private);
	OK(ck->C_SignInit(mk_session, &m, private));
	IS(ck->C_Sign(mk_session, text, 0, out, &len), CKR_DATA_LEN_RANGE);
	IS(ck->C_Sign(mk_session, text, 5, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	IS(verify(&m, public, VIEW(text, 0), VIEW(out, 64)), CKR_DATA_LEN_RANGE);
	OK(ck->C_SignInit(mk_session, &m, private));
	IS(ck->C_SignUpdate(mk_session, text, 5), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(public);
	mk_destroy(private);
}
END_TEST

START_TEST(eddsa_parameters_are_those_of_the_specification)
{
	static uint8_t context[256] = "foo";
	const struct {
		const char *curve;
		CK_EDDSA_PARAMS p;
		bool none;
		CK_RV rv; /* CKR_GENERAL_ERROR: either, by the OpenSSL underneath */
	} cases[] = {
		{ "ED25519", { 0 }, true, CKR_OK },
		{ "ED448", { 0 }, true, CKR_MECHANISM_PARAM_INVALID },
		{ "ED448", { CK_FALSE, 0, NULL }, false, CKR_OK },
		{ "ED25519", { CK_FALSE, 0, NULL }, false, CKR_MECHANISM_PARAM_INVALID },
		{ "ED448", { 2, 0, NULL }, false, CKR_MECHANISM_PARAM_INVALID },
		{ "ED448", { CK_FALSE, 5, NULL }, false, CKR_MECHANISM_PARAM_INVALID },
		{ "ED448", { CK_FALSE, 256, context }, false, CKR_MECHANISM_PARAM_INVALID },
		{ "ED448", { CK_FALSE, ~0UL, context }, false, CKR_MECHANISM_PARAM_INVALID },
		{ "ED25519", { CK_FALSE, 3, context }, false, CKR_GENERAL_ERROR },
		{ "ED25519", { CK_TRUE, 0, NULL }, false, CKR_GENERAL_ERROR },
		{ "ED448", { CK_FALSE, 3, context }, false, CKR_GENERAL_ERROR },
		{ "ED448", { CK_TRUE, 255, context }, false, CKR_GENERAL_ERROR },
	};
	bool context_works = OPENSSL_VERSION_NUMBER >= 0x30200000L;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_EDDSA_PARAMS p = cases[i].p;
		CK_MECHANISM m = { CKM_EDDSA, cases[i].none ? NULL : &p, cases[i].none ? 0 : sizeof(p) };
		CK_RV want = cases[i].rv != CKR_GENERAL_ERROR ? cases[i].rv
			     : context_works                  ? CKR_OK
							      : CKR_MECHANISM_PARAM_INVALID;
		CK_OBJECT_HANDLE public, private;
		uint8_t out[128], other[128];
		struct view s;

		ek_pair(ec_curve_named(cases[i].curve), CKF_SIGN | CKF_VERIFY, &public, &private);
		ck_assert_msg(ck->C_SignInit(mk_session, &m, private) == want, "case %zu", i);
		ck_assert_msg(ck->C_VerifyInit(mk_session, &m, public) == want, "case %zu", i);
		if (want == CKR_OK) {
			mk_cancel(CKF_SIGN);
			mk_cancel(CKF_VERIFY);
			s = sign(&m, private, VIEW(text, 5), 2, out, sizeof(out));
			OK(verify(&m, public, VIEW(text, 5), s));
			/* A context that was given is in the signature. */
			if (p.ulContextDataLen > 0) {
				context[0] ^= 1;
				ck_assert(!view_equal(sign(&m, private, VIEW(text, 5), 0, other, sizeof(other)), s));
				IS(verify(&m, public, VIEW(text, 5), s), CKR_SIGNATURE_INVALID);
			}
		}
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

START_TEST(pair_has_its_attributes)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *openssl;
		struct view params;
	} cases[] = {
		{ CKM_EC_KEY_PAIR_GEN, "prime256v1", VIEW_STR("\x13\x09secp256r1") },
		{ CKM_EC_KEY_PAIR_GEN, "secp384r1", VIEW_STR("\x13\x05P-384") },
		{ CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, "secp521r1", VIEW_STR("\x06\x05\x2b\x81\x04\x00\x23") },
		{ CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, "secp224r1", VIEW_STR("\x06\x05\x2b\x81\x04\x00\x21") },
		{ CKM_EC_EDWARDS_KEY_PAIR_GEN, "ED25519", VIEW_STR("\x13\x0c\x65\x64wards25519") },
		{ CKM_EC_EDWARDS_KEY_PAIR_GEN, "ED25519", VIEW_STR("\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01") },
		{ CKM_EC_EDWARDS_KEY_PAIR_GEN, "ED448", VIEW_STR("\x13\x0a\x65\x64wards448") },
		{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "X25519", VIEW_STR("\x13\x0a\x63urve25519") },
		{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "X25519", VIEW_STR("\x13\x0b\x63urve25519") },
		{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "X448", VIEW_STR("\x06\x03\x2b\x65\x6f") },
		{ CKM_SR_SM2_KEY_PAIR_GEN, "SM2", { NULL, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ec_curve *c = ec_curve_named(cases[i].openssl);
		CK_MECHANISM m = { cases[i].type, NULL, 0 };
		CK_ATTRIBUTE public_t[] = { { CKA_TOKEN, &no, 1 },
					    { CKA_EC_PARAMS, (void *)(uintptr_t)cases[i].params.p,
					      cases[i].params.n } };
		CK_ATTRIBUTE private_t[] = { { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
		size_t points = c->type == CKK_EC || c->type == CKK_SR_SM2 ? 2 * c->point + 1 : c->point;
		CK_OBJECT_HANDLE public, private;
		CK_KEY_TYPE type = 0;
		uint8_t room[256], other[256];
		CK_BBOOL local = CK_FALSE;
		CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_LOCAL, &local, 1 } };
		struct view v;

		OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, cases[i].params.n > 0 ? 2 : 1, private_t, 2, &public,
					 &private));
		OK(ck->C_GetAttributeValue(mk_session, private, t, 2));
		ck_assert(type == c->type && local == CK_TRUE);
		v = ek_bytes(public, CKA_EC_PARAMS, room, sizeof(room));
		ck_assert(view_equal(v, cases[i].params.n > 0 ? cases[i].params : c->oid));
		ck_assert(view_equal(v, ek_bytes(private, CKA_EC_PARAMS, other, sizeof(other))));
		v = ek_bytes(public, CKA_EC_POINT, room, sizeof(room));
		ck_assert_uint_eq(v.p[0], 0x04);
		ck_assert_uint_eq(v.n, points + (points < 0x80 ? 2 : 3));
		ck_assert_uint_eq(ek_bytes(private, CKA_VALUE, room, sizeof(room)).n, c->number);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

START_TEST(pair_of_a_bad_template_is_refused)
{
	static const struct {
		struct view params;
		CK_RV rv;
	} cases[] = {
		{ VIEW_STR("\x06\x05\x2b\x81\x04\x00\x1f"), CKR_CURVE_NOT_SUPPORTED }, /* P-192 */
		{ VIEW_STR("\x06\x03\x2b\x65\x70"), CKR_CURVE_NOT_SUPPORTED },         /* Ed25519 */
		{ VIEW_STR("\x13\x05P-999"), CKR_CURVE_NOT_SUPPORTED },
		{ VIEW_STR("\x13\x09secp256r1\x00"), CKR_DOMAIN_PARAMS_INVALID },
		{ VIEW_STR("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"), CKR_DOMAIN_PARAMS_INVALID },
		{ VIEW_STR("\x30\x05\x02\x01\x01\x30\x00"), CKR_DOMAIN_PARAMS_INVALID }, /* written out */
		{ VIEW_STR("\x05\x00"), CKR_DOMAIN_PARAMS_INVALID },                     /* implicitlyCA */
		{ VIEW_STR("\x06"), CKR_DOMAIN_PARAMS_INVALID },
		{ VIEW_STR(""), CKR_DOMAIN_PARAMS_INVALID },
		{ VIEW_STR("\x06\xff\x00"), CKR_DOMAIN_PARAMS_INVALID },
	};
	static uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE public = 4711, private = 4711;
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_ATTRIBUTE wrong[] = { { CKA_EC_PARAMS, p256, sizeof(p256) }, { CKA_KEY_TYPE, &rsa, sizeof(rsa) } };
	CK_ATTRIBUTE point[] = { { CKA_EC_PARAMS, p256, sizeof(p256) }, { CKA_EC_POINT, p256, sizeof(p256) } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_ATTRIBUTE t = { CKA_EC_PARAMS, (void *)(uintptr_t)cases[i].params.p, cases[i].params.n };

		ck_assert_msg(ck->C_GenerateKeyPair(mk_session, &m, &t, 1, NULL, 0, &public, &private) == cases[i].rv,
			      "case %zu", i);
	}
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 0, NULL, 0, &public, &private), CKR_TEMPLATE_INCOMPLETE);
	IS(ck->C_GenerateKeyPair(mk_session, &m, wrong, 2, NULL, 0, &public, &private), CKR_TEMPLATE_INCONSISTENT);
	IS(ck->C_GenerateKeyPair(mk_session, &m, point, 2, NULL, 0, &public, &private), CKR_TEMPLATE_INCONSISTENT);
	IS(ck->C_GenerateKeyPair(mk_session, &m, wrong, 1, point, 1, &public, &private), CKR_TEMPLATE_INCONSISTENT);
	ck_assert(public == 4711 && private == 4711);
}
END_TEST

static CK_RV create(CK_OBJECT_CLASS class, const char *curve, struct view value)
{
	const struct ec_curve *c = ec_curve_named(curve);
	CK_KEY_TYPE type = c->type;
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)c->oid.p, c->oid.n },
		{ class == CKO_PUBLIC_KEY ? CKA_EC_POINT : CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
	};
	CK_RV rv = ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key);

	if (rv == CKR_OK)
		mk_destroy(key);
	return rv;
}

/* Every form of a point that clients send; and what is no point: off the curve, infinity, hybrid, cut off, too long. */
START_TEST(points_are_validated)
{
	static const char *const curves[] = { "prime256v1", "secp521r1", "brainpoolP512r1", "SM2" };
	uint8_t room[256], bad[256];

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		const struct ec_curve *c = ec_curve_named(curves[i]);
		size_t n = 2 * c->point + 1;
		CK_OBJECT_HANDLE public, private;
		struct view der, raw;

		ek_pair(c, 0, &public, &private);
		der = ek_bytes(public, CKA_EC_POINT, room, sizeof(room));
		raw = VIEW(der.p + der.n - n, n);
		OK(create(CKO_PUBLIC_KEY, curves[i], der));
		OK(create(CKO_PUBLIC_KEY, curves[i], raw));
		bad[0] = 2 | (raw.p[n - 1] & 1);
		memcpy(bad + 1, raw.p + 1, c->point);
		OK(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, c->point + 1)));
		memcpy(bad, raw.p, n);
		bad[n - 1] ^= 1;
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, n)), CKR_ATTRIBUTE_VALUE_INVALID);
		memcpy(bad, raw.p, n);
		bad[0] = 6 | (raw.p[n - 1] & 1);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, n)), CKR_ATTRIBUTE_VALUE_INVALID);
		memset(bad, 0, sizeof(bad));
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, 1)), CKR_ATTRIBUTE_VALUE_INVALID);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, n)), CKR_ATTRIBUTE_VALUE_INVALID);
		bad[0] = 4;
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, n)), CKR_ATTRIBUTE_VALUE_INVALID);
		memset(bad + 1, 0xff, n - 1);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(bad, n)), CKR_ATTRIBUTE_VALUE_INVALID);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(raw.p, n - 1)), CKR_ATTRIBUTE_VALUE_INVALID);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(der.p, der.n - 1)), CKR_ATTRIBUTE_VALUE_INVALID);
		IS(create(CKO_PUBLIC_KEY, curves[i], VIEW(raw.p, 0)), CKR_ATTRIBUTE_VALUE_INVALID);
		mk_destroy(public);
		mk_destroy(private);
	}
	IS(create(CKO_PUBLIC_KEY, "X25519", VIEW(bad, 31)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PUBLIC_KEY, "ED448", VIEW(bad, 56)), CKR_ATTRIBUTE_VALUE_INVALID);
}
END_TEST

/* Private numbers are from 1 to n - 1, with zeroes before them or without. */
START_TEST(private_numbers_are_validated)
{
	static const uint8_t n_minus_1[] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
					     0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x50 };
	uint8_t d[80] = { 0 };

	IS(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d, 32)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d, 0)), CKR_ATTRIBUTE_VALUE_INVALID);
	d[79] = 1;
	OK(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d + 79, 1)));
	OK(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d + 48, 32)));
	OK(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d + 47, 33)));
	OK(create(CKO_PRIVATE_KEY, "secp521r1", VIEW(d, 80)));
	memcpy(d + 48, n_minus_1, 32);
	OK(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d + 48, 32)));
	d[79]++;
	IS(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d + 48, 32)), CKR_ATTRIBUTE_VALUE_INVALID);
	memset(d, 0xff, sizeof(d));
	IS(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d, 32)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, "prime256v1", VIEW(d, 33)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, "ED25519", VIEW(d, 31)), CKR_ATTRIBUTE_VALUE_INVALID);
	OK(create(CKO_PRIVATE_KEY, "ED25519", VIEW(d, 32)));
	OK(create(CKO_PRIVATE_KEY, "X448", VIEW(d, 56)));
	IS(create(CKO_PRIVATE_KEY, "X448", VIEW(d, 57)), CKR_ATTRIBUTE_VALUE_INVALID);
}
END_TEST

START_TEST(private_key_travels_as_pkcs8)
{
	static const uint8_t kek_bytes[32] = { 7, 1, 2 };
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(kek_bytes, 32), CKF_WRAP | CKF_UNWRAP);
	CK_MECHANISM m = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;

	for (size_t i = 0; ec_curve_at(i) != NULL; i++) {
		const struct ec_curve *c = ec_curve_at(i);
		CK_KEY_TYPE type = c->type, wrong = c->type == CKK_EC ? CKK_EC_EDWARDS : CKK_EC;
		CK_OBJECT_HANDLE public, private, back = 0;
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
				     { CKA_KEY_TYPE, &type, sizeof(type) },
				     { CKA_SENSITIVE, &no, 1 },
				     { CKA_EXTRACTABLE, &yes, 1 } };
		uint8_t wrapped[512], value[2][EC_NUMBER_MAX], params[2][64];
		CK_ULONG n = sizeof(wrapped);

		ek_pair(c, 0, &public, &private);
		OK(ck->C_WrapKey(mk_session, &m, kek, private, wrapped, &n));
		OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, n, t, ARRAY_LEN(t), &back));
		ck_assert(view_equal(ek_bytes(back, CKA_EC_PARAMS, params[0], 64),
				     ek_bytes(private, CKA_EC_PARAMS, params[1], 64)));
		ck_assert_uint_eq(ek_bytes(back, CKA_VALUE, value[0], EC_NUMBER_MAX).n, c->number);
		type = wrong;
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, n, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_INVALID);
		mk_destroy(back);
		mk_destroy(private);
		/* The very number: a key with a known one leaves and comes back. */
		memset(value[1], 0x11, sizeof(value[1]));
		value[1][0] = 0;
		private = ek_private(c, VIEW(value[1], c->number), 0);
		n = sizeof(wrapped);
		OK(ck->C_WrapKey(mk_session, &m, kek, private, wrapped, &n));
		type = c->type;
		OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, n, t, ARRAY_LEN(t), &back));
		ck_assert(view_equal(ek_bytes(back, CKA_VALUE, value[0], EC_NUMBER_MAX), VIEW(value[1], c->number)));
		mk_destroy(back);
		mk_destroy(private);
		mk_destroy(public);
	}
	mk_destroy(kek);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("elliptic curves");
	TCase *c = tcase_create("ec");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 240);
	tcase_add_test(c, signatures_are_the_published_ones);
	tcase_add_test(c, every_curve_signs_so_that_openssl_verifies);
	tcase_add_test(c, hash_of_no_bytes_is_refused);
	tcase_add_test(c, eddsa_parameters_are_those_of_the_specification);
	tcase_add_test(c, pair_has_its_attributes);
	tcase_add_test(c, pair_of_a_bad_template_is_refused);
	tcase_add_test(c, points_are_validated);
	tcase_add_test(c, private_numbers_are_validated);
	tcase_add_test(c, private_key_travels_as_pkcs8);
	suite_add_tcase(s, c);
	return mk_main(s);
}
