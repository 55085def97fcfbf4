/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_IDENTITY_H
#define HOST_IDENTITY_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "conf.h"
#include "db.h"
#include "err.h"

/*
 * X.509 identities and their roles (R2.3). A role is one extended key usage below the arc IDENTITY_ARC, asked for
 * besides clientAuth/serverAuth (TLS) and checked on every peer; a certificate has exactly one role.
 */
#define IDENTITY_ARC "2.25.57539697553755328872825861027690423744"

#define ROLE_LIST(X)                                                                                                   \
	X(ROLE_NONE, "none", "")                                                                                       \
	X(ROLE_CA, "ca", "")                                                                                           \
	X(ROLE_HSM, "hsm", IDENTITY_ARC ".1")                                                                          \
	X(ROLE_OPTERM, "opterm", IDENTITY_ARC ".2")                                                                    \
	X(ROLE_OPERATOR, "operator", IDENTITY_ARC ".3")                                                                \
	X(ROLE_MTMS, "mtms", IDENTITY_ARC ".4")                                                                        \
	X(ROLE_DC, "dc", IDENTITY_ARC ".5")                                                                            \
	X(ROLE_KMS, "kms", IDENTITY_ARC ".6")

enum role {
#define ROLE_ENUM(role, name, oid) role,
	ROLE_LIST(ROLE_ENUM)
#undef ROLE_ENUM
	    ROLE_COUNT
};
#define ROLE_BIT(role) (1U << (role))

/* role_name: as in configurations and texts; unknown numbers are "none". role_of_name: ROLE_NONE: unknown. */
const char *role_name(enum role r);
enum role role_of_name(const char *name);
/* role_oid: dotted OID, or "" (none, ca). */
const char *role_oid(enum role r);

/* identity_cert_role: the role of a certificate; none or several role OIDs, or a CA certificate: ROLE_NONE, ROLE_CA. */
enum role identity_cert_role(X509 *cert);
/*
 * identity_cert_name: the subject's common name, printable, at most room - 1 bytes; "?" without one. It is the name of
 * the holder wherever a message or a file names one (docs/ca.md, Names).
 */
#define IDENTITY_NAME 128
void identity_cert_name(X509 *cert, char *ret, size_t room);

/*
 * identity_check: cert chains to a root in roots (NULL chain: directly), is valid at time at (0: now) and has this
 * role. With a revocation list (identity_crl) it must not be revoked; for a time at before now: not revoked then, nor
 * since with the reason that its key may be known, or without a reason. ERR_REFUSED with the reason;
 * ERR_CONFIG: our revocation list is not there, broken or expired: nobody can tell, ask again.
 */
enum err identity_check(X509_STORE *roots, STACK_OF(X509) * chain, X509 *cert, enum role role, time_t at,
			struct fail *f) MUST_CHECK;
/* identity_roots: a store of the PEM certificates of a file, at least one. Free with X509_STORE_free. */
enum err identity_roots(const char *ca_file, X509_STORE **ret, struct fail *f) MUST_CHECK;
/*
 * identity_crl: from now on every check against these roots, of TLS peers, CMS signers and working certificates, asks
 * the revocation lists of this file too: PEM, several, or DER of one. Each root that has not expired must have one in
 * it, signed by its key and not expired. The file is looked at before each check and read again when it changed; while
 * it is not there, broken, expired, or has a lower CRL number than the one before, every certificate is refused. Once
 * per store. ERR_CONFIG: what is wrong with it now.
 */
enum err identity_crl(X509_STORE *roots, const char *crl_file, struct fail *f) MUST_CHECK;
/*
 * identity_crl_remember: the highest CRL number of each root stands in the table crl_seen of this database (a step of
 * the service's schema), so that a list that was replaced serves nobody after a restart either, nor, a moment after it
 * was read, where another process on this database has seen a newer one. A thread of its own writes: no check waits for
 * the database. db: a handle for nobody else, from now on the roots'; freed at once where they have no list, or on an
 * error. Before others use the roots.
 * ERR_CONFIG: the list that is there now is older than one before.
 */
#define CRL_SEEN_SCHEMA                                                                                                \
	"CREATE TABLE crl_seen (issuer @TEXT PRIMARY KEY, name @TEXT NOT NULL, number @TEXT NOT NULL,"                 \
	" seen @INT NOT NULL);"
enum err identity_crl_remember(X509_STORE *roots, struct db *db, struct fail *f) MUST_CHECK;
/* identity_verify_text: an X509_V_ERR_* for the operator; of a revocation list what is wrong with it. */
void identity_verify_text(X509_STORE *roots, long error, char ret[256]);
/* identity_cert_load: the first certificate of a file, PEM or DER. identity_cert_parse: exactly one certificate, DER.
 */
enum err identity_cert_load(const char *path, X509 **ret, struct fail *f) MUST_CHECK;
enum err identity_cert_parse(struct view der, X509 **ret, struct fail *f) MUST_CHECK;
enum err identity_cert_der(X509 *cert, struct buf *ret, struct fail *f) MUST_CHECK;
/* identity_cert_serial: the INTEGER's content as in formats.md, 1 to 20 bytes, appended. */
enum err identity_cert_serial(X509 *cert, struct buf *ret, struct fail *f) MUST_CHECK;

/* An identity of our own: certificate, key (file with mode 0600, not encrypted; or in a token), roots. */
struct identity {
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* what follows the first certificate in the file; may be NULL */
	X509_STORE *roots;
	enum role role;
	char name[IDENTITY_NAME];
	char ca_file[512];
};
/* identity_load: role ROLE_NONE: any. key_file: a path, or the PKCS#11 URI of a key that signs in its token.
 * ERR_CONFIG: file, mode, key does not fit the certificate, not of that role. */
enum err identity_load(const char *cert_file, const char *key_file, const char *ca_file, enum role role,
		       struct identity **ret, struct fail *f) MUST_CHECK;
void identity_free(struct identity *i);

/*
 * The section [identity] of a configuration, for a key table: fallback CONF_REQUIRED or NULL, role as text.
 * identity_configured: the identity that it names. ERR_CONFIG.
 */
#define IDENTITY_KEYS(fallback, role)                                                                                  \
	{ "identity", "certificate", (fallback), "our certificate, role " role ", PEM" },                              \
	    { "identity", "key", (fallback), "its key: PEM file, mode 0600, or a PKCS#11 URI with pin-source" },       \
	    { "identity", "ca", (fallback), "root certificates, PEM" },                                                \
	{                                                                                                              \
		"identity", "crl", NULL, "revocation lists of the roots, PEM or DER; read again when it changes"       \
	}
enum err identity_configured(const struct conf *c, enum role role, struct identity **ret, struct fail *f) MUST_CHECK;
/*
 * identity_own_name: the name in the certificate of the section [identity], and nothing else of it. configured: what
 * the configuration calls us under key, NULL: nothing. ERR_CONFIG: that is another name, the certificate cannot be
 * read, or its name is not 1 to max of [A-Za-z0-9._-]. ret: room for max + 1.
 */
enum err identity_own_name(const struct conf *c, const char *key, const char *configured, size_t max, char *ret,
			   struct fail *f) MUST_CHECK;

/*
 * identity_ssl_ctx: TLS 1.2 and above, our certificate, peer's certificate required and chained to our roots with
 * clientAuth or serverAuth; peers: ROLE_BITs that are let in, checked in the handshake. Free with SSL_CTX_free.
 */
enum err identity_ssl_ctx(const struct identity *i, bool server, unsigned peers, SSL_CTX **ret,
			  struct fail *f) MUST_CHECK;
/* identity_ssl_ctx_peers: adds the same peer check to a context that somebody else made (libcurl's). */
enum err identity_ssl_ctx_peers(const struct identity *i, bool server, unsigned peers, SSL_CTX *ctx,
				struct fail *f) MUST_CHECK;

/* identity_ssl_ctx_name: of these peers only one whose certificate has this name (NULL: any); it must outlive ctx. */
enum err identity_ssl_ctx_name(SSL_CTX *ctx, const char *name, struct fail *f) MUST_CHECK;

/* The other side of a connection. */
struct identity_peer {
	enum role role;
	char name[IDENTITY_NAME];
};
/* identity_ssl_peer: after the handshake; ROLE_NONE and "" without a certificate. */
void identity_ssl_peer(const SSL *ssl, struct identity_peer *ret);
/*
 * identity_ssl_check: a connection may last longer than its peer's certificate: is that still good, and on no
 * revocation list, now? Before each request. ERR_REFUSED (R2.3).
 */
enum err identity_ssl_check(const SSL *ssl, X509_STORE *roots, struct fail *f) MUST_CHECK;

#endif
