/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SR_STATEMENT_H
#define HSM_SR_STATEMENT_H

#include "bytes.h"

/*
 * The statement key of a token as SR_GetStatementKey gives it: SubjectPublicKeyInfo (DER) of an Ed25519 key, whose 32
 * bytes stand at its end. statement_info_ok: is this one?
 */
#define STATEMENT_INFO_LEN 44
bool statement_info_ok(struct view info) MUST_CHECK;

#endif
