/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "mech_family.h"
#include <string.h>

/* What the strict policy makes of the symmetric mechanisms. */

static uint8_t bytes[64] = "thirty-two bytes and as many again, for keys of every length: 01";
static uint8_t iv[16] = { 0x0f, 0x1e, 0x2d, 0x3c };
static CK_BBOOL yes = CK_TRUE;

static void begin(void)
{
	mk_begin();
	mk_policy("strict");
}

static CK_OBJECT_HANDLE generated(CK_MECHANISM_TYPE type, CK_ULONG len, CK_ATTRIBUTE_TYPE usage)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &yes, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { usage, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };

	OK(ck->C_GenerateKey(mk_session, &m, t, len == 0 ? 3 : 4, &key));
	return key;
}

START_TEST(xts_key_is_as_strong_as_its_half)
{
	CK_OBJECT_HANDLE kek, des, small, large;
	CK_MECHANISM m = { CKM_AES_XTS, iv, sizeof(iv) }, ecb = { CKM_DES_ECB, NULL, 0 };
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	kek = generated(CKM_AES_XTS_KEY_GEN, 32, CKA_WRAP);
	small = generated(CKM_AES_KEY_GEN, 16, CKA_ENCRYPT);
	large = generated(CKM_AES_KEY_GEN, 32, CKA_ENCRYPT);
	des = generated(CKM_DES_KEY_GEN, 0, CKA_WRAP);
	IS(ck->C_WrapKey(mk_session, &m, kek, large, out, &len), CKR_WRAPPING_KEY_SIZE_RANGE);
	OK(ck->C_WrapKey(mk_session, &m, kek, small, out, &len));
	len = sizeof(out);
	IS(ck->C_WrapKey(mk_session, &ecb, des, small, out, &len), CKR_WRAPPING_KEY_SIZE_RANGE);
}
END_TEST

START_TEST(md5_verifies_alone)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_MD5_HMAC, VIEW(bytes, 16), CKF_SIGN | CKF_VERIFY);
	CK_MECHANISM m = { CKM_MD5_HMAC, NULL, 0 }, digest = { CKM_MD5, NULL, 0 };
	uint8_t tag[16];
	CK_ULONG len = sizeof(tag);

	IS(mk_init(CKF_SIGN, &m, key), CKR_MECHANISM_INVALID);
	OK(mk_init(CKF_VERIFY, &m, key));
	IS(ck->C_Verify(mk_session, bytes, 10, tag, sizeof(tag)), CKR_SIGNATURE_INVALID);
	OK(mk_init(CKF_DIGEST, &digest, 0));
	OK(mk_single(CKF_DIGEST, VIEW(bytes, 10), tag, &len));
}
END_TEST

/* Whatever protects no integrity unwraps nothing. */
START_TEST(block_modes_unwrap_nothing)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	unsigned raw = 0;

	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);
		CK_OBJECT_HANDLE kek, back = 0;
		uint8_t wrapped[32] = { 0 };
		union mk_param p;
		CK_MECHANISM m = mk_good(row, &p);

		if (!(row->flags & CKF_UNWRAP) || !(row->ops == &cipher_ops || row->ops == &whole_ops))
			continue;
		raw++;
		kek = mk_key_for(row, CKF_UNWRAP);
		IS(ck->C_UnwrapKey(mk_session, &m, kek, wrapped, 32, t, 2, &back), CKR_MECHANISM_INVALID);
		mk_destroy(kek);
	}
	ck_assert_uint_ge(raw, 11);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("symmetric, strict");
	TCase *c = tcase_create("symmetric, strict");

	tcase_add_unchecked_fixture(c, begin, mk_end);
	tcase_add_test(c, xts_key_is_as_strong_as_its_half);
	tcase_add_test(c, md5_verifies_alone);
	tcase_add_test(c, block_modes_unwrap_nothing);
	suite_add_tcase(s, c);
	return mk_main(s);
}
