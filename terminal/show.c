/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BAR 30

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum show_form form;
static char bar[160];

void show_open(enum show_form f)
{
	form = f;
	bar[0] = 0;
}

/* One event as JSON; o is taken. */
static void json_line(json_t *o)
{
	if (o != NULL && json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0)
		putchar('\n');
	json_decref(o);
	fflush(stdout);
}

/* The bar goes, a line may be written, the bar comes back. */
static void bar_away(void)
{
	if (form == SHOW_BAR && bar[0])
		fputs("\r\x1b[K", stdout);
}

static void bar_back(void)
{
	if (form == SHOW_BAR)
		fputs(bar, stdout);
	fflush(stdout);
}

/* Serial numbers come from devices and barcode readers: only printable letters reach the screen. */
static void put_text(const char *text)
{
	for (; *text; text++)
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
}

void show_line(const char *event, const char *serial, const char *text, bool alarm)
{
	pthread_mutex_lock(&mutex);
	if (form == SHOW_JSON) {
		json_line(
		    json_pack("{s:s,s:s?,s:s?,s:b}", "event", event, "serial", serial, "text", text, "alarm", alarm));
	} else if (form == SHOW_LINES || alarm) {
		bar_away();
		put_text(event);
		if (serial != NULL) {
			putchar(' ');
			put_text(serial);
		}
		if (text != NULL) {
			fputs(": ", stdout);
			put_text(text);
		}
		putchar('\n');
		bar_back();
	}
	pthread_mutex_unlock(&mutex);
}

void show_progress(size_t done, size_t goal, const char *serial)
{
	pthread_mutex_lock(&mutex);
	if (form == SHOW_JSON) {
		json_line(json_pack("{s:s,s:s,s:I,s:I}", "event", "collected", "serial", serial, "collected",
				    (json_int_t)done, "wanted", (json_int_t)goal));
	} else if (form == SHOW_LINES) {
		printf("collected %zu of %zu: ", done, goal);
		put_text(serial);
		putchar('\n');
		fflush(stdout);
	} else {
		size_t full = goal == 0 ? BAR : done >= goal ? BAR : BAR * done / goal;
		char blocks[BAR + 1];
		memset(blocks, '#', full);
		memset(blocks + full, '.', BAR - full);
		blocks[BAR] = 0;
		bar_away();
		snprintf(bar, sizeof(bar), "[%s] %zu of %zu  %s", blocks, done, goal, serial);
		for (char *c = bar; *c; c++)
			*c = *c >= ' ' && *c <= '~' ? *c : '?';
		bar_back();
	}
	pthread_mutex_unlock(&mutex);
}

void show_ready(const char *address)
{
	pthread_mutex_lock(&mutex);
	if (form == SHOW_JSON)
		json_line(json_pack("{s:s,s:s}", "event", "ready", "terminals", address));
	else
		printf("ready opterm terminals=%s\n", address);
	fflush(stdout);
	pthread_mutex_unlock(&mutex);
}

static bool worth_a_row(const struct lot_device *d, const struct show_end *end)
{
	if (d->result == LOT_OPEN)
		return d->scanned ? d->missing : end->missing && d->missing;
	return true;
}

static void json_row(void *arg, const struct lot_device *d)
{
	json_line(json_pack("{s:s,s:s,s:s,s:s}", "event", "device", "serial", d->serial, "result",
			    lot_result_name(d->result), "reason", d->reason));
}

static void text_row(void *arg, const struct lot_device *d)
{
	printf("%-*s  %-9s  ", FORMAT_POS_SERIAL_MAX, d->serial, lot_result_name(d->result));
	put_text(d->reason);
	putchar('\n');
}

struct rows {
	const struct show_end *end;
	size_t missing;
};

static void row(void *arg, const struct lot_device *d)
{
	struct rows *r = arg;
	if (!worth_a_row(d, r->end))
		return;
	r->missing += d->result == LOT_OPEN || d->result == LOT_FAILED;
	if (form == SHOW_JSON)
		json_row(arg, d);
	else
		text_row(arg, d);
}

void show_summary(struct lot *l, const struct show_end *end)
{
	struct rows r = { .end = end };
	pthread_mutex_lock(&mutex);
	if (form == SHOW_BAR && bar[0])
		putchar('\n');
	bar[0] = 0;
	if (form != SHOW_JSON)
		printf("%-*s  %-9s  %s\n", FORMAT_POS_SERIAL_MAX, "serial number", "result", "reason");
	lot_walk(l, row, &r);
	if (form == SHOW_JSON)
		json_line(json_pack("{s:s,s:f,s:I,s:I,s:I,s:I}", "event", "summary", "seconds", end->seconds, "batches",
				    (json_int_t)end->batches, "accepted", (json_int_t)end->accepted, "refused",
				    (json_int_t)end->refused, "missing", (json_int_t)r.missing));
	else
		printf("collected in %.1f s, uploaded %zu batches: %" PRIu64 " accepted, %" PRIu64
		       " refused, %zu missing\n",
		       end->seconds, end->batches, end->accepted, end->refused, r.missing);
	fflush(stdout);
	pthread_mutex_unlock(&mutex);
}
