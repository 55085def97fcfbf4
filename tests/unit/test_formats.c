/* SPDX-License-Identifier: BSD-2-Clause */
/* The codec of docs/formats.md: round trips, and everything that a reader must refuse. */
#include "working.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t noise[1024];

/* Writes one value of every format; which picks suite, key type, handshake version and so on. */
static struct key_attrs attrs_of(uint8_t role, uint8_t type, uint8_t length, size_t iv)
{
	return (struct key_attrs){ .role = role, .type = type, .length = length, .iv = VIEW(noise + 7, iv) };
}

struct shape {
	uint8_t suite, handshake, type, length;
	size_t modulus;
};

static const struct shape shapes[] = {
	{ 1, 1, FORMAT_KEY_TDES, 16, 256 }, { 1, 2, FORMAT_KEY_TDES, 24, 384 }, { 2, 2, FORMAT_KEY_TDES, 16, 512 },
	{ 2, 1, FORMAT_KEY_AES, 16, 256 },  { 2, 2, FORMAT_KEY_AES, 24, 256 },  { 2, 2, FORMAT_KEY_AES, 32, 512 },
	{ 3, 1, FORMAT_KEY_TDES, 24, 256 }, { 3, 2, FORMAT_KEY_AES, 16, 256 },  { 3, 2, FORMAT_KEY_AES, 32, 384 },
};

static struct tk_packet packet_of(const struct shape *s)
{
	return (struct tk_packet){ .suite = s->suite,
				   .version = FORMAT_VERSION,
				   .handshake = s->handshake,
				   .oaep_hash = FORMAT_HASH_SHA256,
				   .pos_serial = VIEW_STR("POS-00000001"),
				   .pin_pad = s->handshake == 1 ? VIEW(NULL, 0) : VIEW_STR("PP/77"),
				   .cert_serial = VIEW_STR("\x01\x00\x02"),
				   .counter = 77,
				   .tek = attrs_of(FORMAT_ROLE_TEK, s->type, s->length, 0),
				   .ctek = VIEW(noise, s->modulus),
				   .auk = attrs_of(FORMAT_ROLE_AUK, s->type, s->length, 0),
				   .cauk = VIEW(noise + 3, s->modulus),
				   .mac = VIEW(noise + 5, s->type == FORMAT_KEY_AES ? 16 : 8) };
}

static struct tk_record record_of(const struct shape *s)
{
	size_t iv = s->suite == 1 ? 8 : 0;
	size_t wrapped = s->length + (s->suite == 1 ? 0u : 8u);
	static uint8_t block[FORMAT_BLOCK_MAX];
	struct view one = VIEW(noise, wrapped), two = VIEW(noise + 50, wrapped);

	/* Serial number of 5 letters: header 16, label and what fills it 16, key data, MAC. */
	if (s->suite == 3) {
		wrapped = 16 + 16 + (s->type == FORMAT_KEY_AES ? 96 : 64) + 32;
		memset(block, 'A', sizeof(block));
		memcpy(block, wrapped == 160 ? "D0160" : "D0128", 5);
		one = two = VIEW(block, wrapped);
	}

	return (struct tk_record){ .suite = s->suite,
				   .version = FORMAT_VERSION,
				   .handshake = s->handshake,
				   .customer = VIEW_STR("ACME.bank_1-x"),
				   .pos_serial = VIEW_STR("~!POS"),
				   .pin_pad = VIEW_STR(""),
				   .cert_serial = VIEW_STR("\x00"),
				   .collected = 1700000000,
				   .counter = UINT64_MAX,
				   .parameters = 2,
				   .tek = attrs_of(FORMAT_ROLE_TEK, s->type, s->length, iv),
				   .ctek = one,
				   .auk = attrs_of(FORMAT_ROLE_AUK, s->type, s->length, iv),
				   .cauk = two,
				   .mac = VIEW(noise, s->suite == 1 ? 8 : 16),
				   .has_imported = s->handshake == 2,
				   .imported = s->handshake == 2 ? 1700000009 : 0 };
}

static struct tmk_message tmk_of(const struct shape *s)
{
	size_t iv = s->suite == 1 ? 8 : 0;

	return (struct tmk_message){ .version = FORMAT_VERSION,
				     .handshake = s->handshake,
				     .attrs = attrs_of(FORMAT_ROLE_TMK, s->type, s->length, iv),
				     .check = { check_value_method(s->type), { 1, 2, 3 } },
				     .ctmk = VIEW(noise, s->length + (iv ? 0u : 8u)),
				     .mac = VIEW(noise, s->handshake == 1 ? 0
							: s->suite == 1   ? 8
									  : 16) };
}

static struct transcript transcript_of(uint8_t direction)
{
	return (struct transcript){ .direction = direction,
				    .handshake = FORMAT_HANDSHAKE_V2,
				    .pos_serial = VIEW_STR("POS-1"),
				    .terminal_random = VIEW(noise, 16),
				    .host_random = VIEW(noise + 16, 16),
				    .attrs = attrs_of(FORMAT_ROLE_TMK, FORMAT_KEY_AES, 32, 0),
				    .ctmk = VIEW(noise, 40),
				    .check = { FORMAT_CHECK_CMAC, { 9, 8, 7 } },
				    .forms = 3 };
}

static struct wk_message working_of(uint8_t form, uint8_t type, uint8_t length)
{
	bool bare = form == WK_FORM_WRAP && type == FORMAT_KEY_TDES;
	struct wk_message m = { .version = FORMAT_VERSION, .handshake = 2, .form = form, .generation = 3 };

	for (size_t i = 0; i < WK_KINDS; i++) {
		m.key[i].attrs = attrs_of(WK_ROLE(i), type, length, bare ? 8 : 0);
		m.key[i].check = (struct check_value){ check_value_method(type), { 1, 2, (uint8_t)i } };
		m.key[i].wrapped = VIEW(noise, form == WK_FORM_BLOCK ? 144 : bare ? length : length + 8u);
	}
	m.mac = VIEW(noise, type == FORMAT_KEY_AES ? 16 : 8);
	return m;
}

/* parse, then write again what was read. */
typedef bool reparse_fn(struct view v, struct buf *again);

#define REPARSE(name)                                                                                                  \
	static bool name##_again(struct view v, struct buf *again)                                                     \
	{                                                                                                              \
		struct name value;                                                                                     \
		if (!name##_parse(v, &value))                                                                          \
			return false;                                                                                  \
		if (again)                                                                                             \
			name##_put(again, &value);                                                                     \
		return true;                                                                                           \
	}
REPARSE(tk_packet)
REPARSE(tk_record)
REPARSE(tmk_message)
REPARSE(transcript)
REPARSE(wk_message)
REPARSE(wk_blob)

static void check_round_trip(struct view v, reparse_fn *again)
{
	BUF_AUTO b = { 0 };

	ck_assert(again(v, &b));
	ck_assert(buf_ok(&b));
	ck_assert(view_equal(v, buf_view(&b)));
}

/* Truncations on a copy of exactly that size, so that the sanitizer sees a read behind the end. */
static void check_truncations(struct view v, reparse_fn *again)
{
	for (size_t n = 0; n < v.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, v.p, n);
		ck_assert_msg(!again(VIEW(copy, n), NULL), "cut to %zu of %zu was accepted", n, v.n);
		free(copy);
	}
}

static void check_trailing(struct view v, reparse_fn *again)
{
	BUF_AUTO b = { 0 };

	buf_put_view(&b, v);
	buf_put_u8(&b, 0);
	ck_assert(!again(buf_view(&b), NULL));
}

/* Every byte changed in every bit: refused, or read and written back as it stands; never a crash, never another length.
 */
static void check_changes(struct view v, reparse_fn *again)
{
	BUF_AUTO copy = { 0 };

	buf_put_view(&copy, v);
	for (size_t i = 0; i < v.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			BUF_AUTO out = { 0 };

			copy.p[i] ^= (uint8_t)(1 << bit);
			if (again(buf_view(&copy), &out))
				ck_assert(view_equal(buf_view(&copy), buf_view(&out)));
			copy.p[i] ^= (uint8_t)(1 << bit);
		}
	}
}

static void check_all(struct buf *b, reparse_fn *again)
{
	ck_assert(buf_ok(b));
	check_round_trip(buf_view(b), again);
	check_truncations(buf_view(b), again);
	check_trailing(buf_view(b), again);
	check_changes(buf_view(b), again);
	buf_done(b);
	*b = (struct buf){ 0 };
}

START_TEST(every_format_survives_a_round_trip_and_refuses_cuts) /* R1.4 R1.7 R1.11 R2.1 */
{
	struct buf b = { 0 };
	struct tk_packet p = packet_of(&shapes[_i]);
	struct tk_record r = record_of(&shapes[_i]);
	struct tmk_message m = tmk_of(&shapes[_i]);

	tk_packet_put(&b, &p);
	ck_assert_uint_le(b.len, FORMAT_PACKET_MAX);
	check_all(&b, tk_packet_again);
	tk_record_put(&b, &r);
	ck_assert_uint_le(b.len, FORMAT_RECORD_MAX);
	check_all(&b, tk_record_again);
	tmk_message_put(&b, &m);
	ck_assert_uint_le(b.len, FORMAT_TMK_MESSAGE_MAX);
	check_all(&b, tmk_message_again);
}
END_TEST

START_TEST(every_direction_of_a_transcript_survives_a_round_trip) /* R1.10 */
{
	struct transcript t = transcript_of((uint8_t)_i);
	struct buf b = { 0 };

	transcript_put(&b, &t);
	check_all(&b, transcript_again);
}
END_TEST

START_TEST(transcript_of_other_letters_direction_or_version_is_refused)
{
	struct transcript t = transcript_of(TRANSCRIPT_HOST_PROVES);
	BUF_AUTO b = { 0 };

	transcript_put(&b, &t);
	ck_assert(buf_ok(&b));
	b.p[0] ^= 1;
	ck_assert(!transcript_parse(buf_view(&b), &t));
	b.p[0] ^= 1;
	for (unsigned d = 0; d < 256; d++) {
		b.p[4] = (uint8_t)d;
		ck_assert_int_eq(transcript_parse(buf_view(&b), &t), d == 1 || d == 2);
	}
	b.p[4] = 1;
	b.p[7] = 1; /* handshake version 1 has no transcript */
	ck_assert(!transcript_parse(buf_view(&b), &t));
}
END_TEST

/* The exact bytes, once, by hand from docs/formats.md. */
START_TEST(record_bytes_are_those_of_the_page) /* R2.1 */
{
	struct tk_record r = record_of(&shapes[0]);
	BUF_AUTO b = { 0 };
	BUF_AUTO mac = { 0 };
	BUF_AUTO want = { 0 };
	BUF_AUTO covered = { 0 };
	size_t from;

	r.cert_serial = VIEW_STR("\x7f");
	r.counter = 5;
	buf_put_u8(&want, 1); /* suite */
	buf_put_u8(&want, 1); /* version */
	buf_put_lv(&want, VIEW_STR("\x01"));
	from = 2;
	buf_put_lv(&want, VIEW_STR("ACME.bank_1-x"));
	buf_put_lv(&want, VIEW_STR("~!POS"));
	buf_put_lv(&want, VIEW_STR(""));
	buf_put_lv(&want, VIEW_STR("\x7f"));
	buf_put_lv(&want, VIEW_STR("\0\0\0\0\x65\x53\xf1\x00"));
	buf_put_lv(&want, VIEW_STR("\0\0\0\0\0\0\0\5"));
	buf_put_lv(&want, VIEW_STR("\x02"));
	buf_put_u16(&want, 12);
	buf_put(&want, "\5\1\x10\x08", 4);
	buf_put(&want, noise + 7, 8);
	buf_put_lv(&want, VIEW(noise, 16));
	buf_put_u16(&want, 12);
	buf_put(&want, "\6\1\x10\x08", 4);
	buf_put(&want, noise + 7, 8);
	buf_put_lv(&want, VIEW(noise + 50, 16));
	buf_put(&covered, "\0\1\1\0\1\1", 6); /* LV(version), LV(suite) */
	buf_put(&covered, want.p + from, want.len - from);
	buf_put_lv(&want, VIEW(noise, 8));
	buf_put_lv(&want, VIEW_STR(""));
	tk_record_put(&b, &r);
	tk_record_mac_input(&mac, &r);
	ck_assert(buf_ok(&b) && buf_ok(&mac) && buf_ok(&want) && buf_ok(&covered));
	ck_assert(view_equal(buf_view(&b), buf_view(&want)));
	ck_assert(view_equal(buf_view(&mac), buf_view(&covered)));
}
END_TEST

START_TEST(import_time_is_outside_the_record_mac) /* R2.1 */
{
	struct tk_record r = record_of(&shapes[0]);
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };

	tk_record_mac_input(&before, &r);
	r.has_imported = true;
	r.imported = 1;
	tk_record_mac_input(&after, &r);
	ck_assert(buf_ok(&before) && buf_ok(&after));
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
}
END_TEST

START_TEST(packet_mac_input_starts_with_tk_and_ends_with_cauk) /* R1.4 */
{
	struct tk_packet p = packet_of(&shapes[5]);
	BUF_AUTO b = { 0 };
	BUF_AUTO whole = { 0 };
	BUF_AUTO want = { 0 };

	tk_packet_mac_input(&b, &p);
	tk_packet_put(&whole, &p);
	ck_assert(buf_ok(&b) && buf_ok(&whole));
	buf_put(&want, "TK\0\1\1\0\1\2", 8);
	buf_put(&want, whole.p + 2, whole.len - 2 - 18);
	ck_assert(buf_ok(&want));
	ck_assert(view_equal(buf_view(&b), buf_view(&want)));
}
END_TEST

/* Each row spoils one member of a good record; the writer refuses it, as the reader would (they share the rows). */
#define SPOIL(name, ...)                                                                                               \
	static void name(struct tk_record *r)                                                                          \
	{                                                                                                              \
		__VA_ARGS__;                                                                                           \
	}
SPOIL(record_suite_3, r->suite = 3)
SPOIL(record_suite_0, r->suite = 0)
SPOIL(record_version_2, r->version = 2)
SPOIL(record_handshake_0, r->handshake = 0)
SPOIL(record_handshake_3, r->handshake = 3)
SPOIL(record_customer_empty, r->customer = VIEW_STR(""))
SPOIL(record_customer_33, r->customer = VIEW_STR("123456789012345678901234567890123"))
SPOIL(record_customer_with_slash, r->customer = VIEW_STR("a/b"))
SPOIL(record_serial_empty, r->pos_serial = VIEW_STR(""))
SPOIL(record_serial_33, r->pos_serial = VIEW_STR("123456789012345678901234567890123"))
SPOIL(record_serial_with_space, r->pos_serial = VIEW_STR("a b"))
SPOIL(record_serial_with_delete, r->pos_serial = VIEW_STR("a\x7f"))
SPOIL(record_pin_pad_33, r->pin_pad = VIEW_STR("123456789012345678901234567890123"))
SPOIL(record_certificate_serial_empty, r->cert_serial = VIEW_STR(""))
SPOIL(record_certificate_serial_21, r->cert_serial = VIEW(noise + 1, 21))
SPOIL(record_certificate_serial_leading_zero, r->cert_serial = VIEW_STR("\0\1"))
SPOIL(record_counter_0, r->counter = 0)
SPOIL(record_3_parameters, r->parameters = 3)
SPOIL(record_tek_of_role_auk, r->tek.role = FORMAT_ROLE_AUK)
SPOIL(record_auk_of_role_tek, r->auk.role = FORMAT_ROLE_TEK)
SPOIL(record_keys_of_two_lengths, r->auk.length = 32; r->cauk = VIEW(noise, 40))
SPOIL(record_keys_of_two_types, r->auk.type = FORMAT_KEY_TDES)
SPOIL(record_aes_with_iv, r->tek.iv = VIEW(noise, 8); r->ctek = VIEW(noise, 24))
SPOIL(record_ciphertext_short, r->ctek.n -= 8)
SPOIL(record_mac_8_of_suite_2, r->mac.n = 8)
SPOIL(record_aes_key_of_suite_1, r->suite = 1)

static const struct {
	const char *name;
	void (*spoil)(struct tk_record *r);
} spoils[] = {
	{ "suite 3", record_suite_3 },
	{ "suite 0", record_suite_0 },
	{ "version 2", record_version_2 },
	{ "handshake 0", record_handshake_0 },
	{ "handshake 3", record_handshake_3 },
	{ "customer empty", record_customer_empty },
	{ "customer 33", record_customer_33 },
	{ "customer with slash", record_customer_with_slash },
	{ "serial empty", record_serial_empty },
	{ "serial 33", record_serial_33 },
	{ "serial with space", record_serial_with_space },
	{ "serial with delete", record_serial_with_delete },
	{ "pin pad 33", record_pin_pad_33 },
	{ "certificate serial empty", record_certificate_serial_empty },
	{ "certificate serial 21", record_certificate_serial_21 },
	{ "certificate serial leading zero", record_certificate_serial_leading_zero },
	{ "counter 0", record_counter_0 },
	{ "3 parameters", record_3_parameters },
	{ "tek of role auk", record_tek_of_role_auk },
	{ "auk of role tek", record_auk_of_role_tek },
	{ "keys of two lengths", record_keys_of_two_lengths },
	{ "keys of two types", record_keys_of_two_types },
	{ "aes with iv", record_aes_with_iv },
	{ "ciphertext short", record_ciphertext_short },
	{ "mac 8 of suite 2", record_mac_8_of_suite_2 },
	{ "aes key of suite 1", record_aes_key_of_suite_1 },
};

START_TEST(record_with_one_bad_field_is_refused) /* R2.1 */
{
	struct tk_record r = record_of(&shapes[4]);
	BUF_AUTO good = { 0 };
	BUF_AUTO bad = { 0 };

	tk_record_put(&good, &r);
	ck_assert(buf_ok(&good));
	spoils[_i].spoil(&r);
	tk_record_put(&bad, &r);
	ck_assert_msg(!buf_ok(&bad), "%s was accepted", spoils[_i].name);
}
END_TEST

START_TEST(tmk_message_rules_hold) /* R1.11 */
{
	struct tmk_message m = tmk_of(&shapes[5]);
	BUF_AUTO aes_under_tdes = { 0 };
	BUF_AUTO wrong_method = { 0 };
	BUF_AUTO v1_with_mac = { 0 };
	BUF_AUTO wrong_role = { 0 };

	m.attrs.iv = VIEW(noise, 8);
	m.ctmk.n = 32;
	m.mac.n = 8;
	tmk_message_put(&aes_under_tdes, &m);
	ck_assert(!buf_ok(&aes_under_tdes));
	m = tmk_of(&shapes[5]);
	m.check.method = FORMAT_CHECK_ECB;
	tmk_message_put(&wrong_method, &m);
	ck_assert(!buf_ok(&wrong_method));
	m = tmk_of(&shapes[5]);
	m.handshake = FORMAT_HANDSHAKE_V1;
	tmk_message_put(&v1_with_mac, &m);
	ck_assert(!buf_ok(&v1_with_mac));
	m = tmk_of(&shapes[5]);
	m.attrs.role = FORMAT_ROLE_TEK;
	tmk_message_put(&wrong_role, &m);
	ck_assert(!buf_ok(&wrong_role));
}
END_TEST

static const struct {
	uint8_t form, type, length;
} workings[] = { { 1, 2, 32 }, { 1, 2, 16 }, { 1, 1, 24 }, { 2, 2, 24 }, { 2, 1, 16 } };

START_TEST(working_keys_survive_a_round_trip_and_refuse_cuts) /* R1.12 */
{
	struct wk_message m = working_of(workings[_i].form, workings[_i].type, workings[_i].length);
	struct buf b = { 0 }, blob = { 0 };
	struct wk_blob kept = { m.form, m.key[WK_MACKEY] };

	wk_message_put(&b, &m);
	ck_assert_uint_le(b.len, WK_MESSAGE_MAX);
	check_all(&b, wk_message_again);
	kept.key.attrs.iv = VIEW(NULL, 0);
	kept.key.wrapped.n = m.form == WK_FORM_BLOCK ? 144 : kept.key.attrs.length + 8u;
	wk_blob_put(&blob, &kept);
	ck_assert_uint_le(blob.len, WK_BLOB_MAX);
	check_all(&blob, wk_blob_again);
}
END_TEST

/* R1.12: each row spoils one member of a good message; the MAC is of no other direction, handshake or terminal. */
#define SPOIL_WK(name, ...)                                                                                            \
	static void name(struct wk_message *m)                                                                         \
	{                                                                                                              \
		__VA_ARGS__;                                                                                           \
	}
SPOIL_WK(wk_version_2, m->version = 2)
SPOIL_WK(wk_handshake_3, m->handshake = 3)
SPOIL_WK(wk_form_3, m->form = 3)
SPOIL_WK(wk_generation_0, m->generation = 0)
SPOIL_WK(wk_kinds_exchanged, m->key[0].attrs.role = FORMAT_ROLE_MACKEY)
SPOIL_WK(wk_two_lengths, m->key[0].attrs.length = 16)
SPOIL_WK(wk_check_of_other_method, m->key[1].check.method = FORMAT_CHECK_ECB)
SPOIL_WK(wk_block_with_iv, m->key[0].attrs.iv = VIEW(noise, 8))
SPOIL_WK(wk_mac_8_of_aes, m->mac.n = 8)
SPOIL_WK(wk_block_too_long, m->key[0].wrapped.n = WK_WRAPPED_MAX + 8)

START_TEST(working_keys_with_one_bad_field_are_refused)
{
	static void (*const all[])(struct wk_message * m) = {
		wk_version_2,   wk_handshake_3,           wk_form_3,        wk_generation_0, wk_kinds_exchanged,
		wk_two_lengths, wk_check_of_other_method, wk_block_with_iv, wk_mac_8_of_aes, wk_block_too_long,
	};
	struct wk_message m = working_of(WK_FORM_BLOCK, FORMAT_KEY_AES, 32);
	struct wk_cover cover = { WK_GIVES, VIEW_STR("POS-1"), VIEW(noise, 16), VIEW(noise + 16, 16) };
	BUF_AUTO gives = { 0 };
	BUF_AUTO confirms = { 0 };

	wk_message_mac_input(&gives, &cover, &m);
	cover.direction = WK_CONFIRMS;
	wk_message_mac_input(&confirms, &cover, &m);
	ck_assert(buf_ok(&gives) && buf_ok(&confirms) && !view_equal(buf_view(&gives), buf_view(&confirms)));
	cover.direction = 3;
	wk_message_mac_input(&confirms, &cover, &m);
	ck_assert(!buf_ok(&confirms));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		BUF_AUTO b = { 0 };

		m = working_of(WK_FORM_BLOCK, FORMAT_KEY_AES, 32);
		all[i](&m);
		wk_message_put(&b, &m);
		ck_assert_msg(!buf_ok(&b), "row %zu", i);
	}
}
END_TEST

START_TEST(key_attributes_take_only_known_types_and_lengths)
{
	struct key_attrs a;

	for (unsigned type = 0; type < 256; type++) {
		for (unsigned length = 0; length < 256; length++) {
			uint8_t bytes[4] = { FORMAT_ROLE_TEK, (uint8_t)type, (uint8_t)length, 0 };
			bool good = (type == 1 && (length == 16 || length == 24)) ||
				    (type == 2 && (length == 16 || length == 24 || length == 32));

			ck_assert_int_eq(key_attrs_parse(VIEW(bytes, 4), &a), good);
		}
	}
	ck_assert(!key_attrs_parse(VIEW_STR("\x05\x02\x10\x07\1\2\3\4\5\6\7"), &a));
	ck_assert(!key_attrs_parse(VIEW_STR("\x00\x02\x10\x00"), &a) &&
		  !key_attrs_parse(VIEW_STR("\x0b\x02\x10\x00"), &a));
}
END_TEST

START_TEST(failed_parse_leaves_the_answer_untouched)
{
	struct tk_record r;
	struct tk_record before;

	memset(&r, 0x5a, sizeof(r));
	memcpy(&before, &r, sizeof(r));
	ck_assert(!tk_record_parse(VIEW_STR("\1\1\0\1\1"), &r));
	ck_assert_mem_eq(&r, &before, sizeof(r));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("formats");
	TCase *c = tcase_create("formats");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 167 + 13);
	tcase_add_loop_test(c, every_format_survives_a_round_trip_and_refuses_cuts, 0, (int)ARRAY_LEN(shapes));
	tcase_add_loop_test(c, every_direction_of_a_transcript_survives_a_round_trip, 1, 6);
	tcase_add_test(c, transcript_of_other_letters_direction_or_version_is_refused);
	tcase_add_test(c, record_bytes_are_those_of_the_page);
	tcase_add_test(c, import_time_is_outside_the_record_mac);
	tcase_add_test(c, packet_mac_input_starts_with_tk_and_ends_with_cauk);
	tcase_add_loop_test(c, record_with_one_bad_field_is_refused, 0, (int)ARRAY_LEN(spoils));
	tcase_add_test(c, tmk_message_rules_hold);
	tcase_add_loop_test(c, working_keys_survive_a_round_trip_and_refuse_cuts, 0, (int)ARRAY_LEN(workings));
	tcase_add_test(c, working_keys_with_one_bad_field_are_refused);
	tcase_add_test(c, key_attributes_take_only_known_types_and_lengths);
	tcase_add_test(c, failed_parse_leaves_the_answer_untouched);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
