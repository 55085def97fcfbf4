/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_WORKING_KEY_H
#define KMS_WORKING_KEY_H

#include "kms.h"

/*
 * Working keys in the tables (R1.12). Of a terminal's generations at most one is current: the newest that the terminal
 * confirmed. A later one that is given out takes its place when it is confirmed, not before; one that was given out and
 * never confirmed never counts, and is retired by the next. All die with the TMK that they went out under.
 */

/* "PINKEY", "MACKEY": as in the table. */
const char *working_kind(enum wk_kind kind);

/* The TMK that a terminal is known to hold: the newest that it confirmed. */
struct working_tmk {
	int64_t generation;
	struct buf ciphertext; /* under the SRK */
	struct check_value check;
};
void working_tmk_done(struct working_tmk *t);

/*
 * working_prepare: before the transaction: that TMK, and the number of the next generation of working keys.
 * REASON_NO_TMK: none was confirmed; REASON_DB, REASON_DB_BUSY. ret: zero before.
 */
enum reason working_prepare(struct kms *k, struct view serial, struct working_tmk *ret, int64_t *ret_next,
			    struct fail *f);

/*
 * Part of the open transaction.
 * working_put      the generation as the HSM made it, and what was never confirmed is retired. *ret_put false: nothing
 *                  was changed: another node made this generation, or the terminal has confirmed another TMK since
 *                  tmk was read.
 * working_confirm  the terminal holds this generation: it is the current one, all before are retired. *ret_done false:
 *                  a later one took its place, or another TMK did.
 * working_retire   all of this serial number: it has a TMK that knows none of them.
 */
struct working_new {
	struct view serial;
	int64_t generation;
	const struct working_tmk *tmk;
	const struct ops_wk_made *made;
	const char *storage_key; /* check value of the SRK */
};
enum err working_put(struct kms *k, const struct working_new *in, bool *ret_put, struct fail *f) MUST_CHECK;
enum err working_confirm(struct kms *k, struct view serial, int64_t generation, bool *ret_done,
			 struct fail *f) MUST_CHECK;
enum err working_retire(struct kms *k, struct view serial, struct fail *f) MUST_CHECK;

#endif
