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

enum err files_write(const char *path, struct view content, mode_t mode, struct fail *f)
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
	if (!e && link(part, path))
		e = errno == EEXIST ? fail_set(f, ERR_USAGE, 0, "%s is there already", path)
				    : fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (close(fd) && !e)
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	unlink(part);
	return e ? e : sync_folder(path, f);
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

enum err key_load(const char *path, EVP_PKEY **ret, struct fail *f)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	char empty[1] = ""; /* as password: never ask on the terminal */
	EVP_PKEY *key;
	enum err e = ERR_OK;

	if (!file)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &st) || (st.st_mode & 077)) {
		e = fail_set(f, ERR_IO, 0, "%s: a key file must have mode 0600", path);
		goto out;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no second copy of the key in a stdio buffer */
	key = PEM_read_PrivateKey(file, NULL, NULL, empty);
	if (!key)
		e = fail_set(f, ERR_BAD_DATA, 0, "%s holds no PEM private key", path);
	else
		*ret = key;
out:
	fclose(file);
	return e;
}

enum err certificate_save(const char *path, X509 *cert, struct fail *f)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err e;
	char *p = NULL;
	long n;

	if (!bio || !PEM_write_bio_X509(bio, cert)) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "cannot write the certificate");
		goto out;
	}
	n = BIO_get_mem_data(bio, &p);
	e = files_write(path, VIEW(p, (size_t)n), 0644, f);
out:
	BIO_free(bio);
	return e;
}

enum err certificate_load(const char *path, X509 **ret, struct fail *f)
{
	FILE *file = fopen(path, "re");
	X509 *cert;

	if (!file)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (!cert)
		return fail_set(f, ERR_BAD_DATA, 0, "%s holds no PEM certificate", path);
	*ret = cert;
	return ERR_OK;
}
