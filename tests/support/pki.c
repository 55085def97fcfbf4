/* SPDX-License-Identifier: BSD-2-Clause */
#include "pki.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "pki: %s failed\n", #x);                                                       \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	MUST(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *blank(const char *name, EVP_PKEY *public, long from, long until)
{
	X509 *x = X509_new();
	unsigned char serial[16];
	BIGNUM *bn = NULL;
	MUST(x != NULL && RAND_bytes(serial, sizeof(serial)) == 1);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	MUST((bn = BN_bin2bn(serial, sizeof(serial), NULL)) != NULL);
	MUST(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL);
	BN_free(bn);
	X509_NAME *n = X509_get_subject_name(x);
	MUST(X509_set_version(x, 2) == 1 && X509_set_pubkey(x, public) == 1);
	MUST(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(x), from != 0 ? from : -3600) != NULL);
	MUST(X509_gmtime_adj(X509_getm_notAfter(x), until != 0 ? until : 86400) != NULL);
	return x;
}

void pki_init(struct pki *p, const char *dir, const char *name)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "%s", dir);
	snprintf(p->root_pem, sizeof(p->root_pem), "%s/%s.pem", dir, name);
	p->key = EVP_EC_gen("P-256");
	MUST(p->key != NULL);
	p->cert = blank(name, p->key, -7200, 7 * 86400);
	MUST(X509_set_issuer_name(p->cert, X509_get_subject_name(p->cert)) == 1);
	extend(p->cert, p->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(p->cert, p->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(p->cert, p->cert, NID_subject_key_identifier, "hash");
	MUST(X509_sign(p->cert, p->key, EVP_sha256()) > 0);
	pki_write(p->cert, p->root_pem);
}

void pki_done(struct pki *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	memset(p, 0, sizeof(*p));
}

X509 *pki_issue(const struct pki *p, EVP_PKEY *public, const struct pki_cert *c)
{
	X509 *x = blank(c->name, public, c->from, c->until);
	MUST(X509_set_issuer_name(x, X509_get_subject_name(p->cert)) == 1);
	extend(x, p->cert, NID_basic_constraints, c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(x, p->cert, NID_key_usage, c->key_usage != NULL ? c->key_usage : "critical,digitalSignature");
	extend(x, p->cert, NID_subject_key_identifier, "hash");
	extend(x, p->cert, NID_authority_key_identifier, "keyid");
	if (c->usages != NULL)
		extend(x, p->cert, NID_ext_key_usage, c->usages);
	if (c->local)
		extend(x, p->cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	MUST(X509_sign(x, p->key, EVP_sha256()) > 0);
	return x;
}

void pki_identity(const struct pki *p, enum role role, const char *name)
{
	char usages[160], path[300];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	MUST(key != NULL);
	snprintf(usages, sizeof(usages), "serverAuth,clientAuth,%s", role_oid(role));
	X509 *x = pki_issue(p, key, &(struct pki_cert){ .name = name, .usages = usages, .local = true });
	snprintf(path, sizeof(path), "%s/%s.crt", p->dir, name);
	pki_write(x, path);
	snprintf(path, sizeof(path), "%s/%s.key", p->dir, name);
	mode_t old = umask(077);
	FILE *f = fopen(path, "w");
	umask(old);
	MUST(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

void pki_der(X509 *x, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	MUST(n > 0);
	buf_put(ret, der, (size_t)n);
	OPENSSL_free(der);
	MUST(buf_ok(ret));
}

void pki_write(X509 *x, const char *path)
{
	FILE *f = fopen(path, "w");
	MUST(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0);
}
