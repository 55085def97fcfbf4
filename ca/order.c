/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

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

enum err order_issue(const struct order *o, struct fail *f)
{
	struct ca_order order = { .profile = o->role ? ca_profile_find(role_of_name(o->role)) : NULL,
				  .name = o->name,
				  .san = o->san,
				  .days = o->days };
	struct ca ca = { 0 };
	X509 *cert = NULL;
	bool fresh = false, saved;
	enum err e;

	if (!order.profile || order.profile->sources == CA_SOURCE_SELF)
		return fail_set(f, ERR_USAGE, 0, "unknown role %s", o->role ? o->role : "(give --role)");
	if (!o->name || !o->out)
		return fail_set(f, ERR_USAGE, 0, "give --name and --out");
	e = ca_open(o->dir, &ca, f);
	if (!e)
		e = subject_key(&ca, order.profile, o, &order.subject, &fresh, f);
	if (!e && fresh)
		e = key_save(o->key_out, order.subject, f);
	saved = !e && fresh;
	if (!e)
		e = ca_issue(&ca, &order, &cert, f);
	if (!e)
		e = certificate_save(o->out, cert, f);
	if (e && saved)
		unlink(o->key_out);
	X509_free(cert);
	EVP_PKEY_free(order.subject);
	ca_done(&ca);
	return e;
}
