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

/* The highest CRL number of each root that was seen, as the table crl_seen has it. A zero struct knows none. */
struct crl_number {
	char issuer[65]; /* SHA-256 of the root's key, hex */
	char name[IDENTITY_NAME];
	char number[41]; /* hex, of a fixed length */
};
struct crl_numbers {
	struct crl_number *row;
	size_t count;
	bool fresh; /* one became higher: to be written */
};
void crl_numbers_done(struct crl_numbers *n);
/* crl_numbers_read: those of the table, over what is there. crl_numbers_write: into it, where they are higher. */
enum err crl_numbers_read(struct db *db, struct crl_numbers *n, struct fail *f) MUST_CHECK;
enum err crl_numbers_write(struct db *db, const struct crl_numbers *n, struct fail *f) MUST_CHECK;
/*
 * crl_numbers_take: this list of root against its number, which becomes the list's when that is higher. ERR_CONFIG: it
 * is lower, or none where there was one. crl_numbers_raise: what is higher in by; true: something was.
 */
enum err crl_numbers_take(struct crl_numbers *n, const char *path, X509 *root, X509_CRL *crl,
			  struct fail *f) MUST_CHECK;
enum err crl_numbers_copy(const struct crl_numbers *n, struct crl_numbers *ret, struct fail *f) MUST_CHECK;
bool crl_numbers_raise(struct crl_numbers *n, const struct crl_numbers *by);

/*
 * identity_verify_err: ERR_REFUSED, or ERR_CONFIG where our revocation list is what is wrong: after
 * identity_verify_text, which looks at it once more.
 */
enum err identity_verify_err(X509_STORE *roots, long error);

#endif
