/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_REPORT_H
#define MTMS_REPORT_H

#include "table.h"

/* The questions that mtmsd answers from its database, beside the running daemon too (docs/mtmsd.md is made of them). */
extern const struct table_row mtms_reports[];
extern const size_t mtms_reports_count;

#endif
