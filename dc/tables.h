/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DC_TABLES_H
#define DC_TABLES_H

#include "bytes.h"

/* The DC database: steps of the schema, oldest first (host/db.h). Only append. */
extern const char *const dc_tables[];
extern const size_t dc_tables_count;

#endif
