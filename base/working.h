/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_WORKING_H
#define BASE_WORKING_H

#include "formats.h"

/*
 * The codec of working keys (docs/formats.md, Working keys): what the KMS sends at a sign-in, and what it keeps. No
 * cryptography, no secrets; parse and put as in formats.h.
 */
enum wk_kind { WK_PINKEY, WK_MACKEY, WK_KINDS };
#define WK_ROLE(kind) ((kind) == WK_PINKEY ? FORMAT_ROLE_PINKEY : FORMAT_ROLE_MACKEY)

/*
 * How a working key is wrapped; a terminal says the sum of those that it takes.
 * WK_FORM_BLOCK  X9.143 key block, whose header says what the key is
 * WK_FORM_WRAP   under AES the MACKEY by RFC 3394 and the PINKEY by RFC 5649, so that neither unwraps as the other;
 *                under TDES both by DES3-CBC
 */
enum wk_form { WK_FORM_BLOCK = 1, WK_FORM_WRAP = 2 };

#define WK_WRAPPED_MAX FORMAT_BLOCK_MAX
#define WK_MESSAGE_MAX 640
#define WK_BLOB_MAX 256

struct wk_key {
	struct key_attrs attrs;
	struct check_value check;
	struct view wrapped;
};

struct wk_message {
	uint8_t version;
	uint8_t handshake;
	uint8_t form;        /* enum wk_form */
	uint64_t generation; /* from 1 */
	struct wk_key key[WK_KINDS];
	struct view mac; /* CMAC under the MACKEY, a whole block */
};
bool wk_message_parse(struct view v, struct wk_message *ret) MUST_CHECK;
void wk_message_put(struct buf *b, const struct wk_message *m);

/* What a CMAC under the MACKEY says: the KMS's message, or the terminal's confirmation of it. */
enum wk_direction { WK_GIVES = 1, WK_CONFIRMS = 2 };
struct wk_cover {
	uint8_t direction; /* enum wk_direction */
	struct view serial;
	struct view terminal_random;
	struct view host_random;
};
/* wk_message_mac_input: appends the bytes that the MAC covers; m->mac is not looked at. */
void wk_message_mac_input(struct buf *b, const struct wk_cover *cover, const struct wk_message *m);

/* A working key as the KMS keeps it: under the storage key, IV empty. */
struct wk_blob {
	uint8_t form;
	struct wk_key key;
};
bool wk_blob_parse(struct view v, struct wk_blob *ret) MUST_CHECK;
void wk_blob_put(struct buf *b, const struct wk_blob *blob);

#endif
