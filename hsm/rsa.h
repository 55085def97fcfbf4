/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_RSA_H
#define HSM_RSA_H

#include "bytes.h"
#include "ck.h"
#include "object.h"
#include "secret.h"
#include <openssl/evp.h>

/*
 * RSA keys of objects. Private parts go from the object's secrets into OpenSSL and nowhere else.
 *
 * rsa_pkey          the key of a public or private RSA object, cached beside it; counted up, the caller frees it.
 *                   CKR_GENERAL_ERROR: the numbers are no key.
 * rsa_set_private,  puts the numbers of a pair into the attributes of an uncommitted object.
 * rsa_set_public
 * rsa_pkcs8, rsa_of_pkcs8  DER of PrivateKeyInfo (RFC 5208), and back: CKR_WRAPPED_KEY_INVALID for anything else.
 */
CK_RV rsa_pkey(struct object *key, EVP_PKEY **ret) MUST_CHECK;
CK_RV rsa_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV rsa_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV rsa_pkcs8(struct object *key, struct secret *ret) MUST_CHECK;
CK_RV rsa_of_pkcs8(struct view der, EVP_PKEY **ret) MUST_CHECK;

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
