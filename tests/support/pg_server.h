/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PG_SERVER_H
#define TESTS_PG_SERVER_H

#include <jansson.h>
#include <stdbool.h>

/*
 * A private PostgreSQL (tests/servers/postgres.py, whose path is in POSTGRES_SERVER) with a proxy before it that cuts
 * connections. One for each test program. Any failure of the machinery aborts.
 */
struct pg_server {
	int port;
	int proxy;
	char passfile[200];
	char folder[160];
};

extern struct pg_server pg_server;

/* pg_server_start: settings is NULL or ends with NULL, NAME=VALUE each. pg_server_stop: also at exit of the caller. */
void pg_server_start(const char *const settings[]);
void pg_server_stop(void);
/* pg_server_ask: a command of postgres.py; the answer is the caller's; one that tells an error aborts. */
json_t *pg_server_ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
void pg_server_do(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * pg_server_create: an empty database, another one at each call of a process (the processes of one test program take
 * turns). pg_server_url: of it, straight or through the proxy, with all that is demanded.
 */
void pg_server_create(char ret_name[64]);
void pg_server_url(const char *name, bool proxy, char ret[1000]);

#endif
