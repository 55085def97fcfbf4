/* SPDX-License-Identifier: BSD-2-Clause */
/* TK: made in the terminal, rewrapped, opened at the host (R1.4, R1.7, R1.9). */
#include "tk_kit.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

START_TEST(tk_made_in_the_terminal_arrives_at_the_host) /* R1.4 R1.7 R1.9 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	bool nonces = s->handshake == SR_HANDSHAKE_V2;
	CK_KEY_TYPE tmk_type = s->type;
	struct tk_way w;
	struct tk_record r;

	tk_whole_way(s, &w);
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	ck_assert_uint_eq(r.suite, s->suite);
	ck_assert_uint_eq(r.handshake, s->handshake);
	ck_assert(view_equal(r.pos_serial, VIEW_STR("POS-000042")));
	ck_assert(view_equal(r.customer, VIEW_STR("ACME")));
	ck_assert_uint_eq(r.collected, 1700000000);
	ck_assert(!r.has_imported);
	tk_same_key(w.tk.tek, w.tek);
	tk_same_key(w.tk.auk, w.auk);
	ck_assert_uint_eq(ck_get_ulong(w.tek, CKA_SR_ROLE), SR_ROLE_TEK);
	ck_assert_uint_eq(ck_get_ulong(w.auk, CKA_SR_ROLE), SR_ROLE_AUK);
	ck_assert_uint_eq(ck_get_ulong(w.auk, CKA_SR_SIDE), SR_SIDE_HOST);
	ck_assert_uint_eq(ck_get_ulong(w.tk.auk, CKA_SR_SIDE), SR_SIDE_TERMINAL);
	ck_assert_uint_eq(ck_get_ulong(w.tek, CKA_SR_HANDSHAKE), s->handshake);
	ck_assert_uint_eq(ck_get_ulong(w.tek, CKA_SR_COUNTER), r.counter);
	ck_assert_uint_eq(ck_get_ulong(w.tek, CKA_KEY_TYPE), s->type);
	ck_assert(!ck_get_bool(w.tek, CKA_TOKEN) && ck_get_bool(w.tk.tek, CKA_TOKEN));
	ck_ok(kit_role_key(SR_ROLE_TMK, tmk_type, s->length, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, nonces, message, &len)); /* R1.11 */
	ck_ok(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), nonces, &loaded));
	tk_same_key(tmk, loaded);
	ck_assert_uint_eq(ck_get_ulong(loaded, CKA_SR_ROLE), SR_ROLE_TMK);
	ck_assert(!ck_get_bool(loaded, CKA_EXTRACTABLE) && ck_get_bool(loaded, CKA_SENSITIVE));
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	ck_ok(ck->C_DestroyObject(ck_session, loaded));
	tk_drop(&w);
}
END_TEST

/* Every byte of a packet changed in one bit: refused, always with the same code, and nothing is written. */
START_TEST(packet_with_one_byte_changed_is_refused) /* R1.7 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	uint8_t out[SR_RECORD_MAX];
	struct tk_way w;

	tk_make(s, &w);
	ck_ok(tk_rewrap(s, &w));
	for (CK_ULONG i = 0; i < w.tk.packet_len; i++) {
		CK_ULONG len = sizeof(out);

		/* Every RSA decryption costs; inside the ciphertexts every seventh byte will do. */
		if (w.tk.packet_len - i > 40 && i > 80 && i % 7 != 0)
			continue;
		w.tk.packet[i] ^= 0x04;
		memset(out, 0, sizeof(out));
		ck_assert_uint_eq(
		    kit_rewrap(tk_pk[s->keys], tk_mak[s->keys], tk_pr, VIEW(w.tk.packet, w.tk.packet_len), out, &len),
		    CKR_WRAPPED_KEY_INVALID);
		w.tk.packet[i] ^= 0x04;
		ck_assert_uint_eq(out[0], 0);
	}
	ck_ok(tk_rewrap(s, &w));
	tk_drop(&w);
}
END_TEST

/* The module shares libcrypto with its host, whose TLS looks into this queue after every call of its own. */
START_TEST(refusal_leaves_nothing_in_the_callers_openssl_error_queue)
{
	struct tk_way w;
	unsigned long mine;

	tk_make(&tk_shapes[5], &w);
	w.tk.packet[200] ^= 1;
	ERR_clear_error();
	ck_assert_uint_eq(tk_rewrap(&tk_shapes[5], &w), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, 1);
	mine = ERR_peek_error();
	ck_assert_uint_eq(tk_rewrap(&tk_shapes[5], &w), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(ERR_peek_last_error(), mine);
	ERR_clear_error();
	tk_drop(&w);
}
END_TEST

START_TEST(packet_cut_or_prolonged_is_refused)
{
	const struct tk_shape *s = &tk_shapes[5];
	struct tk_way w;

	tk_make(s, &w);
	for (CK_ULONG n = 0; n < w.tk.packet_len; n++) {
		uint8_t out[SR_RECORD_MAX];
		CK_ULONG len = sizeof(out);

		ck_assert_uint_eq(kit_rewrap(tk_pk[s->keys], tk_mak[s->keys], tk_pr, VIEW(w.tk.packet, n), out, &len),
				  CKR_WRAPPED_KEY_INVALID);
	}
	w.tk.packet_len++;
	ck_assert_uint_eq(tk_rewrap(s, &w), CKR_WRAPPED_KEY_INVALID);
	tk_drop(&w);
}
END_TEST

/* A packet of ours, put together anew with what a test wants to be wrong; possession MAC not repaired. */
START_TEST(packet_with_swapped_keys_serial_or_other_terminals_keys_is_refused) /* R1.4 */
{
	const struct tk_shape *s = &tk_shapes[5];
	struct tk_way a, b;
	struct tk_packet p, q;

	tk_make(s, &a);
	tk_make(s, &b);
	ck_assert(tk_packet_parse(VIEW(a.tk.packet, a.tk.packet_len), &p));
	ck_assert(tk_packet_parse(VIEW(b.tk.packet, b.tk.packet_len), &q));
	for (int kind = 0; kind < 6; kind++) {
		struct tk_packet bad = p;
		BUF_AUTO out = { 0 };
		uint8_t record[SR_RECORD_MAX];
		CK_ULONG len = sizeof(record);
		const struct view swap = bad.ctek;

		switch (kind) {
		case 0: /* TEK and AUK exchanged */
			bad.ctek = bad.cauk;
			bad.cauk = swap;
			break;
		case 1: /* TEK equal to AUK */
			bad.ctek = bad.cauk;
			break;
		case 2: /* another terminal's TEK */
			bad.ctek = q.ctek;
			break;
		case 3: /* another terminal's serial number */
			bad.pos_serial = VIEW_STR("POS-000043");
			break;
		case 4: /* an older counter */
			bad.counter = 1;
			break;
		default: /* downgrade of the handshake */
			bad.handshake = SR_HANDSHAKE_V1;
			break;
		}
		tk_packet_put(&out, &bad);
		ck_assert(buf_ok(&out));
		ck_assert_uint_eq(kit_rewrap(tk_pk[2], tk_mak[2], tk_pr, buf_view(&out), record, &len),
				  CKR_WRAPPED_KEY_INVALID);
	}
	tk_drop(&a);
	tk_drop(&b);
}
END_TEST

START_TEST(rewrap_checks_its_parameter_and_its_keys) /* R1.7 */
{
	const struct tk_shape *s = &tk_shapes[5];
	struct tk_way w;
	CK_OBJECT_HANDLE plain, plain_pu, plain_pr;
	uint8_t out[SR_RECORD_MAX];
	CK_ULONG len = sizeof(out);
	struct view packet;
	CK_BYTE customer[] = "ACME";
	CK_BYTE bad_customer[] = "A/ME";
	CK_BYTE iv[8] = { 1 };

	tk_make(s, &w);
	packet = VIEW(w.tk.packet, w.tk.packet_len);
	plain = kit_plain_key(CKK_AES, 32);
	kit_pair(2048, false, &plain_pu, &plain_pr);
	ck_assert_uint_ne(kit_rewrap(plain, tk_mak[2], tk_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_mak[2], tk_mak[2], tk_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], plain, tk_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], tk_pk[2], tk_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], tk_mak[0], tk_pr, packet, out, &len), CKR_OK); /* MAK of another type */
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], tk_mak[2], plain_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], tk_mak[2], tk_pu, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], tk_mak[2], 0, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(tk_pk[2], 0, tk_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_eq(kit_rewrap(tk_pk[0], tk_mak[0], tk_pr, packet, out, &len),
			  CKR_WRAPPED_KEY_INVALID); /* suite */
	{
		struct sr_tk_rewrap_params p = { .hMak = tk_mak[2],
						 .pPacket = w.tk.packet,
						 .ulPacketLen = w.tk.packet_len,
						 .pCustomer = customer,
						 .ulCustomerLen = 4 };
		CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };
		CK_ULONG need = 0;

		ck_ok(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, NULL, &need));
		len = need - 1;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(len, need);
		ck_ok(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len));
		ck_assert_uint_eq(len, need);
		p.pTekIv = iv;
		p.ulTekIvLen = 8;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		p.pTekIv = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		p.ulTekIvLen = 0;
		p.pCustomer = bad_customer;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		p.pCustomer = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		p.pCustomer = customer;
		p.pPacket = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		m.ulParameterLen--;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
		m.pParameter = NULL;
		m.ulParameterLen = 0;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[2], tk_pr, out, &len),
				  CKR_MECHANISM_PARAM_INVALID);
	}
	ck_ok(ck->C_DestroyObject(ck_session, plain));
	tk_drop(&w);
}
END_TEST

START_TEST(record_with_given_ivs_is_the_same_every_time) /* the standard way makes these bytes too */
{
	const struct tk_shape *s = &tk_shapes[1];
	struct tk_way w;
	CK_BYTE customer[] = "ACME", tek_iv[8] = { 1, 2, 3 }, auk_iv[8] = { 4, 5, 6 };
	uint8_t a[SR_RECORD_MAX], b[SR_RECORD_MAX];
	CK_ULONG a_len = sizeof(a), b_len = sizeof(b);
	struct tk_record r;

	tk_make(s, &w);
	{
		struct sr_tk_rewrap_params p = { tk_mak[1], w.tk.packet, w.tk.packet_len, customer, 4, 99,
						 tek_iv,    8,           auk_iv,          8 };
		CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };

		ck_ok(ck->C_WrapKey(ck_session, &m, tk_pk[1], tk_pr, a, &a_len));
		ck_ok(ck->C_WrapKey(ck_session, &m, tk_pk[1], tk_pr, b, &b_len));
		p.ulTekIvLen = 7;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, tk_pk[1], tk_pr, b, &b_len),
				  CKR_MECHANISM_PARAM_INVALID);
	}
	ck_assert_uint_eq(a_len, b_len);
	ck_assert_mem_eq(a, b, a_len);
	ck_assert(tk_record_parse(VIEW(a, a_len), &r));
	ck_assert(view_equal(r.tek.iv, VIEW(tek_iv, 8)) && view_equal(r.auk.iv, VIEW(auk_iv, 8)));
	tk_drop(&w);
}
END_TEST

START_TEST(record_with_one_byte_changed_is_refused_and_makes_no_key) /* R1.9 R2.7 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	CK_OBJECT_HANDLE tek = 77, auk = 78;
	CK_ULONG before;
	struct tk_way w;

	tk_make(s, &w);
	ck_ok(tk_rewrap(s, &w));
	before = kit_count();
	for (CK_ULONG i = 0; i < w.record_len; i++) {
		w.record[i] ^= 0x10;
		ck_assert_uint_eq(kit_open(tk_pk[s->keys], tk_mak[s->keys], VIEW(w.record, w.record_len), &tek, &auk),
				  CKR_WRAPPED_KEY_INVALID);
		w.record[i] ^= 0x10;
		ck_assert_uint_eq(kit_open(tk_pk[s->keys], tk_mak[s->keys], VIEW(w.record, i), &tek, &auk),
				  CKR_WRAPPED_KEY_INVALID);
	}
	ck_assert_uint_eq(tek, 77);
	ck_assert_uint_eq(auk, 78);
	ck_assert_uint_eq(kit_count(), before);
	tk_drop(&w);
}
END_TEST

START_TEST(import_time_does_not_break_the_record) /* R2.1 */
{
	const struct tk_shape *s = &tk_shapes[5];
	struct tk_way w;
	struct tk_record r;
	BUF_AUTO b = { 0 };

	tk_make(s, &w);
	ck_ok(tk_rewrap(s, &w));
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	r.has_imported = true;
	r.imported = 1700000100;
	tk_record_put(&b, &r);
	ck_assert(buf_ok(&b));
	ck_ok(kit_open(tk_pk[2], tk_mak[2], buf_view(&b), &w.tek, &w.auk));
	tk_drop(&w);
}
END_TEST

START_TEST(record_under_other_keys_is_refused) /* R2.7 */
{
	const struct tk_shape *s = &tk_shapes[1];
	CK_OBJECT_HANDLE tek, auk;
	struct tk_way w;

	tk_make(s, &w);
	ck_ok(tk_rewrap(s, &w));
	ck_assert_uint_eq(kit_open(tk_pk[0], tk_mak[0], VIEW(w.record, w.record_len), &tek, &auk),
			  CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(kit_open(tk_pk[2], tk_mak[2], VIEW(w.record, w.record_len), &tek, &auk),
			  CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_ne(kit_open(tk_pk[1], tk_pk[1], VIEW(w.record, w.record_len), &tek, &auk), CKR_OK);
	ck_assert_uint_ne(kit_open(tk_mak[1], tk_mak[1], VIEW(w.record, w.record_len), &tek, &auk), CKR_OK);
	tk_drop(&w);
}
END_TEST

/* Suite 1 asks for TDES keys, not for keys of one length. */
START_TEST(pk_and_mak_of_suite_1_may_differ_in_length) /* R1.7 R1.9 */
{
	CK_OBJECT_HANDLE tek = 0, auk = 0;
	uint8_t record[SR_RECORD_MAX];
	struct tk_way w;

	for (int i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(record);

		tk_make(&tk_shapes[1], &w);
		ck_ok(kit_rewrap(tk_pk[i], tk_mak[1 - i], tk_pr, VIEW(w.tk.packet, w.tk.packet_len), record, &len));
		ck_ok(kit_open(tk_pk[i], tk_mak[1 - i], VIEW(record, len), &tek, &auk));
		tk_same_key(w.tk.tek, tek);
		ck_ok(ck->C_DestroyObject(ck_session, tek));
		ck_ok(ck->C_DestroyObject(ck_session, auk));
		tk_drop(&w);
	}
}
END_TEST

START_TEST(generation_checks_its_parameter) /* R1.4 */
{
	struct kit_tk tk;
	CK_BYTE bad_serial[] = "POS 1", leading_zero[] = { 0, 1 };
	CK_ULONG before = kit_count();
	CK_OBJECT_HANDLE plain = kit_plain_key(CKK_AES, 32);

	for (int kind = 0; kind < 19; kind++) {
		struct sr_tk_generate_params p = kit_tk_params(&tk, tk_pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);

		switch (kind) {
		case 0:
			p.suite = FORMAT_SUITE_MAX + 1;
			break;
		case 1:
			p.suite = SR_SUITE_TDES;
			break; /* carries TDES keys only */
		case 2:
			p.handshake = 0;
			break;
		case 3:
			p.handshake = 3;
			break;
		case 4:
			p.oaepHash = CKM_MD5;
			break;
		case 5:
			p.keyLen = 20;
			break;
		case 6:
			p.keyType = CKK_DES2;
			break; /* of 32 bytes */
		case 7:
			p.keyType = CKK_GENERIC_SECRET;
			break;
		case 8:
			p.ulSerialLen = 0;
			break;
		case 9:
			p.pSerial = bad_serial;
			p.ulSerialLen = 5;
			break;
		case 10:
			p.pSerial = NULL;
			break;
		case 11:
			p.ulCertSerialLen = 0;
			break;
		case 12:
			p.pCertSerial = leading_zero;
			p.ulCertSerialLen = 2;
			break;
		case 13:
			p.counter = 0;
			break;
		case 14:
			p.phAuk = NULL;
			break;
		case 15:
			p.pPacket = NULL;
			break;
		case 16:
			p.pulPacketLen = NULL;
			break;
		case 17:
			p.hPu = tk_pr;
			break;
		case 18:
			p.hPu = plain;
			break;
		}
		ck_assert_msg(kit_tk_generate(&p, &tk) != CKR_OK, "kind %d was accepted", kind);
	}
	ck_ok(ck->C_DestroyObject(ck_session, plain));
	ck_assert_uint_eq(kit_count(), before);
}
END_TEST

START_TEST(generation_with_a_short_buffer_makes_nothing)
{
	struct kit_tk tk;
	struct sr_tk_generate_params p = kit_tk_params(&tk, tk_pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);
	CK_ULONG before = kit_count();
	CK_ULONG need;

	tk.packet_len = 0;
	ck_assert_uint_eq(kit_tk_generate(&p, &tk), CKR_BUFFER_TOO_SMALL);
	need = tk.packet_len;
	tk.packet_len = need - 1;
	ck_assert_uint_eq(kit_tk_generate(&p, &tk), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(kit_count(), before);
	ck_ok(kit_tk_generate(&p, &tk));
	ck_assert_uint_eq(tk.packet_len, need);
	ck_ok(ck->C_DestroyObject(ck_session, tk.tek));
	ck_ok(ck->C_DestroyObject(ck_session, tk.auk));
}
END_TEST

START_TEST(generation_with_a_counter_not_above_the_last_is_refused) /* R2.5 */
{
	struct kit_tk a, b;
	struct sr_tk_generate_params p = kit_tk_params(&a, tk_pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);

	ck_ok(kit_tk_generate(&p, &a));
	b.packet_len = sizeof(b.packet);
	p.phAuk = &b.auk;
	p.pPacket = b.packet;
	p.pulPacketLen = &b.packet_len;
	ck_assert_uint_eq(kit_tk_generate(&p, &b), CKR_ARGUMENTS_BAD);
	p.counter--;
	ck_assert_uint_eq(kit_tk_generate(&p, &b), CKR_ARGUMENTS_BAD);
	p.counter += 2;
	ck_ok(kit_tk_generate(&p, &b));
	(void)kit_tk_params(&b, tk_pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32); /* keeps the kit's counter ahead */
	ck_ok(ck->C_DestroyObject(ck_session, a.tek));
	ck_ok(ck->C_DestroyObject(ck_session, a.auk));
	ck_ok(ck->C_DestroyObject(ck_session, b.tek));
	ck_ok(ck->C_DestroyObject(ck_session, b.auk));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tk");
	TCase *c = tcase_create("tk");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_loop_test(c, tk_made_in_the_terminal_arrives_at_the_host, 0, TK_SHAPES);
	tcase_add_loop_test(c, packet_with_one_byte_changed_is_refused, 1, 9);
	tcase_add_test(c, refusal_leaves_nothing_in_the_callers_openssl_error_queue);
	tcase_add_test(c, packet_cut_or_prolonged_is_refused);
	tcase_add_test(c, packet_with_swapped_keys_serial_or_other_terminals_keys_is_refused);
	tcase_add_test(c, rewrap_checks_its_parameter_and_its_keys);
	tcase_add_test(c, record_with_given_ivs_is_the_same_every_time);
	tcase_add_loop_test(c, record_with_one_byte_changed_is_refused_and_makes_no_key, 0, TK_SHAPES);
	tcase_add_test(c, import_time_does_not_break_the_record);
	tcase_add_test(c, record_under_other_keys_is_refused);
	tcase_add_test(c, pk_and_mak_of_suite_1_may_differ_in_length);
	tcase_add_test(c, generation_checks_its_parameter);
	tcase_add_test(c, generation_with_a_short_buffer_makes_nothing);
	tcase_add_test(c, generation_with_a_counter_not_above_the_last_is_refused);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
