/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ORDER_H
#define CA_ORDER_H

#include <time.h>

#include "err.h"

/* One certificate as it is asked for on the command line: what it is, where its key comes from, where it goes. */
struct order {
	const char *dir;      /* folder of the CA */
	const char *pin_file; /* of the root's token; NULL: pin-source of its URI */
	const char *role;     /* name of a role */
	const char *name;     /* common name */
	const char *san;      /* `DNS:host,IP:address`, or NULL */
	const char *key_type; /* of a key made here; NULL: `ec` */
	unsigned days;        /* 0: the profile's */
	unsigned root;        /* number of the root that issues; 0: the newest */
	time_t from, until;   /* 0: now, and by days */
	/* The source of the key: exactly one file name. */
	const char *csr;     /* certificate request */
	const char *key_out; /* to be made here and handed out in this file */
	const char *request; /* working certificate request, signed by the MTMS */
	const char *out;     /* the certificate's file */
	bool same_key;       /* renewal of role hsm: the key may be that of the certificate before */
};

/*
 * order_issue: ERR_USAGE: something is missing, a file that would be written is there; ERR_REFUSED: a source that the
 * role's row of the profile table does not name, a request or a key that is no good. Nothing new stands at out or
 * key_out then (R1.1, R2.3).
 * order_renew: the same role, name and alternative names as certificate `serial`, which is not revoked; its own life
 * goes on, so that both are valid for a while. role, name and san of the order must be NULL. A new key, but with
 * same_key.
 */
enum err order_issue(const struct order *o, struct fail *f) MUST_CHECK;
enum err order_renew(const struct order *o, const char *serial, struct fail *f) MUST_CHECK;

#endif
