/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/pem.h>

#include "cms.h"
#include "file.h"
#include "files.h"
#include "issue.h"

#define REQUEST_MAX ((size_t)1 << 20)

enum err csr_load(const char *path, EVP_PKEY **ret, struct fail *f)
{
	FILE *file = fopen(path, "re");
	X509_REQ *csr;
	EVP_PKEY *key;
	enum err e = ERR_OK;

	if (!file)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	csr = PEM_read_X509_REQ(file, NULL, NULL, NULL);
	fclose(file);
	if (!csr)
		return fail_set(f, ERR_BAD_DATA, 0, "%s holds no PEM certificate request", path);
	key = X509_REQ_get_pubkey(csr);
	if (!key || X509_REQ_verify(csr, key) != 1) {
		EVP_PKEY_free(key);
		e = fail_set(f, ERR_REFUSED, 0, "%s: the signature of the request is wrong", path);
	} else {
		*ret = key;
	}
	X509_REQ_free(csr);
	return e;
}

/* own_roots: every root of this CA. */
static enum err own_roots(const struct ca *ca, X509_STORE **ret, struct fail *f)
{
	X509_STORE *roots = X509_STORE_new();
	enum err e = roots ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");

	for (int64_t i = 1; !e && i <= ca->newest; i++) {
		X509 *root = NULL;

		e = ca_root(ca, i, &root, f);
		if (!e && !X509_STORE_add_cert(roots, root))
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
		X509_free(root);
	}
	if (e)
		X509_STORE_free(roots);
	else
		*ret = roots;
	return e;
}

static enum err not_revoked(const struct ca *ca, const char *serial, struct fail *f)
{
	int64_t count = 0;
	enum err e = db_one(ca->db, &count, f,
			    "SELECT count(*) FROM certificate WHERE serial = ? AND revoked IS NOT NULL", "t", serial);

	if (!e && count)
		e = fail_set(f, ERR_REFUSED, 0, "the request's signer, certificate %s, is revoked", serial);
	return e;
}

enum err request_load(const struct ca *ca, const char *path, EVP_PKEY **ret, struct fail *f)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };
	X509_STORE *roots = NULL;
	struct cms_signer signer;
	const unsigned char *p;
	EVP_PKEY *key;
	enum err e = own_roots(ca, &roots, f);

	if (!e)
		e = file_read(path, REQUEST_MAX, &der, f);
	if (!e)
		e = cms_verify(roots, ROLE_MTMS, 0, buf_view(&der), &content, &signer, f);
	X509_STORE_free(roots);
	if (!e)
		e = not_revoked(ca, signer.serial, f);
	if (e)
		return e;
	p = content.p;
	key = d2i_PUBKEY(NULL, &p, (long)content.len);
	if (!key || p != content.p + content.len || !EVP_PKEY_is_a(key, "RSA")) {
		EVP_PKEY_free(key);
		return fail_set(f, ERR_REFUSED, 0, "%s asks for something else than an RSA public key", path);
	}
	*ret = key;
	return ERR_OK;
}
