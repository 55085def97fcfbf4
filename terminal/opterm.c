/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "card.h"
#include "collect.h"
#include "daemon.h"
#include "files.h"
#include "formats.h"
#include "upload.h"

#define CERTIFICATE_MAX ((size_t)16384)
#define COUNT_MAX 1000 /* docs/messages.md: terminals of one batch */

static const char usage[] =
    "opterm: the operation terminal of the production line\n"
    "\n"
    "  opterm card-init --card URI --pin-file F --name NAME --request OUT.pem\n"
    "      makes the operator's key pair in the card; writes a certification request\n"
    "  opterm card-certificate --card URI --pin-file F --certificate IN.pem\n"
    "      keeps the certificate that the CA made in the card\n"
    "  opterm collect --order O --listen HOST:PORT --count N --spool DIR --card URI --pin-file F\n"
    "                 --mtms https://HOST:PORT --cert F --key-file F --ca F [--crl F]\n"
    "                 [--suite 1|2] [--handshake 1|2] [--hash sha1|sha256|sha384|sha512]\n"
    "                 [--key-type tdes16|tdes24|aes16|aes24|aes32] [--wait SECONDS]\n"
    "      collects TKs of N terminals, signs them with the card, uploads them to the MTMS\n"
    "\n"
    "  --module PATH   PKCS#11 module of the card (default: p11-kit's proxy, all configured modules)\n"
    "\n"
    "Exit status: 0 acknowledged by the MTMS, 3 acknowledged but terminals were refused, 1 failed, 2 wrong usage.\n";

static const struct {
	const char *name;
	uint8_t number;
} hashes[] = {
	{ "sha1", FORMAT_HASH_SHA1 },
	{ "sha256", FORMAT_HASH_SHA256 },
	{ "sha384", FORMAT_HASH_SHA384 },
	{ "sha512", FORMAT_HASH_SHA512 },
};

static const struct {
	const char *name;
	uint8_t type;
	uint8_t length;
} keys[] = {
	{ "tdes16", FORMAT_KEY_TDES, 16 }, { "tdes24", FORMAT_KEY_TDES, 24 }, { "aes16", FORMAT_KEY_AES, 16 },
	{ "aes24", FORMAT_KEY_AES, 24 },   { "aes32", FORMAT_KEY_AES, 32 },
};

/* The command line; all of main's. */
struct options {
	const char *order, *listen, *count, *spool, *card, *pin_file, *mtms, *cert, *key_file, *ca, *crl;
	const char *suite, *handshake, *hash, *key, *wait, *module, *name, *request, *certificate;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static enum err read_options(int argc, char **argv, struct options *o, struct fail *f)
{
	const struct {
		const char *name;
		const char **to;
	} table[] = {
		{ "order", &o->order },
		{ "listen", &o->listen },
		{ "count", &o->count },
		{ "spool", &o->spool },
		{ "card", &o->card },
		{ "pin-file", &o->pin_file },
		{ "mtms", &o->mtms },
		{ "cert", &o->cert },
		{ "key-file", &o->key_file },
		{ "ca", &o->ca },
		{ "crl", &o->crl },
		{ "suite", &o->suite },
		{ "handshake", &o->handshake },
		{ "hash", &o->hash },
		{ "key-type", &o->key },
		{ "wait", &o->wait },
		{ "module", &o->module },
		{ "name", &o->name },
		{ "request", &o->request },
		{ "certificate", &o->certificate },
	};
	struct option longs[ARRAY_LEN(table) + 1] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		longs[i] = (struct option){ table[i].name, required_argument, NULL, (int)i + 1 };
	int c;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c < 1 || (size_t)c > ARRAY_LEN(table))
			return fail_set(f, ERR_USAGE, 0, "see opterm --help");
		*table[c - 1].to = optarg;
	}
	if (optind != argc)
		return fail_set(f, ERR_USAGE, 0, "what is '%s'?", argv[optind]);
	return ERR_OK;
}

static enum err need(const char *value, const char *name, struct fail *f)
{
	return value != NULL ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--%s is missing", name);
}

static enum err number(const char *text, unsigned long min, unsigned long max, const char *name, unsigned long *ret,
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

static enum err card_needs(const struct options *o, struct card **ret, struct fail *f)
{
	enum err e = need(o->card, "card", f);
	if (e == ERR_OK)
		e = need(o->pin_file, "pin-file", f);
	return e == ERR_OK ? card_open(o->module, o->card, o->pin_file, ret, f) : e;
}

static enum err run_card_init(const struct options *o, int *ret_status, struct fail *f)
{
	struct card *card = NULL;
	BUF_AUTO pem = { 0 };
	enum err e = need(o->name, "name", f);
	if (e == ERR_OK)
		e = need(o->request, "request", f);
	if (e == ERR_OK)
		e = card_needs(o, &card, f);
	if (e == ERR_OK)
		e = card_make_key(card, f);
	if (e == ERR_OK)
		e = card_request(card, o->name, &pem, f);
	if (e == ERR_OK)
		e = file_write(o->request, 0644, buf_view(&pem), f);
	card_free(card);
	return e;
}

static enum err run_card_certificate(const struct options *o, int *ret_status, struct fail *f)
{
	struct card *card = NULL;
	BUF_AUTO pem = { 0 };
	enum err e = need(o->certificate, "certificate", f);
	if (e == ERR_OK)
		e = card_needs(o, &card, f);
	if (e == ERR_OK)
		e = file_read(o->certificate, CERTIFICATE_MAX, &pem, f);
	if (e == ERR_OK)
		e = card_store_certificate(card, buf_view(&pem), f);
	card_free(card);
	return e;
}

static enum err read_request(const struct options *o, struct collect_in *in, struct fail *f)
{
	unsigned long count = 0, suite = FORMAT_SUITE_AES, handshake = FORMAT_HANDSHAKE_V2, wait = 0;
	enum err e;
	if ((e = need(o->count, "count", f)) != ERR_OK ||
	    (e = number(o->count, 1, COUNT_MAX, "count", &count, f)) != ERR_OK ||
	    (e = number(o->suite, 1, 2, "suite", &suite, f)) != ERR_OK ||
	    (e = number(o->handshake, 1, 2, "handshake", &handshake, f)) != ERR_OK ||
	    (e = number(o->wait, 1, 1000000, "wait", &wait, f)) != ERR_OK)
		return e;
	const char *hash = o->hash != NULL ? o->hash : "sha256";
	const char *key = o->key != NULL ? o->key : suite == FORMAT_SUITE_TDES ? "tdes24" : "aes32";
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcmp(hash, hashes[i].name) == 0)
			in->oaep_hash = hashes[i].number;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i].name) == 0) {
			in->key_type = keys[i].type;
			in->key_length = keys[i].length;
		}
	if (in->oaep_hash == 0)
		return fail_set(f, ERR_USAGE, 0, "--hash: sha1, sha256, sha384 or sha512");
	if (in->key_type == 0 || (suite == FORMAT_SUITE_TDES && in->key_type != FORMAT_KEY_TDES))
		return fail_set(f, ERR_USAGE, 0, "--key-type: tdes16, tdes24, or with suite 2 aes16, aes24, aes32");
	in->suite = (uint8_t)suite;
	in->handshake = (uint8_t)handshake;
	in->count = count;
	in->wait_s = (unsigned)wait;
	return ERR_OK;
}

static size_t wanted;

static void on_progress(void *arg, const char *serial, size_t collected, const struct fail *f)
{
	if (f->code == ERR_OK)
		printf("collected %zu of %zu: %s\n", collected, wanted, serial);
	else
		printf("failed %s: %s: %s\n", serial, err_text(f->code), f->text);
	fflush(stdout);
}

static void on_refusal(struct view serial, struct view reason)
{
	printf("refused by the MTMS: %.*s: %.*s\n", (int)serial.n, (const char *)serial.p, (int)reason.n,
	       (const char *)reason.p);
}

/* Terminals are let in only here: the card is open, its PIN was verified, HsmWCRT holds. */
static enum err collect_terminals(const struct options *o, struct collect_in *in, struct fail *f)
{
	char address[300];
	enum err e = address_listen(o->listen, &in->listen_fd, address, f);
	if (e != ERR_OK)
		return e;
	printf("ready opterm terminals=%s\n", address);
	fflush(stdout);
	e = collect(in, f);
	close(in->listen_fd);
	return e;
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal };
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
}

/* What an earlier run left closed and unacknowledged goes first; its terminals count. */
static enum err collect_and_upload(const struct options *o, struct card *card, struct upload *u, struct collect_in *in,
				   struct upload_result *total, struct fail *f)
{
	struct upload_result before = { 0 }, now = { 0 };
	struct timespec t0, t1;
	size_t open = spool_open_count(in->spool);
	enum err e = upload_batches(u, in->spool, card, o->order, on_refusal, &before, f);
	if (e != ERR_OK)
		return e;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	if (before.batches == 0 || open < in->count) {
		in->count -= open - spool_open_count(in->spool);
		e = collect_terminals(o, in, f);
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	struct fail later = { 0 };
	enum err e2 = spool_close_batch(in->spool, &later);
	if (e2 == ERR_OK)
		e2 = upload_batches(u, in->spool, card, o->order, on_refusal, &now, &later);
	total->batches = before.batches + now.batches;
	total->accepted = before.accepted + now.accepted;
	total->refused = before.refused + now.refused;
	printf("collected in %.1f s, uploaded %zu batches: %" PRIu64 " accepted, %" PRIu64 " refused\n",
	       (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9, total->batches,
	       total->accepted, total->refused);
	if (e != ERR_OK)
		return e;
	return e2 == ERR_OK ? ERR_OK : fail_set(f, e2, later.rv, "%s", later.text);
}

static enum err run_collect(const struct options *o, int *ret_status, struct fail *f)
{
	struct collect_in in = { .listen_fd = -1, .stop = &stop, .progress = on_progress };
	struct upload upload = { 0 };
	struct upload_result result = { 0 };
	struct card *card = NULL;
	char subject[256];
	BUF_AUTO der = { 0 };
	BUF_AUTO serial = { 0 };
	enum err e;
	if ((e = read_request(o, &in, f)) != ERR_OK || (e = need(o->order, "order", f)) != ERR_OK ||
	    (e = need(o->listen, "listen", f)) != ERR_OK || (e = need(o->spool, "spool", f)) != ERR_OK ||
	    (e = need(o->mtms, "mtms", f)) != ERR_OK || (e = need(o->cert, "cert", f)) != ERR_OK ||
	    (e = need(o->key_file, "key-file", f)) != ERR_OK || (e = need(o->ca, "ca", f)) != ERR_OK)
		return e;
	wanted = in.count;
	catch_signals();
	/* R1.5: nothing at all happens without the operator's PIN. */
	if ((e = card_needs(o, &card, f)) != ERR_OK || (e = card_check(card, subject, f)) != ERR_OK)
		goto out;
	printf("operator card: %s\n", subject);
	if ((e = upload_open(o->mtms, o->cert, o->key_file, o->ca, &upload, f)) != ERR_OK ||
	    (o->crl != NULL && (e = identity_crl(upload.identity->roots, o->crl, f)) != ERR_OK) ||
	    (e = upload_working_certificate(&upload, &der, &serial, f)) != ERR_OK ||
	    (e = spool_open(o->spool, o->order, &in.spool, f)) != ERR_OK)
		goto out;
	in.working_cert = buf_view(&der);
	in.cert_serial = buf_view(&serial);
	e = collect_and_upload(o, card, &upload, &in, &result, f);
	if (e == ERR_OK && result.refused > 0)
		*ret_status = 3;
out:
	spool_free(in.spool);
	upload_done(&upload);
	card_free(card);
	return e;
}

static const struct {
	const char *name;
	enum err (*run)(const struct options *o, int *ret_status, struct fail *f);
} commands[] = {
	{ "card-init", run_card_init },
	{ "card-certificate", run_card_certificate },
	{ "collect", run_collect },
};

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct fail f = { 0 };
	int status = 0;
	enum err e = fail_set(&f, ERR_USAGE, 0, "see opterm --help");
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
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
