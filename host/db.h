/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_H
#define HOST_DB_H

#include "err.h"

/*
 * SQLite for a service: WAL, synchronous=FULL (a commit that returned survives a power cut), foreign keys on, busy
 * timeout 10 s, file mode 0600. One struct db per thread. Statements are cached by their text.
 */
struct db;
struct db_stmt;

/* db_open: creates the file; runs steps[user_version..count) each in a transaction of its own; a newer file:
 * ERR_CONFIG. */
enum err db_open(const char *path, const char *const *steps, size_t count, struct db **ret, struct fail *f) MUST_CHECK;
/* db_open_read: read-only, for status commands; the schema must be there. */
enum err db_open_read(const char *path, struct db **ret, struct fail *f) MUST_CHECK;
void db_free(struct db *d);

/*
 * Parameters by a type letter each, in order: t const char * (NULL: null), v struct view as text, b struct view as
 * blob, i int64_t (cast the argument), n null (no argument).
 *
 * db_run: one statement without rows. ERR_DUPLICATE: a UNIQUE or PRIMARY KEY is hit; ERR_IO otherwise.
 * db_query: then db_next until *ret_row is false, then db_end (also early). Bound bytes must live until db_end.
 */
enum err db_run(struct db *d, struct fail *f, const char *sql, const char *types, ...) MUST_CHECK;
enum err db_query(struct db *d, struct db_stmt **ret, struct fail *f, const char *sql, const char *types,
		  ...) MUST_CHECK;
enum err db_next(struct db_stmt *s, bool *ret_row, struct fail *f) MUST_CHECK;
void db_end(struct db_stmt *s);
#define DB_STMT_AUTO __attribute__((cleanup(db_end_cleanup))) struct db_stmt
void db_end_cleanup(struct db_stmt **s);

/* Columns from 0; valid until the next db_next or db_end. db_text answers "" for null. */
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);
struct view db_blob(struct db_stmt *s, int column);
bool db_null(struct db_stmt *s, int column);

/* db_one: one number from a query of one row and column; ERR_NOT_FOUND without a row. */
enum err db_one(struct db *d, int64_t *ret, struct fail *f, const char *sql, const char *types, ...) MUST_CHECK;
int64_t db_changes(const struct db *d);
int64_t db_last_id(const struct db *d);

/* db_begin (IMMEDIATE) ... db_commit; db_rollback when none is open does nothing. Not nested. */
enum err db_begin(struct db *d, struct fail *f) MUST_CHECK;
enum err db_commit(struct db *d, struct fail *f) MUST_CHECK;
void db_rollback(struct db *d);

#endif
