/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

struct conf {
	const struct conf_key *keys;
	size_t count;
	char **values; /* NULL: not in the file */
};

/*
 * inih reads lines of at most 199 bytes. The reader below hands longer ones out in pieces that begin with a blank,
 * which inih takes for a continuation, and tells the handler so; continuation lines in the file itself are refused.
 */
struct conf_source {
	FILE *file;
	const char *path;
	struct conf *conf;
	char *line;
	size_t line_room;
	char *rest; /* what of line is still to be handed out */
	bool piece;
	unsigned line_number;
	struct buf numbers; /* 4 bytes per line that inih saw: the line of the file */
	char *error;
};

#define CONF_ERROR 256

static int conf_error(struct conf_source *s, const char *what, const char *name)
{
	if (!s->error[0])
		snprintf(s->error, CONF_ERROR, "%s:%u: %s%s%s", s->path, s->line_number, what, name ? " " : "",
			 name ? name : "");
	return 0;
}

static char *conf_next_line(struct conf_source *s)
{
	ssize_t n = getline(&s->line, &s->line_room, s->file);
	if (n < 0) {
		if (ferror(s->file))
			conf_error(s, "cannot be read", NULL);
		return NULL;
	}
	s->line_number++;
	if (strlen(s->line) != (size_t)n)
		conf_error(s, "zero byte in line", NULL);
	if ((s->line[0] == ' ' || s->line[0] == '\t') && s->line[strspn(s->line, " \t\r\n")])
		conf_error(s, "line begins with a blank", NULL);
	return s->line;
}

/* Where to cut a line that is too long: not beside a blank, which inih would strip. */
static size_t conf_cut(const char *text, size_t most)
{
	size_t n = strlen(text);

	if (n <= most)
		return n;
	for (n = most; n > 1; n--) {
		if (!isspace((unsigned char)text[n - 1]) && !isspace((unsigned char)text[n]) && text[n] != ';')
			return n;
	}
	return 0;
}

static char *conf_read(char *to, int room, void *stream)
{
	struct conf_source *s = stream;
	size_t lead = 0;

	s->piece = s->rest && *s->rest;
	if (s->piece)
		to[lead++] = ' ';
	else if (!(s->rest = conf_next_line(s)))
		return NULL;

	size_t n = conf_cut(s->rest, (size_t)room - 2 - lead);
	if (n == 0 || (!s->piece && s->rest[n] && strchr("#;", s->rest[0]))) {
		if (n == 0)
			conf_error(s, "line too long", NULL);
		n = strlen(s->rest); /* a long comment, or an error: nothing of it is handed out */
		to[0] = 0;
		s->rest += n;
		snprintf(to, (size_t)room, "\n");
	} else {
		memcpy(to + lead, s->rest, n);
		to[lead + n] = 0;
		s->rest += n;
	}
	buf_put_u32(&s->numbers, s->line_number);
	return to;
}

static size_t conf_index(const struct conf *c, const char *section, const char *name)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->keys[i].section, section) == 0 && strcmp(c->keys[i].name, name) == 0)
			return i;
	}
	return c->count;
}

static int conf_handler(void *user, const char *section, const char *name, const char *value)
{
	struct conf_source *s = user;
	size_t i = conf_index(s->conf, section, name);
	char *joined = NULL;

	if (s->error[0])
		return 0;
	if (i == s->conf->count)
		return conf_error(s, "unknown key", name);
	if (s->conf->values[i] && !s->piece)
		return conf_error(s, "repeated key", name);
	const char *before = s->conf->values[i] ? s->conf->values[i] : "";
	if (asprintf(&joined, "%s%s", before, value ? value : "") < 0)
		return conf_error(s, "out of memory", NULL);
	free(s->conf->values[i]);
	s->conf->values[i] = joined;
	return 1;
}

static bool conf_read_file(struct conf *c, const char *path, char *error)
{
	struct conf_source s = { .path = path, .conf = c, .error = error };

	s.file = fopen(path, "re");
	if (!s.file) {
		snprintf(error, CONF_ERROR, "%s: %s", path, strerror(errno));
		return false;
	}
	int line = ini_parse_stream(conf_read, &s, conf_handler, &s);
	if (line > 0 && !error[0]) {
		size_t at = 4 * ((size_t)line - 1);
		s.line_number = at + 4 <= s.numbers.len ? be_get32(s.numbers.p + at) : 0;
		conf_error(&s, "malformed line", NULL);
	} else if (line < 0 || !buf_ok(&s.numbers)) {
		conf_error(&s, "out of memory", NULL);
	}
	fclose(s.file);
	free(s.line);
	buf_done(&s.numbers);
	return !error[0];
}

bool conf_load(const char *path, const struct conf_key *keys, size_t count, struct conf **ret, char ret_error[256])
{
	char error[CONF_ERROR] = "";
	struct conf *c = calloc(1, sizeof(*c));

	if (!c || !(c->values = calloc(count ? count : 1, sizeof(*c->values)))) {
		snprintf(error, sizeof(error), "out of memory");
		goto out;
	}
	c->keys = keys;
	c->count = count;
	if (path && !conf_read_file(c, path, error))
		goto out;
	for (size_t i = 0; i < count && !error[0]; i++) {
		if (keys[i].fallback == CONF_REQUIRED && !c->values[i])
			snprintf(error, sizeof(error), "%s: key %s%s%s is missing", path ? path : "configuration",
				 keys[i].section, keys[i].section[0] ? "." : "", keys[i].name);
	}
out:
	if (error[0]) {
		memcpy(ret_error, error, sizeof(error));
		conf_free(c);
		return false;
	}
	*ret = c;
	return true;
}

const char *conf_get(const struct conf *c, const char *section, const char *name)
{
	size_t i = conf_index(c, section, name);

	if (i == c->count)
		abort();
	return c->values[i] ? c->values[i] : c->keys[i].fallback;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->values && i < c->count; i++)
		free(c->values[i]);
	free(c->values);
	free(c);
}
