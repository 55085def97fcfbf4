/* SPDX-License-Identifier: BSD-2-Clause */
#include "message_kit.h"
#include <string.h>

/* Signatures by messages (PKCS#11 3.0, 5.14 and 5.16), over every row of the table that has them. */

static uint8_t text[64] = "Now is the time for all good men to come to the aid of the army";

/* Digests and encoded hashes that bare signature mechanisms take have 20 to 32 bytes. */
static size_t text_len(const struct mech_row *row)
{
	return row->traits & MECH_NO_UPDATE ? 32 : 50;
}

static CK_RV verify(struct view data, uint8_t *tag, CK_ULONG n)
{
	return ck32->C_VerifyMessage(mk_session, NULL, 0, UNVIEW(data), tag, n);
}

/* The parameter of the Init serves every message, unless it has pointers: then each message brings its own. */
static void one_row(const struct mech_row *row)
{
	size_t n = text_len(row);
	union mk_param p;
	CK_MECHANISM m = mk_good(row, &p);
	bool bring = m.ulParameterLen != 0 && !row->param->flat;
	void *own = bring ? m.pParameter : NULL;
	CK_ULONG own_len = bring ? m.ulParameterLen : 0, len = 0;
	CK_OBJECT_HANDLE sign = mk_key_for(row, CKF_SIGN), check = mk_key_for(row, CKF_VERIFY);
	uint8_t tag[1024], other[1024];

	OK(ck32->C_MessageSignInit(mk_session, &m, sign));
	OK(ck32->C_MessageVerifyInit(mk_session, &m, check));
	IS(ck32->C_MessageSignInit(mk_session, &m, sign), CKR_OPERATION_ACTIVE);
	if (bring) {
		len = sizeof(tag);
		IS(ck32->C_SignMessage(mk_session, NULL, 0, text, n, tag, &len), CKR_MECHANISM_PARAM_INVALID);
		len = 0;
	}
	for (size_t again = 0; again < 2; again++) {
		CK_RV rv = ck32->C_SignMessage(mk_session, own, own_len, text, n, NULL, &len);

		ck_assert_msg(rv == CKR_OK && len > 0, "%s: %lx", row->name, rv);
		len--;
		IS(ck32->C_SignMessage(mk_session, own, own_len, text, n, tag, &len), CKR_BUFFER_TOO_SMALL);
		rv = ck32->C_SignMessage(mk_session, own, own_len, text, n, tag, &len);
		ck_assert_msg(rv == CKR_OK, "%s: %lx", row->name, rv);
		rv = ck32->C_VerifyMessage(mk_session, own, own_len, text, n, tag, len);
		ck_assert_msg(rv == CKR_OK, "%s: %lx", row->name, rv);
		tag[0] ^= 1;
		IS(ck32->C_VerifyMessage(mk_session, own, own_len, text, n, tag, len), CKR_SIGNATURE_INVALID);
		tag[0] ^= 1;
		IS(ck32->C_VerifyMessage(mk_session, own, own_len, text, n, tag, len - 1), CKR_SIGNATURE_LEN_RANGE);
	}
	if (row->flags & CKF_MULTI_MESSAGE) {
		CK_ULONG more = sizeof(other);

		OK(ck32->C_SignMessageBegin(mk_session, own, own_len));
		OK(ck32->C_SignMessageNext(mk_session, NULL, 0, text, 7, NULL, NULL));
		OK(ck32->C_SignMessageNext(mk_session, NULL, 0, text + 7, n - 7, NULL, &more));
		ck_assert_uint_eq(more, len);
		more = 0;
		IS(ck32->C_SignMessageNext(mk_session, NULL, 0, text + 7, n - 7, other, &more), CKR_BUFFER_TOO_SMALL);
		OK(ck32->C_SignMessageNext(mk_session, NULL, 0, text + 7, n - 7, other, &more));
		IS(ck32->C_SignMessageNext(mk_session, NULL, 0, text, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
		OK(ck32->C_VerifyMessage(mk_session, own, own_len, text, n, other, more));
		OK(ck32->C_VerifyMessageBegin(mk_session, own, own_len));
		OK(ck32->C_VerifyMessageNext(mk_session, NULL, 0, text, 33, NULL, 0));
		OK(ck32->C_VerifyMessageNext(mk_session, NULL, 0, text + 33, n - 33, tag, len));
		OK(ck32->C_VerifyMessageBegin(mk_session, own, own_len));
		IS(ck32->C_VerifyMessageNext(mk_session, NULL, 0, text, n - 1, tag, len), CKR_SIGNATURE_INVALID);
	} else {
		IS(ck32->C_SignMessageBegin(mk_session, own, own_len), CKR_OPERATION_NOT_INITIALIZED);
		IS(ck32->C_VerifyMessageBegin(mk_session, own, own_len), CKR_OPERATION_NOT_INITIALIZED);
	}
	OK(ck32->C_MessageSignFinal(mk_session));
	OK(ck32->C_MessageVerifyFinal(mk_session));
	IS(ck32->C_MessageSignFinal(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	IS(ck32->C_MessageVerifyFinal(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(sign);
	mk_destroy(check);
}

/* Keys of these families have tests of their own kits; MACs and RSA stand for the generic way. */
static bool here(const struct mech_row *row)
{
	CK_KEY_TYPE type = row->keys.count > 0 ? row->keys.types[0] : CKK_GENERIC_SECRET;

	return type == CKK_RSA || type == CKK_AES || type == CKK_DES || type == CKK_DES2 || type == CKK_DES3 ||
	       type == CKK_GENERIC_SECRET;
}

START_TEST(every_mac_and_rsa_signature_works_by_messages)
{
	size_t done = 0;

	for (size_t i = 0; i < mech_count(); i++) {
		const struct mech_row *row = mech_at(i);

		if (!(row->flags & CKF_MESSAGE_SIGN) || !(row->flags & CKF_MESSAGE_VERIFY) || !here(row) ||
		    row->type == CKM_RSA_X_509 || row->type == CKM_RSA_X9_31)
			continue;
		one_row(row);
		done++;
	}
	ck_assert_uint_ge(done, 40);
}
END_TEST

START_TEST(running_message_refuses_others_and_goes_on)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 16), CKF_SIGN | CKF_VERIFY);
	CK_MECHANISM m = { CKM_AES_CMAC, NULL, 0 };
	uint8_t tag[16];
	CK_ULONG len = sizeof(tag);

	OK(ck32->C_MessageSignInit(mk_session, &m, key));
	OK(ck32->C_MessageVerifyInit(mk_session, &m, key));
	IS(ck32->C_SignMessageNext(mk_session, NULL, 0, text, 4, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	IS(ck32->C_VerifyMessageNext(mk_session, NULL, 0, text, 4, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck32->C_SignMessageBegin(mk_session, NULL, 0));
	OK(ck32->C_VerifyMessageBegin(mk_session, NULL, 0));
	IS(ck32->C_SignMessageBegin(mk_session, NULL, 0), CKR_OPERATION_ACTIVE);
	IS(ck32->C_VerifyMessageBegin(mk_session, NULL, 0), CKR_OPERATION_ACTIVE);
	IS(ck32->C_SignMessage(mk_session, NULL, 0, text, 4, tag, &len), CKR_OPERATION_ACTIVE);
	IS(verify(VIEW(text, 4), tag, 16), CKR_OPERATION_ACTIVE);
	IS(ck32->C_MessageSignFinal(mk_session), CKR_OPERATION_ACTIVE);
	IS(ck32->C_MessageVerifyFinal(mk_session), CKR_OPERATION_ACTIVE);
	OK(ck32->C_SignMessageNext(mk_session, NULL, 0, text, 4, tag, &len));
	OK(ck32->C_VerifyMessageNext(mk_session, NULL, 0, text, 4, tag, len));
	OK(ck32->C_SignMessageBegin(mk_session, NULL, 0));
	IS(ck32->C_SignMessageNext(mk_session, NULL, 0, NULL, 4, NULL, NULL), CKR_ARGUMENTS_BAD);
	IS(ck32->C_SignMessageNext(mk_session, NULL, 0, text, 4, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	IS(ck32->C_SignMessage(mk_session, NULL, 0, text, ~0UL, tag, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_SignMessage(mk_session, NULL, 0, text, 4, tag, NULL), CKR_ARGUMENTS_BAD);
	IS(ck32->C_SignMessage(mk_session, NULL, 8, text, 4, tag, &len), CKR_ARGUMENTS_BAD);
	IS(ck32->C_SignMessage(mk_session, text, 8, text, 4, tag, &len), CKR_MECHANISM_PARAM_INVALID);
	IS(ck32->C_SignMessage(mk_session, text, ~0UL, text, 4, tag, &len), CKR_ARGUMENTS_BAD);
	IS(verify(VIEW(text, 4), NULL, 16), CKR_ARGUMENTS_BAD);
	OK(verify(VIEW(text, 4), tag, 16));
	OK(ck32->C_SessionCancel(mk_session, CKF_MESSAGE_VERIFY));
	IS(verify(VIEW(text, 4), tag, 16), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck32->C_SignMessageBegin(mk_session, NULL, 0));
	OK(ck32->C_MessageSignInit(mk_session, NULL, 0));
	IS(ck32->C_SignMessageBegin(mk_session, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(key);
}
END_TEST

/* A message may bring another length of its MAC. */
START_TEST(message_brings_its_own_parameter)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 16), CKF_SIGN);
	CK_ULONG four = 4, ten = 10, none = 17, len = 16;
	CK_MECHANISM m = { CKM_AES_CMAC_GENERAL, &four, sizeof(four) };
	uint8_t a[16], b[16];

	OK(ck32->C_MessageSignInit(mk_session, &m, key));
	four = 99; /* the process has its own copy */
	OK(ck32->C_SignMessage(mk_session, NULL, 0, text, 20, a, &len));
	ck_assert_uint_eq(len, 4);
	len = 16;
	OK(ck32->C_SignMessage(mk_session, &ten, sizeof(ten), text, 20, b, &len));
	ck_assert_uint_eq(len, 10);
	ck_assert_mem_eq(a, b, 4);
	IS(ck32->C_SignMessage(mk_session, &none, sizeof(none), text, 20, b, &len), CKR_MECHANISM_PARAM_INVALID);
	OK(ck32->C_MessageSignFinal(mk_session));
	mk_destroy(key);
}
END_TEST

START_TEST(key_for_one_message_and_wrong_keys_are_refused)
{
	CK_OBJECT_HANDLE poly = mk_secret(CKK_POLY1305, VIEW(text, 32), CKF_SIGN | CKF_VERIFY);
	CK_OBJECT_HANDLE aes = mk_secret(CKK_AES, VIEW(text, 16), CKF_ENCRYPT);
	CK_MECHANISM m = { CKM_POLY1305, NULL, 0 }, cmac = { CKM_AES_CMAC, NULL, 0 };

	IS(ck32->C_MessageSignInit(mk_session, &m, poly), CKR_MECHANISM_INVALID);
	IS(ck32->C_MessageVerifyInit(mk_session, &m, poly), CKR_MECHANISM_INVALID);
	IS(ck32->C_MessageSignInit(mk_session, &cmac, aes), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(ck32->C_MessageVerifyInit(mk_session, &cmac, aes), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(ck32->C_MessageSignInit(mk_session, &cmac, poly), CKR_KEY_TYPE_INCONSISTENT);
	IS(ck32->C_MessageSignInit(mk_session, &cmac, 987654), CKR_KEY_HANDLE_INVALID);
	IS(ck32->C_MessageSignInit(mk_session, NULL, 0), CKR_ARGUMENTS_BAD);
	mk_destroy(poly);
	mk_destroy(aes);
}
END_TEST

/* There is nobody to log in between two messages. */
START_TEST(key_that_wants_a_login_per_use_has_no_messages)
{
	CK_MECHANISM generate = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, m = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public_t[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE private_t[] = { { CKA_SIGN, &yes, 1 }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_OBJECT_HANDLE public = 0, private = 0;

	OK(ck->C_GenerateKeyPair(mk_session, &generate, public_t, 1, private_t, 2, &public, &private));
	IS(ck32->C_MessageSignInit(mk_session, &m, private), CKR_USER_NOT_LOGGED_IN);
	mk_destroy(public);
	mk_destroy(private);
}
END_TEST

START_TEST(process_of_messages_is_not_saved)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(text, 16), CKF_SIGN);
	CK_MECHANISM m = { CKM_AES_CMAC, NULL, 0 };
	CK_ULONG len = 0;

	IS(ck->C_GetOperationState(mk_session, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck32->C_MessageSignInit(mk_session, &m, key));
	IS(ck->C_GetOperationState(mk_session, NULL, &len), CKR_STATE_UNSAVEABLE);
	OK(ck32->C_MessageSignFinal(mk_session));
	mk_destroy(key);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("signatures by messages");
	TCase *c = tcase_create("messages");

	tcase_add_unchecked_fixture(c, message_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, every_mac_and_rsa_signature_works_by_messages);
	tcase_add_test(c, running_message_refuses_others_and_goes_on);
	tcase_add_test(c, message_brings_its_own_parameter);
	tcase_add_test(c, key_for_one_message_and_wrong_keys_are_refused);
	tcase_add_test(c, key_that_wants_a_login_per_use_has_no_messages);
	tcase_add_test(c, process_of_messages_is_not_saved);
	suite_add_tcase(s, c);
	return mk_main(s);
}
