/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DB_KIT_H
#define TESTS_DB_KIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit.h"
#include "pg_server.h"
#include "temp.h"

/* A test of the database runs once on each engine: its loop number is the engine. */
enum { SQLITE, POSTGRES, ENGINES };

struct db_kit {
	int engine;
	char dir[128];
	char where[1000]; /* the database of this test */
};

extern struct db_kit kit;
extern const char *const steps[2]; /* the table thing, and the audit */

/* use: begins a test on that engine. other_database: where is a fresh one from here on. */
void use(int engine);
void other_database(const char *name);
struct db *open_db(void);
int64_t count(struct db *d, const char *sql);
/* kit_case: with the folder made and removed. kit_run: starts PostgreSQL, runs, stops; for main. */
TCase *kit_case(const char *name);
int kit_run(Suite *s);

#endif
