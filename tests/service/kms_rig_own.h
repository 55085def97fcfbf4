/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_KMS_RIG_OWN_H
#define TESTS_KMS_RIG_OWN_H

#include "kms_rig.h"

/* rig_die: text on stderr, abort. */
_Noreturn void rig_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* rig_database: r->database, on the engine of the environment. */
void rig_database(struct rig *r);

/* rig_kept: the folder target with what make puts into one; STRONGROOM_TOKEN_DIR is the caller's. KEPT: made once. */
void rig_kept(const char *module, const char *target, void (*make)(const char *folder));

/* rig_run: a shell command, which must succeed. */
void rig_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* rig_identities: a CA, its key in a token of SoftHSMv2, and the identities of its roles. */
void rig_identities(struct rig *r);

#endif
