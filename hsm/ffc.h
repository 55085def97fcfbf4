/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_FFC_H
#define HSM_FFC_H

#include "bytes.h"
#include "ck.h"
#include "object.h"
#include "secret.h"
#include <openssl/evp.h>

/*
 * Keys over prime fields: CKK_DH (PKCS #3), CKK_X9_42_DH and CKK_DSA; the rows of key.h. Domain parameters are numbers
 * of every key (CKA_PRIME, CKA_SUBPRIME, CKA_BASE), and objects of their own.
 *
 * What is taken: DH over safe primes only: the groups of RFC 3526 and RFC 7919 are known by their numbers, other primes
 * of at most FFC_UNKNOWN_MAX bits are tested. X9.42 and DSA: prime, subprime and base are tested against each other.
 * Public values are not of a small subgroup: 2 .. p - 2, and of order q where q is known. All of it is
 * CKR_ATTRIBUTE_VALUE_INVALID in ffc_check.
 */
#define FFC_NUMBER_MAX 1024 /* bytes of a prime, 8192 bits */
#define FFC_UNKNOWN_MAX 4096
#define FFC_BITS_MIN 512 /* of any prime; the mechanisms want more */
CK_ULONG ffc_bits(const struct object *key);
CK_RV ffc_check(const struct object *o) MUST_CHECK;
/* ffc_complete: CKA_VALUE_BITS of a private DH key. */
CK_RV ffc_complete(struct object *o) MUST_CHECK;
EVP_PKEY *ffc_pkey_of(const struct object *o);
CK_RV ffc_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV ffc_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
/* ffc_set_domain: prime, subprime where the type has one, base. */
CK_RV ffc_set_domain(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;

/* ffc_domain_pkey: OpenSSL's parameters of these numbers. NULL: they are none. q empty: none. */
EVP_PKEY *ffc_domain_pkey(CK_KEY_TYPE type, struct view p, struct view q, struct view g);
/* ffc_domain_check: are they what ffc_check takes? */
CK_RV ffc_domain_check(CK_KEY_TYPE type, struct view p, struct view q, struct view g) MUST_CHECK;
/*
 * ffc_peer: somebody else's public value over the domain of key, checked. CKR_MECHANISM_PARAM_INVALID: it is none, or
 * of a small subgroup.
 */
CK_RV ffc_peer(const struct object *key, struct view value, EVP_PKEY **ret) MUST_CHECK;

#endif
