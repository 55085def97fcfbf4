/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_SEQUENCE_H
#define KMS_SEQUENCE_H

#include "import.h"

/*
 * Sequence numbers of deliveries, from 1 without gaps per DC (R2.2, R2.9). A number that is missing, or comes a second
 * time, is no reason to refuse good keys: it is told by a notification and an audit entry, and stands in the reports.
 *
 * sequence_note: the number of this delivery, part of the open transaction; nothing to do without a number.
 */
enum err sequence_note(struct kms *k, int64_t file, const struct import_in *in, struct fail *f) MUST_CHECK;

#endif
