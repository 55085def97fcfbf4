/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DC_SPOOL_H
#define DC_SPOOL_H

#include "err.h"

/*
 * spool_put: <folder>/<name>.keys with this content, whole or not at all: written as .<name>.part, synced, renamed, the
 * folder synced. A file that stands there already with the same content is that delivery of an earlier run and
 * stays (R2.2); with another one: ERR_IO.
 */
enum err spool_put(const char *folder, const char *name, struct view content, struct fail *f) MUST_CHECK;

#endif
