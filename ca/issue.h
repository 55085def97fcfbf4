/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include <openssl/x509.h>

#include "err.h"
#include "profile.h"

/*
 * struct ca: an open certification authority. Its folder holds root.pem (HsmRCRT), root.key (mode 0600), index.txt (one
 * line per certificate: serial number, role, end of validity, SHA-256, subject; tab between) and issued/<serial>.pem.
 */
struct ca {
	char folder[3072];
	X509 *root;
	EVP_PKEY *key;
};

/* ca_init: makes the folder, the root key (`ec` or `rsa`) and the self-signed root. Refuses a folder that holds a CA.
 */
enum err ca_init(const char *folder, const char *key_type, const char *name, unsigned days, struct fail *f) MUST_CHECK;
/* ca_open: ERR_IO, ERR_BAD_DATA; ERR_CONFIG when key and root do not belong together. */
enum err ca_open(const char *folder, struct ca *ret, struct fail *f) MUST_CHECK;
void ca_done(struct ca *ca);

struct ca_order {
	const struct ca_profile *profile;
	const char *name;  /* common name, 1 to 64 printable ASCII characters */
	const char *san;   /* `DNS:host,IP:address`, or NULL */
	unsigned days;     /* 0: the profile's */
	EVP_PKEY *subject; /* public key */
};

/*
 * ca_issue: checks the key (RSA 2048 to 4096 bits with a sound exponent; EC P-256, P-384, P-521), signs, writes index
 * and issued/ before it answers. Serial numbers are random, 16 bytes, positive. The life never passes the root's.
 */
enum err ca_issue(const struct ca *ca, const struct ca_order *order, X509 **ret, struct fail *f) MUST_CHECK;

/* csr_load: the public key of a PEM certificate request whose own signature is good; nothing else in it counts. */
enum err csr_load(const char *path, EVP_PKEY **ret, struct fail *f) MUST_CHECK;
/*
 * request_load: the bare public key of a working certificate request: CMS SignedData over a SubjectPublicKeyInfo,
 * signed by an identity of role mtms of this CA (R1.1). ERR_REFUSED for any fault of signature, chain or role.
 */
enum err request_load(const struct ca *ca, const char *path, EVP_PKEY **ret, struct fail *f) MUST_CHECK;

#endif
