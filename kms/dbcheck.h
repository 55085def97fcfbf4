/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_DBCHECK_H
#define KMS_DBCHECK_H

#include <jansson.h>

#include "kms.h"

/* What is wrong in a database, at most FINDINGS_EACH of a kind in detail. */
#define FINDINGS_EACH 20

struct findings {
	json_t *list;   /* of objects: check, object, text */
	int64_t count;  /* of all, also of those that are not in the list */
	int64_t checks; /* that were made */
	int64_t rows;   /* that the token was asked about */
};

/* finding_add: text by format; object may be "". */
void finding_add(struct findings *n, const char *check, const char *object, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * dbcheck_tables: every rule that the tables keep among each other (rows of a table in dbcheck.c, each with the
 * requirement that it guards), in the open snapshot of d. No token is asked.
 * dbcheck_token: do database and token belong together? For the newest rows (all: for every row) the HSM verifies the
 * formal record and gives the check values of its TK, and opens the TMK and the working keys: all must be what the row
 * says (R1.12, R2.5, R2.7).
 * k: database in a snapshot, token and keys open.
 * Errors: of the database and of the HSM; what is wrong with a row is a finding and no error.
 */
enum err dbcheck_tables(struct db *d, struct findings *n, struct fail *f) MUST_CHECK;
enum err dbcheck_token(struct kms *k, bool all, struct findings *n, struct fail *f) MUST_CHECK;

#endif
