/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_EC_H
#define HSM_EC_H

#include "bytes.h"
#include "ck.h"
#include "ec_curve.h"
#include "object.h"
#include "secret.h"
#include <openssl/evp.h>

/*
 * Keys on elliptic curves (CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_SR_SM2): their functions in the rows of
 * key.h. Private numbers go from the object's secret into OpenSSL and nowhere else.
 */
CK_ULONG ec_bits(const struct object *key);
CK_RV ec_check(const struct object *o) MUST_CHECK;
EVP_PKEY *ec_pkey_of(const struct object *o);
CK_RV ec_set_public(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;
CK_RV ec_set_private(struct object *o, const EVP_PKEY *pkey) MUST_CHECK;

/*
 * ec_curve_of     the curve of a key; NULL: none that the module knows
 * ec_curve_of_pkey  the same of OpenSSL's key; NULL: none, or the parameters were written out
 * ec_public       OpenSSL's key from the bytes of a public key: an uncompressed or compressed point (EC, SM2), or the
 *                 key as RFC 7748 and RFC 8032 write it; bare or in a DER OCTET STRING. NULL: no point of the curve.
 * ec_private      from the bytes of a private key: 1 to n - 1, leading zeroes or none (EC, SM2), or as many bytes as
 *                 the curve wants; NULL: anything else
 * ec_point        the bytes of the public key, uncompressed; *ret_len at most EC_POINT_MAX. CKR_GENERAL_ERROR.
 */
const struct ec_curve *ec_curve_of(const struct object *key);
const struct ec_curve *ec_curve_of_pkey(const EVP_PKEY *pkey);
EVP_PKEY *ec_public(const struct ec_curve *c, struct view given);
EVP_PKEY *ec_private(const struct ec_curve *c, struct view number);
CK_RV ec_point(const struct ec_curve *c, const EVP_PKEY *pkey, uint8_t ret[EC_POINT_MAX], size_t *ret_len) MUST_CHECK;

#endif
