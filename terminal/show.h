/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_SHOW_H
#define TERMINAL_SHOW_H

#include "lot.h"

/*
 * What the worker at the line sees: on a terminal a bar at the bottom and a line for all that went wrong above it; else
 * a line per event; as JSON a line per event, {"event": name, ...}. Threads: every function locks itself.
 */
enum show_form { SHOW_LINES, SHOW_BAR, SHOW_JSON };

/* show_open: before the first of the others. */
void show_open(enum show_form form);
/* show_line: "event", words about it, a serial number or NULL; alarm: stays above the bar. */
void show_line(const char *event, const char *serial, const char *text, bool alarm);
/* show_progress: done of goal, the last serial number. */
void show_progress(size_t done, size_t goal, const char *serial);
/* show_ready: terminals may come to this address. */
void show_ready(const char *address);

/* The end of a run: the devices of which something is to be said, then the counts. */
struct show_end {
	double seconds;
	size_t batches;
	uint64_t accepted;
	uint64_t refused;
	bool missing; /* open devices are named: all of them were expected in this run */
};
/* show_summary: a row per device in the order of the lot, then the counts; the bar ends. */
void show_summary(struct lot *l, const struct show_end *end);

#endif
