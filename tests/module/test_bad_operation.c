/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad input, chapter 3: operations, walked over every row of the mechanism table that ordinary keys may use. R6.5 */
#include "mech_kit.h"

#include <stdio.h>
#include <string.h>

#define HUGE_LENGTH (~0UL)

static const CK_FLAGS kinds[] = { CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT };
static uint8_t text[512];
static unsigned calls;

#define REFUSED(call, code)                                                                                            \
	do {                                                                                                           \
		CK_RV refused_rv = (call);                                                                             \
		calls++;                                                                                               \
		ck_assert_msg(refused_rv == (code), "%s, use %lx, line %d: 0x%lx, not 0x%lx", row->name, use,          \
			      __LINE__, refused_rv, (CK_RV)(code));                                                    \
	} while (0)

/* Each row and use with a key and a good parameter; the vendor's own rows want keys with roles. */
static void each(void (*one)(const struct mech_row *row, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);

		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			bool ordinary = row->type >= CKM_SR_SM3 && row->type <= CKM_SR_SM4_GCM;
			bool vendor = (row->type & CKM_VENDOR_DEFINED) != 0 && !ordinary &&
				      row->param != &param_mac_general && row->type != CKM_SR_X9_9_MAC &&
				      row->type != CKM_SR_X9_19_MAC;
			union mk_param param;
			CK_MECHANISM m = mk_good(row, &param);
			CK_OBJECT_HANDLE key = 0;

			if (!(row->flags & kinds[k]) || vendor)
				continue;
			if (kinds[k] != CKF_DIGEST)
				key = mk_key_for(row, kinds[k]);
			one(row, kinds[k], &m, key);
			if (key != 0)
				mk_destroy(key);
		}
	}
}

static CK_RV single(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len)
{
	if (use == CKF_VERIFY)
		return ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)in.p, in.n, out, *len);
	return mk_single(use, in, out, len);
}

/* The operation is over: a single-part call finds none. */
static void over(const struct mech_row *row, CK_FLAGS use)
{
	uint8_t out[1024];
	CK_ULONG len = sizeof(out);

	REFUSED(single(use, VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
	REFUSED(mk_update(use, VIEW(text, 16), out, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* Nothing in memory is as long as that. */
static void absurd(const struct mech_row *row, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	static const CK_ULONG lengths[] = { HUGE_LENGTH, HUGE_LENGTH - 15, (HUGE_LENGTH >> 1) + 1 };
	uint8_t out[1024];

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct view in = VIEW(text, lengths[i]);
		CK_ULONG len = sizeof(out);

		OK(mk_init(use, m, key));
		REFUSED(single(use, in, out, &len), CKR_ARGUMENTS_BAD);
		over(row, use);
		OK(mk_init(use, m, key));
		REFUSED(single(use, in, use == CKF_VERIFY ? out : NULL, &len), CKR_ARGUMENTS_BAD);
		over(row, use);
		ck_assert_uint_eq(len, sizeof(out));
		OK(mk_init(use, m, key));
		REFUSED(mk_update(use, in, out, &len),
			row->traits & MECH_NO_UPDATE ? CKR_OPERATION_NOT_INITIALIZED : CKR_ARGUMENTS_BAD);
		over(row, use);
	}
}

START_TEST(data_of_an_absurd_length_is_refused_and_ends_the_operation)
{
	each(absurd);
}
END_TEST

/* A first update makes the operation a multi-part one, with data or without. */
static void mixed(const struct mech_row *row, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	uint8_t out[1024];
	CK_ULONG len = sizeof(out);

	if (row->traits & MECH_NO_UPDATE)
		return;
	for (size_t n = 0; n <= 32; n += 16) {
		len = sizeof(out);
		OK(mk_init(use, m, key));
		OK(mk_update(use, VIEW(text, n), out, &len));
		len = 16;
		REFUSED(single(use, VIEW(text, 16), out, &len), CKR_OPERATION_ACTIVE);
		over(row, use);
	}
}

START_TEST(single_part_after_an_update_is_refused_for_every_mechanism)
{
	each(mixed);
}
END_TEST

/* Short buffers: the need is said, nothing is written, the operation goes on. */
static void short_buffer(const struct mech_row *row, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	bool hashed = row->type == CKM_RSA_PKCS_PSS || row->type == CKM_HASH_ML_DSA || row->type == CKM_HASH_SLH_DSA;
	size_t n = hashed ? 32 : use == CKF_DECRYPT ? 0 : 64;
	static uint8_t out[32768], clean[32768]; /* SLH-DSA signatures are long */
	uint8_t in[512];
	CK_ULONG need = 0, len = sizeof(in);

	memset(clean, 0xa5, sizeof(clean));
	memcpy(in, text, sizeof(in));
	if (use == CKF_VERIFY)
		return;
	if (row->type == CKM_RSA_X_509 && use == CKF_DECRYPT)
		return;           /* no padding, no end: the whole modulus comes back */
	if (use == CKF_DECRYPT) { /* something that decrypts: of the same value, or of the other half of the pair */
		CK_OBJECT_HANDLE other = mk_key_for(row, CKF_ENCRYPT);

		OK(mk_init(CKF_ENCRYPT, m, other));
		OK(mk_single(CKF_ENCRYPT, VIEW(text, 64), in, &len));
		mk_destroy(other);
		n = len;
	}
	OK(mk_init(use, m, key));
	OK(single(use, VIEW(in, n), NULL, &need));
	if (use == CKF_DECRYPT)
		need = 64;
	for (size_t room = 0; room < need; room += room < need - 1 ? need - 1 : 1) {
		memcpy(out, clean, sizeof(out));
		len = room;
		REFUSED(single(use, VIEW(in, n), out, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_msg(len == need, "%s: %lu, not %lu", row->name, len, need);
		ck_assert_mem_eq(out, clean, sizeof(out));
	}
	len = need;
	OK(single(use, VIEW(in, n), out, &len));
	ck_assert_uint_eq(len, need);
	ck_assert_mem_eq(out + need, clean + need, sizeof(out) - need);
	if (use == CKF_DECRYPT)
		ck_assert_mem_eq(out, text, 64);
	over(row, use);
}

START_TEST(short_buffer_keeps_the_operation_of_every_mechanism)
{
	each(short_buffer);
}
END_TEST

static void signature(const struct mech_row *row, CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	static const CK_ULONG lengths[] = { 0, 1, 3, 511, HUGE_LENGTH };
	size_t n = row->type == CKM_RSA_PKCS_PSS ? 32 : 16;
	uint8_t tag[1024] = { 0 };

	if (use != CKF_VERIFY)
		return;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		OK(mk_init(use, m, key));
		REFUSED(ck->C_Verify(mk_session, text, n, tag, lengths[i]), CKR_SIGNATURE_LEN_RANGE);
		over(row, use);
		if (row->traits & MECH_NO_UPDATE)
			continue;
		OK(mk_init(use, m, key));
		OK(ck->C_VerifyUpdate(mk_session, text, n));
		REFUSED(ck->C_VerifyFinal(mk_session, tag, lengths[i]), CKR_SIGNATURE_LEN_RANGE);
		over(row, use);
	}
}

START_TEST(signature_of_a_wrong_length_is_refused_and_ends_the_operation)
{
	each(signature);
}
END_TEST

/* Lengths inside of parameters. */
START_TEST(parameter_with_an_absurd_length_inside_is_refused)
{
	uint8_t iv[16] = { 0 };
	CK_GCM_PARAMS gcm[] = { { iv, HUGE_LENGTH, 0, NULL, 0, 128 },
				{ iv, 12, 96, iv, HUGE_LENGTH, 128 },
				{ iv, 12, 96, NULL, 0, HUGE_LENGTH },
				{ NULL, HUGE_LENGTH, 0, NULL, HUGE_LENGTH, 128 } };
	CK_AES_CTR_PARAMS ctr = { HUGE_LENGTH, { 0 } };
	CK_RSA_PKCS_OAEP_PARAMS oaep[] = { { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, iv, HUGE_LENGTH },
					   { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, iv, 1UL << 32 },
					   { HUGE_LENGTH, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 } };
	const struct mech_row *row = mk_row("CKM_AES_GCM");
	CK_FLAGS use = CKF_ENCRYPT;
	CK_OBJECT_HANDLE key = mk_key_for(row, use);

	for (size_t i = 0; i < ARRAY_LEN(gcm); i++)
		REFUSED(mk_init(use, &(CK_MECHANISM){ row->type, &gcm[i], sizeof(gcm[i]) }, key),
			CKR_MECHANISM_PARAM_INVALID);
	row = mk_row("CKM_AES_CTR");
	REFUSED(mk_init(use, &(CK_MECHANISM){ row->type, &ctr, sizeof(ctr) }, key), CKR_MECHANISM_PARAM_INVALID);
	mk_destroy(key);
	row = mk_row("CKM_RSA_PKCS_OAEP");
	key = mk_key_for(row, use);
	for (size_t i = 0; i < ARRAY_LEN(oaep); i++)
		REFUSED(mk_init(use, &(CK_MECHANISM){ row->type, &oaep[i], sizeof(oaep[i]) }, key),
			CKR_MECHANISM_PARAM_INVALID);
	mk_destroy(key);
}
END_TEST

START_TEST(wrapped_key_of_an_absurd_length_is_refused)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &aes, sizeof(aes) } };
	CK_FLAGS use = CKF_UNWRAP;

	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		union mk_param param;
		CK_MECHANISM m = mk_good(row, &param);
		CK_OBJECT_HANDLE wrapping, key, made = 77;
		CK_ULONG len = sizeof(text);

		if (!(row->flags & CKF_UNWRAP) || (row->type & CKM_VENDOR_DEFINED))
			continue;
		key = mk_key_for(row, CKF_UNWRAP);
		REFUSED(ck->C_UnwrapKey(mk_session, &m, key, text, HUGE_LENGTH, t, 2, &made),
			CKR_WRAPPED_KEY_LEN_RANGE);
		REFUSED(ck->C_UnwrapKey(mk_session, &m, key, text, HUGE_LENGTH - 15, t, 2, &made),
			CKR_WRAPPED_KEY_LEN_RANGE);
		REFUSED(ck->C_UnwrapKey(mk_session, &m, key, text, 0, t, 2, &made), CKR_WRAPPED_KEY_LEN_RANGE);
		REFUSED(ck->C_UnwrapKey(mk_session, &m, key, text, 7, t, 2, &made), CKR_WRAPPED_KEY_LEN_RANGE);
		REFUSED(ck->C_UnwrapKey(mk_session, &m, key, NULL, 16, t, 2, &made), CKR_ARGUMENTS_BAD);
		ck_assert_uint_eq(made, 77);
		mk_destroy(key);
		wrapping = mk_key_for(row, CKF_WRAP);
		REFUSED(ck->C_WrapKey(mk_session, &m, wrapping, wrapping, text, NULL), CKR_ARGUMENTS_BAD);
		REFUSED(ck->C_WrapKey(mk_session, NULL, wrapping, wrapping, text, &len), CKR_ARGUMENTS_BAD);
		ck_assert_uint_eq(len, sizeof(text));
		mk_destroy(wrapping);
	}
}
END_TEST

START_TEST(random_of_bad_arguments_is_refused)
{
	const struct mech_row *row = mech_at(0);
	CK_FLAGS use = 0;

	REFUSED(ck->C_SeedRandom(mk_session, NULL, 5), CKR_ARGUMENTS_BAD);
	REFUSED(ck->C_SeedRandom(mk_session, text, HUGE_LENGTH), CKR_ARGUMENTS_BAD);
	REFUSED(ck->C_GenerateRandom(mk_session, NULL, 5), CKR_ARGUMENTS_BAD);
	REFUSED(ck->C_GenerateRandom(mk_session, NULL, HUGE_LENGTH), CKR_ARGUMENTS_BAD);
	REFUSED(ck->C_GenerateRandom(mk_session, text, HUGE_LENGTH), CKR_ARGUMENTS_BAD);
	OK(ck->C_SeedRandom(mk_session, NULL, 0));
	OK(ck->C_GenerateRandom(mk_session, NULL, 0));
}
END_TEST

/* Generation says what it wants of lengths. */
START_TEST(generation_of_absurd_lengths_is_refused)
{
	static const CK_ULONG lengths[] = { 0, 1, 15, 33, 0x80000000UL, HUGE_LENGTH };
	CK_FLAGS use = CKF_GENERATE;
	const struct mech_row *row = mk_row("CKM_AES_KEY_GEN");
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 }, pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE h = 77, k = 77;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		CK_ULONG n = lengths[i];
		CK_ATTRIBUTE value[] = { { CKA_VALUE_LEN, &n, sizeof(n) } };
		CK_ATTRIBUTE bits[] = { { CKA_MODULUS_BITS, &n, sizeof(n) } };

		REFUSED(ck->C_GenerateKey(mk_session, &m, value, 1, &h), CKR_KEY_SIZE_RANGE);
		REFUSED(ck->C_GenerateKeyPair(mk_session, &pair, bits, 1, NULL, 0, &h, &k), CKR_KEY_SIZE_RANGE);
	}
	ck_assert(h == 77 && k == 77);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bad input: operations");
	TCase *c = tcase_create("operations");
	int status;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + 1);
	tcase_set_timeout(c, 100);
	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_add_test(c, data_of_an_absurd_length_is_refused_and_ends_the_operation);
	tcase_add_test(c, single_part_after_an_update_is_refused_for_every_mechanism);
	tcase_add_test(c, short_buffer_keeps_the_operation_of_every_mechanism);
	tcase_add_test(c, signature_of_a_wrong_length_is_refused_and_ends_the_operation);
	tcase_add_test(c, parameter_with_an_absurd_length_inside_is_refused);
	tcase_add_test(c, wrapped_key_of_an_absurd_length_is_refused);
	tcase_add_test(c, random_of_bad_arguments_is_refused);
	tcase_add_test(c, generation_of_absurd_lengths_is_refused);
	suite_add_tcase(s, c);
	status = mk_main(s);
	printf("%u calls refused\n", calls);
	return status;
}
