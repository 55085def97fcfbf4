/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TOKEN_KEYS_H
#define KMS_TOKEN_KEYS_H

#include "kms.h"

/* token_keys_note: table token_key: when this database first saw each key of the HSM, by check value (report `ages`).
 */
enum err token_keys_note(struct kms *k, struct fail *f) MUST_CHECK;

#endif
