/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_KDF_H
#define HSM_MECH_KDF_H

#include "bytes.h"
#include "ck.h"
#include "mech.h"
#include "secret.h"
#include <openssl/evp.h>

/* Derivation from secret keys: what the rows (mech_rows_derive.c) and the families (mech_kdf_*.c) tell each other. */

#define KDF_DATA_MAX 65536 /* bytes of data in a parameter */

struct kdf_mix_arg {
	enum { KDF_BASE_KEY, KDF_BASE_DATA, KDF_DATA_BASE, KDF_XOR } how;
};
/* struct kdf_hash_arg: xof: the name of an extendable function for OpenSSL; NULL: hash. */
struct kdf_hash_arg {
	CK_MECHANISM_TYPE hash;
	const char *xof;
};
struct kdf_encrypt_arg {
	bool cbc;
	size_t block;
};
struct kdf_hkdf_arg {
	bool data; /* the result is a data object */
};
struct kdf_108_arg {
	enum { KDF_COUNTER, KDF_FEEDBACK, KDF_PIPELINE } mode;
};
/* struct kdf_tls_arg: dh: the premaster secret has any length and holds no version; extended: RFC 7627. */
struct kdf_tls_arg {
	bool dh;
	bool extended;
	bool safe; /* CKM_TLS12_KEY_SAFE_DERIVE: no IVs */
};

extern const struct mech_ops kdf_mix_ops;
extern const struct mech_ops kdf_extract_ops;
extern const struct mech_ops kdf_hash_ops;
extern const struct mech_ops kdf_encrypt_ops;
extern const struct mech_ops kdf_public_ops;
extern const struct mech_ops kdf_hkdf_ops;
extern const struct mech_ops kdf_108_ops;
extern const struct mech_ops kdf_pbkdf2_ops;
extern const struct mech_ops kdf_premaster_ops;
extern const struct mech_ops kdf_master_ops;
extern const struct mech_ops kdf_key_block_ops;
extern const struct mech_ops kdf_tls_ops;
extern const struct mech_ops kdf_tls_mac_ops;
extern const struct mech_param param_key_handle;        /* CK_OBJECT_HANDLE */
extern const struct mech_param param_derivation_string; /* CK_KEY_DERIVATION_STRING_DATA */
extern const struct mech_param param_extract;           /* CK_EXTRACT_PARAMS */
extern const struct mech_param param_encrypt_string;    /* the same, whole blocks */
extern const struct mech_param param_aes_encrypt;       /* CK_AES_CBC_ENCRYPT_DATA_PARAMS */
extern const struct mech_param param_des_encrypt;       /* CK_DES_CBC_ENCRYPT_DATA_PARAMS */
extern const struct mech_param param_hkdf;              /* CK_HKDF_PARAMS */
extern const struct mech_param param_108;               /* CK_SP800_108_KDF_PARAMS */
extern const struct mech_param param_108_feedback;      /* CK_SP800_108_FEEDBACK_KDF_PARAMS */
extern const struct mech_param param_pbkdf2;            /* CK_PKCS5_PBKD2_PARAMS2 alone */
extern const struct mech_param param_version;           /* CK_VERSION */
extern const struct mech_param param_tls_master;        /* CK_TLS12_MASTER_KEY_DERIVE_PARAMS */
extern const struct mech_param param_tls_extended;      /* CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS */
extern const struct mech_param param_tls_key_block;     /* CK_TLS12_KEY_MAT_PARAMS */
extern const struct mech_param param_tls_kdf;           /* CK_TLS_KDF_PARAMS */
extern const struct mech_param param_tls_mac;           /* CK_TLS_MAC_PARAMS */

/* kdf_data_ok: bytes in a parameter: a pointer where there is a length, and not too many. */
static inline bool kdf_data_ok(const void *p, CK_ULONG n)
{
	return n <= KDF_DATA_MAX && (p != NULL || n == 0);
}
/*
 * kdf_hash_md: CKM_SHA_1 .. CKM_SHA3_512, or the HMAC mechanism of such a hash; NULL: none.
 * kdf_hmac: HMAC over parts[0..count); out: the digest's length.
 */
const EVP_MD *kdf_hash_md(CK_MECHANISM_TYPE type);
CK_RV kdf_hmac(const EVP_MD *md, struct view key, const struct view *parts, size_t count, uint8_t *out) MUST_CHECK;
/* kdf_tls_prf: P_hash of RFC 5246, 5: n bytes from the secret, a label and a seed of two parts. */
CK_RV kdf_tls_prf(const EVP_MD *md, struct view secret, struct view label, struct view a, struct view b, size_t n,
		  uint8_t *out) MUST_CHECK;

#endif
