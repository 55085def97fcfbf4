/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "now.h"
#include "open.h"
#include "tmk.h"
#include "tmk_admin.h"

#define BATCH 64

/* One row of a batch, copied: no statement stays open while the HSM works. */
struct item {
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	int64_t generation;
	int64_t made;
	int64_t wrapped;
	struct tmk_tek tek;
	int64_t collected;
	bool record_good;
	struct tmk_made ready; /* from here into the database */
};

struct work {
	struct kms k;
	struct item item[BATCH];
	size_t count;
	char last[FORMAT_POS_SERIAL_MAX + 1];
	int64_t done;
	int64_t failed;
	int64_t total;
	time_t told;
};

static void progress(struct work *w, const char *what)
{
	time_t now = time(NULL);

	if (now == w->told)
		return;
	w->told = now;
	fprintf(stderr, "%s: %lld of %lld\n", what, (long long)w->done, (long long)w->total);
}

static void failed(struct work *w, const char *serial, const char *why)
{
	w->failed++;
	printf("failed\t");
	command_text(serial);
	putchar('\t');
	command_text(why);
	putchar('\n');
}

static void item_record(struct item *it, struct view bytes)
{
	struct tk_record record;

	it->record_good = tk_record_parse(bytes, &record);
	if (!it->record_good)
		return;
	it->tek = (struct tmk_tek){ record.tek.type, record.tek.length };
	it->collected = record.collected <= COUNTER_MAX ? (int64_t)record.collected : 0;
}

/* ---- in advance ---- */

/* sql answers serial number and record above w->last, BATCH of them. */
static enum err make_read(struct work *w, int64_t most, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(w->k.db, &s, f,
			      "SELECT serial_number, record FROM key_formal WHERE serial_number > ? AND NOT EXISTS"
			      " (SELECT 1 FROM tmk t WHERE t.serial_number = key_formal.serial_number)"
			      " ORDER BY serial_number LIMIT ?",
			      "ti", w->last, most < BATCH ? most : BATCH);

	for (w->count = 0; !e && !(e = db_next(s, &row, f)) && row; w->count++) {
		struct item *it = &w->item[w->count];

		*it = (struct item){ 0 };
		snprintf(it->serial, sizeof(it->serial), "%s", db_text(s, 0));
		item_record(it, db_blob(s, 1));
	}
	if (w->count)
		memcpy(w->last, w->item[w->count - 1].serial, sizeof(w->last));
	return e;
}

/* In the HSM, before the transaction: a running kmsd does not wait for that. */
static enum err make_one(struct work *w, struct item *it, struct fail *f)
{
	struct fail mine = { 0 };
	enum reason r = it->record_good ? tmk_make(&w->k, &it->tek, 1, &it->ready, &mine) : REASON_FORMAL;

	if (r == REASON_TMK_TYPE || r == REASON_FORMAL) {
		failed(w, it->serial, reason_text(r));
		return ERR_OK;
	}
	return r ? fail_set(f, reason_err(r), mine.rv, "%s: %.200s", reason_text(r), mine.text) : ERR_OK;
}

static enum err put_batch(struct work *w, int64_t *ret_made, struct fail *f)
{
	char text[64];
	int64_t made = 0;
	enum err e;

	if (!w->count)
		return ERR_OK;
	e = db_begin(w->k.db, f);
	for (size_t i = 0; !e && i < w->count; i++) {
		bool put = false;
		struct item *it = &w->item[i];
		enum reason r = it->ready.generation ? tmk_put(&w->k, view_of_string(it->serial), &it->ready, &put, f)
						     : REASON_NONE;

		e = r ? reason_err(r) : ERR_OK;
		made += put;
	}
	snprintf(text, sizeof(text), "%lld TMKs made in advance", (long long)made);
	if (!e && made)
		e = audit_console(w->k.db, "tmk-make", NULL, text, f);
	e = db_settle(w->k.db, e, f);
	if (!e)
		*ret_made = made;
	return e;
}

static enum err make_batch(struct work *w, struct fail *f)
{
	int64_t made = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < w->count; i++)
		e = make_one(w, &w->item[i], f);
	if (!e)
		e = put_batch(w, &made, f);
	for (size_t i = 0; i < w->count; i++)
		tmk_made_done(&w->item[i].ready);
	w->done += made;
	return e;
}

static enum err make_many(struct work *w, int64_t most, struct fail *f)
{
	enum err e = db_one(w->k.db, &w->total, f,
			    "SELECT count(*) FROM key_formal WHERE NOT EXISTS"
			    " (SELECT 1 FROM tmk t WHERE t.serial_number = key_formal.serial_number)",
			    "");

	if (!e && w->total > most)
		w->total = most;
	do {
		if (!e)
			e = make_read(w, most - w->done, f);
		if (!e)
			e = make_batch(w, f);
		if (!e)
			progress(w, "TMKs made");
	} while (!e && w->count && w->done < most);
	return e;
}

static enum err make_named(struct work *w, char **serials, struct fail *f)
{
	enum err e = ERR_OK;

	for (w->total = 0; serials[w->total]; w->total++)
		;
	for (; !e && *serials; serials++) {
		DB_STMT_AUTO *s = NULL;
		struct item *it = &w->item[0];
		bool row = false;

		*it = (struct item){ 0 };
		w->count = 0;
		e = db_query(w->k.db, &s, f,
			     "SELECT serial_number, record, (SELECT count(*) FROM tmk t WHERE t.serial_number ="
			     " key_formal.serial_number) FROM key_formal WHERE serial_number = ?",
			     "t", *serials);
		if (!e)
			e = db_next(s, &row, f);
		if (!e && !row) {
			failed(w, *serials, reason_text(REASON_UNKNOWN));
			continue;
		}
		if (!e && db_int(s, 2) == 0) {
			snprintf(it->serial, sizeof(it->serial), "%s", db_text(s, 0));
			item_record(it, db_blob(s, 1));
			w->count = 1;
		}
		db_end(s);
		s = NULL;
		if (!e)
			e = make_batch(w, f);
	}
	return e;
}

/* A number of the command line. */
static bool number(const char *text, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < 1)
		return false;
	*ret = n;
	return true;
}

enum err tmk_make_run(void *config, char **arguments, struct fail *f)
{
	struct work *w = calloc(1, sizeof(*w));
	int64_t most = INT64_MAX;
	bool many = arguments[0] && !strcmp(arguments[0], "--all") && !arguments[1];
	enum err e = ERR_OK;

	if (!w)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a batch of TMKs");
	if (arguments[0] && !strcmp(arguments[0], "--count") && arguments[1] && !arguments[2])
		many = number(arguments[1], &most);
	if (!arguments[0] || (!many && arguments[0][0] == '-'))
		e = fail_set(f, ERR_USAGE, 0, "tmk-make SERIAL... | --all | --count N");
	if (!e)
		e = kms_open_srk(config, &w->k, f);
	if (!e && !tmk_type_parse(conf_get(config, "tmk", "type"), &w->k.tmk_type, &w->k.tmk_length))
		e = fail_set(f, ERR_CONFIG, 0, "[tmk] type: see kmsd --help-config");
	if (!e)
		e = many ? make_many(w, most, f) : make_named(w, arguments, f);
	printf("%lld TMKs made, %lld failed\n", (long long)w->done, (long long)w->failed);
	if (!e && w->failed)
		e = fail_set(f, ERR_BAD_DATA, 0, "%lld TMKs could not be made", (long long)w->failed);
	kms_done(&w->k);
	free(w);
	return e;
}

/* ---- renewal ---- */

struct which {
	enum { WHICH_ALL, WHICH_MADE, WHICH_TK, WHICH_SRK, WHICH_COUNT } what;
	int64_t before;
};

static const char *const which_words[WHICH_COUNT] = { "--all", "--made-before", "--tk-before", "--srk-before" };

static bool which_parse(char **arguments, struct which *ret)
{
	if (!strcmp(arguments[0], which_words[WHICH_ALL]) && !arguments[1])
		return true;
	for (int i = WHICH_MADE; i < WHICH_COUNT; i++) {
		if (strcmp(arguments[0], which_words[i]) != 0)
			continue;
		ret->what = i;
		return arguments[1] && !arguments[2] && time_read(arguments[1], &ret->before);
	}
	return false;
}

static bool chosen(const struct which *w, const struct item *it)
{
	switch (w->what) {
	case WHICH_MADE:
		return it->made < w->before;
	case WHICH_SRK:
		return it->wrapped < w->before;
	case WHICH_TK:
		return it->record_good && it->collected < w->before;
	default:
		return true;
	}
}

static enum err renew_read(struct work *w, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(w->k.db, &s, f,
			      "SELECT t.serial_number, t.generation, t.made, t.wrapped, f.record FROM tmk t"
			      " LEFT JOIN key_formal f ON f.serial_number = t.serial_number"
			      " WHERE t.serial_number > ? AND t.generation ="
			      " (SELECT max(m.generation) FROM tmk m WHERE m.serial_number = t.serial_number)"
			      " ORDER BY t.serial_number LIMIT ?",
			      "ti", w->last, (int64_t)BATCH);

	for (w->count = 0; !e && !(e = db_next(s, &row, f)) && row; w->count++) {
		struct item *it = &w->item[w->count];

		*it = (struct item){ .generation = db_int(s, 1), .made = db_int(s, 2), .wrapped = db_int(s, 3) };
		snprintf(it->serial, sizeof(it->serial), "%s", db_text(s, 0));
		item_record(it, db_blob(s, 4));
	}
	if (w->count)
		memcpy(w->last, w->item[w->count - 1].serial, sizeof(w->last));
	return e;
}

static enum err renew_batch(struct work *w, const struct which *which, struct fail *f)
{
	char text[96];
	int64_t n = 0;
	enum err e;

	if (!w->count)
		return ERR_OK;
	e = db_begin(w->k.db, f);
	for (size_t i = 0; !e && i < w->count; i++) {
		if (!chosen(which, &w->item[i]))
			continue;
		e = db_run(w->k.db, f,
			   "UPDATE tmk SET renew = 1 WHERE serial_number = ? AND generation = ? AND renew = 0", "ti",
			   w->item[i].serial, w->item[i].generation);
		if (!e)
			n += db_changes(w->k.db);
	}
	snprintf(text, sizeof(text), "%lld TMKs are to be renewed (%s)", (long long)n, which_words[which->what]);
	if (!e && n)
		e = audit_console(w->k.db, "tmk-renew", NULL, text, f);
	e = db_settle(w->k.db, e, f);
	if (!e)
		w->done += n;
	return e;
}

static enum err renew_named(struct work *w, char **serials, struct fail *f)
{
	enum err e = db_begin(w->k.db, f);

	for (; !e && *serials; serials++) {
		e = db_run(w->k.db, f,
			   "UPDATE tmk SET renew = 1 WHERE serial_number = ? AND generation ="
			   " (SELECT max(generation) FROM tmk WHERE serial_number = ?)",
			   "tt", *serials, *serials);
		if (!e && db_changes(w->k.db) != 1)
			e = fail_set(f, ERR_NOT_FOUND, 0, "no TMK for serial number %.80s", *serials);
		if (!e)
			e = audit_console(w->k.db, "tmk-renew", *serials, NULL, f);
		w->done += !e;
	}
	e = db_settle(w->k.db, e, f);
	if (e)
		w->done = 0;
	return e;
}

enum err tmk_renew_run(void *config, char **arguments, struct fail *f)
{
	struct work *w = calloc(1, sizeof(*w));
	struct which which = { 0 };
	bool named = arguments[0] && arguments[0][0] != '-';
	enum err e = ERR_OK;

	if (!w)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a batch of TMKs");
	if (!arguments[0] || (!named && !which_parse(arguments, &which)))
		e = fail_set(f, ERR_USAGE, 0,
			     "tmk-renew SERIAL... | --all | --made-before, --tk-before or --srk-before YYYY-MM-DD");
	if (!e)
		e = kms_open_db(config, &w->k.db, f);
	if (!e && named)
		e = renew_named(w, arguments, f);
	if (!e && !named)
		e = db_one(w->k.db, &w->total, f, "SELECT count(DISTINCT serial_number) FROM tmk", "");
	for (w->count = BATCH; !e && !named && w->count == BATCH;) {
		e = renew_read(w, f);
		if (!e)
			e = renew_batch(w, &which, f);
		if (!e)
			progress(w, "TMKs to be renewed");
	}
	printf("%lld TMKs are to be renewed\n", (long long)w->done);
	kms_done(&w->k);
	free(w);
	return e;
}
