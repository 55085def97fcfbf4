/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "daemon.h"
#include "dc.h"

static int run(struct daemon *d, struct dc *dc)
{
	struct msg_service service = { .rows = dc_rows, .count = dc_rows_count, .service = dc };
	struct http_server *server = NULL;
	char addresses[400];
	struct fail f = { 0 };
	int status = 1;
	enum err e = dc_open(dc, &f);

	service.db = dc->db;
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
	http_server_free(server);
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
	const struct command_row *row = NULL;
	struct dc dc = { .conf = d->conf };
	char **arguments = NULL;
	enum err e = command_find(admin_rows, admin_rows_count, d->argc, d->argv, &row, &arguments, f);

	if (!e)
		e = dc_open_db(dc.conf, &dc.db, f);
	if (!e)
		e = row->run(&dc, arguments, f);
	dc_done(&dc);
	return e;
}

static void usage(struct buf *ret)
{
	command_usage(admin_rows, admin_rows_count, ret);
}

int main(int argc, char **argv)
{
	const struct daemon_program program = { "dcd", dc_keys, &dc_keys_count, usage, serve, command };

	return daemon_main(&program, argc, argv);
}
