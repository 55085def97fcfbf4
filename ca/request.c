/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/pem.h>

#include "cms.h"
#include "files.h"
#include "issue.h"

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

enum err request_load(const struct ca *ca, const char *path, EVP_PKEY **ret, struct fail *f)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };
	X509_STORE *roots = X509_STORE_new();
	struct cms_signer signer;
	const unsigned char *p;
	EVP_PKEY *key;
	enum err e;

	e = roots && X509_STORE_add_cert(roots, ca->root) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!e)
		e = files_read(path, &der, f);
	if (!e)
		e = cms_verify(roots, ROLE_MTMS, 0, buf_view(&der), &content, &signer, f);
	X509_STORE_free(roots);
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
