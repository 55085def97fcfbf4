/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db_gate.h"
#include "db_own.h"
#include "now.h"

#define BUSY_MS 10000

struct lite {
	struct db base;
	sqlite3 *handle;
	struct db_gate *gate; /* NULL: a reader */
	bool inside;
};

struct lite_stmt {
	struct db_stmt base;
	sqlite3_stmt *stmt;
};

static struct lite *lite_of(struct db *d)
{
	return (struct lite *)d;
}

static sqlite3_stmt *stmt_of(struct db_stmt *s)
{
	return ((struct lite_stmt *)s)->stmt;
}

static enum err lite_fail(struct lite *l, int rc, const char *what, struct fail *f)
{
	int ext = sqlite3_extended_errcode(l->handle);
	enum err e = ERR_IO;

	if (rc == SQLITE_NOMEM)
		e = ERR_NO_MEMORY;
	else if (ext == SQLITE_CONSTRAINT_UNIQUE || ext == SQLITE_CONSTRAINT_PRIMARYKEY)
		e = ERR_DUPLICATE;
	else if (rc == SQLITE_BUSY)
		e = ERR_BUSY;
	return fail_set(f, e, 0, "database: %s: %.80s", sqlite3_errmsg(l->handle), what);
}

/* Before whatever writes: until the transaction is over. */
static enum err gate_enter(struct lite *l, struct fail *f)
{
	if (!l->gate || l->inside)
		return ERR_OK;
	l->inside = db_gate_enter(l->gate, BUSY_MS);
	return l->inside ? ERR_OK
			 : fail_set(f, ERR_BUSY, 0, "database: another thread's transaction did not end in time");
}

static void gate_leave(struct lite *l)
{
	if (!l->inside || !sqlite3_get_autocommit(l->handle))
		return;
	l->inside = false;
	db_gate_leave(l->gate);
}

static enum err lite_script(struct db *d, const char *sql, struct fail *f)
{
	int rc = sqlite3_exec(lite_of(d)->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : lite_fail(lite_of(d), rc, sql, f);
}

static void lite_close(struct db *d)
{
	struct lite *l = lite_of(d);

	sqlite3_close_v2(l->handle);
	if (l->inside)
		db_gate_leave(l->gate);
	db_gate_close(l->gate);
	free(d);
}

/*
 * SQLite gives its -wal and -shm files the mode of the main file. Only a new file is opened here: closing a descriptor
 * of a file drops all POSIX locks that other connections of this process hold on it.
 */
static enum err file_make(const char *path, struct fail *f)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "database %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ERR_OK;
}

/*
 * The change of a new file to WAL wants it alone and does not ask the busy handler where two connections would wait for
 * each other: the one that is told "locked" comes again.
 */
static enum err lite_settings(struct lite *l, struct fail *f)
{
	static const char sql[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
	const int64_t end = steady_ms() + BUSY_MS;
	enum err e;

	for (;;) {
		struct fail why = { 0 };

		e = lite_script(&l->base, sql, &why);
		if (e != ERR_BUSY || steady_ms() >= end)
			return e == ERR_OK ? e : fail_set(f, e, why.rv, "%s", why.text);
		usleep(10000);
	}
}

static enum err lite_open(const char *path, bool read, struct db **ret, struct fail *f)
{
	struct lite *l = calloc(1, sizeof(*l));
	enum err e = ERR_OK;
	int rc;

	if (!l)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	if (!read)
		e = file_make(path, f);
	if (e != ERR_OK) {
		free(l);
		return e;
	}
	rc = sqlite3_open_v2(path, &l->handle,
			     (read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_FULLMUTEX, NULL);
	if (rc != SQLITE_OK)
		e = fail_set(f, ERR_IO, 0, "database %s: %s", path,
			     l->handle ? sqlite3_errmsg(l->handle) : "out of memory");
	if (e == ERR_OK) {
		sqlite3_extended_result_codes(l->handle, 0);
		sqlite3_busy_timeout(l->handle, BUSY_MS);
	}
	if (e == ERR_OK && !read)
		e = lite_settings(l, f);
	if (e == ERR_OK && !read) {
		l->gate = db_gate_open(path);
		e = l->gate ? ERR_OK : fail_set(f, ERR_IO, 0, "database %s: %s", path, strerror(errno));
	}
	if (e != ERR_OK) {
		lite_close(&l->base);
		return e;
	}
	*ret = &l->base;
	return ERR_OK;
}

static enum err lite_stmt_new(struct db *d, const char *sql, const char *types, struct db_stmt **ret, struct fail *f)
{
	struct lite_stmt *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	rc = sqlite3_prepare_v3(lite_of(d)->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (rc != SQLITE_OK || !s->stmt) {
		free(s);
		return lite_fail(lite_of(d), rc, sql, f);
	}
	if ((int)strlen(types) != sqlite3_bind_parameter_count(s->stmt)) {
		sqlite3_finalize(s->stmt);
		free(s);
		return fail_set(f, ERR_INTERNAL, 0, "database: parameters of: %.80s", sql);
	}
	*ret = &s->base;
	return ERR_OK;
}

static void lite_stmt_free(struct db_stmt *s)
{
	sqlite3_finalize(stmt_of(s));
	free(s);
}

static enum err lite_bind(struct db_stmt *s, const struct db_param *params, size_t count, struct fail *f)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_param *p = &params[i];
		int at = (int)i + 1, rc;

		if (p->type == 'v')
			rc = sqlite3_bind_text64(stmt_of(s), at, (const char *)p->bytes.p, p->bytes.n, SQLITE_STATIC,
						 SQLITE_UTF8);
		else if (p->type == 'b')
			rc = sqlite3_bind_blob64(stmt_of(s), at, p->bytes.p, p->bytes.n, SQLITE_STATIC);
		else if (p->type == 'i')
			rc = sqlite3_bind_int64(stmt_of(s), at, p->number);
		else
			rc = sqlite3_bind_null(stmt_of(s), at);
		if (rc != SQLITE_OK)
			return fail_set(f, ERR_INTERNAL, 0, "database: parameter %d of: %.80s", at, s->sql);
	}
	return ERR_OK;
}

static enum err lite_step(struct db_stmt *s, bool *ret_row, struct fail *f)
{
	struct lite *l = lite_of(s->db);
	enum err e = sqlite3_stmt_readonly(stmt_of(s)) ? ERR_OK : gate_enter(l, f);
	int rc;

	if (e)
		return e;
	rc = sqlite3_step(stmt_of(s));
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return lite_fail(lite_of(s->db), rc, s->sql, f);
	*ret_row = rc == SQLITE_ROW;
	return ERR_OK;
}

static void lite_reset(struct db_stmt *s)
{
	sqlite3_reset(stmt_of(s));
	sqlite3_clear_bindings(stmt_of(s));
	gate_leave(lite_of(s->db));
}

static int64_t lite_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(stmt_of(s), column);
}

static const char *lite_text(struct db_stmt *s, int column)
{
	const unsigned char *t = sqlite3_column_text(stmt_of(s), column);

	return t ? (const char *)t : "";
}

static struct view lite_blob(struct db_stmt *s, int column)
{
	const void *p = sqlite3_column_blob(stmt_of(s), column);

	return VIEW(p, p ? (size_t)sqlite3_column_bytes(stmt_of(s), column) : 0);
}

static bool lite_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(stmt_of(s), column) == SQLITE_NULL;
}

static int64_t lite_changes(const struct db *d)
{
	return sqlite3_changes64(((const struct lite *)d)->handle);
}

static enum err lite_begin(struct db *d, struct fail *f)
{
	enum err e = gate_enter(lite_of(d), f);

	return e ? e : db_run(d, f, "BEGIN IMMEDIATE", "");
}

static enum err lite_commit(struct db *d, struct fail *f)
{
	return db_run(d, f, "COMMIT", "");
}

static void lite_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(lite_of(d)->handle))
		sqlite3_exec(lite_of(d)->handle, "ROLLBACK", NULL, NULL, NULL);
	gate_leave(lite_of(d));
}

static enum err lite_version_get(struct db *d, int64_t *ret, struct fail *f)
{
	return db_one(d, ret, f, "PRAGMA user_version", "");
}

static enum err lite_version_set(struct db *d, int64_t version, struct fail *f)
{
	char pragma[64];

	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %lld", (long long)version);
	return lite_script(d, pragma, f);
}

static void lite_append_only(struct buf *b, const char *table)
{
	static const char *const words[][2] = { { "update", "UPDATE" }, { "delete", "DELETE" } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		buf_printf(b,
			   "CREATE TRIGGER %s_no_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, '%s is append only'); "
			   "END;",
			   table, words[i][0], words[i][1], table, table);
}

static enum err lite_snapshot(struct db *d, struct fail *f)
{
	int64_t n;
	enum err e = db_run(d, f, "BEGIN", "");

	/* The moment is that of the first look. */
	return e == ERR_OK ? db_one(d, &n, f, "SELECT count(*) FROM sqlite_master", "") : e;
}

/* AUTOINCREMENT looks at the rows by itself. */
static enum err lite_ids_settle(struct db *d, struct fail *f)
{
	return ERR_OK;
}

static const char *const lite_questions[] = {
	"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
	"SELECT 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' names a row of ' || parent ||"
	" ' that is not there' FROM pragma_foreign_key_check",
	NULL,
};

const struct db_engine db_sqlite = {
	.open = lite_open,
	.close = lite_close,
	.stmt_new = lite_stmt_new,
	.stmt_free = lite_stmt_free,
	.bind = lite_bind,
	.step = lite_step,
	.reset = lite_reset,
	.column_int = lite_int,
	.column_text = lite_text,
	.column_blob = lite_blob,
	.column_null = lite_null,
	.changes = lite_changes,
	.begin = lite_begin,
	.commit = lite_commit,
	.rollback = lite_rollback,
	.script = lite_script,
	.version_get = lite_version_get,
	.version_set = lite_version_set,
	.version_look = lite_version_get,
	.snapshot = lite_snapshot,
	.ids_settle = lite_ids_settle,
	.questions = lite_questions,
	.columns_sql = "SELECT m.name, p.name, CASE p.type WHEN 'INTEGER' THEN 'i' WHEN 'BLOB' THEN 'b' ELSE 't' END"
		       " FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'"
		       " AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid",
	.references_sql = "SELECT DISTINCT m.name, r.\"table\" FROM sqlite_master m"
			  " JOIN pragma_foreign_key_list(m.name) r WHERE m.type = 'table' AND r.\"table\" <> m.name",
	.id = "INTEGER PRIMARY KEY AUTOINCREMENT",
	.integer = "INTEGER",
	.blob = "BLOB",
	.text = "TEXT",
	.append_only = lite_append_only,
};
