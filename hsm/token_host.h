/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_HOST_H
#define HSM_TOKEN_HOST_H

#include "seal.h"

/*
 * Host binding: what PINs open in a bound token, and its token keys, stand under a second seal, whose key comes from a
 * secret of the host (setting host_secret). Without it a copied token shows nothing that a PIN could be tried on. The
 * outer seals can be put on and taken off without any PIN (a copy is bound to its own host: sr_restore.c).
 *
 * struct token_place: what all seals of a token's key records belong to. host_key NULL: not bound.
 */
struct token_place {
	const struct crypto *crypto;
	const char *serial;        /* 16 letters */
	const uint8_t *generation; /* of the token record, 16 bytes */
	const struct secret *host_key;
};

/*
 * host_key: the key of the outer seals, from the file that the setting names: PATH, or %d/NAME for a file in
 * $CREDENTIALS_DIRECTORY. The file: regular, of the effective user (under %d also root's), mode 0400 or 0600 (under %d
 * also 0440), 16 to 4096 bytes, all of which count. place->host_key is not looked at.
 * Errors: CKR_DEVICE_ERROR, and call_note says why; CKR_HOST_MEMORY.
 */
CK_RV host_key(const struct token_place *place, const char *setting, struct secret *ret) MUST_CHECK;

/*
 * host_seal, host_open: the outer seal of a record; name: its kind and id. Without place->host_key the bytes go through
 * as they are. host_open: CKR_DEVICE_ERROR, with a note, when it was not sealed with this secret.
 */
#define HOST_OVERHEAD SEAL_OVERHEAD
CK_RV host_seal(const struct token_place *place, struct view name, struct view inner, struct buf *out) MUST_CHECK;
CK_RV host_open(const struct token_place *place, struct view name, struct view outer, struct buf *out) MUST_CHECK;

#endif
