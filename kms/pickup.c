/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "left.h"
#include "log.h"
#include "manifest.h"
#include "open.h"
#include "pickup.h"
#include "sha256.h"
#include "worker.h"

#define NAME_ROOM (TRANSFER_NAME_MAX + 1)
#define AGAIN_S 3600 /* so long after a server let us rename nothing, it is asked again */

/* A name that is not whole yet: how it looked, and since when it looks so. */
struct waiting {
	char name[NAME_ROOM];
	uint64_t look; /* bytes of what was there; LOOK_* */
	time_t since;
	unsigned round;
};
#define LOOK_NO_KEYS UINT64_MAX
#define LOOK_NO_MANIFEST (UINT64_MAX - 1)

struct pickup {
	struct pickup *next;
	struct kms k; /* this thread's: its database is its own */
	X509_STORE *roots;
	struct transfer *transfer;
	char source[100]; /* "pickup NAME" */
	const char *work_path;
	int work;
	bool remove;
	uint64_t file_max;
	unsigned long settle_s;
	unsigned long orphan_s;
	struct worker worker;
	bool stuck;        /* said once */
	time_t asks_again; /* whether it may rename by now */
	struct waiting *waiting;
	size_t waiting_count;
	unsigned round;
};

struct pickups {
	struct pickup *first;
};

static bool stopping(void *arg)
{
	struct pickup *p = arg;

	return worker_stopping(&p->worker);
}

/* waits: true: it may still become whole: it has not looked so for so many seconds. */
static bool waits(struct pickup *p, const char *name, uint64_t look, unsigned long seconds)
{
	struct waiting *w = p->waiting, *end = w + p->waiting_count;

	while (w < end && strcmp(w->name, name) != 0)
		w++;
	if (w == end) {
		struct waiting *more = reallocarray(p->waiting, p->waiting_count + 1, sizeof(*more));

		if (!more)
			return false;
		p->waiting = more;
		w = &more[p->waiting_count++];
		*w = (struct waiting){ .look = look, .since = time(NULL) };
		snprintf(w->name, sizeof(w->name), "%s", name);
	}
	if (w->look != look) {
		w->look = look;
		w->since = time(NULL);
	}
	w->round = p->round;
	return w->since + (time_t)seconds > time(NULL);
}

/* What was not met in this look is gone, or done with. */
static void waiting_sweep(struct pickup *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->waiting_count; i++)
		if (p->waiting[i].round == p->round)
			p->waiting[n++] = p->waiting[i];
	p->waiting_count = n;
}

/* One of the two files, on the server; not there: an earlier life has done it. */
static enum err file_after(struct pickup *p, const char *name, const char *suffix, const char *end, struct fail *f)
{
	struct fail why = { 0 };
	char from[NAME_ROOM], to[NAME_ROOM + 8];
	enum err e;

	snprintf(from, sizeof(from), "%.*s%s", TRANSFER_NAME_MAX - 16, name, suffix);
	snprintf(to, sizeof(to), "%s%s", from, end);
	if (p->remove && !strcmp(end, ".done"))
		e = transfer_remove(p->transfer, from, &why);
	else
		e = transfer_rename(p->transfer, from, to, &why);
	if (e == ERR_DUPLICATE) {
		snprintf(to, sizeof(to), "%s.%lld%s", from, (long long)time(NULL), end);
		why = (struct fail){ 0 };
		e = transfer_rename(p->transfer, from, to, &why);
	}
	return e && e != ERR_NOT_FOUND ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

/* What is over goes: from the server, the key file first, and from the work folder. */
static enum err put_aside(struct pickup *p, const char *name, bool good, struct fail *f)
{
	const char *end = good ? ".done" : ".failed";
	enum err e = file_after(p, name, KEYFILE_SUFFIX, end, f);

	return e ? e : file_after(p, name, MANIFEST_SUFFIX, end, f);
}

static void work_clear(struct pickup *p, const char *name)
{
	static const char *const suffixes[] = { KEYFILE_SUFFIX, MANIFEST_SUFFIX, KEYFILE_SUFFIX ".part",
						MANIFEST_SUFFIX ".part" };
	char file[NAME_ROOM + 32];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		snprintf(file, sizeof(file), "%s%s", name, suffixes[i]);
		unlinkat(p->work, file, 0);
	}
}

static enum err fetch(struct pickup *p, const char *name, const char *suffix, uint64_t max, struct fail *f)
{
	char file[NAME_ROOM], path[1024];

	snprintf(file, sizeof(file), "%.*s%s", TRANSFER_NAME_MAX - 16, name, suffix);
	snprintf(path, sizeof(path), "%s/%s", p->work_path, file);
	return transfer_get(p->transfer, file, path, max, f);
}

/* The manifest, fetched. *ret_good: it is one; else it is refused, unless it may still become one. */
static enum err get_manifest(struct pickup *p, struct inbox_file *in, struct buf *manifest, struct manifest *m,
			     bool *ret_good, bool *ret_wait, struct fail *f)
{
	struct cms_signer signer;
	struct fail why = { 0 };
	time_t since;
	enum err e = fetch(p, in->name, MANIFEST_SUFFIX, MANIFEST_MAX, &why);

	in->bad = REASON_FILE_GONE; /* of a manifest that is no good nothing more is fetched */
	if (e == ERR_TOO_LARGE)
		return ERR_OK;
	if (e)
		return fail_set(f, e, why.rv, "%s", why.text);
	e = folder_read(p->work, in->name, MANIFEST_SUFFIX, MANIFEST_MAX, manifest, &since, f);
	if (e)
		return e;
	in->manifest = buf_view(manifest);
	e = manifest_read(p->roots, 0, in->manifest, m, &signer, NULL);
	*ret_good = !e;
	*ret_wait = e == ERR_MALFORMED && waits(p, in->name, manifest->len, p->settle_s);
	return ERR_OK;
}

/* Fetches what the manifest names, if it is good. *ret_wait: not there yet. why: lives as long as in. */
static enum err get(struct pickup *p, struct inbox_file *in, struct buf *manifest, struct fail *why, bool *ret_wait,
		    struct fail *f)
{
	struct manifest m;
	struct stat st = { 0 };
	bool good = false;
	enum err e = get_manifest(p, in, manifest, &m, &good, ret_wait, f);

	if (e || !good)
		return e;
	e = fetch(p, in->name, KEYFILE_SUFFIX, m.size < p->file_max ? m.size : p->file_max, why);
	if (e == ERR_NOT_FOUND) {
		*ret_wait = waits(p, in->name, LOOK_NO_KEYS, p->settle_s);
		return ERR_OK;
	}
	if (e == ERR_TOO_LARGE) {
		in->bad = m.size < p->file_max ? REASON_MANIFEST_FILE : REASON_FILE_LARGE;
		return ERR_OK;
	}
	if (e)
		return fail_set(f, e, why->rv, "%s", why->text);
	in->bad = REASON_NONE;
	e = folder_open_file(p->work, in->name, KEYFILE_SUFFIX, &in->keys, f);
	if (!e && !fstat(in->keys, &st) && (uint64_t)st.st_size < m.size)
		*ret_wait = waits(p, in->name, (uint64_t)st.st_size, p->settle_s);
	return e;
}

/* Received whole before, but not put aside: 0: no. */
static enum err left_over(struct pickup *p, const char *name, int64_t *ret, struct fail *f)
{
	return db_one(
	    p->k.db, ret, f,
	    "SELECT CAST(coalesce(max(id), 0) AS BIGINT) FROM key_file WHERE kind = 'file' AND state <> 'refused'"
	    " AND whole = 1 AND moved = 0 AND name = ? AND source = ?",
	    "tt", name, p->source);
}

/*
 * Out of the way on the server; where it does not let us, it stays there and is known by its name. What was refused is
 * known as soon as it cannot be renamed now, whyever: it is not judged twice.
 */
static enum err finish(struct pickup *p, const char *name, int64_t id, const struct left *what, struct fail *f)
{
	struct fail why = { 0 };
	enum err e = put_aside(p, name, what->good, &why);

	work_clear(p, name);
	if (!e)
		return what->good ? receive_put_aside(&p->k, id, f) : ERR_OK;
	if (e == ERR_REFUSED)
		p->asks_again = time(NULL) + AGAIN_S;
	if (e == ERR_REFUSED || !what->good)
		return left_put(&p->k, p->source, name, what, id, &why, f);
	return fail_set(f, e, why.rv, "%s", why.text);
}

/* One that was left there: *ret_skip: it is the same still. Now and then it is tried to put it aside. */
static enum err known(struct pickup *p, const char *name, bool has_manifest, bool *ret_skip, struct fail *f)
{
	char digest[65] = "";
	BUF_AUTO manifest = { 0 };
	struct fail why = { 0 };
	struct left left;
	time_t since;
	enum err e = left_look(&p->k, p->source, name, &left, f);

	if (e || !left.there)
		return e;
	*ret_skip = true;
	if (!left.good && has_manifest) { /* the same name may come again, whole */
		e = fetch(p, name, MANIFEST_SUFFIX, MANIFEST_MAX, &why);
		if (!e)
			e = folder_read(p->work, name, MANIFEST_SUFFIX, MANIFEST_MAX, &manifest, &since, &why);
		if (e && e != ERR_TOO_LARGE)
			return fail_set(f, e, why.rv, "%s", why.text);
		if (!e && !sha256_hex(buf_view(&manifest), digest))
			return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a manifest");
		*ret_skip = !strcmp(digest, left.manifest);
		if (!*ret_skip)
			return left_gone(&p->k, p->source, name, f);
	}
	if (p->asks_again > time(NULL))
		return ERR_OK;
	e = put_aside(p, name, left.good, &why);
	if (!e)
		return left_gone(&p->k, p->source, name, f);
	if (e != ERR_REFUSED)
		return fail_set(f, e, why.rv, "%s", why.text);
	p->asks_again = time(NULL) + AGAIN_S;
	return ERR_OK;
}

/* *ret_taken false: not there yet, or done with. */
static enum err take(struct pickup *p, const char *name, bool *ret_taken, struct fail *f)
{
	struct inbox_file in = { .name = name, .source = p->source, .keys = -1, .why = "" };
	struct receive r = { .k = &p->k, .size_max = p->file_max, .stop = stopping, .arg = p };
	struct left what = { .there = true };
	BUF_AUTO manifest = { 0 };
	struct fail why = { 0 };
	enum reason reason = REASON_NONE;
	bool wait = false;
	int64_t id = 0;
	enum err e = known(p, name, true, &wait, f);

	if (e || wait)
		return e;
	e = left_over(p, name, &id, f);
	if (!e && id) {
		*ret_taken = what.good = true;
		return finish(p, name, id, &what, f);
	}
	if (!e)
		e = get(p, &in, &manifest, &why, &wait, f);
	if (e || wait)
		goto out;
	in.why = why.text;
	r.fd = in.keys;
	e = inbox_take(&r, p->roots, &in, &id, &reason, f);
	if (!e && !reason)
		import_wake(&p->k);
	what.good = !reason;
	if (!e && manifest.len && !sha256_hex(buf_view(&manifest), what.manifest))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a manifest");
	if (!e)
		e = finish(p, name, id, &what, f);
	*ret_taken = !e;
out:
	if (in.keys >= 0)
		close(in.keys);
	return e;
}

/* A key file whose manifest does not come: told once. */
static enum err orphan(struct pickup *p, const char *name, bool *ret_taken, struct fail *f)
{
	const struct left what = { .there = true };
	struct fail why = { 0 };
	bool skip = false;
	int64_t id = 0;
	enum err e = known(p, name, false, &skip, f);

	if (e || skip || waits(p, name, LOOK_NO_MANIFEST, p->orphan_s))
		return e;
	e = inbox_alone(&p->k, name, p->source, &id, f);
	if (!e)
		e = finish(p, name, id, &what, &why);
	*ret_taken = !e;
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

/* The name without this suffix; false: it has another one. */
static bool stem(const char *file, const char *suffix, char ret[NAME_ROOM])
{
	size_t n = strlen(file), m = strlen(suffix);

	if (n <= m || n - m > KEYFILE_NAME_MAX || strcmp(file + n - m, suffix) != 0)
		return false;
	snprintf(ret, NAME_ROOM, "%.*s", (int)(n - m), file);
	return true;
}

static bool listed(const struct transfer_names *names, const char *name, const char *suffix)
{
	char file[NAME_ROOM + 16];
	size_t from = 0, to = names->count;

	snprintf(file, sizeof(file), "%s%s", name, suffix);
	while (from < to) {
		size_t at = from + (to - from) / 2;
		int order = strcmp(names->names[at], file);

		if (!order)
			return true;
		if (order < 0)
			from = at + 1;
		else
			to = at;
	}
	return false;
}

/* All that the server lists, in the order of the names. */
static enum err all_names(struct pickup *p, const struct transfer_names *names, bool *ret_taken, struct fail *f)
{
	enum err e = ERR_OK;

	p->round++;
	for (size_t i = 0; !e && i < names->count && !stopping(p); i++) {
		char name[NAME_ROOM];

		if (stem(names->names[i], MANIFEST_SUFFIX, name))
			e = take(p, name, ret_taken, f);
		else if (stem(names->names[i], KEYFILE_SUFFIX, name) && !listed(names, name, MANIFEST_SUFFIX))
			e = orphan(p, name, ret_taken, f);
	}
	if (!e && !stopping(p))
		waiting_sweep(p);
	return e;
}

static enum worker_next step(void *arg)
{
	struct pickup *p = arg;
	struct transfer_names names = { 0 };
	struct fail f = { 0 };
	bool taken = false;
	enum err e = transfer_list(p->transfer, &names, &f);

	if (!e)
		e = all_names(p, &names, &taken, &f);
	transfer_names_done(&names);
	if (e && !p->stuck && !stopping(p))
		log_line(LOG_LEVEL_ERROR, "pickup", "%s, %s waits: %s", p->source, transfer_place(p->transfer), f.text);
	else if (!e && p->stuck)
		log_line(LOG_LEVEL_INFO, "pickup", "%s goes on", p->source);
	p->stuck = e != ERR_OK;
	return e ? WORKER_RETRY : taken ? WORKER_AGAIN : WORKER_IDLE;
}

static enum err start(struct pickup *p, const struct conf *c, const char *section, struct fail *f)
{
	const char *after = conf_get(c, section, "after");
	unsigned long poll, most;
	enum err e;

	p->work_path = conf_get(c, section, "work");
	p->remove = !strcmp(after, "remove");
	if (!p->remove && strcmp(after, "rename") != 0)
		return fail_set(f, ERR_CONFIG, 0, "[%s] after: rename or remove", section);
	e = conf_number(c, section, "poll_s", 1, 86400, &poll, f);
	if (!e)
		e = conf_number(c, section, "file_max", 1, BUF_MAX, &most, f);
	if (!e)
		e = conf_number(c, section, "settle_s", 1, 86400, &p->settle_s, f);
	if (!e)
		e = conf_number(c, section, "orphan_s", p->settle_s, 31536000, &p->orphan_s, f);
	if (!e)
		e = folder_open(AT_FDCWD, p->work_path, false, &p->work, f);
	if (!e)
		e = transfer_configured(c, section, conf_get(c, section, "url"), stopping, p, &p->transfer, f);
	if (!e)
		e = kms_open_db(c, &p->k.db, f);
	if (e)
		return e;
	p->file_max = most;
	return worker_start(&p->worker, step, p, (unsigned)poll * 1000, 60000, f);
}

static enum err add(struct pickups *all, struct kms *k, const struct conf *c, const char *name, X509_STORE *roots,
		    struct fail *f)
{
	struct pickup *p = calloc(1, sizeof(*p));
	char section[96];

	if (!p)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a pick-up");
	p->next = all->first;
	all->first = p;
	p->k = *k;
	p->k.db = NULL;
	p->roots = roots;
	p->work = -1;
	snprintf(section, sizeof(section), "pickup %.80s", name);
	snprintf(p->source, sizeof(p->source), "%s", section);
	return start(p, c, section, f);
}

enum err pickups_new(struct kms *k, const struct conf *c, X509_STORE *roots, struct pickups **ret, struct fail *f)
{
	struct pickups *all = calloc(1, sizeof(*all));
	const char *name;
	enum err e = all ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for pick-ups");

	for (size_t i = 0; !e && (name = conf_member(c, "pickup *", i)); i++)
		e = add(all, k, c, name, roots, f);
	if (e || !all->first) {
		pickups_free(all);
		return e;
	}
	*ret = all;
	return ERR_OK;
}

void pickups_free(struct pickups *all)
{
	struct pickup *next;

	for (struct pickup *p = all ? all->first : NULL; p; p = next) {
		next = p->next;
		worker_stop(&p->worker);
		transfer_free(p->transfer);
		db_free(p->k.db);
		if (p->work >= 0)
			close(p->work);
		free(p->waiting);
		free(p);
	}
	free(all);
}

void pickups_wake(struct pickups *all)
{
	for (struct pickup *p = all ? all->first : NULL; p; p = p->next)
		worker_wake(&p->worker);
}
