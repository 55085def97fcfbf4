/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_VERIFY_H
#define HSM_VERIFY_H

#include "session.h"
#include "token.h"
#include "vendor_functions.h"

/*
 * struct verify: what verify_token fills in. findings: room of the caller's, count of them used; state.ulFindings goes
 * on counting. damaged: one of them is more than a usage that nothing proves, which an earlier life of a token of
 * schema 1 leaves behind, too, and which only makes its key be refused.
 */
struct verify {
	struct sr_verify_state state;
	struct sr_finding *findings;
	size_t room;
	size_t count;
	bool damaged;
};

/*
 * verify_token: reads and proves all of a token: pages, object records, indexes, directory, users, policy, usages, the
 * records of the token itself, the audit trail; as far as the keys are there (logged in or not). What is wrong is a
 * finding, and no error. Errors: CKR_HOST_MEMORY, store errors that let nothing be read.
 */
CK_RV verify_token(struct token *t, struct verify *v) MUST_CHECK;
/* verify_repair: the SO in a R/W session: indexes and directory anew from the records. CKR_USER_NOT_LOGGED_IN. */
CK_RV verify_repair(struct session *s, struct verify *v) MUST_CHECK;

#endif
