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

/* What went wrong in the background and stands in the audit table already, so that a retry does not say it again. */
struct trouble {
	pthread_mutex_t mutex;
	char texts[8][256];
	unsigned next;
};

/* One re-wrap worker: a thread, a database handle and sessions of HSM 1 of its own. */
struct rewrapper {
	struct mtms *m;
	int64_t number; /* from 1 */
	struct db *db;
	struct pr *prs;
	struct worker worker;
};
#define REWRAPPERS_MAX 64

#define MTMS_NAME_MAX 24
/* What hash HSM 1 knows for OAEP under the Pr of an index. */
struct oaep {
	pthread_mutex_t mutex;
	int64_t index;
	uint8_t hash; /* enum format_hash; 0: not known yet */
	bool asking;
};

/* A running MTMS. db is that of the start and of commands; each thread has one of its own. */
struct mtms {
	const struct conf *conf;
	char name[MTMS_NAME_MAX + 1]; /* of our certificate */
	struct identity *identity;
	struct db *db;
	struct pk11 *token;
	struct ops *ops;
	struct oaep oaep;
	struct customer *customers;
	size_t customer_count;
	struct rewrapper *rewrappers;
	size_t rewrapper_count;
	struct trouble rewrap_trouble;
	struct db *outbox_db;
	struct http_client *dc;
	struct worker outbox;
	struct trouble outbox_trouble;
};

/* The keys of the configuration file. */
extern const struct conf_key mtms_keys[];
extern const size_t mtms_keys_count;

/* mtms_open_db: the database of the configuration, its schema brought up to date. */
enum err mtms_open_db(const struct conf *conf, struct db **ret, struct fail *f) MUST_CHECK;
/* mtms_identity: of the section [identity], whose name is ours (R2.3); numbers of its revocation lists are remembered
 * in the database. */
enum err mtms_identity(struct mtms *m, struct fail *f) MUST_CHECK;
/* mtms_open_token: HSM 1 and what is asked of it, by ways of the configuration. */
enum err mtms_open_token(struct mtms *m, struct fail *f) MUST_CHECK;
/* mtms_open_customers: the [customer ...] sections; their keys must be in the token now. */
enum err mtms_open_customers(struct mtms *m, struct fail *f) MUST_CHECK;
/* mtms_customer: NULL: unknown. */
const struct customer *mtms_customer(const struct mtms *m, const char *id);
/* mtms_order: the customer of an open order. ERR_REFUSED: unknown, closed, customer not configured. */
enum err mtms_order(struct mtms *m, struct db *db, struct view order, const struct customer **ret,
		    struct fail *f) MUST_CHECK;
/* mtms_open_rewrappers: as many as the configuration says, not started; what a killed run had claimed is free again. */
enum err mtms_open_rewrappers(struct mtms *m, struct fail *f) MUST_CHECK;
void mtms_done(struct mtms *m);

/* pr_id: the CKA_ID that stands for an index number, 4 bytes, big-endian. */
#define PR_ID_LEN 4
void pr_id(int64_t index, uint8_t ret[PR_ID_LEN]);
/* pr_uri: of the private key with this index number; room of 128. */
void pr_uri(int64_t index, char *ret, size_t room);
/* pr_of_certificate: the private key behind the working certificate of that serial number; owned by w. */
enum err pr_of_certificate(struct rewrapper *w, struct view serial, struct pk11_key **ret, struct fail *f) MUST_CHECK;

/* The messages it takes (docs/messages.md). */
extern const struct msg_row mtms_rows[];
extern const size_t mtms_rows_count;

/* mtms_trouble: logs why a worker tries again, and audits it once. mtms_well: from now on all is news again. */
void mtms_trouble(struct db *db, struct trouble *t, const char *event, const char *object, const struct fail *why);
void mtms_well(struct trouble *t);

/*
 * rewrap_step: every received batch, oldest first: its signature once more, then every waiting terminal through HSM 1
 * into sn_key and outbox, a few at a time, claimed before, in one transaction each (R1.6, R1.7). arg: struct rewrapper.
 */
enum worker_next rewrap_step(void *arg);
/* mtms_wake_rewrap: there is something to re-wrap. */
void mtms_wake_rewrap(struct mtms *m);
/*
 * outbox_step: the oldest delivery that the DC has not acknowledged, or a new one of the oldest records: of one order,
 * in order, with the next sequence number; what it holds never changes after that (R2.1). arg: struct mtms.
 */
enum worker_next outbox_step(void *arg);

#endif
