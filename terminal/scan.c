/* SPDX-License-Identifier: BSD-2-Clause */
#include "scan.h"
#include "show.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	struct lot *lot;
	FILE *file;
};

/* What is shown of a line that is no serial number: its letters, as far as there is room. */
static void clean(const char *line, size_t n, char ret[FORMAT_POS_SERIAL_MAX + 1])
{
	if (n > FORMAT_POS_SERIAL_MAX)
		n = FORMAT_POS_SERIAL_MAX;
	for (size_t i = 0; i < n; i++)
		ret[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '?';
	ret[n] = 0;
}

/* long_one: more stood in the line than was kept of it. */
static void one(struct lot *lot, const char *line, size_t n, bool long_one)
{
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	while (n > 0 && isspace((unsigned char)*line)) {
		line++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	if (n == 0 && !long_one)
		return;
	clean(line, n, serial);
	if (long_one || !format_pos_serial_ok(VIEW(line, n))) {
		show_line("unknown", serial, "scanned, but no serial number", true);
		return;
	}
	switch (lot_scan(lot, serial)) {
	case LOT_SCAN_UNKNOWN:
		show_line("unknown", serial, "scanned, but not in the order's inventory", true);
		break;
	case LOT_SCAN_TWICE:
		show_line("duplicate", serial, "scanned before", true);
		break;
	case LOT_SCAN_KNOWN:
		show_line("known", serial, "scanned, but the MTMS has its TK", true);
		break;
	case LOT_SCAN_GOOD:
		show_line("scanned", serial, NULL, false);
	}
}

void scan_lines(struct lot *lot, FILE *file)
{
	char line[SCAN_LINE_MAX];
	size_t n = 0;
	int c;
	while ((c = getc(file)) != EOF) {
		if (c != '\n') {
			if (n < sizeof(line))
				line[n] = (char)c;
			n++;
			continue;
		}
		one(lot, line, n < sizeof(line) ? n : sizeof(line), n > sizeof(line));
		n = 0;
	}
	one(lot, line, n < sizeof(line) ? n : sizeof(line), n > sizeof(line));
}

static void *scan_thread(void *arg)
{
	struct scan *s = arg;
	scan_lines(s->lot, s->file);
	lot_scan_end(s->lot);
	if (s->file != stdin)
		fclose(s->file);
	free(s);
	return NULL;
}

enum err scan_start(struct lot *lot, const char *path, struct fail *f)
{
	pthread_t thread;
	struct scan *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	*s = (struct scan){ lot, strcmp(path, "-") == 0 ? stdin : fopen(path, "re") };
	if (s->file == NULL) {
		free(s);
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	}
	lot_scanning(lot);
	if (pthread_create(&thread, NULL, scan_thread, s) != 0) {
		if (s->file != stdin)
			fclose(s->file);
		free(s);
		return fail_set(f, ERR_NO_MEMORY, 0, "cannot start a thread");
	}
	pthread_detach(thread);
	return ERR_OK;
}
