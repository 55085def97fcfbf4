/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_tables.h"

#define REFERENCES_MAX 256

struct references {
	size_t count;
	char pair[REFERENCES_MAX][2][64];
};

static enum err columns_read(struct db *d, struct db_tables *t, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(d, &s, f, d->engine->columns_sql, "");

	while (e == ERR_OK && (e = db_next(s, &row, f)) == ERR_OK && row) {
		struct db_table *last = t->count ? &t->table[t->count - 1] : NULL;

		if (!last || strcmp(last->name, db_text(s, 0)) != 0) {
			if (t->count == DB_TABLES_MAX)
				return fail_set(f, ERR_INTERNAL, 0, "database: too many tables");
			last = &t->table[t->count++];
			snprintf(last->name, sizeof(last->name), "%s", db_text(s, 0));
		}
		if (last->count == DB_PARAMS_MAX)
			return fail_set(f, ERR_INTERNAL, 0, "database: too many columns in %s", last->name);
		snprintf(last->columns[last->count].name, sizeof(last->columns[0].name), "%s", db_text(s, 1));
		last->columns[last->count++].type = db_text(s, 2)[0];
	}
	return e;
}

static enum err references_read(struct db *d, struct references *r, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(d, &s, f, d->engine->references_sql, "");

	while (e == ERR_OK && (e = db_next(s, &row, f)) == ERR_OK && row) {
		if (r->count == REFERENCES_MAX)
			return fail_set(f, ERR_INTERNAL, 0, "database: too many foreign keys");
		for (int i = 0; i < 2; i++)
			snprintf(r->pair[r->count][i], sizeof(r->pair[0][0]), "%s", db_text(s, i));
		r->count++;
	}
	return e;
}

static bool is_done(const struct db_tables *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (!strcmp(t->table[i].name, name))
			return t->table[i].done;
	return true;
}

static bool may_come(const struct db_tables *t, const struct references *r, const struct db_table *table)
{
	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->pair[i][0], table->name) && !is_done(t, r->pair[i][1]))
			return false;
	return true;
}

static enum err order(struct db_tables *t, const struct references *r, struct db_tables *ret, struct fail *f)
{
	while (ret->count < t->count) {
		size_t before = ret->count;

		for (size_t i = 0; i < t->count; i++) {
			if (t->table[i].done || !may_come(t, r, &t->table[i]))
				continue;
			ret->table[ret->count++] = t->table[i];
			t->table[i].done = true;
		}
		if (ret->count == before)
			return fail_set(f, ERR_INTERNAL, 0, "database: tables that name each other in a circle");
	}
	return ERR_OK;
}

enum err db_tables_read(struct db *d, struct db_tables **ret, struct fail *f)
{
	struct db_tables *t = calloc(1, sizeof(*t)), *ordered = calloc(1, sizeof(*ordered));
	struct references *r = calloc(1, sizeof(*r));
	enum err e = t && ordered && r ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "database");

	if (e == ERR_OK)
		e = columns_read(d, t, f);
	if (e == ERR_OK)
		e = references_read(d, r, f);
	if (e == ERR_OK)
		e = order(t, r, ordered, f);
	free(t);
	free(r);
	if (e != ERR_OK) {
		free(ordered);
		return e;
	}
	*ret = ordered;
	return ERR_OK;
}

void db_tables_free(struct db_tables *t)
{
	free(t);
}
