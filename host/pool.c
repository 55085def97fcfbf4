/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "log.h"
#include "now.h"
#include "pool.h"
#include "waiting.h"

#define THREADS_MAX 64
#define WATCH_PART 4 /* looks in slow_ms */
#define WATCH_MIN_MS 20

struct jobs {
	struct pool_job *first;
	struct pool_job **end;
};

/* What follows job stands under the pool's mutex. */
struct pool_thread {
	struct pool *pool;
	void *context;
	pthread_t thread;
	struct waiting waiting;
	bool started;
	struct pool_job *job; /* NULL: none */
	int64_t since;
	bool told;
};

struct pool {
	struct pool_options o;
	struct event *finished; /* fd: a thread has put something into done */
	struct event *watch;
	int fd;
	struct pool_thread *thread;
	size_t made;           /* contexts */
	pthread_mutex_t mutex; /* what follows */
	pthread_cond_t work;
	pthread_cond_t idle;
	struct jobs waiting;
	struct jobs done;
	size_t count; /* waiting, without owed ones */
	size_t busy;
	size_t refused; /* since the queue was full */
	bool full;      /* said */
	bool stopping;
	bool ended;
};

static void jobs_put(struct jobs *j, struct pool_job *job)
{
	job->next = NULL;
	if (!j->first)
		j->end = &j->first;
	*j->end = job;
	j->end = &job->next;
}

static struct pool_job *jobs_take(struct jobs *j)
{
	struct pool_job *job = j->first;

	if (job)
		j->first = job->next;
	return job;
}

static void tell_loop(struct pool *p)
{
	const uint64_t one = 1;

	(void)!write(p->fd, &one, sizeof(one));
}

/* With the mutex held, as before and after. */
static void run_one(struct pool_thread *t, struct pool_job *job)
{
	struct pool *p = t->pool;
	char name[64], who[160];
	int64_t took;

	if (!job->owed)
		p->count--;
	t->job = job;
	t->since = steady_ms();
	t->told = false;
	p->busy++;
	pthread_mutex_unlock(&p->mutex);
	job->run(job, t->context);
	pthread_mutex_lock(&p->mutex);
	took = steady_ms() - t->since;
	snprintf(name, sizeof(name), "%s", job->name);
	snprintf(who, sizeof(who), "%s", job->who);
	t->job = NULL;
	p->busy--;
	jobs_put(&p->done, job);
	tell_loop(p);
	if (t->told)
		log_line(LOG_LEVEL_WARN, "workers", "%s: %s of %s came back after %lld ms", p->o.name, name, who,
			 (long long)took);
	if (!p->busy)
		pthread_cond_broadcast(&p->idle);
}

static void *thread_main(void *arg)
{
	struct pool_thread *t = arg;
	struct pool *p = t->pool;

	waiting_watch(&t->waiting);
	pthread_mutex_lock(&p->mutex);
	for (;;) {
		struct pool_job *job = jobs_take(&p->waiting);

		if (job)
			run_one(t, job);
		else if (p->ended)
			break;
		else
			pthread_cond_wait(&p->work, &p->mutex);
	}
	pthread_mutex_unlock(&p->mutex);
	waiting_watch(NULL);
	return NULL;
}

/* All that is done, told to its owners. */
static void tell_done(struct pool *p)
{
	struct pool_job *job;

	for (;;) {
		pthread_mutex_lock(&p->mutex);
		job = jobs_take(&p->done);
		pthread_mutex_unlock(&p->mutex);
		if (!job)
			return;
		job->done(job);
	}
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	size_t refused = 0;
	uint64_t n;

	(void)!read(fd, &n, sizeof(n));
	tell_done(p);
	pthread_mutex_lock(&p->mutex);
	if (p->full && p->count <= p->o.queue / 2) {
		refused = p->refused;
		p->full = false;
		p->refused = 0;
	}
	pthread_mutex_unlock(&p->mutex);
	if (refused)
		log_line(LOG_LEVEL_WARN, "workers", "%s: the queue has room again; %zu were told busy", p->o.name,
			 refused);
}

/* A job that takes too long is said once. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	int64_t now = steady_ms();

	for (size_t i = 0; i < p->o.threads; i++) {
		struct pool_thread *t = &p->thread[i];
		char waits[160], name[64], who[160];
		bool slow;

		pthread_mutex_lock(&p->mutex);
		slow = t->job && !t->told && now - t->since >= (int64_t)p->o.slow_ms;
		if (slow) {
			t->told = true;
			snprintf(name, sizeof(name), "%s", t->job->name);
			snprintf(who, sizeof(who), "%s", t->job->who);
		}
		pthread_mutex_unlock(&p->mutex);
		if (!slow)
			continue;
		waiting_text(&t->waiting, waits);
		log_line(LOG_LEVEL_WARN, "workers", "%s: %s of %s takes more than %u ms: %s", p->o.name, name, who,
			 p->o.slow_ms, waits);
	}
}

static enum err events_new(struct pool *p, struct fail *f)
{
	unsigned ms = p->o.slow_ms / WATCH_PART < WATCH_MIN_MS ? WATCH_MIN_MS : p->o.slow_ms / WATCH_PART;
	struct timeval each = { ms / 1000, (long)(ms % 1000) * 1000 };

	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0)
		return fail_set(f, ERR_IO, 0, "eventfd: %s", strerror(errno));
	p->finished = event_new(p->o.base, p->fd, EV_READ | EV_PERSIST, on_finished, p);
	if (p->o.slow_ms)
		p->watch = event_new(p->o.base, -1, EV_PERSIST, on_watch, p);
	if (!p->finished || event_add(p->finished, NULL) || (p->o.slow_ms && (!p->watch || event_add(p->watch, &each))))
		return fail_set(f, ERR_NO_MEMORY, 0, "events of the workers");
	return ERR_OK;
}

static enum err threads_start(struct pool *p, struct fail *f)
{
	enum err e = ERR_OK;

	for (; !e && p->made < p->o.threads; p->made += !e)
		e = p->o.make(p->o.arg, &p->thread[p->made].context, f);
	for (size_t i = 0; !e && i < p->o.threads; i++) {
		struct pool_thread *t = &p->thread[i];
		sigset_t all, before;
		char name[16];

		t->pool = p;
		waiting_init(&t->waiting);
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		t->started = !pthread_create(&t->thread, NULL, thread_main, t);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (!t->started) {
			waiting_done(&t->waiting);
			return fail_set(f, ERR_NO_MEMORY, 0, "cannot start a thread");
		}
		snprintf(name, sizeof(name), "%.12s%zu", p->o.name, i % 100);
		pthread_setname_np(t->thread, name);
	}
	return e;
}

enum err pool_new(const struct pool_options *o, struct pool **ret, struct fail *f)
{
	struct pool *p = calloc(1, sizeof(*p));
	enum err e;

	if (!p)
		return fail_set(f, ERR_NO_MEMORY, 0, "workers");
	p->o = *o;
	p->fd = -1;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->thread = calloc(o->threads, sizeof(*p->thread));
	e = p->thread ? events_new(p, f) : fail_set(f, ERR_NO_MEMORY, 0, "workers");
	if (!e)
		e = threads_start(p, f);
	if (e) {
		pool_free(p);
		return e;
	}
	*ret = p;
	return ERR_OK;
}

static enum err put(struct pool *p, struct pool_job *job, bool owed)
{
	enum err e = ERR_OK;
	bool tell = false;

	job->owed = owed;
	job->dropped = false;
	pthread_mutex_lock(&p->mutex);
	if (p->ended || (!owed && (p->stopping || p->count >= p->o.queue + (p->o.threads - p->busy)))) {
		e = ERR_BUSY;
		tell = !owed && !p->stopping && !p->full;
		p->full |= tell;
		p->refused += !p->stopping;
	} else {
		p->count += !owed;
		jobs_put(&p->waiting, job);
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->mutex);
	if (tell)
		log_line(LOG_LEVEL_WARN, "workers", "%s: the queue of %u is full: more is told busy", p->o.name,
			 p->o.queue);
	return e;
}

enum err pool_put(struct pool *p, struct pool_job *job)
{
	return put(p, job, false);
}

void pool_owe(struct pool *p, struct pool_job *job)
{
	if (p && !put(p, job, true))
		return;
	job->dropped = true;
	job->done(job);
}

bool pool_room(struct pool *p)
{
	bool room;

	pthread_mutex_lock(&p->mutex);
	room = !p->stopping && p->count < p->o.queue + (p->o.threads - p->busy);
	pthread_mutex_unlock(&p->mutex);
	return room;
}

/* With the mutex held: what has not begun, and is not owed, is done without having run. */
static void drop_waiting(struct pool *p)
{
	struct jobs kept = { 0 };
	struct pool_job *job;

	while ((job = jobs_take(&p->waiting))) {
		job->dropped = !job->owed;
		p->count -= job->dropped;
		jobs_put(job->owed ? &kept : &p->done, job);
	}
	while ((job = jobs_take(&kept)))
		jobs_put(&p->waiting, job);
}

void pool_stop(struct pool *p)
{
	bool idle = false;

	if (!p || p->ended)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stopping = true;
	drop_waiting(p);
	while (!idle) {
		while (p->busy || p->waiting.first)
			pthread_cond_wait(&p->idle, &p->mutex);
		idle = !p->done.first;
		pthread_mutex_unlock(&p->mutex);
		tell_done(p); /* may owe more */
		pthread_mutex_lock(&p->mutex);
	}
	p->ended = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->mutex);
	for (size_t i = 0; p->thread && i < p->o.threads; i++)
		if (p->thread[i].started)
			pthread_join(p->thread[i].thread, NULL);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	for (size_t i = 0; p->thread && i < p->o.threads; i++)
		if (p->thread[i].started)
			waiting_done(&p->thread[i].waiting);
	for (size_t i = 0; i < p->made; i++)
		p->o.drop(p->thread[i].context);
	if (p->finished)
		event_free(p->finished);
	if (p->watch)
		event_free(p->watch);
	if (p->fd >= 0)
		close(p->fd);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->mutex);
	free(p->thread);
	free(p);
}

enum err pool_configured(const struct conf *c, struct pool_options *ret, unsigned *ret_stop_s, struct fail *f)
{
	unsigned long threads, queue, slow, stop;
	enum err e = conf_number(c, "workers", "threads", 1, THREADS_MAX, &threads, f);

	if (!e)
		e = conf_number(c, "workers", "queue", 0, 100000, &queue, f);
	if (!e)
		e = conf_number(c, "workers", "slow_ms", 0, 3600000, &slow, f);
	if (!e)
		e = conf_number(c, "workers", "stop_s", 0, 3600, &stop, f);
	if (e)
		return e;
	ret->threads = (unsigned)threads;
	ret->queue = (unsigned)queue;
	ret->slow_ms = (unsigned)slow;
	*ret_stop_s = (unsigned)stop;
	return ERR_OK;
}
