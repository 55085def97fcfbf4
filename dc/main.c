/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "daemon.h"
#include "dc.h"

static int serve(struct daemon *d, struct dc *dc)
{
	struct msg_service service = { .rows = dc_rows, .count = dc_rows_count, .service = dc };
	struct http_server_options options = { .listen = conf_get(dc->conf, "", "listen"), .handler = msg_http };
	struct http_server *server = NULL;
	char addresses[400];
	struct fail f = { 0 };
	int status = 1;
	enum err e = dc_open(dc, &f);

	service.db = dc->db;
	options.identity = dc->identity;
	options.peers = msg_peers(&service);
	options.body_max = msg_body_max(&service);
	options.arg = &service;
	if (!e)
		e = http_server_new(d->base, &options, &server, &f);
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

static int command(struct daemon *d, struct dc *dc)
{
	const struct command_row *row = NULL;
	char **arguments = NULL;
	struct fail f = { 0 };
	enum err e = command_find(admin_rows, admin_rows_count, d->argc, d->argv, &row, &arguments, &f);

	if (!e)
		e = dc_open_db(dc->conf, &dc->db, &f);
	if (!e)
		e = row->run(dc, arguments, &f);
	return e ? daemon_fail(d, d->argv[0], &f) : 0;
}

int main(int argc, char **argv)
{
	BUF_AUTO usage = { 0 };
	struct daemon_spec spec = { "dcd", NULL, dc_keys, dc_keys_count };
	struct dc dc = { 0 };
	struct daemon d;
	int status = -1;

	command_usage(admin_rows, admin_rows_count, &usage);
	spec.usage = buf_ok(&usage) ? (const char *)usage.p : NULL;
	daemon_init(&d, &spec, argc, argv, &status);
	if (status >= 0)
		return status;
	dc.conf = d.conf;
	status = d.argc ? command(&d, &dc) : serve(&d, &dc);
	dc_done(&dc);
	daemon_done(&d);
	return status;
}
