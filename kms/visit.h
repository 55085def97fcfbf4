/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_VISIT_H
#define KMS_VISIT_H

#include "budget.h"
#include "handshake.h"
#include "pool.h"

/*
 * A handshake on its way through the pools: its steps and its end are jobs there, one at a time, so that the event loop
 * keeps its sockets and timers whatever the database and the HSM do. A visit outlives its connection when a job of it
 * is in hand: what that brings is dropped, keys are destroyed, and the end is written all the same.
 *
 * steps     jobs that may ask the HSM
 * records   jobs that ask the database alone: they go on while the HSM hangs
 * Contexts of both are struct msg_context, its service a struct kms.
 */
struct visits {
	struct kms *kms;
	struct pool *steps;
	struct pool *records;
	time_t told_at;              /* second in which refusals without a row were audited last */
	unsigned told[REASON_COUNT]; /* in that second */
	struct budget told_all;      /* of all who proved nothing */
};

struct visit;
/* visit_stepped: the step is through: v->reason, v->out. visit_ended: the end is written. Both in the loop. */
struct visit_owner {
	void (*stepped)(void *arg, struct visit *v);
	void (*ended)(void *arg);
	void *arg; /* NULL: the connection is gone */
};

struct visit {
	struct pool_job job;
	struct visits *all;
	struct visit_owner owner;
	bool busy;        /* a job has what stands below: the loop leaves it alone */
	enum reason gone; /* why the connection went while the visit was busy; REASON_NONE: it did not */
	int64_t row;      /* as of the last step: in the table handshake, 0: none */
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	bool proven;  /* by the last step */
	bool stopped; /* the pool stopped before a step began */
	/* The job's. */
	struct handshake shake;
	struct buf storage; /* of in */
	struct frame in;
	struct buf out; /* what is to be sent */
	enum reason reason;
	struct fail fail;
	char detail[400];
	char address[80];
	char host[64]; /* what limits know of the address */
};

/* visit_new: NULL: no memory. */
struct visit *visit_new(struct visits *all, const struct visit_owner *owner, const char *address, const char *host);
/* visit_step: v->in through the handshake; ERR_BUSY: the queue is full, nothing happened. */
enum err visit_step(struct visit *v) MUST_CHECK;
/* visit_unkey: its keys are destroyed; it goes on after that, as after a step. */
void visit_unkey(struct visit *v);
/*
 * visit_end: of a visit that is not busy: tells the operator and the tables; from now on it belongs to itself. ended is
 * called when all is written, unless the owner has left.
 * visit_leave: the owner goes: a visit in hand is ended for this reason when its job is through; another one, now.
 * visit_drop: of one that is not busy, without a word: its keys are destroyed in this thread, when the pools are gone.
 */
void visit_end(struct visit *v, enum reason reason, const char *detail);
void visit_leave(struct visit *v, enum reason reason, const char *detail);
void visit_drop(struct visit *v);

#endif
