/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_PAYMENT_H
#define HSM_PAYMENT_H

#include "formats.h"
#include "object.h"
#include "role.h"
#include "secret.h"

/*
 * Steps that the TK and TMK mechanisms share: a key under another key, a MAC, and the names of key types on the wire
 * (docs/formats.md). Keys are objects of the module or struct secret; nothing of them is written anywhere else.
 */

/* payment_type: CKK_* of a key on the wire. payment_wire_type: the way back, 0: a type that does not travel. */
CK_KEY_TYPE payment_type(const struct key_attrs *a);
uint8_t payment_wire_type(CK_KEY_TYPE type);
/* payment_key_ok: odd parity and no weak DES key; AES: always. */
bool payment_key_ok(CK_KEY_TYPE type, struct view key) MUST_CHECK;
/* payment_iv_len: length of the IV of what kek wraps: TDES 8, AES 0. */
size_t payment_iv_len(const struct object *kek);
size_t payment_wrapped_len(const struct object *kek, size_t key_len);
/*
 * payment_iv: the IV to use: given (right length), or made, or none. CKR_MECHANISM_PARAM_INVALID: given where there is
 * none, or of a wrong length. store: room for it; *ret views it or stays empty.
 */
CK_RV payment_iv(const struct object *kek, const CK_BYTE *given, CK_ULONG len, uint8_t store[FORMAT_IV],
		 struct view *ret) MUST_CHECK;
/*
 * payment_wrap: TDES: DES3-CBC without padding; AES: AES key wrap. out: FORMAT_WRAPPED_MAX bytes.
 * payment_unwrap: *ret gets key bytes of the length that a says. CKR_WRAPPED_KEY_INVALID: length, integrity, key form.
 */
CK_RV payment_wrap(const struct object *kek, struct view iv, struct view key, uint8_t *out, size_t *ret_len) MUST_CHECK;
CK_RV payment_unwrap(const struct object *kek, const struct key_attrs *a, struct view wrapped,
		     struct secret *ret) MUST_CHECK;
/* payment_mac: CMAC, a whole block: TDES 8, AES 16 bytes. payment_mac_by: with a key that is no object. */
CK_RV payment_mac(const struct object *key, const struct buf *data, uint8_t ret[FORMAT_MAC_MAX],
		  size_t *ret_len) MUST_CHECK;
CK_RV payment_mac_by(CK_KEY_TYPE type, struct view key, const struct buf *data, uint8_t ret[FORMAT_MAC_MAX],
		     size_t *ret_len) MUST_CHECK;
/* payment_mac_check: CKR_WRAPPED_KEY_INVALID when mac is not the whole MAC of data; constant time. */
CK_RV payment_mac_check(const struct object *key, const struct buf *data, struct view mac) MUST_CHECK;
/* payment_tk_key: one key of a TK, with its value and what it shares with the other; the caller commits it. */
CK_RV payment_tk_key(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		     const struct role_tk *tk, const struct secret *value, struct object **ret) MUST_CHECK;
/* payment_pair: TEK and AUK of one TK: serial number, counter, handshake version, side, type and length. */
bool payment_pair(const struct object *tek, const struct object *auk) MUST_CHECK;
/* payment_modulus: bytes of an RSA key's modulus, leading zeroes aside: the length of its ciphertexts. */
size_t payment_modulus(const struct object *key);

/* payment_template: what is left of a template without the attributes in without; CKR_TEMPLATE_INCONSISTENT: too long.
 */
#define PAYMENT_TEMPLATE_MAX 64
CK_RV payment_template(const CK_ATTRIBUTE *t, CK_ULONG n, const CK_ATTRIBUTE_TYPE *without, size_t withouts,
		       CK_ATTRIBUTE ret[PAYMENT_TEMPLATE_MAX], CK_ULONG *ret_n) MUST_CHECK;

#endif
