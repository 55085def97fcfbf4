/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_MAIL_ADMIN_H
#define KMS_MAIL_ADMIN_H

#include "command.h"

/*
 * Commands about mail (R2.8): senders, recipients, templates, a test mail, notifications. service is the configuration
 * (struct conf). Each change is one transaction with its audit entry; texts are checked before anything is written.
 */
extern const struct command_row mail_commands[];
extern const size_t mail_commands_count;

/*
 * Those of mail_accounts.c: a command_run_fn each. *_add, *_set: NAME and its fields as options; *_remove: NAME;
 * sender_password: NAME [--file FILE], sealed in HSM 2. ERR_USAGE, ERR_DUPLICATE (there already), ERR_NOT_FOUND,
 * ERR_REFUSED (a sender that recipients have).
 */
enum err sender_add(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err sender_set(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err sender_remove(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err sender_password(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err recipient_add(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err recipient_set(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err recipient_remove(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
