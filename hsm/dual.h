/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_DUAL_H
#define HSM_DUAL_H

#include "bytes.h"
#include "ck.h"
#include "store.h"

/*
 * Dual control: what two custodians must have approved before it happens. Which actions that are stands in the token's
 * policy (a bit each), what they and the approvals look like in the rows of dual_rows.c; the rules in
 * docs/dual-control.md.
 *
 * The choice, the council (whose approvals count while there is dual control) and the approvals that wait are one
 * private record in the token, of class CKO_SR_DUAL, which no session sees. Like every object it is sealed as a whole,
 * and the store notices when an older one is put back.
 */
struct session;
struct token;

#define CKO_SR_DUAL (CKO_VENDOR_DEFINED | 0x53520002UL)

/* Bits of struct policy, dual; in the token's record, for good. */
enum {
	DUAL_EXPORT = 1u << 0,
	DUAL_POLICY = 1u << 1,
	DUAL_RESTORE = 1u << 2,
	DUAL_TRUST = 1u << 3,
};
#define DUAL_ALL (DUAL_EXPORT | DUAL_POLICY | DUAL_RESTORE | DUAL_TRUST)
/* dual_parse: `export`, `policy`, `restore`, `trust`, separated by blanks; false: another word. dual_text: the names.
 */
bool dual_parse(struct view text, uint32_t *ret) MUST_CHECK;
void dual_text(uint32_t bits, struct buf *out);

#define DUAL_LIFE_MS (60 * 60 * 1000) /* of an approval */
#define DUAL_SUBJECT_MAX 400
#define DUAL_APPROVALS_MAX 64
#define DUAL_COUNCIL_MAX 64

struct dual_approval {
	CK_ULONG action;          /* SR_ACTION_* */
	uint8_t id[STORE_ID_LEN]; /* internal id of the custodian */
	char name[40];            /* and his name */
	uint64_t wall;            /* when: milliseconds since 1970 */
	uint64_t boot;            /* and since the machine started */
	uint8_t boot_id[16];      /* that start */
	char subject[DUAL_SUBJECT_MAX + 1];
};

struct dual_state {
	uint32_t bits;
	size_t council;
	uint8_t member[DUAL_COUNCIL_MAX][STORE_ID_LEN];
	size_t count;
	struct dual_approval approval[DUAL_APPROVALS_MAX];
};

/*
 * dual_load: the record, as this transaction sees it; nothing where there is none. The caller frees *ret.
 * dual_save: writes it; approvals that have expired, or whose custodian is no more, are left out.
 * dual_bits: the choice alone.
 * Errors: CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_ERROR (not what was written, or an older one), CKR_HOST_MEMORY.
 */
CK_RV dual_load(struct token *t, struct store_txn *txn, struct dual_state **ret) MUST_CHECK;
CK_RV dual_save(struct token *t, struct store_txn *txn, struct dual_state *d) MUST_CHECK;
CK_RV dual_bits(struct token *t, struct store_txn *txn, uint32_t *ret) MUST_CHECK;

/*
 * dual_spend: called in the transaction of the act. CKR_OK: the token asks for nobody's approval of this, or two
 * custodians have approved it, none of them who is logged in, and their approvals are used up now, with an audit entry.
 * subject: as the row of the action says (dual_subject). CKR_SR_NOT_APPROVED.
 *
 * dual_spend_by_one: the same, where one of the two may be the one who acts.
 *
 * dual_approved_by_one: would dual_spend_by_one be content now? Uses nothing up; for what must not even begin else.
 *
 * dual_asks: does the token ask for approvals of this? dual_refuses: CKR_SR_NOT_APPROVED then, for what cannot be
 * approved at all.
 */
CK_RV dual_spend(struct session *s, struct store_txn *txn, CK_ULONG action, struct view subject) MUST_CHECK;
CK_RV dual_spend_by_one(struct session *s, struct store_txn *txn, CK_ULONG action, struct view subject) MUST_CHECK;
CK_RV dual_approved_by_one(struct session *s, CK_ULONG action, struct view subject) MUST_CHECK;
CK_RV dual_asks(struct session *s, CK_ULONG action, bool *ret) MUST_CHECK;
CK_RV dual_refuses(struct session *s, CK_ULONG action) MUST_CHECK;

/*
 * dual_choose: in the transaction of a change of policy: from now on the token asks for approvals of these. The first
 * choice makes the custodians of now, with PINs of their own, the council: CKR_SR_NOT_APPROVED when there are not two.
 */
CK_RV dual_choose(struct session *s, struct store_txn *txn, uint32_t bits) MUST_CHECK;

/* dual_subject_export, dual_subject_object: subjects of SR_ACTION_EXPORT and SR_ACTION_TRUST. */
struct object;
void dual_subject_export(const struct object *wrapping, const struct object *key, struct buf *out);
void dual_subject_object(const struct object *o, struct buf *out);

/*
 * What sr_dual.c calls.
 *
 * dual_subject  the subject of an action as its row writes it, from what somebody gave. CKR_ARGUMENTS_BAD: an action
 *               that there is not, or no such subject.
 * dual_approve  the logged-in custodian approves. CKR_USER_NOT_LOGGED_IN: no custodian, or (CKR_ACTION_PROHIBITED) not
 *               of the council. CKR_DEVICE_MEMORY: too many approvals wait.
 * dual_withdraw takes his approval back. CKR_OBJECT_HANDLE_INVALID: there is none.
 * dual_enrol    the SO: a custodian whom two of the council approved joins it.
 */
CK_RV dual_subject(struct token *t, struct store_txn *txn, CK_ULONG action, struct view given,
		   struct buf *out) MUST_CHECK;
CK_RV dual_approve(struct session *s, CK_ULONG action, struct view given) MUST_CHECK;
CK_RV dual_withdraw(struct session *s, CK_ULONG action, struct view given) MUST_CHECK;
CK_RV dual_enrol(struct session *s, struct view name) MUST_CHECK;
/* dual_alive: milliseconds that an approval still has; 0: expired. */
uint64_t dual_alive(const struct dual_approval *a);

#endif
