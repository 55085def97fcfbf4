/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TK_BLOCK_H
#define HSM_TK_BLOCK_H

#include "formats.h"
#include "object.h"
#include "secret.h"

/*
 * TEK and AUK in a record of suite 3: an X9.143 key block of version D each (docs/formats.md, Key blocks of a record).
 * The header is a function of the record: usage and mode of use by role and handshake version, algorithm by type, not
 * exportable; its optional block LB is the POS serial number.
 *
 * tk_block_seal  appends the block of a key; r needs its handshake version and serial number.
 * tk_block_open  *ret gets the key. CKR_WRAPPED_KEY_INVALID: the MAC of the block, any byte of its header or label
 *                against the record, length or form of the key.
 */
CK_RV tk_block_seal(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view key,
		    struct buf *out) MUST_CHECK;
CK_RV tk_block_open(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view text,
		    struct secret *ret) MUST_CHECK;

#endif
