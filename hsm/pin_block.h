/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_PIN_BLOCK_H
#define HSM_PIN_BLOCK_H

#include "bytes.h"

/*
 * PIN blocks of ISO 9564-1:2017 in the clear, formats 0, 1, 3 and 4: which may become which, reading, writing. A leaf:
 * no keys. The caller keeps every struct pin and every block in a struct secret.
 *
 * Format 4 is two fields, which meet between two encryptions: its block here is the plain text PIN field (16 bytes);
 * pin_block_pan_field makes the other one.
 */
#define PIN_MIN 4
#define PIN_MAX 12
#define PIN_PAN_MIN 12
#define PIN_PAN_MAX 19
#define PIN_BLOCK_MAX 16

/* struct pin: digits as numbers; under formats 0 and 3 those from the third on as the PAN unmasked them, unchecked. */
struct pin {
	uint8_t len;
	uint8_t digits[PIN_MAX];
};

/* pin_block_len: bytes, 0: no such format here. pin_block_binds_pan: the PAN is part of the block. */
size_t pin_block_len(unsigned long format);
bool pin_block_binds_pan(unsigned long format);
/* pin_block_pair: PCI PIN 3.1, requirement 3-3: may the format become the other? */
bool pin_block_pair(unsigned long from, unsigned long to) MUST_CHECK;
/* pin_block_pan_ok: PIN_PAN_MIN to PIN_PAN_MAX ASCII digits. */
bool pin_block_pan_ok(struct view pan) MUST_CHECK;
/*
 * pin_block_read: the PIN of a clear block; false: no well-formed block of this format and PAN. Does not say where it
 * found the fault, and takes as long for one as for another.
 * pin_block_write: random: PIN_BLOCK_MAX bytes below PIN_RANDOM_BELOW (a multiple of 6, so that the fill digits of
 * format 3 come up alike), for fill and transaction fields.
 */
#define PIN_RANDOM_BELOW 252
bool pin_block_read(unsigned long format, const uint8_t *block, struct view pan, struct pin *ret) MUST_CHECK;
void pin_block_write(unsigned long format, const struct pin *pin, struct view pan, const uint8_t random[PIN_BLOCK_MAX],
		     uint8_t *ret_block);
/* pin_block_pan_field: format 4's plain text primary account number field. */
void pin_block_pan_field(struct view pan, uint8_t ret[PIN_BLOCK_MAX]);

#endif
