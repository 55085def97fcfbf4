/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_EC_H
#define HSM_MECH_EC_H

#include "ec_curve.h"
#include "mech_family.h"
#include "secret.h"
#include <openssl/evp.h>

/* The families on elliptic curves, for the rows of mech_rows_ec.c and for each other. */

/* struct ec_generate_arg: extra_bits: the private key from more random bits than it has (FIPS 186-4, B.4.1). */
struct ec_generate_arg {
	CK_KEY_TYPE type;
	bool extra_bits;
};

/* struct ecdsa_arg: hash CK_UNAVAILABLE_INFORMATION: the caller hands in the hash. */
struct ecdsa_arg {
	CK_MECHANISM_TYPE hash;
};

/* struct ecdh_wrap_arg: the transport key is a DER OCTET STRING, or stands there bare. */
struct ecdh_wrap_arg {
	bool der;
};

extern const struct mech_ops ec_generate_ops;
extern const struct mech_ops ecdsa_ops;
extern const struct mech_ops eddsa_ops;
extern const struct mech_ops ecdh_ops;
extern const struct mech_ops ecdh_wrap_ops;
extern const struct mech_ops sm2_sign_ops;
extern const struct mech_ops sm2_crypt_ops;

extern const struct mech_param param_eddsa;     /* none, or CK_EDDSA_PARAMS */
extern const struct mech_param param_ecdh;      /* CK_ECDH1_DERIVE_PARAMS */
extern const struct mech_param param_ecdh_wrap; /* CK_ECDH_AES_KEY_WRAP_PARAMS */
extern const struct mech_param param_sm2;       /* none, or struct sr_sm2_params */

/*
 * ec_generate     a new pair of OpenSSL's on a curve. CKR_GENERAL_ERROR.
 * ecdh_z          the shared secret of two keys on one curve; the x-coordinate, or what RFC 7748 gives.
 *                 CKR_FUNCTION_FAILED: there is none (a point of small order).
 * ecdh_kdf_known  is this one of CKD_*?
 * ecdh_kdf        len bytes of a CKD_* other than CKD_NULL from a shared secret
 */
CK_RV ec_generate(const struct ec_curve *c, bool extra_bits, EVP_PKEY **ret) MUST_CHECK;
CK_RV ecdh_z(EVP_PKEY *own, EVP_PKEY *peer, struct secret *ret) MUST_CHECK;
bool ecdh_kdf_known(CK_ULONG kdf) MUST_CHECK;
CK_RV ecdh_kdf(CK_ULONG kdf, struct view z, struct view info, size_t len, struct secret *ret) MUST_CHECK;

#endif
