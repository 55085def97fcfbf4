/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db.h"

#define BUSY_MS 10000

struct db_stmt {
	struct db *db;
	sqlite3_stmt *stmt;
	bool busy;
	struct db_stmt *next;
};

struct db {
	sqlite3 *handle;
	struct db_stmt *statements; /* the cache, most recent first */
};

static enum err db_fail(struct db *d, int rc, const char *what, struct fail *f)
{
	int ext = sqlite3_extended_errcode(d->handle);
	enum err e = ERR_IO;

	if (rc == SQLITE_NOMEM)
		e = ERR_NO_MEMORY;
	else if (ext == SQLITE_CONSTRAINT_UNIQUE || ext == SQLITE_CONSTRAINT_PRIMARYKEY)
		e = ERR_DUPLICATE;
	else if (rc == SQLITE_BUSY)
		e = ERR_BUSY;
	return fail_set(f, e, 0, "database: %s: %.80s", sqlite3_errmsg(d->handle), what);
}

static enum err db_exec(struct db *d, const char *sql, struct fail *f)
{
	int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? ERR_OK : db_fail(d, rc, sql, f);
}

static enum err db_migrate(struct db *d, const char *const *steps, size_t count, struct fail *f)
{
	for (;;) {
		int64_t version;
		char pragma[64];
		enum err e = db_begin(d, f);
		if (e == ERR_OK)
			e = db_one(d, &version, f, "PRAGMA user_version", "");
		if (e == ERR_OK && version > (int64_t)count)
			e = fail_set(f, ERR_CONFIG, 0, "database: made by a newer version (schema %lld)",
				     (long long)version);
		if (e != ERR_OK || version == (int64_t)count) {
			db_rollback(d);
			return e;
		}
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %lld", (long long)version + 1);
		e = db_exec(d, steps[version], f);
		if (e == ERR_OK)
			e = db_exec(d, pragma, f);
		if (e == ERR_OK)
			e = db_commit(d, f);
		if (e != ERR_OK) {
			db_rollback(d);
			return e;
		}
	}
}

static enum err db_open_any(const char *path, int flags, struct db **ret, struct fail *f)
{
	struct db *d = calloc(1, sizeof(*d));

	if (!d)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	int rc = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_FULLMUTEX, NULL);
	if (rc != SQLITE_OK) {
		fail_set(f, ERR_IO, 0, "database %s: %s", path,
			 d->handle ? sqlite3_errmsg(d->handle) : "out of memory");
		db_free(d);
		return ERR_IO;
	}
	sqlite3_extended_result_codes(d->handle, 0);
	sqlite3_busy_timeout(d->handle, BUSY_MS);
	*ret = d;
	return ERR_OK;
}

enum err db_open(const char *path, const char *const *steps, size_t count, struct db **ret, struct fail *f)
{
	struct db *d = NULL;
	/*
	 * SQLite gives its -wal and -shm files the mode of the main file. Only a new file is opened here: closing a
	 * descriptor of a file drops all POSIX locks that other connections of this process hold on it.
	 */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "database %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	enum err e = db_open_any(path, SQLITE_OPEN_READWRITE, &d, f);
	if (e == ERR_OK)
		e = db_exec(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;", f);
	if (e == ERR_OK)
		e = db_migrate(d, steps, count, f);
	if (e != ERR_OK) {
		db_free(d);
		return e;
	}
	*ret = d;
	return ERR_OK;
}

enum err db_open_read(const char *path, struct db **ret, struct fail *f)
{
	return db_open_any(path, SQLITE_OPEN_READONLY, ret, f);
}

void db_free(struct db *d)
{
	if (!d)
		return;
	while (d->statements) {
		struct db_stmt *s = d->statements;
		d->statements = s->next;
		sqlite3_finalize(s->stmt);
		free(s);
	}
	sqlite3_close_v2(d->handle);
	free(d);
}

static enum err stmt_get(struct db *d, const char *sql, struct db_stmt **ret, struct fail *f)
{
	for (struct db_stmt *s = d->statements; s; s = s->next) {
		if (!s->busy && !strcmp(sqlite3_sql(s->stmt), sql)) {
			s->busy = true;
			*ret = s;
			return ERR_OK;
		}
	}
	struct db_stmt *s = calloc(1, sizeof(*s));
	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	int rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (rc != SQLITE_OK || !s->stmt) {
		free(s);
		return db_fail(d, rc, sql, f);
	}
	s->db = d;
	s->busy = true;
	s->next = d->statements;
	d->statements = s;
	*ret = s;
	return ERR_OK;
}

static int bind_one(sqlite3_stmt *stmt, int i, char type, va_list *args)
{
	const char *text;
	struct view v;

	switch (type) {
	case 't':
		text = va_arg(*args, const char *);
		return text ? sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC) : sqlite3_bind_null(stmt, i);
	case 'v':
		v = va_arg(*args, struct view);
		return sqlite3_bind_text(stmt, i, v.n ? (const char *)v.p : "", (int)v.n, SQLITE_STATIC);
	case 'b':
		v = va_arg(*args, struct view);
		return v.n ? sqlite3_bind_blob(stmt, i, v.p, (int)v.n, SQLITE_STATIC)
			   : sqlite3_bind_zeroblob(stmt, i, 0);
	case 'i':
		return sqlite3_bind_int64(stmt, i, va_arg(*args, int64_t));
	case 'n':
		return sqlite3_bind_null(stmt, i);
	default:
		return SQLITE_MISUSE;
	}
}

static enum err stmt_bound(struct db *d, const char *sql, const char *types, va_list *args, struct db_stmt **ret,
			   struct fail *f)
{
	struct db_stmt *s = NULL;
	enum err e = stmt_get(d, sql, &s, f);

	if (e != ERR_OK)
		return e;
	if ((int)strlen(types) != sqlite3_bind_parameter_count(s->stmt)) {
		db_end(s);
		return fail_set(f, ERR_INTERNAL, 0, "database: parameters of: %.80s", sql);
	}
	for (int i = 0; types[i]; i++) {
		int rc = bind_one(s->stmt, i + 1, types[i], args);
		if (rc != SQLITE_OK) {
			db_end(s);
			return fail_set(f, ERR_INTERNAL, 0, "database: parameter %d of: %.80s", i + 1, sql);
		}
	}
	*ret = s;
	return ERR_OK;
}

enum err db_run(struct db *d, struct fail *f, const char *sql, const char *types, ...)
{
	struct db_stmt *s = NULL;
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, &s, f);
	va_end(args);
	if (e != ERR_OK)
		return e;
	int rc = sqlite3_step(s->stmt);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		e = db_fail(d, rc, sql, f);
	db_end(s);
	return e;
}

enum err db_query(struct db *d, struct db_stmt **ret, struct fail *f, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, ret, f);
	va_end(args);
	return e;
}

enum err db_next(struct db_stmt *s, bool *ret_row, struct fail *f)
{
	int rc = sqlite3_step(s->stmt);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(s->db, rc, sqlite3_sql(s->stmt), f);
	*ret_row = rc == SQLITE_ROW;
	return ERR_OK;
}

void db_end(struct db_stmt *s)
{
	if (!s)
		return;
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	s->busy = false;
}

void db_end_cleanup(struct db_stmt **s)
{
	db_end(*s);
}

int64_t db_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(s->stmt, column);
}

const char *db_text(struct db_stmt *s, int column)
{
	const unsigned char *t = sqlite3_column_text(s->stmt, column);
	return t ? (const char *)t : "";
}

struct view db_blob(struct db_stmt *s, int column)
{
	const void *p = sqlite3_column_blob(s->stmt, column);
	return VIEW(p, p ? (size_t)sqlite3_column_bytes(s->stmt, column) : 0);
}

bool db_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(s->stmt, column) == SQLITE_NULL;
}

enum err db_one(struct db *d, int64_t *ret, struct fail *f, const char *sql, const char *types, ...)
{
	struct db_stmt *s = NULL;
	bool row = false;
	va_list args;

	va_start(args, types);
	enum err e = stmt_bound(d, sql, types, &args, &s, f);
	va_end(args);
	if (e != ERR_OK)
		return e;
	e = db_next(s, &row, f);
	if (e == ERR_OK && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "database: no row: %.80s", sql);
	if (e == ERR_OK)
		*ret = db_int(s, 0);
	db_end(s);
	return e;
}

int64_t db_changes(const struct db *d)
{
	return sqlite3_changes64(d->handle);
}

int64_t db_last_id(const struct db *d)
{
	return sqlite3_last_insert_rowid(d->handle);
}

enum err db_begin(struct db *d, struct fail *f)
{
	return db_run(d, f, "BEGIN IMMEDIATE", "");
}

enum err db_commit(struct db *d, struct fail *f)
{
	return db_run(d, f, "COMMIT", "");
}

void db_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(d->handle))
		sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}
