/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_OFFICER_H
#define OFFICER_OFFICER_H

#include "pk11.h"
#include "show.h"

/*
 * The command `strongroom`, for those who look after tokens. Whatever it does, it does as a PKCS#11 client.
 *
 * A command is one struct officer_command in a file of its own, with a line in commands.c. Its rows say everything that
 * there is to say about it: the options are parsed, the words counted and led to the function, and usage, --help, the
 * man page and docs/command.md made from them.
 */
struct officer;

/* struct officer_option: `--name`, or `--name VALUE`. Each may stand several times when `many`. */
struct officer_option {
	const char *name;
	const char *value; /* what stands for it in texts: "FILE"; NULL: a switch */
	const char *help;  /* without a full stop at its end */
	bool many;
};

/*
 * struct officer_form: one of the things that a command does. run: words are what follows, NULL at the end, between
 * least and most of them.
 */
struct officer_form {
	const char *word;      /* "add"; "": the command by itself */
	const char *arguments; /* "NAME", for texts; "" */
	int least;
	int most; /* -1: any number */
	const char *help;
	enum err (*run)(struct officer *o, char **words, struct fail *f);
	const struct show_field *fields; /* of its JSON; NULL: it prints none */
};

/* Which of the common options a command has beside --json and --help. */
enum {
	COMMON_MODULE = 1u << 0, /* --module */
	COMMON_TOKEN = 1u << 1,  /* --uri, --token, --module */
	COMMON_USER = 1u << 2,   /* --user, --pin-file */
	COMMON_SO = 1u << 3,     /* --so-pin-file */
};

/*
 * struct officer_command: options end with a row without a name, forms with a row without a word; both NULL-able no.
 * Without a word the first form runs. text: paragraphs for --help, lines broken at 100; examples: a command line each.
 */
struct officer_command {
	const char *name;
	const char *summary; /* a line */
	const char *text;
	unsigned common;
	const struct officer_option *options; /* NULL: none of its own */
	const struct officer_form *forms;
	const char *examples; /* NULL: none */
	const char *program;  /* not NULL: the command line behind the name is this program's */
};
extern const struct officer_command *const officer_commands[];
extern const size_t officer_command_count;

/* officer_value: of an option; NULL: it was not given. officer_has: a switch. officer_values: the i-th of many. */
const char *officer_value(const struct officer *o, const char *name);
bool officer_has(const struct officer *o, const char *name);
const char *officer_value_at(const struct officer *o, const char *name, size_t i);
/* officer_number: decimal, min to max; fallback when it was not given. ERR_USAGE names the option. */
enum err officer_number(const struct officer *o, const char *name, unsigned long min, unsigned long max,
			unsigned long fallback, unsigned long *ret, struct fail *f) MUST_CHECK;
/* officer_json: was --json given? officer_found: something is wrong with what was looked at: exit status 3. */
bool officer_json(const struct officer *o);
void officer_found(struct officer *o);
/* officer_answer: the object that an answer about a token begins as; OFFICER_TOKEN_FIELDS are its rows. */
#define OFFICER_TOKEN_FIELDS                                                                                           \
	{ "token", "token", "label of the token" },                                                                    \
	{                                                                                                              \
		"serial", "serial", "its serial number"                                                                \
	}
json_t *officer_answer(const struct pk11 *p);
/* officer_show: the answer of a form, printed once, by its fields: JSON, or text for people. Takes value. */
enum err officer_show(struct officer *o, json_t *value, struct fail *f) MUST_CHECK;

/*
 * officer_open: the token that --uri or --token names, else the only one that the module has; with this login. The PIN:
 * --pin-file (PK11_SO: --so-pin-file), pin-source of the URI, else asked for on the terminal. --user NAME logs a
 * custodian in. A PIN in the command line (pin-value) is refused.
 */
enum err officer_open(struct officer *o, enum pk11_who who, struct pk11 **ret, struct fail *f) MUST_CHECK;
/* officer_open_as: the same with a PIN that is there already, `name:pin` for custodians. who_text: for messages. */
enum err officer_open_as(struct officer *o, enum pk11_who who, const struct secret *pin, const char *who_text,
			 struct pk11 **ret, struct fail *f) MUST_CHECK;
/* officer_pin: the PIN of who, from his file or the terminal; empty when the URI has it. With --user: `name:pin`. */
enum err officer_pin(struct officer *o, enum pk11_who who, struct secret *ret, struct fail *f) MUST_CHECK;
/* officer_pin_of: the PIN of custodian `name` as `name:pin`: from a file (NULL: terminal). */
enum err officer_pin_of(const char *name, const char *file, struct secret *ret, struct fail *f) MUST_CHECK;
/* officer_module_path: --module, module-path of --uri, else the installed one. */
const char *officer_module_path(const struct officer *o);

/*
 * struct officer_module: the module by itself, for what needs no token, or several. sr: its functions of
 * vendor_functions.h; NULL: a module of somebody else.
 */
struct sr_function_list;
struct officer_module {
	CK_FUNCTION_LIST *f;
	const struct sr_function_list *sr;
};
enum err officer_module_open(const struct officer *o, struct officer_module *ret, struct fail *f) MUST_CHECK;
void officer_module_close(struct officer_module *m);

/* officer_fail: as pk11_fail, for a call that the form made itself; who: whose PIN it was about, NULL: as before. */
enum err officer_fail(struct officer *o, struct fail *f, CK_RV rv, const char *call, const char *who);

#endif
