/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include "err.h"
#include "secret.h"

/* Small files, read and written whole. Every error text names the file. */

/*
 * file_read: appends all of a file. file_read_fd: the same of what is open, called name in texts; closes nothing.
 * Errors: ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE (more than max bytes); what was appended is then worth nothing.
 */
enum err file_read(const char *path, size_t max, struct buf *ret, struct fail *f) MUST_CHECK;
enum err file_read_fd(int fd, const char *name, size_t max, struct buf *ret, struct fail *f) MUST_CHECK;

/*
 * Files with secrets. what stands before the path in texts: "PIN file ", or nothing.
 *
 * file_secret_open  a regular file, ours or root's, that nobody else may read (mode 0600 or less); where pipe is true
 *                   also a pipe. ERR_CONFIG.
 * file_secret_read  all that is open, at most max bytes. ERR_IO, ERR_TOO_LARGE.
 * file_secret_line  the first line of such a file, without its end. ERR_CONFIG, also: empty, or more than max bytes.
 */
enum err file_secret_open(const char *what, const char *path, bool pipe, int *ret_fd, struct fail *f) MUST_CHECK;
enum err file_secret_read(int fd, const char *name, size_t max, struct secret *ret, struct fail *f) MUST_CHECK;
enum err file_secret_line(const char *what, const char *path, size_t max, struct secret *ret,
			  struct fail *f) MUST_CHECK;

/*
 * Whole or not at all, and durable: written under another name beside it, synced, then named.
 *
 * file_create   never over a file that is there (ERR_USAGE)
 * file_replace  over what is there
 * file_place    the last step alone, for who writes himself: fd is open on part
 * Errors: ERR_IO; the other name is removed, but file_place leaves it to the caller.
 */
enum err file_create(const char *path, unsigned mode, struct view content, struct fail *f) MUST_CHECK;
enum err file_replace(const char *path, unsigned mode, struct view content, struct fail *f) MUST_CHECK;
enum err file_place(int fd, const char *part, const char *path, bool over, struct fail *f) MUST_CHECK;
/* file_write_fd: all of it, from where fd stands. */
enum err file_write_fd(int fd, const char *name, struct view content, struct fail *f) MUST_CHECK;

/* file_absent: ERR_USAGE when there is something under this name, before work is done for it. */
enum err file_absent(const char *path, struct fail *f) MUST_CHECK;
/* file_folder: mkdir with mode 0700; an existing folder is fine. */
enum err file_folder(const char *path, struct fail *f) MUST_CHECK;
/* file_sync_folder: makes renames in a folder durable. */
enum err file_sync_folder(const char *path, struct fail *f) MUST_CHECK;
/* file_path: "<dir>/<name>" into ret of room bytes; ERR_CONFIG when too long. */
enum err file_path(const char *dir, const char *name, char *ret, size_t room, struct fail *f) MUST_CHECK;

#endif
