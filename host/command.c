/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "command.h"

/* How many words of the command line the row's name takes; 0: it is another command. */
static int match(const char *words, int argc, char **argv)
{
	size_t n;

	if (argc < 1)
		return 0;
	if (!strcmp(words, argv[0]))
		return 1;
	n = strlen(argv[0]);
	return argc > 1 && !strncmp(words, argv[0], n) && words[n] == ' ' && !strcmp(words + n + 1, argv[1]) ? 2 : 0;
}

enum err command_find(const struct command_row *rows, size_t count, int argc, char **argv,
		      const struct command_row **ret, char ***ret_arguments, struct fail *f)
{
	for (size_t i = 0; i < count; i++) {
		int words = match(rows[i].words, argc, argv);

		if (!words)
			continue;
		if (rows[i].arguments < 0 ? argc - words < ~rows[i].arguments : argc - words != rows[i].arguments)
			return fail_set(f, ERR_USAGE, 0, "usage: %s", rows[i].usage);
		*ret = &rows[i];
		*ret_arguments = argv + words;
		return ERR_OK;
	}
	return fail_set(f, ERR_USAGE, 0, "no such command (--help lists them)");
}

static enum err take_option(char **at, const struct command_option *options, size_t count, size_t *ret_words,
			    struct fail *f)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(at[0], options[i].name))
			continue;
		if (*options[i].ret)
			return fail_set(f, ERR_USAGE, 0, "%s stands twice", at[0]);
		if (options[i].value && !at[1])
			return fail_set(f, ERR_USAGE, 0, "%s: its value is missing", at[0]);
		*options[i].ret = at[options[i].value];
		*ret_words = options[i].value ? 2 : 1;
		return ERR_OK;
	}
	return fail_set(f, ERR_USAGE, 0, "this command has no option %.64s", at[0]);
}

enum err command_options(char **arguments, size_t stay, const struct command_option *options, size_t count,
			 struct fail *f)
{
	size_t n = 0, from = 0, words = 0;

	while (arguments[from]) {
		if (strncmp(arguments[from], "--", 2)) {
			arguments[n++] = arguments[from++];
			continue;
		}
		enum err e = take_option(arguments + from, options, count, &words, f);

		if (e)
			return e;
		from += words;
	}
	arguments[n] = NULL;
	if (n != stay)
		return fail_set(f, ERR_USAGE, 0, "%s arguments: %zu, not %zu", n < stay ? "too few" : "too many", n,
				stay);
	return ERR_OK;
}

void command_usage(const struct command_row *rows, size_t count, struct buf *ret)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(ret, "  %s\n", rows[i].usage);
	buf_put_u8(ret, 0);
}

void command_text(const char *text)
{
	for (; *text; text++)
		if (*text >= ' ' && *text <= '~' && *text != '\\')
			putchar(*text);
		else
			printf("\\x%02x", (unsigned char)*text);
}
