/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_POSTGRES_H
#define HOST_DB_POSTGRES_H

#include <libpq-fe.h>

#include "db_own.h"

#define OPERATION_LEN 16

/* A connection to PostgreSQL that is made again when it was lost. */
struct pg {
	struct db base;
	char *url;
	bool read;
	PGconn *conn;        /* NULL: lost, or never there */
	unsigned generation; /* of conn: statements prepared on an older one are gone */
	unsigned names;      /* of prepared statements */
	int64_t changes;
	bool open;    /* a transaction, also one whose connection was lost */
	bool wrote;   /* in that transaction */
	bool patient; /* in that transaction statements may take their time */
	uint8_t operation[OPERATION_LEN];
	char started[40]; /* when the server's process of conn began */
	int process;
	int64_t next_try; /* milliseconds of the monotonic clock: no connection before */
	unsigned failures;
	unsigned commits;
};

/* pg_connect: one attempt, with all that the server is asked for. ERR_CONFIG: server or URL not safe enough. */
enum err pg_connect(struct pg *p, struct fail *f) MUST_CHECK;
/* pg_ready: a live connection outside of a transaction; with bounded back-off. ERR_BUSY: not now. */
enum err pg_ready(struct pg *p, struct fail *f) MUST_CHECK;
/* pg_lose: forgets the connection. */
void pg_lose(struct pg *p);
/* pg_fail: the error of a result (NULL: of the connection), mapped by SQLSTATE; loses a connection that is broken. */
enum err pg_fail(struct pg *p, const PGresult *r, const char *what, struct fail *f);
/*
 * pg_answer: what PQexec would have returned for what was sent (what a PQsend function answered); the caller's. NULL:
 * the connection is broken, or the server has not said a word for so long that it is given up: nobody waits for ever
 * for a server that is frozen.
 */
PGresult *pg_answer(struct pg *p, int sent);
/* pg_exec: statements without parameters; pg_value: the first column of the first row as text, "" without a row. */
enum err pg_exec(struct pg *p, const char *sql, struct fail *f) MUST_CHECK;
enum err pg_value(struct pg *p, const char *sql, char *ret, size_t ret_room, struct fail *f) MUST_CHECK;
/* pg_begin, pg_commit, pg_rollback: as db.h says. */
enum err pg_begin(struct db *d, struct fail *f) MUST_CHECK;
enum err pg_commit(struct db *d, struct fail *f) MUST_CHECK;
void pg_rollback(struct db *d);
/* pg_parameters: what libpq gets for this URL, as two lists that end with NULL, in b. ERR_CONFIG: what is not allowed.
 */
enum err pg_parameters(const char *url, PQconninfoOption **ret, struct fail *f) MUST_CHECK;

#endif
