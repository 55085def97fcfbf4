/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include <string.h>

/* DH, X9.42 DH and DSA: published values, generation of parameters and pairs, numbers that are refused. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t text[100] = "the same text for every key";

/* half: a session object of a key of the vector files; its attributes are put behind each other in t. */
static CK_ULONG half_template(CK_ATTRIBUTE *t, const CK_OBJECT_CLASS *class, const CK_KEY_TYPE *type,
			      const struct pair_line *pair, CK_FLAGS uses)
{
	CK_ULONG n = 0;

	t[n++] = (CK_ATTRIBUTE){ CKA_CLASS, (void *)(uintptr_t) class, sizeof(*class) };
	t[n++] = (CK_ATTRIBUTE){ CKA_KEY_TYPE, (void *)(uintptr_t)type, sizeof(*type) };
	n = pair_put(t, n, CKA_PRIME, pair_bytes(pair, "p"));
	n = pair_put(t, n, CKA_SUBPRIME, pair_bytes(pair, "q"));
	n = pair_put(t, n, CKA_BASE, pair_bytes(pair, "g"));
	if (*class == CKO_DOMAIN_PARAMETERS)
		return n;
	n = pair_put(t, n, CKA_VALUE, pair_bytes(pair, *class == CKO_PRIVATE_KEY ? "x" : "y"));
	if (*class == CKO_PRIVATE_KEY) {
		t[n++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &no, 1 };
		t[n++] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &yes, 1 };
	}
	return pair_usages(t, n, *class, uses);
}

static CK_RV half(CK_OBJECT_CLASS class, CK_KEY_TYPE type, const struct pair_line *pair, CK_FLAGS uses,
		  CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[24];

	return ck->C_CreateObject(mk_session, t, half_template(t, &class, &type, pair, uses), ret);
}

static CK_RV derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_KEY_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	return ck->C_DeriveKey(mk_session, m, base, t, len == 0 ? 4 : 5, ret);
}

static CK_MECHANISM dh_mechanism(CK_MECHANISM_TYPE type, struct view peer, struct view info,
				 CK_X9_42_DH1_DERIVE_PARAMS *p)
{
	if (type == CKM_DH_PKCS_DERIVE)
		return (CK_MECHANISM){ type, (void *)(uintptr_t)peer.p, peer.n };
	*p = (CK_X9_42_DH1_DERIVE_PARAMS){ info.n > 0 ? CKD_SHA1_KDF_CONCATENATE : CKD_NULL, info.n,
					   (void *)(uintptr_t)info.p, peer.n, (void *)(uintptr_t)peer.p };
	return (CK_MECHANISM){ type, p, sizeof(*p) };
}

/* A shorter key takes the trailing bytes of the secret (PKCS#11 3.1, 6.8.5); the KDF makes as many as are asked for. */
static void agreement_line(const struct pair_line *l, const struct pair_line *pair)
{
	static const struct {
		CK_KEY_TYPE type;
		CK_ULONG len, made;
	} shorter[] = { { CKK_AES, 32, 32 }, { CKK_AES, 16, 16 }, { CKK_DES3, 0, 24 }, { CKK_GENERIC_SECRET, 5, 5 } };
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_KEY_TYPE type = row->keys.types[0];
	struct view want = pair_bytes(l, "out"), info = pair_bytes(l, "info");
	CK_X9_42_DH1_DERIVE_PARAMS p;
	CK_MECHANISM m = dh_mechanism(row->type, pair_bytes(l, "peer"), info, &p);
	CK_OBJECT_HANDLE base = 0, key = 0;
	uint8_t room[1024], tail[64];

	OK(half(CKO_PRIVATE_KEY, type, pair, CKF_DERIVE, &base));
	OK(derive(&m, base, CKK_GENERIC_SECRET, info.n > 0 ? want.n : 0, &key));
	ck_assert_msg(view_equal(mk_value(key, room, sizeof(room)), want), "line %u", l->line);
	mk_destroy(key);
	for (size_t i = 0; i < ARRAY_LEN(shorter) && info.n == 0; i++) {
		size_t n = shorter[i].made;

		memcpy(tail, want.p + (want.n - n), n);
		if (shorter[i].type == CKK_DES3)
			for (size_t k = 0; k < n; k++)
				tail[k] = (uint8_t)((tail[k] & 0xfe) | (__builtin_popcount(tail[k] >> 1) % 2 == 0));
		OK(derive(&m, base, shorter[i].type, shorter[i].len, &key));
		ck_assert_msg(view_equal(mk_value(key, room, sizeof(room)), VIEW(tail, n)), "line %u", l->line);
		mk_destroy(key);
	}
	IS(derive(&m, base, CKK_AES, 17, &key), CKR_KEY_SIZE_RANGE);
	IS(derive(&m, base, CKK_DES3, 16, &key), CKR_TEMPLATE_INCONSISTENT);
	IS(derive(&m, base, CKK_GENERIC_SECRET, 512, &key), info.n > 0 ? CKR_OK : CKR_KEY_SIZE_RANGE);
	IS(derive(&m, base, CKK_AES, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	mk_destroy(base);
}

START_TEST(agreements_give_the_published_secrets) /* R6.5 */
{
	ck_assert_uint_eq(pair_lines("dh.txt", agreement_line), 3);
}
END_TEST

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, const uint8_t *signature, size_t n)
{
	OK(ck->C_VerifyInit(mk_session, m, key));
	return ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, (CK_BYTE_PTR)(uintptr_t)signature, n);
}

static void dsa_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	struct view data = pair_bytes(l, "data"), published = pair_bytes(l, "out");
	CK_MECHANISM m = { row->type, NULL, 0 };
	CK_OBJECT_HANDLE public = 0, private = 0;
	uint8_t out[128], zero[128] = { 0 };
	CK_ULONG len = 0;

	OK(half(CKO_PUBLIC_KEY, CKK_DSA, pair, CKF_VERIFY, &public));
	OK(half(CKO_PRIVATE_KEY, CKK_DSA, pair, CKF_SIGN, &private));
	ck_assert_msg(verify(&m, public, data, published.p, published.n) == CKR_OK, "line %u", l->line);
	OK(mk_init(CKF_SIGN, &m, private));
	OK(mk_single(CKF_SIGN, data, NULL, &len));
	ck_assert_uint_eq(len, published.n);
	len--;
	IS(mk_single(CKF_SIGN, data, out, &len), CKR_BUFFER_TOO_SMALL);
	OK(mk_single(CKF_SIGN, data, out, &len));
	OK(verify(&m, public, data, out, len));
	for (size_t i = 0; i < len; i += 9) {
		out[i] ^= 2;
		IS(verify(&m, public, data, out, len), CKR_SIGNATURE_INVALID);
		out[i] ^= 2;
	}
	IS(verify(&m, public, data, zero, len), CKR_SIGNATURE_INVALID);
	IS(verify(&m, public, data, out, len - 1), CKR_SIGNATURE_LEN_RANGE);
	IS(verify(&m, public, data, out, len + 1), CKR_SIGNATURE_LEN_RANGE);
	if (row->traits & MECH_NO_UPDATE) {
		OK(mk_init(CKF_SIGN, &m, private));
		IS(mk_single(CKF_SIGN, VIEW(text, 19), out, &len), CKR_DATA_LEN_RANGE);
	} else {
		OK(mk_init(CKF_SIGN, &m, private));
		for (size_t i = 0; i < data.n; i++)
			OK(ck->C_SignUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p + i, 1));
		OK(mk_final(CKF_SIGN, out, &len));
		OK(ck->C_VerifyInit(mk_session, &m, public));
		for (size_t i = 0; i < data.n; i++)
			OK(ck->C_VerifyUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p + i, 1));
		OK(ck->C_VerifyFinal(mk_session, out, len));
	}
	mk_destroy(public);
	mk_destroy(private);
}

START_TEST(signatures_are_the_published_ones) /* R6.5 */
{
	ck_assert_uint_eq(pair_lines("dsa.txt", dsa_line), 14);
}
END_TEST

static const struct kind {
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE domain, pair, use;
	CK_ULONG p, q;
} kinds[] = {
	{ CKK_DH, CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE, 2048, 0 },
	{ CKK_DH, CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE, 3072, 0 },
	{ CKK_X9_42_DH, CKM_X9_42_DH_PARAMETER_GEN, CKM_X9_42_DH_KEY_PAIR_GEN, CKM_X9_42_DH_DERIVE, 1024, 160 },
	{ CKK_DSA, CKM_DSA_PARAMETER_GEN, CKM_DSA_KEY_PAIR_GEN, CKM_DSA_SHA256, 1024, 160 },
	{ CKK_DSA, CKM_DSA_PROBABILISTIC_PARAMETER_GEN, CKM_DSA_KEY_PAIR_GEN, CKM_DSA_SHA3_256, 2048, 224 },
};

struct domain {
	uint8_t p[1024], q[64], g[1024];
	CK_ATTRIBUTE t[8];
	CK_ULONG n;
};

/* domain_of: parameters that the token makes, as a template for a public key. */
static void domain_of(const struct kind *k, struct domain *d)
{
	CK_MECHANISM m = { k->domain, NULL, 0 };
	CK_ULONG p = k->p, q = k->q, bits = 0, subbits = 0;
	CK_KEY_TYPE type = 0;
	CK_BBOOL local = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_PRIME_BITS, &p, sizeof(p) }, { CKA_SUBPRIME_BITS, &q, sizeof(q) } };
	CK_ATTRIBUTE got[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			       { CKA_LOCAL, &local, 1 },
			       { CKA_PRIME_BITS, &bits, sizeof(bits) },
			       { CKA_SUBPRIME_BITS, &subbits, sizeof(subbits) } };
	CK_OBJECT_HANDLE o = 0;

	OK(ck->C_GenerateKey(mk_session, &m, t, k->q == 0 ? 1 : 2, &o));
	OK(ck->C_GetAttributeValue(mk_session, o, got, k->q == 0 ? 3 : 4));
	ck_assert(type == k->type && local == CK_TRUE && bits == p && subbits == q);
	d->t[0] = (CK_ATTRIBUTE){ CKA_PRIME, d->p, sizeof(d->p) };
	d->t[1] = (CK_ATTRIBUTE){ CKA_BASE, d->g, sizeof(d->g) };
	d->t[2] = (CK_ATTRIBUTE){ CKA_SUBPRIME, d->q, sizeof(d->q) };
	d->n = k->q == 0 ? 2 : 3;
	OK(ck->C_GetAttributeValue(mk_session, o, d->t, d->n));
	OK(ck->C_DestroyObject(mk_session, o));
}

static void pair_made(const struct kind *k, struct domain *d, CK_OBJECT_HANDLE *ret_public,
		      CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { k->pair, NULL, 0 };
	CK_ATTRIBUTE t[8];
	CK_ATTRIBUTE private_t[] = { { CKA_SENSITIVE, &no, 1 },
				     { CKA_EXTRACTABLE, &yes, 1 },
				     { k->type == CKK_DSA ? CKA_SIGN : CKA_DERIVE, &yes, 1 } };

	memcpy(t, d->t, sizeof(t));
	t[d->n] = (CK_ATTRIBUTE){ CKA_VERIFY, &yes, 1 };
	OK(ck->C_GenerateKeyPair(mk_session, &m, t, k->type == CKK_DSA ? d->n + 1 : d->n, private_t, 3, ret_public,
				 ret_private));
}

static struct view public_value(CK_OBJECT_HANDLE key, uint8_t *room)
{
	return mk_value(key, room, 1024);
}

/* Two pairs of one domain agree on one secret; a DSA pair signs and verifies. */
static void pairs_work(const struct kind *k, struct domain *d)
{
	CK_OBJECT_HANDLE public[2], private[2], key[2];
	uint8_t y[2][1024], z[2][1024], signature[128];
	CK_ULONG len = sizeof(signature);
	CK_MECHANISM sign = { k->use, NULL, 0 };

	for (size_t i = 0; i < 2; i++)
		pair_made(k, d, &public[i], &private[i]);
	if (k->type == CKK_DSA) {
		OK(mk_init(CKF_SIGN, &sign, private[0]));
		OK(mk_single(CKF_SIGN, VIEW(text, 50), signature, &len));
		OK(verify(&sign, public[0], VIEW(text, 50), signature, len));
		IS(verify(&sign, public[1], VIEW(text, 50), signature, len), CKR_SIGNATURE_INVALID);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		CK_X9_42_DH1_DERIVE_PARAMS p;
		CK_MECHANISM m = dh_mechanism(k->use, public_value(public[1 - i], y[i]), VIEW(NULL, 0), &p);

		OK(derive(&m, private[i], CKK_AES, 32, &key[i]));
	}
	ck_assert(view_equal(mk_value(key[0], z[0], 32), mk_value(key[1], z[1], 32)));
}

START_TEST(generated_parameters_make_pairs_that_work)
{
	static struct domain d;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		domain_of(&kinds[i], &d);
		pairs_work(&kinds[i], &d);
	}
}
END_TEST

/* The seed of FIPS 186-4, A.1.1.2, comes back to a caller who has room for it. */
START_TEST(probabilistic_generation_gives_its_seed)
{
	uint8_t seed[64] = { 0 };
	CK_DSA_PARAMETER_GEN_PARAM p = { CKM_SHA256, seed, sizeof(seed), 0 };
	CK_MECHANISM m = { CKM_DSA_PROBABILISTIC_PARAMETER_GEN, &p, sizeof(p) };
	CK_ULONG bits = 1024;
	CK_ATTRIBUTE t[] = { { CKA_PRIME_BITS, &bits, sizeof(bits) } };
	CK_OBJECT_HANDLE o = 0;
	uint8_t any = 0;

	OK(ck->C_GenerateKey(mk_session, &m, t, 1, &o));
	ck_assert(p.ulSeedLen >= 20 && p.ulSeedLen <= 64);
	for (size_t i = 0; i < p.ulSeedLen; i++)
		any |= seed[i];
	ck_assert(any != 0);
	p = (CK_DSA_PARAMETER_GEN_PARAM){ CKM_SHA256, seed, 4, 0 };
	IS(ck->C_GenerateKey(mk_session, &m, t, 1, &o), CKR_MECHANISM_PARAM_INVALID);
	p = (CK_DSA_PARAMETER_GEN_PARAM){ CKM_MD5, seed, 64, 0 };
	IS(ck->C_GenerateKey(mk_session, &m, t, 1, &o), CKR_MECHANISM_PARAM_INVALID);
	p = (CK_DSA_PARAMETER_GEN_PARAM){ CKM_SHA256, NULL, 64, 0 };
	IS(ck->C_GenerateKey(mk_session, &m, t, 1, &o), CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

START_TEST(generation_of_bad_sizes_is_refused)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_ULONG p, q;
		CK_RV rv;
	} rows[] = {
		{ CKM_DH_PKCS_PARAMETER_GEN, 512, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_DH_PKCS_PARAMETER_GEN, 8200, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_DH_PKCS_PARAMETER_GEN, 5120, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_DH_PKCS_PARAMETER_GEN, ~0UL, 0, CKR_KEY_SIZE_RANGE },
		{ CKM_DSA_PARAMETER_GEN, 1025, 160, CKR_KEY_SIZE_RANGE },
		{ CKM_DSA_PARAMETER_GEN, 2048, 160, CKR_KEY_SIZE_RANGE },
		{ CKM_DSA_PARAMETER_GEN, 1024, ~0UL, CKR_KEY_SIZE_RANGE },
		{ CKM_X9_42_DH_PARAMETER_GEN, 4096, 256, CKR_KEY_SIZE_RANGE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_MECHANISM m = { rows[i].type, NULL, 0 };
		CK_ULONG p = rows[i].p, q = rows[i].q;
		CK_ATTRIBUTE t[] = { { CKA_PRIME_BITS, &p, sizeof(p) }, { CKA_SUBPRIME_BITS, &q, sizeof(q) } };
		CK_OBJECT_HANDLE o = 77;

		IS(ck->C_GenerateKey(mk_session, &m, t, q == 0 ? 1 : 2, &o), rows[i].rv);
		IS(ck->C_GenerateKey(mk_session, &m, NULL, 0, &o), CKR_TEMPLATE_INCOMPLETE);
		t[0].ulValueLen = 1;
		IS(ck->C_GenerateKey(mk_session, &m, t, 1, &o), CKR_ATTRIBUTE_VALUE_INVALID);
		ck_assert_uint_eq(o, 77);
	}
}
END_TEST

/* Each number of a key changed: no such key. Values out of the group, and of a small subgroup: no such key either. */
static void refuse_line(const struct pair_line *l, const struct pair_line *pair)
{
	static const CK_ATTRIBUTE_TYPE numbers[] = { CKA_PRIME, CKA_SUBPRIME, CKA_BASE, CKA_VALUE };
	CK_KEY_TYPE type = mk_row(pair_text(l, "mech"))->keys.types[0];
	struct view p = pair_bytes(pair, "p");
	uint8_t bad[1024], minus[1024], one = 1, zero = 0;
	CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_DOMAIN_PARAMETERS };

	memcpy(minus, p.p, p.n); /* p - 1, of order 2 */
	minus[p.n - 1] ^= 1;
	for (size_t c = 0; c < ARRAY_LEN(classes); c++) {
		CK_OBJECT_HANDLE o = 0;
		CK_ATTRIBUTE t[24];
		CK_ULONG n = half_template(t, &classes[c], &type, pair, 0);

		OK(ck->C_CreateObject(mk_session, t, n, &o));
		OK(ck->C_DestroyObject(mk_session, o));
		for (CK_ULONG i = 2; i < n; i++) {
			CK_ATTRIBUTE good = t[i];
			bool number = false, value = good.type == CKA_VALUE;

			for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
				number |= numbers[k] == good.type;
			if (!number)
				continue;
			/* PKCS #3 private values and bases may be (nearly) anything */
			if (!(type == CKK_DH && (value || good.type == CKA_BASE)) &&
			    !(value && classes[c] == CKO_PRIVATE_KEY)) {
				memcpy(bad, good.pValue, good.ulValueLen);
				bad[good.ulValueLen - 1] ^= 2;
				t[i].pValue = bad;
				IS(ck->C_CreateObject(mk_session, t, n, &o), CKR_ATTRIBUTE_VALUE_INVALID);
			}
			t[i] = (CK_ATTRIBUTE){ good.type, &zero, 1 };
			IS(ck->C_CreateObject(mk_session, t, n, &o), CKR_ATTRIBUTE_VALUE_INVALID);
			if (!(value && classes[c] == CKO_PRIVATE_KEY)) {
				t[i] = (CK_ATTRIBUTE){ good.type, &one, 1 };
				IS(ck->C_CreateObject(mk_session, t, n, &o), CKR_ATTRIBUTE_VALUE_INVALID);
			}
			t[i] = (CK_ATTRIBUTE){ good.type, minus, p.n };
			if (good.type != CKA_PRIME)
				IS(ck->C_CreateObject(mk_session, t, n, &o), CKR_ATTRIBUTE_VALUE_INVALID);
			t[i] = good;
		}
	}
}

START_TEST(numbers_that_are_no_key_are_refused)
{
	pair_lines("dh.txt", refuse_line);
}
END_TEST

/* The other side's value: 0, 1, p - 1, p, more than p, a value outside the subgroup, nothing, too much. */
static void peer_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_KEY_TYPE type = row->keys.types[0];
	struct view p = pair_bytes(pair, "p");
	static uint8_t bad[6][1100];
	static const size_t lengths[] = { 0, 1026, ~0UL, ~0UL - 15 };
	CK_X9_42_DH1_DERIVE_PARAMS x;
	CK_OBJECT_HANDLE base = 0, key = 77;

	OK(half(CKO_PRIVATE_KEY, type, pair, CKF_DERIVE, &base));
	bad[1][p.n - 1] = 1;
	for (size_t i = 2; i < 5; i++)
		memcpy(bad[i], p.p, p.n);
	bad[2][p.n - 1] -= 1;
	memset(bad[4], 0xff, p.n);
	bad[5][p.n - 1] = 3; /* of no order q in the group of RFC 5114 */
	for (size_t i = 0; i < (type == CKK_DH ? 5 : 6); i++) {
		CK_MECHANISM m = dh_mechanism(row->type, VIEW(bad[i], p.n), VIEW(NULL, 0), &x);

		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
	}
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		CK_MECHANISM m = dh_mechanism(row->type, VIEW(bad[1], lengths[i]), VIEW(NULL, 0), &x);

		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
	}
	ck_assert_uint_eq(key, 77);
	mk_destroy(base);
}

START_TEST(public_values_of_small_subgroups_are_refused)
{
	pair_lines("dh.txt", peer_line);
}
END_TEST

/* Private keys leave as PKCS #8 and come back as the same keys. */
static void travel_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_KEY_TYPE type = row->keys.types[0];
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	CK_MECHANISM m = { CKM_AES_KEY_WRAP_KWP, NULL, 0 };
	CK_OBJECT_HANDLE key = 0, back = 0, kek = mk_secret(CKK_AES, VIEW(text, 32), CKF_WRAP | CKF_UNWRAP);
	uint8_t wrapped[2048], a[1024];
	CK_ULONG len = sizeof(wrapped);

	OK(half(class, type, pair, 0, &key));
	OK(ck->C_WrapKey(mk_session, &m, kek, key, wrapped, &len));
	OK(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, ARRAY_LEN(t), &back));
	ck_assert(view_equal(mk_value(back, a, sizeof(a)), pair_bytes(pair, "x")));
	type = type == CKK_DSA ? CKK_DH : CKK_DSA;
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, len, t, ARRAY_LEN(t), &back), CKR_WRAPPED_KEY_INVALID);
	mk_destroy(key);
	mk_destroy(kek);
}

START_TEST(private_keys_travel_as_pkcs8)
{
	pair_lines("dh.txt", travel_line);
	pair_lines("dsa.txt", travel_line);
}
END_TEST

START_TEST(pair_of_a_bad_template_is_refused)
{
	static struct domain d;
	CK_MECHANISM m = { CKM_DH_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 100, got = 0;
	CK_ATTRIBUTE private_t[] = { { CKA_VALUE_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE value = { CKA_VALUE_BITS, &got, sizeof(got) };
	CK_OBJECT_HANDLE public = 77, private = 77;

	domain_of(&kinds[0], &d);
	IS(ck->C_GenerateKeyPair(mk_session, &m, d.t, 1, NULL, 0, &public, &private), CKR_TEMPLATE_INCOMPLETE);
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 0, NULL, 0, &public, &private), CKR_TEMPLATE_INCOMPLETE);
	IS(ck->C_GenerateKeyPair(mk_session, &m, d.t, 2, private_t, 1, &public, &private), CKR_ATTRIBUTE_VALUE_INVALID);
	bits = 2048;
	IS(ck->C_GenerateKeyPair(mk_session, &m, d.t, 2, private_t, 1, &public, &private), CKR_ATTRIBUTE_VALUE_INVALID);
	d.p[100] ^= 1;
	IS(ck->C_GenerateKeyPair(mk_session, &m, d.t, 2, NULL, 0, &public, &private), CKR_ATTRIBUTE_VALUE_INVALID);
	d.p[100] ^= 1;
	ck_assert(public == 77 && private == 77);
	bits = 256;
	OK(ck->C_GenerateKeyPair(mk_session, &m, d.t, 2, private_t, 1, &public, &private));
	OK(ck->C_GetAttributeValue(mk_session, private, &value, 1));
	ck_assert(got <= 256 && got > 200);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prime fields");
	TCase *c = tcase_create("prime fields");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 200);
	tcase_add_test(c, agreements_give_the_published_secrets);
	tcase_add_test(c, signatures_are_the_published_ones);
	tcase_add_test(c, generated_parameters_make_pairs_that_work);
	tcase_add_test(c, probabilistic_generation_gives_its_seed);
	tcase_add_test(c, generation_of_bad_sizes_is_refused);
	tcase_add_test(c, numbers_that_are_no_key_are_refused);
	tcase_add_test(c, public_values_of_small_subgroups_are_refused);
	tcase_add_test(c, private_keys_travel_as_pkcs8);
	tcase_add_test(c, pair_of_a_bad_template_is_refused);
	suite_add_tcase(s, c);
	return mk_main(s);
}
