/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_FILES_H
#define TERMINAL_FILES_H

#include "bytes.h"
#include "err.h"

/* Small files of public bytes. Errors: ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO, with the path in the text. */

/* file_read: appends the whole file, at most max bytes. */
enum err file_read(const char *path, size_t max, struct buf *ret, struct fail *f) MUST_CHECK;
/* file_write: whole or not at all: written as <path>.new with this mode, synced, renamed, folder synced. */
enum err file_write(const char *path, unsigned mode, struct view content, struct fail *f) MUST_CHECK;
/* file_folder: mkdir with mode 0700; an existing folder is fine. */
enum err file_folder(const char *path, struct fail *f) MUST_CHECK;
/* file_sync_folder: makes renames in a folder durable. */
enum err file_sync_folder(const char *path, struct fail *f) MUST_CHECK;
/* file_path: "<dir>/<name>" into ret of room bytes; ERR_CONFIG when too long. */
enum err file_path(const char *dir, const char *name, char *ret, size_t room, struct fail *f) MUST_CHECK;

#endif
