/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "formats.h"
#include "transfer_own.h"

#define CONNECT_S 30
#define STALL_S 60
#define STALL_MAX_S 3600
#define OVERLAP 4096 /* bytes of a part that are fetched once more */
#define NAME_ROOM (TRANSFER_NAME_MAX + 16)

enum err transfer_open(const struct transfer_options *o, struct transfer **ret, struct fail *f)
{
	struct transfer *t = calloc(1, sizeof(*t));
	enum err e = ERR_OK;

	if (!t)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	t->connect_s = o->connect_s ? (long)o->connect_s : CONNECT_S;
	t->stall_s = o->stall_s ? (long)o->stall_s : STALL_S;
	t->stop = o->stop;
	t->stop_arg = o->stop_arg;
	if (o->folder[0] != '/') {
		t->way = &transfer_remote;
		e = transfer_remote_open(t, o, f);
	} else if (o->user || o->password_file || o->key_file || o->known_hosts || o->server_ca || o->tls) {
		e = fail_set(f, ERR_CONFIG, 0, "%.100s: a folder of this machine takes no user, key or certificate",
			     o->folder);
	} else {
		t->way = &transfer_local;
		if (asprintf(&t->place, "%s%s", o->folder, o->folder[strlen(o->folder) - 1] == '/' ? "" : "/") < 0)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	if (e)
		transfer_free(t);
	else
		*ret = t;
	return e;
}

void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->curl);
	secret_done(&t->password);
	free(t->place);
	free(t->path);
	free(t->user);
	free(t->key_file);
	free(t->known_hosts);
	free(t->server_ca);
	free(t);
}

const char *transfer_place(const struct transfer *t)
{
	return t->place;
}

static bool name_good(const char *name)
{
	return format_name_ok(view_of_string(name), TRANSFER_NAME_MAX) && strcmp(name, ".") && strcmp(name, "..");
}

static enum err name_check(const char *name, struct fail *f)
{
	return name_good(name)
		   ? ERR_OK
		   : fail_set(f, ERR_USAGE, 0, "a file's name is 1 to %d of [A-Za-z0-9._-]", TRANSFER_NAME_MAX);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One name of a listing; what is none stays behind. */
static enum err take_name(struct transfer_names *n, const char *name, struct fail *f)
{
	if (!name[0] || !strcmp(name, ".") || !strcmp(name, ".."))
		return ERR_OK;
	if (!name_good(name)) {
		n->odd++;
		return ERR_OK;
	}
	if (name[0] == '.')
		return ERR_OK;
	if (n->count == TRANSFER_LIST_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "more than %d files in the folder", TRANSFER_LIST_MAX);
	if (!(n->count & (n->count - 1))) {
		char **more = reallocarray(n->names, n->count ? n->count * 2 : 1, sizeof(*more));

		if (!more)
			return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
		n->names = more;
	}
	n->names[n->count] = strdup(name);
	return n->names[n->count] ? (n->count++, ERR_OK) : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
}

enum err transfer_list(struct transfer *t, struct transfer_names *ret, struct fail *f)
{
	struct transfer_names n = { 0 };
	BUF_AUTO text = { 0 };
	enum err e = t->way->list(t, &text, f);

	if (!e && !buf_ok(&text))
		e = fail_set(f, ERR_TOO_LARGE, 0, "%.100s: listing too long", t->place);
	for (size_t at = 0; at < text.len && !e; at += strlen((const char *)text.p + at) + 1)
		e = take_name(&n, (const char *)text.p + at, f);
	if (e) {
		transfer_names_done(&n);
		return e;
	}
	if (n.count)
		qsort(n.names, n.count, sizeof(*n.names), by_name);
	*ret = n;
	return ERR_OK;
}

void transfer_names_done(struct transfer_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->names[i]);
	free(n->names);
	*n = (struct transfer_names){ 0 };
}

struct compare {
	struct view left; /* of what is expected */
	bool differs;
};

static bool on_compare(void *arg, struct view bytes)
{
	struct compare *c = arg;

	c->differs |= bytes.n > c->left.n || memcmp(c->left.p, bytes.p, bytes.n) != 0;
	if (!c->differs)
		c->left = VIEW(c->left.p + bytes.n, c->left.n - bytes.n);
	return !c->differs;
}

/* *ret_same: the file has exactly these bytes. */
static enum err compare(struct transfer *t, const char *name, struct view expected, bool *ret_same, struct fail *f)
{
	struct compare c = { expected, false };
	enum err e = expected.n ? t->way->read(t, name, 0, on_compare, &c, f) : ERR_OK;

	if (!e)
		*ret_same = !c.differs && !c.left.n;
	return e;
}

/* What stands under the final name already; *ret_done: it is ours. */
static enum err look_at_final(struct transfer *t, const char *name, struct view content, bool *ret_done, struct fail *f)
{
	struct fail none = { 0 };
	uint64_t size = 0;
	bool same = false;
	enum err e = t->way->size(t, name, &size, &none);

	*ret_done = false;
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (!e && size == content.n)
		e = compare(t, name, content, &same, &none);
	if (e && e != ERR_DUPLICATE)
		return fail_set(f, e, none.rv, "%s", none.text);
	*ret_done = same;
	return same ? ERR_OK
		    : fail_set(f, ERR_DUPLICATE, 0, "%.80s%s: another file stands there under this name", t->place,
			       name);
}

/* How much of the content the part of an earlier try has; 0: begin anew. */
static enum err look_at_part(struct transfer *t, const char *part, struct view content, uint64_t *ret_from,
			     struct fail *f)
{
	struct fail none = { 0 };
	uint64_t size = 0;
	bool same = false;
	enum err e = t->way->size(t, part, &size, &none);

	*ret_from = 0;
	if (e == ERR_NOT_FOUND || e == ERR_DUPLICATE)
		return ERR_OK;
	if (e)
		return fail_set(f, e, none.rv, "%s", none.text);
	if (!size || size > content.n)
		return ERR_OK;
	e = compare(t, part, VIEW(content.p, size), &same, f);
	if (!e && same)
		*ret_from = size;
	return e;
}

/* What arrived: its size always; every byte when it was put together from several tries. */
static enum err verify(struct transfer *t, const char *part, struct view content, bool whole, struct fail *f)
{
	struct fail none = { 0 };
	uint64_t size = 0;
	bool same = true;
	enum err e = t->way->size(t, part, &size, f);

	if (!e && size == content.n && whole)
		e = compare(t, part, content, &same, f);
	if (e || (size == content.n && same))
		return e;
	if (size < content.n) /* the next try looks whether these are the first ones */
		return fail_set(f, ERR_PEER, 0, "%.80s%s: %llu of %zu bytes arrived", t->place, part,
				(unsigned long long)size, content.n);
	if (t->way->remove(t, part, &none))
		return fail_set(f, ERR_PEER, 0, "%.80s%s differs from what was sent and stays: %.80s", t->place, part,
				none.text);
	return fail_set(f, ERR_PEER, 0, "%.80s%s differed from what was sent", t->place, part);
}

enum err transfer_put(struct transfer *t, const char *name, struct view content, struct fail *f)
{
	char part[NAME_ROOM];
	uint64_t from = 0;
	bool done = false;
	enum err e = name_check(name, f);

	if (e)
		return e;
	snprintf(part, sizeof(part), ".%s.part", name);
	e = look_at_final(t, name, content, &done, f);
	if (e || done)
		return e;
	e = look_at_part(t, part, content, &from, f);
	if (!e && (from < content.n || !from)) {
		struct fail why = { 0 };

		e = t->way->write(t, part, from, content, &why);
		if (e == ERR_NOT_FOUND)
			e = fail_set(f, ERR_PEER, 0, "%.200s: no such folder", t->place);
		else if (e)
			fail_set(f, e, why.rv, "%s", why.text);
	}
	if (!e)
		e = verify(t, part, content, from > 0, f);
	return e ? e : transfer_rename(t, part, name, f);
}

enum err transfer_rename(struct transfer *t, const char *from, const char *to, struct fail *f)
{
	struct fail none = { 0 };
	uint64_t size;
	enum err e = name_check(from, f);

	if (!e)
		e = name_check(to, f);
	if (!e)
		e = t->way->size(t, from, &size, f);
	if (e)
		return e;
	e = t->way->size(t, to, &size, &none);
	if (e == ERR_NOT_FOUND)
		return t->way->rename(t, from, to, f);
	if (e && e != ERR_DUPLICATE)
		return fail_set(f, e, none.rv, "%s", none.text);
	return fail_set(f, ERR_DUPLICATE, 0, "%.80s%s: another file stands there under this name", t->place, to);
}

enum err transfer_remove(struct transfer *t, const char *name, struct fail *f)
{
	uint64_t size;
	enum err e = name_check(name, f);

	if (!e)
		e = t->way->size(t, name, &size, f);
	return e ? e : t->way->remove(t, name, f);
}

/* A file on its way to this machine. */
struct fetch {
	int fd;
	uint64_t at;   /* of the next byte */
	uint64_t have; /* what stood in the part before */
	uint64_t max;
	bool differs;
	bool too_large;
	int error; /* errno */
};

static bool same_there(int fd, struct view v, uint64_t at)
{
	uint8_t chunk[OVERLAP];
	ssize_t n = v.n <= sizeof(chunk) ? pread(fd, chunk, v.n, (off_t)at) : -1;

	return n == (ssize_t)v.n && !memcmp(chunk, v.p, v.n);
}

static bool on_fetch(void *arg, struct view v)
{
	struct fetch *g = arg;

	if (g->at < g->have) {
		size_t n = g->have - g->at < v.n ? (size_t)(g->have - g->at) : v.n;

		g->differs = !same_there(g->fd, VIEW(v.p, n), g->at);
		if (g->differs)
			return false;
		g->at += n;
		v = VIEW(v.p + n, v.n - n);
	}
	g->too_large = v.n > g->max || g->at > g->max - v.n;
	while (v.n && !g->too_large) {
		ssize_t n = pwrite(g->fd, v.p, v.n, (off_t)g->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			g->error = n ? errno : ENOSPC;
			return false;
		}
		g->at += (uint64_t)n;
		v = VIEW(v.p + n, v.n - (size_t)n);
	}
	return !g->too_large;
}

/* Into the open part; *ret_anew: it differs from the file, begin anew. */
static enum err fetch(struct transfer *t, const char *name, int fd, uint64_t max, bool *ret_anew, struct fail *f)
{
	struct fetch g = { .fd = fd, .max = max };
	uint64_t size = 0;
	struct stat st;
	enum err e = t->way->size(t, name, &size, f);

	*ret_anew = false;
	if (e)
		return e;
	if (size > max)
		return fail_set(f, ERR_TOO_LARGE, 0, "%.80s%s: more than %llu bytes", t->place, name,
				(unsigned long long)max);
	if (fstat(fd, &st))
		return fail_set(f, ERR_IO, 0, "part of %s: %s", name, strerror(errno));
	g.have = (uint64_t)st.st_size;
	*ret_anew = g.have > size;
	if (*ret_anew)
		return ERR_OK;
	g.at = g.have > OVERLAP ? g.have - OVERLAP : 0;
	e = t->way->read(t, name, g.at, on_fetch, &g, f);
	*ret_anew = !e && g.differs;
	if (e || g.differs)
		return e;
	if (g.error)
		return fail_set(f, ERR_IO, 0, "part of %s: %s", name, strerror(g.error));
	if (g.too_large)
		return fail_set(f, ERR_TOO_LARGE, 0, "%.80s%s: more than %llu bytes", t->place, name,
				(unsigned long long)max);
	return g.at == size ? ERR_OK : fail_set(f, ERR_PEER, 0, "%.80s%s changes while it is fetched", t->place, name);
}

enum err transfer_get(struct transfer *t, const char *name, const char *path, uint64_t max, struct fail *f)
{
	char *part = NULL;
	bool anew = true;
	int fd = -1;
	enum err e = name_check(name, f);

	if (e)
		return e;
	if (asprintf(&part, "%s.part", path) < 0)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	fd = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		e = fail_set(f, ERR_IO, 0, "%.128s: %s", part, strerror(errno));
	for (int tries = 0; tries < 2 && anew && !e; tries++) {
		if (tries && ftruncate(fd, 0))
			e = fail_set(f, ERR_IO, 0, "%.128s: %s", part, strerror(errno));
		else
			e = fetch(t, name, fd, max, &anew, f);
	}
	if (!e && anew)
		e = fail_set(f, ERR_PEER, 0, "%.80s%s changes while it is fetched", t->place, name);
	if (!e)
		e = file_place(fd, part, path, true, f);
	if (fd >= 0)
		close(fd);
	free(part);
	return e;
}

enum err transfer_configured(const struct conf *c, const char *section, const char *folder, transfer_stop_fn stop,
			     void *stop_arg, struct transfer **ret, struct fail *f)
{
	const char *stall = conf_get(c, section, "stall_s");
	const struct transfer_options o = { .folder = folder,
					    .user = conf_get(c, section, "user"),
					    .password_file = conf_get(c, section, "password_file"),
					    .key_file = conf_get(c, section, "key_file"),
					    .known_hosts = conf_get(c, section, "known_hosts"),
					    .server_ca = conf_get(c, section, "server_ca"),
					    .tls = conf_get(c, section, "tls"),
					    .stall_s = stall ? (unsigned)atoi(stall) : 0,
					    .stop = stop,
					    .stop_arg = stop_arg };
	struct fail why = { 0 };
	enum err e;

	if (stall && (atoi(stall) < 1 || atoi(stall) > STALL_MAX_S))
		return fail_set(f, ERR_CONFIG, 0, "[%s] stall_s: 1 to %d", section, STALL_MAX_S);
	e = transfer_open(&o, ret, &why);
	return e ? fail_set(f, e, 0, "[%s] %.200s", section, why.text) : ERR_OK;
}
