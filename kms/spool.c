/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "manifest.h"
#include "open.h"
#include "spool.h"
#include "worker.h"

struct spool {
	struct kms k; /* this thread's: its database is its own */
	X509_STORE *roots;
	int folder;
	int done;
	int failed;
	uint64_t file_max;
	unsigned long settle_s;
	unsigned long orphan_s;
	struct worker worker;
	bool stuck; /* said once */
};

static bool stopping(void *arg)
{
	struct spool *s = arg;

	return worker_stopping(&s->worker);
}

static bool ends(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

static int name_is_ours(const struct dirent *d)
{
	return d->d_name[0] != '.' && (ends(d->d_name, MANIFEST_SUFFIX) || ends(d->d_name, KEYFILE_SUFFIX));
}

static enum err to_done(struct spool *s, const char *name, int64_t id, bool keys, struct fail *f)
{
	enum err e = ERR_OK;

	if (keys)
		e = folder_move(s->folder, name, KEYFILE_SUFFIX, s->done, 0, f);
	if (!e)
		e = folder_move(s->folder, name, MANIFEST_SUFFIX, s->done, 0, f);
	return e || !id ? e : receive_put_aside(&s->k, id, f);
}

static enum err to_failed(struct spool *s, const char *name, int64_t id, bool keys, struct fail *f)
{
	enum err e = ERR_OK;

	if (keys)
		e = folder_move(s->folder, name, KEYFILE_SUFFIX, s->failed, id, f);
	return e ? e : folder_move(s->folder, name, MANIFEST_SUFFIX, s->failed, id, f);
}

/* Somebody may still be writing: the manifest is none yet, or the key file has not the size that it tells. */
static bool unfinished(struct spool *s, const struct inbox_file *in, uint64_t size)
{
	struct cms_signer signer;
	struct manifest m;
	enum err e = manifest_read(s->roots, 0, in->manifest, &m, &signer, NULL);

	return e == ERR_MALFORMED || (!e && size < m.size);
}

static bool quiet(struct spool *s, time_t since)
{
	return since + (time_t)s->settle_s <= time(NULL);
}

/* The files of one name, opened. *ret_wait: they are not whole, but may become so. */
static enum err look(struct spool *s, struct inbox_file *in, struct buf *manifest, struct fail *why, bool *ret_wait,
		     struct fail *f)
{
	struct fail bad = { 0 };
	struct stat st = { 0 };
	time_t since = 0;
	enum err e;

	e = folder_read(s->folder, in->name, MANIFEST_SUFFIX, MANIFEST_MAX, manifest, &since, &bad);
	if (e == ERR_BAD_DATA || e == ERR_TOO_LARGE)
		manifest->len = 0; /* no manifest: refused as malformed */
	else if (e)
		return fail_set(f, e, 0, "%s", bad.text);
	in->manifest = buf_view(manifest);
	e = folder_open_file(s->folder, in->name, KEYFILE_SUFFIX, &in->keys, why);
	if (!e && !fstat(in->keys, &st)) {
		since = st.st_ctime > since ? st.st_ctime : since;
		*ret_wait = !quiet(s, since) && unfinished(s, in, (uint64_t)st.st_size);
	}
	if (!e)
		return ERR_OK;
	if (e != ERR_BAD_DATA && e != ERR_NOT_FOUND)
		return fail_set(f, e, 0, "%s", why->text);
	*ret_wait = e == ERR_NOT_FOUND && !quiet(s, since);
	in->bad = e == ERR_NOT_FOUND ? REASON_FILE_GONE : REASON_FILE_FORM;
	in->why = why->text;
	return ERR_OK;
}

/* *ret_taken false: not there yet. */
static enum err take(struct spool *s, const char *name, bool *ret_taken, struct fail *f)
{
	struct inbox_file in = { .name = name, .source = "spool", .keys = -1 };
	struct receive r = { .k = &s->k, .size_max = s->file_max, .stop = stopping, .arg = s };
	BUF_AUTO manifest = { 0 };
	struct fail why = { 0 };
	enum reason reason = REASON_NONE;
	bool wait = false;
	int64_t id = 0;
	enum err e;

	e = look(s, &in, &manifest, &why, &wait, f);
	if (!e && in.bad == REASON_FILE_GONE && folder_has(s->done, name, KEYFILE_SUFFIX)) {
		*ret_taken = true; /* moved in an earlier life, which ended before the manifest */
		return to_done(s, name, 0, false, f);
	}
	if (e || wait)
		goto out;
	r.fd = in.keys;
	e = inbox_take(&r, s->roots, &in, &id, &reason, f);
	if (!e && reason)
		e = to_failed(s, name, id, in.bad != REASON_FILE_GONE, f);
	else if (!e)
		e = to_done(s, name, id, true, f);
	*ret_taken = !e;
	if (!e)
		import_wake(&s->k);
out:
	if (in.keys >= 0)
		close(in.keys);
	return e;
}

/* A key file whose manifest does not come: told once, and out of the way. */
static enum err orphan(struct spool *s, const char *name, bool *ret_taken, struct fail *f)
{
	struct stat st;
	char file[NAME_MAX + 1];
	int64_t id = 0;
	enum err e;

	snprintf(file, sizeof(file), "%.*s%s", (int)(NAME_MAX - sizeof(KEYFILE_SUFFIX)), name, KEYFILE_SUFFIX);
	if (fstatat(s->folder, file, &st, AT_SYMLINK_NOFOLLOW) || st.st_ctime + (time_t)s->orphan_s > time(NULL) ||
	    folder_has(s->folder, name, MANIFEST_SUFFIX))
		return ERR_OK;
	e = inbox_alone(&s->k, name, "spool", &id, f);
	if (!e)
		e = folder_move(s->folder, name, KEYFILE_SUFFIX, s->failed, id, f);
	*ret_taken = !e;
	return e;
}

static enum worker_next step(void *arg)
{
	struct spool *s = arg;
	struct dirent **names = NULL;
	int n = scandirat(s->folder, ".", &names, name_is_ours, alphasort);
	struct fail f = { 0 };
	bool taken = false;
	enum err e = ERR_OK;

	for (int i = 0; i < n && !e && !taken; i++) {
		bool manifest = ends(names[i]->d_name, MANIFEST_SUFFIX);
		size_t suffix = manifest ? sizeof(MANIFEST_SUFFIX) - 1 : sizeof(KEYFILE_SUFFIX) - 1;
		char name[NAME_MAX + 1];

		snprintf(name, sizeof(name), "%.*s", (int)(strlen(names[i]->d_name) - suffix), names[i]->d_name);
		e = manifest ? take(s, name, &taken, &f) : orphan(s, name, &taken, &f);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (e && !s->stuck && !stopping(s))
		log_line(LOG_LEVEL_ERROR, "spool", "spool waits: %s", f.text);
	s->stuck = e != ERR_OK;
	if (!e && !taken && receive_sweep(&s->k, &taken, &f))
		log_line(LOG_LEVEL_WARN, "spool", "rows that were given up: %s", f.text);
	return e ? WORKER_RETRY : taken ? WORKER_AGAIN : WORKER_IDLE;
}

/* Moved, but the crash came before the database learnt it. */
static enum err reconcile(struct spool *s, struct fail *f)
{
	DB_STMT_AUTO *q = NULL;
	struct {
		int64_t id;
	} found[256];
	size_t n = 0;
	bool row = true;
	enum err e;

	e = db_query(
	    s->k.db, &q, f,
	    "SELECT id, name FROM key_file WHERE kind = 'file' AND state <> 'refused' AND whole = 1 AND moved = 0"
	    " AND source IN ('', 'spool') ORDER BY id LIMIT 256",
	    "");
	while (!e && n < ARRAY_LEN(found)) {
		e = db_next(q, &row, f);
		if (e || !row)
			break;
		if (!folder_has(s->folder, db_text(q, 1), KEYFILE_SUFFIX) &&
		    folder_has(s->done, db_text(q, 1), KEYFILE_SUFFIX))
			found[n++].id = db_int(q, 0);
	}
	db_end(q);
	q = NULL;
	for (size_t i = 0; !e && i < n; i++)
		e = receive_put_aside(&s->k, found[i].id, f);
	return e;
}

static enum err start(struct spool *s, const struct conf *c, const char *folder, struct fail *f)
{
	unsigned long poll, most;
	enum err e;

	e = conf_number(c, "spool", "poll_ms", 10, 600000, &poll, f);
	if (!e)
		e = conf_number(c, "spool", "file_max", 1, BUF_MAX, &most, f);
	if (!e)
		e = conf_number(c, "spool", "settle_s", 1, 86400, &s->settle_s, f);
	if (!e)
		e = conf_number(c, "spool", "orphan_s", s->settle_s, 31536000, &s->orphan_s, f);
	if (!e)
		e = folder_open(AT_FDCWD, folder, false, &s->folder, f);
	if (!e)
		e = folder_open(s->folder, "done", true, &s->done, f);
	if (!e)
		e = folder_open(s->folder, "failed", true, &s->failed, f);
	if (!e)
		e = kms_open_db(c, &s->k.db, f);
	if (!e)
		e = reconcile(s, f);
	if (e)
		return e;
	s->file_max = most;
	return worker_start(&s->worker, step, s, (unsigned)poll, 2000, f);
}

enum err spool_new(struct kms *k, const struct conf *c, X509_STORE *roots, struct spool **ret, struct fail *f)
{
	const char *folder = conf_get(c, "spool", "folder");
	struct spool *s = folder ? calloc(1, sizeof(*s)) : NULL;
	enum err e;

	if (!s)
		return folder ? fail_set(f, ERR_NO_MEMORY, 0, "no memory for the spool") : ERR_OK;
	s->k = *k;
	s->k.db = NULL;
	s->roots = roots;
	s->folder = s->done = s->failed = -1;
	e = start(s, c, folder, f);
	if (e) {
		spool_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	worker_stop(&s->worker);
	if (s->folder >= 0)
		close(s->folder);
	if (s->done >= 0)
		close(s->done);
	if (s->failed >= 0)
		close(s->failed);
	db_free(s->k.db);
	free(s);
}

void spool_wake(struct spool *s)
{
	if (s)
		worker_wake(&s->worker);
}
