/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TMK_H
#define KMS_TMK_H

#include "kms.h"

/* What a TMK must fit under. */
struct tmk_tek {
	uint8_t type; /* enum format_key_type */
	uint8_t length;
};

/* A TMK as the HSM made it, not in the database yet. tmk_made_done takes a zero struct. */
struct tmk_made {
	int64_t generation; /* from 1; 0: none was made */
	uint8_t type;
	uint8_t length;
	struct check_value check;
	struct buf ciphertext; /* under the SRK */
	bool fingerprinted;
	uint8_t fingerprint[OPS_FINGERPRINT_LEN];
};
void tmk_made_done(struct tmk_made *m);

/*
 * The TMK that a terminal is to get, as ciphertext under the SRK (R1.12): the newest generation; a new one is made in
 * the HSM at the first request, and when renewal is due by command or by policy. A new generation counts when the
 * terminal has confirmed it: until then it is the same one again at every request, and the older ones stay.
 *
 * tmk_prepare: before the transaction, so that nobody waits for the HSM in one: makes the next generation if it is due.
 * tmk_current: part of the open transaction, whose commit comes before it is given out: no TMK leaves that the database
 * does not hold. Of two nodes that make the same generation one does, and both give out that one.
 *
 * tk               the open TK: its serial number, and its TEK, which must be able to carry the TMK
 * made             of tmk_prepare
 * ret_ciphertext   empty before; ret_generation: from 1
 * REASON_TMK_TYPE, REASON_HSM, REASON_BUSY, REASON_DB, REASON_DB_BUSY
 */
enum reason tmk_prepare(struct kms *k, const struct ops_tk *tk, struct tmk_made *ret, struct fail *f);
enum reason tmk_current(struct kms *k, const struct ops_tk *tk, const struct tmk_made *made, struct buf *ret_ciphertext,
			int64_t *ret_generation, struct fail *f);
/*
 * tmk_make: a generation of the configured type, in the HSM alone. tmk_put: into the database, part of the open
 * transaction, unless this generation of this serial number is there: *ret_put false.
 */
enum reason tmk_make(struct kms *k, const struct tmk_tek *tek, int64_t generation, struct tmk_made *ret,
		     struct fail *f);
enum reason tmk_put(struct kms *k, struct view serial, const struct tmk_made *made, bool *ret_put, struct fail *f);
/* tmk_confirmed: the terminal confirmed this generation, its working keys are over; part of the open transaction. */
enum err tmk_confirmed(struct kms *k, struct view serial, int64_t generation, struct fail *f) MUST_CHECK;

/* tmk_type_parse: "as-tek", or "tdes:16", "tdes:24", "aes:16", "aes:24", "aes:32". */
bool tmk_type_parse(const char *text, uint8_t *ret_type, uint8_t *ret_length) MUST_CHECK;

#endif
