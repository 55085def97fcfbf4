/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_RAW_STORE_H
#define TESTS_RAW_STORE_H

#include "bytes.h"

/*
 * A token's file in somebody else's hands: one database of it, read and written without any of our code. The module and
 * the store must have closed the file: LMDB allows one environment of a file in a process. Fails the test when LMDB
 * does not do what is asked.
 *
 * raw_begin  dir: of the token, or the one with a single token's directory in it. raw_end commits and closes.
 * raw_each   ends at the first false
 */
struct raw_store;
struct raw_store *raw_begin(const char *dir, const char *database);
void raw_end(struct raw_store *r);
struct view raw_get(struct raw_store *r, struct view key);
void raw_put(struct raw_store *r, struct view key, struct view value);
void raw_del(struct raw_store *r, struct view key);
void raw_each(struct raw_store *r, bool (*each)(void *ctx, struct view key, struct view value), void *ctx);

#endif
