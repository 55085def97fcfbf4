/* SPDX-License-Identifier: BSD-2-Clause */
#include "formats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A format is a list of fields. offset is the member's place in its struct; lo and hi bound a number, min and max the
 * length of bytes; ok adds a rule on characters; mac says whether the MAC covers the field.
 */
enum kind {
	KIND_RAW,   /* one byte, no length: uint8_t */
	KIND_U8,    /* LV, 1 byte: uint8_t */
	KIND_U64,   /* LV, 8 bytes: uint64_t */
	KIND_TIME,  /* LV, 8 bytes or empty: uint64_t, followed by nothing; flag names the bool member */
	KIND_BYTES, /* LV: struct view */
	KIND_ATTRS, /* LV: struct key_attrs */
	KIND_CHECK, /* LV: struct check_value */
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	bool mac;
	uint64_t lo, hi;
	size_t min, max;
	bool (*ok)(struct view v);
	size_t flag;
};

struct format {
	const struct field *fields;
	size_t count;
	size_t max;                    /* bytes of the whole */
	bool (*ok)(const void *value); /* what follows from several fields together */
};

#define MEMBER(type, pointer, offset) ((type *)(void *)((char *)(pointer) + (offset)))
#define CONST_MEMBER(type, pointer, offset) ((const type *)(const void *)((const char *)(pointer) + (offset)))

static bool all_of(struct view v, bool (*letter)(uint8_t c))
{
	for (size_t i = 0; i < v.n; i++) {
		if (!letter(v.p[i]))
			return false;
	}
	return true;
}

static bool name_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

static bool serial_letter(uint8_t c)
{
	return c >= 0x21 && c <= 0x7e;
}

bool format_name_ok(struct view v, size_t max)
{
	return v.n >= 1 && v.n <= max && all_of(v, name_letter);
}

bool format_customer_ok(struct view v)
{
	return format_name_ok(v, FORMAT_CUSTOMER_MAX);
}

bool format_pos_serial_ok(struct view v)
{
	return v.n >= 1 && v.n <= FORMAT_POS_SERIAL_MAX && all_of(v, serial_letter);
}

bool format_pin_pad_ok(struct view v)
{
	return v.n <= FORMAT_PIN_PAD_MAX && all_of(v, serial_letter);
}

bool format_cert_serial_ok(struct view v)
{
	return v.n >= 1 && v.n <= FORMAT_CERT_SERIAL_MAX && (v.n == 1 || v.p[0] != 0);
}

bool format_key_ok(uint8_t type, size_t length)
{
	switch (type) {
	case FORMAT_KEY_TDES:
		return length == 16 || length == 24;
	case FORMAT_KEY_AES:
		return length == 16 || length == 24 || length == 32;
	default:
		return false;
	}
}

static bool key_attrs_ok(const struct key_attrs *a)
{
	return a->role >= 1 && a->role <= FORMAT_ROLE_MAX && format_key_ok(a->type, a->length) &&
	       (a->iv.n == 0 || a->iv.n == FORMAT_IV);
}

static struct key_attrs key_attrs_read(struct reader *r)
{
	struct key_attrs a = { .role = reader_u8(r), .type = reader_u8(r), .length = reader_u8(r) };

	a.iv = reader_bytes(r, reader_u8(r));
	return a;
}

bool key_attrs_parse(struct view v, struct key_attrs *ret)
{
	struct reader r = reader_of(v);
	struct key_attrs a = key_attrs_read(&r);

	if (!reader_done(&r) || !key_attrs_ok(&a))
		return false;
	*ret = a;
	return true;
}

void key_attrs_put(struct buf *b, const struct key_attrs *a)
{
	if (!key_attrs_ok(a)) {
		b->failed = true;
		return;
	}
	buf_put_u8(b, a->role);
	buf_put_u8(b, a->type);
	buf_put_u8(b, a->length);
	buf_put_u8(b, (uint8_t)a->iv.n);
	buf_put_view(b, a->iv);
}

uint8_t format_suite_key(uint8_t suite)
{
	switch (suite) {
	case FORMAT_SUITE_TDES:
		return FORMAT_KEY_TDES;
	case FORMAT_SUITE_AES:
	case FORMAT_SUITE_BLOCK:
		return FORMAT_KEY_AES;
	default:
		return 0;
	}
}

/*
 * A key block of version D: header 16, optional block LB with the serial number, what fills the cipher block (at least
 * 4 letters), key data in hexadecimal (length and key, AES as if of 32, TDES of 24 bytes), MAC in hexadecimal.
 */
static size_t block_len(const struct key_attrs *a, size_t serial_len)
{
	size_t label = 4 + serial_len, fill = (16 - label % 16) % 16;

	if (fill && fill < 4)
		fill += 16;
	return 16 + label + fill + 2 * (a->type == FORMAT_KEY_AES ? 48 : 32) + 2 * 16;
}

size_t format_wrapped_len(uint8_t suite, const struct key_attrs *a, size_t serial_len)
{
	switch (suite) {
	case FORMAT_SUITE_TDES:
		return a->length;
	case FORMAT_SUITE_AES:
		return (size_t)a->length + 8;
	default:
		return block_len(a, serial_len);
	}
}

uint8_t check_value_method(uint8_t type)
{
	return type == FORMAT_KEY_AES ? FORMAT_CHECK_CMAC : FORMAT_CHECK_ECB;
}

static bool check_value_ok(const struct check_value *c)
{
	return c->method == FORMAT_CHECK_ECB || c->method == FORMAT_CHECK_CMAC;
}

bool check_value_parse(struct view v, struct check_value *ret)
{
	struct check_value c;

	if (v.n != 1 + FORMAT_CHECK)
		return false;
	c.method = v.p[0];
	memcpy(c.value, v.p + 1, FORMAT_CHECK);
	if (!check_value_ok(&c))
		return false;
	*ret = c;
	return true;
}

void check_value_put(struct buf *b, const struct check_value *c)
{
	if (!check_value_ok(c)) {
		b->failed = true;
		return;
	}
	buf_put_u8(b, c->method);
	buf_put(b, c->value, FORMAT_CHECK);
}

static bool number_parse(const struct field *f, struct view v, void *value)
{
	uint64_t n;

	if (f->kind == KIND_TIME && v.n == 0) {
		*MEMBER(bool, value, f->flag) = false;
		return true;
	}
	if (v.n != (f->kind == KIND_U8 || f->kind == KIND_RAW ? 1 : 8))
		return false;
	n = v.n == 1 ? v.p[0] : be_get64(v.p);
	if (n < f->lo || n > f->hi)
		return false;
	if (v.n == 1)
		*MEMBER(uint8_t, value, f->offset) = (uint8_t)n;
	else
		*MEMBER(uint64_t, value, f->offset) = n;
	if (f->kind == KIND_TIME)
		*MEMBER(bool, value, f->flag) = true;
	return true;
}

static bool field_parse(const struct field *f, struct reader *r, void *value)
{
	struct view v = f->kind == KIND_RAW ? reader_bytes(r, 1) : reader_lv(r, 0, UINT16_MAX);

	if (r->failed)
		return false;
	switch (f->kind) {
	case KIND_RAW:
	case KIND_U8:
	case KIND_U64:
	case KIND_TIME:
		return number_parse(f, v, value);
	case KIND_BYTES:
		if (v.n < f->min || v.n > f->max || (f->ok && !f->ok(v)))
			return false;
		*MEMBER(struct view, value, f->offset) = v;
		return true;
	case KIND_ATTRS:
		return key_attrs_parse(v, MEMBER(struct key_attrs, value, f->offset));
	case KIND_CHECK:
		return check_value_parse(v, MEMBER(struct check_value, value, f->offset));
	}
	return false;
}

/* field_put: the field's bytes, without the length. */
static void field_put(const struct field *f, struct buf *b, const void *value)
{
	switch (f->kind) {
	case KIND_RAW:
	case KIND_U8:
		buf_put_u8(b, *CONST_MEMBER(uint8_t, value, f->offset));
		break;
	case KIND_TIME:
		if (!*CONST_MEMBER(bool, value, f->flag))
			break;
		/* fall through */
	case KIND_U64:
		buf_put_u64(b, *CONST_MEMBER(uint64_t, value, f->offset));
		break;
	case KIND_BYTES:
		buf_put_view(b, *CONST_MEMBER(struct view, value, f->offset));
		break;
	case KIND_ATTRS:
		key_attrs_put(b, CONST_MEMBER(struct key_attrs, value, f->offset));
		break;
	case KIND_CHECK:
		check_value_put(b, CONST_MEMBER(struct check_value, value, f->offset));
		break;
	}
}

static void field_put_lv(const struct field *f, struct buf *b, const void *value)
{
	BUF_AUTO one = { 0 };

	field_put(f, &one, value);
	if (!buf_ok(&one))
		b->failed = true;
	buf_put_lv(b, buf_view(&one));
}

/* format_parse: value is a scratch struct of the caller; its content counts only with true. */
static bool format_parse(const struct format *f, struct view v, void *value)
{
	struct reader r = reader_of(v);

	if (v.n > f->max)
		return false;
	for (size_t i = 0; i < f->count; i++) {
		if (!field_parse(&f->fields[i], &r, value))
			return false;
	}
	return reader_done(&r) && f->ok(value);
}

static void format_put(const struct format *f, struct buf *b, const void *value, void *scratch)
{
	BUF_AUTO whole = { 0 };

	for (size_t i = 0; i < f->count; i++) {
		if (f->fields[i].kind == KIND_RAW)
			field_put(&f->fields[i], &whole, value);
		else
			field_put_lv(&f->fields[i], &whole, value);
	}
	if (!buf_ok(&whole) || !format_parse(f, buf_view(&whole), scratch)) {
		b->failed = true;
		return;
	}
	buf_put_view(b, buf_view(&whole));
}

/* Suite and format version stand first in the message and, with lengths, version first, under the MAC. */
static void format_mac_input(const struct format *f, struct buf *b, const void *value)
{
	field_put_lv(&f->fields[1], b, value);
	field_put_lv(&f->fields[0], b, value);
	for (size_t i = 2; i < f->count; i++) {
		if (f->fields[i].mac)
			field_put_lv(&f->fields[i], b, value);
	}
}

#define RAW(s, m, l, h)                                                                                                \
	{                                                                                                              \
		.name = #m, .kind = KIND_RAW, .offset = offsetof(struct s, m), .mac = true, .lo = l, .hi = h           \
	}
#define U8(s, m, l, h)                                                                                                 \
	{                                                                                                              \
		.name = #m, .kind = KIND_U8, .offset = offsetof(struct s, m), .mac = true, .lo = l, .hi = h            \
	}
#define U64(s, m, l)                                                                                                   \
	{                                                                                                              \
		.name = #m, .kind = KIND_U64, .offset = offsetof(struct s, m), .mac = true, .lo = l, .hi = UINT64_MAX  \
	}
#define BYTES(s, m, under, l, h, rule)                                                                                 \
	{                                                                                                              \
		.name = #m, .kind = KIND_BYTES, .offset = offsetof(struct s, m), .mac = under, .min = l, .max = h,     \
		.ok = rule                                                                                             \
	}
#define ATTRS(s, m)                                                                                                    \
	{                                                                                                              \
		.name = #m, .kind = KIND_ATTRS, .offset = offsetof(struct s, m), .mac = true                           \
	}

static const struct field packet_fields[] = {
	RAW(tk_packet, suite, FORMAT_SUITE_TDES, FORMAT_SUITE_MAX),
	RAW(tk_packet, version, FORMAT_VERSION, FORMAT_VERSION),
	U8(tk_packet, handshake, FORMAT_HANDSHAKE_V1, FORMAT_HANDSHAKE_V2),
	U8(tk_packet, oaep_hash, FORMAT_HASH_SHA1, FORMAT_HASH_SHA512),
	BYTES(tk_packet, pos_serial, true, 1, FORMAT_POS_SERIAL_MAX, format_pos_serial_ok),
	BYTES(tk_packet, pin_pad, true, 0, FORMAT_PIN_PAD_MAX, format_pin_pad_ok),
	BYTES(tk_packet, cert_serial, true, 1, FORMAT_CERT_SERIAL_MAX, format_cert_serial_ok),
	U64(tk_packet, counter, 1),
	ATTRS(tk_packet, tek),
	BYTES(tk_packet, ctek, true, FORMAT_RSA_MIN, FORMAT_RSA_MAX, NULL),
	ATTRS(tk_packet, auk),
	BYTES(tk_packet, cauk, true, FORMAT_RSA_MIN, FORMAT_RSA_MAX, NULL),
	BYTES(tk_packet, mac, false, 8, FORMAT_MAC_MAX, NULL),
};

static const struct field record_fields[] = {
	RAW(tk_record, suite, FORMAT_SUITE_TDES, FORMAT_SUITE_MAX),
	RAW(tk_record, version, FORMAT_VERSION, FORMAT_VERSION),
	U8(tk_record, handshake, FORMAT_HANDSHAKE_V1, FORMAT_HANDSHAKE_V2),
	BYTES(tk_record, customer, true, 1, FORMAT_CUSTOMER_MAX, format_customer_ok),
	BYTES(tk_record, pos_serial, true, 1, FORMAT_POS_SERIAL_MAX, format_pos_serial_ok),
	BYTES(tk_record, pin_pad, true, 0, FORMAT_PIN_PAD_MAX, format_pin_pad_ok),
	BYTES(tk_record, cert_serial, true, 1, FORMAT_CERT_SERIAL_MAX, format_cert_serial_ok),
	U64(tk_record, collected, 0),
	U64(tk_record, counter, 1),
	U8(tk_record, parameters, 2, 2),
	ATTRS(tk_record, tek),
	BYTES(tk_record, ctek, true, 16, FORMAT_BLOCK_MAX, NULL),
	ATTRS(tk_record, auk),
	BYTES(tk_record, cauk, true, 16, FORMAT_BLOCK_MAX, NULL),
	BYTES(tk_record, mac, false, 8, FORMAT_MAC_MAX, NULL),
	{ .name = "imported",
	  .kind = KIND_TIME,
	  .offset = offsetof(struct tk_record, imported),
	  .hi = UINT64_MAX,
	  .flag = offsetof(struct tk_record, has_imported) },
};

static const struct field tmk_fields[] = {
	RAW(tmk_message, version, FORMAT_VERSION, FORMAT_VERSION),
	RAW(tmk_message, handshake, FORMAT_HANDSHAKE_V1, FORMAT_HANDSHAKE_V2),
	ATTRS(tmk_message, attrs),
	{ .name = "check", .kind = KIND_CHECK, .offset = offsetof(struct tmk_message, check) },
	BYTES(tmk_message, ctmk, true, 16, FORMAT_WRAPPED_MAX, NULL),
	BYTES(tmk_message, mac, false, 0, FORMAT_MAC_MAX, NULL),
};

/* The two keys of a TK: their roles, one type, one length. */
static bool pair_ok(uint8_t suite, const struct key_attrs *tek, const struct key_attrs *auk)
{
	return tek->role == FORMAT_ROLE_TEK && auk->role == FORMAT_ROLE_AUK && tek->type == auk->type &&
	       tek->length == auk->length && (suite != FORMAT_SUITE_TDES || tek->type == FORMAT_KEY_TDES);
}

/* A wrapped key: with an IV DES3-CBC (same length), without AES key wrap (8 bytes more). */
static bool wrapped_ok(const struct key_attrs *a, struct view c)
{
	return c.n == (size_t)a->length + (a->iv.n == 0 ? 8 : 0);
}

static bool packet_ok(const void *value)
{
	const struct tk_packet *p = value;

	return pair_ok(p->suite, &p->tek, &p->auk) && p->tek.iv.n == 0 && p->auk.iv.n == 0 && p->ctek.n == p->cauk.n &&
	       p->mac.n == (p->auk.type == FORMAT_KEY_AES ? 16 : 8);
}

/* The outside of a ciphertext: what is inside of a key block is for the token to say. */
static bool ciphertext_ok(const struct tk_record *r, const struct key_attrs *a, struct view c)
{
	char head[6];

	if (c.n != format_wrapped_len(r->suite, a, r->pos_serial.n))
		return false;
	snprintf(head, sizeof(head), "D%04u", (unsigned)c.n);
	return r->suite != FORMAT_SUITE_BLOCK || !memcmp(c.p, head, 5);
}

static bool record_ok(const void *value)
{
	const struct tk_record *r = value;
	size_t iv = r->suite == FORMAT_SUITE_TDES ? FORMAT_IV : 0;

	return pair_ok(r->suite, &r->tek, &r->auk) && r->tek.iv.n == iv && r->auk.iv.n == iv &&
	       ciphertext_ok(r, &r->tek, r->ctek) && ciphertext_ok(r, &r->auk, r->cauk) &&
	       r->mac.n == (r->suite == FORMAT_SUITE_TDES ? 8 : 16);
}

/* The cipher of the TEK shows in the IV: with one TDES (TDES keys, MAC of 8 bytes), without AES (MAC of 16 bytes). */
static bool tmk_ok(const void *value)
{
	const struct tmk_message *m = value;
	bool tdes = m->attrs.iv.n != 0;
	size_t mac = m->handshake == FORMAT_HANDSHAKE_V1 ? 0 : tdes ? 8 : 16;

	return m->attrs.role == FORMAT_ROLE_TMK && (!tdes || m->attrs.type == FORMAT_KEY_TDES) &&
	       m->check.method == check_value_method(m->attrs.type) && wrapped_ok(&m->attrs, m->ctmk) &&
	       m->mac.n == mac;
}

static const struct format packet_format = { packet_fields, ARRAY_LEN(packet_fields), FORMAT_PACKET_MAX, packet_ok };
static const struct format record_format = { record_fields, ARRAY_LEN(record_fields), FORMAT_RECORD_MAX, record_ok };
static const struct format tmk_format = { tmk_fields, ARRAY_LEN(tmk_fields), FORMAT_TMK_MESSAGE_MAX, tmk_ok };

bool tk_packet_parse(struct view v, struct tk_packet *ret)
{
	struct tk_packet p = { 0 };

	if (!format_parse(&packet_format, v, &p))
		return false;
	*ret = p;
	return true;
}

void tk_packet_put(struct buf *b, const struct tk_packet *p)
{
	struct tk_packet scratch;

	format_put(&packet_format, b, p, &scratch);
}

void tk_packet_mac_input(struct buf *b, const struct tk_packet *p)
{
	buf_put(b, "TK", 2);
	format_mac_input(&packet_format, b, p);
}

bool tk_record_parse(struct view v, struct tk_record *ret)
{
	struct tk_record r = { 0 };

	if (!format_parse(&record_format, v, &r))
		return false;
	*ret = r;
	return true;
}

void tk_record_put(struct buf *b, const struct tk_record *r)
{
	struct tk_record scratch;

	format_put(&record_format, b, r, &scratch);
}

void tk_record_mac_input(struct buf *b, const struct tk_record *r)
{
	format_mac_input(&record_format, b, r);
}

bool tmk_message_parse(struct view v, struct tmk_message *ret)
{
	struct tmk_message m = { 0 };

	if (!format_parse(&tmk_format, v, &m))
		return false;
	*ret = m;
	return true;
}

void tmk_message_put(struct buf *b, const struct tmk_message *m)
{
	struct tmk_message scratch;

	format_put(&tmk_format, b, m, &scratch);
}

/* The fields of a transcript; what a direction does not add is left out. */
static const char transcript_letters[4] = { 'S', 'R', 'H', 'S' };

static const struct field transcript_fields[] = {
	U8(transcript, handshake, FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V2),
	BYTES(transcript, pos_serial, true, 1, FORMAT_POS_SERIAL_MAX, format_pos_serial_ok),
	BYTES(transcript, terminal_random, true, FORMAT_NONCE, FORMAT_NONCE, NULL),
	BYTES(transcript, host_random, true, FORMAT_NONCE, FORMAT_NONCE, NULL),
	ATTRS(transcript, attrs),
	{ .name = "check", .kind = KIND_CHECK, .offset = offsetof(struct transcript, check) },
	BYTES(transcript, ctmk, true, 16, FORMAT_WRAPPED_MAX, NULL),
	U8(transcript, forms, 1, 3),
};

static bool transcript_has(uint8_t direction, size_t field)
{
	static const struct {
		bool attrs, check, ctmk, forms;
	} adds[] = {
		[TRANSCRIPT_HOST_PROVES] = { 0 },
		[TRANSCRIPT_TERMINAL_PROVES] = { 0 },
		[TRANSCRIPT_TMK] = { .attrs = true, .check = true, .ctmk = true },
		[TRANSCRIPT_CONFIRM] = { .check = true },
		[TRANSCRIPT_SIGN_IN] = { .check = true, .forms = true },
	};

	return field < 4 || (field == 4 && adds[direction].attrs) || (field == 5 && adds[direction].check) ||
	       (field == 6 && adds[direction].ctmk) || (field == 7 && adds[direction].forms);
}

bool transcript_parse(struct view v, struct transcript *ret)
{
	struct transcript t = { 0 };
	struct reader r = reader_of(v);
	struct view letters = reader_bytes(&r, sizeof(transcript_letters));

	t.direction = reader_u8(&r);
	if (r.failed || v.n > FORMAT_TRANSCRIPT_MAX || !view_equal(letters, VIEW(transcript_letters, 4)) ||
	    t.direction < TRANSCRIPT_HOST_PROVES || t.direction > TRANSCRIPT_SIGN_IN)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(transcript_fields); i++) {
		if (transcript_has(t.direction, i) && !field_parse(&transcript_fields[i], &r, &t))
			return false;
	}
	if (!reader_done(&r) || (t.direction == TRANSCRIPT_TMK && !wrapped_ok(&t.attrs, t.ctmk)))
		return false;
	*ret = t;
	return true;
}

void transcript_put(struct buf *b, const struct transcript *t)
{
	BUF_AUTO whole = { 0 };
	struct transcript scratch;

	if (t->direction < TRANSCRIPT_HOST_PROVES || t->direction > TRANSCRIPT_SIGN_IN) {
		b->failed = true;
		return;
	}
	buf_put(&whole, transcript_letters, sizeof(transcript_letters));
	buf_put_u8(&whole, t->direction);
	for (size_t i = 0; i < ARRAY_LEN(transcript_fields); i++) {
		if (transcript_has(t->direction, i))
			field_put_lv(&transcript_fields[i], &whole, t);
	}
	if (!buf_ok(&whole) || !transcript_parse(buf_view(&whole), &scratch)) {
		b->failed = true;
		return;
	}
	buf_put_view(b, buf_view(&whole));
}
