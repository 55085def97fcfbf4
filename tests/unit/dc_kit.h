/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DC_KIT_H
#define TESTS_DC_KIT_H

#include "dc.h"
#include "formats.h"
#include "records.h"
#include "room_kit.h"

#define BATCH 3

/* A DC in a folder of its own with two ways: ACME by key file, BATCH records in each, FAR to a KMS that is not there.
 */
void setup(void);
void teardown(void);
extern char dir[128], spool[160];
extern struct dc dc;
extern struct room room;

void must(enum err e, const struct fail *f);
/* open_dc: a DC of these [kms ...] sections. close_dc, reopen: a restart, with more sections. */
enum err open_dc(const char *sections, struct fail *f);
void close_dc(void);
void reopen(const char *more);

/* A record as HSM 1 gives it out; the DC knows its form alone. Bytes live until teardown. */
struct tk_record record_of(const char *customer, const char *serial, uint64_t counter);
struct view bytes_of(const struct tk_record *r);
struct view record(const char *customer, const char *serial, uint64_t counter);

/* post: the next number of the MTMS that sends (room.peer), records of this order. */
extern const char *order;
uint64_t next_number(void);
enum err post(const char *delivery, const struct view *records, size_t count, struct records_out *ret);
/* receive: one record that must be new. receive_many: POS-<first>, POS-<first + 1> ... of ACME in one message. */
void receive(const char *delivery, struct view bytes);
void receive_many(const char *delivery, int first, size_t count);

int64_t number(const char *sql);
/* run_route: the worker's steps until it has nothing to do. */
void run_route(size_t route);
/* retry_now: ends the pause after a failure. */
void retry_now(void);
/* spool_names: all names but those of manifests in the spool folder, hidden ones too, in order; answers how many. */
int spool_names(char ret[16][160]);

#endif
