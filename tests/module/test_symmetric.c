/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "crypto.h"
#include "temp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the tables cannot tell of block and stream modes, whole-message modes, key wrap of data, HMAC keys. */

static uint8_t bytes[600];
static uint8_t iv[16] = { 0x0f, 0x1e, 0x2d, 0x3c };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* hold_max is 8192 here, so that its end can be seen. */
#define HOLD 8192

static void begin(void)
{
	static char dir[128], path[160];
	FILE *f;

	temp_dir(dir);
	snprintf(path, sizeof(path), "%s/strongroom.conf", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "hold_max = %d\n", HOLD);
	fclose(f);
	setenv("STRONGROOM_CONF", path, 1);
	mk_begin();
	unsetenv("STRONGROOM_CONF");
	temp_remove(dir);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + i / 9 + 1);
}

static const struct {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key;
	size_t key_len;
} whole[] = { { CKM_AES_CTS, CKK_AES, 16 },
	      { CKM_AES_CTS, CKK_AES, 32 },
	      { CKM_AES_XTS, CKK_AES_XTS, 32 },
	      { CKM_AES_XTS, CKK_AES_XTS, 64 } };

/* Every length from 0 to 70, in one part and in parts of every size: less than a block is refused at the end. */
START_TEST(whole_message_modes_take_any_length_from_a_block_on)
{
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		CK_OBJECT_HANDLE key =
		    mk_secret(whole[i].key, VIEW(bytes, whole[i].key_len), CKF_ENCRYPT | CKF_DECRYPT);
		CK_MECHANISM m = { whole[i].type, iv, sizeof(iv) };

		for (size_t n = 0; n <= 70; n++) {
			uint8_t one[80], parts[80], back[80];
			CK_ULONG len = sizeof(one), got = 0;

			OK(mk_init(CKF_ENCRYPT, &m, key));
			IS(mk_single(CKF_ENCRYPT, VIEW(bytes + 100, n), one, &len),
			   n < 16 ? CKR_DATA_LEN_RANGE : CKR_OK);
			for (size_t piece = 1; piece < 40; piece += 7) {
				OK(mk_init(CKF_ENCRYPT, &m, key));
				for (size_t at = 0; at < n; at += piece) {
					len = sizeof(parts);
					OK(mk_update(CKF_ENCRYPT,
						     VIEW(bytes + 100 + at, n - at < piece ? n - at : piece), parts,
						     &len));
					ck_assert_uint_eq(len, 0);
				}
				got = sizeof(parts);
				IS(mk_final(CKF_ENCRYPT, parts, &got), n < 16 ? CKR_DATA_LEN_RANGE : CKR_OK);
				if (n >= 16)
					ck_assert(got == n && memcmp(one, parts, n) == 0);
			}
			OK(mk_init(CKF_DECRYPT, &m, key));
			len = sizeof(back);
			IS(mk_single(CKF_DECRYPT, VIEW(one, n), back, &len),
			   n < 16 ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK);
			if (n >= 16)
				ck_assert(len == n && memcmp(back, bytes + 100, n) == 0);
		}
		mk_destroy(key);
	}
}
END_TEST

/* What is kept has a limit, and the operation ends there; a single part has none. */
START_TEST(message_too_long_to_keep_ends_the_operation)
{
	static uint8_t text[HOLD + 16], out[HOLD + 16];

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		CK_OBJECT_HANDLE key = mk_secret(whole[i].key, VIEW(bytes, whole[i].key_len), CKF_ENCRYPT);
		CK_MECHANISM m = { whole[i].type, iv, sizeof(iv) };
		CK_ULONG len = sizeof(out);

		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_update(CKF_ENCRYPT, VIEW(text, HOLD), out, &len));
		IS(mk_update(CKF_ENCRYPT, VIEW(text, 1), out, &len), CKR_DATA_LEN_RANGE);
		IS(mk_final(CKF_ENCRYPT, out, &len), CKR_OPERATION_NOT_INITIALIZED);
		OK(mk_init(CKF_ENCRYPT, &m, key));
		len = sizeof(out);
		OK(mk_single(CKF_ENCRYPT, VIEW(text, sizeof(text)), out, &len));
		ck_assert_uint_eq(len, sizeof(text));
		mk_destroy(key);
	}
}
END_TEST

START_TEST(xts_data_unit_has_a_million_blocks_at_most)
{
	size_t n = ((size_t)16 << 20) + 16;
	uint8_t *text = calloc(1, n);
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES_XTS, VIEW(bytes, 32), CKF_ENCRYPT);
	CK_MECHANISM m = { CKM_AES_XTS, iv, sizeof(iv) };
	CK_ULONG len = n;

	ck_assert_ptr_nonnull(text);
	OK(mk_init(CKF_ENCRYPT, &m, key));
	IS(mk_single(CKF_ENCRYPT, VIEW(text, n), text, &len), CKR_DATA_LEN_RANGE);
	OK(mk_init(CKF_ENCRYPT, &m, key));
	len = n;
	OK(mk_single(CKF_ENCRYPT, VIEW(text, n - 16), text, &len));
	ck_assert_uint_eq(len, n - 16);
	free(text);
	mk_destroy(key);
}
END_TEST

static CK_RV create(CK_KEY_TYPE type, struct view value, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, (uint8_t *)(uintptr_t)value.p, value.n } };

	return ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), ret);
}

START_TEST(xts_key_has_32_or_64_bytes_and_differing_halves)
{
	CK_OBJECT_HANDLE key = 0;
	uint8_t twice[64];

	for (size_t n = 1; n <= 80; n++) {
		CK_RV rv = create(CKK_AES_XTS, VIEW(bytes, n), &key);

		ck_assert_msg((rv == CKR_OK) == (n == 32 || n == 64), "%zu: 0x%lx", n, rv);
	}
	memcpy(twice, bytes, 16);
	memcpy(twice + 16, bytes, 16);
	ck_assert(create(CKK_AES_XTS, VIEW(twice, 32), &key) != CKR_OK);
	memcpy(twice + 16, bytes + 16, 16);
	memcpy(twice + 32, twice, 32);
	ck_assert(create(CKK_AES_XTS, VIEW(twice, 64), &key) != CKR_OK);
	ck_assert(create(CKK_SR_SM4, VIEW(bytes, 15), &key) != CKR_OK);
	ck_assert(create(CKK_SR_SM4, VIEW(bytes, 24), &key) != CKR_OK);
}
END_TEST

/* Two keys under one IV would tell each other. */
START_TEST(stream_modes_wrap_no_keys)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_AES_CTR,    CKM_AES_OFB,   CKM_AES_CFB1, CKM_AES_CFB8,
						   CKM_AES_CFB128, CKM_DES_OFB64, CKM_DES_CFB8, CKM_DES_CFB64 };
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 16), CKF_WRAP),
			 cargo = mk_secret(CKK_AES, VIEW(bytes, 16), 0);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CK_MECHANISM m = { types[i], iv, sizeof(iv) };
		CK_ULONG len = 0;

		ck_assert_uint_eq(mk_row(mech_find(types[i])->name)->flags, CKF_ENCRYPT | CKF_DECRYPT);
		IS(ck->C_WrapKey(mk_session, &m, kek, cargo, NULL, &len), CKR_MECHANISM_INVALID);
	}
	mk_destroy(kek);
	mk_destroy(cargo);
}
END_TEST

START_TEST(key_too_short_for_a_block_is_not_wrapped_by_whole_modes)
{
	CK_OBJECT_HANDLE kek = mk_secret(CKK_AES, VIEW(bytes, 16), CKF_WRAP | CKF_UNWRAP), back = 4711;
	CK_OBJECT_HANDLE des = mk_secret(CKK_DES, VIEW(bytes, 8), 0), public, private;
	CK_MECHANISM m = { CKM_AES_CTS, iv, sizeof(iv) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	uint8_t wrapped[64] = { 0 };
	CK_ULONG len = sizeof(wrapped);

	mk_pair(&public, &private);
	IS(ck->C_WrapKey(mk_session, &m, kek, des, wrapped, &len), CKR_KEY_SIZE_RANGE);
	IS(ck->C_WrapKey(mk_session, &m, kek, private, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 15, t, 2, &back), CKR_WRAPPED_KEY_LEN_RANGE);
	class = CKO_PRIVATE_KEY;
	type = CKK_RSA;
	IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 48, t, 2, &back), CKR_TEMPLATE_INCONSISTENT);
	ck_assert_uint_eq(back, 4711);
	mk_destroy(kek);
	mk_destroy(des);
}
END_TEST

/* Key wrap of data: lengths, one part only, nothing out before the integrity is proved. */
static const struct wrap {
	CK_MECHANISM_TYPE type;
	size_t least, step, iv;
} wraps[] = { { CKM_AES_KEY_WRAP, 16, 8, 8 },
	      { CKM_AES_KEY_WRAP_PAD, 1, 1, 0 },
	      { CKM_AES_KEY_WRAP_KWP, 1, 1, 4 },
	      { CKM_AES_KEY_WRAP_PKCS7, 8, 1, 8 } };

START_TEST(key_wrap_takes_data_in_a_single_part)
{
	for (size_t i = 0; i < ARRAY_LEN(wraps); i++) {
		const struct wrap *w = &wraps[i];
		CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(bytes, 24), CKF_ENCRYPT | CKF_DECRYPT);

		for (unsigned with_iv = 0; with_iv <= (w->iv > 0); with_iv++) {
			CK_MECHANISM m = { w->type, with_iv ? iv : NULL, with_iv ? w->iv : 0 };

			for (size_t n = 0; n < 70; n++) {
				bool good = n >= w->least && n % w->step == 0;
				uint8_t room[100], sealed[100];
				CK_ULONG sealed_len = 0, len = 0;

				OK(mk_init(CKF_ENCRYPT, &m, key));
				OK(mk_single(CKF_ENCRYPT, VIEW(bytes + 50, n), NULL, &sealed_len));
				ck_assert_uint_ge(sealed_len, n + 8);
				len = sealed_len - 1;
				if (good)
					IS(mk_single(CKF_ENCRYPT, VIEW(bytes + 50, n), sealed, &len),
					   CKR_BUFFER_TOO_SMALL);
				memcpy(room, bytes + 50, n); /* in place */
				len = sizeof(room);
				IS(mk_single(CKF_ENCRYPT, VIEW(room, n), room, &len),
				   good ? CKR_OK : CKR_DATA_LEN_RANGE);
				IS(mk_single(CKF_ENCRYPT, VIEW(room, n), room, &len), CKR_OPERATION_NOT_INITIALIZED);
				if (!good)
					continue;
				ck_assert_uint_eq(len, sealed_len);
				memcpy(sealed, room, sealed_len);
				OK(mk_init(CKF_DECRYPT, &m, key));
				for (len = 0; len < n;) {
					CK_ULONG short_len = len++;

					IS(mk_single(CKF_DECRYPT, VIEW(sealed, sealed_len), room, &short_len),
					   CKR_BUFFER_TOO_SMALL);
					ck_assert_uint_eq(short_len, n);
				}
				len = n;
				OK(mk_single(CKF_DECRYPT, VIEW(sealed, sealed_len), room, &len));
				ck_assert(len == n && memcmp(room, bytes + 50, n) == 0);
			}
		}
		mk_destroy(key);
	}
}
END_TEST

START_TEST(key_wrapped_data_tampered_gives_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(wraps); i++) {
		CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(bytes, 16), CKF_ENCRYPT | CKF_DECRYPT);
		CK_MECHANISM m = { wraps[i].type, NULL, 0 }, other = { wraps[i].type, iv, wraps[i].iv };
		uint8_t sealed[64], out[64], none[64] = { 0 };
		CK_ULONG len = sizeof(sealed), out_len;

		OK(mk_init(CKF_ENCRYPT, &m, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(bytes, 24), sealed, &len));
		memset(out, 0, sizeof(out));
		for (size_t n = 0; n < len; n++) {
			sealed[n] ^= 0x10;
			OK(mk_init(CKF_DECRYPT, &m, key));
			out_len = sizeof(out);
			IS(mk_single(CKF_DECRYPT, VIEW(sealed, len), out, &out_len), CKR_ENCRYPTED_DATA_INVALID);
			IS(mk_single(CKF_DECRYPT, VIEW(sealed, len), out, &out_len), CKR_OPERATION_NOT_INITIALIZED);
			sealed[n] ^= 0x10;
		}
		for (size_t n = 0; n < len; n++) {
			CK_RV rv;

			OK(mk_init(CKF_DECRYPT, &m, key));
			out_len = sizeof(out);
			rv = mk_single(CKF_DECRYPT, VIEW(sealed, n), out, &out_len);
			ck_assert(rv == (n % 8 == 0 && n >= 16 && (n >= 24 || wraps[i].least == 1)
					     ? CKR_ENCRYPTED_DATA_INVALID
					     : CKR_ENCRYPTED_DATA_LEN_RANGE));
		}
		if (wraps[i].iv > 0) {
			OK(mk_init(CKF_DECRYPT, &other, key));
			out_len = sizeof(out);
			IS(mk_single(CKF_DECRYPT, VIEW(sealed, len), out, &out_len), CKR_ENCRYPTED_DATA_INVALID);
		}
		ck_assert(memcmp(out, none, sizeof(out)) == 0);
		OK(mk_init(CKF_ENCRYPT, &m, key));
		out_len = sizeof(out);
		IS(mk_update(CKF_ENCRYPT, VIEW(bytes, 16), out, &out_len), CKR_OPERATION_NOT_INITIALIZED);
		IS(mk_final(CKF_ENCRYPT, out, &out_len), CKR_OPERATION_NOT_INITIALIZED);
		mk_destroy(key);
	}
}
END_TEST

/* RFC 3394 holds whatever is inside; PKCS #7 padding that is none is told like any other fault. */
START_TEST(wrong_padding_inside_key_wrap_is_refused)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_ENCRYPT | CKF_DECRYPT);
	CK_MECHANISM kw = { CKM_AES_KEY_WRAP, NULL, 0 }, pkcs7 = { CKM_AES_KEY_WRAP_PKCS7, NULL, 0 };
	unsigned good = 0;

	for (unsigned last = 0; last < 256; last++) {
		uint8_t text[16], sealed[24], out[24];
		CK_ULONG len = sizeof(sealed);
		CK_RV rv;

		memset(text, 0x41, sizeof(text));
		text[15] = (uint8_t)last;
		OK(mk_init(CKF_ENCRYPT, &kw, key));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, 16), sealed, &len));
		OK(mk_init(CKF_DECRYPT, &pkcs7, key));
		len = sizeof(out);
		rv = mk_single(CKF_DECRYPT, VIEW(sealed, 24), out, &len);
		ck_assert(rv == (last == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID));
		good += rv == CKR_OK;
	}
	ck_assert_uint_eq(good, 1);
	mk_destroy(key);
}
END_TEST

/* HMAC: a key of the hash's own type gives what a generic secret of the same value gives; another hash's is refused. */
START_TEST(hmac_keys_of_their_own_type)
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		CK_MECHANISM m = { row->type, NULL, 0 };
		CK_OBJECT_HANDLE a, b, other;
		uint8_t one[64], two[64];
		CK_ULONG len = sizeof(one);

		if (strstr(row->name, "_HMAC") == NULL || row->param != &param_none)
			continue;
		ck_assert_uint_eq(row->keys.count, 2);
		ck_assert_uint_eq(row->keys.types[0], CKK_GENERIC_SECRET);
		a = mk_secret(CKK_GENERIC_SECRET, VIEW(bytes, 20), CKF_SIGN);
		b = mk_secret(row->keys.types[1], VIEW(bytes, 20), CKF_SIGN | CKF_VERIFY);
		other = mk_secret(row->keys.types[1] == CKK_SHA256_HMAC ? CKK_SHA384_HMAC : CKK_SHA256_HMAC,
				  VIEW(bytes, 20), CKF_SIGN);
		OK(mk_init(CKF_SIGN, &m, a));
		OK(mk_single(CKF_SIGN, VIEW(bytes, 200), one, &len));
		OK(mk_init(CKF_SIGN, &m, b));
		OK(mk_single(CKF_SIGN, VIEW(bytes, 200), two, &len));
		ck_assert(memcmp(one, two, len) == 0);
		OK(mk_init(CKF_VERIFY, &m, b));
		OK(ck->C_Verify(mk_session, bytes, 200, one, len));
		IS(mk_init(CKF_SIGN, &m, other), CKR_KEY_TYPE_INCONSISTENT);
		mk_destroy(a);
		mk_destroy(b);
		mk_destroy(other);
	}
}
END_TEST

static CK_RV generate(CK_MECHANISM_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	return ck->C_GenerateKey(mk_session, &m, t, len == 0 ? 2 : 3, ret);
}

/* C_DigestKey: the digest of data, the key's value and data again, for every digest that takes keys. */
START_TEST(digest_of_a_key_is_the_digest_of_its_value)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_GENERIC_SECRET, VIEW(bytes + 10, 77), 0);
	unsigned digests = 0;

	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		union mk_param p;
		CK_MECHANISM m = mk_good(row, &p);
		uint8_t one[64], two[64];
		CK_ULONG len = sizeof(one), none = 0;

		if (!(row->flags & CKF_DIGEST) || row->ops->digest_key == NULL)
			continue;
		digests++;
		OK(mk_init(CKF_DIGEST, &m, 0));
		OK(mk_single(CKF_DIGEST, VIEW(bytes, 100), one, &len));
		OK(mk_init(CKF_DIGEST, &m, 0));
		OK(mk_update(CKF_DIGEST, VIEW(bytes, 10), NULL, &none));
		OK(ck->C_DigestKey(mk_session, key));
		OK(mk_update(CKF_DIGEST, VIEW(bytes + 87, 13), NULL, &none));
		OK(mk_final(CKF_DIGEST, two, &len));
		ck_assert_msg(memcmp(one, two, len) == 0, "%s", row->name);
	}
	ck_assert_uint_ge(digests, 12);
	mk_destroy(key);
}
END_TEST

START_TEST(sha512_t_takes_every_t_but_384)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_SHA512_T_HMAC, VIEW(bytes, 200), CKF_SIGN);

	for (CK_ULONG t = 0; t < 600; t++) {
		CK_MECHANISM m = { CKM_SHA512_T, &t, sizeof(t) }, h = { CKM_SHA512_T_HMAC, &t, sizeof(t) };
		CK_RV want = t == 0 || t == 384 || t > 511 ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
		uint8_t out[64], other[64];
		CK_ULONG len = sizeof(out);

		IS(mk_init(CKF_DIGEST, &m, 0), want);
		IS(mk_init(CKF_SIGN, &h, key), want);
		if (want != CKR_OK)
			continue;
		OK(mk_single(CKF_DIGEST, VIEW(bytes, 300), out, &len));
		ck_assert_uint_eq(len, (t + 7) / 8);
		ck_assert(t % 8 == 0 || (out[len - 1] & (0xff >> (t % 8))) == 0);
		len = sizeof(other);
		OK(mk_single(CKF_SIGN, VIEW(bytes, 300), other, &len));
		ck_assert_uint_eq(len, (t + 7) / 8);
		ck_assert(t < 64 || memcmp(out, other, len) != 0);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(keys_are_generated_for_every_type)
{
	static const struct {
		CK_MECHANISM_TYPE mechanism;
		CK_KEY_TYPE type;
		CK_ULONG least, most, step;
	} rows[] = {
		{ CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, 32, 64, 32 },
		{ CKM_SR_SM4_KEY_GEN, CKK_SR_SM4, 16, 16, 0 },
		{ CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, 14, 512, 1 },
		{ CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, 14, 512, 1 },
		{ CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 14, 512, 1 },
		{ CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, 14, 512, 1 },
		{ CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, 14, 512, 1 },
		{ CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC, 14, 512, 1 },
		{ CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC, 14, 512, 1 },
		{ CKM_SHA512_T_KEY_GEN, CKK_SHA512_T_HMAC, 14, 512, 1 },
		{ CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, 14, 512, 1 },
		{ CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, 14, 512, 1 },
		{ CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 14, 512, 1 },
		{ CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, 14, 512, 1 },
		{ CKM_SR_SM3_KEY_GEN, CKK_SR_SM3_HMAC, 14, 512, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CK_KEY_TYPE type = 0;
		CK_ATTRIBUTE got = { CKA_KEY_TYPE, &type, sizeof(type) };
		CK_OBJECT_HANDLE key = 4711;
		uint8_t value[512];

		if (mech_find(rows[i].mechanism) == NULL)
			continue;
		IS(generate(rows[i].mechanism, rows[i].least - 1, &key),
		   rows[i].step == 0 ? CKR_TEMPLATE_INCONSISTENT : CKR_KEY_SIZE_RANGE);
		IS(generate(rows[i].mechanism, rows[i].most + 1, &key),
		   rows[i].step == 0 ? CKR_TEMPLATE_INCONSISTENT : CKR_KEY_SIZE_RANGE);
		if (rows[i].step == 32)
			IS(generate(rows[i].mechanism, 48, &key), CKR_KEY_SIZE_RANGE);
		if (rows[i].step != 0)
			IS(generate(rows[i].mechanism, 0, &key), CKR_TEMPLATE_INCOMPLETE);
		ck_assert_uint_eq(key, 4711);
		OK(generate(rows[i].mechanism, rows[i].most, &key));
		ck_assert_uint_eq(mk_value(key, value, sizeof(value)).n, rows[i].most);
		OK(ck->C_GetAttributeValue(mk_session, key, &got, 1));
		ck_assert_uint_eq(type, rows[i].type);
		mk_destroy(key);
	}
}
END_TEST

/* The numbers are DES's alone, PKCS #11 gives them to keys of all three lengths: equal thirds are single DES. */
START_TEST(des_stream_modes_take_keys_of_all_lengths)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_DES_OFB64, CKM_DES_CFB8, CKM_DES_CFB64 };
	static const CK_KEY_TYPE keys[] = { CKK_DES, CKK_DES2, CKK_DES3 };
	uint8_t thrice[24];

	for (size_t i = 0; i < 3; i++)
		memcpy(thrice + 8 * i, bytes, 8);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CK_MECHANISM m = { types[i], iv, 8 };
		uint8_t out[3][50];

		for (size_t k = 0; k < 3; k++) {
			CK_OBJECT_HANDLE key = mk_secret(keys[k], VIEW(thrice, 8 * (k + 1)), CKF_ENCRYPT);
			CK_ULONG len = 50;

			OK(mk_init(CKF_ENCRYPT, &m, key));
			OK(mk_single(CKF_ENCRYPT, VIEW(bytes + 60, 50), out[k], &len));
			ck_assert_uint_eq(len, 50);
			ck_assert(memcmp(out[k], out[0], 50) == 0);
			mk_destroy(key);
		}
	}
}
END_TEST

/* XCBC is defined for 128-bit keys. */
START_TEST(xcbc_takes_128_bits_alone)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(bytes, 32), CKF_SIGN);
	CK_MECHANISM m = { CKM_AES_XCBC_MAC, NULL, 0 };

	IS(mk_init(CKF_SIGN, &m, key), CKR_KEY_SIZE_RANGE);
	mk_destroy(key);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("symmetric");
	TCase *c = tcase_create("symmetric");

	tcase_add_unchecked_fixture(c, begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, whole_message_modes_take_any_length_from_a_block_on);
	tcase_add_test(c, message_too_long_to_keep_ends_the_operation);
	tcase_add_test(c, xts_data_unit_has_a_million_blocks_at_most);
	tcase_add_test(c, xts_key_has_32_or_64_bytes_and_differing_halves);
	tcase_add_test(c, stream_modes_wrap_no_keys);
	tcase_add_test(c, key_too_short_for_a_block_is_not_wrapped_by_whole_modes);
	tcase_add_test(c, key_wrap_takes_data_in_a_single_part);
	tcase_add_test(c, key_wrapped_data_tampered_gives_nothing);
	tcase_add_test(c, wrong_padding_inside_key_wrap_is_refused);
	tcase_add_test(c, hmac_keys_of_their_own_type);
	tcase_add_test(c, digest_of_a_key_is_the_digest_of_its_value);
	tcase_add_test(c, sha512_t_takes_every_t_but_384);
	tcase_add_test(c, keys_are_generated_for_every_type);
	tcase_add_test(c, des_stream_modes_take_keys_of_all_lengths);
	tcase_add_test(c, xcbc_takes_128_bits_alone);
	suite_add_tcase(s, c);
	return mk_main(s);
}
