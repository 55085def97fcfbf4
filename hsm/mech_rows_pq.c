/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"
#include "mech_pq.h"

/* ML-KEM, ML-DSA, SLH-DSA: there with an OpenSSL that has them (3.5 and later). Sizes: bits of the public key. */
#define GENERATE(type)                                                                                                 \
	&(const struct pq_generate_arg)                                                                                \
	{                                                                                                              \
		type                                                                                                   \
	}
#define HOW(kind, md)                                                                                                  \
	&(const struct pq_sign_arg)                                                                                    \
	{                                                                                                              \
		kind, md                                                                                               \
	}
#define LATER "With OpenSSL 3.5 or later"
#define KEM .needs = "keymgmt:ML-KEM-768", .note = LATER ". The secret of 32 bytes is the key, whole"
#define DSA .needs = "keymgmt:ML-DSA-65", .note = LATER
#define SLH .needs = "keymgmt:SLH-DSA-SHA2-128s", .note = LATER
#define K_KEM K(KEYS(CKK_ML_KEM), 6400, 12544)
#define K_DSA K(KEYS(CKK_ML_DSA), 10496, 20736)
#define K_SLH K(KEYS(CKK_SLH_DSA), 256, 512)
#define ENCAPS (CKF_ENCAPSULATE | CKF_DECAPSULATE)
/* clang-format off */
static const struct mech_row rows[] = {
	ROW(CKM_ML_KEM_KEY_PAIR_GEN,  CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 6400, 12544), 0, param_none, pq_generate_ops, GENERATE(CKK_ML_KEM), "FIPS 203", NULL, KEM),
	ROW(CKM_ML_KEM,               ENCAPS, K_KEM, 0, param_none, ml_kem_ops, NULL, "FIPS 203", "ml_kem.txt", KEM),
	ROW(CKM_ML_DSA_KEY_PAIR_GEN,  CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 10496, 20736), 0, param_none, pq_generate_ops, GENERATE(CKK_ML_DSA), "FIPS 204", NULL, DSA),
	ROW(CKM_ML_DSA,               SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_PURE, NULL), "FIPS 204, 5.2", "ml_dsa.txt", DSA),
	ROW(CKM_HASH_ML_DSA,          SIGN, K_DSA, MECH_NO_UPDATE, param_pq_hashed, pq_sign_ops, HOW(PQ_HASHED, NULL), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA224,   SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-224"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA256,   SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-256"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA384,   SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-384"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA512,   SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-512"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA3_224, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-224"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA3_256, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-256"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA3_384, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-384"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHA3_512, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-512"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHAKE128, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHAKE-128"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_HASH_ML_DSA_SHAKE256, SIGN, K_DSA, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHAKE-256"), "FIPS 204, 5.4", NULL, DSA),
	ROW(CKM_SLH_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, K(NO_KEYS, 256, 512), 0, param_none, pq_generate_ops, GENERATE(CKK_SLH_DSA), "FIPS 205", NULL, SLH),
	ROW(CKM_SLH_DSA,              SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_PURE, NULL), "FIPS 205, 10.2.1", "slh_dsa.txt", SLH),
	ROW(CKM_HASH_SLH_DSA,          SIGN, K_SLH, MECH_NO_UPDATE, param_pq_hashed, pq_sign_ops, HOW(PQ_HASHED, NULL), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA224,   SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-224"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA256,   SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-256"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA384,   SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-384"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA512,   SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA2-512"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA3_224, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-224"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA3_256, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-256"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA3_384, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-384"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHA3_512, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHA3-512"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHAKE128, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHAKE-128"), "FIPS 205, 10.2.2", NULL, SLH),
	ROW(CKM_HASH_SLH_DSA_SHAKE256, SIGN, K_SLH, 0, param_pq_sign, pq_sign_ops, HOW(PQ_HASHES, "SHAKE-256"), "FIPS 205, 10.2.2", NULL, SLH),
};
/* clang-format on */

const struct mech_rows mech_rows_pq = ROWS(rows);
