/* SPDX-License-Identifier: BSD-2-Clause */
/* TK generation, rewrap and opening; TMK export and load; handshake tags (R1.4, R1.7, R1.9 to R1.11). */
#include "formats.h"
#include "vendor_kit.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static CK_OBJECT_HANDLE pu, pr;
static CK_OBJECT_HANDLE pk[3], mak[3]; /* TDES 16, TDES 24, AES 32 */

static const struct kit_wish wishes[] = {
	{ "PK-T16", CKK_DES2, 16 },  { "PK-T24", CKK_DES3, 24 },  { "PK", CKK_AES, 32 },
	{ "MAK-T16", CKK_DES2, 16 }, { "MAK-T24", CKK_DES3, 24 }, { "MAK", CKK_AES, 32 },
};

static void begin(void)
{
	kit_begin();
	kit_combined(wishes, ARRAY_LEN(wishes));
	kit_login(KIT_USER);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, wishes[i].name, &pk[i]), 1);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, wishes[i + 3].name, &mak[i]), 1);
	}
	kit_pair(2048, true, &pu, &pr);
}

/* Everything a TK can be. */
static const struct shape {
	CK_ULONG suite, handshake;
	CK_KEY_TYPE type;
	CK_ULONG length;
	size_t keys; /* index of PK and MAK */
	CK_MECHANISM_TYPE hash;
} shapes[] = {
	{ SR_SUITE_TDES, SR_HANDSHAKE_V1, CKK_DES2, 16, 0, CKM_SHA_1 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V2, CKK_DES2, 16, 1, CKM_SHA256 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V2, CKK_DES3, 24, 0, CKM_SHA384 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V1, CKK_DES3, 24, 1, CKM_SHA512 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 16, 2, CKM_SHA_1 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 24, 2, CKM_SHA256 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V1, CKK_AES, 32, 2, CKM_SHA384 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32, 2, CKM_SHA512 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_DES2, 16, 2, CKM_SHA256 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V1, CKK_DES3, 24, 2, CKM_SHA256 },
};

/* A TK on its whole way: both ends' keys. */
struct way {
	struct kit_tk tk;
	uint8_t record[SR_RECORD_MAX];
	CK_ULONG record_len;
	CK_OBJECT_HANDLE tek, auk; /* host side */
};

static void make(const struct shape *s, struct way *w)
{
	struct sr_tk_generate_params p;

	memset(w, 0, sizeof(*w));
	p = kit_tk_params(&w->tk, pu, s->suite, s->handshake, s->type, s->length);
	p.oaepHash = s->hash;
	ck_ok(kit_tk_generate(&p, &w->tk));
}

static CK_RV rewrap(const struct shape *s, struct way *w)
{
	w->record_len = sizeof(w->record);
	return kit_rewrap(pk[s->keys], mak[s->keys], pr, VIEW(w->tk.packet, w->tk.packet_len), w->record,
			  &w->record_len);
}

static void whole_way(const struct shape *s, struct way *w)
{
	make(s, w);
	ck_ok(rewrap(s, w));
	ck_ok(kit_open(pk[s->keys], mak[s->keys], VIEW(w->record, w->record_len), &w->tek, &w->auk));
}

static void drop(struct way *w)
{
	CK_OBJECT_HANDLE h[] = { w->tk.tek, w->tk.auk, w->tek, w->auk };

	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		if (h[i])
			ck_ok(ck->C_DestroyObject(ck_session, h[i]));
	}
}

static void same_key(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)
{
	uint8_t va[3], vb[3];

	ck_ok(kit_check_value(a, va));
	ck_ok(kit_check_value(b, vb));
	ck_assert_mem_eq(va, vb, 3);
}

START_TEST(tk_made_in_the_terminal_arrives_at_the_host) /* R1.4 R1.7 R1.9 */
{
	const struct shape *s = &shapes[_i];
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	bool nonces = s->handshake == SR_HANDSHAKE_V2;
	CK_KEY_TYPE tmk_type = s->type;
	struct way w;
	struct tk_record r;

	whole_way(s, &w);
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	ck_assert_uint_eq(r.suite, s->suite);
	ck_assert_uint_eq(r.handshake, s->handshake);
	ck_assert(view_equal(r.pos_serial, VIEW_STR("POS-000042")));
	ck_assert(view_equal(r.customer, VIEW_STR("ACME")));
	ck_assert_uint_eq(r.collected, 1700000000);
	ck_assert(!r.has_imported);
	same_key(w.tk.tek, w.tek);
	same_key(w.tk.auk, w.auk);
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
	same_key(tmk, loaded);
	ck_assert_uint_eq(ck_get_ulong(loaded, CKA_SR_ROLE), SR_ROLE_TMK);
	ck_assert(!ck_get_bool(loaded, CKA_EXTRACTABLE) && ck_get_bool(loaded, CKA_SENSITIVE));
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	ck_ok(ck->C_DestroyObject(ck_session, loaded));
	drop(&w);
}
END_TEST

/* Every byte of a packet changed in one bit: refused, always with the same code, and nothing is written. */
START_TEST(packet_with_one_byte_changed_is_refused) /* R1.7 */
{
	const struct shape *s = &shapes[_i];
	uint8_t out[SR_RECORD_MAX];
	struct way w;

	make(s, &w);
	ck_ok(rewrap(s, &w));
	for (CK_ULONG i = 0; i < w.tk.packet_len; i++) {
		CK_ULONG len = sizeof(out);

		/* Every RSA decryption costs; inside the ciphertexts every seventh byte will do. */
		if (w.tk.packet_len - i > 40 && i > 80 && i % 7 != 0)
			continue;
		w.tk.packet[i] ^= 0x04;
		memset(out, 0, sizeof(out));
		ck_assert_uint_eq(
		    kit_rewrap(pk[s->keys], mak[s->keys], pr, VIEW(w.tk.packet, w.tk.packet_len), out, &len),
		    CKR_WRAPPED_KEY_INVALID);
		w.tk.packet[i] ^= 0x04;
		ck_assert_uint_eq(out[0], 0);
	}
	ck_ok(rewrap(s, &w));
	drop(&w);
}
END_TEST

/* The module shares libcrypto with its host, whose TLS looks into this queue after every call of its own. */
START_TEST(refusal_leaves_nothing_in_the_callers_openssl_error_queue)
{
	struct way w;
	unsigned long mine;

	make(&shapes[5], &w);
	w.tk.packet[200] ^= 1;
	ERR_clear_error();
	ck_assert_uint_eq(rewrap(&shapes[5], &w), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, 1);
	mine = ERR_peek_error();
	ck_assert_uint_eq(rewrap(&shapes[5], &w), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(ERR_peek_last_error(), mine);
	ERR_clear_error();
	drop(&w);
}
END_TEST

START_TEST(packet_cut_or_prolonged_is_refused)
{
	const struct shape *s = &shapes[5];
	struct way w;

	make(s, &w);
	for (CK_ULONG n = 0; n < w.tk.packet_len; n++) {
		uint8_t out[SR_RECORD_MAX];
		CK_ULONG len = sizeof(out);

		ck_assert_uint_eq(kit_rewrap(pk[s->keys], mak[s->keys], pr, VIEW(w.tk.packet, n), out, &len),
				  CKR_WRAPPED_KEY_INVALID);
	}
	w.tk.packet_len++;
	ck_assert_uint_eq(rewrap(s, &w), CKR_WRAPPED_KEY_INVALID);
	drop(&w);
}
END_TEST

/* A packet of ours, put together anew with what a test wants to be wrong; possession MAC not repaired. */
START_TEST(packet_with_swapped_keys_serial_or_other_terminals_keys_is_refused) /* R1.4 */
{
	const struct shape *s = &shapes[5];
	struct way a, b;
	struct tk_packet p, q;

	make(s, &a);
	make(s, &b);
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
		ck_assert_uint_eq(kit_rewrap(pk[2], mak[2], pr, buf_view(&out), record, &len), CKR_WRAPPED_KEY_INVALID);
	}
	drop(&a);
	drop(&b);
}
END_TEST

START_TEST(rewrap_checks_its_parameter_and_its_keys) /* R1.7 */
{
	const struct shape *s = &shapes[5];
	struct way w;
	CK_OBJECT_HANDLE plain, plain_pu, plain_pr;
	uint8_t out[SR_RECORD_MAX];
	CK_ULONG len = sizeof(out);
	struct view packet;
	CK_BYTE customer[] = "ACME";
	CK_BYTE bad_customer[] = "A/ME";
	CK_BYTE iv[8] = { 1 };

	make(s, &w);
	packet = VIEW(w.tk.packet, w.tk.packet_len);
	plain = kit_plain_key(CKK_AES, 32);
	kit_pair(2048, false, &plain_pu, &plain_pr);
	ck_assert_uint_ne(kit_rewrap(plain, mak[2], pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(mak[2], mak[2], pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], plain, pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], pk[2], pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], mak[0], pr, packet, out, &len), CKR_OK); /* MAK of another type */
	ck_assert_uint_ne(kit_rewrap(pk[2], mak[2], plain_pr, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], mak[2], pu, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], mak[2], 0, packet, out, &len), CKR_OK);
	ck_assert_uint_ne(kit_rewrap(pk[2], 0, pr, packet, out, &len), CKR_OK);
	ck_assert_uint_eq(kit_rewrap(pk[0], mak[0], pr, packet, out, &len), CKR_WRAPPED_KEY_INVALID); /* suite */
	{
		struct sr_tk_rewrap_params p = { .hMak = mak[2],
						 .pPacket = w.tk.packet,
						 .ulPacketLen = w.tk.packet_len,
						 .pCustomer = customer,
						 .ulCustomerLen = 4 };
		CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };
		CK_ULONG need = 0;

		ck_ok(ck->C_WrapKey(ck_session, &m, pk[2], pr, NULL, &need));
		len = need - 1;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(len, need);
		ck_ok(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len));
		ck_assert_uint_eq(len, need);
		p.pTekIv = iv;
		p.ulTekIvLen = 8;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		p.pTekIv = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		p.ulTekIvLen = 0;
		p.pCustomer = bad_customer;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		p.pCustomer = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		p.pCustomer = customer;
		p.pPacket = NULL;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		m.ulParameterLen--;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
		m.pParameter = NULL;
		m.ulParameterLen = 0;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[2], pr, out, &len), CKR_MECHANISM_PARAM_INVALID);
	}
	ck_ok(ck->C_DestroyObject(ck_session, plain));
	drop(&w);
}
END_TEST

START_TEST(record_with_given_ivs_is_the_same_every_time) /* the standard way makes these bytes too */
{
	const struct shape *s = &shapes[1];
	struct way w;
	CK_BYTE customer[] = "ACME", tek_iv[8] = { 1, 2, 3 }, auk_iv[8] = { 4, 5, 6 };
	uint8_t a[SR_RECORD_MAX], b[SR_RECORD_MAX];
	CK_ULONG a_len = sizeof(a), b_len = sizeof(b);
	struct tk_record r;

	make(s, &w);
	{
		struct sr_tk_rewrap_params p = { mak[1], w.tk.packet, w.tk.packet_len, customer, 4, 99,
						 tek_iv, 8,           auk_iv,          8 };
		CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };

		ck_ok(ck->C_WrapKey(ck_session, &m, pk[1], pr, a, &a_len));
		ck_ok(ck->C_WrapKey(ck_session, &m, pk[1], pr, b, &b_len));
		p.ulTekIvLen = 7;
		ck_assert_uint_eq(ck->C_WrapKey(ck_session, &m, pk[1], pr, b, &b_len), CKR_MECHANISM_PARAM_INVALID);
	}
	ck_assert_uint_eq(a_len, b_len);
	ck_assert_mem_eq(a, b, a_len);
	ck_assert(tk_record_parse(VIEW(a, a_len), &r));
	ck_assert(view_equal(r.tek.iv, VIEW(tek_iv, 8)) && view_equal(r.auk.iv, VIEW(auk_iv, 8)));
	drop(&w);
}
END_TEST

START_TEST(record_with_one_byte_changed_is_refused_and_makes_no_key) /* R1.9 R2.7 */
{
	const struct shape *s = &shapes[_i];
	CK_OBJECT_HANDLE tek = 77, auk = 78;
	CK_ULONG before;
	struct way w;

	make(s, &w);
	ck_ok(rewrap(s, &w));
	before = kit_count();
	for (CK_ULONG i = 0; i < w.record_len; i++) {
		w.record[i] ^= 0x10;
		ck_assert_uint_eq(kit_open(pk[s->keys], mak[s->keys], VIEW(w.record, w.record_len), &tek, &auk),
				  CKR_WRAPPED_KEY_INVALID);
		w.record[i] ^= 0x10;
		ck_assert_uint_eq(kit_open(pk[s->keys], mak[s->keys], VIEW(w.record, i), &tek, &auk),
				  CKR_WRAPPED_KEY_INVALID);
	}
	ck_assert_uint_eq(tek, 77);
	ck_assert_uint_eq(auk, 78);
	ck_assert_uint_eq(kit_count(), before);
	drop(&w);
}
END_TEST

START_TEST(import_time_does_not_break_the_record) /* R2.1 */
{
	const struct shape *s = &shapes[5];
	struct way w;
	struct tk_record r;
	BUF_AUTO b = { 0 };

	make(s, &w);
	ck_ok(rewrap(s, &w));
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	r.has_imported = true;
	r.imported = 1700000100;
	tk_record_put(&b, &r);
	ck_assert(buf_ok(&b));
	ck_ok(kit_open(pk[2], mak[2], buf_view(&b), &w.tek, &w.auk));
	drop(&w);
}
END_TEST

START_TEST(record_under_other_keys_is_refused) /* R2.7 */
{
	const struct shape *s = &shapes[1];
	CK_OBJECT_HANDLE tek, auk;
	struct way w;

	make(s, &w);
	ck_ok(rewrap(s, &w));
	ck_assert_uint_eq(kit_open(pk[0], mak[0], VIEW(w.record, w.record_len), &tek, &auk), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_eq(kit_open(pk[2], mak[2], VIEW(w.record, w.record_len), &tek, &auk), CKR_WRAPPED_KEY_INVALID);
	ck_assert_uint_ne(kit_open(pk[1], pk[1], VIEW(w.record, w.record_len), &tek, &auk), CKR_OK);
	ck_assert_uint_ne(kit_open(mak[1], mak[1], VIEW(w.record, w.record_len), &tek, &auk), CKR_OK);
	drop(&w);
}
END_TEST

START_TEST(generation_checks_its_parameter) /* R1.4 */
{
	struct kit_tk tk;
	CK_BYTE bad_serial[] = "POS 1", leading_zero[] = { 0, 1 };
	CK_ULONG before = kit_count();
	CK_OBJECT_HANDLE plain = kit_plain_key(CKK_AES, 32);

	for (int kind = 0; kind < 19; kind++) {
		struct sr_tk_generate_params p = kit_tk_params(&tk, pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);

		switch (kind) {
		case 0:
			p.suite = 3;
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
			p.hPu = pr;
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
	struct sr_tk_generate_params p = kit_tk_params(&tk, pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);
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
	struct sr_tk_generate_params p = kit_tk_params(&a, pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32);

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
	(void)kit_tk_params(&b, pu, SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32); /* keeps the kit's counter ahead */
	ck_ok(ck->C_DestroyObject(ck_session, a.tek));
	ck_ok(ck->C_DestroyObject(ck_session, a.auk));
	ck_ok(ck->C_DestroyObject(ck_session, b.tek));
	ck_ok(ck->C_DestroyObject(ck_session, b.auk));
}
END_TEST

/* ---- TMK ---- */

START_TEST(tmk_message_with_one_byte_changed_is_refused_and_makes_no_key) /* R1.11 */
{
	const struct shape *s = &shapes[_i];
	bool nonces = s->handshake == SR_HANDSHAKE_V2;
	CK_OBJECT_HANDLE tmk = 0, loaded = 79;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message), before;
	struct way w;

	whole_way(s, &w);
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
	drop(&w);
}
END_TEST

START_TEST(tmk_message_of_another_session_is_refused) /* R1.10: rolled-back Ctmk */
{
	const struct shape *s = &shapes[5];
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	struct way w;

	whole_way(s, &w);
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
	drop(&w);
}
END_TEST

START_TEST(tmk_message_never_falls_back_to_version_1) /* R1.10 */
{
	CK_OBJECT_HANDLE tmk = 0, loaded = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	struct tmk_message m;
	struct way w1, w2;
	BUF_AUTO b = { 0 };

	whole_way(&shapes[6], &w1); /* version 1 */
	whole_way(&shapes[7], &w2);
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
	drop(&w1);
	drop(&w2);
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
		struct way w;

		whole_way(&shapes[cases[i].shape], &w);
		ck_ok(kit_role_key(SR_ROLE_TMK, cases[i].type, cases[i].length, &tmk));
		ck_assert_msg((kit_export(w.tek, w.auk, tmk, true, message, &len) == CKR_OK) == cases[i].good,
			      "case %zu", i);
		ck_ok(ck->C_DestroyObject(ck_session, tmk));
		drop(&w);
	}
}
END_TEST

START_TEST(export_keeps_the_length_rule_and_checks_its_parameter)
{
	struct way w;
	CK_OBJECT_HANDLE tmk = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG need = 0, len;
	CK_BYTE iv[8] = { 0 };

	whole_way(&shapes[7], &w);
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
	drop(&w);
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
	const struct shape *s = &shapes[_i];
	struct way w;

	whole_way(s, &w);
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
	drop(&w);
}
END_TEST

START_TEST(handshake_tag_over_anything_but_an_own_transcript_is_refused) /* R1.10: oracle */
{
	struct way w;
	uint8_t tag[16];
	uint8_t zero[16] = { 0 };
	CK_ULONG len = sizeof(tag);
	BUF_AUTO other = { 0 };
	BUF_AUTO good = { 0 };

	whole_way(&shapes[7], &w);
	transcript(&other, 1, "POS-000043");
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&other), tag, &len), CKR_OK);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, VIEW(zero, 16), tag, &len), CKR_OK);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, VIEW(zero, 0), tag, &len), CKR_OK);
	transcript(&good, 1, "POS-000042");
	buf_put_u8(&good, 0);
	ck_assert_uint_ne(kit_sign(CKM_SR_HANDSHAKE_MAC, w.auk, buf_view(&good), tag, &len), CKR_OK);
	drop(&w);
}
END_TEST

START_TEST(auk_of_version_1_does_one_block_and_no_mac) /* R1.10 */
{
	const struct shape *s = &shapes[_i];
	CK_MECHANISM ecb = { s->type == CKK_AES ? CKM_AES_ECB : CKM_DES3_ECB, NULL, 0 };
	CK_MECHANISM cmac = { s->type == CKK_AES ? CKM_AES_CMAC : CKM_DES3_CMAC, NULL, 0 };
	CK_MECHANISM handshake = { CKM_SR_HANDSHAKE_MAC, NULL, 0 };
	CK_ULONG block = s->type == CKK_AES ? 16 : 8;
	CK_OBJECT_HANDLE sides[2];
	uint8_t in[32] = { 1 }, a[32], b[32];
	CK_ULONG len;
	struct way w;

	whole_way(s, &w);
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
	drop(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tk");
	TCase *c = tcase_create("tk");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_loop_test(c, tk_made_in_the_terminal_arrives_at_the_host, 0, (int)ARRAY_LEN(shapes));
	tcase_add_loop_test(c, packet_with_one_byte_changed_is_refused, 1, 9);
	tcase_add_test(c, refusal_leaves_nothing_in_the_callers_openssl_error_queue);
	tcase_add_test(c, packet_cut_or_prolonged_is_refused);
	tcase_add_test(c, packet_with_swapped_keys_serial_or_other_terminals_keys_is_refused);
	tcase_add_test(c, rewrap_checks_its_parameter_and_its_keys);
	tcase_add_test(c, record_with_given_ivs_is_the_same_every_time);
	tcase_add_loop_test(c, record_with_one_byte_changed_is_refused_and_makes_no_key, 0, (int)ARRAY_LEN(shapes));
	tcase_add_test(c, import_time_does_not_break_the_record);
	tcase_add_test(c, record_under_other_keys_is_refused);
	tcase_add_test(c, generation_checks_its_parameter);
	tcase_add_test(c, generation_with_a_short_buffer_makes_nothing);
	tcase_add_test(c, generation_with_a_counter_not_above_the_last_is_refused);
	tcase_add_loop_test(c, tmk_message_with_one_byte_changed_is_refused_and_makes_no_key, 0,
			    (int)ARRAY_LEN(shapes));
	tcase_add_test(c, tmk_message_of_another_session_is_refused);
	tcase_add_test(c, tmk_message_never_falls_back_to_version_1);
	tcase_add_test(c, tek_carries_no_longer_key_of_its_type_and_tdes_no_aes);
	tcase_add_test(c, export_keeps_the_length_rule_and_checks_its_parameter);
	tcase_add_loop_test(c, each_side_signs_its_directions_and_verifies_the_others, 1, 3);
	tcase_add_loop_test(c, each_side_signs_its_directions_and_verifies_the_others, 7, 9);
	tcase_add_test(c, handshake_tag_over_anything_but_an_own_transcript_is_refused);
	tcase_add_loop_test(c, auk_of_version_1_does_one_block_and_no_mac, 0, (int)ARRAY_LEN(shapes));
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
