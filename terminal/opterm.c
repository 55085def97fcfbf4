/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "file.h"
#include "opterm.h"

#define CERTIFICATE_MAX ((size_t)16384)

static const char usage[] =
    "opterm: the operation terminal of the production line\n"
    "\n"
    "  opterm card-init --card URI --pin-file F --name NAME --request OUT.pem\n"
    "      makes the operator's key pair in the card (RSA 2048); writes a certification request\n"
    "  opterm card-request --card URI --pin-file F --name NAME --request OUT.pem\n"
    "      the request alone, for a key that is in the card already (RSA or EC)\n"
    "  opterm card-certificate --card URI --pin-file F --certificate IN.pem\n"
    "      keeps the certificate that the CA made in the card\n"
    "  opterm collect --order O --listen HOST:PORT --spool DIR --card URI --pin-file F\n"
    "                 --mtms https://HOST:PORT --cert F --key-file F --ca F [--crl F]\n"
    "      takes the order's inventory from the MTMS, collects TKs of its terminals, signs them with the card,\n"
    "      uploads them; goes on where an interrupted run stood\n"
    "    --scan FILE     only terminals whose serial numbers the worker scans, a line each; -: standard input\n"
    "    --count N       at most N terminals in this run (default: all that are missing)\n"
    "    --again         terminals whose TK the MTMS has give a new one\n"
    "    --batch N       terminals of one signed batch, at most 1000 (default 1000)\n"
    "    --wait SECONDS  give up waiting for terminals (default: never)\n"
    "    --retry SECONDS try so long to reach the MTMS again at the upload (default 60)\n"
    "    --suite 1|2|3 (default: the order's)  --handshake 1|2  --hash sha1|sha256|sha384|sha512\n"
    "    --key-type tdes16|tdes24|aes16|aes24|aes32\n"
    "    --json          a JSON object per event; --plain: lines, no bar, on a terminal too\n"
    "\n"
    "  --module PATH   PKCS#11 module of the card (default: p11-kit's proxy, all configured modules)\n"
    "\n"
    "Exit status: 0 acknowledged by the MTMS, 3 acknowledged but terminals were refused, 1 failed, 2 wrong usage.\n";

static enum err read_options(int argc, char **argv, struct opterm_options *o, struct fail *f)
{
	const struct {
		const char *name;
		const char **to;
		bool is_switch;
	} table[] = {
		{ "order", &o->order, false },
		{ "listen", &o->listen, false },
		{ "count", &o->count, false },
		{ "spool", &o->spool, false },
		{ "card", &o->card, false },
		{ "pin-file", &o->pin_file, false },
		{ "mtms", &o->mtms, false },
		{ "cert", &o->cert, false },
		{ "key-file", &o->key_file, false },
		{ "ca", &o->ca, false },
		{ "crl", &o->crl, false },
		{ "suite", &o->suite, false },
		{ "handshake", &o->handshake, false },
		{ "hash", &o->hash, false },
		{ "key-type", &o->key, false },
		{ "wait", &o->wait, false },
		{ "module", &o->module, false },
		{ "name", &o->name, false },
		{ "request", &o->request, false },
		{ "certificate", &o->certificate, false },
		{ "scan", &o->scan, false },
		{ "batch", &o->batch, false },
		{ "retry", &o->retry, false },
		{ "again", &o->again, true },
		{ "json", &o->json, true },
		{ "plain", &o->plain, true },
	};
	struct option longs[ARRAY_LEN(table) + 1] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		longs[i] = (struct option){ table[i].name, table[i].is_switch ? no_argument : required_argument, NULL,
					    (int)i + 1 };
	int c;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c < 1 || (size_t)c > ARRAY_LEN(table))
			return fail_set(f, ERR_USAGE, 0, "see opterm --help");
		*table[c - 1].to = table[c - 1].is_switch ? "" : optarg;
	}
	if (optind != argc)
		return fail_set(f, ERR_USAGE, 0, "what is '%s'?", argv[optind]);
	return ERR_OK;
}

enum err opterm_need(const char *value, const char *name, struct fail *f)
{
	return value != NULL ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--%s is missing", name);
}

enum err opterm_number(const char *text, unsigned long min, unsigned long max, const char *name, unsigned long *ret,
		       struct fail *f)
{
	char *end;
	if (text == NULL)
		return ERR_OK; /* the default stays */
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != 0 || v < min || v > max)
		return fail_set(f, ERR_USAGE, 0, "--%s: a number from %lu to %lu", name, min, max);
	*ret = v;
	return ERR_OK;
}

enum err opterm_card(const struct opterm_options *o, struct card **ret, struct fail *f)
{
	enum err e = opterm_need(o->card, "card", f);
	if (e == ERR_OK)
		e = opterm_need(o->pin_file, "pin-file", f);
	return e == ERR_OK ? card_open(o->module, o->card, o->pin_file, ret, f) : e;
}

/* A request for the card's key, which is made first when make says so. */
static enum err write_request(const struct opterm_options *o, bool make, struct fail *f)
{
	struct card *card = NULL;
	BUF_AUTO pem = { 0 };
	enum err e = opterm_need(o->name, "name", f);
	if (e == ERR_OK)
		e = opterm_need(o->request, "request", f);
	if (e == ERR_OK)
		e = opterm_card(o, &card, f);
	if (e == ERR_OK && make)
		e = card_make_key(card, f);
	if (e == ERR_OK)
		e = card_request(card, o->name, &pem, f);
	if (e == ERR_OK)
		e = file_replace(o->request, 0644, buf_view(&pem), f);
	card_free(card);
	return e;
}

static enum err run_card_init(const struct opterm_options *o, int *ret_status, struct fail *f)
{
	return write_request(o, true, f);
}

static enum err run_card_request(const struct opterm_options *o, int *ret_status, struct fail *f)
{
	return write_request(o, false, f);
}

static enum err run_card_certificate(const struct opterm_options *o, int *ret_status, struct fail *f)
{
	struct card *card = NULL;
	BUF_AUTO pem = { 0 };
	enum err e = opterm_need(o->certificate, "certificate", f);
	if (e == ERR_OK)
		e = opterm_card(o, &card, f);
	if (e == ERR_OK)
		e = file_read(o->certificate, CERTIFICATE_MAX, &pem, f);
	if (e == ERR_OK)
		e = card_store_certificate(card, buf_view(&pem), f);
	card_free(card);
	return e;
}

static const struct {
	const char *name;
	enum err (*run)(const struct opterm_options *o, int *ret_status, struct fail *f);
} commands[] = {
	{ "card-init", run_card_init },
	{ "card-request", run_card_request },
	{ "card-certificate", run_card_certificate },
	{ "collect", opterm_collect },
};

int main(int argc, char **argv)
{
	struct opterm_options o = { 0 };
	struct fail f = { 0 };
	int status = 0;
	enum err e = fail_set(&f, ERR_USAGE, 0, "see opterm --help");
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		f = (struct fail){ 0 };
		if ((e = secure_process(&f)) == ERR_OK && (e = read_options(argc - 1, argv + 1, &o, &f)) == ERR_OK)
			e = commands[i].run(&o, &status, &f);
	}
	if (e == ERR_OK)
		return status;
	fprintf(stderr, "opterm: %s: %s\n", err_text(e), f.text);
	return e == ERR_USAGE ? 2 : 1;
}
