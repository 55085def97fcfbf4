/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_ALARM_H
#define KMS_ALARM_H

#include "kms.h"

/*
 * The alarm over all terminals and nodes (R1.13): more failed proofs within alarm_window_s than alarm_failures. It is
 * opened once, with an audit entry, a notification and a line in the log, and stays until an operator closes it; what
 * failed before does not open it again.
 *
 * alarm_check: part of the open transaction, after a failure was written. *ret_opened: the caller logs ret_text (at
 * error level) once this is committed.
 */
enum err alarm_check(struct kms *k, bool *ret_opened, char *ret_text, size_t room, struct fail *f) MUST_CHECK;
/* alarm_close: ERR_NOT_FOUND: no open alarm of this number. */
enum err alarm_close(struct db *d, const char *id, struct fail *f) MUST_CHECK;

#endif
