/* SPDX-License-Identifier: BSD-2-Clause */
#include "message_kit.h"
#include <string.h>

/*
 * Authenticated encryption beyond its vectors: parameters, lengths, ChaCha20's counter, key wrapping by GCM and CCM
 * with and without the tag in one piece, and what strict makes of it.
 */
static uint8_t text[64] = "Now is the time for all good men to come to the aid of the army";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_OBJECT_HANDLE aes(CK_FLAGS uses)
{
	return mk_secret(CKK_AES, VIEW(text, 32), uses);
}

START_TEST(ccm_takes_the_long_associated_data_of_the_standard)
{
	static const uint8_t key_bytes[] = { 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
					     0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f };
	static const uint8_t want[] = { 0x69, 0x91, 0x5d, 0xad, 0x1e, 0x84, 0xc6, 0x37, 0x6a, 0x68, 0xc2, 0x96,
					0x7e, 0x4d, 0xab, 0x61, 0x5a, 0xe0, 0xfd, 0x1f, 0xae, 0xc4, 0x4c, 0xc4,
					0x84, 0x82, 0x85, 0x29, 0x46, 0x3c, 0xcf, 0x72, 0xb4, 0xac, 0x6b, 0xec,
					0x93, 0xe8, 0x59, 0x8e, 0x7f, 0x0d, 0xad, 0xbc, 0xea, 0x5b };
	static uint8_t aad[65536];
	uint8_t nonce[13], data[32], out[64];
	CK_CCM_PARAMS p = { sizeof(data), nonce, sizeof(nonce), aad, sizeof(aad), 14 };
	CK_MECHANISM m = { CKM_AES_CCM, &p, sizeof(p) };
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), CKF_ENCRYPT);
	CK_ULONG len = sizeof(out);

	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(0x10 + i);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(0x20 + i);
	OK(mk_init(CKF_ENCRYPT, &m, key));
	OK(mk_single(CKF_ENCRYPT, VIEW(data, sizeof(data)), out, &len));
	ck_assert_uint_eq(len, sizeof(want));
	ck_assert_mem_eq(out, want, sizeof(want));
	mk_destroy(key);
}
END_TEST

/* The text of PKCS#11 2.40 printed CK_GCM_PARAMS without ulIvBits, and clients have it so. */
START_TEST(gcm_parameter_without_iv_bits_is_taken)
{
	struct {
		CK_BYTE_PTR iv;
		CK_ULONG iv_len;
		CK_BYTE_PTR aad;
		CK_ULONG aad_len, tag_bits;
	} printed = { text, 12, text + 20, 9, 128 };
	CK_GCM_PARAMS header = { text, 12, 96, text + 20, 9, 128 };
	CK_MECHANISM a = { CKM_AES_GCM, &printed, sizeof(printed) }, b = { CKM_AES_GCM, &header, sizeof(header) };
	CK_OBJECT_HANDLE key = aes(CKF_ENCRYPT | CKF_DECRYPT);
	uint8_t out[64], back[64];
	CK_ULONG len = sizeof(out), n = sizeof(back);

	OK(mk_init(CKF_ENCRYPT, &a, key));
	OK(mk_single(CKF_ENCRYPT, VIEW(text, 30), out, &len));
	OK(mk_init(CKF_DECRYPT, &b, key));
	OK(mk_single(CKF_DECRYPT, VIEW(out, len), back, &n));
	ck_assert(n == 30 && memcmp(back, text, 30) == 0);
	mk_destroy(key);
}
END_TEST

static CK_RV ccm_init(CK_ULONG data, CK_ULONG nonce, CK_ULONG aad, CK_ULONG mac, CK_OBJECT_HANDLE key)
{
	CK_CCM_PARAMS p = { data, text, nonce, text, aad, mac };
	CK_MECHANISM m = { CKM_AES_CCM, &p, sizeof(p) };
	CK_RV rv = mk_init(CKF_ENCRYPT, &m, key);

	if (rv == CKR_OK)
		mk_cancel(CKF_ENCRYPT);
	return rv;
}

START_TEST(parameter_out_of_its_range_is_refused)
{
	CK_OBJECT_HANDLE key = aes(CKF_ENCRYPT | CKF_SIGN);
	CK_OBJECT_HANDLE chacha = mk_secret(CKK_CHACHA20, VIEW(text, 32), CKF_ENCRYPT);
	CK_GCM_PARAMS gmac[] = { { text, 12, 96, text, 1, 128 },
				 { NULL, 12, 96, NULL, 0, 128 },
				 { text, 0, 0, NULL, 0, 128 },
				 { text, 12, 96, NULL, 0, 100 } };
	CK_CHACHA20_PARAMS c20[] = { { NULL, 32, text, 96 }, { text, 32, NULL, 96 }, { text, 32, text, 64 },
				     { text, 64, text, 96 }, { text, 0, text, 96 },  { text, ~0UL, text, ~0UL } };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS poly[] = {
		{ NULL, 96, NULL, 0 }, { text, 64, NULL, 0 }, { text, 0, NULL, 0 },
		{ text, 8, NULL, 0 },  { text, 96, NULL, 1 }, { text, 96, text, ~0UL },
	};

	OK(ccm_init(10, 12, 5, 16, key));
	IS(ccm_init(10, 6, 5, 16, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, 14, 5, 16, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, ~0UL, 5, 16, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, 12, ~0UL, 16, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, 12, 5, 15, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, 12, 5, 2, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(10, 12, 5, ~0UL, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(~0UL, 7, 5, 16, key), CKR_MECHANISM_PARAM_INVALID);
	IS(ccm_init(65536, 13, 5, 16, key), CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(gmac); i++)
		IS(mk_init(CKF_SIGN, &(CK_MECHANISM){ CKM_AES_GMAC, &gmac[i], sizeof(gmac[i]) }, key),
		   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(c20); i++)
		IS(mk_init(CKF_ENCRYPT, &(CK_MECHANISM){ CKM_CHACHA20, &c20[i], sizeof(c20[i]) }, chacha),
		   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(poly); i++)
		IS(mk_init(CKF_ENCRYPT, &(CK_MECHANISM){ CKM_CHACHA20_POLY1305, &poly[i], sizeof(poly[i]) }, chacha),
		   CKR_MECHANISM_PARAM_INVALID);
	mk_destroy(key);
	mk_destroy(chacha);
}
END_TEST

START_TEST(ccm_data_of_another_length_are_refused)
{
	CK_CCM_PARAMS p = { 20, text, 12, NULL, 0, 16 };
	CK_MECHANISM m = { CKM_AES_CCM, &p, sizeof(p) };
	CK_OBJECT_HANDLE key = aes(CKF_ENCRYPT | CKF_DECRYPT);
	uint8_t out[64];

	for (size_t w = 0; w < 2; w++) {
		CK_FLAGS use = w == 0 ? CKF_ENCRYPT : CKF_DECRYPT;
		CK_RV fault = w == 0 ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
		size_t n = w == 0 ? 20 : 36;
		CK_ULONG len = sizeof(out);

		OK(mk_init(use, &m, key));
		IS(mk_single(use, VIEW(text, n - 1), out, &len), fault);
		OK(mk_init(use, &m, key));
		IS(mk_single(use, VIEW(text, n + 1), out, &len), fault);
		OK(mk_init(use, &m, key));
		OK(mk_update(use, VIEW(text, n - 1), out, &len));
		ck_assert_uint_eq(len, 0);
		len = sizeof(out);
		IS(mk_update(use, VIEW(text, 2), out, &len), fault);
		OK(mk_init(use, &m, key));
		OK(mk_update(use, VIEW(text, n - 1), out, &len));
		len = sizeof(out);
		IS(mk_final(use, out, &len), fault);
	}
	mk_destroy(key);
}
END_TEST

/* OpenSSL's counter of 32 bits would run over into the nonce. */
START_TEST(chacha_counter_does_not_run_over)
{
	uint8_t counter[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, out[256], data[256] = { 0 };
	CK_CHACHA20_PARAMS p[] = { { counter, 32, text, 96 }, { counter, 64, text, 64 }, { counter, 32, text, 192 } };
	CK_OBJECT_HANDLE key = mk_secret(CKK_CHACHA20, VIEW(text, 32), CKF_ENCRYPT | CKF_DECRYPT);

	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		CK_MECHANISM m = { CKM_CHACHA20, &p[i], sizeof(p[i]) };
		CK_ULONG len = sizeof(out);

		OK(mk_init(CKF_ENCRYPT, &m, key));
		IS(mk_single(CKF_ENCRYPT, VIEW(data, 65), out, &len), CKR_DATA_LEN_RANGE);
		OK(mk_init(CKF_DECRYPT, &m, key));
		IS(mk_single(CKF_DECRYPT, VIEW(data, 65), out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_update(CKF_ENCRYPT, VIEW(data, 64), out, &len));
		len = sizeof(out);
		IS(mk_update(CKF_ENCRYPT, VIEW(data, 1), out, &len), CKR_DATA_LEN_RANGE);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(keys_of_chacha_and_poly_are_generated)
{
	static const struct {
		CK_MECHANISM_TYPE mechanism;
		CK_KEY_TYPE type;
	} kinds[] = { { CKM_CHACHA20_KEY_GEN, CKK_CHACHA20 }, { CKM_POLY1305_KEY_GEN, CKK_POLY1305 } };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CK_MECHANISM m = { kinds[i].mechanism, NULL, 0 };
		CK_ULONG length = 31, type = 0;
		CK_ATTRIBUTE t[] = { { CKA_ENCRYPT, &yes, 1 },
				     { CKA_SIGN, &yes, 1 },
				     { CKA_VALUE_LEN, &length, sizeof(length) } };
		CK_ATTRIBUTE get[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
				       { CKA_VALUE_LEN, &length, sizeof(length) } };
		CK_OBJECT_HANDLE key = 0;

		IS(ck->C_GenerateKey(mk_session, &m, t, 3, &key), CKR_TEMPLATE_INCONSISTENT);
		OK(ck->C_GenerateKey(mk_session, &m, t, 2, &key));
		OK(ck->C_GetAttributeValue(mk_session, key, get, 2));
		ck_assert(type == kinds[i].type && length == 32);
		mk_destroy(key);
	}
}
END_TEST

/* Key wrapping. The wrapped key is 16 bytes of AES, the templates ask for it back. */
struct wrap {
	CK_MECHANISM m;
	union {
		CK_GCM_WRAP_PARAMS gcm;
		CK_CCM_WRAP_PARAMS ccm;
		CK_GCM_MESSAGE_PARAMS gcm_message;
		CK_CCM_MESSAGE_PARAMS ccm_message;
	} p;
	uint8_t iv[13], tag[16], aad[7];
};

static struct wrap *wrap_of(struct wrap *w, bool ccm, bool message, CK_GENERATOR_FUNCTION generator)
{
	CK_ULONG size;

	memset(w, 0, sizeof(*w));
	memcpy(w->iv, text, sizeof(w->iv));
	memcpy(w->aad, text, sizeof(w->aad));
	if (ccm && message) {
		w->p.ccm_message = (CK_CCM_MESSAGE_PARAMS){ 0, w->iv, 12, 0, generator, w->tag, 16 };
		size = sizeof(w->p.ccm_message);
	} else if (ccm) {
		w->p.ccm = (CK_CCM_WRAP_PARAMS){ 4711, w->iv, 12, 0, generator, w->aad, sizeof(w->aad), 16 };
		size = sizeof(w->p.ccm);
	} else if (message) {
		w->p.gcm_message = (CK_GCM_MESSAGE_PARAMS){ w->iv, 12, 0, generator, w->tag, 128 };
		size = sizeof(w->p.gcm_message);
	} else {
		w->p.gcm = (CK_GCM_WRAP_PARAMS){ w->iv, 12, 0, generator, w->aad, sizeof(w->aad), 128 };
		size = sizeof(w->p.gcm);
	}
	w->m = (CK_MECHANISM){ ccm ? CKM_AES_CCM : CKM_AES_GCM, &w->p, size };
	return w;
}

static CK_RV unwrap(struct wrap *w, bool message, CK_OBJECT_HANDLE key, uint8_t *wrapped, CK_ULONG n,
		    CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };

	if (message)
		return ck32->C_UnwrapKeyAuthenticated(mk_session, &w->m, key, wrapped, n, t, ARRAY_LEN(t), w->aad,
						      sizeof(w->aad), ret);
	return ck->C_UnwrapKey(mk_session, &w->m, key, wrapped, n, t, ARRAY_LEN(t), ret);
}

static CK_RV wrap(struct wrap *w, bool message, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE cargo, uint8_t *out,
		  CK_ULONG *len)
{
	if (message)
		return ck32->C_WrapKeyAuthenticated(mk_session, &w->m, key, cargo, w->aad, sizeof(w->aad), out, len);
	return ck->C_WrapKey(mk_session, &w->m, key, cargo, out, len);
}

static void wrap_and_back(bool ccm, bool message, CK_GENERATOR_FUNCTION generator)
{
	CK_OBJECT_HANDLE kek = aes(CKF_WRAP), open = aes(CKF_UNWRAP), back = 0, none = 4711;
	CK_OBJECT_HANDLE cargo = mk_secret(CKK_AES, VIEW(text + 9, 16), 0);
	size_t want = message ? 16 : 32;
	uint8_t out[64], value[32];
	CK_ULONG len = 0;
	struct wrap w;

	wrap_of(&w, ccm, message, generator);
	OK(wrap(&w, message, kek, cargo, NULL, &len));
	ck_assert_uint_eq(len, want);
	len--;
	IS(wrap(&w, message, kek, cargo, out, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, want);
	ck_assert_mem_eq(w.iv, text, sizeof(w.iv)); /* neither makes an IV */
	OK(wrap(&w, message, kek, cargo, out, &len));
	ck_assert_int_eq(memcmp(w.iv, text, 12) == 0, generator == CKG_NO_GENERATE);
	OK(unwrap(&w, message, open, out, len, &back));
	ck_assert(view_equal(mk_value(back, value, sizeof(value)), VIEW(text + 9, 16)));
	mk_destroy(back);
	for (size_t i = 0; i < want + 16 + 12 + 7; i++) {
		uint8_t *byte = i < want             ? &out[i]
				: i < want + 16      ? &w.tag[i - want]
				: i < want + 16 + 12 ? &w.iv[i - want - 16]
						     : &w.aad[i - want - 28];

		if (!message && i >= want && i < want + 16)
			continue;
		*byte ^= 1;
		IS(unwrap(&w, message, open, out, len, &none), CKR_WRAPPED_KEY_INVALID);
		*byte ^= 1;
	}
	ck_assert_uint_eq(none, 4711);
	if (!message)
		IS(unwrap(&w, message, open, out, 16, &none), CKR_WRAPPED_KEY_LEN_RANGE);
	IS(unwrap(&w, message, open, out, 0, &none), CKR_WRAPPED_KEY_LEN_RANGE);
	IS(unwrap(&w, message, open, out, ~0UL, &none), CKR_WRAPPED_KEY_LEN_RANGE);
	mk_destroy(kek);
	mk_destroy(open);
	mk_destroy(cargo);
}

START_TEST(keys_travel_under_gcm_and_ccm)
{
	static const CK_GENERATOR_FUNCTION all[] = { CKG_NO_GENERATE, CKG_GENERATE, CKG_GENERATE_RANDOM };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (unsigned k = 0; k < 4; k++)
			wrap_and_back(k & 1, k & 2, all[i]);
	}
}
END_TEST

START_TEST(pairs_travel_under_gcm)
{
	CK_OBJECT_HANDLE kek = aes(CKF_WRAP), open = aes(CKF_UNWRAP), public = 0, private = 0, back = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	uint8_t out[4096];
	CK_ULONG len = sizeof(out);
	struct wrap w;

	mk_pair(&public, &private);
	OK(wrap(wrap_of(&w, false, true, CKG_GENERATE), true, kek, private, out, &len));
	OK(ck32->C_UnwrapKeyAuthenticated(mk_session, &w.m, open, out, len, t, 2, w.aad, sizeof(w.aad), &back));
	mk_destroy(back);
	mk_destroy(kek);
	mk_destroy(open);
}
END_TEST

START_TEST(wrapping_parameters_out_of_their_range_are_refused)
{
	CK_OBJECT_HANDLE kek = aes(CKF_WRAP), cargo = mk_secret(CKK_AES, VIEW(text, 16), 0);
	CK_MECHANISM cbc = { CKM_AES_CBC, text, 16 };
	uint8_t out[64];
	CK_ULONG len = sizeof(out);
	struct wrap w;

	for (unsigned k = 0; k < 4; k++) {
		/* a call has no counter that another one could go on with */
		IS(wrap(wrap_of(&w, k & 1, k & 2, CKG_GENERATE_COUNTER), k & 2, kek, cargo, out, &len),
		   CKR_MECHANISM_PARAM_INVALID);
		IS(wrap(wrap_of(&w, k & 1, k & 2, CKG_GENERATE_COUNTER_XOR), k & 2, kek, cargo, out, &len),
		   CKR_MECHANISM_PARAM_INVALID);
		IS(wrap(wrap_of(&w, k & 1, k & 2, 5), k & 2, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
		wrap_of(&w, k & 1, k & 2, CKG_GENERATE);
		w.m.ulParameterLen--;
		IS(wrap(&w, k & 2, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
		wrap_of(&w, k & 1, k & 2, CKG_GENERATE);
		w.m.pParameter = NULL;
		IS(wrap(&w, k & 2, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
	}
	wrap_of(&w, false, false, CKG_GENERATE)->p.gcm.ulIvFixedBits = 1;
	IS(wrap(&w, false, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
	wrap_of(&w, false, false, CKG_GENERATE)->p.gcm.ulIvFixedBits = ~0UL;
	IS(wrap(&w, false, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
	wrap_of(&w, true, false, CKG_GENERATE)->p.ccm.ulNonceLen = 11;
	IS(wrap(&w, false, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &cbc, kek, cargo, NULL, 0, out, &len), CKR_MECHANISM_INVALID);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, NULL, kek, cargo, NULL, 0, out, &len), CKR_ARGUMENTS_BAD);
	wrap_of(&w, false, true, CKG_GENERATE);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &w.m, kek, cargo, NULL, 3, out, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &w.m, kek, cargo, NULL, 0, out, NULL), CKR_ARGUMENTS_BAD);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &w.m, 987654, cargo, NULL, 0, out, &len),
	   CKR_WRAPPING_KEY_HANDLE_INVALID);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &w.m, kek, 987654, NULL, 0, out, &len), CKR_KEY_HANDLE_INVALID);
	IS(ck32->C_WrapKeyAuthenticated(mk_session, &w.m, cargo, kek, NULL, 0, out, &len),
	   CKR_KEY_FUNCTION_NOT_PERMITTED);
	mk_destroy(kek);
	mk_destroy(cargo);
}
END_TEST

static CK_OBJECT_HANDLE generated(CK_ULONG length, bool wraps, bool encrypts, bool extractable)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_WRAP, wraps ? &yes : &no, 1 },
			     { CKA_ENCRYPT, encrypts ? &yes : &no, 1 },
			     { CKA_SIGN, encrypts ? &yes : &no, 1 },
			     { CKA_EXTRACTABLE, extractable ? &yes : &no, 1 } };
	CK_OBJECT_HANDLE key = 0;

	OK(ck->C_GenerateKey(mk_session, &m, t, ARRAY_LEN(t), &key));
	return key;
}

/* Two keys under one IV of the caller's: their XOR would be the XOR of what is wrapped. */
START_TEST(strict_wraps_sensitive_keys_with_ivs_of_the_token_alone)
{
	CK_GCM_PARAMS plain = { text, 12, 96, NULL, 0, 128 };
	CK_MECHANISM old = { CKM_AES_GCM, &plain, sizeof(plain) };
	CK_OBJECT_HANDLE kek, cargo;
	uint8_t out[64];
	CK_ULONG len = sizeof(out);
	struct wrap w;

	mk_policy("strict");
	kek = generated(32, true, false, false);
	cargo = generated(16, false, false, true);
	for (unsigned k = 0; k < 4; k++) {
		len = sizeof(out);
		IS(wrap(wrap_of(&w, k & 1, k & 2, CKG_NO_GENERATE), k & 2, kek, cargo, out, &len),
		   CKR_MECHANISM_PARAM_INVALID);
		len = sizeof(out);
		OK(wrap(wrap_of(&w, k & 1, k & 2, CKG_GENERATE), k & 2, kek, cargo, out, &len));
	}
	IS(ck->C_WrapKey(mk_session, &old, kek, cargo, out, &len), CKR_MECHANISM_PARAM_INVALID);
	mk_compatible();
}
END_TEST

/*
 * Under GCM and CCM, what encrypts decrypts: the counter blocks of a wrapped key, encrypted, are its keystream; GMAC
 * with an IV that hashes to such a block shows it, too.
 */
START_TEST(strict_key_that_wrapped_by_a_keystream_encrypts_no_more)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_GCM_PARAMS gmac = { text, 12, 96, NULL, 0, 128 };
	CK_MECHANISM mac = { CKM_AES_GMAC, &gmac, sizeof(gmac) };
	CK_OBJECT_HANDLE kek, cargo;
	uint8_t out[64];
	struct wrap w;

	mk_policy("strict");
	for (unsigned k = 0; k < 4; k++) {
		CK_ULONG len = sizeof(out);

		kek = generated(32, true, true, false);
		cargo = generated(16, false, false, true);
		OK(wrap(wrap_of(&w, k & 1, k & 2, CKG_GENERATE), k & 2, kek, cargo, out, &len));
		IS(mk_init(CKF_ENCRYPT, &ecb, kek), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(mk_init(CKF_SIGN, &mac, kek), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
	mk_compatible();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("authenticated encryption");
	TCase *c = tcase_create("aead");

	tcase_add_unchecked_fixture(c, message_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, ccm_takes_the_long_associated_data_of_the_standard);
	tcase_add_test(c, gcm_parameter_without_iv_bits_is_taken);
	tcase_add_test(c, parameter_out_of_its_range_is_refused);
	tcase_add_test(c, ccm_data_of_another_length_are_refused);
	tcase_add_test(c, chacha_counter_does_not_run_over);
	tcase_add_test(c, keys_of_chacha_and_poly_are_generated);
	tcase_add_test(c, keys_travel_under_gcm_and_ccm);
	tcase_add_test(c, pairs_travel_under_gcm);
	tcase_add_test(c, wrapping_parameters_out_of_their_range_are_refused);
	tcase_add_test(c, strict_wraps_sensitive_keys_with_ivs_of_the_token_alone);
	tcase_add_test(c, strict_key_that_wrapped_by_a_keystream_encrypts_no_more);
	suite_add_tcase(s, c);
	return mk_main(s);
}
