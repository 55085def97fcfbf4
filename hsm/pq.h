/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_PQ_H
#define HSM_PQ_H

#include "bytes.h"
#include "ck.h"
#include "object.h"
#include <openssl/evp.h>

/*
 * Keys of ML-KEM, ML-DSA and SLH-DSA (FIPS 203, 204, 205), as far as the OpenSSL underneath has them (3.5): one row per
 * parameter set, the only place where they are named.
 *
 * set              CKA_PARAMETER_SET, CKP_*
 * openssl          the algorithm
 * public, private  bytes of CKA_VALUE of either half
 * seed             bytes of CKA_SEED; 0: there is none
 */
struct pq_set {
	CK_KEY_TYPE type;
	CK_ULONG set;
	const char *openssl;
	size_t public, private, seed;
};

/*
 * pq_set_find: NULL: no such parameter set of this key type. pq_set_at: the rows; NULL behind the last.
 * The rest: the row of key.h. A private key comes as its value, its seed, or both; pq_complete adds the value to a
 * seed, and refuses two that do not belong together.
 */
const struct pq_set *pq_set_find(CK_KEY_TYPE type, CK_ULONG set);
const struct pq_set *pq_set_at(size_t i);
CK_ULONG pq_bits(const struct object *key);
CK_RV pq_check(const struct object *o) MUST_CHECK;
CK_RV pq_complete(struct object *o) MUST_CHECK;
EVP_PKEY *pq_pkey_of(const struct object *o);
CK_RV pq_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV pq_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;

#endif
