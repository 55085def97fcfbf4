/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arguments.h"
#include "now.h"

enum kind { TEXT, SWITCH, NUMBER, DAYS, TIME, SAN };

struct option_row {
	const char *name;
	const char *value; /* NULL: a switch */
	enum kind kind;
	size_t offset;
	size_t again; /* a second place that wants it; 0: none */
	const char *help;
};

#define AT(member) offsetof(struct arguments, member)

static const struct option_row rows[] = {
	{ "dir", "FOLDER", TEXT, AT(order.dir), AT(init.folder), "folder of the CA" },
	{ "pin-file", "FILE", TEXT, AT(order.pin_file), AT(init.pin_file),
	  "PIN of the root's token, mode 0600; without it the pin-source of the URI" },
	{ "token", "URI", TEXT, AT(init.uri), 0,
	  "PKCS#11 URI of the root's key: token=, object= (else ca-root-N), module-path=, pin-source=" },
	{ "key-type", "TYPE", TEXT, AT(order.key_type), AT(init.key_type),
	  "init: ec-p256, ec-p384, rsa-3072 or rsa-4096; --key-out: ec or rsa" },
	{ "use-key", NULL, SWITCH, AT(init.use_key), 0, "the key is in the token already" },
	{ "next", NULL, SWITCH, AT(init.next), 0, "the next root of this CA" },
	{ "crl-url", "URL", TEXT, AT(init.crl_url), 0, "distribution point that certificates name" },
	{ "role", "ROLE", TEXT, AT(order.role), AT(list.role), "role of the certificate" },
	{ "name", "NAME", TEXT, AT(order.name), AT(init.name), "common name" },
	{ "san", "NAMES", SAN, AT(san), 0, "DNS:host or IP:address, comma between; may be given several times" },
	{ "csr", "FILE", TEXT, AT(order.csr), 0, "a certificate request signed by the key (PKCS#10, PEM)" },
	{ "key-out", "FILE", TEXT, AT(order.key_out), 0, "make a key and hand it out here, mode 0600" },
	{ "request", "FILE", TEXT, AT(order.request), 0, "role hsm: a public key in a CMS request signed by the MTMS" },
	{ "same-key", NULL, SWITCH, AT(order.same_key), 0, "role hsm: the key stays" },
	{ "out", "FILE", TEXT, AT(order.out), 0, "file that is written" },
	{ "days", "N", DAYS, AT(days), 0, "1 to 36500" },
	{ "from", "TIME", TIME, AT(order.from), 0, "valid from, UTC, as 2027-01-31T00:00:00Z" },
	{ "until", "TIME", TIME, AT(order.until), 0, "until when, instead of --days" },
	{ "root", "N", NUMBER, AT(order.root), 0, "number of the root that issues; without it the newest" },
	{ "reason", "REASON", TEXT, AT(reason), 0, "why it is revoked" },
	{ "state", "STATE", TEXT, AT(list.state), 0, "valid, expiring, expired or revoked" },
	{ "json", NULL, SWITCH, AT(list.json), 0, "the answer as JSON with stable field names" },
	{ "help", NULL, SWITCH, AT(help), 0, "what the command does and its options" },
};

static bool number(const char *s, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*end || end == s || *s == '-' || !n || n > 36500)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool moment(const char *s, time_t *ret)
{
	int64_t at;

	if (!time_read(s, &at) || at <= 0)
		return false;
	*ret = (time_t)at;
	return true;
}

static enum err take(const struct option_row *row, const char *value, struct arguments *a, struct fail *f)
{
	char *base = (char *)a;

	switch (row->kind) {
	case TEXT:
		if (!*value)
			return fail_set(f, ERR_USAGE, 0, "--%s: empty", row->name);
		*(const char **)(base + row->offset) = value;
		if (row->again)
			*(const char **)(base + row->again) = value;
		return ERR_OK;
	case SWITCH:
		*(bool *)(base + row->offset) = true;
		return ERR_OK;
	case NUMBER:
		return number(value, (unsigned *)(base + row->offset))
			   ? ERR_OK
			   : fail_set(f, ERR_USAGE, 0, "--%s %.20s: a number from 1", row->name, value);
	case DAYS:
		return number(value, (unsigned *)(base + row->offset))
			   ? ERR_OK
			   : fail_set(f, ERR_USAGE, 0, "--%s %.20s: a number of days, 1 to 36500", row->name, value);
	case TIME:
		return moment(value, (time_t *)(base + row->offset))
			   ? ERR_OK
			   : fail_set(f, ERR_USAGE, 0, "--%s %.30s: a time as 2027-01-31T00:00:00Z", row->name, value);
	default:
		if (a->san.len) /* replace the final zero of the text before */
			a->san.p[a->san.len - 1] = ',';
		buf_put(&a->san, value, strlen(value) + 1);
		return buf_ok(&a->san) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
}

static bool has_option(const struct ca_command *c, const char *name)
{
	size_t n = strlen(name);
	const char *p = c->options;

	if (!strcmp(name, "help"))
		return true;
	while ((p = strstr(p, name))) {
		if ((p == c->options || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
		p += n;
	}
	return false;
}

static const struct ca_command *command_named(const char *name)
{
	for (size_t i = 0; i < ca_commands_count; i++)
		if (!strcmp(ca_commands[i].name, name))
			return &ca_commands[i];
	return NULL;
}

/* read_options: argv[0] is the command's name; what is left are its words. */
static enum err read_options(int argc, char **argv, const struct ca_command *c, struct arguments *a, struct fail *f)
{
	struct option names[ARRAY_LEN(rows) + 1] = { 0 };
	int got, i = 0;
	enum err e = ERR_OK;

	for (size_t k = 0; k < ARRAY_LEN(rows); k++)
		names[k] = (struct option){ rows[k].name, rows[k].value ? required_argument : no_argument, NULL, 0 };
	optind = 0;
	opterr = 0;
	while (!e && (got = getopt_long(argc, argv, ":", names, &i)) != -1) {
		if (got == ':')
			e = fail_set(f, ERR_USAGE, 0, "%.64s: its value is missing", argv[optind - 1]);
		else if (got != 0)
			e = fail_set(f, ERR_USAGE, 0, "%.64s: no such option", argv[optind - 1]);
		else if (!has_option(c, rows[i].name))
			e = fail_set(f, ERR_USAGE, 0, "--%s: %s has no such option", rows[i].name, c->name);
		else
			e = take(&rows[i], optarg, a, f);
	}
	return e;
}

enum err arguments_parse(int argc, char **argv, struct arguments *a, const struct ca_command **ret_c, struct fail *f)
{
	const struct ca_command *c = NULL;
	int at = 1;
	enum err e;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		*ret_c = NULL;
		a->help = argc >= 2;
		return argc >= 2 ? ERR_OK : fail_set(f, ERR_USAGE, 0, "which command? --help lists them");
	}
	c = command_named(argv[at]);
	if (!c)
		return fail_set(f, ERR_USAGE, 0, "%.64s: no such command; --help lists them", argv[at]);
	*ret_c = c;
	e = read_options(argc - at, argv + at, c, a, f);
	if (e || a->help)
		return e;
	at += optind;
	if (c->word && at == argc)
		return fail_set(f, ERR_USAGE, 0, "%s: what is missing: %s", c->name, c->word);
	if (c->word)
		a->serial = argv[at++];
	if (at < argc)
		return fail_set(f, ERR_USAGE, 0, "%s: %.64s: one word too many", c->name, argv[at]);
	if (has_option(c, "dir") && !a->order.dir)
		return fail_set(f, ERR_USAGE, 0, "--dir is missing: the folder of the CA");
	if (a->san.len)
		a->order.san = (const char *)a->san.p;
	a->order.days = a->init.days = a->list.days = a->days;
	return ERR_OK;
}

void arguments_help(const struct ca_command *c, struct buf *out)
{
	if (!c) {
		buf_printf(out, "strongroom-ca: the certification authority of a strongroom installation\n\n");
		for (size_t i = 0; i < ca_commands_count; i++)
			buf_printf(out, "  %-8s %-12s %s\n", ca_commands[i].name,
				   ca_commands[i].word ? ca_commands[i].word : "", ca_commands[i].summary);
		buf_printf(out, "\n`strongroom-ca COMMAND --help` says what a command does and what options it has.\n"
				"Exit status: 0 done, 1 failed, 2 wrong usage.\n");
		return;
	}
	buf_printf(out, "strongroom-ca %s%s%s: %s\n\n%s\n\nOptions:\n", c->name, c->word ? " " : "",
		   c->word ? c->word : "", c->summary, c->text);
	for (size_t k = 0; k < ARRAY_LEN(rows); k++)
		if (has_option(c, rows[k].name))
			buf_printf(out, "  --%s%s%s\n      %s\n", rows[k].name, rows[k].value ? " " : "",
				   rows[k].value ? rows[k].value : "", rows[k].help);
}
