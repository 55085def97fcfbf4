/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_PROGRAM_H
#define OFFICER_PROGRAM_H

#include "err.h"

/*
 * program_run: this process becomes the program `name`, found in the folder of this one's executable or in a libexec
 * folder beside it, with these words as its arguments; words[-1] is overwritten. Comes back on failure alone:
 * ERR_NOT_FOUND, ERR_IO.
 */
enum err program_run(const char *name, char **words, struct fail *f) MUST_CHECK;

#endif
