/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DC_DELIVERY_H
#define DC_DELIVERY_H

#include "dc.h"
#include "keyfile.h"
#include "records.h"

/* What leaves together for one KMS: one customer, one production order (R2.9). */
struct delivery {
	int64_t number;
	int64_t sequence; /* per KMS, from 1, no gaps */
	char name[KEYFILE_NAME_MAX + 1];
	char order[65];
	bool placed; /* the files stand there; the notice is due */
	struct record_item *items;
	size_t count;
};

/* Some records on their way into a delivery: how many may go together. */
struct parcel {
	char order[65];
	int64_t last; /* id of the last record */
	size_t count;
	size_t bytes; /* as base64 in a message */
};
/* parcel_takes: this record may go with those before; it is counted then. batch, bytes: limits. */
bool parcel_takes(struct parcel *p, const char *order, int64_t id, size_t record_bytes, size_t batch) MUST_CHECK;

/*
 * delivery_new: in the open transaction, a delivery of the customer with the next number and a name that is unique for
 * ever. kind: "new" or "again". The caller adds the items.
 */
enum err delivery_new(struct db *db, const char *dc, const char *customer, const char *order, size_t count,
		      const char *kind, int64_t *ret_number, struct fail *f) MUST_CHECK;
/* delivery_compose: puts what waits for the customer into a new delivery; *ret_made false: nothing waits. */
enum err delivery_compose(struct db *db, const char *dc, const char *customer, size_t batch, bool *ret_made,
			  struct fail *f) MUST_CHECK;
/* delivery_oldest: the first that the KMS has not got. delivery_load: its records, memory from a. */
enum err delivery_oldest(struct db *db, const char *customer, struct delivery *ret, bool *ret_found,
			 struct fail *f) MUST_CHECK;
enum err delivery_load(struct db *db, struct delivery *d, struct arena *a, struct fail *f) MUST_CHECK;

/*
 * delivery_send: by the route's way. for_good: the KMS refused it and will again. What it wrote before an error it
 * finds again at the next call.
 */
enum err delivery_send(struct route *r, struct delivery *d, struct arena *a, bool *ret_for_good,
		       struct fail *f) MUST_CHECK;

#endif
