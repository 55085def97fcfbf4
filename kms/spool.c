/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"
#include "keyfile.h"
#include "log.h"
#include "spool.h"

struct spool {
	struct kms *kms;
	int folder;
	int done;
	int failed;
	struct timeval poll;
	size_t file_max;
	struct event *event;
	bool stuck; /* said once */
};

static enum err folder_open(int at, const char *name, bool make, int *ret, struct fail *f)
{
	int fd;

	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "cannot make the folder %s: %s", name, strerror(errno));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "cannot open the folder %s: %s", name, strerror(errno));
	*ret = fd;
	return ERR_OK;
}

static int name_is_keyfile(const struct dirent *d)
{
	size_t n = strlen(d->d_name), suffix = sizeof(KEYFILE_SUFFIX) - 1;

	return d->d_name[0] != '.' && n > suffix && !strcmp(d->d_name + n - suffix, KEYFILE_SUFFIX);
}

/* The first key file by name; false: none. */
static bool next_name(struct spool *s, char ret[NAME_MAX + 1])
{
	struct dirent **names = NULL;
	int n = scandirat(s->folder, ".", &names, name_is_keyfile, alphasort);

	if (n > 0)
		snprintf(ret, NAME_MAX + 1, "%s", names[0]->d_name);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n > 0;
}

/* Regular files only, no symbolic links. ERR_BAD_DATA, ERR_TOO_LARGE: the file; ERR_IO: us. */
static enum err file_read(struct spool *s, const char *name, struct buf *ret, struct fail *f)
{
	int fd = openat(s->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t chunk[16384];
	struct stat st;
	ssize_t n = 0;
	enum err e = ERR_OK;

	if (fd < 0 && (errno == ELOOP || errno == EACCES))
		return fail_set(f, ERR_BAD_DATA, 0, errno == ELOOP ? "not a regular file" : "not readable");
	if (fd < 0 || fstat(fd, &st) < 0)
		e = fail_set(f, ERR_IO, 0, "%s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		e = fail_set(f, ERR_BAD_DATA, 0, "not a regular file");
	while (!e && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (ret->len + (size_t)n > s->file_max)
			e = fail_set(f, ERR_TOO_LARGE, 0, "more than %zu bytes", s->file_max);
		else
			buf_put(ret, chunk, (size_t)n);
	}
	if (!e && n < 0)
		e = fail_set(f, ERR_IO, 0, "%s: %s", name, strerror(errno));
	if (!e && !buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key file");
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err file_move(struct spool *s, const char *name, int to, const char *to_name, struct fail *f)
{
	if (renameat(s->folder, name, to, to_name) < 0 || fsync(to) < 0 || fsync(s->folder) < 0)
		return fail_set(f, ERR_IO, 0, "cannot move %s: %s", name, strerror(errno));
	return ERR_OK;
}

/* Stored in an earlier life that ended between commit and move: same name, same content, never moved. */
static enum err stored_unmoved(struct spool *s, const struct import_in *in, int64_t *ret_id, struct fail *f)
{
	int64_t id;
	enum err e;

	e = db_one(s->kms->db, &id, f,
		   "SELECT coalesce(max(id), 0) FROM key_file WHERE kind = 'file' AND state <> 'refused' AND moved = 0"
		   " AND name = ? AND digest = ?",
		   "tt", in->name, in->digest);
	if (!e)
		*ret_id = id;
	return e;
}

static enum err take_done(struct spool *s, const char *file, int64_t id, struct fail *f)
{
	enum err e;

	e = file_move(s, file, s->done, file, f);
	if (!e)
		e = db_run(s->kms->db, f, "UPDATE key_file SET moved = 1 WHERE id = ?", "i", id);
	return e;
}

/* Recorded first, then moved: a crash in between records it twice, harmlessly. */
static enum err take_failed(struct spool *s, const char *file, const struct import_in *in, enum reason reason,
			    const char *detail, struct fail *f)
{
	char name[NAME_MAX + 32];
	int64_t id;
	enum err e;

	log_line(LOG_LEVEL_WARN, "spool", "%s refused: %s; %s", file, reason_text(reason), detail);
	e = import_refuse(s->kms, in, reason, detail, f);
	if (!e)
		e = db_one(s->kms->db, &id, f, "SELECT max(id) FROM key_file", "");
	if (e)
		return e;
	snprintf(name, sizeof(name), "%.200s.%lld", file, (long long)id);
	return file_move(s, file, s->failed, name, f);
}

static enum reason head_judge(struct spool *s, const struct keyfile *k, const char *name)
{
	if (strcmp(k->head.kms, s->kms->customer) != 0)
		return REASON_FILE_OTHER_KMS;
	return strcmp(k->head.name, name) != 0 ? REASON_FILE_RENAMED : REASON_NONE;
}

/* A well-formed key file. What was seen before is told first, whatever else is wrong with it. */
static enum err take_keyfile(struct spool *s, const char *file, const struct keyfile *k, struct import_in *in,
			     struct fail *f)
{
	struct fail why = { 0 };
	enum reason reason = REASON_NONE, seen;
	int64_t id = 0;
	enum err e;

	in->sender = k->head.dc;
	in->digest = k->records_sha256;
	in->records = k->records;
	in->count = k->count;
	e = stored_unmoved(s, in, &id, f);
	if (e)
		return e;
	if (id)
		return take_done(s, file, id, f);
	reason = head_judge(s, k, in->name);
	e = reason ? import_seen(s->kms, in, &seen, f) : import_store(s->kms, in, &id, &seen, &why);
	if (reason && e)
		return e;
	if (e && (seen == REASON_DB || seen == REASON_NONE))
		return fail_set(f, e, why.rv, "%s", why.text);
	if (e || (reason && seen))
		reason = seen;
	if (reason)
		return take_failed(s, file, in, reason, "", f);
	import_kick(s->kms);
	return take_done(s, file, id, f);
}

static enum err take(struct spool *s, const char *file, struct fail *f)
{
	char name[NAME_MAX + 1];
	struct import_in in = { .kind = "file", .name = name, .sender = "?", .digest = "" };
	struct keyfile k = { 0 };
	BUF_AUTO bytes = { 0 };
	struct fail why = { 0 };
	enum err e;

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - (sizeof(KEYFILE_SUFFIX) - 1)), file);
	e = file_read(s, file, &bytes, &why);
	if (!e)
		e = keyfile_read(buf_view(&bytes), &k, &why);
	if (!e)
		e = take_keyfile(s, file, &k, &in, f);
	else if (e == ERR_BAD_DATA || e == ERR_TOO_LARGE)
		e = take_failed(s, file, &in, e == ERR_TOO_LARGE ? REASON_FILE_LARGE : REASON_FILE_FORM, why.text, f);
	else
		e = fail_set(f, e, why.rv, "%s", why.text);
	keyfile_done(&k);
	return e;
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct spool *s = arg;
	struct timeval now = { 0, 0 };
	char file[NAME_MAX + 1];
	struct fail f = { 0 };

	if (!next_name(s, file)) {
		event_add(s->event, &s->poll);
		return;
	}
	if (take(s, file, &f)) {
		if (!s->stuck)
			log_line(LOG_LEVEL_ERROR, "spool", "spool waits: %s: %s", file, f.text);
		s->stuck = true;
		event_add(s->event, &s->poll);
		return;
	}
	s->stuck = false;
	event_add(s->event, &now);
}

/* Moved, but the crash came before the database learnt it. */
static enum err reconcile(struct spool *s, struct fail *f)
{
	DB_STMT_AUTO *q = NULL;
	bool row = true;
	enum err e;

	e = db_query(s->kms->db, &q, f,
		     "SELECT id, name FROM key_file WHERE kind = 'file' AND state <> 'refused' AND moved = 0", "");
	while (!e) {
		char file[NAME_MAX + 1];

		e = db_next(q, &row, f);
		if (e || !row)
			break;
		snprintf(file, sizeof(file), "%.240s" KEYFILE_SUFFIX, db_text(q, 1));
		if (faccessat(s->folder, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    faccessat(s->done, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			e = db_run(s->kms->db, f, "UPDATE key_file SET moved = 1 WHERE id = ?", "i", db_int(q, 0));
	}
	return e;
}

enum err spool_new(struct kms *k, const struct spool_options *o, struct spool **ret, struct fail *f)
{
	struct spool *s = calloc(1, sizeof(*s));
	struct timeval now = { 0, 0 };
	enum err e;

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for the spool");
	s->kms = k;
	s->folder = s->done = s->failed = -1;
	s->poll = (struct timeval){ o->poll_ms / 1000, o->poll_ms % 1000 * 1000 };
	s->file_max = o->file_max;
	e = folder_open(AT_FDCWD, o->folder, false, &s->folder, f);
	if (!e)
		e = folder_open(s->folder, "done", true, &s->done, f);
	if (!e)
		e = folder_open(s->folder, "failed", true, &s->failed, f);
	if (!e)
		e = reconcile(s, f);
	if (!e) {
		s->event = evtimer_new(k->base, on_poll, s);
		if (!s->event || event_add(s->event, &now) < 0)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for the spool's event");
	}
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
	if (s->event)
		event_free(s->event);
	if (s->folder >= 0)
		close(s->folder);
	if (s->done >= 0)
		close(s->done);
	if (s->failed >= 0)
		close(s->failed);
	free(s);
}
