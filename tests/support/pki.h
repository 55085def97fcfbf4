/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H

#include "identity.h"

/*
 * Certificates for tests, also the wrong ones that no CA should make. Any failure aborts.
 *
 * roots: "root" is P-256, self-signed, written as <dir>/<name>.pem.
 */
struct pki {
	EVP_PKEY *key;
	X509 *cert;
	char dir[160];
	char root_pem[256];
};
void pki_init(struct pki *p, const char *dir, const char *name);
void pki_done(struct pki *p);

struct pki_cert {
	const char *name;      /* common name */
	const char *usages;    /* extendedKeyUsage, OpenSSL's notation; NULL: none */
	const char *key_usage; /* NULL: critical,digitalSignature */
	bool ca;
	bool local; /* subject alternative name IP:127.0.0.1, DNS:localhost */
	long from;  /* seconds from now, default 0 means one hour ago */
	long until; /* seconds from now, default 0 means one day ahead */
};
X509 *pki_issue(const struct pki *p, EVP_PKEY *public, const struct pki_cert *c);
/* pki_identity: P-256 key and certificate of a TLS role as <dir>/<name>.crt and <name>.key (0600). */
void pki_identity(const struct pki *p, enum role role, const char *name);
/* pki_der: DER, appended. pki_write: PEM file. */
void pki_der(X509 *x, struct buf *ret);
void pki_write(X509 *x, const char *path);

#endif
