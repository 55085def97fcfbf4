/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_KEY_H
#define HSM_KEY_H

#include "bytes.h"
#include "ck.h"
#include "object.h"
#include "secret.h"
#include <openssl/evp.h>

/*
 * Kinds of keys: one row per CKK_* that the module knows, the only place where it is said whether a key is one secret
 * value or a pair, how long it may be, and how its numbers become a key of OpenSSL and back.
 *
 * Secret keys: min, max, step: bytes of CKA_VALUE (step 0: any length between); des: its bytes have odd parity; halves:
 * its two halves differ.
 * Pairs: algorithm is what OpenSSL calls it in PKCS #8 (NULL: it tells itself).
 *   bits         size as CK_MECHANISM_INFO counts it, from the attributes of a public or private key
 *   check        are the attributes of an object that C_CreateObject made the numbers of such a key? Public keys,
 *                private keys and, where there are any, domain parameters. CKR_ATTRIBUTE_VALUE_INVALID.
 *   complete     NULL, or adds the numbers that follow from those that check has passed, and tests them together
 *   pkey         makes OpenSSL's key of a public or private key object; NULL: the numbers are no key
 *   set_public,  puts the numbers of a pair into the attributes of an uncommitted object
 *   set_private
 */
struct key_kind {
	CK_KEY_TYPE type;
	const char *name; /* as in CKK_<name> */
	size_t min, max, step;
	bool des;
	bool halves;
	bool pair;
	const char *algorithm;
	CK_ULONG (*bits)(const struct object *key);
	CK_RV (*check)(const struct object *o);
	CK_RV (*complete)(struct object *o);
	EVP_PKEY *(*pkey)(const struct object *key);
	CK_RV (*set_public)(struct object *o, const EVP_PKEY *pkey);
	CK_RV (*set_private)(struct object *o, const EVP_PKEY *pkey);
};

/* key_kind: NULL for a type that the module does not know. key_kind_at: the rows; NULL behind the last. */
const struct key_kind *key_kind(CK_KEY_TYPE type);
const struct key_kind *key_kind_at(size_t i);
/* key_class_ok: is there such a key of this class (secret; public and private)? */
bool key_class_ok(CK_OBJECT_CLASS class, CK_KEY_TYPE type) MUST_CHECK;
/* key_value_ok: may this be CKA_VALUE of a secret key of this type: length, parity of DES keys, halves? */
bool key_value_ok(CK_KEY_TYPE type, struct view value) MUST_CHECK;
/* key_size: in the unit of the mechanism table: bits of a pair, bytes of a secret value. */
CK_ULONG key_size(const struct object *key);

/*
 * Pairs, whatever their kind.
 *
 * key_pkey         OpenSSL's key, cached beside the object; counted up, the caller frees it. CKR_GENERAL_ERROR: the
 *                  numbers are no key.
 * key_set_private, puts the numbers of pkey into the attributes of an uncommitted object of that kind
 * key_set_public
 * key_public_info  DER of SubjectPublicKeyInfo of a public or private key; nothing when OpenSSL has no such form
 * key_pkcs8        DER of PrivateKeyInfo (RFC 5208). CKR_KEY_NOT_WRAPPABLE.
 * key_of_pkcs8     and back, checked as a pair: CKR_WRAPPED_KEY_INVALID for anything else.
 */
CK_RV key_pkey(struct object *key, EVP_PKEY **ret) MUST_CHECK;
CK_RV key_public_info(struct object *key, struct buf *out) MUST_CHECK;
CK_RV key_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV key_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV key_pkcs8(struct object *key, struct secret *ret) MUST_CHECK;
CK_RV key_of_pkcs8(CK_KEY_TYPE type, struct view der, EVP_PKEY **ret) MUST_CHECK;

/* key_bit_length: of a big-endian number, leading zeroes aside. */
CK_ULONG key_bit_length(struct view number);

#endif
