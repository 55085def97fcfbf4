/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_DBADMIN_H
#define KMS_DBADMIN_H

#include "conf.h"
#include "kms.h"

/*
 * `kmsd db check | backup | restore` (docs/databases.md). argv[0] is "db". *ret_status: the exit status when the
 * command did its work: 0, or 3: it found something wrong, and said what.
 *
 * A backup names, by check values, the keys of the token of that moment (PK, MAK, SRK, all generations). check and
 * restore compare: a token that lacks one of them cannot open all of the backup.
 */
enum err dbadmin_run(const struct conf *c, int argc, char **argv, int *ret_status, struct fail *f) MUST_CHECK;
void dbadmin_usage(struct buf *b);

#endif
