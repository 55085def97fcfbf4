/* SPDX-License-Identifier: BSD-2-Clause */
/* TMK export and load, handshake tags, what an AUK may do (R1.10, R1.11). */
#include "tk_kit.h"

#include <stdlib.h>
#include <string.h>

/* ---- TMK ---- */

START_TEST(tmk_message_with_one_byte_changed_is_refused_and_makes_no_key) /* R1.11 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	bool nonces = s->handshake == SR_HANDSHAKE_V2;
	CK_OBJECT_HANDLE tmk = 0, loaded = 79;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message), before;
	struct tk_way w;

	tk_whole_way(s, &w);
	ck_ok(kit_role_key(SR_ROLE_TMK, s->type, s->length, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, nonces, message, &len));
	before = kit_count();
	for (CK_ULONG i = 0; i < len; i++) {
		message[i] ^= 0x20;
		ck_assert_uint_eq(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), nonces, &loaded),
				  CKR_WRAPPED_KEY_INVALID);
		message[i] ^= 0x20;
		ck_assert_uint_eq(kit_load(w.tk.tek, w.tk.auk, VIEW(message, i), nonces, &loaded),
				  CKR_WRAPPED_KEY_INVALID);
	}
	ck_assert_uint_eq(loaded, 79);
	ck_assert_uint_eq(kit_count(), before);
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w);
}
END_TEST

START_TEST(tmk_message_of_another_session_is_refused) /* R1.10: rolled-back Ctmk */
{
	const struct tk_shape *s = &tk_shapes[5];
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	struct tk_way w;

	tk_whole_way(s, &w);
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 24, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, true, message, &len));
	kit_terminal_random[0] ^= 1;
	ck_assert_uint_eq(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), true, &loaded), CKR_WRAPPED_KEY_INVALID);
	kit_terminal_random[0] ^= 1;
	kit_host_random[15] ^= 1;
	ck_assert_uint_eq(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), true, &loaded), CKR_WRAPPED_KEY_INVALID);
	kit_host_random[15] ^= 1;
	ck_assert_uint_eq(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), false, &loaded),
			  CKR_MECHANISM_PARAM_INVALID);
	ck_ok(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), true, &loaded));
	ck_ok(ck->C_DestroyObject(ck_session, loaded));
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w);
}
END_TEST

START_TEST(tmk_message_never_falls_back_to_version_1) /* R1.10 */
{
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	struct tmk_message m;
	struct tk_way w1, w2;
	BUF_AUTO b = { 0 };

	tk_whole_way(&tk_shapes[6], &w1); /* version 1 */
	tk_whole_way(&tk_shapes[7], &w2);
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(w2.tek, w2.auk, tmk, true, message, &len));
	ck_assert(tmk_message_parse(VIEW(message, len), &m));
	m.handshake = 1;
	m.mac = VIEW(NULL, 0);
	tmk_message_put(&b, &m);
	ck_assert(buf_ok(&b));
	ck_assert_uint_eq(kit_load(w2.tk.tek, w2.tk.auk, buf_view(&b), true, &loaded), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_ne(kit_load(w2.tk.tek, w2.tk.auk, buf_view(&b), false, &loaded), CKR_OK);
	/* And not with the AUK of another TK, whatever its version. */
	ck_assert_uint_ne(kit_load(w2.tk.tek, w1.tk.auk, buf_view(&b), false, &loaded), CKR_OK);
	ck_assert_uint_ne(kit_export(w2.tek, w1.auk, tmk, false, message, &len), CKR_OK);
	/* Sides: the host loads nothing, the terminal exports nothing. */
	len = sizeof(message);
	ck_assert_uint_ne(kit_export(w2.tk.tek, w2.tk.auk, tmk, true, message, &len), CKR_OK);
	ck_ok(kit_export(w2.tek, w2.auk, tmk, true, message, &len));
	ck_assert_uint_ne(kit_load(w2.tek, w2.auk, VIEW(message, len), true, &loaded), CKR_OK);
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w1);
	tk_drop(&w2);
}
END_TEST

START_TEST(tek_carries_no_longer_key_of_its_type_and_tdes_no_aes) /* R1.11 */
{
	static const struct {
		size_t shape;
		CK_KEY_TYPE type;
		CK_ULONG length;
		bool good;
	} cases[] = {
		{ 1, CKK_DES2, 16, true }, { 1, CKK_DES3, 24, false }, { 1, CKK_AES, 16, false },
		{ 2, CKK_DES2, 16, true }, { 2, CKK_DES3, 24, true },  { 4, CKK_AES, 16, true },
		{ 4, CKK_AES, 24, false }, { 4, CKK_DES3, 24, true },  { 5, CKK_AES, 32, false },
		{ 7, CKK_AES, 32, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_OBJECT_HANDLE tmk = 0;
		uint8_t message[SR_TMK_MESSAGE_MAX];
		CK_ULONG len = sizeof(message);
		struct tk_way w;

		tk_whole_way(&tk_shapes[cases[i].shape], &w);
		ck_ok(kit_role_key(SR_ROLE_TMK, cases[i].type, cases[i].length, &tmk));
		ck_assert_msg((kit_export(w.tek, w.auk, tmk, true, message, &len) == CKR_OK) == cases[i].good,
			      "case %zu", i);
		ck_ok(ck->C_DestroyObject(ck_session, tmk));
		tk_drop(&w);
	}
}
END_TEST

START_TEST(export_keeps_the_length_rule_and_checks_its_parameter)
{
	struct tk_way w;
	CK_OBJECT_HANDLE tmk = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG need = 0, len;
	CK_BYTE iv[8] = { 0 };

	tk_whole_way(&tk_shapes[7], &w);
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, true, NULL, &need));
	len = need - 1;
	ck_assert_uint_eq(kit_export(w.tek, w.auk, tmk, true, message, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, need);
	ck_assert_uint_eq(kit_export(w.tek, w.auk, tmk, false, message, &len), CKR_MECHANISM_PARAM_INVALID);
	{
		struct sr_tmk_params p = { w.auk, kit_terminal_random, 16, kit_host_random, 16, iv, 8 };
		CK_MECHANISM m = { CKM_SR_TMK_EXPORT, &p, sizeof(p) };

		len = sizeof(message);
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, w.tek, tmk, message, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		p.pIv = NULL;
		p.ulIvLen = 0;
		p.hAuk = w.tek;
		ck_assert_uint_ne(ck->C_WrapKey(ck_session, &m, w.tek, tmk, message, &len), CKR_OK);
		p.hAuk = 0;
		ck_assert_uint_ne(ck->C_WrapKey(ck_session, &m, w.tek, tmk, message, &len), CKR_OK);
	}
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w);
}
END_TEST

/* ---- handshake ---- */

static void transcript(struct buf *b, uint8_t direction, const char *serial)
{
	const struct transcript t = { .direction = direction,
				      .handshake = 2,
				      .pos_serial = view_of_string(serial),
				      .terminal_random = VIEW(kit_terminal_random, 16),
				      .host_random = VIEW(kit_host_random, 16),
				      .attrs = { FORMAT_ROLE_TMK, FORMAT_KEY_AES, 16, VIEW(NULL, 0) },
				      .ctmk = VIEW("012345678901234567890123", 24),
				      .check = { FORMAT_CHECK_CMAC, { 1, 2, 3 } } };

	transcript_put(b, &t);
	ck_assert(buf_ok(b));
}

START_TEST(each_side_signs_its_directions_and_verifies_the_others) /* R1.10: reflection */
{
	static const struct {
		uint8_t direction;
		bool host, terminal; /* may sign */
	} cases[] = { { 1, true, false }, { 2, false, true }, { 3, false, false }, { 4, false, true } };
	const struct tk_shape *s = &tk_shapes[_i];
	struct tk_way w;

	tk_whole_way(s, &w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t tag[16], other[16];
		CK_ULONG len = sizeof(tag);
		BUF_AUTO b = { 0 };
		CK_OBJECT_HANDLE signer = cases[i].host ? w.auk : w.tk.auk;
		CK_OBJECT_HANDLE reader = cases[i].host ? w.tk.auk : w.auk;

		transcript(&b, cases[i].direction, "POS-000042");
		if (cases[i].direction == 3) {
			ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&b), tag, &len), CKR_OK);
			len = sizeof(tag);
			ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.tk.auk, buf_view(&b), tag, &len), CKR_OK);
			continue;
		}
		ck_ok(kit_sign(CKM_SR_HANDSHAKE_MAC, signer, buf_view(&b), tag, &len));
		ck_assert_uint_eq(len, s->type == CKK_AES ? 16 : 8);
		ck_ok(kit_verify(CKM_SR_HANDSHAKE_MAC, reader, buf_view(&b), VIEW(tag, len)));
		ck_assert_uint_ne(kit_verify(CKM_SR_HANDSHAKE_MAC, signer, buf_view(&b), VIEW(tag, len)), CKR_OK);
		len = sizeof(other);
		ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, reader, buf_view(&b), other, &len), CKR_OK);
		len = s->type == CKK_AES ? 16 : 8;
		tag[0] ^= 1;
		ck_assert_uint_eq(kit_verify(CKM_SR_HANDSHAKE_MAC, reader, buf_view(&b), VIEW(tag, len)),
				  CKR_SIGNATURE_INVALID);
		tag[0] ^= 1;
		ck_assert_uint_eq(kit_verify(CKM_SR_HANDSHAKE_MAC, reader, buf_view(&b), VIEW(tag, len - 1)),
				  CKR_SIGNATURE_LEN_RANGE);
	}
	tk_drop(&w);
}
END_TEST

START_TEST(tag_of_a_tmk_message_is_verified_by_loading_alone) /* R1.10 */
{
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	CK_OBJECT_HANDLE tmk = 0;
	struct tmk_message m;
	struct tk_way w;
	BUF_AUTO b = { 0 };

	tk_whole_way(&tk_shapes[7], &w);
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, true, message, &len));
	ck_assert(tmk_message_parse(VIEW(message, len), &m));
	{
		const struct transcript t = { .direction = TRANSCRIPT_TMK,
					      .handshake = 2,
					      .pos_serial = VIEW_STR("POS-000042"),
					      .terminal_random = VIEW(kit_terminal_random, 16),
					      .host_random = VIEW(kit_host_random, 16),
					      .attrs = m.attrs,
					      .ctmk = m.ctmk,
					      .check = m.check };

		transcript_put(&b, &t);
	}
	ck_assert(buf_ok(&b));
	ck_assert_uint_eq(kit_verify(CKM_SR_HANDSHAKE_MAC, w.tk.auk, buf_view(&b), m.mac), CKR_DATA_INVALID);
	ck_assert_uint_eq(kit_verify(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&b), m.mac), CKR_DATA_INVALID);
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w);
}
END_TEST

START_TEST(handshake_tag_over_anything_but_an_own_transcript_is_refused) /* R1.10: oracle */
{
	struct tk_way w;
	uint8_t tag[16];
	uint8_t zero[16] = { 0 };
	CK_ULONG len = sizeof(tag);
	BUF_AUTO other = { 0 };
	BUF_AUTO good = { 0 };

	tk_whole_way(&tk_shapes[7], &w);
	transcript(&other, 1, "POS-000043");
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&other), tag, &len), CKR_OK);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, VIEW(zero, 16), tag, &len), CKR_OK);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, VIEW(zero, 0), tag, &len), CKR_OK);
	transcript(&good, 1, "POS-000042");
	buf_put_u8(&good, 0);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&good), tag, &len), CKR_OK);
	tk_drop(&w);
}
END_TEST

START_TEST(auk_of_version_1_does_one_block_and_no_mac) /* R1.10 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	CK_MECHANISM ecb = { s->type == CKK_AES ? CKM_AES_ECB : CKM_DES3_ECB, NULL, 0 };
	CK_MECHANISM cmac = { s->type == CKK_AES ? CKM_AES_CMAC : CKM_DES3_CMAC, NULL, 0 };
	CK_MECHANISM handshake = { CKM_SR_HANDSHAKE_MAC, NULL, 0 };
	CK_ULONG block = s->type == CKK_AES ? 16 : 8;
	CK_OBJECT_HANDLE sides[2];
	uint8_t in[32] = { 1 }, a[32], b[32];
	CK_ULONG len;
	struct tk_way w;

	tk_whole_way(s, &w);
	sides[0] = w.auk;
	sides[1] = w.tk.auk;
	for (size_t i = 0; i < 2; i++) {
		if (s->handshake == SR_HANDSHAKE_V2) {
			ck_assert_uint_ne(ck->C_EncryptInit(ck_session, &ecb, sides[i]), CKR_OK);
		} else {
			len = sizeof(a);
			ck_ok(ck->C_EncryptInit(ck_session, &ecb, sides[i]));
			ck_ok(ck->C_Encrypt(ck_session, in, block, i ? b : a, &len));
			ck_assert_uint_eq(len, block);
			ck_ok(ck->C_EncryptInit(ck_session, &ecb, sides[i]));
			ck_assert_uint_ne(ck->C_Encrypt(ck_session, in, 2 * block, a + 16, &len), CKR_OK);
			ck_assert_uint_ne(ck->C_SignInit(ck_session, &handshake, sides[i]), CKR_OK);
			ck_assert_uint_ne(ck->C_VerifyInit(ck_session, &handshake, sides[i]), CKR_OK);
		}
		ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &ecb, sides[i]), CKR_OK);
		ck_assert_uint_ne(ck->C_SignInit(ck_session, &cmac, sides[i]), CKR_OK);
		ck_assert_uint_ne(ck->C_VerifyInit(ck_session, &cmac, sides[i]), CKR_OK);
	}
	if (s->handshake == SR_HANDSHAKE_V1)
		ck_assert_mem_eq(a, b, block);
	tk_drop(&w);
}
END_TEST

/* text: an attribute as a string; "": absent. */
static const char *text(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, char room[128])
{
	CK_ATTRIBUTE t = { type, room, 127 };

	if (ck->C_GetAttributeValue(ck_session, h, &t, 1) == CKR_ATTRIBUTE_TYPE_INVALID)
		t.ulValueLen = 0;
	ck_assert_uint_le(t.ulValueLen, 127);
	room[t.ulValueLen] = '\0';
	return room;
}

START_TEST(keys_of_the_payment_mechanisms_say_what_they_came_in_under)
{
	static CK_BBOOL yes = CK_TRUE;
	const struct tk_shape *shape = &tk_shapes[7];
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE stored[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 } };
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	CK_ULONG len = sizeof(message);
	struct sr_tmk_params p = { 0 };
	CK_MECHANISM m = { CKM_SR_TMK_LOAD, &p, sizeof(p) };
	char a[128], b[128];
	struct tk_way w;

	tk_whole_way(shape, &w);
	/* Opened keys live in sessions; what comes in under them names the PK. Combined and generated ones name nobody.
	 */
	ck_assert_str_eq(text(w.tek, CKA_SR_PARENT, a), text(tk_pk[shape->keys], CKA_UNIQUE_ID, b));
	ck_assert_str_eq(text(w.auk, CKA_SR_PARENT, a), b);
	ck_assert_str_eq(text(tk_pk[shape->keys], CKA_SR_PARENT, a), "");
	ck_assert_str_eq(text(w.tk.tek, CKA_SR_PARENT, a), "");
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, true, message, &len));
	p = (struct sr_tmk_params){ .hAuk = w.tk.auk,
				    .pTerminalRandom = kit_terminal_random,
				    .ulTerminalRandomLen = sizeof(kit_terminal_random),
				    .pHostRandom = kit_host_random,
				    .ulHostRandomLen = sizeof(kit_host_random) };
	ck_ok(ck->C_UnwrapKey(ck_session, &m, w.tk.tek, message, len, stored, 2, &loaded));
	ck_assert_str_eq(text(loaded, CKA_SR_PARENT, a), text(w.tk.tek, CKA_UNIQUE_ID, b));
	ck_ok(ck->C_DestroyObject(ck_session, loaded));
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tmk");
	TCase *c = tcase_create("tmk");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_loop_test(c, tmk_message_with_one_byte_changed_is_refused_and_makes_no_key, 0, TK_SHAPES);
	tcase_add_test(c, tmk_message_of_another_session_is_refused);
	tcase_add_test(c, tmk_message_never_falls_back_to_version_1);
	tcase_add_test(c, tek_carries_no_longer_key_of_its_type_and_tdes_no_aes);
	tcase_add_test(c, export_keeps_the_length_rule_and_checks_its_parameter);
	tcase_add_loop_test(c, each_side_signs_its_directions_and_verifies_the_others, 1, 3);
	tcase_add_loop_test(c, each_side_signs_its_directions_and_verifies_the_others, 7, 9);
	tcase_add_test(c, tag_of_a_tmk_message_is_verified_by_loading_alone);
	tcase_add_test(c, handshake_tag_over_anything_but_an_own_transcript_is_refused);
	tcase_add_loop_test(c, auk_of_version_1_does_one_block_and_no_mac, 0, TK_SHAPES);
	tcase_add_test(c, keys_of_the_payment_mechanisms_say_what_they_came_in_under);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
