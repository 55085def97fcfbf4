/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_FOLDER_H
#define KMS_FOLDER_H

#include <time.h>

#include "err.h"

/*
 * Files of a folder of key files, by name and suffix. Regular files only, no symbolic links.
 *
 * folder_open       at AT_FDCWD or a folder; make: with mode 0700. ERR_CONFIG, ERR_IO
 * folder_open_file  for reading. ERR_NOT_FOUND; ERR_BAD_DATA: not a regular file, not readable; ERR_IO
 * folder_read       all of it, appended; ret_since: when it came or was changed last (ctime). ERR_TOO_LARGE; the others
 * as above folder_has        is there such a name? folder_move       to another folder, with number behind the name (0:
 * none), durable
 */
enum err folder_open(int at, const char *name, bool make, int *ret, struct fail *f) MUST_CHECK;
enum err folder_open_file(int folder, const char *name, const char *suffix, int *ret, struct fail *f) MUST_CHECK;
enum err folder_read(int folder, const char *name, const char *suffix, size_t max, struct buf *ret, time_t *ret_since,
		     struct fail *f) MUST_CHECK;
bool folder_has(int folder, const char *name, const char *suffix) MUST_CHECK;
enum err folder_move(int folder, const char *name, const char *suffix, int to, int64_t number,
		     struct fail *f) MUST_CHECK;

#endif
