/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_AEAD_H
#define HSM_MECH_AEAD_H

#include "hold.h"
#include "mech_family.h"

/*
 * Authenticated encryption with associated data: AES-GCM, AES-CCM, ChaCha20-Poly1305 and XChaCha20-Poly1305, by
 * C_Encrypt*, by messages (C_EncryptMessage*) and as key wrapping. The struct that a caller hands in differs by
 * mechanism and by function; here it becomes one struct aead_param.
 */
enum aead_kind { AEAD_GCM, AEAD_CCM, AEAD_CHACHA };
struct aead_arg {
	enum aead_kind kind;
};

#define AEAD_IV_MAX 128 /* OpenSSL's limit for GCM */
#define AEAD_TAG_MAX 16

/*
 * struct aead_param: iv and tag stand in the caller's memory. generator and fixed_bits: CKG_NO_GENERATE where the
 * struct has none. data_len: CCM alone, which wants to know it first.
 */
struct aead_param {
	uint8_t *iv;
	size_t iv_len; /* bytes */
	CK_GENERATOR_FUNCTION generator;
	size_t fixed_bits;
	struct view aad;
	uint8_t *tag; /* messages */
	size_t tag_len;
	size_t data_len;
};

/*
 * What the caller's struct says, when it is one of this form and within the bounds of the algorithm; else
 * CKR_MECHANISM_PARAM_INVALID.
 *
 * aead_read_plain    C_EncryptInit, C_DecryptInit: CK_GCM_PARAMS (also as the text of 2.40 prints it, without
 *                    ulIvBits), CK_CCM_PARAMS, CK_SALSA20_CHACHA20_POLY1305_PARAMS
 * aead_read_wrap     C_WrapKey, C_UnwrapKey: CK_GCM_WRAP_PARAMS, CK_CCM_WRAP_PARAMS (3.2), or as plain. data_len is not
 *                    read.
 * aead_read_message  messages and C_WrapKeyAuthenticated: CK_GCM_MESSAGE_PARAMS, CK_CCM_MESSAGE_PARAMS,
 *                    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS. aad is the call's.
 */
CK_RV aead_read_plain(enum aead_kind kind, const void *p, size_t n, struct aead_param *ret) MUST_CHECK;
CK_RV aead_read_wrap(enum aead_kind kind, const void *p, size_t n, struct aead_param *ret) MUST_CHECK;
CK_RV aead_read_message(enum aead_kind kind, const void *p, size_t n, struct view aad,
			struct aead_param *ret) MUST_CHECK;

/*
 * struct iv_maker: the IVs of one message process (C_MessageEncryptInit to its end).
 *
 * CKG_GENERATE_COUNTER      counter from 0 in the bits that are not fixed
 * CKG_GENERATE_COUNTER_XOR  these bits of the first message's IV, xor the counter (TLS 1.3)
 * CKG_GENERATE              random bits of the first message, xor the counter
 * CKG_GENERATE_RANDOM       random bits each time, at least 64; at most 2^((bits - 32) / 2) and 2^32 messages, so that
 * a repetition stays as unlikely as NIST SP 800-38D, 8.3 wants it
 *
 * A process that made an IV goes on with the same generator, length and fixed bits, and takes none of the caller's
 * where the two could meet.
 */
struct iv_maker {
	bool given; /* a message had the caller's IV */
	bool made;
	CK_GENERATOR_FUNCTION generator;
	size_t len, fixed_bits;
	uint8_t base[AEAD_IV_MAX];
	uint64_t count;
};

/*
 * iv_make        writes the IV of the next message over p->iv, where the token makes it, and counts.
 *                CKR_MECHANISM_PARAM_INVALID: a generator or fixed bits that may not be here; CKR_DATA_LEN_RANGE: there
 *                is no further IV.
 * iv_make_alone  one IV of a call that no other follows (C_WrapKey): CKG_GENERATE and CKG_GENERATE_RANDOM, with at
 * least 96 random bits; a counter has nowhere to stand.
 */
CK_RV iv_make(struct iv_maker *v, const struct aead_param *p) MUST_CHECK;
CK_RV iv_make_alone(const struct aead_param *p) MUST_CHECK;

/*
 * struct aead: one message. All-zero is empty; aead_done takes it, wipes and empties it.
 *
 * aead_begin  key and associated data are read here; the cipher is that of the key's type
 * aead_seal   encrypts in.n bytes; CCM: the whole message in one call. out may be in.
 * aead_tag    after the last aead_seal: tag_len bytes
 * aead_open   the whole message; CKR_ENCRYPTED_DATA_INVALID: the tag is wrong and out was wiped
 */
struct aead {
	enum aead_kind kind;
	EVP_CIPHER_CTX *ctx;
	bool encrypt;
	size_t tag_len;
	size_t data_len;  /* CCM */
	struct hold held; /* decrypting: the ciphertext so far; CCM encrypting: the plaintext */
};
CK_RV aead_begin(enum aead_kind kind, const struct object *with, const struct aead_param *p, bool encrypt,
		 struct aead *ret) MUST_CHECK;
CK_RV aead_seal(struct aead *a, struct view in, uint8_t *out) MUST_CHECK;
CK_RV aead_tag(struct aead *a, uint8_t *ret) MUST_CHECK;
CK_RV aead_open(struct aead *a, struct view in, const uint8_t *tag, uint8_t *out) MUST_CHECK;
void aead_done(struct aead *a);
/* aead_keeps: does an update of this message give nothing out? */
bool aead_keeps(const struct aead *a);
/* aead_len_ok: may the message have n bytes so far, or as a whole? CCM knows; the others take any. */
bool aead_len_ok(const struct aead *a, size_t n, bool whole);

/* aead_wrap, aead_unwrap, aead_authenticated: mech_ops. */
CK_RV aead_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		struct object *key, uint8_t *out, CK_ULONG *len) MUST_CHECK;
CK_RV aead_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		  struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret) MUST_CHECK;
CK_RV aead_authenticated(const struct mech_row *row, const CK_MECHANISM *m, struct view aad,
			 struct mech_authenticated *ret) MUST_CHECK;
extern const struct mech_message_ops aead_message_ops;

/*
 * chacha_subkey: HChaCha20 (draft-irtf-cfrg-xchacha-03, 2.2) of a key and the first 16 bytes of a nonce of 24; ret has
 * room for 32 bytes.
 */
CK_RV chacha_subkey(struct view key, const uint8_t nonce[16], struct secret *ret) MUST_CHECK;

#endif
