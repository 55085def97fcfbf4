/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_postgres.h"

/* pg_type: what our parameters are and our columns may be. */
enum { OID_UNKNOWN = 0, OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

#define MIGRATION_LOCK "7382049172634051" /* of pg_advisory_xact_lock: one migration at a time */
#define TEXT_ROOM 24                      /* a number as text */
#define COLUMNS_MAX 64

struct pg_stmt {
	struct db_stmt base;
	char *text; /* with $1, $2, ... */
	char name[16];
	unsigned generation; /* of the connection on which it was prepared */
	bool writes;
	size_t count;
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX];
	uint8_t numbers[DB_PARAMS_MAX][8];
	PGresult *result;
	int row;
	char (*texts)[TEXT_ROOM]; /* COLUMNS_MAX of them, when first asked for a number as text */
};

static struct pg_stmt *stmt_of(struct db_stmt *s)
{
	return (struct pg_stmt *)s;
}

/* Every ? outside of quotes becomes $n. */
static bool placeholders(const char *sql, struct buf *ret, size_t *ret_count)
{
	size_t count = 0;
	char quote = 0;

	for (; *sql; sql++) {
		if (quote)
			quote = *sql == quote ? 0 : quote;
		else if (*sql == '\'' || *sql == '"')
			quote = *sql;
		else if (*sql == '?') {
			if (isdigit((unsigned char)sql[1]))
				return false;
			buf_printf(ret, "$%zu", ++count);
			continue;
		}
		buf_put_u8(ret, (uint8_t)*sql);
	}
	buf_put_u8(ret, 0);
	*ret_count = count;
	return buf_ok(ret);
}

static bool stmt_writes(const char *sql)
{
	return strncasecmp(sql, "SELECT", 6) != 0 && strncasecmp(sql, "SHOW", 4) != 0;
}

static void pg_stmt_free(struct db_stmt *base)
{
	struct pg_stmt *s = stmt_of(base);

	PQclear(s->result);
	free(s->texts);
	free(s->text);
	free(s);
}

static enum err pg_stmt_new(struct db *d, const char *sql, const char *types, struct db_stmt **ret, struct fail *f)
{
	struct pg *p = (struct pg *)d;
	struct pg_stmt *s = calloc(1, sizeof(*s));
	BUF_AUTO text = { 0 };

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	if (!placeholders(sql, &text, &s->count) || s->count != strlen(types)) {
		free(s);
		return fail_set(f, ERR_INTERNAL, 0, "database: parameters of: %.80s", sql);
	}
	s->text = (char *)text.p;
	text = (struct buf){ 0 };
	s->writes = stmt_writes(sql);
	snprintf(s->name, sizeof(s->name), "s%u", ++p->names);
	*ret = &s->base;
	return ERR_OK;
}

static enum err pg_bind(struct db_stmt *base, const struct db_param *params, size_t count, struct fail *f)
{
	struct pg_stmt *s = stmt_of(base);

	for (size_t i = 0; i < count; i++) {
		const struct db_param *p = &params[i];

		s->values[i] = NULL;
		s->lengths[i] = 0;
		if (p->type == 'i') {
			be_put64(s->numbers[i], (uint64_t)p->number);
			s->values[i] = (const char *)s->numbers[i];
			s->lengths[i] = 8;
		} else if (p->type != 'n') {
			if (p->bytes.n > BUF_MAX)
				return fail_set(f, ERR_TOO_LARGE, 0, "database: parameter %zu is too large", i + 1);
			s->values[i] = (const char *)p->bytes.p;
			s->lengths[i] = (int)p->bytes.n;
		}
	}
	return ERR_OK;
}

static enum err prepare(struct pg *p, struct pg_stmt *s, struct fail *f)
{
	Oid types[DB_PARAMS_MAX];
	PGresult *r;
	enum err e = ERR_OK;

	if (s->generation == p->generation)
		return ERR_OK;
	for (size_t i = 0; i < s->count; i++) {
		char t = s->base.types[i];

		types[i] = t == 'i' ? OID_INT8 : t == 'b' ? OID_BYTEA : t == 'n' ? OID_UNKNOWN : OID_TEXT;
	}
	r = pg_answer(p, PQsendPrepare(p->conn, s->name, s->text, (int)s->count, types));
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		e = pg_fail(p, r, s->base.sql, f);
	else
		s->generation = p->generation;
	PQclear(r);
	return e;
}

/* A column of another type (numeric, double) would come as other bytes. */
static enum err columns_check(const struct pg_stmt *s, const PGresult *r, struct fail *f)
{
	int count = PQnfields(r);

	if (count > COLUMNS_MAX)
		return fail_set(f, ERR_INTERNAL, 0, "database: too many columns: %.80s", s->base.sql);
	for (int i = 0; i < count; i++) {
		switch (PQftype(r, i)) {
		case OID_BOOL:
		case OID_BYTEA:
		case OID_INT8:
		case OID_INT2:
		case OID_INT4:
		case OID_TEXT:
			continue;
		default:
			return fail_set(f, ERR_INTERNAL, 0,
					"database: column %d is neither number, text nor bytes, CAST it: %.80s", i + 1,
					s->base.sql);
		}
	}
	return ERR_OK;
}

static enum err run(struct pg *p, struct pg_stmt *s, struct fail *f)
{
	int formats[DB_PARAMS_MAX];
	PGresult *r;
	ExecStatusType status;
	enum err e;

	if (p->open && !p->conn)
		return fail_set(f, ERR_BUSY, 0, "database: connection lost in the transaction; nothing was changed");
	e = prepare(p, s, f);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < s->count; i++)
		formats[i] = 1;
	p->wrote |= s->writes;
	r = pg_answer(p, PQsendQueryPrepared(p->conn, s->name, (int)s->count, s->values, s->lengths, formats, 1));
	status = PQresultStatus(r);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		e = pg_fail(p, r, s->base.sql, f);
	else
		e = columns_check(s, r, f);
	if (e != ERR_OK) {
		PQclear(r);
		return e;
	}
	if (s->writes)
		p->changes = atoll(PQcmdTuples(r));
	s->result = r;
	return ERR_OK;
}

/* A change outside of a transaction is one of its own, so that a lost commit is settled as any other. */
static enum err execute(struct pg_stmt *s, struct fail *f)
{
	struct pg *p = (struct pg *)s->base.db;
	bool alone = !p->open && s->writes;
	enum err e = alone ? pg_begin(&p->base, f) : p->open ? ERR_OK : pg_ready(p, f);

	if (e == ERR_OK)
		e = run(p, s, f);
	if (alone && e == ERR_OK)
		e = pg_commit(&p->base, f);
	if (alone)
		pg_rollback(&p->base);
	s->row = -1;
	return e;
}

static enum err pg_step(struct db_stmt *base, bool *ret_row, struct fail *f)
{
	struct pg_stmt *s = stmt_of(base);

	if (!s->result) {
		enum err e = execute(s, f);

		if (e != ERR_OK)
			return e;
	}
	s->row++;
	*ret_row = s->row < PQntuples(s->result);
	return ERR_OK;
}

static void pg_reset(struct db_stmt *base)
{
	struct pg_stmt *s = stmt_of(base);

	PQclear(s->result);
	s->result = NULL;
}

static bool there(const struct pg_stmt *s, int column)
{
	return s->result && s->row >= 0 && s->row < PQntuples(s->result) && column < PQnfields(s->result) &&
	       !PQgetisnull(s->result, s->row, column);
}

static int64_t pg_int(struct db_stmt *base, int column)
{
	const struct pg_stmt *s = stmt_of(base);
	const uint8_t *v;

	if (!there(s, column))
		return 0;
	v = (const uint8_t *)PQgetvalue(s->result, s->row, column);
	switch (PQftype(s->result, column)) {
	case OID_BOOL:
		return v[0];
	case OID_INT2:
		return (int16_t)be_get16(v);
	case OID_INT4:
		return (int32_t)be_get32(v);
	case OID_INT8:
		return (int64_t)be_get64(v);
	default:
		return strtoll((const char *)v, NULL, 10);
	}
}

static const char *pg_text(struct db_stmt *base, int column)
{
	struct pg_stmt *s = stmt_of(base);
	Oid type;

	if (!there(s, column))
		return "";
	type = PQftype(s->result, column);
	if (type == OID_TEXT || type == OID_BYTEA)
		return PQgetvalue(s->result, s->row, column);
	if (!s->texts)
		s->texts = calloc(COLUMNS_MAX, sizeof(*s->texts));
	if (!s->texts)
		return "";
	snprintf(s->texts[column], TEXT_ROOM, "%lld", (long long)pg_int(base, column));
	return s->texts[column];
}

static struct view pg_blob(struct db_stmt *base, int column)
{
	const struct pg_stmt *s = stmt_of(base);

	if (!there(s, column))
		return VIEW(NULL, 0);
	return VIEW(PQgetvalue(s->result, s->row, column), (size_t)PQgetlength(s->result, s->row, column));
}

static bool pg_null(struct db_stmt *base, int column)
{
	return !there(stmt_of(base), column);
}

static int64_t pg_changes(const struct db *d)
{
	return ((const struct pg *)d)->changes;
}

static enum err pg_script(struct db *d, const char *sql, struct fail *f)
{
	struct pg *p = (struct pg *)d;

	if (!p->conn)
		return fail_set(f, ERR_BUSY, 0, "database: connection lost in the transaction; nothing was changed");
	p->wrote = true;
	return pg_exec(p, sql, f);
}

static enum err pg_version_look(struct db *d, int64_t *ret, struct fail *f)
{
	return db_one(d, ret, f, "SELECT version FROM schema_version", "");
}

static enum err pg_version_get(struct db *d, int64_t *ret, struct fail *f)
{
	struct pg *p = (struct pg *)d;
	char text[32] = "";
	enum err e;

	p->patient = true;
	e = pg_exec(p,
		    "SET LOCAL lock_timeout = '120s'; SET LOCAL statement_timeout = 0;"
		    "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")",
		    f);

	if (e == ERR_OK)
		e = pg_value(p, "SELECT to_regclass('public.schema_version') IS NULL", text, sizeof(text), f);
	if (e == ERR_OK && text[0] == 't')
		e = pg_script(d,
			      "CREATE TABLE schema_version(one BIGINT PRIMARY KEY CHECK(one = 1), version BIGINT NOT "
			      "NULL);"
			      "INSERT INTO schema_version(one, version) VALUES(1, 0);"
			      "CREATE TABLE operation(id BYTEA PRIMARY KEY, at BIGINT NOT NULL, done BIGINT NOT NULL);"
			      "CREATE INDEX operation_at ON operation(at);",
			      f);
	return e == ERR_OK ? pg_version_look(d, ret, f) : e;
}

static enum err pg_version_set(struct db *d, int64_t version, struct fail *f)
{
	return db_run(d, f, "UPDATE schema_version SET version = ?", "i", version);
}

static void pg_append_only(struct buf *b, const char *table)
{
	buf_printf(b,
		   "CREATE FUNCTION %s_append_only() RETURNS trigger LANGUAGE plpgsql AS"
		   " $$ BEGIN RAISE EXCEPTION '%s is append only'; END $$;"
		   "CREATE TRIGGER %s_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s"
		   " FOR EACH STATEMENT EXECUTE FUNCTION %s_append_only();",
		   table, table, table, table, table);
}

static enum err pg_snapshot(struct db *d, struct fail *f)
{
	struct pg *p = (struct pg *)d;
	enum err e =
	    p->open ? fail_set(f, ERR_INTERNAL, 0, "database: a transaction in a transaction") : pg_ready(p, f);

	if (e == ERR_OK)
		e = pg_exec(p, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0", f);
	if (e == ERR_OK) {
		p->open = true;
		p->wrote = false;
		p->patient = true;
	}
	return e;
}

static enum err pg_ids_settle(struct db *d, struct fail *f)
{
	struct pg *p = (struct pg *)d;

	return pg_exec(p,
		       "DO $$ DECLARE r record; BEGIN FOR r IN SELECT c.oid::regclass::text AS t, a.attname AS a"
		       " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attidentity <> '' AND"
		       " c.relnamespace = 'public'::regnamespace LOOP EXECUTE format('SELECT"
		       " setval(pg_get_serial_sequence(%L, %L), (SELECT coalesce(max(%I), 0) + 1 FROM %s), false)',"
		       " r.t, r.a, r.a, r.t); END LOOP; END $$",
		       f);
}

/* What is demanded of the server was asked at the connect; here is what an administrator may have done to the tables.
 */
static const char *const pg_questions[] = {
	"SELECT 'constraint ' || conname || ' of ' || CAST(CAST(conrelid AS regclass) AS TEXT) || ' was never"
	" validated' FROM pg_constraint WHERE NOT convalidated",
	"SELECT 'index ' || CAST(CAST(indexrelid AS regclass) AS TEXT) || ' is not valid' FROM pg_index"
	" WHERE NOT indisvalid",
	"SELECT 'trigger ' || tgname || ' of ' || CAST(CAST(tgrelid AS regclass) AS TEXT) || ' is disabled'"
	" FROM pg_trigger WHERE tgenabled NOT IN('O', 'A')",
	NULL,
};

static void pg_close(struct db *d)
{
	struct pg *p = (struct pg *)d;

	pg_lose(p);
	free(p->url);
	free(p);
}

static enum err pg_open(const char *where, bool read, struct db **ret, struct fail *f)
{
	struct pg *p = calloc(1, sizeof(*p));
	enum err e;

	if (!p)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	p->read = read;
	p->url = strdup(where);
	e = p->url ? pg_ready(p, f) : fail_set(f, ERR_NO_MEMORY, 0, "database");
	if (e != ERR_OK) {
		pg_close(&p->base);
		return e;
	}
	*ret = &p->base;
	return ERR_OK;
}

const struct db_engine db_postgres = {
	.open = pg_open,
	.close = pg_close,
	.stmt_new = pg_stmt_new,
	.stmt_free = pg_stmt_free,
	.bind = pg_bind,
	.step = pg_step,
	.reset = pg_reset,
	.column_int = pg_int,
	.column_text = pg_text,
	.column_blob = pg_blob,
	.column_null = pg_null,
	.changes = pg_changes,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.script = pg_script,
	.version_get = pg_version_get,
	.version_set = pg_version_set,
	.version_look = pg_version_look,
	.snapshot = pg_snapshot,
	.ids_settle = pg_ids_settle,
	.questions = pg_questions,
	.columns_sql = "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CASE a.atttypid WHEN 20 THEN 'i' WHEN"
		       " 17 THEN 'b' ELSE 't' END FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE"
		       " c.relnamespace = CAST('public' AS regnamespace) AND c.relkind = 'r' AND a.attnum > 0 AND NOT"
		       " a.attisdropped AND c.relname NOT IN('schema_version', 'operation')"
		       " ORDER BY c.relname, a.attnum",
	.references_sql = "SELECT DISTINCT CAST(c.relname AS TEXT), CAST(r.relname AS TEXT) FROM pg_constraint k"
			  " JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid"
			  " WHERE k.contype = 'f' AND c.oid <> r.oid",
	.scan = "DECLARE",
	.id = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
	.integer = "BIGINT",
	.blob = "BYTEA",
	.text = "TEXT COLLATE \"C\"",
	.append_only = pg_append_only,
};
