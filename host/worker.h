/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_WORKER_H
#define HOST_WORKER_H

#include <pthread.h>

#include "err.h"

/*
 * A thread beside the event loop that takes work from the service's database, one step after the other.
 *
 * step answers what comes next: AGAIN at once; IDLE: after worker_wake or idle_ms; RETRY: after a pause that doubles
 * from 200 ms to retry_max_ms while RETRY follows RETRY. Signals are blocked in the thread: they belong to the loop.
 */
enum worker_next { WORKER_AGAIN, WORKER_IDLE, WORKER_RETRY };
typedef enum worker_next (*worker_step)(void *arg);

struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	worker_step step;
	void *arg;
	unsigned idle_ms;
	unsigned retry_max_ms;
	bool running;
	bool stop;
	bool woken;
};

/* worker_start: w lives until worker_stop returned. idle_ms 0: 1000; retry_max_ms 0: 10000. ERR_NO_MEMORY. */
enum err worker_start(struct worker *w, worker_step step, void *arg, unsigned idle_ms, unsigned retry_max_ms,
		      struct fail *f) MUST_CHECK;
/* worker_wake: there is work; from any thread. */
void worker_wake(struct worker *w);
/* worker_stopping: for long steps: finish the piece in hand and return. */
bool worker_stopping(struct worker *w);
/* worker_stop: waits for the step in hand; a zero-initialised worker is stopped already. */
void worker_stop(struct worker *w);

#endif
