/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_TABLES_H
#define HOST_DB_TABLES_H

#include "db_own.h"

/* The tables of a service as the engine's catalogue tells, each after those that its foreign keys name. */
struct db_table {
	char name[64];
	size_t count;
	struct {
		char name[64];
		char type; /* i, t, b */
	} columns[DB_PARAMS_MAX];
	bool done; /* while they are put in order */
};

#define DB_TABLES_MAX 64
struct db_tables {
	size_t count;
	struct db_table table[DB_TABLES_MAX];
};

/* db_tables_read: without what the engine keeps for itself. db_tables_free takes NULL. */
enum err db_tables_read(struct db *d, struct db_tables **ret, struct fail *f) MUST_CHECK;
void db_tables_free(struct db_tables *t);

#endif
