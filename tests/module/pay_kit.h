/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PAY_KIT_H
#define TESTS_PAY_KIT_H

#include "key_block.h"
#include "vendor_kit.h"

/*
 * Payment keys of known value: key block protection keys that were combined from components, and key blocks made here,
 * outside the module, with its own codec.
 */

/* A protection key of role KBPK in the token, and its value. */
struct pay_kbpk {
	const char *label;
	CK_KEY_TYPE type;
	size_t len;
	uint8_t value[32];
	CK_OBJECT_HANDLE key;
};
/* pay_aes: of 32 bytes, that of TR-31:2018 A.7.4; pay_tdes: DES3. */
extern struct pay_kbpk pay_aes, pay_tdes;

/* pay_begin: kit_begin, both protection keys combined, the user logged in. pay_end. */
void pay_begin(void);
void pay_end(void);

/* pay_hex: bytes of a hexadecimal string; answers their number. */
size_t pay_hex(const char *hex, uint8_t *ret);
/*
 * pay_block: a key block (version by the protection key's type): header "P0AE00E" = usage, algorithm, mode, key
 * version, exportability; options without PB. Answers its length; text has room for SR_KEY_BLOCK_MAX.
 */
size_t pay_block(CK_KEY_TYPE type, struct view kbpk, const char *header, const char *options, struct view key,
		 uint8_t *text);
/* pay_open: what is in a block, without the module; false: it does not open. */
bool pay_open(CK_KEY_TYPE type, struct view kbpk, struct view text, uint8_t *ret, size_t *ret_len);
/* pay_seals_again: versions B and D: what the block holds, sealed again, gives the block again. */
bool pay_seals_again(CK_KEY_TYPE type, struct view kbpk, struct view text);
/* pay_unwrap: C_UnwrapKey of a block with a template. pay_import: pay_block, pay_unwrap with no template; must succeed.
 */
CK_RV pay_unwrap(CK_OBJECT_HANDLE kbpk, struct view text, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_OBJECT_HANDLE pay_import(const struct pay_kbpk *kbpk, const char *header, struct view key);
/* pay_wrap: C_WrapKey with a header; *len in: room. */
CK_RV pay_wrap(CK_OBJECT_HANDLE kbpk, CK_OBJECT_HANDLE key, const char *header, CK_ULONG flags, uint8_t *text,
	       CK_ULONG *len);
/* pay_params: the parameter for such a header. */
struct sr_key_block_params pay_params(const char *header, CK_ULONG flags);
/* pay_key: an ordinary session key of this value, not sensitive, with these usages (CKF_*), DES parity set. */
CK_OBJECT_HANDLE pay_key(CK_KEY_TYPE type, struct view value, CK_FLAGS uses);
/* pay_same: two keys have the same CKA_CHECK_VALUE. */
bool pay_same(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b);
/* pay_ecb: a block under a key that is no object. */
void pay_ecb(CK_KEY_TYPE type, struct view key, bool encrypt, uint8_t *block, size_t n);

#endif
