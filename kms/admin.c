/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "admin.h"
#include "command.h"
#include "mail_admin.h"
#include "open.h"
#include "report.h"
#include "rewrap.h"
#include "tmk.h"

static enum err srk_init(void *service, char **arguments, struct fail *f)
{
	struct kms k = { 0 };
	BUF_AUTO id = { 0 };
	enum err e;

	if (!hex_decode(arguments[1], strlen(arguments[1]), &id) || !id.len)
		return fail_set(f, ERR_USAGE, 0, "srk-init LABEL ID: ID in hex");
	e = kms_open_token(service, &k, f);
	if (!e)
		e = ops_srk_generate(k.ops, arguments[0], buf_view(&id), f);
	kms_done(&k);
	return e;
}

static enum err renew(void *service, char **arguments, struct fail *f)
{
	struct audit_entry entry = { .peer = "operator", .event = "tmk-renew", .object = arguments[0] };
	struct db *d = NULL;
	enum err e;

	e = kms_open_db(service, &d, f);
	if (!e)
		e = db_begin(d, f);
	if (!e)
		e = tmk_renew(d, arguments[0], f);
	if (!e)
		e = audit_append(d, &entry, f);
	if (!e)
		e = db_commit(d, f);
	if (d)
		db_rollback(d);
	db_free(d);
	return e;
}

static enum err rewrap(void *service, char **arguments, struct fail *f)
{
	struct kms k = { 0 };
	enum err e = kms_open_srk(service, &k, f);

	if (!e)
		e = srk_rewrap(&k, f);
	kms_done(&k);
	return e;
}

static const struct command_row rows[] = {
	{ "srk-init", 2, "srk-init LABEL ID  makes the storage key of the TMKs in HSM 2, ID in hex", srk_init,
	  "R1.12" },
	{ "srk-rewrap", 0, "srk-rewrap         puts every TMK under the newest storage key, beside a running kmsd",
	  rewrap, "R1.12" },
	{ "tmk-renew", 1, "tmk-renew SERIAL   the next download of this terminal gets a new TMK", renew, "R1.12" },
};
static const size_t rows_count = ARRAY_LEN(rows);

/* The rows of all commands. */
static const struct commands {
	const struct command_row *rows;
	const size_t *count;
} commands[] = { { rows, &rows_count }, { mail_commands, &mail_commands_count } };

/* The table that knows the first word; else the first, whose refusal is the same. */
static enum err find(int argc, char **argv, const struct command_row **ret, char ***ret_arguments, struct fail *f)
{
	const struct commands *known = commands;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		for (size_t row = 0; row < *commands[i].count; row++)
			if (!strncmp(commands[i].rows[row].words, argv[0], strlen(argv[0])))
				known = &commands[i];
	return command_find(known->rows, *known->count, argc, argv, ret, ret_arguments, f);
}

enum err admin_run(const struct conf *c, int argc, char **argv, struct fail *f)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	const struct command_row *row = NULL;
	char **arguments = NULL;
	struct db *d = NULL;
	enum err e;

	if (report_known(argv[0]) && (argc == 1 || json)) {
		e = db_open_read(conf_get(c, "", "database"), &d, f);
		if (!e)
			e = report_print(d, argv[0], json, f);
		db_free(d);
		return e;
	}
	e = find(argc, argv, &row, &arguments, f);
	return e ? e : row->run((void *)c, arguments, f);
}

void admin_help(struct buf *b)
{
	buf_printf(b, "questions, with --json behind them as JSON:\n");
	report_help(b);
	buf_printf(b, "commands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (i)
			b->len--; /* the final zero of the table before */
		command_usage(commands[i].rows, *commands[i].count, b);
	}
}
