/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "db_postgres.h"
#include "now.h"

#define SETTLE_MS 30000 /* how long a lost COMMIT is asked after */
#define SETTLE_PAUSE_MAX_MS 2000
#define SWEEP_COMMITS 256 /* commits between two looks for old operation ids */

/* Both forms mark by done whether the id is the transaction's own or of one that asks after it. */
static const char own_sql[] = "INSERT INTO operation(id, at, done)"
			      " VALUES ($1, CAST(extract(epoch FROM now()) AS BIGINT), 1)";
static const char ask_sql[] = "INSERT INTO operation(id, at, done)"
			      " VALUES ($1, CAST(extract(epoch FROM now()) AS BIGINT), 0) ON CONFLICT (id) DO NOTHING";
static const char done_sql[] = "SELECT done FROM operation WHERE id = $1";
/* Our own server process, which may not have noticed yet that nobody listens. */
static const char end_sql[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = CAST($1 AS INT) AND"
			      " backend_start = CAST($2 AS TIMESTAMPTZ) AND usename = current_user";
static const char sweep_sql[] = "DELETE FROM operation WHERE at < CAST(extract(epoch FROM now()) AS BIGINT) - 86400";

static enum err with_id(struct pg *p, const char *sql, PGresult **ret, struct fail *f)
{
	const Oid type = 17; /* bytea */
	const char *const values[] = { (const char *)p->operation };
	const int lengths[] = { OPERATION_LEN }, formats[] = { 1 };
	PGresult *r = pg_answer(p, PQsendQueryParams(p->conn, sql, 1, &type, values, lengths, formats, 0));
	ExecStatusType status = PQresultStatus(r);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		enum err e = pg_fail(p, r, sql, f);

		PQclear(r);
		return e;
	}
	if (ret)
		*ret = r;
	else
		PQclear(r);
	return ERR_OK;
}

enum err pg_begin(struct db *d, struct fail *f)
{
	struct pg *p = (struct pg *)d;
	struct fail why = { 0 };
	enum err e;

	if (p->open)
		return fail_set(f, ERR_INTERNAL, 0, "database: a transaction in a transaction");
	if (getrandom(p->operation, sizeof(p->operation), 0) != sizeof(p->operation))
		return fail_set(f, ERR_INTERNAL, 0, "database: no random bytes");
	e = pg_ready(p, f);
	if (e != ERR_OK)
		return e;
	e = pg_exec(p, "BEGIN", &why);
	if (e == ERR_BUSY && !p->conn) {
		/* It was dead already, and nothing was asked of it. */
		e = pg_ready(p, f);
		if (e != ERR_OK)
			return e;
		why = (struct fail){ 0 };
		e = pg_exec(p, "BEGIN", &why);
	}
	if (e != ERR_OK)
		return fail_set(f, e, 0, "%s", why.text);
	p->open = true;
	p->wrote = false;
	p->patient = false;
	return ERR_OK;
}

static void old_process_end(struct pg *p, int process, const char *started)
{
	char number[16];
	const char *const values[] = { number, started };

	snprintf(number, sizeof(number), "%d", process);
	PQclear(pg_answer(p, PQsendQueryParams(p->conn, end_sql, 2, NULL, values, NULL, NULL, 0)));
}

static enum err settle_once(struct pg *p, int process, const char *started, bool *ret_done, struct fail *f)
{
	PGresult *r = NULL;
	enum err e = p->conn ? ERR_OK : pg_connect(p, f);

	if (e != ERR_OK)
		return e;
	old_process_end(p, process, started);
	if (!p->conn || PQstatus(p->conn) != CONNECTION_OK)
		return pg_fail(p, NULL, "settle", f);
	e = with_id(p, ask_sql, NULL, f);
	if (e == ERR_OK)
		e = with_id(p, done_sql, &r, f);
	if (e == ERR_OK && PQntuples(r) != 1)
		e = fail_set(f, ERR_IO, 0, "database: the operation id is gone");
	if (e == ERR_OK)
		*ret_done = !strcmp(PQgetvalue(r, 0, 0), "1");
	PQclear(r);
	return e;
}

/*
 * The connection was lost in COMMIT. Whoever puts the id into the table decides: if the transaction did, it was
 * committed; if we do, it can not be any more. We wait for it where it is still under way.
 */
static enum err settle(struct pg *p, struct fail *f)
{
	char id[2 * OPERATION_LEN + 1], started[sizeof(p->started)];
	int process = p->process;
	struct fail why = { 0 };
	unsigned pause_ms = 50;
	int64_t end = steady_ms() + SETTLE_MS;

	snprintf(started, sizeof(started), "%s", p->started);
	hex_encode(VIEW(p->operation, OPERATION_LEN), id);
	do {
		struct timespec pause = { pause_ms / 1000, (long)(pause_ms % 1000) * 1000000 };
		bool done = false;

		why = (struct fail){ 0 };
		if (settle_once(p, process, started, &done, &why) == ERR_OK)
			return done ? ERR_OK
				    : fail_set(f, ERR_BUSY, 0,
					       "database: connection lost before the commit; nothing was changed");
		nanosleep(&pause, NULL);
		pause_ms = pause_ms * 2 > SETTLE_PAUSE_MAX_MS ? SETTLE_PAUSE_MAX_MS : pause_ms * 2;
	} while (steady_ms() < end);
	return fail_set(
	    f, ERR_IO, 0,
	    "database: connection lost in a commit; whether operation %s was committed is not known: %.100s", id,
	    why.text);
}

static enum err commit_send(struct pg *p, struct fail *f)
{
	PGresult *r = pg_answer(p, PQsendQuery(p->conn, "COMMIT"));
	enum err e = ERR_OK;

	if (PQresultStatus(r) == PGRES_COMMAND_OK) {
		if (strcmp(PQcmdStatus(r), "COMMIT") != 0)
			e = fail_set(f, ERR_IO, 0, "database: a statement of the transaction had failed");
		PQclear(r);
		return e;
	}
	struct fail why = { 0 };

	e = pg_fail(p, r, "COMMIT", &why);
	PQclear(r);
	if (!p->conn)
		return p->wrote ? settle(p, f) : ERR_OK;
	return fail_set(f, e, 0, "%s", why.text);
}

enum err pg_commit(struct db *d, struct fail *f)
{
	struct pg *p = (struct pg *)d;
	enum err e = ERR_OK;

	if (!p->open)
		return fail_set(f, ERR_INTERNAL, 0, "database: a commit without a transaction");
	if (!p->conn) {
		p->open = false;
		return fail_set(f, ERR_BUSY, 0, "database: connection lost in the transaction; nothing was changed");
	}
	if (p->wrote)
		e = with_id(p, own_sql, NULL, f);
	if (e != ERR_OK) {
		pg_rollback(d);
		return e;
	}
	p->open = false;
	e = commit_send(p, f);
	p->patient = false;
	/* What could not be swept now is swept at the next commit. */
	if (e == ERR_OK && p->wrote && p->conn && p->commits++ % SWEEP_COMMITS == 0)
		p->commits -= pg_exec(p, sweep_sql, NULL) != ERR_OK;
	return e;
}

void pg_rollback(struct db *d)
{
	struct pg *p = (struct pg *)d;

	if (p->open && p->conn && pg_exec(p, "ROLLBACK", NULL) != ERR_OK)
		pg_lose(p);
	p->open = false;
	p->patient = false;
}
