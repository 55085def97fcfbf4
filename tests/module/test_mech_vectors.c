/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <stdlib.h>
#include <string.h>

/* R6.5: every vector file, single-part and in pieces of several sizes, with length queries and short buffers. */

static const size_t pieces[] = { 1, 3, 7, 8, 9, 16, 17, 64 };
#define OUT_MAX (VECTOR_MAX + 64)

static void expect(const struct vector *v, struct view want, const uint8_t *out, CK_ULONG len)
{
	ck_assert_msg(len == want.n && (want.n == 0 || memcmp(out, want.p, want.n) == 0), "%s, line %u", v->mech,
		      v->line);
}

/* single: NULL and short output keep the operation, then the right answer comes and the operation is over. */
static void single(const struct vector *v, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view in,
		   struct view want)
{
	uint8_t out[OUT_MAX];
	CK_ULONG len = 0;

	OK(mk_init(use, m, key));
	OK(mk_single(use, in, NULL, &len));
	ck_assert_uint_ge(len, want.n);
	OK(mk_single(use, in, NULL, &len));
	if (want.n > 0) {
		len = want.n - 1;
		memset(out, 0xa5, sizeof(out));
		IS(mk_single(use, in, out, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_ge(len, want.n);
		ck_assert_uint_eq(out[want.n], 0xa5);
	}
	len = want.n;
	OK(mk_single(use, in, out, &len));
	expect(v, want, out, len);
	len = sizeof(out);
	IS(mk_single(use, in, out, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void in_pieces(const struct vector *v, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view in,
		      struct view want)
{
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		uint8_t out[OUT_MAX];
		size_t got = 0;
		CK_ULONG len = 0;

		OK(mk_init(use, m, key));
		for (size_t at = 0; at < in.n; at += pieces[i]) {
			size_t n = in.n - at < pieces[i] ? in.n - at : pieces[i];

			len = sizeof(out) - got;
			OK(mk_update(use, VIEW(in.p + at, n), out + got, &len));
			got += len;
		}
		len = 0;
		OK(mk_final(use, NULL, &len));
		if (want.n > got) {
			len = want.n - got - 1;
			IS(mk_final(use, out + got, &len), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(len, want.n - got);
		}
		len = want.n - got;
		OK(mk_final(use, out + got, &len));
		expect(v, want, out, got + len);
		len = sizeof(out);
		IS(mk_final(use, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
}

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view tag)
{
	OK(ck->C_VerifyInit(mk_session, m, key));
	return ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, (CK_BYTE_PTR)(uintptr_t)tag.p, tag.n);
}

static void digest_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);

	single(v, CKF_DIGEST, &m, 0, V(v->data), V(v->out));
	in_pieces(v, CKF_DIGEST, &m, 0, V(v->data), V(v->out));
}

static void mac_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);
	CK_FLAGS uses = CKF_SIGN | CKF_VERIFY;
	CK_OBJECT_HANDLE key = v->aes ? mk_secret(CKK_AES, V(v->key), uses) : mk_secret_of_row(row, V(v->key), uses);
	uint8_t bad[VECTOR_MAX];

	single(v, CKF_SIGN, &m, key, V(v->data), V(v->out));
	in_pieces(v, CKF_SIGN, &m, key, V(v->data), V(v->out));
	OK(verify(&m, key, V(v->data), V(v->out)));
	for (size_t i = 0; i < v->out.n; i++) {
		memcpy(bad, v->out.p, v->out.n);
		bad[i] ^= 0x80;
		IS(verify(&m, key, V(v->data), VIEW(bad, v->out.n)), CKR_SIGNATURE_INVALID);
	}
	IS(verify(&m, key, V(v->data), VIEW(v->out.p, v->out.n - 1)), CKR_SIGNATURE_LEN_RANGE);
	IS(verify(&m, key, V(v->data), VIEW(v->out.p, v->out.n + 1)), CKR_SIGNATURE_LEN_RANGE);
	OK(ck->C_VerifyInit(mk_session, &m, key));
	for (size_t i = 0; i < v->data.n; i++)
		OK(ck->C_VerifyUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)v->data.p + i, 1));
	OK(ck->C_VerifyFinal(mk_session, (CK_BYTE_PTR)(uintptr_t)v->out.p, v->out.n));
	mk_destroy(key);
}

static void cipher_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);
	CK_OBJECT_HANDLE key = mk_secret_of_row(row, V(v->key), CKF_ENCRYPT | CKF_DECRYPT);

	single(v, CKF_ENCRYPT, &m, key, V(v->data), V(v->out));
	single(v, CKF_DECRYPT, &m, key, V(v->out), V(v->data));
	in_pieces(v, CKF_ENCRYPT, &m, key, V(v->data), V(v->out));
	in_pieces(v, CKF_DECRYPT, &m, key, V(v->out), V(v->data));
	mk_destroy(key);
}

/* in_place: the output on the input, and one byte beside it, both ways. */
static void in_place_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);
	CK_OBJECT_HANDLE key = mk_secret_of_row(row, V(v->key), CKF_ENCRYPT | CKF_DECRYPT);
	uint8_t room[OUT_MAX];
	CK_ULONG len;

	for (size_t shift = 0; shift < 2; shift++) {
		memcpy(room + shift, v->data.p, v->data.n);
		len = sizeof(room) - 1;
		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(room + shift, v->data.n), room, &len));
		expect(v, V(v->out), room, len);
		memmove(room + shift, room, len);
		len = sizeof(room) - 1;
		OK(mk_init(CKF_DECRYPT, &m, key));
		OK(mk_single(CKF_DECRYPT, VIEW(room + shift, v->out.n), room, &len));
		expect(v, V(v->data), room, len);
	}
	/* updates of 5 bytes, output where the input stood */
	memcpy(room, v->data.p, v->data.n);
	OK(mk_init(CKF_ENCRYPT, &m, key));
	for (size_t at = 0, got = 0; at <= v->data.n; at += 5) {
		size_t n = v->data.n - at < 5 ? v->data.n - at : 5;
		uint8_t five[64];

		memcpy(five, v->data.p + at, n);
		len = sizeof(five);
		OK(mk_update(CKF_ENCRYPT, VIEW(five, n), five, &len));
		ck_assert(memcmp(five, v->out.p + got, len) == 0);
		got += len;
	}
	mk_cancel(CKF_ENCRYPT);
	mk_destroy(key);
}

/* tampered: every byte of an authenticated message counts, and no plaintext comes out. */
static void tampered(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);
	CK_OBJECT_HANDLE key = mk_secret_of_row(row, V(v->key), CKF_ENCRYPT | CKF_DECRYPT);
	uint8_t bad[OUT_MAX], out[OUT_MAX];
	CK_ULONG len;

	for (size_t i = 0; i < v->out.n; i++) {
		memcpy(bad, v->out.p, v->out.n);
		bad[i] ^= 1;
		memset(out, 0, sizeof(out));
		len = sizeof(out);
		OK(mk_init(CKF_DECRYPT, &m, key));
		IS(mk_single(CKF_DECRYPT, VIEW(bad, v->out.n), out, &len), CKR_ENCRYPTED_DATA_INVALID);
		for (size_t k = 0; k < sizeof(out); k++)
			ck_assert_uint_eq(out[k], 0);
		IS(mk_single(CKF_DECRYPT, V(v->out), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
	OK(mk_init(CKF_DECRYPT, &m, key));
	len = sizeof(out);
	IS(mk_single(CKF_DECRYPT, VIEW(v->out.p, v->tag / 8 - 1), out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	mk_destroy(key);
}

static void key_wrap_vector(const struct vector *v)
{
	const struct mech_row *row = mk_row(v->mech);
	union mk_param p;
	CK_MECHANISM m = mk_vector_mechanism(row, v, &p);
	CK_OBJECT_HANDLE kek = mk_secret_of_row(row, V(v->key), CKF_WRAP | CKF_UNWRAP), key, back = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	uint8_t out[OUT_MAX], bad[OUT_MAX];
	CK_ULONG len = 0;

	key = mk_secret(CKK_GENERIC_SECRET, V(v->data), 0);
	OK(ck->C_WrapKey(mk_session, &m, kek, key, NULL, &len));
	ck_assert_uint_eq(len, v->out.n);
	len--;
	IS(ck->C_WrapKey(mk_session, &m, kek, key, out, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, v->out.n);
	OK(ck->C_WrapKey(mk_session, &m, kek, key, out, &len));
	expect(v, V(v->out), out, len);
	OK(ck->C_UnwrapKey(mk_session, &m, kek, out, len, t, ARRAY_LEN(t), &back));
	ck_assert(view_equal(mk_value(back, bad, sizeof(bad)), V(v->data)));
	for (size_t i = 0; i < v->out.n; i++) {
		CK_OBJECT_HANDLE none = 4711;

		memcpy(bad, v->out.p, v->out.n);
		bad[i] ^= 1;
		IS(ck->C_UnwrapKey(mk_session, &m, kek, bad, v->out.n, t, ARRAY_LEN(t), &none),
		   CKR_WRAPPED_KEY_INVALID);
		ck_assert_uint_eq(none, 4711);
	}
	mk_destroy(back);
	mk_destroy(key);
	mk_destroy(kek);
}

/* Long messages: pieces of every size give what a single part gives, and decryption gives the message back. */
#define LONG 5008

static size_t feed(CK_FLAGS use, struct view in, unsigned seed, uint8_t *out, size_t room)
{
	size_t got = 0;
	CK_ULONG len = room;

	for (size_t at = 0, n; at < in.n; at += n) {
		n = (size_t)rand_r(&seed) % (seed % 3 == 0 ? 2100 : 40);
		n = n < in.n - at ? n : in.n - at;
		len = room - got;
		OK(mk_update(use, VIEW(in.p + at, n), out + got, &len));
		got += len;
	}
	len = room - got;
	OK(mk_final(use, out + got, &len));
	return got + len;
}

START_TEST(long_messages_in_any_pieces)
{
	static uint8_t text[LONG], whole[LONG + 64], parts[LONG + 64];

	for (size_t i = 0; i < LONG; i++)
		text[i] = (uint8_t)(i * i / 7 + i);
	mk_ccm_len = LONG;
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		CK_FLAGS use = row->flags & (CKF_DIGEST | CKF_SIGN | CKF_ENCRYPT);
		union mk_param p;
		CK_MECHANISM m = mk_good(row, &p);
		CK_OBJECT_HANDLE key = 0;
		CK_ULONG len = sizeof(whole);

		if (use == 0 || row->vectors == NULL || (row->traits & MECH_NO_UPDATE) || mk_is_pair(row))
			continue;
		if (row->type == CKM_SR_KEY_FINGERPRINT) /* of a key: takes no data */
			continue;
		if (use != CKF_DIGEST)
			key = mk_key_for(row, use | CKF_DECRYPT);
		OK(mk_init(use, &m, key));
		OK(mk_single(use, VIEW(text, LONG), whole, &len));
		for (unsigned seed = 1; seed < 9; seed++) {
			OK(mk_init(use, &m, key));
			ck_assert_uint_eq(feed(use, VIEW(text, LONG), seed, parts, sizeof(parts)), len);
			ck_assert_msg(memcmp(parts, whole, len) == 0, "%s", row->name);
			if (use != CKF_ENCRYPT)
				continue;
			OK(mk_init(CKF_DECRYPT, &m, key));
			ck_assert_uint_eq(feed(CKF_DECRYPT, VIEW(whole, len), seed, parts, sizeof(parts)), LONG);
			ck_assert_msg(memcmp(parts, text, LONG) == 0, "%s", row->name);
		}
		if (key != 0)
			mk_destroy(key);
	}
	mk_ccm_len = MK_CCM_LEN;
}
END_TEST

/* ISO/IEC 9797-1 algorithm 1 is the last block of CBC with zeroes at the end: two families check each other. */
START_TEST(cbc_mac_is_the_last_block_of_cbc) /* R5.4 */
{
	static const uint8_t key_bytes[8] = { 0x13, 0x57, 0x9b, 0xdf, 0x02, 0x46, 0x8a, 0xce };
	static uint8_t text[LONG], sealed[LONG];
	CK_OBJECT_HANDLE key = mk_secret(CKK_DES, VIEW(key_bytes, 8), CKF_SIGN | CKF_ENCRYPT);
	uint8_t iv[8] = { 0 }, tag[8];
	CK_ULONG eight = 8;
	CK_MECHANISM mac = { CKM_SR_X9_9_MAC_GENERAL, &eight, sizeof(eight) }, cbc = { CKM_DES_CBC, iv, 8 };

	for (size_t n = 1; n < 3000; n += 61) {
		size_t padded = (n + 7) / 8 * 8;
		CK_ULONG len = 8;

		memset(text, 0, sizeof(text));
		memset(text, (int)n, n);
		OK(mk_init(CKF_SIGN, &mac, key));
		OK(mk_single(CKF_SIGN, VIEW(text, n), tag, &len));
		len = sizeof(sealed);
		OK(mk_init(CKF_ENCRYPT, &cbc, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, padded), sealed, &len));
		ck_assert(memcmp(tag, sealed + padded - 8, 8) == 0);
	}
	mk_destroy(key);
}
END_TEST

/* More than a secret may hold, and more than one of OpenSSL's chunks of GCM: 3 MiB. */
START_TEST(megabytes_pass)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_AES_CBC_PAD, CKM_AES_GCM, CKM_AES_CTR, CKM_CHACHA20,
						   CKM_CHACHA20_POLY1305 };
	size_t n = (size_t)3 << 20;
	uint8_t *text = malloc(n), *sealed = malloc(n + 64);

	ck_assert(text != NULL && sealed != NULL);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct mech_row *row = mech_find(types[i]);
		CK_OBJECT_HANDLE key = mk_key_for(row, CKF_ENCRYPT | CKF_DECRYPT);
		union mk_param p;
		CK_MECHANISM m = mk_good(row, &p);
		CK_ULONG len = n + 64, back = n;

		memset(text, 0x5c, n);
		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, n), sealed, &len));
		memset(text, 0, n);
		OK(mk_init(CKF_DECRYPT, &m, key));
		OK(mk_single(CKF_DECRYPT, VIEW(sealed, len), text, &back));
		ck_assert_uint_eq(back, n);
		ck_assert(text[0] == 0x5c && memcmp(text, text + 1, n - 1) == 0);
		mk_destroy(key);
	}
	free(text);
	free(sealed);
}
END_TEST

START_TEST(digests_give_the_published_values) /* R6.5 */
{
	ck_assert_uint_eq(mk_vectors("sha.txt", digest_vector), 21);
	ck_assert_uint_eq(mk_vectors("sha3.txt", digest_vector), 12);
	ck_assert_uint_eq(mk_vectors("md5.txt", digest_vector), 7);
	ck_assert_uint_ge(mk_vectors("sha512t.txt", digest_vector), 8);
	if (mech_find(CKM_SR_SM3) != NULL)
		ck_assert_uint_eq(mk_vectors("sm3.txt", digest_vector), 2);
}
END_TEST

START_TEST(macs_give_the_published_values) /* R6.5 */
{
	ck_assert_uint_ge(mk_vectors("hmac.txt", mac_vector), 30);
	ck_assert_uint_ge(mk_vectors("cmac.txt", mac_vector), 20);
	ck_assert_uint_ge(mk_vectors("cbc_mac.txt", mac_vector), 13);
	ck_assert_uint_ge(mk_vectors("hmac_sha3.txt", mac_vector), 16);
	ck_assert_uint_eq(mk_vectors("xcbc.txt", mac_vector), 12);
	ck_assert_uint_ge(mk_vectors("sha512t_hmac.txt", mac_vector), 6);
	ck_assert_uint_ge(mk_vectors("gmac.txt", mac_vector), 15);
	ck_assert_uint_ge(mk_vectors("poly1305.txt", mac_vector), 12);
	if (mech_find(CKM_SR_SM3_HMAC) != NULL)
		ck_assert_uint_ge(mk_vectors("sm3_hmac.txt", mac_vector), 5);
	if (mech_find(CKM_SR_SM4_CMAC) != NULL)
		ck_assert_uint_ge(mk_vectors("sm4_cmac.txt", mac_vector), 2);
}
END_TEST

START_TEST(terminal_macs_give_the_published_values) /* R5.4 */
{
	ck_assert_uint_ge(mk_vectors("x9_mac.txt", mac_vector), 16);
	ck_assert_uint_ge(mk_vectors("iso9797.txt", mac_vector), 33);
}
END_TEST

START_TEST(ciphers_give_the_published_values) /* R6.5 */
{
	ck_assert_uint_ge(mk_vectors("cipher.txt", cipher_vector), 30);
	ck_assert_uint_ge(mk_vectors("gcm.txt", cipher_vector), 8);
	ck_assert_uint_ge(mk_vectors("ccm.txt", cipher_vector), 17);
	ck_assert_uint_ge(mk_vectors("chacha.txt", cipher_vector), 8);
	ck_assert_uint_ge(mk_vectors("chacha_poly1305.txt", cipher_vector), 17);
	ck_assert_uint_ge(mk_vectors("cipher_stream.txt", cipher_vector), 18);
	ck_assert_uint_ge(mk_vectors("cipher_whole.txt", cipher_vector), 19);
	if (mech_find(CKM_SR_SM4_GCM) != NULL)
		ck_assert_uint_eq(mk_vectors("sm4_gcm.txt", cipher_vector), 1);
	if (mech_find(CKM_SR_SM4_ECB) != NULL)
		ck_assert_uint_ge(mk_vectors("sm4.txt", cipher_vector), 6);
}
END_TEST

START_TEST(output_may_stand_on_the_input)
{
	mk_vectors("cipher.txt", in_place_vector);
	mk_vectors("cipher_stream.txt", in_place_vector);
	mk_vectors("cipher_whole.txt", in_place_vector);
	mk_vectors("gcm.txt", in_place_vector);
	mk_vectors("ccm.txt", in_place_vector);
	mk_vectors("chacha.txt", in_place_vector);
	mk_vectors("chacha_poly1305.txt", in_place_vector);
}
END_TEST

START_TEST(tampered_messages_give_nothing)
{
	mk_vectors("gcm.txt", tampered);
	mk_vectors("ccm.txt", tampered);
	mk_vectors("chacha_poly1305.txt", tampered);
}
END_TEST

START_TEST(key_wraps_give_the_published_values) /* R6.5 */
{
	ck_assert_uint_ge(mk_vectors("key_wrap.txt", key_wrap_vector), 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mechanism vectors");
	TCase *c = tcase_create("vectors");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, digests_give_the_published_values);
	tcase_add_test(c, macs_give_the_published_values);
	tcase_add_test(c, terminal_macs_give_the_published_values);
	tcase_add_test(c, ciphers_give_the_published_values);
	tcase_add_test(c, output_may_stand_on_the_input);
	tcase_add_test(c, tampered_messages_give_nothing);
	tcase_add_test(c, key_wraps_give_the_published_values);
	tcase_add_test(c, long_messages_in_any_pieces);
	tcase_add_test(c, cbc_mac_is_the_last_block_of_cbc);
	tcase_add_test(c, megabytes_pass);
	suite_add_tcase(s, c);
	return mk_main(s);
}
