/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_MESSAGES_H
#define KMS_MESSAGES_H

#include "kms.h"
#include "msg.h"

/* The HTTP messages that the KMS takes (docs/messages.md): rows for host/msg.h; service is a struct kms. */
extern const struct msg_row kms_messages[];
extern const size_t kms_messages_count;

#endif
