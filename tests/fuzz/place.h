/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_PLACE_H
#define TESTS_FUZZ_PLACE_H

#include "bytes.h"

/*
 * Where a target keeps the files that the parsers under test read: a private folder, removed at the end.
 *
 * place_make: once, from LLVMFuzzerInitialize. place_file: these bytes as the file of this name in it; its path, which
 * lives until the next call. place_path: the path alone. place_read: appends a whole file. place_hush: what commands
 * print goes nowhere until place_speak (the sanitizers' reports stay). place_fail: ends the run with these words.
 */
void place_make(void);
const char *place_dir(void);
const char *place_path(const char *name);
const char *place_file(const char *name, struct view v);
bool place_read(const char *path, struct buf *ret);
void place_hush(void);
void place_speak(void);
void place_fail(const char *what) __attribute__((noreturn));

/* part: the next piece of an input: a byte says how long it is. */
struct view place_part(struct view *left);
/* place_text: the same as a C text, to be freed; what stands behind a zero byte is not seen. */
char *place_text(struct view *left);

#endif
