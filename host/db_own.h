/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_OWN_H
#define HOST_DB_OWN_H

#include "bytes.h"
#include "db.h"

#define DB_PARAMS_MAX 48

/* A parameter of a statement; type as in db.h, but n instead of t for NULL and v for all other text. */
struct db_param {
	char type;
	struct view bytes;
	int64_t number;
};

/* What an engine's statement begins with; the cache of db.c owns it. */
struct db_stmt {
	struct db *db;
	char *sql;
	char *types;
	bool busy;
	struct db_stmt *next;
};

/*
 * An engine. Contracts are those of db.h; where and sql are as the caller wrote them.
 *
 * script: several statements without parameters, in the open transaction.
 * version_get: in the open transaction of a migration; keeps other migrations out until it ends.
 * snapshot: a transaction that reads one moment's state and keeps nobody from writing; db_rollback ends it.
 * ids_settle: after rows were put in with numbers of their own, @ID goes on behind the highest.
 * questions: what the engine itself finds wrong (settings, damage, foreign keys): a row of text each; NULL ends them.
 * columns_sql: table, column, type letter (i, t, b) of all tables of ours; references_sql: table, and one that it
 * names. scan: what has to stand before a SELECT so that FETCH answers it piece by piece; NULL: any query does. type:
 * what stands for the words @ID, @INT, @BLOB, @TEXT; append_only: what stands for @APPEND_ONLY(table).
 */
struct db_engine {
	enum err (*open)(const char *where, bool read, struct db **ret, struct fail *f);
	void (*close)(struct db *d);
	enum err (*stmt_new)(struct db *d, const char *sql, const char *types, struct db_stmt **ret, struct fail *f);
	void (*stmt_free)(struct db_stmt *s);
	enum err (*bind)(struct db_stmt *s, const struct db_param *params, size_t count, struct fail *f);
	enum err (*step)(struct db_stmt *s, bool *ret_row, struct fail *f);
	void (*reset)(struct db_stmt *s);
	int64_t (*column_int)(struct db_stmt *s, int column);
	const char *(*column_text)(struct db_stmt *s, int column);
	struct view (*column_blob)(struct db_stmt *s, int column);
	bool (*column_null)(struct db_stmt *s, int column);
	int64_t (*changes)(const struct db *d);
	enum err (*begin)(struct db *d, struct fail *f);
	enum err (*commit)(struct db *d, struct fail *f);
	void (*rollback)(struct db *d);
	enum err (*script)(struct db *d, const char *sql, struct fail *f);
	enum err (*version_get)(struct db *d, int64_t *ret, struct fail *f);
	enum err (*version_set)(struct db *d, int64_t version, struct fail *f);
	enum err (*version_look)(struct db *d, int64_t *ret, struct fail *f);
	enum err (*snapshot)(struct db *d, struct fail *f);
	enum err (*ids_settle)(struct db *d, struct fail *f);
	const char *const *questions;
	const char *columns_sql, *references_sql, *scan;
	const char *id, *integer, *blob, *text;
	void (*append_only)(struct buf *b, const char *table);
};

extern const struct db_engine db_sqlite, db_postgres;

struct db {
	const struct db_engine *engine;
	struct db_stmt *statements; /* the cache, most recent first */
};

/* db_script_expand: a step of a schema with the words of db.h replaced. ERR_INTERNAL: an unknown word. */
enum err db_script_expand(const struct db_engine *engine, const char *step, struct buf *ret, struct fail *f) MUST_CHECK;
/* db_run_params: db_run with a list. types as in db.h; a param of type n is null whatever its letter. */
enum err db_run_params(struct db *d, const char *sql, const char *types, const struct db_param *params,
		       struct fail *f) MUST_CHECK;
/* db_statements_drop: frees the cache; no statement may be in use. */
void db_statements_drop(struct db *d);

#endif
