/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_SCAN_H
#define TERMINAL_SCAN_H

#include <stdio.h>

#include "lot.h"

/*
 * scan_start: serial numbers from a barcode reader, a line each, from a file or ("-") the standard input, in a thread
 * of its own that ends with the input or with the process (R1.5). What is unknown, scanned twice or with the MTMS
 * already is shown at once. ERR_IO: the file cannot be opened.
 */
enum err scan_start(struct lot *lot, const char *path, struct fail *f) MUST_CHECK;
/*
 * scan_lines: what the thread does, to the end of the file. A line is a serial number as a whole or not at all: one of
 * more than SCAN_LINE_MAX bytes is unknown, whatever stands in it.
 */
#define SCAN_LINE_MAX 128
void scan_lines(struct lot *lot, FILE *file);

#endif
