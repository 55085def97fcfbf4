/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fingerprint.h"
#include "import.h"
#include "judge.h"
#include "log.h"
#include "notify.h"
#include "open.h"
#include "worker.h"

#define SLICE 32 /* rows per transaction */
#define RETRY_MS 1000
#define IDLE_MS 2000 /* rows that another node, or a command, brought */

/* Rows that this node has claimed: all of them are settled or let go before others are claimed. */
struct import_hand {
	size_t count;
	struct judge_row rows[IMPORT_SLICE_MAX];
};

static void hand_empty(struct import_hand *h)
{
	for (size_t i = 0; i < h->count; i++)
		judge_done(&h->rows[i]);
	h->count = 0;
}

static int by_line(const void *a, const void *b)
{
	const struct judge_row *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Part of the open transaction. */
static enum err claim(struct kms *k, unsigned most, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	struct import_hand *h = k->hand;
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e;

	e = db_query(k->db, &s, f,
		     "UPDATE key_source SET owner = ?, claimed_until = ? WHERE flag = '" FLAG_WAITING
		     "' AND (owner = '' OR claimed_until < ?) AND id IN (SELECT s.id FROM key_source s JOIN key_file k"
		     " ON k.id = s.file WHERE s.flag = '" FLAG_WAITING
		     "' AND (s.owner = '' OR s.claimed_until < ?) AND k.state = 'importing' AND k.whole = 1"
		     " ORDER BY s.file, s.line LIMIT ?) RETURNING id, file, line, record",
		     "tiiii", k->owner, now + IMPORT_CLAIM_S, now, now, (int64_t)most);
	while (!e && h->count < IMPORT_SLICE_MAX) {
		struct judge_row *r = &h->rows[h->count];

		e = db_next(s, &row, f);
		if (e || !row)
			break;
		r->id = db_int(s, 0);
		r->file = db_int(s, 1);
		r->line = db_int(s, 2);
		buf_put_view(&r->bytes, db_blob(s, 3));
		h->count++;
		if (!buf_ok(&r->bytes))
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a record");
	}
	qsort(h->rows, h->count, sizeof(h->rows[0]), by_line);
	return e;
}

/* The end of a file: its state once, its notifications, its audit entry. */
static enum err file_end(struct kms *k, int64_t file, struct fail *f)
{
	enum err e;

	e = db_run(k->db, f,
		   "UPDATE key_file SET state = 'done', done = ? WHERE id = ? AND state = 'importing' AND whole = 1 AND"
		   " NOT EXISTS(SELECT 1 FROM key_source WHERE file = ? AND flag = '" FLAG_WAITING "')",
		   "iii", (int64_t)time(NULL), file, file);
	if (e || db_changes(k->db) != 1)
		return e;
	e = notify_file(k, file, f);
	if (!e)
		e = notify_audit(k, file, f);
	return !e && k->fpk ? fingerprint_report(k, file, f) : e;
}

/* Files whose last rows two nodes settled at the same moment, each seeing the other's as waiting. */
static enum err files_sweep(struct kms *k, struct fail *f)
{
	int64_t files[16];
	size_t n = 0;
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT id FROM key_file WHERE state = 'importing' AND whole = 1 AND NOT EXISTS(SELECT 1 FROM"
		     " key_source WHERE file = key_file.id AND flag = '" FLAG_WAITING "') ORDER BY id LIMIT 16",
		     "");
	while (!e && n < ARRAY_LEN(files)) {
		e = db_next(s, &row, f);
		if (e || !row)
			break;
		files[n++] = db_int(s, 0);
	}
	db_end(s);
	s = NULL;
	for (size_t i = 0; !e && i < n; i++)
		e = file_end(k, files[i], f);
	return e;
}

static enum err let_go(struct kms *k, const struct judge_row *r, struct fail *f)
{
	return db_run(k->db, f, "UPDATE key_source SET owner = '' WHERE id = ? AND owner = ?", "it", r->id, k->owner);
}

/* What the first judged rows of the hand are, the others let go; and the next ones claimed. */
static enum err settle(struct kms *k, size_t judged, unsigned next, struct fail *f)
{
	struct import_hand *h = k->hand;
	bool settled;
	enum err e = db_begin(k->db, f);

	for (size_t i = 0; !e && i < judged; i++)
		e = judge_settle(k, &h->rows[i], &settled, f);
	for (size_t i = judged; !e && i < h->count; i++)
		e = let_go(k, &h->rows[i], f);
	for (size_t i = 0; !e && i < judged; i++)
		if (i + 1 == judged || h->rows[i].file != h->rows[i + 1].file)
			e = file_end(k, h->rows[i].file, f);
	if (!e)
		hand_empty(h);
	if (!e && next)
		e = claim(k, next, f);
	if (!e && next && !h->count)
		e = files_sweep(k, f);
	if (!e)
		e = db_commit(k->db, f);
	db_rollback(k->db);
	if (e)
		hand_empty(h); /* claims, if they were committed, run out */
	return e;
}

static enum err hand_new(struct kms *k, struct fail *f)
{
	if (!k->hand)
		k->hand = calloc(1, sizeof(*k->hand));
	if (!k->hand)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for the import");
	return k->owner[0] ? ERR_OK : import_own(k, f);
}

enum err import_slice(struct kms *k, unsigned most, bool *ret_more, struct fail *f)
{
	struct fail why = { 0 };
	enum err e, stopped = ERR_OK;
	size_t judged = 0;

	most = most > IMPORT_SLICE_MAX ? IMPORT_SLICE_MAX : most;
	e = hand_new(k, &why);
	if (!e && !k->hand->count)
		e = settle(k, 0, most, &why);
	while (!e && !stopped && judged < k->hand->count) {
		stopped = judge_row(k, &k->hand->rows[judged], &why);
		judged += !stopped;
	}
	if (!e && k->hand->count) {
		struct fail here = { 0 };

		e = settle(k, judged, stopped ? 0 : most, &here);
		if (e)
			why = here;
	}
	if (e || stopped)
		return fail_set(f, e ? e : stopped, why.rv, "%s", why.text);
	*ret_more = k->hand->count > 0;
	return ERR_OK;
}

/* ---- the thread ---- */

struct import {
	struct kms k; /* this thread's */
	struct worker worker;
	bool stuck; /* the HSM or the database does not work; said once */
};

static enum worker_next import_step(void *arg)
{
	struct import *i = arg;
	struct fail f = { 0 };
	bool more = false;

	if (import_slice(&i->k, SLICE, &more, &f)) {
		if (!i->stuck)
			log_line(LOG_LEVEL_ERROR, "import", "import waits: %s", f.text);
		i->stuck = true;
		return WORKER_RETRY;
	}
	if (i->stuck)
		log_line(LOG_LEVEL_INFO, "import", "import goes on");
	i->stuck = false;
	return more ? WORKER_AGAIN : WORKER_IDLE;
}

void import_wake(const struct kms *k)
{
	if (k->import)
		worker_wake(&k->import->worker);
}

enum err import_own(struct kms *k, struct fail *f)
{
	uint8_t bytes[8];
	char hex[17], host[65] = "";
	enum err e = ops_random(k->ops, bytes, sizeof(bytes), f);

	if (e)
		return e;
	hex_encode(VIEW(bytes, sizeof(bytes)), hex);
	if (!k->node && gethostname(host, sizeof(host) - 1) < 0)
		snprintf(host, sizeof(host), "kmsd");
	snprintf(k->owner, sizeof(k->owner), "%.64s/%s", k->node ? k->node : host, hex);
	return ERR_OK;
}

/* Without it rows of a process that died would wait until its claims run out. Another one of this node that lives
 * loses what it has in hand; its rows are settled by whoever takes them next. */
enum err import_let_go(struct kms *k, struct fail *f)
{
	size_t n = strcspn(k->owner, "/") + 1;
	char node[sizeof(k->owner)];
	enum err e;

	snprintf(node, sizeof(node), "%.*s", (int)n, k->owner);
	e = db_run(k->db, f,
		   "UPDATE key_source SET owner = '' WHERE flag = '" FLAG_WAITING
		   "' AND substr(owner, 1, CAST(? AS INTEGER)) = ?",
		   "it", (int64_t)n, node);
	if (!e)
		e = db_run(k->db, f,
			   "UPDATE key_file SET owner = '', claimed_until = 0 WHERE state = 'importing' AND whole = 0"
			   " AND substr(owner, 1, CAST(? AS INTEGER)) = ?",
			   "it", (int64_t)n, node);
	return e;
}

enum err import_start(struct kms *k, const struct conf *c, struct fail *f)
{
	struct import *i = calloc(1, sizeof(*i));
	enum err e = i ? import_own(k, f) : fail_set(f, ERR_NO_MEMORY, 0, "no memory for the import");

	if (!e)
		e = import_let_go(k, f);
	if (!e)
		e = kms_copy(k, c, &i->k, f);
	if (!e)
		e = worker_start(&i->worker, import_step, i, IDLE_MS, RETRY_MS, f);
	if (e) {
		if (i)
			kms_copy_done(&i->k);
		free(i);
		return e;
	}
	k->import = i;
	return ERR_OK;
}

void import_stop(struct kms *k)
{
	struct import *i = k->import;

	if (!i)
		return;
	k->import = NULL;
	worker_stop(&i->worker);
	kms_copy_done(&i->k);
	free(i);
}

void import_drop(struct kms *k)
{
	struct fail f = { 0 };

	if (!k->hand)
		return;
	if (k->hand->count && settle(k, 0, 0, &f))
		log_line(LOG_LEVEL_WARN, "import", "rows in hand: %s", f.text);
	hand_empty(k->hand);
	free(k->hand);
	k->hand = NULL;
}
