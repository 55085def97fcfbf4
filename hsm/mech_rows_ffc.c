/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ffc.h"
#include "mech_rows.h"

/* Prime fields: DH, X9.42 DH, DSA. */
#define FFC(key, hash)                                                                                                 \
	&(const struct ffc_arg)                                                                                        \
	{                                                                                                              \
		key, hash                                                                                              \
	}
#define NO_HASH CK_UNAVAILABLE_INFORMATION

/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_DH_PKCS_PARAMETER_GEN, CKF_GENERATE, K(NO_KEYS, 1024, 8192), 0, param_none, ffc_domain_ops, FFC(CKK_DH, NO_HASH), "PKCS #3; RFC 7919, RFC 3526", NULL, .note = "2048, 3072, 4096, 6144 and 8192 bits are the groups of RFC 7919 and 1536 bits that of RFC 3526; other sizes up to 4096 bits get a new safe prime"),
	ROW(CKM_DH_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 1024, 8192), 0, param_none, ffc_pair_ops, FFC(CKK_DH, NO_HASH), "PKCS #3; NIST SP 800-56A", NULL),
	ROW(CKM_DH_PKCS_DERIVE, CKF_DERIVE, K(KEYS(CKK_DH), 1024, 8192), 0, param_dh_public, dh_ops, FFC(CKK_DH, NO_HASH), "PKCS #3", NULL, .note = "Over safe primes only; the value of the other side is refused when it is of a small subgroup"),
	ROW(CKM_X9_42_DH_PARAMETER_GEN, CKF_GENERATE, K(NO_KEYS, 1024, 3072), 0, param_none, ffc_domain_ops, FFC(CKK_X9_42_DH, NO_HASH), "ANSI X9.42; FIPS 186-4, A.1", NULL),
	ROW(CKM_X9_42_DH_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 1024, 3072), 0, param_none, ffc_pair_ops, FFC(CKK_X9_42_DH, NO_HASH), "ANSI X9.42", NULL),
	ROW(CKM_X9_42_DH_DERIVE, CKF_DERIVE, K(KEYS(CKK_X9_42_DH), 1024, 3072), 0, param_x9_42, dh_ops, FFC(CKK_X9_42_DH, NO_HASH), "ANSI X9.42; RFC 2631", NULL, .note = "CKD_NULL and CKD_SHA1_KDF_CONCATENATE; the value of the other side has to be of the order of the subprime"),
	ROW(CKM_DSA_PARAMETER_GEN, CKF_GENERATE, K(NO_KEYS, 1024, 3072), 0, param_none, ffc_domain_ops, FFC(CKK_DSA, NO_HASH), "FIPS 186-4, A.1, A.2", NULL),
	ROW(CKM_DSA_PROBABILISTIC_PARAMETER_GEN, CKF_GENERATE, K(NO_KEYS, 1024, 3072), 0, param_dsa_seed, ffc_domain_ops, FFC(CKK_DSA, NO_HASH), "FIPS 186-4, A.1.1.2", NULL),
	ROW(CKM_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 1024, 3072), 0, param_none, ffc_pair_ops, FFC(CKK_DSA, NO_HASH), "FIPS 186-4, B.1", NULL),
	ROW(CKM_DSA, SIGN, K(KEYS(CKK_DSA), 1024, 3072), MECH_NO_UPDATE, param_none, dsa_ops, FFC(CKK_DSA, NO_HASH), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA1, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA_1), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA224, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA224), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA256, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA256), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA384, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA384), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA512, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA512), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA3_224, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA3_224), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA3_256, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA3_256), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA3_384, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA3_384), "FIPS 186-4, 4.6", NULL),
	ROW(CKM_DSA_SHA3_512, SIGN, K(KEYS(CKK_DSA), 1024, 3072), 0, param_none, dsa_ops, FFC(CKK_DSA, CKM_SHA3_512), "FIPS 186-4, 4.6", NULL),
};
/* clang-format on */

const struct mech_rows mech_rows_ffc = ROWS(rows);
