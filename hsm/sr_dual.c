/* SPDX-License-Identifier: BSD-2-Clause */
/* Approvals by custodians, and what they open: the functions of vendor_functions.h. */
#include "sr_functions.h"

#include <stdlib.h>
#include <string.h>

#include "dual_own.h"
#include "module.h"
#include "object_change.h"
#include "recover.h"
#include "session.h"
#include "store_rv.h"
#include "user.h"

_Static_assert(sizeof(((struct sr_approval *)NULL)->szSubject) > DUAL_SUBJECT_MAX, "room for a subject");

static bool given_ok(const void *p, CK_ULONG n)
{
	return p != NULL || n == 0;
}

static CK_RV approve(struct session *s, CK_ULONG action, const CK_UTF8CHAR *subject, CK_ULONG len)
{
	return given_ok(subject, len) ? dual_approve(s, action, VIEW(subject, len)) : CKR_ARGUMENTS_BAD;
}

CK_RV SR_Approve(CK_SESSION_HANDLE session, CK_ULONG action, CK_UTF8CHAR_PTR subject, CK_ULONG len)
{
	CALL_SESSION(session, 0, approve(call_s, action, subject, len));
}

static CK_RV withdraw(struct session *s, CK_ULONG action, const CK_UTF8CHAR *subject, CK_ULONG len)
{
	return given_ok(subject, len) ? dual_withdraw(s, action, VIEW(subject, len)) : CKR_ARGUMENTS_BAD;
}

CK_RV SR_Withdraw(CK_SESSION_HANDLE session, CK_ULONG action, CK_UTF8CHAR_PTR subject, CK_ULONG len)
{
	CALL_SESSION(session, 0, withdraw(call_s, action, subject, len));
}

/* show: those that still live. */
static CK_RV show(struct store_txn *txn, const struct dual_state *d, struct sr_approval *out, CK_ULONG room,
		  CK_ULONG *ret_n)
{
	CK_ULONG n = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct dual_approval *a = &d->approval[i];
		uint64_t left = dual_alive(a);
		bool good = false;
		CK_RV rv;

		if (left == 0)
			continue;
		if (out != NULL && n < room) {
			rv = dual_counts(txn, d, a, &good);
			if (rv != CKR_OK)
				return rv;
			out[n] = (struct sr_approval){ .ulAction = a->action,
						       .ulSecondsLeft = (left + 999) / 1000,
						       .flags = good ? SR_APPROVAL_COUNTS : 0 };
			memcpy(out[n].szCustodian, a->name, sizeof(a->name));
			memcpy(out[n].szSubject, a->subject, sizeof(a->subject));
		}
		n++;
	}
	*ret_n = n;
	return CKR_OK;
}

static CK_RV get_approvals(struct session *s, struct sr_approval *approvals, CK_ULONG *count)
{
	struct dual_state *d = NULL;
	struct store_txn *txn = NULL;
	CK_ULONG n = 0;
	CK_RV rv = count != NULL ? store_rv(store_begin(token_store(s->token), false, &txn)) : CKR_ARGUMENTS_BAD;

	if (rv != CKR_OK)
		return rv;
	rv = dual_load(s->token, txn, &d);
	if (rv == CKR_OK)
		rv = show(txn, d, approvals, *count, &n);
	store_abort(txn);
	free(d);
	if (rv != CKR_OK)
		return rv;
	if (approvals != NULL && *count < n)
		rv = CKR_BUFFER_TOO_SMALL;
	*count = n;
	return rv;
}

CK_RV SR_GetApprovals(CK_SESSION_HANDLE session, struct sr_approval *approvals, CK_ULONG_PTR count)
{
	CALL_SESSION(session, 0, get_approvals(call_s, approvals, count));
}

CK_RV SR_Enrol(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG len)
{
	CALL_SESSION(session, 0, name != NULL ? dual_enrol(call_s, VIEW(name, len)) : CKR_ARGUMENTS_BAD);
}

CK_RV SR_Unlock(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG len)
{
	CALL_SESSION(session, 0, given_ok(name, len) ? recover_unlock(call_s, VIEW(name, len)) : CKR_ARGUMENTS_BAD);
}

CK_RV SR_RetireKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, object_retire(call_s, key));
}

CK_RV SR_SetSOPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	CALL_SESSION(session, 0, pin != NULL ? recover_so_pin(call_s, VIEW(pin, len)) : CKR_ARGUMENTS_BAD);
}
