/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "file.h"
#include "files.h"

enum err key_new(const char *type, EVP_PKEY **ret, struct fail *f)
{
	EVP_PKEY *key;

	if (!strcmp(type, "ec"))
		key = EVP_EC_gen("P-256");
	else if (!strcmp(type, "rsa"))
		key = EVP_RSA_gen(3072);
	else
		return fail_set(f, ERR_USAGE, 0, "key type %s: ec or rsa", type);
	if (!key)
		return fail_set(f, ERR_INTERNAL, 0, "cannot make a key pair");
	*ret = key;
	return ERR_OK;
}

/* The PEM text of a key stands in OpenSSL's secure BIO, which wipes its memory when it is freed. */
enum err key_save(const char *path, EVP_PKEY *key, struct fail *f)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	enum err e;
	char *p = NULL;
	long n;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		e = fail_set(f, ERR_INTERNAL, 0, "cannot write the key");
		goto out;
	}
	n = BIO_get_mem_data(bio, &p);
	e = file_create(path, 0600, VIEW(p, (size_t)n), f);
	OPENSSL_cleanse(p, (size_t)n);
out:
	BIO_free(bio);
	return e;
}

enum err certificate_pem(X509 *cert, struct buf *out, struct fail *f)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	bool ok = bio && PEM_write_bio_X509(bio, cert);

	if (ok) {
		long n = BIO_get_mem_data(bio, &p);
		buf_put(out, p, (size_t)n);
	}
	BIO_free(bio);
	return ok && buf_ok(out) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "cannot write the certificate");
}

enum err certificate_save(const char *path, X509 *cert, struct fail *f)
{
	BUF_AUTO pem = { 0 };
	enum err e = certificate_pem(cert, &pem, f);

	return e ? e : file_create(path, 0644, buf_view(&pem), f);
}

enum err certificate_load(const char *path, X509 **ret, struct fail *f)
{
	BIO *bio = BIO_new_file(path, "rb");
	X509 *cert;

	if (!bio) {
		ERR_clear_error();
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	}
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!cert && BIO_reset(bio) == 0)
		cert = d2i_X509_bio(bio, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!cert)
		return fail_set(f, ERR_BAD_DATA, 0, "%s holds no certificate", path);
	*ret = cert;
	return ERR_OK;
}
