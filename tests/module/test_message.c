/* SPDX-License-Identifier: BSD-2-Clause */
#include "message_kit.h"
#include <string.h>

/* Encryption and decryption by messages (PKCS#11 3.0, 5.9 and 5.11). */

#define OUT_MAX (VECTOR_MAX + 64)
static const char *const files[] = { "gcm.txt", "ccm.txt", "chacha_poly1305.txt" };
static const CK_FLAGS ways[] = { CKF_ENCRYPT, CKF_DECRYPT };
static uint8_t text[64] = "Now is the time for all good men to come to the aid of the army";
static const struct view no_aad = { NULL, 0 };

static CK_OBJECT_HANDLE start(const struct mech_row *row, const struct vector *v, CK_FLAGS use)
{
	CK_OBJECT_HANDLE key = mk_secret_of_row(row, V(v->key), use);
	CK_MECHANISM m = { row->type, NULL, 0 };

	OK(message_init(use, &m, key));
	return key;
}

static CK_OBJECT_HANDLE start_gcm(CK_FLAGS use)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 16), use);
	CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 };

	OK(message_init(use, &m, key));
	return key;
}

static void stop(CK_FLAGS use, CK_OBJECT_HANDLE key)
{
	OK(message_final(use));
	mk_destroy(key);
}

/* What goes in and comes out, and the parameter, one way or the other. */
static void both(const struct vector *v, CK_FLAGS use, struct view *ret_in, struct view *ret_want)
{
	struct view sealed = VIEW(v->out.p, v->out.n - v->tag / 8);

	*ret_in = use == CKF_ENCRYPT ? V(v->data) : sealed;
	*ret_want = use == CKF_ENCRYPT ? sealed : V(v->data);
}

static void check(const struct vector *v, CK_FLAGS use, const struct message_param *p, struct view want,
		  const uint8_t *out, size_t n)
{
	ck_assert_msg(n == want.n && (n == 0 || memcmp(out, want.p, n) == 0), "%s, line %u", v->mech, v->line);
	if (use == CKF_ENCRYPT)
		ck_assert_msg(memcmp(p->tag, v->out.p + v->out.n - p->tag_len, p->tag_len) == 0, "%s, line %u", v->mech,
			      v->line);
}

/* Twice in one process; a length query and a short buffer change nothing. */
static void single_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);

	for (size_t w = 0; w < 2; w++) {
		CK_OBJECT_HANDLE key = start(row, v, ways[w]);
		struct view in, want;

		both(v, ways[w], &in, &want);
		for (size_t again = 0; again < 2; again++) {
			struct message_param p;
			uint8_t out[OUT_MAX];
			CK_ULONG len = 0;

			message_param(row, v, ways[w] == CKF_DECRYPT, &p);
			OK(message_one(ways[w], &p, V(v->aad), in, NULL, &len));
			ck_assert_uint_eq(len, want.n);
			if (want.n > 0) {
				len = want.n - 1;
				IS(message_one(ways[w], &p, V(v->aad), in, out, &len), CKR_BUFFER_TOO_SMALL);
				ck_assert_uint_eq(len, want.n);
			}
			OK(message_one(ways[w], &p, V(v->aad), in, out, &len));
			check(v, ways[w], &p, want, out, len);
			/* in place */
			message_param(row, v, ways[w] == CKF_DECRYPT, &p);
			memcpy(out, in.p, in.n);
			OK(message_one(ways[w], &p, V(v->aad), VIEW(out, in.n), out, &len));
			check(v, ways[w], &p, want, out, len);
		}
		stop(ways[w], key);
	}
}

/* Decrypting, nothing comes out before the end. The parameter may be left out until then. */
static void parts_vector(const struct vector *v)
{
	static const size_t pieces[] = { 1, 3, 7, 16, 17, 64 };
	const struct mech_row *row = mk_row(v->mech);

	for (size_t k = 0; k < 2 * ARRAY_LEN(pieces); k++) {
		CK_FLAGS use = ways[k % 2];
		size_t piece = pieces[k / 2], at = 0, got = 0;
		CK_OBJECT_HANDLE key = start(row, v, use);
		struct message_param p, none = { .len = 0 };
		struct view in, want;
		uint8_t out[OUT_MAX];
		CK_ULONG len;

		both(v, use, &in, &want);
		message_param(row, v, use == CKF_DECRYPT, &p);
		OK(message_first(use, &p, V(v->aad)));
		for (; in.n - at > piece; at += piece) {
			len = sizeof(out) - got;
			OK(message_next(use, at % 2 == 0 ? &p : &none, VIEW(in.p + at, piece), out + got, &len, 0));
			if (use == CKF_DECRYPT)
				ck_assert_uint_eq(len, 0);
			got += len;
		}
		len = 0;
		OK(message_next(use, &p, VIEW(in.p + at, in.n - at), NULL, &len, CKF_END_OF_MESSAGE));
		ck_assert_uint_eq(len, want.n - got);
		if (len > 0) {
			len--;
			IS(message_next(use, &p, VIEW(in.p + at, in.n - at), out + got, &len, CKF_END_OF_MESSAGE),
			   CKR_BUFFER_TOO_SMALL);
		}
		OK(message_next(use, &p, VIEW(in.p + at, in.n - at), out + got, &len, CKF_END_OF_MESSAGE));
		check(v, use, &p, want, out, got + len);
		IS(message_next(use, &p, VIEW(in.p, 0), out, &len, 0), CKR_OPERATION_NOT_INITIALIZED);
		stop(use, key);
	}
}

START_TEST(single_messages_give_the_published_values)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		ck_assert_uint_ge(mk_vectors(files[i], single_vector), 8);
}
END_TEST

START_TEST(messages_in_parts_give_the_published_values)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		ck_assert_uint_ge(mk_vectors(files[i], parts_vector), 8);
}
END_TEST

static void refuse(const struct mech_row *row, const struct vector *v, struct message_param *p, struct view aad,
		   struct view in, CK_RV code)
{
	static const uint8_t clean[OUT_MAX];
	uint8_t out[OUT_MAX] = { 0 };
	CK_ULONG len = sizeof(out);
	size_t half = in.n / 2;

	IS(message_one(CKF_DECRYPT, p, aad, in, out, &len), code);
	ck_assert_mem_eq(out, clean, sizeof(out));
	OK(message_first(CKF_DECRYPT, p, aad));
	OK(message_next(CKF_DECRYPT, p, VIEW(in.p, half), out, &len, 0));
	len = sizeof(out);
	IS(message_next(CKF_DECRYPT, p, VIEW(in.p + half, in.n - half), out, &len, CKF_END_OF_MESSAGE), code);
	ck_assert_mem_eq(out, clean, sizeof(out));
	ck_assert_uint_eq(len, sizeof(out));
}

/* Every byte of ciphertext, tag, associated data and nonce counts; the process goes on behind a refused message. */
static void tampered(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	CK_OBJECT_HANDLE key = start(row, v, CKF_DECRYPT);
	uint8_t bad[OUT_MAX], out[OUT_MAX];
	struct message_param p;
	struct view in, want;
	CK_ULONG len = sizeof(out);

	both(v, CKF_DECRYPT, &in, &want);
	message_param(row, v, true, &p);
	for (size_t i = 0; i < in.n; i++) {
		memcpy(bad, in.p, in.n);
		bad[i] ^= 1;
		refuse(row, v, &p, V(v->aad), VIEW(bad, in.n), CKR_AEAD_DECRYPT_FAILED);
	}
	for (size_t i = 0; i < p.tag_len; i++) {
		p.tag[i] ^= 0x80;
		refuse(row, v, &p, V(v->aad), in, CKR_AEAD_DECRYPT_FAILED);
		p.tag[i] ^= 0x80;
	}
	for (size_t i = 0; i < v->aad.n; i++) {
		memcpy(bad, v->aad.p, v->aad.n);
		bad[i] ^= 1;
		refuse(row, v, &p, VIEW(bad, v->aad.n), in, CKR_AEAD_DECRYPT_FAILED);
	}
	for (size_t i = 0; i < v->iv.n; i++) {
		p.iv[i] ^= 1;
		refuse(row, v, &p, V(v->aad), in, CKR_AEAD_DECRYPT_FAILED);
		p.iv[i] ^= 1;
	}
	OK(message_one(CKF_DECRYPT, &p, V(v->aad), in, out, &len));
	check(v, CKF_DECRYPT, &p, want, out, len);
	stop(CKF_DECRYPT, key);
}

START_TEST(tampered_messages_give_nothing_and_the_process_goes_on)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		mk_vectors(files[i], tampered);
}
END_TEST

START_TEST(counters_begin_at_zero_and_end_before_they_repeat)
{
	for (unsigned xor = 0; xor < 2; xor ++) {
		CK_OBJECT_HANDLE key = start_gcm(CKF_ENCRYPT);
		struct message_param p;
		uint8_t out[64];
		CK_ULONG len;

		for (unsigned i = 0; i < 17; i++) {
			message_gcm(xor? CKG_GENERATE_COUNTER_XOR : CKG_GENERATE_COUNTER, 92, &p);
			len = sizeof(out);
			OK(message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 5), NULL, &len));
			len = 4;
			IS(message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 5), out, &len), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(p.iv[11], 0xab);
			if (i == 16) {
				IS(message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 5), out, &len), CKR_DATA_LEN_RANGE);
				IS(message_first(CKF_ENCRYPT, &p, no_aad), CKR_DATA_LEN_RANGE);
				continue;
			}
			OK(message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 5), out, &len));
			ck_assert_uint_eq(p.iv[0], 0xa0);
			ck_assert_uint_eq(p.iv[10], 0xaa);
			ck_assert_uint_eq(p.iv[11], xor? 0xabu ^ i : 0xa0u | i);
		}
		stop(CKF_ENCRYPT, key);
	}
}
END_TEST

/* The IV that comes back decrypts the message; whoever hands it in again for the next one does not change the counter.
 */
START_TEST(made_ivs_decrypt_and_do_not_repeat)
{
	static const CK_GENERATOR_FUNCTION all[] = { CKG_GENERATE, CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR,
						     CKG_GENERATE_RANDOM };

	for (size_t g = 0; g < ARRAY_LEN(all); g++) {
		CK_OBJECT_HANDLE key = start_gcm(CKF_ENCRYPT), other = start_gcm(CKF_DECRYPT);
		uint8_t seen[40][12], out[64], back[64];
		struct message_param p;

		message_gcm(all[g], 16, &p);
		for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
			CK_ULONG len = sizeof(out), half = sizeof(out), n = sizeof(back);

			if (i % 2 == 0) {
				OK(message_one(CKF_ENCRYPT, &p, VIEW(text, 3), VIEW(text, 20), out, &len));
			} else {
				OK(message_first(CKF_ENCRYPT, &p, VIEW(text, 3)));
				OK(message_next(CKF_ENCRYPT, &p, VIEW(text, 9), out, &half, 0));
				len -= half;
				OK(message_next(CKF_ENCRYPT, &p, VIEW(text + 9, 11), out + half, &len,
						CKF_END_OF_MESSAGE));
			}
			memcpy(seen[i], p.iv, 12);
			ck_assert(p.iv[0] == 0xa0 && p.iv[1] == 0xa1);
			for (size_t k = 0; k < i; k++)
				ck_assert(memcmp(seen[k], seen[i], 12) != 0);
			OK(message_one(CKF_DECRYPT, &p, VIEW(text, 3), VIEW(out, 20), back, &n));
			ck_assert(n == 20 && memcmp(back, text, 20) == 0);
		}
		stop(CKF_ENCRYPT, key);
		stop(CKF_DECRYPT, other);
	}
}
END_TEST

static CK_RV once(CK_GENERATOR_FUNCTION generator, CK_ULONG fixed_bits)
{
	struct message_param p;
	uint8_t out[16];
	CK_ULONG len = sizeof(out);

	message_gcm(generator, fixed_bits, &p);
	return message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 8), out, &len);
}

START_TEST(generators_that_could_repeat_are_refused)
{
	CK_OBJECT_HANDLE key = start_gcm(CKF_ENCRYPT);

	IS(once(5, 0), CKR_MECHANISM_PARAM_INVALID);
	IS(once(~0UL, 0), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE, 96), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE_COUNTER, ~0UL), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE_RANDOM, 33), CKR_MECHANISM_PARAM_INVALID);
	OK(once(CKG_GENERATE_COUNTER, 32));
	IS(once(CKG_NO_GENERATE, 0), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE_COUNTER, 31), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE_COUNTER_XOR, 32), CKR_MECHANISM_PARAM_INVALID);
	IS(once(CKG_GENERATE, 32), CKR_MECHANISM_PARAM_INVALID);
	OK(once(CKG_GENERATE_COUNTER, 32));
	stop(CKF_ENCRYPT, key);
	key = start_gcm(CKF_ENCRYPT);
	OK(once(CKG_NO_GENERATE, 0));
	IS(once(CKG_GENERATE_COUNTER, 0), CKR_MECHANISM_PARAM_INVALID);
	OK(once(CKG_GENERATE, 0)); /* random: the standard's own example does this */
	OK(once(CKG_NO_GENERATE, 0));
	OK(once(CKG_GENERATE, 0));
	stop(CKF_ENCRYPT, key);
}
END_TEST

/* A message in parts, and what may not come between. */
START_TEST(running_message_refuses_others_and_goes_on)
{
	for (size_t w = 0; w < 2; w++) {
		CK_FLAGS use = ways[w];
		CK_OBJECT_HANDLE key = start_gcm(use);
		CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 };
		struct message_param p;
		uint8_t out[64];
		CK_ULONG len = sizeof(out);

		message_gcm(CKG_NO_GENERATE, 0, &p);
		IS(message_next(use, &p, VIEW(text, 4), out, &len, 0), CKR_OPERATION_NOT_INITIALIZED);
		OK(message_first(use, &p, no_aad));
		IS(message_first(use, &p, no_aad), CKR_OPERATION_ACTIVE);
		IS(message_one(use, &p, no_aad, VIEW(text, 4), out, &len), CKR_OPERATION_ACTIVE);
		IS(message_final(use), CKR_OPERATION_ACTIVE);
		IS(message_init(use, &m, key), CKR_OPERATION_ACTIVE);
		OK(message_next(use, &p, VIEW(text, 4), out, &len, 0));
		/* an error ends the message, and nothing but the message */
		IS(message_next(use, &p, VIEW(text, 4), out, NULL, 0), CKR_ARGUMENTS_BAD);
		IS(message_next(use, &p, VIEW(text, 4), out, &len, 0), CKR_OPERATION_NOT_INITIALIZED);
		OK(message_first(use, &p, no_aad));
		IS(message_next(use, &p, VIEW(text, 4), out, &len, 2), CKR_ARGUMENTS_BAD);
		OK(message_first(use, &p, no_aad));
		IS(message_next(use, &p, VIEW(NULL, 4), out, &len, 0), CKR_ARGUMENTS_BAD);
		OK(message_first(use, &p, no_aad));
		IS(message_next(use, &p, VIEW(text, ~0UL), out, &len, 0), CKR_ARGUMENTS_BAD);
		OK(message_first(use, &p, no_aad));
		p.p.gcm.ulTagBits = 96;
		len = sizeof(out);
		IS(message_next(use, &p, VIEW(text, 4), out, &len, CKF_END_OF_MESSAGE), CKR_MECHANISM_PARAM_INVALID);
		OK(message_final(use));
		IS(message_final(use), CKR_OPERATION_NOT_INITIALIZED);
		IS(message_first(use, &p, no_aad), CKR_OPERATION_NOT_INITIALIZED);
		IS(message_one(use, &p, no_aad, VIEW(text, 4), out, &len), CKR_OPERATION_NOT_INITIALIZED);
		mk_destroy(key);
	}
}
END_TEST

START_TEST(process_ends_by_cancel_and_logout)
{
	static const CK_FLAGS flags[] = { CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT };

	for (size_t w = 0; w < 2; w++) {
		CK_FLAGS use = ways[w];
		CK_OBJECT_HANDLE key = start_gcm(use);
		CK_MECHANISM m = { CKM_AES_GCM, NULL, 0 };
		struct message_param p;

		message_gcm(CKG_NO_GENERATE, 0, &p);
		OK(message_first(use, &p, no_aad));
		OK(message_init(use, NULL, 0));
		IS(message_init(use, NULL, 0), CKR_ARGUMENTS_BAD);
		IS(message_first(use, &p, no_aad), CKR_OPERATION_NOT_INITIALIZED);
		OK(message_init(use, &m, key));
		OK(message_first(use, &p, no_aad));
		OK(ck32->C_SessionCancel(mk_session, flags[1 - w]));
		IS(message_first(use, &p, no_aad), CKR_OPERATION_ACTIVE);
		OK(ck32->C_SessionCancel(mk_session, flags[w]));
		IS(message_first(use, &p, no_aad), CKR_OPERATION_NOT_INITIALIZED);
		OK(message_init(use, &m, key));
		OK(message_first(use, &p, no_aad));
		mk_destroy(key); /* the process holds it */
		OK(message_init(use, NULL, 0));
		(void)start_gcm(use);
		OK(ck->C_Logout(mk_session));
		IS(message_first(use, &p, no_aad), CKR_OPERATION_NOT_INITIALIZED);
		OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
	}
}
END_TEST

static void bad_gcm(const CK_GCM_MESSAGE_PARAMS *bad, size_t n)
{
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	IS(ck32->C_EncryptMessage(mk_session, (void *)(uintptr_t)bad, n, NULL, 0, text, 8, out, &len),
	   CKR_MECHANISM_PARAM_INVALID);
	IS(ck32->C_EncryptMessageBegin(mk_session, (void *)(uintptr_t)bad, n, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
}

START_TEST(parameter_of_a_wrong_form_is_refused)
{
	uint8_t iv[16] = { 0 }, tag[16], out[64];
	CK_GCM_MESSAGE_PARAMS good = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	CK_GCM_MESSAGE_PARAMS bad[] = {
		{ NULL, 12, 0, CKG_NO_GENERATE, tag, 128 }, { iv, 0, 0, CKG_NO_GENERATE, tag, 128 },
		{ iv, 129, 0, CKG_NO_GENERATE, tag, 128 },  { iv, ~0UL, 0, CKG_NO_GENERATE, tag, 128 },
		{ iv, 12, 0, CKG_NO_GENERATE, NULL, 128 },  { iv, 12, 0, CKG_NO_GENERATE, tag, 0 },
		{ iv, 12, 0, CKG_NO_GENERATE, tag, 129 },   { iv, 12, 0, CKG_NO_GENERATE, tag, ~0UL }
	};
	CK_MECHANISM m = { CKM_AES_GCM, &good, sizeof(good) };
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 16), CKF_ENCRYPT);
	CK_ULONG len = sizeof(out);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		m.pParameter = &bad[i];
		IS(message_init(CKF_ENCRYPT, &m, key), CKR_MECHANISM_PARAM_INVALID);
	}
	m = (CK_MECHANISM){ CKM_AES_GCM, NULL, sizeof(good) };
	IS(message_init(CKF_ENCRYPT, &m, key), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){ CKM_AES_GCM, &good, sizeof(good) - 1 };
	IS(message_init(CKF_ENCRYPT, &m, key), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){ CKM_AES_GCM, &good, sizeof(good) };
	OK(message_init(CKF_ENCRYPT, &m, key));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad_gcm(&bad[i], sizeof(bad[i]));
	bad_gcm(NULL, 0);
	bad_gcm(NULL, sizeof(good));
	bad_gcm(&good, sizeof(good) - 1);
	bad_gcm(&good, sizeof(good) + 8);
	bad_gcm(&good, ~0UL);
	IS(ck32->C_EncryptMessage(mk_session, &good, sizeof(good), NULL, 1, text, 8, out, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_EncryptMessage(mk_session, &good, sizeof(good), text, ~0UL, text, 8, out, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_EncryptMessage(mk_session, &good, sizeof(good), NULL, 0, NULL, 8, out, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_EncryptMessage(mk_session, &good, sizeof(good), NULL, 0, text, 8, out, NULL), CKR_ARGUMENTS_BAD);
	IS(ck32->C_EncryptMessageBegin(mk_session, &good, sizeof(good), NULL, 1), CKR_ARGUMENTS_BAD);
	OK(ck32->C_EncryptMessage(mk_session, &good, sizeof(good), NULL, 0, text, 8, out, &len));
	stop(CKF_ENCRYPT, key);
}
END_TEST

/* CCM knows how long the message is. */
START_TEST(ccm_messages_of_another_length_are_refused)
{
	struct vector v = { .tag = 128 };
	const struct mech_row *row = mk_row("CKM_AES_CCM");
	uint8_t out[64];

	memcpy(v.key.p, text, v.key.n = 16);
	v.iv.n = 12;
	v.data.n = 20;
	for (size_t w = 0; w < 2; w++) {
		CK_OBJECT_HANDLE key = start(row, &v, ways[w]);
		CK_RV fault = w == 0 ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
		struct message_param p;
		CK_ULONG len = sizeof(out);

		message_param(row, &v, false, &p);
		IS(message_one(ways[w], &p, no_aad, VIEW(text, 19), out, &len), fault);
		IS(message_one(ways[w], &p, no_aad, VIEW(text, 21), out, &len), fault);
		OK(message_first(ways[w], &p, no_aad));
		OK(message_next(ways[w], &p, VIEW(text, 15), out, &len, 0));
		IS(message_next(ways[w], &p, VIEW(text, 6), out, &len, 0), fault);
		OK(message_first(ways[w], &p, no_aad));
		len = sizeof(out);
		IS(message_next(ways[w], &p, VIEW(text, 19), out, &len, CKF_END_OF_MESSAGE), fault);
		for (size_t n = 0; n < 18; n++) {
			message_param(row, &v, false, &p);
			p.p.ccm.ulMACLen = n;
			if (n < 4 || n > 16 || n % 2 != 0)
				IS(message_first(ways[w], &p, no_aad), CKR_MECHANISM_PARAM_INVALID);
			message_param(row, &v, false, &p);
			p.p.ccm.ulNonceLen = n;
			if (n < 7 || n > 13)
				IS(message_first(ways[w], &p, no_aad), CKR_MECHANISM_PARAM_INVALID);
		}
		message_param(row, &v, false, &p);
		p.p.ccm.ulNonceLen = 13;
		p.p.ccm.ulDataLen = 65536;
		IS(message_first(ways[w], &p, no_aad), CKR_MECHANISM_PARAM_INVALID);
		stop(ways[w], key);
	}
}
END_TEST

START_TEST(keys_and_mechanisms_pass_the_gate)
{
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 }, ctr = { CKM_AES_CTR, NULL, 0 }, none = { CKM_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE neither = mk_secret(CKK_AES, VIEW(text, 16), CKF_SIGN);
	CK_OBJECT_HANDLE des = mk_secret(CKK_DES3, VIEW(text, 24), CKF_ENCRYPT | CKF_DECRYPT);

	for (size_t w = 0; w < 2; w++) {
		CK_OBJECT_HANDLE other = mk_secret(CKK_AES, VIEW(text, 16), ways[1 - w]);

		IS(message_init(ways[w], &gcm, neither), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(message_init(ways[w], &gcm, other), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(message_init(ways[w], &gcm, des), CKR_KEY_TYPE_INCONSISTENT);
		IS(message_init(ways[w], &gcm, 987654), CKR_KEY_HANDLE_INVALID);
		IS(message_init(ways[w], &ctr, other), CKR_MECHANISM_INVALID);
		IS(message_init(ways[w], &none, other), CKR_MECHANISM_INVALID);
		IS(message_final(ways[w]), CKR_OPERATION_NOT_INITIALIZED);
		mk_destroy(other);
	}
	mk_destroy(neither);
	mk_destroy(des);
}
END_TEST

/* The flags of the table are true: with the flag a process begins, without it none does. */
START_TEST(message_flags_say_what_works)
{
	static const CK_FLAGS flags[] = { CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT, CKF_MESSAGE_SIGN,
					  CKF_MESSAGE_VERIFY };

	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		bool any = (row->flags & (flags[0] | flags[1] | flags[2] | flags[3])) != 0;

		ck_assert_msg(any || !(row->flags & CKF_MULTI_MESSAGE), "%s", row->name);
		ck_assert_msg(!(row->flags & (flags[0] | flags[1])) == (row->ops->message == NULL), "%s", row->name);
		ck_assert_msg(!(row->flags & CKF_MESSAGE_SIGN) || (row->flags & CKF_SIGN), "%s", row->name);
		ck_assert_msg(!(row->flags & CKF_MESSAGE_VERIFY) || (row->flags & CKF_VERIFY), "%s", row->name);
		ck_assert_msg(!(row->traits & MECH_NO_UPDATE) || !(row->flags & CKF_MULTI_MESSAGE), "%s", row->name);
	}
}
END_TEST

/* unwrap_with: the key gives up encrypting, by its value, whatever becomes of the unwrapping. */
static void unwrap_with(CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	uint8_t wrapped[24] = { 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_OBJECT_HANDLE h = 0;

	IS(ck->C_UnwrapKey(mk_session, &m, key, wrapped, sizeof(wrapped), t, 2, &h), CKR_WRAPPED_KEY_INVALID);
}

/* What the policy takes away meanwhile ends the message, and the process can be ended. */
START_TEST(process_whose_use_is_given_up_meanwhile_ends)
{
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 };

	mk_policy("strict");
	for (size_t parts = 0; parts < 3; parts++) {
		struct view value = VIEW(text + 1 + parts, 16);
		CK_OBJECT_HANDLE key = mk_secret(CKK_AES, value, CKF_ENCRYPT);
		CK_OBJECT_HANDLE same = mk_secret(CKK_AES, value, CKF_UNWRAP);
		struct message_param p;
		uint8_t out[32];
		CK_ULONG n = sizeof(out);

		message_gcm(CKG_NO_GENERATE, 0, &p);
		OK(message_init(CKF_ENCRYPT, &gcm, key));
		if (parts == 1)
			OK(message_first(CKF_ENCRYPT, &p, no_aad));
		unwrap_with(same);
		if (parts == 0)
			IS(message_one(CKF_ENCRYPT, &p, no_aad, VIEW(text, 16), out, &n),
			   CKR_KEY_FUNCTION_NOT_PERMITTED);
		else if (parts == 1)
			IS(message_next(CKF_ENCRYPT, &p, VIEW(text, 16), out, &n, CKF_END_OF_MESSAGE),
			   CKR_KEY_FUNCTION_NOT_PERMITTED);
		OK(message_final(CKF_ENCRYPT));
		IS(message_final(CKF_ENCRYPT), CKR_OPERATION_NOT_INITIALIZED);
		IS(message_init(CKF_ENCRYPT, &gcm, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
		mk_destroy(same);
		mk_destroy(key);
	}
	mk_compatible();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("messages");
	TCase *c = tcase_create("messages");

	tcase_add_unchecked_fixture(c, message_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, single_messages_give_the_published_values);
	tcase_add_test(c, messages_in_parts_give_the_published_values);
	tcase_add_test(c, tampered_messages_give_nothing_and_the_process_goes_on);
	tcase_add_test(c, counters_begin_at_zero_and_end_before_they_repeat);
	tcase_add_test(c, made_ivs_decrypt_and_do_not_repeat);
	tcase_add_test(c, generators_that_could_repeat_are_refused);
	tcase_add_test(c, running_message_refuses_others_and_goes_on);
	tcase_add_test(c, parameter_of_a_wrong_form_is_refused);
	tcase_add_test(c, ccm_messages_of_another_length_are_refused);
	tcase_add_test(c, keys_and_mechanisms_pass_the_gate);
	tcase_add_test(c, message_flags_say_what_works);
	tcase_add_test(c, process_ends_by_cancel_and_logout);
	tcase_add_test(c, process_whose_use_is_given_up_meanwhile_ends);
	suite_add_tcase(s, c);
	return mk_main(s);
}
