/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_ADMIN_H
#define KMS_ADMIN_H

#include "conf.h"
#include "err.h"

/*
 * Subcommands of kmsd: the questions of report.h (`kmsd --config F status [--json]`), and
 *   srk-init LABEL ID   makes the storage key in HSM 2, ID in hex
 *   srk-rewrap          puts every TMK under the newest storage key (rewrap.h)
 *   tmk-renew SERIAL    the next download of this terminal gets a new TMK
 *   sender, recipient, template, mail, notification: mail_admin.h
 */
enum err admin_run(const struct conf *c, int argc, char **argv, struct fail *f) MUST_CHECK;
/* admin_help: a line per subcommand, appended, with final zero. */
void admin_help(struct buf *b);

#endif
