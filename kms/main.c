/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "daemon.h"
#include "dbadmin.h"
#include "import.h"
#include "log.h"
#include "mailer.h"
#include "messages.h"
#include "msg.h"
#include "node.h"
#include "open.h"
#include "pickup.h"
#include "pool.h"
#include "spool.h"
#include "terminals.h"
#include "token_keys.h"

#define SEND_MS 3000 /* for the last answers */

/* The running KMS: what reaches it from outside. */
struct doors {
	struct pool *steps;   /* of terminals: HSM and database */
	struct pool *records; /* messages, and what needs the database alone: an HSM that hangs does not keep them */
	struct terminals *terminals;
	struct mailer *mailer;
	struct identity *identity;
	struct http_server *http;
	struct msg_service messages;
};

static enum err identity_get(const struct conf *c, struct doors *d, struct fail *f)
{
	return d->identity ? ERR_OK : kms_identity(c, &d->identity, f);
}

/* A thread's own: a copy of the KMS. */
struct thread {
	struct msg_context context; /* first */
	struct kms k;
};

struct maker {
	struct kms *k;
	const struct conf *conf;
};

static enum err thread_make(void *arg, void **ret_context, struct fail *f)
{
	const struct maker *m = arg;
	struct thread *t = calloc(1, sizeof(*t));
	enum err e = t ? kms_copy(m->k, m->conf, &t->k, f) : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a thread");

	if (e) {
		free(t);
		return e;
	}
	t->context = (struct msg_context){ &t->k, t->k.db };
	*ret_context = t;
	return ERR_OK;
}

static void thread_drop(void *context)
{
	struct thread *t = context;

	kms_copy_done(&t->k);
	free(t);
}

static enum err pools_open(struct daemon *daemon, struct kms *k, struct doors *d, struct fail *f)
{
	struct maker m = { k, daemon->conf };
	struct pool_options o = {
		.base = k->base, .name = "terminals", .make = thread_make, .drop = thread_drop, .arg = &m
	};
	enum err e = pool_configured(daemon->conf, &o, &daemon->stop_s, f);

	if (!e)
		e = pool_new(&o, &d->steps, f);
	o.name = "messages";
	return e ? e : pool_new(&o, &d->records, f);
}

static enum err terminals_open(const struct conf *c, struct kms *k, struct doors *d, struct fail *f)
{
	struct terminals_options o = { .listen = conf_get(c, "terminals", "listen"),
				       .tls_listen = conf_get(c, "terminals", "tls_listen") };
	unsigned long connections, of_address;
	enum err e;

	e = conf_number(c, "terminals", "connections", 1, 1000, &connections, f);
	if (!e)
		e = conf_number(c, "terminals", "address_connections", 1, 1000, &of_address, f);
	if (e)
		return e;
	if (!strcmp(o.listen, "none"))
		o.listen = NULL;
	if (!o.listen && !o.tls_listen)
		return fail_set(f, ERR_CONFIG, 0, "[terminals]: neither listen nor tls_listen");
	e = o.tls_listen ? identity_get(c, d, f) : ERR_OK;
	if (e)
		return e;
	o.identity = d->identity;
	o.steps = d->steps;
	o.records = d->records;
	o.address_connections_max = (unsigned)of_address;
	o.connections_max = (unsigned)connections;
	return terminals_new(k, &o, &d->terminals, f);
}

/* Manifests are checked against the roots of our identity. */
static enum err files_open(const struct conf *c, struct kms *k, struct doors *d, struct fail *f)
{
	enum err e;

	if (!conf_get(c, "spool", "folder") && !conf_member(c, "pickup *", 0))
		return ERR_OK;
	e = identity_get(c, d, f);
	if (!e)
		e = spool_new(k, c, d->identity->roots, &k->spool, f);
	if (!e)
		e = pickups_new(k, c, d->identity->roots, &k->pickups, f);
	return e;
}

static enum err mailer_open(const struct conf *c, struct kms *k, struct doors *d, struct fail *f)
{
	unsigned long poll, timeout, first, most, days;
	struct mailer_options o;
	struct db *db = NULL;
	enum err e;

	e = conf_number(c, "mail", "poll_ms", 10, 600000, &poll, f);
	if (!e)
		e = conf_number(c, "mail", "timeout_ms", 100, 600000, &timeout, f);
	if (!e)
		e = conf_number(c, "mail", "retry_first_ms", 10, 86400000, &first, f);
	if (!e)
		e = conf_number(c, "mail", "retry_max_ms", first, 86400000, &most, f);
	if (!e)
		e = conf_number(c, "mail", "give_up_days", 1, 365, &days, f);
	if (!e)
		e = kms_open_db(c, &db, f);
	if (e)
		return e;
	o = (struct mailer_options){ .poll_ms = (unsigned)poll,
				     .timeout_ms = (unsigned)timeout,
				     .retry_first_ms = (int64_t)first,
				     .retry_max_ms = (int64_t)most,
				     .give_up_ms = (int64_t)days * 86400000 };
	return mailer_new(k, db, &o, &d->mailer, f);
}

static enum err https_open(const struct conf *c, struct kms *k, struct doors *d, struct fail *f)
{
	const char *listen = conf_get(c, "", "listen");
	enum err e;

	if (!listen)
		return ERR_OK;
	e = identity_get(c, d, f);
	if (e)
		return e;
	d->messages = (struct msg_service){
		.rows = kms_messages, .count = kms_messages_count, .own = { k, k->db }, .pool = d->records
	};
	return msg_serve(k->base, listen, d->identity, &d->messages, &d->http, f);
}

static bool sending(void *arg)
{
	const struct doors *d = arg;

	return http_server_sending(d->http) || terminals_sending(d->terminals);
}

/* Nothing new; what is in hand is finished and its answers go out. */
static void doors_close(struct daemon *daemon, struct doors *d)
{
	http_server_close(d->http);
	terminals_close(d->terminals);
	pool_stop(d->steps); /* its ends may be for the other */
	pool_stop(d->records);
	daemon_settle(daemon, sending, d, SEND_MS);
}

static void doors_free(struct doors *d)
{
	mailer_free(d->mailer);
	http_server_free(d->http);
	terminals_free(d->terminals);
	pool_free(d->steps);
	pool_free(d->records);
	identity_free(d->identity);
}

static enum err doors_open(struct daemon *daemon, struct kms *k, struct doors *d, struct fail *f)
{
	const struct conf *c = daemon->conf;
	enum err e = import_start(k, c, f);

	if (!e)
		e = files_open(c, k, d, f);
	if (!e)
		e = pools_open(daemon, k, d, f);
	if (!e)
		e = terminals_open(c, k, d, f);
	if (!e)
		e = https_open(c, k, d, f);
	if (!e)
		e = mailer_open(c, k, d, f);
	return e ? e : node_beat(k, c, f);
}

static int serve(struct daemon *daemon)
{
	struct kms k = { .base = daemon->base };
	struct doors d = { 0 };
	struct fail f = { 0 };
	char addresses[1000];
	int status;
	enum err e;

	e = kms_open(daemon->conf, &k, &f);
	if (!e)
		e = node_start(&k, &f);
	if (!e)
		e = token_keys_note(&k, &f);
	if (!e)
		e = doors_open(daemon, &k, &d, &f);
	if (e) {
		status = daemon_fail(daemon, "cannot start", &f);
	} else {
		const char *tls = terminals_tls_address(d.terminals);

		snprintf(addresses, sizeof(addresses), "terminals=%s%s%s%s%s", terminals_address(d.terminals),
			 tls[0] ? " terminals_tls=" : "", tls, d.http ? " https=" : "",
			 d.http ? http_server_address(d.http) : "");
		status = daemon_run(daemon, addresses);
	}
	doors_close(daemon, &d);
	pickups_free(k.pickups);
	spool_free(k.spool);
	doors_free(&d);
	import_stop(&k);
	node_stop(&k);
	kms_done(&k);
	return status;
}

static enum err command(struct daemon *d, struct fail *f)
{
	if (!strcmp(d->argv[0], "db"))
		return dbadmin_run(d->conf, d->argc, d->argv, &d->status, f);
	return admin_run(d->conf, d->argc, d->argv, f);
}

int main(int argc, char **argv)
{
	const struct daemon_program program = { "kmsd", kms_keys, &kms_keys_count, admin_help, serve, command };

	return daemon_main(&program, argc, argv);
}
