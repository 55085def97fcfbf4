/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

/* One section of a family that stands in the file. */
struct conf_section {
	char *name;    /* `customer ACME` */
	char **values; /* as in struct conf */
};

struct conf {
	const struct conf_key *keys;
	size_t count;
	char **values; /* NULL: not in the file */
	struct conf_section *sections;
	size_t section_count;
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
	unsigned error_line;
	struct buf numbers; /* 4 bytes per line that inih saw: the line of the file */
	char *error;
};

#define CONF_ERROR 256

static int conf_error(struct conf_source *s, const char *what, const char *name)
{
	if (!s->error[0]) {
		s->error_line = s->line_number;
		snprintf(s->error, CONF_ERROR, "%s:%u: %s%s%s", s->path, s->line_number, what, name ? " " : "",
			 name ? name : "");
	}
	return 0;
}

/* conf_printable: nothing that an editor hides; the line's end may be that of another system. */
static bool conf_printable(const char *line)
{
	for (; *line; line++) {
		bool end = !strcmp(line, "\n") || !strcmp(line, "\r\n") || !strcmp(line, "\r");

		if (!end && *line != '\t' && ((unsigned char)*line < ' ' || *line == 0x7f))
			return false;
	}
	return true;
}

/* conf_section_ends: nothing but a comment stands behind the bracket, which inih would pass over. */
static bool conf_section_ends(const char *line)
{
	const char *end = line[0] == '[' ? strchr(line, ']') : NULL;

	if (!end)
		return true;
	end += 1 + strspn(end + 1, " \t\r\n");
	return !*end || *end == '#' || *end == ';';
}

/* conf_cut_comment: what stands behind a blank and a semicolon, which a piece of it alone would not show. */
static void conf_cut_comment(char *line)
{
	for (size_t i = 1; line[i]; i++) {
		if (line[i] == ';' && isspace((unsigned char)line[i - 1])) {
			line[i] = 0;
			return;
		}
	}
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
	else if (!conf_printable(s->line))
		conf_error(s, "control character in line", NULL);
	else if (!conf_section_ends(s->line))
		conf_error(s, "malformed line", NULL);
	if ((s->line[0] == ' ' || s->line[0] == '\t') && s->line[strspn(s->line, " \t\r\n")])
		conf_error(s, "line begins with a blank", NULL);
	if (s->line[0] && !strchr("#;", s->line[0]))
		conf_cut_comment(s->line);
	return s->line;
}

/* Where to cut a line that is too long: not beside a blank, which inih would strip, and not before what begins a
 * comment. */
static size_t conf_cut(const char *text, size_t most)
{
	size_t n = strlen(text);

	if (n <= most)
		return n;
	for (n = most; n > 1; n--) {
		if (!isspace((unsigned char)text[n - 1]) && !isspace((unsigned char)text[n]) && text[n] != ';' &&
		    text[n] != '#')
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
	if (!s->piece && s->rest[0] == '[' && s->rest[n])
		n = 0; /* what is behind a section's line goes on with no value */
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

static bool conf_is_family(const char *section)
{
	size_t n = strlen(section);

	return n > 2 && strcmp(section + n - 2, " *") == 0;
}

/* `customer ACME` is of the family `customer *`; so is `customer *` itself, which asks for the row alone. */
static bool conf_section_is(const char *row, const char *section)
{
	size_t n = strlen(row);

	if (conf_is_family(row))
		return strncmp(row, section, n - 1) == 0 && section[n - 1];
	return strcmp(row, section) == 0;
}

static size_t conf_index(const struct conf *c, const char *section, const char *name)
{
	for (size_t i = 0; i < c->count; i++) {
		if (conf_section_is(c->keys[i].section, section) && strcmp(c->keys[i].name, name) == 0)
			return i;
	}
	return c->count;
}

static struct conf_section *conf_section_find(const struct conf *c, const char *section)
{
	for (size_t i = 0; i < c->section_count; i++) {
		if (strcmp(c->sections[i].name, section) == 0)
			return &c->sections[i];
	}
	return NULL;
}

/* The values of the section that row i belongs to; made when add is set; NULL: no such section, or no memory. */
static char **conf_values(struct conf *c, size_t i, const char *section, bool add)
{
	struct conf_section *s, *more;

	if (!conf_is_family(c->keys[i].section))
		return c->values;
	s = conf_section_find(c, section);
	if (s || !add)
		return s ? s->values : NULL;
	more = realloc(c->sections, (c->section_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	c->sections = more;
	s = &more[c->section_count];
	s->name = strdup(section);
	s->values = calloc(c->count, sizeof(*s->values));
	if (!s->name || !s->values) {
		free(s->name);
		free(s->values);
		return NULL;
	}
	c->section_count++;
	return s->values;
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
	char **values = conf_values(s->conf, i, section, true);
	if (!values)
		return conf_error(s, "out of memory", NULL);
	if (values[i] && !s->piece)
		return conf_error(s, "repeated key", name);
	const char *before = values[i] ? values[i] : "";
	if (asprintf(&joined, "%s%s", before, value ? value : "") < 0)
		return conf_error(s, "out of memory", NULL);
	free(values[i]);
	values[i] = joined;
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
	size_t at = line > 0 ? 4 * ((size_t)line - 1) : 0;
	unsigned first = line > 0 && at + 4 <= s.numbers.len ? be_get32(s.numbers.p + at) : 0;
	if (line > 0 && (!error[0] || first < s.error_line)) {
		/* inih goes on after a malformed line; what it met later is not the first fault. */
		error[0] = 0;
		s.line_number = first;
		conf_error(&s, "malformed line", NULL);
	} else if (line < 0 || !buf_ok(&s.numbers)) {
		conf_error(&s, "out of memory", NULL);
	}
	fclose(s.file);
	free(s.line);
	buf_done(&s.numbers);
	return !error[0];
}

static void conf_check_required(const struct conf *c, const char *path, char *error)
{
	for (size_t i = 0; i < c->count && !error[0]; i++) {
		bool family = conf_is_family(c->keys[i].section);

		if (c->keys[i].fallback != CONF_REQUIRED)
			continue;
		for (size_t j = 0; j < (family ? c->section_count : 1) && !error[0]; j++) {
			const char *section = family ? c->sections[j].name : c->keys[i].section;
			char **values = family ? c->sections[j].values : c->values;

			if (conf_section_is(c->keys[i].section, section) && !values[i])
				snprintf(error, CONF_ERROR, "%s: key %s%s%s is missing", path ? path : "configuration",
					 section, section[0] ? "." : "", c->keys[i].name);
		}
	}
}

static void conf_put_over(struct conf *c, const struct conf_over *over, char *error)
{
	size_t i = conf_index(c, over->section, over->name);

	if (i == c->count) {
		snprintf(error, CONF_ERROR, "this program has no key %s", over->name);
		return;
	}
	free(c->values[i]);
	c->values[i] = strdup(over->value);
	if (!c->values[i])
		snprintf(error, CONF_ERROR, "out of memory");
}

bool conf_load(const char *path, const struct conf_key *keys, size_t count, struct conf **ret, char ret_error[256])
{
	return conf_load_over(path, keys, count, NULL, ret, ret_error);
}

bool conf_load_over(const char *path, const struct conf_key *keys, size_t count, const struct conf_over *over,
		    struct conf **ret, char ret_error[256])
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
	if (over && over->value)
		conf_put_over(c, over, error);
	if (!error[0])
		conf_check_required(c, path, error);
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
		return NULL;
	char **values = conf_values((struct conf *)c, i, section, false);
	if (values && values[i])
		return values[i];
	return c->keys[i].fallback == CONF_REQUIRED ? NULL : c->keys[i].fallback;
}

const char *conf_member(const struct conf *c, const char *family, size_t i)
{
	for (size_t j = 0; j < c->section_count; j++) {
		if (conf_section_is(family, c->sections[j].name) && i-- == 0)
			return c->sections[j].name + strlen(family) - 1;
	}
	return NULL;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->values && i < c->count; i++)
		free(c->values[i]);
	free(c->values);
	for (size_t i = 0; i < c->section_count; i++) {
		for (size_t j = 0; j < c->count; j++)
			free(c->sections[i].values[j]);
		free(c->sections[i].values);
		free(c->sections[i].name);
	}
	free(c->sections);
	free(c);
}

enum err conf_number(const struct conf *c, const char *section, const char *name, unsigned long min, unsigned long max,
		     unsigned long *ret, struct fail *f)
{
	const char *text = conf_get(c, section, name);
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || n < min || n > max)
		return fail_set(f, ERR_CONFIG, 0, "[%s] %s: a number from %lu to %lu", section, name, min, max);
	*ret = n;
	return ERR_OK;
}
