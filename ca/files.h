/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_FILES_H
#define CA_FILES_H

#include <sys/types.h>
#include <openssl/x509.h>

#include "err.h"

/*
 * Files that the CA hands out. The keys of subjects are PEM PKCS#8 of mode 0600; the CA's own stand in its token. A
 * file is written under a temporary name, synced and linked into place: one that is there is never overwritten, but by
 * files_replace, which renames over it.
 *
 * Errors: ERR_IO (open, write, mode), ERR_BAD_DATA (not PEM, not DER), ERR_USAGE (the file is there).
 */
enum err files_write(const char *path, struct view content, mode_t mode, struct fail *f) MUST_CHECK;
enum err files_replace(const char *path, struct view content, mode_t mode, struct fail *f) MUST_CHECK;
/* files_absent: ERR_USAGE when there is something under this name, before work is done for it. */
enum err files_absent(const char *path, struct fail *f) MUST_CHECK;
/* files_read: at most 1 MiB. */
enum err files_read(const char *path, struct buf *out, struct fail *f) MUST_CHECK;

/* key_new: a subject's key pair: type `ec` (P-256) or `rsa` (3072 bits). */
enum err key_new(const char *type, EVP_PKEY **ret, struct fail *f) MUST_CHECK;
enum err key_save(const char *path, EVP_PKEY *key, struct fail *f) MUST_CHECK;

/* certificate_save: one certificate, PEM, mode 0644. certificate_load: PEM or DER. certificate_pem: appended. */
enum err certificate_save(const char *path, X509 *cert, struct fail *f) MUST_CHECK;
enum err certificate_load(const char *path, X509 **ret, struct fail *f) MUST_CHECK;
enum err certificate_pem(X509 *cert, struct buf *out, struct fail *f) MUST_CHECK;

#endif
