/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "folder.h"
#include "import_command.h"
#include "inbox.h"
#include "manifest.h"
#include "open.h"

#define BAR 40
#define POLL_NS 200000000

/* What is shown: on a terminal a bar that is drawn again, else a line for every tenth. */
struct progress {
	const char *what;
	bool tty;
	size_t shown; /* tenths, or permille */
};

static void show(struct progress *p, size_t done, size_t count)
{
	size_t step = p->tty ? 1000 : 10, at = count ? step * done / count : step;
	char bar[BAR + 1];

	if (at == p->shown)
		return;
	p->shown = at;
	if (!p->tty) {
		fprintf(stderr, "%s %zu of %zu\n", p->what, done, count);
		return;
	}
	for (size_t i = 0; i < BAR; i++)
		bar[i] = i < at * BAR / step ? '#' : ' ';
	bar[BAR] = 0;
	fprintf(stderr, "\r%-9s [%s] %3zu%% %zu of %zu%s", p->what, bar, at / 10, done, count,
		done == count ? "\n" : "");
}

static void received(void *arg, size_t stored, size_t count)
{
	show(arg, stored, count);
}

struct job {
	struct kms k;
	X509_STORE *roots;
	int folder;
	char name[NAME_MAX + 1];
	struct buf manifest;
	struct inbox_file in;
	int64_t id;
};

/* A path of any length that the system takes: its folder, opened, and the name there. */
static enum err path_open(const char *path, int *ret_folder, char name[NAME_MAX + 1], struct fail *f)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	char folder[PATH_MAX];

	if (!*file)
		return fail_set(f, ERR_USAGE, 0, "%.150s: no name of a file", path);
	if (strlen(path) >= PATH_MAX || strlen(file) > NAME_MAX)
		return fail_set(f, ERR_USAGE, 0,
				"%.100s...: the path has more than %d letters, or its last part more than %d", path,
				PATH_MAX - 1, NAME_MAX);
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	snprintf(name, NAME_MAX + 1, "%s", file);
	return folder_open(AT_FDCWD, folder, false, ret_folder, f);
}

/* Also without its suffix, as the other functions take it. */
static enum err keys_open(struct job *j, const char *path, struct fail *f)
{
	size_t n = strlen(path), suffix = sizeof(KEYFILE_SUFFIX) - 1;
	enum err e;

	if (n <= suffix || path[n - suffix - 1] == '/' || strcmp(path + n - suffix, KEYFILE_SUFFIX) != 0)
		return fail_set(f, ERR_USAGE, 0, "%.150s: the name of a key file ends in " KEYFILE_SUFFIX, path);
	e = path_open(path, &j->folder, j->name, f);
	if (e)
		return e;
	j->name[strlen(j->name) - suffix] = 0;
	return folder_open_file(j->folder, j->name, KEYFILE_SUFFIX, &j->in.keys, f);
}

static enum err manifest_open(struct job *j, const char *path, struct fail *f)
{
	char name[NAME_MAX + 1];
	int folder = -1;
	time_t since;
	enum err e;

	if (!path)
		return folder_read(j->folder, j->name, MANIFEST_SUFFIX, MANIFEST_MAX, &j->manifest, &since, f);
	e = path_open(path, &folder, name, f);
	if (!e)
		e = folder_read(folder, name, "", MANIFEST_MAX, &j->manifest, &since, f);
	if (folder >= 0)
		close(folder);
	return e;
}

static enum err files_open(struct job *j, const char *path, const char *manifest, struct fail *f)
{
	enum err e = keys_open(j, path, f);

	if (!e && !j->in.is_unsigned)
		e = manifest_open(j, manifest, f);
	j->in.manifest = buf_view(&j->manifest);
	return e;
}

static enum err receive_it(struct job *j, const struct conf *c, struct fail *f)
{
	struct progress shown = { .what = "received", .tty = isatty(2), .shown = (size_t)-1 };
	struct receive r = { .k = &j->k, .fd = j->in.keys, .progress = received, .arg = &shown };
	enum reason reason = REASON_NONE;
	unsigned long most;
	enum err e = conf_number(c, "spool", "file_max", 1, BUF_MAX, &most, f);

	r.size_max = most;
	if (!e)
		e = inbox_take(&r, j->roots, &j->in, &j->id, &reason, f);
	if (!e && reason)
		e = fail_set(f, reason_err(reason), 0, "%.100s is refused: %s (file %lld)", j->name,
			     reason_text(reason), (long long)j->id);
	return e ? e : receive_put_aside(&j->k, j->id, f);
}

struct counts {
	int64_t records, waiting, imported, failed;
	bool done;
};

static enum err count(struct job *j, struct counts *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	e = db_query(
	    j->k.db, &s, f,
	    "SELECT k.records, k.state, (SELECT count(*) FROM key_source WHERE file = k.id AND flag = '" FLAG_WAITING
	    "'), (SELECT count(*) FROM key_source WHERE file = k.id AND flag = '" FLAG_IMPORTED
	    "'), (SELECT count(*) FROM key_source WHERE file = k.id AND flag = '" FLAG_ERROR
	    "') FROM key_file k WHERE k.id = ?",
	    "i", j->id);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "the key file is gone from the database");
	if (e)
		return e;
	*ret = (struct counts){ .records = db_int(s, 0),
				.waiting = db_int(s, 2),
				.imported = db_int(s, 3),
				.failed = db_int(s, 4),
				.done = !strcmp(db_text(s, 1), "done") };
	return ERR_OK;
}

/* This file's rows and whatever waits before them; a running kmsd takes its part. */
static enum err work_off(struct job *j, struct counts *ret, struct fail *f)
{
	static const struct timespec pause = { 0, POLL_NS };
	struct progress shown = { .what = "imported", .tty = isatty(2), .shown = (size_t)-1 };
	bool more = false;
	enum err e = count(j, ret, f);

	while (!e && !ret->done) {
		e = import_slice(&j->k, 32, &more, f);
		if (!e)
			e = count(j, ret, f);
		if (!e)
			show(&shown, (size_t)(ret->records - ret->waiting), (size_t)ret->records);
		if (!e && !more && !ret->done)
			nanosleep(&pause, NULL);
	}
	return e;
}

static enum err job_run(struct job *j, const struct conf *c, char **arguments, const char *manifest, struct fail *f)
{
	struct counts n = { 0 };
	enum err e = files_open(j, arguments[0], manifest, f);

	if (!e)
		e = kms_open(c, &j->k, f);
	if (!e && !j->in.is_unsigned)
		e = inbox_roots(c, &j->roots, f);
	if (!e)
		e = import_own(&j->k, f);
	if (!e)
		e = receive_it(j, c, f);
	if (!e)
		e = work_off(j, &n, f);
	if (e)
		return e;
	printf("file %lld: %lld records, %lld imported, %lld failed\n", (long long)j->id, (long long)n.records,
	       (long long)n.imported, (long long)n.failed);
	return n.failed
		   ? fail_set(f, ERR_BAD_DATA, 0, "kmsd sources --file %lld --flag error tells why", (long long)j->id)
		   : ERR_OK;
}

enum err import_command(void *service, char **arguments, struct fail *f)
{
	const char *manifest = NULL, *unsigned_ = NULL;
	const struct command_option options[] = { { "--manifest", true, &manifest },
						  { "--unsigned", false, &unsigned_ } };
	struct job j = { .folder = -1, .in = { .source = "command", .keys = -1, .why = "" } };
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (!e && manifest && unsigned_)
		e = fail_set(f, ERR_USAGE, 0, "--manifest or --unsigned, not both");
	j.in.name = j.name;
	j.in.is_unsigned = unsigned_ != NULL;
	if (!e)
		e = job_run(&j, service, arguments, manifest, f);
	if (j.in.keys >= 0)
		close(j.in.keys);
	if (j.folder >= 0)
		close(j.folder);
	X509_STORE_free(j.roots);
	buf_done(&j.manifest);
	kms_done(&j.k);
	return e;
}
