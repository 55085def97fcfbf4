/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_SOFTHSM_H
#define OFFICER_SOFTHSM_H

#include "ck.h"

#include "err.h"
#include "secret.h"

/*
 * The object files of SoftHSMv2 (file back end, versions 2.0 to 2.6): a folder per token with token.object and one
 * <uuid>.object per object. Numbers are 8 bytes, big-endian. A file is its generation number, then attributes:
 *
 *	type            CKA_*
 *	kind            1 boolean (1 byte), 2 number (8 bytes), 3 bytes (length, bytes), 4 attributes (length,
 *attributes), 5 mechanisms (count, numbers)
 *
 * Byte strings of private objects are AES-256-CBC under the token's key: IV of 16 bytes, ciphertext, PKCS #7 padding;
 * what is empty stays empty. There is no MAC. The token's key stands in token.object, once per PIN: salt of 8 bytes,
 *IV, AES-256-CBC of the letters RJR and the key, under SHA-256 over salt and PIN, hashed again 1499 + (last byte of the
 * salt) times.
 */
enum softhsm_kind {
	SOFTHSM_BOOL = 1,
	SOFTHSM_NUMBER = 2,
	SOFTHSM_BYTES = 3,
	SOFTHSM_ATTRIBUTES = 4,
	SOFTHSM_MECHANISMS = 5,
};
#define SOFTHSM_LABEL 0x80005349UL
#define SOFTHSM_SERIAL 0x8000534aUL
#define SOFTHSM_USER_PIN 0x8000534dUL

struct softhsm_attr {
	CK_ATTRIBUTE_TYPE type;
	enum softhsm_kind kind;
	struct view value; /* without its length or count */
};

/* softhsm_read: a whole file. ERR_IO; ERR_TOO_LARGE: above 1 MiB. */
enum err softhsm_read(const char *path, struct secret *ret, struct fail *f) MUST_CHECK;
/*
 * softhsm_each: calls each for all attributes of a file that was read; path is for the error. ERR_MALFORMED; stops at
 * what each answers.
 */
enum err softhsm_each(struct view file, const char *path,
		      enum err (*each)(void *ctx, const struct softhsm_attr *a, struct fail *f), void *ctx,
		      struct fail *f) MUST_CHECK;
/* softhsm_key: the token's key from the record of a PIN. ERR_REFUSED: another PIN. */
enum err softhsm_key(struct view record, const struct secret *pin, struct secret *ret, struct fail *f) MUST_CHECK;
/* softhsm_open: a byte string of a private object. ERR_BAD_DATA: not under this key. */
enum err softhsm_open(const struct secret *key, struct view sealed, struct secret *ret, struct fail *f) MUST_CHECK;

#endif
