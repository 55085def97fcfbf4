/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_REPORT_H
#define KMS_REPORT_H

#include "db.h"

/*
 * What operators ask of the database: one row per question (name, help, SQL, columns), printed as a table or as JSON
 * lines. Read only; works beside the running daemon.
 */
bool report_known(const char *name) MUST_CHECK;
/* report_print: to stdout. json: one object, {"name": [rows]}; "status" is one object of counts. */
enum err report_print(struct db *d, const char *name, bool json, struct fail *f) MUST_CHECK;
/* report_help: appends a line per question. */
void report_help(struct buf *b);

#endif
