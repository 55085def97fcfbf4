/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "pq.h"
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ML-KEM, ML-DSA and SLH-DSA, where the OpenSSL underneath has them; elsewhere: that they are not there. */

#define BYTES_MAX 65536
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t text[] = "the attack is at dawn";

struct pq_vector {
	const struct mech_row *row;
	const struct pq_set *set;
	struct buf seed, pub, key, aad, data, out;
};

static bool there(CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO info;

	return ck->C_GetMechanismInfo(mk_slot, type, &info) == CKR_OK;
}

static const struct pq_set *set_named(const char *name)
{
	for (size_t i = 0; pq_set_at(i) != NULL; i++) {
		if (strcmp(pq_set_at(i)->openssl, name) == 0)
			return pq_set_at(i);
	}
	return NULL;
}

static void field(struct pq_vector *v, const char *name, const char *value)
{
	struct buf *b = strcmp(name, "seed") == 0   ? &v->seed
			: strcmp(name, "pub") == 0  ? &v->pub
			: strcmp(name, "key") == 0  ? &v->key
			: strcmp(name, "aad") == 0  ? &v->aad
			: strcmp(name, "data") == 0 ? &v->data
						    : &v->out;

	if (strcmp(name, "mech") == 0)
		v->row = mk_row(value);
	else if (strcmp(name, "set") == 0)
		v->set = set_named(value);
	else if (strcmp(value, "-") != 0)
		ck_assert(hex_decode(value, strlen(value), b));
}

static unsigned vectors(const char *file, void (*each)(const struct pq_vector *v))
{
	char path[512], *line = NULL;
	unsigned count = 0;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("STRONGROOM_VECTORS"), file);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	while (getline(&line, &room, f) > 0) {
		struct pq_vector v = { 0 };
		char *rest = line, *word;

		if (line[0] == '#')
			continue;
		while ((word = strsep(&rest, " \n")) != NULL) {
			char *equals = strchr(word, '=');

			if (equals == NULL)
				continue;
			*equals = '\0';
			field(&v, word, equals + 1);
		}
		ck_assert(v.row != NULL && v.set != NULL);
		each(&v);
		count++;
		buf_done(&v.seed);
		buf_done(&v.pub);
		buf_done(&v.key);
		buf_done(&v.aad);
		buf_done(&v.data);
		buf_done(&v.out);
	}
	free(line);
	fclose(f);
	return count;
}

static CK_RV create(CK_OBJECT_CLASS class, const struct pq_set *set, struct view value, struct view seed,
		    CK_ATTRIBUTE_TYPE use, CK_OBJECT_HANDLE *ret)
{
	CK_KEY_TYPE type = set->type;
	CK_ULONG number = set->set;
	CK_ATTRIBUTE t[10] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_PARAMETER_SET, &number, sizeof(number) },
	};
	CK_ULONG n = 3;

	if (value.n > 0)
		t[n++] = (CK_ATTRIBUTE){ CKA_VALUE, (void *)(uintptr_t)value.p, value.n };
	if (seed.n > 0)
		t[n++] = (CK_ATTRIBUTE){ CKA_SEED, (void *)(uintptr_t)seed.p, seed.n };
	if (class == CKO_PRIVATE_KEY) {
		t[n++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &no, 1 };
		t[n++] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &yes, 1 };
	}
	if (use != 0)
		t[n++] = (CK_ATTRIBUTE){ use, &yes, 1 };
	return ck->C_CreateObject(mk_session, t, n, ret);
}

static void pair(const struct pq_set *set, CK_ATTRIBUTE_TYPE public_use, CK_ATTRIBUTE_TYPE private_use,
		 CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { set->type == CKK_ML_KEM   ? CKM_ML_KEM_KEY_PAIR_GEN
			   : set->type == CKK_ML_DSA ? CKM_ML_DSA_KEY_PAIR_GEN
						     : CKM_SLH_DSA_KEY_PAIR_GEN,
			   NULL, 0 };
	CK_ULONG number = set->set;
	CK_ATTRIBUTE public_t[] = { { CKA_PARAMETER_SET, &number, sizeof(number) }, { public_use, &yes, 1 } };
	CK_ATTRIBUTE private_t[] = { { private_use, &yes, 1 },
				     { CKA_EXTRACTABLE, &yes, 1 },
				     { CKA_SENSITIVE, &no, 1 } };

	OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, 2, private_t, 3, ret_public, ret_private));
}

static struct view attribute(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t n)
{
	CK_ATTRIBUTE t = { type, room, n };

	OK(ck->C_GetAttributeValue(mk_session, key, &t, 1));
	return VIEW(room, t.ulValueLen);
}

static CK_RV decapsulate(CK_OBJECT_HANDLE key, struct view ciphertext, CK_KEY_TYPE type, CK_ULONG len,
			 CK_OBJECT_HANDLE *ret)
{
	CK_RV(*decapsulate_key)
	(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG, CK_BYTE *, CK_ULONG,
	 CK_OBJECT_HANDLE *);
	CK_MECHANISM m = { CKM_ML_KEM, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	*(void **)&decapsulate_key = mk_symbol("C_DecapsulateKey");
	return decapsulate_key(mk_session, &m, key, t, len == 0 ? 4 : 5, (CK_BYTE *)(uintptr_t)ciphertext.p,
			       ciphertext.n, ret);
}

static CK_RV encapsulate(CK_OBJECT_HANDLE key, uint8_t *out, CK_ULONG *len, CK_OBJECT_HANDLE *ret)
{
	CK_RV(*encapsulate_key)
	(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG, CK_BYTE *, CK_ULONG *,
	 CK_OBJECT_HANDLE *);
	CK_MECHANISM m = { CKM_ML_KEM, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };

	*(void **)&encapsulate_key = mk_symbol("C_EncapsulateKey");
	return encapsulate_key(mk_session, &m, key, t, 4, out, len, ret);
}

/* A seed becomes the published pair, alone or with its value; a value that is another's is refused. */
static void keygen_vector(const struct pq_vector *v)
{
	CK_OBJECT_HANDLE key = 0, with_seed;
	uint8_t room[8192];

	OK(create(CKO_PRIVATE_KEY, v->set, VIEW(NULL, 0), buf_view(&v->seed), 0, &with_seed));
	ck_assert(view_equal(attribute(with_seed, CKA_VALUE, room, sizeof(room)), buf_view(&v->key)));
	OK(create(CKO_PRIVATE_KEY, v->set, buf_view(&v->key), buf_view(&v->seed), 0, &key));
	mk_destroy(key);
	v->seed.p[0] ^= 1;
	IS(create(CKO_PRIVATE_KEY, v->set, buf_view(&v->key), buf_view(&v->seed), 0, &key),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, v->set, VIEW(NULL, 0), VIEW(v->seed.p, v->seed.len - 1), 0, &key),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, v->set, VIEW(v->key.p, v->key.len - 1), VIEW(NULL, 0), 0, &key),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	IS(create(CKO_PRIVATE_KEY, v->set, VIEW(NULL, 0), VIEW(NULL, 0), 0, &key), CKR_TEMPLATE_INCOMPLETE);
	IS(create(CKO_PUBLIC_KEY, v->set, VIEW(v->pub.p, v->pub.len - 1), VIEW(NULL, 0), 0, &key),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	OK(create(CKO_PUBLIC_KEY, v->set, buf_view(&v->pub), VIEW(NULL, 0), 0, &key));
	mk_destroy(key);
	mk_destroy(with_seed);
}

static void kem_vector(const struct pq_vector *v)
{
	CK_OBJECT_HANDLE key = 0, secret = 0;
	uint8_t room[64];

	if (v->seed.len > 0) {
		keygen_vector(v);
		return;
	}
	OK(create(CKO_PRIVATE_KEY, v->set, buf_view(&v->key), VIEW(NULL, 0), CKA_DECAPSULATE, &key));
	OK(decapsulate(key, buf_view(&v->data), CKK_GENERIC_SECRET, 0, &secret));
	ck_assert(view_equal(mk_value(secret, room, sizeof(room)), buf_view(&v->out)));
	mk_destroy(secret);
	OK(decapsulate(key, buf_view(&v->data), CKK_AES, 32, &secret));
	ck_assert(view_equal(mk_value(secret, room, sizeof(room)), buf_view(&v->out)));
	mk_destroy(secret);
	IS(decapsulate(key, buf_view(&v->data), CKK_AES, 16, &secret), CKR_KEY_SIZE_RANGE);
	IS(decapsulate(key, VIEW(v->data.p, v->data.len - 1), CKK_AES, 32, &secret), CKR_WRAPPED_KEY_LEN_RANGE);
	/* Another ciphertext: another key, and no word about it (FIPS 203, implicit rejection). */
	v->data.p[5] ^= 1;
	OK(decapsulate(key, buf_view(&v->data), CKK_GENERIC_SECRET, 0, &secret));
	ck_assert(!view_equal(mk_value(secret, room, sizeof(room)), buf_view(&v->out)));
	mk_destroy(secret);
	mk_destroy(key);
}

START_TEST(kem_gives_the_published_secrets)
{
	if (there(CKM_ML_KEM))
		ck_assert_uint_ge(vectors("ml_kem.txt", kem_vector), 6);
}
END_TEST

START_TEST(kem_carries_a_key)
{
	for (size_t i = 0; there(CKM_ML_KEM) && pq_set_at(i) != NULL; i++) {
		CK_OBJECT_HANDLE public, private, a = 4711, b = 0;
		uint8_t out[2048], room[2][32];
		CK_ULONG n = 0;

		if (pq_set_at(i)->type != CKK_ML_KEM)
			continue;
		pair(pq_set_at(i), CKA_ENCAPSULATE, CKA_DECAPSULATE, &public, &private);
		OK(encapsulate(public, NULL, &n, &a));
		ck_assert_uint_eq(a, 4711);
		n--;
		IS(encapsulate(public, out, &n, &a), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(a, 4711);
		OK(encapsulate(public, out, &n, &a));
		OK(decapsulate(private, VIEW(out, n), CKK_GENERIC_SECRET, 0, &b));
		ck_assert(view_equal(mk_value(a, room[0], 32), mk_value(b, room[1], 32)));
		IS(encapsulate(private, out, &n, &a), CKR_KEY_TYPE_INCONSISTENT);
		mk_destroy(a);
		mk_destroy(b);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view signature)
{
	CK_RV rv = ck->C_VerifyInit(mk_session, m, key);

	return rv == CKR_OK ? ck->C_Verify(mk_session, (CK_BYTE *)(uintptr_t)data.p, data.n,
					   (CK_BYTE *)(uintptr_t)signature.p, signature.n)
			    : rv;
}

static struct view sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, size_t piece, uint8_t *out)
{
	CK_ULONG n = BYTES_MAX;

	OK(ck->C_SignInit(mk_session, m, key));
	if (piece == 0) {
		OK(ck->C_Sign(mk_session, (CK_BYTE *)(uintptr_t)data.p, data.n, out, &n));
		return VIEW(out, n);
	}
	for (size_t at = 0; at < data.n; at += piece) {
		size_t part = data.n - at < piece ? data.n - at : piece;

		OK(ck->C_SignUpdate(mk_session, (CK_BYTE *)(uintptr_t)data.p + at, part));
	}
	OK(ck->C_SignFinal(mk_session, out, &n));
	return VIEW(out, n);
}

static void signature_vector(const struct pq_vector *v)
{
	static uint8_t out[BYTES_MAX];
	CK_SIGN_ADDITIONAL_CONTEXT p = { CKH_DETERMINISTIC_REQUIRED, v->aad.p, v->aad.len };
	CK_MECHANISM m = { v->row->type, &p, sizeof(p) };
	CK_OBJECT_HANDLE key = 0;

	if (v->seed.len > 0) {
		keygen_vector(v);
		return;
	}
	OK(create(CKO_PRIVATE_KEY, v->set, buf_view(&v->key), VIEW(NULL, 0), CKA_SIGN, &key));
	for (size_t piece = 0; piece < 80; piece += 79)
		ck_assert(view_equal(sign(&m, key, buf_view(&v->data), piece, out), buf_view(&v->out)));
	mk_destroy(key);
}

START_TEST(signatures_are_the_published_ones)
{
	if (there(CKM_ML_DSA))
		ck_assert_uint_ge(vectors("ml_dsa.txt", signature_vector), 6);
	if (there(CKM_SLH_DSA))
		ck_assert_uint_ge(vectors("slh_dsa.txt", signature_vector), 2);
}
END_TEST

/* Every parameter set but the slow ones: both ways, contexts, lengths. */
START_TEST(every_set_signs)
{
	static uint8_t out[BYTES_MAX];

	for (size_t i = 0; there(CKM_ML_DSA) && pq_set_at(i) != NULL; i++) {
		const struct pq_set *set = pq_set_at(i);
		CK_SIGN_ADDITIONAL_CONTEXT p = { CKH_HEDGE_REQUIRED, text, 5 }, bad = p;
		CK_MECHANISM m = { set->type == CKK_ML_DSA ? CKM_ML_DSA : CKM_SLH_DSA, &p, sizeof(p) };
		CK_MECHANISM plain = { m.mechanism, NULL, 0 }, wrong = { m.mechanism, &bad, sizeof(bad) };
		CK_OBJECT_HANDLE public, private;
		struct view s;

		if (set->type == CKK_ML_KEM || set->openssl[strlen(set->openssl) - 1] == 's')
			continue;
		pair(set, CKA_VERIFY, CKA_SIGN, &public, &private);
		s = sign(&m, private, VIEW(text, sizeof(text)), 5, out);
		OK(verify(&m, public, VIEW(text, sizeof(text)), s));
		IS(verify(&plain, public, VIEW(text, sizeof(text)), s), CKR_SIGNATURE_INVALID);
		IS(verify(&m, public, VIEW(text, 4), s), CKR_SIGNATURE_INVALID);
		IS(verify(&m, public, VIEW(text, sizeof(text)), VIEW(s.p, s.n - 1)), CKR_SIGNATURE_LEN_RANGE);
		out[s.n / 2] ^= 1;
		IS(verify(&m, public, VIEW(text, sizeof(text)), s), CKR_SIGNATURE_INVALID);
		bad.ulContextLen = 256;
		IS(ck->C_SignInit(mk_session, &wrong, private), CKR_MECHANISM_PARAM_INVALID);
		bad = (CK_SIGN_ADDITIONAL_CONTEXT){ 3, text, 5 };
		IS(ck->C_SignInit(mk_session, &wrong, private), CKR_MECHANISM_PARAM_INVALID);
		bad = (CK_SIGN_ADDITIONAL_CONTEXT){ 0, NULL, 5 };
		IS(ck->C_SignInit(mk_session, &wrong, private), CKR_MECHANISM_PARAM_INVALID);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

/* outside: OpenSSL verifies what FIPS 204, 5.4.1 says is signed of a hash: 1, the context, the identifier, the hash. */
static int outside(CK_OBJECT_HANDLE public, const char *algorithm, const char *md, uint8_t oid, struct view context,
		   struct view data, struct view signature)
{
	uint8_t value[4096], hash[64], all[400] = { 1, (uint8_t)context.n }, *p = all + 2;
	static const uint8_t arc[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	struct view v = attribute(public, CKA_VALUE, value, sizeof(value));
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, algorithm, NULL, v.p, v.n);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *digest = EVP_MD_fetch(NULL, md, NULL);
	size_t len = strcmp(md, "SHAKE-128") == 0 ? 32 : strcmp(md, "SHAKE-256") == 0 ? 64 : 0;
	int encoding = 0, ok;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_int("message-encoding", &encoding), OSSL_PARAM_construct_end() };

	EVP_DigestInit_ex2(ctx, digest, NULL);
	EVP_DigestUpdate(ctx, data.p, data.n);
	if (len > 0)
		EVP_DigestFinalXOF(ctx, hash, len);
	else
		EVP_DigestFinal_ex(ctx, hash, NULL);
	len = len > 0 ? len : (size_t)EVP_MD_get_size(digest);
	memcpy(p, context.p, context.n);
	p += context.n;
	memcpy(p, arc, sizeof(arc));
	p += sizeof(arc);
	*p++ = oid;
	memcpy(p, hash, len);
	p += len;
	EVP_MD_CTX_reset(ctx);
	ck_assert_int_eq(EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, pkey, params), 1);
	ok = EVP_DigestVerify(ctx, signature.p, signature.n, all, (size_t)(p - all));
	EVP_MD_free(digest);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

START_TEST(hashes_are_signed_with_their_names)
{
	static uint8_t out[BYTES_MAX];
	static const struct {
		CK_MECHANISM_TYPE dsa, slh, digest;
		const char *md;
		uint8_t oid;
	} cases[] = {
		{ CKM_HASH_ML_DSA_SHA224, CKM_HASH_SLH_DSA_SHA224, CKM_SHA224, "SHA2-224", 4 },
		{ CKM_HASH_ML_DSA_SHA256, CKM_HASH_SLH_DSA_SHA256, CKM_SHA256, "SHA2-256", 1 },
		{ CKM_HASH_ML_DSA_SHA384, CKM_HASH_SLH_DSA_SHA384, CKM_SHA384, "SHA2-384", 2 },
		{ CKM_HASH_ML_DSA_SHA512, CKM_HASH_SLH_DSA_SHA512, CKM_SHA512, "SHA2-512", 3 },
		{ CKM_HASH_ML_DSA_SHA3_224, CKM_HASH_SLH_DSA_SHA3_224, CKM_SHA3_224, "SHA3-224", 7 },
		{ CKM_HASH_ML_DSA_SHA3_256, CKM_HASH_SLH_DSA_SHA3_256, CKM_SHA3_256, "SHA3-256", 8 },
		{ CKM_HASH_ML_DSA_SHA3_384, CKM_HASH_SLH_DSA_SHA3_384, CKM_SHA3_384, "SHA3-384", 9 },
		{ CKM_HASH_ML_DSA_SHA3_512, CKM_HASH_SLH_DSA_SHA3_512, CKM_SHA3_512, "SHA3-512", 10 },
		{ CKM_HASH_ML_DSA_SHAKE128, CKM_HASH_SLH_DSA_SHAKE128, 0, "SHAKE-128", 11 },
		{ CKM_HASH_ML_DSA_SHAKE256, CKM_HASH_SLH_DSA_SHAKE256, 0, "SHAKE-256", 12 },
	};

	for (size_t i = 0; there(CKM_ML_DSA) && i < 2 * ARRAY_LEN(cases); i++) {
		const struct pq_set *set = set_named(i % 2 == 0 ? "ML-DSA-44" : "SLH-DSA-SHAKE-128f");
		CK_SIGN_ADDITIONAL_CONTEXT p = { CKH_HEDGE_PREFERRED, text, i % 3 };
		CK_HASH_SIGN_ADDITIONAL_CONTEXT hashed = { CKH_HEDGE_PREFERRED, text, i % 3, cases[i / 2].digest };
		CK_MECHANISM m = { i % 2 == 0 ? cases[i / 2].dsa : cases[i / 2].slh, &p, sizeof(p) };
		CK_MECHANISM made = { i % 2 == 0 ? CKM_HASH_ML_DSA : CKM_HASH_SLH_DSA, &hashed, sizeof(hashed) };
		CK_OBJECT_HANDLE public, private;
		uint8_t digest[64];
		struct view s;
		unsigned n = 0;

		pair(set, CKA_VERIFY, CKA_SIGN, &public, &private);
		s = sign(&m, private, VIEW(text, sizeof(text)), i % 4, out);
		OK(verify(&m, public, VIEW(text, sizeof(text)), s));
		ck_assert_msg(outside(public, set->openssl, cases[i / 2].md, cases[i / 2].oid, VIEW(text, i % 3),
				      VIEW(text, sizeof(text)), s) == 1,
			      "%s", cases[i / 2].md);
		if (cases[i / 2].digest != 0) {
			EVP_MD *md = EVP_MD_fetch(NULL, cases[i / 2].md, NULL);

			EVP_Digest(text, sizeof(text), digest, &n, md, NULL);
			EVP_MD_free(md);
			OK(verify(&made, public, VIEW(digest, n), s));
			s = sign(&made, private, VIEW(digest, n), 0, out);
			OK(verify(&m, public, VIEW(text, sizeof(text)), s));
			IS(verify(&made, public, VIEW(digest, n - 1), s), CKR_DATA_LEN_RANGE);
		}
		hashed.hash = CKM_MD5;
		IS(ck->C_SignInit(mk_session, &made, private), CKR_MECHANISM_PARAM_INVALID);
		mk_destroy(public);
		mk_destroy(private);
	}
}
END_TEST

START_TEST(pairs_travel_and_bad_sets_are_refused)
{
	static const uint8_t kek_bytes[32] = { 9, 1, 2 };
	CK_MECHANISM kwp = { CKM_AES_KEY_WRAP_KWP, NULL, 0 }, m = { CKM_ML_KEM_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(kek_bytes, 32), CKF_WRAP | CKF_UNWRAP), public, private,
			 back = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ULONG number = 77;
	CK_ATTRIBUTE t = { CKA_PARAMETER_SET, &number, sizeof(number) };
	static uint8_t wrapped[16384], room[2][8192];

	if (!there(CKM_ML_KEM)) {
		IS(ck->C_GenerateKeyPair(mk_session, &m, &t, 1, NULL, 0, &public, &private), CKR_MECHANISM_INVALID);
		return;
	}
	IS(ck->C_GenerateKeyPair(mk_session, &m, &t, 1, NULL, 0, &public, &private), CKR_PARAMETER_SET_NOT_SUPPORTED);
	IS(ck->C_GenerateKeyPair(mk_session, &m, NULL, 0, NULL, 0, &public, &private), CKR_TEMPLATE_INCOMPLETE);
	t.ulValueLen = 3;
	IS(ck->C_GenerateKeyPair(mk_session, &m, &t, 1, NULL, 0, &public, &private), CKR_ATTRIBUTE_VALUE_INVALID);
	for (size_t i = 0; pq_set_at(i) != NULL; i++) {
		const struct pq_set *set = pq_set_at(i);
		CK_KEY_TYPE type = set->type;
		CK_ATTRIBUTE back_t[] = { { CKA_CLASS, &class, sizeof(class) },
					  { CKA_KEY_TYPE, &type, sizeof(type) },
					  { CKA_SENSITIVE, &no, 1 },
					  { CKA_EXTRACTABLE, &yes, 1 } };
		CK_ULONG n = sizeof(wrapped);

		if (set->openssl[strlen(set->openssl) - 1] == 's')
			continue;
		pair(set, CKA_DERIVE, CKA_DERIVE, &public, &private);
		OK(ck->C_WrapKey(mk_session, &kwp, kek, private, wrapped, &n));
		OK(ck->C_UnwrapKey(mk_session, &kwp, kek, wrapped, n, back_t, 4, &back));
		ck_assert(view_equal(attribute(back, CKA_VALUE, room[0], sizeof(room[0])),
				     attribute(private, CKA_VALUE, room[1], sizeof(room[1]))));
		type = set->type == CKK_ML_KEM ? CKK_ML_DSA : CKK_ML_KEM;
		mk_destroy(back);
		IS(ck->C_UnwrapKey(mk_session, &kwp, kek, wrapped, n, back_t, 4, &back), CKR_WRAPPED_KEY_INVALID);
		mk_destroy(public);
		mk_destroy(private);
	}
	mk_destroy(kek);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ML-KEM, ML-DSA, SLH-DSA");
	TCase *c = tcase_create("pq");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 240);
	tcase_add_test(c, kem_gives_the_published_secrets);
	tcase_add_test(c, kem_carries_a_key);
	tcase_add_test(c, signatures_are_the_published_ones);
	tcase_add_test(c, every_set_signs);
	tcase_add_test(c, hashes_are_signed_with_their_names);
	tcase_add_test(c, pairs_travel_and_bad_sets_are_refused);
	suite_add_tcase(s, c);
	return mk_main(s);
}
