/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_MAILER_H
#define KMS_MAILER_H

#include "kms.h"
#include "smtp.h"

/*
 * The mailer (R2.8): a thread with a database handle of its own that sends waiting notifications, one after the other.
 * A row is claimed by a conditional update with owner and expiry, so that of several kmsd on one database one sends it;
 * it is marked sent only when the server has taken the mail. Who dies in between leaves the claim to expire: the mail
 * goes out again, under the same Message-ID (at least once).
 *
 * A failure that may be mended (no connection, TLS, login, 4xx) holds back all mail of this recipient for a time that
 * doubles from retry_first_ms to retry_max_ms, and after give_up_ms the notification is given up; a 5xx to sender,
 * recipient or mail ends it at once. Both are audited, and `kmsd notification retry` starts again.
 *
 * A node whose token has not the sender's password, or does not work, tries nothing and holds nothing back: nodes that
 * have it send.
 */
struct mailer;

struct mailer_options {
	unsigned poll_ms;
	unsigned timeout_ms; /* of one delivery; a claim lives twice as long */
	int64_t retry_first_ms;
	int64_t retry_max_ms;
	int64_t give_up_ms;
};

/* mailer_new: starts the thread. db: for it alone, becomes its own, also on errors. k must outlive it. */
enum err mailer_new(struct kms *k, struct db *db, const struct mailer_options *o, struct mailer **ret,
		    struct fail *f) MUST_CHECK;
/* mailer_free: waits for the delivery in hand only when the whole mail is on its way; else it goes back. */
void mailer_free(struct mailer *m);

/* mailer_password: name of the token's object with the password of a sender (sealed.h); ret: with final zero. */
void mailer_password(const char *sender, struct buf *ret);
/* mailer_test: the test mail to a recipient, at once, by this process; whatever else it waits for. ret: the answer. */
enum err mailer_test(struct kms *k, const char *recipient, unsigned timeout_ms, struct smtp_answer *ret,
		     struct fail *f) MUST_CHECK;

#endif
