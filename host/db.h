/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_H
#define HOST_DB_H

#include "err.h"

/*
 * The database of a service: SQLite, or PostgreSQL when several machines share it. Same SQL, same tables, same errors
 * (docs/databases.md has the rules of portable SQL). One struct db per thread. Statements are cached by their text.
 *
 * SQLite: WAL, synchronous=FULL (a commit that returned survives a power cut), foreign keys on, busy timeout 10 s, file
 * mode 0600. PostgreSQL: verified TLS unless the host is a Unix socket, durable commits demanded of the server, lock
 * and statement time-outs; READ COMMITTED.
 */
struct db;
struct db_stmt;

/*
 * db_open: creates and migrates. where is a file, or postgresql://... (no password in it: passfile=FILE, mode 0600).
 *
 * steps[version..count) run once each, in a transaction of its own, also when several processes start at once. A step
 * is SQL with these words: @ID (number that the database draws, primary key), @INT (64 bit), @TEXT (UTF-8, compared by
 * bytes), @BLOB, @APPEND_ONLY(table) (refuses UPDATE and DELETE). Steps are only ever appended.
 *
 * Errors: ERR_CONFIG (schema of a newer version; a URL or a server that is not safe enough, text says what),
 * ERR_BUSY (server not there), ERR_IO.
 */
enum err db_open(const char *where, const char *const *steps, size_t count, struct db **ret, struct fail *f) MUST_CHECK;
/* db_open_read: read-only, for status commands; the schema must be there. */
enum err db_open_read(const char *where, struct db **ret, struct fail *f) MUST_CHECK;
void db_free(struct db *d);
#define DB_AUTO __attribute__((cleanup(db_free_cleanup))) struct db
void db_free_cleanup(struct db **d);
/* db_version: the number of steps that were run. */
enum err db_version(struct db *d, int64_t *ret, struct fail *f) MUST_CHECK;

/*
 * Placeholders are ?, parameters by a type letter each, in order: t const char * (NULL: null), v struct view as text, b
 * struct view as blob, i int64_t (cast the argument), n null (no argument). Text is UTF-8 without zero bytes.
 *
 * db_run: one statement without rows.
 * db_query: then db_next until *ret_row is false, then db_end (also early). Bound bytes must live until db_end.
 * Errors: ERR_DUPLICATE (UNIQUE or PRIMARY KEY; on PostgreSQL the transaction is lost with it: in a transaction use ON
 * CONFLICT DO NOTHING and db_changes), ERR_BUSY (deadlock, time-out, connection lost: nothing was changed, try again),
 * ERR_MALFORMED (a text that is not UTF-8), ERR_IO.
 */
enum err db_run(struct db *d, struct fail *f, const char *sql, const char *types, ...) MUST_CHECK;
enum err db_query(struct db *d, struct db_stmt **ret, struct fail *f, const char *sql, const char *types,
		  ...) MUST_CHECK;
enum err db_next(struct db_stmt *s, bool *ret_row, struct fail *f) MUST_CHECK;
void db_end(struct db_stmt *s);
#define DB_STMT_AUTO __attribute__((cleanup(db_end_cleanup))) struct db_stmt
void db_end_cleanup(struct db_stmt **s);

/* Columns from 0; valid until the next db_next or db_end. db_text answers "" for null, db_blob nothing, db_int 1
 * for true. */
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);
struct view db_blob(struct db_stmt *s, int column);
bool db_null(struct db_stmt *s, int column) MUST_CHECK;

/*
 * db_one: one number from a query of one row and column, also of INSERT ... RETURNING id; ERR_NOT_FOUND without a row.
 * db_changes: rows that the last INSERT, UPDATE or DELETE touched.
 */
enum err db_one(struct db *d, int64_t *ret, struct fail *f, const char *sql, const char *types, ...) MUST_CHECK;
int64_t db_changes(const struct db *d);

/*
 * db_begin ... db_commit; db_rollback when none is open does nothing. Not nested.
 *
 * db_commit: ERR_OK only when it is durable. On PostgreSQL the transaction carries an operation id, so that a
 * connection lost in COMMIT is settled: ERR_OK, it was committed; ERR_BUSY, it was not and never will be; ERR_IO, the
 * server did not come back in time, text names the operation. After an error db_rollback.
 */
enum err db_begin(struct db *d, struct fail *f) MUST_CHECK;
enum err db_commit(struct db *d, struct fail *f) MUST_CHECK;
void db_rollback(struct db *d);
/* db_settle: the end of a transaction in which e is what came of it: db_commit or db_rollback. d NULL: e is an error.
 */
enum err db_settle(struct db *d, enum err e, struct fail *f) MUST_CHECK;
/* db_snapshot: instead of db_begin, for questions that must agree: they see one moment, and nobody waits. */
enum err db_snapshot(struct db *d, struct fail *f) MUST_CHECK;

/* db_examine: what the engine itself finds wrong (settings, damaged pages, foreign keys); a text each. */
enum err db_examine(struct db *d, void (*found)(void *arg, const char *text), void *arg, struct fail *f) MUST_CHECK;

#endif
