/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include <time.h>

#include "open.h"
#include "profile.h"

struct ca_order {
	const struct ca_profile *profile;
	const char *name;    /* common name, 1 to 64 printable ASCII characters */
	const char *san;     /* `DNS:host,IP:address`, or NULL */
	unsigned days;       /* 0: the profile's */
	time_t from, until;  /* 0: now, and by days; never after the root's end */
	EVP_PKEY *subject;   /* public key */
	const char *renews;  /* serial number of the certificate before this one, or NULL */
	const char *crl_url; /* distribution point, or NULL */
	bool same_key;       /* the key may have a certificate already: of the same role and name, not revoked */
};

/*
 * ca_build: a certificate over subject, signed by signer in the name of issuer (NULL: itself), and looked at again:
 * ERR_CONFIG when the signature is not the issuer's. Checks name, alternative names and the key (RSA 2048 to 4096 bits
 * with a sound exponent; EC P-256, P-384, P-521). Serial numbers are random, 16 bytes, positive.
 */
enum err ca_build(const struct ca_order *o, X509 *issuer, EVP_PKEY *signer, X509 **ret, struct fail *f) MUST_CHECK;
/* ca_record: the row of a certificate, in the open transaction. serial: hex, of root or of it. */
enum err ca_record(const struct ca *ca, int64_t root, X509 *cert, const struct ca_order *o, struct fail *f) MUST_CHECK;
/* ca_serial: a certificate's serial number in hex, as ca.db has it. */
enum err ca_serial(X509 *cert, char ret[41], struct fail *f) MUST_CHECK;

/*
 * ca_issue: signs with the newest root's key; the row is durable before the certificate is answered. ERR_REFUSED: the
 * key; it has a certificate already (see same_key).
 */
enum err ca_issue(const struct ca *ca, const struct ca_order *order, X509 **ret, struct fail *f) MUST_CHECK;

/* csr_load: the public key of a PEM certificate request whose own signature is good; nothing else in it counts. */
enum err csr_load(const char *path, EVP_PKEY **ret, struct fail *f) MUST_CHECK;
/*
 * request_load: the bare public key of a working certificate request: CMS SignedData over a SubjectPublicKeyInfo,
 * signed by an identity of role mtms of this CA that was not revoked (R1.1). ERR_REFUSED for any fault of signature,
 * chain or role.
 */
enum err request_load(const struct ca *ca, const char *path, EVP_PKEY **ret, struct fail *f) MUST_CHECK;

#endif
