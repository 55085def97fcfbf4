/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_FILES_H
#define CA_FILES_H

#include <sys/types.h>
#include <openssl/x509.h>

#include "err.h"

/*
 * Files of the CA. Keys are PEM PKCS#8, made with mode 0600 and refused when anybody else may read them. A file is
 * written under a temporary name, synced and linked into place; a file that is there is never overwritten.
 *
 * Errors: ERR_IO (open, write, mode), ERR_BAD_DATA (not PEM, not DER), ERR_USAGE (the file is there).
 */
enum err files_write(const char *path, struct view content, mode_t mode, struct fail *f) MUST_CHECK;
/* files_read: at most 1 MiB. */
enum err files_read(const char *path, struct buf *out, struct fail *f) MUST_CHECK;

/* key_new: type `ec` (P-256) or `rsa` (3072 bits). */
enum err key_new(const char *type, EVP_PKEY **ret, struct fail *f) MUST_CHECK;
enum err key_save(const char *path, EVP_PKEY *key, struct fail *f) MUST_CHECK;
enum err key_load(const char *path, EVP_PKEY **ret, struct fail *f) MUST_CHECK;

/* certificate_save, certificate_load: one certificate, PEM, mode 0644. */
enum err certificate_save(const char *path, X509 *cert, struct fail *f) MUST_CHECK;
enum err certificate_load(const char *path, X509 **ret, struct fail *f) MUST_CHECK;

#endif
