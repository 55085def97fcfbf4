/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FORMATS_H
#define BASE_FORMATS_H

#include "bytes.h"

/*
 * The codec of docs/formats.md: key attributes, check value, TK packet, record, TMK message, handshake transcript.
 *
 * No cryptography and no secrets: everything here travels in the clear. Every format is a table of fields in formats.c
 * (name, kind, bounds, under the MAC or not); parsing, writing and the MAC input walk the same rows.
 *
 * *_parse   true when v is exactly one well-formed value: every field within its bounds, the lengths that follow from
 *           suite, type and version right, nothing behind the last field. Views point into v. *ret untouched on false.
 * *_put     appends the value; fails the buffer when *_parse would refuse what it writes.
 * *_mac_input  appends the bytes that the MAC covers; the mac member is not looked at (it may be empty still).
 */

#define FORMAT_VERSION 1

enum format_suite { FORMAT_SUITE_TDES = 1, FORMAT_SUITE_AES = 2, FORMAT_SUITE_BLOCK = 3 };
#define FORMAT_SUITE_MAX FORMAT_SUITE_BLOCK
enum format_handshake { FORMAT_HANDSHAKE_V1 = 1, FORMAT_HANDSHAKE_V2 = 2 };
enum format_key_type { FORMAT_KEY_TDES = 1, FORMAT_KEY_AES = 2 };
enum format_hash { FORMAT_HASH_SHA1 = 1, FORMAT_HASH_SHA256 = 2, FORMAT_HASH_SHA384 = 3, FORMAT_HASH_SHA512 = 4 };
enum format_check_method { FORMAT_CHECK_ECB = 1, FORMAT_CHECK_CMAC = 2 };
/* The role byte: the numbers SR_ROLE_* of hsm/vendor.h (hsm/role.c asserts that they are equal). */
enum format_role {
	FORMAT_ROLE_TEK = 5,
	FORMAT_ROLE_AUK = 6,
	FORMAT_ROLE_TMK = 7,
	FORMAT_ROLE_PINKEY = 9,
	FORMAT_ROLE_MACKEY = 10,
	FORMAT_ROLE_MAX = FORMAT_ROLE_MACKEY
};

/* Bounds, in bytes. */
#define FORMAT_CUSTOMER_MAX 32
#define FORMAT_POS_SERIAL_MAX 32
#define FORMAT_PIN_PAD_MAX 32
#define FORMAT_CERT_SERIAL_MAX 20
#define FORMAT_RSA_MIN 256
#define FORMAT_RSA_MAX 512
#define FORMAT_KEY_MAX 32
#define FORMAT_WRAPPED_MAX 40
#define FORMAT_BLOCK_MAX 192 /* a key block of suite 3 */
#define FORMAT_IV 8
#define FORMAT_MAC_MAX 16
#define FORMAT_NONCE 16
#define FORMAT_CHECK 3
#define FORMAT_ATTRS_MAX (4 + FORMAT_IV)
/* The whole of a packet, a record, a TMK message, a transcript never passes these. */
#define FORMAT_PACKET_MAX 1536
#define FORMAT_RECORD_MAX 768
#define FORMAT_TMK_MESSAGE_MAX 256
#define FORMAT_TRANSCRIPT_MAX 256

/* Character and length rules of formats.md, Limits. format_name_ok: 1 to max of [A-Za-z0-9._-]. */
bool format_name_ok(struct view v, size_t max) MUST_CHECK;
bool format_customer_ok(struct view v) MUST_CHECK;
bool format_pos_serial_ok(struct view v) MUST_CHECK;
bool format_pin_pad_ok(struct view v) MUST_CHECK; /* may be empty */
bool format_cert_serial_ok(struct view v) MUST_CHECK;
/* format_key_ok: a length in bytes that the type has. */
bool format_key_ok(uint8_t type, size_t length) MUST_CHECK;

struct key_attrs {
	uint8_t role;   /* 1 to FORMAT_ROLE_MAX */
	uint8_t type;   /* enum format_key_type */
	uint8_t length; /* of the key */
	struct view iv; /* FORMAT_IV bytes or empty */
};
bool key_attrs_parse(struct view v, struct key_attrs *ret) MUST_CHECK;
void key_attrs_put(struct buf *b, const struct key_attrs *a);

/* format_suite_key: the type of a suite's PK and MAK (enum format_key_type); 0: no such suite. */
uint8_t format_suite_key(uint8_t suite);
/* format_wrapped_len: bytes of a TEK or AUK in a record of this suite; serial_len: of the POS serial number. */
size_t format_wrapped_len(uint8_t suite, const struct key_attrs *a, size_t serial_len);

struct check_value {
	uint8_t method; /* enum format_check_method */
	uint8_t value[FORMAT_CHECK];
};
/* check_value_method: the method that a key type has. */
uint8_t check_value_method(uint8_t type);
bool check_value_parse(struct view v, struct check_value *ret) MUST_CHECK;
void check_value_put(struct buf *b, const struct check_value *c);

struct tk_packet {
	uint8_t suite;
	uint8_t version;
	uint8_t handshake;
	uint8_t oaep_hash;
	struct view pos_serial;
	struct view pin_pad;
	struct view cert_serial;
	uint64_t counter;
	struct key_attrs tek;
	struct view ctek; /* under Pu, modulus bytes */
	struct key_attrs auk;
	struct view cauk;
	struct view mac;
};
bool tk_packet_parse(struct view v, struct tk_packet *ret) MUST_CHECK;
void tk_packet_put(struct buf *b, const struct tk_packet *p);
void tk_packet_mac_input(struct buf *b, const struct tk_packet *p);

struct tk_record {
	uint8_t suite;
	uint8_t version;
	uint8_t handshake;
	struct view customer;
	struct view pos_serial;
	struct view pin_pad;
	struct view cert_serial;
	uint64_t collected; /* seconds since 1970-01-01 UTC */
	uint64_t counter;
	uint8_t parameters; /* always 2 */
	struct key_attrs tek;
	struct view ctek; /* under PK; suite 3: a key block */
	struct key_attrs auk;
	struct view cauk;
	struct view mac;
	bool has_imported; /* false: the DC has not seen it yet */
	uint64_t imported; /* DC import time, seconds since 1970-01-01 UTC */
};
bool tk_record_parse(struct view v, struct tk_record *ret) MUST_CHECK;
void tk_record_put(struct buf *b, const struct tk_record *r);
void tk_record_mac_input(struct buf *b, const struct tk_record *r);

struct tmk_message {
	uint8_t version;
	uint8_t handshake;
	struct key_attrs attrs;
	struct check_value check;
	struct view ctmk; /* under TEK */
	struct view mac;  /* empty with handshake version 1 */
};
bool tmk_message_parse(struct view v, struct tmk_message *ret) MUST_CHECK;
void tmk_message_put(struct buf *b, const struct tmk_message *m);

enum transcript_direction {
	TRANSCRIPT_HOST_PROVES = 1,
	TRANSCRIPT_TERMINAL_PROVES = 2,
	TRANSCRIPT_TMK = 3,
	TRANSCRIPT_CONFIRM = 4,
	TRANSCRIPT_SIGN_IN = 5,
};

/* Handshake version 2 (formats.md, Handshake): the bytes under a tag. */
struct transcript {
	uint8_t direction;
	uint8_t handshake;
	struct view pos_serial;
	struct view terminal_random; /* FORMAT_NONCE bytes */
	struct view host_random;
	struct key_attrs attrs;   /* TRANSCRIPT_TMK */
	struct view ctmk;         /* TRANSCRIPT_TMK */
	struct check_value check; /* TRANSCRIPT_TMK, TRANSCRIPT_CONFIRM, TRANSCRIPT_SIGN_IN: of the TMK */
	uint8_t forms;            /* TRANSCRIPT_SIGN_IN: sum of enum wk_form (working.h) */
};
bool transcript_parse(struct view v, struct transcript *ret) MUST_CHECK;
void transcript_put(struct buf *b, const struct transcript *t);

#endif
