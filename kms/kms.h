/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_KMS_H
#define KMS_KMS_H

#include "audit.h"
#include "limit.h"
#include "ops.h"
#include "reason.h"
#include "tables.h"

struct event_base;
struct import;
struct import_hand;
struct node;
struct pickups;
struct spool;

/* Room for a check value as hex, with final zero. */
#define CHECK_HEX (2 * FORMAT_CHECK + 1)

/*
 * The KMS as one thread sees it. Each has a copy (kms_copy) with its own db and hand; all else is shared, and is not
 * written any more when the threads have started. token, ops and keys serve all threads.
 */
struct kms {
	struct event_base *base; /* the main thread's alone */
	struct db *db;
	struct pk11 *token; /* HSM 2 */
	struct ops *ops;
	const char *customer; /* our KMS id: a record for another one is refused */
	struct pk11_key *srk;
	struct pk11_key *srk_old;                          /* NULL: only what generations srk has */
	struct ops_record_keys keys[FORMAT_SUITE_MAX + 1]; /* by suite; a suite without keys is refused */
	uint8_t tmk_type;                                  /* enum format_key_type; 0: type and length of the TEK */
	uint8_t tmk_length;                                /* bytes */
	const char *node;                                  /* our name among the kmsd that share the database */
	char instance[33];                                 /* of this process, in our row of node */
	unsigned expiry_ms;                                /* of a terminal's connection */
	struct limits limits;                              /* of terminals */
	unsigned long renew_after_days;                    /* of TMKs; 0: never */
	unsigned long renew_after_downloads;
	struct pk11_key *fpk;      /* fingerprint key; NULL: no fingerprints are made */
	char fpk_check[CHECK_HEX]; /* its check value: under which key a fingerprint was made */
	char owner[96];            /* of claims: "<node>/<random>" */
	struct spool *spool;       /* NULL: none */
	struct pickups *pickups;   /* NULL: none */
	struct import *import;     /* the thread that imports; NULL: none */
	struct node *beat;         /* the thread that says that we live; NULL: none */
	struct import_hand *hand;  /* rows in hand */
};

/* Counters above this do not fit the database. */
#define COUNTER_MAX ((uint64_t)INT64_MAX)

/* check_hex: as it stands in tables and texts. */
void check_hex(const struct check_value *c, char ret[CHECK_HEX]);

#endif
