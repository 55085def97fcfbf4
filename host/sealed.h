/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_SEALED_H
#define HOST_SEALED_H

#include "pk11.h"

/*
 * Small secrets that a program needs itself (a mail account's password), kept in the token: a private CKO_DATA object
 * per name, CKA_APPLICATION "strongroom", CKA_LABEL the name, CKA_VALUE a number (8 bytes) and the secret. PKCS#11 2.40
 * alone; a token seals its private objects.
 *
 * sealed_put: makes an object with the next number, then destroys older ones: killed in between it leaves two, of which
 *   the higher number counts. ERR_TOKEN.
 * sealed_get: at most SEALED_MAX bytes, and a zero byte behind them that is not counted. ERR_NOT_FOUND: nothing of this
 *   name. ret: secret, must be empty.
 * sealed_remove: *ret_found false: there was none.
 */
#define SEALED_MAX 1024
enum err sealed_put(struct pk11 *p, const char *name, const struct secret *value, struct fail *f) MUST_CHECK;
enum err sealed_get(struct pk11 *p, const char *name, struct secret *ret, struct fail *f) MUST_CHECK;
enum err sealed_remove(struct pk11 *p, const char *name, bool *ret_found, struct fail *f) MUST_CHECK;

#endif
