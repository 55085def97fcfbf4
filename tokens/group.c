/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_inner.h"

/*
 * Group commit: the write transactions of one process share LMDB's commit, and with it the waiting for the disk.
 *
 * LMDB's write lock belongs to the thread that took it, so the thread that begins LMDB's transaction (the leader) also
 * commits it. The leader writes into that transaction itself. When it is done and others wait, it hands out the turn:
 * they work one after the other, each in a nested transaction of its own, which is dropped alone when it is aborted.
 * Who has committed waits for the leader, who takes the turn back when nobody waits any more or the group is full,
 * commits and gives every member the same answer. Who comes in the meantime waits, and the first of them leads the next
 * group; while that one waits for LMDB's lock, the others gather behind it. Nobody waits for company: a lone thread
 * finds nobody waiting, and does exactly what it would do without this file.
 *
 * A leader that aborts does so before anybody had a turn; the first that waits leads then.
 *
 * Locks: g->mutex is held for a few words only, never while LMDB is called.
 */
#define MEMBERS_MAX 256
#define PUTS_MAX 16384
#define BYTES_MAX ((size_t)64 << 20)

void group_init(struct group *g)
{
	pthread_mutex_init(&g->mutex, NULL);
}

void group_done(struct group *g)
{
	pthread_mutex_destroy(&g->mutex);
}

static void queue_add(struct group *g, struct store_txn *t)
{
	t->next = NULL;
	if (g->last)
		g->last->next = t;
	else
		g->first = t;
	g->last = t;
}

static struct store_txn *queue_take(struct group *g)
{
	struct store_txn *t = g->first;

	if (t) {
		g->first = t->next;
		if (!g->first)
			g->last = NULL;
	}
	return t;
}

static void say(struct store_txn *t, enum group_state state)
{
	t->state = state;
	pthread_cond_signal(&t->wake);
}

static void wait_while(struct group *g, struct store_txn *t, enum group_state state)
{
	while (t->state == state)
		pthread_cond_wait(&t->wake, &g->mutex);
}

/* The turn goes to the next who waits, else back to the leader. Under the mutex. */
static void pass_turn(struct group *g)
{
	struct store_txn *leader = g->leader;
	bool full = g->members >= MEMBERS_MAX || leader->puts >= PUTS_MAX || leader->bytes >= BYTES_MAX;
	struct store_txn *next = full ? NULL : queue_take(g);

	if (next) {
		g->members++;
		say(next, GROUP_TURN);
	} else {
		say(leader, GROUP_LEADS);
	}
}

/* The group is over: the first who waits leads the next one. Under the mutex. */
static void pass_lead(struct group *g)
{
	g->leader = queue_take(g);
	g->members = 1;
	if (g->leader)
		say(g->leader, GROUP_LEADS);
}

int group_begin(struct group *g, struct store_txn *t)
{
	pthread_cond_init(&t->wake, NULL);
	pthread_mutex_lock(&g->mutex);
	if (g->leader) {
		t->state = GROUP_WAITS;
		queue_add(g, t);
		wait_while(g, t, GROUP_WAITS);
	} else {
		t->state = GROUP_LEADS;
		g->leader = t;
		g->members = 1;
	}
	struct store_txn *leader = g->leader;
	bool leads = leader == t;
	t->sequence = ++g->sequence;
	pthread_mutex_unlock(&g->mutex);

	int rc = txn_open(t->store, leads ? NULL : leader, true, &t->txn);
	if (!rc)
		return STORE_OK;
	pthread_mutex_lock(&g->mutex);
	if (leads)
		pass_lead(g);
	else
		pass_turn(g);
	pthread_mutex_unlock(&g->mutex);
	pthread_cond_destroy(&t->wake);
	return rc;
}

/* The leader's commit: first the turns of those who wait, then the disk, then the answers. */
static int lead(struct group *g, struct store_txn *t)
{
	pthread_mutex_lock(&g->mutex);
	if (g->first) {
		t->state = GROUP_WAITS;
		pass_turn(g);
		wait_while(g, t, GROUP_WAITS);
	}
	pthread_mutex_unlock(&g->mutex);

	int rc = txn_commit(t);
	if (!rc)
		state_commit(t->store, &t->audit);

	pthread_mutex_lock(&g->mutex);
	for (struct store_txn *m = g->done, *next; m; m = next) {
		next = m->next; /* m is gone as soon as the mutex is free */
		m->result = rc;
		say(m, GROUP_ANSWERED);
	}
	g->done = NULL;
	pass_lead(g);
	pthread_mutex_unlock(&g->mutex);
	return rc;
}

/* A follower's commit: its writes go to the leader's, the turn to the next. */
static int follow(struct group *g, struct store_txn *t)
{
	int rc = mdb_txn_commit(t->txn);

	if (rc)
		rc = store_fault_errno(rc, t->store->path, "a write could not join those of other threads");
	store_unpin(t->store);
	pthread_mutex_lock(&g->mutex);
	if (!rc) {
		state_move(&g->leader->audit, &t->audit);
		g->leader->puts += t->puts;
		g->leader->bytes += t->bytes;
		t->next = g->done;
		g->done = t;
		t->state = GROUP_DONE;
	}
	pass_turn(g);
	if (!rc) {
		wait_while(g, t, GROUP_DONE);
		rc = t->result;
		if (rc)
			store_fault(rc, t->store->path, "nothing was written to " STORE_DATA_FILE " (with others)");
	}
	pthread_mutex_unlock(&g->mutex);
	return rc;
}

int group_commit(struct group *g, struct store_txn *t)
{
	int rc = t->state == GROUP_LEADS ? lead(g, t) : follow(g, t);

	pthread_cond_destroy(&t->wake);
	return rc;
}

void group_abort(struct group *g, struct store_txn *t)
{
	bool leads = t->state == GROUP_LEADS;

	mdb_txn_abort(t->txn);
	store_unpin(t->store);
	pthread_mutex_lock(&g->mutex);
	if (leads)
		pass_lead(g);
	else
		pass_turn(g);
	pthread_mutex_unlock(&g->mutex);
	pthread_cond_destroy(&t->wake);
}
