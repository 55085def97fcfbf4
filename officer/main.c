/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "officer.h"

static const struct {
	const char *word;
	const char *usage;
	enum err (*run)(const struct officer *o, char **words, struct fail *f);
} rows[] = {
	{ "policy", "--uri U [--json] [show | set strict | allow NAME... | forbid NAME...]: docs/policy.md",
	  officer_policy },
	{ "users", "--uri U [--json]: who may log in", officer_users },
};

static enum err usage(FILE *to, struct fail *f)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fprintf(to, "strongroom %s %s\n", rows[i].word, rows[i].usage);
	return to == stdout ? ERR_OK : fail_set(f, ERR_USAGE, 0, "wrong usage");
}

static enum err run(int argc, char **argv, struct fail *f)
{
	static const struct option names[] = {
		{ "uri", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct officer o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'u':
			o.uri = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			return usage(stdout, f);
		default:
			return usage(stderr, f);
		}
	}
	for (size_t i = 0; optind < argc && i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].word, argv[optind]))
			return rows[i].run(&o, argv + optind + 1, f);
	return usage(stderr, f);
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	struct fail f = { 0 };
	enum err e;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	e = run(argc, argv, &f);
	if (e != ERR_OK)
		fprintf(stderr, "strongroom: %s\n", f.text[0] ? f.text : err_text(e));
	return e == ERR_OK ? 0 : 1;
}
