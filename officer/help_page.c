/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "own.h"

/* What holds for all commands, in the order of the page; the man page has the same sections. */
static const struct {
	const char *title;
	const char *text;
} sections[] = {
	{ "Which token", "`--token LABEL` or `--uri URI` names it; without either it is the only token that the module "
			 "has. The module is `--module "
			 "PATH`, the `module-path` or `module-name` of the URI, or else the installed strongroom "
			 "module. With --uri and a module of "
			 "another maker, what is PKCS#11 works there too." },
	{ "Secrets", "PINs, components, passphrases and shares are typed on the terminal (/dev/tty), unseen, or stand "
		     "in files: regular files of mode "
		     "0600 that belong to us or to root, or pipes; `-` is the next line of standard input, so that "
		     "several secrets may come one "
		     "after the other, in the order in which the command would ask for them. They never stand in the "
		     "command line, and never come "
		     "back in any output but where a form says so. A signal while a secret is typed restores the "
		     "terminal first." },
	{ "Who logs in", "The default user, with `--user NAME` a custodian, or the security officer (SO), as the form "
			 "says. A PIN file of a custodian "
			 "holds his PIN with or without `NAME:` before it." },
	{ "Answers", "For people: lines and tables on standard output. With --json one JSON object in UTF-8, also "
		     "where there is nothing to "
		     "tell; the names of its fields stay, new ones may come. Lists are members of it, never the object "
		     "itself. Bytes are lower case "
		     "hexadecimal, check values upper case; times are UTC as in 2026-01-31T12:00:00Z; what is not "
		     "there is null. Text that is "
		     "no UTF-8 stands with \\xNN for each byte that is none." },
	{ "Errors", "One line on standard error says which command failed and why, the next one what it means and what "
		    "to do. With --json standard "
		    "output has an object with the one member `error`: `code` (ERR_...), `text`, `rv` (CKR_..., when "
		    "the token said it), `advice`. A "
		    "refusal leaves nothing half done, or says what it left." },
	{ "Exit status", "0: done. 1: failed. 2: wrong usage; nothing was tried. 3: done, and something is wrong with "
			 "what was looked at (`verify`, "
			 "`audit verify`, `ceremony check`, `kcv --expect` ...)." },
};

static const struct {
	const char *name;
	const char *text;
} environment[] = {
	{ "STRONGROOM_CONF", "path of the module's configuration (README, Using the module)" },
	{ "STRONGROOM_TOKEN_DIR", "where the tokens lie" },
	{ "STRONGROOM_LOG", "where the module's log goes: it names files and objects that the PKCS#11 error cannot" },
};

static void page_fields(struct buf *b, const struct show_field *fields, int depth)
{
	for (; fields->name; fields++) {
		buf_printf(b, "%*s- `%s`%s: %s\n", 2 * depth, "", fields->name, fields->maybe ? " (may be absent)" : "",
			   fields->help);
		if (fields->of && depth < 4)
			page_fields(b, fields->of, depth + 1);
	}
}

static void page_json(struct buf *b, const struct officer_command *c)
{
	for (const struct officer_form *form = c->forms; form->word; form++) {
		const char *comma = "";

		if (!form->fields || help_said(c, form))
			continue;
		buf_printf(b, "\nFields of the answer of ");
		for (const struct officer_form *same = form; same->word; same++) {
			if (same->fields != form->fields)
				continue;
			buf_printf(b, "%s`%s%s%s`", comma, c->name, *same->word ? " " : "", same->word);
			comma = ", ";
		}
		buf_printf(b, ":\n\n");
		page_fields(b, form->fields, 0);
	}
}

static bool is_common(const struct officer_command *c, size_t i)
{
	size_t own = 0;

	while (c->options && c->options[own].name)
		own++;
	return i >= own;
}

static void page_options(struct buf *b, const struct officer_command *c)
{
	const struct officer_option *row;

	buf_printf(b, "\n| option | meaning |\n| --- | --- |\n");
	for (size_t i = 0; (row = option_row(c, i)); i++)
		if (!is_common(c, i))
			buf_printf(b, "| `--%s%s%s` | %s |\n", row->name, row->value ? " " : "",
				   row->value ? row->value : "", row->help);
	buf_printf(b, "| common ones |");
	for (size_t i = 0; (row = option_row(c, i)); i++)
		if (is_common(c, i))
			buf_printf(b, " `--%s`", row->name);
	buf_printf(b, " |\n");
}

static void page_command(struct buf *b, const struct officer_command *c)
{
	buf_printf(b, "\n## strongroom %s: %s\n\n", c->name, c->summary);
	for (const struct officer_form *form = c->forms; form->word; form++) {
		buf_printf(b, "- `");
		help_form(b, c, form);
		buf_printf(b, "`: %s\n", form->help);
	}
	if (*c->text)
		buf_printf(b, "\n%s\n", c->text);
	if (!c->program)
		page_options(b, c);
	page_json(b, c);
	if (c->examples)
		buf_printf(b, "\n```\n%s\n```\n", c->examples);
}

void help_page(struct buf *b)
{
	const struct officer_option *row;

	buf_printf(b, "# The command strongroom\n\n"
		      "Made from the rows of the commands (`officer/*.c`) by `command-doc`; a test compares. "
		      "`strongroom COMMAND --help` and\n"
		      "`man strongroom` say the same.\n");
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		buf_printf(b, "\n## %s\n\n%s\n", sections[i].title, sections[i].text);
	buf_printf(b, "\n## Common options\n\n| option | meaning |\n| --- | --- |\n");
	for (size_t i = 0; (row = option_row(NULL, i)); i++)
		buf_printf(b, "| `--%s%s%s` | %s |\n", row->name, row->value ? " " : "", row->value ? row->value : "",
			   row->help);
	buf_printf(b, "\n## Environment\n\n| variable | meaning |\n| --- | --- |\n");
	for (size_t i = 0; i < ARRAY_LEN(environment); i++)
		buf_printf(b, "| `%s` | %s |\n", environment[i].name, environment[i].text);
	for (size_t i = 0; i < officer_command_count; i++)
		page_command(b, officer_commands[i]);
}

/* put_man: text for the man page: `words` in bold, nothing that troff would take for its own. */
static void put_man(struct buf *b, const char *text)
{
	bool bold = false, start = true;

	for (; *text; text++) {
		if (*text == '`') {
			bold = !bold;
			buf_printf(b, bold ? "\\fB" : "\\fR");
		} else if (*text == '\\') {
			buf_printf(b, "\\e");
		} else if (*text == '-') {
			buf_printf(b, "\\-");
		} else if (*text == '\n') {
			buf_printf(b, "\n.br\n");
		} else {
			if (start && (*text == '.' || *text == '\''))
				buf_printf(b, "\\&");
			buf_put_u8(b, (uint8_t)*text);
		}
		start = *text == '\n';
	}
	buf_printf(b, "\n");
}

static void man_item(struct buf *b, const char *term, const char *value, const char *text)
{
	buf_printf(b, ".TP\n\\fB");
	for (; *term; term++)
		buf_printf(b, *term == '-' ? "\\-" : "%c", *term);
	buf_printf(b, "\\fR");
	if (value)
		buf_printf(b, " \\fI%s\\fR", value);
	buf_printf(b, "\n");
	put_man(b, text);
}

static void man_option(struct buf *b, const struct officer_option *row)
{
	char term[80] = "--";

	strncat(term, row->name, sizeof(term) - 3);
	man_item(b, term, row->value, row->help);
}

static void man_fields(struct buf *b, const struct show_field *fields, int depth)
{
	for (; fields->name; fields++) {
		man_item(b, fields->name, fields->maybe ? "(may be absent)" : NULL, fields->help);
		if (fields->of && depth < 4) {
			buf_printf(b, ".RS\n");
			man_fields(b, fields->of, depth + 1);
			buf_printf(b, ".RE\n");
		}
	}
}

static void man_command(struct buf *b, const struct officer_command *c)
{
	BUF_AUTO flow = { 0 };
	const struct officer_option *row;

	buf_printf(b, ".SS strongroom %s\n", c->name);
	help_flowing(&flow, c->text);
	if (*c->text && buf_ok(&flow))
		put_man(b, (const char *)flow.p);
	for (const struct officer_form *form = c->forms; form->word; form++) {
		BUF_AUTO line = { 0 };

		help_form(&line, c, form);
		buf_put_u8(&line, 0);
		man_item(b, buf_ok(&line) ? (const char *)line.p : "", NULL, form->help);
	}
	for (size_t i = 0; (row = option_row(c, i)); i++)
		if (!is_common(c, i))
			man_option(b, row);
	for (const struct officer_form *form = c->forms; form->word; form++) {
		if (!form->fields || help_said(c, form))
			continue;
		buf_printf(b, ".PP\nFields of the answer of \\fB%s%s%s\\fR:\n.RS\n", c->name, *form->word ? " " : "",
			   form->word);
		man_fields(b, form->fields, 0);
		buf_printf(b, ".RE\n");
	}
	if (c->examples) {
		buf_printf(b, ".PP\nExamples:\n.PP\n.nf\n");
		put_man(b, c->examples);
		buf_printf(b, ".fi\n");
	}
}

void help_man(struct buf *b)
{
	const struct officer_option *row;

	buf_printf(b, ".TH STRONGROOM 8 \"\" \"strongroom %s\" \"System administration\"\n", STRONGROOM_VERSION);
	buf_printf(b, ".SH NAME\nstrongroom \\- looks after tokens of the strongroom PKCS#11 module\n.SH SYNOPSIS\n");
	buf_printf(b, ".B strongroom\n.I COMMAND\n[\\fIWORD\\fR ...] [\\fIOPTION\\fR ...]\n.SH DESCRIPTION\n");
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		buf_printf(b, ".SS %s\n", sections[i].title);
		put_man(b, sections[i].text);
	}
	buf_printf(b, ".SH COMMON OPTIONS\n");
	for (size_t i = 0; (row = option_row(NULL, i)); i++)
		man_option(b, row);
	buf_printf(b, ".SH COMMANDS\n");
	for (size_t i = 0; i < officer_command_count; i++)
		man_command(b, officer_commands[i]);
	buf_printf(b, ".SH ENVIRONMENT\n");
	for (size_t i = 0; i < ARRAY_LEN(environment); i++)
		man_item(b, environment[i].name, NULL, environment[i].text);
}
