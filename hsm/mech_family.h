/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_FAMILY_H
#define HSM_MECH_FAMILY_H

#include "crypto.h"
#include "mech.h"
#include "module.h"
#include "object.h"

/*
 * What the rows and the families tell each other: the arguments of rows and the operations. Only mech_*.c include
 * it.
 */

struct digest_arg {
	enum crypto_md md;
};

/* struct mac_arg: lengths of the result in bytes; a _GENERAL row takes min..max from the parameter, others give len. */
struct mac_arg {
	enum { MAC_HMAC, MAC_CMAC, MAC_CBC, MAC_RETAIL, MAC_XCBC } kind;
	enum crypto_md md; /* MAC_HMAC */
	size_t len;
	size_t min;
	size_t max;
	bool general;
};

/*
 * struct cipher_arg: block is the unit in which the mode takes data: the cipher's block, 1 in stream modes. CIPHER_CTS
 * and CIPHER_XTS are the whole-message modes of mech_whole.c, the others are mech_cipher.c's.
 */
struct cipher_arg {
	enum { CIPHER_ECB, CIPHER_CBC, CIPHER_CBC_PAD, CIPHER_CTR, CIPHER_STREAM, CIPHER_CTS, CIPHER_XTS } mode;
	enum { ALGORITHM_AES, ALGORITHM_DES, ALGORITHM_SM4 } algorithm;
	enum crypto_cipher cipher; /* AES: the 128-bit member */
	size_t block;
};

struct key_wrap_arg {
	enum {
		KEY_WRAP_KW,
		KEY_WRAP_KWP,
		KEY_WRAP_PKCS7
	} form; /* RFC 3394, RFC 5649, PKCS #7 padding under RFC 3394 */
};

/*
 * struct rsa_arg: hash CK_UNAVAILABLE_INFORMATION: the caller hands in the hash (PSS), DigestInfo (PKCS#1 v1.5), hash
 * and trailer (X9.31) or the whole number (bare).
 */
struct rsa_arg {
	CK_MECHANISM_TYPE hash;
	enum { RSA_SCHEME_PKCS1, RSA_SCHEME_PSS, RSA_SCHEME_OAEP, RSA_SCHEME_X9_31, RSA_SCHEME_BARE } scheme;
};

/* struct generate_arg: len 0: CKA_VALUE_LEN of the template. */
struct generate_arg {
	CK_KEY_TYPE type;
	size_t len;
};

/* Authenticated encryption; with key wrapping; and what stands beside it. */
extern const struct mech_ops aead_ops;
extern const struct mech_ops aead_wrap_ops;
extern const struct mech_ops chacha_ops;
extern const struct mech_ops gmac_ops;
extern const struct mech_ops poly1305_ops;

extern const struct mech_ops digest_ops;
extern const struct mech_ops sha512t_ops; /* SHA-512/t, digest and HMAC */
extern const struct mech_ops mac_ops;     /* HMAC, CMAC */
extern const struct mech_ops cbc_mac_ops; /* CBC-MAC, retail MAC, XCBC */
extern const struct mech_ops cipher_ops;  /* ECB, CBC, CBC_PAD, CTR, OFB, CFB */
extern const struct mech_ops whole_ops;   /* CTS, XTS */
extern const struct mech_ops key_wrap_ops;
extern const struct mech_ops rsa_sign_ops;
extern const struct mech_ops rsa_oaep_ops;
extern const struct mech_ops generate_ops;
extern const struct mech_ops rsa_generate_ops;
extern const struct mech_ops rsa_all_ops;      /* encryption, signatures with recovery, wrapping: PKCS#1 v1.5, bare */
extern const struct mech_ops rsa_aes_wrap_ops; /* CKM_RSA_AES_KEY_WRAP */

/*
 * mech_digest_value: what C_DigestKey may take of a key: a secret key that may leave (a digest of a short key tells the
 * key). CKR_KEY_INDIGESTIBLE.
 */
CK_RV mech_digest_value(struct object *key, struct view *ret) MUST_CHECK;

/* mech_mac_len: what a MAC row with this parameter gives, in bytes (the parameter rule has passed). */
size_t mech_mac_len(const struct mac_arg *a, const CK_MECHANISM *m);
/* mech_mac_final: mech_ops.final where op->state is an EVP_MAC_CTX: its first op->out_len bytes. */
CK_RV mech_mac_final(struct op *op, uint8_t *out);

/*
 * mech_padding_len: bytes of PKCS #7 padding at the end of a block; 0: the padding is wrong. One pass over the whole
 * block whatever it holds.
 */
size_t mech_padding_len(const uint8_t *block, size_t n);

/*
 * mech_wrapped_form: the bytes in which an object is wrapped: CKA_VALUE of a secret key, PKCS#8 of an RSA private key.
 * CKR_KEY_NOT_WRAPPABLE: neither.
 */
CK_RV mech_wrapped_form(struct object *key, struct secret *ret) MUST_CHECK;

/*
 * Unwrapping in two steps, so that faults of the template are found before anything is decrypted and tell nothing about
 * the ciphertext.
 *
 * mech_unwrap_begin  makes the object that the template asks for, in the role that the unwrapping key gives it. *ret
 *                    is to be unref'ed by the caller.
 * mech_unwrap_end    checks the form, fills and commits the object. zero_filled: a secret key may be followed by zeroes
 *                    up to a block (its length: the type's, or CKA_VALUE_LEN). CKR_WRAPPED_KEY_INVALID: no such key
 *                    (length, DES parity, PKCS#8).
 */
CK_RV mech_unwrap_begin(struct session *s, const struct mech_row *row, const struct object *unwrapping,
			const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret) MUST_CHECK;
CK_RV mech_unwrap_end(struct session *s, struct object *o, struct view form, bool zero_filled, const CK_ATTRIBUTE *t,
		      CK_ULONG n, CK_OBJECT_HANDLE *ret) MUST_CHECK;

/*
 * cipher_wrap, cipher_unwrap: C_WrapKey by a block cipher: ECB, CBC zero-filled to a block, CBC_PAD with PKCS#7, CTS
 * and XTS in the key's own length.
 */
CK_RV cipher_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		  struct object *key, uint8_t *out, CK_ULONG *len) MUST_CHECK;
CK_RV cipher_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		    struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret) MUST_CHECK;

/*
 * Generation of a pair of any kind.
 *
 * mech_pair_begin  the two objects that the templates ask for, uncommitted: public, private
 * mech_pair_end    gives them the numbers of pkey and commits both in one step
 * mech_pair_done   on every way out
 */
CK_RV mech_pair_begin(struct session *s, const struct mech_row *row, CK_KEY_TYPE type, const CK_ATTRIBUTE *public_t,
		      CK_ULONG public_n, const CK_ATTRIBUTE *private_t, CK_ULONG private_n,
		      struct object *ret[2]) MUST_CHECK;
CK_RV mech_pair_end(struct session *s, struct object *pair[2], const EVP_PKEY *pkey, CK_OBJECT_HANDLE *ret_public,
		    CK_OBJECT_HANDLE *ret_private) MUST_CHECK;
void mech_pair_done(struct object *pair[2]);

/* mech_output_put: the length rule of C_WrapKey: out NULL or short answers the length. */
CK_RV mech_output_put(struct view v, uint8_t *out, CK_ULONG *len) MUST_CHECK;

#endif
