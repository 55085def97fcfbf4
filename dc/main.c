/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "daemon.h"
#include "dc.h"
#include "msg_pool.h"

static int run(struct daemon *d, struct dc *dc)
{
	struct msg_service service = { .rows = dc_rows, .count = dc_rows_count, .own.service = dc };
	struct http_server *server = NULL;
	struct pool *pool = NULL;
	char addresses[400];
	struct fail f = { 0 };
	int status = 1;
	enum err e = dc_open(dc, &f);

	if (!e)
		e = msg_pool_new(d, dc, dc_open_db, &pool, &f);
	service.pool = pool;
	if (!e)
		e = msg_serve(d->base, conf_get(dc->conf, "", "listen"), dc->identity, &service, &server, &f);
	if (!e)
		e = dc_start(dc, &f);
	if (e) {
		daemon_fail(d, "cannot start", &f);
	} else {
		snprintf(addresses, sizeof(addresses), "https=%s", http_server_address(server));
		status = daemon_run(d, addresses);
	}
	msg_pool_end(d, server, pool);
	return status;
}

static int serve(struct daemon *d)
{
	struct dc dc = { .conf = d->conf };
	int status = run(d, &dc);

	dc_done(&dc);
	return status;
}

static enum err command(struct daemon *d, struct fail *f)
{
	struct dc dc = { .conf = d->conf };
	enum err e = dc_open_db(dc.conf, &dc.db, f);

	if (!e)
		e = admin_run(&dc, d->argc, d->argv, f);
	dc_done(&dc);
	return e;
}

int main(int argc, char **argv)
{
	const struct daemon_program program = { "dcd", dc_keys, &dc_keys_count, admin_help, serve, command };

	return daemon_main(&program, argc, argv);
}
