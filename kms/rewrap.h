/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_REWRAP_H
#define KMS_REWRAP_H

#include "kms.h"

/*
 * srk_rewrap: every TMK and every working key of the database that is under an older storage key goes under the newest,
 * inside of the HSM, beside a running kmsd: a few at a time, each batch in one transaction with its audit entry, and
 * only where the row is still what was read. Killed at any moment it loses nothing; run again it goes on with what is
 * left. Then a whole pass has to find nothing to do; it begins after every kmsd has taken notice of the newest key, and
 * prints a line per key that cannot be re-wrapped, and why. The last lines on stdout: what was done, and under which
 * key (its check value) all of them are.
 *
 * ERR_BAD_DATA: some keys cannot be re-wrapped, all others are. ERR_BUSY: rows changed whenever they were looked at.
 * ERR_TOKEN and the like: the HSM does not work; what was done stays done.
 */
enum err srk_rewrap(struct kms *k, struct fail *f) MUST_CHECK;

#endif
