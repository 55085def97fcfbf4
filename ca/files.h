/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_FILES_H
#define CA_FILES_H

#include <openssl/x509.h>

#include "err.h"

/*
 * Files that the CA hands out, by file_create of host/file.h: one that is there is never overwritten. The keys of
 * subjects are PEM PKCS#8 of mode 0600; the CA's own stand in its token.
 *
 * Errors: ERR_IO (open, write, mode), ERR_BAD_DATA (not PEM, not DER), ERR_USAGE (the file is there).
 */
/* key_new: a subject's key pair: type `ec` (P-256) or `rsa` (3072 bits). */
enum err key_new(const char *type, EVP_PKEY **ret, struct fail *f) MUST_CHECK;
enum err key_save(const char *path, EVP_PKEY *key, struct fail *f) MUST_CHECK;

/* certificate_save: one certificate, PEM, mode 0644. certificate_load: PEM or DER. certificate_pem: appended. */
enum err certificate_save(const char *path, X509 *cert, struct fail *f) MUST_CHECK;
enum err certificate_load(const char *path, X509 **ret, struct fail *f) MUST_CHECK;
enum err certificate_pem(X509 *cert, struct buf *out, struct fail *f) MUST_CHECK;

#endif
