/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TMK_ADMIN_H
#define KMS_TMK_ADMIN_H

#include "conf.h"
#include "err.h"

/*
 * TMKs by command, beside running daemons, in batches of which each is durable (R1.12): interrupted, they are run
 * again. Progress goes to stderr, the sum to stdout. config is a struct conf, arguments end with NULL.
 *
 * tmk_make_run: `tmk-make SERIAL... | --all | --count N`: TMKs in advance for serial numbers of the formal table that
 *   have none. ERR_BAD_DATA: some could not be made; each is told in a line.
 * tmk_renew_run: `tmk-renew SERIAL... | --all | --made-before DATE | --tk-before DATE | --srk-before DATE`: the next
 *   download of these terminals makes a new one. DATE is YYYY-MM-DD, UTC: of the TMK, of the collection of the TK, of
 *   the day on which the TMK came under its storage key. ERR_NOT_FOUND: a serial number has no TMK; then none is
 * renewed.
 */
enum err tmk_make_run(void *config, char **arguments, struct fail *f) MUST_CHECK;
enum err tmk_renew_run(void *config, char **arguments, struct fail *f) MUST_CHECK;

#endif
