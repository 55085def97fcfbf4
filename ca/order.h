/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ORDER_H
#define CA_ORDER_H

#include "err.h"

/* One certificate as it is asked for on the command line: what it is, where its key comes from, where it goes. */
struct order {
	const char *dir;      /* folder of the CA */
	const char *role;     /* name of a role */
	const char *name;     /* common name */
	const char *san;      /* `DNS:host,IP:address`, or NULL */
	const char *key_type; /* of a key made here; NULL: `ec` */
	unsigned days;        /* 0: the profile's */
	/* The source of the key: exactly one file name. */
	const char *csr;     /* certificate request */
	const char *key_out; /* to be made here and handed out in this file */
	const char *request; /* working certificate request, signed by the MTMS */
	const char *out;     /* the certificate's file */
};

/*
 * order_issue: ERR_USAGE: something is missing, a file that would be written is there; ERR_REFUSED: a source that the
 * role's row of the profile table does not name, a request or a key that is no good. Nothing new stands at out or
 * key_out then (R1.1, R2.3).
 */
enum err order_issue(const struct order *o, struct fail *f) MUST_CHECK;

#endif
