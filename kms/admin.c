/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "admin.h"
#include "alarm.h"
#include "command.h"
#include "dbadmin.h"
#include "fingerprint.h"
#include "import_command.h"
#include "mail_admin.h"
#include "node.h"
#include "open.h"
#include "order.h"
#include "report.h"
#include "rewrap.h"
#include "tmk_admin.h"

/* Makes a key of the KMS in HSM 2: ops_srk_generate, ops_fpk_generate. */
static enum err key_init(const struct conf *c, char **arguments, const char *command,
			 enum err (*generate)(struct ops *, const char *, struct view, struct fail *), struct fail *f)
{
	struct kms k = { 0 };
	BUF_AUTO id = { 0 };
	enum err e;

	if (!hex_decode(arguments[1], strlen(arguments[1]), &id) || !id.len)
		return fail_set(f, ERR_USAGE, 0, "%s LABEL ID: ID in hex", command);
	e = kms_open_token(c, &k, f);
	if (!e)
		e = generate(k.ops, arguments[0], buf_view(&id), f);
	kms_done(&k);
	return e;
}

static enum err srk_init(void *service, char **arguments, struct fail *f)
{
	return key_init(service, arguments, "srk-init", ops_srk_generate, f);
}

static enum err alarm_close_run(void *service, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	enum err e = kms_open_db(service, &d, f);

	return e ? e : alarm_close(d, arguments[0], f);
}

static enum err lockout_lift_run(void *service, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	enum err e = kms_open_change(service, &d, f);

	if (!e)
		e = limit_lift(d, arguments[0], arguments[1], f);
	return audit_settle(d, e, "lockout-lift", arguments[0], arguments[1], f);
}

static enum err node_remove_run(void *service, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	enum err e = kms_open_db(service, &d, f);

	return e ? e : node_remove(d, arguments[0], f);
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

static enum err fpk_init(void *service, char **arguments, struct fail *f)
{
	return key_init(service, arguments, "fpk-init", ops_fpk_generate, f);
}

static enum err fingerprints(void *service, char **arguments, struct fail *f)
{
	struct kms k = { 0 };
	enum err e = kms_open(service, &k, f);

	if (!e)
		e = fingerprint_all(&k, f);
	kms_done(&k);
	return e;
}

static const struct command_row rows[] = {
	{ "srk-init", 2, "srk-init LABEL ID  makes the storage key of TMKs and working keys in HSM 2, ID in hex",
	  srk_init, "R1.12" },
	{ "srk-rewrap", 0,
	  "srk-rewrap         puts every TMK and working key under the newest storage key, beside a running kmsd",
	  rewrap, "R1.12" },
	{ "fpk-init", 2, "fpk-init LABEL ID  makes the fingerprint key in HSM 2, ID in hex", fpk_init, "R2.5" },
	{ "fingerprint", 0, "fingerprint        makes what fingerprints are missing, beside a running kmsd",
	  fingerprints, "R2.5" },
	{ "import", ~1, "import FILE [--manifest FILE | --unsigned]  imports a key file, beside a running kmsd",
	  import_command, "R2.2" },
	{ "inventory load", 2, "inventory load ORDER FILE  the serial numbers that a production order is to bring",
	  order_load, "R2.9" },
	{ "inventory drop", 1, "inventory drop ORDER  forgets them", order_drop, "R2.9" },
	{ "tmk-make", ~1, "tmk-make SERIAL... | --all | --count N  makes TMKs in advance", tmk_make_run, "R1.12" },
	{ "tmk-renew", ~1,
	  "tmk-renew SERIAL... | --all | --made-before DATE | --tk-before DATE | --srk-before DATE\n"
	  "                     the next download of these terminals makes a new TMK; DATE: YYYY-MM-DD",
	  tmk_renew_run, "R1.12" },
	{ "alarm close", 1, "alarm close ID     an alarm has been looked into", alarm_close_run, "R1.13" },
	{ "lockout lift", 2,
	  "lockout lift SERIAL ADDRESS  ends a lock-out; SERIAL -: of the address alone; - -: all of them",
	  lockout_lift_run, "R1.13" },
	{ "node remove", 1, "node remove NAME   a node that is gone for good: its keys are not compared any more",
	  node_remove_run, "R1.3" },
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
	const struct command_row *row = NULL;
	char **arguments = NULL;
	enum err e;

	if (report_known(argv[0]))
		return report_ask(c, argv[0], argv + 1, f);
	e = find(argc, argv, &row, &arguments, f);
	return e ? e : row->run((void *)c, arguments, f);
}

void admin_help(struct buf *b)
{
	buf_printf(b, "questions; --json, --csv, --limit N and these filters behind them:\n");
	report_help(b);
	buf_printf(b, "commands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (i)
			b->len--; /* the final zero of the table before */
		command_usage(commands[i].rows, *commands[i].count, b);
	}
	b->len--;
	dbadmin_usage(b);
}
