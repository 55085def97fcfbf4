/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "files.h"

#define FILES_MAX ((size_t)1 << 20)

static enum err write_all(int fd, struct view v, const char *path, struct fail *f)
{
	while (v.n) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
		v = VIEW(v.p + n, v.n - (size_t)n);
	}
	if (fsync(fd))
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	return ERR_OK;
}

static enum err sync_folder(const char *path, struct fail *f)
{
	char copy[PATH_MAX];
	int fd;
	enum err e = ERR_OK;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return e;
}

/* put: link into place, or rename over what is there. */
static enum err put(const char *part, const char *path, bool over, struct fail *f)
{
	if (over ? !rename(part, path) : !link(part, path))
		return ERR_OK;
	return errno == EEXIST ? fail_set(f, ERR_USAGE, 0, "%s is there already", path)
			       : fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
}

static enum err write_file(const char *path, struct view content, mode_t mode, bool over, struct fail *f)
{
	char part[PATH_MAX];
	enum err e;
	int fd;

	if (snprintf(part, sizeof(part), "%s.XXXXXX", path) >= (int)sizeof(part))
		return fail_set(f, ERR_USAGE, 0, "%s: name too long", path);
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	e = write_all(fd, content, path, f);
	if (!e && fchmod(fd, mode))
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (!e)
		e = put(part, path, over, f);
	if (close(fd) && !e)
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (e || !over)
		unlink(part);
	return e ? e : sync_folder(path, f);
}

enum err files_write(const char *path, struct view content, mode_t mode, struct fail *f)
{
	return write_file(path, content, mode, false, f);
}

enum err files_replace(const char *path, struct view content, mode_t mode, struct fail *f)
{
	return write_file(path, content, mode, true, f);
}

enum err files_absent(const char *path, struct fail *f)
{
	struct stat st;

	return lstat(path, &st) ? ERR_OK : fail_set(f, ERR_USAGE, 0, "%s is there already", path);
}

enum err files_read(const char *path, struct buf *out, struct fail *f)
{
	uint8_t block[4096];
	enum err e = ERR_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
		if (n <= 0)
			break;
		buf_put(out, block, (size_t)n);
		if (out->len > FILES_MAX) {
			e = fail_set(f, ERR_BAD_DATA, 0, "%s is too long", path);
			break;
		}
	}
	close(fd);
	if (!e && !buf_ok(out))
		e = fail_set(f, ERR_NO_MEMORY, 0, "%s: no memory", path);
	return e;
}

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
	e = files_write(path, VIEW(p, (size_t)n), 0600, f);
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

	return e ? e : files_write(path, buf_view(&pem), 0644, f);
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
