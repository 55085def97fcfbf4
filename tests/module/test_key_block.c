/* SPDX-License-Identifier: BSD-2-Clause */
/* Key blocks (TR-31, X9.143): published blocks, both ways, every wrong byte, what a header makes of a key (R3.3 R6.2).
 */
#include "pay_kit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t value[32] = { 0x3f, 0x41, 0x9e, 0x1c, 0xb7, 0x07, 0x94, 0x42, 0xaa, 0x37, 0x47,
				   0x4c, 0x2e, 0xfb, 0xf8, 0xb8, 0x10, 0x29, 0x38, 0x47, 0x56, 0x61,
				   0x70, 0x8f, 1,    2,    3,    4,    5,    6,    7,    8 };

#define AES_KBPK VIEW(pay_aes.value, 32)

/* text_of: ` block=...` of a line. */
static struct view text_of(const char *line)
{
	const char *at = strstr(line, " block=");

	ck_assert_ptr_nonnull(at);
	return VIEW(at + 7, strcspn(at + 7, " \n"));
}

static CK_KEY_TYPE type_of(char version, size_t n)
{
	return version == 'D' ? CKK_AES : n == 16 ? CKK_DES2 : CKK_DES3;
}

static struct view view_of(const struct buf *b)
{
	return VIEW(b->p, b->len);
}

START_TEST(published_blocks_open_to_the_published_keys)
{
	FILE *f = kit_vectors("key_block.txt");
	unsigned count = 0;
	char line[1024];

	while (fgets(line, sizeof(line), f)) {
		struct view text = text_of(line);
		BUF_AUTO kbpk = { 0 };
		BUF_AUTO want = { 0 };
		uint8_t key[512];
		CK_OBJECT_HANDLE kek, h = 0, same;
		size_t n = 0;
		CK_RV rv;

		ck_assert(kit_word(line, "key", &kbpk) && kit_word(line, "out", &want));
		ck_assert_msg(pay_open(type_of((char)text.p[0], kbpk.len), view_of(&kbpk), text, key, &n), "%s", line);
		ck_assert(view_equal(VIEW(key, n), view_of(&want)));
		ck_assert(text.p[0] == 'A' || text.p[0] == 'C' ||
			  pay_seals_again(type_of((char)text.p[0], kbpk.len), view_of(&kbpk), text));
		kek = pay_key(type_of((char)text.p[0], kbpk.len), view_of(&kbpk), CKF_UNWRAP);
		rv = pay_unwrap(kek, text, NULL, 0, &h);
		/* A key for PINs has a role, which an ordinary key cannot give. */
		if (memcmp(text.p + 5, "P0", 2) == 0) {
			ck_assert_uint_eq(rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
		} else {
			ck_assert_msg(rv == CKR_OK, "%s: %lx", line, rv);
			same = pay_key(text.p[7] == 'A' ? CKK_AES : CKK_DES2, view_of(&want), 0);
			ck_assert(pay_same(h, same));
			ck_assert(ck_get_bool(h, CKA_SENSITIVE) && !ck_get_bool(h, CKA_EXTRACTABLE));
			ck_ok(ck->C_DestroyObject(ck_session, h));
			ck_ok(ck->C_DestroyObject(ck_session, same));
		}
		ck_ok(ck->C_DestroyObject(ck_session, kek));
		count++;
	}
	fclose(f);
	ck_assert_uint_ge(count, 20);
}
END_TEST

START_TEST(published_pin_keys_become_pinkeys_under_a_kbpk)
{
	static const char *const blocks[] = {
		"D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D"
		"03"
		"A457DC34",
		"D0144P0AE00E00002C77FA3F4A553BED6E88AE5C172A4166E3D4ACA8E2AC71C158A476FAC12C13C3829DE55D3AB54C48F4C4FE"
		"F7"
		"AC75E90FC47F1B77E7B19A73ED46E64410082557",
	};

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		struct sr_key_block_params p = { 0 };
		CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };
		CK_OBJECT_HANDLE h = 0, same = pay_key(CKK_AES, VIEW(value, 16), 0);

		ck_ok(ck->C_UnwrapKey(ck_session, &m, pay_aes.key, (CK_BYTE_PTR)(uintptr_t)blocks[i], strlen(blocks[i]),
				      NULL, 0, &h));
		ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_PINKEY);
		ck_assert(pay_same(h, same));
		/* Mode E: PIN blocks may be made under it, not opened. */
		ck_assert(ck_get_bool(h, CKA_ENCRYPT) && !ck_get_bool(h, CKA_DECRYPT));
		ck_assert(p.version == 'D' && memcmp(p.usage, "P0", 2) == 0 && p.algorithm == 'A' && p.mode == 'E' &&
			  memcmp(p.keyVersion, "00", 2) == 0 && p.exportability == 'E' && p.context == '0' &&
			  p.ulOptionalLen == 0);
		ck_ok(ck->C_DestroyObject(ck_session, h));
		ck_ok(ck->C_DestroyObject(ck_session, same));
	}
}
END_TEST

/* One error for every fault, whichever byte and whichever bits; and nothing is made. */
static void every_byte(CK_OBJECT_HANDLE kbpk, struct view text)
{
	static const uint8_t masks[] = { 0x01, 0x04, 0x20, 0x80, 0xff };
	CK_ULONG before = kit_count();
	uint8_t bad[SR_KEY_BLOCK_MAX + 1];
	CK_OBJECT_HANDLE h = 4711;

	for (size_t i = 0; i < text.n; i++) {
		for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
			memcpy(bad, text.p, text.n);
			bad[i] ^= masks[k];
			ck_assert_msg(pay_unwrap(kbpk, VIEW(bad, text.n), NULL, 0, &h) == CKR_WRAPPED_KEY_INVALID,
				      "byte %zu, %02x", i, masks[k]);
		}
	}
	memcpy(bad, text.p, text.n);
	bad[text.n] = '0';
	for (size_t n = 0; n <= text.n + 1; n++) {
		if (n != text.n)
			ck_assert_uint_eq(pay_unwrap(kbpk, VIEW(bad, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
	}
	ck_assert_uint_eq(h, 4711);
	ck_assert_uint_eq(kit_count(), before);
}

START_TEST(every_wrong_byte_is_the_same_error)
{
	static const char *const options = "KS1800604B120F9292800000LB10LABEL OF KEYTS1320201231235959Z";
	uint8_t text[SR_KEY_BLOCK_MAX];
	size_t n = pay_block(CKK_AES, AES_KBPK, "M6AC00E", options, VIEW(value, 16), text);

	every_byte(pay_aes.key, VIEW(text, n));
	n = pay_block(CKK_DES3, VIEW(pay_tdes.value, 24), "M3TC00E", "", VIEW(value, 16), text);
	every_byte(pay_tdes.key, VIEW(text, n));
}
END_TEST

/* Versions A and C have a MAC of 4 bytes over the ciphertext. */
START_TEST(every_wrong_byte_of_the_old_versions_is_the_same_error)
{
	static const char *const blocks[] = {
		"A0088M3TC00E0000BE8AE894906D0B8F6FF555573A3907DC37FF13B12CE1CB8A97A97C8414AE1A8FF9183122",
		"C0088M3TC00E00009BC6306FC31891BF87B3148463627B1D68C603D9FAB9074E4A0D2E78D40B29905A826F5C",
	};
	uint8_t kek[16];
	size_t n = pay_hex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB", kek);
	CK_OBJECT_HANDLE kbpk = pay_key(CKK_DES2, VIEW(kek, n), CKF_UNWRAP);

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		every_byte(kbpk, view_of_string(blocks[i]));
}
END_TEST

START_TEST(block_for_another_kind_of_protection_key_is_refused)
{
	uint8_t text[SR_KEY_BLOCK_MAX];
	size_t n = pay_block(CKK_AES, AES_KBPK, "M6AC00E", "", VIEW(value, 16), text);
	CK_OBJECT_HANDLE h = 0, other = pay_key(CKK_AES, VIEW(value, 32), CKF_UNWRAP);

	ck_rv(pay_unwrap(pay_tdes.key, VIEW(text, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
	ck_rv(pay_unwrap(other, VIEW(text, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
	n = pay_block(CKK_DES3, VIEW(pay_tdes.value, 24), "M6AC00E", "", VIEW(value, 16), text);
	ck_rv(pay_unwrap(pay_tdes.key, VIEW(text, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID); /* AES under TDES */
	ck_ok(ck->C_DestroyObject(ck_session, other));
}
END_TEST

/* Authentic blocks that mean nothing here, or carry what is no key. */
START_TEST(authentic_block_without_a_meaning_is_refused)
{
	static const char *const headers[] = { "M6AX00E", "M6AB00E", "D0AC00E", "D0AX00E", "P0AC00E", "P0AG00E",
					       "K2AB00E", "ZZAB00E", "99AN00E", "M7AC00E", "M6HC00E", "D0EB00E",
					       "D0RB00E", "S0RS00E", "I0AN00E", "M3AC00E", "D0TB00E", "D0DB00E" };
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_OBJECT_HANDLE h = 0;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		n = pay_block(CKK_AES, AES_KBPK, headers[i], "", VIEW(value, 32), text);
		ck_assert_msg(pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h) == CKR_WRAPPED_KEY_INVALID, "%s",
			      headers[i]);
	}
	for (size_t len = 0; len < 32; len++) {
		if (len == 16 || len == 24)
			continue;
		n = pay_block(CKK_AES, AES_KBPK, "M6AC00E", "", VIEW(value, len), text);
		ck_rv(pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
	}
}
END_TEST

/* Check values that the block brings along are compared. */
START_TEST(check_values_of_the_block_are_verified)
{
	static const struct {
		const char *options;
		bool good;
	} cases[] = {
		{ "KC100108793E25AB", true },  { "KC0C0108793E", true },        { "KC100108793E25AC", false },
		{ "KC0C0108793F", false },     { "KC12010879 3E25ABC", false }, { "KP10012331550BC9", true },
		{ "KP10012331550BC8", false }, { "KC0E99AAAAAAAA", true }, /* a method nobody knows */
	};
	uint8_t text[SR_KEY_BLOCK_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = pay_block(CKK_AES, AES_KBPK, "P0AB00E", cases[i].options, VIEW(value, 16), text);
		CK_OBJECT_HANDLE h = 0;
		CK_RV rv = pay_unwrap(pay_aes.key, VIEW(text, n), NULL, 0, &h);

		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_WRAPPED_KEY_INVALID), "%s", cases[i].options);
	}
}
END_TEST

START_TEST(length_of_the_key_is_hidden)
{
	static const size_t aes[] = { 16, 24, 32 };
	static const size_t tdes[] = { 8, 16, 24 };
	static const char *const headers[] = { "M1DC00E", "M3TC00E", "M3TC00E" };
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_ULONG len;

	for (size_t i = 0; i < 3; i++) {
		CK_OBJECT_HANDLE h = pay_import(&pay_aes, "M6AC00E", VIEW(value, aes[i]));

		len = sizeof(text);
		ck_ok(pay_wrap(pay_aes.key, h, "M6AC00E", 0, text, &len));
		ck_assert_uint_eq(len, 16 + 96 + 32);
		len = sizeof(text);
		ck_ok(pay_wrap(pay_aes.key, h, "M6AC00E", SR_KEY_BLOCK_NO_LENGTH_HIDING, text, &len));
		ck_assert_uint_eq(len, 16 + 2 * ((2 + aes[i] + 15) / 16 * 16) + 32);
		h = pay_import(&pay_tdes, headers[i], VIEW(value, tdes[i]));
		len = sizeof(text);
		ck_ok(pay_wrap(pay_tdes.key, h, headers[i], 0, text, &len));
		ck_assert_uint_eq(len, 16 + 64 + 16);
		len = sizeof(text);
		ck_ok(pay_wrap(pay_tdes.key, h, headers[i], SR_KEY_BLOCK_NO_LENGTH_HIDING, text, &len));
		ck_assert_uint_eq(len, 16 + 2 * ((2 + tdes[i] + 7) / 8 * 8) + 16);
	}
}
END_TEST

START_TEST(optional_blocks_are_added_and_handed_on)
{
	CK_OBJECT_HANDLE h = 0, back = 0;
	uint8_t text[SR_KEY_BLOCK_MAX], options[512];
	char given[] = "KS1800604B120F9292800000", label[] = "PIN key 1";
	struct sr_key_block_params p = pay_params("P0AB01E", SR_KEY_BLOCK_ADD_KC | SR_KEY_BLOCK_ADD_KP |
								 SR_KEY_BLOCK_ADD_TS | SR_KEY_BLOCK_ADD_LB);
	struct sr_key_block_params q = { .pOptional = options, .ulOptionalLen = 3 };
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) }, u = { CKM_SR_KEY_BLOCK, &q, sizeof(q) };
	CK_ATTRIBUTE t = { CKA_LABEL, label, sizeof(label) - 1 };
	struct view v;
	CK_ULONG len = sizeof(text);
	size_t n = pay_block(CKK_AES, AES_KBPK, "P0AB00E", "", VIEW(value, 16), text);

	ck_ok(pay_unwrap(pay_aes.key, VIEW(text, n), &t, 1, &h));
	p.pOptional = (CK_BYTE_PTR)given;
	p.ulOptionalLen = sizeof(given) - 1;
	p.context = '1';
	ck_ok(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len));
	ck_assert(p.algorithm == 'A' && memcmp(text + 12, "0610", 4) == 0); /* five and a PB, context 1 */
	ck_rv(ck->C_UnwrapKey(ck_session, &u, pay_aes.key, text, len, NULL, 0, &back), CKR_BUFFER_TOO_SMALL);
	ck_assert(q.ulOptionalLen > 3 && q.ulOptionalLen < sizeof(options) && q.version == 0 && back == 0);
	ck_ok(ck->C_UnwrapKey(ck_session, &u, pay_aes.key, text, len, NULL, 0, &back));
	ck_assert(q.context == '1' && memcmp(q.keyVersion, "01", 2) == 0 && q.ulOptionalLen % 16 == 0);
	v = VIEW(options, q.ulOptionalLen);
	ck_assert(memcmp(options, given, sizeof(given) - 1) == 0);
	ck_assert(key_block_option_find(v, "KC", &v) && view_equal(v, VIEW_STR("0108793E25AB")));
	v = VIEW(options, q.ulOptionalLen);
	ck_assert(key_block_option_find(v, "KP", &v) && view_equal(v, VIEW_STR("012331550BC9")));
	v = VIEW(options, q.ulOptionalLen);
	ck_assert(key_block_option_find(v, "TS", &v) && v.n == 15 && v.p[14] == 'Z');
	v = VIEW(options, q.ulOptionalLen);
	ck_assert(key_block_option_find(v, "LB", &v) && view_equal(v, VIEW(label, sizeof(label) - 1)));
	/* What is there already is not added again. */
	q = pay_params("P0AB01E", SR_KEY_BLOCK_ADD_KC);
	q.pOptional = (CK_BYTE_PTR) "KC100108793E25AB";
	q.ulOptionalLen = 16;
	len = sizeof(text);
	ck_rv(ck->C_WrapKey(ck_session, &u, pay_aes.key, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

START_TEST(absurd_parameters_are_refused)
{
	static const struct {
		size_t member;
		uint8_t byte;
	} bytes[] = {
		{ offsetof(struct sr_key_block_params, version), 'A' },
		{ offsetof(struct sr_key_block_params, version), 'B' },
		{ offsetof(struct sr_key_block_params, version), 'C' },
		{ offsetof(struct sr_key_block_params, version), 'E' },
		{ offsetof(struct sr_key_block_params, version), 255 },
		{ offsetof(struct sr_key_block_params, keyVersion), 0 },
		{ offsetof(struct sr_key_block_params, keyVersion) + 1, ' ' },
		{ offsetof(struct sr_key_block_params, exportability), 'X' },
		{ offsetof(struct sr_key_block_params, exportability), 0 },
		{ offsetof(struct sr_key_block_params, context), '3' },
		{ offsetof(struct sr_key_block_params, flags), 32 },
		{ offsetof(struct sr_key_block_params, flags) + 7, 128 },
		{ offsetof(struct sr_key_block_params, ulOptionalLen), 4 },
	};
	static const char *const options[] = { "K",    "KS",       "KS03",           "KS05",
					       "KS1Z", "KS0002",   "KS00040000000A", "PB04",
					       "ks04", "KS04PB04", "KS05\x01",       "KS060",
					       "**04" };
	CK_OBJECT_HANDLE h = pay_import(&pay_aes, "M6AC00E", VIEW(value, 16));
	struct sr_key_block_params p;
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_ULONG len = sizeof(text);

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		p = pay_params("M6AC00E", 0);
		memcpy((uint8_t *)&p + bytes[i].member, &bytes[i].byte, 1);
		ck_assert_msg(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len) == CKR_MECHANISM_PARAM_INVALID,
			      "byte %zu", i);
	}
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		p = pay_params("M6AC00E", 0);
		p.pOptional = (CK_BYTE_PTR)(uintptr_t)options[i];
		p.ulOptionalLen = strlen(options[i]);
		ck_assert_msg(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len) == CKR_MECHANISM_PARAM_INVALID,
			      "options %s", options[i]);
	}
	p = pay_params("M6AC00E", 0);
	p.pOptional = text;
	p.ulOptionalLen = ~0UL;
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	/* More optional blocks than any key block holds. */
	memset(text, 'A', sizeof(text));
	memcpy(text, "LB00022000", 10);
	p.ulOptionalLen = 0x2000;
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, NULL, &len), CKR_OK);
	memcpy(text, "LB000226F0", 10);
	p.ulOptionalLen = 0x26f0;
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, NULL, &len), CKR_MECHANISM_PARAM_INVALID);
	p = pay_params("M6AC00E", SR_KEY_BLOCK_ADD_LB); /* there is no label */
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	m.ulParameterLen--;
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	m.ulParameterLen = 0;
	ck_rv(ck->C_WrapKey(ck_session, &m, pay_aes.key, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

/* A key for HMAC says its hash in an HM, or does not leave. */
START_TEST(hmac_key_needs_its_hash)
{
	CK_OBJECT_HANDLE kbpk = pay_key(CKK_AES, AES_KBPK, CKF_WRAP);
	CK_OBJECT_HANDLE h = pay_key(CKK_GENERIC_SECRET, VIEW(value, 20), CKF_SIGN | CKF_VERIFY);
	struct sr_key_block_params p = pay_params("M7HC12N", 0);
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };
	uint8_t text[SR_KEY_BLOCK_MAX], back[64];
	CK_ULONG len = sizeof(text);
	size_t n = 0;

	ck_rv(ck->C_WrapKey(ck_session, &m, kbpk, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	p.pOptional = (CK_BYTE_PTR) "HM0621";
	p.ulOptionalLen = 6;
	ck_ok(ck->C_WrapKey(ck_session, &m, kbpk, h, text, &len));
	ck_assert(memcmp(text, "D0", 2) == 0 && memcmp(text + 5, "M7HC12N0200HM0621PB0A", 21) == 0);
	ck_assert(pay_open(CKK_AES, AES_KBPK, VIEW(text, len), back, &n));
	ck_assert(view_equal(VIEW(back, n), VIEW(value, 20)));
	p.pOptional = (CK_BYTE_PTR) "HM0640"; /* a hash that has no HMAC here */
	ck_rv(ck->C_WrapKey(ck_session, &m, kbpk, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	/* A key of one hash leaves for that one, and comes back for it. */
	h = pay_key(CKK_SHA384_HMAC, VIEW(value, 20), CKF_SIGN | CKF_VERIFY);
	p.pOptional = (CK_BYTE_PTR) "HM0621";
	ck_rv(ck->C_WrapKey(ck_session, &m, kbpk, h, text, &len), CKR_MECHANISM_PARAM_INVALID);
	p.pOptional = (CK_BYTE_PTR) "HM0622";
	len = sizeof(text);
	ck_ok(ck->C_WrapKey(ck_session, &m, kbpk, h, text, &len));
	kbpk = pay_key(CKK_AES, AES_KBPK, CKF_UNWRAP);
	ck_ok(pay_unwrap(kbpk, VIEW(text, len), NULL, 0, &h));
	ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_TYPE), CKK_SHA384_HMAC);
	n = pay_block(CKK_AES, AES_KBPK, "M7HC00N", "", VIEW(value, 20), text);
	ck_rv(pay_unwrap(kbpk, VIEW(text, n), NULL, 0, &h), CKR_WRAPPED_KEY_INVALID);
}
END_TEST

START_TEST(length_query_and_short_buffer_make_nothing)
{
	CK_OBJECT_HANDLE h = pay_import(&pay_aes, "M6AC00E", VIEW(value, 16));
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_ULONG len = 0;

	ck_ok(pay_wrap(pay_aes.key, h, "M6AC00E", SR_KEY_BLOCK_ADD_KC, NULL, &len));
	ck_assert_uint_eq(len, 16 + 16 + 96 + 32);
	len--;
	memset(text, 0xa5, sizeof(text));
	ck_rv(pay_wrap(pay_aes.key, h, "M6AC00E", SR_KEY_BLOCK_ADD_KC, text, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, 16 + 16 + 96 + 32);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(text[i], 0xa5);
	ck_ok(pay_wrap(pay_aes.key, h, "M6AC00E", SR_KEY_BLOCK_ADD_KC, text, &len));
	ck_assert_uint_eq(text[len], 0xa5);
}
END_TEST

/* No protection key carries what is stronger than itself. */
START_TEST(weaker_protection_key_does_not_carry)
{
	CK_OBJECT_HANDLE des2 = pay_key(CKK_DES2, VIEW(value, 16), CKF_WRAP),
			 aes16 = pay_key(CKK_AES, VIEW(value, 16), CKF_WRAP);
	CK_OBJECT_HANDLE des3 = pay_key(CKK_DES3, VIEW(value, 24), CKF_SIGN | CKF_VERIFY);
	CK_OBJECT_HANDLE aes = pay_key(CKK_AES, VIEW(value, 16), CKF_SIGN | CKF_VERIFY);
	CK_OBJECT_HANDLE aes32 = pay_key(CKK_AES, VIEW(value, 32), CKF_SIGN | CKF_VERIFY);
	uint8_t text[SR_KEY_BLOCK_MAX];
	CK_ULONG len = sizeof(text);

	ck_assert_uint_ne(pay_wrap(des2, des3, "M3TC00E", 0, text, &len), CKR_OK);
	ck_assert_uint_ne(pay_wrap(des2, aes, "M6AC00E", 0, text, &len), CKR_OK);
	ck_assert_uint_ne(pay_wrap(aes16, aes32, "M6AC00E", 0, text, &len), CKR_OK);
	ck_ok(pay_wrap(aes16, des3, "M3TC00E", 0, text, &len));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key block");
	TCase *c = tcase_create("key block");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, pay_begin, pay_end);
	tcase_add_test(c, published_blocks_open_to_the_published_keys);
	tcase_add_test(c, published_pin_keys_become_pinkeys_under_a_kbpk);
	tcase_add_test(c, every_wrong_byte_is_the_same_error);
	tcase_add_test(c, every_wrong_byte_of_the_old_versions_is_the_same_error);
	tcase_add_test(c, block_for_another_kind_of_protection_key_is_refused);
	tcase_add_test(c, authentic_block_without_a_meaning_is_refused);
	tcase_add_test(c, check_values_of_the_block_are_verified);
	tcase_add_test(c, length_of_the_key_is_hidden);
	tcase_add_test(c, optional_blocks_are_added_and_handed_on);
	tcase_add_test(c, absurd_parameters_are_refused);
	tcase_add_test(c, hmac_key_needs_its_hash);
	tcase_add_test(c, length_query_and_short_buffer_make_nothing);
	tcase_add_test(c, weaker_protection_key_does_not_carry);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
