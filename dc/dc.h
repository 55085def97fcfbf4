/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DC_DC_H
#define DC_DC_H

#include "command.h"
#include "conf.h"
#include "db.h"
#include "http.h"
#include "msg.h"
#include "worker.h"

/* The way to one KMS: a [kms ...] section of the configuration, a worker of its own. */
struct route {
	struct dc *dc;
	const char *customer; /* customer (KMS) id */
	const char *url;      /* delivery by message; NULL: by key file */
	const char *spool;    /* delivery by key file: the folder; NULL: by message */
	unsigned batch;       /* records in one delivery, at most */
	struct db *db;
	struct http_client *kms;
	struct worker worker;
};

/* A running DC. It holds no key and loads no token (R2.1). The event loop owns db. */
struct dc {
	const struct conf *conf;
	const char *name;
	struct identity *identity;
	struct db *db;
	struct route *routes;
	size_t route_count;
};

/* The keys of the configuration file. */
extern const struct conf_key dc_keys[];
extern const size_t dc_keys_count;

/* dc_open_db: the database of the configuration, its schema brought up to date. */
enum err dc_open_db(const struct conf *conf, struct db **ret, struct fail *f) MUST_CHECK;
/* dc_open: identity, database, the routes of the configuration; starts nothing. */
enum err dc_open(struct dc *dc, struct fail *f) MUST_CHECK;
/* dc_start: a worker per route. */
enum err dc_start(struct dc *dc, struct fail *f) MUST_CHECK;
/* dc_done: stops the workers, frees everything. */
void dc_done(struct dc *dc);

/* The messages it takes (docs/messages.md). */
extern const struct msg_row dc_rows[];
extern const size_t dc_rows_count;
/* records_receive: msg_handler of POST /v1/records: form, import time, tk_record (R2.1). */
enum err records_receive(struct msg_call *call, const void *in, void *out, struct fail *f) MUST_CHECK;

/*
 * route_step: the oldest delivery that the KMS has not got yet, else a new one of what waits (R2.2). One delivery at a
 * time, in order; its name never changes, so that the KMS knows a repeated one. arg: struct route.
 */
enum worker_next route_step(void *arg);

/* The subcommands of dcd; service: struct dc with conf and db. */
extern const struct command_row admin_rows[];
extern const size_t admin_rows_count;

#endif
