/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_RSA_H
#define HSM_RSA_H

#include "bytes.h"
#include "ck.h"
#include "object.h"
#include "secret.h"
#include <openssl/evp.h>

/*
 * RSA keys of objects: the row of key.h. Private parts go from the object's secrets into OpenSSL and nowhere else.
 * OpenSSL's key of an object, cached: key_pkey of key.h.
 */
CK_ULONG rsa_bits(const struct object *key);
CK_RV rsa_check(const struct object *o) MUST_CHECK;
EVP_PKEY *rsa_pkey_of(const struct object *o);
CK_RV rsa_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV rsa_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;

/* struct rsa_oaep: RSAES-OAEP parameters (RFC 8017, 7.1). */
struct rsa_oaep {
	CK_MECHANISM_TYPE hash; /* CKM_SHA_1 .. CKM_SHA512 */
	CK_MECHANISM_TYPE mgf;  /* the hash of MGF1, as CKM_ */
	struct view label;
};

/*
 * rsa_oaep_encrypt: out: modulus bytes. CKR_DATA_LEN_RANGE when in is longer than modulus - 2 * hash - 2.
 * rsa_oaep_decrypt: room for any plaintext is made in ret. Every fault of the ciphertext, its length included, is
 * CKR_ENCRYPTED_DATA_INVALID.
 */
CK_RV rsa_oaep_encrypt(EVP_PKEY *pkey, const struct rsa_oaep *p, struct view in, uint8_t *out) MUST_CHECK;
CK_RV rsa_oaep_decrypt(EVP_PKEY *pkey, const struct rsa_oaep *p, struct view in, struct secret *ret) MUST_CHECK;

#endif
