/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "msg_pool.h"

#define SEND_MS 3000 /* for the last answers */

struct maker {
	const struct conf *conf;
	void *service;
	msg_open_db open;
};

static enum err make(void *arg, void **ret_context, struct fail *f)
{
	const struct maker *m = arg;
	struct msg_context *c = calloc(1, sizeof(*c));
	enum err e;

	if (!c)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a thread");
	c->service = m->service;
	e = m->open(m->conf, &c->db, f);
	if (e) {
		free(c);
		return e;
	}
	*ret_context = c;
	return ERR_OK;
}

static void drop(void *context)
{
	struct msg_context *c = context;

	db_free(c->db);
	free(c);
}

enum err msg_pool_new(struct daemon *d, void *service, msg_open_db open, struct pool **ret, struct fail *f)
{
	struct maker m = { d->conf, service, open };
	struct pool_options o = { .base = d->base, .name = "messages", .make = make, .drop = drop, .arg = &m };
	enum err e = pool_configured(d->conf, &o, &d->stop_s, f);

	return e ? e : pool_new(&o, ret, f);
}

static bool sending(void *arg)
{
	return http_server_sending(arg);
}

void msg_pool_end(struct daemon *d, struct http_server *server, struct pool *pool)
{
	http_server_close(server);
	pool_stop(pool);
	daemon_settle(d, sending, server, SEND_MS);
	http_server_free(server);
	pool_free(pool);
}
