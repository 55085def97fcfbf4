/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dc.h"
#include "formats.h"
#include "keyfile.h"
#include "pool.h"
#include "records.h"
#include "tables.h"

const struct conf_key dc_keys[] = {
	{ "", "name", NULL, "name of this DC, as it stands in its certificate; absent: that one" },
	{ "", "listen", "127.0.0.1:0", "address and port of HTTPS; port 0: any free one" },
	{ "", "database", CONF_REQUIRED,
	  "file of SQLite, or postgresql://user@host/name?sslrootcert=FILE&passfile=FILE" },
	IDENTITY_KEYS(CONF_REQUIRED, "dc"),
	{ "kms *", "mode", CONF_REQUIRED, "delivery by `message`, by `file`, or by file and `notice`" },
	{ "kms *", "url", NULL, "message, notice: https://host:port of the KMS" },
	{ "kms *", "spool", NULL, "file, notice: folder of the key files: /path, ftp://, ftps://, sftp://" },
	{ "kms *", "batch", BATCH_DEFAULT, "records in one delivery, at most 1000; by file 20000" },
	{ "kms *", "retry_max_s", "300", "seconds between two tries that fail, at most" },
	TRANSFER_KEYS("kms *"),
	POOL_KEYS("messages"),
};
const size_t dc_keys_count = ARRAY_LEN(dc_keys);

#define RETRY_MAX_S 86400
#define IDLE_MS 250

enum err dc_open_db(const struct conf *conf, struct db **ret, struct fail *f)
{
	return db_open(conf_get(conf, "", "database"), dc_tables, dc_tables_count, ret, f);
}

unsigned batch_of(const struct conf *conf, const char *customer)
{
	char section[64];
	const char *value;

	snprintf(section, sizeof(section), "kms %s", customer);
	value = conf_get(conf, section, "batch");
	return (unsigned)atoi(value ? value : BATCH_DEFAULT);
}

static bool stopping(void *arg)
{
	return worker_stopping(arg);
}

/* What the mode asks for, and nothing else. */
static enum err route_mode(const struct conf *conf, const char *section, struct route *r, struct fail *f)
{
	const char *mode = conf_get(conf, section, "mode");
	bool message = !strcmp(mode, "message"), notice = !strcmp(mode, "notice"), file = !strcmp(mode, "file");

	r->url = conf_get(conf, section, "url");
	r->spool = conf_get(conf, section, "spool");
	r->mode = message ? ROUTE_MESSAGE : notice ? ROUTE_NOTICE : ROUTE_FILE;
	if ((!message && !notice && !file) || (message || notice) != (r->url != NULL) ||
	    (file || notice) != (r->spool != NULL))
		return fail_set(f, ERR_CONFIG, 0,
				"[%s] mode: message with url, file with spool, or notice with url and spool", section);
	return ERR_OK;
}

static enum err route_numbers(const struct conf *conf, const char *section, struct route *r, struct fail *f)
{
	unsigned long batch = 0, seconds = 0;
	enum err e = conf_number(conf, section, "batch", 1,
				 r->mode == ROUTE_MESSAGE ? BATCH_MESSAGE_MAX : BATCH_FILE_MAX, &batch, f);

	if (!e)
		e = conf_number(conf, section, "retry_max_s", 1, RETRY_MAX_S, &seconds, f);
	r->batch = (unsigned)batch;
	r->retry_max_ms = (unsigned)seconds * 1000;
	return e;
}

static enum err route_open(struct dc *dc, const char *id, struct route *r, struct fail *f)
{
	/* Only the KMS whose certificate names this customer gets its records (R2.3, R2.9). */
	struct http_client_options options = {
		.identity = dc->identity, .server = ROLE_KMS, .name = id, .stop = stopping, .stop_arg = &r->worker
	};
	char section[64];
	enum err e;

	snprintf(section, sizeof(section), "kms %s", id);
	if (!format_customer_ok(view_of_string(id)))
		return fail_set(f, ERR_CONFIG, 0, "[%s]: not a customer id", section);
	r->dc = dc;
	r->customer = id;
	e = route_mode(dc->conf, section, r, f);
	if (!e)
		e = route_numbers(dc->conf, section, r, f);
	if (!e)
		e = dc_open_db(dc->conf, &r->db, f);
	if (!e && r->url)
		e = http_client_new(&options, &r->kms, f);
	if (!e && r->spool)
		e = transfer_configured(dc->conf, section, r->spool, stopping, &r->worker, &r->files, f);
	return e;
}

enum err dc_name(struct dc *dc, struct fail *f)
{
	return identity_own_name(dc->conf, "name", conf_get(dc->conf, "", "name"), DC_NAME_MAX, dc->name, f);
}

/* Numbers of revocation lists, by a handle of their own. */
static enum err remember(struct dc *dc, struct fail *f)
{
	struct db *db = NULL;
	enum err e = dc_open_db(dc->conf, &db, f);

	return e ? e : identity_crl_remember(dc->identity->roots, db, f);
}

enum err dc_open(struct dc *dc, struct fail *f)
{
	size_t count = 0;
	enum err e;

	pthread_mutex_init(&dc->signing, NULL);
	e = identity_configured(dc->conf, ROLE_DC, &dc->identity, f);
	if (!e)
		e = dc_name(dc, f);
	if (!e)
		e = dc_open_db(dc->conf, &dc->db, f);
	if (!e)
		e = remember(dc, f);
	if (e)
		return e;
	while (conf_member(dc->conf, "kms *", count))
		count++;
	dc->routes = calloc(count + 1, sizeof(*dc->routes));
	if (!dc->routes)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	dc->route_count = count;
	for (size_t i = 0; i < count && !e; i++)
		e = route_open(dc, conf_member(dc->conf, "kms *", i), &dc->routes[i], f);
	return e;
}

/* The row that `routes` shows; a start tries at once. */
static enum err route_row(struct route *r, struct fail *f)
{
	static const char *const modes[] = { "message", "file", "notice" };
	enum err e = db_run(r->db, f,
			    "INSERT INTO route (customer, mode, place, state, attempts, error, since, next_try,"
			    " sequence) VALUES (?, ?, ?, 'open', 0, '', 0, 0, 0) ON CONFLICT (customer) DO UPDATE SET"
			    " mode = excluded.mode, place = excluded.place, next_try = 0",
			    "ttt", r->customer, modes[r->mode], r->files ? transfer_place(r->files) : r->url);

	return e;
}

enum err dc_start(struct dc *dc, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < dc->route_count && !e; i++)
		e = route_row(&dc->routes[i], f);
	for (size_t i = 0; i < dc->route_count && !e; i++)
		e = worker_start(&dc->routes[i].worker, route_step, &dc->routes[i], IDLE_MS, 0, f);
	return e;
}

void dc_done(struct dc *dc)
{
	for (size_t i = 0; i < dc->route_count; i++) {
		worker_stop(&dc->routes[i].worker);
		http_client_free(dc->routes[i].kms);
		transfer_free(dc->routes[i].files);
		db_free(dc->routes[i].db);
	}
	free(dc->routes);
	db_free(dc->db);
	identity_free(dc->identity);
}
