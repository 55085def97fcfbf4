/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_INVENTORY_H
#define HOST_INVENTORY_H

#include "err.h"
#include "formats.h"

/*
 * Inventory file of a production order (docs/formats.md, Inventory): a serial number per line, or with its PIN pad's
 * behind a comma; a first line "serial,pin_pad"; empty lines and lines that begin with '#' are skipped. Any size: read
 * line by line.
 */
struct inventory_line {
	unsigned long number; /* from 1 */
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	char pin_pad[FORMAT_PIN_PAD_MAX + 1]; /* "": not told */
};
/* inventory_take: one line. ERR_BAD_DATA: the line is wrong, why in f; any other error ends the reading. */
typedef enum err (*inventory_take)(void *arg, const struct inventory_line *line, struct fail *f);

/*
 * inventory_read: every wrong line is named on stderr ("FILE:12: why"), those that take refuses as well.
 * Errors: ERR_IO (the file), ERR_BAD_DATA (so many lines are wrong, or there is none), what take answers. ret_count:
 * lines taken.
 */
enum err inventory_read(const char *path, inventory_take take, void *arg, size_t *ret_count, struct fail *f) MUST_CHECK;

#endif
