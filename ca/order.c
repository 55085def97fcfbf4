/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "files.h"
#include "issue.h"
#include "order.h"

/* The key that the certificate is for; *ret_new: made here and still to be handed out. */
static enum err subject_key(const struct ca *ca, const struct ca_profile *p, const struct order *o, EVP_PKEY **ret,
			    bool *ret_new, struct fail *f)
{
	unsigned source = o->csr ? CA_SOURCE_CSR : o->key_out ? CA_SOURCE_NEW : o->request ? CA_SOURCE_REQUEST : 0;

	if (!source || !!o->csr + !!o->key_out + !!o->request != 1)
		return fail_set(f, ERR_USAGE, 0, "give one of --csr, --key-out, --request");
	if (!(p->sources & source))
		return fail_set(f, ERR_REFUSED, 0, "a certificate of role %s is not issued that way",
				role_name(p->role));
	*ret_new = source == CA_SOURCE_NEW;
	if (source == CA_SOURCE_CSR)
		return csr_load(o->csr, ret, f);
	if (source == CA_SOURCE_REQUEST)
		return request_load(ca, o->request, ret, f);
	return key_new(o->key_type ? o->key_type : "ec", ret, f);
}

/* place: what will be written must be able to stand there, before anything is signed. */
static enum err place(const struct order *o, struct fail *f)
{
	enum err e;

	if (!o->out)
		return fail_set(f, ERR_USAGE, 0, "--out is missing: the file for the certificate");
	e = file_absent(o->out, f);
	if (!e && o->key_out)
		e = file_absent(o->key_out, f);
	return e;
}

static enum err run_order(struct ca *ca, const struct order *o, struct ca_order *order, struct fail *f)
{
	X509 *cert = NULL;
	char serial[41] = "";
	bool fresh = false, saved;
	enum err e = place(o, f);

	if (!e && o->root && o->root != ca->number)
		e = ca_use_root(ca, o->root, f);
	if (!e)
		e = subject_key(ca, order->profile, o, &order->subject, &fresh, f);
	if (!e && fresh)
		e = key_save(o->key_out, order->subject, f);
	saved = !e && fresh;
	if (!e)
		e = ca_issue(ca, order, &cert, f);
	if (e && saved)
		unlink(o->key_out);
	if (!e)
		e = ca_serial(cert, serial, f);
	if (!e && (e = certificate_save(o->out, cert, NULL)))
		fail_set(f, e, 0, "%.100s cannot be written; `strongroom-ca get %s` has the certificate", o->out,
			 serial);
	X509_free(cert);
	EVP_PKEY_free(order->subject);
	return e;
}

enum err order_issue(const struct order *o, struct fail *f)
{
	struct ca_order order = { .profile = o->role ? ca_profile_find(role_of_name(o->role)) : NULL,
				  .name = o->name,
				  .san = o->san,
				  .days = o->days,
				  .from = o->from,
				  .until = o->until };
	struct ca ca = { 0 };
	enum err e;

	if (!order.profile || order.profile->sources == CA_SOURCE_SELF)
		return fail_set(f, ERR_USAGE, 0, "unknown role %s: `strongroom-ca roles` lists them",
				o->role ? o->role : "(--role is missing)");
	if (!o->name)
		return fail_set(f, ERR_USAGE, 0, "--name is missing: the common name");
	if (o->same_key)
		return fail_set(f, ERR_USAGE, 0, "--same-key is for renew");
	e = ca_open(o->dir, CA_SIGN, o->pin_file, &ca, f);
	if (!e)
		e = run_order(&ca, o, &order, f);
	ca_done(&ca);
	return e;
}

/* What the next certificate has from the one before. */
struct before {
	char role[16], name[65], san[1024];
};

static enum err read_before(const struct ca *ca, const char *serial, struct before *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e =
	    db_query(ca->db, &s, f, "SELECT role, name, coalesce(san, ''), revoked FROM certificate WHERE serial = ?",
		     "t", serial);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.64s: no certificate of this CA", serial);
	if (!e && !db_null(s, 3))
		e = fail_set(f, ERR_REFUSED, 0, "%.64s is revoked: it is not renewed; issue another one", serial);
	if (e)
		return e;
	snprintf(ret->role, sizeof(ret->role), "%s", db_text(s, 0));
	snprintf(ret->name, sizeof(ret->name), "%s", db_text(s, 1));
	if ((size_t)snprintf(ret->san, sizeof(ret->san), "%s", db_text(s, 2)) >= sizeof(ret->san))
		return fail_set(f, ERR_INTERNAL, 0, "alternative names too long");
	return ERR_OK;
}

enum err order_renew(const struct order *o, const char *serial, struct fail *f)
{
	struct before before;
	struct ca_order order;
	struct ca ca = { 0 };
	enum err e;

	if (o->role || o->name || o->san)
		return fail_set(f, ERR_USAGE, 0, "role and names stay those of the certificate that is renewed");
	e = ca_open(o->dir, CA_SIGN, o->pin_file, &ca, f);
	if (!e)
		e = read_before(&ca, serial, &before, f);
	if (!e) {
		order = (struct ca_order){ .profile = ca_profile_find(role_of_name(before.role)),
					   .name = before.name,
					   .san = before.san[0] ? before.san : NULL,
					   .days = o->days,
					   .from = o->from,
					   .until = o->until,
					   .renews = serial,
					   .same_key = o->same_key };
		if (!order.profile || order.profile->sources == CA_SOURCE_SELF)
			e = fail_set(f, ERR_USAGE, 0, "a root is renewed by init --next");
		else if (o->same_key && order.profile->role != ROLE_HSM)
			e = fail_set(f, ERR_REFUSED, 0, "--same-key: only role hsm keeps its key");
	}
	if (!e)
		e = run_order(&ca, o, &order, f);
	ca_done(&ca);
	return e;
}
