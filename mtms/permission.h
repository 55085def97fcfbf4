/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_PERMISSION_H
#define MTMS_PERMISSION_H

#include "cms.h"
#include "mtms.h"

/*
 * Who may collect TKs is a granted permission (R2.3): an operation terminal (common name of its certificate, or "*")
 * and an operator (common name, or "serial:HEX" of one certificate, or "*"), for "order:ORDER" or "customer:ID".
 * Without a grant nobody may. Subcommands; service: struct mtms with conf and db.
 */
enum err permission_grant(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err permission_revoke(void *service, char **arguments, struct fail *f) MUST_CHECK;

/* permission_check: ERR_REFUSED, with who may not collect what, unless a grant is valid now. */
enum err permission_check(struct db *db, const char *opterm, const struct cms_signer *who, const char *order,
			  const char *customer, struct fail *f) MUST_CHECK;

#endif
