/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_ADMIN_H
#define KMS_ADMIN_H

#include "conf.h"
#include "err.h"

/*
 * Subcommands of kmsd: the questions of report.h (`kmsd --config F status [--json]`), and
 *   srk-init LABEL ID   makes the storage key in HSM 2, ID in hex
 *   srk-rewrap          puts every TMK under the newest storage key (rewrap.h)
 *   sender, recipient, template, mail, notification: mail_admin.h
 *   tmk-make, tmk-renew TMKs in advance; the next download gets a new one (tmk_admin.h)
 *   alarm close ID, lockout lift SERIAL ADDRESS, node remove NAME  (alarm.h, limit.h, node.h)
 */
enum err admin_run(const struct conf *c, int argc, char **argv, struct fail *f) MUST_CHECK;
/* admin_help: a line per subcommand, appended, with final zero. */
void admin_help(struct buf *b);

#endif
