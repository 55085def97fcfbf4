/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MECH_KIT_H
#define TESTS_MECH_KIT_H

#include <check.h>
#include "bytes.h"
#include "ck.h"
#include "mech.h"

/*
 * A logged-in session on a fresh token of the real module, session keys, and vector files. Everything fails the test
 * when something that has nothing to do with it goes wrong. The mechanism table is read from the library itself
 * (mech.h), so that tests can walk its rows; all operations go through the C_ functions.
 */
extern CK_FUNCTION_LIST *ck;
extern CK_SESSION_HANDLE mk_session;
extern CK_SLOT_ID mk_slot;

#define OK(call) ck_assert_uint_eq((call), CKR_OK)
#define IS(call, code) ck_assert_uint_eq((call), (code))

/* mk_begin, mk_end: checked fixture, the token compatible (mk_compatible); mk_symbol: a C_ function that is not in
 * the 2.40 list. */
void mk_begin(void);
void mk_end(void);
void *mk_symbol(const char *name);
/*
 * mk_policy: the SO gives the token this policy (CKA_SR_POLICY of vendor.h); the user is logged in again afterwards,
 * private session objects are gone. mk_compatible: all relaxations, for tests whose keys may do everything.
 */
void mk_policy(const char *text);
void mk_compatible(void);
/* mk_main: runs the suite's cases in this process (fork mode off: a token per program), prints Check's summary. */
int mk_main(Suite *s);

/* Usages of a key, CKF_*: MK_ALL_USES. */
#define MK_ALL_USES (CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_WRAP | CKF_UNWRAP)
/* mk_uses: the usages of uses as attributes behind t[n], which has room for seven; answers the new count. */
CK_ULONG mk_uses(CK_ATTRIBUTE *t, CK_ULONG n, CK_FLAGS uses);
/* mk_secret: a session key with this value, not sensitive, extractable. DES parity is set first. */
CK_OBJECT_HANDLE mk_secret(CK_KEY_TYPE type, struct view value, CK_FLAGS uses);
/* mk_secret_of_row: one that a row takes: the first of its types that has this length (0: any length). */
CK_OBJECT_HANDLE mk_secret_of_row(const struct mech_row *row, struct view value, CK_FLAGS uses);
/* mk_key_for: a key that may be used with the row in this way (RSA: public or private half of one pair). */
CK_OBJECT_HANDLE mk_key_for(const struct mech_row *row, CK_FLAGS use);
/* mk_pair: one RSA 2048 pair per program, all usages. */
void mk_pair(CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/* mk_is_pair: the row's keys come in pairs; mk_key_for makes one pair of each kind per program, with all usages. */
bool mk_is_pair(const struct mech_row *row);
/* mk_field_pair: one pair of DH, X9.42 DH or DSA per program; false: another type. kept, forget: by mk_destroy, mk_end.
 */
bool mk_field_pair(CK_KEY_TYPE type, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
bool mk_field_kept(CK_OBJECT_HANDLE key);
void mk_field_forget(void);
/* mk_value: CKA_VALUE of a key that is not sensitive. */
struct view mk_value(CK_OBJECT_HANDLE key, uint8_t *room, size_t n);
void mk_destroy(CK_OBJECT_HANDLE key);

/* mk_init, mk_single: C_<use>Init and the single-part function by CKF_*; verify is not among mk_single. */
CK_RV mk_init(CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV mk_single(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len);
CK_RV mk_update(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len);
CK_RV mk_final(CK_FLAGS use, uint8_t *out, CK_ULONG *len);
/* mk_cancel: ends what is active. */
void mk_cancel(CK_FLAGS use);

/* Parameters: room for any of them. */
union mk_param {
	CK_ULONG len;
	CK_AES_CTR_PARAMS ctr;
	CK_GCM_PARAMS gcm;
	CK_CCM_PARAMS ccm;
	CK_CHACHA20_PARAMS chacha;
	CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha_poly;
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes;
	CK_X9_42_DH1_DERIVE_PARAMS x9_42;
	CK_KEY_DERIVATION_STRING_DATA string;
	CK_AES_CBC_ENCRYPT_DATA_PARAMS aes;
	CK_DES_CBC_ENCRYPT_DATA_PARAMS des;
	CK_HKDF_PARAMS hkdf;
	CK_SP800_108_KDF_PARAMS kdf108;
	CK_SP800_108_FEEDBACK_KDF_PARAMS feedback;
	CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
	CK_TLS12_MASTER_KEY_DERIVE_PARAMS master;
	CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS extended;
	CK_TLS12_KEY_MAT_PARAMS key_block;
	CK_TLS_KDF_PARAMS tls;
	CK_TLS_MAC_PARAMS tls_mac;
	struct sr_iso9797_params iso9797;
	CK_ECDH1_DERIVE_PARAMS ecdh;
	CK_ECDH_AES_KEY_WRAP_PARAMS ecdh_wrap;
	CK_HASH_SIGN_ADDITIONAL_CONTEXT pq_hashed;
	uint8_t iv[16];
};
/* mk_good: a mechanism with a parameter that its row takes; CCM, which must know: for messages of mk_ccm_len bytes. */
#define MK_CCM_LEN 64
extern CK_ULONG mk_ccm_len;
CK_MECHANISM mk_good(const struct mech_row *row, union mk_param *p);
/* mk_derive_param: the same for rows that derive from secret keys, around 16 bytes; false: it is none of those. */
bool mk_derive_param(const struct mech_row *row, union mk_param *p, uint8_t *bytes);
/*
 * mk_base: a secret key that derives and signs; sensitive: and may not leave. mk_derive: a readable key of a type and
 * length (0: none given).
 */
CK_OBJECT_HANDLE mk_base(CK_KEY_TYPE type, struct view value, CK_BBOOL *sensitive);
CK_RV mk_derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_KEY_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret);

/* A line of a vector file. Absent fields are empty. */
#define VECTOR_MAX 512
struct vector {
	char mech[64];
	struct {
		uint8_t p[VECTOR_MAX];
		size_t n;
	} key, iv, aad, data, out;
	CK_ULONG len; /* _GENERAL */
	CK_ULONG tag; /* bits, default 128 */
	CK_ULONG pad; /* ISO 9797-1 */
	bool aes;     /* type=AES: the key, where its length does not say it */
	unsigned line;
};
#define V(field) VIEW((field).p, (field).n)
/* mk_vectors: calls each for every line of a file in tests/vectors; answers their number. */
unsigned mk_vectors(const char *file, void (*each)(const struct vector *v));
CK_MECHANISM mk_vector_mechanism(const struct mech_row *row, const struct vector *v, union mk_param *p);
/* mk_row: the row of a name; fails the test when there is none. */
const struct mech_row *mk_row(const char *name);

#endif
