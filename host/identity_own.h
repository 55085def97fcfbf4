/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_IDENTITY_OWN_H
#define HOST_IDENTITY_OWN_H

#include "identity.h"

/* Inside of identity*.c only. */

/* identity_crl_used: were these roots given a revocation list? */
bool identity_crl_used(X509_STORE *roots);
/*
 * identity_check_revoked: as of today's list, for a signature that was here at time at already: a certificate revoked
 * after that still stands for it, unless the reason is a key that may be known, or none is given.
 */
enum err identity_check_revoked(X509_STORE *roots, STACK_OF(X509) * chain, X509 *cert, time_t at, int depth,
				struct fail *f) MUST_CHECK;

/*
 * identity_crl_seen: this list of root against the highest number in crl_seen, which becomes its own when that is
 * higher. ERR_CONFIG: it is lower, or none where there was one.
 */
enum err identity_crl_seen(struct db *db, const char *path, X509 *root, X509_CRL *crl, struct fail *f) MUST_CHECK;

/*
 * identity_verify_err: ERR_REFUSED, or ERR_CONFIG where our revocation list is what is wrong: after
 * identity_verify_text, which looks at it once more.
 */
enum err identity_verify_err(X509_STORE *roots, long error);

#endif
