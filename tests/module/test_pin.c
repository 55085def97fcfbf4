/* SPDX-License-Identifier: BSD-2-Clause */
/* PIN blocks: published blocks between all formats that PCI PIN allows, and no other way in or out (R3.4). */
#include "pay_kit.h"

#include <stdlib.h>
#include <string.h>
#include "pin_block.h"

static CK_BBOOL no = CK_FALSE;
static uint8_t value[32];
static const CK_ULONG formats[] = { 0, 1, 3, 4 };
/* Two PINKEYs of each kind, and their values. */
static struct {
	CK_KEY_TYPE type;
	uint8_t value[32];
	size_t len;
	CK_OBJECT_HANDLE key;
} in[2], out[2]; /* 0: TDES, 1: AES */

#define KIND(format) ((format) == 4)

static void begin(void)
{
	pay_begin();
	for (unsigned k = 0; k < 2; k++) {
		in[k].type = out[k].type = k ? CKK_AES : CKK_DES2;
		in[k].len = out[k].len = 16;
		kit_pattern(in[k].value, 16, 100 + k);
		kit_pattern(out[k].value, 16, 200 + k);
		in[k].key = pay_import(&pay_aes, k ? "P0AB00E" : "P0TB00E", VIEW(in[k].value, 16));
		out[k].key = pay_import(&pay_aes, k ? "P0AB00E" : "P0TB00E", VIEW(out[k].value, 16));
	}
}

/* crypt: a block under a key that is no object; format 4 the PAN in between. */
static void crypt(CK_KEY_TYPE type, struct view key, bool encrypt, CK_ULONG format, struct view pan, uint8_t *block)
{
	size_t n = pin_block_len(format);
	uint8_t field[16];

	pay_ecb(type, key, encrypt, block, n);
	if (n == 8)
		return;
	pin_block_pan_field(pan, field);
	for (size_t i = 0; i < n; i++)
		block[i] ^= field[i];
	pay_ecb(type, key, encrypt, block, n);
}

static CK_RV translate(CK_OBJECT_HANDLE from, CK_OBJECT_HANDLE to, CK_ULONG in_format, CK_ULONG out_format,
		       struct view pan, struct view block, uint8_t *ret, CK_ULONG *len)
{
	struct sr_pin_translate_params p = { to, in_format, out_format, (CK_BYTE_PTR)(uintptr_t)pan.p, pan.n };
	CK_MECHANISM m = { CKM_SR_PIN_TRANSLATE, &p, sizeof(p) };
	CK_RV rv = ck->C_DecryptInit(ck_session, &m, from);

	return rv == CKR_OK ? ck->C_Decrypt(ck_session, (CK_BYTE_PTR)(uintptr_t)block.p, block.n, ret, len) : rv;
}

/* between: a clear block of format f under in[], to every format, and what comes out. */
static void between(CK_ULONG f, CK_OBJECT_HANDLE from, struct view block, struct view pan, const char *pin,
		    const uint8_t *zero)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		CK_ULONG g = formats[i], len = 16;
		bool with_pan = f != 1 || g != 1, allowed = g != 1 || f == 1;
		uint8_t room[17];
		struct pin got;
		CK_RV rv;

		memset(room, 0xa5, sizeof(room));
		rv = translate(from, out[KIND(g)].key, f, g, with_pan ? pan : VIEW(NULL, 0), block, room, &len);
		ck_assert_msg(rv == (allowed ? CKR_OK : CKR_MECHANISM_PARAM_INVALID), "%lu to %lu: %lx", f, g, rv);
		if (!allowed)
			continue;
		ck_assert_uint_eq(len, pin_block_len(g));
		ck_assert_uint_eq(room[len], 0xa5);
		crypt(out[KIND(g)].type, VIEW(out[KIND(g)].value, 16), false, g, pan, room);
		ck_assert(pin_block_read(g, room, pan, &got));
		ck_assert_uint_eq(got.len, strlen(pin));
		for (size_t d = 0; d < got.len; d++)
			ck_assert_uint_eq(got.digits[d], (uint8_t)(pin[d] - '0'));
		if (g == 0)
			ck_assert_mem_eq(room, zero, 8);
	}
}

/* word: ` name=` of a line, as text. */
static struct view word(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? VIEW(at + strlen(name), strcspn(at + strlen(name), " \n")) : VIEW(NULL, 0);
}

START_TEST(published_blocks_between_all_formats)
{
	FILE *f = kit_vectors("pin_block.txt");
	unsigned count = 0;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		CK_ULONG format = strtoul((const char *)word(line, " format=").p, NULL, 10);
		struct view pan = word(line, " pan="), pin = word(line, " pin=");
		CK_OBJECT_HANDLE from = in[KIND(format)].key;
		BUF_AUTO key = { 0 };
		BUF_AUTO block = { 0 };
		BUF_AUTO zero = { 0 };
		char digits[16] = { 0 };

		memcpy(digits, pin.p, pin.n);
		ck_assert(kit_word(line, "zero", &zero));
		if (kit_word(line, "clear", &block)) {
			crypt(in[KIND(format)].type, VIEW(in[KIND(format)].value, 16), true, format, pan, block.p);
		} else {
			ck_assert(kit_word(line, "key", &key) && kit_word(line, "block", &block));
			from = pay_import(&pay_aes, "P0AD00E", VIEW(key.p, key.len));
		}
		between(format, from, VIEW(block.p, block.len), pan, digits, zero.p);
		count++;
	}
	fclose(f);
	ck_assert_uint_ge(count, 13);
}
END_TEST

/* What may stand in a block: everything else is the same error. */
START_TEST(malformed_block_is_one_error)
{
	static const struct {
		CK_ULONG format;
		const char *clear; /* before the PAN is added */
		bool good;
	} cases[] = {
		{ 0, "041234FFFFFFFFFF", true },  { 0, "141234FFFFFFFFFF", false }, { 0, "341234FFFFFFFFFF", false },
		{ 0, "031234FFFFFFFFFF", false }, { 0, "0D123456789012FF", false }, { 0, "0F123456789012FF", false },
		{ 0, "04A234FFFFFFFFFF", false }, { 0, "041B34FFFFFFFFFF", false }, { 0, "041234FFFFFFFFFE", false },
		{ 0, "0412340FFFFFFFFF", false }, { 0, "0C123456789012FF", true },  { 0, "0C123456789012F0", false },
		{ 1, "1412340000000000", true },  { 1, "1412AB0000000000", false }, { 1, "0412340000000000", false },
		{ 1, "1312340000000000", false }, { 1, "1D12345678901234", false }, { 1, "1C1234567890A2FF", false },
		{ 3, "341234ABCDEFABCD", true },  { 3, "3412349BCDEFABCD", false }, { 3, "341234ABCDEFABC0", false },
		{ 3, "041234ABCDEFABCD", false }, { 3, "331234ABCDEFABCD", false },
	};
	static const char pan[] = "4012345678909012";
	uint8_t block[8], room[16];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool bound = cases[i].format != 1;
		CK_ULONG len = sizeof(room);
		CK_RV rv;

		pay_hex(cases[i].clear, block);
		for (size_t d = 0; bound && d < 12; d++)
			block[7 - d / 2] ^= (uint8_t)((pan[14 - d] - '0') << (d % 2 ? 4 : 0));
		pay_ecb(CKK_DES2, VIEW(in[0].value, 16), true, block, 8);
		rv = translate(in[0].key, out[0].key, cases[i].format, 0, VIEW(pan, 16), VIEW(block, 8), room, &len);
		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID), "%s: %lx", cases[i].clear,
			      rv);
	}
}
END_TEST

START_TEST(malformed_block_of_format_4_is_one_error)
{
	static const struct {
		const char *clear;
		bool good;
	} cases[] = {
		{ "441234AAAAAAAAAA0123456789ABCDEF", true },  { "541234AAAAAAAAAA0123456789ABCDEF", false },
		{ "431234AAAAAAAAAA0123456789ABCDEF", false }, { "4D123456789012AA0123456789ABCDEF", false },
		{ "44123BAAAAAAAAAA0123456789ABCDEF", true },  { "441234AAAAAAAAAB0123456789ABCDEF", false },
		{ "4412341AAAAAAAAA0123456789ABCDEF", false }, { "44A234AAAAAAAAAA0123456789ABCDEF", false },
		{ "4C123456789012AA0000000000000000", true },
	};
	static const char pan[] = "4012345678909012", other[] = "4012345678909013";
	uint8_t block[16], room[16];
	CK_ULONG len;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CK_RV rv;

		pay_hex(cases[i].clear, block);
		crypt(CKK_AES, VIEW(in[1].value, 16), true, 4, VIEW(pan, 16), block);
		len = sizeof(room);
		rv = translate(in[1].key, out[1].key, 4, 4, VIEW(pan, 16), VIEW(block, 16), room, &len);
		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID), "%s: %lx", cases[i].clear,
			      rv);
		len = sizeof(room);
		ck_rv(translate(in[1].key, out[1].key, 4, 4, VIEW(other, 16), VIEW(block, 16), room, &len),
		      CKR_ENCRYPTED_DATA_INVALID);
	}
}
END_TEST

/*
 * Whoever may try PANs learns nothing of the PIN: under formats 0 and 3 the answer is the same for all digits that the
 * PAN masks over PIN digits, and the block that comes out carries what went in.
 */
START_TEST(answers_do_not_depend_on_the_pin)
{
	static const CK_ULONG bound[] = { 0, 3 };
	char pan[17] = "4012345678909012";
	uint8_t room[16];

	for (size_t i = 0; i < ARRAY_LEN(bound); i++) {
		for (char digit = '0'; digit <= '9'; digit++) {
			for (char try = '0'; try <= '9'; try++) {
				struct pin pin = { 6, { 1, 2, (uint8_t)(digit - '0'), 4, 5, 6 } };
				static const uint8_t random[16];
				CK_ULONG len = sizeof(room);
				char other[17];
				uint8_t block[16];

				memcpy(other, pan, sizeof(pan));
				other[3] = try; /* the first of the twelve: over the third digit of the PIN */
				pin_block_write(bound[i], &pin, VIEW(pan, 16), random, block);
				pay_ecb(CKK_DES2, VIEW(in[0].value, 16), true, block, 8);
				ck_ok(translate(in[0].key, out[0].key, bound[i], 0, VIEW(other, 16), VIEW(block, 8),
						room, &len));
				/* The same through format 4, where nothing is masked. */
				len = sizeof(room);
				ck_ok(translate(in[0].key, out[1].key, bound[i], 4, VIEW(other, 16), VIEW(block, 8),
						room, &len));
				crypt(CKK_AES, VIEW(out[1].value, 16), false, 4, VIEW(other, 16), room);
				crypt(CKK_AES, VIEW(in[1].value, 16), true, 4, VIEW(other, 16), room);
				ck_ok(translate(in[1].key, out[1].key, 4, 4, VIEW(other, 16), VIEW(room, 16), block,
						&len));
			}
		}
	}
}
END_TEST

START_TEST(fill_is_fresh_every_time)
{
	static const char pan[] = "4012345678909012";
	static const CK_ULONG fresh[] = { 1, 3, 4 };
	struct pin pin = { 4, { 1, 2, 3, 4 } };
	static const uint8_t random[16];
	uint8_t block[16], a[16], b[16];

	pin_block_write(1, &pin, VIEW(NULL, 0), random, block);
	pay_ecb(CKK_DES2, VIEW(in[0].value, 16), true, block, 8);
	for (size_t i = 0; i < ARRAY_LEN(fresh); i++) {
		struct view p = fresh[i] == 1 ? VIEW(NULL, 0) : VIEW(pan, 16);
		CK_ULONG len = 16;

		ck_ok(translate(in[0].key, out[KIND(fresh[i])].key, 1, fresh[i], p, VIEW(block, 8), a, &len));
		len = 16;
		ck_ok(translate(in[0].key, out[KIND(fresh[i])].key, 1, fresh[i], p, VIEW(block, 8), b, &len));
		ck_assert_mem_ne(a, b, len);
	}
}
END_TEST

START_TEST(parameters_and_lengths)
{
	static char pan[] = "401234567890901234567";
	static const CK_ULONG odd[] = { 2, 5, 255, ~0UL };
	struct sr_pin_translate_params p = { out[0].key, 0, 0, (CK_BYTE_PTR)pan, 16 };
	CK_MECHANISM m = { CKM_SR_PIN_TRANSLATE, &p, sizeof(p) };
	CK_OBJECT_HANDLE from = in[0].key;
	uint8_t block[16] = { 0 }, room[16];
	CK_ULONG len;

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		p.inFormat = odd[i];
		ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_MECHANISM_PARAM_INVALID);
		p.inFormat = 0;
		p.outFormat = odd[i];
		ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_MECHANISM_PARAM_INVALID);
		p.outFormat = 0;
	}
	for (size_t n = 0; n < 22; n++) {
		p.ulPanLen = n == 21 ? ~0UL : n;
		ck_rv(ck->C_DecryptInit(ck_session, &m, from),
		      n >= 12 && n <= 19 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		if (n >= 12 && n <= 19)
			ck_ok(ck->C_DecryptInit(ck_session, NULL, 0));
	}
	p.ulPanLen = 16;
	pan[7] = 'A';
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_MECHANISM_PARAM_INVALID);
	pan[7] = '7';
	p.pPan = NULL;
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_MECHANISM_PARAM_INVALID);
	p = (struct sr_pin_translate_params){ out[0].key, 1, 1, (CK_BYTE_PTR)pan, 16 };
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_MECHANISM_PARAM_INVALID);
	p = (struct sr_pin_translate_params){ 999999, 0, 0, (CK_BYTE_PTR)pan, 16 };
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_KEY_HANDLE_INVALID);
	/* Formats 0, 1, 3 under TDES, format 4 under AES. */
	p = (struct sr_pin_translate_params){ out[1].key, 0, 0, (CK_BYTE_PTR)pan, 16 };
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_KEY_TYPE_INCONSISTENT);
	p = (struct sr_pin_translate_params){ out[0].key, 0, 4, (CK_BYTE_PTR)pan, 16 };
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_KEY_TYPE_INCONSISTENT);
	p = (struct sr_pin_translate_params){ out[0].key, 4, 0, (CK_BYTE_PTR)pan, 16 };
	ck_rv(ck->C_DecryptInit(ck_session, &m, from), CKR_KEY_TYPE_INCONSISTENT);
	/* Lengths; a short buffer keeps the operation, a wrong length ends it; never in parts, never the other way. */
	p = (struct sr_pin_translate_params){ out[1].key, 0, 4, (CK_BYTE_PTR)pan, 16 };
	pay_hex("041274EDCBA9876F", block);
	ck_ok(ck->C_DecryptInit(ck_session, &m, from));
	len = 0;
	ck_ok(ck->C_Decrypt(ck_session, block, 8, NULL, &len));
	ck_assert_uint_eq(len, 16);
	len = 15;
	ck_rv(ck->C_Decrypt(ck_session, block, 8, room, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, 16);
	ck_rv(ck->C_Decrypt(ck_session, block, 16, room, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	ck_rv(ck->C_Decrypt(ck_session, block, 8, room, &len), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(ck->C_DecryptInit(ck_session, &m, from));
	ck_rv(ck->C_DecryptUpdate(ck_session, block, 8, room, &len), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(ck->C_EncryptInit(ck_session, &m, from), CKR_MECHANISM_INVALID);
}
END_TEST

/* No key but PINKEYs on both sides, and a PINKEY in no other mechanism: no oracle for anything else. */
START_TEST(only_pinkeys_translate_and_pinkeys_only_translate)
{
	static char pan[] = "4012345678909012";
	static const char *const others[] = { "K0TB00E", "M3TC00E", "20TN00E", "21TN00E", "B3TX00E" };
	CK_MECHANISM_TYPE raw[] = { CKM_DES3_ECB, CKM_SR_ISO9797_ALG1_MAC, CKM_DES3_CMAC, CKM_SR_X9_19_MAC };
	struct sr_iso9797_params iso = { 1, 8 };
	uint8_t room[16], block[8] = { 0 };
	CK_OBJECT_HANDLE plain = pay_key(CKK_DES2, VIEW(value, 16), CKF_ENCRYPT | CKF_DECRYPT), narrow = 0;
	CK_ULONG len = sizeof(room);

	ck_assert_uint_ne(translate(plain, out[0].key, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len), CKR_OK);
	ck_assert_uint_ne(translate(in[0].key, plain, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len), CKR_OK);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		CK_OBJECT_HANDLE h = pay_import(&pay_aes, others[i], VIEW(value, 16));

		ck_assert_uint_ne(translate(h, out[0].key, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len), CKR_OK);
		ck_rv(translate(in[0].key, h, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len),
		      CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
	for (size_t i = 0; i < ARRAY_LEN(raw); i++) {
		CK_MECHANISM m = { raw[i], raw[i] == CKM_SR_ISO9797_ALG1_MAC ? &iso : NULL, 0 };

		m.ulParameterLen = m.pParameter ? sizeof(iso) : 0;
		ck_assert_uint_ne(ck->C_EncryptInit(ck_session, &m, in[0].key), CKR_OK);
		ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &m, in[0].key), CKR_OK);
		ck_assert_uint_ne(ck->C_SignInit(ck_session, &m, in[0].key), CKR_OK);
	}
	/* Mode of use: E is only a target, D only a source. */
	narrow = pay_import(&pay_aes, "P0TE00E", VIEW(value, 16));
	ck_rv(translate(narrow, out[0].key, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len),
	      CKR_KEY_FUNCTION_NOT_PERMITTED);
	narrow = pay_import(&pay_aes, "P0TD00E", VIEW(value, 16));
	ck_rv(translate(in[0].key, narrow, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len),
	      CKR_KEY_FUNCTION_NOT_PERMITTED);
	{
		CK_ULONG role = SR_ROLE_PINKEY;
		CK_MECHANISM gen = { CKM_DES2_KEY_GEN, NULL, 0 };
		CK_ATTRIBUTE t[] = { { CKA_SR_ROLE, &role, sizeof(role) }, { CKA_ENCRYPT, &no, 1 } };

		ck_ok(ck->C_GenerateKey(ck_session, &gen, t, 2, &narrow));
		ck_rv(translate(in[0].key, narrow, 0, 0, VIEW(pan, 16), VIEW(block, 8), room, &len),
		      CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pin");
	TCase *c = tcase_create("pin");

	kit_pattern(value, sizeof(value), 5);
	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, begin, pay_end);
	tcase_add_test(c, published_blocks_between_all_formats);
	tcase_add_test(c, malformed_block_is_one_error);
	tcase_add_test(c, malformed_block_of_format_4_is_one_error);
	tcase_add_test(c, answers_do_not_depend_on_the_pin);
	tcase_add_test(c, fill_is_fresh_every_time);
	tcase_add_test(c, parameters_and_lengths);
	tcase_add_test(c, only_pinkeys_translate_and_pinkeys_only_translate);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
