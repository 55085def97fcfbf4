/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TRAIL_H
#define TESTS_TRAIL_H

#include "bytes.h"

/*
 * A writer of the token's files who is no module of ours: records of the audit trail by LMDB itself, and files as
 * bytes. path: the token's directory. The module must not have the token open. Everything fails the test when it fails.
 */
void trail_get(const char *path, uint64_t sequence, struct buf *ret);
void trail_put(const char *path, uint64_t sequence, struct view record);
void trail_del(const char *path, uint64_t sequence);
uint64_t trail_last(const char *path);
/* meta_del: a record of the database meta. */
void meta_del(const char *path, const char *name);
/* object_del: the record of an object (16 bytes of id), and nothing else of it. */
void object_del(const char *path, const void *id);

/* file_get: appends the bytes of path/name. file_put: the file is these bytes now, mode 0600. */
void file_get(const char *path, const char *name, struct buf *ret);
void file_put(const char *path, const char *name, struct view bytes);

#endif
