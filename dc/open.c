/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dc.h"
#include "formats.h"
#include "keyfile.h"
#include "records.h"
#include "tables.h"

const struct conf_key dc_keys[] = {
	{ "", "name", "dc", "name of this DC in messages and key files, [A-Za-z0-9._-]" },
	{ "", "listen", "127.0.0.1:0", "address and port of HTTPS; port 0: any free one" },
	{ "", "database", CONF_REQUIRED,
	  "file of SQLite, or postgresql://user@host/name?sslrootcert=FILE&passfile=FILE" },
	IDENTITY_KEYS(CONF_REQUIRED, "dc"),
	{ "kms *", "mode", CONF_REQUIRED, "delivery by `message` or by `file`" },
	{ "kms *", "url", NULL, "message: https://host:port of the KMS" },
	{ "kms *", "spool", NULL, "file: folder of the key files" },
	{ "kms *", "batch", "500", "records in one delivery, at most 1000" },
};
const size_t dc_keys_count = ARRAY_LEN(dc_keys);

enum err dc_open_db(const struct conf *conf, struct db **ret, struct fail *f)
{
	return db_open(conf_get(conf, "", "database"), dc_tables, dc_tables_count, ret, f);
}

static enum err route_open(struct dc *dc, const char *id, struct route *r, struct fail *f)
{
	struct http_client_options options = { .identity = dc->identity, .server = ROLE_KMS };
	char section[64];
	const char *mode;
	enum err e;

	snprintf(section, sizeof(section), "kms %s", id);
	if (!format_customer_ok(view_of_string(id)))
		return fail_set(f, ERR_CONFIG, 0, "[%s]: not a customer id", section);
	mode = conf_get(dc->conf, section, "mode");
	r->dc = dc;
	r->customer = id;
	r->batch = (unsigned)atoi(conf_get(dc->conf, section, "batch"));
	if (!r->batch || r->batch > RECORDS_MAX)
		return fail_set(f, ERR_CONFIG, 0, "[%s] batch: 1 to %d", section, RECORDS_MAX);
	if (!strcmp(mode, "message"))
		r->url = conf_get(dc->conf, section, "url");
	else if (!strcmp(mode, "file"))
		r->spool = conf_get(dc->conf, section, "spool");
	if (!r->url && !r->spool)
		return fail_set(f, ERR_CONFIG, 0, "[%s] mode: message with url, or file with spool", section);
	e = dc_open_db(dc->conf, &r->db, f);
	if (!e && r->url)
		e = http_client_new(&options, &r->kms, f);
	return e;
}

enum err dc_open(struct dc *dc, struct fail *f)
{
	size_t count = 0;
	enum err e;

	dc->name = conf_get(dc->conf, "", "name");
	if (!keyfile_name_ok(dc->name, 32))
		return fail_set(f, ERR_CONFIG, 0, "name: 1 to 32 of [A-Za-z0-9._-]");
	e = identity_configured(dc->conf, ROLE_DC, &dc->identity, f);
	if (!e)
		e = dc_open_db(dc->conf, &dc->db, f);
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

enum err dc_start(struct dc *dc, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < dc->route_count && !e; i++)
		e = worker_start(&dc->routes[i].worker, route_step, &dc->routes[i], 0, 0, f);
	return e;
}

void dc_done(struct dc *dc)
{
	for (size_t i = 0; i < dc->route_count; i++) {
		worker_stop(&dc->routes[i].worker);
		http_client_free(dc->routes[i].kms);
		db_free(dc->routes[i].db);
	}
	free(dc->routes);
	db_free(dc->db);
	identity_free(dc->identity);
}
