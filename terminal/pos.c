/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "device.h"
#include "frame_tls.h"
#include "pos_download.h"
#include "pos_factory.h"
#include "pos_signin.h"

#define CONNECT_TIMEOUT_MS 10000

static const char usage[] =
    "pos: a payment terminal whose secure module is a PKCS#11 token of its own\n"
    "\n"
    "  pos init --dir D --serial SN --root HsmRCRT.pem [--pinpad PN] [--module PATH] [--way any|vendor|standard]\n"
    "      makes the terminal: its secure module, random PINs, the burned-in root certificate\n"
    "  pos factory --dir D --connect HOST:PORT [--crl FILE]\n"
    "      lets an operation terminal collect a TK; --crl: the root's revocation list, without which no HsmWCRT is "
    "taken\n"
    "  pos make   init and factory in one process\n"
    "  pos download --dir D --connect HOST:PORT [--tls [--name NAME] [--crl FILE]]\n"
    "      loads the TMK from the KMS; --tls: below TLS, where the KMS shows a certificate of role kms under the\n"
    "      burned-in root that has this name (default: HOST)\n"
    "  pos sign-in --dir D --connect HOST:PORT [--tls [--name NAME] [--crl FILE]]\n"
    "      fresh working keys (PINKEY and MACKEY) from the KMS, under the TMK\n"
    "  pos tk --dir D [--json]\n"
    "      check values of the TK from the secure module, to compare with kmsd's\n"
    "  pos status --dir D [--json]\n"
    "      serial number, TK counter, check values of TMK and working keys from the secure module\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct options {
	const char *dir, *serial, *pin_pad, *root, *module, *way, *connect, *name, *crl;
	int json, tls;
};

static enum err read_options(int argc, char **argv, struct options *o, struct fail *f)
{
	const struct {
		const char *name;
		const char **to;
	} table[] = {
		{ "dir", &o->dir },         { "serial", &o->serial }, { "pinpad", &o->pin_pad },
		{ "root", &o->root },       { "module", &o->module }, { "way", &o->way },
		{ "connect", &o->connect }, { "name", &o->name },     { "crl", &o->crl },
	};
	struct option longs[ARRAY_LEN(table) + 3] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		longs[i] = (struct option){ table[i].name, required_argument, NULL, (int)i + 1 };
	longs[ARRAY_LEN(table)] = (struct option){ "json", no_argument, &o->json, 1 };
	longs[ARRAY_LEN(table) + 1] = (struct option){ "tls", no_argument, &o->tls, 1 };
	int c;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 0)
			continue;
		if ((size_t)c > ARRAY_LEN(table))
			return fail_set(f, ERR_USAGE, 0, "see pos --help");
		*table[c - 1].to = optarg;
	}
	if (optind != argc)
		return fail_set(f, ERR_USAGE, 0, "what is '%s'?", argv[optind]);
	return o->dir != NULL ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--dir is missing");
}

static enum err run_init(const struct options *o, struct fail *f)
{
	if (o->serial == NULL || o->root == NULL)
		return fail_set(f, ERR_USAGE, 0, "--serial or --root is missing");
	struct device_make make = {
		.dir = o->dir,
		.serial = o->serial,
		.pin_pad = o->pin_pad != NULL ? o->pin_pad : "",
		.root_file = o->root,
		.module = o->module,
		.way = o->way,
	};
	return device_init(&make, f);
}

static void print_check(const struct check_value *c)
{
	char hex[2 * FORMAT_CHECK + 1];
	hex_encode(VIEW(c->value, FORMAT_CHECK), hex);
	printf("%s (%s)", hex, c->method == FORMAT_CHECK_ECB ? "ECB" : "CMAC");
}

typedef enum err (*online)(const struct options *o, struct device *d, int fd, struct fail *f);

/* The secure module is open before the other side is called: it need not wait for a login. */
static enum err run_online(const struct options *o, online work, struct fail *f)
{
	struct device d = { .lock_fd = -1 };
	int fd = -1;
	if (o->connect == NULL)
		return fail_set(f, ERR_USAGE, 0, "--connect is missing");
	enum err e = device_open(o->dir, &d, f);
	d.crl_file = o->crl;
	if (e == ERR_OK)
		e = frame_connect(o->connect, CONNECT_TIMEOUT_MS, &fd, f);
	if (e == ERR_OK)
		e = work(o, &d, fd, f);
	if (fd >= 0)
		close(fd);
	device_done(&d);
	return e;
}

static enum err factory(const struct options *o, struct device *d, int fd, struct fail *f)
{
	enum err e = pos_factory(d, fd, f);
	if (e == ERR_OK)
		printf("%.*s: TK %" PRIu64 " collected\n", (int)d->serial_len, (const char *)d->serial,
		       d->state.current);
	return e;
}

/* The KMS's certificate must stand under the root that was burned in. */
static enum err tls_connect(const struct options *o, struct device *d, struct frame_stream *s, struct fail *f)
{
	struct frame_tls_options tls = { .server = ROLE_KMS, .name = o->name };
	char host[256], port[16];
	X509 *root = NULL;
	enum err e = address_split(o->connect, host, port, f);
	if (e == ERR_OK)
		e = identity_cert_parse(buf_view(&d->root), &root, f);
	if (e != ERR_OK)
		return e;
	tls.roots = X509_STORE_new();
	if (o->name == NULL)
		tls.name = host;
	if (tls.roots == NULL || X509_STORE_add_cert(tls.roots, root) != 1)
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	if (e == ERR_OK && o->crl != NULL)
		e = identity_crl(tls.roots, o->crl, f);
	if (e == ERR_OK)
		e = frame_tls_connect(s, &tls, CONNECT_TIMEOUT_MS, f);
	X509_STORE_free(tls.roots);
	X509_free(root);
	return e;
}

typedef enum err (*visit)(struct device *d, const struct frame_stream *s, struct fail *f);

/* A visit to the KMS, below TLS where asked for. */
static enum err visit_kms(const struct options *o, struct device *d, int fd, visit work, struct fail *f)
{
	struct frame_stream stream = { .fd = fd };
	enum err e = ERR_OK;
	if (o->name != NULL && !o->tls)
		return fail_set(f, ERR_USAGE, 0, "--name goes with --tls");
	if (o->tls)
		e = tls_connect(o, d, &stream, f);
	if (e == ERR_OK)
		e = work(d, &stream, f);
	frame_tls_free(stream.tls);
	return e;
}

static enum err visit_download(struct device *d, const struct frame_stream *s, struct fail *f)
{
	struct check_value check;
	enum err e = pos_download(d, s, &check, f);
	if (e != ERR_OK)
		return e;
	printf("%.*s: TMK loaded, check value ", (int)d->serial_len, (const char *)d->serial);
	print_check(&check);
	printf("\n");
	return ERR_OK;
}

static enum err visit_sign_in(struct device *d, const struct frame_stream *s, struct fail *f)
{
	struct check_value check[WK_KINDS];
	enum err e = pos_signin(d, s, check, f);
	if (e != ERR_OK)
		return e;
	printf("%.*s: working keys %" PRIu64 " in use, check values PINKEY ", (int)d->serial_len,
	       (const char *)d->serial, d->state.wk_generation);
	print_check(&check[WK_PINKEY]);
	printf(", MACKEY ");
	print_check(&check[WK_MACKEY]);
	printf("\n");
	return ERR_OK;
}

static enum err download(const struct options *o, struct device *d, int fd, struct fail *f)
{
	return visit_kms(o, d, fd, visit_download, f);
}

static enum err sign_in(const struct options *o, struct device *d, int fd, struct fail *f)
{
	return visit_kms(o, d, fd, visit_sign_in, f);
}

static enum err run_factory(const struct options *o, struct fail *f)
{
	return run_online(o, factory, f);
}

static enum err run_download(const struct options *o, struct fail *f)
{
	return run_online(o, download, f);
}

static enum err run_sign_in(const struct options *o, struct fail *f)
{
	return run_online(o, sign_in, f);
}

static enum err run_make(const struct options *o, struct fail *f)
{
	enum err e = o->connect != NULL ? run_init(o, f) : fail_set(f, ERR_USAGE, 0, "--connect is missing");
	return e == ERR_OK ? run_factory(o, f) : e;
}

/* Serial numbers are printable ASCII: quotation mark and backslash are all that JSON minds. */
static void print_json_text(const char *name, struct view v)
{
	printf("\"%s\": \"", name);
	for (size_t i = 0; i < v.n; i++)
		printf(v.p[i] == '"' || v.p[i] == '\\' ? "\\%c" : "%c", v.p[i]);
	printf("\", ");
}

/* What the secure module has, as far as it has it. */
struct shown {
	bool tmk, wk;
	struct check_value tmk_check, wk_check[WK_KINDS];
};

static const char *method_text(const struct check_value *c)
{
	return c->method == FORMAT_CHECK_ECB ? "ECB" : "CMAC";
}

static void print_json_check(const char *name, const struct check_value *c, bool there, const char *end)
{
	char hex[2 * FORMAT_CHECK + 1];
	hex_encode(VIEW(c->value, FORMAT_CHECK), hex);
	if (there)
		printf("\"%s\": \"%s\"%s", name, hex, end);
	else
		printf("\"%s\": null%s", name, end);
}

static void print_status_json(const struct device *d, const struct shown *w)
{
	static const char *const states[] = { "none", "waiting", "in use" };
	printf("{");
	print_json_text("serial", device_serial(d));
	print_json_text("pin_pad", device_pin_pad(d));
	printf("\"tk_made\": %" PRIu64 ", \"tk_current\": %" PRIu64 ", \"handshake\": %u, \"tmk_number\": %" PRIu64
	       ", ",
	       d->state.made, d->state.current, d->state.current_handshake, d->state.tmk);
	print_json_check("tmk_check", &w->tmk_check, w->tmk, ", ");
	if (w->tmk)
		printf("\"tmk_check_method\": \"%s\", ", method_text(&w->tmk_check));
	else
		printf("\"tmk_check_method\": null, ");
	printf("\"working_keys\": \"%s\", \"wk_generation\": %" PRIu64 ", ", states[d->state.wk_state],
	       w->wk ? d->state.wk_generation : 0);
	print_json_check("pinkey_check", &w->wk_check[WK_PINKEY], w->wk, ", ");
	print_json_check("mackey_check", &w->wk_check[WK_MACKEY], w->wk, "}\n");
}

static void print_line(const char *name, const struct check_value *c, bool there, const char *more)
{
	printf("%-22s ", name);
	if (there)
		print_check(c);
	printf("%s\n", there ? more : "none");
}

static void print_status(const struct device *d, const struct shown *w)
{
	struct view serial = device_serial(d), pin_pad = device_pin_pad(d);
	const char *more = d->state.wk_state == DEVICE_WK_WAITING ? ", not confirmed by the KMS: sign in again" : "";
	printf("POS serial number      %.*s\n", (int)serial.n, (const char *)serial.p);
	printf("PIN-pad serial number  %.*s\n", (int)pin_pad.n, (const char *)(pin_pad.n ? pin_pad.p : serial.p));
	printf("TK made                %" PRIu64 "\n", d->state.made);
	printf("TK in use              %" PRIu64 "\n", d->state.current);
	print_line("TMK", &w->tmk_check, w->tmk, "");
	print_line("PINKEY", &w->wk_check[WK_PINKEY], w->wk, more);
	print_line("MACKEY", &w->wk_check[WK_MACKEY], w->wk, more);
}

static enum err run_status(const struct options *o, struct fail *f)
{
	struct device d = { .lock_fd = -1 };
	struct shown w = { 0 };
	enum err e = device_open(o->dir, &d, f);
	if (e != ERR_OK)
		return e;
	w.tmk = d.state.tmk != 0;
	w.wk = d.state.wk_state != DEVICE_WK_NONE;
	if (w.tmk)
		e = device_tmk_check(&d, &w.tmk_check, f);
	for (enum wk_kind i = 0; e == ERR_OK && w.wk && i < WK_KINDS; i++)
		e = device_wk_check(&d, i, &w.wk_check[i], f);
	if (e == ERR_OK && o->json != 0)
		print_status_json(&d, &w);
	else if (e == ERR_OK)
		print_status(&d, &w);
	device_done(&d);
	return e;
}

static enum err print_tk(struct device *d, const char *what, uint64_t number, bool json, struct fail *f)
{
	struct check_value tek, auk;
	char tek_hex[2 * FORMAT_CHECK + 1], auk_hex[2 * FORMAT_CHECK + 1];
	enum err e = pos_tk_checks(d, number, &tek, &auk, f);
	if (e != ERR_OK)
		return e;
	hex_encode(VIEW(tek.value, FORMAT_CHECK), tek_hex);
	hex_encode(VIEW(auk.value, FORMAT_CHECK), auk_hex);
	if (json)
		printf("{\"state\": \"%s\", \"tk\": %" PRIu64 ", \"tek_check\": \"%s\", \"auk_check\": \"%s\"}\n", what,
		       number, tek_hex, auk_hex);
	else
		printf("TK %" PRIu64 " (%s): TEK %s, AUK %s\n", number, what, tek_hex, auk_hex);
	return ERR_OK;
}

/* The TK in use, and the one that waits to be collected; R2.5: to be held against those of the KMS. */
static enum err run_tk(const struct options *o, struct fail *f)
{
	struct device d = { .lock_fd = -1 };
	enum err e = device_open(o->dir, &d, f);
	if (e == ERR_OK && d.state.made == 0)
		e = fail_set(f, ERR_UNEXPECTED, 0, "this terminal has no TK yet");
	if (e == ERR_OK && d.state.current != 0)
		e = print_tk(&d, "in use", d.state.current, o->json != 0, f);
	if (e == ERR_OK && d.state.made != d.state.current)
		e = print_tk(&d, "waiting", d.state.made, o->json != 0, f);
	device_done(&d);
	return e;
}

static const struct {
	const char *name;
	enum err (*run)(const struct options *o, struct fail *f);
} commands[] = {
	{ "init", run_init },     { "factory", run_factory }, { "make", run_make },       { "download", run_download },
	{ "status", run_status }, { "tk", run_tk },           { "sign-in", run_sign_in },
};

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct fail f = { 0 };
	enum err e = fail_set(&f, ERR_USAGE, 0, "see pos --help");
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
			e = commands[i].run(&o, &f);
	}
	if (e == ERR_OK)
		return 0;
	fprintf(stderr, "pos: %s: %s\n", err_text(e), f.text);
	return e == ERR_USAGE ? 2 : 1;
}
