/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_KEY_BLOCK_USE_H
#define HSM_KEY_BLOCK_USE_H

#include "ck.h"
#include "key_block.h"
#include "object.h"

/*
 * What the header of a key block makes of a key, and which header a key may leave under: one table of key usages
 * (key_block_use.c). Usage says what kind of key it is (its role under a wrapper with a role, its mechanisms), mode of
 * use which functions of that kind, exportability whether and how it may leave again. A header that is not in the table
 * is refused: nothing is guessed.
 */
struct key_block_use {
	const char *usage;      /* two letters */
	const char *algorithms; /* of the header that may have it */
	enum { USE_CIPHER, USE_MAC, USE_CARRY, USE_DERIVE } kind;
	CK_ULONG role;                       /* under a wrapper with a role; 0: none, such a wrapper refuses it */
	bool ordinary;                       /* an ordinary wrapper may carry it */
	const CK_MECHANISM_TYPE *mechanisms; /* of an ordinary key; NULL: all that its usages allow */
	size_t mechanism_count;
};

/* key_block_use_at: the rows, for docs/roles.md; NULL behind the last. key_block_modes: letters that a kind may have.
 */
const struct key_block_use *key_block_use_at(size_t i);
void key_block_modes(const struct key_block_use *row, struct buf *out);

/* key_block_use_of: the row for this header, with the flags (CKF_*) that its mode of use gives; NULL: there is none. */
const struct key_block_use *key_block_use_of(const struct key_block_header *h, CK_FLAGS *ret_flags);

/*
 * key_block_type: CKK_* by algorithm and length; OBJECT_ANY: no such key here. A key for HMAC belongs to the hash that
 * its HM names, which it must have. key_block_algorithm: the way back, or 0. key_block_hmac_type: by an HM.
 */
CK_KEY_TYPE key_block_type(char algorithm, size_t len, struct view options);
CK_KEY_TYPE key_block_hmac_type(struct view options);
char key_block_algorithm(CK_KEY_TYPE type);

/*
 * key_block_use_make   an uncommitted key for this header under this wrapper, without its value: origin unwrapped, its
 *                      role, usages, mechanisms and exportability by the table. A template may ask for less; for more:
 *                      CKR_TEMPLATE_INCONSISTENT. CKR_KEY_FUNCTION_NOT_PERMITTED: the wrapper may carry no such key;
 *                      CKR_WRAPPED_KEY_INVALID: nobody here may.
 * key_block_use_check  may key leave under this header? Not for more than it may do now, than its own header said
 *                      (CKA_SR_KEY_BLOCK_HEADER), or in another role. CKR_KEY_NOT_WRAPPABLE.
 */
CK_RV key_block_use_make(struct session *s, const struct object *wrapper, const struct key_block_header *h,
			 CK_KEY_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret) MUST_CHECK;
CK_RV key_block_use_check(const struct object *key, const struct key_block_header *h) MUST_CHECK;

#endif
