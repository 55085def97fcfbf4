/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_OWN_H
#define OFFICER_OWN_H

#include "officer.h"

/* Inside of the framework: main.c, options.c, open.c, help.c, explain.c, command_doc.c. */

#define OPTIONS_MAX 64

struct officer {
	const struct officer_command *command;
	const struct officer_form *form;
	char **words; /* of the form */
	struct {
		const char *name;
		const char *value; /* "" for a switch */
	} given[OPTIONS_MAX];
	size_t given_count;
	char who[64]; /* whose PIN it is about */
	bool found;
	bool shown;
	bool help;
	bool version;
};

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FOUND = 3 };

/* options_parse: the command line into *o: command, form, options, words. ERR_USAGE says what is wrong. */
enum err options_parse(struct officer *o, int argc, char **argv, struct fail *f) MUST_CHECK;
/* option_row: the i-th row of a command, common ones behind its own; NULL: no more. command NULL: common ones alone. */
const struct officer_option *option_row(const struct officer_command *c, size_t i);
/* command_named: NULL: none. */
const struct officer_command *command_named(const char *name);

/* help_flowing: text with a final zero, single newlines as blanks; two of them stay a paragraph's end. */
void help_flowing(struct buf *b, const char *text);
/* help_form: `strongroom users add [NAME]`. help_said: an earlier form of the command has the same fields. */
void help_form(struct buf *b, const struct officer_command *c, const struct officer_form *form);
bool help_said(const struct officer_command *c, const struct officer_form *form);
/* help_usage: a line per form; help_command: all about one; help_all: a line per command. Plain text. */
void help_usage(struct buf *b, const struct officer_command *c);
void help_command(struct buf *b, const struct officer_command *c);
void help_all(struct buf *b);
/* help_page: docs/command.md; help_man: strongroom.1. */
void help_page(struct buf *b);
void help_man(struct buf *b);

/* explain: what a CK_RV means to an officer and what to do; NULL: nothing more than its name says. */
const char *explain(CK_RV rv);

#endif
