/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include "db.h"

/* Subcommands of a daemon's binary, as rows: `mtmsd --config F order add ORDER CUSTOMER`. */
typedef enum err (*command_run_fn)(void *service, char **arguments, struct fail *f);
struct command_row {
	const char *words; /* one or two: "order add" */
	int arguments;     /* how many follow; ~n: n or more, and a NULL behind the last (command_options) */
	const char *usage; /* a line for --help */
	command_run_fn run;
	const char *requirement;
};

/* command_find: the row of a command line and its arguments; ERR_USAGE: none, or another number of arguments. */
enum err command_find(const struct command_row *rows, size_t count, int argc, char **argv,
		      const struct command_row **ret, char ***ret_arguments, struct fail *f) MUST_CHECK;
/*
 * Options among a command's arguments: "--name VALUE" when value is true, else "--name", which stores its name.
 * command_options: takes them out of the arguments, of which exactly this many must stay. ERR_USAGE: unknown, repeated,
 * without its value, another number of arguments.
 */
struct command_option {
	const char *name;
	bool value;
	const char **ret;
};
enum err command_options(char **arguments, size_t stay, const struct command_option *options, size_t count,
			 struct fail *f) MUST_CHECK;
/* command_usage: a line per row, for daemon_spec.usage; appended, with final zero. */
void command_usage(const struct command_row *rows, size_t count, struct buf *ret);

/* command_text: text on stdout; what is not printable ASCII, and the backslash, as \\xNN: one row stays one line. */
void command_text(const char *text);

#endif
