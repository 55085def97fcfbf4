/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_KEY_BLOCK_SEAL_H
#define HSM_KEY_BLOCK_SEAL_H

#include "ck.h"
#include "crypto.h"
#include "key_block.h"
#include "secret.h"

/*
 * The cryptography of key blocks: encryption and MAC keys from the protection key (variants: A and C, derivation by
 * CMAC: B and D), and the binding of header and key data.
 *
 * key_block_kbpk_ok  may a protection key of this type make or open this version? A, B, C: DES2, DES3; D: AES.
 * key_block_seal     B and D: encrypts data in its place (whole cipher blocks) and gives the MAC over covered and data.
 * key_block_open     all versions: *ret gets the key data of a parsed block. CKR_WRAPPED_KEY_INVALID when the MAC is
 *                    not right (compared in constant time); then nothing is left of what was decrypted.
 * key_block_make     B and D: appends the whole text: header, options with what fills them, key data of data_len bytes
 *                    (length, key, random bytes), MAC. CKR_MECHANISM_PARAM_INVALID: longer than a key block may be.
 * key_block_kcv      check value of X9.143, optional blocks KC and KP: two digits of method (00: encrypted zeroes, 3
 *                    bytes; 01: CMAC of zeroes, 5 bytes), then the value. text: KEY_BLOCK_KCV bytes, *ret_len of
 *                    them used. CKR_KEY_TYPE_INCONSISTENT for a type that has none.
 */
#define KEY_BLOCK_KCV 12
bool key_block_kbpk_ok(char version, CK_KEY_TYPE type) MUST_CHECK;
CK_RV key_block_seal(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, struct view covered,
		     struct secret *data, uint8_t ret_mac[16]) MUST_CHECK;
CK_RV key_block_make(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, const struct key_block_header *h,
		     struct view options, unsigned count, struct view key, size_t data_len,
		     struct buf *text) MUST_CHECK;
CK_RV key_block_open(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, const struct key_block *b,
		     struct secret *ret) MUST_CHECK;
CK_RV key_block_kcv(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool cmac, char text[KEY_BLOCK_KCV],
		    size_t *ret_len) MUST_CHECK;

#endif
