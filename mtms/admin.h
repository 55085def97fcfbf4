/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_ADMIN_H
#define MTMS_ADMIN_H

#include "command.h"
#include "mtms.h"

/* The subcommands of mtmsd besides its reports (report.h); service: struct mtms with conf and db. */
extern const struct command_row admin_rows[];
extern const size_t admin_rows_count;

/* admin_run: one command line: a subcommand, or a report with --json or --csv. ERR_USAGE: neither. */
enum err admin_run(struct mtms *m, int argc, char **argv, struct fail *f) MUST_CHECK;
/* admin_help: a line per subcommand and report, with final zero. */
void admin_help(struct buf *ret);

/*
 * key_init: REQUEST [--lost-or-leaked REASON]: Pr/Pu in HSM 1, its index number recorded, the request for HsmWCRT
 * written to a file; a second time only with a reason, which is audited (R1.1).
 */
enum err key_init(void *service, char **arguments, struct fail *f) MUST_CHECK;
/* cert_import: HsmWCRT of the CA: chain, role, and one of our keys; operation terminals get it from now on (R1.1). */
enum err cert_import(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
