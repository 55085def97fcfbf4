/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_TRANSPORT_BLOCK_H
#define BASE_TRANSPORT_BLOCK_H

#include "formats.h"

/*
 * The transport block of docs/formats.md: a key that services share on its way from one token to another, wrapped, with
 * what it is, and the signature of the token that it comes from. No secrets but the wrapped key.
 */
#define TRANSPORT_VERSION 1
#define TRANSPORT_UNDER_KTK 16 /* method; below: enum format_hash, RSAES-OAEP with it */
#define TRANSPORT_SERIAL 16
#define TRANSPORT_KEY_ID 16
#define TRANSPORT_LABEL_MAX 255
#define TRANSPORT_SIGNATURE 64
#define TRANSPORT_RSA_TARGET 32
#define TRANSPORT_KTK_TARGET 16

struct transport {
	uint8_t method;
	uint8_t role;        /* SR_ROLE_* */
	uint8_t type;        /* enum format_key_type */
	uint8_t length;      /* of the key */
	uint32_t generation; /* 0: the role has none */
	struct check_value check;
	uint64_t time;      /* seconds since 1970 */
	struct view serial; /* of the source */
	struct view key_id; /* CKA_UNIQUE_ID there, as bytes */
	struct view label;
	struct view target; /* RSA: fingerprint (vendor_dual.h); KTK: CMAC of `strongroom transport key` */
	struct view wrapped;
	struct view signature;
};

/*
 * transport_put: all that is signed; the signature, TRANSPORT_SIGNATURE bytes, follows it. Fails the buffer when
 * transport_parse would refuse what it writes.
 * transport_parse: true when v is exactly one block; *ret_signed: what the signature covers. Views point into v.
 */
void transport_put(struct buf *b, const struct transport *t);
bool transport_parse(struct view v, struct transport *ret, struct view *ret_signed) MUST_CHECK;

#endif
