/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "manifest.h"
#include "open.h"
#include "pickup.h"
#include "worker.h"

#define NAME_ROOM (TRANSFER_NAME_MAX + 1)
#define REFUSED_MAX 256

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
	struct worker worker;
	bool stuck; /* said once */
	/* Refused, but the server would not let us put them aside; once is enough. */
	char refused[REFUSED_MAX][NAME_ROOM];
	size_t refused_count;
	char missing[NAME_ROOM]; /* a manifest without its key file, and since when */
	time_t missing_since;
};

struct pickups {
	struct pickup *first;
};

static bool stopping(void *arg)
{
	struct pickup *p = arg;

	return worker_stopping(&p->worker);
}

static bool was_refused(const struct pickup *p, const char *name)
{
	for (size_t i = 0; i < p->refused_count; i++)
		if (!strcmp(p->refused[i], name))
			return true;
	return false;
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

/* The manifest of this name has no key file: it may be that we look too early. */
static bool may_come(struct pickup *p, const char *name)
{
	if (strcmp(p->missing, name) != 0) {
		snprintf(p->missing, sizeof(p->missing), "%s", name);
		p->missing_since = time(NULL);
	}
	return p->missing_since + 2 > time(NULL);
}

/* Fetches what the manifest names, if it is good. *ret_wait: not there yet. why: lives as long as in. */
static enum err get(struct pickup *p, struct inbox_file *in, struct buf *manifest, struct fail *why, bool *ret_wait,
		    struct fail *f)
{
	struct manifest m;
	struct cms_signer signer;
	struct fail none = { 0 };
	time_t since;
	enum err e;

	e = fetch(p, in->name, MANIFEST_SUFFIX, MANIFEST_MAX, f);
	if (!e)
		e = folder_read(p->work, in->name, MANIFEST_SUFFIX, MANIFEST_MAX, manifest, &since, f);
	if (e)
		return e;
	in->manifest = buf_view(manifest);
	in->bad = REASON_FILE_GONE; /* of a manifest that is no good nothing more is fetched */
	if (manifest_read(p->roots, 0, in->manifest, &m, &signer, &none))
		return ERR_OK;
	e = fetch(p, in->name, KEYFILE_SUFFIX, m.size < p->file_max ? m.size : p->file_max, why);
	if (e == ERR_NOT_FOUND) {
		*ret_wait = may_come(p, in->name);
		return ERR_OK;
	}
	if (e == ERR_TOO_LARGE) {
		in->bad = m.size < p->file_max ? REASON_MANIFEST_FILE : REASON_FILE_LARGE;
		return ERR_OK;
	}
	if (e)
		return fail_set(f, e, why->rv, "%s", why->text);
	in->bad = REASON_NONE;
	return folder_open_file(p->work, in->name, KEYFILE_SUFFIX, &in->keys, f);
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

static enum err finish(struct pickup *p, const char *name, int64_t id, enum reason reason, struct fail *f)
{
	struct fail why = { 0 };
	enum err e = put_aside(p, name, !reason, &why);

	work_clear(p, name);
	if (!e && !reason)
		e = receive_put_aside(&p->k, id, &why);
	if (e && reason && p->refused_count < REFUSED_MAX)
		snprintf(p->refused[p->refused_count++], NAME_ROOM, "%s", name);
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

static enum err take(struct pickup *p, const char *name, bool *ret_taken, struct fail *f)
{
	struct inbox_file in = { .name = name, .source = p->source, .keys = -1, .why = "" };
	struct receive r = { .k = &p->k, .size_max = p->file_max, .stop = stopping, .arg = p };
	BUF_AUTO manifest = { 0 };
	struct fail why = { 0 };
	enum reason reason = REASON_NONE;
	bool wait = false;
	int64_t id = 0;
	enum err e = left_over(p, name, &id, f);

	if (!e && id) {
		*ret_taken = true;
		return finish(p, name, id, REASON_NONE, f);
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
	if (!e)
		e = finish(p, name, id, reason, f);
	*ret_taken = !e;
out:
	if (in.keys >= 0)
		close(in.keys);
	return e;
}

/* *ret_names: of manifests, without the suffix; false: the name of another file. */
static bool stem(const char *file, char ret[NAME_ROOM])
{
	size_t n = strlen(file), suffix = sizeof(MANIFEST_SUFFIX) - 1;

	if (n <= suffix || n - suffix > KEYFILE_NAME_MAX || strcmp(file + n - suffix, MANIFEST_SUFFIX) != 0)
		return false;
	snprintf(ret, NAME_ROOM, "%.*s", (int)(n - suffix), file);
	return true;
}

static enum worker_next step(void *arg)
{
	struct pickup *p = arg;
	struct transfer_names names = { 0 };
	struct fail f = { 0 };
	bool taken = false;
	enum err e = transfer_list(p->transfer, &names, &f);

	for (size_t i = 0; !e && i < names.count && !stopping(p); i++) {
		char name[NAME_ROOM];

		if (stem(names.names[i], name) && !was_refused(p, name))
			e = take(p, name, &taken, &f);
	}
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
		free(p);
	}
	free(all);
}

void pickups_wake(struct pickups *all)
{
	for (struct pickup *p = all ? all->first : NULL; p; p = p->next)
		worker_wake(&p->worker);
}
