/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TMK_H
#define KMS_TMK_H

#include "kms.h"

/*
 * tmk_current: the TMK of a terminal as ciphertext under the SRK (R1.12), made in the HSM at the first request and when
 * a renewal was asked for; committed before it is given out, so that no TMK leaves that the database does not hold.
 *
 * tk               the open TK: its serial number, and its TEK, which must be able to carry the TMK
 * ret_ciphertext   appended; ret_generation: from 1, higher with each renewal
 * ret_reason       REASON_TMK_TYPE, REASON_HSM, REASON_DB when it fails
 */
enum err tmk_current(struct kms *k, const struct ops_tk *tk, struct buf *ret_ciphertext, int64_t *ret_generation,
		     enum reason *ret_reason, struct fail *f) MUST_CHECK;

/* tmk_renew: the next download of this terminal gets a new TMK. ERR_NOT_FOUND: it has none. */
enum err tmk_renew(struct db *d, const char *serial, struct fail *f) MUST_CHECK;

/* tmk_type_parse: "as-tek", or "tdes:16", "tdes:24", "aes:16", "aes:24", "aes:32". */
bool tmk_type_parse(const char *text, uint8_t *ret_type, uint8_t *ret_length) MUST_CHECK;

#endif
