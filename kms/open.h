/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_OPEN_H
#define KMS_OPEN_H

#include "conf.h"
#include "identity.h"
#include "kms.h"

/* The configuration of kmsd; `kmsd --help-config` prints it. */
extern const struct conf_key kms_keys[];
extern const size_t kms_keys_count;

/* kms_open_db: opens or makes the database and brings its schema up to date. ERR_CONFIG, ERR_IO. */
enum err kms_open_db(const struct conf *c, struct db **ret, struct fail *f) MUST_CHECK;
/* kms_open_change: the same, and a transaction in it, which audit_settle ends. */
enum err kms_open_change(const struct conf *c, struct db **ret, struct fail *f) MUST_CHECK;
/* kms_open_token: HSM 2 and the key operations, without any key. */
enum err kms_open_token(const struct conf *c, struct kms *k, struct fail *f) MUST_CHECK;
/* kms_open_srk: database, HSM 2 and the storage key; PK and MAK are not asked for. */
enum err kms_open_srk(const struct conf *c, struct kms *k, struct fail *f) MUST_CHECK;
/* kms_open_keys: kms_open without the database: customer id, HSM 2, PK and MAK of each suite, storage key, FPK. */
enum err kms_open_keys(const struct conf *c, struct kms *k, struct fail *f) MUST_CHECK;
/*
 * kms_identity: of the section [identity], with its revocation lists. Its certificate must name our customer id: a DC
 * delivers to no other (R2.3). ERR_CONFIG.
 */
enum err kms_identity(const struct conf *c, struct identity **ret, struct fail *f) MUST_CHECK;
/* kms_open: database, token, and the keys PK, MAK and SRK, each of which must be there. kms_done takes a zero struct.
 */
enum err kms_open(const struct conf *c, struct kms *k, struct fail *f) MUST_CHECK;
void kms_done(struct kms *k);
/* kms_copy: for another thread: its own database handle, all else as k has it now. kms_copy_done takes a zero struct.
 */
enum err kms_copy(const struct kms *k, const struct conf *c, struct kms *ret, struct fail *f) MUST_CHECK;
void kms_copy_done(struct kms *k);

#endif
