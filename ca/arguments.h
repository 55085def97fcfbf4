/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ARGUMENTS_H
#define CA_ARGUMENTS_H

#include "list.h"
#include "order.h"

/* What the command line says. */
struct arguments {
	struct order order;
	struct ca_init init;
	struct ca_list list;
	const char *reason;
	unsigned days;
	struct buf san;     /* all --san, comma between, with final zero */
	const char *serial; /* the one word of a command that has one */
	bool help;
};

/* struct ca_command: options: the names that it takes, a blank between; docs and checks are made from these rows. */
struct ca_command {
	const char *name;
	const char *word; /* SERIAL|FILE; NULL: none */
	const char *options;
	const char *summary;
	const char *text;
	enum err (*run)(struct arguments *a, struct fail *f);
};
extern const struct ca_command ca_commands[];
extern const size_t ca_commands_count;

/*
 * arguments_parse: ERR_USAGE says which option is unknown, has no value, a bad one, or is not of this command. *ret_c
 * NULL: help of all was asked for.
 */
enum err arguments_parse(int argc, char **argv, struct arguments *a, const struct ca_command **ret_c,
			 struct fail *f) MUST_CHECK;
/* arguments_help: of a command; NULL: of all. */
void arguments_help(const struct ca_command *c, struct buf *out);

#endif
