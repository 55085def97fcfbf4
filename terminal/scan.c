/* SPDX-License-Identifier: BSD-2-Clause */
#include "scan.h"
#include "show.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 128

struct scan {
	struct lot *lot;
	FILE *file;
};

static void one(struct lot *lot, char *line)
{
	size_t n;
	while (isspace((unsigned char)*line))
		line++;
	n = strlen(line);
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		line[--n] = 0;
	if (n == 0)
		return;
	switch (lot_scan(lot, line)) {
	case LOT_SCAN_UNKNOWN:
		show_line("unknown", line, "scanned, but not in the order's inventory", true);
		break;
	case LOT_SCAN_TWICE:
		show_line("duplicate", line, "scanned before", true);
		break;
	case LOT_SCAN_KNOWN:
		show_line("known", line, "scanned, but the MTMS has its TK", true);
		break;
	case LOT_SCAN_GOOD:
		show_line("scanned", line, NULL, false);
	}
}

static void *scan_thread(void *arg)
{
	struct scan *s = arg;
	char line[LINE_MAX_LEN];
	while (fgets(line, sizeof(line), s->file) != NULL)
		one(s->lot, line);
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
