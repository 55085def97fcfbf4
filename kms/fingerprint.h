/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_FINGERPRINT_H
#define KMS_FINGERPRINT_H

#include "kms.h"

/*
 * Keyed fingerprints (R2.5): which keys are there twice, whatever they are: TEK and AUK by TK counter, TMK by
 * generation. Made by FPK in the HSM; without FPK in the configuration nothing is made. Only fingerprints of one FPK
 * can be compared; the table says by its check value which one made them.
 */

/* fingerprint_tk: part of the open transaction. */
enum err fingerprint_tk(struct kms *k, struct view serial, int64_t counter, const uint8_t tek[OPS_FINGERPRINT_LEN],
			const uint8_t auk[OPS_FINGERPRINT_LEN], struct fail *f) MUST_CHECK;
/*
 * fingerprint_of_tmk: of a TMK that was just made, asked of the HSM; false: without FPK, or when the HSM does not say
 * it: fingerprint_all makes it later. fingerprint_tmk: for the caller's commit; a TMK that is there already is told by
 * a notification and an audit entry.
 */
bool fingerprint_of_tmk(struct kms *k, struct view blob, uint8_t ret[OPS_FINGERPRINT_LEN]) MUST_CHECK;
enum err fingerprint_tmk(struct kms *k, struct view serial, int64_t generation,
			 const uint8_t value[OPS_FINGERPRINT_LEN], struct fail *f) MUST_CHECK;

/*
 * fingerprint_report: a notification and an audit entry, when keys that came with this file stand somewhere else too;
 * part of the open transaction.
 */
enum err fingerprint_report(struct kms *k, int64_t file, struct fail *f) MUST_CHECK;

/*
 * fingerprint_all: makes what is missing or was made by another FPK, of all current and former records and all TMKs,
 * beside a running kmsd; a line with the counts on stdout. ERR_BAD_DATA: some keys could not be opened (a line each).
 */
enum err fingerprint_all(struct kms *k, struct fail *f) MUST_CHECK;

#endif
