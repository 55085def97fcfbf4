/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_CRYPTO_H
#define HSM_CRYPTO_H

#include "bytes.h"
#include "ck.h"
#include <openssl/evp.h>

/*
 * struct crypto: the module's own OSSL_LIB_CTX (default provider) and every algorithm it uses, fetched once. Read-only
 * after crypto_new: any thread may use it. The module makes it at C_Initialize and frees it at C_Finalize.
 */
enum crypto_cipher {
	CRYPTO_AES_128_ECB,
	CRYPTO_AES_192_ECB,
	CRYPTO_AES_256_ECB,
	CRYPTO_AES_128_CBC,
	CRYPTO_AES_192_CBC,
	CRYPTO_AES_256_CBC,
	CRYPTO_AES_128_CTR,
	CRYPTO_AES_192_CTR,
	CRYPTO_AES_256_CTR,
	CRYPTO_AES_128_GCM,
	CRYPTO_AES_192_GCM,
	CRYPTO_AES_256_GCM,
	CRYPTO_AES_128_CCM,
	CRYPTO_AES_192_CCM,
	CRYPTO_AES_256_CCM,
	CRYPTO_CHACHA20,
	CRYPTO_CHACHA20_POLY1305,
	CRYPTO_AES_128_WRAP,
	CRYPTO_AES_192_WRAP,
	CRYPTO_AES_256_WRAP,
	CRYPTO_AES_128_WRAP_PAD,
	CRYPTO_AES_192_WRAP_PAD,
	CRYPTO_AES_256_WRAP_PAD,
	CRYPTO_AES_128_OFB,
	CRYPTO_AES_192_OFB,
	CRYPTO_AES_256_OFB,
	CRYPTO_AES_128_CFB1,
	CRYPTO_AES_192_CFB1,
	CRYPTO_AES_256_CFB1,
	CRYPTO_AES_128_CFB8,
	CRYPTO_AES_192_CFB8,
	CRYPTO_AES_256_CFB8,
	CRYPTO_AES_128_CFB128,
	CRYPTO_AES_192_CFB128,
	CRYPTO_AES_256_CFB128,
	CRYPTO_AES_128_CTS,
	CRYPTO_AES_192_CTS,
	CRYPTO_AES_256_CTS,
	CRYPTO_AES_128_XTS,
	CRYPTO_AES_256_XTS,
	CRYPTO_DES3_ECB,
	CRYPTO_DES3_CBC,
	CRYPTO_DES3_OFB64,
	CRYPTO_DES3_CFB8,
	CRYPTO_DES3_CFB64,
	CRYPTO_SM4_ECB,
	CRYPTO_SM4_CBC,
	CRYPTO_SM4_CTR,
	CRYPTO_SM4_GCM,
	CRYPTO_CIPHERS
};
enum crypto_md {
	CRYPTO_MD5,
	CRYPTO_SHA1,
	CRYPTO_SHA224,
	CRYPTO_SHA256,
	CRYPTO_SHA384,
	CRYPTO_SHA512,
	CRYPTO_SHA512_224,
	CRYPTO_SHA512_256,
	CRYPTO_SHA3_224,
	CRYPTO_SHA3_256,
	CRYPTO_SHA3_384,
	CRYPTO_SHA3_512,
	CRYPTO_SM3,
	CRYPTO_MDS
};

/* cipher[], md[]: NULL for what this OpenSSL was built without (MD5, SM3, SM4); the rows that need it say so. */
struct crypto {
	OSSL_LIB_CTX *lib;
	EVP_CIPHER *cipher[CRYPTO_CIPHERS];
	EVP_MD *md[CRYPTO_MDS];
	EVP_MAC *hmac;
	EVP_MAC *cmac;
	EVP_MAC *gmac;
	EVP_MAC *poly1305;
};

/* crypto_new: CKR_HOST_MEMORY, or CKR_GENERAL_ERROR when OpenSSL lacks an algorithm. */
CK_RV crypto_new(struct crypto **ret) MUST_CHECK;
void crypto_free(struct crypto *c);
/*
 * crypto_errors_mark, crypto_errors_drop: around every C_ call: what OpenSSL notes in this thread's error queue on the
 * way goes, what the caller had there stays. The module shares libcrypto with its host, whose TLS asks that queue.
 */
void crypto_errors_mark(void);
void crypto_errors_drop(void);
/* crypto_random: n bytes of OpenSSL's private generator. */
CK_RV crypto_random(const struct crypto *c, uint8_t *ret, size_t n) MUST_CHECK;
/* crypto_seed: mixes bytes into that generator, besides the entropy it takes itself. */
CK_RV crypto_seed(const struct crypto *c, struct view v) MUST_CHECK;
/*
 * crypto_aes: the AES cipher of a mode (its 128-bit member) for a key of 16, 24 or 32 bytes; NULL for other lengths.
 * crypto_des_key: a DES key of 8, 16 or 24 bytes as the 24 bytes that DES3 wants (K1K1K1, K1K2K1). False: other length.
 */
const EVP_CIPHER *crypto_aes(const struct crypto *c, enum crypto_cipher mode128, size_t key_len);
/* crypto_block: the block of a cipher key type in bytes; 0: no such type. */
size_t crypto_block(CK_KEY_TYPE type);
bool crypto_des_key(const uint8_t *key, size_t n, uint8_t ret[24]) MUST_CHECK;
/*
 * crypto_update: EVP_CipherUpdate of any length, out as long as in: whole blocks, or a stream mode. CKR_GENERAL_ERROR.
 * CRYPTO_UPDATE_MAX: what one call of OpenSSL takes (int) and leaves room for.
 */
#define CRYPTO_UPDATE_MAX ((size_t)1 << 30)
CK_RV crypto_update(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out) MUST_CHECK;
/* crypto_md_of: by CKM_SHA_1 .. CKM_SHA3_512; NULL: none. Not CKM_MD5: who needs that says md[CRYPTO_MD5]. */
const EVP_MD *crypto_md_of(const struct crypto *c, CK_MECHANISM_TYPE type);

/*
 * One-shot block operations for mechanisms made of several steps. type: CKK_AES, CKK_DES, CKK_DES2, CKK_DES3,
 * CKK_SR_SM4; key in its own length. CKR_KEY_SIZE_RANGE for a key that the type does not have.
 *
 * crypto_ecb, crypto_cbc  no padding, n a multiple of the block; out may be in. iv: one block.
 * crypto_cmac             a whole block (8 or 16 bytes) over parts[0..count), in ret_mac[16]; ret_len the length.
 * crypto_key_wrap, crypto_key_unwrap  RFC 3394; unwrap: CKR_WRAPPED_KEY_INVALID, nothing written that can be used.
 */
CK_RV crypto_ecb(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool encrypt, struct view in,
		 uint8_t *out) MUST_CHECK;
CK_RV crypto_cbc(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool encrypt, const uint8_t *iv,
		 struct view in, uint8_t *out) MUST_CHECK;
CK_RV crypto_cmac(const struct crypto *c, CK_KEY_TYPE type, struct view key, const struct view *parts, size_t count,
		  uint8_t ret_mac[16], size_t *ret_len) MUST_CHECK;
CK_RV crypto_key_wrap(const struct crypto *c, struct view key, struct view in, uint8_t *out) MUST_CHECK;
CK_RV crypto_key_unwrap(const struct crypto *c, struct view key, struct view in, uint8_t *out) MUST_CHECK;
/*
 * crypto_wrap_start, crypto_wrap_run: AES key wrap (pad false, RFC 3394) and with padding (RFC 5649) on
 * a context that keeps the key: any number of runs, each a message of
 * its own. Start: CKR_KEY_SIZE_RANGE. Run: wrap CKR_KEY_SIZE_RANGE, unwrap CKR_WRAPPED_KEY_LEN_RANGE,
 * CKR_WRAPPED_KEY_INVALID.
 */
CK_RV crypto_wrap_start(const struct crypto *c, struct view key, const uint8_t *iv, bool pad, bool wrap,
			EVP_CIPHER_CTX **ret) MUST_CHECK;
CK_RV crypto_wrap_run(EVP_CIPHER_CTX *ctx, bool pad, bool wrap, struct view in, uint8_t *out,
		      size_t *ret_len) MUST_CHECK;
/*
 * crypto_aes_wrap: both in one, either way, with the RFC's IV (NULL)
 * or another of 8 (4 with padding) bytes. out: in.n + 8 rounded up to 8 (wrap), in.n (unwrap). in may not be out.
 * crypto_cmac_start: a CMAC context for more data, to be freed with EVP_MAC_CTX_free.
 */
CK_RV crypto_aes_wrap(const struct crypto *c, struct view key, const uint8_t *iv, bool pad, bool wrap, struct view in,
		      uint8_t *out, size_t *ret_len) MUST_CHECK;
CK_RV crypto_cmac_start(const struct crypto *c, CK_KEY_TYPE type, struct view key, EVP_MAC_CTX **ret) MUST_CHECK;

/* DES: parity and the 16 weak and semi-weak keys of NIST SP 800-67, per 8-byte half; halves compared in constant time.
 */
void des_set_parity(uint8_t *key, size_t n);
bool des_parity_ok(const uint8_t *key, size_t n);
bool des_half_weak(const uint8_t half[8]);
/* des_key_weak: a weak or semi-weak half, or (16, 24 bytes) equal neighbouring halves; parity bits are ignored. */
bool des_key_weak(const uint8_t *key, size_t n);

#endif
