/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db_dump.h"
#include "file.h"
#include "db_tables.h"
#include "keyfile.h"

#include <openssl/evp.h>

#define FORMAT "strongroom database"
#define FORMAT_VERSION 1
#define FETCH 500 /* rows at a time, where the engine would answer all at once */

/* A file that is written or read line by line, with the SHA-256 of the lines so far. */
struct lines {
	FILE *file;
	EVP_MD_CTX *hash;
	char *line; /* of getline */
	size_t room;
	int64_t rows;
};

static void lines_done(struct lines *l)
{
	if (l->file)
		fclose(l->file);
	EVP_MD_CTX_free(l->hash);
	free(l->line);
	*l = (struct lines){ 0 };
}

static enum err lines_open(struct lines *l, const char *path, int flags, struct fail *f)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	*l = (struct lines){ .file = fd < 0 ? NULL : fdopen(fd, flags & O_WRONLY ? "w" : "r") };
	if (!l->file) {
		enum err e = fail_set(f, errno == EEXIST ? ERR_CONFIG : ERR_IO, 0, "%s: %s", path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return e;
	}
	l->hash = EVP_MD_CTX_new();
	if (!l->hash || EVP_DigestInit_ex(l->hash, EVP_sha256(), NULL) != 1)
		return fail_set(f, ERR_NO_MEMORY, 0, "SHA-256");
	return ERR_OK;
}

static void lines_hash(struct lines *l, char ret[65])
{
	uint8_t digest[32] = { 0 };
	unsigned n = 0;

	EVP_DigestFinal_ex(l->hash, digest, &n);
	hex_encode(VIEW(digest, sizeof(digest)), ret);
}

/* Takes the JSON. */
static enum err line_put(struct lines *l, json_t *json, bool hashed, struct fail *f)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	enum err e = ERR_OK;
	size_t n = text ? strlen(text) : 0;

	json_decref(json);
	if (!text)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a line of the dump");
	if (fwrite(text, 1, n, l->file) != n || fputc('\n', l->file) == EOF)
		e = fail_set(f, ERR_IO, 0, "dump: %s", strerror(errno));
	else if (hashed && (EVP_DigestUpdate(l->hash, text, n) != 1 || EVP_DigestUpdate(l->hash, "\n", 1) != 1))
		e = fail_set(f, ERR_INTERNAL, 0, "SHA-256");
	free(text);
	return e;
}

static json_t *value_json(struct db_stmt *s, int column, char type)
{
	BUF_AUTO text = { 0 };

	if (db_null(s, column))
		return json_null();
	if (type == 'i')
		return json_integer(db_int(s, column));
	if (type == 't')
		return json_string(db_text(s, column));
	base64_encode(db_blob(s, column), &text);
	return buf_ok(&text) ? json_stringn(text.len ? (const char *)text.p : "", text.len) : NULL;
}

static enum err rows_put(struct lines *l, const struct db_table *t, struct db_stmt *s, bool *ret_some, struct fail *f)
{
	bool row = false;
	enum err e = ERR_OK;

	*ret_some = false;
	while (e == ERR_OK && (e = db_next(s, &row, f)) == ERR_OK && row) {
		json_t *values = json_array();

		for (size_t i = 0; i < t->count; i++)
			if (json_array_append_new(values, value_json(s, (int)i, t->columns[i].type)) != 0)
				e = fail_set(f, ERR_BAD_DATA, 0, "table %s, column %s: not UTF-8", t->name,
					     t->columns[i].name);
		if (e == ERR_OK)
			e = line_put(l, values, true, f);
		else
			json_decref(values);
		l->rows++;
		*ret_some = true;
	}
	return e;
}

static enum err table_scan(struct db *d, struct lines *l, const struct db_table *t, size_t number, const char *select,
			   struct fail *f)
{
	char fetch[80];
	bool some = true;
	BUF_AUTO declare = { 0 };
	enum err e = ERR_OK;

	if (d->engine->scan) {
		buf_printf(&declare, "%s scan%zu CURSOR FOR %s", d->engine->scan, number, select);
		buf_put_u8(&declare, 0);
		snprintf(fetch, sizeof(fetch), "FETCH %d FROM scan%zu", FETCH, number);
		e = buf_ok(&declare) ? db_run(d, f, (const char *)declare.p, "")
				     : fail_set(f, ERR_NO_MEMORY, 0, "dump");
	}
	while (e == ERR_OK && some) {
		DB_STMT_AUTO *s = NULL;

		e = db_query(d, &s, f, d->engine->scan ? fetch : select, "");
		if (e == ERR_OK)
			e = rows_put(l, t, s, &some, f);
		some &= d->engine->scan != NULL;
	}
	return e;
}

static enum err table_put(struct db *d, struct lines *l, const struct db_table *t, size_t number, struct fail *f)
{
	BUF_AUTO sql = { 0 };
	json_t *columns = json_array();
	enum err e;

	for (size_t i = 0; i < t->count; i++) {
		buf_printf(&sql, "%s\"%s\"", i ? ", " : "SELECT ", t->columns[i].name);
		json_array_append_new(columns, json_sprintf("%s:%c", t->columns[i].name, t->columns[i].type));
	}
	buf_printf(&sql, " FROM \"%s\"", t->name);
	buf_put_u8(&sql, 0);
	e = line_put(l, json_pack("{s:s, s:o}", "table", t->name, "columns", columns), true, f);
	if (e == ERR_OK && !buf_ok(&sql))
		e = fail_set(f, ERR_NO_MEMORY, 0, "dump");
	return e == ERR_OK ? table_scan(d, l, t, number, (const char *)sql.p, f) : e;
}

static enum err all_put(struct db *d, const char *service, json_t *about, struct lines *l, struct fail *f)
{
	struct db_tables *tables = NULL;
	int64_t version = 0;
	char hash[65];
	enum err e = db_snapshot(d, f);

	if (e == ERR_OK)
		e = db_version(d, &version, f);
	if (e == ERR_OK)
		e = db_tables_read(d, &tables, f);
	if (e == ERR_OK)
		e = line_put(l,
			     json_pack("{s:s, s:i, s:s, s:I, s:I, s:O}", "format", FORMAT, "version", FORMAT_VERSION,
				       "service", service, "schema", (json_int_t)version, "made",
				       (json_int_t)time(NULL), "about", about),
			     true, f);
	for (size_t i = 0; e == ERR_OK && i < tables->count; i++)
		e = table_put(d, l, &tables->table[i], i, f);
	db_rollback(d);
	db_tables_free(tables);
	if (e != ERR_OK)
		return e;
	lines_hash(l, hash);
	return line_put(l, json_pack("{s:I, s:s}", "rows", (json_int_t)l->rows, "sha256", hash), false, f);
}

enum err db_dump(struct db *d, const char *service, json_t *about, const char *path, int64_t *ret_rows, struct fail *f)
{
	char part[4096];
	struct lines l = { 0 };
	enum err e;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return fail_set(f, ERR_CONFIG, 0, "the name is too long");
	e = file_absent(path, f);
	if (e != ERR_OK)
		return e;
	unlink(part);
	e = lines_open(&l, part, O_WRONLY | O_CREAT | O_EXCL, f);
	if (e == ERR_OK)
		e = all_put(d, service, about, &l, f);
	if (e == ERR_OK && fflush(l.file) != 0)
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (e == ERR_OK)
		e = file_place(fileno(l.file), part, path, false, f);
	if (e == ERR_OK)
		*ret_rows = l.rows;
	if (l.file)
		unlink(part);
	lines_done(&l);
	return e;
}

/* ---- reading ---- */

static enum err damaged(struct fail *f, const char *path, const char *what)
{
	return fail_set(f, ERR_BAD_DATA, 0, "%s: %s", path, what);
}

/* The next line; *ret NULL: the end of the file. hashed: only when the line after it is there, the last one is not. */
static enum err line_get(struct lines *l, const char *path, json_t **ret, struct fail *f)
{
	ssize_t n = getline(&l->line, &l->room, l->file);

	*ret = NULL;
	if (n < 0)
		return ferror(l->file) ? fail_set(f, ERR_IO, 0, "%s: cannot be read", path) : ERR_OK;
	*ret = json_loadb(l->line, (size_t)n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!*ret || l->line[n - 1] != '\n') {
		json_decref(*ret);
		*ret = NULL;
		return damaged(f, path, "damaged or cut off");
	}
	if (json_object_get(*ret, "sha256"))
		return ERR_OK;
	return EVP_DigestUpdate(l->hash, l->line, (size_t)n) == 1 ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "SHA-256");
}

static enum err head_of(json_t *json, const char *path, const char *service, struct db_dump_head *ret, struct fail *f)
{
	const char *format = "", *of = "";
	json_t *about = NULL;
	json_int_t schema = 0, made = 0;
	int version = 0;

	if (json_unpack(json, "{s:s, s:i, s:s, s:I, s:I, s:o}", "format", &format, "version", &version, "service", &of,
			"schema", &schema, "made", &made, "about", &about) != 0 ||
	    strcmp(format, FORMAT) != 0 || version != FORMAT_VERSION)
		return damaged(f, path, "not a database backup of this program");
	if (strcmp(of, service) != 0)
		return fail_set(f, ERR_BAD_DATA, 0, "%s: a backup of %.40s, not of %s", path, of, service);
	*ret = (struct db_dump_head){ .schema = schema, .made = made, .about = json_incref(about) };
	return ERR_OK;
}

enum err db_dump_read(const char *path, const char *service, struct db_dump_head *ret, struct fail *f)
{
	struct db_dump_head head = { 0 };
	struct lines l = { 0 };
	json_t *json = NULL, *last = NULL;
	char hash[65];
	enum err e = lines_open(&l, path, O_RDONLY, f);

	if (e == ERR_OK)
		e = line_get(&l, path, &json, f);
	if (e == ERR_OK)
		e = head_of(json, path, service, &head, f);
	while (e == ERR_OK && !last) {
		json_decref(json);
		e = line_get(&l, path, &json, f);
		if (e == ERR_OK && !json)
			e = damaged(f, path, "cut off: the last line is missing");
		head.rows += json_is_array(json);
		if (e == ERR_OK && json_object_get(json, "sha256"))
			last = json;
	}
	if (e == ERR_OK) {
		lines_hash(&l, hash);
		if (strcmp(hash, json_string_value(json_object_get(last, "sha256"))
				     ? json_string_value(json_object_get(last, "sha256"))
				     : "") != 0 ||
		    json_integer_value(json_object_get(last, "rows")) != head.rows || fgetc(l.file) != EOF)
			e = damaged(f, path, "damaged: the digest is another one");
	}
	json_decref(json);
	lines_done(&l);
	if (e != ERR_OK) {
		json_decref(head.about);
		return e;
	}
	*ret = head;
	return ERR_OK;
}

/* The table that the rows to come are for. */
struct target {
	struct buf sql;
	char types[DB_PARAMS_MAX + 1];
	size_t count;
};

static enum err target_set(struct target *t, json_t *json, const char *path, struct fail *f)
{
	const char *table = json_string_value(json_object_get(json, "table"));
	json_t *columns = json_object_get(json, "columns");

	buf_done(&t->sql);
	t->count = json_array_size(columns);
	if (!table || !t->count || t->count > DB_PARAMS_MAX || strpbrk(table, "\"\\"))
		return damaged(f, path, "a table without name or columns");
	buf_printf(&t->sql, "INSERT INTO \"%s\"", table);
	for (size_t i = 0; i < t->count; i++) {
		const char *name = json_string_value(json_array_get(columns, i));
		size_t n = name ? strlen(name) : 0;

		if (n < 3 || name[n - 2] != ':' || !strchr("itb", name[n - 1]) || strpbrk(name, "\"\\"))
			return damaged(f, path, "a column without name or type");
		buf_printf(&t->sql, "%s\"%.*s\"", i ? ", " : " (", (int)n - 2, name);
		t->types[i] = name[n - 1];
	}
	t->types[t->count] = 0;
	for (size_t i = 0; i < t->count; i++)
		buf_printf(&t->sql, "%s", i ? ", ?" : ") VALUES (?");
	buf_printf(&t->sql, ")");
	buf_put_u8(&t->sql, 0);
	return buf_ok(&t->sql) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "dump");
}

static bool param_of(json_t *v, char type, struct buf *bytes, struct db_param *ret)
{
	const char *text = json_string_value(v);

	*ret = (struct db_param){ .type = 'n' };
	if (json_is_null(v))
		return true;
	if (type == 'i') {
		*ret = (struct db_param){ .type = 'i', .number = json_integer_value(v) };
		return json_is_integer(v);
	}
	if (!text)
		return false;
	*ret = (struct db_param){ .type = type == 't' ? 'v' : 'b', .bytes = VIEW(text, json_string_length(v)) };
	if (type == 't')
		return true;
	if (!base64_decode(text, strlen(text), bytes))
		return false;
	ret->bytes = bytes->len ? buf_view(bytes) : VIEW("", 0);
	return true;
}

static enum err row_load(struct db *d, const struct target *t, json_t *json, const char *path, struct fail *f)
{
	struct db_param params[DB_PARAMS_MAX];
	struct buf bytes[DB_PARAMS_MAX] = { 0 };
	enum err e = ERR_OK;

	if (!t->sql.len || json_array_size(json) != t->count)
		return damaged(f, path, "a row with another number of columns");
	for (size_t i = 0; e == ERR_OK && i < t->count; i++)
		if (!param_of(json_array_get(json, i), t->types[i], &bytes[i], &params[i]))
			e = damaged(f, path, "a value of another type");
	if (e == ERR_OK)
		e = db_run_params(d, (const char *)t->sql.p, t->types, params, f);
	for (size_t i = 0; i < t->count; i++)
		buf_done(&bytes[i]);
	return e;
}

static enum err rows_load(struct db *d, const char *path, struct fail *f)
{
	struct lines l = { 0 };
	struct target t = { 0 };
	bool end = false, first = true;
	enum err e = lines_open(&l, path, O_RDONLY, f);

	while (e == ERR_OK && !end) {
		json_t *json = NULL;

		e = line_get(&l, path, &json, f);
		end = !json || json_object_get(json, "sha256");
		if (e == ERR_OK && !end && !first)
			e = json_is_array(json) ? row_load(d, &t, json, path, f) : target_set(&t, json, path, f);
		first = false;
		json_decref(json);
	}
	buf_done(&t.sql);
	lines_done(&l);
	return e;
}

static enum err must_be_empty(struct db *d, struct fail *f)
{
	struct db_tables *tables = NULL;
	enum err e = db_tables_read(d, &tables, f);

	for (size_t i = 0; e == ERR_OK && i < tables->count; i++) {
		char sql[160];
		int64_t some = 0;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM (SELECT 1 FROM \"%s\" LIMIT 1) AS rows_there",
			 tables->table[i].name);
		e = db_one(d, &some, f, sql, "");
		if (e == ERR_OK && some)
			e = fail_set(f, ERR_REFUSED, 0,
				     "the database has rows already (table %s); a backup goes into a new one",
				     tables->table[i].name);
	}
	db_tables_free(tables);
	return e;
}

/* A database that a later version has opened once is not new any more. */
static enum err open_new(const char *where, const char *const *steps, size_t count, struct db **ret, struct fail *f)
{
	struct fail why = { 0 };
	enum err e = db_open(where, steps, count, ret, &why);

	if (e == ERR_CONFIG && strstr(why.text, "newer version"))
		return fail_set(f, ERR_REFUSED, 0,
				"the database has a later schema than the backup (%zu); a backup goes into a new one",
				count);
	return e == ERR_OK ? e : fail_set(f, e, why.rv, "%s", why.text);
}

enum err db_dump_load(const char *path, const char *service, const char *where, const char *const *steps, size_t count,
		      struct fail *f)
{
	struct db_dump_head head = { 0 };
	struct db *d = NULL;
	enum err e = db_dump_read(path, service, &head, f);

	json_decref(head.about);
	if (e == ERR_OK && (head.schema < 1 || head.schema > (int64_t)count))
		e = fail_set(f, ERR_CONFIG, 0,
			     "%s: made by a newer version of this program (schema %lld, known are %zu)", path,
			     (long long)head.schema, count);
	if (e == ERR_OK)
		e = open_new(where, steps, (size_t)head.schema, &d, f);
	if (e == ERR_OK)
		e = must_be_empty(d, f);
	if (e == ERR_OK)
		e = db_begin(d, f);
	if (e == ERR_OK)
		e = rows_load(d, path, f);
	if (e == ERR_OK)
		e = d->engine->ids_settle(d, f);
	if (e == ERR_OK)
		e = db_commit(d, f);
	if (d)
		db_rollback(d);
	db_free(d);
	if (e != ERR_OK)
		return e;
	e = db_open(where, steps, count, &d, f);
	if (e == ERR_OK)
		db_free(d);
	return e;
}
