/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_TABLES_H
#define CA_TABLES_H

#include "bytes.h"

/* The CA's index: steps of the schema, oldest first (host/db.h). Only append. */
extern const char *const ca_tables[];
extern const size_t ca_tables_count;

#endif
