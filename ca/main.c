/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <openssl/x509.h>

#include "files.h"
#include "issue.h"
#include "order.h"

struct options {
	struct order order;
	struct buf san; /* all --san, comma between, with final zero */
};

struct command {
	const char *name;
	const char *usage;
	enum err (*run)(const struct options *o, struct fail *f);
};

static enum err run_init(const struct options *o, struct fail *f)
{
	const struct order *order = &o->order;

	return ca_init(order->dir, order->key_type ? order->key_type : "ec", order->name ? order->name : "HsmRCRT",
		       order->days, f);
}

static enum err run_issue(const struct options *o, struct fail *f)
{
	struct order order = o->order;

	if (o->san.len)
		order.san = (const char *)o->san.p;
	return order_issue(&order, f);
}

static enum err run_list(const struct options *o, struct fail *f)
{
	BUF_AUTO text = { 0 };
	char path[4096];
	enum err e;

	snprintf(path, sizeof(path), "%s/index.txt", o->order.dir);
	e = files_read(path, &text, f);
	if (!e && fwrite(text.p, 1, text.len, stdout) != text.len)
		e = fail_set(f, ERR_IO, 0, "cannot write the list");
	return e;
}

static enum err run_roles(const struct options *o, struct fail *f)
{
	for (size_t i = 0; i < ca_profiles_count; i++) {
		const struct ca_profile *p = &ca_profiles[i];

		printf("%-9s %s%s%s%s days %u %s\n", role_name(p->role), p->sources & CA_SOURCE_CSR ? "csr " : "",
		       p->sources & CA_SOURCE_NEW ? "key-out " : "", p->sources & CA_SOURCE_REQUEST ? "request " : "",
		       p->server ? "server"
		       : p->tls  ? "client"
				 : "no TLS",
		       p->days, p->requirement);
	}
	return ERR_OK;
}

static const struct command commands[] = {
	{ "init", "--dir D [--key-type ec|rsa] [--name HsmRCRT] [--days N]: make the root", run_init },
	{ "issue",
	  "--dir D --role R --name N --out CERT [--san DNS:host]... [--days N] and one of\n"
	  "        --csr FILE        a certificate request signed by the key\n"
	  "        --key-out FILE    make an EC key (--key-type rsa: RSA) and hand it out, mode 0600\n"
	  "        --request FILE    role hsm: a public key in a CMS request signed by the MTMS",
	  run_issue },
	{ "list", "--dir D: what was issued: serial number, role, end of validity, SHA-256, name", run_list },
	{ "roles", "what a certificate of each role may be made from", run_roles },
};

static enum err usage(struct fail *f)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(stderr, "strongroom-ca %s %s\n", commands[i].name, commands[i].usage);
	return fail_set(f, ERR_USAGE, 0, "wrong usage");
}

static bool number(const char *s, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*end || end == s || !n || n > 36500)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool option(int c, struct options *o)
{
	switch (c) {
	case 'd':
		o->order.dir = optarg;
		return true;
	case 'r':
		o->order.role = optarg;
		return true;
	case 'n':
		o->order.name = optarg;
		return true;
	case 't':
		o->order.key_type = optarg;
		return true;
	case 'c':
		o->order.csr = optarg;
		return true;
	case 'k':
		o->order.key_out = optarg;
		return true;
	case 'q':
		o->order.request = optarg;
		return true;
	case 'o':
		o->order.out = optarg;
		return true;
	case 'y':
		return number(optarg, &o->order.days);
	case 's':
		if (o->san.len) /* replace the final zero of the text before */
			o->san.p[o->san.len - 1] = ',';
		buf_put(&o->san, optarg, strlen(optarg) + 1);
		return buf_ok(&o->san);
	default:
		return false;
	}
}

static enum err run(int argc, char **argv, struct options *o, struct fail *f)
{
	static const struct option names[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "role", required_argument, NULL, 'r' },
		{ "name", required_argument, NULL, 'n' },
		{ "key-type", required_argument, NULL, 't' },
		{ "csr", required_argument, NULL, 'c' },
		{ "key-out", required_argument, NULL, 'k' },
		{ "request", required_argument, NULL, 'q' },
		{ "out", required_argument, NULL, 'o' },
		{ "days", required_argument, NULL, 'y' },
		{ "san", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!option(c, o))
			return usage(f);
	if (optind != argc - 1)
		return usage(f);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, argv[optind]))
			continue;
		if (!o->order.dir && commands[i].run != run_roles)
			return usage(f);
		return commands[i].run(o, f);
	}
	return usage(f);
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	struct options o = { 0 };
	struct fail f = { 0 };
	enum err e;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	e = run(argc, argv, &o, &f);
	if (e)
		fprintf(stderr, "strongroom-ca: %s\n", f.text[0] ? f.text : err_text(e));
	buf_done(&o.san);
	return e ? 1 : 0;
}
