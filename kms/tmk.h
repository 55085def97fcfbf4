/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TMK_H
#define KMS_TMK_H

#include "kms.h"

/* What a TMK must fit under. */
struct tmk_tek {
	uint8_t type; /* enum format_key_type */
	uint8_t length;
};

/*
 * tmk_current: the TMK that a terminal is to get, as ciphertext under the SRK (R1.12): the newest generation; a new one
 * is made in the HSM at the first request, and when renewal is due by command or by policy. A new generation counts
 * when the terminal has confirmed it: until then it is the same one again at every request, and the older ones stay.
 * Part of the open transaction, whose commit comes before it is given out: no TMK leaves that the database does not
 * hold. Of two nodes that make the same generation one does, and both give out that one.
 *
 * tk               the open TK: its serial number, and its TEK, which must be able to carry the TMK
 * ret_ciphertext   empty before; ret_generation: from 1
 * REASON_TMK_TYPE, REASON_HSM, REASON_BUSY, REASON_DB, REASON_DB_BUSY
 */
enum reason tmk_current(struct kms *k, const struct ops_tk *tk, struct buf *ret_ciphertext, int64_t *ret_generation,
			struct fail *f);
/* tmk_generate: this generation of this serial number, of the configured type, unless it is there: *ret_made false. */
enum reason tmk_generate(struct kms *k, struct view serial, const struct tmk_tek *tek, int64_t generation,
			 struct buf *ret_ciphertext, bool *ret_made, struct fail *f);
/* tmk_confirmed: the terminal confirmed this generation; part of the open transaction. */
enum err tmk_confirmed(struct kms *k, struct view serial, int64_t generation, struct fail *f) MUST_CHECK;

/* tmk_type_parse: "as-tek", or "tdes:16", "tdes:24", "aes:16", "aes:24", "aes:32". */
bool tmk_type_parse(const char *text, uint8_t *ret_type, uint8_t *ret_length) MUST_CHECK;

#endif
