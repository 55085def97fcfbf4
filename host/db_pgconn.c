/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "db_postgres.h"
#include "now.h"

#define OPTIONS_MAX 64
#define TRIES 3
#define SLOW_MS 1000
#define PAUSE_MS 100
#define PAUSE_MAX_MS 5000
#define ANSWER_MS 25000 /* longer than statement_timeout: a server that is silent then is not there */
#define LOOK_MS 1000

/* What every session is set to before anything else. */
static const char settings[] =
    "SET client_encoding = 'UTF8'; SET search_path = public, pg_temp; SET standard_conforming_strings = on;"
    "SET lock_timeout = '10s'; SET statement_timeout = '20s'; SET idle_in_transaction_session_timeout = '120s';"
    "SET default_transaction_isolation = 'read committed'; SET bytea_output = 'hex'; SET TimeZone = 'UTC'";

static PQconninfoOption *option(PQconninfoOption *list, const char *keyword)
{
	for (; list->keyword; list++)
		if (!strcmp(list->keyword, keyword))
			return list;
	return NULL;
}

static const char *value(PQconninfoOption *list, const char *keyword)
{
	PQconninfoOption *o = option(list, keyword);

	return o && o->val && *o->val ? o->val : NULL;
}

/* All hosts of the list are folders of Unix sockets. */
static bool all_local(PQconninfoOption *list)
{
	const char *host = value(list, "host");

	if (!host || value(list, "hostaddr"))
		return false;
	for (; host; host = strchr(host, ',') ? strchr(host, ',') + 1 : NULL)
		if (*host != '/' && *host != '@')
			return false;
	return true;
}

/* libpq would pass over a file that others may read with a line on standard error. */
static enum err passfile_check(const char *path, struct fail *f)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fail_set(f, ERR_CONFIG, 0, "database: passfile %s is not there", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		return fail_set(f, ERR_CONFIG, 0, "database: passfile %s: others may read it, make its mode 0600",
				path);
	return ERR_OK;
}

static enum err options_check(PQconninfoOption *list, struct fail *f)
{
	const char *mode = value(list, "sslmode");

	if (value(list, "password") || value(list, "sslpassword"))
		return fail_set(f, ERR_CONFIG, 0,
				"database: no password in the URL: it would be seen in logs and lists of processes; "
				"passfile=FILE names a password file");
	if (value(list, "service"))
		return fail_set(f, ERR_CONFIG, 0, "database: no service= in the URL: name host and database");
	if (!all_local(list)) {
		if (!value(list, "host"))
			return fail_set(f, ERR_CONFIG, 0,
					"database: the URL names no host (a Unix socket: host=/run/postgresql)");
		if (mode && strcmp(mode, "verify-full") != 0)
			return fail_set(f, ERR_CONFIG, 0,
					"database: sslmode=%s does not make sure who the server is; use "
					"sslmode=verify-full",
					mode);
		if (!value(list, "sslrootcert"))
			return fail_set(f, ERR_CONFIG, 0,
					"database: sslrootcert=FILE must name the certificate of the CA that signed "
					"the server's");
	}
	return value(list, "passfile") ? passfile_check(value(list, "passfile"), f) : ERR_OK;
}

enum err pg_parameters(const char *url, PQconninfoOption **ret, struct fail *f)
{
	char *error = NULL;
	PQconninfoOption *list = PQconninfoParse(url, &error);
	enum err e;

	/* The parser's text may quote the URL, which may hold a password. */
	PQfreemem(error);
	if (!list)
		return fail_set(f, ERR_CONFIG, 0,
				"database: not a URL of the form postgresql://user@host:port/database?option=value");
	e = options_check(list, f);
	if (e != ERR_OK) {
		PQconninfoFree(list);
		return e;
	}
	*ret = list;
	return ERR_OK;
}

/* Libraries are silent. */
static void no_notice(void *arg, const PGresult *r)
{
}

static enum err connection_open(struct pg *p, struct fail *f)
{
	static const char *const ours[][2] = { { "sslmode", "verify-full" },
					       { "gssencmode", "disable" },
					       { "client_encoding", "UTF8" },
					       { "fallback_application_name", "strongroom" } };
	static const char *const defaults[][2] = { { "connect_timeout", "10" },
						   { "tcp_user_timeout", "30000" },
						   { "target_session_attrs", "read-write" } };
	const char *keywords[OPTIONS_MAX + 1] = { 0 }, *values[OPTIONS_MAX + 1] = { 0 };
	PQconninfoOption *list = NULL;
	size_t n = 0;
	enum err e = pg_parameters(p->url, &list, f);

	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++, n++) {
		keywords[n] = defaults[i][0];
		values[n] = defaults[i][1];
	}
	if (p->read)
		n--; /* a standby may answer questions */
	for (PQconninfoOption *o = list; o->keyword && n < OPTIONS_MAX - ARRAY_LEN(ours); o++) {
		if (!o->val || !*o->val)
			continue;
		keywords[n] = o->keyword;
		values[n++] = o->val;
	}
	for (size_t i = 0; i < ARRAY_LEN(ours); i++, n++) {
		keywords[n] = ours[i][0];
		values[n] = ours[i][1];
	}
	keywords[n] = NULL;
	p->conn = PQconnectdbParams(keywords, values, 0);
	PQconninfoFree(list);
	if (!p->conn)
		return fail_set(f, ERR_NO_MEMORY, 0, "database");
	PQsetNoticeReceiver(p->conn, no_notice, NULL);
	if (PQstatus(p->conn) != CONNECTION_OK)
		return pg_fail(p, NULL, "connect", f);
	return ERR_OK;
}

/* A commit that returned must survive a power cut of the server. */
static enum err server_check(struct pg *p, struct fail *f)
{
	static const struct {
		const char *sql, *bad, *text;
	} rows[] = {
		{ "SHOW fsync", "off", "fsync is off: a power cut would destroy the database; set fsync = on" },
		{ "SHOW full_page_writes", "off",
		  "full_page_writes is off: a power cut would destroy the database; set full_page_writes = on" },
		{ "SHOW synchronous_commit", "off",
		  "synchronous_commit is off: a power cut would undo what was answered; set synchronous_commit = on" },
		{ "SELECT CASE WHEN current_setting('synchronous_standby_names') <> '' THEN "
		  "current_setting('synchronous_commit') ELSE '' END",
		  "local",
		  "synchronous_commit is local though there are synchronous standbys; set synchronous_commit = on" },
		{ "SELECT CASE current_setting('server_encoding') WHEN 'UTF8' THEN '' ELSE 'other' END", "other",
		  "the database's encoding is not UTF8: create it with ENCODING 'UTF8'" },
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum err e = pg_value(p, rows[i].sql, text, sizeof(text), f);

		if (e == ERR_OK && !strcmp(text, rows[i].bad))
			e = fail_set(f, ERR_CONFIG, 0, "database: the server's %s", rows[i].text);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err pg_connect(struct pg *p, struct fail *f)
{
	enum err e;

	pg_lose(p);
	e = connection_open(p, f);
	if (e == ERR_OK)
		e = pg_exec(p, settings, f);
	if (e == ERR_OK)
		e = server_check(p, f);
	/* nobody waits for an operator's question */
	if (e == ERR_OK && p->read)
		e = pg_exec(p, "SET default_transaction_read_only = on; SET statement_timeout = '600s'", f);
	if (e == ERR_OK)
		e = pg_value(p, "SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
			     p->started, sizeof(p->started), f);
	if (e != ERR_OK) {
		pg_lose(p);
		return e;
	}
	p->process = PQbackendPID(p->conn);
	p->generation++;
	return ERR_OK;
}

void pg_lose(struct pg *p)
{
	PQfinish(p->conn);
	p->conn = NULL;
}

/* A server that ended has closed its side: seen without a question asked. */
static bool closed(PGconn *conn)
{
	struct pollfd fd = { .fd = PQsocket(conn), .events = POLLIN };

	if (fd.fd < 0 || PQstatus(conn) != CONNECTION_OK)
		return true;
	return poll(&fd, 1, 0) > 0 && (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK);
}

enum err pg_ready(struct pg *p, struct fail *f)
{
	int64_t begin = steady_ms();
	struct fail why = { 0 };
	enum err e = ERR_BUSY;

	if (p->conn && !closed(p->conn))
		return ERR_OK;
	pg_lose(p);
	if (steady_ms() < p->next_try)
		return fail_set(f, ERR_BUSY, 0, "database: the server is not there; the next try is due in a moment");
	for (unsigned i = 0; i < TRIES && e == ERR_BUSY; i++) {
		struct timespec pause = { 0, (long)PAUSE_MS * 1000000 * i };

		/* A host that does not answer at all is asked once: others wait for this thread. */
		if (i && steady_ms() - begin > SLOW_MS)
			break;
		nanosleep(&pause, NULL);
		why = (struct fail){ 0 };
		e = pg_connect(p, &why);
	}
	if (e == ERR_OK) {
		p->failures = 0;
		return ERR_OK;
	}
	p->failures += p->failures < 6;
	p->next_try = steady_ms() + (PAUSE_MS << p->failures > PAUSE_MAX_MS ? PAUSE_MAX_MS : PAUSE_MS << p->failures);
	return fail_set(f, e, 0, "%s", why.text);
}

/* One line, without the line feeds of libpq. */
static void message(const char *text, char *ret, size_t room)
{
	size_t n = 0;

	if (!strncmp(text, "ERROR:  ", 8))
		text += 8;
	for (; *text && n < room - 1; text++)
		if (*text != '\n')
			ret[n++] = *text;
		else if (text[1])
			ret[n++] = ' ';
	ret[n] = 0;
}

enum err pg_fail(struct pg *p, const PGresult *r, const char *what, struct fail *f)
{
	static const struct {
		const char *state;
		enum err code;
	} rows[] = {
		{ "23505", ERR_DUPLICATE }, { "40", ERR_BUSY },   { "55P03", ERR_BUSY },   { "57014", ERR_BUSY },
		{ "57P", ERR_BUSY },        { "08", ERR_BUSY },   { "53300", ERR_BUSY },   { "25006", ERR_BUSY },
		{ "25P03", ERR_BUSY },      { "28", ERR_CONFIG }, { "3D000", ERR_CONFIG },
	};
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *primary = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	bool broken = !p->conn || PQstatus(p->conn) != CONNECTION_OK || (state && !strncmp(state, "57P", 3));
	enum err e = broken ? ERR_BUSY : ERR_IO;
	char text[160];

	for (size_t i = 0; state && i < ARRAY_LEN(rows); i++)
		if (!strncmp(state, rows[i].state, strlen(rows[i].state)))
			e = rows[i].code;
	message(primary ? primary : p->conn ? PQerrorMessage(p->conn) : "connection lost", text, sizeof(text));
	/* A server's certificate and a login do not mend themselves, and libpq gives no SQLSTATE for a refused login.
	 */
	if (!r && (strstr(text, "certificate") || strstr(text, "authentication failed") ||
		   strstr(text, "no password supplied") || strstr(text, "pg_hba.conf") ||
		   strstr(text, "does not support SSL") || strstr(text, "does not exist")))
		e = ERR_CONFIG;
	if (broken)
		pg_lose(p);
	return fail_set(f, e, 0, "database: %s: %.80s", text, what);
}

/* What TLS has read ahead no poll shows. */
static bool read_ahead(PGconn *conn)
{
	SSL *ssl = PQsslStruct(conn, "OpenSSL");

	return ssl && SSL_pending(ssl) > 0;
}

/* Until PQgetResult does not block; false: silence. */
static bool answer_wait(struct pg *p)
{
	int64_t end = steady_ms() + ANSWER_MS;

	while (PQisBusy(p->conn)) {
		struct pollfd fd = { .fd = PQsocket(p->conn), .events = POLLIN };

		if (!p->patient && !p->read && steady_ms() >= end)
			return false;
		if (!read_ahead(p->conn))
			poll(&fd, 1, LOOK_MS);
		if (!PQconsumeInput(p->conn))
			return true; /* PQgetResult says what it is */
	}
	return true;
}

PGresult *pg_answer(struct pg *p, int sent)
{
	PGresult *last = NULL;

	while (p->conn && sent) {
		PGresult *r;

		if (!answer_wait(p)) {
			PQclear(last);
			pg_lose(p);
			return NULL;
		}
		r = PQgetResult(p->conn);
		if (!r)
			break;
		PQclear(last);
		last = r;
	}
	return last;
}

enum err pg_exec(struct pg *p, const char *sql, struct fail *f)
{
	PGresult *r = pg_answer(p, PQsendQuery(p->conn, sql));
	ExecStatusType status = PQresultStatus(r);
	enum err e = ERR_OK;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		e = pg_fail(p, r, sql, f);
	PQclear(r);
	return e;
}

enum err pg_value(struct pg *p, const char *sql, char *ret, size_t ret_room, struct fail *f)
{
	PGresult *r = pg_answer(p, PQsendQuery(p->conn, sql));
	enum err e = ERR_OK;

	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		e = pg_fail(p, r, sql, f);
	else
		snprintf(ret, ret_room, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return e;
}
