/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DC_DC_H
#define DC_DC_H

#include <pthread.h>

#include "command.h"
#include "conf.h"
#include "db.h"
#include "http.h"
#include "msg.h"
#include "table.h"
#include "transfer.h"
#include "worker.h"

/* How records reach a KMS: in messages, as key files, as key files with a message that one is there (R2.2). */
enum route_mode { ROUTE_MESSAGE, ROUTE_FILE, ROUTE_NOTICE };

/* The way to one KMS: a [kms ...] section of the configuration, a worker of its own. */
struct route {
	struct dc *dc;
	const char *customer; /* customer (KMS) id */
	enum route_mode mode;
	const char *url;         /* message, notice: the KMS */
	const char *spool;       /* file, notice: folder of the key files, of this machine or of a file server */
	unsigned batch;          /* records in one delivery, at most */
	unsigned retry_max_ms;   /* pauses grow up to this */
	struct transfer *files;  /* NULL: by message alone */
	struct http_client *kms; /* NULL: by file alone */
	struct db *db;
	struct worker worker;
};

#define DC_NAME_MAX 32
/* A running DC. It holds no key to records and loads no token for them (R2.1). db is that of the start and of commands;
 * each thread has one of its own. */
struct dc {
	const struct conf *conf;
	char name[DC_NAME_MAX + 1]; /* of our certificate */
	struct identity *identity;
	pthread_mutex_t signing; /* the identity's key: one manifest at a time */
	struct db *db;
	struct route *routes;
	size_t route_count;
};

/* The keys of the configuration file. */
extern const struct conf_key dc_keys[];
extern const size_t dc_keys_count;

#define BATCH_MESSAGE_MAX 1000
#define BATCH_FILE_MAX 20000
#define BATCH_DEFAULT "500"
/* batch_of: of a customer's section, or the default without one. */
unsigned batch_of(const struct conf *conf, const char *customer);

/* dc_open_db: the database of the configuration, its schema brought up to date. */
enum err dc_open_db(const struct conf *conf, struct db **ret, struct fail *f) MUST_CHECK;
/* dc_name: the name in our certificate; another one in the configuration is ERR_CONFIG (R2.3). */
enum err dc_name(struct dc *dc, struct fail *f) MUST_CHECK;
/* dc_open: identity, database, the routes of the configuration; starts nothing. */
enum err dc_open(struct dc *dc, struct fail *f) MUST_CHECK;
/* dc_start: a row and a worker per route. */
enum err dc_start(struct dc *dc, struct fail *f) MUST_CHECK;
/* dc_done: stops the workers, frees everything. */
void dc_done(struct dc *dc);

/* The messages it takes (docs/messages.md). */
extern const struct msg_row dc_rows[];
extern const size_t dc_rows_count;

/*
 * route_step: the oldest delivery that the KMS has not got yet, else a new one of what waits (R2.2). One delivery at a
 * time, in order; its name and number never change, so that the KMS knows a repeated one. arg: struct route.
 */
enum worker_next route_step(void *arg);

/* The subcommands of dcd, then the questions; service: struct dc with conf and db. */
extern const struct command_row admin_rows[];
extern const size_t admin_rows_count;
extern const struct table_row dc_reports[];
extern const size_t dc_reports_count;
/* admin_run: the command line behind the options. admin_help: appends the lines of --help, with final zero. */
enum err admin_run(struct dc *dc, int argc, char **argv, struct fail *f) MUST_CHECK;
void admin_help(struct buf *ret);
/* find_run, again_*: rows of admin_rows. */
enum err find_run(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err again_serial(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err again_order(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err again_delivery(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
