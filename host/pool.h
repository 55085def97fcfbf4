/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_POOL_H
#define HOST_POOL_H

#include "conf.h"
#include "err.h"

struct event_base;

/*
 * Threads for what must not happen in an event loop: calls of the database and of the HSM. Each thread has a context of
 * its own (a database handle, say), made by the owner. A job runs in one of them and is then told to the loop, in the
 * order in which jobs end; whoever needs an order of his own (a connection) has one job at a time.
 *
 * run leaves what it found in its job and tells nobody: a peer learns it in done, never before. So a thread may one day
 * take several jobs and commit once for all of them.
 *
 * A job that takes longer than slow_ms is logged, with what its thread waits for (waiting.h), and once more when it
 * comes back.
 */
struct pool_job;
typedef void (*pool_run)(struct pool_job *job, void *context); /* in a thread; context: the thread's own */
typedef void (*pool_done)(struct pool_job *job);               /* in the loop; the job is its owner's again */

struct pool_job {
	/* The owner's; unchanged from pool_put to done. */
	pool_run run;
	pool_done done;
	const char *name; /* for the log: "PROOF_T" */
	const char *who;  /* for the log: "127.0.0.1:4711" */
	/* Read in done: the pool stopped before it began. */
	bool dropped;
	/* The pool's. */
	bool owed;
	struct pool_job *next;
};

struct pool;
struct pool_options {
	struct event_base *base;
	const char *name; /* for the log and the threads, at most 12 letters: "terminals" */
	unsigned threads; /* at least 1 */
	unsigned queue;   /* jobs that may wait for a thread */
	unsigned slow_ms; /* 0: no watch */
	enum err (*make)(void *arg, void **ret_context, struct fail *f);
	void (*drop)(void *context);
	void *arg;
};

/* pool_new: makes all contexts, in the calling thread, then starts the threads. ERR_NO_MEMORY, what make says. */
enum err pool_new(const struct pool_options *o, struct pool **ret, struct fail *f) MUST_CHECK;
/*
 * Both from the loop's thread. pool_put: ERR_BUSY: as many wait as may, or the pool has stopped; the job is still its
 * owner's. pool_owe: never refused, and run even when the pool stops meanwhile: for what ends work that has begun; the
 * owner bounds how many there can be. After pool_stop, and with p NULL, done is called at once, dropped.
 */
enum err pool_put(struct pool *p, struct pool_job *job) MUST_CHECK;
void pool_owe(struct pool *p, struct pool_job *job);
/* pool_room: would pool_put take one now? */
bool pool_room(struct pool *p) MUST_CHECK;
/*
 * pool_stop: takes nothing more, drops what has not begun unless it is owed, waits for the rest and for what that puts
 * with pool_owe, and calls done of all. May take as long as the slowest call: daemon.h ends the process then.
 * pool_free: stops, and drops the contexts. Both take NULL.
 */
void pool_stop(struct pool *p);
void pool_free(struct pool *p);

/*
 * The section [workers] of a configuration, for a key table. pool_configured: fills threads, queue and slow_ms.
 * *ret_stop_s: for struct daemon.
 */
#define POOL_KEYS(of)                                                                                                  \
	{ "workers", "threads", "2",                                                                                   \
	  "threads for database and HSM, each with a database connection of its own; " of },                           \
	    { "workers", "queue", "400", "so much may wait for them; more is told busy" },                             \
	    { "workers", "slow_ms", "5000", "what takes them longer is logged, with what it waits for; 0: never" },    \
	{                                                                                                              \
		"workers", "stop_s", "40",                                                                             \
		    "a stop waits so long for what is in hand, then ends the process; 0: for ever"                     \
	}
enum err pool_configured(const struct conf *c, struct pool_options *ret, unsigned *ret_stop_s,
			 struct fail *f) MUST_CHECK;

#endif
