/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_NOTIFY_H
#define KMS_NOTIFY_H

#include "kms.h"

/*
 * notify_file: the notification row of a key file or delivery (R2.8), part of the open transaction: title and addresses
 * of the configuration, counts, and every failure with its error text.
 * notify_audit: the audit entry of the same event.
 */
enum err notify_file(struct kms *k, int64_t file, struct fail *f) MUST_CHECK;
enum err notify_audit(struct kms *k, int64_t file, struct fail *f) MUST_CHECK;

#endif
