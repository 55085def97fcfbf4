/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "arguments.h"
#include "daemon.h"
#include "file.h"
#include "files.h"
#include "profile.h"
#include "revoke.h"

#define CRL_DAYS 7
#define EXPIRING_DAYS 30

static enum err run_init(struct arguments *a, struct fail *f)
{
	return ca_init(&a->init, f);
}

static enum err run_issue(struct arguments *a, struct fail *f)
{
	return order_issue(&a->order, f);
}

static enum err run_renew(struct arguments *a, struct fail *f)
{
	char serial[41];
	enum err e = ca_serial_of(a->serial, serial, f);

	return e ? e : order_renew(&a->order, serial, f);
}

static enum err run_revoke(struct arguments *a, struct fail *f)
{
	struct ca ca = { 0 };
	char serial[41];
	enum err e = ca_serial_of(a->serial, serial, f);

	if (!e)
		e = ca_open(a->order.dir, CA_READ, NULL, &ca, f);
	if (!e)
		e = ca_revoke(&ca, serial, a->reason, f);
	if (!e)
		printf("%s is revoked; `strongroom-ca crl` makes the list that says so\n", serial);
	ca_done(&ca);
	return e;
}

static enum err run_crl(struct arguments *a, struct fail *f)
{
	BUF_AUTO pem = { 0 };
	struct ca ca = { 0 };
	char path[4096];
	enum err e = ca_open(a->order.dir, CA_READ, a->order.pin_file, &ca, f);

	if (!e)
		e = ca_crl(&ca, a->order.until ? a->order.until : time(NULL) + (a->days ? a->days : CRL_DAYS) * 86400L,
			   &pem, f);
	if (!e)
		e = ca_path(a->order.dir, "crl.pem", path, f);
	if (!e)
		e = file_replace(path, 0644, buf_view(&pem), f);
	if (!e && a->order.out)
		e = file_replace(a->order.out, 0644, buf_view(&pem), f);
	ca_done(&ca);
	return e;
}

static enum err run_list(struct arguments *a, struct fail *f)
{
	struct ca ca = { 0 };
	enum err e = ca_open(a->order.dir, CA_READ, NULL, &ca, f);

	a->list.days = a->days ? a->days : EXPIRING_DAYS;
	if (!e)
		e = ca_list(&ca, &a->list, f);
	ca_done(&ca);
	return e;
}

static enum err run_roots(struct arguments *a, struct fail *f)
{
	struct ca ca = { 0 };
	enum err e = ca_open(a->order.dir, CA_READ, NULL, &ca, f);

	if (!e)
		e = ca_roots(&ca, a->list.json, f);
	ca_done(&ca);
	return e;
}

static enum err run_get(struct arguments *a, struct fail *f)
{
	BUF_AUTO pem = { 0 };
	struct ca ca = { 0 };
	char serial[41];
	enum err e = ca_serial_of(a->serial, serial, f);

	if (!e)
		e = ca_open(a->order.dir, CA_READ, NULL, &ca, f);
	if (!e)
		e = ca_get(&ca, serial, &pem, f);
	if (!e && a->order.out)
		e = file_create(a->order.out, 0644, buf_view(&pem), f);
	else if (!e && fwrite(pem.p, 1, pem.len, stdout) != pem.len)
		e = fail_set(f, ERR_IO, 0, "cannot write the certificate");
	ca_done(&ca);
	return e;
}

static enum err run_roles(struct arguments *a, struct fail *f)
{
	printf("%-9s %-16s %-7s %5s  %s\n", "ROLE", "KEY FROM", "TLS", "DAYS", "REQUIREMENT");
	for (size_t i = 0; i < ca_profiles_count; i++) {
		const struct ca_profile *p = &ca_profiles[i];
		char sources[32];

		snprintf(sources, sizeof(sources), "%s%s%s%s", p->sources & CA_SOURCE_SELF ? "init " : "",
			 p->sources & CA_SOURCE_CSR ? "csr " : "", p->sources & CA_SOURCE_NEW ? "key-out " : "",
			 p->sources & CA_SOURCE_REQUEST ? "request " : "");
		printf("%-9s %-16s %-7s %5u  %s\n", role_name(p->role), sources,
		       p->server ? "server"
		       : p->tls  ? "client"
				 : "none",
		       p->days, p->requirement);
	}
	return ERR_OK;
}

#define SIGN_OPTIONS "dir pin-file csr key-out key-type request out root days from until"

const struct ca_command ca_commands[] = {
	{ "init", NULL, "dir token pin-file key-type use-key next name crl-url days",
	  "make the root: its key pair in a token, its certificate",
	  "The key pair is made in the token and never leaves it. In the folder stand afterwards ca.db, root.pem "
	  "(HsmRCRT,\n"
	  "the newest root) and roots.pem (all roots, for the `ca` of services). With --next the CA gets its next "
	  "root,\n"
	  "which issues from then on, and certificates cross-N-by-M.pem of each root's key under the other.",
	  run_init },
	{ "issue", NULL, SIGN_OPTIONS " role name san", "issue a certificate",
	  "The key comes from one of --csr, --key-out and --request; `strongroom-ca roles` says from which for a role. "
	  "A\n"
	  "server's role needs --san. --days shortens the role's life.",
	  run_issue },
	{ "renew", "SERIAL|FILE", SIGN_OPTIONS " same-key", "issue the next certificate of a holder",
	  "Role, name and alternative names stay; the key is a new one, the root the newest. The certificate before "
	  "stays valid until its "
	  "end,\n"
	  "so that both serve while the new one is put in place. HsmWCRT may keep its key: --request with --same-key.",
	  run_renew },
	{ "revoke", "SERIAL|FILE", "dir reason", "take a certificate back",
	  "It stands in every list that `strongroom-ca crl` makes from now on. Reasons: unspecified, keyCompromise "
	  "(what it\n"
	  "signed before does not count either; so without a reason), affiliationChanged, superseded, "
	  "cessationOfOperation,\n"
	  "privilegeWithdrawn.",
	  run_revoke },
	{ "crl", NULL, "dir pin-file days until out", "make the revocation lists",
	  "One list per root that has not expired, PEM, in crl.pem of the folder and in --out, which are replaced at "
	  "once.\n"
	  "They hold for --days (7 without it), or --until a time: services refuse everybody when theirs has expired.",
	  run_crl },
	{ "list", NULL, "dir state role days json", "what was issued, and what became of it",
	  "State: valid, expiring (within --days, 30 without it), expired, revoked.", run_list },
	{ "roots", NULL, "dir json", "the roots, their keys and last revocation lists", "The newest one issues.",
	  run_roots },
	{ "get", "SERIAL|FILE", "dir out", "a certificate from the index, PEM",
	  "For a certificate that was signed but whose file was never written, or is lost.", run_get },
	{ "roles", NULL, "", "what a certificate of each role may be made from", "From the profile table.", run_roles },
};
const size_t ca_commands_count = ARRAY_LEN(ca_commands);

int main(int argc, char **argv)
{
	const struct ca_command *c = NULL;
	struct arguments a = { 0 };
	struct fail f = { 0 };
	BUF_AUTO help = { 0 };
	enum err e = secure_process(&f);

	umask(077);
	if (!e)
		e = arguments_parse(argc, argv, &a, &c, &f);
	if (!e && a.help) {
		arguments_help(c, &help);
		fwrite(help.p, 1, help.len, stdout);
	} else if (!e) {
		e = c->run(&a, &f);
	}
	if (e)
		fprintf(stderr, "strongroom-ca%s%s: %s\n", c ? " " : "", c ? c->name : "",
			f.text[0] ? f.text : err_text(e));
	if (e == ERR_USAGE && c)
		fprintf(stderr, "options: strongroom-ca %s --help\n", c->name);
	buf_done(&a.san);
	return e == ERR_USAGE ? 2 : e ? 1 : 0;
}
