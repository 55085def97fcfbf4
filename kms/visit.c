/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame.h"
#include "log.h"
#include "msg.h"
#include "visit.h"

#define TOLD_MAX 20 /* audited a second, of refusals without a row */
#define TOLD_QUIET_MAX 1

static struct visit *visit_of(struct pool_job *job)
{
	return (struct visit *)job;
}

static struct kms *kms_of(void *context)
{
	return ((struct msg_context *)context)->service;
}

static void visit_free(struct visit *v)
{
	buf_done(&v->storage);
	buf_done(&v->out);
	memory_wipe(&v->shake, sizeof(v->shake));
	free(v);
}

struct visit *visit_new(struct visits *all, const struct visit_owner *owner, const char *address, const char *host)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->all = all;
	v->owner = *owner;
	snprintf(v->address, sizeof(v->address), "%s", address);
	snprintf(v->host, sizeof(v->host), "%s", host);
	handshake_init(&v->shake, all->kms, v->address, v->host);
	v->job.who = v->address;
	return v;
}

/* ---- a step ---- */

static void run_step(struct pool_job *job, void *context)
{
	struct visit *v = visit_of(job);

	v->shake.kms = kms_of(context);
	v->reason = handshake_frame(&v->shake, &v->in, &v->out, &v->fail);
}

static void run_unkey(struct pool_job *job, void *context)
{
	handshake_done(&visit_of(job)->shake);
}

static void on_stepped(struct pool_job *job)
{
	struct visit *v = visit_of(job);

	v->busy = false;
	v->stopped |= job->dropped;
	v->proven = job->run == run_step && (v->in.type == FRAME_PROOF_T || v->in.type == FRAME_SIGN_IN) && !v->reason;
	v->row = v->shake.row;
	memcpy(v->serial, v->shake.serial, sizeof(v->serial));
	if (v->gone && v->shake.state == HANDSHAKE_DONE)
		visit_free(v); /* the download, or the sign-in, is in the tables */
	else if (v->gone)
		visit_end(v, v->reason ? v->reason : v->gone, v->reason ? v->fail.text : "");
	else if (v->stopped)
		; /* its connection ends now */
	else
		v->owner.stepped(v->owner.arg, v);
}

enum err visit_step(struct visit *v)
{
	v->reason = REASON_NONE;
	v->fail = (struct fail){ 0 };
	v->out.len = 0;
	v->job.run = run_step;
	v->job.done = on_stepped;
	v->job.name = frame_name(v->in.type);
	v->busy = pool_put(v->all->steps, &v->job) == ERR_OK;
	return v->busy ? ERR_OK : ERR_BUSY;
}

void visit_unkey(struct visit *v)
{
	v->reason = REASON_NONE;
	v->out.len = 0;
	v->job.run = run_unkey;
	v->job.done = on_stepped;
	v->job.name = "end of keys";
	v->busy = true;
	pool_owe(v->all->steps, &v->job);
}

/* ---- the end ---- */

/*
 * Whoever proves nothing can be refused as often as he likes, at many addresses, with serial numbers of his choice.
 * That becomes neither a flood of commits nor a full disk: of what was refused before it had a row, so many a second
 * are written; of all of it, so many at once, then one each few seconds, with the number of the others.
 */
static bool told(struct visit *v, enum reason reason, unsigned *ret_untold)
{
	struct visits *all = v->all;
	time_t now = time(NULL);

	*ret_untold = 0;
	if (v->shake.state != HANDSHAKE_HELLO && v->shake.state != HANDSHAKE_PROOF)
		return true;
	if (now != all->told_at) {
		all->told_at = now;
		memset(all->told, 0, sizeof(all->told));
	}
	if (!v->shake.row && all->told[reason]++ >= (handshake_quiet(reason) ? TOLD_QUIET_MAX : TOLD_MAX)) {
		all->told_all.untold++;
		return false;
	}
	return budget_take(&all->told_all, ret_untold);
}

static void run_end(struct pool_job *job, void *context)
{
	struct visit *v = visit_of(job);
	struct fail f = { 0 };

	v->shake.kms = kms_of(context);
	if (handshake_refuse(&v->shake, v->reason, v->detail, &f))
		log_line(LOG_LEVEL_ERROR, "download", "audit: %s", f.text);
}

static void on_ended(struct pool_job *job)
{
	struct visit *v = visit_of(job);

	if (job->dropped)
		handshake_done(&v->shake);
	if (v->owner.arg)
		v->owner.ended(v->owner.arg);
	visit_free(v);
}

/* Owed is the end of what stands in the tables or holds keys: so many as steps were run. */
static void put_end(struct visit *v)
{
	struct pool *pool = v->shake.tk.session ? v->all->steps : v->all->records;

	if (v->shake.row || v->shake.tk.session) {
		pool_owe(pool, &v->job);
	} else if (pool_put(pool, &v->job)) {
		v->all->told_all.untold++;
		on_ended(&v->job);
	}
}

void visit_end(struct visit *v, enum reason reason, const char *detail)
{
	unsigned untold;

	v->shake.hushed = !told(v, reason, &untold);
	v->job.run = run_end;
	v->job.done = on_ended;
	v->job.name = "end";
	v->job.dropped = false;
	v->busy = true;
	v->reason = reason;
	if (untold)
		snprintf(v->detail, sizeof(v->detail), "%.300s%sand %u refusals before this one", detail,
			 detail[0] ? "; " : "", untold);
	else
		snprintf(v->detail, sizeof(v->detail), "%s", detail);
	if (v->shake.hushed && !v->shake.row) {
		v->job.dropped = true; /* nobody learns it, and there is nothing to clear */
		on_ended(&v->job);
		return;
	}
	if (!v->shake.hushed)
		log_line(LOG_LEVEL_INFO, "download", "%s %s: %s at %s; %s", v->address, v->shake.serial,
			 reason_word(reason), handshake_step(&v->shake), v->detail);
	put_end(v);
}

void visit_leave(struct visit *v, enum reason reason, const char *detail)
{
	v->owner.arg = NULL;
	if (!v->busy)
		visit_end(v, reason, detail);
	else if (v->job.run != run_end)
		v->gone = reason;
}

void visit_drop(struct visit *v)
{
	handshake_done(&v->shake);
	visit_free(v);
}
