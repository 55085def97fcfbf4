/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_CMS_H
#define HOST_CMS_H

#include "identity.h"

/*
 * CMS SignedData (RFC 5652) with its content inside: batches signed by operator cards (R1.5, R1.6), working certificate
 * requests signed by the MTMS (R1.1).
 */
struct cms_signer {
	char name[128];  /* common name of the certificate */
	char serial[41]; /* its serial number, hex */
};

/*
 * cms_verify: exactly one signer, whose certificate stands in the CMS, chains to the roots, is valid at
 * time at (0: now) and has this role; SHA-256 or longer; content of type id-data, appended to ret_content.
 * ERR_MALFORMED: not DER of that form; ERR_REFUSED: signature, chain, role, algorithm, the reason in f; ERR_CONFIG: our
 * revocation list. Nothing is written on error.
 */
enum err cms_verify(X509_STORE *roots, enum role role, time_t at, struct view der, struct buf *ret_content,
		    struct cms_signer *ret, struct fail *f) MUST_CHECK;
/* cms_sign: DER, appended; with the identity's certificate inside, SHA-256. */
enum err cms_sign(const struct identity *signer, struct view content, struct buf *ret_der, struct fail *f) MUST_CHECK;

/* What stands in an HsmWCRT. Zero is empty. */
struct working_certificate {
	struct buf der;
	struct buf serial; /* the INTEGER's content, 1 to 20 bytes */
	struct buf spki;   /* SubjectPublicKeyInfo, DER */
};
/* working_certificate_load: a file, PEM or DER; chained to the roots, valid, of role hsm (R1.1). */
enum err working_certificate_load(const char *path, X509_STORE *roots, struct working_certificate *ret,
				  struct fail *f) MUST_CHECK;
void working_certificate_done(struct working_certificate *w);

#endif
