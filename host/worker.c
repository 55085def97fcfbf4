/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <time.h>

#include "worker.h"

#define RETRY_FIRST_MS 200

/* With the mutex held. wakes: worker_wake ends the pause too. */
static void pause_ms(struct worker *w, unsigned ms, bool wakes)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!w->stop && !(wakes && w->woken))
		if (pthread_cond_timedwait(&w->cond, &w->mutex, &until))
			break;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned retry = RETRY_FIRST_MS;

	pthread_mutex_lock(&w->mutex);
	while (!w->stop) {
		enum worker_next next;

		w->woken = false;
		pthread_mutex_unlock(&w->mutex);
		next = w->step(w->arg);
		pthread_mutex_lock(&w->mutex);
		if (next == WORKER_RETRY) {
			pause_ms(w, retry, false);
			retry = retry * 2 > w->retry_max_ms ? w->retry_max_ms : retry * 2;
			continue;
		}
		retry = RETRY_FIRST_MS;
		if (next == WORKER_IDLE)
			pause_ms(w, w->idle_ms, true);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

enum err worker_start(struct worker *w, worker_step step, void *arg, unsigned idle_ms, unsigned retry_max_ms,
		      struct fail *f)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int e;

	*w = (struct worker){ .step = step,
			      .arg = arg,
			      .idle_ms = idle_ms ? idle_ms : 1000,
			      .retry_max_ms = retry_max_ms ? retry_max_ms : 10000 };
	pthread_mutex_init(&w->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e) {
		pthread_cond_destroy(&w->cond);
		pthread_mutex_destroy(&w->mutex);
		return fail_set(f, ERR_NO_MEMORY, 0, "cannot start a thread");
	}
	w->running = true;
	return ERR_OK;
}

void worker_wake(struct worker *w)
{
	if (!w->running)
		return;
	pthread_mutex_lock(&w->mutex);
	w->woken = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

bool worker_stopping(struct worker *w)
{
	bool stop;

	pthread_mutex_lock(&w->mutex);
	stop = w->stop;
	pthread_mutex_unlock(&w->mutex);
	return stop;
}

void worker_stop(struct worker *w)
{
	if (!w->running)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
	w->running = false;
}
