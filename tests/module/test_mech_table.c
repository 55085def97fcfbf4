/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every row of the mechanism table: what it says of itself, and what the gate makes of it. */

static const CK_FLAGS all_uses[] = { CKF_ENCRYPT,  CKF_DECRYPT,           CKF_DIGEST, CKF_SIGN,   CKF_VERIFY,
				     CKF_GENERATE, CKF_GENERATE_KEY_PAIR, CKF_WRAP,   CKF_UNWRAP, CKF_DERIVE };
static const uint8_t key_bytes[32] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba,
				       0x98, 0x76, 0x54, 0x32, 0x10, 0x10, 0x29, 0x38, 0x47, 0x56 };
static CK_BBOOL yes = CK_TRUE;

static bool vendor(const struct mech_row *row)
{
	bool ordinary = row->type >= CKM_SR_SM3 && row->type <= CKM_SR_SM4_GCM;

	return row->type >= CKM_SR_COMPONENT_COMBINE && !ordinary && row->type != CKM_SR_X9_9_MAC &&
	       row->type != CKM_SR_X9_9_MAC_GENERAL && row->type != CKM_SR_X9_19_MAC &&
	       row->type != CKM_SR_X9_19_MAC_GENERAL && row->type != CKM_SR_ISO9797_ALG1_MAC &&
	       row->type != CKM_SR_ISO9797_ALG3_MAC;
}

/* use_row: the C_ function of a use, as far as the gate; wrapped keys and outputs are valid pointers. */
static CK_RV use_row(CK_MECHANISM *m, CK_FLAGS use, CK_OBJECT_HANDLE key)
{
	static CK_OBJECT_HANDLE cargo;
	CK_OBJECT_HANDLE a = 0, b = 0;
	uint8_t out[2048];
	CK_ULONG len = sizeof(out);
	CK_RV rv;

	switch (use) {
	case CKF_GENERATE:
		return ck->C_GenerateKey(mk_session, m, NULL, 0, &a);
	case CKF_GENERATE_KEY_PAIR:
		return ck->C_GenerateKeyPair(mk_session, m, NULL, 0, NULL, 0, &a, &b);
	case CKF_WRAP:
		if (cargo == 0)
			cargo = mk_secret(CKK_AES, VIEW(key_bytes, 16), 0);
		return ck->C_WrapKey(mk_session, m, key, cargo, out, &len);
	case CKF_UNWRAP:
		memset(out, 0, sizeof(out));
		return ck->C_UnwrapKey(mk_session, m, key, out, 24, NULL, 0, &a);
	case CKF_DERIVE:
		return ck->C_DeriveKey(mk_session, m, key, NULL, 0, &a);
	default:
		rv = mk_init(use, m, key);
		if (rv == CKR_OK)
			mk_cancel(use);
		return rv;
	}
}

static bool is(CK_RV rv, CK_FLAGS use, CK_RV plain, CK_RV wrapping, CK_RV unwrapping)
{
	return rv == (use == CKF_WRAP ? wrapping : use == CKF_UNWRAP ? unwrapping : plain);
}

START_TEST(list_and_info_are_the_table) /* R6.1 */
{
	CK_MECHANISM_TYPE types[512];
	CK_MECHANISM_INFO info;
	CK_ULONG n = 0;

	OK(ck->C_GetMechanismList(mk_slot, NULL, &n));
	ck_assert_uint_eq(n, mech_count());
	n--;
	IS(ck->C_GetMechanismList(mk_slot, types, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, mech_count());
	OK(ck->C_GetMechanismList(mk_slot, types, &n));
	for (size_t i = 0; i < n; i++) {
		const struct mech_row *row = mech_at(i);

		ck_assert_uint_eq(types[i], row->type);
		OK(ck->C_GetMechanismInfo(mk_slot, types[i], &info));
		ck_assert_uint_eq(info.flags, row->flags);
		ck_assert_uint_eq(info.ulMinKeySize, row->key_min);
		ck_assert_uint_eq(info.ulMaxKeySize, row->key_max);
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(types[k], types[i]);
	}
	ck_assert_uint_eq(types[n - 1], CKM_SR_CHECK_VALUE);
	IS(ck->C_GetMechanismInfo(mk_slot, CKM_MD2, &info), CKR_MECHANISM_INVALID);
	IS(ck->C_GetMechanismInfo(mk_slot, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD);
	IS(ck->C_GetMechanismInfo(999999, CKM_SHA256, &info), CKR_SLOT_ID_INVALID);
	IS(ck->C_GetMechanismList(mk_slot, types, NULL), CKR_ARGUMENTS_BAD);
	IS(ck->C_GetMechanismList(999999, NULL, &n), CKR_SLOT_ID_INVALID);
}
END_TEST

START_TEST(flags_match_operations)
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *r = mech_at(i);
		const struct mech_ops *o = r->ops;
		bool stream = (r->flags & (CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT)) != 0;
		bool absorbs = (r->flags & (CKF_DIGEST | CKF_SIGN | CKF_VERIFY)) != 0;

		ck_assert_msg((r->flags & ~(MECH_USES | MECH_EC_FACTS)) == 0, "%s", r->name);
		ck_assert_msg(!stream || (o->init != NULL && o->done != NULL), "%s", r->name);
		ck_assert_msg(!absorbs || (o->update != NULL && o->final != NULL) ||
				  (o->sign != NULL && o->verify != NULL),
			      "%s", r->name);
		/* What is not said to be of a single part works in parts. */
		ck_assert_msg(!absorbs || (r->traits & MECH_NO_UPDATE) || (o->update != NULL && o->final != NULL), "%s",
			      r->name);
		ck_assert_msg(!(r->flags & CKF_SIGN_RECOVER) || o->sign != NULL, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_VERIFY_RECOVER) || o->recover != NULL, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_ENCAPSULATE) || o->encapsulate != NULL, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_DECAPSULATE) || o->decapsulate != NULL, "%s", r->name);
		ck_assert_msg(!(r->flags & (CKF_ENCRYPT | CKF_DECRYPT)) || (o->bound != NULL && o->crypt != NULL), "%s",
			      r->name);
		ck_assert_msg(!(r->flags & CKF_GENERATE) == !o->generate, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_GENERATE_KEY_PAIR) == !o->generate_pair, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_WRAP) || o->wrap != NULL, "%s", r->name);
		ck_assert_msg(!(r->flags & CKF_UNWRAP) || o->unwrap != NULL, "%s", r->name);
		ck_assert_msg(r->source != NULL && r->param != NULL, "%s", r->name);
		ck_assert_msg(r->keys.count > 0 ||
				  !(r->flags & MECH_USES & ~(CKF_DIGEST | CKF_GENERATE | CKF_GENERATE_KEY_PAIR)),
			      "%s", r->name);
	}
}
END_TEST

/* Java's provider asks hash-and-sign mechanisms for parts, and fails altogether when one has none. */
START_TEST(mechanisms_that_hash_work_in_parts)
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *r = mech_at(i);
		bool hashes = strstr(r->name, "SHA") != NULL || strstr(r->name, "MD5") != NULL ||
			      strstr(r->name, "SM3") != NULL || strstr(r->name, "MAC") != NULL;

		if (!hashes || !(r->flags & (CKF_SIGN | CKF_VERIFY | CKF_DIGEST)) || vendor(r))
			continue;
		ck_assert_msg(!(r->traits & MECH_NO_UPDATE) && r->ops->update != NULL, "%s", r->name);
	}
}
END_TEST

START_TEST(vector_files_hold_the_row)
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		char path[512], line[4096], word[96];
		bool found = false;
		FILE *f;

		if (row->vectors == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", getenv("STRONGROOM_VECTORS"), row->vectors);
		snprintf(word, sizeof(word), "mech=%s ", row->name);
		f = fopen(path, "r");
		ck_assert_msg(f != NULL, "%s", path);
		while (!found && fgets(line, sizeof(line), f) != NULL)
			found = strncmp(line, word, strlen(word)) == 0;
		fclose(f);
		ck_assert_msg(found, "%s has no vector of %s", path, row->name);
	}
}
END_TEST

START_TEST(functions_not_of_the_row_are_refused)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);

	for (size_t i = 0; i < mech_count(); i++) {
		for (size_t k = 0; k < ARRAY_LEN(all_uses); k++) {
			CK_MECHANISM m = { mech_at(i)->type, NULL, 0 };

			if (mech_at(i)->flags & all_uses[k])
				continue;
			ck_assert_msg(use_row(&m, all_uses[k], key) == CKR_MECHANISM_INVALID, "%s, flag %lx",
				      mech_at(i)->name, all_uses[k]);
		}
	}
	mk_destroy(key);
}
END_TEST

/* A key of each type, the row takes only its own; class before type: a public key is no private key. */
START_TEST(wrong_key_type_is_refused)
{
	CK_OBJECT_HANDLE keys[6], public, private;
	static const CK_KEY_TYPE types[] = { CKK_AES, CKK_DES, CKK_DES2, CKK_DES3, CKK_GENERIC_SECRET, CKK_RSA };
	static const size_t sizes[] = { 16, 8, 16, 24, 20 };

	mk_pair(&public, &private);
	for (size_t i = 0; i < 5; i++)
		keys[i] = mk_secret(types[i], VIEW(key_bytes, sizes[i]), MK_ALL_USES);
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);

		for (size_t k = 0; k < ARRAY_LEN(all_uses) && row->keys.count > 0; k++) {
			CK_FLAGS use = all_uses[k];
			union mk_param p;
			CK_MECHANISM m = mk_good(row, &p);

			if (!(row->flags & use) || use == CKF_DIGEST)
				continue;
			for (size_t t = 0; t < ARRAY_LEN(types); t++) {
				bool own = false;
				CK_OBJECT_HANDLE key = t < 5                                         ? keys[t]
						       : use & (CKF_ENCRYPT | CKF_VERIFY | CKF_WRAP) ? public
												     : private;

				for (size_t n = 0; n < row->keys.count; n++)
					own |= row->keys.types[n] == types[t];
				if (own && types[t] == CKK_RSA)
					key = key == public ? private : public;
				else if (own)
					continue;
				ck_assert_msg(is(use_row(&m, use, key), use, CKR_KEY_TYPE_INCONSISTENT,
						 CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
						 CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
					      "%s, key type %lu", row->name, types[t]);
			}
		}
	}
	for (size_t i = 0; i < 5; i++)
		mk_destroy(keys[i]);
}
END_TEST

START_TEST(key_without_the_usage_is_refused)
{
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);

		if (row->keys.count == 0 || mk_is_pair(row))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(all_uses); k++) {
			CK_FLAGS use = all_uses[k];
			union mk_param p;
			CK_MECHANISM m = mk_good(row, &p);
			CK_OBJECT_HANDLE key;

			if (!(row->flags & use) || use == CKF_DIGEST)
				continue;
			key = mk_key_for(row, MK_ALL_USES & ~use);
			ck_assert_msg(use_row(&m, use, key) == CKR_KEY_FUNCTION_NOT_PERMITTED, "%s", row->name);
			mk_destroy(key);
		}
	}
}
END_TEST

START_TEST(mechanism_not_allowed_by_the_key_is_refused)
{
	CK_MECHANISM_TYPE allowed[] = { CKM_AES_CBC, CKM_AES_CMAC };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, (void *)(uintptr_t)key_bytes, 16 },
			     { CKA_ENCRYPT, &yes, 1 },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_ALLOWED_MECHANISMS, allowed, sizeof(allowed) } };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;

	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	IS(use_row(&ecb, CKF_ENCRYPT, key), CKR_MECHANISM_INVALID);
	OK(use_row(&cmac, CKF_SIGN, key));
	mk_destroy(key);
}
END_TEST

/* NULL, short and long parameters, for every row that wants one; and none where none is wanted. */
START_TEST(parameter_of_a_wrong_form_is_refused)
{
	uint8_t junk[512];

	memset(junk, 0xff, sizeof(junk));
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);

		for (size_t k = 0; k < ARRAY_LEN(all_uses); k++) {
			CK_FLAGS use = all_uses[k];
			size_t size = row->param->size;
			CK_OBJECT_HANDLE key = 0;
			CK_MECHANISM bad[] = { { row->type, NULL, size == 0 ? 1 : size },
					       { row->type, junk, size == 0 ? 1 : size - 1 },
					       { row->type, junk, size + 1 },
					       { row->type, junk, ~0UL } };

			/* the vendor's own mechanisms want keys with roles, which their own tests have */
			if (!(row->flags & use) || (vendor(row) && row->keys.count > 0 && use != CKF_DIGEST))
				continue;
			if (row->keys.count > 0 && use != CKF_DIGEST)
				key = mk_key_for(row, use);
			for (size_t n = 0; n < ARRAY_LEN(bad); n++)
				ck_assert_msg(use_row(&bad[n], use, key) == CKR_MECHANISM_PARAM_INVALID, "%s, %zu",
					      row->name, n);
			if (size > 0 && !row->param->optional) {
				CK_MECHANISM none = { row->type, NULL, 0 };

				IS(use_row(&none, use, key), CKR_MECHANISM_PARAM_INVALID);
			}
			if (key != 0)
				mk_destroy(key);
		}
	}
}
END_TEST

static void bad_params(CK_MECHANISM_TYPE type, CK_FLAGS use, const void *params, size_t size, size_t count)
{
	const struct mech_row *row = mech_find(type);
	CK_OBJECT_HANDLE key = mk_key_for(row, use);

	for (size_t i = 0; i < count; i++) {
		CK_MECHANISM m = { type, (uint8_t *)(uintptr_t)params + i * size, size };

		ck_assert_msg(use_row(&m, use, key) == CKR_MECHANISM_PARAM_INVALID, "%s, %zu", row->name, i);
	}
	mk_destroy(key);
}

START_TEST(parameter_out_of_its_range_is_refused)
{
	uint8_t iv[200] = { 0 };
	CK_ULONG x9[] = { 0, 3, 9, ~0UL }, cmac[] = { 0, 17 }, hmac[] = { 0, 33 };
	CK_AES_CTR_PARAMS ctr[] = { { 0, { 0 } }, { 129, { 0 } } };
	CK_GCM_PARAMS gcm[] = { { NULL, 12, 96, NULL, 0, 128 }, { iv, 0, 0, NULL, 0, 128 },
				{ iv, 129, 0, NULL, 0, 128 },   { iv, 12, 96, NULL, 1, 128 },
				{ iv, 12, 96, NULL, 0, 0 },     { iv, 12, 96, NULL, 0, 136 },
				{ iv, 12, 96, NULL, 0, 127 },   { iv, 12, 96, NULL, 0, 8 } };
	CK_RSA_PKCS_OAEP_PARAMS oaep[] = { { CKM_MD5, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 },
					   { CKM_SHA_1, 77, CKZ_DATA_SPECIFIED, NULL, 0 },
					   { CKM_SHA_1, CKG_MGF1_SHA1, 2, NULL, 0 },
					   { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 5 } };
	CK_RSA_PKCS_PSS_PARAMS pss[] = { { CKM_MD5, CKG_MGF1_SHA1, 0 },
					 { CKM_SHA256, 0, 32 },
					 { CKM_SHA256, CKG_MGF1_SHA256, 223 },
					 { CKM_SHA256, CKG_MGF1_SHA256, ~0UL },
					 { CKM_SHA384, CKG_MGF1_SHA384, ~0UL - 20 } };
	CK_RSA_PKCS_PSS_PARAMS other[] = { { CKM_SHA384, CKG_MGF1_SHA384, 48 } };

	bad_params(CKM_SR_X9_9_MAC_GENERAL, CKF_SIGN, x9, sizeof(x9[0]), ARRAY_LEN(x9)); /* R5.4 */
	bad_params(CKM_SR_X9_19_MAC_GENERAL, CKF_VERIFY, x9, sizeof(x9[0]), ARRAY_LEN(x9));
	bad_params(CKM_AES_CMAC_GENERAL, CKF_SIGN, cmac, sizeof(cmac[0]), ARRAY_LEN(cmac));
	bad_params(CKM_SHA256_HMAC_GENERAL, CKF_SIGN, hmac, sizeof(hmac[0]), ARRAY_LEN(hmac));
	bad_params(CKM_AES_CTR, CKF_ENCRYPT, ctr, sizeof(ctr[0]), ARRAY_LEN(ctr));
	bad_params(CKM_AES_GCM, CKF_DECRYPT, gcm, sizeof(gcm[0]), ARRAY_LEN(gcm));
	bad_params(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT, oaep, sizeof(oaep[0]), ARRAY_LEN(oaep));
	bad_params(CKM_RSA_PKCS_PSS, CKF_SIGN, pss, sizeof(pss[0]), ARRAY_LEN(pss));
	bad_params(CKM_SHA256_RSA_PKCS_PSS, CKF_SIGN, other, sizeof(other[0]), ARRAY_LEN(other));
}
END_TEST

START_TEST(handle_that_is_no_key_is_refused)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_OBJECT_HANDLE data = 0;

	OK(ck->C_CreateObject(mk_session, t, 1, &data));
	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		union mk_param p;
		CK_MECHANISM m = mk_good(row, &p);

		for (size_t k = 0; k < ARRAY_LEN(all_uses) && row->keys.count > 0; k++) {
			CK_FLAGS use = all_uses[k];

			if (!(row->flags & use) || use == CKF_DIGEST)
				continue;
			for (unsigned n = 0; n < 2; n++)
				ck_assert_msg(is(use_row(&m, use, n == 0 ? data : 987654), use, CKR_KEY_HANDLE_INVALID,
						 CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID),
					      "%s", row->name);
		}
	}
	OK(ck->C_DestroyObject(mk_session, data));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mechanism table");
	TCase *c = tcase_create("rows");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, list_and_info_are_the_table);
	tcase_add_test(c, flags_match_operations);
	tcase_add_test(c, mechanisms_that_hash_work_in_parts);
	tcase_add_test(c, vector_files_hold_the_row);
	tcase_add_test(c, functions_not_of_the_row_are_refused);
	tcase_add_test(c, wrong_key_type_is_refused);
	tcase_add_test(c, key_without_the_usage_is_refused);
	tcase_add_test(c, mechanism_not_allowed_by_the_key_is_refused);
	tcase_add_test(c, parameter_of_a_wrong_form_is_refused);
	tcase_add_test(c, parameter_out_of_its_range_is_refused);
	tcase_add_test(c, handle_that_is_no_key_is_refused);
	suite_add_tcase(s, c);
	return mk_main(s);
}
