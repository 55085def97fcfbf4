/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_REVOKE_H
#define CA_REVOKE_H

#include <time.h>

#include "open.h"

/* Reasons of RFC 5280 5.3.1 that this CA gives. */
struct ca_reason {
	const char *name;
	int code;
	const char *help;
};
extern const struct ca_reason ca_reasons[];
extern const size_t ca_reasons_count;

/*
 * ca_revoke: from now on certificate `serial` stands in the lists. ERR_NOT_FOUND: not one of this CA; ERR_DUPLICATE:
 * revoked before; ERR_USAGE: reason; ERR_REFUSED: the newest root.
 */
enum err ca_revoke(const struct ca *ca, const char *serial, const char *reason, struct fail *f) MUST_CHECK;
/*
 * ca_crl: one list for each root that has not expired, signed by its key, the newest root's first; PEM, appended. They
 * hold until then. Their numbers are durable before they are answered.
 */
enum err ca_crl(const struct ca *ca, time_t until, struct buf *ret_pem, struct fail *f) MUST_CHECK;

#endif
