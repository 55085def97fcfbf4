/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "rewrap.h"
#include "working_key.h"

#define BATCH 64
#define PASSES 20
/* A running kmsd knows a new storage key after two seconds (host/pk11.h). */
#define NOTICE_S 3

enum state { STATE_NEWEST, STATE_REWRAPPED, STATE_CHANGED, STATE_FAILED };

/* Both tables that hold keys under the SRK. number: a TMK's generation; of working keys there are two a generation. */
#define WORKING_NUMBER "generation * 2 + CASE kind WHEN 'MACKEY' THEN 1 ELSE 0 END"
static const struct kept {
	const char *read;
	const char
	    *write; /* ciphertext, time, of a working key the storage key; serial number, number, what was read */
	bool working;
} kepts[] = {
	{ "SELECT serial_number, generation, ciphertext, method, check_value, '' FROM tmk"
	  " WHERE (serial_number, generation) > (?, ?) ORDER BY serial_number, generation LIMIT ?",
	  "UPDATE tmk SET ciphertext = ?, wrapped = ? WHERE serial_number = ? AND generation = ? AND ciphertext = ?",
	  false },
	{ "SELECT serial_number, " WORKING_NUMBER ", ciphertext, method, check_value, storage_key FROM working_key"
	  " WHERE (serial_number, " WORKING_NUMBER ") > (?, ?) ORDER BY serial_number, " WORKING_NUMBER " LIMIT ?",
	  "UPDATE working_key SET ciphertext = ?, wrapped = ?, storage_key = ? WHERE serial_number = ?"
	  " AND " WORKING_NUMBER " = ? AND ciphertext = ?",
	  true },
};

struct row {
	struct buf serial;
	struct buf before;
	struct buf after;
	int64_t number;
	int64_t method;
	char check[2 * CHECK_HEX];
	char key[2 * CHECK_HEX]; /* the storage key that the row names; "": none */
	enum state state;
};

struct counts {
	int64_t rewrapped;
	int64_t newest;
	int64_t failed;
	int64_t changed;
};

struct pass {
	struct kms *k;
	const struct kept *kept;
	bool tell; /* print the rows that fail */
	struct counts n;
	struct row rows[BATCH];
	size_t count;
	struct buf serial; /* the last row that was read */
	int64_t number;
	char key[CHECK_HEX]; /* check value of the newest storage key */
};

static void rows_done(struct pass *p)
{
	for (size_t i = 0; i < p->count; i++) {
		buf_done(&p->rows[i].serial);
		buf_done(&p->rows[i].before);
		buf_done(&p->rows[i].after);
	}
	memset(p->rows, 0, sizeof(p->rows));
	p->count = 0;
}

/* rows_read: the next ones in the order of the primary key; none: the pass is over. */
static enum err rows_read(struct pass *p, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool there = false;
	enum err e = db_query(p->k->db, &s, f, p->kept->read, "vii", buf_view(&p->serial), p->number, (int64_t)BATCH);

	while (!e && !(e = db_next(s, &there, f)) && there) {
		struct row *r = &p->rows[p->count++];

		buf_put_view(&r->serial, db_blob(s, 0));
		r->number = db_int(s, 1);
		buf_put_view(&r->before, db_blob(s, 2));
		r->method = db_int(s, 3);
		snprintf(r->check, sizeof(r->check), "%s", db_text(s, 4));
		snprintf(r->key, sizeof(r->key), "%s", db_text(s, 5));
		if (!buf_ok(&r->serial) || !buf_ok(&r->before))
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key's ciphertext");
	}
	if (e || !p->count)
		return e;
	buf_done(&p->serial);
	p->number = p->rows[p->count - 1].number;
	buf_put_view(&p->serial, buf_view(&p->rows[p->count - 1].serial));
	return buf_ok(&p->serial) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a serial number");
}

static enum wk_kind kind_of(const struct row *r)
{
	return r->number % 2 ? WK_MACKEY : WK_PINKEY;
}

static void tell(const struct pass *p, const struct row *r, const char *why)
{
	BUF_AUTO serial = { 0 };

	buf_put_view(&serial, buf_view(&r->serial));
	buf_put_u8(&serial, 0);
	printf("failed\t");
	command_text(buf_ok(&serial) ? (const char *)serial.p : "?");
	if (p->kept->working)
		printf("\t%lld %s\t", (long long)r->number / 2, working_kind(kind_of(r)));
	else
		printf("\t%lld\t", (long long)r->number);
	command_text(why);
	putchar('\n');
}

static enum err rewrap(struct pass *p, struct row *r, bool *ret_rewrapped, struct check_value *ret, struct fail *f)
{
	struct view before = buf_view(&r->before);

	if (p->kept->working)
		return ops_wk_rewrap(p->k->ops, p->k->srk, kind_of(r), before, ret_rewrapped, &r->after, ret, f);
	return ops_tmk_rewrap(p->k->ops, p->k->srk, before, ret_rewrapped, &r->after, ret, f);
}

/* row_work: in the HSM. What is wrong with this key alone is no error; it is told. */
static enum err row_work(struct pass *p, struct row *r, struct fail *f)
{
	struct fail mine = { 0 };
	struct check_value check = { 0 };
	bool rewrapped = false;
	char hex[CHECK_HEX];
	enum err e = rewrap(p, r, &rewrapped, &check, &mine);

	if (e && e != ERR_BAD_DATA)
		return fail_set(f, e, mine.rv, "%s", mine.text);
	r->state = e ? STATE_FAILED : rewrapped ? STATE_REWRAPPED : STATE_NEWEST;
	if (!e) {
		check_hex(&check, hex);
		if (strcmp(hex, r->check) != 0 || check.method != r->method) {
			r->state = STATE_FAILED;
			fail_set(&mine, ERR_BAD_DATA, 0, "its check value is %s, that of the row %.8s", hex, r->check);
		}
	}
	/* made while the storage key changed: it is under the newest, and says the one before */
	if (r->state == STATE_NEWEST && p->kept->working && strcmp(r->key, p->key) != 0) {
		buf_put_view(&r->after, buf_view(&r->before));
		r->state = buf_ok(&r->after) ? STATE_REWRAPPED : STATE_NEWEST;
	}
	if (r->state == STATE_FAILED && p->tell)
		tell(p, r, mine.text);
	return ERR_OK;
}

static enum err row_put(struct pass *p, const struct row *r, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);

	if (p->kept->working)
		return db_run(p->k->db, f, p->kept->write, "bitvib", buf_view(&r->after), now, p->key,
			      buf_view(&r->serial), r->number, buf_view(&r->before));
	return db_run(p->k->db, f, p->kept->write, "bivib", buf_view(&r->after), now, buf_view(&r->serial), r->number,
		      buf_view(&r->before));
}

/* rows_put: in one transaction with the audit entry. A row that is not what was read any more is left alone. */
static enum err rows_put(struct pass *p, struct fail *f)
{
	char text[120];
	unsigned done = 0;
	enum err e = db_begin(p->k->db, f);

	for (size_t i = 0; !e && i < p->count; i++) {
		struct row *r = &p->rows[i];

		if (r->state != STATE_REWRAPPED)
			continue;
		e = row_put(p, r, f);
		if (!e && db_changes(p->k->db) != 1)
			r->state = STATE_CHANGED;
		else if (!e)
			done++;
	}
	snprintf(text, sizeof(text), "%u %s are under storage key %s now", done,
		 p->kept->working ? "working keys" : "TMKs", p->key);
	if (!e && done)
		e = audit_console(p->k->db, "srk-rewrap", NULL, text, f);
	return db_settle(p->k->db, e, f);
}

static void count(struct pass *p)
{
	for (size_t i = 0; i < p->count; i++) {
		switch (p->rows[i].state) {
		case STATE_NEWEST:
			p->n.newest++;
			break;
		case STATE_REWRAPPED:
			p->n.rewrapped++;
			break;
		case STATE_CHANGED:
			p->n.changed++;
			break;
		case STATE_FAILED:
			p->n.failed++;
		}
	}
}

/* batch: what the HSM did before it failed is kept. */
static enum err batch(struct pass *p, bool *ret_more, struct fail *f)
{
	enum err e = rows_read(p, f), stored;
	size_t worked = 0, todo = 0;

	while (!e && worked < p->count) {
		e = row_work(p, &p->rows[worked], f);
		if (e)
			break;
		todo += p->rows[worked++].state == STATE_REWRAPPED;
	}
	*ret_more = p->count == BATCH;
	for (size_t i = worked; i < p->count; i++) {
		buf_done(&p->rows[i].serial);
		buf_done(&p->rows[i].before);
		buf_done(&p->rows[i].after);
	}
	p->count = worked;
	if (todo) {
		stored = rows_put(p, f);
		e = e ? e : stored;
	}
	if (!e)
		count(p);
	rows_done(p);
	return e;
}

/* pass: over all rows of both tables; *ret: what they were. */
static enum err pass(struct kms *k, bool tell, struct counts *ret, char ret_key[CHECK_HEX], struct fail *f)
{
	struct pass p = { .k = k, .tell = tell };
	struct check_value key;
	enum err e = ops_check_value(k->ops, k->srk, &key, f);

	if (!e)
		check_hex(&key, p.key);
	for (size_t i = 0; !e && i < ARRAY_LEN(kepts); i++) {
		bool more = true;

		p.kept = &kepts[i];
		p.number = INT64_MIN;
		buf_done(&p.serial);
		while (!e && more)
			e = batch(&p, &more, f);
	}
	buf_done(&p.serial);
	*ret = p.n;
	memcpy(ret_key, p.key, sizeof(p.key));
	return e;
}

/*
 * notice: from here on no kmsd makes a TMK or a working key under an older key: each has looked for the newest since,
 * and a transaction in which one did not is over when this one begins.
 */
static enum err notice(struct kms *k, const struct timespec *since, struct fail *f)
{
	struct timespec until = { since->tv_sec + NOTICE_S, since->tv_nsec };
	enum err e;

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
	e = db_begin(k->db, f);
	db_rollback(k->db);
	return e;
}

static enum err verdict(struct kms *k, int64_t rewrapped, const struct counts *n, const char *key, struct fail *f)
{
	char text[200];
	struct audit_entry entry = { .peer = AUDIT_CONSOLE, .event = "srk-rewrap", .text = text };
	enum err e;

	entry.code = n->changed ? ERR_BUSY : n->failed ? ERR_BAD_DATA : ERR_OK;
	snprintf(text, sizeof(text), "%lld re-wrapped, %lld were under the newest key, %lld failed, %lld left",
		 (long long)rewrapped, (long long)(n->newest + n->rewrapped - rewrapped), (long long)n->failed,
		 (long long)n->changed);
	puts(text);
	e = audit_append(k->db, &entry, f);
	if (e)
		return e;
	if (n->changed)
		return fail_set(f, ERR_BUSY, 0, "%lld keys changed whenever they were looked at: again later",
				(long long)n->changed);
	if (n->failed)
		return fail_set(f, ERR_BAD_DATA, 0, "%lld keys are not under storage key %s: keep the older ones",
				(long long)n->failed, key);
	printf("storage key %s holds every TMK and every working key: the older ones can be retired and destroyed\n",
	       key);
	return ERR_OK;
}

enum err srk_rewrap(struct kms *k, struct fail *f)
{
	struct timespec start = { 0 };
	struct counts n = { 0 };
	char key[CHECK_HEX] = "";
	int64_t rewrapped = 0;
	enum err e;

	clock_gettime(CLOCK_MONOTONIC, &start);
	e = pass(k, false, &n, key, f);
	rewrapped += n.rewrapped;
	if (!e)
		e = notice(k, &start, f);
	for (int i = 0; !e && i < PASSES; i++) {
		e = pass(k, true, &n, key, f);
		rewrapped += n.rewrapped;
		if (!n.rewrapped && !n.changed)
			break;
	}
	if (e) {
		printf("%lld re-wrapped, then it could not go on: again later\n", (long long)rewrapped);
		return e;
	}
	return verdict(k, rewrapped, &n, key, f);
}
