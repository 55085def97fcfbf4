/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of docs/conformance.md, from those of the specification test.
 *
 * spec_doc PAGE          is what stands between the marks of the page what would be written? Exit status 1: no.
 * spec_doc --write PAGE  writes it there
 */
#include "bytes.h"
#include "spec_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "<!-- generated: functions -->\n"
#define END "<!-- end -->\n"

static void functions(struct buf *out)
{
	buf_printf(out, "| function | since | |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < spec_count; i++) {
		const struct spec_function *f = &spec_functions[i];

		buf_printf(out, "| %s | %s | %s |\n", f->name, f->since, f->offer != NULL ? f->offer : "");
	}
}

/* also: what a function answers that the specification does not list for it. */
static void also(struct buf *out)
{
	buf_printf(out, "\n| answered besides what is listed | function |\n| --- | --- |\n");
	buf_printf(out, "| %s | all with a session, while the logged-in user must change the PIN |\n", spec_also);
	for (size_t i = 0; i < spec_count; i++)
		if (spec_functions[i].also[0] != '\0')
			buf_printf(out, "| %s | %s |\n", spec_functions[i].also, spec_functions[i].name);
}

static void nevers(struct buf *out)
{
	buf_printf(out, "\n| never answered (CKR_) | functions that list it | reason |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < spec_never_count; i++) {
		const struct spec_never *n = &spec_nevers[i];
		bool all = strcmp(n->functions, "*") == 0;

		buf_printf(out, "| %s | %s%s%s | %s |\n", n->codes, all ? "all" : n->functions,
			   n->but[0] != '\0' ? ", but for " : "", n->but, n->reason);
	}
}

static char *read_page(const char *path)
{
	static char text[200000];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static int write_page(const char *path, const char *text, const char *from, const char *to, const struct buf *made)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return 1;
	fwrite(text, 1, (size_t)(from - text), f);
	fwrite(made->p, 1, made->len, f);
	fputs(to, f);
	return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool writes = argc == 3 && strcmp(argv[1], "--write") == 0;
	const char *path = argv[argc - 1];
	BUF_AUTO made = { 0 };
	char *text, *from, *to;

	if (argc != 2 && !writes)
		return 2;
	text = read_page(path);
	from = text != NULL ? strstr(text, BEGIN) : NULL;
	to = from != NULL ? strstr(from, END) : NULL;
	if (to == NULL) {
		fprintf(stderr, "%s: no page with the marks\n", path);
		return 1;
	}
	from += strlen(BEGIN);
	functions(&made);
	also(&made);
	nevers(&made);
	if (!buf_ok(&made))
		return 1;
	if (writes) {
		char *rest = strdup(to);
		int status = rest == NULL ? 1 : write_page(path, text, from, rest, &made);

		free(rest);
		return status;
	}
	if ((size_t)(to - from) == made.len && memcmp(from, made.p, made.len) == 0)
		return 0;
	fprintf(stderr, "%s is not what the tables say: spec_doc --write %s\n", path, path);
	return 1;
}
