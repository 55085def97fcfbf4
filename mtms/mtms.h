/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_MTMS_H
#define MTMS_MTMS_H

#include "conf.h"
#include "db.h"
#include "http.h"
#include "identity.h"
#include "msg.h"
#include "ops.h"
#include "worker.h"

/* A customer of the configuration: whose PK and MAK its terminals' keys go under. */
struct customer {
	const char *id;
	unsigned suite;
	struct pk11_key *pk;
	struct pk11_key *mak;
};

/* A key pair Pr/Pu of HSM 1, known by its index number (R1.1). */
struct pr {
	int64_t index;
	struct pk11_key *key;
	struct pr *next;
};

/* A running MTMS. The event loop owns db; each worker opens its own. */
struct mtms {
	const struct conf *conf;
	const char *name;
	struct identity *identity;
	struct db *db;
	struct pk11 *token;
	struct ops *ops;
	struct customer *customers;
	size_t customer_count;
	struct db *rewrap_db;
	struct pr *prs; /* of the re-wrap worker */
	struct worker rewrap;
	char rewrap_trouble[256]; /* what was audited last, so that a retry does not say it again */
	struct db *outbox_db;
	struct http_client *dc;
	struct worker outbox;
	char outbox_trouble[256];
};

/* The keys of the configuration file. */
extern const struct conf_key mtms_keys[];
extern const size_t mtms_keys_count;

/* mtms_open_db: the database of the configuration, its schema brought up to date. */
enum err mtms_open_db(const struct conf *conf, struct db **ret, struct fail *f) MUST_CHECK;
/* mtms_open_token: HSM 1 and what is asked of it, by ways of the configuration. */
enum err mtms_open_token(struct mtms *m, struct fail *f) MUST_CHECK;
/* mtms_open_customers: the [customer ...] sections; their keys must be in the token now. */
enum err mtms_open_customers(struct mtms *m, struct fail *f) MUST_CHECK;
/* mtms_customer: NULL: unknown. */
const struct customer *mtms_customer(const struct mtms *m, const char *id);
void mtms_done(struct mtms *m);

/* pr_id: the CKA_ID that stands for an index number, 4 bytes, big-endian. */
#define PR_ID_LEN 4
void pr_id(int64_t index, uint8_t ret[PR_ID_LEN]);
/* pr_of_certificate: the private key behind the working certificate of that serial number; owned by m. */
enum err pr_of_certificate(struct mtms *m, struct db *db, struct view serial, struct pk11_key **ret,
			   struct fail *f) MUST_CHECK;

/* The messages it takes (docs/messages.md). */
extern const struct msg_row mtms_rows[];
extern const size_t mtms_rows_count;

/*
 * mtms_trouble: logs why a worker tries again, and audits it when it is another reason than last time (last: the
 * worker's room; why NULL: all is well again).
 */
void mtms_trouble(struct db *db, char last[256], const char *event, const char *object, const struct fail *why);
/*
 * rewrap_step: every received batch, oldest first: its signature once more, then every waiting terminal through HSM 1
 * into sn_key and outbox, a few at a time in one transaction each (R1.6, R1.7). arg: struct mtms.
 */
enum worker_next rewrap_step(void *arg);
/* outbox_step: the oldest records that the DC has not acknowledged yet, in order, in one message (R2.1). */
enum worker_next outbox_step(void *arg);

#endif
