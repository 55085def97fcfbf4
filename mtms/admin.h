/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_ADMIN_H
#define MTMS_ADMIN_H

#include "command.h"
#include "mtms.h"

/* The subcommands of mtmsd; service: struct mtms with conf and db. */
extern const struct command_row admin_rows[];
extern const size_t admin_rows_count;

/* key_init: Pr/Pu in HSM 1, its index number recorded, the request for HsmWCRT written to a file (R1.1). */
enum err key_init(void *service, char **arguments, struct fail *f) MUST_CHECK;
/* key_again: the same, when Pr was lost or leaked; refused without a Pr before. */
enum err key_again(void *service, char **arguments, struct fail *f) MUST_CHECK;
/* cert_import: HsmWCRT of the CA: chain, role, and one of our keys; operation terminals get it from now on (R1.1). */
enum err cert_import(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
