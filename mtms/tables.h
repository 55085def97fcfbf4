/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_TABLES_H
#define MTMS_TABLES_H

#include "bytes.h"

/* The MTMS database: steps of the schema, oldest first (host/db.h). Only append. */
extern const char *const mtms_tables[];
extern const size_t mtms_tables_count;

#endif
