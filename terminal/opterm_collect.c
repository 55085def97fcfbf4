/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect.h"
#include "daemon.h"
#include "opterm.h"
#include "scan.h"
#include "show.h"
#include "upload.h"

#define COUNT_MAX 1000000
#define RETRY_PAUSE_MS 500
#define RETRY_PAUSE_MAX_MS 10000

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

/* One run of the command. */
struct run {
	const struct opterm_options *o;
	struct collect_in in;
	struct card *card;
	struct upload upload;
	struct upload_result total;
	unsigned long count;
	unsigned long batch_max;
	unsigned long retry_s;
	double seconds;
	struct buf operator_cert;
	struct buf working_cert;
	struct buf cert_serial;
};

static volatile sig_atomic_t stop;
/* Lives until the process ends: the thread of the barcode reader may wait in a read for ever. */
static struct lot *lot;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal };
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
}

static enum err read_numbers(struct run *r, unsigned long *ret_handshake, unsigned long *ret_suite, struct fail *f)
{
	const struct opterm_options *o = r->o;
	unsigned long wait = 0;
	enum err e;
	r->batch_max = SPOOL_BATCH_MAX;
	r->retry_s = 60;
	*ret_handshake = FORMAT_HANDSHAKE_V2;
	if ((e = opterm_number(o->count, 1, COUNT_MAX, "count", &r->count, f)) != ERR_OK ||
	    (e = opterm_number(o->batch, 1, SPOOL_BATCH_MAX, "batch", &r->batch_max, f)) != ERR_OK ||
	    (e = opterm_number(o->retry, 0, 1000000, "retry", &r->retry_s, f)) != ERR_OK ||
	    (e = opterm_number(o->suite, 1, FORMAT_SUITE_MAX, "suite", ret_suite, f)) != ERR_OK ||
	    (e = opterm_number(o->handshake, 1, 2, "handshake", ret_handshake, f)) != ERR_OK ||
	    (e = opterm_number(o->wait, 1, 1000000, "wait", &wait, f)) != ERR_OK)
		return e;
	r->in.wait_s = (unsigned)wait;
	return ERR_OK;
}

/* What the terminals are asked for; suite: of the command line, 0 without one. */
static enum err read_request(struct run *r, unsigned long suite, unsigned long handshake, struct fail *f)
{
	const char *hash = r->o->hash != NULL ? r->o->hash : "sha256";
	const char *key = r->o->key != NULL ? r->o->key : r->in.suite == FORMAT_SUITE_TDES ? "tdes24" : "aes32";
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcmp(hash, hashes[i].name) == 0)
			r->in.oaep_hash = hashes[i].number;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i].name) == 0) {
			r->in.key_type = keys[i].type;
			r->in.key_length = keys[i].length;
		}
	if (suite != 0 && suite != r->in.suite)
		return fail_set(f, ERR_USAGE, 0, "--suite %lu: the order's customer has suite %u", suite, r->in.suite);
	if (r->in.oaep_hash == 0)
		return fail_set(f, ERR_USAGE, 0, "--hash: sha1, sha256, sha384 or sha512");
	if (r->in.key_type == 0 || (r->in.suite == FORMAT_SUITE_TDES && r->in.key_type != FORMAT_KEY_TDES))
		return fail_set(f, ERR_USAGE, 0,
				"--key-type: tdes16, tdes24, or with suites 2 and 3 aes16, aes24, aes32");
	r->in.handshake = (uint8_t)handshake;
	return ERR_OK;
}

static void on_progress(void *arg, const char *serial, size_t collected, bool known, const struct fail *f)
{
	char text[400];
	snprintf(text, sizeof(text), "%s: %s", err_text(f->code), f->text);
	if (f->code != ERR_OK)
		show_line("failed", serial, text, true);
	else if (known)
		show_line("known", serial, "the MTMS has its TK", true);
	else
		show_progress(collected, lot_goal(lot), serial);
	if (f->code != ERR_OK || known)
		lot_set(lot, view_of_string(serial), known ? LOT_KNOWN : LOT_FAILED, f->text);
}

static void on_refusal(void *arg, struct view serial, struct view reason)
{
	lot_set(lot, serial, LOT_REFUSED, (const char *)reason.p);
	show_line("refused by the MTMS:", (const char *)serial.p, (const char *)reason.p, true);
}

static void on_open(void *arg, struct view serial, uint64_t counter)
{
	lot_collected(lot, serial, counter);
}

static bool still_open(void *arg, struct view serial)
{
	uint64_t counter = 0;
	bool open = false;
	return spool_find(arg, serial, &counter, &open) && open;
}

/* The MTMS may be away for a while: what is signed waits in the spool and is sent again. */
static enum err upload_all(struct run *r, struct fail *f)
{
	int64_t end = (int64_t)time(NULL) + (int64_t)r->retry_s;
	int pause = RETRY_PAUSE_MS;
	for (;;) {
		struct upload_result done = { 0 };
		struct fail why = { 0 };
		enum err e = upload_batches(&r->upload, r->in.spool, r->card, r->o->order, on_refusal, r, &done, &why);
		r->total.batches += done.batches;
		r->total.accepted += done.accepted;
		r->total.refused += done.refused;
		lot_accept(lot, still_open, r->in.spool);
		if (e != ERR_PEER && e != ERR_TIMEOUT && e != ERR_BUSY && e != ERR_INTERNAL) {
			if (e != ERR_OK)
				*f = why;
			return e;
		}
		if (stop || time(NULL) >= end) {
			*f = why;
			return e;
		}
		show_line("waiting", NULL, why.text, true);
		poll(NULL, 0, pause);
		pause = 2 * pause > RETRY_PAUSE_MAX_MS ? RETRY_PAUSE_MAX_MS : 2 * pause;
	}
}

static enum err connect_mtms(struct run *r, struct fail *f)
{
	const struct opterm_options *o = r->o;
	enum err e = upload_open(o->mtms, o->cert, o->key_file, o->ca, &r->upload, f);
	return e == ERR_OK && o->crl != NULL ? identity_crl(r->upload.identity->roots, o->crl, f) : e;
}

/* Terminals are let in only here: the card is open, its PIN was verified, HsmWCRT and the permission hold. */
static enum err collect_terminals(struct run *r, struct fail *f)
{
	struct timespec t0, t1;
	char address[300];
	enum err e = address_listen(r->o->listen, &r->in.listen_fd, address, f);
	if (e != ERR_OK)
		return e;
	show_ready(address);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	if (r->o->scan != NULL)
		e = scan_start(lot, r->o->scan, f);
	if (e == ERR_OK)
		e = collect(&r->in, f);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	r->seconds = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	close(r->in.listen_fd);
	return e;
}

/*
 * What an earlier run left closed and unacknowledged goes first; its terminals count. An error of the collecting does
 * not keep back what was collected.
 */
static enum err collect_and_upload(struct run *r, struct fail *f)
{
	struct fail later = { 0 };
	size_t before = spool_open_count(r->in.spool);
	enum err e = upload_all(r, f), e2;
	if (e != ERR_OK)
		return e;
	size_t sent = before - spool_open_count(r->in.spool);
	if (r->count > sent || r->count == 0) {
		lot_limit(lot, r->count - (r->count ? sent : 0));
		e = collect_terminals(r, f);
	}
	e2 = spool_close_batch(r->in.spool, &later);
	if (e2 == ERR_OK)
		e2 = upload_all(r, &later);
	struct show_end end = { r->seconds, r->total.batches, r->total.accepted, r->total.refused,
				r->count == 0 && r->o->scan == NULL };
	show_summary(lot, &end);
	if (e != ERR_OK)
		return e;
	return e2 == ERR_OK ? ERR_OK : fail_set(f, e2, later.rv, "%s", later.text);
}

static enum err check_options(const struct opterm_options *o, struct fail *f)
{
	const struct {
		const char *value, *name;
	} needed[] = {
		{ o->order, "order" }, { o->listen, "listen" }, { o->spool, "spool" },       { o->mtms, "mtms" },
		{ o->cert, "cert" },   { o->ca, "ca" },         { o->key_file, "key-file" },
	};
	enum err e = ERR_OK;
	for (size_t i = 0; i < ARRAY_LEN(needed) && e == ERR_OK; i++)
		e = opterm_need(needed[i].value, needed[i].name, f);
	return e;
}

/* R1.5: nothing at all happens without a verified operator card: its PIN, its certificate. */
static enum err verify_operator(struct run *r, struct fail *f)
{
	char name[128];
	X509_STORE *roots = NULL;
	enum err e = opterm_card(r->o, &r->card, f);
	if (e == ERR_OK)
		e = identity_roots(r->o->ca, &roots, f);
	if (e == ERR_OK && r->o->crl != NULL)
		e = identity_crl(roots, r->o->crl, f);
	if (e == ERR_OK)
		e = card_check(r->card, roots, name, f);
	if (e == ERR_OK)
		e = card_certificate(r->card, &r->operator_cert, f);
	if (e == ERR_OK)
		show_line("operator card:", name, NULL, false);
	X509_STORE_free(roots);
	return e;
}

static enum err fetch_order(struct run *r, struct fail *f)
{
	struct fail why = { 0 };
	lot = lot_new();
	if (lot == NULL)
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	r->in.lot = lot;
	enum err e = upload_order(&r->upload, r->o->order, buf_view(&r->operator_cert), lot, &r->in.suite, &why);
	if (e == ERR_REFUSED)
		return fail_set(f, e, 0,
				"order %s: unknown or closed, or this operator has no permission at this operation "
				"terminal (%s; the audit table of the MTMS says which)",
				r->o->order, why.text);
	if (e != ERR_OK)
		*f = why;
	return e;
}

enum err opterm_collect(const struct opterm_options *o, int *ret_status, struct fail *f)
{
	struct run r = { .o = o, .in = { .listen_fd = -1, .stop = &stop, .progress = on_progress } };
	unsigned long handshake = 0, suite = 0;
	enum err e;
	show_open(o->json != NULL ? SHOW_JSON : isatty(STDOUT_FILENO) && o->plain == NULL ? SHOW_BAR : SHOW_LINES);
	if ((e = check_options(o, f)) != ERR_OK || (e = read_numbers(&r, &handshake, &suite, f)) != ERR_OK)
		return e;
	catch_signals();
	if ((e = verify_operator(&r, f)) != ERR_OK || (e = connect_mtms(&r, f)) != ERR_OK ||
	    (e = fetch_order(&r, f)) != ERR_OK || (e = read_request(&r, suite, handshake, f)) != ERR_OK ||
	    (e = upload_working_certificate(&r.upload, &r.working_cert, &r.cert_serial, f)) != ERR_OK ||
	    (e = spool_open(o->spool, o->order, &r.in.spool, f)) != ERR_OK)
		goto out;
	spool_batch_max(r.in.spool, r.batch_max);
	spool_each(r.in.spool, on_open, NULL);
	if (o->again != NULL)
		lot_again(lot);
	if (o->hash == NULL)
		r.in.oaep_hash = r.upload.oaep_hash;
	r.in.working_cert = buf_view(&r.working_cert);
	r.in.cert_serial = buf_view(&r.cert_serial);
	e = collect_and_upload(&r, f);
	if (e == ERR_OK && r.total.refused > 0)
		*ret_status = 3;
out:
	spool_free(r.in.spool);
	upload_done(&r.upload);
	card_free(r.card);
	buf_done(&r.operator_cert);
	buf_done(&r.working_cert);
	buf_done(&r.cert_serial);
	return e;
}
