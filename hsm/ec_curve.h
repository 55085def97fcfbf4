/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_EC_CURVE_H
#define HSM_EC_CURVE_H

#include "bytes.h"
#include "ck.h"

/*
 * The curves: one row each, the only place where they are named.
 *
 * type     CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY or CKK_SR_SM2: what keys on this curve are
 * openssl  the group (EC, SM2) or the algorithm (Edwards, Montgomery) of OpenSSL
 * bits     of the field, as key sizes are counted
 * point    EC, SM2: bytes of one coordinate; others: bytes of a public key
 * number   EC, SM2: bytes of a private key, and of either half of a signature; others: bytes of a private key
 * oid      DER of the object identifier
 * names    as PrintableString in CKA_EC_PARAMS; NULL behind the last
 */
#define EC_CURVE_NAMES 4
struct ec_curve {
	CK_KEY_TYPE type;
	const char *openssl;
	CK_ULONG bits;
	size_t point;
	size_t number;
	struct view oid;
	const char *names[EC_CURVE_NAMES];
};
#define EC_POINT_MAX 133 /* bytes of an uncompressed point */
#define EC_NUMBER_MAX 66 /* bytes of a private key */

/*
 * ec_curve_find: the curve that CKA_EC_PARAMS names, for keys of this type: an object identifier or a PrintableString,
 * in DER. CKR_CURVE_NOT_SUPPORTED: a name of another curve, or of one of another type. CKR_DOMAIN_PARAMS_INVALID:
 * parameters written out, implicitlyCA, and what is no DER.
 * ec_curve_named: the curve that OpenSSL calls so; NULL. ec_curve_at: the rows; NULL behind the last.
 */
CK_RV ec_curve_find(CK_KEY_TYPE type, struct view params, const struct ec_curve **ret) MUST_CHECK;
const struct ec_curve *ec_curve_named(const char *openssl);
const struct ec_curve *ec_curve_at(size_t i);

#endif
