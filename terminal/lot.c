/* SPDX-License-Identifier: BSD-2-Clause */
#include "lot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lot {
	pthread_mutex_t mutex;
	struct lot_device *devices; /* in the order of the inventory */
	struct lot_device **sorted;
	size_t count;
	size_t room;
	size_t limit;
	bool scanning;
	bool scan_ended;
	bool again;
};

struct lot *lot_new(void)
{
	struct lot *l = calloc(1, sizeof(*l));
	if (l != NULL)
		pthread_mutex_init(&l->mutex, NULL);
	return l;
}

void lot_free(struct lot *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->mutex);
	free(l->sorted);
	free(l->devices);
	free(l);
}

enum err lot_add(struct lot *l, const struct lot_device *d, struct fail *f)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		struct lot_device *more = realloc(l->devices, room * sizeof(*more));
		if (more == NULL)
			return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
		l->devices = more;
		l->room = room;
	}
	l->devices[l->count++] = *d;
	return ERR_OK;
}

static int by_serial(const void *a, const void *b)
{
	const struct lot_device *const *x = a, *const *y = b;
	return strcmp((*x)->serial, (*y)->serial);
}

enum err lot_ready(struct lot *l, struct fail *f)
{
	l->sorted = calloc(l->count + 1, sizeof(struct lot_device *));
	if (l->sorted == NULL)
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	for (size_t i = 0; i < l->count; i++)
		l->sorted[i] = &l->devices[i];
	qsort(l->sorted, l->count, sizeof(struct lot_device *), by_serial);
	for (size_t i = 1; i < l->count; i++)
		if (strcmp(l->sorted[i - 1]->serial, l->sorted[i]->serial) == 0)
			return fail_set(f, ERR_PEER, 0, "the MTMS names a device twice");
	return ERR_OK;
}

/* With the mutex held. */
static struct lot_device *find(struct lot *l, struct view serial)
{
	size_t low = 0, high = l->count;
	while (low < high) {
		size_t at = (low + high) / 2;
		struct view v = view_of_string(l->sorted[at]->serial);
		if (view_equal(v, serial))
			return l->sorted[at];
		int c = memcmp(v.p, serial.p, v.n < serial.n ? v.n : serial.n);
		if (c < 0 || (c == 0 && v.n < serial.n))
			low = at + 1;
		else
			high = at;
	}
	return NULL;
}

void lot_limit(struct lot *l, size_t count)
{
	l->limit = count;
}

void lot_scanning(struct lot *l)
{
	l->scanning = true;
}

void lot_again(struct lot *l)
{
	l->again = true;
}

enum lot_scan lot_scan(struct lot *l, const char *serial)
{
	enum lot_scan answer = LOT_SCAN_GOOD;
	pthread_mutex_lock(&l->mutex);
	struct lot_device *d = find(l, view_of_string(serial));
	if (d == NULL)
		answer = LOT_SCAN_UNKNOWN;
	else if (d->scanned)
		answer = LOT_SCAN_TWICE;
	else if (!d->missing && !l->again)
		answer = LOT_SCAN_KNOWN;
	if (d != NULL)
		d->scanned = true;
	pthread_mutex_unlock(&l->mutex);
	return answer;
}

void lot_scan_end(struct lot *l)
{
	pthread_mutex_lock(&l->mutex);
	l->scan_ended = true;
	pthread_mutex_unlock(&l->mutex);
}

static enum err judge(struct lot *l, const struct lot_device *d, struct view pin_pad, uint64_t counter, bool *ret_known,
		      struct fail *f)
{
	if (d == NULL)
		return fail_set(f, ERR_REFUSED, 0, "unknown: not in the order's inventory");
	if (d->pin_pad[0] && !view_equal(view_of_string(d->pin_pad), pin_pad))
		return fail_set(f, ERR_REFUSED, 0, "its PIN pad is not %s of the inventory", d->pin_pad);
	if (d->counter > counter)
		return fail_set(f, ERR_REFUSED, 0, "an older state of a terminal whose TK %llu the MTMS has",
				(unsigned long long)d->counter);
	*ret_known = !d->missing && !l->again && d->counter == counter;
	if (*ret_known)
		return ERR_OK;
	if (l->scanning && !d->scanned)
		return fail_set(f, ERR_BUSY, 0, "not scanned");
	return ERR_OK;
}

enum err lot_admit(struct lot *l, struct view serial, struct view pin_pad, uint64_t counter, bool *ret_known,
		   struct fail *f)
{
	pthread_mutex_lock(&l->mutex);
	enum err e = judge(l, find(l, serial), pin_pad, counter, ret_known, f);
	pthread_mutex_unlock(&l->mutex);
	return e;
}

void lot_set(struct lot *l, struct view serial, enum lot_result result, const char *reason)
{
	pthread_mutex_lock(&l->mutex);
	struct lot_device *d = find(l, serial);
	/* A failed visit takes nothing back. */
	if (d != NULL && (result != LOT_FAILED || d->result == LOT_OPEN || d->result == LOT_FAILED)) {
		d->result = result;
		snprintf(d->reason, sizeof(d->reason), "%s", reason != NULL ? reason : "");
	}
	pthread_mutex_unlock(&l->mutex);
}

void lot_collected(struct lot *l, struct view serial, uint64_t counter)
{
	pthread_mutex_lock(&l->mutex);
	struct lot_device *d = find(l, serial);
	if (d != NULL) {
		d->result = LOT_COLLECTED;
		d->pending = counter;
		d->reason[0] = 0;
	}
	pthread_mutex_unlock(&l->mutex);
}

void lot_accept(struct lot *l, bool (*open)(void *arg, struct view serial), void *arg)
{
	pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < l->count; i++) {
		struct lot_device *d = &l->devices[i];
		if (d->result != LOT_COLLECTED || open(arg, view_of_string(d->serial)))
			continue;
		d->result = LOT_ACCEPTED;
		d->counter = d->pending;
		d->missing = false;
	}
	pthread_mutex_unlock(&l->mutex);
}

/* With the mutex held. Scanned devices that the MTMS has do not count, unless they are wanted again. */
static size_t goal(struct lot *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++) {
		const struct lot_device *d = &l->devices[i];
		n += (d->missing || l->again) && d->result != LOT_ACCEPTED && (!l->scanning || d->scanned);
	}
	return l->limit != 0 && (l->limit < n || (l->scanning && !l->scan_ended)) ? l->limit : n;
}

size_t lot_goal(struct lot *l)
{
	pthread_mutex_lock(&l->mutex);
	size_t n = goal(l);
	pthread_mutex_unlock(&l->mutex);
	return n;
}

size_t lot_wanted(struct lot *l)
{
	pthread_mutex_lock(&l->mutex);
	size_t n = l->scanning && !l->scan_ended && l->limit == 0 ? SIZE_MAX : goal(l);
	pthread_mutex_unlock(&l->mutex);
	return n;
}

void lot_walk(struct lot *l, void (*each)(void *arg, const struct lot_device *d), void *arg)
{
	pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < l->count; i++)
		each(arg, &l->devices[i]);
	pthread_mutex_unlock(&l->mutex);
}

const char *lot_result_name(enum lot_result r)
{
	static const char *const names[] = {
		[LOT_OPEN] = "missing",      [LOT_KNOWN] = "known",     [LOT_COLLECTED] = "collected",
		[LOT_ACCEPTED] = "accepted", [LOT_REFUSED] = "refused", [LOT_FAILED] = "failed",
	};
	return names[r];
}
