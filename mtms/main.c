/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "admin.h"
#include "daemon.h"
#include "log.h"
#include "msg_pool.h"
#include "mtms.h"

static bool outbox_stopping(void *arg)
{
	return worker_stopping(arg);
}

static enum err open_all(struct mtms *m, struct fail *f)
{
	struct http_client_options dc = { .server = ROLE_DC, .name = conf_get(m->conf, "dc", "name") };
	BUF_AUTO relaxed = { 0 };
	BUF_AUTO ways = { 0 };
	enum err e = mtms_identity(m, f);

	if (!e)
		e = mtms_open_db(m->conf, &m->db, f);
	if (!e)
		e = mtms_open_db(m->conf, &m->outbox_db, f);
	if (!e)
		e = mtms_open_rewrappers(m, f);
	if (!e)
		e = mtms_open_token(m, f);
	if (!e)
		e = mtms_open_customers(m, f);
	dc.identity = m->identity;
	dc.stop = outbox_stopping;
	dc.stop_arg = &m->outbox;
	if (!e)
		e = http_client_new(&dc, &m->dc, f);
	if (e)
		return e;
	ops_describe(m->ops, &ways);
	buf_put_u8(&ways, 0);
	log_line(LOG_LEVEL_INFO, "token", "%s: %s", pk11_describe(m->token), buf_ok(&ways) ? (char *)ways.p : "");
	ops_relaxations(m->ops, &relaxed);
	buf_put_u8(&relaxed, 0);
	if (relaxed.len > 1 && buf_ok(&relaxed))
		log_line(LOG_LEVEL_WARN, "token", "%s", (char *)relaxed.p);
	return ERR_OK;
}

static int run(struct daemon *d, struct mtms *m)
{
	struct msg_service service = { .rows = mtms_rows, .count = mtms_rows_count, .own.service = m };
	struct http_server *server = NULL;
	struct pool *pool = NULL;
	char addresses[400];
	struct fail f = { 0 };
	int status = 1;
	enum err e = open_all(m, &f);

	if (!e)
		e = msg_pool_new(d, m, mtms_open_db, &pool, &f);
	service.pool = pool;
	if (!e)
		e = msg_serve(d->base, conf_get(m->conf, "", "listen"), m->identity, &service, &server, &f);
	for (size_t i = 0; i < m->rewrapper_count && !e; i++)
		e = worker_start(&m->rewrappers[i].worker, rewrap_step, &m->rewrappers[i], 0, 0, &f);
	if (!e)
		e = worker_start(&m->outbox, outbox_step, m, 0, 0, &f);
	if (e) {
		daemon_fail(d, "cannot start", &f);
	} else {
		snprintf(addresses, sizeof(addresses), "https=%s", http_server_address(server));
		status = daemon_run(d, addresses);
	}
	msg_pool_end(d, server, pool);
	for (size_t i = 0; i < m->rewrapper_count; i++)
		worker_stop(&m->rewrappers[i].worker);
	worker_stop(&m->outbox);
	return status;
}

static int serve(struct daemon *d)
{
	struct mtms m = { .conf = d->conf,
			  .oaep = { .mutex = PTHREAD_MUTEX_INITIALIZER },
			  .rewrap_trouble = { .mutex = PTHREAD_MUTEX_INITIALIZER },
			  .outbox_trouble = { .mutex = PTHREAD_MUTEX_INITIALIZER } };
	int status = run(d, &m);

	mtms_done(&m);
	return status;
}

static enum err command(struct daemon *d, struct fail *f)
{
	struct mtms m = { .conf = d->conf };
	enum err e = mtms_open_db(m.conf, &m.db, f);

	if (!e)
		e = admin_run(&m, d->argc, d->argv, f);
	mtms_done(&m);
	return e;
}

int main(int argc, char **argv)
{
	const struct daemon_program program = { "mtmsd", mtms_keys, &mtms_keys_count, admin_help, serve, command };

	return daemon_main(&program, argc, argv);
}
