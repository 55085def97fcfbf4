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
 *
 * rsa_complete: a private key that C_CreateObject made of n, d and whatever else gets all its eight numbers.
 * CKR_ATTRIBUTE_VALUE_INVALID: they do not belong together; CKR_TEMPLATE_INCOMPLETE: the public exponent is missing,
 * cannot be computed without the primes, and is none of the usual ones.
 */
#define RSA_NUMBER_MAX 1024 /* bytes of one number, 8192 bits */
/* rsa_exponent_long: OpenSSL computes with long public exponents only for short moduli. */
bool rsa_exponent_long(CK_ULONG modulus_bits, CK_ULONG exponent_bits);
CK_ULONG rsa_bits(const struct object *key);
CK_RV rsa_check(const struct object *o) MUST_CHECK;
CK_RV rsa_complete(struct object *o) MUST_CHECK;
EVP_PKEY *rsa_pkey_of(const struct object *o);
CK_RV rsa_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV rsa_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;

/* struct rsa_oaep: RSAES-OAEP parameters (RFC 8017, 7.1). */
struct rsa_oaep {
	CK_MECHANISM_TYPE hash; /* what crypto_md_of knows */
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

/*
 * The bare operation, and PKCS#1 v1.5 encryption. Modulus bytes come out of rsa_raw and rsa_pkcs1_encrypt.
 *
 * rsa_raw             in, at most modulus bytes, as a number below the modulus; CKR_DATA_INVALID: it is not below,
 *                     CKR_DATA_LEN_RANGE: too long
 * rsa_pkcs1_encrypt   CKR_DATA_LEN_RANGE when in is longer than modulus - 11
 * rsa_reject_key      what implicit rejection needs besides the key itself: a hash of the private exponent
 * rsa_pkcs1_decrypt   any ciphertext below the modulus gives a plaintext: the true one, or, when the padding is wrong,
 *                     one of pseudorandom bytes and length that depends on key and ciphertext alone
 *                     (draft-irtf-cfrg-rsa-guidance, 7; OpenSSL 3.2 does the same). CKR_ENCRYPTED_DATA_LEN_RANGE: not
 *                     modulus bytes; CKR_ENCRYPTED_DATA_INVALID: not below the modulus: both of them anybody can see.
 *                     want, unless NULL: a plaintext of another length counts as wrong padding, and the plaintext that
 *                     is answered then looks like a key of that length.
 * rsa_pkcs1_take      the part of it that sees the padding, without a branch or an address that depends on it: em[n]
 *                     and synthetic[n], lengths[256]; the plaintext moves to the front of em. Answers its length. want:
 *                     another length counts as wrong padding, SIZE_MAX: any; the synthetic plaintext has it then.
 */
enum rsa_half { RSA_PUBLIC, RSA_PRIVATE };
CK_RV rsa_raw(EVP_PKEY *pkey, enum rsa_half half, struct view in, uint8_t *out) MUST_CHECK;
CK_RV rsa_pkcs1_encrypt(EVP_PKEY *pkey, struct view in, uint8_t *out) MUST_CHECK;
CK_RV rsa_reject_key(const struct object *key, struct secret *ret) MUST_CHECK;
struct rsa_want {
	size_t len;
	bool parity; /* of DES */
};
CK_RV rsa_pkcs1_decrypt(EVP_PKEY *pkey, const struct secret *reject, struct view in, const struct rsa_want *want,
			struct secret *ret) MUST_CHECK;
#define RSA_LENGTHS 256 /* bytes that lengths are drawn from */
size_t rsa_pkcs1_take(uint8_t *em, const uint8_t *synthetic, const uint8_t *lengths, size_t n, size_t want);

/*
 * Signatures of ANSI X9.31. data: a hash and its identifier byte, at most modulus - 2 bytes. Modulus bytes come out.
 * CKR_DATA_LEN_RANGE; CKR_SIGNATURE_INVALID.
 */
CK_RV rsa_x931_sign(EVP_PKEY *pkey, struct view data, uint8_t *out) MUST_CHECK;
CK_RV rsa_x931_verify(EVP_PKEY *pkey, struct view data, struct view signature) MUST_CHECK;

#endif
