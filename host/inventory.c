/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

#define HEADING "serial,pin_pad"

/* Without blanks and the ends of a line around it. */
static char *trimmed(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	n = strlen(text);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = 0;
	return text;
}

static enum err parse(char *text, struct inventory_line *ret, struct fail *f)
{
	char *comma = strchr(text, ',');
	const char *serial, *pin_pad = "";

	if (comma) {
		*comma = 0;
		pin_pad = trimmed(comma + 1);
	}
	serial = trimmed(text);
	if (strchr(pin_pad, ','))
		return fail_set(f, ERR_BAD_DATA, 0, "more than two columns");
	if (!format_pos_serial_ok(view_of_string(serial)))
		return fail_set(f, ERR_BAD_DATA, 0, "not a serial number (1 to %d printable letters)",
				FORMAT_POS_SERIAL_MAX);
	if (!format_pin_pad_ok(view_of_string(pin_pad)))
		return fail_set(f, ERR_BAD_DATA, 0, "not a PIN-pad serial number (at most %d printable letters)",
				FORMAT_PIN_PAD_MAX);
	snprintf(ret->serial, sizeof(ret->serial), "%s", serial);
	snprintf(ret->pin_pad, sizeof(ret->pin_pad), "%s", pin_pad);
	return ERR_OK;
}

/* One line of the file; *ret_taken: it was one of the inventory. n: its bytes, of which a zero may be one. */
static enum err one_line(char *text, size_t n, struct inventory_line *line, inventory_take take, void *arg,
			 bool *ret_taken, struct fail *f)
{
	char *rest;
	enum err e;

	if (strlen(text) != n)
		return fail_set(f, ERR_BAD_DATA, 0, "a zero byte");
	rest = trimmed(text);
	*ret_taken = rest[0] && rest[0] != '#' && (line->number != 1 || strcmp(rest, HEADING) != 0);
	if (!*ret_taken)
		return ERR_OK;
	e = parse(rest, line, f);
	return e ? e : take(arg, line, f);
}

enum err inventory_read(const char *path, inventory_take take, void *arg, size_t *ret_count, struct fail *f)
{
	struct inventory_line line = { 0 };
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0, count = 0, wrong = 0;
	enum err e = ERR_OK;
	ssize_t n;

	if (!file)
		return fail_set(f, ERR_IO, 0, "%.180s: %s", path, strerror(errno));
	while (!e && (n = getline(&text, &room, file)) >= 0) {
		struct fail why = { 0 };
		bool taken = false;

		line.number++;
		e = one_line(text, (size_t)n, &line, take, arg, &taken, &why);
		count += taken;
		if (e == ERR_BAD_DATA) {
			fprintf(stderr, "%s:%lu: %s\n", path, line.number, why.text);
			wrong++;
			e = ERR_OK;
		} else if (e) {
			*f = why;
		}
	}
	if (!e && ferror(file))
		e = fail_set(f, ERR_IO, 0, "%.180s: %s", path, strerror(errno));
	if (!e && wrong)
		e = fail_set(f, ERR_BAD_DATA, 0, "%.128s: %zu lines are wrong; nothing was changed", path, wrong);
	if (!e && !count)
		e = fail_set(f, ERR_BAD_DATA, 0, "%.128s: no serial number stands in it", path);
	if (!e)
		*ret_count = count;
	free(text);
	fclose(file);
	return e;
}
