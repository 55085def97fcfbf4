/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_DUAL_OWN_H
#define HSM_DUAL_OWN_H

#include "dual.h"

/* Inside of dual*.c. */
struct dual_row {
	CK_ULONG action;  /* SR_ACTION_* */
	const char *name; /* in the audit trail and the command */
	uint32_t bit;     /* the token asks only when this is chosen; 0: always */
	/* The subject as it is compared, from what somebody gave; false: no such subject. */
	CK_RV (*subject)(struct token *t, struct store_txn *txn, struct view given, struct buf *out);
};
/* dual_row: NULL: no such action. */
const struct dual_row *dual_row(CK_ULONG action);

/* dual_now: fills in the times of an approval that is made now. */
void dual_now(struct dual_approval *a);
/* dual_drop_expired: approvals that live no more. */
void dual_drop_expired(struct dual_state *d);
/*
 * dual_counts: does the approval live, and is who made it still who he was: a custodian with a PIN of his own, of the
 * council where there is one?
 */
CK_RV dual_counts(struct store_txn *txn, const struct dual_state *d, const struct dual_approval *a,
		  bool *ret) MUST_CHECK;
/* dual_member: is the user with this internal id of the council? */
bool dual_member(const struct dual_state *d, const uint8_t id[STORE_ID_LEN]);

#endif
