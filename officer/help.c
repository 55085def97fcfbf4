/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "own.h"

#define WIDTH 100

/* put_wrapped: text in lines of at most WIDTH letters, each behind `in` blanks; a newline in it stays one. */
static void put_wrapped(struct buf *b, const char *text, int in)
{
	while (*text) {
		size_t room = (size_t)(WIDTH - in);
		size_t n = strcspn(text, "\n");

		if (n > room) {
			for (n = room; n > 0 && text[n] != ' '; n--)
				;
			n = n > 0 ? n : strcspn(text, " \n");
		}
		buf_printf(b, "%*s%.*s\n", n > 0 ? in : 0, "", (int)n, text);
		text += n;
		if (*text)
			text++;
	}
}

void help_flowing(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool alone = *p == '\n' && p[1] != '\n' && (p == text || p[-1] != '\n');

		buf_put_u8(b, alone ? ' ' : (uint8_t)*p);
	}
	buf_put_u8(b, 0);
}

/* put_flowing: as put_wrapped, wherever the lines of the source end. */
static void put_flowing(struct buf *b, const char *text, int in)
{
	BUF_AUTO flow = { 0 };

	help_flowing(&flow, text);
	put_wrapped(b, buf_ok(&flow) ? (const char *)flow.p : text, in);
}

void help_form(struct buf *b, const struct officer_command *c, const struct officer_form *form)
{
	buf_printf(b, "strongroom %s", c->name);
	if (*form->word)
		buf_printf(b, form == c->forms ? " [%s]" : " %s", form->word);
	if (*form->arguments)
		buf_printf(b, " %s", form->arguments);
}

void help_usage(struct buf *b, const struct officer_command *c)
{
	for (const struct officer_form *form = c->forms; form->word; form++) {
		buf_printf(b, "  ");
		help_form(b, c, form);
		buf_printf(b, "\n");
	}
	buf_printf(b, "  options: strongroom %s --help\n", c->name);
}

static void put_option(struct buf *b, const struct officer_option *row)
{
	buf_printf(b, "  --%s%s%s\n", row->name, row->value ? " " : "", row->value ? row->value : "");
	put_flowing(b, row->help, 6);
}

static void put_fields(struct buf *b, const struct show_field *fields, int in)
{
	for (; fields->name; fields++) {
		BUF_AUTO text = { 0 };

		buf_printf(&text, "%s: %s%s", fields->name, fields->maybe ? "may be absent; " : "", fields->help);
		buf_put_u8(&text, 0);
		put_wrapped(b, buf_ok(&text) ? (const char *)text.p : "", in);
		if (fields->of && in < 12)
			put_fields(b, fields->of, in + 4);
	}
}

bool help_said(const struct officer_command *c, const struct officer_form *form)
{
	for (const struct officer_form *before = c->forms; before < form; before++)
		if (before->fields == form->fields)
			return true;
	return false;
}

static void put_json(struct buf *b, const struct officer_command *c)
{
	for (const struct officer_form *form = c->forms; form->word; form++) {
		if (!form->fields || help_said(c, form))
			continue;
		buf_printf(b, "\nFields of --json:\n");
		for (const struct officer_form *same = form; same->word; same++) {
			if (same->fields != form->fields)
				continue;
			buf_printf(b, "  ");
			help_form(b, c, same);
			buf_printf(b, "\n");
		}
		put_fields(b, form->fields, 6);
	}
}

void help_command(struct buf *b, const struct officer_command *c)
{
	const struct officer_option *row;

	buf_printf(b, "strongroom %s: %s\n\n", c->name, c->summary);
	for (const struct officer_form *form = c->forms; form->word; form++) {
		buf_printf(b, "  ");
		help_form(b, c, form);
		buf_printf(b, "\n");
		put_flowing(b, form->help, 6);
	}
	buf_printf(b, "\n");
	put_flowing(b, c->text, 0);
	if (!c->program)
		buf_printf(b, "\nOptions:\n");
	for (size_t i = 0; (row = option_row(c, i)); i++)
		put_option(b, row);
	put_json(b, c);
	if (c->examples) {
		buf_printf(b, "\nExamples:\n");
		put_wrapped(b, c->examples, 2);
	}
	buf_printf(b,
		   "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 something is wrong with what was looked at.\n");
}

void help_all(struct buf *b)
{
	buf_printf(b, "strongroom: looks after tokens of the strongroom PKCS#11 module\n\n");
	for (size_t i = 0; i < officer_command_count; i++)
		buf_printf(b, "  %-12s %s\n", officer_commands[i]->name, officer_commands[i]->summary);
	buf_printf(b,
		   "\n`strongroom COMMAND --help` says what a command does and what options it has; `man strongroom` "
		   "says it all.\n");
}
