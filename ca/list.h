/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_LIST_H
#define CA_LIST_H

#include "open.h"

/* What is shown of the index. */
struct ca_list {
	const char *state; /* valid, expiring, expired, revoked; NULL: all */
	const char *role;  /* NULL: all */
	unsigned days;     /* expiring: within so many */
	bool json;
};
/*
 * ca_list: one row per certificate on stdout, in order of issue. ca_roots: one per root, with its key and the number
 * and end of its last revocation list. ERR_USAGE: no such state or role.
 */
enum err ca_list(const struct ca *ca, const struct ca_list *what, struct fail *f) MUST_CHECK;
enum err ca_roots(const struct ca *ca, bool json, struct fail *f) MUST_CHECK;
/* ca_get: the certificate of a serial number, as PEM, appended. */
enum err ca_get(const struct ca *ca, const char *serial, struct buf *ret_pem, struct fail *f) MUST_CHECK;
/* ca_serial_of: a serial number in hex (colons allowed) or the file of a certificate, as ca.db writes it. */
enum err ca_serial_of(const char *text, char ret[41], struct fail *f) MUST_CHECK;

#endif
