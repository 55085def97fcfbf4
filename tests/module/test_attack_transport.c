/* SPDX-License-Identifier: BSD-2-Clause */
/* What must not go through the door for transported keys, out or in (R1.3, R1.13, R2.9). */
#include "transport_kit.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_RV out(CK_OBJECT_HANDLE pub, const char *label)
{
	return tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, pub, tk_key(label));
}

/* R1.3: one is not two; who acts is none of them; the SO neither. */
START_TEST(one_custodian_is_not_two)
{
	char subject[160], key[33], target[65];

	tk_setup();
	snprintf(subject, sizeof(subject), "%s to %s", tk_unique(tk_key("PK-ACME"), key), tk_target(tk_pub, target));
	tk_approve_out("PK-ACME", tk_pub, true, false);
	ck_rv(out(tk_pub, "PK-ACME"), CKR_SR_NOT_APPROVED);
	/* The same one again. */
	tk_approve_out("PK-ACME", tk_pub, true, false);
	ck_rv(out(tk_pub, "PK-ACME"), CKR_SR_NOT_APPROVED);
	/* Bob approves and does it himself. */
	tk_approve_subject(SR_ACTION_TRANSPORT_OUT, subject, false, true);
	ck_rv(out(tk_pub, "PK-ACME"), CKR_SR_NOT_APPROVED);
	/* Nobody else approves. */
	kit_login(KIT_USER);
	ck_rv(dk_try_approve(SR_ACTION_TRANSPORT_OUT, subject), CKR_ACTION_PROHIBITED);
	ck_login(CKU_SO);
	ck_rv(dk_try_approve(SR_ACTION_TRANSPORT_OUT, subject), CKR_ACTION_PROHIBITED);
	/* After an hour both are gone. */
	dk_advance(3601, 3601);
	kit_login(KIT_USER);
	ck_rv(out(tk_pub, "PK-ACME"), CKR_SR_NOT_APPROVED);
	dk_advance(-3601, -3601);
	kit_login(KIT_USER);
	ck_ok(out(tk_pub, "PK-ACME"));
}
END_TEST

/* R1.3: what was approved is this key for this target: by its numbers, whatever the objects are called. */
START_TEST(approval_of_another_key_or_target_opens_nothing)
{
	static const struct kit_wish mak[] = { { "MAK-ACME", CKK_AES, 32 } };
	CK_OBJECT_HANDLE other = 0, private = 0, copy = 0;
	char label[] = "target";
	CK_ATTRIBUTE name = { CKA_LABEL, label, 6 };

	tk_setup();
	kit_combined(mak, 1);
	kit_login(KIT_USER);
	ck_ok(ck->C_SetAttributeValue(ck_session, tk_pub, &name, 1));
	tk_approve_out("PK-ACME", tk_pub, true, true);
	ck_rv(out(tk_pub, "MAK-ACME"), CKR_SR_NOT_APPROVED);
	/* Another public key under the approved one's name, after the approval. */
	tk_token_pair(2048, 0, &other, &private);
	ck_ok(ck->C_DestroyObject(ck_session, tk_pub));
	ck_ok(ck->C_SetAttributeValue(ck_session, other, &name, 1));
	ck_rv(out(other, "PK-ACME"), CKR_SR_NOT_APPROVED);
	ck_ok(ck->C_CopyObject(ck_session, other, &name, 1, &copy));
	ck_rv(out(copy, "PK-ACME"), CKR_SR_NOT_APPROVED);
	/* An approval of an ordinary export is none. */
	tk_approve_subject(SR_ACTION_BACKUP, "", true, true);
	kit_login(KIT_USER);
	ck_rv(out(other, "PK-ACME"), CKR_SR_NOT_APPROVED);
}
END_TEST

/* R1.3: an approval opens no other mechanism, and takes no protection from the key. */
START_TEST(approval_opens_this_mechanism_alone)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS, CKM_RSA_X_509,
						   CKM_RSA_AES_KEY_WRAP };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS both = { 256, &oaep };
	CK_ATTRIBUTE extractable = { CKA_EXTRACTABLE, &yes, 1 };
	CK_OBJECT_HANDLE pk, copy = 0;
	uint8_t room[1024];
	CK_BYTE value[64];
	CK_ATTRIBUTE v = { CKA_VALUE, value, sizeof(value) };

	tk_setup();
	ck_policy(NULL); /* all relaxations */
	tk_approve_out("PK-ACME", tk_pub, true, true);
	pk = tk_key("PK-ACME");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CK_MECHANISM m = { types[i], NULL, 0 };
		CK_ULONG n = sizeof(room);

		if (types[i] == CKM_RSA_PKCS_OAEP)
			m = (CK_MECHANISM){ types[i], &oaep, sizeof(oaep) };
		if (types[i] == CKM_RSA_AES_KEY_WRAP)
			m = (CK_MECHANISM){ types[i], &both, sizeof(both) };
		ck_rv(ck->C_WrapKey(ck_session, &m, tk_pub, pk, room, &n), CKR_KEY_UNEXTRACTABLE);
	}
	ck_rv(ck->C_GetAttributeValue(ck_session, pk, &v, 1), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_ne(ck->C_CopyObject(ck_session, pk, &extractable, 1, &copy), CKR_OK);
	ck_assert_uint_ne(ck->C_SetAttributeValue(ck_session, pk, &extractable, 1), CKR_OK);
	ck_ok(out(tk_pub, "PK-ACME"));
}
END_TEST

/* R1.12: a retired key stays. */
START_TEST(retired_key_stays)
{
	tk_setup();
	tk_approve_out("PK-ACME", tk_pub, true, true);
	tk_retire("PK-ACME");
	ck_rv(out(tk_pub, "PK-ACME"), CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* R1.3: a target that anybody could break, or with other parameters. */
START_TEST(weak_target_or_wrong_parameter_is_refused)
{
	CK_OBJECT_HANDLE pub = 0, private = 0, pk;
	struct sr_transport_params p = { .hash = CKM_SHA256 };
	CK_MECHANISM m = { CKM_SR_TRANSPORT_RSA, &p, sizeof(p) };
	uint8_t room[SR_TRANSPORT_MAX];
	CK_ULONG n = sizeof(room);

	tk_setup();
	ck_policy(NULL);
	kit_login(KIT_USER);
	tk_token_pair(1024, 0, &pub, &private);
	pk = tk_key("PK-ACME");
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, pub, pk), CKR_WRAPPING_KEY_SIZE_RANGE);
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, CKM_MD5, tk_pub, pk), CKR_MECHANISM_PARAM_INVALID);
	ck_rv(tk_out(CKM_SR_TRANSPORT_RSA, 0, tk_pub, pk), CKR_MECHANISM_PARAM_INVALID);
	p.pSource = room;
	p.ulSourceLen = 44;
	ck_rv(ck->C_WrapKey(ck_session, &m, tk_pub, pk, room, &n), CKR_MECHANISM_PARAM_INVALID);
	m.pParameter = NULL;
	m.ulParameterLen = 0;
	ck_rv(ck->C_WrapKey(ck_session, &m, tk_pub, pk, room, &n), CKR_MECHANISM_PARAM_INVALID);
	/* The receiver's own key is for receiving: it wraps and decrypts nothing. */
	m = (CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 };
	ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &m, tk_priv()), CKR_OK);
	ck_assert_uint_ne(ck->C_SignInit(ck_session, &m, tk_priv()), CKR_OK);
}
END_TEST

/* sent: PK-ACME is in tk_block and gone from the token. */
static void sent(void)
{
	tk_setup();
	tk_approve_out("PK-ACME", tk_pub, true, true);
	ck_ok(out(tk_pub, "PK-ACME"));
	tk_destroy("PK-ACME");
}

/* R1.13: every byte of a block is under the signature, and the approvals are for these bytes. */
START_TEST(changed_block_does_not_come_in)
{
	CK_OBJECT_HANDLE back = 0;
	CK_ULONG whole;

	sent();
	tk_approve_in(true, true);
	kit_login(KIT_USER);
	for (CK_ULONG i = 0; i < tk_len; i++) {
		tk_block[i] ^= 1;
		ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
		tk_block[i] ^= 1;
	}
	whole = tk_len;
	for (tk_len = 1; tk_len < whole; tk_len += 7)
		ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
	tk_len = whole + 1;
	tk_block[whole] = 0;
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
	tk_len = whole;
	ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back));
}
END_TEST

/* forge: the block signed anew by a key of the attacker's, who has the receiver's public key and his own PK. */
static struct view forge(void)
{
	static uint8_t info[64];
	static const char text[] = "strongroom transport";
	unsigned char *p = info;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct transport t = tk_parsed();
	BUF_AUTO covered = { 0 };
	size_t n = 64;
	int len;

	buf_put(&covered, text, sizeof(text));
	buf_put_view(&covered, t.serial);
	buf_put(&covered, tk_block, tk_len - 64);
	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, tk_block + tk_len - 64, &n, covered.p, covered.len), 1);
	len = i2d_PUBKEY(key, &p);
	ck_assert_int_eq(len, 44);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return VIEW(info, 44);
}

/* R1.13: a block of the attacker's own, under a source that he names, and with our name for it. */
START_TEST(forged_source_does_not_come_in)
{
	const CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE back = 0;
	struct view his;

	sent();
	tk_approve_in(true, true);
	kit_login(KIT_USER);
	his = forge();
	ck_rv(tk_in_from(CKM_SR_TRANSPORT_RSA, tk_priv(), his, t, 1, &back), CKR_SR_NOT_APPROVED);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
	ck_rv(tk_in_from(CKM_SR_TRANSPORT_RSA, tk_priv(), VIEW(his.p, 0), t, 1, &back), CKR_MECHANISM_PARAM_INVALID);
	ck_rv(tk_in_from(CKM_SR_TRANSPORT_RSA, tk_priv(), VIEW(his.p, 43), t, 1, &back), CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

/* R1.13: what SR_SignStatement signs for everybody is no signature of a block. */
START_TEST(signed_statement_is_no_block)
{
	CK_OBJECT_HANDLE back = 0;
	CK_ULONG n = 64;

	sent();
	tk_block[9] ^= 1; /* another generation, say */
	ck_ok(dk_sr()->SR_SignStatement(ck_session, tk_block, tk_len - 64, tk_block + tk_len - 64, &n));
	tk_approve_in(true, true);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, tk_priv(), &back), CKR_WRAPPED_KEY_INVALID);
}
END_TEST

/* R1.3: another receiver, an ordinary key, and templates that ask for more. */
START_TEST(block_comes_in_to_its_receiver_as_what_it_is)
{
	CK_OBJECT_HANDLE back = 0, pub = 0, private = 0;
	CK_ULONG role = SR_ROLE_MAK, generation = 7, length = 16;
	char label[] = "PK-OTHER";
	const CK_ATTRIBUTE more[] = { { CKA_EXTRACTABLE, &yes, 1 },
				      { CKA_SR_ROLE, &role, sizeof(role) },
				      { CKA_SR_GENERATION, &generation, sizeof(generation) },
				      { CKA_LABEL, label, 8 },
				      { CKA_VALUE_LEN, &length, sizeof(length) },
				      { CKA_TOKEN, &no, 1 } };

	sent();
	tk_approve_in(true, true);
	kit_login(KIT_USER);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, more[i] };

		if (more[i].type == CKA_TOKEN)
			t[0] = more[i];
		ck_assert_msg(tk_in_from(CKM_SR_TRANSPORT_RSA, tk_priv(), tk_source(), t,
					 more[i].type == CKA_TOKEN ? 1 : 2, &back) != CKR_OK,
			      "template %zu", i);
	}
	private = tk_priv();
	tk_pair_of(2048, SR_ROLE_KTR, NULL, &pub, &back);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, back, &back), CKR_WRAPPED_KEY_INVALID);
	tk_pair_of(2048, 0, NULL, &pub, &back);
	ck_rv(tk_in(CKM_SR_TRANSPORT_RSA, back, &back), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_ok(tk_in(CKM_SR_TRANSPORT_RSA, private, &back));
	ck_assert(!ck_get_bool(back, CKA_EXTRACTABLE));
}
END_TEST

/* R1.3: the wrapped key alone, without its block, opens under the receiver's key by no standard mechanism. */
START_TEST(receiver_opens_by_no_standard_mechanism)
{
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	struct transport block;
	CK_OBJECT_HANDLE back = 0;

	sent();
	ck_policy(NULL);
	kit_login(KIT_USER);
	block = tk_parsed();
	ck_assert_uint_ne(ck->C_UnwrapKey(ck_session, &m, tk_priv(), (CK_BYTE_PTR)(uintptr_t)block.wrapped.p,
					  block.wrapped.n, t, 4, &back),
			  CKR_OK);
	ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &m, tk_priv()), CKR_OK);
}
END_TEST

static Suite *attack_transport_suite(void)
{
	Suite *s = suite_create("attack_transport");
	TCase *c = tcase_create("attacks");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, kit_begin, ck_test_end);
	tcase_add_test(c, one_custodian_is_not_two);
	tcase_add_test(c, approval_of_another_key_or_target_opens_nothing);
	tcase_add_test(c, approval_opens_this_mechanism_alone);
	tcase_add_test(c, retired_key_stays);
	tcase_add_test(c, weak_target_or_wrong_parameter_is_refused);
	tcase_add_test(c, changed_block_does_not_come_in);
	tcase_add_test(c, forged_source_does_not_come_in);
	tcase_add_test(c, signed_statement_is_no_block);
	tcase_add_test(c, block_comes_in_to_its_receiver_as_what_it_is);
	tcase_add_test(c, receiver_opens_by_no_standard_mechanism);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return ck_test_run(attack_transport_suite());
}
