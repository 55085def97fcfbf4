/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_OPEN_H
#define CA_OPEN_H

#include <openssl/x509.h>

#include "audit.h"

/*
 * struct ca: an open certification authority. Its folder holds ca.db, which is its index: roots, every certificate that
 * was ever signed, revocations, audit. Beside it, made from it: root.pem (HsmRCRT, the newest root), root-N.pem (each),
 * roots.pem (all, the newest first) and crl.pem. The private keys of the roots stand in PKCS#11 tokens; ca.db knows the
 * URIs.
 */
struct ca {
	char folder[3072];
	struct db *db;
	int64_t newest; /* of the roots: 1, 2, ... */
	int64_t number; /* of the root that issues */
	X509 *root;
	EVP_PKEY *key; /* signs in its token; NULL: opened to read */
	char pin_file[1024];
	char crl_url[512]; /* "": certificates name no distribution point */
};

enum ca_mode { CA_READ, CA_SIGN };
/*
 * ca_open: pin_file NULL: the PIN is where the URI of the key says. ERR_NOT_FOUND: no CA in this folder; ERR_CONFIG,
 * ERR_KEY_MISSING, ERR_TOKEN: of the key.
 */
enum err ca_open(const char *folder, enum ca_mode mode, const char *pin_file, struct ca *ret,
		 struct fail *f) MUST_CHECK;
void ca_done(struct ca *ca);

/* ca_use_root: an older root that issues, instead of the newest. ERR_NOT_FOUND. */
enum err ca_use_root(struct ca *ca, int64_t number, struct fail *f) MUST_CHECK;
/* ca_root: a root by its number. ca_root_key: its key, which signs. */
enum err ca_root(const struct ca *ca, int64_t number, X509 **ret, struct fail *f) MUST_CHECK;
enum err ca_root_key(const struct ca *ca, int64_t number, X509 *root, EVP_PKEY **ret, struct fail *f) MUST_CHECK;

/* ca_path: a file of the folder. */
enum err ca_path(const char *folder, const char *name, char ret[4096], struct fail *f) MUST_CHECK;

struct ca_init {
	const char *folder;
	const char *uri;      /* pkcs11:token=...;object=...; the name of the key may be missing: `ca-root-N` */
	const char *pin_file; /* NULL: pin-source of the URI */
	const char *key_type; /* NULL: ec-p256 */
	const char *name;     /* NULL: HsmRCRT */
	const char *crl_url;  /* NULL: none */
	unsigned days;        /* 0: the profile's */
	bool use_key;         /* the key is there already */
	bool next; /* the next root of a CA that is there: same name, new key, cross-certificates both ways */
};
/*
 * ca_init: makes the root's key pair in the token and the self-signed root, durable in ca.db before any file is
 * written. ERR_USAGE: a PIN in the URI, a folder that holds a CA already (or none, with next); ERR_DUPLICATE: the token
 * holds a key of that name.
 */
enum err ca_init(const struct ca_init *how, struct fail *f) MUST_CHECK;

#endif
