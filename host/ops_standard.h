/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_OPS_STANDARD_H
#define HOST_OPS_STANDARD_H

#include "ops_own.h"

/* Inside of ops_standard*.c only. */
enum err standard_tk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tmk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tmk_export(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tmk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_prove(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_fingerprint(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_fpk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_srk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tk_find(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_tmk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_wk_make(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_wk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_wk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);
enum err standard_wk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);

/* standard_check_use: what a key must be allowed so that its check value can be computed (CKF_*). */
CK_FLAGS standard_check_use(uint8_t type);
/* standard_auk_uses: of an AUK by handshake version, with its check value. */
CK_FLAGS standard_auk_uses(uint8_t type, uint8_t handshake);
/* standard_uses: every usage attribute of a secret key, yes or no: tokens differ in what absent ones mean. */
void standard_uses(struct template *t, CK_FLAGS uses);
/* standard_suite: ERR_CONFIG for suite 3, whose key blocks no composition of standard calls makes or opens. */
enum err standard_suite(uint8_t suite, struct fail *f) MUST_CHECK;
/* standard_suite_key: PK or MAK; ERR_BAD_DATA when the suite goes with another type. */
enum err standard_suite_key(struct pk11_session *s, struct pk11_key *key, uint8_t suite, CK_OBJECT_HANDLE *ret,
			    struct fail *f) MUST_CHECK;
/* standard_length: an unwrapped key is of the type and length that its attributes say. */
enum err standard_length(struct pk11_session *s, CK_OBJECT_HANDLE key, const struct key_attrs *attrs,
			 struct fail *f) MUST_CHECK;

#endif
