/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_STATEMENT_H
#define HOST_STATEMENT_H

#include "err.h"

/*
 * Words that a token has signed with its statement key (SR_SignStatement): Ed25519 over "strongroom statement", a zero
 * byte, the serial number (16 letters) and the words.
 *
 * statement_verify: key: SubjectPublicKeyInfo. ERR_REFUSED: not signed by that key, or not these words, or another
 * serial number. ERR_MALFORMED: key, serial number or signature are none.
 * statement_key_read: a public key file, PEM or DER, as SubjectPublicKeyInfo appended. ERR_CONFIG.
 * statement_key_pem: the other way, appended.
 */
enum err statement_verify(struct view key, const char *serial, struct view words, struct view signature,
			  struct fail *f) MUST_CHECK;
enum err statement_key_read(const char *path, struct buf *ret, struct fail *f) MUST_CHECK;
enum err statement_key_pem(struct view key, struct buf *ret, struct fail *f) MUST_CHECK;

/* transport_verify: the same of a transport block (base/transport_block.h), whose first words are "strongroom
 * transport". */
enum err transport_verify(struct view key, const char *serial, struct view covered, struct view signature,
			  struct fail *f) MUST_CHECK;

#endif
