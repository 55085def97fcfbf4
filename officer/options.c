/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

/* Options that several commands have; each says when. */
static const struct {
	unsigned when; /* any of these COMMON_*; 0: always */
	struct officer_option row;
} common[] = {
	{ COMMON_TOKEN,
	  { "uri", "URI",
	    "the token, as a PKCS#11 URI (RFC 7512): `pkcs11:token=HSM1`, `pkcs11:serial=...`. A `pin-source` in it is "
	    "read; a `pin-value` is refused, as every user of the machine could see it" } },
	{ COMMON_TOKEN,
	  { "token", "LABEL", "the token with this label; without --uri and --token: the only token that there is" } },
	{ COMMON_TOKEN | COMMON_MODULE,
	  { "module", "PATH",
	    "the PKCS#11 module; without it the `module-path` of the URI, else the installed strongroom module" } },
	{ COMMON_USER, { "user", "NAME", "log in as this custodian; without it as the default user" } },
	{ COMMON_USER,
	  { "pin-file", "FILE",
	    "the PIN stands in the first line of this file (mode 0600) or pipe; `-`: in the next line of standard "
	    "input. Without it the PIN is asked for on the terminal" } },
	{ COMMON_SO, { "so-pin-file", "FILE", "the same for the PIN of the security officer (SO)" } },
	{ 0, { "json", NULL, "the answer as one JSON object with stable field names" } },
	{ 0, { "help", NULL, "what the command does and all its options" } },
};

const struct officer_option *option_row(const struct officer_command *c, size_t i)
{
	const struct officer_option *own = c ? c->options : NULL;

	if (c && c->program)
		return NULL;

	for (; own && own->name; own++)
		if (i-- == 0)
			return own;
	for (size_t k = 0; k < ARRAY_LEN(common); k++)
		if ((!c || !common[k].when || (c->common & common[k].when)) && i-- == 0)
			return &common[k].row;
	return NULL;
}

const struct officer_command *command_named(const char *name)
{
	for (size_t i = 0; i < officer_command_count; i++)
		if (!strcmp(officer_commands[i]->name, name))
			return officer_commands[i];
	return NULL;
}

static enum err keep(struct officer *o, const struct officer_option *row, const char *value, struct fail *f)
{
	if (o->given_count == ARRAY_LEN(o->given))
		return fail_set(f, ERR_USAGE, 0, "too many options");
	if (!row->many && officer_has(o, row->name))
		return fail_set(f, ERR_USAGE, 0, "--%s: given twice", row->name);
	o->given[o->given_count].name = row->name;
	o->given[o->given_count++].value = value ? value : "";
	return ERR_OK;
}

/* take: the options of argv[1..] that this command (NULL: any) has. only_first: up to the first word. */
static enum err take(struct officer *o, const struct officer_command *c, int argc, char **argv, bool only_first,
		     struct fail *f)
{
	struct option names[OPTIONS_MAX + 1] = { 0 };
	const struct officer_option *row;
	size_t n = 0;
	int got;
	int i;

	for (; n < OPTIONS_MAX && (row = option_row(c, n)); n++)
		names[n] = (struct option){ row->name, row->value ? required_argument : no_argument, NULL, 0 };
	if (!c)
		names[n] = (struct option){ "version", no_argument, NULL, 0 };
	optind = 0;
	opterr = 0;
	while ((i = -1, got = getopt_long(argc, argv, only_first ? "+:" : ":", names, &i)) != -1) {
		enum err e;

		if (got == ':')
			return fail_set(f, ERR_USAGE, 0, "%.64s: its value is missing", argv[optind - 1]);
		if (got != 0)
			return fail_set(f, ERR_USAGE, 0, "%.64s: no such option", argv[optind - 1]);
		if (!c && (size_t)i == n) {
			o->version = true;
			continue;
		}
		e = keep(o, option_row(c, (size_t)i), optarg, f);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static const struct officer_form *form_of(const struct officer_command *c, char ***words)
{
	const struct officer_form *by_itself = NULL;

	for (const struct officer_form *form = c->forms; form->word; form++) {
		if (!*form->word)
			by_itself = form;
		else if (**words && !strcmp(form->word, **words)) {
			(*words)++;
			return form;
		}
	}
	if (by_itself)
		return by_itself;
	return **words ? NULL : c->forms;
}

static enum err find_form(struct officer *o, char **words, struct fail *f)
{
	const char *name = o->command->name;
	int n = 0;

	o->form = form_of(o->command, &words);
	if (!o->form)
		return fail_set(f, ERR_USAGE, 0, "%s %.64s: there is no such word; `strongroom %s --help` lists them",
				name, *words, name);
	o->words = words;
	while (words[n])
		n++;
	if (n < o->form->least)
		return fail_set(f, ERR_USAGE, 0, "%s%s%s: what is missing: %s", name, *o->form->word ? " " : "",
				o->form->word, o->form->arguments);
	if (o->form->most >= 0 && n > o->form->most)
		return fail_set(f, ERR_USAGE, 0, "%s: %.64s: one word too many", name, words[o->form->most]);
	return ERR_OK;
}

enum err options_parse(struct officer *o, int argc, char **argv, struct fail *f)
{
	enum err e = take(o, NULL, argc, argv, true, f);
	int first = optind;

	if (e != ERR_OK || o->version || first >= argc) {
		o->help = officer_has(o, "help");
		if (e == ERR_OK && !o->version && !o->help)
			e = fail_set(f, ERR_USAGE, 0, "which command? `strongroom --help` lists them");
		return e;
	}
	o->command = command_named(argv[first]);
	if (!o->command)
		return fail_set(f, ERR_USAGE, 0, "%.64s: no such command; `strongroom --help` lists them", argv[first]);
	if (o->command->program) {
		o->words = argv + first + 1;
		if (!o->given_count)
			return ERR_OK;
		return fail_set(f, ERR_USAGE, 0, "--%s: options of %s stand behind it", o->given[0].name, argv[first]);
	}
	for (size_t i = 0; i < o->given_count; i++) {
		const struct officer_option *row;
		size_t k = 0;

		while ((row = option_row(o->command, k)) && strcmp(row->name, o->given[i].name))
			k++;
		if (!row)
			return fail_set(f, ERR_USAGE, 0, "--%s: %s has no such option", o->given[i].name, argv[first]);
	}
	e = take(o, o->command, argc - first, argv + first, false, f);
	o->help = officer_has(o, "help");
	if (e != ERR_OK || o->help)
		return e;
	if (officer_has(o, "uri") && officer_has(o, "token"))
		return fail_set(f, ERR_USAGE, 0, "--uri and --token: one of them");
	return find_form(o, argv + first + optind, f);
}

const char *officer_value_at(const struct officer *o, const char *name, size_t i)
{
	for (size_t k = 0; k < o->given_count; k++)
		if (!strcmp(o->given[k].name, name) && i-- == 0)
			return o->given[k].value;
	return NULL;
}

const char *officer_value(const struct officer *o, const char *name)
{
	return officer_value_at(o, name, 0);
}

bool officer_has(const struct officer *o, const char *name)
{
	return officer_value(o, name) != NULL;
}

enum err officer_number(const struct officer *o, const char *name, unsigned long min, unsigned long max,
			unsigned long fallback, unsigned long *ret, struct fail *f)
{
	const char *text = officer_value(o, name);
	unsigned long n = fallback;
	char *end;

	if (text) {
		errno = 0;
		n = strtoul(text, &end, 10);
		if (errno || *end || *text < '0' || *text > '9' || n < min || n > max)
			return fail_set(f, ERR_USAGE, 0, "--%s: %.32s: a number from %lu to %lu is needed", name, text,
					min, max);
	}
	*ret = n;
	return ERR_OK;
}

bool officer_json(const struct officer *o)
{
	return officer_has(o, "json");
}

void officer_found(struct officer *o)
{
	o->found = true;
}

enum err officer_show(struct officer *o, json_t *value, struct fail *f)
{
	enum err e = value ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "answer");

	if (e == ERR_OK)
		e = officer_json(o) ? show_json(value, o->form->fields, f) : show_text(value, o->form->fields, f);
	o->shown = o->shown || e == ERR_OK;
	json_decref(value);
	return e;
}
