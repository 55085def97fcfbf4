/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_NOTIFY_H
#define KMS_NOTIFY_H

#include "kms.h"
#include "template.h"

/*
 * Notifications (R2.8): a row for each recipient that asked for events of this kind, with sender, recipient, title and
 * body as they will be sent, and a Message-ID that stays. Nobody asked: one row that says so. The mailer (mailer.h)
 * takes them from there. All are part of the open transaction of k->db.
 *
 * notify_event: event and what its placeholders stand for; kms, time and event are filled in. file: the row in key_file
 *   that it is about, 0: none. Text that others made may stand in values as it came; texts of ours stand there in
 *   Chinese too.
 * notify_file: import-good or import-bad of a key file or delivery: counts, and every failure with its error text.
 * notify_audit: the audit entry of the same.
 */
enum err notify_event(struct kms *k, enum template_event event, int64_t file, const struct template_value *values,
		      size_t count, struct fail *f) MUST_CHECK;
enum err notify_file(struct kms *k, int64_t file, struct fail *f) MUST_CHECK;
enum err notify_audit(struct kms *k, int64_t file, struct fail *f) MUST_CHECK;

/* States of a notification. */
#define NOTIFICATION_WAITING "waiting"
#define NOTIFICATION_SENT "sent"
#define NOTIFICATION_REFUSED "refused"     /* by the mail server, for good */
#define NOTIFICATION_GIVEN_UP "given up"   /* tried for too long */
#define NOTIFICATION_CANCELLED "cancelled" /* by the operator */
#define NOTIFICATION_NOBODY "nobody"       /* no recipient asked for it */

/* notify_time: "2026-01-31 12:00:00 UTC". */
#define NOTIFY_TIME 32
void notify_time(int64_t at, char ret[NOTIFY_TIME]);
/* notify_message_id: random, under the domain of the sender's mailbox. */
enum err notify_message_id(const char *mailbox, struct buf *ret, struct fail *f) MUST_CHECK;

#endif
