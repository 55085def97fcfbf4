/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool.h"
#include "file.h"
#include "formats.h"
#include "keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_MAX ((size_t)8192)
#define BATCH_MAX ((size_t)16 << 20)
#define BATCH_PREFIX "batch-"

struct entry {
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	uint64_t counter;
	bool open;  /* in packets/ or in a batch that is not acknowledged */
	bool loose; /* in packets/ */
};

struct spool {
	char root[PATH_MAX - 512];
	char order[SPOOL_ORDER_MAX + 1];
	int lock_fd;
	pthread_mutex_t mutex;
	struct entry *entries;
	size_t count;
	size_t room;
	size_t batch_max;
};

static struct entry *entry_find(struct spool *s, struct view serial)
{
	for (size_t i = 0; i < s->count; i++)
		if (view_equal(view_of_string(s->entries[i].serial), serial))
			return &s->entries[i];
	return NULL;
}

static bool entry_put(struct spool *s, struct view serial, uint64_t counter, bool open, bool loose)
{
	struct entry *e = entry_find(s, serial);
	if (e == NULL) {
		if (s->count == s->room) {
			size_t room = s->room ? 2 * s->room : 64;
			struct entry *more = realloc(s->entries, room * sizeof(*more));
			if (more == NULL)
				return false;
			s->entries = more;
			s->room = room;
		}
		e = &s->entries[s->count++];
		memset(e, 0, sizeof(*e));
		memcpy(e->serial, serial.p, serial.n);
	}
	if (counter > e->counter)
		e->counter = counter;
	e->open = e->open || open;
	e->loose = e->loose || loose;
	return true;
}

/* One packet file: checked against what was written, as an object for the batch (new reference in *ret). */
static enum err packet_load(const char *path, json_t **ret, struct tk_packet *ret_packet, struct buf *raw,
			    struct fail *f)
{
	BUF_AUTO text = { 0 };
	const char *serial, *base64;
	json_int_t collected;
	size_t serial_len, base64_len;
	enum err e = file_read(path, FILE_MAX, &text, f);
	if (e != ERR_OK)
		return e;
	json_t *o = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (o == NULL ||
	    json_unpack(o, "{s:s%,s:I,s:s%}", "serial", &serial, &serial_len, "collected", &collected, "packet",
			&base64, &base64_len) != 0 ||
	    !base64_decode(base64, base64_len, raw) || !tk_packet_parse(buf_view(raw), ret_packet) ||
	    !view_equal(VIEW(serial, serial_len), ret_packet->pos_serial)) {
		json_decref(o);
		return fail_set(f, ERR_BAD_DATA, 0, "%s is not a collected packet", path);
	}
	*ret = o;
	return ERR_OK;
}

static bool is_packet_file(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

/* Walks the packet files of a folder in name order; list (may be NULL) takes the objects. */
static enum err folder_load(struct spool *s, const char *folder, bool open, bool loose, json_t *list, struct fail *f)
{
	struct dirent **names = NULL;
	enum err e = ERR_OK;
	int n = scandir(folder, &names, NULL, alphasort);
	if (n < 0)
		return fail_set(f, ERR_IO, 0, "reading %s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		BUF_AUTO raw = { 0 };
		struct tk_packet p;
		json_t *o = NULL;
		if (e != ERR_OK || !is_packet_file(names[i]->d_name))
			continue;
		if ((e = file_path(folder, names[i]->d_name, path, sizeof(path), f)) != ERR_OK ||
		    (e = packet_load(path, &o, &p, &raw, f)) != ERR_OK)
			continue;
		if (list == NULL ? !entry_put(s, p.pos_serial, p.counter, open, loose)
				 : json_array_append(list, o) != 0)
			e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
		json_decref(o);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return e;
}

static bool acknowledged(const char *folder)
{
	char path[PATH_MAX];
	struct fail ignored = { 0 };
	return file_path(folder, "acknowledged", path, sizeof(path), &ignored) == ERR_OK && access(path, F_OK) == 0;
}

/* Calls for every batch folder; the first that waits for its acknowledgement goes to ret_open (when asked for). */
static enum err batches_walk(struct spool *s, bool load, char *ret_open, size_t room, struct fail *f)
{
	struct dirent **names = NULL;
	enum err e = ERR_OK;
	int n = scandir(s->root, &names, NULL, alphasort);
	if (n < 0)
		return fail_set(f, ERR_IO, 0, "reading %s: %s", s->root, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		const char *name = names[i]->d_name;
		if (e != ERR_OK || strncmp(name, BATCH_PREFIX, strlen(BATCH_PREFIX)) != 0 ||
		    strlen(name) != strlen(BATCH_PREFIX) + SPOOL_BATCH_ID)
			continue;
		if ((e = file_path(s->root, name, path, sizeof(path), f)) != ERR_OK)
			continue;
		bool open = !acknowledged(path);
		if (load)
			e = folder_load(s, path, open, false, NULL, f);
		if (open && ret_open != NULL && ret_open[0] == 0)
			snprintf(ret_open, room, "%s", name + strlen(BATCH_PREFIX));
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return e;
}

static enum err packets_folder(struct spool *s, char *ret, size_t room, struct fail *f)
{
	enum err e = file_path(s->root, "packets", ret, room, f);
	return e == ERR_OK ? file_folder(ret, f) : e;
}

/* Counts anew what is open. */
static enum err reload(struct spool *s, struct fail *f)
{
	char packets[PATH_MAX];
	enum err e = packets_folder(s, packets, sizeof(packets), f);
	for (size_t i = 0; i < s->count; i++)
		s->entries[i].open = s->entries[i].loose = false;
	if (e == ERR_OK)
		e = batches_walk(s, true, NULL, 0, f);
	return e == ERR_OK ? folder_load(s, packets, true, true, NULL, f) : e;
}

static enum err lock_order(struct spool *s, struct fail *f)
{
	char path[PATH_MAX];
	enum err e = file_path(s->root, "lock", path, sizeof(path), f);
	if (e != ERR_OK)
		return e;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return fail_set(f, ERR_IO, 0, "opening %s: %s", path, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return fail_set(f, ERR_BUSY, 0, "order %s: another operation terminal uses this spool", s->order);
	return ERR_OK;
}

enum err spool_open(const char *dir, const char *order, struct spool **ret, struct fail *f)
{
	enum err e;
	if (!keyfile_name_ok(order, SPOOL_ORDER_MAX))
		return fail_set(f, ERR_CONFIG, 0, "bad order number");
	struct spool *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	s->lock_fd = -1;
	s->batch_max = SPOOL_BATCH_MAX;
	pthread_mutex_init(&s->mutex, NULL);
	snprintf(s->order, sizeof(s->order), "%s", order);
	if ((e = file_folder(dir, f)) != ERR_OK || (e = file_path(dir, order, s->root, sizeof(s->root), f)) != ERR_OK ||
	    (e = file_folder(s->root, f)) != ERR_OK || (e = lock_order(s, f)) != ERR_OK ||
	    (e = reload(s, f)) != ERR_OK) {
		spool_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->mutex);
	free(s->entries);
	free(s);
}

bool spool_find(struct spool *s, struct view serial, uint64_t *ret_counter, bool *ret_open)
{
	pthread_mutex_lock(&s->mutex);
	struct entry *e = entry_find(s, serial);
	if (e != NULL) {
		*ret_counter = e->counter;
		*ret_open = e->open;
	}
	pthread_mutex_unlock(&s->mutex);
	return e != NULL;
}

static enum err packet_write(struct spool *s, struct view serial, int64_t collected, struct view packet, struct fail *f)
{
	char hex[2 * FORMAT_POS_SERIAL_MAX + 1], name[sizeof(hex) + 8], folder[PATH_MAX], path[PATH_MAX];
	BUF_AUTO base64 = { 0 };
	enum err e = packets_folder(s, folder, sizeof(folder), f);
	if (e != ERR_OK)
		return e;
	hex_encode(serial, hex);
	snprintf(name, sizeof(name), "%s.json", hex);
	if ((e = file_path(folder, name, path, sizeof(path), f)) != ERR_OK)
		return e;
	base64_encode(packet, &base64);
	json_t *o = json_pack("{s:s%,s:I,s:s%}", "serial", serial.p, serial.n, "collected", (json_int_t)collected,
			      "packet", (const char *)base64.p, base64.len);
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text == NULL)
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	else
		e = file_replace(path, 0600, view_of_string(text), f);
	free(text);
	json_decref(o);
	return e;
}

/* With the mutex held. */
static enum err close_batch(struct spool *s, struct fail *f)
{
	char packets[PATH_MAX], name[sizeof(BATCH_PREFIX) + SPOOL_BATCH_ID + 1], batch[PATH_MAX],
	    id[SPOOL_BATCH_ID + 1];
	uint8_t random[SPOOL_BATCH_ID / 2];
	struct dirent **names = NULL;
	bool any = false;
	enum err e = packets_folder(s, packets, sizeof(packets), f);
	if (e != ERR_OK)
		return e;
	int n = scandir(packets, &names, NULL, NULL);
	for (int i = 0; i < n; i++) {
		any = any || is_packet_file(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (!any)
		return ERR_OK;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fail_set(f, ERR_INTERNAL, 0, "no random bytes");
	hex_encode(VIEW(random, sizeof(random)), id);
	snprintf(name, sizeof(name), "%s%s", BATCH_PREFIX, id);
	if ((e = file_path(s->root, name, batch, sizeof(batch), f)) != ERR_OK)
		return e;
	if (rename(packets, batch) != 0)
		return fail_set(f, ERR_IO, 0, "closing the batch: %s", strerror(errno));
	for (size_t i = 0; i < s->count; i++)
		s->entries[i].loose = false;
	return file_sync_folder(s->root, f);
}

enum err spool_close_batch(struct spool *s, struct fail *f)
{
	pthread_mutex_lock(&s->mutex);
	enum err e = close_batch(s, f);
	pthread_mutex_unlock(&s->mutex);
	return e;
}

/* A batch that is full is closed before the next serial number; one that stands in it just gets its newer packet. */
static enum err make_room(struct spool *s, struct view serial, struct fail *f)
{
	struct entry *e = entry_find(s, serial);
	size_t loose = 0;
	for (size_t i = 0; i < s->count; i++)
		loose += s->entries[i].loose;
	return loose < s->batch_max || (e != NULL && e->loose) ? ERR_OK : close_batch(s, f);
}

void spool_batch_max(struct spool *s, size_t terminals)
{
	s->batch_max = terminals;
}

void spool_each(struct spool *s, void (*each)(void *arg, struct view serial, uint64_t counter), void *arg)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->entries[i].open)
			each(arg, view_of_string(s->entries[i].serial), s->entries[i].counter);
}

enum err spool_put(struct spool *s, struct view serial, uint64_t counter, int64_t collected, struct view packet,
		   struct fail *f)
{
	if (!format_pos_serial_ok(serial))
		return fail_set(f, ERR_MALFORMED, 0, "bad POS serial number");
	pthread_mutex_lock(&s->mutex);
	enum err e = make_room(s, serial, f);
	if (e == ERR_OK)
		e = packet_write(s, serial, collected, packet, f);
	if (e == ERR_OK && !entry_put(s, serial, counter, true, true))
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	pthread_mutex_unlock(&s->mutex);
	return e;
}

size_t spool_open_count(struct spool *s)
{
	size_t n = 0;
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->count; i++)
		n += s->entries[i].open;
	pthread_mutex_unlock(&s->mutex);
	return n;
}

static enum err batch_path(struct spool *s, const char *id, const char *name, char *ret, size_t room, struct fail *f)
{
	int n = snprintf(ret, room, "%s/%s%s%s%s", s->root, BATCH_PREFIX, id, name[0] ? "/" : "", name);
	if (n < 0 || (size_t)n >= room)
		return fail_set(f, ERR_CONFIG, 0, "path too long");
	return ERR_OK;
}

static enum err batch_content(struct spool *s, const char *folder, struct spool_batch *b, struct fail *f)
{
	json_t *list = json_array();
	json_t *o = NULL;
	char *text = NULL;
	enum err e = list == NULL ? fail_set(f, ERR_NO_MEMORY, 0, "out of memory")
				  : folder_load(s, folder, true, false, list, f);
	if (e != ERR_OK)
		goto out;
	b->terminals = json_array_size(list);
	o = json_pack("{s:s,s:i,s:s,s:s,s:O}", "format", "strongroom tk batch", "version", 1, "order", s->order,
		      "batch", b->id, "terminals", list);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text != NULL)
		buf_put_view(&b->content, view_of_string(text));
	if (text == NULL || !buf_ok(&b->content))
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
out:
	free(text);
	json_decref(o);
	json_decref(list);
	return e;
}

bool spool_next_batch(struct spool *s, struct spool_batch *ret, enum err *ret_error, struct fail *f)
{
	struct spool_batch b = { 0 };
	char folder[PATH_MAX], cms[PATH_MAX];
	enum err e = batches_walk(s, false, b.id, sizeof(b.id), f);
	if (e != ERR_OK || b.id[0] == 0)
		goto out;
	if ((e = batch_path(s, b.id, "", folder, sizeof(folder), f)) != ERR_OK ||
	    (e = batch_content(s, folder, &b, f)) != ERR_OK ||
	    (e = batch_path(s, b.id, "batch.cms", cms, sizeof(cms), f)) != ERR_OK)
		goto out;
	if (access(cms, F_OK) == 0)
		e = file_read(cms, BATCH_MAX, &b.cms, f);
out:
	*ret_error = e;
	if (e != ERR_OK || b.id[0] == 0) {
		spool_batch_done(&b);
		return false;
	}
	*ret = b;
	return true;
}

void spool_batch_done(struct spool_batch *b)
{
	buf_done(&b->content);
	buf_done(&b->cms);
	memset(b, 0, sizeof(*b));
}

enum err spool_keep_cms(struct spool *s, const struct spool_batch *b, struct fail *f)
{
	char path[PATH_MAX];
	enum err e = batch_path(s, b->id, "batch.cms", path, sizeof(path), f);
	return e == ERR_OK ? file_replace(path, 0600, buf_view(&b->cms), f) : e;
}

enum err spool_acknowledge(struct spool *s, const struct spool_batch *b, struct view answer, struct fail *f)
{
	char path[PATH_MAX];
	enum err e = batch_path(s, b->id, "acknowledged", path, sizeof(path), f);
	if (e == ERR_OK)
		e = file_replace(path, 0600, answer, f);
	if (e != ERR_OK)
		return e;
	pthread_mutex_lock(&s->mutex);
	e = reload(s, f);
	pthread_mutex_unlock(&s->mutex);
	return e;
}
